"""What tests of papers say over and over: opening one, the right person, answers to every need."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.clocks import Rules, millis
from chalicelib.domain.order import Actor, Order
from chalicelib.domain.papers import PAPERS
from chalicelib.domain.procedure import Advanced, Form, Move, Need, Step, advance, open_order
from tests.domain.engine import MINUTE, NOON, RULES

CHAIN = "paper/261123-7KC2H9QX"
ISSUE = "260720-K7C2H9"
ORDER = "2156234546779933"
UNIT, COUNTY, UPPER = "S1", "X1", "C1"

INTAKE: Mapping[str, Mapping[str, Any]] = {
    "appeal": {
        "issue": ISSUE, "applicant": "unit", "basis": "facts_differ", "aim": "not_upheld",
        "note": "现场录像显示抢修人员按时到达",
    },
    "accountability": {
        "issue": ISSUE, "behaviour": "late_arrival", "attribution": "staff_cause",
        "subject": "person", "person": "crew7", "note": "抢修超时",
    },
    "accountability_interview": {"reason": "monthly_condition", "month": "2026-11"},
    "complaint_risk_warning": {"rule": "same_line"},
    "bulletin": {"issue": ISSUE, "title": "快报", "body": "今日发生一起重大投诉。"},
    "circular": {"month": "2026-10", "title": "十月通报", "body": "本月投诉三件。"},
    "typical_case": {
        "title": "案例", "body": "经过", "cause_told": "信息传递不及时",
        "accountability_told": "已问责", "lessons": "停电信息五分钟内告知",
    },
    "quality_check": {"order": ORDER, "picked_by": "sample"},
    "internal_audit": {"order": ORDER, "picked_by": "reopened"},
    "spot_check": {"issue": ISSUE, "picked_by": "sample"},
}  # fmt: skip
FACTS: Mapping[str, Any] = {
    "upper": UPPER,
    "level": "county",
    "verdict_at": millis(NOON - timedelta(hours=2)),
}


def by(role: str, name: str, office: str = COUNTY) -> Actor:
    return Actor(role, name, office)


def opener(kind: str) -> Actor:
    """Return who may open a paper of this kind."""
    opening = PAPERS[kind].opening
    assert opening is not None
    office = UPPER if "of_upper_office" in opening.only else COUNTY
    role = min(role for role in opening.who if role != "system")
    return by(role, "opener", office)


def drafted(
    kind: str,
    *,
    at: datetime = NOON,
    actor: Actor | None = None,
    facts: Mapping[str, Any] | None = None,
    rules: Rules = RULES,
    **given: Any,
) -> Advanced:
    """Open a paper of the county, or refuse it."""
    answers = {**INTAKE[kind], **given}
    texts = {need.name for need in PAPERS[kind].intake if need.form is Form.TEXT}
    step = Step(
        "opened",
        actor or opener(kind),
        occurred_at=at,
        recorded_at=at,
        data={k: v for k, v in answers.items() if k not in texts and v is not None},
        words={k: v for k, v in answers.items() if k in texts and v is not None},
    )
    return open_order(
        step,
        order_id=CHAIN,
        kind=kind,
        county=COUNTY,
        office=COUNTY,
        fields={"facts": {**FACTS, **(facts or {})}},
        procedures=PAPERS,
        rules=rules,
    )


def answer(need: Need, at: datetime) -> Any:
    """Return a right answer to a need of a move."""
    numbers = {"penalty": "200", "target": "1", "appeal": "261123-22222222"}
    if need.name == "actual":
        return "0"
    return {
        Form.CHOICE: need.choices[0] if need.choices else "",
        Form.TEXT: "说明",
        Form.INSTANT: at + timedelta(days=30),
        Form.FLAG: True,
        Form.FILES: ["file-1"],
        Form.STAFF: "crew7",
        Form.ORDER: ORDER,
        Form.CODE: numbers.get(need.name, "QH-01"),
    }[need.form]


def fit(move: Move, paper: Order) -> Actor:
    """Return somebody whom every rule of the move lets."""
    office = UPPER if "of_upper_office" in move.only else COUNTY
    roles = {"supervisor", "leader", "system"} & {str(role) for role in move.who}
    name = f"{move.name}-somebody"
    if "the_proposer" in move.only:
        name = str(paper.facts.get("proposer"))
    return by(min(roles), name, office)


def do(
    paper: Order,
    name: str,
    *,
    actor: Actor | None = None,
    at: datetime | None = None,
    rules: Rules = RULES,
    **given: Any,
) -> Advanced:
    """Make a move with right answers to whatever it asks."""
    moment = at or (paper.moved_at or NOON) + MINUTE
    move = PAPERS[paper.kind].moves[name]
    step = step_for(move, paper, at=moment, actor=actor, **given)
    return advance(paper, step, procedures=PAPERS, rules=rules)


def step_for(
    move: Move, paper: Order, *, at: datetime, actor: Actor | None = None, **given: Any
) -> Step:
    answers = {need.name: answer(need, at) for need in move.needs if need.required}
    if move.name == "attach_evidence":
        answers["reference"] = "V-2026-11"
    if move.name == "check_found":
        answers[move.needs[0].name] = "not_ok"
    if move.name == "target_missed":
        answers["actual"] = "9"
    answers.update(given)
    texts = {need.name for need in move.needs if need.form is Form.TEXT}
    return Step(
        move.name,
        actor or fit(move, paper),
        occurred_at=at,
        recorded_at=at,
        data={k: v for k, v in answers.items() if k not in texts},
        words={k: v for k, v in answers.items() if k in texts},
    )


def walk(paper: Order, *names: str, **given: Any) -> Order:
    """Make several moves, a minute apart."""
    for name in names:
        paper = do(paper, name, **given.get(name, {})).order
    return paper
