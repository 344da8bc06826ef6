"""Crews, trucks, loans and supply assurance over HTTP: who may do what, and what they are told."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.staff import Role, Staff
from chalicelib.store import ledger, registry
from chalicelib.store.desk_rows import RecordRow
from chalicelib.store.registry import Duty, Member, Turn
from chalicelib.usecases import verifying
from chalicelib.usecases.showing import stamp
from tests.api.conftest import (
    CITY,
    COUNTY,
    ELSEWHERE,
    PROVINCE,
    SETUP,
    STATION,
    Answer,
    Api,
)
from tests.usecases.network import a_grid, account

RESOURCES, ASSURANCE = "/api/v1/resources", "/api/v1/assurance"
KEY_CUSTOMER = account("T-03", 2, 1)
LIFE = account("T-03", 1, 1)


@pytest.fixture
def api(api: Api) -> Api:
    """The app, with a network in its county and a second who hosts the city."""
    a_grid(COUNTY, STATION, api.at)
    path = (PROVINCE, CITY)
    registry.take_over(
        [Member(Staff("host-2", "员工host-2", Role.CITY_HOST, CITY, path))], by=SETUP, at=api.at
    )
    return api


def done(answer: Answer, status: int = 200) -> Any:
    assert answer.status == status, answer.raw.decode()
    return answer.body


def a_truck(api: Api, kw: int = 100, *, as_: str = "dispatcher-1", **said: Any) -> Any:
    sent = {"name": f"{kw}千瓦发电车", "kw": kw, **said}
    return done(api.post(f"{RESOURCES}/trucks", sent, as_=as_), 201)


def dark(api: Api, *devices: str, **said: Any) -> Any:
    sent = {"kind": "fault", "devices": list(devices or ["F1-SW1"]), **said}
    return done(api.post("/api/v1/outages", sent, as_="dispatcher-1"), 201)


def a_loan(api: Api, **said: Any) -> Any:
    when = {"start": stamp(api.at), "until": stamp(api.at + timedelta(hours=8))}
    sent = {"sort": "truck", "kw": 80, "reason": "storm", "note": "台风", **when, **said}
    return done(api.post(f"{RESOURCES}/loans", sent, as_="dispatcher-1"), 201)


def move(api: Api, path: str, name: str, as_: str, **said: Any) -> Answer:
    return api.post(f"{path}/moves/{name}", said, as_=as_)


def names(row: Any) -> list[str]:
    return [each["name"] for each in row["moves"]]


# Advice -----------------------------------------------------------------------------------------


def test_s0_16_an_outage_is_advised_the_nearest_crew_its_rank_and_who_needs_a_truck(api):
    since = api.at - timedelta(days=1)
    turn = Turn(since=since, until=since + timedelta(days=9), staff_id="crew-2")
    registry.take_over([Duty("S-QINGHE-04", (turn,))], by=SETUP, at=api.at)
    truck = a_truck(api, 100)
    found = dark(api)

    advice = done(api.get(f"/api/v1/outages/{found['id']}/advice", as_="dispatcher-1"))

    assert [crew["id"] for crew in advice["crews"]] == ["crew-2", "crew-1"]
    assert [r["name"] for r in advice["crews"][1]["reasons"]] == ["free", "off_duty", "serves_area"]
    assert (advice["priority"]["rank"], advice["of"]) == (1, 1)
    assert [r["name"] for r in advice["priority"]["reasons"]] == ["life_support", "key_second"]
    wants = {row["account"]: row for row in advice["wants"]}
    assert wants[LIFE]["unit"] == truck["id"]
    assert wants[LIFE]["state"] == "advised"
    assert wants[KEY_CUSTOMER]["state"] == "short"
    assert wants[KEY_CUSTOMER]["reasons"][0]["text"] == "没有空闲的发电车"
    assert wants[LIFE]["name"] == "王**"


def test_a_crew_that_is_sent_is_busy_in_the_advice_on_the_next_outage(api):
    first, second = dark(api), dark(api, "T-04")
    sent = move(api, f"/api/v1/outages/{first['id']}", "crew", "dispatcher-1",
                status="assigned", crew="crew-1")  # fmt: skip
    assert sent.status == 200, sent.raw.decode()

    advice = done(api.get(f"/api/v1/outages/{second['id']}/advice", as_="dispatcher-1"))
    listed = done(api.get(RESOURCES, as_="dispatcher-1"))["items"]

    by = {crew["id"]: crew for crew in advice["crews"]}
    assert not by["crew-1"]["free"]
    assert by["crew-1"]["busy_outage"] == first["id"]
    assert advice["crews"][0]["id"] == "crew-2"
    assert {u["id"]: (u["free"], u["outage"]) for u in listed if u["sort"] == "crew"} == {
        "crew-1": (False, first["id"]),
        "crew-2": (True, None),
    }


def test_the_list_of_restorations_names_every_reason_and_the_county_beside_sees_nothing(api):
    plain, urgent = dark(api, "T-04"), dark(api)

    found = done(api.get(f"{RESOURCES}/restoration", as_="host-1"))
    beside = done(api.get(f"{RESOURCES}/restoration", as_="stranger-1"))

    assert [row["outage"] for row in found["priorities"]] == [urgent["id"], plain["id"]]
    assert found["priorities"][0]["reasons"][0]["text"] == "生命支持用户 1 户"
    assert {row["state"] for row in found["wants"]} == {"short"}
    assert (beside["priorities"], beside["wants"]) == ([], [])
    assert api.get(f"/api/v1/outages/{urgent['id']}/advice", as_="stranger-1").status == 404


# Trucks -----------------------------------------------------------------------------------------


def test_a_truck_is_sent_to_who_is_dark_and_released_and_its_chain_names_nobody(api):
    found, truck = dark(api), a_truck(api)
    path = f"{RESOURCES}/units/{truck['id']}"

    sent = done(move(api, path, "send", "dispatcher-1", outage=found["id"], account=KEY_CUSTOMER))
    assert (sent["state"], sent["outage"], sent["load_kw"]) == ("committed", found["id"], 100)
    advice = done(api.get(f"/api/v1/outages/{found['id']}/advice", as_="dispatcher-1"))
    assert {w["account"]: w["state"] for w in advice["wants"]} == {
        KEY_CUSTOMER: "served",
        LIFE: "short",
    }
    again = move(api, path, "send", "dispatcher-1", outage=found["id"], account=LIFE)
    assert (again.status, again.body["by"]) == (409, "dispatcher-1")

    free = done(move(api, path, "release", "dispatcher-1", note="市电恢复"))
    assert (free["state"], free["outage"]) == ("free", None)
    bodies = "".join(link.body for link in ledger.links(f"unit/{truck['id']}"))
    assert KEY_CUSTOMER not in bodies
    assert "市电恢复" not in bodies


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        ({"account": account("T-04", 1, 1)}, "account", "customer.not_dark"),
        ({"account": "nobody"}, "account", "customer.not_dark"),
        ({"outage": "nothing"}, "outage", "outage.unknown"),
        ({"kw": "101"}, "kw", "truck.too_small"),
        ({"kw": "much"}, "kw", "field.number"),
    ],
)
def test_a_truck_is_not_sent_where_it_cannot_feed_anybody(api, said, field, code):
    found, truck = dark(api), a_truck(api)
    sent = {"outage": found["id"], "account": KEY_CUSTOMER, **said}

    refused = move(api, f"{RESOURCES}/units/{truck['id']}", "send", "dispatcher-1", **sent)

    assert refused.status == 422
    assert [(e["field"], e["code"]) for e in refused.body["errors"]] == [(field, code)]


def test_a_unit_is_described_anew_and_taken_out_of_service_and_back(api):
    truck = a_truck(api)
    path = f"{RESOURCES}/units/{truck['id']}"
    told = done(move(api, path, "describe", "dispatcher-1", kw=150, stands="T-01"))
    assert (told["kw"], told["place_name"]) == (150, "河尾村T-01公变")
    assert move(api, path, "describe", "dispatcher-1", stands="nowhere").status == 422

    off = done(move(api, path, "rest", "dispatcher-1"))
    assert (off["state"], names(off)) == ("off", ["serve", "describe"])
    assert done(move(api, path, "serve", "dispatcher-1"))["state"] == "free"

    crew = f"{RESOURCES}/units/crew-1"
    skilled = done(move(api, crew, "describe", "dispatcher-1", skills="cable,live_line"))
    assert skilled["skills"] == ["cable", "live_line"]
    assert move(api, crew, "send", "dispatcher-1", outage="o", account="a").status in {409, 422}


def test_the_same_key_registers_one_truck_and_another_body_is_refused(api):
    sent = {"name": "车", "kw": 50}
    first = api.post(f"{RESOURCES}/trucks", sent, as_="dispatcher-1", key="one-and-the-same")
    again = api.post(f"{RESOURCES}/trucks", sent, as_="dispatcher-1", key="one-and-the-same")
    other = {**sent, "kw": 60}
    reused = api.post(f"{RESOURCES}/trucks", other, as_="dispatcher-1", key="one-and-the-same")

    assert first.body == again.body
    assert (reused.status, reused.body["type"]) == (422, "/problems/key-reused")


@pytest.mark.parametrize("who", ["agent-1", "crew-1", "auditor-1", "visitor-1", "admin-1"])
def test_who_commands_no_repairs_moves_no_truck(api, who):
    truck = a_truck(api)
    assert api.post(f"{RESOURCES}/trucks", {"name": "x", "kw": 5}, as_=who).status == 403
    assert move(api, f"{RESOURCES}/units/{truck['id']}", "rest", who).status == 403


def test_what_is_foreign_answers_like_what_is_not_there(api):
    truck, loan = a_truck(api), a_loan(api)
    for path in (f"{RESOURCES}/units/{truck['id']}", f"{RESOURCES}/loans/{loan['id']}"):
        assert move(api, path, "rest", "stranger-1").status == 404
    assert api.get(f"{RESOURCES}/loans/{loan['id']}", as_="stranger-1").status == 404
    assert done(api.get(f"{RESOURCES}/loans", as_="stranger-1"))["items"] == []
    assert done(api.get(RESOURCES, as_="stranger-1"))["items"] == []
    theirs = {"name": "x", "kw": 5, "office": COUNTY}
    assert api.post(f"{RESOURCES}/trucks", theirs, as_="stranger-1").status == 422


# Loans ------------------------------------------------------------------------------------------


def test_s0_6_a_truck_is_lent_from_county_to_county_by_who_stands_above_both(api):
    theirs = a_truck(api, 200, as_="stranger-1")
    loan = a_loan(api)
    path = f"{RESOURCES}/loans/{loan['id']}"
    assert (loan["stage"], names(loan), loan["eligible"]) == ("asked", ["withdraw"], [])

    seen = done(api.get(path, as_="host-1"))
    assert names(seen) == ["approve", "refuse", "withdraw"]
    assert [unit["id"] for unit in seen["eligible"]] == [theirs["id"]]

    approved = done(move(api, path, "approve", "host-1", unit=theirs["id"]))
    assert (approved["stage"], approved["lender"]) == ("approved", ELSEWHERE)
    listed = done(api.get(RESOURCES, as_="stranger-1"))["items"]
    assert [(u["state"], u["free"]) for u in listed] == [("promised", False)]
    assert names(done(api.get(path, as_="stranger-1"))) == ["hand_over"]

    done(move(api, path, "hand_over", "stranger-1"))
    mine = [u for u in done(api.get(RESOURCES, as_="dispatcher-1"))["items"] if u["kw"]]
    assert [(u["id"], u["state"], u["free"]) for u in mine] == [(theirs["id"], "away", True)]
    found = dark(api)
    unit = f"{RESOURCES}/units/{theirs['id']}"
    done(move(api, unit, "send", "dispatcher-1", outage=found["id"], account=KEY_CUSTOMER))
    assert move(api, path, "take_back", "stranger-1").status == 409
    done(move(api, unit, "release", "dispatcher-1"))

    back = done(move(api, path, "take_back", "stranger-1", note="完好"))
    assert (back["stage"], back["moves"]) == ("returned", [])
    assert [row["name"] for row in back["history"]] == [
        "asked",
        "approve",
        "hand_over",
        "take_back",
    ]
    assert [row["note"] for row in back["history"]] == ["台风", None, None, "完好"]
    over = done(api.get(f"{RESOURCES}/loans?state=over", as_="dispatcher-1"))["items"]
    assert [row["id"] for row in over] == [loan["id"]]
    assert [u for u in done(api.get(RESOURCES, as_="dispatcher-1"))["items"] if u["kw"]] == []
    chain = api.get(f"/api/v1/ledger/events?aggregate=loan/{loan['id']}", as_="auditor-1")
    assert chain.status == 200


def test_s0_6_of_two_who_decide_one_wins_and_the_other_is_told_who(api):
    theirs, other = a_truck(api, 200, as_="stranger-1"), a_truck(api, 90, as_="stranger-1")
    path = f"{RESOURCES}/loans/{a_loan(api)['id']}"
    done(move(api, path, "approve", "host-1", unit=theirs["id"]))

    late = move(api, path, "approve", "host-2", unit=other["id"])
    with_version = api.call("POST", f"{path}/moves/refuse", body={"refusal": "too_far"},
                            as_="host-2", If_Match='"1"')  # fmt: skip

    assert (late.status, late.body["by"], late.body["by_name"]) == (409, "host-1", "员工host-1")
    assert (with_version.status, with_version.body["by"]) == (412, "host-1")
    listed = done(api.get(RESOURCES, as_="stranger-1"))["items"]
    assert {u["id"]: u["state"] for u in listed} == {theirs["id"]: "promised", other["id"]: "free"}


def test_nobody_decides_on_what_they_asked_nor_beside_nor_below(api):
    theirs = a_truck(api, 200, as_="stranger-1")
    path = f"{RESOURCES}/loans/{a_loan(api)['id']}"
    for who, status in (("dispatcher-1", 403), ("leader-1", 403), ("stranger-1", 404)):
        assert move(api, path, "approve", who, unit=theirs["id"]).status == status
    assert move(api, path, "approve", "agent-1", unit=theirs["id"]).status == 403


def test_a_unit_that_an_approver_does_not_oversee_is_unknown(api):
    path = f"{RESOURCES}/loans/{a_loan(api)['id']}"
    refused = move(api, path, "approve", "host-1", unit="nothing")
    assert refused.body["errors"][0]["code"] == "unit.unknown"


def test_one_truck_is_promised_to_one_loan_alone(api):
    theirs = a_truck(api, 200, as_="stranger-1")
    first, second = (f"{RESOURCES}/loans/{a_loan(api)['id']}" for _ in range(2))
    done(move(api, first, "approve", "host-1", unit=theirs["id"]))

    assert move(api, second, "approve", "host-1", unit=theirs["id"]).status == 409
    assert done(api.get(second, as_="host-1"))["eligible"] == []
    done(move(api, first, "withdraw", "dispatcher-1"))
    done(move(api, second, "approve", "host-1", unit=theirs["id"]))


def test_a_crew_is_lent_and_is_advised_where_it_is(api):
    path = f"{RESOURCES}/loans/" + a_loan(api, sort="crew", kw=None)["id"]
    member = Staff("crew-9", "外县抢修", Role.CREW, ELSEWHERE, (PROVINCE, CITY, ELSEWHERE))
    registry.take_over([Member(member)], by=SETUP, at=api.at)
    done(move(api, path, "approve", "host-1", unit="crew-9"))
    done(move(api, path, "hand_over", "stranger-1"))

    advice = done(api.get(f"/api/v1/outages/{dark(api)['id']}/advice", as_="dispatcher-1"))

    borrowed = next(crew for crew in advice["crews"] if crew["id"] == "crew-9")
    assert [r["name"] for r in borrowed["reasons"]] == ["free", "off_duty", "elsewhere", "borrowed"]
    assert done(api.get(RESOURCES, as_="stranger-1"))["items"][0]["state"] == "away"


# Supply assurance -------------------------------------------------------------------------------


def plan(api: Api, **said: Any) -> dict[str, Any]:
    start = api.at + timedelta(days=9)
    return {
        "title": "高考保供电",
        "where": "河尾中学",
        "level": "second",
        "start": stamp(start),
        "finish": stamp(start + timedelta(hours=8)),
        "devices": ["F1-SW1"],
        "account": KEY_CUSTOMER,
        "note": "考点双电源",
        **said,
    }


def a_task(api: Api, **said: Any) -> Any:
    return done(api.post(ASSURANCE, plan(api, **said), as_="dispatcher-1"), 201)


def test_s0_16_a_task_is_planned_manned_checked_begun_logged_and_ended(api):
    task = a_task(api)
    path = f"{ASSURANCE}/{task['id']}"
    assert (task["phase"], task["customer"], task["office"]) == ("prepared", "王**", STATION)
    assert [row["name"] for row in task["check_rows"]] == ["patrol", "backup_power", "briefing"]

    early = move(api, path, "begin", "dispatcher-1")
    assert (early.status, early.body["gates"]) == (409, ["posts_manned", "checks_done"])

    post = {
        "person": "crew-1",
        "where": "1号配电房",
        "start": task["start"],
        "finish": task["finish"],
    }
    manned = done(move(api, path, "add_post", "dispatcher-1", **post))
    assert [(row["name"], row["where"]) for row in manned["post_rows"]] == [
        ("员工crew-1", "1号配电房")
    ]
    for name in ("patrol", "backup_power", "briefing"):
        done(move(api, path, "check", "crew-1", check=name, ok=True))
    begun = done(move(api, path, "begin", "dispatcher-1"))
    assert begun["phase"] == "under_way"
    logged = done(move(api, path, "log", "crew-1", note="电压正常"))
    assert (logged["logs"], logged["history"][-1]["note"]) == (1, "电压正常")
    assert move(api, path, "end", "crew-1").status == 403

    ended = done(move(api, path, "end", "dispatcher-1"))
    assert (ended["phase"], ended["moves"]) == ("ended", [])
    assert done(api.get(ASSURANCE, as_="dispatcher-1"))["items"] == []
    over = done(api.get(f"{ASSURANCE}?state=over", as_="dispatcher-1"))["items"]
    assert [row["title"] for row in over] == ["高考保供电"]
    said = "".join(link.body for link in ledger.links(f"assurance/{task['id']}"))
    for private in ("高考", "河尾中学", KEY_CUSTOMER, "电压正常", "1号配电房"):
        assert private not in said


def test_a_planned_outage_of_the_same_device_or_customer_is_named_and_begun_against_with_a_reason(
    api,
):
    task = a_task(api)
    start, end = api.at + timedelta(days=9, hours=1), api.at + timedelta(days=9, hours=3)
    for device in ("F1-SW1", "F1-CB"):
        sent = {"kind": "planned", "devices": [device],
                "planned": {"start": stamp(start), "end": stamp(end)}}  # fmt: skip
        done(api.post("/api/v1/outages", sent, as_="dispatcher-1"), 201)
    path = f"{ASSURANCE}/{task['id']}"

    found = done(api.get(path, as_="dispatcher-1"))["conflicts"]
    refused = move(api, path, "begin", "dispatcher-1")

    assert {row["by"] for row in found} == {"same_customer"}
    assert found[0]["label"] == "停电涉及保电客户"
    assert "conflict_free" in refused.body["gates"]
    assert sorted(refused.body["outages"]) == sorted(row["outage"] for row in found)
    alone = a_task(api, account=None)
    others = done(api.get(f"{ASSURANCE}/{alone['id']}", as_="dispatcher-1"))["conflicts"]
    assert sorted(row["by"] for row in others) == ["same_device", "same_supply"]


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        ({"devices": [], "account": None}, "devices", "field.required"),
        ({"devices": ["nothing"]}, "devices.0", "device.unknown"),
        ({"account": "nobody"}, "account", "account.unknown"),
        ({"level": "fifth"}, "level", "field.choice"),
        ({"finish": "2026-01-01T00:00:00Z"}, "finish", "times.not_in_order"),
        ({"title": " "}, "title", "text.empty"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_by_field(api, said, field, code):
    refused = api.post(ASSURANCE, plan(api, **said), as_="dispatcher-1")
    assert refused.status == 422
    assert (refused.body["errors"][0]["field"], refused.body["errors"][0]["code"]) == (field, code)


def test_a_task_protects_only_what_is_theirs_and_is_seen_by_its_offices_alone(api):
    task = a_task(api)
    path = f"{ASSURANCE}/{task['id']}"
    assert api.post(ASSURANCE, plan(api), as_="stranger-1").status == 422
    assert api.get(path, as_="stranger-1").status == 404
    assert move(api, path, "log", "stranger-1", note="x").status == 404
    assert api.get(path, as_="crew-1").status == 200
    assert api.get(path, as_="agent-1").body["moves"] == []
    assert api.post(ASSURANCE, plan(api), as_="crew-1").status == 403
    person = {
        "person": "stranger-1",
        "where": "x",
        "start": task["start"],
        "finish": task["finish"],
    }
    refused = move(api, path, "add_post", "dispatcher-1", **person)
    assert refused.body["errors"][0]["field"] == "person"


def test_s0_16_a_plan_that_would_darken_what_a_task_protects_names_the_task(api):
    a_task(api)
    start, end = api.at + timedelta(days=9, hours=1), api.at + timedelta(days=9, hours=3)
    sent = {"kind": "planned", "start": stamp(start), "end": stamp(end)}

    def named(device: str) -> list[str]:
        plan = {**sent, "devices": [device]}
        found = done(api.post("/api/v1/outages/check", plan, as_="dispatcher-1"))["conflicts"]
        return [name for row in found if row["check"] == "assurance" for name in row["names"]]

    assert named("F1-CB") == ["高考保供电"]
    assert named("T-04") == []


def test_the_chains_of_units_loans_and_tasks_are_verified_like_all_others(api):
    truck, loan, task = a_truck(api), a_loan(api), a_task(api)
    move(api, f"{RESOURCES}/units/{truck['id']}", "rest", "dispatcher-1")
    desk = api.desk()

    for name in (f"unit/{truck['id']}", f"loan/{loan['id']}", f"assurance/{task['id']}"):
        assert verifying.owner(desk, name) == (PROVINCE, CITY, COUNTY)
        assert verifying.chain(desk, name)["ok"]
    assert verifying.owner(desk, "unit/nothing") is None

    row = RecordRow.get(f"unit/{truck['id']}", "-")
    row.value = row.value.replace('"kw":100', '"kw":900')
    row.save()
    assert verifying.chain(desk, f"unit/{truck['id']}")["first_bad"]["why"] == "head-differs"
