"""Each minute: what is due happens once, in order, whatever is killed and however late."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.limits import parse_override
from chalicelib.domain.order import verify_against
from chalicelib.store import deliveries, ledger, orders
from chalicelib.store.rows import OrderRow
from chalicelib.usecases import watching
from tests.store.faults import KILLED_AFTER, KILLED_BEFORE, LOST_REPLY, Faults, Killed
from tests.usecases.county import COUNTY, MINUTE, NOON, a_report, file, work

HOUR_LATE = NOON + timedelta(minutes=100)


def sweep(desk, at, *, is_out_of_time=lambda: False):
    requeued: list[tuple[str, int, str]] = []
    swept = watching.sweep(
        lambda: desk,
        at=at,
        counties=[COUNTY],
        enqueue=requeued.extend,
        is_out_of_time=is_out_of_time,
    )
    return swept, requeued


def rungs(order_id):
    """Return every rung that the chain says was fired, as (clock, rung)."""
    return [
        (clock, rung)
        for event in ledger.read(order_id)
        for clock, rung, *_ in event.data.get("rungs", [])
    ]


def check_chain(order_id):
    verify_against(orders.get(order_id).order, list(ledger.links(order_id)))


EXPECTED = (
    {("dispatch", rung) for rung in ("yellow", "red", "due", "county", "city")}
    | {("arrive", rung) for rung in ("yellow", "red", "due")}
    | {("arrive_legal", "red")}
)


def test_while_nothing_is_due_nothing_of_the_registry_is_opened(desk):
    assert desk.snapshot.counties == (COUNTY,)

    swept = watching.sweep(
        lambda: pytest.fail("the desk was opened"),
        at=NOON,
        counties=[COUNTY],
        enqueue=lambda missing: pytest.fail(str(missing)),
        is_out_of_time=lambda: False,
    )

    assert swept.read == 0


def test_an_hour_late_every_rung_fires_once_and_oldest_first(desk):
    order_id = file(desk).head.order.order_id

    swept, _ = sweep(desk, HOUR_LATE)

    assert swept.fired == 1
    assert set(rungs(order_id)) == EXPECTED
    event = ledger.event(order_id, 2)
    instants = [due for _, _, due, _ in event.data["rungs"]]
    assert instants == sorted(instants)
    check_chain(order_id)


def test_a_sweep_that_runs_twice_changes_nothing_the_second_time(desk):
    order_id = file(desk).head.order.order_id
    sweep(desk, HOUR_LATE)
    version = orders.get(order_id).order.version

    swept, _ = sweep(desk, HOUR_LATE)

    assert swept.fired == 0
    assert orders.get(order_id).order.version == version


def test_minute_by_minute_fires_exactly_what_one_late_sweep_fires(desk):
    order_id = file(desk).head.order.order_id
    for minute in range(1, 101):
        sweep(desk, NOON + minute * MINUTE)

    assert sorted(rungs(order_id)) == sorted(EXPECTED)
    check_chain(order_id)


@pytest.mark.parametrize("fault", [KILLED_BEFORE, KILLED_AFTER, LOST_REPLY])
def test_killed_or_cut_off_at_every_store_call_each_timer_still_fires_once(store, desk, fault):
    for number in range(1, 12):
        order_id = file(desk, key=f"{fault}-{number}").head.order.order_id
        with Faults(store.connection.client) as faults:
            faults.at(number, fault)
            try:
                sweep(desk, HOUR_LATE)
            except Killed:
                faults.heal()
        sweep(desk, HOUR_LATE)

        fired = rungs(order_id)
        assert len(fired) == len(set(fired))
        assert set(fired) == EXPECTED
        check_chain(order_id)


def test_the_oldest_due_goes_first_across_orders(desk):
    older = file(desk, key="a", at=NOON).head.order.order_id
    later = a_report(occurred_at=NOON + MINUTE)
    newer = file(desk, later, key="b", at=NOON + MINUTE).head.order.order_id
    seen = [entry.order_id for entry in orders.due(COUNTY, before=HOUR_LATE, limit=10)]
    assert seen == [older, newer]


def test_a_row_that_cannot_be_advanced_is_parked_and_its_neighbours_go_on(desk):
    broken = file(desk, key="broken").head.order.order_id
    sound = file(desk, key="sound").head.order.order_id
    OrderRow(order_id=broken).update([OrderRow.head.set(b'{"not":"a head"}')])

    swept, _ = sweep(desk, HOUR_LATE)

    assert swept.parked == 1
    assert set(rungs(sound)) == EXPECTED
    later = [entry.order_id for entry in orders.due(COUNTY, before=HOUR_LATE, limit=10)]
    assert broken not in later


def test_the_sweep_stops_when_its_time_is_up_and_the_next_one_goes_on(desk):
    for number in range(4):
        file(desk, key=f"n{number}")
    looks = iter([False, False, True])

    swept, _ = sweep(desk, HOUR_LATE, is_out_of_time=lambda: next(looks))

    assert swept.stopped_early
    assert swept.read == 2
    assert sweep(desk, HOUR_LATE)[0].fired == 2


def test_an_effect_that_never_settled_is_put_back_on_the_queue_by_the_look_back(desk):
    order_id = file(desk).head.order.order_id

    _, requeued = sweep(desk, NOON + 6 * MINUTE)

    assert (order_id, 1, "1.text.accepted") in requeued


def test_an_effect_that_settled_is_not_put_back_and_the_look_back_is_dropped(desk):
    order_id = file(desk).head.order.order_id
    deliveries.settle(order_id, "1.text.accepted", deliveries.Status.SENT, at=NOON)

    _, requeued = sweep(desk, NOON + 6 * MINUTE)

    assert [effect for _, _, effect in requeued] == []
    look = orders.get(order_id).look
    assert look is None or look.from_seq > 1


def test_how_long_the_look_back_waits_is_a_limit_that_a_county_may_set(desk):
    slower = parse_override(
        {"id": "effect.look_back", "amount": 20, "unit": "minute", "effective_from": "2026-01-01",
         "source": "the gateway of this county is slow"}
    )  # fmt: skip
    desk = replace(desk, snapshot=replace(desk.snapshot, overrides=((COUNTY, slower),)))
    order_id = file(desk).head.order.order_id

    assert sweep(desk, NOON + 6 * MINUTE)[1] == []
    assert (order_id, 1, "1.text.accepted") in sweep(desk, NOON + 21 * MINUTE)[1]


def test_an_archived_order_is_armed_by_nothing_once_its_effects_are_settled(desk):
    order_id = file(desk).head.order.order_id
    work(desk, order_id, "dispatch", "receive", "set_out", "arrive", "restore", "reply",
         "approve_reply", "visit_satisfied", "archive")  # fmt: skip
    for event in ledger.read(order_id):
        for name in event.tells:
            effect = f"{event.seq}.text.{name}"
            deliveries.settle(order_id, effect, deliveries.Status.SENT, at=NOON)

    for minute in (10, 20, 30):
        sweep(desk, NOON + minute * MINUTE)

    assert list(orders.due(COUNTY, before=NOON + timedelta(days=99), limit=9)) == []


def test_the_watchdog_sees_the_age_of_the_oldest_due_instant(desk):
    file(desk)
    assert watching.oldest_due([COUNTY], at=NOON) == timedelta(0)
    assert watching.oldest_due([COUNTY], at=NOON + 61 * MINUTE) == 60 * MINUTE
    sweep(desk, NOON + 61 * MINUTE)
    assert watching.oldest_due([COUNTY], at=NOON + 61 * MINUTE) == timedelta(0)
