"""The network: traced like independent engines, cut into zones that any trace confirms."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.grid import (
    Device,
    Load,
    Network,
    dark,
    loads_of,
    path,
    read_customers,
    read_devices,
    read_switches,
    zones,
)
from chalicelib.domain.refusal import Unknown

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "grid"
NETWORKS = sorted(file.parent.name for file in FOLDER.glob("*/devices.csv"))
ABSENT = pytest.param("", marks=pytest.mark.skip(reason=f"no networks at ../shared/{FOLDER.name}"))
SOUND = {
    "1-MVLV-rural-all-0-sw",
    "ieee8500u",
    "kerber_vorstadt",
    "mv_oberrhein",
    "mv_oberrhein_30930_customers",
}
"""Networks whose records are known to be without a flaw; others may have some."""
SAMPLE = 120
"""Devices of a network that are opened one by one."""


def text_of(name, file):
    return (FOLDER / name / file).read_text(encoding="utf-8")


@cache
def read(name):
    devices, wrong = read_devices(text_of(name, "devices.csv"))
    points, odd = read_customers(text_of(name, "customers.csv"), devices=devices)
    return devices, points, (*wrong, *odd)


@cache
def network_of(name):
    devices, points, _ = read(name)
    return Network(devices, loads_of(points, devices=devices))


def sample(every, size):
    return every[:: max(1, len(every) // size)]


def cases_of(name):
    """Return the cases of a network; those of the network that it was made from, if it has none."""
    meta = FOLDER / name / "meta.json"
    origin = (
        json.loads(meta.read_text(encoding="utf-8")).get("name", name) if meta.exists() else name
    )
    for folder in (name, origin):
        file = FOLDER / folder / "oracle_cases.json"
        if file.exists():
            return json.loads(file.read_text(encoding="utf-8"))
    return []


CASES = [
    pytest.param(name, case["opened"], case["dead_loads"], id=f"{name}-{i}")
    for name in NETWORKS
    for i, case in enumerate(cases_of(name))
]


@pytest.mark.parametrize(
    ("name", "operated", "dead"),
    CASES or [pytest.param("", [], [], marks=ABSENT.marks)],
)
def test_our_trace_is_that_of_the_independent_engine(name, operated, dead):
    network = network_of(name)
    opened = [device for device in operated if not device.startswith("+")]
    ties = [device.removeprefix("+") for device in operated if device.startswith("+")]
    assert dark(network, opened=opened, closed=ties) == set(dead)


@pytest.mark.parametrize("name", NETWORKS or [ABSENT])
def test_every_row_is_read_or_named(name, record_property):
    devices, points, mistakes = read(name)
    record_property("oracle_cases", len(cases_of(name)))
    for file, kept in (("devices.csv", devices), ("customers.csv", points)):
        named = {one.line for one in mistakes if one.file == file and not one.notice}
        assert len(kept) + len(named) >= len(text_of(name, file).splitlines()) - 1
    if name in SOUND:
        assert [one for one in mistakes if not one.notice] == []
        assert read_switches(text_of(name, "switches.csv"), devices=devices) == ()


@pytest.mark.parametrize("name", NETWORKS or [ABSENT])
def test_a_zone_darkens_what_opening_any_of_its_devices_darkens(name):
    network, tree = network_of(name), zones(network_of(name))
    before = dark(network)
    for device in sample([one.device_id for one in network.devices if one.closed], SAMPLE):
        zone = tree.zone_of(device)
        under = frozenset() if zone is None else tree.under(zone)
        assert under == dark(network, opened=[device]) - before, device


@pytest.mark.parametrize("name", NETWORKS or [ABSENT])
def test_a_path_opened_anywhere_is_another_path_or_none(name):
    network = network_of(name)
    for i, load in enumerate(sample(network.loads, 20)):
        way = path(network, load.load_id)
        if not way:
            assert load.load_id in dark(network)
            continue
        assert network.device(way[0]).is_source
        assert load.bus_id in network.device(way[-1]).buses
        cut = way[i % len(way)]
        other = path(network, load.load_id, opened=[cut])
        assert cut not in other
        assert (load.load_id in dark(network, opened=[cut])) == (other == ())


def test_a_hundred_thousand_devices_in_a_row_are_no_depth_to_fall_into():
    size = 100_000
    devices = (
        Device("src", "source", "", "b0"),
        *(Device(f"d{i}", "line", f"b{(i - 1) * 7 // 8}", f"b{i}") for i in range(1, size)),
    )
    loads = tuple(Load(f"l{i}", f"b{i}") for i in range(0, size, 3))
    network = Network(devices, loads)
    assert dark(network) == frozenset()
    assert len(dark(network, opened=["src"])) == len(loads)


# Small networks, traced by hand -----------------------------------------------------------------


def chain(*ends: tuple[str, str]):
    """Make a source at b0 and a line for each pair of buses, named by it: `b0b1`."""
    lines = (Device(f"{one}{other}", "line", one, other) for one, other in ends)
    return (Device("src", "source", "", "b0"), *lines)


def test_opening_one_of_two_parallel_devices_darkens_nothing():
    twin = Device("twin", "line", "b0", "b1")
    network = Network((*chain(("b0", "b1")), twin), (Load("x", "b1"),))
    assert dark(network, opened=["twin"]) == frozenset()
    assert dark(network, opened=["twin", "b0b1"]) == {"x"}
    assert zones(network).zones[0].devices == ("src",)


def test_a_device_in_a_closed_ring_is_no_candidate():
    network = Network(
        chain(("b0", "b1"), ("b1", "b2"), ("b2", "b3"), ("b3", "b1")), (Load("x", "b3"),)
    )
    (only,) = zones(network).zones
    assert only.devices == ("b0b1", "src")
    (opened,) = zones(network, opened=["b3b1"]).zones
    assert opened.devices == ("b0b1", "b1b2", "b2b3", "src")


def test_a_second_source_keeps_the_lights_on():
    other = Device("src2", "source", "b2", "")
    network = Network((*chain(("b0", "b1"), ("b1", "b2")), other), (Load("x", "b1"),))
    assert dark(network, opened=["src"]) == frozenset()
    assert dark(network, opened=["src", "src2"]) == {"x"}
    assert zones(network).zones == ()


def test_a_device_recorded_open_is_open_whether_or_not_it_is_a_tie():
    gap = Device("gap", "switch", "b1", "b2", closed=False)
    network = Network((*chain(("b0", "b1")), gap), (Load("x", "b2"),))
    assert dark(network) == {"x"}
    assert dark(network, closed=["gap"]) == frozenset()
    assert zones(network).zones == ()


def test_a_transformer_takes_one_phase_to_two_nodes_and_both_die_with_it():
    devices = (
        Device("src", "source", "", "b0", conductors=((1, 1), (2, 2), (3, 3))),
        Device("tr", "transformer", "b0", "b1", conductors=((2, 1), (2, 2))),
        Device("only2", "fuse", "b1", "b2", conductors=((2, 2),)),
    )
    loads = (Load("one", "b1", "1"), Load("between", "b1", "1&2"), Load("two", "b2", "2"))
    network = Network(devices, (*loads, Load("third", "b0", "3"), Load("nowhere", "b2", "1")))
    assert dark(network) == {"nowhere"}
    assert dark(network, opened=["tr"]) == {"nowhere", "one", "between", "two"}
    assert dark(network, opened=["only2"]) == {"nowhere", "two"}


@pytest.mark.parametrize(
    ("nodes", "opened", "dies"),
    [
        ("1.2", ["a"], False),
        ("1.2", ["a", "b"], True),
        ("1&2", ["a"], True),
        ("1&2.2&3", ["a"], False),
        ("1&2.2&3", ["b"], True),
        ("", ["a", "b"], False),
        ("", ["a", "b", "c"], True),
    ],
)
def test_a_load_dies_as_its_nodes_say(nodes, opened, dies):
    devices = (
        Device("src", "source", "", "b0"),
        *(
            Device(name, "fuse", "b0", "b1", conductors=((i, i),))
            for i, name in enumerate("abc", start=1)
        ),
    )
    network = Network(devices, (Load("x", "b1", nodes),))
    assert (dark(network, opened=opened) == {"x"}) is dies


def test_a_device_that_nobody_knows_is_refused():
    network = Network(chain(("b0", "b1")), (Load("x", "b1"),))
    with pytest.raises(Unknown):
        dark(network, opened=["ghost"])
    with pytest.raises(Unknown):
        path(network, "ghost")


def test_an_id_that_stands_twice_makes_no_network():
    with pytest.raises(ValueError, match="twice"):
        Network((*chain(("b0", "b1")), *chain(("b0", "b1"))))


# Any small network ------------------------------------------------------------------------------

BUSES = [f"b.{i}" for i in range(5)]
PAIRS = [(one, other) for one in (1, 2, 3) for other in (1, 2, 3)]
NODES = ["", "1", "2", "3", "1.2", "1.2.3", "1&2", "1&2.2&3.3&1"]


@st.composite
def a_network(draw):
    """Draw a network with loops, parallels, several sources, open devices and parting phases."""
    phased = draw(st.booleans())
    conductors = st.lists(st.sampled_from(PAIRS), max_size=3).map(tuple) if phased else st.just(())
    bus, gap = st.sampled_from(BUSES), draw(st.integers(0, 20))
    devices = [
        Device(f"d{i}", "line", one, other, conductors=draw(conductors), closed=i != gap)
        for i, (one, other) in enumerate(draw(st.lists(st.tuples(bus, bus), max_size=9)))
    ]
    sources = [
        Device(f"s{i}", "source", "", at, conductors=draw(conductors))
        for i, at in enumerate(draw(st.lists(bus, min_size=1, max_size=2)))
    ]
    loads = [
        Load(f"l{i}", at, draw(st.sampled_from(NODES)) if phased else "")
        for i, at in enumerate(draw(st.lists(bus, max_size=6)))
    ]
    return Network((*devices, *sources), tuple(loads))


def dark_by_definition(network, *, opened=()):
    """Spread the power until nothing changes, as one would on paper."""
    named = {n for d in network.devices for pair in d.conductors for n in pair}
    named |= {int(n) for load in network.loads for n in re.findall(r"\d", load.nodes)}
    every = sorted(named) or [0]
    wires = {
        (("", 0) if device.is_source else (device.bus_from, one), (device.bus_to, other))
        for device in network.devices
        if device.closed and device.device_id not in opened
        for one, other in device.conductors or [(n, n) for n in every]
    }
    live = {("", 0)}
    while more := {end for wire in wires if live & {*wire} for end in wire} - live:
        live |= more

    def lit(load):
        nodes = load.nodes if named and load.nodes else ".".join(map(str, every))
        return any(
            all((load.bus_id, int(node)) in live for node in group.split("&"))
            for group in nodes.split(".")
        )

    return {load.load_id for load in network.loads if not lit(load)}


@settings(max_examples=400)
@given(a_network(), st.sets(st.integers(0, 8).map("d{}".format), max_size=3))
def test_dark_is_what_power_does_not_reach(network, opened):
    opened = {one for one in opened if one in network.graph.index}
    assert dark(network, opened=opened) == dark_by_definition(network, opened=opened)


@settings(max_examples=600)
@given(a_network())
def test_the_zones_are_the_devices_by_what_each_darkens_alone(network):
    tree, before = zones(network), dark_by_definition(network)
    for device in network.devices:
        at = tree.zone_of(device.device_id)
        darkened = dark_by_definition(network, opened={device.device_id}) - before
        assert (set() if at is None else tree.under(at)) == darkened
    sets = [tree.under(i) for i in range(len(tree.zones))]
    assert len(set(sets)) == len(sets)
    for i, zone in enumerate(tree.zones):
        larger = [other for other in sets if other > sets[i]]
        assert (zone.parent is None) == (not larger)
        if zone.parent is not None:
            assert zone.parent < i
            assert len(sets[zone.parent]) == min(map(len, larger))
            assert sets[zone.parent] in larger
        for load in zone.loads:
            assert not any(load in sets[child] for child in tree.children[i])
    for load in network.loads:
        above = {up for at in tree.zones_of(load.load_id) for up in tree.above(at)}
        assert above == {i for i, under in enumerate(sets) if load.load_id in under}
