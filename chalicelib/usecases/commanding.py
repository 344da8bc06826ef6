"""How people move what is kept by `store/resources.py`: answers read, rules asked, all or nothing.

A unit, a loan and an assurance task differ in their rules alone. Who loses a race without having
named a version is decided anew on what is there now, and told if that is no longer possible.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain import words as wording
from chalicelib.domain.clocks import instant
from chalicelib.domain.contact import clean_text
from chalicelib.domain.procedure import Form, Need, Step, read_needs
from chalicelib.domain.refusal import BadInput, Stale
from chalicelib.store import ledger, personal, resources
from chalicelib.store.resources import Change, Kept
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command, is_replayed, key_of, stale, telling_who
from chalicelib.usecases.showing import need_row, staff_name, stamp

TRIES: Final = 6
LONGEST_NOTE: Final = 1000
MOST_CODES: Final = 50
LISTS: Final = frozenset({"skills", "devices"})
"""Needs whose answer is one code or several: a list, or one line with commas."""

NOTE: Final = Need("note", Form.TEXT, required=False, longest=LONGEST_NOTE)


@dataclass(frozen=True, slots=True)
class Given:
    """What a command answers: coded values, and words, which are kept apart."""

    values: Mapping[str, Any]
    words: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def get(self, name: str, default: Any = None) -> Any:
        """Return a coded answer."""
        return self.values.get(name, default)

    def number(self, name: str) -> int | None:
        """Return an answer that is a whole number, None without one. Raises BadInput."""
        given = self.values.get(name)
        if given is None:
            return None
        if not (given.isascii() and given.isdigit() and len(given) < LONGEST_NUMBER):
            raise BadInput.of(name, "field.number")
        return int(given)


LONGEST_NUMBER: Final = 7


def read(needs: Sequence[Need], command: Command) -> Given:
    """Return what a command answers. Raises BadInput naming every bad field."""
    answers = dict(command.answers)
    for need in needs:
        if need.form is Form.CODE and isinstance(answers.get(need.name), int):
            answers[need.name] = str(answers[need.name])
    own = {need.name for need in needs}
    lists = {name: codes(name, answers.pop(name)) for name in LISTS & answers.keys() & own}
    step = Step(
        command.move,
        command.actor,
        occurred_at=command.happened_at,
        recorded_at=command.at,
        data=answers,
    )
    values = read_needs([need for need in needs if need.name not in lists], step)
    for need in needs:
        if need.form is Form.INSTANT and need.name in values:
            values[need.name] = instant(values[need.name])
    texts = {need.name for need in needs if need.form is Form.TEXT}
    words = {name: values.pop(name) for name in texts & values.keys()}
    return Given({**values, **lists}, words)


def codes(name: str, answer: Any) -> tuple[str, ...]:
    """Read one code or several, in a list or with commas between. Raises BadInput."""
    parts = answer.replace("，", ",").split(",") if isinstance(answer, str) else answer
    if not isinstance(parts, list) or len(parts) > MOST_CODES:
        raise BadInput.of(name, "field.list")
    found = []
    for place, part in enumerate(parts):
        code = part.strip() if isinstance(part, str) else ""
        if not code:
            raise BadInput.of(f"{name}.{place}", "field.code")
        found.append(clean_text(code, field=f"{name}.{place}", max_units=64))
    return tuple(dict.fromkeys(found))


def change(
    kept: Kept,
    command: Command,
    value: Mapping[str, Any],
    *,
    name: str = "",
    words: Mapping[str, str] = MappingProxyType({}),
    counties: tuple[str, ...] = (),
    shown: Mapping[str, Any] | None = None,
    over: bool = False,
    beside: bool = False,
) -> Change:
    """Return what a command does to one head. beside: it is not the one that was named."""
    key = key_of(command, kept.version + 1)
    said = {} if beside else dict(words)
    return Change(
        before=kept,
        name=name or command.move,
        value=value,
        by=command.actor,
        occurred_at=command.happened_at,
        at=command.at,
        counties=counties,
        shown=shown,
        over=command.at if over else None,
        key=None if beside else key,
        salt=command.salt,
        words=said,
        digest=command.digest(said),
    )


def carry_out(
    sort: str,
    key: str,
    command: Command,
    makes: Callable[[Kept], Iterable[Change]],
    *,
    otherwise: Kept | None = None,
) -> Kept:
    """Read a head, let `makes` decide, and keep all of it or nothing; return the head as it is.

    otherwise: stands for one that is not kept yet. Raises what `makes` does, Unknown, Stale (with
    who and when), KeyReused, Busy. The same key and body again give the head as it stands.
    """
    lost: Stale | None = None
    for _ in range(TRIES):
        kept = resources.lookup(sort, key) or otherwise or resources.get(sort, key)
        if is_replayed(kept.keys, command):
            return kept
        if command.if_match is not None and command.if_match != kept.version:
            raise _overtaken(kept)
        with telling_who(kept.aggregate, kept.version):
            changes = tuple(makes(kept))
        try:
            return resources.commit(*changes)[0]
        except Stale as refused:
            lost = refused
    raise lost or Stale(what=sort)


def _overtaken(kept: Kept) -> Stale:
    return stale(kept.aggregate, kept.version) if kept.version else Stale(what=kept.sort)


# Showing ----------------------------------------------------------------------------------------


def move_row(prefix: str, name: str, needs: Iterable[Need], language: str) -> dict[str, Any]:
    """Return a move as the move form renders it; the first of a list is its main one."""
    return {
        "name": name,
        "label": wording.say(f"{prefix}.move.{name}", language),
        "needs": [need_row(need) for need in needs],
        "gates_open": [],
        "primary": False,
    }


def history(desk: Desk, kept: Kept) -> list[dict[str, Any]]:
    """Return what was done to a head, oldest first, with what was said. Raises Busy."""
    said = personal.words(kept.aggregate)
    return [
        {
            "seq": event.seq,
            "name": event.name,
            "at": stamp(event.occurred_at),
            "recorded_at": stamp(event.recorded_at),
            "by": event.actor.actor_id,
            "by_role": event.actor.role,
            "by_name": staff_name(desk, event.actor.actor_id),
            "note": said[event.seq].words.get("note") if event.seq in said else None,
        }
        for event in ledger.read(kept.aggregate)
    ]


def stamped(at: datetime | None) -> str | None:
    """Return an instant as the interface writes it, or None."""
    return None if at is None else stamp(at)
