"""What the house says of itself: its tables as data, its words, its promises, its health."""

import json
from http import HTTPStatus
from typing import Any, Final

from chalice.app import Response

from chalicelib import ambient
from chalicelib.api import asking
from chalicelib.api.access import desk_at
from chalicelib.api.asking import JSON, Asked
from chalicelib.api.routes import SAFE, Routes, Security, answer
from chalicelib.domain import words
from chalicelib.usecases import publishing, telling
from chalicelib.usecases.showing import stamp

routes = Routes(__name__, security=Security.OPEN)
root = Routes(__name__, security=Security.OPEN, prefix="")

FEW_MINUTES: Final = {"Cache-Control": "public, max-age=300"}
A_MOMENT: Final = {"Cache-Control": "public, max-age=15"}


@routes.get("/meta/permissions", gives="Permissions")
def get_permissions(_asked: Asked) -> Response:
    """Return the permission table that the code obeys: role, capability, relation of offices."""
    return answer(telling.permissions(), headers=FEW_MINUTES)


@routes.get("/meta/procedures", gives="Procedures")
def get_procedures(asked: Asked) -> Response:
    """Return every procedure as data: stages, moves, needs, gates, clocks."""
    return answer({"items": telling.procedures(desk_at(asked))}, headers=FEW_MINUTES)


@routes.get("/meta/limits", gives="Limits", params=(asking.code("office"),), refuses=("unknown",))
def get_limits(asked: Asked) -> Response:
    """Return every limit in force today with its source, at an office if one is named."""
    desk = desk_at(asked)
    items = telling.limits(desk, asked.query["office"], asked.language, at=asked.at)
    return answer({"ruleset": desk.ruleset, "items": items})


@routes.get("/meta/promises", gives="PromiseMade[]")
def get_promises(asked: Asked) -> Response:
    """Return what we promise, from the limits in force today."""
    return answer(telling.promises(desk_at(asked), asked.language, at=asked.at))


@routes.get("/meta/words", gives="WordList", params=(asking.choice("lang", words.LANGUAGES),))
def get_words(asked: Asked) -> Response:
    """Return every label in one language."""
    language = asked.query["lang"] or asked.language
    return answer(
        words.in_language(language), headers={**FEW_MINUTES, "Content-Language": language}
    )


@routes.get("/health", gives="Health")
def get_health(asked: Asked) -> Response:
    """Answer 200 when the house and its store do, 503 when the store does not."""
    desk = desk_at(asked)
    snapshot = desk.snapshot
    return answer(
        {
            "ok": True,
            "at": stamp(asked.at),
            "counties": len(snapshot.counties),
            "unreadable": len(snapshot.unreadable),
        }
    )


@root.get("/status.json", gives="Outages")
def get_status(asked: Asked) -> Response:
    """Return the public status as it is published: outages and news, at most 10 s old."""
    return answer(_status(asked), headers=A_MOMENT)


@root.get("/status.rss", gives="", media="application/rss+xml")
def get_feed(asked: Asked) -> Response:
    """Return the public status as RSS 2.0."""
    address = f"{ambient.settings().public_url}/status"
    headers = {"Content-Type": publishing.RSS, **SAFE, **A_MOMENT}
    return Response(publishing.feed(_status(asked), site=address), headers=dict(headers))


def _status(asked: Asked) -> dict[str, Any]:
    desk = desk_at(asked)
    return publishing.status(desk, publishing.known(desk, at=asked.at), at=asked.at)


_document: dict[str, str] = {}


@root.get("/openapi.json", gives="")
def get_openapi(_asked: Asked) -> Response:
    """Return this interface's OpenAPI 3.1 document."""
    from chalicelib.api.openapi import document  # noqa: PLC0415 - pydantic: made once, on demand

    if not _document:
        made: Any = document(root.current_app)
        _document["text"] = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    headers = {"Content-Type": JSON, **FEW_MINUTES}
    return Response(_document["text"], headers=dict(headers), status_code=int(HTTPStatus.OK))
