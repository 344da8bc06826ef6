"""Issues kept: all or nothing, on the lines of three levels, with counts that never drift."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from random import Random
from threading import Barrier
from typing import Any

import pytest

from chalicelib.domain.calendar import local_day
from chalicelib.domain.issue import State, verify_against
from chalicelib.domain.issue_moves import ACTIONS, Made, fire, merge, open_issue
from chalicelib.domain.order import order_number
from chalicelib.domain.refusal import (
    GateClosed,
    KeyReused,
    NotAllowed,
    Refused,
    Stale,
    Unknown,
)
from chalicelib.store import issues, ledger
from chalicelib.store.issues import COLUMNS, Change, Head
from chalicelib.store.rows import House
from tests.builders import a_key
from tests.domain.engine import RULES
from tests.domain.issues import (
    DAYS,
    ISSUE,
    MORNING,
    ORDER,
    PLACE,
    act,
    cleared,
    handled,
    linked,
    made,
    opened,
    visited,
)
from tests.domain.test_issue import somebody
from tests.store.faults import LOST_REPLY, NOT_SENT, Faults

on_both = pytest.mark.usefixtures("any_store")
on_embedded = pytest.mark.usefixtures("store")
CITY = ("P1", "C1")


def begun(name: str = "one", **given: Any) -> Made:
    """Return the opening of an issue of its own."""
    given.setdefault("orders", {ORDER: linked()})
    given.setdefault("source", "complaint")
    return open_issue(
        act("system", person="system", level=""),
        issue_id=order_number(b"a secret of the ledger's tests..", "issues", name),
        place=given.pop("place", PLACE),
        rules=RULES,
        **given,
    )


def keep(made_: Made, before: Head | None = None, **said: Any) -> Head:
    return issues.commit(Change(before, made_, **said))[0]


def step(head: Head, name: str, role: str = "supervisor", **given: Any) -> Head:
    return keep(made(head.issue, name, role, **given), head)


def ids(office: str, view: str, **given: Any) -> list[str]:
    page = issues.listed(office, view, limit=50, **given)
    return [head.issue.issue_id for head in page.items]


@on_both
def test_an_issue_is_read_as_it_was_opened_and_stands_on_the_lines_of_three_levels():
    head = keep(begun(), shown={"summary": "电压低"})
    assert issues.get(head.issue.issue_id) == head
    verify_against(head.issue, ledger.links(f"issue/{head.issue.issue_id}"))
    for office in ("X1", "C1", "P1"):
        assert ids(office, "open") == [head.issue.issue_id]
        assert ids(office, "cleared") == []
    assert issues.counts(CITY)["open"] == 1
    with pytest.raises(Unknown):
        issues.get(ISSUE)


@on_both
def test_a_command_on_a_version_that_is_gone_says_who_was_first():
    head = keep(begun())
    step(head, "assign", office="S1", person="first")
    with pytest.raises(Stale) as refused:
        step(head, "note_tendency")
    facts = refused.value.facts
    assert (facts["by"], facts["move"], facts["version"]) == ("first", "assign", 2)
    assert issues.get(head.issue.issue_id).issue.tendency is False


@on_both
def test_one_key_moves_an_issue_once_and_never_with_another_body():
    head = keep(begun())
    once = made(head.issue, "note_tendency")
    (moved,) = issues.commit(Change(head, once, key=a_key("k")))
    later = made(head.issue, "note_tendency", at=MORNING + DAYS)
    (again,) = issues.commit(Change(head, later, key=a_key("k")))
    assert again == moved
    with pytest.raises(KeyReused):
        issues.commit(Change(head, later, key=a_key("k", body="other")))
    assert len(list(ledger.links(f"issue/{head.issue.issue_id}"))) == 2


@on_embedded
def test_an_answer_that_got_lost_is_read_back(store: House):
    head = keep(begun())
    with Faults(store.connection.client) as faults:
        faults.at(1, LOST_REPLY)
        moved = step(head, "note_tendency")
    assert issues.get(head.issue.issue_id) == moved
    assert issues.counts(CITY)["open"] == 1


@on_embedded
def test_a_call_that_was_never_made_changes_nothing(store: House):
    head = keep(begun())
    with Faults(store.connection.client) as faults:
        faults.on("TransactWriteItems", NOT_SENT)
        with pytest.raises(Refused):
            step(head, "note_tendency")
    assert issues.get(head.issue.issue_id) == head


@on_embedded
def test_of_many_who_move_one_issue_one_wins_and_the_others_are_told_who():
    head = keep(begun())
    ready = Barrier(20)

    def one(turn: int) -> Head | Refused:
        ready.wait()
        try:
            return step(head, "assign", office="S1", person=f"p{turn}")
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(20) as people:
        told = list(people.map(one, range(20)))
    winners = [entry for entry in told if isinstance(entry, Head)]
    losers = [entry for entry in told if isinstance(entry, Stale)]
    assert (len(winners), len(losers)) == (1, 19)
    assert {loser.facts["by"] for loser in losers} == {winners[0].issue.first_contact_owner}
    assert issues.counts(CITY)["open"] == 1


@on_both
def test_a_merger_moves_two_issues_or_none():
    one, two = keep(begun("one")), keep(begun("two"))
    child, parent = merge(
        one.issue, two.issue, act(into=two.issue.issue_id, note="同一件事"), rules=RULES
    )
    step(two, "note_tendency")
    with pytest.raises(Stale):
        issues.commit(Change(one, child), Change(two, parent))
    assert issues.get(one.issue.issue_id) == one
    assert sorted(ids("X1", "open")) == sorted([one.issue.issue_id, two.issue.issue_id])
    kept = issues.get(two.issue.issue_id)
    child, parent = merge(
        one.issue, kept.issue, act(into=two.issue.issue_id, note="同一件事"), rules=RULES
    )
    issues.commit(Change(one, child), Change(kept, parent))
    assert ids("X1", "open") == [two.issue.issue_id]
    assert issues.counts(CITY)["all"] == 1


@on_both
def test_what_is_confidential_lies_on_lines_and_in_counts_of_its_own():
    head = keep(begun(confidential=True))
    assert ids("X1", "open") == []
    assert ids("X1", "open", confidential=True) == [head.issue.issue_id]
    assert issues.counts(CITY)["open"] == 0
    assert issues.counts(CITY, confidential=True)["open"] == 1


@on_both
def test_a_person_finds_what_is_theirs():
    head = step(keep(begun()), "assign", office="S1", staff="liaison7")
    head = step(head, "supervise", owner="owner8")
    for person in ("liaison7", "owner8"):
        assert ids(person, "mine") == [head.issue.issue_id]
        assert issues.mine(person) == 1
    moved = step(head, "assign", office="S1", staff="other")
    assert ids("liaison7", "mine") == []
    assert issues.mine("liaison7") == 0
    assert ids("other", "mine") == [moved.issue.issue_id]


@on_both
def test_s0_25_violations_are_counted_for_unit_and_person_in_the_same_breath():
    for name in ("one", "two"):
        head = keep(begun(name))
        head = step(head, "evidence", "liaison")
        head = step(head, "decide", verdict="upheld", liability="utility_liable")
        head = step(head, "attribute", attribution="person", staff="grid9")
        step(head, "record_violation")
    assert issues.violations("X1", ["S1", "grid9", "nobody"]) == {
        "S1": 2,
        "grid9": 2,
        "nobody": 0,
    }


@on_both
def test_what_was_cleared_is_counted_on_its_day_and_listed_latest_first():
    for turn, name in enumerate(("one", "two")):
        whole = replace(cleared(), cleared_at=MORNING + turn * DAYS)
        first = begun(name)
        after = replace(whole, issue_id=first.issue.issue_id, version=2)
        event = replace(
            first.events[0],
            seq=2,
            name="clear",
            prev=first.events[0].hash,
            recorded_at=MORNING + turn * DAYS,
        )
        keep(Made(after, (event,)), keep(first))
    assert issues.cleared_since(CITY, local_day(MORNING)) == {"X1": 2}
    assert issues.cleared_since(CITY, local_day(MORNING) + timedelta(days=1)) == {"X1": 1}
    assert issues.cleared_since((), local_day(MORNING)) == {"P1": 2}
    found = issues.listed("C1", "cleared", limit=5).items
    assert [head.issue.cleared_at for head in found] == [MORNING + DAYS, MORNING]


@on_embedded
@pytest.mark.parametrize("seed", range(6))
def test_lines_and_counts_agree_with_the_heads_whatever_is_done(seed: int):
    random = Random(seed)  # noqa: S311 - a test's dice
    heads = [keep(begun(str(turn))) for turn in range(4)]
    for _ in range(60):
        place = random.randrange(4)
        name = random.choice(sorted({*ACTIONS} - {"link"}))
        person, role, level = somebody(name, heads[place].issue, random)
        try:
            heads[place] = step(heads[place], name, role, person=person, level=level)
        except Refused:
            late = (heads[place].issue.next_due_at or MORNING) + timedelta(minutes=1)
            fired = fire(heads[place].issue, at=late, rules=RULES)
            if fired is not None:
                heads[place] = keep(fired, heads[place])
    wanted: Counter[str] = Counter()
    for head in heads:
        assert issues.get(head.issue.issue_id).issue == head.issue
        wanted.update(issues._cells(head.issue))
    for path in (("P1",), CITY, ("P1", "C1", "X1")):
        assert issues.counts(path) == {name: wanted[name] for name in COLUMNS}
    for view in issues.VIEWS[:-1]:
        standing = {h.issue.issue_id for h in heads if view in issues.views_of(h.issue)}
        assert set(ids("X1", view)) == standing
    assert issues.board(CITY) == {"X1": issues.counts(("P1", "C1", "X1"))}


@on_both
def test_a_page_ends_where_the_next_begins():
    made_ = [keep(begun(str(turn))).issue.issue_id for turn in range(5)]
    first = issues.listed("P1", "open", limit=2)
    second = issues.listed("P1", "open", limit=2, after=first.after)
    third = issues.listed("P1", "open", limit=2, after=second.after)
    assert third.after is None
    found = [head.issue.issue_id for page in (first, second, third) for head in page.items]
    assert sorted(found) == sorted(made_)


@on_embedded
def test_what_is_due_is_found_and_a_stuck_one_goes_behind_its_neighbours():
    head = keep(begun())
    at = head.issue.next_due_at
    assert at is not None
    ((armed, found),) = issues.due_heads(before=at, limit=5)
    first = min(at, head.look.at) if head.look else at
    assert (armed.order_id, armed.due_at) == (head.issue.issue_id, first)
    assert found is not None
    assert found.issue == head.issue
    issues.park(armed.order_id, was=first, until=at + DAYS)
    assert issues.due_heads(before=at, limit=5) == []


def test_a_training_issue_stands_on_no_line():
    assert list(issues._lines(opened(training=True))) == []
    assert issues.views_of(replace(opened(), state=State.MERGED)) == ()


@on_both
def test_s2_5_a_cleared_line_is_overdue_in_sight_of_all_while_the_regulators_clock_runs():
    head = keep(begun(source="hotline_12398", orders={ORDER: linked(channel="12398")}))
    head = step(head, "regulator_accepted")
    over = replace(head.issue, state=State.FOLLOWED_UP, cleared_at=MORNING, closed_at=MORNING)
    ours = [n for n, clock in over.clocks.items() if clock.is_running and "regulator" not in n]
    stopped = {n: over.clocks[n].stop(over.clocks[n].started_at) for n in ours}
    kept = replace(over, clocks={**over.clocks, **stopped})
    head = issues.commit(Change(head, Made(replace(kept, version=3), ())))[0]
    late = fire(head.issue, at=MORNING + 61 * DAYS, rules=RULES)
    assert late is not None
    head = keep(late, head)
    for office in ("X1", "C1", "P1"):
        assert ids(office, "overdue") == [head.issue.issue_id]
    assert (issues.counts(CITY)["overdue"], issues.counts(CITY)["open"]) == (1, 0)
    head = step(head, "regulator_closed", "city_host", level="city", at=MORNING + 61 * DAYS)
    assert ids("C1", "overdue") == []
    assert issues.counts(CITY)["overdue"] == 0


# Races on what must be decided once --------------------------------------------------------------

RIVALS = 20


def at_once(does: Any) -> list[Any]:
    """Let RIVALS do it at the same moment, each under a name; return what each was told."""
    start = Barrier(RIVALS)

    def one(number: int) -> Any:
        start.wait()
        try:
            return does(number)
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(RIVALS) as people:
        return list(people.map(one, range(RIVALS)))


def investigated(**given: Any) -> Head:
    """Return an issue that is ready to be signed, but for an open investigation of its site."""
    ready = visited(handled(opened(orders={ORDER: linked()})))
    head = keep(Made(replace(ready, version=1), begun().events))
    return step(head, "open_site_investigation", trigger="ordered", **given)


@on_embedded
def test_s1_4_of_twenty_who_conclude_one_investigation_one_wins_and_the_others_are_told_who():
    head = investigated(subject="grid9")

    def conclude(number: int) -> str:
        who = f"judge-{number:02}"
        return step(
            head, "conclude_site_investigation", "city_host", person=who, level="city"
        ).issue.site.concluded_by  # type: ignore[union-attr]  # it was opened

    told = at_once(conclude)

    (winner,) = [each for each in told if isinstance(each, str)]
    losers = [each for each in told if isinstance(each, Stale)]
    assert len(losers) == RIVALS - 1
    assert {(each.facts["by"], each.facts["move"]) for each in losers} == {
        (winner, "conclude_site_investigation")
    }
    now = issues.get(head.issue.issue_id).issue.site
    assert now is not None
    assert (now.concluded_by, now.is_open) == (winner, False)


@on_embedded
def test_s1_4_the_subject_of_an_investigation_loses_even_alone_and_nothing_is_written():
    head = investigated(subject="grid9")
    told = at_once(
        lambda number: step(
            head,
            "conclude_site_investigation",
            "city_host",
            person="grid9" if number else "judge",
            level="city",
        )
    )
    assert sum(isinstance(each, Head) for each in told) <= 1
    assert sum(isinstance(each, NotAllowed) for each in told) == RIVALS - 1
    site = issues.get(head.issue.issue_id).issue.site
    assert site is not None
    assert site.concluded_by == "judge"


@on_embedded
def test_s1_4_a_line_is_never_signed_while_an_investigation_is_being_opened():
    ready = visited(handled(opened(orders={ORDER: linked()})))
    head = keep(Made(replace(ready, version=1), begun().events))

    def race(number: int) -> str:
        who = {"person": f"rival-{number:02}"}
        if number % 2:
            given = {"trigger": "ordered", "level": "city", **who}
            step(head, "open_site_investigation", "city_host", **given)
            return "investigation"
        step(head, "sign", level="county", **who)
        return "signature"

    told = at_once(race)

    assert sum(isinstance(each, str) for each in told) == 1
    now = issues.get(head.issue.issue_id).issue
    won = next(each for each in told if isinstance(each, str))
    assert (now.site is not None, bool(now.sign_offs)) == (
        won == "investigation", won == "signature",
    )  # fmt: skip
    if won == "investigation":
        with pytest.raises(GateClosed) as refused:
            step(issues.get(head.issue.issue_id), "sign")
        assert refused.value.facts["gates"] == ["site_investigation"]
    else:  # who comes later takes the signature back
        again = step(
            issues.get(head.issue.issue_id), "open_site_investigation", "city_host",
            trigger="ordered", level="city",
        )  # fmt: skip
        assert again.issue.sign_offs == {}
