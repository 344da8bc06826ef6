"""Advice on crews, outages and trucks from what the store holds: coordinates, loads, limits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.grid.maps import feeders, pack
from chalicelib.domain.resources import MOST_KW, Sort, Unit
from chalicelib.domain.staff import Role, Staff
from chalicelib.store import customers, grid, outages, registry, resources
from chalicelib.store.registry import Member
from chalicelib.usecases import resourcing
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.outages import customer_key
from tests.usecases.county import ADMIN, COUNTY, MINUTE, NOON, PATH, the_desk
from tests.usecases.network import TRANSFORMERS, a_grid, account
from tests.usecases.test_outages import create, do

LIFE, KEY = account("T-03", 1, 1), account("T-03", 2, 1)


def crew(staff_id: str, office: str, path: tuple[str, ...] = PATH) -> Member:
    return Member(Staff(staff_id, f"队{staff_id}", Role.CREW, office, path))


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """The desk of a county with a network and two crews."""
    assert desk.snapshot.offices
    a_grid()
    registry.take_over([crew("c-1", "S1"), crew("c-2", COUNTY, PATH[:3])], by=ADMIN, at=NOON)
    return the_desk()


def located(desk: Desk, spots: dict[str, tuple[float, float]]) -> Desk:
    """Give devices coordinates, a thousandth of a degree about a hundred metres."""
    network = a_grid()
    devices = tuple(
        replace(device, lon=spots[device.device_id][0], lat=spots[device.device_id][1])
        if device.device_id in spots
        else device
        for device in network.devices
    )
    for one in feeders(replace(network, devices=devices)):
        version = grid.maps(COUNTY, [str(one.key)])[str(one.key)].version
        grid.save(COUNTY, {str(one.key): (pack(one), version)}, at=NOON)
    return desk


def heads():
    return outages.board(COUNTY).heads


def nearest(desk, head):
    own = resourcing.fleet(desk, [COUNTY])
    return resourcing.nearest(desk, head, heads(), own, at=NOON)


def test_without_coordinates_the_crew_that_serves_the_area_stands_first(desk):
    ranked = nearest(desk, create(desk, "F1-SW1"))

    assert [one.candidate.unit.unit_id for one in ranked] == ["c-1", "c-2"]
    assert [one.candidate.near for one in ranked] == ["serves_area", "same_county"]
    assert [one.km for one in ranked] == [None, None]


def test_with_coordinates_a_crew_is_measured_from_where_it_stands_or_where_its_areas_are(desk):
    where = {code: (114.0 + 0.1 * n, 38.0) for n, code in enumerate(TRANSFORMERS)}
    located(desk, where)
    beside = Unit(unit_id="c-2", sort=Sort.CREW, office=COUNTY, county=COUNTY, place="T-04")
    change = resources.Change(
        before=resources.Kept("unit", "c-2"), name="describe", value=beside.to_json(), by=ADMIN,
        occurred_at=NOON, at=NOON, counties=(COUNTY,),
    )  # fmt: skip
    resources.commit(change)

    by = {one.candidate.unit.unit_id: one for one in nearest(desk, create(desk, "T-03"))}

    assert by["c-2"].km == pytest.approx(8.76, abs=0.02)  # T-04 to T-03
    assert by["c-1"].km == pytest.approx(4.38, abs=0.02)  # the middle of its areas to T-03


def test_a_crew_at_work_is_free_again_once_its_outage_is_over(desk):
    first, second = create(desk, "T-04"), create(desk, "T-03")
    do(desk, first, "crew", status="assigned", crew="c-1")
    assert [one.candidate.is_free for one in nearest(desk, second)] == [True, False]

    do(desk, first, "crew", 2, status="done", crew="c-1")
    assert [one.candidate.unit.unit_id for one in nearest(desk, second)] == ["c-1", "c-2"]


def test_who_was_restored_wants_no_truck_and_counts_for_no_rank(desk):
    head = create(desk, "F1-CB")
    wants = {account_no: want for want, account_no in resourcing.wants_of(desk, head, at=NOON)}
    assert set(wants) == {LIFE, KEY}
    assert wants[LIFE].customer == customer_key(desk, LIFE)
    ((_, dark),) = resourcing.waiting([head], at=NOON)
    assert (dict(dark.needs), dark.households) == ({"life_support": 1, "key": 1}, 12)

    part = do(desk, head, "restore_part", transformers="T-03")
    assert resourcing.wants_of(desk, part, at=NOON + MINUTE) == []
    ((_, dark),) = resourcing.waiting([part], at=NOON + MINUTE)
    assert (dict(dark.needs), dark.households) == ({}, 8)


def test_an_early_restoration_needs_no_truck_and_a_load_is_taken_from_the_list(desk):
    head = create(desk, "F1-SW1")
    (life, _), (key, _) = sorted(
        resourcing.wants_of(desk, head, at=NOON), key=lambda one: one[1] != LIFE
    )
    assert (life.kw, key.kw, life.known) == (3, 100, False)
    assert life.is_beyond
    assert key.is_beyond

    told = do(desk, head, "set_etr", etr=NOON + timedelta(minutes=20))
    assert [w.is_beyond for w, _ in resourcing.wants_of(desk, told, at=NOON)] == [False, False]


@pytest.mark.parametrize(
    ("kw", "load"),
    [("7.2", 8), ("0", 3), ("-4", 3), ("much", 3), ("nan", 3), ("inf", 3), (str(MOST_KW + 1), 3)],
)
def test_a_registered_load_counts_in_whole_kilowatts_and_nonsense_counts_as_none(desk, kw, load):
    found = customers.find_household(LIFE)
    assert found is not None
    told = replace(found, about={"kw": kw})
    customers.put_households(customers.compare_households(COUNTY, [told]))

    wants = {a: w.kw for w, a in resourcing.wants_of(desk, create(desk, "F1-SW1"), at=NOON)}

    assert wants[LIFE] == load


def test_an_exercise_ties_nobody_up_and_waits_for_nothing(desk):
    head = create(desk, "F1-SW1", training=True)

    assert resourcing.waiting([head], at=NOON) == []
    assert resourcing.wants_of(desk, head, at=NOON) == []


def test_a_crew_that_left_the_staff_is_sent_nowhere_though_its_chain_stays(desk):
    gone = replace(crew("c-1", "S1").staff, active=False)
    version = desk.snapshot.versions["staff", "c-1"]
    registry.save(Member(gone), version=version, by=ADMIN, at=NOON)

    assert [u.unit_id for u in resourcing.fleet(the_desk(), [COUNTY]).of(Sort.CREW)] == ["c-2"]
