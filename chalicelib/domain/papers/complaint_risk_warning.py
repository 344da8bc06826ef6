"""投诉风险预警单: what is hot, found by rule, goes down in time and is acted on (S1.28).

The rules that find it stand in `risks`. One level up issues the slip; the office signs for it and
says what it did, both by a deadline that warns and climbs; who issued it looks at what was done.
"""

from types import MappingProxyType
from typing import Final

from chalicelib.domain import paper
from chalicelib.domain.procedure import Form, Move, Need, Procedure

FOUND, ISSUED, RECEIPTED, ACTED = "found", "issued", "receipted", "acted"
CLOSED, DROPPED = "closed", "dropped"
RULES: Final = (
    "theme_rising",
    "same_line",
    "same_village",
    "frequent_outage",
    "overdue_visits",
    "complaint_rate",
    "by_person",
)
_UPPER: Final = ("of_upper_office",)

FINAL: Final = frozenset({CLOSED, DROPPED})

PROCEDURE: Final = Procedure(
    kind="complaint_risk_warning",
    stages=(FOUND, ISSUED, RECEIPTED, ACTED, CLOSED, DROPPED),
    first=FOUND,
    final=FINAL,
    public=False,
    intake=(
        Need("rule", Form.CHOICE, choices=RULES),
        Need("about", Form.CODE, required=False),
        Need("issue", Form.CODE, required=False),
        paper.NOTE,
    ),
    opening=paper.opening(
        paper.OVERSEERS | paper.SYSTEM,
        "预警: the service centre is a centre of prevention too (S1.28, S1.29)",
        gates=("somebody_above",),
        only=_UPPER,
    ),
    moves=paper.table(
        Move(
            "issue_warning",
            {FOUND: ISSUED},
            who=paper.OVERSEERS,
            why="签发: the slip goes down in time, with what is asked for (S1.28)",
            needs=(paper.REASON,),
            only=_UPPER,
        ),
        Move(
            "receipt",
            {ISSUED: RECEIPTED},
            who=paper.STAFF,
            why="签收: somebody of the office answers for it by name",
            needs=(paper.NOTE,),
            does=("receipted_by",),
            only=("of_own_unit",),
        ),
        Move(
            "report_action",
            {RECEIPTED: ACTED},
            who=paper.STAFF,
            why="处置反馈: the office acts before anybody complains, and says how (S1.28)",
            needs=paper.MEASURE,
            does=("acted_by",),
            only=("of_own_unit",),
        ),
        Move(
            "accept_action",
            {ACTED: CLOSED},
            who=paper.OVERSEERS,
            why="销预警: who issued it finds that what was done answers the risk",
            needs=(paper.NOTE,),
            does=("close",),
            only=_UPPER,
        ),
        Move(
            "return_action",
            {ACTED: RECEIPTED},
            who=paper.OVERSEERS,
            why="退回: what was done does not answer the risk; the deadline runs on",
            needs=(paper.REASON,),
            only=_UPPER,
        ),
        paper.drop(FOUND, who=paper.OVERSEERS, only=_UPPER),
        paper.remark(FOUND, ISSUED, RECEIPTED, ACTED),
        final=FINAL,
    ),
    clocks=(
        paper.clock("issue", "warning.issue", {"opened"}, {"issue_warning"}),
        paper.clock("receipt", "warning.receipt", {"issue_warning"}, {"receipt"}),
        paper.clock(
            "action",
            "warning.action",
            {"issue_warning"},
            {"report_action"},
            runs_on={"return_action"},
        ),
    ),
    gates=paper.GATES,
    persons=paper.PERSONS,
    actions=MappingProxyType(
        {
            **paper.COMMON,
            "receipted_by": paper.by_whom("receipted_by"),
            "acted_by": paper.by_whom("acted_by"),
        }
    ),
)
