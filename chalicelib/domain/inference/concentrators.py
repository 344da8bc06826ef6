"""The meters of one transformer are heard through one concentrator: they fall silent together.

So neither the silence of all of them nor their not answering weighs as much as that of as many
strangers: it may be the concentrator that is dead, or only a part of the meters that can report.
"""

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from chalicelib.domain.grid import ZoneTree
from chalicelib.domain.inference.evidence import LIVE, Kind, Placed
from chalicelib.domain.inference.noise import Known, Noise

PARTS: Final = (0.0, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Shares of the reports that could be in, for which it is reckoned what eases their absence."""


def muted(placed: Placed, known: Known, noise: Noise) -> Mapping[str, float]:
    """Return what share of what unanswered pings weigh counts, by transformer; else all of it.

    Together they weigh no more than that nobody there can answer, unless somebody there did.
    """
    most = -math.log(noise.mute)
    weighs: dict[str, float] = defaultdict(float)
    for own in placed.dark.values():
        for each in own:
            if each.kind is Kind.PING_MISSED:
                rate = noise.rate(each.kind, each.source)
                weighs[known.transformer(each.subject)] += rate.weight(each.confidence)
    answered = {known.transformer(each.subject) for own in placed.live.values() for each in own}
    return {
        name: most / weight
        for name, weight in weighs.items()
        if weight > most and name not in answered
    }


def relieved(
    tree: ZoneTree, placed: Placed, known: Known, noise: Noise
) -> Iterator[tuple[int, list[float]]]:
    """Yield what the silence of a transformer's meters weighs less, at the zone that holds them.

    As natural logs, for each of PARTS; for each transformer once. Of n meters k were heard: either
    each could report, or, with the probability `Noise.deaf`, none or an unknown part of them.
    """
    detect = noise.rate(Kind.METER_OFF).detect
    meters: dict[str, int] = defaultdict(int)
    for load, name in known.transformers.items():
        meters[name] += known.reporting.get(load, 0)
    heard = Counter(
        known.transformer(each.subject)
        for reports in (placed.dark, placed.live)
        for own in reports.values()
        for each in own
        if each.kind in LIVE or each.kind is Kind.METER_OFF
    )
    for name, zone in _tops(tree, known) if known.reporting else ():
        k, n = min(heard[name], meters[name]), meters[name]
        part = math.log(noise.deaf)
        if k:
            ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
            part -= math.log(n + 1) + ways + k * math.log(detect)
        silences = [(n - k) * math.log1p(-detect * share) for share in PARTS]
        hears = math.log1p(-noise.deaf)
        # No more than its own silence, which the meters next door must not profit by.
        reliefs = [min(-each, max(0.0, _either(hears + each, part) - each)) for each in silences]
        if reliefs[-1] > 0:
            yield zone, reliefs


def eased(reliefs: Sequence[float], share: float, detect: float) -> float:
    """Return the relief where this share of the reports could be in, between those of PARTS.

    Never more than the silence that it eases: it is convex in that, and drawn as a chord.
    """
    after = max(1, bisect_left(PARTS, share))
    low, high, here = (
        math.log1p(-detect * each) for each in (*PARTS[after - 1 : after + 1], share)
    )
    along = (here - low) / (high - low)
    return reliefs[after - 1] + along * (reliefs[after] - reliefs[after - 1])


def _tops(tree: ZoneTree, known: Known) -> Iterator[tuple[str, int]]:
    """Yield each transformer and the lowest zone that holds all its loads, if there is one."""
    named = [
        [known.transformers[each] for each in zone.loads if each in known.transformers]
        for zone in tree.zones
    ]
    left = Counter(name for own in named for name in own)
    found: list[Counter[str]] = [Counter() for _ in tree.zones]
    for i in range(len(tree.zones) - 1, -1, -1):
        zone, here = tree.zones[i], found[i]
        here.update(named[i])
        for name in [name for name, count in here.items() if count == left[name]]:
            yield name, i
            del here[name]
        if zone.parent is not None:
            found[zone.parent] = _merged(found[zone.parent], here)
        found[i] = Counter()


def _merged(one: Counter[str], other: Counter[str]) -> Counter[str]:
    """Return both as one, the smaller poured into the larger; neither may be used again."""
    large, small = (one, other) if len(one) >= len(other) else (other, one)
    for name, count in small.items():
        large[name] += count
    return large


def _either(one: float, other: float) -> float:
    high, low = max(one, other), min(one, other)
    return high + math.log1p(math.exp(low - high))
