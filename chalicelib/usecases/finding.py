"""Finding things (查找): places by a part of their name, orders by what a caller can say."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.contact import Phone, mask_address, mask_name, phone_key
from chalicelib.domain.order import Order, is_order_number
from chalicelib.domain.refusal import BadInput
from chalicelib.store import customers, orders, personal
from chalicelib.store.orders import Head
from chalicelib.usecases import queueing, showing
from chalicelib.usecases.desk import Desk

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


def search(
    desk: Desk, text: str, *, sees: Callable[[Order], bool], at: datetime
) -> list[dict[str, Any]]:
    """Return the orders that a number, a telephone, a case or an account number leads to.

    A telephone finds its orders whatever their age; a case or account number the open ones.
    """
    plain = text.replace(" ", "").replace("-", "")
    if is_order_number(plain):
        return _rows(desk, orders.get_many([plain]), sees=sees, at=at)
    phone = _phone(text)
    if phone is not None:
        return _rows(desk, of_phone(desk, phone), sees=sees, at=at)
    household = customers.find_household(plain) if plain.isalnum() and plain.isascii() else None
    phones = household.phones if household else ()
    found = [head for number in phones for head in of_phone(desk, number)]
    found += [
        head
        for county in desk.snapshot.counties
        for head in queueing.open_heads(desk, county, at=at)
        if head.order.case_no == text
    ]
    return _rows(desk, found, sees=sees, at=at)


def _phone(text: str) -> Phone | None:
    try:
        return Phone.parse(text)
    except BadInput:
        return None


def of_phone(desk: Desk, phone: Phone) -> list[Head]:
    """Return the orders that a telephone left, latest first. Raises Busy."""
    party = phone_key(phone, desk.secret)
    return orders.get_many(personal.orders_of(party, limit=MOST_ORDERS))


def _rows(
    desk: Desk, heads: Iterable[Head], *, sees: Callable[[Order], bool], at: datetime
) -> list[dict[str, Any]]:
    once = {head.order.order_id: head for head in heads if sees(head.order)}
    return [showing.queue_row(desk, head, at=at) for head in once.values()]


def caller(
    desk: Desk, phone: Phone, *, sees: Callable[[Order], bool], at: datetime
) -> dict[str, Any]:
    """Return what we know of who is on the telephone: their orders, and their account.

    The account is that of their latest order; masked, but for its number, which the agent repeats.
    """
    heads = of_phone(desk, phone)
    return {
        "orders": _rows(desk, heads, sees=sees, at=at),
        "customer": next(filter(None, map(_customer, heads)), None),
    }


def _customer(head: Head) -> dict[str, Any] | None:
    details = personal.contact(str(head.shown.get("party", "")), head.order.order_id).contact
    household = customers.find_household(str(details.get("account_no", "")))
    if household is None:
        return None
    place = customers.find_place(household.transformer_id)
    return {
        "name_masked": mask_name(household.name),
        "address_masked": mask_address(household.address),
        "account_no": household.account_no,
        "transformer": household.transformer_id,
        "place": place.name if place else "",
        "flags": sorted(household.flags),
    }
