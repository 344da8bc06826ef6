"""Webhooks: signed by Standard Webhooks, delivered only to public addresses, never redirected.

A target is checked when it is registered and again at each send, and the connection goes to the
very addresses that were checked: a name that answers differently a moment later gains nothing.
The signature is HMAC-SHA256 over `<id>.<timestamp>.<payload>`; while a secret is being rotated,
the header carries one signature for each. Source: standardwebhooks.com, specification 1.0.
"""

import base64
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, Literal

from chalicelib.domain.refusal import BadInput
from chalicelib.outbound import wire

SECONDS: Final = 5.0  # for one delivery, once its name is resolved
SOON: Final = 60  # seconds until a subscriber that names no time is asked again
PORTS: Final = frozenset({443, 8443})
SECRET_BYTES: Final = range(24, 65)  # Source: specification 1.0, "Symmetric secrets"

# Everything that is not the public internet. Source: IANA special-purpose address registries.
_CLOSED_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; Alibaba's metadata 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, a public address that is not
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_OPEN_V6: Final = ipaddress.IPv6Network("2000::/3")  # global unicast; nothing else is open
_CLOSED_V6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments; Teredo carries an IPv4 address inside
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries an IPv4 address inside
        "3fff::/20",  # documentation
    )
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a subscriber wants its events.

    secrets: `whsec_…`, the newest first; two while they are being rotated.
    """

    url: str
    secrets: Sequence[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt.

    delivered: the subscriber answered 2xx. busy: it may take it later; the same `event_id` makes a
    repetition harmless. failed: it will not (410: it never wants another).
    status: of the answer; None if there was none. reason: a slug. retry_after: seconds, of busy.
    """

    kind: Literal["delivered", "busy", "failed"]
    status: int | None
    reason: str
    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """A checked target: the URL taken apart, and the only addresses to connect to."""

    place: wire.Place
    addresses: tuple[str, ...]


def check_target(
    url: str, *, allow_loopback: bool = False, network: wire.Network | None = None
) -> Target:
    """Check a subscriber's URL and resolve it. Raises BadInput naming `url` with a code.

    https on port 443 or 8443, a name or address without tricks, every address of it public.
    allow_loopback: for the local platform, where subscribers run on the same machine: any port
    and plain http, but then every address must be loopback.
    Codes: url.malformed, url.scheme, url.userinfo, url.host, url.port, url.unresolved, url.private.
    """
    try:
        place = wire.place_of(url)
    except ValueError as error:
        raise BadInput.of("url", f"url.{error}") from error
    is_local = allow_loopback and place.is_loopback
    if not is_local and place.scheme != "https":
        raise BadInput.of("url", "url.scheme")
    if not is_local and place.port not in PORTS:
        raise BadInput.of("url", "url.port")
    addresses = _resolve(place, network=network or wire.internet())
    is_fit = _is_loopback if is_local else _is_public
    if not all(is_fit(address) for address in addresses):
        raise BadInput.of("url", "url.private")
    return Target(place, addresses)


def _resolve(place: wire.Place, *, network: wire.Network) -> tuple[str, ...]:
    if wire.address_of(place.host) is not None:
        return (place.host,)
    try:
        addresses = network.resolve(place.host, place.port, SECONDS)
    except OSError as error:
        raise BadInput.of("url", "url.unresolved") from error
    if not addresses:
        raise BadInput.of("url", "url.unresolved")
    return addresses


def _is_loopback(address: str) -> bool:
    found = wire.address_of(address)
    return found is not None and found.is_loopback


def _is_public(address: str) -> bool:
    """Whether an address is on the public internet: by our own list, the same on every Python."""
    found = wire.address_of(address)
    if isinstance(found, ipaddress.IPv4Address):
        return not any(found in network for network in _CLOSED_V4)
    if isinstance(found, ipaddress.IPv6Address):
        return found in _OPEN_V6 and not any(found in network for network in _CLOSED_V6)
    return False


def key_of(secret: str) -> bytes:
    """Return the bytes of a `whsec_…` secret. Raises ValueError if it is not one."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith("whsec_") or len(key) not in SECRET_BYTES:
        raise ValueError("a webhook secret is whsec_ and 24 to 64 bytes in base64")
    return key


def sign(payload: bytes, *, event_id: str, at: datetime, secrets: Sequence[str]) -> dict[str, str]:
    """Return the three headers that let a subscriber check payload, event and age."""
    if not secrets or "." in event_id:
        raise ValueError("a webhook needs a secret, and an event id without dots")
    timestamp = str(int(at.astimezone(UTC).timestamp()))
    signed = f"{event_id}.{timestamp}.".encode() + payload
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_hmac(key_of(each), signed)}" for each in secrets),
    }


def _hmac(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.digest(key, message, "sha256")).decode()


def deliver(
    endpoint: Endpoint,
    *,
    event_id: str,
    payload: bytes,
    at: datetime,
    allow_loopback: bool = False,
    network: wire.Network | None = None,
) -> Outcome:
    """Post one event once, and say what became of it; whatever a subscriber does is an outcome.

    payload: JSON. Takes five seconds at most once the name is resolved; the answer's body is not
    read. Raises ValueError for a secret that is none.
    """
    network = network or wire.internet()
    headers = sign(payload, event_id=event_id, at=at, secrets=endpoint.secrets)
    try:
        target = check_target(endpoint.url, allow_loopback=allow_loopback, network=network)
    except BadInput as error:
        code = error.errors[0].code
        return Outcome("busy" if code == "url.unresolved" else "failed", None, code, SOON)
    request = wire.Request(
        method="POST",
        place=target.place,
        headers={"Content-Type": "application/json", **headers},
        body=payload,
        seconds=SECONDS,
    )
    try:
        answer = wire.exchange(request, network=network, addresses=target.addresses)
    except wire.NotSent:
        return Outcome("busy", None, "unreachable", SOON)
    except wire.NoAnswer:
        return Outcome("busy", None, "no-answer", SOON)
    return _outcome(answer)


_BUSY: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


def _outcome(answer: wire.Answer) -> Outcome:
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome("delivered", status, "delivered")
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome("busy", status, f"http-{status}", answer.retry_after(default=SOON))
    return Outcome("failed", status, "gone" if status == HTTPStatus.GONE else f"http-{status}")
