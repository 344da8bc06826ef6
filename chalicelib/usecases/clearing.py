"""People clear issues (销号): open one, move it on, merge two; and whatever else moves them.

A command reads the issue, lets the domain decide, and commits all of it or nothing. What the
system does meanwhile (timers, orders that move) stands in nobody's way: the domain decides anew on
what is there. Who loses a race with a person is told who won it and when.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain import issue_moves
from chalicelib.domain.categories import CATEGORIES, THEMES
from chalicelib.domain.clocks import Rules
from chalicelib.domain.issue import COMMANDS, Issue, Linked, Source, aggregate, effects
from chalicelib.domain.issue_gates import needs_now
from chalicelib.domain.issue_moves import Act, Made, Place, open_issue
from chalicelib.domain.order import GRADES, Actor, Event, Order, order_number
from chalicelib.domain.refusal import BadInput, IllegalMove, Stale, Unknown
from chalicelib.domain.staff import Capability, OfficeLevel, Outsider, Relation, relation
from chalicelib.store import issues, orders, traces
from chalicelib.store.issues import Change, Head
from chalicelib.usecases.desk import Desk, body_hash, split_answers
from chalicelib.usecases.handling import (
    Command,
    is_replayed,
    key_of,
    refuse_overtaken,
    telling_who,
)
from chalicelib.usecases.looking import Missing, look

TRIES: Final = 6
PURPOSE: Final = "issue"
OPENED_BY_HAND: Final = (
    Source.SUPERVISOR.value,
    Source.PUBLIC_OPINION.value,
    Source.HOTLINE_12398.value,
    Source.HOTLINE_12345.value,
)

RIGHTS: Final[Mapping[str, Capability]] = MappingProxyType(
    {
        **dict.fromkeys(("sign", "return_sign", "clear"), Capability.ISSUE_SIGN),
        **dict.fromkeys(
            (
                *("supervise", "supervision_close", "terminate", "flag_bypass"),
                *("open_site_investigation", "conclude_site_investigation"),
            ),
            Capability.ISSUE_SUPERVISE,
        ),
    }
)
"""The capability that a command asks for beside its roles; field work is that of all others."""


def right_for(name: str) -> Capability:
    """Return the capability that a command asks for."""
    return RIGHTS.get(name, Capability.ISSUE_WORK)


Sees = Callable[[Order], bool]
"""Whether an order is theirs to see who ask."""


def _sees_none(_order: Order) -> bool:
    return False


# Offices ----------------------------------------------------------------------------------------


def level_of(desk: Desk, office_id: str) -> str:
    """Return the level at which an office signs; empty for a station, which signs nothing."""
    office = desk.snapshot.offices.get(office_id)
    if office is None or office.level is OfficeLevel.STATION:
        return ""
    return office.level.value


def place_of(desk: Desk, office_id: str) -> Place:
    """Return where an issue of this office lies. Raises Unknown."""
    office = desk.office(office_id)
    return Place(office_id, office.county, desk.path(office.county) or office.path)


# Opening ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class New:
    """An issue as somebody opens it by hand. orders: those that it is about."""

    source: str
    office: str
    note: str
    category: str = ""
    theme: str = ""
    grade: str = GRADES[0]
    case_no: str = ""
    orders: tuple[str, ...] = ()
    tendency: bool = False
    anonymous: bool = False
    confidential: bool = False
    training: bool = False
    shown: Mapping[str, Any] = field(default_factory=dict)


def number_of(desk: Desk, caller: str, key: str) -> str:
    """Return the number of the issue that somebody opens under a key: always the same."""
    return order_number(desk.derive(PURPOSE), caller, key)


def create(desk: Desk, sent: New, command: Command, *, sees: Sees = _sees_none) -> Head:
    """Open an issue by hand. The same key and body give the same issue.

    Raises BadInput, NotAllowed, KeyReused, Busy.
    """
    if sent.source not in OPENED_BY_HAND:
        raise BadInput.of("source", "field.choice", allowed=list(OPENED_BY_HAND))
    check_codes(sent.category, sent.theme)
    issue_id = number_of(desk, command.caller, command.key)
    body = body_hash({"new": _said(sent)})
    found = lookup(issue_id)
    if found is not None:
        is_replayed(found.keys, command, body=body)
        return found
    words = {"note": sent.note} if sent.note else {}
    act = Act(
        command.actor,
        occurred_at=command.happened_at,
        recorded_at=command.at,
        level=level_of(desk, command.actor.office_id),
        words=words,
        digest=command.digest(words),
    )
    linked = {
        each: find_order(each, act, reason="opened_by", sees=sees, field_name=f"orders.{place}")
        for place, each in enumerate(sent.orders)
    }
    made = open_issue(
        act,
        issue_id=issue_id,
        source=sent.source,
        place=place_of(desk, sent.office),
        rules=desk.rules(sent.office),
        category=sent.category,
        theme=sent.theme,
        grade=sent.grade,
        orders=linked,
        hotline_calls=int(sent.source == Source.HOTLINE_12398),
        tendency=sent.tendency,
        anonymous=sent.anonymous,
        confidential=sent.confidential,
        training=sent.training,
    )
    key = key_of(command, 1, body=body)
    said = command.said(aggregate(issue_id), 1, words)
    shown = {**sent.shown, "case_no": sent.case_no, "summary": sent.note[:60]}
    try:
        return issues.commit(Change(None, made, shown=shown, words=said, key=key))[0]
    except Stale:
        twin = issues.get(issue_id)
        is_replayed(twin.keys, command, body=body)
        return twin


def _said(sent: New) -> dict[str, Any]:
    return {
        "source": sent.source,
        "office": sent.office,
        "note": sent.note,
        "category": sent.category,
        "theme": sent.theme,
        "grade": sent.grade,
        "case_no": sent.case_no,
        "orders": list(sent.orders),
        "flags": [sent.tendency, sent.anonymous, sent.confidential, sent.training],
    }


def lookup(issue_id: str) -> Head | None:
    """Return an issue, or None where there is none. Raises Busy."""
    try:
        return issues.get(issue_id)
    except Unknown:
        return None


def find_order(
    order_id: str, act: Act, *, reason: str, sees: Sees, field_name: str = "order"
) -> Linked:
    """Return what an issue keeps of an order that who asks may see. Raises BadInput, Busy."""
    try:
        order = orders.get(order_id).order
    except Unknown:
        raise BadInput.of(field_name, "issue.order_unknown") from None
    if not sees(order):
        raise BadInput.of(field_name, "issue.order_unknown")
    if traces.issue_of(order_id):
        raise BadInput.of(field_name, "issue.order_elsewhere")
    return Linked.of(order, reason=reason, at=act.occurred_at, by=act.actor.actor_id)


# Moving -----------------------------------------------------------------------------------------


def move(desk: Desk, issue_id: str, command: Command, *, sees: Sees = _sees_none) -> Head:
    """Give one command on one issue and return its new head.

    Raises Unknown, IllegalMove, NotAllowed, GateClosed, BadInput, Stale (with who and when),
    KeyReused or Busy. The same key and body again give the head as it stands.
    """
    lost: Stale | None = None
    for _ in range(TRIES):
        head = issues.get(issue_id)
        if is_replayed(head.keys, command):
            return head
        refuse_overtaken(command, aggregate(issue_id), head.issue.version)
        changes = _changes(desk, head, command, sees)
        try:
            return issues.commit(*changes)[0]
        except Stale as refused:
            lost = refused
    raise lost or Stale(what="issue")


def change(desk: Desk, issue_id: str, decide: Callable[[Issue, Rules], Made | None]) -> Head | None:
    """Let the system move an issue, again on what is there after each lost race.

    None when there is nothing to do. Raises whatever `decide` does, Unknown, Stale, Busy.
    """
    lost: Stale | None = None
    for _ in range(TRIES):
        head = issues.get(issue_id)
        made = decide(head.issue, desk.rules(head.issue.county))
        if made is None:
            return None
        try:
            return issues.commit(Change(head, made))[0]
        except Stale as refused:
            lost = refused
    raise lost or Stale(what="issue")


def by_system(at: datetime, *, who: str = "system", **answers: Any) -> Act:
    """Return an act of the system's own, with its answers."""
    return Act(Actor(Outsider.SYSTEM, who), occurred_at=at, recorded_at=at, data=answers)


def _changes(desk: Desk, head: Head, command: Command, sees: Sees) -> tuple[Change, ...]:
    issue, rules = head.issue, desk.rules(head.issue.county)
    needs = needs_now(command.move, issue, rules) if command.move in COMMANDS else ()
    words, data = split_answers(needs, command.answers)
    _check_people(desk, data)
    check_codes(str(data.get("category") or ""), str(data.get("theme") or ""))
    act = Act(
        command.actor,
        occurred_at=command.happened_at,
        recorded_at=command.at,
        level=level_of(desk, command.actor.office_id),
        data=data,
        words=words,
        digest=command.digest(words),
        place=_place(desk, command, data),
    )
    if command.move == "link" and isinstance(data.get("order"), str):
        linked = find_order(data["order"], act, reason="person", sees=sees)
        act = replace(act, linked=linked)
    with telling_who(aggregate(issue.issue_id), issue.version):
        made = GIVES.get(command.move, _give)(desk, issue, command.move, act)
    own, *beside = made
    key = key_of(command, own[1].issue.version)
    said = command.said(aggregate(issue.issue_id), own[1].events[-1].seq, words)
    return (
        Change(head, own[1], words=said, key=key),
        *(Change(other, part) for other, part in beside if other is not None),
    )


Parts = list[tuple[Head | None, Made]]


def _give(desk: Desk, issue: Issue, name: str, act: Act) -> Parts:
    return [(None, issue_moves.advance(issue, name, act, rules=desk.rules(issue.county)))]


def _merge(desk: Desk, issue: Issue, _name: str, act: Act) -> Parts:
    other = lookup(str(act.data.get("into", ""))[:40])
    if other is None or other.issue.path[:1] != issue.path[:1]:
        raise BadInput.of("into", "issue.into_unknown")
    mine, theirs = issue_moves.merge(
        issue,
        other.issue,
        act,
        rules=desk.rules(issue.county),
        above=_above(other.issue),
    )
    return [(None, mine), (other, theirs)]


def _above(issue: Issue) -> tuple[str, ...]:
    """Return the lines that a line was merged into, nearest first."""
    found: list[str] = []
    while issue.parent and issue.parent not in found:
        found.append(issue.parent)
        issue = issues.get(issue.parent).issue
    return tuple(found)


def _unmerge(desk: Desk, issue: Issue, name: str, act: Act) -> Parts:
    if not issue.parent:
        raise IllegalMove(move=name, stage=issue.state.value, kind="issue")
    other = issues.get(issue.parent)
    mine, theirs = issue_moves.unmerge(issue, other.issue, act, rules=desk.rules(issue.county))
    return [(None, mine), (other, theirs)]


GIVES: Final[Mapping[str, Callable[[Desk, Issue, str, Act], Parts]]] = MappingProxyType(
    {"merge": _merge, "unmerge": _unmerge}
)


def _place(desk: Desk, command: Command, data: Mapping[str, Any]) -> Place | None:
    """Return where an issue goes that is assigned. Raises BadInput naming `office` or `staff`."""
    if command.move != "assign" or not isinstance(data.get("office"), str):
        return None
    office = desk.snapshot.offices.get(data["office"])
    if office is None or not office.active:
        raise BadInput.of("office", "office.unknown")
    mine = desk.path(command.actor.office_id)
    if relation(mine, office.path) not in {Relation.OWN, Relation.BELOW}:
        raise BadInput.of("office", "office.unknown")
    staff_id = data.get("staff")
    if staff_id:
        person = desk.snapshot.staff.get(str(staff_id))
        if person is None or not person.active or person.office_id != office.office_id:
            raise BadInput.of("staff", "staff.not_there")
    return place_of(desk, office.office_id)


def check_codes(category: str, theme: str) -> None:
    """Refuse what is not in the tree or not a theme of the regulator's. Raises BadInput."""
    if category and category not in CATEGORIES:
        raise BadInput.of("category", "issue.category_unknown")
    if theme and theme not in THEMES:
        raise BadInput.of("theme", "field.choice", allowed=list(THEMES))


def _check_people(desk: Desk, data: Mapping[str, Any]) -> None:
    """Refuse names of people whom nobody knows. Raises BadInput naming the field."""
    for name in ("owner", "investigator", "subject", "staff"):
        person = desk.snapshot.staff.get(str(data.get(name) or ""))
        if data.get(name) and (person is None or not person.active):
            raise BadInput.of(name, "staff.not_there")


# What is due, and what never came ---------------------------------------------------------------


def fire(desk: Desk, head: Head, *, at: datetime) -> Head:
    """Do what is due of an issue, and return its head. Raises Stale, Busy.

    Where nothing is, a limit or the calendar moved it: then it is armed anew.
    """
    rules = desk.rules(head.issue.county)
    made = issue_moves.fire(head.issue, at=at, rules=rules)
    made = made or issue_moves.replan(head.issue, at=at, rules=rules)
    return head if made is None else issues.commit(Change(head, made))[0]


def look_for_effects(head: Head, *, at: datetime) -> list[Missing]:
    """Return the effects that should have settled and did not; arm or drop the look-back.

    Raises Stale, Busy.
    """
    if head.look is None:
        return []
    name = head.issue.issue_id
    missing, again = look(head.look, aggregate(name), caused=effect_ids, of={"issue": name}, at=at)
    issues.set_look(head, again)
    return missing


def effect_ids(event: Event) -> list[str]:
    """Return the ids of what an issue's event causes."""
    return [each.effect_id for each in effects(event)]
