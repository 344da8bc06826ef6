"""Every household hears of its outage: in order, once a word, and only what is true."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Actor
from chalicelib.domain.outage import Kind, State
from chalicelib.domain.reach import Reach
from chalicelib.outbound.sms import GatewayBusy, Receipt, ReplyLost, Text
from chalicelib.store import customers, outages
from chalicelib.store.customers import Household
from chalicelib.store.outages import Change, Head
from chalicelib.usecases import notifying
from chalicelib.usecases.delivering import Ports
from chalicelib.usecases.desk import Desk
from tests.usecases.county import COUNTY, MINUTE, NOON, STATION, the_desk

CREW = Actor("crew", "c7", STATION)
AREA = "T-03"
HOUSEHOLDS = 60


class Fake:
    """A gateway that does as it is told and keeps what it was given."""

    def __init__(self, *failures: Exception | None) -> None:
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


def dark(desk: Desk, *, at: datetime = NOON, reach: Reach | None = None) -> Head:
    made = moves.open_outage(
        moves.Act(CREW, at, at),
        outage_id="Q1",
        kind=Kind.FAULT,
        county=COUNTY,
        office=STATION,
        devices=["D1"],
        feeders=["F1"],
        reach=reach or Reach.of({AREA: "all"}, {AREA: HOUSEHOLDS}),
        since=at,
        grade=State.CONFIRMED,
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


def test_a_round_is_cut_into_shards_with_the_vulnerable_first(desk: Desk):
    a_village()
    head = dark(the_desk())

    shards = notifying.expand(desk, head, newest(head), at=NOON)

    assert [shard.is_urgent for shard in shards] == [True, False, False, False]
    assert shards[0].keys == ((AREA, "130007"), (AREA, "130009"))
    assert sum(len(shard.keys) for shard in shards) == HOUSEHOLDS
    assert max(len(shard.keys) for shard in shards) <= 25


def test_each_household_hears_once_however_often_its_shard_comes(desk: Desk):
    a_village()
    head, gateway = dark(desk), Fake()

    for _ in range(3):
        tell(desk, head, gateway)

    assert len(gateway.sent) == HOUSEHOLDS
    assert len({text.to.number for text in gateway.sent}) == HOUSEHOLDS
    assert "河尾村3号公变" in gateway.sent[0].body


def test_each_new_word_reaches_everybody_and_an_old_one_nobody(desk: Desk):
    a_village(5)
    first, gateway = dark(desk), Fake()
    old = notifying.expand(desk, first, newest(first), at=NOON)
    head = etr(desk, first, hours=2, minutes=1)

    tell(desk, head, gateway, minutes=1)
    tell(desk, head, gateway, minutes=2, shards=old)

    assert len(gateway.sent) == 5
    assert "预计14:15前恢复" in gateway.sent[0].body


def test_restored_goes_to_those_who_were_told_and_to_nobody_else(desk: Desk):
    houses = a_village(10)
    head, gateway = dark(desk, reach=Reach.of({AREA: ["X0"]}, {"X0": 2})), Fake()
    tell(desk, head, gateway)
    told = {text.to.number for text in gateway.sent}

    head = back(desk, head, minutes=40)
    tell(desk, head, gateway, minutes=40)
    everybody = [
        notifying.Shard("Q1", newest(head), 0, ((AREA, each.account_no),), is_urgent=False)
        for each in houses
    ]
    tell(desk, head, gateway, minutes=41, shards=everybody)

    assert told == {each.phones[0].number for each in houses if each.load_id == "X0"}
    assert len(gateway.sent) == 2 * len(told)
    assert all("恢复供电" in text.body for text in gateway.sent[len(told) :])


def test_a_busy_gateway_leaves_the_rest_for_later_and_nobody_out(desk: Desk):
    a_village(5)
    head, gateway = dark(desk), Fake(None, GatewayBusy("busy", gateway="g", retry_after=7))

    (urgent_or_rest,) = tell(desk, head, gateway)

    assert (len(gateway.sent), urgent_or_rest.wait) == (1, 7)
    assert len(urgent_or_rest.left) == 4
    tell(desk, head, gateway, minutes=0.2)
    assert len({text.to.number for text in gateway.sent}) == len(gateway.sent) == 5


def test_a_lost_reply_is_tried_once_more_and_then_somebody_calls(desk: Desk):
    a_village(1)
    lost = ReplyLost("timeout", gateway="g")
    head, gateway = dark(desk), Fake(lost, lost)

    for minutes in (0, 1, 2):
        tell(desk, head, gateway, minutes=minutes)

    found = notifying.tally(desk, head, newest(head), at=NOON + 3 * MINUTE)
    assert len(gateway.sent) == 2
    assert (dict(found.counts), found.is_final) == ({"failed": 1}, True)


def test_a_round_is_final_when_every_household_is(desk: Desk):
    houses = a_village(30)
    silent = replace(houses[3], phones=())
    customers.put_households(customers.compare_households(COUNTY, [*houses[:3], silent]))
    head, gateway = dark(desk), Fake()
    shards = notifying.expand(desk, head, newest(head), at=NOON)
    tell(desk, head, gateway, shards=shards[:1])

    halfway = notifying.reconcile(desk, head, newest(head), at=NOON + MINUTE)
    head = outages.get("Q1")
    tell(desk, head, gateway, minutes=1, shards=halfway.missing)
    done = notifying.reconcile(desk, head, newest(head), at=NOON + 2 * MINUTE)

    assert not halfway.is_final
    assert done.is_final
    assert dict(done.counts) == {"sent": 29, "no_phone": 1}
    settled = outages.get("Q1").outage.rounds[newest(head)]
    assert settled.told_at == NOON + MINUTE
    assert settled.watch_at is None
    again = notifying.reconcile(desk, outages.get("Q1"), newest(head), at=NOON + 3 * MINUTE)
    assert (again.is_final, again.counts) == (True, done.counts)
    assert outages.get("Q1").outage.rounds[newest(head)] == settled


@pytest.mark.parametrize("same", [2, 3])
def test_a_telephone_of_several_meters_gets_one_text(desk: Desk, same: int):
    houses = [replace(each, phones=(Phone("+8616900009999"),)) for each in a_village(same)]
    customers.put_households(customers.compare_households(COUNTY, houses))
    head, gateway = dark(desk), Fake()

    tell(desk, head, gateway)

    found = notifying.tally(desk, head, newest(head), at=NOON)
    assert len(gateway.sent) == 1
    assert dict(found.counts) == {"sent": same}
