"""People keep outages (停电管理): open or draft one from its devices, and move it on.

A command reads the outage, lets the domain decide, and commits all of it or nothing. Whatever
changes what is dark also passes the county's gate, so that two never claim one household.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain import outage_moves as moves
from chalicelib.domain import planning
from chalicelib.domain.clocks import Rules, instant
from chalicelib.domain.outage import (
    BEFORE,
    CAUSES,
    COMMANDS,
    CREW_STATUSES,
    INFORMATION,
    KINDS,
    OPEN,
    REASONS,
    WITNESSES,
    Kind,
    Outage,
    State,
    aggregate,
    spells,
    states_for,
)
from chalicelib.domain.outage_moves import Act, Made
from chalicelib.domain.procedure import Form, Need, Step, read_needs
from chalicelib.domain.reach import NOWHERE, Reach, union
from chalicelib.domain.refusal import BadInput, IllegalMove, NotAllowed, Stale, Unknown
from chalicelib.domain.staff import Role
from chalicelib.store import outages
from chalicelib.store.outages import Board, Change, Head
from chalicelib.store.personal import Words
from chalicelib.usecases import planning as planned
from chalicelib.usecases import tracing
from chalicelib.usecases.commanding import codes
from chalicelib.usecases.desk import Desk, body_hash
from chalicelib.usecases.handling import Command, is_replayed, key_of, refuse_overtaken, telling_who
from chalicelib.usecases.planning import Intended
from chalicelib.usecases.tracing import Grid

TRIES: Final = 6
MOST_DEVICES: Final = 50
LONGEST_NOTE: Final = 1000

# Opening ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class New:
    """What somebody says of an outage. devices: those that failed or are to be opened.

    start, finish: of a planned kind alone. closed: devices that the switching plan closes, so that
    who is fed another way stays lit. training: it causes nothing.
    """

    kind: str
    devices: tuple[str, ...]
    began_at: datetime | None = None
    cause: str = ""
    note: str = ""
    etr: datetime | None = None
    start: datetime | None = None
    finish: datetime | None = None
    closed: tuple[str, ...] = ()
    training: bool = False


@dataclass(frozen=True, slots=True)
class Traced:
    """What a set of devices darkens: where, and whose power it is."""

    grid: Grid
    county: str
    reach: Reach
    stations: tuple[str, ...]

    @property
    def office(self) -> str:
        """The station that serves all of it, else the county."""
        return self.stations[0] if len(self.stations) == 1 else self.county


def trace(
    devices: Sequence[str], *, closed: Sequence[str] = (), field_name: str = "devices", at: datetime
) -> Traced:
    """Return what loses power when these devices open. Raises BadInput naming them, and Busy."""
    if not devices:
        raise BadInput.of(field_name, "field.required")
    named = tuple(dict.fromkeys((*devices, *closed)))
    county, homes = tracing.home_of(named, field=field_name)
    grid = tracing.around(county, homes)
    if closed:
        ends = {bus for each in closed if each in grid.devices for bus in grid.devices[each].buses}
        grid = tracing.around(county, homes, beside=ends)
    gone = [each for each in named if each not in grid.devices]
    if gone:
        raise BadInput.of(f"{field_name}.{named.index(gone[0])}", "device.unknown")
    reach = grid.behind(devices, closed=closed)
    return Traced(grid, county, reach, tracing.stations_of(county, reach, at=at))


def create(desk: Desk, sent: New, command: Command, *, may: Callable[[str], bool]) -> Head:
    """Open an outage, or draft one that is planned. The same key and body give the same outage.

    may: whether who asks may do so at an office. Raises BadInput, NotAllowed, KeyReused, Busy.
    """
    kind = _kind(sent.kind)
    outage_id = tracing.number_of(desk, command.caller, command.key, at=command.at)
    body = body_hash(_said(sent))
    found = _kept(outage_id, command, body)
    if found is not None:
        return found
    traced = _traced(sent, may, at=command.at)
    shown = shown_of(traced.county, traced.grid, sent.devices, traced.reach, at=command.at)
    words = {"note": sent.note} if sent.note else {}
    act = _act(command, words)
    for _ in range(TRIES):
        board = outages.board(traced.county)
        try:
            made = _made(desk, sent, kind, outage_id, traced, act, board)
        except BadInput as refused:
            raise _renamed(refused, NEW_ASKED) from refused
        key = key_of(command, made.events[-1].seq, body=body)
        change = Change(None, made, shown=shown, words=_words(made, command, words), key=key)
        if not KINDS[kind].planned:
            tracing.remember(traced.county, sent.devices, outage_id, at=command.at)
        try:
            return outages.commit(change, gate=board)[0]
        except Stale:
            found = _kept(outage_id, command, body)
            if found is not None:
                return found
    raise Stale(what="board")


def _traced(sent: New, may: Callable[[str], bool], *, at: datetime) -> Traced:
    traced = trace(sent.devices, closed=sent.closed, at=at)
    if not may(traced.office) and not may(traced.county):
        raise BadInput.of("devices.0", "device.unknown")
    if not traced.reach:
        raise BadInput.of("devices", "reach.empty")
    return traced


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError:
        allowed = [each.value for each in Kind]
        raise BadInput.of("kind", "field.choice", allowed=allowed) from None


def _said(sent: New) -> dict[str, Any]:
    times = {
        name: at.isoformat() if (at := getattr(sent, name)) else ""
        for name in ("began_at", "etr", "start", "finish")
    }
    return {
        "kind": sent.kind,
        "devices": list(sent.devices),
        "closed": list(sent.closed),
        "cause": sent.cause,
        "note": sent.note,
        "training": sent.training,
        **times,
    }


def _kept(outage_id: str, command: Command, body: str) -> Head | None:
    """Return what this key has made already. Raises KeyReused for another body, and Busy."""
    try:
        head = outages.get(outage_id)
    except Unknown:
        return None
    is_replayed(head.keys, command, body=body)
    return head


def _made(  # noqa: PLR0917 - the parts of one answer
    desk: Desk, sent: New, kind: Kind, outage_id: str, traced: Traced, act: Act, board: Board
) -> Made:
    rules = desk.rules(traced.county)
    about: dict[str, Any] = {
        "outage_id": outage_id,
        "kind": kind,
        "county": traced.county,
        "office": traced.office,
        "devices": sent.devices,
        "feeders": feeders_of(traced.grid, traced.reach),
        "reach": traced.reach,
        "rules": rules,
        "training": sent.training,
    }
    if KINDS[kind].planned:
        if sent.start is None or sent.finish is None:
            raise BadInput.of("start" if sent.start is None else "finish", "field.required")
        return moves.draft_outage(
            act,
            **about,
            start=sent.start,
            finish=sent.finish,
            cause=sent.cause or "works.maintenance",
            key_customers=key_customers(desk, traced.reach),
        )
    since = sent.began_at or act.occurred_at
    grade = State.CONFIRMED if act.actor.role in WITNESSES else State.PROBABLE
    made = moves.open_outage(act, **about, since=since, grade=grade, others=board.outages)
    after = replace(act, digest="")
    if sent.cause:
        made = _then(made, moves.set_cause(made.outage, after, cause=sent.cause, rules=rules))
    if sent.etr is not None:
        said = moves.set_etr(
            made.outage, after, at=sent.etr, source=_source(act.actor.role), rules=rules
        )
        made = _then(made, said)
    return made


def _then(first: Made, second: Made) -> Made:
    return Made(second.outage, (*first.events, *second.events))


def feeders_of(grid: Grid, reach: Reach) -> tuple[str, ...]:
    """Return the feeders on which a reach's loads hang."""
    network = grid.network
    found = {network.load(each).feeder_id for each in grid.loads_in(reach)}
    return tuple(sorted(filter(None, found)))


def shown_of(
    county: str, grid: Grid, devices: Iterable[str], reach: Reach, *, at: datetime
) -> dict[str, Any]:
    """Return what the board shows of an outage beside its head: names, offices, whose power."""
    counted = tracing.count(reach)
    named = [grid.devices[each] for each in devices if each in grid.devices]
    return {
        "area": tracing.area_of(county, reach, at=at),
        "offices": list(tracing.stations_of(county, reach, at=at)),
        "devices": [[each.device_id, each.name, each.kind] for each in named],
        "key": counted.key,
        "vulnerable": counted.vulnerable,
        "sensitive": counted.sensitive,
    }


def customer_key(desk: Desk, account_no: str) -> str:
    """Return the id by which a chain names an account, which tells nobody the account."""
    return desk.derive("customer", account_no).hex()[:16]


def key_customers(desk: Desk, reach: Reach) -> tuple[str, ...]:
    """Return the ids of the key customers that a reach holds. Raises Busy."""
    return tuple(
        sorted(
            customer_key(desk, household.account_no)
            for household in tracing.households_in(reach)
            if "key" in household.flags
        )
    )


# Moving -----------------------------------------------------------------------------------------

DESKS: Final = frozenset(
    {Role.DISPATCHER, Role.NETWORK_CONTROLLER, Role.SUPERVISOR, Role.CITY_HOST}
)
FIELD: Final = frozenset({Role.CREW, Role.GRID_STAFF, Role.AREA_MANAGER})
SIGNERS: Final = frozenset(
    role for kind in planning.APPROVALS for role in planning.signers(kind, review=True)
)
_ALL_CAUSES: Final = tuple(f"{group}.{leaf}" for group, some in CAUSES.items() for leaf in some)

_NOTE: Final = Need("note", Form.TEXT, required=False, longest=LONGEST_NOTE)
_AT: Final = Need("at", Form.INSTANT, required=False)
_REASON: Final = Need("reason", Form.CHOICE, choices=REASONS)
_WHY: Final = replace(_REASON, required=False)
_WHERE: Final = (
    Need("devices", Form.CODE, required=False),
    Need("transformers", Form.CODE, required=False),
)
LISTS: Final = frozenset({"devices", "transformers", "closed"})
"""Needs whose answer is one code or several: a list, or one line with commas."""


@dataclass(frozen=True, slots=True)
class _Doing:
    """A move while it is carried out. board: for those that change what is dark."""

    desk: Desk
    head: Head
    board: Board
    act: Act
    given: Mapping[str, Any]
    rules: Rules
    command: Command

    @property
    def outage(self) -> Outage:
        """The outage as it is."""
        return self.head.outage

    @property
    def others(self) -> tuple[Outage, ...]:
        """Every other outage that is open in the county."""
        mine = self.outage.outage_id
        return tuple(each for each in self.board.outages if each.outage_id != mine)

    def instant(self, name: str = "at") -> datetime:
        """Return the instant that was given, else the one at which it was done."""
        given = self.given.get(name)
        return given if isinstance(given, datetime) else self.act.occurred_at

    def where(self) -> Reach:
        """Return the supply points that were named: behind devices, or by their transformers.

        Raises BadInput naming `devices`.
        """
        reach = self._areas(self.given.get("transformers", ()))
        devices = self.given.get("devices", ())
        if devices:
            traced = trace(devices, at=self.act.recorded_at)
            if traced.county != self.outage.county:
                raise BadInput.of("devices.0", "device.unknown")
            reach = reach | traced.reach
        if not reach:
            raise BadInput.of("devices", "field.required")
        return reach

    def _areas(self, transformers: Sequence[str]) -> Reach:
        """Return all that hangs under some transformers. Raises BadInput naming them."""
        if not transformers:
            return NOWHERE
        county, homes = tracing.home_of(transformers, field="transformers")
        grid = tracing.around(county, homes)
        for place, each in enumerate(transformers):
            if county != self.outage.county or each not in grid.loads_at:
                raise BadInput.of(f"transformers.{place}", "device.unknown")
        return grid.reach(load for each in transformers for load in grid.loads_at[each])


_Makes = Callable[[_Doing], "Made | tuple[Made, Head, Made]"]


@dataclass(frozen=True, slots=True)
class Deed:
    """One move that people make. command: of domain/outage.COMMANDS, whose states it has.

    dark: it changes what is dark, so it passes the gate. who: beside whom the command itself
    refuses. asked: what it calls otherwise than the domain does.
    """

    command: str
    makes: _Makes
    needs: tuple[Need, ...] = (_NOTE,)
    who: frozenset[str] = DESKS
    dark: bool = False
    asked: tuple[tuple[str, str], ...] = ()


def _confirm(do: _Doing) -> Made:
    return moves.confirm(do.outage, do.act, rules=do.rules)


def _deny(do: _Doing) -> Made:
    return moves.deny(do.outage, do.act, rules=do.rules)


def _source(role: str) -> str:
    return "crew" if role in FIELD else "dispatcher"


def _set_etr(do: _Doing) -> Made:
    return moves.set_etr(
        do.outage,
        do.act,
        at=do.given.get("etr"),
        source=_source(do.act.actor.role),
        reason=do.given.get("reason", ""),
        next_update_at=do.given.get("next_update_at"),
        rules=do.rules,
    )


def _set_cause(do: _Doing) -> Made:
    return moves.set_cause(do.outage, do.act, cause=do.given["cause"], rules=do.rules)


def _know(do: _Doing) -> Made:
    happened = do.instant("happened_at")
    what = do.given["information"]
    return moves.know(do.outage, do.act, information=what, happened_at=happened, rules=do.rules)


def _extend(do: _Doing) -> Made:
    return moves.extend(
        do.outage, do.act, reach=do.where(), since=do.instant(), others=do.others, rules=do.rules
    )


def _shrink(do: _Doing) -> Made:
    return moves.shrink(do.outage, do.act, reach=do.where(), rules=do.rules)


def _restore(do: _Doing) -> Made:
    return moves.restore(do.outage, do.act, at=do.instant(), rules=do.rules)


def _restore_part(do: _Doing) -> Made:
    return moves.restore(do.outage, do.act, at=do.instant(), reach=do.where(), rules=do.rules)


def _still_dark(do: _Doing) -> Made:
    return moves.still_dark(do.outage, do.act, reach=do.where(), rules=do.rules)


def _correct(do: _Doing) -> Made:
    devices = tuple(do.given.get("devices", ()))
    traced = trace(devices, at=do.act.recorded_at) if devices else None
    if traced is not None and traced.county != do.outage.county:
        raise BadInput.of("devices.0", "device.unknown")
    truth = moves.Truth(
        devices=devices,
        feeders=feeders_of(traced.grid, traced.reach) if traced else (),
        reach=traced.reach if traced else NOWHERE,
        cause=do.given.get("cause", ""),
        since=do.given.get("began_at"),
        back_at=do.given.get("restored_at"),
    )
    reason = do.given["reason"]
    return moves.correct(
        do.outage, do.act, truth=truth, reason=reason, others=do.others, rules=do.rules
    )


def _crew(do: _Doing) -> Made:
    crew = do.given.get("crew") or do.act.actor.actor_id
    status = do.given["status"]
    return moves.set_crew(do.outage, do.act, status=status, crew_id=crew, rules=do.rules)


def _absorb(do: _Doing) -> tuple[Made, Head, Made]:
    """Take another outage in: (this one's part, the other as it was, the other's part)."""
    wanted = do.given["outage"]
    other = next((each for each in do.board.heads if each.outage.outage_id == wanted), None)
    if other is None:
        raise BadInput.of("outage", "outage.unknown")
    given, taken = moves.transfer(other.outage, do.outage, do.act, rules=do.rules)
    return taken, other, given


def _log_call(do: _Doing) -> Made:
    customer = customer_key(do.desk, do.given["account"])
    if customer not in do.outage.key_customers:
        raise BadInput.of("account", "account.not_key")
    return moves.record_call(
        do.outage, do.act, customer_id=customer, line=do.given["line"], rules=do.rules
    )


def _clear(do: _Doing, plan: Intended) -> None:
    """Return if nothing speaks against a plan, or a note says why it is so all the same."""
    note = str(do.command.answers.get("note") or "")
    planned.check(
        do.desk,
        plan,
        do.board.outages,
        move=do.command.move,
        reason=note,
        at=do.act.recorded_at,
    )


def _submit(do: _Doing) -> Made:
    made = moves.submit(do.outage, do.act, needs_review=_needs_review(do), rules=do.rules)
    _clear(do, planned.intended(do.outage))
    return made


def _needs_review(do: _Doing) -> bool:
    own = do.outage.plan
    if own is None:
        return False
    plan = planning.Plan(
        outage_id=do.outage.outage_id,
        kind=do.outage.kind.value,
        window=own.window,
        accounts=frozenset(),
    )
    beside = sum(
        other.plan is not None and other.plan.start < own.finish and own.start < other.plan.finish
        for other in do.others
    )
    return planning.needs_review(plan, beside + 1, do.rules)


def _approve(do: _Doing) -> Made:
    return moves.approve(do.outage, do.act, reason=do.given.get("reason", ""), rules=do.rules)


def _send_back(do: _Doing) -> Made:
    return moves.send_back(do.outage, do.act, reason=do.given["reason"], rules=do.rules)


def _announce(do: _Doing) -> Made:
    made = moves.announce(do.outage, do.act, reason=do.given.get("reason", ""), rules=do.rules)
    _clear(do, planned.intended(do.outage))
    return made


def _plan_of(do: _Doing) -> tuple[datetime, datetime, Reach]:
    plan = do.outage.plan
    if plan is None:
        raise IllegalMove(move=do.command.move, stage=do.outage.state.value)
    reach = plan.reach
    devices = do.given.get("devices", ())
    if devices:
        traced = trace(devices, closed=do.given.get("closed", ()), at=do.act.recorded_at)
        if traced.county != do.outage.county:
            raise BadInput.of("devices.0", "device.unknown")
        reach = traced.reach
    return do.given.get("start", plan.start), do.given.get("finish", plan.finish), reach


def _edit(do: _Doing) -> Made:
    start, finish, reach = _plan_of(do)
    return moves.edit(do.outage, do.act, start=start, finish=finish, reach=reach, rules=do.rules)


def _change_plan(do: _Doing) -> Made:
    start, finish, reach = _plan_of(do)
    reason = do.given["reason"]
    made = moves.change(
        do.outage, do.act, start=start, finish=finish, reach=reach, reason=reason, rules=do.rules
    )
    _clear(do, planned.intended(made.outage))
    return made


def _start(do: _Doing) -> Made:
    return moves.begin(do.outage, do.act, at=do.instant(), others=do.others, rules=do.rules)


def _cancel(do: _Doing) -> Made:
    return moves.cancel(do.outage, do.act, reason=do.given["reason"], rules=do.rules)


_SWITCHING: Final = (
    Need("start", Form.INSTANT, required=False),
    Need("finish", Form.INSTANT, required=False),
    Need("devices", Form.CODE, required=False),
    Need("closed", Form.CODE, required=False),
)

DEEDS: Final[Mapping[str, Deed]] = MappingProxyType(
    {
        "confirm": Deed("confirm", _confirm, who=DESKS | FIELD),
        "deny": Deed("deny", _deny, who=DESKS | FIELD, dark=True),
        "know": Deed(
            "know",
            _know,
            needs=(
                Need("information", Form.CHOICE, choices=INFORMATION),
                Need("happened_at", Form.INSTANT, required=False),
                _NOTE,
            ),
            who=DESKS | FIELD,
        ),
        "crew": Deed(
            "set_crew",
            _crew,
            needs=(
                Need("status", Form.CHOICE, choices=CREW_STATUSES),
                Need("crew", Form.CODE, required=False),
                _NOTE,
            ),
            who=DESKS | FIELD,
        ),
        "set_etr": Deed(
            "set_etr",
            _set_etr,
            needs=(
                Need("etr", Form.INSTANT, required=False),
                Need("next_update_at", Form.INSTANT, required=False),
                _WHY,
                _NOTE,
            ),
            who=DESKS | FIELD,
            asked=(("at", "etr"),),
        ),
        "set_cause": Deed(
            "set_cause",
            _set_cause,
            needs=(Need("cause", Form.CHOICE, choices=_ALL_CAUSES), _NOTE),
            who=DESKS | FIELD,
        ),
        "correct": Deed(
            "correct",
            _correct,
            needs=(
                Need("devices", Form.CODE, required=False),
                Need("cause", Form.CHOICE, required=False, choices=_ALL_CAUSES),
                Need("began_at", Form.INSTANT, required=False),
                Need("restored_at", Form.INSTANT, required=False),
                _REASON,
                _NOTE,
            ),
            dark=True,
            asked=(("since", "began_at"), ("back_at", "restored_at")),
        ),
        "extend": Deed(
            "extend",
            _extend,
            needs=(*_WHERE, _AT, _NOTE),
            dark=True,
            asked=(("since", "at"),),
        ),
        "shrink": Deed("shrink", _shrink, needs=(*_WHERE, _NOTE), dark=True),
        "restore_part": Deed("restore", _restore_part, needs=(*_WHERE, _AT, _NOTE), dark=True),
        "restore": Deed("restore", _restore, needs=(_AT, _NOTE), dark=True),
        "still_dark": Deed("still_dark", _still_dark, needs=(*_WHERE, _NOTE), dark=True),
        "absorb": Deed("take_over", _absorb, needs=(Need("outage", Form.CODE), _NOTE), dark=True),
        "edit": Deed("edit", _edit, needs=(*_SWITCHING, _NOTE)),
        "submit": Deed("submit", _submit),
        "approve": Deed("approve", _approve, needs=(_WHY, _NOTE), who=SIGNERS),
        "send_back": Deed("send_back", _send_back, needs=(_REASON, _NOTE), who=SIGNERS),
        "announce": Deed("announce", _announce, needs=(_WHY, _NOTE)),
        "change_plan": Deed("change", _change_plan, needs=(*_SWITCHING, _REASON, _NOTE)),
        "log_call": Deed(
            "record_call",
            _log_call,
            needs=(
                Need("account", Form.CODE),
                Need("line", Form.TEXT, longest=60),
                replace(_NOTE, required=True),
            ),
        ),
        "start": Deed("begin", _start, needs=(_AT, _NOTE), dark=True),
        "finish": Deed("restore", _restore, needs=(_AT, _NOTE), dark=True),
        "cancel": Deed("cancel", _cancel, needs=(_REASON, _NOTE)),
    }
)
"""The moves of people by their name in the interface."""


def open_to(outage: Outage, role: str) -> list[str]:
    """Return the moves that a role may make now, in the order of DEEDS."""
    return [name for name, deed in DEEDS.items() if _is_open(name, deed, outage, role)]


_NEXT: Final = ("confirm", "submit", "approve", "announce", "start")
"""What brings an outage on, where it may be done at all."""


def main_of(outage: Outage, names: Sequence[str]) -> str:
    """Return which of these moves is the next one; empty where none is.

    Whoever is without power asks until when, then why, then wants it back. Nothing that takes an
    outage back is ever the one that a stray Enter opens.
    """
    lacking = [
        *_NEXT,
        *(("set_etr",) if outage.etr is None or outage.etr.at is None else ()),
        *(("set_cause",) if not outage.cause else ()),
        *(("restore", "finish", "crew") if outage.state in OPEN else ()),
    ]
    return next((name for name in lacking if name in names), "")


def _is_open(name: str, deed: Deed, outage: Outage, role: str) -> bool:
    who = COMMANDS[deed.command].who
    if role not in deed.who or (who and role not in who):
        return False
    if name == "confirm" and outage.has_human_word:
        return False
    if name in {"finish", "restore"} and (name == "finish") != outage.rule.planned:
        return False
    return outage.state in states_for(deed.command, outage.kind)


def move(desk: Desk, outage_id: str, command: Command) -> Head:
    """Make one move of people on one outage and return its new head.

    Raises Unknown, IllegalMove, NotAllowed, GateClosed, BadInput, Stale (with who and when),
    KeyReused or Busy. The same key and body again give the head as it stands.
    """
    deed = DEEDS.get(command.move)
    if deed is None:
        raise IllegalMove(move=command.move[:40])
    given, words = _read(deed, command)
    lost: Stale | None = None
    for _ in range(TRIES):
        head, board = _read_again(outage_id)
        if is_replayed(head.keys, command):
            return head
        refuse_overtaken(command, aggregate(outage_id), head.outage.version)
        changes = _changes(desk, deed, head, board, command, given, words)
        _remember_ended(changes, at=command.at)
        try:
            return outages.commit(*changes, gate=board if deed.dark else None)[0]
        except Stale as refused:
            lost = refused
    raise lost or Stale(what="outage")


def _remember_ended(changes: Iterable[Change], *, at: datetime) -> None:
    """Let what is over, or back in part, be weighed with the evidence from now on. Raises Busy."""
    for change in changes:
        outage = change.made.outage
        if any(event.name in {"restore", "deny", "transfer"} for event in change.made.events):
            tracing.remember(outage.county, outage.devices, outage.outage_id, at=at)


def _read_again(outage_id: str) -> tuple[Head, Board]:
    """Return an outage as its county's board has it, and the board; one that is over by itself."""
    county = outages.get(outage_id).outage.county
    board = outages.board(county)
    found = next((each for each in board.heads if each.outage.outage_id == outage_id), None)
    return found or outages.get(outage_id), board


def _read(deed: Deed, command: Command) -> tuple[dict[str, Any], dict[str, str]]:
    """Return (answers, words) of a command. Raises BadInput naming every bad one."""
    answers = dict(command.answers)
    lists = {
        name: codes(name, answers.pop(name))
        for name in LISTS & answers.keys()
        if name in {need.name for need in deed.needs}
    }
    step = Step(
        command.move,
        command.actor,
        occurred_at=command.happened_at,
        recorded_at=command.at,
        data=answers,
    )
    values = read_needs([need for need in deed.needs if need.name not in lists], step)
    for need in deed.needs:
        if need.form is Form.INSTANT and need.name in values:
            values[need.name] = instant(values[need.name])
    words = {name: values.pop(name) for name in ("note",) if name in values}
    return {**values, **{name: codes for name, codes in lists.items() if codes}}, words


def _changes(  # noqa: PLR0917 - the parts of one answer
    desk: Desk,
    deed: Deed,
    head: Head,
    board: Board,
    command: Command,
    given: Mapping[str, Any],
    words: Mapping[str, str],
) -> tuple[Change, ...]:
    """Let the domain decide, and say what has to be saved. Nothing is written here."""
    outage = head.outage
    if command.actor.role not in deed.who:
        raise NotAllowed(move=command.move, role=command.actor.role)
    doing = _Doing(
        desk, head, board, _act(command, words), given, desk.rules(outage.county), command
    )
    try:
        with telling_who(aggregate(outage.outage_id), outage.version):
            made = deed.makes(doing)
    except BadInput as refused:
        raise _renamed(refused, {**ASKED, **dict(deed.asked)}) from refused
    own, beside = (made, ()) if isinstance(made, Made) else (made[0], made[1:])
    mine = Change(
        head,
        own,
        shown=_shown_again(head, own.outage, at=command.at),
        words=_words(own, command, words),
        key=key_of(command, own.events[-1].seq),
    )
    return (mine, Change(beside[0], beside[1])) if beside else (mine,)


ASKED: Final = MappingProxyType({"content": "note", "customer": "account", "reach": "devices"})
NEW_ASKED: Final = MappingProxyType(
    {
        "since": "began_at",
        "at": "etr",
        "start": "planned.start",
        "finish": "planned.end",
        "reach": "devices",
    }
)
"""What an interface calls otherwise than the domain does."""


def _renamed(refused: BadInput, names: Mapping[str, str]) -> BadInput:
    """Return a refusal that names the fields as they were asked for."""
    return BadInput(
        replace(each, field=names.get(each.field, each.field)) for each in refused.errors
    )


def _shown_again(head: Head, outage: Outage, *, at: datetime) -> dict[str, Any] | None:
    """Return what the board shows where what is affected has changed; None where it has not."""
    reach = affected(outage)
    if reach == affected(head.outage) and outage.devices == head.outage.devices:
        return None
    counted = tracing.count(reach)
    return {
        **head.shown,
        **_named_again(head, outage, at=at),
        "area": tracing.area_of(outage.county, reach, at=at),
        "offices": list(tracing.stations_of(outage.county, reach, at=at)),
        "key": counted.key,
        "vulnerable": counted.vulnerable,
        "sensitive": counted.sensitive,
    }


def _named_again(head: Head, outage: Outage, *, at: datetime) -> dict[str, Any]:
    if outage.devices == head.outage.devices:
        return {}
    found = trace(outage.devices, at=at).grid.devices
    return {"devices": [[each, found[each].name, found[each].kind] for each in outage.devices]}


def affected(outage: Outage) -> Reach:
    """Return every supply point that an outage darkens or darkened, or is to darken."""
    if outage.plan is not None and outage.state in BEFORE | {State.CANCELLED} and not outage.steps:
        return outage.plan.reach
    return union(spell.reach for spell in spells(outage)) or NOWHERE


def _act(command: Command, words: Mapping[str, str]) -> Act:
    return Act(
        command.actor,
        command.happened_at,
        command.at,
        command.digest(words),
    )


def _words(made: Made, command: Command, words: Mapping[str, str]) -> Words | None:
    first = made.events[0]
    return command.said(first.aggregate, first.seq, words)


# Looking ahead ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preview:
    """What opening some devices would do, before anybody does it."""

    traced: Traced
    areas: tuple[str, ...]
    counted: tracing.Counted
    taken: tuple[tuple[str, int], ...] = ()


def preview(devices: Sequence[str], *, closed: Sequence[str] = (), at: datetime) -> Preview:
    """Return what loses power, whose it is, and what of it is dark already. Raises as `trace`."""
    traced = trace(devices, closed=closed, at=at)
    board = outages.board(traced.county)
    taken = [(each.outage_id, (each.dark & traced.reach).households) for each in board.outages]
    return Preview(
        traced,
        tracing.area_names(traced.county, traced.reach, at=at),
        tracing.count(traced.reach),
        tuple((outage_id, count) for outage_id, count in taken if count),
    )
