"""What of an order may be compared is found by any of its keys, and goes with its people."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.domain.repeats import Trace
from chalicelib.store import traces

NOON = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
DAY = timedelta(days=1)
TRACE = Trace(
    order_id="1",
    kind="complaint",
    at=NOON,
    county="X1",
    people=frozenset({"p1", "p2"}),
    account="a1",
    meters=frozenset({"m1"}),
    place="T-03",
    category="supply_quality.voltage",
    outage="O1",
    event_on=date(2026, 11, 20),
    names="0",
)
BARE = Trace(order_id="2", kind="complaint", at=NOON + DAY, county="X1")


def like(trace, *, since=NOON - DAY, lately=NOON - DAY):
    return traces.like(trace, since=since, lately=lately)


@pytest.mark.parametrize(
    "left",
    [
        {"people": frozenset({"p2"})},
        {"account": "a1"},
        {"meters": frozenset({"m1"})},
        {"place": "T-03"},
        {"outage": "O1"},
    ],
    ids=lambda left: next(iter(left)),
)
def test_another_order_is_found_by_any_key_that_both_left(any_store, left):
    assert any_store.prefix
    traces.put(TRACE)
    traces.put(TRACE)

    assert like(replace(BARE, **left)) == {"1": TRACE}
    assert like(BARE) == {}
    assert like(replace(BARE, county="X2", **left)) == {}


def test_nobody_is_like_themselves_and_only_what_is_lately_counts(store):
    assert store.prefix
    traces.put(TRACE)

    assert like(TRACE) == {}
    near = replace(BARE, place="T-03")
    assert like(near, lately=NOON + timedelta(minutes=1)) == {}
    assert like(replace(BARE, account="a1"), lately=NOON + DAY) == {"1": TRACE}
    assert like(replace(BARE, account="a1"), since=NOON + DAY) == {}


def test_taken_away_it_is_found_by_nothing(store):
    assert store.prefix
    traces.put(TRACE)

    assert traces.drop("1") == 6
    assert traces.drop("1") == 0
    assert like(replace(BARE, people=TRACE.people, account="a1", place="T-03")) == {}
