"""Households and places: one home each, found by number, imported twice without harm."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.contact import Phone
from chalicelib.store import customers
from chalicelib.store.customers import Difference, Household, Place
from chalicelib.store.desk_rows import HomeRow, WhereRow, put_all
from chalicelib.store.rows import House
from infra.bench.meter import Meter
from tests.builders import COUNTY, NOON, STATION

on_both = pytest.mark.usefixtures("any_store")
on_embedded = pytest.mark.usefixtures("store")

AREA = "TA-HEWEI-03"
OTHER = "TA-HEWEI-04"


def a_household(number: int = 1, **said: Any) -> Household:
    fields = {
        "account_no": f"13{number:08}",
        "transformer_id": AREA,
        "name": "王小明",
        "address": f"清河县河尾村{number}号",
        "phones": (Phone("+8613800138000"), Phone("+8631188881234", "12")),
        "flags": frozenset({"life_support"}),
    }
    return Household(**(fields | said))


def a_place(code: str = AREA, name: str = "河尾村3号公变", **said: Any) -> Place:
    fields: dict[str, Any] = {
        "code": code,
        "name": name,
        "county": COUNTY,
        "office_id": STATION,
        "village": "河尾村",
        "township": "城关镇",
        "line": "建设线",
        "households": 112,
    }
    return Place(**(fields | said))


@on_both
def test_everything_about_a_household_is_read_as_it_was_kept():
    full = a_household(
        flags=frozenset({"key", "sensitive"}),
        load_id="X1",
        meters=("M1", "M2"),
        about={"key": "first", "sensitive": "cold_store", "liaison": "liaison-qh-1"},
        consented_at=NOON,
        opted_out_at=NOON + timedelta(days=1),
    )
    take(full)

    assert customers.find_household(full.account_no) == full
    assert customers.households_at([(AREA, full.account_no), (AREA, "none")]) == [full]


def take(*households: Household, drop_missing: bool = False) -> Difference[Household]:
    difference = customers.compare_households(COUNTY, households)
    customers.put_households(difference, drop_missing=drop_missing)
    return difference


def take_places(*places: Place, drop_missing: bool = False) -> Difference[Place]:
    difference = customers.compare_places(COUNTY, places)
    customers.put_places(difference, drop_missing=drop_missing)
    return difference


def counts(difference) -> tuple[int, int, int, int, int]:
    parts = (difference.added, difference.changed, difference.moved, difference.missing)
    added, changed, moved, missing = map(len, parts)
    return added, changed, moved, missing, difference.unchanged


# Finding


@on_both
def test_a_household_is_found_by_its_account_as_it_was_imported():
    take(a_household(), a_household(2, phones=(), flags=frozenset(), name="", address=""))

    assert customers.find_household("1300000001") == a_household()
    assert customers.find_household("1300000002") == a_household(
        2, phones=(), flags=frozenset(), name="", address=""
    )
    assert customers.find_household("1300000003") is None
    assert customers.find_household("") is None


@on_both
def test_a_place_is_found_by_the_code_on_its_sign():
    take_places(a_place())

    assert customers.find_place(AREA) == a_place()
    assert customers.find_place(OTHER) is None


@on_embedded
def test_a_place_that_a_report_named_is_remembered_for_five_minutes(store: House):
    take_places(a_place())
    assert customers.known_place(AREA, at=NOON) == a_place()
    renamed = customers.PLACES.home_row(a_place(name="改名公变"))
    put_all(HomeRow, [renamed])  # by another process

    with Meter(store.connection.client) as meter:
        almost = customers.known_place(AREA, at=NOON + timedelta(seconds=299))
    later = customers.known_place(AREA, at=NOON + timedelta(seconds=300))

    assert (almost, meter.calls) == (a_place(), 0)
    assert later == a_place(name="改名公变")


@on_embedded
def test_what_this_process_imports_and_what_was_not_there_is_seen_at_once():
    assert customers.known_place(AREA, at=NOON) is None
    take_places(a_place())
    assert customers.known_place(AREA, at=NOON) == a_place()

    take_places(a_place(name="改名公变"))

    assert customers.known_place(AREA, at=NOON) == a_place(name="改名公变")


@on_both
def test_an_area_shows_its_households_and_no_others():
    take(a_household(2), a_household(1), a_household(3, transformer_id=OTHER))

    assert customers.households_of(AREA) == [a_household(1), a_household(2)]


def test_a_household_prints_masked():
    assert "王小明" not in repr(a_household())
    assert "13800138000" not in repr(a_household())
    assert "1300000001" not in repr(a_household())


@on_embedded
@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("河尾", ["A", "B", "C"]),
        ("公变", ["C", "A"]),
        ("建设线", ["C", "A", "B"]),
        ("城关", ["C", "A", "B"]),
        ("ＴＡ-b", ["B"]),
        ("东街", ["C", "B"]),
        ("没有这里", []),
        (" ", []),
    ],
)
def test_places_are_searched_by_any_name_and_the_best_come_first(text, codes):
    take_places(
        a_place("TA-A", "河尾村3号公变"),
        a_place("TA-B", "河尾村专变", village="东街村"),
        a_place("TA-C", "东街村1号公变"),
    )

    found = customers.search_places(COUNTY, text, at=NOON, limit=10)

    assert [place.code.removeprefix("TA-") for place in found] == codes


@on_embedded
def test_a_search_shows_no_more_than_was_asked_for():
    take_places(*(a_place(f"TA-{n}", f"河尾村{n}号") for n in range(5)))

    assert len(customers.search_places(COUNTY, "河尾", at=NOON, limit=3)) == 3


@on_embedded
def test_places_are_read_once_in_five_minutes():
    take_places(a_place())
    assert len(customers.places(COUNTY, at=NOON)) == 1

    behind_our_back = customers.PLACES.home_row(a_place(OTHER))
    put_all(HomeRow, [behind_our_back])

    almost = NOON + customers.PLACES_KEPT - timedelta(seconds=1)
    assert len(customers.places(COUNTY, at=almost)) == 1
    assert len(customers.places(COUNTY, at=NOON + customers.PLACES_KEPT)) == 2


@on_embedded
def test_places_that_this_process_imported_are_seen_at_once():
    assert customers.places(COUNTY, at=NOON) == ()

    take_places(a_place())
    assert len(customers.places(COUNTY, at=NOON)) == 1

    take_places(drop_missing=True)
    assert customers.places(COUNTY, at=NOON) == ()


# Importing


@on_both
def test_the_same_list_again_changes_nothing():
    take_places(a_place())
    households = [a_household(number) for number in range(60)]

    assert counts(take(*households)) == (60, 0, 0, 0, 0)
    again = customers.compare_households(COUNTY, households)
    assert counts(again) == (0, 0, 0, 0, 60)
    assert again.is_empty


@on_both
def test_a_list_is_compared_row_by_row_and_nothing_is_written_by_comparing():
    take_places(a_place(), a_place(OTHER))
    take(*(a_household(number) for number in range(1, 5)))

    sent = [
        a_household(1),
        a_household(2, phones=()),
        a_household(3, transformer_id=OTHER),
        a_household(9),
    ]
    difference = customers.compare_households(COUNTY, sent)

    assert difference == Difference(
        added=(a_household(9),),
        changed=(a_household(2, phones=()),),
        moved=((a_household(3, transformer_id=OTHER), f"area/{AREA}"),),
        missing=(a_household(4),),
        unchanged=1,
    )
    assert customers.households_of(AREA) == [a_household(number) for number in range(1, 5)]


@on_embedded
def test_of_two_rows_for_one_account_the_later_counts():
    take(a_household(name="旧"), a_household(name="新"))

    assert [each.name for each in customers.households_of(AREA)] == ["新"]


@on_both
def test_who_moves_house_is_in_one_place():
    take_places(a_place(), a_place(OTHER))
    take(*(a_household(number) for number in range(70)))

    moved = take(*(a_household(number, transformer_id=OTHER) for number in range(70)))

    assert counts(moved) == (0, 0, 70, 0, 0)
    assert customers.households_of(AREA) == []
    assert len(customers.households_of(OTHER)) == 70
    assert customers.find_household("1300000007") == a_household(7, transformer_id=OTHER)


@on_both
def test_what_a_list_lacks_stays_unless_it_is_told_to_go():
    take_places(a_place())
    take(a_household(1), a_household(2))

    assert counts(take(a_household(1))) == (0, 0, 0, 1, 1)
    assert customers.find_household("1300000002") is not None

    take(a_household(1), drop_missing=True)
    assert customers.find_household("1300000002") is None
    assert customers.households_of(AREA) == [a_household(1)]


@on_embedded
def test_a_countys_list_never_misses_what_is_another_countys():
    take_places(a_place())
    elsewhere = a_household(5, transformer_id="TA-ELSEWHERE")
    take(elsewhere)
    theirs = a_place("TA-ELSEWHERE", county="C-OTHER")
    customers.put_places(customers.compare_places("C-OTHER", [theirs]))

    strayed = customers.compare_places(COUNTY, [a_place("TA-NEW", county="C-OTHER")])

    assert customers.compare_households(COUNTY, []).missing == ()
    assert strayed.missing == (a_place(),)


@on_embedded
@pytest.mark.parametrize("written", ["pointers", "pointers and some homes"])
def test_a_bulk_write_that_stopped_in_between_is_made_whole_by_the_next(written: str):
    households = [a_household(number) for number in range(10)]
    put_all(WhereRow, (customers.HOUSEHOLDS.where_row(each) for each in households))
    if written == "pointers and some homes":
        put_all(HomeRow, (customers.HOUSEHOLDS.home_row(each) for each in households[:4]))
    assert customers.find_household("1300000009") is None

    take(*households)

    assert customers.households_of(AREA) == households
    assert customers.find_household("1300000009") == households[9]


@on_embedded
def test_who_moves_while_being_looked_for_is_found_or_not_there_but_never_twice():
    take_places(a_place(), a_place(OTHER))
    take(a_household())
    difference = customers.compare_households(COUNTY, [a_household(transformer_id=OTHER)])

    customers.put_households(difference)
    customers.put_households(difference)

    assert customers.households_of(AREA) == []
    assert customers.households_of(OTHER) == [a_household(transformer_id=OTHER)]


@on_both
def test_a_place_moves_to_another_county_with_its_code():
    take_places(a_place())
    split = replace(a_place(), county="C-NEW")

    difference = customers.compare_places("C-NEW", [split])
    customers.put_places(difference)

    assert counts(difference) == (0, 0, 1, 0, 0)
    assert customers.places(COUNTY, at=NOON) == ()
    assert customers.places("C-NEW", at=NOON) == (split,)
