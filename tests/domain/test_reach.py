"""Sets of supply points: exact under union, difference and intersection, counted throughout."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.reach import ALL, NOWHERE, Part, Reach, union

LOADS = {f"L{n}": n for n in range(1, 6)}
WHOLE = sum(LOADS.values())
SOME = st.sets(st.sampled_from(sorted(LOADS))).map(lambda s: {name: LOADS[name] for name in s})
PARTS = st.builds(Part, SOME, st.sampled_from([None, WHOLE]))
REACHES = st.dictionaries(st.sampled_from(["T1", "T2", "T3"]), PARTS).map(
    lambda parts: Reach({name: part for name, part in parts.items() if part})
)


def points(reach):
    """Return a reach as the plain set that it stands for."""
    return {
        (name, load) for name, part in reach.parts.items() for load in LOADS if part.covers(load)
    }


@given(REACHES, REACHES)
def test_it_is_the_algebra_of_the_sets_that_it_stands_for(one, other):
    assert points(one | other) == points(one) | points(other)
    assert points(one - other) == points(one) - points(other)
    assert points(one & other) == points(one) & points(other)


@given(REACHES, REACHES)
def test_households_are_those_of_its_loads_whatever_was_done(one, other):
    for reach in (one | other, one - other, one & other):
        assert reach.households == sum(LOADS[load] for _, load in points(reach))
        assert bool(reach) == bool(points(reach))


@given(REACHES)
def test_it_survives_its_own_json(reach):
    assert Reach.from_json(reach.to_json()) == reach


def test_a_trace_is_read_as_all_or_some():
    reach = Reach.of({"T1": ALL, "T2": ["L1", "L2"], "T3": []}, {"T1": 40, "L2": 3})
    assert (reach.households, reach.transformers) == (44, ("T1", "T2"))
    assert reach.covers("T1", "anything")
    assert not reach.covers("T3", "L1")


def test_a_transformer_without_its_loads_needs_no_list_of_them():
    reach = Reach.of({"T1": ALL}, {"T1": 40}) - Reach.of({"T1": ["L1"]})
    assert reach.households == 39
    assert reach.to_json() == {"T1": [40, {"L1": 1}]}
    assert not reach.covers("T1", "L1")


def test_nothing_is_nowhere():
    assert union([]) == NOWHERE
    assert not NOWHERE
