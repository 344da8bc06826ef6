"""Outages kept: all or nothing, one that claims a household at a time, and a board that agrees."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.order import GENESIS
from chalicelib.domain.outage import State, verify_against
from chalicelib.domain.reach import Reach
from chalicelib.domain.refusal import BadInput, KeyReused, Stale, Unknown
from chalicelib.store import ledger, outages
from chalicelib.store.heads import Key
from chalicelib.store.outages import Change, Head
from tests.domain.blackout import AREAS, CREW, act, at, opened
from tests.domain.engine import RULES

on_both = pytest.mark.usefixtures("any_store")
on_embedded = pytest.mark.usefixtures("store")

COUNTY = "X1"


def keep(made: moves.Made, before: Head | None = None, **said: Any) -> Head:
    return outages.commit(Change(before, made, **said))[0]


def restored(head: Head, minutes: float = 60) -> moves.Made:
    done = act(minutes, by=CREW)
    return moves.restore(head.outage, done, reach=AREAS, at=at(minutes), rules=RULES)


@on_both
def test_an_outage_is_read_as_it_was_opened():
    kept = keep(opened(), shown={"area": "河尾村3号公变"})

    assert outages.get("Q1") == kept
    assert kept.shown["area"] == "河尾村3号公变"
    verify_against(kept.outage, ledger.links("outage/Q1"))


@on_both
def test_it_stands_on_the_board_until_it_is_over_and_then_in_its_month():
    head = keep(opened())
    assert [each.outage.outage_id for each in outages.board(COUNTY).heads] == ["Q1"]

    done = keep(restored(head), head)

    assert outages.board(COUNTY).heads == ()
    assert [each.outage.state for each in outages.over(COUNTY, "2026-07", limit=9).items] == [
        State.RESTORED
    ]
    assert done.shown == head.shown


@on_both
def test_of_two_who_claim_the_same_households_one_must_look_again():
    board = outages.board(COUNTY)
    outages.commit(Change(None, opened()), gate=board)

    with pytest.raises(Stale):
        outages.commit(Change(None, opened(outage_id="Q2")), gate=board)

    again = outages.board(COUNTY)
    assert (again.gate, [each.outage_id for each in again.outages]) == (1, ["Q1"])
    with pytest.raises(Unknown):
        outages.get("Q2")


@on_both
def test_a_command_on_a_version_that_is_gone_says_who_was_first():
    head = keep(opened())
    keep(
        moves.set_crew(head.outage, act(9, by=CREW), status="set_out", crew_id="c7", rules=RULES),
        head,
    )

    with pytest.raises(Stale) as refused:
        keep(restored(head), head)

    assert refused.value.facts["by"] == CREW.actor_id


@on_both
def test_one_key_moves_an_outage_once():
    head = keep(opened())
    made, key = restored(head), Key("0a" * 16, "0b" * 16, 2)

    first = keep(made, head, key=key)
    again = keep(made, head, key=key)

    assert first == again
    other = restored(head, minutes=61)
    with pytest.raises(KeyReused):
        keep(other, head, key=Key("0a" * 16, "0c" * 16, 2))


@on_both
def test_a_commit_that_is_sent_again_is_no_conflict():
    board = outages.board(COUNTY)
    made = opened()

    first = outages.commit(Change(None, made), gate=board)

    assert outages.commit(Change(None, made), gate=board) == first


@on_embedded
def test_eight_thousand_transformers_are_one_outage_and_a_whole_city_is_several():
    def city(count: int) -> moves.Made:
        names = [f"QH-{number // 10:04}-T{number:05}" for number in range(count)]
        return opened(reach=Reach.of(dict.fromkeys(names, "all"), dict.fromkeys(names, 205)))

    (head,) = outages.commit(Change(None, city(8_000)))
    assert outages.get("Q1").outage == head.outage
    assert head.outage.dark.households == 1_640_000

    with pytest.raises(BadInput) as refused:
        outages.commit(Change(None, city(16_000)))
    assert refused.value.errors[0].code == "reach.too_large"


@on_both
def test_what_is_due_is_found_for_every_county_together():
    head = keep(opened())
    due_at = head.outage.next_due_at
    assert due_at is not None

    assert outages.due_heads(before=due_at - timedelta(seconds=1), limit=9) == []
    ((armed, found),) = outages.due_heads(before=due_at, limit=9)
    assert (armed.order_id, armed.due_at, found and found.outage) == ("Q1", due_at, head.outage)

    outages.park("Q1", was=due_at, until=at(600))
    assert outages.due_heads(before=due_at, limit=9) == []


@on_embedded
def test_a_hundred_and_thirty_outages_are_one_board():
    for each in range(130):
        made = opened(outage_id=f"Q{each}", reach=Reach.of({f"T{each}": "all"}))
        keep(made)

    board = outages.board(COUNTY)

    assert len(board.heads) == 130
    assert all(head.outage.tip != GENESIS for head in board.heads)
