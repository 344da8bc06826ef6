"""What a row of the bench is, how it is judged, and how the table is printed.

A row has one or more figures, each the lower the better, each with its unit, its floor (how low it
can possibly be) and its goal (the most that is right). A row is met when every figure is.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

_GROUPED: Final = 1_000
HEADER: Final = ("row", "what", "goal", "floor", "measured", "verdict")


class CannotMeasure(Exception):
    """Why a row has no figure here and what to do about it, as one sentence."""


class Verdict(StrEnum):
    """How a row came out."""

    MET = "met"
    OVER = "over"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a row.

    floor: None where only the run can tell, such as the other side of a ratio. goal: a number; or
    `times` the floor. Raises ValueError unless exactly one of the two is given.
    """

    unit: str
    floor: float | None = None
    goal: float | None = None
    times: float | None = None

    def __post_init__(self) -> None:
        if (self.goal is None) == (self.times is None):
            raise ValueError(f"{self.unit}: either a goal or how many times the floor")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a run found for one figure. floor: where the figure itself names none."""

    value: float
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run found for one row: a reading a figure, in their order. note: what it consists of.

    Not a figure, but without it the figure is only a claim.
    """

    readings: tuple[Reading, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row. name: what it is asked for by. measure: takes the bench and measures.

    why: the reason that is known for a row above its goal, and what would lower it; printed only
    while it is above.
    """

    name: str
    what: str
    figures: tuple[Figure, ...]
    measure: Callable[[Any], Measured]
    why: str = ""
    full_only: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """One figure with its reading, and the floor and the goal that hold for it."""

    figure: Figure
    value: float
    floor: float
    goal: float

    @property
    def is_met(self) -> bool:
        """Whether the value is no more than the goal; a product's last binary digit is neither."""
        return self.value <= self.goal or math.isclose(self.value, self.goal)


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it came out. judged: empty when it was not measured; remark: why not, or what of."""

    row: Row
    judged: tuple[Judged, ...] = ()
    remark: str = ""

    @property
    def verdict(self) -> Verdict:
        """Met, over or not measured."""
        if not self.judged:
            return Verdict.NOT_MEASURED
        return Verdict.MET if all(each.is_met for each in self.judged) else Verdict.OVER

    @property
    def cells(self) -> tuple[str, ...]:
        """What the table prints, in the order of HEADER."""
        row = self.row
        return (
            row.name,
            row.what,
            _joined([_goal(each) for each in self.judged] or [_wanted(f) for f in row.figures]),
            _joined([_floor(each) for each in self.judged] or [_least(f) for f in row.figures]),
            _joined([_value(each) for each in self.judged]) or "-",
            self.verdict.value,
        )


def judge(row: Row, measured: Measured) -> Line:
    """Return a row with what was measured beside its floors and goals.

    Raises ValueError where readings and figures do not pair, or a floor is nowhere to be had.
    """
    pairs = zip(row.figures, measured.readings, strict=True)
    return Line(row, tuple(_judged(figure, reading) for figure, reading in pairs), measured.note)


def _judged(figure: Figure, reading: Reading) -> Judged:
    floor = figure.floor if figure.floor is not None else reading.floor
    if floor is None:
        raise ValueError(f"{figure.unit}: nobody said what the floor is")
    goal = figure.goal if figure.times is None else figure.times * floor
    if goal is None:
        raise ValueError(f"{figure.unit}: nobody said what the goal is")
    return Judged(figure, reading.value, floor, goal)


# Printing ---------------------------------------------------------------------------------------


def number(value: float) -> str:
    """Return a number as people read it: three figures that count, thousands apart."""
    if abs(value) >= _GROUPED:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value % 1 else f"{value:.0f}"


def _goal(each: Judged) -> str:
    return f"{number(each.goal)} {each.figure.unit}"


def _floor(each: Judged) -> str:
    return number(each.floor)


def _value(each: Judged) -> str:
    """Return the value; where the goal is a multiple of the floor, which multiple it is."""
    if each.figure.times is None or not each.floor:
        return number(each.value)
    return f"{number(each.value)} ({each.value / each.floor:.2f}×)"


def _wanted(figure: Figure) -> str:
    goal = f"{number(figure.goal)}" if figure.goal is not None else f"{figure.times} × floor"
    return f"{goal} {figure.unit}"


def _least(figure: Figure) -> str:
    return "measured" if figure.floor is None else number(figure.floor)


def _joined(parts: Sequence[str]) -> str:
    return ", ".join(parts)


def printed(lines: Sequence[Line]) -> str:
    """Return the table, then what each row consists of and why it is over."""
    rows = [HEADER, *(line.cells for line in lines)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADER))]
    table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    table.insert(1, "  ".join("-" * width for width in widths))
    remarks = [remark for line in lines for remark in _remarks(line)]
    return "\n".join([*table, "", *remarks])


def _remarks(line: Line) -> list[str]:
    said = [f"{line.row.name}: {line.remark}"] if line.remark else []
    if line.verdict is Verdict.OVER:
        said.append(f"{line.row.name} is over: {line.row.why or 'nobody has looked into it yet'}")
    return said


def summary(lines: Sequence[Line]) -> str:
    """Return one sentence: how many rows came out how."""
    counts = [(each, sum(line.verdict is each for line in lines)) for each in Verdict]
    return ", ".join(f"{count} {verdict.value}" for verdict, count in counts if count)
