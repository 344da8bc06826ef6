"""Orders: a head, the event that made it and what was said, all in one conditional transaction.

The head's version is the lock. Whoever commits on a version that is no longer there is told who was
first (Stale). An answer that got lost is read back from the ledger: the event at our place either
has our hash, then we were the ones, or it has not.
"""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from pynamodb.connection import TableConnection
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.domain.order import Event, Milestone, Order, canonical, milestone
from chalicelib.domain.procedure import Advanced
from chalicelib.domain.refusal import Busy, KeyReused, Stale, Unknown

from . import heads, ledger, personal
from .heads import Due, Key, Look
from .packing import MILESTONES, pack, unpack
from .personal import ContactItem, Words
from .rows import (
    TRIES,
    OrderRow,
    Unconfirmed,
    asking,
    back_off,
    house,
    write,
    writing,
)

STEPS_KEPT: Final = 104
"""Packed bytes of the milestones beside a head: some twelve, with which a row ends below 1 KB."""
HASH_BYTES: Final = 16
_PACKED: Final = struct.Struct(f">{HASH_BYTES}s{HASH_BYTES}sI")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NumberTaken(Exception):
    """Another intention has this number by chance: make the next one (`attempt` + 1)."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the orders table holds of one order.

    shown: erasable and outside fold and hash: what the queue prints, masked, and `party`, under
    which the contact lies (see `personal`). keys: of the last moves, oldest first. look: the
    look-back that is armed. intake: hashes of the key and of the body that opened it, with a dot
    between; empty on a head that was read from the index, which has no keys either: such a head may
    be looked at, and committed without a key. steps: the milestones of all its events; None where
    they are not at hand, because the story is longer than STEPS_KEPT or the head came from the
    index: then they are in the ledger.
    """

    order: Order
    shown: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    keys: tuple[Key, ...] = ()
    look: Look | None = None
    intake: str = ""
    steps: tuple[Milestone, ...] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One order's part of a commit. What is None stays as it is.

    key: is put among the head's last 8. words: what was said at this step. look: arms this
    look-back in place of the one before. contact: the contact as it now is, under its new party;
    dropped: the (party, order id) under which it was, if that was another. All in one transaction.
    """

    head: Head
    advanced: Advanced
    key: Key | None = None
    words: Words | None = None
    shown: Mapping[str, Any] | None = None
    look: Look | None = None
    contact: ContactItem | None = None
    dropped: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the queue. after: where the next one starts; None at the end."""

    heads: tuple[Head, ...]
    after: str | None


# Opening ----------------------------------------------------------------------------------------


def open_(
    advanced: Advanced,
    *,
    shown: Mapping[str, Any],
    contact: ContactItem | None,
    intake: str,
    look: Look | None = None,
) -> tuple[Head, bool]:
    """Keep a new order: head, first event and contact in one transaction.

    intake: hash of caller and key, a dot, hash of the body; in hex, HASH_BYTES each.

    Returns the head and whether this call made it. A repeated call returns what the first one kept,
    which may have moved on since. Raises KeyReused when the key came with another body, NumberTaken
    when another intention has the number, Busy.
    """
    steps = _kept_steps((), advanced.event)
    head = Head(advanced.order, dict(shown), (), look, intake, steps)

    def fill(transaction: TransactWrite) -> None:
        transaction.save(_row(head), OrderRow.order_id.does_not_exist())
        ledger.put(transaction, advanced.event)
        if contact is not None:
            personal.put_contact(transaction, contact, at=head.order.recorded_at)

    try:
        write(fill)
    except Unconfirmed as doubt:
        try:
            stored = get(head.order.order_id)
        except Unknown:
            raise Busy(of="store") from doubt
        _check_intake(stored.intake, intake)
        return stored, stored.order.tip == head.order.tip
    return head, True


def _check_intake(stored: str, given: str) -> None:
    if stored == given:
        return
    if stored.partition(".")[0] == given.partition(".")[0]:
        raise KeyReused
    raise NumberTaken


# Moving -----------------------------------------------------------------------------------------


def commit(*changes: Change) -> tuple[Head, ...]:
    """Keep what one or several steps made, all or nothing, and return the new heads.

    Raises Stale with who was first; KeyReused; Unknown; Busy. A key that has already moved the
    first order with the same body changes nothing: the heads are returned as they now are, so two
    requests with one key make one move and both are answered.
    """
    changes = tuple(_checked(change) for change in changes)
    for attempt in range(TRIES):
        after = tuple(map(_moved, changes))
        try:
            write(lambda transaction: _fill(transaction, changes, after))  # noqa: B023 - called now
        except Unconfirmed as doubt:
            made = [(change.advanced.event,) for change in changes]
            settled = heads.settle(doubt, after, made, key=changes[0].key, again=get)
            if settled is not None:
                return settled
            changes = tuple(_with_stored_look(change) for change in changes)
        else:
            return after
        back_off(attempt)
    raise Busy(of="store")


def _checked(change: Change) -> Change:
    """A look-back that is armed already is no change: it may be settled while we write."""
    if change.key is not None and not change.head.intake:
        raise ValueError("a head read from the index has no keys: get it first")
    if not change.head.intake and milestone(change.advanced.event) is not None:
        change = _with_stored_steps(change)
    return replace(change, look=None) if change.look == change.head.look else change


def _moved(change: Change) -> Head:
    head = change.head
    return replace(
        head,
        order=change.advanced.order,
        shown=head.shown if change.shown is None else dict(change.shown),
        keys=heads.with_key(head.keys, change.key),
        look=change.look or head.look,
        steps=_kept_steps(head.steps, change.advanced.event),
    )


def _fill(transaction: TransactWrite, changes: Sequence[Change], after: Sequence[Head]) -> None:
    for change, head in zip(changes, after, strict=True):
        order_id = head.order.order_id
        transaction.update(
            OrderRow(order_id=order_id), _actions(change, head), _unchanged(change.head)
        )
        ledger.put(transaction, change.advanced.event)
        if change.words is not None:
            personal.put_words(transaction, change.words, at=change.advanced.event.recorded_at)
        if change.contact is not None:
            personal.put_contact(transaction, change.contact, at=head.order.recorded_at)
        if change.dropped is not None:
            personal.drop_contact(transaction, *change.dropped)


def _actions(change: Change, head: Head) -> list[Action]:
    """Return what a move sets: only what changed, so that what the index lacks is never lost."""
    actions: list[Action] = [
        OrderRow.head.set(_folded(head.order)),
        OrderRow.version.set(head.order.version),
        OrderRow.county.set(head.order.county),
        _armed(head),
    ]
    if change.key is not None:
        actions.append(OrderRow.keys.set(_pack(head.keys)))
    if change.shown is not None:
        actions.append(OrderRow.shown.set(canonical(dict(head.shown))))
    if change.look is not None:
        actions.append(OrderRow.look.set(heads.look_text(change.look)))
    if change.head.steps != head.steps:
        packed = _pack_steps(head.steps)
        actions.append(OrderRow.steps.set(packed) if packed else OrderRow.steps.remove())
    return actions


def _unchanged(head: Head) -> Condition:
    """The version is as it was read, and so is the look-back, on which due_key depends."""
    look: Condition = OrderRow.look.does_not_exist()
    if head.look is not None:
        look = OrderRow.look == heads.look_text(head.look)
    unchanged: Condition = look & (OrderRow.version == head.order.version)
    return unchanged


def _with_stored_steps(change: Change) -> Change:
    """Take the milestones that the index lacks; of an order that moved meanwhile we are Stale."""
    stored = get(change.head.order.order_id)
    if stored.order.version != change.head.order.version:
        return change
    return replace(change, head=replace(change.head, steps=stored.steps))


def _with_stored_look(change: Change) -> Change:
    """Take over a look-back that was settled or armed meanwhile; the version did not move."""
    stored = get(change.head.order.order_id)
    return replace(change, head=replace(change.head, look=stored.look))


# Reading ----------------------------------------------------------------------------------------


def get(order_id: str, *, consistent: bool = True) -> Head:
    """Return the head of an order. Raises Unknown, Busy."""
    with asking():
        raw = _table().get_item(order_id, consistent_read=consistent)
    if "Item" not in raw:
        raise Unknown(order_id=order_id)
    return _head(raw["Item"])


def get_many(order_ids: Iterable[str]) -> list[Head]:
    """Return the heads of several orders, in the order asked; those unknown are left out."""
    return heads.get_many(order_ids, read=_head)


def queue(
    county: str, *, limit: int, after: str | None = None, before: datetime | None = None
) -> Page:
    """Return a page of what is armed in a county, soonest first: one call, nothing filtered.

    after: as the page before gave it. before: only what is due by then (inclusive), which is how a
    sweep gets the heads it may have to move. Eventually consistent. Raises Busy.
    """
    page = heads.armed_rows(county, limit=limit, after=after, before=before)
    last = page.get("LastEvaluatedKey")
    return Page(tuple(map(_head, page["Items"])), str(last["due_key"]["S"]) if last else None)


def due(county: str, *, before: datetime, limit: int, after: Due | None = None) -> list[Due]:
    """Return up to `limit` orders that are due by `before`, oldest first: one call.

    Reads no more than is due. after: the last one of the page before, for what stays due although
    it was tried. Raises Busy.
    """
    start = None if after is None else heads.due_key(after.due_at, after.order_id)
    page = heads.armed_rows(
        county, limit=limit, after=start, before=before, attributes=["order_id", "due_key"]
    )
    return list(map(heads.read_due, page["Items"]))


def due_heads(
    county: str, *, before: datetime, limit: int, after: Due | None = None
) -> list[tuple[Due, Head | None]]:
    """Return up to `limit` orders that are due by `before` with their heads: one call for both.

    The head is None where the row means nothing any more: somebody must see to it, and its
    neighbours need not wait. Eventually consistent: a head that was moved meanwhile is told as
    Stale when it is committed. Raises Busy.
    """
    return heads.due(county, read=_head, before=before, limit=limit, after=after)


# What is armed ----------------------------------------------------------------------------------


def set_look(head: Head, look: Look | None) -> Head:
    """Arm the look-back anew, or settle it, and return the head. No event: nothing happened.

    Raises Stale when the order or its look-back changed meanwhile, and Busy.
    """
    after = replace(head, look=look)
    armed = OrderRow.look.remove() if look is None else OrderRow.look.set(heads.look_text(look))
    try:
        with writing():
            OrderRow(order_id=head.order.order_id).update([armed, _armed(after)], _unchanged(head))
    except Unconfirmed as doubt:
        stored = get(head.order.order_id)
        if stored.order.version == head.order.version and stored.look == look:
            return after
        if not doubt.refused:
            raise Busy(of="store") from doubt
        raise Stale(version=stored.order.version) from doubt
    return after


def _armed(head: Head) -> Action:
    at = _due_at(head)
    if at is None:
        return OrderRow.due_key.remove()
    return OrderRow.due_key.set(heads.due_key(at, head.order.order_id))


def _due_at(head: Head) -> datetime | None:
    return heads.due_at(head.order.next_due_at, head.look)


# Between heads and rows -------------------------------------------------------------------------


def _row(head: Head) -> OrderRow:
    at = _due_at(head)
    return OrderRow(
        order_id=head.order.order_id,
        county=head.order.county,
        due_key=None if at is None else heads.due_key(at, head.order.order_id),
        head=_folded(head.order),
        shown=canonical(dict(head.shown)),
        version=head.order.version,
        keys=_pack(head.keys) or None,
        look=None if head.look is None else heads.look_text(head.look),
        intake=_pack_intake(head.intake),
        steps=_pack_steps(head.steps),
    )


def _head(raw: Mapping[str, Any]) -> Head:
    """Read an item as it came: by way of a model, a page of twenty would cost a third more."""
    return Head(
        order=Order.from_json(json.loads(unpack(raw["head"]["B"]))),
        shown=MappingProxyType(json.loads(raw["shown"]["S"])),
        keys=_unpack(raw["keys"]["B"]) if "keys" in raw else (),
        look=heads.read_look(raw["look"]["S"]) if "look" in raw else None,
        intake=_unpack_intake(raw["intake"]["B"]) if "intake" in raw else "",
        steps=steps_of(raw),
    )


def steps_of(raw: Mapping[str, Any]) -> tuple[Milestone, ...] | None:
    """Return the milestones of a row as it came, None where none are kept. Raises ValueError."""
    return _unpack_steps(raw["steps"]["B"]) if "steps" in raw else None


def _folded(order: Order) -> bytes:
    return pack(canonical(order.to_json()))


def _pack(keys: Iterable[Key]) -> bytes:
    return b"".join(_PACKED.pack(_hash(kept.key), _hash(kept.body), kept.seq) for kept in keys)


def _unpack(raw: bytes) -> tuple[Key, ...]:
    return tuple(Key(key.hex(), body.hex(), seq) for key, body, seq in _PACKED.iter_unpack(raw))


def _kept_steps(steps: tuple[Milestone, ...] | None, event: Event) -> tuple[Milestone, ...] | None:
    """Return the milestones with an event's own; None when they no longer fit beside the head."""
    step = milestone(event)
    if steps is None or step is None:
        return steps
    steps = (*steps, step)
    return steps if len(_pack_steps(steps) or b"") <= STEPS_KEPT else None


def _pack_steps(steps: tuple[Milestone, ...] | None) -> bytes | None:
    """Write milestones by column: names, seconds since the one before, offices where they change.

    Column by column, the usual life of an order is one word of the dictionary.
    """
    if steps is None:
        return None
    pairs = list(zip((None, *steps), steps, strict=False))
    columns: list[Any] = [
        [step.name for step in steps],
        [int((step.at - (last.at if last else _EPOCH)).total_seconds()) for last, step in pairs],
        [None if last and last.office == step.office else step.office for last, step in pairs],
    ]
    rest = {
        str(place): [step.reason, step.kind, *(["late"] if step.late else [])]
        for place, step in enumerate(steps)
        if step.reason or step.kind or step.late
    }
    return pack(canonical([*columns, rest] if rest else columns), MILESTONES)


def _unpack_steps(raw: bytes) -> tuple[Milestone, ...]:
    names, seconds, offices, *rest = json.loads(unpack(raw))
    at, office = _EPOCH, ""
    steps = []
    for place, name in enumerate(names):
        at += timedelta(seconds=seconds[place])
        office = office if offices[place] is None else offices[place]
        reason, kind, *late = (rest[0] if rest else {}).get(str(place), ("", ""))
        steps.append(Milestone(name, at, office, reason, kind, bool(late)))
    return tuple(steps)


def _pack_intake(intake: str) -> bytes:
    key, _, body = intake.partition(".")
    return _hash(key) + _hash(body)


def _unpack_intake(raw: bytes) -> str:
    return f"{raw[:HASH_BYTES].hex()}.{raw[HASH_BYTES:].hex()}"


def _hash(digits: str) -> bytes:
    raw = bytes.fromhex(digits)
    if len(raw) != HASH_BYTES:
        raise ValueError(f"{len(raw)} bytes of a hash, not {HASH_BYTES}")
    return raw


def _table() -> TableConnection:
    return house().table(OrderRow)
