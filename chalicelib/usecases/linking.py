"""Orders reach the complaint ledger (立账、关联): they open an issue or join one that is theirs.

An event of an order that goes on the ledger brings the order here: what it left (telephone,
account, meter, place, outage) is compared with what others left, and it joins the issue of one that
is certainly about the same, or opens its own. Everything later that happens to it is copied to that
issue. Each step may be done again: an issue's id comes from the order that opens it, a link that is
there is no news, and a copy says which version it is of.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain import issue_moves, triggers
from chalicelib.domain.calendar import local_day
from chalicelib.domain.categories import matter_of, theme_of
from chalicelib.domain.clocks import Rules, due, whole
from chalicelib.domain.contact import Phone, phone_key
from chalicelib.domain.indicators import Watch
from chalicelib.domain.issue import ACTIVE, DONE, Bypass, Issue, Linked, Source, State
from chalicelib.domain.issue_moves import Act, Made, Place
from chalicelib.domain.order import GRADES, Actor, Event, Order, order_number
from chalicelib.domain.procedure import ISSUE, is_on_ledger
from chalicelib.domain.reach import Reach
from chalicelib.domain.refusal import BadInput, GateClosed, IllegalMove, Stale, Unknown
from chalicelib.domain.repeats import Match, Reason, Trace, Windows, compare, matches
from chalicelib.domain.staff import Outsider
from chalicelib.store import customers, issues, orders, outages, personal, traces
from chalicelib.store.issues import Change
from chalicelib.store.orders import Head
from chalicelib.telemetry import log
from chalicelib.usecases import recurring
from chalicelib.usecases.desk import Desk

SYSTEM: Final = Actor(Outsider.SYSTEM.value, "ledger")
TRIES: Final = 6
LONGEST_LIFE: Final = timedelta(days=180)
"""How old an order may be that another is compared with; it must have been alive lately, too."""
OUTAGES_SINCE: Final = timedelta(days=2)
REASONS: Final[Mapping[Reason, str]] = MappingProxyType(
    {reason: reason.value for reason in Reason} | {Reason.NAMED: "repeat"}
)
"""Why two belong together, in the words of an issue's link."""
PROMISES: Final = ("contact", "internal", "promise", "legal", "hotline", "city_hotline")
SETTLED: Final = (IllegalMove, GateClosed, BadInput)
"""Refusals that doing it again would not change."""


def follow(desk: Desk, order_id: str, *, at: datetime) -> str:
    """Bring an order as it stands to its issue. Return why not, empty when it is there.

    Raises Stale when others were faster again and again, and Busy.
    """
    head = orders.get(order_id)
    order = head.order
    if order.training or not is_on_ledger(order, desk.procedure(order.kind)):
        return "not-on-ledger"
    for _ in range(TRIES):
        known = traces.issue_of(order_id) or str(order.facts.get(ISSUE, ""))
        try:
            if known:
                return _copy(desk, holder(known), head, at=at)
            return _place(desk, head, at=at)
        except Stale:
            continue
    raise Stale(what="issue")


def holder(issue_id: str) -> issues.Head:
    """Return the issue that has an issue's orders now: itself, or what it was merged into."""
    head = issues.get(issue_id)
    seen = {issue_id}
    while head.issue.state is State.MERGED and head.issue.parent not in seen:
        seen.add(head.issue.parent)
        head = issues.get(head.issue.parent)
    return head


def issue_id_of(desk: Desk, order_id: str) -> str:
    """Return the id of the issue that an order opens: always the same for the same order."""
    return order_number(desk.secret, ISSUE, order_id)


# What an order left -----------------------------------------------------------------------------


def trace_of(desk: Desk, head: Head) -> Trace:
    """Return what may be compared of an order. Raises Busy."""
    order = head.order
    contact = _contact(head)
    account = str(contact.get("account_no", ""))
    household = customers.find_household(account) if account else None
    caller = phone_key(Phone(str(contact["phone"])), desk.secret) if contact.get("phone") else ""
    own = {phone_key(each, desk.secret) for each in household.phones} if household else set()
    people = {caller, *own} if caller in own else {caller}
    place = str(order.facts.get("place", ""))
    return Trace(
        order_id=order.order_id,
        kind=order.kind,
        at=order.occurred_at,
        county=order.county,
        people=frozenset(people - {""}),
        account=_hidden(desk, "account", account),
        meters=frozenset(
            _hidden(desk, "meter", each) for each in (household.meters if household else ())
        ),
        place=place,
        category=str(order.facts.get("category", "")),
        outage=_outage_of(order, place, household.load_id if household else ""),
        closed_at=order.closed_at,
        unsolved=_is_unsolved(order),
        confidential=desk.procedure(order.kind).confidential,
        names=str(order.facts.get("earlier_order", "")),
    )


def _contact(head: Head) -> Mapping[str, Any]:
    try:
        return personal.contact(str(head.shown.get("party", "")), head.order.order_id).contact
    except Unknown:
        return {}


def _hidden(desk: Desk, sort: str, value: str) -> str:
    """Return a keyed hash: what two orders left is compared, and nobody reads what it was."""
    return desk.derive("trace", sort, value).hex()[:32] if value else ""


def _is_unsolved(order: Order) -> bool:
    return order.facts.get("visit") == "dissatisfied" or order.reopened > 0


def _outage_of(order: Order, place: str, load: str) -> str:
    """Return the outage that darkened the place when the order came, if one did."""
    if not place:
        return ""
    lately = outages.over_since(
        order.county, order.occurred_at - OUTAGES_SINCE, at=order.recorded_at
    )
    for each in (*outages.board(order.county).heads, *lately):
        outage = each.outage
        has_begun = outage.since is not None and outage.since <= order.occurred_at
        if has_begun and any(_is_at(step.reach, place, load) for step in outage.steps.values()):
            return outage.outage_id
    return ""


def _is_at(reach: Reach, place: str, load: str) -> bool:
    part = reach.part(place)
    return bool(part) and (part.is_all or not load or part.covers(load))


def found_like(desk: Desk, trace: Trace, *, at: datetime) -> tuple[Match, ...]:
    """Return the orders that one may be about the same with, the surest first. Raises Busy."""
    rules = desk.rules(trace.county)
    windows = Windows.of(rules, at)
    left = traces.like(trace, since=trace.at - LONGEST_LIFE, lately=trace.at - windows.event)
    if trace.names and trace.names not in left:
        left |= _named(desk, trace)
    heads = orders.get_many(left)
    now = (
        replace(
            left[head.order.order_id],
            closed_at=head.order.closed_at,
            unsolved=_is_unsolved(head.order),
        )
        for head in heads
    )
    return matches(trace, now, windows=windows)


def _named(desk: Desk, trace: Trace) -> dict[str, Trace]:
    """Return the order that the customer names, if it is one of this county."""
    try:
        head = orders.get(trace.names)
    except Unknown:
        return {}
    return {trace.names: trace_of(desk, head)} if head.order.county == trace.county else {}


def impact_of(desk: Desk, issue: Issue, *, at: datetime) -> triggers.Impact:
    """Return how far an issue's event reaches: complaints of everybody, households in the dark."""
    windows = Windows.of(desk.rules(issue.county), at)
    about, dark = set(issue.orders), 0
    for head in orders.get_many(issue.orders):
        trace = trace_of(desk, head)
        near = traces.like(trace, since=trace.at, lately=trace.at - windows.event)
        about |= {
            each.order_id
            for each in matches(trace, _earlier(near, trace), windows=windows)
            if {Reason.SAME_OUTAGE, Reason.SAME_EVENT} & set(each.why)
        }
        if trace.outage:
            dark = max(dark, _households(trace.outage))
    complaints = sum(1 for head in orders.get_many(about) if head.order.kind in triggers.COMPLAINTS)
    return triggers.Impact(complaints=max(1, complaints), households=dark)


def _earlier(near: Mapping[str, Trace], trace: Trace) -> Iterable[Trace]:
    """Let those that came later be compared as if they had come first: an event has no order."""
    return (replace(each, at=min(each.at, trace.at), closed_at=None) for each in near.values())


def _households(outage_id: str) -> int:
    try:
        steps = outages.get(outage_id).outage.steps.values()
    except Unknown:
        return 0
    return max((step.reach.households for step in steps), default=0)


# Joining and opening ----------------------------------------------------------------------------


def _place(desk: Desk, head: Head, *, at: datetime) -> str:
    """Join the issue of what is certainly about the same, else open one. Raises Stale, Busy."""
    order_id = head.order.order_id
    trace = trace_of(desk, head)
    traces.put(trace)
    for match in found_like(desk, trace, at=at):
        known = traces.issue_of(match.order_id) if match.is_certain else ""
        if not known:
            continue
        theirs = holder(known)
        if theirs.issue.state in ACTIVE | DONE:
            _join(desk, theirs, head, REASONS[match.reason], at=at)
            traces.set_issue(order_id, theirs.issue.issue_id)
            return ""
    issue_id = _open(desk, head, at=at)
    traces.set_issue(order_id, issue_id)
    return ""


def _open(desk: Desk, head: Head, *, at: datetime) -> str:
    """Put an issue on the ledger for an order, once. Returns its id."""
    order = head.order
    issue_id = issue_id_of(desk, order.order_id)
    rules = desk.rules(order.county)
    made = issue_moves.open_issue(
        act(at, occurred_at=order.occurred_at),
        issue_id=issue_id,
        source=source_of(order),
        place=Place(order.office, order.county, desk.path(order.county)),
        rules=rules,
        category=str(order.facts.get("category", "")),
        theme=str(order.facts.get("theme", "")) or theme_of(str(order.facts.get("category", ""))),
        grade=order.grade or GRADES[0],
        orders={order.order_id: linked_of(desk, order, reason="opened_by", at=at)},
        tendency=order.facts.get("escalation_tendency") is True,
        anonymous=order.facts.get("anonymous") is True,
        confidential=desk.procedure(order.kind).confidential,
        training=order.training,
    )
    with suppress(Stale):  # it was opened before: by this very order, as its id says
        issues.commit(Change(None, made))
    return issue_id


def _join(desk: Desk, theirs: issues.Head, head: Head, reason: str, *, at: datetime) -> None:
    """Link an order to an issue, with what follows at once: the same line, and 越级. One commit.

    A line that was cleared is opened again, as the same customer has come again about the same.
    """
    issue, order = theirs.issue, head.order
    if order.order_id in issue.orders:
        return
    rules = desk.rules(issue.county)
    cleared_at = issue.cleared_at
    events: list[Event] = []
    joined = linked_of(desk, order, reason=reason, at=at)
    steps: list[tuple[str, dict[str, Any]]] = []
    if issue.state in DONE:
        again = "second_call" if order.channel == triggers.REGULATOR else "not_solved"
        steps.append(("reopen", {"reason": again}))
    steps.append(("link", {"order": order.order_id, "reason": reason}))
    bypass = _bypass(issue, order, cleared_at)
    if bypass is not None:
        steps.append(("flag_bypass", {"order": bypass.order_id, "bypass": bypass.why}))
    if order.facts.get("escalation_tendency") is True and not issue.tendency:
        steps.append(("note_tendency", {}))
    for name, data in steps:
        step = replace(act(at, data=data), linked=joined if name == "link" else None)
        made = issue_moves.advance(issue, name, step, rules=rules)
        issue, events = made.issue, [*events, *made.events]
    issues.commit(Change(theirs, Made(issue, tuple(events))))
    log("issue.joined", issue=issue.issue_id, order=order.order_id, why=reason)


def _bypass(issue: Issue, order: Order, cleared_at: datetime | None) -> Bypass | None:
    """Return the 越级 that a case at 12398 makes, unless it is flagged already."""
    if order.channel != triggers.REGULATOR:
        return None
    found = triggers.bypass_of(issue.orders, called_at=order.occurred_at, cleared_at=cleared_at)
    if found is None or issue.bypass is None or issue.bypass.order_id != found.order_id:
        return found
    return None


def _copy(desk: Desk, theirs: issues.Head, head: Head, *, at: datetime) -> str:
    """Copy what happened to an order to its issue. Raises Stale, Busy."""
    order = head.order
    fresh = linked_of(desk, order, reason="", at=at)
    rules = desk.rules(theirs.issue.county)
    try:
        made = issue_moves.order_moved(theirs.issue, order.order_id, fresh, act(at), rules=rules)
    except SETTLED as refused:
        log("issue.not_moved", issue=theirs.issue.issue_id, why=refused.slug)
        return refused.slug
    if made is None:
        return "" if order.order_id in theirs.issue.orders else "not-linked"
    issues.commit(Change(theirs, made))
    return ""


def linked_of(desk: Desk, order: Order, *, reason: str, at: datetime) -> Linked:
    """Return what an issue keeps of an order; its first broken promise to the instant."""
    kept = Linked.of(order, reason=reason, at=at, by=SYSTEM.actor_id)
    rules = desk.rules(order.office)
    broken = [
        when.at
        for name in PROMISES
        if (clock := order.clocks.get(name)) is not None
        and "due" in clock.fired
        and (when := due(clock, rules)) is not None
    ]
    return replace(kept, broken_at=whole(min(broken)) if broken else kept.broken_at)


def source_of(order: Order) -> str:
    """Return what opens an issue: a hotline's case by its channel, else the kind of order."""
    if order.channel == triggers.REGULATOR:
        return Source.HOTLINE_12398
    if order.channel == "12345":
        return Source.HOTLINE_12345
    return Source.GRIEVANCE if order.kind == "grievance" else Source.COMPLAINT


def act(
    at: datetime, *, occurred_at: datetime | None = None, data: Mapping[str, Any] | None = None
) -> Act:
    """Return what the house itself does at an instant."""
    return Act(SYSTEM, occurred_at or at, at, data=data or {})


def change(desk: Desk, issue_id: str, make: Callable[[Issue, Rules], Made | None]) -> str:
    """Let the house move an issue. Return why not, empty when it was. Raises Stale, Busy."""
    for _ in range(TRIES):
        head = issues.get(issue_id)
        try:
            made = make(head.issue, desk.rules(head.issue.county))
        except SETTLED as refused:
            return refused.slug
        if made is None:
            return "overtaken"
        try:
            issues.commit(Change(head, made))
        except Stale:
            continue
        return ""
    raise Stale(what="issue")


# Who is dark or low too often -------------------------------------------------------------------

NO_POWER: Final = "no_power"
OF_VOLTAGE: Final = frozenset({"low_voltage", "flicker"})
"""What a report is about: the supply that fails, or the one that is poor."""
CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "outages": "supply_quality.reliability.frequent_outage",
        "low_voltage": "supply_quality.voltage.long_abnormal",
    }
)
"""What is counted of a customer's supply, and what an issue about it is about."""
_OWN: Final = frozenset({Reason.SAME_CUSTOMER, Reason.SAME_METER, Reason.NAMED})
OPENS: Final = "poor_supply.opens_issue"


def join_watched(desk: Desk, order_id: str, *, at: datetime) -> str:
    """Put the report of who is dark or low too often on the ledger, with what their place has.

    It joins the issue that there is about it, opens a cleared one again if it was dark or low once
    more since, or opens one, where the office has not switched that off. Return why not, empty
    when it is there. Raises Stale, Busy.
    """
    head = orders.get(order_id)
    order = head.order
    place = str(order.facts.get("place", ""))
    if not place or order.training or is_on_ledger(order, desk.procedure(order.kind)):
        return "not-watched"
    supply = recurring.supply_of(desk, head, at=at)
    breached = {what: supply[what] for what in CONDITIONS if _is_breach(supply[what])}
    if not breached:
        return "not-watched"
    theirs = _about(order.county, place, [matter_of(CONDITIONS[one]) for one in breached], at=at)
    if theirs is None:
        own = "outages" if order.facts.get("symptom") == NO_POWER else "low_voltage"
        is_open_to = own in breached and desk.rules(order.office).limit(OPENS, at).enabled
        return _open_watched(desk, head, own, at=at) if is_open_to else "no-issue"
    if theirs.issue.state in DONE:
        times = [datetime.fromisoformat(one) for each in breached.values() for one in each["times"]]
        if max(times) <= (theirs.issue.cleared_at or at):
            return "cleared-since"
        _join(desk, theirs, head, "joined", at=at)
        return ""
    return _link_watched(desk, theirs.issue.issue_id, order, at=at)


def _is_breach(supply: Mapping[str, Any]) -> bool:
    return bool(supply["level"] == Watch.BREACH)


def _link_watched(desk: Desk, issue_id: str, order: Order, *, at: datetime) -> str:
    linked = linked_of(desk, order, reason="joined", at=at)
    data = {"order": order.order_id, "reason": "joined"}
    given = replace(act(at, data=data), linked=linked)
    return change(
        desk,
        issue_id,
        lambda now, rules: (
            None
            if order.order_id in now.orders
            else issue_moves.advance(now, "link", given, rules=rules)
        ),
    )


def _open_watched(desk: Desk, head: Head, what: str, *, at: datetime) -> str:
    """Open the issue of a place: one a day and matter, however many report at once.

    Whose own issue may be about it is not given another: a person is shown that the two may be one.
    """
    order, category = head.order, CONDITIONS[what]
    place = str(order.facts["place"])
    trace = replace(trace_of(desk, head), category=category)
    traces.put(trace)
    for match in found_like(desk, trace, at=at):
        known = traces.issue_of(match.order_id)
        if known and match.reason in _OWN and holder(known).issue.state in ACTIVE:
            return "proposed"
    key = f"{order.county}/{place}/{what}/{local_day(at).isoformat()}"
    issue_id = order_number(desk.secret, ISSUE, key)
    made = issue_moves.open_issue(
        act(at, occurred_at=order.occurred_at),
        issue_id=issue_id,
        source=Source.POOR_SUPPLY,
        place=Place(order.office, order.county, desk.path(order.county)),
        rules=desk.rules(order.county),
        category=category,
        theme=theme_of(category),
        orders={order.order_id: linked_of(desk, order, reason="opened_by", at=at)},
    )
    try:
        issues.commit(Change(None, made))
    except Stale:  # a neighbour's report has opened it
        return _link_watched(desk, holder(issue_id).issue.issue_id, order, at=at)
    traces.set_issue(order.order_id, issue_id)
    log("issue.watched", issue=issue_id, order=order.order_id, why=what)
    return ""


def _about(county: str, place: str, matters: Iterable[str], *, at: datetime) -> issues.Head | None:
    """Return an issue about one of these matters, of whoever complained at the place.

    One that is at work before one that was cleared.
    """
    wanted = tuple(matters)
    there = Trace("", "", at, county=county, place=place)
    near = traces.like(there, since=at, lately=at - LONGEST_LIFE)
    known = {traces.issue_of(each) for each in near} - {""}
    found = [
        head
        for head in map(holder, sorted(known))
        if head.issue.state in ACTIVE | DONE
        and head.issue.category.startswith(wanted)
        and not head.issue.confidential
    ]
    return min(found, key=lambda head: head.issue.state in DONE, default=None)


# What a person may link ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposal:
    """An order that may be about the same issue. score: of 100. issue_id: where it is now."""

    order: Order
    reason: str
    score: int
    why: tuple[str, ...]
    issue_id: str


def proposals(desk: Desk, issue: Issue, *, at: datetime) -> tuple[Proposal, ...]:
    """Return the orders that may belong to an issue, the likeliest first. Raises Busy."""
    windows = Windows.of(desk.rules(issue.county), at)
    best: dict[str, Match] = {}
    for head in orders.get_many(issue.orders):
        trace = trace_of(desk, head)
        near = traces.like(trace, since=trace.at - LONGEST_LIFE, lately=trace.at - windows.event)
        for other in near.values():
            if other.order_id in issue.orders:
                continue
            new, earlier = sorted((trace, other), key=lambda each: each.at)[::-1]
            found = compare(new, earlier, windows=windows)
            known = best.get(other.order_id)
            if found is not None and (known is None or found.certainty > known.certainty):
                best[other.order_id] = found
    return tuple(
        Proposal(
            head.order,
            REASONS[best[head.order.order_id].reason],
            best[head.order.order_id].certainty,
            tuple(REASONS[each] for each in best[head.order.order_id].why),
            traces.issue_of(head.order.order_id),
        )
        for head in sorted(
            orders.get_many(best), key=lambda each: -best[each.order.order_id].certainty
        )
    )
