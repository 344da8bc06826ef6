"""Each night: forget the people of what is over (到期清除), and keep a register of it.

What goes: contact, words, files, and what the queue showed, of orders, of issues and of those
papers that examine what was done for one citizen. What stays: the chain of events, which holds no
personal data and still verifies, and what an office issued under its name (circulars, bulletins,
cases, warnings, interviews, the accountability ledger). Who comes up for forgetting stands in a
daybook of its own, by the day on which the term ends, so a night reads one day's lines and nothing
else.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from chalicelib.domain import issue, paper
from chalicelib.domain.calendar import local_day
from chalicelib.domain.issue import Issue
from chalicelib.domain.order import Actor, Event, Order, apply, is_order
from chalicelib.domain.refusal import Unknown
from chalicelib.domain.staff import Outsider
from chalicelib.outbound.objects import Files
from chalicelib.store import daybook, heads, issues, ledger, orders, papers, personal, traces
from chalicelib.telemetry import log
from chalicelib.usecases.desk import Desk

PAGE: Final = 100
AGAIN: Final = timedelta(days=30)
"""What is still open when its term comes up is looked at again after this."""
LATE_NIGHTS: Final = 7
"""Days that a night looks back, for nights that did not run."""

MAJOR: Final = frozenset({"special", "major"})
EVIDENCE: Final = frozenset({"complaint", "grievance", "misconduct_report"})
EVIDENCE_PAPERS: Final = frozenset({"appeal", "quality_check", "internal_audit", "spot_check"})
"""Papers that examine what was done for one citizen: hall videos, records, findings. [design]"""


@dataclass(slots=True)
class Forgotten:
    """What one night did. orders: whatever was forgotten, issues and papers too."""

    orders: int = 0
    rows: int = 0
    postponed: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """What a night must know of an order, an issue or a paper.

    chain: the name of its ledger. office: in whose book it stands: its county's, or that of the
    office above the counties whose paper it is. until: when its term ends; None while it is open.
    """

    chain: str
    office: str
    version: int
    until: datetime | None
    party: str = ""
    has_shown: bool = False


# What is kept, and how long -----------------------------------------------------------------------


def term(desk: Desk, order: Order, at: datetime) -> datetime:
    """Return until when an order's people are kept, counted from when it was closed."""
    since = order.closed_at or at
    if order.kind in EVIDENCE:
        return _evidence_term(desk, order.county, order.grade, since, at=at)
    return desk.rules(order.county).limit("retention.contact", at).after(since)


def _evidence_term(
    desk: Desk, office: str, grade: str, since: datetime, *, at: datetime
) -> datetime:
    """Return until when the evidence of a complaint of that grade is kept."""
    limit_id = f"retention.complaint_evidence.{'major' if grade in MAJOR else 'general'}"
    return desk.rules(office).limit(limit_id, at).after(since)


def _of_order(desk: Desk, order: Order, at: datetime) -> Kept:
    until = term(desk, order, at) if order.closed_at else None
    return Kept(order.order_id, order.county, order.version, until)


def _of_issue(desk: Desk, one: Issue, at: datetime) -> Kept:
    since = one.closed_at
    until = since and _evidence_term(desk, one.county, one.grade, since, at=at)
    return Kept(issue.aggregate(one.issue_id), one.county, one.version, until)


def _of_paper(
    desk: Desk, one: Order, since: datetime | None, at: datetime, *, grade: str = ""
) -> Kept | None:
    """Return what is kept of a paper; None of one that is kept for good.

    since: when it was over; None while it is open. grade: of its issue.
    """
    if one.kind not in EVIDENCE_PAPERS:
        return None
    until = since and _evidence_term(desk, one.county, grade, since, at=at)
    return Kept(one.order_id, one.county, one.version, until)


def _grade_of(one: Order) -> str:
    """Return the grade of the issue that a paper is about; empty where it is about none."""
    about = str(one.facts.get("issue", ""))
    try:
        return issues.get(about).issue.grade if about else ""
    except Unknown:
        return ""


def kept_under(desk: Desk, chain: str, at: datetime) -> Kept | None:
    """Return what is kept under a chain's name as it stands. Raises Unknown, Busy."""
    if issue.is_issue(chain):
        held = issues.get(issue.issue_id_of(chain))
        return replace(_of_issue(desk, held.issue, at), has_shown=bool(held.shown))
    if paper.is_paper(chain):
        found = papers.get(chain)
        since = None if found.is_open else found.paper.moved_at
        return _of_paper(desk, found.paper, since, at, grade=_grade_of(found.paper))
    head = orders.get(chain)
    party = str(head.shown.get("party", ""))
    return replace(_of_order(desk, head.order, at), party=party, has_shown=bool(head.shown))


def remember_to_forget(desk: Desk, opened: Event) -> None:
    """Note on which day what an event opened comes up, were it closed at once. Idempotent.

    It reads nothing: the night looks at what became of it. Nothing is noted where no people are
    kept: outages, the grid, registers. Raises Busy.
    """
    at = opened.recorded_at
    kept: Kept | None = None
    if issue.is_issue(opened.aggregate):
        kept = _of_issue(desk, replace(issue.apply(None, opened), closed_at=at), at)
    elif paper.is_paper(opened.aggregate):
        kept = _of_paper(desk, apply(None, opened), at, at)
    elif is_order(opened.aggregate):
        kept = _of_order(desk, replace(apply(None, opened), closed_at=at), at)
    if kept is not None:
        _note(kept, local_day(kept.until or at))


# A night ------------------------------------------------------------------------------------------


def forget(
    desk: Desk, files: Files, *, at: datetime, is_out_of_time: Callable[[], bool]
) -> Forgotten:
    """Forget whoever is due, book by book. Safe to repeat and to be killed anywhere."""
    done = Forgotten()
    today = local_day(at)
    first = today - timedelta(days=LATE_NIGHTS)
    for office in sorted({each.county for each in desk.snapshot.offices.values()}):
        after: str | None = None
        while True:
            page = daybook.lines(_book(office), first, today, limit=PAGE, after=after)
            for line in page.items:
                if is_out_of_time():
                    return done
                _one(desk, files, line.order_id, at=at, done=done)
            after = page.after
            if after is None:
                break
    return done


def _one(desk: Desk, files: Files, chain: str, *, at: datetime, done: Forgotten) -> None:
    try:
        kept = kept_under(desk, chain, at)
    except Unknown:
        log("forget.gone", order=chain)
        return
    if kept is None:
        return
    if kept.until is None or kept.until > at:
        _note(kept, local_day(max(kept.until or at, at + AGAIN)))
        done.postponed += 1
        return
    rows = erase(files, kept, reason="term", at=at)
    done.rows += rows
    done.orders += bool(rows)


def erase(files: Files, kept: Kept, *, reason: str, at: datetime) -> int:
    """Erase the people of one thing and register it. Returns how many rows went; safe to repeat.

    The register is written first: what is gone without a trace could not be accounted for.
    """
    held = personal.list_files(kept.chain)
    if not (kept.has_shown or held or personal.words(kept.chain)):
        return 0
    _register(kept, reason=reason, at=at)
    for item in held:
        files.delete(str(item.details["key"]))
    rows = personal.erase(kept.chain, party=kept.party)
    if is_order(kept.chain):
        traces.drop(kept.chain)
    if kept.has_shown:
        heads.erase_shown(kept.chain)
    log("forget.done", order=kept.chain, rows=rows)
    return rows


def _register(kept: Kept, *, reason: str, at: datetime) -> None:
    actor = Actor(Outsider.SYSTEM, "forgetting")
    ledger.append(
        Event(
            aggregate=f"forgotten/{kept.office}/{local_day(at):%Y}",
            seq=0,
            name="forgotten",
            occurred_at=at,
            recorded_at=at,
            actor=actor,
            changes={},
            data={"order": kept.chain, "reason": reason},
        )
    )


def _book(office: str) -> str:
    return f"forget/{office}"


def _note(kept: Kept, day: date) -> None:
    daybook.put(_book(kept.office), day, kept.chain, {}, version=kept.version)
