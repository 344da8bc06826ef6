"""The public page of outages from a folder of plain files: no function of ours runs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, expect

from chalicelib import ambient
from chalicelib.domain import outage_moves as moves
from chalicelib.outbound.site import Folder
from chalicelib.store import outages
from chalicelib.store.outages import Change
from chalicelib.usecases import publishing
from chalicelib.usecases.desk import Desk
from infra.drill import scene
from infra.drill.scene import Home
from infra.local.tools import ROOT
from tests.e2e.people import People, axe

PAGES = ROOT / "frontend" / "dist"
MINUTE = timedelta(minutes=1)
HOMES = [
    Home(f"41000{door:05}", f"+861690000{door:04}", f"ld{door}", "tr0", frozenset())
    for door in range(12)
]


class Plain(SimpleHTTPRequestHandler):
    """A server of files that remembers what it was asked for."""

    asked: list[str]

    def log_message(self, *_: object) -> None:
        self.asked.append(self.path)


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder as it is. Yields its address, and the paths that were asked for."""
    asked: list[str] = []
    handler = partial(type("Asked", (Plain,), {"asked": asked}), directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def publish(desk: Desk, site: Path, at: datetime) -> None:
    assert publishing.publish(desk, Folder(site), address="https://example.org/status", at=at)


@pytest.fixture
def county(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A county on a store in memory."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nobody")
    with scene.county() as desk:
        scene.settle_in(HOMES)
        yield desk


def test_the_status_page_is_read_from_plain_files_while_nothing_of_ours_runs(
    browser: Browser, county: Desk, tmp_path: Path
):
    site, now = tmp_path / "site", ambient.now()
    shutil.copytree(PAGES, site)
    head = scene.trip(
        county, scene.reach_of(HOMES), outage_id="Q1", device="sw1", at=now - 5 * MINUTE
    )
    publish(county, site, now)

    with served(site) as (address, asked):
        people = People(browser, address)
        page = people.page(people.context({"width": 390, "height": 844}, mobile=True))
        page.goto(f"{address}/status.html")
        card = page.locator("article.outage")
        expect(card).to_contain_text("1号公变台区")
        expect(card).to_contain_text("影响约 12 户")
        assert axe(page) == []

        back = moves.Act(scene.CREW, now, now)
        rules = county.rules(scene.COUNTY)
        outages.commit(Change(head, moves.restore(head.outage, back, at=now, rules=rules)))
        publish(county, site, now + MINUTE)
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(card).to_contain_text("已恢复")

        assert not [path for path in asked if path.startswith("/api") or "office" in path]
        people.leave()
