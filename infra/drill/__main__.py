"""Drill the telling of an outage, and print what it took.

    python -m infra.drill                          a feeder trip, 100,000 households, the faults
    python -m infra.drill --only feeder            one of: feeder, many, faults
    python -m infra.drill --grid <folder>          another network, as its tables are imported
    python -m infra.drill --rate 100 --many 20000  another gateway, fewer households

Without `--grid` the network is a real one of 30,930 customers beside the project; where it is
absent the drill says so and ends. Figures of time are those of the simulated gateway's clock, with
what the house's calls to store and queues take (floor.py) and what its locating took to compute
here. Ends with 1 when a household was lost, told twice without a crash or a lost reply, or a goal
was missed.
"""

import argparse
import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from chalicelib.store import outages
from chalicelib.usecases import responding
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.locating import Reported, look_again, take
from infra.drill import scene
from infra.drill.floor import Floor
from infra.drill.gateway import Clock, Simulated
from infra.drill.scene import COUNTY, NOON, Home, Village, lay, reach_of, settle_in, tiled, trip
from infra.local.tools import ROOT, CannotRun

GRID: Final = ROOT.parent / "shared" / "grid" / "mv_oberrhein_30930_customers"
STREAM: Final = 0.5
"""Seconds from an event in the ledger to the function that reads its stream."""
GOAL_MAKESPAN: Final = 1.10
GOAL_FIRST: Final = 10.0
EVENTS: Final = 500
"""Events that a platform sends in one request."""
WAKE: Final = 0.5
"""Seconds from the end of a hold-off to the function that a delayed message wakes."""
GASPS: Final = 6
"""Meters in ten that tell their loss."""
FEW: Final = 300
"""Households of a case of the fault table."""
FEWEST: Final = 8
"""Households of a case in which every call is killed in turn."""


@dataclass(slots=True)
class Told:
    """How a round went. Seconds count from the evidence; free: since when it could be told."""

    households: int
    floor: Floor
    shown: float = 0.0
    free: float = 0.0
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


Cause = Callable[[], tuple[str, float, float]]
"""Opens an outage. Returns its id, when it was on the board and since when it could be told."""


def tell(
    homes: list[Home],
    floor: Floor,
    *,
    opened: Cause,
) -> Told:
    """Open an outage, tell and settle it."""
    told = Told(len(homes), floor)
    kill, floor.kill_at = floor.kill_at, None
    outage_id, told.shown, told.free = opened()
    (round_id,) = outages.get(outage_id).outage.rounds
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


def tripped(desk: Desk, floor: Floor, homes: list[Home], outage_id: str) -> Cause:
    """Return what opens an outage as a person does who knows what failed."""

    def opened() -> tuple[str, float, float]:
        begun, at = floor.clock.seconds, floor.clock.now()
        trip(desk, reach_of(homes), outage_id=outage_id, device="sw-drill", at=at)
        return outage_id, floor.clock.seconds, begun

    return opened


def heard(
    desk: Desk, floor: Floor, device: str, homes: list[Home], *, is_locked_out: bool
) -> Cause:
    """Return what opens an outage from evidence: the device's own word and its meters' last.

    Six meters in ten tell their loss, five hundred events a request. is_locked_out: the device says
    that it stays open, so nobody waits; one that may reclose is told of when its hold-off is over
    and the message that waited for it has come: then all is weighed again.
    """

    def opened() -> tuple[str, float, float]:
        outage_id, shown = _taken(desk, floor, device, homes, is_locked_out=is_locked_out)
        head = outages.get(outage_id)
        free = shown
        if head.outage.hold_until is not None:
            free = (head.outage.hold_until - floor.clock.began).total_seconds() + WAKE
            floor.clock.seconds = free
            responding.fire(desk, head, at=floor.clock.now())
            floor.clock.seconds += STREAM
            with _computing(floor):
                look_again(desk, outage_id, at=floor.clock.now())
        return outage_id, shown, free

    return opened


def _taken(
    desk: Desk, floor: Floor, device: str, homes: list[Home], *, is_locked_out: bool
) -> tuple[str, float]:
    """Hand the evidence in. Returns the outage that it opened, and when it was on the board.

    What the platform sends after the request that opened it is taken by other runs of the function,
    while the outage is being told: it takes none of the drill's time.
    """
    at = floor.clock.now()
    opening = Reported("device_open", "device", device, "scada", 1, at, lockout=is_locked_out)
    events = [opening]
    events += [
        Reported("meter_off", "account", home.account, "meters", number, at)
        for number, home in enumerate(homes)
        if number % 10 < GASPS
    ]
    found: dict[str, float] = {}
    for begin in range(0, len(events), EVENTS):
        some, opened_at = events[begin : begin + EVENTS], floor.clock.seconds
        with _computing(floor):
            taken = take(desk, some, office_id=COUNTY, by="drill", at=at)
        if taken.refused or taken.unknown:
            raise CannotRun(f"{len(taken.refused)} refused, {len(taken.unknown)} unknown")
        if found:
            floor.clock.seconds = opened_at
        for outage_id in taken.outages:
            found.setdefault(outage_id, floor.clock.seconds)
    if len(found) != 1:
        raise CannotRun(f"the evidence of the drill opened {len(found)} outages")
    return next(iter(found.items()))


@contextmanager
def _computing(floor: Floor) -> Iterator[None]:
    """Let the drill's clock take what is computed here, beside its calls to the store."""
    began = time.process_time()
    yield
    floor.clock.seconds += time.process_time() - began


# What is printed --------------------------------------------------------------------------------


def timed(
    name: str, village: Village, homes: list[Home], device: str, rate: float, *, begins: str
) -> bool:
    """Drill one trip for its seconds. Returns whether the goals were met.

    begins: "entered", as a person does; "trip", with evidence, from which the house opens the
    outage; "lockout", with evidence that says that nothing will reclose.
    """
    began = time.monotonic()
    with quiet(), scene.county() as desk:
        settle_in(homes)
        if begins != "entered":
            lay(village.network)
        clock = Clock(NOON)
        with Floor(desk, clock, Simulated(clock, rate)) as floor:
            cause = (
                heard(desk, floor, device, homes, is_locked_out=begins == "lockout")
                if begins != "entered"
                else tripped(desk, floor, homes, "drill-1")
            )
            told = tell(homes, floor, opened=cause)
    since = "entering" if begins == "entered" else "evidence"
    waited = " (hold-off, then the message that waited for it)" if begins == "trip" else ""
    ideal = len(homes) / rate
    took = told.last - told.free
    ratio = took / ideal
    first = told.first_urgent - told.free
    writes = floor.calls["PutItem"] + floor.calls["UpdateItem"]
    print(
        f"\n{name}: {device} opens, {len(homes):,} households, {rate:.0f} texts a second\n"
        f"  {since} → outage on the board      {told.shown:8.2f} s\n"
        f"  {since} → first key/vulnerable     {told.first_urgent:8.2f} s\n"
        f"  {since} → last text accepted       {told.last:8.2f} s\n"
        f"  {since} → could be told at all     {told.free:8.2f} s{waited}\n"
        f"  from there → messages enqueued     {told.entered - told.free:8.2f} s\n"
        f"  from there → first key/vulnerable  {first:8.2f} s   goal {GOAL_FIRST:.0f}\n"
        f"  from there → last key/vulnerable   {told.last_urgent - told.free:8.2f} s\n"
        f"  from there → last text accepted    {took:8.2f} s   N/rate {ideal:.2f}\n"
        f"  makespan ÷ (N ÷ rate)             {ratio:8.3f}     goal {GOAL_MAKESPAN:.2f}\n"
        f"  lost {told.lost}, doubled {told.gateway.extra}, {told.counts}\n"
        f"  writes a household {writes / len(homes):.3f}, queue requests a household"
        f" {sum(floor.requests.values()) / len(homes):.3f}"
        f" ({dict(floor.requests)})\n"
        f"  this took {time.monotonic() - began:.0f} s here"
    )
    is_kept = not told.lost and not told.gateway.extra
    return is_kept and ratio <= GOAL_MAKESPAN and first <= GOAL_FIRST


@dataclass(frozen=True, slots=True)
class Case:
    """A line of the fault table. allows: extra texts that the case may cost."""

    name: str
    make: Callable[[Desk, Clock], Floor]
    allows: Callable[[Told], int] = lambda _: 0


def _floor(desk: Desk, clock: Clock, *, copies: int = 1, loses: float = 0.0, keys: bool = False,
           down: tuple[float, float] = (0.0, 0.0), throttles: float = 0.0,
           silent: tuple[float, float] = (0.0, 0.0)) -> Floor:  # fmt: skip
    gateway = Simulated(clock, 400.0, loses=loses, has_keys=keys, down=down)
    return Floor(desk, clock, gateway, copies=copies, throttles=throttles, silent=silent)


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
    Case(
        "store throttles one call in ten",
        lambda desk, clock: _floor(desk, clock, throttles=0.1),
    ),
    Case(
        "store throttles every call for ten minutes",
        lambda desk, clock: _floor(desk, clock, silent=(1.0, 601.0)),
    ),
)


def faults(village: Village) -> bool:
    """Print the fault table. Returns whether nobody was lost and no text extra that need not be."""
    out(f"\n{'fault':<54} {'runs':>5} {'told':>5} {'lost':>6} {'extra':>6} {'allowed':>8}")
    is_well = True
    homes = sorted(spread(village, FEW), key=lambda home: (not home.flags, home.account))
    with quiet(), scene.county() as desk:
        settle_in(homes)
        for number, case in enumerate(CASES):
            clock = Clock(NOON + timedelta(days=number))
            with case.make(desk, clock) as floor:
                told = tell(homes, floor, opened=tripped(desk, floor, homes, f"f-{number}"))
            is_well &= line(case.name, 1, told.households, told.lost, told.gateway.extra,
                            case.allows(told))  # fmt: skip
    fewest = [*homes[:2], *homes[-FEWEST + 2 :]]
    with quiet(), scene.county() as desk:
        settle_in(fewest)
        for is_after in (False, True):
            runs = list(killed(desk, fewest, is_after=is_after))
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


def spread(village: Village, count: int) -> list[Home]:
    """Return about so many households from everywhere, so that their round has several parts."""
    return list(village.homes[:: len(village.homes) // count])


def killed(desk: Desk, homes: list[Home], *, is_after: bool) -> Iterator[Told]:
    """Yield one told outage a call at which a worker was killed, until there is no such call.

    Each on a day of its own, for a number's texts of a day count over all outages.
    """
    side = "b" if is_after else "a"
    for call in range(1, 10_000):
        clock = Clock(NOON + timedelta(days=2 * call + is_after))
        floor = _floor(desk, clock)
        floor.kill_at = (call, is_after)
        with floor:
            told = tell(homes, floor, opened=tripped(desk, floor, homes, f"k-{side}{call}"))
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
            for name, begins in (
                ("A feeder trip, locked out", "lockout"),
                ("A feeder trip that may reclose", "trip"),
            ):
                is_well &= timed(name, village, list(behind), device, asked.rate, begins=begins)
        if asked.only in {None, "many"}:
            homes = list(tiled(village.homes, asked.many))
            is_well &= timed(
                "Many households", village, homes, device, asked.rate, begins="entered"
            )
        if asked.only in {None, "faults"}:
            is_well &= faults(village)
    except CannotRun as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0 if is_well else 1


if __name__ == "__main__":
    raise SystemExit(main())
