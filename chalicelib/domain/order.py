"""The work order (工单): a head that is the fold of its own events, and the events themselves.

History is the truth. Every event carries what it changed, the hash of the event before it, and no
personal data: words, names and phones live elsewhere and are present here only as a salted digest,
so erasing a person leaves every chain verifiable. Folding needs no procedure table: what a step
changed is written in the event, so a table that changes next year cannot change last year.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from types import MappingProxyType
from typing import Any, Final, Protocol

from .clocks import Clock, instant, millis
from .fold import INSTANT, PLAIN, TUPLE, Fold

GENESIS: Final = "0" * 64
GRADES: Final = ("general", "important", "major", "special")
"""How grave a complaint is, lowest first: State Grid's 一般、重要、重大、特殊; Southern Grid's
一般、较大、重大、特大 stand in the same places."""
NUMBER_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: a role or an outsider's kind, an id that is not a name, and their office."""

    role: str
    actor_id: str
    office_id: str = ""

    def to_json(self) -> list[str]:
        """Return the compact form."""
        return [self.role, self.actor_id, self.office_id]


@dataclass(frozen=True, slots=True)
class Suspension:
    """A hold (挂起) while the customer is the actor: why, since when, at the latest until when."""

    reason: str
    since: datetime
    until: datetime

    def to_json(self) -> list[Any]:
        """Return the compact form."""
        return [self.reason, millis(self.since), millis(self.until)]

    @classmethod
    def from_json(cls, raw: Any) -> "Suspension":
        """Read it back."""
        return cls(raw[0], instant(raw[1]), instant(raw[2]))


REPAIRS: Final = "outage"
"""The channel by which an outage files its repair order; `case_no` is then the outage's id."""


@dataclass(frozen=True, slots=True)
class Order:
    """The head of one order. Times are aware UTC; `clocks` hold facts, never remainders.

    occurred_at is when the report was made, recorded_at when we heard of it. `office` is the one
    responsible now, `county` the desk that watches it. `facts` are the coded answers collected on
    the way (terrain, verdict, visit result …): text, numbers and booleans, nothing personal.
    grade: one of GRADES, empty for kinds that are not graded.
    """

    order_id: str
    kind: str
    stage: str
    county: str
    office: str
    occurred_at: datetime
    recorded_at: datetime
    version: int = 0
    tip: str = GENESIS
    sub_type: str = ""
    channel: str = "web"
    case_no: str = ""
    assignee: str = ""
    first_contact_owner: str = ""
    grade: str = ""
    parent: str = ""
    children: tuple[str, ...] = ()
    stage_before: str = ""
    moved_at: datetime | None = None
    reminded_at: datetime | None = None
    closed_at: datetime | None = None
    suspended: Suspension | None = None
    training: bool = False
    late_entered: bool = False
    bounces: int = 0
    expedites: int = 0
    reopened: int = 0
    visits: int = 0
    told: int = 0
    provisional: bool = False
    next_due_at: datetime | None = None
    clocks: Mapping[str, Clock] = field(default_factory=lambda: MappingProxyType({}))
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def repairs(self) -> str:
        """The outage whose repair order it is; empty for others."""
        return self.case_no if self.channel == REPAIRS else ""

    def to_json(self) -> dict[str, Any]:
        """Return the head as plain JSON with short keys, defaults left out."""
        return FOLD.to_json(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Order":
        """Read `to_json` back."""
        return FOLD.from_json(raw)


FOLD: Final = Fold(
    Order,
    {
        "order_id": "id",
        "kind": "k",
        "sub_type": "st",
        "stage": "s",
        "county": "c",
        "office": "o",
        "occurred_at": "oa",
        "recorded_at": "ra",
        "version": "v",
        "tip": "t",
        "channel": "ch",
        "case_no": "cn",
        "assignee": "as",
        "first_contact_owner": "fo",
        "grade": "g",
        "parent": "p",
        "children": "cs",
        "stage_before": "sb",
        "moved_at": "ma",
        "reminded_at": "rm",
        "closed_at": "ca",
        "suspended": "su",
        "training": "tr",
        "late_entered": "le",
        "bounces": "b",
        "expedites": "e",
        "reopened": "re",
        "visits": "vi",
        "told": "to",
        "provisional": "pr",
        "next_due_at": "nd",
        "clocks": "cl",
        "facts": "f",
    },
    codecs={
        "occurred_at": INSTANT,
        "recorded_at": INSTANT,
        "moved_at": INSTANT,
        "reminded_at": INSTANT,
        "closed_at": INSTANT,
        "next_due_at": INSTANT,
        "children": TUPLE,
        "suspended": (Suspension.to_json, Suspension.from_json),
    },
    merged={"clocks": (Clock.to_json, Clock.from_json), "facts": PLAIN},
)


@dataclass(frozen=True, slots=True)
class Event:
    """One immutable step of a chain.

    name: the move, `opened`, or `timer`. changes: field → new value, in the head's own JSON
    (clocks and facts are merged by key; a fact set to None is removed). data: coded facts about
    this step (reason, rungs fired). tells: names of the texts that it causes. digest: of the
    personal words that came with it, salted with a salt that is erased with them.
    """

    aggregate: str
    seq: int
    name: str
    occurred_at: datetime
    recorded_at: datetime
    actor: Actor
    changes: Mapping[str, Any]
    data: Mapping[str, Any] = field(default_factory=dict)
    tells: tuple[str, ...] = ()
    digest: str = ""
    prev: str = GENESIS

    def body(self) -> str:
        """Return the canonical text that is hashed and stored: sorted keys, no spaces, UTF-8."""
        raw: dict[str, Any] = {
            "a": self.aggregate,
            "n": self.seq,
            "e": self.name,
            "oa": millis(self.occurred_at),
            "ra": millis(self.recorded_at),
            "by": self.actor.to_json(),
            "ch": dict(self.changes),
        }
        if self.data:
            raw["d"] = dict(self.data)
        if self.tells:
            raw["tl"] = list(self.tells)
        if self.digest:
            raw["dg"] = self.digest
        return canonical(raw)

    @property
    def hash(self) -> str:
        """SHA-256 over the hash before and the canonical body, in hex."""
        return link(self.prev, self.body())

    @classmethod
    def from_body(cls, body: str, *, prev: str) -> "Event":
        """Read a stored body back. Raises ValueError or KeyError when it is no event."""
        raw = json.loads(body)
        return cls(
            aggregate=raw["a"],
            seq=raw["n"],
            name=raw["e"],
            occurred_at=instant(raw["oa"]),
            recorded_at=instant(raw["ra"]),
            actor=Actor(*raw["by"]),
            changes=raw["ch"],
            data=raw.get("d", {}),
            tells=tuple(raw.get("tl", ())),
            digest=raw.get("dg", ""),
            prev=prev,
        )


def canonical(raw: Any) -> str:
    """Return JSON text of which there is exactly one for each value."""
    return json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def link(prev: str, body: str) -> str:
    """Return the hash of an event: the chain's next link."""
    return hashlib.sha256(f"{prev}\n{body}".encode()).hexdigest()


def salted_digest(words: Mapping[str, Any], salt: bytes) -> str:
    """Return the digest by which erased words could once be proven. salt: at least 16 bytes."""
    return hmac.new(salt, canonical(words).encode(), hashlib.sha256).hexdigest()


# What a timeline tells ------------------------------------------------------------------------

BROKEN: Final = "promise_broken"


@dataclass(frozen=True, slots=True)
class Milestone:
    """What the citizen's timeline needs of one event: codes and an instant, nothing personal.

    at: when it happened, to the second. office: whose step it was, empty for the citizen's own.
    """

    name: str
    at: datetime
    office: str = ""
    reason: str = ""
    kind: str = ""
    late: bool = False


def milestone(event: Event) -> Milestone | None:
    """Return what a timeline may tell of an event; None for a timer that broke no promise.

    Whether it is told is for the procedures to say, which may change; this does not.
    """
    if event.name == "timer" and BROKEN not in event.tells:
        return None
    return Milestone(
        event.name,
        event.occurred_at.replace(microsecond=0),
        office=str(event.data.get("office") or event.actor.office_id),
        reason=str(event.data.get("reason", "")),
        kind=str(event.data.get("kind", "")),
        late=was_late(event),
    )


def was_late(event: Event) -> bool:
    """Return whether a step was entered after the fact (补录)."""
    return bool(event.data.get("late") or event.changes.get("late_entered"))


def milestones(events: Iterable[Event]) -> tuple[Milestone, ...]:
    """Return what a timeline may tell of a whole chain, oldest first."""
    return tuple(found for event in events if (found := milestone(event)) is not None)


# The chain ------------------------------------------------------------------------------------


class BrokenChain(Exception):
    """A chain that does not hold. seq: the first event that is wrong; why: a slug."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"event {seq}: {why}")
        self.seq = seq
        self.why = why


def apply(order: Order | None, event: Event) -> Order:
    """Fold one event into the head. Total for events that `advance` and `open_order` made."""
    own = {"order_id": event.aggregate, "version": event.seq, "tip": event.hash}
    return FOLD.apply(order, event.changes, own=own)


@dataclass(frozen=True, slots=True)
class Link:
    """One stored row of a chain, as it was read: nothing about it is trusted."""

    seq: int
    body: str
    prev: str
    hash: str


def trusted(aggregate: str, links: Iterable[Link]) -> Iterator[Event]:
    """Yield the events of any aggregate's chain, each once its link has been checked.

    Raises BrokenChain naming the first event that was edited, deleted, reordered or added.
    """
    prev, expected = GENESIS, 1
    for row in links:
        yield _trusted(row, aggregate, prev=prev, expected=expected)
        prev, expected = row.hash, expected + 1
    if expected == 1:
        raise BrokenChain(1, "missing")


def is_order(chain: str) -> bool:
    """Return whether a chain is an order's: all others name what they are of before a slash."""
    return "/" not in chain


def verify(aggregate: str, links: Iterable[Link]) -> Order:
    """Fold a whole chain and return its head. Raises BrokenChain as `trusted` does."""
    first, *rest = trusted(aggregate, links)
    return reduce(apply, rest, apply(None, first))


class Head(Protocol):
    """What every aggregate's head has: how far its chain went, and its fold as JSON."""

    @property
    def version(self) -> int:
        """The number of its last event."""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""


def verify_against(
    head: Order, links: Iterable[Link], *, told: tuple[Milestone, ...] | None = None
) -> Order:
    """Verify a chain and that `head` is its fold: a cut tail or an edited head shows here.

    told: the milestones that are kept beside the head, if they are; they must be the chain's too.
    """
    links = list(links)
    folded = verify(head.order_id, links)
    compare(head, folded)
    if told is not None and told != milestones(
        Event.from_body(row.body, prev=row.prev) for row in links
    ):
        raise BrokenChain(folded.version, "head-differs")
    return folded


def compare(head: Head, folded: Head) -> None:
    """Raise BrokenChain unless a stored head is what its chain folds to."""
    if folded.version < head.version:
        raise BrokenChain(folded.version + 1, "missing")
    if folded.version > head.version:
        raise BrokenChain(head.version + 1, "head-behind")
    if folded.to_json() != head.to_json():
        raise BrokenChain(folded.version, "head-differs")


def _trusted(row: Link, aggregate: str, *, prev: str, expected: int) -> Event:
    if row.seq != expected:
        raise BrokenChain(expected, "missing")
    if row.prev != prev:
        raise BrokenChain(expected, "unlinked")
    if link(row.prev, row.body) != row.hash:
        raise BrokenChain(expected, "edited")
    try:
        event = Event.from_body(row.body, prev=row.prev)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BrokenChain(expected, "unreadable") from None
    if event.seq != row.seq or event.aggregate != aggregate:
        raise BrokenChain(expected, "moved")
    return event


# Numbers --------------------------------------------------------------------------------------


def order_number(secret: bytes, caller: str, key: str, *, attempt: int = 0) -> str:
    """Return the order's id and public number: 16 digits, the last one a check digit.

    It comes from who asked and their Idempotency-Key, so the same intention always gets the same
    number and the order's own existence is the idempotency. `attempt` is raised only when another
    intention already has the number (fifteen digits can collide; the body's hash tells).
    Digits alone, because numbers are read out over the telephone.
    """
    message = f"order\n{caller}\n{key}\n{attempt}".encode()
    mac = hmac.new(secret, message, hashlib.sha256).digest()
    payload = str(
        int.from_bytes(mac[:8], "big") % 9 * 10 ** (NUMBER_DIGITS - 1)
        + int.from_bytes(mac[8:16], "big") % 10 ** (NUMBER_DIGITS - 1)
    )
    payload = str(int(payload) + 10 ** (NUMBER_DIGITS - 1))
    return payload + check_digit(payload)


def check_digit(payload: str) -> str:
    """Return the ISO 7064 MOD 11,10 check digit (GB/T 17710): finds every single wrong digit."""
    rest = 10
    for digit in payload:
        rest = (rest + int(digit)) % 10 or 10
        rest = rest * 2 % 11
    return str((11 - rest) % 10)


def is_order_number(text: str) -> bool:
    """Return whether `text` is sixteen ASCII digits with the right check digit."""
    whole = len(text) == NUMBER_DIGITS + 1 and text.isascii() and text.isdigit()
    return whole and check_digit(text[:-1]) == text[-1]
