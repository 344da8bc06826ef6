"""What bodies may hold and what answers hold: pydantic at the edge, and nowhere else.

Imported only when a body has to be read or the OpenAPI is made. What comes in is strict and knows
no other fields; pydantic's error types become our stable codes, and no message quotes what was
sent.
What goes out is made by `usecases/showing.py`; the models here describe it and the tests hold one
against the other.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.json_schema import WithJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from chalicelib.domain.contact import Contact, Phone, ReplyWish, clean_text
from chalicelib.domain.order import is_order_number
from chalicelib.domain.procedures import PROCEDURES
from chalicelib.domain.refusal import BadInput, FieldError
from chalicelib.usecases.reporting import Report

KINDS: Final = tuple(sorted(PROCEDURES))
LONGEST_PATH: Final = 80

# Reading ----------------------------------------------------------------------------------------

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "field.required",
        "extra_forbidden": "field.unknown",
        "string_type": "field.text",
        "string_too_long": "text.too_long",
        "string_too_short": "text.empty",
        "string_pattern_mismatch": "field.code",
        "bool_type": "field.flag",
        "int_type": "field.number",
        "float_type": "field.number",
        "greater_than_equal": "field.out_of_range",
        "less_than_equal": "field.out_of_range",
        "literal_error": "field.choice",
        "list_type": "field.list",
        "too_long": "field.too_many",
        "too_short": "field.required",
        "dict_type": "field.object",
        "model_type": "field.object",
    }
)
"""Pydantic's error types and our codes. A type that is missing here is a KeyError: a bug."""


def read(model: type["In"], raw: Mapping[str, Any]) -> Any:
    """Return a body as a model. Raises BadInput naming every unusable field."""
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        raise BadInput(
            _field_error(each) for each in error.errors(include_url=False, include_input=False)
        ) from None


def _field_error(error: ErrorDetails) -> FieldError:
    path = ".".join(str(part) for part in error["loc"])[:LONGEST_PATH]
    kind, context = error["type"], error.get("ctx", {})
    if "." in kind:  # raised by one of our own readers
        return FieldError(path, kind, context)
    return FieldError(path, CODES[kind], _facts(kind, context))


def _facts(kind: str, context: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "string_too_long":
        return {"limit": context["max_length"]}
    if kind == "too_long":
        return {"most": context["max_length"]}
    if kind == "literal_error":
        return {"allowed": [each.strip("' ") for each in re.split(r",| or ", context["expected"])]}
    return {}


def _ours(refused: BadInput) -> PydanticCustomError:
    first = refused.errors[0]
    return PydanticCustomError(first.code, "refused", dict(first.facts))


# Kinds of fields --------------------------------------------------------------------------------


def _line(limit: int, *, multiline: bool = False, required: bool = True) -> AfterValidator:
    def check(text: str) -> str:
        try:
            return clean_text(
                text, field="", max_units=limit, multiline=multiline, required=required
            )
        except BadInput as refused:
            raise _ours(refused) from None

    return AfterValidator(check)


def _instant(value: Any) -> datetime:
    """Read an instant with its zone, such as 2026-11-21T06:47:00+08:00."""
    if isinstance(value, str) and _INSTANT.match(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # such as 30 February, refused like every other text that is no instant
    raise PydanticCustomError("field.instant", "refused")


_INSTANT: Final = re.compile(
    r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})\Z"
)


def _phone(value: Any) -> Phone:
    try:
        return Phone.parse(value)
    except BadInput as refused:
        raise _ours(refused) from None


def _number(value: str) -> str:
    plain = re.sub(r"[ -]", "", value)
    if not is_order_number(plain):
        raise PydanticCustomError("field.order_number", "refused")
    return plain


_CODE: Final = r"^[A-Za-z0-9][A-Za-z0-9_.:/#-]{0,63}$"
Code = Annotated[str, Field(pattern=_CODE, max_length=64)]
Kind = Annotated[Literal[KINDS], Field(examples=["fault"])]  # type: ignore[valid-type] # those of domain/procedures
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation"),
]
PhoneText = Annotated[
    Phone,
    BeforeValidator(_phone),
    WithJsonSchema({"type": "string", "maxLength": 64}, mode="validation"),
]
OrderNumber = Annotated[str, Field(max_length=24), AfterValidator(_number)]
Note = Annotated[str, _line(1000, multiline=True, required=False)]
Upload = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class In(BaseModel):
    """What comes in: strict, without other fields, and never quoted in a message."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )


# What comes in ----------------------------------------------------------------------------------


class NewOrder(In):
    """A report. `answers` are those that the kind's procedure asks for (/meta/procedures)."""

    kind: Kind
    sub_type: Code | None = None
    place: Code | None = None
    address: Annotated[str, _line(200, required=False)] = ""
    account_no: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{0,20}$")] = ""
    phone: PhoneText | None = None
    name: Annotated[str, _line(40, required=False)] = ""
    anonymous: bool = False
    reply_wish: Literal["phone", "text", "none"] = "phone"
    special_need: bool = False
    answers: dict[Annotated[str, Field(max_length=40)], Any] = Field(
        default_factory=dict, max_length=20
    )
    dangers: list[Code] = Field(default_factory=list, max_length=5)
    occurred_at: Instant | None = None
    language: Literal["zh", "en"] = "zh"
    files: list[Upload] = Field(default_factory=list, max_length=6)

    def report(self, at: datetime, *, desk_office: str = "") -> Report:
        """Return what the journey takes. desk_office: whose desk takes it where no place says."""
        contact = Contact(
            phone=self.phone,
            name=self.name,
            address=self.address,
            account_no=self.account_no,
            reply_wish=ReplyWish(self.reply_wish),
            special_need=self.special_need,
        )
        return Report(
            kind=self.kind,
            occurred_at=self.occurred_at or at,
            sub_type=self.sub_type or "",
            place=self.place or "",
            contact=contact,
            anonymous=self.anonymous,
            answers=read_instants(self.answers),
            dangers=tuple(self.dangers),
            files=tuple(self.files),
            language=self.language,
            desk_office=desk_office,
        )


INSTANTS: Final = frozenset(
    need.name
    for procedure in PROCEDURES.values()
    for needs in (procedure.intake, *(move.needs for move in procedure.moves.values()))
    for need in needs
    if need.form == "instant"
)


def read_instants(answers: Mapping[str, Any], names: frozenset[str] = INSTANTS) -> dict[str, Any]:
    """Return answers with those of these names read as instants. Raises BadInput naming them."""
    read_: dict[str, Any] = dict(answers)
    for name in names & answers.keys():
        if answers[name] is None:
            continue
        try:
            read_[name] = _instant(answers[name])
        except PydanticCustomError:
            raise BadInput.of(name, "field.instant") from None
    return read_


def read_answers(extra: Mapping[str, Any] | None, instants: frozenset[str]) -> dict[str, Any]:
    """Return the answers among the fields of a body, as `read_instants`; null is no answer."""
    given = {name: value for name, value in (extra or {}).items() if value is not None}
    return read_instants(given, instants)


class LookUp(In):
    """The second way to an order: its number and the last four digits of the telephone."""

    number: Annotated[str, Field(max_length=24)]
    phone_tail: Annotated[str, Field(max_length=8)]


class NewUpload(In):
    """One photo that is about to be sent. `number` when it belongs to an order already."""

    content_type: Annotated[str, Field(max_length=40)]
    bytes: Annotated[int, Field(ge=1, le=2**31)]
    number: OrderNumber | None = None


class Remark(In):
    """What a citizen adds to a move that needs no words."""

    note: Note = ""


class Supplement(In):
    """Words and photos that a citizen adds."""

    note: Note
    files: list[Upload] = Field(default_factory=list, max_length=6)


class Rating(In):
    """The citizen's own word on the work: one to five."""

    score: Annotated[int, Field(ge=1, le=5)]
    note: Note = ""


class CodedRating(Rating):
    """A rating by the code from a text."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{10}$")]


class DispatchIn(In):
    """Whom to give a new order to at once."""

    office: Code
    staff: Code | None = None


class StaffOrderIn(NewOrder):
    """A report taken in for somebody: on the telephone, at the counter, from a paper slip."""

    channel: Literal["phone", "counter", "paper", "wechat", "95598", "12398", "12345", "web"] = (
        "phone"
    )
    case_no: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{0,40}$")] = ""
    training: bool = False
    dispatch: DispatchIn | None = None

    def report(self, at: datetime, *, desk_office: str = "") -> Report:
        """Return what the journey takes."""
        return replace(
            super().report(at, desk_office=desk_office),
            channel=self.channel,
            case_no=self.case_no,
            training=self.training,
        )

    @property
    def dispatched(self) -> dict[str, Any]:
        """To whom it goes at once; empty for nobody."""
        return self.dispatch.model_dump(exclude_none=True) if self.dispatch else {}


class MoveIn(In):
    """A move: the answers that it needs (/meta/procedures), as fields of the body."""

    model_config = ConfigDict(extra="allow")

    occurred_at: Instant | None = None
    recorded_for: Code | None = None

    @property
    def answers(self) -> dict[str, Any]:
        """What the move itself needs."""
        return read_instants(self.model_extra or {})


class MergeIn(In):
    """The order to merge into."""

    parent: OrderNumber
    note: Note = ""


class UnmergeIn(In):
    """Why the merger was a mistake."""

    note: Note


class RevealIn(In):
    """Why somebody has to see a telephone number; it goes on record."""

    reason: Annotated[str, _line(200)]


class BulkIn(In):
    """One move on several orders."""

    numbers: Annotated[list[OrderNumber], Field(min_length=1, max_length=50)]
    move: Code
    data: dict[Annotated[str, Field(max_length=40)], Any] = Field(
        default_factory=dict, max_length=20
    )

    @property
    def answers(self) -> dict[str, Any]:
        """What the move needs."""
        return read_instants(self.data)


class CallerIn(In):
    """Who is on the telephone."""

    phone: PhoneText


class CallDoneIn(In):
    """What became of a call."""

    result: Literal["reached", "unreached", "wrong_number", "not_needed"]
    note: Note = ""


class ChannelOrder(NewOrder):
    """A report from another platform, with the number that it has there."""

    channel: Annotated[str, Field(pattern=r"^[0-9a-z_-]{1,20}$")]
    case_no: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,40}$")]
    training: bool = False

    def report(self, at: datetime, *, desk_office: str = "") -> Report:
        """Return what the journey takes."""
        return replace(
            super().report(at, desk_office=desk_office),
            channel=self.channel,
            case_no=self.case_no,
            training=self.training,
        )


# What goes out ----------------------------------------------------------------------------------


class Out(BaseModel):
    """What goes out: every field that there is, and no other."""

    model_config = ConfigDict(extra="forbid")


Stamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Facts = dict[str, Any]
Levels = Literal["ok", "soon", "overdue", "late3", "paused", "kept", "broken"]
PublicStages = Literal[
    "accepted",
    "dispatched",
    "on_way",
    "on_site",
    "working",
    "done",
    "closed",
    "withdrawn",
    "merged",
    "suspended",
]


class FieldProblem(Out):
    """One unusable field. code: stable; detail: in the caller's language."""

    field: str
    code: str
    detail: str


class Problem(BaseModel):
    """A refusal (RFC 9457), with the facts of its kind beside these members."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem]
    instance: str | None = None


class ClockRow(Out):
    """One clock as every screen shows it. The server alone decides `level` and `due_at`."""

    name: str
    limit: str
    whose: str
    due_at: Stamp | None
    level: Levels
    started_at: Stamp
    stopped_at: Stamp | None
    paused_by: Literal["customer"] | None
    promise: bool
    provisional: bool
    elapsed_seconds: int
    allowed_seconds: int
    source: str


class Hold(Out):
    """A hold while the customer is the actor."""

    reason: str
    until: Stamp


class PublicStep(Out):
    """One step of the citizen's timeline; `text_slug` is a key of /meta/words, filled by facts."""

    at: Stamp
    event: str
    text_slug: str
    facts: dict[str, str]
    late: bool


class Score(Out):
    """A rating, one to five."""

    score: int


class IssueProgress(Out):
    """How far the complaint's issue is, in plain words, and what its reporter may say to it.

    again: it had been cleared before, and came back.
    """

    step: Literal[
        "open",
        "handling",
        "investigation",
        "signing",
        "cleared",
        "followed_up",
        "terminated",
    ]
    text: str
    at: Stamp
    again: bool
    can: list[Literal["add", "not_solved"]]


class PublicOrder(Out):
    """An order as its reporter sees it."""

    number: str
    kind: str
    sub_type: str
    stage: str
    public_stage: PublicStages
    occurred_at: Stamp
    place_name: str
    summary: str
    promise: ClockRow | None
    promises: list[ClockRow]
    apology: bool
    delay_reason: str | None
    suspended: Hold | None
    timeline: list[PublicStep]
    can: list[Literal["withdraw", "supplement", "expedite", "reopen", "rate", "upload"]]
    expedite_from: Stamp | None
    rating: Score | None
    closed_at: Stamp | None
    hotline: str
    version: int
    issue: IssueProgress | None


class PublicConfig(Out):
    """What the pages need to know of a deployment."""

    county_name: str
    hotline: str
    languages: list[str]
    issuer: str
    client_id: str
    audience: str
    sms_signature: str
    demo: bool
    local: bool
    now: Stamp


class PlaceHit(Out):
    """A place that was found."""

    code: str
    name: str
    township: str
    station_name: str


class Places(Out):
    """Places, the likeliest first."""

    items: list[PlaceHit]


class Outage(Out):
    """An outage as the public sees it: areas and counts, no positions.

    area: in one line; areas: each by name. customers_affected: null for a few.
    """

    id: str
    kind: str
    state: Literal["running", "planned", "restored", "cancelled"]
    area: str
    areas: list[str]
    townships: list[str]
    lines: list[str]
    started_at: Stamp
    planned_end_at: Stamp | None = None
    estimated_restoration_time: Stamp | None = None
    etr_source: Literal["estimate", "crew"] | None = None
    next_update_at: Stamp | None = None
    updated_at: Stamp | None = None
    cause: str | None = None
    cause_en: str | None = None
    progress: str | None = None
    customers_affected: int | None = None
    restored_at: Stamp | None = None
    cancelled_at: Stamp | None = None


class PlaceState(Out):
    """The state of a place's supply."""

    outage: Outage | None


class Place(Out):
    """A place and its state."""

    code: str
    name: str
    state: PlaceState


class NewsShown(Out):
    """News of the supply, as the public reads it."""

    id: str
    title: str
    body: str
    since: Annotated[Stamp, Field(alias="from")]
    until: Stamp | None


class SupplyNews(Out):
    """News of the supply, the latest first."""

    items: list[NewsShown]


class Outages(Out):
    """The outages that are known, and the news of the supply."""

    items: list[Outage]
    news: list[NewsShown]
    updated_at: Stamp


class Accepted(Out):
    """A report that was filed. The token opens it; it belongs in a header, never in an address."""

    number: str
    token: str
    order: PublicOrder


class LookedUp(Out):
    """An order that was opened by number and telephone."""

    token: str
    order: PublicOrder


class UploadForm(Out):
    """Post a multipart form to `url`: all `fields` first, the file last, named `file`."""

    id: str
    url: str
    fields: dict[str, str]
    expires_at: Stamp


class FileRow(Out):
    """A file; the link holds for five minutes. kind: whose it is, citizen or staff."""

    id: str
    kind: str
    type: str
    at: Stamp
    url: str


class FileList(Out):
    """Photos of an order."""

    items: list[FileRow]


class Done(Out):
    """It is done."""

    ok: Literal[True]


class PromiseMade(Out):
    """A promise of ours, from the limits in force. effective_from: null where nobody knows."""

    id: str
    label: str
    amount: float
    unit: str
    clock: str
    source: str
    effective_from: str | None


class QueueRow(Out):
    """One row of the queue, masked."""

    number: str
    kind: str
    sub_type: str
    stage: str
    channel: str
    case_no: str
    county: str
    office: str
    office_name: str
    assignee: str
    assignee_name: str
    occurred_at: Stamp
    next_due_at: Stamp | None
    clock: ClockRow | None
    chips: list[str]
    summary: str
    place_name: str
    phone_masked: str
    version: int
    children: int


class Counts(Out):
    """The tiles above the queue. capped: only so many were counted, there is more of each."""

    overdue: int
    soon: int
    undispatched: int
    all: int
    by_stage: dict[str, int]
    capped: bool


class Sentence(Out):
    """The figures of the sentence of the moment."""

    overdue: int
    soon: int
    undispatched: int
    oldest_minutes: int


class Queue(Out):
    """A page of the queue."""

    items: list[QueueRow]
    cursor: str | None
    as_of: Stamp


class QueueCounts(Out):
    """What stands above the queue."""

    counts: Counts
    sentence: Sentence
    as_of: Stamp


class Who(Out):
    """Who made a step."""

    role: str
    id: str
    name: str
    office_name: str


class StaffStep(Out):
    """One step as the staff see it."""

    seq: int
    event: str
    at: Stamp
    recorded_at: Stamp
    late: bool
    by: Who
    data: Facts
    words: dict[str, str] | None
    public: bool


class MaskedContact(Out):
    """Who reported, masked."""

    phone_masked: str
    name_masked: str
    address_masked: str
    special_need: bool
    reply_wish: str


class NeedRow(Out):
    """What a move asks for."""

    name: str
    form: str
    required: bool
    choices: list[str]
    longest: int | None


class MoveRow(Out):
    """A move that the viewer's role has from here. gates_open: what is not met yet."""

    name: str
    label: str
    needs: list[NeedRow]
    gates_open: list[str]
    primary: bool


class Advice(Out):
    """What we would do, and why; with `move` and `data` it is one press."""

    text_slug: str
    reason_slug: str
    facts: Facts
    move: str | None
    data: Facts | None


class NextText(Out):
    """The text that the main move will send."""

    template: str
    body: str
    parts: int


class DeliveryRow(Out):
    """What became of one text, alert or webhook."""

    effect: str
    kind: str
    status: str
    at: Stamp
    reason: str | None


class SupervisionRow(Out):
    """A supervision (督办): of a person or an office; names are empty where one is gone."""

    id: str
    owner: str
    owner_name: str
    by: str
    by_name: str
    due_at: Stamp | None
    state: str


class StaffOrder(QueueRow):
    """An order as the staff see it."""

    grade: str
    first_contact_owner: str
    recorded_at: Stamp
    closed_at: Stamp | None
    clocks: list[ClockRow]
    facts: Facts
    timeline: list[StaffStep]
    public: PublicOrder
    contact: MaskedContact
    words: dict[str, str]
    moves: list[MoveRow]
    advice: list[Advice]
    next_text: NextText | None
    files: list[FileRow]
    deliveries: list[DeliveryRow]
    parent: str | None
    children: list[str]  # type: ignore[assignment] # the queue counts them, the order names them
    supervisions: list[SupervisionRow]


class TakenIn(Out):
    """A report that was taken in. order: null where the kind is confidential to the taker."""

    number: str
    token: str
    order: StaffOrder | None


class OfficeHere(Out):
    """One's own office."""

    id: str
    name: str
    level: str
    path: list[str]


class CapabilityRow(Out):
    """What a role may do, and on offices that stand how to its own."""

    capability: str
    relations: list[str]


class Me(Out):
    """Who is signed in."""

    staff_id: str
    name: str
    role: str
    office: OfficeHere
    capabilities: list[CapabilityRow]
    duty: bool


class LedgerRow(Out):
    """One event as the ledger keeps it."""

    seq: int
    name: str
    occurred_at: Stamp
    recorded_at: Stamp
    by: Who
    changes: Facts
    data: Facts
    tells: list[str]
    digest: str
    prev: str
    hash: str


class LedgerRows(Out):
    """The events of an order, oldest first."""

    items: list[LedgerRow]
    cursor: str | None


class FirstBad(Out):
    """The first event of a chain that does not hold, and why."""

    seq: int
    why: str


class Verified(Out):
    """Whether a chain holds."""

    ok: bool
    events: int
    first_bad: FirstBad | None


class Revealed(Out):
    """A contact in full. That it was looked at is on record."""

    phone: str
    name: str
    address: str
    account_no: str


class BulkResult(Out):
    """What became of one order of several."""

    number: str
    ok: bool
    problem: Problem | None


class BulkResults(Out):
    """What became of each."""

    results: list[BulkResult]


class Rows(Out):
    """Orders that were found."""

    items: list[QueueRow]


class CustomerRow(Out):
    """An account, masked but for its number."""

    name_masked: str
    address_masked: str
    account_no: str
    transformer: str
    place: str
    flags: list[str]


class Caller(Out):
    """What is known of who is on the telephone."""

    orders: list[QueueRow]
    customer: CustomerRow | None


class CallRow(Out):
    """Somebody whom no text reached."""

    id: str
    number: str
    kind: str
    effect: str
    since: Stamp
    reason: str
    phone_masked: str
    county: str


class Calls(Out):
    """The call list, longest waiting first."""

    items: list[CallRow]
    cursor: str | None


class Notices(Out):
    """What became of an order's texts, alerts and webhooks."""

    items: list[DeliveryRow]


class OfficeRow(Out):
    """An office."""

    id: str
    name: str
    level: str
    parent: str
    path: list[str]
    terrain: str
    phone: str
    hours: str
    active: bool


class Offices(Out):
    """The offices that one may know."""

    items: list[OfficeRow]


class Colleague(Out):
    """One of an office's staff, with how many open orders they have."""

    id: str
    name: str
    role: str
    active: bool
    open_orders: int
    duty: bool


class Colleagues(Out):
    """An office's staff."""

    items: list[Colleague]


class ChannelOrderOut(PublicOrder):
    """An order as the platform that sent it sees it."""

    channel: str
    case_no: str


class ChannelAccepted(Out):
    """A report that came from another platform."""

    number: str
    order: ChannelOrderOut


class Permissions(Out):
    """The permission table that the code obeys."""

    roles: list[str]
    capabilities: list[str]
    relations: list[str]
    matrix: dict[str, dict[str, list[str]]]


class Procedures(Out):
    """Every procedure as data."""

    items: list[Facts]


class LimitRow(Out):
    """A limit in force, with where it stands."""

    id: str
    amount: str
    unit: str
    basis: str
    day_count: str
    effective_from: str
    source: str
    assumed: bool
    enabled: bool
    version: str
    note: str


class Limits(Out):
    """The limits in force today."""

    ruleset: str
    items: list[LimitRow]


class Health(Out):
    """The house answers, and so does its store.

    unreadable: records of its set-up that mean nothing any more. They stop nobody, but somebody
    must see to them; the log says which they are.
    """

    ok: Literal[True]
    at: Stamp
    counties: int
    unreadable: int


class WordList(BaseModel):
    """Every label and sentence, by its key."""

    model_config = ConfigDict(extra="allow")
