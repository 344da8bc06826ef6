"""What an outage may do in which state, what each household hears of it, and when."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.order import Actor, BrokenChain, Link
from chalicelib.domain.outage import (
    BEFORE,
    COMMANDS,
    KINDS,
    OVER,
    UNANSWERED,
    Kind,
    Outage,
    State,
    effects,
    figures,
    free,
    spells,
    states_for,
    verify,
    verify_against,
)
from chalicelib.domain.planning import signers
from chalicelib.domain.reach import NOWHERE, Reach
from chalicelib.domain.refusal import BadInput, GateClosed, IllegalMove, NotAllowed, Refused
from tests.domain.blackout import (
    AREAS,
    CREW,
    DAY,
    DESK,
    MACHINE,
    MINUTE,
    NEW,
    NOON,
    ONE,
    act,
    announced,
    approved,
    at,
    drafted,
    fired,
    later,
    on_time,
    opened,
    submitted,
    sweep,
)
from tests.domain.engine import RULES

START = NOON + 10 * DAY
HOUR = timedelta(hours=1)
MARGIN = 30 * MINUTE
"""What the sending of the first notice itself may take."""


def code(caught):
    return [error.code for error in caught.value.errors]


def rounds(outage):
    return [r.kind for r in outage.rounds.values()]


def causes(made, kind):
    return [e.name for event in made.events for e in effects(event) if e.kind == kind]


def begun(outage=None, at_time=START):
    outage = outage or told_plan()
    deed = moves.Act(DESK, at_time, at_time)
    return moves.begin(outage, deed, at=at_time, rules=RULES).outage


@cache
def told_plan(kind=Kind.PLANNED):
    return on_time(announced(kind), START - timedelta(minutes=10))


def restored(outage, minutes=30, reach=None):
    return moves.restore(outage, act(minutes), at=at(minutes), rules=RULES, reach=reach).outage


def other():
    return opened(outage_id="Q9", reach=NEW).outage


# Every state, every command -----------------------------------------------------------------------


@cache
def in_state(state, kind):
    """Return an outage of this kind in this state, or None where the kind never gets there."""
    rule = KINDS[kind]
    ladder = kind in {Kind.FAULT, Kind.ARREARS, Kind.BREACH}
    if ladder != (not rule.planned):
        raise AssertionError(kind)
    made = LADDER_STATES if ladder else PLAN_STATES
    return made[state](kind) if state in made else None


def climb(grade):
    def make(kind):
        if not KINDS[kind].tells:
            return opened(kind=kind).outage if grade is State.CONFIRMED else None
        return opened(grade, MACHINE, kind=kind).outage

    return make


def confirmed(kind):
    return opened(kind=kind).outage


LADDER_STATES = {
    State.SUSPECTED: climb(State.SUSPECTED),
    State.PROBABLE: climb(State.PROBABLE),
    State.CONFIRMED: climb(State.CONFIRMED),
    State.PARTIALLY_RESTORED: lambda kind: restored(confirmed(kind), 5, ONE),
    State.RESTORED: lambda kind: restored(confirmed(kind), 5),
    State.CANCELLED: lambda kind: moves.deny(confirmed(kind), act(5), rules=RULES).outage,
    State.ABSORBED: lambda kind: (
        moves.transfer(confirmed(kind), other(), act(5), rules=RULES)[0].outage
    ),
    State.MOMENTARY: lambda kind: (
        restored(opened(State.CONFIRMED, MACHINE, 0.2, on_trip=True).outage, 0.5)
        if kind is Kind.FAULT
        else None
    ),
}


def signer(kind):
    """Return who signs first."""
    role = signers(kind)[0]
    return Actor(role, role)


PLAN_STATES = {
    State.DRAFTED: drafted,
    State.SUBMITTED: submitted,
    State.RETURNED: lambda kind: (
        moves.send_back(
            submitted(kind), act(2, by=signer(kind)), reason="clerical", rules=RULES
        ).outage
    ),
    State.APPROVED: approved,
    State.ANNOUNCED: announced,
    State.UNDER_WAY: lambda kind: begun(told_plan(kind)),
    State.PARTIALLY_RESTORED: lambda kind: after_start(told_plan(kind), ONE),
    State.FINISHED: lambda kind: after_start(told_plan(kind), None),
    State.CANCELLED: lambda kind: (
        moves.cancel(drafted(kind), act(1), reason="weather", rules=RULES).outage
    ),
    State.ABSORBED: lambda kind: (
        moves.transfer(
            begun(told_plan(kind)),
            other(),
            moves.Act(DESK, START + MINUTE, START + MINUTE),
            rules=RULES,
        )[0].outage
    ),
}


def after_start(outage, reach):
    when = START + 2 * HOUR
    deed = moves.Act(DESK, when, when)
    return moves.restore(begun(outage), deed, at=when, rules=RULES, reach=reach).outage


def give(name, outage, moment, actor):
    """Give a command with right answers to whatever it asks."""
    deed = moves.Act(actor, moment, moment, "digest")
    plan = {"start": moment + 20 * DAY, "finish": moment + 21 * DAY, "reach": AREAS}
    spare = opened(outage_id="Q8", reach=Reach.of({"T8": "all"}), minutes=0).outage
    some = next(iter(outage.rounds), "start.1")
    pairs = {
        "transfer": lambda: moves.transfer(outage, spare, deed, rules=RULES),
        "take_over": lambda: moves.transfer(spare, outage, deed, rules=RULES),
        "nest": lambda: moves.nest(outage, spare, deed, rules=RULES),
        "lie_under": lambda: moves.nest(spare, outage, deed, rules=RULES),
        "assess": lambda: moves.assess(
            outage,
            deed,
            grade=State.PROBABLE if outage.state is State.SUSPECTED else State.SUSPECTED,
            rules=RULES,
        ),
        "confirm": lambda: moves.confirm(outage, deed, rules=RULES),
        "deny": lambda: moves.deny(outage, deed, rules=RULES),
        "withdraw": lambda: moves.withdraw(outage, deed, rules=RULES),
        "know": lambda: moves.know(
            outage, deed, information="restored", happened_at=moment, rules=RULES
        ),
        "extend": lambda: moves.extend(outage, deed, reach=NEW, since=moment, rules=RULES),
        "shrink": lambda: moves.shrink(
            outage, deed, reach=Reach.of({"T2": ["L8"]}, {"L8": 2}), rules=RULES
        ),
        "restore": lambda: moves.restore(outage, deed, at=moment, rules=RULES),
        "still_dark": lambda: moves.still_dark(outage, deed, reach=ONE, rules=RULES),
        "set_etr": lambda: moves.set_etr(
            outage,
            deed,
            at=moment + 30 * HOUR,
            source="crew",
            reason="more_damage",
            rules=RULES,
        ),
        "set_cause": lambda: moves.set_cause(
            outage, deed, cause="equipment.insulator_broken", rules=RULES
        ),
        "set_crew": lambda: moves.set_crew(
            outage, deed, status="set_out", crew_id="c7", rules=RULES
        ),
        "correct": lambda: moves.correct(
            outage,
            deed,
            truth=moves.Truth(cause="equipment.cable_fault"),
            reason="clerical",
            rules=RULES,
        ),
        "attach_order": lambda: moves.attach_order(outage, deed, order_id="111", rules=RULES),
        "join": lambda: moves.join(outage, deed, order_id="112", rules=RULES),
        "unnest": lambda: moves.unnest(replace(outage, above="Q0"), deed, rules=RULES),
        "settle": lambda: moves.settle(
            outage,
            deed,
            round_id=some,
            told_at=moment,
            counts={"sent": 43},
            is_final=True,
            rules=RULES,
        ),
        "edit": lambda: moves.edit(outage, deed, **plan, rules=RULES),
        "submit": lambda: moves.submit(outage, deed, rules=RULES),
        "approve": lambda: moves.approve(outage, deed, rules=RULES, reason="load_risk"),
        "send_back": lambda: moves.send_back(outage, deed, rules=RULES, reason="clerical"),
        "announce": lambda: moves.announce(outage, deed, rules=RULES, reason="clerical"),
        "change": lambda: moves.change(outage, deed, **plan, reason="weather", rules=RULES),
        "cancel": lambda: moves.cancel(outage, deed, reason="weather", rules=RULES),
        "record_call": lambda: moves.record_call(
            replace(outage, key_customers=("K1",)),
            deed,
            customer_id="K1",
            line="城东线",
            rules=RULES,
        ),
        "begin": lambda: moves.begin(outage, deed, at=moment, rules=RULES),
    }
    made = pairs[name]()
    return made if isinstance(made, tuple) else (made,)


BY = {"assess": MACHINE, "withdraw": MACHINE, "deny": CREW}
POSSIBLE = [(state, kind) for state in State for kind in Kind if in_state(state, kind)]
EVERY = [(state, kind, name) for state, kind in POSSIBLE for name in COMMANDS]


def human_gate(name, outage):
    """Name the gates that a state may leave open: a person's word."""
    return name in {"confirm", "assess", "withdraw"} and outage.has_human_word


@pytest.mark.parametrize(
    ("state", "kind", "name"), EVERY, ids=[f"{s}-{k}-{n}" for s, k, n in EVERY]
)
def test_every_command_in_every_state_is_done_or_refused_as_the_table_says(state, kind, name):
    outage = in_state(state, kind)
    assert outage.state is state
    before = outage.to_json()
    moment = max(outage.recorded_at, outage.moved_at or NOON) + MINUTE
    if state is State.UNDER_WAY:
        moment = START + HOUR
    actor = BY.get(name, DESK)
    if name in {"approve", "send_back"} and KINDS[kind].planned:
        actor = signer(kind)

    if state not in states_for(name, kind):
        with pytest.raises(IllegalMove) as refused:
            give(name, outage, moment, actor)
        assert refused.value.facts["stage"] == state
    elif human_gate(name, outage):
        with pytest.raises(GateClosed):
            give(name, outage, moment, actor)
    elif name == "settle" and not outage.rounds:
        with pytest.raises(BadInput):
            give(name, outage, moment, actor)
    else:
        for made in give(name, outage, moment, actor):
            assert len(made.events) == 1
            assert made.outage.version == made.events[0].seq
    assert outage.to_json() == before


def test_every_kind_reaches_every_state_of_its_life_but_these():
    never = {
        (state, kind)
        for kind, rule in KINDS.items()
        for state in (PLAN_STATES if rule.planned else LADDER_STATES)
    } - set(POSSIBLE)
    own = {State.SUSPECTED, State.PROBABLE, State.MOMENTARY}
    assert never == {(state, kind) for kind in (Kind.ARREARS, Kind.BREACH) for state in own}


@pytest.mark.parametrize("name", COMMANDS)
def test_who_may_give_a_command_is_a_table_too(name):
    command = COMMANDS[name]
    kind = Kind.EMERGENCY_DEFECT if name == "record_call" else Kind.FAULT
    kind = Kind.PLANNED if COMMANDS[name].states & BEFORE and name != "record_call" else kind
    state = min(states_for(name, Kind.FAULT) or states_for(name, kind))
    outage = in_state(state, Kind.FAULT) or in_state(state, kind)
    stranger = Actor("citizen", "citizen")
    if not command.who:
        return
    with pytest.raises(NotAllowed):
        give(name, outage, max(outage.recorded_at, START) + MINUTE, stranger)


# The head and its chain ---------------------------------------------------------------------------


def a_life():
    made = [opened(State.PROBABLE, MACHINE)]

    def then(step):
        made.append(step(made[-1].outage))

    then(lambda o: moves.confirm(o, act(4, by=CREW), rules=RULES))
    then(lambda o: moves.set_etr(o, act(6), at=at(90), source="crew", rules=RULES))
    then(lambda o: moves.restore(o, act(60), at=at(58), rules=RULES, reach=ONE))
    then(lambda o: moves.restore(o, act(80), at=at(79), rules=RULES))
    events = [event for step in made for event in step.events]
    links = [Link(e.seq, e.body(), e.prev, e.hash) for e in events]
    return made[-1].outage, links


def test_the_head_is_the_fold_of_its_events():
    head, links = a_life()
    assert verify_against(head, links) == head
    assert verify("Q1", links) == head


def test_the_head_survives_its_own_json():
    for state, kind in POSSIBLE:
        outage = in_state(state, kind)
        assert Outage.from_json(outage.to_json()) == outage


@pytest.mark.parametrize("place", range(5))
def test_an_edited_event_is_named(place):
    head, links = a_life()
    links[place] = replace(links[place], body=links[place].body.replace("Q1", "Q2") + " ")
    with pytest.raises(BrokenChain) as broken:
        verify_against(head, links)
    assert (broken.value.seq, broken.value.why) == (place + 1, "edited")


def test_a_cut_tail_and_an_edited_head_are_named():
    head, links = a_life()
    with pytest.raises(BrokenChain) as broken:
        verify_against(head, links[:-1])
    assert broken.value.why == "missing"
    with pytest.raises(BrokenChain) as broken:
        verify_against(replace(head, cause="trees.tree_fallen"), links)
    assert broken.value.why == "head-differs"


def test_the_chain_lives_beside_the_orders():
    assert opened().events[0].aggregate == "outage/Q1"


# The ladder ---------------------------------------------------------------------------------------


def test_a_suspicion_tells_nobody_and_opens_no_order():
    made = opened(State.SUSPECTED, MACHINE)
    assert rounds(made.outage) == []
    assert [e.kind for e in effects(made.events[0])] == []


def test_a_probable_outage_gets_its_repair_order_once_before_anybody_calls():
    made = opened(State.PROBABLE, MACHINE)
    assert causes(made, "order") == ["open"]
    again = moves.confirm(made.outage, act(3, by=CREW), rules=RULES)
    assert causes(again, "order") == []
    assert causes(again, "notice") == ["start"]


def test_inference_climbs_and_comes_down_while_nobody_has_spoken():
    outage = opened(State.PROBABLE, MACHINE).outage
    outage = moves.assess(outage, act(3, by=MACHINE), grade=State.SUSPECTED, rules=RULES).outage
    assert (outage.state, dict(outage.known), dict(outage.clocks)) == (State.SUSPECTED, {}, {})
    made = moves.assess(outage, act(4, by=MACHINE), grade=State.CONFIRMED, rules=RULES)
    assert made.outage.state is State.CONFIRMED
    assert causes(made, "notice") == ["start"]


@pytest.mark.parametrize("command", ["withdraw", "assess", "shrink"])
def test_inference_never_overrides_a_humans_word(command):
    outage = opened(State.CONFIRMED, CREW).outage
    with pytest.raises((GateClosed, IllegalMove)) as refused:
        give(command, outage, at(5), MACHINE)
    if command != "assess":
        assert refused.value.facts["gates"] == ["no_human_word"]


def test_what_inference_confirmed_a_person_may_make_their_own_without_a_second_text():
    outage = opened(State.CONFIRMED, MACHINE).outage
    made = moves.confirm(outage, act(5, by=CREW), rules=RULES)
    assert made.outage.word == ("confirmed", "crew", "c7")
    assert causes(made, "notice") == []


def test_an_outage_that_was_none_is_taken_back_from_those_who_were_told():
    outage = moves.join(opened().outage, act(3), order_id="112", rules=RULES).outage
    made = moves.deny(outage, act(5, by=CREW), rules=RULES)
    assert made.outage.state is State.CANCELLED
    assert causes(made, "notice") == ["cancelled"]
    assert causes(made, "release") == ["112"]
    assert spells(made.outage) == ()


def test_a_suspicion_may_come_to_name_other_devices_and_its_clocks_run_on():
    outage = opened(State.PROBABLE, MACHINE).outage
    by = act(3, by=MACHINE)

    renamed = moves.assess(outage, by, grade=State.PROBABLE, devices=["Z9"], rules=RULES).outage

    assert (renamed.devices, renamed.state) == (("Z9",), State.PROBABLE)
    assert (renamed.clocks, renamed.known) == (outage.clocks, outage.known)
    for same in ((), outage.devices[::-1]):
        with pytest.raises(BadInput) as refused:
            moves.assess(outage, by, grade=State.PROBABLE, devices=same, rules=RULES)
        assert code(refused) == ["outage.same"]


def test_restored_before_confirmed_is_recorded_and_never_texts():
    outage = opened(State.PROBABLE, MACHINE).outage
    made = moves.restore(outage, act(20, by=MACHINE), at=at(19), rules=RULES)
    assert made.outage.state is State.RESTORED
    assert made.outage.grade == "probable"
    assert causes(made, "notice") == []
    assert made.outage.next_due_at is None


def test_a_trip_that_recloses_within_the_hold_off_is_a_momentary_and_no_notice():
    outage = opened(State.CONFIRMED, MACHINE, 0.1, on_trip=True).outage
    assert rounds(outage) == []
    made = moves.restore(outage, act(0.6, by=MACHINE), at=at(0.5), rules=RULES)
    assert made.outage.state is State.MOMENTARY
    assert causes(made, "notice") == []


def test_a_trip_that_does_not_reclose_is_told_when_the_hold_off_ends_once():
    outage = opened(State.CONFIRMED, MACHINE, 0.1, on_trip=True).outage
    assert outage.next_due_at == at(1)
    made = sweep(outage, at(1))
    assert [causes(made, "notice"), rounds(made.outage)] == [["start"], ["start"]]
    assert moves.fire(made.outage, at=at(1), rules=RULES) is None


def test_a_persons_word_ends_the_hold_off():
    outage = opened(State.CONFIRMED, MACHINE, 0.1, on_trip=True).outage
    made = moves.confirm(outage, act(0.5), rules=RULES)
    assert causes(made, "notice") == ["start"]


@pytest.mark.parametrize(
    ("given", "field", "slug"),
    [
        ({"since": 9}, "since", "occurred_at.in_future"),
        ({"reach": NOWHERE}, "reach", "reach.empty"),
        ({"kind": Kind.PLANNED}, "kind", "outage.kind_is_planned"),
        ({"grade": State.RESTORED}, "grade", "field.choice"),
    ],
)
def test_an_outage_that_cannot_be_is_refused(given, field, slug):
    with pytest.raises(BadInput) as refused:
        opened(**given)
    assert [(e.field, e.code) for e in refused.value.errors] == [(field, slug)]


@pytest.mark.parametrize("kind", [Kind.ARREARS, Kind.BREACH])
def test_one_customers_own_affair_is_neither_joined_nor_shown_nor_told(kind):
    rule = KINDS[kind]
    assert (rule.joinable, rule.public, rule.indexed, rule.tells) == (False,) * 4
    made = opened(kind=kind)
    assert [e.kind for e in effects(made.events[0])] == []
    with pytest.raises(IllegalMove):
        moves.join(made.outage, act(3), order_id="112", rules=RULES)
    with pytest.raises(NotAllowed):
        opened(State.CONFIRMED, MACHINE, kind=kind)


def test_a_training_outage_causes_nothing():
    made = opened(training=True)
    assert made.outage.rounds
    assert effects(made.events[0]) == ()


# Exactly one open interruption --------------------------------------------------------------------


def held(outage):
    return {spell.since: spell.reach for spell in spells(outage) if spell.until is None}


def test_steps_of_partial_restoration_keep_both_times():
    outage = restored(opened().outage, 20, ONE)
    step = outage.steps["2.0"]
    assert (step.change, step.at, step.occurred_at) == ("back", at(20), at(20))
    assert outage.state is State.PARTIALLY_RESTORED
    assert outage.dark == AREAS - ONE
    assert outage.rounds["restored.2"].reach == ONE


def test_only_the_newly_added_are_told_of_an_extension():
    outage = opened().outage
    made = moves.extend(outage, act(9), reach=AREAS | NEW, since=at(8), rules=RULES)
    assert made.outage.rounds["extended.2"].reach == NEW
    assert held(made.outage) == {NOON: AREAS, at(8): NEW}


def test_who_was_not_dark_after_all_leaves_the_record_and_hears_so():
    outage = opened().outage
    made = moves.shrink(outage, act(9), reach=ONE, rules=RULES)
    assert made.outage.dark == AREAS - ONE
    assert made.outage.rounds["corrected.2"].reach == ONE
    with pytest.raises(BadInput) as refused:
        moves.shrink(outage, act(9), reach=AREAS, rules=RULES)
    assert code(refused) == ["reach.nothing_left"]


def put_right(outage, minutes=9, reason="clerical", **truth: Any):
    return moves.correct(
        outage, act(minutes), truth=moves.Truth(**truth), reason=reason, rules=RULES
    )


def test_a_cause_that_was_told_wrongly_is_told_again_and_what_was_entered_stays_in_the_chain():
    told = moves.set_cause(opened().outage, act(4), cause="nature.storm", rules=RULES).outage
    made = put_right(told, cause="equipment.insulator_broken", reason="cause_found")
    assert (made.outage.cause, made.outage.corrected) == ("equipment.insulator_broken", 3)
    assert made.outage.rounds["corrected.3"].reach == AREAS
    (event,) = made.events
    assert (event.name, event.data["reason"]) == ("correct", "cause_found")


def test_a_first_cause_needs_no_correcting_text():
    made = put_right(opened().outage, cause="nature.storm")
    assert made.outage.corrected == 0
    assert not causes(made, "notice")


def test_a_start_that_was_wrong_moves_every_interruption_that_began_with_it():
    outage = moves.extend(opened().outage, act(9), reach=NEW, since=at(8), rules=RULES).outage
    made = put_right(outage, 10, since=at(-20))
    assert held(made.outage) == {at(-20): AREAS, at(8): NEW}
    assert (made.outage.since, made.outage.corrected) == (at(-20), 3)
    assert made.outage.rounds["corrected.3"].reach == AREAS | NEW
    assert causes(made, "status") == ["status"]


def test_times_of_what_is_over_are_put_right_in_the_record_and_texted_to_nobody():
    part = restored(opened().outage, 20, ONE)
    over = restored(part, 60)
    made = put_right(over, 70, since=at(-5), back_at=at(50))
    assert spans(made.outage) == [(at(-5), at(20), ONE), (at(-5), at(50), AREAS - ONE)]
    assert made.outage.state is State.RESTORED
    assert not causes(made, "notice")


def spans(outage):
    found = [(one.since, one.until, one.reach) for one in spells(outage)]
    return sorted(found, key=lambda one: one[:2])


def test_another_device_moves_the_darkness_and_each_hears_what_concerns_it():
    outage = opened().outage
    stays = AREAS - ONE
    made = put_right(outage, devices=("B9",), feeders=("F9",), reach=stays | NEW)
    assert (made.outage.devices, made.outage.feeders) == (("B9",), ("F9",))
    assert made.outage.dark == stays | NEW
    assert {one.since for one in spells(made.outage)} == {NOON}
    assert made.outage.rounds["corrected.2"].reach == ONE
    assert made.outage.rounds["extended.2"].reach == NEW
    assert made.outage.corrected == 0
    assert made.outage.has_human_word


@pytest.mark.parametrize(
    ("truth", "fault"),
    [
        ({}, ["field.required"]),
        ({"cause": "nature.snow"}, ["outage.cause_unknown"]),
        ({"devices": ("B1", "B2"), "reach": AREAS}, ["outage.same"]),
        ({"devices": ("B9",)}, ["reach.empty"]),
        ({"since": NOON}, ["outage.same"]),
        ({"since": at(30)}, ["occurred_at.in_future"]),
        ({"back_at": at(5)}, ["outage.not_over"]),
    ],
)
def test_a_correction_that_corrects_nothing_or_cannot_be_is_refused(truth, fault):
    with pytest.raises(BadInput) as refused:
        put_right(opened().outage, **truth)
    assert code(refused) == fault


def test_what_is_over_keeps_its_devices_and_ends_after_it_began():
    over = restored(opened().outage, 60)
    for truth, fault in (
        ({"devices": ("B9",), "reach": NEW}, ["outage.over"]),
        ({"back_at": at(-10)}, ["outage.back_before_out"]),
        ({"since": at(61)}, ["outage.back_before_out"]),
    ):
        with pytest.raises(BadInput) as refused:
            put_right(over, 70, **truth)
        assert code(refused) == fault


def test_a_supply_point_that_is_dark_already_stays_where_it_is():
    below = opened(outage_id="Q2", reach=ONE).outage
    above = opened(others=(below,), minutes=5, since=5).outage
    assert above.dark == AREAS - ONE
    assert free(AREAS, [below, above]) == NOWHERE
    with pytest.raises(BadInput) as refused:
        opened(reach=ONE, others=(below,))
    assert code(refused) == ["reach.taken"]


def nested():
    below = opened(outage_id="Q2", reach=ONE, minutes=1).outage
    above = opened(others=(below,), minutes=5, since=5).outage
    return tuple(made.outage for made in moves.nest(above, below, act(6), rules=RULES))


def test_the_nested_hear_no_restored_of_the_outage_above_them():
    above, below = nested()
    made = moves.restore(above, act(30), at=at(30), rules=RULES)
    assert not made.outage.rounds[f"restored.{made.outage.version}"].reach & ONE
    assert causes(made, "unnest") == ["Q2"]
    assert below.dark == ONE
    assert moves.unnest(below, act(31), rules=RULES).outage.above == ""


def test_what_lies_below_is_free_when_the_outage_above_was_none():
    above, _ = nested()
    made = moves.deny(above, act(9, by=CREW), rules=RULES)
    assert causes(made, "unnest") == ["Q2"]
    assert made.outage.below == ()


def test_what_lies_below_is_not_back_while_the_outage_above_holds_it():
    above, below = nested()
    with pytest.raises(GateClosed) as refused:
        moves.restore(below, act(20), at=at(20), rules=RULES)
    assert refused.value.facts["gates"] == ["nothing_above"]
    gone, parent = moves.transfer(below, above, act(20), rules=RULES)
    assert gone.outage.state is State.ABSORBED
    assert parent.outage.dark == AREAS
    assert held(parent.outage) == {at(5): AREAS - ONE, NOON: ONE}


def test_a_fault_found_below_takes_its_customers_out_with_their_earlier_start():
    above = opened().outage
    below = opened(outage_id="Q2", reach=ONE, minutes=20, since=20).outage
    upper, lower = moves.nest(above, below, act(21), rules=RULES)
    assert upper.outage.dark == AREAS - ONE
    assert held(lower.outage) == {NOON: ONE}
    assert lower.outage.since == NOON
    back = moves.restore(upper.outage, act(30), at=at(30), rules=RULES).outage
    assert not back.rounds[f"restored.{back.version}"].reach & ONE


def test_a_parent_absorbs_its_child_with_orders_dangers_and_the_earlier_start():
    child = opened(outage_id="Q2", reach=ONE).outage
    child = moves.attach_order(child, act(3), order_id="201", rules=RULES).outage
    child = moves.join(child, act(3), order_id="202", rules=RULES).outage
    child = moves.join(child, act(3), order_id="203", danger="wire_down", rules=RULES).outage
    parent = opened(others=(child,), since=4, minutes=5).outage
    parent = moves.attach_order(parent, act(6), order_id="101", rules=RULES).outage

    gone, kept = moves.transfer(child, parent, act(7), rules=RULES)

    assert (gone.outage.state, gone.outage.parent) == (State.ABSORBED, "Q1")
    assert gone.outage.dark == NOWHERE
    assert kept.outage.children == ("201", "202")
    assert dict(kept.outage.dangers) == {"203": "wire_down"}
    assert kept.outage.since == NOON
    assert causes(gone, "absorbed") == ["201", "202"]
    assert causes(kept, "notice") == ["extended"]


def test_a_transfer_leaves_each_household_in_exactly_one_outage():
    source, target = opened().outage, opened(outage_id="Q2", reach=NEW).outage
    gave, took = moves.transfer(source, target, act(9), rules=RULES, reach=ONE)
    assert gave.outage.dark | took.outage.dark == AREAS | NEW
    assert not gave.outage.dark & took.outage.dark
    assert took.outage.rounds["extended.2"].reach == ONE
    assert gave.outage.state is State.CONFIRMED


def test_with_a_part_go_the_callers_of_that_part_and_the_repair_order_stays():
    source, target = opened().outage, opened(outage_id="Q2", reach=NEW).outage
    source = moves.attach_order(source, act(3), order_id="101", rules=RULES).outage
    for order, danger in (("201", ""), ("202", ""), ("203", "wire_down"), ("204", "fire")):
        source = moves.join(source, act(4), order_id=order, danger=danger, rules=RULES).outage

    gave, took = moves.transfer(
        source, target, act(9), rules=RULES, reach=ONE, orders=["101", "202", "204", "elsewhere"]
    )

    assert (gave.outage.order_id, gave.outage.children) == ("101", ("201",))
    assert (took.outage.order_id, took.outage.children) == ("", ("202",))
    assert dict(gave.outage.dangers) == {"203": "wire_down"}
    assert dict(took.outage.dangers) == {"204": "fire"}
    assert causes(gave, "absorbed") == ["202"]


def test_a_suspicion_is_taken_back_with_a_reason_only_where_it_is_a_known_one():
    outage = opened(State.SUSPECTED, MACHINE).outage
    made = moves.withdraw(outage, act(9, by=MACHINE), rules=RULES, reason=UNANSWERED)
    assert made.events[-1].data["reason"] == UNANSWERED
    with pytest.raises(BadInput):
        moves.withdraw(outage, act(9, by=MACHINE), rules=RULES, reason="bored")


def test_an_outage_is_not_handed_to_itself():
    outage = opened().outage
    for pair in (moves.transfer, moves.nest):
        with pytest.raises(BadInput) as refused:
            pair(outage, outage, act(5), rules=RULES)
        assert code(refused) == ["outage.itself"]


def test_power_cannot_be_back_before_it_went_nor_tomorrow():
    outage = opened().outage
    with pytest.raises(BadInput) as refused:
        moves.restore(outage, act(5), at=at(-1), rules=RULES)
    assert code(refused) == ["outage.back_before_out"]
    with pytest.raises(BadInput) as refused:
        moves.restore(outage, act(5), at=at(60), rules=RULES)
    assert code(refused) == ["occurred_at.in_future"]


def test_a_house_that_is_still_dark_reopens_the_outage_from_its_own_start():
    outage = restored(opened().outage, 30)
    made = moves.still_dark(outage, act(40), reach=ONE, rules=RULES)
    assert made.outage.state is State.PARTIALLY_RESTORED
    assert held(made.outage) == {NOON: ONE}
    assert made.outage.rounds[f"extended.{made.outage.version}"].reach == ONE
    again = restored(made.outage, 60)
    assert [(s.since, s.until) for s in spells(again) if s.reach & ONE] == [(NOON, at(60))]


# When power will be back --------------------------------------------------------------------------


def etr(outage, minutes, when, *, source="crew", reason="", next_update_at=None):
    return moves.set_etr(
        outage,
        act(minutes),
        at=None if when is None else at(when),
        source=source,
        reason=reason,
        next_update_at=next_update_at,
        rules=RULES,
    )


@pytest.mark.parametrize(
    ("when", "given", "slug"),
    [
        (4, {}, "etr.in_past"),
        (5, {}, "etr.in_past"),
        (-1, {}, "etr.before_start"),
        (None, {}, "field.required"),
        (None, {"next_update_at": at(1)}, "etr.in_past"),
        (90, {"source": "guess"}, "field.choice"),
        (90, {"reason": "bored"}, "field.choice"),
    ],
)
def test_an_expected_restoration_that_cannot_be_is_refused(when, given, slug):
    with pytest.raises(BadInput) as refused:
        etr(opened().outage, 5, when, **given)
    assert code(refused) == [slug]


def test_every_change_of_the_expected_restoration_is_kept_and_told():
    outage = etr(opened().outage, 5, 90).outage
    with pytest.raises(BadInput) as refused:
        etr(outage, 30, 120)
    assert code(refused) == ["field.required"]
    outage = etr(outage, 30, 120, reason="material").outage
    assert [(e.at, e.reason) for e in outage.etrs.values()] == [
        (at(90), ""),
        (at(120), "material"),
    ]
    assert rounds(outage) == ["start", "etr_set", "etr_changed"]
    with pytest.raises(BadInput) as refused:
        etr(outage, 31, 120)
    assert code(refused) == ["etr.same"]


def test_an_unknown_restoration_carries_when_the_next_word_comes():
    outage = opened().outage
    assert outage.update_at == at(32)
    outage = etr(outage, 10, None, next_update_at=at(50)).outage
    assert (outage.etr.at, outage.update_at, rounds(outage)) == (None, at(50), ["start"])
    events = fired(outage, until=at(50))
    assert ["update", at(50)] == [events[-1].data["due"][0], events[-1].occurred_at]


def test_a_rules_estimate_never_replaces_a_persons_word_while_it_stands():
    outage = etr(opened().outage, 5, 90).outage
    with pytest.raises(GateClosed) as refused:
        etr(outage, 10, 60, source="rule")
    assert refused.value.facts["gates"] == ["no_human_etr"]
    assert etr(later(outage, 95), 95, 150, source="rule", reason="more_damage").outage


def test_a_promised_time_that_passes_is_an_overrun_once_and_a_new_word_is_owed():
    outage = etr(opened().outage, 5, 90).outage
    events = [e for e in fired(outage, until=at(95)) if e.data["due"][0] == "overrun"]
    assert [(e.occurred_at, e.seq) for e in events] == [(at(90), events[0].seq)]
    assert later(outage, 95).update_at == at(125)
    assert [e.name for e in effects(events[0]) if e.kind == "alert"] == ["overrun"]
    assert ("overrun", at(100)) in walk(outage, at(101))


def test_a_cause_that_follows_the_expected_restoration_is_told_and_a_corrected_one_is_not():
    told = etr(opened().outage, 5, 90).outage
    made = moves.set_cause(told, act(6), cause="equipment.insulator_broken", rules=RULES)
    assert causes(made, "notice") == ["cause"]
    again = moves.set_cause(made.outage, act(7), cause="nature.lightning", rules=RULES)
    assert causes(again, "notice") == []
    early = moves.set_cause(opened().outage, act(3), cause="nature.lightning", rules=RULES)
    assert causes(early, "notice") == []


def test_a_promised_next_word_goes_out_even_when_nobody_has_one():
    outage = opened().outage
    assert ("update", at(32)) in walk(outage, at(33))
    assert later(outage, 32).update_at == at(62)


# Two five minutes ---------------------------------------------------------------------------------


def settled(outage, name, minutes, *, told=None, final=True):
    return moves.settle(
        outage,
        act(minutes, by=MACHINE),
        round_id=name,
        told_at=None if told is None else at(told),
        counts={"sent": outage.rounds[name].reach.households},
        is_final=final,
        rules=RULES,
    )


def test_s1_22_both_five_minutes_and_the_whole_way_are_on_record():
    outage = moves.confirm(
        opened(State.SUSPECTED, MACHINE, 1).outage, act(2, by=CREW, entered=3), rules=RULES
    ).outage
    outage = settled(outage, "start.2", 5, told=4.5).outage
    (figure,) = figures(outage)
    assert (figure.entry, figure.notify) == (MINUTE, 1.5 * MINUTE)
    assert figure.end_to_end == 4.5 * MINUTE


def test_the_first_five_minutes_run_from_when_it_is_probable():
    outage = opened(State.PROBABLE, MACHINE, 1).outage
    names = [e.data["rungs"][0][0] for e in fired(outage, until=at(6)) if "rungs" in e.data]
    assert names == ["entry.red", "entry.due"]
    late = moves.confirm(later(outage, 6), act(8, by=CREW), rules=RULES).outage
    assert figures(late)[0].entry == 7 * MINUTE


def test_the_second_five_minutes_run_until_the_last_text_is_accepted():
    outage = opened().outage
    names = [
        e.data["rungs"][0][0] for e in fired(outage, until=at(12)) if e.data["due"][0] == "clock"
    ]
    assert names == ["notify.red", "notify.due", "whole.due"]
    told = settled(outage, "start.1", 6, told=5).outage
    assert [e.data["due"][0] for e in fired(told, until=at(30))] == []


def test_over_ten_minutes_from_outage_to_notice_is_an_alarm():
    made = sweep(opened().outage, at(10))
    assert "whole.due" in causes(made, "alert")


def test_what_is_known_and_not_entered_is_watched_too():
    outage = settled(opened().outage, "start.1", 3, told=3).outage
    outage = moves.know(
        outage, act(10), information="restored", happened_at=at(9), rules=RULES
    ).outage
    late = later(outage, 16)
    assert "entry.due" in [
        e.data["rungs"][0][0] for e in fired(outage, until=at(16)) if "rungs" in e.data
    ]
    done = moves.restore(late, act(17), at=at(9), rules=RULES).outage
    figure = figures(done)[-1]
    assert (figure.kind, figure.entry) == ("restored", 7 * MINUTE)
    assert dict(done.known) == {}


def test_a_round_is_looked_at_until_every_household_has_a_final_state():
    outage = restored(opened().outage, 20)
    looks = [e.data["reconcile"] for e in fired(outage, until=at(40)) if "reconcile" in e.data]
    assert looks == ["start.1", "start.1", "restored.2"]
    outage = settled(outage, "start.1", 21, told=3).outage
    made = settled(outage, "restored.2", 22, told=21)
    assert made.outage.next_due_at is None


def test_a_round_whose_households_are_all_final_is_short():
    made = settled(opened().outage, "start.1", 5, told=4)
    done = made.outage.rounds["start.1"]
    assert (done.reach, dict(done.counts), done.watch_at) == (NOWHERE, {"sent": 43}, None)
    sending = settled(opened().outage, "start.1", 5, told=4, final=False).outage
    assert sending.rounds["start.1"].reach == AREAS


def test_a_text_is_not_accepted_before_its_round_began():
    with pytest.raises(BadInput) as refused:
        settled(opened().outage, "start.1", 5, told=1)
    assert code(refused) == ["occurred_at.before_last_step"]


# Orders -------------------------------------------------------------------------------------------


def test_children_close_after_power_is_back_and_the_caller_is_told():
    outage = moves.attach_order(opened().outage, act(3), order_id="101", rules=RULES).outage
    outage = moves.join(outage, act(4), order_id="112", rules=RULES).outage
    outage = moves.join(outage, act(4), order_id="113", danger="wire_down", rules=RULES).outage
    made = moves.restore(outage, act(30), at=at(30), rules=RULES)
    assert causes(made, "back") == ["101", "112"]
    assert causes(made, "close") == []
    sending = settled(made.outage, "restored.5", 31, told=31, final=False)
    assert causes(sending, "close") == []
    told = settled(sending.outage, "restored.5", 32)
    assert causes(told, "close") == ["112"]
    assert causes(settled(told.outage, "restored.5", 33), "close") == []


def test_there_is_one_repair_order_and_one_place_for_a_report():
    outage = moves.attach_order(opened().outage, act(3), order_id="101", rules=RULES).outage
    with pytest.raises(GateClosed):
        moves.attach_order(outage, act(4), order_id="102", rules=RULES)
    with pytest.raises(BadInput) as refused:
        moves.join(outage, act(4), order_id="101", rules=RULES)
    assert code(refused) == ["child.already"]


def test_a_crew_goes_forward_and_another_one_starts_over():
    outage = opened().outage

    def crew(status, crew_id="c7"):
        return moves.set_crew(outage, act(5), status=status, crew_id=crew_id, rules=RULES).outage

    outage = crew("arrived")
    with pytest.raises(BadInput) as refused:
        crew("set_out")
    assert code(refused) == ["crew.backwards"]
    assert crew("assigned", "c8").crew.crew_id == "c8"


def test_a_cause_is_one_of_the_tree():
    with pytest.raises(BadInput) as refused:
        moves.set_cause(opened().outage, act(5), cause="nature.vehicle", rules=RULES)
    assert code(refused) == ["outage.cause_unknown"]


# Planned life -------------------------------------------------------------------------------------


def walk(outage, until):
    """Return (kind of round, when) of every round until then."""
    return [
        (name.partition(".")[0], event.occurred_at)
        for event in fired(outage, until=until)
        for name in event.data.get("rounds", ())
    ]


def test_s2_8_a_planned_outage_is_told_a_week_a_day_and_half_an_hour_before_each_once():
    assert walk(announced(), START) == [
        ("planned_7d", START - 7 * DAY - MARGIN),
        ("planned_1d", START - DAY),
        ("planned_30min", START - 30 * MINUTE),
    ]


def test_s2_8_a_short_notice_outage_is_told_a_day_and_half_an_hour_before():
    outage = announced(Kind.SHORT_NOTICE)
    assert walk(outage, START) == [
        ("short_notice_24h", START - DAY - MARGIN),
        ("short_notice_30min", START - 30 * MINUTE),
    ]


def test_a_sweep_that_comes_day_by_day_sends_each_notice_once():
    told: list[str] = []
    outage = announced()
    for day in range(11):
        made = moves.fire(outage, at=NOON + day * DAY + MINUTE, rules=RULES)
        outage = made.outage if made else outage
        told += causes(made, "notice") if made else []
    assert told == ["planned_7d", "planned_1d"]  # at 12:16 on the day the start has passed


def test_a_reminder_in_the_night_moves_earlier_never_later():
    start = NOON + 10 * DAY - 6 * HOUR - 15 * MINUTE  # 06:00 in China
    outage = announced(start=start)
    assert walk(outage, start) == [
        ("planned_7d", start - 7 * DAY - 9.5 * HOUR),  # 20:30 the evening before
        ("planned_1d", start - DAY - 9.5 * HOUR),
        ("planned_30min", start - 9.5 * HOUR),
    ]


def test_a_late_notice_stays_planned_and_its_breach_is_on_record_with_the_reason():
    outage = approved(start=NOON + 3 * DAY)
    with pytest.raises(BadInput) as refused:
        moves.announce(outage, act(9), rules=RULES)
    assert code(refused) == ["field.required"]
    made = moves.announce(outage, act(9), rules=RULES, reason="government_asks")
    assert made.outage.kind is Kind.PLANNED
    assert [(limit, to, reason) for limit, to, _, _, reason in made.events[0].data["breaches"]] == [
        ("outage_notice.planned", "public", "government_asks"),
        ("outage_notice.hand_in", "service_centre", "government_asks"),
    ]
    assert causes(made, "notice") == ["planned_7d"]
    assert [kind for kind, _ in walk(made.outage, NOON + 3 * DAY)] == [
        "planned_1d",
        "planned_30min",
    ]


def test_a_lead_that_passes_without_an_announcement_is_told_to_the_desk():
    made = sweep(approved(), START - 7 * DAY)
    assert causes(made, "alert") == ["plan_public"]


def test_a_short_notice_has_an_approval_of_its_own_that_says_why_it_could_not_wait():
    outage, controller = submitted(Kind.SHORT_NOTICE), Actor("network_controller", "n1")
    with pytest.raises(BadInput) as refused:
        moves.approve(outage, act(2, by=controller), rules=RULES)
    assert code(refused) == ["field.required"]
    signed = moves.approve(outage, act(2, by=controller), rules=RULES, reason="load_risk").outage
    assert signed.state is State.SUBMITTED
    with pytest.raises(NotAllowed):
        moves.approve(signed, act(3, by=controller), rules=RULES, reason="load_risk")
    plan = approved(Kind.SHORT_NOTICE).plan
    assert plan is not None
    assert plan.signatures[-1].role == "leader"


def test_nobody_signs_what_they_drafted():
    with pytest.raises(NotAllowed):
        moves.approve(
            submitted(), act(2, by=Actor("network_controller", DESK.actor_id)), rules=RULES
        )


def test_a_major_outage_needs_one_signature_more():
    outage = moves.submit(drafted(), act(1), rules=RULES, needs_review=True).outage
    *chain, last = signers("planned", review=True)
    for role in chain:
        outage = moves.approve(outage, act(2, by=Actor(role, role)), rules=RULES).outage
    assert outage.state is State.SUBMITTED
    done = moves.approve(outage, act(3, by=Actor(last, last)), rules=RULES).outage
    assert done.state is State.APPROVED


def change(outage, start, reach=AREAS, minutes=None):
    when = outage.moved_at + MINUTE if minutes is None else at(minutes)
    return moves.change(
        outage,
        moves.Act(DESK, when, when),
        start=start,
        finish=start + 8 * HOUR,
        reach=reach,
        reason="weather",
        rules=RULES,
    )


def test_a_change_is_one_revision_more_and_its_reminders_come_again():
    told = later(announced(), 4 * 24 * 60)
    made = change(told, START + DAY)
    assert made.outage.plan.revision == 2
    assert causes(made, "notice") == ["changed"]
    assert walk(made.outage, START + DAY) == [
        ("planned_1d", START),
        ("planned_30min", START + DAY - 30 * MINUTE),
    ]


def test_a_change_before_anybody_was_told_texts_nobody():
    made = change(announced(), START + DAY)
    assert causes(made, "notice") == []
    assert walk(made.outage, START + DAY)[0] == ("planned_7d", START - 6 * DAY - MARGIN)


def test_who_leaves_a_plan_hears_that_it_is_cancelled_and_who_is_new_gets_a_notice():
    told = later(announced(), 4 * 24 * 60)
    made = change(told, START, reach=(AREAS - ONE) | NEW)
    seq = made.outage.version
    assert causes(made, "notice") == ["changed", "cancelled", "planned_7d"]
    assert made.outage.rounds[f"cancelled.{seq}"].reach == ONE
    assert made.outage.rounds[f"planned_7d.{seq}"].reach == NEW


def test_a_cancelled_plan_is_taken_back_from_those_who_were_told_and_reminds_nobody():
    told = later(announced(), 4 * 24 * 60)
    made = moves.cancel(told, act(4 * 24 * 60 + 1), reason="weather", rules=RULES)
    assert causes(made, "notice") == ["cancelled"]
    assert [kind for kind, _ in walk(made.outage, START)] == []
    untold = moves.cancel(announced(), act(10), reason="weather", rules=RULES)
    assert causes(untold, "notice") == []


def test_its_planned_end_is_its_first_expected_restoration_and_an_overrun_is_told():
    outage = begun()
    assert (outage.etr.at, outage.etr.source) == (START + 8 * HOUR, "plan")
    assert rounds(outage)[-1] == "planned_30min"
    assert ("overrun", START + 8 * HOUR + 10 * MINUTE) in walk(outage, START + 9 * HOUR)


def test_early_restoration_and_overrun_are_on_record():
    for hours, word in ((2, "early"), (8, "on_time"), (9, "overrun")):
        when = START + hours * HOUR
        made = moves.restore(begun(), moves.Act(DESK, when, when), at=when, rules=RULES)
        assert made.outage.state is State.FINISHED
        assert made.events[0].data["finish"] == word
        assert causes(made, "notice") == ["restored"]


def test_2_2_works_extended_less_than_half_an_hour_before_their_end_are_on_record_once():
    end = START + 8 * HOUR

    def extended(outage, minutes_left, hours):
        when = end - timedelta(minutes=minutes_left)
        return moves.set_etr(
            outage,
            moves.Act(DESK, when, when),
            at=end + hours * HOUR,
            source="dispatcher",
            reason="works_delayed",
            rules=RULES,
        )

    assert "breaches" not in extended(begun(), 30, 1).events[0].data
    late = extended(begun(), 29, 1)
    (breach,) = late.events[0].data["breaches"]
    assert (breach[0], breach[-1]) == ("outage_notice.extension", "works_delayed")
    assert "breaches" not in extended(late.outage, 5, 2).events[0].data


def test_a_plan_whose_hour_comes_without_switching_is_told_to_the_desk():
    made = sweep(announced(), START + 8 * HOUR)
    assert [n for n in causes(made, "alert") if n.startswith("plan")] == [
        "plan_start",
        "plan_finish",
    ]


def test_an_emergency_switching_is_refused_naming_the_key_customers_not_called():
    outage = approved(Kind.EMERGENCY_DEFECT, key_customers=("K1", "K2"))

    def call(outage, deed, customer_id):
        return moves.record_call(outage, deed, customer_id=customer_id, line="城东线", rules=RULES)

    with pytest.raises(BadInput) as refused:
        call(outage, act(8), "K1")
    assert code(refused) == ["field.required"]
    outage = call(outage, act(8, digest="said"), "K1").outage
    assert outage.calls["K1"][1:] == ("d1", "城东线", "said")
    with pytest.raises(GateClosed) as missing:
        moves.begin(outage, act(9), at=at(9), rules=RULES)
    assert missing.value.facts["missing"] == ["K2"]
    outage = call(outage, act(8, digest="said"), "K2").outage
    made = moves.begin(outage, act(9), at=at(9), rules=RULES)
    assert causes(made, "notice") == ["start"]


def test_who_is_dark_by_a_fault_when_a_plan_begins_stays_in_the_fault():
    fault = opened(reach=ONE).outage
    deed = moves.Act(DESK, START, START)
    outage = moves.begin(told_plan(), deed, at=START, rules=RULES, others=[fault]).outage
    assert outage.dark == AREAS - ONE


@pytest.mark.parametrize(
    ("start", "finish", "slug"),
    [(NOON, NOON + HOUR, "plan.in_past"), (START, START, "plan.ends_before")],
)
def test_a_plan_that_cannot_be_is_refused(start, finish, slug):
    with pytest.raises(BadInput) as refused:
        moves.edit(drafted(), act(1), start=start, finish=finish, reach=AREAS, rules=RULES)
    assert code(refused) == [slug]


# Time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "kind"), POSSIBLE)
def test_every_open_outage_is_armed_and_its_sweep_makes_each_event_once(state, kind):
    outage = in_state(state, kind)
    assert state in OVER or outage.next_due_at is not None
    assert outage.next_due_at == moves.next_due(outage, rules=RULES)
    made = moves.fire(outage, at=START + DAY, rules=RULES)
    if made is None:
        return
    times = [event.data["due"][2] for event in made.events]
    assert times == sorted(times)
    assert [event.seq for event in made.events] == list(
        range(outage.version + 1, made.outage.version + 1)
    )
    assert moves.fire(made.outage, at=START + DAY, rules=RULES) is None


def test_a_sweep_that_was_dead_sends_only_the_newest_reminder():
    told = later(announced(), 4 * 24 * 60)
    made = sweep(told, START - 10 * MINUTE)
    assert causes(made, "notice") == ["planned_30min"]
    assert [e.data["missed"] for e in made.events if "missed" in e.data] == ["planned_1d"]


def test_a_suspicion_nobody_checks_is_spoken_of_again_and_again():
    outage = opened(State.SUSPECTED, MACHINE, 0).outage
    assert [e.data["due"][0] for e in fired(outage, until=at(15))] == ["review"]
    assert later(outage, 15).next_due_at == at(30)


def test_a_refusal_says_what_and_where():
    with pytest.raises(Refused) as refused:
        moves.assess(
            restored(opened().outage), act(60, by=MACHINE), grade=State.PROBABLE, rules=RULES
        )
    assert refused.value.facts == {"move": "assess", "stage": "restored", "kind": "fault"}


def test_what_was_done_before_it_was_opened_is_refused():
    with pytest.raises(BadInput) as refused:
        moves.confirm(opened(State.PROBABLE, MACHINE, 5).outage, act(1, by=CREW), rules=RULES)
    assert code(refused) == ["occurred_at.before_last_step"]


# What the public sees -----------------------------------------------------------------------------


def test_the_status_page_is_rewritten_when_what_it_shows_changes_and_not_else():
    made = opened()
    assert causes(made, "status") == ["status"]
    assert causes(settled(made.outage, "start.1", 4, told=3), "status") == []
    assert causes(etr(made.outage, 5, 90), "status") == ["status"]
    assert causes(sweep(made.outage, at(7)), "status") == []


# Whatever is done, each household is dark in one outage at most -----------------------------------

POINTS = {"T1": ["L1", "L2"], "T2": ["L3", "L4"]}
PIECES = st.sets(st.sampled_from(["L1", "L2", "L3", "L4"]), min_size=1).map(
    lambda loads: Reach.of(
        {name: [load for load in own if load in loads] for name, own in POINTS.items()}
    )
)
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["extend", "shrink", "restore", "still_dark", "transfer", "nest"]),
        st.booleans(),
        PIECES,
    ),
    max_size=12,
)


def deed(name, one, two, moment, reach):
    """Do something to the first of two outages, or to both; a refusal changes nothing."""
    by = moves.Act(DESK, moment, moment)
    try:
        if name == "extend":
            others = [two]
            made = moves.extend(
                one, by, reach=reach, since=moment - MINUTE, rules=RULES, others=others
            )
        elif name == "restore":
            made = moves.restore(one, by, at=moment, rules=RULES, reach=reach)
        elif name in {"transfer", "nest"}:
            if name == "nest":
                both = moves.nest(one, two, by, rules=RULES)
            else:
                both = moves.transfer(one, two, by, rules=RULES, reach=reach)
            return both[0].outage, both[1].outage
        elif name == "still_dark" and reach & two.dark:
            return one, two  # the caller asks `free` first
        else:
            made = getattr(moves, name)(one, by, reach=reach, rules=RULES)
    except Refused:
        return one, two
    return made.outage, two


@given(DEEDS)
@settings(max_examples=60)
def test_each_supply_point_has_at_most_one_open_interruption(deeds):
    one = opened(reach=Reach.of({"T1": "all"}, {"T1": 2}), minutes=0).outage
    two = opened(reach=Reach.of({"T2": ["L3"]}), outage_id="Q2", minutes=0).outage
    for n, (name, is_second, reach) in enumerate(deeds):
        first, second = (two, one) if is_second else (one, two)
        first, second = deed(name, first, second, at(10 + n * 5), reach)
        one, two = (second, first) if is_second else (first, second)
        assert not one.dark & two.dark
        for outage in (one, two):
            open_ones = [spell.reach for spell in spells(outage) if spell.until is None]
            assert sum(r.households for r in open_ones) == outage.dark.households
            assert all(s.until is None or s.since <= s.until for s in spells(outage))
            assert outage.state in OVER or outage.dark
            assert Outage.from_json(outage.to_json()) == outage
