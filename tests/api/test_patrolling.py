"""Readings over the API: by a key of scope `events`, each bad one named, nothing twice."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.order import Actor
from chalicelib.store import registry
from chalicelib.usecases.showing import stamp
from tests.api.conftest import COUNTY, PLACE, Api

PATH = "/api/v1/readings"


def a_key(api: Api, *scopes: str) -> str:
    made = registry.new_key(
        name="量测平台", office_id=COUNTY, scopes=scopes, channel="",
        entropy=api.key().encode().ljust(32, b"e"), by=Actor("admin", "setup"), at=api.at,
    )  # fmt: skip
    return made.secret


def a_reading(api: Api, minutes: float = 0, **said: Any) -> dict[str, Any]:
    at = stamp(api.at - timedelta(minutes=minutes))
    return {"kind": "voltage", "subject": {"transformer": PLACE}, "source": "ami",
            "occurred_at": at, "values": [229.0, 2, 230.0], **said}  # fmt: skip


def test_a_lost_phase_opens_an_order_that_the_desk_sees_and_twice_opens_no_second(api):
    key = a_key(api, "events")
    sent = {"readings": [a_reading(api, 6), a_reading(api, 0)]}
    taken = api.post(PATH, sent, as_=key)
    assert taken.status == 202, taken.raw.decode()
    assert (taken.body["accepted"], taken.body["unknown"], taken.body["refused"]) == (2, [], [])
    (found,) = taken.body["found"]
    assert (found["kind"], found["subject"]) == ("phase_loss", f"transformer/{PLACE}")

    order = api.get(f"/api/v1/orders/{found['order']}", as_="dispatcher-1").body
    assert (order["channel"], order["place_name"]) == ("network_watch", "建设路3-2台区")
    assert api.post(PATH, sent, as_=key).body["found"] == []


def test_what_hangs_elsewhere_and_what_is_still_to_come_is_named_by_its_place(api):
    key = a_key(api, "events")
    sent = [a_reading(api, subject={"meter": "M-9"}), a_reading(api, -30)]
    taken = api.post(PATH, {"readings": sent}, as_=key).body
    assert taken["unknown"] == [{"index": 0, "subject": "meter/M-9"}]
    assert taken["refused"] == [{"index": 1, "code": "occurred_at.in_future"}]


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        ({"kind": "weather"}, "readings.0.kind", "field.choice"),
        ({"kind": "trip"}, "readings.0", "reading.values"),
        ({"kind": "load"}, "readings.0", "reading.values"),
        ({"values": [1, 2, 3, 4]}, "readings.0.values", "field.too_many"),
        ({"values": [-1]}, "readings.0.values.0", "field.out_of_range"),
        ({"subject": {}}, "readings.0.subject", "reading.subject"),
        ({"subject": {"meter": "a", "device": "b"}}, "readings.0.subject", "reading.subject"),
        ({"occurred_at": "yesterday"}, "readings.0.occurred_at", "field.instant"),
    ],
)
def test_a_reading_that_cannot_be_used_is_named(calm, said, field, code):
    body = {"readings": [a_reading(calm, **said)]}
    refused = calm.post(PATH, body, as_=a_key(calm, "events"))
    assert refused.status == 422, refused.raw.decode()
    assert [(each["field"], each["code"]) for each in refused.body["errors"]] == [(field, code)]


def test_a_key_without_the_scope_and_a_person_bring_no_readings(calm):
    body = {"readings": [a_reading(calm)]}
    assert calm.post(PATH, body, as_=a_key(calm, "intake", "track")).status == 403
    assert calm.post(PATH, body, as_="dispatcher-1").status == 401


def test_ten_thousand_readings_are_one_request_and_one_more_is_too_many(calm):
    key = a_key(calm, "events")
    many = [a_reading(calm, minutes / 60, values=[230]) for minutes in range(10_000)]
    assert calm.post(PATH, {"readings": many}, as_=key).body["accepted"] == 10_000
    refused = calm.post(PATH, {"readings": [*many, many[0]]}, as_=key)
    assert refused.status == 422
