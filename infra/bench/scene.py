"""What is measured: the real house on an embedded store of its own, with counties and open orders.

Everything that a row looks at closely came in through the use cases. The thousands of open orders
around it are copies of such heads under other numbers, due later, written in bulk: they are there
to be many.
"""

import itertools
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import botocore.session
from botocore.config import Config
from chalice.app import Chalice

from chalicelib import ambient
from chalicelib.domain.contact import Contact, Phone
from chalicelib.domain.order import Actor, order_number
from chalicelib.domain.staff import Office, OfficeLevel, Role, Staff
from chalicelib.outbound.sms import gateway_from
from chalicelib.store import customers, heads, registry
from chalicelib.store.customers import Place
from chalicelib.store.orders import Head
from chalicelib.store.registry import Duty, Member, Turn
from chalicelib.store.rows import house
from chalicelib.usecases import handling, reporting
from chalicelib.usecases.delivering import Ports
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.reporting import Report, Reported
from infra.bench.meter import Item, Meter
from infra.local.functions import load
from infra.local.store import EmbeddedStore
from infra.local.tools import ROOT

NOON: Final = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
"""12:15 in China, on a Monday that is a working day: all that is given a time happens then."""
MINUTE: Final = timedelta(minutes=1)
SETUP: Final = Actor(Role.ADMIN.value, "setup")
PROVINCE, CITY = "P-01", "C-01"
COUNTIES: Final = ("X-01", "X-02", "X-03", "X-04")
HOME: Final = COUNTIES[0]
"""The county whose orders the rows look at."""
PHONE: Final = "13800138000"
SALT: Final = b"sixteen bytes: s"
SAYS: Final = "家里没电了，邻居家也没有，变压器响了一声，附近有小孩在玩，请尽快派人来看看"
NOTE: Final = "更换跌落式熔断器一只，已送电"
KINDS: Final = ("fault", "complaint", "enquiry", "suggestion")
SETTINGS: Final = {
    "RULESET": "state_grid",
    "ISSUER": "https://issuer.invalid",
    "AUDIENCE": "desk",
    "CLIENT_ID": "desk",
    "SMS_SIGNATURE": "清河供电",
    "PUBLIC_URL": "https://gd.qinghe.cn",
}
LINE: Final = {
    "dispatch": Role.DISPATCHER,
    "receive": Role.CREW,
    "set_out": Role.CREW,
    "arrive": Role.CREW,
    "restore": Role.CREW,
    "reply": Role.CREW,
    "approve_reply": Role.DISPATCHER,
    "visit_satisfied": Role.RETURN_VISITOR,
    "archive": Role.RETURN_VISITOR,
}
"""A fault's life, and who makes each move."""
WORDS_NEEDED: Final = frozenset({"reply"})
"""Moves that cannot be made without words."""

_BATCH: Final = 25  # items of one BatchWriteItem
_LOADERS: Final = 3
_TELL_EVERY: Final = 800  # batches
_LATER: Final = timedelta(days=2)
"""When the first of the many falls due: after everything that a row lets happen."""


def station_of(county: str) -> str:
    """Return the id of a county's one station."""
    return county.replace("X", "S")


class Scene:
    """The house at work. Enter it once; it wires this process's app to a store of its own.

    size: how many orders are open now, in all counties.
    """

    def __init__(self) -> None:
        self._exits = ExitStack()
        self._numbers = itertools.count(1)
        self.size = 0

    def __enter__(self) -> Self:
        self.folder = Path(self._exits.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self.store = self._exits.enter_context(EmbeddedStore())
        self.environment = _environment(self.folder, self.store.endpoint)
        for name in [each for each in os.environ if each.startswith(("LIGHTKEEPER_", "AWS_"))]:
            del os.environ[name]
        os.environ.update(self.environment)
        ambient.settings.cache_clear()
        self.app: Chalice = load(ROOT)
        self._set_up()
        _ = self.desk
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exits.close()

    # The counties

    def _set_up(self) -> None:
        at = NOON
        offices = [
            Office(PROVINCE, "江北省公司", OfficeLevel.PROVINCE, (PROVINCE,)),
            Office(CITY, "临江市公司", OfficeLevel.CITY, (PROVINCE, CITY)),
        ]
        for county in COUNTIES:
            path = (PROVINCE, CITY, county)
            station = station_of(county)
            offices.append(Office(county, f"{county}县公司", OfficeLevel.COUNTY, path))
            offices.append(
                Office(station, f"{station}供电所", OfficeLevel.STATION, (*path, station))
            )
        registry.take_over(offices, by=SETUP, at=at)
        people = [
            Member(
                Staff(
                    f"{role.value}-{office.office_id}", "员工", role, office.office_id, office.path
                ),
                Phone.parse(PHONE),
            )
            for office in offices
            for role in (Role.DISPATCHER, Role.CREW, Role.RETURN_VISITOR)
        ]
        registry.take_over(people, by=SETUP, at=at)
        year = timedelta(days=365)
        turns = [
            Duty(office.office_id, (Turn(at - year, at + year, f"dispatcher-{office.office_id}"),))
            for office in offices
        ]
        registry.take_over(turns, by=SETUP, at=at)
        for county in COUNTIES:
            place = Place(
                code=f"TQ-{county}",
                name="建设路3-2台区",
                county=county,
                office_id=station_of(county),
                village="河尾村",
                terrain="rural",
            )
            customers.put_places(customers.compare_places(county, [place]))

    @cached_property
    def desk(self) -> Desk:
        """The desk as every journey is handed it."""
        settings = ambient.settings()
        return Desk(registry.snapshot(at=NOON), settings.secret, settings.ruleset)

    @cached_property
    def dispatcher(self) -> Staff:
        """Whose queue is looked at."""
        return self.desk.snapshot.staff[f"dispatcher-{HOME}"]

    @cached_property
    def ports(self) -> Ports:
        """The way out: texts are kept in a file."""
        settings = ambient.settings()
        return Ports(gateway_from(settings.sms), settings.sms_signature, "gd.qinghe.cn", by="bench")

    # What people do

    def file(
        self, kind: str = "fault", *, says: str = SAYS, county: str = HOME, place: bool = True
    ) -> Reported:
        """File a report at NOON as a citizen does, another one each time."""
        answers: dict[str, Any] = {"description": says}
        if kind == "fault":
            answers["symptom"] = "no_power"
        sent = Report(
            kind=kind,
            occurred_at=NOON,
            place=f"TQ-{county}" if place else "",
            contact=Contact(
                phone=Phone.parse(PHONE), name="王桂英", address="清河县城关镇建设路12号3单元"
            ),
            answers=answers,
        )
        return reporting.report(
            self.desk,
            sent,
            actor=Actor("citizen", "citizen"),
            caller="public",
            key=self.key(),
            salt=SALT,
            at=NOON,
        )

    def key(self) -> str:
        """Return an Idempotency-Key that nobody has used, as long as one that a browser makes."""
        return f"7d9f1c52-0b7e-4b0e-9d1a-{next(self._numbers):012}"

    def move(self, head: Head, name: str, *, step: int = 1, note: str = "") -> Head:
        """Make one move of LINE, `step` minutes after NOON. note: words, where the move takes some.

        A note that it needs is made up.
        """
        role = LINE[name]
        office = station_of(head.order.county) if role is Role.CREW else head.order.county
        answers: dict[str, dict[str, Any]] = {
            "dispatch": {"office": station_of(head.order.county)},
            "reply": {"result": "repaired", "power_back": True},
        }
        needs = self.desk.procedure(head.order.kind).moves[name].needs
        if (note or name in WORDS_NEEDED) and any(need.name == "note" for need in needs):
            answers[name] = {**answers.get(name, {}), "note": note or NOTE}
        command = Command(
            move=name,
            actor=Actor(role.value, f"{role.value}-{office}", office),
            caller=f"staff/{role.value}-{office}",
            key=self.key(),
            salt=SALT,
            at=NOON + step * MINUTE,
            answers=answers.get(name, {}),
        )
        return handling.move(self.desk, head.order.order_id, command)

    # What there is

    @property
    def client(self) -> Any:
        """The house's own client of the store."""
        return house().connection.client

    def meter(self) -> Meter:
        """Return a meter for the house's calls."""
        return Meter(self.client)

    @cached_property
    def own(self) -> Any:
        """A client of the bench: what it does is on no bill."""
        return botocore.session.get_session().create_client(
            "dynamodb",
            endpoint_url=self.store.endpoint,
            config=Config(parameter_validation=False, max_pool_connections=_LOADERS),
        )

    def item(self, order_id: str) -> Item:
        """Return an order's row as it lies in its table."""
        key = {"order_id": {"S": order_id}}
        found: Item = self.own.get_item(TableName=self._orders, Key=key)["Item"]
        return found

    def entries(self, county: str, *, before: datetime | None = None, most: int = 0) -> list[Item]:
        """Return what the index holds of a county's open orders, soonest due first."""
        until = heads.due_key(before, "~") if before else "~"
        pages = self.own.get_paginator("query").paginate(
            TableName=self._orders,
            IndexName="due",
            KeyConditionExpression="county = :county AND due_key <= :until",
            ExpressionAttributeValues={":county": {"S": county}, ":until": {"S": until}},
            PaginationConfig={"MaxItems": most or None},
        )
        return [item for page in pages for item in page["Items"]]

    @property
    def _orders(self) -> str:
        return house().table_name("orders")

    # Many open orders

    def open_up_to(self, size: int) -> None:
        """Let so many orders be open, in equal parts in each county. Never makes them fewer."""
        batches = list(_batches(self._copies(range(self.size, size))))
        with ThreadPoolExecutor(_LOADERS) as pool:
            for done, _ in enumerate(pool.map(self._put, batches), start=1):
                if done % _TELL_EVERY == 0:
                    print(f"  {done * _BATCH:,} open orders written", file=sys.stderr)
        self.size = max(size, self.size)

    @cached_property
    def _patterns(self) -> list[Item]:
        """Return rows of real orders of every sort, at several stages, with no look-back armed."""
        rows = []
        for kind, county in itertools.product(KINDS, COUNTIES):
            head = self.file(kind, county=county).head
            for step, name in enumerate(list(LINE)[: 3 if kind == "fault" else 2], start=1):
                rows.append(self.item(head.order.order_id))
                head = self.move(head, name, step=step)
            rows.append(self.item(head.order.order_id))
            self.close(head)
        return [{name: row[name] for name in row if name != "look"} for row in rows]

    def close(self, head: Head) -> None:
        """Take an order out of the index: it is not counted among the many."""
        self.own.update_item(
            TableName=self._orders,
            Key={"order_id": {"S": head.order.order_id}},
            UpdateExpression="REMOVE due_key",
        )

    def _copies(self, numbers: range) -> Iterator[dict[str, Any]]:
        for number in numbers:
            order_id = order_number(b"the many", "bench", str(number))
            at = NOON + _LATER + timedelta(seconds=17 * number)
            yield {
                **self._patterns[number % len(self._patterns)],
                "order_id": {"S": order_id},
                "due_key": {"S": heads.due_key(at, order_id)},
            }

    def _put(self, items: Sequence[Mapping[str, Any]]) -> None:
        wanted = {self._orders: [{"PutRequest": {"Item": item}} for item in items]}
        while wanted:
            wanted = self.own.batch_write_item(RequestItems=wanted).get("UnprocessedItems") or {}


def _batches(items: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(itertools.islice(items, _BATCH)):
        yield batch


def _environment(folder: Path, endpoint: str) -> dict[str, str]:
    """Return every setting of the house, and an account that is made up."""
    places = {
        "SECRET": secrets.token_urlsafe(32),
        "DYNAMODB_ENDPOINT": endpoint,
        "FILES": f"disk:{folder / 'files'}",
        "SEALS": f"disk:{folder / 'seals'}",
        "SMS": f"keep:{folder / 'phone.jsonl'}",
    }
    return {f"LIGHTKEEPER_{name}": value for name, value in {**SETTINGS, **places}.items()} | {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "cn-north-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
