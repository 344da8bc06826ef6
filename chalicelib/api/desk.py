"""What the office asks: who am I, the queue, an order and its moves, calls, exports."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from chalice.app import Response

from chalicelib.api import asking
from chalicelib.api.access import OnDesk, staff
from chalicelib.api.asking import Asked
from chalicelib.api.ports import files, upload_form, voice
from chalicelib.api.problem import problem
from chalicelib.api.routes import Routes, Security, answer, download, etag, params
from chalicelib.domain.clocks import Level
from chalicelib.domain.refusal import BadInput, IllegalMove, Refused, Stale, Unknown
from chalicelib.domain.staff import Capability, may
from chalicelib.store.orders import Head
from chalicelib.usecases import (
    attaching,
    calling,
    exporting,
    finding,
    handling,
    queueing,
    reading,
    revealing,
    taking,
    tracking,
)
from chalicelib.usecases.desk import Desk, actor_of
from chalicelib.usecases.showing import INTERNAL, staff_name, stamp

routes = Routes(__name__, security=Security.STAFF)

AN_ORDER: Final = "5820016339042275"
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
    """Return a page of the queue, soonest due first."""
    on, wanted = staff(asked, Capability.ORDER_LIST), _wanted(asked)
    find = queueing.of_days if wanted.state == "closed" else queueing.listed
    after = asked.opened(on.desk.secret, on.caller)
    page = find(on, wanted, limit=asked.query["limit"], after=after)
    cursor = asked.sealed(on.desk.secret, on.caller, page.after)
    body = {"items": list(page.rows), "cursor": cursor, "as_of": stamp(asked.at)}
    return answer(body)


@routes.get("/queue", gives="QueueCounts", capability=Capability.ORDER_LIST)
def count_queue(asked: Asked) -> Response:
    """Return the counts above the queue, at most ten seconds old; of many only those due first."""
    on = staff(asked, Capability.ORDER_LIST)
    return answer(queueing.overview(on) | {"as_of": stamp(asked.at)})


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
    report = sent.report(asked.at, desk_office=on.staff.office_id)
    taken = attaching.take(files(), report.files)
    command = replace(on.command(asked, "dispatch", sent.dispatched), if_match=None)
    head = taking.take_in(on.desk, report, command)
    number = head.order.order_id
    attaching.bind(number, taken, kind="staff", at=asked.at)
    queueing.forget(head.order.county)
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
    on.to_move(number)
    _check_own_address(move)
    photos = attaching.named_in(sent.answers)
    taken = attaching.take(files(), photos)
    command = on.command(asked, move, sent.answers)
    command = replace(command, occurred_at=sent.occurred_at, actor=_for(on, sent.recorded_for))
    with naming(on.desk):
        moved = handling.move(on.desk, number, command)
    attaching.bind(number, taken, kind="staff", at=asked.at)
    queueing.forget(moved.order.county)
    return answer(_shown(asked, on, moved), headers=etag(moved.order.version))


@contextmanager
def naming(desk: Desk) -> Iterator[None]:
    """Say who was first by the name that their colleagues know."""
    try:
        yield
    except (Stale, IllegalMove) as refused:
        if "by" in refused.facts:
            refused.facts["by_name"] = staff_name(desk, str(refused.facts["by"]))
        raise


def _check_own_address(move: str) -> None:
    if move in {"merge", "unmerge", *INTERNAL}:
        raise BadInput.of("move", "move.own_address")


def _for(on: OnDesk, staff_id: str | None) -> Any:
    """Return who made a move: the caller, or the one for whom they record it (代录)."""
    if staff_id is None:
        return actor_of(on.staff)
    person = on.desk.snapshot.staff.get(staff_id)
    if (
        person is None
        or not person.active
        or not on.reaches(Capability.ORDER_MOVE, person.office_id)
    ):
        raise BadInput.of("recorded_for", "staff.unknown")
    return actor_of(person)


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


@routes.get(
    "/orders/{number}/events",
    gives="LedgerRows",
    capability=Capability.LEDGER_READ,
    refuses=("unknown",),
)
def get_events(asked: Asked, number: str) -> Response:
    """Return the order's chain of events, as the ledger keeps it."""
    on = staff(asked, Capability.LEDGER_READ)
    head = on.order(number, Capability.LEDGER_READ)
    events = reading.history(head.order.order_id)
    items = [reading.event_row(on.desk, event) for event in events]
    return answer({"items": items, "cursor": None}, headers=etag(head.order.version))


@routes.get("/orders/{number}/verify", gives="Verified", capability=Capability.LEDGER_VERIFY)
def verify_order(asked: Asked, number: str) -> Response:
    """Fold the whole chain again and compare it with the head."""
    on = staff(asked, Capability.LEDGER_VERIFY)
    return answer(reading.verify(on.to_verify(number)))


@routes.post(
    "/orders/{number}/merge",
    takes="MergeIn",
    gives="StaffOrder",
    matched=True,
    capability=Capability.ORDER_MERGE,
    example={"parent": AN_ORDER},
    refuses=REFUSES,
)
def merge_order(asked: Asked, number: str) -> Response:
    """Merge this order into another of the same fault. Both sides in one transaction."""
    on, sent = staff(asked, Capability.ORDER_MERGE), asked.body()
    on.to_move(number, Capability.ORDER_MERGE)
    _check_parent(on, sent.parent)
    answers = {"parent": sent.parent} | ({"note": sent.note} if sent.note else {})
    with naming(on.desk):
        child = handling.merge(on.desk, number, on.command(asked, "merge", answers))
    queueing.forget(child.order.county)
    return answer(_shown(asked, on, child), headers=etag(child.order.version))


def _check_parent(on: OnDesk, number: str) -> None:
    """Refuse a parent that is not theirs to change, naming the field."""
    try:
        on.to_move(number, Capability.ORDER_MERGE)
    except Unknown:
        raise BadInput.of("parent", "parent.unknown") from None


@routes.post(
    "/orders/{number}/unmerge",
    takes="UnmergeIn",
    gives="StaffOrder",
    matched=True,
    capability=Capability.ORDER_MERGE,
    example={"note": "不是同一处故障"},
    refuses=REFUSES,
)
def unmerge_order(asked: Asked, number: str) -> Response:
    """Undo a merger. The order's clocks run on as if they had never stood."""
    on, sent = staff(asked, Capability.ORDER_MERGE), asked.body()
    on.to_move(number, Capability.ORDER_MERGE)
    with naming(on.desk):
        child = handling.unmerge(on.desk, number, on.command(asked, "unmerge", {"note": sent.note}))
    queueing.forget(child.order.county)
    return answer(_shown(asked, on, child), headers=etag(child.order.version))


@routes.post(
    "/orders/{number}/reveal",
    takes="RevealIn",
    gives="Revealed",
    capability=Capability.CONTACT_REVEAL,
    example={"reason": "约定上门时间"},
)
def reveal_contact(asked: Asked, number: str) -> Response:
    """Return the reporter's contact in full. Who looked, when and why goes on record first."""
    on, sent = staff(asked, Capability.CONTACT_REVEAL), asked.body()
    head = on.order(number, Capability.CONTACT_REVEAL)
    by = actor_of(on.staff)
    return answer(revealing.reveal(head, reason=sent.reason, by=by, at=asked.at))


@routes.post(
    "/orders/bulk",
    takes="BulkIn",
    gives="BulkResults",
    capability=Capability.ORDER_MOVE,
    example={"numbers": [AN_ORDER], "move": "receive", "data": {}},
)
def move_many(asked: Asked) -> Response:
    """Make one move on up to 50 orders; each succeeds or is refused by itself."""
    on, sent = staff(asked, Capability.ORDER_MOVE), asked.body()
    results = [_one_of_many(asked, on, number, sent) for number in dict.fromkeys(sent.numbers)]
    for county in queueing.counties_of(on):
        queueing.forget(county)
    return answer({"results": results})


def _one_of_many(asked: Asked, on: OnDesk, number: str, sent: Any) -> dict[str, Any]:
    try:
        on.to_move(number)
        _check_own_address(sent.move)
        command = on.command(asked, sent.move, sent.answers)
        with naming(on.desk):
            handling.move(
                on.desk, number, replace(command, key=f"{asked.key}#{number}", if_match=None)
            )
    except Refused as refused:
        said = json.loads(problem(refused, asked.language, for_staff=True).body)
        return {"number": number, "ok": False, "problem": said}
    return {"number": number, "ok": True, "problem": None}


@routes.post(
    "/orders/{number}/uploads",
    takes="NewUpload",
    gives="UploadForm",
    capability=Capability.UPLOAD,
    example={"content_type": "image/jpeg", "bytes": 240_000},
    refuses=("too-large",),
)
def upload_for_order(asked: Asked, number: str) -> Response:
    """Sign for one photo of an order's work; name its id in the move that it belongs to."""
    on, sent = staff(asked, Capability.UPLOAD), asked.body()
    on.order(number, Capability.UPLOAD)
    return answer(upload_form(asked, sent, on.desk, caller=on.caller))


@routes.get("/orders/{number}/files", gives="FileList", capability=Capability.ORDER_READ)
def list_order_files(asked: Asked, number: str) -> Response:
    """Return the order's photos, each with a link for five minutes."""
    head = staff(asked, Capability.ORDER_READ).order(number)
    rows = reading.file_rows(head.order.order_id, files=files(), at=asked.at)
    return answer({"items": rows})


@routes.get(
    "/search",
    gives="Rows",
    capability=Capability.ORDER_LIST,
    params=(asking.text("q", required=True, about="Order, telephone, case or account number."),),
)
def search_orders(asked: Asked) -> Response:
    """Find orders by what somebody can say of them."""
    on = staff(asked, Capability.ORDER_LIST)
    return answer({"items": finding.search(on, asked.query["q"])})


@routes.post(
    "/callers",
    takes="CallerIn",
    gives="Caller",
    keyed=False,
    capability=Capability.INTAKE,
    example={"phone": "13800138000"},
)
def look_up_caller(asked: Asked) -> Response:
    """Return what we know of who is on the telephone. The number travels in the body only."""
    on, sent = staff(asked, Capability.INTAKE), asked.body()
    return answer(finding.caller(on, sent.phone))


XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv"
MEDIA: Final = {"csv": f"{CSV}; charset=utf-8", "xlsx": XLSX}


@routes.get(
    "/exports/orders",
    capability=Capability.EXPORT,
    media=f"{CSV}, {XLSX}",
    params=(
        asking.choice("format", ("csv", "xlsx"), default="csv"),
        asking.flag("reveal", about="With telephones in full; needs a reason."),
        asking.text("reason", longest=200),
        asking.choice("state", ("all", *STATES), default="all"),
        *FILTERS[1:],
    ),
)
def export_orders(asked: Asked) -> Response:
    """Return the orders of a span of days as a table; on record. For XLSX send its Accept."""
    on, asks = staff(asked, Capability.EXPORT), asked.query
    if asks["reveal"]:
        on.allow(Capability.CONTACT_REVEAL)
    form, reason = asks["format"], asks["reason"] if asks["reveal"] else None
    if form == "xlsx":
        asked.takes_back(XLSX)
    made = exporting.export(on, _wanted(asked), form=form, reason=reason, language=asked.language)
    content = made.content if form == "xlsx" else made.content.decode()
    return download(content, media=MEDIA[form], name=f"orders.{form}", rows=made.rows)


@routes.get(
    "/calls",
    gives="Calls",
    capability=Capability.CALL_LIST,
    params=(asking.choice("state", ("open",), default="open"), *asking.page()),
)
def get_calls(asked: Asked) -> Response:
    """Return whom no text reached and who must be called, longest waiting first."""
    on = staff(asked, Capability.CALL_LIST)
    after = asked.opened(on.desk.secret, on.caller)
    rows, after = calling.waiting(on, limit=asked.query["limit"], after=after)
    return answer({"items": rows, "cursor": asked.sealed(on.desk.secret, on.caller, after)})


@routes.post(
    "/calls/{call}/done",
    takes="CallDoneIn",
    gives="Done",
    capability=Capability.CALL_LIST,
    example={"result": "reached"},
    refuses=("stale",),
)
def finish_call(asked: Asked, call: str) -> Response:
    """Take a line off the call list and say what became of it."""
    on, sent = staff(asked, Capability.CALL_LIST), asked.body()
    if county := _county_called(on, call, Capability.CALL_LIST):
        by = actor_of(on.staff)
        with naming(on.desk):
            calling.finish_notice(
                county, call, result=sent.result, note=sent.note or "", by=by, at=asked.at
            )
        return answer({"ok": True})
    order_id = calling.order_of(call)
    head = on.order(order_id)
    command = on.command(asked, "note", {"note": sent.note})
    with naming(on.desk):
        calling.finish(on.desk, head, call, result=sent.result, command=command)
    return answer({"ok": True})


def _county_called(on: OnDesk, call: str, capability: Capability) -> str:
    """Return the county of an outage's call, empty for an order's. Raises Unknown if not theirs."""
    outage_id = calling.outage_of(call)
    county = calling.county_of(outage_id) if outage_id else ""
    if county and not on.reaches(capability, county):
        raise Unknown(what="call")
    return county


@routes.post(
    "/calls/{call}/reveal",
    takes="RevealIn",
    gives="Revealed",
    capability=Capability.CONTACT_REVEAL,
    example={"reason": "短信未送达，电话告知"},
)
def reveal_called(asked: Asked, call: str) -> Response:
    """Return whom to call, in full. Who looked, when and why goes on record first."""
    on, sent = staff(asked, Capability.CONTACT_REVEAL), asked.body()
    by = actor_of(on.staff)
    if county := _county_called(on, call, Capability.CONTACT_REVEAL):
        shown = calling.reveal(on.desk, county, call, reason=sent.reason, by=by, at=asked.at)
        return answer(shown)
    head = on.order(calling.order_of(call), Capability.CONTACT_REVEAL)
    return answer(revealing.reveal(head, reason=sent.reason, by=by, at=asked.at))


@routes.get(
    "/notices",
    gives="Notices",
    capability=Capability.NOTICE_LIST,
    refuses=("unknown",),
    params=(asking.code("number", required=True),),
)
def get_notices(asked: Asked) -> Response:
    """Return what became of an order's texts, alerts and webhooks."""
    on = staff(asked, Capability.NOTICE_LIST)
    head = on.order(asked.query["number"], Capability.NOTICE_LIST)
    return answer({"items": reading.delivery_rows(head.order.order_id)})


@routes.get("/offices", gives="Offices", capability=Capability.OFFICE_READ)
def get_offices(asked: Asked) -> Response:
    """Return the offices that one may know: one's own, those below, those above."""
    on = staff(asked, Capability.OFFICE_READ)
    return answer({"items": reading.office_rows(on.desk, on.staff)})


@routes.get("/offices/{office}/staff", gives="Colleagues", capability=Capability.STAFF_READ)
def get_office_staff(asked: Asked, office: str) -> Response:
    """Return an office's people, with how many open orders each of them has."""
    on = staff(asked, Capability.STAFF_READ)
    if not may(on.staff, Capability.STAFF_READ, on.desk.path(office)):
        raise Unknown(what="office")
    return answer({"items": reading.colleagues(on.desk, office, at=asked.at)})
