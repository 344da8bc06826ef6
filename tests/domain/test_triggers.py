"""What an issue starts by itself, and when a call to 12398 is 越级 and when it is not."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain import words
from chalicelib.domain.issue import BYPASSES, COMMANDS, Issue, Linked, SiteInvestigation, State
from chalicelib.domain.issue import TRIGGERS as OF_SITE
from chalicelib.domain.issue_moves import Act, advance, order_moved
from chalicelib.domain.limits import parse_override
from chalicelib.domain.triggers import TRIGGERS, Impact, bypass_of, wishes
from tests.domain.engine import RULES
from tests.domain.issues import DAYS, HOURS, MORNING, ORDER, act, linked, made, number, opened

NOBODY_ELSE = Impact()


def system(at: datetime) -> Act:
    return act("system", person="system", level="", at=at)


def joined(issue: Issue, name: str, at: Any = None, **about: Any) -> Any:
    """Link another order to an issue: what was made."""
    at = at or MORNING + DAYS
    order = linked(at=at, occurred_at=at, **about)
    given = act("system", person="system", level="", at=at, order=number(name), reason="repeat")
    return advance(issue, "link", replace(given, linked=order), rules=RULES)


def asked(made_: Any, impact: Impact = NOBODY_ELSE, rules: Any = RULES) -> dict[str, Any]:
    """Return the wishes of the last event, by trigger."""
    found = wishes(made_.events[-1], made_.issue, impact=impact, rules=rules)
    return {wish.trigger: wish for wish in found}


def test_s1_4_a_second_call_to_12398_about_one_issue_starts_an_investigation_on_site():
    first = joined(opened(), "call", channel="12398")
    second = joined(first.issue, "again", MORNING + 2 * DAYS, channel="12398")
    called = made(first.issue, "hotline_call", case_no="12398-2")

    assert "second_12398_call" not in asked(first)
    assert dict(asked(second)["second_12398_call"].data) == {"trigger": "second_12398_call"}
    assert "second_12398_call" in asked(called)


def test_s1_4_not_satisfied_at_a_visit_of_an_order_starts_one_once():
    issue = opened()
    at = MORNING + DAYS
    refused = replace(issue.orders[ORDER], seen=9, visit="dissatisfied", stage="accepted")
    moved = order_moved(issue, ORDER, refused, system(at), rules=RULES)
    assert moved is not None
    later = order_moved(
        moved.issue,
        ORDER,
        replace(refused, seen=10, stage="dispatched"),
        system(at + HOURS),
        rules=RULES,
    )
    assert later is not None

    assert asked(moved)["visit_dissatisfied"].command == "open_site_investigation"
    assert "visit_dissatisfied" not in asked(later)


@pytest.mark.parametrize(
    ("impact", "is_wide"),
    [
        (Impact(households=50), True),
        (Impact(households=49), False),
        (Impact(complaints=3), True),
        (Impact(complaints=2), False),
    ],
)
def test_s1_4_a_wide_impact_starts_one_by_figures_that_an_office_may_set(impact, is_wide):
    link = joined(opened(), "next")
    raw = {
        "id": "site_investigation.households",
        "amount": 10,
        "unit": "customers",
        "effective_from": "2026-01-01",
        "source": "县公司规定",
    }
    own = replace(RULES, book=RULES.book.with_overrides([("X1", parse_override(raw))]))

    assert ("wide_impact" in asked(link, impact)) is is_wide
    assert ("wide_impact" in asked(link, Impact(households=10), own)) is True


def test_no_second_investigation_is_asked_for_while_one_is_open():
    site = SiteInvestigation(("ordered",), MORNING, "u1")
    link = joined(replace(opened(), site=site), "call", channel="12398")
    again = joined(link.issue, "again", MORNING + 2 * DAYS, channel="12398")

    assert "second_12398_call" not in asked(again, Impact(households=900))


def test_s2_3_the_third_complaint_of_a_customer_goes_to_the_province_and_a_neighbours_does_not():
    second = joined(opened(), "second")
    third = joined(second.issue, "third", MORNING + 2 * DAYS)
    near = replace(second.issue.orders[ORDER], reason="same_event")
    neighbour = replace(third.issue, orders={**second.issue.orders, number("third"): near})

    assert "third_complaint" not in asked(second)
    wish = asked(third)["third_complaint"]
    assert (wish.command, wish.level) == ("supervise", "province")
    found = wishes(third.events[-1], neighbour, impact=Impact(), rules=RULES)
    assert "third_complaint" not in {one.trigger for one in found}


def test_s1_30_an_important_complaint_of_ours_is_supervised_by_the_city_once():
    raised = made(opened(), "classify", grade="important", reason="media")
    asked_for = asked(raised)["important_complaint"]
    supervised = advance(
        raised.issue,
        "supervise",
        act("system", person="system", level="city", at=MORNING),
        rules=RULES,
    )

    assert (asked_for.command, asked_for.level) == ("supervise", "city")
    again = made(supervised.issue, "classify", grade="major", reason="media")
    assert "important_complaint" not in asked(again)
    foreign = replace(raised.issue, orders={ORDER: linked(channel="12398")})
    found = wishes(raised.events[-1], foreign, impact=Impact(), rules=RULES)
    assert "important_complaint" not in {one.trigger for one in found}


def test_s1_30_the_rules_of_grades_raise_an_issue_by_what_it_is():
    tends = made(opened(), "note_tendency", role="supervisor")
    call = joined(opened(), "call", channel="12398")

    assert dict(asked(tends)["grade"].data) == {"grade": "important", "reason": "may_bypass"}
    assert dict(asked(call)["grade"].data) == {"grade": "major", "reason": "regulator"}
    assert "grade" not in asked(joined(replace(call.issue, grade="special"), "x", MORNING + DAYS))


@pytest.mark.parametrize("state", [State.CLEARED, State.TERMINATED, State.MERGED])
def test_what_is_over_starts_nothing(state):
    link = joined(opened(), "call", channel="12398")
    over = replace(link.issue, state=state)

    assert wishes(link.events[-1], over, impact=Impact(99, 999), rules=RULES) == ()


def test_s1_27_whatever_is_wished_is_a_command_that_the_system_may_give():
    for trigger in TRIGGERS.values():
        assert "system" in COMMANDS[trigger.command].who
        assert words.has(f"trigger.{trigger.name}")
        assert all(RULES.limit(name, MORNING).enabled for name in trigger.limits)
    assert set(OF_SITE) - {"ordered"} <= set(TRIGGERS)


# 越级 ---------------------------------------------------------------------------------------------

CALL = MORNING + 5 * DAYS


def complaint(**about: Any) -> dict[str, Linked]:
    return {"1": linked(**about)}


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"broken_at": CALL - HOURS}, "overdue"),
        ({"visit": "dissatisfied"}, "dissatisfied"),
        ({"archived_at": CALL - HOURS, "visit": "unreached"}, "archived_uncleared"),
        ({"archived_at": CALL - HOURS, "visit": "satisfied"}, "archived_uncleared"),
    ],
)
def test_s1_27_a_complaint_of_ours_that_was_not_effectively_handled_makes_a_call_a_bypass(
    about, why
):
    found = bypass_of(complaint(**about), called_at=CALL)

    assert found is not None
    assert (found.order_id, found.why, found.at) == ("1", why, CALL)
    assert why in BYPASSES


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"broken_at": CALL + HOURS},
        {"archived_at": CALL + HOURS},
        {"visit": "satisfied"},
        {"visit": "dissatisfied", "kind": "fault"},
        {"visit": "dissatisfied", "kind": "enquiry"},
        {"visit": "dissatisfied", "kind": "grievance"},
        {"visit": "dissatisfied", "channel": "12398"},
        {"visit": "dissatisfied", "channel": "12345"},
        {"visit": "dissatisfied", "occurred_at": CALL + timedelta(minutes=1)},
        {"visit": "dissatisfied", "reason": "same_event"},
    ],
    ids=str,
)
def test_s1_27_any_other_earlier_contact_is_no_bypass(about):
    assert bypass_of(complaint(**about), called_at=CALL) is None


def test_s1_27_a_complaint_that_was_filed_and_cleared_was_handled():
    filed = complaint(archived_at=CALL - DAYS, visit="satisfied")

    assert bypass_of(filed, called_at=CALL, cleared_at=CALL - HOURS) is None
    assert bypass_of(filed, called_at=CALL, cleared_at=CALL + HOURS) is not None


def test_s1_27_a_promise_that_broke_stays_broken_when_the_order_is_worked_again():
    issue = opened()
    broke = replace(issue.orders[ORDER], seen=5, broken_at=MORNING + HOURS)
    first = order_moved(issue, ORDER, broke, system(MORNING + DAYS), rules=RULES)
    assert first is not None
    again = replace(broke, seen=6, broken_at=None, stage="dispatched")
    second = order_moved(first.issue, ORDER, again, system(CALL), rules=RULES)
    assert second is not None

    found = bypass_of(second.issue.orders, called_at=CALL)
    assert found is not None
    assert found.why == "overdue"
