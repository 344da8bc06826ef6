"""内控审核: was the complaint judged right, and nothing closed that was not solved (S0.30)."""

from typing import Final

from chalicelib.domain.paper_kinds import checking
from chalicelib.domain.procedure import Form, Need

ITEMS: Final = (
    "grade_right",
    "verdict_supported",
    "liability_right",
    "attribution_right",
    "evidence_kept",
    "nothing_closed_falsely",
)
PROCEDURE: Final = checking(
    "internal_audit",
    items=ITEMS,
    needs=(Need("order", Form.ORDER), Need("issue", Form.CODE, required=False)),
    why="投诉工单内控审核: verdict, liability and attribution stand on evidence (S0.30)",
)
