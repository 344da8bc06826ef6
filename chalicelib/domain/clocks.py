"""Several clocks on one order (时限), each computed from its own history and from nothing else.

A clock keeps *facts*: when it started, under which limit (amount and version are fixed at that
moment), when it was paused, when it stopped, and which rungs of its ladder have been fired. What is
due, elapsed and left is computed from the facts whenever somebody asks, so a change of priority, of
calendar or of limit can never lose paused time. Minutes and hours run day and night; 工作日 follow
the calendar; the two are never mixed in one clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import cache
from typing import Any

from .calendar import CHINA, Calendar, DayCount, Due, OfficeHours, local_day
from .limits import Basis, Limit, LimitBook, Unit

EXPLICIT = "until"
WALL_UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What the engine is handed beside the order: limits, calendar, hours, the office's own path.

    `offices` runs from the responsible office upwards; the nearest override of a limit wins.
    """

    book: LimitBook
    calendar: Calendar
    hours: OfficeHours
    offices: tuple[str, ...] = ()

    def limit(self, limit_id: str, at: datetime) -> Limit:
        """Return the limit in force on the local day of `at`. Raises UnknownLimit."""
        return self.book.find(limit_id, on=local_day(at), offices=self.offices)

    def number(self, limit_id: str, at: datetime) -> int:
        """Return a limit that is a count, such as the bounces before a final ruling."""
        return self.limit(limit_id, at).number


class Level(StrEnum):
    """How a clock stands, in the words that every screen uses."""

    OK = "ok"
    SOON = "soon"
    OVERDUE = "overdue"
    LATE3 = "late3"
    PAUSED = "paused"
    KEPT = "kept"
    BROKEN = "broken"


class Target(StrEnum):
    """Whom a rung tells: the one who has the order, or the duty desk of a level of offices."""

    HOLDER = "holder"
    OFFICE = "office"
    COUNTY = "county"
    CITY = "city"
    PROVINCE = "province"


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a clock's ladder.

    `limit` names how much is left when a warning fires, or how long past due an escalation fires;
    empty for the due instant itself.
    """

    name: str
    target: Target
    limit: str = ""

    @property
    def is_warning(self) -> bool:
        """A warning comes before the due instant; all else is at or after it."""
        return self.name in {"yellow", "red"}


LADDER: tuple[Rung, ...] = (
    Rung("yellow", Target.HOLDER, "warn.yellow"),
    Rung("red", Target.OFFICE, "warn.red"),
    Rung("due", Target.OFFICE),
    Rung("county", Target.COUNTY, "escalate.county"),
    Rung("city", Target.CITY, "escalate.city"),
    Rung("province", Target.PROVINCE, "escalate.province"),
)
"""Warnings first, then the overdue notice up the line, level by level (S0.31). An overdue notice
tells a higher level; it does not move the order there (that is 提级)."""

QUIET_LADDER: tuple[Rung, ...] = LADDER[1:4]
"""For clocks that only the county itself keeps: a red warning, due, and the county."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The facts of one clock. Times are aware; amounts are exact.

    limit, version, amount, unit, basis, day_count: the limit as it stood when the clock started.
    until: an explicit due instant instead of a limit (督办, 挂起).
    pauses: spans during which the customer was the actor; the last may be open (None).
    fired: names of the rungs that were fired, in order.
    """

    started_at: datetime
    limit: str
    version: str = ""
    amount: Fraction = Fraction(0)
    unit: str = ""
    basis: Basis = Basis.WALL
    day_count: str = DayCount.NEXT_DAY.value
    until: datetime | None = None
    pauses: tuple[tuple[datetime, datetime | None], ...] = ()
    stopped_at: datetime | None = None
    fired: tuple[str, ...] = ()

    @classmethod
    def start(cls, limit: Limit, at: datetime) -> "Clock":
        """Start under `limit`, whose amount and version are fixed from now on."""
        if isinstance(limit.amount, Fraction | int) and limit.unit in RUNNING_UNITS:
            return cls(
                started_at=at,
                limit=limit.id,
                version=limit.version,
                amount=Fraction(limit.amount),
                unit=limit.unit.value,
                basis=limit.basis,
                day_count=limit.day_count or DayCount.NEXT_DAY.value,
            )
        message = f"{limit.id} is a {limit.unit}, not a duration"
        raise ValueError(message)

    @classmethod
    def deadline(cls, at: datetime, until: datetime) -> "Clock":
        """Start a clock towards an instant that a person named."""
        return cls(started_at=at, limit=EXPLICIT, until=until)

    @property
    def is_paused(self) -> bool:
        """Whether the clock stands still now."""
        return bool(self.pauses) and self.pauses[-1][1] is None

    @property
    def is_running(self) -> bool:
        """Whether the clock is neither stopped nor paused."""
        return self.stopped_at is None and not self.is_paused

    def pause(self, at: datetime) -> "Clock":
        """Stand still from `at`; a clock that already does stays as it is."""
        if not self.is_running or at < self.started_at:
            return self
        return replace(self, pauses=(*self.pauses, (at, None)))

    def resume(self, at: datetime) -> "Clock":
        """Run on from `at`."""
        if not self.is_paused:
            return self
        begun = self.pauses[-1][0]
        return replace(self, pauses=(*self.pauses[:-1], (begun, max(begun, at))))

    def stop(self, at: datetime) -> "Clock":
        """Stop at `at`, closing an open pause there."""
        return self if self.stopped_at else replace(self.resume(at), stopped_at=at)

    def fire(self, rungs: Sequence[str]) -> "Clock":
        """Note rungs as fired: none of them fires again."""
        return replace(self, fired=(*self.fired, *rungs))

    def to_json(self) -> list[Any]:
        """Return the compact form that events and heads keep; defaults at the end left out.

        limit, version, amount with the unit's letter ("4w", "90m") or the explicit instant,
        started, stopped, pauses, fired. Instants are milliseconds since 1970.
        """
        raw: list[Any] = [
            self.limit,
            self.version,
            self._amount(),
            millis(self.started_at),
            None if self.stopped_at is None else millis(self.stopped_at),
            [[millis(a), None if b is None else millis(b)] for a, b in self.pauses],
            ",".join(self.fired),
        ]
        while raw[-1] in (None, [], ""):
            raw.pop()
        return raw

    def _amount(self) -> int | str:
        if self.until is not None:
            return millis(self.until)
        same_day = self.basis is Basis.WORKDAY and self.day_count == DayCount.SAME_DAY
        return f"{self.amount}{LETTERS[self.unit]}{'s' if same_day else ''}"

    @classmethod
    def from_json(cls, raw: Sequence[Any]) -> "Clock":
        """Read the compact form back."""
        limit, version, amount, started, stopped, pauses, fired = (*raw, *_TAIL[len(raw) :])
        common = {
            "started_at": instant(started),
            "limit": limit,
            "version": version,
            "pauses": tuple((instant(a), None if b is None else instant(b)) for a, b in pauses),
            "stopped_at": None if stopped is None else instant(stopped),
            "fired": tuple(fired.split(",")) if fired else (),
        }
        if isinstance(amount, int):
            return cls(**common, until=instant(amount))
        same_day = amount.endswith("s")
        amount = amount.removesuffix("s")
        unit = UNITS[amount[-1]]
        return cls(
            **common,
            amount=_exact(amount[:-1]),
            unit=unit,
            basis=Basis.WORKDAY if unit == Unit.WORKDAY else Basis.WALL,
            day_count=(DayCount.SAME_DAY if same_day else DayCount.NEXT_DAY).value,
        )


@cache
def _exact(text: str) -> Fraction:
    """Read an amount. There are few of them, and every row of a queue has several."""
    return Fraction(text)


_TAIL: tuple[Any, ...] = (None, None, None, None, None, [], "")
LETTERS: Mapping[str, str] = {"minute": "m", "hour": "h", "day": "d", "workday": "w"}
UNITS: Mapping[str, str] = {letter: unit for unit, letter in LETTERS.items()}
RUNNING_UNITS = frozenset({Unit.MINUTE, Unit.HOUR, Unit.DAY, Unit.WORKDAY})


def millis(at: datetime) -> int:
    """Return whole milliseconds since 1970. Exact for instants that `whole` has cut."""
    return round((at - EPOCH) / timedelta(milliseconds=1))


def instant(ms: int) -> datetime:
    """Return the aware instant of `millis`."""
    return EPOCH + timedelta(milliseconds=ms)


def whole(at: datetime) -> datetime:
    """Cut an instant to whole milliseconds, in UTC: the grain in which we keep time."""
    at = at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def after_quiet(at: datetime, rules: Rules, *quiet: str) -> datetime:
    """Return `at` or, where it falls in quiet hours, when they end, in UTC.

    quiet: what comes before `.quiet_from` and `.quiet_to` in a pair of limits. Hours that begin
    when others end are stepped out of together; hours that leave nothing of a day end once.
    """
    found = at
    for name in quiet * 2:
        begins, ends = (rules.limit(f"{name}.{end}", at) for end in ("quiet_from", "quiet_to"))
        if begins.enabled and ends.enabled:
            found = _quiet_end(found, begins.time_of_day, ends.time_of_day)
    return found.astimezone(UTC)


def _quiet_end(at: datetime, begins: time, ends: time) -> datetime:
    """Return `at` or when these hours end. They may cross midnight; their end is not among them."""
    local = at.astimezone(CHINA)
    now = local.time()
    over_midnight = begins > ends
    if not (now >= begins or now < ends if over_midnight else begins <= now < ends):
        return at
    day = local.date() + timedelta(days=over_midnight and now >= begins)
    return datetime.combine(day, ends, CHINA)


def paused_time(clock: Clock, at: datetime, rules: Rules) -> timedelta:
    """Return how long the clock has stood still by `at`, in the clock's own time."""
    total = timedelta()
    for begun, ended in clock.pauses:
        end = min(at, ended) if ended else at
        if end > begun:
            total += _span(clock, begun, end, rules)
    return total


def due(clock: Clock, rules: Rules) -> Due | None:
    """Return when the clock is due; None while it is paused, because nobody can know."""
    if clock.is_paused:
        return None
    return _when(clock, Fraction(1), timedelta(), rules)


def elapsed(clock: Clock, at: datetime, rules: Rules) -> timedelta:
    """Return the clock's own time from its start to `at` (or to its stop), pauses left out."""
    end = min(at, clock.stopped_at) if clock.stopped_at else at
    if end <= clock.started_at:
        return timedelta()
    if clock.basis is Basis.WORKDAY and clock.until is None:
        ran = rules.calendar.workdays_elapsed(
            clock.started_at, end, rule=DayCount(clock.day_count), hours=rules.hours
        )
        return max(timedelta(), ran - paused_time(clock, end, rules))
    return end - clock.started_at - paused_time(clock, end, rules)


def allowance(clock: Clock, rules: Rules) -> timedelta:
    """Return the whole time that the clock allows, in the clock's own time."""
    if clock.until is not None:
        return max(timedelta(), clock.until - clock.started_at)
    if clock.basis is Basis.WORKDAY:
        return _times(rules.hours.length, clock.amount)
    return _times(WALL_UNITS[clock.unit], clock.amount)


def is_broken(clock: Clock, at: datetime, rules: Rules) -> bool:
    """Return whether the clock was or is past due. On the dot is kept."""
    moment = clock.stopped_at or at
    when = due(clock, rules)
    return when is not None and moment > when.at


def level(clock: Clock, at: datetime, rules: Rules) -> Level:
    """Return how the clock stands at `at`. One function, so that screens never disagree."""
    when = due(clock, rules)
    if when is None:
        return Level.PAUSED
    if clock.stopped_at is not None:
        return Level.BROKEN if clock.stopped_at > when.at else Level.KEPT
    if at > when.at:
        late3 = _when(clock, Fraction(3), timedelta(), rules)
        return Level.LATE3 if at > late3.at else Level.OVERDUE
    red = rung_at(clock, LADDER[1], rules)
    return Level.SOON if red is not None and at >= red else Level.OK


def rung_at(clock: Clock, rung: Rung, rules: Rules) -> datetime | None:
    """Return the instant at which a rung fires; None while the clock is paused."""
    if clock.is_paused:
        return None
    if not rung.limit:
        return _when(clock, Fraction(1), timedelta(), rules).at
    margin = rules.limit(_by_basis(rung.limit, clock), clock.started_at)
    if rung.is_warning:
        return _warning_at(clock, margin, rules)
    if margin.unit is Unit.FRACTION:
        return _when(clock, 1 + margin.share, timedelta(), rules).at
    if margin.unit is Unit.WORKDAY:
        return _when(clock, Fraction(1), _times(rules.hours.length, _workdays(margin)), rules).at
    return _when(clock, Fraction(1), timedelta(), rules).at + margin.duration


def next_rung(clock: Clock, ladder: Sequence[Rung], rules: Rules) -> tuple[datetime, Rung] | None:
    """Return the earliest rung not yet fired; None when there is none or the clock stands."""
    if not clock.is_running:
        return None
    waiting = [
        (when, order, rung)
        for order, rung in enumerate(ladder)
        if rung.name not in clock.fired and (when := rung_at(clock, rung, rules)) is not None
    ]
    if not waiting:
        return None
    when, _, rung = min(waiting, key=lambda entry: entry[:2])
    return when, rung


def rungs_due(
    clock: Clock, ladder: Sequence[Rung], at: datetime, rules: Rules
) -> list[tuple[datetime, Rung]]:
    """Return the rungs that must fire by `at`, oldest first."""
    if not clock.is_running:
        return []
    found = [
        (when, rung)
        for rung in ladder
        if rung.name not in clock.fired
        and (when := rung_at(clock, rung, rules)) is not None
        and when <= at
    ]
    return sorted(found, key=lambda entry: entry[0])


def _by_basis(limit_id: str, clock: Clock) -> str:
    return f"{limit_id}.workday" if clock.basis is Basis.WORKDAY else limit_id


def _warning_at(clock: Clock, margin: Limit, rules: Rules) -> datetime:
    """A warning that would fall before the start falls when half of the time is gone."""
    if margin.unit is Unit.FRACTION:
        share = 1 - margin.share
    elif clock.basis is Basis.WORKDAY and clock.until is None:
        share = 1 - _workdays(margin) / clock.amount
    else:
        share = 1 - Fraction(margin.duration / max(allowance(clock, rules), timedelta(seconds=1)))
    return _when(clock, share if share > 0 else Fraction(1, 2), timedelta(), rules).at


def _when(clock: Clock, share: Fraction, extra: timedelta, rules: Rules) -> Due:
    """Return when `share` of the allowance plus `extra` of the clock's own time has run."""
    begun = clock.started_at
    paused = sum((_closed(clock, span, rules) for span in clock.pauses), timedelta())
    if clock.basis is Basis.WORKDAY and clock.until is None:
        return rules.calendar.workdays_due(
            begun,
            clock.amount * share,
            rule=DayCount(clock.day_count),
            hours=rules.hours,
            paused=paused + extra,
        )
    return Due(
        at=begun + _times(allowance(clock, rules), share) + paused + extra, provisional=False
    )


def _workdays(margin: Limit) -> Fraction:
    if isinstance(margin.amount, Fraction):
        return margin.amount
    message = f"{margin.id} is a time of day, not a span"
    raise ValueError(message)


def _closed(clock: Clock, span: tuple[datetime, datetime | None], rules: Rules) -> timedelta:
    begun, ended = span
    return _span(clock, begun, ended, rules) if ended else timedelta()


def _span(clock: Clock, begun: datetime, ended: datetime, rules: Rules) -> timedelta:
    if clock.basis is Basis.WORKDAY and clock.until is None:
        origin = rules.calendar.origin(
            clock.started_at, rule=DayCount(clock.day_count), hours=rules.hours
        )
        return rules.calendar.working_time(max(begun, origin), ended, hours=rules.hours)
    return ended - begun


def _times(span: timedelta, share: Fraction | Any) -> timedelta:
    exact = Fraction(span // timedelta(microseconds=1)) * Fraction(share)
    return timedelta(microseconds=round(exact))


def clocks_to_json(clocks: Mapping[str, Clock]) -> dict[str, list[Any]]:
    """Return the compact form of several clocks by name."""
    return {name: clock.to_json() for name, clock in clocks.items()}
