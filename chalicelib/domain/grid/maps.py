"""The network kept by feeder (馈线图): one map a feeder, one a substation for what stands above.

`join` is the exact inverse of `feeders`, so an outage reads only the maps it needs: those of its
feeders and what is `above` them. A transfer (转供) moves the affected stretch from one map to
another; nothing else is written.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from chalicelib.domain.grid.network import Device, Load, Network

FORMAT: Final = 1
"""What `pack` writes; a reader refuses any other."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which map: of a feeder, or of a substation where no feeder is named."""

    feeder_id: str
    substation_id: str = ""

    def __str__(self) -> str:
        """Return it as a key of a store: `feeder/F1`, `substation/S1`."""
        return f"feeder/{self.feeder_id}" if self.feeder_id else f"substation/{self.substation_id}"

    @property
    def is_feeder(self) -> bool:
        """Return whether it is the map of a feeder."""
        return bool(self.feeder_id)


@dataclass(frozen=True, slots=True)
class GridMap:
    """The devices and loads of one feeder, or of one substation above its feeders.

    above: the maps through which its supply comes or, where closed devices join it to others, may
    come; join them to trace this one.
    """

    key: Key
    devices: tuple[Device, ...] = ()
    loads: tuple[Load, ...] = ()
    above: tuple[Key, ...] = ()


def key_of(device: Device) -> Key:
    """Return the map in which a device is kept."""
    return Key(device.feeder_id) if device.feeder_id else Key("", device.substation_id)


def feeders(network: Network) -> tuple[GridMap, ...]:
    """Return the network's maps in the order of their keys. `join` gives the network back."""
    devices: dict[Key, list[Device]] = {}
    loads: dict[Key, list[Load]] = {}
    at_bus: dict[str, Key] = {}
    for device in network.devices:
        devices.setdefault(key_of(device), []).append(device)
        for bus in device.buses:
            if not key_of(device).is_feeder:
                at_bus.setdefault(bus, key_of(device))
    for load in network.loads:
        key = Key(load.feeder_id) if load.feeder_id else at_bus.get(load.bus_id, Key(""))
        loads.setdefault(key, []).append(load)
    at = {key: {load.bus_id for load in held} for key, held in loads.items()}
    supplied_by = Flood(network).supplied_by(at)
    return tuple(
        GridMap(
            key,
            tuple(devices.get(key, ())),
            tuple(loads.get(key, ())),
            tuple(sorted(supplied_by.get(key, ()))),
        )
        for key in sorted({*devices, *loads})
    )


def join(maps: Iterable[GridMap]) -> Network:
    """Return the network of some maps. Raises ValueError where two hold the same device."""
    held = tuple(maps)
    return Network(
        tuple(device for one in held for device in one.devices),
        tuple(load for one in held for load in one.loads),
    )


class Flood:
    """Through which map power comes to each bus and device of a network as it stands.

    From the sources down, each map is filled through its own closed devices first. Power passes
    from one map into another
    - from a substation into a feeder: it keeps its own;
    - from a feeder into devices that belong to no feeder: they stay what they are, a tie mostly,
      and the power goes on as the feeder's;
    - from feeder into feeder at a `head`, where the lower one is supplied: it keeps its own;
    - from feeder into feeder elsewhere, once all that is done: the stretch is the upper one's now.
    """

    def __init__(self, network: Network, *, heads: Mapping[int, str] | None = None) -> None:
        self.own = [key_of(device) for device in network.devices]
        self.known = heads
        self.reached: dict[str, list[Key]] = {}
        self.through: dict[int, Key] = {}
        self.heads: dict[int, str] = {}
        self.meets: dict[int, tuple[Key, Key]] = {}
        self.also: dict[Key, set[Key]] = {}
        self.crossings: deque[tuple[str, int]] = deque()
        self.strange: deque[tuple[str, int]] = deque()
        self.near: dict[str, list[tuple[str, int]]] = {}
        for i, device in enumerate(network.devices):
            if device.closed and device.bus_from and device.bus_to and not device.is_source:
                self.near.setdefault(device.bus_from, []).append((device.bus_to, i))
                self.near.setdefault(device.bus_to, []).append((device.bus_from, i))
        for i, device in enumerate(network.devices):
            if device.closed and device.is_source:
                self.through[i] = self.own[i]
                for bus in device.buses:
                    self._fill(bus, self.own[i])
        self._cross()

    def _fill(self, bus: str, key: Key) -> None:
        """Take a bus for a map, and all that the map's own devices join to it."""
        todo = [bus]
        while todo:
            here = todo.pop()
            keys = self.reached.setdefault(here, [])
            if key in keys:
                continue
            keys.append(key)
            for there, i in self.near.get(here, ()):
                if self.own[i] != key:
                    self.crossings.append((here, i))
                elif i not in self.through:
                    self.through[i] = key
                    todo.append(there)

    def _cross(self) -> None:
        while self.crossings or self.strange:
            allowed = bool(self.crossings)
            bus, i = (self.crossings if allowed else self.strange).popleft()
            if i in self.through:
                continue
            upper = self.reached[bus][0]
            if allowed and not self._keeps(bus, i):
                self.strange.append((bus, i))
                continue
            self.through[i] = self.own[i] if allowed else upper
            there = next(other for other, device in self.near[bus] if device == i)
            if there in self.reached:
                self.meets[i] = (upper, self.reached[there][0])
            elif not self.own[i].is_feeder:
                self.also.setdefault(upper, set()).add(self.own[i])
                self._fill(there, upper)
            else:
                if allowed:
                    self.heads[i] = bus
                self._fill(there, self.through[i])

    def _keeps(self, bus: str, i: int) -> bool:
        """Return whether a device that power reaches from another map stays in its own."""
        if not self.reached[bus][0].is_feeder or not self.own[i].is_feeder:
            return True
        return self.known is None or self.known.get(i) == bus

    def supplied_by(self, loads_at: Mapping[Key, set[str]]) -> dict[Key, set[Key]]:
        """Return for each map those above it up to the sources, and what closed devices join it to.

        Maps that are joined, and all above them, may each come to supply the other. A map whose
        loads stand at another's buses (`loads_at`) is supplied by that one.
        """
        direct = {key: set(others) for key, others in self.also.items()}
        for key, buses in loads_at.items():
            for bus in buses:
                direct.setdefault(key, set()).update(self.reached.get(bus, ()))
        for i, bus in self.heads.items():
            direct.setdefault(self.own[i], set()).add(self.reached[bus][0])
        found = _closure(direct)
        joined = [{*keys} for keys in self.reached.values() if len(keys) > 1]
        joined += [{*pair, self.own[i]} for i, pair in self.meets.items()]
        for ring in {frozenset(pair) for pair in joined}:
            whole = ring.union(*(found.get(key, ()) for key in ring))
            for key in whole:
                direct.setdefault(key, set()).update(whole)
        return _closure(direct)


def _closure(direct: Mapping[Key, set[Key]]) -> dict[Key, set[Key]]:
    """Return for each key whatever can be reached from it, itself left away."""
    found: dict[Key, set[Key]] = {}
    for key in direct:
        todo, seen = [key], {key}
        while todo:
            fresh = direct.get(todo.pop(), set()) - seen
            seen |= fresh
            todo.extend(fresh)
        found[key] = seen - {key}
    return found


def switched(
    network: Network, *, opened: Iterable[str] = (), closed: Iterable[str] = ()
) -> Network:
    """Return the network after switching: how devices stand, and on which feeder each is now.

    What has no power keeps its feeder; so does an open device between two. Raises Unknown.
    """
    graph = network.graph
    state = graph.state(opened, closed)
    before = Flood(network)
    heads = _normal_heads(network, before) | before.heads
    stands = tuple(
        replace(device, closed=bool(state[i])) if device.closed != bool(state[i]) else device
        for i, device in enumerate(network.devices)
    )
    after = Flood(Network(stands, network.loads), heads=heads)
    substation = {
        device.feeder_id: device.substation_id
        for device in reversed(network.devices)
        if device.feeder_id
    }

    def moved(i: int, device: Device) -> Device:
        key = after.through.get(i) or _between(device, after)
        if not key or not key.is_feeder or key in (after.own[i], before.through.get(i)):
            return device
        return replace(device, feeder_id=key.feeder_id, substation_id=substation[key.feeder_id])

    def carried(load: Load) -> Load:
        keys = after.reached.get(load.bus_id, [Key(load.feeder_id)])
        was = before.reached.get(load.bus_id, [])
        if Key(load.feeder_id) in keys or keys[0] in was or not keys[0].is_feeder:
            return load
        return replace(load, feeder_id=keys[0].feeder_id)

    return Network(
        tuple(moved(i, device) for i, device in enumerate(stands)),
        tuple(carried(load) for load in network.loads),
    )


def _normal_heads(network: Network, now: Flood) -> dict[int, str]:
    """Return where the feeders that have no power now are entered when nothing is unusual."""
    lit = set(now.through.values())
    if lit.issuperset(now.own):
        return {}
    usual = tuple(replace(device, closed=not device.normally_open) for device in network.devices)
    flood = Flood(Network(usual, network.loads))
    return {i: bus for i, bus in flood.heads.items() if flood.own[i] not in lit}


def _between(device: Device, flood: Flood) -> Key | None:
    """Return the feeder at the ends of an open device, once its own is at neither."""
    ends = [flood.reached.get(bus, []) for bus in device.buses]
    if not device.feeder_id or not all(ends) or any(key_of(device) in keys for keys in ends):
        return None
    return next((key for keys in ends for key in keys if key.is_feeder), None)


def transfer(
    network: Network, *, opened: Iterable[str] = (), closed: Iterable[str] = ()
) -> tuple[GridMap, ...]:
    """Return the maps that switching changes, as they are afterwards; one left empty stays a map.

    The network must hold every map that the switches join. Raises Unknown.
    """
    before = {one.key: one for one in feeders(network)}
    after = {one.key: one for one in feeders(switched(network, opened=opened, closed=closed))}
    return tuple(
        after.get(key, GridMap(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    )


# Rows -------------------------------------------------------------------------------------------

_DEVICE_COLUMNS: Final = tuple(one.name for one in fields(Device))
_LOAD_COLUMNS: Final = tuple(one.name for one in fields(Load))


def pack(one: GridMap) -> dict[str, Any]:
    """Return a map as JSON: the names of the columns once, then a row for each thing."""
    return {
        "format": FORMAT,
        "key": [one.key.feeder_id, one.key.substation_id],
        "above": [[key.feeder_id, key.substation_id] for key in one.above],
        "device_columns": list(_DEVICE_COLUMNS),
        "devices": [[_cell(getattr(d, name)) for name in _DEVICE_COLUMNS] for d in one.devices],
        "load_columns": list(_LOAD_COLUMNS),
        "loads": [[getattr(load, name) for name in _LOAD_COLUMNS] for load in one.loads],
    }


def unpack(packed: Mapping[str, Any]) -> GridMap:
    """Return the map of `pack`. A column added since has its default. Raises ValueError."""
    if packed["format"] != FORMAT:
        raise ValueError(f"a map of format {packed['format']}")
    devices = (dict(zip(packed["device_columns"], row, strict=True)) for row in packed["devices"])
    loads = (dict(zip(packed["load_columns"], row, strict=True)) for row in packed["loads"])
    return GridMap(
        Key(*packed["key"]),
        tuple(Device(**{name: _value(name, cell) for name, cell in d.items()}) for d in devices),
        tuple(Load(**load) for load in loads),
        tuple(Key(*key) for key in packed["above"]),
    )


def loads_in(packed: Mapping[str, Any]) -> tuple[Load, ...]:
    """Return the loads alone of a map that `pack` made. Raises ValueError."""
    return unpack({**packed, "devices": ()}).loads


_FLAGS: Final = frozenset({"switchable", "protective", "closed", "normally_open"})


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return [list(pair) for pair in value] if isinstance(value, tuple) else value


def _value(name: str, cell: Any) -> Any:
    if name == "conductors":
        return tuple((int(one), int(other)) for one, other in cell)
    return bool(cell) if name in _FLAGS else cell
