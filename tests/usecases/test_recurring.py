"""Who was dark, or had low voltage, too often: 2 in 2 months warns, 3 is a breach (S2.7)."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.contact import Contact, Phone
from chalicelib.domain.indicators import LOW_VOLTAGE
from chalicelib.domain.reach import Reach
from chalicelib.domain.staff import Role
from chalicelib.store import customers, findings, papers
from chalicelib.store.customers import Household
from chalicelib.store.findings import Finding
from chalicelib.store.orders import Head
from chalicelib.store.rows import House
from chalicelib.usecases import recurring, spotting
from chalicelib.usecases.desk import Desk
from infra.bench.meter import Meter
from tests.domain.blackout import AREAS, DAY, NOON, ONE
from tests.usecases.county import COUNTY, PHONE, STATION, a_county, a_report, file
from tests.usecases.supply import an_area, dark, looking

LATER = NOON + 20 * DAY
ACCOUNT = "1300004521"
MINUTES_A_DAY = 24 * 60


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """The desk as it stands some weeks after the outages of a test."""
    del desk
    an_area()
    home = Household(account_no=ACCOUNT, transformer_id="T2", load_id="L7", name="王桂英")
    customers.put_households(customers.compare_households(COUNTY, [home]))
    return a_county(LATER)


def dark_on(day: int, reach: Reach = ONE) -> None:
    dark(f"Q{day}", reach, since=day * MINUTES_A_DAY, minutes=30)


def listed(desk: Desk, at: Any = LATER, *, role: Role = Role.DISPATCHER, **asked: Any) -> Any:
    recurring.forget(COUNTY)
    wanted = {"subject": "frequent_outage", **asked}
    levels = 4 if role is Role.AREA_MANAGER else 3
    return recurring.frequent(looking(desk, at, role, levels=levels), **wanted)


def low(day: int, subject: str = "transformer/T3", hours: int = 0) -> None:
    at = NOON + day * DAY + timedelta(hours=hours)
    findings.add(Finding(COUNTY, LOW_VOLTAGE, subject, at, transformer_id="T3"))


def test_s2_7_twice_in_two_months_warns_and_the_third_time_is_a_breach(desk):
    dark_on(0)
    assert listed(desk) == []
    dark_on(3)
    (row,) = listed(desk)
    assert (row["level"], row["count"], row["households"]) == ("warn", 2, 1)
    assert (row["place"], row["place_name"], row["office"]) == ("T2", "河尾村T2", STATION)
    dark_on(5)
    (row,) = listed(desk)
    assert (row["level"], row["count"], row["breach_at"]) == ("breach", 3, 3)
    assert listed(desk, level="warn") == []


def test_s2_7_the_oldest_leaves_after_two_months_to_the_minute(desk):
    dark_on(0)
    dark_on(3)
    (row,) = listed(desk)
    assert row["until"] == "2026-09-01T04:15:00.000Z"
    last = NOON.replace(month=9)
    assert listed(desk, last - timedelta(minutes=1)) != []
    assert listed(desk, last) == []


def test_supply_points_with_one_history_are_one_line_and_the_worst_comes_first(desk):
    dark_on(0, AREAS)
    dark_on(3, AREAS)
    dark_on(5)
    rows = [(r["id"], r["points"], r["households"], r["level"]) for r in listed(desk)]
    assert rows == [("T2/L7", 1, 1, "breach"), ("T1/*", 1, 40, "warn"), ("T2/L8", 1, 2, "warn")]


def test_s1_28_the_places_of_a_warning_are_counted_at_their_worst_point(desk):
    dark_on(0, AREAS)
    dark_on(3, AREAS)
    dark_on(5)
    recurring.forget(COUNTY)
    assert recurring.dark_areas(desk.rules(COUNTY), COUNTY, at=LATER) == [("T1", 2), ("T2", 3)]

    daily = spotting.daily(desk, at=LATER, is_out_of_time=lambda: False)
    (line,) = papers.listed(COUNTY, "open", kinds=("complaint_risk_warning",), limit=9).items
    assert daily.opened["complaint_risk_warning"] == 1
    assert (
        line.row["facts"] | {"rule": "frequent_outage", "place": "T2", "count": 3}
        == (line.row["facts"])
    )


def test_what_was_momentary_does_not_count(desk):
    dark_on(0)
    dark("Q3", ONE, since=3 * MINUTES_A_DAY, minutes=4)
    assert listed(desk) == []


def test_low_voltage_counts_a_day_once_and_by_limits_of_its_own(desk):
    low(0)
    low(0, hours=2)
    assert listed(desk, subject=LOW_VOLTAGE) == []
    low(3)
    (row,) = listed(desk, subject=LOW_VOLTAGE)
    assert (row["place"], row["level"], row["households"]) == ("T3", "warn", 30)
    assert listed(desk) == []


def test_who_works_at_a_station_sees_its_places_alone(desk):
    dark_on(0, Reach.of({"T2": ["L7"], "T4": "all"}, {"L7": 1, "T4": 10}))
    dark_on(3, Reach.of({"T2": ["L7"], "T4": "all"}, {"L7": 1, "T4": 10}))
    assert [row["place"] for row in listed(desk)] == ["T2", "T4"]
    assert [row["place"] for row in listed(desk, role=Role.AREA_MANAGER)] == ["T2"]


# On the page of an order ------------------------------------------------------------------------


def order_of(desk: Desk, **said: Any) -> Head:
    return file(desk, a_report(occurred_at=LATER, **said), at=LATER).head


def supply(desk: Desk, **said: Any) -> Any:
    recurring.forget(COUNTY)
    return recurring.supply_of(desk, order_of(desk, **said), at=LATER)


def contact(account_no: str) -> Contact:
    return Contact(phone=Phone.parse(PHONE), name="王桂英", account_no=account_no)


def test_the_reporter_s_own_supply_point_counts_where_the_account_is_known(desk):
    for day in (0, 3, 5):
        dark_on(day)
    own = supply(desk, place="", contact=contact(ACCOUNT))
    assert (own["is_own"], own["outages"]["level"], own["outages"]["count"]) == (True, "breach", 3)


def test_by_the_place_alone_only_what_befell_all_of_it_is_told(desk):
    dark_on(0, AREAS)
    dark_on(3, AREAS)
    dark_on(5)
    by_place = supply(desk, place="T2", contact=contact(""))
    assert (by_place["is_own"], by_place["outages"]["count"]) == (False, 2)


def test_an_account_that_hangs_elsewhere_than_the_place_is_not_taken_for_it(desk):
    dark_on(0)
    dark_on(3)
    told = supply(desk, place="T1", contact=contact(ACCOUNT))
    assert (told["is_own"], told["outages"]["count"]) == (False, 0)


def test_an_order_without_a_place_counts_nothing(desk):
    dark_on(0)
    dark_on(3)
    assert supply(desk, place="", contact=contact(""))["outages"]["count"] == 0


def test_low_voltage_of_the_account_or_its_area_is_told_once_a_day(desk):
    low(0, f"account/{ACCOUNT}")
    low(0, "transformer/T2", hours=1)
    low(2, f"account/{ACCOUNT}")
    own = supply(desk, place="T2", contact=contact(ACCOUNT))
    assert (own["low_voltage"]["level"], own["low_voltage"]["count"]) == ("warn", 2)


def test_the_second_order_of_a_minute_reads_nothing_of_outages_again(desk, store: House):
    dark_on(0)
    head = order_of(desk, place="T2", contact=contact(""))
    recurring.forget(COUNTY)
    recurring.supply_of(desk, head, at=LATER)
    with Meter(store.connection.client) as meter:
        recurring.supply_of(desk, head, at=LATER + timedelta(seconds=30))
    assert meter.calls == 1  # the contact
