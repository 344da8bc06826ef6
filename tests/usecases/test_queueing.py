"""The counts above the queue: one bounded look, right while they are small, at least after that."""

from dataclasses import dataclass
from datetime import datetime

import pytest

from chalicelib.domain.order import Order
from chalicelib.domain.staff import Capability, Role, Staff
from chalicelib.store.rows import House
from chalicelib.usecases import queueing
from chalicelib.usecases.desk import Desk
from infra.bench.meter import Meter
from tests.builders import NOON, a_fault, kept
from tests.usecases.county import COUNTY, PATH


@dataclass(frozen=True)
class Everybody:
    """A viewer of the county who sees all of it."""

    desk: Desk
    staff: Staff
    at: datetime

    def sees(self, order: Order) -> bool:
        return order.county == COUNTY

    def reaches(self, capability: Capability, *office_ids: str) -> bool:
        return bool(capability and office_ids)


@pytest.mark.parametrize(("opened", "all_", "capped"), [(299, 299, False), (302, 300, True)])
def test_three_hundred_are_counted_in_one_call_and_more_are_said_to_be_more(
    desk: Desk, store: House, opened: int, all_: int, *, capped: bool
):
    for number in range(opened):
        kept(a_fault(number=number, county=COUNTY))
    on = Everybody(desk, Staff("d-1", "员工", Role.DISPATCHER, COUNTY, PATH[:3]), NOON)
    queueing.forget(COUNTY)

    with Meter(store.connection.client) as meter:
        told = queueing.overview(on)["counts"]
        again = queueing.overview(on)["counts"]

    assert (told["all"], told["undispatched"], told["capped"]) == (all_, all_, capped)
    assert again == told
    assert meter.calls == 1
