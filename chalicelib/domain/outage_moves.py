"""What is done to an outage: the commands that people, devices and inference give, and the timers.

Every command returns the new head with the events that made it, or raises and changes nothing. The
caller saves both in one transaction; `transfer` and `nest` make two aggregates at once. `dues` are
computed from the head; `fire` does what is due, oldest first, each once.

An unconfirmed outage whose power comes back is recorded as restored and never texts. Refusing would
leave an open outage over lit houses or make somebody say that there was none; and who was never
told that it began is not told that it ended.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from .clocks import QUIET_LADDER, Clock, Rules, Rung, Target, instant, millis, rung_at, whole
from .order import Actor, Event
from .outage import (
    BEFORE,
    CAUSES,
    COMMANDS,
    CREW_STATUSES,
    DANGERS,
    ENDED,
    ETR_SOURCES,
    FOLD,
    INFORMATION,
    KINDS,
    LADDER,
    OPEN,
    OVER,
    REASONS,
    STAFF,
    UNANSWERED,
    UNCONFIRMED,
    WITNESSES,
    Crew,
    Etr,
    Kind,
    Outage,
    Plan,
    Round,
    Spell,
    State,
    Step,
    aggregate,
    apply,
    as_millis,
    free,
    spells,
    states_for,
)
from .planning import (
    Breach,
    Call,
    Reminder,
    Signature,
    breaches,
    check_may_switch,
    extension_breach,
    is_approved,
    leads,
    reminders,
    sign,
    signers,
)
from .procedure import SKEW, TIMER
from .reach import NOWHERE, Reach, union
from .refusal import BadInput, GateClosed, IllegalMove, NotAllowed
from .staff import Outsider

# What is given --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Act:
    """Who does it, when it was known in the field, and when it was entered with us.

    digest: of the personal words that came with it, salted by the caller, who keeps them.
    """

    actor: Actor
    occurred_at: datetime
    recorded_at: datetime
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """What a command made: the new head, and the events that made it, oldest first."""

    outage: Outage
    events: tuple[Event, ...]


@dataclass(slots=True)
class _Making:
    """A command while it is being carried out: what it reads and what it changes."""

    name: str
    outage_id: str
    before: Outage | None
    actor: Actor
    occurred: datetime
    recorded: datetime
    rules: Rules
    digest: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def seq(self) -> int:
        """The number of the event that is being made: also the revision of its rounds."""
        return 1 if self.before is None else self.before.version + 1

    @property
    def draft(self) -> Outage:
        """The head as it would be now."""
        return apply(self.before, self._event())

    @property
    def is_human(self) -> bool:
        """Whether a person's word is given, not inference's."""
        return self.actor.role in WITNESSES

    def set(self, **values: Any) -> None:
        """Change plain fields."""
        self.changes.update({name: FOLD.encode(name, value) for name, value in values.items()})

    def put(self, name: str, key: str, value: Any) -> None:
        """Change one entry of a mapping; None removes it."""
        self.changes.setdefault(name, {})[key] = FOLD.encode_entry(name, value)

    def step(self, change: str, at: datetime, reach: Reach, other: str = "") -> None:
        """Add a step."""
        number = len(self.changes.get("steps", {}))
        key = f"{self.seq}.{number}"
        self.put("steps", key, Step(change, at, reach, self.occurred, self.recorded, other))

    def limit(self, limit_id: str) -> timedelta:
        """Return a duration from the rules, as they are when this is entered."""
        return self.rules.limit(limit_id, self.recorded).duration

    def done(self) -> Made:
        """Plan the next due instant on what was changed, then make event and head for good."""
        if self.name != TIMER:
            self.set(moved_at=self.recorded)
        draft = self.draft
        if draft.training:
            self.data["training"] = True
        face = _public_face(draft)
        if face != (None if self.before is None else _public_face(self.before)):
            self.data["public"] = True
        self.set(next_due_at=next_due(draft, rules=self.rules))
        event = self._event()
        return Made(apply(self.before, event), (event,))

    def _event(self) -> Event:
        event = Event(
            aggregate=aggregate(self.outage_id),
            seq=self.seq,
            name=self.name,
            occurred_at=self.occurred,
            recorded_at=self.recorded,
            actor=self.actor,
            changes=dict(self.changes),
            data=dict(self.data),
            digest=self.digest,
        )
        return event if self.before is None else replace(event, prev=self.before.tip)


def _start(name: str, act: Act, *, outage_id: str, rules: Rules) -> _Making:
    occurred, recorded = _times(act)
    return _Making(name, outage_id, None, act.actor, occurred, recorded, rules, act.digest)


def _begin(name: str, outage: Outage, act: Act, rules: Rules) -> _Making:
    """Check state, person and times. Raises IllegalMove, NotAllowed or BadInput."""
    if outage.state not in states_for(name, outage.kind):
        raise IllegalMove(move=name, stage=outage.state.value, kind=outage.kind.value)
    command = COMMANDS[name]
    if command.who and act.actor.role not in command.who:
        raise NotAllowed(move=name, role=act.actor.role)
    occurred, recorded = _times(act)
    if recorded < outage.recorded_at:
        raise BadInput.of("recorded_at", "occurred_at.before_last_step")
    return _Making(name, outage.outage_id, outage, act.actor, occurred, recorded, rules, act.digest)


def _times(act: Act) -> tuple[datetime, datetime]:
    occurred, recorded = whole(act.occurred_at), whole(act.recorded_at)
    if occurred > recorded + SKEW:
        raise BadInput.of("occurred_at", "occurred_at.in_future")
    return min(occurred, recorded), recorded


def _not_future(name: str, at: datetime, m: _Making) -> datetime:
    cut = whole(at)
    if cut > m.recorded + SKEW:
        raise BadInput.of(name, "occurred_at.in_future")
    return min(cut, m.recorded)


def _one_of(name: str, value: str, choices: Iterable[str]) -> str:
    allowed = list(choices)
    if not value:
        raise BadInput.of(name, "field.required")
    if value not in allowed:
        raise BadInput.of(name, "field.choice", allowed=allowed)
    return value


GATES: Final = (
    "no_human_word",
    "no_human_etr",
    "nothing_above",
    "no_order",
)
"""Conditions that a command may still lack. Words: `gate.*`."""


def _gate(m: _Making, name: str, *, is_met: bool, **facts: Any) -> None:
    if not is_met:
        raise GateClosed(move=m.name, gates=[name], **facts)


def _public_face(outage: Outage) -> tuple[Any, ...] | None:
    """What the public page would show; None where it shows nothing."""
    if not outage.is_public:
        return None
    plan, etr = outage.plan, outage.etr
    return (
        outage.state,
        outage.dark,
        outage.cause,
        etr and (etr.at, etr.next_update_at),
        outage.update_at,
        outage.crew and outage.crew.status,
        plan and (plan.start, plan.finish, plan.reach),
    )


def _claimed(reach: Reach, others: Iterable[Outage]) -> Reach:
    if not reach:
        raise BadInput.of("reach", "reach.empty")
    claimed = free(reach, others)
    if not claimed:
        raise BadInput.of("reach", "reach.taken")
    return claimed


# Opening and the ladder -----------------------------------------------------------------------


def open_outage(
    act: Act,
    *,
    outage_id: str,
    kind: Kind,
    county: str,
    office: str,
    devices: Sequence[str],
    feeders: Sequence[str],
    reach: Reach,
    since: datetime,
    grade: State,
    rules: Rules,
    others: Iterable[Outage] = (),
    on_trip: bool = False,
    training: bool = False,
) -> Made:
    """Open an outage that climbs the ladder: from inference, a device event, crew or dispatcher.

    since: when power went. others: the open outages nearby; what is dark in them stays theirs.
    on_trip: it comes from a device that may reclose, so nobody is told before the hold-off is over,
    unless a person has confirmed it. Raises BadInput or NotAllowed.
    """
    m = _start("opened", act, outage_id=outage_id, rules=rules)
    rule = KINDS[kind]
    if rule.planned:
        raise BadInput.of("kind", "outage.kind_is_planned")
    if not devices:
        raise BadInput.of("devices", "field.required")
    if grade not in LADDER:
        raise BadInput.of("grade", "field.choice", allowed=[str(rung) for rung in LADDER])
    if not rule.tells and (not m.is_human or grade is not State.CONFIRMED):
        raise NotAllowed(move=m.name, role=act.actor.role)
    went = _not_future("since", since, m)
    m.set(
        kind=kind,
        state=grade,
        county=county,
        office=office,
        recorded_at=m.recorded,
        devices=sorted(devices),
        feeders=sorted(feeders),
        since=went,
        training=training,
    )
    m.step("out", went, _claimed(reach, others))
    if on_trip:
        m.set(hold_until=went + m.limit("outage.hold_off"))
    if m.is_human and grade is State.CONFIRMED:
        m.set(word=("confirmed", m.actor.role, m.actor.actor_id))
    _climb(m, grade)
    return m.done()


def assess(
    outage: Outage,
    act: Act,
    *,
    grade: State,
    rules: Rules,
    devices: Sequence[str] = (),
    lasts: bool = False,
) -> Made:
    """Set the rung that inference finds now, up or down, and the devices that it names now.

    devices: none for the same as before. lasts: it was heard that nothing will reclose, so nobody
    waits for the end of the hold-off. Once confirmed, only facts undo it. Raises GateClosed when a
    person has spoken, IllegalMove once confirmed.
    """
    m = _begin("assess", outage, act, rules)
    _gate(m, "no_human_word", is_met=not outage.has_human_word)
    if grade not in LADDER:
        raise BadInput.of("grade", "field.choice", allowed=[str(rung) for rung in LADDER])
    named = sorted(devices) or sorted(outage.devices)
    is_renamed = named != sorted(outage.devices)
    if grade is outage.state and not is_renamed:
        raise BadInput.of("grade", "outage.same")
    if is_renamed:
        m.set(devices=named)
    if lasts and outage.hold_until is not None:
        m.set(hold_until=min(outage.hold_until, m.recorded))
        m.put("fired", "hold", m.recorded)
    if grade is not outage.state:
        _climb(m, grade)
    return m.done()


def confirm(outage: Outage, act: Act, *, rules: Rules) -> Made:
    """A person says that it is so. What inference had confirmed becomes a person's word."""
    m = _begin("confirm", outage, act, rules)
    _gate(m, "no_human_word", is_met=not outage.has_human_word)
    m.set(word=("confirmed", m.actor.role, m.actor.actor_id))
    _climb(m, State.CONFIRMED)
    return m.done()


def deny(outage: Outage, act: Act, *, rules: Rules) -> Made:
    """A person says that there is no outage: it is cancelled, and whoever was told hears of it."""
    m = _begin("deny", outage, act, rules)
    m.set(word=("denied", m.actor.role, m.actor.actor_id))
    _was_none(m, outage)
    return m.done()


def withdraw(outage: Outage, act: Act, *, rules: Rules, reason: str = "") -> Made:
    """Inference takes it back. Raises GateClosed when a person has spoken.

    reason: empty where reports speak against it, UNANSWERED where it has only grown old.
    """
    m = _begin("withdraw", outage, act, rules)
    _gate(m, "no_human_word", is_met=not outage.has_human_word)
    if reason:
        m.data["reason"] = _one_of("reason", reason, (UNANSWERED,))
    _was_none(m, outage)
    return m.done()


def _climb(m: _Making, grade: State) -> None:
    """Reach a rung: from probable on the start is known and a crew is sent; confirmed is told."""
    draft = m.draft
    m.set(state=grade)
    if not draft.grade or LADDER.index(grade) > LADDER.index(State(draft.grade)):
        m.set(grade=str(grade))
    if grade is State.SUSPECTED:
        m.put("known", "start", None)
        m.put("clocks", "entry.start", None)
    if grade is State.SUSPECTED or not draft.rule.tells:
        return
    if draft.rule.repairs and "order" not in draft.fired:
        m.put("fired", "order", m.recorded)
        m.data["order"] = "open"
    if not draft.is_told:
        _note_known(m, "start", happened=draft.since or m.occurred, known=m.occurred)
    if grade is State.CONFIRMED and not draft.is_told:
        _tell_start(m)


def _tell_start(m: _Making) -> None:
    """Begin the first round, unless a device may still reclose by itself."""
    draft = m.draft
    held = draft.hold_until is not None and draft.hold_until > m.recorded
    if held and not draft.has_human_word:
        return
    _promise_update(m)
    _begin_round(m, "start", draft.dark, happened=draft.since or m.occurred, known=m.occurred)


def _promise_update(m: _Making) -> None:
    """Nobody is left without a time: an ETR, or when the next word comes."""
    draft = m.draft
    etr = draft.etr
    if draft.rule.tells and not (etr and etr.at) and draft.update_at is None:
        m.set(update_at=m.recorded + m.limit("outage_notice.next_update"))


def _was_none(m: _Making, outage: Outage) -> None:
    reach = outage.dark
    m.step("wrong", m.occurred, reach)
    _close(m, State.CANCELLED)
    if outage.is_told:
        _begin_round(m, "cancelled", reach, happened=m.occurred, known=m.occurred)
    m.data["release"] = _orders(outage)


def _close(m: _Making, state: State) -> None:
    """Be over. What lies under it is dark for its own reason from now on, or under the next."""
    m.set(state=state, closed_at=m.recorded, update_at=None)
    if m.before is not None and m.before.below and state is not State.ABSORBED:
        m.data["under"] = list(m.before.below)
        m.set(below=[])
    for kind in m.draft.known:
        m.put("known", kind, None)
        m.put("clocks", f"entry.{kind}", None)


def _orders(outage: Outage) -> list[str]:
    """The orders that live and close with it; one that a danger made has a life of its own."""
    return [order for order in (outage.order_id, *outage.children) if order]


# Rounds and their clocks ----------------------------------------------------------------------


def know(
    outage: Outage,
    act: Act,
    *,
    information: str,
    happened_at: datetime,
    rules: Rules,
    part: bool = False,
) -> Made:
    """Note that something is known and not entered yet: its first five minutes run from now.

    information: one of INFORMATION. It is entered by the command that says what it is. part: it is
    so for some of the dark alone, and somebody must say for whom.
    """
    m = _begin("know", outage, act, rules)
    _one_of("information", information, INFORMATION)
    if information in outage.known:
        raise BadInput.of("information", "outage.same")
    happened = _not_future("happened_at", happened_at, m)
    _note_known(m, information, happened=happened, known=m.occurred)
    if part:
        m.data["part"] = True
    return m.done()


def _note_known(m: _Making, kind: str, *, happened: datetime, known: datetime) -> None:
    if kind in m.draft.known:
        return
    m.put("known", kind, (happened, known))
    clock = Clock.start(m.rules.limit("two_five.entry", m.recorded), known)
    m.put("clocks", f"entry.{kind}", clock)


def _begin_round(
    m: _Making, kind: str, reach: Reach, *, happened: datetime, known: datetime
) -> None:
    """Begin to tell `reach`. Where the kind is information, both five minutes are on record."""
    draft = m.draft
    if kind in draft.known:
        noted_happened, noted_known = draft.known[kind]
        happened, known = min(happened, noted_happened), min(known, noted_known)
        m.put("known", kind, None)
        m.put("clocks", f"entry.{kind}", None)
    if not draft.rule.tells or not reach.households:
        return
    name = f"{kind}.{m.seq}"
    watch = m.recorded + m.limit("outage.settle")
    m.put("rounds", name, Round(kind, reach, happened, known, m.recorded, watch_at=watch))
    m.data.setdefault("rounds", []).append(name)
    if kind in INFORMATION:
        entry = draft.clocks.get(f"entry.{kind}") or _clock(m, "two_five.entry", known)
        m.put("clocks", f"entry.{name}", entry.stop(m.recorded))
        m.put("clocks", f"notify.{name}", _clock(m, "two_five.notify", m.recorded))
        m.put("clocks", f"whole.{name}", _clock(m, "two_five.alarm", happened))


def _clock(m: _Making, limit_id: str, at: datetime) -> Clock:
    return Clock.start(m.rules.limit(limit_id, m.recorded), at)


def settle(
    outage: Outage,
    act: Act,
    *,
    round_id: str,
    told_at: datetime | None,
    counts: Mapping[str, int],
    is_final: bool,
    rules: Rules,
) -> Made:
    """Note what became of a round: when its last text was accepted, households by final state.

    told_at: None while texts are under way, or where nobody could be texted. is_final: every
    household has its final state; until then the outage is looked at again and again, afterwards
    whom it was for is forgotten here: the households' own rows tell. The callers of a restored
    outage are told with this, so their orders close now and no earlier.
    """
    m = _begin("settle", outage, act, rules)
    if round_id not in outage.rounds:
        raise BadInput.of("round", "round.unknown")
    known = outage.rounds[round_id]
    told = known.told_at if told_at is None else _not_future("told_at", told_at, m)
    if told is not None and told < known.entered_at:
        raise BadInput.of("told_at", "occurred_at.before_last_step")
    after = replace(known, told_at=told, counts=dict(counts))
    if is_final:
        after = replace(after, watch_at=None, reach=NOWHERE)
    else:
        after = replace(after, watch_at=m.recorded + m.limit("outage.settle"))
    m.put("rounds", round_id, after)
    for name in (f"notify.{round_id}", f"whole.{round_id}"):
        clock = outage.clocks.get(name)
        if clock is not None and told is not None:
            m.put("clocks", name, replace(clock, stopped_at=told))
        elif clock is not None and is_final:
            m.put("clocks", name, None)
    is_first = is_final and known.watch_at is not None
    if known.kind == "restored" and is_first and outage.state in ENDED:
        m.data["close"] = list(outage.children)
    return m.done()


# What is dark ---------------------------------------------------------------------------------


def extend(
    outage: Outage,
    act: Act,
    *,
    reach: Reach,
    since: datetime,
    rules: Rules,
    others: Iterable[Outage] = (),
) -> Made:
    """More is dark than was thought. Only the newly added are told."""
    m = _begin("extend", outage, act, rules)
    added = _claimed(reach, [outage, *others])
    went = _not_future("since", since, m)
    m.step("out", went, added)
    _extended(m, outage, added, went)
    return m.done()


def _extended(m: _Making, outage: Outage, added: Reach, went: datetime) -> None:
    if outage.since is None or went < outage.since:
        m.set(since=went)
    if outage.is_told:
        _begin_round(m, "extended", added, happened=went, known=m.occurred)


def shrink(outage: Outage, act: Act, *, reach: Reach, rules: Rules) -> Made:
    """Part of it was never dark: it leaves the record, and whoever was told hears so.

    Raises GateClosed to inference where a person has spoken, BadInput when nothing would be left.
    """
    m = _begin("shrink", outage, act, rules)
    _gate(m, "no_human_word", is_met=m.is_human or not outage.has_human_word)
    gone = _dark_part(outage, reach)
    if not outage.dark - gone:
        raise BadInput.of("reach", "reach.nothing_left")
    m.step("wrong", m.occurred, gone)
    if outage.is_told:
        _begin_round(m, "corrected", gone, happened=m.occurred, known=m.occurred)
    return m.done()


def _dark_part(outage: Outage, reach: Reach) -> Reach:
    if not reach:
        raise BadInput.of("reach", "reach.empty")
    part = outage.dark & reach
    if not part:
        raise BadInput.of("reach", "reach.not_dark")
    return part


def restore(
    outage: Outage, act: Act, *, at: datetime, rules: Rules, reach: Reach | None = None
) -> Made:
    """Power is back: for all that is dark, or for `reach`.

    Raises GateClosed while an outage above holds the power back: then it belongs to that one
    (`transfer`). Unconfirmed, it is recorded and never texts; within the hold-off it is momentary.
    """
    m = _begin("restore", outage, act, rules)
    _gate(m, "nothing_above", is_met=not outage.above, above=outage.above)
    back = outage.dark if reach is None else _dark_part(outage, reach)
    when = _not_future("at", at, m)
    begun = [spell.since for spell in spells(outage) if spell.until is None and spell.reach & back]
    if any(when < since for since in begun):
        raise BadInput.of("at", "outage.back_before_out")
    m.step("back", when, back)
    is_all = not outage.dark - back
    if is_all and _is_momentary(outage, when):
        _close(m, State.MOMENTARY)
        m.data["release"] = _orders(outage)
        return m.done()
    if outage.is_told:
        _begin_round(m, "restored", back, happened=when, known=m.occurred)
    if is_all:
        _ended(m, outage, when)
    elif outage.state not in UNCONFIRMED:
        m.set(state=State.PARTIALLY_RESTORED)
    return m.done()


def _is_momentary(outage: Outage, back_at: datetime) -> bool:
    held = outage.hold_until
    return held is not None and back_at <= held and not outage.is_told


def _ended(m: _Making, outage: Outage, when: datetime) -> None:
    m.data["back"] = _orders(outage)
    if outage.plan is None:
        _close(m, State.RESTORED)
        return
    _close(m, State.FINISHED)
    m.data["finish"] = _how_finished(outage.plan.finish, when)


def _how_finished(planned: datetime, when: datetime) -> str:
    if when < planned:
        return "early"
    return "on_time" if when == planned else "overrun"


def still_dark(outage: Outage, act: Act, *, reach: Reach, rules: Rules) -> Made:
    """Some that were said to be back are not: their interruption goes on from its own start."""
    m = _begin("still_dark", outage, act, rules)
    if not reach:
        raise BadInput.of("reach", "reach.empty")
    ended = union(spell.reach for spell in spells(outage) if spell.until is not None)
    found = (ended & reach) - outage.dark
    if not found:
        raise BadInput.of("reach", "reach.was_not_dark")
    m.step("still", m.occurred, found)
    confirmed = outage.rule.planned or outage.grade == State.CONFIRMED
    m.set(closed_at=None, state=State.PARTIALLY_RESTORED if confirmed else State(outage.grade))
    if outage.is_told:
        m.set(update_at=m.recorded + m.limit("outage_notice.next_update"))
        _begin_round(m, "extended", found, happened=m.occurred, known=m.occurred)
    return m.done()


# Between outages ------------------------------------------------------------------------------


def transfer(
    source: Outage,
    target: Outage,
    act: Act,
    *,
    rules: Rules,
    reach: Reach | None = None,
    orders: Iterable[str] = (),
) -> tuple[Made, Made]:
    """Hand supply points from one outage to another, each with the start it had.

    With `reach` None everything dark goes, and the source is absorbed with its orders; so it is
    when nothing else is left. Else `orders`, the callers' from what goes, go along, and the repair
    order stays. The caller saves both in one transaction. Raises BadInput.
    """
    if source.outage_id == target.outage_id:
        raise BadInput.of("target", "outage.itself")
    give, take = _begin("transfer", source, act, rules), _begin("take_over", target, act, rules)
    moved = source.dark if reach is None else _dark_part(source, reach)
    open_spells = [spell for spell in spells(source) if spell.until is None]
    give.step("moved_out", give.occurred, moved, target.outage_id)
    for spell in open_spells:
        part = (spell.reach & moved) - target.dark
        if part:
            take.step("moved_in", spell.since, part, source.outage_id)
    if not source.dark - moved:
        give.set(parent=target.outage_id)
        _close(give, State.ABSORBED)
        give.data["absorbed"] = {"parent": target.outage_id, "orders": _orders(source)}
        _inherit(take, source, target)
    else:
        _go_along(give, take, source, target, frozenset(orders))
    since = min(spell.since for spell in open_spells if spell.reach & moved)
    _extended(take, target, moved - target.dark, since)
    return give.done(), take.done()


def _inherit(take: _Making, source: Outage, target: Outage) -> None:
    """The parent takes over the child's orders and dangers, and what lay under it."""
    children = dict.fromkeys((*target.children, *_orders(source)))
    below = dict.fromkeys((*target.below, *source.below))
    take.set(
        children=[order for order in children if order != target.order_id],
        below=[lower for lower in below if lower not in {source.outage_id, target.outage_id}],
    )
    if target.above == source.outage_id:
        take.set(above=source.above)
    for order, danger in source.dangers.items():
        take.put("dangers", order, danger)


def _go_along(
    give: _Making, take: _Making, source: Outage, target: Outage, orders: frozenset[str]
) -> None:
    """Hand over the callers' orders, and those of dangers, that lie in the part that goes."""
    callers = [order for order in source.children if order in orders]
    if callers:
        give.set(children=[order for order in source.children if order not in orders])
        give.data["absorbed"] = {"parent": target.outage_id, "orders": callers}
        children = dict.fromkeys((*target.children, *callers))
        take.set(children=[order for order in children if order != target.order_id])
    for order, danger in source.dangers.items():
        if order in orders:
            give.put("dangers", order, None)
            take.put("dangers", order, danger)


def nest(above: Outage, below: Outage, act: Act, *, rules: Rules) -> tuple[Made, Made]:
    """Note that `below` is a fault of its own under `above`. Shared customers are the lower's.

    They keep the earlier start, stay dark when `above` is restored, and hear nothing of that.
    Returns the upper's and the lower's; the caller saves both in one transaction.
    """
    if above.outage_id == below.outage_id:
        raise BadInput.of("below", "outage.itself")
    if below.above or above.above == below.outage_id:
        raise BadInput.of("below", "outage.already_nested")
    upper, lower = _begin("nest", above, act, rules), _begin("lie_under", below, act, rules)
    shared = above.dark & below.dark
    added = NOWHERE
    if shared and not above.dark - shared:
        raise BadInput.of("below", "reach.nothing_left")
    if shared:
        upper.step("moved_out", upper.occurred, shared, below.outage_id)
        added = _earlier(lower, above, below, shared)
    upper.set(below=[*above.below, below.outage_id])
    lower.set(above=above.outage_id)
    if added and below.since is not None:
        lower.set(since=min(below.since, *_starts(above, shared)))
    return upper.done(), lower.done()


def _starts(outage: Outage, reach: Reach) -> list[datetime]:
    return [s.since for s in spells(outage) if s.until is None and s.reach & reach]


def _earlier(lower: _Making, above: Outage, below: Outage, shared: Reach) -> Reach:
    """Take shared supply points at the start that the upper outage had for them, if earlier."""
    moved = NOWHERE
    for spell in spells(above):
        part = spell.reach & shared if spell.until is None else NOWHERE
        later = union(
            own.reach & part
            for own in spells(below)
            if own.until is None and own.since > spell.since
        )
        if later:
            lower.step("moved_out", lower.occurred, later, above.outage_id)
            lower.step("moved_in", spell.since, later, above.outage_id)
            moved = moved | later
    return moved


def unnest(outage: Outage, act: Act, *, rules: Rules) -> Made:
    """The outage above is over: what is dark here is dark for its own reason alone."""
    m = _begin("unnest", outage, act, rules)
    if not outage.above:
        raise BadInput.of("above", "outage.not_nested")
    m.set(above="")
    return m.done()


# What is said about it ------------------------------------------------------------------------


def set_etr(
    outage: Outage,
    act: Act,
    *,
    at: datetime | None,
    source: str,
    rules: Rules,
    reason: str = "",
    next_update_at: datetime | None = None,
) -> Made:
    """Say when power will be back, or, not knowing it, when the next word will come.

    Later than said before needs a reason of REASONS. A rule's estimate never replaces a person's
    word while that still stands. Raises BadInput, GateClosed.
    """
    m = _begin("set_etr", outage, act, rules)
    _one_of("source", source, ETR_SOURCES)
    _gate(m, "no_human_etr", is_met=source != "rule" or not _stands(outage, m.recorded))
    new = _read_etr(m, outage, at, source, reason, next_update_at)
    before = outage.etr
    was = before.at if before else None
    m.put("etrs", str(m.seq), new)
    m.set(update_at=new.next_update_at)
    _note_extension(m, outage, new)
    if outage.is_told and new.at != was:
        kind = "etr_set" if was is None else "etr_changed"
        _begin_round(m, kind, outage.dark, happened=m.occurred, known=m.occurred)
    return m.done()


def _note_extension(m: _Making, outage: Outage, new: Etr) -> None:
    """Put on record that works were extended too late before the end that was announced."""
    plan, was = outage.plan, outage.etr.at if outage.etr else None
    if plan is None or new.at is None or new.at <= plan.finish:
        return
    if was is not None and was > plan.finish:
        return  # extended before: that one counts
    late = extension_breach(plan.window, m.recorded, rules=m.rules, reason=new.reason)
    if late is not None:
        m.data["breaches"] = [_breach_json(late)]


def _breach_json(one: Breach) -> list[Any]:
    return [one.limit, one.to, millis(one.due), as_millis(one.told_at), one.reason]


def _stands(outage: Outage, at: datetime) -> bool:
    etr = outage.etr
    return etr is not None and etr.source != "rule" and etr.at is not None and etr.at > at


def _read_etr(  # noqa: PLR0917 - the parts of one answer
    m: _Making,
    outage: Outage,
    at: datetime | None,
    source: str,
    reason: str,
    next_update_at: datetime | None,
) -> Etr:
    if at is None:
        return _read_unknown_etr(m, source, reason, next_update_at)
    before, when = outage.etr, whole(at)
    if outage.since is not None and when <= outage.since:
        raise BadInput.of("at", "etr.before_start")
    if when <= m.recorded:
        raise BadInput.of("at", "etr.in_past")
    if before is not None and before.at == when:
        raise BadInput.of("at", "etr.same")
    is_later = before is not None and before.at is not None and when > before.at
    if is_later or reason:
        _one_of("reason", reason, REASONS)
    return Etr(when, source, m.recorded, reason, None)


def _read_unknown_etr(m: _Making, source: str, reason: str, next_update_at: datetime | None) -> Etr:
    if next_update_at is None:
        raise BadInput.of("next_update_at", "field.required")
    if whole(next_update_at) <= m.recorded:
        raise BadInput.of("next_update_at", "etr.in_past")
    return Etr(None, source, m.recorded, reason, whole(next_update_at))


def set_cause(outage: Outage, act: Act, *, cause: str, rules: Rules) -> Made:
    """Say why: `category.cause` of CAUSES. It is told with the next word.

    Where the expected restoration was told without a cause, the cause is told now.
    """
    m = _begin("set_cause", outage, act, rules)
    _check_cause(cause)
    if cause == outage.cause:
        raise BadInput.of("cause", "outage.same")
    etr = outage.etr
    m.set(cause=cause)
    if outage.is_told and not outage.cause and etr is not None and etr.at is not None:
        _begin_round(m, "cause", outage.dark, happened=m.occurred, known=m.occurred)
    return m.done()


@dataclass(frozen=True, slots=True)
class Truth:
    """What is right where something was entered wrong; what is left out was right.

    devices, feeders, reach: what failed or is switched, and what lies behind it: all three or none.
    since: when the first of it went dark. back_at: when the last of it came back.
    """

    devices: tuple[str, ...] = ()
    feeders: tuple[str, ...] = ()
    reach: Reach = NOWHERE
    cause: str = ""
    since: datetime | None = None
    back_at: datetime | None = None


def correct(
    outage: Outage,
    act: Act,
    *,
    truth: Truth,
    reason: str,
    rules: Rules,
    others: Iterable[Outage] = (),
) -> Made:
    """Put right what was entered wrong (更正): the device, the cause, when it began or ended.

    What was entered stays in the chain. Who is dark and was told something wrong is told again, who
    turns out to have had power hears so, who is new to it is told of it. Once power is back a time
    is put right in the record alone: people know when their lights came on. Raises BadInput.
    """
    m = _begin("correct", outage, act, rules)
    m.data["reason"] = _one_of("reason", reason, REASONS)
    told = outage.dark if outage.is_told else NOWHERE
    gone = _other_devices(m, outage, truth, others) if truth.devices else NOWHERE
    is_void = bool(truth.cause) and _other_cause(m, outage, truth.cause)
    if truth.since is not None or truth.back_at is not None:
        _other_times(m, outage, truth)
        is_void |= truth.since is not None
    if not m.changes:
        raise BadInput.of("cause", "field.required")
    if told and is_void:
        m.set(corrected=m.seq)
    again = told if is_void else told & gone
    _begin_round(m, "corrected", again, happened=m.occurred, known=m.occurred)
    return m.done()


def _other_devices(m: _Making, outage: Outage, truth: Truth, others: Iterable[Outage]) -> Reach:
    """Move the darkness to where it is. Return whoever never was in it."""
    if outage.state in OVER:
        raise BadInput.of("devices", "outage.over")
    if tuple(sorted(truth.devices)) == outage.devices:
        raise BadInput.of("devices", "outage.same")
    gone, added = outage.dark - truth.reach, free(truth.reach, [outage, *others])
    if not added and not outage.dark - gone:
        raise BadInput.of("devices", "reach.taken" if truth.reach else "reach.empty")
    m.set(devices=sorted(truth.devices), feeders=sorted(truth.feeders))
    if not outage.rule.planned:
        m.set(word=("confirmed", m.actor.role, m.actor.actor_id))
    if gone:
        m.step("wrong", m.occurred, gone)
    if added:
        went = outage.since or m.occurred
        m.step("out", went, added)
        _extended(m, outage, added, went)
    return gone


def _other_cause(m: _Making, outage: Outage, cause: str) -> bool:
    """Return whether another cause may have been told."""
    _check_cause(cause)
    if cause == outage.cause:
        raise BadInput.of("cause", "outage.same")
    m.set(cause=cause)
    return bool(outage.cause) and not outage.cause.startswith("unknown")


def _other_times(m: _Making, outage: Outage, truth: Truth) -> None:
    """Enter the first interruptions again with the start, and the last ones with the end, they had.

    Raises BadInput naming `since` or `back_at`.
    """
    since, back_at = truth.since, truth.back_at
    if back_at is not None and outage.state not in OVER:
        raise BadInput.of("back_at", "outage.not_over")
    begun = _not_future("since", since, m) if since is not None else None
    ended = _not_future("back_at", back_at, m) if back_at is not None else None
    known = spells(m.draft)
    last = max((one.until for one in known if one.until is not None), default=None)
    later, changed = NOWHERE, False
    for spell in reversed(known):
        reach = spell.reach - later
        later |= spell.reach
        start = begun if begun is not None and spell.since == outage.since else spell.since
        end = ended if ended is not None and spell.until == last else spell.until
        if not reach or (start, end) == (spell.since, spell.until):
            continue
        if end is not None and end < start:
            raise BadInput.of("since" if ended is None else "back_at", "outage.back_before_out")
        _enter_again(m, replace(spell, reach=reach), start, end)
        changed = True
    if not changed:
        raise BadInput.of("since" if since is not None else "back_at", "outage.same")
    m.set(since=min(one.since for one in spells(m.draft)))
    if outage.is_public:
        m.data["public"] = True


def _enter_again(m: _Making, spell: Spell, start: datetime, end: datetime | None) -> None:
    if spell.until is not None:
        m.step("still", m.occurred, spell.reach)
    if start != spell.since:
        m.step("wrong", m.occurred, spell.reach)
        m.step("out", start, spell.reach)
    if end is not None:
        m.step("back", end, spell.reach)


def _check_cause(cause: str) -> None:
    category, _, leaf = cause.partition(".")
    if leaf not in CAUSES.get(category, ()):
        raise BadInput.of("cause", "outage.cause_unknown")


def set_crew(outage: Outage, act: Act, *, status: str, crew_id: str, rules: Rules) -> Made:
    """Say how far the crew is. The same crew goes forward only; another one starts over."""
    m = _begin("set_crew", outage, act, rules)
    place = CREW_STATUSES.index(_one_of("status", status, CREW_STATUSES))
    if not crew_id:
        raise BadInput.of("crew", "field.required")
    before = outage.crew
    same = before is not None and before.crew_id == crew_id
    if before is not None and same and place <= CREW_STATUSES.index(before.status):
        raise BadInput.of("status", "crew.backwards")
    m.set(crew=Crew(status, crew_id, m.occurred))
    return m.done()


def attach_order(outage: Outage, act: Act, *, order_id: str, rules: Rules) -> Made:
    """Note the repair order that was opened for it. There is one, whatever comes after."""
    m = _begin("attach_order", outage, act, rules)
    _gate(m, "no_order", is_met=not outage.order_id, order=outage.order_id)
    m.set(order_id=order_id, children=[child for child in outage.children if child != order_id])
    return m.done()


def join(outage: Outage, act: Act, *, order_id: str, rules: Rules, danger: str = "") -> Made:
    """Join a caller's report (就是这个停电). One that names a danger keeps a life of its own."""
    m = _begin("join", outage, act, rules)
    if order_id in {outage.order_id, *outage.children, *outage.dangers}:
        raise BadInput.of("order", "child.already")
    if danger:
        m.put("dangers", order_id, _one_of("danger", danger, DANGERS))
    else:
        m.set(children=[*outage.children, order_id])
    return m.done()


# Planned life ---------------------------------------------------------------------------------


def draft_outage(
    act: Act,
    *,
    outage_id: str,
    kind: Kind,
    county: str,
    office: str,
    devices: Sequence[str],
    feeders: Sequence[str],
    reach: Reach,
    start: datetime,
    finish: datetime,
    rules: Rules,
    cause: str = "works.maintenance",
    key_customers: Sequence[str] = (),
    training: bool = False,
) -> Made:
    """Draft an outage that is intended. key_customers: ids of those it would darken.

    Raises BadInput or NotAllowed.
    """
    m = _start("drafted", act, outage_id=outage_id, rules=rules)
    if not KINDS[kind].planned:
        raise BadInput.of("kind", "outage.kind_is_not_planned")
    if act.actor.role not in STAFF:
        raise NotAllowed(move=m.name, role=act.actor.role)
    _check_cause(cause)
    m.set(
        kind=kind,
        state=State.DRAFTED,
        county=county,
        office=office,
        recorded_at=m.recorded,
        devices=sorted(devices),
        feeders=sorted(feeders),
        cause=cause,
        key_customers=sorted(key_customers),
        plan=_plan(m, start, finish, reach),
        training=training,
    )
    return m.done()


def _plan(m: _Making, start: datetime, finish: datetime, reach: Reach) -> Plan:
    begins, ends = whole(start), whole(finish)
    if not reach:
        raise BadInput.of("reach", "reach.empty")
    if begins <= m.recorded:
        raise BadInput.of("start", "plan.in_past")
    if ends <= begins:
        raise BadInput.of("finish", "plan.ends_before")
    return Plan(begins, ends, reach, m.recorded, m.actor.actor_id)


def edit(
    outage: Outage, act: Act, *, start: datetime, finish: datetime, reach: Reach, rules: Rules
) -> Made:
    """Rewrite a draft. Nobody has been told of it, so it stays the same revision."""
    m = _begin("edit", outage, act, rules)
    m.set(plan=replace(_plan(m, start, finish, reach), revision=_the_plan(outage).revision))
    return m.done()


def _the_plan(outage: Outage) -> Plan:
    if outage.plan is None:
        raise ValueError(f"{outage.outage_id} is {outage.kind} and has no plan")
    return outage.plan


def submit(outage: Outage, act: Act, *, rules: Rules, needs_review: bool = False) -> Made:
    """Ask for approval; our service centre has it from now on.

    needs_review: it is major (`planning.needs_review`), so one more signs.
    """
    m = _begin("submit", outage, act, rules)
    plan = replace(
        _the_plan(outage), submitted_at=m.recorded, signatures=(), needs_review=needs_review
    )
    m.set(state=State.SUBMITTED, plan=plan)
    return m.done()


def approve(outage: Outage, act: Act, *, rules: Rules, reason: str = "") -> Made:
    """Sign it (`planning.sign`: who, in which order, four eyes); the last signature approves it.

    A short-notice outage has an approval of its own, which says why it could not wait.
    Raises NotAllowed.
    """
    m = _begin("approve", outage, act, rules)
    plan = _the_plan(outage)
    if reason or outage.kind is Kind.SHORT_NOTICE:
        m.data["reason"] = _one_of("reason", reason, REASONS)
    signature = Signature(m.actor.role, m.actor.actor_id, m.occurred)
    kind, review = outage.kind.value, plan.needs_review
    signed = sign(kind, plan.signatures, signature, drafted_by=plan.drafted_by, review=review)
    m.set(plan=replace(plan, signatures=signed))
    if is_approved(kind, signed, review=review):
        m.set(state=State.APPROVED)
    return m.done()


def send_back(outage: Outage, act: Act, *, reason: str, rules: Rules) -> Made:
    """Return it to whoever drafted it."""
    m = _begin("send_back", outage, act, rules)
    if m.actor.role not in signers(outage.kind.value, review=_the_plan(outage).needs_review):
        raise NotAllowed(move=m.name, role=m.actor.role)
    m.data["reason"] = _one_of("reason", reason, REASONS)
    m.set(state=State.RETURNED)
    return m.done()


def announce(outage: Outage, act: Act, *, rules: Rules, reason: str = "") -> Made:
    """Announce it. Later than its kind's lead it stays what it is: the breach is on record.

    Raises BadInput for a late notice without a reason, or once the start has passed.
    """
    m = _begin("announce", outage, act, rules)
    plan = replace(_the_plan(outage), announced_at=m.recorded)
    if m.recorded >= plan.start:
        raise BadInput.of("start", "plan.in_past")
    _note_breach(m, outage, plan, reason)
    m.set(state=State.ANNOUNCED, plan=plan)
    first = reminders(outage.kind.value, plan.window, rules)[0]
    if m.recorded >= first.at:
        _tell_plan(m, plan, first)
    return m.done()


def _tell_plan(m: _Making, plan: Plan, first: Reminder) -> None:
    """Begin the first notice. What reminders would have come before it never come."""
    m.set(plan=replace(plan, told_at=m.recorded))
    m.put("fired", _once(first.name, plan), m.recorded)
    _begin_round(m, first.name, plan.reach, happened=m.occurred, known=m.occurred)


def _note_breach(m: _Making, outage: Outage, plan: Plan, reason: str) -> None:
    """Put on record each lead that was not kept: limit, to whom, due, told, reason."""
    missed = breaches(
        outage.kind.value,
        plan.start,
        announced_at=plan.announced_at,
        handed_in_at=plan.submitted_at,
        at=m.recorded,
        rules=m.rules,
        reason=reason,
    )
    if reason or missed:
        m.data["reason"] = _one_of("reason", reason, REASONS)
    if missed:
        m.data["breaches"] = [_breach_json(one) for one in missed]


def change(
    outage: Outage,
    act: Act,
    *,
    start: datetime,
    finish: datetime,
    reach: Reach,
    reason: str,
    rules: Rules,
) -> Made:
    """Move a plan that is approved or announced: one revision more, told to whoever was told.

    Who is no longer in it hears that it is cancelled, who is new to it gets a first notice.
    """
    m = _begin("change", outage, act, rules)
    old = _the_plan(outage)
    _one_of("reason", reason, REASONS)
    fresh = _plan(m, start, finish, reach)
    new = replace(
        old,
        start=fresh.start,
        finish=fresh.finish,
        reach=reach,
        set_at=m.recorded,
        revision=old.revision + 1,
    )
    if (new.start, new.finish, new.reach) == (old.start, old.finish, old.reach):
        raise BadInput.of("start", "outage.same")
    m.data["reason"] = reason
    if old.announced_at is not None:
        told_again = replace(new, announced_at=m.recorded, submitted_at=m.recorded)
        _note_breach(m, outage, told_again, reason)
    m.set(plan=new)
    if old.told_at is not None:
        first = reminders(outage.kind.value, new.window, rules)[0].name
        m.set(plan=replace(new, told_at=m.recorded))
        m.put("fired", _once(first, new), m.recorded)
        times = {"happened": m.occurred, "known": m.occurred}
        _begin_round(m, "changed", reach & old.reach, **times)
        _begin_round(m, "cancelled", old.reach - reach, **times)
        _begin_round(m, first, reach - old.reach, **times)
    return m.done()


def cancel(outage: Outage, act: Act, *, reason: str, rules: Rules) -> Made:
    """Call it off before it begins. Whoever was told hears of it."""
    m = _begin("cancel", outage, act, rules)
    plan = _the_plan(outage)
    m.data["reason"] = _one_of("reason", reason, REASONS)
    _close(m, State.CANCELLED)
    if plan.told_at is not None:
        _begin_round(m, "cancelled", plan.reach, happened=m.occurred, known=m.occurred)
    return m.done()


def record_call(outage: Outage, act: Act, *, customer_id: str, line: str, rules: Rules) -> Made:
    """Record that a key customer was called before an emergency switching (S2.9).

    Who (the actor), when (occurred_at), which 10 kV line goes off; what was said is words, kept
    apart, and proven by the act's digest. Raises BadInput without either.
    """
    m = _begin("record_call", outage, act, rules)
    if customer_id not in outage.key_customers:
        raise BadInput.of("customer", "field.choice", allowed=list(outage.key_customers))
    if not line.strip():
        raise BadInput.of("line", "field.required")
    if not act.digest:
        raise BadInput.of("content", "field.required")
    m.put("calls", customer_id, (millis(m.occurred), m.actor.actor_id, line, act.digest))
    return m.done()


def begin(
    outage: Outage, act: Act, *, at: datetime, rules: Rules, others: Iterable[Outage] = ()
) -> Made:
    """The switches are open. Its planned end is its first ETR.

    Raises GateClosed naming the key customers (`missing`) whom nobody has called before an
    emergency switching.
    """
    m = _begin("begin", outage, act, rules)
    plan = _the_plan(outage)
    when = _not_future("at", at, m)
    if outage.kind is Kind.EMERGENCY_DEFECT:
        calls = [
            Call(customer, instant(made_at), by, line, said)
            for customer, (made_at, by, line, said) in outage.calls.items()
        ]
        check_may_switch(outage.key_customers, calls, at=when)
    reach = _claimed(plan.reach, others)
    m.step("out", when, reach)
    m.set(state=State.UNDER_WAY, since=when, grade=str(State.CONFIRMED))
    if plan.finish > m.recorded:
        m.put("etrs", str(m.seq), Etr(plan.finish, "plan", m.recorded))
    _promise_update(m)
    if not outage.is_told:
        _begin_round(m, "start", reach, happened=when, known=m.occurred)
    return m.done()


# Time -----------------------------------------------------------------------------------------

ALARM: Final = (Rung("due", Target.COUNTY),)
SWEEP: Final = Actor(Outsider.SYSTEM, "sweep")
MOST_FIRED: Final = 50
"""Events that one call of `fire` makes at most; the sweep comes again for the rest. [design]"""


@dataclass(frozen=True, slots=True)
class DueAt:
    """Something that must happen at an instant. what: a name in FIRES; which: of several."""

    at: datetime
    what: str
    which: str = ""


def dues(outage: Outage, *, rules: Rules) -> tuple[DueAt, ...]:
    """Return everything that waits to happen to the outage, earliest first."""
    waiting = [
        *_clock_dues(outage, rules),
        *_dark_dues(outage, rules),
        *_plan_dues(outage, rules),
        *(
            DueAt(r.watch_at, "watch", name)
            for name, r in outage.rounds.items()
            if r.watch_at is not None
        ),
    ]
    if not waiting and outage.state not in OVER:
        waiting = [DueAt(_looked_at(outage) + _span(rules, "idle.reminder", outage), "idle")]
    return tuple(sorted(waiting, key=lambda due: (due.at, due.what, due.which)))


def next_due(outage: Outage, *, rules: Rules) -> datetime | None:
    """Return the one instant at which something must happen; None when nothing ever must."""
    waiting = dues(outage, rules=rules)
    return whole(waiting[0].at) if waiting else None


def _clock_dues(outage: Outage, rules: Rules) -> list[DueAt]:
    found = []
    for name, clock in outage.clocks.items():
        ladder = ALARM if name.startswith("whole.") else QUIET_LADDER
        for rung in ladder if clock.is_running else ():
            at = rung_at(clock, rung, rules)
            if rung.name not in clock.fired and at is not None:
                found.append(DueAt(at, "clock", f"{name}:{rung.name}"))
    return found


def _dark_dues(outage: Outage, rules: Rules) -> list[DueAt]:
    if outage.state not in OPEN:
        return []
    found = []
    if outage.hold_until is not None and "hold" not in outage.fired and not outage.is_told:
        found.append(DueAt(outage.hold_until, "hold"))
    if outage.state in UNCONFIRMED:
        found.append(DueAt(_looked_at(outage) + _span(rules, "outage.review", outage), "review"))
        return found
    etr = outage.etr
    if etr is not None and etr.at is not None:
        late = etr.at + _span(rules, "outage_notice.overrun", outage)
        both = (DueAt(etr.at, "overrun"), DueAt(late, "late"))
        found += [due for due in both if f"{due.what}.{millis(etr.at)}" not in outage.fired]
    if outage.update_at is not None:
        found.append(DueAt(outage.update_at, "update"))
    return found


def _plan_dues(outage: Outage, rules: Rules) -> list[DueAt]:
    plan = outage.plan
    if plan is None or outage.state not in BEFORE:
        return []
    told = {"public": plan.announced_at, "service_centre": plan.submitted_at}
    found = [DueAt(plan.start, "start"), DueAt(plan.finish, "finish")]
    found += [
        DueAt(lead.due, "lead", lead.to)
        for lead in leads(outage.kind.value, plan.start, rules)
        if told[lead.to] is None
    ]
    if outage.state is State.ANNOUNCED:
        found += [
            DueAt(one.at, "remind", one.name)
            for one in reminders(outage.kind.value, plan.window, rules)
            if plan.told_at is None or one.at > plan.told_at
        ]
    return [due for due in found if _once(due.which or due.what, plan) not in outage.fired]


def _once(name: str, plan: Plan) -> str:
    """Name a thing that happens once a revision."""
    return f"{name}.{plan.revision}"


def _looked_at(outage: Outage) -> datetime:
    looks = (outage.fired.get("looked"), outage.moved_at, outage.recorded_at)
    return max(at for at in looks if at is not None)


def _span(rules: Rules, limit_id: str, outage: Outage) -> timedelta:
    return rules.limit(limit_id, outage.recorded_at).duration


def fire(outage: Outage, *, at: datetime, rules: Rules) -> Made | None:
    """Do what is due by `at`, oldest first, one event each; None when nothing is."""
    events: list[Event] = []
    recorded = whole(at)
    while len(events) < MOST_FIRED:
        waiting = dues(outage, rules=rules)
        if not waiting or waiting[0].at > recorded:
            break
        due = waiting[0]
        occurred = min(whole(due.at), recorded)
        m = _Making(TIMER, outage.outage_id, outage, SWEEP, occurred, recorded, rules)
        m.data["due"] = [due.what, due.which, millis(whole(due.at))]
        FIRES[due.what](m, outage, due)
        made = m.done()
        events += made.events
        outage = made.outage
    return Made(outage, tuple(events)) if events else None


def _alert(m: _Making, name: str, target: Target) -> None:
    """Tell a duty desk; it has looked at the outage now."""
    m.put("fired", "looked", m.recorded)
    m.data.setdefault("rungs", []).append([name, millis(m.occurred), target.value])


def _fire_clock(m: _Making, outage: Outage, due: DueAt) -> None:
    name, _, rung = due.which.rpartition(":")
    m.put("clocks", name, outage.clocks[name].fire([rung]))
    ladder = ALARM if name.startswith("whole.") else QUIET_LADDER
    target = next(known.target for known in ladder if known.name == rung)
    m.data["rungs"] = [[f"{name.partition('.')[0]}.{rung}", millis(m.occurred), target.value]]


def _fire_hold(m: _Making, outage: Outage, _due: DueAt) -> None:
    """Nothing reclosed: what is confirmed is told now."""
    m.put("fired", "hold", m.recorded)
    if outage.state is State.CONFIRMED:
        _tell_start(m)


def _fire_review(m: _Making, _outage: Outage, _due: DueAt) -> None:
    _alert(m, "review", Target.OFFICE)


def _fire_idle(m: _Making, _outage: Outage, _due: DueAt) -> None:
    _alert(m, "idle", Target.COUNTY)


def _fire_overrun(m: _Making, _outage: Outage, due: DueAt) -> None:
    """The promised time has passed and power is not back: somebody must say what holds now."""
    m.put("fired", f"overrun.{millis(due.at)}", m.recorded)
    m.set(update_at=m.recorded + m.limit("outage_notice.next_update"))
    _alert(m, "overrun", Target.OFFICE)


def _fire_late(m: _Making, outage: Outage, _due: DueAt) -> None:
    """Nobody has entered a restoration or a new time: the households hear that it takes longer."""
    etr = outage.etr
    if etr is not None and etr.at is not None:
        m.put("fired", f"late.{millis(etr.at)}", m.recorded)
    if outage.is_told:
        _begin_round(m, "overrun", outage.dark, happened=m.occurred, known=m.occurred)


def _fire_update(m: _Making, outage: Outage, _due: DueAt) -> None:
    """The next word was promised for now: it goes out, if only to say when the next one comes."""
    m.set(update_at=m.recorded + m.limit("outage_notice.next_update"))
    _alert(m, "update", Target.OFFICE)
    if outage.is_told:
        _begin_round(m, "update", outage.dark, happened=m.occurred, known=m.occurred)


def _fire_watch(m: _Making, outage: Outage, due: DueAt) -> None:
    known = outage.rounds[due.which]
    m.put("rounds", due.which, replace(known, watch_at=m.recorded + m.limit("outage.settle")))
    m.data["reconcile"] = due.which


def _fire_remind(m: _Making, outage: Outage, due: DueAt) -> None:
    """Send the newest notice that is due; an older one that nobody sent in time is left out."""
    plan = _the_plan(outage)
    m.put("fired", _once(due.which, plan), m.recorded)
    later = [
        one.name
        for one in reminders(outage.kind.value, plan.window, m.rules)
        if due.at < one.at <= m.recorded
    ]
    if m.recorded >= plan.start or (later and plan.told_at is not None):
        m.data["missed"] = due.which
        return
    if plan.told_at is None:
        m.set(plan=replace(plan, told_at=m.recorded))
    _begin_round(m, due.which, plan.reach, happened=m.occurred, known=m.occurred)


def _fire_plan(m: _Making, outage: Outage, due: DueAt) -> None:
    """The lead, the start or the end has passed and the plan is not where it should be."""
    name = due.which or due.what
    m.put("fired", _once(name, _the_plan(outage)), m.recorded)
    _alert(m, f"plan_{name}", Target.OFFICE)


FIRES: Final[Mapping[str, Callable[[_Making, Outage, DueAt], None]]] = MappingProxyType(
    {
        "clock": _fire_clock,
        "hold": _fire_hold,
        "review": _fire_review,
        "idle": _fire_idle,
        "overrun": _fire_overrun,
        "late": _fire_late,
        "update": _fire_update,
        "watch": _fire_watch,
        "remind": _fire_remind,
        "lead": _fire_plan,
        "start": _fire_plan,
        "finish": _fire_plan,
    }
)
