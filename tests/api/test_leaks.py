"""What is foreign answers exactly like what does not exist: role × operation × foreign office.

The operations are those of the OpenAPI, the roles and what they may those of the served matrix. For
each, the same request is made twice: for something of ours, and for something that nobody has.
"""

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.domain.calendar import local_day
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Actor
from chalicelib.domain.staff import Office, OfficeLevel, Relation, Role, Staff, relation
from chalicelib.store import customers, deliveries, ledger, registry
from chalicelib.store.customers import Household, Place
from chalicelib.store.registry import Member
from chalicelib.usecases import delivering
from chalicelib.usecases.showing import stamp
from tests.api.conftest import (
    ACCOUNT,
    CITY,
    COUNTY,
    ELSEWHERE,
    ELSEWHERE_STATION,
    OTHER,
    PHONE,
    PLACE,
    PROVINCE,
    SETUP,
    STATION,
    Answer,
    Api,
    a_report,
    documented,
)
from tests.builders import an_order_id
from tests.usecases.network import a_grid

FAR = {
    OfficeLevel.PROVINCE: ("P-77", ("P-77",)),
    OfficeLevel.CITY: ("M-77", ("P-77", "M-77")),
    OfficeLevel.COUNTY: ("C-FAR", ("P-77", "M-77", "C-FAR")),
    OfficeLevel.STATION: ("S-FAR", ("P-77", "M-77", "C-FAR", "S-FAR")),
}
"""Another province, down to a station."""

TABLES = {
    "devices": b"device_id,kind,bus_from,bus_to\nS1,source,,B1\nT-1,transformer,B1,\n",
    "customers": b"customer_id,load_id,bus_id,transformer_id\n1,L1,B2,T-1\n",
}
"""A network with a mistake, so that it waits whatever is tried."""

CASE, NAME, NOBODYS_PHONE = "QH-2026-000077", "独孤求败", "13999990000"
DAY = "2026-11-21"


@dataclass(frozen=True)
class Ours:
    """What our county keeps, by the name of a parameter, a field or a query."""

    number: str
    values: Mapping[str, str]
    marks: frozenset[str]

    def with_number(self, number: str) -> "Ours":
        """Return the same with another order."""
        values = {
            **self.values,
            **dict.fromkeys(("number", "parent", "aggregate", "q"), number),
        }
        return replace(self, number=number, values=values, marks=frozenset({number}))


NOTHING: Mapping[str, str] = {
    "number": an_order_id(404),
    "parent": an_order_id(404),
    "aggregate": an_order_id(404),
    "office": "C-NOBODY",
    "office_id": "C-NOBODY",
    "county": "C-NOBODY",
    "assignee": "nobody-1",
    "staff": "nobody-1",
    "staff_id": "nobody-1",
    "recorded_for": "nobody-1",
    "key_id": "0" * 16,
    "webhook_id": "0" * 16,
    "import_id": "0" * 32,
    "phone": NOBODYS_PHONE,
    "q": an_order_id(404),
    "call": "",  # made from the number, as ours is
    "channel": "12345",
    "case": "QH-2026-999999",
    "outage": "261121-CCCCCC",
    "issue": an_order_id(405),
    "paper": "261121-CCCCCCCC",
    "devices": "F9-SW9",
    "feeder": "feeder/F9",
    "survey": "0" * 32,
    "news": "0" * 16,
    "unit": "261121-DDDDDD",
    "loan": "261121-EEEEEE",
    "task": "261121-FFFFFF",
    "account": "9999999999",
}


@pytest.fixture
def ours(api: Api) -> Ours:
    """A dispatched order with all that hangs on it, at a station of our county."""
    number, token = api.reported(name=NAME, account_no=ACCOUNT)
    api.move(number, "dispatch", "dispatcher-1", office=STATION, staff="crew-1")
    at = api.at
    deliveries.add_call(COUNTY, number, "3.text.done", since=at, reason="rejected")
    (call,) = deliveries.calls(COUNTY, limit=5).items
    key = a_key(api, COUNTY, "12345")
    admin = {"as_": "admin-1"}
    hook = api.post(
        "/api/v1/admin/webhooks", {"url": "http://127.0.0.1:9/x", "office": COUNTY}, **admin
    )
    assert hook.status == 201, hook.raw.decode()
    sheet = base64.b64encode(f"户号,电话\n{ACCOUNT},{PHONE}\n".encode()).decode()
    listed = api.post(
        "/api/v1/admin/imports",
        {"kind": "phones", "filename": "p.csv", "content_base64": sheet, "county": COUNTY},
        **admin,
    )
    assert listed.status == 201, listed.raw.decode()
    a_grid(COUNTY, STATION, at)
    dark = api.post("/api/v1/outages", {"kind": "fault", "devices": ["F1-SW1"]}, as_="dispatcher-1")
    assert dark.status == 201, dark.raw.decode()
    tables = {name: base64.b64encode(table).decode() for name, table in TABLES.items()}
    survey = api.post("/api/v1/grid/imports", {**tables, "county": COUNTY}, **admin)
    assert survey.status == 201, survey.raw.decode()
    news = api.post(
        "/api/v1/news", {"title": "营业时间", "body": "午间照常营业。"}, as_="dispatcher-1"
    )
    assert news.status == 201, news.raw.decode()
    paper = api.post(
        "/api/v1/papers",
        {"kind": "bulletin", "office": COUNTY, "title": "快报", "body": "独孤**反映停电"},
        as_="supervisor-1",
    )
    assert paper.status == 201, paper.raw.decode()
    issue = api.post(
        "/api/v1/issues",
        {"source": "supervisor", "office": COUNTY, "note": NAME},
        as_="supervisor-1",
    )
    assert issue.status == 201, issue.raw.decode()
    truck = api.post("/api/v1/resources/trucks", {"name": "发电车甲", "kw": 80}, as_="dispatcher-1")
    assert truck.status == 201, truck.raw.decode()
    when = {"start": stamp(at + timedelta(days=1)), "until": stamp(at + timedelta(days=2))}
    asked = {"sort": "crew", "reason": "storm", "note": "大风灾害", **when}
    loan = api.post("/api/v1/resources/loans", asked, as_="dispatcher-1")
    assert loan.status == 201, loan.raw.decode()
    plan = {"title": "党代会保电", "level": "third", "account": ACCOUNT, "devices": ["F1-SW1"],
            "start": when["start"], "finish": when["until"]}  # fmt: skip
    task = api.post("/api/v1/assurance", plan, as_="dispatcher-1")
    assert task.status == 201, task.raw.decode()
    values = {
        "number": number,
        "unit": truck.body["id"],
        "loan": loan.body["id"],
        "task": task.body["id"],
        "account": ACCOUNT,
        "issue": issue.body["issue_id"],
        "news": news.body["id"],
        "parent": number,
        "aggregate": number,
        "outage": dark.body["id"],
        "paper": paper.body["paper_id"],
        "devices": "F1-SW1",
        "feeder": "feeder/F1",
        "survey": survey.body["id"],
        "office": COUNTY,
        "office_id": COUNTY,
        "county": COUNTY,
        "assignee": "crew-1",
        "staff": "crew-1",
        "staff_id": "crew-1",
        "recorded_for": "crew-1",
        "key_id": key[1],
        "webhook_id": hook.body["id"],
        "import_id": listed.body["id"],
        "phone": PHONE,
        "q": number,
        "call": call_id(call.line_id),
        "channel": "12345",
        "case": CASE,
    }
    marks = {number, token, key[1], hook.body["id"], listed.body["id"], NAME, ACCOUNT, "独孤**",
             dark.body["id"], "河尾村", "欧阳", "清河县公司", "城关供电所", "员工crew-1", "建设路",
             "没电了", "发电车甲", "大风灾害", "党代会", truck.body["id"], loan.body["id"],
             task.body["id"], paper.body["paper_id"], issue.body["issue_id"]}  # fmt: skip
    return Ours(number, values, frozenset(marks))


def call_id(line_id: str) -> str:
    return base64.urlsafe_b64encode(line_id.encode()).rstrip(b"=").decode()


def a_key(api: Api, office: str, channel: str) -> tuple[str, str]:
    """Return (secret, id) of a platform's key."""
    made = registry.new_key(
        name="平台",
        office_id=office,
        scopes=("intake", "track"),
        channel=channel,
        entropy=api.key().encode().ljust(32, b"e"),
        by=Actor("admin", "setup"),
        at=api.at,
    )
    return made.secret, made.key.key_id


def everybody(api: Api, offices: Sequence[tuple[str, tuple[str, ...]]]) -> dict[str, Staff]:
    """Keep one of each role of the served matrix at each office; return them by id."""
    roles = api.get("/api/v1/meta/permissions").body["roles"]
    people = {
        f"{role}@{office}": Staff(f"{role}@{office}", f"外人{role}", Role(role), office, path)
        for office, path in offices
        for role in roles
    }
    registry.take_over([Member(each) for each in people.values()], by=SETUP, at=api.at)
    return people


def far_offices(api: Api) -> None:
    made = [Office(one, f"远省{one}", level, path) for level, (one, path) in FAR.items()]
    registry.take_over(made, by=SETUP, at=api.at)


# Requests ---------------------------------------------------------------------------------------

MORE_BODIES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "post_move": ({"note": "x"}, {"office": None}, {"note": "x", "recorded_for": None}),
    "take_in_order": (
        {"kind": "fault", "phone": "13700137000", "answers": {"symptom": "no_power"},
         "dispatch": {"office": None}},
    ),
    "merge_order": ({"parent": an_order_id(2)},),
    "post_truck": ({"name": "车", "kw": 9, "office": None},),
    "post_loan": (
        {"sort": "crew", "reason": "storm", "office": None, "start": "2026-12-01T00:00:00Z",
         "until": "2026-12-02T00:00:00Z"},
        {"sort": "crew", "reason": "storm", "outage": None, "start": "2026-12-01T00:00:00Z",
         "until": "2026-12-02T00:00:00Z"},
    ),
    "post_task": (
        {"title": "保电", "level": "third", "account": None, "start": "2036-12-01T00:00:00Z",
         "finish": "2036-12-02T00:00:00Z"},
    ),
    "upload_list": (
        {"kind": "phones", "filename": "p.csv", "county": None,
         "content_base64": base64.b64encode("户号,电话\n1,13800138000\n".encode()).decode()},
    ),
}  # fmt: skip
"""Bodies beside the example; None stands where ours or nobody's goes."""

SKIPPED = {
    "preview_year": "a year is the whole deployment's; it names no office",
    "load_year": "a year is the whole deployment's; it names no office",
}


@dataclass(frozen=True)
class Operation:
    """One operation of the OpenAPI as staff call it."""

    method: str
    template: str
    raw: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its operationId."""
        return str(self.raw["operationId"])

    def requests(self, there: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
        """Yield (path with query, body) aimed at what is `there`."""
        path = re.sub(r"\{(\w+)\}", lambda part: self._part(part[1], there), self.template)
        named = [each["name"] for each in self.raw["parameters"] if each["in"] == "query"]
        needed = [each["name"] for each in self.raw["parameters"]
                  if each["in"] == "query" and each["required"]]  # fmt: skip
        required = {name: self._part(name, there) for name in needed}
        queries = [required]
        queries += [{**required, name: there[name]} for name in named if name in there]
        for query in queries:
            asked = "&".join(f"{name}={quote(value)}" for name, value in query.items())
            for body in self._bodies(there):
                yield path + (f"?{asked}" if asked else ""), body

    def _part(self, name: str, there: Mapping[str, str]) -> str:
        usual = {"move": "dispatch", "limit_id": "fault.arrive.urban", "year": "2026",
                 "effective_from": "2026-12-01", "from": "2026-11-01",
                 "to": "2026-11-30"}  # fmt: skip
        return there[name] if name in there else usual[name]

    def _bodies(self, there: Mapping[str, str]) -> Iterator[Any]:
        if "requestBody" not in self.raw:
            yield None
            return
        example = self.raw["requestBody"]["content"]["application/json"].get("example", {})
        for body in (example, *MORE_BODIES.get(self.name, ())):
            yield {name: self._field(name, value, there) for name, value in body.items()}

    def _field(self, name: str, value: Any, there: Mapping[str, str]) -> Any:
        if name == "numbers":
            return [there["number"]]
        if name in {"devices", "opened"} and isinstance(value, list):
            return [there["devices"]]
        if isinstance(value, Mapping):
            return {inner: self._field(inner, each, there) for inner, each in value.items()}
        if value is None or (name in there and name in {"county", "phone"}):
            return there[name]
        return there["office"] if name == "office" and self.name != "post_move" else value


def operations(api: Api) -> list[Operation]:
    """Return every operation that staff may be allowed."""
    return [
        Operation(method.upper(), template, raw)
        for template, methods in documented(api.app)["paths"].items()
        for method, raw in methods.items()
        if {"staff": []} in raw["security"] and raw["operationId"] not in SKIPPED
    ]


def ask(api: Api, operation: Operation, path: str, body: Any, person: str) -> Answer:
    return api.call(operation.method, path, body=body, as_=person, Accept="*/*")


INSTANCE = re.compile(r"/requests/[^\"]*")
MADE = re.compile(
    r'"token":"[^"]*"|(?<![0-9])[0-9]{16}(?![0-9])|\b[0-9a-f]{12,64}\b|"elapsed_seconds":\d+'
    r"|\b[0-9]{6}-[2-9A-Z]{6}\b"
)
MASKED = re.compile(r"\d{3}\*{4}\d{4}")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?Z?")


def said(answer: Answer, there: Mapping[str, str]) -> str:
    """Return what an answer says, with a placeholder for what was asked for."""
    text = INSTANCE.sub("", read(answer))
    for value in sorted({each for each in there.values() if each}, key=len, reverse=True):
        text = text.replace(value, "…")
    for made in (STAMP, MADE, MASKED):
        text = made.sub("…", text)
    return f"{answer.status} {text}"


def read(answer: Answer) -> str:
    """Return an answer as text, that of a workbook too."""
    if not answer.raw.startswith(b"PK"):
        return answer.raw.decode()
    with zipfile.ZipFile(io.BytesIO(answer.raw)) as book:
        return "".join(book.read(each).decode("utf-8", "replace") for each in book.namelist())


# Foreign offices --------------------------------------------------------------------------------


STRANGERS = {
    "the county beside us": (ELSEWHERE, (PROVINCE, CITY, ELSEWHERE)),
    "another province": FAR[OfficeLevel.PROVINCE],
}


@pytest.mark.parametrize("where", STRANGERS)
def test_ours_answers_to_every_foreign_role_like_what_does_not_exist(api, ours, where):
    far_offices(api)
    matrix = api.get("/api/v1/meta/permissions").body["matrix"]
    people = everybody(api, [STRANGERS[where]])
    nobodys = {
        **NOTHING,
        "call": call_id(f"2026-11-21T00:00:00.000Z#{an_order_id(404)}#3.text.done"),
    }
    leaks, tried = [], 0
    for operation in operations(api):
        for person, staff in people.items():
            pairs = list(zip(
                operation.requests(ours.values), operation.requests(nobodys), strict=True
            ))  # fmt: skip
            is_able = operation.raw["x-capability"] in matrix[staff.role.value]
            for (there, body), (nowhere, other) in pairs if is_able else pairs[:1]:
                is_ours = ask(api, operation, there, body, person)
                is_nothing = ask(api, operation, nowhere, other, person)
                tried += 1
                sent = f"{there} {json.dumps(body, ensure_ascii=False)}"
                text = read(is_ours)
                shown = [mark for mark in ours.marks if mark in text and mark not in sent]
                if shown or said(is_ours, ours.values) != said(is_nothing, nobodys):
                    leaks.append((operation.name, person, sent, shown, is_ours.status, text[:300],
                                  is_nothing.status, is_nothing.raw.decode()[:200]))  # fmt: skip

    assert not leaks, report(leaks)
    assert tried > 800
    after = api.get(f"/api/v1/orders/{ours.number}", as_="auditor-1")
    assert after.body["version"] == 2


def report(leaks: Sequence[Any]) -> str:
    return f"{len(leaks)} leaks\n" + "\n".join(map(str, leaks[:40]))


def test_every_operation_that_names_something_does_answer_its_own(api, ours):
    """Else the test above would compare one error with another."""
    matrix = api.get("/api/v1/meta/permissions").body["matrix"]
    paths = {COUNTY: (PROVINCE, CITY, COUNTY)}
    people = everybody(api, list(paths.items()))
    nobodys = {
        **NOTHING,
        "call": call_id(f"2026-11-21T00:00:00.000Z#{an_order_id(404)}#3.text.done"),
    }
    silent = []
    for operation in operations(api):
        named = re.findall(r"\{(\w+)\}", operation.template)
        if not named or not set(named) & NOTHING.keys():
            continue
        able = [each for each, staff in people.items()
                if operation.raw["x-capability"] in matrix[staff.role.value]]  # fmt: skip
        differs = any(
            said(ask(api, operation, there, body, person), ours.values)
            != said(ask(api, operation, nowhere, other, person), nobodys)
            for person in able[:2]
            for (there, body), (nowhere, other) in zip(
                operation.requests(ours.values), operation.requests(nobodys), strict=True
            )
        )
        if not differs:
            silent.append(operation.name)

    assert silent == []


def test_nothing_of_ours_is_in_what_strangers_search_export_or_list(api, ours):
    far_offices(api)
    people = everybody(api, [(ELSEWHERE, (PROVINCE, CITY, ELSEWHERE)), FAR[OfficeLevel.PROVINCE]])
    looked = (
        *(f"/api/v1/search?q={quote(q)}" for q in (ours.number, PHONE, ACCOUNT, CASE, PLACE, NAME)),
        *(f"/api/v1/orders?state={state}&q={quote(q)}"
          for state in ("open", "undispatched", "mine", "closed") for q in ("", "没电")),
        "/api/v1/exports/orders?format=csv",
        "/api/v1/exports/orders?format=xlsx",
        "/api/v1/exports/orders?format=csv&reveal=1&reason=x",
        "/api/v1/calls",
        f"/api/v1/notices?number={ours.number}",
        "/api/v1/offices",
        *(f"/api/v1/admin/{sort}" for sort in ("offices", "staff", "keys", "webhooks", "limits")),
        *(f"/api/v1/grid/search?q={quote(q)}" for q in (ACCOUNT, PLACE, "F1-SW1", NAME)),
        "/api/v1/grid/feeders",
        "/api/v1/grid/switchings",
        "/api/v1/resources",
        "/api/v1/resources/restoration",
        "/api/v1/resources/loans",
        "/api/v1/assurance",
        "/api/v1/admin/lists?kind=offices",
        "/api/v1/admin/lists?kind=staff",
        f"/api/v1/ledger/events?aggregate=access/{COUNTY}/{DAY}",
        f"/api/v1/ledger/events?aggregate=import/{COUNTY}",
    )  # fmt: skip
    found, answered = [], 0
    for person in people:
        for path in looked:
            answer = api.get(path, as_=person, Accept="*/*")
            answered += answer.status == 200
            text = read(answer)
            found += [(person, path, mark) for mark in ours.marks if mark in text]
        for phone in (PHONE, "13800138000 "):
            answer = api.post("/api/v1/callers", {"phone": phone}, as_=person)
            answered += answer.status == 200
            text = read(answer)
            found += [(person, "/callers", mark) for mark in ours.marks if mark in text]

    assert not found, report(found)
    assert answered > 100


@pytest.mark.usefixtures("ours")
def test_a_caller_s_account_of_another_county_is_not_told(api):
    household = Household(
        account_no="1390009999", transformer_id=PLACE, name="欧阳别处", address="清河县某路1号",
        phones=(Phone("+8613611112222"),), flags=frozenset(),
    )  # fmt: skip
    customers.put_households(customers.compare_households(COUNTY, [household]))
    everybody(api, [(ELSEWHERE, (PROVINCE, CITY, ELSEWHERE))])
    agent = f"agent@{ELSEWHERE}"
    place = Place(code="TQ-9001", name="临溪台区", county=ELSEWHERE, office_id=ELSEWHERE_STATION)
    customers.put_places(customers.compare_places(ELSEWHERE, [place]))
    named = {"kind": "enquiry", "phone": "13655556666", "account_no": "1390009999",
             "place": "TQ-9001", "answers": {"description": "问电价"}}  # fmt: skip
    taken = api.post("/api/v1/orders", named, as_=agent)
    assert taken.body["order"]["county"] == ELSEWHERE, taken.raw.decode()
    answer = api.post("/api/v1/callers", {"phone": "13655556666"}, as_=agent)

    assert [each["number"] for each in answer.body["orders"]] == [taken.body["number"]]
    assert answer.body["customer"] is None


def test_a_key_of_another_county_or_channel_opens_nothing_of_ours(api, ours):
    far_offices(api)
    filed = {"channel": "12345", "case_no": CASE, "kind": "enquiry", "phone": PHONE,
             "answers": {"description": "问电价"}}  # fmt: skip
    mine, _ = a_key(api, COUNTY, "12345")
    number = api.post("/api/v1/channel/orders", filed, as_=mine).body["number"]
    strangers = [
        a_key(api, ELSEWHERE, "12345"),
        a_key(api, "C-FAR", ""),
        a_key(api, COUNTY, "12398"),
    ]
    moves = ("", "/expedite", "/supplement", "/reopen")
    paths = [f"/api/v1/channel/orders/{{}}{move}" for move in moves]
    for secret, _ in strangers:
        for path in paths:
            method = "GET" if path.endswith("{}") else "POST"
            body = None if method == "GET" else {"note": "x"}
            answers = [api.call(method, path.format(n), body=body, as_=secret)
                       for n in (number, ours.number, an_order_id(404))]  # fmt: skip
            assert {each.status for each in answers} == {404}, path
            assert len({each.raw for each in answers}) == 1, path
        case = api.get(f"/api/v1/channel/cases/12345/{CASE}", as_=secret)
        none = api.get("/api/v1/channel/cases/12345/QH-2026-999999", as_=secret)
        assert (case.status, case.raw) == (none.status, none.raw)
        assert case.status == 404

    assert api.get(f"/api/v1/channel/orders/{number}", as_=mine).status == 200


def test_the_same_case_number_from_another_county_is_another_order(api):
    far_offices(api)
    filed = {"channel": "12345", "case_no": CASE, "kind": "enquiry", "phone": PHONE,
             "answers": {"description": "问电价"}}  # fmt: skip
    first = api.post("/api/v1/channel/orders", filed, as_=a_key(api, COUNTY, "12345")[0])
    second = api.post("/api/v1/channel/orders", filed, as_=a_key(api, "C-FAR", "12345")[0])

    assert (first.status, second.status) == (201, 201)
    assert first.body["number"] != second.body["number"]


def test_who_takes_in_for_another_county_does_not_dispatch_there(api):
    everybody(api, [(ELSEWHERE, (PROVINCE, CITY, ELSEWHERE))])
    body = a_report(dispatch={"office": STATION})

    answer = api.post("/api/v1/orders", body, as_=f"agent@{ELSEWHERE}")

    assert answer.status in {403, 422}, answer.raw.decode()
    assert api.get("/api/v1/orders", as_="dispatcher-1").body["items"] == []


# Misconduct -------------------------------------------------------------------------------------


@pytest.fixture
def misconduct(api: Api, ours: Ours) -> Ours:
    """A report of misconduct by somebody known, that the discipline role has looked into."""
    answers = {"theme": "conduct", "description": "城关供电所收费不开票"}
    number, _ = api.reported(kind="misconduct_report", answers=answers)
    shown = api.post(f"/api/v1/orders/{number}/reveal", {"reason": "核实"}, as_="discipline-1")
    assert shown.status == 200
    for made in (number, ours.number):  # as the stream does
        for event in ledger.read(made):
            delivering.enter_daybook(event, local_day(event.recorded_at))
    exported = api.get("/api/v1/exports/orders?state=all&reveal=1&reason=y", as_="discipline-1")
    assert number in exported.raw.decode()
    deliveries.add_call(COUNTY, number, "3.text.answered", since=api.at, reason="rejected")
    found = ours.with_number(number)
    (call,) = [each for each in deliveries.calls(COUNTY, limit=9).items if each.order_id == number]
    return replace(found, values={**found.values, "call": call_id(call.line_id)})


def test_a_report_of_misconduct_is_there_for_the_discipline_role_and_the_auditor_alone(
    api, misconduct
):
    """Also for the office that it is about, its county, and those above (S1.26)."""
    places = {
        STATION: (PROVINCE, CITY, COUNTY, STATION),
        COUNTY: (PROVINCE, CITY, COUNTY),
        CITY: (PROVINCE, CITY),
    }
    people = everybody(api, list(places.items()))
    number = misconduct.number
    nobodys = {
        **misconduct.values,
        **dict.fromkeys(("number", "parent", "aggregate", "q"), NOTHING["number"]),
    }
    nobodys["call"] = call_id(f"2026-11-21T00:00:00.000Z#{an_order_id(404)}#3.text.answered")
    leaks, seen = [], set()
    elsewhere = {"move_many", "merge_order", "get_notices", "read_chain", "verify_chain"}
    named = [
        each
        for each in operations(api)
        if re.search(r"\{(number|call)\}", each.template) or each.name in elsewhere
    ]
    for person, staff in people.items():
        if staff.role in {Role.DISCIPLINE, Role.AUDITOR} and staff.office_id != STATION:
            seen.add(api.get(f"/api/v1/orders/{number}", as_=person).status)
            continue
        for operation in named:
            for (there, body), (nowhere, other) in zip(
                operation.requests(misconduct.values), operation.requests(nobodys), strict=True
            ):
                is_ours = ask(api, operation, there, body, person)
                is_nothing = ask(api, operation, nowhere, other, person)
                if said(is_ours, misconduct.values) != said(is_nothing, nobodys):
                    leaks.append((operation.name, person, is_ours.status, read(is_ours)[:200],
                                  is_nothing.status))  # fmt: skip

    assert not leaks, report(leaks)
    assert seen == {200}


def test_no_list_of_anybody_else_holds_a_report_of_misconduct(api, misconduct):
    places = {STATION: (PROVINCE, CITY, COUNTY, STATION), COUNTY: (PROVINCE, CITY, COUNTY)}
    people = everybody(api, list(places.items()))
    number, day = misconduct.number, local_day(api.at)
    looked = (
        f"/api/v1/search?q={number}", f"/api/v1/search?q={PHONE}", f"/api/v1/search?q={ACCOUNT}",
        "/api/v1/orders", "/api/v1/orders?kind=misconduct_report", "/api/v1/orders?state=closed",
        "/api/v1/orders?state=mine", "/api/v1/orders?q=开票", "/api/v1/exports/orders",
        "/api/v1/exports/orders?kind=misconduct_report", "/api/v1/calls", "/api/v1/offices",
        f"/api/v1/offices/{COUNTY}/staff",
        f"/api/v1/ledger/events?aggregate=access/{COUNTY}/{day.isoformat()}",
    )  # fmt: skip
    found = []
    for person, staff in people.items():
        if staff.role in {Role.DISCIPLINE, Role.AUDITOR} and staff.office_id != STATION:
            continue
        found += [(person, path) for path in looked if number in read(api.get(path, as_=person))
                  and number not in path]  # fmt: skip
        caller = api.post("/api/v1/callers", {"phone": PHONE}, as_=person)
        found += [(person, "callers")] if number in read(caller) else []
    assert not found, report(found)
    seen = api.get("/api/v1/orders?kind=misconduct_report", as_=f"auditor@{COUNTY}").body["items"]
    assert [each["number"] for each in seen] == [number]


def test_an_administrator_who_plans_anew_reads_no_number_of_a_report_of_misconduct(api, misconduct):
    everybody(api, [(PROVINCE, (PROVINCE,))])
    admin, today = f"admin@{PROVINCE}", local_day(api.at)
    for move, answers in (("dispatch", {"office": COUNTY}), ("receive", {}),
                          ("contact", {"by": "phone", "note": "已联系"})):  # fmt: skip
        api.move(misconduct.number, move, "discipline-1", **answers)
    table = api.get(f"/api/v1/admin/calendars/{today.year}", as_=admin).body
    off = {(today + timedelta(days=days)).isoformat(): "停工" for days in range(9)}
    year = {"year": today.year, "source": "通知", "holidays": {**table["holidays"], **off},
            "make_up_days": {}}  # fmt: skip

    shown = api.post("/api/v1/admin/calendars/preview", year, as_=admin)

    assert shown.status == 200, shown.raw.decode()
    assert shown.body["count"] >= 1
    assert misconduct.number not in shown.raw.decode()


def test_a_platform_that_did_not_bring_a_report_of_misconduct_does_not_see_it(api, misconduct):
    anything, _ = a_key(api, COUNTY, "")
    number = misconduct.number

    assert api.get(f"/api/v1/channel/orders/{number}", as_=anything).status == 404
    brought = {"channel": "12345", "case_no": CASE, "kind": "misconduct_report", "phone": PHONE,
               "answers": {"theme": "conduct", "description": "吃拿卡要"}}  # fmt: skip
    platform, _ = a_key(api, COUNTY, "12345")
    own = api.post("/api/v1/channel/orders", brought, as_=platform).body["number"]
    assert api.get(f"/api/v1/channel/orders/{own}", as_=platform).status == 200
    assert api.get(f"/api/v1/channel/orders/{own}", as_=anything).status == 404


def test_no_webhook_is_told_of_a_report_of_misconduct(api, misconduct, ours):
    desk = api.desk()
    events = {number: list(ledger.read(number))
              for number in (misconduct.number, ours.number)}  # fmt: skip

    told = {
        number: [e for each in found for e in delivering.effect_ids(desk, each) if ".webhook." in e]
        for number, found in events.items()
    }

    assert told[ours.number] != []
    gone = [
        delivering.carry_out(
            desk, no_ports(), misconduct.number, int(effect.partition(".")[0]), effect, at=api.at
        )
        for effect in told[misconduct.number]
    ]
    assert set(gone) == {deliveries.Status.SUPERSEDED}


def no_ports() -> delivering.Ports:
    """Return ways out of which none leads anywhere: who takes one fails the test."""

    class Nowhere:
        def send(self, *_said: Any, **_more: Any) -> Any:
            raise AssertionError("nothing may be sent")

    return delivering.Ports(Nowhere(), "清河供电", "qinghe.test", "w-1", allow_loopback=True)


# The matrix -------------------------------------------------------------------------------------


def test_nobody_s_capability_reaches_beside_or_beyond(api):
    matrix = api.get("/api/v1/meta/permissions").body["matrix"]

    reached = {
        relation_ for row in matrix.values() for stands in row.values() for relation_ in stands
    }

    assert reached == {Relation.OWN, Relation.BELOW, Relation.ABOVE}
    ours_path = (PROVINCE, CITY, COUNTY)
    assert relation(FAR[OfficeLevel.COUNTY][1], ours_path) is Relation.FOREIGN
    assert relation((PROVINCE, CITY, ELSEWHERE), ours_path) is Relation.SIBLING
    assert relation((PROVINCE, CITY, COUNTY, OTHER), ours_path) is Relation.ABOVE
