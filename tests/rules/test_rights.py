"""Each function does its work within its own policy, and no further."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.domain.calendar import local_day
from chalicelib.domain.clocks import instant
from chalicelib.outbound.objects import Disk
from chalicelib.outbound.seals import DiskSeals
from chalicelib.outbound.sms import NumberRejected
from chalicelib.store import (
    daybook,
    deliveries,
    heads,
    issues,
    ledger,
    orders,
    outages,
    papers,
    traces,
)
from chalicelib.store.deliveries import Status
from chalicelib.store.rows import LedgerRow, OrderRow
from chalicelib.usecases import (
    delivering,
    forgetting,
    handling,
    locating,
    pursuing,
    responding,
    rounds,
    sealing,
    spotting,
    verifying,
    watching,
)
from chalicelib.usecases import papers as journeys
from chalicelib.usecases.delivering import Ports
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.locating import Reported
from chalicelib.usecases.responding import Ways
from tests.rules.rights import NotPermittedError, held_to
from tests.usecases.county import (
    COUNTY,
    LINE,
    MINUTE,
    NOON,
    a_command,
    a_county,
    a_report,
    file,
    ports,
    the_desk,
    work,
)
from tests.usecases.network import a_grid, account
from tests.usecases.test_forgetting import keep_a_film, terminated
from tests.usecases.test_outages import create

KEY = base64.b64encode(bytes(32)).decode()
HOUR = timedelta(hours=1)


@pytest.fixture
def desk(store) -> Desk:
    assert store
    return a_county()


@contextmanager
def works_as(function: str, *, at: datetime) -> Iterator[Desk]:
    """Do what follows as a function: the registry read anew, the policy obeyed."""
    with held_to(function) as held:
        yield the_desk(at)
    assert held.done, f"{function} has touched nothing"


def an_order(desk: Desk) -> str:
    return file(desk).head.order.order_id


def every_effect(desk: Desk, order_id: str) -> list[tuple[str, int, str]]:
    return delivering.spread(desk, ledger.read(order_id))


class Rejecting:
    """A gateway that knows no number."""

    def send(self, text, *, at):
        assert text
        assert at
        raise NumberRejected("no-such-number", gateway="rejecting")


def test_sweep_fires_looks_back_and_parks_within_its_policy(desk: Desk):
    order_id = an_order(desk)
    late = NOON + 2 * HOUR
    queued: list[tuple[str, int, str]] = []

    with works_as("sweep", at=late + 30 * MINUTE) as own:
        swept = watching.sweep(
            lambda: own,
            at=late,
            counties=[COUNTY],
            enqueue=queued.extend,
            is_out_of_time=lambda: False,
        )
        heads.park(order_id, was=late, until=late + HOUR)

    assert swept.fired == swept.looked == 1
    assert queued


def test_outages_are_swept_and_their_effects_made_within_the_policies(desk: Desk, tmp_path: Path):
    file(desk, a_report(place="T-03", answers={"symptom": "no_power"}))
    a_grid()
    head = create(desk, "F1-SW1")
    chain, late = f"outage/{head.outage.outage_id}", NOON + 7 * MINUTE
    queued: list[tuple[str, int, str]] = []
    with works_as("sweep", at=late) as own:
        swept = watching.sweep(
            lambda: own,
            at=late,
            counties=[COUNTY],
            enqueue=queued.extend,
            is_out_of_time=lambda: False,
        )
    assert (swept.parked, swept.fired > 0, bool(queued)) == (0, True, True)

    with works_as("send", at=late) as own:
        ways = Ways(ports(tmp_path), _begin, _begin)
        for _, seq, effect_id in delivering.spread(own, ledger.read(chain)):
            responding.carry_out(own, ways, head.outage.outage_id, seq, effect_id, at=late)
    kept = outages.get(head.outage.outage_id).outage
    assert kept.order_id
    assert len(kept.children) == 1


def test_a_map_that_waits_is_armed_swept_and_weighed_within_the_policies(desk: Desk):
    assert desk.snapshot.counties == (COUNTY,)
    a_grid()
    calls = [
        Reported("call", "account", account("T-03", 1, number), f"95598-{number}", 1, NOON)
        for number in (1, 2)
    ]
    with works_as("api_handler", at=NOON) as own:
        assert locating.take(own, calls, office_id=COUNTY, by="k1", at=NOON).outages == []
    later = NOON + 6 * MINUTE
    queued: list[tuple[str, int, str]] = []
    with works_as("sweep", at=later) as own:
        watching.sweep(
            lambda: own,
            at=later,
            counties=[COUNTY],
            enqueue=queued.extend,
            is_out_of_time=lambda: False,
        )
    ((waiting, until, _),) = queued
    with works_as("send", at=later) as own:
        moved = locating.look_at(own, waiting, was=instant(until), at=later)

    assert len(moved) == 1
    assert orders.due(outages.ARMED, before=NOON + HOUR, limit=9)[0].order_id != waiting


def _begin(desk: Desk, head: outages.Head, round_id: str, at: datetime) -> None:
    """Begin a round and tell its first households."""
    waiting: list[rounds.Post] = []
    rounds.start_round(desk, head, round_id, enqueue=waiting.extend, at=at)
    assert waiting


def test_watchdog_finds_the_oldest_within_its_policy(desk: Desk):
    an_order(desk)

    with works_as("watchdog", at=NOON + 2 * HOUR) as own:
        late = watching.oldest_due(own.snapshot.counties, at=NOON + 2 * HOUR)

    assert late > timedelta()


def test_deliver_stages_spreads_and_takes_notes_within_its_policy(desk: Desk):
    order_id = an_order(desk)
    (event,) = ledger.read(order_id)
    complained = ledger.event(f"issue/{terminated(desk)}", 1)

    with works_as("deliver", at=NOON + HOUR) as own:
        delivering.enter_daybook(event, NOON.date())
        forgetting.remember_to_forget(own, event)
        forgetting.remember_to_forget(own, complained)
        sealing.stage([event], at=NOON)
        effects = delivering.spread(own, [event])

    assert effects
    assert daybook.lines(COUNTY, NOON.date(), NOON.date(), limit=10).items


def test_send_texts_and_follows_within_its_policy(desk: Desk, tmp_path: Path):
    parent = an_order(desk)
    child = file(desk, key="another").head.order.order_id
    handling.merge(desk, child, a_command("merge", at=NOON, answers={"parent": parent}))
    work(desk, parent, *LINE, "visit_satisfied", "archive")
    effects = every_effect(desk, parent)
    later = NOON + 20 * MINUTE

    with works_as("send", at=later) as own:
        for effect in effects:
            delivering.carry_out(own, ports(tmp_path), *effect, at=later)

    assert orders.get(child).order.closed_at is not None
    assert Status.SENT in {entry.status for entry in deliveries.list_for(parent)}


def test_send_brings_complaints_to_the_ledger_within_its_policy(desk: Desk, tmp_path: Path):
    first = file(desk, a_report("complaint"), key="first").head.order.order_id
    again = file(desk, a_report("complaint", channel="12398"), key="again").head.order.order_id
    out = ports(tmp_path)

    with works_as("send", at=NOON + MINUTE) as own:
        for number in (first, again):
            delivering.carry_out(own, out, number, 1, "1.ledger.issue", at=NOON + MINUTE)
        issue_id = traces.issue_of(first)
        for _, seq, effect in every_effect(desk, f"issue/{issue_id}"):
            pursuing.carry_out(own, out, issue_id, seq, effect, at=NOON + MINUTE)

    assert issues.get(issue_id).issue.orders.keys() >= {first}


def test_send_puts_a_number_that_fails_on_the_call_list_within_its_policy(desk: Desk):
    order_id = an_order(desk)
    out = Ports(Rejecting(), "清河供电", "gd.qinghe.cn", by="test")

    with works_as("send", at=NOON + MINUTE) as own:
        outcome = delivering.carry_out(own, out, order_id, 1, "1.text.accepted", at=NOON + MINUTE)

    assert outcome is Status.FAILED


def test_seal_seals_within_its_policy(desk: Desk, tmp_path: Path):
    sealing.stage(ledger.read(an_order(desk)), at=NOON)

    with held_to("seal") as held:
        made = sealing.seal_up_to(DiskSeals(tmp_path), private_key=KEY, at=NOON + HOUR)

    assert [len(seal.digests) for seal in made] == [1]
    assert held.done == {("dynamodb:Query", "deliveries")}


def test_forget_forgets_within_its_policy(desk: Desk, tmp_path: Path):
    order_id = an_order(desk)
    forgetting.remember_to_forget(desk, ledger.event(order_id, 1))
    head = work(desk, order_id, *LINE, "visit_satisfied", "archive")
    files = Disk(tmp_path, secret=b"a secret for files, 32 bytes long!")
    at = forgetting.term(desk, head.order, NOON) + timedelta(days=2)
    keep_a_film(tmp_path, f"issue/{terminated(desk)}")

    with works_as("forget", at=at) as own:
        gone = 0
        for night in range(40):
            done = forgetting.forget(
                own, files, at=at + timedelta(days=night), is_out_of_time=lambda: False
            )
            gone += done.orders
        years_later = NOON.replace(year=NOON.year + 3) + timedelta(days=2)
        ledgers = forgetting.forget(own, files, at=years_later, is_out_of_time=lambda: False)

    assert (gone, ledgers.orders) == (1, 1)


def test_the_night_s_verification_reads_within_its_policy_and_writes_nothing(
    desk: Desk, tmp_path: Path
):
    event = ledger.event(an_order(desk), 1)
    delivering.enter_daybook(event, local_day(NOON))
    a_grid()
    create(desk, "F1-SW1")
    with works_as("verify", at=NOON + 16 * HOUR) as own:
        night = verifying.nightly(
            own.snapshot.counties,
            port=DiskSeals(tmp_path),
            public_key="",
            is_out_of_time=lambda: False,
            at=NOON + 16 * HOUR,
        )
    assert (night.orders, night.chains >= 1, night.bad, night.left) == (1, True, 0, [])


def test_papers_are_found_swept_and_told_within_the_policies(desk: Desk, tmp_path: Path):
    month_before = NOON - timedelta(days=30)
    for number in range(3):
        at = month_before + number * HOUR
        filed = file(desk, a_report("complaint", occurred_at=at), key=f"c{number}", at=at)
        delivering.enter_daybook(ledger.event(filed.head.order.order_id, 1), local_day(at))
    with works_as("spot", at=NOON) as own:
        hourly = spotting.hourly(own, at=NOON, is_out_of_time=lambda: False)
        daily = spotting.daily(own, at=NOON, is_out_of_time=lambda: False)
    assert (hourly.refused, daily.refused) == (0, 0)
    assert {"circular", "quality_check"} <= set(daily.opened)

    late = NOON + 60 * 24 * HOUR
    queued: list[tuple[str, int, str]] = []
    with works_as("sweep", at=late) as own:
        swept = watching.sweep(
            lambda: own,
            at=late,
            counties=[],
            enqueue=queued.extend,
            is_out_of_time=lambda: False,
        )
    assert (swept.parked, swept.fired > 0) == (0, True)
    (line, *_) = papers.listed(COUNTY, papers.OPEN, kinds=("quality_check",), limit=1).items
    chain = f"paper/{line.paper_id}"
    with works_as("send", at=late) as own:
        for each in delivering.spread(own, ledger.read(chain)):
            done = journeys.carry_out(own, ports(tmp_path), *each, at=late)
            assert done in {Status.SENT, Status.NO_PHONE}


def test_not_even_the_api_can_change_or_remove_a_row_of_the_ledger(desk: Desk):
    order_id = an_order(desk)
    row = LedgerRow.get(ledger.chain(order_id), 1, consistent_read=True)

    with held_to("api_handler"):
        with pytest.raises(NotPermittedError):
            row.delete()
        with pytest.raises(NotPermittedError):
            row.update([LedgerRow.body.set("{}")])
        with pytest.raises(NotPermittedError), LedgerRow.batch_write() as batch:
            batch.save(row)

    assert [event.seq for event in ledger.read(order_id)] == [1]


def test_the_watchdog_can_change_nothing(desk: Desk):
    order_id = an_order(desk)

    with held_to("watchdog"), pytest.raises(NotPermittedError, match="UpdateItem on orders"):
        OrderRow(order_id=order_id).update([OrderRow.version.set(7)])
