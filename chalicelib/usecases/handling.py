"""People move orders (办理): dispatch, receive, arrive, reply, visit, archive, and the side moves.

Each is one read and one transaction. Who loses a race is told who won it and when.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from chalicelib.domain.contact import Phone, phone_key
from chalicelib.domain.order import Actor, Order, salted_digest
from chalicelib.domain.procedure import Form, Move, Step, advance
from chalicelib.domain.refusal import BadInput, IllegalMove, Stale
from chalicelib.domain.staff import Outsider, Relation, relation
from chalicelib.store import customers, heads, ledger, orders, personal
from chalicelib.store.heads import Key
from chalicelib.store.orders import Change, Head
from chalicelib.store.personal import Words
from chalicelib.usecases.desk import Desk, body_hash, split_answers
from chalicelib.usecases.looking import look_after

TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asks for. `answers` are coded answers and words, as the move needs them.

    if_match: the version that the caller saw; None to move whatever is there now. key: their
    Idempotency-Key, bound to `caller`. salt: 16 random bytes for the words' digest.
    """

    move: str
    actor: Actor
    caller: str
    key: str
    salt: bytes
    at: datetime
    answers: Mapping[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None
    if_match: int | None = None

    @property
    def happened_at(self) -> datetime:
        """When it was so; where nobody says it, when it was asked for."""
        return self.occurred_at or self.at

    def digest(self, words: Mapping[str, str]) -> str:
        """Return what the chain keeps of words, salted; nothing of none."""
        return salted_digest(words, self.salt) if words else ""

    def said(self, aggregate: str, seq: int, words: Mapping[str, str]) -> Words | None:
        """Return the words of an event as they are kept, None where there are none."""
        return Words(aggregate, seq, self.salt, words) if words else None


def move(desk: Desk, order_id: str, command: Command) -> Head:
    """Make one move on one order and return its new head.

    Raises Unknown, IllegalMove, NotAllowed, GateClosed, BadInput, Stale (with who and when),
    KeyReused or Busy. The same key and body again give the head as it stands.
    """
    for _ in range(TRIES):
        head = orders.get(order_id)
        done = is_replayed(head.keys, command)
        if done:
            return head
        _check_match(head, command)
        change = _change(desk, head, command)
        try:
            return orders.commit(change)[0]
        except Stale:
            if command.if_match is not None:
                raise
    return _tell_who(order_id, command)


def merge(desk: Desk, order_id: str, command: Command) -> Head:
    """Merge an order into a parent: both sides in one transaction. Returns the child's head.

    `answers` names the parent. Raises as `move` does; a parent of another kind, of another county
    or itself a child is refused naming `parent`.
    """
    parent_id = str(command.answers.get("parent", ""))
    for _ in range(TRIES):
        child = orders.get(order_id)
        if is_replayed(child.keys, command):
            return child
        _check_match(child, command)
        own = _change(desk, child, command)
        parent = orders.get(parent_id)
        _check_parent(child.order, parent.order)
        absorb = replace(
            command, move="absorb", answers={"child": order_id}, if_match=None, occurred_at=None
        )
        try:
            return orders.commit(own, _change(desk, parent, absorb))[0]
        except Stale:
            if command.if_match is not None:
                raise
    return _tell_who(order_id, command)


def unmerge(desk: Desk, order_id: str, command: Command) -> Head:
    """Undo a merger: both sides in one transaction. Returns the child's head.

    A parent that is filed stays as it is: the child alone goes its own way.
    """
    for _ in range(TRIES):
        child = orders.get(order_id)
        if is_replayed(child.keys, command):
            return child
        _check_match(child, command)
        own = _change(desk, child, command)
        parent = orders.get(child.order.parent)
        changes = [own]
        if order_id in parent.order.children and parent.order.closed_at is None:
            release = replace(
                command,
                move="release",
                answers={"child": order_id},
                if_match=None,
                occurred_at=None,
            )
            changes.append(_change(desk, parent, release))
        try:
            return orders.commit(*changes)[0]
        except Stale:
            if command.if_match is not None:
                raise
    return _tell_who(order_id, command)


def is_replayed(keys: Iterable[Key], command: Command, *, body: str = "") -> bool:
    """Return whether this very command is among a head's keys: it has been carried out.

    body: the fingerprint of what was asked, where it is more than the command's answers. Raises
    KeyReused for another body.
    """
    return heads.is_replayed(keys, key_of(command, 0, body=body))


def key_of(command: Command, seq: int, *, body: str = "") -> Key:
    """Return a command's key as the head that it moves keeps it. body: as for `is_replayed`."""
    hashed = body_hash({"caller": command.caller, "key": command.key})
    return Key(hashed, body or fingerprint(command), seq)


def fingerprint(command: Command) -> str:
    """Return the hash of what a command asks for, by which another body under one key is told."""
    answers = {name: str(value) for name, value in command.answers.items()}
    occurred = command.occurred_at.isoformat() if command.occurred_at else ""
    return body_hash({"move": command.move, "answers": answers, "occurred_at": occurred})


def _check_match(head: Head, command: Command) -> None:
    if command.if_match is not None and command.if_match != head.order.version:
        raise stale(head.order.order_id, head.order.version)


def refuse_overtaken(command: Command, aggregate: str, version: int) -> None:
    """Raise Stale if a person has moved a thing since the version that the command names.

    Rounds that settle, reports that join and timers move it all the time: they stand in nobody's
    way, since the domain decides anew on what is there now.
    """
    seen = command.if_match
    if seen is None or seen == version:
        return
    since = ledger.read(aggregate, after=seen)
    if seen > version or any(event.actor.role != Outsider.SYSTEM.value for event in since):
        raise stale(aggregate, version)


def stale(order_id: str, version: int) -> Stale:
    """Return the refusal that says who was first: actor and instant of the event at `version`."""
    return ledger.overtaken_by(ledger.event(order_id, version))


def _tell_who(order_id: str, command: Command) -> Head:
    head = orders.get(order_id)
    if is_replayed(head.keys, command):
        return head
    raise stale(order_id, head.order.version)


def _change(desk: Desk, head: Head, command: Command) -> Change:
    """Let the domain decide, and say what has to be saved. Nothing is written here."""
    order = head.order
    procedure = desk.procedure(order.kind)
    found = procedure.moves.get(command.move)
    words, data = split_answers(found.needs if found else (), command.answers)
    if found is not None:
        check_targets(desk, order.county, found, data, by=command.actor)
    step = Step(
        command.move,
        command.actor,
        occurred_at=command.happened_at,
        recorded_at=command.at,
        data=data,
        words=words,
        digest=command.digest(words),
    )
    with telling_who(order.order_id, order.version):
        advanced = advance(order, step, procedures=desk.procedures, rules=desk.rules(order.office))
    change = Change(
        head=head,
        advanced=advanced,
        key=key_of(command, advanced.order.version),
        words=command.said(order.order_id, advanced.event.seq, words),
        look=look_after(desk, advanced, head.look),
    )
    return _corrected_phone(desk, change, words) if command.move == "correct_phone" else change


@contextmanager
def telling_who(aggregate: str, version: int) -> Iterator[None]:
    """Say with an illegal move who moved the thing last. version: 0 of what is not there yet."""
    try:
        yield
    except IllegalMove as refused:
        if not version:
            raise
        by = stale(aggregate, version).facts
        raise IllegalMove(**{**by, **refused.facts, "last": by["move"]}) from refused


def check_targets(
    desk: Desk, county: str, found: Move, data: Mapping[str, Any], *, by: Actor
) -> None:
    """Refuse an office that may not have a county's order, whoever does not work there, no place.

    An office of which `by` may not know is refused like one that is not there. Raises BadInput
    naming `office`, `staff` or `place`.
    """
    office_id = data.get("office")
    if office_id is not None and any(need.form is Form.OFFICE for need in found.needs):
        office = desk.snapshot.offices.get(str(office_id))
        if office is None or not office.active:
            raise BadInput.of("office", "office.unknown")
        stands = relation(desk.path(county), office.path)
        wanted = {Relation.ABOVE} if found.name == "escalate" else {Relation.OWN, Relation.BELOW}
        if stands not in wanted:
            mine = desk.path(by.office_id)
            near = {Relation.OWN, Relation.BELOW, Relation.ABOVE}
            is_known = bool(mine) and relation(mine, office.path) in near
            code = "office.out_of_reach" if is_known else "office.unknown"
            raise BadInput.of("office", code)
    staff_id = data.get("staff")
    if staff_id:
        person = desk.snapshot.staff.get(str(staff_id))
        if person is None or not person.active or person.office_id != office_id:
            raise BadInput.of("staff", "staff.not_there")
    if found.name == "correct_place" and "place" in data:
        place = customers.find_place(str(data["place"])[:64])
        if place is None or place.county != county:
            raise BadInput.of("place", "place.unknown")


def _check_parent(child: Order, parent: Order) -> None:
    if parent.kind != child.kind:
        raise BadInput.of("parent", "parent.other_kind")
    if parent.county != child.county:
        raise BadInput.of("parent", "parent.unknown")
    if parent.parent or parent.stage == "merged":
        raise BadInput.of("parent", "parent.is_child")


def _corrected_phone(desk: Desk, change: Change, words: Mapping[str, str]) -> Change:
    """Move the contact under the right number, in the same transaction as the event."""
    phone = Phone.parse(words["phone"])
    head = change.head
    was = personal.contact(str(head.shown.get("party", "")), head.order.order_id)
    party = phone_key(phone, desk.secret)
    right = replace(was, party=party, contact={**was.contact, "phone": phone.number})
    shown = {**head.shown, "party": party, "phone": phone.masked}
    return replace(
        change,
        shown=shown,
        contact=right,
        dropped=None if party == was.party else (was.party, head.order.order_id),
    )


CITIZEN: Final = Actor(Outsider.CITIZEN.value, "citizen")
