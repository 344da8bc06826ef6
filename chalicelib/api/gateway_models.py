"""What SMS gateways may send, and what they are answered."""

from typing import Annotated, Final, Literal

from pydantic import Field

from chalicelib.api.models import In, Out

MOST: Final = 500
MOST_REPLIES: Final = 50


class ReceiptIn(In):
    """What became of one text. reference: what it was handed over with."""

    reference: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
    status: Literal["delivered", "failed"]


class ReceiptsIn(In):
    """A batch of receipts."""

    receipts: Annotated[list[ReceiptIn], Field(min_length=1, max_length=MOST)]


class ReceiptsTaken(Out):
    """How many were news and how many known. unknown: places of those of no text of ours."""

    news: int
    known: int
    unknown: list[int]


class ReplyIn(In):
    """A text that came back. id: the gateway's name for it."""

    id: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[!-~]+$")]
    phone: Annotated[str, Field(min_length=5, max_length=30)]
    text: Annotated[str, Field(max_length=2000)]


class RepliesIn(In):
    """A batch of answers."""

    replies: Annotated[list[ReplyIn], Field(min_length=1, max_length=MOST_REPLIES)]


class RepliesTaken(Out):
    """What they meant: outages reopened, known to be dark, from nobody told, not understood."""

    reopened: int
    known: int
    nobody: int
    unreadable: int
