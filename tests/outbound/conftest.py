"""Strangers: little servers on loopback that answer, drip, hang, reset or talk nonsense."""

import contextlib
import ipaddress
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.outbound import wire


@dataclass(frozen=True)
class Heard:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[socket.socket, Heard], None]


@dataclass
class Stranger:
    """One server. It reads one request per connection and then does what its script says."""

    script: Script
    tls: ssl.SSLContext | None = None
    reads: bool = True
    heard: list[Heard] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self._closed = threading.Event()
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def _listen(self) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(OSError):
                line, _ = self._listening.accept()
                thread = threading.Thread(target=self._talk, args=(line,))
                self._threads.append(thread)
                thread.start()

    def _talk(self, line: socket.socket) -> None:
        line.settimeout(5)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(line.close)
            if self.tls:
                line = stack.enter_context(self.tls.wrap_socket(line, server_side=True))
            heard = _read(line) if self.reads else Heard("", "", {}, b"")
            self.heard.append(heard)
            self.script(line, heard)

    def close(self) -> None:
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join()


def _read(line: socket.socket) -> Heard:
    got = b""
    while b"\r\n\r\n" not in got:
        more = line.recv(65536)
        if not more:
            raise ConnectionError("the request broke off")
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    if "expect" in headers:
        line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < int(headers.get("content-length", "0")):
        body += line.recv(65536)
    method, target, _ = first.split(" ")
    return Heard(method, target, headers, body)


def response(status: int, body: object = b"", headers: dict[str, str] | None = None) -> bytes:
    """Return one whole HTTP answer; anything but bytes goes as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Length": str(len(content)), "Connection": "close", **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + content


class Strangers:
    """Starts servers and stops them when the test is over."""

    def __init__(self, authority: "Authority") -> None:
        self._authority = authority
        self._started: list[Stranger] = []
        self._over = threading.Event()

    def speaks(self, script: Script, *, tls: str = "", reads: bool = True) -> Stranger:
        """Follow a script. tls: the name on the certificate."""
        context = self._authority.server(tls) if tls else None
        self._started.append(Stranger(script, context, reads=reads))
        return self._started[-1]

    def answers(self, status: int, body: object = b"", headers=None, *, tls: str = "") -> Stranger:
        """Give every request the same answer."""
        return self.says(response(status, body, headers), tls=tls)

    def says(self, raw: bytes, *, tls: str = "") -> Stranger:
        """Say these bytes and hang up."""
        return self.speaks(lambda line, _: line.sendall(raw), tls=tls)

    def resets(self) -> Stranger:
        """Read the request, then reset the connection."""

        def script(line: socket.socket, _: Heard) -> None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        return self.speaks(script)

    def hangs(self, *, reads: bool = True) -> Stranger:
        """Take the connection and say nothing."""

        def script(_line: socket.socket, _: Heard) -> None:
            self._over.wait(5)

        return self.speaks(script, reads=reads)

    def drips(self, raw: bytes, *, pause: float = 0.05) -> Stranger:
        """Say it a byte at a time: each read succeeds, the whole never ends."""

        def script(line: socket.socket, _: Heard) -> None:
            for byte in raw:
                line.sendall(bytes([byte]))
                time.sleep(pause)

        return self.speaks(script)

    def nobody(self) -> str:
        """Return a URL on which nobody listens."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            return f"http://127.0.0.1:{taken.getsockname()[1]}"

    def network(self, **answers: tuple[str, ...]) -> wire.Network:
        """Return a network whose resolver knows these names only and trusts our authority."""

        def resolve(host: str, _port: int, _seconds: float) -> tuple[str, ...]:
            try:
                return answers[host.replace(".", "_")]
            except KeyError:
                raise socket.gaierror(socket.EAI_NONAME, "no such name") from None

        real = wire.internet()
        return wire.Network(resolve=resolve, dial=real.dial, tls=self._authority.client())

    def close(self) -> None:
        self._over.set()
        for stranger in self._started:
            stranger.close()


class Authority:
    """A certificate authority that nobody else trusts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign("authority", self._key.public_key(), is_authority=True)

    def _sign(self, name: str, key, *, is_authority: bool) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        try:
            names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(name))]
        except ValueError:
            names = [x509.DNSName(name)]
        year = timedelta(days=365)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
        made = made.public_key(key).serial_number(x509.random_serial_number())
        # The handshake reads the machine's clock, so the certificate lives around it.
        today = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
        made = made.not_valid_before(today - 10 * year).not_valid_after(today + 30 * year)
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        made = made.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        made = made.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key), critical=False
        ).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
            critical=False,
        )
        if is_authority:
            made = made.add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=True,
                    crl_sign=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
        return made.sign(self._key, hashes.SHA256())

    def server(self, name: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key.public_key(), is_authority=False)
        path = self._folder / f"{name}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def client(self) -> ssl.SSLContext:
        pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def strangers(authority) -> Iterator[Strangers]:
    started = Strangers(authority)
    yield started
    started.close()
