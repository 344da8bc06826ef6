"""Papers (文书): a head, the events that made it, and its line at every office on its path.

    question                       table    key                                         calls
    open one; move one or several  orders   order_id = paper/<id> (version as read)     1 write
                                   ledger   aggregate = paper/<id>, seq (new)
                                   daybook  pk = <office>/papers/<kind>/<state>
                                            and with `every` for the kind
    a page of an office's papers   daybook  the same pk, once a kind, or of every kind  1 a kind
    the papers of an issue         daybook  pk = issue/<id>/papers, sk = id             1 read
    who was accountable how often  daybook  pk = <office>/accountable/<who>, sk = id    1 read
    one paper                      orders   order_id                                    1 read
    what is due now                orders   index due: county = papers, due_key         1 a page

A line says all that a list shows, so a page reads no head. Open ones are sorted by what is due
next, those that are over and those that are published by when, the latest first. All papers of the
deployment are armed in one partition of the index. What concerns misconduct is listed apart.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from pynamodb.transactions import TransactWrite

from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.order import Order
from chalicelib.domain.paper import aggregate, effects, is_paper, paper_id_of
from chalicelib.domain.papers import PAPERS
from chalicelib.domain.papers.accountability import COUNTED
from chalicelib.domain.procedure import Advanced
from chalicelib.domain.refusal import Stale

from . import heads, ledger, personal
from .desk_rows import DayRow, Page, compact, page, under
from .heads import Due, Key, Look
from .personal import Words
from .rows import OrderRow, Unconfirmed, write

ARMED: Final = "papers"
"""The index partition of every paper."""
OPEN, CLOSED, PUBLISHED = "open", "closed", "published"
STATES: Final = (OPEN, CLOSED, PUBLISHED)
UNIT: Final = "unit"
EVERY: Final = "every"
"""The list of all kinds together, which each paper stands in beside that of its own."""
BATCH: Final = 100
_LATEST: Final = 10**14
_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Head:
    """What is kept of one paper.

    shown: outside fold and hash: `path` (the offices at which it is listed) and what a list shows,
    such as a title. keys: of the last commands that people gave. look: the armed look-back.
    """

    paper: Order
    shown: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    keys: tuple[Key, ...] = ()
    look: Look | None = None

    @property
    def paper_id(self) -> str:
        """Its number, without the name of its chain."""
        return paper_id_of(self.paper.order_id)

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done about it."""
        return self.paper.stage not in PAPERS[self.paper.kind].final


@dataclass(frozen=True, slots=True)
class Change:
    """One paper's part of a commit. before: as it was read, None for a new one."""

    before: Head | None
    advanced: Advanced
    shown: Mapping[str, Any] | None = None
    words: Words | None = None
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One paper as a list shows it. at: where it stands in the list's order."""

    paper_id: str
    place: str
    row: Mapping[str, Any]


# Writing ----------------------------------------------------------------------------------------


def commit(*changes: Change) -> tuple[Head, ...]:
    """Keep what one or several steps made, all or nothing, and return the new heads.

    Raises Stale when one of the papers moved on meanwhile; KeyReused; Busy. A key that has already
    moved the first paper with the same body changes nothing: the heads are returned as they are.
    """
    after = tuple(map(_moved, changes))

    def fill(transaction: TransactWrite) -> None:
        for change, head in zip(changes, after, strict=True):
            _fill(transaction, change, head)

    try:
        write(fill)
    except Unconfirmed as doubt:
        made = [(change.advanced.event,) for change in changes]
        settled = heads.settle(doubt, after, made, key=changes[0].key, again=get)
        if settled is None:
            raise Stale(what="paper") from doubt
        return settled
    return after


def _moved(change: Change) -> Head:
    before = change.before or Head(change.advanced.order)
    keys = heads.with_key(before.keys, change.key)
    shown = before.shown if change.shown is None else MappingProxyType(dict(change.shown))
    look = before.look or heads.look_after((change.advanced.event,), effects)
    return Head(change.advanced.order, shown, keys, look)


def _fill(transaction: TransactWrite, change: Change, head: Head) -> None:
    row = _row(head)
    if change.before is None:
        transaction.save(row, OrderRow.order_id.does_not_exist())
    else:
        transaction.save(row, OrderRow.version == change.before.paper.version)
    ledger.put(transaction, change.advanced.event)
    if change.words is not None:
        at = head.paper.moved_at or head.paper.recorded_at
        personal.put_words(transaction, change.words, at=at)
    before = {} if change.before is None else _lines(change.before)
    after = _lines(head)
    for key in before.keys() - after.keys():
        transaction.delete(DayRow(*key))
    for key, text in after.items():
        if before.get(key) != text:
            transaction.save(DayRow(*key, row=text, version=head.paper.version))


def park(chain: str, *, was: datetime, until: datetime) -> None:
    """Put a paper that could not be advanced behind its neighbours. Raises Busy."""
    heads.park(chain, was=was, until=until)


def set_look(head: Head, look: Look | None) -> None:
    """Arm the look-back anew, or settle it. No event: nothing happened. Raises Stale, Busy."""
    paper = head.paper
    chain, due = paper.order_id, paper.next_due_at
    heads.set_look(chain, look, next_due_at=due, version=paper.version, what="paper")


# Reading ----------------------------------------------------------------------------------------


def get(paper_id: str) -> Head:
    """Return one paper, by its number or its chain. Strongly consistent. Raises Unknown, Busy."""
    chain = paper_id if is_paper(paper_id) else aggregate(paper_id)
    return _head(heads.get(chain, what="paper"))


def get_many(paper_ids: Iterable[str]) -> list[Head]:
    """Return several papers in the order asked; those unknown are left out. Raises Busy."""
    return heads.get_many(map(aggregate, paper_ids), read=_head)


def listed(
    office: str,
    state: str,
    *,
    kinds: Iterable[str],
    limit: int,
    after: str | None = None,
    confidential: bool = False,
) -> Page[Line]:
    """Return a page of an office's papers of some kinds: one call a kind, or one for all kinds.

    state: one of STATES. Open ones by what is due next, the others the latest first. Raises Busy.
    """
    found: list[DayRow] = []
    more = False
    wanted = set(kinds)
    for kind in [EVERY] if wanted == set(PAPERS) else sorted(wanted):
        pk = _partition(office, kind, state, confidential=confidential)
        part = page(DayRow, pk, limit=limit, after=after)
        found += part.items
        more = more or part.after is not None
    found.sort(key=lambda row: str(row.sk))
    shown = found[:limit]
    more = more or len(found) > limit
    return Page(tuple(map(_line, shown)), str(shown[-1].sk) if more and shown else None)


def names_since(office: str, since: datetime, *, confidential: bool = False) -> list[str]:
    """Return the ids of an office's papers that are open, or were closed since. Raises Busy."""
    found: list[str] = []
    for state in (OPEN, CLOSED):
        after: str | None = None
        while True:
            part = listed(
                office, state, kinds=PAPERS, limit=BATCH, after=after, confidential=confidential
            )
            fresh = [
                line.paper_id
                for line in part.items
                if state == OPEN or line.row["closed_at"] >= millis(since)
            ]
            found += fresh
            after = part.after
            if after is None or len(fresh) < len(part.items):
                break
    return sorted(found)


def of_issue(issue_id: str) -> list[Line]:
    """Return the papers of an issue, as their lines say, the oldest first. Raises Busy."""
    if not issue_id:
        return []
    lines = map(_line, under(DayRow, f"issue/{issue_id}/papers"))
    return sorted(lines, key=lambda line: (line.row["opened_at"], line.paper_id))


def accountable(office: str, who: str = UNIT) -> list[tuple[str, datetime]]:
    """Return the entries that count against a person, or against the unit, with when each began.

    Those that were dropped or reversed are none (累积, S0.25). Raises Busy.
    """
    rows = under(DayRow, f"{office}/accountable/{who}")
    kept = [(str(row.sk), json.loads(row.row)) for row in rows]
    return [(paper_id, instant(row["at"])) for paper_id, row in kept if row["counts"]]


def due_heads(
    *, before: datetime, limit: int, after: Due | None = None
) -> list[tuple[Due, Head | None]]:
    """Return up to `limit` papers that are due, oldest first, with their heads: one call.

    The ids of the Dues are chains. The head is None where the row means nothing any more.
    Eventually consistent, and without keys. Raises Busy.
    """
    return heads.due(ARMED, read=_head, before=before, limit=limit, after=after)


# Lines ------------------------------------------------------------------------------------------


def _partition(office: str, kind: str, state: str, *, confidential: bool) -> str:
    return f"{office}/{'secret-' if confidential else ''}papers/{kind}/{state}"


def _line(row: DayRow) -> Line:
    read = json.loads(row.row)
    return Line(str(read["id"]), str(row.sk), MappingProxyType(read))


def line_of(head: Head) -> Line:
    """Return a paper as a list would show it."""
    return Line(head.paper_id, _place(head)[1], MappingProxyType(_shown(head)))


def _lines(head: Head) -> dict[tuple[str, str], str]:
    """Return every line of a paper: at the offices on its path, its issue, who is accountable."""
    paper, confidential = head.paper, head.paper.facts.get("confidential") is True
    text = compact(_shown(head))
    state, place = _place(head)
    offices = [str(each) for each in head.shown.get("path", ())] or [paper.office]
    stands = [(each, state) for each in offices]
    stands += [(paper.office, PUBLISHED)] if paper.stage == PUBLISHED else []
    lines = {
        (_partition(office, kind, list_, confidential=confidential), place): text
        for office, list_ in stands
        for kind in (paper.kind, EVERY)
    }
    if paper.facts.get("issue"):
        lines[f"issue/{paper.facts['issue']}/papers", head.paper_id] = text
    if paper.kind == "accountability":
        row = compact({"at": millis(paper.occurred_at), "counts": paper.stage in COUNTED})
        for who in (UNIT, str(paper.facts.get("person", ""))):
            if who:
                lines[f"{paper.office}/accountable/{who}", head.paper_id] = row
    return lines


def _place(head: Head) -> tuple[str, str]:
    """Return the state and the place in its list: by what is due, or the latest first."""
    paper = head.paper
    if head.is_open:
        at = paper.next_due_at or paper.recorded_at
        return OPEN, f"{millis(at):0{_DIGITS}}#{head.paper_id}"
    ended = paper.closed_at or paper.moved_at or paper.recorded_at
    return CLOSED, f"{_LATEST - millis(ended):0{_DIGITS}}#{head.paper_id}"


TOLD: Final = (
    *("issue", "order", "rule", "behaviour", "severity", "reason", "month", "aim", "basis"),
    *("picked_by", "finding", "subject", "level", "about", "place", "count", "handler", "person"),
    "submitted_at",
)
"""Facts that a line tells: codes and numbers, so that a list needs no head."""


def _shown(head: Head) -> dict[str, Any]:
    paper = head.paper
    told = {name: paper.facts[name] for name in TOLD if name in paper.facts}
    row: dict[str, Any] = {
        "id": head.paper_id,
        "kind": paper.kind,
        "stage": paper.stage,
        "office": paper.office,
        "upper": str(paper.facts.get("upper", "")),
        "opened_at": millis(paper.occurred_at),
        "due_at": None if paper.next_due_at is None else millis(paper.next_due_at),
        "closed_at": None if paper.closed_at is None else millis(paper.closed_at),
        "clocks": {
            name: clock.to_json()
            for name, clock in paper.clocks.items()
            if clock.stopped_at is None
        },
        "facts": told,
    }
    if head.shown.get("title"):
        row["title"] = head.shown["title"]
    return row


# Between heads and rows -------------------------------------------------------------------------


def _row(head: Head) -> OrderRow:
    paper = head.paper
    kept = heads.Kept(paper.to_json(), head.shown, head.keys, head.look)
    chain = paper.order_id
    return heads.row(kept, chain=chain, armed=ARMED, version=paper.version, due=_due_at(head))


def _due_at(head: Head) -> datetime | None:
    return heads.due_at(head.paper.next_due_at, head.look)


def _head(raw: Mapping[str, Any]) -> Head:
    kept = heads.read(raw)
    return Head(Order.from_json(kept.state), kept.shown, kept.keys, kept.look)
