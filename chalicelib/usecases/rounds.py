"""A round's way over the notice queues: what is put on them, and what is done with one message.

    body                                what it asks for
    outage, round, areas                find the households of these transformers, cut them
    the same, again                     only those of them who are missing
    outage, round, keys                 tell these households: a shard
    the same, sent                      and these texts went out, which the store did not take
    outage, round, look, was, run       count what became of the round, and bring back the missing
    the same, part, areas               count a part of it, keep what was found
    the same, parts                     add up the parts: note it, bring back, look again

No message holds anything personal, every one may come twice, and none asks for more than a part of
a round (`Reach.cut`): however many households an outage has, a worker is done in seconds. What
waits for a gateway goes back with a delay, so that throttling fills no dead-letter queue. A look
that finds less missing than the one before leaves the queue alone: it is still at work. When the
looks are over, the outage's own watch comes back to the round until it is settled.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from chalicelib.domain.clocks import millis
from chalicelib.domain.outage import Round
from chalicelib.domain.refusal import Stale
from chalicelib.outbound.sms import USUAL_RATE
from chalicelib.store import notices, outages
from chalicelib.store.outages import Head
from chalicelib.telemetry import log
from chalicelib.usecases.delivering import Ports
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.notifying import (
    Key,
    Shard,
    Tally,
    added_up,
    expand,
    reconcile,
    seconds_to_send,
    sent_from_json,
    tally,
    tally_from_json,
    tell,
)

LONGEST_DELAY: Final = 900
"""Seconds that a message may wait. Source: SQS"""
AREAS: Final = 50
"""Transformers whose households one message finds. [design]"""
HOUSEHOLDS: Final = 2_000
"""Households that one message finds or counts; more only if one transformer has them. [design]"""
GATHERS: Final = 15
"""Seconds until the parts of a look are added up, and until that is tried again. [design]"""
MOST_GATHERS: Final = 60
"""How often it is tried; then the outage's own watch looks anew. [design]"""
ANEW: Final = -1
"""In place of how many were missing: those who are missing come back unless somebody was told."""
_DONE: Final = "done"
SETTLES: Final = 20
"""Seconds after the estimated end of the sending when the round is first looked at. [design]"""
LOOKS: Final = (30, 60, 120, 240, 480)
"""Seconds from one look to the next; they end when the outage's own watch comes by. [design]"""


@dataclass(frozen=True, slots=True)
class Post:
    """A message for a notice queue. is_urgent: for that of the first. delay: seconds."""

    body: Mapping[str, Any]
    is_urgent: bool = False
    delay: int = 0


Enqueue = Callable[[Iterable[Post]], None]


def start_round(
    desk: Desk,
    head: Head,
    round_id: str,
    *,
    enqueue: Enqueue,
    at: datetime,
    rate: float = USUAL_RATE,
) -> int:
    """Put a round's households on the queues, and a look at what became of them behind.

    rate: texts a second that the gateway has declared. Returns how many messages were enqueued;
    none for a round that is settled. Raises Busy: then some may be on the queues, and doing it
    again is harmless.
    """
    known = head.outage.rounds.get(round_id)
    if known is None or known.watch_at is None or head.outage.training:
        return 0
    parts = _parts(known)
    if len(parts) <= 1:
        posts = [_told(shard) for shard in expand(desk, head, round_id, at=at)]
    else:
        posts = [Post(_body(head, round_id, areas=list(part)), is_urgent=True) for part in parts]
    wait = int((_sent_by(known, rate) - at).total_seconds())
    posts.append(_look(head, round_id, number=0, was=None, run=_run(at), delay=max(0, wait)))
    enqueue(posts)
    return len(posts)


def _sent_by(known: Round, rate: float) -> datetime:
    """Return when a round's texts should be out: until then a look would only cost."""
    wait = seconds_to_send(known.reach.households, rate=rate) + SETTLES
    return known.entered_at + timedelta(seconds=wait)


def _parts(known: Round) -> tuple[tuple[str, ...], ...]:
    """Return a round's transformers by the message that finds or counts their households."""
    return known.reach.cut(areas=AREAS, households=HOUSEHOLDS)


def _run(at: datetime) -> str:
    """Return the name of looks that follow each other."""
    return str(millis(at))


def look_at_round(
    desk: Desk,
    head: Head,
    round_id: str,
    *,
    enqueue: Enqueue,
    at: datetime,
    rate: float = USUAL_RATE,
    number: int = 0,
    was: int | None = ANEW,
    run: str = "",
) -> None:
    """Note what became of a round, enqueue exactly who is missing, and look again until it is done.

    A round of several parts is counted by a message each, and not before its texts should be out by
    the gateway's rate. number: which look this is, from 0. was: how many were missing when it was
    last looked at; None at the first look behind the sending. As long as it gets fewer, nothing is
    enqueued twice. run: names this look and those that follow it. Raises Stale when the outage
    moved meanwhile, and Busy: the message comes again.
    """
    known, run = head.outage.rounds[round_id], run or _run(at)
    parts = _parts(known)
    if len(parts) <= 1:
        found = reconcile(desk, head, round_id, at=at)
        back = [_told(shard) for shard in found.shards] if _is_stuck(found, known, was) else []
        posts = [*back, *_next_look(head, round_id, found, number, run, at=at)]
        if posts:
            enqueue(posts)
        return
    early = _sent_by(known, rate) - at
    if early > timedelta():
        wait = int(early.total_seconds()) + 1
        if was is None:
            enqueue([_look(head, round_id, number=number, was=None, run=run, delay=wait)])
        return
    about = _body(head, round_id, look=number, was=was, run=run)
    posts = [Post({**about, "part": str(n), "areas": list(p)}) for n, p in enumerate(parts)]
    enqueue([*posts, Post({**about, "parts": len(parts)}, delay=GATHERS)])


def _is_stuck(found: Tally, known: Round, was: int | None) -> bool:
    """Return whether nobody was told since it was last looked at, or since it was last noted."""
    if was is None:
        return False
    return found.missing >= was if was >= 0 else found.counts.total() <= sum(known.counts.values())


def _next_look(
    head: Head, round_id: str, found: Tally, number: int, run: str, *, at: datetime
) -> list[Post]:
    """Return the next look; none when it is done or the watch will look."""
    wait = _wait(found, number, at=at)
    if wait is None:
        return []
    return [_look(head, round_id, number=number + 1, was=found.missing, run=run, delay=wait)]


def _wait(found: Tally, number: int, *, at: datetime) -> int | None:
    """Return in how many seconds to look again; None when it is done or the watch will."""
    if found.is_final or number >= len(LOOKS):
        return None
    if found.missing or found.waiting:
        return LOOKS[number]
    until = 0 if found.later is None else int((found.later - at).total_seconds()) + SETTLES
    return until if 0 < until <= LONGEST_DELAY else None


def work(
    desk: Desk,
    ports: Ports,
    body: Mapping[str, Any],
    *,
    enqueue: Enqueue,
    now: Callable[[], datetime],
    is_out_of_time: Callable[[], bool] = lambda: False,
) -> None:
    """Do what one message of a notice queue asks for.

    Raises Unknown for an outage that there is not, Busy, and ValueError for a message that is none:
    it comes again, and at last falls into the dead-letter queue.
    """
    head, round_id, at = outages.get(str(body["outage"])), str(body["round"]), now()
    if "part" in body:
        _count(desk, head, round_id, body, at=at)
    elif "parts" in body:
        _add_up(desk, head, round_id, body, enqueue=enqueue, at=at)
    elif "look" in body:
        _look_again(desk, head, round_id, body, enqueue=enqueue, rate=ports.rate, at=at)
    elif "areas" in body:
        _find(desk, head, round_id, body, enqueue=enqueue, at=at)
    elif "keys" in body:
        keys = [(str(transformer), str(account)) for transformer, account in body["keys"]]
        _tell(desk, ports, head, round_id, keys, enqueue, now, is_out_of_time, body)
    else:
        raise ValueError("a message of a notice queue has areas, keys or look")


def _find(
    desk: Desk,
    head: Head,
    round_id: str,
    body: Mapping[str, Any],
    *,
    enqueue: Enqueue,
    at: datetime,
) -> None:
    """Enqueue the households of some transformers, or only those who are missing."""
    areas = body["areas"]
    if body.get("again"):
        shards = tally(desk, head, round_id, at=at, areas=areas).shards
    else:
        shards = expand(desk, head, round_id, at=at, areas=areas)
    if shards:
        enqueue(_told(shard) for shard in shards)


# A look at a round of many parts ----------------------------------------------------------------


def _look_id(round_id: str, body: Mapping[str, Any]) -> str:
    return f"{round_id}/{body['run']}.{body['look']}"


def _count(desk: Desk, head: Head, round_id: str, body: Mapping[str, Any], *, at: datetime) -> None:
    """Count one part and keep what was found."""
    found = tally(desk, head, round_id, at=at, areas=body["areas"])
    look, part = _look_id(round_id, body), str(body["part"])
    notices.put_part(head.outage.outage_id, look, part, found.to_json(), at=at)


def _add_up(
    desk: Desk,
    head: Head,
    round_id: str,
    body: Mapping[str, Any],
    *,
    enqueue: Enqueue,
    at: datetime,
) -> None:
    """Note what the parts came to and bring back who is missing; while a part is, come back."""
    known, look = head.outage.rounds[round_id], _look_id(round_id, body)
    parts, kept = _parts(known), notices.parts_of(head.outage.outage_id, look)
    if _DONE in kept or len(parts) != int(body["parts"]):  # or settled: then it has none
        return
    if len(kept) < len(parts):
        _add_up_later(head, round_id, body, enqueue=enqueue)
        return
    by_part = {part: tally_from_json(raw) for part, raw in kept.items()}
    found = added_up(by_part.values())
    try:
        reconcile(desk, head, round_id, at=at, found=found)
    except Stale:  # the outage moved on: what was counted is noted in it as it is now
        reconcile(desk, outages.get(head.outage.outage_id), round_id, at=at, found=found)
    posts = []
    if found.missing and _is_stuck(found, known, body["was"]):
        posts = [
            Post(_body(head, round_id, areas=list(part), again=True), is_urgent=True)
            for number, part in enumerate(parts)
            if by_part[str(number)].missing
        ]
    posts += _next_look(head, round_id, found, int(body["look"]), str(body["run"]), at=at)
    if posts:
        enqueue(posts)
    notices.put_part(head.outage.outage_id, look, _DONE, {}, at=at)


def _add_up_later(head: Head, round_id: str, body: Mapping[str, Any], *, enqueue: Enqueue) -> None:
    tries = int(body.get("tries", 0)) + 1
    if tries <= MOST_GATHERS:
        enqueue([Post({**body, "tries": tries}, delay=GATHERS)])
    else:
        log("round.uncounted", outage=head.outage.outage_id, round=round_id)


def _look_again(
    desk: Desk,
    head: Head,
    round_id: str,
    body: Mapping[str, Any],
    *,
    enqueue: Enqueue,
    rate: float,
    at: datetime,
) -> None:
    look = partial(
        look_at_round,
        desk,
        round_id=round_id,
        enqueue=enqueue,
        rate=rate,
        at=at,
        number=int(body["look"]),
        was=body["was"],
        run=str(body["run"]),
    )
    try:
        look(head)
    except Stale:  # the outage moved on: look at it as it is now
        look(outages.get(head.outage.outage_id))


def _tell(  # noqa: PLR0917 - one message and all that it needs
    desk: Desk,
    ports: Ports,
    head: Head,
    round_id: str,
    keys: Sequence[Key],
    enqueue: Enqueue,
    now: Callable[[], datetime],
    is_out_of_time: Callable[[], bool],
    body: Mapping[str, Any],
) -> None:
    at, is_urgent = now(), bool(body.get("first"))
    shown = tell(
        desk,
        ports,
        head,
        keys,
        at=at,
        now=now,
        is_out_of_time=is_out_of_time,
        unsettled=[sent_from_json(raw) for raw in body.get("sent", ())],
    )
    posts = []
    if shown.left or shown.unsettled:
        left = _keys(head, round_id, shown.left, is_urgent=is_urgent, delay=shown.wait)
        sent = {"sent": [each.to_json() for each in shown.unsettled]} if shown.unsettled else {}
        posts.append(replace(left, body={**left.body, **sent}))
    if shown.later is not None:
        wait = int((shown.later - at).total_seconds()) + 1
        if wait <= LONGEST_DELAY:
            posts.append(_keys(head, round_id, shown.held, is_urgent=is_urgent, delay=wait))
    if posts:
        enqueue(posts)


# Messages ---------------------------------------------------------------------------------------


def _body(head: Head, round_id: str, **more: Any) -> dict[str, Any]:
    return {"outage": head.outage.outage_id, "round": round_id, **more}


def _told(shard: Shard) -> Post:
    body = {
        "outage": shard.outage_id,
        "round": shard.round_id,
        "keys": [list(key) for key in shard.keys],
        "first": shard.is_urgent,
    }
    return Post(body, shard.is_urgent)


def _keys(head: Head, round_id: str, keys: Iterable[Key], *, is_urgent: bool, delay: int) -> Post:
    listed = [list(key) for key in dict.fromkeys(keys)]
    body = _body(head, round_id, keys=listed, first=is_urgent)
    return Post(body, is_urgent, min(delay, LONGEST_DELAY))


def _look(head: Head, round_id: str, *, number: int, was: int | None, run: str, delay: int) -> Post:
    body = _body(head, round_id, look=number, was=was, run=run)
    return Post(body, is_urgent=False, delay=min(delay, LONGEST_DELAY))
