"""The desk is set up over HTTP: each change once, on its version, by who may, on record."""

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib import ambient
from chalicelib.domain.clocks import millis
from chalicelib.domain.contact import Phone
from chalicelib.domain.limits import RULESETS, LimitBook
from chalicelib.domain.staff import Role, Staff
from chalicelib.outbound.seals import seals_from
from chalicelib.outbound.sms import Receipt, Text
from chalicelib.store import deliveries, ledger, orders, registry
from chalicelib.store.registry import Member
from chalicelib.usecases import administering, delivering, sealing
from chalicelib.usecases.delivering import Ports
from chalicelib.usecases.sheets import read
from tests.api.conftest import (
    ACCOUNT,
    CITY,
    COUNTY,
    ELSEWHERE,
    ELSEWHERE_STATION,
    OTHER,
    PLACE,
    PROVINCE,
    SETUP,
    STATION,
    Answer,
    Api,
)
from tests.usecases.tables import workbook

ADMIN = "/api/v1/admin"


@pytest.fixture
def upper(api: Api) -> str:  # noqa: ARG001 - it keeps the county
    """An administrator of the city, above both counties."""
    person = Staff("admin-2", "市管理员", Role.ADMIN, CITY, (PROVINCE, CITY))
    registry.save(Member(person), version=0, by=SETUP, at=ambient.now())
    return "admin-2"


def put(api: Api, path: str, body: Any, **said: Any) -> Answer:
    return api.call("PUT", ADMIN + path, body=body, **{"as_": "admin-1", **said})


def post(api: Api, path: str, body: Any = None, **said: Any) -> Answer:
    return api.post(ADMIN + path, body, **{"as_": "admin-1", **said})


def get(api: Api, path: str, **said: Any) -> Answer:
    return api.get(ADMIN + path, **{"as_": "admin-1", **said})


def codes(answer: Answer) -> list[tuple[str, str]]:
    assert answer.status == 422, answer.raw.decode()
    return [(error["field"], error["code"]) for error in answer.body["errors"]]


def slug(answer: Answer) -> str:
    return str(answer.body["type"]).removeprefix("/problems/")


OFFICE = {"id": "S-QINGHE-09", "name": "河西供电所", "level": "station", "parent": COUNTY}
PERSON = {"id": "crew-9", "name": "王建国", "role": "crew", "office": STATION}
KEY = {"name": "12345 平台", "office": COUNTY, "scopes": ["intake"], "channel": "12345"}
LIMIT = {
    "office": COUNTY,
    "amount": 40,
    "unit": "minute",
    "effective_from": "2026-01-01",
    "source": "清河县公司优质服务方案",
}
YEAR: dict[str, Any] = {
    "year": 2027,
    "source": "国务院办公厅关于2027年部分节假日安排的通知",
    "holidays": {
        **dict.fromkeys(["2027-01-01"], "元旦"),
        **dict.fromkeys(["2027-05-01"], "劳动节"),
        **dict.fromkeys(["2027-10-01", "2027-10-02", "2027-10-03"], "国庆节"),
    },
    "make_up_days": {},
}

WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/offices", OFFICE),
    ("PUT", f"/offices/{STATION}", {"name": "城关中心供电所"}),
    ("POST", "/staff", PERSON),
    ("PUT", "/staff/crew-1", {"name": "张三"}),
    ("PUT", f"/offices/{STATION}/duty", {"entries": []}),
    ("POST", "/keys", KEY),
    ("POST", "/webhooks", {"url": "http://127.0.0.1:1/", "office": COUNTY}),
    ("PUT", "/limits/fault.arrive.urban", LIMIT),
    ("POST", "/calendars", YEAR),
    ("POST", "/imports", {"kind": "phones", "filename": "a.csv", "content_base64": "YQ=="}),
    ("POST", "/webhooks/0000000000000000/secret", {"overlap_hours": 1}),
]
READS = ["/offices", "/staff", f"/offices/{STATION}/duty", "/keys", "/webhooks"]


# Who ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
@pytest.mark.parametrize("who", ["dispatcher-1", "auditor-1", "leader-1"])
def test_only_administrators_change_the_desk(api, method, path, body, who):
    answer = api.call(method, ADMIN + path, body=body, as_=who)
    assert (answer.status, slug(answer)) == (403, "not-allowed")


@pytest.mark.parametrize("path", READS[1:])
def test_only_administrators_read_how_it_is_set_up(api, path):
    assert api.get(ADMIN + path, as_="dispatcher-1").status == 403


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_every_change_asks_for_a_key(api, method, path, body):
    answer = api.call(method, ADMIN + path, body=body, as_="admin-1", key="")
    assert codes(answer) == [("Idempotency-Key", "field.required")]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", f"/offices/{ELSEWHERE_STATION}", {"name": "我的"}),
        ("PUT", f"/offices/{ELSEWHERE_STATION}/duty", {"entries": []}),
        ("PUT", "/staff/stranger-1", {"role": "crew"}),
        ("PUT", "/staff/nobody", {"role": "crew"}),
        ("PUT", "/offices/NOWHERE", {"name": "我的"}),
    ],
)
def test_what_is_another_countys_answers_like_what_is_not_there(api, method, path, body):
    answer = api.call(method, ADMIN + path, body=body, as_="admin-1")
    assert (answer.status, slug(answer)) == (404, "unknown")
    assert sorted(answer.body) == ["detail", "errors", "status", "title", "type"]


@pytest.mark.parametrize("office", [CITY, PROVINCE])
def test_an_upper_office_may_be_seen_and_not_changed(api, office):
    assert put(api, f"/offices/{office}", {"name": "我的"}).status == 403
    assert post(api, "/staff", {**PERSON, "office": office}).status == 403
    assert post(api, "/keys", {**KEY, "office": office}).status == 403
    assert put(api, "/limits/fault.arrive.urban", {**LIMIT, "office": office}).status == 403
    assert put(api, f"/offices/{office}/duty", {"entries": []}).status == 403


@pytest.mark.parametrize("office", [ELSEWHERE, ELSEWHERE_STATION, "NOWHERE"])
def test_a_foreign_office_in_a_body_is_unknown_by_its_field(api, office):
    assert codes(post(api, "/staff", {**PERSON, "office": office})) == [
        ("office", "office.unknown")
    ]
    assert codes(post(api, "/keys", {**KEY, "office": office})) == [("office", "office.unknown")]
    webhook = {"url": "https://example.com/", "office": office}
    assert codes(post(api, "/webhooks", webhook)) == [("office", "office.unknown")]
    assert codes(post(api, "/offices", {**OFFICE, "parent": office})) == [
        ("parent", "office.unknown")
    ]


def test_a_county_admin_sees_their_own_people_and_offices(api):
    people = {row["id"] for row in get(api, "/staff").body["items"]}
    offices = {row["id"] for row in get(api, "/offices").body["items"]}
    assert {"crew-1", "crew-2", "admin-1"} <= people
    assert not {"stranger-1", "host-1"} & people
    assert offices == {PROVINCE, CITY, COUNTY, STATION, OTHER}


def test_the_first_administrator_sets_up_a_deployment_without_any_other(api):
    for row in get(api, "/staff").body["items"]:
        if row["role"] == "admin":
            member = Member(Staff(row["id"], row["name"], Role.CREW, row["office"], ()))
            registry.save(member, version=row["version"], by=SETUP, at=ambient.now())
    province = {"id": "P-02", "name": "冀南", "level": "province"}
    made = post(api, "/offices", province, as_="first-admin")
    assert (made.status, made.body["path"]) == (201, ["P-02"])


# Once ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "body"), [WRITES[0], WRITES[1], WRITES[3], WRITES[7]])
def test_the_same_key_and_body_give_the_same_answer(api, method, path, body):
    first = api.call(method, ADMIN + path, body=body, as_="admin-1", key="k-1")
    again = api.call(method, ADMIN + path, body=body, as_="admin-1", key="k-1")
    assert first.status in {200, 201}, first.raw.decode()
    assert (again.status, again.raw) == (first.status, first.raw)
    assert again.headers["ETag"] == first.headers["ETag"]


def test_the_same_key_with_another_body_is_refused(api):
    assert post(api, "/offices", OFFICE, key="k-1").status == 201
    other = post(api, "/offices", {**OFFICE, "name": "别的"}, key="k-1")
    elsewhere = post(api, "/staff", PERSON, key="k-1")
    assert (other.status, slug(other)) == (422, "key-reused")
    assert (elsewhere.status, slug(elsewhere)) == (422, "key-reused")


def test_one_key_of_two_people_is_two_keys(api, upper):
    assert post(api, "/offices", OFFICE, key="k-1").status == 201
    assert post(api, "/offices", {**OFFICE, "id": "S-2"}, key="k-1", as_=upper).status == 201


def test_who_crashed_after_the_write_asks_again_and_is_answered(api):
    office = post(api, "/offices", OFFICE, key="k-1")
    again = post(api, "/offices", OFFICE, key="k-2")  # as if the answer had never been kept
    assert (again.status, again.body) == (201, office.body)


# Versions -----------------------------------------------------------------------------------------


def test_of_two_who_change_one_office_the_second_is_told_who_was_first(api, upper):
    seen = {row["id"]: row["version"] for row in get(api, "/offices").body["items"]}[STATION]
    assert (
        put(api, f"/offices/{STATION}", {"name": "甲所"}, as_=upper, If_Match=f'"{seen}"').status
        == 200
    )

    late = put(api, f"/offices/{STATION}", {"name": "乙所"}, If_Match=f'"{seen}"')

    assert (late.status, slug(late)) == (412, "stale")
    assert (late.body["by"], late.body["version"]) == (upper, seen + 1)
    assert late.body["by_name"] == "市管理员"


def test_a_change_is_seen_at_once_and_answers_its_version(api):
    changed = put(api, f"/offices/{STATION}", {"name": "城关中心供电所", "phone": "0311-88881234"})
    row = next(r for r in get(api, "/offices").body["items"] if r["id"] == STATION)
    assert changed.headers["ETag"] == '"2"'
    assert row == changed.body
    assert (row["name"], row["version"]) == ("城关中心供电所", 2)


def test_every_change_is_an_event_of_who_made_it(api):
    put(api, "/staff/crew-1", {"name": "张三丰", "phone": "13800138005"})
    *_, event = ledger.read("registry/staff/crew-1")
    assert (event.name, event.actor.actor_id) == ("staff.changed", "admin-1")
    assert "张三丰" not in event.body()
    assert "13800138005" not in event.body()


# Offices and people -------------------------------------------------------------------------------


def test_an_office_is_added_below_ones_own(api):
    made = post(api, "/offices", OFFICE)
    assert (made.status, made.body["path"]) == (201, [PROVINCE, CITY, COUNTY, OFFICE["id"]])


def test_an_id_is_taken_once(api):
    assert codes(post(api, "/offices", {**OFFICE, "id": STATION})) == [("id", "id.taken")]
    assert codes(post(api, "/staff", {**PERSON, "id": "crew-2"})) == [("id", "id.taken")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"level": "county"}, [("parent", "office.parent_of_another_level")]),
        ({"parent": STATION}, [("parent", "office.parent_of_another_level")]),
    ],
)
def test_an_office_hangs_under_the_level_above(api, change, expected):
    assert codes(post(api, "/offices", {**OFFICE, **change})) == expected


def test_a_sibling_county_is_not_a_county_admins_to_add(api, upper):
    county = {"id": "C-NEW", "name": "新县", "level": "county", "parent": CITY}
    assert post(api, "/offices", county).status == 403
    assert post(api, "/offices", county, as_=upper).status == 201


def test_an_office_is_not_moved_out_of_reach(api, upper):
    assert codes(put(api, f"/offices/{STATION}", {"parent": ELSEWHERE})) == [
        ("parent", "office.unknown")
    ]
    moved = put(api, f"/offices/{STATION}", {"parent": ELSEWHERE}, as_=upper)
    assert moved.body["path"] == [PROVINCE, CITY, ELSEWHERE, STATION]


def test_somebody_who_is_let_in_may_work_at_once(api):
    assert api.get("/api/v1/me", as_="crew-9").status == 403
    made = post(api, "/staff", {**PERSON, "phone": "138 0013 8007"})
    assert made.body["phone_masked"] == "138****8007"
    assert api.get("/api/v1/me", as_="crew-9").body["role"] == "crew"


def test_somebody_who_is_let_in_no_more_is_out_at_once(api):
    put(api, "/staff/crew-1", {"active": False})
    assert api.get("/api/v1/me", as_="crew-1").status == 403


def test_a_telephone_stays_unless_it_is_changed_and_goes_when_it_is_null(api):
    put(api, "/staff/crew-1", {"phone": "13800138007"})
    assert put(api, "/staff/crew-1", {"name": "张三"}).body["phone_masked"] == "138****8007"
    assert put(api, "/staff/crew-1", {"phone": None}).body["phone_masked"] == ""


@pytest.mark.parametrize(
    ("change", "field"),
    [({"role": "leader"}, "role"), ({"active": False}, "active"), ({"office": STATION}, "office")],
)
def test_nobody_changes_what_they_themselves_may_do(api, change, field):
    assert codes(put(api, "/staff/admin-1", change)) == [(field, "staff.yourself")]
    assert put(api, "/staff/admin-1", {"name": "新名字"}).status == 200


# Duty ---------------------------------------------------------------------------------------------

TURN = {
    "staff_id": "crew-1",
    "from": "2026-11-21T08:00:00+08:00",
    "to": "2026-11-22T08:00:00+08:00",
}


def test_a_duty_list_is_kept_in_its_order(api):
    phone = {**TURN, "staff_id": None, "phone": "13800138009"}
    answer = put(api, f"/offices/{STATION}/duty", {"entries": [phone, TURN]})
    assert answer.status == 200, answer.raw.decode()
    assert get(api, f"/offices/{STATION}/duty").body == answer.body
    assert [entry["phone_masked"] for entry in answer.body["entries"]] == ["138****8009", ""]
    assert answer.body["entries"][1]["from"] == "2026-11-21T00:00:00.000Z"


def test_a_masked_telephone_that_is_sent_back_is_the_one_that_is_kept(api):
    phone = {**TURN, "staff_id": None, "phone": "13800138009"}
    put(api, f"/offices/{STATION}/duty", {"entries": [phone]})
    again = {**phone, "phone": "138****8009"}
    assert put(api, f"/offices/{STATION}/duty", {"entries": [again, TURN]}).status == 200
    duty = registry.snapshot(at=ambient.now()).duties[STATION]
    assert duty.turns[0].phone == Phone("+8613800138009")
    stranger = {**phone, "phone": "139****8009"}
    refused = put(api, f"/offices/{STATION}/duty", {"entries": [stranger]})
    assert codes(refused) == [("entries.0.phone", "phone.not_a_number")]


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"staff_id": "crew-2"}, "entries.0.staff_id", "staff.not_there"),
        ({"staff_id": "stranger-1"}, "entries.0.staff_id", "staff.not_there"),
        ({"staff_id": None}, "entries.0", "duty.one_of"),
        ({"phone": "13800138009"}, "entries.0", "duty.one_of"),
        ({"to": "2026-11-21T08:00:00+08:00"}, "entries.0.to", "duty.ends_before"),
        ({"to": "2026-11-22T08:00:00"}, "entries.0.to", "field.instant"),
        ({"to": 5}, "entries.0.to", "field.instant"),
        ({"x": 5}, "entries.0.x", "field.unknown"),
    ],
)
def test_a_turn_that_cannot_be_is_named(api, change, field, code):
    refused = put(api, f"/offices/{STATION}/duty", {"entries": [{**TURN, **change}]})
    assert codes(refused) == [(field, code)]


# Keys ---------------------------------------------------------------------------------------------


def test_a_key_shows_its_secret_once_and_opens_what_it_may(api):
    made = post(api, "/keys", KEY, key="k-1")
    again = post(api, "/keys", KEY, key="k-1")
    other = post(api, "/keys", {**KEY, "name": "别的"}, key="k-1")
    listed = get(api, "/keys")

    assert made.status == 201, made.raw.decode()
    assert (again.status, slug(again)) == (409, "key-spent")
    assert (other.status, slug(other)) == (422, "key-reused")
    assert made.body["secret"].encode() not in listed.raw + again.raw
    assert listed.body["items"][0]["last4"] == made.body["secret"][-4:]
    used = api.get("/api/v1/channel/cases/12345/none", as_=made.body["secret"])
    assert slug(used) in {"not-allowed", "unknown"}


def test_a_revoked_key_opens_nothing(api):
    made = post(api, "/keys", {**KEY, "scopes": ["track"]}).body
    path = "/api/v1/channel/cases/12345/none"
    assert api.get(path, as_=made["secret"]).status == 404
    gone = api.call("DELETE", f"{ADMIN}/keys/{made['id']}", as_="admin-1")
    assert gone.body["revoked_at"] is not None
    assert api.get(path, as_=made["secret"]).status == 401
    assert api.call("DELETE", f"{ADMIN}/keys/{made['id']}", as_="admin-1").status == 200


def test_a_key_of_another_county_is_not_there(api, upper):
    made = post(api, "/keys", {**KEY, "office": ELSEWHERE}, as_=upper).body
    assert api.call("DELETE", f"{ADMIN}/keys/{made['id']}", as_="admin-1").status == 404
    assert get(api, "/keys").body["items"] == []


def test_a_key_that_takes_reports_in_names_its_channel(api):
    assert codes(post(api, "/keys", {**KEY, "channel": ""})) == [("channel", "field.required")]


# Webhooks -----------------------------------------------------------------------------------------


@pytest.fixture
def subscriber() -> Iterator[tuple[str, list[Any]]]:
    """A subscriber on this machine, and what it was told."""
    told: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append((dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_said: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", told
    server.shutdown()
    server.server_close()


def test_a_webhook_is_made_tried_and_stopped(api, subscriber):
    url, told = subscriber
    made = post(api, "/webhooks", {"url": url, "office": COUNTY}, key="k-1")
    assert made.status == 201, made.raw.decode()
    assert made.body["secret"].startswith("whsec_")
    again = post(api, "/webhooks", {"url": url, "office": COUNTY}, key="k-1")
    assert slug(again) == "key-spent"

    tried = post(api, f"/webhooks/{made.body['id']}/test")
    stopped = api.call("DELETE", f"{ADMIN}/webhooks/{made.body['id']}", as_="admin-1")

    assert tried.body == {"outcome": "delivered", "status": 204, "reason": "delivered"}
    assert json.loads(told[0][1])["type"] == "webhook.test"
    assert told[0][0]["webhook-signature"].startswith("v1,")
    assert stopped.body["active"] is False
    assert made.body["secret"].encode() not in get(api, "/webhooks").raw


def accepts(secret: str, told: tuple[Any, bytes]) -> bool:
    """Whether a subscriber who knows one secret takes a message for ours, by Standard Webhooks."""
    headers, body = told
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mine = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return f"v1,{mine}" in headers["webhook-signature"].split(" ")


def tell(api: Api, number: str, seq: int, webhook_id: str, *, at: datetime) -> None:
    out = Ports(Silent(), "清河供电", "qinghe.test", by="test", allow_loopback=True)
    effect = f"{seq}.webhook.{webhook_id}"
    became = delivering.carry_out(api.desk(), out, number, seq, effect, at=at)
    assert became is deliveries.Status.DELIVERED


class Silent:
    """A gateway that nothing may reach."""

    def send(self, text: Text, *, at: datetime) -> Receipt:
        raise AssertionError((text, at))


def a_webhook(api: Api, url: str) -> Any:
    made = post(api, "/webhooks", {"url": url, "office": COUNTY})
    assert made.status == 201, made.raw.decode()
    return made.body


def rotated(api: Api, hook: Any, **said: Any) -> Answer:
    return post(api, f"/webhooks/{hook['id']}/secret", said.pop("body", None), **said)


def test_old_and_new_secret_open_what_is_sent_during_the_overlap_and_then_the_new_one(
    api, subscriber
):
    url, told = subscriber
    hook = a_webhook(api, url)
    number, _ = api.reported()
    api.move(number, "dispatch", "dispatcher-1", office=STATION, staff="crew-1")

    answer = rotated(api, hook, body={"overlap_hours": 2}, If_Match='"1"')
    after = api.at
    tell(api, number, 1, hook["id"], at=after + timedelta(minutes=119))
    tell(api, number, 2, hook["id"], at=after + timedelta(minutes=121))

    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    old, new = hook["secret"], answer.body["secret"]
    assert old != new
    assert [(accepts(old, each), accepts(new, each)) for each in told] == [
        (True, True),
        (False, True),
    ]
    assert new.encode() not in get(api, "/webhooks").raw
    assert get(api, "/webhooks").body["items"][0]["old_secret_until"] is not None


def test_without_an_overlap_the_old_secret_is_over_at_once(api, subscriber):
    url, told = subscriber
    hook = a_webhook(api, url)
    first = rotated(api, hook, body={"overlap_hours": 24}).body
    second = rotated(api, hook, body={"overlap_hours": 0}).body

    post(api, f"/webhooks/{hook['id']}/test")

    secrets = [each["secret"] for each in (hook, first, second)]
    assert [accepts(each, told[0]) for each in secrets] == [False, False, True]
    assert second["old_secret_until"] is None


def test_a_third_secret_ends_the_first_one(api, subscriber):
    url, told = subscriber
    hook = a_webhook(api, url)
    secrets = [hook["secret"], *(rotated(api, hook).body["secret"] for _ in range(2))]

    post(api, f"/webhooks/{hook['id']}/test")

    assert [accepts(each, told[0]) for each in secrets] == [False, True, True]


def test_a_secret_is_replaced_once_for_its_key_and_on_its_version(api, subscriber):
    hook = a_webhook(api, subscriber[0])

    assert rotated(api, hook, key="k-2").status == 200
    assert slug(rotated(api, hook, key="k-2")) == "key-spent"
    assert slug(rotated(api, hook, If_Match='"1"')) == "stale"
    registry.refresh()
    assert registry.snapshot(at=api.at).versions["webhook", hook["id"]] == 2


def test_the_ledger_says_who_replaced_a_secret_and_until_when_both_sign(api, subscriber):
    hook = a_webhook(api, subscriber[0])
    answer = rotated(api, hook)

    event = ledger.event(f"registry/webhook/{hook['id']}", 2)

    until = datetime.fromisoformat(answer.body["old_secret_until"])
    assert (event.name, event.actor.actor_id) == ("webhook.changed", "admin-1")
    assert event.changes == {"old_secret_until": millis(until)}
    assert event.data == {"hidden": ["secrets"]}


@pytest.mark.parametrize("hours", [-1, 7 * 24 + 1])
def test_an_overlap_is_a_week_at_most(api, subscriber, hours):
    hook = a_webhook(api, subscriber[0])
    refused = rotated(api, hook, body={"overlap_hours": hours})
    assert codes(refused) == [("overlap_hours", "field.out_of_range")]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://10.0.0.8/", "url.private"),
        ("https://169.254.169.254/latest/meta-data", "url.private"),
        ("http://93.184.216.34/", "url.scheme"),
        ("https://u:p@93.184.216.34/", "url.userinfo"),
        ("https://93.184.216.34:22/", "url.port"),
        ("gopher", "url.scheme"),
        ("https://exa mple.com/", "url.malformed"),
        ("", "text.empty"),
    ],
)
def test_a_target_that_is_not_public_is_refused(api, url, code):
    assert codes(post(api, "/webhooks", {"url": url, "office": COUNTY})) == [("url", code)]


# Limits -------------------------------------------------------------------------------------------


def of(api: Api, limit_id: str, office: str = COUNTY) -> Any:
    rows = get(api, f"/limits?office={office}").body["items"]
    return next(row for row in rows if row["id"] == limit_id)


def test_a_limit_that_a_county_states_holds_below_it_and_is_withdrawn(api):
    saved = put(api, "/limits/fault.arrive.urban", LIMIT)
    assert saved.status == 200, saved.raw.decode()
    below = of(api, "fault.arrive.urban", STATION)
    assert (below["amount"], below["origin"], below["is_override"]) == ("40", COUNTY, True)
    assert [each["amount"] for each in below["overrides"]] == ["40"]
    assert below["shipped"][-1]["source"]

    query = f"?office={COUNTY}&effective_from=2026-01-01"
    gone = api.call("DELETE", f"{ADMIN}/limits/fault.arrive.urban{query}", as_="admin-1")
    assert gone.status == 200
    assert of(api, "fault.arrive.urban")["amount"] == "45"
    again = api.call("DELETE", f"{ADMIN}/limits/fault.arrive.urban{query}", as_="admin-1")
    assert again.status == 404


@pytest.mark.parametrize(
    ("limit", "change", "is_looser"),
    [
        ("fault.arrive.urban", {"amount": 60}, False),
        ("fault.arrive.urban", {"amount": 61}, True),
        ("fault.arrive_legal.rural", {"amount": 121}, True),
        ("fault.arrive_legal.rural", {"amount": 120, "enabled": False}, True),
        ("fault.arrive_legal.rural", {"amount": 100}, False),
        ("complaint.promise", {"amount": 11, "unit": "workday"}, True),
        ("outage_notice.planned", {"amount": 6, "unit": "day"}, True),
        ("outage_notice.planned", {"amount": 8, "unit": "day"}, False),
        ("retention.audit", {"amount": 5, "unit": "month"}, True),
        ("fault.receive", {"amount": 600}, False),
    ],
)
def test_what_is_looser_than_the_law_says_so_each_time_it_is_shown(api, limit, change, is_looser):
    saved = put(api, f"/limits/{limit}", {**LIMIT, **change}, language="en")
    assert saved.status == 200, saved.raw.decode()
    for row in (saved.body["limit"], of(api, limit)):
        assert [each["code"] for each in row["warnings"]] == (
            ["limit.looser_than_law"] if is_looser else []
        )
    for warning in saved.body["limit"]["warnings"]:
        assert "Looser than the law" in warning["detail"]
        assert warning["law"]["source"]


@pytest.mark.parametrize("ruleset", RULESETS)
def test_each_limit_counts_in_the_unit_of_its_law(ruleset):
    book = LimitBook.shipped(ruleset)
    known = {one: two for one, two in administering.LAW.items() if one in book.ids()}
    today = ambient.now().date()
    for limit, law in known.items():
        assert book.find(limit, on=today).unit is book.find(law, on=today).unit
    assert set(administering.LAW.values()) <= set(book.ids())


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"amount": -1}, "amount", "limit.out_of_range"),
        ({"amount": "-1"}, "amount", "limit.not_a_number"),
        ({"amount": 0}, "amount", "limit.out_of_range"),
        ({"amount": 10**9}, "amount", "limit.out_of_range"),
        ({"amount": 1.5}, "amount", "limit.not_whole"),
        ({"amount": "1e3"}, "amount", "limit.not_a_number"),
        ({"amount": True}, "amount", "limit.not_a_number"),
        ({"amount": None}, "amount", "limit.required"),
        ({"unit": "hour"}, "unit", "limit.wrong_unit"),
        ({"effective_from": "2026-02-30"}, "effective_from", "limit.not_a_date"),
        ({"source": ""}, "source", "text.empty"),
        ({"source": "x" * 201}, "source", "text.too_long"),
        ({"source": "a\x00b"}, "source", "text.control"),
        ({"day_count": "next_day"}, "day_count", "limit.no_day_count"),
        ({"enabled": "yes"}, "enabled", "limit.not_a_flag"),
        ({"extra": 1}, "extra", "field.unknown"),
    ],
)
def test_a_limit_that_cannot_be_is_named(api, change, field, code):
    assert codes(put(api, "/limits/fault.arrive.urban", {**LIMIT, **change})) == [(field, code)]
    assert of(api, "fault.arrive.urban")["is_override"] is False


def test_there_is_no_limit_of_another_name(api):
    assert put(api, "/limits/fault.arrive.moon", LIMIT).status == 404


def test_a_limit_that_moves_what_is_due_plans_open_orders_again(api):
    number, _ = api.reported()
    before = orders.get(number).order.next_due_at
    saved = put(api, "/limits/warn.yellow", {**LIMIT, "amount": "1/10", "unit": "fraction"})
    moved = saved.body["replanned"]
    after = orders.get(number).order.next_due_at
    assert before != after
    assert (moved["count"], moved["done"]) == (1, True)
    assert moved["moves"][0]["number"] == number


# Calendars ----------------------------------------------------------------------------------------


def test_the_next_year_is_shown_as_not_published(api):
    rows = {row["year"]: row for row in get(api, "/calendars").body["items"]}
    assert (rows[2026]["origin"], rows[2026]["provisional"]) == ("shipped", False)
    assert (rows[2027]["origin"], rows[2027]["provisional"]) == ("none", True)
    assert get(api, "/calendars/2027").body["provisional"] is True
    assert get(api, "/calendars/1899").status == 404


def test_a_year_is_previewed_then_loaded(api, upper):
    number, _ = api.reported(
        kind="complaint",
        answers={"description": "多次停电", "category": "service"},
    )
    was = orders.get(number).order
    days = {**YEAR["holidays"], **_every_weekday_of_january()}
    table = {**YEAR, "holidays": days}

    preview = post(api, "/calendars/preview", table, as_=upper)
    untouched = orders.get(number).order
    loaded = post(api, "/calendars", table, as_=upper)

    assert preview.status == 200, preview.raw.decode()
    assert preview.body == loaded.body
    assert untouched == was
    assert get(api, "/calendars/2027").body["holidays"] == dict(sorted(days.items()))
    assert loaded.headers["ETag"] == '"1"'


def _every_weekday_of_january() -> dict[str, str]:
    return {f"2027-01-{day:02}": "长假" for day in range(1, 32)}


def test_a_year_moves_every_county_and_is_for_whoever_is_above_all(api, upper):
    assert post(api, "/calendars", YEAR).status == 403
    assert post(api, "/calendars/preview", YEAR).status == 403
    assert post(api, "/calendars", YEAR, as_=upper).status == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"year": 1900}, "calendar.not-a-year"),
        ({"year": "2027"}, "calendar.not-a-year"),
        ({"holidays": []}, "calendar.not-an-object"),
        ({"holidays": {}}, "calendar.lacks-fixed-holiday"),
        ({"holidays": {**YEAR["holidays"], "2027-13-01": "x"}}, "calendar.not-a-date"),
        ({"holidays": {**YEAR["holidays"], "2026-01-02": "x"}}, "calendar.other-year"),
        ({"make_up_days": {"2027-03-01": "x"}}, "calendar.not-a-weekend"),
        ({"source": ""}, "calendar.required"),
        ({"source": "x" * 501}, "calendar.too-long"),
        ({"source": 5}, "calendar.not-text"),
        ({"source": "a\x00"}, "calendar.not-printable"),
        ({"more": 1}, "field.unknown"),
    ],
)
def test_a_year_that_cannot_be_is_named_in_both_languages(api, upper, change, code):
    for language in ("zh", "en"):
        answer = post(api, "/calendars", {**YEAR, **change}, as_=upper, language=language)
        assert code in [each for _, each in codes(answer)]


# Lists --------------------------------------------------------------------------------------------


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def upload(api: Api, kind: str, content: bytes, filename: str = "a.csv", **said: Any) -> Answer:
    body = {"kind": kind, "filename": filename, "content_base64": encoded(content)}
    return post(api, "/imports", body, **said)


def as_it_is(api: Api, query: str, content: bytes, **said: Any) -> Answer:
    sent = {"as_": "admin-1", "Content_Type": "application/octet-stream", **said}
    return api.call("POST", f"{ADMIN}/imports?{query}", raw=content, **sent)


PHONES = f"户号,电话\n{ACCOUNT},13800138001\n"


@pytest.mark.parametrize(
    ("filename", "content"),
    [
        ("电话.csv", PHONES.encode("gbk")),
        ("a.xlsx", workbook(*(line.split(",") for line in PHONES.split()))),
    ],
)
def test_a_file_may_be_the_body_and_then_is_the_same_list(api, filename, content):
    query = f"kind=phones&filename={quote(filename)}&county={COUNTY}"

    sent = as_it_is(api, query, content, key="k-1")
    again = as_it_is(api, query, content, key="k-1")
    other = as_it_is(api, query, content + b"\n", key="k-1")
    in_json = upload(api, "phones", content, filename)

    assert sent.status == 201, sent.raw.decode()
    assert sent.body["ok"] == 1
    assert again.raw == sent.raw
    assert slug(other) == "key-reused"
    assert {**in_json.body, "id": ""} == {**sent.body, "id": ""}


def test_a_file_that_is_the_body_is_refused_as_it_is_in_a_field(api):
    assert codes(as_it_is(api, "kind=phones", b"x")) == [("filename", "field.required")]
    assert codes(as_it_is(api, "kind=phones&filename=a.csv", b"")) == [
        ("content_base64", "text.empty")
    ]
    foreign = f"kind=phones&filename=a.csv&county={ELSEWHERE}"
    assert codes(as_it_is(api, foreign, b"x")) == [("county", "office.unknown")]
    too_large = as_it_is(api, "kind=phones&filename=a.csv", b"x" * 4_500_001)
    assert (too_large.status, slug(too_large)) == (413, "too-large")


def test_a_list_in_another_media_type_is_refused_and_told_which_are_taken(api):
    refused = as_it_is(api, "kind=phones&filename=a.csv", b"x", Content_Type="text/csv")
    assert (refused.status, slug(refused)) == (415, "unsupported")
    assert b"application/octet-stream" in refused.raw


def test_no_other_operation_takes_a_file(api):
    answer = api.call(
        "POST", f"{ADMIN}/offices", raw=b"x", as_="admin-1", Content_Type="application/octet-stream"
    )
    assert answer.status == 415


def test_a_gbk_list_is_looked_at_then_applied_then_changes_nothing(api):
    content = f"户号,台区编号,户名,手机\n１３０９,{PLACE},王桂英,１３８００１３８００１\n".encode(
        "gbk"
    )

    shown = upload(api, "customers", content)
    assert shown.status == 201, shown.raw.decode()
    assert shown.body["difference"] == {"add": 1, "change": 0, "same": 0, "gone": 1}
    assert b"13800138001" not in shown.raw
    done = post(api, f"/imports/{shown.body['id']}/apply", {})
    again = upload(api, "customers", content)

    assert done.body == {"applied": 1, "skipped": 0, "refused": [], "next": None}
    assert again.body["difference"]["same"] == 1
    assert (again.body["difference"]["add"], again.body["difference"]["change"]) == (0, 0)


def test_three_bad_rows_are_named_in_the_callers_language(api):
    content = f"户号,台区编号,手机\n1,{PLACE},12\n,{PLACE},\n3,T-99,\n4,{PLACE},\n".encode()
    shown = upload(api, "customers", content, language="en").body
    assert [(bad["line"], bad["column"], bad["detail"]) for bad in shown["bad"]] == [
        (2, "手机", "Too few digits"),
        (3, "户号", "Required"),
        (4, "台区编号", "No such place"),
    ]
    assert (shown["ok"], shown["bad_rows"]) == (1, 3)
    refused = post(api, f"/imports/{shown['id']}/apply", {})
    assert codes(refused) == [("import", "import.has_bad_rows")]


def test_an_applied_list_answers_the_same_when_asked_again(api):
    shown = upload(api, "phones", f"户号,电话\n{ACCOUNT},13900139000\n".encode()).body
    first = post(api, f"/imports/{shown['id']}/apply", {}, key="k-9")
    again = post(api, f"/imports/{shown['id']}/apply", {}, key="k-9")
    assert (first.status, first.raw) == (200, again.raw)
    assert post(api, f"/imports/{shown['id']}/apply", {}).status == 404


def test_a_list_can_be_looked_at_again_by_its_own_county_alone(api, upper):
    body = {
        "kind": "phones",
        "filename": "a.csv",
        "content_base64": encoded("户号,电话\n1,x\n".encode()),
        "county": ELSEWHERE,
    }
    shown = post(api, "/imports", body, as_=upper).body
    assert get(api, f"/imports/{shown['id']}", as_=upper).body == {**shown, "sample": []}
    assert get(api, f"/imports/{shown['id']}").status == 404
    assert post(api, f"/imports/{shown['id']}/apply", {}).status == 404
    assert codes(post(api, "/imports", body)) == [("county", "office.unknown")]


def test_who_is_above_several_counties_names_one(api, upper):
    answer = upload(api, "customers", f"户号,台区编号\n1,{PLACE}\n".encode(), as_=upper)
    assert codes(answer) == [("county", "field.required")]


LEDGER = (
    "原工单编号,类型,受理时间,受理内容,联系电话,台区编号,派单时间,到达时间,回单时间,"
    "处理情况,处理结果,归档时间,回访结果"
)


def test_an_old_ledger_of_excel_dates_is_filed_without_a_text(api):
    headers = LEDGER.split(",")
    began = datetime(2026, 3, 2, 9)  # noqa: DTZ001 - Excel knows no zones
    at = [began + timedelta(minutes=minutes) for minutes in (0, 2, 40, 80, 120)]
    row = [
        "GD-1", "故障报修", at[0], "没电", 13800138000, PLACE, at[1], at[2], at[3],
        "换熔丝", "已修复", at[4], "满意",
    ]  # fmt: skip

    shown = upload(api, "ledger", workbook(headers, row), "旧台账.xlsx").body
    assert shown["bad"] == []
    done = post(api, f"/imports/{shown['id']}/apply", {})
    assert done.body["applied"] == 1

    found = api.get("/api/v1/search?q=13800138000", as_="dispatcher-1").body["items"]
    number = found[0]["number"]
    order = orders.get(number).order
    assert order.occurred_at == datetime(2026, 3, 2, 1, tzinfo=UTC)
    assert (order.stage, order.told, order.late_entered) == ("archived", 0, True)
    assert [event.tells for event in ledger.read(number)] == [()] * order.version
    verified = api.get(f"/api/v1/ledger/verify?aggregate={number}", as_="admin-1")
    assert verified.body == {"ok": True, "events": 8, "first_bad": None}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("kind", ["offices", "staff", "places"])
def test_what_is_downloaded_can_be_sent_back_as_no_change(api, kind, form):
    listed = get(api, f"/lists?kind={kind}&format={form}", Accept="*/*")
    assert listed.status == 200
    content = listed.raw
    assert read(f"{kind}.{form}", content).rows
    shown = upload(api, kind, content, f"{kind}.{form}").body
    assert shown["bad"] == []
    assert (shown["difference"]["add"], shown["difference"]["change"]) == (0, 0)
    assert shown["difference"]["same"] == shown["rows"] > 0


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"content_base64": "%%%"}, "content_base64", "field.base64"),
        ({"content_base64": ""}, "content_base64", "text.empty"),
        ({"content_base64": 5}, "content_base64", "field.text"),
        ({"content_base64": encoded(b"\xff\xff,")}, "file", "file.encoding"),
        ({"content_base64": encoded(b"a,b\n1,2\n")}, "file", "file.missing_columns"),
        ({"filename": "a\x00.csv"}, "filename", "text.control"),
        ({"filename": "x" * 121}, "filename", "text.too_long"),
        ({"filename": "a\u202e.csv"}, "filename", "text.bidi"),
        ({"kind": "gold"}, "kind", "field.choice"),
        ({"kind": None}, "kind", "field.required"),
        ({"county": ELSEWHERE}, "county", "office.unknown"),
        ({"extra": 1}, "extra", "field.unknown"),
    ],
)
def test_an_upload_that_cannot_be_is_named(api, change, field, code):
    body = {"kind": "phones", "filename": "a.csv", "content_base64": encoded(b"x")}
    assert codes(post(api, "/imports", {**body, **change})) == [(field, code)]


@pytest.mark.parametrize("import_id", ["x" * 3000, "0" * 32, "..", "%00", "%F0%9F"])
def test_a_list_that_nobody_sent_is_not_there(api, import_id):
    assert get(api, f"/imports/{import_id}").status == 404
    assert post(api, f"/imports/{import_id}/apply", {}).status == 404


def test_the_kind_may_stand_in_the_address(api):
    body = {"filename": "a.csv", "content_base64": encoded("户号,电话\n1,2\n".encode())}
    assert post(api, "/imports?kind=phones", body).body["kind"] == "phones"


def test_a_list_may_be_larger_than_other_bodies_and_not_too_large(api):
    line = f"{ACCOUNT},13900139000\n"
    large = "户号,电话\n" + line + "\n" * 700_000
    assert upload(api, "phones", large.encode()).status in {201, 422}
    body = {"kind": "phones", "filename": "a.csv", "content_base64": "A" * 6_000_001}
    answer = post(api, "/imports", body)
    assert (answer.status, slug(answer)) == (413, "too-large")
    assert post(api, "/offices", {**OFFICE, "name": "x" * 300_000}).status == 413


# Bad input ----------------------------------------------------------------------------------------

BAD_TEXTS = [
    (5, "field.text"),
    (None, "field.text"),
    ("", "text.empty"),
    ("  ", "text.empty"),
    ("字" * 41, "text.too_long"),
    ("a\x00b", "text.control"),
    ("a\u202eb", "text.bidi"),
    ("a\ud800b", "text.surrogate"),
]


@pytest.mark.parametrize(("value", "code"), BAD_TEXTS)
@pytest.mark.parametrize(
    ("path", "body"), [("/offices", OFFICE), ("/staff", PERSON), ("/keys", KEY)]
)
def test_a_name_that_cannot_be_is_named_and_nothing_is_written(api, path, body, value, code):
    before = get(api, path).raw
    answer = post(api, path, {**body, "name": value})
    assert codes(answer) == [("name", code)]
    assert get(api, path).raw == before


@pytest.mark.parametrize(
    ("path", "body", "field", "code"),
    [
        ("/offices", {**OFFICE, "id": "a b"}, "id", "field.code"),
        ("/offices", {**OFFICE, "id": "abc\n"}, "id", "field.code"),
        ("/offices", {**OFFICE, "id": "x" * 65}, "id", "field.code"),
        ("/offices", {**OFFICE, "id": "a/b"}, "id", "field.code"),
        ("/offices", {**OFFICE, "level": "village"}, "level", "field.choice"),
        ("/offices", {**OFFICE, "path": ["P-01"]}, "path", "field.unknown"),
        ("/offices", {**OFFICE, "active": False}, "active", "field.unknown"),
        ("/staff", {**PERSON, "role": "god"}, "role", "field.choice"),
        ("/staff", {**PERSON, "role": ["admin"]}, "role", "field.choice"),
        ("/staff", {**PERSON, "phone": "1380013"}, "phone", "phone.too_short"),
        ("/staff", {**PERSON, "phone": 13800138000}, "phone", "phone.not_a_number"),
        ("/keys", {**KEY, "scopes": []}, "scopes", "field.required"),
        ("/keys", {**KEY, "scopes": ["root"]}, "scopes.0", "field.choice"),
        ("/keys", {**KEY, "scopes": "intake"}, "scopes", "field.list"),
        ("/keys", {**KEY, "channel": "A B"}, "channel", "field.code"),
        ("/keys", {**KEY, "key_id": "x"}, "key_id", "field.unknown"),
    ],
)
def test_a_field_that_cannot_be_is_named(api, path, body, field, code):
    assert codes(post(api, path, body)) == [(field, code)]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_what_is_no_object_is_refused(api, method, path, body):
    assert body
    for raw in (b"[]", b"{", b"\xff", b'{"a":1,"a":2}', b'{"a":NaN}', b"[" * 20_000):
        answer = api.call(method, ADMIN + path, raw=raw, as_="admin-1")
        assert answer.status == 422, (raw[:20], answer.raw)


@pytest.mark.parametrize("version", ["x", '"-1"', '"1", "2"'])
def test_a_version_that_is_none_is_refused(api, version):
    answer = put(api, f"/offices/{STATION}", {"name": "甲所"}, If_Match=version)
    assert codes(answer) == [("If-Match", "field.version")]


# The ledger ---------------------------------------------------------------------------------------


def verify(api: Api, aggregate: str, as_: str = "auditor-1") -> Answer:
    return api.get(f"/api/v1/ledger/verify?aggregate={aggregate}", as_=as_)


def test_the_chain_of_a_record_is_read_and_holds(api):
    put(api, f"/offices/{STATION}", {"name": "甲所"})
    chain = f"registry/office/{STATION}"
    events = api.get(f"/api/v1/ledger/events?aggregate={chain}", as_="auditor-1").body["items"]
    assert [event["name"] for event in events] == ["office.added", "office.changed"]
    assert verify(api, chain).body == {"ok": True, "events": 2, "first_bad": None}


def test_a_long_chain_is_read_page_by_page(api):
    for name in ("甲所", "乙所", "丙所"):
        put(api, f"/offices/{STATION}", {"name": name})
    path = f"/api/v1/ledger/events?aggregate=registry/office/{STATION}&limit=3"
    first = api.get(path, as_="auditor-1").body
    second = api.get(f"{path}&cursor={first['cursor']}", as_="auditor-1").body
    assert [event["seq"] for event in first["items"] + second["items"]] == [1, 2, 3, 4]
    assert second["cursor"] is None
    forged = api.get(f"{path}&cursor={first['cursor']}", as_="leader-1")
    assert codes(forged) == [("cursor", "cursor.invalid")]


@pytest.mark.parametrize(
    "aggregate",
    [
        f"registry/office/{ELSEWHERE}",
        "registry/staff/stranger-1",
        "registry/staff/nobody",
        "registry/key/none",
        f"access/{ELSEWHERE}/2026-11-21",
        "once/x",
        "nothing",
        "1234567890123456",
    ],
)
def test_a_chain_of_others_is_not_there(api, aggregate):
    for path in ("events", "verify"):
        answer = api.get(f"/api/v1/ledger/{path}?aggregate={aggregate}", as_="auditor-1")
        assert (answer.status, slug(answer)) == (404, "unknown")


def tampered(store: Any, aggregate: str, seq: int, body: str | None) -> None:
    """Do to a row what nobody may: edit it, or take it away."""
    client, table = store.connection.client, f"{store.prefix}-ledger"
    key = {"aggregate": {"S": aggregate}, "seq": {"N": str(seq)}}
    if body is None:
        client.delete_item(TableName=table, Key=key)
    else:
        client.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET body = :b",
            ExpressionAttributeValues={":b": {"S": body}},
        )


@pytest.mark.parametrize(("seq", "body", "why"), [(1, "{}", "edited"), (2, None, "missing")])
def test_a_record_that_was_tampered_with_names_its_first_bad_event(api, store, seq, body, why):
    put(api, f"/offices/{STATION}", {"name": "甲所"})
    chain = f"registry/office/{STATION}"
    tampered(store, chain, seq, body)
    assert verify(api, chain).body["first_bad"] == {"seq": seq, "why": why}


def enter(api: Api) -> str:
    """Report, and enter the order in its books as the stream does."""
    from chalicelib import jobs  # noqa: PLC0415 - wired by the app's settings

    number, _ = api.reported()
    (row,) = ledger.links(number)
    image = {"body": {"S": row.body}, "prev": {"S": row.prev}, "hash": {"S": row.hash}}
    record = {
        "eventName": "INSERT",
        "dynamodb": {"NewImage": image, "SequenceNumber": "1", "Keys": {}},
    }
    event = jobs._arrived(record)
    assert event is not None
    jobs._note(jobs._desk(), event)
    sealing.stage([event], at=ambient.now())
    return number


def days(api: Api, **change: Any) -> Answer:
    day = (ambient.now() + timedelta(hours=8)).date().isoformat()
    body = {"county": COUNTY, "from": day, "to": day, **change}
    return api.post("/api/v1/ledger/verify", body, as_="auditor-1")


def test_a_countys_days_are_verified_order_by_order(api, store):
    number = enter(api)
    good = days(api)
    assert good.status == 200, good.raw.decode()
    assert (good.body["ok"], good.body["orders"], good.body["events"]) == (True, 1, 1)
    tampered(store, f"order/{number}", 1, "{}")
    bad = days(api).body
    assert bad["bad"] == [{"aggregate": number, "seq": 1, "why": "edited"}]
    assert bad["ok"] is False


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"county": ELSEWHERE}, "county", "office.unknown"),
        ({"county": STATION}, "county", "office.no_county"),
        ({"from": "2026-02-30"}, "from", "field.date"),
        ({"from": "2020-01-01"}, "from", "days.too_many"),
        ({"to": "2020-01-01"}, "to", "field.out_of_range"),
        ({"cursor": "x|y"}, "cursor", "cursor.invalid"),
        ({"cursor": "orders|y"}, "cursor", "cursor.invalid"),
        ({"cursor": "orders|0001-01-01#x"}, "cursor", "cursor.invalid"),
        ({"cursor": "hours|2026-11-21T00:00:00"}, "cursor", "cursor.invalid"),
        ({"cursor": "hours|"}, "cursor", "cursor.invalid"),
    ],
)
def test_days_that_cannot_be_are_named(api, change, field, code):
    assert codes(days(api, **change)) == [(field, code)]


def test_seals_of_a_day_are_listed(api):
    listed = api.get("/api/v1/ledger/seals?day=2026-03-02", as_="auditor-1")
    assert listed.body == {"items": []}
    assert seals_from(ambient.settings().seals) is not None
    assert api.get("/api/v1/ledger/seals", as_="dispatcher-1").status == 403
