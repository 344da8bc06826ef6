"""What administrators send and are answered. Same manners as `models.py`."""

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.json_schema import WithJsonSchema
from pydantic_core import PydanticCustomError

from chalicelib.api.models import In, Instant, Out, PhoneText, Stamp, _line
from chalicelib.domain.staff import LEVELS, Role
from chalicelib.usecases.administering import SCOPES
from chalicelib.usecases.importing import KINDS

MOST_UPLOAD: Final = 6_000_000
"""Bytes of a body with a list in it: Lambda takes a request of 6 MB with all that is around it."""
MOST_OVERLAP: Final = 7 * 24
"""Hours in which a subscriber's people can be reached and change a secret. [design]"""
LEVEL_NAMES: Final = tuple(level.value for level in LEVELS)
ROLE_NAMES: Final = tuple(role.value for role in Role)


def _one_line(text: str) -> str:
    """Refuse a line's end: `$` of a pattern lets one pass."""
    if "\n" in text:
        raise PydanticCustomError("field.code", "refused")
    return text


def _day(value: Any) -> date:
    """Read a local day such as 2026-11-21."""
    if isinstance(value, str) and len(value) == len("2026-11-21"):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass  # such as 2026-02-30, refused like every other text that is no day
    raise PydanticCustomError("field.date", "refused")


Id = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@|-]{0,63}$"),
    AfterValidator(_one_line),
]
Name = Annotated[str, _line(40)]
OfficePhone = Annotated[str, _line(30, required=False)]
Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date"}, mode="validation"),
]
Level = Literal[LEVEL_NAMES]  # type: ignore[valid-type] # those of domain/staff
Post = Literal[ROLE_NAMES]  # type: ignore[valid-type] # those of domain/staff
Scope = Literal[SCOPES]  # type: ignore[valid-type] # those of the use case
ListKind = Literal[KINDS]  # type: ignore[valid-type] # those of the use case
Terrain = Literal["urban", "rural", "remote"]
Channel = Annotated[str, Field(pattern=r"^[0-9a-z_-]{0,20}$"), AfterValidator(_one_line)]


def _schema(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema(schema, mode="validation")


# Offices and people -------------------------------------------------------------------------------


class NewOffice(In):
    """An office. Its id never changes; a province has no parent."""

    id: Id
    name: Name
    level: Level
    parent: Id | None = None
    terrain: Terrain = "rural"
    phone: OfficePhone = ""


class OfficeChange(In):
    """What changes of an office; what is left out stays."""

    name: Name | None = None
    parent: Id | None = None
    terrain: Terrain | None = None
    phone: OfficePhone | None = None
    active: bool | None = None


class AdminOffice(Out):
    """An office as its administrator sees it."""

    id: str
    name: str
    level: str
    parent: str
    path: list[str]
    terrain: str
    phone: str
    hours: str
    active: bool
    version: int


class AdminOffices(Out):
    """The offices that one may know."""

    items: list[AdminOffice]


class NewStaff(In):
    """Somebody of the staff. id: the subject of their access token."""

    id: Id
    name: Name
    role: Post
    office: Id
    phone: PhoneText | None = None


class StaffChange(In):
    """What changes of a person; what is left out stays. phone: null takes it away."""

    name: Name | None = None
    role: Post | None = None
    office: Id | None = None
    phone: PhoneText | None = None
    active: bool | None = None


class AdminStaff(Out):
    """Somebody of the staff as their administrator sees them."""

    id: str
    name: str
    role: str
    office: str
    office_name: str
    phone_masked: str
    active: bool
    version: int


class AdminStaffList(Out):
    """The staff of one's offices."""

    items: list[AdminStaff]


class TurnIn(In):
    """One turn: somebody of the staff, or a telephone. A masked telephone is the one kept so."""

    staff_id: Id | None = None
    phone: Annotated[str, _line(64)] | None = None
    since: Annotated[Instant, Field(alias="from")]
    until: Annotated[Instant, Field(alias="to")]


class DutyIn(In):
    """The duty list of an office; who comes first is told first."""

    entries: Annotated[list[TurnIn], Field(max_length=200)]


class TurnRow(Out):
    """One turn of duty."""

    staff_id: str
    staff_name: str
    phone_masked: str
    since: Annotated[Stamp, Field(alias="from")]
    until: Annotated[Stamp, Field(alias="to")]


class DutyList(Out):
    """The duty list of an office."""

    office: str
    entries: list[TurnRow]
    version: int


# Keys and webhooks --------------------------------------------------------------------------------


class NewKey(In):
    """A key for another platform. channel: what its orders are marked with, if it sends any."""

    name: Name
    office: Id
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(SCOPES))]
    channel: Channel = ""


class KeyRow(Out):
    """A key, without its secret, which nobody keeps."""

    id: str
    name: str
    office: str
    scopes: list[str]
    channel: str
    created_at: Stamp
    last4: str
    revoked_at: Stamp | None
    version: int


class KeyMade(KeyRow):
    """A new key. The secret is shown this once."""

    secret: str


class Keys(Out):
    """The keys of one's offices, those that are revoked too."""

    items: list[KeyRow]


class NewWebhook(In):
    """Where the changes of an office's orders, and of those below it, are told."""

    url: Annotated[str, _line(500)]
    office: Id


class NewSecret(In):
    """Another signing secret. overlap_hours: how long the one before signs beside it."""

    overlap_hours: Annotated[int, Field(ge=0, le=MOST_OVERLAP)] = 24


class WebhookRow(Out):
    """A webhook, without its secret. old_secret_until: when the one before signs no more."""

    id: str
    url: str
    office: str
    active: bool
    old_secret_until: Stamp | None
    version: int


class WebhookMade(WebhookRow):
    """A webhook with a new secret, which is shown this once."""

    secret: str


class Webhooks(Out):
    """The webhooks of one's offices."""

    items: list[WebhookRow]


class Tested(Out):
    """What became of a test event."""

    outcome: Literal["delivered", "busy", "failed"]
    status: int | None
    reason: str


# Limits and calendars -----------------------------------------------------------------------------


class NewLimit(In):
    """A limit as an office sets it. unit: that of the limit, so that nobody mistakes it."""

    office: Id
    amount: Annotated[Any, _schema(type=["number", "string"])]
    unit: Annotated[Any, _schema(type="string")]
    effective_from: Annotated[Any, _schema(type="string", format="date")]
    source: Annotated[Any, _schema(type="string", maxLength=200)]
    day_count: Annotated[Any, _schema(type="string", enum=["same_day", "next_day"])] = None
    enabled: Annotated[Any, _schema(type="boolean")] = None


class Law(Out):
    """A statutory limit beside which another one is measured."""

    id: str
    amount: str
    unit: str
    source: str


class Warned(Out):
    """What is allowed but must not pass in silence."""

    code: str
    detail: str
    law: Law


class AdminLimit(Out):
    """One version of a limit. origin: the rule set or the office that states it."""

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
    origin: str
    is_override: bool
    note: str
    warnings: list[Warned]


class AdminLimitNow(AdminLimit):
    """A limit as it stands for an office, with what ships and what offices on its path set."""

    shipped: list[AdminLimit]
    overrides: list[AdminLimit]


class AdminLimits(Out):
    """Every limit as it stands for an office today."""

    office: str
    ruleset: str
    items: list[AdminLimitNow]


class Moved(Out):
    """An open order whose due instant moves."""

    number: str
    was: Stamp | None
    will: Stamp | None


class Replanned(Out):
    """What a new table or limit moves. moves: the first of `count`. done: nothing is left over."""

    moves: list[Moved]
    count: int
    done: bool


class LimitSaved(Out):
    """A limit as an office set it, and what it moves."""

    limit: AdminLimit
    record_version: int
    replanned: Replanned


class YearIn(In):
    """A year as the State Council's notice has it: days off, and weekend days that are worked."""

    year: Annotated[Any, _schema(type="integer")]
    source: Annotated[Any, _schema(type="string", maxLength=500)]
    holidays: Annotated[Any, _schema(type="object", additionalProperties={"type": "string"})]
    make_up_days: Annotated[Any, _schema(type="object", additionalProperties={"type": "string"})]


class YearRow(Out):
    """A year of the calendar. origin: shipped, loaded, or none for one not yet published."""

    year: int
    source: str
    provisional: bool
    origin: Literal["shipped", "loaded", "none"]
    holidays: int
    make_up_days: int
    version: int


class Years(Out):
    """The years of the calendar, with the next one even if nobody has published it."""

    items: list[YearRow]


class Year(Out):
    """One year in the form in which it is loaded."""

    year: int
    source: str
    provisional: bool
    holidays: dict[str, str]
    make_up_days: dict[str, str]
    version: int


# Imports ------------------------------------------------------------------------------------------


class ImportIn(In):
    """A list as XLSX or CSV. county: whose places, households and orders; one's own if left out."""

    kind: ListKind | None = None
    filename: Annotated[str, _line(120)]
    content_base64: Annotated[str, Field(min_length=1, max_length=MOST_UPLOAD)]
    county: Id | None = None


class ApplyIn(In):
    """Where to go on: `next` of the answer before."""

    after: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class BadCell(Out):
    """One cell that cannot be used."""

    line: int
    column: str
    code: str
    detail: str


class Difference(Out):
    """Rows by what they would do."""

    add: int
    change: int
    same: int
    gone: int


class Previewed(Out):
    """What a list would do. Nothing is applied yet; it waits for a day."""

    id: str
    kind: str
    county: str
    rows: int
    ok: int
    bad_rows: int
    bad: list[BadCell]
    difference: Difference
    sample: list[dict[str, str]]


class AppliedOut(Out):
    """What was done. next: where to go on, null at the end."""

    applied: int
    skipped: int
    refused: list[BadCell]
    next: int | None


# The ledger ---------------------------------------------------------------------------------------


class LedgerDays(In):
    """A county's days, both included."""

    county: Id
    first: Annotated[Day, Field(alias="from")]
    last: Annotated[Day, Field(alias="to")]
    cursor: Annotated[str, Field(max_length=200)] | None = None


class BadEvent(Out):
    """The first event of a chain that is not as it was."""

    aggregate: str
    seq: int
    why: str


class DaysVerified(Out):
    """What was found.

    chains: of outages, the grid and whatever else is no order. hours: sealed ones that were
    compared. unsealed: hours without a seal. seal_key: whether seals could be checked at all.
    elsewhere: how much is wrong with chains that are not theirs to see, of other counties and of
    confidential kinds; none of it is named.
    """

    ok: bool
    orders: int
    chains: int
    events: int
    hours: int
    seal_key: bool
    unsealed: list[Stamp]
    bad: list[BadEvent]
    elsewhere: int
    cursor: str | None


class SealOut(Out):
    """The seal of an hour. ok: null where no key is there to check it with."""

    hour: Stamp
    id: str
    events: int | None
    ok: bool | None
    why: str


class Seals(Out):
    """The seals of a local day."""

    items: list[SealOut]
