"""The desk's queue (工单池): what is open, soonest first, counted, filtered and paged.

The index on (county, due) is the queue. A page without a filter is one call a county; a filtered
one walks the index until it is full. The counts above it are a call of their own: one page of the
index a county, kept for ten seconds. Of more than MOST_COUNTED they say `capped` (decision 0008).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import merge
from typing import Any, Final

from chalicelib.domain.calendar import local_day
from chalicelib.domain.order import Order
from chalicelib.domain.staff import Capability, Staff, may
from chalicelib.store import daybook, orders
from chalicelib.store.desk_rows import Remembered
from chalicelib.store.heads import due_key
from chalicelib.store.orders import Head
from chalicelib.usecases import showing
from chalicelib.usecases.desk import Desk, Viewer

KEPT: Final = timedelta(seconds=10)
PAGE: Final = 200
MOST_COUNTED: Final = 300
"""Rows of one county's index that the counts look at, soonest due first: one call, some 20 RRU."""
MOST_OPEN: Final = 5_000
"""Open orders of one county that advice and search look at."""
MOST_WALKED: Final = 5_000
"""Rows that one filtered page looks at before it hands out a cursor to go on."""

LAST: Final = "9999"
"""Behind every instant: where no clock runs, nothing is due."""

Row = Mapping[str, Any]
_OPEN: Final[Remembered[tuple[Head, ...]]] = Remembered(KEPT)
_STANDING: Final[Remembered["Standing"]] = Remembered(KEPT)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; empty means everything. since and until: local days."""

    state: str = "open"
    kind: str = ""
    stage: str = ""
    office: str = ""
    channel: str = ""
    assignee: str = ""
    level: str = ""
    chip: str = ""
    text: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def is_none(self) -> bool:
        """Whether everything that is open passes."""
        return self == Filter()

    def lets(self, row: Row, viewer: Staff) -> bool:
        """Return whether a row passes."""
        return (
            self._state(row, viewer)
            and all(
                not wanted or row[name] == wanted
                for name, wanted in (
                    ("kind", self.kind),
                    ("stage", self.stage),
                    ("office", self.office),
                    ("channel", self.channel),
                    ("assignee", self.assignee),
                )
            )
            and self._level(row)
            and self._chip(row)
            and self._text(row)
            and self._day(row)
        )

    def _state(self, row: Row, viewer: Staff) -> bool:
        if self.state in {"open", "closed", "all"}:
            return True
        if self.state == "mine":
            return bool(row["assignee"] == viewer.staff_id)
        return showing.is_in_state(row, self.state)

    def _level(self, row: Row) -> bool:
        return not self.level or (row["clock"] or {}).get("level") == self.level

    def _chip(self, row: Row) -> bool:
        chips: list[str] = row["chips"]
        return not self.chip or any(
            chip == self.chip or chip.startswith(f"{self.chip}_") for chip in chips
        )

    def _text(self, row: Row) -> bool:
        wanted = self.text.casefold()
        shown = (row["number"], row["case_no"], row["summary"], row["place_name"])
        return not wanted or any(wanted in str(each).casefold() for each in shown)

    def _day(self, row: Row) -> bool:
        if self.since is None and self.until is None:
            return True
        day = local_day(datetime.fromisoformat(row["occurred_at"]))
        return (self.since or day) <= day <= (self.until or day)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of rows. after: where the next begins; None at the end."""

    rows: tuple[dict[str, Any], ...]
    after: str | None


def counties_of(viewer: Viewer, capability: Capability = Capability.ORDER_LIST) -> tuple[str, ...]:
    """Return the counties in which the viewer may do so anywhere: list what their queues hold."""
    found = {
        office.county
        for office in viewer.desk.snapshot.offices.values()
        if may(viewer.staff, capability, office.path)
    }
    return tuple(sorted(found))


# Open orders ------------------------------------------------------------------------------------


def listed(viewer: Viewer, wanted: Filter, *, limit: int, after: str | None) -> Listed:
    """Return a page of the queue, soonest first. Raises Busy.

    A page may be short, even empty, while `after` says there is more.
    """
    counties = counties_of(viewer)
    rows: list[dict[str, Any]] = []
    size = limit if wanted.is_none else PAGE
    for walked, (key, head) in enumerate(_walk(counties, size=size, after=after), start=1):
        if is_open(head) and viewer.sees(head.order):
            row = showing.queue_row(viewer.desk, head, at=viewer.at)
            if wanted.lets(row, viewer.staff):
                rows.append(row)
        if len(rows) == limit or walked == MOST_WALKED:
            return Listed(_by_clock(rows), key)
    return Listed(_by_clock(rows), None)


def _by_clock(rows: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Put a page by what is due next: the index also knows of look-backs, which nobody sees."""
    return tuple(sorted(rows, key=lambda row: (row["clock"] or {}).get("due_at") or LAST))


def _walk(counties: Sequence[str], *, size: int, after: str | None) -> Iterator[tuple[str, Head]]:
    """Yield (key, head) of several counties' queues as of one, page by page as they are needed."""
    return merge(
        *(_walk_one(county, size=size, after=after) for county in counties),
        key=lambda entry: entry[0],
    )


def _walk_one(county: str, *, size: int, after: str | None) -> Iterator[tuple[str, Head]]:
    while True:
        page = orders.queue(county, limit=size, after=after)
        for head in page.heads:
            yield _key_of(head), head
        after = page.after
        if after is None:
            return


def is_open(head: Head) -> bool:
    """Return whether an order is still open: a closed one stays armed until its texts are out."""
    return head.order.closed_at is None


def _key_of(head: Head) -> str:
    armed = [at for at in (head.order.next_due_at, head.look and head.look.at) if at]
    return due_key(min(armed), head.order.order_id) if armed else ""


def open_heads(desk: Desk, county: str, *, at: datetime) -> tuple[Head, ...]:  # noqa: ARG001 - one deployment, one desk
    """Return the open orders of a county, at most ten seconds old and MOST_OPEN many."""

    def load() -> tuple[Head, ...]:
        found: list[Head] = []
        for _, head in _walk_one(county, size=PAGE, after=None):
            found += [head] if is_open(head) else []
            if len(found) == MOST_OPEN:
                break
        return tuple(found)

    return _OPEN.get(county, at=at, load=load)


def forget(county: str) -> None:
    """Count a county anew next time: somebody of this process has just changed it."""
    _OPEN.forget(county)
    _STANDING.forget(county)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the open orders of a county stand. is_all: nothing more is open."""

    rows: tuple[tuple[Order, Row], ...]
    is_all: bool


def _standing(desk: Desk, county: str, *, at: datetime) -> Standing:
    """Return how each open order of a county stands, at most ten seconds old."""

    def load() -> Standing:
        page = orders.queue(county, limit=MOST_COUNTED + 1)
        opened = [head.order for head in page.heads[:MOST_COUNTED] if is_open(head)]
        rows = tuple((order, showing.standing(desk, order, at=at)) for order in opened)
        return Standing(rows, page.after is None)

    return _STANDING.get(county, at=at, load=load)


def busy(heads: Iterable[Head]) -> Counter[str]:
    """Return how many open orders each of the staff has."""
    return Counter(head.order.assignee for head in heads if head.order.assignee)


def overview(viewer: Viewer) -> dict[str, Any]:
    """Return the tiles' counts and the figures of the sentence of the moment. Raises Busy."""
    rows: list[Row] = []
    capped = False
    for county in counties_of(viewer):
        found = _standing(viewer.desk, county, at=viewer.at)
        capped = capped or not found.is_all
        rows += [row for order, row in found.rows if viewer.sees(order)]
    return {
        "counts": {**showing.counts(rows), "capped": capped},
        "sentence": showing.sentence(rows, at=viewer.at),
    }


# Closed orders ----------------------------------------------------------------------------------


def of_days(viewer: Viewer, wanted: Filter, *, limit: int, after: str | None) -> Listed:
    """Return a page of the orders that were recorded in a span of days, county by county.

    `state` all takes every one, closed those that are filed, any other those that are open. Raises
    Busy, and ValueError for an `after` that is none.
    """
    last = wanted.until or local_day(viewer.at)
    first = wanted.since or last - timedelta(days=daybook.MOST_DAYS - 1)
    counties = counties_of(viewer)
    begin, _, inner = (after or "").partition("|")
    place = counties.index(begin) if begin in counties else 0
    rows: list[dict[str, Any]] = []
    for county in counties[place:]:
        page = daybook.lines(county, first, last, limit=limit - len(rows), after=inner or None)
        inner = ""
        heads = orders.get_many(line.order_id for line in page.items)
        rows += _passing(viewer, wanted, heads)
        if page.after is not None:
            return Listed(tuple(rows), f"{county}|{page.after}")
        if len(rows) >= limit and county != counties[-1]:
            following = counties[counties.index(county) + 1]
            return Listed(tuple(rows), f"{following}|")
    return Listed(tuple(rows), None)


def _passing(viewer: Viewer, wanted: Filter, heads: Iterable[Head]) -> list[dict[str, Any]]:
    anyday = Filter(**{**_fields(wanted), "since": None, "until": None})
    seen = [
        head
        for head in heads
        if viewer.sees(head.order)
        and (wanted.state == "all" or is_open(head) is not (wanted.state == "closed"))
    ]
    rows = [showing.queue_row(viewer.desk, head, at=viewer.at) for head in seen]
    return [row for row in rows if anyday.lets(row, viewer.staff)]


def _fields(wanted: Filter) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in Filter.__dataclass_fields__}
