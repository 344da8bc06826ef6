"""What metering platforms send and are answered. Same manners as `models.py`."""

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.api.admin_models import Id
from chalicelib.api.models import In, Instant, Out
from chalicelib.domain.patrol import Reading, Sort
from chalicelib.usecases.patrolling import MOST_READINGS, Read

HIGHEST: Final = 10_000
PHASES: Final = 3
"""The most values of a reading."""


class ReadSubject(In):
    """Whose reading it is: one of the four."""

    transformer: Id | None = None
    device: Id | None = None
    account: Id | None = None
    meter: Id | None = None

    @model_validator(mode="after")
    def _one(self) -> "ReadSubject":
        if len(self.named) != 1:
            raise PydanticCustomError("reading.subject", "refused")
        return self

    @property
    def named(self) -> list[tuple[str, str]]:
        """What is named, with its sort."""
        return [(sort, key) for sort in type(self).model_fields if (key := getattr(self, sort))]


class ReadingIn(In):
    """One reading. values: a load in per cent of the rated power, or volts of each phase."""

    kind: Literal["load", "voltage", "trip"]
    subject: ReadSubject
    source: Id
    occurred_at: Instant
    values: Annotated[
        list[Annotated[float, Field(ge=0, le=HIGHEST, allow_inf_nan=False)]],
        Field(max_length=PHASES),
    ] = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits(self) -> "ReadingIn":
        least, most = {"load": (1, 1), "voltage": (1, PHASES), "trip": (0, 0)}[self.kind]
        if not least <= len(self.values) <= most:
            raise PydanticCustomError("reading.values", "refused")
        return self

    @property
    def read(self) -> Read:
        """Return it as the journey takes it."""
        reading = Reading(Sort(self.kind), self.occurred_at, tuple(self.values))
        return Read(self.subject.named[0], reading, self.source)


class ReadingsIn(In):
    """What was read, in any order; what was sent before may be among it."""

    readings: Annotated[list[ReadingIn], Field(min_length=1, max_length=MOST_READINGS)]


class UnknownReading(Out):
    """A reading of something that does not hang under the key's office."""

    index: int
    subject: str


class RefusedReading(Out):
    """A reading that cannot be, by its place in the request."""

    index: int
    code: str


class FoundOut(Out):
    """What was found now, and the order that was opened for it."""

    kind: str
    subject: str
    order: str


class ReadingsTaken(Out):
    """What became of readings."""

    accepted: int
    unknown: list[UnknownReading]
    refused: list[RefusedReading]
    found: list[FoundOut]
