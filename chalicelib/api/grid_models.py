"""What is sent and answered about the grid. Same manners as `models.py`."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from chalicelib.api.models import In, Instant, Out, Stamp, _line
from chalicelib.domain.grid.reading import CUSTOMERS, DEVICES, SWITCHES
from chalicelib.usecases.outages import MOST_DEVICES
from chalicelib.usecases.switching import REASONS

DeviceId = Annotated[str, _line(80)]
Switches = Annotated[list[DeviceId], Field(max_length=MOST_DEVICES)]
Reason = Annotated[Literal[REASONS], Field(examples=["fault"])]  # type: ignore[valid-type] # those of the use case
Table = Annotated[str, Field(max_length=6_000_000)]
FIELDS: Final = {"devices": DEVICES, "switches": SWITCHES, "customers": CUSTOMERS}


# What comes in ----------------------------------------------------------------------------------


class SurveyIn(In):
    """The three tables in base64, each plain or gzipped. switches: may be left out."""

    county: Annotated[str, _line(64)] | None = None
    devices: Table
    switches: Table = ""
    customers: Table


class GoOn(In):
    """From which step on; 0 at first."""

    after: Annotated[int, Field(ge=0)] = 0


class SwitchIn(In):
    """What was opened and closed. at: when; now where it is left out."""

    opened: Switches = Field(default_factory=list)
    closed: Switches = Field(default_factory=list)
    reason: Reason
    at: Instant | None = None


# Taking over ------------------------------------------------------------------------------------


class GridMistake(Out):
    """One thing in a table. line: as an editor counts, 1 is the header."""

    file: str
    line: int
    column: str
    code: str
    detail: str


class GridProblem(Out):
    """Something about the network as a whole. notice: may be meant so."""

    code: str
    detail: str
    devices: list[str]
    loads: int
    notice: bool


class MapChanges(Out):
    """How many maps are new, changed, the same, dropped, and kept beside what was sent."""

    add: int
    change: int
    same: int
    gone: int
    beside: int


class HomeChanges(Out):
    """How many households are new, changed, elsewhere now, and the same."""

    add: int
    change: int
    move: int
    same: int


class MapChange(Out):
    """What happens to one map."""

    feeder: str
    change: Literal["add", "change", "same", "gone", "beside"]


class Surveyed(Out):
    """What the tables would do. Nothing is applied yet; they wait for a day.

    compared: of how many customers it is known yet; `compare` goes on. steps: what `apply` counts.
    """

    id: str
    county: str
    devices: dict[str, int]
    feeders: MapChanges
    changes: list[MapChange]
    transformers: int
    places: int
    customers: int
    households: HomeChanges
    compared: int
    unplaced: int
    bad_rows: int
    bad: list[GridMistake]
    notice_rows: int
    notices: list[GridMistake]
    problems: list[GridProblem]
    steps: int


class SurveyApplied(Out):
    """What was written. next: where to go on, null at the end."""

    maps: int
    places: int
    households: int
    unchanged: int
    steps: int
    next: int | None


# Looking ----------------------------------------------------------------------------------------


class FeederRow(Out):
    """A map: of a feeder, or of a substation above its feeders.

    feeder: its name here, such as `feeder/F-03`. switched: switches that stand otherwise than
    usual. since: from when this version holds.
    """

    county: str
    feeder: str
    id: str
    is_feeder: bool
    name: str
    substation: str
    devices: int
    transformers: int
    households: int
    switched: int
    version: int
    since: Stamp


class Feeders(Out):
    """The maps of one's counties."""

    items: list[FeederRow]


class GridDevice(Out):
    """A device. closed: as it stands now."""

    id: str
    name: str
    kind: str
    from_: Annotated[str, Field(serialization_alias="from", validation_alias="from")]
    to: str
    phases: str
    kv: str
    closed: bool
    normally_open: bool
    switchable: bool
    protective: bool


class Tie(Out):
    """A switch to other feeders."""

    device: str
    name: str
    closed: bool
    to: list[str]


class MapVersion(Out):
    """One version of a map."""

    version: int
    since: Stamp


class FeederPage(FeederRow):
    """One map, a page of its devices at a time."""

    ties: list[Tie]
    versions: list[MapVersion]
    items: list[GridDevice]
    cursor: str | None


class FoundDevice(GridDevice):
    """A device, and on which map it is."""

    county: str
    feeder: str


class FoundArea(Out):
    """An area of a transformer."""

    code: str
    name: str
    county: str
    office: str
    line: str
    households: int


class GridAccount(Out):
    """A household, masked. transformer: empty where nobody knows it."""

    account: str
    name: str
    address: str
    transformer: str
    load: str
    meters: list[str]


class GridFound(Out):
    """What a search found, the best first."""

    devices: list[FoundDevice]
    transformers: list[FoundArea]
    accounts: list[GridAccount]


class Unplaced(Out):
    """Customers whose transformer is unknown. total: how many."""

    items: list[GridAccount]
    total: int
    cursor: str | None


# Switching --------------------------------------------------------------------------------------


class SwitchedMap(Out):
    """A map that switching changed, and its version now."""

    feeder: str
    version: int


class SwitchedOut(Out):
    """What became of it. moved: transformers on another feeder. dark, lit: households."""

    county: str
    feeders: list[SwitchedMap]
    moved: list[str]
    dark: int
    lit: int


class SwitchRow(Out):
    """One switching, as the ledger has it."""

    seq: int
    county: str
    at: Stamp
    recorded_at: Stamp
    by: str
    by_name: str
    opened: list[str]
    closed: list[str]
    reason: str
    feeders: list[str]
    moved: int
    dark: int
    lit: int


class Switchings(Out):
    """What was switched, the newest first."""

    items: list[SwitchRow]
    cursor: str | None


def tables_of(sent: Any) -> dict[str, str]:
    """Return the tables of a body, still in base64, by file name."""
    return {name: getattr(sent, field) for field, name in FIELDS.items() if getattr(sent, field)}
