"""The three tables of a network (电网台账导入): devices.csv, switches.csv, customers.csv.

Columns come in any order, with or without a byte-order mark, with either line end; an empty cell is
a value not given. Nothing is guessed: what cannot be used is a mistake that names file, line,
column and a slug. A row that cannot be traced with is left out; one that only contradicts another,
or spoils what people read, is kept and named. A notice is no mistake, but somebody should see it.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from chalicelib.domain import words
from chalicelib.domain.grid.network import SOURCE, Device, Load, Network

DEVICES: Final = "devices.csv"
SWITCHES: Final = "switches.csv"
CUSTOMERS: Final = "customers.csv"

_DEVICE_NEEDS: Final = ("device_id", "kind", "bus_from", "bus_to")
_DEVICE_ALSO: Final = (
    *("name", "parent_id", "feeder_id", "substation_id", "phases", "conductors", "kv"),
    *("length_km", "switchable", "protective", "closed", "normally_open", "loop", "depth"),
    *("lon", "lat"),
)
_SWITCH_ALSO: Final = ("kind", "bus_from", "bus_to", "closed", "normally_open", "feeder_id")
_CUSTOMER_NEEDS: Final = ("customer_id", "load_id", "bus_id")
_CUSTOMER_ALSO: Final = (
    *("account_no", "meter_no", "name", "phone", "nodes", "device_id", "transformer_id"),
    *("feeder_id", "phases", "kw", "is_key", "is_vulnerable", "address"),
)
_YES: Final = frozenset({"1", "1.0", "true", "t", "yes", "y", "是"})
_NO: Final = frozenset({"0", "0.0", "false", "f", "no", "n", "否"})
_GROUND: Final = 0
_SHOWN: Final = 40
"""Characters of a cell that a mistake repeats. [design]"""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing in a table that cannot be used, or that somebody should see.

    line: as an editor counts, 1 is the header. notice: nothing to correct, something to see.
    """

    file: str
    line: int
    column: str
    slug: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    notice: bool = False

    def words(self, language: str) -> str:
        """Return what is wrong, in one language."""
        return words.say(f"grid.mistake.{self.slug}", language, **self.facts)


@dataclass(frozen=True, slots=True)
class SupplyPoint:
    """One row of customers.csv: a customer at a meter, and what it hangs on. Prints no person.

    kw: contracted power, None where not given. The other fields are as in the table.
    """

    customer_id: str
    load_id: str
    bus_id: str
    account_no: str = field(default="", repr=False)
    meter_no: str = ""
    name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    nodes: str = ""
    device_id: str = ""
    transformer_id: str = ""
    feeder_id: str = ""
    phases: str = ""
    kw: float | None = None
    is_key: bool | None = None
    is_vulnerable: bool | None = None
    address: str = field(default="", repr=False)


class _Row:
    """One line's cells, and the mistakes found in them."""

    def __init__(self, table: "_Table", line: int, cells: dict[str, str]) -> None:
        self.table, self.line, self.cells = table, line, cells
        self.is_bad = False

    def wrong(self, column: str, slug: str, **facts: Any) -> None:
        """Put a mistake down that leaves the row out."""
        self.is_bad = True
        self.odd(column, slug, **facts)

    def odd(self, column: str, slug: str, *, notice: bool = False, **facts: Any) -> None:
        """Put a mistake or a notice down that leaves the row in."""
        self.table.mistakes.append(
            Mistake(self.table.file, self.line, column, slug, facts, notice=notice)
        )

    def text(self, column: str) -> str:
        """Return a cell, "" where it is empty or its column is not there."""
        return self.cells.get(column, "")

    def needed(self, column: str) -> str:
        """Return a cell that may not be empty."""
        value = self.text(column)
        if not value:
            self.wrong(column, "required")
        return value

    def flag(self, column: str, *, default: bool) -> bool:
        """Return a yes or no."""
        value = self.text(column)
        if value.lower() in _YES:
            return True
        if value and value.lower() not in _NO:
            self.wrong(column, "not-a-flag", value=value[:_SHOWN])
        return False if value else default

    def said(self, column: str) -> bool | None:
        """Return a yes or no, None where the cell is empty."""
        return self.flag(column, default=False) if self.text(column) else None

    def number(self, column: str) -> float | None:
        """Return a finite number, None where the cell is empty."""
        value = self.text(column)
        try:
            number = float(value) if value else None
        except ValueError:
            number = math.nan
        if number is not None and not math.isfinite(number):
            self.odd(column, "not-a-number", value=value[:_SHOWN])
            return None
        return number

    def phases(self) -> str:
        """Return the letters of the phases in capitals."""
        value = self.text("phases").upper()
        if not set(value) <= set("ABCN") or len(set(value)) < len(value):
            self.odd("phases", "not-a-phase", value=value[:_SHOWN])
        return value

    def conductors(self) -> tuple[tuple[int, int], ...]:
        """Return pairs of phase nodes; what leads to ground carries nothing and is left away."""
        value = self.text("conductors")
        parts = [part for part in re.split(r"[|;,\s]+", value) if part]
        if not all(re.fullmatch(r"\d{1,3}-\d{1,3}", part, re.ASCII) for part in parts):
            self.wrong("conductors", "not-conductors", value=value[:_SHOWN])
            return ()
        ends = (part.split("-") for part in parts)
        pairs = dict.fromkeys((int(one), int(other)) for one, other in ends)
        kept = tuple(pair for pair in pairs if _GROUND not in pair)
        if pairs and not kept:
            self.wrong("conductors", "only-ground", value=value[:_SHOWN])
        return kept

    def nodes(self) -> str:
        """Return a load's nodes as `1&2.3`, whatever separates the groups; ground is left away."""
        value = self.text("nodes")
        groups = [group for group in re.split(r"[.|;,/\s]+", value) if group]
        if not all(re.fullmatch(r"\d{1,3}(&\d{1,3})*", group, re.ASCII) for group in groups):
            self.wrong("nodes", "not-nodes", value=value[:_SHOWN])
            return ""
        kept = [
            "&".join(str(int(node)) for node in group.split("&") if int(node) != _GROUND)
            for group in groups
        ]
        written = ".".join(dict.fromkeys(group for group in kept if group))
        if groups and not written:
            self.wrong("nodes", "only-ground", value=value[:_SHOWN])
        return written


class _Table:
    """A table's rows by the names of its columns, with what is wrong with its shape."""

    def __init__(
        self,
        file: str,
        text: str | Iterable[str],
        *,
        needs: tuple[str, ...],
        also: tuple[str, ...],
    ) -> None:
        self.file, self.needs, self.also = file, needs, also
        self.mistakes: list[Mistake] = []
        self.columns: tuple[str, ...] = ()
        lines = io.StringIO(text, newline="") if isinstance(text, str) else text
        self.reader = csv.reader(_without_mark(lines), strict=True)

    def __iter__(self) -> Iterator[_Row]:
        """Yield the rows that have as many cells as the header; nothing without the needed ones."""
        lines = self._cells()
        _, header = next(lines, (1, []))
        self.columns = tuple(name.strip().lower() for name in header)
        if self._check_header():
            for line, cells in lines:
                if len(cells) != len(self.columns):
                    facts = {"found": len(cells), "expected": len(self.columns)}
                    self.mistakes.append(Mistake(self.file, line, "", "cells", facts))
                elif any(cells):
                    yield _Row(self, line, dict(zip(self.columns, cells, strict=True)))

    def _cells(self) -> Iterator[tuple[int, list[str]]]:
        begins = 1
        try:
            for cells in self.reader:
                if cells:
                    yield begins, [cell.strip() for cell in cells]
                begins = self.reader.line_num + 1
        except csv.Error:
            self.mistakes.append(Mistake(self.file, begins, "", "unreadable"))

    def _check_header(self) -> bool:
        for column in dict.fromkeys(self.columns):
            if self.columns.count(column) > 1:
                self.mistakes.append(Mistake(self.file, 1, column, "column-twice"))
            if column not in self.needs and column not in self.also:
                notice = Mistake(self.file, 1, column, "column-unknown", notice=True)
                self.mistakes.append(notice)
        for column in self.needs:
            if column not in self.columns:
                self.mistakes.append(Mistake(self.file, 1, column, "column-missing"))
        return all(mistake.notice for mistake in self.mistakes)


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    for i, line in enumerate(lines):
        yield line.removeprefix("\ufeff") if i == 0 else line


def _is_new(row: _Row, column: str, seen: dict[str, int]) -> bool:
    """Put an id down; a second one is a mistake that names the line of the first."""
    value = row.text(column)
    first = seen.setdefault(value, row.line)
    if first != row.line:
        row.wrong(column, "twice", value=value[:_SHOWN], first=first)
    return first == row.line


def read_devices(text: str | Iterable[str]) -> tuple[tuple[Device, ...], tuple[Mistake, ...]]:
    """Read devices.csv: the whole text, or its lines.

    Needed: device_id, kind, bus_from, bus_to. Not given: closed is what normally_open is not, the
    other flags are no, conductors are all phases together.
    """
    table = _Table(DEVICES, text, needs=_DEVICE_NEEDS, also=_DEVICE_ALSO)
    seen: dict[str, int] = {}
    found = []
    for row in table:
        device = _device(row)
        if device.device_id:
            _is_new(row, "device_id", seen)
        if not row.is_bad:
            found.append(device)
    return tuple(found), tuple(table.mistakes)


def _device(row: _Row) -> Device:
    normally_open = row.flag("normally_open", default=False)
    device = Device(
        device_id=row.needed("device_id"),
        kind=row.needed("kind").lower(),
        bus_from=row.text("bus_from"),
        bus_to=row.text("bus_to"),
        name=row.text("name"),
        conductors=row.conductors(),
        phases=row.phases(),
        kv=row.text("kv"),
        switchable=row.flag("switchable", default=False),
        protective=row.flag("protective", default=False),
        closed=row.flag("closed", default=not normally_open),
        normally_open=normally_open,
        feeder_id=row.text("feeder_id"),
        substation_id=row.text("substation_id"),
        parent_id=row.text("parent_id"),
        lon=row.number("lon"),
        lat=row.number("lat"),
    )
    _check_rating(row)
    _check_ends(row, device)
    return device


def _check_rating(row: _Row) -> None:
    value = row.text("kv")
    if value and not re.fullmatch(r"\d+(\.\d+)?(/\d+(\.\d+)?)*", value, re.ASCII):
        row.odd("kv", "not-a-number", value=value[:_SHOWN])


def _check_ends(row: _Row, device: Device) -> None:
    """A source stands at one bus at least; everything else joins two different ones."""
    if device.kind == SOURCE and device.buses:
        return
    for column, bus in (("bus_from", device.bus_from), ("bus_to", device.bus_to)):
        if not bus:
            row.odd(column, "joined-to-nothing", device=device.device_id[:_SHOWN])
    if device.bus_from and device.bus_from == device.bus_to:
        row.odd("bus_to", "joined-to-itself", device=device.device_id[:_SHOWN])


def read_switches(text: str | Iterable[str], *, devices: Iterable[Device]) -> tuple[Mistake, ...]:
    """Hold switches.csv against devices.csv: each switch in both, and alike in every column."""
    table = _Table(SWITCHES, text, needs=("device_id",), also=_SWITCH_ALSO)
    known = {device.device_id: device for device in devices}
    seen: dict[str, int] = {}
    for row in table:
        device_id = row.needed("device_id")
        if device_id and _is_new(row, "device_id", seen):
            if device_id in known:
                _compare(row, known[device_id])
            else:
                row.wrong("device_id", "unknown-device", value=device_id[:_SHOWN])
    if table.columns:
        for device in known.values():
            if device.switchable and device.device_id not in seen:
                facts = {"device": device.device_id[:_SHOWN]}
                table.mistakes.append(Mistake(SWITCHES, 1, "device_id", "switch-missing", facts))
    return tuple(table.mistakes)


def _compare(row: _Row, device: Device) -> None:
    if not device.switchable:
        row.wrong("device_id", "not-switchable", device=device.device_id[:_SHOWN])
    for column in _SWITCH_ALSO:
        if column not in row.cells:
            continue
        there: str | bool = getattr(device, column)
        if isinstance(there, bool):
            differs = row.flag(column, default=there) != there
        else:
            differs = there != (row.text(column).lower() if column == "kind" else row.text(column))
        if differs:
            row.wrong(column, "differs", here=row.text(column)[:_SHOWN], there=str(there)[:_SHOWN])


def read_customers(
    text: str | Iterable[str], *, devices: Iterable[Device]
) -> tuple[tuple[SupplyPoint, ...], tuple[Mistake, ...]]:
    """Read customers.csv and hold it against the devices.

    Needed: customer_id, load_id, bus_id. A transformer that is unknown or not given is a notice:
    the customer is kept and somebody must see it.
    """
    table = _Table(CUSTOMERS, text, needs=_CUSTOMER_NEEDS, also=_CUSTOMER_ALSO)
    against = _Against(devices)
    found = []
    for row in table:
        point = _point(row)
        against.check(row, point)
        if not row.is_bad:
            found.append(point)
    if table.columns and "transformer_id" not in table.columns:
        notice = Mistake(CUSTOMERS, 1, "transformer_id", "column-missing", notice=True)
        table.mistakes.append(notice)
    return tuple(found), tuple(table.mistakes)


def _point(row: _Row) -> SupplyPoint:
    return SupplyPoint(
        customer_id=row.needed("customer_id"),
        load_id=row.needed("load_id"),
        bus_id=row.needed("bus_id"),
        account_no=row.text("account_no"),
        meter_no=row.text("meter_no"),
        name=row.text("name"),
        phone=row.text("phone"),
        nodes=row.nodes(),
        device_id=row.text("device_id"),
        transformer_id=row.text("transformer_id"),
        feeder_id=row.text("feeder_id"),
        phases=row.phases(),
        kw=row.number("kw"),
        is_key=row.said("is_key"),
        is_vulnerable=row.said("is_vulnerable"),
        address=row.text("address"),
    )


class _Against:
    """What customers' rows are held against: the devices, and the rows before."""

    def __init__(self, devices: Iterable[Device]) -> None:
        found = {device.device_id: device for device in devices}
        self.devices = frozenset(found)
        self.graph = Network(tuple(found.values())).graph
        self.customers: dict[str, int] = {}
        self.meters: dict[str, tuple[str, int]] = {}
        self.loads: dict[str, SupplyPoint] = {}

    def check(self, row: _Row, point: SupplyPoint) -> None:
        """Put down what does not fit."""
        if point.customer_id:
            _is_new(row, "customer_id", self.customers)
        self._check_place(row, point)
        self._check_transformer(row, point)
        self._check_meter(row, point)
        self._check_load(row, point)

    def _check_place(self, row: _Row, point: SupplyPoint) -> None:
        if point.device_id and point.device_id not in self.devices:
            row.odd("device_id", "unknown-device", value=point.device_id[:_SHOWN])
        if not point.bus_id:
            return
        if point.bus_id not in self.graph.at_bus:
            row.odd("bus_id", "unknown-bus", value=point.bus_id[:_SHOWN])
        elif self.graph.has_phases:
            for node in re.findall(r"\d+", point.nodes):
                if (point.bus_id, int(node)) not in self.graph.vertices:
                    row.odd("nodes", "node-missing", node=node, bus=point.bus_id[:_SHOWN])

    def _check_transformer(self, row: _Row, point: SupplyPoint) -> None:
        if "transformer_id" not in row.cells or point.transformer_id in self.devices:
            return
        slug = "unknown-transformer" if point.transformer_id else "no-transformer"
        customer, value = point.customer_id[:_SHOWN], point.transformer_id[:_SHOWN]
        row.odd("transformer_id", slug, notice=True, customer=customer, value=value)

    def _check_meter(self, row: _Row, point: SupplyPoint) -> None:
        if not point.meter_no:
            return
        other, first = self.meters.setdefault(point.meter_no, (point.transformer_id, row.line))
        if other != point.transformer_id:
            row.odd(
                "meter_no",
                "meter-under-two",
                meter=point.meter_no[:_SHOWN],
                here=point.transformer_id[:_SHOWN],
                there=other[:_SHOWN],
                first=first,
            )

    def _check_load(self, row: _Row, point: SupplyPoint) -> None:
        if not point.load_id:
            return
        first = self.loads.setdefault(point.load_id, point)
        for column in ("bus_id", "nodes", "transformer_id", "feeder_id"):
            here, there = getattr(point, column), getattr(first, column)
            if here != there:
                facts = {"load": point.load_id[:_SHOWN], "here": here, "there": there}
                row.odd(column, "load-differs", **facts)


def loads_of(points: Iterable[SupplyPoint], *, devices: Iterable[Device]) -> tuple[Load, ...]:
    """Return the loads that supply points hang on, with how many hang there.

    A load whose feeder is not given belongs to that of the devices at its bus, where it is one.
    """
    count: dict[str, int] = {}
    first: dict[str, SupplyPoint] = {}
    for point in points:
        first.setdefault(point.load_id, point)
        count[point.load_id] = count.get(point.load_id, 0) + 1
    feeders: dict[str, set[str]] = {}
    for device in devices:
        for bus in device.buses:
            feeders.setdefault(bus, set()).add(device.feeder_id)
    return tuple(
        Load(
            load_id=load_id,
            bus_id=point.bus_id,
            nodes=point.nodes,
            transformer_id=point.transformer_id,
            feeder_id=point.feeder_id or _only(feeders.get(point.bus_id, set())),
            households=count[load_id],
        )
        for load_id, point in first.items()
    )


def _only(names: set[str]) -> str:
    return next(iter(names)) if len(names) == 1 else ""
