"""Print the table: what | goal | floor | measured | verdict.

    python -m infra.bench                        every row
    python -m infra.bench --quick                without the rows at 100 k open orders
    python -m infra.bench track sweep-idle-1k    these rows
    python -m infra.bench --list                 the rows' names, goals and floors; nothing measured

Ends with 0 whatever the verdicts: it is a measuring tape, the tests hold the line. Ends with 1 if a
row that was asked for could not be measured.
"""

import argparse
import io
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout

from infra.bench import clearing, costs, machine, notices, shipped, survey
from infra.bench.scene import Scene
from infra.bench.table import CannotMeasure, Line, Row, Verdict, judge, printed, summary
from infra.local.tools import CannotRun


def rows() -> tuple[Row, ...]:
    """Return every row in the order in which they are measured: few open orders before many."""
    return (
        *survey.ROWS,
        *costs.rows(),
        *notices.ROWS,
        *clearing.ROWS,
        *machine.rows(),
        *shipped.ROWS,
    )


def chosen(names: Sequence[str], *, quick: bool) -> list[Row]:
    """Return the rows of these names, all of them for none. Raises ValueError for a wrong name."""
    known = {row.name: row for row in rows()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no row is called {', '.join(unknown)}; there are {', '.join(known)}")
    return [
        row
        for row in known.values()
        if (not names or row.name in names) and not (quick and row.full_only)
    ]


def measure(row: Row, scene: Scene) -> Line:
    """Measure one row. What the house logs meanwhile is not part of the table."""
    try:
        with redirect_stdout(io.StringIO()):
            measured = row.measure(scene)
    except CannotMeasure as refused:
        return Line(row, remark=str(refused))
    return judge(row, measured)


def main() -> int:
    """Measure and print. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.bench", description="Measure the house")
    parser.add_argument("rows", nargs="*", help="names of rows; all of them if none is named")
    parser.add_argument("--quick", action="store_true", help="leave out 100 k open orders")
    parser.add_argument("--list", action="store_true", help="only print the rows")
    asked = parser.parse_args()
    try:
        wanted = chosen(asked.rows, quick=asked.quick)
    except ValueError as wrong:
        parser.error(str(wrong))
    if asked.list:
        print(printed([Line(row) for row in wanted]))
        return 0
    try:
        lines = _measured(wanted)
    except CannotRun as refused:
        print(refused, file=sys.stderr)
        return 1
    print(printed(lines))
    print(f"\n{summary(lines)}")
    return int(any(line.verdict is Verdict.NOT_MEASURED for line in lines))


def _measured(wanted: Sequence[Row]) -> list[Line]:
    lines = []
    try:
        with Scene() as scene:
            for row in wanted:
                began = time.monotonic()
                lines.append(measure(row, scene))
                took = time.monotonic() - began
                print(f"{row.name}: {lines[-1].verdict}, {took:.0f} s", file=sys.stderr)
    finally:
        machine.forget_compiled()
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
