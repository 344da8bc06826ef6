"""The bench judges as it says: each row has a goal, a floor and a unit, and sums are sums."""

import pytest

from infra.bench import costs
from infra.bench.__main__ import chosen, measure, rows
from infra.bench.costs import bill
from infra.bench.meter import Call
from infra.bench.scene import Scene
from infra.bench.table import (
    HEADER,
    CannotMeasure,
    Figure,
    Line,
    Measured,
    Reading,
    Row,
    Verdict,
    judge,
    number,
    printed,
    summary,
)


def a_row(*figures: Figure, why: str = "", measure=lambda _scene: None) -> Row:
    return Row(name="r", what="what it is", figures=figures, measure=measure, why=why)


def measured(*readings: tuple[float, float | None] | float, note: str = "") -> Measured:
    pairs = [each if isinstance(each, tuple) else (each, None) for each in readings]
    return Measured(tuple(Reading(*pair) for pair in pairs), note)


CALL = Figure("call", floor=1, goal=1)
UNITS = Figure("WRU", floor=2, goal=8)
RATIO = Figure("RRU", times=1.2)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_every_row_has_a_name_a_goal_a_floor_and_a_unit(row):
    name, what, goal, floor, _, verdict = Line(row).cells
    assert name
    assert what
    assert goal.count(",") == floor.count(",") == len(row.figures) - 1
    for figure in row.figures:
        assert figure.unit
        assert figure.unit in goal
        assert (figure.goal is None) != (figure.times is None)
        assert figure.goal is None or (figure.floor or 0) <= figure.goal
        assert figure.times is None or figure.times >= 1
    assert verdict == Verdict.NOT_MEASURED


def test_no_two_rows_have_one_name():
    names = [row.name for row in rows()]
    assert len(set(names)) == len(names)


def test_what_the_design_promises_has_its_row():
    """The table of costs: intake, move, page, track, sweeps at both sizes, start, request, zip."""
    names = {row.name for row in rows()}
    promised = {
        "accept", "accept-longest", "move", "move-words", "effect", "look-back", "seal", "page",
        "track", "sweep-idle-1k", "sweep-idle-100k", "sweep-due-1k", "sweep-due-100k",
        "cold-start", "warm-request", "clients-made", "package", "log-bytes",
        "notices", "notices-growth", "notices-flat", "notices-money",
    }  # fmt: skip
    assert promised <= names


def test_rows_at_few_open_orders_come_before_those_at_many():
    """Orders only ever become more while a bench runs."""
    order = [row.name for row in rows()]
    assert order.index("sweep-due-1k") < order.index("counts-100k")


@pytest.mark.parametrize(
    ("value", "verdict"), [(7, Verdict.MET), (8, Verdict.MET), (8.01, Verdict.OVER)]
)
def test_a_figure_is_met_up_to_its_goal_and_not_a_hair_beyond(value, verdict):
    assert judge(a_row(UNITS), measured(value)).verdict is verdict


def test_one_figure_above_its_goal_makes_the_row_over():
    assert judge(a_row(CALL, UNITS), measured(3, 8)).verdict is Verdict.OVER


def test_a_goal_that_is_a_multiple_follows_the_floor_that_was_measured():
    within, beyond = measured((1.8, 1.5)), measured((1.81, 1.5))

    assert judge(a_row(RATIO), within).judged[0].goal == pytest.approx(1.8)
    assert judge(a_row(RATIO), within).verdict is Verdict.MET
    assert judge(a_row(RATIO), beyond).verdict is Verdict.OVER


def test_without_a_floor_there_is_no_verdict():
    with pytest.raises(ValueError, match="floor"):
        judge(a_row(RATIO), measured(1))


def test_readings_and_figures_pair():
    with pytest.raises(ValueError, match="shorter"):
        judge(a_row(CALL, UNITS), measured(1))


@pytest.mark.parametrize("both", [{}, {"goal": 1.0, "times": 1.5}])
def test_a_figure_has_either_a_goal_or_a_multiple(both):
    with pytest.raises(ValueError, match="either"):
        Figure("call", floor=1, **both)


def test_what_is_over_says_why_and_what_is_met_does_not():
    row = a_row(UNITS, why="it writes five rows.")

    assert "it writes five rows." in printed([judge(row, measured(10))])
    assert "it writes five rows." not in printed([judge(row, measured(8))])


def test_what_is_over_without_a_reason_is_not_passed_over():
    assert "r is over: nobody" in printed([judge(a_row(UNITS), measured(10))])


def test_what_could_not_be_measured_stays_in_the_table_with_goal_and_floor():
    line = Line(a_row(UNITS, RATIO), remark="no valgrind here")

    assert line.verdict is Verdict.NOT_MEASURED
    assert line.cells == (
        "r",
        "what it is",
        "8 WRU, 1.2 × floor RRU",
        "2, measured",
        "-",
        "not measured",
    )
    assert "r: no valgrind here" in printed([line])


def test_the_table_shows_value_floor_and_goal_and_how_many_times_the_floor():
    line = judge(a_row(CALL, RATIO), measured(3, (24.5, 1.5)))

    assert line.cells == (
        "r",
        "what it is",
        "1 call, 1.8 RRU",
        "1, 1.5",
        "3, 24.5 (16.33×)",
        "over",
    )
    heading, rule, row, *_ = printed([line]).splitlines()
    assert heading.split() == list(HEADER)
    assert set(rule) == {"-", " "}
    assert row.startswith("r  ")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (8, "8"), (0.5, "0.5"), (0.0400, "0.04"), (24.5, "24.5"), (1316.98, "1,317")],
)
def test_numbers_are_printed_for_people(value, text):
    assert number(value) == text


def test_the_last_line_counts_the_verdicts():
    lines = [judge(a_row(UNITS), measured(8)), judge(a_row(UNITS), measured(9)), Line(a_row(CALL))]
    assert summary(lines) == "1 met, 1 over, 1 not measured"


def test_a_bill_adds_up_by_operation():
    calls = [
        Call("GetItem", 0, 1, 1),
        Call("GetItem", 0, 0.5, 1),
        Call("TransactWriteItems", 8, 0, 3),
        Call("Query", 0, 0, 0),
    ]
    assert bill(calls) == "2 GetItem 1.5 RRU, 1 TransactWriteItems 8 WRU, 1 Query"


def test_quick_leaves_out_the_many_and_names_choose():
    quick = {row.name for row in chosen([], quick=True)}

    assert not [name for name in quick if name.endswith("100k")]
    assert "sweep-idle-1k" in quick
    assert [row.name for row in chosen(["track", "move"], quick=False)] == ["move", "track"]


def test_a_name_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"nonsense.*there are.*track"):
        chosen(["nonsense"], quick=False)


def test_a_row_that_cannot_be_measured_does_not_take_the_others_along():
    def refuse(_scene):
        raise CannotMeasure("no valgrind here")

    line = measure(a_row(CALL, measure=refuse), Scene())

    assert (line.verdict, line.remark) == (Verdict.NOT_MEASURED, "no valgrind here")


def test_what_the_stores_calls_cost_can_be_measured():
    """At few open orders, whatever the figures are: a bench that breaks is found here."""
    with Scene() as scene:
        lines = [measure(row, scene) for row in costs.rows() if not row.full_only]

    assert len(lines) > 12
    assert {line.row.name for line in lines if line.verdict is Verdict.NOT_MEASURED} == set()
