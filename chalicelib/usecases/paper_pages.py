"""What of papers (文书) is shown: a row of a list, one paper with its moves, the tables as data."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from chalicelib.domain import words as wording
from chalicelib.domain.calendar import local_day
from chalicelib.domain.clocks import Clock, due, instant, level
from chalicelib.domain.limits import UnknownLimit
from chalicelib.domain.order import Event, was_late
from chalicelib.domain.papers import PAPERS
from chalicelib.domain.papers.accountability import (
    BEHAVIOURS,
    DEPARTMENTS,
    FOUR,
    MEASURES,
    SEVERITIES,
)
from chalicelib.domain.papers.accountability_interview import INTERVIEWS, STATEMENTS
from chalicelib.domain.papers.appeal import AIMS, BASES, EVIDENCE, LOST, PARTLY, WON
from chalicelib.domain.procedure import Need, Procedure, moves_open_to
from chalicelib.domain.risks import WARNINGS, Figure
from chalicelib.domain.staff import Staff
from chalicelib.outbound.objects import Files
from chalicelib.store import ledger, papers, personal
from chalicelib.store.papers import Head, Line
from chalicelib.usecases import reading, showing, telling
from chalicelib.usecases.desk import Desk, actor_of
from chalicelib.usecases.papers import reversed_by
from chalicelib.usecases.showing import office_name, staff_name, stamp

HIDDEN: Final = frozenset(
    {"upper", "level", "proposer", "confidential", "appealed_before", "signers"}
)
"""Facts that a page shows elsewhere, or that only the tables need."""
DIGITS: Final = 4


# Lists ------------------------------------------------------------------------------------------


def row(desk: Desk, line: Line, *, language: str, at: datetime) -> dict[str, Any]:
    """Return one paper as a list shows it, from its line alone."""
    kept = line.row
    kind, stage = str(kept["kind"]), str(kept["stage"])
    facts: Mapping[str, Any] = kept["facts"]
    clocks = {name: Clock.from_json(raw) for name, raw in kept["clocks"].items()}
    return {
        "paper_id": line.paper_id,
        "kind": kind,
        "kind_label": wording.say(f"kind.{kind}", language),
        "stage": stage,
        "stage_label": wording.say(f"stage.{stage}", language),
        "open": stage not in PAPERS[kind].final,
        "title": str(kept.get("title") or _title(kind, facts, language)),
        "office": kept["office"],
        "office_name": office_name(desk, str(kept["office"])),
        "upper": kept["upper"],
        "upper_name": office_name(desk, str(kept["upper"])),
        "issue": str(facts.get("issue", "")),
        "order": str(facts.get("order", "")),
        "opened_at": stamp(instant(kept["opened_at"])),
        "closed_at": None if kept["closed_at"] is None else stamp(instant(kept["closed_at"])),
        "next_due": _next_due(desk, str(kept["office"]), clocks, language=language, at=at),
        "facts": _facts(desk, kind, facts, language),
    }


def _title(kind: str, facts: Mapping[str, Any], language: str) -> str:
    """Return what a paper is about in words: its kind, and the code that says most of it."""
    said = [wording.say(f"kind.{kind}", language)]
    for name in ("rule", "behaviour", "reason", "aim", "picked_by"):
        key = f"choice.{name}.{facts.get(name)}"
        if name in facts and wording.has(key):
            said.append(wording.say(key, language))
            break
    if facts.get("place"):
        said.append(str(facts["place"]))
    return " · ".join(said)


def _next_due(
    desk: Desk, office: str, clocks: Mapping[str, Clock], *, language: str, at: datetime
) -> dict[str, Any] | None:
    if office not in desk.snapshot.offices:
        return None
    rules = desk.rules(office)
    found = [
        (when.at, name, clock)
        for name, clock in clocks.items()
        if (when := due(clock, rules)) is not None
    ]
    if not found:
        return None
    when_at, name, clock = min(found, key=lambda entry: entry[:2])
    return {
        "clock": name,
        "label": wording.say(f"clock.{name.partition(':')[0]}", language),
        "whose": "company",
        "at": stamp(when_at),
        "level": level(clock, at, rules).value,
    }


def _facts(desk: Desk, kind: str, facts: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    """Return the facts in the order in which they are asked for, then what was worked out."""
    needs = _needs(PAPERS[kind])
    order = {name: place for place, name in enumerate(needs)}
    return [
        {
            "name": name,
            "label": wording.say(f"need.{name}", language) if wording.has(f"need.{name}") else name,
            "value": value,
            "value_label": _value(desk, needs.get(name), name, value, language),
        }
        for name, value in sorted(
            facts.items(), key=lambda fact: (order.get(fact[0], len(order)), fact[0])
        )
        if name not in HIDDEN
    ]


def _needs(procedure: Procedure) -> Mapping[str, Need]:
    all_ = (*procedure.intake, *(need for m in procedure.moves.values() for need in m.needs))
    return {need.name: need for need in all_}


def _value(desk: Desk, need: Need | None, name: str, value: Any, language: str) -> str:
    """Return a fact in words: a choice by its label, a person by name, an instant as a stamp."""
    form = need.form.value if need else ""
    if isinstance(value, bool):
        return wording.say("word.yes" if value else "word.no", language)
    if form == "instant" or name.endswith("_at"):
        return stamp(instant(value))
    if form == "staff" or name.endswith("_by") or name == "handler":
        label = wording.say(f"choice.{name}.{value}", language) if _said(name, value) else ""
        return label or staff_name(desk, str(value)) or str(value)
    if isinstance(value, list):
        return "、".join(_value(desk, need, name, each, language) for each in value)
    if name == "failed" and wording.has(f"need.item_{value}"):
        return wording.say(f"need.item_{value}", language)
    return wording.say(f"choice.{name}.{value}", language) if _said(name, value) else str(value)


def _said(name: str, value: Any) -> bool:
    return wording.has(f"choice.{name}.{value}")


# One paper --------------------------------------------------------------------------------------


def page(
    desk: Desk,
    head: Head,
    viewer: Staff,
    *,
    may_work: bool,
    reads: Callable[[Line], bool],
    files: Files,
    language: str,
    at: datetime,
) -> dict[str, Any]:
    """Return a paper as one of the staff sees it. reads: which others are theirs. Raises Busy."""
    paper, chain = head.paper, head.paper.order_id
    events = list(ledger.read(chain))
    said = personal.words(chain)
    signers = paper.facts.get("signers", ())
    return {
        **row(desk, papers.line_of(head), language=language, at=at),
        "version": paper.version,
        "level": str(paper.facts.get("level", "")),
        "proposer": str(paper.facts.get("proposer", "")),
        "proposer_name": staff_name(desk, str(paper.facts.get("proposer", ""))),
        "signers": [{"id": each, "name": staff_name(desk, each)} for each in signers],
        "facts": _facts(desk, paper.kind, paper.facts, language),
        "words": _words(paper.kind, said[1].words if 1 in said else {}, language),
        "clocks": showing.clock_rows(desk.papers, paper, at=at),
        "timeline": [_step(desk, paper.kind, event, said, language) for event in events],
        "moves": moves(desk, head, viewer, language=language, at=at) if may_work else [],
        "files": reading.file_rows(chain, files=files, at=at),
        "linked": [
            row(desk, line, language=language, at=at)
            for line in papers.of_issue(str(paper.facts.get("issue", "")))
            if line.paper_id != head.paper_id and reads(line)
        ],
        "effect": _effect(head),
    }


def _effect(head: Head) -> dict[str, Any] | None:
    """Return what an appeal does to the figures if it wins, and did if it has (S0.32, S0.35).

    complaint, liable: by how much the office's counts change. entries: how many of them fall.
    """
    paper = head.paper
    if paper.kind != "appeal":
        return None
    aim = str(paper.facts.get("aim", ""))
    if paper.stage == WON:
        lines = papers.of_issue(str(paper.facts.get("issue", "")))
        entries = [
            each.paper_id
            for each in papers.get_many(
                line.paper_id for line in lines if line.row["stage"] == "reversed"
            )
            if each.paper.facts.get("appeal") == head.paper_id
        ]
    else:
        entries = [each.paper_id for each in reversed_by(head)]
    return {
        "happened": paper.stage == WON,
        "void": paper.stage in {LOST, PARTLY, "withdrawn"},
        "complaint": -1 if aim == "not_upheld" else 0,
        "liable": -1 if aim in {"not_upheld", "not_liable"} else 0,
        "entries": len(entries),
    }


def _words(kind: str, said: Mapping[str, str], language: str) -> list[dict[str, str]]:
    order = {name: place for place, name in enumerate(_needs(PAPERS[kind]))}
    return [
        {"name": name, "label": wording.say(f"need.{name}", language), "text": text}
        for name, text in sorted(said.items(), key=lambda word: order.get(word[0], len(order)))
    ]


def _step(
    desk: Desk, kind: str, event: Event, said: Mapping[int, personal.Words], language: str
) -> dict[str, Any]:
    spoken = said.get(event.seq)
    return {
        "seq": event.seq,
        "name": event.name,
        "label": wording.say(f"move.{event.name}", language)
        if event.seq > 1
        else wording.say("paper.opened", language),
        "occurred_at": stamp(event.occurred_at),
        "recorded_at": stamp(event.recorded_at),
        "late": was_late(event),
        "actor": event.actor.actor_id,
        "actor_name": staff_name(desk, event.actor.actor_id),
        "role": event.actor.role,
        "office_name": office_name(desk, event.actor.office_id),
        "stage": str(event.changes.get("stage", "")),
        "facts": dict(event.data),
        "words": _words(kind, spoken.words, language) if spoken else [],
    }


def moves(
    desk: Desk, head: Head, viewer: Staff, *, language: str, at: datetime
) -> list[dict[str, Any]]:
    """Return what somebody may do to a paper now; the first that brings it on is the main one."""
    paper = head.paper
    found = moves_open_to(
        paper,
        viewer.role.value,
        procedure=PAPERS[paper.kind],
        at=at,
        rules=desk.rules(paper.office),
        actor=actor_of(viewer),
    )
    main = next(
        (
            move.name
            for move, gates in found
            if not gates
            and move.edges[paper.stage] != paper.stage
            and move.name not in {"drop_paper", "withdraw_appeal", "return_paper"}
        ),
        "",
    )
    return [
        {
            "name": move.name,
            "label": wording.say(f"move.{move.name}", language),
            "needs": [showing.need_row(need) for need in move.needs],
            "gates_open": gates,
            "primary": move.name == main,
        }
        for move, gates in found
    ]


# The tables -------------------------------------------------------------------------------------


def meta(desk: Desk, *, language: str, at: datetime) -> dict[str, Any]:
    """Return every table of papers as data, with sources: procedures, behaviours, rules, levels."""

    def labelled(name: str, codes: Sequence[str]) -> list[dict[str, str]]:
        return [
            {"code": code, "label": wording.say(f"choice.{name}.{code}", language)}
            for code in codes
        ]

    return {
        "items": [
            {**each, "label": wording.say(f"kind.{each['kind']}", language), **_opening(each)}
            for each in telling.procedures(desk.papers)
        ],
        "appeal": {
            "bases": labelled("basis", BASES),
            "aims": labelled("aim", AIMS),
            "evidence": labelled("evidence_kind", EVIDENCE),
            "limits": _limits(desk, ("appeal.term", "appeal.sign", "appeal.decide"), at),
        },
        "behaviours": [
            {
                "code": each.code,
                "label": wording.say(f"choice.behaviour.{each.code}", language),
                "severity": each.severity,
                "causes": list(each.causes),
                "source": each.source,
            }
            for each in BEHAVIOURS.values()
        ],
        "accountability": {
            "severities": list(SEVERITIES),
            "departments": labelled("department", DEPARTMENTS),
            "measures": labelled("measure", MEASURES),
            "four": [
                {"code": code, "label": wording.say(f"need.{code}", language)} for code in FOUR
            ],
            "limits": _limits(
                desk, ("accountability.repeat_window", "accountability.repeat_raises"), at
            ),
        },
        "interview": {
            "statements": [
                {"code": code, "label": wording.say(f"need.{code}", language)}
                for code in STATEMENTS
            ],
            "levels": [
                {
                    "level": name,
                    "interviewer": each.interviewer.value,
                    "by": [role.value for role in each.by],
                    "whom": [role.value for role in each.whom],
                    "source": each.source,
                }
                for name, each in INTERVIEWS.items()
            ],
            "limits": _limits(
                desk, ("interview.complaints", "interview.per_million", "interview.conditions"), at
            ),
        },
        "warnings": [
            {
                "rule": each.name,
                "label": wording.say(f"choice.rule.{each.name}", language),
                "limits": _limits(desk, each.limits, at),
                "source": each.source,
            }
            for each in WARNINGS
        ],
        "samples": _limits(
            desk, ("quality_check.share", "quality_check.least", "spot_check.share"), at
        ),
    }


def _opening(each: Mapping[str, Any]) -> dict[str, Any]:
    opening = PAPERS[str(each["kind"])].opening
    if opening is None:
        return {"opens": []}
    return {"opens": sorted(map(str, opening.who)), "why": opening.why}


def _limits(desk: Desk, ids: Sequence[str], at: datetime) -> list[dict[str, Any]]:
    rows = []
    for limit_id in ids:
        try:
            limit = desk.book.find(limit_id, on=local_day(at))
        except UnknownLimit:
            continue
        rows.append(
            {
                "id": limit.id,
                "amount": str(limit.amount),
                "unit": limit.unit.value,
                "source": limit.source,
            }
        )
    return rows


def figure_row(figure: Figure, *, language: str) -> dict[str, Any]:
    """Return a figure with what it was made of; no denominator, no value."""
    value = figure.value
    return {
        "name": figure.name,
        "label": wording.say(f"figure.{figure.name}", language),
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "value": None if value is None else round(float(Fraction(value)), DIGITS),
        "beside": [
            {"name": name, "label": wording.say(f"figure.{name}", language), "value": count}
            for name, count in figure.beside.items()
        ],
    }
