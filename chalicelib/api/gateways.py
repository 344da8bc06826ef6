"""What SMS gateways say: receipts of our texts, and what people answered to them.

With a key of scope `sms`. A gateway may send anything twice; nothing is believed twice.
"""

from http import HTTPStatus
from typing import Final

from chalice.app import Response

from chalicelib.api.access import integrator
from chalicelib.api.asking import Asked
from chalicelib.api.routes import Routes, Security, answer
from chalicelib.domain.contact import Phone
from chalicelib.store.deliveries import Status
from chalicelib.usecases import receiving

routes = Routes(__name__, security=Security.KEY)

MODELS: Final = "gateway_models"


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
