"""A village that goes dark, and how it is told: for tests of notices."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Actor
from chalicelib.domain.outage import Kind, Outage, State
from chalicelib.domain.reach import Reach
from chalicelib.outbound.sms import Receipt, ReplyLost, Text
from chalicelib.store import customers, outages
from chalicelib.store.customers import Household
from chalicelib.store.outages import Change, Head
from chalicelib.usecases import notifying
from chalicelib.usecases.delivering import Ports
from chalicelib.usecases.desk import Desk
from tests.usecases.county import COUNTY, MINUTE, NOON, STATION

CREW = Actor("crew", "c7", STATION)
AREA = "T-03"
HOUSEHOLDS = 60


class Fake:
    """A gateway that does as it is told and keeps what it was given."""

    def __init__(self, *failures: BaseException | None) -> None:
        self.failures = list(failures)
        self.sent: list[Text] = []

    def send(self, text: Text, *, at: datetime) -> Receipt:
        assert at.tzinfo is not None
        if self.failures and (failure := self.failures.pop(0)) is not None:
            if isinstance(failure, ReplyLost):
                self.sent.append(text)
            raise failure
        self.sent.append(text)
        return Receipt("fake", f"m{len(self.sent)}", 1)


def a_village(count: int = HOUSEHOLDS) -> list[Household]:
    """Put households under the place; the seventh depends on a machine, the ninth is key."""
    flags = {7: frozenset({"life_support"}), 9: frozenset({"key"})}
    made = [
        Household(
            account_no=f"13{door:04}",
            transformer_id=AREA,
            phones=(Phone(f"+861690000{door:04}"),),
            flags=flags.get(door, frozenset()),
            load_id=f"X{door % 5}",
        )
        for door in range(count)
    ]
    customers.put_households(customers.compare_households(COUNTY, made))
    return made


def dark(
    desk: Desk,
    *,
    at: datetime = NOON,
    reach: Reach | None = None,
    outage_id: str = "Q1",
    others: Sequence[Outage] = (),
    grade: State = State.CONFIRMED,
) -> Head:
    made = moves.open_outage(
        moves.Act(CREW, at, at),
        outage_id=outage_id,
        kind=Kind.FAULT,
        county=COUNTY,
        office=STATION,
        devices=["D1"],
        feeders=["F1"],
        reach=reach or Reach.of({AREA: "all"}, {AREA: HOUSEHOLDS}),
        since=at,
        grade=grade,
        others=others,
        rules=desk.rules(COUNTY),
    )
    return outages.commit(Change(None, made))[0]


def act(minutes: float) -> moves.Act:
    at = NOON + minutes * MINUTE
    return moves.Act(CREW, at, at)


def etr(desk: Desk, head: Head, *, hours: float, minutes: float) -> Head:
    made = moves.set_etr(
        head.outage,
        act(minutes),
        at=NOON + timedelta(hours=hours),
        source="crew",
        reason="" if head.outage.etr is None else "more_damage",
        rules=desk.rules(COUNTY),
    )
    return outages.commit(Change(head, made))[0]


def back(desk: Desk, head: Head, *, minutes: float, reach: Reach | None = None) -> Head:
    made = moves.restore(
        head.outage,
        act(minutes),
        reach=reach or head.outage.dark,
        at=NOON + minutes * MINUTE,
        rules=desk.rules(COUNTY),
    )
    return outages.commit(Change(head, made))[0]


def newest(head: Head) -> str:
    return max(head.outage.rounds, key=lambda name: int(name.rpartition(".")[2]))


def tell(
    desk: Desk, head: Head, gateway: Any, *, minutes: float = 0, shards: Sequence[Any] = ()
) -> list[notifying.Shown]:
    at = NOON + minutes * MINUTE
    ports = Ports(gateway, "清河供电", "example.cn", "w")
    found = shards or notifying.expand(desk, head, newest(head), at=at)
    return [notifying.tell(desk, ports, head, shard.keys, at=at) for shard in found]
