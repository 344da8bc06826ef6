"""Refusals as problems (RFC 9457): the only place that pairs a refusal's slug with a status.

`speaks_problems` works inside the view: Chalice turns what a view raises into its own 500 before
any middleware runs, and adds the CORS headers only to what a view returns.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from chalice.app import Response

from chalicelib import telemetry
from chalicelib.domain import words
from chalicelib.domain.refusal import BadInput, FieldError, Refused, Unknown

STATUS: Final[Mapping[str, HTTPStatus]] = MappingProxyType(
    {
        "bad-input": HTTPStatus.UNPROCESSABLE_ENTITY,
        "not-signed-in": HTTPStatus.UNAUTHORIZED,
        "not-allowed": HTTPStatus.FORBIDDEN,
        "unknown": HTTPStatus.NOT_FOUND,
        "illegal-move": HTTPStatus.CONFLICT,
        "gate-closed": HTTPStatus.CONFLICT,
        "stale": HTTPStatus.PRECONDITION_FAILED,
        "key-reused": HTTPStatus.UNPROCESSABLE_ENTITY,
        "key-spent": HTTPStatus.CONFLICT,
        "too-many": HTTPStatus.TOO_MANY_REQUESTS,
        "too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "unsupported": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "busy": HTTPStatus.SERVICE_UNAVAILABLE,
        "bug": HTTPStatus.INTERNAL_SERVER_ERROR,
    }
)
MEDIA_TYPE: Final = "application/problem+json"
BUSY_SECONDS: Final = 2
PERSONS: Final = frozenset({"by", "by_name", "role"})
"""Facts that name one of the staff: for the staff alone."""

_RESERVED: Final = frozenset({"type", "title", "status", "detail", "instance", "errors"})
_QUALITY: Final = re.compile(r"\s*q=([01](?:\.\d{0,3})?)\s*\Z")


def language_of(accept_language: str) -> str:
    """Return zh or en, whichever a caller likes better; zh where they name neither."""
    liked = dict.fromkeys(words.LANGUAGES, 0.0)
    for item in accept_language[:200].lower().split(","):
        tag, _, quality = item.partition(";")
        name = tag.strip().partition("-")[0]
        weight = _QUALITY.match(quality)
        if name in liked:
            liked[name] = max(liked[name], float(weight[1]) if weight else 1.0)
    return max(words.LANGUAGES, key=lambda language: liked[language])


def problem(refused: Refused, language: str, *, for_staff: bool = False) -> Response:
    """Return a refusal in the caller's words.

    Who was first is told to the staff alone. `unknown` carries no facts at all: what is foreign and
    what does not exist must answer alike to the last byte.
    """
    facts = {
        name: plain(value)
        for name, value in refused.facts.items()
        if name not in _RESERVED and (for_staff or name not in PERSONS)
    }
    if isinstance(refused, Unknown):
        facts = {}
    named = refused.errors if isinstance(refused, BadInput) else ()
    errors = [_field(error, language) for error in named]
    return _response(refused.slug, language, facts, errors)


def bug(language: str, request_id: str) -> Response:
    """Return the answer to what should not have happened: no details, only where to look."""
    return _response("bug", language, {"instance": f"/requests/{request_id}"}, [])


def speaks_problems(
    *, language: Callable[[], str], request_id: Callable[[], str], for_staff: bool = False
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Decorate a view so that what it refuses, and what breaks in it, leaves as a problem."""

    def decorate(view: Callable[..., Response]) -> Callable[..., Response]:
        @wraps(view)
        def spoken(*args: Any, **kwargs: Any) -> Response:
            try:
                try:
                    return view(*args, **kwargs)
                except Refused as refused:
                    telemetry.log("api.refused", slug=refused.slug, op=view.__name__)
                    return problem(refused, language(), for_staff=for_staff)
            except Exception as error:  # noqa: BLE001 - the last gate: a bug leaves without details
                telemetry.fail("api.failed", error, op=view.__name__)
                return bug(language(), request_id())

        return spoken

    return decorate


def plain(value: Any) -> Any:
    """Return a fact as JSON has it: instants in UTC with milliseconds, durations in seconds."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def stamp(at: datetime) -> str:
    """Return an instant as the interface writes it: `2026-11-21T06:47:00.000Z`."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def _field(error: FieldError, language: str) -> dict[str, str]:
    facts = {name: _spoken(value) for name, value in error.facts.items()}
    detail = words.say(f"code.{error.code}", language, **facts)
    return {"field": error.field, "code": error.code, "detail": detail}


def _spoken(value: Any) -> str:
    return "、".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _response(
    slug: str, language: str, facts: Mapping[str, Any], errors: list[dict[str, str]]
) -> Response:
    status = STATUS[slug]
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Content-Language": language,
        "Cache-Control": "no-store",
    }
    if slug == "not-signed-in":
        headers["WWW-Authenticate"] = "Bearer"
    retry_after = facts.get("retry_after", BUSY_SECONDS if slug == "busy" else None)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    body = {
        **facts,
        "type": f"/problems/{slug}",
        "title": words.say(f"problem.{slug}.title", language),
        "status": status.value,
        "detail": words.say(f"problem.{slug}.detail", language, **facts),
        "errors": errors,
    }
    return Response(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        headers=dict(headers),
        status_code=status.value,
    )
