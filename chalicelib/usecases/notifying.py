"""Telling every household (通知到户): a round becomes shards, a shard becomes texts, each once.

A *round* is an event of an outage that must be told. `expand` cuts its households into shards of
accounts, the vulnerable and the key customers first. `tell` takes one shard: it asks the domain
what each telephone is owed now, claims its row, sends, settles. `tally` counts what became of a
round or of a part of it, and says which accounts are still missing; `reconcile` notes it, until
every household has its final state.

Everything may come twice, late or in pieces: what a telephone was told is in its row, and the row
decides. Two write units a text; a crash between sending and settling costs one extra text. Where an
outage took supply points over from another, what their households heard there counts.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain import outage_moves as moves
from chalicelib.domain import outage_notice as notice
from chalicelib.domain import voices
from chalicelib.domain.clocks import Rules, instant, millis
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Actor
from chalicelib.domain.outage import Outage, Spell, aggregate, handed_over, spells
from chalicelib.domain.outage_notice import (
    DROPPED,
    Account,
    Consent,
    Drop,
    DropReason,
    Facts,
    Group,
    HouseholdState,
    Notice,
    Outcome,
    Recipient,
    group_of,
)
from chalicelib.domain.planning import quiet_hours
from chalicelib.domain.reach import Reach, union
from chalicelib.domain.refusal import Busy
from chalicelib.domain.staff import Outsider
from chalicelib.outbound.sms import GatewayBusy, GatewayRefused, NumberRejected, ReplyLost, Text
from chalicelib.store import customers, deliveries, notices, outages
from chalicelib.store.customers import Household
from chalicelib.store.deliveries import Status
from chalicelib.store.desk_rows import Remembered
from chalicelib.store.notices import Past, Told
from chalicelib.store.outages import Change, Head
from chalicelib.telemetry import Metric, alarm, count, fail, log
from chalicelib.usecases.delivering import LEASE, MOST_LOST, Ports
from chalicelib.usecases.desk import Desk

Key = tuple[str, str]
"""(transformer, account): where a household is at home."""

SYSTEM: Final = Actor(Outsider.SYSTEM.value, "notices")
KEY_DIGITS: Final = 32
_GOT_IT: Final = frozenset({Status.SENT, Status.DELIVERED})
SOON: Final = 2
"""Seconds until a text that went out is settled, where the store did not take it: well within the
lease of its claim; and until a newer word asks again for a telephone that an older one has."""
AGAIN: Final = 30
"""Seconds until a text whose reply was lost is tried again, and a shard that met a silent store."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Households that one message holds. is_urgent: it goes on the queue of the first."""

    outage_id: str
    round_id: str
    number: int
    keys: tuple[Key, ...]
    is_urgent: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """A text that went out while the store would not hear of it. holder: of the claim."""

    key: str
    seq: int
    holder: str
    gateway_id: str
    at: datetime

    def to_json(self) -> list[Any]:
        """Return what `sent_from_json` reads back."""
        return [self.key, self.seq, self.holder, self.gateway_id, millis(self.at)]

    def settle(self, outage_id: str) -> None:
        """Say in its row that it went out. Raises Busy."""
        mine = Told(outage_id, self.key, self.seq, "", Status.CLAIMED, self.at, holder=self.holder)
        notices.settle(mine, Status.SENT, at=self.at, gateway_id=self.gateway_id)


def sent_from_json(raw: Sequence[Any]) -> Sent:
    """Read what `Sent.to_json` wrote."""
    key, seq, holder, gateway_id, at = raw
    return Sent(key, seq, holder, gateway_id, instant(at))


@dataclass(slots=True)
class Shown:
    """What became of one shard.

    left: households that must be tried again after `wait` seconds: the gateway is busy, or did not
    say, or an older word is just going to them. unsettled: texts that went out and are not in their
    rows yet; until they are, nobody may think that they did not. held: those who may not be told
    yet; later: the soonest instant at which one of them may.
    """

    counts: Counter[str] = field(default_factory=Counter)
    left: list[Key] = field(default_factory=list)
    unsettled: list[Sent] = field(default_factory=list)
    wait: int = 0
    held: list[Key] = field(default_factory=list)
    later: datetime | None = None


@dataclass(slots=True)
class Tally:
    """What is known of a round, or of a part of it. counts: households by state.

    missing: how many were not told and are owed; shards: who. waiting: households that somebody has
    in hand. held: those who may not be told yet; later: the soonest instant at which one of them
    may. told_at: when the last of those who were told was.
    """

    counts: Counter[str] = field(default_factory=Counter)
    missing: int = 0
    shards: list[Shard] = field(default_factory=list)
    waiting: int = 0
    held: int = 0
    later: datetime | None = None
    told_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Whether every household has its final state."""
        return not self.missing and not self.waiting and not self.held

    def to_json(self) -> dict[str, Any]:
        """Return what `tally_from_json` reads back: all but who is missing."""
        raw = {
            "c": dict(self.counts),
            "m": self.missing,
            "w": self.waiting,
            "h": self.held,
            "l": None if self.later is None else millis(self.later),
            "t": None if self.told_at is None else millis(self.told_at),
        }
        return {name: value for name, value in raw.items() if value}


def tally_from_json(raw: Mapping[str, Any]) -> Tally:
    """Read what `Tally.to_json` wrote."""
    return Tally(
        counts=Counter(raw.get("c", {})),
        missing=raw.get("m", 0),
        waiting=raw.get("w", 0),
        held=raw.get("h", 0),
        later=instant(raw["l"]) if "l" in raw else None,
        told_at=instant(raw["t"]) if "t" in raw else None,
    )


def added_up(parts: Iterable[Tally]) -> Tally:
    """Return what is known of a round from what is known of its parts."""
    whole = Tally()
    for part in parts:
        whole.counts.update(part.counts)
        whole.missing += part.missing
        whole.waiting += part.waiting
        whole.held += part.held
        whole.later = min(filter(None, (whole.later, part.later)), default=None)
        whole.told_at = max(filter(None, (whole.told_at, part.told_at)), default=None)
    return whole


# A round and its households ---------------------------------------------------------------------


def expand(
    desk: Desk, head: Head, round_id: str, *, at: datetime, areas: Iterable[str] | None = None
) -> list[Shard]:
    """Return the shards of a round, in the order of sending: one read an area, and no write.

    areas: only those transformers of its reach. A training outage and a round that is settled have
    none.
    """
    known = head.outage.rounds.get(round_id)
    if known is None or head.outage.training:
        return []
    found = list(_households(known.reach, known.reach.transformers if areas is None else areas))
    return _cut(desk, head, round_id, found, at=at)


def _cut(
    desk: Desk, head: Head, round_id: str, found: Sequence[Household], *, at: datetime
) -> list[Shard]:
    homes = {each.account_no: each.transformer_id for each in found}
    size = desk.rules(head.outage.county).number("outage_notice.shard", at)
    cut = notice.shards(((each.account_no, group_of(each.flags)) for each in found), size)
    return [
        Shard(
            head.outage.outage_id,
            round_id,
            shard.number,
            tuple((homes[account], account) for account in shard.accounts),
            shard.is_urgent,
        )
        for shard in cut
    ]


def _households(reach: Reach, areas: Iterable[str]) -> Iterator[Household]:
    for transformer in areas:
        for household in customers.households_of(transformer):
            if reach.covers(transformer, household.load_id):
                yield household


@dataclass(frozen=True)
class _Telling:
    """One outage while its households are told: what holds for all of them.

    spells: its interruptions. elsewhere: what another outage tells. elders: the outages from which
    it took supply points over, whose households heard of their darkness there. since: when its
    newest round was entered, which is the same however often a message comes.
    """

    desk: Desk
    head: Head
    facts: Facts
    spells: tuple[Spell, ...]
    elsewhere: Reach
    elders: tuple[str, ...]
    rules: Rules
    names: Mapping[str, str]
    since: datetime
    at: datetime

    @property
    def outage(self) -> Outage:
        return self.head.outage

    def key_of(self, phone: Phone | None, account: str) -> str:
        """Return under which key a telephone's row lies."""
        return row_key(self.desk, phone, account)


def row_key(desk: Desk, phone: Phone | None, account: str) -> str:
    """Return under which key a telephone's row lies: a digest, which tells no number.

    phone: None for an account that no number takes texts for.
    """
    if phone is None:
        return f"account/{account}"
    return desk.derive("told", phone.number).hex()[:KEY_DIGITS]


def key_of(desk: Desk, phone: Phone) -> str:
    """Return under which key a telephone's rows lie: a digest, which tells no number."""
    return desk.derive("told", phone.number).hex()[:KEY_DIGITS]


def _telling(desk: Desk, head: Head, *, at: datetime) -> _Telling:
    outage = head.outage
    rules = desk.rules(outage.county)
    everywhere = _everywhere(outage).transformers
    here = customers.places_of(outage.county, frozenset(everywhere), at=at)
    names = {code: here[code].name for code in everywhere if code in here and here[code].name}
    below = outages.get_many(outage.below)
    return _Telling(
        desk=desk,
        head=head,
        facts=_facts(desk, head, names),
        spells=spells(outage),
        elsewhere=handed_over(outage) | union(each.outage.dark for each in below),
        elders=_elders(outage),
        rules=rules,
        names=names,
        since=max((r.entered_at for r in outage.rounds.values()), default=outage.recorded_at),
        at=at,
    )


def _everywhere(outage: Outage) -> Reach:
    """Return what it was ever to darken, or did."""
    planned = outage.plan.reach if outage.plan else Reach()
    return planned | union(step.reach for step in outage.steps.values())


def _facts(desk: Desk, head: Head, names: Mapping[str, str]) -> Facts:
    outage, areas = head.outage, list(names.values())
    offices = [
        found
        for office_id in (outage.office, outage.county)
        if (found := desk.snapshot.offices.get(office_id)) is not None
    ]
    shown = str(head.shown.get("area", "")).strip()
    fallback = shown or next((each.name for each in offices), outage.county)
    return voices.facts_of(
        outage,
        areas=areas or [fallback],
        line=str(head.shown.get("line", "")),
        duty_phone=next((each.phone for each in offices if each.phone), ""),
    )


def _elders(outage: Outage) -> tuple[str, ...]:
    """Return the outages that this one took supply points from, and those that they took from."""
    found: dict[str, None] = {}
    left = _taken_from(outage)
    while left:
        found |= dict.fromkeys(left)
        heads = outages.get_many(left)
        left = [one for each in heads for one in _taken_from(each.outage) if one not in found]
    return tuple(one for one in found if one != outage.outage_id)


def _taken_from(outage: Outage) -> list[str]:
    others = [step.other for step in outage.steps.values() if step.change == "moved_in"]
    return list(dict.fromkeys([*others, *([outage.above] if outage.above else [])]))


# What a household heard and is owed -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Record:
    """What telephones were told. rows: of this outage, by key. before: by its elders, by key.

    others: when texts of the county's other outages went to them within a day, by key.
    """

    rows: Mapping[str, Told]
    before: Mapping[str, tuple[notice.Told, ...]]
    others: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)

    def sent(self, key: str, at: datetime) -> tuple[datetime, ...]:
        """Return when texts went to a telephone within a day: what its caps count."""
        own = (one.at for one in self.history(key) if one.at > at - DAY)
        return (*own, *self.others.get(key, ()))

    def history(self, key: str) -> tuple[notice.Told, ...]:
        """Return what a telephone was told, oldest first. What failed was not told."""
        own = _said(self.rows.get(key))
        before = self.before.get(key)
        return tuple(sorted((*before, *own), key=lambda one: one.at)) if before else own


def _said(row: Told | None) -> tuple[notice.Told, ...]:
    if row is None:
        return ()
    return tuple(
        replace(notice.told_from_json(one.said), at=one.at)
        for one in row.rounds
        if one.status in _GOT_IT and one.said
    )


def _read(telling: _Telling, households: Iterable[Household]) -> _Record:
    """Read what was told to the telephones of these households, a hundred a call."""
    keys = {key for each in households for _, key in _lines(telling, each)}
    older = [notices.told(elder, keys).values() for elder in telling.elders]
    rows = notices.told(telling.outage.outage_id, keys)
    return _Record(rows, _before(row for some in older for row in some))


def _with_others(telling: _Telling, record: _Record, keys: Iterable[str]) -> _Record:
    """Add when texts of the county's other outages went to these telephones.

    An outage is known here a minute after it began at the latest.
    """
    county, since = telling.outage.county, telling.at - DAY
    lately = _LATELY.get(
        county, at=telling.at, load=lambda: tuple(outages.lately(county, since, at=telling.at))
    )
    own = {telling.outage.outage_id, *telling.elders}
    others = [each for each in lately if each not in own][:MOST_COUNTED]
    return replace(record, others=notices.texts_to(keys, others, since=since))


DAY: Final = timedelta(days=1)
MOST_COUNTED: Final = 50
"""Outages of a county and a day whose texts count against a number's caps. [design]"""
_LATELY: Final[Remembered[tuple[str, ...]]] = Remembered(timedelta(minutes=1))


def _before(rows: Iterable[Told]) -> dict[str, tuple[notice.Told, ...]]:
    """Return what elders told, as of before this outage's first round."""
    found: dict[str, list[notice.Told]] = defaultdict(list)
    for row in rows:
        found[row.key] += [replace(one, revision=0) for one in _said(row)]
    return {key: tuple(told) for key, told in found.items() if told}


def _lines(telling: _Telling, household: Household) -> list[tuple[Phone | None, str]]:
    """Return a household's telephones that take texts, with their keys; one without any has None.

    A number that is listed twice is one telephone.
    """
    mobiles = {phone.number: phone for phone in household.phones if phone.can_text}
    if not mobiles:
        return [(None, telling.key_of(None, household.account_no))]
    return [(phone, telling.key_of(phone, household.account_no)) for phone in mobiles.values()]


def _account(telling: _Telling, household: Household, phone: Phone | None) -> Account:
    """Return a household as it is told on one of its telephones."""
    phones = () if phone is None else (phone,)
    consent = Consent(household.consented_at, household.opted_out_at)
    return Account(
        account_no=household.account_no,
        group=group_of(household.flags),
        phones=phones,
        area=telling.names.get(household.transformer_id, ""),
        consents=dict.fromkeys(phones, consent),
    )


def _owed(telling: _Telling, household: Household, told: tuple[notice.Told, ...]) -> Notice | None:
    """Return what a household that heard this is owed now, by its own steps of the outage."""
    home = (household.transformer_id, household.load_id)
    mine = [spell for spell in telling.spells if spell.reach.covers(*home)]
    plan = telling.outage.plan
    is_planned = plan is not None and plan.reach.covers(*home)
    state = HouseholdState(
        told=told,
        affected=bool(mine) or is_planned,
        nested=telling.elsewhere.covers(*home),
        restored_at=mine[-1].until if mine else None,
    )
    return notice.owed(state, telling.facts, at=telling.at, rules=telling.rules).notice


# One shard --------------------------------------------------------------------------------------


def tell(
    desk: Desk,
    ports: Ports,
    head: Head,
    keys: Sequence[Key],
    *,
    at: datetime,
    now: Callable[[], datetime] | None = None,
    is_out_of_time: Callable[[], bool] = lambda: False,
    unsettled: Iterable[Sent] = (),
) -> Shown:
    """Tell the households of a shard what they are owed now, and return what became of them.

    unsettled: texts that went out before and are not in their rows; they come first. at: now; the
    outage may have moved since the round was made, and then the newer word goes out. now: the
    instant as it goes on while texts are sent; `at` where it stands still. Raises Busy when the
    store does not answer before anything was sent: the shard comes again.
    """
    if head.outage.training:
        return Shown()
    for sent in unsettled:
        sent.settle(head.outage.outage_id)
    telling = _telling(desk, head, at=at)
    households = customers.households_at(keys)
    homes = {each.account_no: (each.transformer_id, each.account_no) for each in households}
    record = _read(telling, households)
    owing = [
        (_account(telling, each, phone), owed)
        for each in households
        for phone, key in _lines(telling, each)
        if (owed := _owed(telling, each, record.history(key))) is not None
    ]
    phones = {key for each in households for _, key in _lines(telling, each)}
    record = _with_others(telling, record, phones) if owing else record
    work = _Work(telling, ports, record, homes, now or (lambda: at))
    for recipient in notice.recipients(owing):
        if work.is_stopped or is_out_of_time():
            work.leave(recipient, wait=max(work.shown.wait, 1))
            continue
        try:
            work.tell(recipient)
        except Busy as silent:
            fail("notice.unwritten", silent)
            work.leave(recipient, wait=AGAIN)
            work.is_stopped = True
    work.publish()
    return work.shown


@dataclass(slots=True)
class _Work:
    """A shard while it is told. is_stopped: the rest is left, for the gateway or store is busy."""

    telling: _Telling
    ports: Ports
    record: _Record
    homes: Mapping[str, Key]
    now: Callable[[], datetime]
    shown: Shown = field(default_factory=Shown)
    is_stopped: bool = False

    def leave(self, recipient: Recipient, *, wait: int) -> None:
        """Leave a recipient for later."""
        self.shown.left += [self.homes[account] for account in recipient.accounts]
        self.shown.wait = max(self.shown.wait, wait)

    def publish(self) -> None:
        """Count what became of the shard."""
        for metric, status in (
            (Metric.TEXT_SENT, Status.SENT),
            (Metric.TEXT_FAILED, Status.FAILED),
        ):
            if number := self.shown.counts[status.value]:
                count(metric, number)

    def tell(self, recipient: Recipient) -> None:
        """Bring one recipient on: to a text, to a final state without one, or to a later hour."""
        telling, owed = self.telling, recipient.notice
        key = telling.key_of(recipient.phone, recipient.accounts[0])
        row = self.record.rows.get(key)
        if not notices.is_free(row, owed.revision, telling.at):
            self._stand_back(recipient, is_older=row is not None and row.seq < owed.revision)
            return
        recipient = replace(recipient, sent=self.record.sent(key, telling.at))
        when = notice.when_to_send(recipient, telling.facts, at=telling.at, rules=telling.rules)
        if isinstance(when, Drop):
            self._drop(recipient, key, row, when.reason)
        elif when > telling.at:
            self.shown.counts["held"] += 1
            self.shown.held += [self.homes[account] for account in recipient.accounts]
            self.shown.later = min(when, self.shown.later or when)
        else:
            self._claim(recipient, key, row)

    def _drop(self, recipient: Recipient, key: str, row: Told | None, reason: DropReason) -> None:
        """Keep why nothing is sent. Who must know all the same is called."""
        owed, status = recipient.notice, Status(DROPPED[reason].value)
        if reason in CALLED and recipient.group is not Group.REST:
            why = CALLED[reason]
            call(self.telling.outage, key, owed.revision, since=self.telling.since, why=why)
        notices.record(
            row,
            outage_id=self.telling.outage.outage_id,
            key=key,
            seq=owed.revision,
            kind=owed.kind.value,
            accounts=recipient.accounts,
            status=status,
            at=self.now(),
            reason=reason.value,
        )
        self.shown.counts[status.value] += 1

    def _claim(self, recipient: Recipient, key: str, row: Told | None) -> None:
        owed, at = recipient.notice, self.now()
        mine = notices.claim(
            row,
            outage_id=self.telling.outage.outage_id,
            key=key,
            seq=owed.revision,
            kind=owed.kind.value,
            accounts=recipient.accounts,
            by=self.ports.by,
            at=at,
            lease=LEASE,
            said=owed.as_told(at).to_json(),
        )
        if mine is None:
            self._stand_back(recipient, is_older=True)  # who was quicker may tell an older word
        else:
            self._send(recipient, mine)

    def _stand_back(self, recipient: Recipient, *, is_older: bool) -> None:
        """Leave a telephone to whoever has it; after an older word the newer one is owed."""
        self.shown.counts["in_hand"] += 1
        if is_older:
            self.leave(recipient, wait=SOON)

    def _send(self, recipient: Recipient, mine: Told) -> None:
        """Hand one text over. What is certain is settled; what is not is tried once more."""
        assert recipient.phone is not None  # noqa: S101 - `when_to_send` drops who has none
        written = voices.compose(
            recipient.notice,
            self.telling.facts,
            group=recipient.group,
            signature=self.ports.signature,
            at=self.telling.at,
            rules=self.telling.rules,
            own_area=recipient.own_area,
        )
        text = Text(
            effect_id=reference(mine),
            to=recipient.phone,
            template=written.code,
            params=written.params,
            body=written.body,
        )
        try:
            receipt = self.ports.gateway.send(text, at=self.now())
        except NumberRejected:
            self._fail(recipient, mine, why="rejected")
        except ReplyLost:
            self._lose(recipient, mine)
        except GatewayBusy as busy:
            if isinstance(busy, GatewayRefused):
                alarm("gateway.refused", gateway=busy.gateway, code=busy.code)
            notices.release(mine, at=self.now())
            self.leave(recipient, wait=max(1, busy.retry_after))
            self.is_stopped = True
        else:
            self._sent(mine, receipt.message_id)
            self.shown.counts[Status.SENT.value] += 1
            self.shown.counts["parts"] += written.parts

    def _sent(self, mine: Told, gateway_id: str) -> None:
        """Settle a text that went out; where the store is silent, later, and tell nobody more."""
        sent = Sent(mine.key, mine.seq, mine.holder, gateway_id, self.now())
        try:
            sent.settle(mine.outage_id)
        except Busy as silent:
            fail("notice.unwritten", silent)
            self.shown.unsettled.append(sent)
            self.shown.wait = max(self.shown.wait, SOON)
            self.is_stopped = True

    def _lose(self, recipient: Recipient, mine: Told) -> None:
        count(Metric.REPLY_LOST)
        if mine.tries >= MOST_LOST:
            self._fail(recipient, mine, why="reply-lost")
            return
        notices.settle(mine, Status.UNKNOWN, at=self.now(), reason="reply-lost")
        self.shown.counts[Status.UNKNOWN.value] += 1
        self.leave(recipient, wait=AGAIN)

    def _fail(self, recipient: Recipient, mine: Told, *, why: str) -> None:
        """No text reached this telephone: who must know is called."""
        if why == "rejected" or matters(recipient.notice, recipient.group):
            call(self.telling.outage, mine.key, mine.seq, since=self.telling.since, why=why)
        notices.settle(mine, Status.FAILED, at=self.now(), reason=why)
        self.shown.counts[Status.FAILED.value] += 1


CALLED: Final = {DropReason.NO_PHONE: "no-phone", DropReason.CAPPED: "capped"}
"""Why nothing is sent to somebody who is called in its stead, if it is one who must know."""


def matters(owed: Notice, group: Group) -> bool:
    """Return whether somebody calls when a text may not have arrived: not for mere repeats."""
    return group is not Group.REST or owed.first or owed.kind not in notice.REPEATS


def reference(mine: Told) -> str:
    """Return under which name a gateway's receipt comes back: it tells no number."""
    return f"told.{mine.outage_id}.{mine.key}.{mine.seq}"


def call(outage: Outage, key: str, seq: int, *, since: datetime, why: str) -> None:
    """Put a household that no text reached on the county's call list, once a round.

    since: the same for every attempt, so that a line that is written twice is one.
    """
    deliveries.add_call(
        outage.county,
        aggregate(outage.outage_id),
        f"{seq}.notice.{key}",
        since=since,
        reason=why,
    )


# What became of a round -------------------------------------------------------------------------


class _Open:
    """States that are not final, beside those of `Outcome`."""

    MISSING: Final = "missing"
    IN_HAND: Final = "in_hand"
    HELD: Final = "held"


@dataclass(frozen=True, slots=True)
class _Standing:
    """How one telephone, or one household, stands to a round.

    told_at: when its text was accepted, unless quiet hours had held it. later: as in `Tally`.
    """

    state: str
    told_at: datetime | None = None
    later: datetime | None = None


def tally(
    desk: Desk, head: Head, round_id: str, *, at: datetime, areas: Iterable[str] | None = None
) -> Tally:
    """Return what became of a round: every household of its reach in one state. No write.

    A household is as well off as its best-informed telephone. Who is owed nothing any more, because
    newer word reached them or the outage was none of theirs, is `superseded`. Of a round that is
    settled it is what was noted. areas: only those transformers of its reach. One read an area, and
    one a hundred telephones.
    """
    round_ = head.outage.rounds[round_id]
    if round_.watch_at is None:
        return Tally(Counter(dict(round_.counts)), told_at=round_.told_at)
    telling = _telling(desk, head, at=at)
    number = int(round_id.rpartition(".")[2])
    wanted = round_.reach.transformers if areas is None else areas
    households = list(_households(round_.reach, wanted))
    record = _read(telling, households)
    found, missing, told = Tally(), [], []
    for household in households:
        standing = _household(telling, household, record, number, round_.entered_at)
        told += [standing.told_at] if standing.told_at else []
        if standing.state == _Open.MISSING:
            missing.append(household)
        else:
            _count(found, standing)
    found.missing = len(missing)
    found.shards = _cut(desk, head, round_id, missing, at=at)
    found.told_at = max(told, default=None)
    return found


def _count(found: Tally, standing: _Standing) -> None:
    if standing.state == _Open.IN_HAND:
        found.waiting += 1
    elif standing.state == _Open.HELD:
        found.held += 1
        found.later = min(filter(None, (standing.later, found.later)), default=None)
    else:
        found.counts[standing.state] += 1


def _household(
    telling: _Telling, household: Household, record: _Record, number: int, entered: datetime
) -> _Standing:
    """Return how a household stands: open while one of its telephones is, else the best of them."""
    lines = [
        _line(telling, household, phone, key, record, number, entered)
        for phone, key in _lines(telling, household)
    ]
    told_at = max((one.told_at for one in lines if one.told_at), default=None)
    for state in (_Open.MISSING, _Open.IN_HAND, _Open.HELD):
        found = [one for one in lines if one.state == state]
        if found:
            later = min((one.later for one in found if one.later), default=None)
            return _Standing(state, told_at, later)
    best = notice.of_household(Outcome(one.state) for one in lines)
    return _Standing(best.value, told_at)


def _line(  # noqa: PLR0917 - one telephone of one household in one round
    telling: _Telling,
    household: Household,
    phone: Phone | None,
    key: str,
    record: _Record,
    number: int,
    entered: datetime,
) -> _Standing:
    row = record.rows.get(key)
    is_open = row is not None and not row.is_final and row.seq >= number
    ended = [one for one in row.rounds if _is_over(one, number, is_open)] if row else []
    if ended:
        best = notice.of_household(Outcome(one.status.value) for one in ended)
        return _Standing(best.value, _told_at(telling, household, ended, entered))
    history = record.history(key)
    owed = _owed(telling, household, history)
    if owed is None:
        return _Standing((Outcome.SUPERSEDED if phone else Outcome.NO_PHONE).value)
    if not notices.is_free(row, owed.revision, telling.at):
        return _Standing(_Open.IN_HAND)
    (recipient,) = notice.recipients([(_account(telling, household, phone), owed)])
    recipient = replace(recipient, sent=record.sent(key, telling.at))
    when = notice.when_to_send(recipient, telling.facts, at=telling.at, rules=telling.rules)
    if isinstance(when, datetime) and when > telling.at:
        return _Standing(_Open.HELD, later=when)
    return _Standing(_Open.MISSING)


def _is_over(one: Past, number: int, is_open: bool) -> bool:  # noqa: FBT001 - of the row
    """Return whether this ended a telephone's part in a round.

    A claim that a newer one took over ends it only once the newer one has ended too.
    """
    if one.seq < number or one.status in {Status.CLAIMED, Status.UNKNOWN}:
        return False
    return not (is_open and one.status is Status.SUPERSEDED)


def _told_at(
    telling: _Telling, household: Household, ended: Sequence[Past], entered: datetime
) -> datetime | None:
    """Return when the first text of a round or after it was accepted.

    None where quiet hours had held it: they are above the five minutes.
    """
    first = next((one for one in ended if one.status in _GOT_IT), None)
    if first is None:
        return None
    quiet = quiet_hours(entered, telling.rules)
    group = group_of(household.flags)
    rule = notice.NIGHT[notice.Kind(first.kind)][tuple(Group).index(group)]
    is_kept_back = quiet.holds(entered) and rule is not notice.Night.SEND
    return None if is_kept_back and first.at >= quiet.over(entered) else first.at


def reconcile(
    desk: Desk, head: Head, round_id: str, *, at: datetime, found: Tally | None = None
) -> Tally:
    """Note in the outage what became of a round, and return it with the shards still missing.

    found: what its parts added up to; without it all of it is counted here. Nothing is noted while
    nothing changed and something is missing, nor of what was settled before. Raises Stale when the
    outage moved meanwhile, and Busy: it is looked at again.
    """
    found = tally(desk, head, round_id, at=at) if found is None else found
    known = head.outage.rounds[round_id]
    told_at = None
    if found.told_at is not None and not found.missing and not found.waiting:
        # The clocks of two machines may differ by what the record does not allow.
        told_at = max(known.entered_at, min(found.told_at, at))
    is_news = (
        dict(found.counts) != dict(known.counts) or (told_at or known.told_at) != known.told_at
    )
    if known.watch_at is not None and (found.is_final or is_news):
        made = moves.settle(
            head.outage,
            moves.Act(SYSTEM, occurred_at=at, recorded_at=max(at, head.outage.recorded_at)),
            round_id=round_id,
            told_at=told_at,
            counts=dict(found.counts),
            is_final=found.is_final,
            rules=desk.rules(head.outage.county),
        )
        outages.commit(Change(head, made))
    log(
        "round.tallied",
        outage=head.outage.outage_id,
        round=round_id,
        final=found.is_final,
        missing=found.missing,
        waiting=found.waiting,
        held=found.held,
        **dict(found.counts),
    )
    return found


def seconds_to_send(households: int, *, rate: float) -> int:
    """Return how long a gateway of `rate` texts a second needs; said before anybody sends."""
    return -(-households // max(1, int(rate)))
