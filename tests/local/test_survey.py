"""The command that takes a county's network over: it looks, says what it found, and applies."""

from pathlib import Path

import pytest

from chalicelib import ambient
from chalicelib.store import grid
from chalicelib.usecases import surveying
from infra import survey
from infra.local import network as demo
from tests.usecases.county import COUNTY, a_county
from tests.usecases.test_surveying import HOUSEHOLDS, PLACES, written

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(autouse=True)
def _settings(monkeypatch):
    monkeypatch.setenv("LIGHTKEEPER_SECRET", "s" * 32)
    ambient.settings.cache_clear()
    yield
    ambient.settings.cache_clear()


def in_folder(folder: Path) -> Path:
    (folder / "devices.csv").write_bytes(written(demo.devices(PLACES)))
    customers = surveying.squeezed(written(demo.customers(HOUSEHOLDS)))
    (folder / "customers.csv.gz").write_bytes(customers)
    return folder


def test_a_folder_is_looked_at_and_applied(tmp_path):
    a_county()
    files = survey.tables(in_folder(tmp_path))
    said: list[str] = []

    shown = survey.look(COUNTY, files)
    assert "households: add 24, change 0, move 0, same 0" in survey.told(shown, "zh")
    assert grid.all_maps(COUNTY) == {}
    survey.take(shown, said.append)

    assert len(grid.all_maps(COUNTY)) == 3
    assert said[-1] == f"  {shown.steps} / {shown.steps}"


def test_the_same_tables_have_the_same_number(tmp_path):
    a_county()

    first = survey.look(COUNTY, survey.tables(in_folder(tmp_path)))
    again = survey.look(COUNTY, survey.tables(tmp_path))

    assert first == again
