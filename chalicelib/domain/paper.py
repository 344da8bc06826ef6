"""Papers (文书) that go around an issue: appeals, accountability, interviews, warnings, checks.

A paper is a procedure of the same engine that moves orders (`procedure.py`) in a chain of its own,
`paper/<id>`: stages, moves, needs, clocks and gates as tables, one module a kind in `papers/`. It
is never in the queue of orders, and for staff only. Its head is an `Order` whose facts say:

    upper      the office one level up, which decides, issues, confirms or interviews
    proposer   who opened it
    issue      the line of the complaint ledger that it belongs to, where it belongs to one
    order      the order that it is about, where it is about one

This module has what the tables share: the rules about persons, the gates, the actions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Final

from .calendar import CHINA, local_day
from .clocks import Clock, Rules, due, instant, millis
from .order import Actor, Event, Order
from .procedure import Action, ClockRule, Effect, Form, Gate, Making, Move, Need, Person
from .procedure import effects as causes
from .refusal import BadInput
from .staff import Outsider, Role

CHAIN: Final = "paper/"
CODE_LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH: Final = 8
"""Letters of a paper's number behind its day: 40 bits, and none that reads like another."""

# Who ------------------------------------------------------------------------------------------
SYSTEM: Final = frozenset({Outsider.SYSTEM})
OVERSEERS: Final = frozenset(
    {
        Role.SUPERVISOR,
        Role.CITY_HOST,
        Role.PROVINCE_MONITOR,
        Role.DEPARTMENT,
        Role.LEADER,
    }
)
"""Who watches over others: supervisors, hosts, monitors, departments, leaders."""
AUDITORS: Final = OVERSEERS | {Role.DISCIPLINE}
STAFF: Final = frozenset(Role) - {Role.ADMIN, Role.AUDITOR}
"""Everybody who works: an admin keeps the desk, an auditor only reads."""
CHECKERS: Final = OVERSEERS | {Role.RETURN_VISITOR, Role.DISCIPLINE}
"""专职质检: those who look at others' orders (S0.30)."""

NOTE: Final = Need("note", Form.TEXT, required=False, longest=1000)
REASON: Final = Need("note", Form.TEXT, longest=1000)
ISSUE: Final = Need("issue", Form.CODE)
MEASURE: Final = (
    Need("measure", Form.TEXT, longest=2000),
    Need("files", Form.FILES, required=False),
)
"""What a unit says it did, with photos."""
MOST_DIGITS: Final = 9


def aggregate(paper_id: str) -> str:
    """Return the name of a paper's chain."""
    return f"{CHAIN}{paper_id}"


def paper_id_of(chain: str) -> str:
    """Return the id of the paper that a chain is of."""
    return chain.removeprefix(CHAIN)


def is_paper(chain: str) -> bool:
    """Return whether a chain is a paper's."""
    return chain.startswith(CHAIN)


def paper_number(day: datetime, digest: bytes) -> str:
    """Return a paper's number, such as `261122-7KC2H9QX`. digest: of who asked for it, and how."""
    bits = int.from_bytes(digest[:8], "big")
    letters = [CODE_LETTERS[bits >> 5 * place & 31] for place in range(CODE_LENGTH)]
    return f"{local_day(day):%y%m%d}-{''.join(letters)}"


# What moves share -----------------------------------------------------------------------------


def stay(*stages: str) -> Mapping[str, str]:
    """Return edges that lead nowhere else."""
    return {stage: stage for stage in stages}


def from_(*stages: str, to: str) -> Mapping[str, str]:
    """Return edges that lead to one stage."""
    return dict.fromkeys(stages, to)


def opening(
    who: Iterable[str],
    why: str,
    *,
    only: tuple[str, ...] = (),
    gates: tuple[str, ...] = (),
    does: tuple[str, ...] = (),
) -> Move:
    """Return who may open a paper of a kind, and what that does."""
    return with_discipline(
        Move(
            "open",
            {},
            who=frozenset(who),
            why=why,
            only=only,
            gates=gates,
            does=("remember_proposer", *does, "tell_issue"),
        )
    )


def remark(*stages: str) -> Move:
    """Anybody who works may add a word; it moves nothing."""
    return Move(
        "note",
        stay(*stages),
        who=STAFF | SYSTEM,
        why="备注: what is known is written where the paper is",
        needs=(REASON,),
    )


def drop(*stages: str, who: Iterable[str], only: tuple[str, ...] = ()) -> Move:
    """The paper is not followed further, for a reason that stays on record."""
    return Move(
        "drop_paper",
        from_(*stages, to="dropped"),
        who=frozenset(who),
        why="不予办理: whoever lets a paper drop says why [design]",
        needs=(REASON,),
        only=only,
    )


def table(*moves: Move, final: Iterable[str]) -> Mapping[str, Move]:
    """Return moves by name; those that end a paper tell its issue.

    Raises ValueError when two have one name.
    """
    over = frozenset(final)
    told = (
        replace(move, does=(*move.does, "tell_issue")) if over & {*move.edges.values()} else move
        for move in moves
    )
    named = {move.name: with_discipline(move) for move in told}
    if len(named) != len(moves):
        raise ValueError("a move stands twice")
    return MappingProxyType(named)


def with_discipline(move: Move) -> Move:
    """Let the discipline role do what those do who watch over others, where misconduct is secret.

    Nobody else who works may know of such a paper (S1.26).
    """
    if Role.DISCIPLINE in move.who or not move.who & OVERSEERS:
        return move
    only = (*move.only, "discipline_in_confidence")
    return replace(move, who=move.who | {Role.DISCIPLINE}, only=only)


def clock(
    name: str,
    limit: str,
    starts: Iterable[str],
    stops: Iterable[str],
    *,
    runs_on: Iterable[str] = (),
) -> ClockRule:
    """Return a clock of a paper, by its moves. Nothing holds a paper, so it never stands."""
    begun, stopped, on = map(frozenset, (starts, stops, runs_on))
    return ClockRule(name, limit, begun, stopped, on, pausable=False)


# Which person ---------------------------------------------------------------------------------


def _is_upper(paper: Order, actor: Actor) -> bool:
    """One level up: neither the unit itself, nor any other office above it."""
    return bool(paper.facts.get("upper")) and actor.office_id == paper.facts["upper"]


def _is_unit(paper: Order, actor: Actor) -> bool:
    """Of the office whose paper it is, or of the county that this office belongs to."""
    return actor.office_id in {paper.office, paper.county}


def _is_other_than(fact: str) -> Person:
    def check(paper: Order, actor: Actor) -> bool:
        return paper.facts.get(fact) != actor.actor_id

    return check


PERSONS: Final[Mapping[str, Person]] = MappingProxyType(
    {
        "of_upper_office": _is_upper,
        "of_own_unit": _is_unit,
        "not_a_signer": lambda paper, actor: (
            actor.actor_id not in paper.facts.get("signers", ())
            and actor.actor_id != paper.facts.get("proposer")
        ),
        "not_signed_yet": lambda paper, actor: actor.actor_id not in paper.facts.get("signers", ()),
        "the_proposer": lambda paper, actor: actor.actor_id == paper.facts.get("proposer"),
        "not_the_proposer": _is_other_than("proposer"),
        "discipline_in_confidence": lambda paper, actor: (
            actor.role != Role.DISCIPLINE or paper.facts.get("confidential") is True
        ),
        "not_the_subject": _is_other_than("person"),
        "not_the_handler": _is_other_than("handler"),
        "not_who_reworked": _is_other_than("reworked_by"),
    }
)
"""Whose a move is, beyond the role. The system stands outside these rules."""


# Gates ----------------------------------------------------------------------------------------


def _within_appeal_term(paper: Order, at: datetime, rules: Rules) -> bool:
    """On the last day of the term is in time (申诉时限)."""
    ends = appeal_ends(paper.facts, rules)
    return ends is not None and at <= ends


def appeal_ends(facts: Mapping[str, Any], rules: Rules) -> datetime | None:
    """Return when the term ends in which a verdict may be appealed; None without a verdict."""
    if "verdict_at" not in facts:
        return None
    given = instant(facts["verdict_at"])
    when = due(Clock.start(rules.limit("appeal.term", given), given), rules)
    return when.at if when else None


def _is_reached(fact: str) -> Gate:
    def check(paper: Order, at: datetime, _rules: Rules) -> bool:
        return fact in paper.facts and at >= instant(paper.facts[fact])

    return check


GATES: Final[Mapping[str, Gate]] = MappingProxyType(
    {
        "within_appeal_term": _within_appeal_term,
        "verdict_given": lambda paper, _at, _rules: "verdict_at" in paper.facts,
        "somebody_above": lambda paper, _at, _rules: bool(paper.facts.get("upper")),
        "evidence_given": lambda paper, _at, _rules: int(paper.facts.get("evidence", 0)) > 0,
        "no_other_appeal": lambda paper, _at, _rules: not paper.facts.get("appealed_before"),
        "no_appeal_won": lambda paper, _at, _rules: not paper.facts.get("appeal_won"),
        "follow_up_reached": _is_reached("follow_up"),
    }
)
"""What must be true of a paper before a move."""


# Actions --------------------------------------------------------------------------------------


def _remember_proposer(made: Making) -> None:
    made.set_facts({"proposer": made.step.actor.actor_id})


def _tell_issue(made: Making) -> None:
    """The issue keeps of its papers what its gates need: that there is one, and that it is over."""
    if made.order.facts.get("issue"):
        made.data["issue"] = made.order.facts["issue"]


def number_of(made: Making, name: str) -> int:
    """Return an answer that is a plain number. Raises BadInput naming the field."""
    answer = str(made.values[name])
    if not answer.isdigit() or len(answer) > MOST_DIGITS:
        raise BadInput.of(name, "field.whole_number")
    return int(answer)


def keep(*names: str) -> Action:
    """Return an action that keeps these coded answers on the head."""

    def act(made: Making) -> None:
        made.set_facts({name: made.values[name] for name in names if name in made.values})

    return act


def by_whom(fact: str) -> Action:
    """Return an action that keeps who made the move, under this name."""

    def act(made: Making) -> None:
        made.set_facts({fact: made.step.actor.actor_id})

    return act


def close(made: Making) -> None:
    """The paper is over."""
    made.changes["closed_at"] = millis(made.at)


def end_of_day(at: datetime) -> datetime:
    """Return the last instant of the local day: what is due the same day is due then."""
    return datetime.combine(local_day(at) + timedelta(days=1), time(), CHINA) - timedelta(seconds=1)


COMMON: Final[Mapping[str, Action]] = MappingProxyType(
    {"remember_proposer": _remember_proposer, "tell_issue": _tell_issue, "close": close}
)
"""Actions that every kind has."""


BLOCKING: Final = frozenset({"appeal", "accountability"})
"""Kinds that hold up the clearing of their issue while they are open."""

ISSUE_TOLD: Final = "issue"
"""The kind of effect by which an issue learns of its paper."""


def effects(event: Event) -> tuple[Effect, ...]:
    """Return what a paper's event causes: alerts to duty desks, and what its issue is told."""
    made = tuple(effect for effect in causes(event) if effect.kind == "alert")
    issue = str(event.data.get("issue", ""))
    if not issue:
        return made
    return (*made, Effect(f"{event.seq}.{ISSUE_TOLD}.{issue}", ISSUE_TOLD, issue))
