"""抽查: lines that were cleared are looked at again, by lot (S1.31)."""

from typing import Final

from chalicelib.domain.paper_kinds import checking
from chalicelib.domain.procedure import Form, Need

ITEMS: Final = (
    "solved_on_site",
    "customer_agrees",
    "measure_lasts",
    "evidence_true",
    "followed_up",
)
PROCEDURE: Final = checking(
    "spot_check",
    items=ITEMS,
    needs=(Need("issue", Form.CODE),),
    why="销号抽查: regular visits, supervision and spot checks of what was cleared (S1.31)",
)
