"""What tests of outages say over and over: who acts, when, and an outage in each state."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.order import Actor, Event
from chalicelib.domain.outage import Kind, Outage, State, apply
from chalicelib.domain.outage_moves import Act, Made
from chalicelib.domain.planning import signers
from chalicelib.domain.reach import Reach
from tests.domain.engine import RULES

NOON = datetime(2026, 7, 1, 4, 15, tzinfo=UTC)  # 12:15 in China
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
AREAS = Reach.of({"T1": "all", "T2": ["L7", "L8"]}, {"T1": 40, "L7": 1, "L8": 2})
ONE = Reach.of({"T2": ["L7"]}, {"L7": 1})
NEW = Reach.of({"T3": "all"}, {"T3": 25})
CREW = Actor("crew", "c7", "S1")
DESK = Actor("dispatcher", "d1", "X1")
MACHINE = Actor("system", "inference")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def act(
    minutes: float = 2, *, by: Actor = DESK, entered: float | None = None, digest: str = ""
) -> Act:
    recorded = at(minutes if entered is None else entered)
    return Act(by, occurred_at=at(minutes), recorded_at=recorded, digest=digest)


def opened(  # noqa: PLR0917 - short names for tests
    grade: State = State.CONFIRMED,
    by: Actor = DESK,
    minutes: float = 2,
    reach: Reach = AREAS,
    outage_id: str = "Q1",
    kind: Kind = Kind.FAULT,
    since: float = 0,
    others: tuple[Outage, ...] = (),
    *,
    on_trip: bool = False,
    training: bool = False,
) -> Made:
    return moves.open_outage(
        act(minutes, by=by),
        outage_id=outage_id,
        kind=kind,
        county="X1",
        office="S1",
        devices=["B2", "B1"],
        feeders=["F1"],
        reach=reach,
        since=at(since),
        grade=grade,
        rules=RULES,
        others=others,
        on_trip=on_trip,
        training=training,
    )


def drafted(
    kind: Kind = Kind.PLANNED,
    *,
    start: datetime = NOON + 10 * DAY,
    minutes: float = 0,
    reach: Reach = AREAS,
    outage_id: str = "P1",
    key_customers: tuple[str, ...] = (),
) -> Outage:
    return moves.draft_outage(
        act(minutes),
        outage_id=outage_id,
        kind=kind,
        county="X1",
        office="S1",
        devices=["B1"],
        feeders=["F1"],
        reach=reach,
        start=start,
        finish=start + timedelta(hours=8),
        rules=RULES,
        key_customers=key_customers,
    ).outage


def submitted(kind: Kind = Kind.PLANNED, **given: Any) -> Outage:
    outage = drafted(kind, **given)
    return moves.submit(outage, act(after(outage)), rules=RULES).outage


def approved(kind: Kind = Kind.PLANNED, **given: Any) -> Outage:
    outage = submitted(kind, **given)
    for role in signers(kind):
        outage = moves.approve(
            outage, act(after(outage), by=Actor(role, role)), rules=RULES, reason="defect_found"
        ).outage
    return outage


def announced(kind: Kind = Kind.PLANNED, reason: str = "", **given: Any) -> Outage:
    outage = approved(kind, **given)
    return moves.announce(outage, act(after(outage)), rules=RULES, reason=reason).outage


def after(outage: Outage) -> float:
    """Return a minute after the outage's last event, in minutes since NOON."""
    return (max(outage.recorded_at, outage.moved_at or NOON) - NOON) / MINUTE + 1


def sweep(outage: Outage, until: datetime) -> Made:
    """Return what one sweep at `until` makes, which must be something."""
    made = moves.fire(outage, at=until, rules=RULES)
    assert made is not None
    return made


def later(outage: Outage, minutes: float) -> Outage:
    """Return the outage after a sweep at `minutes`."""
    made = moves.fire(outage, at=at(minutes), rules=RULES)
    return made.outage if made else outage


def fired(outage: Outage, *, until: datetime) -> list[Event]:
    """Return what a sweep that is never late makes until then."""
    events: list[Event] = []
    while outage.next_due_at is not None and outage.next_due_at <= until:
        made = sweep(outage, outage.next_due_at)
        events += made.events
        outage = made.outage
    return events


def on_time(outage: Outage, until: datetime) -> Outage:
    """Return the outage after a sweep that was never late until then."""
    for event in fired(outage, until=until):
        outage = apply(outage, event)
    return outage
