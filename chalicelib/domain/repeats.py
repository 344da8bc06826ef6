"""Which complaints are about one issue (重复投诉): compared two by two, each with its reason.

Compared is what is coded, never what was said: the telephone by its keyed hash (however it was
typed), the account and its meter, the place, the outage, what it is about and when. A reason that
is certain links by itself; any other is a proposal, which a person accepts or not. Another event of
the same customer is another issue.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from .categories import is_lasting, matter_of
from .clocks import Rules


class Reason(StrEnum):
    """Why two orders belong together, the strongest first."""

    NAMED = "named"
    """The customer, or who took the call, named the earlier order."""
    SAME_CUSTOMER = "same_customer"
    """One telephone, or several of one account."""
    SAME_METER = "same_meter"
    """One account, another person: who lives there too."""
    SAME_OUTAGE = "same_outage"
    SAME_EVENT = "same_event"
    """One place, one matter, one time: a neighbour."""


class Agreement(StrEnum):
    """How what two orders are about agrees."""

    SAME = "same"
    OPEN = "open"
    """At least one does not say."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Trace:
    """What may be compared of one order. Nothing in it names anybody.

    at: when it was reported. people: keyed hashes of telephones: the caller's, and where it is one
    of the account's, those too. account, meters: keyed hashes. event_on: the local day of what it
    is about, where the customer names one. closed_at: None while it is open. unsolved: the customer
    said so, at a visit or later. names: the earlier order that it names.
    """

    order_id: str
    kind: str
    at: datetime
    county: str = ""
    people: frozenset[str] = frozenset()
    account: str = ""
    meters: frozenset[str] = frozenset()
    place: str = ""
    category: str = ""
    outage: str = ""
    event_on: date | None = None
    closed_at: datetime | None = None
    unsolved: bool = False
    confidential: bool = False
    names: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """That an order belongs to an earlier one. certainty: of 100; why: every reason found."""

    order_id: str
    reason: Reason
    certainty: int
    is_certain: bool
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Windows:
    """How far apart two may be, the first two since the earlier one was closed.

    soon: what comes back so soon was not solved. event: between two reports.
    """

    customer: timedelta
    soon: timedelta
    event: timedelta

    @classmethod
    def of(cls, rules: Rules, at: datetime) -> "Windows":
        """Return what an office's rules say at an instant."""
        return cls(
            customer=rules.limit("repeat.customer_window", at).duration,
            soon=rules.limit("reopen.window", at).duration,
            event=rules.limit("repeat.event_window", at).duration,
        )


CERTAIN: Final = 85
"""From here two are linked without asking. [design]"""
NAMED_SCORE, OUTAGE_SCORE, LASTING_SCORE, UNSOLVED_SCORE, METER_SCORE = 100, 97, 95, 92, 87
UNCLEAR_SCORE, SOLVED_SCORE, NEIGHBOUR_SCORE, PLACE_SCORE = 70, 60, 55, 50
COMPLAINTS: Final = frozenset({"complaint", "grievance"})
REPEATABLE: Final = frozenset({"complaint", "opinion", "grievance"})


def compare(new: Trace, earlier: Trace, *, windows: Windows) -> Match | None:
    """Return why a new order belongs to an earlier one, or None.

    What is confidential is compared with its like alone, and nothing across counties.
    """
    if new.order_id == earlier.order_id or earlier.at > new.at:
        return None
    if (new.confidential, new.county) != (earlier.confidential, earlier.county):
        return None
    if new.names == earlier.order_id:
        return _match(earlier, {Reason.NAMED: NAMED_SCORE})
    scores = {
        reason: score
        for reason, score in (
            (Reason.SAME_CUSTOMER, _customer(new, earlier, windows)),
            (Reason.SAME_METER, _meter(new, earlier, windows)),
            (Reason.SAME_OUTAGE, _outage(new, earlier)),
            (Reason.SAME_EVENT, _event(new, earlier, windows)),
        )
        if score
    }
    return _match(earlier, scores) if scores else None


def matches(new: Trace, earlier: Iterable[Trace], *, windows: Windows) -> tuple[Match, ...]:
    """Return what a new order may belong to, the surest first, then the latest."""
    known = {each.order_id: each for each in earlier}
    found = [found for each in known.values() if (found := compare(new, each, windows=windows))]
    return tuple(
        sorted(found, key=lambda one: (-one.certainty, -known[one.order_id].at.timestamp()))
    )


def is_repeated(new: Trace, earlier: Trace, *, windows: Windows) -> bool:
    """Return whether this is a repeated complaint (重复投诉) by its definition.

    The earlier one is closed, the same customer comes about the same event, and wants it gone on
    with, as coming again says. Source: a Southern Grid service examination, §2.3 of our facts.
    """
    found = compare(new, earlier, windows=windows)
    return (
        found is not None
        and new.kind in COMPLAINTS
        and earlier.kind in REPEATABLE
        and earlier.closed_at is not None
        and earlier.closed_at <= new.at
        and found.is_certain
        and bool({Reason.SAME_CUSTOMER, Reason.NAMED} & set(found.why))
    )


def _match(earlier: Trace, scores: dict[Reason, int]) -> Match:
    reason = max(scores, key=lambda each: scores[each])
    best = scores[reason]
    return Match(earlier.order_id, reason, best, best >= CERTAIN, tuple(scores))


# One reason each: 0 for none, else its certainty ------------------------------------------------


def _customer(new: Trace, earlier: Trace, windows: Windows) -> int:
    if not new.people & earlier.people or not _within(new, earlier, windows.customer):
        return 0
    return _about(new, earlier, windows)


def _meter(new: Trace, earlier: Trace, windows: Windows) -> int:
    """Who lives there too; a little less sure, as a meter outlives those who move out."""
    is_same = bool(new.meters & earlier.meters) or _equal(new.account, earlier.account)
    if not is_same or not _within(new, earlier, windows.customer):
        return 0
    return min(METER_SCORE, _about(new, earlier, windows))


def _outage(new: Trace, earlier: Trace) -> int:
    if not _equal(new.outage, earlier.outage) or _agreement(new, earlier) is Agreement.OTHER:
        return 0
    return NEIGHBOUR_SCORE


def _event(new: Trace, earlier: Trace, windows: Windows) -> int:
    is_there = _equal(new.place, earlier.place)
    is_then = abs(new.at - earlier.at) <= windows.event and not _is_other_day(new, earlier)
    is_that = _agreement(new, earlier) is Agreement.SAME
    return PLACE_SCORE if is_there and is_then and is_that else 0


def _about(new: Trace, earlier: Trace, windows: Windows) -> int:
    """Return how sure it is that two of one customer are about one event."""
    agreement = _agreement(new, earlier)
    if agreement is Agreement.OTHER or _is_other_event(new, earlier):
        return 0
    is_alive = earlier.closed_at is None or earlier.unsolved
    if agreement is Agreement.OPEN:
        return UNCLEAR_SCORE if is_alive else PLACE_SCORE
    if _differ(new.account, earlier.account):  # one telephone, two meters: a landlord, a helper
        return SOLVED_SCORE
    is_same_day = new.event_on is not None and new.event_on == earlier.event_on
    if is_same_day or _equal(new.outage, earlier.outage):
        return OUTAGE_SCORE
    if is_lasting(new.category) or is_lasting(earlier.category):
        return LASTING_SCORE
    return UNSOLVED_SCORE if is_alive or _within(new, earlier, windows.soon) else SOLVED_SCORE


def _is_other_event(new: Trace, earlier: Trace) -> bool:
    """Return whether both say what happened or where, and it is not the same.

    A condition has no day and no outage, but a place it has.
    """
    if _differ(new.place, earlier.place):
        return True
    if is_lasting(new.category) and is_lasting(earlier.category):
        return False
    return _differ(new.outage, earlier.outage) or _is_other_day(new, earlier)


def _is_other_day(new: Trace, earlier: Trace) -> bool:
    return None not in {new.event_on, earlier.event_on} and new.event_on != earlier.event_on


def _agreement(new: Trace, earlier: Trace) -> Agreement:
    ours, theirs = new.category, earlier.category
    if not ours or not theirs:
        return Agreement.OPEN
    if ours == theirs:
        return Agreement.SAME
    if matter_of(ours) and matter_of(theirs):
        return Agreement.SAME if matter_of(ours) == matter_of(theirs) else Agreement.OTHER
    return Agreement.OPEN if ours.split(".")[0] == theirs.split(".")[0] else Agreement.OTHER


def _within(new: Trace, earlier: Trace, window: timedelta) -> bool:
    """Return whether a matter was alive lately: it is open, or was closed within the window."""
    return earlier.closed_at is None or new.at - earlier.closed_at <= window


def _differ(ours: str, theirs: str) -> bool:
    return bool(ours and theirs) and ours != theirs


def _equal(ours: str, theirs: str) -> bool:
    return bool(ours) and ours == theirs
