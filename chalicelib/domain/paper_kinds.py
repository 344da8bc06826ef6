"""Two families of papers, from which their kinds are made: what is published, and what is checked.

快报、通报、典型案例 are written, looked at and published to the offices below (S1.14, S1.18); 质检,
内控审核 and 抽查 answer a checklist, and what they find is worked again (S0.30, S1.31).
"""

from types import MappingProxyType
from typing import Final

from . import paper
from .clocks import Clock
from .paper import close, end_of_day
from .procedure import Action, Form, Making, Move, Need, Procedure
from .refusal import BadInput, FieldError

DRAFTED, PUBLISHED, DROPPED = "drafted", "published", "dropped"
PICKED, REWORK, REWORKED, CLOSED = "picked", "rework", "reworked", "closed"
OK, NOT_OK, NOT_ASKED = "ok", "not_ok", "not_applicable"
ANSWERS: Final = (OK, NOT_OK, NOT_ASKED)
FINDINGS: Final = ("minor", "major")
PICKS: Final = (
    "sample",
    "reopened",
    "dissatisfied",
    "bounced",
    "overdue",
    "grave",
    "bypass",
    "by_person",
)
"""Why an order or a line was picked: by lot, by a rule, or by somebody."""
LONGEST_TITLE: Final = 120
LONGEST_BODY: Final = 4000


def same_day(made: Making) -> None:
    """What is told the same day is due when the local day ends."""
    made.clocks["publish"] = Clock.deadline(made.at, end_of_day(made.at))


def publishing(
    kind: str,
    *,
    intake: tuple[Need, ...],
    why: str,
    limit: str = "",
    only: tuple[str, ...] = ("not_the_proposer",),
) -> Procedure:
    """Return the procedure of a paper that is published. limit: to publish by; else the same day.

    only: whose the publishing is; a second pair of eyes, unless there is no time for one.
    """
    text = Need("body", Form.TEXT, longest=LONGEST_BODY)
    return Procedure(
        kind=kind,
        stages=(DRAFTED, PUBLISHED, DROPPED),
        first=DRAFTED,
        final=frozenset({PUBLISHED, DROPPED}),
        public=False,
        intake=(Need("title", Form.TEXT, longest=LONGEST_TITLE), *intake),
        opening=paper.opening(
            paper.AUDITORS | paper.SYSTEM, why, does=() if limit else ("same_day",)
        ),
        moves=paper.table(
            Move(
                "rewrite",
                paper.stay(DRAFTED),
                who=paper.AUDITORS,
                why="修改: a draft is written anew until it is published; every wording is kept",
                needs=(text,),
            ),
            Move(
                "publish",
                {DRAFTED: PUBLISHED},
                who=paper.AUDITORS,
                why=why,
                needs=(paper.NOTE,),
                does=("close", "published_by"),
                only=only,
            ),
            paper.drop(DRAFTED, who=paper.AUDITORS),
            final=(PUBLISHED, DROPPED),
        ),
        clocks=(paper.clock("publish", limit, {"opened"}, {"publish"}),) if limit else (),
        gates=paper.GATES,
        persons=paper.PERSONS,
        actions=MappingProxyType(
            {
                **paper.COMMON,
                **({} if limit else {"same_day": same_day}),
                "published_by": paper.by_whom("published_by"),
            }
        ),
    )


def checking(kind: str, *, items: tuple[str, ...], why: str, needs: tuple[Need, ...]) -> Procedure:
    """Return the procedure of a check with a checklist of its own, every item answered."""
    names = tuple(f"item_{item}" for item in items)
    checklist = tuple(Need(name, Form.CHOICE, choices=ANSWERS) for name in names)
    only = ("not_the_handler",)
    return Procedure(
        kind=kind,
        stages=(PICKED, REWORK, REWORKED, CLOSED, DROPPED),
        first=PICKED,
        final=frozenset({CLOSED, DROPPED}),
        public=False,
        intake=(*needs, Need("picked_by", Form.CHOICE, choices=PICKS), paper.NOTE),
        opening=paper.opening(paper.CHECKERS | paper.SYSTEM, why),
        moves=paper.table(
            Move(
                "check_passed",
                {PICKED: CLOSED},
                who=paper.CHECKERS,
                why="合格: every item of the checklist is in place",
                needs=(*checklist, paper.NOTE),
                does=("all_in_place", "keep_checklist", "close"),
                only=only,
            ),
            Move(
                "check_found",
                {PICKED: REWORK},
                who=paper.CHECKERS,
                why="不合格: what is not in place is named and goes back to be worked again",
                needs=(*checklist, Need("finding", Form.CHOICE, choices=FINDINGS), paper.REASON),
                does=("something_found", "keep_checklist", "tell_issue"),
                only=only,
            ),
            Move(
                "report_rework",
                {REWORK: REWORKED},
                who=paper.STAFF,
                why="整改反馈: the unit says what it put right",
                needs=paper.MEASURE,
                does=("reworked_by",),
                only=("of_own_unit",),
            ),
            Move(
                "accept_rework",
                {REWORKED: CLOSED},
                who=paper.CHECKERS,
                why="复核通过: somebody else than who reworked it finds it in place",
                needs=(paper.NOTE,),
                does=("close",),
                only=(*only, "not_who_reworked"),
            ),
            Move(
                "return_rework",
                {REWORKED: REWORK},
                who=paper.CHECKERS,
                why="复核不通过: it is still not in place; the deadline runs on",
                needs=(paper.REASON,),
                only=(*only, "not_who_reworked"),
            ),
            paper.drop(PICKED, who=paper.CHECKERS, only=only),
            paper.remark(PICKED, REWORK, REWORKED),
            final=(CLOSED, DROPPED),
        ),
        clocks=(
            paper.clock(
                "check", "quality_check.check", {"opened"}, {"check_passed", "check_found"}
            ),
            paper.clock(
                "rework",
                "quality_check.rework",
                {"check_found"},
                {"report_rework"},
                runs_on={"return_rework"},
            ),
        ),
        gates=paper.GATES,
        persons=paper.PERSONS,
        actions=MappingProxyType(
            {
                **paper.COMMON,
                "all_in_place": _all_in_place(names),
                "something_found": _something_found(names),
                "keep_checklist": _keep_checklist(names),
                "reworked_by": paper.by_whom("reworked_by"),
                "close": close,
            }
        ),
    )


def _all_in_place(names: tuple[str, ...]) -> Action:
    def act(made: Making) -> None:
        wrong = [
            FieldError(name, "checklist.not_ok") for name in names if made.values[name] == NOT_OK
        ]
        if wrong:
            raise BadInput(wrong)

    return act


def _something_found(names: tuple[str, ...]) -> Action:
    def act(made: Making) -> None:
        if all(made.values[name] != NOT_OK for name in names):
            raise BadInput.of(names[0], "checklist.nothing_found")
        made.set_facts({"finding": made.values["finding"]})

    return act


def _keep_checklist(names: tuple[str, ...]) -> Action:
    def act(made: Making) -> None:
        wrong = [name.removeprefix("item_") for name in names if made.values[name] == NOT_OK]
        made.set_facts(
            {"failed": wrong or None, "checked_by": made.step.actor.actor_id, "items": len(names)}
        )

    return act
