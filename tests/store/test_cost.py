"""What an operation costs, counted by DynamoDB's billing rules (infra/bench/meter.py), by no clock.

The goals are those of the design: one call each, and 8 write units for whatever happens daily.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.order import Actor
from chalicelib.domain.procedure import Need
from chalicelib.domain.procedures import PROCEDURES
from chalicelib.store import ledger, orders, personal
from chalicelib.store.heads import Look
from chalicelib.store.orders import Change
from chalicelib.store.rows import House
from infra.bench.meter import READ_STEP, Call, Meter, item_size
from tests.builders import (
    COUNTY,
    CREW,
    INTAKE,
    NOON,
    PARTY,
    SALT,
    SHOWN,
    STATION,
    WORKED,
    a_contact,
    a_fault,
    after,
    an_actor,
    an_opening,
    fired,
    kept,
)

IN_FIVE = NOON + timedelta(minutes=5)
KB = 1024
FINISHED = (
    *WORKED,
    ("approve_reply", "dispatcher", {}),
    ("visit_satisfied", "return_visitor", {}),
    ("archive", "return_visitor", {}),
)


@pytest.fixture
def meter(store: House) -> Iterator[Meter]:
    with Meter(store.connection.client) as counting:
        yield counting


def the_call(meter: Meter) -> Call:
    (call,) = meter.record
    meter.reset()
    return call


def by_role(role: str) -> Actor:
    crew = role == "crew"
    return an_actor(role, CREW if crew else "", STATION if crew else COUNTY)


def test_accepting_a_report_is_one_call_of_at_most_eight_write_units(meter: Meter):
    kept(look=Look(1, IN_FIVE))

    call = the_call(meter)
    assert (call.operation, call.items) == ("TransactWriteItems", 3)
    assert call.wru <= 8


def test_the_longest_description_costs_the_kilobytes_that_it_has(meter: Meter):
    opened = a_fault()
    words = {"description": "电" * 1000}
    contact = replace(a_contact(opened.order.order_id), words=words)

    orders.open_(opened, shown=SHOWN, contact=contact, intake=INTAKE, look=Look(1, IN_FIVE))

    assert the_call(meter).wru == 14


def test_every_move_of_a_faults_life_is_one_read_and_one_transaction_of_at_most_eight(
    meter: Meter,
):
    order_id = kept(look=Look(1, IN_FIVE)).order.order_id
    meter.reset()
    for number, (move, role, answers) in enumerate(FINISHED):
        head = orders.get(order_id)
        read = the_call(meter)
        assert (read.operation, read.rru) == ("GetItem", 1), move

        orders.commit(after(head, move, by=by_role(role), key=f"k{number}", **answers))

        write = the_call(meter)
        assert write.operation == "TransactWriteItems", move
        assert write.wru <= 8, (move, write)
    assert orders.get(order_id).steps is not None, "the whole life is told beside its head"


def test_the_words_of_a_move_cost_one_item_more(meter: Meter):
    head = kept(look=Look(1, IN_FIVE))
    meter.reset()
    change = after(head, "dispatch", office=STATION, key="k", note="先断开跌落保险，注意安全")
    words = personal.Words(head.order.order_id, 2, SALT, {"note": "先断开跌落保险，注意安全"})

    orders.commit(replace(change, words=words))

    assert the_call(meter).wru <= 10


def test_a_timer_costs_no_more_than_a_move(meter: Meter):
    head = kept(look=Look(1, IN_FIVE))
    for hours in (1, 3, 6):
        meter.reset()
        (head,) = orders.commit(Change(head, fired(head.order, at=NOON + timedelta(hours=hours))))
        assert the_call(meter).wru <= 8


@pytest.mark.parametrize("kind", PROCEDURES)
def test_heads_of_every_kind_fit_a_kilobyte_with_all_that_stands_beside_them(
    meter: Meter, store: House, kind: str
):
    answers = {need.name: _an_answer(need) for need in PROCEDURES[kind].intake if need.required}
    head = kept(an_opening(kind, answers=answers), look=Look(1, IN_FIVE))
    meter.reset()
    for number in range(8):
        change = after(head, "note", by=an_actor("agent"), key=f"k{number}", note="x")
        (head,) = orders.commit(change)

    assert item_size(_item(store, head.order.order_id)) <= KB
    assert max(call.wru for call in meter.record) <= 8


def _an_answer(need: Need) -> str:
    return need.choices[0] if need.choices else "东庄村"


def test_a_page_of_twenty_is_one_call_at_the_floor(store: House):
    for number in range(1, 31):
        head = kept(a_fault(number=number), look=Look(1, IN_FIVE))
        orders.commit(after(head, "dispatch", office=STATION, staff=CREW))

    with Meter(store.connection.client) as meter:
        page = orders.queue(COUNTY, limit=20)

    call = the_call(meter)
    assert (call.operation, call.items, len(page.heads)) == ("Query", 20, 20)
    assert call.rru <= 2


def test_tracking_an_order_is_one_call_of_half_a_unit(meter: Meter):
    head = kept()
    meter.reset()

    orders.get(head.order.order_id, consistent=False)

    assert the_call(meter).rru == 0.5


@pytest.mark.parametrize("open_orders", [0, 10, 200])
def test_finding_that_nothing_is_due_costs_the_same_however_many_are_open(
    store: House, open_orders: int
):
    for number in range(open_orders):
        kept(a_fault(number=number, at=NOON + timedelta(days=1)))

    with Meter(store.connection.client) as meter:
        assert orders.due(COUNTY, before=NOON, limit=100) == []

    call = the_call(meter)
    assert (call.rru, call.items) == (0.5, 0)


def test_finding_what_is_due_reads_that_and_nothing_else(store: House):
    for number in range(40):
        at = NOON if number < 25 else NOON + timedelta(days=1)
        kept(a_fault(number=number, at=at))

    found, last = [], None
    with Meter(store.connection.client) as meter:
        while page := orders.due(COUNTY, before=IN_FIVE, limit=10, after=last):
            found += page
            last = page[-1]

    assert len(found) == 25
    assert meter.items_read == 25
    assert meter.calls == 4


def test_the_sweep_can_have_the_heads_with_what_is_due_in_the_same_call(store: House):
    heads = [kept(a_fault(number=number), look=Look(1, IN_FIVE)) for number in range(25)]

    with Meter(store.connection.client) as meter:
        page = orders.queue(COUNTY, limit=100, before=IN_FIVE)

    call = the_call(meter)
    assert (call.items, len(page.heads)) == (25, 25)
    entries = [_entry(store, head.order.order_id) for head in heads]
    assert call.rru == math.ceil(sum(map(item_size, entries)) / READ_STEP) * 0.5


def _entry(store: House, order_id: str) -> dict[str, Any]:
    """Return what the index holds of an order: the item without what is not projected."""
    item = _item(store, order_id)
    return {name: value for name, value in item.items() if name not in {"keys", "intake", "steps"}}


def _item(store: House, order_id: str) -> dict[str, Any]:
    dynamodb: Any = store.connection.client
    key = {"order_id": {"S": order_id}}
    found: dict[str, Any] = dynamodb.get_item(TableName=store.table_name("orders"), Key=key)
    return dict(found["Item"])


def test_a_look_back_is_armed_with_the_event_for_nothing_and_settled_for_little(meter: Meter):
    head = kept(look=Look(1, IN_FIVE))
    assert the_call(meter).wru == 8

    orders.set_look(head, None)

    call = the_call(meter)
    assert (call.operation, call.wru) == ("UpdateItem", 2)


def test_an_access_record_is_one_read_and_one_write(meter: Meter):
    opened = a_fault().event
    for _ in range(3):
        meter.reset()
        ledger.append(replace(opened, aggregate="access/C-QINGHE/2026-03-10"))
        assert [(call.operation, call.wru, call.rru) for call in meter.record] == [
            ("Query", 0, 1),
            ("PutItem", 1, 0),
        ]


def test_the_history_of_a_whole_life_is_one_call(meter: Meter):
    head = kept()
    for move, role, answers in FINISHED:
        (head,) = orders.commit(after(head, move, by=by_role(role), **answers))
    meter.reset()

    events = list(ledger.read(head.order.order_id))

    assert len(events) == len(FINISHED) + 1
    assert the_call(meter).rru <= 3


def test_forgetting_costs_a_call_a_row(meter: Meter):
    head = kept()
    meter.reset()

    personal.erase(head.order.order_id, party=PARTY)

    assert [call.operation for call in meter.record] == ["Query", "DeleteItem"]
