"""Readings come in: what stands out opens one order a day, before the network fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import pytest

from chalicelib.domain.patrol import Reading, Sort
from chalicelib.store import customers, findings, grid, orders
from chalicelib.store.customers import Household
from chalicelib.store.rows import House
from chalicelib.usecases import patrolling, recurring
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.patrolling import Read, Taken
from infra.bench.meter import Meter
from tests.usecases.county import CITY, COUNTY, MINUTE, NOON, SALT, STATION
from tests.usecases.supply import an_area, looking

T1, ACCOUNT = ("transformer", "T1"), "1300004521"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """The desk of a county with four areas, a breaker and a meter."""
    an_area()
    home = Household(account_no=ACCOUNT, transformer_id="T2", load_id="L7", meters=("M1",))
    customers.put_households(customers.compare_households(COUNTY, [home]))
    grid.put_places_of("device", {"F1-CB": f"{COUNTY}/feeder/F1", "FAR-CB": "C-FAR/feeder/F9"})
    grid.put_places_of("meter", {"M1": ACCOUNT})
    return desk


def read(
    sort: Sort, minute: float, *values: float, of: tuple[str, str] = T1, start: datetime = NOON
) -> Read:
    return Read(of, Reading(sort, start + minute * MINUTE, values), "ami")


def take(desk: Desk, *sent: Read, minute: float = 60, office: str = COUNTY) -> Taken:
    return patrolling.take(desk, sent, office_id=office, salt=SALT, at=NOON + minute * MINUTE)


def overload(of: tuple[str, str] = T1, *, start: datetime = NOON) -> list[Read]:
    return [read(Sort.LOAD, minute, 130, of=of, start=start) for minute in (0, 15, 30)]


def proactive() -> list[orders.Head]:
    found = orders.queue(COUNTY, limit=100).heads
    return [head for head in found if head.order.channel == "network_watch"]


def test_an_overload_that_lasts_opens_a_fault_order_at_its_place_before_it_fails(desk):
    taken = take(desk, *overload())

    (finding,) = taken.found
    head = orders.get(finding.order_id)
    assert (taken.accepted, finding.kind, finding.subject) == (3, "overload", "transformer/T1")
    assert (head.order.kind, head.order.county) == ("fault", COUNTY)
    assert (head.order.facts["place"], head.shown["place"]) == ("T1", "河尾村T1")
    assert head.shown["summary"] == "配网监控发现河尾村T1持续过负荷，请现场检查。"
    assert "dispatch" in head.order.clocks


def test_the_same_readings_again_and_more_of_the_same_day_open_nothing_more(desk):
    take(desk, *overload())
    assert take(desk, *overload()).found == []
    more = [read(Sort.LOAD, minute, 140) for minute in (45, 58)]
    assert take(desk, *more).found == []
    assert take(desk, read(Sort.LOAD, 59, 50)).found == []
    assert len(proactive()) == 1


def test_one_reading_a_request_comes_to_the_same(desk):
    found = [take(desk, each).found for each in overload()]
    assert [len(each) for each in found] == [0, 0, 1]


def test_the_next_day_opens_another(desk):
    take(desk, *overload())
    tomorrow = overload(start=NOON + timedelta(days=1))
    assert len(take(desk, *tomorrow, minute=24 * 60 + 60).found) == 1
    assert len(proactive()) == 2


def test_a_breaker_that_trips_three_times_goes_to_the_county_s_desk(desk):
    trips = [read(Sort.TRIP, minute, of=("device", "F1-CB")) for minute in (0, 20, 50)]
    (finding,) = take(desk, *trips).found
    head = orders.get(finding.order_id)
    assert (head.order.office, "place" in head.order.facts) == (COUNTY, False)
    assert "F1-CB" in head.shown["summary"]


def test_s2_7_low_voltage_of_a_meter_counts_for_its_customer(desk):
    for day in (0, 1):
        start = NOON + timedelta(days=day)
        low = [
            read(Sort.VOLTAGE, minute, 180, of=("meter", "M1"), start=start) for minute in (0, 30)
        ]
        take(desk, *low, minute=day * 24 * 60 + 60)
    now = NOON + timedelta(days=2)
    (row,) = recurring.frequent(looking(desk, now), subject="low_voltage")
    assert (row["id"], row["level"]) == (f"T2/account/{ACCOUNT}", "warn")


def test_what_is_unknown_foreign_or_at_no_time_is_named_by_its_place(desk):
    sent = [
        read(Sort.LOAD, 0, 130, of=("transformer", "T-NOBODY")),
        read(Sort.TRIP, 0, of=("device", "FAR-CB")),
        read(Sort.LOAD, 90, 130),
        read(Sort.LOAD, -8 * 24 * 60, 130),
        read(Sort.LOAD, 0, 130),
    ]
    taken = take(desk, *sent)
    assert taken.unknown == [0, 1]
    assert taken.refused == [(2, "occurred_at.in_future"), (3, "occurred_at.too_old")]
    assert taken.accepted == 1


def test_a_key_reads_what_hangs_under_its_own_office_alone(desk):
    at_station = take(desk, *overload(), *overload(("transformer", "T4")), office=STATION)
    assert (at_station.accepted, len(at_station.unknown)) == (3, 3)  # nobody named the place T4
    assert take(desk, *overload(("transformer", "T4")), office=CITY).accepted == 3
    assert take(desk, *overload(), office="P-ELSEWHERE").unknown == [0, 1, 2]


def test_what_is_as_it_should_be_costs_one_read_a_county_and_no_write(desk, store: House):
    good = [read(Sort.LOAD, minute, 60) for minute in range(50)]
    take(desk, *good)
    with Meter(store.connection.client) as meter:
        take(desk, *good)
    assert (meter.wru, meter.calls) == (0, 1)


def test_what_was_not_read_for_long_is_forgotten(desk):
    take(desk, read(Sort.LOAD, 0, 130))
    assert set(findings.standing(COUNTY)) == {("overload", "transformer/T1")}
    take(desk, read(Sort.LOAD, 200, 50, of=("transformer", "T2")), minute=200)
    assert findings.standing(COUNTY) == {}


@contextmanager
def at_call(store: House, number: int, do: Callable[[], object]) -> Iterator[None]:
    """Do something right before the store is called for that many-th time."""
    events, made = store.connection.client.meta.events, [0]

    def look(**_said: object) -> None:
        made[0] += 1
        if made[0] == number:
            do()

    events.register_first("before-call.dynamodb", look, unique_id="at-call")
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb", unique_id="at-call")


def die() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("call", range(1, 12))
def test_a_worker_that_dies_at_any_call_leaves_one_order_once_the_readings_come_again(
    desk, store: House, call
):
    with at_call(store, call, die), suppress(KeyboardInterrupt):
        take(desk, *overload())
    take(desk, *overload())

    assert len(proactive()) == 1
    (kept,) = findings.in_month(COUNTY, NOON.date())
    assert kept.order_id == proactive()[0].order.order_id


@pytest.mark.parametrize("call", range(1, 12))
def test_two_who_judge_at_once_open_one_order(desk, store: House, call):
    take(desk, read(Sort.LOAD, 0, 50))  # so that this process remembers its areas and the place,
    customers.known_place("T1", at=NOON + 60 * MINUTE)  # whose lock a thread cannot take twice
    with at_call(store, call, lambda: take(desk, *overload())):
        take(desk, *overload())

    assert len(proactive()) == 1
    assert len(findings.in_month(COUNTY, NOON.date())) == 1
