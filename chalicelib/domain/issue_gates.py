"""What must be true before an issue is cleared, who signs, and what each level looks at (销号关口).

A gate is a pure function of the head: met or open, by whom, when, and why. `clear` is refused while
one is open, and names them all. What does not apply to an issue is met because it is not needed,
and says so; a line whose customer was unreached, refused the visit or is anonymous is met by a
concluded site investigation, and says that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from .clocks import Rules
from .issue import COMMANDS, LEVELS, LIGHT, NOT_LET_GO, Issue, SignOff, Source
from .order import GRADES
from .procedure import Form, Need


@dataclass(frozen=True, slots=True)
class GateState:
    """One gate as it stands. by: staff id, `system`, or nothing. why: a slug, `issue.why.*`."""

    name: str
    met: bool
    by: str = ""
    at: datetime | None = None
    why: str = ""


NOT_NEEDED: Final = "not_needed"
MISSING: Final = "missing"


INSTEAD: Final = ("anonymous", "refused", "unreached")
WHYS: Final = (
    *(NOT_NEEDED, MISSING, "anonymous", "satisfied", "no_measure", "mismatch", "attempts_left"),
    *("site_open", "supervision_open", "order_open", "paper_open", "let_go"),
    *(f"{why}_{how}" for why in INSTEAD for how in ("investigated", "not_investigated")),
    *(f"level_{level}" for level in LEVELS),
)
"""Every reason that a gate gives for how it stands."""


def _open(why: str = MISSING) -> GateState:
    return GateState("", met=False, why=why)


def _spare() -> GateState:
    return GateState("", met=True, why=NOT_NEEDED)


def _step(name: str) -> Callable[[Issue, Rules], GateState]:
    """A gate that is met once something was done in this round."""

    def met(issue: Issue, _rules: Rules) -> GateState:
        done = issue.done.get(name)
        return _open() if done is None else GateState("", met=True, by=done.by, at=done.at)

    return met


def _contacted(issue: Issue, rules: Rules) -> GateState:
    if issue.anonymous:
        return GateState("", met=True, why="anonymous")
    return _step("contacted")(issue, rules)


def _attributed(issue: Issue, rules: Rules) -> GateState:
    """归因 of every complaint that we answer for (S1.26)."""
    if "decided" in issue.done and not issue.is_liable:
        return _spare()
    return _step("attributed")(issue, rules)


def _measure_matches(issue: Issue, _rules: Rules) -> GateState:
    done = issue.done.get("measure_matches")
    if "measure" not in issue.done:
        return _open("no_measure")
    if done is None:
        return _open()
    matches = done.facts.get("matches") is True
    return GateState("", met=matches, by=done.by, at=done.at, why="" if matches else "mismatch")


def _replied(issue: Issue, rules: Rules) -> GateState:
    if issue.anonymous:
        return GateState("", met=True, why="anonymous")
    return _step("replied")(issue, rules)


def _visit(issue: Issue, rules: Rules) -> GateState:
    """回访 satisfied; else a concluded investigation of the site stands in for it, and says why."""
    visits = issue.round_visits
    last = visits[-1] if visits else None
    if last is not None and last.result == "satisfied":
        return GateState("", met=True, by=last.by, at=last.at, why="satisfied")
    attempts = rules.number("return_visit.attempts", issue.opened_at)
    instead = (
        "anonymous"
        if issue.anonymous
        else "refused"
        if last is not None and last.result == "refused"
        else "unreached"
        if len(visits) >= attempts
        else ""
    )
    if not instead:
        return _open("attempts_left" if visits else MISSING)
    site = issue.site
    if site is None or site.is_open or site.round != issue.round:
        return _open(f"{instead}_not_investigated")
    return GateState(
        "", met=True, by=site.concluded_by, at=site.concluded_at, why=f"{instead}_investigated"
    )


def _site_investigation(issue: Issue, _rules: Rules) -> GateState:
    site = issue.site
    if site is None:
        return _spare()
    if site.is_open:
        return _open("site_open")
    return GateState("", met=True, by=site.concluded_by, at=site.concluded_at)


def _supervisions_closed(issue: Issue, _rules: Rules) -> GateState:
    if not issue.supervisions:
        return _spare()
    if any(one.is_open for one in issue.supervisions.values()):
        return _open("supervision_open")
    last = max(issue.supervisions.values(), key=lambda one: one.closed_at or one.at)
    return GateState("", met=True, by=last.closed_by, at=last.closed_at)


def _orders_archived(issue: Issue, _rules: Rules) -> GateState:
    """Every linked order is filed, so none goes on behind a cleared line."""
    if not issue.orders:
        return _spare()
    if not all(one.final for one in issue.orders.values()):
        return _open("order_open")
    filed = [one.archived_at for one in issue.orders.values() if one.archived_at]
    return GateState("", met=True, by="system", at=max(filed, default=None))


def _papers_closed(issue: Issue, _rules: Rules) -> GateState:
    """No appeal is pending, no entry of accountability half written."""
    if not issue.papers:
        return _spare()
    if any(paper.open for paper in issue.papers.values()):
        return _open("paper_open")
    closed = [paper.at for paper in issue.papers.values() if paper.at]
    return GateState("", met=True, by="system", at=max(closed, default=None))


def _four_not_let_go(issue: Issue, _rules: Rules) -> GateState:
    """四不放过 of service events (S0.19): each of the four has been answered with yes."""
    if not issue.service_event:
        return _spare()
    done = issue.done.get("four_not_let_go")
    if done is None:
        return _open()
    whole = all(done.facts.get(name) is True for name in NOT_LET_GO)
    return GateState("", met=whole, by=done.by, at=done.at, why="" if whole else "let_go")


def _repeated_violation(issue: Issue, rules: Rules) -> GateState:
    """累积 (S0.25): what is our fault counts for whoever it is attributed to."""
    if "decided" in issue.done and not issue.is_liable:
        return _spare()
    return _step("repeated_violation_recorded")(issue, rules)


def _signed(issue: Issue, rules: Rules) -> GateState:
    level = next_level(issue, rules)
    if level is not None:
        return _open(f"level_{level}")
    last = max(issue.sign_offs.values(), key=lambda one: one.at)
    return GateState("", met=True, by=last.by, at=last.at)


def _follow_up_set(issue: Issue, rules: Rules) -> GateState:
    if issue.follow_up_on is None:
        return _open()
    return _step("follow_up_set")(issue, rules)


GATES: Final[Mapping[str, Callable[[Issue, Rules], GateState]]] = MappingProxyType(
    {
        "contacted": _contacted,
        "investigation_written": _step("investigated"),
        "evidence": _step("evidence"),
        "decided": _step("decided"),
        "attributed": _attributed,
        "root_cause": _step("root_cause"),
        "measure_matches": _measure_matches,
        "replied": _replied,
        "visit": _visit,
        "site_investigation": _site_investigation,
        "supervisions_closed": _supervisions_closed,
        "orders_archived": _orders_archived,
        "papers_closed": _papers_closed,
        "four_not_let_go": _four_not_let_go,
        "repeated_violation_recorded": _repeated_violation,
        "follow_up_set": _follow_up_set,
        "signed": _signed,
    }
)
"""In the order in which they are usually met. Words: `issue.gate.*`; open ones also `gate.*`."""


def gates(issue: Issue, rules: Rules) -> tuple[GateState, ...]:
    """Return every gate of 销号, met or open, in the order of the table."""
    return tuple(replace(gate(issue, rules), name=name) for name, gate in GATES.items())


def open_gates(issue: Issue, rules: Rules) -> list[str]:
    """Return the names of the gates that stand open."""
    return [gate.name for gate in gates(issue, rules) if not gate.met]


# Signing --------------------------------------------------------------------------------------

SIGN_LIMITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{grade: f"issue.sign.{grade}" for grade in GRADES},
        Source.GRIEVANCE.value: "issue.sign.grievance",
        Source.POOR_SUPPLY.value: "issue.sign.poor_supply",
        Source.HOTLINE_12398.value: "issue.sign.hotline_12398",
        Source.HOTLINE_12345.value: "issue.sign.hotline_12345",
        "bypass": "issue.sign.bypass",
    }
)
"""How many levels sign (county first): by grade, by source, and after 越级; the most count.

What is no complaint (`LIGHT`), of the general grade, takes fewer levels than its grade asks for;
once a complaint has joined it takes as many."""

CHECKLISTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "county": (
            "contact_in_time",
            "facts_checked_on_site",
            "evidence_complete",
            "cause_found",
            "measure_carried_out",
            "customer_told",
            "leader_called",
        ),
        "city": (
            "facts_confirmed",
            "attribution_settled",
            "measure_fits_request",
            "visit_checked",
            "orders_filed",
            "lessons_passed_on",
            "looked_at_on_site",
        ),
        "province": (
            "regulator_answered",
            "deadlines_reviewed",
            "bypass_explained",
            "accountability_done",
            "follow_up_arranged",
            "customer_called",
        ),
    }
)
"""处理到位标准 of the three levels (S1.19). The standard exists, its items were not read: [design].
Each item is a limit, `item_limit`: an office switches it off or on for itself and those below it,
from a day on; the last of each level is an example that is shipped switched off. Words:
`issue.item.*`."""


def item_limit(level: str, item: str) -> str:
    """Return the name of the limit that says whether a level looks at an item."""
    return f"issue.item.{level}.{item}"


def checklist(level: str, rules: Rules, at: datetime, *, office: str = "") -> tuple[str, ...]:
    """Return what a level looks at before it signs, as its own office has set it.

    office: that of the level. What an office below it would rather not have looked at counts for
    nothing.
    """
    above = rules.offices
    own = replace(rules, offices=above[above.index(office) :] if office in above else above)
    return tuple(
        item for item in CHECKLISTS[level] if own.limit(item_limit(level, item), at).enabled
    )


def checklist_of(issue: Issue, level: str, rules: Rules) -> tuple[str, ...]:
    """Return what a level looks at on an issue: as it was set when the issue was opened."""
    return checklist(level, rules, issue.opened_at, office=issue.levels.get(level, ""))


def needed_levels(issue: Issue, rules: Rules) -> tuple[str, ...]:
    """Return the levels that sign, lowest first; always one at least that has an office here."""
    present = tuple(issue.levels) or LEVELS[:1]
    count = rules.number(SIGN_LIMITS[issue.grade], issue.opened_at)
    is_light = issue.source in LIGHT and all(
        one.kind != "complaint" for one in issue.orders.values()
    )
    if is_light and issue.grade == GRADES[0]:
        count = rules.number(SIGN_LIMITS[issue.source], issue.opened_at)
    also = [issue.source] if issue.source in SIGN_LIMITS else []
    also += [Source.HOTLINE_12398.value] if issue.hotline_calls else []
    also += ["bypass"] if issue.bypass is not None else []
    more = [rules.number(SIGN_LIMITS[name], issue.opened_at) for name in also]
    wanted = LEVELS[: max([count, *more])]
    return tuple(level for level in wanted if level in present) or present[:1]


def next_level(issue: Issue, rules: Rules) -> str | None:
    """Return the level whose signature is awaited; None once all have signed."""
    return next(
        (level for level in needed_levels(issue, rules) if level not in issue.sign_offs), None
    )


def needs_now(name: str, issue: Issue, rules: Rules) -> tuple[Need, ...]:
    """Return what a command asks for as the issue stands: `sign` for its level's checklist."""
    needs = COMMANDS[name].needs
    if name in {"sign", "return_sign"}:
        level = next_level(issue, rules)
        items = checklist_of(issue, level, rules) if level else ()
        return (*(Need(item, Form.FLAG) for item in items), *needs)
    open_ones = {
        "order": tuple(issue.orders) if name in {"unlink", "flag_bypass"} else (),
        "supervision": tuple(k for k, one in issue.supervisions.items() if one.is_open),
    }
    return tuple(
        replace(need, form=Form.CHOICE, choices=open_ones[need.name])
        if open_ones.get(need.name)
        else need
        for need in needs
    )


def summary(issue: Issue, rules: Rules) -> tuple[int, int]:
    """Return how many gates stand open, and how many apply to the issue."""
    found = gates(issue, rules)
    applying = [gate for gate in found if gate.why != NOT_NEEDED]
    return sum(1 for gate in found if not gate.met), len(applying)


def chain_of_sign_offs(issue: Issue, rules: Rules) -> tuple[tuple[str, SignOff | None], ...]:
    """Return the levels that sign with their sign-offs, lowest first; of a cleared line, all."""
    return tuple((level, issue.sign_offs.get(level)) for level in needed_levels(issue, rules))
