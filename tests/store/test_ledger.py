"""The ledger shows what happened, and shows it when somebody changed that behind our back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.order import GENESIS, Actor, BrokenChain, Event, verify, verify_against
from chalicelib.domain.refusal import Unknown
from chalicelib.store import ledger, orders
from chalicelib.store.rows import House, house
from tests.builders import COUNTY, CREW, NOON, STATION, after, an_actor, an_order_id, kept

ACCESS = "access/C-QINGHE/2026-03-10"


def seen(number: int = 0, *, aggregate: str = ACCESS) -> Event:
    return Event(
        aggregate,
        seq=0,
        name="contact.seen",
        occurred_at=NOON,
        recorded_at=NOON,
        actor=Actor("dispatcher", "li-01", COUNTY),
        changes={},
        data={"order": an_order_id(number)},
    )


@pytest.fixture
def worked(store: House) -> orders.Head:
    """An order with four events."""
    assert house() is store
    head = kept()
    (head,) = orders.commit(after(head, "dispatch", office=STATION, staff=CREW))
    (head,) = orders.commit(after(head, "receive", by=an_actor("crew", CREW, STATION)))
    (head,) = orders.commit(after(head, "set_out", by=an_actor("crew", CREW, STATION)))
    return head


# Reading and adding -----------------------------------------------------------------------------


@pytest.mark.usefixtures("any_store")
def test_what_is_appended_stands_at_the_end_with_the_hash_of_what_was_before():
    first = ledger.append(seen(1))
    second = ledger.append(replace(seen(2), seq=77, prev="f" * 64))

    assert (first.seq, first.prev) == (1, GENESIS)
    assert (second.seq, second.prev) == (2, first.hash)
    assert list(ledger.read(ACCESS)) == [first, second]
    assert ledger.event(ACCESS, 2) == second
    assert ledger.is_written(first)
    assert not ledger.is_written(replace(first, name="other"))


@pytest.mark.usefixtures("any_store")
def test_chains_do_not_mix_and_a_part_of_one_can_be_read():
    for number in range(5):
        ledger.append(seen(number))
    ledger.append(seen(9, aggregate="office/S-QINGHE-03"))

    def asked(**part: int) -> list[int]:
        return [row.seq for row in ledger.links(ACCESS, **part)]

    assert asked() == [1, 2, 3, 4, 5]
    assert asked(after=2) == [3, 4, 5]
    assert asked(after=1, limit=2) == [2, 3]
    assert asked(limit=0) == []
    assert asked(after=5) == []


@pytest.mark.usefixtures("any_store")
def test_an_event_that_is_not_there_is_unknown():
    with pytest.raises(Unknown):
        ledger.event(an_order_id(), 1)

    assert ledger.find(an_order_id(), 1) is None
    assert list(ledger.links(an_order_id())) == []


@pytest.mark.usefixtures("store")
def test_a_history_longer_than_a_page_is_read_to_its_end():
    """DynamoDB answers at most a megabyte at a time."""
    long = "长" * 30_000
    for number in range(13):
        ledger.append(replace(seen(number), data={"note": long}))

    assert [event.seq for event in ledger.read(ACCESS)] == list(range(1, 14))
    assert [row.seq for row in ledger.links(ACCESS, limit=12)] == list(range(1, 13))


# Tampering, straight in the store -----------------------------------------------------------------


def put(store: House, order_id: str, seq: int, **attributes: str) -> None:
    """Overwrite attributes of a row, as nothing in the house can."""
    dynamodb: Any = store.connection.client
    key = {"aggregate": {"S": f"order/{order_id}"}, "seq": {"N": str(seq)}}
    table = store.table_name("ledger")
    row = dynamodb.get_item(TableName=table, Key=key).get("Item", key)
    changed = {name: {"S": value} for name, value in attributes.items()}
    dynamodb.put_item(TableName=table, Item={**row, **changed})


def delete(store: House, order_id: str, seq: int) -> None:
    dynamodb: Any = store.connection.client
    key = {"aggregate": {"S": f"order/{order_id}"}, "seq": {"N": str(seq)}}
    dynamodb.delete_item(TableName=store.table_name("ledger"), Key=key)


def edit_body(store: House, order_id: str) -> None:
    row = ledger.find(order_id, 3)
    assert row
    put(store, order_id, 3, body=row.body.replace(CREW, "somebody-else"))


def edit_body_and_hash(store: House, order_id: str) -> None:
    edit_body(store, order_id)
    event = ledger.event(order_id, 3)
    put(store, order_id, 3, hash=event.hash)


def swap(store: House, order_id: str) -> None:
    second, third = ledger.find(order_id, 2), ledger.find(order_id, 3)
    assert second
    assert third
    put(store, order_id, 2, body=third.body, hash=third.hash, prev=third.prev)
    put(store, order_id, 3, body=second.body, hash=second.hash, prev=second.prev)


def add_one(store: House, order_id: str) -> None:
    tip = ledger.event(order_id, 4)
    forged = replace(tip, seq=5, name="note", changes={}, prev=tip.hash)
    put(store, order_id, 5, body=forged.body(), hash=forged.hash, prev=forged.prev)


def copy_from_elsewhere(store: House, order_id: str) -> None:
    tip = ledger.event(order_id, 3)
    forged = replace(tip, aggregate=an_order_id(2), seq=4, prev=tip.hash)
    put(store, order_id, 4, body=forged.body(), hash=forged.hash, prev=forged.prev)


TAMPERED: list[tuple[str, Callable[[House, str], None], int, str]] = [
    ("edited", edit_body, 3, "edited"),
    ("edited with its hash", edit_body_and_hash, 4, "unlinked"),
    ("body emptied", lambda store, order_id: put(store, order_id, 2, body=""), 2, "edited"),
    ("deleted in the middle", lambda store, order_id: delete(store, order_id, 2), 2, "missing"),
    ("deleted at the start", lambda store, order_id: delete(store, order_id, 1), 1, "missing"),
    ("cut at the end", lambda store, order_id: delete(store, order_id, 4), 4, "missing"),
    ("reordered", swap, 2, "unlinked"),
    ("added", add_one, 5, "head-behind"),
    ("from another order", copy_from_elsewhere, 4, "moved"),
]


@pytest.mark.parametrize(
    ("tamper", "seq", "why"), [case[1:] for case in TAMPERED], ids=[case[0] for case in TAMPERED]
)
def test_whoever_tampers_the_first_bad_event_is_named(
    store: House, worked: orders.Head, tamper: Callable[[House, str], None], seq: int, why: str
):
    order_id = worked.order.order_id
    assert verify_against(worked.order, ledger.links(order_id)) == worked.order

    tamper(store, order_id)

    with pytest.raises(BrokenChain) as broken:
        verify_against(orders.get(order_id).order, ledger.links(order_id))
    assert (broken.value.seq, broken.value.why) == (seq, why)


def test_a_row_of_another_shape_is_read_as_it_is_and_found_out(store: House, worked: orders.Head):
    dynamodb: Any = store.connection.client
    key = {"aggregate": {"S": f"order/{worked.order.order_id}"}, "seq": {"N": "2"}}
    dynamodb.put_item(TableName=store.table_name("ledger"), Item={**key, "body": {"N": "1"}})

    with pytest.raises(BrokenChain) as broken:
        verify(worked.order.order_id, ledger.links(worked.order.order_id))

    assert broken.value.seq == 2
