"""Which loads each device alone would darken, as a tree (故障区段): what inference reasons on.

Devices whose opening darkens the same loads are one zone: no evidence tells them apart. In a closed
loop no device darkens anything alone, so none of them is a candidate; a device with several
conductors opens them all at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from chalicelib.domain.grid.network import SUPPLY, Network

_WORD: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Zone:
    """Devices that darken the same loads, and where that set stands.

    parent: index of the smallest zone that darkens these loads and more; None at the top.
    loads: those that no zone below darkens.
    """

    devices: tuple[str, ...]
    parent: int | None
    loads: tuple[str, ...]


@dataclass(frozen=True)
class ZoneTree:
    """Zones, parents before children. Loads that were dark already stand nowhere.

    `under` is exact for every zone. Where phases part (regulators a phase, line-to-line loads) two
    zones may share loads without one holding the other: such a load hangs in several zones, and
    every zone that darkens it is one of `zones_of(load)` or above one of them.
    """

    zones: tuple[Zone, ...] = ()

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """The zones directly below each zone."""
        below: list[list[int]] = [[] for _ in self.zones]
        for i, zone in enumerate(self.zones):
            if zone.parent is not None:
                below[zone.parent].append(i)
        return tuple(map(tuple, below))

    @cached_property
    def _of_device(self) -> dict[str, int]:
        return {device: i for i, zone in enumerate(self.zones) for device in zone.devices}

    @cached_property
    def _of_load(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for i, zone in enumerate(self.zones):
            for load in zone.loads:
                found[load] = (*found.get(load, ()), i)
        return found

    def under(self, zone: int) -> frozenset[str]:
        """Return every load that opening a device of this zone darkens."""
        found: set[str] = set()
        todo = [zone]
        while todo:
            here = todo.pop()
            found.update(self.zones[here].loads)
            todo.extend(self.children[here])
        return frozenset(found)

    def zone_of(self, device_id: str) -> int | None:
        """Return the zone of a device; None where opening it alone darkens nothing."""
        return self._of_device.get(device_id)

    def zones_of(self, load_id: str) -> tuple[int, ...]:
        """Return the zones in which a load hangs directly; mostly one, none for a dark load."""
        return self._of_load.get(load_id, ())

    def above(self, zone: int) -> Iterator[int]:
        """Yield a zone and each one above it, upwards."""
        here: int | None = zone
        while here is not None:
            yield here
            here = self.zones[here].parent


def zones(network: Network, *, opened: Iterable[str] = (), closed: Iterable[str] = ()) -> ZoneTree:
    """Return the zones of a network as it stands, with `closed` closed and `opened` opened.

    Every closed device that conducts or feeds is a candidate. Raises Unknown for an unknown id.
    """
    return _Cuts(network, network.graph.state(opened, closed)).tree()


class Forest:
    """A depth-first tree over what is live, and which of its edges other edges go around.

    order: the vertices as met, the supply first. parent, entry: the vertex and the edge by which
    each was met. around: how many edges go around the edge of entry; none means a bridge.
    label: their marks summed bit by bit, so that edges which part the network jointly sum to zero.
    tree_edges: for each device the vertices met through it. loose: its other edges, as vertex and
    mark.
    """

    def __init__(self, network: Network, state: bytearray) -> None:
        self.graph, self.state = network.graph, state
        self.live = self.graph.live(state)
        size = len(self.graph.near)
        self.order, self.parent, self.entry = [SUPPLY], [-1] * size, [-1] * size
        self.rank = [-1] * size
        self._walk()
        self.around, self.label = [0] * size, [0] * size
        self.tree_edges: dict[int, list[int]] = {}
        self.loose: dict[int, list[tuple[int, int]]] = {}
        self._cover()

    def _walk(self) -> None:
        leads: list[list[tuple[int, int]]] = [[] for _ in self.graph.near]
        for edge, (device, one, other) in enumerate(self.graph.edges):
            if self.state[device] and self.live[one]:
                leads[one].append((edge, other))
                leads[other].append((edge, one))
        self.rank[SUPPLY] = 0
        stack = [(SUPPLY, iter(leads[SUPPLY]))]
        while stack:
            here, ways = stack[-1]
            for edge, there in ways:
                if self.rank[there] < 0:
                    self.rank[there] = len(self.order)
                    self.order.append(there)
                    self.parent[there], self.entry[there] = here, edge
                    stack.append((there, iter(leads[there])))
                    break
            else:
                stack.pop()

    def _cover(self) -> None:
        for edge, (device, one, other) in enumerate(self.graph.edges):
            if not self.state[device] or not self.live[one]:
                continue
            low, high = (one, other) if self.rank[one] > self.rank[other] else (other, one)
            if self.entry[low] == edge:
                self.tree_edges.setdefault(device, []).append(low)
                continue
            mark = _mix(edge)
            self.loose.setdefault(device, []).append((low, mark))
            self.around[low] += 1
            self.around[high] -= 1
            self.label[low] ^= mark
            self.label[high] ^= mark
        for vertex in reversed(self.order[1:]):
            self.around[self.parent[vertex]] += self.around[vertex]
            self.label[self.parent[vertex]] ^= self.label[vertex]

    def loops(self) -> tuple[frozenset[int], ...]:
        """Return the devices of each part that stays whole whichever one of its edges opens."""
        part = list(range(len(self.graph.near)))
        for vertex in self.order[1:]:
            if self.around[vertex]:
                part[vertex] = part[self.parent[vertex]]
        members: dict[int, set[int]] = {}
        for device, lows in self.tree_edges.items():
            for low in lows:
                if self.around[low]:
                    members.setdefault(part[low], set()).add(device)
        for device, loose in self.loose.items():
            for low, _ in loose:
                members.setdefault(part[low], set()).add(device)
        return tuple(dict.fromkeys(frozenset(ring) for ring in members.values() if len(ring) > 1))


class _Cuts:
    """What each device alone cuts off.

    A bridge cuts what hangs under it. Edges of one device that are no bridges may still cut
    jointly: the few devices whose labels depend on each other are traced one by one.
    Loads are bits, numbered within their area; a load's groups of terminals are planes of bits: it
    is dark where it is cut in all planes.
    """

    def __init__(self, network: Network, state: bytearray) -> None:
        self.network, self.graph, self.state = network, network.graph, state
        self.forest = Forest(network, state)
        self.live, self.order = self.forest.live, self.forest.order
        self._divide()
        self._number()
        self._hang()

    def _divide(self) -> None:
        """Tell the devices that cut by bridges from those that may cut jointly."""
        forest = self.forest
        self.bridges: dict[int, list[int]] = {}
        self.joint: list[int] = []
        for device, lows in forest.tree_edges.items():
            free = [low for low in lows if not forest.around[low]]
            labels = [forest.label[low] for low in lows if forest.around[low]]
            labels += [mark for _, mark in forest.loose.get(device, ())]
            if _depend(labels):
                self.joint.append(device)
            elif free:
                self.bridges[device] = free

    def _number(self) -> None:
        """Number the lit loads within each area: what closed devices join, whatever the phase."""
        area = areas(self.network, self.state)
        lit = [i for i in range(len(self.network.loads)) if self.graph.is_lit(i, self.live)]
        groups = {
            i: [g for g in self.graph.terminals[i] if all(self.live[v] for v in g)] for i in lit
        }
        lit.sort(key=lambda i: self.forest.rank[groups[i][0][0]])
        self.loads_of: dict[str, list[int]] = {}
        self.bit: dict[int, int] = {}
        self.groups = groups
        self.area_of_load: dict[int, str] = {}
        for i in lit:
            name = area[self.network.loads[i].bus_id]
            members = self.loads_of.setdefault(name, [])
            self.bit[i] = 1 << len(members)
            members.append(i)
        self.area_of = [area[d.buses[0]] if d.buses else "" for d in self.network.devices]

    def _hang(self) -> None:
        """Lay each load's bit at its terminals, a plane for each group, and sum them upwards."""
        depth = max(map(len, self.groups.values()), default=1)
        size = len(self.graph.near)
        self.own: list[list[int]] = [[0] * size for _ in range(depth)]
        for i, groups in self.groups.items():
            for plane, own in enumerate(self.own):
                for vertex in groups[min(plane, len(groups) - 1)]:
                    own[vertex] |= self.bit[i]
        self.below = [own.copy() for own in self.own]
        for vertex in reversed(self.order[1:]):
            above = self.forest.parent[vertex]
            if above != SUPPLY:
                for below in self.below:
                    below[above] |= below[vertex]

    def _cut_by(self, device: int, lows: list[int] | None) -> int:
        """Return the bits of the loads that a device darkens alone."""
        if lows is None:
            self.state[device] = 0
            live = self.graph.live(self.state)
            self.state[device] = 1
            planes, at = self.own, [v for v in self.order if not live[v]]
        else:
            planes, at = self.below, lows
        cut = -1
        for plane in planes:
            here = 0
            for vertex in at:
                here |= plane[vertex]
            cut &= here
        return cut

    def tree(self) -> ZoneTree:
        """Group the devices by what they cut, and hang each group under the smallest larger one."""
        members: dict[tuple[str, int], list[int]] = {}
        for device, lows in (*self.bridges.items(), *((one, None) for one in self.joint)):
            cut = self._cut_by(device, lows)
            if cut:
                members.setdefault((self.area_of[device], cut), []).append(device)
        keys = sorted(members, key=lambda key: (key[0], -key[1].bit_count(), min(members[key])))
        self.place = {device: i for i, key in enumerate(keys) for device in members[key]}
        parents = [self._parent(i, keys) for i in range(len(keys))]
        direct = [cut for _, cut in keys]
        for (_, cut), parent in zip(keys, parents, strict=True):
            if parent is not None:
                direct[parent] &= ~cut
        return ZoneTree(
            tuple(
                Zone(
                    tuple(self.network.devices[one].device_id for one in sorted(members[key])),
                    parents[i],
                    tuple(sorted(self._loads(key[0], direct[i]))),
                )
                for i, key in enumerate(keys)
            )
        )

    def _parent(self, zone: int, keys: list[tuple[str, int]]) -> int | None:
        """Return the smallest zone that darkens more: it stands above any load of this one."""
        area, cut = keys[zone]
        load = self.loads_of[area][(cut & -cut).bit_length() - 1]
        above = {place for vertex in self.groups[load][0] for place in self._places_above(vertex)}
        for place in sorted(above, reverse=True):
            if place < zone and keys[place][1] & cut == cut:
                return place
        return None

    def _places_above(self, vertex: int) -> Iterator[int]:
        while vertex != SUPPLY:
            place = self.place.get(self.graph.edges[self.forest.entry[vertex]][0])
            if place is not None:
                yield place
            vertex = self.forest.parent[vertex]

    def _loads(self, area: str, bits: int) -> Iterator[str]:
        members = self.loads_of[area]
        while bits:
            last = bits & -bits
            yield self.network.loads[members[last.bit_length() - 1]].load_id
            bits ^= last


def _mix(number: int) -> int:
    """Return 64 well-mixed bits for a number, the same each time (splitmix64)."""
    number = (number + 1) * 0x9E3779B97F4A7C15 & _WORD
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    number = (number ^ number >> 27) * 0x94D049BB133111EB & _WORD
    return number ^ number >> 31


def _depend(labels: list[int]) -> bool:
    """Return whether some of the labels sum (bit by bit) to zero."""
    basis: list[int] = []
    for label in labels:
        rest = label
        for one in basis:
            rest = min(rest, rest ^ one)
        if not rest:
            return True
        basis.append(rest)
    return False


def areas(network: Network, state: bytearray) -> dict[str, str]:
    """Return for each bus the name of its area: the first bus of what closed devices join."""
    area = {bus: bus for device in network.devices for bus in device.buses}

    def root(bus: str) -> str:
        while area[bus] != bus:
            area[bus] = area[area[bus]]
            bus = area[bus]
        return bus

    for i, device in enumerate(network.devices):
        if state[i] and device.bus_from and device.bus_to:
            one, other = sorted((root(device.bus_from), root(device.bus_to)))
            area[other] = one
    return {bus: root(bus) for bus in area}
