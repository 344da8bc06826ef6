"""What SMS gateways say: receipts of our texts, and what people answered to them.

With a key of scope `sms`. A gateway may send anything twice; nothing is believed twice.
"""

from http import HTTPStatus
from typing import Annotated, Final, Literal

from chalice.app import Response
from pydantic import Field

from chalicelib.api.access import integrator
from chalicelib.api.asking import Asked
from chalicelib.api.models import In, Out
from chalicelib.api.routes import Routes, Security, answer
from chalicelib.domain.contact import Phone
from chalicelib.store.deliveries import Status
from chalicelib.usecases import receiving

routes = Routes(__name__, security=Security.KEY)

MODELS: Final = "gateways"
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


@routes.post(
    "/sms/receipts",
    takes=f"{MODELS}:ReceiptsIn",
    gives=f"{MODELS}:ReceiptsTaken",
    status=202,
    keyed=False,
    example={
        "receipts": [{"reference": "5820016339042275.1.text.accepted", "status": "delivered"}]
    },
    refuses=("busy",),
)
def take_receipts(asked: Asked) -> Response:
    """Take what a gateway says of texts it took over; what is known only grows."""
    by = integrator(asked, "sms")
    given = [(each.reference, Status(each.status)) for each in asked.body().receipts]
    heard = receiving.receipts(by.desk, given, at=asked.at)
    body = {"news": heard.counts["news"], "known": heard.counts["known"], "unknown": heard.unknown}
    return answer(body, status=HTTPStatus.ACCEPTED)


@routes.post(
    "/sms/replies",
    takes=f"{MODELS}:RepliesIn",
    gives=f"{MODELS}:RepliesTaken",
    status=202,
    keyed=False,
    example={"replies": [{"id": "mo-1", "phone": "13800138000", "text": "1"}]},
    refuses=("busy", "stale"),
)
def take_replies(asked: Asked) -> Response:
    """Take what people answered. “1” or words for no power reopen an outage for that household."""
    by, sent = integrator(asked, "sms"), asked.body()
    heard = receiving.replies(
        by.desk,
        [
            receiving.Answer(
                each.id, Phone.parse(each.phone, field=f"replies.{place}.phone"), each.text
            )
            for place, each in enumerate(sent.replies)
        ],
        office_id=by.key.office_id,
        by=by.key.key_id[:16],
        at=asked.at,
    )
    names = (receiving.STILL, receiving.KNOWN, receiving.NOBODY, receiving.UNREADABLE)
    return answer({name: heard.counts[name] for name in names}, status=HTTPStatus.ACCEPTED)
