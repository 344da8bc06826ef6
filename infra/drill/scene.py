"""What is drilled: a county on the embedded store, with the network's households in it."""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from chalicelib import store
from chalicelib.domain import outage_moves as moves
from chalicelib.domain.contact import Phone
from chalicelib.domain.grid import Network, dark, loads_of, read_customers, read_devices
from chalicelib.domain.grid.maps import feeders, pack
from chalicelib.domain.order import Actor
from chalicelib.domain.outage import Kind, State
from chalicelib.domain.reach import Reach
from chalicelib.domain.staff import Office, OfficeLevel, Role
from chalicelib.store import customers, grid, outages, registry
from chalicelib.store.customers import Household, Place
from chalicelib.store.outages import Change, Head
from chalicelib.usecases.desk import Desk
from infra.local.store import EmbeddedStore, create_tables
from infra.local.template import REGION

NOON: Final = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
"""12:15 in China on a working day: quiet hours are drilled by the tests."""
PATH: Final = ("P-01", "C-01", "X-01", "S-01")
COUNTY, STATION = PATH[2:]
CREW: Final = Actor(Role.CREW.value, "crew-1", STATION)
SECRET: Final = b"the secret of a drill, which nobody keeps"


@dataclass(frozen=True, slots=True)
class Home:
    """A customer of the network, as far as telling needs it."""

    account: str
    phone: str
    load: str
    transformer: str
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Village:
    """The network and its customers, and which device heads which feeder."""

    network: Network
    homes: tuple[Home, ...]

    @classmethod
    def read(cls, folder: Path) -> "Village":
        """Read a network. Raises OSError where a table is absent."""
        devices, _ = read_devices((folder / "devices.csv").read_text(encoding="utf-8"))
        text = (folder / "customers.csv").read_text(encoding="utf-8")
        points, _ = read_customers(text, devices=devices)
        network = Network(devices, loads_of(points, devices=devices))
        homes = tuple(_home(row) for row in csv.DictReader(text.splitlines()))
        return cls(network, homes)

    def behind(self, device: str) -> tuple[Home, ...]:
        """Return whose power is off when a device opens."""
        off = dark(self.network, opened=[device])
        return tuple(home for home in self.homes if home.load in off)

    def biggest_feeder(self) -> tuple[str, tuple[Home, ...]]:
        """Return the device at the head of a feeder that darkens most households, and whom."""
        heads = {
            each.feeder_id.removeprefix("F:") for each in self.network.devices if each.feeder_id
        }
        known = {each.device_id for each in self.network.devices}
        found = {head: self.behind(head) for head in heads & known}
        best = max(found, key=lambda head: (len(found[head]), head))
        return best, found[best]


def _home(row: dict[str, str]) -> Home:
    flags = {"key"} if row["is_key"] == "1" else set()
    flags |= {"life_support"} if row["is_vulnerable"] == "1" else set()
    return Home(
        account=row["account_no"],
        phone=f"+86{row['phone']}",
        load=row["load_id"],
        transformer=row["transformer_id"],
        flags=frozenset(flags),
    )


def tiled(homes: tuple[Home, ...], count: int) -> Iterator[Home]:
    """Yield so many households: the same streets again, under transformers of their own."""
    for number in range(count):
        tile, place = divmod(number, len(homes))
        home = homes[place]
        if not tile:
            yield home
            continue
        yield Home(
            account=f"{home.account}{tile:02}",
            phone=f"+86169{tile * 10_000_000 + int(home.phone[-7:]) % 10_000_000:08}",
            load=f"{home.load}-{tile}",
            transformer=f"{home.transformer}-{tile}",
            flags=home.flags,
        )


def leave_amazon() -> None:
    """Let nothing of this process reach a real account."""
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        del os.environ[name]
    made_up = {"AWS_ACCESS_KEY_ID": "drill", "AWS_SECRET_ACCESS_KEY": "drill"}
    os.environ.update(made_up, AWS_DEFAULT_REGION=REGION)


@contextmanager
def county() -> Iterator[Desk]:
    """Open an embedded store in memory with a small county in it."""
    with EmbeddedStore(prefix="drill") as running:
        bound = store.bind(prefix="drill", endpoint=running.endpoint, region=REGION)
        create_tables(bound.connection.client, running.tables)
        names = zip(PATH, OfficeLevel, strict=True)
        offices = [
            Office(office_id, f"{office_id}供电所", OfficeLevel(level), PATH[: number + 1])
            for number, (office_id, level) in enumerate(names)
        ]
        registry.take_over(offices, by=CREW, at=NOON)
        yield Desk(registry.snapshot(at=NOON), SECRET, "state_grid")


def settle_in(homes: list[Home]) -> None:
    """Put households and their places into the county."""
    transformers = dict.fromkeys(home.transformer for home in homes)
    places = [
        Place(code=each, name=f"{number}号公变台区", county=COUNTY, office_id=STATION)
        for number, each in enumerate(transformers, start=1)
    ]
    customers.put_places(customers.compare_places(COUNTY, places))
    households = [
        Household(
            account_no=home.account,
            transformer_id=home.transformer,
            phones=(Phone(home.phone),),
            flags=home.flags,
            load_id=home.load,
        )
        for home in homes
    ]
    customers.put_households(customers.Difference(added=tuple(households)))


def lay(network: Network) -> None:
    """Take a network over: a map a feeder, and where each device is."""
    found = feeders(network)
    grid.save(COUNTY, {str(one.key): (pack(one), 0) for one in found}, at=NOON)
    for one in found:
        homes = {device.device_id: f"{COUNTY}/{one.key}" for device in one.devices}
        grid.put_places_of("device", homes)


def reach_of(homes: list[Home]) -> Reach:
    """Return the reach that covers these households' transformers."""
    count = Counter(home.transformer for home in homes)
    return Reach.of(dict.fromkeys(count, "all"), count)


def trip(desk: Desk, reach: Reach, *, outage_id: str, device: str, at: datetime) -> Head:
    """Open a confirmed outage."""
    rules = desk.rules(COUNTY)
    made = moves.open_outage(
        moves.Act(CREW, at, at),
        outage_id=outage_id,
        kind=Kind.FAULT,
        county=COUNTY,
        office=STATION,
        devices=[device],
        feeders=[],
        reach=reach,
        since=at,
        grade=State.CONFIRMED,
        rules=rules,
    )
    return outages.commit(Change(None, made))[0]
