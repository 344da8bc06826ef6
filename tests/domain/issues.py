"""What tests of the ledger say over and over: one issue, who acts on it, right answers."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.calendar import CHINA
from chalicelib.domain.issue import COMMANDS, Issue, Linked
from chalicelib.domain.issue_gates import needs_now, next_level
from chalicelib.domain.issue_moves import (
    Act,
    Made,
    Place,
    advance,
    open_issue,
    order_moved,
)
from chalicelib.domain.order import Actor, order_number
from chalicelib.domain.procedure import Form, Need
from tests.domain.engine import RULES

MORNING = datetime(2026, 9, 23, 9, 0, tzinfo=CHINA)  # Wednesday, two days before a long holiday
HOURS = timedelta(hours=1)
DAYS = timedelta(days=1)
ISSUE = "2156234546779933"
PLACE = Place("S1", "X1", ("P1", "C1", "X1"))
LEVEL_OFFICE = {"county": "X1", "city": "C1", "province": "P1"}
LEVEL_ROLE = {"county": "supervisor", "city": "city_host", "province": "province_monitor"}


def number(name: str) -> str:
    """Return an order's number for a name."""
    return order_number(b"a secret of the ledger's tests..", "tests", name)


ORDER, HOTLINE = number("order"), number("hotline")


def linked(**changed: Any) -> Linked:
    facts: dict[str, Any] = {
        "reason": "opened_by",
        "kind": "complaint",
        "channel": "95598",
        "at": MORNING,
        "by": "system",
        "occurred_at": MORNING,
        "stage": "accepted",
        "seen": 1,
    }
    return Linked(**(facts | changed))


def act(
    role: str = "supervisor",
    *,
    person: str = "",
    level: str = "county",
    at: datetime = MORNING,
    recorded: datetime | None = None,
    **given: Any,
) -> Act:
    """Return an act; `note` and what is personal goes to the words, the rest to the data."""
    words = {k: v for k, v in given.items() if k in TEXTS}
    return Act(
        Actor(role, person or f"{role}.{level}", LEVEL_OFFICE.get(level, "")),
        occurred_at=at,
        recorded_at=recorded or at,
        level=level,
        data={k: v for k, v in given.items() if k not in TEXTS},
        words=words,
    )


TEXTS = {
    need.name for command in COMMANDS.values() for need in command.needs if need.form is Form.TEXT
}


def opened(*, at: datetime = MORNING, source: str = "complaint", **given: Any) -> Issue:
    kind = "grievance" if source == "grievance" else "complaint"
    given.setdefault("orders", {ORDER: linked(at=at, occurred_at=at, kind=kind)})
    return open_issue(
        act("system", person="system", level="", at=at),
        issue_id=ISSUE,
        source=source,
        place=PLACE,
        rules=RULES,
        **given,
    ).issue


def do(issue: Issue, name: str, role: str = "supervisor", **given: Any) -> Issue:
    """Give a command with right answers, those in `given` as they are."""
    return made(issue, name, role, **given).issue


def made(issue: Issue, name: str, role: str = "supervisor", **given: Any) -> Made:
    """As `do`, with the events. None takes an answer away."""
    plain = {k: given.pop(k) for k in ("person", "level", "at", "recorded") if k in given}
    plain.setdefault("at", issue.moved_at or issue.recorded_at)
    if name in {"sign", "return_sign"} and "level" not in plain:
        plain["level"] = next_level(issue, RULES) or "county"
        role = LEVEL_ROLE[plain["level"]] if role == "supervisor" else role
    extra = {k: given.pop(k) for k in ("linked", "place") if k in given}
    needed = {
        need.name: answer(need, plain["at"])
        for need in needs_now(name, issue, RULES)
        if need.required
    }
    given = {k: v for k, v in (needed | given).items() if v is not None}
    return advance(issue, name, replace(act(role, **plain, **given), **extra), rules=RULES)


def answer(need: Need, at: datetime) -> Any:
    """Return a right answer to a need."""
    return {
        Form.CHOICE: need.choices[0] if need.choices else "",
        Form.TEXT: "说明",
        Form.INSTANT: at + 30 * DAYS,
        Form.FLAG: True,
        Form.ORDER: ORDER,
        Form.FILES: ["photo-1"],
        Form.SCORE: 5,
        Form.OFFICE: "S1",
        Form.STAFF: "crew7",
        Form.CODE: "c-1",
    }[need.form]


def filed(issue: Issue, at: datetime) -> Issue:
    """Return the issue once each of its orders is filed."""
    for order_id, known in issue.orders.items():
        after = replace(known, seen=known.seen + 1, stage="archived", archived_at=at, final=True)
        moved = order_moved(
            issue, order_id, after, act("system", person="system", level="", at=at), rules=RULES
        )
        issue = issue if moved is None else moved.issue
    return issue


def handled(issue: Issue, *, at: datetime | None = None, liable: bool = True) -> Issue:
    """Return the issue with everything done but the visit and the signatures."""
    at = at or issue.recorded_at + HOURS
    issue = do(issue, "assign", at=at, office="S1", staff="liaison.county")
    issue = do(issue, "contact", "liaison", at=at)
    issue = do(issue, "investigate", "liaison", at=at)
    issue = do(issue, "evidence", "liaison", at=at)
    liability = "utility_liable" if liable else "not_liable"
    issue = do(issue, "decide", at=at, verdict="upheld", liability=liability)
    if liable:
        issue = do(issue, "attribute", at=at, staff="grid9")
        issue = do(issue, "record_violation", at=at)
    if issue.service_event:
        issue = do(issue, "four_not_let_go", at=at)
    issue = do(issue, "root_cause", "liaison", at=at)
    issue = do(issue, "measure", "liaison", at=at)
    issue = do(issue, "match", at=at)
    issue = do(issue, "reply", "liaison", at=at)
    issue = filed(issue, at)
    return do(issue, "plan_follow_up", at=at)


def visited(issue: Issue, *, at: datetime | None = None, result: str = "satisfied") -> Issue:
    """Return the issue after a return visit in daylight."""
    when = at or (issue.moved_at or issue.recorded_at)
    return do(issue, "visit", "return_visitor", at=when, result=result)


def signed(issue: Issue) -> Issue:
    """Return the issue with every signature that it needs."""
    while next_level(issue, RULES) is not None:
        issue = do(issue, "sign")
    return issue


def cleared(issue: Issue | None = None, **given: Any) -> Issue:
    """Return an issue that went the whole way."""
    issue = signed(visited(handled(issue or opened(**given))))
    top = list(issue.sign_offs)[-1]
    return do(issue, "clear", LEVEL_ROLE[top], level=top)
