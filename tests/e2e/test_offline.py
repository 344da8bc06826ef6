"""No network: what was written is kept on the phone and sent once when the network is back."""

import re

from playwright.sync_api import expect

from tests.e2e.people import Desk, People

PHONE = "16900007777"
OFFLINE = "net::ERR_INTERNET_DISCONNECTED"


def test_a_report_written_without_network_is_sent_once_when_it_is_back(people: People, desk: Desk):
    page = people.citizen()
    page.wait_for_function("() => navigator.serviceWorker.ready.then(() => true)")
    page.get_by_role("link", name="家里没电了").click()
    expect(page.get_by_label("地址")).to_be_visible()
    page.context.set_offline(True)

    page.get_by_label("地址").fill("清河县河尾村12号")
    page.get_by_role("button", name="继续").click()
    page.get_by_role("heading", name="先看三样").wait_for()
    page.get_by_role("button", name="继续").click()
    page.get_by_label("电话").fill(PHONE)
    page.get_by_role("button", name="继续").click()
    page.get_by_role("button", name="提交").click()
    expect(page.get_by_text(re.compile("没有网络|已存在")).first).to_be_visible()

    page.context.set_offline(False)
    page.wait_for_url(re.compile(r"#/done/\d{16}"), timeout=60_000)

    number = page.url.rsplit("/", 1)[1]
    found = desk.ask("dispatcher-qh-1", "POST", "/callers", {"phone": PHONE})["orders"]
    assert [row["number"] for row in found] == [number]
    # The browser says that it was offline; that was the point.
    people.complaints[:] = [each for each in people.complaints if OFFLINE not in each]
