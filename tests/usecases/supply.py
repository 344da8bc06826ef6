"""Four areas of a hundred customers on the store, and outages in them that lasted known times."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.grid import GridMap, Key, Load, pack
from chalicelib.domain.order import Order
from chalicelib.domain.outage import Outage
from chalicelib.domain.reach import Reach
from chalicelib.domain.staff import Capability, Role, Staff, may
from chalicelib.store import customers, grid, outages
from chalicelib.store.customers import Place
from chalicelib.store.outages import Change, Head
from chalicelib.usecases.desk import Desk
from tests.domain.blackout import NOON, act, at, opened
from tests.domain.engine import RULES
from tests.usecases.county import COUNTY, PATH, STATION

LOADS = {
    "F1": {"T1": {"L1": 40}, "T2": {"L7": 1, "L8": 2, "L6": 17}},
    "F2": {"T3": {"L9": 5, "L10": 25}, "T4": {"L4": 10}},
}
"""Customers by feeder, transformer and supply point: 40, 20, 30 and 10."""


@dataclass(frozen=True)
class Looking:
    """Somebody who sees what the matrix says."""

    desk: Desk
    staff: Staff
    at: datetime

    def sees(self, order: Order) -> bool:
        return self.reaches(Capability.ORDER_READ, order.county)

    def reaches(self, capability: Capability, *office_ids: str) -> bool:
        return any(may(self.staff, capability, self.desk.path(each)) for each in office_ids)


def looking(
    desk: Desk, when: datetime, role: Role = Role.DISPATCHER, *, levels: int = 3
) -> Looking:
    """Return somebody at the county, or at the office that many levels down from the province."""
    return Looking(desk, Staff("d-1", "员工", role, PATH[levels - 1], PATH[:levels]), when)


def an_area() -> None:
    """Keep the maps of both feeders, and the places of all areas but T4, which nobody named."""
    kept = {}
    for feeder, areas in LOADS.items():
        loads = tuple(
            Load(load, "B", transformer_id=area, feeder_id=feeder, households=count)
            for area, points in areas.items()
            for load, count in points.items()
        )
        key = Key(feeder)
        kept[str(key)] = (pack(GridMap(key, loads=loads)), 0)
    grid.save(COUNTY, kept, at=NOON)
    places = [
        Place(
            code=code, name=f"河尾村{code}", county=COUNTY, office_id=STATION, line="10kV河尾线",
            households=7,
        )
        for code in ("T1", "T2", "T3")
    ]  # fmt: skip
    customers.put_places(customers.compare_places(COUNTY, places))


def keep(made: moves.Made, before: Head | None = None) -> Head:
    """Keep what a command made."""
    return outages.commit(Change(before, made))[0]


def dark(outage_id: str, reach: Reach, *, minutes: float, since: float = 0, **said: str) -> Outage:
    """Keep an outage that all of a reach came back from after so many minutes."""
    head = keep(opened(outage_id=outage_id, reach=reach, minutes=since + 1, since=since))
    if "cause" in said:
        made = moves.set_cause(head.outage, act(since + 1), cause=said["cause"], rules=RULES)
        head = keep(made, head)
    return back(head, since + minutes).outage


def back(head: Head, minutes: float, reach: Reach | None = None) -> Head:
    """Keep that power is back for all, or for a reach."""
    made = moves.restore(head.outage, act(minutes), at=at(minutes), rules=RULES, reach=reach)
    return keep(made, head)
