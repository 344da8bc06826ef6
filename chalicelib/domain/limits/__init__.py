"""Every limit that comes from a rule (时限与阈值): data with a date, a clock and a source.

`common.json` holds what every rule set shares; `state_grid.json` and `southern_grid.json` extend
it. An id that a rule set states replaces common's, all versions of it. Several entries with one id
are its versions; the latest that is in force on the day counts. An office may override any of them
(`parse_override`, `LimitBook.with_overrides`).

Each source starts with how we know:
    [found]       read in a published page (a rule, a promise, a press report, an exam with answers)
    [exam]        a true-or-false exam item, which may be false on purpose
    [background]  general knowledge, not read anywhere; hi, mid or lo says how sure we are
    [design]      nobody gives the number: our proposal
All but [found] are `assumed`: an office should confirm them. `effective_from` is the day on which a
promise or a law was published or took effect; else the day of the oldest copy found; else 1 January
of its year; else 2000-01-01 (`ALWAYS`), before everything we may be shown. What is promised in
public also has its source in a sentence for the public, `public_zh` and `public_en`. Sources are
written in English; `sources_zh.json` has each in Chinese.
"""

import json
import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, TypeVar

from chalicelib.domain.contact import clean_text
from chalicelib.domain.refusal import BadInput, FieldError

RULESETS: Final = ("state_grid", "southern_grid")
ALWAYS: Final = date(2000, 1, 1)
"""Stands for a day that nobody knows."""


class Unit(StrEnum):
    """What an amount counts."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"  # of 24 hours, 自然日
    WORKDAY = "workday"  # 工作日
    MONTH = "month"
    COUNT = "count"
    PERCENT = "percent"
    CUSTOMERS = "customers"
    KILOWATT = "kilowatt"
    FRACTION = "fraction"  # of a limit's whole time
    TIME_OF_DAY = "time_of_day"  # local
    GRADE = "grade"  # of four, 1 the lowest


class Basis(StrEnum):
    """Which clock a limit runs on. The two are never mixed."""

    WALL = "wall"  # day and night, holidays included
    WORKDAY = "workday"  # by the working-day calendar
    NONE = "none"  # not a duration


_BASIS: Final[Mapping[Unit, Basis]] = MappingProxyType(
    dict.fromkeys(Unit, Basis.NONE)
    | dict.fromkeys((Unit.MINUTE, Unit.HOUR, Unit.DAY, Unit.MONTH), Basis.WALL)
    | {Unit.WORKDAY: Basis.WORKDAY}
)
# What an office may set, both ends included.
_RANGE: Final[Mapping[Unit, tuple[Fraction, Fraction]]] = MappingProxyType(
    {
        Unit.MINUTE: (Fraction(1), Fraction(7 * 24 * 60)),
        Unit.HOUR: (Fraction(1, 60), Fraction(366 * 24)),
        Unit.DAY: (Fraction(1), Fraction(3660)),
        Unit.WORKDAY: (Fraction(1), Fraction(250)),
        Unit.MONTH: (Fraction(1), Fraction(600)),
        Unit.COUNT: (Fraction(1), Fraction(10_000)),
        Unit.PERCENT: (Fraction(1, 100), Fraction(100)),
        Unit.CUSTOMERS: (Fraction(1), Fraction(10_000_000)),
        Unit.KILOWATT: (Fraction(1), Fraction(5_000)),
        Unit.FRACTION: (Fraction(1, 100), Fraction(99, 100)),
        Unit.GRADE: (Fraction(1), Fraction(4)),
    }
)
# The step of an amount: whole numbers, hours down to their minutes, shares as fine as one likes.
_GRAIN: Final[Mapping[Unit, Fraction]] = MappingProxyType(
    dict.fromkeys(_RANGE.keys() - {Unit.PERCENT, Unit.FRACTION}, Fraction(1))
    | {Unit.HOUR: Fraction(1, 60)}
)
_DURATIONS: Final[Mapping[Unit, timedelta]] = MappingProxyType(
    {
        Unit.MINUTE: timedelta(minutes=1),
        Unit.HOUR: timedelta(hours=1),
        Unit.DAY: timedelta(days=1),
    }
)
_DAY_COUNTS: Final = ("next_day", "same_day")
_LONGEST_SOURCE: Final = 200
_LONGEST_FIELD: Final = 64


_Key = TypeVar("_Key")


class UnknownLimit(KeyError):
    """No rule set has a limit of this name: a mistake in our tables, not a refusal."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One version of one limit.

    amount: how many `unit`; a local time if the unit is a time of day.
    day_count: of a workday limit, whether the day it starts counts (`same_day`) or the next working
    day is the first (`next_day`); empty for all others.
    source: how we know and from where; of an override, the office's reason.
    assumed: not read in a published page (see the module's labels).
    note: what it means, `zh` and `en`.
    public: the source as people read it, `zh` and `en`; an office's own reason is that already.
    origin: the rule set's file or the office that states it.
    enabled: whether it is obeyed; some are examples that an office may switch on.
    """

    id: str
    amount: Fraction | time
    unit: Unit
    basis: Basis
    day_count: str
    effective_from: date
    source: str
    assumed: bool
    note: Mapping[str, str] = field(hash=False)
    origin: str = ""
    enabled: bool = True
    public: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def version(self) -> str:
        """Who states it since when: `state_grid@2023-08-08`. A running clock keeps this."""
        return f"{self.origin}@{self.effective_from.isoformat()}"

    @property
    def duration(self) -> timedelta:
        """Minutes, hours and days as a duration. Raises TypeError for every other unit."""
        if self.unit in _DURATIONS and isinstance(self.amount, Fraction):
            whole = self.amount * (_DURATIONS[self.unit] // timedelta(seconds=1))
            return timedelta(seconds=int(whole))
        raise TypeError(f"{self.id} counts {self.unit}, which is no duration")

    @property
    def number(self) -> int:
        """A whole amount: workdays, months, counts, customers. Raises TypeError for others."""
        if isinstance(self.amount, Fraction) and self.amount.denominator == 1:
            return self.amount.numerator
        raise TypeError(f"{self.id} is no whole number of {self.unit}")

    @property
    def share(self) -> Fraction:
        """A fraction or a percentage as a part of one. Raises TypeError for others."""
        if self.unit in {Unit.FRACTION, Unit.PERCENT} and isinstance(self.amount, Fraction):
            return self.amount if self.unit is Unit.FRACTION else self.amount / 100
        raise TypeError(f"{self.id} counts {self.unit}, which is no share")

    @property
    def time_of_day(self) -> time:
        """A local time. Raises TypeError for every other unit."""
        if isinstance(self.amount, time):
            return self.amount
        raise TypeError(f"{self.id} counts {self.unit}, which is no time of day")

    def after(self, start: datetime) -> datetime:
        """Return `start` moved on by a wall limit. A month ends on its last day at the latest.

        Months are those of `start`'s time zone. Raises TypeError unless the basis is wall.
        """
        if self.unit is not Unit.MONTH:
            return start + self.duration
        years, month = divmod(start.month - 1 + self.number, 12)
        year, month = start.year + years, month + 1
        return start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1]))

    def to_json(self) -> dict[str, Any]:
        """Return what `parse_override` reads back, for the store and for the admin page."""
        written: dict[str, Any] = {
            "id": self.id,
            "amount": _written(self.amount),
            "unit": self.unit.value,
            "effective_from": self.effective_from.isoformat(),
            "source": self.source,
            "enabled": self.enabled,
        }
        return written | ({"day_count": self.day_count} if self.day_count else {})


class LimitBook:
    """The limits of one rule set with the overrides of its offices. Never changes."""

    def __init__(
        self,
        ruleset: str,
        limits: Iterable[Limit],
        overrides: Mapping[tuple[str, str], Sequence[Limit]] = MappingProxyType({}),
    ) -> None:
        self.ruleset: Final = ruleset
        self._shipped = _by_age((limit.id, limit) for limit in limits)
        self._overrides = overrides

    @staticmethod
    def shipped(ruleset: str) -> "LimitBook":
        """Return the limits as shipped. Raises ValueError for a rule set that we do not have."""
        return _shipped(ruleset)

    def ids(self) -> tuple[str, ...]:
        """Return every limit's id, sorted."""
        return tuple(sorted(self._shipped))

    def find(self, limit_id: str, *, on: date, offices: Sequence[str] = ()) -> Limit:
        """Return the version in force on a local day, for whoever sits in `offices[0]`.

        offices: from the own office upwards; the nearest that has an override in force wins.
        Before the first shipped version the first one counts. Raises UnknownLimit.
        """
        shipped = self._versions(limit_id)
        for office in offices:
            in_force = _in_force(self._overrides.get((office, limit_id), ()), on)
            if in_force:
                return in_force
        return _in_force(shipped, on) or shipped[0]

    def pinned(self, limit_id: str, version: str) -> Limit:
        """Return the version that a running clock names. Raises UnknownLimit."""
        for limit in self.history(limit_id):
            if limit.version == version:
                return limit
        raise UnknownLimit(limit_id, version)

    def history(self, limit_id: str) -> tuple[Limit, ...]:
        """Return every version of a limit: as shipped, then by office. Raises UnknownLimit."""
        by_office = sorted(key for key in self._overrides if key[1] == limit_id)
        return (*self._versions(limit_id), *(v for key in by_office for v in self._overrides[key]))

    def all(self, *, on: date, offices: Sequence[str] = ()) -> tuple[Limit, ...]:
        """Return every limit as `find` would, sorted by id."""
        return tuple(self.find(limit_id, on=on, offices=offices) for limit_id in self.ids())

    def with_overrides(self, overrides: Iterable[tuple[str, Limit]]) -> "LimitBook":
        """Return a book in which these offices have their own limits too.

        Raises UnknownLimit for an id that we do not ship, ValueError for another unit than the
        shipped one and for two overrides with one office, id and date.
        """
        added = [((office, limit.id), self._fitted(office, limit)) for office, limit in overrides]
        known = [(key, limit) for key, limits in self._overrides.items() for limit in limits]
        return LimitBook(
            self.ruleset,
            (limit for versions in self._shipped.values() for limit in versions),
            _by_age([*known, *added]),
        )

    def _fitted(self, office: str, limit: Limit) -> Limit:
        newest = self._versions(limit.id)[-1]
        if limit.unit is not newest.unit:
            raise ValueError(f"{limit.id} counts {newest.unit}, not {limit.unit}")
        return replace(limit, origin=office, note=newest.note)

    def _versions(self, limit_id: str) -> tuple[Limit, ...]:
        try:
            return self._shipped[limit_id]
        except KeyError:
            raise UnknownLimit(limit_id) from None


def parse_override(raw: object) -> Limit:
    """Read what an administrator sets for an office, as JSON.

    {"id", "amount", "unit", "effective_from": "2026-01-31", "source": why and by whom; optional
    "day_count": "same_day" | "next_day" of workday limits, "enabled"}. The unit is asked for
    although it cannot change, so that nobody sets 24 hours as 24 minutes. An amount is a number,
    a fraction such as "1/4", or "21:00".
    Raises BadInput naming every unusable field, with limit.not_an_object, limit.unknown_field,
    limit.unknown_id, limit.required, limit.wrong_unit (facts: unit), limit.not_a_number,
    limit.not_a_time, limit.not_whole, limit.out_of_range (facts: least, most, unit),
    limit.not_a_date, limit.not_a_day_count, limit.no_day_count, limit.not_a_flag or text.*.
    """
    if not isinstance(raw, Mapping):
        raise BadInput.of("", "limit.not_an_object")
    limit_id = raw.get("id")
    shape = _shapes().get(limit_id) if isinstance(limit_id, str) else None
    if shape is None:
        raise BadInput.of("id", "limit.unknown_id")
    values: dict[str, Any] = {}
    errors = [
        FieldError(str(name)[:_LONGEST_FIELD], "limit.unknown_field")
        for name in raw
        if name != "id" and name not in _OVERRIDE_FIELDS
    ]
    for name, read in _OVERRIDE_FIELDS.items():
        try:
            values[name] = read(name, raw.get(name), shape)
        except BadInput as refused:
            errors.extend(refused.errors)
    if errors:
        raise BadInput(errors)
    return replace(shape, **values, assumed=False, origin="", public={})


def _read_amount(name: str, raw: object, shape: Limit) -> Fraction | time:
    if raw is None:
        raise BadInput.of(name, "limit.required")
    return _amount(name, raw, shape.unit)


def _read_unit(name: str, raw: object, shape: Limit) -> Unit:
    if raw is None:
        raise BadInput.of(name, "limit.required")
    if raw != shape.unit.value:
        raise BadInput.of(name, "limit.wrong_unit", unit=shape.unit.value)
    return shape.unit


def _read_date(name: str, raw: object, _shape: Limit) -> date:
    if raw is None:
        raise BadInput.of(name, "limit.required")
    try:
        if isinstance(raw, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", raw):
            return date.fromisoformat(raw)
    except ValueError:
        pass  # such as 2026-02-30, refused like every other text that is no date
    raise BadInput.of(name, "limit.not_a_date")


def _read_source(name: str, raw: Any, _shape: Limit) -> str:
    if raw is None:
        raise BadInput.of(name, "limit.required")
    return clean_text(raw, field=name, max_units=_LONGEST_SOURCE)


def _read_day_count(name: str, raw: object, shape: Limit) -> str:
    if raw is None:
        return shape.day_count
    if shape.basis is not Basis.WORKDAY:
        raise BadInput.of(name, "limit.no_day_count")
    if isinstance(raw, str) and raw in _DAY_COUNTS:
        return raw
    raise BadInput.of(name, "limit.not_a_day_count")


def _read_flag(name: str, raw: object, shape: Limit) -> bool:
    if raw is None:
        return shape.enabled
    if not isinstance(raw, bool):
        raise BadInput.of(name, "limit.not_a_flag")
    return raw


_OVERRIDE_FIELDS: Final[Mapping[str, Callable[[str, Any, Limit], Any]]] = MappingProxyType(
    {
        "amount": _read_amount,
        "unit": _read_unit,
        "effective_from": _read_date,
        "source": _read_source,
        "day_count": _read_day_count,
        "enabled": _read_flag,
    }
)


def _amount(name: str, raw: object, unit: Unit) -> Fraction | time:
    """Read an amount within its unit's range. Raises BadInput naming `name`."""
    if unit is Unit.TIME_OF_DAY:
        if isinstance(raw, str) and re.fullmatch(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", raw):
            return time.fromisoformat(raw)
        raise BadInput.of(name, "limit.not_a_time")
    amount = _fraction(raw)
    if amount is None:
        raise BadInput.of(name, "limit.not_a_number")
    least, most = _RANGE[unit]
    if not least <= amount <= most:
        raise BadInput.of(
            name, "limit.out_of_range", least=str(least), most=str(most), unit=unit.value
        )
    if unit in _GRAIN and amount % _GRAIN[unit]:
        raise BadInput.of(name, "limit.not_whole")
    return amount


def _fraction(raw: object) -> Fraction | None:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return Fraction(raw)
    text = repr(raw) if isinstance(raw, float) else raw
    pattern = r"[0-9]{1,9}(?:\.[0-9]{1,6}|/[1-9][0-9]{0,6})?"
    if isinstance(text, str) and re.fullmatch(pattern, text):
        return Fraction(text)
    return None


def _written(amount: Fraction | time) -> int | str:
    if isinstance(amount, time):
        return amount.isoformat("minutes")
    return amount.numerator if amount.denominator == 1 else str(amount)


def _in_force(versions: Sequence[Limit], on: date) -> Limit | None:
    begun = [limit for limit in versions if limit.effective_from <= on]
    return begun[-1] if begun else None


def _by_age(limits: Iterable[tuple[_Key, Limit]]) -> dict[_Key, tuple[Limit, ...]]:
    """Group by key, oldest first. Raises ValueError for two of one date."""
    grouped: dict[_Key, dict[date, Limit]] = {}
    for key, limit in limits:
        dated = grouped.setdefault(key, {})
        if limit.effective_from in dated:
            raise ValueError(f"{key} has two versions of {limit.effective_from}")
        dated[limit.effective_from] = limit
    return {key: tuple(dated[day] for day in sorted(dated)) for key, dated in grouped.items()}


@cache
def _shipped(ruleset: str) -> LimitBook:
    if ruleset not in RULESETS:
        raise ValueError(f"no rule set {ruleset!r}; there are {', '.join(RULESETS)}")
    return LimitBook(ruleset, _load(ruleset))


@cache
def _shapes() -> Mapping[str, Limit]:
    """Return one shipped limit an id. Its unit is the same in every rule set, as a test holds."""
    books = [LimitBook.shipped(ruleset) for ruleset in reversed(RULESETS)]
    return {limit_id: book.history(limit_id)[-1] for book in books for limit_id in book.ids()}


_TAGGED: Final = re.compile(r"(\[[^\]]*\] )(.*)", re.DOTALL)


def cited(source: str, language: str) -> str:
    """Return a source in a language, behind how we know it; an office's own as it wrote it."""
    tagged = _TAGGED.fullmatch(source)
    if language != "zh" or tagged is None:
        return source
    return tagged[1] + _chinese_sources().get(tagged[2], tagged[2])


@cache
def _chinese_sources() -> Mapping[str, str]:
    text = files(__package__).joinpath("sources_zh.json").read_text(encoding="utf-8")
    return MappingProxyType(json.loads(text))


def _load(name: str) -> list[Limit]:
    """Read one data file and what it extends. Raises for any entry that is not as documented."""
    data = json.loads(files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
    own = [_read(entry, origin=name) for entry in data["limits"]]
    stated = {limit.id for limit in own}
    inherited = _load(data["extends"]) if "extends" in data else []
    return own + [limit for limit in inherited if limit.id not in stated]


def _read(entry: Mapping[str, Any], *, origin: str) -> Limit:
    unit = Unit(entry["unit"])
    if entry["clock"] != _BASIS[unit]:
        raise ValueError(f"{entry['id']}: {unit} runs on {_BASIS[unit]}, not {entry['clock']}")
    if ("day_count" in entry) != (unit is Unit.WORKDAY):
        raise ValueError(f"{entry['id']}: workday limits, and they alone, say how days count")
    return Limit(
        id=entry["id"],
        amount=_amount(entry["id"], entry["amount"], unit),
        unit=unit,
        basis=_BASIS[unit],
        day_count=entry.get("day_count", ""),
        effective_from=date.fromisoformat(entry["effective_from"]),
        source=entry["source"],
        assumed=entry["assumed"],
        note=MappingProxyType({"zh": entry["note_zh"], "en": entry["note_en"]}),
        origin=origin,
        enabled=entry.get("enabled", True),
        public={
            each: entry[f"public_{each}"] for each in ("zh", "en") if f"public_{each}" in entry
        },
    )
