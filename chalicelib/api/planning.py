"""What the desk asks before it makes an outage, and how it tells people: checks, voices, news.

Moves of a plan are moves of its outage (`api/outages.py`). News of the supply are written here and
read by everybody on the public page.
"""

from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any, Final

from chalice.app import Response

from chalicelib import ambient
from chalicelib.api import asking
from chalicelib.api.access import OnDesk, staff
from chalicelib.api.asking import Asked
from chalicelib.api.outages import may_move, seen, sees
from chalicelib.api.ports import files, voice
from chalicelib.api.routes import Routes, Security, answer
from chalicelib.domain.calendar import CHINA
from chalicelib.domain.outage import BEFORE, aggregate
from chalicelib.domain.refusal import BadInput, NotAllowed
from chalicelib.domain.staff import Capability
from chalicelib.store import outages as kept
from chalicelib.store import registry
from chalicelib.store.outages import Head
from chalicelib.usecases import (
    attaching,
    outages,
    picturing,
    planning,
    publishing,
    queueing,
    reading,
)
from chalicelib.usecases.desk import actor_of
from chalicelib.usecases.planning import Intended
from chalicelib.usecases.showing import stamp

routes = Routes(__name__, security=Security.STAFF)

MODELS: Final = "planning_models"
REFUSES: Final = ("unknown", "stale", "busy")
ID_DIGITS: Final = 12
MOST_DAYS: Final = 400


# Plans ------------------------------------------------------------------------------------------


@routes.get(
    "/outages/calendar",
    gives=f"{MODELS}:PlannedCalendar",
    capability=Capability.ORDER_LIST,
    params=(asking.day("from", required=True), asking.day("to", required=True)),
)
def list_planned(asked: Asked) -> Response:
    """Return the planned outages of a span of days, drafts and what was called off among them."""
    on, first, last = staff(asked, Capability.ORDER_LIST), asked.query["from"], asked.query["to"]
    if not timedelta() <= last - first <= timedelta(days=MOST_DAYS):
        raise BadInput.of("to", "times.not_in_order")
    found = planning.calendar(
        queueing.counties_of(on), first=_midnight(first), last=_midnight(last, plus=1), at=asked.at
    )
    mine = [head for head in found if sees(on, head, Capability.ORDER_LIST)]
    body = {
        "items": [picturing.row(on.desk, head, at=asked.at) for head in mine],
        "as_of": stamp(asked.at),
    }
    return answer(body)


def _midnight(day: date, *, plus: int = 0) -> datetime:
    return datetime.combine(day + timedelta(days=plus), time(), CHINA).astimezone(UTC)


@routes.post(
    "/outages/check",
    takes=f"{MODELS}:PlanIn",
    gives=f"{MODELS}:PlanChecked",
    keyed=False,
    capability=Capability.OUTAGE_CREATE,
    example={
        "kind": "planned",
        "devices": ["F-TQ-QH-01-SW2"],
        "start": "2026-12-01T00:00:00Z",
        "end": "2026-12-01T08:00:00Z",
    },
)
def check_plan(asked: Asked) -> Response:
    """Return whom a switching plan would darken, and all that speaks against it. Keeps nothing."""
    on, sent = staff(asked, Capability.OUTAGE_CREATE), asked.body()
    window = sent.window()
    found = outages.preview(sent.devices, closed=sent.closed, at=asked.at)
    traced = found.traced
    if not on.reaches(Capability.OUTAGE_CREATE, traced.county, *traced.stations):
        raise BadInput.of("devices.0", "device.unknown")
    if not traced.reach:
        raise BadInput.of("devices", "reach.empty")
    plan = Intended(
        outage_id=sent.outage or "",
        county=traced.county,
        kind=sent.kind,
        window=window,
        reach=traced.reach,
        key_customers=frozenset(outages.key_customers(on.desk, traced.reach)),
    )
    body = {
        "areas": list(found.areas),
        "feeders": list(outages.feeders_of(traced.grid, traced.reach)),
        "transformers": len(traced.reach.parts),
        "households": traced.reach.households,
        "key": found.counted.key,
        "vulnerable": found.counted.vulnerable,
        "sensitive": found.counted.sensitive,
        **_checked(asked, on, plan),
    }
    return answer(body)


def _checked(asked: Asked, on: OnDesk, plan: Intended, *, review: bool = False) -> dict[str, Any]:
    rules = on.desk.rules(plan.county)
    others = [
        *kept.board(plan.county).outages,
        *planning.lately(plan.county, rules, at=asked.at),
    ]
    found = planning.against(on.desk, plan, others, at=asked.at)
    language = asked.language
    return {
        "conflicts": planning.conflict_rows(on.desk, plan, found, language=language, at=asked.at),
        **planning.outlook(on.desk, plan, at=asked.at, review=review),
    }


@routes.get(
    "/outages/{outage}/plan",
    gives=f"{MODELS}:PlanPage",
    capability=Capability.ORDER_READ,
    refuses=("unknown", "busy"),
)
def read_plan(asked: Asked, outage: str) -> Response:
    """Return what speaks against a plan, who signs it, what falls due, where it was made public."""
    on = staff(asked, Capability.ORDER_READ)
    head = seen(on, outage)
    plan = planning.intended(head.outage)
    is_major = head.outage.plan is not None and head.outage.plan.needs_review
    found = _checked(asked, on, plan, review=is_major)
    if head.outage.state not in BEFORE:
        found["conflicts"] = []
    return answer({**found, **_made_public(asked, head)})


def _made_public(asked: Asked, head: Head) -> dict[str, Any]:
    outage_id = head.outage.outage_id
    proofs = {
        row["id"]: row["url"]
        for row in reading.file_rows(aggregate(outage_id), files=files(), at=asked.at)
    }
    rows = planning.announcements(outage_id)
    made = planning.made_public_at(outage_id)
    return {
        "announcements": [{**row, "proof_url": proofs.get(row["proof"])} for row in rows],
        "made_public_at": None if made is None else stamp(made),
    }


@routes.post(
    "/outages/{outage}/announcements",
    takes=f"{MODELS}:AnnouncementIn",
    gives=f"{MODELS}:MadePublic",
    status=201,
    capability=Capability.OUTAGE_REPORT,
    example={
        "medium": "radio",
        "outlet": "清河县广播电台",
        "published_at": "2026-11-21T04:00:00Z",
        "area": "东街村",
        "line": "10kV城关线",
        "time": "12月1日08:00至16:00",
        "cause": "计划检修",
        "contact": "95598",
    },
    refuses=("unknown", "busy"),
)
def post_announcement(asked: Asked, outage: str) -> Response:
    """Keep where an outage was made public: radio, television, newspaper, with its proof."""
    on, sent = staff(asked, Capability.OUTAGE_REPORT), asked.body()
    head = seen(on, outage)
    if not may_move(on, head):
        raise NotAllowed(capability=Capability.OUTAGE_REPORT.value)
    one = sent.announcement()
    name = aggregate(head.outage.outage_id)
    if one.proof:
        taken = attaching.take(files(), [one.proof])
        attaching.bind(name, taken, kind="staff", at=asked.at)
    planning.put_announcement(
        head.outage.outage_id,
        one,
        announcement_id=_id_of(on, asked),
        by=actor_of(on.staff),
        at=asked.at,
    )
    return answer(_made_public(asked, head), status=HTTPStatus.CREATED)


def _id_of(on: OnDesk, asked: Asked) -> str:
    """Return the id of what one intention makes, the same however often it is sent."""
    return on.desk.derive("made", on.caller, asked.key).hex()[:ID_DIGITS]


@routes.get(
    "/outages/{outage}/voices",
    gives=f"{MODELS}:FiveVoices",
    capability=Capability.ORDER_READ,
    params=(asking.choice("lang", ("zh", "en")),),
    refuses=("unknown", "busy"),
)
def read_voices(asked: Asked, outage: str) -> Response:
    """Return what its notice says: text, group message, loudspeaker, sheet for the wall, page."""
    on = staff(asked, Capability.ORDER_READ)
    head = seen(on, outage)
    body = planning.five_voices(
        on.desk,
        head,
        language=asked.query["lang"] or "zh",
        signature=voice("zh").signature,
        page=f"{ambient.settings().public_url}/status",
        at=asked.at,
    )
    return answer(body)


# Days that are spared -----------------------------------------------------------------------------


@routes.get(
    "/outages/spared-days",
    gives=f"{MODELS}:SparedDays",
    capability=Capability.ORDER_LIST,
    params=(asking.code("county"),),
)
def list_spared_days(asked: Asked) -> Response:
    """Return the exams and festivals on which nobody should be without power."""
    on = staff(asked, Capability.ORDER_LIST)
    return answer(_spared(on, _county(on, asked.query["county"])))


@routes.put(
    "/outages/spared-days",
    takes=f"{MODELS}:SparedDaysIn",
    gives=f"{MODELS}:SparedDays",
    capability=Capability.OUTAGE_CREATE,
    params=(asking.code("county"),),
    example={"items": [{"name": "高考", "first": "2027-06-07", "last": "2027-06-09"}]},
    refuses=REFUSES,
)
def put_spared_days(asked: Asked) -> Response:
    """Replace the exams and festivals of a county."""
    registry.refresh()
    on, sent = staff(asked, Capability.OUTAGE_CREATE), asked.body()
    county = _county(on, asked.query["county"], Capability.OUTAGE_CREATE)
    by = actor_of(on.staff)
    planning.set_avoided(on.desk, county, sent.days(), by=by, at=asked.at)
    rows = [each.model_dump(mode="json") for each in sent.items]
    return answer({"county": county, "items": rows})


def _spared(on: OnDesk, county: str) -> dict[str, Any]:
    rows = [
        {"name": one.name, "first": one.first.isoformat(), "last": one.last.isoformat()}
        for one in planning.avoided(on.desk, county)
    ]
    return {"county": county, "items": rows}


def _county(on: OnDesk, named: str, capability: Capability = Capability.ORDER_LIST) -> str:
    """Return the county that is meant, theirs where none is named. Raises BadInput."""
    mine = [each for each in queueing.counties_of(on) if on.reaches(capability, each)]
    county = named or next(iter(mine), "")
    if county not in mine:
        raise BadInput.of("county", "county.unknown")
    return county


# News of the supply -------------------------------------------------------------------------------


@routes.get(
    "/news",
    gives=f"{MODELS}:NewsRows",
    capability=Capability.NEWS_UPDATE,
    params=(asking.code("county"),),
)
def list_news(asked: Asked) -> Response:
    """Return every news of a county, those that are not on show too."""
    on = staff(asked, Capability.NEWS_UPDATE)
    county = _county(on, asked.query["county"], Capability.NEWS_UPDATE)
    return answer({"county": county, "items": publishing.all_news(on.desk, county)})


@routes.post(
    "/news",
    takes=f"{MODELS}:NewsIn",
    gives=f"{MODELS}:NewsRow",
    status=201,
    capability=Capability.NEWS_UPDATE,
    params=(asking.code("county"),),
    example={"title": "供电所午间照常营业", "body": "12:00至14:00照常办理业务。"},
    refuses=REFUSES,
)
def post_news(asked: Asked) -> Response:
    """Put news on the public page."""
    return _write(asked, None, HTTPStatus.CREATED)


@routes.put(
    "/news/{news}",
    takes=f"{MODELS}:NewsIn",
    gives=f"{MODELS}:NewsRow",
    capability=Capability.NEWS_UPDATE,
    params=(asking.code("county"),),
    example={"title": "供电所午间照常营业", "body": "12:00至13:30照常办理业务。"},
    refuses=REFUSES,
)
def put_news(asked: Asked, news: str) -> Response:
    """Change news that are there."""
    return _write(asked, news, HTTPStatus.OK)


def _write(asked: Asked, news: str | None, status: int) -> Response:
    registry.refresh()
    on, sent = staff(asked, Capability.NEWS_UPDATE), asked.body()
    county = _county(on, asked.query["county"], Capability.NEWS_UPDATE)
    if news is not None:
        publishing.known_news(on.desk, county, news)
    row = publishing.write_news(
        on.desk,
        county,
        sent.item(asked.at),
        news_id=news or _id_of(on, asked),
        by=actor_of(on.staff),
        at=asked.at,
    )
    return answer(row, status=status)


@routes.delete(
    "/news/{news}",
    gives=f"{MODELS}:TakenDown",
    capability=Capability.NEWS_UPDATE,
    params=(asking.code("county"),),
    refuses=REFUSES,
)
def delete_news(asked: Asked, news: str) -> Response:
    """Take news off the public page; the chain keeps that they were there."""
    registry.refresh()
    on = staff(asked, Capability.NEWS_UPDATE)
    county = _county(on, asked.query["county"], Capability.NEWS_UPDATE)
    publishing.take_down_news(on.desk, county, news, by=actor_of(on.staff), at=asked.at)
    return answer({"ok": True})
