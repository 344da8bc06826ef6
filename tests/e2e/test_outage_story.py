"""The worked case: 12:15 a villager reports no power; before 12:25 every household knows the rest.

The repair centre sees the suspected outage with its evidence before anybody opened one; a person
confirms it with its cause and when power will be back; every household behind the device is told,
each once; the next caller finds it known; when power is back those who were told hear of it once,
and the callers' orders close after that and no earlier.
"""

import re
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.clocks import Time
from tests.e2e.people import PHONE, Desk, People
from tests.e2e.test_main_job import report_outage
from tests.e2e.test_planned_story import open_move, read_phone, told
from tests.local.running import Platform, eventually

DISPATCHER = "dispatcher-qh-1"
TRANSFORMER, AREA = "QH-04-T06", "东山乡河尾村9号公变"
HOUSEHOLDS = 50
MINUTE = timedelta(minutes=1)
FEW = 10
"""Texts that a minute of the county brings of itself."""
SLOW = 180
"""Seconds that a machine may need for the texts of a night."""


def heard(kind: str, subject: dict[str, str], number: int, at: datetime) -> dict[str, Any]:
    source = "95598" if kind == "call" else "hes"
    return {
        "kind": kind,
        "subject": subject,
        "source": source,
        "sequence": number,
        "occurred_at": at.isoformat(),
    }


def account(door: int) -> str:
    """An account under the transformer: the county's thirty-sixth."""
    return f"320036{door:04d}"


def tell_of_it(desk: Desk, own: Platform, at: datetime) -> None:
    """Meters, an indicator and other callers report what the villager does."""
    sent = {"name": "用电信息采集", "scopes": ["events"], "office": "X-QH"}
    key = desk.ask("admin-qh-1", "POST", "/admin/keys", sent)["secret"]
    events = [
        *(heard("meter_off", {"account": account(n)}, n, at) for n in range(1, 21)),
        heard("fault_indicator", {"device": f"{TRANSFORMER}-FU"}, 100, at),
        *(heard("call", {"account": account(n)}, n, at) for n in (30, 41)),
    ]
    for accepted in (len(events), 0):
        status, taken = own.ask(
            "POST", "/api/v1/events", {"events": events}, Authorization=f"Bearer {key}"
        )
        assert (status, taken["accepted"]) == (202, accepted), taken
        assert (taken["refused"], taken["unknown"]) == ([], [])


def look(desk: Desk, outage: str) -> dict[str, Any]:
    return dict(desk.ask(DISPATCHER, "GET", f"/outages/{outage}"))


def found(desk: Desk) -> list[dict[str, Any]]:
    """Return the outages on the board that darken the villager's transformer."""
    rows = desk.ask(DISPATCHER, "GET", "/outages")["items"]
    return [row for row in rows if row["area"] == AREA and row["evidence"].get("meter_off")]


def all_know(desk: Desk, outage: str) -> bool:
    """Return whether the last that every household was told has cause and restoration time."""
    last = {
        text["to"]: text["body"]
        for text in desk.texts()
        if text["effect_id"].startswith(f"told.{outage}.")
    }
    return len(last) == HOUSEHOLDS and all(
        "瓷瓶损坏" in body and "前恢复供电" in body for body in last.values()
    )


def make(office: Page, name: str, fill: Any) -> None:
    """Make a move on the outage's page, in the form that it has."""
    open_move(office, name)
    form = office.locator(".move-form")
    fill(form)
    form.get_by_role("button", name=f"确认{name}").click()
    expect(form).to_have_count(0)


def let_yesterday_go_out(desk: Desk, own: Platform, time: Time) -> None:
    """Wait until what fell due at once when the clock was set ahead has gone out.

    Hundreds of alerts of a night that nobody lived through would stand before the first notice.
    Texts go out in order, so one that is asked for after a sweep shows that its are out.
    """
    before, count = -FEW, len(desk.texts())
    while count - before >= FEW:
        before, swept = count, sweeps(own)
        time.go_to(time.now() + MINUTE)
        eventually(partial(has_swept, own, swept), within=SLOW)
        asked = {"description": "阶梯电价怎么算"}
        number = desk.report(kind="enquiry", place="QH-01-T01", answers=asked)["number"]
        eventually(partial(was_texted, desk, number), within=SLOW)
        count = len(desk.texts())


def has_swept(own: Platform, before: int) -> bool:
    return sweeps(own) > before


def was_texted(desk: Desk, number: str) -> bool:
    return any(number in text["body"] for text in desk.texts())


def sweeps(own: Platform) -> int:
    """Return how many sweeps have ended."""
    return (own.data / "app.log").read_text("utf-8").count('"Swept":[')


def test_from_the_villagers_report_to_power_for_all(crowd: People, own: Platform) -> None:
    desk, time = Desk(own), Time(own)
    noon = time.next(12, 15)
    time.go_to(noon - 30 * MINUTE)
    let_yesterday_go_out(desk, own, time)
    time.go_to(noon)

    villager = crowd.citizen()
    number = report_outage(villager)
    tell_of_it(desk, own, time.now())

    time.go_to(noon + 1.5 * MINUTE)
    desk = Desk(own)
    office = crowd.staff(DISPATCHER)
    office.goto(f"{crowd.url}/office#/outages")
    card = office.locator(".outage-card", has_text=AREA)
    expect(card).to_contain_text("电表失电 20 块")
    expect(card).to_contain_text("故障指示器 1 个")
    expect(card).to_contain_text(f"{HOUSEHOLDS} 户")
    (row,) = time.until(lambda: found(desk))
    assert row["human"] is None
    outage = row["id"]
    assert f"{TRANSFORMER}-FU" in {each["id"] for each in row["devices"]}

    card.get_by_role("link", name=AREA).click()
    make(office, "确认停电", lambda _form: None)
    back = time.now() + timedelta(hours=2)
    make(
        office,
        "停电原因",
        lambda form: form.get_by_label("故障原因").select_option(label="瓷瓶损坏"),
    )
    make(
        office,
        "预计恢复时间",
        lambda form: form.get_by_label("预计恢复时间").fill(f"{back:%Y-%m-%dT%H:%M}"),
    )

    time.until(lambda: all_know(desk, outage), within=60)
    time.until(lambda: kept(look(desk, outage)), within=60)
    assert time.now() - noon < 10 * MINUTE
    check_clocks(office)
    check_phone(crowd, desk, outage, back)

    second = join_as_the_next_caller(crowd)
    time.until(lambda: {number, second} <= {each["number"] for each in children(desk, outage)})
    make(office, "全部恢复", lambda _form: None)
    expect(office.get_by_text("已恢复").first).to_be_visible()
    time.until(lambda: set(told_last(desk, outage)) == {"RESTORED"})
    time.until(lambda: all(each["stage"] == "archived" for each in children(desk, outage)))
    check_that_orders_closed_last(desk, outage, (number, second))
    office.close()


def kept(outage: dict[str, Any]) -> bool:
    """Return whether every five-minute clock of an outage has stopped in time."""
    return bool(outage["clocks"]) and all(
        clock["stopped"] and clock["state"] == "met" for clock in outage["clocks"]
    )


def children(desk: Desk, outage: str) -> list[dict[str, Any]]:
    return [each for each in look(desk, outage)["orders"] if each["role"] == "report"]


def told_last(desk: Desk, outage: str) -> list[str]:
    return [names[-1] for names in told(desk, outage).values()]


def check_clocks(office: Page) -> None:
    """See that the outage's page shows both five minutes as kept."""
    office.reload()
    office.locator(".five-settled > summary").click()
    chips = office.locator(".five-list .sla")
    expect(chips.first).to_be_visible()
    shown = chips.all_text_contents()
    for name in ("录入", "通知"):
        assert any(name in text and "用" in text for text in shown), shown
    assert not any("超" in text or "剩" in text for text in shown), shown


def check_phone(crowd: People, desk: Desk, outage: str, back: datetime) -> None:
    """Read what a household was told, on its phone."""
    phone = crowd.page(crowd.context(PHONE, mobile=True))
    newest, *_ = read_phone(phone, crowd.url, next(iter(told(desk, outage))))
    assert re.search(rf"{AREA}.*停电,.*瓷瓶损坏.*预计.*{back:%H:%M}前恢复供电", newest)
    phone.close()


def join_as_the_next_caller(crowd: People) -> str:
    """Report as another household does: it is known before anything is sent, and joined."""
    page = crowd.citizen()
    page.get_by_role("link", name="家里没电了").click()
    page.get_by_label("地址").fill("河尾村")
    page.get_by_role("button", name=AREA).click()
    page.get_by_role("button", name="继续").click()
    expect(page.get_by_role("heading", name="您所在的区域正在停电")).to_be_visible()
    expect(page.get_by_text("瓷瓶损坏")).to_be_visible()
    page.get_by_role("button", name="就是这个停电，也登记我家").click()
    page.get_by_label("电话").fill("169 0000 8888")
    page.get_by_role("button", name="继续").click()
    page.get_by_role("button", name="提交").click()
    page.wait_for_url(re.compile(r"#/done/\d{16}"))
    return page.url.rsplit("/", 1)[1]


def check_that_orders_closed_last(desk: Desk, outage: str, numbers: tuple[str, ...]) -> None:
    """See that nobody heard anything twice, and the callers' orders closed after the last text."""
    every = told(desk, outage)
    assert len(every) == HOUSEHOLDS
    assert all(len(names) == len(set(names)) for names in every.values())
    last = max(
        datetime.fromisoformat(text["at"])
        for text in desk.texts()
        if text["effect_id"].startswith(f"told.{outage}.")
    )
    for number in numbers:
        events = desk.ask(DISPATCHER, "GET", f"/orders/{number}/events")["items"]
        closing = next(each for each in events if each["name"] == "close_with_parent")
        assert datetime.fromisoformat(closing["recorded_at"]) >= last
