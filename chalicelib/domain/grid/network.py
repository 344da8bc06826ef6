"""The network as a value: devices, loads, and which loads are dark (停电范围).

Traced by graph search over closed devices, one vertex for each phase node of a bus, all sources
joined in one supply: parent chains are wrong where there are loops, parallel devices or several
sources. Linear in the number of conductors.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import Final

from chalicelib.domain.refusal import Unknown

SOURCE: Final = "source"
"""The kind of device that energises its bus; every other kind only conducts."""
SUPPLY: Final = 0
"""The vertex that stands for all sources together."""


@dataclass(frozen=True, slots=True)
class Device:
    """One piece of the network (设备): a source, a switch, a line section.

    conductors: pairs of phase nodes, from → to; empty: all phases together.
    phases: letters of A, B, C, N as the records give them; for people to read.
    kv: rated voltage in kV as recorded, `20.0/0.4` for a transformer; for people to read.
    switchable: can be opened and closed. protective: opens by itself on a fault.
    closed: how it stands now. normally_open: a tie, open when nothing is unusual.
    parent_id: as recorded, for information only; nothing is traced by it.
    """

    device_id: str
    kind: str
    bus_from: str = ""
    bus_to: str = ""
    name: str = ""
    conductors: tuple[tuple[int, int], ...] = ()
    phases: str = ""
    kv: str = ""
    switchable: bool = False
    protective: bool = False
    closed: bool = True
    normally_open: bool = False
    feeder_id: str = ""
    substation_id: str = ""
    parent_id: str = ""
    lon: float | None = None
    lat: float | None = None

    @property
    def is_source(self) -> bool:
        """Return whether it energises its bus."""
        return self.kind == SOURCE

    @property
    def buses(self) -> tuple[str, ...]:
        """Return the buses that it joins; a source mostly has one."""
        return tuple(bus for bus in (self.bus_from, self.bus_to) if bus)


@dataclass(frozen=True, slots=True)
class Load:
    """What hangs at one bus and is dark or not as a whole (负荷点).

    nodes: "" is the whole bus; `1.2` is dead when all are dead; `1&2` is line to line, dead when
    either is. households: how many supply points stand behind it.
    """

    load_id: str
    bus_id: str
    nodes: str = ""
    transformer_id: str = ""
    feeder_id: str = ""
    households: int = 1


@cache
def groups_of(nodes: str) -> tuple[tuple[int, ...], ...]:
    """Read a load's nodes: it lives while all nodes of any group live. `1&2.3` → ((1, 2), (3,)).

    Raises ValueError where a part is no number.
    """
    return tuple(
        tuple(int(node) for node in group.split("&")) for group in nodes.split(".") if group
    )


@dataclass(frozen=True)
class Network:
    """Devices and loads, kept in the order of their ids: the same parts make an equal network.

    Raises ValueError for an id that stands twice (the readers name such a row before).
    """

    devices: tuple[Device, ...] = ()
    loads: tuple[Load, ...] = ()

    def __post_init__(self) -> None:
        devices = tuple(sorted(self.devices, key=lambda device: device.device_id))
        loads = tuple(sorted(self.loads, key=lambda load: load.load_id))
        for ids in ([d.device_id for d in devices], [load.load_id for load in loads]):
            twice = {one for one, other in pairwise(ids) if one == other}
            if twice:
                raise ValueError(f"stands twice: {sorted(twice)[:5]}")
        object.__setattr__(self, "devices", devices)
        object.__setattr__(self, "loads", loads)

    @cached_property
    def graph(self) -> "Graph":
        """The same network as numbers, made once."""
        return Graph(self)

    @cached_property
    def load_index(self) -> dict[str, int]:
        """Where each load stands in `loads`."""
        return {load.load_id: i for i, load in enumerate(self.loads)}

    def device(self, device_id: str) -> Device:
        """Return one device. Raises Unknown."""
        return self.devices[self.graph.device_at(device_id)]

    def load(self, load_id: str) -> Load:
        """Return one load. Raises Unknown."""
        if load_id not in self.load_index:
            raise Unknown(load=load_id)
        return self.loads[self.load_index[load_id]]


class Graph:
    """A network as numbers: a vertex for each (bus, phase node), an edge for each conductor.

    Vertex 0 is the supply; a source's conductors lead from it to the source's bus. Where nothing
    names phase nodes each bus is one vertex. Where something does, a device that names no
    conductors carries every node that is named anywhere, each to itself.
    """

    def __init__(self, network: Network) -> None:
        self.index = {device.device_id: i for i, device in enumerate(network.devices)}
        self.closed = bytes(device.closed for device in network.devices)
        self.every_node = _every_node(network)
        self.has_phases = self.every_node != (0,)
        self.vertices: dict[tuple[str, int], int] = {("", -1): SUPPLY}
        self.at_bus: dict[str, list[int]] = {}
        self.edges: list[tuple[int, int, int]] = [
            (i, one, other)
            for i, device in enumerate(network.devices)
            for one, other in self._conductors(device)
        ]
        self.near: list[list[int]] = [[] for _ in self.vertices]
        self.via: list[list[int]] = [[] for _ in self.vertices]
        for i, one, other in self.edges:
            self.near[one].append(other)
            self.near[other].append(one)
            self.via[one].append(i)
            self.via[other].append(i)
        self.terminals = [self._terminals(load) for load in network.loads]

    def _vertex(self, bus: str, node: int) -> int:
        key = (bus, node)
        found = self.vertices.get(key)
        if found is None:
            found = self.vertices[key] = len(self.vertices)
            self.at_bus.setdefault(bus, []).append(found)
        return found

    def _conductors(self, device: Device) -> Iterator[tuple[int, int]]:
        pairs = dict.fromkeys(device.conductors) or {n: n for n in self.every_node}.items()
        for node_from, node_to in pairs:
            if not device.is_source:
                if device.bus_from and device.bus_to:
                    here, there = (device.bus_from, node_from), (device.bus_to, node_to)
                    yield self._vertex(*here), self._vertex(*there)
                continue
            if device.bus_from:
                yield SUPPLY, self._vertex(device.bus_from, node_from)
            if device.bus_to:
                yield SUPPLY, self._vertex(device.bus_to, node_to)

    def _terminals(self, load: Load) -> tuple[tuple[int, ...], ...]:
        """Return the groups of vertices of a load, without those that no device brings there."""
        here = self.at_bus.get(load.bus_id, [])
        if not load.nodes or not self.has_phases:
            return tuple((vertex,) for vertex in here)
        groups = (
            [self.vertices.get((load.bus_id, node)) for node in group]
            for group in groups_of(load.nodes)
        )
        return tuple(tuple(v for v in group if v) for group in groups if all(group))

    def device_at(self, device_id: str) -> int:
        """Return where a device stands in the network. Raises Unknown."""
        found = self.index.get(device_id)
        if found is None:
            raise Unknown(device=device_id)
        return found

    def state(self, opened: Iterable[str] = (), closed: Iterable[str] = ()) -> bytearray:
        """Return 1 for each closed device: as recorded, then `closed`, then `opened`."""
        state = bytearray(self.closed)
        for device_id in closed:
            state[self.device_at(device_id)] = 1
        for device_id in opened:
            state[self.device_at(device_id)] = 0
        return state

    def live(self, state: bytearray) -> bytearray:
        """Return 1 for each vertex that a source reaches."""
        near, via = self.near, self.via
        live = bytearray(len(near))
        live[SUPPLY] = 1
        todo = [SUPPLY]
        while todo:
            here = todo.pop()
            for there, device in zip(near[here], via[here], strict=True):
                if state[device] and not live[there]:
                    live[there] = 1
                    todo.append(there)
        return live

    def is_lit(self, load: int, live: bytearray) -> bool:
        """Return whether a load has power: all vertices of any of its groups live."""
        return any(all(live[vertex] for vertex in group) for group in self.terminals[load])


def _every_node(network: Network) -> tuple[int, ...]:
    """Return every phase node that a conductor or a load names; (0,) where none does."""
    named = {node for device in network.devices for pair in device.conductors for node in pair}
    named.update(n for load in network.loads for group in groups_of(load.nodes) for n in group)
    return tuple(sorted(named)) or (0,)


def dark(
    network: Network, *, opened: Iterable[str] = (), closed: Iterable[str] = ()
) -> frozenset[str]:
    """Return the loads without power once `closed` are closed and `opened` opened (devices' ids).

    What was dark before is in the answer too. Raises Unknown for a device that is not there.
    """
    graph = network.graph
    live = graph.live(graph.state(opened, closed))
    return frozenset(
        load.load_id for i, load in enumerate(network.loads) if not graph.is_lit(i, live)
    )


def path(
    network: Network, load_id: str, *, opened: Iterable[str] = (), closed: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return the devices from the nearest source down to a load (供电路径), both ends included.

    The way with the fewest devices, where there are several; of the first phase that has power,
    where the phases go through devices of their own. Empty when the load is dark. Raises Unknown.
    """
    graph = network.graph
    network.load(load_id)
    load = network.load_index[load_id]
    state = graph.state(opened, closed)
    live = graph.live(state)
    lit = [g for g in graph.terminals[load] if all(live[v] for v in g)]
    if not lit:
        return ()
    start = lit[0][0]
    came: dict[int, tuple[int, int]] = {start: (start, -1)}
    todo = deque([start])
    while SUPPLY not in came:
        here = todo.popleft()
        for there, device in zip(graph.near[here], graph.via[here], strict=True):
            if state[device] and there not in came:
                came[there] = (here, device)
                todo.append(there)
    found: list[str] = []
    here = SUPPLY
    while here != start:
        here, device = came[here]
        found.append(network.devices[device].device_id)
    return tuple(found)
