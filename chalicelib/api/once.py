"""Writes that are done once for their Idempotency-Key, and answered again as they were answered."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from chalice.app import Response

from chalicelib.api.access import OnDesk
from chalicelib.api.asking import Asked
from chalicelib.api.desk import naming
from chalicelib.api.routes import answer, etag
from chalicelib.domain.order import canonical
from chalicelib.domain.refusal import KeyReused, KeySpent
from chalicelib.store import answered
from chalicelib.store.answered import Answered
from chalicelib.usecases.showing import stamp


@dataclass(frozen=True, slots=True)
class Made:
    """What a write made. secret: shown this once and kept out of what is kept."""

    body: Mapping[str, Any]
    version: int | None = None
    secret: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


Thing = Mapping[str, Any]
ToDo = Callable[[], Made | Thing]


def once(asked: Asked, on: OnDesk, make: ToDo, status: int) -> Response:
    """Do a write, or answer what it was answered before. Raises KeyReused, KeySpent."""
    query = {name: str(value) for name, value in asked.query.items()}
    whole = [asked.request.method, asked.request.path, query, asked.raw_body]
    request = hashlib.sha256(canonical(whole).encode()).hexdigest()
    before = answered.recall(on.caller, asked.key, at=asked.at)
    if before is not None:
        if before.request != request:
            raise KeyReused
        if before.spent:
            raise KeySpent
        return shown(before.body, before.status, before.version)
    with naming(on.desk):
        what = make()
    made = what if isinstance(what, Made) else Made(what, what.get("version"))
    body = plain(made.body)
    kept = Answered(
        request=request,
        status=int(status),
        body=None if made.secret else body,
        version=made.version,
        spent=bool(made.secret),
    )
    answered.keep(on.caller, asked.key, kept, at=asked.at)
    return shown({**body, **made.secret}, status, made.version)


def shown(body: Any, status: int, version: int | None) -> Response:
    """Return an answer, its version as its ETag."""
    return answer(body, status=status, headers=etag(version) if version is not None else {})


def plain(value: Any) -> Any:
    """Return rows of the use cases as JSON has them: instants as stamps."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
