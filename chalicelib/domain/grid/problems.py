"""What is wrong with a network as a whole (台账问题): for the list that somebody sees on import."""

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.domain import words
from chalicelib.domain.grid.maps import Flood
from chalicelib.domain.grid.network import Network
from chalicelib.domain.grid.zones import Forest, areas


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding, with the devices and loads that it is about.

    notice: may be meant so. Otherwise somebody must correct the records or the network.
    """

    slug: str
    devices: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()
    notice: bool = False

    def words(self, language: str) -> str:
        """Return what is wrong, in one language: how many, and the first to look at."""
        return words.say(
            f"grid.problem.{self.slug}",
            language,
            devices=len(self.devices),
            loads=len(self.loads),
            first=next(iter((*self.devices, *self.loads)), ""),
        )


def problems(network: Network) -> tuple[Problem, ...]:
    """Return what is wrong with a network as it stands. Linear."""
    islands = tuple(_islands(network))
    return (
        *_ends(network),
        *islands,
        *_loads(network, {load for island in islands for load in island.loads}),
        *_joined_feeders(network),
        *_loops(network),
    )


def _ends(network: Network) -> Iterator[Problem]:
    """Nothing that energises, and devices that end nowhere."""
    if not any(device.is_source and device.closed for device in network.devices):
        yield Problem("no-source")
    loose = tuple(
        device.device_id
        for device in network.devices
        if not device.is_source and not (device.bus_from and device.bus_to)
    )
    if loose:
        yield Problem("joined-to-nothing", loose)


def _islands(network: Network) -> Iterator[Problem]:
    """What closed devices join, without a source among it."""
    area = areas(network, bytearray(network.graph.closed))
    devices: dict[str, list[str]] = {}
    loads: dict[str, list[str]] = {}
    supplied: set[str] = set()
    for device in network.devices:
        if device.closed and device.is_source:
            supplied.update(area[bus] for bus in device.buses)
        elif device.closed and device.bus_from and device.bus_to:
            devices.setdefault(area[device.bus_to], []).append(device.device_id)
    for load in network.loads:
        if load.bus_id in area:
            loads.setdefault(area[load.bus_id], []).append(load.load_id)
    for name in sorted({*devices, *loads} - supplied):
        yield Problem("island", tuple(devices.get(name, ())), tuple(loads.get(name, ())))


def _loads(network: Network, islanded: set[str]) -> Iterator[Problem]:
    """Loads at a bus that nothing joins, and loads of which a phase is missing on the way."""
    graph = network.graph
    live = graph.live(graph.state())
    nowhere, missing = [], []
    for i, load in enumerate(network.loads):
        here = graph.at_bus.get(load.bus_id, [])
        if not here:
            nowhere.append(load.load_id)
        elif load.load_id not in islanded and not graph.is_lit(i, live):
            missing.append(load.load_id)
    if nowhere:
        yield Problem("unknown-bus", loads=tuple(nowhere))
    if missing:
        yield Problem("phase-missing", loads=tuple(missing))


def _joined_feeders(network: Network) -> Iterator[Problem]:
    """Closed devices at whose ends two feeders meet, both with power of their own."""
    flood = Flood(network)
    found: dict[tuple[str, str], set[str]] = {}
    for i, device in enumerate(network.devices):
        if i in flood.through and not device.is_source:
            keys = {key for bus in device.buses for key in flood.reached[bus]}
            names = sorted(key.feeder_id for key in keys if key.is_feeder)
            if len(names) > 1 and (i in flood.meets or _is_shared(flood, device.buses)):
                found.setdefault((names[0], names[1]), set()).add(device.device_id)
    for _, devices in sorted(found.items()):
        yield Problem("joined-feeders", tuple(sorted(devices)))


def _is_shared(flood: Flood, buses: tuple[str, ...]) -> bool:
    """Return whether two feeders fill one of the buses."""
    return any(sum(key.is_feeder for key in flood.reached[bus]) > 1 for bus in buses)


def _loops(network: Network) -> Iterator[Problem]:
    """Devices that close a loop; mostly meant so, but none of them darkens anything alone."""
    for ring in Forest(network, bytearray(network.graph.closed)).loops():
        sources = sum(network.devices[i].is_source for i in ring)
        slug = "sources-joined" if sources > 1 else "loop"
        ids = tuple(network.devices[i].device_id for i in sorted(ring))
        yield Problem(slug, ids, notice=True)
