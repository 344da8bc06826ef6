"""One issue from the first call to 销号: 95598, not solved, 12398 twice, accountability, cleared.

Its clocks run through a week in which weekend days are worked for a holiday in the middle of it
(调休): each due instant on the page is one that a person has counted on a calendar.
"""

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from chalicelib.domain.calendar import CHINA, Calendar
from infra.local.tools import ROOT
from tests.e2e.clocks import Time
from tests.e2e.looks import look
from tests.e2e.people import Desk, People
from tests.local.running import Platform, eventually

AGENT, VISITOR, DISPATCHER = "agent-qh-1", "return-visitor-qh-1", "dispatcher-qh-1"
SUPERVISOR, DEPARTMENT, LEADER = "supervisor-qh-1", "department-qh-1", "leader-qh-1"
LIAISON, MANAGER = "liaison-qh-1", "area-manager-04-1"
HOST, PROVINCE = "city-host-lj-1", "province-monitor-jb-1"
COUNTY, STATION = "X-QH", "S-QH-04"
PHONE, SAME_PHONE = "169 0000 4321", "+86 16900004321"
CATEGORY = "service.attitude.repair_crew"
REGULATOR_1, REGULATOR_2, CITY_CASE = "12398-0701", "12398-0702", "12345-0088"
DAY = timedelta(days=1)
BROAD = 35
PATIENCE = 300.0


class Week:
    """The story's days, counted from a Thursday. Make-up days are 2 and 10; off are 4, 5 and 6.

    |          | Mon | Tue | Wed | Thu | Fri | Sat | Sun |
    |----------|-----|-----|-----|-----|-----|-----|-----|
    | works on |     |     |     |  0  |  1  |  2  |     |
    |          |     |     |     |  7  |  8  |     | 10  |
    |          | 11  | 12  | 13  | 14  | 15  |     |     |
    |          | 18  | 19  | 20  | 21  | 22  |     |     |
    """

    def __init__(self, now: datetime) -> None:
        self.first = now.date() + timedelta(days=4)
        while self.first.weekday() != 3 or not self._is_plain():
            self.first += DAY

    def _is_plain(self) -> bool:
        shipped = Calendar.shipped()
        days = [self.first + n * DAY for n in range(BROAD)]
        tables = [shipped.table(day.year) for day in days]
        return not any(
            day in {**table.holidays, **table.make_up_days}
            for day, table in zip(days, tables, strict=True)
        )

    def day(self, number: int) -> date:
        return self.first + number * DAY

    def at(self, number: int, hour: int, minute: int = 0) -> datetime:
        return datetime.combine(self.day(number), time_of_day(hour, minute), CHINA)

    def shown(self, number: int, hour: int, minute: int = 0) -> str:
        """Return an instant as a page writes it in full."""
        day = self.day(number)
        return f"{day.year}年{day.month}月{day.day}日 {hour:02}:{minute:02}"

    def tables(self) -> list[dict[str, Any]]:
        """Return the years of the story as they are published, with its own days off and on."""
        years: dict[int, dict[str, Any]] = {}
        for number in range(BROAD):
            year = self.day(number).year
            years.setdefault(year, Calendar.shipped().table(year).raw())
        for name, numbers in (("holidays", (4, 5, 6)), ("make_up_days", (2, 10))):
            for day in map(self.day, numbers):
                years[day.year][name][day.isoformat()] = "调休"
        return list(years.values())


class Story:
    """What the steps share: the platform, its people, where they are in the week, the pictures."""

    def __init__(self, crowd: People, own: Platform, pictures: Path) -> None:
        self.crowd, self.own, self.pictures = crowd, own, pictures
        self.time = Time(own)
        self.week = Week(self.time.now())
        self.desk = Desk(own)
        self.issue = ""
        self.taken = 0
        self.asked = count()
        pictures.mkdir(parents=True, exist_ok=True)

    def go_to(self, number: int, hour: int, minute: int = 0) -> None:
        """Let the days pass; who was signed in is so no more."""
        self.time.go_to(self.week.at(number, hour, minute))
        eventually(self._is_signed_in)

    def _is_signed_in(self) -> bool:
        """Sign in anew: the issuer looks at the clock only every now and then."""
        self.desk = Desk(self.own)
        bearer = {"Authorization": f"Bearer {self.desk.token(DISPATCHER)}"}
        return self.own.ask("GET", "/api/v1/me", None, None, **bearer)[0] == 200

    def until(self, check: Callable[[], Any]) -> Any:
        """Wait for what the house does by itself: after days have passed it has much to do."""
        return self.time.until(check, within=PATIENCE)

    def picture(self, page: Page, name: str) -> None:
        """Keep what the page shows, and see that it shows words."""
        self.taken += 1
        page.screenshot(path=str(self.pictures / f"{self.taken:02}-{name}.png"), full_page=True)
        assert look(page) == [], name

    def open_issue(self, staff_id: str) -> Page:
        """Sign in as somebody and open the issue."""
        page = self.crowd.staff(staff_id)
        page.goto(f"{self.crowd.url}/office#/issues/{self.issue}")
        page.get_by_role("heading", name="销号条件").wait_for()
        return page

    def read(self, staff_id: str = SUPERVISOR) -> dict[str, Any]:
        return dict(self.desk.ask(staff_id, "GET", f"/issues/{self.issue}"))

    def move(self, staff_id: str, name: str, **answers: Any) -> dict[str, Any]:
        return dict(self.desk.ask(staff_id, "POST", f"/issues/{self.issue}/moves/{name}", answers))

    def refused(self, staff_id: str, path: str, **answers: Any) -> tuple[int, dict[str, Any]]:
        """Ask for what must be refused; return the status and what is said."""
        status, said = self.own.ask(
            "POST",
            f"/api/v1{path}",
            answers,
            None,
            Authorization=f"Bearer {self.desk.token(staff_id)}",
            **{"Idempotency-Key": f"refused-{next(self.asked)}"},
        )
        assert status >= 400, said
        return status, dict(said)

    def order(self, number: str, *steps: tuple[str, str, dict[str, Any]]) -> None:
        """Move an order on, step by step."""
        for staff_id, name, answers in steps:
            self.desk.move(staff_id, number, name, **answers)


Step = tuple[str, str, dict[str, Any]]
WORKED: tuple[Step, ...] = (
    (DISPATCHER, "dispatch", {"office": STATION, "staff": MANAGER}),
    (MANAGER, "receive", {}),
    (MANAGER, "contact", {"by": "phone", "note": "已电话联系客户"}),
)
ANSWERED: tuple[Step, ...] = (
    (
        MANAGER,
        "reply",
        {"verdict": "upheld", "liability": "utility_liable", "note": "已当面致歉并说明"},
    ),
    (DISPATCHER, "approve_reply", {}),
)
FILED: tuple[Step, ...] = ((VISITOR, "visit_satisfied", {}), (VISITOR, "archive", {}))


# Hands --------------------------------------------------------------------------------------------


def fill(form: Locator, move: str, answers: dict[str, Any]) -> None:
    """Give the answers of a form: choose, press, write, attach."""
    for name, answer in answers.items():
        field = f"move-{move}-{name}"
        pills = form.locator(f"input[type='radio'][name='{field}']")
        one = form.locator(f"#{field}")
        (pills.first if pills.count() else one).wait_for(state="attached")
        if pills.count():
            form.locator(f"input[name='{field}'][value='{str(answer).lower()}']").check()
        elif isinstance(answer, Path):
            one.set_input_files(answer)
            expect(form.locator(".photo-count")).to_be_visible()
        elif one.evaluate("field => field.tagName") == "SELECT":
            form.locator(f"#{field} option[value='{answer}']").wait_for(state="attached")
            one.select_option(answer)
        else:
            one.fill(answer)


def open_move(page: Page, name: str) -> None:
    page.locator(".moves .buttons button").first.wait_for()
    button = page.get_by_role("button", name=name, exact=True)
    if not button.is_visible():
        page.locator(".moves summary").first.click()
    button.click()


def make(page: Page, move: str, name: str, **answers: Any) -> None:
    """Make a move on a page, in the form that it has."""
    open_move(page, name)
    form = page.locator(".move-form")
    fill(form, move, answers)
    form.get_by_role("button", name=f"确认{name}").click()
    expect(form).to_have_count(0)


def clocks(page: Page) -> dict[str, str]:
    """Return until when each clock on the page runs, in full, by its name."""
    page.locator(".clocks li").first.wait_for()
    rows: list[list[str]] = page.locator(".clocks li").evaluate_all(
        "rows => rows.map((row) => [row.querySelector('b').textContent,"
        " row.querySelector('time')?.title ?? ''])"
    )
    return dict(rows)


def take_in(page: Page, story: Story, *, phone: str, channel: str, case: str, said: str) -> str:
    """Take a complaint in at the office's intake, as the agent on the telephone does."""
    page.goto(f"{story.crowd.url}/office#/intake")
    again = page.get_by_role("button", name="登记下一个")
    expect(again.or_(page.locator("#phone"))).to_be_visible()
    if again.is_visible():
        again.click()
    page.locator("#phone").fill(phone)
    page.locator("#channel").select_option(channel)
    if case:
        page.locator("#case_no").fill(case)
    page.locator("#name").fill("何桂兰")
    page.locator("#place").fill("河尾村")
    page.get_by_role("button", name="东山乡河尾村9号公变").click()
    page.locator("#kind").select_option("complaint")
    for level in (1, 2, 3):
        code = ".".join(CATEGORY.split(".")[:level])
        page.locator(f"#answer-category-{level}").select_option(code)
    page.locator("#answer-description").fill(said)
    story.picture(page, f"intake-{channel}")
    page.get_by_role("button", name="登记（Ctrl+Enter）").click()
    link = page.locator("a[href*='#/order/']").first
    link.wait_for()
    return str(link.get_attribute("href")).rsplit("/", 1)[1]


def test_s1_the_story_of_an_issue(crowd: People, own: Platform, tmp_path: Path) -> None:
    story = Story(crowd, own, tmp_path / "pictures")
    for table in story.week.tables():
        story.desk.ask("admin-qh-1", "POST", "/admin/calendars", table)
    first = at_95598(story)
    not_solved_yet(story, first)
    dissatisfied(story, first)
    others = at_12398(story)
    second = called_again(story)
    decided(story)
    entry = held_accountable(story)
    appealed(story, entry)
    solved(story, [first, *others, second])
    signed_and_cleared(story)
    verified(story, tmp_path)
    followed_up(story, first)


def at_95598(story: Story) -> str:
    """A complaint at 95598 on the first morning opens an issue; each of its clocks runs."""
    story.go_to(0, 10)
    agent = story.crowd.staff(AGENT)
    said = "报修四个小时没人来，打电话给台区经理，态度很差。"
    number = take_in(agent, story, phone=PHONE, channel="95598", case="", said=said)
    agent.close()
    story.issue = story.until(lambda: issue_of(story, number))

    page = story.open_issue(SUPERVISOR)
    assert clocks(page) == {
        "派单": story.week.shown(0, 10, 20),
        "联系客户": story.week.shown(1, 10),
        "内部时限": story.week.shown(8, 17, 30),
        "办结承诺": story.week.shown(10, 17, 30),
        "法定时限": story.week.shown(15, 17, 30),
    }
    story.picture(page, "opened")
    make(page, "assign", "派发", office=COUNTY, staff=DEPARTMENT)
    expect(page.get_by_text("处置中").first).to_be_visible()
    by = {"by": "phone", "note": "已致电客户，约定当日上门核实。"}
    make(page, "contact", "登记联系", **by)
    story.picture(page, "assigned")
    page.close()
    kept = {clock["name"]: clock["level"] for clock in story.read()["clocks"]}
    assert (kept["dispatch"], kept["contact"]) == ("kept", "kept")
    return number


def issue_of(story: Story, number: str) -> str:
    """Return the issue that an order has opened or joined, once it has."""
    since = story.week.at(0, 0)
    for row in story.desk.ask(SUPERVISOR, "GET", "/issues?limit=50")["items"]:
        if datetime.fromisoformat(row["opened_at"]) >= since:
            page = story.desk.ask(SUPERVISOR, "GET", f"/issues/{row['issue_id']}")
            if any(one["order_id"] == number for one in page["orders"]):
                return str(row["issue_id"])
    return ""


def linked(story: Story, number: str) -> dict[str, Any]:
    return next(one for one in story.read()["orders"] if one["order_id"] == number)


def not_solved_yet(story: Story, number: str) -> None:
    """It is answered; who complained says on the own page that it is not solved."""
    story.order(number, *WORKED, *ANSWERED)
    citizen = track(story, number)
    citizen.get_by_role("button", name="没有解决").click()
    citizen.locator("#note").fill("人是来了，没有道歉，问题也没有说清楚。")
    story.picture(citizen, "citizen-not-solved")
    citizen.locator("form button[type=submit]").click()
    expect(citizen.get_by_text("已重新办理，我们马上跟进")).to_be_visible()
    citizen.close()
    said = story.until(lambda: [s for s in story.read()["timeline"] if s["name"] == "not_solved"])
    assert said[0]["actor"] == "citizen"
    assert "没有道歉" in " ".join(said[0]["words"].values())


def dissatisfied(story: Story, number: str) -> None:
    """Worked again and visited: not satisfied, so an investigation of the site opens by itself."""
    story.order(number, *WORKED, *ANSWERED)
    visitor = story.crowd.staff(VISITOR)
    visitor.goto(f"{story.crowd.url}/office#/order/{number}")
    open_move(visitor, "回访不满意")
    form = visitor.locator(".move-form")
    form.locator("textarea").first.fill("客户不满意：未说明原因，也没有致歉。")
    form.get_by_role("button", name="确认回访不满意").click()
    expect(form).to_have_count(0)
    visitor.get_by_role("button", name="立即发出").click()
    expect(visitor.get_by_text("待派单").first).to_be_visible()
    visitor.close()
    assert story.desk.ask(DISPATCHER, "GET", f"/orders/{number}")["stage"] == "accepted"
    site = story.until(lambda: story.read()["site"])
    assert (site["triggers"], site["open"]) == (["visit_dissatisfied"], True)
    story.move(
        HOST, "conclude_site_investigation", finding="partly_confirmed", note="已到现场核实。"
    )


def at_12398(story: Story) -> list[str]:
    """On a Saturday that is worked the same person is at 12398, and at 12345: one issue still."""
    story.go_to(2, 9)
    agent = story.crowd.staff(AGENT)
    said = "向 95598 投诉没有结果，要求处理。"
    case = {"phone": SAME_PHONE, "channel": "12398", "case": REGULATOR_1}
    first = take_in(agent, story, **case, said=said)
    story.until(lambda: issue_of(story, first) == story.issue)
    case = {"phone": SAME_PHONE, "channel": "12345", "case": CITY_CASE}
    other = take_in(agent, story, **case, said=said)
    agent.close()
    story.until(lambda: issue_of(story, other) == story.issue)
    issue = story.until(lambda: (page := story.read())["grade"] == "major" and page)
    assert issue["bypass_of"]["why"] == "dissatisfied"
    assert issue["hotline_calls"] == 1
    story.move(HOST, "regulator_accepted")

    page = story.open_issue(HOST)
    shown = clocks(page)
    began = story.week.at(2, 9)
    expected = {
        "内部时限": story.week.shown(2, 17, 30),
        "办结承诺": story.week.shown(10, 17, 30),
        "法定时限": story.week.shown(15, 17, 30),
        "12398 时限": story.week.shown(19, 17, 30),
    }
    assert {name: shown[name] for name in expected} == expected
    for name, days in (("12345 时限", 7), ("监管机构受理期限", 7), ("监管机构办结期限", 60)):
        assert near(shown[name], began + days * DAY), (name, shown)
    expect(page.get_by_text(re.compile("越级：95598 投诉回访不满意"))).to_be_visible()
    story.picture(page, "at-12398")
    page.close()
    return [first, other]


def near(shown: str, at: datetime) -> bool:
    """Return whether a time shown is this one, or of the minutes that taking it in took."""
    digits = [int(each) for each in re.findall(r"\d+", shown)]
    year, month, day, hour, minute = digits
    when = datetime(year, month, day, hour, minute, tzinfo=CHINA)
    return timedelta() <= when - at < timedelta(minutes=20)


def called_again(story: Story) -> str:
    """12398 is called again: investigated on the site; till then nothing is filed or cleared."""
    story.go_to(7, 9)
    sent = {
        "kind": "complaint", "channel": "12398", "case_no": REGULATOR_2, "place": "QH-04-T06",
        "phone": SAME_PHONE, "answers": {"category": CATEGORY, "description": "还是没有结果。"},
    }  # fmt: skip
    number = str(story.desk.ask(AGENT, "POST", "/orders", sent)["number"])
    issue = story.until(lambda: (page := story.read())["site_open"] and page)
    assert issue["site"]["triggers"] == ["second_12398_call"]
    assert issue["hotline_calls"] == 2
    story.order(number, *WORKED, *ANSWERED, FILED[0])
    story.until(lambda: is_blocked(story, number))
    status, said = story.refused(VISITOR, f"/orders/{number}/moves/archive")
    assert (status, said["gates"]) == (409, ["no_investigation"])
    status, said = story.refused(DEPARTMENT, f"/issues/{story.issue}/moves/clear")
    assert status == 409
    assert {"site_investigation", "decided", "orders_archived", "signed"} <= set(said["gates"])

    page = story.open_issue(PROVINCE)
    story.picture(page, "called-again")
    page.close()
    board = story.crowd.staff(PROVINCE)
    board.goto(f"{story.crowd.url}/office#/issues?view=investigation")
    board.get_by_text(story.issue).first.wait_for()
    story.picture(board, "investigations")
    board.close()
    said = {"finding": "confirmed", "note": "是。"}
    status, _ = story.refused(
        DEPARTMENT, f"/issues/{story.issue}/moves/conclude_site_investigation", **said
    )
    assert status == 403
    host = story.open_issue(HOST)
    said = {"finding": "confirmed", "note": "现场核实：报修后四小时十分到达，客户所述属实。"}
    make(host, "conclude_site_investigation", "现场调查结论", **said)
    host.close()
    return number


def is_blocked(story: Story, number: str) -> bool:
    moves = story.desk.ask(VISITOR, "GET", f"/orders/{number}")["moves"]
    return any(m["name"] == "archive" and "no_investigation" in m["gates_open"] for m in moves)


def decided(story: Story) -> None:
    """Evidence, five sections, the verdict, and whose cause it was."""
    photo = story.pictures / "record.png"
    Image.new("RGB", (640, 400), (120, 140, 150)).save(photo)
    page = story.open_issue(SUPERVISOR)
    make(page, "evidence", "上传证据", files=photo)
    make(
        page,
        "investigate",
        "填写五段调查",
        basic_facts="客户反映报修后四小时无人到场，台区经理态度差。",
        event_course="当日 8:20 报修，12:30 到场；通话录音中用语生硬。",
        exposed_problem="抢修力量安排不到位，服务用语不规范。",
        remedy="当面致歉，调整值班安排。",
        advice="全所开展服务用语培训。",
    )
    make(page, "decide", "认定", verdict="upheld", liability="utility_liable")
    whom = {"staff-office": STATION, "staff": MANAGER}
    make(page, "attribute", "归因", attribution="person", **whom)
    story.picture(page, "decided")
    page.close()
    story.move(SUPERVISOR, "record_violation", behaviour="rude_service")
    story.move(SUPERVISOR, "four_not_let_go", cause_found=True, responsible_dealt_with=True,
               corrected=True, staff_educated=True)  # fmt: skip


def held_accountable(story: Story) -> str:
    """问责: proposed by the county on its page, confirmed by the city."""
    page = story.crowd.staff(SUPERVISOR)
    page.goto(f"{story.crowd.url}/office#/papers?kind=accountability&issue={story.issue}")
    page.get_by_role("button", name="新建问责").click()
    form = page.locator(".move-form")
    said = {"behaviour": "bypass_12398", "attribution": "staff_cause", "subject": "person",
            "person-office": STATION, "person": MANAGER, "note": "客户越级至 12398。"}  # fmt: skip
    fill(form, "open", said)
    story.picture(page, "accountability-new")
    form.locator("button[type=submit]").click()
    page.wait_for_url(re.compile(r"#/papers/[0-9A-Z-]+$"))
    entry = page.url.rsplit("/", 1)[1]
    page.close()
    made = {"measure": "deduction", "penalty": "500", "joint_marketing": True,
            "joint_equipment": True, "joint_planning": False, "joint_construction": False,
            "assess_unit": True, "assess_upper": False}  # fmt: skip
    story.desk.ask(HOST, "POST", f"/papers/{entry}/moves/confirm_accountability", made)
    city = story.crowd.staff(HOST)
    city.goto(f"{story.crowd.url}/office#/papers/{entry}")
    city.get_by_role("heading", name="内容").wait_for()
    story.picture(city, "accountability")
    city.close()
    return entry


def appealed(story: Story, entry: str) -> None:
    """申诉: the unit appeals; three of the county sign, and none of them decides: the city does."""
    page = story.crowd.staff(DEPARTMENT)
    page.goto(f"{story.crowd.url}/office#/papers?kind=appeal&issue={story.issue}")
    page.get_by_role("button", name="新建申诉").click()
    said = {"applicant": "unit", "basis": "facts_differ", "aim": "lift_accountability",
            "against": entry, "note": "当日同时抢修三处故障，已电话告知客户。"}  # fmt: skip
    form = page.locator(".move-form")
    fill(form, "open", said)
    form.locator("button[type=submit]").click()
    page.wait_for_url(re.compile(r"#/papers/[0-9A-Z-]+$"))
    appeal = page.url.rsplit("/", 1)[1]
    make(page, "attach_evidence", "上传佐证", evidence_kind="recording", reference="LY-2026-1187")
    make(page, "sign_first", "一级签字")
    page.close()
    status, said = story.refused(SUPERVISOR, f"/issues/{story.issue}/moves/clear")
    assert (status, "papers_closed" in said["gates"]) == (409, True)
    path = f"/papers/{appeal}/moves"
    story.desk.ask(DISPATCHER, "POST", f"{path}/sign_second", {})
    story.desk.ask(LEADER, "POST", f"{path}/sign_third", {})
    status, _ = story.refused(LEADER, f"{path}/reject_appeal", note="不。")
    assert status == 403
    city = story.crowd.staff(HOST)
    city.goto(f"{story.crowd.url}/office#/papers/{appeal}")
    make(city, "reject_appeal", "裁决：不成立", note="录音显示用语不当，维持原认定。")
    expect(city.locator(".signatures li")).to_have_count(3)
    story.picture(city, "appeal-lost")
    city.close()
    four = ("cause_found", "responsible_dealt_with", "corrected", "staff_educated")
    done = {**dict.fromkeys(four, True), "note": "已扣发绩效，完成培训。"}
    story.desk.ask(SUPERVISOR, "POST", f"/papers/{entry}/moves/carry_out", done)


def solved(story: Story, numbers: list[str]) -> None:
    """Root cause, measure, match, answer; the orders are filed, the visit is satisfied."""
    page = story.open_issue(DEPARTMENT)
    make(page, "root_cause", "记录根因", root_cause="attitude")
    make(page, "measure", "登记措施", measure="apologised", note="当面致歉，调整夜间值班安排。")
    page.close()
    status, _ = story.refused(DEPARTMENT, f"/issues/{story.issue}/moves/match", matches=True)
    assert status == 403
    story.move(SUPERVISOR, "match", matches=True)
    story.move(DEPARTMENT, "reply", note="已向客户说明调查结果和整改措施。")
    first, *others, last = numbers
    for number in (first, *others):
        story.order(number, *WORKED, *ANSWERED, *FILED)
    story.order(last, FILED[1])
    for one in story.read()["supervisions"]:
        story.move(
            DEPARTMENT, "supervision_reply", supervision=one["id"], note="已办结，详见台账。"
        )
        by = PROVINCE if one["asked_by"] == "province" else HOST
        story.move(by, "supervision_close", supervision=one["id"])
    visitor = story.open_issue(VISITOR)
    make(visitor, "visit", "登记回访", result="satisfied", note="客户表示满意，没有其他要求。")
    visitor.close()
    desk = story.week.at(25, 9).isoformat()
    story.move(SUPERVISOR, "plan_follow_up", follow_up_on=desk)
    story.until(lambda: open_gates(story) == ["signed"])


def open_gates(story: Story) -> list[str]:
    return [gate["name"] for gate in story.read()["gates"] if not gate["met"]]


def signed_and_cleared(story: Story) -> None:
    """County, city and province sign, each its own checklist; then and not before it is cleared."""
    for staff_id, items in (
        (SUPERVISOR, ("contact_in_time", "facts_checked_on_site", "evidence_complete",
                      "cause_found", "measure_carried_out", "customer_told")),
        (HOST, ("facts_confirmed", "attribution_settled", "measure_fits_request",
                "visit_checked", "orders_filed", "lessons_passed_on")),
        (PROVINCE, ("regulator_answered", "deadlines_reviewed", "bypass_explained",
                    "accountability_done", "follow_up_arranged")),
    ):  # fmt: skip
        status, said = story.refused(PROVINCE, f"/issues/{story.issue}/moves/clear", note=staff_id)
        assert (status, said["gates"]) == (409, ["signed"])
        page = story.open_issue(staff_id)
        make(page, "sign", "签批", **dict.fromkeys(items, True))
        story.picture(page, f"signed-{staff_id}")
        if staff_id == PROVINCE:
            make(page, "clear", "销号")
            expect(page.get_by_text("已销号").first).to_be_visible()
            story.picture(page, "cleared")
        page.close()
    signs = [one["by"] for one in story.read()["sign_offs"]]
    assert signs == [SUPERVISOR, HOST, PROVINCE]


def followed_up(story: Story, number: str) -> None:
    """Who complained reads that it is cleared; on the planned day it is looked at again."""
    citizen = track(story, number)
    expect(citizen.get_by_text("核查通过，已销号，之后还会回头看")).to_be_visible()
    story.picture(citizen, "citizen-cleared")
    story.go_to(25, 9)
    visitor = story.open_issue(VISITOR)
    make(visitor, "follow_up", "跟踪结果", result="ok", note="客户反映服务正常。")
    expect(visitor.get_by_text("跟踪完成").first).to_be_visible()
    story.picture(visitor, "followed-up")
    visitor.close()
    citizen.reload()
    expect(citizen.get_by_text("已回头看，问题没有再出现")).to_be_visible()
    story.picture(citizen, "citizen-followed-up")
    citizen.close()


def track(story: Story, number: str) -> Page:
    """Look a complaint up as who complained does: by its number and the end of the telephone's."""
    citizen = story.crowd.citizen()
    citizen.goto(f"{story.crowd.url}/#/track")
    citizen.get_by_label("编号").fill(number)
    citizen.locator("#tail").fill("4321")
    citizen.get_by_role("button", name="查询").click()
    expect(citizen.get_by_role("heading", name="投诉处理进度")).to_be_visible()
    return citizen


def verified(story: Story, folder: Path) -> None:
    """The chain verifies, and so does the whole ledger in a file, with the key that seals it."""
    secrets = json.loads((story.own.data / "secrets.json").read_bytes())
    raw = base64.b64decode(secrets["seal_key"])
    public = Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()
    key = base64.b64encode(public).decode()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LIGHTKEEPER_", "AWS_"))}  # noqa: TID251 - a child's environment
    env = {
        **kept,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "cn-northwest-1",
        "LIGHTKEEPER_PREFIX": "lightkeeper",
        "LIGHTKEEPER_SECRET": secrets["secret"],
        "LIGHTKEEPER_SEAL_KEY": secrets["seal_key"],
        "LIGHTKEEPER_SEALS": f"disk:{story.own.data / 'seals'}",
        "LIGHTKEEPER_DYNAMODB_ENDPOINT": story.own.facts()["dynamodb"],
    }

    def run(*command: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own tools
            [sys.executable, "-m", *command], cwd=ROOT, env=env, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return done.stdout.strip()

    def agrees() -> str:
        """Export and verify; while the house is at work a chain may grow in between."""
        file = str(folder / f"ledger-{next(story.asked)}.jsonl")
        run("infra.ledger_export", file)
        said = run("infra.verify", file, "--key", key)
        return said if said.endswith("heads signed, 0 bad") else ""

    assert re.match(r"\d{3} chains, \d{4} events", story.until(agrees))
    assert story.desk.ask(LEADER, "GET", f"/issues/{story.issue}")["state"] == "cleared"
