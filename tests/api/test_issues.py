"""The ledger by HTTP: open, handle, sign level by level, clear, follow up; who may see what."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from openpyxl import load_workbook

from chalicelib.domain.issue import Issue, State
from chalicelib.domain.issue_gates import checklist
from chalicelib.domain.issue_moves import Made
from chalicelib.domain.order import is_order_number, order_number
from chalicelib.domain.staff import Role, Staff
from chalicelib.store import issues, ledger, registry
from chalicelib.store.registry import Member
from chalicelib.store.rows import House
from chalicelib.usecases import clearing, forgetting, linking
from tests.api.conftest import CITY, COUNTY, ELSEWHERE, OTHER, PROVINCE, SETUP, STATION, Answer, Api
from tests.api.test_citizen import a_photo
from tests.domain.engine import RULES
from tests.domain.issues import ISSUE, MORNING, do
from tests.domain.issues import handled as handled_
from tests.domain.issues import opened as opened_
from tests.store.test_issues import begun

NOTE = {"note": "网帖反映晚上电压低，灯发暗"}


@pytest.fixture
def api(api: Api) -> Api:
    """The county with somebody at the province, a second supervisor and a liaison."""
    people = {
        "monitor-1": (Role.PROVINCE_MONITOR, PROVINCE, (PROVINCE,)),
        "supervisor-2": (Role.SUPERVISOR, COUNTY, (PROVINCE, CITY, COUNTY)),
        "city-visitor": (Role.RETURN_VISITOR, CITY, (PROVINCE, CITY)),
        "liaison-1": (Role.LIAISON, STATION, (PROVINCE, CITY, COUNTY, STATION)),
        "liaison-2": (Role.LIAISON, OTHER, (PROVINCE, CITY, COUNTY, OTHER)),
    }
    members = [
        Member(Staff(one, f"员工{one}", role, office, path))
        for one, (role, office, path) in people.items()
    ]
    registry.take_over(members, by=SETUP, at=api.at)
    return api


def opened(api: Api, as_: str = "supervisor-1", **fields: Any) -> dict[str, Any]:
    body = {"source": "supervisor", "office": COUNTY, **NOTE, **fields}
    answer = api.post("/api/v1/issues", body, as_=as_)
    assert answer.status == 201, answer.raw.decode()
    return dict(answer.body)


def moved(api: Api, issue: str, name: str, as_: str, **given: Any) -> dict[str, Any]:
    answer = api.post(f"/api/v1/issues/{issue}/moves/{name}", given, as_=as_)
    assert answer.status == 200, (name, answer.raw.decode())
    return dict(answer.body)


def tried(api: Api, issue: str, name: str, as_: str, **given: Any) -> Answer:
    return api.post(f"/api/v1/issues/{issue}/moves/{name}", given, as_=as_)


SECTIONS = {
    "basic_facts": "客户反映电压低",
    "event_course": "现场测得 198 V",
    "exposed_problem": "台区重载",
    "remedy": "调整分接头",
    "advice": "列入改造",
}


def daylight(api: Api) -> str:
    """Return an hour of a day before now, out of the quiet hours."""
    local = api.at + timedelta(hours=8)
    day = local.date() - timedelta(days=1)
    return f"{day.isoformat()}T10:00:00+08:00"


def photo(api: Api, issue: str, as_: str) -> str:
    """Put one picture among what was uploaded, and return its id."""
    asked = {"content_type": "image/jpeg", "bytes": 90_000}
    form = api.post(f"/api/v1/issues/{issue}/uploads", asked, as_=as_)
    assert form.status == 200, form.raw.decode()
    api.files().write(f"incoming/{form.body['id']}", a_photo(), content_type="image/jpeg")
    return str(form.body["id"])


def handled(api: Api, issue: str) -> None:
    """Do everything but the visit and the signatures."""
    at = daylight(api)
    moved(api, issue, "assign", "supervisor-1", office=STATION, staff="liaison-1")
    moved(api, issue, "contact", "liaison-1", by="visit", note="已上门", contacted_at=at)
    moved(api, issue, "investigate", "liaison-1", **SECTIONS)
    moved(api, issue, "evidence", "liaison-1", files=[photo(api, issue, "liaison-1")])
    moved(api, issue, "decide", "supervisor-1", verdict="partly_upheld", liability="utility_liable")
    moved(api, issue, "attribute", "supervisor-1", attribution="management", department="equipment")
    moved(api, issue, "record_violation", "supervisor-1")
    moved(api, issue, "root_cause", "liaison-1", root_cause="grid_capacity")
    moved(api, issue, "measure", "liaison-1", measure="rebuilt", note="已增容")
    moved(api, issue, "match", "supervisor-1", matches=True)
    moved(api, issue, "reply", "liaison-1", note="已增容，现场测得 221 V")
    day = (api.at + timedelta(days=30)).isoformat()
    moved(api, issue, "plan_follow_up", "supervisor-1", follow_up_on=day)
    moved(api, issue, "visit", "visitor-1", result="satisfied", note="客户满意", visited_at=at)


def in_place(level: str) -> dict[str, bool]:
    return dict.fromkeys(checklist(level, RULES, MORNING), True)


def test_s1_2_an_issue_goes_from_its_opening_to_its_clearing_and_every_gate_says_who(api: Api):
    issue = opened(api, occurred_at=(api.at - timedelta(days=3)).isoformat())
    number = issue["issue_id"]
    assert (issue["state"], issue["orders"], issue["gates_open"] > 10) == ("open", [], True)
    partly = tried(api, number, "clear", "host-1")
    assert partly.status == 409
    assert "visit" in partly.body["gates"]

    handled(api, number)
    page = api.get(f"/api/v1/issues/{number}", as_="supervisor-1").body
    assert [move["name"] for move in page["moves"] if move["primary"]] == ["sign"]
    page = moved(api, number, "sign", "supervisor-1", **in_place("county"))
    assert page["state"] == "signing"
    assert [row["awaited"] for row in page["sign_offs"]] == [False, True, False]
    page = moved(api, number, "sign", "host-1", **in_place("city"))
    page = moved(api, number, "clear", "host-1")

    assert page["state"] == "cleared"
    assert all(gate["met"] for gate in page["gates"])
    by_name = {gate["name"]: gate for gate in page["gates"]}
    assert by_name["visit"]["by_name"] == "员工visitor-1"
    assert by_name["evidence"]["at"]
    assert [row["by_name"] for row in page["sign_offs"][:2]] == ["员工supervisor-1", "员工host-1"]
    assert page["timeline"][-1]["label"] == "销号"
    assert page["files"]
    listed = api.get("/api/v1/issues?view=follow_up", as_="supervisor-1").body
    assert [row["issue_id"] for row in listed["items"]] == [number]
    assert listed["counts"]["cleared"] == 1
    early = tried(api, number, "follow_up", "visitor-1", result="ok", note="没有复发")
    assert early.status == 422
    back = moved(api, number, "follow_up", "visitor-1", result="relapse", note="又低了")
    assert (back["state"], back["relapses"]) == ("handling", 1)


def test_the_moves_that_are_offered_are_those_that_work(api: Api):
    number = opened(api)["issue_id"]
    page = api.get(f"/api/v1/issues/{number}", as_="supervisor-1").body
    names = {row["name"]: row for row in page["moves"]}
    assert names["assign"]["primary"]
    assert names["clear"]["gates_open"]
    assert "sign" not in names
    assert {"order", "reason"} <= {need["name"] for need in names["link"]["needs"]}
    seen = api.get(f"/api/v1/issues/{number}", as_="auditor-1").body
    assert seen["moves"] == []
    assert tried(api, number, "note_tendency", "auditor-1").status == 403


def test_the_same_key_opens_one_issue_and_moves_it_once(api: Api):
    body = {"source": "public_opinion", "office": COUNTY, **NOTE}
    first = api.post("/api/v1/issues", body, as_="supervisor-1", key="same-key-0001")
    again = api.post("/api/v1/issues", body, as_="supervisor-1", key="same-key-0001")
    assert first.body["issue_id"] == again.body["issue_id"]
    other = api.post(
        "/api/v1/issues", {**body, "note": "别的"}, as_="supervisor-1", key="same-key-0001"
    )
    assert other.status == 422
    number = first.body["issue_id"]
    path = f"/api/v1/issues/{number}/moves/note_tendency"
    one = api.post(path, {"note": "要打 12398"}, as_="agent-1", key="same-key-0002")
    two = api.post(path, {"note": "要打 12398"}, as_="agent-1", key="same-key-0002")
    assert (one.status, two.body["version"]) == (200, one.body["version"])


def test_two_people_at_once_one_wins_and_the_other_hears_who(api: Api):
    number = opened(api)["issue_id"]
    path = f"/api/v1/issues/{number}/moves/assign"
    won = api.post(path, {"office": STATION}, as_="supervisor-1", If_Match='"1"')
    lost = api.post(path, {"office": OTHER}, as_="dispatcher-1", If_Match='"1"')
    assert (won.status, lost.status) == (200, 412)
    assert lost.body["by"] == "supervisor-1"
    assert won.headers["ETag"] == '"2"'


def test_what_is_foreign_answers_like_what_is_not_there(api: Api):
    number = opened(api)["issue_id"]
    missing = api.get("/api/v1/issues/2156234546779933", as_="stranger-1")
    foreign = api.get(f"/api/v1/issues/{number}", as_="stranger-1")
    assert (foreign.status, foreign.body) == (404, missing.body | {})
    assert api.get("/api/v1/issues", as_="stranger-1").body["items"] == []
    assert api.get(f"/api/v1/issues?office={COUNTY}", as_="stranger-1").status == 404
    assert api.get(f"/api/v1/issues/board?office={COUNTY}", as_="stranger-1").status == 404
    outside = api.post(
        "/api/v1/issues", {"source": "supervisor", "office": COUNTY, **NOTE}, as_="stranger-1"
    )
    assert outside.status in {403, 422}


def test_a_station_finds_its_own_and_nothing_of_its_countys(api: Api):
    number = opened(api)["issue_id"]
    assert api.get("/api/v1/issues", as_="liaison-1").body["items"] == []
    moved(api, number, "assign", "supervisor-1", office=STATION, staff="liaison-1")
    mine = api.get("/api/v1/issues?view=mine", as_="liaison-1").body
    assert [row["issue_id"] for row in mine["items"]] == [number]
    assert (mine["counts"]["mine"], mine["counts"]["open"]) == (1, 0)
    assert len(api.get("/api/v1/issues", as_="liaison-1").body["items"]) == 1
    assert api.get("/api/v1/issues", as_="liaison-2").body["items"] == []
    assert api.get("/api/v1/issues/board", as_="liaison-1").status == 404


def test_s1_26_misconduct_is_seen_by_discipline_and_the_auditor_alone(api: Api):
    number = opened(api, as_="discipline-1", confidential=True)["issue_id"]
    for person in ("supervisor-1", "host-1", "leader-1", "dispatcher-1", "monitor-1"):
        assert api.get(f"/api/v1/issues/{number}", as_=person).status == 404
        assert api.get("/api/v1/issues", as_=person).body["items"] == []
        assert api.get("/api/v1/issues", as_=person).body["counts"]["open"] == 0
        assert api.get("/api/v1/issues?misconduct=1", as_=person).status == 403
        assert api.get("/api/v1/issues/board?misconduct=1", as_=person).status == 403
    for person in ("discipline-1", "auditor-1"):
        assert api.get(f"/api/v1/issues/{number}", as_=person).status == 200
        found = api.get("/api/v1/issues?misconduct=1", as_=person).body
        assert [row["issue_id"] for row in found["items"]] == [number]
    hidden = api.post(
        "/api/v1/issues",
        {"source": "supervisor", "office": COUNTY, "confidential": True, **NOTE},
        as_="supervisor-1",
    )
    assert hidden.status == 403


def test_s1_3_the_board_shows_the_upper_levels_every_office_right_below(api: Api):
    one = opened(api)["issue_id"]
    opened(api, as_="host-1", office=ELSEWHERE)
    moved(api, one, "open_site_investigation", "host-1", trigger="wide_impact")
    moved(api, one, "supervise", "monitor-1", owner="supervisor-1")
    board = api.get("/api/v1/issues/board", as_="host-1").body
    rows = {row["office"]: row for row in board["rows"]}
    assert (rows[COUNTY]["open"], rows[COUNTY]["investigations"]) == (1, 1)
    assert (rows[COUNTY]["supervised"], rows[ELSEWHERE]["open"]) == (1, 1)
    assert board["totals"]["open"] == 2
    above = api.get("/api/v1/issues/board", as_="monitor-1").body
    assert [row["office"] for row in above["rows"]] == [CITY]
    assert above["rows"][0]["open"] == 2
    figures = {one["name"]: one for one in board["figures"]}
    assert figures["closed_loop_rate"]["denominator"] == 2
    down = api.get(f"/api/v1/issues?office={ELSEWHERE}", as_="monitor-1").body
    assert len(down["items"]) == 1


def test_a_page_of_the_ledger_ends_where_the_next_begins(api: Api):
    made = {opened(api)["issue_id"] for _ in range(3)}
    first = api.get("/api/v1/issues?limit=2", as_="supervisor-1").body
    second = api.get(f"/api/v1/issues?limit=2&cursor={first['cursor']}", as_="supervisor-1").body
    found = [row["issue_id"] for row in (*first["items"], *second["items"])]
    assert (set(found), len(found), second["cursor"]) == (made, 3, None)
    stolen = api.get(f"/api/v1/issues?cursor={first['cursor']}", as_="host-1")
    assert stolen.status == 422


def test_the_ledger_is_exported_without_a_word_of_a_citizen(api: Api):
    number = opened(api)["issue_id"]
    answer = api.get("/api/v1/issues/export?format=csv", as_="supervisor-1", Accept="text/csv")
    assert answer.status == 200
    text = answer.raw.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[1][0].strip("'\t") == number
    assert "电压低" not in text
    sheet = api.get(
        "/api/v1/issues/export?format=xlsx",
        as_="supervisor-1",
        Accept="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )
    book = load_workbook(io.BytesIO(sheet.raw))
    assert book.worksheets[0].max_row == 2
    assert api.get("/api/v1/issues/export", as_="agent-1").status == 403


def test_two_lines_of_one_issue_become_one_and_never_a_circle(api: Api):
    one, two = (opened(api)["issue_id"] for _ in range(2))
    page = moved(api, one, "merge", "supervisor-1", into=two, note="同一件事")
    assert (page["state"], page["merged_into"]) == ("merged", two)
    assert api.get(f"/api/v1/issues/{two}", as_="supervisor-1").body["absorbed"] == [one]
    for into, code in ((two, "issue.into_itself"), (one, "issue.merge_cycle")):
        wrong = tried(api, two, "merge", "supervisor-1", into=into, note="x")
        assert wrong.body["errors"][0]["code"] == code
    back = moved(api, one, "unmerge", "supervisor-1", note="不是同一件事")
    assert back["state"] == "open"


def test_the_number_of_an_issue_is_one_that_the_forms_take_however_it_was_opened(api: Api):
    by_hand = opened(api)["issue_id"]
    order, _ = api.reported(kind="complaint", answers={"description": "抄表不准"})
    by_order = linking.issue_id_of(api.desk(), order)
    assert is_order_number(by_hand)
    assert is_order_number(by_order)
    spaced = f"{by_hand[:4]} {by_hand[4:8]} {by_hand[8:12]} {by_hand[12:]}"
    wrong = tried(api, by_hand, "merge", "supervisor-1", into=spaced, note="x")
    assert wrong.status == 422  # the form takes the spaces out before it sends


def test_an_order_is_linked_by_hand_with_its_reason(api: Api):
    issue = opened(api)["issue_id"]
    number, _ = api.reported(kind="complaint", answers={"description": "抄表不准"})
    page = moved(api, issue, "link", "supervisor-1", order=number, reason="same_event", note="x")
    assert [row["order_id"] for row in page["orders"]] == [number]
    assert page["orders"][0]["reason_label"]
    again = tried(api, issue, "link", "supervisor-1", order=number, reason="person")
    assert again.status == 422
    nobody = tried(api, issue, "link", "supervisor-1", order="2156234546779933", reason="person")
    assert nobody.body["errors"][0]["code"] == "issue.order_unknown"
    page = moved(api, issue, "unlink", "supervisor-1", order=number, note="不是")
    assert page["orders"] == []


# What cannot be done: the rule is named, and nothing has changed ---------------------------------


def stored(issue: Issue) -> str:
    """Keep an issue of the county as it stands; return its number."""
    here = replace(issue, path=(PROVINCE, CITY, COUNTY), county=COUNTY, office=STATION, version=1)
    opening = begun().events
    event = replace(opening[0], aggregate=f"issue/{issue.issue_id}")
    issues.commit(issues.Change(None, Made(replace(here, tip=event.hash), (event,))))
    return issue.issue_id


def under_investigation() -> Issue:
    return do(opened_(), "open_site_investigation", trigger="ordered", subject="host-1")


OTHER_LINE = order_number(b"a secret of the ledger's tests..", "issues", "other")
BAD: dict[str, tuple[Callable[[], Issue], str, str, dict[str, Any], int, list[str]]] = {
    "clearing with a gate open": (
        lambda: handled_(opened_()), "host-1", "clear", {}, 409, ["visit", "signed"],
    ),
    "merging into itself": (
        opened_, "supervisor-1", "merge", {"into": ISSUE, "note": "x"}, 422,
        ["into: issue.into_itself"],
    ),
    "merging in a circle": (
        opened_, "supervisor-1", "merge", {"into": OTHER_LINE, "note": "x"}, 422,
        ["into: issue.merge_cycle"],
    ),
    "un-merging after clearing": (
        lambda: replace(opened_(), state=State.MERGED, parent=OTHER_LINE, state_before="open"),
        "supervisor-1", "unmerge", {"note": "x"}, 409, ["parent_not_cleared"],
    ),
    "a verdict without evidence": (
        opened_, "supervisor-1", "decide",
        {"verdict": "upheld", "liability": "utility_liable"}, 409, ["evidence"],
    ),
    "attribution to nobody": (
        lambda: handled_(opened_()), "supervisor-1", "attribute", {"attribution": "person"}, 422,
        ["staff: issue.attributed_to_nobody"],
    ),
    "attribution to no department": (
        lambda: handled_(opened_()), "supervisor-1", "attribute", {"attribution": "management"},
        422, ["department: issue.attributed_to_nobody"],
    ),
    "a grade lowered without reason": (
        lambda: opened_(grade="major"), "host-1", "classify", {"grade": "general"}, 422,
        ["note: issue.lower_needs_reason"],
    ),
    "a contact recorded late without its own time": (
        opened_, "supervisor-1", "contact", {"by": "phone", "note": "已联系"}, 422,
        ["contacted_at: issue.contact_needs_time"],
    ),
    "an investigation closed by its own subject": (
        under_investigation, "host-1", "conclude_site_investigation",
        {"finding": "not_confirmed", "note": "没有问题"}, 403, [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", BAD)
def test_bad_input_is_refused_with_the_rule_named_and_nothing_changed(api: Api, wrong: str):
    make, who, move, answers, status, rules = BAD[wrong]
    number = stored(make())
    state = State.CLEARED if move == "unmerge" else State.OPEN
    parent = number if "circle" in wrong else ""
    other = stored(
        replace(opened_(), issue_id=OTHER_LINE, parent=parent, state=state, cleared_at=MORNING)
    )
    before = [issues.get(each) for each in (number, other)]

    refused = tried(api, number, move, who, **answers)

    assert refused.status == status, refused.raw.decode()
    named = refused.body.get("gates") or [
        f"{each['field']}: {each['code']}" for each in refused.body.get("errors", ())
    ]
    assert named == rules
    if status == 403:
        assert (refused.body["type"], refused.body["move"]) == ("/problems/not-allowed", move)
    assert [issues.get(each) for each in (number, other)] == before
    for head in before:
        assert len(list(ledger.links(f"issue/{head.issue.issue_id}"))) == 1


@pytest.mark.parametrize(
    ("name", "answers", "code"),
    [
        ("attribute", {"attribution": "person"}, 409),
        ("decide", {"verdict": "upheld", "liability": "utility_liable"}, 409),
        ("supervise", {"owner": "nobody-1"}, 422),
        ("classify", {"category": "no.such"}, 422),
        ("assign", {"office": "C-NOBODY"}, 422),
        ("sign", {}, 403),
        ("explode", {}, 409),
        ("match", {"matches": "yes"}, 422),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_rule_and_changes_nothing(
    api: Api, name: str, answers: dict[str, Any], code: int
):
    number = opened(api)["issue_id"]
    moved(api, number, "assign", "supervisor-1", office=STATION)
    as_ = "host-1" if name == "sign" else "supervisor-1"
    given = in_place("county") if name == "sign" else answers
    refused = tried(api, number, name, as_, **given)
    assert refused.status == code, refused.raw.decode()
    assert issues.get(number).issue.version == 2


def test_s1_19_the_checklists_are_shown_as_an_office_has_set_them(api: Api):
    limit = "issue.item.county.leader_called"
    stated = {
        "office": COUNTY,
        "amount": 1,
        "unit": "count",
        "effective_from": "2026-01-01",
        "source": "清河县公司处理到位标准",
        "enabled": True,
    }
    saved = api.call("PUT", f"/api/v1/admin/limits/{limit}", body=stated, as_="admin-1")
    assert saved.status == 200, saved.raw.decode()

    def shown(query: str = "") -> Any:
        rows = api.get(f"/api/v1/meta/issues{query}").body["checklists"]
        county = next(row for row in rows if row["level"] == "county")
        return county["office"], county["items"][-1]

    office, item = shown(f"?office={STATION}")
    assert (office, item["limit"], item["enabled"]) == (COUNTY, limit, True)
    assert (item["source"], item["version"]) == (stated["source"], f"{COUNTY}@2026-01-01")
    assert shown(f"?office={ELSEWHERE}")[1]["enabled"] is False
    assert (shown()[0], shown()[1]["enabled"]) == ("", False)
    assert api.get("/api/v1/meta/issues?office=X-NONE").status == 404


def test_the_tables_are_open_to_everybody_as_data(api: Api):
    tables = api.get("/api/v1/meta/issues").body
    assert {row["level"] for row in tables["checklists"]} == {"county", "city", "province"}
    assert {row["name"] for row in tables["gates"]} >= {"visit", "signed", "orders_archived"}
    clear = next(row for row in tables["commands"] if row["name"] == "clear")
    assert clear["capability"] == "issue.sign"
    english = api.get("/api/v1/meta/issues", language="en").body
    assert english["states"][0]["label"] == "Open"


def test_what_is_due_of_an_issue_fires_in_the_sweep_once(api: Api):
    number = opened(api)["issue_id"]
    head = issues.get(number)
    at = head.issue.next_due_at
    assert isinstance(at, datetime)
    fired = clearing.fire(api.desk(), head, at=at)
    assert fired.issue.version == head.issue.version + 1
    assert clearing.fire(api.desk(), fired, at=at) == fired


def test_the_chain_of_an_issue_verifies_and_each_tampering_is_found(api: Api, store: House):
    number = opened(api)["issue_id"]
    moved(api, number, "assign", "supervisor-1", office=STATION)
    moved(api, number, "note_tendency", "supervisor-1")
    path = f"/api/v1/ledger/verify?aggregate=issue/{number}"
    assert api.get(path, as_="leader-1").body == {"ok": True, "events": 3, "first_bad": None}
    assert api.get(path, as_="stranger-1").status in {403, 404}
    day = (api.at + timedelta(hours=8)).date().isoformat()
    days = {"county": COUNTY, "from": day, "to": day}
    assert api.post("/api/v1/ledger/verify", days, as_="leader-1", key="").body["bad"] == []

    client: Any = store.connection.client
    key = {"aggregate": {"S": f"issue/{number}"}, "seq": {"N": "2"}}
    client.update_item(
        TableName=f"{store.prefix}-ledger",
        Key=key,
        UpdateExpression="SET body = :body",
        ExpressionAttributeValues={":body": {"S": "{}"}},
    )
    found = api.get(path, as_="leader-1").body
    assert found["first_bad"] == {"seq": 2, "why": "edited"}
    bad = api.post("/api/v1/ledger/verify", days, as_="leader-1", key="").body["bad"]
    assert bad == [{"aggregate": f"issue/{number}", "seq": 2, "why": "edited"}]

    client.delete_item(TableName=f"{store.prefix}-ledger", Key=key)
    assert api.get(path, as_="leader-1").body["first_bad"] == {"seq": 2, "why": "missing"}
    other = opened(api)["issue_id"]
    client.delete_item(
        TableName=f"{store.prefix}-orders", Key={"order_id": {"S": f"issue/{other}"}}
    )
    bad = api.post("/api/v1/ledger/verify", days, as_="leader-1", key="").body["bad"]
    assert {one["aggregate"] for one in bad} == {f"issue/{number}", f"issue/{other}"}


def test_s1_26_the_chain_of_misconduct_is_named_to_who_may_read_it_alone(api: Api, store: House):
    number = opened(api, as_="discipline-1", confidential=True)["issue_id"]
    for path in (f"verify?aggregate=issue/{number}", f"events?aggregate=issue/{number}"):
        assert api.get(f"/api/v1/ledger/{path}", as_="leader-1").status == 404
        assert api.get(f"/api/v1/ledger/{path}", as_="auditor-1").status == 200
    day = (api.at + timedelta(hours=8)).date().isoformat()
    days = {"county": COUNTY, "from": day, "to": day}
    client: Any = store.connection.client
    key = {"aggregate": {"S": f"issue/{number}"}, "seq": {"N": "1"}}
    client.delete_item(TableName=f"{store.prefix}-ledger", Key=key)
    hidden = api.post("/api/v1/ledger/verify", days, as_="leader-1", key="").body
    assert (hidden["bad"], hidden["elsewhere"]) == ([], 1)
    told = api.post("/api/v1/ledger/verify", days, as_="auditor-1", key="").body
    assert [one["aggregate"] for one in told["bad"]] == [f"issue/{number}"]


def test_when_its_people_are_forgotten_an_issue_still_says_what_was_done(api):
    issue = opened(api)["issue_id"]
    moved(api, issue, "contact", "supervisor-1", by="phone", note="已致电王桂英女士")
    moved(api, issue, "evidence", "supervisor-1", files=[photo(api, issue, "supervisor-1")])
    kept = forgetting.kept_under(api.desk(), f"issue/{issue}", api.at)
    assert kept is not None

    assert forgetting.erase(api.files(), kept, reason="asked", at=api.at)

    page = api.get(f"/api/v1/issues/{issue}", as_="supervisor-1").body
    assert [step["name"] for step in page["timeline"]][:1] == ["opened"]
    assert "contact" in [step["name"] for step in page["timeline"]]
    assert (page["summary"], page["files"]) == ("", [])
    assert "王桂英" not in str(page)
    register = f"forgotten/{COUNTY}/{api.at + timedelta(hours=8):%Y}"
    rows = api.get(f"/api/v1/ledger/events?aggregate={register}", as_="auditor-1")
    # It names reports of misconduct too: for the auditor, not for a supervisor.
    assert [row["data"]["order"] for row in rows.body["items"]] == [f"issue/{issue}"]
    asked = api.get(f"/api/v1/ledger/events?aggregate={register}", as_="supervisor-1")
    assert asked.status == 404
