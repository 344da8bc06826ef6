"""The embedded store: it keeps what it acknowledged, and its habits are under control."""

import contextlib
import sqlite3
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.local.store import (
    EmbeddedStore,
    create_tables,
    newest_in_stream,
    purge_expired,
    trim_stream,
)
from infra.local.template import declared
from infra.local.tools import CannotRun

TOY = Path(__file__).parent / "toy" / "infra" / "resources.yaml"
LEDGER, NOTES = "lightkeeper-toyledger", "lightkeeper-toynotes"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def on_disk(tmp_path):
    with EmbeddedStore(tmp_path, resources=TOY) as store:
        yield store


def put(dynamodb, name, seq=1):
    item = {"aggregate": {"S": name}, "seq": {"N": str(seq)}}
    dynamodb.put_item(TableName=LEDGER, Item=item)


def note(dynamodb, pk, expires=None):
    item = {"pk": {"S": pk}, "kind": {"S": "note"}}
    if expires is not None:
        item["expires"] = {"N": str(int(expires))}
    dynamodb.put_item(TableName=NOTES, Item=item)


def notes(dynamodb):
    return {item["pk"]["S"] for item in dynamodb.scan(TableName=NOTES)["Items"]}


def sequences(store, after=0):
    stream = store.client().describe_table(TableName=LEDGER)["Table"]["LatestStreamArn"]
    streams = store.streams()
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream,
        ShardId=shard,
        ShardIteratorType="AFTER_SEQUENCE_NUMBER",
        SequenceNumber=str(after).zfill(21),
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    return [int(record["dynamodb"]["SequenceNumber"]) for record in records]


def test_a_store_in_memory_has_the_tables_and_forgets_them():
    with EmbeddedStore(resources=TOY) as store:
        found = store.client().list_tables()["TableNames"]
        described = store.client().describe_time_to_live(TableName=NOTES)

    assert found == [LEDGER, NOTES]
    assert described["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"
    assert not store.is_alive


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path):
    with EmbeddedStore(tmp_path, resources=TOY) as store:
        dynamodb = store.client()
        for number in range(50):
            put(dynamodb, f"order-{number}")

        store.kill()
        store.start()

        found = store.client().scan(TableName=LEDGER, Select="COUNT")["Count"]
    assert found == 50


def test_a_wipe_leaves_empty_tables(on_disk):
    note(on_disk.client(), "a")

    on_disk.wipe()

    assert notes(on_disk.client()) == set()


def test_trimming_keeps_the_newest_record_so_that_numbers_go_on(on_disk):
    dynamodb = on_disk.client()
    for start in range(0, 600, 25):
        items = [{"aggregate": {"S": "a"}, "seq": {"N": str(start + n)}} for n in range(25)]
        dynamodb.batch_write_item(
            RequestItems={LEDGER: [{"PutRequest": {"Item": item}} for item in items]}
        )

    forgotten = trim_stream(on_disk.file, LEDGER, up_to=600)
    put(dynamodb, "after", 1)

    assert forgotten == 599
    assert newest_in_stream(on_disk.file, LEDGER) == 601
    assert sequences(on_disk) == [600, 601]


def test_trimming_leaves_what_is_not_applied_yet(on_disk):
    for number in range(10):
        put(on_disk.client(), "a", number)

    trim_stream(on_disk.file, LEDGER, up_to=4)

    assert sequences(on_disk) == [5, 6, 7, 8, 9, 10]


def test_trimming_disturbs_no_writer(on_disk):
    dynamodb = on_disk.client()
    done = threading.Event()
    trimmed = []

    def trim():
        while not done.is_set():
            newest = newest_in_stream(on_disk.file, LEDGER)
            trimmed.append(trim_stream(on_disk.file, LEDGER, up_to=newest))

    trimming = threading.Thread(target=trim)
    trimming.start()
    for number in range(150):
        put(dynamodb, "a", number)
    done.set()
    trimming.join()

    assert dynamodb.scan(TableName=LEDGER, Select="COUNT")["Count"] == 150
    assert sum(trimmed) > 0
    assert newest_in_stream(on_disk.file, LEDGER) == 150


def test_a_write_stays_fast_however_many_stream_records_there_are(on_disk):
    with contextlib.closing(sqlite3.connect(on_disk.file)) as database:
        plan = database.execute(
            "EXPLAIN QUERY PLAN SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1"
            " FROM _stream_records WHERE table_name = ?",
            (LEDGER,),
        ).fetchall()

    assert "lightkeeper_stream" in plan[0][3]


def test_what_expired_is_purged_and_nothing_else(on_disk):
    dynamodb = on_disk.client()
    note(dynamodb, "past", NOW.timestamp() - 1)
    note(dynamodb, "now", NOW.timestamp())
    note(dynamodb, "future", NOW.timestamp() + 1)
    note(dynamodb, "forever")

    purged = purge_expired(dynamodb, on_disk.tables, at=NOW)

    assert purged == 1
    assert notes(dynamodb) == {"now", "future", "forever"}


def test_a_purge_goes_through_every_page(on_disk):
    dynamodb = on_disk.client()
    for number in range(30):
        item = {
            "pk": {"S": str(number)},
            "kind": {"S": "x" * 100_000},
            "expires": {"N": "1"},
        }
        dynamodb.put_item(TableName=NOTES, Item=item)

    assert purge_expired(dynamodb, on_disk.tables, at=NOW) == 30
    assert notes(dynamodb) == set()


def test_a_damaged_file_is_a_sentence_and_is_not_replaced(tmp_path):
    file = tmp_path / "dynamodb.sqlite"
    file.write_bytes(b"this is no database, and it is long enough to look like one" * 10)

    with pytest.raises(CannotRun, match="is damaged: restore it"):
        EmbeddedStore(tmp_path, resources=TOY).start()
    assert file.read_bytes().startswith(b"this is no database")


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(CannotRun, match="cannot be started"):
        EmbeddedStore(tmp_path / "nowhere", resources=TOY).start()


def test_a_binary_that_is_not_there_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHTKEEPER_DYNOXIDE", str(tmp_path / "dynoxide"))

    with pytest.raises(CannotRun, match="LIGHTKEEPER_DYNOXIDE"):
        EmbeddedStore(tmp_path, resources=TOY).start()


def test_tables_of_another_version_are_refused_not_used(on_disk, tmp_path):
    other = tmp_path / "resources.yaml"
    other.write_text(TOY.read_text().replace("IndexName: kinds", "IndexName: sorts"))

    with pytest.raises(CannotRun, match=f"{NOTES} was made by another version"):
        create_tables(on_disk.client(), declared(other).tables)


def test_an_endpoint_that_is_no_dynamodb_is_a_sentence():
    with EmbeddedStore(resources=TOY) as store:
        dynamodb = store.client()
    began = time.monotonic()

    with pytest.raises(CannotRun, match="does not answer as one"):
        create_tables(dynamodb, declared(TOY).tables)
    assert time.monotonic() - began < 20
