"""Plans, voices and news over HTTP: who may do what, and what everybody is shown."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.usecases.showing import stamp
from tests.api.conftest import COUNTY, STATION, Api
from tests.usecases.network import a_grid

OUTAGES = "/api/v1/outages"


@pytest.fixture
def api(api: Api) -> Api:
    """The app, with a network in its county."""
    a_grid(COUNTY, STATION, api.at)
    return api


def works(api: Api, days: float = 9) -> tuple[datetime, datetime]:
    start = api.at + timedelta(days=days)
    return start, start + timedelta(hours=4)


def drafted(api: Api, *devices: str) -> dict[str, Any]:
    start, end = works(api)
    planned = {"start": stamp(start), "end": stamp(end)}
    sent = {"kind": "planned", "devices": list(devices or ["F1-SW1"]), "planned": planned}
    made = api.post(OUTAGES, sent, as_="dispatcher-1")
    assert made.status == 201, made.raw.decode()
    found: dict[str, Any] = made.body
    return found


def test_a_plan_is_checked_before_it_is_kept(api):
    first = drafted(api)
    start, end = works(api)
    sent = {"kind": "planned", "devices": ["F1-CB"], "start": stamp(start), "end": stamp(end)}

    found = api.post(f"{OUTAGES}/check", sent, as_="dispatcher-1")

    assert (found.status, found.body["households"], found.body["key"]) == (200, 12, 1)
    by = {row["check"]: row for row in found.body["conflicts"]}
    assert by["overlap"]["other"] == first["id"]
    assert by["overlap"]["areas"] == ["河尾村T-03公变"]
    assert "key_unconfirmed" in by
    edited = {**sent, "outage": first["id"]}
    again = api.post(f"{OUTAGES}/check", edited, as_="dispatcher-1").body["conflicts"]
    assert "overlap" not in {row["check"] for row in again}


@pytest.mark.parametrize(
    ("sent", "field", "code"),
    [
        ({"kind": "fault"}, "kind", "outage.kind_is_not_planned"),
        ({"devices": ["TIE"]}, "devices", "reach.empty"),
        ({"devices": ["nothing"]}, "devices.0", "device.unknown"),
        ({"end": "2026-01-01T00:00:00Z"}, "end", "plan.ends_before"),
    ],
)
def test_a_plan_that_cannot_be_is_named(api, sent, field, code):
    start, end = works(api)
    plan = {"kind": "planned", "devices": ["F1-CB"], "start": stamp(start), "end": stamp(end)}

    refused = api.post(f"{OUTAGES}/check", {**plan, **sent}, as_="dispatcher-1")

    assert refused.status == 422
    assert [(one["field"], one["code"]) for one in refused.body["errors"]] == [(field, code)]


def test_its_page_calendar_and_voices_are_read_by_those_who_see_it(api):
    outage = drafted(api)
    plan = api.get(f"{OUTAGES}/{outage['id']}/plan", as_="dispatcher-1")
    assert plan.body["signers"] == ["network_controller", "department"]
    assert plan.body["announcements"] == []

    start, _ = works(api)
    days = f"from={start - timedelta(days=1):%Y-%m-%d}&to={start + timedelta(days=1):%Y-%m-%d}"
    shown = api.get(f"{OUTAGES}/calendar?{days}", as_="agent-1")
    assert [row["id"] for row in shown.body["items"]] == [outage["id"]]

    voices = api.get(f"{OUTAGES}/{outage['id']}/voices", as_="agent-1").body
    assert voices["sheet"]["qr"] == "https://qinghe.test/status"
    assert "河尾村T-03公变" in voices["wechat"]
    english = api.get(f"{OUTAGES}/{outage['id']}/voices?lang=en", as_="agent-1").body
    assert english["language"] == "en"
    for path in ("plan", "voices"):
        assert api.get(f"{OUTAGES}/{outage['id']}/{path}", as_="stranger-1").status == 404


def test_an_announcement_is_kept_once_and_says_what_it_lacks(api):
    number = drafted(api)["id"]
    sent = {"medium": "radio", "outlet": "清河县广播电台", "area": "河尾村"}
    key = api.key()

    path = f"{OUTAGES}/{number}/announcements"
    made, again = (api.post(path, sent, as_="dispatcher-1", key=key) for _ in range(2))
    assert (made.status, again.status) == (201, 201)
    assert len(again.body["announcements"]) == 1
    assert "proof" in again.body["announcements"][0]["lacking"]
    assert made.body["made_public_at"] is None
    denied = api.post(f"{OUTAGES}/{number}/announcements", sent, as_="agent-1")
    assert denied.status == 403


def test_spared_days_are_set_by_who_plans_and_read_by_all(api):
    days = {"items": [{"name": "高考", "first": "2027-06-07", "last": "2027-06-09"}]}
    path = f"{OUTAGES}/spared-days"

    assert api.call("PUT", path, body=days, as_="agent-1").status == 403
    assert api.call("PUT", path, body=days, as_="dispatcher-1").status == 200
    assert api.get(path, as_="agent-1").body["items"] == days["items"]
    bad = {"items": [{"name": "高考", "first": "2027-02-30", "last": "2027-06-09"}]}
    assert api.call("PUT", path, body=bad, as_="dispatcher-1").status == 422


def test_news_are_written_changed_and_taken_down_and_the_public_reads_them(api):
    sent = {"title": "供电所午间照常营业", "body": "12:00至14:00照常办理业务。"}
    assert api.post("/api/v1/news", sent, as_="crew-1").status == 403
    made = api.post("/api/v1/news", sent, as_="dispatcher-1")
    assert made.status == 201
    number = made.body["id"]

    shown = api.get("/api/v1/public/news").body["items"]
    assert [(one["title"], one["body"]) for one in shown] == [(sent["title"], sent["body"])]
    assert "by" not in shown[0]
    assert [one["id"] for one in api.get("/status.json").body["news"]] == [number]

    changed = {**sent, "title": "供电所午休调整"}
    answer = api.call("PUT", f"/api/v1/news/{number}", body=changed, as_="dispatcher-1")
    assert answer.status == 200
    titles = [one["title"] for one in api.get("/api/v1/public/news").body["items"]]
    assert titles == ["供电所午休调整"]

    assert api.call("DELETE", f"/api/v1/news/{number}", as_="dispatcher-1").status == 200
    assert api.get("/api/v1/public/news").body["items"] == []
    assert api.call("DELETE", f"/api/v1/news/{number}", as_="dispatcher-1").status == 404
    assert api.get("/api/v1/news", as_="dispatcher-1").body["items"] == []
