"""One HTTP exchange with a stranger: one deadline for all of it, size limits, nothing followed.

Why the standard library's `http.client` over our own socket, and not urllib, requests or urllib3:

- their timeouts count from one read to the next, so a peer that drips a byte a second holds a
  function for ever; here every read is given what is left of one deadline;
- they follow redirects and the environment's proxies, which undoes a checked address;
- they hide whether the request had left. A gateway that was never reached may be asked again; one
  whose answer was lost may not. `NotSent` and `NoAnswer` are that difference.

A connection serves one exchange. Reusing one would make "reset" mean either of the two.
"""

import functools
import http.client
import io
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

USER_AGENT: Final = "Lightkeeper/1"

_PRINTABLE: Final = re.compile(r"[!-~]{1,2048}\Z")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\Z")
_NUMERIC_LABEL: Final = re.compile(r"(?:\d+|0x[0-9a-f]*)\Z")
_DIALS: Final = 2  # addresses tried before giving up: one of each family


class NotSent(Exception):
    """The request did not leave this machine: no name, no route, no handshake, no time."""


class NoAnswer(Exception):
    """The request left, or may have, and no whole answer came back: nobody knows what it did."""


@dataclass(frozen=True, slots=True)
class Place:
    """A URL taken apart. `target` is the path and query as they go on the wire."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    target: str

    @property
    def is_loopback(self) -> bool:
        """Whether the host, as written, can only be this machine."""
        address = address_of(self.host)
        return self.host == "localhost" or (address is not None and address.is_loopback)

    @property
    def authority(self) -> str:
        """The Host header: brackets for IPv6, the port unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the literal address, or None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def place_of(url: str) -> Place:
    """Take a URL apart; only what every parser would read alike gets through.

    ASCII only, so that no full-width digit or look-alike dot is mapped into another host later;
    no user before the host; no number that only some resolvers read as an address (0x7f.1, 127.1).
    Raises ValueError with a slug: malformed, scheme, userinfo, host, port.
    """
    if not _PRINTABLE.match(url) or "\\" in url:
        raise ValueError("malformed")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("malformed") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("scheme")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    if "@" in parts.netloc:
        raise ValueError("userinfo")
    if port == 0:
        raise ValueError("port")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    usual = 443 if scheme == "https" else 80
    return Place(scheme=scheme, host=_host(parts.hostname or ""), port=port or usual, target=target)


def _host(host: str) -> str:
    """Return the host if it is a plain address or a name that cannot be taken for a number."""
    if address_of(host) is not None and "%" not in host:
        return host
    if not _HOST.match(host) or _NUMERIC_LABEL.match(host.rpartition(".")[2]):
        raise ValueError("host")
    return host


@dataclass(frozen=True, slots=True)
class Network:
    """How names become addresses and addresses become sockets.

    resolve(host, port, seconds) → addresses, in order of preference; OSError if there are none.
    dial(address, port, seconds) → a connected socket.
    """

    resolve: Callable[[str, int, float], tuple[str, ...]]
    dial: Callable[[str, int, float], socket.socket]
    tls: ssl.SSLContext


@functools.cache
def internet() -> Network:
    """Return the real network: the machine's resolver, its routes and its trusted roots."""
    return Network(resolve=_look_up, dial=_connect, tls=ssl.create_default_context())


def _look_up(
    host: str, port: int, seconds: float, *, ask: Callable[..., Any] = socket.getaddrinfo
) -> tuple[str, ...]:
    """Ask the resolver, which knows no timeout of its own, from a thread that may be left behind.

    IPv4 goes first: a function outside a VPC has no IPv6 way out.
    """
    answer: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def wait() -> None:
        try:
            found = ask(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            answer.put(error)
        else:
            answer.put([str(address[0]) for *_, address in found])

    threading.Thread(target=wait, daemon=True, name="resolve").start()
    try:
        addresses = answer.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError("the resolver did not answer") from None
    if isinstance(addresses, OSError):
        raise addresses
    return tuple(sorted(dict.fromkeys(addresses), key=lambda address: ":" in address))


def _connect(address: str, port: int, seconds: float) -> socket.socket:
    return socket.create_connection((address, port), timeout=seconds)


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask. `seconds` bounds all of it, name look-up to last byte.

    An answer's body longer than `max_body` bytes is no answer; with 0 the body is not read at all.
    """

    method: Literal["GET", "POST"]
    place: Place
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 5.0
    max_body: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names in lower case; of repeated headers the last."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def retry_after(self, *, default: int, most: int = 3600) -> int:
        """Return the seconds the peer asks us to wait. A date, or nonsense, is `default`."""
        asked = self.headers.get("retry-after", "").strip()
        if asked.isascii() and asked.isdigit() and len(asked) < 10:  # noqa: PLR2004 - of digits
            return min(int(asked), most)
        return default


class _Deadline:
    """What is left of the seconds given. A stopwatch, not a clock: it tells no time of day."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left. Raises TimeoutError when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


class _Reader(io.RawIOBase):
    """The reading end: each read may take what is left of the whole, and no more."""

    def __init__(self, line: socket.socket, deadline: _Deadline) -> None:
        super().__init__()
        self._line = line
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        self._line.settimeout(self._deadline.left())
        return self._line.recv_into(buffer)


class _Line:
    """The little of a socket that `http.client` asks for, under one deadline."""

    def __init__(self, line: socket.socket, deadline: _Deadline) -> None:
        self._line = line
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._line.settimeout(self._deadline.left())
        self._line.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._line, self._deadline))

    def close(self) -> None:
        """Leave it open: `http.client` lets go of its end before the body is read."""


def exchange(
    request: Request,
    *,
    network: Network | None = None,
    addresses: tuple[str, ...] | None = None,
) -> Answer:
    """Ask once and return the answer, whatever its status; redirects are answers too.

    addresses: already resolved and checked; the name is then not looked up again, but TLS still
    demands a certificate for it.
    Raises NotSent if nothing left, NoAnswer if something may have and no whole answer came.
    """
    network = network or internet()
    deadline = _Deadline(request.seconds)
    line = _open(request.place, network=network, addresses=addresses, deadline=deadline)
    with line:
        try:
            return _ask(request, line=line, deadline=deadline)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(type(error).__name__) from error


def _open(
    place: Place, *, network: Network, addresses: tuple[str, ...] | None, deadline: _Deadline
) -> socket.socket:
    """Connect to the first address that takes us, and shake hands under the name."""
    try:
        if addresses is None:
            literal = address_of(place.host) is not None
            addresses = (
                (place.host,)
                if literal
                else network.resolve(place.host, place.port, deadline.left())
            )
        line = _dial(addresses[:_DIALS], port=place.port, network=network, deadline=deadline)
        return _shake_hands(line, place=place, network=network, deadline=deadline)
    except OSError as error:
        raise NotSent(type(error).__name__) from error


def _shake_hands(
    line: socket.socket, *, place: Place, network: Network, deadline: _Deadline
) -> socket.socket:
    """Put TLS on the line where the URL says so; the certificate must be the name's."""
    if place.scheme == "http":
        return line
    try:
        line.settimeout(deadline.left())
        return network.tls.wrap_socket(line, server_hostname=place.host)
    except OSError:
        line.close()
        raise


def _dial(
    addresses: tuple[str, ...], *, port: int, network: Network, deadline: _Deadline
) -> socket.socket:
    """Try each address, sharing the time that is left evenly between those still to try."""
    failure = OSError("no address")
    for tried, address in enumerate(addresses):
        try:
            return network.dial(address, port, deadline.left() / (len(addresses) - tried))
        except OSError as error:
            failure = error
    raise failure


def _ask(request: Request, *, line: socket.socket, deadline: _Deadline) -> Answer:
    """Write the request, read the answer. OSError and HTTPException mean: no answer."""
    connection = http.client.HTTPConnection(request.place.host, request.place.port)
    connection.sock = cast("socket.socket", _Line(line, deadline))
    headers = {"Host": request.place.authority, "User-Agent": USER_AGENT, "Connection": "close"}
    body = request.body if request.method == "POST" else None
    connection.request(
        request.method, request.place.target, body=body, headers={**headers, **request.headers}
    )
    response = connection.getresponse()
    try:
        return Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=_body(response, most=request.max_body),
        )
    finally:
        response.close()


def _body(response: http.client.HTTPResponse, *, most: int) -> bytes:
    if most == 0:
        return b""
    body = response.read(most + 1)
    if len(body) > most:
        raise http.client.HTTPException("the body is over the limit")
    if response.length:  # the peer announced more than it sent; read(n) does not complain
        raise http.client.IncompleteRead(body, response.length)
    return body
