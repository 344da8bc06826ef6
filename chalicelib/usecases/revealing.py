"""Somebody looks behind the mask (查看联系人), or takes data out (导出): on record, each time.

The record is a chain of its own per county and day, `access/<county>/<day>`: who, which order, why.
It is written before anything is shown: what could not be recorded is not seen.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.calendar import local_day
from chalicelib.domain.clocks import whole
from chalicelib.domain.contact import find_phones
from chalicelib.domain.order import Actor, Event
from chalicelib.domain.refusal import BadInput, Unknown
from chalicelib.store import ledger, personal
from chalicelib.store.orders import Head

CALLED: Final = "called"
REVEALED: Final = "revealed"
EXPORTED: Final = "exported"


def record(name: str, county: str, data: Mapping[str, Any], *, by: Actor, at: datetime) -> Event:
    """Put a look on record. data: plain values, never what was looked at. Raises Busy."""
    moment = whole(at)
    return ledger.append(
        Event(
            aggregate=f"access/{county}/{local_day(moment).isoformat()}",
            seq=0,
            name=name,
            occurred_at=moment,
            recorded_at=moment,
            actor=by,
            changes={},
            data=dict(data),
        )
    )


def reveal(head: Head, *, reason: str, by: Actor, at: datetime, issue: str = "") -> dict[str, str]:
    """Return a contact in full, once the look is on record.

    issue: of the complaint ledger, from which the viewer looks; it stands on record beside the
    order. reason: the viewer's own words, without a telephone or the reporter's name. Raises
    BadInput, Unknown when the contact was forgotten, and Busy.
    """
    check_reason(reason)
    order = head.order
    kept = personal.contact(str(head.shown.get("party", "")), order.order_id).contact
    if not kept:
        raise Unknown(what="contact")
    name = str(kept.get("name", ""))
    if len(name) > 1 and name in reason:
        raise BadInput.of("reason", "text.name")
    data = {"order": order.order_id, "reason": reason} | ({"issue": issue} if issue else {})
    record(REVEALED, order.county, data, by=by, at=at)
    return {name: str(kept.get(name, "")) for name in ("phone", "name", "address", "account_no")}


def check_reason(reason: str) -> None:
    """Refuse no reason, and one that holds a telephone: the record is never erased."""
    if not reason:
        raise BadInput.of("reason", "field.required")
    if find_phones(reason):
        raise BadInput.of("reason", "text.phone")
