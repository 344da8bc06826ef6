"""建议: answered within the limit, and visited."""

from typing import Final

from chalicelib.domain import moves
from chalicelib.domain.procedure import Procedure

PROCEDURE: Final[Procedure] = moves.answered("suggestion")
