"""The figures that stand beside papers (指标): appeals upheld, complaints per million customers.

Each has its numerator and denominator. Appeals are counted by the month in which they were decided,
those submitted by the month of the third signature; both are shown, since a rate alone can be
played (domain: §8.11). Customers are the households of the areas that an office serves as they
stand now; complaints are those that were recorded in the month. The closed loop is that of every
issue on the ledger of the office, as they stand now.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.calendar import local_day
from chalicelib.domain.clocks import instant
from chalicelib.domain.papers.appeal import DECIDED
from chalicelib.domain.refusal import BadInput
from chalicelib.domain.risks import (
    Figure,
    appeal_pass_rate,
    closed_loop_rate,
    complaints_per_million,
    month_bounds,
)
from chalicelib.domain.staff import OfficeLevel
from chalicelib.store import daybook, issues, orders, papers
from chalicelib.store.desk_rows import Remembered
from chalicelib.store.papers import Line
from chalicelib.usecases import measuring
from chalicelib.usecases.desk import Desk

KEPT: Final = timedelta(minutes=5)
PAGE: Final = 200
COMPLAINT: Final = "complaint"
_FILED: Final[Remembered[tuple[str, ...]]] = Remembered(KEPT, most=500)


def of_month(
    desk: Desk, office: str, month: str, *, at: datetime
) -> tuple[str, tuple[Figure, ...]]:
    """Return the month, this one where none is named, and its figures for an office.

    Raises BadInput naming `month`, and Busy.
    """
    month = month or f"{local_day(at):%Y-%m}"
    standing = issues.counts(desk.path(office))
    decided, submitted = _appeals(office, _bounds(month))
    return month, (
        appeal_pass_rate(decided, submitted=submitted),
        complaints_per_million(
            complaints(desk, office, month, at=at), customers(desk, office, at=at)
        ),
        closed_loop_rate(standing["done"], standing["all"]),
    )


def _bounds(month: str) -> tuple[str, str]:
    try:
        first, last = month_bounds(month)
    except ValueError:
        raise BadInput.of("month", "field.month") from None
    return first.isoformat(), last.isoformat()


def _appeals(office: str, bounds: tuple[str, str]) -> tuple[list[str], int]:
    """Return how the appeals that were decided in a month ended, and how many were submitted."""
    first, last = bounds

    def within(ms: object) -> bool:
        return isinstance(ms, int) and first <= local_day(instant(ms)).isoformat() <= last

    lines = [*_all(office, papers.OPEN), *_all(office, papers.CLOSED)]
    decided = [
        str(line.row["stage"])
        for line in lines
        if line.row["stage"] in DECIDED and within(line.row["closed_at"])
    ]
    submitted = sum(1 for line in lines if within(line.row["facts"].get("submitted_at")))
    return decided, submitted


def _all(office: str, state: str) -> Iterator[Line]:
    after: str | None = None
    while True:
        page = papers.listed(office, state, kinds=("appeal",), limit=PAGE, after=after)
        yield from page.items
        after = page.after
        if after is None:
            return


def counties_under(desk: Desk, office: str) -> list[str]:
    """Return the counties of an office's tree; that of a station is its own."""
    path = desk.path(office)
    below = [
        each.office_id
        for each in desk.snapshot.offices.values()
        if each.level is OfficeLevel.COUNTY and each.path[: len(path)] == path
    ]
    return sorted(below) or [desk.office(office).county]


def complaints(desk: Desk, office: str, month: str, *, at: datetime) -> int:
    """Return how many complaints an office and those below had in a month. Raises Busy."""
    found = [
        each for county in counties_under(desk, office) for each in filed(county, month, at=at)
    ]
    if desk.office(office).level is not OfficeLevel.STATION:
        return len(found)
    return sum(1 for head in orders.get_many(found) if head.order.office == office)


def filed(county: str, month: str, *, at: datetime) -> tuple[str, ...]:
    """Return the complaints that a county's daybook has of a month. Raises Busy."""
    return _FILED.get((county, month), at=at, load=lambda: tuple(_filed(county, month, at)))


def _filed(county: str, month: str, at: datetime) -> Iterator[str]:
    first, last = month_bounds(month)
    last = min(last, local_day(at))
    after: str | None = None
    while first <= last:
        page = daybook.lines(county, first, last, limit=PAGE, after=after)
        yield from (line.order_id for line in page.items if line.row["kind"] == COMPLAINT)
        after = page.after
        if after is None:
            return


def customers(desk: Desk, office: str, *, at: datetime) -> int:
    """Return how many households an office and those below serve. Raises Busy."""
    path = desk.path(office)
    return sum(
        area.households
        for county in counties_under(desk, office)
        for area in measuring.areas(county, at=at).values()
        if desk.path(area.office)[: len(path)] == path
    )
