"""The demo county's network: it reads without a mistake, and what trips darkens what it should."""

import csv
import io
from collections.abc import Sequence

from chalicelib.domain.contact import Phone
from chalicelib.domain.grid import Network, dark, loads_of, read_customers, read_devices
from chalicelib.store.customers import Household, Place
from infra.local import network

PLACES = [
    Place(
        code=f"QH-{station:02}-T{each:02}",
        name=f"{station}所{each}号公变",
        county="X-QH",
        office_id=f"S-QH-{station:02}",
        line=f"10kV{station}线",
    )
    for station in (1, 2)
    for each in range(1, 11)
]
HOUSEHOLDS = [
    Household(
        account_no=f"32{place.code[3:5]}{place.code[-2:]}{door:04}",
        transformer_id=place.code,
        phones=(Phone("+8616900000001"),),
    )
    for place in PLACES
    for door in range(20)
]


def written(rows: Sequence[network.Row]) -> str:
    out = io.StringIO()
    table = csv.DictWriter(out, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


def demo() -> Network:
    devices, wrong = read_devices(written(network.devices(PLACES)))
    points, also = read_customers(written(network.customers(HOUSEHOLDS)), devices=devices)
    assert [mistake for mistake in (*wrong, *also) if not mistake.notice] == []
    return Network(devices, loads_of(points, devices=devices))


def test_nothing_is_dark_in_the_demo_county():
    assert dark(demo()) == frozenset()


def test_a_breaker_darkens_its_feeder_and_a_tie_brings_its_end_back():
    grid = demo()

    fell = dark(grid, opened=["F-QH-01-CB"])
    helped = dark(grid, opened=["F-QH-01-CB", "F-QH-01-SW3"], closed=["F-QH-01-02-TIE"])

    assert {load.rpartition("-")[0] for load in fell} == {place.code for place in PLACES[:10]}
    assert helped < fell
    assert helped


def test_a_fuse_darkens_one_transformer():
    assert dark(demo(), opened=["QH-01-T03-FU"]) == {f"QH-01-T03-X{box}" for box in range(1, 6)}
