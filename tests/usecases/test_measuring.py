"""Indices from the outages that are kept, against a table worked out by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.indicators import Base, By
from chalicelib.domain.reach import Reach
from chalicelib.domain.refusal import BadInput
from chalicelib.domain.staff import Role
from chalicelib.store import ledger
from chalicelib.usecases import measuring
from chalicelib.usecases.desk import Desk
from tests.domain.blackout import AREAS, MINUTE, ONE, act, opened
from tests.domain.engine import RULES
from tests.usecases.county import COUNTY, STATION, a_county
from tests.usecases.supply import an_area, back, dark, keep, looking

JULY: dict[str, Any] = {"first": date(2026, 7, 1), "last": date(2026, 7, 31)}
AUGUST = datetime(2026, 8, 15, 4, tzinfo=UTC)
TWO = Reach.of({"T2": ["L7", "L8"]}, {"L7": 1, "L8": 2})
NESTED = Reach.of({"T3": ["L9"]}, {"L9": 5})
BRIEF = Reach.of({"T4": "all"}, {"T4": 10})


@pytest.fixture
def july(desk: Desk) -> Desk:
    """Keep the outages of the table; a hundred customers are served.

    supply point   customers   dark (minutes from noon)   length   outage
    T2/L7, T2/L8           3   0 to 20                        20   Q1, its first step back
    T1                    40   0 to 60                        60   Q1, its second step back
    T3/L9                  5   0 to 90                        90   Q2, nested under Q1
    T4                    10   5 to 7                          2   Q3, momentary
    T2/L7                  1   1440 to 1470                   30   Q4, a fallen tree
    """
    del desk  # its county is set up anew, on the day of the outages
    an_area()
    below = keep(opened(outage_id="Q2", reach=NESTED, minutes=1))
    above = keep(opened(reach=AREAS | NESTED, others=(below.outage,)))
    nested = moves.nest(above.outage, below.outage, act(3), rules=RULES)
    above, below = (keep(made, was) for made, was in zip(nested, (above, below), strict=True))
    back(back(above, 20, TWO), 60)
    below = keep(moves.unnest(below.outage, act(61), rules=RULES), below)
    back(below, 90)
    dark("Q3", BRIEF, since=5, minutes=2)
    dark("Q4", ONE, since=1440, minutes=30, cause="trees.tree_fallen")
    return a_county(AUGUST)


def measured(desk: Desk, **asked: Any):
    wanted = measuring.Asked(**{**JULY, "cemi": 2, **asked})
    return measuring.measure(looking(desk, AUGUST), wanted)


def by_key(made):
    return {row["key"]: row for row in made["rows"]}


def figures(row, *names: str):
    return tuple(row[name] for name in names)


def test_the_indices_are_those_of_the_table_with_its_partial_restoration(july):
    total = measured(july)["total"]

    assert figures(total, "customers", "sustained", "momentary") == (100, 49, 10)
    lost = 3 * 20 + 40 * 60 + 5 * 90 + 1 * 30  # minutes
    assert total["saifi"] == 0.49
    assert total["saidi_minutes"] == lost / 100 == 29.4
    assert total["caidi_minutes"] == 60
    assert total["aihc_hours"] == 0.49
    assert total["maifi"] == 0.1
    assert total["cemi"] == 0.01  # T2/L7 twice
    served = 100 * 31 * 24 * 60
    assert total["asai"] == total["rs1"] == pytest.approx(1 - lost / served, abs=1e-9)


def test_by_office_each_has_its_own_customers_and_what_befell_them(july):
    rows = by_key(measured(july))

    names = ("customers", "sustained", "momentary", "saidi_minutes")
    assert figures(rows[STATION], *names) == (90, 49, 0, pytest.approx(2940 / 90))
    assert figures(rows[COUNTY], *names) == (10, 0, 10, 0)  # nobody named the place T4
    assert rows[STATION]["name"] == "S1供电"


def test_by_feeder_an_outage_of_one_feeder_is_that_feeder_s(july):
    rows = by_key(measured(july, by=By.FEEDER))

    assert figures(rows["F1"], "customers", "sustained") == (60, 49)
    assert figures(rows["F2"], "customers", "sustained", "saifi") == (40, 0, 0)


def test_by_cause_everybody_is_the_denominator(july):
    rows = by_key(measured(july, by=By.CAUSE))

    tree = rows["trees.tree_fallen"]
    assert figures(tree, "customers", "sustained", "saidi_minutes") == (100, 1, 0.3)
    assert rows[""]["sustained"] == 48


def test_counting_transformers_the_chinese_threshold_holds_and_hours_are_told(july):
    made = measured(july, base=Base.TRANSFORMERS)

    total = made["total"]
    assert made["momentary_minutes"] == 3
    # only T1 was dark as a whole for an hour; T4 for two minutes; T2 and T3 in part
    assert figures(total, "customers", "sustained", "momentary") == (5, 1, 1)
    assert figures(total, "aihc_hours", "saidi_minutes") == (0.2, None)  # T-03 is the fifth


def test_the_threshold_and_the_exclusions_are_settings(july):
    short = measured(july, momentary=MINUTE)["total"]
    assert figures(short, "sustained", "momentary") == (59, 0)

    for left_out in ("trees", "trees.tree_fallen"):
        total = measured(july, exclude=(left_out,))["total"]
        assert figures(total, "sustained", "saidi_minutes") == (48, 29.1)
    assert measured(july, exclude=("fault",))["total"]["sustained"] == 0
    first_day = measured(july, without=frozenset({date(2026, 7, 1)}))["total"]
    assert first_day["sustained"] == 1


def test_an_interruption_belongs_to_the_period_in_which_it_began(july):
    second = measured(july, first=date(2026, 7, 2), last=date(2026, 7, 2))["total"]
    assert figures(second, "sustained", "momentary", "saidi_minutes") == (1, 0, 0.3)
    assert measured(july, first=date(2026, 7, 3))["total"]["saifi"] == 0


def test_what_is_dark_still_counts_once_and_in_no_duration(july):
    keep(opened(outage_id="Q9", reach=BRIEF, since=3000, minutes=3001))
    total = measured(july)["total"]
    assert figures(total, "sustained", "ended", "saidi_minutes") == (59, 49, 29.4)


def test_who_works_at_a_station_sees_its_areas_alone(july):
    wanted = measuring.Asked(**JULY)
    made = measuring.measure(looking(july, AUGUST, Role.AREA_MANAGER, levels=4), wanted)
    assert [row["key"] for row in made["rows"]] == [STATION]
    assert figures(made["total"], "customers", "sustained", "momentary") == (90, 49, 0)


@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        ({"first": date(2026, 8, 16)}, "from", "days.in_future"),
        ({"first": date(2026, 8, 2), "last": date(2026, 8, 1)}, "to", "field.out_of_range"),
        ({"first": date(2025, 7, 1)}, "from", "days.too_many"),
        ({"first": date(2023, 7, 1), "last": date(2023, 7, 2)}, "from", "days.too_old"),
        ({"exclude": ("weather",)}, "exclude", "field.choice"),
    ],
)
def test_what_cannot_be_counted_is_refused_by_name(desk, asked, field, code):
    with pytest.raises(BadInput) as refused:
        measuring.measure(looking(desk, AUGUST), measuring.Asked(**asked))
    assert [(each.field, each.code) for each in refused.value.errors] == [(field, code)]


def test_a_period_that_is_not_over_ends_now_and_begins_with_the_month(desk):
    an_area()
    now = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
    made = measuring.measure(looking(desk, now), measuring.Asked())
    assert (made["from"], made["to"]) == ("2026-11-01", "2026-11-23")
    assert made["until"] == "2026-11-23T04:15:00.000Z"
    assert made["total"]["asai"] == 1


def test_the_table_that_leaves_is_on_record_and_says_what_the_page_says(july):
    asked = measuring.Asked(**JULY, cemi=2)
    on = looking(july, AUGUST, Role.SUPERVISOR)
    table = measuring.export(on, asked, language="zh")
    lines = table.content.decode("utf-8-sig").splitlines()

    assert lines[0].startswith("供电单位,用户数,停电户次")
    assert lines[-1].startswith("合计,100,49,10,49,0.49,29.4,60,0.49,")
    assert table.rows == len(lines) - 1 == 3
    (event,) = ledger.read(f"access/{COUNTY}/2026-08-15")
    assert (event.name, event.data["table"]) == ("exported", "indices")


def test_what_was_over_long_after_the_period_still_counts(desk):
    del desk
    an_area()
    month = timedelta(days=31) / MINUTE
    dark("Q1", BRIEF, minutes=month + 60)
    desk = a_county(AUGUST)
    assert measured(desk)["total"]["saidi_minutes"] == pytest.approx((month + 60) / 10)
