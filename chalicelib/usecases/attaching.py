"""Photos come with reports and moves (照片): signed for, drawn anew, bound to an order.

The browser puts a file where we signed for it, under `incoming/`. Before it is used it is read
again and drawn anew from its pixels (no EXIF, nothing behind the picture), and lies under
`photos/`; a file that is no photo is refused and nothing is filed. Evidence of an issue or a paper
may be a film or a document too (S0.32): it is what its first bytes say, and is kept as it is.
Every step may be repeated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
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


@dataclass(frozen=True, slots=True)
class Document:
    """A sort of file that is kept as it is. mark: what stands at `at` in it; ending: of its key."""

    content_type: str
    ending: str
    mark: bytes
    at: int = 0


DOCUMENTS: Final[Mapping[str, Document]] = MappingProxyType(
    {
        one.content_type: one
        for one in (
            Document("application/pdf", "pdf", b"%PDF-"),
            Document("video/mp4", "mp4", b"ftyp", 4),
        )
    }
)
"""Films of the hall or the site, and papers: evidence, as far as it is small enough to be sent; a
longer film is named by its number in the video archive."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that may be kept with what it belongs to."""

    upload_id: str
    key: str
    content_type: str = JPEG


def sign(
    desk: Desk,
    files: Files,
    *,
    caller: str,
    key: str,
    content_type: str,
    size: int,
    at: datetime,
    documents: bool = False,
) -> dict[str, Any]:
    """Return a form with which one photo of this type and at most this size can be put.

    documents: films and papers may come too. The same caller and key get the same id again. Raises
    BadInput for other types, TooLarge.
    """
    allowed = [*TYPES, *(DOCUMENTS if documents else ())]
    if content_type not in allowed:
        raise BadInput.of("content_type", "field.choice", allowed=allowed)
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


def take(files: Files, upload_ids: Sequence[str], *, documents: bool = False) -> list[Taken]:
    """Draw anew what was uploaded; keep films and papers, where they may come, as they are.

    Raises BadInput naming each that is not there or is none of these.
    """
    errors: list[FieldError] = []
    taken: list[Taken] = []
    for place, upload_id in enumerate(upload_ids):
        try:
            taken.append(_take_one(files, upload_id, documents=documents))
        except Unknown:
            errors.append(FieldError(f"files.{place}", "file.unknown"))
        except (BadInput, TooLarge):
            slug = "file.not_evidence" if documents else "file.not_a_photo"
            errors.append(FieldError(f"files.{place}", slug))
    if errors:
        raise BadInput(errors)
    return taken


def _take_one(files: Files, upload_id: str, *, documents: bool) -> Taken:
    kept = [Taken(upload_id, _photo(upload_id))]
    if documents:
        kept += [
            Taken(upload_id, _document(upload_id, one), name) for name, one in DOCUMENTS.items()
        ]
    try:
        sent = files.read(_incoming(upload_id), max_bytes=MOST_BYTES)
    except Unknown:
        return _taken_before(files, kept)
    found = next((one for one in kept[1:] if _is(sent.body, DOCUMENTS[one.content_type])), kept[0])
    body = sent.body if found.content_type in DOCUMENTS else reencode(sent.body)
    files.write(found.key, body, content_type=found.content_type)
    files.delete(_incoming(upload_id))
    return found


def _taken_before(files: Files, kept: Sequence[Taken]) -> Taken:
    """Return what was taken before. Raises Unknown for what was never sent."""
    *others, last = kept
    for one in others:
        try:
            files.read(one.key, max_bytes=MOST_BYTES)
        except Unknown:
            continue
        return one
    files.read(last.key, max_bytes=MOST_BYTES)
    return last


def _is(body: bytes, document: Document) -> bool:
    return body[document.at : document.at + len(document.mark)] == document.mark


def bind(order_id: str, taken: Iterable[Taken], *, kind: str, at: datetime) -> None:
    """Keep files with an order. kind: whose they are, `citizen` or `staff`. Raises Busy."""
    for one in taken:
        details = {"key": one.key, "type": one.content_type, "kind": kind}
        personal.put_file(FileItem(order_id, one.upload_id, at, details))


def _incoming(upload_id: str) -> str:
    return f"incoming/{upload_id}"


def _photo(upload_id: str) -> str:
    return f"photos/{upload_id}.jpg"


def _document(upload_id: str, document: Document) -> str:
    return f"documents/{upload_id}.{document.ending}"
