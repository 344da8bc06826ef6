"""Another platform relays a report (转办): its channel and case number are what names the order."""

from datetime import datetime
from typing import Final

from chalicelib.domain.order import Actor, order_number
from chalicelib.domain.refusal import KeyReused, Unknown
from chalicelib.store import orders
from chalicelib.usecases import reporting
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.reporting import Report, Reported

ATTEMPTS: Final = reporting.COLLISIONS


def relay(desk: Desk, sent: Report, *, by: Actor, salt: bytes, at: datetime) -> Reported:
    """File a report under its case number; one that is there already is returned as it stands.

    Raises BadInput, Busy.
    """
    caller = _caller(sent.desk_office, sent.channel)
    try:
        return reporting.report(
            desk, sent, actor=by, caller=caller, key=sent.case_no, salt=salt, at=at
        )
    except KeyReused:
        number = number_of(desk, sent.desk_office, sent.channel, sent.case_no)
        return Reported(orders.get(number), created=False)


def number_of(desk: Desk, office_id: str, channel: str, case_no: str) -> str:
    """Return the number of a case's order. Raises Unknown, Busy."""
    for attempt in range(ATTEMPTS):
        number = order_number(desk.secret, _caller(office_id, channel), case_no, attempt=attempt)
        try:
            order = orders.get(number).order
        except Unknown:
            break
        if (order.channel, order.case_no) == (channel, case_no):
            return number
    raise Unknown(what="order")


def _caller(office_id: str, channel: str) -> str:
    return f"channel/{office_id}/{channel}"
