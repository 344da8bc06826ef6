"""Notices of outages (停电通知到户): who is owed which, when it may go out, and how it ends.

A caller hands in the `Facts` of the outage and what a household was told, and gets back the one
notice that is owed now, or why there is none. What is overtaken is never sent: a held notice is
decided anew before it goes out. Who was never told of an outage is not told of its end, and who
knows nothing yet gets a first notice, never a change of what they did not hear.
The words are in `voices.py`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from .calendar import CHINA, local_day
from .clocks import Rules, instant, millis
from .contact import Phone
from .planning import ANNOUNCED, PRIVATE, QuietHours, Window, quiet_hours, reminders


class Kind(StrEnum):
    """What a notice tells. Its value is the name of its text."""

    FAULT_FIRST = "fault_first"
    FAULT_CAUSE_ETR = "fault_cause_etr"
    ETR_CHANGE = "etr_change"
    EXTENDED = "extended"
    RESTORED = "restored"
    PLANNED_7D = "planned_7d"
    PLANNED_1D = "planned_1d"
    PLANNED_30MIN = "planned_30min"
    SHORT_NOTICE_24H = "short_notice_24h"
    SHORT_NOTICE_30MIN = "short_notice_30min"
    PLANNED_CHANGED = "planned_changed"
    PLANNED_CANCELLED = "planned_cancelled"
    PLANNED_OVERRUN = "planned_overrun"
    RESTORED_EARLY = "restored_early"
    EMERGENCY_DEFECT = "emergency_defect"
    LOAD_SHORTAGE = "load_shortage"
    CORRECTION = "correction"


RUNNING: Final = frozenset(
    {
        Kind.FAULT_FIRST,
        Kind.FAULT_CAUSE_ETR,
        Kind.ETR_CHANGE,
        Kind.EXTENDED,
        Kind.PLANNED_OVERRUN,
    }
)
"""Notices to people who are without power."""

BEFOREHAND: Final = frozenset(
    {
        Kind.PLANNED_7D,
        Kind.PLANNED_1D,
        Kind.PLANNED_30MIN,
        Kind.SHORT_NOTICE_24H,
        Kind.SHORT_NOTICE_30MIN,
        Kind.EMERGENCY_DEFECT,
        Kind.LOAD_SHORTAGE,
    }
)
"""Notices of an outage that is to come."""

CLOSING: Final = frozenset({Kind.RESTORED, Kind.RESTORED_EARLY, Kind.PLANNED_CANCELLED})
"""After these the household expects power."""


class Group(StrEnum):
    """Who is told first. In this order."""

    VULNERABLE = "vulnerable"
    KEY = "key"
    REST = "rest"


GROUPS: Final[Mapping[str, Group]] = MappingProxyType(
    {
        "life_support": Group.VULNERABLE,
        "lift": Group.VULNERABLE,
        "five_guarantees": Group.VULNERABLE,
        "vulnerable": Group.VULNERABLE,
        "key": Group.KEY,
        "vip": Group.KEY,
        "sensitive": Group.KEY,
    }
)
"""A customer's flags, by the group that they put it into. [design] cold stores with the key ones"""

_ORDER: Final = tuple(Group)


def group_of(flags: Iterable[str]) -> Group:
    """Return the group of a customer with these flags; the most urgent one wins."""
    found = {GROUPS.get(flag, Group.REST) for flag in flags}
    return min(found, key=_ORDER.index, default=Group.REST)


# The record -------------------------------------------------------------------------------------


class Crew(StrEnum):
    """How far the crew is. A text speaks of it only once it has set out."""

    NONE = "none"
    SET_OUT = "set_out"
    ON_SITE = "on_site"
    WORKING = "working"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an outage at one revision of its record: the one source of every voice.

    kind: `fault`, `planned`, `short_notice`, `emergency_defect`, `load_shortage`; of `arrears` and
    `breach` nobody is told here. areas: as their people call them. change_reason: why the end
    moved. extended: an approved extension. corrects: what was told before this revision is wrong;
    0 when nothing is. confirmed: surely dark. momentary: back within the hold-off. absorbed: its
    households are told by another outage now.
    cancelled_at: called off, or found to be none. Instants are aware.
    Raises ValueError without an area, or without the window of an outage that is announced.
    """

    outage_id: str
    kind: str
    revision: int
    areas: tuple[str, ...]
    line: str = ""
    cause: str = ""
    change_reason: str = ""
    began_at: datetime | None = None
    etr: datetime | None = None
    next_update_at: datetime | None = None
    restored_at: datetime | None = None
    cancelled_at: datetime | None = None
    window: Window | None = None
    crew: Crew = Crew.NONE
    duty_phone: str = ""
    truck: bool = False
    extended: bool = False
    confirmed: bool = True
    momentary: bool = False
    absorbed: bool = False
    corrects: int = 0

    def __post_init__(self) -> None:
        if not self.areas or not all(area.strip() for area in self.areas):
            raise ValueError(f"{self.outage_id}: an outage without a place")
        if self.kind in ANNOUNCED and self.window is None:
            raise ValueError(f"{self.outage_id}: announced without its window")

    def end(self, at: datetime) -> datetime | None:
        """Return the expected end if it is still to come: nobody is promised the past."""
        end = self.etr or (self.window.end if self.window else None)
        return end if end and end > at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A notice in a household's history, short enough to be kept with its telephone.

    at: when it went out, or was put aside. until, next_update, window: what it said: the expected
    end, when the next word comes, the announced window. cause: one was known. closes: it said that
    this household has power. is_sent: False while it waits. What failed is not told.
    """

    kind: Kind
    revision: int
    at: datetime
    until: datetime | None = None
    next_update: datetime | None = None
    window: Window | None = None
    cause: bool = False
    closes: bool = False
    is_sent: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return what `told_from_json` reads back; instants in milliseconds."""
        raw: dict[str, Any] = {"k": self.kind.value, "r": self.revision, "a": millis(self.at)}
        if self.until:
            raw["u"] = millis(self.until)
        if self.next_update:
            raw["n"] = millis(self.next_update)
        if self.window:
            raw["w"] = [millis(self.window.start), millis(self.window.end)]
        flags = "".join(
            letter
            for letter, is_set in (("c", self.cause), ("z", self.closes), ("h", not self.is_sent))
            if is_set
        )
        return raw | ({"f": flags} if flags else {})


def told_from_json(raw: Mapping[str, Any]) -> Told:
    """Read what `Told.to_json` wrote."""
    flags, window = raw.get("f", ""), raw.get("w")
    return Told(
        kind=Kind(raw["k"]),
        revision=int(raw["r"]),
        at=instant(raw["a"]),
        until=instant(raw["u"]) if "u" in raw else None,
        next_update=instant(raw["n"]) if "n" in raw else None,
        window=Window(instant(window[0]), instant(window[1])) if window else None,
        cause="c" in flags,
        closes="z" in flags,
        is_sent="h" not in flags,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdState:
    """How a household stands to the outage, and what it was told, oldest first.

    affected: False when it turned out to have power all along. nested: dark by an outage within
    this one, which tells it everything. restored_at: when its own step brought power back.
    """

    told: tuple[Told, ...] = ()
    affected: bool = True
    nested: bool = False
    restored_at: datetime | None = None


# What is owed -----------------------------------------------------------------------------------


class Silence(StrEnum):
    """Why a household is told nothing now."""

    PRIVATE = "private"
    UNCONFIRMED = "unconfirmed"
    MOMENTARY = "momentary"
    NESTED = "nested"
    ABSORBED = "absorbed"
    NOT_AFFECTED = "not_affected"
    NOT_TOLD_OF_IT = "not_told_of_it"
    TOLD = "told"
    NO_NEWS = "no_news"
    TOO_EARLY = "too_early"
    NOT_BEGUN = "not_begun"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice that is owed. `kind` and `revision` with outage and telephone are its identity.

    first: the household knows nothing of it yet. was, was_window: the end and the window that it
    was told last. restored_at: when power came back to it. All else as in `Told`.
    """

    kind: Kind
    revision: int
    first: bool = False
    was: datetime | None = None
    was_window: Window | None = None
    until: datetime | None = None
    next_update: datetime | None = None
    window: Window | None = None
    restored_at: datetime | None = None
    cause: bool = False
    closes: bool = False

    def as_told(self, at: datetime, *, is_sent: bool = True) -> Told:
        """Return its line in the household's history."""
        return Told(
            kind=self.kind,
            revision=self.revision,
            at=at,
            until=self.until,
            next_update=self.next_update,
            window=self.window,
            cause=self.cause,
            closes=self.closes,
            is_sent=is_sent,
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """What a household is owed: a notice, or why none. superseded: what waits and is overtaken."""

    notice: Notice | None
    silence: Silence | None = None
    superseded: tuple[Told, ...] = ()


def owed(household: HouseholdState, facts: Facts, *, at: datetime, rules: Rules) -> Decision:
    """Return the one notice that a household is owed now, after all that it was told.

    Ask again before a held notice goes out: unless the same comes back, it is superseded. Facts
    that are older than what was told, or than what waits, decide nothing.
    """
    if any(told.revision > facts.revision for told in household.told):
        return Decision(None, Silence.STALE)
    sent = tuple(told for told in household.told if told.is_sent)
    said = sent[_last_closing(sent) :]
    due = _due(household, facts, said, closed=len(said) < len(sent), at=at, rules=rules)
    if isinstance(due, Kind) and _has(sent, due, facts.revision):
        due = Silence.TOLD
    keeps = (due, facts.revision)
    superseded = tuple(
        told for told in household.told if not told.is_sent and (told.kind, told.revision) != keeps
    )
    if isinstance(due, Silence):
        return Decision(None, due, superseded)
    return Decision(_notice(due, household, facts, said, at=at, rules=rules), None, superseded)


def telling(facts: Facts, *, at: datetime, rules: Rules) -> Notice:
    """Return the notice that tells of an outage to whoever has heard nothing of it.

    For what hangs on a wall or is read aloud: it never keeps silent. A plan's is its announcement
    until a later reminder's time has come. Raises ValueError for one customer's own affair.
    """
    if facts.kind in PRIVATE:
        raise ValueError(f"{facts.outage_id}: of {facts.kind} nobody else is told")
    return replace(
        _notice(_telling(facts, at, rules), HouseholdState(), facts, (), at=at, rules=rules),
        was_window=facts.window,
    )


def _telling(facts: Facts, at: datetime, rules: Rules) -> Kind:
    if facts.cancelled_at:
        return Kind.PLANNED_CANCELLED if facts.kind in ANNOUNCED else Kind.CORRECTION
    if facts.restored_at:
        found = _restoration(facts, facts.restored_at, at, rules)
        return found if isinstance(found, Kind) else Kind.RESTORED
    if facts.window is None:
        return Kind.FAULT_CAUSE_ETR if facts.end(at) else Kind.FAULT_FIRST
    one = reminders(facts.kind, facts.window, rules)
    come = [each for each in one if each.at <= at]
    if facts.began_at is not None:
        return Kind(one[-1].name)
    return Kind((come or one[:1])[-1].name)


def _last_closing(sent: Sequence[Told]) -> int:
    """Return where the present darkness begins: after the last notice that closed one."""
    return max((n + 1 for n, told in enumerate(sent) if told.closes), default=0)


def _has(sent: Iterable[Told], kind: Kind, revision: int) -> bool:
    return any((told.kind, told.revision) == (kind, revision) for told in sent)


def _due(
    household: HouseholdState,
    facts: Facts,
    said: Sequence[Told],
    *,
    closed: bool,
    at: datetime,
    rules: Rules,
) -> Kind | Silence:
    """Decide by what ends an outage first, then by how it goes on. closed: told of an end before.

    said: what was told of the present darkness.
    """
    found: Kind | Silence | None = _never(household, facts, said)
    if found is None:
        found = _ended(household, facts, said, closed=closed, at=at, rules=rules)
    if found is not None:
        return found
    if said and facts.corrects > said[-1].revision:
        return Kind.CORRECTION
    if facts.kind not in ANNOUNCED:
        return _fault(facts, said, at, rules)
    if facts.began_at is None:
        return _beforehand(facts, said, at, rules)
    return _under_way(facts, said, at, rules)


def _never(household: HouseholdState, facts: Facts, said: Sequence[Told]) -> Silence | None:
    if facts.kind in PRIVATE:
        return Silence.PRIVATE
    if household.nested or facts.absorbed:
        return Silence.NESTED if household.nested else Silence.ABSORBED
    if facts.momentary and not said:
        return Silence.MOMENTARY
    if not facts.confirmed and not said:
        return Silence.UNCONFIRMED
    return None


def _ended(
    household: HouseholdState,
    facts: Facts,
    said: Sequence[Told],
    *,
    closed: bool,
    at: datetime,
    rules: Rules,
) -> Kind | Silence | None:
    """Return what follows when it is over for this household; None when it is not."""
    if not household.affected or (facts.cancelled_at and facts.kind not in ANNOUNCED):
        return Kind.CORRECTION if said else Silence.NOT_AFFECTED
    restored_at = household.restored_at or facts.restored_at
    if not facts.cancelled_at and restored_at is None:
        return None
    if not said:
        return Silence.TOLD if closed else Silence.NOT_TOLD_OF_IT
    if facts.cancelled_at or restored_at is None:
        is_over = facts.window is not None and at >= facts.window.end
        return Silence.STALE if is_over else Kind.PLANNED_CANCELLED
    return _restoration(facts, restored_at, at, rules)


def _restoration(facts: Facts, restored_at: datetime, at: datetime, rules: Rules) -> Kind | Silence:
    if at - restored_at > rules.limit("outage_notice.restored_stale", at).duration:
        return Silence.STALE
    early = rules.limit("outage_notice.early", at).duration
    if facts.window and facts.window.end - restored_at >= early:
        return Kind.RESTORED_EARLY
    return Kind.RESTORED


def _fault(facts: Facts, said: Sequence[Told], at: datetime, rules: Rules) -> Kind | Silence:
    end = facts.end(at)
    if not said:
        return Kind.FAULT_CAUSE_ETR if end else Kind.FAULT_FIRST
    was = said[-1].until
    if end is None:
        return _fault_without_end(facts, said[-1], at, rules)
    if was is None:
        return Kind.FAULT_CAUSE_ETR
    least = rules.limit("outage_notice.etr_change", at).duration
    if was <= at or abs(end - was) >= least:
        is_longer = was <= at or (facts.extended and end > was)
        return Kind.EXTENDED if is_longer else Kind.ETR_CHANGE
    if facts.cause and not any(told.cause for told in said):
        return Kind.FAULT_CAUSE_ETR
    return Silence.NO_NEWS


def _fault_without_end(facts: Facts, last: Told, at: datetime, rules: Rules) -> Kind | Silence:
    if last.until is None:
        promised = last.next_update is not None and last.next_update <= at
        return Kind.ETR_CHANGE if promised else Silence.NO_NEWS
    if last.until > at:
        return Kind.ETR_CHANGE if facts.etr is None else Silence.NO_NEWS
    is_missed = last.until + rules.limit("outage_notice.overrun", at).duration <= at
    return Kind.EXTENDED if is_missed else Silence.NO_NEWS


def _beforehand(facts: Facts, said: Sequence[Told], at: datetime, rules: Rules) -> Kind | Silence:
    """Return the latest reminder whose time has come, unless something was told after that time.

    The first one announces; who was told of this window in any way needs no announcement of it.
    """
    window = facts.window
    if window is None or at >= window.start:
        return Silence.NOT_BEGUN
    if said and said[-1].window != window:
        return Kind.PLANNED_CHANGED
    come = [one for one in reminders(facts.kind, window, rules) if one.at <= at]
    if said and (len(come) <= 1 or said[-1].at >= come[-1].at):
        return Silence.NO_NEWS
    if not come:
        return Silence.TOO_EARLY
    return Kind(come[-1].name)


def _under_way(facts: Facts, said: Sequence[Told], at: datetime, rules: Rules) -> Kind | Silence:
    if not said and facts.window:
        return Kind(reminders(facts.kind, facts.window, rules)[-1].name)
    was, end = said[-1].until, facts.end(at)
    if was is None:
        promised = said[-1].next_update
        is_due = end is not None or (promised is not None and promised <= at)
        return Kind.PLANNED_OVERRUN if is_due else Silence.NO_NEWS
    if end is None:
        is_missed = was + rules.limit("outage_notice.overrun", at).duration <= at
    else:
        least = rules.limit("outage_notice.etr_change", at).duration
        is_missed = was <= at or end - was >= least
    return Kind.PLANNED_OVERRUN if is_missed else Silence.NO_NEWS


def _notice(
    kind: Kind,
    household: HouseholdState,
    facts: Facts,
    said: Sequence[Told],
    *,
    at: datetime,
    rules: Rules,
) -> Notice:
    is_unaffected = not household.affected or facts.cancelled_at is not None
    closes = kind in CLOSING or (kind is Kind.CORRECTION and is_unaffected)
    until = None if closes else facts.end(at)
    is_open = not closes and until is None
    return Notice(
        kind=kind,
        revision=facts.revision,
        first=not said,
        was=next((told.until for told in reversed(said) if told.until), None),
        was_window=said[-1].window if said else None,
        until=until,
        next_update=promised_update(facts, at, rules) if is_open else None,
        window=facts.window,
        restored_at=household.restored_at or facts.restored_at,
        cause=bool(facts.cause) and not closes,
        closes=closes,
    )


_QUARTER: Final = timedelta(minutes=15)


def promised_update(facts: Facts, at: datetime, rules: Rules) -> datetime:
    """Return when the next word comes while no end is known: as recorded, if that is to come.

    Else within the limit `outage_notice.next_update`, on a quarter of an hour, so that everybody
    who is told in one go hears the same. Whoever sends it must keep it.
    """
    if facts.next_update_at and facts.next_update_at > at:
        return facts.next_update_at
    soonest = at + rules.limit("outage_notice.next_update", at).duration
    past = (soonest - datetime.combine(local_day(soonest), time(), CHINA)) % _QUARTER
    return soonest + (_QUARTER - past if past else timedelta())


# When it goes out -------------------------------------------------------------------------------

REPEATS: Final = frozenset(
    {
        Kind.FAULT_CAUSE_ETR,
        Kind.ETR_CHANGE,
        Kind.EXTENDED,
        Kind.PLANNED_1D,
        Kind.PLANNED_30MIN,
        Kind.SHORT_NOTICE_30MIN,
        Kind.PLANNED_OVERRUN,
        Kind.RESTORED,
        Kind.RESTORED_EARLY,
    }
)
"""What a telephone may mute, unless it is the first that it hears of an outage. Changes,
cancellations and corrections are not among them: who was told something is told that it is void."""


class Night(StrEnum):
    """What the quiet hours do to a notice."""

    SEND = "send"  # goes out all the same
    LONG = "long"  # once, if the darkness lasts past the morning or longer than the limit
    HOLD = "hold"  # waits for the morning, unless the outage begins before that


NIGHT: Final[Mapping[Kind, tuple[Night, Night, Night]]] = MappingProxyType(
    {
        Kind.FAULT_FIRST: (Night.SEND, Night.SEND, Night.LONG),
        Kind.FAULT_CAUSE_ETR: (Night.SEND, Night.SEND, Night.LONG),
        Kind.ETR_CHANGE: (Night.SEND, Night.SEND, Night.HOLD),
        Kind.EXTENDED: (Night.SEND, Night.SEND, Night.HOLD),
        Kind.RESTORED: (Night.HOLD, Night.HOLD, Night.HOLD),
        Kind.PLANNED_7D: (Night.HOLD, Night.HOLD, Night.HOLD),
        Kind.PLANNED_1D: (Night.HOLD, Night.HOLD, Night.HOLD),
        Kind.PLANNED_30MIN: (Night.HOLD, Night.HOLD, Night.HOLD),
        Kind.SHORT_NOTICE_24H: (Night.HOLD, Night.HOLD, Night.HOLD),
        Kind.SHORT_NOTICE_30MIN: (Night.HOLD, Night.HOLD, Night.HOLD),
        Kind.PLANNED_CHANGED: (Night.HOLD, Night.HOLD, Night.HOLD),
        Kind.PLANNED_CANCELLED: (Night.HOLD, Night.HOLD, Night.HOLD),
        Kind.PLANNED_OVERRUN: (Night.SEND, Night.SEND, Night.HOLD),
        Kind.RESTORED_EARLY: (Night.HOLD, Night.HOLD, Night.HOLD),
        Kind.EMERGENCY_DEFECT: (Night.SEND, Night.SEND, Night.SEND),
        Kind.LOAD_SHORTAGE: (Night.SEND, Night.SEND, Night.HOLD),
        Kind.CORRECTION: (Night.SEND, Night.SEND, Night.HOLD),
    }
)
"""What happens in the quiet hours: to the vulnerable, to the key customers, to the rest."""


def is_safety(kind: Kind, group: Group) -> bool:
    """Return whether a notice is about safety: no opt-out mutes it and no cap delays it.

    An emergency is for everybody; for who depends on power, every word of its absence is.
    """
    if kind is Kind.EMERGENCY_DEFECT:
        return True
    return group is Group.VULNERABLE and kind in RUNNING | BEFOREHAND


@dataclass(frozen=True, slots=True)
class Consent:
    """What the holder of a telephone agreed to, and when; a later consent ends an opt-out."""

    consented_at: datetime | None = None
    opted_out_at: datetime | None = None

    def is_muted(self, at: datetime) -> bool:
        """Return whether repeats are muted at `at`."""
        out, back = self.opted_out_at, self.consented_at
        if out is None or out > at:
            return False
        return back is None or not out < back <= at


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One telephone that is owed one notice, for all its meters of one outage.

    phone: None when no number of these accounts takes texts. sent: when texts of any outage went
    to the number, a day back is enough.
    """

    notice: Notice
    phone: Phone | None
    group: Group
    accounts: tuple[str, ...]
    own_area: str = ""
    consent: Consent = Consent()
    sent: tuple[datetime, ...] = ()

    def key(self, outage_id: str, phone_key: str) -> str:
        """Return what makes it one: outage, telephone (its keyed digest), kind and revision."""
        return f"{outage_id}/{phone_key}/{self.notice.kind}/{self.notice.revision}"


class DropReason(StrEnum):
    """Why a notice does not go out at all."""

    NO_PHONE = "no_phone"
    OPTED_OUT = "opted_out"
    TOO_LATE = "too_late"
    CAPPED = "capped"


@dataclass(frozen=True, slots=True)
class Drop:
    """The notice is not sent."""

    reason: DropReason


def when_to_send(
    recipient: Recipient, facts: Facts, *, at: datetime, rules: Rules
) -> datetime | Drop:
    """Return when a notice may go to a telephone, `at` or later, or why it never may.

    One that is later than `at` is held, and decided anew by `owed` before it goes out. A number
    that has had its texts of a day hears no more of what has begun: the morning after, other words
    are true. Of what is to come it hears then.
    """
    notice, group = recipient.notice, recipient.group
    if recipient.phone is None or not recipient.phone.can_text:
        return Drop(DropReason.NO_PHONE)
    is_urgent = is_safety(notice.kind, group)
    is_repeat = notice.kind in REPEATS and not notice.first
    if is_repeat and not is_urgent and recipient.consent.is_muted(at):
        return Drop(DropReason.OPTED_OUT)
    quiet, when, settled = quiet_hours(at, rules), at, False
    while not settled:
        awake = _by_night(recipient, facts, quiet, when, rules)
        if awake is None:
            return Drop(DropReason.TOO_LATE)
        if facts.began_at and not is_urgent and _is_full(recipient.sent, awake, rules):
            return Drop(DropReason.CAPPED)
        moved = awake if is_urgent else _by_caps(recipient.sent, awake, rules)
        settled, when = moved == awake, moved
    is_beforehand = notice.kind in BEFOREHAND and facts.began_at is None
    if is_beforehand and facts.window and when >= facts.window.start:
        return Drop(DropReason.TOO_LATE)
    return when


def _by_night(
    recipient: Recipient, facts: Facts, quiet: QuietHours, when: datetime, rules: Rules
) -> datetime | None:
    """Return when the quiet hours let a notice go; None when that would be too late."""
    notice, group = recipient.notice, recipient.group
    if not quiet.holds(when):
        return when
    rule = NIGHT[notice.kind][_ORDER.index(group)]
    if notice.first and facts.began_at:
        rule = NIGHT[Kind.FAULT_FIRST][_ORDER.index(group)]
    elif rule is Night.LONG:
        rule = Night.HOLD
    if rule is Night.SEND or is_safety(notice.kind, group):
        return when
    over = quiet.over(when)
    if rule is Night.LONG and facts.began_at:
        return _if_long(notice, facts.began_at, when, over, rules)
    if facts.began_at or facts.window is None or not when < facts.window.start <= over:
        return over
    is_last_chance = notice.first or notice.kind in {
        Kind.PLANNED_CHANGED,
        Kind.PLANNED_CANCELLED,
        Kind.CORRECTION,
    }
    return when if is_last_chance else None


def _if_long(
    notice: Notice, began_at: datetime, when: datetime, over: datetime, rules: Rules
) -> datetime:
    """Return now if the darkness is long, or when it will have become so; at the latest `over`."""
    long = rules.limit("outage_notice.night_long", when).duration
    until = notice.until
    if until and (until >= over or until - began_at > long):
        return when
    return max(when, min(began_at + long, over))


def _is_full(sent: Iterable[datetime], when: datetime, rules: Rules) -> bool:
    """Return whether a number has had its texts of a day."""
    today = [moment for moment in sent if local_day(moment) == local_day(when)]
    return len(today) >= rules.number("sms.cap.day", when)


def _by_caps(sent: Sequence[datetime], when: datetime, rules: Rules) -> datetime:
    """Return the first instant from `when` at which a number takes one more text."""
    burst = rules.number("sms.cap.burst", when)
    span = rules.limit("sms.cap.burst_window", when).duration
    past = sorted(moment for moment in sent if moment <= when)
    if _is_full(past, when, rules):
        midnight = datetime.combine(local_day(when) + timedelta(days=1), time(), CHINA)
        return midnight.astimezone(when.tzinfo)
    recent = [moment for moment in past if moment > when - span]
    return recent[-burst] + span if len(recent) >= burst else when


# To whom, in which order ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A household as far as its notices need it. area: its own place's name."""

    account_no: str
    group: Group = Group.REST
    phones: tuple[Phone, ...] = ()
    area: str = ""
    consents: Mapping[Phone, Consent] = field(default_factory=dict)


def recipients(owing: Iterable[tuple[Account, Notice]]) -> tuple[Recipient, ...]:
    """Return one recipient a telephone, kind and revision, the vulnerable first.

    A telephone of several meters gets one text, in the words for its most urgent account; an
    account of several telephones gets one each; one without any stands there with none.
    """
    found: dict[tuple[str, Kind, int], Recipient] = {}
    ordered = sorted(owing, key=lambda one: (_ORDER.index(one[0].group), one[0].account_no))
    for account, notice in ordered:
        mobiles: list[Phone | None] = [phone for phone in account.phones if phone.can_text]
        for phone in mobiles or [None]:
            name = f"none/{account.account_no}" if phone is None else phone.number
            key = (name, notice.kind, notice.revision)
            if (known := found.get(key)) is not None:
                accounts = tuple(dict.fromkeys((*known.accounts, account.account_no)))
                found[key] = replace(known, accounts=accounts)
                continue
            found[key] = Recipient(
                notice=notice,
                phone=phone,
                group=account.group,
                accounts=(account.account_no,),
                own_area=account.area,
                consent=Consent() if phone is None else account.consents.get(phone, Consent()),
            )
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Shard:
    """Accounts that one message holds. is_urgent: it goes on the queue of the first."""

    number: int
    accounts: tuple[str, ...]
    is_urgent: bool


def shards(accounts: Iterable[tuple[str, Group]], size: int) -> tuple[Shard, ...]:
    """Return accounts in the order of sending, cut by `size` (limit `outage_notice.shard`).

    The rest never shares a shard with those who go first. Raises ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError(size)
    ordered = sorted(set(accounts), key=lambda one: (_ORDER.index(one[1]), one[0]))
    lanes = (
        (True, [no for no, group in ordered if group is not Group.REST]),
        (False, [no for no, group in ordered if group is Group.REST]),
    )
    cuts = [
        (is_urgent, tuple(lane[begin : begin + size]))
        for is_urgent, lane in lanes
        for begin in range(0, len(lane), size)
    ]
    return tuple(Shard(number, cut, is_urgent) for number, (is_urgent, cut) in enumerate(cuts))


# What became of it ------------------------------------------------------------------------------


class Outcome(StrEnum):
    """The final states of a notice; every household of an outage ends in one."""

    NO_PHONE = "no_phone"
    OPTED_OUT = "opted_out"
    CAPPED = "capped"
    SUPERSEDED = "superseded"
    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"


DROPPED: Final[Mapping[DropReason, Outcome]] = MappingProxyType(
    {
        DropReason.NO_PHONE: Outcome.NO_PHONE,
        DropReason.OPTED_OUT: Outcome.OPTED_OUT,
        DropReason.TOO_LATE: Outcome.SUPERSEDED,
        DropReason.CAPPED: Outcome.CAPPED,
    }
)
"""How a notice ends that does not go out."""

_BEST: Final = (
    Outcome.DELIVERED,
    Outcome.SENT,
    Outcome.FAILED,
    Outcome.SUPERSEDED,
    Outcome.CAPPED,
    Outcome.OPTED_OUT,
    Outcome.NO_PHONE,
)


def of_household(outcomes: Iterable[Outcome]) -> Outcome:
    """Return how a household's notice ended over all its telephones: the best that one of them got.

    No telephone at all is NO_PHONE.
    """
    return min(outcomes, key=_BEST.index, default=Outcome.NO_PHONE)


# What people answer -----------------------------------------------------------------------------


class Reply(StrEnum):
    """What a text that somebody sends back means."""

    STILL_DARK = "still_dark"
    UNKNOWN = "unknown"


_DARK: Final = re.compile(
    r"(?:我们?家?|家里|家中|屋里|这里|这边|我们?这[里边儿]?|村里|我们?村)?"
    r"(?:到现在|现在|目前)?(?:还是|仍然|依然|依旧|一直|还|仍|也)*在?"
    r"(?:(?:没有?|无|未)(?:来|通|恢复|送|有)?(?:供?电)|停着?电)"
    r"(?:了|啊|呀|呢|吧|的)?"
    r"|still(?:dark|out|off|nopower|noelectricity)|no(?:power|electricity)(?:yet|still)?"
)
_NOISE: Final = re.compile(r"[\W_]+")
_LONGEST_REPLY: Final = 200


def parse_reply(text: str) -> Reply:
    """Return what an inbound reply means: `1` or words for no power; anything else is unknown.

    Only the whole text counts, so that “不是没电” or “1号公变” opens nothing; a person reads those.
    """
    if len(text) > _LONGEST_REPLY:
        return Reply.UNKNOWN
    folded = _NOISE.sub("", unicodedata.normalize("NFKC", text).casefold())
    rest = folded.removeprefix("回复").removeprefix("1") if folded[:2] != "11" else folded
    if rest == "" and folded.endswith("1"):
        return Reply.STILL_DARK
    return Reply.STILL_DARK if _DARK.fullmatch(rest) else Reply.UNKNOWN
