"""A round's way over the notice queues: what is put on them, and what is done with one message.

    body                                what it asks for
    outage, round, areas                find the households of these transformers, cut them
    outage, round, keys                 tell these households: a shard
    outage, round, look, was            count what became of the round, and bring back the missing

No message holds anything personal, and every one may come twice. What waits for a gateway goes back
with a delay, so that throttling fills no dead-letter queue. A look that finds less missing than the
one before leaves the queue alone: it is still at work. When the looks are over, the outage's own
watch comes back to the round until it is settled.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.refusal import Stale
from chalicelib.outbound.sms import USUAL_RATE
from chalicelib.store import outages
from chalicelib.store.outages import Head
from chalicelib.usecases.delivering import Ports
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.notifying import (
    Key,
    Shard,
    Tally,
    expand,
    reconcile,
    seconds_to_send,
    tell,
)

LONGEST_DELAY: Final = 900
"""Seconds that a message may wait. Source: SQS"""
AREAS: Final = 50
"""Transformers whose households one message finds. [design]"""
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
    areas = known.reach.transformers
    if len(areas) <= AREAS:
        posts = [_told(shard) for shard in expand(desk, head, round_id, at=at)]
    else:
        posts = [
            Post(_body(head, round_id, areas=list(areas[first : first + AREAS])), is_urgent=True)
            for first in range(0, len(areas), AREAS)
        ]
    wait = seconds_to_send(known.reach.households, rate=rate) + SETTLES
    posts.append(_look(head, round_id, number=0, was=None, delay=wait))
    enqueue(posts)
    return len(posts)


def look_at_round(
    desk: Desk,
    head: Head,
    round_id: str,
    *,
    enqueue: Enqueue,
    at: datetime,
    number: int = 0,
    was: int | None = -1,
) -> Tally:
    """Note what became of a round, enqueue exactly who is missing, and look again until it is done.

    number: which look this is, from 0. was: how many were missing when it was last looked at; None
    at the first look behind the sending. As long as it gets fewer, nothing is enqueued twice.
    Raises Stale when the outage moved meanwhile, and Busy: the message comes again.
    """
    found = reconcile(desk, head, round_id, at=at)
    missing = sum(len(shard.keys) for shard in found.missing)
    is_stuck = was is not None and (was < 0 or missing >= was)
    posts = [_told(shard) for shard in found.missing] if is_stuck else []
    wait = _next_look(found, number, at=at)
    if wait is not None:
        posts.append(_look(head, round_id, number=number + 1, was=missing, delay=wait))
    if posts:
        enqueue(posts)
    return found


def _next_look(found: Tally, number: int, *, at: datetime) -> int | None:
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
    if "look" in body:
        _look_again(desk, head, round_id, body, enqueue=enqueue, at=at)
    elif "areas" in body:
        shards = expand(desk, head, round_id, at=at, areas=body["areas"])
        if shards:
            enqueue(_told(shard) for shard in shards)
    elif "keys" in body:
        keys = [(str(transformer), str(account)) for transformer, account in body["keys"]]
        _tell(desk, ports, head, round_id, keys, enqueue, now, is_out_of_time, body)
    else:
        raise ValueError("a message of a notice queue has areas, keys or look")


def _look_again(
    desk: Desk,
    head: Head,
    round_id: str,
    body: Mapping[str, Any],
    *,
    enqueue: Enqueue,
    at: datetime,
) -> None:
    number, was = int(body["look"]), body.get("was")
    try:
        look_at_round(desk, head, round_id, enqueue=enqueue, at=at, number=number, was=was)
    except Stale:  # the outage moved on: look at it as it is now
        again = outages.get(head.outage.outage_id)
        look_at_round(desk, again, round_id, enqueue=enqueue, at=at, number=number, was=was)


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
    shown = tell(desk, ports, head, keys, at=at, now=now, is_out_of_time=is_out_of_time)
    posts = []
    if shown.left:
        posts.append(_keys(head, round_id, shown.left, is_urgent=is_urgent, delay=shown.wait))
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


def _look(head: Head, round_id: str, *, number: int, was: int | None, delay: int) -> Post:
    body = _body(head, round_id, look=number, was=was)
    return Post(body, is_urgent=False, delay=min(delay, LONGEST_DELAY))
