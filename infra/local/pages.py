"""What only the local platform serves, under `/_local/`: kept files, and the phone.

The phone shows the texts that a deployment would have sent, so that a demo can be followed.
"""

import io
import json
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesHeaderParser
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from chalicelib.domain.refusal import BadInput, Refused, TooLarge, Unknown
from chalicelib.outbound.objects import LOCAL_PATH, Disk
from infra.local.clock import Clock
from infra.local.gateway import MAX_BODY, Answer, Request

_PHONE: Final = Path(__file__).resolve().parent / "phone"
_SHOWN: Final = 100  # texts
_READ: Final = 256 * 1024  # bytes of the file's end, enough for them
_READ_OF_ONE: Final = 16 * 1024 * 1024  # bytes, where those of one number are wanted
_STRICT: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_STATIC: Final = {
    "/_local/phone": ("phone.html", "text/html; charset=utf-8"),
    "/_local/phone.css": ("phone.css", "text/css; charset=utf-8"),
    "/_local/phone.js": ("phone.js", "text/javascript; charset=utf-8"),
}


class Pages:
    """Answers requests under `/_local/`.

    texts: the file that kept texts are in; files: the disk that uploads go to, None without one;
    clock: tells the time, and can be set ahead.
    """

    def __init__(self, *, texts: Path, files: Disk | None, clock: Clock) -> None:
        self._texts = texts
        self._files = files
        self._clock = clock

    def __call__(self, request: Request) -> Answer | None:
        """Return the answer, None for what is not there."""
        try:
            return self._answer(request)
        except Refused as refused:
            return _refusal(refused)

    def _answer(self, request: Request) -> Answer | None:
        asked = (request.method, request.path)
        if request.method == "GET" and request.path in _STATIC:
            name, kind = _STATIC[request.path]
            return _answer((_PHONE / name).read_bytes(), kind)
        if asked == ("GET", "/_local/phone.json"):
            wanted = dict(parse_qsl(request.query)).get("to", "")
            return _json(latest(self._texts, to=wanted))
        if request.path == "/_local/clock":
            return self._tell_time(request)
        if self._files and asked == ("POST", LOCAL_PATH):
            return self._put(request, self._files)
        if self._files and asked == ("GET", LOCAL_PATH):
            return self._get(request, self._files)
        return None

    def _tell_time(self, request: Request) -> Answer | None:
        """Answer how late it is; `POST {"ahead_seconds": 86400}` sets the clock ahead."""
        if request.method == "POST":
            try:
                self._clock.set_ahead(_ahead_in(request.body))
            except BadInput as refused:
                return _refusal(refused, "时钟没有拨动 The clock was not set")
        elif request.method != "GET":
            return None
        ahead = int(self._clock.ahead.total_seconds())
        return _json({"now": self._clock.now().isoformat(), "ahead_seconds": ahead})

    def _put(self, request: Request, files: Disk) -> Answer:
        fields, body = _form(request)
        key = files.accept_upload(fields, body, at=self._clock.now())
        return _json({"key": key}, HTTPStatus.CREATED)

    def _get(self, request: Request, files: Disk) -> Answer:
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        kept = files.accept_download(query, max_bytes=MAX_BODY, at=self._clock.now())
        return _answer(kept.body, kept.content_type)


def latest(texts: Path, *, to: str = "") -> list[dict[str, Any]]:
    """Return the newest hundred kept texts, newest first; a line that a crash tore is left out.

    to: only those to this number, however many others came since.
    """
    if not texts.exists():
        return []
    with texts.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - (_READ_OF_ONE if to else _READ)))
        lines = file.read().splitlines()
    found = []
    for line in reversed(lines):
        try:
            text = json.loads(line)
        except ValueError:
            continue
        if isinstance(text, dict) and to in {"", text.get("to")}:
            found.append(text)
        if len(found) == _SHOWN:
            break
    return found


def _ahead_in(body: bytes) -> Any:
    """Return what a body asks for. Raises BadInput."""
    try:
        asked = json.loads(body)
    except ValueError:
        raise BadInput.of("body", "body.not_json") from None
    if not isinstance(asked, dict):
        raise BadInput.of("body", "body.not_an_object")
    return asked.get("ahead_seconds")


def _form(request: Request) -> tuple[dict[str, str], bytes]:
    """Return the fields and the file of a multipart form (RFC 7578).

    Raises BadInput if it is none.
    """
    kind = Message()
    kind["Content-Type"] = next(
        (value for name, value in request.headers.items() if name.lower() == "content-type"), ""
    )
    boundary = kind.get_param("boundary")
    if not isinstance(boundary, str) or not boundary.isascii():
        raise BadInput.of("file", "file.form")
    fields: dict[str, str] = {}
    file: bytes | None = None
    for name, content in _parts(request.body, boundary.encode()):
        if name == "file":
            file = content
        else:
            fields[name] = content.decode("utf-8", "replace")
    if file is None:
        raise BadInput.of("file", "file.missing")
    return fields, file


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[str, bytes]]:
    _, *pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if not pieces or not pieces.pop().startswith(b"--"):
        raise BadInput.of("file", "file.form")  # no form, or one that was cut off
    for piece in pieces:
        head, _, content = piece.lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
        about = BytesHeaderParser().parsebytes(head)
        name = about.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise BadInput.of("file", "file.form")
        yield name, content


def _refusal(refused: Refused, title: str = "文件没有收下 File not taken") -> Answer:
    statuses: dict[type[Refused], HTTPStatus] = {
        BadInput: HTTPStatus.FORBIDDEN,  # as S3 answers a form that does not hold
        TooLarge: HTTPStatus.BAD_REQUEST,
        Unknown: HTTPStatus.FORBIDDEN,
    }
    status = statuses.get(type(refused), HTTPStatus.SERVICE_UNAVAILABLE)
    errors = refused.errors if isinstance(refused, BadInput) else ()
    body = {
        "type": f"/problems/{refused.slug}",
        "title": title,
        "status": int(status),
        "errors": [{"field": one.field, "code": one.code} for one in errors],
    }
    answer = json.dumps(body, ensure_ascii=False).encode()
    return _answer(answer, "application/problem+json", status)


def _json(content: Any, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return _answer(json.dumps(content, ensure_ascii=False).encode(), "application/json", status)


def _answer(body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return Answer(int(status), body, {"Content-Type": kind, **_STRICT})
