"""The ways out of the house that views use, made from the settings: files, and our own voice."""

from chalicelib import ambient
from chalicelib.outbound.objects import Files, files_from
from chalicelib.usecases.reading import Voice


def files() -> Files:
    """Return where files are kept. Raises ValueError when the setting names no place."""
    settings = ambient.settings()
    return files_from(settings.files, secret=settings.secret)


def voice(language: str) -> Voice:
    """Return in whose name and in which language texts are previewed."""
    settings = ambient.settings()
    site = settings.public_url.partition("://")[2] or settings.public_url
    return Voice(signature=settings.sms_signature, site=site.rstrip("/"), language=language)
