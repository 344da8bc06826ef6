"""How grave a complaint is (投诉分级): a table of rules proposes it, each with its reason.

A rule says what must be so; which grade follows is a limit, `grade.<rule>`, with source and date,
which an office may set otherwise or switch off. The gravest rule that holds wins. Nothing here
lowers a grade: that is for a person, with a reason, a level up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from .clocks import Rules
from .order import GRADES

GOVERNMENTS: Final = ("county", "city", "provincial", "central")
"""Lowest first: of a government that forwards or supervises, and of the press that reports."""
REGULATOR: Final = "regulator"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a grade is proposed from.

    forwarded_by: REGULATOR, one of GOVERNMENTS, or empty. supervised_by, media: one of GOVERNMENTS
    (media: of that standing) or empty. repeated: how many complaints this is of the customer about
    the event, this one included. complaints, households: on the event, of everybody.
    """

    forwarded_by: str = ""
    supervised_by: str = ""
    media: str = ""
    group: bool = False
    injury: bool = False
    may_bypass: bool = False
    repeated: int = 1
    complaints: int = 1
    households: int = 0


@dataclass(frozen=True, slots=True)
class GradeRule:
    """One rule. reason: one of `moves.GRAVER`, as the move that raises a grade gives it.

    thresholds: limits that `holds` is handed beside the facts, by their amounts.
    """

    name: str
    reason: str
    holds: Callable[[Facts, tuple[int, ...]], bool]
    thresholds: tuple[str, ...] = ()

    @property
    def limit(self) -> str:
        """The limit that says which grade follows: 1 is the lowest of GRADES."""
        return f"grade.{self.name}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The grade that the rules propose, and the names of those that hold, the gravest first."""

    grade: str
    rules: tuple[str, ...]
    reasons: tuple[str, ...]


RULES: Final = (
    GradeRule(
        "regulator_group",
        REGULATOR,
        lambda facts, _: facts.forwarded_by == REGULATOR and facts.group,
    ),
    GradeRule("forwarded_central", "government", lambda facts, _: facts.forwarded_by == "central"),
    GradeRule(
        "supervised_provincial",
        "government",
        lambda facts, _: facts.supervised_by in {"provincial", "central"},
    ),
    GradeRule("media_national", "media", lambda facts, _: facts.media == "central"),
    GradeRule("regulator", REGULATOR, lambda facts, _: facts.forwarded_by == REGULATOR),
    GradeRule(
        "forwarded_provincial", "government", lambda facts, _: facts.forwarded_by == "provincial"
    ),
    GradeRule("supervised_city", "government", lambda facts, _: facts.supervised_by == "city"),
    GradeRule("media_provincial", "media", lambda facts, _: facts.media == "provincial"),
    GradeRule("injury", "injury", lambda facts, _: facts.injury),
    GradeRule("supervised_county", "government", lambda facts, _: facts.supervised_by == "county"),
    GradeRule("media_city", "media", lambda facts, _: facts.media in {"county", "city"}),
    GradeRule("may_bypass", "may_bypass", lambda facts, _: facts.may_bypass),
    GradeRule("group", "group_complaint", lambda facts, _: facts.group),
    GradeRule(
        "repeated",
        "repeated",
        lambda facts, least: facts.repeated >= least[0],
        ("grade.repeated_from",),
    ),
    GradeRule(
        "wide_impact",
        "wide_impact",
        lambda facts, least: facts.households >= least[0] or facts.complaints >= least[1],
        ("site_investigation.households", "site_investigation.complaints"),
    ),
)
"""Every rule. The grades that follow, and where they are from, are limits."""


def propose(facts: Facts, *, rules: Rules, at: datetime) -> Proposal:
    """Return the grade that an office's rules propose at an instant, and why."""
    found: list[tuple[int, GradeRule]] = []
    for each in RULES:
        follows = rules.limit(each.limit, at)
        least = tuple(rules.limit(name, at).number for name in each.thresholds)
        if follows.enabled and each.holds(facts, least):
            found.append((follows.number, each))
    found.sort(key=lambda one: -one[0])
    grade = GRADES[found[0][0] - 1] if found else GRADES[0]
    return Proposal(
        grade,
        tuple(each.name for _, each in found),
        tuple(dict.fromkeys(each.reason for _, each in found)),
    )


def rises(grade: str, proposal: Proposal) -> bool:
    """Return whether a proposal is graver than a grade."""
    return GRADES.index(proposal.grade) > GRADES.index(grade or GRADES[0])


SCALES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "state_grid": MappingProxyType({each: f"choice.grade.{each}" for each in GRADES}),
        "southern_grid": MappingProxyType({each: f"grade.southern_grid.{each}" for each in GRADES}),
    }
)
"""What each company calls the grades: the key of its word. 特殊、重大、重要、一般 and
特大、重大、较大、一般 stand in the same places. Source: §3.3 of our facts."""
