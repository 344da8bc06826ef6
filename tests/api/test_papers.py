"""Papers at the interface: opened, moved, listed and refused, each for those whose they are."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.calendar import local_day
from chalicelib.domain.issue import Linked, State
from chalicelib.domain.issue_moves import Act, Place, open_issue
from chalicelib.domain.order import Actor, order_number
from chalicelib.domain.papers import PAPERS
from chalicelib.domain.papers.appeal import EVIDENCE
from chalicelib.domain.papers.spot_check import ITEMS
from chalicelib.domain.procedure import Step, open_order
from chalicelib.domain.staff import Role, Staff
from chalicelib.store import issues, personal, registry
from chalicelib.store import papers as kept
from chalicelib.store.registry import Member
from chalicelib.usecases import papers
from tests.api.conftest import CITY, COUNTY, ELSEWHERE, PROVINCE, SETUP, STATION, Answer, Api
from tests.api.test_citizen import a_photo
from tests.usecases.county import ports

PEOPLE = {
    "city-1": (Role.SUPERVISOR, CITY, (PROVINCE, CITY)),
    "city-2": (Role.SUPERVISOR, CITY, (PROVINCE, CITY)),
    "province-1": (Role.PROVINCE_MONITOR, PROVINCE, (PROVINCE,)),
    "next-door": (Role.SUPERVISOR, ELSEWHERE, (PROVINCE, CITY, ELSEWHERE)),
}
APPEAL = {
    "kind": "appeal",
    "applicant": "unit",
    "basis": "facts_differ",
    "aim": "not_upheld",
    "note": "现场录像显示抢修人员按时到达",
}
ENTRY = {
    "kind": "accountability",
    "behaviour": "late_arrival",
    "attribution": "staff_cause",
    "subject": "person",
    "person": "crew-1",
    "note": "抢修超时",
}
WARNING = {"kind": "complaint_risk_warning", "office": COUNTY, "rule": "by_person"}


@pytest.fixture(autouse=True)
def levels(api: Api) -> None:
    """People of the city, of the province, and of another county."""
    members = [
        Member(Staff(name, f"员工{name}", role, office, path))
        for name, (role, office, path) in PEOPLE.items()
    ]
    registry.take_over(members, by=SETUP, at=api.at)


def an_issue(
    api: Api, name: str = "one", *, days: float = 0.1, is_cleared: bool = False, **given: Any
) -> str:
    """Keep an issue of the county whose complaint was judged some days ago; cleared, if asked."""
    at = api.at - timedelta(days=days)
    number = order_number(b"a secret of more than thirty bytes", "papers", name)
    linked = Linked(
        reason="opened_by",
        kind="complaint",
        channel="95598",
        at=at,
        by="system",
        occurred_at=at,
        stage="replied",
        seen=5,
        verdict="upheld",
        liability="utility_liable",
        reply_at=at,
    )
    made = open_issue(
        Act(Actor("system", "system"), at, at),
        issue_id=number,
        source="complaint",
        place=Place(STATION, COUNTY, (PROVINCE, CITY, COUNTY)),
        rules=api.desk().rules(COUNTY),
        orders={order_number(b"a secret of more than thirty bytes", "order", name): linked},
        **given,
    )
    if is_cleared:
        day = local_day(api.at) + timedelta(days=9)
        over = replace(made.issue, state=State.CLEARED, cleared_at=at, follow_up_on=day)
        made = replace(made, issue=over)
    issues.commit(issues.Change(None, made))
    return number


def opened(api: Api, as_: str, body: Mapping[str, Any]) -> Any:
    answer = api.post("/api/v1/papers", dict(body), as_=as_)
    assert answer.status == 201, answer.raw.decode()
    return answer.body


def moved(api: Api, page: Any, move: str, as_: str, **answers: Any) -> Any:
    answer = try_move(api, page, move, as_, **answers)
    assert answer.status == 200, (move, answer.raw.decode())
    return answer.body


def try_move(api: Api, page: Any, move: str, as_: str, **answers: Any) -> Answer:
    return api.post(f"/api/v1/papers/{page['paper_id']}/moves/{move}", answers, as_=as_)


def submitted(api: Api, issue: str, **given: Any) -> Any:
    """Return an appeal with its evidence and three signatures."""
    page = opened(api, "crew-1", {**APPEAL, "issue": issue, **given})
    page = moved(
        api, page, "attach_evidence", "crew-1", evidence_kind="hall_video", reference="V-1"
    )
    page = moved(api, page, "sign_first", "crew-1")
    page = moved(api, page, "sign_second", "supervisor-1")
    return moved(api, page, "sign_third", "leader-1")


def listed(api: Api, as_: str, query: str = "") -> list[str]:
    answer = api.get(f"/api/v1/papers?{query}", as_=as_)
    assert answer.status == 200, answer.raw.decode()
    return [row["paper_id"] for row in answer.body["items"]]


# The story of an appeal -------------------------------------------------------------------------


def test_s0_32_an_appeal_that_wins_takes_back_the_accountability_and_the_issue_learns_of_it(api):
    issue = an_issue(api)
    entry = opened(api, "supervisor-1", {**ENTRY, "issue": issue})
    assert [each["value"] for each in entry["facts"] if each["name"] == "repeat_person"] == [1]
    assert issues.get(issue).issue.papers[entry["paper_id"]].open is True

    page = submitted(api, issue)
    assert (page["stage"], [each["id"] for each in page["signers"]]) == (
        "submitted",
        ["crew-1", "supervisor-1", "leader-1"],
    )
    assert page["effect"] == {
        "happened": False, "void": False, "complaint": -1, "liable": -1, "entries": 1,
    }  # fmt: skip
    assert page["next_due"]["clock"] == "decide"

    page = moved(api, page, "uphold_appeal", "city-1", note="录像属实")

    assert (page["stage"], page["open"]) == ("appeal_won", False)
    assert page["effect"]["happened"] is True
    reversed_ = api.get(f"/api/v1/papers/{entry['paper_id']}", as_="supervisor-1").body
    assert reversed_["stage"] == "reversed"
    known = issues.get(issue).issue.papers
    assert {each.open for each in known.values()} == {False}
    assert {each.kind for each in known.values()} == {"appeal", "accountability"}


def test_s0_32_an_entry_after_an_appeal_that_won_is_refused_naming_the_rule(api):
    issue = an_issue(api)
    moved(api, submitted(api, issue), "uphold_appeal", "city-1", note="录像属实")
    before = issues.get(issue).issue

    refused = api.post("/api/v1/papers", {**ENTRY, "issue": issue}, as_="supervisor-1")

    assert (refused.status, refused.body["type"]) == (409, "/problems/gate-closed")
    assert refused.body["gates"] == ["no_appeal_won"]
    assert issues.get(issue).issue == before
    assert listed(api, "supervisor-1", "kind=accountability") == []


@pytest.mark.parametrize(
    ("given", "is_entered"),
    [({}, True), ({"aim": "lower_grade"}, True), ({"aim": "not_liable"}, False)],
)
def test_s0_32_only_an_appeal_that_won_over_the_verdict_leaves_nothing_to_answer_for(
    api, given, is_entered
):
    issue = an_issue(api)
    decision = "uphold_appeal" if given else "reject_appeal"
    moved(api, submitted(api, issue, **given), decision, "city-1", note="已查")

    answer = api.post("/api/v1/papers", {**ENTRY, "issue": issue}, as_="supervisor-1")

    assert answer.status == (201 if is_entered else 409)


def test_s0_32_an_appeal_against_one_entry_takes_back_that_one_and_its_like_alone(api):
    issue = an_issue(api)
    entry = opened(api, "supervisor-1", {**ENTRY, "issue": issue})
    other = opened(api, "supervisor-1", {**ENTRY, "issue": issue, "behaviour": "rude_service"})
    appeal = submitted(api, issue, aim="lift_accountability", against=entry["paper_id"])
    moved(api, appeal, "uphold_appeal", "city-1", note="录像属实")

    again = api.post("/api/v1/papers", {**ENTRY, "issue": issue}, as_="supervisor-1")
    another = {**ENTRY, "issue": issue, "behaviour": "false_reply"}

    assert again.body["gates"] == ["no_appeal_won"]
    assert api.post("/api/v1/papers", another, as_="supervisor-1").status == 201
    stages = [kept.get(each["paper_id"]).paper.stage for each in (entry, other)]
    assert stages == ["reversed", "proposed"]


def test_s0_32_an_entry_that_was_being_written_while_the_appeal_won_falls_too(api, tmp_path):
    issue = an_issue(api)
    page = submitted(api, issue)
    chain = "paper/261122-22222222"
    step = Step(
        "opened",
        Actor("supervisor", "supervisor-1", COUNTY),
        occurred_at=api.at,
        recorded_at=api.at,
        data={k: v for k, v in {**ENTRY, "issue": issue}.items() if k not in {"kind", "note"}},
        words={"note": "抢修超时"},
    )
    unseen = open_order(
        step,
        order_id=chain,
        kind="accountability",
        county=COUNTY,
        office=COUNTY,
        fields={"facts": {"upper": CITY, "level": "county"}},
        procedures=PAPERS,
        rules=api.desk().rules(COUNTY),
    )
    moved(api, page, "uphold_appeal", "city-1", note="录像属实")
    kept.commit(kept.Change(None, unseen, shown={"path": [COUNTY]}))

    for _ in range(2):
        effect = f"1.issue.{issue}"
        papers.carry_out(api.desk(), ports(tmp_path), chain, 1, effect, at=api.at)

    assert kept.get(chain).paper.stage == "reversed"
    known = issues.get(issue).issue.papers["261122-22222222"]
    assert (known.kind, known.open) == ("accountability", False)


def test_s0_32_an_appeal_that_is_lost_leaves_the_accountability_as_it_stands(api):
    issue = an_issue(api)
    entry = opened(api, "supervisor-1", {**ENTRY, "issue": issue})
    page = moved(api, submitted(api, issue), "reject_appeal", "city-1", note="证据不足")

    assert page["effect"] == {
        "happened": False, "void": True, "complaint": -1, "liable": -1, "entries": 1,
    }  # fmt: skip
    assert api.get(f"/api/v1/papers/{entry['paper_id']}", as_="leader-1").body["open"] is True


def put(api: Api, page: Any, body: bytes, content_type: str, *, path: str = "") -> str:
    """Put a file as the form of the page does; return the id that a move names."""
    asked = {"content_type": content_type, "bytes": len(body)}
    where = path or f"/papers/{page['paper_id']}/uploads"
    form = api.post(f"/api/v1{where}", asked, as_="crew-1")
    assert form.status == 200, form.raw.decode()
    api.files().accept_upload(form.body["fields"], body, at=api.at)
    return str(form.body["id"])


FILM = b"\0\0\0\x18ftypmp42" + b"\0" * 400
PAPER = b"%PDF-1.7 " + b"\n" * 400


@pytest.mark.parametrize("kind", EVIDENCE)
@pytest.mark.parametrize(
    ("body", "content_type"),
    [(FILM, "video/mp4"), (PAPER, "application/pdf"), (a_photo(), "image/jpeg")],
)
def test_s0_32_a_film_a_document_or_a_photo_is_evidence_of_an_appeal(api, kind, body, content_type):
    page = opened(api, "crew-1", {**APPEAL, "issue": an_issue(api)})
    sent = put(api, page, body, content_type)

    page = moved(api, page, "attach_evidence", "crew-1", evidence_kind=kind, files=[sent])

    assert [(one["id"], one["type"]) for one in page["files"]] == [(sent, content_type)]
    again = moved(api, page, "attach_evidence", "crew-1", evidence_kind=kind, files=[sent])
    assert len(again["files"]) == 1
    kept_ = next(iter(personal.list_files(f"paper/{page['paper_id']}")))
    stored = api.files().read(kept_.details["key"], max_bytes=10**6)
    assert stored.content_type == content_type
    assert (stored.body == body) is (content_type != "image/jpeg")  # a photo is drawn anew


def test_s0_32_a_number_of_the_video_archive_is_evidence_and_nothing_at_all_is_none(api):
    page = opened(api, "crew-1", {**APPEAL, "issue": an_issue(api)})
    none = try_move(api, page, "attach_evidence", "crew-1", evidence_kind="site_video")
    assert [(each["field"], each["code"]) for each in none.body["errors"]] == [
        ("files", "evidence.none")
    ]
    page = moved(
        api, page, "attach_evidence", "crew-1", evidence_kind="site_video", reference="HALL-2026-11"
    )
    assert page["files"] == []
    assert moved(api, page, "sign_first", "crew-1")["stage"] == "signed_once"


def test_s0_32_what_is_neither_photo_film_nor_document_is_refused_and_not_kept(api):
    page = opened(api, "crew-1", {**APPEAL, "issue": an_issue(api)})
    sent = put(api, page, b"MZ" + b"\0" * 400, "video/mp4")
    refused = try_move(
        api, page, "attach_evidence", "crew-1", evidence_kind="hall_video", files=[sent]
    )
    assert [(each["field"], each["code"]) for each in refused.body["errors"]] == [
        ("files.0", "file.not_evidence")
    ]
    asked = {"content_type": "text/html", "bytes": 9}
    path = f"/api/v1/papers/{page['paper_id']}/uploads"
    assert api.post(path, asked, as_="crew-1").status == 422
    asked = {"content_type": "video/mp4", "bytes": 9}
    assert api.post("/api/v1/public/uploads", asked, as_="crew-1").status == 422
    assert kept.get(page["paper_id"]).paper.facts.get("evidence") is None


def test_s0_32_two_supervisors_decide_one_appeal_and_one_wins(api):
    page = submitted(api, an_issue(api))
    seen = {"if_match": f'"{page["version"]}"'}
    path = f"/api/v1/papers/{page['paper_id']}/moves"

    first = api.post(f"{path}/uphold_appeal", {"note": "成立"}, as_="city-1", **seen)
    late = api.post(f"{path}/reject_appeal", {"note": "不成立"}, as_="city-2", **seen)
    blind = api.post(f"{path}/reject_appeal", {"note": "不成立"}, as_="city-2")

    assert first.status == 200
    assert (late.status, late.body["type"], late.body["by"]) == (412, "/problems/stale", "city-1")
    assert (blind.body["type"], blind.body["by"]) == ("/problems/illegal-move", "city-1")
    now = api.get(f"/api/v1/papers/{page['paper_id']}", as_="city-2").body
    assert (now["stage"], now["version"]) == ("appeal_won", page["version"] + 1)


def test_s0_32_an_appeal_after_its_term_is_refused_naming_the_rule(api):
    issue = an_issue(api, days=30)
    refused = api.post("/api/v1/papers", {**APPEAL, "issue": issue}, as_="crew-1")

    assert refused.status == 409
    assert refused.body["gates"] == ["within_appeal_term"]
    assert listed(api, "supervisor-1") == []
    assert issues.get(issue).issue.papers == {}


def test_s0_32_an_appeal_is_not_decided_by_a_signer_or_by_the_unit_itself(api):
    page = submitted(api, an_issue(api))
    for who in ("leader-1", "supervisor-1"):
        refused = try_move(api, page, "uphold_appeal", who, note="同意")
        assert (refused.status, "of_upper_office" in refused.body["rules"]) == (403, True)
    shown = api.get(f"/api/v1/papers/{page['paper_id']}", as_="leader-1").body["moves"]
    assert {"uphold_appeal", "reject_appeal"}.isdisjoint(move["name"] for move in shown)
    assert try_move(api, page, "uphold_appeal", "province-1", note="同意").status == 403


def test_s0_35_the_pass_rate_stands_beside_what_was_submitted(api):
    first = submitted(api, an_issue(api, "one"))
    submitted(api, an_issue(api, "two"))
    moved(api, first, "uphold_appeal", "city-1", note="成立")

    answer = api.get(f"/api/v1/papers/figures?office={COUNTY}", as_="city-1").body
    rate = next(each for each in answer["figures"] if each["name"] == "appeal_pass_rate")
    assert (rate["numerator"], rate["denominator"], rate["value"]) == (1, 1, 100)
    assert {each["name"]: each["value"] for each in rate["beside"]}["submitted"] == 2


def test_s1_15_complaints_per_million_stand_beside_their_count(api):
    answer = api.get("/api/v1/papers/figures?month=2026-01", as_="supervisor-1").body
    figure = next(each for each in answer["figures"] if each["name"] == "complaints_per_million")
    assert (figure["numerator"], figure["denominator"]) == (0, 46)
    wrong = api.get("/api/v1/papers/figures?month=2026-13", as_="supervisor-1")
    assert (wrong.status, wrong.body["errors"][0]["field"]) == (422, "month")


# Accountability ---------------------------------------------------------------------------------


def test_s0_25_violations_of_unit_and_person_are_counted_and_make_the_next_graver(api):
    issue = an_issue(api)
    first = opened(api, "supervisor-1", {**ENTRY, "issue": issue, "office": STATION})
    second = opened(api, "supervisor-1", {**ENTRY, "issue": issue, "office": STATION})
    third = opened(
        api, "supervisor-1", {**ENTRY, "issue": issue, "office": STATION, "person": "manager-1"}
    )

    def fact(page: Any, name: str) -> Any:
        return next((each["value"] for each in page["facts"] if each["name"] == name), None)

    assert [fact(page, "repeat_person") for page in (first, second, third)] == [1, 2, 1]
    assert [fact(page, "repeat_unit") for page in (first, second, third)] == [1, 2, 3]
    assert [fact(page, "severity") for page in (first, second)] == ["light", "serious"]


def test_s1_26_attribution_to_nobody_is_refused_and_nothing_is_kept(api):
    body = {**ENTRY, "issue": an_issue(api)}
    del body["person"]
    refused = api.post("/api/v1/papers", body, as_="supervisor-1")
    assert refused.status == 422
    assert {each["field"]: each["code"] for each in refused.body["errors"]} == {
        "person": "attribution.nobody"
    }
    assert listed(api, "supervisor-1") == []


def test_who_is_accountable_is_seen_by_those_above_and_by_whom_it_concerns(api):
    entry = opened(api, "supervisor-1", {**ENTRY, "issue": an_issue(api), "office": STATION})
    path = f"/api/v1/papers/{entry['paper_id']}"

    assert api.get(path, as_="city-1").status == 200
    assert api.get(path, as_="crew-1").status == 200  # it concerns them
    assert api.get(path, as_="manager-1").status == 404
    assert listed(api, "manager-1") == []
    assert api.get(path, as_="next-door").status == 404


# Interview, warning -----------------------------------------------------------------------------


def test_s1_16_an_interview_is_held_with_four_statements_and_followed_up(api):
    page = opened(
        api,
        "city-1",
        {"kind": "accountability_interview", "office": COUNTY, "reason": "monthly_condition"},
    )
    at = api.at + timedelta(days=1)
    page = moved(api, page, "notify_interview", "city-1", meets_at=at.isoformat())
    said = {
        "problems": "停电信息传递不及时",
        "control_done": "已对责任人考核",
        "prevention_target": "下月投诉不超过一件",
        "prevention_measures": "停电五分钟内发短信",
    }
    refused = try_move(api, page, "hold_interview", "city-1", **{**said, "problems": ""})
    assert {"problems", "interviewee", "target", "follow_up"} <= {
        each["field"] for each in refused.body["errors"]
    }
    page = moved(
        api,
        page,
        "hold_interview",
        "city-1",
        **said,
        interviewee="leader-1",
        target="1",
        follow_up=(api.at + timedelta(days=30)).isoformat(),
    )
    assert page["stage"] == "held"
    written = {each["name"]: each["text"] for each in page["timeline"][-1]["words"]}
    assert written == said
    assert page["next_due"]["clock"] == "follow_up"
    assert try_move(api, page, "target_met", "city-1", actual="1").body["gates"] == [
        "follow_up_reached"
    ]


def test_s1_17_who_is_interviewed_must_be_of_the_office(api):
    page = opened(
        api, "city-1", {"kind": "accountability_interview", "office": COUNTY, "reason": "bypass"}
    )
    page = moved(api, page, "notify_interview", "city-1", meets_at=api.at.isoformat())
    refused = try_move(
        api, page, "hold_interview", "city-1", problems="甲", control_done="乙",
        prevention_target="丙", prevention_measures="丁", interviewee="stranger-1", target="1",
        follow_up=(api.at + timedelta(days=30)).isoformat(),
    )  # fmt: skip
    assert refused.body["errors"][0]["field"] == "interviewee"


def test_s1_28_a_warning_goes_down_and_its_receipt_and_action_come_back(api):
    page = opened(api, "city-1", WARNING)
    page = moved(api, page, "issue_warning", "city-1", note="东山线近期反映集中")
    assert {clock["name"] for clock in page["clocks"] if not clock["stopped_at"]} == {
        "receipt", "action",
    }  # fmt: skip
    assert try_move(api, page, "receipt", "city-1").status == 403
    page = moved(api, page, "receipt", "dispatcher-1")
    page = moved(api, page, "report_action", "dispatcher-1", measure="已更换变压器")
    page = moved(api, page, "accept_action", "city-1")
    assert (page["stage"], page["open"], page["next_due"]) == ("closed", False, None)
    assert listed(api, "supervisor-1") == []
    assert listed(api, "supervisor-1", "state=closed") == [page["paper_id"]]


def test_s1_28_the_county_cannot_warn_itself(api):
    assert api.post("/api/v1/papers", WARNING, as_="supervisor-1").status == 403


# What is published ------------------------------------------------------------------------------


def test_s1_18_a_case_is_published_to_every_office_below_and_to_no_other(api):
    case = {
        "kind": "typical_case", "office": CITY, "title": "停电信息未告知引发越级", "body": "经过",
        "cause_told": "信息传递不及时", "accountability_told": "已考核", "lessons": "五分钟内告知",
    }  # fmt: skip
    page = opened(api, "city-1", case)
    path = f"/api/v1/papers/{page['paper_id']}"
    assert api.get(path, as_="crew-1").status == 404
    assert try_move(api, page, "publish", "city-1").status == 403
    page = moved(api, page, "publish", "city-2")

    for who in ("crew-1", "next-door", "supervisor-1"):
        assert listed(api, who, "state=published&kind=typical_case") == [page["paper_id"]]
        read = api.get(path, as_=who).body
        assert (read["title"], read["moves"]) == ("停电信息未告知引发越级", [])
    assert listed(api, "province-1", "state=published") == []


# Checks -----------------------------------------------------------------------------------------


def test_s0_30_a_check_is_of_a_complaint_that_is_theirs_and_not_of_the_handler(api):
    filed = api.post(
        "/api/v1/public/orders",
        {"kind": "complaint", "phone": "13800138000", "answers": {"description": "态度不好"}},
    )
    number = filed.body["number"]
    fault, _ = api.reported()
    body = {"kind": "quality_check", "picked_by": "by_person"}

    for wrong in (fault, "2156234546779933"):
        refused = api.post("/api/v1/papers", {**body, "order": wrong}, as_="visitor-1")
        assert refused.body["errors"][0]["field"] == "order"
    assert api.post("/api/v1/papers", {**body, "order": number}, as_="next-door").status == 422
    page = opened(api, "visitor-1", {**body, "order": number})
    items = [each["name"] for each in page["moves"][0]["needs"] if each["name"].startswith("item_")]
    assert len(items) == 6
    found = dict.fromkeys(items, "ok") | {items[0]: "not_ok"}
    page = moved(api, page, "check_found", "visitor-1", **found, finding="minor", note="未联系")
    said = {fact["name"]: fact["value_label"] for fact in page["facts"]}
    assert (said["failed"], said["picked_by"]) == ("按时联系客户", "人工指定")
    assert list(said)[:2] == ["order", "picked_by"]  # as they were asked for, not as they are kept
    page = moved(api, page, "report_rework", "dispatcher-1", measure="已补联系")
    assert moved(api, page, "accept_rework", "visitor-1")["stage"] == "closed"


def test_s1_31_a_line_that_is_not_cleared_cannot_be_spot_checked(api):
    body = {"kind": "spot_check", "issue": an_issue(api), "picked_by": "by_person"}
    refused = api.post("/api/v1/papers", body, as_="city-1")
    assert refused.body["errors"][0]["code"] == "issue.not_cleared"


@pytest.mark.parametrize(
    ("finding", "state", "relapses"), [("major", "handling", 1), ("minor", "cleared", 0)]
)
def test_s1_31_a_grave_finding_of_a_spot_check_reopens_the_line_and_says_why(
    api, finding, state, relapses
):
    issue = an_issue(api, is_cleared=True)
    body = {"kind": "spot_check", "issue": issue, "picked_by": "by_person"}
    page = opened(api, "city-1", body)
    items = {f"item_{each}": "ok" for each in ITEMS} | {"item_measure_lasts": "not_ok"}

    page = moved(api, page, "check_found", "city-1", **items, finding=finding, note="电压仍低")

    now = api.get(f"/api/v1/issues/{issue}", as_="supervisor-1").body
    assert (now["state"], now["relapses"]) == (state, relapses)
    last = now["timeline"][-1]
    assert last["facts"].get("reason", "") == ("audit" if relapses else "")
    assert last["facts"]["paper"] == page["paper_id"]
    moved(api, page, "report_rework", "supervisor-1", measure="已更换变压器")
    assert issues.get(issue).issue.relapses == relapses


# Lists, replays, what is foreign ----------------------------------------------------------------


def test_one_key_opens_one_paper_and_moves_it_once(api):
    first = api.post("/api/v1/papers", WARNING, as_="city-1", key="once-1")
    again = api.post("/api/v1/papers", WARNING, as_="city-1", key="once-1")
    other = api.post("/api/v1/papers", {**WARNING, "note": "另"}, as_="city-1", key="once-1")
    assert first.body["paper_id"] == again.body["paper_id"]
    assert other.body["type"] == "/problems/key-reused"

    path = f"/api/v1/papers/{first.body['paper_id']}/moves/issue_warning"
    one = api.post(path, {"note": "请处置"}, as_="city-1", key="once-2")
    two = api.post(path, {"note": "请处置"}, as_="city-1", key="once-2")
    assert (one.body["version"], two.body["version"]) == (2, 2)


def test_a_list_is_paged_by_what_is_due_next_whatever_the_kind(api):
    made = [opened(api, "city-1", {**WARNING, "about": f"A-{n}"})["paper_id"] for n in range(3)]
    made.append(
        opened(
            api,
            "city-1",
            {"kind": "accountability_interview", "office": COUNTY, "reason": "bypass"},
        )["paper_id"]
    )
    found, cursor = [], ""
    for _ in range(9):
        answer = api.get(f"/api/v1/papers?limit=2&cursor={cursor}", as_="supervisor-1").body
        found += answer["items"]
        cursor = answer["cursor"]
        if not cursor:
            break
    assert sorted(each["paper_id"] for each in found) == sorted(made)
    due = [each["next_due"]["at"] for each in found]
    assert due == sorted(due)


@pytest.mark.parametrize("state", ["open", "closed", "published"])
def test_the_papers_of_another_county_are_not_listed(api, state):
    opened(api, "city-1", WARNING)
    assert listed(api, "next-door", f"state={state}") == []
    refused = api.get(f"/api/v1/papers?state={state}&office={COUNTY}", as_="next-door")
    assert refused.status == 404


def test_what_is_foreign_answers_like_what_is_not_there(api):
    page = opened(api, "city-1", WARNING)
    for path in ("", "/moves/receipt", "/uploads"):
        method = "POST" if path else "GET"
        body = {"content_type": "image/jpeg", "bytes": 9} if path == "/uploads" else {}
        there, nowhere = (
            api.call(
                method,
                f"/api/v1/papers/{number}{path}",
                body=body if path else None,
                as_="next-door",
            )
            for number in (page["paper_id"], "261122-AAAAAAAA")
        )
        assert (there.status, there.raw) == (nowhere.status, nowhere.raw)
        assert there.status == 404


def test_s1_26_a_paper_of_a_misconduct_issue_is_the_discipline_roles_alone(api):
    issue = an_issue(api, confidential=True)
    body = {**ENTRY, "issue": issue, "office": COUNTY}
    assert (
        api.post("/api/v1/papers", body, as_="supervisor-1").body["errors"][0]
        == (
            api.post(
                "/api/v1/papers", {**body, "issue": "2156234546779933"}, as_="supervisor-1"
            ).body["errors"][0]
        )
    )
    page = opened(api, "discipline-1", body)
    path = f"/api/v1/papers/{page['paper_id']}"
    assert api.get(path, as_="auditor-1").status == 200
    assert listed(api, "discipline-1") == [page["paper_id"]]
    for who in ("supervisor-1", "leader-1", "city-1", "crew-1"):
        assert api.get(path, as_=who).status == 404
        assert listed(api, who) == []


def test_an_auditor_reads_papers_and_changes_none(api):
    page = opened(api, "city-1", WARNING)
    read = api.get(f"/api/v1/papers/{page['paper_id']}", as_="auditor-1")
    assert (read.status, read.body["moves"]) == (200, [])
    assert try_move(api, page, "receipt", "auditor-1").status == 403
    assert api.get("/api/v1/papers", as_="admin-1").status == 403


def test_the_tables_are_served_with_their_sources(api):
    meta = api.get("/api/v1/meta/papers").body
    assert [each["kind"] for each in meta["items"]] == sorted(PAPERS)
    assert all(each["source"] for each in (*meta["behaviours"], *meta["warnings"]))
    assert [each["level"] for each in meta["interview"]["levels"]] == ["city", "county", "station"]


def test_a_paper_is_verified_like_any_chain(api):
    page = opened(api, "city-1", WARNING)
    head = kept.get(page["paper_id"])
    assert papers.verify(head)["ok"] is True
    bent = replace(head, paper=replace(head.paper, stage="closed"))
    assert papers.verify(bent)["first_bad"]["why"] == "head-differs"
