"""Each minute: do what is due (值守). Warnings, overdue notices up the line, holds that ended.

The sweep reads only what is due, oldest first, and saves each order's step in one conditional
transaction. Run twice, an hour late, or killed at any call, it fires each rung once: what has fired
is a fact on the head, and the next sweep finds what this one did not reach.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.procedure import Advanced, fire, replan
from chalicelib.domain.refusal import Refused, Stale, Unknown
from chalicelib.store import heads, orders, outages
from chalicelib.store import issues as kept_issues
from chalicelib.store import papers as kept_papers
from chalicelib.store.heads import Due
from chalicelib.store.orders import Change, Head
from chalicelib.telemetry import alarm, log
from chalicelib.usecases import clearing, delivering, papers, responding
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.looking import Missing, look, look_after, look_back

PAGE: Final = 100
PARKED: Final = timedelta(minutes=5)
LONGEST_PARK: Final = timedelta(hours=6)
WEIGH: Final = "weigh"
"""The effect of a map's row: its reports are weighed again. Its number is until when it waits."""


@dataclass(slots=True)
class Swept:
    """What one sweep did. `requeue`: effects that were caused and never settled."""

    fired: int = 0
    looked: int = 0
    read: int = 0
    raced: int = 0
    parked: int = 0
    stopped_early: bool = False
    requeue: list[Missing] = field(default_factory=list)


def sweep(
    desk: Callable[[], Desk],
    *,
    at: datetime,
    counties: Sequence[str],
    enqueue: Callable[[list[Missing]], None],
    is_out_of_time: Callable[[], bool],
) -> Swept:
    """Do what is due of outages, issues, papers and orders, oldest first, until time is up.

    desk: opens it, once something is due; until then nothing of the registry is needed.
    enqueue: puts (order id, event's seq, effect id) of missing effects back on the queue. A row
    that cannot be advanced is parked with growing delay and an alarm; its neighbours go on.
    """
    swept = Swept()
    for kind in (OUTAGES, ISSUES, PAPERS, *map(_orders_of, counties)):
        for armed, head in _due(kind, swept, at=at, is_out_of_time=is_out_of_time):
            if armed.order_id.startswith(outages.WAITING):
                _one_map(armed, at=at, enqueue=enqueue)
                continue
            opened = desk()
            with _parking(armed, swept, kind, at=at):
                _one(kind, opened, armed, head, at=at, swept=swept, enqueue=enqueue)
        if swept.stopped_early:
            break
    return swept


@dataclass(frozen=True, slots=True)
class _Kind:
    """Heads that are armed in one partition of the index, and what is done to one of them.

    read: gives it as it is now, of its id and of what the index has; due_at: when something must
    happen; fire: does it; look: looks for its effects.
    """

    name: str
    due: Callable[..., Sequence[tuple[Due, Any]]]
    park: Callable[..., None]
    read: Callable[[str, Any], Any]
    due_at: Callable[[Any], datetime | None]
    fire: Callable[[Desk, Any, datetime], Any]
    look: Callable[[Desk, Any, datetime], list[Missing]]


OUTAGES: Final = _Kind(
    "outage",
    outages.due_heads,
    outages.park,
    read=lambda outage_id, _: outages.get(outage_id),  # the index is behind, and has no keys
    due_at=lambda head: head.outage.next_due_at,
    fire=lambda desk, head, at: responding.fire(desk, head, at=at),
    look=lambda _, head, at: responding.look_for_effects(head, at=at),
)
"""Five minutes matter there, so they come first."""
ISSUES: Final = _Kind(
    "issue",
    kept_issues.due_heads,
    kept_issues.park,
    read=lambda issue_id, _: kept_issues.get(issue_id),
    due_at=lambda head: head.issue.next_due_at,
    fire=lambda desk, head, at: clearing.fire(desk, head, at=at),
    look=lambda _, head, at: clearing.look_for_effects(head, at=at),
)
PAPERS: Final = _Kind(
    "paper",
    kept_papers.due_heads,
    kept_papers.park,
    read=lambda paper_id, _: kept_papers.get(paper_id),
    due_at=lambda head: head.paper.next_due_at,
    fire=lambda desk, head, at: papers.do_due(desk, head, at=at),
    look=lambda _, head, at: papers.look_for_effects(head, at=at),
)


def _orders_of(county: str) -> _Kind:
    return _Kind(
        "order",
        partial(orders.due_heads, county),
        heads.park,
        read=lambda _, head: head,
        due_at=lambda head: head.order.next_due_at,
        fire=_fire,
        look=look_for_effects,
    )


def _due(
    kind: _Kind, swept: Swept, *, at: datetime, is_out_of_time: Callable[[], bool]
) -> Iterator[tuple[Due, Any]]:
    """Yield what is due page by page, behind the last one seen: a stuck row holds up nobody."""
    last: Due | None = None
    while page := kind.due(before=at, limit=PAGE, after=last):
        for row in page:
            if is_out_of_time():
                swept.stopped_early = True
                return
            swept.read += 1
            yield row
        if len(page) < PAGE:
            return
        last = page[-1][0]


def _one(
    kind: _Kind,
    desk: Desk,
    armed: Due,
    head: Any,
    *,
    at: datetime,
    swept: Swept,
    enqueue: Callable[[list[Missing]], None],
) -> None:
    if head is None:
        raise ValueError("not a head")
    head = kind.read(armed.order_id, head)
    due_at = kind.due_at(head)
    if due_at is not None and due_at <= at:
        head = kind.fire(desk, head, at)
        swept.fired += 1
    if head.look is not None and head.look.at <= at:
        missing = kind.look(desk, head, at)
        enqueue(missing)
        swept.requeue.extend(missing)
        swept.looked += 1


@contextmanager
def _parking(armed: Due, swept: Swept, kind: _Kind, *, at: datetime) -> Iterator[None]:
    """Step one row of the sweep: who was quicker is counted, what cannot be advanced is parked."""
    try:
        yield
    except Stale:
        swept.raced += 1
    except Unknown:
        log("sweep.gone", **{kind.name: armed.order_id})
        swept.raced += 1
    except (Refused, ValueError, KeyError, TypeError, IndexError) as wrong:
        swept.parked += 1
        until = at + min(max(PARKED, at - armed.due_at), LONGEST_PARK)
        kind.park(armed.order_id, was=armed.due_at, until=until)
        alarm("sweep.parked", **{kind.name: armed.order_id}, why=type(wrong).__name__)


def _one_map(armed: Due, *, at: datetime, enqueue: Callable[[list[Missing]], None]) -> None:
    """Have a map weighed again whose reports waited; until that is done it stays armed."""
    until = instant(millis(at + PARKED))
    heads.park(armed.order_id, was=armed.due_at, until=until)
    enqueue([(armed.order_id, millis(until), WEIGH)])


def _fire(desk: Desk, head: Head, at: datetime) -> Head:
    rules = desk.rules(head.order.office)
    advanced = fire(head.order, at=at, procedures=desk.procedures, rules=rules)
    if advanced is None:
        advanced = replan(head.order, at=at, procedures=desk.procedures, rules=rules)
    if advanced is None:
        return head
    return _save(desk, head, advanced)


def _save(desk: Desk, head: Head, advanced: Advanced) -> Head:
    change = Change(head=head, advanced=advanced, look=look_after(desk, advanced, head.look))
    return orders.commit(change)[0]


def look_for_effects(desk: Desk, head: Head, at: datetime) -> list[Missing]:
    """Return the effects that should have settled and did not, and arm or drop the look-back."""
    if head.look is None:
        return []
    order_id = head.order.order_id
    missing, again = look(
        head.look,
        order_id,
        caused=delivering.own_effect_ids,
        of={"order": order_id},
        at=at,
        wait=look_back(desk, head.order, at),
    )
    orders.set_look(head, again)
    return missing


def oldest_due(counties: Sequence[str], *, at: datetime) -> timedelta:
    """Return the age of the oldest instant that is due and not done; zero when none is."""
    ages = [
        at - armed.due_at
        for county in (*counties, outages.ARMED, kept_issues.ARMED, kept_papers.ARMED)
        for armed in orders.due(county, before=at, limit=1)
    ]
    return max(ages, default=timedelta())


def replan_all(
    desk: Desk, *, at: datetime, counties: Sequence[str], apply: bool
) -> Iterator[tuple[Head, datetime | None, datetime | None]]:
    """Yield (head, was, will) of each open order whose due instant a new calendar or limit moves.

    With `apply` each is saved as an event; without it this is the preview.
    """
    for county in counties:
        after: str | None = None
        while True:
            page = orders.queue(county, limit=PAGE, after=after)
            for shown in page.heads:
                rules = desk.rules(shown.order.office)
                moved = replan(shown.order, at=at, procedures=desk.procedures, rules=rules)
                if moved is None:
                    continue
                if apply:
                    _replan_one(desk, shown.order.order_id, at)
                yield shown, shown.order.next_due_at, moved.order.next_due_at
            after = page.after
            if after is None:
                break


def _replan_one(desk: Desk, order_id: str, at: datetime) -> None:
    """Save one re-planned order; who moved it meanwhile planned it on the new table already."""
    head = orders.get(order_id)
    rules = desk.rules(head.order.office)
    moved = replan(head.order, at=at, procedures=desk.procedures, rules=rules)
    if moved is None:
        return
    try:
        _save(desk, head, moved)
    except Stale:
        log("replan.raced", order=order_id)
