"""A county is set up before each journey."""

import pytest

from chalicelib.store.rows import House
from chalicelib.usecases.desk import Desk
from tests.usecases.county import a_county


@pytest.fixture
def desk(store: House) -> Desk:
    """The desk of a small county on the embedded store, in tables of its own."""
    assert store.connection is not None
    return a_county()
