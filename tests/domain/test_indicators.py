"""Reliability against a table worked out by hand, and the watch over who is dark too often."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.indicators import (
    LOW_VOLTAGE,
    Base,
    By,
    Period,
    Row,
    Settings,
    Watch,
    dark_times,
    indices,
    indices_by,
    interruptions,
    rows,
    watch,
)
from chalicelib.domain.outage import Kind, State
from chalicelib.domain.reach import Part, Reach
from tests.domain.blackout import AREAS, DAY, MACHINE, MINUTE, NOON, ONE, act, at, opened
from tests.domain.engine import RULES

TWO = Reach.of({"T2": ["L7", "L8"]}, {"L7": 1, "L8": 2})
NESTED = Reach.of({"T3": ["L9"]}, {"L9": 5})
BRIEF = Reach.of({"T4": "all"}, {"T4": 10})
MONTH = Period(datetime(2026, 6, 30, 16, tzinfo=UTC), datetime(2026, 7, 31, 16, tzinfo=UTC))
FIVE = Settings(cemi=2)


def back(outage, minutes, reach=None):
    return moves.restore(outage, act(minutes), at=at(minutes), rules=RULES, reach=reach).outage


def july():
    """Return the outages of the table below.

    supply point   customers   dark (minutes from noon)   length   outage
    T2/L7, T2/L8           3   0 to 20                        20   Q1, first step
    T1                    40   0 to 60                        60   Q1, second step
    T3/L9                  5   0 to 90                        90   Q2, nested under Q1
    T4                    10   5 to 7                          2   Q3, momentary
    T2/L7                  1   1440 to 1470                   30   Q4
    """
    nested = opened(outage_id="Q2", reach=NESTED, minutes=1).outage
    main = opened(reach=AREAS | NESTED, others=(nested,)).outage
    main, nested = (made.outage for made in moves.nest(main, nested, act(3), rules=RULES))
    main = back(back(main, 20, TWO), 60)
    nested = back(moves.unnest(nested, act(61), rules=RULES).outage, 90)
    brief = back(opened(outage_id="Q3", reach=BRIEF, minutes=6, since=5).outage, 7)
    again = opened(outage_id="Q4", reach=ONE, minutes=1441, since=1440).outage
    again = moves.set_cause(again, act(1442), cause="trees.tree_fallen", rules=RULES).outage
    return [main, nested, brief, back(again, 1470)]


def found(outages, settings=FIVE):
    return interruptions((row for each in outages for row in rows(each)), settings=settings)


def worked(outages=None, settings=FIVE, served=100):
    those = found(july() if outages is None else outages, settings)
    return indices(those, served=served, period=MONTH, settings=settings)


def test_the_indices_are_those_of_the_table_worked_out_by_hand():
    made = worked()
    assert made.sustained == 3 + 40 + 5 + 1
    assert made.lost == (3 * 20 + 40 * 60 + 5 * 90 + 1 * 30) * MINUTE == 2940 * MINUTE
    assert made.momentary == 10
    assert made.saifi == Fraction(49, 100)
    assert made.saidi_minutes == Fraction(2940, 100)
    assert made.caidi_minutes == 60
    assert made.maifi == Fraction(10, 100)
    assert made.cemi == Fraction(1, 100)  # T2/L7 twice
    assert made.aihc_hours == Fraction(49, 100)
    assert made.asai == made.rs1 == made.rs3 == 1 - Fraction(2940, 100 * 31 * 24 * 60)


def test_a_threshold_of_three_minutes_moves_what_lasts_between_both():
    outage = back(opened(reach=BRIEF, minutes=1).outage, 4)
    three = Settings(momentary=3 * MINUTE)
    assert (worked([outage]).sustained, worked([outage]).momentary) == (0, 10)
    assert (worked([outage], three).sustained, worked([outage], three).momentary) == (10, 0)


def test_on_the_threshold_is_momentary():
    outage = back(opened(reach=BRIEF, minutes=1).outage, 5)
    assert worked([outage]).momentary == 10


def test_what_has_no_end_counts_in_saifi_and_in_no_duration():
    outages = [back(opened().outage, 60, TWO)]  # T1 is still dark
    made = worked(outages)
    assert (made.sustained, made.ended, made.lost) == (43, 3, 180 * MINUTE)
    assert made.saifi == Fraction(43, 100)
    assert made.caidi_minutes == 60
    assert made.saidi_minutes == Fraction(180, 100)


def test_without_a_denominator_there_is_no_figure():
    made = worked(served=0)
    figures = (made.saifi, made.saidi_minutes, made.asai, made.maifi, made.cemi, made.rs1)
    assert figures == (None,) * 6
    assert worked([]).caidi_minutes is None
    assert (worked([]).saifi, worked([]).asai) == (0, 1)


def test_hours_a_household_and_minutes_a_customer_are_never_mixed():
    by_area = worked(settings=Settings(base=Base.TRANSFORMERS), served=4)
    # only T1 was dark as a whole for an hour; T4 momentarily; T2 and T3 in part
    assert (by_area.sustained, by_area.momentary, by_area.lost) == (1, 1, 60 * MINUTE)
    assert by_area.aihc_hours == Fraction(1, 4)
    assert (by_area.saidi_minutes, by_area.caidi_minutes) == (None, None)


def test_a_transformer_is_dark_while_all_of_it_is():
    part = Reach.of({"T1": ["L1"]}, {"L1": 4})
    outage = back(back(opened().outage, 30, part), 60)  # L1 comes first, the rest later
    (one,) = [e for e in found([outage], Settings(base=Base.TRANSFORMERS)) if e.point == "T1"]
    assert (one.since, one.until, one.customers) == (NOON, at(30), 1)
    rest = AREAS - part - TWO
    first = opened(reach=part, minutes=1).outage
    second = opened(outage_id="Q2", reach=rest, minutes=11, since=10).outage
    both = found([back(first, 50), second], Settings(base=Base.TRANSFORMERS))
    assert [(e.since, e.until) for e in both] == [(at(10), at(50))]


def test_one_interruption_that_passes_through_two_outages_counts_once_with_its_earlier_start():
    child = opened(outage_id="Q2", reach=ONE).outage
    parent = opened(others=(child,), since=10, minutes=11).outage
    gone, kept = moves.transfer(child, parent, act(12), rules=RULES)
    outages = [gone.outage, back(kept.outage, 40)]
    of_l7 = [each for each in found(outages) if each.point == "T2/L7"]
    assert [(each.since, each.until) for each in of_l7] == [(NOON, at(40))]
    assert worked(outages).sustained == 43


def test_where_one_outage_ends_as_the_next_begins_power_was_never_back():
    first = back(opened(reach=BRIEF, minutes=1).outage, 30)
    second = back(opened(outage_id="Q2", reach=BRIEF, minutes=31, since=30).outage, 50)
    (one,) = found([first, second])
    assert (one.since, one.until) == (NOON, at(50))
    later = back(opened(outage_id="Q2", reach=BRIEF, minutes=32, since=31).outage, 50)
    assert len(found([first, later])) == 2


def test_a_whole_transformer_and_some_of_its_loads_meet_load_by_load():
    part = Reach.of({"T1": ["L1"]}, {"L1": 4})
    first = back(opened(reach=part, minutes=1).outage, 30)
    second = back(opened(outage_id="Q2", minutes=21, since=20).outage, 60)
    made = {each.point: (each.customers, each.length) for each in found([first, second])}
    assert made["T1/L1"] == (4, 60 * MINUTE)
    assert made["T1/*"] == (36, 40 * MINUTE)


def test_a_house_that_was_said_to_be_back_and_was_not_has_one_interruption():
    outage = back(opened().outage, 30)
    outage = moves.still_dark(outage, act(40), reach=ONE, rules=RULES).outage
    outage = back(outage, 90)
    lengths = {each.point: each.length for each in found([outage])}
    assert lengths == {
        "T1/*": 30 * MINUTE,
        "T2/L7": 90 * MINUTE,
        "T2/L8": 30 * MINUTE,
    }


@pytest.mark.parametrize(
    "outage",
    [
        opened(kind=Kind.ARREARS).outage,
        opened(kind=Kind.BREACH).outage,
        opened(training=True).outage,
        opened(State.SUSPECTED, MACHINE).outage,
        moves.deny(opened().outage, act(3), rules=RULES).outage,
    ],
    ids=["arrears", "breach", "training", "suspected", "was none"],
)
def test_what_is_no_interruption_of_supply_is_in_no_index(outage):
    assert rows(outage) == ()


def test_a_momentary_counts_in_maifi():
    outage = opened(State.CONFIRMED, MACHINE, 0.1, on_trip=True).outage
    made = worked([back(outage, 0.5)])
    assert (made.sustained, made.momentary) == (0, 43)


def test_exclusions_are_settings():
    (row,) = rows(back(opened(reach=BRIEF, minutes=1).outage, 60))
    for settings in (
        Settings(without_kinds=frozenset({"fault"})),
        Settings(without_causes=frozenset({""})),
        Settings(major_days=frozenset({datetime(2026, 7, 1, tzinfo=UTC).date()})),
    ):
        assert interruptions([row], settings=settings) == ()
    assert len(interruptions([row], settings=Settings())) == 1


def row(since, until, kind="fault", customers=10):
    return Row("T1", Part(whole=customers), at(since), at(until), "Q1", kind, "", "F1", "S1")


def test_rs_3_leaves_out_what_load_shortage_took_and_rs_1_does_not():
    those = interruptions([row(0, 60), row(100, 220, "load_shortage")], settings=Settings())
    made = indices(those, served=10, period=Period(NOON, NOON + DAY), settings=Settings())
    assert made.rs1 == 1 - Fraction(180, 1440)
    assert made.rs3 == 1 - Fraction(60, 1440)


def test_an_interruption_belongs_to_the_period_in_which_it_began():
    those = interruptions([row(-60, 30), row(100, 2000)], settings=Settings())
    made = indices(those, served=10, period=Period(NOON, NOON + DAY), settings=Settings())
    assert (made.sustained, made.lost) == (10, 10 * 1900 * MINUTE)


def test_by_office_by_feeder_by_cause():
    outages = july()
    every = [
        each
        for outage in outages
        for each in rows(outage, feeders={"T3": "F2"}, offices={"T3": "S2", "T4": "S2"})
    ]
    those = interruptions(every, settings=FIVE)

    def by(what, served):
        made = indices_by(those, by=what, served=served, period=MONTH, settings=FIVE)
        return {name: (one.sustained, one.saifi) for name, one in made.items()}

    assert by(By.OFFICE, {"S1": 80, "S2": 20, "S3": 5}) == {
        "S1": (44, Fraction(44, 80)),
        "S2": (5, Fraction(5, 20)),
        "S3": (0, 0),
    }
    assert by(By.FEEDER, {"F1": 90, "F2": 10}) == {
        "F1": (44, Fraction(44, 90)),
        "F2": (5, Fraction(5, 10)),
    }
    assert by(By.CAUSE, {"": 100}) == {
        "": (48, Fraction(48, 100)),
        "trees.tree_fallen": (1, Fraction(1, 100)),
    }


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(1, 200)), min_size=1, max_size=8),
)
def test_joined_interruptions_cover_exactly_the_minutes_that_rows_cover(spans):
    those = interruptions([row(a, a + n) for a, n in spans], settings=Settings())
    minutes = {minute for a, n in spans for minute in range(a, a + n)}
    lengths = [each.length for each in those if each.length is not None]
    assert sum(lengths, timedelta()) == len(minutes) * MINUTE


# Too often ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", ["frequent_outage", LOW_VOLTAGE])
def test_s2_7_two_in_two_months_warn_and_three_are_a_breach(subject):
    times = [NOON, NOON + 20 * DAY, NOON + 40 * DAY]

    def level(number, at_time=NOON + 45 * DAY):
        return watch(times[:number], at=at_time, rules=RULES, subject=subject).level

    assert [level(n) for n in range(4)] == [Watch.NONE, Watch.NONE, Watch.WARN, Watch.BREACH]
    assert level(3, NOON + 63 * DAY) is Watch.WARN  # the first has left the window
    assert level(3, NOON + 20 * DAY) is Watch.WARN  # the third is still to come


def test_the_window_ends_after_two_months_of_the_calendar_in_china():
    first = datetime(2026, 6, 30, 17, tzinfo=UTC)  # 1 July, 01:00 in China
    second = first + DAY
    end = datetime(2026, 8, 31, 17, tzinfo=UTC)
    inside = watch([first, second], at=end - MINUTE, rules=RULES)
    assert (inside.level, inside.count, inside.until) == (Watch.WARN, 2, end)
    assert watch([first, second], at=end, rules=RULES).level is Watch.NONE


def test_the_watch_counts_a_customers_sustained_interruptions():
    those = found(july())
    two = dark_times(those, transformer_id="T2", load_id="L7", settings=FIVE)
    assert two == (NOON, NOON + DAY)
    assert dark_times(those, transformer_id="T1", load_id="L1", settings=FIVE) == (NOON,)
    assert dark_times(those, transformer_id="T4", load_id="L1", settings=FIVE) == ()
