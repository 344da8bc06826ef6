"""A small network on the store: one substation, two feeders with a tie, four transformers.

F1: breaker, two sections; T-01 and T-02 behind the first, T-03 behind the second. F2: T-04.
Each transformer feeds two boxes of two households; one of T-03's is on life support, one is key.
"""

from datetime import datetime
from typing import Any

from chalicelib.domain.contact import Phone
from chalicelib.domain.grid import Device, Load, Network
from chalicelib.domain.grid.maps import feeders, pack
from chalicelib.store import customers, grid
from chalicelib.store.customers import Household, Place
from tests.usecases.county import COUNTY, NOON, STATION

SECTIONS = {"F1": (("T-01", "T-02"), ("T-03",)), "F2": (("T-04",),)}
TRANSFORMERS = tuple(t for sections in SECTIONS.values() for some in sections for t in some)


def a_network(size: int = 2) -> Network:
    """Return the network; size: households a box, two of which are registered."""
    devices = [
        Device("SRC", "source", "", "B110", name="进线", substation_id="SS"),
        Device("TM", "transformer", "B110", "B10", name="主变", substation_id="SS"),
    ]
    loads = []
    for feeder, sections in SECTIONS.items():
        about: dict[str, Any] = {"feeder_id": feeder, "substation_id": "SS"}
        devices.append(
            Device(f"{feeder}-CB", "breaker", "B10", f"{feeder}-S1", name=f"{feeder}出线开关",
                   switchable=True, protective=True, **about)
        )  # fmt: skip
        for number, transformers in enumerate(sections, start=1):
            if number > 1:
                devices.append(
                    Device(f"{feeder}-SW{number - 1}", "switch", f"{feeder}-S{number - 1}",
                           f"{feeder}-S{number}", name="分段开关", switchable=True, **about)
                )  # fmt: skip
            for each in transformers:
                devices += [
                    Device(f"{each}-FU", "fuse", f"{feeder}-S{number}", f"{each}-H",
                           name="跌落保险", protective=True, **about),
                    Device(each, "transformer", f"{each}-H", f"{each}-L", name=each, **about),
                ]  # fmt: skip
                for box in (1, 2):
                    devices.append(
                        Device(f"{each}-X{box}-LV", "breaker", f"{each}-L", f"{each}-X{box}-B",
                               name="表箱空开", protective=True, **about)
                    )  # fmt: skip
                    loads.append(
                        Load(f"{each}-X{box}", f"{each}-X{box}-B", transformer_id=each,
                             feeder_id=feeder, households=size)
                    )  # fmt: skip
    devices.append(
        Device("TIE", "switch", "F1-S2", "F2-S1", name="联络开关", switchable=True, closed=False,
               normally_open=True, feeder_id="F1", substation_id="SS")
    )  # fmt: skip
    return Network(tuple(devices), tuple(loads))


def account(transformer: str, box: int, number: int) -> str:
    return f"{transformer.replace('-', '')}{box}{number}"


def households() -> list[Household]:
    flags = {("T-03", 1, 1): {"life_support"}, ("T-03", 2, 1): {"key"}}
    return [
        Household(
            account_no=account(each, box, number),
            transformer_id=each,
            load_id=f"{each}-X{box}",
            meters=(f"M{account(each, box, number)}",),
            name="王桂英",
            address=f"河尾村{index}{box}{number}号",
            phones=(Phone(f"+861380013{index}{box}{number}0"),),
            flags=frozenset(flags.get((each, box, number), ())),
        )
        for index, each in enumerate(TRANSFORMERS, start=1)
        for box in (1, 2)
        for number in (1, 2)
    ]


def a_grid(
    county: str = COUNTY, station: str = STATION, at: datetime = NOON, *, size: int = 2
) -> Network:
    """Keep the network, its places, its households, and where each thing is."""
    network = a_network(size)
    found = feeders(network)
    kept = grid.maps(county, [str(one.key) for one in found])
    versions = {name: each.version for name, each in kept.items()}
    changed = {str(one.key): (pack(one), versions.get(str(one.key), 0)) for one in found}
    grid.save(county, changed, at=at)
    for one in found:
        homes = {device.device_id: f"{county}/{one.key}" for device in one.devices}
        grid.put_places_of("device", homes)
    places = [
        Place(code=each, name=f"河尾村{each}公变", county=county, office_id=station)
        for each in TRANSFORMERS
    ]
    customers.put_places(customers.compare_places(county, places))
    customers.put_households(customers.compare_households(county, households()))
    meters = {meter: each.account_no for each in households() for meter in each.meters}
    grid.put_places_of("meter", meters)
    return network
