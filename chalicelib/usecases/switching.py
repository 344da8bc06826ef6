"""Switching (倒闸操作): what is opened and closed, and which feeders that changes.

It rewrites maps, never households: what moves to another feeder, its pointers and the event
in the chain `grid/<county>` are one answer. What is dark afterwards that was not before is said,
not forbidden: whoever opens a switch may mean it, and the outage is opened beside it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.grid import Device, GridMap, dark, pack, transfer
from chalicelib.domain.order import Actor, Event
from chalicelib.domain.refusal import BadInput, FieldError, Stale
from chalicelib.store import grid, ledger
from chalicelib.usecases import tracing
from chalicelib.usecases.desk import Viewer
from chalicelib.usecases.showing import staff_name, stamp
from chalicelib.usecases.tracing import Sheet

TRIES: Final = 4
REASONS: Final = ("fault", "planned", "load", "restore", "correction")
"""Why something is switched: after a fault, for planned work, to move load, back to normal, or
because the records did not say how it stands. [design]"""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Switching:
    """What somebody switched, or found switched. at: when it was done."""

    opened: tuple[str, ...]
    closed: tuple[str, ...]
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Switched:
    """What became of it. feeders: name of a map → its version now.

    moved: transformers that are on another feeder than before. dark, lit: households that lost
    power by it, or have it again.
    """

    county: str
    feeders: Mapping[str, int]
    moved: tuple[str, ...]
    dark: int
    lit: int


# Switching --------------------------------------------------------------------------------------


def switch(what: Switching, *, by: Actor, may: Callable[[str], bool], at: datetime) -> Switched:
    """Open and close devices, and keep what that changes with the event that says so.

    may: whether who asks may switch in a county. What stands so already is no change and says
    nothing. Raises BadInput naming the device that is unknown, in another county, or no switch;
    Stale when others switched the same feeders at the same moments; Busy.
    """
    county, names = _home(what, may)
    for attempt in range(1, TRIES + 1):
        try:
            return _switch(county, names, what, by=by, at=at)
        except Stale:
            if attempt == TRIES:
                raise
    raise AssertionError  # the last try returns or raises


def _home(what: Switching, may: Callable[[str], bool]) -> tuple[str, tuple[str, ...]]:
    both = set(what.opened) & set(what.closed)
    if both:
        raise BadInput(
            FieldError(f"closed.{what.closed.index(each)}", "device.both") for each in sorted(both)
        )
    found = [
        (field, *tracing.home_of(devices, field=field))
        for field, devices in (("opened", what.opened), ("closed", what.closed))
        if devices
    ]
    if not found:
        raise BadInput.of("opened", "field.required")
    for field, county, _ in found:
        if not may(county):
            raise BadInput.of(f"{field}.0", "device.unknown")
    if len({county for _, county, _ in found}) > 1:
        raise BadInput.of("closed.0", "device.other_county")
    return found[0][1], tuple(dict.fromkeys(name for *_, names in found for name in names))


def _switch(
    county: str, names: Sequence[str], what: Switching, *, by: Actor, at: datetime
) -> Switched:
    sheets = {sheet.name: sheet for sheet in tracing.sheets_of(county)}
    devices = {
        device.device_id: device
        for name in names
        if name in sheets
        for device in sheets[name].map.devices
    }
    for field, ids in (("opened", what.opened), ("closed", what.closed)):
        for place, each in enumerate(ids):
            if each not in devices:
                raise BadInput.of(f"{field}.{place}", "device.unknown")
            if not devices[each].switchable:
                raise BadInput.of(f"{field}.{place}", "device.no_switch")
    ends = [bus for each in what.closed for bus in devices[each].buses]
    near = tracing.around(county, names, beside=ends)
    changed = transfer(near.network, opened=what.opened, closed=what.closed)
    if not changed:
        return Switched(county, {}, (), 0, 0)
    before = dark(near.network)
    after = dark(near.network, opened=what.opened, closed=what.closed)
    count = {load.load_id: load.households for load in near.network.loads}
    homes, moved = _moved(changed, near.sheet_of, near.devices)
    versions = {str(one.key): version_of(sheets.get(str(one.key))) for one in changed}
    done = Switched(
        county,
        {name: version + 1 for name, version in versions.items()},
        moved,
        sum(count[load] for load in after - before),
        sum(count[load] for load in before - after),
    )
    event = Event(
        aggregate=f"grid/{county}",
        seq=0,
        name="grid.switched",
        occurred_at=what.at,
        recorded_at=at,
        actor=by,
        changes={},
        data={
            "opened": list(what.opened),
            "closed": list(what.closed),
            "reason": what.reason,
            "feeders": sorted(versions),
            "moved": len(moved),
            "dark": done.dark,
            "lit": done.lit,
        },
    )
    grid.put_places_of("device", {device: f"{county}/{name}" for device, name in homes.items()})
    made = {str(one.key): (pack(one), versions[str(one.key)]) for one in changed}
    grid.save(county, made, at=at, event=ledger.at_tip(event))
    return done


def version_of(sheet: Sheet | None) -> int:
    """Return the version of a map, 0 where there is none."""
    return sheet.version[3] if sheet else 0


def _moved(
    changed: Iterable[GridMap], stood: Mapping[str, str], devices: Mapping[str, Device]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return where each device that moved is now, and the transformers among them."""
    homes = {
        device.device_id: str(one.key)
        for one in changed
        for device in one.devices
        if stood.get(device.device_id) != str(one.key)
    }
    moved = sorted(each for each in homes if devices[each].kind == "transformer")
    return homes, tuple(moved)


def history(viewer: Viewer, county: str) -> Iterator[Row]:
    """Yield what was switched in a county, the newest first. Raises Busy."""
    for event in reversed(list(ledger.read(f"grid/{county}"))):
        said = event.data
        yield {
            "seq": event.seq,
            "county": county,
            "at": stamp(event.occurred_at),
            "recorded_at": stamp(event.recorded_at),
            "by": event.actor.actor_id,
            "by_name": staff_name(viewer.desk, event.actor.actor_id),
            **{name: said[name] for name in ("opened", "closed", "reason", "feeders")},
            **{name: said[name] for name in ("moved", "dark", "lit")},
        }
