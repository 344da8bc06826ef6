"""The bench of the inference draws what it says, judges as it says, and the goal is held."""

import random
from pathlib import Path

import pytest

from chalicelib.domain.grid import Zone, ZoneTree
from chalicelib.domain.inference import Kind, Known
from infra.bench.inference import (
    BEGAN,
    FAULTS,
    HEADER,
    MINUTE,
    Scene,
    Tally,
    cell,
    failed,
    naive,
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
    assert failed(SCENE, "protected", dice(0.5)) == 0
    assert failed(SCENE, "itself", dice(0.5)) == 2


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


def test_an_answer_is_exact_only_for_the_zone_and_counts_households_either_way():
    tally = Tally()

    tally.add(SCENE, 2, 2, TREE.under(2))
    tally.add(SCENE, 2, 0, TREE.under(0))
    tally.add(SCENE, 2, None, frozenset())

    assert (tally.exact, tally.found, tally.dark, tally.called) == (1, 200, 300, 300)


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
    ours, _ = rows(read(FOLDER), faults, 40, 11)

    assert float(ours["exact"]) >= 0.95
    assert float(ours["recall"]) >= 0.99
    assert float(ours["precision"]) >= 0.995
