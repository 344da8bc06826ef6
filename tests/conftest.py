"""The stores that tests run on: the embedded one for everything, moto beside it for contracts."""

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import count
from typing import Any

import pytest
from hypothesis import settings
from moto import mock_aws
from pynamodb.connection import Connection

from chalicelib import store as house_store
from chalicelib.store.rows import House
from infra.local.store import EmbeddedStore, create_tables
from infra.local.template import Declared, Table, declared

REGION = "cn-north-1"

# A made-up account, so that no test can reach a real one.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION=REGION,
    AWS_EC2_METADATA_DISABLED="true",
)
for name in [each for each in os.environ if each.startswith("AWS_ENDPOINT_URL")]:
    del os.environ[name]

# A shared machine may be slow in the middle of an example.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

_prefixes = (f"test{number:06}" for number in count(1))


@pytest.fixture(scope="session")
def embedded() -> Iterator[str]:
    """The endpoint of the embedded store, in memory, one for the whole run."""
    with EmbeddedStore() as running:
        yield running.endpoint


@pytest.fixture(scope="session")
def shared(embedded: str) -> Iterator[Connection]:
    """One client for the whole run, as one serves a whole process: making one takes 0.1 s."""
    connection = house_store.bind(prefix="shared", endpoint=embedded, region=REGION).connection
    client: Any = connection.client
    yield connection
    client.close()


@pytest.fixture
def store(embedded: str, shared: Connection) -> Iterator[House]:
    """The house on the embedded store, in tables of its own."""
    yield from _bound(embedded, shared)


@pytest.fixture
def moto_store() -> Iterator[House]:
    """The house on moto, in tables of its own."""
    with mock_aws():
        yield from _bound(None, None)


@pytest.fixture(params=["store", "moto_store"])
def any_store(request: pytest.FixtureRequest) -> House:
    """Each of the two: what holds on both is the contract."""
    bound = request.getfixturevalue(request.param)
    assert isinstance(bound, House)
    return bound


def _bound(endpoint: str | None, connection: Connection | None) -> Iterator[House]:
    prefix = next(_prefixes)
    bound = house_store.bind(prefix=prefix, endpoint=endpoint, region=REGION)
    if connection is not None:
        bound._connection = connection
    tables = [_renamed(table, prefix) for table in _declared().tables]
    dynamodb: Any = bound.connection.client
    create_tables(dynamodb, tables)
    yield bound
    for table in tables:
        dynamodb.delete_table(TableName=table.name)
    if connection is None:
        dynamodb.close()


@cache
def _declared() -> Declared:
    """Read the template once: it takes longer than a test."""
    return declared(prefix="lightkeeper")


def _renamed(table: Table, prefix: str) -> Table:
    name = table.name.replace("lightkeeper", prefix, 1)
    return replace(table, name=name, definition={**table.definition, "TableName": name})
