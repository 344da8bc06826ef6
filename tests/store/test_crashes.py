"""Killed or cut off at any call, the store holds all of a step or nothing, and says which."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.order import Actor, Event, verify, verify_against
from chalicelib.domain.refusal import Busy, Refused, Stale, Unknown
from chalicelib.store import heads, ledger, orders, personal
from chalicelib.store.heads import Look
from chalicelib.store.orders import Change, Head
from chalicelib.store.rows import ATTEMPTS, TRIES, House
from tests.builders import (
    COUNTY,
    CREW,
    INTAKE,
    NOON,
    PARTY,
    SALT,
    SHOWN,
    STATION,
    a_contact,
    a_fault,
    after,
    an_order_id,
    kept,
)
from tests.store.faults import (
    BROKEN,
    CONFLICT,
    KILLED_AFTER,
    KILLED_BEFORE,
    LOST_REPLY,
    NOT_SENT,
    THROTTLED,
    Fault,
    Faults,
    Killed,
    answers,
)

IN_FIVE = NOON + timedelta(minutes=5)


@pytest.fixture
def faults(store: House) -> Iterator[Faults]:
    with Faults(store.connection.client) as between:
        yield between


@dataclass(frozen=True)
class Operation:
    """Something that the store does: how to prepare it, do it, and tell whether it was done."""

    prepare: Callable[[], Any]
    do: Callable[[Any], Any]
    is_done: Callable[[Any], bool]


def _open(_: None) -> tuple[Head, bool]:
    opened = a_fault()
    contact = a_contact(opened.order.order_id)
    return orders.open_(opened, shown=SHOWN, contact=contact, intake=INTAKE, look=Look(1, IN_FIVE))


def _opened(_: None) -> bool:
    order_id = an_order_id()
    chain = list(ledger.links(order_id))
    try:
        head = orders.get(order_id)
    except Unknown:
        assert chain == []
        assert personal.orders_of(PARTY) == []
        return False
    verify_against(head.order, chain)
    assert personal.contact(PARTY, order_id).words
    assert [due.order_id for due in orders.due(COUNTY, before=IN_FIVE, limit=9)] == [order_id]
    return True


def _dispatch() -> Change:
    head = kept()
    change = after(head, "dispatch", office=STATION, staff=CREW, key="k")
    note = personal.Words(head.order.order_id, 2, SALT, {"note": "先断开跌落保险"})
    return replace(change, words=note)


def _moved(change: Change) -> bool:
    order_id = change.head.order.order_id
    head = orders.get(order_id)
    verify_against(head.order, ledger.links(order_id))
    done = head.order == change.advanced.order
    assert done or head == change.head
    assert (personal.words(order_id) != {}) is done
    assert (head.keys != ()) is done
    return done


def _pair() -> tuple[Change, Change]:
    parent, child = kept(), kept(a_fault(number=2))
    return (
        after(child, "merge", parent=parent.order.order_id),
        after(parent, "absorb", child=child.order.order_id),
    )


def _merged(pair: tuple[Change, Change]) -> bool:
    stored = [orders.get(change.head.order.order_id).order for change in pair]
    for order in stored:
        verify_against(order, ledger.links(order.order_id))
    done = [order.version == 2 for order in stored]
    assert done in ([True, True], [False, False])
    return all(done)


def _looked() -> Head:
    return kept(look=Look(1, IN_FIVE))


ACCESS = Event(
    "access/C-QINGHE/2026-03-10",
    seq=0,
    name="contact.seen",
    occurred_at=NOON,
    recorded_at=NOON,
    actor=Actor("dispatcher", "li-01", COUNTY),
    changes={},
    data={"order": an_order_id(), "reason": "call_back"},
)

OPERATIONS = {
    "open": Operation(lambda: None, _open, _opened),
    "commit": Operation(_dispatch, orders.commit, _moved),
    "merge": Operation(_pair, lambda pair: orders.commit(*pair), _merged),
    "append": Operation(
        lambda: None,
        lambda _: ledger.append(ACCESS),
        lambda _: list(ledger.read(ACCESS.aggregate)) == [replace(ACCESS, seq=1)],
    ),
    "set_look": Operation(
        _looked,
        lambda head: orders.set_look(head, None),
        lambda head: orders.get(head.order.order_id).look is None,
    ),
    "erase_shown": Operation(
        _looked,
        lambda head: heads.erase_shown(head.order.order_id),
        lambda head: orders.get(head.order.order_id).shown == {},
    ),
    "park": Operation(
        _looked,
        lambda head: heads.park(
            head.order.order_id, was=head.order.next_due_at, until=NOON + timedelta(hours=6)
        ),
        lambda _: orders.due(COUNTY, before=IN_FIVE, limit=9) == [],
    ),
    "put_file": Operation(
        lambda: personal.FileItem(an_order_id(), "f1", NOON, {"size": 1}),
        personal.put_file,
        lambda item: personal.list_files(item.order_id) == [item],
    ),
    "erase": Operation(
        _looked,
        lambda head: personal.erase(head.order.order_id, party=PARTY),
        lambda _: personal.orders_of(PARTY) == [],
    ),
}
every_operation = pytest.mark.parametrize("name", OPERATIONS)


def calls_of(operation: Operation, faults: Faults, ready: Any) -> int:
    """Do it undisturbed and return how many calls it makes."""
    faults.heal()
    operation.do(ready)
    made = faults.sent
    faults.heal()
    assert operation.is_done(ready)
    return made


@every_operation
def test_killed_before_its_last_call_nothing_was_done_and_it_can_be_done_again(
    faults: Faults, name: str
):
    operation = OPERATIONS[name]
    ready = operation.prepare()
    faults.heal()
    faults.at(_last_call(name), KILLED_BEFORE)

    with pytest.raises(Killed):
        operation.do(ready)

    faults.heal()
    assert not operation.is_done(ready)
    calls_of(operation, faults, ready)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "append"])
def test_killed_at_any_call_doing_it_again_ends_where_doing_it_once_does(faults: Faults, name: str):
    operation = OPERATIONS[name]
    ready = operation.prepare()
    for number in range(1, _last_call(name) + 1):
        for fault in (KILLED_BEFORE, KILLED_AFTER):
            faults.heal()
            faults.at(number, fault)
            try:
                operation.do(ready)
            except Killed:
                faults.heal()
            operation.is_done(ready)

    faults.heal()
    _do_or_find_done(operation, ready)
    assert operation.is_done(ready)


def test_an_appender_killed_at_any_call_leaves_a_whole_chain_with_every_success_on_it(
    faults: Faults,
):
    for number, fault in [(1, KILLED_BEFORE), (2, KILLED_BEFORE), (2, KILLED_AFTER)]:
        faults.heal()
        faults.at(number, fault)
        with pytest.raises(Killed):
            ledger.append(ACCESS)
    faults.heal()
    ledger.append(ACCESS)

    chain = list(ledger.links(ACCESS.aggregate))
    assert [row.seq for row in chain] == [1, 2]
    assert chain[1].prev == chain[0].hash


@every_operation
def test_a_reply_that_got_lost_once_is_told_as_the_success_that_it_was(faults: Faults, name: str):
    operation = OPERATIONS[name]
    ready = operation.prepare()
    faults.heal()
    faults.at(_last_call(name), LOST_REPLY)

    operation.do(ready)

    faults.heal()
    assert operation.is_done(ready)


WRITES = [
    ("open", "TransactWriteItems"),
    ("commit", "TransactWriteItems"),
    ("merge", "TransactWriteItems"),
    ("append", "PutItem"),
    ("set_look", "UpdateItem"),
]


@pytest.mark.parametrize(("name", "write"), WRITES)
def test_a_write_whose_replies_all_got_lost_is_read_back_and_told_as_success(
    faults: Faults, name: str, write: str
):
    operation = OPERATIONS[name]
    ready = operation.prepare()
    faults.heal()
    faults.on(write, LOST_REPLY)

    operation.do(ready)

    assert faults.operations.count(write) == ATTEMPTS
    faults.heal()
    assert operation.is_done(ready)


@every_operation
def test_a_store_that_cannot_be_reached_is_busy_and_nothing_was_done(faults: Faults, name: str):
    operation = OPERATIONS[name]
    ready = operation.prepare()
    faults.heal()
    faults.always(NOT_SENT)

    with pytest.raises(Busy):
        operation.do(ready)

    faults.heal()
    assert not operation.is_done(ready)


@pytest.mark.parametrize(("name", "write"), WRITES)
def test_a_write_that_never_arrived_is_busy_once_reading_back_shows_so(
    faults: Faults, name: str, write: str
):
    operation = OPERATIONS[name]
    ready = operation.prepare()
    faults.heal()
    faults.on(write, NOT_SENT)

    with pytest.raises(Busy):
        operation.do(ready)

    faults.heal()
    assert not operation.is_done(ready)


def test_a_lost_reply_that_cannot_be_read_back_is_busy_and_the_same_key_finds_the_order(
    faults: Faults,
):
    faults.always(LOST_REPLY)
    with pytest.raises(Busy):
        _open(None)

    faults.heal()
    head, created = _open(None)

    assert not created or head.order == a_fault().order
    assert _opened(None)


def test_a_move_whose_reply_was_lost_and_that_somebody_moved_on_since_is_still_ours(
    faults: Faults,
):
    head = kept()
    ours = after(head, "dispatch", office=STATION, staff=CREW)
    faults.heal()
    faults.at(1, KILLED_AFTER)
    with pytest.raises(Killed):
        orders.commit(ours)
    faults.heal()
    orders.commit(after(orders.get(head.order.order_id), "note", note="x"))

    (told,) = orders.commit(ours)

    assert told.order == ours.advanced.order
    assert orders.get(head.order.order_id).order.version == 3


def test_a_key_finds_its_move_after_a_crash_though_the_clock_moved_on(faults: Faults):
    head = kept()
    faults.heal()
    faults.at(1, KILLED_AFTER)
    with pytest.raises(Killed):
        orders.commit(after(head, "dispatch", office=STATION, key="k"))
    faults.heal()

    later = after(head, "dispatch", office=STATION, key="k", at=NOON + timedelta(minutes=9))
    (told,) = orders.commit(later)

    assert told.order.version == 2
    assert told.order != later.advanced.order
    assert len(list(ledger.links(head.order.order_id))) == 2


@pytest.mark.parametrize("name", ["open", "commit", "merge"])
def test_a_conflict_with_another_transaction_is_tried_again_until_it_passes(
    faults: Faults, name: str
):
    operation = OPERATIONS[name]
    ready = operation.prepare()
    faults.heal()
    faults.between(1, TRIES - 1, CONFLICT)

    operation.do(ready)

    assert faults.operations == ["TransactWriteItems"] * TRIES
    faults.heal()
    assert operation.is_done(ready)


@pytest.mark.parametrize("name", ["open", "commit", "merge"])
def test_a_conflict_that_does_not_pass_is_busy_after_a_bounded_number_of_tries(
    faults: Faults, name: str
):
    operation = OPERATIONS[name]
    ready = operation.prepare()
    faults.heal()
    faults.always(CONFLICT)

    with pytest.raises(Busy):
        operation.do(ready)

    assert faults.sent == TRIES
    faults.heal()
    assert not operation.is_done(ready)


@every_operation
def test_a_store_that_cannot_answer_now_is_asked_again(faults: Faults, name: str):
    operation = OPERATIONS[name]
    ready = operation.prepare()
    faults.heal()
    faults.at(1, BROKEN)

    operation.do(ready)

    faults.heal()
    assert operation.is_done(ready)


@pytest.mark.parametrize("fault", [THROTTLED, BROKEN], ids=["throttled", "broken"])
def test_a_store_that_never_can_is_busy_and_nothing_was_done(faults: Faults, fault: Fault):
    change = _dispatch()
    faults.heal()
    faults.on("TransactWriteItems", fault)

    with pytest.raises(Busy):
        orders.commit(change)

    faults.heal()
    assert not _moved(change)


def test_an_answer_that_is_none_of_these_is_a_bug_and_says_so(faults: Faults):
    faults.always(answers(400, "ValidationException", message="no such attribute"))

    with pytest.raises(PynamoDBException, match="Failed"):
        orders.commit(after(orders.Head(a_fault().order, intake=INTAKE), "note", note="x"))
    with pytest.raises(PynamoDBException, match="Failed"):
        orders.get(an_order_id())


READS: dict[str, Callable[[], Any]] = {
    "get": lambda: orders.get(an_order_id()),
    "get_many": lambda: orders.get_many([an_order_id()]),
    "queue": lambda: orders.queue(COUNTY, limit=5),
    "due": lambda: orders.due(COUNTY, before=IN_FIVE, limit=5),
    "find": lambda: ledger.find(an_order_id(), 1),
    "links": lambda: list(ledger.links(an_order_id())),
    "contact": lambda: personal.contact(PARTY, an_order_id()),
    "orders_of": lambda: personal.orders_of(PARTY),
    "words": lambda: personal.words(an_order_id(), party=PARTY),
    "list_files": lambda: personal.list_files(an_order_id()),
}


@pytest.mark.parametrize("name", READS)
def test_reading_from_a_store_that_cannot_be_reached_is_busy_never_empty(faults: Faults, name: str):
    kept()
    faults.always(NOT_SENT)

    with pytest.raises(Busy):
        READS[name]()


def test_what_a_batch_put_off_is_asked_for_again_and_at_last_it_is_busy(
    store: House, faults: Faults
):
    heads = [kept(a_fault(number=number)) for number in (1, 2)]
    ids = [head.order.order_id for head in heads]
    keys = [{"order_id": {"S": order_id}} for order_id in ids]
    put_off = answers(
        200,
        "",
        Responses={},
        UnprocessedKeys={store.table_name("orders"): {"Keys": keys, "ConsistentRead": True}},
    )
    faults.heal()
    faults.between(1, TRIES - 1, put_off)
    assert orders.get_many(ids) == heads

    faults.always(put_off)
    with pytest.raises(Busy):
        orders.get_many(ids)


def test_a_hundred_crashes_in_a_row_leave_one_whole_chain(faults: Faults):
    head = kept()
    for number in range(100):
        change = after(head, "note", note=f"第{number}次")
        faults.heal()
        faults.at(1, KILLED_AFTER if number % 2 else KILLED_BEFORE)
        with pytest.raises(Killed):
            orders.commit(change)
        faults.heal()
        head = orders.get(head.order.order_id)

    assert head.order.version == 51
    assert verify(head.order.order_id, ledger.links(head.order.order_id)) == head.order


def _do_or_find_done(operation: Operation, ready: Any) -> None:
    """Do it; who was killed after it was done may be told that it is."""
    try:
        operation.do(ready)
    except (Stale, Refused):
        assert operation.is_done(ready)


def _last_call(name: str) -> int:
    """Which call does it: `append` reads the tip first, `erase` the keys and goes row by row."""
    return {"append": 2, "erase": 2}.get(name, 1)
