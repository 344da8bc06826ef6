"""The demo's ledger: an issue in every state, and the same again if it is written twice."""

import random
from collections import Counter
from datetime import datetime

import pytest

from chalicelib.domain.calendar import CHINA
from chalicelib.domain.issue import State
from chalicelib.store import issues, registry
from chalicelib.usecases.desk import Desk
from infra.local import seed, seed_issues

pytestmark = pytest.mark.usefixtures("store")
NOW = datetime(2026, 11, 22, 15, 20, tzinfo=CHINA)
OFFICES = {"county": seed.COUNTY, "city": seed.CITY, "province": seed.PROVINCE}


def written() -> Counter[State]:
    seed._offices_and_staff(random.Random(1), NOW)  # noqa: S311 - a demo's dice
    desk = Desk(registry.snapshot(at=NOW), b"s" * 32, "state_grid")
    seed_issues.run(desk, offices=OFFICES, at=NOW, say=lambda _said: None)
    names = [
        *issues.names_on(seed.COUNTY, NOW.date().replace(day=1), NOW.date()),
        *issues.names_on(seed.COUNTY, NOW.date().replace(day=1), NOW.date(), confidential=True),
    ]
    return Counter(head.issue.state for head in issues.get_many(names))


def test_the_demo_has_an_issue_in_every_state_and_the_same_ones_when_written_again():
    first = written()
    assert set(first) == set(State)
    assert written() == first
