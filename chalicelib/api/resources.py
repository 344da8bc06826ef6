"""Crews, generator trucks and loans for the desk, and supply assurance (资源调配、保供电).

Measured like everything else by the office: a unit by whose it is and who has it, a loan by who
asks and who lends, a task by its office and county. What is foreign answers like what is not there.
"""

from http import HTTPStatus
from typing import Any, Final

from chalice.app import Response

from chalicelib.api import asking
from chalicelib.api.access import OnDesk, staff
from chalicelib.api.asking import Asked
from chalicelib.api.desk import naming
from chalicelib.api.outages import seen, sees
from chalicelib.api.routes import Routes, Security, answer, etag
from chalicelib.domain.assurance import Task
from chalicelib.domain.calendar import CHINA
from chalicelib.domain.refusal import BadInput, NotAllowed, Unknown
from chalicelib.domain.resources import LENDERS, SKILLS, Loan, Sort, Unit
from chalicelib.domain.staff import Capability
from chalicelib.store import outages as kept_outages
from chalicelib.store import resources as kept
from chalicelib.store.outages import Head
from chalicelib.store.resources import Kept
from chalicelib.usecases import assuring, commanding, queueing, resourcing
from chalicelib.usecases.resourcing import Fleet
from chalicelib.usecases.showing import stamp

routes = Routes(__name__, security=Security.STAFF)

MODELS: Final = "resource_models"
MOVE: Final = "outage_models:OutageMoveIn"
REFUSES: Final = ("unknown", "illegal-move", "gate-closed", "key-reused", "stale", "busy")
MAKES: Final = ("illegal-move", "key-reused", "stale", "busy")
LONGEST_ID: Final = 64
READ, UPDATE = Capability.RESOURCE_READ, Capability.RESOURCE_UPDATE


# Crews and trucks -------------------------------------------------------------------------------


@routes.get("/resources", gives=f"{MODELS}:UnitRows", capability=READ)
def list_resources(asked: Asked) -> Response:
    """Return the crews and trucks of the caller's offices, and those lent to or by them."""
    on = staff(asked, READ)
    own, heads = _fleet(on), _boards(on)
    busy = resourcing.at_work(heads)
    items = [
        _unit(asked, on, unit, own, busy=busy) for unit in own.units if _sees_unit(on, unit, READ)
    ]
    return answer({"items": items, "as_of": stamp(asked.at)})


def _fleet(on: OnDesk) -> Fleet:
    return resourcing.fleet(on.desk, queueing.counties_of(on))


def _boards(on: OnDesk) -> list[Head]:
    """Return every outage of their counties that is not over."""
    return [
        head for county in queueing.counties_of(on) for head in kept_outages.board(county).heads
    ]


def _sees_unit(on: OnDesk, unit: Unit, capability: Capability) -> bool:
    return on.reaches(capability, unit.office, unit.with_office)


def _unit(
    asked: Asked, on: OnDesk, unit: Unit, own: Fleet, *, busy: dict[str, str] | None = None
) -> dict[str, Any]:
    return resourcing.unit_row(
        on.desk,
        unit,
        own,
        busy=busy or {},
        may_move=on.staff.role in LENDERS and _sees_unit(on, unit, UPDATE),
        language=asked.language,
        at=asked.at,
    )


@routes.get("/resources/restoration", gives=f"{MODELS}:Restoration", capability=READ)
def read_restoration(asked: Asked) -> Response:
    """Return in which order the open outages should be restored, and which truck feeds whom."""
    on = staff(asked, READ)
    own, heads = _fleet(on), _boards(on)
    mine = {head.outage.outage_id for head in heads if sees(on, head, READ)}
    language, wants = asked.language, []
    for county in queueing.counties_of(on):
        here = [head for head in heads if head.outage.county == county]
        advised = resourcing.allocated(on.desk, county, here, own, at=asked.at)
        wants += resourcing.want_rows(
            on.desk, advised, own, only=mine, language=language, at=asked.at
        )
    body = {
        "priorities": [
            resourcing.priority_row(head, one, language=language)
            for head, one in resourcing.ranked(on.desk, heads, at=asked.at)
            if head.outage.outage_id in mine
        ],
        "wants": wants,
        "as_of": stamp(asked.at),
    }
    return answer(body)


@routes.get(
    "/outages/{outage}/advice",
    gives=f"{MODELS}:OutageAdvice",
    capability=READ,
    params=(asking.choice("skill", SKILLS),),
    refuses=("unknown", "busy"),
)
def read_advice(asked: Asked, outage: str) -> Response:
    """Return the nearest crews for an outage, its place among all, and who needs a truck."""
    on = staff(asked, READ)
    head = seen(on, outage, READ)
    county, language = head.outage.county, asked.language
    heads = list(kept_outages.board(county).heads)
    own = resourcing.fleet(on.desk, [county])
    ordered = resourcing.ranked(on.desk, heads, at=asked.at)
    mine = next((each for each in ordered if each[1].outage_id == head.outage.outage_id), None)
    crews = resourcing.nearest(on.desk, head, heads, own, skill=asked.query["skill"], at=asked.at)
    advised = resourcing.allocated(on.desk, county, heads, own, at=asked.at)
    body = {
        "priority": resourcing.priority_row(*mine, language=language) if mine else None,
        "of": len(ordered),
        "crews": [
            resourcing.crew_row(on.desk, one, own, language=language)
            for one in crews
            if _sees_unit(on, one.candidate.unit, READ)
        ],
        "wants": resourcing.want_rows(
            on.desk,
            advised,
            own,
            only={head.outage.outage_id},
            language=language,
            at=asked.at,
        ),
        "as_of": stamp(asked.at),
    }
    return answer(body)


@routes.post(
    "/resources/trucks",
    takes=f"{MODELS}:TruckIn",
    gives=f"{MODELS}:UnitRow",
    status=201,
    capability=UPDATE,
    example={"name": "200千瓦发电车1号", "kw": 200},
    refuses=MAKES,
)
def post_truck(asked: Asked) -> Response:
    """Register a generator truck."""
    on, sent = staff(asked, UPDATE), asked.body()
    if on.staff.role not in LENDERS:
        raise NotAllowed(capability=UPDATE.value)
    truck = sent.truck(on.staff.office_id)
    if not on.reaches(UPDATE, truck.office):
        raise BadInput.of("office", "office.unknown")
    made = resourcing.add_truck(on.desk, truck, on.command(asked, "added", _said(sent)))
    return _unit_answer(asked, on, made, status=HTTPStatus.CREATED)


@routes.post(
    "/resources/units/{unit}/moves/{move}",
    takes=MOVE,
    gives=f"{MODELS}:UnitRow",
    matched=True,
    capability=UPDATE,
    example={"note": "已到位"},
    refuses=REFUSES,
)
def move_unit(asked: Asked, unit: str, move: str) -> Response:
    """Send a truck to a customer, release it, describe a unit anew, or take it out of service."""
    on, sent = staff(asked, UPDATE), asked.body()
    found, _ = resourcing.find_unit(on.desk, unit[:LONGEST_ID])
    if not _sees_unit(on, found, READ):
        raise Unknown(what="unit")
    holders = {found.with_office} if move in {"send", "release"} else {found.office}
    if not on.reaches(UPDATE, *holders):
        raise NotAllowed(capability=UPDATE.value)
    command = on.command(asked, move, sent.answers, occurred_at=sent.occurred_at)
    with naming(on.desk):
        made = resourcing.move_unit(
            on.desk, found.unit_id, command, sees=lambda head: sees(on, head, READ)
        )
    return _unit_answer(asked, on, made)


def _unit_answer(asked: Asked, on: OnDesk, made: Kept, *, status: int = HTTPStatus.OK) -> Response:
    own = Fleet((), {made.key: made})
    body = _unit(asked, on, Unit.from_json(made.value), own)
    return answer(body, status=status, headers=etag(made.version))


# Loans ------------------------------------------------------------------------------------------


@routes.get(
    "/resources/loans",
    gives=f"{MODELS}:LoanRows",
    capability=READ,
    params=(asking.choice("state", ("open", "over"), default="open"),),
)
def list_loans(asked: Asked) -> Response:
    """Return the loans that the caller's offices ask for, decide on or make; over: this month's."""
    on = staff(asked, READ)
    month = _month(asked) if asked.query["state"] == "over" else ""
    found = kept.listed("loan", queueing.counties_of(on), month=month)
    mine = [(loan, each) for each in found for loan in [Loan.from_json(each.value)]]
    mine = sorted(
        ((loan, each) for loan, each in mine if _sees_loan(on, loan)),
        key=lambda pair: (pair[0].stage.value != "asked", pair[0].start, pair[0].loan_id),
    )
    items = [
        resourcing.loan_row(on.desk, each, on.staff, language=asked.language, at=asked.at)
        for _, each in mine
    ]
    return answer({"items": items, "as_of": stamp(asked.at)})


def _month(asked: Asked) -> str:
    return f"{asked.at.astimezone(CHINA):%Y-%m}"


def _sees_loan(on: OnDesk, loan: Loan) -> bool:
    offices = [loan.office, *([loan.lender] if loan.lender else [])]
    return on.reaches(READ, *offices)


def _loan(on: OnDesk, loan_id: str) -> Kept:
    """Return a loan that is theirs to see. Raises Unknown."""
    found = kept.get("loan", loan_id[:LONGEST_ID])
    if not _sees_loan(on, Loan.from_json(found.value)):
        raise Unknown(what="loan")
    return found


@routes.post(
    "/resources/loans",
    takes=f"{MODELS}:LoanIn",
    gives=f"{MODELS}:LoanPage",
    status=201,
    capability=UPDATE,
    example={
        "sort": "truck",
        "kw": 100,
        "start": "2026-12-01T00:00:00Z",
        "until": "2026-12-02T00:00:00Z",
        "reason": "storm",
    },
    refuses=MAKES,
)
def post_loan(asked: Asked) -> Response:
    """Ask the office above for a crew or a truck of another office."""
    on, sent = staff(asked, UPDATE), asked.body()
    wanted = sent.asking(on.staff.office_id)
    if not on.reaches(UPDATE, wanted.office):
        raise BadInput.of("office", "office.unknown")
    command = on.command(asked, "asked", _said(sent))
    made = resourcing.ask_for(on.desk, wanted, command, sees=lambda head: sees(on, head, READ))
    return _loan_answer(asked, on, made, status=HTTPStatus.CREATED)


@routes.get(
    "/resources/loans/{loan}",
    gives=f"{MODELS}:LoanPage",
    capability=READ,
    refuses=("unknown", "busy"),
)
def read_loan(asked: Asked, loan: str) -> Response:
    """Return a loan with its history and, for who decides, what may be lent."""
    on = staff(asked, READ)
    return _loan_answer(asked, on, _loan(on, loan))


@routes.post(
    "/resources/loans/{loan}/moves/{move}",
    takes=MOVE,
    gives=f"{MODELS}:LoanPage",
    matched=True,
    capability=UPDATE,
    example={"refusal": "needed_here"},
    refuses=REFUSES,
)
def move_loan(asked: Asked, loan: str, move: str) -> Response:
    """Approve, refuse, hand over, take back or withdraw: who may is a rule of both offices."""
    on, sent = staff(asked, UPDATE), asked.body()
    found = _loan(on, loan)
    command = on.command(asked, move, sent.answers, occurred_at=sent.occurred_at)
    with naming(on.desk):
        made = resourcing.move_loan(
            on.desk,
            found.key,
            command,
            on.staff,
            reaches=lambda office: on.reaches(UPDATE, office),
        )
    return _loan_answer(asked, on, made)


def _loan_answer(asked: Asked, on: OnDesk, made: Kept, *, status: int = HTTPStatus.OK) -> Response:
    row = resourcing.loan_row(on.desk, made, on.staff, language=asked.language, at=asked.at)
    decides = any(move["name"] == "approve" for move in row["moves"])
    items = []
    if decides:
        own = _fleet(on)
        busy = resourcing.at_work(_boards(on))
        items = [
            _unit(asked, on, unit, own)
            for unit in resourcing.eligible(on.desk, Loan.from_json(made.value), own)
            if on.reaches(UPDATE, unit.office)
            and not (unit.sort is Sort.CREW and unit.unit_id in busy)
        ]
    body = {**row, "history": commanding.history(on.desk, made), "eligible": items}
    return answer(body, status=status, headers=etag(made.version))


# Supply assurance -------------------------------------------------------------------------------


@routes.get(
    "/assurance",
    gives=f"{MODELS}:TaskRows",
    capability=READ,
    params=(asking.choice("state", ("open", "over"), default="open"),),
)
def list_tasks(asked: Asked) -> Response:
    """Return the tasks of supply assurance that are not over; over: those of this month."""
    on = staff(asked, READ)
    month = _month(asked) if asked.query["state"] == "over" else ""
    found = assuring.listed(queueing.counties_of(on), month=month)
    items = [
        assuring.row(on.desk, each, at=asked.at) for each in found if _sees_task(on, each, READ)
    ]
    return answer({"items": items, "as_of": stamp(asked.at)})


def _sees_task(on: OnDesk, each: Kept, capability: Capability) -> bool:
    task = Task.from_json(each.value)
    return on.reaches(capability, task.office, task.county)


@routes.post(
    "/assurance",
    takes=f"{MODELS}:TaskIn",
    gives=f"{MODELS}:TaskPage",
    status=201,
    capability=Capability.ASSURANCE_UPDATE,
    example={
        "title": "高考保供电",
        "level": "first",
        "start": "2027-06-07T00:00:00Z",
        "finish": "2027-06-08T10:00:00Z",
        "devices": ["F-TQ-QH-01-SW2"],
    },
    refuses=MAKES,
)
def post_task(asked: Asked) -> Response:
    """Prepare a task of supply assurance."""
    on, sent = staff(asked, Capability.ASSURANCE_UPDATE), asked.body()
    made = assuring.prepare(
        on.desk,
        sent.task(),
        on.command(asked, "prepared", _said(sent)),
        may=lambda office: on.reaches(Capability.ASSURANCE_UPDATE, office),
    )
    return _task_answer(asked, on, made, status=HTTPStatus.CREATED)


@routes.get(
    "/assurance/{task}",
    gives=f"{MODELS}:TaskPage",
    capability=READ,
    refuses=("unknown", "busy"),
)
def read_task(asked: Asked, task: str) -> Response:
    """Return a task with its posts, checks, log, and the outages that lie in its way."""
    on = staff(asked, READ)
    return _task_answer(asked, on, _task(on, task))


def _task(on: OnDesk, task_id: str) -> Kept:
    """Return a task that is theirs to see. Raises Unknown."""
    found = kept.get("assurance", task_id[:LONGEST_ID])
    if not _sees_task(on, found, READ):
        raise Unknown(what="assurance")
    return found


@routes.post(
    "/assurance/{task}/moves/{move}",
    takes=MOVE,
    gives=f"{MODELS}:TaskPage",
    matched=True,
    capability=Capability.ASSURANCE_UPDATE,
    example={"note": "特巡完毕，无异常"},
    refuses=REFUSES,
)
def move_task(asked: Asked, task: str, move: str) -> Response:
    """Man a post, check, log, begin, end, change or call off a task."""
    on, sent = staff(asked, Capability.ASSURANCE_UPDATE), asked.body()
    found = _task(on, task)
    if not _sees_task(on, found, Capability.ASSURANCE_UPDATE):
        raise NotAllowed(capability=Capability.ASSURANCE_UPDATE.value)
    command = on.command(asked, move, sent.answers, occurred_at=sent.occurred_at)
    with naming(on.desk):
        made = assuring.move(on.desk, found.key, command)
    return _task_answer(asked, on, made)


def _task_answer(asked: Asked, on: OnDesk, made: Kept, *, status: int = HTTPStatus.OK) -> Response:
    body = assuring.page(
        on.desk,
        made,
        on.staff.role.value,
        may_move=_sees_task(on, made, Capability.ASSURANCE_UPDATE),
        language=asked.language,
        at=asked.at,
    )
    return answer(body, status=status, headers=etag(made.version))


# Commands ---------------------------------------------------------------------------------------


def _said(sent: Any) -> dict[str, Any]:
    said: dict[str, Any] = sent.model_dump(mode="json")
    return said
