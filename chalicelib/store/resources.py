"""Units, loans and assurance tasks (资源、保供电): a head, its chain, its line in each county.

    question                            table     key                                       calls
    change one, or two together         registry  pk = <sort>/<id>, sk = - (version as read) 1 write
                                        ledger    aggregate = <sort>/<id>, seq (new)
                                        personal  pk = order/<sort>/<id>, sk = text#<seq>
                                        daybook   pk = <county>/<sort>/open, sk = id
    one of them                         registry  pk, sk                                    1 read
    those of a county that are not over daybook   pk = <county>/<sort>/open, then heads     2 reads
    those that were over in a month     daybook   pk = <county>/<sort>/<YYYY-MM>            2 reads

A head is the merge of what its events changed. A loan lies in two counties, the asking and the
lending one, so each finds it. Two that must agree, a loan and what it lends, change in one
transaction or not at all.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from pynamodb.transactions import TransactWrite

from chalicelib.domain.calendar import CHINA
from chalicelib.domain.clocks import whole
from chalicelib.domain.order import GENESIS, Actor, Event
from chalicelib.domain.refusal import Busy, Unknown

from . import heads, ledger, personal
from .desk_rows import DayRow, RecordRow, compact, find, find_many, under
from .heads import Key
from .personal import Words
from .rows import Unconfirmed, write

SORTS: Final = ("unit", "loan", "assurance")
_HEAD: Final = "-"
_OPEN: Final = "open"


@dataclass(frozen=True, slots=True)
class Kept:
    """One head. value: as the domain writes it. shown: erasable, outside of chain and merge.

    counties: where it is listed. over: the local month in which it was over, "" before. keys: of
    the last commands that people gave, oldest first. version: 0 for what is not kept yet.
    """

    sort: str
    key: str
    value: Mapping[str, Any] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    counties: tuple[str, ...] = ()
    over: str = ""
    keys: tuple[Key, ...] = ()
    version: int = 0
    tip: str = GENESIS

    @property
    def aggregate(self) -> str:
        """The name of its chain."""
        return f"{self.sort}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one command does to one head. value, shown, counties: as they are then.

    over: when it was over by that; None while it is not. digest: of the words.
    """

    before: Kept
    name: str
    value: Mapping[str, Any]
    by: Actor
    occurred_at: datetime
    at: datetime
    counties: tuple[str, ...] = ()
    shown: Mapping[str, Any] | None = None
    over: datetime | None = None
    key: Key | None = None
    salt: bytes = b""
    words: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""

    @property
    def event(self) -> Event:
        """The event: what is new in the value, nothing else."""
        old = self.before.value
        return Event(
            aggregate=self.before.aggregate,
            seq=self.before.version + 1,
            name=self.name,
            occurred_at=whole(self.occurred_at),
            recorded_at=whole(self.at),
            actor=self.by,
            changes={
                name: new for name, new in self.value.items() if name not in old or old[name] != new
            },
            digest=self.digest,
            prev=self.before.tip,
        )


# Writing ----------------------------------------------------------------------------------------


def commit(*changes: Change) -> tuple[Kept, ...]:
    """Keep what a command did, all or nothing, and return the new heads.

    Raises Stale(by, role, move, at, version) when one of them has moved on, naming who moved it;
    KeyReused; Busy. A key that has moved the first of them already with the same body changes
    nothing: the heads are returned as they now are.
    """
    made = [(change, change.event) for change in changes]
    after = tuple(_after(change, event) for change, event in made)

    def fill(transaction: TransactWrite) -> None:
        for (change, event), head in zip(made, after, strict=True):
            _fill(transaction, change, event, head)

    try:
        write(fill)
    except Unconfirmed as doubt:
        events = [(event,) for _, event in made]
        settled = heads.settle(doubt, after, events, key=changes[0].key, again=_of)
        if settled is None:
            raise Busy(of="store") from doubt
        return settled
    return after


def _after(change: Change, event: Event) -> Kept:
    before = change.before
    return replace(
        before,
        value=dict(change.value),
        shown=before.shown if change.shown is None else dict(change.shown),
        counties=tuple(dict.fromkeys(change.counties or before.counties)),
        over=f"{change.over.astimezone(CHINA):%Y-%m}" if change.over else before.over,
        keys=heads.with_key(before.keys, change.key),
        version=event.seq,
        tip=event.hash,
    )


def _fill(transaction: TransactWrite, change: Change, event: Event, head: Kept) -> None:
    before = change.before
    unchanged = (
        RecordRow.version == before.version if before.version else RecordRow.pk.does_not_exist()
    )
    transaction.save(_row(head), unchanged)
    ledger.put(transaction, event)
    if change.words:
        words = Words(head.aggregate, event.seq, change.salt, change.words)
        personal.put_words(transaction, words, at=change.at)
    old, new = _lines(before), _lines(head)
    for pk in sorted(old - new):
        transaction.delete(DayRow(pk, head.key))
    for pk in sorted(new - old):
        transaction.save(DayRow(pk, head.key, row="{}", version=0))


def _lines(kept: Kept) -> set[str]:
    """Return where a head is listed; nowhere before it is kept."""
    if not kept.version:
        return set()
    return {_line(county, kept.sort, kept.over or _OPEN) for county in kept.counties}


# Reading ----------------------------------------------------------------------------------------


def lookup(sort: str, key: str) -> Kept | None:
    """Return one head, or None. Strongly consistent. Raises Busy."""
    row = find(RecordRow, f"{sort}/{key}", _HEAD)
    return None if row is None else _kept(row)


def get(sort: str, key: str) -> Kept:
    """Return one head. Strongly consistent. Raises Unknown, Busy."""
    found = lookup(sort, key)
    if found is None:
        raise Unknown(what=sort)
    return found


def _of(aggregate: str) -> Kept:
    sort, _, key = aggregate.partition("/")
    return get(sort, key)


def get_many(sort: str, keys: Iterable[str]) -> dict[str, Kept]:
    """Return those of these heads that are kept, by id. Raises Busy."""
    rows = find_many(RecordRow, ((f"{sort}/{key}", _HEAD) for key in keys))
    return {kept.key: kept for kept in map(_kept, rows)}


def listed(sort: str, counties: Iterable[str], *, month: str = "") -> list[Kept]:
    """Return those of some counties that are not over, or were over in a month (`2026-11`), by id.

    Each once, though it lies in two of them. Raises Busy.
    """
    keys = {
        row.sk
        for county in dict.fromkeys(counties)
        for row in under(DayRow, _line(county, sort, month or _OPEN))
    }
    found = get_many(sort, sorted(keys))
    return [found[key] for key in sorted(found)]


# Between heads and rows -------------------------------------------------------------------------


def _line(county: str, sort: str, where: str) -> str:
    return f"{county}/{sort}/{where}"


def _row(kept: Kept) -> RecordRow:
    value = {
        "v": dict(kept.value),
        "s": dict(kept.shown),
        "c": list(kept.counties),
        "o": kept.over,
        "k": [[each.key, each.body, each.seq] for each in kept.keys],
    }
    pk = f"{kept.sort}/{kept.key}"
    return RecordRow(pk, _HEAD, value=compact(value), version=kept.version, tip=kept.tip)


def _kept(row: RecordRow) -> Kept:
    raw = json.loads(row.value)
    sort, _, key = row.pk.partition("/")
    return Kept(
        sort=sort,
        key=key,
        value=raw["v"],
        shown=raw["s"],
        counties=tuple(raw["c"]),
        over=raw["o"],
        keys=tuple(Key(*each) for each in raw["k"]),
        version=int(row.version),
        tip=row.tip,
    )
