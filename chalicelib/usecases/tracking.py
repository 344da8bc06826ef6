"""A citizen asks where it stands (查进度), without a login.

The tracking token is made from the order's id under our secret: nothing to store, nothing to look
up, 128 bits. Number and last digits of the telephone are a second way, counted and locked.
"""

import base64
import hmac
from datetime import datetime
from typing import Final

from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Order, is_order_number
from chalicelib.domain.procedure import running_promise
from chalicelib.domain.refusal import GateClosed, Unknown
from chalicelib.store import deliveries, orders, personal, registry
from chalicelib.store.orders import Head
from chalicelib.usecases import handling
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command

TOKEN_BYTES: Final = 16
TAIL: Final = 4


def token(desk: Desk, order_id: str) -> str:
    """Return the order's tracking token: 22 URL-safe characters."""
    raw = desk.derive("track", order_id)[:TOKEN_BYTES]
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def is_token(desk: Desk, order_id: str, given: str) -> bool:
    """Return whether a token is the order's own, in constant time."""
    try:
        sent = given.encode("ascii")
    except UnicodeEncodeError:
        return False
    return hmac.compare_digest(sent, token(desk, order_id).encode())


def track(desk: Desk, order_id: str, given: str) -> Head:
    """Return the order that a token opens. Raises Unknown for a wrong token and a wrong number."""
    if not is_order_number(order_id) or not is_token(desk, order_id, given):
        raise Unknown(what="order")
    return orders.get(order_id, consistent=False)


def lookup(desk: Desk, order_id: str, phone_tail: str, *, at: datetime) -> Head:
    """Return the order with this number whose reporter's telephone ends so.

    A wrong pair and a number that does not exist answer alike, and both count; after the allowed
    failures the number is locked for a while. Raises Unknown or TooMany.
    """
    limits = desk.book
    today = at.date()
    most = limits.find("track.failures", on=today).number
    window = limits.find("track.lock", on=today).duration
    bucket = f"track#{order_id[:32]}"
    registry.check_counter(bucket, limit=most, at=at)
    try:
        head = _with_tail(order_id, phone_tail)
    except Unknown:
        registry.count(bucket, window=window, at=at)
        raise
    return head


def _with_tail(order_id: str, phone_tail: str) -> Head:
    if not is_order_number(order_id):
        raise Unknown(what="order")
    head = orders.get(order_id, consistent=False)
    party = str(head.shown.get("party", ""))
    if not party:
        raise Unknown(what="order")
    contact = personal.contact(party, order_id)
    phone = Phone(str(contact.contact["phone"]))
    if len(phone_tail) != TAIL or not hmac.compare_digest(
        phone.tail.encode(), phone_tail.encode("utf-8", "replace")
    ):
        raise Unknown(what="order")
    return head


def act(desk: Desk, order_id: str, command: Command) -> Head:
    """Let the citizen act on their own order: urge, add, take back, reopen, rate.

    Urging before half of the promise has run is refused with the gate that is closed.
    """
    if command.move == "expedite":
        head = orders.get(order_id)
        earliest = expedite_from(desk, head.order)
        if earliest is not None and command.at < earliest:
            raise GateClosed(move="expedite", gates=["half_of_promise"], earliest=earliest)
    return handling.move(desk, order_id, command)


def rate_by_code(desk: Desk, code: str, command: Command) -> Head:
    """Rate the order that a text's code stands for. Raises Unknown for a code that is none."""
    return handling.move(desk, deliveries.order_of(code.upper(), at=command.at), command)


def expedite_from(desk: Desk, order: Order) -> datetime | None:
    """Return from when the citizen may urge: when half of the running promise is gone."""
    found = running_promise(
        order, procedure=desk.procedure(order.kind), rules=desk.rules(order.office)
    )
    if found is None:
        return None
    name, ends = found
    started = order.clocks[name].started_at
    return started + (ends.at - started) / 2
