"""Who is dark too often, or has low voltage too often (频繁停电、低电压): 2 in 2 months, and 3.

Rows of a county's last months are read once a minute and process, whoever asks: every order's page
and the list are computed from them. A supply point is watched by itself; what no outage ever told
apart from the rest of its transformer stands for all of the rest.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain.calendar import local_day
from chalicelib.domain.clocks import Rules
from chalicelib.domain.indicators import (
    FREQUENT,
    LOW_VOLTAGE,
    REST,
    Interruption,
    Row,
    Settings,
    Watch,
    Watched,
    dark_times,
    interruptions,
    watch,
)
from chalicelib.domain.limits import Unit
from chalicelib.domain.refusal import Unknown
from chalicelib.domain.staff import Capability
from chalicelib.store import customers, findings, personal
from chalicelib.store.desk_rows import Remembered
from chalicelib.store.findings import Finding
from chalicelib.store.orders import Head
from chalicelib.usecases import measuring, queueing
from chalicelib.usecases.desk import Desk, Viewer
from chalicelib.usecases.measuring import Area
from chalicelib.usecases.showing import stamp

KEPT: Final = timedelta(minutes=1)
SUBJECTS: Final = (FREQUENT, LOW_VOLTAGE)
LEVELS: Final = (Watch.WARN, Watch.BREACH)
LONGEST_MONTH: Final = timedelta(days=31)

_ROWS: Final[Remembered[tuple[Row, ...]]] = Remembered(KEPT, most=50)
_LOW: Final[Remembered[tuple[Finding, ...]]] = Remembered(KEPT, most=50)


def forget(county: str) -> None:
    """Read a county's rows anew next time."""
    _ROWS.forget(county)
    _LOW.forget(county)


# One customer -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Supplied:
    """Where a customer hangs: what is not known of it is empty."""

    county: str
    transformer_id: str
    load_id: str = ""
    account_no: str = ""


def supply_of(desk: Desk, head: Head, *, at: datetime) -> dict[str, Any]:
    """Return how often the place of an order was dark or low lately. Raises Busy.

    By the account's supply point where the reporter gave an account, else by the place; and what
    the limits say of it. Without either nothing is counted.
    """
    hangs = _hangs(head)
    rules = desk.rules(head.order.county)
    return {
        "place_name": str(head.shown.get("place", "")),
        "is_own": bool(hangs.account_no),
        "outages": _told(_dark(hangs, rules, at), rules, FREQUENT, at),
        "low_voltage": _told(_low(hangs, rules, at), rules, LOW_VOLTAGE, at),
    }


def _hangs(head: Head) -> Supplied:
    order = head.order
    place = str(order.facts.get("place", ""))
    try:
        kept = personal.contact(str(head.shown.get("party", "")), order.order_id).contact
    except Unknown:
        kept = {}  # forgotten: the place is all that is left
    household = customers.find_household(str(kept.get("account_no", "")))
    if household is None or (place and household.transformer_id != place):
        return Supplied(order.county, place)
    return Supplied(order.county, household.transformer_id, household.load_id, household.account_no)


def _dark(hangs: Supplied, rules: Rules, at: datetime) -> Watched:
    rows = [row for row in _rows(hangs.county, rules, at) if _is_at(row, hangs)]
    settings = _settings(rules, at)
    found = interruptions(rows, settings=settings)
    times: Sequence[datetime] = dark_times(
        found, transformer_id=hangs.transformer_id, load_id=hangs.load_id, settings=settings
    )
    if not hangs.load_id and not any(each.point.endswith(f"/{REST}") for each in found):
        times = _least(found, settings)
    return watch(times, at=at, rules=rules, subject=FREQUENT)


def _least(found: Iterable[Interruption], settings: Settings) -> Sequence[datetime]:
    """Return the history of the point that was dark least: what all of an area can be told."""
    by_point: dict[str, list[datetime]] = {}
    for each in found:
        times = by_point.setdefault(each.point, [])
        if each.length is None or each.length > settings.momentary:
            times.append(each.since)
    return min(by_point.values(), key=len, default=[])


def _is_at(row: Row, hangs: Supplied) -> bool:
    return bool(hangs.transformer_id) and row.transformer_id == hangs.transformer_id


def _low(hangs: Supplied, rules: Rules, at: datetime) -> Watched:
    own = {f"account/{hangs.account_no}", f"transformer/{hangs.transformer_id}"}
    days = {
        each.day: each.at for each in _lows(hangs.county, rules, at) if each.subject in own
    }  # one a day, whichever of the two told it
    return watch(days.values(), at=at, rules=rules, subject=LOW_VOLTAGE)


def _told(watched: Watched, rules: Rules, subject: str, at: datetime) -> dict[str, Any]:
    window = rules.limit(f"{subject}.window", at)
    return {
        "level": watched.level.value,
        "count": watched.count,
        "times": [stamp(each) for each in watched.times],
        "until": None if watched.until is None else stamp(watched.until),
        "window": window.number if window.unit is Unit.MONTH else window.duration.days,
        "unit": window.unit.value,
        "breach_at": rules.number(f"{subject}.count", at),
    }


# Everybody --------------------------------------------------------------------------------------


def frequent(viewer: Viewer, *, subject: str, level: str = "") -> list[dict[str, Any]]:
    """Return the supply points that warn or breach, worst first. Raises Busy.

    Supply points of one area with the same history are one item. level: warn or breach alone.
    """
    found = [
        (watched, row)
        for county in queueing.counties_of(viewer)
        for watched, row in _all(viewer, county, subject)
        if watched.level is not Watch.NONE and level in {"", watched.level.value}
    ]
    found.sort(key=lambda one: (-LEVELS.index(one[0].level), -one[0].count, one[1]["id"]))
    return [row for _, row in found]


def _all(viewer: Viewer, county: str, subject: str) -> Iterator[tuple[Watched, dict[str, Any]]]:
    at, desk = viewer.at, viewer.desk
    known = measuring.areas(county, at=at)
    times = _dark_points(desk.rules(county), county, at)
    if subject == LOW_VOLTAGE:
        times = _low_points(desk.rules(county), county, known, at)
    for (code, own), (points, households) in times.items():
        area = known.get(code) or Area(code, code, county, "", "", 0)
        if not viewer.reaches(Capability.ORDER_LIST, area.office):
            continue
        rules = desk.rules(area.office)
        watched = watch(own, at=at, rules=rules, subject=subject)
        yield (
            watched,
            _item(desk, area, points, households, subject) | _told(watched, rules, subject, at),
        )


_Points = dict[tuple[str, tuple[datetime, ...]], tuple[list[str], int]]
"""(transformer, when) → supply points with that history, and the customers behind them."""


def _dark_points(rules: Rules, county: str, at: datetime) -> _Points:
    settings = _settings(rules, at)
    by_point: dict[tuple[str, str], tuple[list[datetime], int]] = {}
    for each in interruptions(_rows(county, rules, at), settings=settings):
        if each.length is None or each.length > settings.momentary:
            code, _, load = each.point.partition("/")
            when, _ = by_point.setdefault((code, load), ([], each.customers))
            when.append(each.since)
    return _merged(by_point)


def dark_areas(rules: Rules, county: str, *, at: datetime) -> list[tuple[str, int]]:
    """Return each transformer that was dark within the window, and how often at its worst point.

    Raises Busy.
    """
    worst: dict[str, int] = {}
    for code, when in _dark_points(rules, county, at):
        worst[code] = max(worst.get(code, 0), len(when))
    return sorted(worst.items())


def _low_points(rules: Rules, county: str, known: Mapping[str, Area], at: datetime) -> _Points:
    by_point: dict[tuple[str, str], tuple[list[datetime], int]] = {}
    for each in _lows(county, rules, at):
        is_area = each.subject.startswith("transformer/")
        area = known.get(each.transformer_id)
        count = area.households if is_area and area else 1
        point = "*" if is_area else each.subject
        when, _ = by_point.setdefault((each.transformer_id, point), ([], count))
        when.append(each.at)
    return _merged(by_point)


def _merged(by_point: dict[tuple[str, str], tuple[list[datetime], int]]) -> _Points:
    merged: _Points = {}
    for (code, point), (when, households) in sorted(by_point.items()):
        points, so_far = merged.get((code, tuple(sorted(when))), ([], 0))
        merged[code, tuple(sorted(when))] = ([*points, point], so_far + households)
    return merged


def _item(
    desk: Desk, area: Area, points: Sequence[str], households: int, subject: str
) -> dict[str, Any]:
    office = desk.snapshot.offices.get(area.office)
    return {
        "id": f"{area.code}/{points[0]}",
        "subject": subject,
        "place": area.code,
        "place_name": area.name,
        "office": area.office,
        "office_name": office.name if office else area.office,
        "feeder": area.feeder,
        "points": len(points),
        "households": households,
    }


# What happened lately ---------------------------------------------------------------------------


def _settings(rules: Rules, at: datetime) -> Settings:
    return Settings(momentary=rules.limit("reliability.momentary", at).duration)


def _since(rules: Rules, subject: str, at: datetime) -> datetime:
    """Return an instant that lies before the window of a subject, by a few days at most."""
    window = rules.limit(f"{subject}.window", at)
    if window.unit is Unit.MONTH:
        return at - (window.number + 1) * LONGEST_MONTH
    return at - window.duration - timedelta(days=1)


def _rows(county: str, rules: Rules, at: datetime) -> tuple[Row, ...]:
    since = _since(rules, FREQUENT, at)
    return _ROWS.get(county, at=at, load=lambda: measuring.rows_since(county, since, at=at))


def _lows(county: str, rules: Rules, at: datetime) -> tuple[Finding, ...]:
    def load() -> tuple[Finding, ...]:
        month, last = local_day(_since(rules, LOW_VOLTAGE, at)).replace(day=1), local_day(at)
        found: list[Finding] = []
        while month <= last:
            found += (each for each in findings.in_month(county, month) if each.kind == LOW_VOLTAGE)
            month = (month + LONGEST_MONTH).replace(day=1)
        return tuple(found)

    return _LOW.get(county, at=at, load=load)
