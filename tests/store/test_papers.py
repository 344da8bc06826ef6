"""Papers kept: all or nothing, a line at every office on the path, one decider at a time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from chalicelib.domain.order import verify_against
from chalicelib.domain.papers import PAPERS
from chalicelib.domain.procedure import Advanced
from chalicelib.domain.refusal import KeyReused, Refused, Stale, Unknown
from chalicelib.store import ledger, papers
from chalicelib.store.heads import Key
from chalicelib.store.papers import Change, Head
from infra.bench.meter import Meter
from tests.domain.engine import NOON
from tests.domain.papers import ISSUE, UPPER, by, do, drafted

on_both = pytest.mark.usefixtures("any_store")
on_embedded = pytest.mark.usefixtures("store")
SHOWN = {"path": ["P1", "C1", "X1"]}


def keep(advanced: Advanced, before: Head | None = None, **said: Any) -> Head:
    return papers.commit(Change(before, advanced, **said))[0]


def a_paper(kind: str = "complaint_risk_warning", number: int = 1, **given: Any) -> Head:
    made = drafted(kind, **given)
    chain = f"paper/261123-2222222{number}"
    event = replace(made.event, aggregate=chain)
    order = replace(made.order, order_id=chain, tip=event.hash)
    return keep(Advanced(order, event), shown=SHOWN)


def ids(office: str, state: str = "open", **given: Any) -> list[str]:
    kinds = given.pop("kinds", ("complaint_risk_warning",))
    page = papers.listed(office, state, kinds=kinds, limit=50, **given)
    return [line.paper_id for line in page.items]


def moved(head: Head, name: str, **given: Any) -> Head:
    return keep(do(head.paper, name, **given), head)


@on_both
def test_a_paper_is_read_as_it_was_opened_and_listed_at_every_office_on_its_path():
    head = a_paper()
    assert papers.get(head.paper_id) == head
    verify_against(head.paper, ledger.links(head.paper.order_id))
    for office in ("P1", "C1", "X1"):
        assert ids(office) == [head.paper_id]
    assert ids("X2") == []
    with pytest.raises(Unknown):
        papers.get("261123-AAAAAAAA")


@on_both
def test_a_line_moves_with_its_paper_and_there_is_never_a_second_one():
    head = a_paper()
    for name in ("issue_warning", "receipt", "report_action", "return_action", "report_action"):
        head = moved(head, name)
        (line,) = papers.listed("C1", "open", kinds=("complaint_risk_warning",), limit=9).items
        assert line.row["stage"] == head.paper.stage
    head = moved(head, "accept_action")
    assert (ids("C1"), ids("C1", "closed")) == ([], [head.paper_id])


@on_both
def test_what_is_confidential_is_listed_apart():
    head = a_paper(facts={"confidential": True})
    assert ids("X1") == []
    assert ids("X1", confidential=True) == [head.paper_id]


@on_both
def test_what_is_published_is_listed_by_the_office_that_published_it_alone():
    head = moved(a_paper("circular"), "publish")
    kinds = ("circular",)
    assert ids("X1", "published", kinds=kinds) == [head.paper_id]
    assert ids("C1", "published", kinds=kinds) == []
    assert ids("C1", "closed", kinds=kinds) == [head.paper_id]


@on_both
def test_the_papers_of_an_issue_are_found_by_it():
    appeal = a_paper("appeal", 1)
    entry = a_paper("accountability", 2)
    assert {line.paper_id for line in papers.of_issue(ISSUE)} == {appeal.paper_id, entry.paper_id}
    assert papers.of_issue("") == []


@on_both
def test_s0_25_who_was_accountable_is_counted_until_it_is_dropped_or_reversed():
    head = a_paper("accountability")
    assert [each for each, _ in papers.accountable("X1", "crew7")] == [head.paper_id]
    assert [each for each, _ in papers.accountable("X1")] == [head.paper_id]
    moved(head, "reverse")
    assert papers.accountable("X1", "crew7") == papers.accountable("X1") == []


@on_both
def test_one_key_moves_a_paper_once_and_another_body_is_refused():
    head = a_paper()
    made, key = do(head.paper, "issue_warning"), Key("0a" * 16, "0b" * 16, 2)
    assert keep(made, head, key=key) == keep(made, head, key=key)
    other = do(head.paper, "issue_warning", note="另", actor=by("leader", "x", UPPER))
    with pytest.raises(KeyReused):
        keep(other, head, key=Key("0a" * 16, "0c" * 16, 2))


@on_both
def test_several_papers_change_together_or_not_at_all():
    appeal, entry = a_paper("appeal", 1), a_paper("accountability", 2)
    moved(entry, "note")
    both = (
        Change(appeal, do(appeal.paper, "note")),
        Change(entry, do(entry.paper, "reverse")),
    )
    with pytest.raises(Stale):
        papers.commit(*both)
    assert papers.get(appeal.paper_id) == appeal


@on_embedded
def test_s0_32_of_ten_who_decide_one_appeal_at_once_one_wins():
    head = a_paper("appeal")
    for name, who in (
        ("attach_evidence", by("supervisor", "opener")),
        ("sign_first", by(str(head.paper.facts["proposer"]), str(head.paper.facts["proposer"]))),
        ("sign_second", by("supervisor", "second")),
        ("sign_third", by("leader", "third")),
    ):
        actor = who if name != "sign_first" else by("supervisor", str(head.paper.facts["proposer"]))
        head = moved(head, name, actor=actor)
    start = Barrier(10)

    def decide(number: int) -> str:
        name = "uphold_appeal" if number % 2 else "reject_appeal"
        made = do(head.paper, name, actor=by("supervisor", f"judge-{number}", UPPER))
        start.wait()
        try:
            return str(keep(made, head).paper.facts["decided_by"])
        except Refused as refused:
            return refused.slug

    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(decide, range(10)))
    winners = [each for each in results if each.startswith("judge-")]
    assert len(winners) == 1
    assert set(results) - set(winners) <= {"stale", "busy"}
    now = papers.get(head.paper_id)
    assert now.paper.facts["decided_by"] == winners[0]
    verify_against(now.paper, ledger.links(now.paper.order_id))
    assert ids("C1", "closed", kinds=("appeal",)) == [now.paper_id]


@on_both
def test_what_is_due_is_found_for_every_county_together_and_can_be_parked():
    head = a_paper()
    due_at = head.paper.next_due_at
    assert due_at is not None
    assert papers.due_heads(before=due_at - timedelta(seconds=1), limit=9) == []
    ((armed, found),) = papers.due_heads(before=due_at, limit=9)
    assert (armed.order_id, found and found.paper) == (head.paper.order_id, head.paper)
    papers.park(armed.order_id, was=due_at, until=NOON + timedelta(days=99))
    assert papers.due_heads(before=due_at, limit=9) == []


def test_a_page_costs_one_call_a_kind_however_many_there_are(store):
    for number in range(2, 9):
        a_paper(number=number)
    with Meter(store.connection.client) as spent:
        page = papers.listed("C1", "open", kinds=("complaint_risk_warning",), limit=3)
    assert len(page.items) == 3
    assert len(spent.record) == 1
    rest = papers.listed("C1", "open", kinds=("complaint_risk_warning",), limit=9, after=page.after)
    assert len(rest.items) == 4
    assert rest.after is None


def test_a_page_of_every_kind_together_costs_one_call_and_is_in_the_same_order(store):
    kinds = sorted(PAPERS)
    made = [a_paper(kind, number).paper_id for number, kind in enumerate(kinds, 2)]
    with Meter(store.connection.client) as spent:
        page = papers.listed("C1", "open", kinds=kinds, limit=4)
    assert len(spent.record) == 1
    rest = papers.listed("C1", "open", kinds=kinds, limit=20, after=page.after)
    found = [*page.items, *rest.items]
    assert sorted(line.paper_id for line in found) == sorted(made)
    assert [line.place for line in found] == sorted(line.place for line in found)
    with Meter(store.connection.client) as spent:
        some = papers.listed("C1", "open", kinds=kinds[:3], limit=20)
    assert (len(some.items), len(spent.record)) == (3, 3)
