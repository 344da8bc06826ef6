"""Many at once: one wins, everybody is told the truth, and the chain is whole."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any, TypeVar

import pytest

from chalicelib.domain.order import Actor, Event, verify_against
from chalicelib.domain.refusal import KeyReused, Refused, Stale
from chalicelib.store import ledger, orders, personal, resources
from chalicelib.store.heads import Look
from chalicelib.store.orders import Change
from tests.builders import (
    COUNTY,
    CREW,
    INTAKE,
    NOON,
    PARTY,
    SHOWN,
    STATION,
    a_contact,
    a_fault,
    a_key,
    after,
    an_actor,
    an_order_id,
    fired,
    kept,
)

pytestmark = pytest.mark.usefixtures("store")
MANY = 50
Told = TypeVar("Told")


def at_once(do: Callable[[int], Told]) -> list[Told | Refused | orders.NumberTaken]:
    """Let MANY do it at the same moment; return what each of them was told."""
    ready = Barrier(MANY)

    def one(number: int) -> Told | Refused | orders.NumberTaken:
        ready.wait()
        try:
            return do(number)
        except (Refused, orders.NumberTaken) as refused:
            return refused

    with ThreadPoolExecutor(MANY) as people:
        return list(people.map(one, range(MANY)))


def kinds(told: list[Any]) -> Counter[str]:
    return Counter(type(entry).__name__ for entry in told)


def test_s4_fifty_writers_with_one_key_file_one_order():
    def file(number: int) -> tuple[orders.Head, bool]:
        opened = a_fault(at=NOON + timedelta(seconds=number))
        contact = a_contact(opened.order.order_id)
        return orders.open_(opened, shown=SHOWN, contact=contact, intake=INTAKE)

    told = at_once(file)

    assert kinds(told) == {"tuple": MANY}
    answers = [entry for entry in told if isinstance(entry, tuple)]
    assert [created for _, created in answers].count(True) == 1
    assert len({head.order.tip for head, _ in answers}) == 1
    head = orders.get(an_order_id())
    assert verify_against(head.order, ledger.links(an_order_id())).version == 1
    assert personal.orders_of(PARTY) == [an_order_id()]
    assert len(orders.queue(COUNTY, limit=50).heads) == 1


def test_fifty_bodies_under_one_key_file_one_order_and_the_others_are_refused():
    def file(number: int) -> tuple[orders.Head, bool]:
        key = INTAKE.partition(".")[0]
        opened = a_fault(at=NOON + timedelta(seconds=number))
        return orders.open_(opened, shown={}, contact=None, intake=f"{key}.{number:032x}")

    told = at_once(file)

    assert kinds(told) == {"tuple": 1, "KeyReused": MANY - 1}
    assert len(list(ledger.links(an_order_id()))) == 1


def test_s4_of_fifty_who_receive_one_order_one_wins_and_the_others_are_told_who():
    head = kept()
    (dispatched,) = orders.commit(after(head, "dispatch", office=STATION))

    def receive(number: int) -> str:
        crew = an_actor("crew", f"crew-{number:02}", STATION)
        (mine,) = orders.commit(after(dispatched, "receive", by=crew))
        return mine.order.assignee

    told = at_once(receive)

    assert kinds(told) == {"str": 1, "Stale": MANY - 1}
    winner = orders.get(head.order.order_id).order
    assert [entry for entry in told if isinstance(entry, str)] == [winner.assignee]
    losers = [entry.facts for entry in told if isinstance(entry, Stale)]
    assert {(facts["by"], facts["move"], facts["version"]) for facts in losers} == {
        (winner.assignee, "receive", 3)
    }
    assert {facts["at"] for facts in losers} == {winner.moved_at}
    assert verify_against(winner, ledger.links(winner.order_id)).version == 3


def test_fifty_requests_with_one_key_make_one_move_and_all_are_answered_alike():
    head = kept()

    def dispatch(number: int) -> orders.Head:
        at = NOON + timedelta(minutes=1, seconds=number)
        (mine,) = orders.commit(after(head, "dispatch", key="k", at=at, office=STATION))
        return mine

    told = at_once(dispatch)

    assert told == [orders.get(head.order.order_id)] * MANY
    assert len(list(ledger.links(head.order.order_id))) == 2


def test_fifty_bodies_under_one_key_make_one_move():
    head = kept()

    def dispatch(number: int) -> orders.Head:
        change = after(head, "dispatch", office=STATION, staff=f"crew-{number:02}")
        (mine,) = orders.commit(replace(change, key=a_key("k", body=str(number))))
        return mine

    told = at_once(dispatch)

    assert kinds(told) == {"Head": 1, KeyReused.__name__: MANY - 1}


def test_fifty_who_read_again_after_losing_all_get_through_and_the_chain_is_whole():
    head = kept()

    def note(number: int) -> int:
        for _ in range(200):
            stored = orders.get(head.order.order_id)
            change = after(stored, "note", by=an_actor("agent", f"agent-{number:02}"), note="x")
            try:
                return orders.commit(change)[0].order.version
            except Stale:
                continue
        raise AssertionError("never got through")

    told = at_once(note)

    assert sorted(entry for entry in told if isinstance(entry, int)) == list(range(2, MANY + 2))
    stored = orders.get(head.order.order_id)
    assert verify_against(stored.order, ledger.links(head.order.order_id)).version == MANY + 1


def test_fifty_sweeps_of_one_order_fire_each_timer_once():
    head = kept()
    late = NOON + timedelta(hours=1)
    (seen,) = orders.queue(COUNTY, limit=20, before=late).heads

    def sweep(number: int) -> int:
        advanced = fired(seen.order, at=late + timedelta(seconds=number))
        return orders.commit(Change(seen, advanced))[0].order.version

    told = at_once(sweep)

    assert kinds(told)["int"] == 1
    timers = [event for event in ledger.read(head.order.order_id) if event.name == "timer"]
    assert len(timers) == 1


def test_two_mergers_of_one_child_into_two_parents_leave_it_with_one():
    child, *parents = [kept(a_fault(number=number)) for number in range(1, 4)]

    def merge(number: int) -> str:
        parent = parents[number % 2]
        desk = an_actor("dispatcher", f"desk-{number:02}")
        own = after(child, "merge", by=desk, parent=parent.order.order_id)
        orders.commit(own, after(parent, "absorb", child=child.order.order_id))
        return parent.order.order_id

    told = at_once(merge)

    (winner,) = [entry for entry in told if isinstance(entry, str)]
    stored = orders.get_many(head.order.order_id for head in parents)
    assert orders.get(child.order.order_id).order.parent == winner
    assert [head.order.order_id for head in stored if head.order.children] == [winner]


def test_fifty_appenders_to_one_chain_each_have_their_own_place():
    def look(number: int) -> int:
        seen = Event(
            "access/C-QINGHE/2026-03-10",
            seq=0,
            name="contact.seen",
            occurred_at=NOON,
            recorded_at=NOON,
            actor=Actor("agent", f"agent-{number:02}", COUNTY),
            changes={},
        )
        return ledger.append(seen).seq

    told = at_once(look)

    assert sorted(entry for entry in told if isinstance(entry, int)) == list(range(1, MANY + 1))
    chain = list(ledger.links("access/C-QINGHE/2026-03-10"))
    assert [row.prev for row in chain[1:]] == [row.hash for row in chain[:-1]]


def test_a_look_back_settled_while_fifty_move_leaves_the_order_armed_for_what_it_holds():
    head = kept(look=Look(1, NOON + timedelta(seconds=30)))

    def settle_or_move(number: int) -> int:
        if number == 0:
            return int(orders.set_look(head, None).look is None)
        crew = f"crew-{number:02}"
        return orders.commit(after(head, "dispatch", office=STATION, staff=crew))[0].order.version

    at_once(settle_or_move)

    stored = orders.get(head.order.order_id)
    (armed,) = orders.due(COUNTY, before=NOON + timedelta(days=9), limit=9)
    instants = [stored.order.next_due_at, stored.look.at if stored.look else None]
    assert armed.due_at == min(at for at in instants if at is not None)
    assert stored.order.version == 2


def test_different_orders_do_not_wait_for_each_other():
    heads = [kept(a_fault(number=number)) for number in range(MANY)]

    def dispatch(number: int) -> int:
        return orders.commit(after(heads[number], "dispatch", office=STATION, staff=CREW))[
            0
        ].order.version

    assert at_once(dispatch) == [2] * MANY


def test_s0_6_of_fifty_who_approve_one_loan_one_wins_and_the_others_are_told_who():
    def change(kept: resources.Kept, name: str, by: Actor) -> resources.Change:
        value = {"stage": name}
        return resources.Change(
            before=kept, name=name, value=value, by=by, occurred_at=NOON, at=NOON, counties=("X1",)
        )

    loan, unit = resources.Kept("loan", "l1"), resources.Kept("unit", "T1")
    crew = an_actor("crew", CREW, STATION)
    loan, unit = resources.commit(change(loan, "asked", crew), change(unit, "added", crew))

    def approve(number: int) -> str:
        by = an_actor("city_host", f"host-{number:02}", "C1")
        resources.commit(change(loan, "approve", by), change(unit, "promised", by))
        return by.actor_id

    told = at_once(approve)

    assert kinds(told) == {"str": 1, "Stale": MANY - 1}
    (winner,) = (entry for entry in told if isinstance(entry, str))
    assert {entry.facts["by"] for entry in told if isinstance(entry, Stale)} == {winner}
    for name in ("loan/l1", "unit/T1"):
        assert ledger.event(name, 2).actor.actor_id == winner
