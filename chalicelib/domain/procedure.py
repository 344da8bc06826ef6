"""What a procedure (流程) is, and the one engine that runs them all.

Two rules. First, everything that decides what may happen to an order lives in this file and in the
tables that it reads. Second, this file does not know what kind of order it is moving: fault,
complaint and enquiry differ in their tables only.

A procedure is a value: stages; moves, each with the stages it leads from and to, who may make it,
what it needs, which gates must be met and why the edge exists; clocks with what starts, stops and
pauses them. `open_order` and `advance` return the new head, the event that made it and nothing
else happens: the caller saves both in one transaction. An illegal move raises and changes nothing.
`next_due` is the one instant at which something must happen to an order, and `fire` is what happens
then. What an event causes in the world (`effects`) is a pure function of the event.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from .calendar import Due
from .clocks import (
    LADDER,
    Clock,
    Rules,
    Rung,
    Target,
    after_quiet,
    clocks_to_json,
    due,
    instant,
    millis,
    next_rung,
    rungs_due,
    whole,
)
from .contact import clean_text
from .order import GRADES, Actor, Event, Order, apply, is_order_number
from .refusal import BadInput, FieldError, GateClosed, IllegalMove, NotAllowed
from .staff import Outsider

OPENED: Final = "opened"
TIMER: Final = "timer"
REPLANNED: Final = "replanned"
SUSPENSION: Final = "suspension"
SUPERVISION: Final = "supervision:"
NEXT_VISIT: Final = "next_visit"
ANY: Final = "*"
LEDGER: Final = "ledger"
ISSUE: Final = "issue"
"""The fact by which an order of a kind that has no issue says that a person linked it to one."""
INVESTIGATION: Final = "investigation"
"""The fact by which an order says that an investigation on site keeps it from being filed."""
VISIT_QUIET: Final = ("return_visit.noon", "return_visit.night")
IDLE: Final = "idle"
GRADE: Final = "grade"
RAISED: Final = "raise_grade"
INTERNAL: Final = "internal"
GRADE_INTERNAL: Final = MappingProxyType({grade: f"issue.internal.{grade}" for grade in GRADES[1:]})
"""提级: what is graver has a tighter limit inside the company, from the same start (S1.30)."""
GRADE_TOLD: Final = MappingProxyType(
    {"important": Target.COUNTY, "major": Target.CITY, "special": Target.PROVINCE}
)
"""Who hears at once of a complaint that becomes graver: the level whose government, press or
regulator makes it so (domain: §2.3, criteria; "major ones to leaders at once"). [design]"""
WARNINGS: Final = frozenset(rung.name for rung in LADDER if rung.is_warning)
"""Warnings show on every screen; only what is overdue is telephoned about."""
RANK: Final = {rung.name: place for place, rung in enumerate(LADDER)}
SKEW: Final = timedelta(minutes=2)
"""How far ahead of ours another clock may run before its time is refused. [design]"""


class Form(StrEnum):
    """What kind of answer a need takes. TEXT is personal words: kept apart, erasable, digested."""

    CHOICE = "choice"
    TEXT = "text"
    OFFICE = "office"
    STAFF = "staff"
    INSTANT = "instant"
    FLAG = "flag"
    CODE = "code"
    ORDER = "order"
    FILES = "files"
    SCORE = "score"


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a move asks for. `longest` is in UTF-16 units and for TEXT only."""

    name: str
    form: Form
    required: bool = True
    choices: tuple[str, ...] = ()
    longest: int = 500


@dataclass(frozen=True, slots=True)
class Divert:
    """After `limit` times (a counter on the head), the move leads to `to` instead."""

    counter: str
    limit: str
    to: str


@dataclass(frozen=True, slots=True)
class Move:
    """One move. `edges` maps each stage it may be made from to the stage it leads to.

    who: roles and outsiders that may make it. does: names in ACTIONS. tells: texts it causes.
    why: the reason the edge exists, with its source. public: shown on the citizen's timeline.
    only: names in the procedure's `persons`: which of those people, as the order stands.
    """

    name: str
    edges: Mapping[str, str]
    who: frozenset[str]
    why: str
    needs: tuple[Need, ...] = ()
    gates: tuple[str, ...] = ()
    does: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    public: bool = False
    while_suspended: bool = False
    divert: Divert | None = None
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClockRule:
    """When a clock runs. `limit` may name facts in braces: "fault.arrive.{terrain}".

    runs_on: moves after which a stopped clock runs on as if it had never stopped (退单).
    when: facts that must have one of the given values for the clock to start at all.
    whose: company, law, hotline or regulator. promise: the citizen sees it and is told if broken.
    """

    name: str
    limit: str
    starts: frozenset[str]
    stops: frozenset[str]
    runs_on: frozenset[str] = frozenset()
    pausable: bool = True
    promise: bool = False
    whose: str = "company"
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=lambda: MappingProxyType({}))
    ladder: tuple[Rung, ...] = LADDER


Gate = Callable[[Order, datetime, Rules], bool]
Action = Callable[["Making"], None]
Person = Callable[[Order, Actor], bool]
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Procedure:
    """One kind of order as a value. graded: its orders have a grade, one of GRADES.

    ledger: from which channels its orders go on the complaint ledger; `*` for any.
    opening: who may open one, behind which gates, and what that does; None where whoever may
    report may. gates, actions, persons: its own, beside GATES and ACTIONS.
    """

    kind: str
    stages: tuple[str, ...]
    first: str
    final: frozenset[str]
    moves: Mapping[str, Move]
    clocks: tuple[ClockRule, ...]
    sub_types: tuple[str, ...] = ()
    intake: tuple[Need, ...] = ()
    confidential: bool = False
    public: bool = True
    graded: bool = False
    ledger: tuple[str, ...] = ()
    opening: Move | None = None
    gates: Mapping[str, Gate] = field(default_factory=lambda: _NONE)
    actions: Mapping[str, Action] = field(default_factory=lambda: _NONE)
    persons: Mapping[str, Person] = field(default_factory=lambda: _NONE)

    def clock(self, name: str) -> ClockRule | None:
        """Return the rule of a clock, or None for a clock that a person named (督办, 挂起)."""
        return next((rule for rule in self.clocks if rule.name == name), None)


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody wants to do to an order. `data` are coded answers, `words` personal ones.

    digest: of the words, salted by the caller, who keeps words and salt together.
    """

    move: str
    actor: Actor
    occurred_at: datetime
    recorded_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Advanced:
    """What a step made: the new head and the one event that made it."""

    order: Order
    event: Event


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that an event causes in the world, with an id made from the event."""

    effect_id: str
    kind: str
    name: str
    data: Mapping[str, Any] = field(default_factory=dict)


# Moving ---------------------------------------------------------------------------------------


def open_order(
    step: Step,
    *,
    order_id: str,
    kind: str,
    county: str,
    office: str,
    fields: Mapping[str, Any],
    procedures: Mapping[str, Procedure],
    rules: Rules,
) -> Advanced:
    """Accept a report (受理). `fields` are head fields: channel, case_no, sub_type, facts.

    Clocks run from when it happened, not from when we heard of it. Raises BadInput.
    """
    procedure = _procedure(procedures, kind)
    occurred, recorded = _times(step, since=None)
    _check_sub_type(procedure, str(fields.get("sub_type", "")))
    values = read_needs(procedure.intake, step)
    facts = {**dict(fields.get("facts", {})), **_coded(procedure.intake, values)}
    late = _is_late(occurred, recorded, rules)
    changes: dict[str, Any] = {
        **_head_fields(fields),
        "kind": kind,
        "stage": procedure.first,
        "county": county,
        "office": office,
        "occurred_at": millis(occurred),
        "recorded_at": millis(recorded),
        "moved_at": millis(occurred),
        "facts": {key: value for key, value in facts.items() if value is not None},
    }
    if procedure.graded:
        changes.setdefault("grade", GRADES[0])
    if late:
        changes["late_entered"] = True
    if step.actor.role not in set(Outsider):
        changes["first_contact_owner"] = step.actor.actor_id
    made = Making(
        apply(None, _event(None, order_id, OPENED, step, changes)),
        step,
        values,
        occurred,
        procedure,
        procedures,
        rules,
        changes,
    )
    if procedure.opening is not None:
        _open(made, procedure.opening)
    draft = apply(None, _event(None, order_id, OPENED, step, changes))
    started = _started(procedure, draft, OPENED, occurred, rules)
    changes["clocks"] = clocks_to_json({**started, **made.clocks})
    tells = () if draft.training or late or not procedure.public else ("accepted",)
    return _finish(None, order_id, OPENED, step, changes, made.data, tells, procedure, rules)


def _open(made: "Making", opening: Move) -> None:
    _check_person(opening, made.order, made.step.actor, made.procedure)
    closed = open_gates(opening, made.order, made.at, made.rules, own=made.procedure.gates)
    if closed:
        raise GateClosed(move=opening.name, gates=closed)
    _act(made, opening)


def advance(
    order: Order, step: Step, *, procedures: Mapping[str, Procedure], rules: Rules
) -> Advanced:
    """Make one move.

    Raises IllegalMove, NotAllowed, GateClosed or BadInput; then nothing has changed.
    """
    procedure = _procedure(procedures, order.kind)
    move = legal_move(order, step.move, step.actor, procedure)
    occurred, recorded = _times(step, since=order.occurred_at, after=order.moved_at)
    values = read_needs(needs_now(move, order), step)
    closed = open_gates(move, order, occurred, rules, own=procedure.gates)
    if closed:
        raise GateClosed(move=move.name, gates=closed)

    late = _is_late(occurred, recorded, rules)
    made = Making(order, step, values, occurred, procedure, procedures, rules)
    _act(made, move)
    target = _target(move, order, made, rules, occurred)
    made.changes.setdefault("stage", target)
    made.changes["moved_at"] = millis(occurred)
    _keep_first_contact(made)
    _run_clocks(made, move.name)
    tells = () if order.training or late else _tells(move, order)
    data = {**_coded(move.needs, values), **made.data}
    if late:
        data["late"] = True
    return _finish(
        order, order.order_id, move.name, step, made.changes, data, tells, made.procedure, rules
    )


def legal_move(order: Order, name: str, actor: Actor, procedure: Procedure) -> Move:
    """Return the move if the table has an edge for it and the actor may make it.

    Raises IllegalMove or NotAllowed.
    """
    move = procedure.moves.get(name)
    if move is None or order.stage not in move.edges:
        raise IllegalMove(move=name, stage=order.stage, kind=order.kind)
    _check_person(move, order, actor, procedure)
    if order.suspended and not move.while_suspended:
        raise IllegalMove(move=name, stage=order.stage, kind=order.kind, suspended=True)
    return move


def _check_person(move: Move, order: Order, actor: Actor, procedure: Procedure) -> None:
    if actor.role not in move.who:
        raise NotAllowed(move=move.name, role=actor.role)
    against = barred(move, order, actor, procedure)
    if against:
        raise NotAllowed(move=move.name, role=actor.role, rules=against)


def barred(move: Move, order: Order, actor: Actor, procedure: Procedure) -> list[str]:
    """Return the rules of the move by which it is not this person's; the system stands outside."""
    if actor.role == Outsider.SYSTEM:
        return []
    return [name for name in move.only if not procedure.persons[name](order, actor)]


def _act(made: "Making", move: Move) -> None:
    for action in move.does:
        (made.procedure.actions.get(action) or ACTIONS[action])(made)


def open_gates(
    move: Move, order: Order, at: datetime, rules: Rules, *, own: Mapping[str, Gate] = _NONE
) -> list[str]:
    """Return the names of the move's gates that are not met. own: those of its procedure."""
    return [name for name in move.gates if not (own.get(name) or GATES[name])(order, at, rules)]


def moves_open_to(
    order: Order,
    role: str,
    *,
    procedure: Procedure,
    at: datetime,
    rules: Rules,
    actor: Actor | None = None,
) -> list[tuple[Move, list[str]]]:
    """Return every move that `role` could make now, each with the gates that still stand open.

    actor: who has the role, for moves that are some people's only.
    """
    return [
        (move, open_gates(move, order, at, rules, own=procedure.gates))
        for move in procedure.moves.values()
        if order.stage in move.edges
        and role in move.who
        and (move.while_suspended or not order.suspended)
        and (actor is None or not barred(move, order, actor, procedure))
    ]


def needs_now(move: Move, order: Order) -> tuple[Need, ...]:
    """Return what a move asks for as the order stands: of the grades, those to which it leads.

    Where no grade is left the needs stay as they are: then a gate of the move is closed.
    """
    here = GRADES.index(order.grade or GRADES[0])
    left = GRADES[here + 1 :] if "raise_grade" in move.does else GRADES[:here]
    if not left:
        return move.needs
    return tuple(
        replace(need, choices=left) if need.name == "grade" else need for need in move.needs
    )


# Time -----------------------------------------------------------------------------------------


def next_due(order: Order, *, procedure: Procedure, rules: Rules) -> datetime | None:
    """Return the earliest instant at which anything must happen to the order; None if never.

    Every open order is armed: one whose clocks have nothing left to fire is remembered aloud after
    `idle.reminder`, so that nothing can lie forgotten and nothing open is missing from the queue.
    """
    rungs = [
        found[0]
        for name, clock in order.clocks.items()
        if (found := next_rung(clock, ladder(procedure, name), rules)) is not None
    ]
    return min(rungs, default=None) or idle_at(order, procedure=procedure, rules=rules)


def idle_at(order: Order, *, procedure: Procedure, rules: Rules) -> datetime | None:
    """Return when an open order with no rung left is spoken of again; a merged child never is."""
    if order.stage in procedure.final or order.parent:
        return None
    since = max(filter(None, (order.recorded_at, order.moved_at, order.reminded_at)))
    return since + rules.limit("idle.reminder", since).duration


def running_promise(order: Order, *, procedure: Procedure, rules: Rules) -> tuple[str, Due] | None:
    """Return the clock of the running promise that falls due first, and when; None if none runs."""
    found = [
        (when.at, name, when)
        for name, clock in order.clocks.items()
        if clock.is_running
        and (rule := procedure.clock(name)) is not None
        and rule.promise
        and (when := due(clock, rules)) is not None
    ]
    if not found:
        return None
    _, name, when = min(found, key=lambda entry: entry[:2])
    return name, when


def ladder(procedure: Procedure, name: str) -> tuple[Rung, ...]:
    """Return the ladder of a clock; a clock that a person named has the due rung and the county."""
    rule = procedure.clock(name)
    return rule.ladder if rule else LADDER[2:4]


def fire(
    order: Order, *, at: datetime, procedures: Mapping[str, Procedure], rules: Rules
) -> Advanced | None:
    """Do what is due by `at`: every rung not yet fired, oldest first, in one event.

    None when nothing is due, so a sweep that runs twice changes nothing.
    """
    procedure = _procedure(procedures, order.kind)
    fired = sorted(
        (
            (when, name, rung)
            for name, clock in order.clocks.items()
            for when, rung in rungs_due(clock, ladder(procedure, name), at, rules)
        ),
        key=lambda entry: (entry[0], entry[1], RANK[entry[2].name]),
    )
    if not fired:
        return _remind(order, at=at, procedure=procedure, rules=rules)
    actor = Actor(Outsider.SYSTEM, "sweep")
    step = Step(TIMER, actor, occurred_at=whole(fired[-1][0]), recorded_at=at)
    made = Making(order, step, {}, whole(fired[-1][0]), procedure, procedures, rules)
    for name in dict.fromkeys(name for _, name, _ in fired):
        rungs = [rung.name for _, other, rung in fired if other == name]
        made.clocks[name] = order.clocks[name].fire(rungs)
    if order.suspended and any(name == SUSPENSION for _, name, _ in fired):
        _resume(made, order.suspended.until)
    made.changes["clocks"] = clocks_to_json(made.clocks)
    rungs_data = [
        [name, rung.name, millis(whole(when)), rung.target.value] for when, name, rung in fired
    ]
    tells = _broken_promises(procedure, order, fired)
    data: dict[str, Any] = {"rungs": rungs_data}
    return _finish(order, order.order_id, TIMER, step, made.changes, data, tells, procedure, rules)


def _remind(order: Order, *, at: datetime, procedure: Procedure, rules: Rules) -> Advanced | None:
    """Remind the county of an open order on which no clock has anything left to say."""
    if next_due(order, procedure=procedure, rules=rules) != idle_at(
        order, procedure=procedure, rules=rules
    ):
        return None
    when = idle_at(order, procedure=procedure, rules=rules)
    if when is None or when > at:
        return None
    step = Step(TIMER, Actor(Outsider.SYSTEM, "sweep"), occurred_at=whole(when), recorded_at=at)
    changes = {"reminded_at": millis(whole(at))}
    data: dict[str, Any] = {"rungs": [[IDLE, IDLE, millis(whole(when)), Target.COUNTY.value]]}
    return _finish(order, order.order_id, TIMER, step, changes, data, (), procedure, rules)


def replan(
    order: Order, *, at: datetime, procedures: Mapping[str, Procedure], rules: Rules
) -> Advanced | None:
    """Compute the due instants again after a calendar or a limit changed; None if none moved."""
    procedure = _procedure(procedures, order.kind)
    then = next_due(order, procedure=procedure, rules=rules)
    provisional = _is_provisional(order, rules)
    if then == order.next_due_at and provisional == order.provisional:
        return None
    step = Step(REPLANNED, Actor(Outsider.SYSTEM, "calendar"), occurred_at=at, recorded_at=at)
    return _finish(order, order.order_id, REPLANNED, step, {}, {}, (), procedure, rules)


# What an event causes -------------------------------------------------------------------------


def effects(event: Event) -> tuple[Effect, ...]:
    """Return what an event causes: texts, alerts, an order's children, the outage it repairs.

    A grade that rises is told to the level at which its criteria stand (分级上报).

    A pure function of the event; training orders cause nothing.
    """
    if event.data.get("training"):
        return ()
    base = f"{event.seq}"
    texts = [Effect(f"{base}.text.{name}", "text", name) for name in event.tells]
    alerts = [
        Effect(
            f"{base}.alert.{clock}.{rung}",
            "alert",
            rung,
            {"clock": clock, "due": due_ms, "target": target},
        )
        for clock, rung, due_ms, target in event.data.get("rungs", [])
        if rung not in WARNINGS
    ]
    follow = [
        Effect(f"{base}.follow.{child}", "follow", event.name, {"child": child})
        for child in event.data.get("follow", [])
    ]
    return (*texts, *alerts, *_risen(event), *follow, *_back(event), *_on_ledger(event))


def _on_ledger(event: Event) -> list[Effect]:
    """What happens to an order of the complaint ledger reaches its issue."""
    if not event.data.get("ledger"):
        return []
    return [Effect(f"{event.seq}.{LEDGER}.{ISSUE}", LEDGER, ISSUE)]


def _back(event: Event) -> list[Effect]:
    """Who is on site says that power is back: the outage whose repair order it is must hear."""
    outage = event.data.get("outage")
    if not outage:
        return []
    return [Effect(f"{event.seq}.power.{outage}", "power", outage)]


def _risen(event: Event) -> list[Effect]:
    if event.name != RAISED:
        return []
    grade = str(event.data["grade"])
    data = {"clock": GRADE, "due": millis(event.occurred_at), "target": GRADE_TOLD[grade].value}
    return [Effect(f"{event.seq}.alert.{GRADE}.{grade}", "alert", grade, data)]


# The parts ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Making:
    """A step while it is being made: what the actions read and what they change.

    values: the answers as they were read. at: when it happened.
    """

    order: Order
    step: Step
    values: Mapping[str, Any]
    at: datetime
    procedure: Procedure
    procedures: Mapping[str, Procedure]
    rules: Rules
    changes: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)

    def set_facts(self, facts: Mapping[str, Any]) -> None:
        """Merge facts; None removes one."""
        self.changes["facts"] = {**self.changes.get("facts", {}), **facts}

    def clock(self, name: str) -> Clock | None:
        """Return a clock as this step leaves it so far."""
        return self.clocks.get(name) or self.order.clocks.get(name)


def _procedure(procedures: Mapping[str, Procedure], kind: str) -> Procedure:
    if kind not in procedures:
        raise BadInput.of("kind", "kind.unknown", kind=kind[:40])
    return procedures[kind]


def _times(
    step: Step, *, since: datetime | None, after: datetime | None = None
) -> tuple[datetime, datetime]:
    """Return both instants, cut to the grain we keep. Refuses what cannot have happened."""
    occurred, recorded = whole(step.occurred_at), whole(step.recorded_at)
    if occurred > recorded + SKEW:
        raise BadInput.of("occurred_at", "occurred_at.in_future")
    if since is not None and occurred < since:
        raise BadInput.of("occurred_at", "occurred_at.before_report")
    if after is not None and occurred < after:
        raise BadInput.of("occurred_at", "occurred_at.before_last_step")
    return min(occurred, recorded), recorded


def _is_late(occurred: datetime, recorded: datetime, rules: Rules) -> bool:
    threshold = rules.limit("late_entry.threshold", recorded)
    return recorded - occurred > threshold.duration


def _check_sub_type(procedure: Procedure, sub_type: str) -> None:
    if procedure.sub_types and sub_type not in procedure.sub_types:
        raise BadInput.of("sub_type", "sub_type.unknown", allowed=list(procedure.sub_types))
    if not procedure.sub_types and sub_type:
        raise BadInput.of("sub_type", "sub_type.not_taken")


HEAD_FIELDS: Final = frozenset(
    {
        "channel",
        "case_no",
        "sub_type",
        "grade",
        "assignee",
        "training",
        "facts",
    }
)


def _head_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(fields) - HEAD_FIELDS
    if unknown:
        message = f"not fields of a new order: {sorted(unknown)}"
        raise ValueError(message)
    return {name: value for name, value in fields.items() if name != "facts" and value}


def _event(
    order: Order | None,
    order_id: str,
    name: str,
    step: Step,
    changes: Mapping[str, Any],
    *,
    data: Mapping[str, Any] | None = None,
    tells: Sequence[str] = (),
) -> Event:
    occurred, recorded = whole(step.occurred_at), whole(step.recorded_at)
    event = Event(
        aggregate=order_id,
        seq=1 if order is None else order.version + 1,
        name=name,
        occurred_at=min(occurred, recorded),
        recorded_at=recorded,
        actor=step.actor,
        changes=dict(changes),
        data=data or {},
        tells=tuple(tells),
        digest=step.digest,
    )
    return event if order is None else replace(event, prev=order.tip)


def _finish(  # noqa: PLR0917 - one call site shape, all of them parts of one step
    order: Order | None,
    order_id: str,
    name: str,
    step: Step,
    changes: dict[str, Any],
    data: dict[str, Any],
    tells: Sequence[str],
    procedure: Procedure,
    rules: Rules,
) -> Advanced:
    """Plan the next due instant on what the changes make, then make event and head for good."""
    if tells:
        changes["told"] = (order.told if order else 0) + len(tells)
    draft = apply(order, _event(order, order_id, name, step, changes))
    if draft.training:
        data["training"] = True
    elif is_on_ledger(draft, procedure):
        data["ledger"] = True
    planned = next_due(draft, procedure=procedure, rules=rules)
    was = order.next_due_at if order else None
    if planned != was:
        changes["next_due_at"] = None if planned is None else millis(whole(planned))
    provisional = _is_provisional(draft, rules)
    if provisional != (order.provisional if order else False):
        changes["provisional"] = provisional
    event = _event(order, order_id, name, step, changes, data=data, tells=tells)
    return Advanced(apply(order, event), event)


def is_on_ledger(order: Order, procedure: Procedure) -> bool:
    """Return whether what happens to an order is copied to an issue of the complaint ledger."""
    by_kind = ANY in procedure.ledger or order.channel in procedure.ledger
    return by_kind or bool(order.facts.get(ISSUE))


def _is_provisional(order: Order, rules: Rules) -> bool:
    planned = (due(clock, rules) for clock in order.clocks.values() if clock.is_running)
    return any(when.provisional for when in planned if when is not None)


def _started(
    procedure: Procedure, order: Order, move: str, at: datetime, rules: Rules
) -> dict[str, Clock]:
    return {
        rule.name: Clock.start(limit, at)
        for rule in procedure.clocks
        if move in rule.starts
        and _applies(rule, order)
        and (limit := rules.limit(_limit_id(rule, order), at)).enabled
    }


def _limit_id(rule: ClockRule, order: Order) -> str:
    return rule.limit.format(**{**order.facts, "kind": order.kind, "sub_type": order.sub_type})


def _applies(rule: ClockRule, order: Order) -> bool:
    known = {**order.facts, "sub_type": order.sub_type, "channel": order.channel}
    return all(known.get(fact) in values for fact, values in rule.when.items())


def _run_clocks(made: Making, name: str) -> None:
    """Start, stop and run on the clocks as the table says, on top of what the actions did."""
    for rule in made.procedure.clocks:
        clock = made.clock(rule.name)
        if clock is not None and name in rule.stops:
            made.clocks[rule.name] = clock.stop(made.at)
        elif clock is not None and clock.stopped_at and name in rule.runs_on:
            made.clocks[rule.name] = replace(clock, stopped_at=None)
    draft = apply(
        made.order, _event(made.order, made.order.order_id, name, made.step, made.changes)
    )
    made.clocks.update(_started(made.procedure, draft, name, made.at, made.rules))
    if draft.stage in made.procedure.final:
        _stop_all(made)
    moved = {
        name: clock for name, clock in made.clocks.items() if clock != made.order.clocks.get(name)
    }
    if moved:
        made.changes["clocks"] = clocks_to_json(moved)


def _stop_all(made: Making) -> None:
    for name, clock in {**made.order.clocks, **made.clocks}.items():
        if clock.stopped_at is None:
            made.clocks[name] = clock.stop(made.at)


def _target(move: Move, order: Order, made: Making, rules: Rules, at: datetime) -> str:
    if move.divert:
        count = made.changes.get(move.divert.counter, getattr(order, move.divert.counter))
        if count >= rules.number(move.divert.limit, at):
            return move.divert.to
    return move.edges[order.stage]


def _tells(move: Move, order: Order) -> tuple[str, ...]:
    """A correcting text goes only where a text went out before."""
    return tuple(name for name in move.tells if name != "corrected" or order.told)


def _keep_first_contact(made: Making) -> None:
    """首问负责: the first of the staff to touch it answers for it to the end (S0.18, S2.6)."""
    if not made.order.first_contact_owner and made.step.actor.role not in set(Outsider):
        made.changes["first_contact_owner"] = made.step.actor.actor_id


def _broken_promises(
    procedure: Procedure, order: Order, fired: Sequence[tuple[datetime, str, Rung]]
) -> tuple[str, ...]:
    """Return the text for a promise that broke just now: once, however many clocks broke."""
    if order.training or order.late_entered:
        return ()
    for _, name, rung in fired:
        rule = procedure.clock(name)
        if rule and rule.promise and rung.name == "due":
            return ("promise_broken",)
    return ()


# Needs ----------------------------------------------------------------------------------------


def read_needs(needs: Sequence[Need], step: Step) -> dict[str, Any]:
    """Check a step's answers against what the move needs. Raises BadInput naming every bad field.

    Unknown answers are refused: a field that we ignore would look like one that we kept.
    """
    given: dict[str, Any] = {**step.data, **step.words}
    errors: list[FieldError] = [
        FieldError(name[:40], "field.unknown")
        for name in given
        if name not in {n.name for n in needs}
    ]
    values: dict[str, Any] = {}
    for need in needs:
        answer = given.get(need.name)
        if answer is None or answer in ("", []):
            if need.required:
                errors.append(FieldError(need.name, "field.required"))
            continue
        try:
            values[need.name] = READERS[need.form](need, answer)
        except BadInput as refused:
            errors.extend(refused.errors)
    if errors:
        raise BadInput(errors)
    return values


def _read_choice(need: Need, answer: Any) -> str:
    if not isinstance(answer, str) or answer not in need.choices:
        raise BadInput.of(need.name, "field.choice", allowed=list(need.choices))
    return answer


def _read_text(need: Need, answer: Any) -> str:
    if not isinstance(answer, str):
        raise BadInput.of(need.name, "field.text")
    return clean_text(answer, field=need.name, max_units=need.longest, multiline=True)


LONGEST_CODE: Final = 64


def _read_code(need: Need, answer: Any) -> str:
    plain = isinstance(answer, str) and 0 < len(answer) <= LONGEST_CODE and answer.isascii()
    if not plain or not all(c.isalnum() or c in "-_.:/#" for c in answer):
        raise BadInput.of(need.name, "field.code")
    return str(answer)


def _read_order(need: Need, answer: Any) -> str:
    if not isinstance(answer, str) or not is_order_number(answer):
        raise BadInput.of(need.name, "field.order_number")
    return answer


def _read_flag(need: Need, answer: Any) -> bool:
    if not isinstance(answer, bool):
        raise BadInput.of(need.name, "field.flag")
    return answer


def _read_instant(need: Need, answer: Any) -> int:
    if isinstance(answer, datetime) and answer.tzinfo is not None:
        return millis(whole(answer))
    raise BadInput.of(need.name, "field.instant")


def _read_score(need: Need, answer: Any) -> int:
    if isinstance(answer, bool) or not isinstance(answer, int) or not 1 <= answer <= 5:  # noqa: PLR2004 - five stars
        raise BadInput.of(need.name, "field.score")
    return answer


MOST_FILES: Final = 6


def _read_files(need: Need, answer: Any) -> list[str]:
    if not isinstance(answer, list) or len(answer) > MOST_FILES:
        raise BadInput.of(need.name, "field.files", most=MOST_FILES)
    return [_read_code(need, entry) for entry in answer]


READERS: Final[Mapping[Form, Callable[[Need, Any], Any]]] = MappingProxyType(
    {
        Form.CHOICE: _read_choice,
        Form.TEXT: _read_text,
        Form.OFFICE: _read_code,
        Form.STAFF: _read_code,
        Form.INSTANT: _read_instant,
        Form.FLAG: _read_flag,
        Form.CODE: _read_code,
        Form.ORDER: _read_order,
        Form.FILES: _read_files,
        Form.SCORE: _read_score,
    }
)


def _coded(needs: Sequence[Need], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers that are not personal words: what an event may carry."""
    return {n.name: values[n.name] for n in needs if n.form is not Form.TEXT and n.name in values}


# Gates ----------------------------------------------------------------------------------------


def _visit_concluded(order: Order, at: datetime, rules: Rules) -> bool:
    """A satisfied visit, a rating, or the last of the attempts unreached (domain: 回访)."""
    if order.facts.get("visit") in {"satisfied", "declined"}:
        return True
    return order.visits >= rules.number("return_visit.attempts", at)


def _supervisions_answered(order: Order, _at: datetime, _rules: Rules) -> bool:
    return not any(
        name.startswith(SUPERVISION) and clock.stopped_at is None
        for name, clock in order.clocks.items()
    )


def _reopen_window(order: Order, at: datetime, rules: Rules) -> bool:
    if order.closed_at is None:
        return True
    return at <= order.closed_at + rules.limit("reopen.window", order.closed_at).duration


GATES: Final[Mapping[str, Callable[[Order, datetime, Rules], bool]]] = MappingProxyType(
    {
        "visit_concluded": _visit_concluded,
        "supervisions_answered": _supervisions_answered,
        "supervision_open": lambda order, at, rules: not _supervisions_answered(order, at, rules),
        "within_reopen_window": _reopen_window,
        "not_set_out": lambda order, _at, _rules: not _is_stopped(order, "set_out"),
        "power_off": lambda order, _at, _rules: order.facts.get("power_back") is not True,
        "repairs_outage": lambda order, _at, _rules: bool(order.repairs),
        "is_suspended": lambda order, _at, _rules: order.suspended is not None,
        "not_ruled": lambda order, _at, _rules: not order.facts.get("ruled"),
        "low_voltage": lambda order, _at, _rules: order.facts.get("low_voltage") is True,
        "no_investigation": lambda order, _at, _rules: not order.facts.get(INVESTIGATION),
        "has_issue": lambda order, _at, _rules: bool(order.facts.get(ISSUE)),
        "investigated": lambda order, _at, _rules: bool(order.facts.get(INVESTIGATION)),
        "no_children": lambda order, _at, _rules: not order.children,
        "not_a_child": lambda order, _at, _rules: not order.parent,
        "not_anonymous": lambda order, _at, _rules: not order.facts.get("anonymous"),
        "anonymous": lambda order, _at, _rules: order.facts.get("anonymous") is True,
        "visits_left": lambda order, at, rules: (
            order.visits < rules.number("return_visit.attempts", at)
        ),
        "grade_can_rise": lambda order, _at, _rules: order.grade != GRADES[-1],
        "grade_can_fall": lambda order, _at, _rules: order.grade not in {"", GRADES[0]},
        "unrated": lambda order, _at, _rules: "rating" not in order.facts,
        "expedites_left": lambda order, at, rules: (
            order.expedites < rules.number("expedite.max", at)
        ),
    }
)


def _is_stopped(order: Order, name: str) -> bool:
    clock = order.clocks.get(name)
    return clock is not None and clock.stopped_at is not None


# Actions --------------------------------------------------------------------------------------


def _assign(made: Making) -> None:
    """Hand the order to an office, and to a person if one was named."""
    if "office" in made.values:
        made.changes["office"] = made.values["office"]
    made.changes["assignee"] = made.values.get("staff", "")


def _take(made: Making) -> None:
    """接单: who takes an unassigned order is its holder."""
    if not made.order.assignee and made.step.actor.role not in DISPATCHING:
        made.changes["assignee"] = made.step.actor.actor_id


DISPATCHING: Final = frozenset({"dispatcher", "agent", "supervisor", "city_host"})


def _bounce(made: Making) -> None:
    """退单: back to the county's desk; the bounce is counted and the clocks run on."""
    made.changes.update(bounces=made.order.bounces + 1, office=made.order.county, assignee="")


def _rule(made: Making) -> None:
    """The final ruling names the unit, which cannot reject the order again."""
    made.set_facts({"ruled": True})


def _suspend(made: Making) -> None:
    until = instant(made.values["until"])
    longest = made.rules.limit("suspend.max", made.at).duration
    if not made.at < until <= made.at + longest:
        raise BadInput.of(
            "until", "until.out_of_range", longest_hours=longest // timedelta(hours=1)
        )
    reason = made.values["reason"]
    made.changes["suspended"] = [reason, millis(made.at), millis(until)]
    for name, clock in made.order.clocks.items():
        rule = made.procedure.clock(name)
        if rule and rule.pausable and clock.is_running:
            made.clocks[name] = clock.pause(made.at)
    made.clocks[SUSPENSION] = Clock.deadline(made.at, until)


def _resume_now(made: Making) -> None:
    _resume(made, made.at)


def _resume(made: Making, at: datetime) -> None:
    made.changes["suspended"] = None
    for name, clock in {**made.order.clocks, **made.clocks}.items():
        if name == SUSPENSION:
            made.clocks[name] = clock.stop(at)
        elif clock.is_paused and clock.stopped_at is None:
            made.clocks[name] = clock.resume(at)


def _expedite(made: Making) -> None:
    made.changes["expedites"] = made.order.expedites + 1


def _supervise(made: Making) -> None:
    """督办: a record of its own, with who answers for it and until when."""
    key = f"{SUPERVISION}{made.order.version + 1}"
    if "due" in made.values:
        until = instant(made.values["due"])
        if until <= made.at:
            raise BadInput.of("due", "due.in_past")
        made.clocks[key] = Clock.deadline(made.at, until)
    else:
        limit = made.rules.limit("supervision.reply", made.at)
        made.clocks[key] = Clock.start(limit, made.at)
    owner = made.values.get("owner") or made.order.assignee or made.order.office
    made.set_facts({key: [owner, made.step.actor.actor_id, "open"]})


def _answer_supervision(made: Making) -> None:
    key = f"{SUPERVISION}{made.values['supervision']}"
    clock = made.order.clocks.get(key)
    if clock is None or clock.stopped_at is not None:
        raise BadInput.of("supervision", "supervision.unknown")
    made.clocks[key] = clock.stop(made.at)
    owner, asked_by, _ = made.order.facts[key]
    made.set_facts({key: [owner, asked_by, "answered"]})


def _escalate(made: Making) -> None:
    """提级: the named higher office takes the order over."""
    made.changes.update(office=made.values["office"], assignee="")
    made.set_facts({"escalated": int(made.order.facts.get("escalated", 0)) + 1})


def _grade(made: Making) -> None:
    """升级, and its correction: the order stays where it is; its grade and one clock move."""
    made.changes["grade"] = made.values["grade"]
    rule = next((each for each in made.procedure.clocks if each.name == INTERNAL), None)
    clock = made.clock(INTERNAL)
    if rule is None or clock is None or clock.stopped_at is not None:
        return
    limit_id = GRADE_INTERNAL.get(made.values["grade"], _limit_id(rule, made.order))
    limit = made.rules.limit(limit_id, clock.started_at)
    if limit.enabled and limit.id != clock.limit:
        fresh = Clock.start(limit, clock.started_at)
        made.clocks[INTERNAL] = replace(fresh, pauses=clock.pauses)


def _merge(made: Making) -> None:
    parent = made.values["parent"]
    if parent == made.order.order_id:
        raise BadInput.of("parent", "parent.itself")
    made.changes.update(parent=parent, stage_before=made.order.stage)
    held = [name for name, clock in made.order.clocks.items() if clock.stopped_at is None]
    made.clocks.update({name: made.order.clocks[name].stop(made.at) for name in held})
    made.set_facts({"held_clocks": held})


def _unmerge(made: Making) -> None:
    """The child's clocks run on as if they had never stood: the merger was a mistake."""
    made.changes.update(parent="", stage=made.order.stage_before, stage_before="")
    for name in made.order.facts.get("held_clocks", []):
        made.clocks[name] = replace(made.order.clocks[name], stopped_at=None)
    made.set_facts({"held_clocks": None})


def _absorb(made: Making) -> None:
    child = made.values["child"]
    if child == made.order.order_id or child in made.order.children:
        raise BadInput.of("child", "child.already")
    made.changes["children"] = [*made.order.children, child]


def _release(made: Making) -> None:
    child = made.values["child"]
    if child not in made.order.children:
        raise BadInput.of("child", "child.unknown")
    made.changes["children"] = [c for c in made.order.children if c != child]


def _reopen(made: Making) -> None:
    made.changes.update(
        reopened=made.order.reopened + 1,
        closed_at=None,
        visits=0,
        assignee="",
        office=made.order.county,
    )
    _drop_next_visit(made)
    made.set_facts({"visit": None, "rating": None, "power_back": None})


def _drop_next_visit(made: Making) -> None:
    """No further attempt is waited for: they were reached, or the order is worked again."""
    clock = made.clock(NEXT_VISIT)
    if clock is not None:
        made.clocks[NEXT_VISIT] = clock.stop(made.at)


def _close(made: Making) -> None:
    made.changes["closed_at"] = millis(made.at)


def _follow(made: Making) -> None:
    """The children of a merged order close after it, each caller told."""
    if made.order.children:
        made.data["follow"] = list(made.order.children)


def _satisfied(made: Making) -> None:
    made.changes["visits"] = made.order.visits + 1
    _drop_next_visit(made)
    made.set_facts({"visit": "satisfied"})


def _dissatisfied(made: Making) -> None:
    _reopen(made)
    made.set_facts({"visit": "dissatisfied"})


def _unreached(made: Making) -> None:
    """An attempt is counted; the next one is due after the gap (回访: three, two hours apart).

    Nobody is called in the quiet hours: an attempt that would fall in them is due when they end.
    """
    made.changes["visits"] = made.order.visits + 1
    made.set_facts({"visit": "unreached"})
    _drop_next_visit(made)
    gap = made.rules.limit("return_visit.gap", made.at).duration
    if made.order.visits + 1 < made.rules.number("return_visit.attempts", made.at):
        until = after_quiet(made.at + gap, made.rules, *VISIT_QUIET)
        made.clocks[NEXT_VISIT] = Clock.deadline(made.at, until)


def _rate(made: Making) -> None:
    score = made.values["score"]
    made.set_facts({"rating": score})
    if score >= CONTENT:
        _drop_next_visit(made)
        made.set_facts({"visit": "satisfied"})


CONTENT: Final = 3
"""A rating of three or more of five counts as satisfied. [design]"""


def _power_back(made: Making) -> None:
    made.set_facts({"power_back": True})
    _tell_outage(made)


def _part_back(made: Making) -> None:
    _tell_outage(made)
    made.data["part"] = True


def _tell_outage(made: Making) -> None:
    """Name the outage whose repair order this is. What the outage itself says here it knows."""
    if made.order.repairs and made.step.actor.role != Outsider.SYSTEM:
        made.data["outage"] = made.order.repairs


def _outcome(made: Making) -> None:
    """Keep the coded answers of a reply on the head, for gates and indicators."""
    coded = ("result", "cause", "verdict", "liability", "power_back")
    made.set_facts({name: made.values[name] for name in coded if name in made.values})
    if made.values.get("power_back") is True:
        _tell_outage(made)


def _delay(made: Making) -> None:
    made.set_facts({"delay_explained": made.values["reason"]})


def _correct_kind(made: Making) -> None:
    """更正 of a wrong kind: the clocks of the right kind run from when it was reported."""
    kind, sub_type = made.values["kind"], made.values.get("sub_type", "")
    procedure = _procedure(made.procedures, kind)
    if kind == made.order.kind and sub_type == made.order.sub_type:
        raise BadInput.of("kind", "kind.same")
    _check_sub_type(procedure, sub_type)
    made.procedure = procedure
    made.changes.update(
        kind=kind, sub_type=sub_type, stage=procedure.first, assignee="", office=made.order.county
    )
    if procedure.graded != bool(made.order.grade):
        made.changes["grade"] = GRADES[0] if procedure.graded else ""
    _stop_all(made)
    draft = replace(made.order, kind=kind, sub_type=sub_type)
    began = _started(procedure, draft, OPENED, made.order.occurred_at, made.rules)
    made.clocks.update(began)


def _correct_place(made: Making) -> None:
    made.set_facts(
        {name: made.values[name] for name in ("place", "terrain") if name in made.values}
    )


def _block_archive(made: Making) -> None:
    """The order carries the block of its issue's investigation, so no gate reads another head."""
    made.set_facts({INVESTIGATION: made.values["issue"]})


def _unblock_archive(made: Making) -> None:
    """Only by the issue that blocks it: another's end is no news here."""
    if made.order.facts[INVESTIGATION] != made.values["issue"]:
        raise BadInput.of("issue", "issue.blocks_not")
    made.set_facts({INVESTIGATION: None})


def _join_issue(made: Making) -> None:
    made.set_facts({ISSUE: made.values[ISSUE]})


def _leave_issue(made: Making) -> None:
    made.set_facts({ISSUE: None})


def _correct_archive(made: Making) -> None:
    made.changes.update(closed_at=None)
    made.set_facts({"visit": None})


ACTIONS: Final[Mapping[str, Callable[[Making], None]]] = MappingProxyType(
    {
        "assign": _assign,
        "take": _take,
        "bounce": _bounce,
        "rule": _rule,
        "suspend": _suspend,
        "resume": _resume_now,
        "expedite": _expedite,
        "supervise": _supervise,
        "answer_supervision": _answer_supervision,
        "escalate": _escalate,
        "raise_grade": _grade,
        "lower_grade": _grade,
        "merge": _merge,
        "unmerge": _unmerge,
        "absorb": _absorb,
        "release": _release,
        "reopen": _reopen,
        "close": _close,
        "follow": _follow,
        "satisfied": _satisfied,
        "dissatisfied": _dissatisfied,
        "unreached": _unreached,
        "rate": _rate,
        "power_back": _power_back,
        "part_back": _part_back,
        "outcome": _outcome,
        "delay": _delay,
        "correct_kind": _correct_kind,
        "correct_place": _correct_place,
        "correct_archive": _correct_archive,
        "join_issue": _join_issue,
        "leave_issue": _leave_issue,
        "block_archive": _block_archive,
        "unblock_archive": _unblock_archive,
    }
)
