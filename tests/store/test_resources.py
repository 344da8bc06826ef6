"""Heads of units, loans and tasks: one transaction, one winner, one line where they belong."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.order import GENESIS, Actor
from chalicelib.domain.refusal import KeyReused, Stale, Unknown
from chalicelib.store import ledger, personal, resources
from chalicelib.store.heads import Key
from chalicelib.store.resources import Change, Kept
from tests.builders import NOON

pytestmark = pytest.mark.usefixtures("any_store")
BY = Actor("city_host", "host-1", "C1")
NEW = Kept("loan", "l1")


def a_change(before: Kept = NEW, name: str = "asked", **about: Any) -> Change:
    plain: dict[str, Any] = {
        "value": {**before.value, "stage": name},
        "by": BY,
        "occurred_at": NOON,
        "at": NOON,
        "counties": ("X1",),
    }
    return Change(before=before, name=name, **{**plain, **about})


def ids(sort: str = "loan", county: str = "X1", month: str = "") -> list[str]:
    return [kept.key for kept in resources.listed(sort, [county], month=month)]


def test_a_head_is_the_merge_of_what_its_events_changed():
    (asked,) = resources.commit(a_change(value={"stage": "asked", "kw": 80}))
    (approved,) = resources.commit(
        a_change(asked, "approve", value={"stage": "approved", "kw": 80, "unit": "T1"})
    )

    events = list(ledger.read("loan/l1"))

    assert resources.get("loan", "l1") == approved
    assert [dict(event.changes) for event in events] == [
        {"stage": "asked", "kw": 80},
        {"stage": "approved", "unit": "T1"},
    ]
    assert (events[0].prev, events[1].prev) == (GENESIS, events[0].hash)
    assert (approved.version, approved.tip) == (2, events[1].hash)


def test_what_lies_in_two_counties_is_found_in_both_and_listed_once():
    resources.commit(a_change(counties=("X1", "X2")))

    assert ids(county="X1") == ids(county="X2") == ["l1"]
    assert len(resources.listed("loan", ["X1", "X2"])) == 1
    assert ids("unit") == []


def test_what_is_over_leaves_the_open_line_for_that_of_its_month():
    (asked,) = resources.commit(a_change())
    resources.commit(a_change(asked, "refuse", over=NOON, counties=("X1",)))

    assert ids() == []
    assert ids(month=f"{NOON:%Y-%m}") == ["l1"]


def test_what_comes_to_another_county_is_listed_there_from_then_on():
    (asked,) = resources.commit(a_change())
    resources.commit(a_change(asked, "approve", counties=("X1", "X2")))

    assert ids(county="X2") == ["l1"]


def test_what_is_said_stays_beside_the_chain_and_the_event_says_its_digest_alone():
    words = {"note": "张师傅带队"}
    resources.commit(a_change(words=words, salt=b"sixteen bytes: s", digest="d" * 64))

    assert personal.words("loan/l1")[1].words == words
    (event,) = ledger.read("loan/l1")
    assert event.digest == "d" * 64
    assert "张师傅" not in event.body()


def test_two_heads_change_together_or_not_at_all():
    (loan,) = resources.commit(a_change())
    unit = Kept("unit", "T1")
    (kept,) = resources.commit(a_change(unit, "added"))
    resources.commit(a_change(kept, "send"))  # somebody was there first

    with pytest.raises(Stale) as lost:
        resources.commit(a_change(loan, "approve"), a_change(kept, "promised"))

    assert (lost.value.facts["move"], lost.value.facts["by"]) == ("send", "host-1")
    assert resources.get("loan", "l1") == loan


def test_the_same_key_and_body_change_it_once_and_another_body_is_refused():
    def with_body(body: str) -> Change:
        return a_change(key=Key("k", body, 1), at=NOON + timedelta(seconds=len(body)))

    (first,) = resources.commit(with_body("a"))
    assert resources.commit(with_body("a")) == (first,)
    with pytest.raises(KeyReused):
        resources.commit(with_body("another"))
    assert len(list(ledger.links("loan/l1"))) == 1


def test_what_there_is_not_is_unknown():
    assert resources.lookup("loan", "l1") is None
    with pytest.raises(Unknown):
        resources.get("loan", "l1")
