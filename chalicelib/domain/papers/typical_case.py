"""典型案例: a case with its cause, the accountability and what others learn (举一反三, S1.18)."""

from typing import Final

from chalicelib.domain.paper_kinds import LONGEST_BODY, publishing
from chalicelib.domain.procedure import Form, Need

PROCEDURE: Final = publishing(
    "typical_case",
    intake=(
        Need("issue", Form.CODE, required=False),
        Need("body", Form.TEXT, longest=LONGEST_BODY),
        Need("cause_told", Form.TEXT, longest=2000),
        Need("accountability_told", Form.TEXT, longest=2000),
        Need("lessons", Form.TEXT, longest=2000),
    ),
    why="典型案例通报: cause, accountability and lessons, kept in the case library (S1.18)",
    limit="typical_case.publish",
)
