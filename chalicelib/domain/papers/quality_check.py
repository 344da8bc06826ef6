"""质检: dedicated staff look at complaint orders, drawn by lot and picked by rule (S0.30)."""

from typing import Final

from chalicelib.domain.paper_kinds import checking
from chalicelib.domain.procedure import Form, Need

ITEMS: Final = (
    "contact_in_time",
    "investigation_complete",
    "measure_matches",
    "reply_answers",
    "visit_done",
    "records_complete",
)
PROCEDURE: Final = checking(
    "quality_check",
    items=ITEMS,
    needs=(Need("order", Form.ORDER), Need("issue", Form.CODE, required=False)),
    why="投诉工单质检: the order flow is the main line, problem orders are the handle (S0.30)",
)
