"""What the office asks: who am I, the queue, an order and its moves, calls, exports."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from chalice.app import Response

from chalicelib import ambient
from chalicelib.api import asking
from chalicelib.api.access import OnDesk, staff
from chalicelib.api.asking import Asked
from chalicelib.api.ports import files, voice
from chalicelib.api.routes import Routes, Security, answer, etag, params
from chalicelib.domain.clocks import Level
from chalicelib.domain.refusal import BadInput
from chalicelib.domain.staff import Capability
from chalicelib.store.orders import Head
from chalicelib.usecases import attaching, handling, queueing, reading, reporting, tracking
from chalicelib.usecases.desk import actor_of
from chalicelib.usecases.handling import Command
from chalicelib.usecases.showing import stamp

routes = Routes(__name__, security=Security.STAFF)

STATES: Final = ("open", "overdue", "soon", "undispatched", "mine", "closed")
REFUSES: Final = (
    "unknown",
    "illegal-move",
    "gate-closed",
    "key-reused",
    "stale",
    "busy",
)
FILTERS: Final = params(
    asking.choice("state", STATES, default="open"),
    asking.code("kind"),
    asking.code("stage"),
    asking.code("office"),
    asking.code("channel"),
    asking.code("assignee"),
    asking.choice("level", tuple(Level)),
    asking.code("chip"),
    asking.text("q"),
    asking.day("from"),
    asking.day("to"),
)


def _wanted(asked: Asked) -> queueing.Filter:
    asks = asked.query
    names = ("state", "kind", "stage", "office", "channel", "assignee", "level", "chip")
    return queueing.Filter(
        **{name: asks[name] for name in names},
        text=asks["q"],
        since=asks["from"],
        until=asks["to"],
    )


@routes.get("/me", gives="Me", capability=Capability.LOGIN)
def get_me(asked: Asked) -> Response:
    """Return who is signed in, and what they may do."""
    on = staff(asked, Capability.LOGIN)
    return answer(reading.me(on.desk, on.staff, at=asked.at))


@routes.get(
    "/orders", gives="Queue", capability=Capability.ORDER_LIST, params=(*FILTERS, *asking.page())
)
def get_orders(asked: Asked) -> Response:
    """Return a page of the queue, soonest due first, with the counts above it."""
    on = staff(asked, Capability.ORDER_LIST)
    wanted, secret = _wanted(asked), on.desk.secret
    find = queueing.of_days if wanted.state == "closed" else queueing.listed
    page = find(
        on.desk,
        on.staff,
        wanted,
        sees=on.sees,
        limit=asked.query["limit"],
        after=asked.opened(secret, on.caller),
        at=asked.at,
    )
    above = queueing.overview(on.desk, on.staff, sees=on.sees, at=asked.at)
    cursor = asked.sealed(secret, on.caller, page.after)
    as_of = stamp(asked.at)
    return answer({"items": list(page.rows), "cursor": cursor, **above, "as_of": as_of})


@routes.post(
    "/orders",
    takes="StaffOrderIn",
    gives="TakenIn",
    status=201,
    capability=Capability.INTAKE,
    example={"kind": "enquiry", "phone": "13800138000", "answers": {"description": "问电价"}},
    refuses=("key-reused", "busy"),
)
def take_in_order(asked: Asked) -> Response:
    """Take a report in for somebody; dispatch it at once if `dispatch` says to whom."""
    on, sent = staff(asked, Capability.INTAKE), asked.body()
    report = replace(
        sent.report(asked.at), channel=sent.channel, case_no=sent.case_no, training=sent.training
    )
    attaching.take(files(), report.files)
    taken = reporting.report(
        on.desk,
        report,
        actor=actor_of(on.staff),
        caller=on.caller,
        key=asked.key,
        salt=ambient.random_bytes(16),
        at=asked.at,
    )
    head = taken.head
    attaching.bind(head.order.order_id, report.files, kind="staff", at=asked.at)
    if sent.dispatch is not None:
        given = sent.dispatch.model_dump(exclude_none=True)
        head = handling.move(
            on.desk, head.order.order_id, _command(asked, on, "dispatch", given, head)
        )
    number = head.order.order_id
    order = _shown(asked, on, head) if on.sees(head.order) else None
    body = {"number": number, "token": tracking.token(on.desk, number), "order": order}
    return answer(body, status=HTTPStatus.CREATED)


@routes.get(
    "/orders/{number}",
    gives="StaffOrder",
    capability=Capability.ORDER_READ,
    refuses=("unknown", "busy"),
)
def read_order(asked: Asked, number: str) -> Response:
    """Return an order with its clocks, history, moves, advice, and what the citizen sees."""
    on = staff(asked, Capability.ORDER_READ)
    head = on.order(number)
    return answer(_shown(asked, on, head), headers=etag(head.order.version))


@routes.post(
    "/orders/{number}/moves/{move}",
    takes="MoveIn",
    gives="StaffOrder",
    matched=True,
    capability=Capability.ORDER_MOVE,
    example={"office": "S-QINGHE-03", "note": "请尽快到场"},
    refuses=REFUSES,
)
def post_move(asked: Asked, number: str, move: str) -> Response:
    """Make a move. Its needs are the fields of the body; see /meta/procedures."""
    on, sent = staff(asked, Capability.ORDER_MOVE), asked.body()
    head = on.to_move(number)
    if move in {"merge", "unmerge", "absorb", "release"}:
        raise BadInput.of("move", "move.own_address")
    photos = _photos(sent.answers)
    attaching.take(files(), photos)
    command = _command(asked, on, move, sent.answers, head)
    command = replace(command, occurred_at=sent.occurred_at, actor=_for(on, sent.recorded_for))
    moved = handling.move(on.desk, number, command)
    attaching.bind(number, photos, kind="staff", at=asked.at)
    queueing.forget(moved.order.county)
    return answer(_shown(asked, on, moved), headers=etag(moved.order.version))


def _photos(answers: dict[str, Any]) -> list[str]:
    sent = answers.get("files")
    return [each for each in sent if isinstance(each, str)] if isinstance(sent, list) else []


def _for(on: OnDesk, staff_id: str | None) -> Any:
    """Return who made a move: the caller, or the one for whom they record it (代录)."""
    if staff_id is None:
        return actor_of(on.staff)
    person = on.desk.snapshot.staff.get(staff_id)
    if person is None or not person.active:
        raise BadInput.of("recorded_for", "staff.unknown")
    on.allow(Capability.ORDER_MOVE, person.office_id)
    return actor_of(person)


def _command(asked: Asked, on: OnDesk, move: str, answers: Any, _head: Head) -> Command:
    return Command(
        move=move,
        actor=actor_of(on.staff),
        caller=on.caller,
        key=asked.key,
        salt=ambient.random_bytes(16),
        at=asked.at,
        answers=answers,
        if_match=asked.if_match,
    )


def _shown(asked: Asked, on: OnDesk, head: Head) -> dict[str, Any]:
    return reading.for_staff(
        on.desk,
        head,
        on.staff,
        may_move=on.may_move(head.order),
        files=files(),
        voice=voice(asked.language),
        at=asked.at,
    )
