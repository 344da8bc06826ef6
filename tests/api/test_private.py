"""A hundred reporters, each with a telephone and a name that nobody else has: in no log, no chain.

Each report takes another way through the house, wrong turns included. Afterwards everything that
was logged or printed is searched, and so are the ledger and the rows of which the queue is made.
"""

import base64
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count, cycle
from typing import Any, ClassVar
from urllib.parse import quote

import pytest

from chalicelib import ambient
from chalicelib.outbound.sms import gateway_from
from chalicelib.store import ledger, orders, registry
from chalicelib.store.rows import House
from chalicelib.usecases import delivering
from tests.api.conftest import COUNTY, PLACE, SETUP, STATION, Api, a_report
from tests.builders import an_order_id

REPORTS = 100


@dataclass(frozen=True)
class Reporter:
    """One of the hundred."""

    place: int

    @property
    def phone(self) -> str:
        """Eleven digits that nobody else has."""
        return f"1392222{self.place:04}"

    @property
    def name(self) -> str:
        """A name that nobody else has."""
        tens, ones = divmod(self.place, 10)
        return f"{'赵钱孙李周吴郑王冯陈'[ones]}独孤{'甲乙丙丁戊己庚辛壬癸'[tens]}"

    @property
    def forms(self) -> tuple[str, ...]:
        """The telephone as it may be written, and the name."""
        wide = self.phone.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})
        apart = f"{self.phone[:3]} {self.phone[3:7]} {self.phone[7:]}"
        return self.phone, wide, apart, apart.replace(" ", "-"), self.name

    def report(self, **fields: Any) -> dict[str, Any]:
        """Return a report that says both wherever a citizen can write."""
        said = f"我是{self.name}，家里没电，请打{self.phone}"
        told = {
            "phone": self.forms[self.place % 4],
            "name": self.name,
            "address": f"东庄镇{self.name}家，{self.phone}",
            "answers": {"symptom": "no_power", "description": said},
        }
        return a_report(**told | fields)


EVERYBODY = tuple(Reporter(place) for place in range(REPORTS))


def test_the_hundred_are_a_hundred():
    assert len({each.phone for each in EVERYBODY}) == REPORTS
    assert len({each.name for each in EVERYBODY}) == REPORTS


# What is searched -------------------------------------------------------------------------------


class Everything(logging.Handler):
    """Keeps every record of every logger, with all that hangs on it."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = f"{record.getMessage()} {record.exc_text} {record.__dict__!r}"
        if record.exc_info and record.exc_info[1] is not None:
            said += "".join(map(str, (record.exc_info[1], record.exc_info[1].args)))
        self.kept.append(said)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Everything that any logger of this process is told, from INFO on."""
    keeper, root = Everything(), logging.getLogger()
    named = [each for each in logging.Logger.manager.loggerDict.values()
             if isinstance(each, logging.Logger) and not each.propagate]  # fmt: skip
    level = root.level
    root.setLevel(logging.INFO)
    for each in (root, *named):
        each.addHandler(keeper)
    yield keeper.kept
    for each in (root, *named):
        each.removeHandler(keeper)
    root.setLevel(level)


def hits(text: str) -> list[str]:
    """Return what of anybody is in a text."""
    return [form for each in EVERYBODY for form in each.forms if form in text]


def around(text: str, form: str, where: str) -> str:
    """Return where a form stands in a text."""
    at = text.index(form)
    return f"{where}: {form} in …{text[max(0, at - 300) : at + 60]}…"


def rows(store: House, *tables: str) -> str:
    """Return everything that tables hold, as text."""
    client: Any = store.connection.client
    found = []
    for table in tables:
        for page in client.get_paginator("scan").paginate(TableName=f"{store.prefix}-{table}"):
            found += [json.dumps(each, ensure_ascii=False, default=str) for each in page["Items"]]
    assert found
    return "\n".join(found)


# A gateway that says too much -------------------------------------------------------------------


@dataclass
class Talker:
    """A gateway that quotes the number in whatever it answers."""

    url: str = ""
    texts: list[dict[str, Any]] = field(default_factory=list)
    MANNERS: ClassVar[Sequence[str]] = ("ok", "rejected", "busy", "broken", "no-json", "unknown")

    def answer(self, sent: dict[str, Any]) -> tuple[int, bytes]:
        """Return status and body, another manner each time."""
        manner = self.MANNERS[len(self.texts) % len(self.MANNERS)]
        self.texts.append(sent)
        phone = str(sent["phone"])
        said = {
            "ok": (200, {"code": "OK", "message_id": f"m{len(self.texts)}", "to": phone}),
            "rejected": (200, {"code": "MOBILE_NUMBER_ILLEGAL", "message": f"{phone} is none"}),
            "busy": (429, {"code": "THROTTLED", "message": phone}),
            "broken": (500, {"code": f"ERROR {phone}", "message": phone}),
            "unknown": (400, {"code": f"BAD_{phone.removeprefix('+86')}", "message": phone}),
        }
        if manner == "no-json":
            return 200, f"<html>{phone}".encode()
        status, body = said[manner]
        return status, json.dumps(body).encode()


@pytest.fixture
def talker() -> Iterator[Talker]:
    """The gateway, listening on loopback."""
    made = Talker()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = made.answer(sent)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_said: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/send"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


# The ways through the house ---------------------------------------------------------------------


@dataclass
class Walk:
    """One house, and what its answers to those who must not know said."""

    api: Api
    key: str
    statuses: set[int] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    def post(self, path: str, body: Any, **said: Any) -> Any:
        """Send; a refusal must not quote."""
        answer = self.api.call(said.pop("method", "POST"), path, body=body, **said)
        self.statuses.add(answer.status)
        if answer.status >= 400:
            self.failures.append(answer.raw.decode())
        return answer


def filed(answer: Any) -> tuple[str, str]:
    assert answer.status == 201, answer.raw.decode()
    return answer.body["number"], answer.body.get("token", "")


def by_web(walk: Walk, who: Reporter) -> str:
    number, token = filed(walk.post("/api/v1/public/orders", who.report()))
    said = {"note": f"{who.name}补充：{who.phone}"}
    for move in ("supplement", "expedite", "withdraw", "reopen", "rate"):
        body = {"score": 5, **said} if move == "rate" else said
        walk.post(f"/api/v1/public/orders/{number}/{move}", body, token=token)
    walk.post("/api/v1/public/orders/lookup", {"number": number, "phone_tail": who.phone[-4:]})
    walk.post("/api/v1/public/orders/lookup", {"number": number, "phone_tail": who.phone[:8]})
    walk.api.get(f"/api/v1/public/orders/{number}", token=token)
    return number


REPAIRED = {"result": "repaired", "cause": "trees", "power_back": True}


def by_intake(walk: Walk, who: Reporter) -> str:
    dispatch = {"office": STATION, "staff": "crew-1"}
    report = who.report(channel="phone", dispatch=dispatch)
    number, _ = filed(walk.post("/api/v1/orders", report, as_="dispatcher-1"))
    said = f"已联系{who.name}（{who.phone}）"
    for move, person, body in (
        ("receive", "crew-1", {}),
        ("set_out", "crew-1", {}),
        ("arrive", "crew-1", {}),
        ("note", "crew-1", {"note": said}),
        ("explain_delay", "crew-1", {"reason": "traffic", "note": said}),
        ("restore", "crew-1", {}),
        ("reply", "crew-1", {**REPAIRED, "note": said}),
        ("approve_reply", "dispatcher-1", {"note": said}),
        ("visit", "visitor-1", {"visit": "satisfied", "note": said}),
        ("archive", "visitor-1", {"note": said}),
    ):  # fmt: skip
        walk.post(f"/api/v1/orders/{number}/moves/{move}", body, as_=person)
    return number


def by_channel(walk: Walk, who: Reporter) -> str:
    report = who.report(channel="12345", case_no=f"QH-{who.place}")
    number, _ = filed(walk.post("/api/v1/channel/orders", report, as_=walk.key))
    said = {"note": f"市民{who.name}再次来电，{who.phone}"}
    for move in ("supplement", "expedite", "reopen"):
        walk.post(f"/api/v1/channel/orders/{number}/{move}", said, as_=walk.key)
    return number


def corrected(walk: Walk, who: Reporter) -> str:
    """The telephone was another one first; what is right comes by a correction."""
    first = who.report(phone="13800138000", channel="phone")
    number, _ = filed(walk.post("/api/v1/orders", first, as_="agent-1"))
    for move, body in (
        ("correct_phone", {"phone": who.phone, "note": f"{who.name}更正"}),
        ("correct_kind", {"kind": "enquiry", "note": f"{who.name}只是咨询，{who.phone}"}),
        ("suspend", {"reason": "customer_away", "note": f"{who.name}不在家"}),
        ("reject", {"reason": "wrong_office", "note": who.phone}),
        ("escalate", {"office": "M-02", "note": f"{who.name}要求{who.phone}"}),
        ("supervise", {"office": COUNTY, "note": f"{who.name}{who.phone}"}),
    ):
        walk.post(f"/api/v1/orders/{number}/moves/{move}", body, as_="supervisor-1")
    return number


def looked_for(walk: Walk, who: Reporter) -> str:
    number, _ = filed(walk.post("/api/v1/public/orders", who.report()))
    walk.post("/api/v1/callers", {"phone": who.phone}, as_="agent-1")
    for asked in who.forms:
        walk.api.get(f"/api/v1/search?q={quote(asked)}", as_="agent-1")
        walk.api.get(f"/api/v1/orders?q={quote(asked)}", as_="agent-1")
    walk.post(f"/api/v1/orders/{number}/reveal", {"reason": "约定上门时间"}, as_="agent-1")
    walk.post(f"/api/v1/orders/{number}/reveal", {"reason": f"回拨{who.phone}"}, as_="agent-1")
    walk.post(f"/api/v1/orders/{number}/reveal", {"reason": f"{who.name}来电"}, as_="agent-1")
    exports = "/api/v1/exports/orders?format=csv&reveal=1&reason="
    walk.api.get(f"{exports}{quote('核对')}", as_="supervisor-1")
    refused = walk.api.get(f"{exports}{quote(who.phone)}", as_="supervisor-1")
    walk.failures.append(refused.raw.decode())
    return number


def wrongly(walk: Walk, who: Reporter) -> str:
    """Everything in the wrong place: each is refused, and none is quoted."""
    report = who.report()
    path = "/api/v1/public/orders"
    for changed in (
        {"phone": f"{who.phone}99"},
        {"kind": who.name},
        {"place": who.phone},
        {"sub_type": who.phone},
        {"account_no": f"{who.phone}{who.phone}"},
        {"name": f"{who.name}\x00"},
        {"address": f"\u202e{who.name}{who.phone}"},
        {"occurred_at": who.phone},
        {"dangers": [who.phone]},
        {"files": [who.phone]},
        {"answers": {"description": [who.name]}},
        {"answers": {"symptom": who.phone}},
    ):
        assert walk.post(path, {**report, **changed}).status == 422, changed
    twice = f'{{"{who.phone}": 1, "{who.phone}": 2}}'.encode()
    # A field is named as it was sent, to whoever sent it: these are searched in the logs alone.
    walk.api.call("POST", path, raw=twice)
    walk.api.post(path, {**report, who.phone: who.name})
    walk.api.post(path, {**report, "answers": {who.name: who.phone}})
    walk.api.get(f"/api/v1/orders?{who.phone}={quote(who.name)}", as_="supervisor-1")
    for raw in (f'{{"name": "{who.name}", "phone": {who.phone}'.encode(), who.name.encode()):
        walk.failures.append(walk.api.call("POST", path, raw=raw).raw.decode())
    lost = f"/api/v1/orders/{an_order_id(9)}"
    for verb, address in (
        ("GET", f"/api/v1/orders/{who.phone}"),
        ("GET", f"/api/v1/orders/{quote(who.name)}"),
        ("GET", f"/api/v1/public/places/{who.phone}"),
        ("GET", f"/api/v1/channel/cases/{who.phone}/{who.phone}"),
        ("GET", f"/api/v1/orders?cursor={who.phone}"),
        ("GET", f"/api/v1/notices?number={who.phone}"),
        ("POST", f"{lost}/moves/{who.phone}"),
        ("POST", f"{lost}/merge"),
    ):
        caller = walk.key if "/channel/" in address else "supervisor-1"
        answer = walk.api.call(verb, address, body={} if verb == "POST" else None, as_=caller)
        walk.failures.append(answer.raw.decode() if answer.status >= 400 else "")
    headers: dict[str, Any] = {
        "If_Match": who.phone,
        "Tracking_Token": who.phone,
        "Authorization": f"Bearer {who.phone}",
    }
    number, _ = filed(walk.post(path, report))
    for name, value in headers.items():
        address = f"/api/v1/orders/{number}/moves/dispatch"
        answer = walk.api.call("POST", address, body={"office": STATION}, key=None, **{name: value})
        walk.failures.append(answer.raw.decode())
    answer = walk.api.call("POST", path, body=report, key=f"{who.phone} {who.phone}")
    assert answer.status == 422
    walk.failures.append(answer.raw.decode())
    return number


def broken(walk: Walk, who: Reporter) -> str:
    """What is kept is nowhere to be found: the view fails in the middle, with all in its hands."""
    report = who.report(files=["0" * 32])
    number, token = filed(walk.post("/api/v1/public/orders", who.report()))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LIGHTKEEPER_FILES", f"nowhere:{who.phone}:{who.name}")
        ambient.settings.cache_clear()
        for path, body, said in (
            ("/api/v1/public/orders", report, {}),
            ("/api/v1/orders", report, {"as_": "agent-1"}),
            (f"/api/v1/public/orders/{number}/supplement",
             {"note": f"{who.name}{who.phone}", "files": ["0" * 32]}, {"token": token}),
        ):  # fmt: skip
            assert walk.post(path, body, **said).status == 500
    ambient.settings.cache_clear()
    return number


def by_list(walk: Walk, who: Reporter) -> str:
    """A list with a good row, and rows that are wrong in every column."""
    number, _ = filed(walk.post("/api/v1/public/orders", who.report()))
    phone, name = who.phone, who.name
    lists = {
        "customers": "户号,台区编号,姓名,地址,电话\n"
        f"A{who.place:05},{PLACE},{name},东庄镇,{phone}\n"
        f"{who.name},{who.phone},{who.name},{who.name},{who.name}\n",
        "phones": f"户号,电话\nA{who.place:05},{who.phone}\nX-1,{who.phone}{who.phone}\n",
        "orders": "原工单编号,业务类型,受理时间,内容,电话,姓名,地址\n"
        f"OLD-{who.place},故障报修,2026-11-20 08:00,{name}没电{phone},{phone},{name},东庄镇\n"
        f"OLD-X{who.place},{who.name},{who.phone},,{who.name},{who.phone},\n",
    }
    for kind, text in lists.items():
        good = "\n".join(text.splitlines()[:2])
        for sheet in (text, good):
            content = sheet.encode("gb18030" if who.place % 2 else "utf-8")
            body = {"kind": kind, "filename": f"{who.name}{who.phone}.csv", "county": COUNTY,
                    "content_base64": base64.b64encode(content).decode()}  # fmt: skip
            shown = walk.post("/api/v1/admin/imports", body, as_="admin-1")
            assert shown.status == 201, shown.raw.decode()
            apply = f"/api/v1/admin/imports/{shown.body['id']}/apply"
            done = walk.post(apply, {}, as_="admin-1")
            assert done.status == (200 if sheet is good else 422), done.raw.decode()
    return number


def merged(walk: Walk, who: Reporter) -> str:
    first, _ = filed(walk.post("/api/v1/public/orders", who.report()))
    second, _ = filed(walk.post("/api/v1/public/orders", who.report()))
    note = f"{who.name}重复来电{who.phone}"
    merge = {"parent": first, "note": note}
    walk.post(f"/api/v1/orders/{second}/merge", merge, as_="dispatcher-1")
    walk.post(f"/api/v1/orders/{second}/unmerge", {"note": note}, as_="dispatcher-1")
    bulk = {"numbers": [first, second], "move": "note", "data": {"note": note}}
    walk.post("/api/v1/orders/bulk", bulk, as_="dispatcher-1")
    walk.post("/api/v1/orders/bulk", {**bulk, "move": who.phone}, as_="dispatcher-1")
    return first


WAYS = (by_web, by_intake, by_channel, corrected, looked_for, wrongly, broken, by_list, merged)


def told(api: Api, number: str) -> int:
    """Have the app make every effect of an order, each until it is settled or given up."""
    desk, made = api.desk(), 0
    for order, seq, effect in delivering.spread(desk, list(ledger.read(number))):
        for _ in range(2):
            body = json.dumps({"order": order, "seq": seq, "effect": effect})
            record = {"messageId": f"m-{next(IDS)}", "receiptHandle": "r", "body": body}
            api.client.lambda_.invoke("send", {"Records": [record]})
            made += 1
    return made


IDS = count()


@pytest.fixture
def chatty(api: Api, talker: Talker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The app, whose texts go to that gateway."""
    monkeypatch.setenv("LIGHTKEEPER_SMS", f"http:{talker.url}")
    monkeypatch.setenv("LIGHTKEEPER_SMS_KEY", "k")
    monkeypatch.setenv("LIGHTKEEPER_SMS_SECRET", "s" * 32)
    ambient.settings.cache_clear()
    gateway_from.cache_clear()
    yield api
    monkeypatch.undo()
    ambient.settings.cache_clear()
    gateway_from.cache_clear()


def walked(walk: Walk) -> list[str]:
    """Send everybody their way; return the numbers of their orders."""
    return [way(walk, who) for who, way in zip(EVERYBODY, cycle(WAYS), strict=False)]


def test_no_telephone_and_no_name_of_a_hundred_is_logged_or_written_into_any_chain(
    chatty, store, logged, talker, capfd
):
    walk = Walk(chatty, a_platform(chatty))
    numbers = walked(walk)
    effects = sum(told(chatty, number) for number in numbers)
    printed = "".join(capfd.readouterr())
    searched = {
        "records": "\n".join(logged),
        "printed": printed,
        "refusals": "\n".join(walk.failures),
        "ledger": rows(store, "ledger"),
        "queue": rows(store, "orders"),
        "heads": "\n".join(map(unpacked, numbers)),
        "deliveries": rows(store, "deliveries"),
    }
    found = [around(text, form, where) for where, text in searched.items() for form in hits(text)]
    assert not found, "\n".join(found[:20])
    assert len(numbers) == REPORTS
    assert {201, 404, 409, 422, 500} <= walk.statuses
    assert len(walk.failures) > 300
    assert len(logged) > 1_000
    assert effects > 100
    assert sum(who.phone in json.dumps(talker.texts) for who in EVERYBODY) > 50
    kept = [orders.get(number).shown.get("phone") for number in numbers]
    assert sum(bool(each) for each in kept) > 90


def unpacked(number: str) -> str:
    """Return a head as it is when it is unpacked."""
    head = orders.get(number)
    order = {name: getattr(head.order, name) for name in head.order.__dataclass_fields__}
    return f"{order!r} {dict(head.shown)!r} {head.keys!r}"


def a_platform(api: Api) -> str:
    made = registry.new_key(
        name="12345 平台",
        office_id=COUNTY,
        scopes=("intake", "track"),
        channel="12345",
        entropy=b"p" * 32,
        by=SETUP,
        at=api.at,
    )
    return made.secret


def test_the_search_does_find_what_is_there(logged, capfd):
    """Else it would find nothing in anything."""
    who = EVERYBODY[42]
    logging.getLogger("somebody").warning("called %s", who.phone)
    print(who.name)  # noqa: T201 - what is looked for

    assert hits("\n".join(logged)) == [who.phone]
    assert hits(capfd.readouterr().out) == [who.name]
