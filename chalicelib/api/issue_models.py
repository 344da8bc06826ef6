"""What is sent and answered about issues. Same manners as `models.py`."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.api.models import (
    ClockRow,
    Code,
    Facts,
    FileRow,
    In,
    Instant,
    Levels,
    MoveRow,
    NeedRow,
    Note,
    OrderNumber,
    Out,
    RevealIn,
    Stamp,
    read_answers,
)
from chalicelib.domain.issue import COMMANDS
from chalicelib.domain.order import GRADES
from chalicelib.domain.procedure import Form
from chalicelib.usecases.clearing import OPENED_BY_HAND, New

INSTANTS: Final = frozenset(
    need.name
    for command in COMMANDS.values()
    for need in command.needs
    if need.form is Form.INSTANT
)
SourceByHand = Annotated[Literal[OPENED_BY_HAND], Field(examples=["public_opinion"])]  # type: ignore[valid-type] # those of usecases/clearing
Grade = Annotated[Literal[GRADES], Field(examples=["general"])]  # type: ignore[valid-type] # those of domain/order


# What comes in ----------------------------------------------------------------------------------


class IssueReveal(RevealIn):
    """Whose telephone somebody has to see, by the order that they reported, and why."""

    order: OrderNumber


class NewIssue(In):
    """An issue that somebody opens by hand. orders: those that it is about."""

    source: SourceByHand
    office: Code
    note: Note
    category: Code | None = None
    theme: Code | None = None
    grade: Grade = GRADES[0]
    case_no: Code | None = None
    orders: Annotated[list[OrderNumber], Field(max_length=20)] = Field(default_factory=list)
    tendency: bool = False
    anonymous: bool = False
    confidential: bool = False
    training: bool = False
    occurred_at: Instant | None = None

    @model_validator(mode="after")
    def _says_what(self) -> "NewIssue":
        if not self.note.strip():
            raise PydanticCustomError("missing", "note")
        return self

    def new(self) -> New:
        """Return what the journey takes."""
        return New(
            source=self.source,
            office=self.office,
            note=self.note,
            category=self.category or "",
            theme=self.theme or "",
            grade=self.grade,
            case_no=self.case_no or "",
            orders=tuple(dict.fromkeys(self.orders)),
            tendency=self.tendency,
            anonymous=self.anonymous,
            confidential=self.confidential,
            training=self.training,
        )


class IssueMoveIn(In):
    """A move of an issue: the answers that it needs, as fields of the body."""

    model_config = ConfigDict(extra="allow")

    occurred_at: Instant | None = None

    @property
    def answers(self) -> dict[str, Any]:
        """What the move itself needs, its instants read. Raises BadInput naming a bad one."""
        return read_answers(self.model_extra, INSTANTS)


# What goes out ----------------------------------------------------------------------------------


class NextDue(Out):
    """The clock that falls due first."""

    clock: str
    label: str
    whose: str
    at: Stamp
    level: Levels


class IssueHead(Out):
    """What the ledger says of one issue, whether in a row or on its page."""

    issue_id: str
    title: str
    source: str
    source_label: str
    category: str
    category_label: str
    theme: str
    theme_label: str
    grade: str
    grade_label: str
    state: str
    state_label: str
    county: str
    office: str
    office_name: str
    host: str
    host_name: str
    assignee: str
    assignee_name: str
    opened_at: Stamp
    cleared_at: Stamp | None
    follow_up_on: str | None
    next_due: NextDue | None
    hotline_calls: int
    bypass: bool
    tendency: bool
    anonymous: bool
    confidential: bool
    site_open: bool
    gates_open: int
    gates_total: int
    relapses: int
    supervised: bool
    training: bool
    summary: str
    version: int


class IssueRow(IssueHead):
    """One line of the ledger. orders: how many."""

    orders: int


class IssueRows(Out):
    """A page of a view, and how many stand in each."""

    items: list[IssueRow]
    counts: dict[str, int]
    cursor: str | None


class BoardRow(Out):
    """One office on the supervision board."""

    office: str
    office_name: str
    open: int
    overdue: int
    signing: int
    bypass: int
    investigations: int
    supervised: int
    relapses: int
    second_calls: int
    cleared_30d: int


class BoardFigure(Out):
    """A rate with what it is made of; null while nothing can be counted."""

    name: str
    numerator: int
    denominator: int
    value: float | None


class IssueBoard(Out):
    """The supervision board of an office."""

    office: str
    office_name: str
    rows: list[BoardRow]
    totals: BoardRow
    figures: list[BoardFigure]


class GateRow(Out):
    """One gate of clearing: met by whom and when, or why it stands open."""

    name: str
    label: str
    met: bool
    by: str
    by_name: str
    at: Stamp | None
    why: str
    why_label: str


class IssueOrderRow(Out):
    """An order of the issue, and why it is one."""

    order_id: str
    kind: str
    kind_label: str
    channel: str
    channel_label: str
    case_no: str
    stage: str
    stage_label: str
    reason: str
    reason_label: str
    at: Stamp
    by: str
    by_name: str
    occurred_at: Stamp
    archived_at: Stamp | None
    via: str
    proposed: bool


class IssueProposal(Out):
    """An order that may belong to the issue, and what speaks for it."""

    order_id: str
    reason: str
    score: float
    why: list[str]


class ProofStep(Out):
    """What was done with one of our orders."""

    name: str
    label: str
    at: Stamp
    recorded_at: Stamp


class ProofRow(Out):
    """An order of ours about the issue. is_before: it came before a hotline's first case."""

    order_id: str
    kind: str
    kind_label: str
    channel: str
    channel_label: str
    reported_at: Stamp
    is_before: bool
    events: list[ProofStep]


class IssueProof(Out):
    """Our own orders about an issue, oldest first."""

    items: list[ProofRow]


class IssueStep(Out):
    """One event of an issue, for those who work it. labels: facts whose words only we know."""

    seq: int
    name: str
    label: str
    occurred_at: Stamp
    recorded_at: Stamp
    late: bool
    actor: str
    actor_id: str
    actor_name: str
    facts: Facts
    labels: dict[str, str]
    words: dict[str, str] | None


class HandlingStep(Out):
    """Something that was done in this round."""

    by: str
    by_name: str
    at: Stamp
    recorded_at: Stamp
    late: bool
    facts: Facts
    labels: dict[str, str]


class Handling(Out):
    """What was found and done in this round, by the name of its step."""

    round: int
    verdict: str | None
    liability: str | None
    files: list[str]
    steps: dict[str, HandlingStep]


class IssueVisit(Out):
    """One attempt of a return visit."""

    result: str
    result_label: str
    at: Stamp
    recorded_at: Stamp
    by: str
    by_name: str
    round: int


class SiteRow(Out):
    """An investigation on site."""

    triggers: list[str]
    trigger_labels: list[str]
    opened_at: Stamp
    opened_by_name: str
    investigator: str
    investigator_name: str
    subjects: list[str]
    subject_names: list[str]
    concluded_at: Stamp | None
    concluded_by_name: str
    finding: str | None
    finding_label: str
    open: bool


class BypassRow(Out):
    """The earlier complaint that was not effectively handled."""

    order_id: str
    why: str
    why_label: str
    at: Stamp


class SupervisionReply(Out):
    """One answer to a supervision."""

    by: str
    by_name: str
    at: Stamp


class IssueSupervision(Out):
    """A supervision: who owes what until when."""

    id: str
    owner: str
    owner_name: str
    office: str
    office_name: str
    level: str
    level_label: str
    due: Stamp
    asked_by: str
    asked_by_name: str
    at: Stamp
    replies: list[SupervisionReply]
    closed_at: Stamp | None
    open: bool


class CheckItem(Out):
    """One item of a level's checklist; ok is null until it is answered."""

    name: str
    label: str
    ok: bool | None


class SignRow(Out):
    """One of the three levels: whether it signs, whose turn it is, who signed."""

    level: str
    level_label: str
    office: str
    needed: bool
    awaited: bool
    by: str
    by_name: str
    at: Stamp | None
    items: list[CheckItem]


class IssuePaper(Out):
    """A paper about the issue. open: it holds up the clearing."""

    paper_id: str
    kind: str
    kind_label: str
    stage_label: str
    open: bool


class GradeProposal(Out):
    """A graver grade that what was said proposes, by which rules; a person decides."""

    grade: str
    grade_label: str
    reason: str
    rules: list[str]


class IssuePage(IssueHead):
    """Everything about one issue."""

    occurred_at: Stamp
    first_contact_owner: str
    first_contact_owner_name: str
    case_no: str
    clocks: list[ClockRow]
    gates: list[GateRow]
    orders: list[IssueOrderRow]
    proposals: list[IssueProposal]
    grade_proposal: GradeProposal | None
    timeline: list[IssueStep]
    handling: Handling
    violations: dict[str, int]
    visits: list[IssueVisit]
    site: SiteRow | None
    bypass_of: BypassRow | None
    supervisions: list[IssueSupervision]
    sign_offs: list[SignRow]
    papers: list[IssuePaper]
    files: list[FileRow]
    merged_into: str | None
    absorbed: list[str]
    moves: list[MoveRow]


class Named(Out):
    """A slug and its words."""

    name: str
    label: str


class CommandRow(Out):
    """One command as data."""

    name: str
    label: str
    states: list[str]
    who: list[str]
    needs: list[NeedRow]
    why: str
    capability: str


class ChecklistItem(Out):
    """One item that a level may look at. enabled: whether it does; limit: by which it is set."""

    name: str
    label: str
    enabled: bool
    limit: str
    source: str
    version: str


class ChecklistRow(Out):
    """What a level looks at before it signs. office: whose word counts; empty as shipped."""

    level: str
    label: str
    office: str
    items: list[ChecklistItem]
    source: str


class SignLimit(Out):
    """The limit that says how many levels sign."""

    name: str
    limit: str


class IssueClockRow(Out):
    """A clock as data: its limit, and whose it is."""

    name: str
    label: str
    limit: str
    whose: str
    promise: bool


class IssueTables(Out):
    """What the ledger goes by, as data."""

    states: list[Named]
    sources: list[Named]
    commands: list[CommandRow]
    gates: list[Named]
    checklists: list[ChecklistRow]
    sign_levels: list[SignLimit]
    clocks: list[IssueClockRow]
