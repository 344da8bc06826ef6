"""A small county on the store, and the people who work it: for tests of journeys."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib.domain.contact import Contact, Phone
from chalicelib.domain.order import Actor
from chalicelib.domain.staff import Office, OfficeLevel, Role, Staff
from chalicelib.outbound.sms import Kept
from chalicelib.store import customers, registry
from chalicelib.store.customers import Place
from chalicelib.store.orders import Head
from chalicelib.store.registry import Duty, Member, Turn
from chalicelib.usecases import handling, reporting
from chalicelib.usecases.delivering import Ports
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.reporting import Report, Reported

NOON = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)  # Monday 12:15 in China
MINUTE = timedelta(minutes=1)
SECRET = b"the secret of a county in a test, long"
PROVINCE, CITY, COUNTY, STATION = "P1", "C1", "X1", "S1"
PATH = (PROVINCE, CITY, COUNTY, STATION)
PHONE = "13800138000"
SALT = b"sixteen bytes: s"
ADMIN = Actor("admin", "setup")


def a_county(at: datetime = NOON) -> Desk:
    """Set up four offices, their duty desks, one place; return the desk."""
    registry.take_over(
        [
            Office(
                office_id,
                f"{office_id}供电",
                OfficeLevel(level),
                PATH[: index + 1],
                terrain="rural",
            )
            for index, (office_id, level) in enumerate(zip(PATH, OfficeLevel, strict=True))
        ],
        by=ADMIN,
        at=at,
    )
    members = [
        Member(Staff(f"duty-{office}", "值班员", Role.DISPATCHER, office, PATH[: index + 1]),
               Phone(f"+861690000000{index}"))
        for index, office in enumerate(PATH)
    ]  # fmt: skip
    registry.take_over(members, by=ADMIN, at=at)
    since, until = at - timedelta(days=1), at + timedelta(days=365)
    registry.take_over(
        [
            Duty(office, (Turn(since=since, until=until, staff_id=f"duty-{office}"),))
            for office in PATH
        ],
        by=ADMIN,
        at=at,
    )
    place = Place(
        code="T-03", name="河尾村3号公变", county=COUNTY, office_id=STATION, village="河尾村",
        terrain="rural",
    )  # fmt: skip
    customers.put_places(customers.compare_places(COUNTY, [place]))
    return the_desk(at)


def the_desk(at: datetime = NOON) -> Desk:
    return Desk(registry.snapshot(at=at), SECRET, "state_grid")


def a_report(kind: str = "fault", **said: Any) -> Report:
    answers: dict[str, Any] = {"description": "家里没电了，全村都黑了"}
    if kind == "misconduct_report":
        answers["theme"] = "conduct"
    given: dict[str, Any] = {
        "kind": kind,
        "occurred_at": NOON,
        "place": "T-03",
        "contact": Contact(phone=Phone.parse(PHONE), name="王桂英", address="清河县河尾村12号"),
        "answers": answers,
    }
    return Report(**{**given, **said})


def file(
    desk: Desk,
    sent: Report | None = None,
    *,
    key: str = "k1",
    at: datetime = NOON,
    salt: bytes = SALT,
) -> Reported:
    return reporting.report(
        desk, sent or a_report(), actor=Actor("citizen", "citizen"), caller="public", key=key,
        salt=salt, at=at,
    )  # fmt: skip


def a_command(
    move: str = "create",
    *,
    at: datetime = NOON,
    role: str = "dispatcher",
    who: str = "u1",
    key: str = "",
    answers: Mapping[str, Any] | None = None,
    **more: Any,
) -> Command:
    return Command(
        move=move, actor=Actor(role, who, COUNTY), caller=who, key=key or f"{move}-{at}",
        salt=SALT, at=at, answers=answers or {}, **more,
    )  # fmt: skip


ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "dispatch": {"office": STATION},
    "reply": {"result": "repaired", "power_back": True, "note": "换了瓷瓶，已来电"},
}
ROLES = {
    "receive": "crew", "set_out": "crew", "arrive": "crew", "restore": "crew", "reply": "crew",
    "visit_satisfied": "return_visitor", "archive": "return_visitor",
}  # fmt: skip
LINE = ("dispatch", "receive", "set_out", "arrive", "restore", "reply", "approve_reply")


def work(desk: Desk, order_id: str, *moves: str, start: datetime = NOON) -> Head:
    """Make the moves one minute apart."""
    head = None
    for number, name in enumerate(moves, start=1):
        command = a_command(
            name,
            at=start + number * MINUTE,
            role=ROLES.get(name, "dispatcher"),
            answers=ANSWERS.get(name),
        )
        head = handling.move(desk, order_id, command)
    assert head is not None
    return head


def ports(folder: Path) -> Ports:
    """The way out: texts are kept in a file."""
    return Ports(Kept(folder / "phone.jsonl"), "清河供电", "gd.qinghe.cn", by="test")


def texts(folder: Path) -> list[dict[str, Any]]:
    kept = folder / "phone.jsonl"
    if not kept.exists():
        return []
    return [json.loads(line) for line in kept.read_text("utf-8").splitlines()]
