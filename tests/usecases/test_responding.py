"""What an outage's events cause: one repair order, callers under it, alerts, and nothing lost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.calendar import local_day
from chalicelib.domain.contact import Contact, Phone
from chalicelib.domain.outage import State, is_outage, outage_id_of, verify_against
from chalicelib.outbound.seals import DiskSeals
from chalicelib.store import deliveries, ledger, orders, outages
from chalicelib.store.outages import Change, Head
from chalicelib.store.rows import LedgerRow
from chalicelib.usecases import (
    delivering,
    handling,
    joining,
    locating,
    picturing,
    queueing,
    reading,
    responding,
    verifying,
    watching,
)
from chalicelib.usecases import outages as keeping
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.locating import Reported
from chalicelib.usecases.responding import Ways
from tests.usecases.county import (
    ANSWERS,
    COUNTY,
    MINUTE,
    NOON,
    a_command,
    a_report,
    file,
    ports,
    texts,
    work,
)
from tests.usecases.network import a_grid, account
from tests.usecases.test_outages import BREAKER, SWITCH, create, do


@dataclass
class House:
    """The effects queue of an outage and its orders, worked off by hand."""

    desk: Desk
    folder: Path
    rounds: list[tuple[str, str]] = field(default_factory=list)
    looked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def ways(self) -> Ways:
        return Ways(
            ports(self.folder),
            lambda _desk, head, name, _at: self.rounds.append((head.outage.outage_id, name)),
            lambda _desk, head, name, _at: self.looked.append((head.outage.outage_id, name)),
        )

    def pump(self, *chains: str, at: datetime) -> None:
        """Make every effect of these chains, and what it causes on them, until nothing is left."""
        while waiting := [each for chain in chains for each in self.waiting(chain)]:
            for each in waiting:
                self.make(each, at=at)

    def waiting(self, chain: str) -> list[tuple[str, int, str]]:
        settled = {one.effect_id for one in deliveries.list_for(chain) if one.is_final}
        queued = delivering.spread(self.desk, ledger.read(chain))
        return [each for each in queued if each[2] not in settled]

    def make(self, effect: tuple[str, int, str], *, at: datetime) -> bool:
        chain, seq, effect_id = effect
        if is_outage(chain):
            number = outage_id_of(chain)
            done = responding.carry_out(self.desk, self.ways, number, seq, effect_id, at=at)
        else:
            done = delivering.carry_out(self.desk, ports(self.folder), chain, seq, effect_id, at=at)
        return done is not None


@pytest.fixture
def house(desk: Desk, tmp_path: Path) -> House:
    a_grid()
    queueing.forget(COUNTY)
    return House(desk, tmp_path)


def chain(head: Head) -> str:
    return f"outage/{head.outage.outage_id}"


def again(head: Head) -> Head:
    return outages.get(head.outage.outage_id)


def a_call(desk: Desk, key: str, *, place: str = "T-03", **said: Any) -> str:
    number = said.pop("account_no", "")
    phone = Phone.parse(f"1380013{1000 + len(key)}")
    answers = {"symptom": said.pop("symptom", "no_power"), "description": "没电了"}
    contact = Contact(phone=phone, account_no=number)
    sent = a_report(place=place, contact=contact, answers=answers, **said)
    filed = file(desk, sent, key=key)
    queueing.forget(COUNTY)
    return filed.head.order.order_id


def test_a_confirmed_fault_opens_one_repair_order_and_begins_its_first_round(house):
    head = create(house.desk, SWITCH)
    house.pump(chain(head), at=NOON)
    house.pump(chain(head), at=NOON)

    number = again(head).outage.order_id
    order = orders.get(number).order
    assert (order.kind, order.channel, order.facts["place"]) == ("fault", "outage", "T-03")
    assert order.case_no == head.outage.outage_id
    assert house.rounds == [(head.outage.outage_id, "start.1")]
    verify_against(again(head).outage, ledger.links(chain(head)))


def test_the_order_is_one_however_often_and_wherever_its_effect_dies(house):
    head = create(house.desk, SWITCH)
    first = joining.open_repair(house.desk, head.outage.outage_id, at=NOON)
    opened = orders.queue(COUNTY, limit=20).heads
    second = joining.open_repair(house.desk, head.outage.outage_id, at=NOON + MINUTE)

    assert (first, second) == ("", "")
    assert len(opened) == len(orders.queue(COUNTY, limit=20).heads) == 1


def test_callers_who_reported_before_are_merged_under_the_repair_order(house):
    caller = a_call(house.desk, "k1")
    elsewhere = a_call(house.desk, "k22", place="T-04")
    flicker = a_call(house.desk, "k333", symptom="flicker")
    head = create(house.desk, SWITCH)
    house.pump(chain(head), at=NOON)

    outage = again(head).outage
    assert outage.children == (caller,)
    assert orders.get(caller).order.parent == outage.order_id
    assert orders.get(elsewhere).order.parent == orders.get(flicker).order.parent == ""


def test_where_only_some_of_a_transformer_is_dark_the_account_decides(house):
    inside = a_call(house.desk, "k1", account_no=account("T-03", 1, 1))
    outside = a_call(house.desk, "k22", account_no=account("T-03", 2, 1))
    unknown = a_call(house.desk, "k333")
    head = create(house.desk, "T-03-X1-LV")
    house.pump(chain(head), at=NOON)

    assert again(head).outage.children == (inside,)
    assert orders.get(outside).order.parent == orders.get(unknown).order.parent == ""


def test_a_danger_named_in_a_report_keeps_a_life_of_its_own(house):
    danger = a_call(house.desk, "k1", dangers=("wire_down",))
    head = create(house.desk, SWITCH)
    house.pump(chain(head), at=NOON)

    outage = again(head).outage
    assert (outage.children, dict(outage.dangers)) == ((), {danger: "wire_down"})
    do(house.desk, head, "restore", 60)
    house.pump(chain(head), at=NOON + 61 * MINUTE)
    assert orders.get(danger).order.stage == "accepted"


def test_callers_orders_close_once_power_is_back_and_they_are_told_and_no_earlier(house):
    caller = a_call(house.desk, "k1")
    head = create(house.desk, SWITCH)
    house.pump(chain(head), caller, at=NOON)
    head = do(house.desk, head, "restore", 60)
    house.pump(chain(head), caller, at=NOON + 61 * MINUTE)
    assert orders.get(caller).order.stage == "merged"

    rules = house.desk.rules(COUNTY)
    told = NOON + 62 * MINUTE
    name = next(each for each in again(head).outage.rounds if each.startswith("restored"))
    made = moves.settle(
        again(head).outage, joining.act(told), round_id=name, told_at=told, counts={"sent": 4},
        is_final=True, rules=rules,
    )  # fmt: skip
    outages.commit(Change(again(head), made))
    house.pump(chain(head), caller, at=told)

    assert orders.get(caller).order.stage == "archived"
    assert reading.verify(orders.get(caller))["ok"]


def test_an_outage_that_was_none_lets_its_callers_orders_go(house):
    caller = a_call(house.desk, "k1")
    head = create(house.desk, SWITCH)
    house.pump(chain(head), at=NOON)
    head = do(house.desk, head, "deny", 5)
    house.pump(chain(head), at=NOON + 6 * MINUTE)

    order = orders.get(caller).order
    assert (order.stage, order.parent) == ("accepted", "")
    assert head.outage.state is State.CANCELLED


def test_a_training_outage_causes_nothing(house):
    head = create(house.desk, SWITCH, training=True)
    assert house.waiting(chain(head)) == []


def test_the_sweep_fires_what_is_due_tells_the_desk_and_finds_what_never_came(house):
    head = create(house.desk, SWITCH)
    lost: list[tuple[str, int, str]] = []

    def sweep(minutes: float) -> watching.Swept:
        return watching.sweep(
            lambda: house.desk,
            at=NOON + minutes * MINUTE,
            counties=[COUNTY],
            enqueue=lost.extend,
            is_out_of_time=lambda: False,
        )

    first = sweep(6)

    assert first.parked == 0
    assert {effect.split(".")[1] for _, _, effect in lost} == {"notice", "order"}
    assert again(head).outage.version > head.outage.version
    house.pump(chain(head), at=NOON + 6 * MINUTE)
    assert house.rounds == [(head.outage.outage_id, "start.1")]
    assert any("5分钟" in one["body"] for one in texts(house.folder))

    lost.clear()
    sweep(60)
    house.pump(chain(head), at=NOON + 60 * MINUTE)
    assert house.looked  # the outage's own watch came by
    for minutes in (66, 72):
        lost.clear()
        sweep(minutes)
        house.pump(chain(head), at=NOON + minutes * MINUTE)
    assert again(head).look is None or lost == []
    assert watching.oldest_due([COUNTY], at=NOON + 72 * MINUTE) == timedelta()


def test_alerts_about_what_is_done_meanwhile_are_not_sent(house):
    head = create(house.desk, SWITCH)
    made = moves.fire(head.outage, at=NOON + 6 * MINUTE, rules=house.desk.rules(COUNTY))
    assert made is not None
    head = outages.commit(Change(head, made))[0]
    do(house.desk, head, "deny", 7)
    house.pump(chain(head), at=NOON + 8 * MINUTE)

    found = {one.effect_id: one.status.value for one in deliveries.list_for(chain(head))}
    alerts = {name: status for name, status in found.items() if ".alert." in name}
    assert alerts
    assert all(
        status == ("sent" if ".notify." in name or ".whole." in name else "superseded")
        for name, status in alerts.items()
    )


def test_an_absorbed_outage_s_repair_order_goes_under_the_parent_s(house):
    small = create(house.desk, SWITCH)
    house.pump(chain(small), at=NOON)
    big = create(house.desk, BREAKER, command=a_command(at=NOON + MINUTE))
    house.pump(chain(big), at=NOON + MINUTE)
    do(house.desk, big, "absorb", 5, outage=small.outage.outage_id)
    house.pump(chain(big), chain(small), at=NOON + 6 * MINUTE)

    old, new = again(small).outage.order_id, again(big).outage.order_id
    assert orders.get(old).order.parent == new
    assert old in again(big).outage.children


def test_power_back_is_noted_in_the_order_at_which_the_crew_is(house):
    head = create(house.desk, SWITCH)
    house.pump(chain(head), at=NOON)
    number = again(head).outage.order_id
    work(house.desk, number, "dispatch", "receive", "set_out", "arrive")
    do(house.desk, head, "restore", 60)
    house.pump(chain(head), at=NOON + 61 * MINUTE)

    assert orders.get(number).order.facts["power_back"] is True
    assert keeping.affected(again(head).outage).households == 4


def an_outage_at_which_the_crew_is(house: House, *devices: str) -> tuple[Head, str]:
    """Open an outage and send its crew; return it with its repair order."""
    head = create(house.desk, *(devices or (SWITCH,)))
    house.pump(chain(head), at=NOON)
    number = again(head).outage.order_id
    work(house.desk, number, "dispatch", "receive", "set_out", "arrive")
    return again(head), number


def say(house: House, number: str, move: str, minutes: float, **answers: Any) -> None:
    """Let the crew say something on an order, and make what follows."""
    at = NOON + minutes * MINUTE
    said = a_command(move, at=at, role="crew", who="crew-1", answers=answers)
    handling.move(house.desk, number, said)
    house.pump(number, at=at)


def end_round(house: House, head: Head, kind: str, *, at: datetime) -> None:
    """Let every household of a round have its final state."""
    outage = again(head).outage
    name = next(each for each in outage.rounds if each.startswith(kind))
    made = moves.settle(
        outage, joining.act(at), round_id=name, told_at=at, counts={"sent": 4}, is_final=True,
        rules=house.desk.rules(COUNTY),
    )  # fmt: skip
    outages.commit(Change(again(head), made))


@pytest.mark.parametrize("move", ["restore", "reply"])
def test_s2_2_power_back_on_the_repair_order_is_the_outage_s_restoration(house, move):
    head, number = an_outage_at_which_the_crew_is(house)
    say(house, number, move, 60, **ANSWERS.get(move, {}))
    house.pump(chain(head), number, at=NOON + 61 * MINUTE)

    outage = again(head).outage
    assert (outage.state, outage.dark.households) == (State.RESTORED, 0)
    last = list(ledger.read(chain(head)))[-1]
    assert (last.name, last.actor.role, last.actor.actor_id) == ("restore", "crew", "crew-1")
    assert last.occurred_at == NOON + 60 * MINUTE
    assert [name for _, name in house.rounds] == ["start.1", f"restored.{last.seq}"]
    verify_against(outage, ledger.links(chain(head)))


def test_a_reply_without_power_leaves_the_outage_as_it_is(house):
    head, number = an_outage_at_which_the_crew_is(house)
    say(house, number, "reply", 60, result="temporary_repair", power_back=False, note="等材料")

    assert again(head).outage.state is State.CONFIRMED


def test_power_back_for_a_part_is_a_proposal_and_starts_the_clock_of_entering(house):
    head, number = an_outage_at_which_the_crew_is(house, BREAKER)
    lit = [Reported("meter_on", "transformer", "T-01", "AMI", n, NOON + 59 * MINUTE) for n in (1,)]
    locating.take(house.desk, lit, office_id=COUNTY, by="key-1", at=NOON + 59 * MINUTE)
    say(house, number, "restore_part", 60)

    outage = again(head).outage
    assert (outage.state, outage.dark.households) == (State.CONFIRMED, 12)
    assert outage.known["restored"][0] == NOON + 60 * MINUTE
    assert "entry.restored" in outage.clocks
    asked = propose(house, head)
    assert asked is not None
    assert (asked["move"], asked["transformers"]) == ("restore_part", ["T-01"])
    assert orders.get(number).order.facts.get("power_back") is None

    said = {"at": datetime.fromisoformat(asked["at"]), "transformers": asked["transformers"]}
    head = do(house.desk, again(head), asked["move"], 62, **said)
    assert (head.outage.state, head.outage.dark.households) == (State.PARTIALLY_RESTORED, 8)
    assert propose(house, head) is None
    say(house, number, "restore", 90)
    assert again(head).outage.state is State.RESTORED


def propose(house: House, head: Head) -> dict[str, Any] | None:
    outage = again(head).outage
    events = list(ledger.read(chain(head)))
    return picturing.proposal(house.desk, outage, events, "dispatcher", at=NOON + 61 * MINUTE)


def test_who_reports_the_dark_after_the_crew_s_word_makes_it_a_proposal(house):
    head, number = an_outage_at_which_the_crew_is(house, BREAKER)
    at = NOON + 61 * MINUTE
    off = [Reported("meter_off", "transformer", "T-03", "AMI", 7, at)]
    locating.take(house.desk, off, office_id=COUNTY, by="key-1", at=at)
    said = a_command("restore", at=NOON + 62 * MINUTE, role="crew", who="crew-1",
                  occurred_at=NOON + 60 * MINUTE)  # fmt: skip
    handling.move(house.desk, number, said)
    house.pump(number, at=NOON + 62 * MINUTE)

    assert again(head).outage.state is State.CONFIRMED
    assert (propose(house, head) or {})["move"] == "restore_part"


def test_an_order_that_only_claims_to_repair_moves_no_outage(house):
    head = create(house.desk, SWITCH)
    house.pump(chain(head), at=NOON)
    other = a_call(house.desk, "k4444", place="T-04", channel="outage",
                   case_no=head.outage.outage_id)  # fmt: skip
    work(house.desk, other, "dispatch", "receive", "set_out", "arrive", "restore")
    house.pump(other, at=NOON + 10 * MINUTE)

    assert again(head).outage.state is State.CONFIRMED


def filed(house: House, number: str, *, power_back: bool = True) -> None:
    """Bring an order, whose crew is on site, to its end: replied, visited, filed."""
    handling.move(house.desk, number, a_command("reply", at=NOON + 20 * MINUTE, role="crew",
        answers={"result": "repaired", "power_back": power_back, "note": "换了瓷瓶"}))  # fmt: skip
    work(house.desk, number, "approve_reply", "visit_satisfied", "archive",
         start=NOON + 20 * MINUTE)  # fmt: skip


def test_s2_3_a_repair_order_that_is_filed_first_closes_no_caller_who_is_in_the_dark(house):
    caller = a_call(house.desk, "k1")
    head, number = an_outage_at_which_the_crew_is(house)
    filed(house, number, power_back=False)
    house.pump(number, caller, at=NOON + 30 * MINUTE)
    assert orders.get(caller).order.stage == "merged"

    do(house.desk, again(head), "restore", 60)
    house.pump(chain(head), number, caller, at=NOON + 61 * MINUTE)
    assert orders.get(caller).order.stage == "merged"
    end_round(house, head, "restored", at=NOON + 62 * MINUTE)
    house.pump(chain(head), caller, at=NOON + 62 * MINUTE)
    assert orders.get(caller).order.stage == "archived"


def test_a_report_merged_by_hand_waits_for_the_outage_as_well(house):
    head, number = an_outage_at_which_the_crew_is(house)
    caller = a_call(house.desk, "k1", symptom="flicker")
    joined = a_command("merge", at=NOON + 5 * MINUTE, answers={"parent": number})
    handling.merge(house.desk, caller, joined)
    filed(house, number, power_back=False)
    house.pump(number, caller, at=NOON + 30 * MINUTE)

    assert orders.get(caller).order.stage == "merged"
    assert caller in again(head).outage.children


def test_what_is_filed_while_its_households_are_being_told_waits_for_them(house):
    head, number = an_outage_at_which_the_crew_is(house)
    caller = a_call(house.desk, "k1", symptom="flicker")
    joined = a_command("merge", at=NOON + 5 * MINUTE, answers={"parent": number})
    handling.merge(house.desk, caller, joined)
    filed(house, number)
    restored, follow = (each for each in house.waiting(number) if ".power." in each[2]
                        or ".follow." in each[2])  # fmt: skip
    assert house.make(restored, at=NOON + 30 * MINUTE)

    with pytest.raises(delivering.Later):
        house.make(follow, at=NOON + 31 * MINUTE)
    end_round(house, head, "restored", at=NOON + 32 * MINUTE)
    assert house.make(follow, at=NOON + 33 * MINUTE)
    assert orders.get(caller).order.stage == "archived"


@pytest.mark.parametrize(("power_back", "stage"), [(True, "archived"), (False, "accepted")])
def test_a_plain_order_closes_its_children_only_when_power_came_back(house, power_back, stage):
    first, second = a_call(house.desk, "k1"), a_call(house.desk, "k22")
    joined = a_command("merge", at=NOON + MINUTE, answers={"parent": first})
    handling.merge(house.desk, second, joined)
    work(house.desk, first, "dispatch", "receive", "set_out", "arrive", start=NOON + MINUTE)
    filed(house, first, power_back=power_back)
    house.pump(first, second, at=NOON + 30 * MINUTE)

    assert orders.get(second).order.stage == stage


def test_an_outage_s_chain_is_verified_like_an_order_s_and_belongs_to_its_county(house):
    head = do(house.desk, create(house.desk, SWITCH), "restore", 60)
    assert verifying.owner(house.desk, chain(head)) == house.desk.path(COUNTY)
    assert verifying.chain(house.desk, chain(head)) == {"ok": True, "events": 2, "first_bad": None}

    _overwrite(chain(head), 2, lambda body: body.replace("restore", "extend"))
    assert verifying.chain(house.desk, chain(head))["first_bad"] == {"seq": 2, "why": "edited"}
    assert verifying.owner(house.desk, "outage/261121-CCCCCC") is None


def test_each_night_an_outage_s_chain_is_verified_whether_it_is_open_or_over(house, tmp_path):
    over = do(house.desk, create(house.desk, SWITCH), "restore", 60)
    running = create(house.desk, BREAKER, command=a_command(at=NOON + 61 * MINUTE))

    def night() -> verifying.Night:
        return verifying.nightly(
            [COUNTY],
            port=DiskSeals(tmp_path),
            public_key="",
            is_out_of_time=lambda: False,
            at=NOON + 16 * 60 * MINUTE,
        )

    whole = night()
    assert (whole.bad, whole.chains >= 2) == (0, True)
    for number, (head, word) in enumerate(((over, "restore"), (running, "opened")), start=1):
        _overwrite(chain(head), head.outage.version, _other_than(word))
        assert night().bad == number


def test_an_outage_that_moves_while_the_night_walks_by_raises_no_alarm(house, tmp_path):
    head = create(house.desk, SWITCH)
    asked: list[int] = []

    def meanwhile() -> bool:
        asked.append(len(asked))
        if len(asked) == 2:  # its head has been read, its chain has not
            do(house.desk, head, "restore", 60)
        return False

    night = verifying.nightly(
        [COUNTY],
        port=DiskSeals(tmp_path),
        public_key="",
        is_out_of_time=meanwhile,
        at=NOON + 16 * 60 * MINUTE,
    )
    assert outages.get(head.outage.outage_id).outage.version == 2
    assert (night.bad, night.chains >= 1) == (0, True)


def test_an_outage_that_moves_while_a_days_walk_goes_by_is_not_called_broken(house, tmp_path):
    head = create(house.desk, SWITCH)

    def meanwhile() -> bool:
        if outages.get(head.outage.outage_id).outage.version == 1:
            do(house.desk, head, "restore", 60)
        return False

    today = local_day(NOON)
    found = verifying.days(
        COUNTY, today, today, port=DiskSeals(tmp_path), public_key="", after=None,
        is_out_of_time=meanwhile, at=NOON + 16 * 60 * MINUTE,
    )  # fmt: skip
    assert outages.get(head.outage.outage_id).outage.version == 2
    assert (found.bad, found.chains >= 1) == ([], True)


def _other_than(word: str) -> Callable[[str], str]:
    return lambda body: body.replace(word, "extend")


def _overwrite(aggregate: str, seq: int, change: Callable[[str], str]) -> None:
    """Do what nobody may: change a row of the ledger."""
    found = ledger.find(aggregate, seq)
    assert found is not None
    LedgerRow(
        aggregate=aggregate, seq=seq, body=change(found.body), hash=found.hash, prev=found.prev
    ).save()
