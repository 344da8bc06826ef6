"""One client for the whole house, and rows that are what the template says."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib import store as house_store
from chalicelib.store import desk_rows, orders, rows
from chalicelib.store.rows import House, LedgerRow, OrderRow, PersonalRow
from infra.local.template import declared
from tests.builders import an_order_id, kept


def test_every_row_of_the_house_is_in_a_table_that_the_template_declares(store: House):
    tables = {table.name for table in declared(prefix=store.prefix).tables}
    in_use = {store.table_name(row.table) for row in rows._rows(rows.Base) if row.table}

    assert issubclass(desk_rows.KeyedRow, rows.Base)
    assert in_use == tables


@pytest.mark.parametrize("row", [OrderRow, LedgerRow, PersonalRow])
def test_the_keys_of_a_row_are_those_of_its_table(store: House, row: type[rows.Base]):
    described = {table.name: table for table in declared(prefix=store.prefix).tables}
    schema = row._get_schema()

    keys = tuple(key["AttributeName"] for key in schema["key_schema"])

    assert keys == described[store.table_name(row.table)].keys


def test_the_index_projects_what_the_queue_reads(store: House):
    (table,) = [one for one in declared(prefix=store.prefix).tables if one.name.endswith("orders")]
    (index,) = table.definition["GlobalSecondaryIndexes"]

    assert index["IndexName"] == rows.DueIndex.Meta.index_name
    assert sorted(index["Projection"]["NonKeyAttributes"]) == sorted(
        rows.DueIndex.Meta.projection.non_key_attributes
    )


def test_every_table_shares_one_client_however_many_threads_ask_first(embedded: str):
    bound = house_store.bind(prefix="lightkeeper", endpoint=embedded, region="cn-north-1")
    everything = [OrderRow, LedgerRow, PersonalRow] * 10

    with ThreadPoolExecutor(30) as threads:
        clients: set[Any] = set(
            threads.map(lambda row: id(bound.table(row).connection.client), everything)
        )

    assert clients == {id(bound.connection.client)}
    bound.connection.client.close()


def test_no_request_makes_a_client(store: House):
    before = store.connection.client

    kept()
    orders.get(an_order_id())

    assert store.connection.client is before
    assert {store.table(row).connection.client for row in (OrderRow, LedgerRow)} == {before}


def test_calling_before_the_house_is_bound_says_so():
    ask = "from chalicelib.store import orders; orders.get('1')"

    asked = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", ask], capture_output=True, text=True, check=False
    )

    assert asked.returncode != 0
    assert "store.bind() has not been called" in asked.stderr
