"""The hourly seal (封存): the digests of an hour's events, signed and locked away.

A chain alone cannot show that its tail was cut together with its head; the seals can. They are made
from what the ledger's stream brought in that hour, so sealing costs what happened, not what exists.
Each seal names the one before it, and an hour that was missed is sealed as soon as somebody looks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from chalicelib.domain.order import Event
from chalicelib.outbound import seals
from chalicelib.outbound.seals import SealBroken, SealedAlready, Seals
from chalicelib.store import deliveries, ledger
from chalicelib.store.deliveries import Digest
from chalicelib.telemetry import Metric, alarm, count, log

HOUR: Final = timedelta(hours=1)
FURTHEST: Final = 72
"""Hours that a sealer looks back for the last seal; beyond that a chain of seals begins anew."""
FIRST: Final = "first"


@dataclass(frozen=True, slots=True)
class Gap:
    """An event that a seal holds and the ledger does not, or holds otherwise."""

    hour: datetime
    aggregate: str
    seq: int
    why: str


def stage(events: Iterable[Event], *, at: datetime) -> None:
    """Keep the digests of events that arrived now, for the seal of this hour."""
    digests = sorted(Digest(ledger.chain(e.aggregate), e.seq, e.hash) for e in events)
    if digests:
        text = "\n".join(f"{d.aggregate} {d.seq} {d.hash}" for d in digests)
        deliveries.stage_digests(sha256(text.encode()).hexdigest()[:32], digests, at=at)


def seal_up_to(port: Seals, *, private_key: str, at: datetime) -> list[seals.Seal]:
    """Seal every full hour before `at` that has no seal yet, oldest first. Returns the new ones."""
    last = at.replace(minute=0, second=0, microsecond=0) - HOUR
    open_hours: list[datetime] = []
    previous = FIRST
    for back in range(FURTHEST):
        hour = last - back * HOUR
        found = port.find(hour)
        if found is not None:
            previous = sha256(found).hexdigest()
            break
        open_hours.append(hour)
    else:
        open_hours = [hour for hour in open_hours if deliveries.staged_digests(hour)] or [last]
    made = []
    for hour in reversed(open_hours):
        sealed = _seal(port, hour, previous=previous, private_key=private_key, at=at)
        if sealed is None:
            break
        made.append(sealed)
        previous = sealed.id
    return made


def _seal(
    port: Seals, hour: datetime, *, previous: str, private_key: str, at: datetime
) -> seals.Seal | None:
    digests = [(f"{d.aggregate}#{d.seq}", d.hash) for d in deliveries.staged_digests(hour)]
    try:
        sealed = seals.seal(hour, digests, previous=previous, private_key=private_key)
        port.put(sealed, at=at)
    except SealedAlready:
        alarm("seal.disagrees", hour=hour)
        return None
    count(Metric.SEALED)
    log("seal.written", hour=hour, events=len(digests))
    return sealed


def check_hour(port: Seals, hour: datetime, *, public_key: str) -> Iterator[Gap]:
    """Compare one hour's seal with the ledger, and yield what is missing or different.

    An hour without a seal yields nothing; a seal that does not verify yields itself.
    """
    content = port.find(hour)
    if content is None:
        return
    try:
        sealed = seals.verify(content, public_key=public_key)
    except SealBroken as broken:
        yield Gap(hour, "seal", 0, str(broken))
        return
    for event, digest in sealed.digests:
        aggregate, _, seq = event.rpartition("#")
        row = ledger.find(aggregate.removeprefix("order/"), int(seq))
        if row is None:
            yield Gap(hour, aggregate, int(seq), "missing")
        elif row.hash != digest:
            yield Gap(hour, aggregate, int(seq), "edited")
