"""The permission table: who may what on whose offices."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.staff import (
    MATRIX,
    Capability,
    Office,
    OfficeLevel,
    Relation,
    Role,
    Staff,
    may,
    relation,
)

STATION = ("P1", "C1", "X1", "S1")
RELATIONS = [
    (("P1", "C1", "X1"), ("P1", "C1", "X1"), Relation.OWN),
    (("P1", "C1", "X1"), STATION, Relation.BELOW),
    (STATION, ("P1", "C1", "X1"), Relation.ABOVE),
    (("P1", "C1", "X1"), ("P1", "C1", "X2"), Relation.SIBLING),
    (("P1", "C1", "X1"), ("P1", "C2", "X1"), Relation.FOREIGN),
    (("P1", "C1", "X1"), ("P1", "C1", "X2", "S9"), Relation.FOREIGN),
    (("P1", "C1", "X1"), ("P2", "C1", "X1", "S1"), Relation.FOREIGN),
    (STATION, (), Relation.ABOVE),
]
PATHS = st.lists(st.sampled_from(["a", "b"]), max_size=4)


@pytest.mark.parametrize(("mine", "theirs", "expected"), RELATIONS)
def test_how_offices_stand_to_each_other(mine, theirs, expected):
    assert relation(mine, theirs) is expected


@given(PATHS, PATHS)
def test_above_and_below_are_two_sides_of_one_thing(mine, theirs):
    assert (relation(mine, theirs) is Relation.BELOW) == (relation(theirs, mine) is Relation.ABOVE)


def somebody(role, path=("P1", "C1", "X1"), *, active=True):
    return Staff("u1", "某人", role, path[-1], path, active=active)


@pytest.mark.parametrize("role", list(Role))
def test_nobody_works_orders_of_a_sibling_or_foreign_office(role):
    for path in (("P1", "C1", "X2"), ("P1", "C1", "X2", "S1"), ("P2",)):
        assert not may(somebody(role), Capability.ORDER_READ, path)
        assert not may(somebody(role), Capability.ORDER_MOVE, path)


@pytest.mark.parametrize("role", list(Role))
def test_who_has_no_office_may_nothing_anywhere(role):
    nowhere = Staff("u1", "某人", role, "", ())
    for capability in Capability:
        for path in ((), ("P1",), STATION):
            assert not may(nowhere, capability, path)


def test_the_first_administrator_stands_above_all_offices_and_works_no_orders():
    first = Staff("u1", "某人", Role.ADMIN, "", (), root=True)
    assert may(first, Capability.OFFICE_CREATE, STATION)
    assert may(first, Capability.LOGIN, ())
    assert not may(first, Capability.ORDER_READ, STATION)
    assert not may(replace(first, active=False), Capability.LOGIN, ())


@pytest.mark.parametrize("role", list(Role))
def test_who_has_left_may_nothing(role):
    for capability in Capability:
        assert not may(somebody(role, active=False), capability, ("P1", "C1", "X1"))


def test_an_auditor_reads_and_changes_nothing():
    reading = {
        "login",
        "order.read",
        "order.list",
        "ledger.read",
        "ledger.verify",
        "export",
        "notice.list",
        "office.read",
        "staff.read",
        "limit.read",
        "misconduct.read",
        "issue.list",
        "issue.read",
        "paper.read",
        "resource.read",
        "grid.read",
    }
    assert {c.value for c in MATRIX[Role.AUDITOR]} == reading


def test_an_admin_keeps_the_desk_and_works_no_orders():
    assert Capability.ORDER_MOVE not in MATRIX[Role.ADMIN]
    assert Capability.CONTACT_REVEAL not in MATRIX[Role.ADMIN]


def test_s1_26_reports_of_misconduct_are_seen_by_discipline_and_audit_alone():
    readers = {role for role in Role if Capability.MISCONDUCT_READ in MATRIX[role]}
    assert readers == {Role.DISCIPLINE, Role.AUDITOR}


@pytest.mark.parametrize("role", list(Role))
def test_everybody_may_sign_in(role):
    assert may(somebody(role), Capability.LOGIN, ("P1", "C1", "X1"))


def test_a_stations_orders_are_watched_by_its_county():
    station = Office("S1", "城关供电所", OfficeLevel.STATION, STATION)
    county = Office("X1", "清河县供电公司", OfficeLevel.COUNTY, STATION[:3])
    city = Office("C1", "市供电公司", OfficeLevel.CITY, STATION[:2])
    assert (station.county, county.county, city.county) == ("X1", "X1", "C1")
    assert station.upwards == ("S1", "X1", "C1", "P1")
