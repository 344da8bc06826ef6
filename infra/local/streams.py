"""DynamoDB streams: what a table's changes are handed to, in order, at least once.

The position of each function is kept on disk with the stream's ARN, so a restart continues where
it was, and a new store starts at its beginning. What is on disk may be older than what was
applied, never newer: as long as effects are only in a queue, which a crash empties, it waits.

A batch that fails is tried again with growing pauses; then its records are tried one by one, and
one that fails alone as well is parked in `parked.jsonl` and said aloud: a bad record does not hold
up the rest.
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.local.folder import replace
from infra.local.functions import failed
from infra.local.template import REGION

POLL: Final = 0.25
_LONGEST_PAUSE: Final = 8.0
_PATIENCE: Final = 8  # tries of a batch, half a minute in all
_PATIENCE_ALONE: Final = 3  # then of each record alone
_LOOK_AGAIN: Final = 5.0  # seconds between two looks for new shards
_ENDED: Final = "ended"
_SEQUENCE_DIGITS: Final = 21  # botocore refuses a shorter sequence number


class Positions:
    """Where each function stands in its stream: `{function: {stream, shards: {id: sequence}}}`.

    A shard's sequence is the last one applied, padded to 21 digits, or `ended`. A file that cannot
    be read is said aloud and begun anew: everything still in the stream is delivered once more,
    which effects bear by design.
    """

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        self._file = file
        self._noting = threading.Lock()
        self._known: dict[str, dict[str, Any]] = {}
        if file.exists():
            try:
                self._known = _checked(json.loads(file.read_bytes()))
            except (ValueError, TypeError, KeyError, AttributeError):
                say(f"{file} is damaged: every event still in the stream is delivered again.")
        self._kept = dict(self._known)

    def of(self, function: str, stream: str) -> dict[str, str]:
        """Return the function's position in each shard of a stream it has begun."""
        known = self._known.get(function, {})
        return dict(known["shards"]) if known.get("stream") == stream else {}

    def note(self, function: str, stream: str, shards: dict[str, str]) -> None:
        """Remember where the function stands now; `keep` brings it to disk."""
        with self._noting:
            self._known[function] = {"stream": stream, "shards": dict(shards)}

    def now(self) -> dict[str, dict[str, Any]]:
        """Return where every function stands, for `keep` once it is safe to go on from there."""
        with self._noting:
            return dict(self._known)

    def keep(self, known: dict[str, dict[str, Any]]) -> None:
        """Write positions down, to survive a crash of the machine."""
        if known != self._kept:
            replace(self._file, json.dumps(known, indent=1).encode())
            self._kept = known

    def forget_beyond(self, table: str, newest: int) -> None:
        """Drop positions after a table's newest record: that store is no more."""
        for function, known in list(self._known.items()):
            ahead = any(s != _ENDED and int(s) > newest for s in known["shards"].values())
            if f":table/{table}/" in known["stream"] and ahead:
                del self._known[function]

    def kept_by_all(self, table: str) -> int:
        """Return the sequence number of a table that no restart goes back before; 0 if none."""
        found = [
            int(sequence)
            for known in self._kept.values()
            if f":table/{table}/" in known["stream"]
            for sequence in known["shards"].values()
            if sequence != _ENDED
        ]
        return min(found, default=0)


def _checked(known: dict[str, Any]) -> dict[str, dict[str, Any]]:
    for one in known.values():
        if not isinstance(one["stream"], str):
            raise TypeError
        for sequence in one["shards"].values():
            if sequence != _ENDED:
                int(sequence)
    return known


@dataclass
class Batch:
    """Records of one shard in their order, shaped as Lambda receives them."""

    shard: str
    records: list[dict[str, Any]]


class Feed:
    """Reads one table's stream for one function, parents before their children.

    A shard is over when the stream says so by handing out no next iterator; its
    EndingSequenceNumber is not asked, because the embedded store fills it in for a live one.
    """

    def __init__(
        self, *, dynamodb: Any, streams: Any, table: str, function: str, positions: Positions
    ) -> None:
        self._streams = streams
        self._function = function
        self._positions = positions
        self.stream: str = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        self._at = positions.of(function, self.stream)
        self._iterators: dict[str, str] = {}
        self._shards: list[dict[str, Any]] = []
        self._looked = float("-inf")

    def read(self, limit: int) -> Batch | None:
        """Return the next batch of at most `limit` records, None if there is none now."""
        self._look_for_shards()
        for shard in self._open_shards():
            try:
                answer = self._streams.get_records(ShardIterator=self._iterator(shard), Limit=limit)
            except ClientError as error:
                self._iterators.pop(shard, None)
                if error.response["Error"]["Code"] == "TrimmedDataAccessException":
                    self._at.pop(shard, None)
                elif error.response["Error"]["Code"] != "ExpiredIteratorException":
                    raise
                continue
            following = answer.get("NextShardIterator")
            if answer["Records"]:
                # The iterator moves on with `applied`, so a batch that failed is read again.
                self._iterators.pop(shard, None)
                records = [_as_lambda(record, self.stream) for record in answer["Records"]]
                return Batch(shard=shard, records=records)
            if following:
                self._iterators[shard] = following
            else:
                self._keep(shard, _ENDED)
                self._looked = float("-inf")
        return None

    def applied(self, batch: Batch, count: int) -> None:
        """Note that the first `count` records of a batch need not come again."""
        sequence = batch.records[count - 1]["dynamodb"]["SequenceNumber"]
        self._keep(batch.shard, str(sequence).zfill(_SEQUENCE_DIGITS))

    def _keep(self, shard: str, sequence: str) -> None:
        listed = {one["ShardId"] for one in self._shards}
        self._at = {name: at for name, at in self._at.items() if name in listed}
        self._at[shard] = sequence
        self._positions.note(self._function, self.stream, self._at)

    def _look_for_shards(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_AGAIN:
            return
        shards: list[dict[str, Any]] = []
        start: dict[str, str] = {}
        while True:
            answer = self._streams.describe_stream(StreamArn=self.stream, **start)
            description = answer["StreamDescription"]
            shards += description["Shards"]
            last = description.get("LastEvaluatedShardId")
            if not last:
                break
            start = {"ExclusiveStartShardId": last}
        self._shards, self._looked = shards, now

    def _open_shards(self) -> list[str]:
        unfinished = {
            one["ShardId"] for one in self._shards if self._at.get(one["ShardId"]) != _ENDED
        }
        return [
            one["ShardId"]
            for one in self._shards
            if one["ShardId"] in unfinished and one.get("ParentShardId") not in unfinished
        ]

    def _iterator(self, shard: str) -> str:
        if shard not in self._iterators:
            at = self._at.get(shard)
            where: dict[str, str] = (
                {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": at}
                if at
                else {"ShardIteratorType": "TRIM_HORIZON"}
            )
            answer = self._streams.get_shard_iterator(StreamArn=self.stream, ShardId=shard, **where)
            self._iterators[shard] = answer["ShardIterator"]
        return self._iterators[shard]


def _as_lambda(record: dict[str, Any], stream: str) -> dict[str, Any]:
    """Return a record of the Streams API as Lambda's JSON has it: epoch seconds, base64."""

    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items()}
        if isinstance(value, list | set):
            return [plain(one) for one in value]
        return value

    shaped: dict[str, Any] = plain(record)
    return shaped | {"awsRegion": REGION, "eventSourceARN": stream}


@dataclass
class Delivery:
    """Hands batches to a function until each record is applied or parked.

    call: the function; park: what to do with a record that failed alone, time and again.
    """

    call: Callable[[dict[str, Any]], Any]
    park: Callable[[dict[str, Any], Exception | None], None]
    stopping: threading.Event

    def deliver(self, feed: Feed, batch: Batch) -> None:
        """Return when the batch is applied or parked, or when we are stopping."""
        tries, alone = 0, False
        while batch.records and not self.stopping.is_set():
            tried = batch.records[:1] if alone else batch.records
            done, error = self._attempt(tried)
            tries += 1
            if not done and alone and tries >= _PATIENCE_ALONE:
                self.park(tried[0], error)
                done = 1
            if done:
                feed.applied(batch, done)
                batch = Batch(shard=batch.shard, records=batch.records[done:])
                tries = 0
            else:
                if not alone and tries >= _PATIENCE:
                    tries, alone = 0, True
                self.stopping.wait(min(0.1 * 2**tries, _LONGEST_PAUSE))

    def _attempt(self, records: Sequence[dict[str, Any]]) -> tuple[int, Exception | None]:
        """Return how many records, from the first, the function applied."""
        sequences = [str(record["dynamodb"]["SequenceNumber"]) for record in records]
        try:
            answer = self.call({"Records": list(records)})
        except Exception as error:  # noqa: BLE001 - as Lambda: whatever it is, the batch failed; parked with it
            return 0, error
        bad = failed(answer, sequences)
        first_bad = next((n for n, one in enumerate(sequences) if one in bad), len(sequences))
        return first_bad, None
