"""Papers: every stage × move of every table, and a test for each rule with its id."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain import paper as papers
from chalicelib.domain.calendar import Calendar
from chalicelib.domain.clocks import Clock, due, level, millis
from chalicelib.domain.order import Link, verify
from chalicelib.domain.paper import COMMON, aggregate, effects, end_of_day, paper_number
from chalicelib.domain.papers import PAPERS
from chalicelib.domain.papers.accountability import BEHAVIOURS, FOUR, JOINT
from chalicelib.domain.papers.accountability_interview import INTERVIEWS, STATEMENTS
from chalicelib.domain.papers.appeal import BASES, EVIDENCE
from chalicelib.domain.procedure import (
    ACTIONS,
    GATES,
    advance,
    fire,
    moves_open_to,
    next_due,
)
from chalicelib.domain.refusal import BadInput, GateClosed, IllegalMove, NotAllowed, Refused
from chalicelib.domain.staff import OfficeLevel, Outsider, Role
from tests.domain.engine import MINUTE, NOON, RULES
from tests.domain.papers import (
    COUNTY,
    FACTS,
    INTAKE,
    UPPER,
    by,
    do,
    drafted,
    fit,
    opener,
    step_for,
    walk,
)

KINDS = sorted(PAPERS)
EVERY = [(kind, stage) for kind in KINDS for stage in PAPERS[kind].stages]
EVERY_MOVE = sorted({name for procedure in PAPERS.values() for name in procedure.moves})
DAY = timedelta(days=1)


def all_(names: Iterable[str], value: Any) -> Any:
    """Return one answer to several needs."""
    return dict.fromkeys(names, value)


def at_stage(kind, stage):
    """Return a paper that stands in a stage, with facts under which gates can be met."""
    paper = drafted(kind).order
    final = stage in PAPERS[kind].final
    return replace(
        paper,
        stage=stage,
        closed_at=NOON if final else None,
        facts={
            **paper.facts,
            "evidence": 1,
            "target": 3,
            "follow_up": millis(NOON),
            "rounds": 1,
        },
        clocks={**paper.clocks, "follow_up": Clock.deadline(NOON, NOON + 30 * DAY)},
    )


# Every table ------------------------------------------------------------------------------------


def test_the_papers_that_go_around_an_issue_are_there():
    assert KINDS == [
        "accountability", "accountability_interview", "appeal", "bulletin", "circular",
        "complaint_risk_warning", "internal_audit", "quality_check", "spot_check", "typical_case",
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "stage"), EVERY)
def test_every_move_lands_where_the_table_says_or_is_refused(kind, stage):
    paper, procedure = at_stage(kind, stage), PAPERS[kind]
    for name in EVERY_MOVE:
        move = procedure.moves.get(name)
        if move is None or stage not in move.edges:
            some = move or next(p.moves[name] for p in PAPERS.values() if name in p.moves)
            step = step_for(some, paper, at=NOON + MINUTE)
            with pytest.raises(IllegalMove):
                advance(paper, step, procedures=PAPERS, rules=RULES)
            continue
        made = do(paper, name, at=NOON + MINUTE)
        assert made.order.stage == move.edges[stage]
        assert (made.event.aggregate, made.event.seq) == (paper.order_id, paper.version + 1)
        assert made.event.prev == paper.tip


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_not_named_by_a_move_may_not_make_it(kind):
    for move in PAPERS[kind].moves.values():
        paper = at_stage(kind, min(move.edges))
        right = fit(move, paper)
        for role in {*Role, *Outsider} - move.who:
            step = step_for(move, paper, at=NOON + MINUTE, actor=replace(right, role=role))
            with pytest.raises(NotAllowed):
                advance(paper, step, procedures=PAPERS, rules=RULES)


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_about_a_person_is_named_when_it_is_broken(kind):
    wrong = {
        "of_upper_office": lambda who: replace(who, office_id=COUNTY),
        "of_own_unit": lambda who: replace(who, office_id="X-ELSEWHERE"),
        "the_proposer": lambda who: replace(who, actor_id="somebody-else"),
        "not_the_proposer": lambda who: replace(who, actor_id="opener"),
        "not_a_signer": lambda who: replace(who, actor_id="opener"),
        "not_signed_yet": lambda who: replace(who, actor_id="signer"),
        "not_the_subject": lambda who: replace(who, actor_id="crew7"),
        "not_the_handler": lambda who: replace(who, actor_id="handler"),
        "not_who_reworked": lambda who: replace(who, actor_id="reworker"),
        "an_interviewer": lambda who: replace(who, role="province_monitor"),
        "discipline_in_confidence": lambda who: replace(who, role="discipline"),
    }
    for move in PAPERS[kind].moves.values():
        paper = at_stage(kind, min(move.edges))
        facts = {"signers": ["signer"], "handler": "handler", "reworked_by": "reworker"}
        facts |= {"person": "crew7", "proposer": "opener"}
        paper = replace(paper, facts={**paper.facts, **facts})
        for rule in move.only:
            who = wrong[rule](fit(move, paper))
            with pytest.raises(NotAllowed) as refused:
                do(paper, move.name, actor=who, at=NOON + MINUTE)
            assert rule in refused.value.facts["rules"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_required_answer_is_asked_for_by_name(kind):
    for move in PAPERS[kind].moves.values():
        paper = at_stage(kind, min(move.edges))
        step = replace(step_for(move, paper, at=NOON + MINUTE), data={}, words={})
        required = [need.name for need in move.needs if need.required]
        if not required:
            continue
        with pytest.raises(BadInput) as refused:
            advance(paper, step, procedures=PAPERS, rules=RULES)
        assert [error.field for error in refused.value.errors] == required


@pytest.mark.parametrize("kind", KINDS)
def test_tables_name_only_what_exists(kind):
    procedure = PAPERS[kind]
    opening = procedure.opening
    assert opening is not None
    for move in (*procedure.moves.values(), opening):
        assert {*move.edges, *move.edges.values()} <= set(procedure.stages)
        assert set(move.gates) <= {*GATES, *procedure.gates}
        assert set(move.does) <= {*ACTIONS, *procedure.actions}
        assert set(move.only) <= set(procedure.persons)
        assert move.who <= {*Role, *Outsider}
        assert move.why
    for rule in procedure.clocks:
        assert {*rule.starts, *rule.stops, *rule.runs_on} <= {*procedure.moves, "opened"}
        assert rule.limit in RULES.book.ids()


def test_every_gate_action_and_rule_of_papers_is_used():
    moves = [(p, m) for p in PAPERS.values() for m in (*p.moves.values(), p.opening) if m]
    used = {gate for _, move in moves for gate in move.gates}
    assert used == set(papers.GATES)
    assert {rule for _, move in moves for rule in move.only} == {
        *papers.PERSONS,
        "an_interviewer",
    }
    for procedure in PAPERS.values():
        own = [move for each, move in moves if each is procedure]
        acts = {act for move in own for act in move.does}
        assert set(procedure.actions) <= acts | set(COMMON)


@pytest.mark.parametrize("kind", KINDS)
def test_every_stage_can_be_reached_and_every_open_stage_left(kind):
    procedure = PAPERS[kind]
    reached: set[str] = {procedure.first}
    before: set[str] = set()
    while reached != before:
        before = set(reached)
        for move in procedure.moves.values():
            reached |= {to for stage, to in move.edges.items() if stage in before}
    assert reached == set(procedure.stages)
    for stage in set(procedure.stages) - procedure.final:
        out = {m.edges[stage] for m in procedure.moves.values() if stage in m.edges} - {stage}
        assert out, stage


@pytest.mark.parametrize("kind", KINDS)
def test_every_open_paper_is_armed_and_a_closed_one_is_not(kind):
    paper = drafted(kind).order
    assert paper.next_due_at is not None
    for stage in PAPERS[kind].final:
        over = replace(at_stage(kind, stage), clocks={})
        assert next_due(over, procedure=PAPERS[kind], rules=RULES) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_paper_tells_no_citizen_anything(kind):
    made = drafted(kind)
    assert made.event.tells == ()
    assert [effect.kind for effect in effects(made.event)] == (
        ["issue"] if "issue" in INTAKE[kind] else []
    )
    assert all(not move.tells and not move.public for move in PAPERS[kind].moves.values())


@pytest.mark.parametrize("kind", KINDS)
def test_the_moves_offered_are_those_that_would_be_accepted(kind):
    procedure = PAPERS[kind]
    for stage in procedure.stages:
        paper = at_stage(kind, stage)
        for who in (by("supervisor", "a", UPPER), by("leader", "b"), by("crew", "opener")):
            offered = moves_open_to(
                paper, who.role, procedure=procedure, at=NOON + MINUTE, rules=RULES, actor=who
            )
            found = {move.name: gates for move, gates in offered}
            for name in procedure.moves:
                assert found.get(name) == tried(paper, name, who)


def tried(paper, name, who):
    """Return the gates at which a move stops; None where it is not theirs."""
    try:
        do(paper, name, actor=who, at=NOON + MINUTE)
    except (IllegalMove, NotAllowed):
        return None
    except GateClosed as closed:
        return closed.facts["gates"]
    return []


@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_of_papers_verifies(kind):
    first = drafted(kind)
    second = do(first.order, min(n for n, m in PAPERS[kind].moves.items()
                                 if first.order.stage in m.edges
                                 and not set(m.gates) & {"evidence_given"}))  # fmt: skip
    links = [Link(e.seq, e.body(), e.prev, e.hash) for e in (first.event, second.event)]

    assert verify(first.order.order_id, links) == second.order


def test_a_paper_number_tells_its_day_and_is_the_same_for_the_same_intention():
    number = paper_number(NOON, b"0123456789")

    assert number.startswith("261123-")
    assert number == paper_number(NOON, b"0123456789") != paper_number(NOON, b"0123456889")
    assert aggregate(number) == f"paper/{number}"
    assert papers.is_paper(aggregate(number))
    assert papers.paper_id_of(aggregate(number)) == number


# Appeal -----------------------------------------------------------------------------------------


def submitted():
    paper = drafted("appeal", actor=by("crew", "opener")).order
    paper = do(paper, "attach_evidence", evidence_kind="hall_video").order
    paper = do(paper, "sign_first", actor=by("crew", "opener")).order
    paper = do(paper, "sign_second", actor=by("supervisor", "second")).order
    return do(paper, "sign_third", actor=by("leader", "third")).order


def test_s0_32_an_appeal_has_a_basis_evidence_of_a_kind_and_three_signatures():
    paper = submitted()

    assert paper.stage == "submitted"
    assert paper.facts["signers"] == ["opener", "second", "third"]
    assert paper.facts["evidence_kinds"] == ["hall_video"]
    assert paper.facts["basis"] in BASES
    assert {"hall_video", "site_video"} <= set(EVIDENCE)


@pytest.mark.parametrize("field", ["issue", "applicant", "basis", "aim", "note"])
def test_s0_32_an_appeal_that_lacks_a_field_of_the_form_is_refused_by_its_name(field):
    with pytest.raises(BadInput) as refused:
        drafted("appeal", **all_([field], None))
    assert [error.field for error in refused.value.errors] == [field]


def test_s0_32_without_evidence_nobody_signs():
    paper = drafted("appeal", actor=by("crew", "opener")).order
    with pytest.raises(GateClosed) as refused:
        do(paper, "sign_first", actor=by("crew", "opener"))
    assert refused.value.facts["gates"] == ["evidence_given"]

    with pytest.raises(BadInput) as nothing:
        do(paper, "attach_evidence", files=[], reference=None)
    assert nothing.value.errors[0].code == "evidence.none"


def test_s0_32_nobody_signs_twice_and_who_will_not_sign_sends_it_back():
    paper = drafted("appeal", actor=by("supervisor", "opener")).order
    paper = do(paper, "attach_evidence").order
    paper = do(paper, "sign_first", actor=by("supervisor", "opener")).order
    with pytest.raises(NotAllowed) as refused:
        do(paper, "sign_second", actor=by("supervisor", "opener"))
    assert refused.value.facts["rules"] == ["not_signed_yet"]

    back = do(paper, "return_paper", actor=by("supervisor", "second")).order
    assert (back.stage, "signers" in back.facts) == ("drafted", False)


@pytest.mark.parametrize(
    ("who", "rule"),
    [
        (by("leader", "third", UPPER), "not_a_signer"),
        (by("supervisor", "opener", UPPER), "not_a_signer"),
        (by("supervisor", "somebody", COUNTY), "of_upper_office"),
        (by("supervisor", "somebody", "P1"), "of_upper_office"),
    ],
)
def test_s0_32_an_appeal_is_decided_one_level_up_and_never_by_who_signed_it(who, rule):
    paper = submitted()
    for name in ("uphold_appeal", "uphold_partly", "reject_appeal"):
        with pytest.raises(NotAllowed) as refused:
            do(paper, name, actor=who)
        assert rule in refused.value.facts["rules"]


def test_s0_32_an_appeal_is_decided_once():
    paper = do(submitted(), "uphold_appeal", actor=by("supervisor", "a", UPPER)).order

    assert (paper.stage, paper.facts["decided_by"]) == ("appeal_won", "a")
    with pytest.raises(IllegalMove):
        do(paper, "reject_appeal", actor=by("supervisor", "b", UPPER))


def test_s0_32_an_appeal_after_its_term_is_refused_naming_the_rule():
    """Five working days: the verdict of Friday 25 September ends behind the week of the feast."""
    friday = datetime(2026, 9, 25, 2, tzinfo=UTC)
    assert not Calendar.shipped().is_workday(friday.date())  # the Mid-Autumn day
    facts = {**FACTS, "verdict_at": millis(datetime(2026, 9, 24, 2, tzinfo=UTC))}
    ends = papers.appeal_ends(facts, RULES)
    assert ends is not None

    assert drafted("appeal", facts=facts, at=ends).order.stage == "drafted"
    with pytest.raises(GateClosed) as refused:
        drafted("appeal", facts=facts, at=ends + timedelta(seconds=1))
    assert refused.value.facts["gates"] == ["within_appeal_term"]


def test_s0_32_the_third_signature_is_within_the_term_too():
    paper = drafted("appeal", actor=by("crew", "opener")).order
    paper = do(paper, "attach_evidence").order
    paper = do(paper, "sign_first", actor=by("crew", "opener")).order
    paper = do(paper, "sign_second", actor=by("supervisor", "second")).order
    with pytest.raises(GateClosed) as refused:
        do(paper, "sign_third", actor=by("leader", "third"), at=NOON + 30 * DAY)
    assert refused.value.facts["gates"] == ["within_appeal_term"]


@pytest.mark.parametrize(
    ("facts", "gate"),
    [
        ({"verdict_at": None}, "verdict_given"),
        ({"upper": ""}, "somebody_above"),
        ({"appealed_before": "261120-AAAAAAAA"}, "no_other_appeal"),
    ],
)
def test_s0_32_there_is_no_appeal_without_a_verdict_a_decider_or_a_second_time(facts, gate):
    with pytest.raises(GateClosed) as refused:
        drafted("appeal", facts=facts)
    assert gate in refused.value.facts["gates"]


# Accountability ---------------------------------------------------------------------------------


def test_s0_32_nothing_is_entered_against_anybody_once_an_appeal_has_won():
    with pytest.raises(GateClosed) as refused:
        drafted("accountability", facts={"appeal_won": "261120-AAAAAAAA"})
    assert refused.value.facts["gates"] == ["no_appeal_won"]


def test_s1_20_every_accountable_behaviour_has_a_severity_causes_and_a_source():
    for behaviour in BEHAVIOURS.values():
        assert behaviour.severity in {"light", "serious", "grave"}
        assert behaviour.causes
        assert behaviour.source.startswith("[")
    with pytest.raises(BadInput):
        drafted("accountability", behaviour="whatever")


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"person": None}, "person", "attribution.nobody"),
        (
            {"attribution": "management_cause", "subject": "leading_group"},
            "department",
            "attribution.nobody",
        ),
        ({"attribution": "management_cause"}, "subject", "attribution.mismatch"),
        ({"subject": "leading_group"}, "subject", "attribution.mismatch"),
        ({"behaviour": "voltage_left"}, "attribution", "attribution.not_of_behaviour"),
    ],
)
def test_s1_26_staff_cause_goes_to_a_person_and_management_cause_to_a_department(
    given, field, code
):
    with pytest.raises(BadInput) as refused:
        drafted("accountability", **given)
    assert (field, code) in [(each.field, each.code) for each in refused.value.errors]


def test_s1_25_each_valid_12398_complaint_has_its_penalty_for_the_leading_group():
    paper = drafted(
        "accountability",
        behaviour="valid_12398",
        attribution="management_cause",
        subject="leading_group",
        department="marketing",
        person=None,
    ).order
    with pytest.raises(BadInput) as refused:
        do(paper, "confirm_accountability", penalty="0")
    assert [(e.field, e.code) for e in refused.value.errors] == [("penalty", "penalty.none")]

    done = do(paper, "confirm_accountability", penalty="5000").order
    assert (done.facts["penalty"], done.facts["subject"]) == (5000, "leading_group")


def test_s1_27_a_bypass_assesses_departments_jointly():
    paper = drafted(
        "accountability",
        behaviour="bypass_12398",
        attribution="management_cause",
        subject="leading_group",
        department="equipment",
        person=None,
    ).order
    with pytest.raises(BadInput) as refused:
        do(paper, "confirm_accountability", **all_(JOINT, value=False))
    assert refused.value.errors[0].code == "joint.none"

    some: Any = {**all_(JOINT, value=False), "joint_marketing": True, "joint_planning": True}
    done = do(paper, "confirm_accountability", **some).order
    assert done.facts["joint"] == ["marketing", "planning"]


def test_s1_14_assessment_goes_both_ways_and_must_be_answered_for_both():
    paper = drafted("accountability").order
    step = step_for(PAPERS["accountability"].moves["confirm_accountability"], paper, at=NOON)
    data = {k: v for k, v in step.data.items() if k != "assess_upper"}
    with pytest.raises(BadInput) as refused:
        advance(paper, replace(step, data=data), procedures=PAPERS, rules=RULES)
    assert [error.field for error in refused.value.errors] == ["assess_upper"]

    done = do(paper, "confirm_accountability", assess_unit=True, assess_upper=False).order
    assert (done.facts["assess_unit"], done.facts["assess_upper"]) == (True, False)


@pytest.mark.parametrize(
    ("facts", "severity", "raised"),
    [
        ({}, "light", None),
        ({"repeat_person": 1, "repeat_unit": 1}, "light", None),
        ({"repeat_person": 2}, "serious", True),
        ({"repeat_unit": 5}, "serious", True),
    ],
)
def test_s0_25_repeated_violations_add_up_for_unit_and_person(facts, severity, raised):
    paper = drafted("accountability", facts=facts).order
    assert (paper.facts["severity"], paper.facts.get("raised")) == (severity, raised)


def test_s0_25_what_is_grave_already_stays_grave():
    paper = drafted("accountability", behaviour="false_reply", facts={"repeat_unit": 9}).order
    assert paper.facts["severity"] == "grave"


@pytest.mark.parametrize("item", FOUR)
def test_s0_19_nothing_is_let_go_while_one_of_the_four_is_open(item):
    paper = walk(drafted("accountability").order, "confirm_accountability")
    with pytest.raises(BadInput) as refused:
        do(paper, "carry_out", **all_([item], value=False))
    assert [(e.field, e.code) for e in refused.value.errors] == [(item, "four.open")]
    assert do(paper, "carry_out").order.stage == "closed"


@pytest.mark.parametrize("stage", ["proposed", "confirmed", "closed"])
def test_s0_32_an_appeal_that_wins_reverses_an_entry_wherever_it_stands(stage):
    done = do(at_stage("accountability", stage), "reverse", at=NOON + MINUTE).order
    assert (done.stage, done.facts["appeal"]) == ("reversed", "261123-22222222")


def test_nobody_confirms_what_they_proposed_or_what_concerns_them():
    paper = drafted("accountability", person="boss").order
    for who, rule in (("opener", "not_the_proposer"), ("boss", "not_the_subject")):
        with pytest.raises(NotAllowed) as refused:
            do(paper, "confirm_accountability", actor=by("leader", who, UPPER))
        assert refused.value.facts["rules"] == [rule]


# Interview --------------------------------------------------------------------------------------


def called(level="county"):
    return drafted("accountability_interview", facts={"level": level}).order


def test_s1_16_an_interview_has_its_four_statements_each_refused_by_name():
    paper = walk(called(), "notify_interview")
    for statement in STATEMENTS:
        with pytest.raises(BadInput) as refused:
            do(paper, "hold_interview", **all_([statement], ""))
        assert [error.field for error in refused.value.errors] == [statement]
    held = do(paper, "hold_interview").order
    assert (held.stage, held.facts["target"]) == ("held", 1)


def test_s1_16_the_agreed_target_is_looked_at_on_its_day_and_not_before():
    paper = walk(called(), "notify_interview", "hold_interview")
    with pytest.raises(GateClosed) as refused:
        do(paper, "target_met")
    assert refused.value.facts["gates"] == ["follow_up_reached"]

    day = NOON + 31 * DAY
    assert do(paper, "target_met", actual="1", at=day).order.stage == "closed"
    with pytest.raises(BadInput):
        do(paper, "target_met", actual="2", at=day)
    again = do(paper, "target_missed", actual="2", at=day).order
    assert (again.stage, again.facts["rounds"]) == ("called", 2)
    assert again.clocks["notify"].is_running


def test_s1_16_the_follow_up_has_a_clock_of_its_own():
    paper = walk(called(), "notify_interview", "hold_interview")
    when = due(paper.clocks["follow_up"], RULES)
    assert when is not None
    assert millis(when.at) == paper.facts["follow_up"]
    late = fire(paper, at=when.at + MINUTE, procedures=PAPERS, rules=RULES)
    assert late is not None
    assert [rung[0] for rung in late.event.data["rungs"]] == ["follow_up"]


@pytest.mark.parametrize(
    ("lower", "role", "may"),
    [
        ("city", "province_monitor", True),
        ("city", "supervisor", False),
        ("county", "city_host", True),
        ("county", "province_monitor", False),
        ("station", "leader", True),
        ("station", "city_host", False),
    ],
)
def test_s1_17_who_interviews_whom_goes_by_level(lower, role, may):
    paper = walk(called(lower), "notify_interview")
    who = by(role, "host", UPPER)
    if may:
        assert do(paper, "hold_interview", actor=who).order.stage == "held"
    else:
        with pytest.raises(NotAllowed) as refused:
            do(paper, "hold_interview", actor=who)
        assert refused.value.facts["rules"] == ["an_interviewer"]


def test_s1_17_every_level_below_the_province_is_interviewed_from_one_level_up():
    levels = list(OfficeLevel)
    assert {
        lower: row.interviewer for lower, row in INTERVIEWS.items()
    } == {levels[i + 1]: levels[i] for i in range(3)}  # fmt: skip


def test_a_number_that_is_none_is_refused_by_its_name():
    paper = walk(called(), "notify_interview")
    for wrong in ("few", "-1", "1.5", "1" * 10):
        with pytest.raises(BadInput) as refused:
            do(paper, "hold_interview", target=wrong)
        assert refused.value.errors[0].field == "target"


# Warning ----------------------------------------------------------------------------------------


def test_s1_28_a_warning_goes_down_is_receipted_acted_on_and_looked_at():
    paper = drafted("complaint_risk_warning").order
    for name, stage in (
        ("issue_warning", "issued"),
        ("receipt", "receipted"),
        ("report_action", "acted"),
        ("return_action", "receipted"),
        ("report_action", "acted"),
        ("accept_action", "closed"),
    ):
        paper = do(paper, name).order
        assert paper.stage == stage


def test_s1_28_receipt_and_action_have_deadlines_that_warn_and_climb():
    paper = walk(drafted("complaint_risk_warning").order, "issue_warning")
    rungs = []
    for _ in range(20):
        at = next_due(paper, procedure=PAPERS[paper.kind], rules=RULES)
        assert at is not None
        fired = fire(paper, at=at, procedures=PAPERS, rules=RULES)
        assert fired is not None
        rungs += [(rung[0], rung[1], rung[3]) for rung in fired.event.data["rungs"]]
        paper = fired.order
    assert ("receipt", "red", "office") in rungs
    assert ("receipt", "due", "office") in rungs
    assert ("receipt", "city", "city") in rungs
    assert ("action", "province", "province") in rungs
    assert paper.next_due_at is not None
    assert level(paper.clocks["receipt"], paper.next_due_at, RULES).value.startswith("late")


def test_s1_28_a_warning_sent_back_lets_its_deadline_run_on():
    paper = walk(drafted("complaint_risk_warning").order, "issue_warning", "receipt")
    since = paper.clocks["action"].started_at
    paper = walk(paper, "report_action", "return_action")
    assert paper.clocks["action"].is_running
    assert paper.clocks["action"].started_at == since


def test_s1_28_the_unit_cannot_issue_or_accept_its_own_warning():
    paper = drafted("complaint_risk_warning").order
    with pytest.raises(NotAllowed):
        do(paper, "issue_warning", actor=by("supervisor", "own", COUNTY))
    acted = walk(paper, "issue_warning", "receipt", "report_action")
    with pytest.raises(NotAllowed):
        do(acted, "accept_action", actor=by("supervisor", "own", COUNTY))


# What is published ------------------------------------------------------------------------------


def test_s1_14_a_bulletin_is_due_on_the_same_day():
    evening = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)  # 22:30 in China
    for at in (NOON, evening):
        paper = drafted("bulletin", at=at).order
        when = due(paper.clocks["publish"], RULES)
        assert when is not None
        assert when.at == end_of_day(at) == datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC)


def test_s1_14_a_circular_is_published_by_another_than_who_drafted_it():
    paper = drafted("circular").order
    with pytest.raises(NotAllowed) as refused:
        do(paper, "publish", actor=opener("circular"))
    assert refused.value.facts["rules"] == ["not_the_proposer"]
    assert do(paper, "publish").order.stage == "published"


@pytest.mark.parametrize("field", ["cause_told", "accountability_told", "lessons"])
def test_s1_18_a_typical_case_has_cause_accountability_and_lessons(field):
    with pytest.raises(BadInput) as refused:
        drafted("typical_case", **all_([field], None))
    assert [error.field for error in refused.value.errors] == [field]


# Checks -----------------------------------------------------------------------------------------

CHECKS = ("quality_check", "internal_audit", "spot_check")


@pytest.mark.parametrize("kind", CHECKS)
def test_s0_30_a_check_answers_every_item_and_passes_only_if_all_are_in_place(kind):
    paper = drafted(kind).order
    items = [n.name for n in PAPERS[kind].moves["check_passed"].needs if n.name.startswith("item_")]
    assert len(items) >= 5
    with pytest.raises(BadInput) as refused:
        do(paper, "check_passed", **all_([items[1]], "not_ok"))
    assert [(e.field, e.code) for e in refused.value.errors] == [(items[1], "checklist.not_ok")]
    with pytest.raises(BadInput):
        do(paper, "check_found", **all_(items, "ok"))
    assert do(paper, "check_passed", **all_([items[0]], "not_applicable")).order.stage == "closed"


@pytest.mark.parametrize("kind", CHECKS)
def test_s0_30_what_a_check_finds_is_worked_again_and_looked_at_by_another(kind):
    paper = do(drafted(kind, facts={"handler": "h1"}).order, "check_found").order
    assert paper.facts["failed"]
    paper = do(paper, "report_rework", actor=by("supervisor", "worker")).order
    with pytest.raises(NotAllowed) as refused:
        do(paper, "accept_rework", actor=by("supervisor", "worker"))
    assert refused.value.facts["rules"] == ["not_who_reworked"]
    paper = walk(paper, "return_rework", "report_rework", "accept_rework")
    assert paper.stage == "closed"


def test_s0_30_nobody_checks_what_they_handled():
    paper = drafted("quality_check", facts={"handler": "supervisor-1"}).order
    with pytest.raises(NotAllowed) as refused:
        do(paper, "check_passed", actor=by("supervisor", "supervisor-1"))
    assert refused.value.facts["rules"] == ["not_the_handler"]


def test_s1_31_a_spot_check_is_of_a_cleared_line_and_asks_whether_it_is_solved():
    needs = {need.name for need in PAPERS["spot_check"].moves["check_passed"].needs}
    assert {"item_solved_on_site", "item_customer_agrees", "item_measure_lasts"} <= needs
    with pytest.raises(BadInput):
        drafted("spot_check", issue=None)


# What was refused changed nothing ---------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_who_may_not_open_a_paper_is_refused(kind):
    opening = PAPERS[kind].opening
    assert opening is not None
    for role in {*Role, *Outsider} - opening.who:
        with pytest.raises(Refused):
            drafted(kind, actor=by(role, "nobody", UPPER))


def test_a_refused_step_changes_nothing():
    paper = drafted("appeal").order
    before = paper.to_json()
    with pytest.raises(Refused):
        do(paper, "uphold_appeal", at=NOON + MINUTE)
    assert paper.to_json() == before


def test_every_intake_of_these_tests_is_whole():
    for kind in KINDS:
        required = {need.name for need in PAPERS[kind].intake if need.required}
        assert required <= set(INTAKE[kind])
