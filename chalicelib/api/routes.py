"""Routes: one decorator puts a view on its path, makes it speak problems and describes it.

    citizen = Routes(__name__, audience=Audience.CITIZEN)

    @citizen.post("/public/orders", takes="NewOrder", gives="Accepted", status=201, ...)
    def post_order(asked: Asked) -> Response: ...

A view is handed an `Asked` and the parts of its path. What it is described by is what the OpenAPI
is made of (`openapi.py`), so a route without a description cannot exist.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import wraps
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from chalice.app import Blueprint, CORSConfig, Response

from chalicelib.api.asking import JSON, MOST_BODY, Asked, Param, path_text
from chalicelib.api.problem import speaks_problems
from chalicelib.domain.staff import Capability

CORS: Final = CORSConfig(
    allow_origin="*",
    allow_headers=["Accept-Language", "Idempotency-Key", "If-Match", "Tracking-Token"],
    expose_headers=["Content-Disposition", "Content-Language", "ETag", "Location", "Retry-After"],
    max_age=600,
)
"""Any origin: nothing here is authorised by a cookie, so there is nothing to borrow."""

SAFE: Final = MappingProxyType({"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


View = Callable[..., Response]
Decorator = Callable[[View], View]


class Security(StrEnum):
    """How a caller says who they are."""

    OPEN = "open"
    TRACKING = "tracking"
    STAFF = "staff"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Operation:
    """What one operation takes, gives and refuses. `takes` and `gives` name models of `models.py`.

    also: other statuses with the same answer. refuses: slugs beside those that every operation may
    answer with. example: a body to try.
    file: the field of the body that holds a file in base64; it may then be sent as it is, too.
    media: of the answer. keyed: it changes something, so it asks for an Idempotency-Key.
    """

    operation_id: str
    method: str
    path: str
    summary: str
    audience: str
    security: Security
    capability: Capability | None = None
    takes: str = ""
    most_body: int = MOST_BODY
    file: str = ""
    gives: str = ""
    status: int = 200
    also: tuple[int, ...] = ()
    keyed: bool = False
    matched: bool = False
    params: tuple[Param, ...] = ()
    refuses: tuple[str, ...] = ()
    example: Mapping[str, Any] | None = None
    media: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class Routes(Blueprint):
    """A blueprint for one audience."""

    def __init__(self, name: str, *, security: Security, prefix: str = "/api/v1") -> None:
        super().__init__(name)
        self._security = security
        self._prefix = prefix
        self._audience = name.rpartition(".")[2]

    def get(self, path: str, **about: Any) -> Decorator:
        """Put a view that reads on a path."""
        return self._on("GET", path, about)

    def post(self, path: str, **about: Any) -> Decorator:
        """Put a view on a path. It asks for an Idempotency-Key unless `keyed=False`."""
        return self._on("POST", path, {"keyed": True, **about})

    def put(self, path: str, **about: Any) -> Decorator:
        """Put a view that replaces something on a path; as `post`."""
        return self._on("PUT", path, {"keyed": True, **about})

    def delete(self, path: str, **about: Any) -> Decorator:
        """Put a view that takes something away on a path; as `post`."""
        return self._on("DELETE", path, {"keyed": True, **about})

    def _on(self, method: str, path: str, about: Mapping[str, Any]) -> Decorator:
        def register(view: View) -> View:
            operation = Operation(
                operation_id=view.__name__,
                method=method,
                path=self._prefix + path,
                summary=(view.__doc__ or "").strip(),
                audience=self._audience,
                **{"security": self._security, **about},
            )
            offered = self._offered(view, operation)
            self.route(self._prefix + path, methods=[method], cors=CORS, content_types=[])(offered)
            return offered

        return register

    def _offered(self, view: View, operation: Operation) -> View:
        """Wrap a view: make the `Asked`, check the key where one is needed, speak problems."""

        def asked() -> Asked:
            return Asked(
                self.current_request,
                operation.params,
                operation.takes,
                operation.most_body,
                operation.file,
            )

        @speaks_problems(
            language=lambda: asked().language,
            request_id=lambda: asked().request_id,
            for_staff=operation.security is Security.STAFF,
        )
        @wraps(view)
        def offered(**parts: str) -> Response:
            this = asked()
            if operation.keyed:
                _ = this.key
            is_page = operation.media == "text/html"  # sign-in and QR codes add to its address
            if operation.params or (self.current_request.query_params and not is_page):
                _ = this.query
            return view(this, **{name: path_text(part) for name, part in parts.items()})

        offered.operation = operation  # type: ignore[attr-defined] # read by `operation_of`
        return offered


def operation_of(view: Any) -> Operation:
    """Return the description of a view that was put on a path by `Routes`."""
    operation: Operation = view.operation
    return operation


def answer(
    body: Any, *, status: int = HTTPStatus.OK, headers: Mapping[str, str] = MappingProxyType({})
) -> Response:
    """Return a JSON answer. Nobody may keep a copy of it."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(
        text,
        headers={"Content-Type": JSON, **SAFE, **headers},
        status_code=int(status),
    )


def download(content: str | bytes, *, media: str, name: str, rows: int) -> Response:
    """Return a file to keep, with how many rows it has."""
    headers = {
        "Content-Type": media,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Rows": str(rows),
        **SAFE,
    }
    return Response(content, headers=dict(headers), status_code=int(HTTPStatus.OK))


def etag(version: int) -> dict[str, str]:
    """Return the header that says which version was answered."""
    return {"ETag": f'"{version}"'}


def params(*groups: Param | Sequence[Param]) -> tuple[Param, ...]:
    """Return parameters in one row."""
    return tuple(
        param for group in groups for param in ((group,) if isinstance(group, Param) else group)
    )
