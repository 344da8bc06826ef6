"""What speaks against a plan, what it says to people, where it was made public (计划停电).

Whose power it is comes from the trace, never from a list somebody typed. A plan is compared by the
supply points that it shares with others: planned, running, or over within the limit
`planning.repeat_window`. Moves of the plan itself are in `usecases/outages.py`; what has to be
cleared before one of them is asked here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain import words
from chalicelib.domain.assurance import Task
from chalicelib.domain.clocks import Rules, instant
from chalicelib.domain.order import Actor
from chalicelib.domain.outage import BEFORE, KINDS, OPEN, OVER, Outage, spells
from chalicelib.domain.outage_notice import telling
from chalicelib.domain.planning import (
    AT_ONCE,
    Announcement,
    Assured,
    Avoided,
    Conflict,
    Plan,
    Window,
    announced_at,
    check_may_go_on,
    conflicts,
    leads,
    reminders,
    signers,
)
from chalicelib.domain.reach import Reach, union
from chalicelib.domain.refusal import BadInput
from chalicelib.domain.voices import facts_of, voices
from chalicelib.store import customers, outages, registry, resources
from chalicelib.store.outages import Head
from chalicelib.usecases import tracing
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.showing import stamp

PLANNED: Final = frozenset(kind.value for kind, rule in KINDS.items() if rule.planned)
CALLED_OFF: Final = timedelta(days=60)
"""How long before its day a plan may have been called off and still stand in it. [design]"""
AVOIDED: Final = "avoided_days"
MOST_AVOIDED: Final = 60
LATER: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "submit": frozenset({"key_unconfirmed", "late_notice"}),
        "announce": frozenset(
            {"twice_in_window", "holiday", "avoided", "assurance", "too_long", "late_notice"}
        ),
        "change_plan": frozenset({"key_unconfirmed", "late_notice"}),
    }
)
"""What a move does not ask for: what may still be done, or was accepted with its reason before. A
late notice has a rule of its own: it stays planned, and the breach goes on record."""


# What speaks against it -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """An outage that somebody wants to make. confirmed: ids of key customers who know, and when."""

    outage_id: str
    county: str
    kind: str
    window: Window
    reach: Reach
    key_customers: frozenset[str] = frozenset()
    confirmed: Mapping[str, datetime] = field(default_factory=dict)
    announced_at: datetime | None = None
    handed_in_at: datetime | None = None


def intended(outage: Outage) -> Intended:
    """Return what a planned outage intends. Raises BadInput for one that nobody plans."""
    plan = outage.plan
    if plan is None:
        raise BadInput.of("kind", "outage.kind_is_not_planned")
    return Intended(
        outage_id=outage.outage_id,
        county=outage.county,
        kind=outage.kind.value,
        window=plan.window,
        reach=plan.reach,
        key_customers=frozenset(outage.key_customers),
        confirmed={key: instant(call[0]) for key, call in outage.calls.items()},
        announced_at=plan.announced_at,
        handed_in_at=plan.submitted_at,
    )


@dataclass(frozen=True, slots=True)
class Against:
    """One conflict, and what it shares with the outage in the way."""

    conflict: Conflict
    other: Outage | None
    shared: Reach


def against(
    desk: Desk, plan: Intended, others: Iterable[Outage], *, at: datetime
) -> tuple[Against, ...]:
    """Return everything that speaks against a plan, in the order of planning.CHECKS.

    others: the county's outages, planned, running or over; those that share no supply point say
    nothing.
    """
    rules = desk.rules(plan.county)
    met = {
        other.outage_id: (other, shared, window)
        for other in others
        if other.outage_id != plan.outage_id
        and KINDS[other.kind].indexed
        and (window := window_of(other, at)) is not None
        and (shared := plan.reach & reach_of(other))
    }
    found = conflicts(
        Plan(
            outage_id=plan.outage_id,
            kind=plan.kind,
            window=plan.window,
            accounts=frozenset(plan.reach.transformers),
            key_accounts=plan.key_customers,
            confirmed=plan.confirmed,
            announced_at=plan.announced_at,
            handed_in_at=plan.handed_in_at,
        ),
        [
            Plan(
                outage_id=outage_id,
                kind=other.kind.value,
                window=window,
                accounts=frozenset(shared.transformers),
            )
            for outage_id, (other, shared, window) in met.items()
        ],
        at=at,
        rules=rules,
        avoided=avoided(desk, plan.county),
        assured=_assured(plan),
    )
    nothing = (None, Reach(), None)
    return tuple(Against(one, *met.get(one.other, nothing)[:2]) for one in found)


def _assured(plan: Intended) -> Iterator[Assured]:
    """Yield the tasks of supply assurance whose customer or devices a plan darkens. Raises Busy."""
    for kept in resources.listed("assurance", [plan.county]):
        task = Task.from_json(kept.value)
        if not task.window.overlaps(plan.window):
            continue
        protects = tracing.behind_known(plan.county, task.devices)
        if task.place in plan.reach.parts or protects & plan.reach:
            yield Assured(str(kept.shown.get("title", "")) or task.task_id, task.window)


def reach_of(outage: Outage) -> Reach:
    """Return what an outage darkens, or is to darken."""
    if outage.plan is not None and not outage.steps:
        return outage.plan.reach
    return union(spell.reach for spell in spells(outage))


def window_of(outage: Outage, at: datetime) -> Window | None:
    """Return when its power is off; None for one that never was and never will be."""
    if outage.state in BEFORE and outage.plan is not None:
        return outage.plan.window
    if outage.since is None or not outage.steps:
        return None
    end = outage.closed_at if outage.state in OVER else (outage.etr.at if outage.etr else None)
    last = max(end or at, outage.since + timedelta(seconds=1))
    return Window(outage.since, last)


def lately(county: str, rules: Rules, *, at: datetime) -> Iterator[Outage]:
    """Yield the outages that were over within the limit `planning.repeat_window`. Raises Busy."""
    span = rules.limit("planning.repeat_window", at).duration
    for head in outages.over_since(county, at - span, at=at):
        yield head.outage


def check(
    desk: Desk, plan: Intended, running: Iterable[Outage], *, move: str, reason: str, at: datetime
) -> None:
    """Return if nothing is left that a move has to ask for.

    running: the county's outages that are not over. Raises GateClosed naming what blocks, and what
    needs a reason where none is given, and Busy.
    """
    others = [*running, *lately(plan.county, desk.rules(plan.county), at=at)]
    found = [
        one.conflict
        for one in against(desk, plan, others, at=at)
        if one.conflict.check not in LATER[move]
    ]
    check_may_go_on(found, {one.check: reason for one in found})


def conflict_rows(
    desk: Desk, plan: Intended, found: Iterable[Against], *, language: str, at: datetime
) -> list[dict[str, Any]]:
    """Return conflicts as the editor lists them. before: the move that it has to be cleared for."""
    return [
        {
            "check": one.conflict.check,
            "label": words.say(f"gate.{one.conflict.check}", language),
            "blocks": one.conflict.blocks,
            "before": "announce" if one.conflict.check in LATER["submit"] else "submit",
            "other": one.conflict.other or None,
            "other_kind": one.other.kind.value if one.other else None,
            "other_start": stamp(window.start) if window else None,
            "other_end": stamp(window.end) if window else None,
            "areas": list(tracing.area_names(plan.county, one.shared, at=at)) if one.other else [],
            "households": one.shared.households,
            "customers": len(one.conflict.accounts)
            if one.conflict.check == "key_unconfirmed"
            else 0,
            "names": [_named(desk, name, language, at) for name in one.conflict.names],
        }
        for one in found
        for window in [window_of(one.other, at) if one.other else None]
    ]


def _named(desk: Desk, name: str, language: str, at: datetime) -> str:
    """Return a limit in words; a holiday and an exam are named already."""
    if name not in desk.book.ids():
        return name
    return desk.book.find(name, on=at.date()).note.get(language, name)


# Days that should be spared ---------------------------------------------------------------------


def avoided(desk: Desk, county: str) -> tuple[Avoided, ...]:
    """Return the days on which nobody in a county should be without power: exams, festivals."""
    kept = desk.snapshot.settings.get(f"{AVOIDED}/{county}", ())
    return tuple(
        Avoided(str(name), date.fromisoformat(first), date.fromisoformat(last))
        for name, first, last in kept
    )


def set_avoided(desk: Desk, county: str, days: Sequence[Avoided], *, by: Any, at: datetime) -> None:
    """Replace them. Raises BadInput naming one that ends before it begins, Stale, Busy."""
    for place, one in enumerate(days):
        if one.last < one.first:
            raise BadInput.of(f"items.{place}.last", "times.not_in_order")
    if len(days) > MOST_AVOIDED:
        raise BadInput.of("items", "field.too_many", most=MOST_AVOIDED)
    name = f"{AVOIDED}/{county}"
    rows = [[one.name, one.first.isoformat(), one.last.isoformat()] for one in days]
    version = desk.snapshot.versions.get(("setting", name), 0)
    registry.save(registry.Setting(name, rows), version=version, by=by, at=at)


# What has to happen, and by when ----------------------------------------------------------------


def outlook(desk: Desk, plan: Intended, *, at: datetime, review: bool = False) -> dict[str, Any]:
    """Return who signs a plan, by when who must be told, and when which notice goes out."""
    rules, start = desk.rules(plan.county), plan.window.start
    told = {"public": plan.announced_at, "service_centre": plan.handed_in_at}
    return {
        "signers": list(signers(plan.kind, review=review)),
        "leads": [
            {
                "limit": lead.limit,
                "to": lead.to,
                "due": stamp(lead.due),
                "told_at": _stamped(told[lead.to]),
                "late": (told[lead.to] or at) > lead.due,
            }
            for lead in leads(plan.kind, start, rules)
        ],
        "reminders": [
            {"name": one.name, "at": None if one.at == AT_ONCE else stamp(one.at)}
            for one in reminders(plan.kind, plan.window, rules)
        ],
    }


def _stamped(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


def calendar(
    counties: Iterable[str], *, first: datetime, last: datetime, at: datetime
) -> list[Head]:
    """Return the planned outages whose time falls into a span, the soonest first. Raises Busy.

    Drafts and what was called off are among them: who plans must see them.
    """
    found = [
        head
        for county in counties
        for head in (
            *outages.board(county).heads,
            *outages.over_since(county, min(first, at) - CALLED_OFF, at=at, kinds=PLANNED),
        )
    ]
    planned = [head for head in found if _falls_into(head.outage, first, last)]
    return sorted(planned, key=lambda head: (_start(head.outage), head.outage.outage_id))


def _falls_into(outage: Outage, first: datetime, last: datetime) -> bool:
    plan = outage.plan
    return plan is not None and plan.start < last and first < plan.finish


def _start(outage: Outage) -> datetime:
    return outage.plan.start if outage.plan else outage.recorded_at


# Five voices ------------------------------------------------------------------------------------


def five_voices(
    desk: Desk, head: Head, *, language: str, signature: str, page: str, at: datetime
) -> dict[str, Any]:
    """Return what an outage's notice says, as text, group message, script, sheet and entry.

    page: the address of the public page, for the code on the sheet. Raises BadInput for an outage
    that is one customer's own affair, of which nobody else is told.
    """
    outage = head.outage
    if not outage.rule.tells:
        raise BadInput.of("outage", "outage.private")
    rules, office = desk.rules(outage.county), desk.office(outage.county)
    reach = outage.dark if outage.state in OPEN else reach_of(outage)
    here = [place for place in customers.places(outage.county, at=at) if place.code in reach.parts]
    facts = facts_of(
        outage,
        areas=list(dict.fromkeys(place.name for place in here))
        or [str(head.shown.get("area") or outage.outage_id)],
        line=words.say("text.outage.comma", language).join(
            sorted({place.line for place in here if place.line})
        ),
        duty_phone=office.phone,
        language=language,
    )
    notice = telling(facts, at=at, rules=rules)
    found = voices(
        notice,
        facts,
        signature=signature,
        office=office.name,
        qr=page,
        households=reach.households,
        language=language,
        at=at,
        rules=rules,
    )
    sheet, entry = found.sheet, found.status
    return {
        "language": language,
        "notice": notice.kind.value,
        "sms": {"body": found.sms.body, "units": found.sms.units, "parts": found.sms.parts},
        "wechat": found.wechat,
        "loudspeaker": found.loudspeaker,
        "sheet": {
            "title": sheet.title,
            "rows": [{"label": label, "value": value} for label, value in sheet.rows],
            "advice": list(sheet.advice),
            "signed": sheet.signed,
            "dated": sheet.dated,
            "qr": sheet.qr,
        },
        "status": {
            "kind": entry.kind,
            "areas": list(entry.areas),
            "households": entry.households,
            "since": _stamped(entry.since),
            "until": _stamped(entry.until),
            "next_update": _stamped(entry.next_update),
            "restored_at": _stamped(entry.restored_at),
        },
    }


# Announcements ----------------------------------------------------------------------------------


def announcements(outage_id: str) -> list[dict[str, Any]]:
    """Return where an outage was made public, with what each lacks, the oldest first."""
    return [
        {**row, "lacking": list(_announcement(row).lacking())}
        for row in outages.announcements(outage_id)
    ]


def made_public_at(outage_id: str) -> datetime | None:
    """Return when the first whole announcement appeared whose proof is on file."""
    return announced_at(_announcement(row) for row in outages.announcements(outage_id))


def _announcement(row: Mapping[str, Any]) -> Announcement:
    published = row["published_at"]
    names = ("medium", "outlet", "area", "line", "time", "cause", "contact", "proof")
    return Announcement(
        **{name: str(row[name]) for name in names},
        published_at=datetime.fromisoformat(published) if published else None,
    )


def put_announcement(
    outage_id: str,
    one: Announcement,
    *,
    announcement_id: str,
    by: Actor,
    at: datetime,
) -> None:
    """Keep where an outage was made public. The same id replaces what was kept. Raises Busy."""
    row = {
        "id": announcement_id,
        "medium": one.medium,
        "outlet": one.outlet,
        "published_at": _stamped(one.published_at),
        "area": one.area,
        "line": one.line,
        "time": one.time,
        "cause": one.cause,
        "contact": one.contact,
        "proof": one.proof,
        "by": by.actor_id,
        "at": stamp(at),
    }
    outages.put_announcement(outage_id, announcement_id, row, by=by, at=at)
