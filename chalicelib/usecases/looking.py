"""The look-back (回看): five minutes after an event, was what it causes really done.

An event with effects arms the order's head; the sweep then compares what the events should have
caused with what the deliveries table says was settled, and puts the missing back on the queue. It
finds the absence of an effect whatever lost it: a stream, a queue, a worker, a deployment.
"""

from datetime import timedelta
from typing import Final

from chalicelib.domain.procedure import Advanced, effects
from chalicelib.store.orders import Look

LOOK_BACK: Final = timedelta(minutes=5)
"""Kept beside `effect.look_back` of the rule set: arming must not need the rule book."""


def look_after(advanced: Advanced, armed: Look | None = None) -> Look | None:
    """Return the look-back to arm with this event; one already armed stays, as it is earlier."""
    if armed is not None:
        return armed
    if not effects(advanced.event):
        return None
    at = advanced.event.recorded_at + LOOK_BACK
    return Look(from_seq=advanced.event.seq, at=at, tries=0)
