"""投诉: its base flow. Three deadlines run at once: internal, promise and law (domain: §8.1)."""

from functools import partial
from typing import Final

from chalicelib.domain import moves as m
from chalicelib.domain.categories import CATEGORIES
from chalicelib.domain.grading import GOVERNMENTS, NONE
from chalicelib.domain.procedure import ANY, ClockRule, Form, Need, Procedure

WORKS: Final = (m.RECEIVED, m.IN_PROGRESS)
STAGES: Final = m.stages_of(*WORKS, m.REPLIED, m.RETURN_VISIT, m.FINAL_RULING)
VERDICTS: Final = ("upheld", "partly_upheld", "not_upheld")
LIABILITIES: Final = ("utility_liable", "not_liable")

_to_the_answer: Final = partial(ClockRule, starts=m.BEGINS, stops=m.REPLIES, runs_on=m.REWORK)

PROCEDURE: Final = Procedure(
    kind="complaint",
    stages=STAGES,
    first=m.ACCEPTED,
    final=m.FINAL,
    graded=True,
    ledger=(ANY,),
    intake=(
        Need("category", Form.CHOICE, required=False, choices=tuple(CATEGORIES)),
        Need("escalation_tendency", Form.FLAG, required=False),
        Need("earlier_order", Form.ORDER, required=False),
        Need("media", Form.CHOICE, required=False, choices=(NONE, *GOVERNMENTS)),
        Need("government", Form.CHOICE, required=False, choices=(NONE, *GOVERNMENTS)),
        Need("group_event", Form.FLAG, required=False),
        Need("injury", Form.FLAG, required=False),
        Need("description", Form.TEXT, longest=2000),
        Need("wish", Form.TEXT, required=False, longest=1000),
    ),
    moves=m.table(
        STAGES,
        m.line(works=WORKS),
        m.contact(works=WORKS),
        m.reply(
            works=WORKS,
            needs=(
                Need("verdict", Form.CHOICE, choices=VERDICTS),
                Need("liability", Form.CHOICE, choices=LIABILITIES),
            ),
        ),
        m.reviewing(works=m.IN_PROGRESS, to=m.RETURN_VISIT),
        m.visiting(),
        m.side(works=WORKS, visits=True),
        m.grading(works=WORKS),
    ),
    clocks=(
        m.dispatch_clock("complaint"),
        m.contact_clock("complaint", promise=True),
        _to_the_answer("internal", "complaint.internal"),
        m.promise_clock("complaint.promise"),
        _to_the_answer("legal", "complaint.legal", pausable=False, whose="law"),
        _to_the_answer(
            "hotline",
            "hotline_12398.internal",
            pausable=False,
            whose="regulator",
            when={"channel": ("12398",)},
        ),
        _to_the_answer(
            "city_hotline",
            "hotline_12345",
            pausable=False,
            whose="hotline",
            when={"channel": ("12345",)},
        ),
        m.visit_clock("complaint"),
    ),
)
