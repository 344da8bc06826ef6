"""The built pages: three of HTML, their assets, an icon and the service worker.

One deploy is enough: they lie in the package. Addresses are relative, so a stage may be `/api/`.
Assets are named by their content and may be kept for ever; pages never.
"""

import mimetypes
import re
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from chalice.app import Response

from chalicelib import ambient
from chalicelib.api.asking import Asked
from chalicelib.api.ports import files
from chalicelib.api.routes import Routes, Security
from chalicelib.domain.refusal import Unknown

routes = Routes(__name__, security=Security.OPEN, prefix="")

PACKAGED: Final = Path(__file__).resolve().parents[1] / "pages"
BUILT: Final = PACKAGED.parents[1] / "frontend" / "dist"
HTML: Final = "text/html; charset=utf-8"
TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".html": HTML,
    ".txt": "text/plain; charset=utf-8",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"
ASK_FIRST: Final = "no-cache"
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}\Z")
_COGNITO: Final = re.compile(r"https://cognito-idp\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?)/")


def folder() -> Path:
    """Return where the pages are: as set, in the package, or as built beside the sources."""
    set_ = ambient.settings().pages
    if set_:
        return Path(set_)
    return PACKAGED if PACKAGED.exists() else BUILT


@routes.get("/", media="text/html")
def citizens_page(_asked: Asked) -> Response:
    """Return the citizens' page."""
    return _page("index.html")


@routes.get("/index.html", media="text/html")
def citizens_page_by_name(_asked: Asked) -> Response:
    """Return the citizens' page."""
    return _page("index.html")


@routes.get("/status", media="text/html")
def status_page(_asked: Asked) -> Response:
    """Return the public status page."""
    return _page("status.html")


@routes.get("/status.html", media="text/html")
def status_page_by_name(_asked: Asked) -> Response:
    """Return the public status page."""
    return _page("status.html")


@routes.get("/office", media="text/html")
def office_page(_asked: Asked) -> Response:
    """Return the office's page."""
    return _page("office.html")


@routes.get("/office.html", media="text/html")
def office_page_by_name(_asked: Asked) -> Response:
    """Return the office's page."""
    return _page("office.html")


@routes.get("/assets/{name}", media="text/javascript, text/css", refuses=("unknown",))
def asset(_asked: Asked, name: str) -> Response:
    """Return a part of the pages, named by its content."""
    return _file(f"assets/{name}", name, kept=FOR_EVER)


@routes.get("/icon.svg", media="image/svg+xml")
def icon(_asked: Asked) -> Response:
    """Return the icon."""
    return _file("icon.svg", "icon.svg", kept="public, max-age=86400")


@routes.get("/sw.js", media="text/javascript")
def service_worker(_asked: Asked) -> Response:
    """Return the service worker, which is asked for anew each time."""
    return _file("sw.js", "sw.js", kept=ASK_FIRST)


def _page(name: str) -> Response:
    return _file(name, name, kept=ASK_FIRST, **{"Content-Security-Policy": policy()})


def _file(path: str, name: str, *, kept: str, **headers: str) -> Response:
    """Return a file of the pages. Raises Unknown for any that is not there."""
    found = folder() / path
    if not _NAME.match(name) or not found.is_file():
        raise Unknown(what="page")
    media = TYPES.get(found.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    content = found.read_bytes()
    is_text = found.suffix in TYPES
    said = {
        "Content-Type": media,
        "Cache-Control": kept,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        **headers,
    }
    body = content.decode() if is_text else content
    return Response(body, headers=dict(said), status_code=int(HTTPStatus.OK))


@cache
def policy() -> str:
    """Return the pages' Content-Security-Policy: ourselves, the issuer, and where files are."""
    settings = ambient.settings()
    sources = ["'self'", *_issuers(settings.issuer), *_files()]
    photos = ["'self'", "data:", "blob:", *_files()]
    rules = {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": photos,
        "connect-src": sources,
        "worker-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'", *_issuers(settings.issuer)],
        "frame-ancestors": ["'none'"],
    }
    return "; ".join(f"{name} {' '.join(values)}" for name, values in rules.items())


def _issuers(issuer: str) -> list[str]:
    """Return the issuer's origin; Cognito hands out tokens under another one."""
    found = [origin] if (origin := _origin(issuer)) else []
    cognito = _COGNITO.match(issuer)
    if cognito:
        found.append(f"https://*.auth.{cognito[1]}.amazoncognito.com")
    return found


def _files() -> list[str]:
    """Return the origin to which photos are posted and from which they are shown, if not ours."""
    if not ambient.settings().files.startswith("s3:"):
        return []
    form = files().presign_upload(
        "incoming/0", content_type="image/jpeg", max_bytes=1, at=ambient.now()
    )
    return [_origin(form.url)]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else ""
