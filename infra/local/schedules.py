"""EventBridge's schedules: when `rate(…)` and `cron(…)` fall due, and the event they send.

Instants are computed from the clock each time, so a schedule never drifts. `rate(1 minute)` falls
on the full minute. All times are UTC, as EventBridge's are.
"""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from infra.local.template import ACCOUNT, REGION
from infra.local.tools import CannotRun

_UNITS: Final = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS: Final = [
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
]
_DAYS: Final = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_LOOK: Final = 2.0
_HORIZON: Final = timedelta(days=366 * 5)  # 29 February comes within it


def parse(expression: str) -> Callable[[datetime], datetime | None]:
    """Return the function that finds the next instant of an expression, strictly after another.

    It finds None if there is none within five years.

    Raises CannotRun for an expression that EventBridge would refuse, or one with L, W or #, which
    we do not use.
    """
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)(s?)\)", expression)
    if rate and int(rate[1]) > 0 and (rate[1] == "1") != bool(rate[3]):
        seconds = int(rate[1]) * _UNITS[rate[2]]
        return lambda after: _next_multiple(after, seconds)
    cron = re.fullmatch(r"cron\((\S+ \S+ \S+ \S+ \S+ \S+)\)", expression)
    if cron:
        return _Cron.of(cron[1].split(" "), expression).next
    raise CannotRun(f"The schedule {expression} in app.py is no rate(…) or cron(…) we know.")


def _next_multiple(after: datetime, seconds: int) -> datetime:
    return datetime.fromtimestamp((int(after.timestamp()) // seconds + 1) * seconds, UTC)


@dataclass(frozen=True)
class _Cron:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None  # None: `?`, the other day field decides
    months: frozenset[int]
    weekdays: frozenset[int] | None  # 1 is Sunday
    years: frozenset[int]

    @classmethod
    def of(cls, fields: list[str], expression: str) -> "_Cron":
        minute, hour, day, month, weekday, year = fields
        if (day == "?") == (weekday == "?"):
            raise CannotRun(f"{expression} in app.py needs ? in one of its two day fields.")

        def values(field: str, low: int, high: int, names: list[str] | None = None) -> Any:
            return _values(field, low, high, names or [], expression)

        return cls(
            minutes=values(minute, 0, 59),
            hours=values(hour, 0, 23),
            days=None if day == "?" else values(day, 1, 31),
            months=values(month, 1, 12, _MONTHS),
            weekdays=None if weekday == "?" else values(weekday, 1, 7, _DAYS),
            years=values(year, 1970, 2199),
        )

    def next(self, after: datetime) -> datetime | None:
        first = after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        for day in self._days_from(first.date()):
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    found = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                    if found >= first:
                        return found
        return None

    def _days_from(self, first: date) -> Iterator[date]:
        for offset in range(_HORIZON.days):
            day = first + timedelta(days=offset)
            if (
                day.year in self.years
                and day.month in self.months
                and (self.days is None or day.day in self.days)
                and (self.weekdays is None or day.isoweekday() % 7 + 1 in self.weekdays)
            ):
                yield day


def _values(field: str, low: int, high: int, names: list[str], expression: str) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", part)
        if not match:
            raise CannotRun(f"{expression} in app.py has a field that we do not know: {field}.")
        start, stop, step = match.groups()
        first = low if start == "*" else _number(start, low, names, expression)
        last = _number(stop, low, names, expression) if stop else first
        if start == "*" or (step and not stop):
            last = high
        if not low <= first <= last <= high or (step and int(step) < 1):
            raise CannotRun(f"{expression} in app.py has a field out of range: {field}.")
        found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, low: int, names: list[str], expression: str) -> int:
    if text.upper() in names:
        return names.index(text.upper()) + low
    if not text.isascii() or not text.isdigit():
        raise CannotRun(f"{expression} in app.py has a value that we do not know: {text}.")
    return int(text)


def keep_time(
    following: Callable[[datetime], datetime | None],
    call: Callable[[datetime], None],
    *,
    at_once: bool,
    now: Callable[[], datetime],
    stopping: threading.Event,
) -> None:
    """Call at every instant that falls due, until we stop or there is none any more.

    following: finds the instant after another; at_once: whether to begin now, for what fell due
    while nothing ran. Runs never overlap: what passes during a run is taken up by the next. The
    clock is looked at again every few seconds, since a computer that sleeps or is set changes it.
    """
    due = now() if at_once else following(now())
    while due:
        while (wait := (due - now()).total_seconds()) > 0:
            if stopping.wait(min(wait, _LOOK)):
                return
        if stopping.is_set():
            return
        call(due)
        due = following(max(due, now() - timedelta(seconds=1)))


def event(name: str, *, at: datetime, event_id: str) -> dict[str, Any]:
    """Return what EventBridge hands to a function that it wakes.

    name: the schedule's; at: the instant it was due, not the one it ran at.
    """
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"],
        "detail": {},
    }
