"""What a call costs by DynamoDB's billing rules, counted by ourselves and not by an emulator.

    with Meter(house().connection.client) as meter:
        orders.get(order_id)
    assert meter.calls == 1 and meter.rru == 1

The rules (on-demand capacity, as published in the developer guide):
- an item is as large as the UTF-8 bytes of its attributes' names and values;
- a write costs 1 unit a started KB of the larger of the item before and after, at least 1, also
  when its condition fails; twice that in a transaction;
- an index costs 1 write where an entry comes, goes or changes, and 2 where its key changes (one
  entry goes, another comes), in the entry's own size; twice that in a transaction. Nothing where
  the entry stays as it was;
- a read costs 1 unit a started 4 KB, half of it when eventually consistent, twice it in a
  transaction, at least one step also when nothing is found; a Query rounds up the sum of what it
  read (filtered or not), a BatchGetItem each item by itself.

The meter looks at items before and after each call through a client of its own, so it measures one
thread at a time. It counts what was sent: a retry is another call.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self

import botocore.session
from botocore.config import Config

KB: Final = 1024
READ_STEP: Final = 4 * KB
Item = Mapping[str, Mapping[str, Any]]


# Sizes ------------------------------------------------------------------------------------------


def item_size(item: Item | None) -> int:
    """Return the bytes of an item in DynamoDB's JSON; 0 for none."""
    if not item:
        return 0
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(typed: Mapping[str, Any]) -> int:
    ((kind, value),) = typed.items()
    size: int = _SIZES[kind](value)
    return size


def _number_size(text: str) -> int:
    """About one byte per two significant digits, and one more; one for a minus sign."""
    sign, digits, _ = Decimal(text).normalize().as_tuple()
    return math.ceil(len(digits) / 2) + 1 + sign


_SIZES: Final[Mapping[str, Any]] = {
    "S": lambda value: len(value.encode()),
    "B": len,
    "N": _number_size,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "L": lambda values: 3 + sum(1 + _value_size(value) for value in values),
    "M": lambda value: 3 + len(value) + item_size(value),
    "SS": lambda values: sum(len(value.encode()) for value in values),
    "NS": lambda values: sum(_number_size(value) for value in values),
    "BS": lambda values: sum(len(value) for value in values),
}


def write_units(size: int) -> int:
    """Return the units of one plain write of an item of so many bytes."""
    return max(1, math.ceil(size / KB))


def read_units(size: int, *, consistent: bool) -> float:
    """Return the units of one plain read of so many bytes."""
    return max(1, math.ceil(size / READ_STEP)) * (1.0 if consistent else 0.5)


# Tables -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Index:
    """A global secondary index: its key attributes, and what else an entry holds (None: all)."""

    key: tuple[str, ...]
    holds: frozenset[str] | None

    def entry(self, item: Item | None) -> dict[str, Any] | None:
        """Return the entry that an item has in this index, or None."""
        if not item or not all(name in item for name in self.key):
            return None
        return {
            name: value for name, value in item.items() if self.holds is None or name in self.holds
        }

    def units(self, before: Item | None, after: Item | None) -> int:
        """Return the units of keeping this index when an item changes."""
        was, becomes = self.entry(before), self.entry(after)
        if was == becomes:
            return 0
        if was and becomes and all(was[name] == becomes[name] for name in self.key):
            return write_units(max(item_size(was), item_size(becomes)))
        return sum(write_units(item_size(entry)) for entry in (was, becomes) if entry)


@dataclass(frozen=True)
class Table:
    """What a table's cost depends on."""

    key: tuple[str, ...]
    indexes: Mapping[str, Index]

    def key_of(self, item: Item) -> dict[str, Any]:
        """Return the key within an item."""
        return {name: item[name] for name in self.key}


def _read_table(described: Mapping[str, Any]) -> Table:
    key = tuple(part["AttributeName"] for part in described["KeySchema"])
    return Table(
        key=key,
        indexes={
            index["IndexName"]: _read_index(index, key)
            for index in described.get("GlobalSecondaryIndexes", ())
        },
    )


def _read_index(index: Mapping[str, Any], key: tuple[str, ...]) -> Index:
    own = tuple(part["AttributeName"] for part in index["KeySchema"])
    projection = index["Projection"]
    if projection["ProjectionType"] == "ALL":
        return Index(own, None)
    return Index(own, frozenset({*key, *own, *projection.get("NonKeyAttributes", ())}))


# The meter --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One call as it was billed. items: how many were read or written."""

    operation: str
    wru: float
    rru: float
    items: int
    failed: str = ""


@dataclass
class _Write:
    table: str
    key: dict[str, Any]
    before: Item | None


@dataclass
class Meter:
    """Counts what a botocore client's calls cost while it is entered."""

    client: Any
    record: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self._own = _twin(self.client)

    def __enter__(self) -> Self:
        events = self.client.meta.events
        events.register("before-parameter-build.dynamodb.*", self._before, "meter-before")
        events.register("after-call.dynamodb.*", self._after, "meter-after")
        events.register("after-call-error.dynamodb.*", self._lost, "meter-lost")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        events = self.client.meta.events
        events.unregister("before-parameter-build.dynamodb.*", unique_id="meter-before")
        events.unregister("after-call.dynamodb.*", unique_id="meter-after")
        events.unregister("after-call-error.dynamodb.*", unique_id="meter-lost")
        self._own.close()

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return len(self.record)

    @property
    def wru(self) -> float:
        """Write request units of all calls."""
        return sum(call.wru for call in self.record)

    @property
    def rru(self) -> float:
        """Read request units of all calls."""
        return sum(call.rru for call in self.record)

    @property
    def items_read(self) -> int:
        """How many items the reading calls read."""
        return sum(call.items for call in self.record if call.rru)

    def reset(self) -> None:
        """Start again from nothing."""
        self.record.clear()

    # The hooks of botocore: parameters as they were given, then what came back.

    def _before(self, params: Any, model: Any, context: Any, **_: Any) -> None:
        writes = [
            _Write(table, key, self._look(table, key))
            for table, key in self._written(model.name, params)
        ]
        context["meter"] = (dict(params), writes)

    def _after(self, model: Any, parsed: Any, context: Any, **_: Any) -> None:
        params, writes = context["meter"]
        failed = parsed.get("Error", {}).get("Code", "")
        if writes:
            self.record.append(self._billed_writes(model.name, writes, failed))
        elif not failed:
            self.record.append(self._billed_read(model.name, params, parsed))

    def _lost(self, context: Any, **_: Any) -> None:
        _, writes = context["meter"]
        self.record.append(Call("no answer", 0, 0, len(writes), "lost"))

    # Writes

    def _written(self, operation: str, params: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        if operation in {"PutItem", "UpdateItem", "DeleteItem"}:
            yield self._target(params["TableName"], params)
        for entry in params.get("TransactItems", ()):
            for kind, action in entry.items():
                if kind != "Get":
                    yield self._target(action["TableName"], action)
        if operation == "BatchWriteItem":
            for table, requests in params["RequestItems"].items():
                actions = (action for request in requests for action in request.values())
                yield from (self._target(table, action) for action in actions)

    def _target(self, table: str, action: Any) -> tuple[str, dict[str, Any]]:
        key = action["Key"] if "Key" in action else self._table(table).key_of(action["Item"])
        return table, key

    def _billed_writes(self, operation: str, writes: list[_Write], failed: str) -> Call:
        units = 0
        for write in writes:
            after = self._look(write.table, write.key)
            units += write_units(max(item_size(write.before), item_size(after)))
            for index in self._table(write.table).indexes.values():
                units += index.units(write.before, after)
        factor = 2 if operation == "TransactWriteItems" else 1
        return Call(operation, units * factor, 0, len(writes), failed)

    # Reads

    def _billed_read(self, operation: str, params: Any, parsed: Any) -> Call:
        if operation == "GetItem":
            consistent = bool(params.get("ConsistentRead"))
            size = item_size(self._look(params["TableName"], params["Key"]))
            return Call(operation, 0, read_units(size, consistent=consistent), int(size > 0))
        if operation == "BatchGetItem":
            return self._billed_batch(operation, params, parsed)
        if operation in {"Query", "Scan"}:
            return self._billed_query(operation, params)
        if operation == "TransactGetItems":
            found = [
                item_size(self._look(entry["Get"]["TableName"], entry["Get"]["Key"]))
                for entry in params["TransactItems"]
            ]
            units = sum(2 * read_units(size, consistent=True) for size in found)
            return Call(operation, 0, units, len(found))
        return Call(operation, 0, 0, 0)

    def _billed_batch(self, operation: str, params: Any, parsed: Any) -> Call:
        units, items = 0.0, 0
        for table, asked in params["RequestItems"].items():
            skipped = parsed.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            for key in asked["Keys"]:
                if key not in skipped:
                    size = item_size(self._look(table, key))
                    units += read_units(size, consistent=bool(asked.get("ConsistentRead")))
                    items += 1
        return Call(operation, 0, units, items)

    def _billed_query(self, operation: str, params: Any) -> Call:
        """Ask again without projection and filter: what is billed is what was read."""
        whole = {
            name: value
            for name, value in params.items()
            if name not in {"ProjectionExpression", "FilterExpression", "ReturnConsumedCapacity"}
        }
        _keep_used_names(whole)
        ask = self._own.query if operation == "Query" else self._own.scan
        items = ask(**whole)["Items"]
        size = sum(item_size(item) for item in items)
        consistent = bool(params.get("ConsistentRead"))
        return Call(operation, 0, read_units(size, consistent=consistent), len(items))

    def _look(self, table: str, key: Any) -> Item | None:
        found: Item | None = self._own.get_item(
            TableName=table, Key=dict(key), ConsistentRead=True
        ).get("Item")
        return found

    def _table(self, name: str) -> Table:
        if name not in self._tables:
            self._tables[name] = _read_table(self._own.describe_table(TableName=name)["Table"])
        return self._tables[name]


def _keep_used_names(params: dict[str, Any]) -> None:
    """Drop placeholders that only the projection or the filter used: DynamoDB refuses them."""
    used = params.get("KeyConditionExpression", "")
    for table in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        left = {name: value for name, value in params.get(table, {}).items() if name in used}
        params.pop(table, None)
        if left:
            params[table] = left


def _twin(client: Any) -> Any:
    """Return a client for the same endpoint whose calls the meter does not see."""
    session = botocore.session.get_session()
    return session.create_client(
        "dynamodb",
        endpoint_url=client.meta.endpoint_url,
        region_name=client.meta.region_name,
        config=Config(user_agent="meter"),
    )
