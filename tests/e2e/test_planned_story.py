"""A planned outage from eight days before to the day itself: told, told again, moved, called off.

Every household of a plan is told the same things in the same order, each once; those of another
plan hear nothing of it. Read on the phone's page, as they would read it.
"""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.e2e.clocks import Time
from tests.e2e.people import PHONE, Desk, People
from tests.local.running import Platform

DISPATCHER = "dispatcher-qh-1"
SIGNERS = ("network-controller-qh-1", "department-qh-1")
KEPT, MOVED, OFF = "QH-01-T03", "QH-02-T04", "QH-03-T05"
HOUSEHOLDS = 50
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def announced(desk: Desk, transformer: str, start: datetime) -> str:
    """Draft a plan for one transformer's fuse, have it signed and announce it; return its id."""
    plan = {"start": start.isoformat(), "end": (start + 4 * HOUR).isoformat()}
    drafted = desk.ask(
        DISPATCHER,
        "POST",
        "/outages",
        {"kind": "planned", "devices": [f"{transformer}-FU"], "planned": plan},
    )
    outage = str(drafted["id"])
    owed = do(desk, outage, "submit")["calls_owed"]
    for customer in owed:
        said = {"account": customer["account"], "line": "10kV", "note": "已说明停电时间，客户同意"}
        do(desk, outage, "log_call", **said)
    for signer in SIGNERS:
        do(desk, outage, "approve", signer)
    do(desk, outage, "announce", reason="works_delayed")
    return outage


def do(desk: Desk, outage: str, move: str, who: str = DISPATCHER, **data: Any) -> dict[str, Any]:
    return dict(desk.ask(who, "POST", f"/outages/{outage}/moves/{move}", data))


def told(desk: Desk, outage: str) -> dict[str, list[str]]:
    """Return which texts each telephone got about an outage, in order."""
    found: dict[str, list[str]] = {}
    for text in desk.texts():
        if text["effect_id"].startswith(f"told.{outage}."):
            name = text["template"].removeprefix("LK_OUTAGE_")
            found.setdefault(text["to"], []).append(name)
    return found


def all_told(desk: Desk, outage: str, *names: str) -> bool:
    """Return whether every household was told just this, in this order, each once."""
    found = told(desk, outage)
    return len(found) == HOUSEHOLDS and all(each == list(names) for each in found.values())


def read_phone(page: Page, url: str, number: str) -> list[str]:
    """Return the texts that a telephone shows, the newest first."""
    page.goto(f"{url}/_local/phone?to={quote(number)}")
    texts = page.locator("#texts li")
    expect(texts.first).to_contain_text(number)
    return [body.strip() for body in texts.locator("p:not(.meta)").all_text_contents()]


def day_of(at: datetime) -> str:
    return f"{at.month}月{at.day}日"


def test_each_notice_of_a_plan_comes_once_and_a_moved_and_a_cancelled_one_say_so(
    crowd: People, own: Platform
) -> None:
    desk, time = Desk(own), Time(own)
    start = time.next(14, 0) + 8 * DAY
    kept, moved, off = (announced(desk, each, start) for each in (KEPT, MOVED, OFF))
    assert told(desk, kept) == {}

    time.go_to(start - 7 * DAY)
    time.until(lambda: all(all_told(desk, each, "PLANNED_7D") for each in (kept, moved, off)))

    desk = Desk(own)
    office = crowd.staff(DISPATCHER)
    later = start + DAY + 3 * HOUR
    move_on(office, crowd.url, moved, later, later + 3 * HOUR)
    call_off(office, crowd.url, off)
    office.close()  # whoever signed in does not stay so for days
    time.until(lambda: all_told(desk, moved, "PLANNED_7D", "PLANNED_CHANGED"))
    time.until(lambda: all_told(desk, off, "PLANNED_7D", "PLANNED_CANCELLED"))

    time.go_to(start - DAY)
    time.until(lambda: all_told(desk, kept, "PLANNED_7D", "PLANNED_1D"))
    time.go_to(start - HOUR / 2)
    time.until(lambda: all_told(desk, kept, "PLANNED_7D", "PLANNED_1D", "PLANNED_30MIN"))
    assert all_told(desk, moved, "PLANNED_7D", "PLANNED_CHANGED")
    assert all_told(desk, off, "PLANNED_7D", "PLANNED_CANCELLED")

    homes = [set(told(desk, each)) for each in (kept, moved, off)]
    assert len(set.union(*homes)) == 3 * HOUSEHOLDS
    check_phones(crowd, desk, start, later, (kept, moved, off))


def call_off(office: Page, url: str, outage: str) -> None:
    """Cancel a plan on its page, as the dispatcher does."""
    office.goto(f"{url}/office#/outages/{outage}")
    open_move(office, "取消计划")
    office.locator(".move-form").get_by_label("原因").select_option(label="施工延误")
    office.get_by_role("button", name="确认取消计划").click()
    expect(office.get_by_text("已取消").first).to_be_visible()


def move_on(office: Page, url: str, outage: str, start: datetime, finish: datetime) -> None:
    """Move a plan on its page to another time."""
    office.goto(f"{url}/office#/outages/{outage}")
    open_move(office, "变更计划")
    form = office.locator(".move-form")
    form.get_by_label("开始时间").fill(f"{start:%Y-%m-%dT%H:%M}")
    form.get_by_label("结束时间").fill(f"{finish:%Y-%m-%dT%H:%M}")
    form.get_by_label("原因").select_option(label="恶劣天气")
    form.get_by_role("button", name="确认变更计划").click()
    expect(form).to_have_count(0)


def open_move(office: Page, name: str) -> None:
    office.get_by_role("heading", name="操作").wait_for()
    button = office.get_by_role("button", name=name, exact=True)
    if not button.is_visible():
        office.locator(".moves summary").click()
    button.click()


def check_phones(
    crowd: People,
    desk: Desk,
    start: datetime,
    later: datetime,
    outages: tuple[str, str, str],
) -> None:
    """Read a household of each plan on the phone's page: what they were told, newest first."""
    kept, moved, off = (next(iter(told(desk, each))) for each in outages)
    phone = crowd.page(crowd.context(PHONE, mobile=True))
    was, now = f"{day_of(start)}14:00", f"{day_of(later)}17:00至20:00"

    last, before, first = read_phone(phone, crowd.url, kept)
    assert re.search(r"提醒:.*将于14:00停电,预计18:00恢复", last)
    assert f"{was}至18:00停电" in before
    assert before.startswith("【清河供电】提醒")
    assert f"{was}至18:00停电" in first
    assert first.startswith("【清河供电】计划停电")
    change, _ = read_phone(phone, crowd.url, moved)
    assert re.search(rf"变更通知:.*{was}的计划停电改为{now}", change)
    cancelled, _ = read_phone(phone, crowd.url, off)
    assert re.search(rf"取消通知:原定{was}至18:00.*已取消,正常供电", cancelled)
