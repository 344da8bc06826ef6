"""What is answered about reliability. Same manners as `models.py`."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.api.models import Out, Stamp


class IndexRow(Out):
    """The indices of one office, feeder or cause. Figures without a denominator are null.

    key: an office's id, a feeder's, or `category.cause`. customers: whom it serves, or how many
    transformers. sustained, momentary: customers interrupted so, once an interruption; ended: those
    whose end is known, over which alone durations are counted.
    """

    key: str
    name: str
    customers: int
    sustained: int
    momentary: int
    ended: int
    saifi: float | None
    saidi_minutes: float | None
    caidi_minutes: float | None
    aihc_hours: float | None
    asai: float | None
    maifi: float | None
    cemi: float | None
    rs1: float | None
    rs3: float | None


class IndexTable(Out):
    """Indices of a period, and by what they were counted. until: a period not over ends now."""

    first: Annotated[str, Field(alias="from")]
    last: Annotated[str, Field(alias="to")]
    until: Stamp
    by: Literal["office", "feeder", "cause"]
    base: Literal["customers", "transformers"]
    momentary_minutes: int
    exclude: list[str]
    without: list[str]
    cemi: int
    rows: list[IndexRow]
    total: IndexRow
    as_of: Stamp


class WatchOut(Out):
    """How often within the window, and what that means. until: when the oldest leaves it."""

    level: Literal["none", "warn", "breach"]
    count: int
    times: list[Stamp]
    until: Stamp | None
    window: int
    unit: str
    breach_at: int


class SupplyOut(Out):
    """How often a place was dark or low lately. is_own: it is the account's own supply point."""

    place_name: str
    is_own: bool
    outages: WatchOut
    low_voltage: WatchOut


class FrequentRow(WatchOut):
    """Supply points of one area that share a history. points: how many they are."""

    id: str
    subject: Literal["frequent_outage", "low_voltage"]
    place: str
    place_name: str
    office: str
    office_name: str
    feeder: str
    points: int
    households: int


class FrequentRows(Out):
    """Who was dark, or low, too often; worst first."""

    items: list[FrequentRow]
    cursor: str | None
    as_of: Stamp
