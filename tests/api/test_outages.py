"""Outages over HTTP: who may do what, what is refused and named, what everybody is shown."""

from datetime import datetime

import pytest

from tests.api.conftest import COUNTY, ELSEWHERE, STATION, Api
from tests.api.test_channel import a_key
from tests.usecases.network import a_grid, account

OUTAGES = "/api/v1/outages"
FAULT = {"kind": "fault", "devices": ["F1-SW1"], "note": "分段开关跳闸"}


@pytest.fixture
def api(api: Api) -> Api:
    """The app, with a network in its county."""
    a_grid(COUNTY, STATION, api.at)
    return api


def opened(api: Api, *devices: str) -> str:
    made = api.post(
        OUTAGES, {"kind": "fault", "devices": list(devices or ["F1-CB"])}, as_="dispatcher-1"
    )
    assert made.status == 201, made.raw.decode()
    return str(made.body["id"])


def test_a_dispatcher_opens_an_outage_and_everybody_of_the_county_reads_it(api):
    made = api.post(OUTAGES, FAULT, as_="dispatcher-1")

    assert (made.status, made.body["state"], made.body["households"]) == (201, "confirmed", 4)
    assert made.headers["ETag"] == f'"{made.body["version"]}"'
    for person in ("agent-1", "crew-1", "auditor-1", "host-1"):
        page = api.get(f"{OUTAGES}/{made.body['id']}", as_=person)
        assert (page.status, page.body["area"]) == (200, "河尾村T-03公变")
        board = api.get(OUTAGES, as_=person)
        assert [each["id"] for each in board.body["items"]] == [made.body["id"]]


@pytest.mark.parametrize(
    ("person", "status"),
    [("agent-1", 403), ("crew-1", 403), ("admin-1", 403), ("stranger-1", 422)],
)
def test_who_may_not_open_one_is_refused_and_strangers_know_no_device(api, person, status):
    assert api.post(OUTAGES, FAULT, as_=person).status == status
    assert api.get(OUTAGES, as_="dispatcher-1").body["items"] == []


def test_each_post_is_offered_what_it_may_do_and_refused_the_rest(api):
    number = opened(api)
    moves = {
        person: {each["name"] for each in api.get(f"{OUTAGES}/{number}", as_=person).body["moves"]}
        for person in ("dispatcher-1", "crew-1", "agent-1")
    }

    assert {"restore", "restore_part", "set_etr", "crew", "absorb"} <= moves["dispatcher-1"]
    assert moves["crew-1"] == {"deny", "know", "crew", "set_etr", "set_cause"}
    assert moves["agent-1"] == set()
    said = {"status": "arrived"}
    assert api.post(f"{OUTAGES}/{number}/moves/crew", said, as_="crew-1").status == 200
    assert api.post(f"{OUTAGES}/{number}/moves/restore", {}, as_="crew-1").status == 403
    assert api.post(f"{OUTAGES}/{number}/moves/crew", said, as_="agent-1").status == 403
    assert api.post(f"{OUTAGES}/{number}/moves/crew", said, as_="stranger-1").status == 404


def test_who_comes_second_is_told_who_was_first(api):
    number = opened(api)
    seen = api.get(f"{OUTAGES}/{number}", as_="dispatcher-1").headers["ETag"]
    path = f"{OUTAGES}/{number}/moves/set_cause"
    first = api.post(path, {"cause": "nature.storm"}, as_="crew-1", if_match=seen)
    second = api.post(path, {"cause": "nature.ice"}, as_="dispatcher-1", if_match=seen)

    assert (first.status, second.status) == (200, 412)
    assert "crew-1" in second.raw.decode()


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"kind": "fault", "devices": ["nothing"]}, "devices.0", "device.unknown"),
        ({"kind": "fault", "devices": []}, "devices", "field.required"),
        ({"kind": "dark", "devices": ["F1-CB"]}, "kind", "field.choice"),
        ({"kind": "fault", "devices": ["F1-CB"], "etr": "soon"}, "etr", "field.instant"),
        ({"kind": "fault", "devices": ["F1-CB"], "cause": "magic.x"}, "cause",
         "outage.cause_unknown"),
        ({"kind": "fault", "devices": ["TIE"]}, "devices", "reach.empty"),
        ({"kind": "planned", "devices": ["F1-CB"]}, "planned.start", "field.required"),
        ({"kind": "fault", "devices": ["F1-CB"], "began_at": "2099-01-01T00:00:00Z"}, "began_at",
         "occurred_at.in_future"),
        ({"kind": "fault", "devices": ["F1-CB"], "extra": 1}, "extra", "field.unknown"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_and_opens_nothing(api, body, field, code):
    refused = api.post(OUTAGES, body, as_="dispatcher-1")

    assert refused.status == 422
    assert [(each["field"], each["code"]) for each in refused.body["errors"]] == [(field, code)]
    assert api.get(OUTAGES, as_="dispatcher-1").body["items"] == []


@pytest.mark.parametrize(
    ("move", "body", "field", "code"),
    [
        ("set_etr", {"etr": "2001-01-01T00:00:00Z"}, "etr", "etr.before_start"),
        ("set_etr", {}, "next_update_at", "field.required"),
        ("set_cause", {"cause": "magic"}, "cause", "field.choice"),
        ("extend", {}, "devices", "field.required"),
        ("extend", {"devices": ["nothing"]}, "devices.0", "device.unknown"),
        ("extend", {"transformers": "T-99"}, "transformers.0", "device.unknown"),
        ("restore_part", {"transformers": ["T-04"]}, "devices", "reach.not_dark"),
        ("absorb", {"outage": "261121-CCCCCC"}, "outage", "outage.unknown"),
        ("crew", {"status": "asleep"}, "status", "field.choice"),
        ("restore", {"surprise": 1}, "surprise", "field.unknown"),
    ],
)
def test_an_answer_that_a_move_cannot_use_is_named_and_moves_nothing(api, move, body, field, code):
    number = opened(api)
    refused = api.post(f"{OUTAGES}/{number}/moves/{move}", body, as_="dispatcher-1")

    assert refused.status == 422, refused.raw.decode()
    assert [(each["field"], each["code"]) for each in refused.body["errors"]] == [(field, code)]
    assert api.get(f"{OUTAGES}/{number}", as_="dispatcher-1").body["version"] == 1


def test_a_move_that_is_none_or_not_now_is_a_conflict(api):
    number = opened(api)
    for move in ("fly", "announce", "still_dark"):
        answer = api.post(f"{OUTAGES}/{number}/moves/{move}", {}, as_="dispatcher-1")
        assert answer.status in {409, 422}, move


def test_a_preview_says_whom_it_would_darken_and_how_long_the_texts_take(api):
    found = api.get(f"{OUTAGES}/preview?devices=F1-CB", as_="agent-1").body

    assert (found["households"], found["key"], found["vulnerable"]) == (12, 1, 1)
    assert (found["texts"], found["seconds_to_send"], found["taken"]) == (12, 1, [])
    assert api.get(f"{OUTAGES}/preview?devices=F1-CB", as_="stranger-1").status == 422


def test_households_come_masked_and_paged_and_diagrams_name_no_place(api):
    number = opened(api)
    first = api.get(f"{OUTAGES}/{number}/households?limit=5", as_="dispatcher-1")
    rest = api.get(
        f"{OUTAGES}/{number}/households?limit=50&cursor={first.body['cursor']}", as_="dispatcher-1"
    )
    key = api.get(f"{OUTAGES}/{number}/households?group=key", as_="dispatcher-1")

    assert (len(first.body["items"]), len(rest.body["items"])) == (5, 7)
    assert "王桂英" not in first.raw.decode()
    assert [each["account"] for each in key.body["items"]] == [account("T-03", 2, 1)]
    (drawn,) = api.get(f"{OUTAGES}/{number}/diagram", as_="crew-1").body["items"]
    assert {each["state"] for each in drawn["edges"] if each["device"] == "F1-CB"} == {"fault"}
    assert "lon" not in str(drawn)
    alone = api.get(f"/api/v1/grid/diagram?county={COUNTY}&feeder=feeder/F2", as_="crew-1")
    assert {each["state"] for each in alone.body["nodes"]} == {"live"}


def test_the_board_comes_a_page_at_a_time_and_by_state(api):
    numbers = {opened(api, "T-01-FU"), opened(api, "T-02-FU"), opened(api, "T-03-FU")}
    first = api.get(f"{OUTAGES}?limit=2", as_="dispatcher-1").body
    second = api.get(f"{OUTAGES}?limit=2&cursor={first['cursor']}", as_="dispatcher-1").body

    assert {each["id"] for each in first["items"] + second["items"]} == numbers
    assert second["cursor"] is None
    assert api.get(f"{OUTAGES}?state=planned", as_="dispatcher-1").body["items"] == []
    assert api.get(f"{OUTAGES}?state=none", as_="dispatcher-1").status == 422


# What platforms report --------------------------------------------------------------------------


def event(subject: dict[str, str], kind: str, number: int, at: datetime) -> dict[str, object]:
    return {
        "kind": kind,
        "subject": subject,
        "source": "scada-1",
        "sequence": number,
        "occurred_at": at.isoformat(),
    }


def test_events_of_a_platform_become_an_outage_with_evidence(api):
    key = a_key("events")
    sent = {"events": [event({"device": "F1-CB"}, "device_open", 1, api.at),
                       event({"device": "nothing"}, "device_open", 2, api.at)]}  # fmt: skip
    taken = api.post("/api/v1/events", sent, as_=key)
    again = api.post("/api/v1/events", sent, as_=key)

    assert taken.status == again.status == 202
    assert (taken.body["accepted"], taken.body["unknown"]) == (
        1, [{"index": 1, "subject": "nothing"}],
    )  # fmt: skip
    assert (again.body["accepted"], again.body["duplicate"]) == (0, 1)
    (number,) = taken.body["outages"]
    (row,) = api.get(OUTAGES, as_="dispatcher-1").body["items"]
    assert (row["id"], row["state"], row["evidence"]["device_open"]) == (number, "suspected", 1)
    shown = api.get(f"{OUTAGES}/{number}/evidence", as_="dispatcher-1").body
    assert [(each["kind"], each["supports"]) for each in shown["items"]] == [("device_open", True)]
    assert shown["candidates"][0] == {"devices": ["F1-CB"], "share": pytest.approx(1, abs=0.1),
                                      "households": 12}  # fmt: skip
    listed = api.get("/api/v1/events/unplaced", as_="dispatcher-1").body["items"]
    assert [(each["subject"], each["count"]) for each in listed] == [("nothing", 2)]
    assert api.get("/api/v1/events/unplaced", as_="stranger-1").body["items"] == []


def test_a_trip_with_the_word_that_it_stays_open_is_confirmed_and_another_s_is_refused(api):
    sent = {
        "events": [
            {**event({"device": "F1-CB"}, "device_open", 1, api.at), "lockout": True},
            {**event({"device": "F1-CB"}, "device_close", 2, api.at), "lockout": True},
        ]
    }
    taken = api.post("/api/v1/events", sent, as_=a_key("events")).body

    assert taken["refused"] == [{"index": 1, "code": "event.lockout"}]
    (row,) = api.get(OUTAGES, as_="dispatcher-1").body["items"]
    assert row["state"] == "confirmed"


def test_a_key_without_the_scope_and_a_person_send_no_events(api):
    sent = {"events": [event({"device": "F1-CB"}, "device_open", 1, api.at)]}
    assert api.post("/api/v1/events", sent, as_=a_key("intake")).status == 403
    assert api.post("/api/v1/events", sent, as_="dispatcher-1").status == 401


def test_a_key_of_another_county_reaches_no_device_of_ours(api):
    sent = {"events": [event({"device": "F1-CB"}, "device_open", 1, api.at)]}
    taken = api.post("/api/v1/events", sent, as_=a_key("events", office=ELSEWHERE))
    assert taken.body["unknown"] == [{"index": 0, "subject": "F1-CB"}]
    assert api.get(OUTAGES, as_="dispatcher-1").body["items"] == []


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"kind": "explosion"}, "events.0.kind", "field.choice"),
        ({"subject": {}}, "events.0.subject", "field.one_of"),
        ({"subject": {"device": "a", "meter": "b"}}, "events.0.subject", "field.one_of"),
        ({"sequence": -1}, "events.0.sequence", "field.out_of_range"),
        ({"sequence": 1.5}, "events.0.sequence", "field.number"),
        ({"occurred_at": "yesterday"}, "events.0.occurred_at", "field.instant"),
        ({"confidence": 1.5}, "events.0.confidence", "field.out_of_range"),
        ({"lockout": "maybe"}, "events.0.lockout", "field.flag"),
        ({"source": ""}, "events.0.source", "field.code"),
    ],
)
def test_an_event_that_cannot_be_read_is_named_and_nothing_is_taken(api, change, field, code):
    good = event({"device": "F1-CB"}, "device_open", 1, api.at)
    refused = api.post("/api/v1/events", {"events": [{**good, **change}]}, as_=a_key("events"))

    assert refused.status == 422, refused.raw.decode()
    assert [(each["field"], each["code"]) for each in refused.body["errors"]] == [(field, code)]
    assert api.get(OUTAGES, as_="dispatcher-1").body["items"] == []


def test_ten_thousand_and_one_events_are_too_many(api):
    good = event({"device": "F1-CB"}, "device_open", 1, api.at)
    refused = api.post("/api/v1/events", {"events": [good] * 10_001}, as_=a_key("events"))
    assert [each["code"] for each in refused.body["errors"]] == ["field.too_many"]
