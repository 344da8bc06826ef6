"""The threads that wake the app's functions: schedules, streams, queues and the store's upkeep.

A loop never ends because something failed: it says so once in words, writes the trace to the log,
and tries again with growing pauses. `stop` lets each finish what it is doing.
"""

import json
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from chalice.app import (
    Chalice,
    DynamoDBEventConfig,
    ScheduledEventConfig,
    SQSEventConfig,
)

from chalicelib import ambient
from infra.local import schedules
from infra.local.functions import invoke, schedule_of
from infra.local.queues import Queues
from infra.local.store import newest_in_stream, purge_expired, trim_stream
from infra.local.streams import POLL as STREAM_POLL
from infra.local.streams import Delivery, Feed, Positions
from infra.local.template import Declared
from infra.local.tools import CannotRun

_TRIM_EVERY: Final = 60.0
_PURGE_EVERY: Final = 600.0
_LONGEST_PAUSE: Final = 10.0
_QUEUE_READERS: Final = 2
_LONG_POLL: Final = 1.0
_SHORTEST_PAUSE: Final = 0.2


class Loops:
    """All background work of one platform.

    dynamodb, streams_client: clients of the store; file: its SQLite file, None if it is not ours.
    say: tells the person at the terminal; log: takes traces.

    Raises CannotRun if a trigger of the app names what the template does not declare.
    """

    def __init__(
        self,
        app: Chalice,
        *,
        declared: Declared,
        queues: Queues,
        dynamodb: Any,
        streams_client: Any,
        data: Path,
        file: Path | None,
        say: Callable[[str], None],
        log: Callable[[str], None],
    ) -> None:
        self._app = app
        self._declared = declared
        self._queues = queues
        self._dynamodb = dynamodb
        self._streams = streams_client
        self._data = data
        self._file = file
        self._say = say
        self._log = log
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._dead: dict[str, int] = {}
        self._positions = Positions(data / "stream.json", say)
        for source in app.event_sources:
            self._prepare(source)
        self._add("upkeep", self._keep_up)

    def start(self) -> None:
        """Start every loop."""
        for thread in self._threads:
            thread.start()

    def stop(self, within: float = 10.0) -> None:
        """Ask every loop to end and wait for those that still work, seconds at most."""
        self._stopping.set()
        self._queues.wake()
        until = time.monotonic() + within
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))
        self._keep_positions()

    def _add(self, name: str, loop: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=loop, name=name, daemon=True))

    def _prepare(self, source: Any) -> None:
        if isinstance(source, ScheduledEventConfig):
            expression = schedule_of(source)
            schedules.parse(expression)  # a bad one stops the start
            self._add(source.name, lambda: self._on_time(source.name, expression))
        elif isinstance(source, SQSEventConfig):
            queue = source.queue or str(source.queue_arn).rpartition(":")[2]
            self._queues.need(queue)
            for _ in range(source.maximum_concurrency or _QUEUE_READERS):
                self._add(source.name, lambda: self._read_queue(source.name, queue, source))
        elif isinstance(source, DynamoDBEventConfig):
            table = source.stream_arn.partition(":table/")[2].partition("/")[0]
            if table not in {one.name for one in self._declared.tables if one.has_stream}:
                raise CannotRun(
                    f"app.py reads {source.stream_arn}, but infra/resources.yaml declares no table"
                    f" {table or '(none named)'} with a stream."
                )
            if self._file:
                self._positions.forget_beyond(table, newest_in_stream(self._file, table))
            self._add(source.name, lambda: self._read_stream(source.name, table, source.batch_size))

    # Schedules

    def _on_time(self, name: str, expression: str) -> None:
        """Wake a function whenever it is due; a rate also at once, for what fell due meanwhile."""

        def call(due: datetime) -> None:
            event = schedules.event(name, at=due, event_id=str(uuid.uuid4()))
            try:
                invoke(self._app, name, event)
            except Exception:  # noqa: BLE001 - said and logged; the next instant tries again
                self._failed(f"{name} failed")

        schedules.keep_time(
            schedules.parse(expression),
            call,
            at_once=expression.startswith("rate"),
            now=ambient.now,
            stopping=self._stopping,
        )

    # Streams

    def _read_stream(self, name: str, table: str, batch_size: int) -> None:
        delivery = Delivery(
            call=lambda event: self._call(name, event),
            park=lambda record, error: self._park(name, record, error),
            stopping=self._stopping,
        )
        feed: Feed | None = None

        def step() -> bool:
            nonlocal feed
            feed = feed or Feed(
                dynamodb=self._dynamodb,
                streams=self._streams,
                table=table,
                function=name,
                positions=self._positions,
            )
            batch = feed.read(batch_size)
            if batch:
                delivery.deliver(feed, batch)
            return batch is not None

        self._repeat(name, step, pause=STREAM_POLL)

    def _park(self, name: str, record: dict[str, Any], error: Exception | None) -> None:
        what = {
            "function": name,
            "stream": record["eventSourceARN"],
            "sequence": record["dynamodb"]["SequenceNumber"],
            "keys": record["dynamodb"].get("Keys"),
            "error": type(error).__name__ if error else "reported",
        }
        with (self._data / "parked.jsonl").open("a", encoding="utf-8") as parked:
            parked.write(json.dumps(what) + "\n")
        self._say(
            f"{name} cannot handle record {what['sequence']} of the stream ({what['error']}): it is"
            f" parked in {self._data / 'parked.jsonl'}."
        )

    # Queues

    def _read_queue(self, name: str, queue: str, source: SQSEventConfig) -> None:
        def step() -> bool:
            records = self._queues.receive(queue, source.batch_size, within=_LONG_POLL)
            if records:
                try:
                    answer = self._call(name, {"Records": records})
                except Exception as error:  # noqa: BLE001 - logged by _call; settled as a failure of all
                    answer = error
                self._queues.settle(queue, records, answer)
            return bool(records)

        self._repeat(name, step, pause=0)

    # Upkeep

    def _keep_up(self) -> None:
        """Keep positions, trim streams, purge what expired, say when dead letters grow."""
        since_trim = since_purge = float("inf")
        pause = 1.0

        def step() -> bool:
            nonlocal since_trim, since_purge
            self._keep_positions()
            self._look_for_dead_letters()
            if since_trim >= _TRIM_EVERY:
                since_trim = 0.0
                self._trim()
            if since_purge >= _PURGE_EVERY:
                since_purge = 0.0
                purge_expired(self._dynamodb, self._declared.tables, at=ambient.now())
            since_trim += pause
            since_purge += pause
            return False

        self._repeat("upkeep", step, pause=pause)

    def _keep_positions(self) -> None:
        """Keep the positions once nothing that came before them is only in a queue."""
        before = self._positions.now()
        live = [queue.name for queue in self._declared.queues if not queue.dead_letters_of]
        if not any(self._queues.waiting(name) for name in live):
            self._positions.keep(before)

    def _look_for_dead_letters(self) -> None:
        for queue in self._declared.queues:
            if queue.dead_letters_of:
                count = self._queues.waiting(queue.name)
                if count > self._dead.get(queue.name, 0):
                    self._say(f"{count} message(s) in {queue.name}: nobody could handle them.")
                self._dead[queue.name] = count

    def _trim(self) -> None:
        if not self._file:
            return
        for table in self._declared.tables:
            kept = self._positions.kept_by_all(table.name)
            if table.has_stream and kept:
                trim_stream(self._file, table.name, up_to=kept)

    # All

    def _call(self, name: str, event: dict[str, Any]) -> Any:
        try:
            return invoke(self._app, name, event)
        except Exception:
            self._log(f"{name} failed:\n{traceback.format_exc()}")
            raise

    def _repeat(self, name: str, step: Callable[[], bool], *, pause: float) -> None:
        """Call `step` until we stop, at once again while it finds work."""
        failures = 0
        while not self._stopping.is_set():
            try:
                found = step()
            except Exception:  # noqa: BLE001 - said once, logged, tried again
                failures += 1
                if failures == 1 and not self._stopping.is_set():
                    self._failed(f"{name} is held up and tries again")
                self._stopping.wait(min(_SHORTEST_PAUSE * 2**failures, _LONGEST_PAUSE))
                continue
            if failures:
                self._say(f"{name} goes on.")
                failures = 0
            if not found:
                self._stopping.wait(pause)

    def _failed(self, what: str) -> None:
        trace = traceback.format_exc()
        self._log(f"{what}:\n{trace}")
        self._say(f"{what}: {trace.strip().splitlines()[-1]}")
