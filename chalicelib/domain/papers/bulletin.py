"""快报: a grave complaint is told the same day (S1.14)."""

from typing import Final

from chalicelib.domain.paper_kinds import LONGEST_BODY, publishing
from chalicelib.domain.procedure import Form, Need

PROCEDURE: Final = publishing(
    "bulletin",
    intake=(
        Need("issue", Form.CODE, required=False),
        Need("body", Form.TEXT, longest=LONGEST_BODY),
    ),
    why="快报: a grave complaint is told to the offices below the same day (S1.14)",
    only=(),
)
