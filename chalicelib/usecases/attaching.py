"""Photos come with reports and moves (照片): signed for, drawn anew, bound to an order.

The browser puts a file where we signed for it, under `incoming/`. Before it is used it is read
again and drawn anew from its pixels (no EXIF, nothing behind the picture), and lies under
`photos/`; a file that is no photo is refused and nothing is filed. Every step may be repeated.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.refusal import BadInput, FieldError, TooLarge, Unknown
from chalicelib.outbound.objects import UPLOAD_WITHIN, Files
from chalicelib.outbound.photos import MOST_BYTES, reencode
from chalicelib.store import personal
from chalicelib.store.personal import FileItem
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.showing import stamp

TYPES: Final = ("image/jpeg", "image/png", "image/webp")
JPEG: Final = "image/jpeg"
ID_BYTES: Final = 16


def sign(
    desk: Desk,
    files: Files,
    *,
    caller: str,
    key: str,
    content_type: str,
    size: int,
    at: datetime,
) -> dict[str, Any]:
    """Return a form with which one photo of this type and at most this size can be put.

    The same caller and key get the same id again. Raises BadInput for other types, TooLarge.
    """
    if content_type not in TYPES:
        raise BadInput.of("content_type", "field.choice", allowed=list(TYPES))
    if size > MOST_BYTES:
        raise TooLarge(limit=MOST_BYTES)
    upload_id = desk.derive("upload", caller, key)[:ID_BYTES].hex()
    form = files.presign_upload(
        _incoming(upload_id), content_type=content_type, max_bytes=size, at=at
    )
    return {
        "id": upload_id,
        "url": form.url,
        "fields": dict(form.fields),
        "expires_at": stamp(at + UPLOAD_WITHIN),
    }


def named_in(answers: Mapping[str, Any]) -> list[str]:
    """Return the ids of the photos that a move's answers name; what is none is refused later."""
    found = answers.get("files")
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def take(files: Files, upload_ids: Sequence[str]) -> None:
    """Draw anew what was uploaded. Raises BadInput naming each that is not there or no photo."""
    errors: list[FieldError] = []
    for place, upload_id in enumerate(upload_ids):
        try:
            _take_one(files, upload_id)
        except Unknown:
            errors.append(FieldError(f"files.{place}", "file.unknown"))
        except (BadInput, TooLarge):
            errors.append(FieldError(f"files.{place}", "file.not_a_photo"))
    if errors:
        raise BadInput(errors)


def _take_one(files: Files, upload_id: str) -> None:
    try:
        sent = files.read(_incoming(upload_id), max_bytes=MOST_BYTES)
    except Unknown:
        files.read(_photo(upload_id), max_bytes=MOST_BYTES)  # taken before, or never sent
        return
    files.write(_photo(upload_id), reencode(sent.body), content_type=JPEG)
    files.delete(_incoming(upload_id))


def bind(order_id: str, upload_ids: Sequence[str], *, kind: str, at: datetime) -> None:
    """Keep photos with an order. kind: whose they are, `citizen` or `staff`. Raises Busy."""
    for upload_id in upload_ids:
        details = {"key": _photo(upload_id), "type": JPEG, "kind": kind}
        personal.put_file(FileItem(order_id, upload_id, at, details))


def _incoming(upload_id: str) -> str:
    return f"incoming/{upload_id}"


def _photo(upload_id: str) -> str:
    return f"photos/{upload_id}.jpg"
