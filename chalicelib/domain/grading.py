"""How grave a complaint is (投诉分级): a table of rules proposes it, each with its reason.

A rule says what must be so; which grade follows is a limit, `grade.<rule>`, with source and date,
which an office may set otherwise or switch off. The gravest rule that holds wins. Nothing here
lowers a grade: that is for a person, with a reason, a level up.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

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


# Signs of a grade in a report -------------------------------------------------------------------

_NEGATED: Final = re.compile(
    r"(?:没有?|无|未|不会?|不想|并非|别)(?:有|人|人员|任何|造成|发生|出现|导致|去|找|联系|通知|被|想|要)*\Z"
)
"""What stands right before a phrase that says it is not so: 没有人受伤、未造成伤亡."""
_PHRASES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "media.central": ("央视", "中央电视台", "新华社", "人民日报", "焦点访谈"),
        "media.provincial": ("省电视台", "省台记者", "省报", "卫视"),
        "media.city": (
            *("记者采访", "记者来", "记者已", "媒体报道", "媒体已", "电视台来", "电视台报道"),
            *("上了新闻", "上新闻了", "上了电视", "热搜", "已被曝光"),
        ),
        "government.central": ("国务院", "国家信访局", "中央巡视"),
        "government.provincial": ("省政府", "省委", "省长", "省信访"),
        "government.city": ("市政府", "市委", "市长", "市信访"),
        "government.county": (
            "县政府",
            "县委",
            "县长",
            "县信访",
            "政府督办",
            "人大代表",
            "政协委员",
        ),
        "group": (
            *("联名", "集体投诉", "集体上访", "集体反映", "代表全村", "代表村民", "代表业主"),
            *("业主们", "村民们", "业主代表", "村民代表", "大家一起"),
        ),
        "injury": (
            *("受伤", "触电", "电伤", "烧伤", "伤亡", "死亡", "电死", "住院", "送医", "被电"),
            *("伤了人", "人身伤害"),
        ),
        "tendency": (
            *("12398", "能源局", "监管局", "监管办", "消协", "12315", "上访"),
            *("找媒体", "找记者", "找电视台", "曝光"),
        ),
    }
)
"""Words that may be a sign of a grade's criteria. A person confirms: the same words may mean
something else, and nothing is raised by them alone. [design] after the criteria in §2.3."""
SIGNS: Final = tuple(_PHRASES)
ASKED: Final = ("media", "government", "group_event", "injury")
"""What the intake of a complaint asks for, to be ticked."""
NONE: Final = "none"


def signs_in(text: str) -> tuple[str, ...]:
    """Return the signs of a grade's criteria in a report's words, as SIGNS has them."""
    found = (
        sign
        for sign, phrases in _PHRASES.items()
        for phrase in phrases
        if any(
            not _NEGATED.search(text, 0, place.start())
            for place in re.finditer(re.escape(phrase), text)
        )
    )
    return tuple(dict.fromkeys(found))


def signs_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return an order's signs: what was ticked at its intake, and what its words said."""
    ticked = [
        f"{name}.{facts[name]}"
        for name in ("media", "government")
        if facts.get(name) in GOVERNMENTS
    ]
    ticked += ["group"] if facts.get("group_event") is True else []
    ticked += ["injury"] if facts.get("injury") is True else []
    return tuple(dict.fromkeys([*ticked, *map(str, facts.get("signs", ()))]))


def with_signs(facts: Facts, signs: Iterable[str]) -> Facts:
    """Return the facts with what these signs say, the highest standing of each."""
    known = set(signs)

    def highest(sort: str, own: str) -> str:
        standing = [each for each in GOVERNMENTS if each == own or f"{sort}.{each}" in known]
        return standing[-1] if standing else own

    return replace(
        facts,
        media=highest("media", facts.media),
        supervised_by=highest("government", facts.supervised_by),
        group=facts.group or "group" in known,
        injury=facts.injury or "injury" in known,
        may_bypass=facts.may_bypass or "tendency" in known,
    )


SCALES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "state_grid": MappingProxyType({each: f"choice.grade.{each}" for each in GRADES}),
        "southern_grid": MappingProxyType({each: f"grade.southern_grid.{each}" for each in GRADES}),
    }
)
"""What each company calls the grades: the key of its word. 特殊、重大、重要、一般 and
特大、重大、较大、一般 stand in the same places. Source: §3.3 of our facts."""
