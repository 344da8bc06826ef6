"""抱怨: below a complaint, and it takes part in the closed loop all the same (S1.14)."""

from typing import Final

from chalicelib.domain import moves as m
from chalicelib.domain.procedure import ANY, Form, Need, Procedure

WORKS: Final = (m.RECEIVED, m.IN_PROGRESS)
STAGES: Final = m.stages_of(*WORKS, m.REPLIED, m.RETURN_VISIT, m.FINAL_RULING)

PROCEDURE: Final = Procedure(
    kind="grievance",
    stages=STAGES,
    first=m.ACCEPTED,
    final=m.FINAL,
    ledger=(ANY,),
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
        m.dispatch_clock("grievance"),
        m.contact_clock("grievance"),
        m.promise_clock("grievance.promise"),
        m.visit_clock("grievance"),
    ),
)
