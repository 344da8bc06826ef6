"""抱怨: below a complaint, and it takes part in the closed loop all the same (S1.14)."""

from typing import Final

from chalicelib.domain import moves as m
from chalicelib.domain.clocks import QUIET_LADDER
from chalicelib.domain.procedure import ClockRule, Form, Need, Procedure

WORKS: Final = (m.RECEIVED, m.IN_PROGRESS)
STAGES: Final = (
    m.ACCEPTED,
    m.DISPATCHED,
    *WORKS,
    m.REPLIED,
    m.RETURN_VISIT,
    m.FINAL_RULING,
    m.ARCHIVED,
    m.WITHDRAWN,
    m.TERMINATED,
)

PROCEDURE: Final = Procedure(
    kind="grievance",
    stages=STAGES,
    first=m.ACCEPTED,
    final=m.FINAL,
    intake=(
        Need("escalation_tendency", Form.FLAG, required=False),
        Need("description", Form.TEXT, longest=2000),
        Need("wish", Form.TEXT, required=False, longest=1000),
    ),
    moves=m.table(
        STAGES,
        m.line(works=WORKS),
        m.contact(works=WORKS),
        m.reply(works=WORKS, needs=()),
        m.reviewing(works=m.IN_PROGRESS, to=m.RETURN_VISIT),
        m.visiting(),
        m.side(works=WORKS, visits=True),
    ),
    clocks=(
        ClockRule(
            "dispatch",
            "grievance.dispatch",
            starts=m.BEGINS,
            stops=m.DISPATCHES,
            runs_on=frozenset({"reject"}),
            pausable=False,
        ),
        ClockRule(
            "contact",
            "grievance.contact",
            starts=m.BEGINS,
            stops=frozenset({"contact"}),
            when={"anonymous": (None, False)},
        ),
        ClockRule(
            "promise",
            "grievance.promise",
            starts=m.BEGINS,
            stops=m.REPLIES,
            runs_on=m.REWORK,
            promise=True,
        ),
        ClockRule(
            "return_visit",
            "grievance.return_visit",
            starts=m.REPLIES,
            stops=m.VISITED | m.REWORK,
            pausable=False,
            ladder=QUIET_LADDER,
        ),
    ),
)
