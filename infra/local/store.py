"""The embedded DynamoDB: dynoxide on one SQLite file, or in memory for tests.

Measured: boots in 12 ms, loses no acknowledged write in a kill -9 (write-ahead log, synchronous).
Three of its habits matter here:

- it never trims stream records, and looks for the newest one by reading all of them, before each
  write to a streamed table: 2 ms become 13 ms at 20,000 records. So a file gets an index, and
  `trim_stream` forgets what was delivered. In memory neither is possible: load with a folder.
- after a complete trim it counts from 1 again, and a kept position would skip every new event. So
  the newest record of each table always stays.
- it never deletes an expired item. `purge_expired` does.
"""

import contextlib
import functools
import sqlite3
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.children import LOOPBACK, Child, free_port
from infra.local.template import REGION, RESOURCES, Table, declared
from infra.local.tools import CannotRun, store_binary

FILE: Final = "dynamodb.sqlite"
_TRIM_ROWS: Final = 500  # a transaction of a few ms; the store waits up to 5 s for its turn
_PURGE_PAUSE: Final = 0.05


class EmbeddedStore:
    """A DynamoDB of our own, with the tables of infra/resources.yaml.

    data: the folder that keeps it; None keeps it in memory and forgets it at the end.
    keep_open: descriptors that its process holds on to (the data folder's lock).

        with EmbeddedStore() as store:
            table = store.client().describe_table(TableName="lightkeeper-orders")

    Raises CannotRun on a start that fails: no binary, a damaged file, a folder without rights.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        resources: Path = RESOURCES,
        prefix: str = "lightkeeper",
        keep_open: Sequence[int] = (),
    ) -> None:
        self.tables = declared(resources, prefix=prefix).tables
        self.file = data / FILE if data else None
        self._keep_open = keep_open
        self._child: Child | None = None
        self.endpoint = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def name(self) -> str:
        """Return what to call it in a sentence."""
        return "The embedded store"

    @property
    def pid(self) -> int | None:
        """Return its process id; None before it started."""
        return self._child.pid if self._child else None

    def last_words(self) -> str:
        """Return the last line its process wrote; empty if none."""
        return self._child.last_words() if self._child else ""

    @property
    def is_alive(self) -> bool:
        """Return whether its process runs."""
        return self._child is not None and self._child.is_alive

    def start(self) -> None:
        """Start the process on a free port, then make the tables that are missing."""
        binary = store_binary()
        tries = 5  # between finding a free port and using it, another program can take it
        for left in reversed(range(tries)):
            port = free_port()
            command = [str(binary), "--host", LOOPBACK, "--port", str(port)]
            if self.file:
                command += ["--db-path", str(self.file)]
            log = self.file.with_name("dynamodb.log") if self.file else None
            try:
                self._child = Child(
                    "The embedded store", command, port=port, log=log, keep_open=self._keep_open
                )
                self._child.ready()
            except CannotRun as refused:
                if left and "already in use" in str(refused):
                    continue
                raise _explained(refused, self.file) from refused
            self.endpoint = f"http://{LOOPBACK}:{port}"
            break
        try:
            create_tables(self.client(), self.tables)
            if self.file:
                _index_the_stream(self.file)
        except sqlite3.DatabaseError as error:
            self.stop()
            raise _explained(CannotRun(f"{self.file}: {error}"), self.file) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the process; data in a folder stays."""
        if self._child:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """End the process as a power cut does; `start` continues on the same folder."""
        if self._child:
            self._child.kill()
            self._child = None

    def client(self) -> Any:
        """Return a new DynamoDB client of this store."""
        return client("dynamodb", self.endpoint)

    def streams(self) -> Any:
        """Return a new DynamoDB Streams client of this store."""
        return client("dynamodbstreams", self.endpoint)

    def wipe(self) -> None:
        """Empty every table, by making it anew: what a test does between tests."""
        dynamodb = self.client()
        for table in self.tables:
            dynamodb.delete_table(TableName=table.name)
        create_tables(dynamodb, self.tables)


def client(service: str, endpoint: str) -> Any:
    """Return a botocore client of an endpoint; credentials are made up if the machine has none."""
    session = _session()
    return session.create_client(
        service,
        endpoint_url=endpoint,
        region_name=session.get_config_variable("region") or REGION,
        config=Config(user_agent="Lightkeeper-local/1", connect_timeout=2, read_timeout=20),
    )


@functools.cache
def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    if session.get_credentials() is None:
        session.set_credentials("local", "local")
    return session


def create_tables(dynamodb: Any, tables: Iterable[Table]) -> None:
    """Make the tables that are missing; the others must be as they are declared.

    Raises CannotRun if a table is there with other keys, indexes or without its stream, or if the
    endpoint does not answer as a DynamoDB.
    """
    try:
        for table in tables:
            try:
                dynamodb.create_table(**table.definition)
            except dynamodb.exceptions.ResourceInUseException:
                _compare(table, dynamodb.describe_table(TableName=table.name)["Table"])
            else:
                dynamodb.get_waiter("table_exists").wait(
                    TableName=table.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
                )
                if table.expires:
                    _let_expire(dynamodb, table)
    except (BotoCoreError, ClientError) as error:
        raise CannotRun(f"The DynamoDB endpoint does not answer as one: {error}") from error


def _let_expire(dynamodb: Any, table: Table) -> None:
    specification = {"Enabled": True, "AttributeName": table.expires}
    dynamodb.update_time_to_live(TableName=table.name, TimeToLiveSpecification=specification)


def _compare(table: Table, found: dict[str, Any]) -> None:
    def indexes(definition: Any) -> list[Any]:
        return sorted(
            (one["IndexName"], one["KeySchema"], sorted(one["Projection"].items(), key=str))
            for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
            for one in definition.get(kind, ())
        )

    def shape(definition: Any) -> Any:
        stream = definition.get("StreamSpecification", {}).get("StreamViewType")
        return definition["KeySchema"], indexes(definition), stream

    if shape(table.definition) != shape(found):
        raise CannotRun(
            f"The table {table.name} was made by another version (its keys, indexes or stream"
            " differ from infra/resources.yaml): export the data with that version, or start with"
            " an empty folder in LIGHTKEEPER_DATA."
        )


def _explained(refused: CannotRun, file: Path | None) -> CannotRun:
    """Return the refusal in words that say what to do, where the store's own do not."""
    said = str(refused)
    if "not a valid SQLite" in said or "malformed" in said:
        return CannotRun(f"{file} is damaged: restore it from a backup, or move it away.")
    if "unable to open" in said or "readonly" in said:
        return CannotRun(f"{file} cannot be opened: correct its owner or rights. {said}")
    if "locked" in said:
        return CannotRun(f"{file} is in use by another program: close that one first.")
    return refused


def _index_the_stream(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as database, database:
        database.execute(
            "CREATE INDEX IF NOT EXISTS lightkeeper_stream ON _stream_records"
            " (table_name, CAST(sequence_number AS INTEGER))"
        )


def newest_in_stream(file: Path, table: str) -> int:
    """Return the newest sequence number of a table's stream in a store's file; 0 without any."""
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as database:
        (newest,) = database.execute(
            "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) FROM _stream_records"
            " WHERE table_name = ?",
            (table,),
        ).fetchone()
    return int(newest)


def trim_stream(file: Path, table: str, *, up_to: int) -> int:
    """Forget the stream records of a table that everybody has read; return how many.

    up_to: the last sequence number read. The table's newest record stays even so, because the
    numbering continues from it. Works beside the running store, a few rows a transaction.
    """
    last = min(up_to, newest_in_stream(file, table) - 1)
    forgotten = 0
    with contextlib.closing(sqlite3.connect(file, timeout=10)) as database:
        while True:
            with database:
                rows = database.execute(
                    "DELETE FROM _stream_records WHERE id IN (SELECT id FROM _stream_records"
                    " WHERE table_name = ? AND CAST(sequence_number AS INTEGER) <= ? LIMIT ?)",
                    (table, last, _TRIM_ROWS),
                ).rowcount
            forgotten += rows
            if rows < _TRIM_ROWS:
                return forgotten


def purge_expired(dynamodb: Any, tables: Iterable[Table], *, at: datetime) -> int:
    """Delete every item whose time has come, as DynamoDB does by itself; return how many.

    An item that is renewed meanwhile stays. Reads page by page and pauses in between, so that the
    people at work do not notice.
    """
    purged = 0
    now = {":now": {"N": str(int(at.timestamp()))}}
    for table in tables:
        if not table.expires:
            continue
        names = {f"#k{n}": key for n, key in enumerate(table.keys)} | {"#expires": table.expires}
        pages = dynamodb.get_paginator("scan").paginate(
            TableName=table.name,
            ProjectionExpression=", ".join(name for name in names if name != "#expires"),
            FilterExpression="#expires < :now",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=now,
        )
        for page in pages:
            for key in page["Items"]:
                purged += _purge(dynamodb, table, key, now)
            time.sleep(_PURGE_PAUSE)
    return purged


def _purge(dynamodb: Any, table: Table, key: dict[str, Any], now: dict[str, Any]) -> int:
    try:
        dynamodb.delete_item(
            TableName=table.name,
            Key=key,
            ConditionExpression="#expires < :now",
            ExpressionAttributeNames={"#expires": table.expires},
            ExpressionAttributeValues=now,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return 0
    return 1
