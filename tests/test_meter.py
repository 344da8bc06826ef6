"""The meter counts as DynamoDB bills: its published examples, and a second opinion."""

from typing import Any

import pytest

from chalicelib.store.rows import House
from infra.bench.meter import Meter, item_size, read_units, write_units

KEY = {"order_id": {"S": "1"}}


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "abc"}, 3),
        ({"S": "电"}, 3),
        ({"B": b"\x00\x01"}, 2),
        ({"N": "0"}, 2),
        ({"N": "1"}, 2),
        ({"N": "12"}, 2),
        ({"N": "123"}, 3),
        ({"N": "-123"}, 4),
        ({"N": "1000"}, 2),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}]}, 6),
        ({"M": {}}, 3),
        ({"M": {"ab": {"S": "cd"}}}, 8),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "12"]}, 4),
        ({"BS": [b"a", b"bc"]}, 3),
    ],
)
def test_a_value_is_as_large_as_the_developer_guide_says(value, size):
    assert item_size({"name": value}) == 4 + size


def test_units_start_at_one_and_round_up():
    assert [write_units(size) for size in (0, 1, 1024, 1025, 2048)] == [1, 1, 1, 2, 2]
    assert [read_units(size, consistent=True) for size in (0, 4096, 4097)] == [1, 1, 2]
    assert [read_units(size, consistent=False) for size in (0, 4096, 4097)] == [0.5, 0.5, 1]


@pytest.fixture
def dynamodb(store: House) -> Any:
    return store.connection.client


@pytest.fixture
def orders_table(store: House) -> str:
    return store.table_name("orders")


def a_row(due: str = "", size: int = 100, **more: Any) -> dict[str, Any]:
    row = {**KEY, "county": {"S": "c"}, "head": {"B": b"x" * size}, **more}
    return {**row, "due_key": {"S": due}} if due else row


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, a_row(), 1),
        (None, a_row("1"), 1 + 1),
        (None, a_row("1", size=1100), 2 + 2),
        (a_row("1"), a_row("1"), 1),
        (a_row("1"), a_row("1", size=101), 1 + 1),
        (a_row("1"), a_row("2"), 1 + 2),
        (a_row("1", size=1100), a_row("2"), 2 + 2 + 1),
        (a_row("1"), a_row(), 1 + 1),
        (a_row(), a_row(size=101), 1),
        (a_row("1", size=1100), a_row(), 2 + 2),
        (a_row("1"), a_row("1", keys={"B": b"not projected"}), 1),
    ],
)
def test_a_write_costs_the_larger_item_and_what_changes_in_the_index(
    dynamodb: Any, orders_table: str, before, after, units
):
    if before:
        dynamodb.put_item(TableName=orders_table, Item=before)

    with Meter(dynamodb) as meter:
        dynamodb.put_item(TableName=orders_table, Item=after)

    assert meter.wru == units


def test_a_transaction_costs_twice(dynamodb: Any, orders_table: str):
    put = {"Put": {"TableName": orders_table, "Item": a_row("1")}}

    with Meter(dynamodb) as meter:
        dynamodb.transact_write_items(TransactItems=[put])

    assert meter.wru == 4


def test_a_write_that_was_refused_is_billed_for_the_item_that_it_met(
    dynamodb: Any, orders_table: str
):
    dynamodb.put_item(TableName=orders_table, Item=a_row("1", size=1100))

    with (
        Meter(dynamodb) as meter,
        pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException),
    ):
        dynamodb.put_item(
            TableName=orders_table,
            Item=a_row("2"),
            ConditionExpression="attribute_not_exists(order_id)",
        )

    assert [(call.wru, call.failed) for call in meter.record] == [
        (2, "ConditionalCheckFailedException")
    ]


def test_deleting_costs_what_was_there(dynamodb: Any, orders_table: str):
    dynamodb.put_item(TableName=orders_table, Item=a_row("1", size=1100))

    with Meter(dynamodb) as meter:
        dynamodb.delete_item(TableName=orders_table, Key=KEY)
        dynamodb.delete_item(TableName=orders_table, Key=KEY)

    assert [call.wru for call in meter.record] == [4, 1]


def test_a_query_is_billed_for_what_it_read_not_for_what_it_showed(
    dynamodb: Any, orders_table: str
):
    for number in range(6):
        row = {**a_row(str(number), size=1000), "order_id": {"S": str(number)}}
        dynamodb.put_item(TableName=orders_table, Item=row)
    asked = {
        "TableName": orders_table,
        "IndexName": "due",
        "KeyConditionExpression": "#c = :c",
        "ExpressionAttributeNames": {"#c": "county"},
        "ExpressionAttributeValues": {":c": {"S": "c"}},
    }

    with Meter(dynamodb) as meter:
        dynamodb.query(**asked)
        dynamodb.query(**{**asked, "ProjectionExpression": "due_key"})
        dynamodb.query(**{**asked, "Limit": 3})

    assert [(call.rru, call.items) for call in meter.record] == [(1, 6), (1, 6), (0.5, 3)]


def test_reading_what_is_not_there_costs_the_least_there_is(dynamodb: Any, orders_table: str):
    with Meter(dynamodb) as meter:
        dynamodb.get_item(TableName=orders_table, Key=KEY)
        dynamodb.get_item(TableName=orders_table, Key=KEY, ConsistentRead=True)
        dynamodb.batch_get_item(RequestItems={orders_table: {"Keys": [KEY, {**KEY}][:1]}})
        dynamodb.transact_get_items(
            TransactItems=[{"Get": {"TableName": orders_table, "Key": KEY}}]
        )

    assert [call.rru for call in meter.record] == [0.5, 1, 0.5, 2]


def test_a_batch_is_billed_item_by_item(dynamodb: Any, orders_table: str):
    rows = [{**a_row(str(n), size=1100), "order_id": {"S": str(n)}} for n in range(3)]

    with Meter(dynamodb) as meter:
        dynamodb.batch_write_item(
            RequestItems={orders_table: [{"PutRequest": {"Item": row}} for row in rows]}
        )
        dynamodb.batch_get_item(
            RequestItems={orders_table: {"Keys": [{"order_id": row["order_id"]} for row in rows]}}
        )

    assert (meter.wru, meter.rru) == (12, 1.5)
    meter.reset()
    assert meter.calls == 0


def test_after_it_is_left_the_meter_counts_nothing(dynamodb: Any, orders_table: str):
    with Meter(dynamodb) as meter:
        pass

    dynamodb.get_item(TableName=orders_table, Key=KEY)

    assert meter.calls == 0


def test_the_embedded_store_bills_single_writes_and_reads_alike(dynamodb: Any, orders_table: str):
    """Its own figures are a second opinion where it applies the same rules."""
    with Meter(dynamodb) as meter:
        answers = [
            dynamodb.put_item(
                TableName=orders_table, Item=a_row("1", size=size), ReturnConsumedCapacity="TOTAL"
            )
            for size in (10, 900, 1100)
        ]

    told = [answer["ConsumedCapacity"]["CapacityUnits"] for answer in answers]
    assert [call.wru for call in meter.record] == told
