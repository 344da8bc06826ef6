"""People look at one order (查看): what is read for it, and what we would do next.

The citizen's view costs the head; that of the staff also history, contact, words, files and
deliveries, because whoever works an order needs them beside each other.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.domain.order import BrokenChain, Event, Order, milestones, verify_against
from chalicelib.domain.refusal import Unknown
from chalicelib.domain.staff import MATRIX, Capability, Staff, may
from chalicelib.outbound.objects import Files
from chalicelib.store import customers, deliveries, ledger, personal
from chalicelib.store.orders import Head
from chalicelib.usecases import delivering, progressing, queueing, showing
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.showing import Record, stamp


def for_citizen(desk: Desk, head: Head, *, language: str, at: datetime) -> dict[str, Any]:
    """Return the order as its reporter sees it. Raises Busy.

    The head alone tells its steps, unless they were too many to stand beside it.
    """
    steps = head.steps if head.steps is not None else milestones(history(head.order.order_id))
    issue = progressing.progress(desk, head.order, language=language)
    return showing.public_order(desk, head, steps, at=at, issue=issue)


def for_staff(
    desk: Desk,
    head: Head,
    viewer: Staff,
    *,
    may_move: bool,
    files: Files,
    voice: "Voice",
    at: datetime,
) -> dict[str, Any]:
    """Return the order as one of the staff sees it, with advice and what would be told next.

    Raises Busy.
    """
    record = read(head, files=files, at=at)
    shown = showing.staff_order(
        desk, record, viewer, may_move=may_move, language=voice.language, at=at
    )
    advised = _advice(desk, head, shown["moves"], at=at)
    told = next_text(desk, head.order, shown["moves"], advised, voice=voice, at=at)
    return {**shown, "advice": advised, "next_text": told}


def history(order_id: str) -> list[Event]:
    """Return every event of an order, oldest first. Raises Busy."""
    return list(ledger.read(order_id))


def read(head: Head, *, files: Files, at: datetime) -> Record:
    """Read everything that belongs to an order. Raises Busy."""
    order_id = head.order.order_id
    return Record(
        head=head,
        events=history(order_id),
        contact=contact_of(head),
        words=personal.words(order_id),
        files=file_rows(order_id, files=files, at=at),
        deliveries=delivery_rows(order_id),
    )


def contact_of(head: Head) -> personal.ContactItem | None:
    """Return who reported an order; None once that is forgotten. Raises Busy."""
    try:
        return personal.contact(str(head.shown.get("party", "")), head.order.order_id)
    except Unknown:
        return None


def file_rows(order_id: str, *, files: Files, at: datetime) -> list[dict[str, Any]]:
    """Return the files of an order that may be looked at, each with a link for five minutes."""
    return [
        {
            "id": item.file_id,
            "kind": str(item.details["kind"]),
            "type": str(item.details["type"]),
            "at": stamp(item.at),
            "url": files.presign_download(str(item.details["key"]), at=at),
        }
        for item in personal.list_files(order_id)
    ]


def delivery_rows(order_id: str) -> list[dict[str, Any]]:
    """Return what became of every text, alert and webhook of an order."""
    rows = []
    for entry in deliveries.list_for(order_id):
        _, kind, name = (*entry.effect_id.split(".", 2), "", "")[:3]
        rows.append(
            {
                "effect": name if kind == "text" else entry.effect_id,
                "kind": kind,
                "status": entry.status.value,
                "at": stamp(entry.at),
                "reason": entry.reason or None,
            }
        )
    return rows


def verify(head: Head) -> dict[str, Any]:
    """Return whether the chain holds and the head is its fold; else the first event that is bad."""
    links = list(ledger.links(head.order.order_id))
    try:
        verify_against(head.order, links, told=head.steps)
    except BrokenChain as broken:
        bad = {"seq": broken.seq, "why": broken.why}
        return {"ok": False, "events": len(links), "first_bad": bad}
    return {"ok": True, "events": len(links), "first_bad": None}


def event_row(desk: Desk, event: Event) -> dict[str, Any]:
    """Return one event as the ledger keeps it, with the name of who made it."""
    return {
        "seq": event.seq,
        "name": event.name,
        "occurred_at": stamp(event.occurred_at),
        "recorded_at": stamp(event.recorded_at),
        "by": showing.by(desk, event),
        "changes": dict(event.changes),
        "data": dict(event.data),
        "tells": list(event.tells),
        "digest": event.digest,
        "prev": event.prev,
        "hash": event.hash,
    }


# What next --------------------------------------------------------------------------------------


def _advice(
    desk: Desk, head: Head, moves: list[dict[str, Any]], *, at: datetime
) -> list[dict[str, Any]]:
    if not moves:
        return []
    order = head.order
    place = str(order.facts.get("place", ""))
    found = customers.known_place(place, at=at) if place and order.stage == "accepted" else None
    others = queueing.open_heads(desk, order.county, at=at)
    return showing.advice(
        desk,
        head,
        moves,
        station=found.office_id if found else "",
        alike=[each for each in others if _is_alike(order, each.order)],
        busy=queueing.busy(others),
        at=at,
    )


def _is_alike(order: Order, other: Order) -> bool:
    place = order.facts.get("place")
    return bool(
        place
        and other.order_id != order.order_id
        and other.kind == order.kind
        and other.facts.get("place") == place
    )


class Voice:
    """In whose name and in which language texts are previewed."""

    def __init__(self, *, signature: str, site: str, language: str) -> None:
        self.signature = signature
        self.site = site
        self.language = language


def next_text(
    desk: Desk,
    order: Order,
    moves: list[dict[str, Any]],
    advised: list[dict[str, Any]],
    *,
    voice: Voice,
    at: datetime,
) -> dict[str, Any] | None:
    """Return the text that the main move will send, as it would read now; None if it sends none."""
    main = next((move["name"] for move in moves if move["primary"]), "")
    found = desk.procedure(order.kind).moves.get(main)
    if found is None or not found.tells or order.training:
        return None
    data: Mapping[str, Any] = next(
        (each["data"] for each in advised if each["move"] == main and each["data"]), {}
    )
    written = delivering.compose(
        desk,
        found.tells[0],
        showing.dispatched_to(order, str(data.get("office", order.office))),
        signature=voice.signature,
        site=voice.site,
        language="zh",
        at=at,
    )
    return {"template": found.tells[0], "body": written.body, "parts": written.parts}


def me(desk: Desk, viewer: Staff, *, at: datetime) -> dict[str, Any]:
    """Return who somebody is, what they may do on which offices, and whether it is their duty."""
    office = desk.snapshot.offices.get(viewer.office_id)
    turns = desk.snapshot.on_duty(viewer.office_id, at=at)
    return {
        "staff_id": viewer.staff_id,
        "name": viewer.name,
        "role": viewer.role.value,
        "office": {
            "id": viewer.office_id,
            "name": office.name if office else "",
            "level": office.level.value if office else "",
            "path": list(viewer.path),
        },
        "capabilities": [
            {"capability": capability.value, "relations": sorted(relations)}
            for capability, relations in MATRIX[viewer.role].items()
        ],
        "duty": any(turn.staff_id == viewer.staff_id for turn in turns),
    }


def office_rows(desk: Desk, viewer: Staff) -> list[dict[str, Any]]:
    """Return the offices that somebody may know, from the top down."""
    found = [
        office
        for office in desk.snapshot.offices.values()
        if may(viewer, Capability.OFFICE_READ, office.path)
    ]
    return [
        {
            "id": office.office_id,
            "name": office.name,
            "level": office.level.value,
            "parent": office.path[-2] if len(office.path) > 1 else "",
            "path": list(office.path),
            "terrain": office.terrain,
            "phone": office.phone,
            "hours": office.hours,
            "active": office.active,
        }
        for office in sorted(found, key=lambda each: each.path)
    ]


def colleagues(desk: Desk, office_id: str, *, at: datetime) -> list[dict[str, Any]]:
    """Return the people of an office, with their open orders. Raises Unknown, Busy."""
    office = desk.office(office_id)
    busy = queueing.busy(queueing.open_heads(desk, office.county, at=at))
    turns = {turn.staff_id for turn in desk.snapshot.on_duty(office_id, at=at)}
    return [
        {
            "id": person.staff_id,
            "name": person.name,
            "role": person.role.value,
            "active": person.active,
            "open_orders": busy.get(person.staff_id, 0),
            "duty": person.staff_id in turns,
        }
        for person in desk.snapshot.staff.values()
        if person.office_id == office_id
    ]
