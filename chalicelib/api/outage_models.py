"""What is sent and answered about outages. Same manners as `models.py`."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.api.models import Code, Facts, In, Instant, MoveRow, Note, Out, Stamp, read_answers
from chalicelib.domain.inference import Kind as Heard_
from chalicelib.domain.outage import Kind
from chalicelib.domain.procedure import Form
from chalicelib.usecases.locating import SORTS, Reported
from chalicelib.usecases.outages import DEEDS, MOST_DEVICES, New

KINDS: Final = tuple(kind.value for kind in Kind)
OutageKind = Annotated[Literal[KINDS], Field(examples=["fault"])]  # type: ignore[valid-type] # those of domain/outage
Devices = Annotated[list[Code], Field(max_length=MOST_DEVICES)]
INSTANTS: Final = frozenset(
    need.name for deed in DEEDS.values() for need in deed.needs if need.form is Form.INSTANT
)


# What comes in ----------------------------------------------------------------------------------


class Planned(In):
    """A plan: from when to when, and what its switching closes beside what it opens."""

    start: Instant
    end: Instant
    closed: Devices = Field(default_factory=list)


class NewOutage(In):
    """An outage: by the devices that failed or are to be opened. planned: of planned kinds."""

    kind: OutageKind
    devices: Annotated[list[Code], Field(min_length=1, max_length=MOST_DEVICES)]
    began_at: Instant | None = None
    cause: Code | None = None
    note: Note = ""
    etr: Instant | None = None
    planned: Planned | None = None
    training: bool = False

    def new(self) -> New:
        """Return what the journey takes."""
        return New(
            kind=self.kind,
            devices=tuple(dict.fromkeys(self.devices)),
            began_at=self.began_at,
            cause=self.cause or "",
            note=self.note,
            etr=self.etr,
            start=self.planned.start if self.planned else None,
            finish=self.planned.end if self.planned else None,
            closed=tuple(dict.fromkeys(self.planned.closed)) if self.planned else (),
            training=self.training,
        )


class OutageMoveIn(In):
    """A move of an outage: the answers that it needs, as fields of the body."""

    model_config = ConfigDict(extra="allow")

    occurred_at: Instant | None = None

    @property
    def answers(self) -> dict[str, Any]:
        """What the move itself needs, its instants read. Raises BadInput naming a bad one."""
        return read_answers(self.model_extra, INSTANTS)


MOST_EVENTS: Final = 10_000
PhoneText = Annotated[str, Field(pattern=r"^[0-9+() -]{3,24}$")]
EVENT_KINDS: Final = tuple(kind.value for kind in Heard_)
LONGEST_SEQUENCE: Final = 2**53


class Subject(In):
    """What an event is about: exactly one of these."""

    device: Code | None = None
    transformer: Code | None = None
    meter: Code | None = None
    account: Code | None = None
    phone: PhoneText | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Subject":
        if len(self.named) != 1:
            raise PydanticCustomError("field.one_of", "refused")
        return self

    @property
    def named(self) -> list[tuple[str, str]]:
        """What was named, as (sort, id)."""
        return [(sort, each) for sort in SORTS if (each := getattr(self, sort)) is not None]


class EventIn(In):
    """One event. source and sequence make it the same event however often it is sent."""

    kind: Literal[EVENT_KINDS]  # type: ignore[valid-type] # those of domain/inference
    subject: Subject
    source: Code
    sequence: Annotated[int, Field(ge=0, le=LONGEST_SEQUENCE)]
    occurred_at: Instant
    confidence: Annotated[float, Field(ge=0, le=1, strict=False)] = 1.0
    lockout: Annotated[
        bool,
        Field(
            description="Of device_open alone: the device stays open, for its protection is locked"
            " out (闭锁) or reclosing failed (重合闸未成功). Households are then told at once."
        ),
    ] = False

    def reported(self) -> Reported:
        """Return what the journey takes."""
        ((sort, subject),) = self.subject.named
        return Reported(
            kind=self.kind,
            sort=sort,
            subject=subject,
            source=self.source,
            sequence=self.sequence,
            occurred_at=self.occurred_at,
            confidence=self.confidence,
            lockout=self.lockout,
        )


class Events(In):
    """A batch of events."""

    events: Annotated[list[EventIn], Field(min_length=1, max_length=MOST_EVENTS)]


# What goes out ----------------------------------------------------------------------------------


class OutageDevice(Out):
    """A device that failed or is switched."""

    id: str
    name: str
    kind: str


class Heard(Out):
    """How many reports speak for it."""

    calls: int
    meter_off: int
    device_open: int
    indicators: int


class FiveMinutes(Out):
    """One of the two five-minute clocks (两个5分钟), or both together (whole)."""

    kind: str
    event: str
    due_at: Stamp
    state: Literal["running", "met", "missed"]
    stopped: bool
    seconds: int


class RoundRow(Out):
    """Something that households are told, and how many it reached."""

    id: str
    kind: str
    entered_at: Stamp
    told_at: Stamp | None
    sent: int
    failed: int
    waiting: int
    total: int
    counts: dict[str, int]


class OutageRow(Out):
    """An outage as a line of the board. human: what a person said of it."""

    id: str
    kind: str
    state: str
    level: str | None
    county: str
    office: str
    area: str
    cause: str | None
    started_at: Stamp | None
    recorded_at: Stamp
    etr: Stamp | None
    etr_source: str | None
    next_update_at: Stamp | None
    restored_at: Stamp | None
    planned_start: Stamp | None
    planned_end: Stamp | None
    households: int
    dark_households: int
    key: int
    vulnerable: int
    sensitive: int
    transformers: int
    feeder_ids: list[str]
    devices: list[OutageDevice]
    order_number: str | None
    children: int
    dangers: int
    crew_status: str | None
    evidence: Heard
    clocks: list[FiveMinutes]
    round: RoundRow | None
    human: str | None
    above: str | None
    training: bool
    version: int
    updated_at: Stamp


class OutageRows(Out):
    """A page of outages, the newest first."""

    items: list[OutageRow]
    cursor: str | None
    as_of: Stamp


class OutageStep(Out):
    """Supply points that went dark or light. other: the outage they moved from or to."""

    at: Stamp
    recorded_at: Stamp
    what: str
    households: int
    transformers: int
    other: str | None


class OutageEvent(Out):
    """One event of its history."""

    seq: int
    name: str
    at: Stamp
    recorded_at: Stamp
    by: str
    by_role: str
    by_name: str
    note: str | None
    data: Facts


class EtrChange(Out):
    """One word on when power will be back; at: null when only the next word was promised."""

    at: Stamp | None
    source: str
    set_at: Stamp
    reason: str | None
    next_update_at: Stamp | None


class RoundFigure(Out):
    """How fast a round was, in seconds: entered, told, and both from when power changed."""

    round: str
    kind: str
    entry_seconds: int
    notify_seconds: int | None
    whole_seconds: int | None


class OutageOrder(Out):
    """An order of it. role: repair, report (of a caller) or danger, which lives by itself."""

    number: str
    role: Literal["repair", "report", "danger"]
    danger: str | None
    stage: str
    place: str


class CallOwed(Out):
    """A key customer who is called before an emergency switching; masked."""

    account: str
    name: str
    phone: str
    done_at: Stamp | None
    by: str | None
    line: str | None


class Signed(Out):
    """A signature under a plan."""

    role: str
    by: str
    by_name: str
    at: Stamp


class LeadBreach(Out):
    """A lead that was not kept: which limit, towards whom, and why."""

    limit: str
    to: str
    due: Stamp
    told_at: Stamp | None
    reason: str


class Proposal(Out):
    """A move that what somebody said asks for. transformers: for whom; empty: all, or unknown."""

    move: str
    at: str
    transformers: list[str]
    by: str
    by_role: str


class OutagePage(OutageRow):
    """Everything about an outage but its households."""

    areas: list[str]
    steps: list[OutageStep]
    history: list[OutageEvent]
    etr_changes: list[EtrChange]
    figures: list[RoundFigure]
    rounds: list[RoundRow]
    orders: list[OutageOrder]
    nested: list[str]
    parent: str | None
    moves: list[MoveRow]
    proposal: Proposal | None
    calls_owed: list[CallOwed]
    signatures: list[Signed]
    breaches: list[LeadBreach]


class OutagePreview(Out):
    """What opening some devices would do. taken: outages in which part of it is dark already."""

    county: str
    areas: list[str]
    feeders: list[str]
    transformers: int
    households: int
    registered: int
    key: int
    vulnerable: int
    sensitive: int
    texts: int
    seconds_to_send: int
    taken: list["TakenRow"]


class TakenRow(Out):
    """An outage that has part of a reach already."""

    id: str
    households: int


class OutageHousehold(Out):
    """A household of an outage, masked. state: what became of its newest notice."""

    account: str
    name: str
    address: str
    place: str
    flags: list[str]
    group: str
    dark: bool
    phones: int
    state: str | None
    kind: str | None
    told_at: Stamp | None


class OutageHouseholds(Out):
    """A page of an outage's households. counts: of its newest round, by final state."""

    items: list[OutageHousehold]
    counts: dict[str, int]
    cursor: str | None


class DiagramNode(Out):
    """A bus of the diagram: x counts steps from the source, y the branches."""

    id: str
    name: str
    kind: str
    x: int
    y: float
    state: Literal["live", "dark"]
    households: int
    loads: int


class DiagramEdge(Out):
    """A device between two buses. tree: it is drawn as a branch; else it closes a loop or ties."""

    from_: Annotated[str, Field(serialization_alias="from", validation_alias="from")]
    to: str
    device: str
    name: str
    kind: str
    state: Literal["live", "dark", "open", "suspect", "fault"]
    tree: bool


class Diagram(Out):
    """A feeder's one-line diagram."""

    feeder: str
    nodes: list[DiagramNode]
    edges: list[DiagramEdge]
    as_of: Stamp


class OutageDiagrams(Out):
    """The diagrams of the feeders that an outage touches."""

    items: list[Diagram]


# Evidence ---------------------------------------------------------------------------------------


class EventRefused(Out):
    """An event that cannot be used, by its place in the batch."""

    index: int
    code: str


class EventUnknown(Out):
    """An event about nothing that is known, by its place in the batch."""

    index: int
    subject: str


class EventsTaken(Out):
    """What became of a batch. outages: those that it opened or moved."""

    accepted: int
    duplicate: int
    refused: list[EventRefused]
    unknown: list[EventUnknown]
    outages: list[str]


class EvidenceRow(Out):
    """A report for an outage, or against it."""

    kind: str
    subject: str
    source: str
    occurred_at: Stamp
    recorded_at: Stamp
    supports: bool


class Candidate(Out):
    """Devices that may have failed, the likeliest first. share: of all that may have happened."""

    devices: list[str]
    share: float | None
    households: int


class EvidenceOf(Out):
    """What speaks for an outage and against it, and which devices may have failed instead."""

    items: list[EvidenceRow]
    more: int
    probability: float | None
    candidates: list[Candidate]


class UnplacedEvent(Out):
    """Something that events name and nothing here is known as."""

    office: str
    sort: str
    subject: str
    kind: str
    source: str
    count: int
    at: Stamp


class UnplacedEvents(Out):
    """What events named in the last days that is not known, the newest first."""

    items: list[UnplacedEvent]
