"""Looking at a county's grid (网架浏览): its feeders, devices and ties, and who hangs where."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.clocks import instant
from chalicelib.domain.contact import mask_address, mask_name
from chalicelib.domain.grid import Device
from chalicelib.domain.refusal import Unknown
from chalicelib.domain.staff import Capability
from chalicelib.store import customers, grid
from chalicelib.store.customers import Household
from chalicelib.usecases import tracing
from chalicelib.usecases.desk import Viewer
from chalicelib.usecases.showing import stamp
from chalicelib.usecases.surveying import unplaced_area
from chalicelib.usecases.switching import version_of
from chalicelib.usecases.tracing import Sheet

MOST_FOUND: Final = 20
"""Things of one sort that a search names. [design]"""

Row = dict[str, Any]

# Feeders ----------------------------------------------------------------------------------------


def feeders(county: str, *, at: datetime) -> list[Row]:
    """Return a county's maps, feeders first, each with how much hangs on it. Raises Busy."""
    lines = {place.code: place.line for place in customers.places(county, at=at)}
    rows = [_feeder(county, sheet, lines) for sheet in tracing.sheets_of(county)]
    return sorted(rows, key=lambda row: (not row["is_feeder"], row["feeder"]))


def _feeder(county: str, sheet: Sheet, lines: Mapping[str, str]) -> Row:
    devices, key = sheet.map.devices, sheet.map.key
    areas = {load.transformer_id for load in sheet.map.loads}
    named = sorted({lines[area] for area in areas if lines.get(area)})
    return {
        "county": county,
        "feeder": sheet.name,
        "id": key.feeder_id or key.substation_id,
        "is_feeder": key.is_feeder,
        "name": named[0] if len(named) == 1 else key.feeder_id or key.substation_id,
        "substation": next((each.substation_id for each in devices if each.substation_id), ""),
        "devices": len(devices),
        "transformers": sum(device.kind == "transformer" for device in devices),
        "households": sum(load.households for load in sheet.map.loads),
        "switched": sum(_is_switched(device) for device in devices),
        "version": version_of(sheet),
        "since": stamp(instant(sheet.version[4])),
    }


def _is_switched(device: Device) -> bool:
    return device.switchable and device.closed == device.normally_open


def feeder(county: str, name: str, *, at: datetime) -> tuple[Row, Sheet]:
    """Return one map: its row, its ties to others and its versions. Raises Unknown and Busy."""
    sheets = {sheet.name: sheet for sheet in tracing.sheets_of(county)}
    if name not in sheets:
        raise Unknown(what="feeder")
    lines = {place.code: place.line for place in customers.places(county, at=at)}
    sheet = sheets[name]
    row = _feeder(county, sheet, lines)
    ties = list(_ties(sheet, sheets)) if sheet.map.key.is_feeder else []
    versions = [
        {"version": kept.version, "since": stamp(kept.since)}
        for kept in reversed(grid.versions(county, name))
    ]
    return {**row, "ties": ties, "versions": versions}, sheet


def _ties(sheet: Sheet, sheets: Mapping[str, Sheet]) -> Iterator[Row]:
    """Yield the switches between what is joined on this feeder and on another, on any map.

    The bars of substations, at which all feeders meet, join nothing here.
    """
    at_bar: dict[str, set[str]] = {}
    for one in sheets.values():
        for device in one.map.devices if not one.map.key.is_feeder else ():
            for bus in device.buses if device.closed else ():
                at_bar.setdefault(bus, set()).add(device.device_id)
    others = [one for one in sheets.values() if one is not sheet and one.map.key.is_feeder]
    for home in sheets.values():
        for device in home.map.devices:
            own = device.device_id
            ends = [bus for bus in device.buses if at_bar.get(bus, {own}) == {own}]
            if not device.switchable or sheet.joined.isdisjoint(ends):
                continue
            to = sorted(
                other.name
                for other in others
                for bus in ends
                if bus in other.joined and any(e in sheet.joined for e in ends if e != bus)
            )
            if to:
                yield {"device": own, "name": device.name, "closed": device.closed, "to": to}


def device_rows(devices: Iterable[Device]) -> list[Row]:
    """Return devices as rows."""
    return [
        {
            "id": one.device_id,
            "name": one.name,
            "kind": one.kind,
            "from": one.bus_from,
            "to": one.bus_to,
            "phases": one.phases,
            "kv": one.kv,
            "closed": one.closed,
            "normally_open": one.normally_open,
            "switchable": one.switchable,
            "protective": one.protective,
        }
        for one in devices
    ]


# Searching --------------------------------------------------------------------------------------


def search(viewer: Viewer, counties: Sequence[str], text: str) -> dict[str, list[Row]]:
    """Return devices and areas by id or name, and accounts by their number or a meter's.

    The first MOST_FOUND of each, those that match whole or begin so first. Raises Busy.
    """
    wanted = _folded(text)
    if not wanted:
        return {"devices": [], "transformers": [], "accounts": []}
    devices = [
        (rank, device.device_id, county, sheet.name, device)
        for county in counties
        for sheet in tracing.sheets_of(county)
        for device in sheet.map.devices
        if (rank := _rank(wanted, device.device_id, device.name)) is not None
    ]
    devices.sort(key=lambda one: one[:4])
    places = [
        place
        for county in counties
        for place in customers.search_places(county, text, at=viewer.at, limit=MOST_FOUND)
    ]
    return {
        "devices": [
            {"county": county, "feeder": name, **row}
            for (_, _, county, name, device) in devices[:MOST_FOUND]
            for row in device_rows([device])
        ],
        "transformers": [
            {
                "code": place.code,
                "name": place.name,
                "county": place.county,
                "office": place.office_id,
                "line": place.line,
                "households": place.households,
            }
            for place in places[:MOST_FOUND]
        ],
        "accounts": [account_row(home) for home in _accounts(viewer, counties, text.strip())],
    }


def _rank(wanted: str, *texts: str) -> int | None:
    found = [
        0 if folded == wanted else 1 if folded.startswith(wanted) else 2
        for folded in map(_folded, texts)
        if wanted in folded
    ]
    return min(found, default=None)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _accounts(viewer: Viewer, counties: Sequence[str], text: str) -> Iterator[Household]:
    """Yield the household of an account or of a meter, where it is theirs to see."""
    metered = grid.places_of("meter", [text]).get(text, "")
    for home in customers.find_households(dict.fromkeys((text, metered))).values():
        area = home.transformer_id
        place = customers.find_place(area)
        offices = [place.county, place.office_id] if place else [area.removeprefix("?")]
        if viewer.reaches(Capability.ORDER_LIST, *offices) and offices[0] in counties:
            yield home


def account_row(home: Household) -> Row:
    """Return a household masked."""
    return {
        "account": home.account_no,
        "name": mask_name(home.name),
        "address": mask_address(home.address),
        "transformer": "" if home.transformer_id.startswith("?") else home.transformer_id,
        "load": home.load_id,
        "meters": list(home.meters),
    }


def unplaced(county: str) -> list[Household]:
    """Return those of a county whose transformer nobody knows, by account. Raises Busy."""
    return customers.households_of(unplaced_area(county))
