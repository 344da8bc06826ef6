"""申诉: a unit or a person says that a verdict is wrong (S0.32).

The form names a basis and an aim and has three signatures of the applicant's own chain; evidence is
hall video, on-site video or another record. It is decided one level up, never by who signed it, and
only within its term after the verdict. What was submitted is counted beside what was upheld, since
a pass rate alone can be played (domain: §8.11).
"""

from types import MappingProxyType
from typing import Final

from chalicelib.domain import paper
from chalicelib.domain.clocks import millis
from chalicelib.domain.procedure import Form, Making, Move, Need, Procedure
from chalicelib.domain.refusal import BadInput
from chalicelib.domain.staff import Role

DRAFTED, ONCE, TWICE, SUBMITTED = "drafted", "signed_once", "signed_twice", "submitted"
WON, PARTLY, LOST, WITHDRAWN = "appeal_won", "appeal_partly_won", "appeal_lost", "withdrawn"
PENDING: Final = (DRAFTED, ONCE, TWICE, SUBMITTED)
DECIDED: Final = frozenset({WON, PARTLY, LOST})

APPLICANTS: Final = ("unit", "person")
BASES: Final = (
    "facts_differ",
    "rules_followed",
    "third_party",
    "force_majeure",
    "customer_side",
    "wrong_category",
    "promise_kept",
    "other",
)
"""On what an appeal rests; the form asks for a basis and leaves the list open. [design]"""
AIMS: Final = ("not_upheld", "not_liable", "lower_grade", "lift_accountability")
"""不属实、非供电责任 (S0.32); and what follows from a verdict: its grade, the accountability."""
EVIDENCE: Final = ("hall_video", "site_video", "recording", "photo", "document")

_SIGNS: Final = paper.OVERSEERS | {Role.DISPATCHER, Role.AREA_MANAGER}
_UNIT: Final = ("of_own_unit",)


def _sign(made: Making) -> None:
    signers = [*made.order.facts.get("signers", ()), made.step.actor.actor_id]
    made.set_facts({"signers": signers})


def _submitted(made: Making) -> None:
    made.set_facts({"submitted_at": millis(made.at)})


def _unsign(made: Making) -> None:
    made.set_facts({"signers": None})


def _attach(made: Making) -> None:
    """Files of ours, or the number under which the video archive keeps a film."""
    files = made.values.get("files", [])
    if not files and "reference" not in made.values:
        raise BadInput.of("files", "evidence.none")
    count = int(made.order.facts.get("evidence", 0)) + max(1, len(files))
    kinds = {*made.order.facts.get("evidence_kinds", ()), made.values["evidence_kind"]}
    made.set_facts({"evidence": count, "evidence_kinds": sorted(kinds)})


def _decision(name: str, to: str, why: str) -> Move:
    return Move(
        name,
        {SUBMITTED: to},
        who=paper.OVERSEERS,
        why=why,
        needs=(Need("note", Form.TEXT, longest=1000),),
        gates=("evidence_given",),
        does=("decided_by", "close"),
        only=("of_upper_office", "not_a_signer", "not_the_subject"),
    )


FINAL: Final = frozenset({*DECIDED, WITHDRAWN})

PROCEDURE: Final = Procedure(
    kind="appeal",
    stages=(*PENDING, WON, PARTLY, LOST, WITHDRAWN),
    first=DRAFTED,
    final=FINAL,
    public=False,
    intake=(
        paper.ISSUE,
        Need("applicant", Form.CHOICE, choices=APPLICANTS),
        Need("basis", Form.CHOICE, choices=BASES),
        Need("aim", Form.CHOICE, choices=AIMS),
        Need("against", Form.CODE, required=False),
        Need("note", Form.TEXT, longest=2000),
    ),
    opening=paper.opening(
        paper.STAFF,
        "申诉: for complaints that are 不属实 or 非供电责任, by the unit or a person (S0.32)",
        gates=("verdict_given", "within_appeal_term", "somebody_above", "no_other_appeal"),
    ),
    moves=paper.table(
        Move(
            "attach_evidence",
            paper.stay(*PENDING),
            who=paper.STAFF,
            why="佐证材料: hall video, on-site video or another record, each with its kind (S0.32)",
            needs=(
                Need("evidence_kind", Form.CHOICE, choices=EVIDENCE),
                Need("files", Form.FILES, required=False),
                Need("reference", Form.CODE, required=False),
                paper.NOTE,
            ),
            does=("attach",),
            only=_UNIT,
        ),
        Move(
            "sign_first",
            {DRAFTED: ONCE},
            who=paper.STAFF,
            why="一级签字: the applicant answers for what the form says (three signatures: F-14)",
            needs=(paper.NOTE,),
            gates=("evidence_given",),
            does=("sign",),
            only=(*_UNIT, "the_proposer"),
        ),
        Move(
            "sign_second",
            {ONCE: TWICE},
            who=_SIGNS,
            why="二级签字: another of the applicant's own chain has read it",
            needs=(paper.NOTE,),
            does=("sign",),
            only=(*_UNIT, "not_signed_yet"),
        ),
        Move(
            "sign_third",
            {TWICE: SUBMITTED},
            who=paper.OVERSEERS,
            why="三级签字: the unit's head submits it, within the term after the verdict",
            needs=(paper.NOTE,),
            gates=("within_appeal_term", "evidence_given"),
            does=("sign", "submitted"),
            only=(*_UNIT, "not_signed_yet"),
        ),
        Move(
            "return_paper",
            paper.from_(ONCE, TWICE, to=DRAFTED),
            who=_SIGNS,
            why="退回: who will not sign sends it back; all signatures fall",
            needs=(paper.REASON,),
            does=("unsign",),
            only=_UNIT,
        ),
        _decision("uphold_appeal", WON, "申诉成立: the complaint no longer counts (S0.35)"),
        _decision("uphold_partly", PARTLY, "部分成立: upheld in part, and says in which"),
        _decision("reject_appeal", LOST, "申诉不成立: the verdict stands"),
        Move(
            "withdraw_appeal",
            paper.from_(*PENDING, to=WITHDRAWN),
            who=paper.STAFF,
            why="The unit takes its appeal back before it is decided",
            needs=(paper.REASON,),
            does=("close",),
            only=_UNIT,
        ),
        paper.remark(*PENDING),
        final=FINAL,
    ),
    clocks=(
        paper.clock(
            "decide",
            "appeal.decide",
            {"sign_third"},
            {"uphold_appeal", "uphold_partly", "reject_appeal"},
        ),
        paper.clock("sign", "appeal.sign", {"opened"}, {"sign_third"}),
    ),
    gates=paper.GATES,
    persons=paper.PERSONS,
    actions=MappingProxyType(
        {
            **paper.COMMON,
            "sign": _sign,
            "unsign": _unsign,
            "attach": _attach,
            "submitted": _submitted,
            "decided_by": paper.by_whom("decided_by"),
        }
    ),
)
