"""Every page in both languages and both colours: nothing that axe or the eye finds."""

import re
from time import monotonic
from weakref import WeakKeyDictionary

import pytest
from playwright.sync_api import Page, Request, expect

from tests.e2e.looks import look, look_narrow, walk
from tests.e2e.people import DESK, PHONE, Desk, People, axe

CITIZEN = (
    "/", "/#/voice", "/#/track", "/#/help", "/#/privacy", "/#/accessibility",
    "/#/report/outage/where", "/#/report/fault/details", "/#/report/complaint/details",
    "/#/report/enquiry/details", "/status",
)  # fmt: skip
OFFICE = (
    "/", "/intake", "/visits", "/calls", "/search", "/export", "/print/slips", "/phone", "/crew",
    "/indices", "/indices/frequent", "/resources", "/assurance", "/outages", "/planned",
    "/issues", "/issues/board", "/papers",
    "/grid", "/grid/feeder?county=X-QH&feeder=feeder/F-QH-01",
)  # fmt: skip
ADMIN = (
    "/admin", "/admin/staff", "/admin/duty", "/admin/keys", "/admin/webhooks", "/admin/limits",
    "/admin/calendars", "/admin/imports", "/admin/network", "/admin/ledger",
)  # fmt: skip
QUIET = 0.35
"""Seconds without a request or an answer after which a page has what it shows."""
LONGEST = 15.0
STEP = 50
MOVES = """() => document.getAnimations().some((each) =>
  each.playState === 'running' && each.effect.getComputedTiming().endTime !== Infinity)"""
"""Whether anything still fades or slides; what turns for ever does not count."""
NO_SUCH_PAGE = re.compile("没有这个页面|There is no such page")


class Traffic:
    """What a page has asked for and not yet heard of. A change of the hash loads no document."""

    def __init__(self, page: Page) -> None:
        self.waiting: set[Request] = set()
        self.changed = monotonic()
        page.on("request", self._began)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)

    def _began(self, request: Request) -> None:
        self.waiting.add(request)
        self.changed = monotonic()

    def _ended(self, request: Request) -> None:
        self.waiting.discard(request)
        self.changed = monotonic()

    @property
    def is_quiet(self) -> bool:
        return not self.waiting and monotonic() - self.changed > QUIET


TRAFFIC: WeakKeyDictionary[Page, Traffic] = WeakKeyDictionary()


def settle(page: Page) -> None:
    """Wait until the page has what it shows and nothing on it moves."""
    if page not in TRAFFIC:
        page.wait_for_load_state("networkidle")
        TRAFFIC[page] = Traffic(page)
    traffic = TRAFFIC[page]
    traffic.changed = monotonic()
    over = traffic.changed + LONGEST
    while not traffic.is_quiet or page.evaluate(MOVES):
        assert monotonic() < over, f"{page.url} never came to rest: {traffic.waiting}"
        page.wait_for_timeout(STEP)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_citizens_pages_are_open_to_everybody_at_320_pixels(
    people: People, desk: Desk, colours, language
):
    filed = desk.report()
    page = people.citizen(colours=colours, width=320)
    mine = f"/#/track/{filed['number']}?t={filed['token']}"
    found = {}
    for path in (*CITIZEN, mine):
        page.goto(f"{people.url}{path.replace('/#', f'/?lang={language}#', 1)}")
        settle(page)
        found[path] = [*axe(page), *look(page)]

    assert {path: what for path, what in found.items() if what} == {}


def pages_of_outages(desk: Desk) -> list[str]:
    """The pages of one outage and one plan, made where there are none."""
    dispatcher = "dispatcher-qh-1"
    plan = {"start": "2027-03-01T01:00:00Z", "end": "2027-03-01T05:00:00Z"}
    found = []
    for state, path, sent in (
        ("open", "outages", {"kind": "fault", "training": True}),
        ("planned", "planned", {"kind": "planned", "training": True, "planned": plan}),
    ):
        items = desk.ask(dispatcher, "GET", f"/outages?state={state}")["items"]
        if not items:
            said = {"devices": ["QH-04-T05-FU"], "note": "演练", **sent}
            items = [desk.ask(dispatcher, "POST", "/outages", said)]
        found.append(f"/{path}/{items[0]['id']}")
    return found


def pages_of_the_ledger(desk: Desk) -> list[str]:
    """The pages of an issue with much on it, and of a paper that several people signed."""
    issue = desk.ask("dispatcher-qh-1", "GET", "/issues?view=signing")["items"][0]
    paper = desk.ask("dispatcher-qh-1", "GET", "/papers?state=open&kind=appeal")["items"][0]
    return [f"/issues/{issue['issue_id']}", f"/papers/{paper['paper_id']}"]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pages_of_one_outage_plan_issue_and_paper_are_open_to_everybody(
    people: People, desk: Desk, colours, language
):
    page = people.staff("dispatcher-qh-1", colours=colours)
    if language == "en":
        page.get_by_role("button", name="English").click()
    page.set_viewport_size(PHONE)
    whole = (*pages_of_outages(desk), *pages_of_the_ledger(desk))
    found = {}
    for path in ("/outages", "/planned", "/planned/new", "/news", *whole):
        page.goto(f"{people.url}/office#{path}")
        settle(page)
        expect(page.get_by_text(NO_SUCH_PAGE)).to_have_count(0)
        found[path] = [*axe(page), *look(page)]
        if path in whole:
            found[path] += walk(page)
            page.set_viewport_size(DESK)
            found[f"{path} at a desk"] = [*axe(page), *look(page)]
            page.set_viewport_size(PHONE)

    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_offices_pages_are_open_to_everybody(people: People, desk: Desk, colours, language):
    number = desk.report()["number"]
    found = {}
    for staff_id, paths in (
        ("dispatcher-qh-1", (*OFFICE, f"/order/{number}")),
        ("admin-qh-1", ADMIN),
    ):
        page = people.staff(staff_id, colours=colours)
        if language == "en":
            page.get_by_role("button", name="English").click()
        for path in paths:
            page.goto(f"{people.url}/office#{path}")
            settle(page)
            expect(page.get_by_text(NO_SUCH_PAGE)).to_have_count(0)
            found[path] = [*axe(page), *look(page)]
            if colours == "light":  # neither width nor words know of colours
                found[path] += look_narrow(page)
        page.keyboard.press("Control+k")
        expect(page.get_by_role("combobox", name=re.compile("编号|number"))).to_be_focused()
        found[f"Ctrl+K of {staff_id}"] = axe(page)

    assert {path: what for path, what in found.items() if what} == {}


def pick_by_arrows(page: Page, level: int, wanted: str) -> None:
    """Choose one in a level of the category, with the arrow keys alone."""
    box = page.locator(f"#answer-category-{level}")
    expect(box).to_be_focused()
    for _ in range(12):
        page.keyboard.press("ArrowDown")
        if box.input_value() == wanted:
            return
    raise AssertionError(f"{wanted} is not among the choices")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_complaint_is_taken_in_down_to_the_third_level_with_the_keyboard(
    people: People, desk: Desk, language
):
    page = people.staff("dispatcher-qh-1")
    if language == "en":
        page.get_by_role("button", name="English").click()
    page.goto(f"{people.url}/office#/intake")
    page.locator("#phone").fill("16900004321")
    page.locator("#kind").select_option("complaint")
    page.locator("#answer-category-1").focus()
    pick_by_arrows(page, 1, "supply_quality")
    page.keyboard.press("Tab")
    pick_by_arrows(page, 2, "supply_quality.voltage")
    page.keyboard.press("Tab")
    pick_by_arrows(page, 3, "supply_quality.voltage.long_abnormal")
    page.locator("#answer-description").fill("晚上电压低，记者来采访过")
    settle(page)
    assert [*axe(page), *look(page), *look_narrow(page)] == []

    page.keyboard.press("Control+Enter")

    opened = page.get_by_role("link", name=re.compile("打开|Open"))
    expect(opened).to_be_visible()
    number = str(opened.get_attribute("href")).rsplit("/", 1)[1]
    told = desk.ask("dispatcher-qh-1", "GET", f"/orders/{number}")
    assert "supply_quality.voltage.long_abnormal" in str(told["facts"])
    advised = [each["data"] for each in told["advice"] if each["move"] == "raise_grade"]
    assert advised == [{"grade": "important", "reason": "media"}]


def test_the_crews_pages_fit_a_phone(people: People, desk: Desk):
    number = desk.report()["number"]
    desk.move("dispatcher-qh-1", number, "dispatch", office="S-QH-04", staff="crew-04-1")
    page = people.staff("crew-04-1", size=PHONE)
    for path in ("/crew", f"/crew/{number}"):
        page.goto(f"{people.url}/office#{path}")
        settle(page)
        assert [*axe(page), *look(page), *look_narrow(page)] == []


def test_the_demo_sign_in_names_people_and_posts(people: People):
    page = people.page(people.context(PHONE))
    page.goto(f"{people.url}/office")
    expect(page.get_by_role("button", name="指挥员 Dispatcher").first).to_be_visible()
    assert [*look(page), *look_narrow(page)] == []


def test_the_work_sheet_and_the_slips_print_with_words_that_can_be_searched(
    people: People, desk: Desk, tmp_path
):
    number = desk.report()["number"]
    page = people.staff("dispatcher-qh-1", size=DESK)
    page.goto(f"{people.url}/office#/order/{number}")
    settle(page)
    sheet = tmp_path / "sheet.pdf"
    page.pdf(path=str(sheet), prefer_css_page_size=True)
    assert sheet.stat().st_size > 5_000


def test_every_character_of_the_trade_is_drawn_and_none_is_a_box(people: People):
    page = people.citizen()
    missing = page.evaluate(
        """() => {
          const draw = (text) => {
            const canvas = document.createElement('canvas');
            canvas.width = canvas.height = 40;
            const pen = canvas.getContext('2d');
            pen.font = '32px ' + getComputedStyle(document.body).fontFamily;
            pen.fillText(text, 2, 34);
            return canvas.toDataURL();
          };
          const box = draw('\\uE123');
          const words = '守灯停电报修投诉举报咨询抢修派单回访归档督办提级';
          return [...words].filter((ch) => draw(ch) === box);
        }"""
    )
    assert missing == []
