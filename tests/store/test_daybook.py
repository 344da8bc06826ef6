"""The daybook: a row an order and day, put again without harm, read day by day."""

from datetime import date, timedelta

import pytest

from chalicelib.store import daybook
from tests.builders import COUNTY

on_both = pytest.mark.usefixtures("any_store")
on_embedded = pytest.mark.usefixtures("store")

MONDAY = date(2026, 3, 9)
TUESDAY = MONDAY + timedelta(days=1)


def put(day: date, number: int, *, version: int = 1, county: str = COUNTY) -> bool:
    return daybook.put(county, day, f"{number:04}", {"stage": f"v{version}"}, version=version)


def everything(first: date, last: date, *, limit: int) -> list[tuple[date, str]]:
    found = []
    after = None
    while True:
        page = daybook.lines(COUNTY, first, last, limit=limit, after=after)
        assert len(page.items) <= limit
        found += [(line.day, line.order_id) for line in page.items]
        if page.after is None:
            return found
        after = page.after


@on_both
def test_a_row_put_twice_is_one_line():
    assert put(MONDAY, 1)
    assert put(MONDAY, 1)

    (line,) = daybook.lines(COUNTY, MONDAY, MONDAY, limit=10).items
    assert (line.day, line.order_id, line.version, line.row) == (MONDAY, "0001", 1, {"stage": "v1"})


@on_both
def test_an_older_row_that_comes_late_does_not_replace_a_newer_one():
    put(MONDAY, 1, version=3)

    assert not put(MONDAY, 1, version=2)

    (line,) = daybook.lines(COUNTY, MONDAY, MONDAY, limit=10).items
    assert line.row == {"stage": "v3"}


@on_both
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
def test_pages_of_any_size_show_each_line_of_the_days_once_in_order(limit: int):
    wanted = [(MONDAY, 1), (MONDAY, 2), (TUESDAY, 1), (TUESDAY + timedelta(days=3), 7)]
    for day, number in wanted:
        put(day, number)
    put(MONDAY - timedelta(days=1), 5)
    put(TUESDAY + timedelta(days=4), 6)
    put(MONDAY, 8, county="C-OTHER")

    found = everything(MONDAY, TUESDAY + timedelta(days=3), limit=limit)

    assert found == [(day, f"{number:04}") for day, number in wanted]


@on_embedded
def test_a_page_looks_at_a_month_and_says_where_to_go_on():
    last = MONDAY + timedelta(days=daybook.MOST_DAYS)
    put(last, 1)

    page = daybook.lines(COUNTY, MONDAY, last, limit=10)
    assert page.items == ()

    (line,) = daybook.lines(COUNTY, MONDAY, last, limit=10, after=page.after).items
    assert line.day == last


@on_embedded
def test_a_cursor_that_is_none_is_refused():
    with pytest.raises(ValueError, match="isoformat"):
        daybook.lines(COUNTY, MONDAY, TUESDAY, limit=10, after="yesterday")
