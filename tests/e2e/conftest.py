"""The whole platform on this machine, and a real browser before it.

Any error in a page's console, and any exception, fails the test. The demo county is seeded once for
the whole run; tests make their own orders in it.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from infra.local.tools import ROOT
from tests.e2e.people import Desk, People
from tests.local.running import Platform, eventually

SEEDED_WITHIN = 420
expect.set_options(timeout=60_000)  # a shared machine may be slow; what passes never waits for it


@contextmanager
def running(data: Path, **settings: str) -> Iterator[Platform]:
    """The platform on a data folder, once it serves; stopped at the end, if it still runs."""
    platform = Platform(data, project=ROOT, DEMO="1", **settings)
    try:
        platform.wait_for("Ctrl-C stops it", within=SEEDED_WITHIN)
        yield platform
    finally:
        platform.__exit__()


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the demo county in it, stopped: to be copied, never run on.

    The county's past goes out first: texts that would come late are superseded, so a test that
    waits for one needs a county with nothing left to send. What is sent in order shows the end.
    """
    data = tmp_path_factory.mktemp("county") / "data"
    with running(data) as first:
        desk = Desk(first)
        number = desk.report()["number"]
        eventually(
            lambda: any(number in text["body"] for text in desk.texts()), within=SEEDED_WITHIN
        )
    return data


@pytest.fixture(scope="session")
def platform(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform that most tests share."""
    data = tmp_path_factory.mktemp("shared") / "data"
    shutil.copytree(seeded, data)
    with running(data) as shared:
        yield shared


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's Chromium, or the one that CHROMIUM names."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert found, "no Chromium: apt-get install chromium fonts-wqy-microhei"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=found,
            args=["--disable-dev-shm-usage", "--font-render-hinting=none", "--disable-gpu"],
        )
        yield launched
        launched.close()


@pytest.fixture
def people(browser: Browser, platform: Platform) -> Iterator[People]:
    """Those who open our pages; what their consoles complained of fails the test."""
    crowd = People(browser, f"http://127.0.0.1:{platform.port}")
    yield crowd
    crowd.leave()


@pytest.fixture(scope="session")
def desk(platform: Platform) -> Desk:
    """The API, as the staff use it from a script."""
    return Desk(platform)


@pytest.fixture
def own(seeded: Path, tmp_path: Path) -> Iterator[Platform]:
    """A platform of the test's own, whose clock it may set."""
    data = tmp_path / "data"
    shutil.copytree(seeded, data)
    with running(data) as platform:
        yield platform


@pytest.fixture
def crowd(browser: Browser, own: Platform) -> Iterator[People]:
    """Those who open the pages of that platform."""
    people = People(browser, f"http://127.0.0.1:{own.port}")
    yield people
    people.leave()
