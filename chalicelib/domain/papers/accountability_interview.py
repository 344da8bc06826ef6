"""约谈: who answers for too many complaints says it out (说清楚), and the target is followed up.

The condition is two-way (S1.15): complaints of the month, complaints per million customers, or
both; see `risks`. Who interviews whom goes by level (S1.17); four statements are mandatory (S1.16).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from chalicelib.domain import paper
from chalicelib.domain.clocks import Clock, instant
from chalicelib.domain.order import Actor, Order
from chalicelib.domain.procedure import Form, Making, Move, Need, Procedure
from chalicelib.domain.refusal import BadInput
from chalicelib.domain.staff import OfficeLevel, Role

CALLED, NOTIFIED, HELD = "called", "notified", "held"
CLOSED, DROPPED = "closed", "dropped"
REASONS: Final = (
    "monthly_condition",
    "grave_complaint",
    "bypass",
    "warning_unanswered",
    "target_missed",
)
STATEMENTS: Final = ("problems", "control_done", "prevention_target", "prevention_measures")
"""What is said: problems; control and accountability done; target; measures (S1.16)."""


@dataclass(frozen=True, slots=True)
class Level:
    """Who interviews the offices of one level. by: roles of the office above; whom: who answers."""

    interviewer: OfficeLevel
    by: tuple[Role, ...]
    whom: tuple[Role, ...]
    source: str


_GM: Final = (
    "[found] seed 001: the province's general manager and a deputy interviewed cities (S1.17)"
)
_LOWER: Final = "[design] the same, one level lower"
INTERVIEWS: Final[Mapping[str, Level]] = MappingProxyType(
    {
        OfficeLevel.CITY: Level(
            OfficeLevel.PROVINCE,
            (Role.LEADER, Role.PROVINCE_MONITOR, Role.DEPARTMENT),
            (Role.LEADER, Role.CITY_HOST),
            _GM,
        ),
        OfficeLevel.COUNTY: Level(
            OfficeLevel.CITY,
            (Role.LEADER, Role.SUPERVISOR, Role.CITY_HOST),
            (Role.LEADER, Role.SUPERVISOR),
            _LOWER,
        ),
        OfficeLevel.STATION: Level(
            OfficeLevel.COUNTY,
            (Role.LEADER, Role.SUPERVISOR),
            (Role.AREA_MANAGER, Role.CREW),
            _LOWER,
        ),
    }
)


def _is_interviewer(order: Order, actor: Actor) -> bool:
    level = INTERVIEWS.get(str(order.facts.get("level", "")))
    return level is not None and actor.role in level.by


def _agree(made: Making) -> None:
    """The agreed target and the day on which it is looked at: later than the interview."""
    until = instant(made.values["follow_up"])
    if until <= made.at:
        raise BadInput.of("follow_up", "due.in_past")
    made.set_facts(
        {
            "target": paper.number_of(made, "target"),
            "follow_up": made.values["follow_up"],
            "interviewee": made.values["interviewee"],
            "held_by": made.step.actor.actor_id,
        }
    )
    made.clocks["follow_up"] = Clock.deadline(made.at, until)


def _met(made: Making) -> None:
    actual = paper.number_of(made, "actual")
    if actual > int(made.order.facts["target"]):
        raise BadInput.of("actual", "target.missed")
    made.set_facts({"actual": actual})


def _missed(made: Making) -> None:
    """The target was missed: they are called again, and that is counted."""
    actual = paper.number_of(made, "actual")
    if actual <= int(made.order.facts["target"]):
        raise BadInput.of("actual", "target.met")
    rounds = int(made.order.facts.get("rounds", 1)) + 1
    made.set_facts({"actual": actual, "rounds": rounds, "reason": "target_missed"})
    made.clocks["follow_up"] = made.order.clocks["follow_up"].stop(made.at)


_ONLY: Final = ("of_upper_office", "an_interviewer")

FINAL: Final = frozenset({CLOSED, DROPPED})

PROCEDURE: Final = Procedure(
    kind="accountability_interview",
    stages=(CALLED, NOTIFIED, HELD, CLOSED, DROPPED),
    first=CALLED,
    final=FINAL,
    public=False,
    intake=(
        Need("reason", Form.CHOICE, choices=REASONS),
        Need("month", Form.CODE, required=False),
        Need("issue", Form.CODE, required=False),
        paper.NOTE,
    ),
    opening=paper.opening(
        paper.OVERSEERS | paper.SYSTEM,
        "约谈: by the two-way condition of the month, or by who watches over the office (S1.15)",
        gates=("somebody_above",),
        only=("of_upper_office",),
    ),
    moves=paper.table(
        Move(
            "notify_interview",
            {CALLED: NOTIFIED},
            who=paper.OVERSEERS,
            why="约谈通知: the office learns when, and what it has to say (S1.16)",
            needs=(Need("meets_at", Form.INSTANT), paper.NOTE),
            does=("keep_meeting",),
            only=("of_upper_office",),
        ),
        Move(
            "hold_interview",
            {NOTIFIED: HELD},
            who=paper.OVERSEERS,
            why="说清楚: problems, control and accountability done, target, measures (S1.16); who "
            "interviews whom goes by level (S1.17)",
            needs=(
                *(Need(name, Form.TEXT, longest=2000) for name in STATEMENTS),
                Need("interviewee", Form.STAFF),
                Need("target", Form.CODE),
                Need("follow_up", Form.INSTANT),
            ),
            does=("agree",),
            only=_ONLY,
        ),
        Move(
            "target_met",
            {HELD: CLOSED},
            who=paper.OVERSEERS,
            why="跟踪达标: on the agreed day the target is looked at, not before (S1.16)",
            needs=(Need("actual", Form.CODE), paper.NOTE),
            gates=("follow_up_reached",),
            does=("met", "close"),
            only=("of_upper_office",),
        ),
        Move(
            "target_missed",
            {HELD: CALLED},
            who=paper.OVERSEERS,
            why="跟踪未达标: who missed the agreed target is called again",
            needs=(Need("actual", Form.CODE), paper.REASON),
            gates=("follow_up_reached",),
            does=("missed",),
            only=("of_upper_office",),
        ),
        paper.drop(CALLED, NOTIFIED, who=paper.OVERSEERS, only=("of_upper_office",)),
        paper.remark(CALLED, NOTIFIED, HELD),
        final=FINAL,
    ),
    clocks=(
        paper.clock(
            "notify", "interview.notify", {"opened", "target_missed"}, {"notify_interview"}
        ),
        paper.clock("hold", "interview.hold", {"notify_interview"}, {"hold_interview"}),
    ),
    gates=paper.GATES,
    persons=MappingProxyType({**paper.PERSONS, "an_interviewer": _is_interviewer}),
    actions=MappingProxyType(
        {
            **paper.COMMON,
            "keep_meeting": paper.keep("meets_at"),
            "agree": _agree,
            "met": _met,
            "missed": _missed,
        }
    ),
)
