"""Texts: one port, three gateways, and failures that say whether the text may be sent again.

    TextFailed
    ├── NumberRejected      for good: never again to this number; a person calls instead
    ├── GatewayBusy         not sent, nobody's fault: again after `retry_after`
    │   └── GatewayRefused  not sent, and no other text will be: our account, signature or template
    └── ReplyLost           sent or not, nobody knows: never again without a person or a deadline

A gateway without idempotency keys cannot promise exactly-once across a lost reply. So nothing
here sends twice by itself: no SDK retries, no reused connections, and a second gateway only when
the first certainly did not send.
"""

import base64
import functools
import hashlib
import hmac
import http
import json
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Protocol
from urllib.parse import parse_qsl, urldefrag

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
)

from chalicelib.domain.contact import Phone, utf16_units
from chalicelib.outbound import aws, wire
from chalicelib.telemetry import alarm, log

SOON: Final = 30  # seconds until a busy gateway that names no time is asked again
LATER: Final = 300  # seconds until one that refuses us all is asked again: a person must act
ONE_PART: Final = 70  # UTF-16 units of a text that goes in one part. Source: GSM 03.38, UCS-2
USUAL_RATE: Final = 20.0  # texts a second where none is declared. Source: SNS, SMS publishing
MOST_RATE: Final = 100_000
A_PART: Final = 67  # UTF-16 units of each part of a longer one; three go to its header

_MOST_REPLY: Final = 64 * 1024
_SENDER: Final = re.compile(r"(?=[0-9-]*[A-Za-z])[A-Za-z0-9-]{1,11}\Z")


class TextFailed(Exception):
    """The root: a text that was not, or perhaps not, sent. `code` is the gateway's own word."""

    def __init__(self, code: str, *, gateway: str) -> None:
        super().__init__(f"{gateway}: {code}")
        self.code = code
        self.gateway = gateway


class NumberRejected(TextFailed):
    """This number will never take this text: it goes to the call list."""


class GatewayBusy(TextFailed):
    """Not sent. The same text may be sent again after `retry_after` seconds."""

    def __init__(self, code: str, *, gateway: str, retry_after: int = SOON) -> None:
        super().__init__(code, gateway=gateway)
        self.retry_after = retry_after


class GatewayRefused(GatewayBusy):
    """Not sent, and the next one will not be either: account, signature or template. Alarm."""

    def __init__(self, code: str, *, gateway: str) -> None:
        super().__init__(code, gateway=gateway, retry_after=LATER)


class ReplyLost(TextFailed):
    """The request may have left and no usable answer came: sent or not, nobody knows."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text to one phone.

    effect_id: made from the event, the same on every redelivery; gateways that can, deduplicate
    on it. template, params: for gateways that fill the words in themselves. body: the words as
    read, signature included, for those that do not.
    """

    effect_id: str
    to: Phone
    template: str
    params: Mapping[str, str] = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A gateway took the text over. parts: what it is charged as."""

    gateway: str
    message_id: str
    parts: int


class Gateway(Protocol):
    """Whoever carries texts."""

    def send(self, text: Text, *, at: datetime) -> Receipt:
        """Hand one text over, once. Raises NumberRejected, GatewayBusy or ReplyLost."""


def parts_of(body: str) -> int:
    """Return how many parts a text is charged as: up to 70 UTF-16 units are one, else 67 a part.

    A character of two units is never cut in half, so a part may stay one unit short.
    """
    if utf16_units(body) <= ONE_PART:
        return 1
    parts, room = 1, A_PART
    for character in body:
        width = utf16_units(character)
        if width > room:
            parts, room = parts + 1, A_PART
        room -= width
    return parts


# --- Amazon SNS ----------------------------------------------------------------------------------

_SNS_NUMBER: Final = frozenset({"OptedOut", "OptedOutException", "InvalidPhoneNumber"})
_SNS_PARAMETER: Final = frozenset(
    {"InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid"}
)
_SNS_BUSY: Final = frozenset(
    {
        "Throttled",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
    }
)
# botocore raises these before a byte of the request has left
_SNS_UNSENT: Final = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)


class Sns:
    """Amazon SNS, transactional texts.

    The SDK must not repeat a publish (`attempts=1`), nor send it over a connection that may have
    died since the last one: a function is frozen between two, and a reset would say nothing.
    """

    name: Final = "sns"

    def __init__(self, *, sender: str = "", client: Any = None) -> None:
        """sender: the sender id shown where a country allows one, 1–11 letters and digits."""
        if sender and not _SENDER.match(sender):
            raise ValueError("a sender id has 1–11 letters, digits or hyphens, and a letter")
        self._client = client or aws.client("sns", attempts=1)
        self._client.meta.events.register("before-send.sns", _hang_up_after, unique_id="hang-up")
        self._attributes = {"AWS.SNS.SMS.SMSType": _attribute("Transactional")}
        if sender:
            self._attributes["AWS.SNS.SMS.SenderID"] = _attribute(sender)

    def send(self, text: Text, *, at: datetime) -> Receipt:  # noqa: ARG002 - the SDK signs by its own clock
        """Publish to one number."""
        try:
            answer = self._client.publish(
                PhoneNumber=text.to.number,
                Message=text.body,
                MessageAttributes=self._attributes,
            )
        except ClientError as error:
            raise self._failure(error) from error
        except _SNS_UNSENT as error:
            raise GatewayBusy(type(error).__name__, gateway=self.name) from error
        except (NoCredentialsError, ParamValidationError) as error:
            raise GatewayRefused(type(error).__name__, gateway=self.name) from error
        except aws.UNANSWERED as error:  # timeouts and resets while reading, unreadable answers
            raise ReplyLost(type(error).__name__, gateway=self.name) from error
        if not answer.get("MessageId"):
            raise ReplyLost("no-message-id", gateway=self.name)
        return Receipt(self.name, str(answer["MessageId"]), parts_of(text.body))

    def _failure(self, error: ClientError) -> TextFailed:
        code, status = aws.code_of(error), aws.status_of(error)
        if code in _SNS_BUSY or status == http.HTTPStatus.TOO_MANY_REQUESTS:
            return GatewayBusy(code, gateway=self.name)
        if code in _SNS_NUMBER or (code in _SNS_PARAMETER and "PhoneNumber" in str(error)):
            return NumberRejected(code, gateway=self.name)
        if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            return ReplyLost(code, gateway=self.name)
        return GatewayRefused(code, gateway=self.name)


def _hang_up_after(request: Any, **_more: Any) -> None:
    request.headers["Connection"] = "close"


def _attribute(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


# --- Any gateway that takes JSON over HTTPS ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a gateway calls things. Every name can be set; the defaults are the common ones.

    Fields of the request, of the answer, and the headers. Dots reach into the answer's objects.
    """

    phone: str = "phone"
    signature: str = "sign_name"
    template: str = "template_code"
    params: str = "template_params"
    reference: str = "out_id"
    code: str = "code"
    message_id: str = "message_id"
    key_header: str = "X-Key"
    time_header: str = "X-Timestamp"
    nonce_header: str = "X-Nonce"
    hmac_header: str = "X-Signature"
    numbers: Literal["e164", "national"] = "e164"
    ok: str = "OK,0,200"
    rejected: str = "MOBILE_NUMBER_ILLEGAL,BLACK_LIST,UNSUBSCRIBED"
    busy: str = "BUSINESS_LIMIT_CONTROL,THROTTLED"


class HttpGateway:
    """A gateway as the mainland has them: template code, parameters, a filed signature, an HMAC.

    The request is `POST <url>`, JSON, with four headers: key, timestamp (Unix seconds), nonce, and
    base64(HMAC-SHA256(secret, canonical)), where canonical is five lines: the method, the path
    with its query, the timestamp, the nonce, and the body's SHA-256 in lower-case hex.
    The nonce comes from the effect and the instant, so it needs no dice and never repeats.
    """

    name: Final = "http"

    def __init__(
        self,
        url: str,
        *,
        key: str,
        secret: str,
        signature: str,
        dialect: Dialect | None = None,
        templates: Mapping[str, str] | None = None,
        seconds: float = 8.0,
        network: wire.Network | None = None,
    ) -> None:
        """url: https, or http to loopback. signature: as filed with the carrier, without 【】.

        templates: our template → the code it was filed under; one not listed goes by our name.
        seconds: for the whole exchange. Raises ValueError for a URL or secret nobody should use.
        """
        self._place = wire.place_of(url)
        if self._place.scheme != "https" and not self._place.is_loopback:
            raise ValueError("a gateway must be spoken to over TLS")
        if not (key and secret and signature):
            raise ValueError("a gateway needs a key, a secret and a filed signature")
        self._key = key
        self._secret = secret.encode()
        self._signature = signature
        self._dialect = dialect or Dialect()
        self._templates = dict(templates or {})
        self._seconds = seconds
        self._network = network

    def send(self, text: Text, *, at: datetime) -> Receipt:
        """Ask the gateway once and read its answer."""
        request = wire.Request(
            method="POST",
            place=self._place,
            body=(body := self._body(text)),
            headers=self._headers(body, effect_id=text.effect_id, at=at),
            seconds=self._seconds,
            max_body=_MOST_REPLY,
        )
        try:
            answer = wire.exchange(request, network=self._network)
        except wire.NotSent as error:
            raise GatewayBusy(str(error), gateway=self.name) from error
        except wire.NoAnswer as error:
            raise ReplyLost(str(error), gateway=self.name) from error
        return self._receipt(answer, text=text)

    def _body(self, text: Text) -> bytes:
        dialect = self._dialect
        number = text.to.number
        if dialect.numbers == "national":
            number = number.removeprefix("+86")
        fields_ = {
            dialect.phone: number,
            dialect.signature: self._signature,
            dialect.template: self._templates.get(text.template, text.template),
            dialect.params: dict(text.params),
            dialect.reference: text.effect_id,
        }
        return json.dumps(fields_, ensure_ascii=False, separators=(",", ":")).encode()

    def _headers(self, body: bytes, *, effect_id: str, at: datetime) -> dict[str, str]:
        dialect = self._dialect
        moment = at.astimezone(UTC)
        timestamp = str(int(moment.timestamp()))
        nonce = self._hmac(f"nonce\n{effect_id}\n{moment.isoformat()}").hex()[:32]
        digest = hashlib.sha256(body).hexdigest()
        canonical = f"POST\n{self._place.target}\n{timestamp}\n{nonce}\n{digest}"
        return {
            "Content-Type": "application/json; charset=utf-8",
            "Accept": "application/json",
            dialect.key_header: self._key,
            dialect.time_header: timestamp,
            dialect.nonce_header: nonce,
            dialect.hmac_header: base64.b64encode(self._hmac(canonical)).decode(),
        }

    def _hmac(self, message: str) -> bytes:
        return hmac.digest(self._secret, message.encode(), "sha256")

    def _receipt(self, answer: wire.Answer, *, text: Text) -> Receipt:
        """Read status first, then the gateway's own code. Raises the failure that they mean."""
        status = answer.status
        if status in (http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE):
            wait = answer.retry_after(default=SOON)
            raise GatewayBusy(f"http-{status}", gateway=self.name, retry_after=wait)
        if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:  # it broke: before or after sending?
            raise ReplyLost(f"http-{status}", gateway=self.name)
        said = _json(answer.body)
        if status >= http.HTTPStatus.MULTIPLE_CHOICES:
            raise self._refusal(_reach(said, self._dialect.code) or f"http-{status}")
        if said is None:
            raise ReplyLost("unreadable", gateway=self.name)
        code = _reach(said, self._dialect.code)
        if code not in _listed(self._dialect.ok):
            # 2xx without any code is no statement at all; with another code it is a refusal
            raise self._refusal(code) if code else ReplyLost("no-code", gateway=self.name)
        message_id = _reach(said, self._dialect.message_id)
        return Receipt(self.name, message_id, parts_of(text.body))

    def _refusal(self, code: str) -> TextFailed:
        """Pair a code with a failure; one that is not listed is ours to look at: alarm."""
        if code in _listed(self._dialect.rejected):
            return NumberRejected(code, gateway=self.name)
        if code in _listed(self._dialect.busy):
            return GatewayBusy(code, gateway=self.name)
        return GatewayRefused(code, gateway=self.name)


def _listed(codes: str) -> list[str]:
    return codes.split(",")


def _json(body: bytes) -> Any:
    """Return the document, or None for what is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _reach(document: Any, path: str) -> str:
    """Return the plain value at a dotted path, as text; empty if there is none."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    is_plain = isinstance(document, str | int) and not isinstance(document, bool)
    return str(document)[:128] if is_plain else ""


# --- Kept, not sent ------------------------------------------------------------------------------


class Kept:
    """Texts kept in a file, a JSON line each, on disk before `send` returns.

    For the local platform: its phone page shows them. They carry numbers and words in clear.
    A crash may tear the last line; the next text starts on one of its own all the same.
    """

    name: Final = "kept"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()

    def send(self, text: Text, *, at: datetime) -> Receipt:
        """Append one line and have the disk confirm it."""
        line = {
            "effect_id": text.effect_id,
            "at": at.astimezone(UTC).isoformat(),
            "to": text.to.number,
            "template": text.template,
            "params": dict(text.params),
            "body": text.body,
            "parts": parts_of(text.body),
        }
        written = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        try:
            self._append(written)
        except OSError as error:  # at worst a torn line, which readers leave out
            raise GatewayBusy(type(error).__name__, gateway=self.name) from error
        return Receipt(self.name, text.effect_id, parts_of(text.body))

    def _append(self, written: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._writing, self._path.open("ab+") as kept:
            if kept.tell() and not self._ends_whole(kept.fileno(), kept.tell()):
                written = b"\n" + written  # a crash tore the last line: leave it to itself
            kept.write(written)
            kept.flush()
            os.fsync(kept.fileno())

    @staticmethod
    def _ends_whole(file: int, size: int) -> bool:
        return os.pread(file, 1, size - 1) == b"\n"


# --- Two of them ---------------------------------------------------------------------------------


class Relay:
    """Two gateways: the second is asked when the first certainly did not send.

    After GatewayBusy the first rests as long as it said, at least `rest`, and every text goes to
    the second meanwhile. Never after ReplyLost: then the text may be out. A number that the first
    rejects is rejected. What it knows of the first is this process's own, and forgotten with it.
    """

    name: Final = "relay"

    def __init__(
        self, first: Gateway, second: Gateway, *, rest: timedelta = timedelta(seconds=SOON)
    ) -> None:
        self._first = first
        self._second = second
        self._rest = rest
        self._rests_until: datetime | None = None

    def send(self, text: Text, *, at: datetime) -> Receipt:
        """Ask the first, or the second; raises what the last one asked raises."""
        if self._rests_until is not None and at < self._rests_until:
            return self._second.send(text, at=at)
        try:
            return self._first.send(text, at=at)
        except GatewayBusy as busy:
            self._rests_until = at + max(self._rest, timedelta(seconds=busy.retry_after))
            if isinstance(busy, GatewayRefused):
                alarm("gateway.refused", gateway=busy.gateway, code=busy.code)
            else:
                log("gateway.switched", gateway=busy.gateway, code=busy.code)
        return self._second.send(text, at=at)


# --- Which one -----------------------------------------------------------------------------------


@functools.cache
def gateway_from(
    setting: str,
    *,
    key: str = "",
    secret: str = "",
    signature: str = "",
    second: str = "",
    second_key: str = "",
    second_secret: str = "",
) -> Gateway:
    """Return the gateway that a setting names, always the same one for the same setting.

    `keep:<path>`; `sns`, with `key` as sender id; `http:<url>`, whose fragment may hold
    a dialect and template codes: `http:https://sms.example.cn/v1#phone=mobile&numbers=national
    &template:fault_first=SMS_1001&rate=400`. A fragment never leaves this machine. second: another
    setting, asked when the first is busy or refuses us; empty for none.
    Raises ValueError for anything else, so that a misspelt gateway stops the start, not a text.
    """
    first = _gateway(setting, key=key, secret=secret, signature=signature)
    if not second:
        return first
    return Relay(first, _gateway(second, key=second_key, secret=second_secret, signature=signature))


def _gateway(setting: str, *, key: str, secret: str, signature: str) -> Gateway:
    kind, _, rest = setting.partition(":")
    if kind == "keep" and rest:
        return Kept(Path(rest))
    if setting.partition("#")[0] == "sns":
        rate_of(setting)
        return Sns(sender=key)
    if kind == "http" and rest:
        url, fragment = urldefrag(rest)
        rate_of(setting)
        dialect, templates = _dialect(fragment)
        return HttpGateway(
            url,
            key=key,
            secret=secret,
            signature=signature,
            dialect=dialect,
            templates=templates,
        )
    raise ValueError("a gateway is keep:<path>, sns or http:<url>")


def rate_of(setting: str) -> float:
    """Return how many texts a second a gateway takes: what its `#rate=` declares, or the usual.

    Raises ValueError for a rate that is no number above zero.
    """
    _, _, fragment = setting.partition("#")
    said = dict(parse_qsl(fragment)).get("rate") if not setting.startswith("keep:") else None
    if said is None:
        return USUAL_RATE
    rate = float(said)
    if not 0 < rate < MOST_RATE:
        raise ValueError("a gateway's rate is a number of texts a second")
    return rate


def _dialect(fragment: str) -> tuple[Dialect, dict[str, str]]:
    """Read dialect and template codes from a fragment. Raises ValueError for unknown names."""
    pairs = parse_qsl(fragment, strict_parsing=True) if fragment else []
    templates = {
        name.removeprefix("template:"): value
        for name, value in pairs
        if name.startswith("template:")
    }
    names: dict[str, Any] = {
        name: value for name, value in pairs if not name.startswith("template:") and name != "rate"
    }
    unknown = names.keys() - {each.name for each in fields(Dialect)}
    if unknown or names.get("numbers", "e164") not in ("e164", "national"):
        raise ValueError(f"the gateway's dialect has no {sorted(unknown) or 'such numbers'}")
    return Dialect(**names), templates
