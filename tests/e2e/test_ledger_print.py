"""The ledger, an interview and an issue on paper: what a county signs and files, no more."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.people import DESK, People

HOST = "city-host-lj-1"


@pytest.fixture
def desk_of_city(people: People) -> Page:
    return people.staff(HOST, size=DESK)


def on_paper(page: Page) -> None:
    """Look at the page as it is printed: no navigation, one sheet, and all of it is there."""
    page.emulate_media(media="print")
    expect(page.locator(".print-sheet")).to_be_visible()
    for hidden in ("header.head", "#nav", ".moves", ".tiles", ".issue-list", ".ledger-grid"):
        for each in page.locator(hidden).all():
            expect(each).to_be_hidden()
    assert page.locator("button:visible, select:visible, input:visible").count() == 0


def test_the_ledger_is_printed_as_one_table_with_its_head_and_lines_to_sign(
    people: People, desk_of_city: Page
) -> None:
    page = desk_of_city
    page.goto(f"{people.url}/office#/issues?view=open")
    page.locator(".issue-card").first.wait_for()
    page.evaluate("() => { window.print = () => { document.title = 'printed' } }")
    page.get_by_role("button", name="打印").click()
    expect(page).to_have_title("printed")
    on_paper(page)

    sheet = page.locator(".print-sheet")
    expect(sheet.locator(".sheet-title")).to_have_text("临江市供电公司投诉台账")
    rows = sheet.locator("tbody tr").count()
    expect(sheet.locator(".sheet-about")).to_contain_text(f"共 {rows} 件")
    head = sheet.locator("thead")
    assert head.evaluate("head => getComputedStyle(head).display") == "table-header-group"
    for line in ("经办人", "审核人", "单位负责人", "日期"):
        expect(sheet.locator(".signs")).to_contain_text(line)
    assert re.search(r"(?<!\d)169(\d{8}| \d{4})", sheet.inner_text()) is None


def test_the_record_of_an_interview_has_the_four_statements_and_who_signs(
    people: People, desk_of_city: Page
) -> None:
    page = desk_of_city
    page.goto(f"{people.url}/office#/papers?kind=accountability_interview&office=X-QH")
    page.locator(".issue-card a.where").first.click()
    page.locator(".order-head .num").wait_for()
    on_paper(page)

    sheet = page.locator(".print-sheet")
    expect(sheet.locator(".sheet-title")).to_have_text("临江市供电公司 约谈记录")
    for said in ("存在的问题", "已做的管控和问责", "预控目标", "预控措施"):
        expect(sheet.get_by_role("row", name=said)).to_be_visible()
    expect(sheet.locator(".signs span")).to_have_count(4)
    expect(sheet.locator(".signs")).to_contain_text(re.compile(r"约谈人：\S+.*被约谈人：\S+"))


def test_an_issue_is_printed_as_the_slip_on_which_each_level_signs(
    people: People, desk_of_city: Page
) -> None:
    page = desk_of_city
    page.goto(f"{people.url}/office#/issues?view=cleared")
    page.locator(".issue-card a.where").first.click()
    page.get_by_role("heading", name="销号条件").wait_for()
    on_paper(page)

    sheet = page.locator(".print-sheet")
    expect(sheet.locator(".sheet-title")).to_have_text("清河县供电公司投诉问题销号单")
    for section in ("基本情况", "事件经过", "暴露问题", "整改措施", "工作建议"):
        expect(sheet.get_by_role("row", name=re.compile(f"^{section} .+"))).to_be_visible()
    levels = sheet.locator(".level-signs")
    expect(levels).to_have_count(2)
    for level in ("县级核对", "市级核对"):
        expect(levels.filter(has_text=level).locator(".signs")).to_contain_text("签字")
    assert "今天" not in sheet.inner_text()
