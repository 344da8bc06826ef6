"""The ledger (台账): append-only, one chain an aggregate. This module makes every put into it.

IAM cannot demand a condition of a PutItem, so the condition lives here and nowhere else: `put` adds
a new row or nothing. Nothing in the house updates or deletes one.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from pynamodb.connection import TableConnection
from pynamodb.transactions import TransactWrite

from chalicelib.domain.order import GENESIS, Event, Link, is_order
from chalicelib.domain.refusal import Busy, Stale, Unknown

from .rows import LedgerRow, Unconfirmed, asking, back_off, house, writing

APPEND_TRIES: Final = 40
"""Many may write to one chain at once (an office's access record); each try is a read and a put."""


def put(transaction: TransactWrite, event: Event) -> None:
    """Add an event to a transaction, on condition that its place in the chain is free."""
    transaction.save(_row(event), LedgerRow.seq.does_not_exist())


def append(event: Event) -> Event:
    """Add an event to the end of a chain that is no order's, and return it with its place.

    `seq` and `prev` of what is given are ignored: they are read from the tip, again after each lost
    race. Raises Busy when the store does not answer or the race is lost APPEND_TRIES times.
    Of two callers who race with events equal to the millisecond, one is enough for both; and who is
    killed and calls again may be on record twice. For what must be there once, use a transaction.
    """
    for attempt in range(APPEND_TRIES):
        placed = at_tip(event)
        try:
            with writing():
                _row(placed).save(LedgerRow.seq.does_not_exist())
        except Unconfirmed as doubt:
            if is_written(placed):
                return placed
            if not doubt.refused:
                raise Busy(of="store") from doubt
        else:
            return placed
        back_off(min(attempt, 3))
    raise Busy(of="store")


def is_written(event: Event) -> bool:
    """Return whether the chain holds this very event at its place. Raises Busy."""
    found = find(event.aggregate, event.seq)
    return found is not None and found.hash == event.hash


def find(aggregate: str, seq: int) -> Link | None:
    """Return the row at a place of a chain, or None. Strongly consistent. Raises Busy."""
    with asking():
        raw = _table().get_item(chain(aggregate), range_key=str(seq), consistent_read=True)
    return _link(raw["Item"]) if "Item" in raw else None


def overtaken_by(winner: Event) -> Stale:
    """Return the refusal that says who was first: whoever caused this event."""
    return Stale(
        by=winner.actor.actor_id,
        role=winner.actor.role,
        move=winner.name,
        at=winner.recorded_at,
        version=winner.seq,
    )


def event(aggregate: str, seq: int) -> Event:
    """Return one event, such as `event(order_id, 3)`.

    Raises Unknown, Busy, and ValueError when the row is no event.
    """
    found = find(aggregate, seq)
    if found is None:
        raise Unknown(aggregate=aggregate, seq=seq)
    return Event.from_body(found.body, prev=found.prev)


def links(aggregate: str, *, after: int = 0, limit: int | None = None) -> Iterator[Link]:
    """Yield the rows of a chain in order, as they are: nothing about them is trusted. Raises Busy.

    Strongly consistent: what was acknowledged is here. Reads a page at a time.
    """
    start: dict[str, Any] | None = None
    left = limit
    while left is None or left > 0:
        with asking():
            page = _table().query(
                chain(aggregate),
                LedgerRow.seq > after,
                consistent_read=True,
                exclusive_start_key=start,
                limit=left,
            )
        for raw in page["Items"]:
            yield _link(raw)
        start = page.get("LastEvaluatedKey")
        left = None if left is None else left - len(page["Items"])
        if start is None:
            return


def read(aggregate: str, *, after: int = 0, limit: int | None = None) -> Iterator[Event]:
    """Yield the events of a chain in order. Raises ValueError at a row that is none, and Busy."""
    for row in links(aggregate, after=after, limit=limit):
        yield Event.from_body(row.body, prev=row.prev)


def at_tip(event: Event) -> Event:
    """Return an event with the place behind the tip of its chain. Raises Busy.

    For `put`: the place is free unless somebody else appends first.
    """
    with asking():
        page = _table().query(
            chain(event.aggregate), consistent_read=True, scan_index_forward=False, limit=1
        )
    if not page["Items"]:
        return replace(event, seq=1, prev=GENESIS)
    tip = _link(page["Items"][0])
    return replace(event, seq=tip.seq + 1, prev=tip.hash)


def chain(aggregate: str) -> str:
    """Return the key of a chain. An order's aggregate is its bare number; others have a kind."""
    return f"order/{aggregate}" if is_order(aggregate) else aggregate


def _row(event: Event) -> LedgerRow:
    return LedgerRow(
        aggregate=chain(event.aggregate),
        seq=event.seq,
        body=event.body(),
        hash=event.hash,
        prev=event.prev,
    )


def _link(raw: dict[str, Any]) -> Link:
    """Read a row that somebody may have tampered with: what is missing reads as empty."""
    return Link(
        seq=int(raw["seq"]["N"]),
        body=_text(raw, "body"),
        prev=_text(raw, "prev"),
        hash=_text(raw, "hash"),
    )


def _text(raw: dict[str, Any], name: str) -> str:
    return str(raw.get(name, {}).get("S", ""))


def _table() -> TableConnection:
    return house().table(LedgerRow)
