"""What tests of the engine say over and over: rules, actors, answers to every need."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.domain.calendar import Calendar, OfficeHours
from chalicelib.domain.clocks import Rules
from chalicelib.domain.limits import LimitBook
from chalicelib.domain.order import Actor, Order, order_number
from chalicelib.domain.procedure import (
    Advanced,
    Form,
    Move,
    Need,
    Step,
    advance,
    open_order,
)
from chalicelib.domain.procedures import PROCEDURES

NOON = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)  # Monday 12:15 in China
MINUTE = timedelta(minutes=1)
NUMBER = "2156234546779933"
OTHER = order_number(b"another secret of the tests, long", "tests", "other")
RULES = Rules(
    book=LimitBook.shipped("state_grid"),
    calendar=Calendar.shipped(),
    hours=OfficeHours(),
    offices=("S1", "X1", "C1", "P1"),
)
SUB_TYPE = {"service_request": "meter_abnormal"}
INTAKE_DATA: Mapping[str, Mapping[str, Any]] = {"misconduct_report": {"theme": "conduct"}}


def actor(role: str = "dispatcher", actor_id: str = "u1") -> Actor:
    return Actor(role, actor_id, "X1")


def opened(
    kind: str = "fault",
    *,
    at: datetime = NOON,
    recorded: datetime | None = None,
    by: Actor | None = None,
    sub_type: str | None = None,
    facts: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Advanced:
    step = Step(
        "opened",
        by or Actor("citizen", "citizen"),
        occurred_at=at,
        recorded_at=recorded or at,
        data=INTAKE_DATA.get(kind, {}),
        words={"description": "家里没电了"},
    )
    return open_order(
        step,
        order_id=NUMBER,
        kind=kind,
        county="X1",
        office="X1",
        fields={
            "sub_type": SUB_TYPE.get(kind, "") if sub_type is None else sub_type,
            "facts": {"terrain": "rural", "low_voltage": True, **(facts or {})},
            **fields,
        },
        procedures=PROCEDURES,
        rules=RULES,
    )


def answer(need: Need, order: Order, at: datetime) -> Any:
    """Return a right answer to a need."""
    waiting = [
        name.removeprefix("supervision:")
        for name, clock in order.clocks.items()
        if name.startswith("supervision:") and clock.stopped_at is None
    ]
    codes = {
        "kind": "opinion" if order.kind == "enquiry" else "enquiry",
        "supervision": waiting[0] if waiting else "999",
    }
    return {
        Form.CHOICE: need.choices[0] if need.choices else "",
        Form.TEXT: "13800138000" if need.name == "phone" else "说明",
        Form.INSTANT: at + timedelta(hours=2),
        Form.FLAG: True,
        Form.ORDER: OTHER,
        Form.FILES: [],
        Form.SCORE: 5,
        Form.OFFICE: "S1",
        Form.STAFF: "crew7",
        Form.CODE: codes.get(need.name, "QH-01"),
    }[need.form]


def step_for(
    move: Move, order: Order, *, role: str | None = None, at: datetime, **given: Any
) -> Step:
    """Return a step that answers everything that the move requires."""
    needed = {n.name: answer(n, order, at) for n in move.needs if n.required}
    needed.update(given)
    texts = {n.name for n in move.needs if n.form is Form.TEXT}
    return Step(
        move.name,
        actor(role or min(move.who)),
        occurred_at=at,
        recorded_at=at,
        data={k: v for k, v in needed.items() if k not in texts},
        words={k: v for k, v in needed.items() if k in texts},
    )


def do(
    order: Order,
    name: str,
    role: str | None = None,
    *,
    at: datetime | None = None,
    recorded: datetime | None = None,
    **given: Any,
) -> Advanced:
    """Make a move with right answers to whatever it asks."""
    moment = at or (order.moved_at or NOON) + MINUTE
    move = PROCEDURES[order.kind].moves[name]
    step = step_for(move, order, role=role, at=moment, **given)
    if recorded:
        step = Step(
            step.move,
            step.actor,
            occurred_at=moment,
            recorded_at=recorded,
            data=step.data,
            words=step.words,
        )
    return advance(order, step, procedures=PROCEDURES, rules=RULES)


def walk(order: Order, *names: str, **given: Any) -> Order:
    """Make several moves, a minute apart."""
    for name in names:
        order = do(order, name, **given.get(name, {})).order
    return order


FAULT_LINE = ("dispatch", "receive", "set_out", "arrive", "restore", "reply", "approve_reply")
