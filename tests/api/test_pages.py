"""Pages: served from a folder, under a strict policy, each part kept as long as it may be."""

import pytest

from chalicelib import ambient
from chalicelib.api import pages


@pytest.fixture
def built(calm, tmp_path, monkeypatch):
    """The app with pages of a test's own."""
    (tmp_path / "assets").mkdir()
    for name in ("index.html", "status.html", "office.html"):
        (tmp_path / name).write_text(f"<!doctype html><title>{name}</title>")
    (tmp_path / "assets" / "base-D1.js").write_text("export const 灯 = 1")
    (tmp_path / "assets" / "dot.png").write_bytes(b"\x00\x01")
    (tmp_path / "sw.js").write_text("self")
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path.parent / "secret.txt").write_text("secret")
    monkeypatch.setenv("LIGHTKEEPER_PAGES", str(tmp_path))
    ambient.settings.cache_clear()
    yield calm
    monkeypatch.undo()
    ambient.settings.cache_clear()


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "index.html"),
        ("/index.html", "index.html"),
        ("/status", "status.html"),
        ("/status.html", "status.html"),
        ("/office", "office.html"),
        ("/office.html", "office.html"),
    ],
)
def test_a_page_comes_with_its_policy_and_is_asked_for_anew(built, path, title):
    answer = built.get(path)

    assert title in answer.raw.decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert f"connect-src 'self' {built.issuer.url};" in policy
    assert "frame-ancestors 'none'" in policy


def test_an_asset_is_named_by_its_content_and_kept_for_ever(built):
    answer = built.get("/assets/base-D1.js")

    assert answer.raw.decode() == "export const 灯 = 1"
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer.headers["Cache-Control"]


def test_a_picture_leaves_as_it_lies_there(built):
    answer = built.get("/assets/dot.png", Accept="*/*")

    assert answer.raw == b"\x00\x01"


def test_the_service_worker_is_never_kept(built):
    assert built.get("/sw.js").headers["Cache-Control"] == "no-cache"
    assert built.get("/icon.svg").headers["Content-Type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "name",
    ["none.js", "..%2f..%2fsecret.txt", "%2e%2e", ".hidden", "a%00b", "..", "%2fetc%2fpasswd"],
)
def test_nothing_outside_the_folder_is_served(built, name):
    answer = built.get(f"/assets/{name}")

    assert answer.status == 404
    assert b"secret" not in answer.raw


def test_cognito_hands_out_tokens_under_another_origin():
    issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC"

    assert pages._issuers(issuer) == [
        "https://cognito-idp.eu-central-1.amazonaws.com",
        "https://*.auth.eu-central-1.amazoncognito.com",
    ]
