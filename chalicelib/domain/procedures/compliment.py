"""表扬: passed on to the unit praised and recorded. Nothing is promised but the thanks."""

from typing import Final

from chalicelib.domain import moves as m
from chalicelib.domain.procedure import Form, Move, Need, Procedure

WORKS: Final = (m.RECEIVED,)
STAGES: Final = m.stages_of(*WORKS, m.FINAL_RULING)

PROCEDURE: Final = Procedure(
    kind="compliment",
    stages=STAGES,
    first=m.ACCEPTED,
    final=m.FINAL,
    intake=(Need("description", Form.TEXT, longest=2000),),
    moves=m.table(
        STAGES,
        m.line(works=WORKS),
        Move(
            "record",
            {m.ACCEPTED: m.ARCHIVED, m.RECEIVED: m.ARCHIVED},
            who=m.HANDLERS | m.FRONT,
            why="The praise reached whom it was for, and is on record",
            needs=(m.NOTE,),
            does=("close",),
            public=True,
        ),
        m.side(works=WORKS, visits=False, reopens_at=m.RECEIVED),
    ),
    clocks=(m.dispatch_clock("compliment", also=frozenset({"record"})),),
)
