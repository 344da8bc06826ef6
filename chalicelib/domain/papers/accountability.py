"""问责: one entry of the accountability ledger, tied to its issue and reversed when an appeal wins.

Staff cause goes to a person, management cause to the leading group and its department (S1.26). The
behaviour is one of a coded table (S1.20); the confirming level sets the economic penalty (S1.25),
the joint assessment of departments (S1.27) and the assessment both ways (S1.14). Violations add up
for unit and person (累积, S0.25): from the number that the limit names, one is a level graver.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from chalicelib.domain import paper
from chalicelib.domain.procedure import Form, Making, Move, Need, Procedure
from chalicelib.domain.refusal import BadInput, FieldError

PROPOSED, CONFIRMED = "proposed", "confirmed"
CLOSED, REVERSED, DROPPED = "closed", "reversed", "dropped"
COUNTED: Final = frozenset({PROPOSED, CONFIRMED, CLOSED})
"""Stages in which an entry counts against unit and person."""

SEVERITIES: Final = ("light", "serious", "grave")
STAFF_CAUSE, MANAGEMENT_CAUSE = "staff_cause", "management_cause"
CAUSES: Final = (STAFF_CAUSE, MANAGEMENT_CAUSE)
PERSON, GROUP = "person", "leading_group"
SUBJECTS: Final = (PERSON, GROUP)
DEPARTMENTS: Final = ("marketing", "equipment", "planning", "construction")
"""联责考核: 营销、设备、计划、基建 (S1.27)."""
JOINT: Final = tuple(f"joint_{department}" for department in DEPARTMENTS)
MEASURES: Final = ("criticism", "admonition", "deduction", "transfer", "discipline")
FOUR: Final = ("cause_found", "responsible_dealt_with", "corrected", "staff_educated")
"""四不放过: none of the four may be open when an entry is closed (S0.19)."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One accountable behaviour (应问责的典型行为): how grave, and whose cause it may be."""

    code: str
    severity: str
    causes: tuple[str, ...]
    source: str


_LIST: Final = "[design] seed 001 names the list 《客户投诉应问责的典型行为》 and gives no entry"
_NANNING: Final = "[found] seed 001: extra penalty in Nanning's rule of 1 August (S1.27)"
_HIDDEN: Final = "[exam] not recording a tendency to go over our heads is a serious error"
BEHAVIOURS: Final[Mapping[str, Behaviour]] = MappingProxyType(
    {
        each.code: each
        for each in (
            Behaviour("rude_service", "serious", (STAFF_CAUSE,), _LIST),
            Behaviour("passing_on", "serious", CAUSES, _LIST),
            Behaviour("late_arrival", "light", CAUSES, _LIST),
            Behaviour("late_restoration", "light", CAUSES, _LIST),
            Behaviour("outage_not_told", "serious", CAUSES, _LIST),
            Behaviour("outage_told_wrongly", "light", CAUSES, _LIST),
            Behaviour("missed_contact", "light", (STAFF_CAUSE,), _LIST),
            Behaviour("missed_visit", "light", (STAFF_CAUSE,), _LIST),
            Behaviour("false_reply", "grave", CAUSES, _LIST),
            Behaviour("reading_or_billing_error", "light", CAUSES, _LIST),
            Behaviour("late_connection", "serious", CAUSES, _LIST),
            Behaviour("named_contractor", "grave", CAUSES, _LIST),
            Behaviour("voltage_left", "serious", (MANAGEMENT_CAUSE,), _LIST),
            Behaviour("frequent_outage_left", "serious", (MANAGEMENT_CAUSE,), _LIST),
            Behaviour("tendency_hidden", "grave", CAUSES, _HIDDEN),
            Behaviour("valid_12398", "serious", CAUSES, _NANNING),
            Behaviour("bypass_12398", "grave", CAUSES, _NANNING),
        )
    }
)
OF_12398: Final = frozenset({"valid_12398", "bypass_12398"})
"""发生一起、问责一起: never without a penalty (S1.25), nor without joint assessment (S1.27)."""


def _attribute(made: Making) -> None:
    """Attribution to nobody is none: a person for staff cause, a department for management."""
    said, behaviour = made.values, BEHAVIOURS[made.values["behaviour"]]
    wanted = PERSON if said["attribution"] == STAFF_CAUSE else GROUP
    errors = []
    if said["attribution"] not in behaviour.causes:
        errors.append(FieldError("attribution", "attribution.not_of_behaviour"))
    if said["subject"] != wanted:
        errors.append(FieldError("subject", "attribution.mismatch"))
    if wanted == PERSON and "person" not in said:
        errors.append(FieldError("person", "attribution.nobody"))
    if wanted == GROUP and "department" not in said:
        errors.append(FieldError("department", "attribution.nobody"))
    if errors:
        raise BadInput(errors)


def _accumulate(made: Making) -> None:
    """累积: the violation that the limit names, and every later one, is a level graver (S0.25)."""
    facts = made.order.facts
    place = SEVERITIES.index(BEHAVIOURS[made.values["behaviour"]].severity)
    times = max(int(facts.get("repeat_person", 0)), int(facts.get("repeat_unit", 0)))
    raised = times >= made.rules.number("accountability.repeat_raises", made.at)
    severity = SEVERITIES[min(place + raised, len(SEVERITIES) - 1)]
    made.set_facts({"severity": severity, "raised": True if raised else None})


def _penalise(made: Making) -> None:
    penalty = paper.number_of(made, "penalty")
    facts = made.order.facts
    if facts["behaviour"] in OF_12398:
        if penalty == 0:
            raise BadInput.of("penalty", "penalty.none")
        if not any(made.values[name] for name in JOINT):
            raise BadInput.of(JOINT[0], "joint.none")
    made.set_facts(
        {
            "penalty": penalty,
            "joint": [each for each in DEPARTMENTS if made.values[f"joint_{each}"]],
            **{name: made.values[name] for name in ("measure", "assess_unit", "assess_upper")},
        }
    )


def _let_nothing_go(made: Making) -> None:
    """四不放过: an entry closes when each of the four is answered with yes."""
    open_ = [FieldError(name, "four.open") for name in FOUR if made.values[name] is not True]
    if open_:
        raise BadInput(open_)
    made.set_facts({"four": True})


FINAL: Final = frozenset({CLOSED, REVERSED, DROPPED})

PROCEDURE: Final = Procedure(
    kind="accountability",
    stages=(PROPOSED, CONFIRMED, CLOSED, REVERSED, DROPPED),
    first=PROPOSED,
    final=FINAL,
    public=False,
    intake=(
        paper.ISSUE,
        Need("behaviour", Form.CHOICE, choices=tuple(BEHAVIOURS)),
        Need("attribution", Form.CHOICE, choices=CAUSES),
        Need("subject", Form.CHOICE, choices=SUBJECTS),
        Need("person", Form.STAFF, required=False),
        Need("department", Form.CHOICE, required=False, choices=DEPARTMENTS),
        Need("note", Form.TEXT, longest=2000),
    ),
    opening=paper.opening(
        paper.AUDITORS,
        "问责: 发生一起、问责一起; staff cause to a person, management cause to the group (S1.25)",
        gates=("somebody_above", "no_appeal_won"),
        does=("attribute", "accumulate"),
    ),
    moves=paper.table(
        Move(
            "confirm_accountability",
            {PROPOSED: CONFIRMED},
            who=paper.AUDITORS,
            why="认定: one level up sets the penalty (S1.25), joint (S1.27) and two-way assessment "
            "(S1.14)",
            needs=(
                Need("measure", Form.CHOICE, choices=MEASURES),
                Need("penalty", Form.CODE),
                *(Need(name, Form.FLAG) for name in JOINT),
                Need("assess_unit", Form.FLAG),
                Need("assess_upper", Form.FLAG),
                paper.NOTE,
            ),
            does=("penalise",),
            only=("of_upper_office", "not_the_proposer", "not_the_subject"),
        ),
        Move(
            "carry_out",
            {CONFIRMED: CLOSED},
            who=paper.AUDITORS,
            why="执行到位: cause found, responsible dealt with, corrected, staff educated (S0.19)",
            needs=(*(Need(name, Form.FLAG) for name in FOUR), paper.REASON),
            does=("let_nothing_go", "close"),
            only=("not_the_subject",),
        ),
        Move(
            "reverse",
            paper.from_(PROPOSED, CONFIRMED, CLOSED, to=REVERSED),
            who=paper.SYSTEM,
            why="撤销: an appeal that wins takes back what the verdict had caused (S0.32)",
            needs=(Need("appeal", Form.CODE),),
            does=("reversed_by", "close"),
        ),
        paper.drop(PROPOSED, who=paper.AUDITORS, only=("of_upper_office", "not_the_subject")),
        paper.remark(PROPOSED, CONFIRMED),
        final=FINAL,
    ),
    clocks=(
        paper.clock("confirm", "accountability.confirm", {"opened"}, {"confirm_accountability"}),
        paper.clock(
            "carry_out", "accountability.carry_out", {"confirm_accountability"}, {"carry_out"}
        ),
    ),
    gates=paper.GATES,
    persons=paper.PERSONS,
    actions=MappingProxyType(
        {
            **paper.COMMON,
            "attribute": _attribute,
            "accumulate": _accumulate,
            "penalise": _penalise,
            "let_nothing_go": _let_nothing_go,
            "reversed_by": paper.keep("appeal"),
        }
    ),
)
