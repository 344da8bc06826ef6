"""No network: what was written is kept on the phone and sent once when the network is back."""

import re

from playwright.sync_api import expect

from tests.e2e.people import Desk, People


def test_a_report_written_without_network_is_sent_once_when_it_is_back(people: People, desk: Desk):
    page = people.citizen()
    page.wait_for_function("() => navigator.serviceWorker.ready.then(() => true)")
    page.get_by_role("link", name="咨询问题").click()
    page.wait_for_timeout(500)
    page.context.set_offline(True)
    page.get_by_text("电费电价").first.click()
    for _ in range(6):
        button = page.get_by_role("button", name="继续")
        if button.count() == 0:
            break
        for field in page.locator("main textarea").all():
            field.fill("阶梯电价怎么算？离线")
        for field in page.locator("main input[type=tel]").all():
            field.fill("16900007777")
        button.click()
        page.wait_for_timeout(400)
    page.get_by_role("button", name="提交").click()
    expect(page.get_by_text(re.compile("已存在|存在本机|没有网络")).first).to_be_visible()
    people.complaints.clear()  # the browser says that it is offline; that was the point

    page.context.set_offline(False)
    page.wait_for_url(re.compile(r"#/done/\d{16}"), timeout=45_000)

    number = page.url.rsplit("/", 1)[1]
    same = [
        row
        for row in desk.ask("dispatcher-qh-1", "GET", "/orders?kind=enquiry&limit=100")["items"]
        if "离线" in row["summary"]
    ]
    assert [row["number"] for row in same] == [number]
