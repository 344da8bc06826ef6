"""What tests of outage notices say over and over: one fault, one planned outage, one household."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.calendar import CHINA
from chalicelib.domain.outage_notice import (
    Facts,
    HouseholdState,
    Kind,
    Notice,
    Told,
    owed,
)
from chalicelib.domain.planning import Window
from tests.domain.engine import RULES

MINUTES = timedelta(minutes=1)
HOURS = timedelta(hours=1)
DAYS = timedelta(days=1)
NOON = datetime(2026, 7, 1, 12, 15, tzinfo=CHINA)  # Wednesday; the source documents' fault
WORKS = Window(
    datetime(2026, 9, 12, 8, tzinfo=CHINA), datetime(2026, 9, 12, 16, tzinfo=CHINA)
)  # Saturday


def at(hour: int, minute: int = 0, *, day: int = 1) -> datetime:
    return datetime(2026, 7, day, hour, minute, tzinfo=CHINA)


def sep(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 9, day, hour, minute, tzinfo=CHINA)


def fault(**changed: Any) -> Facts:
    facts: dict[str, Any] = {
        "outage_id": "o1",
        "kind": "fault",
        "revision": 1,
        "areas": ("河尾村3号公变台区",),
        "line": "10kV河尾线",
        "began_at": NOON,
        "duty_phone": "0311-8888123",
    }
    return Facts(**(facts | changed))


def planned(**changed: Any) -> Facts:
    facts: dict[str, Any] = {
        "outage_id": "o2",
        "kind": "planned",
        "revision": 1,
        "areas": ("东街村", "南街村"),
        "line": "10kV城东线",
        "cause": "城东线检修",
        "window": WORKS,
        "duty_phone": "0311-8888123",
    }
    return Facts(**(facts | changed))


def told(kind: Kind, *, at: datetime, revision: int = 1, **said: Any) -> Told:
    return Told(kind=kind, revision=revision, at=at, **said)


def household(*said: Told, **changed: Any) -> HouseholdState:
    return HouseholdState(told=said, **changed)


def notice(facts: Facts, *said: Told, now: datetime, **changed: Any) -> Notice:
    """Return the notice that is owed; there must be one."""
    found = owed(household(*said, **changed), facts, at=now, rules=RULES).notice
    assert found is not None
    return found


def why(facts: Facts, *said: Told, now: datetime, **changed: Any) -> str:
    """Return the kind of what is owed, or why nothing is."""
    found = owed(household(*said, **changed), facts, at=now, rules=RULES)
    assert (found.notice is None) is (found.silence is not None)
    return found.notice.kind.value if found.notice else f"- {found.silence}"
