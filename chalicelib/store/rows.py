"""The connection, the rows of orders, ledger and personal, and what a failed call means.

One connection and one botocore client serve every row class of the process. A write that failed
is never reported as failed before the store was asked what became of it: `write` raises
Unconfirmed, and who called reads back.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, ClassVar, Final

from botocore import exceptions as botocore_errors
from botocore.config import Config
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.connection.base import MetaTable
from pynamodb.exceptions import PynamoDBException, TransactWriteError, VerboseClientError
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.domain.refusal import Busy

# The connection ---------------------------------------------------------------------------------

CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 4.0
ATTEMPTS: Final = 3
POOL: Final = 64


class House:
    """The tables of one deployment behind one client. Made by `bind`; threads may share it."""

    def __init__(self, *, prefix: str, endpoint: str | None, region: str) -> None:
        self.prefix = prefix
        self._connection = Connection(
            region=region,
            host=endpoint,
            connect_timeout_seconds=CONNECT_SECONDS,
            read_timeout_seconds=READ_SECONDS,
            retry_configuration={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            max_pool_connections=POOL,
        )
        self._has_client = False
        self._tables: dict[str, TableConnection] = {}
        self._making = Lock()

    def table_name(self, table: str) -> str:
        """Return the deployed name of a table, such as `lightkeeper-orders`."""
        return f"{self.prefix}-{table}"

    @property
    def connection(self) -> Connection:
        """The one connection. Its client is made at the first call, by one thread."""
        with self._making:
            self._make_client()
        return self._connection

    def _make_client(self) -> None:
        """Make the client unless it is there. Whoever calls holds `_making`."""
        if not self._has_client:
            # A fixed user agent: botocore otherwise composes one twice a call, a sixth of its work.
            config = Config(user_agent="Lightkeeper/1")
            self._connection.session.set_default_client_config(config)
            self._has_client = True
        _ = self._connection.client

    def table(self, row: type["Base"]) -> TableConnection:
        """Return the connection to a row's table."""
        if row.table not in self._tables:
            with self._making:
                if row.table not in self._tables:  # another thread may have been first
                    self._tables[row.table] = self._open(row)
        return self._tables[row.table]

    def _open(self, row: type["Base"]) -> TableConnection:
        schema = row._get_schema()  # noqa: SLF001 - PynamoDB offers no public way to share a client
        name = self.table_name(row.table)
        meta = MetaTable(
            {
                "TableName": name,
                "KeySchema": schema["key_schema"],
                "AttributeDefinitions": schema["attribute_definitions"],
                "GlobalSecondaryIndexes": [
                    {"IndexName": index["index_name"], "KeySchema": index["key_schema"]}
                    for index in schema["global_secondary_indexes"]
                ],
            }
        )
        self._make_client()
        self._connection.add_meta_table(meta)
        table = TableConnection(name)
        table.connection = self._connection
        return table


_house: House | None = None


def bind(*, prefix: str, endpoint: str | None = None, region: str) -> House:
    """Say where the tables are: once at start-up, before the first call.

    prefix: of the table names, without the dash. endpoint: another DynamoDB API, or None for AWS.
    """
    global _house  # noqa: PLW0603 - one deployment a process, as PynamoDB's models have it
    _house = House(prefix=prefix, endpoint=endpoint, region=region)
    for row in _rows(Base):
        row.Meta.table_name = _house.table_name(row.table)
    return _house


def house() -> House:
    """Return what `bind` made. Raises RuntimeError before that."""
    if _house is None:
        raise RuntimeError("store.bind() has not been called")
    return _house


def _rows(base: type["Base"]) -> Iterator[type["Base"]]:
    for row in base.__subclasses__():
        yield row
        yield from _rows(row)


# The rows ---------------------------------------------------------------------------------------


class Base(Model):
    """A row of any table: `table` is the table's name without the prefix.

    Rows are dumb. Attributes that may be absent are declared `null=True`; PynamoDB types
    them as present, so whoever reads one asks whether it is there.
    """

    table: ClassVar[str]

    class Meta:
        """Filled by `bind`."""

        table_name = ""
        max_retry_attempts = ATTEMPTS

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        name = _house.table_name(cls.table) if _house and "table" in vars(cls) else ""
        cls.Meta = type("Meta", (Base.Meta,), {"table_name": name})  # type: ignore[assignment,misc] # one name a row class, not one for all

    @classmethod
    def _get_connection(cls) -> TableConnection:
        """Return the shared connection; PynamoDB's own makes one client a class."""
        return house().table(cls)


class DueIndex(GlobalSecondaryIndex["OrderRow"]):  # type: ignore[no-untyped-call] # PynamoDB types this hook not
    """What is armed, by county, soonest first. The queue and the sweep read it."""

    class Meta:
        """As in infra/resources.yaml."""

        index_name = "due"
        projection = IncludeProjection(["head", "shown", "version", "look"])

    county = UnicodeAttribute(hash_key=True)
    due_key = UnicodeAttribute(range_key=True)


class OrderRow(Base):
    """One head, packed (see `packing`). `due_key` and `look` are absent when nothing is armed."""

    table = "orders"

    order_id = UnicodeAttribute(hash_key=True)
    county = UnicodeAttribute()
    due_key = UnicodeAttribute(null=True)
    head = BinaryAttribute(legacy_encoding=False)
    shown = UnicodeAttribute()
    version = NumberAttribute()
    keys = BinaryAttribute(legacy_encoding=False, null=True)
    look = UnicodeAttribute(null=True)
    intake = BinaryAttribute(legacy_encoding=False, null=True)
    steps = BinaryAttribute(legacy_encoding=False, null=True)
    due = DueIndex()


class LedgerRow(Base):
    """One event. Put once, by `ledger` alone; never updated, never deleted."""

    table = "ledger"

    aggregate = UnicodeAttribute(hash_key=True)
    seq = NumberAttribute(range_key=True)
    body = UnicodeAttribute()
    hash = UnicodeAttribute()
    prev = UnicodeAttribute()


class PersonalRow(Base):
    """A contact, the words of one step, or a file: whatever must be able to be forgotten."""

    table = "personal"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    at = NumberAttribute()
    details = UnicodeAttribute(null=True)
    words = UnicodeAttribute(null=True)
    salt = BinaryAttribute(legacy_encoding=False, null=True)
    expires = NumberAttribute(null=True)


# What a failed call means -----------------------------------------------------------------------

CONFLICTS: Final = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)
CONFLICTED: Final = frozenset({"TransactionConflictException", "TransactionInProgressException"})
THROTTLED: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "Throttling",
    }
)
REFUSED: Final = "ConditionalCheckFailedException"
CANCELLED: Final = "TransactionCanceledException"
SERVER_ERROR: Final = 500


class Unconfirmed(Exception):
    """A write of which we do not know that it was made: read back before you say anything.

    refused: a condition failed (perhaps on our own first attempt, whose answer was lost).
    """

    def __init__(self, *, refused: bool) -> None:
        super().__init__("refused" if refused else "no answer")
        self.refused = refused


def is_refused(error: PynamoDBException) -> bool:
    """Return whether a condition of the write did not hold."""
    code = _code(error)
    return code == REFUSED or (code == CANCELLED and "ConditionalCheckFailed" in _reasons(error))


def is_conflict(error: PynamoDBException) -> bool:
    """Return whether another transaction was in the way: nothing was written, try again."""
    code = _code(error)
    if code == CANCELLED:
        reasons = _reasons(error)
        return bool(reasons) and reasons <= CONFLICTS
    return code in CONFLICTED


def is_silence(error: PynamoDBException) -> bool:
    """Return whether the store did not answer, or answered that it cannot now."""
    cause = error.cause
    if isinstance(cause, VerboseClientError):
        return _code(error) in THROTTLED or _status(cause) >= SERVER_ERROR
    return isinstance(cause, botocore_errors.HTTPClientError | botocore_errors.ConnectionError)


def _code(error: PynamoDBException) -> str:
    """Return what DynamoDB answered; empty when it did not.

    PynamoDB's own `cause_response_code` breaks on a lost connection: its `response` is None.
    """
    if not isinstance(error.cause, botocore_errors.ClientError):
        return ""
    return error.cause.response["Error"]["Code"]


def _status(error: VerboseClientError) -> int:
    """Return the HTTP status, which only the botocore error behind PynamoDB's still has."""
    original = error.__cause__
    if not isinstance(original, botocore_errors.ClientError):
        return 0
    return original.response["ResponseMetadata"]["HTTPStatusCode"]


def _reasons(error: PynamoDBException) -> set[str]:
    """Return the codes, never by position: PynamoDB sorts a transaction's items (its #1284)."""
    if not isinstance(error, TransactWriteError):
        return set()
    return {reason.code for reason in error.cancellation_reasons if reason is not None}


@contextmanager
def asking() -> Iterator[None]:
    """Read, and say Busy when the store does not answer. Any other failure is a bug and passes."""
    try:
        yield
    except PynamoDBException as error:
        if is_silence(error):
            raise Busy(of="store") from error
        raise


@contextmanager
def writing() -> Iterator[None]:
    """Write one row, and say Unconfirmed when it was refused or nobody answered."""
    try:
        yield
    except PynamoDBException as error:
        if is_refused(error):
            raise Unconfirmed(refused=True) from error
        if is_silence(error) or is_conflict(error):
            raise Unconfirmed(refused=False) from error
        raise


TRIES: Final = 8
BACK_OFF_SECONDS: Final = 0.02
LONGEST_SECONDS: Final = 0.4


def write(fill: Callable[[TransactWrite], None]) -> None:
    """Write all that `fill` puts into the transaction, or nothing.

    A conflict with another transaction is retried with jittered back-off, at most TRIES times, then
    Busy. Raises Unconfirmed when a condition failed or nobody answered.
    """
    for attempt in range(TRIES):
        try:
            with writing(), TransactWrite(connection=house().connection) as transaction:
                fill(transaction)
        except Unconfirmed as doubt:
            if not is_conflict_behind(doubt):
                raise
        else:
            return
        back_off(attempt)
    raise Busy(of="store")


def is_conflict_behind(doubt: Unconfirmed) -> bool:
    """Return whether the doubt is only that another transaction was in the way."""
    return isinstance(doubt.__cause__, PynamoDBException) and is_conflict(doubt.__cause__)


def back_off(attempt: int) -> None:
    """Wait a random while, longer with each attempt, so that two who met do not meet again."""
    longest = min(LONGEST_SECONDS, BACK_OFF_SECONDS * 2**attempt)
    time.sleep(random.uniform(0, longest))  # noqa: S311 - spreads retries, protects nothing
