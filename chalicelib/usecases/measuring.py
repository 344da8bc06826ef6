"""How reliable supply was (供电可靠性): indices of a period by office, feeder or cause.

The rows are made from the steps of the outages of a county: those on its board and those that were
over in a month since the period began, since one that began in it was over no earlier. Whom an
area serves, and from which feeder, is as it stands now; an outage of one feeder keeps its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any, Final

from chalicelib.domain import words
from chalicelib.domain.calendar import CHINA, local_day
from chalicelib.domain.grid import loads_in
from chalicelib.domain.indicators import (
    Base,
    By,
    Indices,
    Period,
    Row,
    Settings,
    indices,
    indices_by,
    interruptions,
    rows,
)
from chalicelib.domain.outage import CAUSES, Kind, Outage
from chalicelib.domain.refusal import BadInput, FieldError
from chalicelib.domain.staff import Capability
from chalicelib.store import customers, grid, outages
from chalicelib.store.desk_rows import Remembered
from chalicelib.usecases import queueing, revealing, sheets
from chalicelib.usecases.desk import Desk, Viewer, actor_of
from chalicelib.usecases.showing import stamp

AREAS_KEPT: Final = timedelta(minutes=5)
MOST_DAYS: Final = 366
"""The longest period. [design]"""
MOST_MONTHS: Final = 36
"""How far back a period may begin. [design]"""
PAGE: Final = 100
THRESHOLDS: Final[Mapping[Base, str]] = {
    Base.CUSTOMERS: "reliability.momentary",
    Base.TRANSFORMERS: "reliability.momentary_china",
}
"""Which limit says what is momentary: IEEE 1366 for customers, DL/T 836 for transformers."""
EXCLUDABLE: Final = (
    *(str(kind) for kind in Kind),
    *CAUSES,
    *(f"{category}.{leaf}" for category, leaves in CAUSES.items() for leaf in leaves),
)
"""What may be left out: a kind, a category of causes, or one cause."""
FIGURES: Final = (
    *("saifi", "saidi_minutes", "caidi_minutes", "aihc_hours", "asai", "maifi", "cemi"),
    *("rs1", "rs3"),
)
COUNTS: Final = ("customers", "sustained", "momentary", "ended")
DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Asked:
    """What indices are asked for. first, last: local days, both included; None for this month.

    exclude: slugs of EXCLUDABLE. momentary: None for the limit of the base. without: local days
    left out (重大事件日).
    """

    first: date | None = None
    last: date | None = None
    by: By = By.OFFICE
    base: Base = Base.CUSTOMERS
    momentary: timedelta | None = None
    exclude: tuple[str, ...] = ()
    without: frozenset[date] = frozenset()
    cemi: int = 3


@dataclass(frozen=True, slots=True)
class Area:
    """What hangs under one transformer, by whom it is served, and from which feeder."""

    code: str
    name: str
    office: str
    feeder: str
    line: str
    households: int


_AREAS: Final[Remembered[Mapping[str, Area]]] = Remembered(AREAS_KEPT, most=50)


def areas(county: str, *, at: datetime) -> Mapping[str, Area]:
    """Return what hangs under each transformer of a county, as it was a little while ago.

    Households are counted on the feeders' maps, and are those of the place where it is on none.
    Raises Busy.
    """
    return _AREAS.get(county, at=at, load=lambda: _areas(county, at))


def _areas(county: str, at: datetime) -> Mapping[str, Area]:
    counted: dict[str, int] = {}
    feeder: dict[str, str] = {}
    for kept in grid.all_maps(county).values():
        for load in loads_in(kept.data):
            if load.transformer_id:
                own = load.transformer_id
                counted[own] = counted.get(own, 0) + load.households
                feeder.setdefault(own, load.feeder_id)
    named = {place.code: place for place in customers.places(county, at=at)}
    found = {}
    for code in sorted({*counted, *named}):
        place = named.get(code)
        found[code] = Area(
            code=code,
            name=place.name if place else code,
            office=place.office_id if place and place.office_id else county,
            feeder=feeder.get(code, ""),
            line=place.line if place else "",
            households=counted.get(code) or (place.households if place else 0),
        )
    return found


# Rows -------------------------------------------------------------------------------------------


def rows_since(county: str, since: datetime, *, at: datetime) -> tuple[Row, ...]:
    """Return every interruption of a county that had not ended before `since`. Raises Busy."""
    known = areas(county, at=at)
    offices = {code: area.office for code, area in known.items()}
    feeders = {code: area.feeder for code, area in known.items() if area.feeder}
    return tuple(
        row
        for outage in _outages_since(county, since, at=at)
        for row in rows(
            outage,
            feeders=feeders if len(outage.feeders) != 1 else {},
            offices=offices,
        )
    )


def _outages_since(county: str, since: datetime, *, at: datetime) -> Iterator[Outage]:
    seen: dict[str, Outage] = {}
    for month in _months(since, at):
        after: str | None = None
        while True:
            page = outages.over(county, month, limit=PAGE, after=after)
            seen.update((head.outage.outage_id, head.outage) for head in page.items)
            after = page.after
            if after is None:
                break
    # The board last: what is over meanwhile was on neither, had it been read first.
    seen.update((each.outage_id, each) for each in outages.board(county).outages)
    yield from seen.values()


def _months(since: datetime, until: datetime) -> Iterator[str]:
    first, last = local_day(since).replace(day=1), local_day(until)
    while first <= last:
        yield f"{first:%Y-%m}"
        first = (first + timedelta(days=31)).replace(day=1)


# Indices ----------------------------------------------------------------------------------------


def measure(viewer: Viewer, asked: Asked) -> dict[str, Any]:
    """Return the indices of what the viewer may see. Raises BadInput naming what cannot be, Busy.

    A period that is not over yet ends now. What is dark still counts in SAIFI and in no duration.
    """
    period, settings = _period(asked, viewer.at), _settings(viewer, asked)
    counties = queueing.counties_of(viewer)
    mine = {
        area.code: area
        for county in counties
        for area in areas(county, at=viewer.at).values()
        if viewer.reaches(Capability.ORDER_LIST, area.office)
    }
    found = interruptions(
        (
            row
            for county in counties
            for row in rows_since(county, period.start, at=viewer.at)
            if viewer.reaches(Capability.ORDER_LIST, row.office)
        ),
        settings=settings,
    )
    served = _served(mine.values(), asked)
    total = sum(_weight(area, asked.base) for area in mine.values())
    groups = indices_by(
        found,
        by=asked.by,
        served={"": total} if asked.by is By.CAUSE else served,
        period=period,
        settings=settings,
    )
    whole = indices(found, served=total, period=period, settings=settings)
    namer = _Names(viewer.desk, mine.values(), asked.by)
    return {
        "from": local_day(period.start).isoformat(),
        "to": local_day(period.end - timedelta(microseconds=1)).isoformat(),
        "until": stamp(period.end),
        "by": asked.by.value,
        "base": asked.base.value,
        "momentary_minutes": settings.momentary // timedelta(minutes=1),
        "exclude": list(asked.exclude),
        "without": sorted(day.isoformat() for day in asked.without),
        "cemi": settings.cemi,
        "rows": [_line(key, namer.name(key), each) for key, each in groups.items()],
        "total": _line("", "", whole),
        "as_of": stamp(viewer.at),
    }


def _period(asked: Asked, at: datetime) -> Period:
    today = local_day(at)
    first = asked.first or (asked.last or today).replace(day=1)
    last = asked.last or today
    errors = []
    if first > today:
        errors.append(FieldError("from", "days.in_future"))
    elif first > last:
        errors.append(FieldError("to", "field.out_of_range"))
    elif (last - first).days >= MOST_DAYS:
        errors.append(FieldError("from", "days.too_many", {"most": MOST_DAYS}))
    if (today.year - first.year) * 12 + today.month - first.month > MOST_MONTHS:
        errors.append(FieldError("from", "days.too_old", {"months": MOST_MONTHS}))
    if errors:
        raise BadInput(errors)
    return Period(_midnight(first), min(_midnight(last + timedelta(days=1)), at))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CHINA).astimezone(UTC)


def _settings(viewer: Viewer, asked: Asked) -> Settings:
    unknown = [each for each in asked.exclude if each not in EXCLUDABLE]
    if unknown:
        raise BadInput.of("exclude", "field.choice", allowed=list(EXCLUDABLE))
    kinds = frozenset(asked.exclude) & {str(kind) for kind in Kind}
    causes = {
        cause for each in asked.exclude if each not in kinds for cause in (each, *_leaves(each))
    }
    return Settings(
        momentary=momentary(viewer, asked.base) if asked.momentary is None else asked.momentary,
        base=asked.base,
        without_kinds=kinds,
        without_causes=frozenset(causes),
        major_days=asked.without,
        cemi=asked.cemi,
    )


def _leaves(category: str) -> list[str]:
    return [f"{category}.{leaf}" for leaf in CAUSES.get(category, ())]


def momentary(viewer: Viewer, base: Base) -> timedelta:
    """Return up to how long an interruption is momentary, by the rules of the viewer's office."""
    upwards = tuple(reversed(viewer.staff.path))
    limit = viewer.desk.book.find(THRESHOLDS[base], on=local_day(viewer.at), offices=upwards)
    return limit.duration


def _served(mine: Iterable[Area], asked: Asked) -> dict[str, int]:
    served: dict[str, int] = {}
    for area in mine:
        key = area.office if asked.by is By.OFFICE else area.feeder
        served[key] = served.get(key, 0) + _weight(area, asked.base)
    return served


def _weight(area: Area, base: Base) -> int:
    return area.households if base is Base.CUSTOMERS else 1


class _Names:
    """What the groups of a table are called."""

    def __init__(self, desk: Desk, mine: Iterable[Area], by: By) -> None:
        self.by = by
        self.offices = desk.snapshot.offices
        self.lines = {area.feeder: area.line for area in mine if area.feeder and area.line}

    def name(self, key: str) -> str:
        """Return the name of an office or a feeder; of a cause none, for its words say it."""
        if self.by is By.OFFICE:
            return self.offices[key].name if key in self.offices else key
        return self.lines.get(key, key) if self.by is By.FEEDER else ""


def _line(key: str, name: str, made: Indices) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "customers": made.served,
        "sustained": made.sustained,
        "momentary": made.momentary,
        "ended": made.ended,
        **{figure: _figure(getattr(made, figure)) for figure in FIGURES},
    }


def _figure(exact: Fraction | None) -> float | None:
    return None if exact is None else float(round(exact, DIGITS))


# As a table -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Export:
    """A finished file."""

    content: bytes
    rows: int


def export(viewer: Viewer, asked: Asked, *, language: str) -> Export:
    """Return the indices as CSV, the total last; on record. Raises BadInput, Busy."""
    made = measure(viewer, asked)
    by = actor_of(viewer.staff)
    about = {"rows": len(made["rows"]), "table": "indices"}
    revealing.record(revealing.EXPORTED, viewer.staff.office_id, about, by=by, at=viewer.at)
    headers = [
        words.say(f"indices.by.{asked.by}", language),
        *(words.say(f"indices.{name}", language) for name in (*COUNTS, *FIGURES)),
    ]
    lines = [_cells(_title(row, asked.by, language), row) for row in made["rows"]]
    lines.append(_cells(words.say("indices.total", language), made["total"]))
    return Export(sheets.to_csv(headers, lines), len(lines))


def _title(row: Mapping[str, Any], by: By, language: str) -> str:
    if by is By.CAUSE:
        key = f"outage.cause.{row['key'] or 'unknown'}"
        return words.say(key, language) if words.has(key) else str(row["key"])
    return str(row["name"] or words.say("indices.none", language))


def _cells(title: str, row: Mapping[str, Any]) -> Sequence[str]:
    values = (row[name] for name in (*COUNTS, *FIGURES))
    return [title, *("" if value is None else f"{value:.9g}" for value in values)]
