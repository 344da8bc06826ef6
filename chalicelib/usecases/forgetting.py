"""Each night: forget the people of orders whose term is over (到期清除), and keep a register of it.

What goes: contact, words, files, and what the queue showed. What stays: the chain of events, which
holds no personal data and still verifies. Who comes up for forgetting stands in a daybook of its
own, by the day on which the term ends, so a night reads one day's lines and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from chalicelib.domain.calendar import local_day
from chalicelib.domain.order import Actor, Event, Order
from chalicelib.domain.refusal import Unknown
from chalicelib.domain.staff import Outsider
from chalicelib.outbound.objects import Files
from chalicelib.store import daybook, ledger, orders, personal, traces
from chalicelib.telemetry import log
from chalicelib.usecases.desk import Desk

PAGE: Final = 100
AGAIN: Final = timedelta(days=30)
"""An order that is still open when its term comes up is looked at again after this."""
LATE_NIGHTS: Final = 7
"""Days that a night looks back, for nights that did not run."""

MAJOR: Final = frozenset({"special", "major"})
EVIDENCE: Final = frozenset({"complaint", "grievance", "misconduct_report"})


@dataclass(slots=True)
class Forgotten:
    """What one night did."""

    orders: int = 0
    rows: int = 0
    postponed: int = 0


def term(desk: Desk, order: Order, at: datetime) -> datetime:
    """Return until when an order's people are kept, counted from when it was closed."""
    limit_id = "retention.contact"
    if order.kind in EVIDENCE:
        grade = "major" if order.grade in MAJOR else "general"
        limit_id = f"retention.complaint_evidence.{grade}"
    return desk.rules(order.county).limit(limit_id, at).after(order.closed_at or at)


def remember_to_forget(desk: Desk, order: Order, *, at: datetime) -> None:
    """Note on which day an order comes up; called when it is opened. Idempotent."""
    _note(order, local_day(term(desk, order, at)), version=order.version)


def forget(
    desk: Desk, files: Files, *, at: datetime, is_out_of_time: Callable[[], bool]
) -> Forgotten:
    """Forget whoever is due, county by county. Safe to repeat and to be killed anywhere."""
    done = Forgotten()
    today = local_day(at)
    for county in desk.snapshot.counties:
        after: str | None = None
        while True:
            page = daybook.lines(
                _book(county), today - timedelta(days=LATE_NIGHTS), today, limit=PAGE, after=after
            )
            for line in page.items:
                if is_out_of_time():
                    return done
                _one(desk, files, line.order_id, at=at, done=done)
            after = page.after
            if after is None:
                break
    return done


def _one(desk: Desk, files: Files, order_id: str, *, at: datetime, done: Forgotten) -> None:
    try:
        head = orders.get(order_id)
    except Unknown:
        log("forget.gone", order=order_id)
        return
    order = head.order
    until = term(desk, order, at)
    if order.closed_at is None or until > at:
        _note(order, local_day(max(until, at + AGAIN)), version=order.version)
        done.postponed += 1
        return
    rows = erase(files, head, reason="term", at=at)
    done.rows += rows
    done.orders += bool(rows)


def erase(files: Files, head: orders.Head, *, reason: str, at: datetime) -> int:
    """Erase the people of one order and register it. Returns how many rows went; safe to repeat.

    The register is written first: what is gone without a trace could not be accounted for.
    """
    order = head.order
    party = str(head.shown.get("party", ""))
    if not head.shown and not personal.words(order.order_id):
        return 0
    _register(order, reason=reason, at=at)
    for item in personal.list_files(order.order_id):
        files.delete(str(item.details["key"]))
    rows = personal.erase(order.order_id, party=party)
    traces.drop(order.order_id)
    orders.erase_shown(order.order_id)
    log("forget.done", order=order.order_id, rows=rows)
    return rows


def _register(order: Order, *, reason: str, at: datetime) -> None:
    actor = Actor(Outsider.SYSTEM, "forgetting")
    ledger.append(
        Event(
            aggregate=f"forgotten/{order.county}/{local_day(at):%Y}",
            seq=0,
            name="forgotten",
            occurred_at=at,
            recorded_at=at,
            actor=actor,
            changes={},
            data={"order": order.order_id, "reason": reason},
        )
    )


def _book(county: str) -> str:
    return f"forget/{county}"


def _note(order: Order, day: date, *, version: int) -> None:
    daybook.put(_book(order.county), day, order.order_id, {}, version=version)
