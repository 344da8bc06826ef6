"""The moves that procedures share: the main line of an order and the side moves beside it.

A procedure picks from here and adds what is its own. Stages and moves carry the names of the trade;
their words in both languages stand in domain/words.py. Every edge says why it exists.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from .clocks import QUIET_LADDER
from .order import GRADES
from .procedure import RAISED, ClockRule, Divert, Form, Move, Need, Procedure
from .staff import Outsider, Role

# Stages ---------------------------------------------------------------------------------------
ACCEPTED: Final = "accepted"
DISPATCHED: Final = "dispatched"
RECEIVED: Final = "received"
ON_SITE: Final = "on_site"
IN_PROGRESS: Final = "in_progress"
REPLIED: Final = "replied"
RETURN_VISIT: Final = "return_visit"
FINAL_RULING: Final = "final_ruling"
MERGED: Final = "merged"
ARCHIVED: Final = "archived"
WITHDRAWN: Final = "withdrawn"
TERMINATED: Final = "terminated"

FINAL: Final = frozenset({ARCHIVED, WITHDRAWN, TERMINATED})


def stages_of(*own: str) -> tuple[str, ...]:
    """Return the stages of a kind: every order begins and ends alike, between them are its own."""
    return (ACCEPTED, DISPATCHED, *own, ARCHIVED, WITHDRAWN, TERMINATED)


# Who ------------------------------------------------------------------------------------------
DESK: Final = frozenset({Role.DISPATCHER, Role.SUPERVISOR, Role.CITY_HOST})
FRONT: Final = DESK | {Role.AGENT}
HANDS: Final = frozenset({Role.CREW, Role.AREA_MANAGER, Role.GRID_STAFF, Role.LIAISON})
HANDLERS: Final = HANDS | {Role.DEPARTMENT, Role.DISPATCHER, Role.CITY_HOST}
OVERSEERS: Final = frozenset(
    {
        Role.SUPERVISOR,
        Role.CITY_HOST,
        Role.PROVINCE_MONITOR,
        Role.DEPARTMENT,
        Role.LEADER,
    }
)
VISITORS: Final = frozenset({Role.RETURN_VISITOR, Role.AGENT, Role.DISPATCHER, Role.SUPERVISOR})
CITIZEN: Final = frozenset({Outsider.CITIZEN})
CHANNEL: Final = frozenset({Outsider.CHANNEL})
SYSTEM: Final = frozenset({Outsider.SYSTEM})

# What is asked --------------------------------------------------------------------------------
NOTE: Final = Need("note", Form.TEXT, required=False)
OFFICE: Final = Need("office", Form.OFFICE)
STAFF: Final = Need("staff", Form.STAFF, required=False)
PHOTOS: Final = Need("files", Form.FILES, required=False)
REJECTIONS: Final = ("wrong_unit", "wrong_kind", "duplicate", "incomplete", "not_ours")
SUSPENSIONS: Final = ("customer_absent", "customer_papers", "customer_works", "customer_asks")
DELAYS: Final = ("weather", "traffic", "several_faults", "no_access", "safety", "material")
GRAVER: Final = (
    "regulator",
    "government",
    "media",
    "group_complaint",
    "may_bypass",
    "repeated",
    "injury",
    "wide_impact",
    "of_issue",
)
TERMINATIONS: Final = ("duplicate", "false_report", "beyond_rules", "in_court", "customer_refuses")


def _from(stages: Iterable[str], to: str) -> Mapping[str, str]:
    return dict.fromkeys(stages, to)


def _stay(stages: Iterable[str]) -> Mapping[str, str]:
    return {stage: stage for stage in stages}


def line(*, works: tuple[str, ...], who: frozenset[Role] = HANDLERS) -> tuple[Move, ...]:
    """Dispatch, receive, reject, reassign, ruling: how an order finds who works it.

    works: the stages in which it is being worked, first the one after 接单.
    """
    held = (DISPATCHED, *works)
    return (
        Move(
            "dispatch",
            {ACCEPTED: DISPATCHED},
            who=FRONT | SYSTEM,
            why="派单: the desk names the unit that answers for the order",
            needs=(OFFICE, STAFF, NOTE),
            does=("assign",),
            tells=("dispatched",),
            public=True,
        ),
        Move(
            "dispatch_grid",
            {ACCEPTED: DISPATCHED},
            who=FRONT | SYSTEM,
            why="网格直派 (S0.8): a low-voltage order goes straight to the grid cell's staff",
            needs=(OFFICE, Need("staff", Form.STAFF), NOTE),
            gates=("low_voltage",),
            does=("assign",),
            tells=("dispatched",),
            public=True,
        ),
        Move(
            "receive",
            {DISPATCHED: works[0]},
            who=who,
            why="接单: somebody answers for it by name",
            does=("take",),
            public=True,
        ),
        Move(
            "reject",
            _from(held, ACCEPTED),
            who=who,
            why="退单: back to the desk with a reason; the customer's clocks run on and the bounce "
            "counts, so that units cannot play ping-pong",
            needs=(Need("reason", Form.CHOICE, choices=REJECTIONS), Need("note", Form.TEXT)),
            gates=("not_ruled",),
            does=("bounce",),
            divert=Divert("bounces", "bounce.final_ruling", FINAL_RULING),
        ),
        Move(
            "rule",
            {FINAL_RULING: DISPATCHED},
            who=frozenset({Role.SUPERVISOR, Role.LEADER, Role.CITY_HOST}),
            why="After the last bounce a supervisor names the unit, which cannot reject it again "
            "[design]",
            needs=(OFFICE, STAFF, Need("note", Form.TEXT)),
            does=("assign", "rule"),
            tells=("dispatched",),
            public=True,
        ),
        Move(
            "reassign",
            _from(held, DISPATCHED),
            who=DESK,
            why="改派: the desk moves it to another unit or person",
            needs=(OFFICE, STAFF, Need("note", Form.TEXT, required=False)),
            does=("assign",),
        ),
    )


def side(*, works: tuple[str, ...], visits: bool, reopens_at: str = REPLIED) -> tuple[Move, ...]:
    """The side moves that every procedure has. reopens_at: where a premature archive goes back."""
    closed = (ARCHIVED,)
    held = (DISPATCHED, *works)
    open_ = (ACCEPTED, *held, REPLIED, FINAL_RULING, *((RETURN_VISIT,) if visits else ()))
    after = (REPLIED, *((RETURN_VISIT,) if visits else ()), *closed)
    return (
        Move(
            "suspend",
            _stay(works),
            who=HANDLERS | {Role.AGENT},
            why="挂起: only while the customer is the actor, with reason and limit",
            needs=(
                Need("reason", Form.CHOICE, choices=SUSPENSIONS),
                Need("until", Form.INSTANT),
                Need("note", Form.TEXT),
            ),
            does=("suspend",),
            public=True,
        ),
        Move(
            "resume",
            _stay(works),
            who=HANDLERS | {Role.AGENT},
            why="The customer has acted, or the hold is over: the clocks run on",
            needs=(NOTE,),
            gates=("is_suspended",),
            does=("resume",),
            public=True,
            while_suspended=True,
        ),
        Move(
            "expedite",
            _stay(open_),
            who=FRONT | CITIZEN | CHANNEL | {Role.RETURN_VISITOR},
            why="催办: an event, not a state; limited, because daily urging clogs the queue",
            needs=(NOTE,),
            gates=("expedites_left",),
            does=("expedite",),
            public=True,
            while_suspended=True,
        ),
        Move(
            "supplement",
            _stay((*open_, MERGED)),
            who=CITIZEN | CHANNEL | FRONT,
            why="The customer adds words or photos; no clock moves",
            needs=(Need("note", Form.TEXT, longest=1000), PHOTOS),
            public=True,
            while_suspended=True,
        ),
        Move(
            "note",
            _stay((*open_, MERGED, *closed)),
            who=frozenset(Role) - {Role.ADMIN, Role.AUDITOR},
            why="An internal note; no clock moves",
            needs=(Need("note", Form.TEXT, longest=1000), PHOTOS),
            while_suspended=True,
        ),
        Move(
            "supervise",
            _stay(open_),
            who=OVERSEERS | {Role.DISPATCHER},
            why="督办 (S0.31): a record of its own with owner, due and reply; the order stays "
            "where it is",
            needs=(
                Need("owner", Form.STAFF, required=False),
                Need("due", Form.INSTANT, required=False),
                Need("note", Form.TEXT),
            ),
            does=("supervise",),
            while_suspended=True,
        ),
        Move(
            "answer_supervision",
            _stay((*open_, *closed)),
            who=HANDLERS | OVERSEERS,
            why="The owner of a 督办 replies to it",
            needs=(Need("supervision", Form.CODE), Need("note", Form.TEXT, longest=1000)),
            gates=("supervision_open",),
            does=("answer_supervision",),
            while_suspended=True,
        ),
        Move(
            "escalate",
            _stay(open_),
            who=OVERSEERS | {Role.DISPATCHER},
            why="提级 (S1.30): a higher level takes the order over, to keep it from 12398",
            needs=(OFFICE, Need("note", Form.TEXT)),
            does=("escalate",),
            while_suspended=True,
        ),
        Move(
            "reopen",
            _from(after, ACCEPTED),
            who=CITIZEN | CHANNEL | VISITORS | OVERSEERS,
            why="重办: the citizen says it is not solved, or an audit finds that it is not (S1.31)",
            needs=(Need("note", Form.TEXT, longest=1000), PHOTOS),
            gates=("within_reopen_window",),
            does=("reopen",),
            tells=("reopened",),
            public=True,
        ),
        Move(
            "withdraw",
            _from((ACCEPTED, DISPATCHED, works[0]), WITHDRAWN),
            who=CITIZEN | FRONT,
            why="The reporter takes the report back before anybody is on site",
            needs=(NOTE,),
            gates=("no_children",),
            does=("close",),
            public=True,
            while_suspended=True,
        ),
        Move(
            "terminate",
            _from(open_, TERMINATED),
            who=frozenset({Role.SUPERVISOR, Role.LEADER, Role.CITY_HOST}),
            why="服务终止: claims above the rules after proper handling, or a report that is none",
            needs=(Need("reason", Form.CHOICE, choices=TERMINATIONS), Need("note", Form.TEXT)),
            gates=("no_children", "supervisions_answered", "no_investigation"),
            does=("close",),
            public=True,
            while_suspended=True,
        ),
        Move(
            "correct_kind",
            _from((ACCEPTED, *held), ACCEPTED),
            who=FRONT,
            why="更正 of a wrong kind: the right kind's clocks run from when it was reported",
            needs=(
                Need("kind", Form.CODE),
                Need("sub_type", Form.CODE, required=False),
                Need("note", Form.TEXT),
            ),
            gates=("no_children",),
            does=("correct_kind",),
            tells=("corrected",),
            public=True,
        ),
        Move(
            "correct_phone",
            _stay((*open_, MERGED, *closed)),
            who=FRONT | {Role.RETURN_VISITOR},
            why="更正 of a wrong telephone number: texts had gone to somebody else",
            needs=(Need("phone", Form.TEXT, longest=40), NOTE),
            tells=("corrected",),
            while_suspended=True,
        ),
        Move(
            "correct_place",
            _stay((ACCEPTED, *held)),
            who=FRONT | HANDS,
            why="更正 of a wrong transformer: wrong links send notices to the wrong households",
            needs=(
                Need("place", Form.CODE),
                Need("terrain", Form.CHOICE, required=False, choices=("urban", "rural", "remote")),
                NOTE,
            ),
            does=("correct_place",),
            tells=("corrected",),
            while_suspended=True,
        ),
        Move(
            "join_issue",
            _stay((*open_, MERGED, *closed)),
            who=SYSTEM,
            why="关联台账: somebody linked it to an issue, which hears of it from now on",
            needs=(Need("issue", Form.CODE),),
            does=("join_issue",),
            while_suspended=True,
        ),
        Move(
            "leave_issue",
            _stay((*open_, MERGED, *closed)),
            who=SYSTEM,
            why="解除关联: its issue hears of it no more",
            gates=("has_issue",),
            does=("leave_issue",),
            while_suspended=True,
        ),
        Move(
            "block_archive",
            _stay((*open_, MERGED, *closed)),
            who=SYSTEM,
            why="现场调查 of its issue has begun: it is not filed before that concludes (S1.4)",
            needs=(Need("issue", Form.CODE),),
            does=("block_archive",),
            while_suspended=True,
        ),
        Move(
            "unblock_archive",
            _stay((*open_, MERGED, *closed)),
            who=SYSTEM,
            why="The investigation has concluded, or the order has left the issue",
            needs=(Need("issue", Form.CODE),),
            gates=("investigated",),
            does=("unblock_archive",),
            while_suspended=True,
        ),
        Move(
            "correct_archive",
            _from(closed, reopens_at),
            who=frozenset({Role.SUPERVISOR, Role.CITY_HOST, Role.DISPATCHER}),
            why="更正 of a premature archive: the order goes back to where its reply is reviewed",
            needs=(Need("note", Form.TEXT),),
            gates=("within_reopen_window",),
            does=("correct_archive",),
            tells=("corrected",),
            public=True,
        ),
    )


def grading(*, works: tuple[str, ...]) -> tuple[Move, ...]:
    """A complaint becomes graver (升级), and the correction of a grade that was a mistake.

    One clock moves, the company's own: a graver one is handled a level higher and faster, from the
    same start (`procedure.GRADE_INTERNAL`); promise and law are the same for every grade. Who is
    told at once (`procedure.GRADE_TOLD`) and how long the evidence is kept change too.
    """
    open_ = (ACCEPTED, DISPATCHED, *works, REPLIED, FINAL_RULING, RETURN_VISIT)
    return (
        Move(
            RAISED,
            _stay(open_),
            who=FRONT | OVERSEERS | SYSTEM,
            why="升级: a complaint becomes graver, for a reason among the criteria of its grade or "
            "as its issue did; it stays where it is, its internal clock is tightened (S1.30)",
            needs=(
                Need("grade", Form.CHOICE, choices=GRADES[1:]),
                Need("reason", Form.CHOICE, choices=GRAVER),
                Need("note", Form.TEXT),
            ),
            gates=("grade_can_rise",),
            does=("raise_grade",),
            while_suspended=True,
        ),
        Move(
            "correct_grade",
            _stay(open_),
            who=frozenset({Role.SUPERVISOR, Role.LEADER, Role.CITY_HOST}),
            why="更正 of a grade that was set too high: a grade never falls because a matter calms "
            "down, only because it was wrong; no text had told the customer of it",
            needs=(Need("grade", Form.CHOICE, choices=GRADES[:-1]), Need("note", Form.TEXT)),
            gates=("grade_can_fall",),
            does=("lower_grade",),
            while_suspended=True,
        ),
    )


def merging(*, works: tuple[str, ...]) -> tuple[Move, ...]:
    """Merge and unmerge: one fault, several callers; every caller is kept and told."""
    held = (ACCEPTED, DISPATCHED, *works)
    return (
        Move(
            "merge",
            _from(held, MERGED),
            who=DESK | SYSTEM | {Role.NETWORK_CONTROLLER},
            why="合并: only orders of the same fault; the child closes after power is back and the "
            "caller is told",
            needs=(Need("parent", Form.ORDER), NOTE),
            gates=("no_children", "not_a_child"),
            does=("merge",),
            tells=("merged",),
            public=True,
        ),
        Move(
            "unmerge",
            {MERGED: ACCEPTED},
            who=DESK | SYSTEM | {Role.NETWORK_CONTROLLER},
            why="The merger was a mistake, or the outage was none: the order goes back to the "
            "stage it came from, and its clocks run on as if they had never stood",
            needs=(Need("note", Form.TEXT),),
            does=("unmerge",),
            public=True,
        ),
        Move(
            "absorb",
            _stay((*held, REPLIED)),
            who=DESK | SYSTEM | {Role.NETWORK_CONTROLLER},
            why="The parent's side of a merger",
            needs=(Need("child", Form.ORDER),),
            gates=("not_a_child",),
            does=("absorb",),
            while_suspended=True,
        ),
        Move(
            "release",
            _stay((*held, REPLIED, RETURN_VISIT)),
            who=DESK | SYSTEM | {Role.NETWORK_CONTROLLER},
            why="The parent's side of undoing a merger",
            needs=(Need("child", Form.ORDER),),
            does=("release",),
            while_suspended=True,
        ),
        Move(
            "close_with_parent",
            {MERGED: ARCHIVED},
            who=SYSTEM,
            why="The parent was archived: power is back and each caller is told",
            does=("close",),
            tells=("done",),
            public=True,
        ),
    )


def visiting() -> tuple[Move, ...]:
    """The return visit (回访): three attempts, unreached is a result, dissatisfied reopens."""
    return (
        Move(
            "visit_satisfied",
            {RETURN_VISIT: RETURN_VISIT},
            who=VISITORS,
            why="回访: reached and satisfied",
            needs=(NOTE,),
            gates=("not_anonymous",),
            does=("satisfied",),
            public=True,
        ),
        Move(
            "visit_unreached",
            {RETURN_VISIT: RETURN_VISIT},
            who=VISITORS,
            why="回访: an attempt that reached nobody counts; after the last it may be filed",
            needs=(NOTE,),
            gates=("not_anonymous", "visits_left"),
            does=("unreached",),
        ),
        Move(
            "visit_dissatisfied",
            {RETURN_VISIT: ACCEPTED},
            who=VISITORS,
            why="回访不满意 reopens the order (S1.4b)",
            needs=(Need("note", Form.TEXT, longest=1000),),
            gates=("not_anonymous",),
            does=("dissatisfied",),
            tells=("reopened",),
            public=True,
        ),
        rating(),
        Move(
            "archive",
            {RETURN_VISIT: ARCHIVED},
            who=VISITORS | {Role.CITY_HOST},
            why="归档 files the order once the visit is concluded; it clears no issue (销号)",
            needs=(NOTE,),
            gates=("visit_concluded", "supervisions_answered", "no_investigation"),
            does=("close", "follow"),
            public=True,
        ),
        Move(
            "archive_anonymous",
            {RETURN_VISIT: ARCHIVED},
            who=VISITORS | {Role.CITY_HOST, Role.DISCIPLINE},
            why="An anonymous reporter cannot be visited; the order is filed and says so",
            needs=(NOTE,),
            gates=("anonymous", "supervisions_answered", "no_investigation"),
            does=("close",),
            public=True,
        ),
    )


def rating() -> Move:
    """The citizen's own word on the work."""
    return Move(
        "rate",
        _stay((REPLIED, RETURN_VISIT, ARCHIVED)),
        who=CITIZEN,
        why="The citizen rates the work, once",
        needs=(Need("score", Form.SCORE), Need("note", Form.TEXT, required=False, longest=1000)),
        gates=("unrated",),
        does=("rate",),
        public=True,
    )


def reviewing(*, works: str, to: str, tells: tuple[str, ...] = ("done",)) -> tuple[Move, ...]:
    """The review of a reply (回单审核): approve it, or send it back to be worked again."""
    return (
        Move(
            "approve_reply",
            {REPLIED: to},
            who=FRONT | {Role.DISCIPLINE},
            why="回单审核: the desk checks that the measure fits the request (S1.31)",
            needs=(NOTE,),
            gates=("no_investigation",) if to == ARCHIVED else (),
            does=("close",) if to == ARCHIVED else (),
            tells=tells,
            public=True,
        ),
        Move(
            "return_reply",
            {REPLIED: works},
            who=FRONT | {Role.DISCIPLINE},
            why="回单退回: the reply does not answer the request",
            needs=(Need("note", Form.TEXT),),
        ),
    )


def contact(*, works: tuple[str, ...], who: frozenset[Role] = HANDLERS) -> Move:
    """Somebody spoke with the customer: the contact clock stops."""
    return Move(
        "contact",
        _from(works, IN_PROGRESS),
        who=who | {Role.AGENT},
        why="联系客户: within the contact limit the customer hears from a person",
        needs=(
            Need("by", Form.CHOICE, choices=("phone", "visit", "message")),
            Need("note", Form.TEXT),
        ),
        gates=("not_anonymous",),
        public=True,
    )


def reply(
    *, works: tuple[str, ...], needs: tuple[Need, ...], who: frozenset[Role] = HANDLERS
) -> Move:
    """The unit's answer (回单)."""
    return Move(
        "reply",
        _from(works, REPLIED),
        who=who,
        why="回单: the unit says what it found and what it did",
        needs=(*needs, Need("note", Form.TEXT, longest=1000), PHOTOS),
        does=("outcome",),
        public=True,
    )


def table(stages: Iterable[str], *groups: Iterable[Move] | Move) -> Mapping[str, Move]:
    """Return moves by name, each trimmed to the stages that the procedure has.

    Raises ValueError when two moves have one name, or one has no edge left.
    """
    known = frozenset(stages)
    named: dict[str, Move] = {}
    for move in (m for group in groups for m in ((group,) if isinstance(group, Move) else group)):
        edges = {a: b for a, b in move.edges.items() if a in known and b in known}
        if not edges or move.name in named:
            message = f"{move.name} has no edge here, or stands twice"
            raise ValueError(message)
        named[move.name] = replace(move, edges=edges)
    return MappingProxyType(named)


# Clocks that procedures share -----------------------------------------------------------------
BEGINS: Final = frozenset({"opened", "reopen", "visit_dissatisfied"})
DISPATCHES: Final = frozenset({"dispatch", "dispatch_grid", "rule"})
REPLIES: Final = frozenset({"reply"})
VISITED: Final = frozenset(
    {"visit_satisfied", "visit_dissatisfied", "archive", "archive_anonymous", "rate"}
)
REWORK: Final = frozenset({"return_reply", "correct_archive"})
ALWAYS: Final[Mapping[str, tuple[Any, ...]]] = MappingProxyType({})
IF_NAMED: Final[Mapping[str, tuple[Any, ...]]] = MappingProxyType({"anonymous": (None, False)})
"""Whoever gave no name can be neither telephoned nor visited."""


def dispatch_clock(kind: str, *, also: frozenset[str] = frozenset()) -> ClockRule:
    """From intake to 派单, to which a rejected order comes back. also: moves that stop it too."""
    return ClockRule(
        "dispatch",
        f"{kind}.dispatch",
        starts=BEGINS,
        stops=DISPATCHES | also,
        runs_on=frozenset({"reject"}),
        pausable=False,
    )


def contact_clock(kind: str, *, promise: bool = False) -> ClockRule:
    """From intake until somebody has spoken with the customer."""
    return ClockRule(
        "contact",
        f"{kind}.contact",
        starts=BEGINS,
        stops=frozenset({"contact"}),
        promise=promise,
        when=IF_NAMED,
    )


def promise_clock(
    limit: str,
    *,
    stops: frozenset[str] = REPLIES,
    when: Mapping[str, tuple[Any, ...]] = ALWAYS,
) -> ClockRule:
    """From intake to the answer that was promised; an answer sent back is none."""
    return ClockRule(
        "promise", limit, starts=BEGINS, stops=stops, runs_on=REWORK, promise=True, when=when
    )


def visit_clock(kind: str, *, when: Mapping[str, tuple[Any, ...]] = ALWAYS) -> ClockRule:
    """From the answer to the return visit (回访), which the county alone keeps."""
    return ClockRule(
        "return_visit",
        f"{kind}.return_visit",
        starts=REPLIES,
        stops=VISITED | REWORK,
        pausable=False,
        ladder=QUIET_LADDER,
        when=when,
    )


def answered(kind: str) -> Procedure:
    """Return the procedure of a request that wants a considered answer and a visit (意见、建议)."""
    works = (RECEIVED, IN_PROGRESS)
    stages = stages_of(*works, REPLIED, RETURN_VISIT, FINAL_RULING)
    return Procedure(
        kind=kind,
        stages=stages,
        first=ACCEPTED,
        final=FINAL,
        ledger=("12398", "12345"),
        intake=(Need("description", Form.TEXT, longest=2000),),
        moves=table(
            stages,
            line(works=works),
            contact(works=works),
            reply(works=works, needs=()),
            reviewing(works=IN_PROGRESS, to=RETURN_VISIT),
            visiting(),
            side(works=works, visits=True),
        ),
        clocks=(
            dispatch_clock(kind),
            promise_clock(f"{kind}.reply"),
            visit_clock(kind),
        ),
    )
