"""Outages: a head, the events that made it, and its line on the county's board, in one transaction.

    question                          table    key                                         calls
    open one; move one or several     orders   order_id = outage/<id> (version as read)    1 write
                                      ledger   aggregate = outage/<id>, seq (new)
                                      daybook  pk = <county>/outages/open, sk = id
    the board of a county             daybook  pk = <county>/outages, then heads           3 reads
    what was over in a month          daybook  pk = <county>/outages/<YYYY-MM>             1 a page
    what was over lately              the same, then the heads of those                    2-4 reads
    what is open, or was over lately  daybook  the lines of both, no heads                 2-3 reads
    one outage                        orders   order_id                                    1 read
    where it was made public          daybook  pk = outage/<id>/announcements              1 read
    keep that it was                  the same and ledger announcement/<id>, seq (new)     1 write
    what is due now                   orders   index due: county = outages, due_key        1 a page

Heads lie beside those of the orders and are armed in the same sparse index, all counties under one
partition: a sweep pays one query more for the whole deployment. Whoever changes what is dark reads
the board first and commits against its *gate*, a counter that every such commit raises: so of two
who claim one household at once, one has to look again, and it has at most one open interruption.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.domain.calendar import CHINA
from chalicelib.domain.clocks import millis
from chalicelib.domain.order import Actor, Event, canonical
from chalicelib.domain.outage import KINDS, OVER, Outage, aggregate, effects, outage_id_of
from chalicelib.domain.outage_moves import Made
from chalicelib.domain.refusal import BadInput, Busy, Stale

from . import heads, ledger, personal
from .desk_rows import DayRow, Page, compact, find, page, under
from .heads import Due, Key, Look
from .personal import Words
from .rows import OrderRow, Unconfirmed, back_off, write, writing

ARMED: Final = "outages"
"""The index partition of every outage."""
WAITING: Final = "weigh/"
"""Before the name of a map that waits among what is armed: `weigh/<county>/<map>`."""
_GATE: Final = "gate"
MOST_MONTHS: Final = 13
LARGEST_EVENT: Final = 390_000
"""Bytes: some 8,000 transformers. Source: DynamoDB's 400 KB an item"""


@dataclass(frozen=True, slots=True)
class Head:
    """What is kept of one outage.

    shown: erasable and outside fold and hash: names for the board, such as the area. keys: of the
    last commands that people gave, oldest first. look: the look-back that is armed, as an order's.
    """

    outage: Outage
    shown: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    keys: tuple[Key, ...] = ()
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """Every outage of a county that is not over, and the gate they were read behind."""

    county: str
    heads: tuple[Head, ...]
    gate: int

    @property
    def outages(self) -> tuple[Outage, ...]:
        """The outages alone."""
        return tuple(head.outage for head in self.heads)


@dataclass(frozen=True, slots=True)
class Change:
    """One outage's part of a commit. before: as it was read, None for a new one.

    shown, words, key: as with an order's Change; what is None stays as it is.
    """

    before: Head | None
    made: Made
    shown: Mapping[str, Any] | None = None
    words: Words | None = None
    key: Key | None = None


# Writing ----------------------------------------------------------------------------------------


def commit(*changes: Change, gate: Board | None = None) -> tuple[Head, ...]:
    """Keep what one or several commands made, all or nothing, and return the new heads.

    gate: the board as it was read, for whoever changes what is dark. Raises Stale when one of the
    outages, or the board, moved on meanwhile; KeyReused; Busy; BadInput naming `devices` for
    what is too much for one outage. A key that has already moved the first outage with the same
    body changes nothing: the heads are returned as they now are.
    """
    _check_size(changes)
    after = tuple(map(_moved, changes))

    def fill(transaction: TransactWrite) -> None:
        for change, head in zip(changes, after, strict=True):
            _fill(transaction, change, head)
        if gate is not None:
            _pass(transaction, gate)

    try:
        write(fill)
    except Unconfirmed as doubt:
        made = [change.made.events for change in changes]
        settled = heads.settle(doubt, after, made, key=changes[0].key, again=_get)
        if settled is None:
            raise Stale(what="board") from doubt
        return settled
    return after


def _check_size(changes: Iterable[Change]) -> None:
    """Raise BadInput for an event that is larger than an item of the ledger may be."""
    for change in changes:
        for event in change.made.events:
            if len(event.body().encode()) > LARGEST_EVENT:
                raise BadInput.of("devices", "reach.too_large")


def _moved(change: Change) -> Head:
    before = change.before or Head(change.made.outage)
    keys = heads.with_key(before.keys, change.key)
    shown = before.shown if change.shown is None else MappingProxyType(dict(change.shown))
    look = before.look or heads.look_after(change.made.events, effects)
    return Head(change.made.outage, shown, keys, look)


def _fill(transaction: TransactWrite, change: Change, head: Head) -> None:
    row = _row(head)
    if change.before is None:
        transaction.save(row, OrderRow.order_id.does_not_exist())
    else:
        transaction.save(row, OrderRow.version == change.before.outage.version)
    for event in change.made.events:
        ledger.put(transaction, event)
    if change.words is not None:
        personal.put_words(transaction, change.words, at=head.outage.moved_at or _at(head))
    line = _line(head)
    if change.before is None:
        transaction.save(line)
    elif _place(change.before) != _place(head):
        transaction.delete(_line(change.before))
        transaction.save(line)


def _place(head: Head) -> str:
    """Return where an outage stands: on the board, or in the month in which it was over."""
    return str(_line(head).pk)


def _at(head: Head) -> datetime:
    return head.outage.recorded_at


def _pass(transaction: TransactWrite, gate: Board) -> None:
    row = DayRow(_outages(gate.county), _GATE, row="", version=gate.gate + 1)
    unchanged = DayRow.version == gate.gate if gate.gate else DayRow.pk.does_not_exist()
    transaction.save(row, unchanged)


ANNOUNCEMENT_TRIES: Final = 6


def put_announcement(
    outage_id: str, announcement_id: str, row: Mapping[str, Any], *, by: Actor, at: datetime
) -> None:
    """Keep where an outage was made public, in place of what has this id.

    What it said goes as a digest on the chain `announcement/<outage>`, in the same transaction, so
    that a proof which was changed later shows. Raises Busy.
    """
    kept = DayRow(_announced(outage_id), announcement_id, row=compact(dict(row)), version=0)
    event = Event(
        aggregate=f"announcement/{outage_id}",
        seq=0,
        name="announcement.kept",
        occurred_at=at,
        recorded_at=at,
        actor=by,
        changes={},
        data={"id": announcement_id, "digest": digest_of(row)},
    )

    def fill(transaction: TransactWrite) -> None:
        transaction.save(kept)
        ledger.put(transaction, placed)

    for attempt in range(ANNOUNCEMENT_TRIES):
        placed = ledger.at_tip(event)
        try:
            write(fill)
        except Unconfirmed as doubt:
            if ledger.is_written(placed):
                return
            if not doubt.refused:
                raise Busy(of="store") from doubt
        else:
            return
        back_off(attempt)
    raise Busy(of="store")


def digest_of(row: Mapping[str, Any]) -> str:
    """Return what stands on the chain for an announcement: SHA-256 of all that it says."""
    return hashlib.sha256(compact(dict(sorted(row.items()))).encode()).hexdigest()


def announcements(outage_id: str) -> list[dict[str, Any]]:
    """Return where an outage was made public, the oldest entry first. Raises Busy."""
    rows = [json.loads(row.row) for row in under(DayRow, _announced(outage_id))]
    return sorted(rows, key=lambda row: (row["at"], row["id"]))


def _announced(outage_id: str) -> str:
    return f"{aggregate(outage_id)}/announcements"


def park(outage_id: str, *, was: datetime, until: datetime) -> None:
    """Put an outage that could not be advanced behind its neighbours. Raises Busy."""
    heads.park(aggregate(outage_id), was=was, until=until)


def set_shown(head: Head, shown: Mapping[str, Any]) -> None:
    """Replace what the board shows, if the outage has not moved meanwhile. Raises Busy."""
    try:
        with writing():
            OrderRow(order_id=aggregate(head.outage.outage_id)).update(
                [OrderRow.shown.set(canonical(dict(shown)))],
                OrderRow.version == head.outage.version,
            )
    except Unconfirmed as doubt:
        if not doubt.refused:
            raise Busy(of="store") from doubt


def set_look(head: Head, look: Look | None) -> None:
    """Arm the look-back anew, or settle it. No event: nothing happened. Raises Stale, Busy."""
    outage = head.outage
    chain, due = aggregate(outage.outage_id), outage.next_due_at
    heads.set_look(chain, look, next_due_at=due, version=outage.version, what="outage")


# Reading ----------------------------------------------------------------------------------------


def get(outage_id: str) -> Head:
    """Return one outage. Strongly consistent. Raises Unknown, Busy."""
    return _get(aggregate(outage_id))


def _get(chain: str) -> Head:
    return _head(heads.get(chain, what="outage"))


def get_many(outage_ids: Iterable[str]) -> list[Head]:
    """Return several outages in the order asked; those unknown are left out. Raises Busy."""
    return heads.get_many(map(aggregate, outage_ids), read=_head)


def board(county: str) -> Board:
    """Return every outage of a county that is not over, those that are planned among them.

    The gate is read first: whoever commits against it saw everything that passed it. Raises Busy.
    """
    gate = find(DayRow, _outages(county), _GATE)
    ids = [row.sk for row in under(DayRow, f"{_outages(county)}/open")]
    return Board(county, tuple(get_many(ids)), int(gate.version) if gate else 0)


def over(county: str, month: str, *, limit: int, after: str | None = None) -> Page[Head]:
    """Return outages that were over in a local month (`2026-07`), by id. Raises Busy."""
    part = page(DayRow, f"{_outages(county)}/{month}", limit=limit, after=after)
    return Page(tuple(get_many(row.sk for row in part.items)), part.after)


def over_since(
    county: str, since: datetime, *, at: datetime, kinds: Collection[str] = KINDS
) -> list[Head]:
    """Return the outages that were over between two instants, the latest first. Raises Busy.

    Reads the lines of the months it touches, at most MOST_MONTHS, and the heads of those that are
    wanted, no others.
    """
    local = [instant.astimezone(CHINA) for instant in (since, at)]
    first_month, last_month = (each.year * 12 + each.month - 1 for each in local)
    months = [
        f"{month // 12}-{month % 12 + 1:02}"
        for month in range(max(first_month, last_month - MOST_MONTHS + 1), last_month + 1)
    ]
    lines = {
        row.sk: json.loads(row.row)
        for month in months
        for row in under(DayRow, f"{_outages(county)}/{month}")
    }
    ended = {each: line["over"] for each, line in lines.items() if line["kind"] in kinds}
    first = millis(since)
    wanted = sorted((each for each in ended if ended[each] >= first), key=lambda each: -ended[each])
    return get_many(wanted)


def lately(county: str, since: datetime, *, at: datetime) -> list[str]:
    """Return the ids of outages on the board and of those over since, those that are open first.

    Their lines alone are read: a query, and one a month. Raises Busy.
    """
    found = [row.sk for row in under(DayRow, f"{_outages(county)}/open")]
    months = dict.fromkeys(f"{each.astimezone(CHINA):%Y-%m}" for each in (since, at))
    for month in months:
        lines = list(under(DayRow, f"{_outages(county)}/{month}"))
        found += [row.sk for row in lines if json.loads(row.row)["over"] >= millis(since)]
    return found


def due_heads(
    *, before: datetime, limit: int, after: Due | None = None
) -> list[tuple[Due, Head | None]]:
    """Return up to `limit` outages that are due, oldest first, with their heads: one call.

    The ids of the Dues are the outages', or those of maps (`wait`). The head is None where the row
    means nothing any more. Eventually consistent, and without keys. Raises Busy.
    """
    start = after
    if after is not None and not after.order_id.startswith(WAITING):
        start = after._replace(order_id=aggregate(after.order_id))
    rows = heads.due(ARMED, read=_head, before=before, limit=limit, after=start)
    return [(armed._replace(order_id=outage_id_of(armed.order_id)), head) for armed, head in rows]


def wait(county: str, sheet: str, *, until: datetime) -> None:
    """Arm a map to be weighed again at an instant; an earlier one stays. Raises Busy."""
    key = f"{WAITING}{county}/{sheet}"
    due = heads.due_key(until, key)
    later = OrderRow.due_key.does_not_exist() | (OrderRow.due_key > due)
    _arm(key, [OrderRow.county.set(ARMED), OrderRow.due_key.set(due)], later)


def waited(key: str, *, was: datetime) -> None:
    """Disarm a map that was weighed, unless it was armed anew meanwhile. Raises Busy."""
    _arm(key, [OrderRow.due_key.remove()], OrderRow.due_key == heads.due_key(was, key))


def _arm(key: str, actions: list[Action], condition: Condition) -> None:
    try:
        with writing():
            OrderRow(order_id=key).update(actions, condition)
    except Unconfirmed as doubt:
        if not doubt.refused:
            raise Busy(of="store") from doubt


# Between heads and rows -------------------------------------------------------------------------


def _outages(county: str) -> str:
    return f"{county}/outages"


def _line(head: Head) -> DayRow:
    """Return the outage's line on the board, or in the month in which it was over."""
    outage = head.outage
    where = "open"
    if outage.state in OVER:
        where = f"{(outage.closed_at or outage.recorded_at).astimezone(CHINA):%Y-%m}"
    row: dict[str, Any] = {"kind": outage.kind.value}
    if outage.state in OVER:
        row["over"] = millis(outage.closed_at or outage.recorded_at)
    pk = f"{_outages(outage.county)}/{where}"
    return DayRow(pk, outage.outage_id, row=compact(row), version=0)


def _row(head: Head) -> OrderRow:
    outage = head.outage
    kept = heads.Kept(outage.to_json(), head.shown, head.keys, head.look)
    chain = aggregate(outage.outage_id)
    return heads.row(kept, chain=chain, armed=ARMED, version=outage.version, due=_due_at(head))


def _due_at(head: Head) -> datetime | None:
    return heads.due_at(head.outage.next_due_at, head.look)


def _head(raw: Mapping[str, Any]) -> Head:
    kept = heads.read(raw)
    return Head(Outage.from_json(kept.state), kept.shown, kept.keys, kept.look)
