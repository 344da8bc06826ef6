"""Maps of feeders: versions that stay, transfers that are whole, evidence that is a set."""

import hashlib
from datetime import timedelta

import pytest

from chalicelib.domain.refusal import BadInput, Stale
from chalicelib.store import grid
from tests.builders import COUNTY, NOON

on_both = pytest.mark.usefixtures("any_store")
on_embedded = pytest.mark.usefixtures("store")

LATER = NOON + timedelta(minutes=15)


@on_both
def test_a_map_is_read_as_it_was_saved():
    grid.save(COUNTY, {"F1": ({"devices": [["d1", 1]]}, 0)}, at=NOON)

    (kept,) = grid.maps(COUNTY, ["F1", "F-unknown"]).values()

    assert (kept.feeder, kept.version, kept.since) == ("F1", 1, NOON)
    assert kept.data == {"devices": [["d1", 1]]}


@on_both
def test_an_older_version_stays_with_the_instant_from_which_it_was_so():
    grid.save(COUNTY, {"F1": ("old", 0)}, at=NOON)
    grid.save(COUNTY, {"F1": ("new", 1)}, at=LATER)

    found = [(kept.version, kept.since, kept.data) for kept in grid.versions(COUNTY, "F1")]
    assert found == [(1, NOON, "old"), (2, LATER, "new")]


@on_both
def test_a_transfer_is_all_or_nothing():
    grid.save(COUNTY, {"F1": ("one", 0), "F2": ("two", 0)}, at=NOON)
    grid.save(COUNTY, {"F2": ("two, switched", 1)}, at=NOON)

    with pytest.raises(Stale):
        grid.save(COUNTY, {"F1": ("one, less", 1), "F2": ("two, more", 1)}, at=LATER)

    assert grid.maps(COUNTY, ["F1"])["F1"].data == "one"


@on_both
def test_saving_the_same_again_changes_nothing():
    for _ in range(2):
        grid.save(COUNTY, {"F1": ("one", 0)}, at=NOON)

    assert grid.maps(COUNTY, ["F1"])["F1"].version == 1


@on_embedded
def test_a_map_too_large_is_refused_by_name():
    noise = [hashlib.sha256(str(each).encode()).hexdigest() for each in range(20_000)]

    with pytest.raises(BadInput) as refused:
        grid.save(COUNTY, {"F1": (noise, 0)}, at=NOON)

    assert refused.value.errors[0].field == "feeder_id"
    assert grid.maps(COUNTY, ["F1"]) == {}


@on_both
def test_things_are_found_on_their_feeder():
    grid.put_places_of("device", {f"d{each}": f"{COUNTY}/F1" for each in range(130)})

    found = grid.places_of("device", ["d0", "d129", "d999"])

    assert found == {"d0": f"{COUNTY}/F1", "d129": f"{COUNTY}/F1"}


@on_both
def test_evidence_that_is_kept_twice_is_kept_once():
    events = [{"source": "ami", "sequence": each} for each in range(3)]

    for _ in range(2):
        grid.add_evidence(COUNTY, "F1", events, at=NOON)
    grid.add_evidence(COUNTY, "F1", [{"source": "ami", "sequence": 9}], at=LATER)

    assert [each["sequence"] for each in grid.evidence_since(COUNTY, "F1", NOON)] == [0, 1, 2, 9]
    assert [each["sequence"] for each in grid.evidence_since(COUNTY, "F1", LATER)] == [9]
