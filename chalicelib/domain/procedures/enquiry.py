"""业务咨询: answered at once from the knowledge base, or by a unit within the limit. No visit."""

from typing import Final

from chalicelib.domain import moves as m
from chalicelib.domain.procedure import Form, Move, Need, Procedure

WORKS: Final = (m.RECEIVED, m.IN_PROGRESS)
STAGES: Final = m.stages_of(*WORKS, m.REPLIED, m.FINAL_RULING)
TOPICS: Final = (
    "bill_and_price",
    "meter",
    "connection",
    "outage",
    "payment",
    "ev_charging",
    "solar",
    "other",
)
ANSWERED: Final = frozenset({"answer"})

PROCEDURE: Final = Procedure(
    kind="enquiry",
    stages=STAGES,
    first=m.ACCEPTED,
    final=m.FINAL,
    ledger=("12398", "12345"),
    intake=(
        Need("topic", Form.CHOICE, required=False, choices=TOPICS),
        Need("description", Form.TEXT, longest=2000),
    ),
    moves=m.table(
        STAGES,
        Move(
            "answer",
            {m.ACCEPTED: m.ARCHIVED},
            who=m.FRONT,
            why="即答: the desk answers from the knowledge base; the customer is never sent round "
            "(内转外不转, S2.6)",
            needs=(Need("note", Form.TEXT, longest=1000),),
            does=("close",),
            tells=("answered",),
            public=True,
        ),
        m.line(works=WORKS),
        m.contact(works=WORKS),
        m.reply(works=WORKS, needs=()),
        m.reviewing(works=m.IN_PROGRESS, to=m.ARCHIVED, tells=("answered",)),
        m.rating(),
        m.side(works=WORKS, visits=False),
    ),
    clocks=(
        m.dispatch_clock("enquiry", also=ANSWERED),
        m.promise_clock("enquiry.reply", stops=m.REPLIES | ANSWERED),
    ),
)
