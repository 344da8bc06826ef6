"""What the rules find is put on paper (预警发现): warnings, interviews, checks, circulars.

Once an hour: a complaint that became grave gets its bulletin the same day. Once a day, and again
without harm: risks by rule, the two-way condition of the month that is over, orders and cleared
lines that are checked, the month's circular drafted from its figures. Each finding has a key of its
own, from which its paper's number comes, so what was found before is not opened again. The rules
are in `domain/risks`; here is only what they are given.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from typing import Any, Final

from chalicelib.domain.calendar import CHINA, local_day
from chalicelib.domain.clocks import Rules, is_broken
from chalicelib.domain.issue import Issue
from chalicelib.domain.order import Order
from chalicelib.domain.refusal import KeyReused, Refused
from chalicelib.domain.risks import (
    COMPLAINTS,
    Counted,
    Finding,
    Said,
    drawn,
    findings,
    month_bounds,
    picked_by_rule,
    two_way,
)
from chalicelib.domain.staff import OfficeLevel
from chalicelib.store import customers, daybook, issues, orders
from chalicelib.store.customers import Place
from chalicelib.telemetry import log
from chalicelib.usecases import paper_figures, papers, recurring
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.papers import SYSTEM, New

CALLER: Final = "finder"
WEEK: Final = 7
PAGE: Final = 200
GRAVE: Final = frozenset({"major", "special"})
AUDITED: Final = frozenset({"grave", "bypass"})
"""What picks an order for the internal audit; all else picks it for a quality check. [design]"""
LOOKED_BACK: Final = 60
"""Days within which an order that was filed may still be picked by rule. [design]"""
FRESH: Final = 14
"""Days within which a complaint that becomes grave gets its bulletin. [design]"""
FOUND_BY: Final = 500
_PROMISES: Final = ("contact", "internal", "promise", "legal", "hotline", "city_hotline")


@dataclass(slots=True)
class Spotted:
    """What one run opened, by kind; and what was refused."""

    opened: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    stopped_early: bool = False


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: the desk, the instant, what it has opened so far."""

    desk: Desk
    at: datetime
    spotted: Spotted

    def open(self, new: New, key: str, answers: Mapping[str, Any]) -> None:
        """Open a paper once for its key. What a rule found and a table refuses is on the log."""
        command = Command(
            move="open",
            actor=SYSTEM,
            caller=CALLER,
            key=f"{new.kind}/{new.office}/{key}",
            salt=self.desk.derive("finder", new.kind, new.office, key)[:16],
            at=self.at,
            answers=answers,
        )
        try:
            head = papers.open_paper(self.desk, new, papers.about(answers), command)
        except KeyReused:
            return  # it is there, with the words that were right when it was found
        except Refused as refused:
            self.spotted.refused += 1
            log("spotting.refused", kind=new.kind, office=new.office, why=refused.slug)
            return
        if head.paper.recorded_at == self.at:
            self.spotted.opened[new.kind] = self.spotted.opened.get(new.kind, 0) + 1


def hourly(desk: Desk, *, at: datetime, is_out_of_time: Callable[[], bool]) -> Spotted:
    """Give every complaint that became grave its bulletin, the same day (S1.14). Raises Busy."""
    run = _Run(desk, _whole(at), Spotted())
    for county in desk.snapshot.counties:
        if is_out_of_time():
            run.spotted.stopped_early = True
            break
        told: set[str] = set()
        for head in issues.listed(county, "open", limit=FOUND_BY).items:
            if head.issue.grade in GRAVE:
                told |= head.issue.orders.keys()
                _bulletin_of_issue(run, head.issue)
        for order in _filed(county, FRESH, at):
            if order.grade in GRAVE and order.order_id not in told:
                _bulletin(run, order)
    return run.spotted


def daily(desk: Desk, *, at: datetime, is_out_of_time: Callable[[], bool]) -> Spotted:
    """Find what the rules find, county by county, then city by city. Raises Busy."""
    run = _Run(desk, _whole(at), Spotted())
    for county in _in_turn(desk, at):
        if is_out_of_time():
            run.spotted.stopped_early = True
            return run.spotted
        said = _said(desk, county, at)
        _warn(run, county, said)
        _check(run, county, said)
        _spot_check(run, county)
        _month(run, county)
    for office in desk.snapshot.offices.values():
        if office.level is OfficeLevel.CITY and office.active:
            _month(run, office.office_id)
    return run.spotted


def _in_turn(desk: Desk, at: datetime) -> list[str]:
    """Return the counties, another one first each day: where time runs out none is always last."""
    counties = list(desk.snapshot.counties)
    first = local_day(at).toordinal() % len(counties) if counties else 0
    return [*counties[first:], *counties[:first]]


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


# What is counted --------------------------------------------------------------------------------


def _filed(county: str, days: int, at: datetime) -> list[Order]:
    """Return the complaints and grievances that a county recorded in the last days. Raises Busy."""
    return [head.order for head in orders.get_many(_numbers(county, days, at))]


def _numbers(county: str, days: int, at: datetime) -> Iterator[str]:
    last = local_day(at)
    first, after = last - timedelta(days=days), None
    while True:
        page = daybook.lines(county, first, last, limit=PAGE, after=after)
        yield from (line.order_id for line in page.items if line.row["kind"] in COMPLAINTS)
        after = page.after
        if after is None:
            return


def _said(desk: Desk, county: str, at: datetime) -> list[Said]:
    rules = desk.rules(county)
    weeks = rules.number("warning.theme_weeks", at) + 1
    span = rules.limit("warning.same_place_days", at).duration.days
    days = max(weeks * WEEK, span, LOOKED_BACK)
    places = {place.code: place for place in customers.places(county, at=at)}
    return [said_of(order, places, rules, at) for order in _filed(county, days, at)]


def said_of(order: Order, places: Mapping[str, Place], rules: Rules, at: datetime) -> Said:
    """Return an order as the rules see it."""
    place = places.get(str(order.facts.get("place", "")))
    late = {name for name, clock in order.clocks.items() if is_broken(clock, at, rules)}
    visit = order.clocks.get("return_visit")
    return Said(
        order_id=order.order_id,
        kind=order.kind,
        at=order.occurred_at,
        theme=str(order.facts.get("category", "")).partition(".")[0],
        line=place.line if place else "",
        village=place.village if place else "",
        office=order.office,
        channel=order.channel,
        grade=order.grade,
        stage=order.stage,
        handler=order.assignee,
        reopened=order.reopened,
        bounces=order.bounces,
        overdue=any(name in late for name in _PROMISES),
        visit=str(order.facts.get("visit", "")),
        visit_overdue="return_visit" in late and visit is not None and visit.is_running,
    )


# What is opened ---------------------------------------------------------------------------------


GRADE_WORDS: Final = {"major": "重大", "special": "特殊"}


def _bulletin_of_issue(run: _Run, issue: Issue) -> None:
    """Draft the bulletin of a grave issue, however many orders it has."""
    grade = GRADE_WORDS[issue.grade]
    answers = {
        "issue": issue.issue_id,
        "title": f"{grade}投诉快报（台账{issue.issue_id}）",
        "body": f"台账{issue.issue_id}已定为{grade}，关联工单{len(issue.orders)}件，"
        f"责任单位{run.desk.office(issue.office).name}。请立即核查处理，并于当日反馈。",
    }
    new = New("bulletin", issue.county, day=issue.opened_at)
    run.open(new, f"{issue.issue_id}/{issue.grade}", answers)


def _bulletin(run: _Run, order: Order) -> None:
    """Draft the bulletin of a grave complaint: its number and its grade, nobody's name."""
    grade = GRADE_WORDS[order.grade]
    said = f"{order.occurred_at.astimezone(CHINA):%m月%d日%H时%M分}"
    answers = {
        "title": f"{grade}投诉快报（工单{order.order_id}）",
        "body": f"{said}受理{grade}投诉一起，工单编号{order.order_id}，"
        f"责任单位{run.desk.office(order.office).name}。请立即核查处理，并于当日反馈。",
    }
    new = New("bulletin", order.county, day=order.recorded_at)
    run.open(new, f"{order.order_id}/{order.grade}", answers)


def _warn(run: _Run, county: str, said: list[Said]) -> None:
    rules = run.desk.rules(county)
    counted = Counted(
        said,
        run.at,
        customers=paper_figures.customers(run.desk, county, at=run.at),
        dark=recurring.dark_areas(rules, county, at=run.at),
    )
    for finding in findings(counted, rules):
        answers = {"rule": finding.rule}
        new = New(
            "complaint_risk_warning",
            county,
            facts={**finding.facts, **_behind(finding)},
            day=_period(run.at, finding.rule),
        )
        run.open(new, f"{finding.rule}/{finding.key}", answers)


def _behind(finding: Finding) -> dict[str, Any]:
    return {"orders": list(finding.orders)} if finding.orders else {}


def _period(at: datetime, rule: str) -> datetime:
    """Return when the period of a rule began: its week, or its month."""
    day = local_day(at)
    weekly = rule in {"theme_rising", "overdue_visits"}
    first = day - timedelta(days=day.weekday()) if weekly else day.replace(day=1)
    return datetime.combine(first, time(), CHINA).astimezone(UTC)


def _check(run: _Run, county: str, said: list[Said]) -> None:
    """Pick what is checked: by rule what was filed, by lot a share of the month that is over."""
    rules = run.desk.rules(county)
    complaints = [each for each in said if each.kind == "complaint"]
    for each in complaints:
        rule = picked_by_rule(each) if each.stage == "archived" else ""
        if rule:
            kind = "internal_audit" if rule in AUDITED else "quality_check"
            _pick(run, kind, each, rule)
    month = _last_month(run.at)
    seed = f"{county}/{month}"
    before = {each.order_id: each for each in complaints if f"{local_day(each.at):%Y-%m}" == month}
    share = rules.limit("quality_check.share", run.at)
    chosen = drawn(
        before,
        seed=seed,
        share=Fraction(str(share.amount)) / 100,
        least=rules.number("quality_check.least", run.at),
    )
    for number in chosen:
        _pick(run, "quality_check", before[number], "sample", seed=seed)


def _pick(run: _Run, kind: str, said: Said, rule: str, *, seed: str = "") -> None:
    answers = {"order": said.order_id, "picked_by": rule}
    facts = {"seed": seed} if seed else {}
    new = New(kind, facts=facts, day=said.at)
    key = "sample" if rule == "sample" else "rule"
    run.open(new, f"{said.order_id}/{key}", answers)


def _spot_check(run: _Run, county: str) -> None:
    """Draw a share of the lines that were cleared in the month that is over (抽查, S1.31)."""
    month = _last_month(run.at)
    cleared = [
        head.issue.issue_id
        for head in issues.listed(county, "cleared", limit=FOUND_BY).items
        if head.issue.cleared_at and f"{local_day(head.issue.cleared_at):%Y-%m}" == month
    ]
    share = run.desk.rules(county).limit("spot_check.share", run.at)
    seed = f"{county}/{month}"
    for issue_id in drawn(cleared, seed=seed, share=Fraction(str(share.amount)) / 100):
        new = New("spot_check", facts={"seed": seed}, day=_first(month))
        run.open(new, issue_id, {"issue": issue_id, "picked_by": "sample"})


def _month(run: _Run, office: str) -> None:
    """Hold the month that is over against the two-way condition, and draft its circular."""
    month = _last_month(run.at)
    complaints = paper_figures.complaints(run.desk, office, month, at=run.at)
    customers_ = paper_figures.customers(run.desk, office, at=run.at)
    day = _first(_this_month(run.at))
    stands = two_way(
        "interview",
        complaints=complaints,
        customers=customers_,
        at=run.at,
        rules=run.desk.rules(office),
    )
    if stands.is_met:
        facts = {"count": complaints, "customers": customers_, "met": list(stands.met)}
        new = New("accountability_interview", office, facts=facts, day=day)
        run.open(new, month, {"reason": "monthly_condition", "month": month})
    text = circular(run.desk, office, month, complaints, customers_)
    run.open(New("circular", office, day=day), month, {"month": month, **text})


def circular(
    desk: Desk, office: str, month: str, complaints: int, customers_: int
) -> dict[str, str]:
    """Return the draft of a month's circular, made from its figures: numerators and denominators.

    A person looks at it, writes what follows from it, and publishes it (S0.27, S1.14).
    """
    name = desk.office(office).name
    rate = (
        f"{complaints * 1_000_000 / customers_:.1f}件/百万户" if customers_ else "无客户数，不计算"
    )
    year, _, number = month.partition("-")
    when = f"{year}年{int(number)}月"
    body = (
        f"一、总体情况\n{when}，{name}受理投诉{complaints}件，服务客户{customers_}户，"
        f"百万客户投诉率{rate}。\n二、主要问题\n（请补充：问题、原因和责任单位）\n"
        "三、工作要求\n（请补充：整改措施、责任人和期限）"
    )
    return {"title": f"{when}{name}投诉情况通报", "body": body}


def _this_month(at: datetime) -> str:
    return f"{local_day(at):%Y-%m}"


def _last_month(at: datetime) -> str:
    return f"{local_day(at).replace(day=1) - timedelta(days=1):%Y-%m}"


def _first(month: str) -> datetime:
    first, _ = month_bounds(month)
    return datetime.combine(first, time(), CHINA).astimezone(UTC)
