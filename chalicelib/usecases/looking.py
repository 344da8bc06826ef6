"""The look-back (回看): some minutes after an event, was what it causes really done.

An event with effects arms the order's head; the sweep then compares what the events should have
caused with what the deliveries table says was settled, and puts the missing back on the queue. It
finds the absence of an effect whatever lost it: a stream, a queue, a worker, a deployment.
"""

from datetime import datetime, timedelta

from chalicelib.domain.order import Order
from chalicelib.domain.procedure import Advanced, effects
from chalicelib.store.heads import Look
from chalicelib.usecases.desk import Desk


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
