"""What is wrong with a network as a whole is named, with the devices and loads that it is about."""

import pytest
from hypothesis import given, settings

from chalicelib.domain.grid import Device, Load, Network, Problem, dark, problems
from chalicelib.domain.words import LANGUAGES
from tests.domain.test_grid import ABSENT, NETWORKS, a_network, chain, network_of
from tests.domain.test_grid import SOUND as SOUND_NETWORKS
from tests.domain.test_grid_maps import two_feeders

SOUND = (*chain(("b0", "b1"), ("b1", "b2")),)


def found(*devices: Device, loads=()):
    return [
        (one.slug, one.devices, one.loads) for one in problems(Network((*SOUND, *devices), loads))
    ]


def test_a_sound_network_has_none():
    assert found(loads=(Load("x", "b2"),)) == []
    assert problems(two_feeders()) == ()


@pytest.mark.parametrize(
    ("devices", "loads", "expected"),
    [
        ([Device("far", "line", "p", "q")], [Load("x", "q")], [("island", ("far",), ("x",))]),
        ([Device("end", "line", "b2", "")], [], [("joined-to-nothing", ("end",), ())]),
        ([], [Load("x", "B2")], [("unknown-bus", (), ("x",))]),
        ([Device("twin", "line", "b1", "b2")], [], [("loop", ("b1b2", "twin"), ())]),
        ([Device("gap", "switch", "b1", "b2", closed=False)], [], []),
        (
            [Device("src2", "source", "", "b1")],
            [],
            [("sources-joined", ("b0b1", "src", "src2"), ())],
        ),
        (
            [Device("gap", "switch", "b2", "b3", closed=False)],
            [Load("x", "b3")],
            [("island", (), ("x",))],
        ),
        (
            [Device("tap", "fuse", "b2", "b3", conductors=((2, 2),))],
            [Load("x", "b3", "2"), Load("y", "b3", "1"), Load("z", "b2", "2")],
            [("phase-missing", (), ("y",))],
        ),
    ],
)
def test_each_problem_is_named_with_what_it_is_about(devices, loads, expected):
    assert found(*devices, loads=tuple(loads)) == expected


def test_a_network_without_a_source_says_so():
    (none, island) = problems(Network(SOUND[1:], (Load("x", "b1"),)))
    assert (none.slug, island.slug) == ("no-source", "island")
    assert problems(Network())[0].slug == "no-source"


@pytest.mark.parametrize("tie", ["A", "B", ""])
def test_two_feeders_joined_by_a_closed_tie_are_a_problem_beside_the_loop(tie):
    network = two_feeders(tie)
    devices = tuple(
        Device(d.device_id, d.kind, d.bus_from, d.bus_to, feeder_id=d.feeder_id)
        for d in network.devices
    )
    joined, loop = problems(Network(devices, network.loads))
    assert (joined.slug, joined.notice) == ("joined-feeders", False)
    assert "tie" in joined.devices
    assert (loop.slug, loop.notice) == ("loop", True)
    assert {"tie", "a01", "b01"} < set(loop.devices)


def test_three_regulators_side_by_side_are_no_loop():
    abc = ((1, 1), (2, 2), (3, 3))
    network = Network(
        (
            Device("src", "source", "", "b0", conductors=abc),
            *(Device(f"r{i}", "regulator", "b0", "b1", conductors=((i, i),)) for i in (1, 2, 3)),
            Device("trunk", "line", "b1", "b2", conductors=abc),
        )
    )
    assert problems(network) == ()


@pytest.mark.parametrize("name", NETWORKS or [ABSENT])
def test_the_real_networks_have_nothing_to_correct_but_loads_without_power(name):
    network = network_of(name)
    wrong = problems(network)
    assert {load for one in wrong for load in one.loads} == dark(network)
    assert all(one.words(language) for one in wrong for language in LANGUAGES)
    if name in SOUND_NETWORKS:
        assert all(one.notice for one in wrong)


@settings(max_examples=200)
@given(a_network())
def test_every_dark_load_is_named_by_a_problem(network):
    named = {load for one in problems(network) for load in one.loads}
    assert named == dark(network)


@pytest.mark.parametrize(
    "slug",
    [
        *("no-source", "joined-to-nothing", "island", "unknown-bus"),
        *("phase-missing", "joined-feeders", "loop", "sources-joined"),
    ],
)
def test_it_is_said_in_both_languages(slug):
    said = [Problem(slug, ("d1", "d2"), ("x",)).words(language) for language in LANGUAGES]
    assert all("{" not in one for one in said)
