"""What the heads of all aggregates have in common: they are rows of one table, armed in one index.

A row is armed at the earlier of its next due instant and its look-back; its version is the lock,
and it keeps the keys of the last commands that people gave. An outage, an issue and a paper have
one layout (`row`, `read`): the state and the keys are packed JSON. An order's is in `orders`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from pynamodb.connection import TableConnection

from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.order import Event, canonical
from chalicelib.domain.refusal import Busy, KeyReused, Stale, Unknown

from . import ledger
from .packing import pack, unpack
from .rows import TRIES, OrderRow, Unconfirmed, asking, back_off, house, writing

KEYS_KEPT: Final = 8
BATCH: Final = 100
LOOK_BACK: Final = timedelta(minutes=5)
"""How long after an event its effects are looked for. [design] as limit effect.look_back"""


@dataclass(frozen=True, slots=True)
class Key:
    """An Idempotency-Key as the head keeps it.

    key: hash of caller and key; body: hash of what was asked; both in hex, HASH_BYTES long. seq:
    the version that it made.
    """

    key: str
    body: str
    seq: int


@dataclass(frozen=True, slots=True)
class Look:
    """A look-back: at `at`, see whether the effects of the events since `from_seq` are there."""

    from_seq: int
    at: datetime
    tries: int = 0


class Due(NamedTuple):
    """One armed row, such as an order, and the instant for which it is armed."""

    order_id: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """What is read of a row: the state as JSON, what lists show, the last keys, the look-back."""

    state: Mapping[str, Any]
    shown: Mapping[str, Any]
    keys: tuple[Key, ...]
    look: Look | None


class Head(Protocol):
    """What every head has."""

    @property
    def keys(self) -> tuple[Key, ...]:
        """Those of the last commands, oldest first."""


H = TypeVar("H")
Keyed = TypeVar("Keyed", bound=Head)


# Committing -------------------------------------------------------------------------------------


def with_key(keys: tuple[Key, ...], key: Key | None) -> tuple[Key, ...]:
    """Return the keys that a head keeps after a command with this one."""
    return keys if key is None else (*keys, key)[-KEYS_KEPT:]


def look_after(events: Iterable[Event], effects: Callable[[Event], Sequence[Any]]) -> Look | None:
    """Return the look-back that events arm: for the first of them that causes anything."""
    first = next((event for event in events if effects(event)), None)
    return Look(first.seq, first.recorded_at + LOOK_BACK) if first else None


def settle(
    doubt: Unconfirmed,
    heads: tuple[Keyed, ...],
    made: Sequence[Sequence[Event]],
    *,
    key: Key | None,
    again: Callable[[str], Keyed],
) -> tuple[Keyed, ...] | None:
    """Find out what became of a commit: all or nothing, so one event of it tells.

    heads, made: what was to be kept, and the events of each. again: reads a head by its aggregate.
    Returns the heads, those that are kept now where the twin of our key was first, or None where
    nobody was: another condition was refused. Raises KeyReused, Stale(by, role, move, at, version),
    Busy.
    """
    for first, *rest in made:
        last = rest[-1] if rest else first
        found = ledger.find(last.aggregate, last.seq)
        if found is not None and found.hash == last.hash:
            return heads
        if rest:
            found = ledger.find(first.aggregate, first.seq)
        if found is None:
            continue
        if key is not None and is_replayed(again(made[0][0].aggregate).keys, key):
            return tuple(again(events[0].aggregate) for events in made)
        raise ledger.overtaken_by(Event.from_body(found.body, prev=found.prev))
    if not doubt.refused:
        raise Busy(of="store") from doubt
    return None


def is_replayed(keys: Iterable[Key], key: Key) -> bool:
    """Return whether a key is among those kept. Raises KeyReused for another body."""
    twin = next((kept for kept in keys if kept.key == key.key), None)
    if twin is not None and twin.body != key.body:
        raise KeyReused
    return twin is not None


# Reading ----------------------------------------------------------------------------------------


def get(chain: str, *, what: str) -> dict[str, Any]:
    """Return a row. Strongly consistent. Raises Unknown(what), Busy."""
    with asking():
        answer = _table().get_item(chain, consistent_read=True)
    if "Item" not in answer:
        raise Unknown(what=what)
    raw: dict[str, Any] = answer["Item"]
    return raw


def get_many(chains: Iterable[str], *, read: Callable[[Mapping[str, Any]], H]) -> list[H]:
    """Return several heads in the order asked; those unknown are left out. Raises Busy."""
    wanted = list(dict.fromkeys(chains))
    found = {raw["order_id"]["S"]: read(raw) for raw in rows_of(wanted)}
    return [found[chain] for chain in wanted if chain in found]


def rows_of(chains: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows that exist of this table, a hundred a call, in any order. Raises Busy."""
    for start in range(0, len(chains), BATCH):
        yield from _batch(chains[start : start + BATCH])


def _batch(chains: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of one batch; what the store put off is asked for again, a little later."""
    left: Any = [{"order_id": {"S": chain}} for chain in chains]
    for attempt in range(TRIES):
        with asking():
            answer = _table().batch_get_item(left, consistent_read=True)
        for items in answer["Responses"].values():
            yield from items
        put_off = answer.get("UnprocessedKeys")
        if not put_off:
            return
        ((_, asked),) = put_off.items()
        left = asked["Keys"]
        back_off(attempt)
    raise Busy(of="store")


def due(
    partition: str,
    *,
    read: Callable[[Mapping[str, Any]], H],
    before: datetime,
    limit: int,
    after: Due | None = None,
) -> list[tuple[Due, H | None]]:
    """Return up to `limit` heads that are due in a partition of the index, oldest first: one call.

    The head is None where the row means nothing any more: somebody must see to it, and its
    neighbours need not wait. Eventually consistent, and without keys. Raises Busy.
    """
    start = None if after is None else due_key(after.due_at, after.order_id)
    page = armed_rows(partition, limit=limit, after=start, before=before)
    return [(read_due(raw), _readable(raw, read)) for raw in page["Items"]]


def _readable(raw: dict[str, Any], read: Callable[[Mapping[str, Any]], H]) -> H | None:
    try:
        return read(raw)
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def armed_rows(
    partition: str,
    *,
    limit: int,
    after: str | None,
    before: datetime | None,
    attributes: list[str] | None = None,
) -> dict[str, Any]:
    """Return a page of the index as it is kept. after: a `due_key`. Raises Busy."""
    start = None
    if after is not None:
        _, _, chain = after.partition("#")
        start = {"county": {"S": partition}, "due_key": {"S": after}, "order_id": {"S": chain}}
    with asking():
        return _table().query(
            partition,
            None if before is None else OrderRow.due_key <= f"{_stamp(before)}$",
            index_name="due",
            limit=limit,
            exclusive_start_key=start,
            attributes_to_get=attributes,
        )


# What is armed ----------------------------------------------------------------------------------


def set_look(
    chain: str, look: Look | None, *, next_due_at: datetime | None, version: int, what: str
) -> None:
    """Arm the look-back anew, or settle it. No event: nothing happened. Raises Stale, Busy."""
    armed = OrderRow.look.remove() if look is None else OrderRow.look.set(look_text(look))
    at = due_at(next_due_at, look)
    place = OrderRow.due_key.remove() if at is None else OrderRow.due_key.set(due_key(at, chain))
    try:
        with writing():
            OrderRow(order_id=chain).update([armed, place], OrderRow.version == version)
    except Unconfirmed as doubt:
        if not doubt.refused:
            raise Busy(of="store") from doubt
        raise Stale(what=what) from doubt


def park(chain: str, *, was: datetime, until: datetime) -> None:
    """Put a head that could not be advanced behind its neighbours until `until`.

    was: the instant for which it was armed (see `due`); one that moved meanwhile stays as it is.
    Any later commit arms it properly again. Raises Busy.
    """
    try:
        with writing():
            OrderRow(order_id=chain).update(
                [OrderRow.due_key.set(due_key(until, chain))],
                OrderRow.due_key == due_key(was, chain),
            )
    except Unconfirmed as doubt:
        if not doubt.refused:
            raise Busy(of="store") from doubt


def erase_shown(chain: str) -> None:
    """Forget what the head shows of a person. Safe to repeat. Raises Unknown, Busy."""
    try:
        with writing():
            OrderRow(order_id=chain).update([OrderRow.shown.set("{}")], OrderRow.order_id.exists())
    except Unconfirmed as doubt:
        if doubt.refused:
            raise Unknown(chain=chain) from doubt
        raise Busy(of="store") from doubt


def due_at(next_due_at: datetime | None, look: Look | None) -> datetime | None:
    """Return when something must happen: what is due, or the look-back; None if never."""
    instants = [next_due_at, look.at if look else None]
    return min((at for at in instants if at is not None), default=None)


def due_key(at: datetime, chain: str) -> str:
    """Return the sort key of the index: text order is time order."""
    return f"{_stamp(at)}#{chain}"


def read_due(raw: Mapping[str, Any]) -> Due:
    """Read of a row for what it is armed."""
    stamp, _, _ = raw["due_key"]["S"].partition("#")
    return Due(raw["order_id"]["S"], datetime.fromisoformat(stamp))


def _stamp(at: datetime) -> str:
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


# Rows -------------------------------------------------------------------------------------------


def row(kept: Kept, *, chain: str, armed: str, version: int, due: datetime | None) -> OrderRow:
    """Return the row of a head. chain: its key; armed: the index partition it is armed in."""
    keys = [[each.key, each.body, each.seq] for each in kept.keys]
    return OrderRow(
        order_id=chain,
        county=armed,
        due_key=None if due is None else due_key(due, chain),
        head=pack(canonical(dict(kept.state))),
        shown=canonical(dict(kept.shown)),
        version=version,
        keys=pack(canonical(keys)) if keys else None,
        look=None if kept.look is None else look_text(kept.look),
    )


def read(raw: Mapping[str, Any]) -> Kept:
    """Read a row back as the table gives it."""
    return Kept(
        state=json.loads(unpack(raw["head"]["B"])),
        shown=MappingProxyType(json.loads(raw["shown"]["S"])),
        keys=_keys(json.loads(unpack(raw["keys"]["B"]))) if "keys" in raw else (),
        look=read_look(raw["look"]["S"]) if "look" in raw else None,
    )


def _keys(kept: Iterable[Iterable[Any]]) -> tuple[Key, ...]:
    return tuple(Key(*each) for each in kept)


def look_text(look: Look) -> str:
    """Return a look-back as its row has it."""
    return canonical([look.from_seq, millis(look.at), look.tries])


def read_look(text: str) -> Look:
    """Read it back."""
    from_seq, at, tries = json.loads(text)
    return Look(from_seq, instant(at), tries)


def _table() -> TableConnection:
    return house().table(OrderRow)
