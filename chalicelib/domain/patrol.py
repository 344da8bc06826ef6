"""Network watch (配网运行监控): what readings of the network give away before it fails.

Four findings, each with limits of its own: overload (过负荷), low voltage (低电压), a lost phase
(缺相), repeated trips (频繁跳闸). The first three must last; what is not read for longer than
`patrol.gap` is not known to have lasted. Trips are counted within a window. A finding is made once
a local day.

Readings may come twice, late and out of order: a reading older than the newest one that was judged
says nothing more of what lasts, and a trip is one of a set. Pure: no clock, no store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from .calendar import local_day
from .clocks import Rules, instant, millis

NOMINAL: Final = 220.0
"""Volts between phase and neutral, of which limits of voltage are a share."""
MOST_TRIPS: Final = 50
"""Trips that are remembered of one device: more than any limit counts."""


class Sort(StrEnum):
    """What is read."""

    LOAD = "load"
    VOLTAGE = "voltage"
    TRIP = "trip"


class Trouble(StrEnum):
    """What readings give away. Words: `patrol.*`; limits: `patrol.*`."""

    OVERLOAD = "overload"
    LOW_VOLTAGE = "low_voltage"
    PHASE_LOSS = "phase_loss"
    REPEATED_TRIPS = "repeated_trips"


TROUBLES: Final[Mapping[Sort, tuple[Trouble, ...]]] = {
    Sort.LOAD: (Trouble.OVERLOAD,),
    Sort.VOLTAGE: (Trouble.LOW_VOLTAGE, Trouble.PHASE_LOSS),
    Sort.TRIP: (Trouble.REPEATED_TRIPS,),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one thing at an instant.

    values: of a load, its share of the rated power in per cent, one number; of a voltage, volts of
    one to three phases; of a trip, nothing.
    """

    sort: Sort
    at: datetime
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How one thing stands in one respect, as long as it stands out.

    since, last: of what lasts, its first and newest bad reading. worst: the worst value meanwhile.
    trips: when it tripped, within the window. found_on: the local day of the newest finding.
    """

    since: datetime
    last: datetime
    worst: float = 0.0
    trips: tuple[datetime, ...] = ()
    found_on: date | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "since": millis(self.since),
            "last": millis(self.last),
            "worst": self.worst,
            "trips": [millis(each) for each in self.trips],
            "found": self.found_on.isoformat() if self.found_on else "",
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Standing":
        """Read it back."""
        return cls(
            instant(raw["since"]),
            instant(raw["last"]),
            raw["worst"],
            tuple(instant(each) for each in raw["trips"]),
            date.fromisoformat(raw["found"]) if raw["found"] else None,
        )


@dataclass(frozen=True, slots=True)
class Alarm:
    """A finding: what, at which reading, since when, and the worst value or the number of trips."""

    trouble: Trouble
    at: datetime
    since: datetime
    worst: float


def judge(
    standing: Standing | None, trouble: Trouble, readings: Sequence[Reading], *, rules: Rules
) -> tuple[Standing | None, tuple[Alarm, ...]]:
    """Return how a thing stands after more readings, and what was found; None: as it should be.

    readings: of the sorts that can give the trouble away, in any order.
    """
    alarms: list[Alarm] = []
    for reading in sorted(readings, key=lambda each: each.at):
        if trouble is Trouble.REPEATED_TRIPS:
            standing = _tripped(standing, reading, rules)
        else:
            standing = _lasts(standing, trouble, reading, rules)
        if standing is not None and _is_found(standing, trouble, rules):
            alarms.append(Alarm(trouble, standing.last, standing.since, standing.worst))
            standing = replace(standing, found_on=local_day(standing.last))
    return standing, tuple(alarms)


def _is_found(standing: Standing, trouble: Trouble, rules: Rules) -> bool:
    if standing.found_on is not None and standing.found_on >= local_day(standing.last):
        return False
    if trouble is Trouble.REPEATED_TRIPS:
        return len(standing.trips) >= rules.number("patrol.repeated_trips", standing.last)
    term = rules.limit(f"patrol.{trouble}_for", standing.last).duration
    return standing.last - standing.since >= term


def _lasts(
    standing: Standing | None, trouble: Trouble, reading: Reading, rules: Rules
) -> Standing | None:
    if standing is not None and reading.at <= standing.last:
        return standing  # late, or said twice: what is newer has been judged
    bad = badness(trouble, reading, rules)
    if bad is None:
        return None
    gap = rules.limit("patrol.gap", reading.at).duration
    if standing is None or reading.at - standing.last > gap:
        found_on = standing.found_on if standing else None
        return Standing(reading.at, reading.at, bad, found_on=found_on)
    worse = max if trouble is Trouble.OVERLOAD else min
    return replace(standing, last=reading.at, worst=worse(standing.worst, bad))


def badness(trouble: Trouble, reading: Reading, rules: Rules) -> float | None:
    """Return the value that is too high or too low, None where none is.

    All phases without voltage are an outage, which is not ours to find.
    """
    if not reading.values:
        return None
    limit = rules.limit(f"patrol.{trouble}", reading.at).share
    if trouble is Trouble.OVERLOAD:
        ratio = reading.values[0]
        return ratio if ratio > limit * 100 else None
    lost = float(rules.limit("patrol.phase_loss", reading.at).share) * NOMINAL
    live = [value for value in reading.values if value >= lost]
    if not live:
        return None
    if trouble is Trouble.PHASE_LOSS:
        return min(reading.values) if len(live) < len(reading.values) else None
    return min(live) if min(live) < float(limit) * NOMINAL else None


def _tripped(standing: Standing | None, reading: Reading, rules: Rules) -> Standing:
    window = rules.limit("patrol.repeated_trips_in", reading.at).duration
    before = standing.trips if standing else ()
    newest = max((reading.at, *before))
    trips = sorted(each for each in {*before, reading.at} if timedelta() <= newest - each < window)[
        -MOST_TRIPS:
    ]
    found_on = standing.found_on if standing else None
    return Standing(trips[0], newest, float(len(trips)), tuple(trips), found_on)


def is_over(standing: Standing, trouble: Trouble, *, at: datetime, rules: Rules) -> bool:
    """Return whether nothing of it counts any more at `at`, so that it may be forgotten.

    What was found today is kept, so that today finds it once.
    """
    name = "repeated_trips_in" if trouble is Trouble.REPEATED_TRIPS else "gap"
    term = rules.limit(f"patrol.{name}", at).duration
    return at - standing.last > term and standing.found_on != local_day(at)
