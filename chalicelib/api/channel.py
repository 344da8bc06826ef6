"""What other platforms ask with a key: 95598, 12398, 12345, WeChat. Their case number is the key.

The same channel and case number is the same order, however often and with whatever words it comes;
what they have to add later they add with `supplement`.
"""

from http import HTTPStatus
from typing import Any, Final

from chalice.app import Response

from chalicelib import ambient
from chalicelib.api.access import Integrator, integrator
from chalicelib.api.asking import Asked
from chalicelib.api.ports import files
from chalicelib.api.routes import Decorator, Routes, Security, answer, etag
from chalicelib.domain.refusal import BadInput
from chalicelib.domain.staff import Capability
from chalicelib.store.orders import Head
from chalicelib.usecases import attaching, handling, reading, relaying
from chalicelib.usecases.handling import Command

routes = Routes(__name__, security=Security.KEY)

EXAMPLE: Final = {
    "channel": "12345",
    "case_no": "QH-2026-118832",
    "kind": "complaint",
    "phone": "13800138000",
    "answers": {"description": "抢修人员答复后一直没有上门"},
}
REFUSES: Final = ("illegal-move", "gate-closed", "key-reused", "stale")


@routes.post(
    "/channel/orders",
    takes="ChannelOrder",
    gives="ChannelAccepted",
    status=201,
    also=(200,),
    capability=Capability.INTAKE,
    example=EXAMPLE,
)
def relay_order(asked: Asked) -> Response:
    """File a report from another platform. One that has been filed is answered with 200."""
    by, sent = integrator(asked, "intake"), asked.body()
    if by.key.channel and sent.channel != by.key.channel:
        raise BadInput.of("channel", "channel.not_yours")
    report = sent.report(asked.at, desk_office=by.key.office_id)
    taken = attaching.take(files(), report.files)
    reported = relaying.relay(
        by.desk, report, by=by.actor, salt=ambient.random_bytes(16), at=asked.at
    )
    number = reported.head.order.order_id
    attaching.bind(number, taken, kind="citizen", at=asked.at)
    status = HTTPStatus.CREATED if reported.created else HTTPStatus.OK
    body = {"number": number, "order": _shown(asked, by, reported.head)}
    return answer(body, status=status)


@routes.get("/channel/orders/{number}", gives="ChannelOrderOut", capability=Capability.TRACK)
def get_channel_order(asked: Asked, number: str) -> Response:
    """Return an order that came by this platform, as its reporter would see it."""
    by = integrator(asked, "track")
    head = by.order(number)
    return answer(_shown(asked, by, head), headers=etag(head.order.version))


@routes.get("/channel/cases/{channel}/{case}", gives="ChannelOrderOut", capability=Capability.TRACK)
def get_case(asked: Asked, channel: str, case: str) -> Response:
    """Return the order of a platform's own case number."""
    by = integrator(asked, "track")
    head = by.order(relaying.number_of(by.desk, by.key.office_id, channel[:20], case[:40]))
    return answer(_shown(asked, by, head), headers=etag(head.order.version))


def _moves(move: str, takes: str) -> Decorator:
    return routes.post(
        f"/channel/orders/{{number}}/{move}",
        takes=takes,
        gives="ChannelOrderOut",
        capability=Capability.TRACK,
        example={"note": "市民再次来电"},
        refuses=REFUSES,
    )


@_moves("expedite", "Remark")
def relay_expedite(asked: Asked, number: str) -> Response:
    """Urge (催办) for a citizen who called the platform."""
    return _move(asked, number, "expedite", note=asked.body().note)


@_moves("supplement", "Supplement")
def relay_supplement(asked: Asked, number: str) -> Response:
    """Add what the platform heard since."""
    sent = asked.body()
    return _move(asked, number, "supplement", note=sent.note, files=sent.files)


@_moves("reopen", "Supplement")
def relay_reopen(asked: Asked, number: str) -> Response:
    """Say that it is not solved."""
    sent = asked.body()
    return _move(asked, number, "reopen", note=sent.note, files=sent.files)


def _move(asked: Asked, number: str, move: str, **answers: Any) -> Response:
    by = integrator(asked, "intake")
    by.order(number)
    sent = answers.get("files", [])
    taken = attaching.take(files(), sent)
    command = Command(
        move=move,
        actor=by.actor,
        caller=by.caller,
        key=asked.key,
        salt=ambient.random_bytes(16),
        at=asked.at,
        answers={name: value for name, value in answers.items() if value not in ("", [])},
    )
    head = handling.move(by.desk, number, command)
    attaching.bind(number, taken, kind="citizen", at=asked.at)
    return answer(_shown(asked, by, head), headers=etag(head.order.version))


def _shown(asked: Asked, by: Integrator, head: Head) -> dict[str, Any]:
    order = reading.for_citizen(by.desk, head, language=asked.language, at=asked.at)
    return {**order, "channel": head.order.channel, "case_no": head.order.case_no}
