"""Outages that we choose (计划停电): how early they are told, what speaks against them, who agrees.

A notice that is late does not make a planned outage a fault: it stays planned, and the breach is
recorded with its reason. Reminders move out of the quiet hours to an earlier instant, never to a
later one. Every rule is a row of a table below; every figure is a limit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final

from .calendar import CHINA, DayKind, local_day
from .clocks import Rules
from .refusal import GateClosed, IllegalMove, NotAllowed

ANNOUNCED: Final = frozenset({"planned", "short_notice", "emergency_defect", "load_shortage"})
"""Kinds of outages whose start and end are known before they begin."""

PRIVATE: Final = frozenset({"arrears", "breach"})
"""One customer's own affair: never joined, never public, never in the indices."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when the power is off, aware. Raises ValueError if it ends before it begins."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a window that ends at {self.end} and begins at {self.start}")

    @property
    def length(self) -> timedelta:
        """How long the power is off."""
        return self.end - self.start

    def overlaps(self, other: "Window") -> bool:
        """Return whether both have an instant in common; one that ends as the other begins not."""
        return self.start < other.end and other.start < self.end

    def days(self) -> tuple[date, ...]:
        """Return the local days that it touches."""
        first, last = local_day(self.start), local_day(self.end - timedelta(microseconds=1))
        return tuple(first + timedelta(days=n) for n in range((last - first).days + 1))


# Quiet hours ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When people are let sleep: from one local time to another, over midnight or not.

    margin: what the sending itself may take, for what moves before them.
    """

    begin: time
    end: time
    margin: timedelta

    def holds(self, at: datetime) -> bool:
        """Return whether an instant lies in them."""
        now = at.astimezone(CHINA).time()
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end

    def over(self, at: datetime) -> datetime:
        """Return when those that `at` lies in are over; `at` itself outside of them."""
        if not self.holds(at):
            return at
        local = at.astimezone(CHINA)
        over = datetime.combine(local.date(), self.end, CHINA)
        return (over if over > local else over + timedelta(days=1)).astimezone(at.tzinfo)

    def before(self, at: datetime) -> datetime:
        """Return `at`, or if that is quiet, the latest instant before with time left to send."""
        if not self.holds(at):
            return at
        local = at.astimezone(CHINA)
        begun = datetime.combine(local.date(), self.begin, CHINA)
        begun = begun if begun <= local else begun - timedelta(days=1)
        return (begun - self.margin).astimezone(at.tzinfo)


def quiet_hours(at: datetime, rules: Rules) -> QuietHours:
    """Return the quiet hours in force (limits `quiet_hours.*`)."""
    return QuietHours(
        begin=rules.limit("quiet_hours.from", at).time_of_day,
        end=rules.limit("quiet_hours.to", at).time_of_day,
        margin=rules.limit("quiet_hours.margin", at).duration,
    )


# Lead times and reminders -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reminder:
    """A notice before an outage, by the name of its kind, and when it is due."""

    name: str
    at: datetime


REMINDERS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        "planned": (
            ("planned_7d", "outage_notice.planned"),
            ("planned_1d", "outage_notice.reminder"),
            ("planned_30min", "outage_notice.last_reminder"),
        ),
        "short_notice": (
            ("short_notice_24h", "outage_notice.short_notice"),
            ("short_notice_30min", "outage_notice.last_reminder"),
        ),
        "emergency_defect": (("emergency_defect", ""),),
        "load_shortage": (("load_shortage", ""),),
    }
)
"""Notices before an outage, with the limit that says how early; those without go out at once."""

AT_ONCE: Final = datetime.min.replace(tzinfo=UTC)
"""When a notice without a lead is due: as soon as somebody knows."""

LEADS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "planned": ("outage_notice.planned", "outage_notice.hand_in"),
        "short_notice": ("outage_notice.short_notice", "outage_notice.hand_in_short"),
        "arrears": ("outage_notice.arrears",),
    }
)
"""How early each kind must be told: to the public first, then to our own service centre."""

HAND_INS: Final = frozenset({"outage_notice.hand_in", "outage_notice.hand_in_short"})
"""Leads that run until the service centre has the data, not until the public is told."""


def reminders(kind: str, window: Window, rules: Rules) -> tuple[Reminder, ...]:
    """Return the notices before an outage, in order, outside of the quiet hours.

    One that keeps a lead goes out by the limit `quiet_hours.margin` before it, so that the last
    household is told in time and not only the first.
    """
    quiet = quiet_hours(window.start, rules)
    found = []
    for name, limit_id in REMINDERS.get(kind, ()):
        at = AT_ONCE
        if limit_id:
            at = window.start - rules.limit(limit_id, window.start).duration
            at = quiet.before(at - quiet.margin if limit_id in LEADS.get(kind, ()) else at)
        found.append(Reminder(name, at))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Lead:
    """One deadline of an outage that has not begun. to: `public` or `service_centre`."""

    limit: str
    to: str
    due: datetime


def leads(kind: str, start: datetime, rules: Rules) -> tuple[Lead, ...]:
    """Return by when whom has to be told; nothing for a kind that has no lead."""
    return tuple(
        Lead(
            limit=limit_id,
            to="service_centre" if limit_id in HAND_INS else "public",
            due=_due(limit_id, start, rules),
        )
        for limit_id in LEADS.get(kind, ())
    )


def _due(limit_id: str, start: datetime, rules: Rules) -> datetime:
    """Count back from the start; working days end at closing time of the last one before."""
    limit = rules.limit(limit_id, start)
    if limit.unit.value != "workday":
        return start - limit.duration
    day, left = local_day(start), limit.number
    while left:
        day -= timedelta(days=1)
        left -= rules.calendar.is_workday(day)
    return datetime.combine(day, rules.hours.afternoon[1], CHINA).astimezone(start.tzinfo)


@dataclass(frozen=True, slots=True)
class Breach:
    """A lead that was not kept: the outage stays what it is, and this stays on record.

    told_at: None when nobody was told at all.
    """

    limit: str
    to: str
    due: datetime
    told_at: datetime | None
    reason: str = ""


def breaches(
    kind: str,
    start: datetime,
    *,
    announced_at: datetime | None,
    handed_in_at: datetime | None,
    at: datetime,
    rules: Rules,
    reason: str = "",
) -> tuple[Breach, ...]:
    """Return the leads that were missed, or that have run out untold by `at`."""
    told = {"public": announced_at, "service_centre": handed_in_at}
    return tuple(
        Breach(lead.limit, lead.to, lead.due, told[lead.to], reason)
        for lead in leads(kind, start, rules)
        if (told[lead.to] or at) > lead.due
    )


def extension_breach(
    window: Window, extended_at: datetime, *, rules: Rules, reason: str = ""
) -> Breach | None:
    """Return the breach of an extension that was recorded too late before the announced end.

    The limit is `outage_notice.extension`; None when it was in time.
    """
    due = window.end - rules.limit("outage_notice.extension", window.end).duration
    if extended_at <= due:
        return None
    return Breach("outage_notice.extension", "service_centre", due, extended_at, reason)


# What speaks against a plan ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An outage that somebody wants to make, as far as the checks look at it.

    accounts: the households that it darkens. key_accounts: the key customers among them.
    confirmed: the key customers who said that they know, and when.
    """

    outage_id: str
    kind: str
    window: Window
    accounts: frozenset[str]
    key_accounts: frozenset[str] = frozenset()
    confirmed: Mapping[str, datetime] = field(default_factory=dict)
    announced_at: datetime | None = None
    handed_in_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Avoided:
    """Days on which nobody should be without power: an exam, a festival. A setting."""

    name: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Assured:
    """A task of supply assurance (保供电) that protects something, by its title."""

    name: str
    window: Window


CHECKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "overlap": "[design] one open interruption a customer",
        "in_the_past": "[design] what has begun is no plan",
        "key_unconfirmed": "供电监管办法 art. 13: important users are told",
        "twice_in_window": "[design] limit planning.repeat_window",
        "holiday": "[design] the calendar's public holidays",
        "avoided": "[design] exams and festivals: a setting",
        "assurance": "[design] what a task of supply assurance (保供电) protects stays on",
        "too_long": "[design] limit planning.longest",
        "late_notice": "供电监管办法 art. 13: it stays planned, the breach is on record",
    }
)
"""Every rule about plans, with its source."""

BLOCKING: Final = frozenset({"overlap", "in_the_past", "key_unconfirmed"})
"""Where only another plan helps. Against all others the drafter gives a reason, on record."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """What a check found. other: the outage in the way. names: days, exams, limits.

    accounts: the customers concerned.
    """

    check: str
    other: str = ""
    accounts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether nothing but changing the plan helps."""
        return self.check in BLOCKING


def conflicts(
    plan: Plan,
    others: Iterable[Plan],
    *,
    at: datetime,
    rules: Rules,
    avoided: Iterable[Avoided] = (),
    assured: Iterable[Assured] = (),
) -> tuple[Conflict, ...]:
    """Return everything that speaks against a plan, in the order of CHECKS.

    others: outages of the same customers, planned, running or over; the plan's own id is ignored.
    assured: what tasks protect that the plan would darken.
    """
    protected = [one.name for one in assured if one.window.overlaps(plan.window)]
    found = [
        *_with_others(plan, others, rules),
        *([Conflict("assurance", names=tuple(protected))] if protected else []),
        *_of_its_days(plan, rules, avoided),
        *_of_itself(plan, at, rules),
    ]
    order = list(CHECKS)
    return tuple(sorted(found, key=lambda one: (order.index(one.check), one.other)))


def _with_others(plan: Plan, others: Iterable[Plan], rules: Rules) -> Iterable[Conflict]:
    apart = rules.limit("planning.repeat_window", plan.window.start).duration
    for other in others:
        both = plan.accounts & other.accounts
        if other.outage_id == plan.outage_id or not both:
            continue
        if plan.window.overlaps(other.window):
            yield Conflict("overlap", other.outage_id, tuple(sorted(both)))
        elif abs(plan.window.start - other.window.start) < apart:
            yield Conflict("twice_in_window", other.outage_id, tuple(sorted(both)))


def _of_its_days(plan: Plan, rules: Rules, avoided: Iterable[Avoided]) -> Iterable[Conflict]:
    days = plan.window.days()
    holidays = {
        rules.calendar.table(day.year).holidays[day]: None
        for day in days
        if rules.calendar.day_kind(day) is DayKind.HOLIDAY
    }
    if holidays:
        yield Conflict("holiday", names=tuple(holidays))
    met = [one.name for one in avoided if one.first <= days[-1] and days[0] <= one.last]
    if met:
        yield Conflict("avoided", names=tuple(met))


def _of_itself(plan: Plan, at: datetime, rules: Rules) -> Iterable[Conflict]:
    if plan.window.start <= at:
        yield Conflict("in_the_past")
    unconfirmed = plan.key_accounts - set(plan.confirmed)
    if unconfirmed:
        yield Conflict("key_unconfirmed", accounts=tuple(sorted(unconfirmed)))
    if plan.window.length > rules.limit("planning.longest", plan.window.start).duration:
        yield Conflict("too_long", names=("planning.longest",))
    late = breaches(
        plan.kind,
        plan.window.start,
        announced_at=plan.announced_at,
        handed_in_at=plan.handed_in_at,
        at=at,
        rules=rules,
    )
    if late:
        yield Conflict("late_notice", names=tuple(breach.limit for breach in late))


def check_may_go_on(found: Sequence[Conflict], reasons: Mapping[str, str]) -> None:
    """Return if nothing blocks and every other conflict has a reason on record.

    reasons: by check. Raises GateClosed(gates=checks in the way, accounts=of unconfirmed ones).
    """
    shut = [one for one in found if one.blocks or not reasons.get(one.check, "").strip()]
    if shut:
        raise GateClosed(
            gates=list(dict.fromkeys(one.check for one in shut)),
            accounts=[no for one in shut if one.check == "key_unconfirmed" for no in one.accounts],
        )


# Who agrees -------------------------------------------------------------------------------------

APPROVALS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "planned": ("network_controller", "department"),
        "short_notice": ("network_controller", "department", "leader"),
        "emergency_defect": ("network_controller",),
        "load_shortage": ("department", "leader"),
    }
)
"""Who signs each kind of outage, in order. [design] after a county's steps: edited, checked by the
group, checked by the department, published. A short-notice outage goes up to the leader."""

REVIEWER: Final = "leader"
"""Who signs on top when outage information is major (limits `planning.review_*`)."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One approval: who, in which role, when."""

    role: str
    by: str
    at: datetime


def needs_review(plan: Plan, at_once: int, rules: Rules, *, named: bool = False) -> bool:
    """Return whether an outage is major: too long, one of too many at once, or named by a leader.

    at_once: planned outages of the county in the same period, this one included.
    """
    start = plan.window.start
    return (
        named
        or plan.window.length > rules.limit("planning.review_span", start).duration
        or at_once > rules.number("planning.review_count", start)
    )


def signers(kind: str, *, review: bool = False) -> tuple[str, ...]:
    """Return the roles that sign, in order. Raises IllegalMove for a kind that nobody plans."""
    if kind not in APPROVALS:
        raise IllegalMove(move="approve", kind=kind)
    chain = APPROVALS[kind]
    return (*chain, REVIEWER) if review and REVIEWER not in chain else chain


def sign(
    kind: str,
    signed: Sequence[Signature],
    signature: Signature,
    *,
    drafted_by: str,
    review: bool = False,
) -> tuple[Signature, ...]:
    """Return the signatures with one more.

    Raises IllegalMove when all have signed, and NotAllowed(role) when another role is next or when
    the same person drafted or signed before: four eyes see more than two.
    """
    chain = signers(kind, review=review)
    if len(signed) >= len(chain):
        raise IllegalMove(move="approve", kind=kind)
    if signature.role != chain[len(signed)]:
        raise NotAllowed(role=chain[len(signed)])
    if signature.by in {drafted_by, *(one.by for one in signed)}:
        raise NotAllowed(role=signature.role)
    return (*signed, signature)


def is_approved(kind: str, signed: Sequence[Signature], *, review: bool = False) -> bool:
    """Return whether everybody has signed, in order."""
    return tuple(one.role for one in signed) == signers(kind, review=review)


# Before an emergency defect is cut off ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A telephone call to a key customer before an emergency outage (电话记录, S2.9).

    line: the 10 kV line that goes off. said: what was told. reached: whether anybody answered.
    """

    account_no: str
    at: datetime
    by: str
    line: str
    said: str
    reached: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether it names time, content and line, and somebody heard it."""
        return self.reached and bool(self.line.strip() and self.said.strip() and self.by)


def check_may_switch(key_accounts: Iterable[str], calls: Iterable[Call], *, at: datetime) -> None:
    """Return if every key customer was called before `at`.

    Raises GateClosed(gates=["key_customers_called"], missing=accounts without a whole call).
    """
    called = {call.account_no for call in calls if call.is_whole and call.at <= at}
    missing = sorted(set(key_accounts) - called)
    if missing:
        raise GateClosed(gates=["key_customers_called"], missing=missing)


# Announcements ----------------------------------------------------------------------------------

MEDIA: Final = ("radio", "television", "newspaper", "website", "notice_board")
REQUIRED: Final = ("area", "line", "time", "cause", "contact")
"""What every announcement says: area, line and time by law, cause and contact by good practice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What was made public where, with its proof: a recording, a cutting, a picture, by file id.

    outlet: the station or the paper. published_at: None while it has not appeared.
    """

    medium: str
    outlet: str
    published_at: datetime | None = None
    area: str = ""
    line: str = ""
    time: str = ""
    cause: str = ""
    contact: str = ""
    proof: str = ""

    def lacking(self) -> tuple[str, ...]:
        """Return what is missing: required contents, then outlet, publication and proof."""
        contents = [name for name in REQUIRED if not str(getattr(self, name)).strip()]
        if self.medium not in MEDIA:
            contents.append("medium")
        contents += [name for name in ("outlet", "proof") if not getattr(self, name).strip()]
        return (*contents, *([] if self.published_at else ["published_at"]))


def announced_at(announcements: Iterable[Announcement]) -> datetime | None:
    """Return when the public was told: the first whole announcement with its proof on file."""
    told = [one.published_at for one in announcements if one.published_at and not one.lacking()]
    return min(told, default=None)
