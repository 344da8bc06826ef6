"""Every procedure × stage × move: what the table allows lands there, all else is refused."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib.domain.order import Link, Order, verify, verify_against
from chalicelib.domain.procedure import (
    ACTIONS,
    GATES,
    READERS,
    Form,
    advance,
    effects,
    fire,
    moves_open_to,
    next_due,
)
from chalicelib.domain.procedures import PROCEDURES
from chalicelib.domain.refusal import BadInput, GateClosed, IllegalMove, NotAllowed, Refused
from chalicelib.domain.staff import Outsider, Role
from tests.domain.engine import (
    FAULT_LINE,
    MINUTE,
    NOON,
    RULES,
    actor,
    do,
    opened,
    step_for,
    walk,
)

KINDS = sorted(PROCEDURES)
EVERY = [(kind, stage) for kind in KINDS for stage in PROCEDURES[kind].stages]
EVERY_MOVE = sorted({name for procedure in PROCEDURES.values() for name in procedure.moves})
ROLES = [*Role, *Outsider]


def at_stage(kind, stage):
    """Return an order that stands in a stage, with facts under which gates can be met."""
    order = opened(kind).order
    children = stage == "merged"
    return replace(
        order,
        stage=stage,
        parent="1000000000000014" if children else "",
        stage_before="accepted" if children else "",
        closed_at=NOON if stage in PROCEDURES[kind].final else None,
        facts={**order.facts, "visit": "satisfied"},
    )


def test_the_nine_kinds_of_the_trade_are_there():
    assert KINDS == [
        "complaint", "compliment", "enquiry", "fault", "grievance", "misconduct_report", "opinion",
        "service_request", "suggestion",
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "stage"), EVERY)
def test_every_move_lands_where_the_table_says_or_is_refused(kind, stage):
    order = at_stage(kind, stage)
    procedure = PROCEDURES[kind]
    for name in EVERY_MOVE:
        move = procedure.moves.get(name)
        if move is None or stage not in move.edges:
            some = move or next(p.moves[name] for p in PROCEDURES.values() if name in p.moves)
            step = step_for(some, order, at=NOON + MINUTE)
            with pytest.raises(IllegalMove):
                advance(order, step, procedures=PROCEDURES, rules=RULES)
            continue
        step = step_for(move, order, at=NOON + MINUTE)
        made = attempt(order, step)
        if isinstance(made, GateClosed):
            assert set(made.facts["gates"]) <= set(move.gates)
        elif isinstance(made, BadInput):
            assert {error.field for error in made.errors} <= {"supervision", "child"}
        else:
            moved = {"unmerge": order.stage_before, "correct_kind": "accepted"}
            assert made.order.stage == moved.get(name, move.edges[stage])
            assert made.event.seq == order.version + 1
            assert made.event.prev == order.tip


def attempt(order, step):
    """Return what a step makes, or the refusal that its gates or its answers met."""
    try:
        return advance(order, step, procedures=PROCEDURES, rules=RULES)
    except (GateClosed, BadInput) as refused:
        return refused


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_not_named_by_a_move_may_not_make_it(kind):
    procedure = PROCEDURES[kind]
    for move in procedure.moves.values():
        order = at_stage(kind, next(iter(move.edges)))
        for role in ROLES:
            if role in move.who:
                continue
            step = step_for(move, order, role=role, at=NOON + MINUTE)
            with pytest.raises(NotAllowed):
                advance(order, step, procedures=PROCEDURES, rules=RULES)


@pytest.mark.parametrize("kind", KINDS)
def test_every_required_answer_is_asked_for_by_name(kind):
    for move in PROCEDURES[kind].moves.values():
        order = at_stage(kind, next(iter(move.edges)))
        required = {need.name for need in move.needs if need.required}
        bare = replace(step_for(move, order, at=NOON + MINUTE), data={}, words={})
        if not required:
            continue
        with pytest.raises(BadInput) as refused:
            advance(order, bare, procedures=PROCEDURES, rules=RULES)
        assert {error.field for error in refused.value.errors} == required


@pytest.mark.parametrize("kind", KINDS)
def test_tables_name_only_what_exists(kind):
    procedure = PROCEDURES[kind]
    assert procedure.first in procedure.stages
    assert procedure.final <= set(procedure.stages)
    for move in procedure.moves.values():
        assert set(move.edges) | set(move.edges.values()) <= set(procedure.stages)
        assert set(move.gates) <= set(GATES)
        assert set(move.does) <= set(ACTIONS)
        assert move.who <= {role.value for role in ROLES}
        assert move.why
        assert all(need.form in READERS for need in move.needs)
        assert all(need.choices for need in move.needs if need.form is Form.CHOICE)
    for rule in procedure.clocks:
        known = set(procedure.moves) | {"opened"}
        assert rule.starts & known
        assert rule.stops & known


def test_every_gate_and_action_is_used_by_a_move():
    moves = [move for procedure in PROCEDURES.values() for move in procedure.moves.values()]
    assert {gate for move in moves for gate in move.gates} == set(GATES)
    assert {action for move in moves for action in move.does} == set(ACTIONS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_stage_can_be_reached_and_every_open_stage_left(kind):
    procedure = PROCEDURES[kind]
    reached = {procedure.first} | {
        move.divert.to for move in procedure.moves.values() if move.divert
    }
    for _ in procedure.stages:
        reached |= {
            to
            for move in procedure.moves.values()
            for at, to in move.edges.items()
            if at in reached
        }
    left = {at for move in procedure.moves.values() for at, to in move.edges.items() if to != at}
    assert reached == set(procedure.stages)
    assert set(procedure.stages) - procedure.final <= left


@pytest.mark.parametrize("kind", KINDS)
def test_every_open_order_is_armed(kind):
    order = opened(kind).order
    assert order.next_due_at is not None
    assert next_due(order, procedure=PROCEDURES[kind], rules=RULES) is not None


def test_a_refused_move_changes_nothing():
    order = opened("fault").order
    before = order.to_json()

    for name in ("arrive", "archive", "approve_reply"):
        with pytest.raises(Refused):
            do(order, name)

    assert order.to_json() == before


def test_the_main_line_of_a_fault_ends_archived_and_its_chain_verifies():
    made = [opened("fault")]
    line = (
        "dispatch", "receive", "set_out", "arrive", "restore", "reply", "approve_reply",
        "visit_satisfied", "archive",
    )  # fmt: skip
    for name in line:
        made.append(do(made[-1].order, name))
    links = [Link(m.event.seq, m.event.body(), m.event.prev, m.event.hash) for m in made]

    head = verify_against(made[-1].order, links)

    assert head.stage == "archived"
    assert head.next_due_at is None
    assert head.closed_at is not None
    assert verify(head.order_id, links) == head


def test_s0_8_low_voltage_orders_go_straight_to_the_grid_cells_staff():
    order = opened("fault", facts={"low_voltage": True}).order
    made = do(order, "dispatch_grid", "dispatcher", staff="grid3")
    assert made.order.assignee == "grid3"

    high = opened("fault", facts={"low_voltage": None}).order
    with pytest.raises(GateClosed) as refused:
        do(high, "dispatch_grid", "dispatcher")
    assert refused.value.facts["gates"] == ["low_voltage"]


def test_s2_6_the_first_of_the_staff_to_touch_an_order_answers_for_it_for_life():
    order = do(opened("fault").order, "dispatch", "dispatcher").order
    assert order.first_contact_owner == "u1"

    later = do(order, "receive", "crew").order
    assert later.first_contact_owner == "u1"

    by_agent = opened("fault", by=actor("agent", "a9")).order
    assert by_agent.first_contact_owner == "a9"


def test_a_rejected_order_goes_back_to_the_desk_and_its_clocks_run_on():
    order = walk(opened("fault").order, "dispatch")
    assert order.clocks["dispatch"].stopped_at is not None

    back = do(order, "reject", "crew").order

    assert back.stage == "accepted"
    assert back.office == "X1"
    assert back.bounces == 1
    assert back.clocks["dispatch"].stopped_at is None
    assert back.clocks["arrive"].started_at == NOON


def test_the_third_bounce_goes_to_a_final_ruling_after_which_nobody_may_reject():
    order = opened("fault").order
    for _ in range(2):
        order = walk(order, "dispatch", "reject")
    assert order.stage == "accepted"

    order = walk(order, "dispatch", "reject")
    assert order.stage == "final_ruling"

    order = do(order, "rule", "supervisor").order
    assert order.stage == "dispatched"
    with pytest.raises(GateClosed) as refused:
        do(order, "reject", "crew")
    assert refused.value.facts["gates"] == ["not_ruled"]


def test_a_hold_stands_the_pausable_clocks_and_the_legal_one_runs_on():
    order = walk(opened("complaint").order, "dispatch", "receive")
    held = do(order, "suspend", "crew").order

    assert held.clocks["promise"].is_paused
    assert not held.clocks["legal"].is_paused
    assert held.suspended is not None

    with pytest.raises(IllegalMove):
        do(held, "reply", "crew")
    resumed = do(held, "resume", "crew").order
    assert resumed.suspended is None
    assert not resumed.clocks["promise"].is_paused


def test_a_hold_beyond_its_longest_is_refused():
    order = walk(opened("complaint").order, "dispatch", "receive")
    with pytest.raises(BadInput) as refused:
        do(order, "suspend", "crew", until=NOON + timedelta(days=40))
    assert refused.value.errors[0].field == "until"


def test_a_hold_that_ran_out_ends_by_itself_and_the_clocks_run_from_there():
    order = walk(opened("complaint").order, "dispatch", "receive")
    held = do(order, "suspend", "crew").order
    assert held.suspended is not None
    until = held.suspended.until

    fired = fire(held, at=until + 5 * MINUTE, procedures=PROCEDURES, rules=RULES)

    assert fired is not None
    assert fired.order.suspended is None
    assert fired.order.clocks["promise"].pauses[-1][1] == until


def test_expediting_is_counted_and_limited():
    order = walk(opened("fault").order, "expedite", "expedite")
    assert order.expedites == 2
    with pytest.raises(GateClosed):
        do(order, "expedite")


def test_s0_31_a_supervision_is_a_record_of_its_own_and_closes_no_order_unanswered():
    order = walk(opened("fault").order, "dispatch", "receive")
    with pytest.raises(GateClosed) as nothing:
        do(order, "answer_supervision", "crew", supervision="1")
    assert nothing.value.facts["gates"] == ["supervision_open"]
    watched = do(order, "supervise", "supervisor", owner="crew7").order
    key = f"supervision:{watched.version}"

    assert watched.office == order.office
    assert watched.facts[key] == ["crew7", "u1", "open"]
    done = walk(watched, "arrive", "restore", "reply", "approve_reply", "visit_satisfied")
    with pytest.raises(GateClosed) as refused:
        do(done, "archive")
    assert refused.value.facts["gates"] == ["supervisions_answered"]

    answered = do(done, "answer_supervision", "crew", supervision=key.split(":")[1]).order
    assert do(answered, "archive").order.stage == "archived"


def test_s1_30_escalating_lets_a_higher_level_take_the_order_over():
    order = walk(opened("complaint").order, "dispatch")
    taken = do(order, "escalate", "supervisor", office="C1").order

    assert taken.office == "C1"
    assert taken.county == "X1"
    assert taken.stage == order.stage


def graded(*grades: str) -> Order:
    """Return a complaint that rose through these grades."""
    order = walk(opened("complaint").order, "dispatch")
    for grade in grades:
        order = do(order, "raise_grade", "dispatcher", grade=grade).order
    return order


def test_s1_30_a_complaint_begins_general_and_rises_only_upward_and_with_a_reason():
    order = graded()
    assert order.grade == "general"

    made = do(order, "raise_grade", "dispatcher", grade="major", reason="media")
    assert made.order.grade == "major"
    assert made.event.name == "raise_grade"
    assert made.event.data == {"grade": "major", "reason": "media", "ledger": True}
    for grade in ("general", "important", "major"):
        with pytest.raises(BadInput) as refused:
            do(made.order, "raise_grade", "dispatcher", grade=grade)
        assert [error.field for error in refused.value.errors] == ["grade"]
    with pytest.raises(BadInput) as refused:
        do(order, "raise_grade", "dispatcher", grade="", reason="", note="")
    assert [error.field for error in refused.value.errors] == ["grade", "reason", "note"]

    top = do(made.order, "raise_grade", "dispatcher", grade="special").order
    with pytest.raises(GateClosed) as closed:
        do(top, "raise_grade", "dispatcher", grade="special")
    assert closed.value.facts["gates"] == ["grade_can_rise"]


def test_a_grade_falls_by_correction_alone_and_no_text_goes_out():
    order = graded("major")
    with pytest.raises(NotAllowed):
        do(order, "correct_grade", "dispatcher", grade="general")
    with pytest.raises(BadInput):
        do(order, "correct_grade", "supervisor", grade="special")

    made = do(order, "correct_grade", "supervisor", grade="important")

    assert made.order.grade == "important"
    assert made.event.tells == ()
    assert [each.kind for each in effects(made.event)] == ["ledger"]
    with pytest.raises(GateClosed) as refused:
        do(graded(), "correct_grade", "supervisor", grade="general")
    assert refused.value.facts["gates"] == ["grade_can_fall"]


@pytest.mark.parametrize("held", [False, True])
def test_s1_30_a_grade_that_rises_tightens_our_own_clock_from_the_same_start_held_or_not(held):
    order = walk(opened("complaint").order, "dispatch", "receive")
    if held:
        order = do(order, "suspend", "crew").order
    ours = order.clocks["internal"]

    risen = do(order, "raise_grade", "supervisor", grade="major").order

    tighter = risen.clocks["internal"]
    assert (tighter.limit, tighter.started_at) == ("issue.internal.major", ours.started_at)
    assert tighter.pauses == ours.pauses
    assert tighter.amount == 2 < ours.amount
    others = {name: clock for name, clock in order.clocks.items() if name != "internal"}
    assert others.items() <= risen.clocks.items()
    assert (risen.stage, risen.office) == (order.stage, order.office)


def test_s1_30_a_grade_that_was_wrong_gives_its_time_back_and_a_stopped_clock_stays_stopped():
    order = walk(opened("complaint").order, "dispatch", "receive")
    risen = do(order, "raise_grade", "supervisor", grade="special").order
    back = do(risen, "correct_grade", "supervisor", grade="general").order
    assert back.clocks["internal"] == order.clocks["internal"]

    replied = walk(order, "contact", "reply")
    later = do(replied, "raise_grade", "supervisor", grade="special").order
    assert later.clocks["internal"] == replied.clocks["internal"]


@pytest.mark.parametrize(
    ("grade", "level"), [("important", "county"), ("major", "city"), ("special", "province")]
)
def test_s2_3_a_graver_complaint_is_told_at_once_to_the_level_of_its_criteria(grade, level):
    made = do(graded(), "raise_grade", "dispatcher", grade=grade)

    told, copied = effects(made.event)

    assert copied.kind == "ledger"
    assert (told.kind, told.name, told.data["target"]) == ("alert", grade, level)
    assert effects(replace(made.event, data={**made.event.data, "training": True})) == ()


def test_four_things_stay_four_a_notice_a_higher_office_a_grade_and_a_supervision():
    order = graded()
    late = fire(order, at=NOON + timedelta(days=60), procedures=PROCEDURES, rules=RULES)
    assert late is not None
    taken = do(order, "escalate", "supervisor", office="C1").order
    risen = do(order, "raise_grade", "supervisor", grade="major").order
    watched = do(order, "supervise", "supervisor").order

    def four(now):
        told = any("city" in clock.fired for clock in now.clocks.values())
        supervised = any(name.startswith("supervision:") for name in now.clocks)
        return (told, now.office != order.office, now.grade != order.grade, supervised)

    assert four(late.order) == (True, False, False, False)
    assert four(taken) == (False, True, False, False)
    assert four(risen) == (False, False, True, False)
    assert four(watched) == (False, False, False, True)


def test_complaints_alone_have_a_grade_and_a_corrected_kind_gains_or_loses_it():
    assert [kind for kind in KINDS if "raise_grade" in PROCEDURES[kind].moves] == ["complaint"]
    assert {kind for kind in KINDS if opened(kind).order.grade} == {"complaint"}

    milder = do(graded("major"), "correct_kind", "dispatcher", kind="grievance").order
    assert milder.grade == ""
    graver = do(milder, "correct_kind", "dispatcher", kind="complaint").order
    assert graver.grade == "general"


def test_a_merged_child_waits_for_its_parent_and_unmerging_undoes_it_all():
    order = walk(opened("fault").order, "dispatch")
    child = do(order, "merge", "dispatcher").order
    assert child.stage == "merged"
    assert child.next_due_at is None

    back = do(child, "unmerge", "dispatcher").order

    assert back.stage == "dispatched"
    assert back.parent == ""
    assert back.clocks["arrive"] == order.clocks["arrive"]


def test_an_order_cannot_be_merged_into_itself():
    order = opened("fault").order
    with pytest.raises(BadInput) as refused:
        do(order, "merge", "dispatcher", parent=order.order_id)
    assert refused.value.errors[0].code == "parent.itself"


def test_archiving_a_parent_follows_each_child():
    parent = do(opened("fault").order, "absorb", "dispatcher").order
    done = walk(
        parent, "dispatch", "receive", "arrive", "reply", "approve_reply", "visit_satisfied"
    )
    made = do(done, "archive")

    follows = [effect for effect in effects(made.event) if effect.kind == "follow"]

    assert [effect.data["child"] for effect in follows] == list(parent.children)


def test_s1_4b_a_dissatisfied_visit_reopens():
    order = walk(opened("fault").order, "dispatch", "receive", "arrive", "reply", "approve_reply")
    again = do(order, "visit_dissatisfied", "return_visitor").order

    assert again.stage == "accepted"
    assert again.reopened == 1
    assert again.clocks["arrive"].stopped_at is None
    assert again.facts["visit"] == "dissatisfied"


def test_an_unreached_visit_counts_and_after_the_last_the_order_may_be_filed():
    order = walk(opened("fault").order, "dispatch", "receive", "arrive", "reply", "approve_reply")
    with pytest.raises(GateClosed):
        do(order, "archive")
    order = walk(order, "visit_unreached", "visit_unreached", "visit_unreached")

    assert order.visits == 3
    assert do(order, "archive").order.stage == "archived"
    with pytest.raises(GateClosed):
        do(order, "visit_unreached")


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("visit_satisfied", "return_visitor"),
        ("visit_dissatisfied", "return_visitor"),
        ("rate", "citizen"),
        ("reopen", "citizen"),
    ],
)
def test_no_further_attempt_is_waited_for_once_somebody_was_reached(name, by):
    order = walk(opened("opinion").order, "dispatch", "receive", "reply", "approve_reply")
    order = walk(order, "visit_unreached")
    assert order.clocks["next_visit"].is_running

    assert not do(order, name, by).order.clocks["next_visit"].is_running


def test_after_the_last_attempt_none_is_waited_for():
    order = walk(opened("opinion").order, "dispatch", "receive", "reply", "approve_reply")
    order = walk(order, "visit_unreached", "visit_unreached")
    assert order.clocks["next_visit"].is_running

    assert not walk(order, "visit_unreached").clocks["next_visit"].is_running


@pytest.mark.parametrize(
    ("tried", "next_at"),
    [
        ("23T08:30", "23T10:30"),
        ("23T09:59", "23T11:59"),
        ("23T10:00", "23T14:00"),
        ("23T11:30", "23T14:00"),
        ("23T12:00", "23T14:00"),
        ("23T18:59", "23T20:59"),
        ("23T19:00", "24T08:00"),
        ("23T23:30", "24T08:00"),
        ("24T04:00", "24T08:00"),
        ("24T06:00", "24T08:00"),
    ],
)
def test_s2_3_the_next_visit_steps_out_of_the_quiet_hours(tried, next_at):
    order = walk(opened("opinion").order, "dispatch", "receive", "reply", "approve_reply")
    at, until = (datetime.fromisoformat(f"2026-11-{day}:00+08:00") for day in (tried, next_at))
    order = replace(order, occurred_at=at, moved_at=at)

    made = do(order, "visit_unreached", at=at)

    assert made.order.clocks["next_visit"].until == until


def test_the_citizen_may_reopen_within_the_window_and_not_after():
    order = walk(
        opened("fault").order, "dispatch", "receive", "arrive", "reply", "approve_reply",
        "visit_satisfied", "archive",
    )  # fmt: skip
    assert order.closed_at is not None
    assert do(order, "reopen", "citizen").order.stage == "accepted"
    with pytest.raises(GateClosed):
        do(order, "reopen", "citizen", at=order.closed_at + timedelta(days=8))


def test_correcting_a_kind_runs_the_right_kinds_clocks_from_the_report():
    order = walk(opened("enquiry").order, "dispatch")
    right = do(order, "correct_kind", "dispatcher", kind="complaint").order

    assert right.kind == "complaint"
    assert right.stage == "accepted"
    assert right.clocks["contact"].started_at == NOON
    assert right.clocks["promise"].stopped_at is None


def test_a_correction_texts_only_where_a_text_had_gone_out():
    told = opened("fault")
    assert told.event.tells == ("accepted",)
    assert do(told.order, "correct_place", "dispatcher").event.tells == ("corrected",)

    silent = replace(told.order, told=0)
    assert do(silent, "correct_place", "dispatcher").event.tells == ()


def test_a_premature_archive_goes_back_to_review():
    order = walk(
        opened("fault").order, "dispatch", "receive", "arrive", "reply", "approve_reply",
        "visit_satisfied", "archive",
    )  # fmt: skip
    back = do(order, "correct_archive", "supervisor").order
    assert back.stage == "replied"
    assert back.closed_at is None
    assert back.next_due_at is not None


def test_a_training_order_never_texts():
    order = opened("fault", training=True)
    assert order.event.tells == ()
    assert effects(order.event) == ()
    moved = do(order.order, "dispatch")
    assert moved.event.tells == ()
    fired = fire(moved.order, at=NOON + timedelta(days=2), procedures=PROCEDURES, rules=RULES)
    assert fired is not None
    assert effects(fired.event) == ()


def test_a_paper_slip_entered_later_runs_from_when_it_happened_and_sends_nothing():
    late = opened("fault", at=NOON, recorded=NOON + timedelta(hours=3))

    assert late.order.late_entered
    assert late.order.clocks["arrive"].started_at == NOON
    assert late.event.tells == ()
    assert late.event.recorded_at == NOON + timedelta(hours=3)

    dispatched = do(late.order, "dispatch", at=NOON + MINUTE, recorded=NOON + timedelta(hours=3))
    assert dispatched.event.data["late"] is True
    assert dispatched.event.tells == ()


def test_what_happened_in_the_future_or_before_the_report_is_refused():
    order = opened("fault").order
    with pytest.raises(BadInput) as refused:
        do(order, "dispatch", at=NOON + timedelta(hours=1), recorded=NOON + MINUTE)
    assert refused.value.errors[0].code == "occurred_at.in_future"
    with pytest.raises(BadInput) as refused:
        do(order, "dispatch", at=NOON - MINUTE)
    assert refused.value.errors[0].code == "occurred_at.before_report"


def test_an_anonymous_report_is_never_visited_and_can_be_filed():
    order = opened("misconduct_report", facts={"anonymous": True}).order
    assert "contact" not in order.clocks
    done = walk(order, "dispatch", "receive", "reply", "approve_reply")
    with pytest.raises(GateClosed):
        do(done, "visit_satisfied")
    assert do(done, "archive_anonymous").order.stage == "archived"


def test_an_unknown_answer_is_refused_by_name():
    order = opened("fault").order
    with pytest.raises(BadInput) as refused:
        do(order, "dispatch", grade="P1")
    assert [(e.field, e.code) for e in refused.value.errors] == [("grade", "field.unknown")]


def test_the_moves_offered_are_those_that_would_be_accepted():
    for kind, stage in EVERY:
        order = at_stage(kind, stage)
        for role in ROLES:
            offered = moves_open_to(
                order, role, procedure=PROCEDURES[kind], at=NOON + MINUTE, rules=RULES
            )
            names = {move.name for move, _ in offered}
            assert names == {
                move.name
                for move in PROCEDURES[kind].moves.values()
                if stage in move.edges and role in move.who
            }


LEADS_TO_FILED = {
    "complaint": ("dispatch", "receive", "contact", "reply", "approve_reply", "visit_satisfied"),
    "grievance": ("dispatch", "receive", "contact", "reply", "approve_reply", "visit_satisfied"),
    "fault": (*FAULT_LINE, "visit_satisfied"),
}


@pytest.mark.parametrize("kind", LEADS_TO_FILED)
def test_s1_4_an_order_is_not_filed_while_its_issue_is_investigated_on_site(kind):
    done = walk(opened(kind).order, *LEADS_TO_FILED[kind])
    blocked = do(done, "block_archive", issue="I1").order

    for move in ("archive", "terminate"):
        with pytest.raises(GateClosed) as refused:
            do(blocked, move)
        assert refused.value.facts["gates"] == ["no_investigation"]
    assert (blocked.stage, blocked.clocks) == (done.stage, done.clocks)
    assert do(do(blocked, "unblock_archive", issue="I1").order, "archive").order.stage == "archived"


def test_s1_4_an_anonymous_order_and_an_enquiry_wait_for_the_investigation_too():
    anonymous = walk(
        opened("complaint", facts={"anonymous": True}).order,
        *("dispatch", "receive", "reply", "approve_reply", "block_archive"),
    )
    asked = walk(
        opened("enquiry").order, "dispatch", "receive", "contact", "reply", "block_archive"
    )

    for order, move in ((anonymous, "archive_anonymous"), (asked, "approve_reply")):
        with pytest.raises(GateClosed) as refused:
            do(order, move)
        assert refused.value.facts["gates"] == ["no_investigation"]


def test_the_end_of_another_issues_investigation_unblocks_nothing():
    blocked = do(opened("complaint").order, "block_archive", issue="I1").order

    with pytest.raises(BadInput, match=r"issue\.blocks_not"):
        do(blocked, "unblock_archive", issue="I2")
    with pytest.raises(GateClosed):
        do(opened("complaint").order, "unblock_archive", issue="I1")
