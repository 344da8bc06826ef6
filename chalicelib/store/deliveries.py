"""What became of every effect (送达): claims, their outcome, and what hangs on them.

    question                            key                                              calls
    may I make this effect now?         pk = order/<id>, sk = effect id                  1 write
    what became of it                   the same                                         1 write
    what became of an order's effects   pk = order/<id>                                  1 a MB
    whose code is this?                 pk = code/<sha256>, sk = -                       1 read
    who must be called                  pk = calls/<county>, sk = <since>#<id>#<effect>  1 a page
    somebody called                     the line goes to pk = called/<county>            1 write
    stage a batch of digests            pk = seal/<hour>, sk = batch id                  1 write
    what was staged in an hour          pk = seal/<hour>                                 1 a MB

Claim, then make the effect, then settle. A worker that dies in between leaves a lease that runs
out; the next claim is then told that it is not the first, because nobody can know whether the dead
one's text went out: nothing is lost, and at most one text is extra, which is counted by its tries.
Nothing here is personal: no number, no name, no text.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.refusal import Busy, Stale, Unknown

from .desk_rows import (
    CallRow,
    ClaimRow,
    CodeRow,
    Page,
    SealRow,
    find,
    pack,
    page,
    seconds,
    under,
    unpack,
)
from .rows import Unconfirmed, write, writing

CALLED_KEPT: Final = timedelta(days=30)
SEALS_KEPT: Final = timedelta(days=30)
_ONLY: Final = "-"

# Effects ----------------------------------------------------------------------------------------


class Status(StrEnum):
    """What is known of an effect."""

    CLAIMED = "claimed"  # somebody is at it
    UNKNOWN = "unknown"  # the gateway did not say; it may be claimed again
    NO_PHONE = "no_phone"
    OPTED_OUT = "opted_out"
    CAPPED = "capped"  # the number has had its texts of a day
    SUPERSEDED = "superseded"  # a newer text says more
    SENT = "sent"  # the gateway took it
    FAILED = "failed"  # the gateway or the network said no
    DELIVERED = "delivered"  # the telephone has it


RANKS: Final = MappingProxyType(
    {
        Status.CLAIMED: 0,
        Status.UNKNOWN: 1,
        Status.NO_PHONE: 2,
        Status.OPTED_OUT: 2,
        Status.CAPPED: 2,
        Status.SUPERSEDED: 2,
        Status.SENT: 3,
        Status.FAILED: 4,
        Status.DELIVERED: 5,
    }
)
"""What we know only grows: an outcome replaces those of lower rank. A receipt that comes late,
twice or before our own word therefore changes nothing that is truer."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One effect. tries: how often it was claimed. until: when the lease of a claim ends.

    at: of the last change. gateway_id: the gateway's name for it. reason: a slug, of a failure.
    """

    order_id: str
    effect_id: str
    status: Status
    at: datetime
    tries: int = 0
    until: datetime | None = None
    gateway_id: str = ""
    reason: str = ""

    @property
    def is_final(self) -> bool:
        """Whether nothing more has to be done about it; a receipt may still tell us more."""
        return RANKS[self.status] > RANKS[Status.UNKNOWN]


_CALLS: Final = itertools.count()


def claim(order_id: str, effect_id: str, *, by: str, at: datetime, lease: timedelta) -> int:
    """Take an effect in hand. Return which try this is, from 1, or 0 when it is not ours to make.

    It is ours when nobody had it, or the last who had it did not settle before the lease ran out.
    by: names this process or invocation and no other. lease: well above the gateway's timeout and
    the difference between two machines' clocks. Raises Busy when the store does not answer; the
    claim may then stand until its lease runs out.
    """
    holder = f"{by}/{next(_CALLS)}"
    row = ClaimRow(_order(order_id), effect_id)
    unsettled = ClaimRow.rank <= RANKS[Status.UNKNOWN]
    try:
        with writing():
            row.update(
                [
                    ClaimRow.tries.add(1),
                    ClaimRow.status.set(Status.CLAIMED.value),
                    ClaimRow.rank.set(RANKS[Status.CLAIMED]),
                    ClaimRow.at.set(millis(at)),
                    ClaimRow.until.set(millis(at + lease)),
                    ClaimRow.holder.set(holder),
                ],
                ClaimRow.rank.does_not_exist() | (unsettled & (ClaimRow.until <= millis(at))),
            )
    except Unconfirmed as doubt:
        held = find(ClaimRow, _order(order_id), effect_id)
        if held is not None and held.holder == holder:
            return int(held.tries)
        if doubt.refused:
            return 0
        raise Busy(of="store") from doubt
    return int(row.tries)


def release(order_id: str, effect_id: str, *, tries: int, at: datetime) -> bool:
    """End the lease of our own claim: certainly nothing was sent, so the next may try at once.

    tries: what `claim` returned. Returns False, and changes nothing, when it is not ours any more.
    Raises Busy.
    """
    row = ClaimRow(_order(order_id), effect_id)
    is_ours = (ClaimRow.rank == RANKS[Status.CLAIMED]) & (ClaimRow.tries == tries)
    try:
        with writing():
            row.update([ClaimRow.until.set(millis(at))], is_ours)
    except Unconfirmed as doubt:
        if doubt.refused:
            return False
        raise Busy(of="store") from doubt
    return True


def settle(
    order_id: str,
    effect_id: str,
    status: Status,
    *,
    at: datetime,
    gateway_id: str = "",
    reason: str = "",
) -> bool:
    """Say what became of an effect, claimed or not. Return whether that was news (see RANKS).

    The same word said twice is news both times when it is the same to the millisecond, so whoever
    lost the answer may ask again. An effect without a claim is settled too: it may not need one.
    Raises ValueError for `claimed`, and Busy.
    """
    if status is Status.CLAIMED:
        raise ValueError(status)
    rank = RANKS[status]
    actions: list[Action] = [
        ClaimRow.status.set(status.value),
        ClaimRow.rank.set(rank),
        ClaimRow.at.set(millis(at)),
    ]
    if gateway_id:
        actions.append(ClaimRow.gateway_id.set(gateway_id))
    if reason:
        actions.append(ClaimRow.reason.set(reason))
    row = ClaimRow(_order(order_id), effect_id)
    try:
        with writing():
            row.update(actions, ClaimRow.rank.does_not_exist() | (ClaimRow.rank < rank))
    except Unconfirmed as doubt:
        held = find(ClaimRow, _order(order_id), effect_id)
        if held is not None and (held.status, held.at) == (status.value, millis(at)):
            return True
        if doubt.refused:
            return False
        raise Busy(of="store") from doubt
    return True


def get(order_id: str, effect_id: str) -> Delivery:
    """Return one effect. Raises Unknown, Busy."""
    row = find(ClaimRow, _order(order_id), effect_id)
    if row is None:
        raise Unknown(what="effect")
    return _delivery(row)


def list_for(order_id: str) -> list[Delivery]:
    """Return every effect of an order that was claimed or settled, by effect id. Raises Busy."""
    return [_delivery(row) for row in under(ClaimRow, _order(order_id))]


def _order(order_id: str) -> str:
    return f"order/{order_id}"


def _delivery(row: ClaimRow) -> Delivery:
    return Delivery(
        order_id=row.pk.removeprefix("order/"),
        effect_id=row.sk,
        status=Status(row.status),
        at=instant(int(row.at)),
        tries=int(row.tries or 0),
        until=instant(int(row.until)) if row.until else None,
        gateway_id=row.gateway_id or "",
        reason=row.reason or "",
    )


# Codes ------------------------------------------------------------------------------------------


def put_code(code: str, order_id: str, *, at: datetime, expires: datetime) -> bool:
    """Let a code stand for an order until `expires`; only its digest is kept.

    Returns False when it stands for another order now: make another code. Raises Busy.
    """
    row = CodeRow(_code(code), _ONLY, order_id=order_id, expires=seconds(expires))
    is_free = CodeRow.pk.does_not_exist() | (CodeRow.expires <= seconds(at))
    try:
        with writing():
            row.save(is_free | (CodeRow.order_id == order_id))
    except Unconfirmed as doubt:
        if doubt.refused:
            return False
        raise Busy(of="store") from doubt
    return True


def order_of(code: str, *, at: datetime) -> str:
    """Return the id of the order that a code stands for. Raises Unknown, Busy."""
    row = find(CodeRow, _code(code), _ONLY)
    if row is None or row.expires <= millis(at) / 1000:
        raise Unknown(what="code")
    return row.order_id


def _code(code: str) -> str:
    return f"code/{sha256(code.encode()).hexdigest()}"


# The call list ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody whom no text reached and who must be called. line_id: where it stands."""

    line_id: str
    order_id: str
    effect_id: str
    since: datetime
    reason: str


def add_call(county: str, order_id: str, effect_id: str, *, since: datetime, reason: str) -> None:
    """Put a line on a county's call list, once an effect: not again while it waits or once done.

    since: when the event was that the text should have told; the same event gives the same line.
    reason: a slug. Raises Busy.
    """
    line_id = f"{_stamp(since)}#{order_id}#{effect_id}"
    row = CallRow(_calls(county), line_id, reason=reason)

    def fill(transaction: TransactWrite) -> None:
        transaction.save(row)
        is_new = CallRow.pk.does_not_exist()
        transaction.condition_check(CallRow, _called(county), line_id, is_new)

    try:
        write(fill)
    except Unconfirmed as doubt:
        if not doubt.refused:
            raise Busy(of="store") from doubt


def calls(county: str, *, limit: int, after: str | None = None) -> Page[Call]:
    """Return who must be called, longest waiting first. after: of the page before. Raises Busy."""
    found = page(CallRow, _calls(county), limit=limit, after=after)
    return Page(tuple(_call(row) for row in found.items), found.after)


def finish_call(county: str, line_id: str, *, by: str, at: datetime) -> None:
    """Take a line off the list. Raises Stale(by, move, at) if somebody did, Unknown, Busy.

    by: the id of who called. Who is told Busy may say it again: the second time finds the first.
    """
    row = find(CallRow, _calls(county), line_id)
    if row is None:
        return _check_finished(county, line_id, by=by, at=at)
    done = CallRow(
        _called(county),
        line_id,
        reason=row.reason,
        done_by=by,
        done_at=millis(at),
        expires=seconds(at + CALLED_KEPT),
    )

    def fill(transaction: TransactWrite) -> None:
        transaction.delete(row, CallRow.pk.exists())
        transaction.save(done, CallRow.pk.does_not_exist())

    try:
        write(fill)
    except Unconfirmed as doubt:
        if not doubt.refused and find(CallRow, _calls(county), line_id):
            raise Busy(of="store") from doubt
        _check_finished(county, line_id, by=by, at=at)


def _check_finished(county: str, line_id: str, *, by: str, at: datetime) -> None:
    """Return if it was us who finished a line at `at`, else say who did."""
    done = find(CallRow, _called(county), line_id)
    if done is None:
        raise Unknown(what="call")
    if (done.done_by, done.done_at) != (by, millis(at)):
        raise Stale(by=done.done_by, move="called", at=instant(int(done.done_at)), version=1)


def _calls(county: str) -> str:
    return f"calls/{county}"


def _called(county: str) -> str:
    return f"called/{county}"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{millis(at) % 1000:03}Z"


def _call(row: CallRow) -> Call:
    since, order_id, effect_id = row.sk.split("#", 2)
    return Call(
        line_id=row.sk,
        order_id=order_id,
        effect_id=effect_id,
        since=datetime.fromisoformat(since),
        reason=row.reason,
    )


# Digests that wait for their seal ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """One event as the stream brought it: its place in the ledger, and its hash in hex."""

    aggregate: str
    seq: int
    hash: str


def stage_digests(batch_id: str, digests: Iterable[Digest], *, at: datetime) -> None:
    """Keep the digests of one batch for the seal of the hour of `at`, their arrival.

    batch_id: made from what the batch holds, so that one that comes twice is kept once.
    Raises Busy; the stream then brings the batch again.
    """
    row = SealRow(
        _hour(at),
        batch_id,
        data=pack([[one.aggregate, one.seq, one.hash] for one in digests]),
        expires=seconds(at + SEALS_KEPT),
    )
    try:
        with writing():
            row.save()
    except Unconfirmed as doubt:
        raise Busy(of="store") from doubt


def staged_digests(hour: datetime) -> Sequence[Digest]:
    """Return what arrived in the hour that `hour` lies in, sorted, each once. Raises Busy.

    Two hashes for one place are both returned: that is what the seal is there to show.
    """
    rows = under(SealRow, _hour(hour))
    return sorted({Digest(*entry) for row in rows for entry in unpack(row.data)})


def _hour(at: datetime) -> str:
    return f"seal/{at.astimezone(UTC):%Y-%m-%dT%H}Z"
