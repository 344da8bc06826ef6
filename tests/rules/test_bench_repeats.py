"""The bench of repeated complaints draws what it says, and what is linked by itself is right."""

import random

import pytest

from chalicelib.domain.contact import Phone
from infra.bench.repeats import FORMS, REPEATS, Tally, draw, measure, table, typed_as


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_telephone_is_read_as_the_same_number(form):
    typed = form.format("13812345678", "138", "1234", "5678")

    assert Phone.parse(typed) == Phone("+8613812345678")


def test_what_somebody_types_is_still_the_number():
    dice = random.Random(1)  # noqa: S311 - a drawing that can be had again

    assert {Phone.parse(typed_as("13812345678", dice)).number for _ in range(50)} == {
        "+8613812345678"
    }


def test_a_seed_draws_the_same_complaints_again_and_every_sort_of_repeat():
    said = draw(300, 5)

    assert said == draw(300, 5)
    assert len(said) == 300
    assert {one.sort for one in said} >= {*REPEATS, "event", "neighbour", "helper", "first"}


def test_only_what_is_named_of_what_there_was_is_found():
    tally = Tally()

    tally.add(1, is_again=True, named=frozenset({1, 2}))
    tally.add(2, is_again=True, named=frozenset())
    tally.add(3, is_again=False, named=frozenset({1}))

    assert (tally.recall, tally.precision) == ("0.500", "0.333")


def test_a_thousand_complaints_are_linked_with_few_mistakes_and_most_repeats_are_shown():
    rows = {row[0]: row for row in table(measure(1000, 11))}

    assert float(rows["precision"][2]) >= 0.93
    assert float(rows["recall"][2]) >= 0.6
    assert float(rows["recall"][3]) >= 0.85
