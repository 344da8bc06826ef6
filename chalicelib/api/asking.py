"""What was asked: header, query, cursor and body of one request, each read once and strictly.

Bodies are parsed here and not by Chalice, because what it refuses (bad JSON, another media type)
never reaches a view and leaves without words and CORS headers.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from importlib import import_module
from typing import Any, Final
from urllib.parse import unquote

from chalice.app import Request

from chalicelib import ambient
from chalicelib.api.problem import language_of
from chalicelib.domain.contact import clean_text
from chalicelib.domain.order import canonical
from chalicelib.domain.refusal import BadInput, FieldError, TooLarge, Unsupported

MOST_BODY: Final = 256 * 1024
DEEPEST: Final = 64
LONGEST_KEY: Final = 64
LONGEST_CURSOR: Final = 2048
MAC_BYTES: Final = 16
JSON: Final = "application/json"
FILE: Final = "application/octet-stream"
"""What the gateway hands over byte by byte, as it does no text/csv: that it takes for UTF-8."""

_KEY: Final = re.compile(rf"[!-~]{{1,{LONGEST_KEY}}}\Z")
_ETAG: Final = re.compile(r'(?:W/)?"?([0-9]{1,9})"?\Z')
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}\Z")


# Query parameters -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Param:
    """One query parameter. read: makes the value or raises BadInput; schema: as OpenAPI has it."""

    name: str
    read: Callable[[str, str], Any]
    schema: Mapping[str, Any]
    default: Any = None
    required: bool = False
    about: str = ""


def text(name: str, *, longest: int = 80, required: bool = False, about: str = "") -> Param:
    """Return a parameter of free text, cleaned."""

    def read(field_name: str, raw: str) -> str:
        return clean_text(raw, field=field_name, max_units=longest, required=required)

    return Param(
        name,
        read,
        {"type": "string", "maxLength": longest},
        default="",
        required=required,
        about=about,
    )


def code(name: str, *, required: bool = False, about: str = "") -> Param:
    """Return a parameter that names something: letters, digits, hyphens."""

    def read(field_name: str, raw: str) -> str:
        if not _CODE.match(raw):
            raise BadInput.of(field_name, "field.code")
        return raw

    schema = {"type": "string", "pattern": _CODE.pattern.replace(r"\Z", "$")}
    return Param(name, read, schema, default="", required=required, about=about)


def choice(name: str, choices: Sequence[str], *, default: str = "", about: str = "") -> Param:
    """Return a parameter that is one of a few slugs."""

    def read(field_name: str, raw: str) -> str:
        if raw not in choices:
            raise BadInput.of(field_name, "field.choice", allowed=list(choices))
        return raw

    return Param(name, read, {"type": "string", "enum": list(choices)}, default, about=about)


def number(name: str, least: int, most: int, *, default: int, about: str = "") -> Param:
    """Return a whole number within its range."""

    def read(field_name: str, raw: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", raw) or not least <= int(raw) <= most:
            raise BadInput.of(field_name, "field.out_of_range", least=least, most=most)
        return int(raw)

    schema = {"type": "integer", "minimum": least, "maximum": most, "default": default}
    return Param(name, read, schema, default, about=about)


def day(name: str, *, required: bool = False, about: str = "") -> Param:
    """Return a local day, `2026-11-21`."""

    def read(field_name: str, raw: str) -> date:
        try:
            if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", raw):
                return date.fromisoformat(raw)
        except ValueError:
            pass  # such as 2026-02-30, refused like every other text that is no day
        raise BadInput.of(field_name, "field.date")

    return Param(name, read, {"type": "string", "format": "date"}, None, required, about)


def flag(name: str, *, about: str = "") -> Param:
    """Return a switch, `1` or `0`."""

    def read(field_name: str, raw: str) -> bool:
        if raw not in {"0", "1"}:
            raise BadInput.of(field_name, "field.choice", allowed=["0", "1"])
        return raw == "1"

    return Param(name, read, {"type": "string", "enum": ["0", "1"]}, default=False, about=about)


CURSOR: Final = Param(
    "cursor", lambda _name, raw: raw, {"type": "string", "maxLength": LONGEST_CURSOR}, default=""
)


def page(default: int = 20, most: int = 100) -> tuple[Param, Param]:
    """Return the two parameters of every list."""
    return CURSOR, number("limit", 1, most, default=default)


def read_query(params: Sequence[Param], given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return every parameter's value. Raises BadInput naming all that cannot be used."""
    known = {param.name: param for param in params}
    errors = [FieldError(name[:40], "field.unknown") for name in given if name not in known]
    values: dict[str, Any] = {}
    for name, param in known.items():
        sent = given.get(name, ())
        try:
            values[name] = _one(param, sent)
        except BadInput as refused:
            errors.extend(refused.errors)
    if errors:
        raise BadInput(errors)
    return values


def _one(param: Param, sent: Sequence[str]) -> Any:
    if len(sent) > 1:
        raise BadInput.of(param.name, "field.repeated")
    if not sent or not sent[0]:
        if param.required:
            raise BadInput.of(param.name, "field.required")
        return param.default
    return param.read(param.name, sent[0])


# Bodies -----------------------------------------------------------------------------------------


def parse_body(
    raw: bytes, content_type: str, *, most: int = MOST_BODY, beside: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a JSON object. An empty body is an empty object. beside: what else could be sent.

    Raises Unsupported for another media type, TooLarge, and BadInput for what is no JSON object:
    bad UTF-8, duplicate names, NaN and infinities, lone surrogates, more than 64 levels.
    """
    if len(raw) > most:
        raise TooLarge(limit=most)
    if not raw:
        return {}
    media, _, parameters = content_type.partition(";")
    if media.strip().lower() != JSON or not _is_utf8(parameters):
        raise Unsupported(supported=[JSON, *beside])
    parsed = _parse(raw)
    if not isinstance(parsed, dict):
        raise BadInput.of("", "body.not_an_object")
    _check_strings(parsed)
    return parsed


def _is_utf8(parameters: str) -> bool:
    name, _, value = parameters.strip().partition("=")
    return name.strip().lower() != "charset" or value.strip(' "').lower() in {"utf-8", "utf8"}


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise BadInput.of("", "body.not_utf8") from None
    except RecursionError:
        raise BadInput.of("", "body.too_deep", most=DEEPEST) from None
    except ValueError:
        raise BadInput.of("", "body.not_json") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput.of(_printable(twice), "body.duplicate")
    return made


def _no_constant(_name: str) -> Any:
    raise BadInput.of("", "body.not_a_number")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in {float("inf"), float("-inf")}:
        raise BadInput.of("", "body.not_a_number")
    return value


def _check_strings(parsed: Any) -> None:
    """Refuse lone surrogates anywhere and too many levels, naming where."""
    waiting: list[tuple[str, Any, int]] = [("", parsed, 1)]
    while waiting:
        path, value, depth = waiting.pop()
        if depth > DEEPEST:
            raise BadInput.of("", "body.too_deep", most=DEEPEST)
        if isinstance(value, str):
            _check_encodable(path, value)
        elif isinstance(value, dict):
            for name, inner in value.items():
                within = f"{path}.{name}" if path else name
                _check_encodable(within, name)
                waiting.append((within, inner, depth + 1))
        elif isinstance(value, list):
            waiting += [(f"{path}.{place}", inner, depth + 1) for place, inner in enumerate(value)]


def _check_encodable(path: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadInput.of(_printable(path), "text.surrogate") from None


def _printable(name: str) -> str:
    return name.encode("ascii", "replace").decode()[:80]


# The request ------------------------------------------------------------------------------------


@dataclass
class Asked:
    """One request as a view sees it. `at` is the instant at which it was read."""

    request: Request
    params: Sequence[Param] = ()
    takes: str = ""
    most_body: int = MOST_BODY
    file: str = ""
    at: datetime = field(default_factory=ambient.now)

    def header(self, name: str) -> str:
        """Return a header, empty where there is none."""
        value: str = self.request.headers.get(name) or ""
        return value

    @property
    def language(self) -> str:
        """The language in which the caller wants words."""
        return language_of(self.header("accept-language"))

    @property
    def request_id(self) -> str:
        """The gateway's name for this request."""
        return str(self.request.context.get("requestId", ""))

    @property
    def ip(self) -> str:
        """Who connected to the gateway: the caller, or an edge that stands before it."""
        return str((self.request.context.get("identity") or {}).get("sourceIp", ""))

    @property
    def viewer(self) -> str:
        """Who called, as far as can be known: behind an edge, whom that edge says it serves.

        The gateway puts who connected at the end of X-Forwarded-For, and an edge before it whom it
        serves. Who calls the gateway directly can make that up, but not `ip`.
        """
        passed = [each.strip() for each in self.header("x-forwarded-for").split(",")]
        return passed[-2][:64] if len(passed) > 1 else self.ip

    @property
    def key(self) -> str:
        """The Idempotency-Key. Raises BadInput naming the header."""
        key = self.header("idempotency-key")
        if not key:
            raise BadInput.of("Idempotency-Key", "field.required")
        if not _KEY.match(key):
            raise BadInput.of("Idempotency-Key", "field.key")
        return key

    @property
    def if_match(self) -> int | None:
        """The version that the caller saw, or None. Raises BadInput naming the header."""
        sent = self.header("if-match").strip()
        if not sent or sent == "*":
            return None
        match = _ETAG.match(sent)
        if match is None:
            raise BadInput.of("If-Match", "field.version")
        return int(match[1])

    def takes_back(self, media: str) -> None:
        """Refuse a caller who does not say that they take `media`: Chalice gives it to no other.

        Raises BadInput naming the header.
        """
        named = {each.partition(";")[0].strip() for each in self.header("accept").split(",")}
        if not named & {media, "*/*"}:
            raise BadInput.of("Accept", "field.choice", allowed=[media])

    @cached_property
    def query(self) -> dict[str, Any]:
        """The query's parameters. Raises BadInput naming all that cannot be used."""
        given = self.request.query_params
        return read_query(self.params, {n: given.getlist(n) for n in given} if given else {})

    @cached_property
    def raw_body(self) -> dict[str, Any]:
        """The JSON object that was sent, checked for what no text may hold and nothing else.

        A file that was sent as it is, where one may be, is the object that would carry it, with
        what the query says of it.
        """
        raw, media = self.request.raw_body, self.header("content-type")
        body = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass")
        if self.file and media.partition(";")[0].strip().lower() == FILE:
            most = self.most_body * 3 // 4  # so that it fits in base64, as it also comes to Lambda
            if len(body) > most:
                raise TooLarge(limit=most)
            said = {name: value for name, value in self.query.items() if value}
            return {**said, self.file: base64.b64encode(body).decode()}
        return parse_body(body, media, most=self.most_body, beside=[FILE] if self.file else [])

    def body(self) -> Any:
        """Return the body as the model that this operation takes. Raises BadInput."""
        from chalicelib.api.models import read  # noqa: PLC0415 - pydantic: only a body needs it

        return read(model(self.takes), self.raw_body)

    # -- cursors

    def opened(self, secret: bytes, caller: str) -> str | None:
        """Return what a cursor holds, or None without one. Raises BadInput for one not ours."""
        sent = self.query["cursor"]
        if not sent:
            return None
        payload, _, mac = sent.partition(".")
        try:
            after, given = _unbase64(payload), _unbase64(mac)
        except (ValueError, binascii.Error):
            raise BadInput.of("cursor", "cursor.invalid") from None
        if not hmac.compare_digest(given, self._mac(secret, caller, after)):
            raise BadInput.of("cursor", "cursor.invalid")
        return after.decode()

    def sealed(self, secret: bytes, caller: str, after: str | None) -> str | None:
        """Return a cursor bound to this query and this caller, or None at the end."""
        if after is None:
            return None
        raw = after.encode()
        return f"{_base64(raw)}.{_base64(self._mac(secret, caller, raw))}"

    def _mac(self, secret: bytes, caller: str, after: bytes) -> bytes:
        asked = {
            name: str(value)
            for name, value in self.query.items()
            if name not in {"cursor", "limit"}
        }
        bound = canonical(["cursor", caller, self.request.path, asked]).encode()
        return hmac.new(secret, bound + b"\n" + after, hashlib.sha256).digest()[:MAC_BYTES]


def model(name: str) -> Any:
    """Return the model of a name: of `models.py`, or of another module (`admin_models:NewKey`)."""
    module, _, bare = name.rpartition(":")
    return getattr(import_module(f"chalicelib.api.{module or 'models'}"), bare)


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unbase64(sent: str) -> bytes:
    return base64.b64decode(sent + "=" * (-len(sent) % 4), altchars=b"-_", validate=True)


def path_text(raw: str) -> str:
    """Return a path's part decoded: Chalice hands it over as it was sent (its #511)."""
    return unquote(raw, errors="replace")
