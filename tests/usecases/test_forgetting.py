"""People are forgotten when their term is over; the chain stays and still verifies (§2.5)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain import issue
from chalicelib.domain.order import GRADES, Actor, verify_against
from chalicelib.domain.refusal import Unknown
from chalicelib.outbound.objects import Disk
from chalicelib.store import issues, ledger, orders, personal
from chalicelib.store.personal import FileItem
from chalicelib.usecases import clearing, forgetting, papers, verifying
from chalicelib.usecases.handling import Command
from tests.usecases.county import CITY, COUNTY, LINE, NOON, SALT, a_report, file, work

YEAR = timedelta(days=366)


def forget(desk, tmp_path, at):
    files = Disk(tmp_path, secret=b"a secret for files, 32 bytes long!")
    return forgetting.forget(desk, files, at=at, is_out_of_time=lambda: False)


def closed(desk, kind="fault", key="k1"):
    head = file(desk, a_report(kind), key=key).head
    forgetting.remember_to_forget(desk, ledger.event(head.order.order_id, 1))
    return work(desk, head.order.order_id, *LINE, "visit_satisfied", "archive")


def test_after_its_term_nothing_personal_is_left_and_the_chain_verifies(desk, tmp_path):
    head = closed(desk)
    order_id, party = head.order.order_id, str(head.shown["party"])
    at = NOON + YEAR + timedelta(days=1)
    while not forget(desk, tmp_path, at).orders:
        at += timedelta(days=1)
        assert at < NOON + 2 * YEAR

    assert personal.orders_of(party) == []
    assert personal.words(order_id) == {}
    now = orders.get(order_id)
    assert dict(now.shown) == {}
    verify_against(now.order, list(ledger.links(order_id)))


def test_what_was_forgotten_stands_in_a_register(desk, tmp_path):
    head = closed(desk)
    at = NOON + YEAR + timedelta(days=1)
    while not forget(desk, tmp_path, at).orders:
        at += timedelta(days=1)
    register = list(ledger.read(f"forgotten/X1/{at + timedelta(hours=8):%Y}"))
    assert [event.data["order"] for event in register] == [head.order.order_id]


def test_before_its_term_nobody_is_forgotten(desk, tmp_path):
    head = closed(desk)
    done = forget(desk, tmp_path, NOON + timedelta(days=300))
    assert done.orders == 0
    assert personal.orders_of(str(head.shown["party"]))


def test_the_evidence_of_a_graver_complaint_is_kept_longer(desk):
    head = file(desk, a_report("complaint")).head
    order = replace(head.order, closed_at=NOON)
    graver = {grade: forgetting.term(desk, replace(order, grade=grade), NOON) for grade in GRADES}

    assert graver["general"] == graver["important"] == NOON.replace(year=NOON.year + 3)
    assert graver["major"] == graver["special"] == NOON.replace(year=NOON.year + 5)


def test_an_order_still_open_is_postponed(desk, tmp_path):
    head = file(desk).head
    forgetting.remember_to_forget(desk, ledger.event(head.order.order_id, 1))
    done = forget(desk, tmp_path, NOON + timedelta(days=366))
    assert done.postponed == 1
    assert personal.orders_of(str(head.shown["party"]))


# Issues and papers ------------------------------------------------------------------------------


def by_the_host(move, answers, *, minutes=1):
    return Command(
        move=move, actor=Actor("city_host", "h1", CITY), caller="h1", key=f"{move}-{minutes}",
        salt=SALT, at=NOON + timedelta(minutes=minutes), answers=answers,
    )  # fmt: skip


def an_issue(desk, grade="general"):
    """Open an issue that says who complained, with a film of the hall; return its number."""
    note = "王桂英女士反映表后线路电压低"
    sent = clearing.New(source="supervisor", office=COUNTY, note=note, grade=grade)
    number = clearing.create(desk, sent, by_the_host("create", {})).issue.issue_id
    forgetting.remember_to_forget(desk, ledger.event(issue.aggregate(number), 1))
    return number


def terminated(desk, grade="general"):
    number = an_issue(desk, grade)
    answers = {"reason": "false_report", "note": "用户撤回"}
    command = by_the_host("terminate", answers, minutes=2)
    assert clearing.move(desk, number, command).issue.closed_at
    return number


def keep_a_film(tmp_path, chain):
    files = Disk(tmp_path, secret=b"a secret for files, 32 bytes long!")
    files.write("documents/f1.mp4", b"film", content_type="video/mp4")
    details = {"key": "documents/f1.mp4", "type": "video/mp4", "kind": "staff"}
    personal.put_file(FileItem(chain, "f1", NOON, details))
    return files


@pytest.mark.parametrize(("grade", "years"), [("general", 3), ("important", 3), ("major", 5)])
def test_an_issues_words_and_films_go_after_the_term_of_its_grade(desk, tmp_path, grade, years):
    number = terminated(desk, grade)
    chain = issue.aggregate(number)
    files = keep_a_film(tmp_path, chain)
    end = NOON.replace(year=NOON.year + years)

    assert forget(desk, tmp_path, end - timedelta(days=2)).orders == 0
    assert personal.words(chain)
    assert issues.get(number).shown["summary"]

    assert forget(desk, tmp_path, end + timedelta(days=2)).orders == 1
    assert (personal.words(chain), personal.list_files(chain)) == ({}, [])
    assert dict(issues.get(number).shown) == {}
    with pytest.raises(Unknown):
        files.read("documents/f1.mp4", max_bytes=9)
    assert verifying.chain(desk, chain)["ok"]
    assert forget(desk, tmp_path, end + timedelta(days=2)).orders == 0


def test_an_issue_that_is_still_open_keeps_its_words(desk, tmp_path):
    number = an_issue(desk)
    done = forget(desk, tmp_path, NOON.replace(year=NOON.year + 3) + timedelta(days=1))
    assert (done.orders, done.postponed) == (0, 1)
    assert personal.words(issue.aggregate(number))


def a_dropped_paper(desk, kind, office, answers):
    """Open a paper and let it drop, with words; return its chain."""
    supervisor = Actor("supervisor", "s1", CITY)
    command = replace(by_the_host("open", answers, minutes=5), actor=supervisor, caller="s1")
    about = papers.about(answers)
    paper = papers.open_paper(desk, papers.New(kind, office), about, command)
    forgetting.remember_to_forget(desk, ledger.event(paper.paper.order_id, 1))
    words = {"note": "王桂英女士已另行答复"}
    dropping = replace(command, move="drop_paper", key="drop", answers=words)
    assert not papers.move(desk, paper.paper_id, dropping).is_open
    return paper.paper.order_id


def test_a_paper_that_examines_one_citizens_case_goes_with_its_evidence(desk, tmp_path):
    order_id = file(desk, a_report("complaint")).head.order.order_id
    chain = a_dropped_paper(
        desk, "quality_check", COUNTY, {"order": order_id, "picked_by": "reopened"}
    )
    assert personal.words(chain)

    forget(desk, tmp_path, NOON.replace(year=NOON.year + 3) + timedelta(days=2))
    assert personal.words(chain) == {}
    assert verifying.chain(desk, chain)["ok"]


def test_what_an_office_issued_under_its_name_stays(desk, tmp_path):
    chain = a_dropped_paper(desk, "complaint_risk_warning", COUNTY, {"rule": "by_person"})
    for years in (3, 5, 10):
        forget(desk, tmp_path, NOON.replace(year=NOON.year + years) + timedelta(days=2))
    assert personal.words(chain)


def test_the_register_names_the_issue_and_belongs_to_its_office(desk, tmp_path):
    number = terminated(desk)
    at = NOON.replace(year=NOON.year + 3) + timedelta(days=2)
    forget(desk, tmp_path, at)
    register = f"forgotten/{COUNTY}/{at.year}"
    assert [event.data["order"] for event in ledger.read(register)] == [f"issue/{number}"]
    assert verifying.owner(desk, register) == desk.path(COUNTY)
