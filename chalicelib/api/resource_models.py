"""What is sent and answered about crews, trucks, loans and supply assurance, as in `models.py`."""

from typing import Annotated, Final, Literal

from pydantic import Field

from chalicelib.api.models import Code, In, Instant, MoveRow, Out, Stamp, _line
from chalicelib.api.outage_models import Devices
from chalicelib.domain import assurance, resources
from chalicelib.usecases.assuring import LONGEST_TITLE, LONGEST_WHERE, NewTask
from chalicelib.usecases.commanding import LONGEST_NOTE
from chalicelib.usecases.resourcing import LONGEST_NAME, Asking, NewTruck

Sorts = Literal["crew", "truck"]
Skill = Annotated[Literal[resources.SKILLS], Field(examples=["cable"])]  # type: ignore[valid-type] # those of domain/resources
LoanReason = Annotated[Literal[resources.LOAN_REASONS], Field(examples=["storm"])]  # type: ignore[valid-type] # those of domain/resources
Level = Annotated[Literal[assurance.LEVELS], Field(examples=["first"])]  # type: ignore[valid-type] # those of domain/assurance
Kilowatts = Annotated[int, Field(ge=1, le=resources.MOST_KW)]
Note = Annotated[str, _line(LONGEST_NOTE, multiline=True, required=False)]
HIGHEST: Final = 2**53


# What comes in ----------------------------------------------------------------------------------


class TruckIn(In):
    """A generator truck. office: whose it is, the caller's own where none is named."""

    name: Annotated[str, _line(LONGEST_NAME)]
    kw: Kilowatts
    office: Code | None = None
    place: Code | None = None
    note: Note = ""

    def truck(self, own: str) -> NewTruck:
        """Return what the journey takes."""
        return NewTruck(self.name, self.office or own, self.kw, self.place or "", self.note)


class LoanIn(In):
    """What is asked of other offices. kw: of a truck, at the least; skill: of a crew."""

    sort: Sorts
    start: Instant
    until: Instant
    reason: LoanReason
    office: Code | None = None
    kw: Kilowatts | None = None
    skill: Skill | None = None
    outage: Code | None = None
    note: Note = ""

    def asking(self, own: str) -> Asking:
        """Return what the journey takes."""
        return Asking(
            sort=self.sort,
            office=self.office or own,
            start=self.start,
            until=self.until,
            reason=self.reason,
            kw=self.kw or 0,
            skill=self.skill or "",
            outage=self.outage or "",
            note=self.note,
        )


class TaskIn(In):
    """A task of supply assurance. It protects devices, a customer, or both."""

    title: Annotated[str, _line(LONGEST_TITLE)]
    level: Level
    start: Instant
    finish: Instant
    where: Annotated[str, _line(LONGEST_WHERE, required=False)] = ""
    devices: Devices = Field(default_factory=list)
    account: Code | None = None
    note: Note = ""

    def task(self) -> NewTask:
        """Return what the journey takes."""
        return NewTask(
            title=self.title,
            level=self.level,
            start=self.start,
            finish=self.finish,
            where=self.where,
            devices=tuple(dict.fromkeys(self.devices)),
            account=self.account or "",
            note=self.note,
        )


# What goes out ----------------------------------------------------------------------------------


class ReasonRow(Out):
    """Why something stands where it stands."""

    name: str
    text: str


class UnitRow(Out):
    """A crew or a truck. with_office: who has it now. free: that office may send it.

    outage: where it is at work. on_duty: of a crew, whether its turn it is.
    """

    id: str
    sort: Sorts
    name: str
    office: str
    office_name: str
    with_office: str
    with_name: str
    county: str
    kw: int
    skills: list[str]
    place: str | None
    place_name: str | None
    state: Literal["free", "promised", "committed", "away", "off"]
    free: bool
    on_duty: bool | None
    outage: str | None
    load_kw: int | None
    since: Stamp | None
    loan: str | None
    version: int
    moves: list[MoveRow]


class UnitRows(Out):
    """The crews and trucks of the caller's offices, and those lent to them."""

    items: list[UnitRow]
    as_of: Stamp


class CrewAdvised(Out):
    """A crew in its place: those that may be sent first. km: as the crow flies, where known."""

    id: str
    name: str
    office_name: str
    free: bool
    on_duty: bool
    km: float | None
    busy_outage: str | None
    busy_until: Stamp | None
    skills: list[str]
    reasons: list[ReasonRow]


class BandRow(Out):
    """One reason of a rank, with the points that it gave."""

    name: str
    text: str
    count: int
    points: Annotated[int, Field(le=HIGHEST)]


class PriorityRow(Out):
    """An outage in its place among those that wait for their restoration."""

    outage: str
    rank: int
    score: Annotated[int, Field(le=HIGHEST)]
    area: str
    state: str
    since: Stamp | None
    etr: Stamp | None
    households: int
    crew_status: str | None
    reasons: list[BandRow]


class WantRow(Out):
    """A customer who will be without power for longer than they can be.

    state: advised (which truck should go), served (which is there), short (none; the reasons say
    why). deadline: until when they can be without. expected_known: whether anybody said so.
    """

    outage: str
    account: str
    name: str
    need: str
    need_label: str
    place: str
    place_name: str
    kw: int
    deadline: Stamp
    expected: Stamp
    expected_known: bool
    state: Literal["advised", "served", "short"]
    unit: str | None
    unit_name: str | None
    unit_kw: int | None
    unit_version: int | None
    km: float | None
    reasons: list[ReasonRow]


class Restoration(Out):
    """In which order outages should be restored, and which truck should feed whom meanwhile."""

    priorities: list[PriorityRow]
    wants: list[WantRow]
    as_of: Stamp


class OutageAdvice(Out):
    """What we would do about an outage: whom to send, how urgent it is, who needs a truck.

    of: how many outages wait in the county. priority: null where it waits for nothing.
    """

    priority: PriorityRow | None
    of: int
    crews: list[CrewAdvised]
    wants: list[WantRow]
    as_of: Stamp


class HistoryRow(Out):
    """One step, with what was said."""

    seq: int
    name: str
    at: Stamp
    recorded_at: Stamp
    by: str
    by_role: str
    by_name: str
    note: str | None


class LoanRow(Out):
    """A loan: who asks for what, who decided, what is lent. late: out for longer than agreed."""

    id: str
    sort: Sorts
    stage: Literal["asked", "approved", "refused", "withdrawn", "out", "returned"]
    office: str
    office_name: str
    asked_by_name: str
    asked_at: Stamp
    start: Stamp
    until: Stamp
    reason: str
    kw: int | None
    skill: str | None
    outage: str | None
    unit: str | None
    unit_name: str | None
    lender: str | None
    lender_name: str | None
    decided_by_name: str | None
    decided_at: Stamp | None
    refusal: str | None
    out_at: Stamp | None
    back_at: Stamp | None
    late: bool
    version: int
    moves: list[MoveRow]


class LoanRows(Out):
    """Loans, those that wait for a decision first."""

    items: list[LoanRow]
    as_of: Stamp


class LoanPage(LoanRow):
    """A loan with its history, and for who decides, what may be lent."""

    history: list[HistoryRow]
    eligible: list[UnitRow]


class TaskRow(Out):
    """A task of supply assurance. late: its time has come and nobody has begun it."""

    id: str
    title: str
    where: str
    level: str
    phase: Literal["prepared", "under_way", "ended", "called_off"]
    county: str
    office: str
    office_name: str
    start: Stamp
    finish: Stamp
    devices: list[str]
    posts: int
    open_checks: int
    manned: bool
    logs: int
    late: bool
    begun_at: Stamp | None
    over_at: Stamp | None
    version: int


class TaskRows(Out):
    """Tasks, the soonest first."""

    items: list[TaskRow]
    as_of: Stamp


class PostRow(Out):
    """Who stands where, from when to when."""

    id: str
    staff: str
    name: str
    where: str
    start: Stamp
    finish: Stamp


class CheckRow(Out):
    """What is looked at before. asked: its level asks for it. ok: null while nobody has looked."""

    name: str
    asked: bool
    ok: bool | None
    by_name: str | None
    at: Stamp | None


class ClashRow(Out):
    """An outage that would darken what the task protects, in words as well."""

    outage: str
    by: Literal["same_customer", "same_device", "same_supply"]
    label: str
    start: Stamp
    end: Stamp
    devices: list[str]


class TaskPage(TaskRow):
    """Everything about one task. reason: why it began although an outage lies in its way."""

    prepared_by_name: str
    account: str | None
    customer: str | None
    place_name: str | None
    reason: str | None
    post_rows: list[PostRow]
    check_rows: list[CheckRow]
    conflicts: list[ClashRow]
    history: list[HistoryRow]
    moves: list[MoveRow]
