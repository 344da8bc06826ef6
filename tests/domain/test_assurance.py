"""Supply assurance (保供电): when a task may begin, and what lies in its way."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from chalicelib.domain import assurance
from chalicelib.domain.assurance import (
    ASKED,
    CHECKS,
    LEVELS,
    PHASES,
    Off,
    Phase,
    Post,
    Task,
    clashes,
)
from chalicelib.domain.planning import Window
from chalicelib.domain.refusal import BadInput, GateClosed, IllegalMove
from tests.domain.engine import NOON

HOUR = timedelta(hours=1)
START, FINISH = NOON + HOUR, NOON + 9 * HOUR
MOVES = {
    "change": lambda t: assurance.change(t, level="third", start=START, finish=FINISH, at=NOON),
    "add_post": lambda t: assurance.add_post(t, Post("other", START, FINISH)),
    "drop_post": lambda t: assurance.drop_post(t, "1"),
    "check": lambda t: assurance.check(t, "patrol", ok=True, by="crew-1", at=NOON),
    "log": assurance.log,
    "begin": lambda t: assurance.begin(t, (), reason="", at=NOON),
    "end": lambda t: assurance.end(t, at=NOON),
    "call_off": lambda t: assurance.call_off(t, at=NOON),
}


def a_task(**about: Any):
    plain = {
        "task_id": "t1",
        "county": "X-1",
        "office": "X-1",
        "level": "second",
        "start": START,
        "finish": FINISH,
        "prepared_by": "dispatcher-1",
    }
    return Task(**{**plain, **about})


def ready(level="second"):
    task = assurance.add_post(a_task(level=level), Post("crew-1", START, FINISH))
    for name in ASKED[level]:
        task = assurance.check(task, name, ok=True, by="crew-1", at=NOON)
    return task


def window(first, last):
    return Window(NOON + first * HOUR, NOON + last * HOUR)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("move", MOVES)
def test_s0_16_each_move_is_made_in_its_own_phases_and_in_no_other(phase, move):
    task = replace(ready(), phase=phase)
    if phase in PHASES[move]:
        after = MOVES[move](task)
        assert after != task or move == "check"
        assert Task.from_json(after.to_json()) == after
    else:
        with pytest.raises(IllegalMove):
            MOVES[move](task)
    assert set(MOVES) == set(PHASES)


@pytest.mark.parametrize("level", LEVELS)
def test_a_task_begins_once_its_checks_are_done_and_its_posts_manned(level):
    begun = assurance.begin(ready(level), (), reason="", at=START)

    assert (begun.phase, begun.begun_at, begun.reason) == (Phase.UNDER_WAY, START, "")
    assert assurance.end(begun, at=FINISH).over_at == FINISH


def test_what_is_open_is_named_when_a_task_cannot_begin():
    task = assurance.check(a_task(), "patrol", ok=False, by="crew-1", at=NOON)

    with pytest.raises(GateClosed) as shut:
        assurance.begin(task, (), reason="", at=START)

    assert shut.value.facts["gates"] == ["posts_manned", "checks_done"]
    assert shut.value.facts["checks"] == ["patrol", "backup_power", "briefing"]


def test_the_newest_word_on_a_check_counts():
    task = assurance.check(ready(), "patrol", ok=False, by="crew-2", at=NOON)
    assert assurance.open_checks(task) == ("patrol",)
    again = assurance.check(task, "patrol", ok=True, by="crew-2", at=NOON)
    assert assurance.open_checks(again) == ()


@pytest.mark.parametrize(
    ("spans", "manned"),
    [
        ([(1, 9)], True),
        ([(0, 5), (5, 10)], True),
        ([(1, 5), (4, 9)], True),
        ([(1, 5), (6, 9)], False),
        ([(2, 9)], False),
        ([(1, 8)], False),
        ([], False),
    ],
)
def test_the_weightiest_levels_are_manned_from_the_first_minute_to_the_last(spans, manned):
    posts = {
        str(n): Post(f"c{n}", NOON + a * HOUR, NOON + b * HOUR) for n, (a, b) in enumerate(spans)
    }

    assert assurance.is_manned(a_task(level="special", posts=posts)) is manned
    assert assurance.is_manned(a_task(level="third", posts=posts)) is bool(spans)


@pytest.mark.parametrize(
    ("post", "field"),
    [
        (Post("c", FINISH, START), "to"),
        (Post("c", FINISH, FINISH + HOUR), "from"),
        (Post("c", START - HOUR, START), "from"),
        (Post("crew-1", START + HOUR, FINISH), "staff"),
    ],
)
def test_a_post_lies_within_the_task_and_nobody_stands_at_two_at_once(post, field):
    task = assurance.add_post(a_task(), Post("crew-1", START, FINISH))
    with pytest.raises(BadInput) as refused:
        assurance.add_post(task, post)
    assert refused.value.errors[0].field == field


def test_posts_keep_their_names_when_one_goes():
    task = assurance.add_post(a_task(), Post("a", START, FINISH))
    task = assurance.add_post(task, Post("b", START, FINISH))
    task = assurance.add_post(assurance.drop_post(task, "2"), Post("c", START, FINISH))

    assert {name: post.staff for name, post in task.posts.items()} == {"1": "a", "3": "c"}
    with pytest.raises(BadInput):
        assurance.drop_post(task, "2")


@pytest.mark.parametrize(
    ("about", "field"),
    [
        ({"level": "fifth"}, "level"),
        ({"finish": START}, "finish"),
        ({"start": NOON - 2 * HOUR, "finish": NOON - HOUR}, "finish"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_by_field(about, field):
    with pytest.raises(BadInput) as refused:
        assurance.prepare(a_task(**about), at=NOON)
    assert refused.value.errors[0].field == field


def test_s0_16_a_planned_outage_of_the_same_customer_or_device_in_the_same_time_is_named():
    task = a_task(devices=("SW-1", "SW-2"), customer="k1")
    others = [
        Off("o-supply", window(2, 3), frozenset(), supply=True),
        Off("o-device", window(0, 2), frozenset({"SW-2", "SW-9"})),
        Off("o-customer", window(3, 4), frozenset({"SW-1"}), customer=True, supply=True),
        Off("o-after", window(9, 12), frozenset({"SW-1"}), customer=True),
        Off("o-other", window(1, 9), frozenset({"SW-7"})),
    ]

    found = clashes(task, others)

    assert [(one.outage, one.by, one.devices) for one in found] == [
        ("o-device", "same_device", ("SW-2",)),
        ("o-supply", "same_supply", ()),
        ("o-customer", "same_customer", ("SW-1",)),
    ]


def test_a_task_begins_in_spite_of_an_outage_with_a_reason_alone_and_it_stays_on_record():
    task = replace(ready(), devices=("SW-1",))
    met = clashes(task, [Off("o1", window(2, 3), frozenset({"SW-1"}))])

    with pytest.raises(GateClosed) as shut:
        assurance.begin(task, met, reason="", at=START)
    assert shut.value.facts == {"gates": ["conflict_free"], "checks": [], "outages": ["o1"]}

    assert assurance.begin(task, met, reason="backup_ready", at=START).reason == "backup_ready"
    assert assurance.begin(task, (), reason="backup_ready", at=START).reason == ""


def test_every_level_asks_for_checks_that_there_are_and_a_weightier_one_for_no_fewer():
    for above, below in pairwise(LEVELS):
        assert set(ASKED[below]) <= set(ASKED[above]) <= set(CHECKS)
