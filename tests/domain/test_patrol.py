"""What readings give away: what must last, what must repeat, and what comes late or twice."""

from datetime import datetime, timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.calendar import CHINA
from chalicelib.domain.patrol import Reading, Sort, Standing, Trouble, badness, is_over, judge
from tests.domain.engine import RULES

NOON = datetime(2026, 7, 1, 12, tzinfo=CHINA)
MINUTE = timedelta(minutes=1)


def load(minute: float, ratio: float = 110) -> Reading:
    return Reading(Sort.LOAD, NOON + minute * MINUTE, (ratio,))


def volts(minute: float, *phases: float) -> Reading:
    return Reading(Sort.VOLTAGE, NOON + minute * MINUTE, phases)


def trip(minute: float) -> Reading:
    return Reading(Sort.TRIP, NOON + minute * MINUTE)


def found(trouble: Trouble, *readings: Reading, standing: Standing | None = None):
    after, alarms = judge(standing, trouble, readings, rules=RULES)
    return after, [((alarm.at - NOON) / MINUTE, alarm.worst) for alarm in alarms]


def overload(*readings: Reading, standing: Standing | None = None):
    return found(Trouble.OVERLOAD, *readings, standing=standing)


def test_an_overload_is_found_once_it_has_lasted_half_an_hour_and_once_a_day():
    after, alarms = overload(load(0), load(15, 130), load(29))
    assert alarms == []
    after, alarms = overload(load(30), load(45), load(60), standing=after)
    assert alarms == [(30, 130)]
    assert after is not None
    assert after.found_on == NOON.date()


def test_at_the_limit_is_not_over_it():
    assert overload(load(0, 100), load(40, 100)) == (None, [])


def test_one_good_reading_ends_it():
    assert overload(load(0), load(15), load(20, 80), load(31), load(50))[1] == []


def test_what_was_not_read_for_more_than_an_hour_is_not_known_to_have_lasted():
    assert overload(load(0), load(61))[1] == []
    assert overload(load(0), load(60))[1] == [(60, 110)]


def test_low_voltage_is_a_live_phase_below_198_volts_for_half_an_hour():
    low = Trouble.LOW_VOLTAGE
    assert found(low, volts(0, 197.9), volts(30, 190.0))[1] == [(30, 190.0)]
    assert found(low, volts(0, 198.0), volts(30, 198.0)) == (None, [])
    assert found(low, volts(0, 230, 229, 180), volts(30, 231, 230, 185))[1] == [(30, 180)]


def test_a_lost_phase_is_found_after_five_minutes_and_is_no_low_voltage():
    readings = (volts(0, 229, 0, 230), volts(5, 229, 3, 230))
    assert found(Trouble.PHASE_LOSS, *readings)[1] == [(5, 0)]
    assert found(Trouble.LOW_VOLTAGE, *readings) == (None, [])


def test_no_voltage_on_any_phase_is_an_outage_and_not_for_us():
    for trouble in (Trouble.LOW_VOLTAGE, Trouble.PHASE_LOSS):
        assert badness(trouble, volts(0, 0, 0, 0), RULES) is None
        assert badness(trouble, volts(0, 4.0), RULES) is None


def test_three_trips_within_a_day_are_found_and_those_of_the_day_before_are_not_counted():
    trips = Trouble.REPEATED_TRIPS
    assert found(trips, trip(0), trip(60))[1] == []
    assert found(trips, trip(0), trip(60), trip(90))[1] == [(90, 3)]
    assert found(trips, trip(0), trip(60), trip(24 * 60))[1] == []


def test_the_same_reading_twice_says_nothing_more():
    after, alarms = found(Trouble.REPEATED_TRIPS, trip(0), trip(0), trip(60), trip(60))
    assert alarms == []
    assert found(Trouble.REPEATED_TRIPS, trip(60), standing=after)[0] == after
    after, _ = overload(load(0), load(20))
    assert overload(load(0), load(20), standing=after) == (after, [])


def test_a_late_reading_does_not_undo_what_newer_ones_said():
    after, _ = overload(load(0), load(20))
    assert overload(load(10, 50), standing=after)[0] == after


def test_readings_of_one_request_count_in_their_own_order():
    readings = [load(0), load(20), load(40), load(35, 50)]
    assert len({str(overload(*some)) for some in permutations(readings)}) == 1


@given(st.lists(st.integers(0, 3000), max_size=12), st.randoms(use_true_random=False))
def test_trips_come_to_the_same_in_whatever_order_and_however_often_they_arrive(minutes, dice):
    one, _ = judge(None, Trouble.REPEATED_TRIPS, [trip(each) for each in minutes], rules=RULES)
    mixed = [*minutes, *minutes]
    dice.shuffle(mixed)
    other = None
    for each in mixed:
        other, _ = judge(other, Trouble.REPEATED_TRIPS, [trip(each)], rules=RULES)
    assert (one and one.trips) == (other and other.trips)


def test_the_next_day_may_find_it_again():
    after, _ = overload(load(0), load(30))
    night = [load(30 * step) for step in range(2, 30)]
    after, alarms = overload(*night, standing=after)
    assert alarms == [(12 * 60, 110)]


def test_a_standing_is_forgotten_once_nothing_of_it_counts():
    after, _ = overload(load(0), load(20))
    assert after is not None
    assert not is_over(after, Trouble.OVERLOAD, at=NOON + 80 * MINUTE, rules=RULES)
    assert is_over(after, Trouble.OVERLOAD, at=NOON + 81 * MINUTE, rules=RULES)
    assert Standing.from_json(after.to_json()) == after
