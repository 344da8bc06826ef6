"""Supply assurance (保供电): plan a task, man its posts, check, begin, log, end.

What it protects is named by devices and a customer; whose power that is comes from the network.
What lies in its way is asked of the county's outages each time, so a plan that was made later shows
as well. Titles, places and what people write are words: beside the chain, erasable.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain import assurance
from chalicelib.domain import words as wording
from chalicelib.domain.assurance import (
    CHECKS,
    LEVELS,
    OVER,
    PHASES,
    REASONS,
    Clash,
    Off,
    Post,
    Task,
)
from chalicelib.domain.clocks import whole
from chalicelib.domain.contact import clean_text, mask_name
from chalicelib.domain.procedure import Form, Need
from chalicelib.domain.refusal import BadInput, IllegalMove, NotAllowed
from chalicelib.domain.staff import Relation, Role, relation
from chalicelib.store import customers, outages, resources
from chalicelib.store.customers import Household
from chalicelib.store.resources import Change, Kept
from chalicelib.usecases import commanding, tracing
from chalicelib.usecases.commanding import LONGEST_NOTE, NOTE, Given, stamped
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.outages import customer_key, trace
from chalicelib.usecases.planning import reach_of, window_of
from chalicelib.usecases.showing import staff_name, stamp

LONGEST_TITLE: Final = 60
LONGEST_WHERE: Final = 80
PLANNERS: Final = frozenset(
    {
        *(Role.DISPATCHER, Role.NETWORK_CONTROLLER, Role.SUPERVISOR, Role.CITY_HOST),
        *(Role.DEPARTMENT, Role.LIAISON),
    }
)
FIELD: Final = frozenset({Role.CREW, Role.AREA_MANAGER, Role.GRID_STAFF})

_START: Final = Need("start", Form.INSTANT)
_FINISH: Final = Need("finish", Form.INSTANT)
_SAID: Final = Need("note", Form.TEXT, longest=LONGEST_NOTE)


@dataclass(frozen=True, slots=True)
class Deed:
    """One move of people on a task: what it asks for, and who may make it."""

    needs: tuple[Need, ...] = (NOTE,)
    who: frozenset[str] = PLANNERS


DEEDS: Final[Mapping[str, Deed]] = MappingProxyType(
    {
        "begin": Deed((Need("reason", Form.CHOICE, required=False, choices=REASONS), NOTE)),
        "end": Deed(),
        "check": Deed(
            (Need("check", Form.CHOICE, choices=CHECKS), Need("ok", Form.FLAG), NOTE),
            PLANNERS | FIELD,
        ),
        "log": Deed((_SAID,), PLANNERS | FIELD),
        "add_post": Deed(
            (
                Need("person", Form.CODE),
                Need("where", Form.TEXT, longest=LONGEST_WHERE),
                *(_START, _FINISH, NOTE),
            )
        ),
        "drop_post": Deed((Need("post", Form.CODE), NOTE)),
        "change": Deed(
            (
                Need("level", Form.CHOICE, required=False, choices=LEVELS),
                replace(_START, required=False),
                replace(_FINISH, required=False),
                NOTE,
            )
        ),
        "call_off": Deed((_SAID,)),
    }
)
"""The moves of people by their name in the interface, the weightiest first."""


def open_to(task: Task, role: str) -> list[str]:
    """Return the moves that a role may make now."""
    return [
        name
        for name, deed in DEEDS.items()
        if role in deed.who
        and task.phase in PHASES[name]
        and (name != "drop_post" or bool(task.posts))
    ]


# Preparing --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task as somebody prepares it. devices, account: what it protects, at least one of them."""

    title: str
    level: str
    start: datetime
    finish: datetime
    where: str = ""
    devices: tuple[str, ...] = ()
    account: str = ""
    note: str = ""


def prepare(desk: Desk, sent: NewTask, command: Command, *, may: Callable[[str], bool]) -> Kept:
    """Prepare a task. The same key gives the same task.

    may: whether who asks may do so at an office. Raises BadInput, NotAllowed, KeyReused, Busy.
    """
    if command.actor.role not in PLANNERS:
        raise NotAllowed(move="prepared", role=command.actor.role)
    county, office, household = _protected(sent, may, at=command.at)
    task_id = tracing.number_of(desk, "assurance", command.caller, command.key, at=command.at)
    task = assurance.prepare(
        Task(
            task_id=task_id,
            county=county,
            office=office,
            level=sent.level,
            start=whole(sent.start),
            finish=whole(sent.finish),
            prepared_by=command.actor.actor_id,
            customer=customer_key(desk, household.account_no) if household else "",
            place=household.transformer_id if household else "",
            devices=sent.devices,
        ),
        at=command.at,
    )
    title = clean_text(sent.title, field="title", max_units=LONGEST_TITLE)
    said = {"title": title, "where": sent.where, "note": sent.note}
    words = {name: text for name, text in said.items() if text}
    shown = {"title": title, "where": sent.where, "account": sent.account}

    def makes(kept: Kept) -> Iterator[Change]:
        if kept.version:
            raise IllegalMove(move="prepared", stage=str(kept.value["phase"]))
        yield commanding.change(
            kept, command, task.to_json(), name="prepared", words=words, counties=(county,),
            shown=shown,
        )  # fmt: skip

    new = Kept("assurance", task_id)
    return commanding.carry_out("assurance", task_id, command, makes, otherwise=new)


def _protected(
    sent: NewTask, may: Callable[[str], bool], *, at: datetime
) -> tuple[str, str, Household | None]:
    """Return (county, office, customer) of what is protected.

    What is not theirs is unknown. Raises BadInput naming `devices` or `account`, and Busy.
    """
    if not sent.devices and not sent.account:
        raise BadInput.of("devices", "field.required")
    county = office = ""
    if sent.devices:
        county, _ = tracing.home_of(sent.devices)
        office = trace(sent.devices, at=at).office
        if not may(office) and not may(county):
            raise BadInput.of("devices.0", "device.unknown")
    if not sent.account:
        return county, office, None
    household = customers.find_household(sent.account)
    place = household and customers.find_place(household.transformer_id)
    if not place or not (may(place.office_id) or may(place.county)):
        raise BadInput.of("account", "account.unknown")
    if county and place.county != county:
        raise BadInput.of("account", "account.elsewhere")
    return place.county, office or place.office_id, household


# Moving -----------------------------------------------------------------------------------------


def move(desk: Desk, task_id: str, command: Command) -> Kept:
    """Make one move on a task. Raises Unknown, IllegalMove, NotAllowed, GateClosed, BadInput, Busy.

    Raises Stale (with who and when) and KeyReused as well.
    """
    deed = DEEDS.get(command.move)
    if deed is None:
        raise IllegalMove(move=command.move[:40])
    if command.actor.role not in deed.who:
        raise NotAllowed(move=command.move, role=command.actor.role)
    given = commanding.read(deed.needs, command)

    def makes(kept: Kept) -> Iterator[Change]:
        task = Task.from_json(kept.value)
        try:
            moved = MAKES[command.move](_Doing(desk, kept, task, command, given))
        except BadInput as refused:
            raise _renamed(refused) from refused
        yield commanding.change(
            kept, command, moved.to_json(), words=given.words, over=moved.phase in OVER,
            shown=_shown(kept, task, given),
        )  # fmt: skip

    return commanding.carry_out("assurance", task_id, command, makes)


ASKED: Final = MappingProxyType({"staff": "person", "from": "start", "to": "finish"})
"""What an interface calls otherwise than the domain does."""


def _renamed(refused: BadInput) -> BadInput:
    return BadInput(
        replace(each, field=ASKED.get(each.field, each.field)) for each in refused.errors
    )


@dataclass(frozen=True, slots=True)
class _Doing:
    """A move while it is carried out."""

    desk: Desk
    kept: Kept
    task: Task
    command: Command
    given: Given

    @property
    def at(self) -> datetime:
        """When it was done."""
        return self.command.occurred_at or self.command.at


def _begin(do: _Doing) -> Task:
    met = conflicts(do.task, do.kept, at=do.command.at)
    return assurance.begin(do.task, met, reason=do.given.get("reason", ""), at=do.at)


def _check(do: _Doing) -> Task:
    by, ok = do.command.actor.actor_id, do.given.get("ok")
    return assurance.check(do.task, do.given.get("check"), ok=ok, by=by, at=do.at)


def _add_post(do: _Doing) -> Task:
    post = Post(do.given.get("person"), do.given.get("start"), do.given.get("finish"))
    _check_person(do.desk, do.task, post.staff)
    return assurance.add_post(do.task, post)


def _change(do: _Doing) -> Task:
    return assurance.change(
        do.task,
        level=do.given.get("level", do.task.level),
        start=do.given.get("start", do.task.start),
        finish=do.given.get("finish", do.task.finish),
        at=do.command.at,
    )


MAKES: Final[Mapping[str, Callable[[_Doing], Task]]] = MappingProxyType(
    {
        "begin": _begin,
        "end": lambda do: assurance.end(do.task, at=do.at),
        "check": _check,
        "log": lambda do: assurance.log(do.task),
        "add_post": _add_post,
        "drop_post": lambda do: assurance.drop_post(do.task, do.given.get("post")),
        "change": _change,
        "call_off": lambda do: assurance.call_off(do.task, at=do.at),
    }
)


def _shown(kept: Kept, task: Task, given: Given) -> dict[str, Any] | None:
    """Return what is shown where a new post stands; None where nothing changes."""
    if "where" not in given.words:
        return None
    posts = {**kept.shown.get("posts", {}), str(task.next_post): given.words["where"]}
    return {**kept.shown, "posts": posts}


def _check_person(desk: Desk, task: Task, staff_id: str) -> None:
    """Refuse who is not of the county's staff. Raises BadInput naming `staff`."""
    person = desk.snapshot.staff.get(staff_id)
    near = {Relation.OWN, Relation.BELOW}
    is_ours = person is not None and relation(desk.path(task.county), person.path) in near
    if person is None or not person.active or not is_ours:
        raise BadInput.of("staff", "staff.not_there")


# What lies in its way ---------------------------------------------------------------------------


def conflicts(task: Task, kept: Kept, *, at: datetime) -> tuple[Clash, ...]:
    """Return the outages, planned or running, that would darken what a task protects. Raises Busy.

    What the devices feed is traced as the network stands; where it no longer has one of them, that
    one counts by its name alone.
    """
    if task.phase in OVER:
        return ()
    behind = tracing.behind_known(task.county, task.devices)
    household = customers.find_household(str(kept.shown.get("account", "")))
    found = []
    for outage in outages.board(task.county).outages:
        window = window_of(outage, at)
        if window is None or outage.training:
            continue
        reach = reach_of(outage)
        is_customer = household is not None and reach.covers(
            household.transformer_id, household.load_id
        )
        found.append(
            Off(
                outage.outage_id,
                window,
                frozenset(outage.devices),
                customer=is_customer,
                supply=bool(behind & reach),
            )
        )
    return assurance.clashes(task, found)


# Showing ----------------------------------------------------------------------------------------


def listed(counties: Iterable[str], *, month: str = "") -> list[Kept]:
    """Return the tasks of some counties that are not over, or were over in a month, by start."""
    found = resources.listed("assurance", counties, month=month)
    return sorted(found, key=lambda kept: (kept.value["start"], kept.key))


def row(desk: Desk, kept: Kept, *, at: datetime) -> dict[str, Any]:
    """Return a task as it is listed."""
    task = Task.from_json(kept.value)
    office = desk.snapshot.offices.get(task.office)
    return {
        "id": task.task_id,
        "title": str(kept.shown.get("title", "")),
        "where": str(kept.shown.get("where", "")),
        "level": task.level,
        "phase": task.phase.value,
        "county": task.county,
        "office": task.office,
        "office_name": office.name if office else task.office,
        "start": stamp(task.start),
        "finish": stamp(task.finish),
        "devices": list(task.devices),
        "posts": len(task.posts),
        "open_checks": len(assurance.open_checks(task)),
        "manned": assurance.is_manned(task),
        "logs": task.logs,
        "late": task.phase is assurance.Phase.PREPARED and at > task.start,
        "begun_at": stamped(task.begun_at),
        "over_at": stamped(task.over_at),
        "version": kept.version,
    }


def page(
    desk: Desk, kept: Kept, role: str, *, may_move: bool, language: str, at: datetime
) -> dict[str, Any]:
    """Return everything about one task. Raises Busy."""
    task = Task.from_json(kept.value)
    account = str(kept.shown.get("account", ""))
    household = customers.find_household(account)
    place = customers.known_place(task.place, at=at) if task.place else None
    names = open_to(task, role) if may_move else []
    return {
        **row(desk, kept, at=at),
        "prepared_by_name": staff_name(desk, task.prepared_by),
        "account": account or None,
        "customer": mask_name(household.name) if household else None,
        "place_name": place.name if place else None,
        "reason": task.reason or None,
        "post_rows": [
            {
                "id": name,
                "staff": post.staff,
                "name": staff_name(desk, post.staff),
                "where": str(kept.shown.get("posts", {}).get(name, "")),
                "start": stamp(post.start),
                "finish": stamp(post.end),
            }
            for name, post in sorted(
                task.posts.items(), key=lambda one: (one[1].start, int(one[0]))
            )
        ],
        "check_rows": [
            {
                "name": name,
                "asked": name in task.asked,
                "ok": task.checks[name].ok if name in task.checks else None,
                "by_name": staff_name(desk, task.checks[name].by) if name in task.checks else None,
                "at": stamp(task.checks[name].at) if name in task.checks else None,
            }
            for name in CHECKS
            if name in task.asked or name in task.checks
        ],
        "conflicts": [
            {
                "outage": each.outage,
                "by": each.by,
                "label": wording.say(f"assurance.clash.{each.by}", language),
                "start": stamp(each.window.start),
                "end": stamp(each.window.end),
                "devices": list(each.devices),
            }
            for each in conflicts(task, kept, at=at)
        ],
        "history": commanding.history(desk, kept),
        "moves": [
            {
                **commanding.move_row("assurance", name, DEEDS[name].needs, language),
                "primary": name == names[0],
            }
            for name in names
        ],
    }
