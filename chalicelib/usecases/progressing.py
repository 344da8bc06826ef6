"""What becomes of a complaint's issue, for whoever complained: plain words, and two things to say.

The issue may hold orders of others: nothing of those is told, only how far the matter is. A report
of misconduct has no progress to show: its issue is known to those who look into it alone.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from chalicelib.domain import words
from chalicelib.domain.issue import COMMANDS, Issue, State
from chalicelib.domain.order import Order
from chalicelib.domain.procedure import ISSUE, is_on_ledger
from chalicelib.domain.refusal import GateClosed, IllegalMove, Unknown
from chalicelib.domain.staff import Outsider
from chalicelib.store import traces
from chalicelib.store.issues import Head
from chalicelib.usecases import clearing, linking
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.showing import stamp

SAID: Final = ("add", "not_solved")
"""What a citizen may say about an issue."""
STEPS: Final = (
    "open", "handling", "investigation", "signing", "cleared", "followed_up", "terminated",
)  # fmt: skip
"""How far it is, in the citizens' few words: `public.issue.<step>`."""


def find(desk: Desk, order: Order) -> Head | None:
    """Return the issue of an order, if its reporter may hear of it. Raises Busy."""
    procedure = desk.procedure(order.kind)
    if procedure.confidential or order.training or not is_on_ledger(order, procedure):
        return None
    issue_id = traces.issue_of(order.order_id) or str(order.facts.get(ISSUE, ""))
    try:
        head = linking.holder(issue_id) if issue_id else None
    except Unknown:
        return None
    return None if head is None or head.issue.confidential else head


def progress(desk: Desk, order: Order, *, language: str) -> dict[str, Any] | None:
    """Return how far the issue of an order is, None where there is none to tell of. Raises Busy."""
    head = find(desk, order)
    if head is None:
        return None
    issue = head.issue
    step = step_of(issue)
    return {
        "step": step,
        "text": words.say(f"public.issue.{step}", language),
        "at": stamp(issue.moved_at or issue.recorded_at),
        "again": issue.relapses > 0,
        "can": [name for name in SAID if _may_say(name, issue)],
    }


def step_of(issue: Issue) -> str:
    """Return how far an issue is, one of STEPS."""
    if issue.site is not None and issue.site.is_open:
        return "investigation"
    return State.HANDLING.value if issue.state is State.MERGED else issue.state.value


def _may_say(name: str, issue: Issue) -> bool:
    command = COMMANDS[name]
    return issue.state in command.states and Outsider.CITIZEN in command.who


def say(desk: Desk, order: Order, command: Command) -> None:
    """Let the citizen add to the issue of their order, or say that it is not solved.

    Raises Unknown where there is no issue to tell of, and as a move of an issue does.
    """
    head = find(desk, order)
    if head is None or command.move not in SAID:
        raise Unknown(what="issue")
    clearing.move(desk, head.issue.issue_id, replace(command, if_match=None))


def also_not_solved(desk: Desk, order: Order, command: Command, *, at: datetime) -> None:
    """Tell the issue of an order that its reporter has just opened again, if it can hear that."""
    note = command.answers.get("note")
    said = replace(
        command,
        move="not_solved",
        key=f"{command.key}.issue",
        at=at,
        answers={"note": note} if note else {},
    )
    try:
        say(desk, order, said)
    except (Unknown, IllegalMove, GateClosed):
        return  # it has no issue, or one that was not answered yet: the order itself says enough
