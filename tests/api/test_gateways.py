"""What SMS gateways say: receipts only add, and “still dark” reopens for that household alone."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib import ambient
from chalicelib.domain import outage_moves as moves
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Actor
from chalicelib.domain.outage import State
from chalicelib.domain.reach import Reach
from chalicelib.outbound.sms import Receipt
from chalicelib.store import customers, deliveries, notices, outages
from chalicelib.store.customers import Household
from chalicelib.store.deliveries import Status
from chalicelib.store.outages import Change
from chalicelib.usecases import notifying
from chalicelib.usecases.delivering import Ports
from tests.api.conftest import COUNTY

ACT = Actor("dispatcher", "d1")
AREA = "TQ-8"


class Takes:
    """A gateway that takes everything."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, text, *, at):
        self.sent.append((text, at))
        return Receipt("takes", "m", 1)


@pytest.fixture
def gateway(api):
    """A key of the gateway's."""
    answer = api.post(
        "/api/v1/admin/keys",
        {"name": "短信网关", "office": COUNTY, "scopes": ["sms"]},
        as_="admin-1",
    )
    assert answer.status == 201, answer.body
    return {"Authorization": f"Bearer {answer.body['secret']}"}


def told(api, *, minutes=60):
    """Two households go dark, are told, and get power back; return what was sent."""
    at = ambient.now() - timedelta(minutes=minutes)
    houses = [
        Household(
            account_no=f"13000000{door}",
            transformer_id=AREA,
            load_id=f"X{door}",
            phones=(Phone(f"+861690000080{door}"),),
            flags=frozenset({"life_support"}),
        )
        for door in range(2)
    ]
    customers.put_households(customers.compare_households(None, houses))
    rules = api.desk().rules(COUNTY)
    head = api.outage(Reach.of({AREA: ["X0", "X1"]}), at=at)
    takes = Takes()
    ports = Ports(takes, "清河供电", "example.cn", "w")
    keys = [(AREA, each.account_no) for each in houses]
    notifying.tell(api.desk(), ports, head, keys, at=at)
    back = at + timedelta(minutes=20)
    made = moves.restore(head.outage, moves.Act(ACT, back, back), at=back, rules=rules)
    outages.commit(Change(head, made))
    return takes.sent


def send(api, path, body, headers):
    return api.post(f"/api/v1/sms/{path}", body, **headers)


def test_a_receipt_only_adds_to_what_is_known_and_one_of_no_text_is_named(api, gateway):
    (first, _), _ = told(api)
    _, outage_id, key, _ = first.effect_id.split(".")
    said = [
        ("delivered", first.effect_id),
        ("failed", first.effect_id),
        ("delivered", "told.Q1.no.1"),
    ]
    body = {"receipts": [{"reference": name, "status": status} for status, name in said]}

    answer = send(api, "receipts", body, gateway)

    assert (answer.status, answer.body) == (202, {"news": 1, "known": 1, "unknown": [2]})
    assert notices.told(outage_id, [key])[key].status is Status.DELIVERED


def test_a_text_that_did_not_arrive_and_matters_is_telephoned(api, gateway):
    (first, _), _ = told(api)
    body = {"receipts": [{"reference": first.effect_id, "status": "failed"}]}

    for _ in range(2):
        send(api, "receipts", body, gateway)

    (line,) = deliveries.calls(COUNTY, limit=9).items
    assert (line.order_id, line.reason) == ("outage/Q1", "not-delivered")


def test_an_order_s_text_has_its_receipt_too(api, gateway):
    number, _ = api.reported()
    deliveries.settle(number, "1.text.accepted", Status.SENT, at=ambient.now())
    names = [f"{number}.1.text.accepted", f"{number}.9.text.done"]
    body = {"receipts": [{"reference": name, "status": "delivered"} for name in names]}

    answer = send(api, "receipts", body, gateway)

    assert answer.body == {"news": 1, "known": 0, "unknown": [1]}
    assert deliveries.get(number, "1.text.accepted").status is Status.DELIVERED


def test_who_answers_still_dark_reopens_the_outage_for_that_household_alone(api, gateway):
    told(api)
    replies = [
        {"id": "a", "phone": "16900000801", "text": "1"},
        {"id": "b", "phone": "16900000801", "text": "还是没电"},
        {"id": "c", "phone": "16900000800", "text": "谢谢"},
        {"id": "d", "phone": "16900000899", "text": "1"},
    ]

    answer = send(api, "replies", {"replies": replies}, gateway)

    assert answer.status == 202
    assert answer.body == {"reopened": 1, "known": 1, "nobody": 1, "unreadable": 1}
    outage = outages.get("Q1").outage
    assert (outage.dark.covers(AREA, "X1"), outage.dark.covers(AREA, "X0")) == (True, False)
    assert outage.state is State.PARTIALLY_RESTORED


@pytest.mark.parametrize("path", ["receipts", "replies"])
def test_nobody_else_may_say_so(api, gateway, path):
    assert gateway
    other = api.post(
        "/api/v1/admin/keys",
        {"name": "事件", "office": COUNTY, "scopes": ["events"]},
        as_="admin-1",
    )
    given = {"Authorization": f"Bearer {other.body['secret']}"}
    assert send(api, path, {path: []}, given).status in {403, 422}
    assert send(api, path, {path: []}, {}).status == 401


def test_a_telephone_that_is_none_is_named(api, gateway):
    replies = [{"id": "a", "phone": "hello", "text": "1"}]

    answer = send(api, "replies", {"replies": replies}, gateway)

    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "replies.0.phone")
