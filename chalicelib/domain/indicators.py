"""Reliability (供电可靠性) from the steps of outages, and who is dark too often (频繁停电).

A row is one interruption of some supply points, as an outage's steps tell it. Rows are cut down to
supply points and joined where they touch, so that one supply point counts once a sustained
interruption, whatever outages it passed through. Formulas: IEEE 1366 for minutes a customer,
DL/T 836 for hours a household (小时/户); the two carry their unit in their name and never mix. An
interruption belongs to the period in which it began, with its whole length. Amounts are exact
fractions; what has no denominator is None, never 100 %.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from .calendar import CHINA, local_day
from .clocks import Rules
from .outage import LADDER, Kind, Outage, State, spells
from .reach import NOTHING, Part

REST: Final = "*"
"""The supply point that stands for all loads of a transformer that no row names."""


class Base(StrEnum):
    """What is counted: customers, or transformers, each public one being one user (中压用户)."""

    CUSTOMERS = "customers"
    TRANSFORMERS = "transformers"


@dataclass(frozen=True, slots=True)
class Row:
    """One interruption of a part of one transformer. until: None while it lasts or is unknown."""

    transformer_id: str
    part: Part
    since: datetime
    until: datetime | None
    outage_id: str
    kind: str
    cause: str
    feeder: str
    office: str


@dataclass(frozen=True, slots=True)
class Interruption:
    """One interruption of one supply point that `customers` hang under, told by its first row."""

    point: str
    customers: int
    since: datetime
    until: datetime | None
    kind: str
    cause: str
    feeder: str
    office: str

    @property
    def length(self) -> timedelta | None:
        """How long it lasted; None while that is unknown."""
        return None if self.until is None else self.until - self.since


@dataclass(frozen=True, slots=True)
class Settings:
    """What an office counts by.

    momentary: an interruption up to this is momentary. base: customers or transformers.
    without_kinds, without_causes: left out altogether. major_days: local days whose interruptions
    are left out (重大事件日). cemi: how many make a customer one of many. least: the lowest rung of
    the ladder whose outages count.
    """

    momentary: timedelta = timedelta(minutes=5)
    base: Base = Base.CUSTOMERS
    without_kinds: frozenset[str] = frozenset()
    without_causes: frozenset[str] = frozenset()
    major_days: frozenset[date] = frozenset()
    cemi: int = 3
    least: State = State.PROBABLE


def rows(
    outage: Outage,
    *,
    least: State = State.PROBABLE,
    feeders: Mapping[str, str] = MappingProxyType({}),
    offices: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Row, ...]:
    """Return an outage's interruptions by transformer; none for what never counts.

    One customer's own affair, a training outage, one that was none, and one that climbed no higher
    than below `least` give none. feeders, offices: transformer → its own at the time, where the
    outage touches several; else the outage's.
    """
    if not _counts(outage, least):
        return ()
    return tuple(
        Row(
            transformer_id=name,
            part=part,
            since=spell.since,
            until=spell.until,
            outage_id=outage.outage_id,
            kind=str(outage.kind),
            cause=outage.cause,
            feeder=feeders.get(name, outage.feeders[0] if len(outage.feeders) == 1 else ""),
            office=offices.get(name, outage.office),
        )
        for spell in spells(outage)
        for name, part in spell.reach.parts.items()
    )


def _counts(outage: Outage, least: State) -> bool:
    if not outage.rule.indexed or outage.training or outage.state is State.CANCELLED:
        return False
    return outage.grade != "" and LADDER.index(State(outage.grade)) >= LADDER.index(least)


def interruptions(found: Iterable[Row], *, settings: Settings) -> tuple[Interruption, ...]:
    """Return each supply point's interruptions, those that touch or overlap as one.

    Counting transformers, the time counts in which all of one was dark, whatever rows say so.
    """
    by_transformer: dict[str, list[Row]] = {}
    for row in found:
        by_transformer.setdefault(row.transformer_id, []).append(row)
    return tuple(
        interruption
        for name in sorted(by_transformer)
        for point, customers, own in _points(name, by_transformer[name], settings.base)
        for interruption in _joined(point, customers, own)
        if _is_counted(interruption, settings)
    )


def _points(name: str, own: Sequence[Row], base: Base) -> Iterable[tuple[str, int, Sequence[Row]]]:
    """Cut a transformer into the loads that rows name, and the rest of it."""
    if base is Base.TRANSFORMERS:
        return [(name, 1, _all_dark(own))]
    named: dict[str, int] = {}
    for row in own:
        named.update(row.part.loads)
    whole = max((row.part.whole for row in own if row.part.whole is not None), default=0)
    rest = max(0, whole - sum(named.values()))
    points = [
        (f"{name}/{load}", customers, [row for row in own if row.part.covers(load)])
        for load, customers in sorted(named.items())
    ]
    of_rest = [row for row in own if row.part.whole is not None]
    return [*points, (f"{name}/{REST}", rest, of_rest)] if rest else points


def _all_dark(own: Sequence[Row]) -> list[Row]:
    """Return rows of the spans in which all of the transformer was dark."""
    ends = sorted({at for row in own for at in (row.since, row.until) if at is not None})
    made = []
    for since, until in pairwise([*ends, None]):
        if since is None:
            continue
        dark = [
            row for row in own if row.since <= since and (row.until is None or row.until > since)
        ]
        if reduce(Part.__or__, (row.part for row in dark), NOTHING).is_all:
            first = min(dark, key=lambda row: row.since)
            made.append(replace(first, since=since, until=until))
    return made


def _joined(point: str, customers: int, own: Sequence[Row]) -> list[Interruption]:
    made: list[Interruption] = []
    for row in sorted(own, key=lambda row: row.since):
        last = made[-1] if made else None
        if last is not None and (last.until is None or row.since <= last.until):
            made[-1] = replace(last, until=_later(last.until, row.until))
            continue
        made.append(
            Interruption(
                point,
                customers,
                row.since,
                row.until,
                row.kind,
                row.cause,
                row.feeder,
                row.office,
            )
        )
    return made


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)


def _is_counted(interruption: Interruption, settings: Settings) -> bool:
    return (
        interruption.kind not in settings.without_kinds
        and interruption.cause not in settings.without_causes
        and local_day(interruption.since) not in settings.major_days
    )


# Indices --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to, not including, `end`."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    def holds(self, at: datetime) -> bool:
        """Return whether an instant is in it."""
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class Indices:
    """The indices of one unit in one period, each with its unit in its name.

    served: customers or transformers, as `base` says. sustained, momentary, ended: how many of them
    were interrupted so, once an interruption; `ended` are the sustained ones whose end is known.
    lost: the time of the ended, over all of them. many: how many had `Settings.cemi` or more.
    lost_by_shortage: the part of `lost` that load shortage took.
    """

    base: Base
    served: int
    length: timedelta
    sustained: int
    momentary: int
    ended: int
    many: int
    lost: timedelta
    lost_by_shortage: timedelta

    @property
    def saifi(self) -> Fraction | None:
        """Sustained interruptions a customer. One whose end is unknown counts here."""
        return _ratio(self.sustained, self.served)

    @property
    def saidi_minutes(self) -> Fraction | None:
        """Minutes a customer was dark. None where transformers are counted: see `aihc_hours`."""
        return None if self.base is not Base.CUSTOMERS else self._minutes(self.served)

    @property
    def caidi_minutes(self) -> Fraction | None:
        """Minutes that a sustained interruption lasted, over those whose end is known."""
        return None if self.base is not Base.CUSTOMERS else self._minutes(self.ended)

    @property
    def aihc_hours(self) -> Fraction | None:
        """Hours a household was dark (用户平均停电时间, 小时/户), of whichever base."""
        return _ratio(_seconds(self.lost), 3600 * self.served)

    @property
    def asai(self) -> Fraction | None:
        """The share of the time in which a customer had power."""
        return self._available(self.lost)

    @property
    def maifi(self) -> Fraction | None:
        """Momentary interruptions a customer."""
        return _ratio(self.momentary, self.served)

    @property
    def cemi(self) -> Fraction | None:
        """The share of customers with `Settings.cemi` or more sustained interruptions."""
        return _ratio(self.many, self.served)

    @property
    def rs1(self) -> Fraction | None:
        """RS-1 (供电可靠率), everything counted."""
        return self._available(self.lost)

    @property
    def rs3(self) -> Fraction | None:
        """RS-3: RS-1 without what load shortage (限电) took."""
        return self._available(self.lost - self.lost_by_shortage)

    def _minutes(self, among: int) -> Fraction | None:
        return _ratio(_seconds(self.lost), 60 * among)

    def _available(self, lost: timedelta) -> Fraction | None:
        gone = _ratio(_seconds(lost), self.served * _seconds(self.length))
        return None if gone is None else 1 - gone


def _seconds(span: timedelta) -> Fraction:
    return Fraction(span // timedelta(microseconds=1), 1_000_000)


def _ratio(over: Fraction | int, under: Fraction | int) -> Fraction | None:
    return Fraction(over) / under if under else None


def indices(
    found: Iterable[Interruption], *, served: int, period: Period, settings: Settings
) -> Indices:
    """Return the indices of a period from interruptions that began in it.

    served: how many customers (or transformers) there are. A sustained interruption is longer than
    `settings.momentary`, or has no known end.
    """
    own = [each for each in found if period.holds(each.since)]
    sustained = [each for each in own if _is_sustained(each, settings)]
    momentary = [each for each in own if not _is_sustained(each, settings)]
    ended = [each for each in sustained if each.length is not None]
    times: dict[str, list[Interruption]] = {}
    for each in sustained:
        times.setdefault(each.point, []).append(each)
    often = [those[0].customers for those in times.values() if len(those) >= settings.cemi]
    return Indices(
        base=settings.base,
        served=served,
        length=period.length,
        sustained=_customers(sustained),
        momentary=_customers(momentary),
        ended=_customers(ended),
        many=sum(often),
        lost=_lost(ended),
        lost_by_shortage=_lost(each for each in ended if each.kind == Kind.LOAD_SHORTAGE),
    )


def _is_sustained(each: Interruption, settings: Settings) -> bool:
    return each.length is None or each.length > settings.momentary


def _customers(found: Iterable[Interruption]) -> int:
    return sum(each.customers for each in found)


def _lost(found: Iterable[Interruption]) -> timedelta:
    spans = (each.length * each.customers for each in found if each.length is not None)
    return sum(spans, timedelta())


class By(StrEnum):
    """What indices are broken down by."""

    OFFICE = "office"
    FEEDER = "feeder"
    CAUSE = "cause"


def indices_by(
    found: Iterable[Interruption],
    *,
    by: By,
    served: Mapping[str, int],
    period: Period,
    settings: Settings,
) -> dict[str, Indices]:
    """Return the indices of each office, feeder or cause.

    served: how many each of them has. Of causes, which serve nobody, all of them have everybody:
    give {"": n}. Whoever is served and was never dark is there with zeros.
    """
    groups: dict[str, list[Interruption]] = {}
    if by is not By.CAUSE:
        groups = {name: [] for name in served}
    for each in found:
        groups.setdefault(getattr(each, by.value), []).append(each)
    return {
        name: indices(
            own,
            served=served.get("", 0) if by is By.CAUSE else served.get(name, 0),
            period=period,
            settings=settings,
        )
        for name, own in sorted(groups.items())
    }


# Too often ------------------------------------------------------------------------------------


class Watch(StrEnum):
    """How a customer stands. Words: `outage.watch.*`."""

    NONE = "none"
    WARN = "warn"
    BREACH = "breach"


@dataclass(frozen=True, slots=True)
class Watched:
    """How often in the window, and what that means. until: when the oldest leaves the window."""

    level: Watch
    count: int
    until: datetime | None = None
    times: tuple[datetime, ...] = field(default=())


FREQUENT: Final = "frequent_outage"
LOW_VOLTAGE: Final = "low_voltage"


def watch(
    times: Iterable[datetime], *, at: datetime, rules: Rules, subject: str = FREQUENT
) -> Watched:
    """Return how a customer stands at `at`: 2 in 2 months warns, 3 is a breach (S2.7).

    times: when each sustained outage, or each low-voltage event, began. subject: FREQUENT or
    LOW_VOLTAGE, whose limits `<subject>.window`, `.warn_at` and `.count` hold. Months are China's.
    """
    window = rules.limit(f"{subject}.window", at)
    leaves = {since: window.after(since.astimezone(CHINA)) for since in times}
    inside = sorted(since for since, gone in leaves.items() if since <= at < gone)
    level = Watch.NONE
    if len(inside) >= rules.number(f"{subject}.count", at):
        level = Watch.BREACH
    elif len(inside) >= rules.number(f"{subject}.warn_at", at):
        level = Watch.WARN
    until = leaves[inside[0]] if inside else None
    return Watched(level, len(inside), until, tuple(inside))


def dark_times(
    found: Iterable[Interruption], *, transformer_id: str, load_id: str, settings: Settings
) -> tuple[datetime, ...]:
    """Return when each sustained interruption of one supply point began, for `watch`.

    found: what `interruptions` made of the transformer's rows.
    """
    own = list(found)
    named = f"{transformer_id}/{load_id}"
    point = named if any(each.point == named for each in own) else f"{transformer_id}/{REST}"
    return tuple(
        each.since for each in own if each.point == point and _is_sustained(each, settings)
    )
