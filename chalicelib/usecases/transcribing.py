"""Orders of before (旧单转录): rows of an old ledger told again, each step at the time it happened.

A row is first rehearsed against the procedure without writing anything, so what is wrong with it is
known before anything is applied: a step out of order, an answer that the kind does not take, a text
that would still go out. Nothing is made up: who visited and what came of it must stand in the row.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from chalicelib.domain import words
from chalicelib.domain.contact import Contact, Phone
from chalicelib.domain.order import Actor, order_number
from chalicelib.domain.procedure import (
    Advanced,
    Form,
    Move,
    Need,
    Procedure,
    Step,
    advance,
    open_order,
)
from chalicelib.domain.refusal import BadInput, GateClosed, IllegalMove
from chalicelib.domain.staff import Outsider, Relation, Role, Staff, relation
from chalicelib.store import ledger, orders
from chalicelib.store.customers import Place
from chalicelib.store.orders import Head
from chalicelib.usecases import handling, reporting
from chalicelib.usecases.desk import Desk, body_hash
from chalicelib.usecases.handling import Command
from chalicelib.usecases.reporting import Report

Row = Mapping[str, Any]

CALLER: Final = "import"
TRANSCRIBER: Final = "import"
"""Who stands in the ledger for whom the paper does not name."""
MOVES: Final = (
    ("dispatched_at", "dispatch"),
    ("received_at", "receive"),
    ("contacted_at", "contact"),
    ("arrived_at", "arrive"),
    ("restored_at", "restore"),
    ("replied_at", "reply"),
)
"""Columns of times and the moves that they stand for, in the order in which they are made."""
VISITS: Final = ("satisfied", "unreached")
UNREACHED: Final = 3
"""Attempts after which an order may be filed though nobody was reached (回访)."""


def one_of(prefix: str, slugs: Sequence[str]) -> Callable[[str], str]:
    """Return a reader of a slug, or of its words in either language. It raises BadInput."""
    known = {slug.lower(): slug for slug in slugs}
    for slug in slugs:
        for language in words.LANGUAGES:
            if words.has(f"{prefix}.{slug}"):
                known[words.say(f"{prefix}.{slug}", language).lower()] = slug

    def read(cell: str) -> str:
        found = known.get(cell.strip().lower())
        if found is None:
            raise BadInput.of("cell", "field.choice", allowed=list(slugs))
        return found

    return read


@dataclass(frozen=True, slots=True)
class Told:
    """One step of the row: the column that it comes from, the move, when, and its answers."""

    column: str
    move: str
    at: datetime
    answers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """One row as a report and the steps that followed it. county: whose desk it was.

    handler: who worked it, if the row names one of the staff.
    """

    county: str
    report: Report
    steps: tuple[Told, ...]
    handler: Staff | None

    @property
    def key(self) -> str:
        """What stands for an Idempotency-Key: the same case of a county is one order."""
        return f"{self.county}-{self.report.case_no}"

    def key_of(self, index: int) -> str:
        """Return the key of one of `steps`."""
        return f"{self.key}-{index}-{self.steps[index].move}"


class State(StrEnum):
    """How a row stands to what is kept."""

    NEW = "add"
    GOES_ON = "change"
    SAME = "same"
    DIFFERS = "differs"


# Reading a row ------------------------------------------------------------------------------------


def story(desk: Desk, row: Row, *, county: str, places: Mapping[str, Place]) -> Story:
    """Return what a row tells. places: those of the county. Raises BadInput naming columns."""
    kind = one_of("kind", tuple(desk.procedures))(str(row["kind"]))
    procedure = desk.procedures[kind]
    phone = row.get("phone")
    report = Report(
        kind=kind,
        sub_type=_sub_type(procedure, str(row.get("sub_type", ""))),
        occurred_at=_instant(row, "occurred_at"),
        place=str(row.get("place", "")),
        contact=Contact(
            phone=Phone(*phone[0]) if phone else None,
            name=str(row.get("name", "")),
            address=str(row.get("address", "")),
        ),
        answers={"description": row["description"], **_chosen(procedure.intake, row)},
        channel=str(row.get("channel", "paper")),
        case_no=str(row["case_no"]),
        desk_office=county,
    )
    _check_foreign_answers(procedure, row)
    if report.place and report.place not in places:
        raise BadInput.of("place", "place.unknown")
    office = _office(desk, row, county)
    steps = tuple(_steps(procedure, row, office=office or county))
    return Story(county, report, steps, _handler(desk, row, office=office or county))


def _sub_type(procedure: Procedure, cell: str) -> str:
    if not procedure.sub_types:
        if cell:
            raise BadInput.of("sub_type", "sub_type.not_taken")
        return ""
    try:
        return one_of("sub_type", procedure.sub_types)(cell)
    except BadInput:
        allowed = list(procedure.sub_types)
        raise BadInput.of("sub_type", "sub_type.unknown", allowed=allowed) from None


def _instant(row: Row, column: str) -> datetime:
    return datetime.fromisoformat(str(row[column]))


def _office(desk: Desk, row: Row, county: str) -> str:
    office_id = str(row.get("office_id", ""))
    if office_id:
        office = desk.snapshot.offices.get(office_id)
        stands = relation(desk.path(county), office.path) if office else Relation.FOREIGN
        if stands not in {Relation.OWN, Relation.BELOW} or not (office and office.active):
            raise BadInput.of("office_id", "office.unknown")
    return office_id


def _handler(desk: Desk, row: Row, *, office: str) -> Staff | None:
    staff_id = str(row.get("staff_id", ""))
    if not staff_id:
        return None
    person = desk.snapshot.staff.get(staff_id)
    if person is None or not person.active or person.office_id != office:
        raise BadInput.of("staff_id", "staff.not_there")
    return person


def choices(needs: Sequence[Need]) -> Iterator[Need]:
    """Yield the needs that a column of the list answers: those with a few coded choices."""
    return (need for need in needs if need.form is Form.CHOICE)


def _chosen(needs: Sequence[Need], row: Row) -> dict[str, str]:
    """Return the coded answers that a row holds. Raises BadInput for one missing or unknown."""
    answers = {}
    for need in choices(needs):
        cell = str(row.get(need.name, ""))
        if cell:
            try:
                answers[need.name] = one_of(f"choice.{need.name}", need.choices)(cell)
            except BadInput as refused:
                error = refused.errors[0]
                raise BadInput.of(need.name, error.code, **error.facts) from None
        elif need.required:
            raise BadInput.of(need.name, "field.required")
    return answers


def _check_foreign_answers(procedure: Procedure, row: Row) -> None:
    """Refuse an answer or a time that orders of this kind do not have: it would be lost."""
    own = {need.name for need in choices(_asked_of(procedure))}
    for name in COLUMNS_OF_CHOICES:
        if row.get(name) and name not in own:
            raise BadInput.of(name, "field.not_of_kind")
    for column, move in MOVES:
        if row.get(column) and move not in procedure.moves:
            raise BadInput.of(column, "field.not_of_kind")
    if row.get("visit") and "visit_satisfied" not in procedure.moves:
        raise BadInput.of("visit", "field.not_of_kind")


def _asked_of(procedure: Procedure) -> tuple[Need, ...]:
    moves = (procedure.moves.get(name) for name in ("contact", "reply"))
    return (*procedure.intake, *(need for move in moves if move for need in move.needs))


def _names_of_choices() -> tuple[str, ...]:
    from chalicelib.domain.procedures import PROCEDURES  # noqa: PLC0415 - once, for the columns

    found: dict[str, None] = {}
    for procedure in PROCEDURES.values():
        found.update(dict.fromkeys(need.name for need in choices(_asked_of(procedure))))
    return tuple(found)


COLUMNS_OF_CHOICES: Final = _names_of_choices()
"""Every coded answer that some kind asks for on its way: a column each."""


def _steps(procedure: Procedure, row: Row, *, office: str) -> Iterator[Told]:
    note = str(row.get("reply", ""))
    if row.get("closed_at") and not row.get("dispatched_at"):
        yield from _at_once(procedure, row, note)
        return
    given = dict(MOVES)
    for column, move in given.items():
        if move == "receive" and row.get("dispatched_at"):
            received = _received(row)
            if received:
                yield Told(received, "receive", _instant(row, received))
        elif row.get(column):
            answers = _answers(procedure, move, row, office=office, note=note)
            yield Told(column, move, _instant(row, column), answers)
    if row.get("closed_at"):
        yield from _closing(procedure, row)


def _received(row: Row) -> str:
    """Return the column of the time by which somebody had the order: 接单, or the first work."""
    later = ("received_at", "contacted_at", "arrived_at", "restored_at", "replied_at")
    return next((column for column in later if row.get(column)), "")


def _at_once(procedure: Procedure, row: Row, note: str) -> Iterator[Told]:
    """Yield the one step that closed an order that nobody dispatched. Raises BadInput."""
    at = _instant(row, "closed_at")
    if "answer" in procedure.moves:
        if not note:
            raise BadInput.of("reply", "field.required")
        yield Told("closed_at", "answer", at, {"note": note})
    elif "record" in procedure.moves:
        yield Told("closed_at", "record", at, {"note": note} if note else {})
    else:
        raise BadInput.of("dispatched_at", "field.required")


def _answers(
    procedure: Procedure, move: str, row: Row, *, office: str, note: str
) -> dict[str, Any]:
    if move == "dispatch":
        staff = {"staff": row["staff_id"]} if row.get("staff_id") else {}
        return {"office": office, **staff}
    if move == "contact":
        needs = procedure.moves[move].needs
        return {**_chosen(needs, row), "note": words.say("import.contacted", "zh")}
    if move != "reply":
        return {}
    if not note:
        raise BadInput.of("reply", "field.required")
    needs = procedure.moves[move].needs
    answers: dict[str, Any] = {**_chosen(needs, row), "note": note}
    if any(need.name == "power_back" for need in needs):
        answers["power_back"] = bool(row.get("restored_at") or row.get("closed_at"))
    return answers


def _closing(procedure: Procedure, row: Row) -> Iterator[Told]:
    at = _instant(row, "closed_at")
    if "approve_reply" not in procedure.moves:
        yield Told("closed_at", "record", at)
        return
    if not row.get("replied_at"):
        raise BadInput.of("replied_at", "field.required")
    yield Told("closed_at", "approve_reply", at)
    if "visit_satisfied" in procedure.moves:
        visit = str(row.get("visit", ""))
        if not visit:
            raise BadInput.of("visit", "field.required")
        one = Told("closed_at", f"visit_{visit}", at)
        yield from [one] * (1 if visit == "satisfied" else UNREACHED)
        yield Told("closed_at", "archive", at)


# Rehearsing ---------------------------------------------------------------------------------------


def rehearse(desk: Desk, told: Story, *, places: Mapping[str, Place], at: datetime) -> None:
    """Walk a row through its procedure without writing. Raises BadInput naming the column.

    A step so recent that a text would still go out is refused too: it was told elsewhere already.
    """
    place = places.get(told.report.place)
    office = desk.office(place.office_id if place else told.county)
    rules = desk.rules(office.office_id)
    sent = told.report
    data = {name: value for name, value in sent.answers.items() if name != "description"}
    step = Step(
        "opened",
        _OPENER,
        occurred_at=sent.occurred_at,
        recorded_at=at,
        data=data,
        words={"description": str(sent.answers["description"])},
    )
    fields = {"channel": sent.channel, "case_no": sent.case_no, "sub_type": sent.sub_type}
    with _Naming("occurred_at"):
        advanced = open_order(
            step,
            order_id=number_of(desk, told),
            kind=sent.kind,
            county=office.county,
            office=office.county,
            fields={**fields, "facts": {"terrain": place.terrain if place else office.terrain}},
            procedures=desk.procedures,
            rules=rules,
        )
    _check_silent(advanced, "occurred_at")
    for one in told.steps:
        with _Naming(one.column):
            advanced = advance(
                advanced.order,
                _step(desk, told, one, at=at),
                procedures=desk.procedures,
                rules=desk.rules(advanced.order.office),
            )
        _check_silent(advanced, one.column)


def _check_silent(advanced: Advanced, column: str) -> None:
    if advanced.event.tells:
        raise BadInput.of(column, "times.too_recent")


class _Naming:
    """Say of which column a refusal of the engine comes."""

    def __init__(self, column: str) -> None:
        self._column = column

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        """Raise BadInput in place of what the engine refuses."""
        if isinstance(error, IllegalMove | GateClosed):
            raise BadInput.of(self._column, "times.step_missing") from error
        if isinstance(error, BadInput):
            first = error.errors[0]
            named = first.field if first.field in COLUMNS_OF_CHOICES else self._column
            named = {"note": "reply", "description": "description"}.get(first.field, named)
            raise BadInput.of(named, first.code, **first.facts) from error


def _step(desk: Desk, told: Story, one: Told, *, at: datetime) -> Step:
    move = desk.procedures[told.report.kind].moves.get(one.move)
    texts = {need.name for need in move.needs if need.form is Form.TEXT} if move else set()
    return Step(
        one.move,
        actor_of(told, move),
        occurred_at=one.at,
        recorded_at=at,
        data={name: value for name, value in one.answers.items() if name not in texts},
        words={name: str(value) for name, value in one.answers.items() if name in texts},
    )


_OPENER: Final = Actor(Outsider.SYSTEM.value, TRANSCRIBER)


def actor_of(told: Story, move: Move | None) -> Actor:
    """Return who made a move: whom the row names, where they may; else the desk, unnamed."""
    handler = told.handler
    if handler is not None and move is not None and handler.role in move.who:
        return Actor(handler.role.value, handler.staff_id, handler.office_id)
    return Actor(Role.DISPATCHER.value, TRANSCRIBER, told.county)


# Telling ------------------------------------------------------------------------------------------


def number_of(desk: Desk, told: Story) -> str:
    """Return the number that a row's order has or will have."""
    return order_number(desk.secret, CALLER, told.key)


def states(desk: Desk, stories: Sequence[Story]) -> list[State]:
    """Return how each row stands to what is kept. One call a hundred rows. Raises Busy."""
    numbers = [number_of(desk, told) for told in stories]
    kept = {head.order.order_id: head for head in orders.get_many(numbers)}
    return [_state(told, kept.get(number)) for told, number in zip(stories, numbers, strict=True)]


def _state(told: Story, head: Head | None) -> State:
    if head is None:
        return State.NEW
    if head.intake != f"{_asked(told.key)}.{reporting.fingerprint(told.report)}":
        return State.DIFFERS
    return State.GOES_ON if _left(told, head) else State.SAME


def _left(told: Story, head: Head) -> range:
    """Return which steps are still to be told; none once people went on with the order here."""
    indices = {_asked(told.key_of(index)): index for index in range(len(told.steps))}
    last = max((indices[kept.key] for kept in head.keys if kept.key in indices), default=-1)
    left = range(last + 1, len(told.steps))
    seq = last + 2
    if not left or head.order.version == seq:
        return left
    since = ledger.read(head.order.order_id, after=seq)
    went_on = any(event.actor.role != Outsider.SYSTEM for event in since)
    return range(0) if went_on else left


def _asked(key: str) -> str:
    return body_hash({"caller": CALLER, "key": key})


def tell(desk: Desk, told: Story, *, salt: Callable[[], bytes], at: datetime) -> bool:
    """File a row's order and walk it to where it stood. Return whether anything was written.

    Where it stopped half way, it goes on. Raises what the journeys raise; KeyReused for a case
    that was imported with other words.
    """
    filed = reporting.report(
        desk, told.report, actor=_OPENER, caller=CALLER, key=told.key, salt=salt(), at=at
    )
    order_id = filed.head.order.order_id
    left = _left(told, filed.head)
    for index in left:
        one = told.steps[index]
        move = desk.procedures[told.report.kind].moves[one.move]
        command = Command(
            move=one.move,
            actor=actor_of(told, move),
            caller=CALLER,
            key=told.key_of(index),
            salt=salt(),
            at=at,
            answers=one.answers,
            occurred_at=one.at,
        )
        handling.move(desk, order_id, command)
    return filed.created or bool(left)
