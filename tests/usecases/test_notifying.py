"""Every household hears of its outage: in order, once a word, and only what is true."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.contact import Phone
from chalicelib.domain.outage import figures
from chalicelib.domain.reach import Reach
from chalicelib.outbound.sms import (
    LATER,
    GatewayBusy,
    GatewayRefused,
    NumberRejected,
    Receipt,
    ReplyLost,
    Text,
)
from chalicelib.store import customers, deliveries, notices, outages
from chalicelib.store.customers import Household
from chalicelib.store.deliveries import Status
from chalicelib.store.outages import Change, Head
from chalicelib.store.rows import House
from chalicelib.usecases import notifying, picturing
from chalicelib.usecases.desk import Desk
from tests.store.faults import NOT_SENT, THROTTLED, Fault, Faults, Killed
from tests.usecases.county import COUNTY, MINUTE, NOON, the_desk
from tests.usecases.village import (
    AREA,
    HOUSEHOLDS,
    Fake,
    a_village,
    act,
    back,
    dark,
    etr,
    newest,
    tell,
)


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


def test_the_outages_page_shows_what_each_household_was_told(desk: Desk):
    houses = a_village(3)
    silent = replace(houses[2], phones=())
    customers.put_households(customers.compare_households(COUNTY, [*houses[:2], silent]))
    head = dark(desk)
    tell(desk, head, Fake())

    rows, after = picturing.households(desk, head, group="all", limit=20, after=None)

    assert [row["state"] for row in rows] == ["sent", "sent", "no_phone"]
    assert all(row["told_at"] for row in rows)
    assert after is None


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
    tell(desk, head, gateway, minutes=1, shards=halfway.shards)
    done = notifying.reconcile(desk, head, newest(head), at=NOON + 2 * MINUTE)

    assert not halfway.is_final
    assert done.is_final
    assert dict(done.counts) == {"sent": 29, "no_phone": 1}
    settled = outages.get("Q1").outage.rounds[newest(head)]
    assert settled.told_at == NOON + MINUTE
    assert settled.watch_at is None
    row = picturing.round_rows(outages.get("Q1").outage)[-1]
    assert (row["sent"], row["waiting"], row["total"]) == (29, 0, 30)
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


def settled(desk: Desk, head: Head, gateway: Fake, *, minutes: float) -> notifying.Tally:
    """Tell the newest round and note what became of it."""
    tell(desk, head, gateway, minutes=minutes)
    return notifying.reconcile(desk, head, newest(head), at=NOON + minutes * MINUTE)


def handed(
    desk: Desk, source: Head, target: Head, *, minutes: float, reach: Reach | None = None
) -> tuple[Head, Head]:
    made = moves.transfer(
        source.outage, target.outage, act(minutes), reach=reach, rules=desk.rules(COUNTY)
    )
    heads = outages.commit(*map(Change, (source, target), made))
    return heads[0], heads[1]


def numbers(houses: list[Household], *loads: str) -> set[str]:
    return {each.phones[0].number for each in houses if each.load_id in loads}


def part(*loads: str) -> Reach:
    return Reach.of({AREA: loads}, dict.fromkeys(loads, 2))


def test_who_is_handed_to_another_outage_is_told_by_that_one_alone(desk: Desk):
    """Done 6: a transfer during a fan-out; each household in one outage, told accordingly."""
    houses = a_village(10)
    gateway = Fake()
    one = dark(desk, reach=part("X0", "X1"))
    two = dark(desk, reach=part("X2"), outage_id="Q2", others=[one.outage])
    old = notifying.expand(desk, one, newest(one), at=NOON)
    tell(desk, one, gateway)
    told = len(gateway.sent)

    one, two = handed(desk, one, two, minutes=2, reach=part("X1"))
    tell(desk, one, gateway, minutes=2, shards=old)
    tell(desk, two, gateway, minutes=2)

    assert told == len(gateway.sent) == 4, "who knows it already hears nothing new of it"
    assert {text.to.number for text in gateway.sent} == numbers(houses, "X0", "X1")

    two = etr(desk, two, hours=1, minutes=3)
    tell(desk, two, gateway, minutes=3)
    assert {text.to.number for text in gateway.sent[4:]} == numbers(houses, "X1", "X2")

    one, two = back(desk, one, minutes=20), back(desk, two, minutes=30)
    tell(desk, one, gateway, minutes=20)
    tell(desk, two, gateway, minutes=30)
    assert [text.to.number for text in gateway.sent[8:10]] == sorted(numbers(houses, "X0"))
    assert {text.to.number for text in gateway.sent[10:]} == numbers(houses, "X1", "X2")
    assert not any("有误" in text.body for text in gateway.sent)


def test_who_was_told_before_the_whole_outage_was_absorbed_hears_of_the_end(desk: Desk):
    houses = a_village(10)
    gateway = Fake()
    child = dark(desk, reach=part("X0"))
    tell(desk, child, gateway)
    parent = dark(desk, reach=part("X1"), outage_id="Q2", others=[child.outage], at=NOON + MINUTE)
    child, parent = handed(desk, child, parent, minutes=2)
    tell(desk, child, gateway, minutes=2)

    parent = back(desk, parent, minutes=9)
    tell(desk, parent, gateway, minutes=9)

    assert [("恢复供电。若" in text.body) for text in gateway.sent] == [False, False, True, True]
    assert {text.to.number for text in gateway.sent} == numbers(houses, "X0")


def test_who_lies_under_a_fault_of_their_own_hears_nothing_of_the_upper_ones_end(desk: Desk):
    houses = a_village(10)
    gateway = Fake()
    lower = dark(desk, reach=part("X0"))
    upper = dark(desk, reach=part("X0", "X1"), outage_id="Q2", others=[lower.outage])
    made = moves.nest(upper.outage, lower.outage, act(1), rules=desk.rules(COUNTY))
    upper, lower = outages.commit(*map(Change, (upper, lower), made))
    tell(desk, lower, gateway, minutes=1)
    tell(desk, upper, gateway, minutes=1)
    first = len(gateway.sent)

    upper = back(desk, upper, minutes=20)
    tell(desk, upper, gateway, minutes=20)

    assert first == 4
    assert {text.to.number for text in gateway.sent[first:]} == numbers(houses, "X1")


def test_partial_restoration_tells_each_part_its_own_and_settles_each_round(desk: Desk):
    houses = a_village(10)
    gateway = Fake()
    head = dark(desk, reach=part("X0", "X1"))
    settled(desk, head, gateway, minutes=0)

    head = back(desk, outages.get("Q1"), minutes=20, reach=part("X0"))
    half = settled(desk, head, gateway, minutes=20)
    head = back(desk, outages.get("Q1"), minutes=40)
    whole = settled(desk, head, gateway, minutes=40)

    assert dict(half.counts) == dict(whole.counts) == {"sent": 2}
    assert {text.to.number for text in gateway.sent[4:6]} == numbers(houses, "X0")
    assert {text.to.number for text in gateway.sent[6:]} == numbers(houses, "X1")
    seconds = [each.end_to_end for each in figures(outages.get("Q1").outage)]
    assert seconds == [timedelta()] * 3
    told = {each.kind: each.told_at for each in outages.get("Q1").outage.rounds.values()}
    assert told == {"start": NOON, "restored": NOON + 40 * MINUTE}


def test_what_was_settled_stays_as_it_was_noted(desk: Desk):
    a_village(5)
    gateway = Fake()
    head = dark(desk)
    settled(desk, head, gateway, minutes=0)
    version = outages.get("Q1").outage.version

    again = notifying.reconcile(desk, outages.get("Q1"), newest(head), at=NOON + 60 * MINUTE)

    assert (dict(again.counts), again.is_final, again.told_at) == ({"sent": 5}, True, NOON)
    assert outages.get("Q1").outage.version == version
    assert notifying.expand(desk, outages.get("Q1"), newest(head), at=NOON) == []


def test_a_receipt_that_comes_later_moves_no_clock(desk: Desk):
    a_village(1)
    head, gateway = dark(desk), Fake()
    tell(desk, head, gateway)
    _, outage_id, key, seq = gateway.sent[0].effect_id.split(".")

    assert notices.receipt(outage_id, key, int(seq), Status.DELIVERED)
    done = notifying.reconcile(desk, head, newest(head), at=NOON + 30 * MINUTE)

    assert (dict(done.counts), done.told_at) == ({"delivered": 1}, NOON)


def test_a_household_is_as_well_off_as_its_best_informed_telephone(desk: Desk):
    (house,) = a_village(1)
    two = replace(house, phones=(*house.phones, Phone("+8616900008888"), house.phones[0]))
    customers.put_households(customers.compare_households(COUNTY, [two]))
    head, gateway = dark(desk), Fake(NumberRejected("no", gateway="g"), None)

    tell(desk, head, gateway)

    found = notifying.tally(desk, head, newest(head), at=NOON)
    assert (len(gateway.sent), dict(found.counts)) == (1, {"sent": 1})
    (line,) = deliveries.calls(COUNTY, limit=9).items
    assert (line.order_id, line.reason) == ("outage/Q1", "rejected")


def test_a_claim_left_behind_is_not_forgotten_when_another_round_took_it_over(desk: Desk):
    """A worker dies with a household of one round in hand, the next with it under a newer one."""
    a_village(10)
    gateway = Fake(Killed())
    head = dark(desk, reach=part("X0", "X1"))
    shards = notifying.expand(desk, head, newest(head), at=NOON)
    with pytest.raises(Killed):
        tell(desk, head, gateway, shards=shards)
    later = back(desk, head, minutes=3, reach=part("X1"))
    gateway.failures = [Killed()]
    with pytest.raises(Killed):
        tell(desk, later, gateway, minutes=3, shards=shards)

    found = notifying.tally(desk, later, newest(head), at=NOON + 9 * MINUTE)
    assert found.missing == 2
    tell(desk, later, gateway, minutes=9, shards=found.shards)
    found = notifying.tally(desk, later, newest(head), at=NOON + 9 * MINUTE)
    assert dict(found.counts) == {"sent": 2, "superseded": 2}


def test_a_newer_word_asks_again_for_a_telephone_that_an_older_one_has_in_hand(desk: Desk):
    a_village(3)
    older = dark(desk)
    old = notifying.expand(desk, older, newest(older), at=NOON)
    newer = etr(desk, older, hours=2, minutes=1)
    met: list[notifying.Shown] = []
    gateway = Meanwhile(lambda: met.extend(tell(desk, newer, gateway, minutes=1)))

    tell(desk, older, gateway, shards=old)

    assert [len(shown.left) for shown in met] == [1]
    assert met[0].wait == notifying.SOON
    tell(desk, newer, gateway, minutes=1.1)
    last = {text.to.number: text.body for text in gateway.sent}
    assert len(last) == 3
    assert all("预计14:15前恢复" in body for body in last.values())


class Meanwhile(Fake):
    """A gateway that does something else while it has the first text."""

    def __init__(self, do: Callable[[], None]) -> None:
        super().__init__()
        self.do: Callable[[], None] | None = do

    def send(self, text: Text, *, at: datetime) -> Receipt:
        do, self.do = self.do, None
        if do is not None:
            do()
        return super().send(text, at=at)


def test_at_night_the_vulnerable_hear_at_once_and_the_rest_may_sleep(desk: Desk):
    """Quiet hours hold the rest; what they hold is above the five minutes."""
    a_village(10)
    gateway = Fake()
    night = NOON + timedelta(hours=10)  # 22:15
    head = dark(the_desk(night), at=night)
    minutes = 600.0

    tell(desk, head, gateway, minutes=minutes)
    found = notifying.reconcile(desk, head, newest(head), at=night)

    assert len(gateway.sent) == 2
    assert (found.held, dict(found.counts)) == (8, {"sent": 2})
    assert found.told_at == night
    assert found.later is not None
    wait = (found.later - NOON) / MINUTE
    head = outages.get("Q1")
    tell(desk, head, gateway, minutes=wait)
    done = notifying.reconcile(desk, head, newest(head), at=NOON + wait * MINUTE)
    assert dict(done.counts) == {"sent": 10}


def test_who_opted_out_hears_of_it_once_and_no_repeat(desk: Desk):
    houses = [replace(each, opted_out_at=NOON - timedelta(days=9)) for each in a_village(8)]
    customers.put_households(customers.compare_households(COUNTY, houses))
    gateway = Fake()
    head = dark(desk)
    tell(desk, head, gateway)
    assert len(gateway.sent) == 8

    head = etr(desk, head, hours=2, minutes=5)
    found = settled(desk, head, gateway, minutes=5)

    assert dict(found.counts) == {"opted_out": 7, "sent": 1}, "a machine's word is for safety"
    head = back(desk, outages.get("Q1"), minutes=50)
    assert dict(settled(desk, head, gateway, minutes=50).counts) == {"opted_out": 8}


def test_who_opts_out_while_a_round_is_on_its_way_is_asked_when_the_text_would_go(desk: Desk):
    houses = a_village(8)
    head, gateway = dark(desk), Fake()
    tell(desk, head, gateway)
    head = etr(desk, head, hours=2, minutes=5)
    shards = notifying.expand(desk, head, newest(head), at=NOON + 5 * MINUTE)
    away = replace(houses[0], opted_out_at=NOON + 5 * MINUTE)
    customers.put_households(customers.compare_households(COUNTY, [away, *houses[1:]]))

    tell(desk, head, gateway, minutes=6, shards=shards)

    found = notifying.tally(desk, head, newest(head), at=NOON + 6 * MINUTE)
    assert dict(found.counts) == {"opted_out": 1, "sent": 7}


def test_f74_a_numbers_texts_of_a_day_count_over_all_outages_and_the_last_is_said_to_be_capped(
    desk: Desk,
):
    houses = a_village(10)
    phones = {each.phones[0].number: each.flags for each in houses}
    for number in range(20):
        tell(desk, dark(desk, outage_id=f"Q{number}"), gateway := Fake(), minutes=11 * number)
        assert len(gateway.sent) == 10

    at, last = NOON + 220 * MINUTE, Fake()
    head = dark(desk, outage_id="Q-last", at=at)
    tell(desk, head, last, minutes=220)
    found = notifying.reconcile(desk, head, newest(head), at=at)

    assert (dict(found.counts), found.is_final) == ({"capped": 9, "sent": 1}, True)
    assert [phones[text.to.number] for text in last.sent] == [{"life_support"}]
    assert [line.reason for line in deliveries.calls(COUNTY, limit=9).items] == ["capped"], "key"
    rows, _ = picturing.households(desk, head, group="all", limit=20, after=None)
    assert sorted(row["state"] for row in rows) == ["capped"] * 9 + ["sent"]


def test_f74_an_eleventh_text_within_ten_minutes_waits_though_it_is_of_another_outage(desk: Desk):
    a_village(3)
    for number in range(10):
        tell(desk, dark(desk, outage_id=f"Q{number}"), Fake(), minutes=1.1 * number / 2)

    head, gateway = dark(desk, outage_id="Q-last", at=NOON + 7 * MINUTE), Fake()
    (shown,) = tell(desk, head, gateway, minutes=7)

    assert (len(gateway.sent), shown.counts["held"]) == (0, 3)
    assert shown.later == NOON + 10 * MINUTE
    tell(desk, head, gateway, minutes=10)
    assert len(gateway.sent) == 3


def test_who_depends_on_a_machine_and_has_no_mobile_is_called(desk: Desk):
    (house,) = a_village(1)
    needy = replace(house, flags=frozenset({"life_support"}), phones=(Phone("+8631186012345"),))
    customers.put_households(customers.compare_households(COUNTY, [needy]))
    head = dark(desk)

    for minutes in (0, 1):
        tell(desk, head, Fake(), minutes=minutes)

    (line,) = deliveries.calls(COUNTY, limit=9).items
    assert (line.effect_id, line.reason) == ("1.notice.account/130000", "no-phone")
    found = notifying.reconcile(desk, head, newest(head), at=NOON + MINUTE)
    assert (dict(found.counts), found.told_at) == ({"no_phone": 1}, None)


def test_a_refusal_of_our_account_alarms_once_a_shard(
    desk: Desk, capsys: pytest.CaptureFixture[str]
):
    a_village(5)
    head, gateway = dark(desk), Fake(GatewayRefused("spend-limit", gateway="g"))

    (shown,) = tell(desk, head, gateway)

    assert (len(shown.left), shown.wait, len(gateway.sent)) == (5, LATER, 0)
    assert capsys.readouterr().out.count("gateway.refused") == 1


@pytest.mark.parametrize("fault", [NOT_SENT, THROTTLED], ids=["silent", "throttled"])
def test_a_silent_store_leaves_the_rest_of_the_shard_for_later(
    desk: Desk, store: House, fault: Fault
):
    a_village(5)
    head, gateway = dark(desk), Fake()
    with Faults(store.connection.client) as faults:
        faults.on("UpdateItem", fault)
        (shown,) = tell(desk, head, gateway)

    assert len(gateway.sent) == len(shown.unsettled) == 1, "one is out whose settling nobody took"
    assert (len(shown.left), shown.wait) == (4, notifying.SOON)


def test_a_drill_is_told_to_nobody(desk: Desk):
    a_village(5)
    head = dark(desk)
    drill = replace(head, outage=replace(head.outage, training=True))
    gateway = Fake()

    assert notifying.expand(desk, drill, newest(head), at=NOON) == []
    tell(desk, drill, gateway, shards=notifying.expand(desk, head, newest(head), at=NOON))
    assert gateway.sent == []


def test_where_no_place_is_known_the_office_stands_for_it(desk: Desk):
    a_village(1)
    house = replace(customers.households_of(AREA)[0], transformer_id="T-99")
    customers.put_households(customers.compare_households(None, [house]))
    head = dark(desk, reach=Reach.of({"T-99": "all"}, {"T-99": 1}))
    gateway = Fake()

    tell(desk, head, gateway)

    assert "S1供电" in gateway.sent[0].body
    assert "T-99" not in gateway.sent[0].body
