"""What each telephone was told of an outage: one row a telephone, claimed and settled a round.

    question                            key                                          calls
    what was this telephone told        pk = told/<outage>/<bucket>, sk = key         1 a hundred
    which texts of these outages it had the same, of each outage                       1 a hundred
    claim it for a round; settle it     the same                                     1 write each
    keep what a look found in a part    pk = look/<outage>/<round>/<look>, sk = part  1 write
    what it found in every part         the same                                      1 a MB

A round is one event that must be told; its `seq` is the event's number, so a newer one has a
larger `seq`. A row is claimed for the newest round only: an older one that comes late loses. What
we know of a round only grows (deliveries.RANKS). `key` is a keyed hash of the number, or
`account/<no>` of a household without one; nothing here tells a number. At most one worker holds a
row at a time, until its lease runs out: who dies between sending and settling costs one extra text
and loses none.
"""

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.refusal import Busy

from .deliveries import RANKS, Status
from .desk_rows import PartRow, ToldRow, compact, find, find_many, seconds, under
from .rows import Unconfirmed, writing

_CALLS: Final = itertools.count()
_PAST_KEPT: Final = 20
"""Rounds before the newest: as many as a number may have texts a day."""
_WENT_OUT: Final = frozenset({Status.SENT, Status.DELIVERED, Status.UNKNOWN})
PARTS_KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Past:
    """A round that is over for one telephone, how it ended, and what it said (coded)."""

    seq: int
    kind: str
    status: Status
    at: datetime
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """One telephone's row. seq, kind: of the newest round it was claimed for. at: last change.

    until: when the lease ends. holder: who claimed it. past: earlier rounds, oldest first.
    accounts: whose household has this telephone, among those in the round's reach. said: what the
    notice says, coded and without a word about anybody.
    """

    outage_id: str
    key: str
    seq: int
    kind: str
    status: Status
    at: datetime
    accounts: tuple[str, ...] = ()
    tries: int = 0
    until: datetime | None = None
    holder: str = ""
    gateway_id: str = ""
    reason: str = ""
    past: tuple[Past, ...] = ()
    said: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether nothing more has to be done about this round."""
        return RANKS[self.status] > RANKS[Status.UNKNOWN]

    @property
    def rounds(self) -> tuple[Past, ...]:
        """Every round, the newest last."""
        return (*self.past, Past(self.seq, self.kind, self.status, self.at, self.said))


def told(outage_id: str, keys: Iterable[str]) -> dict[str, Told]:
    """Return the rows of those telephones that have one, by key. Raises Busy."""
    rows = find_many(ToldRow, ((_bucket(outage_id, key), key) for key in keys))
    return {row.sk: _told(row) for row in rows}


def texts_to(
    keys: Iterable[str], outage_ids: Iterable[str], *, since: datetime
) -> dict[str, tuple[datetime, ...]]:
    """Return when texts of these outages went to these telephones, by key, a hundred a call.

    Those whose reply was lost count too. Raises Busy.
    """
    wanted = list(keys)
    rows = find_many(ToldRow, ((_bucket(each, key), key) for each in outage_ids for key in wanted))
    found: dict[str, list[datetime]] = {}
    for row in rows:
        times = [one.at for one in _told(row).rounds if one.status in _WENT_OUT and one.at > since]
        found.setdefault(row.sk, []).extend(times)
    return {key: tuple(times) for key, times in found.items()}


def is_free(before: Told | None, seq: int, at: datetime) -> bool:
    """Return whether a row can be claimed for a round: nobody holds it, and no newer one has it.

    A settled row can be claimed for a newer round only; one whose lease ran out, for its own too.
    """
    if before is None:
        return True
    if before.is_final:
        return before.seq < seq
    return before.seq <= seq and (before.until is None or before.until <= at)


def claim(
    before: Told | None,
    *,
    outage_id: str,
    key: str,
    seq: int,
    kind: str,
    accounts: Iterable[str],
    by: str,
    at: datetime,
    lease: timedelta,
    said: Mapping[str, Any] = MappingProxyType({}),
) -> Told | None:
    """Take a telephone in hand for a round, and return its row; None when somebody was quicker.

    before: the row as it was read, which `is_free` must allow. One write, conditional on that row
    being as it was. Raises ValueError for a row that is not free, and Busy; the claim may then
    stand until its lease runs out.
    """
    if not is_free(before, seq, at):
        raise ValueError(f"the row is not free for round {seq}")
    same = before is not None and before.seq == seq
    mine = Told(
        outage_id=outage_id,
        key=key,
        seq=seq,
        kind=kind,
        status=Status.CLAIMED,
        at=at,
        accounts=tuple(sorted(accounts)),
        tries=(before.tries if before is not None and same else 0) + 1,
        until=at + lease,
        holder=f"{by}/{next(_CALLS)}",
        past=_past_of(before, same=same),
        said=dict(said),
    )
    return mine if _put(mine, _unchanged(before)) else None


def settle(
    mine: Told, status: Status, *, at: datetime, gateway_id: str = "", reason: str = ""
) -> bool:
    """Say what became of our claim. Return False when the row is not ours any more.

    `unknown` ends the lease at once: who comes next may try again. Raises ValueError for `claimed`,
    and Busy.
    """
    if status is Status.CLAIMED:
        raise ValueError(status)
    row = ToldRow(_bucket(mine.outage_id, mine.key), mine.key)
    actions: list[Action] = [
        ToldRow.status.set(status.value),
        ToldRow.rank.set(RANKS[status]),
        ToldRow.at.set(millis(at)),
        ToldRow.until.set(millis(at)),
    ]
    if gateway_id:
        actions.append(ToldRow.gateway_id.set(gateway_id))
    if reason:
        actions.append(ToldRow.reason.set(reason))
    is_ours = (ToldRow.holder == mine.holder) & (ToldRow.rank < RANKS[status])
    try:
        with writing():
            row.update(actions, is_ours)
    except Unconfirmed as doubt:
        held = find(ToldRow, row.pk, row.sk)
        if held is not None and held.holder == mine.holder and held.status == status.value:
            return True
        if doubt.refused:
            return False
        raise Busy(of="store") from doubt
    return True


def release(mine: Told, *, at: datetime) -> bool:
    """Give a claim back: certainly nothing was sent. Return False when it is not ours any more.

    The try does not count. Raises Busy.
    """
    row = ToldRow(_bucket(mine.outage_id, mine.key), mine.key)
    is_ours = (ToldRow.holder == mine.holder) & (ToldRow.rank == RANKS[Status.CLAIMED])
    try:
        with writing():
            row.update([ToldRow.until.set(millis(at)), ToldRow.tries.set(mine.tries - 1)], is_ours)
    except Unconfirmed as doubt:
        if doubt.refused:
            return False
        raise Busy(of="store") from doubt
    return True


def record(
    before: Told | None,
    *,
    outage_id: str,
    key: str,
    seq: int,
    kind: str,
    accounts: Iterable[str],
    status: Status,
    at: datetime,
    reason: str = "",
) -> bool:
    """Keep the final state of a round in which nothing is sent: no telephone, opted out, overtaken.

    One write. Return False when somebody was quicker. Raises ValueError for a state that is not
    final or a row that is not free, and Busy.
    """
    if RANKS[status] <= RANKS[Status.UNKNOWN]:
        raise ValueError(status)
    if not is_free(before, seq, at):
        raise ValueError(f"the row is not free for round {seq}")
    same = before is not None and before.seq == seq
    final = Told(
        outage_id=outage_id,
        key=key,
        seq=seq,
        kind=kind,
        status=status,
        at=at,
        accounts=tuple(sorted(accounts)),
        tries=before.tries if before is not None and same else 0,
        until=at,
        holder=f"-/{next(_CALLS)}",
        reason=reason,
        past=_past_of(before, same=same),
    )
    return _put(final, _unchanged(before))


def receipt(outage_id: str, key: str, seq: int, status: Status) -> bool:
    """Take in what a gateway says later of a round. Return whether that was news.

    A round that a newer one has followed keeps its word in `past`. `at` stays when the gateway took
    the text, which is when the household was told. Raises Busy.
    """
    for _ in range(3):
        row = find(ToldRow, _bucket(outage_id, key), key)
        if row is None:
            return False
        held = _told(row)
        changed = _with_receipt(held, seq, status)
        if changed is None:
            return False
        if _put(changed, _unchanged(held)):
            return True
    raise Busy(of="store")


def _with_receipt(held: Told, seq: int, status: Status) -> Told | None:
    if held.seq == seq:
        if RANKS[held.status] >= RANKS[status]:
            return None
        return replace(held, status=status)
    past = tuple(
        replace(one, status=status) if one.seq == seq and RANKS[one.status] < RANKS[status] else one
        for one in held.past
    )
    return None if past == held.past else replace(held, past=past)


# A look at a round that is too large for one ----------------------------------------------------


def put_part(
    outage_id: str, look: str, part: str, found: Mapping[str, Any], *, at: datetime
) -> None:
    """Keep what a look found in a part of a round, in place of what it found there before.

    look: names the round and the look. Raises Busy.
    """
    expires = seconds(at + PARTS_KEPT)
    row = PartRow(_look(outage_id, look), part, found=compact(dict(found)), expires=expires)
    try:
        with writing():
            row.save()
    except Unconfirmed as doubt:
        raise Busy(of="store") from doubt


def parts_of(outage_id: str, look: str) -> dict[str, dict[str, Any]]:
    """Return what a look has found so far, by part. Raises Busy."""
    rows = under(PartRow, _look(outage_id, look))
    return {row.sk: json.loads(row.found) for row in rows}


def _look(outage_id: str, look: str) -> str:
    return f"look/{outage_id}/{look}"


# Between values and rows ------------------------------------------------------------------------


def _bucket(outage_id: str, key: str) -> str:
    """Return one of sixteen partitions: an outage of 100,000 households writes to all of them."""
    return f"told/{outage_id}/{hashlib.sha256(key.encode()).hexdigest()[0]}"


def _past_of(before: Told | None, *, same: bool) -> tuple[Past, ...]:
    if before is None:
        return ()
    if same:
        return before.past
    ended = before.status if before.is_final else Status.SUPERSEDED
    over = Past(before.seq, before.kind, ended, before.at, before.said)
    return (*before.past, over)[-_PAST_KEPT:]


def _unchanged(before: Told | None) -> Condition:
    if before is None:
        return ToldRow.pk.does_not_exist()
    same: Condition = (
        (ToldRow.holder == before.holder)
        & (ToldRow.rank == RANKS[before.status])
        & (ToldRow.at == millis(before.at))
    )
    return same


def _put(wanted: Told, condition: Condition) -> bool:
    row = _row(wanted)
    try:
        with writing():
            row.save(condition)
    except Unconfirmed as doubt:
        held = find(ToldRow, row.pk, row.sk)
        if held is not None and _told(held) == _told(row):
            return True
        if doubt.refused:
            return False
        raise Busy(of="store") from doubt
    return True


def _row(value: Told) -> ToldRow:
    return ToldRow(
        _bucket(value.outage_id, value.key),
        value.key,
        seq=value.seq,
        kind=value.kind,
        status=value.status.value,
        rank=RANKS[value.status],
        at=millis(value.at),
        accounts=",".join(value.accounts),
        tries=value.tries,
        until=None if value.until is None else millis(value.until),
        holder=value.holder,
        gateway_id=value.gateway_id or None,
        reason=value.reason or None,
        past=_past_text(value.past),
        said=compact(dict(value.said)) if value.said else None,
    )


def _past_text(past: Iterable[Past]) -> str | None:
    kept = [[one.seq, one.kind, one.status.value, millis(one.at), dict(one.said)] for one in past]
    return compact(kept) if kept else None


def _past(text: str | None) -> tuple[Past, ...]:
    return tuple(
        Past(seq, kind, Status(status), instant(at), said)
        for seq, kind, status, at, said in json.loads(text or "[]")
    )


def _told(row: ToldRow) -> Told:
    return Told(
        outage_id=row.pk.split("/")[1],
        key=row.sk,
        seq=int(row.seq),
        kind=row.kind,
        status=Status(row.status),
        at=instant(int(row.at)),
        accounts=tuple(filter(None, row.accounts.split(","))),
        tries=int(row.tries or 0),
        until=instant(int(row.until)) if row.until else None,
        holder=row.holder or "",
        gateway_id=row.gateway_id or "",
        reason=row.reason or "",
        past=_past(row.past),
        said=json.loads(row.said or "{}"),
    )
