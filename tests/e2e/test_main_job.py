"""The main job in a real browser: reported, dispatched, worked, visited, archived, and proven."""

import re
import shutil
import signal

from playwright.sync_api import Page, expect

from tests.e2e.conftest import running
from tests.e2e.people import PHONE, Desk, People
from tests.local.running import eventually

DISPATCHER, VISITOR = "dispatcher-qh-1", "return-visitor-qh-1"


def report_outage(page: Page) -> str:
    """Report an outage as a villager does; return the order's number."""
    page.get_by_role("link", name="家里没电了").click()
    page.get_by_label("地址").fill("河尾村")
    page.get_by_role("button", name="东山乡河尾村9号公变").click()
    page.get_by_role("button", name="继续").click()
    page.get_by_role("button", name="继续").click()
    page.get_by_label("电话").fill("１６９ 0000-5678")
    page.get_by_role("button", name="继续").click()
    expect(page.get_by_role("heading", name="请核对一遍")).to_be_visible()
    expect(page.get_by_text("169 0000 5678")).to_be_visible()
    page.get_by_role("button", name="提交").click()
    page.wait_for_url(re.compile(r"#/done/\d{16}"))
    expect(page.get_by_role("heading", name="已受理")).to_be_visible()
    return page.url.rsplit("/", 1)[1]


def press(page: Page, name: str) -> None:
    """Press a crew's big button, confirm where it asks for more, and see it go through."""
    page.get_by_role("button", name=name, exact=True).first.click()
    confirm = page.get_by_role("button", name=f"确认{name}")
    done = page.get_by_text(f"已提交 {name}")
    expect(confirm.or_(done).first).to_be_visible()
    if confirm.is_visible():
        confirm.click()
    expect(done).to_be_visible()


def work(page: Page, number: str) -> None:
    """Work the order from the road: receive, set out, arrive, restore, reply."""
    page.locator(f"a[href*='{number}']").first.click()
    for name in ("接单", "出发", "到达", "复电"):
        press(page, name)
    page.get_by_role("button", name="回单", exact=True).first.click()
    page.get_by_text("已修复", exact=True).click()
    page.get_by_text("是", exact=True).click()
    page.get_by_label("说明").last.fill("换了瓷瓶，已经来电")
    page.get_by_role("button", name="确认回单").click()
    expect(page.get_by_text("已提交 回单")).to_be_visible()


def test_from_the_report_to_the_archive(people: People, desk: Desk) -> None:
    citizen = people.citizen()
    number = report_outage(citizen)
    eventually(lambda: templates(desk, number) == ["LK_ACCEPTED"], within=240)

    office = people.staff(DISPATCHER)
    office.goto(f"{people.url}/office#/order/{number}")
    expect(office.get_by_text("待派单").first).to_be_visible()
    office.keyboard.press("d")
    office.get_by_role("button", name="确认派单").wait_for()
    office.keyboard.press("Enter")
    expect(office.get_by_text("已派单").first).to_be_visible()
    assert desk.ask(DISPATCHER, "GET", f"/orders/{number}")["stage"] == "accepted"
    office.get_by_role("button", name="立即发出").click()
    eventually(lambda: desk.ask(DISPATCHER, "GET", f"/orders/{number}")["stage"] == "dispatched")

    sent_to = desk.ask(DISPATCHER, "GET", f"/orders/{number}")["assignee"]
    crew = people.staff(sent_to, size=PHONE)
    work(crew, number)

    desk.move(DISPATCHER, number, "approve_reply")
    desk.move(VISITOR, number, "visit_satisfied")
    closed = desk.move(VISITOR, number, "archive")
    assert closed["stage"] == "archived"
    assert desk.ask("leader-qh-1", "GET", f"/orders/{number}/verify")["ok"] is True

    citizen.get_by_role("link", name="查看进度").click()
    expect(citizen.get_by_text("抢修人员到达现场")).to_be_visible()
    expect(citizen.get_by_text("已恢复供电")).to_be_visible()
    eventually(lambda: templates(desk, number)[-1:] == ["LK_DONE"], within=240)


def templates(desk: Desk, number: str) -> list[str]:
    """Return the templates of the texts that went out about an order, in order."""
    return [text["template"] for text in desk.texts() if number in text["body"]]


def test_a_dispatch_from_the_queue_takes_at_most_ten_presses(people: People) -> None:
    office = people.staff(DISPATCHER)
    office.locator("tbody tr").first.wait_for()
    pressed = 0

    def press_key(key: str) -> None:
        nonlocal pressed
        pressed += 1
        office.keyboard.press(key)

    press_key("3")
    expect(office.get_by_role("button", name=re.compile("待派")).first).to_be_visible()
    office.wait_for_timeout(800)
    press_key("d")
    office.get_by_role("button", name="确认派单").wait_for()
    press_key("Enter")

    expect(office.get_by_role("button", name="确认派单")).to_have_count(0)
    assert pressed <= 10


def test_a_dispatch_can_be_taken_back_and_leaves_with_the_page(people: People, desk: Desk) -> None:
    number = desk.report()["number"]
    office = people.staff(DISPATCHER)
    office.goto(f"{people.url}/office#/order/{number}")
    confirm = office.get_by_role("button", name="确认派单")

    office.get_by_role("button", name="派单", exact=True).first.wait_for()
    office.keyboard.press("d")
    confirm.click()
    office.get_by_role("button", name="撤销").click()
    confirm.wait_for()
    assert desk.ask(DISPATCHER, "GET", f"/orders/{number}")["stage"] == "accepted"

    confirm.click()
    office.get_by_role("button", name="撤销").wait_for()
    office.close()
    eventually(lambda: desk.ask(DISPATCHER, "GET", f"/orders/{number}")["stage"] == "dispatched")


def test_killed_in_the_middle_nothing_is_lost(seeded, tmp_path) -> None:
    data = tmp_path / "data"
    shutil.copytree(seeded, data)
    with running(data) as first:
        desk = Desk(first)
        numbers = [desk.report()["number"] for _ in range(5)]
        desk.move(DISPATCHER, numbers[0], "dispatch", office="S-QH-04")
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(20)

    with running(data) as again:
        desk = Desk(again)
        found = [desk.ask(DISPATCHER, "GET", f"/orders/{number}") for number in numbers]
        assert [order["stage"] for order in found] == ["dispatched", *["accepted"] * 4]
        for number in numbers:
            assert desk.ask("leader-qh-1", "GET", f"/orders/{number}/verify")["ok"] is True
        due = {f"{number}.1.text.accepted" for number in numbers[1:]}
        eventually(lambda: due <= {text["effect_id"] for text in desk.texts()}, within=240)
        sent = [text["effect_id"] for text in desk.texts() if text["effect_id"] in due]
        assert len(sent) == len(due)
