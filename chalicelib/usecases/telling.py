"""The house's own tables, told as data: procedures, permissions, limits, promises."""

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from itertools import product
from string import Formatter
from typing import Any, Final

from chalicelib.domain.calendar import local_day
from chalicelib.domain.limits import ALWAYS, Limit
from chalicelib.domain.procedure import ClockRule, Move, Procedure
from chalicelib.domain.staff import MATRIX, Capability, Relation, Role
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.showing import need_row

TERRAINS: Final = ("urban", "rural", "remote")


def permissions() -> dict[str, Any]:
    """Return the permission table: role → capability → relations of offices."""
    return {
        "roles": [role.value for role in Role],
        "capabilities": [capability.value for capability in Capability],
        "relations": [relation.value for relation in Relation],
        "matrix": {
            role.value: {
                capability.value: sorted(relations) for capability, relations in row.items()
            }
            for role, row in MATRIX.items()
        },
    }


def procedures(desk: Desk) -> list[dict[str, Any]]:
    """Return every procedure, by kind."""
    return [_procedure(desk.procedures[kind]) for kind in sorted(desk.procedures)]


def _procedure(procedure: Procedure) -> dict[str, Any]:
    return {
        "kind": procedure.kind,
        "stages": list(procedure.stages),
        "first": procedure.first,
        "final": sorted(procedure.final),
        "sub_types": list(procedure.sub_types),
        "confidential": procedure.confidential,
        "intake": [need_row(need) for need in procedure.intake],
        "moves": [_move(move) for move in procedure.moves.values()],
        "clocks": [_clock(rule) for rule in procedure.clocks],
    }


def _move(move: Move) -> dict[str, Any]:
    return {
        "name": move.name,
        "edges": dict(move.edges),
        "who": sorted(move.who),
        "needs": [need_row(need) for need in move.needs],
        "gates": list(move.gates),
        "tells": list(move.tells),
        "public": move.public,
        "while_suspended": move.while_suspended,
        "divert": None
        if move.divert is None
        else {"counter": move.divert.counter, "limit": move.divert.limit, "to": move.divert.to},
        "why": move.why,
    }


def _clock(rule: ClockRule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "limit": rule.limit,
        "starts": sorted(rule.starts),
        "stops": sorted(rule.stops),
        "runs_on": sorted(rule.runs_on),
        "pausable": rule.pausable,
        "promise": rule.promise,
        "whose": rule.whose,
        "when": {fact: list(values) for fact, values in rule.when.items()},
        "ladder": [
            {"name": rung.name, "target": rung.target.value, "limit": rung.limit}
            for rung in rule.ladder
        ],
    }


def limits(desk: Desk, office_id: str, language: str, *, at: datetime) -> list[dict[str, Any]]:
    """Return every limit in force on the day of `at`, at an office. Raises Unknown."""
    offices = desk.office(office_id).upwards if office_id else ()
    return [_limit(limit, language) for limit in desk.book.all(on=local_day(at), offices=offices)]


def _limit(limit: Limit, language: str) -> dict[str, Any]:
    return {
        "id": limit.id,
        "amount": str(limit.amount),
        "unit": limit.unit.value,
        "basis": limit.basis.value,
        "day_count": limit.day_count,
        "effective_from": limit.effective_from.isoformat(),
        "source": limit.source,
        "assumed": limit.assumed,
        "enabled": limit.enabled,
        "version": limit.version,
        "note": limit.note.get(language, ""),
    }


def promises(desk: Desk, language: str, *, at: datetime) -> list[dict[str, Any]]:
    """Return the limits behind every clock that we promise, each once, those in force."""
    today, known = local_day(at), set(desk.book.ids())
    found = {
        limit_id: name
        for procedure in desk.procedures.values()
        if procedure.public and not procedure.confidential
        for limit_id, name in _promised(procedure)
        if limit_id in known
    }
    rows = [(desk.book.find(limit_id, on=today), name) for limit_id, name in found.items()]
    return [
        {
            "id": limit.id,
            "label": limit.note.get(language, ""),
            "amount": float(limit.amount) if isinstance(limit.amount, Fraction) else 0.0,
            "unit": limit.unit.value,
            "clock": name,
            "source": limit.public.get(language, limit.source),
            "effective_from": None
            if limit.effective_from == ALWAYS
            else limit.effective_from.isoformat(),
        }
        for limit, name in rows
        if limit.enabled
    ]


def _promised(procedure: Procedure) -> Iterator[tuple[str, str]]:
    """Yield (limit, clock) of each promise, its braces filled with all that may stand there."""
    choices = {"terrain": TERRAINS, "sub_type": procedure.sub_types, "kind": (procedure.kind,)}
    for rule in procedure.clocks:
        if not rule.promise:
            continue
        names = [name for _, name, _, _ in Formatter().parse(rule.limit) if name]
        for values in product(*(choices[name] for name in names)):
            yield rule.limit.format(**dict(zip(names, values, strict=True))), rule.name
