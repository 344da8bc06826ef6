"""What is sent and answered about plans, voices and news. Same manners as `models.py`."""

from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from chalicelib.api.models import Code, In, Instant, Out, Stamp, Upload, _line
from chalicelib.api.outage_models import Devices, OutageKind, OutageRow
from chalicelib.domain.outage import KINDS, Kind
from chalicelib.domain.planning import MEDIA, Announcement, Avoided, Window
from chalicelib.domain.refusal import BadInput
from chalicelib.usecases.outages import MOST_DEVICES
from chalicelib.usecases.planning import MOST_AVOIDED
from chalicelib.usecases.publishing import LONGEST_BODY, LONGEST_TITLE, NewsItem

Medium = Annotated[Literal[MEDIA], Field(examples=["radio"])]  # type: ignore[valid-type] # those of domain/planning
Checks = Literal[
    "overlap",
    "in_the_past",
    "key_unconfirmed",
    "twice_in_window",
    "holiday",
    "avoided",
    "assurance",
    "too_long",
    "late_notice",
]
LONGEST_LINE: Final = 200
Line = Annotated[str, _line(LONGEST_LINE, required=False)]
Day = Annotated[str, Field(json_schema_extra={"format": "date"}, pattern=r"^\d{4}-\d{2}-\d{2}$")]


# What comes in ----------------------------------------------------------------------------------


class PlanIn(In):
    """A switching plan: what is opened and closed, from when to when. outage: an edited one."""

    kind: OutageKind
    devices: Annotated[list[Code], Field(min_length=1, max_length=MOST_DEVICES)]
    closed: Devices = Field(default_factory=list)
    start: Instant
    end: Instant
    outage: Code | None = None

    def window(self) -> Window:
        """Return from when to when. Raises BadInput, for a kind that nobody plans as well."""
        if not KINDS[Kind(self.kind)].planned:
            raise BadInput.of("kind", "outage.kind_is_not_planned")
        if self.end <= self.start:
            raise BadInput.of("end", "plan.ends_before")
        return Window(self.start, self.end)


class AnnouncementIn(In):
    """Where an outage was made public, and what was said. proof: a photo that was uploaded."""

    medium: Medium
    outlet: Annotated[str, _line(LONGEST_LINE)]
    published_at: Instant | None = None
    area: Line = ""
    line: Line = ""
    time: Line = ""
    cause: Line = ""
    contact: Line = ""
    proof: Upload | None = None

    def announcement(self) -> Announcement:
        """Return what the journey takes."""
        return Announcement(
            medium=self.medium,
            outlet=self.outlet,
            published_at=self.published_at,
            area=self.area,
            line=self.line,
            time=self.time,
            cause=self.cause,
            contact=self.contact,
            proof=self.proof or "",
        )


class SparedDay(In):
    """An exam or a festival."""

    name: Annotated[str, _line(40)]
    first: Day
    last: Day

    def day(self, place: int) -> Avoided:
        """Return what the journey takes. Raises BadInput."""
        days = []
        for name, text in (("first", self.first), ("last", self.last)):
            try:
                days.append(date.fromisoformat(text))
            except ValueError:
                raise BadInput.of(f"items.{place}.{name}", "field.date") from None
        return Avoided(self.name, *days)


class SparedDaysIn(In):
    """All days of a county that are spared."""

    items: Annotated[list[SparedDay], Field(max_length=MOST_AVOIDED)]

    def days(self) -> list[Avoided]:
        """Return what the journey takes. Raises BadInput."""
        return [each.day(place) for place, each in enumerate(self.items)]


class NewsIn(In):
    """News of the supply. from: when they go on show, at once where none is given."""

    title: Annotated[str, _line(LONGEST_TITLE)]
    body: Annotated[str, _line(LONGEST_BODY, multiline=True)]
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Instant | None = None

    def item(self, at: datetime) -> NewsItem:
        """Return what the journey takes."""
        return NewsItem(self.title, self.body, self.since or at, self.until)


# What goes out ----------------------------------------------------------------------------------


class PlannedCalendar(Out):
    """The planned outages of a span, the soonest first."""

    items: list[OutageRow]
    as_of: Stamp


class ConflictRow(Out):
    """What speaks against a plan. blocks: only another plan helps; else a reason on record does.

    before: the move it has to be cleared for. names: days, exams or limits. other: the outage in
    the way, with what both darken.
    """

    check: Checks
    label: str
    blocks: bool
    before: Literal["submit", "announce"]
    other: str | None
    other_kind: str | None
    other_start: Stamp | None
    other_end: Stamp | None
    areas: list[str]
    households: int
    customers: int
    names: list[str]


class LeadRow(Out):
    """By when somebody must be told."""

    limit: str
    to: Literal["public", "service_centre"]
    due: Stamp
    told_at: Stamp | None
    late: bool


class ReminderRow(Out):
    """When a notice goes out; null: as soon as the outage is announced."""

    name: str
    at: Stamp | None


class PlanOutlook(Out):
    """What speaks against a plan, who signs it in which order, what falls due."""

    conflicts: list[ConflictRow]
    signers: list[str]
    leads: list[LeadRow]
    reminders: list[ReminderRow]


class PlanChecked(PlanOutlook):
    """A switching plan that nobody has kept: whom it would darken, and all of the above."""

    areas: list[str]
    feeders: list[str]
    transformers: int
    households: int
    key: int
    vulnerable: int
    sensitive: int


class AnnouncementRow(Out):
    """Where an outage was made public. lacking: required contents and proof that are missing."""

    id: str
    medium: str
    outlet: str
    published_at: Stamp | None
    area: str
    line: str
    time: str
    cause: str
    contact: str
    proof: str
    proof_url: str | None
    lacking: list[str]
    by: str
    at: Stamp


class MadePublic(Out):
    """Where an outage was made public; made_public_at: by the first that is whole and proven."""

    announcements: list[AnnouncementRow]
    made_public_at: Stamp | None


class PlanPage(PlanOutlook):
    """A plan that is kept."""

    announcements: list[AnnouncementRow]
    made_public_at: Stamp | None


class TextVoice(Out):
    """A text, its UTF-16 units and how many parts it takes."""

    body: str
    units: int
    parts: int


class SheetLine(Out):
    """A line of the sheet."""

    label: str
    value: str


class SheetVoice(Out):
    """A notice for the wall (A4). qr: the address that its code leads to."""

    title: str
    rows: list[SheetLine]
    advice: list[str]
    signed: str
    dated: str
    qr: str


class StatusVoice(Out):
    """The entry on the public page. households: a number, or `few`."""

    kind: str
    areas: list[str]
    households: str
    since: Stamp | None
    until: Stamp | None
    next_update: Stamp | None
    restored_at: Stamp | None


class FiveVoices(Out):
    """One notice in five voices."""

    language: str
    notice: str
    sms: TextVoice
    wechat: str
    loudspeaker: str
    sheet: SheetVoice
    status: StatusVoice


class SparedDayRow(Out):
    """An exam or a festival on which nobody should be without power."""

    name: str
    first: str
    last: str


class SparedDays(Out):
    """The days of a county that are spared."""

    county: str
    items: list[SparedDayRow]


class NewsRow(Out):
    """News of the supply with who wrote them."""

    id: str
    title: str
    body: str
    since: Annotated[Stamp, Field(alias="from")]
    until: Stamp | None
    by: str
    at: Stamp


class NewsRows(Out):
    """Every news of a county."""

    county: str
    items: list[NewsRow]


class TakenDown(Out):
    """It is off the page."""

    ok: bool
