"""The network by feeder: taken apart and put together again, and moved by switching."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.grid import (
    Device,
    Key,
    Load,
    Network,
    Protection,
    dark,
    feeders,
    join,
    pack,
    protected_by,
    protective_above,
    switched,
    transfer,
    unpack,
)
from chalicelib.domain.refusal import Unknown
from tests.domain.test_grid import ABSENT, NETWORKS, a_network, network_of, sample

A, B, SUBSTATION = Key("A"), Key("B"), Key("", "S")


def two_feeders(tie="A"):
    """Make a source and two feeders at one busbar, a tap on A, and an open tie between them."""
    return Network(
        (
            Device("src", "source", "", "bus", substation_id="S"),
            Device("brA", "breaker", "bus", "a0", feeder_id="A", protective=True, switchable=True),
            Device("a01", "line", "a0", "a1", feeder_id="A"),
            Device("swA", "switch", "a1", "a1x", feeder_id="A", switchable=True),
            Device("a12", "line", "a1x", "a2", feeder_id="A"),
            Device("fuse", "fuse", "a2", "tap", feeder_id="A", protective=True),
            Device("brB", "breaker", "bus", "b0", feeder_id="B", protective=True, switchable=True),
            Device("b01", "line", "b0", "b1", feeder_id="B"),
            Device(
                device_id="tie",
                kind="switch",
                bus_from="a2",
                bus_to="b1",
                feeder_id=tie,
                substation_id="S",
                switchable=True,
                closed=False,
                normally_open=True,
            ),
        ),
        (
            *(Load(f"l{bus}", bus, feeder_id="A") for bus in ("a0", "a1", "a2", "tap")),
            *(Load(f"l{bus}", bus, feeder_id="B") for bus in ("b0", "b1")),
        ),
    )


def on(network, feeder):
    return {d.device_id for d in network.devices if d.feeder_id == feeder} | {
        load.load_id for load in network.loads if load.feeder_id == feeder
    }


@pytest.mark.parametrize("name", NETWORKS or [ABSENT])
def test_the_maps_of_a_network_are_joined_to_the_same_network(name):
    network = network_of(name)
    maps = feeders(network)
    assert join(unpack(json.loads(json.dumps(pack(one)))) for one in maps) == network
    assert {one.key.feeder_id for one in maps if one.key.is_feeder} >= {
        device.feeder_id for device in network.devices if device.feeder_id
    }


@pytest.mark.parametrize("name", NETWORKS or [ABSENT])
def test_a_feeder_is_traced_by_its_own_map_with_what_is_above(name):
    network = network_of(name)
    maps = {one.key: one for one in feeders(network)}
    for one in maps.values():
        part = join({key: maps[key] for key in (one.key, *one.above)}.values())
        own = {load.load_id for load in one.loads}
        for device in sample([d.device_id for d in one.devices], 5):
            assert dark(part, opened=[device]) & own == dark(network, opened=[device]) & own


@settings(max_examples=200)
@given(a_network(), st.lists(st.sampled_from(["", "A", "B"]), min_size=20, max_size=20))
def test_any_network_comes_back_from_its_maps(network, names):
    devices = tuple(
        replace(d, feeder_id=name) for d, name in zip(network.devices, names, strict=False)
    )
    network = Network(devices, network.loads)
    assert join(unpack(json.loads(json.dumps(pack(one)))) for one in feeders(network)) == network


@settings(max_examples=400)
@given(a_network(), st.lists(st.sampled_from(["", "A", "B", "C"]), min_size=20, max_size=20))
def test_a_map_with_those_above_it_is_enough_to_trace_its_loads(network, names):
    named = zip(network.devices, names, strict=False)
    devices = tuple(replace(d, feeder_id=n, conductors=()) for d, n in named)
    feeder = {bus: d.feeder_id for d in devices for bus in d.buses}
    loads = tuple(replace(x, feeder_id=feeder.get(x.bus_id, ""), nodes="") for x in network.loads)
    network = Network(devices, loads)
    maps = {one.key: one for one in feeders(network)}
    for one in maps.values():
        part = join([one, *(maps[key] for key in one.above)])
        own = {load.load_id for load in one.loads}
        for opened in ([], *([d.device_id] for d in one.devices)):
            assert dark(part, opened=opened) & own == dark(network, opened=opened) & own


@settings(max_examples=300)
@given(
    a_network(),
    st.lists(st.sampled_from(["", "A", "B"]), min_size=20, max_size=20),
    *(st.sets(st.integers(0, 8).map("d{}".format), max_size=2) for _ in range(2)),
)
def test_the_changed_maps_with_the_others_are_the_network_after_switching(
    network, names, opened, closed
):
    named = zip(network.devices, names, strict=False)
    network = Network(tuple(replace(d, feeder_id=n) for d, n in named), network.loads)
    opened, closed = (
        {one for one in some if one in network.graph.index} for some in (opened, closed)
    )
    changed = {one.key: one for one in transfer(network, opened=opened, closed=closed)}
    after = join(({one.key: one for one in feeders(network)} | changed).values())
    assert after == switched(network, opened=opened, closed=closed)
    assert dark(after) == dark(network, opened=opened, closed=closed)


@pytest.mark.parametrize("tie", ["A", "B", ""])
def test_a_transfer_moves_the_stretch_and_switching_back_returns_it(tie):
    network = two_feeders(tie)
    moved = switched(network, opened=["swA"], closed=["tie"])
    stretch = {"a12", "fuse", "la2", "ltap"}
    assert on(moved, "B") - {"tie"} == {"brB", "b01", "lb0", "lb1"} | stretch
    assert on(moved, "A") == {"brA", "a01", "swA", "la0", "la1"}
    assert dark(moved) == frozenset()
    back = switched(moved, opened=["tie"], closed=["swA"])
    assert on(back, "A") - {"tie"} == on(network, "A") - {"tie"}
    assert on(back, "B") - {"tie"} == on(network, "B") - {"tie"}


def test_closing_a_tie_between_two_live_feeders_moves_nothing_yet():
    network = two_feeders()
    joined = switched(network, closed=["tie"])
    assert on(joined, "A") == on(network, "A")
    moved = switched(joined, opened=["swA"])
    assert {"a12", "fuse", "la2", "ltap"} <= on(moved, "B")
    assert on(switched(switched(moved, closed=["swA"]), opened=["tie"]), "A") >= {"a12", "la2"}


def test_a_stretch_without_power_stays_on_its_feeder():
    network = two_feeders()
    tripped = switched(network, opened=["brA"])
    assert on(tripped, "A") == on(network, "A")
    assert switched(tripped, closed=["brA"]) == network


def test_only_the_maps_that_change_are_returned():
    network = two_feeders()
    (one,) = transfer(network, opened=["brA"])
    assert one.key == A
    both = transfer(network, opened=["swA"], closed=["tie"])
    assert [one.key for one in both] == [A, B]
    assert transfer(network) == ()
    with pytest.raises(Unknown):
        transfer(network, opened=["ghost"])


def test_a_map_says_what_it_hangs_below():
    maps = {one.key: one for one in feeders(two_feeders())}
    assert set(maps) == {A, B, SUBSTATION}
    assert maps[A].above == (SUBSTATION,)
    assert maps[SUBSTATION].above == ()
    assert [str(key) for key in maps] == ["substation/S", "feeder/A", "feeder/B"]


def test_a_map_of_another_format_is_refused():
    packed = pack(feeders(two_feeders())[0])
    with pytest.raises(ValueError, match="format"):
        unpack({**packed, "format": 2})


# Protection -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "trips"),
    [
        ("a01", ("brA",)),
        ("a12", ("brA",)),
        ("fuse", ("brA",)),
        ("b01", ("brB",)),
        ("brA", ("src",)),
        ("src", ()),
    ],
)
def test_what_trips_for_a_fault_is_the_nearest_protection_towards_the_sources(device, trips):
    assert protective_above(two_feeders(), device) == trips


def test_a_section_fed_from_two_sides_needs_both_to_trip():
    network = two_feeders()
    assert protective_above(network, "a12", closed=["tie"]) == ("brA", "brB")
    assert protected_by(network, "la2", closed=["tie"]) == ("brA", "brB")
    assert protected_by(network, "ltap") == ("fuse",)
    assert protected_by(network, "ltap", opened=["swA"]) == ()


def test_a_crew_isolates_at_the_nearest_switch():
    by_hand = Protection(two_feeders(), by_hand=True)
    assert by_hand.above("a12") == ("swA",)
    assert by_hand.above("a01") == ("brA",)


def test_each_phase_has_its_own_fuse():
    abc = ((1, 1), (2, 2), (3, 3))
    fuses = (
        Device(f"f{i}", "fuse", "b0", "b1", conductors=((i, i),), protective=True)
        for i in (1, 2, 3)
    )
    network = Network(
        (
            Device("src", "source", "", "b0", conductors=abc),
            *fuses,
            Device("trunk", "line", "b1", "b2", conductors=abc),
            Device("lateral", "line", "b2", "b3", conductors=((2, 2),)),
        ),
        (Load("x", "b3", "2"),),
    )
    assert protective_above(network, "trunk") == ("f1", "f2", "f3")
    assert protective_above(network, "lateral") == ("f2",)
    assert protected_by(network, "x") == ("f2",)


@pytest.mark.parametrize("name", NETWORKS or [ABSENT])
def test_opening_what_trips_darkens_all_that_the_failed_device_darkens(name):
    network = network_of(name)
    protection, before = Protection(network), dark(network)
    for device in sample([d.device_id for d in network.devices if d.closed], 40):
        trips = protection.above(device)
        if trips:
            darkened = dark(network, opened=[device]) - before
            assert darkened <= dark(network, opened=trips)


@settings(max_examples=300)
@given(a_network(), st.sets(st.integers(0, 8).map("d{}".format)))
def test_what_trips_parts_the_place_from_every_source_or_is_the_source(network, guards):
    devices = tuple(replace(d, protective=d.device_id in guards) for d in network.devices)
    network = Network(devices, network.loads)
    for load in network.loads:
        trips = protected_by(network, load.load_id)
        assert (load.load_id in dark(network)) or trips
        assert load.load_id in dark(network, opened=trips)
