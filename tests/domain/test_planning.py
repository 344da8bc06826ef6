"""Planned outages: how early, what speaks against them, who agrees. Tables to sign."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.calendar import CHINA, OfficeHours
from chalicelib.domain.outage import KINDS
from chalicelib.domain.planning import (
    ANNOUNCED,
    APPROVALS,
    AT_ONCE,
    BLOCKING,
    CHECKS,
    HAND_INS,
    LEADS,
    MEDIA,
    PRIVATE,
    REMINDERS,
    REQUIRED,
    Announcement,
    Assured,
    Avoided,
    Breach,
    Call,
    Conflict,
    Plan,
    QuietHours,
    Signature,
    Window,
    announced_at,
    breaches,
    check_may_go_on,
    check_may_switch,
    conflicts,
    extension_breach,
    is_approved,
    leads,
    needs_review,
    quiet_hours,
    reminders,
    sign,
    signers,
)
from chalicelib.domain.refusal import GateClosed, IllegalMove, NotAllowed
from chalicelib.domain.staff import Role
from tests.domain.engine import RULES
from tests.domain.outages import DAYS, HOURS, MINUTES, WORKS, sep

# Windows and quiet hours.


def test_a_window_ends_after_it_begins():
    with pytest.raises(ValueError, match="window"):
        Window(sep(12, 8), sep(12, 8))


def test_two_windows_that_touch_do_not_overlap():
    assert WORKS.overlaps(Window(sep(12, 15), sep(12, 17)))
    assert not WORKS.overlaps(Window(sep(12, 16), sep(12, 17)))
    assert WORKS.days() == (date(2026, 9, 12),)
    assert Window(sep(12, 20), sep(13, 0)).days() == (date(2026, 9, 12),)
    assert len(Window(sep(12, 20), sep(14, 1)).days()) == 3


@pytest.mark.parametrize(
    ("moment", "quiet", "until", "before"),
    [
        (sep(10, 20, 59), False, sep(10, 20, 59), sep(10, 20, 59)),
        (sep(10, 21), True, sep(11, 8), sep(10, 20, 30)),
        (sep(10, 23, 59), True, sep(11, 8), sep(10, 20, 30)),
        (sep(11, 0), True, sep(11, 8), sep(10, 20, 30)),
        (sep(11, 7, 59), True, sep(11, 8), sep(10, 20, 30)),
        (sep(11, 8), False, sep(11, 8), sep(11, 8)),
    ],
)
def test_5_3_quiet_hours_run_from_21_to_8(moment, quiet, until, before):
    hours = quiet_hours(moment, RULES)
    assert hours.holds(moment) is quiet
    assert hours.over(moment) == until
    assert hours.before(moment) == before


@pytest.mark.parametrize(
    ("moment", "until", "before"),
    [
        (sep(10, 12), sep(10, 14), sep(10, 11, 30)),
        (sep(10, 13, 59), sep(10, 14), sep(10, 11, 30)),
        (sep(10, 14), sep(10, 14), sep(10, 14)),
    ],
)
def test_an_office_may_keep_quiet_at_noon_instead(moment, until, before):
    noon = QuietHours(time(12), time(14), 30 * MINUTES)
    assert noon.over(moment) == until
    assert noon.before(moment) == before


# Reminders and leads.


@pytest.mark.parametrize(
    ("kind", "window", "expected"),
    [
        (
            "planned",
            Window(sep(12, 13), sep(12, 16)),
            [
                ("planned_7d", sep(5, 12, 30)),
                ("planned_1d", sep(11, 13)),
                ("planned_30min", sep(12, 12, 30)),
            ],
        ),
        # in the quiet hours they move to the evening before
        (
            "planned",
            WORKS,
            [
                ("planned_7d", sep(4, 20, 30)),
                ("planned_1d", sep(11, 8)),
                ("planned_30min", sep(11, 20, 30)),
            ],
        ),
        (
            "short_notice",
            Window(sep(12, 13), sep(12, 16)),
            [("short_notice_24h", sep(11, 12, 30)), ("short_notice_30min", sep(12, 12, 30))],
        ),
        ("emergency_defect", WORKS, [("emergency_defect", AT_ONCE)]),
        ("load_shortage", WORKS, [("load_shortage", AT_ONCE)]),
        ("fault", WORKS, []),
    ],
)
def test_2_2_when_each_kind_reminds(kind, window, expected):
    assert [(one.name, one.at) for one in reminders(kind, window, RULES)] == expected


@given(st.sampled_from(sorted(REMINDERS)), st.integers(0, 7 * 24 * 60), st.integers(1, 72 * 60))
def test_5_3_reminders_move_earlier_never_later_and_stay_in_order(kind, start, length):
    begin = sep(10, 0) + start * MINUTES
    window = Window(begin, begin + length * MINUTES)
    found = reminders(kind, window, RULES)

    assert [one.name for one in found] == [name for name, _ in REMINDERS[kind]]
    for one, (_, limit_id) in zip(found, REMINDERS[kind], strict=True):
        if limit_id:
            assert one.at <= begin - RULES.limit(limit_id, begin).duration
            assert not quiet_hours(one.at, RULES).holds(one.at)
    assert [one.at for one in found] == sorted(one.at for one in found)


@pytest.mark.parametrize(
    ("kind", "start", "expected"),
    [
        # F-09, F-21: 7 days to the public, 7 working days to the service centre
        (
            "planned",
            sep(12, 8),
            [("public", sep(5, 8)), ("service_centre", sep(3, 17, 30))],
        ),
        # Saturday 10 October is worked; 1 to 7 October and 25 to 27 September are not
        (
            "planned",
            datetime(2026, 10, 12, 8, tzinfo=CHINA),
            [
                ("public", datetime(2026, 10, 5, 8, tzinfo=CHINA)),
                ("service_centre", datetime(2026, 9, 24, 17, 30, tzinfo=CHINA)),
            ],
        ),
        ("short_notice", sep(12, 8), [("public", sep(11, 8)), ("service_centre", sep(11, 8))]),
        ("arrears", sep(12, 8), [("public", sep(5, 8))]),
        ("emergency_defect", sep(12, 8), []),
    ],
)
def test_2_2_by_when_whom_has_to_be_told(kind, start, expected):
    assert [(lead.to, lead.due) for lead in leads(kind, start, RULES)] == expected


@given(st.datetimes(datetime(2020, 1, 1), datetime(2026, 12, 31)))  # noqa: DTZ001  # made aware below
def test_8_13_seven_working_days_lie_between_the_hand_in_and_the_outage(when):
    start = when.replace(tzinfo=CHINA)
    due = leads("planned", start, RULES)[1].due
    days = (start.date() - due.astimezone(CHINA).date()).days
    between = [due.date() + timedelta(days=n) for n in range(days)]
    assert sum(RULES.calendar.is_workday(day) for day in between) == 7
    assert due.astimezone(CHINA).time() == OfficeHours().afternoon[1]


@pytest.mark.parametrize(
    ("announced", "handed_in", "now", "expected"),
    [
        (sep(5, 8), sep(3, 17, 30), sep(6, 8), []),
        (sep(5, 8, 1), sep(3, 9), sep(6, 8), ["outage_notice.planned"]),
        (sep(5, 8), sep(3, 17, 31), sep(6, 8), ["outage_notice.hand_in"]),
        (None, None, sep(3, 8), []),
        (None, None, sep(4, 8), ["outage_notice.hand_in"]),
        (None, None, sep(6, 8), ["outage_notice.planned", "outage_notice.hand_in"]),
    ],
)
def test_2_2_a_late_notice_is_a_breach_on_record(announced, handed_in, now, expected):
    found = breaches(
        "planned",
        sep(12, 8),
        announced_at=announced,
        handed_in_at=handed_in,
        at=now,
        rules=RULES,
        reason="抢险后补报",
    )
    assert [breach.limit for breach in found] == expected
    assert all(breach.reason == "抢险后补报" for breach in found)
    assert all(breach.told_at in {announced, handed_in} for breach in found)


def test_2_2_an_extension_is_recorded_half_an_hour_before_the_announced_end():
    assert extension_breach(WORKS, sep(12, 15, 30), rules=RULES) is None
    late = extension_breach(WORKS, sep(12, 15, 31), rules=RULES, reason="发现新缺陷")
    assert late == Breach(
        "outage_notice.extension", "service_centre", sep(12, 15, 30), sep(12, 15, 31), "发现新缺陷"
    )


def test_every_lead_is_a_limit_and_says_whom_it_is_for():
    ids = {limit_id for found in LEADS.values() for limit_id in found}
    assert ids <= set(RULES.book.ids())
    assert ids >= HAND_INS
    assert {limit for rows in REMINDERS.values() for _, limit in rows if limit} <= set(
        RULES.book.ids()
    )


# Conflicts.


def plan(**changed: Any) -> Plan:
    facts: dict[str, Any] = {
        "outage_id": "o1",
        "kind": "planned",
        "window": WORKS,
        "accounts": frozenset({"1", "2", "3"}),
        "announced_at": sep(5, 7),
        "handed_in_at": sep(1, 9),
    }
    return Plan(**(facts | changed))


def found(one: Plan, *others: Plan, now: datetime | None = None, avoided: Any = ()) -> list[str]:
    every = conflicts(one, others, at=now or sep(6, 9), rules=RULES, avoided=avoided)
    return [conflict.check for conflict in every]


@pytest.mark.parametrize(
    ("days", "accounts", "expected"),
    [
        (0, {"3", "4"}, ["overlap"]),
        (0, {"4"}, []),
        (1, {"3"}, ["twice_in_window"]),
        (59, {"3"}, ["twice_in_window"]),
        (-59, {"3"}, ["twice_in_window"]),
        (60, {"3"}, []),
        (-60, {"3"}, []),
    ],
)
def test_issue_3_the_same_customer_twice_in_60_days_or_at_once(days, accounts, expected):
    window = Window(WORKS.start + days * DAYS, WORKS.end + days * DAYS)
    other = plan(outage_id="o2", window=window, accounts=frozenset(accounts))
    assert found(plan(), other) == expected
    assert found(plan(), plan()) == [], "a plan is no conflict with itself"


def test_issue_3_a_conflict_names_the_other_outage_and_the_customers():
    other = plan(outage_id="o2", accounts=frozenset({"2", "3", "9"}))
    assert conflicts(plan(), [other], at=sep(6, 9), rules=RULES) == (
        Conflict("overlap", "o2", ("2", "3")),
    )


def test_issue_3_key_customers_who_have_not_confirmed_are_named():
    one = plan(key_accounts=frozenset({"1", "3"}), confirmed={"3": sep(5, 9)})
    (conflict,) = conflicts(one, [], at=sep(6, 9), rules=RULES)
    assert (conflict.check, conflict.accounts, conflict.blocks) == ("key_unconfirmed", ("1",), True)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"window": Window(sep(12, 8), sep(12, 18))}, []),
        ({"window": Window(sep(12, 8), sep(12, 18, 1))}, ["too_long"]),
        # 25 September 2026 is the Mid-Autumn Festival
        ({"window": Window(sep(24, 20), sep(25, 1))}, ["holiday"]),
        ({"window": Window(sep(24, 8), sep(24, 16))}, []),
        ({"announced_at": sep(5, 9)}, ["late_notice"]),
        ({"announced_at": sep(5, 9), "kind": "short_notice"}, []),
        ({"window": Window(sep(6, 8), sep(6, 16))}, ["in_the_past", "late_notice"]),
    ],
)
def test_issue_3_what_a_plan_has_against_itself(changed, expected):
    assert found(plan(**changed)) == expected


def test_issue_3_exam_days_are_a_list_that_the_office_keeps():
    exams = [
        Avoided("自学考试", date(2026, 9, 12), date(2026, 9, 13)),
        Avoided("高考", date(2026, 6, 7), date(2026, 6, 9)),
    ]
    (conflict,) = conflicts(plan(), [], at=sep(6, 9), rules=RULES, avoided=exams)
    assert (conflict.check, conflict.names, conflict.blocks) == ("avoided", ("自学考试",), False)


def test_s0_16_a_task_of_supply_assurance_in_the_same_time_wants_a_reason():
    own = plan()
    later = Window(own.window.end, own.window.end + timedelta(hours=1))
    assured = [Assured("高考保供电", own.window), Assured("庙会", later)]

    met = conflicts(own, [], at=own.window.start - timedelta(days=20), rules=RULES, assured=assured)

    (one,) = (conflict for conflict in met if conflict.check == "assurance")
    assert (one.names, one.blocks) == (("高考保供电",), False)


def test_a_conflict_either_blocks_or_wants_a_reason():
    assert set(CHECKS) >= BLOCKING
    late = conflicts(plan(announced_at=None), [], at=sep(6, 9), rules=RULES)
    with pytest.raises(GateClosed) as shut:
        check_may_go_on(late, {"late_notice": "  "})
    assert shut.value.facts == {"gates": ["late_notice"], "accounts": []}
    check_may_go_on(late, {"late_notice": "上级调整方式"})
    check_may_go_on((), {})

    alone = conflicts(plan(key_accounts=frozenset({"2"})), [], at=sep(6, 9), rules=RULES)
    with pytest.raises(GateClosed) as blocked:
        check_may_go_on(alone, {"key_unconfirmed": "来不及"})
    assert blocked.value.facts == {"gates": ["key_unconfirmed"], "accounts": ["2"]}


# Approvals.


def signed(role: str, by: str) -> Signature:
    return Signature(role, by, sep(4, 9))


@pytest.mark.parametrize(
    ("kind", "review", "expected"),
    [
        ("planned", False, ("network_controller", "department")),
        ("planned", True, ("network_controller", "department", "leader")),
        # a short-notice outage has a chain of its own
        ("short_notice", False, ("network_controller", "department", "leader")),
        ("short_notice", True, ("network_controller", "department", "leader")),
        ("emergency_defect", False, ("network_controller",)),
        ("load_shortage", False, ("department", "leader")),
    ],
)
def test_issue_3_who_signs_what(kind, review, expected):
    assert signers(kind, review=review) == expected
    assert set(expected) <= {role.value for role in Role}
    assert kind in APPROVALS


def test_the_record_knows_the_kinds_that_are_planned_here():
    assert {kind.value for kind, rule in KINDS.items() if rule.planned} == ANNOUNCED
    assert {kind.value for kind, rule in KINDS.items() if not rule.tells} == PRIVATE


def test_four_eyes_sign_in_order_and_nobody_twice():
    first = sign("planned", (), signed("network_controller", "b"), drafted_by="a")
    whole = sign("planned", first, signed("department", "c"), drafted_by="a")
    assert is_approved("planned", whole)
    assert not is_approved("planned", first)
    assert not is_approved("planned", whole, review=True)

    with pytest.raises(NotAllowed) as wrong:
        sign("planned", (), signed("department", "c"), drafted_by="a")
    assert wrong.value.facts == {"role": "network_controller"}
    with pytest.raises(NotAllowed):
        sign("planned", (), signed("network_controller", "a"), drafted_by="a")
    with pytest.raises(NotAllowed):
        sign("planned", first, signed("department", "b"), drafted_by="a")
    with pytest.raises(IllegalMove):
        sign("planned", whole, signed("leader", "d"), drafted_by="a")
    with pytest.raises(IllegalMove):
        signers("fault")


@pytest.mark.parametrize(
    ("hours", "at_once", "named", "expected"),
    [(24, 10, False, False), (25, 1, False, True), (8, 11, False, True), (8, 1, True, True)],
)
def test_f23_major_outage_information_is_reviewed(hours, at_once, named, expected):
    one = plan(window=Window(WORKS.start, WORKS.start + hours * HOURS))
    assert needs_review(one, at_once, RULES, named=named) is expected


# Emergency defects.

CALLED = Call("1", sep(12, 6), "u1", "10kV城东线", "12日7时起停电消缺，约2小时")


def test_s2_9_every_key_customer_is_called_before_an_emergency_defect_is_cut_off():
    check_may_switch(["1"], [CALLED], at=sep(12, 7))
    check_may_switch([], [], at=sep(12, 7))

    with pytest.raises(GateClosed) as shut:
        check_may_switch(["3", "1", "2"], [CALLED], at=sep(12, 7))
    assert shut.value.facts == {"gates": ["key_customers_called"], "missing": ["2", "3"]}


@pytest.mark.parametrize(
    "changed",
    [{"line": " "}, {"said": ""}, {"by": ""}, {"reached": False}, {"at": sep(12, 7, 1)}],
)
def test_s2_9_a_call_without_time_content_or_line_is_no_record(changed):
    with pytest.raises(GateClosed):
        check_may_switch(["1"], [replace(CALLED, **changed)], at=sep(12, 7))


# Announcements.

ON_AIR = Announcement(
    medium="radio",
    outlet="清河人民广播电台",
    published_at=sep(5, 7),
    area="东街村、南街村",
    line="10kV城东线",
    time="9月12日08:00至16:00",
    cause="城东线检修",
    contact="95598",
    proof="file-1",
)


@pytest.mark.parametrize("name", [*REQUIRED, "outlet", "proof"])
def test_f09_f76_an_announcement_lacks_what_it_does_not_say(name):
    blank: dict[str, Any] = {name: " "}
    assert ON_AIR.lacking() == ()
    assert replace(ON_AIR, **blank).lacking() == (name,)


def test_s2_8_the_public_is_told_by_the_first_whole_announcement_with_its_proof():
    paper = replace(ON_AIR, medium="newspaper", published_at=sep(6, 7))
    unproven = replace(ON_AIR, published_at=sep(4, 7), proof="")
    assert announced_at([paper, unproven, ON_AIR]) == sep(5, 7)
    assert announced_at([unproven]) is None
    assert announced_at([replace(ON_AIR, published_at=None)]) is None
    assert replace(ON_AIR, published_at=None).lacking() == ("published_at",)
    assert replace(ON_AIR, medium="rumour").lacking() == ("medium",)
    assert {"radio", "television", "newspaper"} <= set(MEDIA)
