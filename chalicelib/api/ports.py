"""The ways out of the house that views use, made from the settings: files, and our own voice."""

from typing import Any

from chalicelib import ambient
from chalicelib.api.asking import Asked
from chalicelib.outbound.objects import Files, files_from
from chalicelib.usecases import attaching
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.reading import Voice


def files() -> Files:
    """Return where files are kept. Raises ValueError when the setting names no place."""
    settings = ambient.settings()
    return files_from(settings.files, secret=settings.secret)


def upload_form(
    asked: Asked, sent: Any, desk: Desk, *, caller: str, documents: bool = False
) -> dict[str, Any]:
    """Return a form for the one file that a NewUpload is about. Raises BadInput, TooLarge.

    documents: it may be a film or a paper, not only a photo.
    """
    return attaching.sign(
        desk,
        files(),
        caller=caller,
        key=asked.key,
        content_type=sent.content_type,
        size=sent.bytes,
        at=asked.at,
        documents=documents,
    )


def voice(language: str) -> Voice:
    """Return in whose name and in which language texts are previewed."""
    settings = ambient.settings()
    site = settings.public_url.partition("://")[2] or settings.public_url
    return Voice(signature=settings.sms_signature, site=site.rstrip("/"), language=language)
