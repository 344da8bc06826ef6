"""Clocks as tables that a supervisor could sign, and what no change can make them lose."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.calendar import CHINA
from chalicelib.domain.clocks import (
    LADDER,
    Clock,
    Level,
    Rules,
    after_quiet,
    due,
    elapsed,
    instant,
    is_broken,
    level,
    millis,
    next_rung,
    rung_at,
    rungs_due,
    whole,
)
from chalicelib.domain.limits import parse_override
from chalicelib.domain.procedure import fire
from chalicelib.domain.procedures import PROCEDURES
from tests.domain.engine import MINUTE, NOON, RULES, do, opened, walk

HOUR = timedelta(hours=1)


def china(text):
    return (datetime.fromisoformat(text) - timedelta(hours=8)).replace(tzinfo=UTC)


def started(limit_id, at):
    return Clock.start(RULES.limit(limit_id, at), at)


def due_at(clock):
    when = due(clock, RULES)
    assert when is not None
    return when.at


# The limit, when it starts and when it is due, in China's time.
DEADLINES = [
    ("fault.arrive.urban", "2026-11-23 12:15", "2026-11-23 13:00"),
    ("fault.arrive.rural", "2026-11-23 12:15", "2026-11-23 13:45"),
    ("fault.arrive.remote", "2026-11-21 23:30", "2026-11-22 01:30"),
    ("fault.restore.urban", "2026-10-01 09:00", "2026-10-01 12:00"),
    ("complaint.contact", "2026-09-30 20:00", "2026-10-01 20:00"),
    ("complaint.promise", "2026-11-23 12:15", "2026-11-30 17:30"),
    ("complaint.internal", "2026-11-23 12:15", "2026-11-27 17:30"),
    ("complaint.legal", "2026-11-23 12:15", "2026-12-07 17:30"),
    ("complaint.promise", "2026-09-29 16:00", "2026-10-12 17:30"),  # Saturday the 10th is worked
    ("enquiry.reply", "2026-02-12 10:00", "2026-02-26 17:30"),
]


@pytest.mark.parametrize(("limit_id", "start", "end"), DEADLINES)
def test_deadlines_as_the_rules_say(limit_id, start, end):
    assert due_at(started(limit_id, china(start))) == china(end)


def test_three_deadlines_run_at_once_on_a_complaint():
    clocks = opened("complaint").order.clocks
    dues = [due_at(clocks[name]) for name in ("internal", "promise", "legal")]
    assert dues == sorted(dues)
    assert len(set(dues)) == 3


def test_arriving_on_the_dot_keeps_the_promise():
    clock = started("fault.arrive.urban", NOON)
    assert not is_broken(clock.stop(NOON + 45 * MINUTE), NOON + HOUR, RULES)
    assert is_broken(clock.stop(NOON + 45 * MINUTE + timedelta(milliseconds=1)), NOON, RULES)


LEVELS = [
    (0, Level.OK), (33, Level.OK), (34, Level.SOON), (45, Level.SOON), (46, Level.OVERDUE),
    (135, Level.OVERDUE), (136, Level.LATE3),
]  # fmt: skip


@pytest.mark.parametrize(("minutes", "expected"), LEVELS)
def test_the_level_that_every_screen_shows(minutes, expected):
    clock = started("fault.arrive.urban", NOON)
    assert level(clock, NOON + minutes * MINUTE, RULES) is expected


def test_a_stopped_clock_was_kept_or_broken_for_ever():
    clock = started("fault.arrive.urban", NOON)
    year = timedelta(days=365)
    assert level(clock.stop(NOON + 40 * MINUTE), NOON + year, RULES) is Level.KEPT
    assert level(clock.stop(NOON + 50 * MINUTE), NOON + year, RULES) is Level.BROKEN


def test_a_paused_clock_has_no_due_and_says_so():
    clock = started("fault.arrive.urban", NOON).pause(NOON + 10 * MINUTE)
    assert due(clock, RULES) is None
    assert level(clock, NOON + HOUR, RULES) is Level.PAUSED
    assert next_rung(clock, LADDER, RULES) is None
    assert elapsed(clock, NOON + HOUR, RULES) == 10 * MINUTE


def test_a_pause_moves_the_due_by_exactly_its_length():
    clock = started("fault.arrive.urban", NOON).pause(NOON + 10 * MINUTE)
    resumed = clock.resume(NOON + 30 * MINUTE)
    assert due_at(resumed) == NOON + 65 * MINUTE
    assert elapsed(resumed, NOON + 40 * MINUTE, RULES) == 20 * MINUTE


def test_a_pause_over_a_weekend_costs_a_workday_clock_nothing():
    clock = started("complaint.promise", china("2026-11-20 10:00"))
    held = clock.pause(china("2026-11-21 09:00")).resume(china("2026-11-22 20:00"))
    assert due_at(held) == due_at(clock)


def test_changing_the_kind_of_limit_loses_no_paused_time():
    """GLPI #15605: the pause is a fact of history, not a stored remainder."""
    clock = started("fault.arrive.urban", NOON).pause(NOON + 5 * MINUTE).resume(NOON + 20 * MINUTE)
    other = RULES.limit("fault.arrive.rural", NOON)
    changed = replace(clock, limit=other.id, amount=Fraction(90))
    assert due_at(changed) == NOON + 105 * MINUTE


RUNGS = [
    ("yellow", 22.5), ("red", 33.75), ("due", 45), ("county", 60), ("city", 105), ("province", 285),
]  # fmt: skip


@pytest.mark.parametrize(("name", "minutes"), RUNGS)
def test_s0_31_warnings_come_first_and_then_each_level_is_told(name, minutes):
    clock = started("fault.arrive.urban", NOON)
    rung = next(rung for rung in LADDER if rung.name == name)
    assert rung_at(clock, rung, RULES) == NOON + minutes * MINUTE


def test_a_workday_clock_warns_two_working_days_before():
    clock = started("complaint.promise", china("2026-11-23 12:15"))
    assert rung_at(clock, LADDER[0], RULES) == china("2026-11-26 17:30")
    assert rung_at(clock, LADDER[1], RULES) == china("2026-11-27 17:30")


def test_a_warning_longer_than_the_limit_itself_comes_at_half_time():
    clock = started("complaint.return_visit", china("2026-11-23 12:15"))
    assert rung_at(clock, LADDER[0], RULES) == china("2026-11-24 12:00")


def test_each_rung_fires_once_however_late_the_sweep_and_oldest_first():
    order = opened("fault").order
    at = NOON + 10 * HOUR

    fired = fire(order, at=at, procedures=PROCEDURES, rules=RULES)

    assert fired is not None
    instants = [due_ms for _, _, due_ms, _ in fired.event.data["rungs"]]
    assert instants == sorted(instants)
    again = fire(fired.order, at=at, procedures=PROCEDURES, rules=RULES)
    assert again is None


def test_firing_minute_by_minute_fires_what_one_late_sweep_fires():
    def fired_by(instants):
        order, rungs = opened("fault").order, []
        for at in instants:
            made = fire(order, at=at, procedures=PROCEDURES, rules=RULES)
            if made:
                order = made.order
                rungs += [tuple(rung) for rung in made.event.data["rungs"]]
        return rungs

    every_minute = [NOON + minute * MINUTE for minute in range(601)]
    assert sorted(fired_by(every_minute)) == sorted(fired_by([every_minute[-1]]))


def test_nothing_fires_before_its_time():
    order = opened("fault").order
    assert order.next_due_at is not None
    before = order.next_due_at - timedelta(milliseconds=1)
    assert fire(order, at=before, procedures=PROCEDURES, rules=RULES) is None
    assert fire(order, at=order.next_due_at, procedures=PROCEDURES, rules=RULES) is not None


def test_a_broken_promise_tells_the_customer_once():
    order = opened("fault").order
    made = fire(order, at=NOON + 91 * MINUTE, procedures=PROCEDURES, rules=RULES)
    assert made is not None
    assert made.event.tells == ("promise_broken",)
    later = fire(made.order, at=NOON + 600 * MINUTE, procedures=PROCEDURES, rules=RULES)
    assert later is not None
    assert later.event.tells == ()


def test_an_order_nobody_took_escalates_as_any_other():
    made = fire(opened("fault").order, at=NOON + 2 * HOUR, procedures=PROCEDURES, rules=RULES)
    assert made is not None
    told = {(clock, rung) for clock, rung, _, _ in made.event.data["rungs"]}
    assert ("dispatch", "county") in told


def test_an_open_order_on_which_nothing_is_left_is_spoken_of_once_a_day():
    order = walk(
        opened("fault").order, "dispatch", "receive", "arrive", "reply", "approve_reply",
        "visit_satisfied",
    )  # fmt: skip
    assert order.next_due_at is not None
    made = fire(order, at=order.next_due_at, procedures=PROCEDURES, rules=RULES)
    assert made is not None
    assert made.event.data["rungs"][0][:2] == ["idle", "idle"]
    assert made.order.next_due_at == order.next_due_at + timedelta(hours=24)


def test_provisional_shows_on_a_deadline_that_crosses_into_an_unpublished_year():
    late = china("2026-12-29 10:00")
    assert opened("complaint", at=late).order.provisional
    assert not opened("complaint").order.provisional


def test_re_planning_after_the_calendar_is_published_moves_the_due_instant():
    from chalicelib.domain.calendar import YearTable  # noqa: PLC0415 - beside its use
    from chalicelib.domain.procedure import replan  # noqa: PLC0415

    late = china("2026-12-28 10:00")
    order = do(opened("complaint", at=late).order, "dispatch").order
    order = do(order, "receive").order
    order = do(order, "contact", "crew").order
    fixed = {
        "2027-01-01": "元旦",
        "2027-01-02": "元旦",
        "2027-01-03": "元旦",
        "2027-01-04": "元旦",
        "2027-05-01": "劳动节",
        "2027-10-01": "国庆节",
        "2027-10-02": "国庆节",
        "2027-10-03": "国庆节",
    }
    table = YearTable.parse(
        {"year": 2027, "source": "国务院办公厅通知（测试）", "holidays": fixed, "make_up_days": {}}
    )
    rules = replace(RULES, calendar=RULES.calendar.with_year(table))

    moved = replan(order, at=late + HOUR, procedures=PROCEDURES, rules=rules)

    assert moved is not None
    assert order.provisional
    assert not moved.order.provisional
    assert moved.event.name == "replanned"
    again = replan(moved.order, at=late + HOUR, procedures=PROCEDURES, rules=rules)
    assert again is None


@given(st.integers(0, 10**13))
def test_instants_survive_their_milliseconds(ms):
    assert millis(instant(ms)) == ms
    assert whole(instant(ms)) == instant(ms)


SPANS = st.lists(st.integers(1, 5000), max_size=6)


@settings(max_examples=60)
@given(st.sampled_from(["fault.arrive.rural", "complaint.promise", "complaint.contact"]), SPANS)
def test_elapsed_at_the_due_instant_is_the_whole_allowance_whatever_was_paused(limit_id, spans):
    clock, at = started(limit_id, NOON), NOON
    for index, minutes in enumerate(spans):
        at += minutes * MINUTE
        clock = clock.pause(at) if index % 2 == 0 else clock.resume(at)
    clock = clock.resume(at + MINUTE)
    allowed = {"fault.arrive.rural": 90 * MINUTE, "complaint.contact": 24 * HOUR}.get(
        limit_id, 5 * RULES.hours.length
    )
    if due_at(clock) >= at + MINUTE:
        assert elapsed(clock, due_at(clock), RULES) == allowed


@given(SPANS)
def test_a_clock_survives_its_compact_form(spans):
    clock, at = started("complaint.promise", NOON), NOON
    for index, minutes in enumerate(spans):
        at += minutes * MINUTE
        clock = clock.pause(at) if index % 2 == 0 else clock.resume(at)
    clock = clock.fire(["yellow"])
    assert Clock.from_json(clock.to_json()) == clock
    assert Clock.from_json(clock.stop(at).to_json()) == clock.stop(at)
    held = Clock.deadline(NOON, NOON + HOUR)
    assert Clock.from_json(held.to_json()) == held


def test_rungs_due_are_oldest_first():
    clock = started("fault.arrive.urban", NOON)
    found = rungs_due(clock, LADDER, NOON + 2 * HOUR, RULES)
    assert [rung.name for _, rung in found] == ["yellow", "red", "due", "county", "city"]


@given(minutes=st.integers(0, 60 * 24 * 400))
def test_s2_3_stepping_out_of_quiet_hours_ends_outside_them_and_goes_no_further_than_their_end(
    minutes,
):
    at = NOON + minutes * MINUTE

    found = after_quiet(at, RULES, "return_visit.noon", "return_visit.night")

    local = found.astimezone(CHINA).time()
    assert not time(12) <= local < time(14)
    assert time(8) <= local < time(21)
    assert found == at or local in {time(8), time(14)}
    assert timedelta() <= found - at <= timedelta(hours=11)


def test_quiet_hours_that_an_office_switched_off_or_joined_are_obeyed_as_they_are():
    def rules(**ends: tuple[str, bool]) -> Rules:
        overrides = [
            ("X1", parse_override(
                {"id": f"return_visit.{name.replace('__', '.')}", "amount": amount,
                 "unit": "time_of_day", "effective_from": "2026-01-01", "source": "a test",
                 "enabled": enabled}))
            for name, (amount, enabled) in ends.items()
        ]  # fmt: skip
        return replace(RULES, book=RULES.book.with_overrides(overrides))

    def after(text, own):
        return after_quiet(china(text), own, "return_visit.noon", "return_visit.night")

    off = rules(noon__quiet_from=("12:00", False))
    assert after("2026-11-23 12:30", off) == china("2026-11-23 12:30")
    joined = rules(noon__quiet_from=("07:30", True), noon__quiet_to=("09:00", True))
    assert after("2026-11-23 22:00", joined) == china("2026-11-24 09:00")
