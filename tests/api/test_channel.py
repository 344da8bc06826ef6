"""Integrators: a scoped key, the platform's own case number, and nothing of anybody else's."""

import secrets
from dataclasses import replace

import pytest

from chalicelib import ambient
from chalicelib.store import orders, registry
from tests.api.conftest import COUNTY, ELSEWHERE, PHONE, PLACE, SETUP, STATION
from tests.builders import an_order_id

ORDERS = "/api/v1/channel/orders"


def a_key(*scopes: str, office: str = COUNTY, channel: str = "") -> str:
    made = registry.new_key(
        name="政务热线",
        office_id=office,
        scopes=scopes or ("intake", "track"),
        channel=channel,
        entropy=secrets.token_bytes(24),
        by=SETUP,
        at=ambient.now(),
    )
    return made.secret


def a_case(**fields: object) -> dict[str, object]:
    return {
        "channel": "12345",
        "case_no": "QH-118832",
        "kind": "complaint",
        "phone": PHONE,
        "place": PLACE,
        "answers": {"description": "抢修人员答复后一直没有上门"},
        **fields,
    }


def test_a_case_becomes_an_order_with_the_hotlines_clock(api):
    key = a_key()

    filed = api.post(ORDERS, a_case(), as_=key)

    assert filed.status == 201
    assert (filed.body["order"]["channel"], filed.body["order"]["case_no"]) == (
        "12345",
        "QH-118832",
    )
    assert "city_hotline" in orders.get(filed.body["number"]).order.clocks


def test_the_same_case_is_the_same_order_whatever_key_or_words_it_comes_with(api):
    key = a_key()
    first = api.post(ORDERS, a_case(), as_=key)

    again = api.post(ORDERS, a_case(), as_=key)
    other = api.post(ORDERS, a_case(answers={"description": "改过的话"}), as_=key)

    assert (again.status, other.status) == (200, 200)
    assert {first.body["number"], again.body["number"], other.body["number"]} == {
        first.body["number"]
    }
    assert len(orders.queue(COUNTY, limit=5).heads) == 1


def test_a_case_is_found_by_its_own_number_and_by_ours(api):
    key = a_key()
    number = api.post(ORDERS, a_case(), as_=key).body["number"]

    by_case = api.get("/api/v1/channel/cases/12345/QH-118832", as_=key)
    by_number = api.get(f"{ORDERS}/{number}", as_=key)

    assert by_case.body["number"] == by_number.body["number"] == number
    assert api.get("/api/v1/channel/cases/12345/QH-0", as_=key).status == 404
    assert api.get("/api/v1/channel/cases/12398/QH-118832", as_=key).status == 404


def test_the_platform_urges_adds_and_reopens_for_the_citizen(api):
    key = a_key()
    number = api.post(ORDERS, a_case(), as_=key).body["number"]

    urged = api.post(f"{ORDERS}/{number}/expedite", {"note": "市民再次来电"}, as_=key)
    added = api.post(f"{ORDERS}/{number}/supplement", {"note": "电话改为上午联系"}, as_=key)
    early = api.post(f"{ORDERS}/{number}/reopen", {"note": "未解决"}, as_=key)

    assert (urged.status, added.status, early.status) == (200, 200, 409)
    assert orders.get(number).order.expedites == 1


def test_a_key_of_another_county_or_channel_sees_nothing(api):
    number = api.post(ORDERS, a_case(), as_=a_key()).body["number"]
    far, other = a_key(office=ELSEWHERE), a_key(channel="wechat")
    answers = [
        api.get(f"{ORDERS}/{number}", as_=far),
        api.get(f"{ORDERS}/{number}", as_=other),
        api.get(f"{ORDERS}/{an_order_id(8)}", as_=other),
        api.get("/api/v1/channel/cases/12345/QH-118832", as_=far),
        api.post(f"{ORDERS}/{number}/expedite", {}, as_=far),
    ]

    assert {(each.status, each.raw) for each in answers} == {(404, answers[0].raw)}


def test_a_key_files_under_its_own_channel_only(api):
    refused = api.post(ORDERS, a_case(), as_=a_key(channel="wechat"))

    assert refused.body["errors"][0]["code"] == "channel.not_yours"


@pytest.mark.parametrize(
    ("scopes", "intake", "track"),
    [(("intake",), 201, 403), (("track",), 403, 404), (("webhook",), 403, 403)],
)
def test_a_key_opens_what_its_scopes_name(api, scopes, intake, track):
    key = a_key(*scopes)

    assert api.post(ORDERS, a_case(), as_=key).status == intake
    assert api.get(f"{ORDERS}/{an_order_id(4)}", as_=key).status == track


def test_a_revoked_key_opens_nothing_from_that_moment_on(api):
    secret = a_key()
    at = ambient.now()
    key = registry.find_key(secret)
    assert key is not None
    registry.save(replace(key, revoked_at=at), version=1, by=SETUP, at=at)

    assert api.post(ORDERS, a_case(), as_=secret).status == 401


def test_a_key_is_no_staff_and_staff_are_no_key(api):
    assert api.get("/api/v1/orders", as_=a_key()).status == 401
    assert api.post(ORDERS, a_case(), as_="dispatcher-1").status == 401


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"case_no": ""}, "case_no"),
        ({"case_no": None}, "case_no"),
        ({"channel": "A B"}, "channel"),
        ({"case_no": "x" * 41}, "case_no"),
        ({"office": STATION}, "office"),
    ],
)
def test_a_case_needs_a_usable_number_and_channel(api, changed, field):
    refused = api.post(ORDERS, a_case(**changed), as_=a_key())

    assert (refused.status, refused.body["errors"][0]["field"]) == (422, field)


def test_a_case_without_a_place_goes_to_the_keys_own_county(api):
    filed = api.post(ORDERS, a_case(place=None), as_=a_key(office=ELSEWHERE)).body

    assert orders.get(filed["number"]).order.county == ELSEWHERE
