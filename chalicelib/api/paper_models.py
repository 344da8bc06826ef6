"""What is sent and answered about papers (文书). Same manners as `models.py`."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from chalicelib.api.models import (
    ClockRow,
    Code,
    Facts,
    FileRow,
    In,
    Instant,
    Levels,
    MoveRow,
    Out,
    Stamp,
    read_answers,
)
from chalicelib.domain.papers import PAPERS
from chalicelib.domain.procedure import Form
from chalicelib.usecases.papers import New

KINDS: Final = tuple(sorted(PAPERS))
PaperKind = Annotated[Literal[KINDS], Field(examples=["appeal"])]  # type: ignore[valid-type] # those of domain/papers
INSTANTS: Final = frozenset(
    need.name
    for procedure in PAPERS.values()
    for needs in (procedure.intake, *(move.needs for move in procedure.moves.values()))
    for need in needs
    if need.form is Form.INSTANT
)


# What comes in ----------------------------------------------------------------------------------


class NewPaper(In):
    """A paper: its kind, whose it is, and what its kind asks for as fields of the body."""

    model_config = ConfigDict(extra="allow")

    kind: PaperKind
    office: Code | None = None

    @property
    def answers(self) -> dict[str, Any]:
        """What the kind itself asks for (/meta/papers, `intake`)."""
        return read_answers(self.model_extra, INSTANTS)

    @property
    def new(self) -> New:
        """Return what the journey takes."""
        return New(kind=self.kind, office=self.office or "")


class PaperMoveIn(In):
    """A move of a paper: the answers that it needs, as fields of the body."""

    model_config = ConfigDict(extra="allow")

    occurred_at: Instant | None = None

    @property
    def answers(self) -> dict[str, Any]:
        """What the move itself needs."""
        return read_answers(self.model_extra, INSTANTS)


# What goes out ----------------------------------------------------------------------------------


class PaperDue(Out):
    """What is due next of a paper."""

    clock: str
    label: str
    whose: str
    at: Stamp
    level: Levels


class PaperFact(Out):
    """One coded answer in words. value: a code, a number, a flag or a list of them."""

    name: str
    label: str
    value: Any
    value_label: str


class PaperRow(Out):
    """A paper as a list shows it."""

    paper_id: str
    kind: str
    kind_label: str
    stage: str
    stage_label: str
    open: bool
    title: str
    office: str
    office_name: str
    upper: str
    upper_name: str
    issue: str
    order: str
    opened_at: Stamp
    closed_at: Stamp | None
    next_due: PaperDue | None
    facts: list[PaperFact]


class PaperRows(Out):
    """A page of papers."""

    items: list[PaperRow]
    cursor: str | None
    as_of: Stamp


class PaperWords(Out):
    """What somebody wrote under a heading of the paper."""

    name: str
    label: str
    text: str


class PaperStep(Out):
    """One step of a paper's history."""

    seq: int
    name: str
    label: str
    occurred_at: Stamp
    recorded_at: Stamp
    late: bool
    actor: str
    actor_name: str
    role: str
    office_name: str
    stage: str
    facts: Facts
    words: list[PaperWords]


class Signer(Out):
    """Who signed."""

    id: str
    name: str


class AppealEffect(Out):
    """What an appeal does to the figures if it wins; `void` if it did not."""

    happened: bool
    void: bool
    complaint: int
    liable: int
    entries: int


class PaperPage(PaperRow):
    """One paper with its history, its clocks and what may be done to it."""

    version: int
    level: str
    proposer: str
    proposer_name: str
    signers: list[Signer]
    words: list[PaperWords]
    clocks: list[ClockRow]
    timeline: list[PaperStep]
    moves: list[MoveRow]
    files: list[FileRow]
    linked: list[PaperRow]
    effect: AppealEffect | None


class BesideFigure(Out):
    """A count that stands beside a figure, so that nobody can play it."""

    name: str
    label: str
    value: int


class FigureRow(Out):
    """A figure with numerator and denominator; without a denominator it has no value."""

    name: str
    label: str
    numerator: int
    denominator: int
    value: float | None
    beside: list[BesideFigure]


class PaperFigures(Out):
    """The figures of a month for an office and those below."""

    office: str
    office_name: str
    month: str
    figures: list[FigureRow]


class PaperTables(Out):
    """Every table of papers as data, with sources."""

    items: list[Facts]
    appeal: Facts
    behaviours: list[Facts]
    accountability: Facts
    interview: Facts
    warnings: list[Facts]
    samples: list[Facts]
