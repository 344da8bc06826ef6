"""Finding things (查找): places by a part of their name, orders by what a caller can say."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.contact import Phone, mask_address, mask_name, phone_key
from chalicelib.domain.order import is_order_number
from chalicelib.domain.refusal import BadInput
from chalicelib.domain.staff import Capability
from chalicelib.store import customers, orders, personal
from chalicelib.store.orders import Head
from chalicelib.usecases import queueing, showing
from chalicelib.usecases.desk import Desk, Viewer

MOST_PLACES: Final = 20
MOST_ORDERS: Final = 50


def county_name(desk: Desk) -> str:
    """Return the name of the county whose desk takes reports from nowhere; empty without one."""
    return showing.office_name(desk, desk.snapshot.default_county)


def places(desk: Desk, text: str, *, at: datetime) -> list[dict[str, Any]]:
    """Return places that hold `text`, best first, of every county of the deployment."""
    found = [
        place
        for county in desk.snapshot.counties
        for place in customers.search_places(county, text, at=at, limit=MOST_PLACES)
    ]
    return [
        {
            "code": place.code,
            "name": place.name,
            "township": place.township,
            "station_name": showing.office_name(desk, place.office_id),
        }
        for place in found[:MOST_PLACES]
    ]


def search(viewer: Viewer, text: str) -> list[dict[str, Any]]:
    """Return the orders that a number, a telephone, a case or an account number leads to.

    A telephone finds its orders whatever their age; a case or account number the open ones.
    """
    plain = text.replace(" ", "").replace("-", "")
    if is_order_number(plain):
        return _rows(viewer, orders.get_many([plain]))
    phone = _phone(text)
    if phone is not None:
        return _rows(viewer, of_phone(viewer.desk, phone))
    household = customers.find_household(plain) if plain.isalnum() and plain.isascii() else None
    phones = household.phones if household else ()
    found = [head for number in phones for head in of_phone(viewer.desk, number)]
    found += [
        head
        for county in viewer.desk.snapshot.counties
        for head in queueing.open_heads(viewer.desk, county, at=viewer.at)
        if head.order.case_no == text
    ]
    return _rows(viewer, found)


def _phone(text: str) -> Phone | None:
    try:
        return Phone.parse(text)
    except BadInput:
        return None


def of_phone(desk: Desk, phone: Phone) -> list[Head]:
    """Return the orders that a telephone left, latest first. Raises Busy."""
    party = phone_key(phone, desk.secret)
    return orders.get_many(personal.orders_of(party, limit=MOST_ORDERS))


def _rows(viewer: Viewer, heads: Iterable[Head]) -> list[dict[str, Any]]:
    once = {head.order.order_id: head for head in heads if viewer.sees(head.order)}
    return [showing.queue_row(viewer.desk, head, at=viewer.at) for head in once.values()]


def caller(viewer: Viewer, phone: Phone) -> dict[str, Any]:
    """Return what we know of who is on the telephone: their orders, and their account.

    The account is that of their latest order; masked, but for its number, which the agent repeats.
    An account at a place that is not theirs is not told.
    """
    heads = [head for head in of_phone(viewer.desk, phone) if viewer.sees(head.order)]
    return {
        "orders": _rows(viewer, heads),
        "customer": next(filter(None, (_customer(viewer, head) for head in heads)), None),
    }


def _customer(viewer: Viewer, head: Head) -> dict[str, Any] | None:
    details = personal.contact(str(head.shown.get("party", "")), head.order.order_id).contact
    household = customers.find_household(str(details.get("account_no", "")))
    if household is None:
        return None
    place = customers.find_place(household.transformer_id)
    if place is None or not viewer.reaches(Capability.INTAKE, place.office_id, place.county):
        return None
    return {
        "name_masked": mask_name(household.name),
        "address_masked": mask_address(household.address),
        "account_no": household.account_no,
        "transformer": household.transformer_id,
        "place": place.name,
        "flags": sorted(household.flags),
    }
