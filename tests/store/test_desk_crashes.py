"""Killed or cut off at any call, the desk's tables hold all of a step or nothing. And the bill."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, Self

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.domain.refusal import Busy, Unknown
from chalicelib.domain.staff import Role, Staff
from chalicelib.store import customers, daybook, deliveries, ledger, registry
from chalicelib.store.customers import Difference, Household
from chalicelib.store.deliveries import Digest, Status
from chalicelib.store.registry import Member, Setting
from chalicelib.store.rows import ATTEMPTS, TRIES, House
from infra.bench.meter import Meter
from tests.builders import COUNTY, NOON, an_actor, an_order_id
from tests.store.faults import (
    KILLED_AFTER,
    KILLED_BEFORE,
    LOST_REPLY,
    NOT_SENT,
    Fault,
    Faults,
    Killed,
)

ADMIN = an_actor("admin")
ORDER = an_order_id()
TEXT = "1.text.accepted"
LEASE = timedelta(minutes=2)
TODAY = date(2026, 3, 10)
ENTROPY = bytes(range(24))
LINE = f"2026-03-10T04:00:00.000Z#{ORDER}#{TEXT}"


@pytest.fixture
def faults(store: House) -> Iterator[Faults]:
    with Faults(store.connection.client) as between:
        yield between


@pytest.fixture
def meter(store: House) -> Iterator[Meter]:
    with Meter(store.connection.client) as counting:
        yield counting


@dataclass(frozen=True)
class Operation:
    """Something that a module does: how to prepare it, do it, and tell whether it was done.

    is_done also asserts that nothing is half done. write: the call that writes, and `number` its
    place, the last one's if there are several.
    """

    do: Callable[[], Any]
    is_done: Callable[[], bool]
    write: str
    number: int = 1
    prepare: Callable[[], Any] = lambda: None


def notice(text: str) -> Setting:
    return Setting("notice", text)


def saved() -> bool:
    """Return whether version 2 is there: the record and its event, or neither."""
    chain = [event.changes for event in ledger.read("registry/setting/notice")]
    found = registry.snapshot(at=NOON + timedelta(days=len(chain))).versions["setting", "notice"]
    assert found == len(chain)
    return found == 2


def key_made() -> bool:
    found = registry.find_key("lk_" + ENTROPY.hex())
    events = list(ledger.links(f"registry/key/{found.key_id}")) if found else []
    assert len(events) == (1 if found else 0)
    return found is not None


def a_household(number: int, area: str = "TA-1") -> Household:
    return Household(account_no=f"13{number:08}", transformer_id=area)


def put(*households: Household) -> None:
    customers.put_households(customers.compare_households(COUNTY, households))


HOUSEHOLDS = [a_household(number) for number in range(30)]
MOVED = [replace(each, transformer_id="TA-2") for each in HOUSEHOLDS[:5]]


def imported() -> bool:
    there = customers.households_of("TA-1")
    assert all(customers.find_household(each.account_no) == each for each in there)
    return there == HOUSEHOLDS


def moved() -> bool:
    old, new = customers.households_of("TA-1"), customers.households_of("TA-2")
    assert sorted(each.account_no for each in (*old, *new)) == [
        each.account_no for each in HOUSEHOLDS[:5]
    ]
    for each in (*old, *new):
        assert customers.find_household(each.account_no) == each
    return new == MOVED


def called() -> bool:
    waits = bool(deliveries.calls(COUNTY, limit=9).items)
    try:
        deliveries.finish_call(COUNTY, LINE if not waits else "x", by="agent", at=NOON)
    except Unknown:
        assert waits
    return not waits


def staged() -> bool:
    try:
        found = registry.staged_import("imp-1", at=NOON)
    except Unknown:
        return False
    assert list(found.rows) == list(range(1000))
    return True


OPERATIONS = {
    "save": Operation(
        prepare=lambda: registry.save(notice("甲"), version=0, by=ADMIN, at=NOON),
        do=lambda: registry.save(notice("乙"), version=1, by=ADMIN, at=NOON),
        is_done=saved,
        write="TransactWriteItems",
        number=2,
    ),
    "new_key": Operation(
        do=lambda: registry.new_key(
            name="12345", office_id=COUNTY, scopes=[], entropy=ENTROPY, by=ADMIN, at=NOON
        ),
        is_done=key_made,
        write="TransactWriteItems",
        number=2,
    ),
    "stage_import": Operation(
        do=lambda: registry.stage_import(
            "imp-1", range(1000), about={}, at=NOON, keep=timedelta(days=1)
        ),
        is_done=staged,
        write="BatchWriteItem",
        number=2,
    ),
    "put_households": Operation(
        do=lambda: put(*HOUSEHOLDS), is_done=imported, write="BatchWriteItem", number=7
    ),
    "move_households": Operation(
        prepare=lambda: put(*HOUSEHOLDS[:5]),
        do=lambda: put(*MOVED),
        is_done=moved,
        write="TransactWriteItems",
        number=5,
    ),
    "settle": Operation(
        prepare=lambda: deliveries.claim(ORDER, TEXT, by="one", at=NOON, lease=LEASE),
        do=lambda: deliveries.settle(ORDER, TEXT, Status.SENT, at=NOON),
        is_done=lambda: deliveries.get(ORDER, TEXT).status is Status.SENT,
        write="UpdateItem",
    ),
    "put_code": Operation(
        do=lambda: deliveries.put_code("7Q2F9CXHJM", ORDER, at=NOON, expires=NOON + LEASE),
        is_done=lambda: (
            not deliveries.put_code("7Q2F9CXHJM", "other", at=NOON, expires=NOON)
            if _code_is_known()
            else False
        ),
        write="PutItem",
    ),
    "add_call": Operation(
        do=lambda: deliveries.add_call(COUNTY, ORDER, TEXT, since=NOON, reason="refused"),
        is_done=lambda: len(deliveries.calls(COUNTY, limit=9).items) == 1,
        write="TransactWriteItems",
    ),
    "finish_call": Operation(
        prepare=lambda: deliveries.add_call(COUNTY, ORDER, TEXT, since=NOON, reason="refused"),
        do=lambda: deliveries.finish_call(COUNTY, LINE, by="agent", at=NOON),
        is_done=called,
        write="TransactWriteItems",
        number=2,
    ),
    "stage_digests": Operation(
        do=lambda: deliveries.stage_digests("b1", [Digest(ORDER, 1, "a" * 64)], at=NOON),
        is_done=lambda: deliveries.staged_digests(NOON) == [Digest(ORDER, 1, "a" * 64)],
        write="PutItem",
    ),
    "put_day": Operation(
        do=lambda: daybook.put(COUNTY, TODAY, ORDER, {"kind": "fault"}, version=1),
        is_done=lambda: len(daybook.lines(COUNTY, TODAY, TODAY, limit=9).items) == 1,
        write="PutItem",
    ),
}
every_operation = pytest.mark.parametrize("name", OPERATIONS)


def _code_is_known() -> bool:
    try:
        return deliveries.order_of("7Q2F9CXHJM", at=NOON) == ORDER
    except Unknown:
        return False


def cut(faults: Faults, operation: Operation, number: int, fault: Fault) -> bool:
    """Do it with one fault; return whether the operation came so far as to meet it."""
    faults.heal()
    faults.at(number, fault)
    try:
        operation.do()
    except Killed:
        return True
    else:
        return faults.sent >= number
    finally:
        faults.heal()


@every_operation
def test_killed_at_any_call_doing_it_again_ends_where_doing_it_once_does(faults: Faults, name: str):
    operation = OPERATIONS[name]
    operation.prepare()
    number = 1
    while cut(faults, operation, number, KILLED_BEFORE):
        operation.is_done()
        cut(faults, operation, number, KILLED_AFTER)
        operation.is_done()
        number += 1

    operation.do()
    assert operation.is_done()


@every_operation
def test_a_reply_that_got_lost_is_told_as_the_success_that_it_was(faults: Faults, name: str):
    operation = OPERATIONS[name]
    operation.prepare()
    faults.heal()
    faults.at(operation.number, LOST_REPLY)

    told = operation.do()

    assert faults.operations[operation.number - 1] == operation.write
    assert faults.operations[operation.number] == operation.write, "botocore asked again"
    faults.heal()
    assert told is not False
    assert operation.is_done()


@every_operation
def test_a_store_that_takes_no_writes_is_busy_and_nothing_was_done(faults: Faults, name: str):
    operation = OPERATIONS[name]
    operation.prepare()
    faults.on(operation.write, NOT_SENT)

    with pytest.raises(Busy):
        operation.do()

    faults.heal()
    assert not operation.is_done()


@every_operation
def test_a_store_that_cannot_be_reached_is_busy(faults: Faults, name: str):
    operation = OPERATIONS[name]
    operation.prepare()
    faults.always(NOT_SENT)

    with pytest.raises(Busy):
        operation.do()


@pytest.mark.parametrize("name", ["save", "new_key", "settle", "finish_call"])
def test_a_write_whose_replies_all_got_lost_is_read_back_and_told_as_success(
    faults: Faults, name: str
):
    operation = OPERATIONS[name]
    operation.prepare()
    faults.heal()
    faults.on(operation.write, LOST_REPLY)

    told = operation.do()

    assert faults.operations.count(operation.write) == ATTEMPTS
    faults.heal()
    assert told is not False
    assert operation.is_done()


def test_a_change_that_was_made_and_changed_again_meanwhile_is_still_our_success(faults: Faults):
    registry.save(notice("甲"), version=0, by=ADMIN, at=NOON)
    other = an_actor("admin", "admin-other")

    def lose_and_be_overtaken(request: Any, send: Any) -> None:
        faults.heal()
        send(request)
        registry.save(notice("丙"), version=2, by=other, at=NOON)
        raise ReadTimeoutError(endpoint_url=request.url)

    faults.heal()
    faults.on("TransactWriteItems", lose_and_be_overtaken)

    assert registry.save(notice("乙"), version=1, by=ADMIN, at=NOON).version == 2
    assert registry.snapshot(at=NOON).settings == {"notice": "丙"}


def test_a_claim_whose_reply_got_lost_is_still_ours_and_nobody_elses(faults: Faults):
    faults.at(1, LOST_REPLY)
    assert deliveries.claim(ORDER, TEXT, by="one", at=NOON, lease=LEASE) == 1
    assert faults.sent > 1

    faults.heal()
    faults.on("UpdateItem", LOST_REPLY)
    assert deliveries.claim(ORDER, "other", by="one", at=NOON, lease=LEASE) == 1

    faults.heal()
    assert deliveries.claim(ORDER, TEXT, by="two", at=NOON, lease=LEASE) == 0
    assert deliveries.claim(ORDER, "other", by="one", at=NOON, lease=LEASE) == 0


def test_a_worker_killed_while_it_claims_is_followed_when_its_lease_is_over(faults: Faults):
    faults.at(1, KILLED_AFTER)
    with pytest.raises(Killed):
        deliveries.claim(ORDER, TEXT, by="dead", at=NOON, lease=LEASE)
    faults.heal()

    assert deliveries.claim(ORDER, TEXT, by="next", at=NOON, lease=LEASE) == 0
    assert deliveries.claim(ORDER, TEXT, by="next", at=NOON + LEASE, lease=LEASE) == 2


UNSURE = {
    "claim": lambda: deliveries.claim(ORDER, TEXT, by="one", at=NOON, lease=LEASE),
    "release": lambda: deliveries.release(ORDER, TEXT, tries=1, at=NOON),
    "hit": lambda: registry.hit("ip/203.0.113.9", limit=3, window=LEASE, at=NOON),
    "count": lambda: registry.count("track#1", window=LEASE, at=NOON),
    "check_counter": lambda: registry.check_counter("track#1", limit=3, at=NOON),
    "find_key": lambda: registry.find_key("lk_x"),
    "order_of": lambda: deliveries.order_of("7Q2F9CXHJM", at=NOON),
    "calls": lambda: deliveries.calls(COUNTY, limit=9),
    "discard_import": lambda: registry.discard_import("imp-1"),
    "places": lambda: customers.places(COUNTY, at=NOON),
}


def test_whatever_else_is_asked_of_a_store_that_cannot_be_reached_is_busy_too(faults: Faults):
    faults.always(NOT_SENT)

    for ask in UNSURE.values():
        with pytest.raises(Busy):
            ask()


def test_a_snapshot_that_could_not_be_read_is_read_by_the_next_who_asks(faults: Faults):
    faults.always(NOT_SENT)
    with pytest.raises(Busy):
        registry.snapshot(at=NOON)

    faults.heal()
    assert registry.snapshot(at=NOON).offices == {}


def test_a_household_that_moves_while_it_is_looked_for_is_found(faults: Faults):
    put(HOUSEHOLDS[0])
    faults.heal()

    def move_first(_request: Any, _send: Any) -> None:
        """Move it after its pointer was read and before its home is."""
        faults.heal()
        put(MOVED[0])

    faults.at(2, move_first)

    assert customers.find_household(HOUSEHOLDS[0].account_no) == MOVED[0]


class Throttled:
    """A store that, a number of times, does only the first of a batch and names the rest."""

    def __init__(self, client: Any, times: int) -> None:
        self.client = client
        self.left = times

    def __enter__(self) -> Self:
        for operation in ("BatchWriteItem", "BatchGetItem"):
            event = f"before-call.dynamodb.{operation}"
            self.client.meta.events.register(event, self._take_out, f"out-{operation}")
            event = f"after-call.dynamodb.{operation}"
            self.client.meta.events.register(event, self._name, f"name-{operation}")
        return self

    def __exit__(self, *_: object) -> None:
        for operation in ("BatchWriteItem", "BatchGetItem"):
            event = f"before-call.dynamodb.{operation}"
            self.client.meta.events.unregister(event, unique_id=f"out-{operation}")
            event = f"after-call.dynamodb.{operation}"
            self.client.meta.events.unregister(event, unique_id=f"name-{operation}")

    def _take_out(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        body = json.loads(params["body"])
        ((table, asked),) = body["RequestItems"].items()
        every = asked.get("Keys", asked) if isinstance(asked, dict) else asked
        if not self.left or len(every) < 2:
            return
        self.left -= 1
        some, rest = every[:1], every[1:]
        of = {**asked, "Keys": some} if "Keys" in asked else some
        context["rest"] = {table: {"Keys": rest} if "Keys" in asked else rest}
        params["body"] = json.dumps({**body, "RequestItems": {table: of}}).encode()

    def _name(self, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        if "rest" in context:
            name = "UnprocessedKeys" if "Responses" in parsed else "UnprocessedItems"
            parsed[name] = context["rest"]


def test_what_the_store_leaves_undone_of_a_batch_is_asked_for_again(store: House):
    with Throttled(store.connection.client, times=5) as throttled:
        put(*HOUSEHOLDS)
        assert throttled.left == 0
    assert imported()

    with Throttled(store.connection.client, times=2):
        put(*MOVED)
    assert customers.households_of("TA-2") == MOVED


def test_a_store_that_never_does_the_whole_of_a_batch_is_busy(store: House):
    with Throttled(store.connection.client, times=99) as throttled, pytest.raises(Busy):
        customers.put_households(Difference(added=tuple(HOUSEHOLDS)))
    assert throttled.left == 99 - TRIES

    with Throttled(store.connection.client, times=99), pytest.raises(Busy):
        registry.take_over([Setting(str(number), "") for number in range(9)], by=ADMIN, at=NOON)


def test_an_import_of_many_megabytes_is_read_page_by_page(meter: Meter):
    rows = [sha256(str(number).encode()).hexdigest() for number in range(40_000)]
    registry.stage_import("imp-2", rows, about={}, at=NOON, keep=LEASE)
    meter.reset()

    assert list(registry.staged_import("imp-2", at=NOON).rows) == rows
    assert meter.calls > 1


# Cost


def test_s5_an_effect_costs_two_write_units_and_two_calls(meter: Meter):
    deliveries.claim(ORDER, TEXT, by="one", at=NOON, lease=LEASE)
    deliveries.settle(ORDER, TEXT, Status.SENT, at=NOON, gateway_id="gw-20260310-000001")

    assert (meter.calls, meter.wru, meter.rru) == (2, 2, 0)


def test_a_key_is_looked_up_in_one_read(meter: Meter):
    made = registry.new_key(
        name="12345", office_id=COUNTY, scopes=["intake"], entropy=ENTROPY, by=ADMIN, at=NOON
    )
    meter.reset()

    registry.find_key(made.secret)

    assert (meter.calls, meter.wru, meter.rru) == (1, 0, 1)


def test_a_county_with_its_staff_is_one_call_a_minute(meter: Meter):
    staff = [
        Member(Staff(f"staff-{number:03}", "李大山", Role.CREW, COUNTY, ())) for number in range(46)
    ]
    registry.take_over(staff, by=ADMIN, at=NOON)
    meter.reset()

    registry.snapshot(at=NOON)
    registry.snapshot(at=NOON + timedelta(seconds=59))

    assert (meter.calls, meter.wru) == (1, 0)
    assert meter.rru <= 4


def test_a_call_is_counted_with_one_write(meter: Meter):
    registry.hit("ip/203.0.113.9", limit=3, window=LEASE, at=NOON)

    assert (meter.calls, meter.wru, meter.rru) == (1, 1, 0)


def test_a_household_costs_two_write_units_once_and_none_the_next_time(meter: Meter):
    put(*HOUSEHOLDS)
    assert meter.wru == 2 * len(HOUSEHOLDS)

    meter.reset()
    put(*HOUSEHOLDS)
    assert meter.wru == 0


def test_an_order_enters_the_daybook_with_one_write(meter: Meter):
    daybook.put(COUNTY, TODAY, ORDER, {"kind": "fault", "channel": "web"}, version=1)

    assert (meter.calls, meter.wru) == (1, 1)
