"""The bench of the inference draws what it says, judges as it says, and the goal is held."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.domain.grid import Zone, ZoneTree
from chalicelib.domain.inference import Kind, Known
from infra.bench.inference import (
    BEGAN,
    FAULTS,
    HEADER,
    MINUTE,
    Fault,
    Scene,
    Tally,
    answered,
    ask,
    best,
    cell,
    failed,
    naive,
    often,
    read,
    reported,
)

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "grid" / "mv_oberrhein_30930_customers"
HOMES = {f"{name}{n}": 1 for name in "ab" for n in range(100)}
TREE = ZoneTree(
    (
        Zone(("breaker",), None, ()),
        Zone(("a",), 0, tuple(load for load in HOMES if load[0] == "a")),
        Zone(("b",), 0, tuple(load for load in HOMES if load[0] == "b")),
    )
)
SCENE = Scene(
    name="two",
    tree=TREE,
    known=Known(kinds={"breaker": "breaker"}, households=HOMES, reporting=HOMES),
    homes=HOMES,
    protective=frozenset({"breaker"}),
    failing=("a", "b"),
)


class Dice(random.Random):
    """Dice that fall as one wants."""

    falls: float

    def random(self):
        return self.falls

    def choice(self, seq):
        return seq[-1]

    def sample(self, population, k, *, counts=None):
        assert counts is None
        return population[:k]


def dice(falls: float) -> Dice:
    loaded = Dice()
    loaded.falls = falls
    return loaded


def test_a_fault_opens_what_protects_it_or_the_device_itself():
    assert failed(SCENE, "protected", dice(0.5)) == Fault("breaker", 0)
    assert failed(SCENE, "itself", dice(0.5)) == Fault("b", 2)
    unprotected = replace(SCENE, protective=frozenset())
    assert failed(unprotected, "protected", dice(0.5)) == Fault("b", 2)


def test_events_are_last_gasps_of_the_moment_heard_within_a_minute():
    heard = reported(SCENE, 2, "events", dice(0.5))

    assert {each.subject for each in heard} == set(TREE.zones[2].loads)
    assert {(each.kind, each.occurred_at) for each in heard} == {(Kind.METER_OFF, BEGAN)}
    assert {each.recorded_at - BEGAN for each in heard} == {MINUTE / 2}
    assert reported(SCENE, 2, "events", dice(0.7)) == []


def test_stray_calls_come_from_those_who_have_power():
    heard = reported(SCENE, 2, "calls", dice(0.01))

    assert sum(each.subject[0] == "b" for each in heard) == 100
    assert sum(each.subject[0] == "a" for each in heard) == 100
    assert {each.kind for each in heard} == {Kind.CALL}


def test_the_naive_answer_is_the_smallest_zone_above_every_report():
    heard = reported(SCENE, 2, "events", dice(0.5))

    assert naive(SCENE, heard) == 2
    assert naive(SCENE, [*heard, *reported(SCENE, 1, "events", dice(0.5))]) == 0
    assert naive(SCENE, []) is None


def test_of_the_meters_that_are_asked_those_with_power_mostly_answer():
    said = answered(SCENE, 2, ["a1", "b1"], dice(0.5))

    assert [(each.kind, each.subject) for each in said] == [
        (Kind.PING_REPLY, "a1"), (Kind.PING_MISSED, "b1"),
    ]  # fmt: skip
    assert [each.kind for each in answered(SCENE, 2, ["a1"], dice(0.97))] == [Kind.PING_MISSED]


def test_whoever_asks_the_meters_that_would_tell_learns_more():
    """One household of two was heard: its box, or its neighbour's as well?"""
    tree = ZoneTree((Zone(("fuse",), None, ("y",)), Zone(("box",), 0, ("x",))))
    homes = {"x": 1, "y": 1}
    small = replace(
        SCENE,
        tree=tree,
        homes=homes,
        failing=("fuse", "box"),
        known=Known(kinds={"fuse": "fuse"}, households=homes, reporting=homes),
    )
    (gasp,) = (each for each in reported(small, 0, "events", dice(0.5)) if each.subject == "x")

    heard = [gasp]
    passive, _ = ask(small, Fault("box", 1), heard, "events", dice(0.5))
    active, loads = ask(small, Fault("box", 1), heard, "pings", dice(0.5))

    assert (passive, active, sorted(loads)) == ("fuse", "box", ["x"])


def test_the_best_answer_is_the_likeliest_by_how_often_each_zone_is_drawn():
    heard = reported(SCENE, 2, "events", dice(0.5))[:50]

    assert often(SCENE, "itself") == {1: 1, 2: 1}
    assert often(SCENE, "protected") == {0: 2}
    assert best(SCENE, heard, "events", {0: 1, 2: 1}) == 2
    assert best(SCENE, heard, "events", {0: 1}) == 0
    assert best(SCENE, [], "events", {0: 1}) is None


def test_the_best_answer_reckons_with_one_stray_among_many_calls():
    calls = [each for each in reported(SCENE, 2, "calls", dice(0.01)) if each.subject[0] == "b"]
    (stray,) = (each for each in reported(SCENE, 1, "calls", dice(0.01)) if each.subject == "a7")

    assert best(SCENE, [*calls[:6], stray], "calls", {0: 1, 2: 1}) == 2
    assert best(SCENE, [calls[0], stray, stray], "calls", {0: 1, 2: 1}) == 0


def test_an_answer_is_exact_only_for_the_zone_and_counts_households_either_way():
    tally = Tally()

    tally.add(SCENE, Fault("b", 2), "b", TREE.under(2))
    tally.add(SCENE, Fault("b", 2), "breaker", TREE.under(0))
    tally.add(SCENE, Fault("b", 2), "", frozenset())

    assert (tally.exact, tally.first) == (1, 1)
    assert (tally.found, tally.dark, tally.called) == (200, 300, 300)


def test_what_nothing_tells_apart_is_exact_and_not_the_first():
    twins = replace(SCENE, tree=ZoneTree((Zone(("fuse", "line"), None, tuple(HOMES)),)))
    tally = Tally()

    tally.add(twins, Fault("line", 0), "fuse", frozenset(HOMES))

    assert (tally.exact, tally.first) == (1, 0)


def rows(scene: Scene, faults: str, count: int, seed: int) -> list[dict[str, str]]:
    return [
        dict(zip(HEADER, row, strict=True)) | {"ms": ""}
        for row in cell(scene, faults, "events", count, seed)
    ]


def test_a_seed_draws_the_same_table_again():
    assert rows(SCENE, "itself", 5, 1) == rows(SCENE, "itself", 5, 1)


@pytest.mark.skipif(not FOLDER.exists(), reason="no networks at ../shared/grid")
@pytest.mark.parametrize("faults", FAULTS)
def test_with_events_the_device_and_its_households_are_found_as_promised(faults):
    ours, *_ = rows(read(FOLDER), faults, 40, 11)

    assert float(ours["exact"]) >= 0.95
    assert float(ours["recall"]) >= 0.99
    assert float(ours["precision"]) >= 0.995
