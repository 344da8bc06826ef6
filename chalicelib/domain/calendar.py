"""The working-day calendar of China (工作日): which days count, and office time exact both ways.

A year's table is data with its source: the State Council's yearly notice, one file a year in
`calendar_data/`, in the very form that an administrator uploads. A year without a table is
*provisional*: weekends and the holidays of fixed date, and every deadline that touches it says so.
Nothing here refuses an order: a year that nobody published still counts, it is only marked.

What is exact, for every `start`, rule and hours:

    workdays_elapsed(start, workdays_due(start, n, paused=p).at) == n × length + p
    workdays_due(start, workdays_elapsed(start, t) / length).at == t    for t in office time

"In office time" leaves the first instant of a span out and its last one in: 12:00 and 14:00 are
one moment of office time, and where one has to be named it is the earlier. So N whole days end at
closing time. Office time is counted in whole microseconds, never in floating point.

China keeps UTC+8 without summer time throughout these years, hence a fixed offset and no tzdata.
"""

import json
from calendar import isleap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from fractions import Fraction
from functools import cache, lru_cache
from hashlib import sha256
from itertools import accumulate
from math import ceil
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from .refusal import BadInput, FieldError

CHINA: Final = timezone(timedelta(hours=8), "UTC+8")
SHIPPED: Final = Path(__file__).with_name("calendar_data")

FIRST_YEAR, LAST_YEAR = 2000, 2199
"""The years for which a table may be loaded: the first under the 1999 revision of the law."""

ALWAYS_OFF: Final = ((1, 1), (5, 1), (10, 1), (10, 2), (10, 3))
"""Month and day of the holidays of fixed date in every revision since 1999; no table lacks them."""

FIXED: Final = MappingProxyType(
    {
        (1, 1): "元旦",
        (5, 1): "劳动节",
        (5, 2): "劳动节",
        (10, 1): "国庆节",
        (10, 2): "国庆节",
        (10, 3): "国庆节",
    }
)
"""The holidays of fixed date in the law in force; the rest follow the moon or the sun."""

FIXED_SOURCE: Final = "全国年节及纪念日放假办法（2024年修订）第二条"

LONGEST = MappingProxyType({"name": 40, "source": 500})
"""Characters that a holiday's name and a table's source may have."""

_FIELDS: Final = ("year", "source", "holidays", "make_up_days")
_MOST_ERRORS: Final = 20
_DAYS_A_WEEK: Final = 7
_SATURDAY: Final = 5
_MICROSECOND: Final = timedelta(microseconds=1)

# Weekdays and leap years come round every 400 years, so every year has its like from 2000 to 2399.
_AGE: Final = 2000
_AGE_YEARS: Final = 400

# Beyond these no instant has a local date: `datetime` ends there, and so does the calendar.
_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=CHINA).astimezone(UTC)


class DayCount(StrEnum):
    """Which day is the first that counts: that of the start, or the working day after it."""

    SAME_DAY = "same_day"
    NEXT_DAY = "next_day"


class DayKind(StrEnum):
    """What a day is. `MAKE_UP` is a weekend day that is worked (调休上班)."""

    WORKDAY = "workday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    MAKE_UP = "make_up"


class BadCalendar(BadInput, ValueError):
    """A year's table that cannot be used. `errors` names each field and why.

    Codes: `required`, `unknown-field`, `not-an-object`, `not-text`, `not-printable`, `too-long`
    (limit), `not-a-year` (first, last), `not-a-date` (position, from 1), `other-year` (year),
    `not-a-weekend`, `also-a-holiday`, `lacks-fixed-holiday` (date).
    """


@dataclass(frozen=True, slots=True)
class YearTable:
    """One year as published: its days off and the weekend days that are worked instead.

    Both mappings go from the day to the Chinese name of the holiday that causes it. `holidays`
    holds every day that the notice lists as off, weekend days of the break included; a weekend that
    merely adjoins a holiday (与周末连休) is left out, and is a weekend. Days belong to the year of
    their date: 31 December 2005, worked by the notice *for 2006*, stands in the table of 2005;
    a notice that reaches back like this means that two tables are to be loaded.
    Raises BadCalendar if the days contradict each other, the week or the law.
    """

    year: int
    holidays: Mapping[date, str] = field(hash=False)
    make_up_days: Mapping[date, str] = field(hash=False)
    source: str
    provisional: bool = False

    def __post_init__(self) -> None:
        errors = _contradictions(self.year, self.holidays, self.make_up_days)
        if errors:
            raise BadCalendar(errors[:_MOST_ERRORS])
        for name in ("holidays", "make_up_days"):
            days: Mapping[date, str] = getattr(self, name)
            object.__setattr__(self, name, MappingProxyType(dict(sorted(days.items()))))

    @classmethod
    def parse(cls, raw: object) -> "YearTable":
        """Read `{"year", "source", "holidays": {iso date: name}, "make_up_days": {…}}`.

        What is read is published, never provisional. Raises BadCalendar with up to 20 errors.
        """
        if not isinstance(raw, Mapping):
            raise BadCalendar([FieldError("table", "not-an-object")])
        errors: list[FieldError] = [
            FieldError(name, "required") for name in _FIELDS if name not in raw
        ]
        errors += [FieldError(_shown(name), "unknown-field") for name in raw if name not in _FIELDS]
        if errors:
            raise BadCalendar(errors[:_MOST_ERRORS])
        year = _year(raw["year"], errors)
        source = _text(raw["source"], "source", LONGEST["source"], errors)
        holidays = _days(raw["holidays"], "holidays", errors)
        make_up_days = _days(raw["make_up_days"], "make_up_days", errors)
        if errors:
            if year:
                errors += _contradictions(year, holidays, make_up_days)
            raise BadCalendar(errors[:_MOST_ERRORS])
        return cls(year=year, holidays=holidays, make_up_days=make_up_days, source=source)

    def raw(self) -> dict[str, Any]:
        """Return the table in the form that `parse` reads."""
        return {
            "year": self.year,
            "source": self.source,
            "holidays": {day.isoformat(): name for day, name in self.holidays.items()},
            "make_up_days": {day.isoformat(): name for day, name in self.make_up_days.items()},
        }


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """When an office works, local time, lunch between the two spans [design: 8:30–17:30].

    Raises BadInput when a time carries a zone or the four are not in order.
    """

    morning: tuple[time, time] = (time(8, 30), time(12))
    afternoon: tuple[time, time] = (time(14), time(17, 30))

    def __post_init__(self) -> None:
        for name, (begin, end) in (("morning", self.morning), ("afternoon", self.afternoon)):
            if begin.tzinfo is not None or end.tzinfo is not None:
                raise BadInput.of(f"office_hours.{name}", "has-a-zone")
            if begin >= end:
                raise BadInput.of(f"office_hours.{name}", "not-in-order")
        if self.morning[1] > self.afternoon[0]:
            raise BadInput.of("office_hours.afternoon", "not-in-order")

    @property
    def length(self) -> timedelta:
        """The office time of one working day."""
        return self.worked_by(time.max)

    def worked_by(self, moment: time) -> timedelta:
        """Return the office time of a working day that is over by `moment`, local time."""
        now = _of_day(moment)
        spans = ((_of_day(begin), _of_day(end)) for begin, end in (self.morning, self.afternoon))
        return sum((max(timedelta(), min(now, end) - begin) for begin, end in spans), timedelta())

    def reached_at(self, worked: timedelta) -> timedelta:
        """Return how far from midnight `worked` of a working day is done, at the earliest."""
        before_lunch = self.worked_by(self.morning[1])
        if worked <= before_lunch:
            return _of_day(self.morning[0]) + worked
        return _of_day(self.afternoon[0]) + worked - before_lunch


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline: aware, UTC. `provisional` if a day up to it lies in an unpublished year."""

    at: datetime
    provisional: bool


@dataclass(frozen=True, slots=True)
class _Layout:
    """A year's working days, counted once. Days are numbered from 0, on 1 January.

    `before[i]` is how many working days come before day i (its last entry is the year's total);
    `working[n]` is the day that is the n-th working day.
    """

    before: tuple[int, ...]
    working: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The loaded tables, and counting by them. Immutable: loading a table makes another calendar.

    Instants are aware; results are UTC. `version` is a digest of the loaded tables. Where a count
    would run past the year 9999 it ends there, provisional, rather than refuse.
    """

    version: str
    _tables: Mapping[int, YearTable] = field(repr=False, hash=False)
    _layouts: Mapping[int, _Layout] = field(repr=False, compare=False)

    @staticmethod
    def of(tables: Iterable[YearTable]) -> "Calendar":
        """Return a calendar of these tables; of two for one year the later counts."""
        by_year = {table.year: table for table in tables}
        return _calendar(by_year, {year: _lay_out(table) for year, table in by_year.items()})

    @staticmethod
    def shipped() -> "Calendar":
        """Return the calendar that we ship: 2004 to 2026."""
        return _shipped()

    def with_year(self, table: YearTable) -> "Calendar":
        """Return a calendar in which `table` stands for its year."""
        return _calendar(
            {**self._tables, table.year: table}, {**self._layouts, table.year: _lay_out(table)}
        )

    def years(self) -> tuple[int, ...]:
        """Return the years that are loaded, in order."""
        return tuple(sorted(self._tables))

    def table(self, year: int) -> YearTable:
        """Return a year's table, the provisional one if none is loaded."""
        return self._tables.get(year) or _provisional(year)

    def day_kind(self, day: date) -> DayKind:
        """Return what a local day is."""
        table = self.table(_plain(day).year)
        if day in table.holidays:
            return DayKind.HOLIDAY
        if day in table.make_up_days:
            return DayKind.MAKE_UP
        return DayKind.WEEKEND if day.weekday() >= _SATURDAY else DayKind.WORKDAY

    def is_workday(self, day: date) -> bool:
        """Return whether a local day is worked, make-up days included."""
        before, index = self._layout(_plain(day).year).before, _index(day)
        return before[index + 1] > before[index]

    def is_provisional(self, day: date) -> bool:
        """Return whether a local day lies in a year not yet published."""
        return self._is_unpublished(_plain(day).year)

    def next_workday(self, day: date) -> date:
        """Return the first working day strictly after a local day."""
        done = self._layout(_plain(day).year).before[_index(day) + 1]
        return self._workday(day.year, done) or date.max

    def working_time(self, start: datetime, end: datetime, *, hours: OfficeHours) -> timedelta:
        """Return the office time between two instants, exactly; none if `end` is not later."""
        if end <= start:
            return timedelta()
        begun, ended = _local(start), _local(end)
        days = self._workdays_between(begun.date(), ended.date())
        worked = self._worked(ended, hours) - self._worked(begun, hours)
        return days * hours.length + worked

    def add_working_time(self, start: datetime, amount: timedelta, *, hours: OfficeHours) -> Due:
        """Return the earliest instant with `amount` of office time after `start`.

        Nothing added is `start` itself. Raises ValueError for a negative amount.
        """
        if amount < timedelta():
            raise ValueError(amount)
        if not amount:
            return self._due(start, _local(start))
        begun = _local(start)
        before = self._layout(begun.year).before[_index(begun)]
        target = before * hours.length + self._worked(begun, hours) + amount
        # The last microsecond decides the day, so that whole days end at closing time.
        number, rest = divmod(target - _MICROSECOND, hours.length)
        day = self._workday(begun.year, number)
        if day is None:
            return self._due(start, _LAST)
        midnight = datetime.combine(day, time(), CHINA)
        return self._due(start, midnight + hours.reached_at(rest + _MICROSECOND))

    def origin(self, start: datetime, *, rule: DayCount, hours: OfficeHours) -> datetime:
        """Return where counting begins: the opening of the first day that counts.

        NEXT_DAY: the first working day after the local day of `start`. SAME_DAY: the local day of
        `start`, which then counts whole however late it is, or the next working day if it is none.
        """
        day = _local(start).date()
        if rule == DayCount.NEXT_DAY or not self.is_workday(day):
            day = self.next_workday(day)
        return datetime.combine(day, hours.morning[0], CHINA).astimezone(UTC)

    def workdays_due(
        self,
        start: datetime,
        days: Fraction | int,
        *,
        rule: DayCount,
        hours: OfficeHours,
        paused: timedelta = timedelta(),
    ) -> Due:
        """Return when `days` working days, and the office time `paused`, have run since the origin.

        A part of a microsecond counts as a whole one. Raises ValueError for less than nothing.
        """
        if days < 0 or paused < timedelta():
            raise ValueError(days, paused)
        amount = ceil(Fraction(days) * (hours.length // _MICROSECOND)) * _MICROSECOND + paused
        origin = self.origin(start, rule=rule, hours=hours)
        return self._due(start, self.add_working_time(origin, amount, hours=hours).at)

    def workdays_elapsed(
        self, start: datetime, at: datetime, *, rule: DayCount, hours: OfficeHours
    ) -> timedelta:
        """Return the office time from the origin to `at`, pauses not taken off; none before it."""
        return self.working_time(self.origin(start, rule=rule, hours=hours), at, hours=hours)

    def _layout(self, year: int) -> _Layout:
        return self._layouts.get(year) or _unpublished(_AGE + year % _AGE_YEARS)

    def _is_unpublished(self, year: int) -> bool:
        return year not in self._tables or self._tables[year].provisional

    def _workday(self, year: int, number: int) -> date | None:
        """Return the working day with that number, counted on from 1 January of `year`, if any."""
        while number >= (total := len((layout := self._layout(year)).working)):
            number, year = number - total, year + 1
            if year > date.max.year:
                return None
        return date(year, 1, 1) + timedelta(days=layout.working[number])

    def _workdays_between(self, first: date, last: date) -> int:
        """Return how many working days there are from `first`, and before `last`."""
        years = (self._layout(year).before[-1] for year in range(first.year, last.year))
        before = self._layout(first.year).before[_index(first)]
        return sum(years) + self._layout(last.year).before[_index(last)] - before

    def _worked(self, moment: datetime, hours: OfficeHours) -> timedelta:
        return hours.worked_by(moment.time()) if self.is_workday(moment.date()) else timedelta()

    def _due(self, start: datetime, at: datetime) -> Due:
        years = range(_local(start).year, _local(at).year + 1)
        return Due(
            at=at.astimezone(UTC),
            provisional=any(self._is_unpublished(year) for year in years),
        )


def local_day(at: datetime) -> date:
    """Return the day in China of an aware instant."""
    return _local(at).date()


@cache
def _shipped() -> Calendar:
    files = sorted(SHIPPED.glob("*.json"))
    return Calendar.of(YearTable.parse(json.loads(file.read_bytes())) for file in files)


def _calendar(tables: Mapping[int, YearTable], layouts: Mapping[int, _Layout]) -> Calendar:
    content = [[tables[year].raw(), tables[year].provisional] for year in sorted(tables)]
    return Calendar(
        version=sha256(json.dumps(content).encode()).hexdigest()[:12],
        _tables=tables,
        _layouts=layouts,
    )


def _lay_out(table: YearTable) -> _Layout:
    first = date(table.year, 1, 1).weekday()
    days = range(365 + isleap(table.year))
    worked = [(first + index) % _DAYS_A_WEEK < _SATURDAY for index in days]
    for day in table.holidays:
        worked[_index(day)] = False
    for day in table.make_up_days:
        worked[_index(day)] = True
    return _Layout(
        before=tuple(accumulate(worked, initial=0)),
        working=tuple(index for index, is_worked in enumerate(worked) if is_worked),
    )


@cache
def _unpublished(year: int) -> _Layout:
    return _lay_out(_provisional(year))


@lru_cache(maxsize=64)
def _provisional(year: int) -> YearTable:
    holidays = {date(year, *when): name for when, name in FIXED.items()}
    return YearTable(
        year=year, holidays=holidays, make_up_days={}, source=FIXED_SOURCE, provisional=True
    )


def _plain(day: date) -> date:
    """Refuse an instant where a day is meant: its date is UTC's, and may be yesterday's."""
    if isinstance(day, datetime):
        raise TypeError(day)
    return day


def _local(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(at)
    return min(max(at, _FIRST), _LAST).astimezone(CHINA)


def _index(day: date) -> int:
    return day.timetuple().tm_yday - 1


def _of_day(moment: time) -> timedelta:
    """Return the time from midnight."""
    return timedelta(
        hours=moment.hour,
        minutes=moment.minute,
        seconds=moment.second,
        microseconds=moment.microsecond,
    )


def _contradictions(
    year: int, holidays: Mapping[date, str], make_up_days: Mapping[date, str]
) -> list[FieldError]:
    errors = [
        FieldError(f"{name}.{day.isoformat()}", "other-year", {"year": year})
        for name, days in (("holidays", holidays), ("make_up_days", make_up_days))
        for day in days
        if day.year != year
    ]
    for day in make_up_days:
        if day.weekday() < _SATURDAY:
            errors.append(FieldError(f"make_up_days.{day.isoformat()}", "not-a-weekend"))
        if day in holidays:
            errors.append(FieldError(f"make_up_days.{day.isoformat()}", "also-a-holiday"))
    missing = [day for when in ALWAYS_OFF if (day := date(year, *when)) not in holidays]
    errors += [
        FieldError("holidays", "lacks-fixed-holiday", {"date": day.isoformat()}) for day in missing
    ]
    return errors


def _year(value: object, errors: list[FieldError]) -> int:
    """Return the year, or 0 with the reason added to `errors`."""
    if isinstance(value, int) and FIRST_YEAR <= value <= LAST_YEAR:
        return value
    errors.append(FieldError("year", "not-a-year", {"first": FIRST_YEAR, "last": LAST_YEAR}))
    return 0


def _text(value: object, name: str, longest: int, errors: list[FieldError]) -> str:
    """Return a line of text without outer blanks; a reason is added to `errors` if it is none."""
    if not isinstance(value, str):
        errors.append(FieldError(name, "not-text"))
        return ""
    text = value.strip()
    if not text:
        errors.append(FieldError(name, "required"))
    elif not text.isprintable():
        errors.append(FieldError(name, "not-printable"))
    elif len(text) > longest:
        errors.append(FieldError(name, "too-long", {"limit": longest}))
    return text


def _days(value: object, name: str, errors: list[FieldError]) -> dict[date, str]:
    """Return the days that can be read; a reason is added to `errors` for each other."""
    if not isinstance(value, Mapping):
        errors.append(FieldError(name, "not-an-object"))
        return {}
    days: dict[date, str] = {}
    for position, (key, label) in enumerate(value.items(), start=1):
        day = _date(key)
        if day is None:
            errors.append(FieldError(name, "not-a-date", {"position": position}))
        else:
            days[day] = _text(label, f"{name}.{day.isoformat()}", LONGEST["name"], errors)
    return days


def _date(key: object) -> date | None:
    """Return the day of an ISO date written out, as 2027-01-01, and of nothing else."""
    try:
        day = date.fromisoformat(str(key))
    except ValueError:
        return None
    return day if day.isoformat() == key else None


def _shown(name: object) -> str:
    """Return a stranger's field name if it can be shown, else a mark."""
    text = str(name)
    return text if text.isprintable() and len(text) <= LONGEST["name"] else "?"
