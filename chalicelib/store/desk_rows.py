"""The rows of registry, customers, deliveries and daybook, and what their modules share.

Every table here has `pk` and `sk`. Rows are dumb: text, numbers, bytes. Which module keeps what
under which key stands in that module.
"""

import json
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from threading import Lock
from typing import Any, Final, Generic, TypeVar

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.domain.clocks import millis
from chalicelib.domain.contact import Phone
from chalicelib.domain.refusal import Busy

from .rows import TRIES, Base, House, asking, back_off, house

_Row = TypeVar("_Row", bound="KeyedRow")
_Item = TypeVar("_Item")

# The rows ---------------------------------------------------------------------------------------


class KeyedRow(Base):
    """What every row below has; of no table itself."""

    table = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class RecordRow(KeyedRow):
    """One record of the registry: `value` is JSON, `tip` the hash of the event that made it so."""

    table = "registry"

    value = UnicodeAttribute()
    version = NumberAttribute()
    tip = UnicodeAttribute()


class CounterRow(KeyedRow):
    """How often something happened within one window."""

    table = "registry"

    hits = NumberAttribute()
    expires = NumberAttribute()


class StagedRow(KeyedRow):
    """A part of an import that waits for its approval: packed JSON."""

    table = "registry"

    data = BinaryAttribute(legacy_encoding=False)
    expires = NumberAttribute()


class HomeRow(KeyedRow):
    """One household or place, at home: `value` is JSON."""

    table = "customers"

    value = UnicodeAttribute()


class WhereRow(KeyedRow):
    """Where a household or place is at home: `home` is the `pk` of its HomeRow."""

    table = "customers"

    home = UnicodeAttribute()


class MapRow(KeyedRow):
    """One feeder's map in one of its versions: packed JSON. `since` in milliseconds."""

    table = "customers"

    data = BinaryAttribute(legacy_encoding=False)
    version = NumberAttribute()
    since = NumberAttribute()


class EvidenceRow(KeyedRow):
    """What one request brought about one feeder: packed JSON."""

    table = "deliveries"

    data = BinaryAttribute(legacy_encoding=False)
    expires = NumberAttribute()


class ToldRow(KeyedRow):
    """What one telephone was told of one outage. Instants in milliseconds.

    seq: of the newest round it was claimed for. past: the rounds before as JSON, oldest first.
    accounts: those whose household has this telephone. said: what the newest says, coded, as JSON.
    """

    table = "deliveries"

    seq = NumberAttribute()
    kind = UnicodeAttribute()
    status = UnicodeAttribute()
    rank = NumberAttribute()
    at = NumberAttribute()
    accounts = UnicodeAttribute()
    tries = NumberAttribute(null=True)
    until = NumberAttribute(null=True)
    holder = UnicodeAttribute(null=True)
    gateway_id = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    past = UnicodeAttribute(null=True)
    said = UnicodeAttribute(null=True)


class PartRow(KeyedRow):
    """What a look at a round found in a part of it: JSON."""

    table = "deliveries"

    found = UnicodeAttribute()
    expires = NumberAttribute()


class ClaimRow(KeyedRow):
    """One effect in hand or settled. Instants in milliseconds; `until` ends the lease."""

    table = "deliveries"

    status = UnicodeAttribute()
    rank = NumberAttribute()
    at = NumberAttribute()
    tries = NumberAttribute(null=True)
    until = NumberAttribute(null=True)
    holder = UnicodeAttribute(null=True)
    gateway_id = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)


class CodeRow(KeyedRow):
    """A code that stands for an order."""

    table = "deliveries"

    order_id = UnicodeAttribute()
    expires = NumberAttribute()


class CallRow(KeyedRow):
    """A line of the call list; `done_by` and `done_at` once somebody called."""

    table = "deliveries"

    reason = UnicodeAttribute()
    done_by = UnicodeAttribute(null=True)
    done_at = NumberAttribute(null=True)
    expires = NumberAttribute(null=True)


class SealRow(KeyedRow):
    """The digests of one batch of events: packed JSON."""

    table = "deliveries"

    data = BinaryAttribute(legacy_encoding=False)
    expires = NumberAttribute()


class DayRow(KeyedRow):
    """One order on its day: `row` is JSON, `version` that of the order."""

    table = "daybook"

    row = UnicodeAttribute()
    version = NumberAttribute()


# Reading ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page(Generic[_Item]):
    """Some items in order; `after` is where the next page begins, None at the end."""

    items: tuple[_Item, ...]
    after: str | None = None


def find(row: type[_Row], pk: str, sk: str) -> _Row | None:
    """Return one row or None. Strongly consistent. Raises Busy."""
    with asking():
        raw = house().table(row).get_item(pk, range_key=sk, consistent_read=True)
    return row.from_raw_data(raw["Item"]) if "Item" in raw else None


def find_many(row: type[_Row], keys: Iterable[tuple[str, str]]) -> Iterator[_Row]:
    """Yield those rows that exist, in any order, a hundred a call. Raises Busy."""
    table = house().table(row)
    wanted: list[Any] = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in dict.fromkeys(keys)]
    for some in _in_parts(wanted, 100):
        left: Any = some
        for attempt in range(TRIES):
            with asking():
                answer = table.batch_get_item(left, consistent_read=True)
            for raw in answer["Responses"].get(table.table_name, ()):
                yield row.from_raw_data(raw)
            left = answer.get("UnprocessedKeys", {}).get(table.table_name, {}).get("Keys")
            if not left:
                break
            back_off(attempt)
        else:
            raise Busy(of="store")


def under(row: type[_Row], pk: str) -> Iterator[_Row]:
    """Yield the rows of one `pk` in order of `sk`, a megabyte a call. Raises Busy.

    Strongly consistent: what was acknowledged is here.
    """
    table = house().table(row)
    start: dict[str, Any] | None = None
    while True:
        with asking():
            answer = table.query(pk, consistent_read=True, exclusive_start_key=start)
        for raw in answer["Items"]:
            yield row.from_raw_data(raw)
        start = answer.get("LastEvaluatedKey")
        if start is None:
            return


def page(row: type[_Row], pk: str, *, limit: int, after: str | None) -> Page[_Row]:
    """Return up to `limit` rows of one `pk` behind the cursor, in one call. Raises Busy.

    Strongly consistent. `after` of the page is the `sk` of its last row when there are more.
    """
    table = house().table(row)
    condition = row.sk > after if after else None
    with asking():
        answer = table.query(pk, condition, consistent_read=True, limit=limit + 1)
    rows = [row.from_raw_data(raw) for raw in answer["Items"]]
    more = len(rows) > limit or "LastEvaluatedKey" in answer
    rows = rows[:limit]
    return Page(tuple(rows), rows[-1].sk if more and rows else None)


# Writing in bulk --------------------------------------------------------------------------------


def put_all(row: type[_Row], rows: Iterable[_Row]) -> None:
    """Put rows that need no condition, 25 a call; of two with one key the later counts.

    What the store leaves undone is sent again, with back-off. Raises Busy; then some may be there.
    """
    latest = {(one.pk, one.sk): one.serialize() for one in rows}
    for some in _in_parts(list(latest.values()), 25):
        _in_batches(row, "PutRequest", some)


def delete_all(row: type[_Row], keys: Iterable[tuple[str, str]]) -> None:
    """Delete rows that may or may not exist, 25 a call. Raises Busy; then some may be left."""
    unwanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in dict.fromkeys(keys)]
    for some in _in_parts(unwanted, 25):
        _in_batches(row, "DeleteRequest", some)


def _in_batches(row: type[_Row], request: str, some: Sequence[Any]) -> None:
    table = house().table(row)
    inner = "Item" if request == "PutRequest" else "Key"
    left: Sequence[Any] = some
    for attempt in range(TRIES):
        with asking():
            if request == "PutRequest":
                answer = table.batch_write_item(put_items=left)
            else:
                answer = table.batch_write_item(delete_items=left)
        undone = answer.get("UnprocessedItems", {}).get(table.table_name, ())
        left = [one[request][inner] for one in undone]
        if not left:
            return
        back_off(attempt)
    raise Busy(of="store")


def _in_parts(whole: Sequence[_Item], size: int) -> Iterator[list[_Item]]:
    rest = iter(whole)
    while some := list(islice(rest, size)):
        yield some


# Plain values -----------------------------------------------------------------------------------


def compact(value: Any) -> str:
    """Return JSON text without a needless byte, keys sorted."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def pack(value: Any) -> bytes:
    """Return JSON, deflated. `unpack` reads it."""
    return zlib.compress(compact(value).encode())


def unpack(data: bytes) -> Any:
    """Return what `pack` was given, tuples as lists."""
    return json.loads(zlib.decompress(data))


def seconds(at: datetime) -> int:
    """Return whole seconds since 1970, rounded up: the form of `expires`."""
    return -(-millis(at) // 1000)


def phone_to_json(phone: Phone | None) -> list[str]:
    """Return the digits of a phone and its extension; nothing for none."""
    if phone is None:
        return []
    return [phone.number, phone.extension] if phone.extension else [phone.number]


def phone_from_json(raw: Sequence[str]) -> Phone | None:
    """Read `phone_to_json` back. Raises ValueError for what is no phone."""
    return Phone(*raw) if raw else None


# What was read lately ---------------------------------------------------------------------------


class Remembered(Generic[_Item]):
    """What was read from the store lately, kept in this process for `term` at the longest.

    Age is counted from the `at` of the call that began to read, so nothing older than `term` is
    ever answered. `forget` is for those who have just written. What is None is not kept. most: how
    many are kept; the one kept first makes room. Threads may share it.
    """

    def __init__(self, term: timedelta, *, most: int = 1_000) -> None:
        self.term: Final = term
        self.most: Final = most
        self._kept: dict[Hashable, tuple[datetime, _Item]] = {}
        self._of: House | None = None
        self._lock: Final = Lock()

    def get(self, key: Hashable, *, at: datetime, load: Callable[[], _Item]) -> _Item:
        """Return what is kept under `key`, or load it."""
        kept = self._fresh(key, at)
        if kept is None:
            with self._lock:
                kept = self._fresh(key, at)
                if kept is None:
                    if self._of is not house():
                        self._kept, self._of = {}, house()
                    kept = (at, load())
                    self._keep(key, kept)
        return kept[1]

    def _keep(self, key: Hashable, kept: tuple[datetime, _Item]) -> None:
        self._kept.pop(key, None)
        if kept[1] is not None:
            if len(self._kept) >= self.most:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = kept

    def forget(self, key: Hashable) -> None:
        """Load `key` anew next time. Waits for a load that has begun, and forgets that too."""
        with self._lock:
            self._kept.pop(key, None)

    def clear(self) -> None:
        """Load everything anew next time."""
        with self._lock:
            self._kept = {}

    def _fresh(self, key: Hashable, at: datetime) -> tuple[datetime, _Item] | None:
        kept = self._kept.get(key) if self._of is house() else None
        return kept if kept and abs(at - kept[0]) < self.term else None
