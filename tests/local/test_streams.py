"""Streams: in order, at least once, from where we stood, and never held up for ever."""

import json
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.store import EmbeddedStore
from infra.local.streams import Delivery, Feed, Positions

TOY = Path(__file__).parent / "toy" / "infra" / "resources.yaml"
TABLE = "lightkeeper-toyledger"
ARN = f"arn:aws:dynamodb:x:1:table/{TABLE}/stream/1"


class Impatient(threading.Event):
    """Stops nothing and waits for nobody; remembers how long it was asked to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0)
        return self.is_set()


class Shards:
    """A stream of several shards, as DynamoDB has it and the embedded store does not."""

    def __init__(
        self, shards: dict[str, list[int]], parents: dict[str, str], closed: set[str]
    ) -> None:
        self.shards = shards
        self.parents = parents
        self.closed = closed
        self.fails: dict[str, str] = {}

    def describe_table(self, **_asked: Any) -> dict[str, Any]:
        return {"Table": {"LatestStreamArn": ARN}}

    def describe_stream(self, **asked: Any) -> dict[str, Any]:
        names = list(self.shards)  # a page each, to be followed
        first = names.index(asked.get("ExclusiveStartShardId", names[0]))
        at = first + ("ExclusiveStartShardId" in asked)
        found: dict[str, Any] = {"ShardId": names[at]}
        if names[at] in self.parents:
            found["ParentShardId"] = self.parents[names[at]]
        last = {} if at + 1 == len(names) else {"LastEvaluatedShardId": names[at]}
        return {"StreamDescription": {"Shards": [found], **last}}

    def get_shard_iterator(self, **asked: Any) -> dict[str, str]:
        return {"ShardIterator": f"{asked['ShardId']}/{int(asked.get('SequenceNumber', '0'))}"}

    def get_records(self, **asked: Any) -> dict[str, Any]:
        shard, _, after = asked["ShardIterator"].partition("/")
        if shard in self.fails:
            code = self.fails.pop(shard)
            raise ClientError({"Error": {"Code": code}}, "GetRecords")
        rest = [one for one in self.shards[shard] if one > int(after)][: asked["Limit"]]
        answer: dict[str, Any] = {"Records": [record(one) for one in rest]}
        if rest or shard not in self.closed:
            answer["NextShardIterator"] = f"{shard}/{max(rest, default=int(after))}"
        return answer


def record(number: int) -> dict[str, Any]:
    return {
        "eventID": str(number),
        "eventName": "INSERT",
        "dynamodb": {
            "SequenceNumber": str(number),
            "ApproximateCreationDateTime": datetime(2026, 11, 21, tzinfo=UTC),
            "Keys": {"aggregate": {"S": str(number)}},
            "NewImage": {"raw": {"B": b"\x00\xff"}},
        },
    }


def restarted(kept):
    """Keep the positions and read them anew, as a restart does."""
    kept.keep(kept.now())
    return Positions(kept._file, print)


def positions(tmp_path, said=None):
    return Positions(tmp_path / "stream.json", (said if said is not None else []).append)


def feed_of(stream, kept, function="deliver"):
    return Feed(dynamodb=stream, streams=stream, table=TABLE, function=function, positions=kept)


def drain(feed, limit=25):
    """Read and apply until nothing is left; return the sequence numbers as they came."""
    seen = []
    for _ in range(50):
        batch = feed.read(limit)
        if batch:
            seen += [int(one["dynamodb"]["SequenceNumber"]) for one in batch.records]
            feed.applied(batch, len(batch.records))
    return seen


def test_a_record_is_what_lambda_hands_over(tmp_path):
    stream = Shards({"one": [1]}, {}, set())

    batch = feed_of(stream, positions(tmp_path)).read(25)

    (found,) = batch.records
    assert json.loads(json.dumps(found)) == found
    assert found["eventSourceARN"] == ARN
    assert found["dynamodb"]["ApproximateCreationDateTime"] == 1795219200.0
    assert found["dynamodb"]["NewImage"] == {"raw": {"B": "AP8="}}


def test_a_child_shard_waits_for_its_parent(tmp_path):
    stream = Shards({"child": [11, 12], "parent": [1, 2]}, {"child": "parent"}, {"parent"})

    assert drain(feed_of(stream, positions(tmp_path)), limit=1) == [1, 2, 11, 12]


def test_a_child_whose_parent_is_gone_is_read(tmp_path):
    stream = Shards({"child": [11]}, {"child": "forgotten"}, set())

    assert drain(feed_of(stream, positions(tmp_path))) == [11]


def test_a_restart_goes_on_after_the_last_record_applied(tmp_path):
    stream = Shards({"one": [1, 2, 3]}, {}, set())
    kept = positions(tmp_path)
    first = feed_of(stream, kept)
    first.applied(first.read(25), 2)

    assert drain(feed_of(stream, restarted(kept))) == [3]


def test_a_crash_before_positions_are_kept_brings_records_again(tmp_path):
    stream = Shards({"one": [1, 2, 3]}, {}, set())
    drain(feed_of(stream, positions(tmp_path)))

    assert drain(feed_of(stream, positions(tmp_path))) == [1, 2, 3]


def test_a_batch_that_was_not_applied_comes_again(tmp_path):
    feed = feed_of(Shards({"one": [1, 2]}, {}, set()), positions(tmp_path))

    assert feed.read(25) == feed.read(25)


def test_a_position_is_padded_to_the_21_digits_that_botocore_wants(tmp_path):
    kept = positions(tmp_path)
    drain(feed_of(Shards({"one": [7]}, {}, set()), kept))

    assert restarted(kept).of("deliver", ARN) == {"one": "7".zfill(21)}


def test_another_store_is_read_from_its_beginning(tmp_path):
    kept = positions(tmp_path)
    kept.note("deliver", "arn:aws:dynamodb:x:1:table/other/stream/0", {"one": "9"})

    assert drain(feed_of(Shards({"one": [1]}, {}, set()), restarted(kept))) == [1]


def test_a_position_beyond_the_newest_record_is_dropped(tmp_path):
    kept = positions(tmp_path)
    kept.note("deliver", ARN, {"one": "9".zfill(21)})
    kept.forget_beyond(TABLE, 9)
    assert kept.of("deliver", ARN)

    kept.forget_beyond(TABLE, 8)

    assert kept.of("deliver", ARN) == {}


def test_only_what_no_restart_goes_back_to_may_be_trimmed(tmp_path):
    kept = positions(tmp_path)
    kept.note("deliver", ARN, {"one": "9".zfill(21)})
    kept.note("project", ARN, {"one": "4".zfill(21)})

    assert kept.kept_by_all(TABLE) == 0  # nothing is on disk yet
    assert restarted(kept).kept_by_all(TABLE) == 4
    assert restarted(kept).kept_by_all("lightkeeper-other") == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"deliver": 1}', '{"d": {"stream": 1}}'])
def test_a_damaged_position_is_said_and_everything_comes_again(tmp_path, content):
    (tmp_path / "stream.json").write_text(content)
    said: list[str] = []

    kept = positions(tmp_path, said)

    assert "is damaged" in said[0]
    assert drain(feed_of(Shards({"one": [1]}, {}, set()), kept)) == [1]


def test_an_iterator_that_expired_is_renewed(tmp_path):
    stream = Shards({"one": [1]}, {}, set())
    stream.fails["one"] = "ExpiredIteratorException"

    assert drain(feed_of(stream, positions(tmp_path))) == [1]


def test_a_position_that_was_trimmed_begins_at_what_is_left(tmp_path):
    stream = Shards({"one": [5, 6]}, {}, set())
    kept = positions(tmp_path)
    kept.note("deliver", ARN, {"one": "2".zfill(21)})
    stream.fails["one"] = "TrimmedDataAccessException"

    assert drain(feed_of(stream, kept)) == [5, 6]


def test_what_else_the_stream_refuses_is_raised(tmp_path):
    stream = Shards({"one": [1]}, {}, set())
    stream.fails["one"] = "AccessDeniedException"

    with pytest.raises(ClientError):
        feed_of(stream, positions(tmp_path)).read(25)


class Function:
    """A function that fails as it is told, and remembers what it applied."""

    def __init__(self, *, raises_on: Iterable[int] = (), reports: Iterable[int] = ()) -> None:
        self.raises_on = set(raises_on)
        self.reports = set(reports)
        self.calls: list[list[int]] = []

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        numbers = [int(one["dynamodb"]["SequenceNumber"]) for one in event["Records"]]
        self.calls.append(numbers)
        if self.raises_on & set(numbers):
            raise ValueError(numbers)
        bad = self.reports & set(numbers)
        return {"batchItemFailures": [{"itemIdentifier": str(one)} for one in bad]}


def deliver(tmp_path, function, numbers):
    parked: list[int] = []
    stopping = Impatient()
    delivery = Delivery(
        call=function,
        park=lambda one, _error: parked.append(int(one["dynamodb"]["SequenceNumber"])),
        stopping=stopping,
    )
    kept = positions(tmp_path)
    feed = feed_of(Shards({"one": numbers}, {}, set()), kept)
    delivery.deliver(feed, feed.read(25))
    return parked, stopping.waits, kept.of("deliver", ARN)


def test_a_batch_that_is_applied_moves_the_position(tmp_path):
    function = Function()

    parked, waits, at = deliver(tmp_path, function, [1, 2, 3])

    assert (parked, waits) == ([], [])
    assert function.calls == [[1, 2, 3]]
    assert at == {"one": "3".zfill(21)}


def test_a_reported_failure_brings_back_that_record_and_what_follows(tmp_path):
    function = Function(reports={2})

    def recovers(event):
        answer = function(event)
        function.reports = set()
        return answer

    parked, _, at = deliver(tmp_path, recovers, [1, 2, 3])

    assert function.calls == [[1, 2, 3], [2, 3]]
    assert parked == []
    assert at == {"one": "3".zfill(21)}


def test_a_failing_batch_is_tried_again_with_growing_pauses(tmp_path):
    function = Function(raises_on={1})

    def recovers(event):
        if len(function.calls) == 3:
            function.raises_on = set()
        return function(event)

    parked, waits, _ = deliver(tmp_path, recovers, [1, 2])

    assert parked == []
    assert waits == [0.2, 0.4, 0.8]


def test_one_record_that_always_fails_is_parked_and_the_rest_goes_on(tmp_path):
    function = Function(raises_on={3})

    parked, waits, at = deliver(tmp_path, function, [1, 2, 3, 4, 5])

    assert parked == [3]
    assert [[one] for one in (1, 2, 4, 5)] == [
        call for call in function.calls if len(call) == 1 and call != [3]
    ]
    assert at == {"one": "5".zfill(21)}
    assert sum(waits) < 60


def test_a_report_that_names_a_stranger_fails_the_batch(tmp_path):
    answers = [{"batchItemFailures": [{"itemIdentifier": "99"}]}, None]

    _, waits, at = deliver(tmp_path, lambda _event: answers.pop(0), [1, 2])

    assert len(waits) == 1
    assert at == {"one": "2".zfill(21)}


def test_the_embedded_stores_stream_is_read_to_its_end_though_it_claims_to_have_one(tmp_path):
    with EmbeddedStore(tmp_path, resources=TOY) as store:
        dynamodb = store.client()
        kept = positions(tmp_path)
        feed = Feed(
            dynamodb=dynamodb,
            streams=store.streams(),
            table=TABLE,
            function="deliver",
            positions=kept,
        )
        seen = []
        for number in range(12):
            item = {"aggregate": {"S": str(number)}, "seq": {"N": "1"}}
            dynamodb.put_item(TableName=TABLE, Item=item)
            batch = feed.read(5)
            assert batch is not None
            seen += [one["dynamodb"]["Keys"]["aggregate"]["S"] for one in batch.records]
            feed.applied(batch, len(batch.records))
        left = feed.read(5)

    assert seen == [str(number) for number in range(12)]
    assert left is None
