"""Somebody telephones instead of a text (人工外呼): whom no text reached, and what came of it."""

import base64
import binascii
from heapq import merge
from typing import Any

from chalicelib.domain.order import is_order_number
from chalicelib.domain.refusal import Unknown
from chalicelib.domain.staff import Capability, may
from chalicelib.store import deliveries, orders
from chalicelib.store.deliveries import Call
from chalicelib.store.orders import Head
from chalicelib.usecases import handling, revealing
from chalicelib.usecases.desk import Desk, Viewer
from chalicelib.usecases.handling import Command
from chalicelib.usecases.showing import stamp


def waiting(
    viewer: Viewer, *, limit: int, after: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of the call lists of one's counties, longest waiting first, and the next one.

    Raises Busy.
    """
    counties = [
        county
        for county in viewer.desk.snapshot.counties
        if may(viewer.staff, Capability.CALL_LIST, viewer.desk.path(county))
    ]
    pages = {county: deliveries.calls(county, limit=limit, after=after) for county in counties}
    lines = merge(
        *([(call, county) for call in page.items] for county, page in pages.items()),
        key=lambda entry: entry[0].line_id,
    )
    found = list(lines)[:limit]
    more = len(found) == limit and (
        any(page.after for page in pages.values())
        or sum(len(page.items) for page in pages.values()) > limit
    )
    heads = {
        head.order.order_id: head for head in orders.get_many(call.order_id for call, _ in found)
    }
    rows = [
        _row(call, county, heads[call.order_id])
        for call, county in found
        if call.order_id in heads and viewer.sees(heads[call.order_id].order)
    ]
    return rows, found[-1][0].line_id if more else None


def _row(call: Call, county: str, head: Head) -> dict[str, Any]:
    return {
        "id": _id_of(call.line_id),
        "number": call.order_id,
        "kind": head.order.kind,
        "effect": call.effect_id,
        "since": stamp(call.since),
        "reason": call.reason,
        "phone_masked": str(head.shown.get("phone", "")),
        "county": county,
    }


def _id_of(line_id: str) -> str:
    return base64.urlsafe_b64encode(line_id.encode()).rstrip(b"=").decode()


def _line_of(call_id: str) -> str:
    """Return where a line stands. Raises Unknown for what is no id of ours."""
    try:
        raw = base64.b64decode(call_id + "=" * (-len(call_id) % 4), altchars=b"-_", validate=True)
        return raw.decode("ascii")
    except (binascii.Error, ValueError):
        raise Unknown(what="call") from None


def order_of(call_id: str) -> str:
    """Return the number of the order that a call is about. Raises Unknown."""
    parts = _line_of(call_id).split("#", 2)
    if len(parts) != 3 or not is_order_number(parts[1]):  # noqa: PLR2004 - since, order, effect
        raise Unknown(what="call")
    return parts[1]


def finish(desk: Desk, head: Head, call_id: str, *, result: str, command: Command) -> None:
    """Take a line off the list, on record with its result; words go into the order as a note.

    Raises Unknown, Stale when somebody else called first, what `handling.move` raises, and Busy.
    """
    order, line_id = head.order, _line_of(call_id)
    deliveries.finish_call(order.county, line_id, by=command.actor.actor_id, at=command.at)
    data = {"order": order.order_id, "effect": line_id.split("#", 2)[2], "result": result}
    revealing.record(revealing.CALLED, order.county, data, by=command.actor, at=command.at)
    if command.answers.get("note"):
        handling.move(desk, order.order_id, command)
