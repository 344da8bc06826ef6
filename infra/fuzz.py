"""Fuzz the interface through its own OpenAPI: `python -m infra.fuzz --cases 2000`.

Schemathesis makes requests that fit the document and requests that do not, for each operation about
as many. Half of them are aimed: real numbers, names and credentials stand where made-up ones would
only ever find nothing. Every answer is held against what the document declares of its operation.

The command runs tests/api/test_fuzz.py, which keeps a county on the embedded store and calls the
real app within its own process; `make check` runs the same with few cases.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from chalice.app import Chalice
from chalice.local import LocalGatewayException
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from requests import PreparedRequest
from requests import Request as Prepare
from schemathesis import Case, GenerationMode, Response, openapi
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from infra.local.gateway import Gateway

ROOT: Final = Path(__file__).resolve().parents[1]
CASES: Final = "LIGHTKEEPER_FUZZ_CASES"
SEED: Final = "LIGHTKEEPER_FUZZ_SEED"
FEW: Final = 200
"""Cases of a run that nobody sized: as `make check` has it."""

BASE: Final = "http://desk.test"
MOST_SHOWN: Final = 400
PAGES: Final = "pages"
CHECKS: Final[Sequence[CheckFunction]] = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
EXCLUDED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "operations tagged pages": "files of the front end: they take no input, and "
        "tests/api/test_pages.py reads each",
        "positive_data_acceptance": "rules that a schema cannot say (a station of another county, "
        "a move from another stage) refuse what fits it, with 404, 409, 412 or 422",
        "negative_data_rejection": "header values that do not fit (a third language) are passed "
        "over on purpose; fields are mutated one by one in tests/api/test_fuzz.py instead",
        "unsupported_method": "the gateway answers other methods; no view is reached",
        "ignored_auth": "tests/api/test_fuzz.py tries every operation with credentials of others",
        "stateful phase": "links would repeat these requests in sequences that "
        "tests/api/test_journey.py and tests/usecases walk with their meaning",
        "coverage phase": "its boundary values are those of the mutated fields, and its duplicated "
        "and missing parameters those of tests/api/test_bad_input.py",
    }
)
"""What is not held against an answer or not tried, and why."""


# The way in ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Header names are as the app wrote them."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Way:
    """The app within this process, behind the gateway of the local platform."""

    gateway: Gateway

    @classmethod
    def into(cls, app: Chalice) -> "Way":
        """Return the way into an app."""
        return cls(Gateway(app, stage=""))

    def send(self, request: PreparedRequest) -> Answer:
        """Return what is answered. What the gateway refuses by itself is an answer too."""
        parts = urlsplit(str(request.url))
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        content = _content(request)
        headers = {_text(name): _text(value) for name, value in request.headers.items()}
        try:
            answered = self.gateway.handle_request(str(request.method), path, headers, content)
        except LocalGatewayException as refused:
            return Answer(refused.CODE, dict(refused.headers), (refused.body or b""))
        flat = {**answered["headers"]}
        for name, values in answered["multiValueHeaders"].items():
            flat[name] = ", ".join(map(str, values))
        said = answered["body"]
        body = said.encode() if isinstance(said, str) else bytes(said)
        return Answer(answered["statusCode"], flat, body)


def _content(request: PreparedRequest) -> bytes:
    body: Any = request.body or b""
    return bytes(body) if isinstance(body, bytes) else str(body).encode("utf-8", "surrogatepass")


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


# What there is to aim at --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class World:
    """Who may call, and what is really there.

    credentials: headers by the name of a security scheme or of a capability, several to draw from.
    parts: values by the name of a parameter or a body's field. tokens: tracking tokens by the
    order's number. writes: how many writes of the store have succeeded so far.
    """

    way: Way
    document: Mapping[str, Any]
    credentials: Mapping[str, Sequence[Mapping[str, str]]]
    parts: Mapping[str, Sequence[str]]
    tokens: Mapping[str, str]
    writes: Callable[[], int]


@dataclass(slots=True)
class Tally:
    """What became of the cases."""

    cases: int = 0
    operations: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield the report."""
        yield (
            f"fuzz: {self.cases} cases on {len(self.operations)} operations, "
            f"{self.cases - len(self.failures)} passed, {len(self.failures)} failed"
        )
        counted = ", ".join(
            f"{status}: {self.statuses[status]}" for status in sorted(self.statuses)
        )
        yield f"  answers by status: {counted}"
        yield from (f"  excluded {what}: {why}" for what, why in EXCLUDED.items())
        yield from (f"  FAILED {each}" for each in self.failures)


# Fuzzing ------------------------------------------------------------------------------------------


def fuzz(world: World, *, cases: int, number: int = 0) -> Tally:
    """Try so many cases and return what became of them. number: of the run; the same, the same."""
    schema = openapi.from_dict(dict(world.document)).exclude(tag=PAGES)
    found: Any = schema.get_all_operations()
    operations = [each.ok() for each in found]
    tally, turns = Tally(), [(each, mode) for each in operations for mode in GenerationMode]
    while tally.cases < cases:
        for place, (operation, mode) in enumerate(turns):
            # What an operation without input cannot vary any more is left to those after it.
            size = math.ceil((cases - tally.cases) / (len(turns) - place))
            if size:
                _operation(world, tally, operation, mode, size=size, number=number)
        number += 1
    return tally


def _operation(
    world: World, tally: Tally, operation: Any, mode: GenerationMode, *, size: int, number: int
) -> None:
    @seed(number)
    @settings(
        max_examples=size,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def each(case: Case[Any], data: st.DataObject) -> None:
        headers = _aim(world, operation, case, data, fits=mode.is_positive)
        _try(world, tally, operation, case, headers)

    each()


def _aim(world: World, operation: Any, case: Case[Any], data: Any, *, fits: bool) -> dict[str, str]:
    """Put what is really there in place of what was made up, and return who calls."""
    raw = operation.definition.raw
    if data.draw(st.integers(0, 3)):
        for name in case.path_parameters or {}:
            if name in world.parts:
                case.path_parameters[name] = data.draw(st.sampled_from(world.parts[name]))
        if fits:
            for name in (case.query or {}).keys() & world.parts.keys():
                case.query[name] = data.draw(st.sampled_from(world.parts[name]))
            _aim_body(world, raw, case, data)
    return _caller(world, raw, case, data)


def _aim_body(world: World, raw: Mapping[str, Any], case: Case[Any], data: Any) -> None:
    """Start from the operation's example, with some of the fields that were made up."""
    content = raw.get("requestBody", {}).get("content", {}).get("application/json", {})
    if not isinstance(case.body, dict) or "example" not in content:
        return
    made, example = case.body, content["example"]
    taken = {name: value for name, value in made.items() if not data.draw(st.integers(0, 3))}
    body = {**example, **taken}
    for name in body.keys() & world.parts.keys():
        if data.draw(st.booleans()):
            body[name] = data.draw(st.sampled_from(world.parts[name]))
    case.body = body


def _caller(world: World, raw: Mapping[str, Any], case: Case[Any], data: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    for scheme in (name for each in raw.get("security", []) for name in each):
        entitled = world.credentials.get(raw.get("x-capability", ""), ())
        callers = world.credentials.get(scheme, ())
        if entitled and scheme == "staff" and data.draw(st.integers(0, 4)):
            callers = entitled
        if callers:
            headers |= data.draw(st.sampled_from(callers))
    token = world.tokens.get(str((case.path_parameters or {}).get("number", "")))
    if token:
        headers["Tracking-Token"] = token
    return headers


def _try(
    world: World, tally: Tally, operation: Any, case: Case[Any], headers: dict[str, str]
) -> None:
    kwargs = case.as_transport_kwargs(base_url=BASE, headers=headers)
    prepared = Prepare(**{k: v for k, v in kwargs.items() if k in _PREPARED}).prepare()
    before = world.writes()
    answer = world.way.send(prepared)
    written = world.writes() - before
    tally.cases += 1
    tally.operations.add(operation.label)
    tally.statuses[answer.status] += 1
    wrong = [*_unlike_declared(case, prepared, answer), *_unlike_a_refusal(answer, written)]
    if wrong:
        sent = _text(_content(prepared))[:MOST_SHOWN]
        where = f"{prepared.method} {prepared.path_url[:MOST_SHOWN]} {sent}"
        said = answer.body[:MOST_SHOWN].decode("utf-8", "replace")
        tally.failures.append(f"{'; '.join(wrong)}: {where} -> {answer.status} {said}")


_PREPARED: Final = frozenset(
    {"method", "url", "headers", "params", "data", "json", "files", "cookies"}
)


def _unlike_declared(case: Case[Any], prepared: PreparedRequest, answer: Answer) -> Iterator[str]:
    """Yield what the document does not say of an answer."""
    headers = {name.lower(): [str(value)] for name, value in answer.headers.items()}
    response = Response(answer.status, headers, answer.body, prepared, elapsed=0.0, verify=False)
    try:
        case.validate_response(response, checks=list(CHECKS))
    except FailureGroup as group:
        yield from (f"{each.title}: {str(each.message)[:MOST_SHOWN]}" for each in group.exceptions)


REFUSED: Final = frozenset({401, 403, 404, 409, 412, 413, 415, 422, 429})


def _unlike_a_refusal(answer: Answer, written: int) -> Iterator[str]:
    """Yield where a refusal is no problem, or has changed something."""
    if answer.status < 400:  # noqa: PLR2004 - from here on it is a refusal
        return
    if answer.status not in REFUSED:
        yield f"{answer.status} is no refusal of ours"
    said = json.loads(answer.body)
    if said.get("status") != answer.status or not str(said.get("type")).startswith("/problems/"):
        yield "no problem"
    if not said.get("title") or not said.get("detail"):
        yield "without words"
    if answer.status == 422 and "errors" in said and said["type"] == "/problems/bad-input":  # noqa: PLR2004
        nameless = [each for each in said["errors"] if not each["code"] or not each["detail"]]
        if nameless or not said["errors"]:
            yield "names no field"
    if written:
        yield f"refused, and yet {written} writes"


def sized() -> tuple[int, int]:
    """Return how many cases this run has, and its number, as the command or nobody said."""
    return int(os.environ.get(CASES, str(FEW))), int(os.environ.get(SEED, "0"))


def show(tally: Tally) -> None:
    """Print the report."""
    print("", *tally.lines(), sep="\n")


# The command --------------------------------------------------------------------------------------


def main() -> None:
    """Run the fuzz tests with so many cases; the exit code is theirs."""
    parser = argparse.ArgumentParser(prog="python -m infra.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    environment = {**os.environ, CASES: str(asked.cases), SEED: str(asked.seed)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/api/test_fuzz.py",
        "-q",
        "-s",
        "--show-capture=no",
        "-k",
        "fits",
    ]
    sys.exit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
