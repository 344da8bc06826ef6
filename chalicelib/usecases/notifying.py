"""Telling every household (通知到户): a round becomes shards, a shard becomes texts, each once.

A *round* is an event of an outage that must be told. `expand` cuts its households into shards of
accounts, the vulnerable and the key customers first. `tell` takes one shard: it asks the domain
what each telephone is owed now, claims its row, sends, settles. `reconcile` counts what became of a
round, and says which accounts are still missing until every household has its final state.

Everything may come twice, late or in pieces: what a telephone was told is in its row, and the row
decides. Two write units a text; a crash between sending and settling costs one extra text.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from chalicelib.domain import outage_moves as moves
from chalicelib.domain import outage_notice as notice
from chalicelib.domain import voices
from chalicelib.domain.clocks import Rules
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Actor
from chalicelib.domain.outage import Outage, aggregate, spells
from chalicelib.domain.outage_notice import (
    DROPPED,
    Account,
    Consent,
    Drop,
    Facts,
    HouseholdState,
    Notice,
    Recipient,
    group_of,
)
from chalicelib.domain.reach import Reach
from chalicelib.domain.staff import Outsider
from chalicelib.outbound.sms import GatewayBusy, NumberRejected, ReplyLost, Text
from chalicelib.store import customers, deliveries, notices, outages
from chalicelib.store.customers import Household
from chalicelib.store.deliveries import Status
from chalicelib.store.notices import Told
from chalicelib.store.outages import Change, Head
from chalicelib.telemetry import log
from chalicelib.usecases.delivering import LEASE, MOST_LOST, Ports
from chalicelib.usecases.desk import Desk

Key = tuple[str, str]
"""(transformer, account): where a household is at home."""

SYSTEM: Final = Actor(Outsider.SYSTEM.value, "notices")
KEY_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class Shard:
    """Households that one message holds. is_urgent: it goes on the queue of the first."""

    outage_id: str
    round_id: str
    number: int
    keys: tuple[Key, ...]
    is_urgent: bool


@dataclass(slots=True)
class Shown:
    """What became of one shard. later: when what is held may go out, the soonest of them.

    left: households that must be tried again after `wait` seconds, because the gateway is busy.
    """

    counts: Counter[str] = field(default_factory=Counter)
    later: datetime | None = None
    left: list[Key] = field(default_factory=list)
    wait: int = 0


@dataclass(slots=True)
class Tally:
    """What is known of a round. counts: households by state. missing: who was not told and is owed.

    waiting: households that somebody has in hand or that are held. told_at: of the last text taken.
    """

    counts: Counter[str] = field(default_factory=Counter)
    missing: list[Shard] = field(default_factory=list)
    waiting: int = 0
    told_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Whether every household has its final state."""
        return not self.missing and not self.waiting


# A round and its households ---------------------------------------------------------------------


def expand(desk: Desk, head: Head, round_id: str, *, at: datetime) -> list[Shard]:
    """Return the shards of a round, in the order of sending: one read an area, and no write."""
    found = list(_households(head.outage.rounds[round_id].reach))
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


def _households(reach: Reach) -> Iterator[Household]:
    for transformer in reach.transformers:
        for household in customers.households_of(transformer):
            if reach.covers(transformer, household.load_id):
                yield household


@dataclass(frozen=True)
class _Telling:
    """One outage while its households are told: what holds for all of them."""

    desk: Desk
    head: Head
    facts: Facts
    below: tuple[Outage, ...]
    rules: Rules
    names: Mapping[str, str]
    at: datetime

    @property
    def outage(self) -> Outage:
        return self.head.outage

    def key_of(self, phone: Phone | None, account: str) -> str:
        """Return under which key a telephone's row lies: a digest, which tells no number."""
        if phone is None:
            return f"account/{account}"
        return self.desk.derive("told", phone.number).hex()[:KEY_DIGITS]


def _telling(desk: Desk, head: Head, *, at: datetime) -> _Telling:
    outage = head.outage
    rules = desk.rules(outage.county)
    names = {place.code: place.name for place in customers.places(outage.county, at=at)}
    everywhere = outage.plan.reach if outage.plan else Reach()
    for step in outage.steps.values():
        everywhere |= step.reach
    areas = [names.get(code, code) for code in everywhere.transformers]
    office = desk.snapshot.offices.get(outage.county)
    facts = voices.facts_of(
        outage,
        areas=areas or [str(head.shown.get("area", outage.outage_id))],
        line=str(head.shown.get("line", "")),
        duty_phone=office.phone if office else "",
    )
    below = tuple(each.outage for each in outages.get_many(outage.below))
    return _Telling(desk, head, facts, below, rules, names, at)


def _account(telling: _Telling, household: Household) -> Account:
    consent = Consent(household.consented_at, household.opted_out_at)
    return Account(
        account_no=household.account_no,
        group=group_of(household.flags),
        phones=household.phones,
        area=telling.names.get(household.transformer_id, ""),
        consents=dict.fromkeys(household.phones, consent),
    )


def _state(telling: _Telling, household: Household, row: Told | None) -> HouseholdState:
    """Return how a household stands to the outage, as its own steps have it, and what it heard."""
    home = (household.transformer_id, household.load_id)
    mine = [spell for spell in spells(telling.outage) if spell.reach.covers(*home)]
    plan = telling.outage.plan
    is_planned = plan is not None and plan.reach.covers(*home)
    return HouseholdState(
        told=_history(row),
        affected=bool(mine) or is_planned,
        nested=any(each.dark.covers(*home) for each in telling.below),
        restored_at=mine[-1].until if mine else None,
    )


def _history(row: Told | None) -> tuple[notice.Told, ...]:
    """Return what a telephone was told, in the domain's words. What failed was not told."""
    if row is None:
        return ()
    sent = {Status.SENT, Status.DELIVERED}
    return tuple(
        notice.told_from_json({**one.said, "a": round(one.at.timestamp() * 1000)})
        for one in row.rounds
        if one.status in sent and one.said
    )


def _owing(
    telling: _Telling, household: Household, rows: Mapping[str, Told]
) -> Iterator[tuple[Account, Notice]]:
    """Yield what each telephone of a household is owed now, as an account with that one phone."""
    account = _account(telling, household)
    mobiles: list[Phone | None] = [phone for phone in account.phones if phone.can_text]
    for phone in mobiles or [None]:
        row = rows.get(telling.key_of(phone, account.account_no))
        state = _state(telling, household, row)
        owed = notice.owed(state, telling.facts, at=telling.at, rules=telling.rules).notice
        if owed is not None:
            yield _with(account, phone), owed


def _with(account: Account, phone: Phone | None) -> Account:
    return Account(
        account_no=account.account_no,
        group=account.group,
        phones=() if phone is None else (phone,),
        area=account.area,
        consents=account.consents,
    )


def _rows(telling: _Telling, households: Iterable[Household]) -> dict[str, Told]:
    keys = {
        telling.key_of(phone if phone.can_text else None, each.account_no)
        for each in households
        for phone in each.phones
    } | {telling.key_of(None, each.account_no) for each in households}
    return notices.told(telling.outage.outage_id, keys)


# One shard --------------------------------------------------------------------------------------


def tell(desk: Desk, ports: Ports, head: Head, keys: Sequence[Key], *, at: datetime) -> Shown:
    """Tell the households of a shard what they are owed now, and return what became of them.

    at: now; the outage may have moved since the round was made, and then the newer word goes out.
    Raises Busy when the store does not answer: the shard comes again.
    """
    telling = _telling(desk, head, at=at)
    households = customers.households_at(keys)
    homes = {each.account_no: (each.transformer_id, each.account_no) for each in households}
    rows = _rows(telling, households)
    shown = Shown()
    owing = [pair for each in households for pair in _owing(telling, each, rows)]
    for recipient in notice.recipients(owing):
        if shown.wait:
            shown.left += [homes[account] for account in recipient.accounts]
            continue
        _tell_one(telling, ports, recipient, rows, shown)
        if shown.wait:
            shown.left += [homes[account] for account in recipient.accounts]
    return shown


def _tell_one(
    telling: _Telling,
    ports: Ports,
    recipient: Recipient,
    rows: Mapping[str, Told],
    shown: Shown,
) -> None:
    key = telling.key_of(recipient.phone, recipient.accounts[0])
    row = rows.get(key)
    owed = recipient.notice
    if not notices.is_free(row, owed.revision, telling.at):
        shown.counts["held"] += 1
        return
    when = notice.when_to_send(recipient, telling.facts, at=telling.at, rules=telling.rules)
    if isinstance(when, Drop):
        status = Status(DROPPED[when.reason].value)
        _record(telling, recipient, key, row, status, reason=when.reason.value)
        shown.counts[status.value] += 1
        return
    if when > telling.at:
        shown.counts["held"] += 1
        shown.later = min(when, shown.later or when)
        return
    mine = notices.claim(
        row,
        outage_id=telling.outage.outage_id,
        key=key,
        seq=owed.revision,
        kind=owed.kind.value,
        accounts=recipient.accounts,
        by=ports.by,
        at=telling.at,
        lease=LEASE,
        said=owed.as_told(telling.at).to_json(),
    )
    if mine is None:
        shown.counts["held"] += 1
        return
    _send(telling, ports, recipient, mine, shown)


def _record(
    telling: _Telling,
    recipient: Recipient,
    key: str,
    row: Told | None,
    status: Status,
    *,
    reason: str,
) -> None:
    notices.record(
        row,
        outage_id=telling.outage.outage_id,
        key=key,
        seq=recipient.notice.revision,
        kind=recipient.notice.kind.value,
        accounts=recipient.accounts,
        status=status,
        at=telling.at,
        reason=reason,
    )


def _send(telling: _Telling, ports: Ports, recipient: Recipient, mine: Told, shown: Shown) -> None:
    """Hand one text over. What is certain is settled, what is not may be tried once more."""
    assert recipient.phone is not None  # noqa: S101 - `when_to_send` drops who has none
    at = telling.at
    written = voices.compose(
        recipient.notice,
        telling.facts,
        group=recipient.group,
        signature=ports.signature,
        at=at,
        rules=telling.rules,
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
        receipt = ports.gateway.send(text, at=at)
    except NumberRejected:
        status = Status.FAILED
        _call(telling, mine, reason="rejected")
        notices.settle(mine, status, at=at, reason="rejected")
    except ReplyLost:
        status = Status.UNKNOWN if mine.tries < MOST_LOST else Status.FAILED
        if status is Status.FAILED:
            _call(telling, mine, reason="reply-lost")
        notices.settle(mine, status, at=at, reason="reply-lost")
    except GatewayBusy as busy:
        notices.release(mine, at=at)
        shown.wait = max(1, busy.retry_after)
        return
    else:
        status = Status.SENT
        notices.settle(mine, status, at=at, gateway_id=receipt.message_id)
    shown.counts[status.value] += 1
    shown.counts["parts"] += written.parts if status is Status.SENT else 0


def reference(mine: Told) -> str:
    """Return under which name a gateway's receipt comes back: it tells no number."""
    return f"told.{mine.outage_id}.{mine.key}.{mine.seq}"


def _call(telling: _Telling, mine: Told, *, reason: str) -> None:
    """Put a household that no text reached on the county's call list."""
    outage = telling.outage
    deliveries.add_call(
        outage.county,
        aggregate(outage.outage_id),
        f"{mine.seq}.notice.{mine.key}",
        since=telling.at,
        reason=reason,
    )


# What became of a round -------------------------------------------------------------------------


def tally(desk: Desk, head: Head, round_id: str, *, at: datetime) -> Tally:
    """Return what became of a round: every household of its reach in one state. No write.

    A household is as well off as its best-informed telephone. Who is owed nothing any more, because
    newer word reached them or the outage was none of theirs, is `superseded`.
    """
    telling = _telling(desk, head, at=at)
    round_ = head.outage.rounds[round_id]
    number = int(round_id.rpartition(".")[2])
    rows = {row.key: row for row in notices.everybody(head.outage.outage_id)}
    found, missing = Tally(), []
    for household in _households(round_.reach):
        state, is_missing = _standing(telling, household, rows, number)
        if is_missing:
            missing.append(household)
        elif state == Status.CLAIMED.value:
            found.waiting += 1
        else:
            found.counts[state] += 1
    found.missing = _cut(desk, head, round_id, missing, at=at)
    sent = [
        one.at
        for row in rows.values()
        for one in row.rounds
        if one.seq >= number and one.status in {Status.SENT, Status.DELIVERED, Status.FAILED}
    ]
    found.told_at = max(sent, default=None)
    return found


def _standing(
    telling: _Telling, household: Household, rows: Mapping[str, Told], number: int
) -> tuple[str, bool]:
    """Return (state, whether it must be told yet) of one household in one round."""
    account = _account(telling, household)
    mobiles: list[Phone | None] = [phone for phone in account.phones if phone.can_text]
    states: list[Status] = []
    for phone in mobiles or [None]:
        row = rows.get(telling.key_of(phone, account.account_no))
        ended = [one.status for one in row.rounds if one.seq >= number] if row else []
        final = [status for status in ended if status not in {Status.CLAIMED, Status.UNKNOWN}]
        if final:
            states.append(max(final, key=deliveries.RANKS.__getitem__))
            continue
        owed = notice.owed(
            _state(telling, household, row), telling.facts, at=telling.at, rules=telling.rules
        ).notice
        if owed is None:
            states.append(Status.SUPERSEDED)
        elif notices.is_free(row, owed.revision, telling.at):
            return "missing", True
        else:
            return Status.CLAIMED.value, False
    return max(states, key=deliveries.RANKS.__getitem__).value, False


def reconcile(desk: Desk, head: Head, round_id: str, *, at: datetime) -> Tally:
    """Note in the outage what became of a round, and return it with the shards still missing.

    Nothing is noted while nothing changed and something is missing. Raises Stale when the outage
    moved meanwhile, and Busy: it is looked at again.
    """
    known = head.outage.rounds[round_id]
    if known.watch_at is None:  # every household had its final state: its reach was let go
        return Tally(Counter(known.counts), told_at=known.told_at)
    found = tally(desk, head, round_id, at=at)
    is_news = dict(found.counts) != dict(known.counts) or found.told_at != known.told_at
    if found.is_final or is_news:
        made = moves.settle(
            head.outage,
            moves.Act(SYSTEM, occurred_at=at, recorded_at=at),
            round_id=round_id,
            told_at=found.told_at,
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
        missing=sum(len(shard.keys) for shard in found.missing),
        **dict(found.counts),
    )
    return found


def seconds_to_send(households: int, *, rate: float) -> int:
    """Return how long a gateway of `rate` texts a second needs; said before anybody sends."""
    return -(-households // max(1, int(rate)))
