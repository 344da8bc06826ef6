"""Personal data: who reported, what they said, what they photographed. All of it can be forgotten.

Nothing here stands in the ledger or in the fold of a head. A contact lies under the keyed hash of
its telephone (`party`), so that the orders of a number can be found; one without a telephone, words
and files lie under their order. Nothing here prints what it holds.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pynamodb.connection import TableConnection
from pynamodb.transactions import TransactWrite

from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.order import canonical
from chalicelib.domain.refusal import Busy, Unknown

from .rows import PersonalRow, Unconfirmed, asking, house, writing

CONTACT: Final = "contact"
TEXT: Final = "text#"
FILE: Final = "file#"


@dataclass(frozen=True, slots=True)
class ContactItem:
    """Who reported one order, and the words of the report: one item, found by telephone.

    party: the keyed hash of the telephone; empty when none was left. contact: name, phone,
    address … as plain values. words, salt: of the first event, see `Words`. expires: when the table
    may drop the item by itself; None to keep it until it is erased.
    """

    party: str
    order_id: str
    contact: Mapping[str, Any]
    words: Mapping[str, str] = field(default_factory=dict)
    salt: bytes = b""
    expires: datetime | None = None

    def __repr__(self) -> str:
        return f"ContactItem({self.order_id})"


@dataclass(frozen=True, slots=True)
class Words:
    """The personal words of one step, and the salt with which the event's digest was made."""

    order_id: str
    seq: int
    salt: bytes
    words: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Words({self.order_id}, {self.seq})"


@dataclass(frozen=True, slots=True)
class FileItem:
    """One file of an order. details: plain values such as media type, size, object key, state."""

    order_id: str
    file_id: str
    at: datetime
    details: Mapping[str, Any]
    expires: datetime | None = None

    def __repr__(self) -> str:
        return f"FileItem({self.order_id}, {self.file_id})"


def contact(party: str, order_id: str) -> ContactItem:
    """Return the contact of an order. Raises Unknown when there is none (any more), and Busy."""
    pk, sk = _contact_key(party, order_id)
    with asking():
        raw = _table().get_item(pk, range_key=sk, consistent_read=True)
    if "Item" not in raw:
        raise Unknown(order_id=order_id)
    return _contact(party, order_id, _read(raw["Item"]))


def orders_of(party: str, *, limit: int = 50) -> list[str]:
    """Return the ids of the orders that a telephone left, latest first. Raises Busy.

    Reads every contact of the telephone, as the key does not hold the time; a number has few.
    """
    found = sorted(
        ((_int(raw, "at"), str(raw["sk"]["S"])) for raw in _query(party, attributes=("sk", "at"))),
        reverse=True,
    )
    return [order_id for _, order_id in found[:limit]]


def words(order_id: str, *, party: str | None = None) -> dict[int, Words]:
    """Return what was said at each step, by the step's number. Raises Busy.

    party: as the head's `shown` has it (empty for none); then the words of the
    report itself, which lie with the contact, are among them as number 1.
    """
    said = {
        seq: Words(order_id, seq, row.salt or b"", _mapping(row.words))
        for row in map(_read, _query(_of_order(order_id), prefix=TEXT))
        for seq in [int(row.sk.removeprefix(TEXT))]
    }
    if party is not None:
        try:
            opened = contact(party, order_id)
        except Unknown:
            return said
        said[1] = Words(order_id, 1, opened.salt, opened.words)
    return said


def put_file(item: FileItem) -> None:
    """Keep what is known of a file: a new one, or the same one in another state. Raises Busy."""
    row = PersonalRow(
        pk=_of_order(item.order_id),
        sk=f"{FILE}{item.file_id}",
        at=millis(item.at),
        details=canonical(dict(item.details)),
        expires=_seconds(item.expires),
    )
    try:
        with writing():
            row.save()
    except Unconfirmed as doubt:
        raise Busy(of="store") from doubt


def list_files(order_id: str) -> list[FileItem]:
    """Return the files of an order, oldest first. Raises Busy."""
    rows = map(_read, _query(_of_order(order_id), prefix=FILE))
    found = [
        FileItem(
            order_id=order_id,
            file_id=row.sk.removeprefix(FILE),
            at=instant(int(row.at)),
            details=_mapping(row.details),
            expires=_until(row.expires),
        )
        for row in rows
    ]
    return sorted(found, key=lambda item: (item.at, item.file_id))


def erase(order_id: str, *, party: str) -> int:
    """Delete the contact, all words and all file rows of an order; return how many rows went.

    party: as the head's `shown` has it, so erase this before that. The objects behind the files and
    `shown` are the caller's to erase. Safe to repeat.
    Raises Busy; then call again.
    """
    keys = [
        (_of_order(order_id), str(raw["sk"]["S"]))
        for raw in _query(_of_order(order_id), attributes=("sk",))
    ]
    if party:
        keys.append(_contact_key(party, order_id))
    gone = 0
    for pk, sk in keys:
        with asking():
            answer = _table().delete_item(pk, range_key=sk, return_values="ALL_OLD")
        gone += "Attributes" in answer
    return gone


# Parts of the transactions of `orders` ----------------------------------------------------------


def put_contact(transaction: TransactWrite, item: ContactItem, *, at: datetime) -> None:
    """Add a contact to a transaction. at: when the order was reported."""
    pk, sk = _contact_key(item.party, item.order_id)
    transaction.save(
        PersonalRow(
            pk=pk,
            sk=sk,
            at=millis(at),
            details=canonical(dict(item.contact)),
            words=canonical(dict(item.words)) if item.words else None,
            salt=item.salt or None,
            expires=_seconds(item.expires),
        )
    )


def drop_contact(transaction: TransactWrite, party: str, order_id: str) -> None:
    """Add to a transaction that the contact under `party` goes."""
    pk, sk = _contact_key(party, order_id)
    transaction.delete(PersonalRow(pk=pk, sk=sk))


def put_words(transaction: TransactWrite, item: Words, *, at: datetime) -> None:
    """Add the words of a step to a transaction."""
    transaction.save(
        PersonalRow(
            pk=_of_order(item.order_id),
            sk=f"{TEXT}{item.seq}",
            at=millis(at),
            words=canonical(dict(item.words)),
            salt=item.salt,
        )
    )


# Reading ----------------------------------------------------------------------------------------


def _of_order(order_id: str) -> str:
    return f"order/{order_id}"


def _contact_key(party: str, order_id: str) -> tuple[str, str]:
    return (party, order_id) if party else (_of_order(order_id), CONTACT)


def _query(
    pk: str, *, prefix: str = "", attributes: tuple[str, ...] = ()
) -> Iterator[dict[str, Any]]:
    start: dict[str, Any] | None = None
    while True:
        with asking():
            page = _table().query(
                pk,
                PersonalRow.sk.startswith(prefix) if prefix else None,
                consistent_read=True,
                attributes_to_get=list(attributes) or None,
                exclusive_start_key=start,
            )
        yield from page["Items"]
        start = page.get("LastEvaluatedKey")
        if start is None:
            return


def _read(raw: dict[str, Any]) -> PersonalRow:
    return PersonalRow.from_raw_data(raw)


def _contact(party: str, order_id: str, row: PersonalRow) -> ContactItem:
    return ContactItem(
        party=party,
        order_id=order_id,
        contact=_mapping(row.details),
        words=_mapping(row.words),
        salt=row.salt or b"",
        expires=_until(row.expires),
    )


def _mapping(text: str | None) -> dict[str, Any]:
    return dict(json.loads(text)) if text else {}


def _int(raw: dict[str, Any], name: str) -> int:
    return int(raw[name]["N"])


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else millis(at) // 1000


def _until(seconds: float | None) -> datetime | None:
    return None if seconds is None else instant(int(seconds) * 1000)


def _table() -> TableConnection:
    return house().table(PersonalRow)
