"""What is found by rule: warnings, interviews, what is checked; and the figures of papers."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.papers.complaint_risk_warning import RULES as CHOICES
from chalicelib.domain.risks import (
    WARNINGS,
    Counted,
    Said,
    appeal_pass_rate,
    closed_loop_rate,
    complaints_per_million,
    drawn,
    findings,
    month_bounds,
    per_million,
    picked_by_rule,
    two_way,
)
from tests.domain.engine import RULES

AT = datetime(2026, 11, 23, 22, tzinfo=UTC)
DAY = timedelta(days=1)


def said(number: int, *, days: float = 1, kind: str = "complaint", **about: Any) -> Said:
    made = Said(f"{number:016}", kind, AT - days * DAY)
    return replace(made, **about)


def found(rule: str, *some: Said, dark: tuple[tuple[str, int], ...] = (), customers: int = 0):
    counted = Counted(some, AT, customers=customers, dark=dark)
    return [each for each in findings(counted, RULES) if each.rule == rule]


def test_every_rule_of_warnings_has_a_source_limits_and_words():
    assert {rule.name for rule in WARNINGS} | {"by_person"} == set(CHOICES)
    for rule in WARNINGS:
        assert rule.source.startswith("[found]")
        assert set(rule.limits) <= set(RULES.book.ids())


# Themes ---------------------------------------------------------------------------------------


def test_s1_28_a_theme_is_found_when_it_rises_against_its_own_history():
    now = [said(n, theme="voltage") for n in range(4)]
    before = [said(10 + n, days=8 + 7 * n, theme="voltage") for n in range(8)]

    (rising,) = found("theme_rising", *now, *before)

    assert rising.facts["count"] == 4
    assert rising.facts["mean_tenths"] == 10
    assert set(rising.orders) == {each.order_id for each in now}


def test_s1_28_a_theme_that_is_always_so_frequent_is_not_rising():
    now = [said(n, theme="voltage") for n in range(4)]
    before = [said(10 + n, days=8 + 2.8 * n, theme="voltage") for n in range(19)]

    assert found("theme_rising", *now, *before) == []


def test_s1_28_two_of_a_theme_are_noise_and_no_theme_is_none():
    assert found("theme_rising", said(1, theme="voltage"), said(2, theme="voltage")) == []
    assert found("theme_rising", *(said(n) for n in range(9))) == []


def test_a_theme_found_again_in_its_week_is_the_same_finding():
    first = found("theme_rising", *(said(n, theme="voltage") for n in range(3)))
    again = found("theme_rising", *(said(n, theme="voltage") for n in range(5)))

    assert first[0].key == again[0].key == "voltage/2026-W48"


# Places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "where"), [("same_line", "line"), ("same_village", "village")])
def test_s1_28_several_complaints_on_one_line_or_in_one_village_are_found(rule, where):
    here: Any = {where: "甲"}
    other: Any = {where: "乙"}
    near = [said(n, days=5 * n, **here) for n in range(1, 4)]
    old = said(9, days=31, **here)

    (one,) = found(rule, *near, old, said(8, **other))
    assert (one.facts["place"], one.facts["count"]) == ("甲", 3)
    assert found(rule, *near[:2], old) == []


def test_s1_8_places_that_were_dark_too_often_are_found_before_anybody_complains():
    (one,) = found("frequent_outage", dark=(("T-1", 3), ("T-2", 2)))
    assert (one.facts["place"], one.facts["count"]) == ("T-1", 3)


def test_s1_30_return_visits_that_are_overdue_are_found():
    late = [said(n, visit_overdue=True) for n in range(3)]
    (one,) = found("overdue_visits", *late)
    assert one.facts["count"] == 3
    assert found("overdue_visits", *late[:2]) == []


# The two-way condition ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "complaints", "customers", "met", "is_met"),
    [
        ("interview", 3, 100_000, ("complaints", "per_million"), True),
        ("interview", 3, 1_000_000, ("complaints",), False),
        ("interview", 2, 100_000, ("per_million",), False),
        ("interview", 9, 0, ("complaints",), False),
        ("warning", 2, 3_000_000, ("complaints",), True),
        ("warning", 1, 100_000, ("per_million",), True),
        ("warning", 1, 1_000_000, (), False),
        ("warning", 0, 100_000, (), False),
    ],
)
def test_s1_15_the_two_way_condition_wants_both_for_an_interview_and_one_for_a_warning(
    purpose, complaints, customers, met, is_met
):
    stands = two_way(purpose, complaints=complaints, customers=customers, at=AT, rules=RULES)
    assert (stands.met, stands.is_met) == (met, is_met)


def test_s1_15_and_or_is_configuration():
    assert RULES.number("interview.conditions", AT) == 2
    assert RULES.number("warning.conditions", AT) == 1


def test_s1_15_the_running_month_is_counted_and_grievances_are_not():
    november = [said(1), said(2, days=22)]
    october, grievance = said(3, days=30), said(4, kind="grievance")
    assert found("complaint_rate", november[0], october, grievance) == []
    (one,) = found("complaint_rate", *november, october, grievance)
    assert (one.facts["count"], one.facts["met"]) == (2, ["complaints"])


# What is checked ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("about", "rule"),
    [
        ({}, ""),
        ({"grade": "major"}, "grave"),
        ({"grade": "important"}, ""),
        ({"channel": "12398"}, "bypass"),
        ({"visit": "dissatisfied"}, "dissatisfied"),
        ({"reopened": 1}, "reopened"),
        ({"bounces": 1}, ""),
        ({"bounces": 2}, "bounced"),
        ({"overdue": True}, "overdue"),
        ({"overdue": True, "grade": "special"}, "grave"),
    ],
)
def test_s0_30_problem_orders_are_picked_by_rule(about, rule):
    assert picked_by_rule(said(1, **about)) == rule


def test_s0_30_a_sample_can_be_drawn_again_by_anybody():
    ids = [f"{n:04}" for n in range(200)]
    first = drawn(ids, seed="X1/2026-11", share=Fraction(1, 10))

    assert len(first) == 20
    assert first == drawn(reversed(ids), seed="X1/2026-11", share=Fraction(1, 10))
    assert first != drawn(ids, seed="X1/2026-12", share=Fraction(1, 10))


@given(
    count=st.integers(0, 60), least=st.integers(0, 9), share=st.fractions(0, 1, max_denominator=50)
)
def test_s0_30_a_sample_is_as_large_as_its_share_and_never_smaller_than_the_least(
    count, least, share
):
    ids = {str(n) for n in range(count)}
    some = drawn(ids, seed="s", share=share, least=least)

    assert set(some) <= ids
    assert len(set(some)) == len(some) == min(count, max(least, -(-count * share // 1)))


def test_a_sample_favours_nobody():
    """Over a thousand seeds each of ten is drawn about as often as the others."""
    ids = [str(n) for n in range(10)]
    hits = [drawn(ids, seed=str(n), share=Fraction(1, 10))[0] for n in range(1000)]
    assert all(60 < hits.count(each) < 145 for each in ids)


# Figures --------------------------------------------------------------------------------------


def test_s0_35_the_pass_rate_of_appeals_has_what_was_submitted_beside_it():
    decided = ["appeal_won"] * 3 + ["appeal_partly_won"] + ["appeal_lost"] * 4
    figure = appeal_pass_rate(decided, submitted=11)

    assert figure.value == Fraction(300, 8)
    assert (figure.numerator, figure.denominator) == (3, 8)
    assert figure.beside == {"submitted": 11, "partly": 1, "lost": 4}


def test_s4_18_a_figure_without_a_denominator_is_none_and_never_a_hundred():
    assert appeal_pass_rate([], submitted=2).value is None
    assert closed_loop_rate(0, 0).value is None
    assert complaints_per_million(3, 0).value is None
    assert per_million(3, 0) is None


def test_s1_15_complaints_per_million_is_shown_with_its_count():
    figure = complaints_per_million(1, 200_000)
    assert figure.value == 5
    assert figure.beside["complaints"] == 1


def test_s1_23_the_closed_loop_is_cleared_by_due():
    assert closed_loop_rate(3, 4).value == 75


def test_a_month_has_a_first_and_a_last_day():
    assert month_bounds("2026-02") == (date(2026, 2, 1), date(2026, 2, 28))
    assert month_bounds("2028-12") == (date(2028, 12, 1), date(2028, 12, 31))
    with pytest.raises(ValueError, match="month"):
        month_bounds("2026-13")
