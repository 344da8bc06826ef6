"""What telling an outage costs, counted by the meter and the drill's floor, said a household.

Every household of an outage is told for real, by `rounds.work` over queues that are counted, at two
sizes: the first of two parts, the second of ten thousand customers. Nothing is timed. What three
million cost is the same a household, as far as the growth between the two sizes shows it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import canonical
from chalicelib.domain.outage import Kind, State
from chalicelib.domain.reach import Reach
from chalicelib.store import customers, outages
from chalicelib.store.customers import Household, Place
from chalicelib.store.outages import Change
from chalicelib.store.packing import pack
from infra.bench.costs import bill
from infra.bench.meter import READ_STEP
from infra.bench.scene import COUNTIES, NOON, SETUP, Scene, station_of
from infra.bench.table import CannotMeasure, Figure, Measured, Reading, Row
from infra.drill.floor import Floor
from infra.drill.gateway import Clock, Simulated

COUNTY: Final = COUNTIES[2]
HOMES: Final = 200
"""Households of a transformer."""
NEEDY: Final = 7
"""The door behind which a machine keeps somebody alive."""
FEW: Final = 2_400
TEN: Final = 10_000
CITY: Final = 3_280_000
RATE: Final = 400.0
LINEAR: Final = 1.05
"""How much more a household may cost among many for the cost to be called linear."""

USD_A_MILLION: Final = {"WRU": 0.625, "RRU": 0.125, "SQS": 0.40}
"""Amazon's list prices in us-east-1 on demand, from November 2024 on; functions' time is not in."""
YUAN_A_PART: Final = 0.045
"""A text's part at a mainland gateway's list price below 100,000 a month; 0.036 above 3 million."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one outage cost. messages: worked. head: bytes of the outage. bill: call by call."""

    households: int
    wru: float
    rru: float
    sqs: int
    messages: int
    head: int
    texts: int
    parts: int
    bill: str

    def a_household(self) -> tuple[float, ...]:
        """Return WRU, RRU, SQS requests and gateway calls a household."""
        whole = (self.wru, self.rru, self.sqs, self.texts)
        return tuple(round(amount / self.households, 3) for amount in whole)

    def dollars(self, households: int, *, head: float) -> float:
        """Return what Amazon charges for so many households. head: bytes of such an outage."""
        times = households / self.households
        rru = self.rru + self.messages * (_reads(head) - _reads(self.head))
        amounts = zip(("WRU", "RRU", "SQS"), (self.wru, rru, self.sqs), strict=True)
        return sum(USD_A_MILLION[name] * amount for name, amount in amounts) * times / 1e6

    def yuan(self, households: int) -> float:
        """Return what the gateway charges for so many households."""
        return YUAN_A_PART * self.parts / self.households * households


def _reads(size: float) -> int:
    """Return the read units of an item, which every message about an outage pays for its head."""
    return math.ceil(size / READ_STEP)


def _settle_in(areas: Iterable[int], homes: int) -> None:
    """Put places into the county, and so many households under each."""
    areas = list(areas)
    places = [
        Place(
            code=f"N-{area:05}",
            name=f"河尾村{area}号公变",
            county=COUNTY,
            office_id=station_of(COUNTY),
            village="河尾村",
            line="10kV城东线",
            households=HOMES,
        )
        for area in areas
    ]
    customers.put_places(customers.Difference(added=tuple(places)))
    households = [
        Household(
            account_no=f"33{area:04}{door:04}",
            transformer_id=f"N-{area:05}",
            name="王桂英",
            address=f"清河县河尾村{door}号",
            phones=(Phone(f"+86168{area:04}{door:04}"),),
            flags=frozenset({"life_support"} if door == NEEDY else ()),
            meters=(f"M33{area:04}{door:04}",),
            load_id=f"N{area:05}-{door % 4}",
        )
        for area in areas
        for door in range(homes)
    ]
    customers.put_households(customers.Difference(added=tuple(households)))


def _outage(scene: Scene, outage_id: str, households: int, *, day: int) -> Cost:
    """Open an outage over so many households, tell it, and settle it.

    day: one on which no other outage tells anybody: its texts would count towards the caps, which
    costs a read unit a household and outage.
    """
    desk, areas = scene.desk, [f"N-{area:05}" for area in range(households // HOMES)]
    at = NOON + timedelta(days=day)
    clock = Clock(at)
    gateway = Simulated(clock, RATE)
    with scene.meter() as meter, Floor(desk, clock, gateway) as floor:
        made = moves.open_outage(
            moves.Act(SETUP, at, at),
            outage_id=outage_id,
            kind=Kind.FAULT,
            county=COUNTY,
            office=station_of(COUNTY),
            devices=[f"D-{outage_id}"],
            feeders=["F-1"],
            reach=Reach.of(dict.fromkeys(areas, "all"), dict.fromkeys(areas, HOMES)),
            since=at,
            grade=State.CONFIRMED,
            rules=desk.rules(COUNTY),
        )
        (head,) = outages.commit(Change(None, made))
        size = len(pack(canonical(head.outage.to_json())))
        (round_id,) = head.outage.rounds
        floor.start(outage_id, round_id, rate=RATE)
        floor.run()
    head = outages.get(outage_id)
    told = dict(head.outage.rounds[round_id].counts)
    if told != {"sent": households}:
        raise CannotMeasure(f"not everybody was told: {told}")
    back, rules = at + timedelta(hours=2), desk.rules(COUNTY)
    over = moves.restore(head.outage, moves.Act(SETUP, back, back), at=back, rules=rules)
    outages.commit(Change(head, over))  # off the board: every other outage's texts are looked at
    requests, messages = sum(floor.requests.values()), floor.requests["receive"]
    said = f"{bill(meter.record)}, {dict(floor.requests)}"
    return Cost(
        households=households,
        wru=meter.wru,
        rru=meter.rru,
        sqs=requests,
        messages=messages,
        head=size,
        texts=gateway.asked,
        parts=gateway.parts,
        bill=said,
    )


@cache
def _counted(scene: Scene) -> tuple[Cost, Cost]:
    """Return what an outage of FEW and one of TEN households cost, counted once a run."""
    _settle_in(range(TEN // HOMES), HOMES)
    return _outage(scene, "N-few", FEW, day=0), _outage(scene, "N-ten", TEN, day=2)


def a_household(scene: Scene) -> Measured:
    """Count what one household of an outage of ten thousand costs."""
    _, ten = _counted(scene)
    wru, rru, sqs, texts = ten.a_household()
    parts = round(ten.parts / ten.texts, 3)
    values = (wru, rru, sqs, texts, parts)
    return Measured(tuple(map(Reading, values)), f"{TEN:,} households: {ten.bill}")


def growth(scene: Scene) -> Measured:
    """Compare what a household costs in an outage of FEW and in one of TEN."""
    few, ten = _counted(scene)
    pairs = zip(ten.a_household()[:3], few.a_household()[:3], strict=True)
    note = f"{FEW:,} households: {few.bill}"
    return Measured(tuple(Reading(larger, smaller) for larger, smaller in pairs), note)


def money(scene: Scene) -> Measured:
    """Say what one word to everybody costs: counted at ten thousand, carried on to three million.

    Not measured where a household costs more among many than among few.
    """
    few, ten = _counted(scene)
    for larger, smaller in zip(ten.a_household(), few.a_household(), strict=True):
        if larger > smaller * LINEAR:
            raise CannotMeasure(f"a household costs {smaller} of a few and {larger} of many")
    head = ten.head + (ten.head - few.head) / (TEN - FEW) * (CITY - TEN)
    note = (
        f"counted at {FEW:,} and {TEN:,}; {CITY:,} extrapolated from there, since a household"
        f" costs no more among many (notices-growth), with {_reads(head)} RRU a"
        f" message for the larger head; the gateway at {YUAN_A_PART} yuan a part"
    )
    dollars = (ten.dollars(TEN, head=ten.head), ten.dollars(CITY, head=head))
    values = (dollars[0], ten.yuan(TEN), dollars[1], ten.yuan(CITY) / 1_000)
    return Measured(tuple(Reading(round(value, 4)) for value in values), note)


def flat(scene: Scene) -> Measured:
    """Compare the same outage in a county of ten thousand customers and in one of three million."""
    few, _ = _counted(scene)
    _settle_in(range(TEN // HOMES, CITY // HOMES), 0)
    again = _outage(scene, "N-far", FEW, day=4)
    pairs = (
        Reading(again.wru, few.wru),
        Reading(again.rru, few.rru),
        Reading(again.sqs, few.sqs),
    )
    note = f"an outage of {FEW:,} beside the places of {CITY:,} customers: {again.bill}"
    return Measured(pairs, note)


ROWS: Final = (
    Row(
        name="notices",
        what="tell an outage of 10,000, from its start to everybody's final state: a household",
        figures=(
            Figure("WRU", floor=2, goal=2.1),
            Figure("RRU", floor=1, goal=6),
            Figure("SQS requests", floor=0.03, goal=0.1),
            Figure("gateway calls", floor=1, goal=1),
            Figure("parts a text", floor=1, goal=1),
        ),
        measure=a_household,
        full_only=True,
    ),
    Row(
        name="notices-growth",
        what="the same at 10,000 against 2,400 households: a household",
        figures=(
            Figure("WRU", times=LINEAR),
            Figure("RRU", times=LINEAR),
            Figure("SQS", times=LINEAR),
        ),
        measure=growth,
        full_only=True,
    ),
    Row(
        name="notices-flat",
        what="an outage of 2,400 in a county of 3.28 M customers against one of 10,000",
        figures=(
            Figure("WRU", times=LINEAR),
            Figure("RRU", times=LINEAR),
            Figure("SQS", times=LINEAR),
        ),
        measure=flat,
        full_only=True,
    ),
    Row(
        name="notices-money",
        what="tell 10,000 customers one word, and 3.28 M",
        figures=(
            Figure("$ at 10 k", floor=0, goal=0.05),
            Figure("¥ at 10 k", floor=TEN * YUAN_A_PART, goal=TEN * YUAN_A_PART),
            Figure("$ at 3.28 M", floor=0, goal=15),
            Figure(
                "k¥ at 3.28 M", floor=CITY * YUAN_A_PART / 1_000, goal=CITY * YUAN_A_PART / 1_000
            ),
        ),
        measure=money,
        full_only=True,
    ),
)
"""A text costs a claim and a settling at least, and a gateway call."""
