"""Orders and outages together (工单关联): one repair order an outage, the callers' under it.

A report joins the outage that darkens its place and is merged under the outage's repair order, so
that one crew goes and every caller is kept and told. A report that names a danger stays an order of
its own, which the return of power does not close. Each step may be done again: what is joined,
attached or merged already stays as it is.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.moves import ACCEPTED, DISPATCHED
from chalicelib.domain.order import REPAIRS, Actor, Order
from chalicelib.domain.outage import DANGERS, ENDED, OPEN, Outage, State, states_for
from chalicelib.domain.outage_moves import Act, Made
from chalicelib.domain.reach import Reach
from chalicelib.domain.refusal import BadInput, GateClosed, IllegalMove, Refused, Stale, Unknown
from chalicelib.domain.staff import Outsider
from chalicelib.store import customers, orders, outages, personal
from chalicelib.store.customers import Household
from chalicelib.store.orders import Head
from chalicelib.store.outages import Change
from chalicelib.telemetry import log
from chalicelib.usecases import handling, queueing, reporting
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.reporting import Report

SYSTEM: Final = Actor(Outsider.SYSTEM.value, "outage")
CHANNEL: Final = REPAIRS
NO_POWER: Final = "no_power"
UNTOUCHED: Final = frozenset({ACCEPTED, DISPATCHED})
"""Stages of a repair order at which nobody has begun to work."""
TRIES: Final = 6
SALT_BYTES: Final = 16
SETTLED: Final = (IllegalMove, GateClosed, BadInput, Unknown)
"""Refusals that doing it again would not change."""


def change(outage_id: str, make: Callable[[Outage], Made]) -> Refused | None:
    """Let the system move an outage. Return why it could not be, None when it was.

    Raises Unknown, Busy, and Stale when others were faster again and again.
    """
    for _ in range(TRIES):
        head = outages.get(outage_id)
        try:
            made = make(head.outage)
        except SETTLED as refused:
            return refused
        try:
            outages.commit(Change(head, made))
        except Stale:
            continue
        return None
    raise Stale(what="outage")


def act(at: datetime, *, occurred_at: datetime | None = None) -> Act:
    """Return what the system does at an instant."""
    return Act(SYSTEM, occurred_at or at, at)


def command(desk: Desk, move: str, key: str, *, at: datetime, **answers: Any) -> Command:
    """Return a move of an order by the system, once for its key."""
    salt = desk.derive("salt", key)[:SALT_BYTES]
    return Command(move, SYSTEM, CHANNEL, key, salt, at, answers)


# The repair order -------------------------------------------------------------------------------


def open_repair(desk: Desk, outage_id: str, *, at: datetime) -> str:
    """Open the one repair order of an outage and gather its callers' under it (主动抢修).

    Returns why not, empty when it is there. The number comes from the outage's id, so that doing it
    again finds the same order. Raises Busy, Stale.
    """
    head = outages.get(outage_id)
    outage = head.outage
    if not outage.order_id:
        if outage.state not in states_for("attach_order", outage.kind):
            return "overtaken"
        number = _inherited(outage) or _filed(desk, head, at=at)
        rules = desk.rules(outage.county)
        refused = change(
            outage_id,
            lambda now: moves.attach_order(now, act(at), order_id=number, rules=rules),
        )
        if refused is not None:
            log("repair.unattached", outage=outage_id, order=number, why=refused.slug)
            return "overtaken"
    gather(desk, outage_id, at=at)
    return ""


def is_seen_to(outage: Outage) -> bool:
    """Return whether somebody is at work on an outage's repair order. Raises Busy."""
    if not outage.order_id:
        return False
    order = orders.get(outage.order_id).order
    return order.closed_at is None and order.stage not in UNTOUCHED


def _inherited(outage: Outage) -> str:
    """Return the repair order of an outage that this one took in: one fault, one order."""
    found = orders.get_many(outage.children)
    return next(
        (
            head.order.order_id
            for head in found
            if head.order.channel == CHANNEL and not head.order.closed_at and not head.order.parent
        ),
        "",
    )


def _filed(desk: Desk, head: outages.Head, *, at: datetime) -> str:
    key = head.outage.outage_id
    filed = reporting.report(
        desk,
        _repair(head, at=at),
        actor=SYSTEM,
        caller=CHANNEL,
        key=key,
        salt=desk.derive("salt", key)[:SALT_BYTES],
        at=at,
    )
    return filed.head.order.order_id


def _repair(head: outages.Head, *, at: datetime) -> Report:
    """Return the report of an outage. Equal each time it is made: its key is bound to it."""
    outage = head.outage
    area = str(head.shown.get("area", ""))
    known = (
        code
        for code in sorted(outage.steps[min(outage.steps)].reach.parts)
        if customers.known_place(code, at=at) is not None
    )
    return Report(
        kind="fault",
        occurred_at=outage.recorded_at,
        place=next(known, ""),
        answers={"symptom": NO_POWER, "description": f"停电{outage.outage_id}：{area}"},
        channel=CHANNEL,
        case_no=outage.outage_id,
        desk_office=outage.office,
        training=outage.training,
    )


# Callers' reports -------------------------------------------------------------------------------


def is_about_power(order: Order) -> bool:
    """Return whether an order reports that somebody's own power is gone, or a danger beside it."""
    is_report = order.kind == "fault" and order.channel != CHANNEL and not order.training
    return is_report and (order.facts.get("symptom") == NO_POWER or bool(danger_of(order)))


def danger_of(order: Order) -> str:
    """Return the first danger that a report names, empty where it names none."""
    named = [*order.facts.get("dangers", ()), str(order.facts.get("symptom", ""))]
    return next((danger for danger in DANGERS if danger in named), "")


def load_of(head: Head) -> str:
    """Return the supply point of the account that a report names; empty where it names none."""
    household = household_of(head)
    return household.load_id if household is not None else ""


def household_of(head: Head) -> Household | None:
    """Return the household whose account a report names, where it is at home at its place."""
    try:
        contact = personal.contact(str(head.shown.get("party", "")), head.order.order_id).contact
    except Unknown:
        return None
    account = str(contact.get("account_no", ""))
    household = customers.find_household(account) if account else None
    same = household is not None and household.transformer_id == head.order.facts.get("place")
    return household if same else None


def covers(outage: Outage, place: str, load: str) -> bool:
    """Return whether a report of this place, and supply point if it is known, lies in the dark."""
    return _lies_in(outage.dark, place, load)


def _lies_in(reach: Reach, place: str, load: str) -> bool:
    part = reach.part(place)
    return bool(part) and (part.is_all or (bool(load) and part.covers(load)))


def lying_in(reach: Reach, order_ids: Iterable[str]) -> tuple[str, ...]:
    """Return which of these orders report from within a reach, as far as it is known. Raises Busy.

    One whose supply point is unknown lies in it where the whole of its place does.
    """
    return tuple(
        head.order.order_id
        for head in orders.get_many(order_ids)
        if (place := str(head.order.facts.get("place", "")))
        and reach.part(place)
        and _lies_in(reach, place, load_of(head))
    )


def gather(desk: Desk, outage_id: str, *, at: datetime) -> None:
    """Let every open report of a dark place join, and merge what has joined. Raises Busy, Stale."""
    outage = outages.get(outage_id).outage
    found = list(_reports(desk, outage, at=at))
    for order_id in dict.fromkeys((*outage.children, *found)):
        join(desk, order_id, outage_id, at=at)


def _reports(desk: Desk, outage: Outage, *, at: datetime) -> Iterator[str]:
    for head in queueing.open_heads(desk, outage.county, at=at):
        order = head.order
        place = str(order.facts.get("place", ""))
        if order.parent or not is_about_power(order) or not outage.dark.part(place):
            continue
        if covers(outage, place, load_of(head)):
            yield order.order_id


def join(desk: Desk, order_id: str, outage_id: str, *, at: datetime) -> str:
    """Let a report join an outage, and merge it under the repair order. Return why not, or "".

    Raises Busy, Stale.
    """
    order = orders.get(order_id).order
    danger = danger_of(order)
    rules = desk.rules(outages.get(outage_id).outage.county)
    refused = change(
        outage_id,
        lambda now: moves.join(now, act(at), order_id=order_id, danger=danger, rules=rules),
    )
    if refused is not None and not _has_joined(outage_id, order_id):
        return refused.slug
    repair = outages.get(outage_id).outage.order_id
    if danger or not repair or repair == order_id:
        return ""
    if order.parent:
        move_over(desk, order_id, outage_id, at=at)
        return ""
    key = f"{outage_id}.{order_id}"
    try:
        handling.merge(desk, order_id, command(desk, "merge", key, at=at, parent=repair))
    except SETTLED as unmerged:
        log("report.unmerged", outage=outage_id, order=order_id, why=unmerged.slug)
    return ""


def _has_joined(outage_id: str, order_id: str) -> bool:
    outage = outages.get(outage_id).outage
    return order_id in {outage.order_id, *outage.children, *outage.dangers}


# What becomes of its orders ---------------------------------------------------------------------


class NotYet(Exception):
    """Whoever is under a filed order is still being told that power is back: look again soon."""


def follow(desk: Desk, parent: Order, order_id: str, key: str, *, at: datetime) -> str:
    """Close a merged order after its parent was filed: power is back, and who called is told.

    Under an outage's repair order the outage decides: while it is dark, or its households are being
    told, its callers wait for it; was it none, or did power not come back at the parent, each is
    looked at by itself. Return why it was not closed, or "". Raises NotYet, Busy, Stale.
    """
    outage = _standing(parent.repairs)
    if outage is None:
        if parent.facts.get("power_back") is False and _lacks_power(order_id):
            return release(desk, order_id, key, at=at, note=NOT_BACK) or "power-off"
        return close(desk, order_id, key, at=at)
    if outage.state in OPEN:
        join(desk, order_id, outage.outage_id, at=at)
        return "outage-open"
    if outage.state not in ENDED:
        return release(desk, order_id, key, at=at) or "outage-none"
    if any(one.kind == "restored" and one.watch_at is not None for one in outage.rounds.values()):
        if order_id in outage.children:
            return "outage-tells"
        raise NotYet
    return close(desk, order_id, key, at=at)


def _standing(outage_id: str) -> Outage | None:
    """Return the outage that answers for one: itself, or the one that took it in; None for none."""
    while outage_id:
        try:
            outage = outages.get(outage_id).outage
        except Unknown:
            return None
        if outage.state is not State.ABSORBED:
            return outage
        outage_id = outage.parent
    return None


def _lacks_power(order_id: str) -> bool:
    return orders.get(order_id).order.facts.get("symptom") == NO_POWER


def power_back(desk: Desk, outage: Outage, order_id: str, key: str, *, at: datetime) -> str:
    """Note in an order at which somebody works that its power is back. Return why not, or ""."""
    backs = [step.at for step in outage.steps.values() if step.change == "back"]
    when = max(backs, default=at)
    return _moved(desk, order_id, "restore", key, at=at, occurred_at=when)


def close(desk: Desk, order_id: str, key: str, *, at: datetime) -> str:
    """Close a caller's report: power is back, and they were told. Return why not, or ""."""
    return _moved(desk, order_id, "close_with_parent", key, at=at)


NONE_AFTER_ALL: Final = "研判的停电不成立，请单独核实办理"
ELSEWHERE: Final = "所在范围已划入另一停电，随其抢修工单办理"
NOT_BACK: Final = "主单归档时没有复电，请单独核实办理"


def release(
    desk: Desk, order_id: str, key: str, *, at: datetime, note: str = NONE_AFTER_ALL
) -> str:
    """Take a report out of its merger: the outage was none. Return why not, or ""."""
    order = orders.get(order_id).order
    if not order.parent:
        return "overtaken"
    said = command(desk, "unmerge", key, at=at, note=note)
    try:
        handling.unmerge(desk, order_id, said)
    except SETTLED as refused:
        return refused.slug
    return ""


def move_over(desk: Desk, order_id: str, parent_id: str, *, at: datetime) -> str:
    """Merge an order that went over to another outage under its repair order.

    Return why not, or "".

    One that is merged under the repair order of an outage that was taken in stays where it is, for
    that order goes along; of an outage that goes on, it leaves first.
    """
    parent = outages.get(parent_id).outage
    if parent.state is State.ABSORBED and parent.parent:
        return move_over(desk, order_id, parent.parent, at=at)
    if not parent.order_id or parent.order_id == order_id:
        return "overtaken"
    order = orders.get(order_id).order
    if order.parent and not _has_left(order, parent):
        return "overtaken"
    if order.parent:
        release(desk, order_id, f"{parent_id}.{order_id}.leave", at=at, note=ELSEWHERE)
    key = f"{parent_id}.{order_id}"
    said = command(desk, "merge", key, at=at, parent=parent.order_id)
    try:
        handling.merge(desk, order_id, said)
    except SETTLED as refused:
        return refused.slug
    return ""


def _has_left(order: Order, outage: Outage) -> bool:
    """Return whether an order is merged under another outage's repair that it no longer is of."""
    standing = _standing(orders.get(order.parent).order.repairs)
    if standing is None or standing.outage_id == outage.outage_id:
        return False
    return order.order_id not in {*standing.children, *standing.dangers}


def _moved(
    desk: Desk,
    order_id: str,
    move: str,
    key: str,
    *,
    at: datetime,
    occurred_at: datetime | None = None,
) -> str:
    said = Command(move, SYSTEM, CHANNEL, key, b"", at, occurred_at=min(occurred_at or at, at))
    try:
        handling.move(desk, order_id, said)
    except SETTLED as refused:
        return refused.slug
    return ""
