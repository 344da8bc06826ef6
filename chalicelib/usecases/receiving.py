"""What gateways tell us: receipts of texts that went out, and what people answered to them.

A receipt only adds to what is known; one that comes late, twice or out of order changes nothing
that is truer. An answer that says “still dark” reopens the outage for that household's supply
point, and counts as a call; any other is counted and nothing else, for a person to read.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain import outage_moves as moves
from chalicelib.domain import outage_notice as notice
from chalicelib.domain.calendar import CHINA
from chalicelib.domain.contact import Phone
from chalicelib.domain.order import Actor, is_order_number
from chalicelib.domain.outage_notice import Group, Reply, group_of, parse_reply
from chalicelib.domain.reach import Reach
from chalicelib.domain.refusal import BadInput, IllegalMove, Stale, Unknown
from chalicelib.domain.staff import Outsider
from chalicelib.store import customers, deliveries, notices, outages
from chalicelib.store.customers import Household
from chalicelib.store.deliveries import Status
from chalicelib.store.notices import Told
from chalicelib.store.outages import Change
from chalicelib.telemetry import log
from chalicelib.usecases import locating, notifying
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.locating import Reported

CITIZEN: Final = Actor(Outsider.CITIZEN.value, "reply")
ANSWERED: Final = timedelta(days=1)
"""How long after an outage a text about it may be answered. [design]"""
TRIES: Final = 5
MOST_OVER: Final = 200
STILL, KNOWN, NOBODY, UNREADABLE = "reopened", "known", "nobody", "unreadable"


@dataclass(slots=True)
class Heard:
    """What became of a batch. unknown: the places of receipts that are of no text of ours."""

    counts: Counter[str] = field(default_factory=Counter)
    unknown: list[int] = field(default_factory=list)


# Receipts ---------------------------------------------------------------------------------------


def receipts(desk: Desk, given: Iterable[tuple[str, Status]], *, at: datetime) -> Heard:
    """Take in what gateways say of texts, by the reference that each was handed over with.

    Raises Busy; then some are taken in, and sending all again is harmless.
    """
    heard = Heard()
    for place, (reference, status) in enumerate(given):
        try:
            is_news = _receipt(desk, reference, status, at=at)
        except Unknown:
            heard.unknown.append(place)
        else:
            heard.counts["news" if is_news else "known"] += 1
    return heard


def _receipt(desk: Desk, reference: str, status: Status, *, at: datetime) -> bool:
    kind, _, rest = reference.partition(".")
    if kind == "told":
        return _of_notice(desk, rest, status)
    if not is_order_number(kind) or not rest:
        raise Unknown(what="text")
    deliveries.get(kind, rest)  # what was never claimed has no receipt
    return deliveries.settle(kind, rest, status, at=at)


def _of_notice(desk: Desk, rest: str, status: Status) -> bool:
    parts = rest.rsplit(".", 2)
    if len(parts) != 3 or not parts[2].isdecimal():  # noqa: PLR2004 - outage, telephone, round
        raise Unknown(what="text")
    outage_id, key, seq = parts[0], parts[1], int(parts[2])
    row = notices.told(outage_id, [key]).get(key)
    if row is None or all(one.seq != seq for one in row.rounds):
        raise Unknown(what="text")
    is_news = notices.receipt(outage_id, key, seq, status)
    is_there = any(one.seq == seq and one.status is Status.DELIVERED for one in row.rounds)
    if status is Status.FAILED and not is_there:
        _call(desk, row, seq)
    return is_news


def _call(desk: Desk, row: Told, seq: int) -> None:
    """Put a household on the call list whose telephone did not get a text that matters."""
    outage = outages.get(row.outage_id).outage
    kind = next(one.kind for one in row.rounds if one.seq == seq)
    households = customers.find_households(row.accounts).values()
    is_rest = all(group_of(each.flags) is Group.REST for each in households)
    entered = [r.entered_at for name, r in outage.rounds.items() if name.endswith(f".{seq}")]
    if entered and not (is_rest and notice.Kind(kind) in notice.REPEATS):
        notifying.call(outage, row.key, seq, since=entered[0], why="not-delivered")
    log("notice.undelivered", outage=row.outage_id, kind=kind, county=desk.path(outage.county))


# Replies ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """A text that somebody sent back. message_id: the gateway's, by which it is one."""

    message_id: str
    phone: Phone
    text: str = field(repr=False)


def replies(desk: Desk, given: Iterable[Answer], *, office_id: str, by: str, at: datetime) -> Heard:
    """Take in what people answered, and let who is still dark be so. Raises Busy.

    office_id: of the key that brings them; only outages of its counties are reopened.
    """
    heard = Heard()
    mine = desk.path(office_id)
    counties = [each for each in desk.snapshot.counties if desk.path(each)[: len(mine)] == mine]
    for answer in given:
        if parse_reply(answer.text) is Reply.UNKNOWN:
            heard.counts[UNREADABLE] += 1
            continue
        row = _told_last(desk, answer.phone, counties, at=at)
        if row is None:
            heard.counts[NOBODY] += 1
            continue
        heard.counts[_reopen(desk, row, at=at)] += 1
        _note(desk, answer, row, office_id=office_id, by=by, at=at)
    log("replies.heard", **dict(heard.counts))
    return heard


def _told_last(desk: Desk, phone: Phone, counties: Iterable[str], *, at: datetime) -> Told | None:
    """Return what this telephone was told last, within a day of its outage's end."""
    key = notifying.key_of(desk, phone)
    rows = [
        row
        for outage_id in _lately(counties, at=at)
        for row in notices.told(outage_id, [key]).values()
    ]
    return max(rows, key=lambda row: row.at, default=None)


def _lately(counties: Iterable[str], *, at: datetime) -> Iterator[str]:
    """Yield the outages that are not over, and those that were within a day."""
    months = dict.fromkeys(f"{when.astimezone(CHINA):%Y-%m}" for when in (at, at - ANSWERED))
    for county in counties:
        yield from (each.outage_id for each in outages.board(county).outages)
        for month in months:
            for head in outages.over(county, month, limit=MOST_OVER).items:
                closed = head.outage.closed_at
                if closed is not None and closed > at - ANSWERED:
                    yield head.outage.outage_id


def _reopen(desk: Desk, row: Told, *, at: datetime) -> str:
    households = customers.find_households(row.accounts).values()
    reach = _points(households)
    if not reach:
        return KNOWN
    for _ in range(TRIES):
        board = outages.board(outages.get(row.outage_id).outage.county)
        head = outages.get(row.outage_id)
        act = moves.Act(CITIZEN, at, max(at, head.outage.recorded_at))
        rules = desk.rules(head.outage.county)
        try:
            made = moves.still_dark(head.outage, act, reach=reach, rules=rules)
            outages.commit(Change(head, made), gate=board)
        except (BadInput, IllegalMove):  # it is dark on our record too, or never was
            return KNOWN
        except Stale:
            continue
        return STILL
    raise Stale(what="outage")


def _points(households: Iterable[Household]) -> Reach:
    """Return the supply points of these households, where they are known."""
    areas: dict[str, list[str]] = {}
    for each in households:
        if each.load_id:
            areas.setdefault(each.transformer_id, []).append(each.load_id)
    return Reach.of(areas)


def _note(desk: Desk, answer: Answer, row: Told, *, office_id: str, by: str, at: datetime) -> None:
    """Count the answer among the calls: it is evidence like any other."""
    digest = hashlib.sha256(f"{by}\n{answer.message_id}".encode()).digest()
    events = [
        Reported(
            kind="call",
            sort="account",
            subject=account,
            source="reply",
            sequence=int.from_bytes(digest[:6], "big"),
            occurred_at=at,
            confidence=1.0,
        )
        for account in row.accounts
    ]
    locating.take(desk, events, office_id=office_id, by=by, at=at)
