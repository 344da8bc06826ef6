"""Somebody telephones instead of a text (人工外呼): whom no text reached, and what came of it."""

import base64
import binascii
from datetime import datetime
from heapq import merge
from typing import Any

from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Actor, is_order_number
from chalicelib.domain.refusal import BadInput, Unknown
from chalicelib.domain.staff import Capability, may
from chalicelib.store import customers, deliveries, notices, orders, outages
from chalicelib.store.customers import Household
from chalicelib.store.deliveries import Call
from chalicelib.store.orders import Head
from chalicelib.usecases import handling, revealing
from chalicelib.usecases.desk import Desk, Viewer
from chalicelib.usecases.handling import Command
from chalicelib.usecases.notifying import key_of
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
        head.order.order_id: head
        for head in orders.get_many(call.order_id for call, _ in found if not _outage(call))
    }
    rows = []
    for call, county in found:
        if outage_id := _outage(call):
            rows.append(_notice_row(viewer.desk, call, county, outage_id))
        elif call.order_id in heads and viewer.sees(heads[call.order_id].order):
            rows.append(_row(call, county, heads[call.order_id]))
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


def _outage(call: Call) -> str:
    """Return which outage a line is about; empty for an order's."""
    kind, _, outage_id = call.order_id.partition("/")
    return outage_id if kind == "outage" else ""


def _notice_row(desk: Desk, call: Call, county: str, outage_id: str) -> dict[str, Any]:
    seq, _, key = call.effect_id.split(".", 2)
    kind, _, phone = _addressee(desk, outage_id, int(seq), key)
    return {
        "id": _id_of(call.line_id),
        "number": outage_id,
        "kind": "outage",
        "effect": f"{seq}.notice.{kind}",
        "since": stamp(call.since),
        "reason": call.reason,
        "phone_masked": phone.masked if phone else "",
        "county": county,
    }


def _addressee(
    desk: Desk, outage_id: str, seq: int, key: str
) -> tuple[str, Household | None, Phone | None]:
    """Return which notice did not arrive, with whom, and at which telephone; what is known of it.

    The telephone is that of the row; of a household that cannot be texted, the first it has.
    """
    row = notices.told(outage_id, [key]).get(key)
    kind = next((one.kind for one in row.rounds if one.seq == seq), "") if row else ""
    accounts = row.accounts if row else ((key.removeprefix("account/"),) if "/" in key else ())
    households = customers.find_households(accounts).values()
    for household in households:
        for phone in household.phones:
            if key_of(desk, phone) == key or key == f"account/{household.account_no}":
                return kind, household, phone
    return kind, next(iter(households), None), None


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
    order_id = _parts(call_id)[1]
    if not is_order_number(order_id):
        raise Unknown(what="call")
    return order_id


def outage_of(call_id: str) -> str:
    """Return the outage that a call is about, empty for an order's. Raises Unknown."""
    kind, _, outage_id = _parts(call_id)[1].partition("/")
    return outage_id if kind == "outage" else ""


def _parts(call_id: str) -> list[str]:
    parts = _line_of(call_id).split("#", 2)
    if len(parts) != 3:  # noqa: PLR2004 - since, order, effect
        raise Unknown(what="call")
    return parts


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


def finish_notice(
    county: str, call_id: str, *, result: str, note: str, by: Actor, at: datetime
) -> None:
    """Take an outage's line off the list, on record with its result. It takes no words.

    Raises BadInput for a note, Unknown, Stale when somebody else called first, and Busy.
    """
    if note:
        raise BadInput.of("note", "field.unknown")
    line_id = _line_of(call_id)
    deliveries.finish_call(county, line_id, by=by.actor_id, at=at)
    outage, effect = line_id.split("#", 2)[1:]
    data = {"order": outage, "effect": effect, "result": result}
    revealing.record(revealing.CALLED, county, data, by=by, at=at)


def reveal(
    desk: Desk, county: str, call_id: str, *, reason: str, by: Actor, at: datetime
) -> dict[str, str]:
    """Return whom to call of an outage's households, once the look is on record.

    Raises BadInput, Unknown when there is no such household or it has no telephone, and Busy.
    """
    revealing.check_reason(reason)
    _, outage, effect = _parts(call_id)
    seq, _, key = effect.split(".", 2)
    _, household, phone = _addressee(desk, outage_id=outage_of(call_id), seq=int(seq), key=key)
    if household is None or phone is None:
        raise Unknown(what="contact")
    if len(household.name) > 1 and household.name in reason:
        raise BadInput.of("reason", "text.name")
    data = {"order": outage, "effect": effect, "reason": reason}
    revealing.record(revealing.REVEALED, county, data, by=by, at=at)
    return {
        "phone": phone.number,
        "name": household.name,
        "address": household.address,
        "account_no": household.account_no,
    }


def county_of(outage_id: str) -> str:
    """Return the county of an outage. Raises Unknown, Busy."""
    return outages.get(outage_id).outage.county
