"""通报: each month the figures and what follows from them, drafted from the figures (S1.14)."""

from typing import Final

from chalicelib.domain.paper_kinds import LONGEST_BODY, publishing
from chalicelib.domain.procedure import Form, Need

PROCEDURE: Final = publishing(
    "circular",
    intake=(
        Need("month", Form.CODE),
        Need("body", Form.TEXT, longest=LONGEST_BODY),
    ),
    why="通报: the month's complaints by office, told to the offices below (S0.27, S1.14)",
    limit="circular.publish",
)
