"""Zones of which none crosses another, and those that must be left out for it.

Where phases part, zones overlap: a regulator of one phase and a line of all three below it share
loads, and neither holds the other. Sums over a tree count each load once only where no zones cross.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations

from chalicelib.domain.grid import Zone, ZoneTree


@lru_cache(maxsize=16)
def nest(tree: ZoneTree) -> tuple[ZoneTree, tuple[Zone, ...]]:
    """Return the tree of the zones that do not cross, and the few others, each with all its loads.

    In the tree each load hangs in one zone, the smallest that darkens it. A tree without crossing
    zones is returned as it is. What was asked lately is remembered: maps change seldom.
    """
    shared = {
        at for zone in tree.zones for load in zone.loads if len(at := tree.zones_of(load)) > 1
    }
    if not shared:
        return tree, ()
    sets = _load_sets(tree)
    out = _fewest(_crossings(tree, sorted(shared), sets))
    order = sorted(
        (i for i in range(len(tree.zones)) if i not in out), key=lambda i: (-sets[i].bit_count(), i)
    )
    place = {old: new for new, old in enumerate(order)}
    kept: list[Zone] = []
    direct: list[list[str]] = [[] for _ in order]
    for load in sorted({load for zone in tree.zones for load in zone.loads}):
        holders = [place[i] for i in _holders(tree, load) if i in place]
        if holders:
            direct[max(holders)].append(load)
    for new, old in enumerate(order):
        zone = tree.zones[old]
        parent = _parent(tree, old, place)
        kept.append(Zone(zone.devices, parent, tuple(direct[new])))
    crossing = tuple(
        Zone(tree.zones[i].devices, None, tuple(sorted(tree.under(i)))) for i in sorted(out)
    )
    return ZoneTree(tuple(kept)), crossing


def without(tree: ZoneTree, zone: Zone) -> ZoneTree:
    """Return a tree in which a crossing zone stands for itself: its loads hang in it alone."""
    own = frozenset(zone.loads)
    rest = (
        replace(each, loads=tuple(load for load in each.loads if load not in own))
        for each in tree.zones
    )
    return ZoneTree((*rest, replace(zone, parent=None)))


def _load_sets(tree: ZoneTree) -> list[int]:
    """Return the loads under each zone as bits."""
    bit: dict[str, int] = {}
    for zone in tree.zones:
        for load in zone.loads:
            bit.setdefault(load, 1 << len(bit))
    sets = [0] * len(tree.zones)
    for i in range(len(tree.zones) - 1, -1, -1):
        for load in tree.zones[i].loads:
            sets[i] |= bit[load]
        parent = tree.zones[i].parent
        if parent is not None:
            sets[parent] |= sets[i]
    return sets


def _crossings(
    tree: ZoneTree, shared: Iterable[Sequence[int]], sets: Sequence[int]
) -> dict[int, set[int]]:
    """Return which zones cross which: they share loads, and neither holds the other."""
    found: dict[int, set[int]] = defaultdict(set)
    for at in shared:
        for one, other in combinations([frozenset(tree.above(zone)) for zone in at], 2):
            for x in one - other:
                for y in other - one:
                    if sets[x] & sets[y] not in {sets[x], sets[y]}:
                        found[x].add(y)
                        found[y].add(x)
    return found


def _fewest(crossings: Mapping[int, set[int]]) -> frozenset[int]:
    """Return zones without which none crosses: the one that crosses most, again and again."""
    left = {zone: set(others) for zone, others in crossings.items()}
    out: set[int] = set()
    while any(left.values()):
        worst = max(sorted(left), key=lambda zone: len(left[zone]))
        for other in left.pop(worst):
            left[other].discard(worst)
        out.add(worst)
    return frozenset(out)


def _holders(tree: ZoneTree, load: str) -> set[int]:
    """Return every zone that darkens a load."""
    return {zone for at in tree.zones_of(load) for zone in tree.above(at)}


def _parent(tree: ZoneTree, zone: int, place: Mapping[int, int]) -> int | None:
    """Return the new place of the smallest zone that holds this one. Zones are placed by size."""
    load = next(iter(sorted(tree.under(zone))))
    larger = [place[i] for i in _holders(tree, load) if i in place and place[i] < place[zone]]
    return max(larger, default=None)
