"""The look-back (回看): some minutes after an event, was what it causes really done.

An event with effects arms the order's head; the sweep then compares what the events should have
caused with what the deliveries table says was settled, and puts the missing back on the queue. It
finds the absence of an effect whatever lost it: a stream, a queue, a worker, a deployment.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.order import Event, Order
from chalicelib.domain.procedure import Advanced, effects
from chalicelib.store import deliveries, ledger
from chalicelib.store.heads import LOOK_BACK, Look
from chalicelib.telemetry import alarm
from chalicelib.usecases.desk import Desk

MOST_LOOKS: Final = 12
Missing = tuple[str, int, str]
"""What goes back on the queue: chain, seq of the event, effect id."""


def look_after(desk: Desk, advanced: Advanced, armed: Look | None = None) -> Look | None:
    """Return the look-back to arm with this event; one already armed stays, as it is earlier."""
    if armed is not None:
        return armed
    event = advanced.event
    if not effects(event):
        return None
    wait = look_back(desk, advanced.order, event.recorded_at)
    return Look(from_seq=event.seq, at=event.recorded_at + wait, tries=0)


def look_back(desk: Desk, order: Order, at: datetime) -> timedelta:
    """Return how long after an event its effects are looked for: the limit `effect.look_back`."""
    return desk.rules(order.office).limit("effect.look_back", at).duration


def look(
    armed: Look,
    chain: str,
    *,
    caused: Callable[[Event], Sequence[str]],
    of: Mapping[str, str],
    at: datetime,
    wait: timedelta = LOOK_BACK,
) -> tuple[list[Missing], Look | None]:
    """Return the effects that should have settled and did not, and the look-back to arm now.

    caused: the ids of what an event causes; of: what the chain is, for the alarm. What has not
    settled after the last look is left to an alarm: an effect that twelve looks could not bring
    about needs a person. Raises Busy.
    """
    settled = {entry.effect_id for entry in deliveries.list_for(chain) if entry.is_final}
    missing: list[Missing] = []
    newer: Look | None = None
    for event in ledger.read(chain, after=armed.from_seq - 1):
        ids = caused(event)
        if event.recorded_at <= at - wait:
            missing += [(chain, event.seq, each) for each in ids if each not in settled]
        elif ids and newer is None:
            newer = Look(event.seq, event.recorded_at + wait)
    if missing and armed.tries + 1 >= MOST_LOOKS:
        alarm("effect.abandoned", **of, count=len(missing))
        missing = []
    again = Look(armed.from_seq, at + wait, armed.tries + 1)
    return missing, again if missing else newer
