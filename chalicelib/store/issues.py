"""Issues: a head, its event, its lines on the ledger of each level, and the counts, all at once.

    question                          table    key                                         calls
    open one; move one or two         orders   order_id = issue/<id> (version as read)     1 write
                                      ledger   aggregate = issue/<id>, seq (new)
                                      daybook  lines and counts as below
    a page of an office's view        daybook  pk = <office>/issues/<view>, then heads     2 reads
    how many stand in each view       daybook  pk = <above>/issues/board, sk = <office>    1 read
    the board of an office            daybook  pk = <office>/issues/board; .../days        3 reads
    one issue                         orders   order_id                                    1 read
    how often somebody was at fault   daybook  pk = <county>/issues/violations             1 read
    what is due now                   orders   index due: county = issues, due_key         1 a page
    what was opened on some days      daybook  pk = <county>/issues/opened                 1 a page

A line stands once for each of the three levels' offices and each view that it is in; counts are
kept by ADD beside the offices' own. Both are made from the head alone, as it was and as it is, in
the transaction that moves it: a page and the board cost the same however many issues there are.
What is confidential (举报) has lines and counts of its own, which only those who may know ask for.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from pynamodb.attributes import NumberAttribute
from pynamodb.transactions import TransactWrite

from chalicelib.domain.calendar import local_day
from chalicelib.domain.clocks import millis
from chalicelib.domain.issue import ACTIVE, DONE, Issue, State, aggregate, effects, issue_id_of
from chalicelib.domain.issue_moves import Made
from chalicelib.domain.order import Event
from chalicelib.domain.refusal import Busy

from . import heads, ledger, personal
from .desk_rows import DayRow, KeyedRow, Page, find, find_many, page, under
from .heads import Due, Key, Look
from .personal import Words
from .rows import OrderRow, Unconfirmed, write

ARMED: Final = "issues"
"""The index partition of every issue."""
VIEWS: Final = (
    *("open", "overdue", "signing", "cleared", "follow_up", "bypass", "investigation", "mine"),
)
_ROOT: Final = "-"
_FAR: Final = 10**14
_EVERY: Final = "opened"
"""The view, of the county alone, in which an issue stands for good: by the day it was opened."""


class TallyRow(KeyedRow):
    """How many: one office's counts, or one day's. Only ever added to."""

    table = "daybook"

    all = NumberAttribute(null=True)
    open = NumberAttribute(null=True)
    overdue = NumberAttribute(null=True)
    signing = NumberAttribute(null=True)
    done = NumberAttribute(null=True)
    follow_up = NumberAttribute(null=True)
    bypass = NumberAttribute(null=True)
    bypassed = NumberAttribute(null=True)
    investigation = NumberAttribute(null=True)
    supervised = NumberAttribute(null=True)
    relapsed = NumberAttribute(null=True)
    hotline = NumberAttribute(null=True)
    second_calls = NumberAttribute(null=True)
    mine = NumberAttribute(null=True)
    cleared = NumberAttribute(null=True)
    opened = NumberAttribute(null=True)
    hits = NumberAttribute(null=True)


COLUMNS: Final = (
    *("all", "open", "overdue", "signing", "done", "follow_up", "bypass", "bypassed"),
    *("investigation", "supervised", "relapsed", "hotline", "second_calls"),
)
"""What is counted of each office. bypass: of those at work; bypassed: of all."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is kept of one issue.

    shown: erasable and outside fold and hash: what the ledger prints beside the head. keys: of the
    last commands that people gave, oldest first. look: the look-back that is armed, as an order's.
    """

    issue: Issue
    shown: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    keys: tuple[Key, ...] = ()
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One issue's part of a commit. before: as it was read, None for a new one.

    shown, words, key: as with an order's Change; what is None stays as it is.
    """

    before: Head | None
    made: Made
    shown: Mapping[str, Any] | None = None
    words: Words | None = None
    key: Key | None = None


# Writing ----------------------------------------------------------------------------------------


def commit(*changes: Change) -> tuple[Head, ...]:
    """Keep what one command made, all or nothing, and return the new heads.

    Raises Stale, naming who was first, when one of the issues has moved on; KeyReused; Busy. A key
    that has already moved the first issue with the same body changes nothing: the heads are
    returned as they now are.
    """
    after = tuple(map(_moved, changes))

    def fill(transaction: TransactWrite) -> None:
        tallies: dict[tuple[str, str], Counter[str]] = {}
        for change, head in zip(changes, after, strict=True):
            _fill(transaction, change, head)
            for key, counts in _tallied(change):
                tallies.setdefault(key, Counter()).update(counts)
        for key, counts in tallies.items():
            _add(transaction, key, counts)

    try:
        write(fill)
    except Unconfirmed as doubt:
        made = [change.made.events for change in changes]
        settled = heads.settle(doubt, after, made, key=changes[0].key, again=_get)
        if settled is None:
            raise Busy(of="store") from doubt
        return settled
    return after


def _moved(change: Change) -> Head:
    before = change.before or Head(change.made.issue)
    keys = heads.with_key(before.keys, change.key)
    shown = before.shown if change.shown is None else MappingProxyType(dict(change.shown))
    look = before.look or heads.look_after(change.made.events, effects)
    return Head(change.made.issue, shown, keys, look)


def _fill(transaction: TransactWrite, change: Change, head: Head) -> None:
    row = _row(head)
    if change.before is None:
        transaction.save(row, OrderRow.order_id.does_not_exist())
    else:
        transaction.save(row, OrderRow.version == change.before.issue.version)
    for event in change.made.events:
        ledger.put(transaction, event)
    if change.words is not None:
        personal.put_words(
            transaction, change.words, at=head.issue.moved_at or head.issue.recorded_at
        )
    old = set() if change.before is None else set(_lines(change.before.issue))
    new = set(_lines(head.issue))
    for pk, sk in sorted(old - new):
        transaction.delete(DayRow(pk, sk))
    for pk, sk in sorted(new - old):
        transaction.save(DayRow(pk, sk, row="{}", version=0))


def _add(transaction: TransactWrite, key: tuple[str, str], counts: Mapping[str, int]) -> None:
    actions = [
        getattr(TallyRow, column).add(count) for column, count in sorted(counts.items()) if count
    ]
    if actions:
        transaction.update(TallyRow(*key), actions=actions)


def park(issue_id: str, *, was: datetime, until: datetime) -> None:
    """Put an issue that could not be advanced behind its neighbours. Raises Busy."""
    heads.park(aggregate(issue_id), was=was, until=until)


def set_look(head: Head, look: Look | None) -> None:
    """Arm the look-back anew, or settle it. No event: nothing happened. Raises Stale, Busy."""
    issue = head.issue
    chain, due = aggregate(issue.issue_id), issue.next_due_at
    heads.set_look(chain, look, next_due_at=due, version=issue.version, what="issue")


# Reading ----------------------------------------------------------------------------------------


def get(issue_id: str) -> Head:
    """Return one issue. Strongly consistent. Raises Unknown, Busy."""
    return _get(aggregate(issue_id))


def _get(chain: str) -> Head:
    return _head(heads.get(chain, what="issue"))


def get_many(issue_ids: Iterable[str]) -> list[Head]:
    """Return several issues in the order asked; those unknown are left out. Raises Busy."""
    return heads.get_many(map(aggregate, issue_ids), read=_head)


def listed(
    office: str, view: str, *, limit: int, after: str | None = None, confidential: bool = False
) -> Page[Head]:
    """Return a page of an office's view: soonest due first, of what is cleared the latest first.

    office: of any level; for `mine` a person's id. Two reads. Raises Busy.
    """
    owner = _person(office) if view == "mine" else office
    part = page(DayRow, _view(owner, view, confidential), limit=limit, after=after)
    return Page(tuple(get_many(row.sk.rpartition("#")[2] for row in part.items)), part.after)


def counts(path: Sequence[str], *, confidential: bool = False) -> dict[str, int]:
    """Return how many stand in each column of the office at the end of a path. One read."""
    row = find(TallyRow, *_board_key(tuple(path), confidential))
    return _counts(row, COLUMNS)


def mine(person: str, *, confidential: bool = False) -> int:
    """Return how many are a person's. One read."""
    row = find(TallyRow, *_board_key((_person(person),), confidential))
    return _counts(row, ("mine",))["mine"]


def board(path: Sequence[str], *, confidential: bool = False) -> dict[str, dict[str, int]]:
    """Return the columns of every office right below the one at the end of a path. One read."""
    rows = under(TallyRow, _board(path[-1], confidential))
    return {row.sk: _counts(row, COLUMNS) for row in rows}


def cleared_since(path: Sequence[str], day: date, *, confidential: bool = False) -> dict[str, int]:
    """Return how often lines were cleared since a local day, by office right below. One read."""
    found: Counter[str] = Counter()
    pk = _days(path[-1] if path else _ROOT, confidential)
    start: str | None = f"{day.isoformat()}#"
    while start is not None:
        part = page(TallyRow, pk, limit=1000, after=start)
        for row in part.items:
            found[row.sk.partition("#")[2]] += int(row.cleared or 0)
        start = part.after
    return dict(found)


def violations(county: str, names: Iterable[str]) -> dict[str, int]:
    """Return how often units and persons of a county were at fault (累积). Raises Busy."""
    wanted = list(dict.fromkeys(name for name in names if name))
    rows = find_many(TallyRow, [(_violations(county), name) for name in wanted])
    found = {row.sk: int(row.hits or 0) for row in rows}
    return {name: found.get(name, 0) for name in wanted}


def names_on(
    county: str, first: date, last: date, *, confidential: bool = False
) -> tuple[str, ...]:
    """Return the ids of the issues that a county opened on some local days, by day. Raises Busy."""
    pk = _view(county, _EVERY, confidential)
    found: list[str] = []
    after: str | None = f"{first.isoformat()}#"
    while after is not None:
        part = page(DayRow, pk, limit=1000, after=after)
        days = [(row.sk.partition("#")[0], row.sk.partition("#")[2]) for row in part.items]
        found += [name for day, name in days if day <= last.isoformat()]
        beyond = bool(days) and days[-1][0] > last.isoformat()
        after = None if beyond else part.after
    return tuple(found)


def due_heads(
    *, before: datetime, limit: int, after: Due | None = None
) -> list[tuple[Due, Head | None]]:
    """Return up to `limit` issues that are due, oldest first, with their heads: one call.

    The ids of the Dues are the issues'. The head is None where the row means nothing any more.
    Eventually consistent, and without keys. Raises Busy.
    """
    start = None if after is None else after._replace(order_id=aggregate(after.order_id))
    rows = heads.due(ARMED, read=_head, before=before, limit=limit, after=start)
    return [(armed._replace(order_id=issue_id_of(armed.order_id)), head) for armed, head in rows]


# Lines and counts, made from the head alone -----------------------------------------------------


def views_of(issue: Issue) -> tuple[str, ...]:
    """Return the views that an issue stands in, `mine` left out."""
    active = issue.state in ACTIVE
    found = {
        "open": active,
        "overdue": (active or issue.regulator_waits) and issue.is_overdue,
        "signing": issue.state is State.SIGNING,
        "cleared": issue.state in DONE,
        "follow_up": issue.state is State.CLEARED,
        "bypass": active and issue.bypass is not None,
        "investigation": active and issue.site is not None and issue.site.is_open,
    }
    return tuple(name for name, stands in found.items() if stands)


def owners(issue: Issue) -> tuple[str, ...]:
    """Return whose work an issue is: assigned to, owner of a supervision, investigator."""
    if issue.state not in ACTIVE | {State.CLEARED} and not issue.regulator_waits:
        return ()
    found = [issue.assignee]
    found += [one.owner for one in issue.supervisions.values() if one.is_open]
    if issue.site is not None and issue.site.is_open:
        found.append(issue.site.investigator)
    places = {issue.office, issue.county, *issue.path}
    return tuple(dict.fromkeys(each for each in found if each and each not in places))


def _lines(issue: Issue) -> Iterator[tuple[str, str]]:
    if issue.training:
        return
    soon = f"{_order(issue.next_due_at):015d}#{issue.issue_id}"
    for office in issue.path:
        for view in views_of(issue):
            late = view == "cleared"
            sk = f"{_FAR - _order(issue.cleared_at):015d}#{issue.issue_id}" if late else soon
            yield _view(office, view, issue.confidential), sk
    for person in owners(issue):
        yield _view(_person(person), "mine", issue.confidential), soon
    day = local_day(issue.opened_at).isoformat()
    yield _view(issue.path[-1], _EVERY, issue.confidential), f"{day}#{issue.issue_id}"


def _order(at: datetime | None) -> int:
    return _FAR if at is None else millis(at)


def _cells(issue: Issue | None) -> dict[str, int]:
    """Return what an issue adds to each column of its offices."""
    if issue is None or issue.training or issue.state is State.MERGED:
        return {}
    standing = views_of(issue)
    active = issue.state in ACTIVE
    return {
        **{name: int(name in standing) for name in COLUMNS if name in VIEWS},
        "all": 1,
        "done": int(issue.state in DONE),
        "bypassed": int(issue.bypass is not None),
        "supervised": int(active and any(one.is_open for one in issue.supervisions.values())),
        "relapsed": int(issue.relapses > 0),
        "hotline": int(issue.hotline_calls > 0),
        "second_calls": int(issue.hotline_calls > 1),
    }


def _tallied(change: Change) -> Iterator[tuple[tuple[str, str], Counter[str]]]:
    """Yield what a change adds to which counts: of the offices, the day, and who was at fault."""
    before, after = change.before.issue if change.before else None, change.made.issue
    if before is not None:
        yield from _standing(before, -1)
    yield from _standing(after, 1)
    for event in () if after.training else change.made.events:
        yield from _happened(after, event)


def _standing(issue: Issue, sign: int) -> Iterator[tuple[tuple[str, str], Counter[str]]]:
    if issue.training:
        return
    cells = Counter({name: sign * count for name, count in _cells(issue).items()})
    for end in range(1, len(issue.path) + 1):
        yield _board_key(issue.path[:end], issue.confidential), cells
    for person in owners(issue):
        yield _board_key((_person(person),), issue.confidential), Counter(mine=sign)


def _happened(issue: Issue, event: Event) -> Iterator[tuple[tuple[str, str], Counter[str]]]:
    name = {"clear": "cleared", "opened": "opened"}.get(event.name)
    day = local_day(event.recorded_at).isoformat()
    for above, office in zip((_ROOT, *issue.path), issue.path, strict=False) if name else ():
        yield (_days(above, issue.confidential), f"{day}#{office}"), Counter({str(name): 1})
    if event.name == "record_violation":
        for at_fault in event.data.get("counts", ()):
            yield (_violations(issue.county), str(at_fault)), Counter(hits=1)


def _counts(row: TallyRow | None, names: Iterable[str]) -> dict[str, int]:
    return {name: int(getattr(row, name, None) or 0) for name in names}


# Keys and rows ----------------------------------------------------------------------------------


def _person(person: str) -> str:
    return f"staff/{person}"


def _kept_apart(confidential: bool) -> str:  # noqa: FBT001 - one flag, one word
    return "issues.misconduct" if confidential else "issues"


def _view(owner: str, view: str, confidential: bool) -> str:  # noqa: FBT001 - as above
    return f"{owner}/{_kept_apart(confidential)}/{view}"


def _board(owner: str, confidential: bool) -> str:  # noqa: FBT001 - as above
    return f"{owner}/{_kept_apart(confidential)}/board"


def _board_key(path: tuple[str, ...], confidential: bool) -> tuple[str, str]:  # noqa: FBT001
    return _board(path[-2] if len(path) > 1 else _ROOT, confidential), path[-1]


def _days(owner: str, confidential: bool) -> str:  # noqa: FBT001 - as above
    return f"{owner}/{_kept_apart(confidential)}/days"


def _violations(county: str) -> str:
    return f"{county}/issues/violations"


def _row(head: Head) -> OrderRow:
    issue = head.issue
    kept = heads.Kept(issue.to_json(), head.shown, head.keys, head.look)
    chain = aggregate(issue.issue_id)
    return heads.row(kept, chain=chain, armed=ARMED, version=issue.version, due=_due_at(head))


def _due_at(head: Head) -> datetime | None:
    return heads.due_at(head.issue.next_due_at, head.look)


def _head(raw: Mapping[str, Any]) -> Head:
    kept = heads.read(raw)
    return Head(Issue.from_json(kept.state), kept.shown, kept.keys, kept.look)
