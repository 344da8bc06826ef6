"""The outage (停电): what is dark, since when, until when, who knows, and who was told in time.

An event-sourced aggregate, chain `outage/<id>`: the head is the fold of its events, as an order's
is. This module says what an outage is and what its events cause; `outage_moves.py` holds the
commands and the timers that make events. Which command may be given in which state is a table
(`COMMANDS`, `states_for`), what the kinds have of their own is another (`KINDS`).

*Steps* say which supply points went dark or light and when; interruptions (`spells`) are computed
from them, never stored, so that a supply point has at most one open one. *Rounds* are the events
that households must be told of, those of INFORMATION with two five-minute clocks each (两个5分钟).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import reduce
from types import MappingProxyType
from typing import Any, Final

from .clocks import Clock, instant, millis
from .fold import INSTANT, PLAIN, TUPLE, Fold
from .order import GENESIS, Event, Link, compare, trusted
from .planning import APPROVALS, Signature, Window
from .procedure import WARNINGS, Effect
from .reach import NOWHERE, Reach, union
from .staff import Outsider, Role

# What there is --------------------------------------------------------------------------------


class Kind(StrEnum):
    """Why power is off, by who decided it. Chinese names: domain/words.py, `outage.kind.*`."""

    PLANNED = "planned"
    SHORT_NOTICE = "short_notice"
    FAULT = "fault"
    EMERGENCY_DEFECT = "emergency_defect"
    LOAD_SHORTAGE = "load_shortage"
    ARREARS = "arrears"
    BREACH = "breach"


class State(StrEnum):
    """Where an outage is in its life. Words: `outage.state.*`."""

    SUSPECTED = "suspected"
    PROBABLE = "probable"
    CONFIRMED = "confirmed"
    DRAFTED = "drafted"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    ANNOUNCED = "announced"
    UNDER_WAY = "under_way"
    PARTIALLY_RESTORED = "partially_restored"
    RESTORED = "restored"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    ABSORBED = "absorbed"
    MOMENTARY = "momentary"


UNCONFIRMED: Final = frozenset({State.SUSPECTED, State.PROBABLE})
LADDER: Final = (State.SUSPECTED, State.PROBABLE, State.CONFIRMED)
DARK: Final = frozenset({State.CONFIRMED, State.UNDER_WAY, State.PARTIALLY_RESTORED})
"""States in which power is off and everybody may know."""
OPEN: Final = UNCONFIRMED | DARK
BEFORE: Final = frozenset(
    {State.DRAFTED, State.SUBMITTED, State.RETURNED, State.APPROVED, State.ANNOUNCED}
)
OVER: Final = frozenset(State) - OPEN - BEFORE

WITNESSES: Final = frozenset(
    {
        Role.CREW,
        Role.GRID_STAFF,
        Role.AREA_MANAGER,
        Role.DISPATCHER,
        Role.NETWORK_CONTROLLER,
        Role.SUPERVISOR,
        Role.CITY_HOST,
    }
)
"""Whose word inference never overrides: the crew on site and the dispatcher."""


@dataclass(frozen=True, slots=True)
class KindRule:
    """What a kind has of its own.

    planned: it has a plan's life; else it climbs the ladder. joinable: reports may join it. public:
    it may be shown. indexed: it counts in the indices. tells: households are texted. repairs: it
    opens a repair order. begins: the states from which it may begin. How early a plan is told and
    who signs it are tables of `planning.py`.
    """

    planned: bool = True
    joinable: bool = True
    public: bool = True
    indexed: bool = True
    tells: bool = True
    repairs: bool = False
    begins: frozenset[State] = frozenset({State.ANNOUNCED})


_OWN_AFFAIR: Final = KindRule(
    planned=False, joinable=False, public=False, indexed=False, tells=False
)

KINDS: Final[Mapping[Kind, KindRule]] = MappingProxyType(
    {
        Kind.PLANNED: KindRule(),
        Kind.SHORT_NOTICE: KindRule(),
        Kind.FAULT: KindRule(planned=False, repairs=True),
        # There may be no time to announce it; its key customers are called instead.
        Kind.EMERGENCY_DEFECT: KindRule(begins=frozenset({State.APPROVED, State.ANNOUNCED})),
        Kind.LOAD_SHORTAGE: KindRule(),
        Kind.ARREARS: _OWN_AFFAIR,
        Kind.BREACH: _OWN_AFFAIR,
    }
)

INFORMATION: Final = ("start", "etr_set", "etr_changed", "extended", "restored")
"""Rounds under the two five-minute clocks."""
CAUSES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "external_force": ("vehicle", "construction", "foreign_object", "theft", "fire"),
        "equipment": (
            *("insulator_broken", "transformer_burnt", "cable_fault", "line_broken"),
            *("switch_fault", "fuse_blown", "meter_box"),
        ),
        "nature": ("lightning", "storm", "flood", "ice", "earthquake"),
        "trees": ("tree_contact", "tree_fallen"),
        "animals": ("bird", "small_animal"),
        "operation": ("overload", "misoperation", "protection", "phase_loss"),
        "customer": ("customer_equipment", "arrears", "breach"),
        "upstream": ("substation", "transmission", "load_shortage"),
        "works": ("maintenance", "upgrade", "defect_repair", "relocation"),
        "unknown": ("investigating",),
    }
)
"""Category → causes; written `category.cause`. Examples of the sources made a tree. [design]"""

REASONS: Final = (
    *("more_damage", "material", "weather", "traffic", "safety", "works_delayed", "cause_found"),
    *("defect_found", "government_asks", "customer_asks", "load_risk", "clerical"),
)
"""Why a time moved, a notice is late or a plan could not wait."""
UNANSWERED: Final = "unanswered"
"""Why inference takes a suspicion back: nobody answered, and nothing more was heard of it."""

CREW_STATUSES: Final = ("assigned", "set_out", "arrived", "repairing", "done")
ETR_SOURCES: Final = ("crew", "dispatcher", "rule", "plan")
DANGERS: Final = ("wire_down", "smoke_or_sparks", "electric_shock", "fire", "pole_leaning")


@dataclass(frozen=True, slots=True)
class Step:
    """A change of supply points, at the instant `at`; other: the outage moved from or to.

    change: out, back, wrong (never dark), still (not back after all), moved_in, moved_out.
    """

    change: str
    at: datetime
    reach: Reach
    occurred_at: datetime
    recorded_at: datetime
    other: str = ""

    def to_json(self) -> list[Any]:
        """Return the compact form."""
        times = [millis(at) for at in (self.at, self.occurred_at, self.recorded_at)]
        return [self.change, *times, self.reach.to_json(), self.other]

    @classmethod
    def from_json(cls, raw: Sequence[Any]) -> "Step":
        """Read it back."""
        change, at, occurred, recorded, reach, other = raw
        return cls(
            change,
            instant(at),
            Reach.from_json(reach),
            instant(occurred),
            instant(recorded),
            other,
        )


@dataclass(frozen=True, slots=True)
class Spell:
    """One interruption of these supply points; open while `until` is None."""

    reach: Reach
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Etr:
    """One word on when power will be back (预计恢复供电时间); at None: not known."""

    at: datetime | None
    source: str
    set_at: datetime
    reason: str = ""
    next_update_at: datetime | None = None

    def to_json(self) -> list[Any]:
        """Return the compact form."""
        return [
            as_millis(self.at),
            self.source,
            as_millis(self.set_at),
            self.reason,
            as_millis(self.next_update_at),
        ]

    @classmethod
    def from_json(cls, raw: Sequence[Any]) -> "Etr":
        """Read it back."""
        at, source, set_at, reason, update = raw
        return cls(_at(at), source, instant(set_at), reason, _at(update))


@dataclass(frozen=True, slots=True)
class Round:
    """Something that households must be told: its kind, who, and when each thing was so.

    happened_at: when power changed (or the word was given). told_at: when the last text of the
    round was accepted. watch_at: when its households are looked at again; None once each has a
    final state, and then `reach` is empty. counts: households by final state.
    """

    kind: str
    reach: Reach
    happened_at: datetime
    known_at: datetime
    entered_at: datetime
    told_at: datetime | None = None
    watch_at: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def to_json(self) -> list[Any]:
        """Return the compact form."""
        times = (self.happened_at, self.known_at, self.entered_at, self.told_at, self.watch_at)
        return [self.kind, *map(as_millis, times), self.reach.to_json(), dict(self.counts)]

    @classmethod
    def from_json(cls, raw: Sequence[Any]) -> "Round":
        """Read it back."""
        kind, happened, known, entered, told, watch, reach, counts = raw
        return cls(
            kind,
            Reach.from_json(reach),
            instant(happened),
            instant(known),
            instant(entered),
            _at(told),
            _at(watch),
            MappingProxyType(dict(counts)),
        )


@dataclass(frozen=True, slots=True)
class Crew:
    """Who repairs, and how far they are."""

    status: str
    crew_id: str
    at: datetime

    def to_json(self) -> list[Any]:
        """Return the compact form."""
        return [self.status, self.crew_id, millis(self.at)]

    @classmethod
    def from_json(cls, raw: Sequence[Any]) -> "Crew":
        """Read it back."""
        return cls(raw[0], raw[1], instant(raw[2]))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is intended. Every change of what was approved raises the revision.

    submitted_at: when our own service centre had it. signatures: who signed. announced_at: when the
    public was told. told_at: since when this revision's reminders count; None until a household is
    texted at all.
    """

    start: datetime
    finish: datetime
    reach: Reach
    set_at: datetime
    drafted_by: str
    revision: int = 1
    needs_review: bool = False
    submitted_at: datetime | None = None
    signatures: tuple[Signature, ...] = ()
    announced_at: datetime | None = None
    told_at: datetime | None = None

    @property
    def window(self) -> Window:
        """From when to when."""
        return Window(self.start, self.finish)

    def to_json(self) -> list[Any]:
        """Return the compact form."""
        times = (self.start, self.finish, self.set_at, self.submitted_at)
        return [
            *map(as_millis, (*times, self.announced_at, self.told_at)),
            self.reach.to_json(),
            self.drafted_by,
            self.revision,
            self.needs_review,
            [[one.role, one.by, millis(one.at)] for one in self.signatures],
        ]

    @classmethod
    def from_json(cls, raw: Sequence[Any]) -> "Plan":
        """Read it back."""
        start, finish, set_at, submitted, announced, told, reach, by, revision, review, signed = raw
        return cls(
            instant(start),
            instant(finish),
            Reach.from_json(reach),
            instant(set_at),
            by,
            revision,
            review,
            _at(submitted),
            tuple(Signature(role, who, instant(at)) for role, who, at in signed),
            _at(announced),
            _at(told),
        )


def as_millis(at: datetime | None) -> int | None:
    """Return whole milliseconds since 1970, or None."""
    return None if at is None else millis(at)


def _at(raw: int | None) -> datetime | None:
    return None if raw is None else instant(raw)


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outage:
    """The head of one outage. Times are aware UTC.

    devices: the set that failed or is switched. since: when the first of it went dark. grade: the
    highest rung of the ladder it reached. word: what a person said of it, "confirmed" or "denied",
    beside whom. known: information known and not yet entered, kind → (happened, known).
    above: the outage that this one lies under; below: those that lie under it; parent: the one that
    took it in. fired: names of one-time dues that are done → when.
    corrected: the event since which something that was told is known to be wrong; 0 for none.
    """

    outage_id: str
    kind: Kind
    state: State
    county: str
    office: str
    recorded_at: datetime
    version: int = 0
    tip: str = GENESIS
    devices: tuple[str, ...] = ()
    feeders: tuple[str, ...] = ()
    since: datetime | None = None
    grade: str = ""
    word: tuple[str, ...] = ()
    cause: str = ""
    crew: Crew | None = None
    plan: Plan | None = None
    order_id: str = ""
    children: tuple[str, ...] = ()
    above: str = ""
    below: tuple[str, ...] = ()
    parent: str = ""
    key_customers: tuple[str, ...] = ()
    hold_until: datetime | None = None
    update_at: datetime | None = None
    moved_at: datetime | None = None
    closed_at: datetime | None = None
    next_due_at: datetime | None = None
    training: bool = False
    corrected: int = 0
    steps: Mapping[str, Step] = field(default_factory=_empty)
    rounds: Mapping[str, Round] = field(default_factory=_empty)
    etrs: Mapping[str, Etr] = field(default_factory=_empty)
    clocks: Mapping[str, Clock] = field(default_factory=_empty)
    known: Mapping[str, tuple[datetime, datetime]] = field(default_factory=_empty)
    dangers: Mapping[str, str] = field(default_factory=_empty)
    calls: Mapping[str, tuple[Any, ...]] = field(default_factory=_empty)
    fired: Mapping[str, datetime] = field(default_factory=_empty)

    @property
    def rule(self) -> KindRule:
        """What its kind has of its own."""
        return KINDS[self.kind]

    @property
    def etr(self) -> Etr | None:
        """The newest word on when power will be back."""
        return self.etrs[max(self.etrs, key=_place)] if self.etrs else None

    @property
    def dark(self) -> Reach:
        """What is dark now."""
        return union(spell.reach for spell in spells(self) if spell.until is None)

    @property
    def is_told(self) -> bool:
        """Whether households have been told, or are being told, anything of it."""
        return bool(self.rounds)

    @property
    def is_public(self) -> bool:
        """Whether the public page may show it: nobody's own affair, no exercise, and known."""
        is_announced = self.plan is not None and self.plan.announced_at is not None
        is_known = self.is_told or self.state in DARK or is_announced
        return self.rule.public and not self.training and is_known

    @property
    def has_human_word(self) -> bool:
        """Whether a person has confirmed or denied it."""
        return bool(self.word)

    def to_json(self) -> dict[str, Any]:
        """Return the head as plain JSON with short keys, defaults left out."""
        return FOLD.to_json(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Outage":
        """Read `to_json` back."""
        return FOLD.from_json(raw)


FOLD: Final = Fold(
    Outage,
    {
        "outage_id": "id",
        "kind": "k",
        "state": "s",
        "county": "c",
        "office": "o",
        "recorded_at": "ra",
        "version": "v",
        "tip": "t",
        "devices": "dv",
        "feeders": "fd",
        "since": "si",
        "grade": "g",
        "word": "w",
        "cause": "ca",
        "crew": "cr",
        "plan": "pl",
        "order_id": "or",
        "children": "cs",
        "above": "ab",
        "below": "bl",
        "parent": "p",
        "key_customers": "kc",
        "hold_until": "hu",
        "update_at": "ua",
        "moved_at": "ma",
        "closed_at": "co",
        "next_due_at": "nd",
        "training": "tr",
        "corrected": "cx",
        "steps": "st",
        "rounds": "rd",
        "etrs": "et",
        "clocks": "cl",
        "known": "kn",
        "dangers": "dg",
        "calls": "cc",
        "fired": "fi",
    },
    codecs={
        "kind": (str, Kind),
        "state": (str, State),
        "devices": TUPLE,
        "feeders": TUPLE,
        "word": TUPLE,
        "children": TUPLE,
        "below": TUPLE,
        "key_customers": TUPLE,
        "recorded_at": INSTANT,
        "since": INSTANT,
        "hold_until": INSTANT,
        "update_at": INSTANT,
        "moved_at": INSTANT,
        "closed_at": INSTANT,
        "next_due_at": INSTANT,
        "crew": (Crew.to_json, Crew.from_json),
        "plan": (Plan.to_json, Plan.from_json),
    },
    merged={
        "steps": (Step.to_json, Step.from_json),
        "rounds": (Round.to_json, Round.from_json),
        "etrs": (Etr.to_json, Etr.from_json),
        "clocks": (Clock.to_json, Clock.from_json),
        "known": (lambda pair: list(map(millis, pair)), lambda raw: tuple(map(instant, raw))),
        "dangers": PLAIN,
        "calls": TUPLE,
        "fired": INSTANT,
    },
)


# Folding --------------------------------------------------------------------------------------


CHAIN: Final = "outage/"


def aggregate(outage_id: str) -> str:
    """Return the name of the outage's chain in the ledger."""
    return f"{CHAIN}{outage_id}"


def outage_id_of(chain: str) -> str:
    """Return the id of the outage that a chain is of."""
    return chain.removeprefix(CHAIN)


def is_outage(chain: str) -> bool:
    """Return whether a chain is an outage's."""
    return chain.startswith(CHAIN)


def apply(outage: Outage | None, event: Event) -> Outage:
    """Fold one event into the head. Needs no table: the event says what it changed."""
    own_id = outage_id_of(event.aggregate)
    own = {"outage_id": own_id, "version": event.seq, "tip": event.hash}
    return FOLD.apply(outage, event.changes, own=own)


def verify(outage_id: str, links: Iterable[Link]) -> Outage:
    """Fold a whole chain and return its head. Raises BrokenChain as an order's does."""
    first, *rest = trusted(aggregate(outage_id), links)
    return reduce(apply, rest, apply(None, first))


def verify_against(head: Outage, links: Iterable[Link]) -> Outage:
    """Verify a chain and that `head` is its fold. Raises BrokenChain."""
    folded = verify(head.outage_id, links)
    compare(head, folded)
    return folded


def spells(outage: Outage) -> tuple[Spell, ...]:
    """Return every interruption that this outage answers for, open and ended.

    One supply point has at most one open spell. Steps count in the order in which they were
    entered; what was moved away or was never dark is in no spell.
    """
    found: list[Spell] = []
    for key in sorted(outage.steps, key=_place):
        step = outage.steps[key]
        found = _FOLD[step.change](found, step)
    return tuple(found)


def handed_over(outage: Outage) -> Reach:
    """Return what was dark here and is another outage's now: that one tells it everything."""
    gone = NOWHERE
    for key in sorted(outage.steps, key=_place):
        step = outage.steps[key]
        if step.change == "moved_out":
            gone |= step.reach
        elif step.change in {"out", "moved_in"}:
            gone -= step.reach
    return gone


def _place(key: str) -> tuple[int, ...]:
    """Order the keys of steps and ETRs as they were entered: `12`, or `12.3` for a third one."""
    return tuple(int(part) for part in key.split(".") if part.isdigit())


def _went_out(found: list[Spell], step: Step) -> list[Spell]:
    new = step.reach - union(spell.reach for spell in found if spell.until is None)
    return [*found, Spell(new, step.at)] if new else found


def _split(found: list[Spell], step: Step, until: datetime | None) -> list[Spell]:
    """Take the step's reach out of the open spells; kept as ended spells where `until` is given."""
    kept: list[Spell] = []
    for spell in found:
        if spell.until is not None:
            kept.append(spell)
            continue
        inside, outside = spell.reach & step.reach, spell.reach - step.reach
        if until is not None and inside:
            kept.append(Spell(inside, spell.since, until))
        if outside:
            kept.append(Spell(outside, spell.since))
    return kept


def _not_back(found: list[Spell], step: Step) -> list[Spell]:
    """Power was not back after all: the newest ended spell of each supply point goes on."""
    left, kept = step.reach, []
    for spell in reversed(found):
        inside = spell.reach & left if spell.until is not None else NOWHERE
        outside = spell.reach - inside
        kept += [Spell(inside, spell.since)] if inside else []
        kept += [replace(spell, reach=outside)] if outside else []
        left = left - inside
    return kept[::-1]


_FOLD: Final[Mapping[str, Callable[[list[Spell], Step], list[Spell]]]] = MappingProxyType(
    {
        "out": _went_out,
        "moved_in": _went_out,
        "back": lambda found, step: _split(found, step, step.at),
        "wrong": lambda found, step: _split(found, step, None),
        "moved_out": lambda found, step: _split(found, step, None),
        "still": _not_back,
    }
)


# The table of commands ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """One command: the states it may be given in, and by whom (empty: by anybody)."""

    states: frozenset[State]
    who: frozenset[str] = frozenset()


STAFF: Final = frozenset(Role)
_SYSTEM: Final = frozenset({Outsider.SYSTEM})
ENDED: Final = frozenset({State.RESTORED, State.FINISHED})

COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "assess": Command(UNCONFIRMED, _SYSTEM),
        "confirm": Command(frozenset(LADDER), WITNESSES),
        "deny": Command(frozenset(LADDER), WITNESSES),
        "withdraw": Command(frozenset(LADDER), _SYSTEM),
        "know": Command(OPEN),
        "extend": Command(OPEN),
        "shrink": Command(OPEN),
        "restore": Command(OPEN),
        "still_dark": Command(frozenset({State.PARTIALLY_RESTORED}) | ENDED),
        "set_etr": Command(OPEN),
        "set_cause": Command(OPEN | ENDED, STAFF),
        "set_crew": Command(OPEN | ENDED, STAFF),
        "correct": Command(DARK | ENDED, STAFF),
        "attach_order": Command(OPEN),
        "join": Command(OPEN),
        "transfer": Command(OPEN),
        "take_over": Command(OPEN),
        "nest": Command(OPEN),
        "lie_under": Command(OPEN),
        "unnest": Command(OPEN | OVER),
        "settle": Command(frozenset(State)),
        "edit": Command(frozenset({State.DRAFTED, State.RETURNED}), STAFF),
        "submit": Command(frozenset({State.DRAFTED, State.RETURNED}), STAFF),
        "approve": Command(frozenset({State.SUBMITTED}), STAFF),
        "send_back": Command(frozenset({State.SUBMITTED}), STAFF),
        "announce": Command(frozenset({State.APPROVED}), STAFF),
        "change": Command(frozenset({State.APPROVED, State.ANNOUNCED}), STAFF),
        "cancel": Command(BEFORE, STAFF),
        "record_call": Command(BEFORE, STAFF),
        "begin": Command(frozenset({State.APPROVED, State.ANNOUNCED}), STAFF),
    }
)
_SIGNED: Final = frozenset({"submit", "approve", "send_back"})


def states_for(name: str, kind: Kind) -> frozenset[State]:
    """Return the states in which an outage of this kind takes the command."""
    rule, states = KINDS[kind], COMMANDS[name].states
    own = rule.begins if name == "begin" else frozenset(State)
    if name in _SIGNED and kind not in APPROVALS:
        return frozenset()
    if name == "join" and not rule.joinable:
        return frozenset()
    return states & own & (_PLAN_STATES if rule.planned else _LADDER_STATES)


_PLAN_STATES: Final = frozenset(State) - frozenset(LADDER) - {State.RESTORED, State.MOMENTARY}
_LADDER_STATES: Final = frozenset(State) - BEFORE - {State.UNDER_WAY, State.FINISHED}


# Exactly one open interruption ----------------------------------------------------------------


def taken(reach: Reach, others: Iterable[Outage]) -> tuple[tuple[str, Reach], ...]:
    """Return which of `others` already hold parts of `reach`, and which parts."""
    held = ((other.outage_id, other.dark & reach) for other in others)
    return tuple((outage_id, part) for outage_id, part in held if part)


def free(reach: Reach, others: Iterable[Outage]) -> Reach:
    """Return what of `reach` is dark in none of `others`.

    A supply point that is dark already belongs to the outage that has it: nested below a new one,
    it stays there and hears nothing of the new one's restoration.
    """
    return reach - union(part for _, part in taken(reach, others))


# How fast it was ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figure:
    """How fast one round was. Durations are None while they run.

    entry: known → entered. notify: entered → told. end_to_end: happened → told.
    """

    round_id: str
    kind: str
    entry: timedelta
    notify: timedelta | None
    end_to_end: timedelta | None


def _between(begun: datetime, ended: datetime | None) -> timedelta | None:
    return None if ended is None else ended - begun


def figures(outage: Outage) -> tuple[Figure, ...]:
    """Return the two five-minute figures of each information round, oldest first."""
    return tuple(
        Figure(
            name,
            r.kind,
            r.entered_at - r.known_at,
            _between(r.entered_at, r.told_at),
            _between(r.happened_at, r.told_at),
        )
        for name, r in sorted(outage.rounds.items(), key=lambda one: _place(one[0]))
        if r.kind in INFORMATION
    )


# What an event causes -------------------------------------------------------------------------


def effects(event: Event) -> tuple[Effect, ...]:
    """Return what an event causes in the world, a pure function of the event.

    notice: begin to tell a round (name = its kind, data = round and revision). status: rewrite the
    public page. order: open the repair order. alert: tell a duty desk. reconcile: bring a round's
    households to their final states. back: power is back for this order. close: its caller was told
    too, so it may close. release: the outage was none, look at this order by itself. absorbed: this
    order goes to the parent's. unnest: the outage above this one is over.
    A training outage causes nothing.
    """
    data = event.data
    if data.get("training"):
        return ()
    made = [
        Effect(
            f"{event.seq}.notice.{name}",
            "notice",
            name.partition(".")[0],
            {"round": name, "revision": event.seq},
        )
        for name in data.get("rounds", ())
    ]
    if data.get("public"):
        made.append(Effect(f"{event.seq}.status", "status", "status"))
    if "order" in data:
        made.append(Effect(f"{event.seq}.order", "order", data["order"]))
    if "reconcile" in data:
        name = data["reconcile"]
        made.append(Effect(f"{event.seq}.reconcile.{name}", "reconcile", name, {"round": name}))
    for name, due_ms, target in data.get("rungs", ()):
        if name.rpartition(".")[2] not in WARNINGS:
            facts = {"due": due_ms, "target": target}
            made.append(Effect(f"{event.seq}.alert.{name}", "alert", name, facts))
    for kind in ("back", "close", "release"):
        made += [
            Effect(f"{event.seq}.{kind}.{order}", kind, order, {"order": order})
            for order in data.get(kind, ())
        ]
    absorbed = data.get("absorbed", {"orders": ()})
    made += [
        Effect(
            f"{event.seq}.absorbed.{order}",
            "absorbed",
            order,
            {"order": order, "parent": absorbed["parent"]},
        )
        for order in absorbed["orders"]
    ]
    made += [
        Effect(f"{event.seq}.unnest.{lower}", "unnest", lower, {"outage": lower})
        for lower in data.get("under", ())
    ]
    return tuple(made)
