"""What a complaint is about (投诉分类): a tree of three levels, and the regulator's themes.

The tree is data with sources; its words stand in words.py under `category.<id>`. An id is the path,
"supply_quality.voltage.long_abnormal"; any prefix of one is a category too, for whoever does not
know more yet. Levels 1 and 2 are State Grid's rule of 2014; level 3 is read in a city's report of
2021 where it says [found], else our proposal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

TREE_SOURCE: Final = "[found] State Grid, classes of complaints, 2014"
LEAF_SOURCE: Final = "[found] a city company's monthly report, 2021"
PROPOSED: Final = "[design] no source names the third level here"
KNOWN: Final = "[background, unverified] named in the trade, not read in a page"
THEME_SOURCE: Final = "[found] the regulator's monthly notices on 12398, 2024 and 2025"
PAIN_SOURCE: Final = "[found] the four pain points named by the Southern Grid in 2017 (S1.8)"
CLASS_SOURCE: Final = "[found] four classes hold nine complaints in ten, Guizhou 2017 (S1.21)"

THEMES: Final = (
    "outage",
    "low_voltage",
    "repair",
    "new_connection",
    "metering",
    "market_access",
    "licensed_installers",
    "grid_access",
    "other",
)
"""What 12398 sorts its cases by."""

PAIN_POINTS: Final = ("many_outages", "low_voltage", "slow_repair", "hard_to_connect")
"""停电多、电压低、抢修慢、用电难 (S1.8)."""

MAIN_CLASSES: Final = ("meter_reading", "outage_handling", "voltage_quality", "connection")
"""抄表收费、停电故障处理、电压质量、用电办理: nine complaints in ten (S1.21)."""


@dataclass(frozen=True, slots=True)
class Category:
    """One node of the tree.

    theme: the regulator's. pain_point, main_class: empty where it is none of them.
    lasting: it is a condition (低电压、频繁停电), not something that happened once: two complaints
    about it are about the same until it is mended.
    """

    id: str
    source: str
    theme: str
    pain_point: str = ""
    main_class: str = ""
    lasting: bool = False

    @property
    def level(self) -> int:
        """1, 2 or 3."""
        return self.id.count(".") + 1

    @property
    def parent(self) -> str:
        """The id above; empty for the first level."""
        return self.id.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class _Branch:
    """A node of the second level, as it stands below: its leaves by where they are from."""

    theme: str
    pain_point: str = ""
    main_class: str = ""
    lasting: bool = False
    source: str = TREE_SOURCE
    found: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()


_TREE: Final[Mapping[str, Mapping[str, _Branch]]] = {
    "service": {
        "attitude": _Branch("other", proposed=("hall", "meter_reader", "repair_crew", "hotline")),
        "conduct": _Branch("other", found=("repair_crew",), proposed=("shirking", "not_told_once")),
        "opening_hours": _Branch("other", proposed=("not_kept",)),
        "items": _Branch("other", proposed=("refused",)),
        "facilities": _Branch("other", proposed=("defective",)),
        "website": _Branch("other", proposed=("unavailable", "wrong_content")),
    },
    "business": {
        "new_connection": _Branch(
            "new_connection",
            "hard_to_connect",
            "connection",
            found=("over_time",),
            proposed=("designated_contractor", "repeated_trips", "capacity_refused"),
        ),
        "change_of_supply": _Branch(
            "new_connection", "hard_to_connect", "connection", proposed=("over_time", "refused")
        ),
        "meter_reading": _Branch(
            "metering",
            "",
            "meter_reading",
            proposed=("wrong_reading", "not_read", "wrong_disconnection"),
        ),
        "tariff": _Branch("metering", "", "meter_reading", proposed=("wrong_price", "wrong_bill")),
        "metering": _Branch(
            "metering", "", "meter_reading", lasting=True, proposed=("meter_fault", "test_late")
        ),
        "charges": _Branch("market_access", "", "meter_reading", proposed=("unlisted",)),
    },
    "outage_and_restoration": {
        "announcement": _Branch(
            "outage",
            "many_outages",
            "outage_handling",
            found=("no_notice",),
            proposed=("wrong_notice", "wrong_answer"),
        ),
        "planned_outage": _Branch(
            "outage", "many_outages", "outage_handling", proposed=("overrun", "not_as_announced")
        ),
        "repair": _Branch(
            "repair",
            "slow_repair",
            "outage_handling",
            found=("over_time", "quality"),
            proposed=("not_come",),
        ),
        "value_added": _Branch("other", source=KNOWN, proposed=("unwanted",)),
    },
    "supply_quality": {
        "voltage": _Branch(
            "low_voltage",
            "low_voltage",
            "voltage_quality",
            lasting=True,
            found=("long_abnormal",),
            proposed=("flicker",),
        ),
        "frequency": _Branch("other", "", "voltage_quality", lasting=True, proposed=("abnormal",)),
        "reliability": _Branch(
            "outage",
            "many_outages",
            "outage_handling",
            lasting=True,
            source=KNOWN,
            found=("frequent_outage",),
        ),
    },
    "grid_construction": {
        "safety": _Branch("other", source=KNOWN, lasting=True, proposed=("hazard",)),
        "works": _Branch(
            "licensed_installers",
            source=KNOWN,
            proposed=("conduct", "not_made_good", "compensation"),
        ),
        "capacity": _Branch(
            "grid_access", "hard_to_connect", source=KNOWN, lasting=True, proposed=("insufficient",)
        ),
        "rural_upgrade": _Branch(
            "other", "hard_to_connect", source=KNOWN, lasting=True, proposed=("delayed",)
        ),
    },
}


def _nodes() -> dict[str, Category]:
    found: dict[str, Category] = {}
    for top, branches in _TREE.items():
        found[top] = Category(top, TREE_SOURCE, "other")
        for name, branch in branches.items():
            about = (branch.theme, branch.pain_point, branch.main_class, branch.lasting)
            own = f"{top}.{name}"
            found[own] = Category(own, branch.source, *about)
            for leaves, source in ((branch.found, LEAF_SOURCE), (branch.proposed, PROPOSED)):
                found |= {
                    f"{own}.{leaf}": Category(f"{own}.{leaf}", source, *about) for leaf in leaves
                }
    return found


CATEGORIES: Final[Mapping[str, Category]] = MappingProxyType(_nodes())
"""Every node by its id, a node before those below it."""

LEVELS: Final = 3
LEAVES: Final = tuple(each.id for each in CATEGORIES.values() if each.level == LEVELS)


def matter_of(category: str) -> str:
    """Return the first two levels: what two complaints about one thing have in common.

    Empty for what names less than that.
    """
    parts = category.split(".")
    return ".".join(parts[:2]) if len(parts) >= LEVELS - 1 else ""


def theme_of(category: str) -> str:
    """Return the regulator's theme; empty for no category, and for the first level alone."""
    found = CATEGORIES.get(category)
    return found.theme if found is not None and found.level > 1 else ""


def is_lasting(category: str) -> bool:
    """Return whether a category is a condition that lasts until it is mended."""
    found = CATEGORIES.get(category)
    return found is not None and found.lasting
