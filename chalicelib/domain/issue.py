"""The issue (问题, 台账条目): what must be cleared (销号), however many orders it has.

An event-sourced aggregate, chain `issue/<id>`: the head is the fold of its events, as an order's
is. This module says what an issue is, who may do what to it in which state (`COMMANDS`) and what
its events cause; `issue_gates.py` holds what must be true before it is cleared and who signs;
`issue_moves.py` holds the commands themselves and the timers.

归档 files an order, 销号 clears an issue. What happens to a linked order reaches the issue as an
event of its own (`order_moved`), so that no gate ever reads another aggregate. Handling comes in
rounds: a visit that is not satisfied, a word that it is not solved, or a relapse begins the next,
and what must be done anew is taken off the head; the events keep it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from functools import reduce
from types import MappingProxyType
from typing import Any, Final, Self

from . import moves as m
from .clocks import Clock, instant, millis
from .fold import INSTANT, TUPLE, Fold
from .grading import signs_of
from .order import GENESIS, GRADES, Event, Link, Order, compare, trusted
from .procedure import WARNINGS, Effect, Form, Need
from .procedures.complaint import LIABILITIES, VERDICTS
from .staff import Outsider, Role

# What there is --------------------------------------------------------------------------------


class State(StrEnum):
    """Where an issue is in its life. Words: `issue.state.*`."""

    OPEN = "open"
    HANDLING = "handling"
    SIGNING = "signing"
    CLEARED = "cleared"
    FOLLOWED_UP = "followed_up"
    TERMINATED = "terminated"
    MERGED = "merged"


ACTIVE: Final = frozenset({State.OPEN, State.HANDLING, State.SIGNING})
WORKED: Final = frozenset({State.OPEN, State.HANDLING})
DONE: Final = frozenset({State.CLEARED, State.FOLLOWED_UP})
OVER: Final = frozenset({State.FOLLOWED_UP, State.TERMINATED, State.MERGED})
"""States in which nothing of ours is waited for any more."""
NOT_MERGED: Final = frozenset(State) - {State.MERGED}
"""States in which the regulator may still have to decide, whatever we have done (§2.5)."""
REGULATOR: Final = "regulator_"
"""Beginning of the names of the regulator's own clocks: they are not ours to stop."""


class Source(StrEnum):
    """What opened the issue. Words: `issue.source.*`."""

    COMPLAINT = "complaint"
    GRIEVANCE = "grievance"
    HOTLINE_12398 = "hotline_12398"
    HOTLINE_12345 = "hotline_12345"
    PUBLIC_OPINION = "public_opinion"
    SUPERVISOR = "supervisor"
    POOR_SUPPLY = "poor_supply"


LIGHT: Final = frozenset({Source.GRIEVANCE, Source.POOR_SUPPLY})
"""Sources that are no complaint, until one joins: their limits and signatures are the lighter."""


LEVELS: Final = ("county", "city", "province")
"""The three levels of the loop (S1.3), lowest first. Words: `issue.level.*`."""

MEANS: Final = ("phone", "visit", "message")
SECTIONS: Final = ("basic_facts", "event_course", "exposed_problem", "remedy", "advice")
"""五段 of an investigation: 基本情况、事件调查、暴露问题、整改措施、建议 (domain: §2.3)."""
ATTRIBUTIONS: Final = ("person", "management")
DEPARTMENTS: Final = ("marketing", "equipment", "planning", "construction", "dispatch", "other")
"""营销、设备、计划、基建 are assessed jointly (S1.27); dispatch and the rest for completeness."""
ROOT_CAUSES: Final = (
    *("information_late", "coordination_missing", "attitude", "conduct", "skill", "workload"),
    *("equipment", "grid_capacity", "plan", "system", "rule_unclear", "contractor"),
    *("customer_side", "nature", "third_party"),
)
"""根因: 信息传递不及时 and 协同不到位 from S1.6, the rest a proposal. [design]"""
MEASURES: Final = (
    *("repaired", "rebuilt", "explained", "refunded", "compensated", "process_changed"),
    *("trained", "planned", "apologised", "none_possible"),
)
"""解决措施. [design]"""
VISIT_RESULTS: Final = ("satisfied", "dissatisfied", "unreached", "refused")
TRIGGERS: Final = ("second_12398_call", "visit_dissatisfied", "wide_impact", "ordered")
"""启动现场调查: S1.4 a, b, c, and a person who orders one."""
FINDINGS: Final = ("confirmed", "partly_confirmed", "not_confirmed", "no_access")
LINK_REASONS: Final = (
    *("same_customer", "same_account", "same_meter", "same_event", "same_outage"),
    *("opened_by", "repeat", "joined", "person"),
)
"""Why an order belongs to an issue; `person`: somebody says so."""
BYPASSES: Final = ("overdue", "dissatisfied", "archived_uncleared")
"""越级 (S1.27): how the earlier 95598 complaint was not effectively handled."""
NOT_LET_GO: Final = ("cause_found", "responsible_dealt_with", "corrected", "staff_educated")
"""四不放过 (S0.19)."""
RELAPSES: Final = ("not_solved", "second_call", "audit", "order_reopened", "follow_up")


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


class _Record:
    """A part of the head. As JSON: its fields by name, defaults left out."""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]  # every record is a dataclass
        return {name: _plain(name, value) for name, value in values.items() if value not in _NONE}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read it back."""
        return cls(**{name: _read(name, value) for name, value in raw.items()})


_NONE: Final[tuple[Any, ...]] = (None, "", (), {}, False)
_AT: Final = frozenset(
    {
        *("at", "recorded_at", "due", "occurred_at", "opened_at", "concluded_at", "closed_at"),
        *("reply_at", "archived_at", "broken_at", "replied_at"),
    }
)


def _plain(name: str, value: Any) -> Any:
    if name in _AT:
        return millis(value)
    if isinstance(value, tuple):
        return [[*entry] if isinstance(entry, tuple) else entry for entry in value]
    return dict(value) if isinstance(value, Mapping) else value


def _read(name: str, raw: Any) -> Any:
    if name in _AT:
        return instant(raw)
    if isinstance(raw, list):
        return tuple(tuple(entry) if isinstance(entry, list) else entry for entry in raw)
    return MappingProxyType(dict(raw)) if isinstance(raw, dict) else raw


@dataclass(frozen=True, slots=True)
class Linked(_Record):
    """An order of the issue, as far as its gates need it. by: whoever linked it.

    seen: the order's version that this was copied from. broken_at: when its first promise broke.
    final: it is filed, withdrawn or terminated. via: the merged issue that it came from.
    """

    reason: str
    kind: str
    channel: str
    at: datetime
    by: str
    occurred_at: datetime
    office: str = ""
    case_no: str = ""
    stage: str = ""
    seen: int = 0
    reply_at: datetime | None = None
    verdict: str = ""
    liability: str = ""
    visit: str = ""
    broken_at: datetime | None = None
    archived_at: datetime | None = None
    final: bool = False
    anonymous: bool = False
    via: str = ""
    grade: str = ""
    signs: tuple[str, ...] = ()

    @classmethod
    def of(cls, order: Order, *, reason: str, at: datetime, by: str) -> "Linked":
        """Copy what an issue keeps of an order, as the order stands."""
        replied = [
            clock.stopped_at
            for name in ("internal", "promise")
            if (clock := order.clocks.get(name)) is not None and clock.stopped_at
        ]
        broken = any("due" in c.fired for n, c in order.clocks.items() if n in _PROMISES)
        return cls(
            reason=reason,
            kind=order.kind,
            channel=order.channel,
            at=at,
            by=by,
            occurred_at=order.occurred_at,
            office=order.office,
            case_no=order.case_no,
            stage=order.stage,
            seen=order.version,
            reply_at=max(replied, default=None),
            verdict=str(order.facts.get("verdict", "")),
            liability=str(order.facts.get("liability", "")),
            visit=str(order.facts.get("visit", "")),
            broken_at=(order.moved_at or order.recorded_at) if broken else None,
            archived_at=order.closed_at if order.stage == m.ARCHIVED else None,
            final=order.stage in m.FINAL,
            anonymous=order.facts.get("anonymous") is True,
            grade=order.grade,
            signs=signs_of(order.facts),
        )


_PROMISES: Final = frozenset({"contact", "internal", "promise", "legal", "hotline", "city_hotline"})
"""Clocks of an order whose breaking means that it was not effectively handled."""


@dataclass(frozen=True, slots=True)
class Done(_Record):
    """One thing that was done in this round: by whom, when, when we heard; coded facts of it."""

    by: str
    at: datetime
    recorded_at: datetime
    role: str = ""
    late: bool = False
    facts: Mapping[str, Any] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class Visit(_Record):
    """One attempt of a return visit (回访). round: of the handling, from 0."""

    result: str
    by: str
    at: datetime
    recorded_at: datetime
    round: int = 0


@dataclass(frozen=True, slots=True)
class Bypass(_Record):
    """越级: the earlier 95598 complaint that was not effectively handled, and how."""

    order_id: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SiteInvestigation(_Record):
    """现场调查: why it was started, who looks into it, whom it is about, what came out.

    subjects: staff and offices. round: of the handling in which it was concluded.
    """

    triggers: tuple[str, ...]
    opened_at: datetime
    opened_by: str
    investigator: str = ""
    subjects: tuple[str, ...] = ()
    concluded_at: datetime | None = None
    concluded_by: str = ""
    finding: str = ""
    round: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it blocks 归档 and 销号."""
        return self.concluded_at is None


@dataclass(frozen=True, slots=True)
class Supervision(_Record):
    """督办: who asked, who owns it, until when; replies are (who, when in milliseconds)."""

    asked_by: str
    at: datetime
    owner: str
    due: datetime
    level: str = ""
    office: str = ""
    replies: tuple[tuple[str, int], ...] = ()
    closed_at: datetime | None = None
    closed_by: str = ""

    @property
    def is_open(self) -> bool:
        """Whether somebody still owes an answer, or it has not been accepted."""
        return self.closed_at is None


@dataclass(frozen=True, slots=True)
class SignOff(_Record):
    """签批: one level's word that its checklist is in place."""

    by: str
    at: datetime
    office: str = ""
    items: Mapping[str, bool] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class Paper(_Record):
    """A paper about the issue (appeal, accountability entry …) as far as the gates need it.

    finding: what a check of the line found, `minor` or `major`.
    """

    kind: str
    open: bool = False
    at: datetime | None = None
    seen: int = 0
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Issue:
    """The head of one issue. Times are aware UTC.

    path: the offices from the root to the county that watches it; host: the city unit (地市主办).
    opened_at: since when it is on the ledger; occurred_at: since when its clocks run. category:
    `level1.level2.level3` or a beginning of it. grade_level: the level that last set the grade.
    done: what was done in this round, by the name of its gate. supervised: times, all in all.
    held: clocks that stand while it is merged. fired: one-time dues that are done → when.
    """

    issue_id: str
    county: str
    office: str
    path: tuple[str, ...]
    source: str
    state: State
    opened_at: datetime
    occurred_at: datetime
    recorded_at: datetime
    version: int = 0
    tip: str = GENESIS
    assignee: str = ""
    category: str = ""
    theme: str = ""
    grade: str = GRADES[0]
    grade_level: str = LEVELS[0]
    first_contact_owner: str = ""
    tendency: bool = False
    anonymous: bool = False
    confidential: bool = False
    service_event: bool = False
    training: bool = False
    hotline_calls: int = 0
    round: int = 0
    relapses: int = 0
    returned: int = 0
    words_added: int = 0
    follow_up_on: date | None = None
    parent: str = ""
    state_before: str = ""
    held: tuple[str, ...] = ()
    moved_at: datetime | None = None
    cleared_at: datetime | None = None
    closed_at: datetime | None = None
    next_due_at: datetime | None = None
    bypass: Bypass | None = None
    site: SiteInvestigation | None = None
    orders: Mapping[str, Linked] = field(default_factory=_empty)
    done: Mapping[str, Done] = field(default_factory=_empty)
    visits: Mapping[str, Visit] = field(default_factory=_empty)
    supervisions: Mapping[str, Supervision] = field(default_factory=_empty)
    sign_offs: Mapping[str, SignOff] = field(default_factory=_empty)
    papers: Mapping[str, Paper] = field(default_factory=_empty)
    absorbed: Mapping[str, datetime] = field(default_factory=_empty)
    clocks: Mapping[str, Clock] = field(default_factory=_empty)
    fired: Mapping[str, datetime] = field(default_factory=_empty)

    @property
    def host(self) -> str:
        """The city unit that hosts it (地市主办); the lowest there is where no city is."""
        return self.path[min(1, len(self.path) - 1)] if self.path else self.county

    @property
    def levels(self) -> Mapping[str, str]:
        """The offices on its path by level, lowest first: county, city, province."""
        found = dict(zip(reversed(LEVELS), self.path, strict=False))
        return MappingProxyType({level: found[level] for level in LEVELS if level in found})

    def fact(self, step: str, name: str) -> Any:
        """Return a coded fact of what was done in this round, or None."""
        known = self.done.get(step)
        return None if known is None else known.facts.get(name)

    @property
    def verdict(self) -> str:
        """属实、部分属实、不属实, or nothing yet."""
        return str(self.fact("decided", "verdict") or "")

    @property
    def liability(self) -> str:
        """供电责任 or 非供电责任, or nothing yet."""
        return str(self.fact("decided", "liability") or "")

    @property
    def is_liable(self) -> bool:
        """Whether it was found upheld, in part at least, and ours to answer for."""
        return self.verdict in UPHELD and self.liability == LIABILITIES[0]

    @property
    def is_overdue(self) -> bool:
        """Whether a clock has run out that still runs."""
        return any(c.is_running and "due" in c.fired for c in self.clocks.values())

    @property
    def regulator_waits(self) -> bool:
        """Whether a clock of the regulator runs, which our clearing does not end."""
        return any(c.is_running for name, c in self.clocks.items() if name.startswith(REGULATOR))

    @property
    def round_visits(self) -> tuple[Visit, ...]:
        """The attempts of this round, oldest first."""
        mine = [v for v in self.visits.values() if v.round == self.round]
        return tuple(sorted(mine, key=lambda visit: visit.at))

    @property
    def files(self) -> tuple[str, ...]:
        """The evidence."""
        return tuple(self.fact("evidence", "files") or ())

    def to_json(self) -> dict[str, Any]:
        """Return the head as plain JSON with short keys, defaults left out."""
        return FOLD.to_json(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Issue":
        """Read `to_json` back."""
        return FOLD.from_json(raw)


UPHELD: Final = frozenset(VERDICTS[:2])

FOLD: Final = Fold(
    Issue,
    {
        "issue_id": "id",
        "county": "c",
        "office": "o",
        "path": "pa",
        "source": "so",
        "state": "s",
        "opened_at": "op",
        "occurred_at": "oa",
        "recorded_at": "ra",
        "version": "v",
        "tip": "t",
        "assignee": "as",
        "category": "ca",
        "theme": "th",
        "grade": "g",
        "grade_level": "gl",
        "first_contact_owner": "fo",
        "tendency": "te",
        "anonymous": "an",
        "confidential": "cf",
        "service_event": "se",
        "training": "tr",
        "hotline_calls": "hc",
        "round": "rn",
        "relapses": "rl",
        "returned": "rt",
        "words_added": "wa",
        "follow_up_on": "fu",
        "parent": "p",
        "state_before": "sb",
        "held": "hl",
        "moved_at": "ma",
        "cleared_at": "cd",
        "closed_at": "co",
        "next_due_at": "nd",
        "bypass": "by",
        "site": "si",
        "orders": "or",
        "done": "dn",
        "visits": "vi",
        "supervisions": "sv",
        "sign_offs": "sg",
        "papers": "pp",
        "absorbed": "ab",
        "clocks": "cl",
        "fired": "fi",
    },
    codecs={
        "state": (str, State),
        "path": TUPLE,
        "held": TUPLE,
        "opened_at": INSTANT,
        "occurred_at": INSTANT,
        "recorded_at": INSTANT,
        "moved_at": INSTANT,
        "cleared_at": INSTANT,
        "closed_at": INSTANT,
        "next_due_at": INSTANT,
        "follow_up_on": (date.isoformat, date.fromisoformat),
        "bypass": (Bypass.to_json, Bypass.from_json),
        "site": (SiteInvestigation.to_json, SiteInvestigation.from_json),
    },
    merged={
        "orders": (Linked.to_json, Linked.from_json),
        "done": (Done.to_json, Done.from_json),
        "visits": (Visit.to_json, Visit.from_json),
        "supervisions": (Supervision.to_json, Supervision.from_json),
        "sign_offs": (SignOff.to_json, SignOff.from_json),
        "papers": (Paper.to_json, Paper.from_json),
        "absorbed": INSTANT,
        "clocks": (Clock.to_json, Clock.from_json),
        "fired": INSTANT,
    },
)


# Folding --------------------------------------------------------------------------------------


CHAIN: Final = "issue/"


def aggregate(issue_id: str) -> str:
    """Return the name of the issue's chain in the ledger."""
    return f"{CHAIN}{issue_id}"


def issue_id_of(chain: str) -> str:
    """Return the id of the issue that a chain is of."""
    return chain.removeprefix(CHAIN)


def is_issue(chain: str) -> bool:
    """Return whether a chain is an issue's."""
    return chain.startswith(CHAIN)


def apply(issue: Issue | None, event: Event) -> Issue:
    """Fold one event into the head. Needs no table: the event says what it changed."""
    own_id = issue_id_of(event.aggregate)
    own = {"issue_id": own_id, "version": event.seq, "tip": event.hash}
    return FOLD.apply(issue, event.changes, own=own)


def verify(issue_id: str, links: Iterable[Link]) -> Issue:
    """Fold a whole chain and return its head. Raises BrokenChain as an order's does."""
    first, *rest = trusted(aggregate(issue_id), links)
    return reduce(apply, rest, apply(None, first))


def verify_against(head: Issue, links: Iterable[Link]) -> Issue:
    """Verify a chain and that `head` is its fold. Raises BrokenChain."""
    folded = verify(head.issue_id, links)
    compare(head, folded)
    return folded


# The table of commands ------------------------------------------------------------------------

FIELD: Final = m.HANDLERS | m.DESK
"""The county does the field work (S1.3)."""
OVERSEERS: Final = m.OVERSEERS
SIGNERS: Final = m.OVERSEERS
VISITORS: Final = m.VISITORS | {Role.CITY_HOST}
INVESTIGATORS: Final = m.OVERSEERS | {Role.DISCIPLINE}
SYSTEM: Final = m.SYSTEM
CITIZEN: Final = m.CITIZEN
STAFF: Final = frozenset(Role) - {Role.ADMIN, Role.AUDITOR}


@dataclass(frozen=True, slots=True)
class Command:
    """One command: the states it may be given in, by whom, what it asks for, and why it exists.

    public: it is shown to the citizen.
    """

    states: frozenset[State]
    who: frozenset[str]
    why: str
    needs: tuple[Need, ...] = ()
    public: bool = False


NOTE: Final = m.NOTE
SAID: Final = Need("note", Form.TEXT, longest=1000)
CATEGORY: Final = Need("category", Form.CODE, required=False)

COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "link": Command(
            ACTIVE,
            FIELD | OVERSEERS | SYSTEM | {Role.AGENT, Role.DISCIPLINE},
            "关联工单: same customer, event, meter or outage; the reason is kept",
            (Need("order", Form.ORDER), Need("reason", Form.CHOICE, choices=LINK_REASONS), NOTE),
        ),
        "unlink": Command(
            ACTIVE,
            FIELD | OVERSEERS | SYSTEM,
            "解除关联: possible until clearing",
            (Need("order", Form.ORDER), SAID),
        ),
        "hotline_call": Command(
            ACTIVE,
            FIELD | OVERSEERS | SYSTEM | {Role.AGENT},
            "12398 was called again about the same issue (S1.4a)",
            (Need("case_no", Form.CODE), NOTE),
        ),
        "flag_bypass": Command(
            ACTIVE,
            OVERSEERS | SYSTEM,
            "越级: the earlier 95598 complaint was not effectively handled (S1.27)",
            (Need("order", Form.ORDER), Need("bypass", Form.CHOICE, choices=BYPASSES)),
        ),
        "classify": Command(
            ACTIVE,
            FIELD | OVERSEERS | SYSTEM | {Role.AGENT, Role.DISCIPLINE},
            "分类分级: category, theme, grade (S1.7, S1.30); a lower grade needs a reason and a "
            "higher level",
            (
                CATEGORY,
                Need("theme", Form.CODE, required=False),
                Need("grade", Form.CHOICE, required=False, choices=GRADES),
                Need("reason", Form.CHOICE, required=False, choices=m.GRAVER),
                Need("service_event", Form.FLAG, required=False),
                NOTE,
            ),
        ),
        "assign": Command(
            WORKED,
            m.DESK | OVERSEERS | SYSTEM,
            "派发: the unit that handles it (S0.24); with a due instant it is a 转办单 with the "
            "county's own clock",
            (m.OFFICE, m.STAFF, Need("due", Form.INSTANT, required=False), NOTE),
        ),
        "contact": Command(
            WORKED,
            FIELD | {Role.AGENT},
            "联系客户: within the contact limit the customer hears from a person; what is entered "
            "late must say when it was",
            (
                Need("by", Form.CHOICE, choices=MEANS),
                Need("contacted_at", Form.INSTANT, required=False),
                SAID,
            ),
            public=True,
        ),
        "investigate": Command(
            WORKED,
            FIELD | OVERSEERS,
            "五段调查: facts, course, exposed problem, measure, advice",
            tuple(Need(name, Form.TEXT, longest=2000) for name in SECTIONS),
            public=True,
        ),
        "evidence": Command(
            WORKED,
            FIELD | OVERSEERS,
            "证据: what the verdict rests on",
            (Need("files", Form.FILES), NOTE),
        ),
        "decide": Command(
            WORKED,
            m.DESK | OVERSEERS,
            "认定: upheld or not, ours or not; never without evidence",
            (
                Need("verdict", Form.CHOICE, choices=VERDICTS),
                Need("liability", Form.CHOICE, choices=LIABILITIES),
                NOTE,
            ),
        ),
        "attribute": Command(
            WORKED,
            m.DESK | OVERSEERS,
            "归因: staff cause to the person, management cause to the department (S1.26); never to "
            "nobody",
            (
                Need("attribution", Form.CHOICE, choices=ATTRIBUTIONS),
                m.STAFF,
                Need("department", Form.CHOICE, required=False, choices=DEPARTMENTS),
                NOTE,
            ),
        ),
        "root_cause": Command(
            WORKED,
            FIELD | OVERSEERS,
            "根因 (S1.6)",
            (Need("root_cause", Form.CHOICE, choices=ROOT_CAUSES), NOTE),
        ),
        "measure": Command(
            WORKED,
            FIELD | OVERSEERS,
            "措施: what was done; a new one must be matched anew",
            (Need("measure", Form.CHOICE, choices=MEASURES), SAID),
            public=True,
        ),
        "match": Command(
            WORKED,
            m.DESK | OVERSEERS,
            "核实解决措施与客户诉求的匹配度, by somebody else than who took the measure (S1.31)",
            (Need("matches", Form.FLAG), NOTE),
        ),
        "reply": Command(
            WORKED,
            FIELD | OVERSEERS,
            "答复: the customer hears what was found and done (S1.32)",
            (SAID,),
            public=True,
        ),
        "four_not_let_go": Command(
            WORKED,
            m.DESK | OVERSEERS,
            "四不放过 of a service event (S0.19)",
            (*(Need(name, Form.FLAG) for name in NOT_LET_GO), NOTE),
        ),
        "record_violation": Command(
            WORKED,
            m.DESK | OVERSEERS,
            "累积: a violation counts for the unit and the person (S0.25)",
            (Need("behaviour", Form.CODE, required=False), NOTE),
        ),
        "visit": Command(
            WORKED,
            VISITORS,
            "回访: three attempts, two hours apart, none in quiet hours; unreached is a result, "
            "dissatisfied reopens (S1.4b)",
            (
                Need("result", Form.CHOICE, choices=VISIT_RESULTS),
                Need("visited_at", Form.INSTANT, required=False),
                SAID,
            ),
            public=True,
        ),
        "open_site_investigation": Command(
            ACTIVE,
            INVESTIGATORS | SYSTEM,
            "启动现场调查 (S1.4): blocks 归档 of its orders and 销号 until it concludes",
            (
                Need("trigger", Form.CHOICE, choices=TRIGGERS),
                Need("investigator", Form.STAFF, required=False),
                Need("subject", Form.STAFF, required=False),
                NOTE,
            ),
        ),
        "conclude_site_investigation": Command(
            ACTIVE,
            INVESTIGATORS,
            "现场调查结论: never by whom it is about",
            (Need("finding", Form.CHOICE, choices=FINDINGS), SAID),
        ),
        "supervise": Command(
            ACTIVE,
            OVERSEERS | SYSTEM,
            "督办: the functional department supervises, with owner and due (S0.31, S1.3)",
            (
                Need("owner", Form.STAFF, required=False),
                Need("due", Form.INSTANT, required=False),
                NOTE,
            ),
        ),
        "supervision_reply": Command(
            ACTIVE,
            FIELD | OVERSEERS,
            "督办回复: what was done about it",
            (Need("supervision", Form.CODE), SAID),
        ),
        "supervision_close": Command(
            ACTIVE,
            OVERSEERS,
            "督办办结: accepted by who asked, never by its owner",
            (Need("supervision", Form.CODE), NOTE),
        ),
        "note_tendency": Command(
            ACTIVE,
            FIELD | OVERSEERS | SYSTEM | {Role.AGENT, Role.RETURN_VISITOR},
            "越级倾向: not to record it is a serious error (S1.30)",
            (NOTE,),
        ),
        "regulator_accepted": Command(
            NOT_MERGED,
            OVERSEERS | SYSTEM,
            "12398: the regulator takes the case; its sixty days begin",
            (Need("accepted_at", Form.INSTANT, required=False), NOTE),
        ),
        "regulator_extended": Command(
            NOT_MERGED,
            OVERSEERS | SYSTEM,
            "12398: the regulator takes up to thirty days more, once",
            (NOTE,),
        ),
        "regulator_closed": Command(
            NOT_MERGED,
            OVERSEERS | SYSTEM,
            "12398: the regulator has closed the case, or does not take it",
            (NOTE,),
        ),
        "plan_follow_up": Command(
            ACTIVE,
            m.DESK | OVERSEERS,
            "后续跟踪: the day on which somebody looks again, set before clearing (S1.11)",
            (Need("follow_up_on", Form.INSTANT),),
        ),
        "sign": Command(
            frozenset({State.HANDLING, State.SIGNING}),
            SIGNERS,
            "签批: county, city, province, each with its checklist (处理到位标准, S1.19)",
        ),
        "return_sign": Command(
            frozenset({State.SIGNING}),
            SIGNERS,
            "退回: an item of the checklist is not in place; it is handled again",
            (SAID,),
        ),
        "clear": Command(
            ACTIVE,
            SIGNERS,
            "销号: every gate is met, every level has signed (S1.2, S1.7); in part is refused",
            (NOTE,),
            public=True,
        ),
        "follow_up": Command(
            frozenset({State.CLEARED}),
            FIELD | VISITORS | OVERSEERS,
            "跟踪: still good, or a relapse that reopens the same line (S1.11)",
            (Need("result", Form.CHOICE, choices=("ok", "relapse")), SAID),
            public=True,
        ),
        "reopen": Command(
            DONE,
            OVERSEERS | m.DESK | SYSTEM,
            "重新开启: the same line, however long ago it was cleared",
            (Need("reason", Form.CHOICE, choices=RELAPSES), NOTE),
            public=True,
        ),
        "merge": Command(
            WORKED,
            m.DESK | OVERSEERS,
            "并入: two lines of one issue become one; never into itself or in a circle",
            (Need("into", Form.ORDER), SAID),
        ),
        "absorb": Command(ACTIVE, m.DESK | OVERSEERS, "The other line's side of a merger"),
        "unmerge": Command(
            frozenset({State.MERGED}),
            m.DESK | OVERSEERS,
            "撤销并入: until the line that took it in is cleared",
            (SAID,),
        ),
        "release": Command(ACTIVE, m.DESK | OVERSEERS, "The other side of undoing a merger"),
        "terminate": Command(
            ACTIVE,
            frozenset({Role.SUPERVISOR, Role.LEADER, Role.CITY_HOST, Role.PROVINCE_MONITOR}),
            "服务终止: claims above the rules after proper handling; from the city upwards",
            (Need("reason", Form.CHOICE, choices=m.TERMINATIONS), SAID),
            public=True,
        ),
        "order_moved": Command(
            frozenset(State), SYSTEM, "What happened to a linked order, copied here"
        ),
        "paper_moved": Command(
            frozenset(State), SYSTEM, "What happened to a paper about it, copied here"
        ),
        "add": Command(
            ACTIVE | DONE,
            CITIZEN | FIELD | {Role.AGENT},
            "补充: whoever complained says more",
            (SAID, m.PHOTOS),
            public=True,
        ),
        "not_solved": Command(
            frozenset({State.HANDLING, State.SIGNING}) | DONE,
            CITIZEN | VISITORS,
            "没有解决: the customer says so; it is handled again",
            (SAID,),
            public=True,
        ),
    }
)
"""Every command but the opening. Whoever gives it also needs the capability and the office.

`sign` asks for the items of its level's checklist, `needs_now` in `issue_gates.py`."""


# What an event causes -------------------------------------------------------------------------


def effects(event: Event) -> tuple[Effect, ...]:
    """Return what an event causes in the world, a pure function of the event.

    alert: tell a duty desk (clock, due, target). raise: the order becomes as grave as its issue.
    hold: the order carries the block of a site
    investigation from now on; unhold: it is over. join, leave: the order is of this issue, or is
    not any more. wish: what the event asks for by itself is looked at (triggers.py). A training
    issue causes nothing.
    """
    data = event.data
    if data.get("training"):
        return ()
    made = [
        Effect(
            f"{event.seq}.alert.{clock}.{rung}",
            "alert",
            rung,
            {"clock": clock, "due": due_ms, "target": target},
        )
        for clock, rung, due_ms, target in data.get("rungs", ())
        if rung not in WARNINGS
    ]
    made += [
        Effect(f"{event.seq}.{kind}.{order}", kind, order, {"order": order})
        for kind in ("hold", "unhold")
        for order in data.get(kind, ())
    ]
    made += [
        Effect(f"{event.seq}.raise.{order}", "raise", order, {"order": order, "grade": grade})
        for order, grade in data.get("raises", ())
    ]
    if event.name in {"opened", "link", "unlink"}:
        made += [
            Effect(f"{event.seq}.{kind}.{order}", kind, order, {"order": order})
            for order, linked in event.changes.get("orders", {}).items()
            for kind in (["leave"] if linked is None else ["join"])
        ]
    if event.name in WISHING:
        made.append(Effect(f"{event.seq}.wish.triggers", "wish", "triggers"))
    return tuple(made)


GROWING: Final = frozenset({"opened", "link", "absorb", "hotline_call"})
"""Events by which an issue takes something in."""
WISHING: Final = GROWING | {"classify", "visit", "order_moved", "note_tendency"}
"""Events after which an issue may start something by itself."""


OUTSIDERS: Final = frozenset(Outsider)
