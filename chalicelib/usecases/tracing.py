"""What hangs where (电网追踪): the maps that a question touches, as one network, and what is dark.

A county's maps are read together and kept by their version, so that a storm of evidence unpacks
each once; of them only those are joined that share a bus with what is asked, through feeders' ties
as well. Households are counted with the loads that stand for them.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from threading import Lock
from types import MappingProxyType
from typing import Final

from chalicelib.domain.calendar import local_day
from chalicelib.domain.clocks import millis
from chalicelib.domain.contact import Phone, phone_key
from chalicelib.domain.grid import Device, Network, ZoneTree, dark, zones
from chalicelib.domain.grid.maps import GridMap, join, unpack
from chalicelib.domain.notice import CODE_LETTERS
from chalicelib.domain.outage_notice import Group, group_of
from chalicelib.domain.reach import Part, Reach
from chalicelib.domain.refusal import BadInput, FieldError
from chalicelib.store import customers, grid
from chalicelib.store.rows import house
from chalicelib.usecases.desk import Desk

MOST_MAPS: Final = 400
MOST_GRIDS: Final = 16
FEW: Final = 2
"""So many areas are named one by one; of more the first and how many there are. [design]"""

_Version = tuple[str, str, str, int, int]


@dataclass(frozen=True)
class Sheet:
    """One feeder's map and the buses that it joins to others. name: its key in the store."""

    name: str
    version: _Version
    map: GridMap

    @cached_property
    def buses(self) -> frozenset[str]:
        """Every bus that it touches, closed through or not."""
        return frozenset(bus for device in self.map.devices for bus in device.buses)

    @cached_property
    def joined(self) -> frozenset[str]:
        """The buses that its closed devices touch."""
        return frozenset(
            bus for device in self.map.devices if device.closed for bus in device.buses
        )


@dataclass(frozen=True)
class Grid:
    """Some maps of a county as one network."""

    county: str
    sheets: tuple[Sheet, ...]

    @cached_property
    def network(self) -> Network:
        """The maps joined."""
        return join(sheet.map for sheet in self.sheets)

    @cached_property
    def tree(self) -> ZoneTree:
        """What each device alone would darken, as the network stands."""
        return zones(self.network)

    @cached_property
    def devices(self) -> Mapping[str, Device]:
        """Every device by its id."""
        return {device.device_id: device for device in self.network.devices}

    @cached_property
    def sheet_of(self) -> Mapping[str, str]:
        """On which sheet each device is, by its id."""
        return {
            device.device_id: sheet.name for sheet in self.sheets for device in sheet.map.devices
        }

    @cached_property
    def loads_at(self) -> Mapping[str, tuple[str, ...]]:
        """The loads of each transformer."""
        found: dict[str, list[str]] = {}
        for load in self.network.loads:
            found.setdefault(load.transformer_id or load.load_id, []).append(load.load_id)
        return {name: tuple(loads) for name, loads in found.items()}

    def reach(self, loads: Iterable[str]) -> Reach:
        """Return the reach of some loads: whole transformers where all of theirs are among them."""
        index, wanted = self.network.load_index, frozenset(loads)
        touched = {
            self.network.loads[index[each]].transformer_id or each
            for each in wanted
            if each in index
        }
        parts: dict[str, Part] = {}
        for transformer in sorted(touched):
            own = {each: self.network.load(each).households for each in self.loads_at[transformer]}
            some = {each: count for each, count in own.items() if each in wanted}
            parts[transformer] = Part(whole=sum(own.values())) if some == own else Part(some)
        return Reach(MappingProxyType(parts))

    def loads_in(self, reach: Reach) -> frozenset[str]:
        """Return the loads of this network that a reach covers."""
        return frozenset(
            load
            for transformer in reach.parts
            for load in self.loads_at.get(transformer, ())
            if reach.covers(transformer, load)
        )

    def behind_alone(self, device: str) -> frozenset[str]:
        """Return the loads that a device alone would darken, as the network stands."""
        if device not in self._alone:
            zone = self.tree.zone_of(device)
            self._alone[device] = frozenset() if zone is None else self.tree.under(zone)
        return self._alone[device]

    @cached_property
    def _alone(self) -> dict[str, frozenset[str]]:
        return {}

    def behind(self, devices: Iterable[str], *, closed: Iterable[str] = ()) -> Reach:
        """Return what loses power when these devices open (and `closed` close). Raises Unknown."""
        before = dark(self.network)
        after = dark(self.network, opened=devices, closed=closed)
        return self.reach(after - before)


# Reading ----------------------------------------------------------------------------------------

_sheets: "OrderedDict[_Version, Sheet]" = OrderedDict()
_grids: "OrderedDict[tuple[_Version, ...], Grid]" = OrderedDict()
_keeping = Lock()


def sheets_of(county: str) -> tuple[Sheet, ...]:
    """Return every map of a county as it is now, by name. Raises Busy."""
    return tuple(_sheet(kept) for _, kept in sorted(grid.all_maps(county).items()))


def _sheet(kept: grid.Kept) -> Sheet:
    prefix = house().prefix
    version = (prefix, kept.county, kept.feeder, kept.version, millis(kept.since))
    with _keeping:
        found = _sheets.get(version)
    if found is None:
        found = Sheet(kept.feeder, version, unpack(kept.data))
        with _keeping:
            _sheets[version] = found
            while len(_sheets) > MOST_MAPS:
                _sheets.popitem(last=False)
    return found


def around(county: str, names: Iterable[str], *, beside: Iterable[str] = ()) -> Grid:
    """Return the maps of these names and all whose power may come through them. Raises Busy.

    Feeders that closed ties join come along, and what stands above; where a substation's own map is
    asked, every feeder of it. beside: buses whose maps are wanted as well: ends of an open tie that
    is to be closed. Names that no map has are left out.
    """
    sheets = {sheet.name: sheet for sheet in sheets_of(county)}
    ends = frozenset(beside)
    wanted = [*names, *(name for name, sheet in sheets.items() if ends & sheet.buses)]
    asked = [sheets[name] for name in dict.fromkeys(wanted) if name in sheets]
    stations = [sheet for sheet in sheets.values() if not sheet.map.key.is_feeder]
    bars = frozenset(bus for sheet in stations for bus in sheet.buses)
    chosen = {sheet.name: sheet for sheet in asked}
    todo = list(asked)
    while todo:
        here = todo.pop()
        for other in sheets.values():
            if other.name not in chosen and _is_near(here, other, bars):
                chosen[other.name] = other
                if other.map.key.is_feeder:  # through a substation's bars all feeders are near
                    todo.append(other)
    return _grid(county, [chosen[name] for name in sorted(chosen)])


def _is_near(here: Sheet, other: Sheet, bars: frozenset[str]) -> bool:
    """Return whether one supplies the other, or closed devices of both meet at a bus.

    bars: the buses of substations, at which two feeders meet without being near.
    """
    if other.map.key in here.map.above or here.map.key in other.map.above:
        return True
    shared = here.joined & other.joined
    if here.map.key.is_feeder and other.map.key.is_feeder:
        shared -= bars
    return bool(shared)


def _grid(county: str, chosen: Sequence[Sheet]) -> Grid:
    key = tuple(sheet.version for sheet in chosen)
    with _keeping:
        found = _grids.get(key)
        if found is None:
            found = _grids[key] = Grid(county, tuple(chosen))
            while len(_grids) > MOST_GRIDS:
                _grids.popitem(last=False)
    return found


POINTER: Final = "outage"
"""The field by which a row of evidence names an outage instead of a report."""


def remember(county: str, devices: Sequence[str], outage_id: str, *, at: datetime) -> None:
    """Put an outage among the evidence of its maps, so that it is weighed once it is over.

    Before it is committed: a row that names an outage that there is not says nothing. Raises Busy.
    """
    homes = grid.places_of("device", devices).values()
    for name in sorted({split_home(home)[1] for home in homes}):
        grid.add_evidence(county, name, [{POINTER: outage_id}], at=at)


# Finding ----------------------------------------------------------------------------------------


def home_of(devices: Sequence[str], *, field: str = "devices") -> tuple[str, tuple[str, ...]]:
    """Return the county of some devices and the names of their maps.

    Raises BadInput naming each that is unknown, or that is not in the first one's county.
    """
    homes = grid.places_of("device", devices)
    missing = [
        FieldError(f"{field}.{place}", "device.unknown")
        for place, each in enumerate(devices)
        if each not in homes
    ]
    if missing:
        raise BadInput(missing)
    split = [split_home(homes[each]) for each in devices]
    county = split[0][0]
    elsewhere = [
        FieldError(f"{field}.{place}", "device.other_county")
        for place, (other, _) in enumerate(split)
        if other != county
    ]
    if elsewhere:
        raise BadInput(elsewhere)
    return county, tuple(sorted({name for _, name in split}))


def behind_known(county: str, devices: Iterable[str]) -> Reach:
    """Return what hangs behind some devices of a county; one that is gone counts for nothing."""
    homes = grid.places_of("device", tuple(devices))
    if not homes:
        return Reach()
    drawn = around(county, {split_home(home)[1] for home in homes.values()})
    return drawn.behind(each for each in homes if each in drawn.devices)


def split_home(home: str) -> tuple[str, str]:
    """Return (county, name of the map) of where a thing is."""
    county, _, name = home.partition("/")
    return county, name


def number_of(desk: Desk, *parts: str, at: datetime) -> str:
    """Return the id of an outage: its local day and six letters made from what it is of."""
    raw = desk.derive("outage", *parts)
    letters = "".join(CODE_LETTERS[byte % len(CODE_LETTERS)] for byte in raw[:6])
    return f"{local_day(at):%y%m%d}-{letters}"


# Telephones -------------------------------------------------------------------------------------

MOST_ACCOUNTS: Final = 20
"""Accounts kept of one telephone; whoever answers for more is nobody's neighbour. [design]"""


def remember_phones(households: Iterable[customers.Household], *, secret: bytes) -> None:
    """Note the accounts of telephones, by a key that names no number. Raises Busy."""
    accounts: dict[str, set[str]] = {}
    for household in households:
        for phone in household.phones:
            accounts.setdefault(phone_key(phone, secret), set()).add(household.account_no)
    kept = grid.places_of("phone", accounts)
    wanted = {
        key: ",".join(
            sorted(some | set(filter(None, kept.get(key, "").split(","))))[:MOST_ACCOUNTS]
        )
        for key, some in accounts.items()
    }
    grid.put_places_of(
        "phone", {key: home for key, home in wanted.items() if kept.get(key) != home}
    )


def homes_of_phones(numbers: Iterable[str], *, secret: bytes) -> dict[str, customers.Household]:
    """Return whose power a telephone is about, where that is certain. Raises Busy.

    That is: the accounts that have the number now hang at one supply point. What is no telephone,
    or nobody's, is left out.
    """
    parsed: dict[str, Phone] = {}
    for number in numbers:
        try:
            parsed[number] = Phone.parse(number)
        except BadInput:
            continue  # no telephone: nobody's
    keys = {number: phone_key(phone, secret) for number, phone in parsed.items()}
    places = grid.places_of("phone", keys.values())
    accounts = {each for home in places.values() for each in home.split(",")}
    homes = customers.find_households(accounts)
    found: dict[str, customers.Household] = {}
    for number, key in keys.items():
        some = [homes[each] for each in places.get(key, "").split(",") if each in homes]
        mine = [each for each in some if parsed[number].number in {p.number for p in each.phones}]
        if len({(each.transformer_id, each.load_id) for each in mine}) == 1:
            found[number] = mine[0]
    return found


# Names ------------------------------------------------------------------------------------------


def stations_of(county: str, reach: Reach, *, at: datetime) -> tuple[str, ...]:
    """Return the offices that serve the places of a reach. Raises Busy."""
    found = _places(county, reach, at=at)
    return tuple(sorted({place.office_id for place in found if place.office_id}))


def area_names(county: str, reach: Reach, *, at: datetime) -> tuple[str, ...]:
    """Return the places of a reach as their people call them; what nobody named by its id."""
    named = {place.code: place.name for place in _places(county, reach, at=at)}
    return tuple(named.get(code) or code for code in reach.transformers)


def area_of(county: str, reach: Reach, *, at: datetime) -> str:
    """Return one line for a reach: its areas, or the first one and how many there are."""
    names = area_names(county, reach, at=at)
    if len(names) <= FEW:
        return "、".join(names)
    return f"{names[0]}等{len(names)}个台区"


def _places(county: str, reach: Reach, *, at: datetime) -> list[customers.Place]:
    wanted = frozenset(reach.parts)
    return [place for place in customers.places(county, at=at) if place.code in wanted]


@dataclass(frozen=True, slots=True)
class Counted:
    """Whose power it is: how many households of each sort a reach holds, as registered."""

    households: int = 0
    key: int = 0
    vulnerable: int = 0
    sensitive: int = 0
    phones: int = 0


def households_in(reach: Reach) -> Iterator[customers.Household]:
    """Yield the registered households that a reach covers, a transformer at a time. Raises Busy."""
    for transformer in reach.transformers:
        for household in customers.households_of(transformer):
            if reach.covers(transformer, household.load_id):
                yield household


def count(reach: Reach) -> Counted:
    """Return how many households of each sort a reach holds. Raises Busy."""
    total = key = vulnerable = sensitive = phones = 0
    for household in households_in(reach):
        total += 1
        group = group_of(household.flags)
        key += group is Group.KEY
        vulnerable += group is Group.VULNERABLE
        sensitive += "sensitive" in household.flags
        phones += bool(household.phones)
    return Counted(total, key, vulnerable, sensitive, phones)
