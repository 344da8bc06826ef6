"""Each minute: do what is due (值守). Warnings, overdue notices up the line, holds that ended.

The sweep reads only what is due, oldest first, and saves each order's step in one conditional
transaction. Run twice, an hour late, or killed at any call, it fires each rung once: what has fired
is a fact on the head, and the next sweep finds what this one did not reach.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.procedure import Advanced, fire, replan
from chalicelib.domain.refusal import Refused, Stale, Unknown
from chalicelib.store import deliveries, heads, ledger, orders, outages
from chalicelib.store import issues as kept_issues
from chalicelib.store import papers as kept_papers
from chalicelib.store.heads import Due, Look
from chalicelib.store.orders import Change, Head
from chalicelib.telemetry import alarm, log
from chalicelib.usecases import clearing, delivering, papers, responding
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.looking import look_after, look_back

PAGE: Final = 100
PARKED: Final = timedelta(minutes=5)
LONGEST_PARK: Final = timedelta(hours=6)
MOST_LOOKS: Final = 12
Missing = tuple[str, int, str]
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
    requeue: list[tuple[str, int, str]] = field(default_factory=list)


def sweep(
    desk: Callable[[], Desk],
    *,
    at: datetime,
    counties: Sequence[str],
    enqueue: Callable[[list[tuple[str, int, str]]], None],
    is_out_of_time: Callable[[], bool],
) -> Swept:
    """Do what is due of outages, issues, papers and orders, oldest first, until time is up.

    desk: opens it, once something is due; until then nothing of the registry is needed.
    enqueue: puts (order id, event's seq, effect id) of missing effects back on the queue. A row
    that cannot be advanced is parked with growing delay and an alarm; its neighbours go on.
    """
    swept = Swept()
    if not _sweep_outages(desk, at, swept, enqueue, is_out_of_time):
        return swept
    for kind in (ISSUES, PAPERS):
        if not _sweep_kind(
            kind, desk, at=at, swept=swept, enqueue=enqueue, is_out_of_time=is_out_of_time
        ):
            return swept
    for county in counties:
        for armed, head in _due(county, at):
            if is_out_of_time():
                swept.stopped_early = True
                return swept
            swept.read += 1
            _one(desk(), armed, head, at=at, swept=swept, enqueue=enqueue)
    return swept


def _due(county: str, at: datetime) -> Iterator[tuple[Due, Head | None]]:
    """Yield what is due page by page, behind the last one seen: a stuck row holds up nobody."""
    last: Due | None = None
    while page := orders.due_heads(county, before=at, limit=PAGE, after=last):
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1][0]


def _sweep_outages(
    desk: Callable[[], Desk],
    at: datetime,
    swept: Swept,
    enqueue: Callable[[list[tuple[str, int, str]]], None],
    is_out_of_time: Callable[[], bool],
) -> bool:
    """Do what is due of every county's outages: five minutes matter there, so they come first.

    Returns False when the time is up.
    """
    last: Due | None = None
    while page := outages.due_heads(before=at, limit=PAGE, after=last):
        for armed, head in page:
            if is_out_of_time():
                swept.stopped_early = True
                return False
            swept.read += 1
            if armed.order_id.startswith(outages.WAITING):
                _one_map(armed, at=at, enqueue=enqueue)
                continue
            _one_outage(desk(), armed, head, at=at, swept=swept, enqueue=enqueue)
        if len(page) < PAGE:
            break
        last = page[-1][0]
    return True


@dataclass(frozen=True, slots=True)
class _Kind:
    """Heads that are armed in one partition for the whole deployment, and what is done to one.

    step: does what is due of it; returns whether anything was, and the effects that never came,
    None where it was not looked for them.
    """

    name: str
    due: Callable[..., Sequence[tuple[Due, Any]]]
    park: Callable[..., None]
    step: Callable[[Desk, str, datetime], tuple[bool, list[Missing] | None]]


def _step_issue(desk: Desk, issue_id: str, at: datetime) -> tuple[bool, list[Missing] | None]:
    head = kept_issues.get(issue_id)  # the index is behind, and has no keys
    is_due = head.issue.next_due_at is not None and head.issue.next_due_at <= at
    if is_due:
        head = clearing.fire(desk, head, at=at)
    if head.look is None or head.look.at > at:
        return is_due, None
    return is_due, clearing.look_for_effects(desk, head, at=at)


def _step_paper(desk: Desk, paper_id: str, at: datetime) -> tuple[bool, list[Missing] | None]:
    head = kept_papers.get(paper_id)
    is_due = head.paper.next_due_at is not None and head.paper.next_due_at <= at
    if is_due:
        head = papers.do_due(desk, head, at=at)
    if head.look is None or head.look.at > at:
        return is_due, None
    return is_due, papers.look_for_effects(head, at=at)


ISSUES: Final = _Kind("issue", kept_issues.due_heads, kept_issues.park, _step_issue)
PAPERS: Final = _Kind("paper", kept_papers.due_heads, kept_papers.park, _step_paper)


def _sweep_kind(
    kind: _Kind,
    desk: Callable[[], Desk],
    *,
    at: datetime,
    swept: Swept,
    enqueue: Callable[[list[Missing]], None],
    is_out_of_time: Callable[[], bool],
) -> bool:
    """Do what is due of every county's heads of a kind. Returns False when the time is up."""
    last: Due | None = None
    while page := kind.due(before=at, limit=PAGE, after=last):
        for armed, head in page:
            if is_out_of_time():
                swept.stopped_early = True
                return False
            swept.read += 1
            with _parking(armed, swept, of=kind.name, park=kind.park, at=at):
                if head is None:
                    raise ValueError("not a head")
                fired, missing = kind.step(desk(), armed.order_id, at)
                swept.fired += fired
                if missing is not None:
                    enqueue(missing)
                    swept.requeue.extend(missing)
                    swept.looked += 1
        if len(page) < PAGE:
            break
        last = page[-1][0]
    return True


@contextmanager
def _parking(
    armed: Due, swept: Swept, *, of: str, park: Callable[..., None], at: datetime
) -> Iterator[None]:
    """Step one row of the sweep: who was quicker is counted, what cannot be advanced is parked."""
    try:
        yield
    except Stale:
        swept.raced += 1
    except Unknown:
        log("sweep.gone", **{of: armed.order_id})
        swept.raced += 1
    except (Refused, ValueError, KeyError, TypeError, IndexError) as wrong:
        swept.parked += 1
        until = at + min(max(PARKED, at - armed.due_at), LONGEST_PARK)
        park(armed.order_id, was=armed.due_at, until=until)
        alarm("sweep.parked", **{of: armed.order_id}, why=type(wrong).__name__)


def _one_outage(
    desk: Desk,
    armed: Due,
    head: outages.Head | None,
    *,
    at: datetime,
    swept: Swept,
    enqueue: Callable[[list[tuple[str, int, str]]], None],
) -> None:
    with _parking(armed, swept, of="outage", park=outages.park, at=at):
        if head is None:
            raise ValueError("not a head")
        head = outages.get(armed.order_id)  # the index is behind, and has no keys
        if head.outage.next_due_at is not None and head.outage.next_due_at <= at:
            head = responding.fire(desk, head, at=at)
            swept.fired += 1
        if head.look is not None and head.look.at <= at:
            missing = responding.look_for_effects(head, at=at)
            enqueue(missing)
            swept.requeue.extend(missing)
            swept.looked += 1


def _one_map(
    armed: Due, *, at: datetime, enqueue: Callable[[list[tuple[str, int, str]]], None]
) -> None:
    """Have a map weighed again whose reports waited; until that is done it stays armed."""
    until = instant(millis(at + PARKED))
    heads.park(armed.order_id, was=armed.due_at, until=until)
    enqueue([(armed.order_id, millis(until), WEIGH)])


def _one(
    desk: Desk,
    armed: Due,
    head: Head | None,
    *,
    at: datetime,
    swept: Swept,
    enqueue: Callable[[list[tuple[str, int, str]]], None],
) -> None:
    with _parking(armed, swept, of="order", park=heads.park, at=at):
        if head is None:
            raise ValueError("not a head")
        if head.order.next_due_at is not None and head.order.next_due_at <= at:
            head = _fire(desk, head, at)
            swept.fired += 1
        if head.look is not None and head.look.at <= at:
            missing = look_for_effects(desk, head, at)
            enqueue(missing)
            swept.requeue.extend(missing)
            swept.looked += 1


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


def look_for_effects(desk: Desk, head: Head, at: datetime) -> list[tuple[str, int, str]]:
    """Return the effects that should have settled and did not, and arm or drop the look-back.

    What has not settled after the last look is left to an alarm: an effect that twelve looks could
    not bring about needs a person.
    """
    look = head.look
    if look is None:
        return []
    order_id, wait = head.order.order_id, look_back(desk, head.order, at)
    settled = {entry.effect_id for entry in deliveries.list_for(order_id) if entry.is_final}
    missing: list[tuple[str, int, str]] = []
    newer: Look | None = None
    for event in ledger.read(order_id, after=look.from_seq - 1):
        if event.recorded_at > at - wait:
            if delivering.own_effect_ids(event) and newer is None:
                newer = Look(from_seq=event.seq, at=event.recorded_at + wait, tries=0)
            continue
        missing.extend(
            (order_id, event.seq, effect_id)
            for effect_id in delivering.own_effect_ids(event)
            if effect_id not in settled
        )
    if missing and look.tries + 1 >= MOST_LOOKS:
        alarm("effect.abandoned", order=order_id, count=len(missing))
        missing = []
    again = Look(from_seq=look.from_seq, at=at + wait, tries=look.tries + 1)
    orders.set_look(head, again if missing else newer)
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
