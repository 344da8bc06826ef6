"""The head row of what is no order: an outage, an issue, a paper. One layout for all of them.

The state is packed JSON, as are the keys of the last commands; the row is armed in the index at the
earlier of its next due instant and its look-back.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from chalicelib.domain.order import canonical

from . import orders
from .orders import Key, Look
from .packing import pack, unpack
from .rows import OrderRow


@dataclass(frozen=True, slots=True)
class Kept:
    """What is read of a row: the state as JSON, what lists show, the last keys, the look-back."""

    state: Mapping[str, Any]
    shown: Mapping[str, Any]
    keys: tuple[Key, ...]
    look: Look | None


def due_at(next_due_at: datetime | None, look: Look | None) -> datetime | None:
    """Return when something must happen: what is due, or the look-back; None if never."""
    instants = [next_due_at, look.at if look else None]
    return min((at for at in instants if at is not None), default=None)


def row(kept: Kept, *, chain: str, armed: str, version: int, due: datetime | None) -> OrderRow:
    """Return the row of a head. chain: its key; armed: the index partition it is armed in."""
    keys = [[each.key, each.body, each.seq] for each in kept.keys]
    return OrderRow(
        order_id=chain,
        county=armed,
        due_key=None if due is None else orders.due_key(due, chain),
        head=pack(canonical(dict(kept.state))),
        shown=canonical(dict(kept.shown)),
        version=version,
        keys=pack(canonical(keys)) if keys else None,
        look=None if kept.look is None else orders.look_text(kept.look),
    )


def read(raw: Mapping[str, Any]) -> Kept:
    """Read a row back as the table gives it."""
    return Kept(
        state=json.loads(unpack(raw["head"]["B"])),
        shown=MappingProxyType(json.loads(raw["shown"]["S"])),
        keys=_keys(json.loads(unpack(raw["keys"]["B"]))) if "keys" in raw else (),
        look=orders.read_look(raw["look"]["S"]) if "look" in raw else None,
    )


def _keys(kept: Iterable[Iterable[Any]]) -> tuple[Key, ...]:
    return tuple(Key(*each) for each in kept)
