"""Drill the telling of an outage, and print what it took.

    python -m infra.drill                          a feeder trip, 100,000 households, the faults
    python -m infra.drill --only feeder            one of: feeder, many, faults
    python -m infra.drill --grid <folder>          another network, as its tables are imported
    python -m infra.drill --rate 100 --many 20000  another gateway, fewer households

The network is that of ../shared/grid/mv_oberrhein_30930_customers; where it is absent the drill
says so and ends. Figures of time are those of the simulated gateway's clock, with what the house's
calls to store and queues take (floor.py) and what its inference took to compute here. Ends with 1
when a household was lost, told twice without a crash or a lost reply, or a goal was missed.
"""

import argparse
import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chalicelib.domain.grid import zones
from chalicelib.domain.inference import Evidence, Known, infer
from chalicelib.domain.inference import Kind as Sign
from chalicelib.store import outages
from chalicelib.usecases.desk import Desk
from infra.bench.inference import LADDER
from infra.drill import scene
from infra.drill.floor import Floor
from infra.drill.gateway import Clock, Simulated
from infra.drill.scene import NOON, Home, Village, reach_of, settle_in, tiled, trip
from infra.local.tools import ROOT, CannotRun

GRID: Final = ROOT.parent / "shared" / "grid" / "mv_oberrhein_30930_customers"
STREAM: Final = 0.5
"""Seconds from an event in the ledger to the function that reads its stream."""
GOAL_MAKESPAN: Final = 1.10
GOAL_FIRST: Final = 10.0
FEW: Final = 300
"""Households of a case of the fault table."""
FEWEST: Final = 8
"""Households of a case in which every call is killed in turn."""


@dataclass(slots=True)
class Told:
    """How a round went. Seconds count from the evidence."""

    households: int
    floor: Floor
    entered: float = 0.0
    first_urgent: float = 0.0
    last_urgent: float = 0.0
    last: float = 0.0
    lost: int = 0
    counts: dict[str, int] | None = None

    @property
    def gateway(self) -> Simulated:
        """Who carried the texts."""
        return self.floor.gateway


def tell(
    desk: Desk,
    homes: list[Home],
    floor: Floor,
    *,
    outage_id: str,
    device: str,
) -> Told:
    """Trip, tell and settle. The clock stands where the evidence has been understood."""
    told = Told(len(homes), floor)
    reach = reach_of(homes)
    kill, floor.kill_at = floor.kill_at, None
    head = trip(desk, reach, outage_id=outage_id, device=device, seconds=floor.clock.seconds)
    (round_id,) = head.outage.rounds
    floor.clock.seconds += STREAM
    began = time.process_time()
    floor.start(outage_id, round_id, rate=floor.gateway.rate)
    floor.clock.seconds += time.process_time() - began
    told.entered = floor.clock.seconds
    floor.total, floor.kill_at = 0, kill
    floor.run()
    floor.kill_at = None
    for _ in range(20):
        known = outages.get(outage_id).outage.rounds[round_id]
        if known.watch_at is None:
            break
        floor.watch(outage_id, round_id)
        floor.run()
    told.counts = dict(outages.get(outage_id).outage.rounds[round_id].counts)
    urgent = {home.phone for home in homes if home.flags}
    first = [one.at for one in told.gateway.taken if one.number in urgent]
    told.first_urgent, told.last_urgent = min(first, default=0.0), max(first, default=0.0)
    told.last = max((one.at for one in told.gateway.taken), default=0.0)
    reached = {one.number for one in told.gateway.taken}
    told.lost = len({home.phone for home in homes} - reached)
    return told


def understood(village: Village, device: str, homes: tuple[Home, ...]) -> float:
    """Return the seconds that it takes here to infer from the evidence which device it was."""
    tree = zones(village.network)
    off = sorted({home.load for home in homes})
    heard = [(Sign.DEVICE_OPEN, device), *((Sign.METER_OFF, load) for load in off[::2])]
    evidence = [
        Evidence(
            kind=kind,
            subject=subject,
            source="drill",
            sequence=number,
            occurred_at=NOON,
            recorded_at=NOON,
        )
        for number, (kind, subject) in enumerate(heard)
    ]
    known = Known.of(village.network, reporting={h.transformer for h in village.homes})
    began = time.process_time()
    found = infer(tree, evidence, known=known, ladder=LADDER, at=NOON)
    took = time.process_time() - began
    if not found.suspicions:
        raise CannotRun("the evidence of the drill points at nothing")
    return took


# What is printed --------------------------------------------------------------------------------


def timed(name: str, village: Village, homes: list[Home], device: str, rate: float) -> bool:
    """Drill one trip for its seconds. Returns whether the goals were met."""
    began = time.monotonic()
    took = understood(village, device, village.behind(device))
    with quiet(), scene.county() as desk:
        settle_in(homes)
        clock = Clock(NOON, took)
        with Floor(desk, clock, Simulated(clock, rate)) as floor:
            told = tell(desk, homes, floor, outage_id="drill-1", device=device)
    ideal = len(homes) / rate
    ratio = told.last / ideal
    writes = floor.calls["PutItem"] + floor.calls["UpdateItem"]
    print(
        f"\n{name}: {device} opens, {len(homes):,} households, {rate:.0f} texts a second\n"
        f"  inference                         {took:8.3f} s\n"
        f"  evidence → shards enqueued        {told.entered:8.2f} s\n"
        f"  evidence → first key/vulnerable   {told.first_urgent:8.2f} s   goal {GOAL_FIRST:.0f}\n"
        f"  evidence → last key/vulnerable    {told.last_urgent:8.2f} s\n"
        f"  evidence → last text accepted     {told.last:8.2f} s   N/rate {ideal:.2f}\n"
        f"  makespan ÷ (N ÷ rate)             {ratio:8.3f}     goal {GOAL_MAKESPAN:.2f}\n"
        f"  lost {told.lost}, doubled {told.gateway.extra}, {told.counts}\n"
        f"  writes a household {writes / len(homes):.3f}, queue requests a household"
        f" {sum(floor.requests.values()) / len(homes):.3f}"
        f" ({dict(floor.requests)})\n"
        f"  this took {time.monotonic() - began:.0f} s here"
    )
    is_kept = not told.lost and not told.gateway.extra
    return is_kept and ratio <= GOAL_MAKESPAN and told.first_urgent <= GOAL_FIRST


@dataclass(frozen=True, slots=True)
class Case:
    """A line of the fault table. allows: extra texts that the case may cost."""

    name: str
    make: Callable[[Desk, Clock], Floor]
    allows: Callable[[Told], int] = lambda _: 0


def _floor(desk: Desk, clock: Clock, *, copies: int = 1, loses: float = 0.0, keys: bool = False,
           down: tuple[float, float] = (0.0, 0.0)) -> Floor:  # fmt: skip
    gateway = Simulated(clock, 400.0, loses=loses, has_keys=keys, down=down)
    return Floor(desk, clock, gateway, copies=copies)


CASES: Final = (
    Case("nothing goes wrong", _floor),
    Case("every message twice", lambda desk, clock: _floor(desk, clock, copies=2)),
    Case("every message three times", lambda desk, clock: _floor(desk, clock, copies=3)),
    Case(
        "10 % of replies lost, gateway knows a reference again",
        lambda desk, clock: _floor(desk, clock, loses=0.1, keys=True),
    ),
    Case(
        "10 % of replies lost, gateway does not",
        lambda desk, clock: _floor(desk, clock, loses=0.1),
        lambda told: told.gateway.lost,
    ),
    Case(
        "10 % of replies lost and every message twice",
        lambda desk, clock: _floor(desk, clock, loses=0.1, copies=2),
        lambda told: told.gateway.lost,
    ),
    Case(
        "gateway down for ten minutes",
        lambda desk, clock: _floor(desk, clock, down=(0.0, 600.0)),
    ),
)


def faults(village: Village) -> bool:
    """Print the fault table. Returns whether nobody was lost and no text extra that need not be."""
    out(f"\n{'fault':<54} {'runs':>5} {'told':>5} {'lost':>6} {'extra':>6} {'allowed':>8}")
    is_well = True
    device, behind = village.biggest_feeder()
    ordered = sorted(behind, key=lambda home: (not home.flags, home.account))
    urgent = [home for home in ordered if home.flags][:3]
    few = [*urgent, *[home for home in ordered if not home.flags]][:FEW]
    with quiet(), scene.county() as desk:
        settle_in(few)
        for number, case in enumerate(CASES):
            clock = Clock(NOON)
            with case.make(desk, clock) as floor:
                told = tell(desk, few, floor, outage_id=f"f-{number}", device=device)
            is_well &= line(case.name, 1, told.households, told.lost, told.gateway.extra,
                            case.allows(told))  # fmt: skip
    fewest = [*urgent[:2], *few[-FEWEST + 2 :]]
    with quiet(), scene.county() as desk:
        settle_in(fewest)
        for is_after in (False, True):
            runs = list(killed(desk, fewest, device, is_after=is_after))
            name = f"killed {'behind' if is_after else 'before'} every call in turn"
            is_well &= line(
                name,
                len(runs),
                sum(told.households for told in runs),
                sum(told.lost for told in runs),
                sum(told.gateway.extra for told in runs),
                len(runs),
            )
            most = max(told.gateway.extra for told in runs)
            out(f"  most extra texts of one crash: {most}")
            is_well &= most <= 1
    return is_well


def killed(desk: Desk, homes: list[Home], device: str, *, is_after: bool) -> Iterator[Told]:
    """Yield one told outage a call at which a worker was killed, until there is no such call."""
    side = "b" if is_after else "a"
    for call in range(1, 10_000):
        clock = Clock(NOON)
        floor = _floor(desk, clock)
        floor.kill_at = (call, is_after)
        with floor:
            told = tell(desk, homes, floor, outage_id=f"k-{side}{call}", device=device)
        if not floor.killed:
            return
        yield told


def line(  # noqa: PLR0917 - the cells of a line
    name: str, runs: int, households: int, lost: int, extra: int, allowed: int
) -> bool:
    """Print a line of the fault table; return whether it is as it should be."""
    out(f"{name:<54} {runs:>5} {households:>5} {lost:>6} {extra:>6} {allowed:>8}")
    return not lost and extra <= allowed


def out(text: str) -> None:
    """Print past what the house logs."""
    print(text, file=sys.__stdout__, flush=True)


def quiet() -> redirect_stdout[io.StringIO]:
    """Keep the house's log lines to itself."""
    return redirect_stdout(io.StringIO())


def main() -> int:
    """Drill and print. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.drill", description="Drill an outage")
    parser.add_argument("--grid", type=Path, default=GRID, help="a folder of network tables")
    parser.add_argument("--only", choices=["feeder", "many", "faults"], help="one part of it")
    parser.add_argument("--rate", type=float, default=400.0, help="texts a second")
    parser.add_argument("--many", type=int, default=100_000, help="households of the second part")
    asked = parser.parse_args()
    try:
        village = Village.read(asked.grid)
    except OSError:
        print(f"{asked.grid} is not here, so there is nothing to drill on.", file=sys.stderr)
        return 0
    scene.leave_amazon()
    device, behind = village.biggest_feeder()
    is_well = True
    try:
        if asked.only in {None, "feeder"}:
            is_well &= timed("A feeder trip", village, list(behind), device, asked.rate)
        if asked.only in {None, "many"}:
            homes = list(tiled(village.homes, asked.many))
            is_well &= timed("Many households", village, homes, device, asked.rate)
        if asked.only in {None, "faults"}:
            is_well &= faults(village)
    except CannotRun as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0 if is_well else 1


if __name__ == "__main__":
    raise SystemExit(main())
