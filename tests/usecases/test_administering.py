"""What a new calendar moves, and what the seals know that the chains do not."""

import base64
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from chalicelib.domain.calendar import Calendar, YearTable
from chalicelib.domain.order import Actor
from chalicelib.outbound.seals import DiskSeals, public_key_of
from chalicelib.store import ledger, orders
from chalicelib.usecases import (
    administering,
    delivering,
    handling,
    sealing,
    switching,
    verifying,
)
from infra.verify import verify
from tests.usecases.county import COUNTY, MINUTE, NOON, a_command, a_report, file
from tests.usecases.network import a_grid
from tests.usecases.test_outages import SWITCH, create

KEY = base64.b64encode(b"k" * 32).decode()
HOUR = timedelta(hours=1)
TODAY = date(2026, 11, 23)


# Calendars ----------------------------------------------------------------------------------------


def a_week_off():
    """The year 2026 with the working days after that of the test off."""
    table = Calendar.shipped().table(2026)
    days = {date(2026, 11, day): "抢险" for day in range(24, 31)}
    return YearTable(2026, {**table.holidays, **days}, table.make_up_days, "省公司通知")


def a_complaint(desk):
    """A complaint of which the next thing due is counted in working days."""
    number = file(desk, a_report("complaint")).head.order.order_id
    contact = {"by": "phone", "note": "已联系"}
    for minutes, (move, answers) in enumerate(
        (("dispatch", {"office": "S1"}), ("receive", {}), ("contact", contact)), start=1
    ):
        command = a_command(move, at=NOON + minutes * MINUTE, answers=answers)
        handling.move(desk, number, command)
    return number


def replan(desk, *, apply, is_out_of_time=lambda: False):
    return administering.replan(
        administering.with_year(desk, a_week_off()),
        [COUNTY],
        apply=apply,
        is_out_of_time=is_out_of_time,
        at=NOON + HOUR,
    )


def test_a_preview_says_what_moves_and_changes_nothing(desk):
    number = a_complaint(desk)
    was = orders.get(number)

    moved = replan(desk, apply=False)

    assert (moved.count, moved.done) == (1, True)
    ((found, before, after),) = moved.moves
    assert (found, before) == (number, was.order.next_due_at)
    assert after > before
    assert orders.get(number) == was


def test_what_was_previewed_is_what_is_done_and_only_once(desk):
    number = a_complaint(desk)
    previewed = replan(desk, apply=False)

    applied, again = replan(desk, apply=True), replan(desk, apply=True)

    assert applied == previewed
    assert again.count == 0
    assert orders.get(number).order.next_due_at == applied.moves[0][2]
    assert [event.name for event in ledger.read(number)][-1] == "replanned"


def test_planning_that_ran_out_of_time_says_that_it_is_not_done(desk):
    a_complaint(desk)
    file(desk, a_report("complaint"), key="k2")
    for move, answers in (
        ("dispatch", {"office": "S1"}), ("receive", {}), ("contact", {"by": "phone", "note": "好"}),
    ):  # fmt: skip
        number = file(desk, a_report("complaint"), key="k2").head.order.order_id
        handling.move(desk, number, a_command(move, at=NOON + MINUTE, answers=answers))

    first = replan(desk, apply=False, is_out_of_time=lambda: True)
    assert (first.count, first.done) == (1, False)
    assert replan(desk, apply=False).count == 2


# Seals --------------------------------------------------------------------------------------------


@pytest.fixture
def port(tmp_path: Path) -> DiskSeals:
    return DiskSeals(tmp_path)


def sealed(desk, port):
    """An order of yesterday's noon in its books, its hour sealed."""
    number = file(desk).head.order.order_id
    events = list(ledger.read(number))
    for event in events:
        delivering.enter_daybook(event, TODAY)
    sealing.stage(events, at=NOON)
    sealing.seal_up_to(port, private_key=KEY, at=NOON + HOUR)
    return number


def days(
    port, *, public_key=None, after=None, is_out_of_time=lambda: False, knows=lambda _kind: True
):
    return verifying.days(
        COUNTY,
        TODAY,
        TODAY,
        port=port,
        public_key=public_key_of(KEY) if public_key is None else public_key,
        after=after,
        is_out_of_time=is_out_of_time,
        at=NOON + 3 * HOUR,
        knows=knows,
    )


def test_a_day_that_is_whole_verifies_with_its_seals(desk, port):
    sealed(desk, port)
    found = days(port)
    assert (found.orders, found.events, found.hours, found.bad) == (1, 1, 1, [])
    assert len(found.unsealed) == 14  # 00:00 to 15:00 in China, but for the one hour
    assert found.cursor is None


NIGHT = NOON + 16 * HOUR  # 04:15 on the day after


def nightly(port, counties=(COUNTY,), *, public_key=None, is_out_of_time=lambda: False):
    return verifying.nightly(
        counties,
        port=port,
        public_key=public_key_of(KEY) if public_key is None else public_key,
        is_out_of_time=is_out_of_time,
        at=NIGHT,
    )


def test_each_night_the_day_before_is_verified_orders_and_seals(desk, store, port, capsys):
    number = sealed(desk, port)
    night = nightly(port)
    assert (night.orders, night.bad, night.left) == (1, 0, [])
    assert (night.hours, night.unsealed) == (1, 23)
    assert nightly(port, public_key="").hours == 0

    capsys.readouterr()
    store.connection.client.delete_item(
        TableName=f"{store.prefix}-orders", Key={"order_id": {"S": number}}
    )
    assert nightly(port).bad == 1
    said = capsys.readouterr().out
    assert '"ledger.broken"' in said
    assert "head-missing" in said


def test_a_night_without_time_says_which_counties_are_left_and_begins_elsewhere_the_next(
    desk, port, capsys
):
    sealed(desk, port)
    night = nightly(port, ("X0", COUNTY), public_key="", is_out_of_time=lambda: True)

    assert sorted(night.left) == sorted(["X0", COUNTY])
    assert '"ledger.unverified"' in capsys.readouterr().out
    firsts = {
        verifying.nightly(
            ("X0", COUNTY), port=port, public_key="", is_out_of_time=lambda: True,
            at=NIGHT + nights * 24 * HOUR,
        ).left[0]
        for nights in (0, 1)
    }  # fmt: skip
    assert firsts == {"X0", COUNTY}


def test_an_order_that_was_taken_away_with_its_head_shows_by_the_seal(desk, store, port):
    number = sealed(desk, port)
    client = store.connection.client
    ledger_key = {"aggregate": {"S": f"order/{number}"}, "seq": {"N": "1"}}
    client.delete_item(TableName=f"{store.prefix}-ledger", Key=ledger_key)
    client.delete_item(TableName=f"{store.prefix}-orders", Key={"order_id": {"S": number}})

    found = days(port)

    assert found.bad == [(number, 1, "head-missing"), (number, 1, "missing")]


def kept_from(*kinds: str) -> Callable[[str], bool]:
    return lambda kind: kind not in {*kinds, ""}


def a_sealed_report(desk, port):
    """A report of misconduct in its books, its hour sealed, beside an order of another kind."""
    number = file(desk, a_report("misconduct_report"), key="secret").head.order.order_id
    (event,) = ledger.read(number)
    delivering.enter_daybook(event, TODAY)
    sealing.stage([event], at=NOON)
    sealed(desk, port)
    return number


def test_s1_26_who_may_not_know_of_a_report_is_not_told_of_it_sound_or_broken(desk, store, port):
    number = a_sealed_report(desk, port)
    knows = kept_from("misconduct_report")
    whole = days(port, knows=knows)
    assert (whole.orders, whole.events, whole.bad, whole.elsewhere) == (1, 1, [], 0)
    assert (days(port).orders, days(port).events) == (2, 2)

    client = store.connection.client
    first = {"aggregate": {"S": f"order/{number}"}, "seq": {"N": "1"}}
    client.update_item(
        TableName=f"{store.prefix}-ledger",
        Key=first,
        UpdateExpression="SET #h = :h",
        ExpressionAttributeNames={"#h": "hash"},
        ExpressionAttributeValues={":h": {"S": "0" * 64}},
    )
    assert {bad[0] for bad in days(port).bad} == {number}
    hidden = days(port, knows=knows)
    assert (hidden.orders, hidden.bad, hidden.elsewhere) == (1, [], 2)

    client.delete_item(TableName=f"{store.prefix}-orders", Key={"order_id": {"S": number}})
    assert days(port, knows=knows).bad == []
    client.delete_item(TableName=f"{store.prefix}-ledger", Key=first)
    assert days(port, knows=knows).bad == []
    assert days(port).bad == [(number, 1, "head-missing"), (number, 1, "missing")]


def an_outage_with_its_chains(desk):
    """An outage, and a switching in the same county's grid."""
    a_grid()
    head = create(desk, SWITCH)
    what = switching.Switching(opened=("F1-CB",), closed=(), reason="maintenance", at=NOON)
    switching.switch(what, by=Actor("dispatcher", "u1", COUNTY), may=lambda _county: True, at=NOON)
    return head.outage.outage_id


def test_chains_of_outages_and_of_the_grid_are_verified_with_the_day(desk, store, port):
    sealed(desk, port)
    outage_id = an_outage_with_its_chains(desk)
    whole = days(port)
    assert (whole.orders, whole.chains, whole.bad) == (1, 2, [])

    for aggregate in (f"grid/{COUNTY}", f"outage/{outage_id}"):
        rewrite(store, aggregate, 1)
    assert days(port).bad == [(f"grid/{COUNTY}", 1, "edited"), (f"outage/{outage_id}", 1, "edited")]


def test_chains_are_verified_in_parts_where_time_is_short(desk, port):
    sealed(desk, port)
    an_outage_with_its_chains(desk)
    seen, after = [], None
    while after is None or after.startswith(("orders", "chains")):
        found = days(port, after=after, is_out_of_time=lambda: True)
        seen.append(found.chains)
        after = found.cursor
    assert sum(seen) == 2
    assert max(seen) == 1


def rewrite(store, aggregate, seq):
    store.connection.client.update_item(
        TableName=f"{store.prefix}-ledger",
        Key={"aggregate": {"S": aggregate}, "seq": {"N": str(seq)}},
        UpdateExpression="SET #h = :h",
        ExpressionAttributeNames={"#h": "hash"},
        ExpressionAttributeValues={":h": {"S": "0" * 64}},
    )


def test_a_seal_that_is_not_ours_is_named(desk, port):
    sealed(desk, port)
    found = days(port, public_key=public_key_of(base64.b64encode(b"x" * 32).decode()))
    assert found.bad == [("seal", 0, "other-key")]


def test_without_a_key_no_seal_is_said_to_be_checked(desk, port):
    sealed(desk, port)
    found = days(port, public_key="")
    assert (found.hours, found.unsealed, found.orders) == (0, [], 1)


def test_a_walk_that_ran_out_of_time_goes_on_where_it_stopped(desk, port):
    sealed(desk, port)
    first = days(port, is_out_of_time=lambda: True)
    assert (first.orders, first.hours) == (1, 0)
    assert first.cursor is not None
    second = days(port, after=first.cursor)
    assert (second.orders, second.hours, second.cursor) == (0, 1, None)


def test_the_seals_of_a_day_are_read(desk, port):
    sealed(desk, port)
    (row,) = verifying.seals_of(port, TODAY, public_key=public_key_of(KEY), at=NOON + 3 * HOUR)
    assert (row["events"], row["ok"], row["why"]) == (1, True, "")
    (unread,) = verifying.seals_of(port, TODAY, public_key="", at=NOON + 3 * HOUR)
    assert (unread["ok"], unread["why"]) == (None, "no-key")


# From outside -------------------------------------------------------------------------------------


def test_a_ledger_is_verified_from_outside_over_any_span(desk, store, port):
    number = sealed(desk, port)
    first, last = TODAY - timedelta(days=100), TODAY + timedelta(days=1)
    key = public_key_of(KEY)

    whole = verify(COUNTY, first, last, port=port, public_key=key, at=NOON + 3 * HOUR)
    row = {"aggregate": {"S": f"order/{number}"}, "seq": {"N": "1"}}
    store.connection.client.delete_item(TableName=f"{store.prefix}-ledger", Key=row)
    cut = verify(COUNTY, first, last, port=port, public_key=key, at=NOON + 3 * HOUR)

    assert (whole.orders, whole.events, whole.hours, whole.bad) == (1, 1, 1, [])
    assert {why for _, _, why in cut.bad} == {"missing"}
