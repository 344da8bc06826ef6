"""What taking a network over costs, counted by the meter and said for each customer."""

from typing import Final

from chalicelib.domain.contact import Phone
from chalicelib.domain.grid.reading import CUSTOMERS, DEVICES
from chalicelib.store.customers import Household, Place
from chalicelib.usecases import sheets, surveying
from chalicelib.usecases.surveying import Survey
from infra.bench.costs import bill
from infra.bench.meter import Meter
from infra.bench.scene import COUNTIES, NOON, SETUP, Scene, station_of
from infra.bench.table import Figure, Measured, Reading, Row
from infra.local import network

COUNTY: Final = COUNTIES[-1]
AREAS: Final = 20
HOMES: Final = 50
"""Households of an area; as many areas as that are a thousand customers."""


def _tables() -> dict[str, bytes]:
    places = [
        Place(
            code=f"QH-{number // 10 + 1:02}-T{number:02}",
            name=f"{number}号公变",
            county=COUNTY,
            office_id=station_of(COUNTY),
            line="10kV城东线",
        )
        for number in range(AREAS)
    ]
    households = [
        Household(
            account_no=f"32{index:04}{door:04}",
            transformer_id=place.code,
            name="王桂英",
            address=f"清河县河尾村{door}号",
            phones=(Phone(f"+86169{index:04}{door:04}"),),
        )
        for index, place in enumerate(places)
        for door in range(HOMES)
    ]
    rows = {DEVICES: network.devices(places), CUSTOMERS: network.customers(households)}
    return {
        name: sheets.to_csv(list(some[0]), [list(row.values()) for row in some])
        for name, some in rows.items()
    }


def _take_over(scene: Scene, import_id: str, files: dict[str, bytes]) -> Meter:
    with scene.meter() as meter:
        surveying.preview(
            scene.desk,
            Survey(COUNTY, files),
            import_id=import_id,
            is_out_of_time=lambda: False,
            at=NOON,
        )
        surveying.apply(
            import_id,
            after=0,
            by=SETUP,
            secret=scene.desk.secret,
            is_out_of_time=lambda: False,
            at=NOON,
        )
    return meter


def take_over(scene: Scene) -> Measured:
    """Take the network over, and again: what was the same is looked at and not written."""
    files = _tables()
    first = _take_over(scene, "bench-1", files)
    again = _take_over(scene, "bench-2", files)
    wanted = (first.wru, first.rru, again.wru)
    note = f"{AREAS * HOMES} customers: {bill(first.record)}; again {bill(again.record)}"
    return Measured(tuple(Reading(round(amount / (AREAS * HOMES), 3)) for amount in wanted), note)


ROWS: Final = (
    Row(
        name="survey",
        what="take a network over, check and apply, and once more: a customer",
        figures=(
            Figure("WRU", floor=3, goal=4),
            Figure("RRU", floor=1, goal=5),
            Figure("WRU again", floor=0, goal=0.2),
        ),
        measure=take_over,
        why=(
            "the network is written with its customers, a row a device and two a place: a quarter"
            " of a write a customer in one as small as this."
        ),
    ),
)
"""Three writes a customer are the least: at home, where the account is, where the meter is."""
