"""Nothing that is sent makes the app fail, answer what it does not declare, or write by mistake."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from requests import Request

from chalicelib.api.routes import Security, operation_of
from chalicelib.domain.order import Actor
from chalicelib.domain.staff import Office, OfficeLevel, Role, Staff
from chalicelib.store import registry
from chalicelib.store.registry import Member
from chalicelib.store.rows import House
from infra import fuzz
from infra.fuzz import Way, World
from tests.api.conftest import (
    ACCOUNT,
    CITY,
    COUNTY,
    ELSEWHERE_STATION,
    PHONE,
    PLACE,
    PROVINCE,
    SETUP,
    STATION,
    Api,
    documented,
)
from tests.builders import an_order_id

SPARE, SPARE_OFFICE = "spare-1", "S-QINGHE-09"
MOVES = (
    *("dispatch", "receive", "arrive", "restore", "reply", "note", "suspend", "resume", "expedite"),
    *("supervise", "escalate", "archive", "reject", "reassign", "correct_kind", "correct_phone"),
    *("correct_place", "explain_delay", "visit", "reopen", "terminate", "nonsense"),
    *("publish", "rewrite", "check_passed", "check_found", "drop_paper", "report_rework"),
)
REQUIRED = {
    "q": "1",
    "number": an_order_id(1),
    "aggregate": an_order_id(1),
    "office": COUNTY,
    "effective_from": "2026-12-01",
    "county": COUNTY,
    "feeder": "feeder/F1",
    "devices": "F1-CB",
    "from": "2026-11-01",
    "to": "2026-11-30",
}
"""A value for every query parameter that must be there."""


@pytest.fixture
def world(api: Api, store: House) -> Iterator[World]:
    """A county with orders in several stages, and all who may call."""
    with counted(store) as writes:
        yield a_world(api, writes)


@contextmanager
def counted(store: House) -> Iterator[list[str]]:
    """Collect the store's writes that succeed, but for those of rate limits."""
    made: list[str] = []
    bodies: list[str] = []

    def before(params: Mapping[str, Any], **_: Any) -> None:
        bodies.append(str(params["body"]))

    def after(http_response: Any, model: Any, **_: Any) -> None:
        is_write = model.name in {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems",
                                  "BatchWriteItem"}  # fmt: skip
        body = bodies.pop()
        if is_write and http_response.status_code == 200 and "count/" not in body:
            made.append(model.name)

    client: Any = store.connection.client
    events = client.meta.events
    events.register("before-call.dynamodb.*", before, "fuzz-before")
    events.register("after-call.dynamodb.*", after, "fuzz-after")
    yield made
    events.unregister("before-call.dynamodb.*", unique_id="fuzz-before")
    events.unregister("after-call.dynamodb.*", unique_id="fuzz-after")


def a_world(api: Api, writes: list[str]) -> World:
    at = api.at
    path = (PROVINCE, CITY, COUNTY, SPARE_OFFICE)
    registry.take_over(
        [Office(SPARE_OFFICE, "备用供电所", OfficeLevel.STATION, path)], by=SETUP, at=at
    )
    everybody = [
        Member(Staff(f"any-{role}", f"员工{role}", role, COUNTY, path[:3])) for role in Role
    ]
    spare = Member(Staff(SPARE, "备用", Role.CREW, SPARE_OFFICE, path))
    above = Member(Staff("top-1", "省公司管理员", Role.ADMIN, PROVINCE, path[:1]))
    registry.take_over([*everybody, spare, above], by=SETUP, at=at)
    orders = [api.reported() for _ in range(4)]
    first, _ = orders[0]
    api.move(first, "dispatch", "dispatcher-1", office=STATION)
    second, _ = orders[1]
    api.move(second, "dispatch", "dispatcher-1", office=STATION)
    api.move(second, "receive", "crew-1")
    api.move(second, "arrive", "crew-1")
    complaint = {"topic": "service_attitude", "description": "态度不好"}
    for kind, answers in (("enquiry", {"description": "问电价"}), ("complaint", complaint)):
        filed = api.post(
            "/api/v1/public/orders", {"kind": kind, "phone": PHONE, "answers": answers}
        )
        if filed.status == 201:
            orders.append((filed.body["number"], filed.body["token"]))
    papers = [
        api.post("/api/v1/papers", body, as_="any-supervisor").body["paper_id"]
        for body in (
            {"kind": "bulletin", "title": "快报", "body": "今日发生一起重大投诉"},
            {"kind": "circular", "month": "2026-10", "title": "通报", "body": "十月三件投诉"},
        )
    ]
    truck = api.post("/api/v1/resources/trucks", {"name": "车", "kw": 80}, as_="dispatcher-1")
    days = {"start": "2036-12-01T00:00:00Z", "until": "2036-12-02T00:00:00Z"}
    asked = {"sort": "truck", "kw": 50, "reason": "storm", **days}
    loan = api.post("/api/v1/resources/loans", asked, as_="dispatcher-1")
    plan = {"title": "保电", "level": "third", "account": ACCOUNT}
    when = {"start": days["start"], "finish": days["until"]}
    task = api.post("/api/v1/assurance", {**plan, **when}, as_="dispatcher-1")
    secret, key_id = a_key(api)
    people = [f"any-{role}" for role in Role] + ["top-1", "crew-1", "stranger-1"]
    staff = [{"Authorization": f"Bearer {api.issuer.token(each)}"} for each in people]
    numbers = [number for number, _ in orders]
    return World(
        way=Way.into(api.app),
        document=documented(api.app),
        credentials={
            Security.STAFF.value: staff,
            Security.KEY.value: [{"Authorization": f"Bearer {secret}"}],
            **entitled(api),
        },
        parts={
            "number": [*numbers, an_order_id(404)],
            "parent": numbers,
            "move": MOVES,
            "paper": [*papers, "261122-AAAAAAAA"],
            "office": [STATION, SPARE_OFFICE, COUNTY, ELSEWHERE_STATION, "S-NOWHERE"],
            "office_id": [SPARE_OFFICE, ELSEWHERE_STATION, "S-NOWHERE"],
            "staff": ["crew-1", SPARE],
            "staff_id": [SPARE, "stranger-1", "nobody"],
            "key_id": [key_id, "0" * 16],
            "limit_id": ["fault.arrive.urban", "complaint.legal", "nonsense"],
            "year": ["2026", "2027", "2199", "0"],
            "code": [PLACE, "TQ-0000"],
            "place": [PLACE],
            "phone": [PHONE, "0531-88881234", "95598"],
            "account_no": [ACCOUNT],
            "aggregate": [numbers[0], f"registry/office/{COUNTY}", f"access/{COUNTY}/2026-11-21"],
            "q": [numbers[0], PHONE, ACCOUNT, "建设路"],
            "channel": ["12345"],
            "case": ["QH-1"],
            "unit": ["crew-1", truck.body["id"], "nobody"],
            "loan": [loan.body["id"], "0" * 12],
            "task": [task.body["id"], "0" * 12],
            "cursor": ["", "abc.abc"],
        },
        tokens=dict(orders),
        writes=lambda: len(writes),
    )


def entitled(api: Api) -> dict[str, list[dict[str, str]]]:
    """Return the headers of those who have a capability, by its name."""
    matrix = api.get("/api/v1/meta/permissions").body["matrix"]
    found: dict[str, list[dict[str, str]]] = {}
    for role, row in matrix.items():
        people = ["top-1", f"any-{role}"] if role == "admin" else [f"any-{role}"]
        for capability in row:
            found.setdefault(capability, []).extend(
                {"Authorization": f"Bearer {api.issuer.token(person)}"} for person in people
            )
    return found


def a_key(api: Api) -> tuple[str, str]:
    """Return (secret, id) of a platform's key that may do everything."""
    made = registry.new_key(
        name="12345 平台",
        office_id=COUNTY,
        scopes=("intake", "track", "ledger.read", "webhook", "events", "sms"),
        channel="12345",
        entropy=b"e" * 32,
        by=Actor("admin", "setup"),
        at=api.at,
    )
    return made.secret, made.key.key_id


def test_every_answer_to_what_fits_and_what_does_not_is_as_declared(world):
    cases, number = fuzz.sized()

    tally = fuzz.fuzz(world, cases=cases, number=number)

    fuzz.show(tally)
    assert tally.cases == cases
    assert tally.failures == []


def listed(wrong: Sequence[Any]) -> str:
    """Return what is wrong, a line each."""
    return "\n".join(map(str, wrong))


# Bodies -----------------------------------------------------------------------------------------

DEEP = 20_000
BODIES = {
    "not JSON": b"kind=fault",
    "cut off": b'{"kind": "fau',
    "two values": b"{} {}",
    "deep arrays": b'{"x":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"x":' * DEEP + b"1" + b"}" * DEEP,
    "a bare text": b'"text"',
    "a list": b"[]",
    "null": b"null",
    "a NUL byte": b"\x00",
    "UTF-16": '{"note": "x"}'.encode("utf-16"),
    "a BOM": b"\xef\xbb\xbf{}",
    "a lone surrogate": rb'{"note": "\ud800", "kind": "\udfff"}',
    "a surrogate for a name": rb'{"\ud800": 1}',
    "a name twice": b'{"note": "a", "note": "b"}',
    "NaN": b'{"note": NaN}',
    "infinity": b'{"note": -Infinity}',
    "too large a number": b'{"note": 1e999}',
    "too long a number": b'{"note": ' + b"9" * 5_000 + b"}",
    "ten megabytes": b'{"note": "' + b"x" * 10_000_000 + b'"}',
}


def writing(world: World) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (method, path with real parts, operation) of everything that takes a body."""
    for template, methods in world.document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                path = template
                for name in re.findall(r"\{(\w+)\}", template):
                    path = path.replace(f"{{{name}}}", world.parts.get(name, ["x"])[0])
                yield method.upper(), path, operation


def sent(world: World, method: str, path: str, operation: Mapping[str, Any], body: bytes) -> Any:
    """Send as the first who may, and return the answer."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"k{abs(hash(body))}"[:60]}
    for each in operation["security"]:
        for scheme in each:
            headers |= world.credentials.get(scheme, [{}])[0]
    token = next((t for number, t in world.tokens.items() if f"/{number}" in path), "")
    headers |= {"Tracking-Token": token} if token else {}
    return world.way.send(Request(method, fuzz.BASE + path, headers=headers, data=body).prepare())


def whoever_may(api: Api, path: str, operation: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of somebody whose role has the operation's capability."""
    known = entitled(api)
    able = known.get(operation.get("x-capability", ""), known["login"])  # citizens' is no staff's
    return able[0] if "calendars" in path else able[-1]


def test_no_body_that_is_no_json_object_gets_anywhere(api, world):
    wrong: list[tuple[Any, ...]] = []
    tried = 0
    for method, path, operation in writing(world):
        mine = as_only(world, whoever_may(api, path, operation))
        for what, body in BODIES.items():
            before = world.writes()
            answer = sent(mine, method, path, operation, body)
            tried += 1
            wanted = {413, 422} if what == "ten megabytes" else {422}
            if answer.status not in wanted | {429} or world.writes() != before:
                wrong.append((operation["operationId"], what, answer.status, answer.body[:200]))

    assert not wrong, listed(wrong)
    assert tried > 400


def as_only(world: World, headers: Mapping[str, str]) -> World:
    """Return the world as one caller has it."""
    return World(
        way=world.way,
        document=world.document,
        credentials={**world.credentials, Security.STAFF.value: [headers]},
        parts=world.parts,
        tokens=world.tokens,
        writes=world.writes,
    )


# Fields -----------------------------------------------------------------------------------------

VALUES: Mapping[str, Any] = {
    "NUL": "a\x00b",
    "right-to-left override": "\u202ecod",
    "lone surrogate": "\ud800",
    "too long": "长" * 40_000,
    "a number": 5,
    "a huge number": 10**400,
    "a list": [[]],
    "an object": {"$ne": 1},
    "a flag": True,
    "empty": "",
    "null": None,
    "blank": " \u3000\u200b",
}
HOSTILE = ("NUL", "right-to-left override", "lone surrogate", "too long")
"""Values that no field of any form takes."""


def resolved(world: World, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = world.document["components"]["schemas"][
        schema["$ref"].rpartition("/")[2]
    ]
    return found


def bodies(world: World, operation: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (field, what is wrong, body): the example with one field replaced."""
    content = operation["requestBody"]["content"]["application/json"]
    example = content.get("example", {})
    for name in resolved(world, content["schema"]).get("properties", {}):
        for what, value in VALUES.items():
            yield name, what, {**example, name: value}
    for what in ("unknown", "privileged"):
        yield what, what, {**example, {"unknown": "colour", "privileged": "version"}[what]: 1}


def test_every_field_of_every_body_refuses_what_no_field_takes_and_names_it(api, world):
    wrong: list[tuple[Any, ...]] = []
    tried = 0
    for method, path, operation in writing(world):
        mine = as_only(world, whoever_may(api, path, operation))
        for name, what, body in bodies(world, operation):
            before = world.writes()
            answer = sent(mine, method, path, operation, json.dumps(body).encode())
            tried += 1
            if answer.status >= 500 or str(answer.status) not in operation["responses"]:
                wrong.append(
                    (operation["operationId"], name, what, answer.status, answer.body[:300])
                )
            elif answer.status >= 400 and world.writes() != before:
                wrong.append((operation["operationId"], name, what, "wrote"))
            elif what in HOSTILE and answer.status not in {403, 404, 409, 413, 422, 429}:
                wrong.append((operation["operationId"], name, what, answer.status))
            elif what in HOSTILE and answer.status == 422:
                fields = [each["field"] for each in json.loads(answer.body)["errors"]]
                if not any(each.partition(".")[0] == name for each in fields):
                    wrong.append((operation["operationId"], name, what, fields))

    assert not wrong, listed(wrong)
    assert tried > 1_000


# Addresses and headers --------------------------------------------------------------------------

PARTS = ["%00", "%E2%80%AE", "%ED%A0%80", "%FF", "..%2F..", "x" * 3_000, "%F0%9F%92%A1" * 400,
         "%20", "a%23b", "null", "-1", "%2525", "'", "%0d%0aX:1"]  # fmt: skip


def test_no_part_of_a_path_breaks_anything(api, world):
    wrong: list[tuple[Any, ...]] = []
    tried = 0
    for template, methods in world.document["paths"].items():
        for method, operation in methods.items():
            names = re.findall(r"\{(\w+)\}", template)
            mine = as_only(world, whoever_may(api, template, operation))
            for name in names:
                for part in PARTS:
                    path = template.replace(f"{{{name}}}", part)
                    for other in names:
                        path = path.replace(f"{{{other}}}", world.parts.get(other, ["x"])[0])
                    content = operation.get("requestBody", {}).get("content", {})
                    body = content.get("application/json", {}).get("example", {})
                    raw = json.dumps(body).encode() if content else b""
                    answer = sent(mine, method.upper(), path, operation, raw)
                    tried += 1
                    if answer.status not in {403, 404, 409 if name == "move" else 404, 422, 429}:
                        wrong.append((operation["operationId"], name, part[:20], answer.status))

    assert not wrong, listed(wrong)
    assert tried > 200


def test_no_query_breaks_anything(api, world):
    wrong: list[tuple[Any, ...]] = []
    tried = 0
    for path, methods in world.document["paths"].items():
        operation = methods.get("get")
        if operation is None or "{" in path or "pages" in operation["tags"]:
            continue
        mine = as_only(world, whoever_may(api, path, operation))
        names = [each["name"] for each in operation["parameters"] if each["in"] == "query"]
        for name in [*names, "unknown"]:
            for part in PARTS:
                answer = sent(mine, "GET", f"{path}?{name}={part}", operation, b"")
                tried += 1
                if str(answer.status) not in operation["responses"] or answer.status >= 500:
                    wrong.append((operation["operationId"], name, part[:20], answer.status))
                if name == "unknown" and answer.status != 422:
                    wrong.append((operation["operationId"], name, part[:20], answer.status))

    assert not wrong, listed(wrong)
    assert tried > 200


@pytest.mark.parametrize("scheme", [Security.STAFF, Security.KEY])
def test_nothing_behind_a_sign_in_answers_without_it(api, world, scheme):
    strange = [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": "Bearer lk_" + "0" * 43},
        {"Authorization": f"Bearer {api.issuer.token('top-1', aud='https://else.test')}"},
        {"Tracking-Token": next(iter(world.tokens.values()))},
    ]
    other = Security.KEY if scheme is Security.STAFF else Security.STAFF
    strange += world.credentials[other.value][:1]
    answers = set()
    for entries in api.app.routes.values():
        for method, entry in entries.items():
            operation = operation_of(entry.view_function)
            if operation.security is not scheme:
                continue
            path = operation.path
            for name in re.findall(r"\{(\w+)\}", path):
                path = path.replace(f"{{{name}}}", world.parts.get(name, ["x"])[0])
            needed = [each.name for each in operation.params if each.required]
            path += "?" * bool(needed) + "&".join(f"{each}={REQUIRED[each]}" for each in needed)
            body = json.dumps(dict(operation.example or {})).encode()
            for headers in strange:
                asked = {"Content-Type": "application/json", "Idempotency-Key": "k-1", **headers}
                request = Request(method, fuzz.BASE + path, headers=asked, data=body).prepare()
                answer = world.way.send(request)
                answers.add(answer.status)
                assert answer.status == 401, (operation.operation_id, headers)

    assert answers == {401}


@pytest.mark.parametrize("path", ["/api/v1/exports/orders", "/api/v1/admin/lists?kind=offices"])
def test_a_workbook_is_refused_in_words_to_who_does_not_say_that_they_take_it(api, path):
    asked = f"{path}{'&' if '?' in path else '?'}format=xlsx"
    person = "admin-1" if "admin" in path else "supervisor-1"

    answer = api.get(asked, as_=person)

    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "Accept")
    assert api.get(asked, as_=person, Accept="*/*").raw.startswith(b"PK")
