"""What the public may know of the supply (停电公开): one file that is read without us.

The page is written whole after every change that it would show, and by the sweep when it is older
than its promise: areas, counts and times, news, nothing else. No position, no device, no one's own
affair; fewer households than `outage_notice.few` are a few. Who writes reads again afterwards, so
that of two who write at once the newer reading stays.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final
from xml.sax.saxutils import escape

from chalicelib.domain import words
from chalicelib.domain.clocks import Rules
from chalicelib.domain.contact import clean_text
from chalicelib.domain.order import Actor, Event
from chalicelib.domain.outage import BEFORE, OPEN, Outage, State, aggregate, effects, spells
from chalicelib.domain.reach import Reach, union
from chalicelib.domain.refusal import BadInput, Busy, Unknown
from chalicelib.domain.voices import full_words
from chalicelib.outbound.site import Site
from chalicelib.store import customers, outages, registry
from chalicelib.store.customers import Place
from chalicelib.store.desk_rows import Remembered
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.showing import stamp

FILE: Final = "status.json"
FEED: Final = "status.rss"
RSS: Final = "application/rss+xml; charset=utf-8"
JSON: Final = "application/json"
SHOWN_AFTER: Final = timedelta(hours=24)
"""How long what is over stays on the page. [design]"""
OLDEST: Final = timedelta(minutes=4)
"""What the sweep writes anew, changed or not: the page warns at ten minutes. [design]"""
SKEW: Final = timedelta(seconds=2)
"""How far two machines' clocks may differ before a file counts as made after a change."""
KEPT: Final = timedelta(seconds=10)
"""How long a process answers from what it read: the file is to be 30 s old at most."""
TRIES: Final = 5
MOST_NAMES: Final = 40
"""Where more areas are dark, their villages are named instead. [design]"""
PROGRESS: Final[Mapping[str, str]] = {
    "set_out": "crew_sent",
    "arrived": "on_site",
    "repairing": "repairing",
    "done": "repairing",
}
SURE: Final = {"crew": "crew", "dispatcher": "estimate", "rule": "estimate"}
"""Who said until when, as the page has it. A plan's end is a plan, no estimate."""


# What is shown ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """One outage as the page has it, and what it concerns. is_now: power is off at this moment."""

    item: Mapping[str, Any]
    reach: Reach
    is_now: bool


def read(desk: Desk, *, at: datetime) -> tuple[Shown, ...]:
    """Return every outage that the public may know of, those that are over for a day. Raises Busy.

    Two queries and a batch read a county, and as many again where something was over lately.
    """
    return tuple(
        shown for county in desk.snapshot.counties for shown in _of_county(desk, county, at=at)
    )


_READ: Final[Remembered[tuple[Shown, ...]]] = Remembered(KEPT)


def known(desk: Desk, *, at: datetime) -> tuple[Shown, ...]:
    """Return the same, at most KEPT old: for those who ask without a login. Raises Busy."""
    return _READ.get("shown", at=at, load=lambda: read(desk, at=at))


def _of_county(desk: Desk, county: str, *, at: datetime) -> Iterator[Shown]:
    heads = [
        *outages.board(county).heads,
        *outages.over_since(county, at - SHOWN_AFTER, at=at),
    ]
    found = [head.outage for head in heads if _is_shown(head.outage, at=at)]
    if found:
        rules = desk.rules(county)
        places = {place.code: place for place in customers.places(county, at=at)}
        for outage in found:
            reach = _reach(outage)
            item = _item(outage, reach, places, rules, at=at)
            yield Shown(item, reach, is_now=outage.state in OPEN)


def _is_shown(outage: Outage, *, at: datetime) -> bool:
    """Return whether it is on the page: one that was none, or that another took in, is not."""
    if not outage.is_public or not _reach(outage):
        return False
    if outage.state is State.CANCELLED:
        return outage.plan is not None and outage.plan.announced_at is not None
    is_over = outage.state not in OPEN | BEFORE
    if is_over and (outage.closed_at is None or outage.closed_at <= at - SHOWN_AFTER):
        return False
    return outage.state is not State.ABSORBED


def _reach(outage: Outage) -> Reach:
    """Return what is dark, is to be dark, or was."""
    if outage.state in OPEN:
        return outage.dark
    if outage.plan is not None and not outage.steps:
        return outage.plan.reach
    return union(spell.reach for spell in spells(outage))


def _item(
    outage: Outage, reach: Reach, places: Mapping[str, Place], rules: Rules, *, at: datetime
) -> dict[str, Any]:
    plan, etr = outage.plan, outage.etr
    here = [places[code] for code in reach.transformers if code in places]
    is_few = reach.households < rules.number("outage_notice.few", at)
    is_known = outage.cause and not outage.cause.startswith("unknown")
    restored = _restored_at(outage)
    started = outage.since or (plan.start if plan else outage.recorded_at)
    return {
        "id": outage.outage_id,
        "kind": outage.kind.value,
        "state": _state(outage),
        "area": _area(here),
        "areas": _names(here),
        "townships": sorted({place.township for place in here if place.township}),
        "lines": sorted({place.line for place in here if place.line}),
        "started_at": stamp(started),
        "planned_end_at": _stamped(plan.finish if plan else None),
        "estimated_restoration_time": _stamped(etr.at if etr else None),
        "etr_source": SURE.get(etr.source) if etr else None,
        "next_update_at": _stamped(outage.update_at),
        "updated_at": stamp(outage.moved_at or outage.recorded_at),
        "cause": words.say(f"outage.cause.{outage.cause}", "zh") if is_known else None,
        "cause_en": words.say(f"outage.cause.{outage.cause}", "en") if is_known else None,
        "progress": "restored" if restored else _progress(outage),
        "customers_affected": None if is_few else reach.households,
        "restored_at": _stamped(restored),
        "cancelled_at": _stamped(outage.closed_at if outage.state is State.CANCELLED else None),
    }


def _stamped(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


def _restored_at(outage: Outage) -> datetime | None:
    """Return when the last of it had power again; None while something has not."""
    if outage.state in OPEN | BEFORE | {State.CANCELLED}:
        return None
    backs = [step.at for step in outage.steps.values() if step.change == "back"]
    return max(backs, default=outage.closed_at)


def _state(outage: Outage) -> str:
    if outage.state in BEFORE:
        return "planned"
    if outage.state is State.CANCELLED:
        return "cancelled"
    return "running" if outage.state in OPEN else "restored"


def _progress(outage: Outage) -> str | None:
    if outage.state in BEFORE or outage.state is State.CANCELLED:
        return None
    return PROGRESS.get(outage.crew.status, "found") if outage.crew else "found"


def _names(here: Sequence[Place]) -> list[str]:
    """Return the areas as their people call them; of very many the villages."""
    names = dict.fromkeys(place.name for place in here)
    if len(names) > MOST_NAMES:
        names = dict.fromkeys(place.village or place.township or place.name for place in here)
    return list(names)


def _area(here: Sequence[Place]) -> str:
    """Return one line: the areas, or the first and how many."""
    names = list(dict.fromkeys(place.name for place in here))
    if not names:
        return words.say("text.outage.area_unnamed", "zh")
    return "、".join(names) if len(names) <= 2 else f"{names[0]}等{len(names)}处"  # noqa: PLR2004 - more is no line


# The page's data --------------------------------------------------------------------------------


def status(desk: Desk, shown: Iterable[Shown], *, at: datetime) -> dict[str, Any]:
    """Return the public status as the page reads it: what is off, planned or over, and news."""
    items = [one.item for one in shown]
    return {"items": items, "news": news(desk, at=at), "updated_at": stamp(at)}


def at_place(shown: Iterable[Shown], code: str) -> list[Shown]:
    """Return the outages that concern a place, those that are running first."""
    here = [one for one in shown if code in one.reach.parts]
    return sorted(here, key=lambda one: (not one.is_now, one.item["started_at"]))


def current_at(shown: Iterable[Shown], code: str) -> Mapping[str, Any] | None:
    """Return the outage that a place has at this moment, None where it has none."""
    return next((one.item for one in at_place(shown, code) if one.is_now), None)


def feed(document: Mapping[str, Any], *, site: str) -> str:
    """Return the status as RSS 2.0. site: the address of the public page."""
    entries = [_of_outage(item, site) for item in document["items"]]
    entries += [_of_news(item, site) for item in document["news"]]
    title = escape(words.say("status.title", "zh"))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>'
        f"<title>{title}</title><link>{escape(site)}</link><description>{title}</description>"
        f"<language>zh-cn</language>{''.join(entries)}</channel></rss>\n"
    )


TOLD: Final = (
    ("started", "started_at"),
    ("planned_end", "planned_end_at"),
    ("until", "estimated_restoration_time"),
    ("restored", "restored_at"),
    ("cancelled", "cancelled_at"),
)
"""What an entry of the feed tells, and which field of an outage it is."""


def _of_outage(item: Mapping[str, Any], site: str) -> str:
    kind = words.say(f"outage.kind.{item['kind']}", "zh")
    said = [
        words.say(f"status.{name}", "zh", when=full_words(datetime.fromisoformat(item[key])))
        for name, key in TOLD
        if item[key]
    ]
    cause = item["cause"] or words.say("outage.cause.unknown.investigating", "zh")
    said.append(words.say("status.cause", "zh", cause=cause))
    guid = f"{item['id']}/{item['updated_at']}"
    return _entry(f"{kind}：{item['area']}", "；".join(said), guid, item["updated_at"], site)


def _of_news(item: Mapping[str, Any], site: str) -> str:
    guid = f"news/{item['id']}"
    return _entry(item["title"], item["body"], guid, item["from"], site)


def _entry(title: str, body: str, guid: str, at: str, site: str) -> str:
    dated = format_datetime(datetime.fromisoformat(at).astimezone(UTC), usegmt=True)
    return (
        f"<item><title>{escape(title)}</title><description>{escape(body)}</description>"
        f'<link>{escape(site)}</link><guid isPermaLink="false">{escape(guid)}</guid>'
        f"<pubDate>{dated}</pubDate></item>"
    )


# Writing it -------------------------------------------------------------------------------------


def changed_at(events: Iterable[Event]) -> datetime | None:
    """Return when the last of these events was entered that the page would show, if any is."""
    found = [event.recorded_at for event in events if _is_public(event)]
    return max(found, default=None)


def _is_public(event: Event) -> bool:
    if event.aggregate.startswith(NEWS_CHAIN):
        return True
    if not event.aggregate.startswith(aggregate("")):
        return False  # the ledger's stream carries every chain, each with effects of its own
    return any(effect.kind == "status" for effect in effects(event))


def publish(
    desk: Desk, site: Site, *, address: str, at: datetime, since: datetime | None = None
) -> bool:
    """Write the page's data, and return whether it was written.

    since: an instant from which the file must be; one that is newer already stays as it is. So a
    storm of changes costs a few files and not one a change. Raises Busy.
    """
    was = published_at(site)
    if since is not None and was is not None and was > since + SKEW:
        return False
    for _ in range(TRIES):
        shown = read(desk, at=at)
        document = status(desk, shown, at=at)
        site.write(FILE, json.dumps(document, ensure_ascii=False).encode(), content_type=JSON)
        site.write(FEED, feed(document, site=address).encode(), content_type=RSS)
        if read(desk, at=at) == shown:
            return True
    raise Busy(of="status")


def publish_when_old(desk: Callable[[], Desk], site: Site, *, address: str, at: datetime) -> bool:
    """Write the page's data if nobody has for OLDEST; return whether it was written."""
    was = published_at(site)
    return (was is None or was <= at - OLDEST) and publish(desk(), site, address=address, at=at)


def published_at(site: Site) -> datetime | None:
    """Return as of when the page's data is; None where there is none, or none that can be read."""
    kept = site.read(FILE)
    try:
        return datetime.fromisoformat(json.loads(kept)["updated_at"]) if kept else None
    except (ValueError, KeyError, TypeError):
        return None


# News -------------------------------------------------------------------------------------------

NEWS: Final = "news"
NEWS_CHAIN: Final = f"registry/setting/{NEWS}/"
MOST_NEWS: Final = 20
LONGEST_TITLE: Final = 60
LONGEST_BODY: Final = 1000


def news(desk: Desk, *, at: datetime) -> list[dict[str, Any]]:
    """Return the news of the supply (电力供应新闻) that are on show, the latest first."""
    found = [
        {name: item[name] for name in ("id", "title", "body", "from", "until")}
        for county in desk.snapshot.counties
        for item in all_news(desk, county)
        if _instant(item["from"]) <= at and (not item["until"] or at < _instant(item["until"]))
    ]
    return sorted(found, key=lambda item: str(item["from"]), reverse=True)


def all_news(desk: Desk, county: str) -> list[dict[str, Any]]:
    """Return every news of a county that is kept, the latest written first."""
    kept = desk.snapshot.settings.get(f"{NEWS}/{county}", ())
    return [dict(item) for item in kept]


def _instant(stamped: str) -> datetime:
    return datetime.fromisoformat(stamped)


@dataclass(frozen=True, slots=True)
class NewsItem:
    """What somebody writes for the public. until: when it leaves the page; None stays."""

    title: str
    body: str
    since: datetime
    until: datetime | None = None


def write_news(
    desk: Desk, county: str, item: NewsItem, *, news_id: str, by: Actor, at: datetime
) -> dict[str, Any]:
    """Put news on the page, in place of what has its id. Raises BadInput, Stale, Busy."""
    _check_news(item)
    kept = [one for one in all_news(desk, county) if one["id"] != news_id]
    row = {
        "id": news_id,
        "title": clean_text(item.title, field="title", max_units=LONGEST_TITLE),
        "body": clean_text(item.body, field="body", max_units=LONGEST_BODY, multiline=True),
        "from": stamp(item.since),
        "until": _stamped(item.until),
        "by": by.actor_id,
        "at": stamp(at),
    }
    _save_news(desk, county, [row, *kept][:MOST_NEWS], by=by, at=at)
    return row


def known_news(desk: Desk, county: str, news_id: str) -> dict[str, Any]:
    """Return one news. Raises Unknown."""
    found = next((one for one in all_news(desk, county) if one["id"] == news_id), None)
    if found is None:
        raise Unknown(what="news")
    return found


def take_down_news(desk: Desk, county: str, news_id: str, *, by: Actor, at: datetime) -> None:
    """Take news off the page. The registry's chain keeps that it was there. Raises Unknown."""
    known_news(desk, county, news_id)
    left = [one for one in all_news(desk, county) if one["id"] != news_id]
    _save_news(desk, county, left, by=by, at=at)


def _check_news(item: NewsItem) -> None:
    if item.until is not None and item.until <= item.since:
        raise BadInput.of("until", "times.not_in_order")


def _save_news(
    desk: Desk, county: str, rows: Sequence[Mapping[str, Any]], *, by: Actor, at: datetime
) -> None:
    name = f"{NEWS}/{county}"
    version = desk.snapshot.versions.get(("setting", name), 0)
    registry.save(
        registry.Setting(name, [dict(row) for row in rows]), version=version, by=by, at=at
    )
