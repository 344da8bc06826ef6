"""What of an order is shown to whom (展示): to the citizen, in the queue, to who works it.

Pure: everything here is made from the head, its events and its words, as they were read. Times are
UTC text with milliseconds; names are slugs, whose words are in domain/words.py; what is personal is
masked. Screens never disagree, because each clock is computed in one place (`clock_rows`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain import grading
from chalicelib.domain import words as wording
from chalicelib.domain.clocks import (
    EXPLICIT,
    Clock,
    Level,
    Rules,
    allowance,
    due,
    elapsed,
    level,
    millis,
)
from chalicelib.domain.contact import Phone, mask_address, mask_name
from chalicelib.domain.limits import UnknownLimit
from chalicelib.domain.order import (
    BROKEN,
    Event,
    Milestone,
    Order,
    milestone,
    milestones,
    was_late,
)
from chalicelib.domain.procedure import (
    GRADE_TOLD,
    SUPERVISION,
    Move,
    Need,
    moves_open_to,
    needs_now,
)
from chalicelib.domain.refusal import BadInput
from chalicelib.domain.staff import Outsider, Staff
from chalicelib.store.orders import Head
from chalicelib.store.personal import ContactItem, Words
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.tracking import expedite_from

HOTLINE: Final = "95598"
LATE: Final = frozenset({Level.OVERDUE, Level.LATE3})
MISSED: Final = LATE | {Level.BROKEN}
INTERNAL: Final = frozenset({"absorb", "release"})
"""Moves that the house makes beside another move: nobody is offered them."""


def stamp(at: datetime) -> str:
    """Return an instant as the interface writes it: `2026-11-21T06:47:00.000Z`."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def _stamped(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


# Clocks -----------------------------------------------------------------------------------------


def clock_rows(desk: Desk, order: Order, *, at: datetime) -> list[dict[str, Any]]:
    """Return every clock, those that run first and by when they are due."""
    procedure, rules = desk.procedure(order.kind), _at(desk, order)
    rows = []
    for name, clock in order.clocks.items():
        rule = procedure.clock(name)
        whose, promise = (rule.whose, rule.promise) if rule else ("company", False)
        rows.append(clock_row(desk, name, clock, whose=whose, promise=promise, rules=rules, at=at))
    return sorted(rows, key=urgency)


def _at(desk: Desk, order: Order) -> Rules:
    """Return the rules of the office that has the order; of its county, should that be gone."""
    known = order.office in desk.snapshot.offices
    return desk.rules(order.office if known else order.county)


def urgency(row: Mapping[str, Any]) -> tuple[bool, bool, str]:
    """Return by what rows of clocks are sorted: those that run first, by when they are due."""
    return row["stopped_at"] is not None, row["due_at"] is None, row["due_at"] or ""


def clock_row(
    desk: Desk,
    name: str,
    clock: Clock,
    *,
    whose: str,
    promise: bool,
    rules: Rules,
    at: datetime,
) -> dict[str, Any]:
    """Return one clock, of an order or of anything else that has clocks."""
    when = due(clock, rules)
    return {
        "name": name.partition(":")[0],
        "limit": "" if clock.limit == EXPLICIT else clock.limit,
        "whose": whose,
        "due_at": _stamped(when.at if when else None),
        "level": level(clock, at, rules).value,
        "started_at": stamp(clock.started_at),
        "stopped_at": _stamped(clock.stopped_at),
        "paused_by": "customer" if clock.is_paused and clock.stopped_at is None else None,
        "promise": promise,
        "provisional": bool(when and when.provisional),
        "elapsed_seconds": int(elapsed(clock, at, rules).total_seconds()),
        "allowed_seconds": int(allowance(clock, rules).total_seconds()),
        "source": _source(desk, clock),
    }


def _source(desk: Desk, clock: Clock) -> str:
    """Return where a clock's limit stands. One that was withdrawn meanwhile is named only."""
    if clock.limit == EXPLICIT:
        return ""
    try:
        return desk.book.pinned(clock.limit, clock.version).source
    except UnknownLimit:
        return clock.version


def _promises(desk: Desk, order: Order, at: datetime) -> list[dict[str, Any]]:
    return [row for row in clock_rows(desk, order, at=at) if row["promise"]]


def nearest(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the clock to look at: running and due first, else one that stands still, else none."""
    open_ = [row for row in rows if row["stopped_at"] is None]
    return min(open_, key=urgency, default=None)


# The citizen ------------------------------------------------------------------------------------

PUBLIC_STAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accepted": "accepted",
        "final_ruling": "accepted",
        "dispatched": "dispatched",
        "received": "working",
        "on_site": "on_site",
        "in_progress": "working",
        "replied": "working",
        "return_visit": "done",
        "merged": "merged",
        "archived": "closed",
        "terminated": "closed",
        "withdrawn": "withdrawn",
    }
)
CITIZENS_MOVES: Final = ("withdraw", "supplement", "expedite", "reopen", "rate")


def public_order(
    desk: Desk,
    head: Head,
    steps: Sequence[Milestone],
    *,
    at: datetime,
    issue: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the order as its reporter sees it: their words, our promises, no names of ours.

    issue: how far its issue is on the complaint ledger, where it has one.
    """
    order, shown = head.order, head.shown
    promises = _promises(desk, order, at)
    earliest = expedite_from(desk, order)
    return {
        "number": order.order_id,
        "kind": order.kind,
        "sub_type": order.sub_type,
        "stage": order.stage,
        "public_stage": public_stage(order, steps),
        "occurred_at": stamp(order.occurred_at),
        "place_name": str(shown.get("place", "")),
        "summary": str(shown.get("summary", "")),
        "promise": nearest(promises),
        "promises": promises,
        "apology": any(row["level"] in MISSED for row in promises),
        "delay_reason": order.facts.get("delay_explained"),
        "suspended": _suspended(order),
        "timeline": public_timeline(desk, order, steps),
        "can": citizens_moves(desk, order, at=at),
        "expedite_from": _stamped(earliest),
        "rating": {"score": order.facts["rating"]} if "rating" in order.facts else None,
        "closed_at": _stamped(order.closed_at),
        "hotline": HOTLINE,
        "version": order.version,
        "issue": issue,
    }


def public_stage(order: Order, steps: Sequence[Milestone]) -> str:
    """Return the stage in the citizens' few words."""
    if order.suspended:
        return "suspended"
    if order.stage == "received" and order.kind == "fault":
        return "on_way" if _since_last(steps, "receive", "set_out") else "dispatched"
    return PUBLIC_STAGES[order.stage]


def _since_last(steps: Sequence[Event | Milestone], begin: str, wanted: str) -> bool:
    """Return whether `wanted` happened after the last `begin`."""
    for step in reversed(steps):
        if step.name in {begin, wanted}:
            return step.name == wanted
    return False


def _suspended(order: Order) -> dict[str, Any] | None:
    held = order.suspended
    return {"reason": held.reason, "until": stamp(held.until)} if held else None


def public_timeline(desk: Desk, order: Order, steps: Iterable[Milestone]) -> list[dict[str, Any]]:
    """Return the steps that the citizen sees, oldest first, each by when it happened."""
    return [
        {
            "at": stamp(step.at),
            "event": step.name,
            "text_slug": slug,
            "facts": _public_facts(desk, order, step),
            "late": step.late,
        }
        for step in steps
        if (slug := _public_slug(desk, step.name))
    ]


def _public_slug(desk: Desk, name: str) -> str:
    if name == "timer":
        return f"public.timer.{BROKEN}"
    is_public = name == "opened" or any(
        move.public
        for procedure in desk.procedures.values()
        if (move := procedure.moves.get(name)) is not None
    )
    return f"public.move.{name}" if is_public else ""


def _public_facts(desk: Desk, order: Order, step: Milestone) -> dict[str, str]:
    """Return what fills the words of a step: names of offices and slugs, never of a person."""
    facts = {
        "office": office_name(desk, step.office or order.office),
        "reason": step.reason,
        "kind": step.kind,
    }
    return {name: value for name, value in facts.items() if value}


def citizens_moves(desk: Desk, order: Order, *, at: datetime) -> list[str]:
    """Return what the reporter may do now. To urge they wait until half of the promise is gone."""
    found = _open_moves(desk, order, Outsider.CITIZEN.value, at)
    can = [move.name for move, gates in found if not gates and move.name in CITIZENS_MOVES]
    earliest = expedite_from(desk, order)
    if "expedite" in can and earliest is not None and at < earliest:
        can.remove("expedite")
    return [*can, "upload"] if "supplement" in can else can


def _open_moves(desk: Desk, order: Order, role: str, at: datetime) -> list[tuple[Move, list[str]]]:
    return moves_open_to(
        order, role, procedure=desk.procedure(order.kind), at=at, rules=_at(desk, order)
    )


# The queue --------------------------------------------------------------------------------------


def queue_row(desk: Desk, head: Head, *, at: datetime) -> dict[str, Any]:
    """Return one row of the queue: masked, from the head alone."""
    order, shown = head.order, head.shown
    rows = clock_rows(desk, order, at=at)
    return {
        "number": order.order_id,
        "kind": order.kind,
        "sub_type": order.sub_type,
        "stage": order.stage,
        "channel": order.channel,
        "case_no": order.case_no,
        "county": order.county,
        "office": order.office,
        "office_name": office_name(desk, order.office),
        "assignee": order.assignee,
        "assignee_name": staff_name(desk, order.assignee),
        "occurred_at": stamp(order.occurred_at),
        "next_due_at": _stamped(order.next_due_at),
        "clock": nearest(rows),
        "chips": chips(order),
        "summary": str(shown.get("summary", "")),
        "place_name": str(shown.get("place", "")),
        "phone_masked": str(shown.get("phone", "")),
        "version": order.version,
        "children": len(order.children),
    }


def office_name(desk: Desk, office_id: str) -> str:
    """Return an office's name, empty where it is gone."""
    office = desk.snapshot.offices.get(office_id)
    return office.name if office else ""


def staff_name(desk: Desk, staff_id: str) -> str:
    """Return a person's name, empty where nobody is named or known."""
    person = desk.snapshot.staff.get(staff_id)
    return person.name if person else ""


def chips(order: Order) -> list[str]:
    """Return what to know of an order before opening it, most alarming first."""
    facts = order.facts
    found = {
        "danger": bool(facts.get("dangers")),
        f"grade_{order.grade}": order.grade in GRADE_TOLD,
        "special_need": bool(facts.get("special_need")),
        "key_customer": bool(facts.get("key_customer")),
        "escalation_12398": bool(facts.get("escalation_tendency")) or order.channel == "12398",
        "dissatisfied": facts.get("visit") == "dissatisfied",
        "second_contact": bool(order.expedites or order.reopened or facts.get("second_contact")),
        f"bounced_{order.bounces}": order.bounces > 0,
        "expedited": order.expedites > 0,
        "supervised": any(is_supervised(name, clock) for name, clock in order.clocks.items()),
        "suspended": order.suspended is not None,
        f"merged_{len(order.children)}": bool(order.children),
        "late_entered": order.late_entered,
        "provisional": order.provisional,
        "training": order.training,
    }
    return [name for name, holds in found.items() if holds]


def is_supervised(name: str, clock: Clock) -> bool:
    """Return whether a clock is that of a supervision (督办) without an answer yet."""
    return name.startswith(SUPERVISION) and clock.stopped_at is None


# Who works it -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that was read of one order. words: by the step's number.

    files and deliveries are rows as they are answered; advice and next_text are made elsewhere.
    """

    head: Head
    events: Sequence[Event]
    contact: ContactItem | None
    words: Mapping[int, Words]
    files: Sequence[Mapping[str, Any]] = ()
    deliveries: Sequence[Mapping[str, Any]] = ()


def staff_order(
    desk: Desk,
    record: Record,
    viewer: Staff,
    *,
    may_move: bool,
    language: str,
    at: datetime,
) -> dict[str, Any]:
    """Return the order as one of the staff sees it: everything but what `reveal` is asked for."""
    head, order = record.head, record.head.order
    moves = (
        staff_moves(desk, record, viewer.role.value, language=language, at=at) if may_move else []
    )
    return {
        **queue_row(desk, head, at=at),
        "grade": order.grade,
        "first_contact_owner": order.first_contact_owner,
        "recorded_at": stamp(order.recorded_at),
        "closed_at": _stamped(order.closed_at),
        "clocks": clock_rows(desk, order, at=at),
        "facts": _facts(order),
        "timeline": [_step(desk, event, record.words) for event in record.events],
        "public": public_order(desk, head, milestones(record.events), at=at),
        "contact": contact_row(record.contact),
        "words": said(record),
        "moves": moves,
        "files": list(record.files),
        "deliveries": list(record.deliveries),
        "parent": order.parent or None,
        "children": list(order.children),
        "supervisions": supervisions(desk, order),
    }


def _facts(order: Order) -> dict[str, Any]:
    return {
        name: value
        for name, value in order.facts.items()
        if not name.startswith(SUPERVISION) and name != "held_clocks"
    }


def _step(desk: Desk, event: Event, words: Mapping[int, Words]) -> dict[str, Any]:
    spoken = words.get(event.seq)
    return {
        "seq": event.seq,
        "event": event.name,
        "at": stamp(event.occurred_at),
        "recorded_at": stamp(event.recorded_at),
        "late": was_late(event),
        "by": by(desk, event),
        "data": dict(event.data),
        "words": shown_words(spoken.words) if spoken and event.seq > 1 else None,
        "public": milestone(event) is not None and bool(_public_slug(desk, event.name)),
    }


def by(desk: Desk, event: Event) -> dict[str, str]:
    """Return who made a step, with the name that our own table has."""
    actor = event.actor
    return {
        "role": actor.role,
        "id": actor.actor_id,
        "name": staff_name(desk, actor.actor_id),
        "office_name": office_name(desk, actor.office_id),
    }


def said(record: Record) -> dict[str, str]:
    """Return the words of the report itself: description, wish."""
    return shown_words(record.contact.words) if record.contact else {}


def shown_words(words: Mapping[str, str]) -> dict[str, str]:
    """Return words as they were said; a telephone that stands alone as a field is masked."""
    return {name: _masked(text) if name == "phone" else text for name, text in words.items()}


def _masked(text: str) -> str:
    try:
        return Phone.parse(text).masked
    except BadInput:
        return "***"


def contact_row(item: ContactItem | None) -> dict[str, Any]:
    """Return who reported, masked. All empty for an anonymous report and for an erased one."""
    kept = item.contact if item else {}
    phone = str(kept.get("phone", ""))
    return {
        "phone_masked": _masked(phone) if phone else "",
        "name_masked": mask_name(str(kept.get("name", ""))),
        "address_masked": mask_address(str(kept.get("address", ""))),
        "special_need": bool(kept.get("special_need")),
        "reply_wish": str(kept.get("reply_wish", "none")),
    }


def supervisions(desk: Desk, order: Order) -> list[dict[str, Any]]:
    """Return the supervisions (督办): who answers for each, who asked, until when."""
    rules = _at(desk, order)
    rows = []
    for name, clock in order.clocks.items():
        if not name.startswith(SUPERVISION):
            continue
        owner, asked_by, state = order.facts[name]
        when = due(clock, rules)
        rows.append(
            {
                "id": name.removeprefix(SUPERVISION),
                "owner": owner,
                "owner_name": staff_name(desk, owner) or office_name(desk, owner),
                "by": asked_by,
                "by_name": staff_name(desk, asked_by),
                "due_at": _stamped(when.at if when else None),
                "state": state,
            }
        )
    return rows


# What can be done next --------------------------------------------------------------------------

MAIN_LINE: Final = (
    "dispatch",
    "rule",
    "receive",
    "set_out",
    "arrive",
    "contact",
    "complete",
    "restore",
    "reply",
    "approve_reply",
    "visit_satisfied",
    "archive",
    "archive_anonymous",
    "record",
)
"""The line on which an order gets done, in the order in which one would press the buttons."""

ONCE: Final = MappingProxyType(
    {
        "set_out": "receive",
        "contact": "dispatch",
        "complete": "dispatch",
        "restore": "arrive",
        "visit_satisfied": "approve_reply",
    }
)
"""Moves that leave the order in its stage: done once since the move named, the next one is up."""


def staff_moves(
    desk: Desk, record: Record, role: str, *, language: str, at: datetime
) -> list[dict[str, Any]]:
    """Return what a role may do to an order now, the main move marked."""
    order = record.head.order
    found = [
        (move, gates)
        for move, gates in _open_moves(desk, order, role, at)
        if move.name not in INTERNAL
    ]
    main = main_move([move.name for move, gates in found if not gates], record.events)
    return [
        {
            "name": move.name,
            "label": wording.say(f"move.{move.name}", language),
            "needs": [need_row(need) for need in needs_now(move, order)],
            "gates_open": gates,
            "primary": move.name == main,
        }
        for move, gates in found
    ]


def main_move(open_names: Sequence[str], events: Sequence[Event]) -> str:
    """Return the next move on the main line, empty where there is none."""
    for name in MAIN_LINE:
        done = name in ONCE and _since_last(events, ONCE[name], name)
        if name in open_names and not done:
            return name
    return ""


def need_row(need: Need) -> dict[str, Any]:
    """Return what a move asks for, as a form is built from it."""
    return {
        "name": need.name,
        "form": need.form.value,
        "required": need.required,
        "choices": list(need.choices),
        "longest": need.longest if need.form == "text" else None,
    }


def advice(
    desk: Desk,
    head: Head,
    moves: Sequence[Mapping[str, Any]],
    *,
    station: str = "",
    alike: Sequence[Head] = (),
    busy: Mapping[str, int] = MappingProxyType({}),
    at: datetime,
) -> list[dict[str, Any]]:
    """Return what we would do, and why, the most urgent first.

    station: the office that serves the place. alike: open orders of the same kind at the same
    place. busy: how many open orders each of the staff has.
    """
    order = head.order
    able = {str(move["name"]) for move in moves if not move["gates_open"]}
    found = (
        _advise_danger(order),
        _advise_merge(order, alike, able),
        _advise_dispatch(desk, order, station, busy, able),
        _advise_delay(desk, order, able, at),
        _advise_visit(order, able),
        _advise_grade(desk, order, able, at),
        _advise_care(order, able),
    )
    return [each for each in found if each is not None]


def _advised(
    text: str,
    reason: str,
    *,
    move: str | None = None,
    data: Mapping[str, Any] | None = None,
    **facts: Any,
) -> dict[str, Any]:
    return {
        "text_slug": f"advice.{text}",
        "reason_slug": f"advice.reason.{reason}",
        "facts": facts,
        "move": move,
        "data": dict(data) if data is not None else None,
    }


def _advise_danger(order: Order) -> dict[str, Any] | None:
    dangers = order.facts.get("dangers")
    if not dangers or order.stage not in {"accepted", "dispatched", "received"}:
        return None
    return _advised("call_first", "danger", dangers=list(dangers))


def _advise_merge(order: Order, alike: Sequence[Head], able: set[str]) -> dict[str, Any] | None:
    """The oldest open order at the same place is the one to merge into."""
    older = [
        each.order
        for each in alike
        if each.order.occurred_at < order.occurred_at and not each.order.parent
    ]
    if "merge" not in able or not older:
        return None
    parent = min(older, key=lambda each: each.occurred_at)
    return _advised(
        "merge",
        "same_place",
        move="merge",
        data={"parent": parent.order_id},
        number=parent.order_id,
        alike=len(alike),
    )


def _advise_dispatch(
    desk: Desk, order: Order, station: str, busy: Mapping[str, int], able: set[str]
) -> dict[str, Any] | None:
    """The station that serves the place; of its people who take orders, who has the fewest."""
    office = desk.snapshot.offices.get(station)
    if office is None or not office.active or "dispatch" not in able:
        return None
    hands = [
        person
        for person in desk.snapshot.staff.values()
        if person.active and person.office_id == station and person.role in TAKERS[order.kind]
    ]
    free = min(hands, key=lambda each: (busy.get(each.staff_id, 0), each.staff_id), default=None)
    data = {"office": station} | ({"staff": free.staff_id} if free else {})
    return _advised(
        "dispatch",
        "serves_place",
        move="dispatch",
        data=data,
        office_name=office.name,
        staff_name=free.name if free else "",
        open_orders=busy.get(free.staff_id, 0) if free else 0,
    )


class _Takers(dict[str, frozenset[str]]):
    """Who goes out for a kind: a crew for faults, the area's people for the rest."""

    def __missing__(self, kind: str) -> frozenset[str]:
        return frozenset({"area_manager", "grid_staff", "liaison"})


TAKERS: Final[Mapping[str, frozenset[str]]] = _Takers(fault=frozenset({"crew"}))


def _advise_delay(desk: Desk, order: Order, able: set[str], at: datetime) -> dict[str, Any] | None:
    """A promise that is about to break, or broke, without a word to the customer."""
    if "explain_delay" not in able or "delay_explained" in order.facts:
        return None
    rows = _promises(desk, order, at)
    late = [row for row in rows if row["level"] in LATE or row["level"] == Level.SOON]
    if not late:
        return None
    return _advised("explain_delay", "promise_at_risk", move="explain_delay", clock=late[0]["name"])


def _advise_visit(order: Order, able: set[str]) -> dict[str, Any] | None:
    if order.facts.get("visit") != "dissatisfied":
        return None
    return _advised(
        "call_dissatisfied", "dissatisfied", move="contact" if "contact" in able else None
    )


def _advise_grade(desk: Desk, order: Order, able: set[str], at: datetime) -> dict[str, Any] | None:
    """The criteria of a grade that an order itself shows; a person decides (domain: §2.3)."""
    if "raise_grade" not in able:
        return None
    facts = grading.Facts(
        forwarded_by=grading.REGULATOR if order.channel == "12398" else "",
        may_bypass=order.facts.get("escalation_tendency") is True,
    )
    facts = grading.with_signs(facts, grading.signs_of(order.facts))
    proposal = grading.propose(facts, rules=desk.rules(order.office), at=at)
    if not grading.rises(order.grade, proposal):
        return None
    because = proposal.reasons[0]
    data = {"grade": proposal.grade, "reason": because}
    reason = f"grade.{because}"
    return _advised("raise_grade", reason, move="raise_grade", data=data, grade=[proposal.grade])


def _advise_care(order: Order, able: set[str]) -> dict[str, Any] | None:
    """A customer who may go to the regulator is looked after by name."""
    tends = order.facts.get("escalation_tendency") or order.channel == "12398"
    if not tends or "supervise" not in able:
        return None
    if any(is_supervised(name, clock) for name, clock in order.clocks.items()):
        return None
    return _advised("supervise", "may_go_to_regulator", move="supervise")


# Counting ---------------------------------------------------------------------------------------


def standing(desk: Desk, order: Order, *, at: datetime) -> dict[str, Any]:
    """Return what the counts need of an order and nothing more: its stage and its nearest clock."""
    rules = _at(desk, order)
    running = [
        (when.at, clock)
        for clock in order.clocks.values()
        if clock.stopped_at is None and (when := due(clock, rules)) is not None
    ]
    nearest_ = min(running, key=lambda entry: entry[0], default=None)
    clock = None
    if nearest_ is not None:
        clock = {"due_at": stamp(nearest_[0]), "level": level(nearest_[1], at, rules).value}
    return {"stage": order.stage, "clock": clock}


def counts(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how many rows there are of each sort, as the tiles above the queue show it."""
    found: dict[str, Any] = {"overdue": 0, "soon": 0, "undispatched": 0, "all": 0, "by_stage": {}}
    for row in rows:
        found["all"] += 1
        for state in ("overdue", "soon", "undispatched"):
            found[state] += is_in_state(row, state)
        found["by_stage"][row["stage"]] = found["by_stage"].get(row["stage"], 0) + 1
    return found


def is_in_state(row: Mapping[str, Any], state: str) -> bool:
    """Return whether a row of the queue is overdue, due soon, or not dispatched."""
    clock = row["clock"]
    if state == "overdue":
        return clock is not None and clock["level"] in LATE
    if state == "soon":
        return clock is not None and bool(clock["level"] == Level.SOON)
    return bool(row["stage"] == "accepted")


def sentence(rows: Sequence[Mapping[str, Any]], *, at: datetime) -> dict[str, int]:
    """Return the figures of the sentence of the moment: the oldest overdue one in minutes."""
    late = [row["clock"]["due_at"] for row in rows if is_in_state(row, "overdue")]
    oldest = min(late, default=None)
    minutes = 0
    if oldest is not None:
        minutes = (millis(at) - millis(datetime.fromisoformat(oldest))) // 60_000
    return {
        "overdue": len(late),
        "soon": sum(is_in_state(row, "soon") for row in rows),
        "undispatched": sum(is_in_state(row, "undispatched") for row in rows),
        "oldest_minutes": minutes,
    }


def dispatched_to(order: Order, office_id: str) -> Order:
    """Return an order as it would stand with another office, to preview what is told."""
    return replace(order, office=office_id)
