"""Indices over the API: who may ask, what is refused, and the table that leaves."""

import pytest

from tests.api.conftest import ACCOUNT, COUNTY, STATION

PATH = "/api/v1/outages/indices"


def test_the_indices_of_this_month_are_there_before_anything_was_dark(calm):
    made = calm.get(PATH, as_="dispatcher-1")
    assert made.status == 200, made.raw.decode()
    assert [row["key"] for row in made.body["rows"]] == [STATION]
    total = made.body["total"]
    assert (total["customers"], total["saifi"], total["rs1"]) == (46, 0, 1)
    assert (total["caidi_minutes"], made.body["momentary_minutes"]) == (None, 5)


@pytest.mark.parametrize("by", ["office", "feeder", "cause"])
def test_each_breakdown_answers_as_its_model_says(calm, by):
    asked = f"{PATH}?by={by}&base=transformers&momentary_minutes=1&cemi=4"
    asked += "&exclude=planned,upstream&without=2026-07-01,2026-07-02"
    made = calm.get(asked, as_="auditor-1").body
    assert (made["by"], made["momentary_minutes"], made["cemi"]) == (by, 1, 4)
    assert made["exclude"] == ["planned", "upstream"]
    assert made["without"] == ["2026-07-01", "2026-07-02"]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("from=2026-13-01", "from"),
        ("from=2999-01-01", "from"),
        ("by=weather", "by"),
        ("momentary_minutes=61", "momentary_minutes"),
        ("exclude=planned,weather", "exclude"),
        ("without=yesterday", "without"),
        ("cemi=1", "cemi"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(calm, asked, field):
    refused = calm.get(f"{PATH}?{asked}", as_="dispatcher-1")
    assert refused.status == 422, refused.raw.decode()
    assert [each["field"] for each in refused.body["errors"]] == [field]


def test_only_who_may_export_takes_the_table_along(calm):
    path = "/api/v1/exports/indices?by=office"
    assert calm.get(path, as_="dispatcher-1").status == 403
    table = calm.get(path, as_="supervisor-1", language="en")
    assert table.status == 200
    assert table.headers["Content-Disposition"] == 'attachment; filename="indices.csv"'
    assert table.raw.decode("utf-8-sig").splitlines()[0].startswith("Office,Customers,")


def test_an_administrator_works_no_orders_and_sees_no_indices(calm):
    assert calm.get(PATH, as_="admin-1").status == 403


def test_a_county_beside_ours_counts_none_of_our_customers(calm):
    made = calm.get(PATH, as_="stranger-1")
    assert (made.body["rows"], made.body["total"]["customers"]) == ([], 0)
    assert COUNTY not in made.raw.decode()


def test_who_was_dark_too_often_is_a_list_for_whoever_sees_orders(calm):
    for subject in ("frequent_outage", "low_voltage"):
        made = calm.get(f"/api/v1/outages/frequent?subject={subject}&level=warn", as_="manager-1")
        assert (made.status, made.body["items"], made.body["cursor"]) == (200, [], None)
    assert calm.get("/api/v1/outages/frequent?subject=weather", as_="manager-1").status == 422


def test_an_order_says_how_often_its_place_was_dark_to_staff_and_to_its_citizen(calm):
    number, token = calm.reported(account_no=ACCOUNT)
    seen = calm.get(f"/api/v1/orders/{number}/supply", as_="dispatcher-1").body
    own = calm.get(f"/api/v1/public/orders/{number}/supply", token=token).body
    assert seen == own
    assert (seen["is_own"], seen["outages"]["level"], seen["outages"]["window"]) == (
        True,
        "none",
        2,
    )
    assert calm.get(f"/api/v1/orders/{number}/supply", as_="stranger-1").status == 404
    other = calm.get(f"/api/v1/public/orders/{number}/supply", token="x" * 22)
    assert other.status == 404
