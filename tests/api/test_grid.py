"""The grid over HTTP: taken over, looked at, switched; what is another county's is not there."""

import base64
from typing import Any

import pytest

from chalicelib.store import customers, grid, ledger
from chalicelib.store.customers import Household
from chalicelib.usecases.surveying import squeezed, unplaced_area
from infra.local import network as demo
from tests.api.conftest import COUNTY, ELSEWHERE, STATION, Answer, Api
from tests.usecases.network import a_grid, account
from tests.usecases.test_surveying import HOUSEHOLDS, PLACES, changed, written

GRID = "/api/v1/grid"
ADMIN = {"as_": "admin-1"}
DESK = {"as_": "dispatcher-1"}


@pytest.fixture
def api(api: Api) -> Api:
    """The app, with a network in its county."""
    a_grid(COUNTY, STATION, api.at)
    return api


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def tables(devices=None, points=None) -> dict[str, Any]:
    return {
        "devices": encoded(written(devices or demo.devices(PLACES))),
        "customers": encoded(squeezed(written(points or demo.customers(HOUSEHOLDS)))),
    }


def switch(api: Api, person: str = "dispatcher-1", **said: Any) -> Answer:
    return api.post(f"{GRID}/switch", {"reason": "fault", **said}, as_=person)


# Taking over ------------------------------------------------------------------------------------


def test_a_network_is_looked_at_applied_and_sent_again_to_no_effect(api):
    shown = api.post(f"{GRID}/imports", tables(), **ADMIN)
    assert shown.status == 201, shown.raw.decode()
    assert shown.body["feeders"] == {"add": 3, "change": 0, "same": 0, "gone": 0, "beside": 3}
    assert (shown.body["households"]["add"], shown.body["bad_rows"]) == (24, 0)
    waiting = f"{GRID}/imports/{shown.body['id']}"
    assert api.get(waiting, **ADMIN).body == shown.body
    assert api.post(f"{waiting}/compare", {}, **ADMIN).body == shown.body

    done = api.post(f"{waiting}/apply", {"after": 0}, **ADMIN)

    assert (done.status, done.body["households"], done.body["next"]) == (200, 24, None)
    assert api.get(waiting, **ADMIN).status == 404
    again = api.post(f"{GRID}/imports", tables(), **ADMIN)
    assert again.body["feeders"]["same"] == 3
    assert again.body["households"]["same"] == 24


def test_the_same_key_is_answered_the_same(api):
    first = api.post(f"{GRID}/imports", tables(), key="k-1", **ADMIN)
    again = api.post(f"{GRID}/imports", tables(), key="k-1", **ADMIN)
    other = api.post(f"{GRID}/imports", tables() | {"switches": "eA=="}, key="k-1", **ADMIN)

    assert first.body == again.body
    assert (other.status, other.body["type"].rpartition("/")[2]) == (422, "key-reused")


def test_mistakes_are_named_in_the_language_asked_for_and_stop_it(api):
    rows = changed(demo.devices(PLACES), "device_id", "F-QH-01-L2", bus_to="")
    shown = api.post(f"{GRID}/imports", tables(devices=rows), **ADMIN)

    assert shown.body["bad_rows"] == 1
    assert (shown.body["bad"][0]["file"], shown.body["bad"][0]["column"]) == (
        "devices.csv",
        "bus_to",
    )
    refused = api.post(f"{GRID}/imports/{shown.body['id']}/apply", {"after": 0}, **ADMIN)
    assert (refused.status, refused.body["errors"][0]["code"]) == (422, "import.has_bad_rows")


@pytest.mark.parametrize("person", ["dispatcher-1", "auditor-1", "leader-1", "crew-1"])
def test_who_may_not_take_a_network_over_is_refused(api, person):
    assert api.post(f"{GRID}/imports", tables(), as_=person).status == 403


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        ({"devices": "§"}, "devices", "field.base64"),
        ({"devices": encoded(b"\xff\xff")}, "devices.csv", "file.encoding"),
        ({"customers": ""}, "customers.csv", "file.empty"),
        ({"county": ELSEWHERE}, "county", "office.unknown"),
        ({"more": 1}, "more", "field.unknown"),
    ],
)
def test_tables_that_cannot_be_used_are_named(api, said, field, code):
    refused = api.post(f"{GRID}/imports", {**tables(), **said}, **ADMIN)

    assert refused.status == 422, refused.raw.decode()
    assert [(each["field"], each["code"]) for each in refused.body["errors"]] == [(field, code)]


# Looking ----------------------------------------------------------------------------------------


def test_feeders_are_listed_with_what_hangs_on_them(api):
    rows = {row["feeder"]: row for row in api.get(f"{GRID}/feeders", **DESK).body["items"]}

    assert set(rows) == {"feeder/F1", "feeder/F2", "substation/SS"}
    first = rows["feeder/F1"]
    assert (first["households"], first["transformers"], first["switched"]) == (12, 3, 0)
    assert (first["substation"], first["version"], first["is_feeder"]) == ("SS", 1, True)


def test_a_feeder_names_its_devices_page_by_page_its_ties_and_versions(api):
    asked = f"{GRID}/feeder?county={COUNTY}&feeder=feeder/F1"
    page = api.get(f"{asked}&limit=5", **DESK).body
    ids = [each["id"] for each in page["items"]]
    while page["cursor"]:
        page = api.get(f"{asked}&limit=5&cursor={page['cursor']}", **DESK).body
        ids += [each["id"] for each in page["items"]]

    assert len(ids) == len(set(ids)) == page["devices"]
    assert page["ties"] == [
        {"device": "TIE", "name": "联络开关", "closed": False, "to": ["feeder/F2"]}
    ]
    assert [each["version"] for each in page["versions"]] == [1]
    switches = api.get(f"{asked}&switchable=1", **DESK).body["items"]
    assert {each["id"] for each in switches} == {"F1-CB", "F1-SW1", "TIE"}


def test_things_are_found_by_id_name_account_and_meter(api):
    found = api.get(f"{GRID}/search?q=f1-sw", **DESK).body
    assert [(each["id"], each["feeder"]) for each in found["devices"]] == [("F1-SW1", "feeder/F1")]

    number = account("T-03", 1, 1)
    assert [each["code"] for each in api.get(f"{GRID}/search?q=T-03", **DESK).body["transformers"]]
    for text in (number, f"M{number}"):
        (home,) = api.get(f"{GRID}/search?q={text}", **DESK).body["accounts"]
        assert (home["account"], home["name"]) == (number, "王**")
        assert (home["transformer"], home["load"]) == ("T-03", "T-03-X1")


def test_customers_without_a_transformer_are_on_a_list(api):
    lost = [
        Household(account_no=str(each), transformer_id=unplaced_area(COUNTY), name="王桂英")
        for each in range(3)
    ]
    customers.put_households(customers.compare_households(None, lost))

    asked = f"{GRID}/unplaced?county={COUNTY}&limit=2"
    first = api.get(asked, **DESK).body
    second = api.get(f"{asked}&cursor={first['cursor']}", **DESK).body

    assert [each["account"] for each in (*first["items"], *second["items"])] == ["0", "1", "2"]
    assert (first["total"], second["cursor"]) == (3, None)
    assert first["items"][0]["name"] == "王**"
    assert api.get(asked, as_="admin-1").body["items"] == first["items"]
    for path in ("feeders", "switchings"):
        assert api.get(f"{GRID}/{path}", as_="admin-1").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "feeder?county={county}&feeder=feeder/F1",
        "unplaced?county={county}",
    ],
)
def test_another_countys_grid_is_not_there(api, path):
    assert api.get(f"{GRID}/{path.format(county=COUNTY)}", as_="stranger-1").status == 404
    assert api.get(f"{GRID}/feeders", as_="stranger-1").body["items"] == []
    found = api.get(f"{GRID}/search?q={account('T-03', 1, 1)}", as_="stranger-1").body
    assert found == {"devices": [], "transformers": [], "accounts": []}


# Switching --------------------------------------------------------------------------------------


def test_a_transfer_moves_what_hangs_behind_and_is_on_record(api):
    done = switch(api, opened=["F1-SW1"], closed=["TIE"], at=None)

    assert done.status == 200, done.raw.decode()
    assert {each["feeder"]: each["version"] for each in done.body["feeders"]} == {
        "feeder/F1": 2,
        "feeder/F2": 2,
    }
    assert (done.body["moved"], done.body["dark"], done.body["lit"]) == (["T-03"], 0, 0)
    assert grid.places_of("device", ["T-03"]) == {"T-03": f"{COUNTY}/feeder/F2"}
    (row,) = api.get(f"{GRID}/switchings", **DESK).body["items"]
    assert (row["by"], row["opened"], row["closed"]) == ("dispatcher-1", ["F1-SW1"], ["TIE"])
    rows = {row["feeder"]: row for row in api.get(f"{GRID}/feeders", **DESK).body["items"]}
    assert rows["feeder/F2"]["households"] == 8
    ties = api.get(f"{GRID}/feeder?county={COUNTY}&feeder=feeder/F1", **DESK).body["ties"]
    assert [(tie["device"], tie["to"]) for tie in ties] == [("F1-SW1", ["feeder/F2"])]
    assert rows["feeder/F1"]["switched"] + rows["feeder/F2"]["switched"] == 2


def test_switching_back_brings_everything_home(api):
    def hang() -> dict[str, int]:
        rows = api.get(f"{GRID}/feeders", **DESK).body["items"]
        return {row["feeder"]: row["households"] for row in rows}

    before = hang()
    switch(api, opened=["F1-SW1"], closed=["TIE"])
    away = hang()
    switch(api, opened=["TIE"], closed=["F1-SW1"], reason="restore")

    assert away != before
    assert hang() == before
    assert [each.seq for each in ledger.read(f"grid/{COUNTY}")] == [1, 2]


def test_what_stands_so_already_is_no_change(api):
    switch(api, opened=["F1-SW1"])
    again = switch(api, opened=["F1-SW1"])

    assert (again.status, again.body["feeders"]) == (200, [])
    assert len(list(ledger.read(f"grid/{COUNTY}"))) == 1


def test_what_goes_dark_by_it_is_said(api):
    assert switch(api, opened=["F1-SW1"]).body["dark"] == 4
    assert switch(api, closed=["F1-SW1"]).body["lit"] == 4


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        ({}, "opened", "field.required"),
        ({"opened": ["nothing"]}, "opened.0", "device.unknown"),
        ({"closed": ["TIE", "nothing"]}, "closed.1", "device.unknown"),
        ({"opened": ["TM"]}, "opened.0", "device.no_switch"),
        ({"opened": ["TIE"], "closed": ["TIE"]}, "closed.0", "device.both"),
        ({"opened": ["TIE"], "reason": "mood"}, "reason", "field.choice"),
        ({"opened": ["TIE"], "at": "2099-01-01T00:00:00Z"}, "at", "occurred_at.in_future"),
    ],
)
def test_what_cannot_be_switched_is_named_and_changes_nothing(api, said, field, code):
    refused = switch(api, **said)

    assert refused.status == 422, refused.raw.decode()
    assert [(each["field"], each["code"]) for each in refused.body["errors"]] == [(field, code)]
    assert {kept.version for kept in grid.all_maps(COUNTY).values()} == {1}


@pytest.mark.parametrize(
    ("person", "status"), [("agent-1", 403), ("crew-1", 403), ("admin-1", 403), ("stranger-1", 422)]
)
def test_who_may_not_switch_is_refused_and_strangers_know_no_switch(api, person, status):
    assert switch(api, person, opened=["F1-SW1"]).status == status
    assert {kept.version for kept in grid.all_maps(COUNTY).values()} == {1}
