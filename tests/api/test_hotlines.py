"""A complaint's issue as its reporter, the regulator's answer and a curious colleague meet it."""

import io
import zipfile
from xml.etree import ElementTree as ET

import pytest

from chalicelib.domain.calendar import local_day
from chalicelib.store import ledger, traces
from chalicelib.usecases import linking
from tests.api.conftest import COUNTY, PHONE, Api

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
LOW = {"category": "supply_quality", "description": "晚上电压低，灯发暗"}
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def complained(api: Api, kind: str = "complaint", **fields: object) -> tuple[str, str]:
    """Return number and token of a complaint that has reached the ledger."""
    answers = {"theme": "conduct", "description": "吃拿卡要"} if kind != "complaint" else LOW
    number, token = api.reported(kind=kind, answers=answers, **fields)
    linking.follow(api.desk(), number, at=api.at)
    return number, token


def case_of_12398(api: Api) -> str:
    """Return the number of a case that the regulator's hotline handed on."""
    taken = api.post(
        "/api/v1/orders",
        {"kind": "complaint", "channel": "12398", "case_no": "12398-20261122-7", "phone": PHONE,
         "answers": LOW},
        as_="dispatcher-1",
    )  # fmt: skip
    assert taken.status == 201, taken.raw.decode()
    number = str(taken.body["number"])
    linking.follow(api.desk(), number, at=api.at)
    return number


def read(api: Api, number: str, token: str, **said: str):
    return api.get(f"/api/v1/public/orders/{number}", token=token, **said).body["issue"]


def say(api: Api, number: str, token: str, what: str, note: str = "还是不亮"):
    return api.post(f"/api/v1/public/orders/{number}/{what}", {"note": note}, token=token)


def test_s1_32_whoever_complained_sees_how_far_it_is_in_plain_words(api):
    number, token = complained(api)
    issue = traces.issue_of(number)

    first = read(api, number, token)
    assert (first["step"], first["can"]) == ("open", ["add"])
    assert first["text"] == "已列入投诉台账，正在安排专人处理"
    assert "complaint ledger" in read(api, number, token, language="en")["text"]

    contacted = api.post(
        f"/api/v1/issues/{issue}/moves/contact", {"by": "phone", "note": "已联系"},
        as_="dispatcher-1",
    )  # fmt: skip
    assert contacted.status == 200, contacted.raw.decode()
    assert (read(api, number, token)["step"], read(api, number, token)["can"]) == (
        "handling", ["add", "not_solved"],
    )  # fmt: skip


def test_they_may_add_and_say_that_it_is_not_solved(api):
    number, token = complained(api)
    issue = traces.issue_of(number)
    early = say(api, number, token, "not-solved")
    assert early.status == 409

    assert say(api, number, token, "add").status == 200
    api.post(
        f"/api/v1/issues/{issue}/moves/contact", {"by": "phone", "note": "已联系"},
        as_="dispatcher-1",
    )  # fmt: skip
    assert say(api, number, token, "not-solved").status == 200
    assert say(api, number, token, "add", note="").status == 422
    said = [each.name for each in ledger.read(f"issue/{issue}")]
    assert said[-3:] == ["add", "contact", "not_solved"]
    assert say(api, number, "x" * 22, "add").status == 404


def test_an_enquiry_has_no_issue_and_nothing_can_be_said_to_one(api):
    number, token = api.reported()

    assert read(api, number, token) is None
    assert say(api, number, token, "add").status == 404


def test_s1_26_the_issue_of_a_misconduct_report_is_told_to_nobody_but_discipline(api):
    number, token = complained(api, "misconduct_report")
    issue = traces.issue_of(number)

    assert read(api, number, token) is None
    assert say(api, number, token, "add").status == 404
    for path in ("", "/proof", "/letter"):
        for who in ("dispatcher-1", "supervisor-1", "crew-1"):
            assert api.get(f"/api/v1/issues/{issue}{path}", as_=who, Accept=DOCX).status in {
                403, 404,
            }  # fmt: skip
    assert api.get(f"/api/v1/issues/{issue}", as_="discipline-1").status == 200
    rows = api.get("/api/v1/issues", as_="supervisor-1").body["items"]
    assert issue not in {row["issue_id"] for row in rows}


def test_a_repeated_complaint_that_is_not_certain_is_proposed_on_the_issues_page(api):
    number, _ = complained(api)
    near, _ = complained(api, phone="13900000002")
    issue = traces.issue_of(number)

    (proposed,) = api.get(f"/api/v1/issues/{issue}", as_="supervisor-1").body["proposals"]

    assert proposed["order_id"] == near
    assert (proposed["reason"], proposed["score"]) == ("same_event", 0.5)
    page = api.post(
        f"/api/v1/issues/{issue}/moves/link",
        {"order": near, "reason": "same_event"},
        as_="supervisor-1",
    )
    assert page.status == 422
    assert page.body["errors"][0]["code"] == "issue.order_elsewhere"


def test_s1_27_the_company_proves_that_it_was_asked_first(api):
    number, _ = complained(api)
    api.move(number, "dispatch", "dispatcher-1", office=COUNTY)
    case = case_of_12398(api)
    issue = traces.issue_of(case)
    assert issue == traces.issue_of(number)

    (row,) = api.get(f"/api/v1/issues/{issue}/proof", as_="supervisor-1").body["items"]

    assert (row["order_id"], row["is_before"], row["channel"]) == (number, True, "web")
    assert [step["name"] for step in row["events"]] == ["opened", "dispatch"]


def test_a_letter_to_the_regulator_is_drafted_without_anybodys_data_and_on_record(api):
    number, _ = complained(api)
    api.move(number, "dispatch", "dispatcher-1", office=COUNTY)
    issue = traces.issue_of(case_of_12398(api))
    path = f"/api/v1/issues/{issue}/letter"

    letter = api.get(path, as_="supervisor-1", Accept=DOCX)

    assert letter.status == 200
    document = ET.fromstring(  # noqa: S314 - made a line above
        zipfile.ZipFile(io.BytesIO(letter.raw)).read("word/document.xml")
    )
    text = "".join(document.itertext())
    assert "12398 能源监管热线" in text
    assert "编号 12398-20261122-7" in text
    assert "已就该事项向我单位反映 1 次" in text
    assert number in text
    assert "供电质量投诉" in text
    assert PHONE not in text
    assert "欧阳" not in text
    access = list(ledger.read(f"access/{COUNTY}/{local_day(api.at).isoformat()}"))
    assert dict(access[-1].data) == {"issue": issue, "letter": True}
    assert api.get(path, as_="supervisor-1", Accept="application/json").status == 422
    assert api.get(path, as_="auditor-1", Accept=DOCX).status == 403


def test_who_looks_at_a_person_from_an_issue_says_why_and_stands_on_record(api):
    number, _ = complained(api)
    other, _ = api.reported()
    issue = traces.issue_of(number)
    path = f"/api/v1/issues/{issue}/reveal"

    shown = api.post(path, {"order": number, "reason": "约定上门时间"}, as_="dispatcher-1")

    assert shown.status == 200
    assert shown.body["phone"].endswith(PHONE[-4:])
    last = list(ledger.read(f"access/{COUNTY}/{local_day(api.at).isoformat()}"))[-1]
    assert dict(last.data) == {"order": number, "reason": "约定上门时间", "issue": issue}
    assert api.post(path, {"order": number, "reason": ""}, as_="dispatcher-1").status == 422
    elsewhere = api.post(path, {"order": other, "reason": "想看看"}, as_="dispatcher-1")
    assert elsewhere.body["errors"][0]["code"] == "issue.order_not_linked"
    assert api.post(path, {"order": number, "reason": "想看看"}, as_="auditor-1").status == 403


def test_an_anonymous_complainant_is_nobody_to_look_at(api):
    filed = api.post(
        "/api/v1/public/orders", {"kind": "complaint", "anonymous": True, "answers": LOW}
    )
    number = filed.body["number"]
    linking.follow(api.desk(), number, at=api.at)
    issue = traces.issue_of(number)
    page = api.get(f"/api/v1/issues/{issue}", as_="supervisor-1").body

    assert page["issue_id"] == issue
    path = f"/api/v1/issues/{issue}/reveal"
    assert api.post(path, {"order": number, "reason": "想看看"}, as_="dispatcher-1").status == 404


@pytest.mark.parametrize("name", ["proof", "letter"])
def test_what_is_elsewhere_answers_as_if_it_were_not_there(api, name):
    number, _ = complained(api)
    path = f"/api/v1/issues/{traces.issue_of(number)}/{name}"

    assert api.get(path, as_="stranger-1", Accept=DOCX).status == 404
    assert api.get(f"/api/v1/issues/{number}/{name}", as_="supervisor-1", Accept=DOCX).status == 404
