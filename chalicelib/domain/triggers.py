"""What an issue starts by itself (触发条件): investigations, supervision, a higher grade, 越级.

Each trigger is data: the command that follows, the limits that it counts by, and where it is from.
`wishes` is a pure function of an event of the issue and the head after it, so a redelivery wishes
for the same; whoever carries a wish out gives it the event's number as its key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from . import grading
from .clocks import Rules
from .grading import Facts, Proposal
from .issue import ACTIVE, GROWING, LEVELS, WISHING, Bypass, Issue, Linked
from .order import GRADES, Event

REGULATOR: Final = "12398"
HOTLINES: Final = frozenset({REGULATOR, "12345"})
"""Channels of others: a complaint that came by any other one is ours (95598, counter, web …)."""
COMPLAINTS: Final = frozenset({"complaint", "grievance"})
NEIGHBOURLY: Final = frozenset({"same_event", "same_outage", "joined", "person"})
"""Why orders of somebody else may be linked: they do not make the customer's third complaint."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger. command: of the issue. limits: by which it counts. Words: `trigger.<name>`."""

    name: str
    command: str
    source: str
    limits: tuple[str, ...] = ()


TRIGGERS: Final[Mapping[str, Trigger]] = MappingProxyType(
    {
        one.name: one
        for one in (
            Trigger(
                "second_12398_call",
                "open_site_investigation",
                "[found] China Southern Grid, Yunnan, 2017 (S1.4a)",
                ("site_investigation.calls_12398",),
            ),
            Trigger(
                "visit_dissatisfied",
                "open_site_investigation",
                "[found] China Southern Grid, Yunnan, 2017 (S1.4b)",
            ),
            Trigger(
                "wide_impact",
                "open_site_investigation",
                "[found] China Southern Grid, Yunnan, 2017 (S1.4c); the figures are [design]",
                ("site_investigation.households", "site_investigation.complaints"),
            ),
            Trigger(
                "third_complaint",
                "supervise",
                "[exam] China Southern Grid: the same customer, the same issue, three complaints",
                ("repeat_complaint.province",),
            ),
            Trigger(
                "important_complaint",
                "supervise",
                "[found] Guangxi, 2017: important 95598 complaints are raised a level, supervised "
                "and visited more closely, so that nobody needs 12398 (S1.30)",
            ),
            Trigger(
                "poor_supply",
                "link",
                "[found] 停电多、电压低 are two of the four pain points (S1.8), and grievances are "
                "cleared like complaints (S1.14); the counts are those of 频繁停电",
                ("frequent_outage.count", "low_voltage.count", "poor_supply.opens_issue"),
            ),
            Trigger(
                "grade",
                "classify",
                "the rules of grades, each with its own source",
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Impact:
    """How far an event reaches. complaints: about it, of everybody; households: without power."""

    complaints: int = 1
    households: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """A command that an issue's own event asks for. level: whose it is, as an act has it."""

    trigger: str
    command: str
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    level: str = ""


def wishes(event: Event, issue: Issue, *, impact: Impact, rules: Rules) -> tuple[Wish, ...]:
    """Return what an event asks for, as its issue stands now; nothing of one that is not active."""
    is_asked = event.name in WISHING and issue.state in ACTIVE
    if not is_asked or issue.training or issue.confidential:
        return ()
    at = event.recorded_at
    found = [
        *_graver(issue, impact, rules, at),
        *_investigation(event, issue, impact, rules, at),
        *_supervision(event, issue, rules, at),
    ]
    return tuple(found)


def _graver(issue: Issue, impact: Impact, rules: Rules, at: datetime) -> list[Wish]:
    proposal = grading.propose(facts_of(issue, impact), rules=rules, at=at)
    if not grading.rises(issue.grade, proposal):
        return []
    data = {"grade": proposal.grade, "reason": proposal.reasons[0]}
    return [Wish("grade", TRIGGERS["grade"].command, data)]


def facts_of(issue: Issue, impact: Impact) -> Facts:
    """Return what the rules of grades are asked about."""
    return Facts(
        forwarded_by=grading.REGULATOR if issue.hotline_calls else "",
        may_bypass=issue.tendency,
        repeated=max(1, complaints_of_customer(issue)),
        complaints=impact.complaints,
        households=impact.households,
    )


def proposed_grade(issue: Issue, *, rules: Rules, at: datetime) -> Proposal | None:
    """Return the graver grade that its reports' words and ticks propose; None where none is.

    Nothing is raised by it: a person confirms that it is so.
    """
    signs = [sign for one in issue.orders.values() for sign in one.signs]
    facts = grading.with_signs(facts_of(issue, Impact()), signs)
    proposal = grading.propose(facts, rules=rules, at=at)
    return proposal if grading.rises(issue.grade, proposal) else None


def complaints_of_customer(issue: Issue) -> int:
    """Return how often the customer complained about it, at any desk."""
    return sum(
        1
        for one in issue.orders.values()
        if one.kind in COMPLAINTS and one.reason not in NEIGHBOURLY
    )


def _investigation(
    event: Event, issue: Issue, impact: Impact, rules: Rules, at: datetime
) -> list[Wish]:
    if issue.site is not None and issue.site.is_open:
        return []
    grows = event.name in GROWING
    calls = event.changes.get("hotline_calls", 0)
    is_again = calls >= rules.number("site_investigation.calls_12398", at)
    is_wide = impact.households >= rules.number(
        "site_investigation.households", at
    ) or impact.complaints >= rules.number("site_investigation.complaints", at)
    said = {event.data.get("trigger"), *(["visit_dissatisfied"] if _refused(event) else [])}
    named = {
        "second_12398_call": grows and is_again,
        "visit_dissatisfied": "visit_dissatisfied" in said,
        "wide_impact": grows and is_wide and issue.site is None,
    }
    return [
        Wish(name, TRIGGERS[name].command, {"trigger": name})
        for name, is_so in named.items()
        if is_so
    ][:1]


def _refused(event: Event) -> bool:
    return event.name == "order_moved" and event.data.get("visit") == "dissatisfied"


def _supervision(event: Event, issue: Issue, rules: Rules, at: datetime) -> list[Wish]:
    """The province supervises the third complaint, the city what is important, each once."""
    asked = {one.level for one in issue.supervisions.values()}
    is_third = complaints_of_customer(issue) >= rules.number("repeat_complaint.province", at)
    is_important = GRADES.index(issue.grade) >= 1 and is_own(issue)
    city, province = LEVELS[1:]
    found = []
    if event.name in GROWING and is_third and province not in asked:
        found.append(Wish("third_complaint", "supervise", {}, province))
    if is_important and city not in asked:
        found.append(Wish("important_complaint", "supervise", {}, city))
    return [wish for wish in found if wish.level in issue.levels]


def is_own(issue: Issue) -> bool:
    """Return whether one of its complaints came to us, and not only to a hotline of others."""
    return any(
        one.kind == "complaint" and one.channel not in HOTLINES for one in issue.orders.values()
    )


# 越级 ---------------------------------------------------------------------------------------------


def bypass_of(
    orders: Mapping[str, Linked], *, called_at: datetime, cleared_at: datetime | None = None
) -> Bypass | None:
    """Return which earlier complaint of ours was not effectively handled when 12398 was called.

    Overdue, not satisfied at its visit, or filed while its issue was not cleared (S1.27). Any other
    earlier contact is none. orders: of the issue. cleared_at: when the issue was last cleared.
    """
    earlier = sorted(
        (one.occurred_at, order_id)
        for order_id, one in orders.items()
        if one.kind == "complaint"
        and one.channel not in HOTLINES
        and one.occurred_at < called_at
        and one.reason not in NEIGHBOURLY
    )
    for _, order_id in reversed(earlier):
        why = _not_handled(orders[order_id], called_at, cleared_at)
        if why:
            return Bypass(order_id, why, called_at)
    return None


def _not_handled(one: Linked, called_at: datetime, cleared_at: datetime | None) -> str:
    if one.broken_at is not None and one.broken_at <= called_at:
        return "overdue"
    if one.visit == "dissatisfied":
        return "dissatisfied"
    is_filed = one.archived_at is not None and one.archived_at <= called_at
    is_cleared = cleared_at is not None and cleared_at <= called_at
    return "archived_uncleared" if is_filed and not is_cleared else ""
