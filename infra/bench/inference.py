"""How well failed devices are found: `python -m infra.bench.inference <folder of a network> …`.

    python -m infra.bench.inference grid/mv_oberrhein grid/ieee8500u      500 faults a cell
    python -m infra.bench.inference --faults 50 --seed 7 grid/ieee8500u

Each folder holds devices.csv and customers.csv as the importer reads them. Faults and evidence are
drawn with a seed, so a table can be had again; the figures to report come from a seed on which
nothing was set.

Faults: `protected`, any device that feeds somebody fails and the nearest protective device at or
above it opens; `itself`, the device itself is what opens. The inference is not told which.
Evidence: `events`, one meter in six of ten tells its loss at once and is heard within a minute,
asked after a minute; `pings`, the same, then the meters that would tell the candidates apart are
asked once, of those with power nineteen in twenty answer, and it is weighed again after two
minutes; `calls`, three households in a hundred call within five minutes, and one call in twenty
comes from somebody who has power, asked after five minutes.

Printed beside two others: `naive`, the smallest zone that holds every dark report, and `best`, the
likeliest zone by the chances of this drawing, which nobody knows of a real network: the ceiling.
    exact      one suspicion, and it names the zone; what nothing tells apart is one zone
    first      one suspicion, and the device that it names first is the very one that opened
    recall     dark households that were found, of all dark ones, all faults together
    precision  dark households among those called dark
    unheard    faults without one report: nobody can find those; they count as not found
    exact if heard    exact among all others
"""

import argparse
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from chalicelib.domain.grid import (
    Network,
    ZoneTree,
    loads_of,
    read_customers,
    read_devices,
    zones,
)
from chalicelib.domain.inference import Evidence, Kind, Known, Ladder, infer
from chalicelib.domain.inference.nesting import nest
from chalicelib.domain.limits import LimitBook

BEGAN: Final = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
LADDER: Final = Ladder.of(LimitBook.shipped("state_grid"), on=date(2026, 11, 23))
GASPS: Final = 0.6
CALLERS: Final = 0.03
STRAY: Final = 0.05
FAULTS: Final = ("protected", "itself")
EVIDENCE: Final = ("events", "pings", "calls")
ANSWERS: Final = 0.95
_ALONE: Final = 1 - STRAY / (1 - STRAY)
"""The share of the callers in the dark beside whom nobody calls who has power."""
HEADER: Final = (
    "network", "faults", "evidence", "who", "exact", "first", "recall", "precision", "unheard",
    "exact if heard", "ms",
)  # fmt: skip
GOAL: Final = ("goal", "", "events", "", "0.950", "", "0.990", "0.995", "", "", "")


@dataclass(frozen=True, slots=True)
class Scene:
    """One network as the bench sees it. homes: load → households."""

    name: str
    tree: ZoneTree
    known: Known
    homes: dict[str, int]
    protective: frozenset[str]
    failing: tuple[str, ...]

    def households(self, loads: frozenset[str]) -> int:
        """Return how many households hang at these loads."""
        return sum(self.homes[load] for load in loads)


@dataclass(frozen=True, slots=True)
class Fault:
    """What failed: the device that opened, and its zone."""

    device: str
    zone: int


@dataclass(slots=True)
class Tally:
    """What came of the faults of one cell."""

    exact: int = 0
    first: int = 0
    found: int = 0
    dark: int = 0
    called: int = 0
    seconds: float = 0.0

    def add(self, scene: Scene, truth: Fault, device: str, loads: frozenset[str]) -> None:
        """Count one answer: the device that it names first, "" for none or several; its loads."""
        under = scene.tree.under(truth.zone)
        self.exact += scene.tree.zone_of(device) == truth.zone
        self.first += device == truth.device
        self.found += scene.households(under & loads)
        self.dark += scene.households(under)
        self.called += scene.households(loads)


def read(folder: Path) -> Scene:
    """Read a network. Raises OSError where a table is absent, ValueError where it is no network."""
    devices, _ = read_devices((folder / "devices.csv").read_text(encoding="utf-8"))
    points, _ = read_customers(
        (folder / "customers.csv").read_text(encoding="utf-8"), devices=devices
    )
    network = Network(devices, loads_of(points, devices=devices))
    tree = zones(network)
    return Scene(
        name=folder.name,
        tree=tree,
        known=Known.of(network, reporting={load.transformer_id for load in network.loads}),
        homes={load.load_id: load.households for load in network.loads},
        protective=frozenset(d.device_id for d in network.devices if d.protective),
        failing=tuple(
            device.device_id
            for device in network.devices
            if not device.is_source and tree.zone_of(device.device_id) is not None
        ),
    )


def failed(scene: Scene, faults: str, dice: random.Random) -> Fault:
    """Return what a fault opens."""
    return opened(scene, faults, dice.choice(scene.failing))


def opened(scene: Scene, faults: str, device: str) -> Fault:
    """Return what opens when a device fails."""
    zone = scene.tree.zone_of(device)
    if zone is None:
        raise ValueError("a device that feeds nobody cannot fail here")
    if faults == "itself" or device in scene.protective:
        return Fault(device, zone)
    for above in scene.tree.above(zone):
        for own in sorted(scene.protective.intersection(scene.tree.zones[above].devices)):
            return Fault(own, above)
    return Fault(device, zone)


def reported(scene: Scene, truth: int, evidence: str, dice: random.Random) -> list[Evidence]:
    """Return what is heard of a fault."""
    under = scene.tree.under(truth)
    homes = [(load, n) for load in sorted(under) for n in range(scene.homes[load])]
    if evidence != "calls":
        return [
            _said(Kind.METER_OFF, home, i, timedelta(0), dice.random() * MINUTE)
            for i, home in enumerate(homes)
            if dice.random() < GASPS
        ]
    callers = [home for home in homes if dice.random() < CALLERS]
    lit = [(load, n) for load in scene.homes if load not in under for n in range(scene.homes[load])]
    strays = sum(dice.random() < STRAY / (1 - STRAY) for _ in callers)
    callers += dice.sample(lit, min(strays, len(lit)))
    return [
        _said(Kind.CALL, home, i, dice.random() * 5 * MINUTE, timedelta(0))
        for i, home in enumerate(callers)
    ]


def answered(scene: Scene, truth: int, asked: Sequence[str], dice: random.Random) -> list[Evidence]:
    """Return what the meters of these loads say when they are asked: who is dark is silent."""
    under = scene.tree.under(truth)
    homes = [(load, n) for load in asked for n in range(scene.homes[load])]
    found = []
    for i, home in enumerate(homes):
        lit = home[0] not in under and dice.random() < ANSWERS
        kind = Kind.PING_REPLY if lit else Kind.PING_MISSED
        found.append(_said(kind, home, i, 1.5 * MINUTE, timedelta(0), source="pings"))
    return found


def _said(
    kind: Kind,
    home: tuple[str, int],
    number: int,
    after: timedelta,
    late: timedelta,
    *,
    source: str = "bench",
) -> Evidence:
    at = BEGAN + after
    return Evidence(
        kind=kind,
        subject=home[0],
        meter=str(home[1]),
        source=source,
        sequence=number,
        occurred_at=at,
        recorded_at=at + late,
    )


def naive(scene: Scene, heard: Sequence[Evidence]) -> int | None:
    """Return the smallest zone above every report, None for none: the lowest common ancestor."""
    nested, _ = nest(scene.tree)
    common: list[int] | None = None
    for load in {each.subject for each in heard}:
        above = [zone for at in nested.zones_of(load) for zone in nested.above(at)]
        kept = frozenset(above)
        common = above if common is None else [zone for zone in common if zone in kept]
    if not common:
        return None
    return scene.tree.zone_of(nested.zones[common[0]].devices[0])


def often(scene: Scene, faults: str) -> dict[int, int]:
    """Return how many of the devices that may fail open each zone."""
    return dict(Counter(opened(scene, faults, device).zone for device in scene.failing))


def best(
    scene: Scene, heard: Sequence[Evidence], evidence: str, how_often: Mapping[int, int]
) -> int | None:
    """Return the likeliest zone by what the drawing itself draws from: nobody can be right oftener.

    Of one fault, and of whoever knows that it is one and how often each zone is drawn.
    """
    told: Counter[int] = Counter()
    for each in heard:
        told.update({up for at in scene.tree.zones_of(each.subject) for up in scene.tree.above(at)})
    rate = CALLERS if evidence == "calls" else GASPS
    total = sum(scene.homes.values())

    def weight(zone: int) -> float:
        inside, homes = told[zone], scene.households(scene.tree.under(zone))
        outside = len(heard) - inside
        logs = math.log(how_often[zone]) + (homes - inside) * math.log1p(-rate)
        if not outside:
            return logs + inside * math.log(rate * (_ALONE if evidence == "calls" else 1))
        if evidence != "calls" or outside > min(inside, total - homes):
            return -math.inf
        logs += math.log(math.comb(inside, outside)) - math.log(math.comb(total - homes, outside))
        logs += outside * math.log(1 - _ALONE)
        return logs + inside * math.log(rate) + (inside - outside) * math.log(_ALONE)

    found = sorted(zone for zone in told if zone in how_often)
    return max(found, key=weight, default=None)


Told = tuple[str, frozenset[str]]
"""The device that an answer names first, and all that it calls dark."""


def ask(
    scene: Scene, fault: Fault, heard: list[Evidence], evidence: str, dice: random.Random
) -> Told:
    """Infer, and ask the meters that would tell more where that is the rule."""
    at = BEGAN + (5 if evidence == "calls" else 1) * MINUTE
    known = replace(scene.known, reporting={}) if evidence == "calls" else scene.known
    told = infer(scene.tree, heard, known=known, ladder=LADDER, at=at).suspicions
    doubtful = sorted({load for each in told for load in each.doubtful})
    if evidence == "pings" and doubtful:
        heard = heard + answered(scene, fault.zone, doubtful, dice)
        at = BEGAN + 2 * MINUTE
        told = infer(scene.tree, heard, known=known, ladder=LADDER, at=at).suspicions
    device = told[0].devices[0] if len(told) == 1 else ""
    return device, frozenset(load for each in told for load in each.loads)


def cell(
    scene: Scene, faults: str, evidence: str, count: int, seed: int
) -> Iterator[tuple[str, ...]]:
    """Yield the rows of one network, kind of fault and kind of evidence."""
    dice = random.Random(f"{seed} {scene.name} {faults} {evidence}")  # noqa: S311 - a drawing that can be had again
    how_often = often(scene, faults)
    tallies = {"ours": Tally(), "naive": Tally()} | (
        {} if evidence == "pings" else {"best": Tally()}
    )
    unheard = 0
    for _ in range(count):
        fault = failed(scene, faults, dice)
        heard = reported(scene, fault.zone, evidence, dice)
        unheard += not heard
        began = time.process_time()
        told = ask(scene, fault, heard, evidence, dice)
        tallies["ours"].seconds += time.process_time() - began
        tallies["ours"].add(scene, fault, *told)
        tallies["naive"].add(scene, fault, *_whole(scene, naive(scene, heard)))
        if "best" in tallies:
            likeliest = best(scene, heard, evidence, how_often)
            tallies["best"].add(scene, fault, *_whole(scene, likeliest))
    for who, tally in tallies.items():
        yield (
            scene.name, faults, evidence, who,
            _share(tally.exact, count),
            _share(tally.first, count) if who == "ours" else "",
            _share(tally.found, tally.dark),
            _share(tally.found, tally.called),
            _share(unheard, count),
            _share(tally.exact, count - unheard),
            f"{tally.seconds / count * 1000:.0f}" if who == "ours" else "",
        )  # fmt: skip


def _whole(scene: Scene, zone: int | None) -> Told:
    if zone is None:
        return "", frozenset()
    return scene.tree.zones[zone].devices[0], scene.tree.under(zone)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def _line(row: Sequence[str]) -> str:
    widths = (30, 10, 9, 6, 6, 6, 7, 10, 8, 15, 5)
    return "".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def main() -> int:
    """Draw, infer and print. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.bench.inference")
    parser.add_argument(
        "folders", nargs="+", type=Path, help="networks: devices.csv, customers.csv"
    )
    parser.add_argument("--faults", type=int, default=500, help="faults a cell")
    parser.add_argument("--seed", type=int, default=20261123)
    asked = parser.parse_args()
    print(_line(HEADER))
    print(_line(GOAL), flush=True)
    for folder in asked.folders:
        try:
            scene = read(folder)
        except (OSError, ValueError) as wrong:
            print(f"{folder}: {wrong}", file=sys.stderr)
            return 1
        for faults in FAULTS:
            for evidence in EVIDENCE:
                for row in cell(scene, faults, evidence, asked.faults, asked.seed):
                    print(_line(row), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
