"""What the rules find is put on paper once; what is due of papers is done, told and verified."""

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from chalicelib.domain.calendar import local_day
from chalicelib.domain.contact import Contact, Phone
from chalicelib.domain.issue_moves import Act, Place, open_issue
from chalicelib.domain.order import Actor, canonical, is_order, order_number
from chalicelib.domain.papers import PAPERS
from chalicelib.domain.risks import drawn
from chalicelib.domain.staff import OfficeLevel
from chalicelib.outbound.seals import DiskSeals, public_key_of
from chalicelib.store import customers, daybook, issues, ledger, orders, papers, personal
from chalicelib.store.customers import Place as Area
from chalicelib.store.deliveries import Status
from chalicelib.store.packing import pack
from chalicelib.usecases import delivering, handling, spotting, verifying, watching
from chalicelib.usecases import papers as journeys
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.papers import About, New
from chalicelib.usecases.spotting import Spotted
from infra import ledgerfile
from infra.ledger_export import export
from tests.usecases.county import (
    CITY,
    COUNTY,
    MINUTE,
    NOON,
    PROVINCE,
    SALT,
    STATION,
    a_command,
    a_county,
    a_report,
    file,
    ports,
    texts,
    the_desk,
)

DAY = timedelta(days=1)
KEY = base64.b64encode(b"k" * 32).decode()
OCTOBER = datetime(2026, 10, 20, 2, tzinfo=UTC)


@pytest.fixture
def desk(store) -> Desk:
    assert store
    made = a_county()
    place = Area(
        code="T-03", name="河尾村3号公变", county=COUNTY, office_id=STATION, village="河尾村",
        terrain="rural", line="10kV东山线", households=46,
    )  # fmt: skip
    customers.put_places(customers.compare_places(COUNTY, [place]))
    return made


def complain(desk: Desk, key: str, *, at: datetime = NOON, **said: Any) -> str:
    """File a complaint, and note it in the daybook as the stream does."""
    phone = Phone.parse("13800138000")
    sent = a_report("complaint", occurred_at=at, contact=Contact(phone=phone), **said)
    head = file(desk, sent, key=key, at=at).head
    delivering.enter_daybook(ledger.event(head.order.order_id, 1), local_day(at))
    return head.order.order_id


def run(desk: Desk, at: datetime = NOON) -> Spotted:
    return spotting.daily(desk, at=at, is_out_of_time=lambda: False)


def lines(kind: str, office: str = COUNTY, state: str = "open") -> list[papers.Line]:
    return list(papers.listed(office, state, kinds=(kind,), limit=50).items)


def rows(kind: str, office: str = COUNTY) -> list[dict[str, Any]]:
    return [dict(line.row["facts"]) for line in lines(kind, office)]


# What is found ----------------------------------------------------------------------------------


def test_s1_28_several_complaints_in_one_village_are_found_once_and_go_to_the_city(desk):
    for number in range(3):
        complain(desk, f"k{number}", at=NOON - number * DAY)

    first, again, later = run(desk), run(desk, NOON + MINUTE), run(desk, NOON + DAY)

    assert {row["rule"] for row in rows("complaint_risk_warning")} == {
        "same_village", "same_line", "complaint_rate",
    }  # fmt: skip
    assert first.opened["complaint_risk_warning"] == 3
    assert "complaint_risk_warning" not in {**again.opened, **later.opened}
    (line,) = [
        one for one in lines("complaint_risk_warning") if one.row["facts"]["rule"] == "same_village"
    ]
    head = papers.get(line.paper_id)
    assert (head.paper.facts["upper"], head.paper.facts["place"]) == (CITY, "河尾村")
    assert len(head.paper.facts["orders"]) == head.paper.facts["count"] == 3
    assert head.paper.stage == "found"


def test_s1_15_the_month_that_is_over_is_held_against_both_conditions(desk):
    for number in range(3):
        complain(desk, f"k{number}", at=OCTOBER + number * DAY)

    run(desk)
    run(desk, NOON + DAY)

    (fact,) = rows("accountability_interview")
    assert (fact["reason"], fact["month"], fact["count"]) == ("monthly_condition", "2026-10", 3)
    (of_city,) = rows("accountability_interview", CITY)[:1]
    assert of_city["month"] == "2026-10"
    levels = {
        papers.get(one.paper_id).paper.facts["level"]
        for one in lines("accountability_interview", PROVINCE)
    }
    assert levels == {OfficeLevel.COUNTY.value, OfficeLevel.CITY.value}


def test_s1_15_two_complaints_a_month_call_nobody(desk):
    for number in range(2):
        complain(desk, f"k{number}", at=OCTOBER + number * DAY)
    run(desk)
    assert rows("accountability_interview") == []


def test_s1_14_the_months_circular_is_drafted_from_its_figures(desk):
    complain(desk, "k1", at=OCTOBER)
    run(desk)
    run(desk, NOON + DAY)

    line = next(one for one in lines("circular") if one.row["office"] == COUNTY)
    said = personal.words(f"paper/{line.paper_id}")[1].words
    assert said["title"] == "2026年10月X1供电投诉情况通报"
    assert "受理投诉1件，服务客户46户，百万客户投诉率21739.1件/百万户" in said["body"]
    assert len(lines("circular", CITY)) == 2  # the city's own, and the county's


def test_s0_30_a_share_of_the_month_is_drawn_and_anybody_can_draw_it_again(desk):
    numbers = [complain(desk, f"k{number}", at=OCTOBER + number * DAY) for number in range(5)]
    run(desk)
    run(desk, NOON + DAY)

    picked = rows("quality_check")
    assert [row["picked_by"] for row in picked] == ["sample"] * 3
    heads = [papers.get(line.paper_id).paper for line in lines("quality_check")]
    assert {head.facts["seed"] for head in heads} == {f"{COUNTY}/2026-10"}
    again = drawn(numbers, seed=f"{COUNTY}/2026-10", share=Fraction(1, 10), least=3)
    assert sorted(row["order"] for row in picked) == again


def test_s1_14_a_grave_complaint_gets_its_bulletin_the_same_day_and_once(desk):
    number = complain(desk, "k1")
    handling.move(
        desk,
        number,
        a_command(
            "raise_grade",
            at=NOON + MINUTE,
            answers={"grade": "major", "reason": "media", "note": "省级媒体关注"},
        ),
    )
    for hour in range(3):
        spotting.hourly(
            desk, at=NOON + timedelta(hours=hour, minutes=5), is_out_of_time=lambda: False
        )

    (line,) = lines("bulletin")
    head = papers.get(line.paper_id)
    assert line.row["title"] == f"重大投诉快报（工单{number}）"
    due = head.paper.clocks["publish"].until
    assert due is not None
    assert local_day(due) == local_day(NOON)


def test_s1_14_a_grave_issue_gets_one_bulletin_however_many_orders_it_has(desk):
    number = an_issue(desk, grade="special")
    for hour in range(2):
        at = NOON + timedelta(hours=hour, minutes=5)
        spotting.hourly(desk, at=at, is_out_of_time=lambda: False)

    (line,) = lines("bulletin")
    assert (line.row["facts"]["issue"], line.row["title"]) == (
        number,
        f"特殊投诉快报（台账{number}）",
    )
    kept = issues.get(number).issue.papers[line.paper_id]
    assert (kept.kind, kept.open) == ("bulletin", False)  # it holds up no clearing


def test_a_run_that_is_out_of_time_stops_and_says_so(desk):
    complain(desk, "k1", at=OCTOBER)
    done = spotting.daily(desk, at=NOON, is_out_of_time=lambda: True)
    assert (done.stopped_early, done.opened) == (True, {})


def test_what_is_not_of_the_county_is_not_found(desk):
    assert daybook.lines(COUNTY, local_day(NOON), local_day(NOON), limit=9).items == ()
    assert run(desk).opened == {"circular": 2}


# What is due ------------------------------------------------------------------------------------


def warned(desk: Desk, *, key: str = "w1", at: datetime = NOON) -> papers.Head:
    """Return a warning that the city has issued to the county."""
    city = Actor("supervisor", "city-1", CITY)
    command = Command(
        move="open", actor=city, caller="staff/city-1", key=key, salt=SALT, at=at,
        answers={"rule": "by_person"},
    )  # fmt: skip
    head = journeys.open_paper(desk, New("complaint_risk_warning", COUNTY), About(), command)
    issue = replace(command, move="issue_warning", key=f"{key}-2", answers={"note": "请处置"})
    return journeys.move(desk, head.paper_id, issue)


def sweep(desk: Desk, at: datetime) -> tuple[watching.Swept, list[tuple[str, int, str]]]:
    queued: list[tuple[str, int, str]] = []
    swept = watching.sweep(
        lambda: desk,
        at=at,
        counties=[COUNTY],
        enqueue=queued.extend,
        is_out_of_time=lambda: False,
    )
    return swept, queued


def test_s1_28_a_receipt_that_is_overdue_is_told_to_the_duty_desk_and_climbs(desk, tmp_path):
    head = warned(desk)
    receipt = head.paper.clocks["receipt"]
    late = receipt.started_at + timedelta(hours=4, minutes=1)

    swept, _ = sweep(desk, late)
    assert (swept.fired, swept.parked) == (1, 0)
    assert sweep(desk, late)[0].fired == 0

    chain = head.paper.order_id
    caused = delivering.spread(desk, ledger.read(chain))
    assert [effect for _, _, effect in caused] == ["3.alert.receipt.due"]
    for _, seq, effect in caused:
        done = journeys.carry_out(desk, ports(tmp_path), chain, seq, effect, at=late)
        assert done is Status.SENT
        assert journeys.carry_out(desk, ports(tmp_path), chain, seq, effect, at=late) is None
    (text,) = texts(tmp_path)
    assert "签收" in text["body"]
    assert head.paper_id in text["body"]


def test_an_effect_that_never_came_is_found_by_the_look_back(desk):
    head = warned(desk)
    late = head.paper.clocks["receipt"].started_at + timedelta(hours=4, minutes=1)
    sweep(desk, late)

    swept, queued = sweep(desk, late + timedelta(minutes=6))

    assert (swept.looked, [effect for _, _, effect in queued]) == (1, ["3.alert.receipt.due"])


def test_what_was_done_meanwhile_is_not_told_any_more(desk, tmp_path):
    head = warned(desk)
    late = head.paper.clocks["receipt"].started_at + timedelta(hours=4, minutes=1)
    sweep(desk, late)
    steps = (("receipt", COUNTY), ("report_action", COUNTY), ("accept_action", CITY))
    for name, office in steps:
        role = "supervisor"
        command = Command(
            move=name, actor=Actor(role, "somebody", office), caller="x", key=name, salt=SALT,
            at=late + MINUTE, answers={"measure": "已处置"} if name == "report_action" else {},
        )  # fmt: skip
        head = journeys.move(desk, head.paper_id, command)
    done = journeys.carry_out(
        desk, ports(tmp_path), head.paper.order_id, 3, "3.alert.receipt.due", at=late + 2 * MINUTE
    )
    assert done is Status.SUPERSEDED
    assert texts(tmp_path) == []


def test_the_oldest_paper_that_is_due_counts_for_the_watchdog(desk):
    head = warned(desk)
    assert head.paper.next_due_at is not None
    at = head.paper.next_due_at + timedelta(hours=2)
    assert watching.oldest_due([COUNTY], at=at) == timedelta(hours=2)


# The issue, and the chain -----------------------------------------------------------------------


def an_issue(desk: Desk, **given: Any) -> str:
    number = order_number(b"a secret of more than thirty bytes", "papers", "one")
    made = open_issue(
        Act(Actor("system", "system"), NOON, NOON),
        issue_id=number,
        source="complaint",
        place=Place(COUNTY, COUNTY, (PROVINCE, CITY, COUNTY)),
        rules=desk.rules(COUNTY),
        **given,
    )
    issues.commit(issues.Change(None, made))
    return number


def test_the_issue_learns_of_its_paper_once_however_often_it_is_told(desk, tmp_path):
    issue = an_issue(desk)
    command = Command(
        move="open", actor=Actor("supervisor", "s1", COUNTY), caller="s1", key="a1", salt=SALT,
        at=NOON + MINUTE,
        answers={
            "issue": issue, "behaviour": "voltage_left", "attribution": "management_cause",
            "subject": "leading_group", "department": "equipment", "note": "低电压未治理",
        },
    )  # fmt: skip
    head = journeys.open_paper(
        desk, New("accountability"), journeys.about(command.answers), command
    )
    before = issues.get(issue).issue
    assert before.papers[head.paper_id].open

    (effect,) = delivering.spread(desk, ledger.read(head.paper.order_id))
    done = journeys.carry_out(desk, ports(tmp_path), *effect, at=NOON + 2 * MINUTE)

    assert done is Status.SUPERSEDED
    assert issues.get(issue).issue == before


def planted(head: papers.Head) -> Iterator[papers.Head]:
    yield replace(head, paper=replace(head.paper, stage="closed"))
    yield replace(head, paper=replace(head.paper, version=head.paper.version + 1))


def test_a_papers_chain_is_verified_and_belongs_to_its_office(desk):
    head = warned(desk)
    chain = head.paper.order_id

    assert verifying.owner(desk, chain) == desk.path(COUNTY)
    assert verifying.chain(desk, chain) == {"ok": True, "events": 2, "first_bad": None}
    for bad in planted(head):
        assert journeys.verify(bad)["ok"] is False
    assert verifying.owner(desk, "paper/261123-AAAAAAAA") is None


def test_a_paper_is_no_order_and_stands_in_no_queue(desk):
    head = warned(desk)
    assert orders.queue(COUNTY, limit=9).heads == ()
    assert not is_order(head.paper.order_id)
    assert desk.papers.procedures is PAPERS
    assert head.paper.kind not in the_desk().procedures


def bend_head(client: Any, prefix: str, head: papers.Head) -> None:
    """Close a paper past the house: its head says so, its chain does not."""
    bent = replace(head.paper, stage="closed")
    client.update_item(
        TableName=f"{prefix}-orders",
        Key={"order_id": {"S": head.paper.order_id}},
        UpdateExpression="SET head = :head",
        ExpressionAttributeValues={":head": {"B": pack(canonical(bent.to_json()))}},
    )


def edit_event(client: Any, prefix: str, head: papers.Head) -> None:
    """Let another have signed it."""
    event = ledger.event(head.paper.order_id, 2)
    client.update_item(
        TableName=f"{prefix}-ledger",
        Key={"aggregate": {"S": head.paper.order_id}, "seq": {"N": "2"}},
        UpdateExpression="SET body = :body",
        ExpressionAttributeValues={":body": {"S": event.body().replace("city-1", "city-9")}},
    )


def cut_tail(client: Any, prefix: str, head: papers.Head) -> None:
    """Take its last step away."""
    client.delete_item(
        TableName=f"{prefix}-ledger",
        Key={"aggregate": {"S": head.paper.order_id}, "seq": {"N": "2"}},
    )


@pytest.mark.parametrize("tamper", [bend_head, edit_event, cut_tail])
def test_what_was_done_to_a_paper_past_the_house_is_found_online_and_offline(
    desk, store, tmp_path, tamper
):
    head = warned(desk)
    today = local_day(NOON)

    def online() -> list[str]:
        found = verifying.days(
            COUNTY, today, today, port=DiskSeals(tmp_path), public_key="", after=None,
            is_out_of_time=lambda: False, at=NOON + DAY,
        )  # fmt: skip
        return [chain for chain, _, _ in found.bad]

    def offline() -> list[str]:
        out = io.StringIO()
        export(out, port=DiskSeals(tmp_path), first=NOON - DAY, private_key=KEY, at=NOON + DAY)
        report = ledgerfile.check(out.getvalue().splitlines(), public_key=public_key_of(KEY))
        return [chain for chain, _, _ in report.bad if chain.startswith("paper/")]

    assert (online(), offline()) == ([], [])
    tamper(store.connection.client, store.prefix, head)
    assert (online(), offline()) == ([head.paper.order_id], [head.paper.order_id])
