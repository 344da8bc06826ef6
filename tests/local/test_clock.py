"""The platform's clock: set ahead, never back, and where it was after a restart."""

from datetime import timedelta

import pytest

from chalicelib import ambient
from chalicelib.domain.refusal import BadInput
from infra.local.clock import Clock

DAY = 86_400


@pytest.fixture(autouse=True)
def as_it_was():
    yield
    ambient.run_ahead(timedelta())


def test_it_goes_by_the_machine_until_it_is_set(tmp_path):
    machine = ambient.now()

    assert abs(Clock(tmp_path / "clock.json").now() - machine) < timedelta(minutes=1)


def test_it_is_as_far_ahead_after_a_restart(tmp_path):
    machine = ambient.now()
    Clock(tmp_path / "clock.json").set_ahead(8 * DAY)

    again = Clock(tmp_path / "clock.json")

    assert abs(again.now() - machine - timedelta(days=8)) < timedelta(minutes=1)
    assert abs(ambient.now() - again.now()) < timedelta(minutes=1)


@pytest.mark.parametrize("seconds", [DAY - 1, -1, 401 * DAY, "1", 1.5, None, True])
def test_it_never_goes_back_nor_anywhere_that_is_no_number(tmp_path, seconds):
    clock = Clock(tmp_path / "clock.json")
    clock.set_ahead(DAY)

    with pytest.raises(BadInput) as refused:
        clock.set_ahead(seconds)

    assert refused.value.errors[0].field == "ahead_seconds"
    assert clock.ahead == timedelta(days=1)
