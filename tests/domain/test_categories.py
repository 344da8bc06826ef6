"""The tree of complaints has three levels, and each node says where it is from."""

import pytest

from chalicelib.domain import words
from chalicelib.domain.categories import (
    CATEGORIES,
    LEAVES,
    MAIN_CLASSES,
    PAIN_POINTS,
    THEMES,
    is_lasting,
    matter_of,
    theme_of,
)
from chalicelib.domain.procedures.complaint import PROCEDURE


def test_s1_7_the_tree_has_three_levels_and_each_node_stands_under_another():
    asked = next(need for need in PROCEDURE.intake if need.name == "category")
    assert asked.choices == tuple(CATEGORIES)
    assert {each.level for each in CATEGORIES.values()} == {1, 2, 3}
    assert all(each.parent in CATEGORIES for each in CATEGORIES.values() if each.level > 1)
    above = {CATEGORIES[leaf].parent for leaf in LEAVES}
    assert above == {each.id for each in CATEGORIES.values() if each.level == 2}


@pytest.mark.parametrize("category", CATEGORIES.values(), ids=CATEGORIES)
def test_every_category_says_where_it_is_from_and_has_words(category):
    assert category.source.startswith(("[found]", "[design]", "[background, unverified]"))
    assert words.has(f"category.{category.id}")
    assert category.theme in THEMES


@pytest.mark.parametrize(
    "leaf",
    [
        "business.new_connection.over_time",
        "supply_quality.voltage.long_abnormal",
        "supply_quality.reliability.frequent_outage",
        "service.conduct.repair_crew",
        "outage_and_restoration.announcement.no_notice",
        "outage_and_restoration.repair.quality",
    ],
)
def test_the_third_level_of_a_published_report_is_there_as_found(leaf):
    assert CATEGORIES[leaf].source.startswith("[found]")


def test_s1_8_every_pain_point_is_that_of_some_category():
    assert {each.pain_point for each in CATEGORIES.values()} == {*PAIN_POINTS, ""}
    assert all(words.has(f"pain_point.{each}") for each in PAIN_POINTS)


def test_s1_21_the_four_classes_that_hold_nine_complaints_in_ten_are_told_apart():
    assert {each.main_class for each in CATEGORIES.values()} == {*MAIN_CLASSES, ""}
    assert all(words.has(f"main_class.{each}") for each in MAIN_CLASSES)


def test_the_regulators_themes_have_words():
    assert all(words.has(f"theme.{each}") for each in THEMES)


def test_what_a_category_is_about_is_its_first_two_levels():
    assert matter_of("supply_quality.voltage.long_abnormal") == "supply_quality.voltage"
    assert matter_of("supply_quality.voltage") == "supply_quality.voltage"
    assert matter_of("supply_quality") == matter_of("") == ""
    assert theme_of("supply_quality.voltage.flicker") == "low_voltage"
    assert theme_of("supply_quality") == theme_of("none.such") == ""


def test_low_voltage_and_frequent_outages_last_a_slow_repair_happens():
    assert is_lasting("supply_quality.voltage.long_abnormal")
    assert is_lasting("supply_quality.reliability.frequent_outage")
    assert not is_lasting("outage_and_restoration.repair.over_time")
    assert not is_lasting("none.such")
