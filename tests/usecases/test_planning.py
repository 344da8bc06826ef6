"""Plans: what speaks against one, what it says in five voices, where it was made public."""

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.order import Actor
from chalicelib.domain.outage import State
from chalicelib.domain.planning import Announcement, Avoided, Window
from chalicelib.domain.reach import Reach
from chalicelib.domain.refusal import BadInput, GateClosed
from chalicelib.store import outages
from chalicelib.store.desk_rows import DayRow
from chalicelib.store.outages import Head
from chalicelib.usecases import outages as keeping
from chalicelib.usecases import planning, verifying
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.outages import New
from chalicelib.usecases.planning import against, calendar, five_voices, intended
from tests.usecases.county import COUNTY, MINUTE, NOON, a_command, the_desk
from tests.usecases.network import a_grid, account
from tests.usecases.test_outages import BREAKER, SWITCH, create, do

DAY = timedelta(days=1)
WORKS = NOON + 9 * DAY  # Wednesday
PAGE = "https://qinghe.test/status"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """The desk of a county with a network."""
    a_grid()
    return desk


def draft(desk: Desk, *devices: str, start: datetime = WORKS, **said: Any) -> Head:
    command = a_command(key=f"{devices}-{start}")
    finish = start + timedelta(hours=4)
    given: dict[str, Any] = {"kind": "planned", "finish": finish, "command": command, **said}
    return create(desk, *(devices or (BREAKER,)), start=start, **given)


def checks(desk: Desk, head: Head, at: datetime = NOON) -> dict[str, planning.Against]:
    rules = desk.rules(COUNTY)
    others = [*outages.board(COUNTY).outages, *planning.lately(COUNTY, rules, at=at)]
    found = against(desk, intended(head.outage), others, at=at)
    return {one.conflict.check: one for one in found}


def key(desk: Desk, head: Head, minutes: float = 4) -> Head:
    """Call the one key customer of the network."""
    said = {"account": account("T-03", 2, 1), "line": "清河线", "note": "已告知，对方同意"}
    return do(desk, head, "log_call", minutes, **said)


def signed(desk: Desk, head: Head, **said: Any) -> Head:
    head = do(desk, head, "submit", 5, **said)
    head = do(desk, head, "approve", 6, role="network_controller", who="n1")
    return do(desk, head, "approve", 7, role="department", who="d1")


# What speaks against it -------------------------------------------------------------------------


def test_s2_8_a_plan_in_time_on_a_workday_has_only_its_key_customers_against_it(desk):
    head = draft(desk)
    assert set(checks(desk, head)) == {"key_unconfirmed"}

    assert checks(desk, key(desk, head)) == {}


def test_two_at_once_over_the_same_supply_points_block_and_name_what_they_share(desk):
    first = draft(desk, SWITCH)
    head = draft(desk, BREAKER, start=WORKS + timedelta(hours=3))

    found = checks(desk, head)["overlap"]
    assert found.conflict.other == first.outage.outage_id
    assert found.shared.transformers == ("T-03",)
    with pytest.raises(GateClosed) as refused:
        do(desk, head, "submit", 5, note="已协调")
    assert refused.value.facts["gates"] == ["overlap"]


def test_what_hangs_elsewhere_is_no_conflict_however_near_in_time(desk):
    draft(desk, "T-04")
    head = draft(desk, SWITCH)

    assert set(checks(desk, head)) == {"key_unconfirmed"}


def test_s2_8_the_same_customers_twice_in_sixty_days_need_a_reason_also_after_it_is_over(desk):
    fault = create(desk, SWITCH)
    fault = do(desk, fault, "restore", 60)
    assert fault.outage.state is State.RESTORED
    head = draft(desk, BREAKER)
    late = list(planning.lately(COUNTY, desk.rules(COUNTY), at=NOON + 2 * DAY))
    for days, is_found in ((59, True), (61, False)):
        window = Window(NOON + days * DAY, NOON + days * DAY + timedelta(hours=1))
        plan = replace(intended(head.outage), window=window)
        found = [one.conflict.check for one in against(desk, plan, late, at=NOON + 2 * DAY)]
        assert ("twice_in_window" in found) is is_found

    with pytest.raises(GateClosed) as refused:
        do(desk, head, "submit", 70)
    assert refused.value.facts["gates"] == ["twice_in_window"]
    assert do(desk, head, "submit", 71, note="故障后必须检修").outage.state is State.SUBMITTED


def test_a_day_that_is_spared_and_a_long_cut_need_a_reason(desk):
    spared = [Avoided("县一中期末考试", date(2026, 12, 2), date(2026, 12, 3))]
    planning.set_avoided(desk, COUNTY, spared, by=Actor("dispatcher", "u1"), at=NOON)
    desk = replace(the_desk(), procedures=desk.procedures)
    head = draft(desk, finish=WORKS + timedelta(hours=20))

    found = checks(desk, head)
    assert found["avoided"].conflict.names == ("县一中期末考试",)
    assert "too_long" in found
    rows = planning.conflict_rows(
        desk, intended(head.outage), found.values(), language="zh", at=NOON
    )
    by = {row["check"]: row for row in rows}
    assert (by["avoided"]["blocks"], by["avoided"]["before"]) == (False, "submit")
    assert (by["key_unconfirmed"]["blocks"], by["key_unconfirmed"]["before"]) == (True, "announce")
    assert by["key_unconfirmed"]["customers"] == 1


def test_spared_days_that_end_before_they_begin_are_refused(desk):
    spared = [Avoided("考试", date(2026, 12, 3), date(2026, 12, 2))]

    with pytest.raises(BadInput):
        planning.set_avoided(desk, COUNTY, spared, by=Actor("dispatcher", "u1"), at=NOON)


def test_it_is_announced_only_once_its_key_customers_know(desk):
    head = signed(desk, draft(desk))
    with pytest.raises(GateClosed) as refused:
        do(desk, head, "announce", 8)
    assert refused.value.facts["gates"] == ["key_unconfirmed"]

    assert do(desk, key(desk, head, 9), "announce", 10).outage.state is State.ANNOUNCED


def test_s2_8_a_late_notice_stays_planned_and_its_breach_is_recorded_with_the_reason(desk):
    head = key(desk, draft(desk, start=NOON + 3 * DAY))
    assert "late_notice" in checks(desk, head)
    head = signed(desk, head)

    with pytest.raises(BadInput):
        do(desk, head, "announce", 8)
    head = do(desk, head, "announce", 9, reason="government_asks")
    assert (head.outage.kind.value, head.outage.state) == ("planned", State.ANNOUNCED)


def test_a_change_that_runs_into_another_plan_is_refused(desk):
    head = do(desk, signed(desk, key(desk, draft(desk, SWITCH))), "announce", 8)
    draft(desk, BREAKER, start=WORKS + 2 * DAY)

    moved = {"start": WORKS + 2 * DAY, "finish": WORKS + 2 * DAY + timedelta(hours=4)}
    with pytest.raises(GateClosed) as refused:
        do(desk, head, "change_plan", 9, reason="weather", **moved)
    assert refused.value.facts["gates"] == ["overlap"]


# What falls due, and when -----------------------------------------------------------------------


def test_the_outlook_names_who_signs_and_what_is_due(desk):
    found = planning.outlook(desk, intended(draft(desk).outage), at=NOON)

    assert found["signers"] == ["network_controller", "department"]
    assert [(lead["to"], lead["late"]) for lead in found["leads"]] == [
        ("public", False),
        ("service_centre", False),
    ]
    assert [one["name"] for one in found["reminders"]] == [
        "planned_7d",
        "planned_1d",
        "planned_30min",
    ]


def test_the_calendar_holds_what_falls_into_its_days_drafts_and_cancelled_too(desk):
    first = draft(desk, SWITCH)
    called_off = draft(desk, "T-04", start=WORKS + DAY)
    do(desk, called_off, "cancel", 5, reason="weather")
    draft(desk, "T-01", start=WORKS + 30 * DAY)
    create(desk, "T-02", command=a_command(key="fault"))

    found = calendar([COUNTY], first=WORKS - DAY, last=WORKS + 3 * DAY, at=NOON + DAY)

    assert [head.outage.outage_id for head in found] == [
        first.outage.outage_id,
        called_off.outage.outage_id,
    ]


# Five voices ------------------------------------------------------------------------------------


def voices(desk: Desk, head: Head, at: datetime = NOON, language: str = "zh") -> dict[str, Any]:
    return five_voices(desk, head, language=language, signature="清河供电", page=PAGE, at=at)


def test_five_voices_of_a_plan_say_the_same_place_and_time(desk):
    found = voices(desk, draft(desk, SWITCH))

    assert found["notice"] == "planned_7d"
    for text in (found["sms"]["body"], found["wechat"]):
        assert "河尾村T-03公变" in text
        assert "12月2日12:15" in text
    assert "十二月二日十二点十五分" in found["loudspeaker"]
    assert found["sheet"]["qr"] == PAGE
    assert {"label": "停电区域", "value": "河尾村T-03公变"} in found["sheet"]["rows"]
    assert found["status"]["households"] == "few"
    assert found["sms"]["parts"] == 1


def test_the_voices_follow_the_outage_through_its_life(desk):
    head = create(desk, SWITCH)
    assert voices(desk, head)["notice"] == "fault_first"
    head = do(desk, head, "set_etr", 2, etr=NOON + timedelta(hours=2))
    assert voices(desk, head)["notice"] == "fault_cause_etr"
    head = do(desk, head, "restore", 60)
    assert voices(desk, head, NOON + timedelta(minutes=61))["notice"] == "restored"

    plan = draft(desk, "T-04")
    plan = do(desk, plan, "cancel", 5, reason="weather")
    found = voices(desk, plan, language="en")
    assert found["notice"] == "planned_cancelled"
    assert "cancelled" in found["sms"]["body"].lower()


def test_of_one_customers_own_affair_there_are_no_voices(desk):
    sent = New("arrears", ("T-04-X1-LV",))
    head = keeping.create(desk, sent, a_command(), may=lambda _office: True)

    with pytest.raises(BadInput):
        voices(desk, head)


# Announcements ----------------------------------------------------------------------------------

DESK = Actor("dispatcher", "u1", COUNTY)


def test_what_an_announcement_said_is_on_a_chain_and_a_changed_proof_shows(desk):
    outage_id = draft(desk).outage.outage_id
    chain = f"announcement/{outage_id}"
    heard = Announcement(medium="radio", outlet="清河县广播电台", published_at=NOON)
    for number, at in (("a1", NOON), ("a2", NOON + MINUTE), ("a1", NOON + 2 * MINUTE)):
        planning.put_announcement(outage_id, heard, announcement_id=number, by=DESK, at=at)
    assert verifying.chain(desk, chain) == {"ok": True, "events": 3, "first_bad": None}
    assert verifying.owner(desk, chain) == desk.path(COUNTY)

    row = {**outages.announcements(outage_id)[0], "published_at": "2026-11-01T00:00:00.000Z"}
    kept = DayRow(f"outage/{outage_id}/announcements", row["id"], row=json.dumps(row), version=0)
    kept.save()
    assert verifying.chain(desk, chain)["first_bad"]["why"] == "head-differs"
    kept.delete()
    assert verifying.chain(desk, chain)["first_bad"]["why"] == "head-missing"


def test_an_announcement_counts_once_it_is_whole_and_its_proof_is_on_file(desk):
    outage_id = draft(desk).outage.outage_id
    heard = Announcement(
        medium="radio", outlet="清河县广播电台", published_at=NOON, area="河尾村",
        line="清河线", time="12月2日", cause="检修", contact="95598",
    )  # fmt: skip
    said: dict[str, Any] = {"announcement_id": "a1", "by": DESK, "at": NOON}
    planning.put_announcement(outage_id, heard, **said)
    assert [row["lacking"] for row in planning.announcements(outage_id)] == [["proof"]]
    assert planning.made_public_at(outage_id) is None

    planning.put_announcement(outage_id, replace(heard, proof="0a" * 16), **said)

    assert [row["lacking"] for row in planning.announcements(outage_id)] == [[]]
    assert planning.made_public_at(outage_id) == NOON


def test_a_window_of_a_plan_that_is_not_kept_can_be_checked(desk):
    draft(desk, SWITCH)
    plan = planning.Intended(
        outage_id="", county=COUNTY, kind="planned",
        window=Window(WORKS, WORKS + timedelta(hours=1)),
        reach=Reach.of({"T-03": "all"}, {"T-03": 4}),
    )  # fmt: skip

    found = against(desk, plan, outages.board(COUNTY).outages, at=NOON)
    assert [one.conflict.check for one in found] == ["overlap"]
