"""What of an outage is shown to the staff (停电展示): a row of the board, its page, its diagram.

Made from the head, its events and the registry, as they were read. Times are UTC text; names are
slugs whose words are in domain/words.py; what is personal is masked.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.domain import words as wording
from chalicelib.domain.calendar import local_day
from chalicelib.domain.clocks import Clock, Rules, due, instant
from chalicelib.domain.contact import mask_address, mask_name
from chalicelib.domain.grid import Device, dark
from chalicelib.domain.inference import Evidence, Suspicion
from chalicelib.domain.order import Event
from chalicelib.domain.outage import (
    BEFORE,
    LADDER,
    OPEN,
    OVER,
    Outage,
    Round,
    State,
    aggregate,
    figures,
)
from chalicelib.domain.outage_notice import Group, group_of
from chalicelib.store import customers, ledger, notices, orders, outages, personal
from chalicelib.store.customers import Household
from chalicelib.store.outages import Head
from chalicelib.usecases import tracing
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.locating import Weighed, lit
from chalicelib.usecases.notifying import row_key
from chalicelib.usecases.outages import DEEDS, affected, customer_key, main_of, open_to
from chalicelib.usecases.showing import need_row, staff_name, stamp
from chalicelib.usecases.tracing import Grid

RECENT: Final = timedelta(days=2)
"""How far back `recent` looks where no day is named. [design]"""
PAGE: Final = 100
DELIVERED: Final = frozenset({"sent", "delivered"})
FAILED: Final = frozenset({"failed"})


def _stamped(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


# A row of the board -----------------------------------------------------------------------------


def row(desk: Desk, head: Head, *, at: datetime) -> dict[str, Any]:
    """Return one outage as a line of the board."""
    outage, shown = head.outage, head.shown
    reach, etr, plan = affected(outage), outage.etr, outage.plan
    heard: Mapping[str, int] = shown.get("evidence", {})
    return {
        "id": outage.outage_id,
        "kind": outage.kind.value,
        "state": outage.state.value,
        "level": _level(outage),
        "county": outage.county,
        "office": outage.office,
        "area": str(shown.get("area", "")),
        "cause": outage.cause or None,
        "started_at": _stamped(outage.since),
        "recorded_at": stamp(outage.recorded_at),
        "etr": _stamped(etr.at if etr else None),
        "etr_source": etr.source if etr else None,
        "next_update_at": _stamped(outage.update_at),
        "restored_at": _stamped(_restored_at(outage)),
        "planned_start": _stamped(plan.start if plan else None),
        "planned_end": _stamped(plan.finish if plan else None),
        "households": reach.households,
        "dark_households": outage.dark.households if outage.state in OPEN else 0,
        "key": int(shown.get("key", 0)),
        "vulnerable": int(shown.get("vulnerable", 0)),
        "sensitive": int(shown.get("sensitive", 0)),
        "transformers": len(reach.parts),
        "feeder_ids": list(outage.feeders),
        "devices": _devices(head),
        "order_number": outage.order_id or None,
        "children": len(outage.children),
        "dangers": len(outage.dangers),
        "crew_status": outage.crew.status if outage.crew else None,
        "evidence": {
            name: int(heard.get(name, 0))
            for name in ("calls", "meter_off", "device_open", "indicators")
        },
        "clocks": _clocks(desk, outage, at=at),
        "round": _round(outage),
        "human": outage.word[0] if outage.word else None,
        "above": outage.above or None,
        "training": outage.training,
        "version": outage.version,
        "updated_at": stamp(outage.moved_at or outage.recorded_at),
    }


def _level(outage: Outage) -> str | None:
    if outage.state in LADDER:
        return outage.state.value
    return outage.grade or None


def _restored_at(outage: Outage) -> datetime | None:
    if outage.state in OPEN | BEFORE:
        return None
    backs = [step.at for step in outage.steps.values() if step.change == "back"]
    return max(backs, default=None)


def _devices(head: Head) -> list[dict[str, str]]:
    named = {str(one[0]): (str(one[1]), str(one[2])) for one in head.shown.get("devices", ())}
    return [
        {"id": each, "name": named.get(each, ("", ""))[0], "kind": named.get(each, ("", ""))[1]}
        for each in head.outage.devices
    ]


def _clocks(desk: Desk, outage: Outage, *, at: datetime) -> list[dict[str, Any]]:
    """Return every clock of five minutes, those that run first."""
    rules = desk.rules(outage.county)
    rows = [_clock(name, clock, rules, at=at) for name, clock in outage.clocks.items()]
    return sorted(rows, key=lambda one: (one["state"] != "running", one["due_at"], one["event"]))


def _clock(name: str, clock: Clock, rules: Rules, *, at: datetime) -> dict[str, Any]:
    kind, _, event = name.partition(".")
    until = due(clock, rules)
    end = clock.stopped_at or at
    late = until is not None and end > until.at
    state = "missed" if late else "met" if clock.stopped_at else "running"
    return {
        "kind": kind,
        "event": event,
        "due_at": stamp(until.at if until else end),
        "state": state,
        "stopped": clock.stopped_at is not None,
        "seconds": max(0, int((end - clock.started_at).total_seconds())),
    }


def _round(outage: Outage) -> dict[str, Any] | None:
    """Return how far the newest round is; None before the first."""
    rows = round_rows(outage)
    return rows[-1] if rows else None


def round_rows(outage: Outage) -> list[dict[str, Any]]:
    """Return every round with its households by what became of their notice, oldest first."""
    found = sorted(outage.rounds.items(), key=lambda one: (one[1].entered_at, one[0]))
    return [_round_row(name, one) for name, one in found]


def _round_row(name: str, one: Round) -> dict[str, Any]:
    known = sum(one.counts.values())
    total = known if one.watch_at is None else one.reach.households  # a final round let it go
    return {
        "id": name,
        "kind": one.kind,
        "entered_at": stamp(one.entered_at),
        "told_at": _stamped(one.told_at),
        "sent": sum(count for state, count in one.counts.items() if state in DELIVERED),
        "failed": sum(count for state, count in one.counts.items() if state in FAILED),
        "waiting": max(0, total - known) if one.watch_at is not None else 0,
        "total": total,
        "counts": dict(one.counts),
    }


# Lists ------------------------------------------------------------------------------------------


def heads(
    counties: Sequence[str],
    state: str,
    *,
    since: datetime | None,
    until: datetime | None,
    at: datetime,
) -> list[Head]:
    """Return the outages of some counties in a state: open, recent, planned or all. Raises Busy.

    What is over is looked for in the months from `since` to `until`: the last two days where none
    is named.
    """
    found: list[Head] = []
    for county in counties:
        if state != "recent":
            found += outages.board(county).heads
        if state in {"recent", "all"}:
            first, last = since or at - RECENT, until or at
            found += [each for each in _over(county, first, last) if _ended(each, first, last)]
    wanted = {"open": OPEN, "planned": BEFORE, "recent": OVER}.get(state, frozenset(State))
    kept = [each for each in found if each.outage.state in wanted]
    return sorted(kept, key=lambda each: (_begun(each), each.outage.outage_id), reverse=True)


def _ended(head: Head, first: datetime, last: datetime) -> bool:
    closed = head.outage.closed_at
    return closed is not None and first <= closed <= last


def _begun(head: Head) -> datetime:
    outage = head.outage
    return outage.since or (outage.plan.start if outage.plan else outage.recorded_at)


def _over(county: str, first: datetime, last: datetime) -> Iterator[Head]:
    for month in _months(first, last):
        after: str | None = None
        while True:
            page = outages.over(county, month, limit=PAGE, after=after)
            yield from page.items
            after = page.after
            if after is None:
                break


def _months(first: datetime, last: datetime) -> list[str]:
    """Return the local months from one instant to another, at most outages.MOST_MONTHS."""
    here, end = local_day(first).replace(day=1), local_day(last)
    found: list[str] = []
    while here <= end and len(found) < outages.MOST_MONTHS:
        found.append(f"{here:%Y-%m}")
        here = (here + timedelta(days=31)).replace(day=1)
    return found


# Its page ---------------------------------------------------------------------------------------


def page(
    desk: Desk, head: Head, role: str, *, may_move: bool, language: str, at: datetime
) -> dict[str, Any]:
    """Return everything about one outage but its households. Raises Busy."""
    outage = head.outage
    events = list(ledger.read(aggregate(outage.outage_id)))
    said = personal.words(aggregate(outage.outage_id))
    return {
        **row(desk, head, at=at),
        "areas": list(tracing.area_names(outage.county, affected(outage), at=at)),
        "steps": [
            {
                "at": stamp(step.at),
                "recorded_at": stamp(step.recorded_at),
                "what": step.change,
                "households": step.reach.households,
                "transformers": len(step.reach.parts),
                "other": step.other or None,
            }
            for _, step in sorted(outage.steps.items(), key=lambda one: one[1].recorded_at)
        ],
        "history": [
            {
                "seq": event.seq,
                "name": event.name,
                "at": stamp(event.occurred_at),
                "recorded_at": stamp(event.recorded_at),
                "by": event.actor.actor_id,
                "by_role": event.actor.role,
                "by_name": staff_name(desk, event.actor.actor_id),
                "note": said[event.seq].words.get("note") if event.seq in said else None,
                "data": _told_of(event),
            }
            for event in events
        ],
        "etr_changes": [
            {
                "at": _stamped(etr.at),
                "source": etr.source,
                "set_at": stamp(etr.set_at),
                "reason": etr.reason or None,
                "next_update_at": _stamped(etr.next_update_at),
            }
            for etr in sorted(outage.etrs.values(), key=lambda one: one.set_at)
        ],
        "figures": [
            {
                "round": one.round_id,
                "kind": one.kind,
                "entry_seconds": int(one.entry.total_seconds()),
                "notify_seconds": _seconds(one.notify),
                "whole_seconds": _seconds(one.end_to_end),
            }
            for one in figures(outage)
        ],
        "rounds": round_rows(outage),
        "orders": _orders(outage),
        "nested": list(outage.below),
        "parent": outage.parent or None,
        "moves": move_rows(outage, role, language) if may_move else [],
        "proposal": proposal(desk, outage, events, role, at=at) if may_move else None,
        "calls_owed": calls_owed(desk, outage),
        "signatures": [
            {"role": one.role, "by": one.by, "by_name": staff_name(desk, one.by),
             "at": stamp(one.at)}
            for one in (outage.plan.signatures if outage.plan else ())
        ],
        "breaches": [
            {"limit": str(limit), "to": str(to), "due": stamp(instant(due_ms)),
             "told_at": _stamped(instant(told) if told is not None else None),
             "reason": str(reason)}
            for event in events
            for limit, to, due_ms, told, reason in event.data.get("breaches", ())
        ],
    }  # fmt: skip


def proposal(
    desk: Desk, outage: Outage, events: Iterable[Event], role: str, *, at: datetime
) -> dict[str, Any] | None:
    """Return the move that what is known and not entered asks for; None where none. Raises Busy.

    A device or the crew said that power is back: for all, or for those behind whom meters say so.
    """
    if "restored" not in outage.known or outage.state not in OPEN:
        return None
    said = [one for one in events if one.name == "know" and "restored" in one.changes["known"]]
    is_part = bool(said) and bool(said[-1].data.get("part"))
    whole = "finish" if outage.rule.planned else "restore"
    name = "restore_part" if is_part else whole
    if name not in open_to(outage, role):
        return None
    return {
        "move": name,
        "at": stamp(outage.known["restored"][0]),
        "transformers": list(lit(desk, outage, at=at)) if is_part else [],
        "by": staff_name(desk, said[-1].actor.actor_id) if said else "",
        "by_role": said[-1].actor.role if said else "",
    }


_SHOWN: Final = frozenset({"reason", "finish", "due", "order"})


def _told_of(event: Event) -> dict[str, Any]:
    return {name: value for name, value in event.data.items() if name in _SHOWN}


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())


def _orders(outage: Outage) -> list[dict[str, Any]]:
    """Return the orders that belong to it: what they are to it, and how they stand."""
    named = [(outage.order_id, "repair", "")] if outage.order_id else []
    named += [(each, "report", "") for each in outage.children]
    named += [(each, "danger", danger) for each, danger in outage.dangers.items()]
    found = {head.order.order_id: head for head in orders.get_many(each for each, *_ in named)}
    return [
        {
            "number": number,
            "role": role,
            "danger": danger or None,
            "stage": found[number].order.stage if number in found else "",
            "place": str(found[number].shown.get("place", "")) if number in found else "",
        }
        for number, role, danger in named
    ]


def move_rows(outage: Outage, role: str, language: str) -> list[dict[str, Any]]:
    """Return the moves that a role may make now, each as the move form renders an order's."""
    names = open_to(outage, role)
    main = main_of(outage, names)
    return [
        {
            "name": name,
            "label": wording.say(f"outage.move.{name}", language),
            "needs": [need_row(need) for need in DEEDS[name].needs],
            "gates_open": [],
            "primary": name == main,
        }
        for name in names
    ]


def calls_owed(desk: Desk, outage: Outage) -> list[dict[str, Any]]:
    """Return the key customers whom somebody calls before an emergency switching, and who did."""
    if not outage.key_customers or outage.plan is None:
        return []
    rows = []
    for household in tracing.households_in(outage.plan.reach):
        key = customer_key(desk, household.account_no)
        if key not in outage.key_customers:
            continue
        called = outage.calls.get(key)
        rows.append(
            {
                "account": household.account_no,
                "name": mask_name(household.name),
                "phone": household.phones[0].masked if household.phones else "",
                "done_at": stamp(instant(called[0])) if called else None,
                "by": staff_name(desk, str(called[1])) if called else None,
                "line": str(called[2]) if called else None,
            }
        )
    return rows


# Its households ---------------------------------------------------------------------------------

GROUPS: Final = ("all", "key", "vulnerable", "sensitive")


def households(
    desk: Desk, head: Head, *, group: str, limit: int, after: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of the households of an outage with what became of their notice. Raises Busy.

    By transformer, then account. `after` is `<transformer>/<account>` of the last one.
    """
    reach = affected(head.outage)
    start, _, last = (after or "").partition("/")
    found: list[tuple[str, Household]] = []
    for transformer in reach.transformers:
        if transformer < start:
            continue
        found += [
            (transformer, each)
            for each in customers.households_of(transformer)
            if reach.covers(transformer, each.load_id)
            and (transformer, each.account_no) > (start, last)
            and _is_in(group, each)
        ]
        if len(found) > limit:
            break
    shown = found[:limit]
    told = _told(desk, head.outage, [each for _, each in shown])
    rows = [_household(head.outage, code, each, told[each.account_no]) for code, each in shown]
    cursor = f"{shown[-1][0]}/{shown[-1][1].account_no}" if len(found) > limit else None
    return rows, cursor


def _is_in(group: str, household: Household) -> bool:
    if group == "all":
        return True
    if group == "sensitive":
        return "sensitive" in household.flags
    return group_of(household.flags) is Group(group)


def _told(desk: Desk, outage: Outage, some: Iterable[Household]) -> dict[str, list[notices.Told]]:
    keys = {
        each.account_no: [
            *(row_key(desk, phone, each.account_no) for phone in each.phones),
            row_key(desk, None, each.account_no),
        ]
        for each in some
    }
    found = notices.told(
        outage.outage_id, dict.fromkeys(key for own in keys.values() for key in own)
    )
    return {account: [found[key] for key in own if key in found] for account, own in keys.items()}


def _household(
    outage: Outage, transformer: str, household: Household, told: Sequence[notices.Told]
) -> dict[str, Any]:
    newest = max(told, key=lambda one: (one.seq, one.is_final), default=None)
    return {
        "account": household.account_no,
        "name": mask_name(household.name),
        "address": mask_address(household.address),
        "place": transformer,
        "flags": sorted(household.flags),
        "group": group_of(household.flags).value,
        "dark": outage.dark.covers(transformer, household.load_id),
        "phones": len(household.phones),
        "state": newest.status.value if newest else None,
        "kind": newest.kind if newest else None,
        "told_at": stamp(newest.at) if newest else None,
    }


# Evidence ---------------------------------------------------------------------------------------

MOST_SHOWN: Final = 200


def evidence(weighed: Weighed, told: Suspicion | None) -> dict[str, Any]:
    """Return what speaks for an outage and against it, the newest first, and its candidates."""
    rows: list[tuple[Evidence, bool]] = []
    if told is not None:
        rows += [(each, True) for each in told.evidence_for]
        rows += [(each, False) for each in told.evidence_against]
    rows.sort(key=lambda one: one[0].occurred_at, reverse=True)
    groups = [told.devices, *told.rivals] if told is not None else []
    return {
        "items": [
            {
                "kind": each.kind.value,
                "subject": each.subject,
                "source": each.source.partition("/")[2] or each.source,
                "occurred_at": stamp(each.occurred_at),
                "recorded_at": stamp(each.recorded_at),
                "supports": supports,
            }
            for each, supports in rows[:MOST_SHOWN]
        ],
        "more": max(0, len(rows) - MOST_SHOWN),
        "probability": told.probability if told is not None else None,
        "candidates": [
            {
                "devices": list(devices),
                "share": told.share if told is not None and place == 0 else None,
                "households": weighed.grid.behind(devices[:1]).households,
            }
            for place, devices in enumerate(groups)
        ],
    }


# What hangs where, drawn ------------------------------------------------------------------------


def diagram(grid: Grid, feeder: str, found: Iterable[Outage], *, at: datetime) -> dict[str, Any]:
    """Return the one-line diagram of a feeder: its devices as a tree, laid out from left to right.

    A node is a device or a bus's loads; x counts the steps from the source, y the branches. state:
    live, dark, open (a switch), fault (where an outage is confirmed), suspect. Positions are drawn,
    never those of the land.
    """
    open_outages = list(found)
    dead = dark(grid.network)
    off = {load for each in open_outages for load in grid.loads_in(each.dark)}
    failed = {
        device: "fault" if each.state not in {State.SUSPECTED, State.PROBABLE} else "suspect"
        for each in open_outages
        for device in each.devices
    }
    wanted = [d for d in grid.network.devices if grid.sheet_of[d.device_id] == feeder]
    return _Drawing(grid, wanted, dead | off, failed).drawn(feeder) | {"as_of": stamp(at)}


class _Drawing:
    """Devices as edges between buses, buses as nodes, walked from where power comes in."""

    def __init__(
        self,
        grid: Grid,
        devices: Sequence[Device],
        off: Iterable[str],
        failed: Mapping[str, str],
    ) -> None:
        self.grid, self.devices, self.failed = grid, devices, failed
        self.off = frozenset(off)
        self.near: dict[str, list[tuple[str, Device]]] = {}
        for device in devices:
            if device.bus_from and device.bus_to:
                self.near.setdefault(device.bus_from, []).append((device.bus_to, device))
                self.near.setdefault(device.bus_to, []).append((device.bus_from, device))
        self.loads: dict[str, list[str]] = {}
        self.count: Counter[str] = Counter()
        for load in grid.network.loads:
            if load.bus_id in self.near:
                self.loads.setdefault(load.bus_id, []).append(load.load_id)
                self.count[load.bus_id] += load.households

    def drawn(self, feeder: str) -> dict[str, Any]:
        """Return nodes and edges."""
        order, parent, depth = self._walk()
        y = self._rows(order, parent)
        state = self._states(order, parent)
        nodes = [
            {
                "id": bus,
                "name": parent[bus][1].name if bus in parent else "",
                "kind": self._kind(bus, parent),
                "x": depth[bus],
                "y": y[bus],
                "state": state[bus],
                "households": self.count[bus],
                "loads": len(self.loads.get(bus, ())),
            }
            for bus in order
        ]
        edges = [
            {
                "from": device.bus_from,
                "to": device.bus_to,
                "device": device.device_id,
                "name": device.name,
                "kind": device.kind,
                "state": self._edge(device, state),
                "tree": parent.get(device.bus_to, ("", None))[1] is device
                or parent.get(device.bus_from, ("", None))[1] is device,
            }
            for device in self.devices
            if device.bus_from in depth and device.bus_to in depth
        ]
        return {"feeder": feeder, "nodes": nodes, "edges": edges}

    def _roots(self) -> list[str]:
        """Where power comes in: buses that devices of other maps touch, a source's first."""
        own = {device.device_id for device in self.devices}
        elsewhere: dict[str, int] = {}
        for device in self.grid.network.devices:
            if device.device_id not in own:
                for bus in device.buses:
                    if bus in self.near:
                        elsewhere[bus] = max(
                            elsewhere.get(bus, 0), 1 + int(not device.normally_open)
                        )
        sources = [bus for device in self.devices if device.is_source for bus in device.buses]
        return [*sources, *sorted(elsewhere, key=lambda bus: (-elsewhere[bus], bus))]

    def _walk(self) -> tuple[list[str], dict[str, tuple[str, Device]], dict[str, int]]:
        order: list[str] = []
        parent: dict[str, tuple[str, Device]] = {}
        depth: dict[str, int] = {}
        for closed_only in (True, False):
            for root in [*self._roots(), *sorted(self.near)]:
                if root in depth or (closed_only and root not in self._roots()):
                    continue
                depth[root] = 0
                todo = [root]
                while todo:
                    here = todo.pop()
                    order.append(here)
                    ways = [w for w in self.near.get(here, ()) if w[1].closed or not closed_only]
                    for there, device in sorted(ways, key=lambda w: w[1].device_id, reverse=True):
                        if there not in depth:
                            depth[there] = depth[here] + 1
                            parent[there] = (here, device)
                            todo.append(there)
        return order, parent, depth

    def _rows(
        self, order: Sequence[str], parent: Mapping[str, tuple[str, Device]]
    ) -> dict[str, float]:
        """Return y: leaves one below the other, what is above them in their middle."""
        below: dict[str, list[str]] = {}
        for bus, (above, _) in parent.items():
            below.setdefault(above, []).append(bus)
        y: dict[str, float] = {}
        for bus in order:
            if bus not in below:
                y[bus] = float(len(y))
        for bus in reversed(order):
            if bus in below:
                some = [y[each] for each in below[bus]]
                y[bus] = (min(some) + max(some)) / 2
        return y

    def _states(
        self, order: Sequence[str], parent: Mapping[str, tuple[str, Device]]
    ) -> dict[str, str]:
        """Return whether each bus is live: by its loads, else by what hangs below it."""
        state: dict[str, str] = {}
        below: dict[str, list[str]] = {}
        for bus in reversed(order):
            own = ["dark" if load in self.off else "live" for load in self.loads.get(bus, ())]
            votes = own + below.get(bus, [])
            state[bus] = "live" if not votes or "live" in votes else "dark"
            if bus in parent and parent[bus][1].closed and votes:
                below.setdefault(parent[bus][0], []).append(state[bus])
        return state

    def _kind(self, bus: str, parent: Mapping[str, tuple[str, Device]]) -> str:
        if bus in self.loads:
            return "load"
        return parent[bus][1].kind if bus in parent else "source"

    def _edge(self, device: Device, state: Mapping[str, str]) -> str:
        if device.device_id in self.failed:
            return self.failed[device.device_id]
        if not device.closed:
            return "open"
        return "dark" if "dark" in {state[device.bus_from], state[device.bus_to]} else "live"
