"""What of an order is shown to whom: pure, from head, events and words, as they were read."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from chalicelib.domain import grading
from chalicelib.domain import words as wording
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Actor, Event, Order, milestones
from chalicelib.domain.procedure import Advanced
from chalicelib.domain.procedures import PROCEDURES
from chalicelib.domain.staff import Office, OfficeLevel, Role, Staff
from chalicelib.store.orders import Head
from chalicelib.store.personal import ContactItem, Words
from chalicelib.store.registry import Snapshot
from chalicelib.usecases import showing
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.showing import Record
from tests.builders import COUNTY, CREW, NOON, PATH, SECRET, STATION, a_fault, an_opening, fired
from tests.builders import moved as moved_

MINUTE = timedelta(minutes=1)
NAMES = dict(zip(PATH, ("省公司", "市公司", "清河县公司", "城关供电所"), strict=True))


def the_desk(*people: Staff) -> Desk:
    offices = {
        office_id: Office(office_id, NAMES[office_id], level, PATH[: place + 1])
        for place, (office_id, level) in enumerate(zip(PATH, OfficeLevel, strict=True))
    }
    nothing: MappingProxyType[Any, Any] = MappingProxyType({})
    snapshot = Snapshot(
        offices=offices,
        staff={person.staff_id: person for person in people},
        phones=nothing,
        duties=nothing,
        keys=nothing,
        webhooks=nothing,
        overrides=(),
        calendars=(),
        settings=nothing,
        versions=nothing,
        unreadable=(),
    )
    return Desk(snapshot, SECRET, "state_grid")


class Story:
    """An order and the events that made it so far."""

    def __init__(self, opened: Advanced) -> None:
        self.order: Order = opened.order
        self.events: list[Event] = [opened.event]

    def then(self, move: str, role: str, *, at: datetime | None = None, **answers: Any) -> "Story":
        by = Actor(role, CREW if role == "crew" else f"{role}-1", STATION)
        advanced = moved_(self.order, move, by=by, at=at, **answers)
        self.order = advanced.order
        self.events.append(advanced.event)
        return self

    def until(self, at: datetime) -> "Story":
        advanced = fired(self.order, at=at)
        self.order = advanced.order
        self.events.append(advanced.event)
        return self

    def head(self, **shown: Any) -> Head:
        return Head(self.order, {"summary": "家里没电了", "place": "建设路3-2台区", **shown})

    def public(self, at: datetime = NOON + MINUTE) -> dict[str, Any]:
        return showing.public_order(the_desk(), self.head(), milestones(self.events), at=at)

    def row(self, at: datetime = NOON + MINUTE) -> dict[str, Any]:
        return showing.queue_row(the_desk(), self.head(), at=at)


def a_story(**said: Any) -> Story:
    return Story(a_fault(**{"facts": {"terrain": "urban"}, **said}))


def a_complaint() -> Story:
    return Story(an_opening("complaint", answers={"description": "x"}))


def dispatched() -> Story:
    return a_story().then("dispatch", "dispatcher", office=STATION)


# The citizen ------------------------------------------------------------------------------------


def test_the_stage_is_told_in_the_citizens_few_words_along_the_whole_line():
    story, seen = a_story(), []
    steps: Iterable[tuple[str, str, dict[str, Any]]] = (
        ("dispatch", "dispatcher", {"office": STATION}),
        ("receive", "crew", {}),
        ("set_out", "crew", {}),
        ("arrive", "crew", {}),
        ("reply", "crew", {"result": "repaired", "power_back": True, "note": "换熔丝"}),
        ("approve_reply", "dispatcher", {}),
        ("visit_satisfied", "return_visitor", {}),
        ("archive", "return_visitor", {}),
    )
    for move, role, answers in steps:
        seen.append(story.public()["public_stage"])
        story.then(move, role, **answers)
    seen.append(story.public()["public_stage"])

    assert seen == [
        "accepted", "dispatched", "dispatched", "on_way", "on_site", "working", "done", "done",
        "closed",
    ]  # fmt: skip


def test_every_stage_of_every_procedure_has_a_public_one():
    stages = {stage for procedure in PROCEDURES.values() for stage in procedure.stages}

    assert stages <= showing.PUBLIC_STAGES.keys()


def test_the_promise_that_counts_down_is_the_one_due_next():
    story = dispatched().then("receive", "crew").then("arrive", "crew", at=NOON + 30 * MINUTE)

    public = story.public(NOON + 31 * MINUTE)

    assert public["promise"]["name"] == "restore"
    assert public["promise"]["due_at"] == "2026-03-10T07:30:00.000Z"
    assert {clock["name"] for clock in public["promises"]} == {"arrive", "restore"}
    assert public["apology"] is False


@pytest.mark.parametrize(("minutes", "apology"), [(44, False), (45, False), (46, True)])
def test_we_apologise_from_the_moment_that_a_promise_is_broken(minutes, apology):
    assert a_story().public(NOON + minutes * MINUTE)["apology"] is apology


def test_a_promise_kept_late_stays_an_apology():
    story = dispatched().then("arrive", "crew", at=NOON + 50 * MINUTE)

    assert story.public(NOON + 51 * MINUTE)["apology"] is True


def test_a_broken_promise_is_a_step_of_the_timeline_and_a_warning_is_not():
    warned = a_story().until(NOON + 40 * MINUTE)
    broken = a_story().until(NOON + 46 * MINUTE)

    assert [step["event"] for step in warned.public()["timeline"]] == ["opened"]
    assert [step["text_slug"] for step in broken.public()["timeline"]] == [
        "public.move.opened", "public.timer.promise_broken",
    ]  # fmt: skip


def test_what_only_the_staff_should_know_is_no_step_of_the_timeline():
    story = dispatched().then("note", "dispatcher", note="客户情绪激动").then("receive", "crew")
    story.then("reject", "crew", reason="wrong_unit", note="不归我们")

    assert [step["event"] for step in story.public()["timeline"]] == [
        "opened", "dispatch", "receive",
    ]  # fmt: skip


def test_every_public_step_has_words_in_both_languages():
    moves = {
        move.name
        for procedure in PROCEDURES.values()
        for move in procedure.moves.values()
        if move.public
    }
    keys = {f"public.move.{name}" for name in moves} | {"public.timer.promise_broken"}

    assert {key for key in keys if not wording.has(key)} == set()


def test_a_step_names_the_office_and_never_a_person():
    step = dispatched().public()["timeline"][1]

    assert step["facts"] == {"office": "城关供电所"}


def test_urging_is_offered_from_half_of_the_promise_on():
    early, later = a_story().public(NOON + 22 * MINUTE), a_story().public(NOON + 23 * MINUTE)

    assert "expedite" not in early["can"]
    assert early["expedite_from"] == "2026-03-10T04:22:30.000Z"
    assert "expedite" in later["can"]


@pytest.mark.parametrize(
    ("story", "can"),
    [
        (a_story, {"withdraw", "supplement", "upload"}),
        (lambda: dispatched().then("arrive", "crew"), {"supplement", "upload"}),
        (
            lambda: (
                dispatched()
                .then("arrive", "crew")
                .then("reply", "crew", result="repaired", power_back=True, note="好了")
            ),
            {"supplement", "upload", "rate", "reopen", "expedite"},
        ),
    ],
)
def test_the_citizen_is_offered_what_can_be_done_now(story, can):
    assert set(story().public()["can"]) == can


def test_a_hold_says_why_and_until_when_and_its_promise_stands_still():
    story = dispatched().then("receive", "crew")
    until = datetime(2026, 3, 11, 1, tzinfo=UTC)
    story.then("suspend", "crew", reason="customer_absent", until=until, note="家中无人")

    public = story.public(NOON + 10 * MINUTE)

    assert public["public_stage"] == "suspended"
    assert public["suspended"] == {
        "reason": "customer_absent", "until": "2026-03-11T01:00:00.000Z",
    }  # fmt: skip
    assert (public["promise"]["level"], public["promise"]["paused_by"]) == ("paused", "customer")
    assert public["promise"]["due_at"] is None


def test_a_paper_slip_entered_later_is_marked_late():
    late = Story(a_fault(at=NOON, occurred_at=NOON - timedelta(hours=3)))

    assert late.public()["timeline"][0]["late"] is True


# The queue --------------------------------------------------------------------------------------


def test_a_row_looks_at_the_clock_that_is_due_first():
    assert a_story().row()["clock"]["name"] == "dispatch"
    assert dispatched().row(NOON + 2 * MINUTE)["clock"]["name"] == "receive"


def test_a_clock_says_where_its_limit_stands():
    clocks = showing.clock_rows(the_desk(), a_story().order, at=NOON)

    arrive = next(clock for clock in clocks if clock["name"] == "arrive")
    assert (arrive["limit"], arrive["allowed_seconds"]) == ("fault.arrive.urban", 2700)
    assert arrive["source"].startswith("[")


def test_a_clock_under_a_limit_that_was_withdrawn_is_named_by_its_version():
    order = a_story().order
    clock = order.clocks["arrive"]
    gone = type(clock).from_json([*clock.to_json()[:1], "S-1@2026-01-01", *clock.to_json()[2:]])
    changed = Order.from_json({**order.to_json(), "cl": {"arrive": gone.to_json()}})

    assert showing.clock_rows(the_desk(), changed, at=NOON)[0]["source"] == "S-1@2026-01-01"


@pytest.mark.parametrize(
    ("story", "chip"),
    [
        (lambda: a_story(facts={"terrain": "urban", "dangers": ["fire"]}), "danger"),
        (lambda: a_story(facts={"terrain": "urban", "special_need": True}), "special_need"),
        (lambda: a_story(facts={"terrain": "urban", "key_customer": True}), "key_customer"),
        (lambda: a_story(training=True), "training"),
        (lambda: Story(an_opening("complaint", channel="12398", answers={"description": "x"})),
         "escalation_12398"),
        (lambda: a_complaint().then("raise_grade", "dispatcher", grade="major", reason="media",
                                    note="x"), "grade_major"),
        (lambda: a_story().then("expedite", "citizen"), "second_contact"),
        (lambda: a_story().then("expedite", "citizen"), "expedited"),
        (lambda: dispatched().then("reject", "crew", reason="wrong_unit", note="x"), "bounced_1"),
        (lambda: a_story().then("supervise", "supervisor", note="x"), "supervised"),
    ],
)  # fmt: skip
def test_a_chip_says_what_to_know_before_opening(story, chip):
    assert chip in story().row()["chips"]
    counted = not wording.has(f"chip.{chip}")
    label = wording.WORDS[f"chip.{chip.rpartition('_')[0] if counted else chip}"]["zh"]
    assert ("{n}" in label) is counted


def test_the_grades_on_offer_are_those_to_which_a_complaint_can_rise():
    def offered(story):
        (found,) = [move for move in shown(story)["moves"] if move["name"] == "raise_grade"]
        return found["needs"][0]["choices"], found["gates_open"]

    story = a_complaint()
    assert offered(story) == (["important", "major", "special"], [])
    story.then("raise_grade", "dispatcher", grade="major", reason="media", note="x")
    assert offered(story) == (["special"], [])
    story.then("raise_grade", "dispatcher", grade="special", reason="regulator", note="x")
    assert offered(story)[1] == ["grade_can_rise"]
    assert shown(story)["grade"] == "special"


def test_every_chip_has_words():
    names = {"danger", "special_need", "key_customer", "escalation_12398", "dissatisfied",
             "second_contact", "bounced", "expedited", "supervised", "suspended", "merged",
             "late_entered", "provisional", "training", "grade_important", "grade_major",
             "grade_special"}  # fmt: skip

    assert {name for name in names if not wording.has(f"chip.{name}")} == set()


def test_counts_and_sentence_say_the_same_as_the_rows():
    at = NOON + 46 * MINUTE
    orders = [a_story().order, dispatched().order, a_fault(at=at - 1.75 * MINUTE).order]
    rows = [showing.queue_row(the_desk(), Head(order), at=at) for order in orders]
    lean = [showing.standing(the_desk(), order, at=at) for order in orders]

    assert showing.counts(rows) == showing.counts(lean)
    assert showing.sentence(rows, at=at) == showing.sentence(lean, at=at)
    assert showing.sentence(rows, at=at) == {
        "overdue": 2, "soon": 1, "undispatched": 2, "oldest_minutes": 44,
    }  # fmt: skip


# Who works it -----------------------------------------------------------------------------------


def a_record(story: Story, **said: Any) -> Record:
    contact = ContactItem(
        party="p",
        order_id=story.order.order_id,
        contact={"phone": "+8613800138000", "name": "欧阳小明", "address": "清河县建设路12号"},
        words={"description": "家里没电了"},
        salt=b"s" * 16,
    )
    given: dict[str, Any] = {"contact": contact, "words": {}, **said}
    return Record(head=story.head(), events=story.events, **given)


def a_dispatcher() -> Staff:
    return Staff("d-1", "王五", Role.DISPATCHER, COUNTY, PATH[:3])


def shown(story: Story, *, may_move: bool = True, **said: Any) -> dict[str, Any]:
    return showing.staff_order(
        the_desk(a_dispatcher()),
        a_record(story, **said),
        a_dispatcher(),
        may_move=may_move,
        language="zh",
        at=NOON + MINUTE,
    )


def test_the_contact_is_masked_for_everybody():
    order = shown(a_story())

    assert order["contact"] == {
        "phone_masked": "138****8000", "name_masked": "欧阳**", "address_masked": "清河县建设路***",
        "special_need": False, "reply_wish": "none",
    }  # fmt: skip
    assert "13800138000" not in str(order)


def test_a_telephone_among_the_words_of_a_step_is_masked():
    said = {2: Words("o", 2, b"", {"phone": "13912345678", "note": "换号了"})}
    story = a_story().then("note", "dispatcher", note="x")

    assert shown(story, words=said)["timeline"][1]["words"] == {
        "phone": "139****5678", "note": "换号了",
    }  # fmt: skip


def test_what_was_forgotten_is_empty_and_nothing_breaks():
    order = shown(a_story(), contact=None)

    assert order["contact"]["phone_masked"] == ""
    assert order["words"] == {}


def test_who_may_not_move_it_is_offered_nothing():
    assert shown(a_story(), may_move=False)["moves"] == []


def test_the_moves_that_the_house_makes_itself_are_never_offered():
    names = {move["name"] for move in shown(a_story())["moves"]}

    assert "merge" in names
    assert not names & {"absorb", "release", "close_with_parent"}


def test_a_gate_that_stands_open_is_said_with_its_move():
    gates = {move["name"]: move["gates_open"] for move in shown(a_story())["moves"]}

    assert gates["dispatch_grid"] == ["low_voltage"]
    assert gates["dispatch"] == []


@pytest.mark.parametrize(
    ("done", "main"),
    [
        ([], "receive"),
        (["receive"], "set_out"),
        (["receive", "set_out"], "arrive"),
        (["receive", "set_out", "arrive"], "restore"),
        (["receive", "set_out", "arrive", "restore"], "reply"),
    ],
)
def test_the_main_move_of_a_crew_follows_the_line(done, main):
    story = dispatched()
    for move in done:
        story.then(move, "crew")
    moves = showing.staff_moves(
        the_desk(), a_record(story), "crew", language="zh", at=NOON + 20 * MINUTE
    )

    assert [move["name"] for move in moves if move["primary"]] == [main]


def test_a_move_that_was_done_before_a_rejection_is_up_again():
    story = dispatched().then("receive", "crew").then("set_out", "crew")
    story.then("reject", "crew", reason="wrong_unit", note="x")
    story.then("dispatch", "dispatcher", office=STATION).then("receive", "crew")

    assert story.public()["public_stage"] == "dispatched"
    assert showing.main_move(["set_out", "arrive"], story.events) == "set_out"


def test_a_supervision_is_a_record_with_owner_asker_and_due():
    story = dispatched().then("supervise", "supervisor", note="请今日答复")

    (record,) = shown(story)["supervisions"]

    assert (record["owner"], record["by"], record["state"]) == (STATION, "supervisor-1", "open")
    assert (record["owner_name"], record["by_name"]) == (NAMES[STATION], "")
    assert record["due_at"] is not None
    assert not any(name.startswith("supervision:") for name in shown(story)["facts"])


def test_a_supervision_names_whoever_is_still_there():
    lin = Staff("supervisor-1", "林梅", Role.SUPERVISOR, COUNTY, PATH[:3])
    zhao = Staff("crew-9", "赵亮", Role.CREW, STATION, PATH)
    story = dispatched().then("supervise", "supervisor", owner="crew-9", note="请今日答复")

    (record,) = showing.supervisions(the_desk(lin, zhao), story.order)

    assert (record["owner_name"], record["by_name"]) == ("赵亮", "林梅")


# Advice -----------------------------------------------------------------------------------------


def advised(story: Story, *people: Staff, at: datetime = NOON + MINUTE, **known: Any) -> Any:
    desk = the_desk(*people)
    moves = showing.staff_moves(desk, a_record(story), "dispatcher", language="zh", at=at)
    return showing.advice(desk, story.head(), moves, at=at, **known)


def hands(*names: str, role: Role = Role.CREW) -> list[Staff]:
    return [Staff(name, name, role, STATION, PATH) for name in names]


def test_the_station_that_serves_the_place_and_its_least_busy_hand_are_advised():
    (only,) = advised(
        a_story(), *hands("a", "b", "c"), station=STATION, busy={"a": 3, "b": 1, "c": 2}
    )

    assert only["data"] == {"office": STATION, "staff": "b"}
    assert only["facts"]["open_orders"] == 1


def test_a_fault_is_not_advised_to_an_area_manager():
    (only,) = advised(a_story(), *hands("m", role=Role.AREA_MANAGER), station=STATION)

    assert only["data"] == {"office": STATION}


def test_the_oldest_open_order_at_the_same_place_is_advised_to_merge_into():
    others = [Head(a_fault(number=n, at=NOON - n * MINUTE).order) for n in (2, 3)]

    found = advised(a_story(), alike=others)

    assert found[0]["data"] == {"parent": others[1].order.order_id}
    assert found[0]["facts"]["alike"] == 2


def test_danger_comes_before_everything_else():
    story = a_story(facts={"terrain": "urban", "dangers": ["wire_down"]})

    found = advised(story, *hands("a"), station=STATION)

    assert [each["text_slug"] for each in found] == ["advice.call_first", "advice.dispatch"]


def test_a_customer_who_may_go_to_the_regulator_is_advised_to_be_supervised_once():
    story = Story(an_opening("grievance", channel="12398", answers={"description": "x"}))

    assert [each["move"] for each in advised(story)] == ["supervise"]
    assert advised(story.then("supervise", "dispatcher", note="x")) == []


@pytest.mark.parametrize(
    ("channel", "answers", "data"),
    [
        ("12398", {}, {"grade": "major", "reason": "regulator"}),
        ("phone", {"escalation_tendency": True}, {"grade": "important", "reason": "may_bypass"}),
        ("phone", {"media": "provincial"}, {"grade": "major", "reason": "media"}),
        ("phone", {"government": "county"}, {"grade": "important", "reason": "government"}),
        ("phone", {"group_event": True}, {"grade": "important", "reason": "group_complaint"}),
        ("phone", {"injury": True}, {"grade": "major", "reason": "injury"}),
        ("phone", {"injury": False, "media": "none"}, None),
        ("phone", {}, None),
    ],
)
def test_s2_3_a_complaint_that_meets_a_grades_criteria_is_advised_to_rise_to_it_once(
    channel, answers, data
):
    answers = {"description": "x", **answers}
    story = Story(an_opening("complaint", channel=channel, answers=answers))

    found = [each["data"] for each in advised(story) if each["move"] == "raise_grade"]

    assert found == ([] if data is None else [data])
    if data:
        story.then("raise_grade", "dispatcher", note="x", **data)
        assert "raise_grade" not in {each["move"] for each in advised(story)}


def test_every_advice_has_words():
    texts = (
        "raise_grade",
        "call_first",
        "merge",
        "dispatch",
        "explain_delay",
        "call_dissatisfied",
        "supervise",
    )
    counted = {"repeated", "wide_impact"}  # of an issue: no order shows them by itself
    grades = {f"grade.{rule.reason}" for rule in grading.RULES if rule.reason not in counted}
    reasons = ("danger", "same_place", "serves_place", "promise_at_risk", "dissatisfied",
               "may_go_to_regulator", *grades)  # fmt: skip

    assert all(wording.has(f"advice.{name}") for name in texts)
    assert all(wording.has(f"advice.reason.{name}") for name in reasons)


def test_a_phone_that_cannot_be_read_any_more_is_stars():
    assert showing.shown_words({"phone": "??"}) == {"phone": "***"}
    assert str(Phone("+8613800138000")) == "138****8000"
