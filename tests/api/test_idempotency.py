"""One key, one intention: the same body gets the same answer, another body is refused."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.domain.order import Actor
from chalicelib.domain.refusal import IllegalMove
from chalicelib.store import ledger, orders
from chalicelib.usecases import handling, reporting
from tests.api.conftest import COUNTY, STATION, a_report

ORDERS = "/api/v1/public/orders"


def test_a_report_sent_twice_is_filed_once_and_answered_the_same(api):
    key = api.key()

    first = api.post(ORDERS, a_report(), key=key)
    again = api.post(ORDERS, a_report(), key=key)

    assert (first.status, again.status) == (201, 201)
    assert first.body["number"] == again.body["number"]
    assert first.body["token"] == again.body["token"]
    assert len(orders.queue(COUNTY, limit=5).heads) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"phone": "13900139000"},
        {"name": "王小明"},
        {"answers": {"symptom": "other"}},
        {"dangers": ["fire"]},
        {"place": None, "address": "清河县城关镇建设路12号"},
    ],
)
def test_the_same_key_with_another_body_is_refused(api, changed):
    key = api.key()
    api.post(ORDERS, a_report(), key=key)

    refused = api.post(ORDERS, a_report(**changed), key=key)

    assert (refused.status, refused.body["type"]) == (422, "/problems/key-reused")
    assert len(orders.queue(COUNTY, limit=5).heads) == 1


def test_a_move_sent_twice_is_made_once(api):
    number, _ = api.reported()
    key, path = api.key(), f"/api/v1/orders/{number}/moves/dispatch"

    first = api.post(path, {"office": STATION}, as_="dispatcher-1", key=key)
    again = api.post(path, {"office": STATION}, as_="dispatcher-1", key=key)
    other = api.post(path, {"office": COUNTY}, as_="dispatcher-1", key=key)

    assert (first.status, again.status) == (200, 200)
    assert again.body["version"] == 2
    assert other.body["type"] == "/problems/key-reused"
    assert [event.name for event in ledger.read(number)] == ["opened", "dispatch"]


def test_a_key_belongs_to_its_caller(api):
    number, _ = api.reported()
    key, path = api.key(), f"/api/v1/orders/{number}/moves/note"

    api.post(path, {"note": "甲"}, as_="dispatcher-1", key=key)
    other = api.post(path, {"note": "乙"}, as_="agent-1", key=key)

    assert other.status == 200
    assert other.body["version"] == 3


def test_a_move_with_if_match_replayed_is_not_called_stale(api):
    number, _ = api.reported()
    key, path = api.key(), f"/api/v1/orders/{number}/moves/dispatch"
    sent = {"as_": "dispatcher-1", "key": key, "If_Match": '"1"'}

    first = api.post(path, {"office": STATION}, **sent)
    again = api.post(path, {"office": STATION}, **sent)

    assert (first.status, again.status) == (200, 200)
    assert first.headers["ETag"] == again.headers["ETag"] == '"2"'


def test_who_comes_second_is_told_who_was_first_and_when(api):
    number, _ = api.reported()
    path = f"/api/v1/orders/{number}/moves/dispatch"
    api.post(path, {"office": STATION}, as_="dispatcher-1", If_Match='"1"')

    late = api.post(path, {"office": STATION}, as_="supervisor-1", If_Match='"1"')

    assert (late.status, late.body["type"]) == (412, "/problems/stale")
    said = {name: late.body[name] for name in ("by", "by_name", "move", "version")}
    assert said == {
        "by": "dispatcher-1",
        "by_name": "员工dispatcher-1",
        "move": "dispatch",
        "version": 2,
    }
    assert late.body["at"].endswith("Z")


def test_who_comes_second_without_if_match_is_told_as_well(api):
    number, _ = api.reported()
    api.move(number, "dispatch", "dispatcher-1", office=STATION)
    api.move(number, "receive", "crew-1")

    late = api.post(f"/api/v1/orders/{number}/moves/receive", {}, as_="manager-1")

    assert (late.status, late.body["type"]) == (409, "/problems/illegal-move")
    assert (late.body["by"], late.body["by_name"]) == ("crew-1", "员工crew-1")
    assert late.body["at"].endswith("Z")


def test_fifty_who_take_one_order_at_once_are_one_winner_and_49_told_who(api):
    number, _ = api.reported()
    api.move(number, "dispatch", "dispatcher-1", office=STATION)
    desk = api.desk()
    hands = [f"hand-{n}" for n in range(50)]
    commands = [
        replace(api.command("receive", "crew-1", key=hand), actor=Actor("crew", hand, STATION))
        for hand in hands
    ]

    def receive(command):
        try:
            return handling.move(desk, number, command).order.version
        except IllegalMove as refused:
            return refused.facts["by"]

    with ThreadPoolExecutor(16) as pool:
        ends = list(pool.map(receive, commands))

    winner = ledger.event(number, 3).actor.actor_id
    assert ends.count(3) == 1
    assert ends[hands.index(winner)] == 3
    assert ends.count(winner) == 49


def test_fifty_writers_with_one_key_file_one_order(api):
    desk, sent = api.desk(), api.report()

    def report(_):
        return reporting.report(
            desk, sent, actor=api.citizen, caller="public", key="one", salt=b"s" * 16, at=api.at
        )

    with ThreadPoolExecutor(16) as pool:
        filed = list(pool.map(report, range(50)))

    assert len({each.head.order.order_id for each in filed}) == 1
    assert len(orders.queue(COUNTY, limit=5).heads) == 1
