"""What trips when something fails (保护范围): the devices that part a place from every source.

A fault in a line or a transformer is seen as its protecting device opening. The network falls into
sections that no protective device divides; what parts a section from the supply protects it.
"""

from collections.abc import Iterable, Iterator

from chalicelib.domain.grid.network import SUPPLY, Network


class Protection:
    """The sections of a network as it stands; made once, asked often.

    by_hand: what can only be switched by hand divides too (where a crew would isolate).
    Raises Unknown for an unknown id.
    """

    def __init__(
        self,
        network: Network,
        *,
        opened: Iterable[str] = (),
        closed: Iterable[str] = (),
        by_hand: bool = False,
    ) -> None:
        self.network, self.graph = network, network.graph
        state = self.graph.state(opened, closed)
        self.divides = [
            device.is_source or device.protective or (by_hand and device.switchable)
            for device in network.devices
        ]
        self.section = self._sections(state)
        self.doors: dict[int, list[tuple[int, int]]] = {}
        self.vertices: dict[int, list[int]] = {}
        for i, one, other in self.graph.edges:
            self.vertices.setdefault(i, []).extend((one, other))
            if state[i] and self.divides[i]:
                here, there = self.section[one], self.section[other]
                self.doors.setdefault(here, []).append((there, i))
                self.doors.setdefault(there, []).append((here, i))

    def _sections(self, state: bytearray) -> list[int]:
        """Number what hangs together without a dividing device; the supply is section 0."""
        section = [-1] * len(self.graph.near)
        for start in range(len(section)):
            if section[start] >= 0:
                continue
            section[start] = start
            todo = [start]
            while todo:
                for there in self._undivided(todo.pop(), state):
                    if section[there] < 0:
                        section[there] = start
                        todo.append(there)
        return section

    def _undivided(self, vertex: int, state: bytearray) -> Iterator[int]:
        for there, i in zip(self.graph.near[vertex], self.graph.via[vertex], strict=True):
            if state[i] and not self.divides[i]:
                yield there

    def above(self, device_id: str) -> tuple[str, ...]:
        """Return the nearest devices whose opening parts a device from every source.

        A source among them means that nothing protective stands in between. Raises Unknown.
        """
        device = self.graph.device_at(device_id)
        inside = {self.section[v] for v in self.vertices.get(device, ()) if v != SUPPLY}
        return self._around(inside, {device})

    def of_load(self, load_id: str) -> tuple[str, ...]:
        """Return the nearest devices whose opening darkens a load; none for a dark one."""
        self.network.load(load_id)
        groups = self.graph.terminals[self.network.load_index[load_id]]
        return self._around({self.section[v] for group in groups for v in group}, set())

    def _around(self, inside: set[int], besides: set[int]) -> tuple[str, ...]:
        supplied = {SUPPLY}
        todo = [SUPPLY]
        while todo:
            for there, i in self.doors.get(todo.pop(), ()):
                if there not in supplied and there not in inside and i not in besides:
                    supplied.add(there)
                    todo.append(there)
        found = {
            i
            for section in inside
            for there, i in self.doors.get(section, ())
            if there in supplied and i not in besides
        }
        return tuple(self.network.devices[i].device_id for i in sorted(found))


def protective_above(
    network: Network, device_id: str, *, opened: Iterable[str] = (), closed: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return what trips for a fault in a device, as the network stands. Raises Unknown."""
    return Protection(network, opened=opened, closed=closed).above(device_id)


def protected_by(
    network: Network, load_id: str, *, opened: Iterable[str] = (), closed: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return what trips for a fault where a load hangs, as the network stands. Raises Unknown."""
    return Protection(network, opened=opened, closed=closed).of_load(load_id)
