"""What is found by rule before it becomes worse: warnings, interviews, orders to be checked.

Every rule is a pure function of what was counted, and a row of a table with its source. Thresholds
are limits (`warning.*`, `interview.*`), so that an office may set its own. Of the
two-way condition no source gives logic or numbers (domain: §8.6): how many of the two must hold is
configuration, one of them for a warning, both for an interview. [design]
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from .calendar import local_day
from .clocks import Rules

MILLION: Final = 1_000_000
WEEK: Final = timedelta(days=7)
COMPLAINTS: Final = frozenset({"complaint", "grievance"})
"""Kinds that say that somebody is not content: a grievance (抱怨) is a sign of a complaint."""


@dataclass(frozen=True, slots=True)
class Said:
    """One complaint or grievance, as the rules see it. Empty where nothing is known.

    theme: its category of the first level, which all have. line, village: where. stage and the
    counts as on its head.
    """

    order_id: str
    kind: str
    at: datetime
    theme: str = ""
    line: str = ""
    village: str = ""
    office: str = ""
    channel: str = ""
    grade: str = ""
    stage: str = ""
    handler: str = ""
    reopened: int = 0
    bounces: int = 0
    overdue: bool = False
    visit: str = ""
    visit_overdue: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found. key: what it is about, the same for as long as it is the same finding.

    facts: counts and codes for the paper. orders: the newest of those behind it.
    """

    rule: str
    key: str
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    orders: tuple[str, ...] = ()


MOST_NAMED: Final = 12
"""How many orders a finding names. [design]"""

# Two-way condition ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TwoWay:
    """The two-way condition (双向条件) as it stood: both sides with what they were held against.

    per_million: complaints of the month per million customers; None where nobody is counted.
    """

    complaints: int
    customers: int
    per_million: Fraction | None
    count_limit: int
    rate_limit: int
    wanted: int
    met: tuple[str, ...]

    @property
    def is_met(self) -> bool:
        """Whether as many of the two hold as are wanted: one of them (OR) or both (AND)."""
        return len(self.met) >= self.wanted


def per_million(complaints: int, customers: int) -> Fraction | None:
    """Return complaints per million customers (百万客户投诉率); None where there are none."""
    return Fraction(complaints * MILLION, customers) if customers else None


def two_way(purpose: str, *, complaints: int, customers: int, at: datetime, rules: Rules) -> TwoWay:
    """Return how the condition stands for `interview` or `warning`: limits of that name."""
    count_limit = rules.number(f"{purpose}.complaints", at)
    rate_limit = rules.number(f"{purpose}.per_million", at)
    rate = per_million(complaints, customers)
    met = []
    if complaints >= count_limit:
        met.append("complaints")
    if rate is not None and complaints and rate >= rate_limit:
        met.append("per_million")
    return TwoWay(
        complaints,
        customers,
        rate,
        count_limit,
        rate_limit,
        rules.number(f"{purpose}.conditions", at),
        tuple(met),
    )


# Rules of warnings ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counted:
    """What the rules of warnings are given of a county.

    dark: places that were dark too often, as (place, how often). customers: of the county.
    """

    said: Sequence[Said]
    at: datetime
    customers: int = 0
    dark: Sequence[tuple[str, int]] = ()


def _within(said: Iterable[Said], at: datetime, span: timedelta) -> list[Said]:
    return [each for each in said if at - span <= each.at <= at]


def _finding(rule: str, key: str, behind: Sequence[Said], **facts: Any) -> Finding:
    newest = sorted(behind, key=lambda each: (each.at, each.order_id), reverse=True)[:MOST_NAMED]
    orders = tuple(each.order_id for each in newest)
    return Finding(rule, key, {"count": len(behind), **facts}, orders)


def _theme_rising(counted: Counted, rules: Rules) -> list[Finding]:
    """A theme of the last seven days against the mean week of its own history."""
    at = counted.at
    weeks = rules.number("warning.theme_weeks", at)
    least, times = rules.number("warning.theme_least", at), rules.number("warning.theme_rise", at)
    found = []
    now = _within(counted.said, at, WEEK)
    before = [each for each in _within(counted.said, at, WEEK * (weeks + 1)) if each not in now]
    history = Counter(each.theme for each in before if each.theme)
    for theme, count in sorted(Counter(each.theme for each in now if each.theme).items()):
        mean = Fraction(history[theme], weeks)
        if count >= least and count >= mean * times:
            behind = [each for each in now if each.theme == theme]
            found.append(
                _finding(
                    "theme_rising",
                    f"{theme}/{_week(at)}",
                    behind,
                    theme=theme,
                    mean_tenths=int(mean * 10),
                )
            )
    return found


def _week(at: datetime) -> str:
    year, week, _ = local_day(at).isocalendar()
    return f"{year}-W{week:02}"


def _same(rule: str, where: str) -> Callable[[Counted, Rules], list[Finding]]:
    def find(counted: Counted, rules: Rules) -> list[Finding]:
        """Several complaints on one line, or in one village, within the days of the limit."""
        span = rules.limit("warning.same_place_days", counted.at).duration
        wanted = rules.number("warning.same_place", counted.at)
        near = [each for each in _within(counted.said, counted.at, span) if getattr(each, where)]
        groups = Counter(getattr(each, where) for each in near)
        return [
            _finding(
                rule,
                f"{name}/{_month(counted.at)}",
                [each for each in near if getattr(each, where) == name],
                place=name,
            )
            for name, count in sorted(groups.items())
            if count >= wanted
        ]

    return find


def _month(at: datetime) -> str:
    return f"{local_day(at):%Y-%m}"


def _frequent_outage(counted: Counted, rules: Rules) -> list[Finding]:
    """Places that were dark too often: they complain next (停电多, S1.8)."""
    wanted = rules.number("warning.outages", counted.at)
    return [
        Finding(
            "frequent_outage", f"{place}/{_month(counted.at)}", {"count": count, "place": place}
        )
        for place, count in sorted(counted.dark)
        if count >= wanted
    ]


def _overdue_visits(counted: Counted, rules: Rules) -> list[Finding]:
    """Return visits that are overdue: whom nobody calls back calls somebody else."""
    late = [each for each in counted.said if each.visit_overdue]
    if len(late) < rules.number("warning.overdue_visits", counted.at):
        return []
    return [_finding("overdue_visits", _week(counted.at), late)]


def _complaint_rate(counted: Counted, rules: Rules) -> list[Finding]:
    """The two-way condition of the running month, with the thresholds of a warning (S1.15)."""
    month = [
        each
        for each in counted.said
        if each.kind == "complaint" and _month(each.at) == _month(counted.at)
    ]
    stands = two_way(
        "warning",
        complaints=len(month),
        customers=counted.customers,
        at=counted.at,
        rules=rules,
    )
    if not stands.is_met:
        return []
    return [
        _finding(
            "complaint_rate",
            _month(counted.at),
            month,
            customers=counted.customers,
            met=list(stands.met),
        )
    ]


@dataclass(frozen=True, slots=True)
class WarningRule:
    """One rule by which a risk is found. limits: those that it reads."""

    name: str
    find: Callable[[Counted, Rules], list[Finding]]
    limits: tuple[str, ...]
    source: str


_HOT: Final = "[found] seed 001: hot and sensitive issues are collected (S1.28); number [design]"
WARNINGS: Final = (
    WarningRule(
        "theme_rising",
        _theme_rising,
        ("warning.theme_weeks", "warning.theme_least", "warning.theme_rise"),
        _HOT,
    ),
    WarningRule(
        "same_line",
        _same("same_line", "line"),
        ("warning.same_place", "warning.same_place_days"),
        _HOT,
    ),
    WarningRule(
        "same_village",
        _same("same_village", "village"),
        ("warning.same_place", "warning.same_place_days"),
        _HOT,
    ),
    WarningRule(
        "frequent_outage",
        _frequent_outage,
        ("warning.outages",),
        "[found] seed 001: 停电多 is the first of the four pain points (S1.8); number [design]",
    ),
    WarningRule(
        "overdue_visits",
        _overdue_visits,
        ("warning.overdue_visits",),
        "[found] seed 001: return visits are strengthened so that nobody goes over our heads "
        "(S1.30); number [design]",
    ),
    WarningRule(
        "complaint_rate",
        _complaint_rate,
        ("warning.complaints", "warning.per_million", "warning.conditions"),
        "[found] seed 001: the two-way condition (S1.15); numbers and OR for a warning [design]",
    ),
)
"""The rules by which a complaint-risk warning is found, as data."""


def findings(counted: Counted, rules: Rules) -> tuple[Finding, ...]:
    """Return everything that the rules of warnings find, in the order of the table."""
    return tuple(found for rule in WARNINGS for found in rule.find(counted, rules))


# What is checked --------------------------------------------------------------------------------


def picked_by_rule(said: Said) -> str:
    """Return the first rule by which an order must be checked; empty where none picks it.

    Problem orders are the handle (S0.30): what was reopened, found wanting, bounced or late.
    """
    rules: tuple[tuple[str, bool], ...] = (
        ("grave", said.grade in {"major", "special"}),
        ("bypass", said.channel == "12398"),
        ("dissatisfied", said.visit == "dissatisfied"),
        ("reopened", said.reopened > 0),
        ("bounced", said.bounces > 1),
        ("overdue", said.overdue),
    )
    return next((name for name, holds in rules if holds), "")


def drawn(ids: Iterable[str], *, seed: str, share: Fraction, least: int = 0) -> list[str]:
    """Return a share of the ids by lot, at least `least` of them; anybody can draw it again.

    Each id's place is the hash of seed and id, so the draw needs no dice, does not depend on the
    order in which the ids come, and is the same wherever it is made. share: of 1, rounded up.
    """
    known = sorted(set(ids))
    wanted = min(len(known), max(least, -(-len(known) * share.numerator // share.denominator)))
    ranked = sorted(known, key=lambda each: sha256(f"{seed}\n{each}".encode()).digest())
    return sorted(ranked[:wanted])


# Figures ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with what it was made of; the value is None where the denominator is 0."""

    name: str
    numerator: int
    denominator: int
    beside: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    times: int = 100

    @property
    def value(self) -> Fraction | None:
        """The figure: a percentage, or per million where `times` says so."""
        return Fraction(self.numerator * self.times, self.denominator) if self.denominator else None


def appeal_pass_rate(results: Iterable[str], *, submitted: int) -> Figure:
    """Return 申诉通过率: upheld ÷ decided, what was submitted standing beside it (S0.35).

    results: the final stages of the appeals that were decided in the period. Upheld in part counts
    as not upheld, and is shown. [design]
    """
    counted = Counter(results)
    won, partly, lost = (counted[f"appeal_{end}"] for end in ("won", "partly_won", "lost"))
    beside = {"submitted": submitted, "partly": partly, "lost": lost}
    return Figure("appeal_pass_rate", won, won + partly + lost, beside)


def complaints_per_million(complaints: int, customers: int) -> Figure:
    """Return 百万客户投诉率 of a month; the count stands beside it, as few customers make noise."""
    beside = {"complaints": complaints}
    return Figure("complaints_per_million", complaints, customers, beside, times=MILLION)


def closed_loop_rate(cleared: int, due: int) -> Figure:
    """Return 闭环解决率: cleared issues ÷ issues due for clearing; the target is 100 % (S1.23)."""
    return Figure("closed_loop_rate", cleared, due)


def month_bounds(month: str) -> tuple[date, date]:
    """Return the first and the last local day of a month, `2026-11`. Raises ValueError."""
    first = date.fromisoformat(f"{month}-01")
    following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first, following - timedelta(days=1)
