"""What is done to an issue: the commands that people and other aggregates give, and the timers.

Every command returns the new head with the event that made it, or raises and changes nothing; the
caller saves both in one transaction. `advance` is the one way to give a command of the table; the
opening, a merger (two heads at once), what happened to an order or a paper, and the timers have
functions of their own. `dues` are computed from the head; `fire` does what is due.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Final

from .calendar import CHINA, local_day
from .clocks import (
    LADDER,
    QUIET_LADDER,
    Clock,
    Rules,
    Rung,
    Target,
    after_quiet,
    due,
    instant,
    millis,
    next_rung,
    rungs_due,
    whole,
)
from .issue import (
    ACTIVE,
    ATTRIBUTIONS,
    COMMANDS,
    DONE,
    FOLD,
    LEVELS,
    LIGHT,
    NOT_LET_GO,
    OVER,
    REGULATOR,
    SECTIONS,
    STAFF,
    Bypass,
    Done,
    Issue,
    Linked,
    Paper,
    SignOff,
    SiteInvestigation,
    Source,
    State,
    Supervision,
    Visit,
    aggregate,
    apply,
)
from .issue_gates import needed_levels, needs_now, next_level, open_gates
from .order import GRADES, Actor, Event
from .procedure import (
    GRADE_INTERNAL,
    IDLE,
    RANK,
    SKEW,
    SUPERVISION,
    TIMER,
    VISIT_QUIET,
    Form,
    Step,
    read_needs,
)
from .procedures.complaint import LIABILITIES
from .refusal import BadInput, FieldError, GateClosed, IllegalMove, NotAllowed
from .staff import Outsider, Role

# What is given --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """The offices of an issue: the responsible one, its county, the path from the root to that."""

    office: str
    county: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """Who does it, when it was so, when it was entered, and the answers.

    level: of the actor's office, one of LEVELS; empty for outsiders. data: coded answers; words:
    personal ones, whose digest the caller has salted and keeps. linked, place: what the caller
    looked up for `link` and `assign`.
    """

    actor: Actor
    occurred_at: datetime
    recorded_at: datetime
    level: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    linked: Linked | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What a command made: the new head, and the events that made it, oldest first."""

    issue: Issue
    events: tuple[Event, ...]


# Clocks ---------------------------------------------------------------------------------------

COUNTY: Final = "county"
NEXT_VISIT: Final = "next_visit"
FOLLOW_UP: Final = "follow_up"
SITE: Final = "site_investigation"


@dataclass(frozen=True, slots=True)
class IssueClock:
    """One clock of an issue. whose: company, law, hotline, regulator or county.

    limit: `{kind}` is complaint or grievance. starts: what begins it; `source` names begin it at
    the opening of such an issue or when such an order joins. stops: the commands that stop it.
    """

    name: str
    limit: str
    whose: str
    stops: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    promise: bool = False
    ladder: tuple[Rung, ...] = LADDER


_OWN: Final = frozenset(Source) - {Source.HOTLINE_12398, Source.HOTLINE_12345}
_ALL: Final = frozenset(Source)
_12398: Final = frozenset({Source.HOTLINE_12398})
_12345: Final = frozenset({Source.HOTLINE_12345})
_ANSWER: Final = frozenset({"reply"})

CLOCKS: Final[Mapping[str, IssueClock]] = MappingProxyType(
    {
        one.name: one
        for one in (
            IssueClock(
                "dispatch",
                "{kind}.dispatch",
                "company",
                frozenset({"assign"}),
                _ALL,
                ladder=QUIET_LADDER,
            ),
            IssueClock(
                "contact", "{kind}.contact", "company", frozenset({"contact"}), _ALL, promise=True
            ),
            IssueClock("internal", "{kind}.internal", "company", _ANSWER, _ALL),
            IssueClock("promise", "{kind}.promise", "company", _ANSWER, _ALL, promise=True),
            IssueClock("legal", "complaint.legal", "law", _ANSWER, _ALL - LIGHT),
            IssueClock("hotline", "hotline_12398.internal", "hotline", _ANSWER, _12398),
            IssueClock("city_hotline", "hotline_12345", "hotline", _ANSWER, _12345),
            IssueClock(
                "regulator_accept",
                "hotline_12398.accept",
                "regulator",
                frozenset({"regulator_accepted", "regulator_closed"}),
                _12398,
                ladder=QUIET_LADDER,
            ),
            IssueClock(
                "regulator_close",
                "hotline_12398.close",
                "regulator",
                frozenset({"regulator_extended", "regulator_closed"}),
            ),
            IssueClock(
                "regulator_extend",
                "hotline_12398.extend",
                "regulator",
                frozenset({"regulator_closed"}),
            ),
            IssueClock(COUNTY, "", "county", _ANSWER),
            IssueClock(
                "visit",
                "{kind}.return_visit",
                "company",
                frozenset({"visit"}),
                ladder=QUIET_LADDER,
            ),
            IssueClock(NEXT_VISIT, "", "company", frozenset({"visit"}), ladder=QUIET_LADDER),
            IssueClock(
                SITE,
                "issue.site_investigation",
                "company",
                frozenset({"conclude_site_investigation"}),
            ),
            IssueClock(
                FOLLOW_UP, "", "company", frozenset({"follow_up", "reopen"}), ladder=QUIET_LADDER
            ),
        )
    }
)
"""Every clock of an issue but those of supervisions (`supervision:<n>`, the county's, named or by
limit). Regulator clocks run beside ours: they are not ours to stop, so clearing, following up and
terminating leave them due: on the overdue list, told to the duty desk. Words: `clock.*`."""


def rule_of(name: str) -> IssueClock:
    """Return the rule of a clock; one that a supervision named is the county's."""
    return CLOCKS.get(name) or IssueClock(name, "supervision.reply", "county", ladder=LADDER[2:])


# Making ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Making:
    """A command while it is being carried out: what it reads and what it changes."""

    name: str
    issue_id: str
    before: Issue | None
    act: Act
    occurred: datetime
    recorded: datetime
    rules: Rules
    values: Mapping[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def seq(self) -> int:
        """The number of the event that is being made."""
        return 1 if self.before is None else self.before.version + 1

    @property
    def draft(self) -> Issue:
        """The head as it would be now."""
        return apply(self.before, self._event())

    @property
    def by(self) -> str:
        """Who does it."""
        return self.act.actor.actor_id

    @property
    def is_late(self) -> bool:
        """Whether it was entered after the fact (补录)."""
        threshold = self.rules.limit("late_entry.threshold", self.recorded).duration
        return self.recorded - self.occurred > threshold

    def set(self, **values: Any) -> None:
        """Change plain fields."""
        self.changes.update({name: FOLD.encode(name, value) for name, value in values.items()})

    def put(self, name: str, key: str, value: Any) -> None:
        """Change one entry of a mapping; None removes it."""
        self.changes.setdefault(name, {})[key] = FOLD.encode_entry(name, value)

    def did(self, gate: str, *, at: datetime | None = None, **facts: Any) -> None:
        """Note that something was done in this round."""
        when = at or self.occurred
        late = self.recorded - when > self.limit("late_entry.threshold")
        role = self.act.actor.role
        self.put("done", gate, Done(self.by, when, self.recorded, role, late, facts))
        if late:
            self.data["late"] = True

    def undo(self, *gates: str) -> None:
        """Take off the head what must be done anew."""
        known = {} if self.before is None else self.before.done
        for gate in gates:
            if gate in known:
                self.put("done", gate, None)

    def limit(self, limit_id: str) -> timedelta:
        """Return a duration from the rules, as they are when this is entered."""
        return self.rules.limit(limit_id, self.recorded).duration

    def start(self, name: str, at: datetime, *, until: datetime | None = None) -> None:
        """Start a clock, under its limit or towards an instant that somebody named."""
        if until is not None:
            self.put("clocks", name, Clock.deadline(at, until))
            return
        limit_id = CLOCKS[name].limit.format(kind=_limits_of(self.before or self.draft))
        limit = self.rules.limit(limit_id, at)
        if limit.enabled:
            self.put("clocks", name, Clock.start(limit, at))

    def clock(self, name: str) -> Clock | None:
        """Return a clock as this command leaves it so far."""
        raw = self.changes.get("clocks", {}).get(name)
        if raw is not None:
            return Clock.from_json(raw)
        return None if self.before is None else self.before.clocks.get(name)

    def stop(self, *names: str, at: datetime | None = None) -> None:
        """Stop clocks that run."""
        for name in names:
            clock = self.clock(name)
            if clock is not None and clock.stopped_at is None:
                self.put("clocks", name, clock.stop(max(at or self.occurred, clock.started_at)))

    def done(self) -> Made:
        """Plan the next due instant on what was changed, then make event and head for good."""
        if self.name != TIMER:
            self.set(moved_at=self.recorded)
        draft = self.draft
        if draft.training:
            self.data["training"] = True
        self.set(next_due_at=next_due(draft, rules=self.rules))
        event = self._event()
        return Made(apply(self.before, event), (event,))

    def _event(self) -> Event:
        event = Event(
            aggregate=aggregate(self.issue_id),
            seq=self.seq,
            name=self.name,
            occurred_at=self.occurred,
            recorded_at=self.recorded,
            actor=self.act.actor,
            changes=dict(self.changes),
            data=dict(self.data),
            digest=self.act.digest,
        )
        return event if self.before is None else replace(event, prev=self.before.tip)


def _limits_of(issue: Issue) -> str:
    return "grievance" if issue.source in LIGHT else "complaint"


def _times(act: Act) -> tuple[datetime, datetime]:
    occurred, recorded = whole(act.occurred_at), whole(act.recorded_at)
    if occurred > recorded + SKEW:
        raise BadInput.of("occurred_at", "occurred_at.in_future")
    return min(occurred, recorded), recorded


def may_give(name: str, issue: Issue, role: str) -> bool:
    """Return whether a role may give a command at all; of misconduct, discipline does staff's."""
    who = COMMANDS[name].who
    return role in who or (issue.confidential and role == Role.DISCIPLINE and bool(who & STAFF))


def _begin(name: str, issue: Issue, act: Act, rules: Rules) -> _Making:
    """Check state, person and times. Raises IllegalMove, NotAllowed or BadInput."""
    command = COMMANDS.get(name)
    if command is None or issue.state not in command.states:
        raise IllegalMove(move=name, stage=issue.state.value, kind="issue")
    if not may_give(name, issue, act.actor.role):
        raise NotAllowed(move=name, role=act.actor.role)
    occurred, recorded = _times(act)
    if recorded < issue.recorded_at:
        raise BadInput.of("recorded_at", "occurred_at.before_last_step")
    return _Making(name, issue.issue_id, issue, act, occurred, recorded, rules)


def _gate(m: _Making, name: str, *, is_met: bool, **facts: Any) -> None:
    if not is_met:
        raise GateClosed(move=m.name, gates=[name], **facts)


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else -1


# Opening --------------------------------------------------------------------------------------


def open_issue(
    act: Act,
    *,
    issue_id: str,
    source: str,
    place: Place,
    rules: Rules,
    category: str = "",
    theme: str = "",
    grade: str = GRADES[0],
    orders: Mapping[str, Linked] = MappingProxyType({}),
    hotline_calls: int = 0,
    bypass: Bypass | None = None,
    tendency: bool = False,
    anonymous: bool = False,
    confidential: bool = False,
    training: bool = False,
) -> Made:
    """Put an issue on the ledger (立账). Its clocks run from when it happened (act.occurred_at).

    hotline_calls: calls to 12398 so far; 0 with a 12398 order means that one. Raises BadInput.
    """
    occurred, recorded = _times(act)
    m = _Making("opened", issue_id, None, act, occurred, recorded, rules)
    if source not in set(Source):
        raise BadInput.of("source", "field.choice", allowed=[str(one) for one in Source])
    if grade not in GRADES:
        raise BadInput.of("grade", "field.choice", allowed=list(GRADES))
    calls = sum(1 for one in orders.values() if one.channel == "12398")
    named = act.actor.role not in set(Outsider)
    m.set(
        county=place.county,
        office=place.office,
        path=place.path,
        source=str(source),
        state=State.OPEN,
        opened_at=recorded,
        occurred_at=occurred,
        recorded_at=recorded,
        category=category,
        theme=theme,
        grade=grade,
        tendency=tendency,
        anonymous=anonymous,
        confidential=confidential,
        training=training,
        service_event=category.startswith("service"),
        hotline_calls=max(calls, hotline_calls),
        first_contact_owner=act.actor.actor_id if named else "",
    )
    for order_id, linked in orders.items():
        m.put("orders", order_id, linked)
    if bypass is not None:
        m.set(bypass=bypass)
    _start_sources(m, source, occurred)
    _tighten(m)
    return m.done()


def _start_sources(m: _Making, source: str, at: datetime) -> None:
    """Start what runs for a source, unless it runs already."""
    anonymous = (m.before or m.draft).anonymous
    for rule in CLOCKS.values():
        skipped = rule.name == "contact" and anonymous
        if source in rule.sources and m.clock(rule.name) is None and not skipped:
            m.start(rule.name, at)


def _tighten(m: _Making) -> None:
    """Put the internal clock under the limit of the grade as it is now, from the same start."""
    clock = m.clock("internal")
    if clock is None or not clock.is_running:
        return
    issue = m.draft
    limit_id = GRADE_INTERNAL.get(issue.grade, f"{_limits_of(issue)}.internal")
    limit = m.rules.limit(limit_id, clock.started_at)
    if limit.enabled and limit.id != clock.limit:
        fresh = Clock.start(limit, clock.started_at)
        m.put("clocks", "internal", replace(fresh, pauses=clock.pauses))


# The one way to give a command ----------------------------------------------------------------


def advance(issue: Issue, name: str, act: Act, *, rules: Rules) -> Made:
    """Give a command of the table.

    Raises IllegalMove, NotAllowed, GateClosed or BadInput; then nothing has changed.
    """
    if name not in ACTIONS:
        raise IllegalMove(move=name, stage=issue.state.value, kind="issue")
    m = _begin(name, issue, act, rules)
    _answers_of(m)
    _ask(m, issue)
    ACTIONS[name](m, issue)
    for clock, rule in CLOCKS.items():
        if name in rule.stops and clock not in m.changes.get("clocks", {}):
            m.stop(clock)
    if not issue.first_contact_owner and act.actor.role not in set(Outsider):
        m.set(first_contact_owner=act.actor.actor_id)
    return m.done()


def _answers_of(m: _Making) -> None:
    """Read the answers that the command asks for; what is coded goes into the event."""
    if m.before is None:
        return
    needs, act = needs_now(m.name, m.before, m.rules), m.act
    m.values = read_needs(
        needs, Step(m.name, act.actor, act.occurred_at, act.recorded_at, act.data, act.words)
    )
    m.data.update(
        {n.name: m.values[n.name] for n in needs if n.form is not Form.TEXT and n.name in m.values}
    )
    if m.is_late:
        m.data["late"] = True


HIDDEN: Final = frozenset({"absorb", "release", "order_moved", "paper_moved"})
"""Commands that nobody gives by hand."""


def moves_open_to(
    issue: Issue, role: str, *, level: str, rules: Rules
) -> list[tuple[str, list[str]]]:
    """Return every command that `role` could give now, each with the gates that stand open."""
    found = []
    for name in COMMANDS:
        if issue.state not in COMMANDS[name].states or not may_give(name, issue, role):
            continue
        signs = name in {"sign", "return_sign"}
        if name not in HIDDEN and not (signs and next_level(issue, rules) != level):
            found.append((name, _gates_of(name, issue, rules)))
    return found


def _gates_of(name: str, issue: Issue, rules: Rules) -> list[str]:
    """Return the gates that a command would be refused for."""
    standing = open_gates(issue, rules)
    if name == "clear":
        return standing
    if name == "sign":
        return [gate for gate in standing if gate != "signed"]
    return [gate for gate in ASKS.get(name, ()) if not ASKED[gate](issue)]


ASKS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "decide": ("evidence",),
        "attribute": ("liable",),
        "match": ("measure",),
        "reply": ("decided",),
        "record_violation": ("attributed",),
        "visit": ("replied", "not_anonymous", "attempts_left"),
        "open_site_investigation": ("no_site_investigation",),
        "conclude_site_investigation": ("site_open",),
        "regulator_accepted": ("regulator_waits",),
        "regulator_extended": ("regulator_accepted",),
        "regulator_closed": ("regulator_waits",),
        "terminate": ("site_concluded", "no_supervision_open", "no_paper_open"),
        "merge": ("site_concluded", "no_supervision_open"),
    }
)
"""What a command asks for beside its answers. Words: `gate.*`."""


def _is_waiting(issue: Issue, *clocks: str) -> bool:
    return any((c := issue.clocks.get(name)) is not None and c.is_running for name in clocks)


ASKED: Final[Mapping[str, Callable[[Issue], bool]]] = MappingProxyType(
    {
        "evidence": lambda issue: bool(issue.files),
        "liable": lambda issue: issue.is_liable,
        "measure": lambda issue: "measure" in issue.done,
        "decided": lambda issue: "decided" in issue.done,
        "attributed": lambda issue: "attributed" in issue.done,
        "replied": lambda issue: "replied" in issue.done,
        "not_anonymous": lambda issue: not issue.anonymous,
        "attempts_left": lambda issue: (
            not issue.round_visits or issue.round_visits[-1].result == "unreached"
        ),
        "no_site_investigation": lambda issue: issue.site is None or not issue.site.is_open,
        "site_open": lambda issue: issue.site is not None and issue.site.is_open,
        "site_concluded": lambda issue: issue.site is None or not issue.site.is_open,
        "no_supervision_open": lambda issue: (
            not any(one.is_open for one in issue.supervisions.values())
        ),
        "no_paper_open": lambda issue: not any(one.open for one in issue.papers.values()),
        "regulator_waits": lambda issue: _is_waiting(
            issue, "regulator_accept", "regulator_close", "regulator_extend"
        ),
        "regulator_accepted": lambda issue: _is_waiting(issue, "regulator_close"),
    }
)


def _ask(m: _Making, issue: Issue) -> None:
    closed = [gate for gate in ASKS.get(m.name, ()) if not ASKED[gate](issue)]
    if closed:
        raise GateClosed(move=m.name, gates=closed)


# Orders and calls -----------------------------------------------------------------------------


def _link(m: _Making, issue: Issue) -> None:
    order_id, linked = m.values["order"], m.act.linked
    if order_id in issue.orders:
        raise BadInput.of("order", "issue.linked_already")
    if linked is None:
        raise BadInput.of("order", "issue.order_unknown")
    m.put("orders", order_id, replace(linked, reason=m.values["reason"]))
    if linked.channel == "12398":
        m.set(hotline_calls=issue.hotline_calls + 1)
        _start_sources(m, Source.HOTLINE_12398, linked.occurred_at)
    if linked.channel == "12345":
        _start_sources(m, Source.HOTLINE_12345, linked.occurred_at)
    if linked.kind == "complaint":
        _start_sources(m, Source.COMPLAINT, linked.occurred_at)
    _rise_with(m, issue, linked)
    if not linked.final:
        _back_to_hands(m, issue)
    if issue.site is not None and issue.site.is_open:
        m.data["hold"] = [order_id]


def _unlink(m: _Making, issue: Issue) -> None:
    order_id = m.values["order"]
    linked = issue.orders.get(order_id)
    if linked is None:
        raise BadInput.of("order", "issue.order_not_linked")
    m.put("orders", order_id, None)
    if linked.channel == "12398":
        m.set(hotline_calls=max(0, issue.hotline_calls - 1))
    if issue.bypass is not None and issue.bypass.order_id == order_id:
        m.set(bypass=None)
    if issue.site is not None and issue.site.is_open:
        m.data["unhold"] = [order_id]


def _hotline_call(m: _Making, issue: Issue) -> None:
    m.set(hotline_calls=issue.hotline_calls + 1)
    _start_sources(m, Source.HOTLINE_12398, m.occurred)
    _back_to_hands(m, issue)


def _flag_bypass(m: _Making, issue: Issue) -> None:
    if m.values["order"] not in issue.orders:
        raise BadInput.of("order", "issue.order_not_linked")
    if issue.bypass is not None and issue.bypass.order_id == m.values["order"]:
        raise BadInput.of("order", "issue.same")
    m.set(bypass=Bypass(m.values["order"], m.values["bypass"], m.occurred))


def _back_to_hands(m: _Making, issue: Issue) -> None:
    """What is being signed is handled again: the signatures were for something else."""
    if issue.state is State.SIGNING:
        m.set(state=State.HANDLING)
        for level in issue.sign_offs:
            m.put("sign_offs", level, None)


def _next_round(m: _Making, issue: Issue, *, clocks_from: datetime) -> None:
    """Handle it again: what must be done anew goes off the head, and the clocks run once more."""
    m.set(state=State.HANDLING, round=issue.round + 1, cleared_at=None, closed_at=None)
    m.undo("measure", "measure_matches", "replied", "follow_up_set", "four_not_let_go")
    m.set(follow_up_on=None)
    for level in issue.sign_offs:
        m.put("sign_offs", level, None)
    for name in ("visit", NEXT_VISIT, FOLLOW_UP, COUNTY):
        m.stop(name)
    for name in ("internal", "promise", "legal", "hotline", "city_hotline"):
        if name in issue.clocks:
            m.start(name, clocks_from)
    _tighten(m)


# Classifying and assigning --------------------------------------------------------------------


def _classify(m: _Making, issue: Issue) -> None:
    values = m.values
    named = {name: values[name] for name in ("category", "theme", "grade") if name in values}
    if "service_event" in values:
        named["service_event"] = values["service_event"]
    if not named:
        raise BadInput.of("category", "field.required")
    if all(getattr(issue, name) == value for name, value in named.items()):
        raise BadInput.of(next(iter(named)), "issue.same")
    if "category" in named and "service_event" not in named:
        named["service_event"] = named["category"].startswith("service")
    grade = named.get("grade", issue.grade)
    if GRADES.index(grade) < GRADES.index(issue.grade):
        _may_lower(m, issue)
    if grade != issue.grade:
        named["grade_level"] = m.act.level if m.act.level in LEVELS else LEVELS[0]
        m.data["grade_before"] = issue.grade
    m.set(**named)
    _tighten(m)
    if _is_graver(grade, issue.grade):
        _raise_orders(m)


def _is_graver(one: str, other: str) -> bool:
    return GRADES.index(one or GRADES[0]) > GRADES.index(other or GRADES[0])


def _raise_orders(m: _Making) -> None:
    """Its complaints become as grave as the issue, with tighter clocks of their own (S1.30)."""
    issue = m.draft
    raises = [
        [order_id, issue.grade]
        for order_id, one in issue.orders.items()
        if one.kind == "complaint" and not one.final and _is_graver(issue.grade, one.grade)
    ]
    if raises:
        m.data["raises"] = raises


def _rise_with(m: _Making, issue: Issue, linked: Linked) -> None:
    """The issue becomes as grave as an order of it that somebody raised; others rise with it."""
    if _is_graver(linked.grade, issue.grade):
        m.data["grade_before"] = issue.grade
        m.set(grade=linked.grade, grade_level=LEVELS[0])
        _tighten(m)
    _raise_orders(m)


def _may_lower(m: _Making, issue: Issue) -> None:
    """A lower grade needs a reason and a level above the one that set it; the province its own."""
    if not m.act.words.get("note"):
        raise BadInput.of("note", "issue.lower_needs_reason")
    mine, theirs = _rank(m.act.level), _rank(issue.grade_level)
    top = len(LEVELS) - 1
    if mine <= theirs and not mine == theirs == top:
        raise NotAllowed(move=m.name, role=m.act.actor.role, level=LEVELS[min(theirs + 1, top)])


def _assign(m: _Making, _issue: Issue) -> None:
    place = m.act.place
    if place is not None:
        m.set(office=place.office, county=place.county, path=place.path)
    else:
        m.set(office=m.values["office"])
    m.set(assignee=m.values.get("staff", ""), state=State.HANDLING)
    if "due" in m.values:
        until = instant(m.values["due"])
        if until <= m.occurred:
            raise BadInput.of("due", "due.in_past")
        m.start(COUNTY, m.occurred, until=until)


def _note_tendency(m: _Making, issue: Issue) -> None:
    if issue.tendency:
        raise BadInput.of("tendency", "issue.same")
    m.set(tendency=True)


# Handling -------------------------------------------------------------------------------------


def _own_time(m: _Making, issue: Issue, name: str) -> datetime:
    """Return when it was so: as said, else now; never in the future or before the issue."""
    if name not in m.values:
        return m.occurred
    at = instant(m.values[name])
    if at > m.recorded + SKEW:
        raise BadInput.of(name, "occurred_at.in_future")
    if at < issue.occurred_at:
        raise BadInput.of(name, "occurred_at.before_report")
    return min(at, m.recorded)


def _contact(m: _Making, issue: Issue) -> None:
    """联系客户. Entered after the limit it must say when it was: else nobody knows how late."""
    clock = issue.clocks.get("contact")
    when = None if clock is None else due(clock, m.rules)
    overdue = clock is not None and clock.is_running and when is not None and m.recorded > when.at
    if overdue and not m.is_late and "contacted_at" not in m.values:
        raise BadInput.of("contacted_at", "issue.contact_needs_time")
    at = _own_time(m, issue, "contacted_at")
    m.did("contacted", at=at, by=m.values["by"])
    m.set(state=State.HANDLING)
    m.stop("contact", at=at)


def _investigate(m: _Making, _issue: Issue) -> None:
    m.did("investigated", sections=list(SECTIONS))
    m.set(state=State.HANDLING)


def _evidence(m: _Making, issue: Issue) -> None:
    m.did("evidence", files=list(dict.fromkeys([*issue.files, *m.values["files"]])))


def _decide(m: _Making, issue: Issue) -> None:
    verdict, liability = m.values["verdict"], m.values["liability"]
    if verdict == "not_upheld" and liability == LIABILITIES[0]:
        raise BadInput.of("liability", "issue.liable_for_nothing")
    m.did("decided", verdict=verdict, liability=liability)
    if issue.verdict and (issue.verdict, issue.liability) != (verdict, liability):
        m.undo("attributed", "repeated_violation_recorded")


def _attribute(m: _Making, _issue: Issue) -> None:
    kind = m.values["attribution"]
    needed = "staff" if kind == ATTRIBUTIONS[0] else "department"
    if needed not in m.values:
        raise BadInput.of(needed, "issue.attributed_to_nobody")
    facts = {name: m.values[name] for name in ("staff", "department") if name in m.values}
    m.did("attributed", attribution=kind, **facts)
    m.undo("repeated_violation_recorded")


def _root_cause(m: _Making, _issue: Issue) -> None:
    m.did("root_cause", root_cause=m.values["root_cause"])


def _measure(m: _Making, _issue: Issue) -> None:
    m.did("measure", measure=m.values["measure"])
    m.undo("measure_matches")


def _match(m: _Making, issue: Issue) -> None:
    if issue.done["measure"].by == m.by:
        raise NotAllowed(move=m.name, role=m.act.actor.role, by=m.by)
    m.did("measure_matches", matches=m.values["matches"])


def _reply(m: _Making, issue: Issue) -> None:
    m.did("replied")
    if not issue.anonymous:
        m.start("visit", m.occurred)


def _four_not_let_go(m: _Making, _issue: Issue) -> None:
    m.did("four_not_let_go", **{name: m.values[name] for name in NOT_LET_GO})


def _record_violation(m: _Making, issue: Issue) -> None:
    """累积: counted for the unit, and for the person if one answers for it. The store counts."""
    person = issue.fact("attributed", "staff") or ""
    behaviour = m.values.get("behaviour", "")
    m.did("repeated_violation_recorded", unit=issue.office, person=person, behaviour=behaviour)
    m.data["counts"] = [one for one in (issue.office, person) if one]


# Visits ---------------------------------------------------------------------------------------


def _visit(m: _Making, issue: Issue) -> None:
    at = _own_time(m, issue, "visited_at")
    if after_quiet(at, m.rules, *VISIT_QUIET) != at:
        raise BadInput.of("visited_at", "issue.visit_in_quiet_hours")
    earlier = issue.round_visits
    if earlier:
        gap = m.limit("return_visit.gap")
        if at < earlier[-1].at + gap:
            raise BadInput.of("visited_at", "issue.visit_too_soon", hours=gap // timedelta(hours=1))
    if len(earlier) >= m.rules.number("return_visit.attempts", issue.opened_at):
        raise GateClosed(move=m.name, gates=["attempts_left"])
    result = m.values["result"]
    m.put("visits", str(m.seq), Visit(result, m.by, at, m.recorded, issue.round))
    m.stop("visit", NEXT_VISIT, at=at)
    if result == "dissatisfied":
        m.data["trigger"] = "visit_dissatisfied"
        _next_round(m, issue, clocks_from=m.occurred)
    attempts = m.rules.number("return_visit.attempts", issue.opened_at)
    if result == "unreached" and len(earlier) + 1 < attempts:
        until = after_quiet(at + m.limit("return_visit.gap"), m.rules, *VISIT_QUIET)
        m.start(NEXT_VISIT, at, until=until)


def _not_solved(m: _Making, issue: Issue) -> None:
    if issue.state in DONE:
        _relapse(m, issue)
    elif "replied" in issue.done:
        _next_round(m, issue, clocks_from=m.occurred)
    else:
        _back_to_hands(m, issue)
    m.set(words_added=issue.words_added + 1)


def _add(m: _Making, issue: Issue) -> None:
    m.set(words_added=issue.words_added + 1)
    if "files" in m.values:
        m.did("evidence", files=list(dict.fromkeys([*issue.files, *m.values["files"]])))


# Site investigations --------------------------------------------------------------------------


def _open_site(m: _Making, issue: Issue) -> None:
    """Beside whom it names it is about who handles the issue, and whom its cause was put to."""
    subjects = [m.values["subject"]] if "subject" in m.values else []
    blamed = issue.fact("attributed", "staff")
    subjects += [one for one in (issue.assignee, blamed) if one and one not in subjects]
    if m.values.get("investigator") in subjects and subjects:
        raise BadInput.of("investigator", "issue.investigates_itself")
    m.set(
        site=SiteInvestigation(
            triggers=(m.values["trigger"],),
            opened_at=m.occurred,
            opened_by=m.by,
            investigator=m.values.get("investigator", ""),
            subjects=tuple(subjects),
        )
    )
    m.start(SITE, m.occurred)
    m.data["hold"] = sorted(key for key, one in issue.orders.items() if not one.final)
    _back_to_hands(m, issue)


def _conclude_site(m: _Making, issue: Issue) -> None:
    """Never by its subject: neither a person it is about nor whom the cause was put to since."""
    site = issue.site
    if site is None:
        raise GateClosed(move=m.name, gates=["site_open"])
    blamed = {*site.subjects, issue.fact("attributed", "staff")}
    if m.by in blamed or m.act.actor.office_id in blamed:
        raise NotAllowed(move=m.name, role=m.act.actor.role, by=m.by)
    m.set(
        site=replace(
            site,
            concluded_at=m.occurred,
            concluded_by=m.by,
            finding=m.values["finding"],
            round=issue.round,
        )
    )
    m.data["unhold"] = sorted(issue.orders)


# Supervision ----------------------------------------------------------------------------------


def _supervise(m: _Making, issue: Issue) -> None:
    key = str(m.seq)
    if "due" in m.values:
        until = instant(m.values["due"])
        if until <= m.occurred:
            raise BadInput.of("due", "due.in_past")
        clock = Clock.deadline(m.occurred, until)
    else:
        clock = Clock.start(m.rules.limit("supervision.reply", m.occurred), m.occurred)
        planned = due(clock, m.rules)
        until = planned.at if planned else m.occurred
    owner = m.values.get("owner") or issue.assignee or issue.office
    asked = Supervision(
        asked_by=m.by,
        at=m.occurred,
        owner=owner,
        due=whole(until),
        level=m.act.level,
        office=issue.office,
    )
    m.put("supervisions", key, asked)
    m.put("clocks", f"{SUPERVISION}{key}", clock)
    m.data["supervision"] = key


def _supervision(m: _Making, issue: Issue) -> tuple[str, Supervision]:
    key = m.values["supervision"]
    known = issue.supervisions.get(key)
    if known is None or not known.is_open:
        raise BadInput.of("supervision", "supervision.unknown")
    return key, known


def _supervision_reply(m: _Making, issue: Issue) -> None:
    key, known = _supervision(m, issue)
    m.put(
        "supervisions",
        key,
        replace(known, replies=(*known.replies, (m.by, millis(m.occurred)))),
    )
    m.stop(f"{SUPERVISION}{key}")


def _supervision_close(m: _Making, issue: Issue) -> None:
    """办结 needs a reply, and somebody else than whoever owed it."""
    key, known = _supervision(m, issue)
    _gate(m, "supervision_replied", is_met=bool(known.replies))
    if m.by in {known.owner, *(by for by, _ in known.replies)}:
        raise NotAllowed(move=m.name, role=m.act.actor.role, by=m.by)
    m.put("supervisions", key, replace(known, closed_at=m.occurred, closed_by=m.by))
    m.stop(f"{SUPERVISION}{key}")


# The regulator --------------------------------------------------------------------------------


def _regulator_accepted(m: _Making, issue: Issue) -> None:
    at = _own_time(m, issue, "accepted_at")
    m.stop("regulator_accept", at=at)
    m.start("regulator_close", at)


def _regulator_extended(m: _Making, issue: Issue) -> None:
    """The thirty days begin when the sixty end."""
    planned = due(issue.clocks["regulator_close"], m.rules)
    m.stop("regulator_close")
    m.start("regulator_extend", m.occurred if planned is None else whole(planned.at))


def _nothing_else(_m: _Making, _issue: Issue) -> None:
    """Only the clocks move."""


# Signing and clearing -------------------------------------------------------------------------


def _plan_follow_up(m: _Making, _issue: Issue) -> None:
    day = local_day(instant(m.values["follow_up_on"]))
    earliest = local_day(m.recorded) + timedelta(days=1)
    latest = local_day(m.recorded) + timedelta(days=m.rules.number(FOLLOW_UP_MAX, m.recorded))
    if not earliest <= day <= latest:
        raise BadInput.of("follow_up_on", "issue.follow_up_out_of_range", latest=latest.isoformat())
    m.data["follow_up_on"] = day.isoformat()
    m.set(follow_up_on=day)
    m.did("follow_up_set")


FOLLOW_UP_MAX: Final = "issue.follow_up.max"


def _awaited(m: _Making, issue: Issue) -> str:
    """Return the level that signs next. Raises NotAllowed for a person of any other level."""
    level = next_level(issue, m.rules)
    if level is None:
        raise IllegalMove(move=m.name, stage=issue.state.value, kind="issue")
    if m.act.level != level:
        raise NotAllowed(move=m.name, role=m.act.actor.role, level=level)
    return level


def _answers(m: _Making, issue: Issue) -> dict[str, bool]:
    return {need.name: m.values[need.name] for need in _items(m, issue)}


def _items(m: _Making, issue: Issue) -> list[Any]:
    return [n for n in needs_now(m.name, issue, m.rules) if n.form is Form.FLAG]


def _sign(m: _Making, issue: Issue) -> None:
    """签批 of one level: all else is met, every item is in place, and by a fresh pair of eyes."""
    level = _awaited(m, issue)
    standing = [gate for gate in open_gates(issue, m.rules) if gate != "signed"]
    if standing:
        raise GateClosed(move=m.name, gates=standing)
    items = _answers(m, issue)
    missing = [name for name, in_place in items.items() if not in_place]
    if missing:
        raise BadInput([FieldError(name, "issue.not_in_place") for name in missing])
    if any(one.by == m.by for one in issue.sign_offs.values()):
        raise NotAllowed(move=m.name, role=m.act.actor.role, by=m.by)
    m.put("sign_offs", level, SignOff(m.by, m.occurred, m.act.actor.office_id, items))
    m.data["level"] = level
    m.set(state=State.SIGNING)


def _return_sign(m: _Making, issue: Issue) -> None:
    level = _awaited(m, issue)
    items = _answers(m, issue)
    missing = [name for name, in_place in items.items() if not in_place]
    if items and not missing:
        raise BadInput.of("note", "issue.nothing_missing")
    m.data.update(level=level, missing=missing)
    m.set(returned=issue.returned + 1)
    _back_to_hands(m, issue)


def _clear(m: _Making, issue: Issue) -> None:
    """销号, by the level that signed last. Every open gate is named; in part is refused."""
    standing = open_gates(issue, m.rules)
    if standing:
        raise GateClosed(move=m.name, gates=standing)
    highest = needed_levels(issue, m.rules)[-1]
    if _rank(m.act.level) < _rank(highest):
        raise NotAllowed(move=m.name, role=m.act.actor.role, level=highest)
    if issue.follow_up_on is None:
        raise GateClosed(move=m.name, gates=["follow_up_set"])
    m.set(state=State.CLEARED, cleared_at=m.occurred)
    m.data["signed"] = [[level, one.by] for level, one in issue.sign_offs.items()]
    m.stop(*_ours(issue))
    ends = datetime.combine(issue.follow_up_on + timedelta(days=1), time(), CHINA)
    m.start(FOLLOW_UP, m.occurred, until=max(whole(ends), m.occurred + timedelta(hours=1)))


def _follow_up(m: _Making, issue: Issue) -> None:
    if m.values["result"] == "relapse":
        m.data["reason"] = "follow_up"
        _relapse(m, issue)
        return
    if issue.follow_up_on is not None and local_day(m.recorded) < issue.follow_up_on:
        raise BadInput.of("result", "issue.follow_up_too_early")
    m.set(state=State.FOLLOWED_UP, closed_at=m.occurred)


def _relapse(m: _Making, issue: Issue) -> None:
    """The same line is open again (S1.11); what was found stays, what was done is done anew."""
    m.set(relapses=issue.relapses + 1)
    _next_round(m, issue, clocks_from=m.occurred)


def _terminate(m: _Making, issue: Issue) -> None:
    if _rank(m.act.level) < 1:
        raise NotAllowed(move=m.name, role=m.act.actor.role, level=LEVELS[1])
    _close(m, issue, State.TERMINATED)


def _close(m: _Making, issue: Issue, state: State) -> None:
    m.set(state=state, closed_at=m.occurred)
    m.stop(*_ours(issue))


def _ours(issue: Issue) -> list[str]:
    """Return the clocks that end with our work; the regulator's run on, in sight of all (§2.5)."""
    return [name for name in issue.clocks if not name.startswith(REGULATOR)]


ACTIONS: Final[Mapping[str, Callable[[_Making, Issue], None]]] = MappingProxyType(
    {
        "link": _link,
        "unlink": _unlink,
        "hotline_call": _hotline_call,
        "flag_bypass": _flag_bypass,
        "classify": _classify,
        "assign": _assign,
        "contact": _contact,
        "investigate": _investigate,
        "evidence": _evidence,
        "decide": _decide,
        "attribute": _attribute,
        "root_cause": _root_cause,
        "measure": _measure,
        "match": _match,
        "reply": _reply,
        "four_not_let_go": _four_not_let_go,
        "record_violation": _record_violation,
        "visit": _visit,
        "open_site_investigation": _open_site,
        "conclude_site_investigation": _conclude_site,
        "supervise": _supervise,
        "supervision_reply": _supervision_reply,
        "supervision_close": _supervision_close,
        "note_tendency": _note_tendency,
        "regulator_accepted": _regulator_accepted,
        "regulator_extended": _regulator_extended,
        "regulator_closed": _nothing_else,
        "plan_follow_up": _plan_follow_up,
        "sign": _sign,
        "return_sign": _return_sign,
        "clear": _clear,
        "follow_up": _follow_up,
        "reopen": _relapse,
        "terminate": _terminate,
        "add": _add,
        "not_solved": _not_solved,
    }
)


# Two heads at once ----------------------------------------------------------------------------


def merge(
    child: Issue, parent: Issue, act: Act, *, rules: Rules, above: Sequence[str] = ()
) -> tuple[Made, Made]:
    """Merge one line into another (并入): orders, calls and bypass go with it.

    above: the ids of the lines that the parent itself was merged into, nearest first. Returns the
    child's part, then the parent's. Raises as `advance` does.
    """
    m = _begin("merge", child, act, rules)
    _answers_of(m)
    _may_merge(child, parent, above)
    _ask(m, child)
    m.data["into"] = parent.issue_id
    m.set(parent=parent.issue_id, state_before=str(child.state), state=State.MERGED)
    held = tuple(name for name, clock in child.clocks.items() if clock.stopped_at is None)
    m.set(held=held)
    m.stop(*held)
    return m.done(), _absorb(parent, child, act, rules)


def _may_merge(child: Issue, parent: Issue, above: Sequence[str]) -> None:
    """Raise BadInput for a line into itself, in a circle, or into one that is not at work."""
    if parent.issue_id == child.issue_id:
        raise BadInput.of("into", "issue.into_itself")
    if child.issue_id in above or parent.parent == child.issue_id:
        raise BadInput.of("into", "issue.merge_cycle")
    if parent.state not in ACTIVE:
        raise BadInput.of("into", "issue.into_not_active")
    if child.confidential != parent.confidential:
        raise BadInput.of("into", "issue.into_other_secrecy")


def _absorb(parent: Issue, child: Issue, act: Act, rules: Rules) -> Made:
    p = _begin("absorb", parent, act, rules)
    p.data["child"] = child.issue_id
    for order_id, linked in child.orders.items():
        if order_id not in parent.orders:
            p.put("orders", order_id, replace(linked, via=child.issue_id))
    p.put("absorbed", child.issue_id, p.occurred)
    p.set(
        hotline_calls=parent.hotline_calls + child.hotline_calls,
        tendency=parent.tendency or child.tendency,
        bypass=parent.bypass or child.bypass,
    )
    if GRADES.index(child.grade) > GRADES.index(parent.grade):
        p.set(grade=child.grade, grade_level=child.grade_level)
        _tighten(p)
    _raise_orders(p)
    for name, clock in child.clocks.items():
        known = parent.clocks.get(name)
        if name.startswith(REGULATOR) and clock.is_running and known is None:
            p.put("clocks", name, clock)  # the regulator counts on, wherever we keep the case
    if child.hotline_calls:
        _start_sources(p, Source.HOTLINE_12398, child.occurred_at)
    _back_to_hands(p, parent)
    return p.done()


def unmerge(child: Issue, parent: Issue, act: Act, *, rules: Rules) -> tuple[Made, Made]:
    """Undo a merger: until the line that took it in is cleared. Raises as `advance` does."""
    m = _begin("unmerge", child, act, rules)
    _answers_of(m)
    if child.parent != parent.issue_id:
        raise BadInput.of("into", "issue.not_merged_there")
    if parent.state not in ACTIVE:
        raise GateClosed(move="unmerge", gates=["parent_not_cleared"])
    back = State(child.state_before or State.HANDLING)
    m.set(parent="", state=back, state_before="", held=())
    for name in child.held:
        m.put("clocks", name, replace(child.clocks[name], stopped_at=None))

    p = _begin("release", parent, act, rules)
    p.data["child"] = child.issue_id
    for order_id, linked in parent.orders.items():
        if linked.via == child.issue_id:
            p.put("orders", order_id, None)
    p.put("absorbed", child.issue_id, None)
    p.set(hotline_calls=max(0, parent.hotline_calls - child.hotline_calls))
    if parent.bypass is not None and parent.bypass == child.bypass:
        p.set(bypass=None)
    if not p.draft.hotline_calls:
        p.stop("hotline", *(name for name in parent.clocks if name.startswith(REGULATOR)))
    _back_to_hands(p, parent)
    return m.done(), p.done()


# What happens elsewhere -----------------------------------------------------------------------


def order_moved(
    issue: Issue, order_id: str, linked: Linked, act: Act, *, rules: Rules
) -> Made | None:
    """Copy what happened to a linked order; None when it is not news. Twice changes nothing.

    An order that is worked again puts a line that is being signed back, and reopens a cleared one.
    """
    known = issue.orders.get(order_id)
    if known is None or linked.seen <= known.seen:
        return None
    fresh = replace(
        linked,
        reason=known.reason,
        at=known.at,
        by=known.by,
        via=known.via,
        broken_at=known.broken_at or linked.broken_at,  # a promise stays broken
    )
    if replace(fresh, seen=known.seen) == known:
        return None
    m = _begin("order_moved", issue, act, rules)
    m.data.update(order=order_id, stage=fresh.stage)
    if fresh.visit != known.visit:
        m.data["visit"] = fresh.visit
    m.put("orders", order_id, fresh)
    if _is_graver(fresh.grade, known.grade) and _is_graver(fresh.grade, issue.grade):
        _rise_with(m, issue, fresh)
    if known.final and not fresh.final:
        if issue.state in DONE:
            m.data["reason"] = "order_reopened"
            _relapse(m, issue)
        else:
            _back_to_hands(m, issue)
    return m.done()


def paper_moved(
    issue: Issue, paper_id: str, paper: Paper, act: Act, *, rules: Rules
) -> Made | None:
    """Copy what happened to a paper about the issue; None when it is not news.

    A check of a cleared line that finds it gravely wanting opens it again (抽查, S1.31).
    """
    known = issue.papers.get(paper_id)
    if known is not None and paper.seen <= known.seen:
        return None
    m = _begin("paper_moved", issue, act, rules)
    m.data.update(paper=paper_id, kind=paper.kind, open=paper.open)
    m.put("papers", paper_id, paper)
    is_found = paper.finding == GRAVE_FINDING and (known is None or known.finding != GRAVE_FINDING)
    if is_found and issue.state in DONE:
        m.data["reason"] = "audit"
        _relapse(m, issue)
    elif paper.open:
        _back_to_hands(m, issue)
    return m.done()


GRAVE_FINDING: Final = "major"
"""What a check finds that cannot stay cleared; what is minor is put right on its paper alone."""


# Time -----------------------------------------------------------------------------------------

SWEEP: Final = Actor(Outsider.SYSTEM, "sweep")


def ladder_of(name: str) -> tuple[Rung, ...]:
    """Return the rungs of a clock."""
    return rule_of(name).ladder


def next_due(issue: Issue, *, rules: Rules) -> datetime | None:
    """Return the one instant at which something must happen; None when nothing ever must."""
    if issue.state is State.MERGED:
        return None
    rungs = [
        found[0]
        for name, clock in issue.clocks.items()
        if (found := next_rung(clock, ladder_of(name), rules)) is not None
    ]
    at = min(rungs, default=None) or (None if issue.state in OVER else _idle_at(issue, rules))
    return None if at is None else whole(at)


def _idle_at(issue: Issue, rules: Rules) -> datetime | None:
    """Return when an issue on which no clock has anything left to say is spoken of again."""
    looks = (issue.fired.get(IDLE), issue.moved_at, issue.recorded_at)
    since = max(at for at in looks if at is not None)
    return since + rules.limit("idle.reminder", since).duration


def next_clock(issue: Issue, *, rules: Rules) -> tuple[str, datetime] | None:
    """Return the running clock that falls due first, and when; None if none runs."""
    found = [
        (when.at, name)
        for name, clock in issue.clocks.items()
        if clock.is_running and (when := due(clock, rules)) is not None
    ]
    if not found:
        return None
    at, name = min(found)
    return name, at


def fire(issue: Issue, *, at: datetime, rules: Rules) -> Made | None:
    """Do what is due by `at`: every rung not yet fired, oldest first, in one event.

    None when nothing is due, so a sweep that runs twice changes nothing.
    """
    planned = next_due(issue, rules=rules)
    if planned is None or planned > at:
        return None
    fired = sorted(
        (
            (when, name, rung)
            for name, clock in issue.clocks.items()
            for when, rung in rungs_due(clock, ladder_of(name), at, rules)
        ),
        key=lambda entry: (entry[0], entry[1], RANK[entry[2].name]),
    )
    recorded = whole(at)
    occurred = min(whole(fired[-1][0]) if fired else planned, recorded)
    act = Act(SWEEP, occurred, recorded)
    m = _Making(TIMER, issue.issue_id, issue, act, occurred, recorded, rules)
    if not fired:
        m.put("fired", IDLE, recorded)
        m.data["rungs"] = [[IDLE, IDLE, millis(occurred), Target.COUNTY.value]]
        return m.done()
    for name in dict.fromkeys(name for _, name, _ in fired):
        rungs = [rung.name for _, other, rung in fired if other == name]
        m.put("clocks", name, issue.clocks[name].fire(rungs))
    m.data["rungs"] = [
        [name.partition(":")[0], rung.name, millis(whole(when)), rung.target.value]
        for when, name, rung in fired
    ]
    return m.done()


def replan(issue: Issue, *, at: datetime, rules: Rules) -> Made | None:
    """Compute the next due instant again after a calendar or limit changed; None if it holds."""
    if next_due(issue, rules=rules) == issue.next_due_at:
        return None
    act = Act(Actor(Outsider.SYSTEM, "calendar"), at, at)
    recorded = whole(at)
    return _Making("replanned", issue.issue_id, issue, act, recorded, recorded, rules).done()
