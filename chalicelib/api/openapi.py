"""The OpenAPI 3.1 document, made from the routes and their models; nothing in it is written twice.

Served at /openapi.json and printed by `python -m infra.openapi`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from chalice.app import Chalice
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chalicelib.api.asking import FILE, JSON, LONGEST_KEY, model
from chalicelib.api.problem import MEDIA_TYPE, STATUS
from chalicelib.api.routes import Operation, Security, operation_of

VERSION: Final = "1"
REFERENCE: Final = "#/components/schemas/{model}"
_PART: Final = re.compile(r"\{(\w+)\}")

References = Mapping[tuple[str, Any], Any]
"""The schema of a model by its name and mode."""

SCHEMES: Final[Mapping[str, Any]] = {
    Security.STAFF.value: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of the issuer that /api/v1/public/config names.",
    },
    Security.KEY.value: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "lk_…",
        "description": "An integrator's key, made by an administrator and shown once.",
    },
    Security.TRACKING.value: {
        "type": "apiKey",
        "in": "header",
        "name": "Tracking-Token",
        "description": "The token that came with the order's number.",
    },
}


def document(app: Chalice) -> dict[str, Any]:
    """Return the document of everything that an app answers."""
    operations = sorted(_operations(app), key=lambda each: (each.path, each.method))
    schemas, definitions = models_json_schema(
        [(model(name), mode) for name, mode in sorted(_named(operations))],
        ref_template=REFERENCE,
    )
    references = {(made[0].__name__, made[1]): schema for made, schema in schemas.items()}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _described(operation, references)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "守灯 Lightkeeper",
            "version": VERSION,
            "description": "The service desk of a power-supply company.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": _lean(definitions["$defs"]), "securitySchemes": dict(SCHEMES)},
    }


def _lean(schema: Any) -> Any:
    """Leave out titles that only repeat a name, and defaults of null, which no schema allows."""
    if isinstance(schema, list):
        return [_lean(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _lean(each)
        for name, each in schema.items()
        if not (name == "title" and isinstance(each, str))
        and not (name == "default" and each is None)
    }


def _operations(app: Chalice) -> Iterator[Operation]:
    for methods in app.routes.values():
        for entry in methods.values():
            yield operation_of(entry.view_function)


def _named(operations: Iterable[Operation]) -> set[tuple[str, Any]]:
    """Return (model, mode) of everything that is taken or given."""
    found: set[tuple[str, Any]] = {("Problem", "serialization")}
    for operation in operations:
        if operation.takes:
            found.add((operation.takes, "validation"))
        if operation.gives:
            found.add((operation.gives.removesuffix("[]"), "serialization"))
    return found


def _described(operation: Operation, references: References) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.operation_id,
        "summary": operation.summary.partition("\n")[0].rstrip("."),
        "description": operation.summary,
        "tags": [operation.audience],
        "security": [] if operation.security is Security.OPEN else [{operation.security.value: []}],
        "parameters": [*_path_parameters(operation), *_query(operation), *_headers(operation)],
        "responses": {
            **{
                str(int(status)): _success(operation, references, status)
                for status in (operation.status, *operation.also)
            },
            **_failures(operation, references),
        },
    }
    if operation.capability:
        described["x-capability"] = operation.capability.value
    if operation.takes:
        content: dict[str, Any] = {"schema": references[_bare(operation.takes), "validation"]}
        if operation.example is not None:
            content["example"] = dict(operation.example)
        contents = {JSON: content}
        if operation.file:
            contents[FILE] = {"schema": {"type": "string", "format": "binary"}}
        described["requestBody"] = {"required": True, "content": contents}
    return described


def _bare(name: str) -> str:
    return name.rpartition(":")[2]


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^[0-9]{16}$"}
            if name == "number"
            else {"type": "string", "minLength": 1, "maxLength": 200},
        }
        for name in _PART.findall(operation.path)
    ]


def _query(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": param.name,
            "in": "query",
            "required": param.required,
            "schema": dict(param.schema),
            **({"description": param.about} if param.about else {}),
        }
        for param in operation.params
    ]


def _headers(operation: Operation) -> list[dict[str, Any]]:
    languages = {"type": "string", "enum": ["zh", "en"]}
    found = [_header("Accept-Language", languages, "The language of problems.")]
    if operation.keyed:
        key = {"type": "string", "pattern": f"^[!-~]{{1,{LONGEST_KEY}}}$"}
        about = "The same key and body give the same answer; another body is refused."
        found.append(_header("Idempotency-Key", key, about, required=True))
    if operation.matched:
        version = {"type": "string", "pattern": '^"?[0-9]{1,9}"?$'}
        found.append(_header("If-Match", version, "The version that was seen (ETag)."))
    return found


def _header(
    name: str, schema: Mapping[str, Any], about: str, *, required: bool = False
) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "schema": dict(schema),
        "description": about,
    }


def _success(operation: Operation, references: References, status: int) -> dict[str, Any]:
    answered: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if operation.gives:
        is_list = operation.gives.endswith("[]")
        one = references[_bare(operation.gives.removesuffix("[]")), "serialization"]
        schema = {"type": "array", "items": one} if is_list else one
        answered["content"] = {operation.media: {"schema": schema}}
    else:
        answered["content"] = {
            media.strip(): {"schema": {}} for media in operation.media.split(",")
        }
    return answered


def _failures(operation: Operation, references: References) -> dict[str, Any]:
    by_status: dict[str, list[str]] = {}
    for slug in _slugs(operation):
        by_status.setdefault(str(int(STATUS[slug])), []).append(slug)
    schema = references["Problem", "serialization"]
    return {
        status: {
            "description": ", ".join(slugs),
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status, slugs in sorted(by_status.items())
    }


def _slugs(operation: Operation) -> list[str]:
    """Return what an operation may refuse: what it says, and what its parts imply."""
    slugs = {*operation.refuses, "bug", "busy", "bad-input"}
    if operation.security in {Security.STAFF, Security.KEY}:
        slugs |= {"not-signed-in", "not-allowed"}
    if operation.takes:
        slugs |= {"too-large", "unsupported"}
    if "{" in operation.path:
        slugs.add("unknown")
    return sorted(slugs)


def validated(operation: Operation, answered: Any) -> None:
    """Check an answer against the model that its operation gives. Raises ValidationError."""
    if not operation.gives:
        return
    made: type[BaseModel] = model(operation.gives.removesuffix("[]"))
    many = operation.gives.endswith("[]")
    for each in answered if many else [answered]:
        made.model_validate(each)
