"""What the desk asks about outages: the board, one outage and its moves, whom it darkens.

Seen like orders: of one's own office and those below. What is foreign answers like what is not
there, a device of another county like a device that is unknown.
"""

from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any, Final

from chalice.app import Response

from chalicelib.api import asking
from chalicelib.api.access import OnDesk, integrator, staff
from chalicelib.api.asking import Asked
from chalicelib.api.desk import naming
from chalicelib.api.routes import Routes, Security, answer, etag
from chalicelib.domain.calendar import CHINA
from chalicelib.domain.clocks import instant
from chalicelib.domain.outage import Kind
from chalicelib.domain.refusal import BadInput, NotAllowed, Unknown
from chalicelib.domain.staff import Capability
from chalicelib.store import outages as kept
from chalicelib.store.outages import Head
from chalicelib.usecases import locating, outages, picturing, queueing, tracing
from chalicelib.usecases.showing import stamp

routes = Routes(__name__, security=Security.STAFF)

MODELS: Final = "outage_models"
AN_OUTAGE: Final = "261122-KFC2H7"
STATES: Final = ("open", "recent", "planned", "all")
REFUSES: Final = ("unknown", "illegal-move", "gate-closed", "key-reused", "stale", "busy")
MOST_BATCH: Final = 6_000_000
"""Bytes of a batch of events: Lambda takes a request of 6 MB with all that is around it."""
MOST_UNPLACED: Final = 500
TEXTS_A_SECOND: Final = 400
"""What a gateway takes, for the estimate before anybody sends. [design]"""


def seen(on: OnDesk, outage_id: str, capability: Capability = Capability.ORDER_READ) -> Head:
    """Return an outage that is theirs to see, once they may do this to what they see.

    Raises Unknown for all others, and NotAllowed.
    """
    head = kept.get(outage_id[:40])
    if not sees(on, head, Capability.ORDER_READ):
        raise Unknown(what="outage")
    if not sees(on, head, capability):
        raise NotAllowed(capability=capability.value)
    return head


def sees(on: OnDesk, head: Head, capability: Capability) -> bool:
    """Return whether they may do this: at its office, its county, or a station that it darkens."""
    outage = head.outage
    return on.reaches(capability, outage.office, outage.county, *head.shown.get("offices", ()))


def may_move(on: OnDesk, head: Head) -> bool:
    """Return whether they may change an outage: measured by its county and its own office."""
    return sees(on, head, Capability.OUTAGE_REPORT)


@routes.get(
    "/outages",
    gives=f"{MODELS}:OutageRows",
    capability=Capability.ORDER_LIST,
    params=(
        asking.choice("state", STATES, default="open"),
        asking.choice("kind", tuple(Kind)),
        asking.day("from"),
        asking.day("to"),
        *asking.page(default=50),
    ),
)
def list_outages(asked: Asked) -> Response:
    """Return the board: what is open, was lately, is planned, or all of a span of days."""
    on, asks = staff(asked, Capability.ORDER_LIST), asked.query
    after = asked.opened(on.desk.secret, on.caller)
    found = picturing.heads(
        queueing.counties_of(on),
        asks["state"],
        since=_midnight(asks["from"]),
        until=_midnight(asks["to"], plus=1),
        at=asked.at,
    )
    mine = [
        head
        for head in found
        if sees(on, head, Capability.ORDER_LIST) and asks["kind"] in {"", head.outage.kind.value}
    ]
    start = _place(mine, after)
    page = mine[start : start + asks["limit"]]
    is_more = start + len(page) < len(mine)
    cursor = page[-1].outage.outage_id if page and is_more else None
    body = {
        "items": [picturing.row(on.desk, head, at=asked.at) for head in page],
        "cursor": asked.sealed(on.desk.secret, on.caller, cursor),
        "as_of": stamp(asked.at),
    }
    return answer(body)


def _midnight(day: date | None, *, plus: int = 0) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=plus), time(), CHINA).astimezone(UTC)


def _place(heads: list[Head], after: str | None) -> int:
    """Return where a page begins: behind the last one that was shown, at the top if it is gone."""
    ids = [head.outage.outage_id for head in heads]
    return ids.index(after) + 1 if after in ids else 0


@routes.post(
    "/outages",
    takes=f"{MODELS}:NewOutage",
    gives=f"{MODELS}:OutagePage",
    status=201,
    capability=Capability.OUTAGE_CREATE,
    example={"kind": "fault", "devices": ["F-TQ-QH-01-SW2"], "note": "分段开关跳闸"},
    refuses=("key-reused", "stale", "busy"),
)
def create_outage(asked: Asked) -> Response:
    """Open an outage from the devices that failed, or draft one that is planned."""
    on, sent = staff(asked, Capability.OUTAGE_CREATE), asked.body()
    command = on.command(asked, "create", {})

    def allowed(office: str) -> bool:
        return on.reaches(Capability.OUTAGE_CREATE, office)

    head = outages.create(on.desk, sent.new(), command, may=allowed)
    return _page(asked, on, head, status=HTTPStatus.CREATED)


@routes.get(
    "/outages/preview",
    gives=f"{MODELS}:OutagePreview",
    capability=Capability.ORDER_LIST,
    params=(
        asking.text("devices", longest=2000, required=True, about="Ids with commas between."),
        asking.text("closed", longest=2000, about="What the switching closes."),
    ),
)
def preview_outage(asked: Asked) -> Response:
    """Return what opening some devices would darken, before anybody does it."""
    on, asks = staff(asked, Capability.ORDER_LIST), asked.query
    devices, closed = _ids("devices", asks["devices"]), _ids("closed", asks["closed"])
    found = outages.preview(devices, closed=closed, at=asked.at)
    traced, counted = found.traced, found.counted
    if not on.reaches(Capability.ORDER_LIST, traced.county, *traced.stations):
        raise BadInput.of("devices.0", "device.unknown")
    body = {
        "county": traced.county,
        "areas": list(found.areas),
        "feeders": list(outages.feeders_of(traced.grid, traced.reach)),
        "transformers": len(traced.reach.parts),
        "households": traced.reach.households,
        "registered": counted.households,
        "key": counted.key,
        "vulnerable": counted.vulnerable,
        "sensitive": counted.sensitive,
        "texts": counted.phones,
        "seconds_to_send": -(-counted.phones // TEXTS_A_SECOND),
        "taken": [{"id": each, "households": count} for each, count in found.taken],
    }
    return answer(body)


def _ids(name: str, raw: str) -> list[str]:
    found = list(dict.fromkeys(each for part in raw.split(",") if (each := part.strip())))
    if len(found) > outages.MOST_DEVICES:
        raise BadInput.of(name, "field.too_many", most=outages.MOST_DEVICES)
    return found


@routes.get(
    "/outages/{outage}",
    gives=f"{MODELS}:OutagePage",
    capability=Capability.ORDER_READ,
    refuses=("unknown", "busy"),
)
def read_outage(asked: Asked, outage: str) -> Response:
    """Return an outage with its steps, rounds, clocks, history, orders and moves."""
    on = staff(asked, Capability.ORDER_READ)
    return _page(asked, on, seen(on, outage))


@routes.post(
    "/outages/{outage}/moves/{move}",
    takes=f"{MODELS}:OutageMoveIn",
    gives=f"{MODELS}:OutagePage",
    matched=True,
    capability=Capability.OUTAGE_REPORT,
    example={"note": "现场已确认"},
    refuses=REFUSES,
)
def move_outage(asked: Asked, outage: str, move: str) -> Response:
    """Make a move. Its needs are the fields of the body, as the outage's page lists them."""
    on, sent = staff(asked, Capability.OUTAGE_REPORT), asked.body()
    head = seen(on, outage)
    if not may_move(on, head):
        raise NotAllowed(capability=Capability.OUTAGE_REPORT.value)
    command = on.command(asked, move, sent.answers, occurred_at=sent.occurred_at)
    with naming(on.desk):
        moved = outages.move(on.desk, head.outage.outage_id, command)
    return _page(asked, on, moved)


@routes.get(
    "/outages/{outage}/households",
    gives=f"{MODELS}:OutageHouseholds",
    capability=Capability.NOTICE_LIST,
    params=(asking.choice("group", picturing.GROUPS, default="all"), *asking.page(default=50)),
    refuses=("unknown", "busy"),
)
def list_outage_households(asked: Asked, outage: str) -> Response:
    """Return whom it darkens, masked, with what became of their newest notice."""
    on, asks = staff(asked, Capability.NOTICE_LIST), asked.query
    head = seen(on, outage, Capability.NOTICE_LIST)
    after = asked.opened(on.desk.secret, on.caller)
    rows, cursor = picturing.households(
        on.desk, head, group=asks["group"], limit=asks["limit"], after=after
    )
    rounds = picturing.round_rows(head.outage)
    body = {
        "items": rows,
        "counts": rounds[-1]["counts"] if rounds else {},
        "cursor": asked.sealed(on.desk.secret, on.caller, cursor),
    }
    return answer(body)


@routes.get(
    "/outages/{outage}/evidence",
    gives=f"{MODELS}:EvidenceOf",
    capability=Capability.ORDER_READ,
    refuses=("unknown", "busy"),
)
def list_evidence(asked: Asked, outage: str) -> Response:
    """Return what is reported for an outage and against it, weighed as of now."""
    on = staff(asked, Capability.ORDER_READ)
    head = seen(on, outage)
    weighed, told = locating.weighed_for(on.desk, head.outage, at=asked.at)
    return answer(picturing.evidence(weighed, told))


@routes.get("/events/unplaced", gives=f"{MODELS}:UnplacedEvents", capability=Capability.ORDER_LIST)
def list_unplaced_events(asked: Asked) -> Response:
    """Return what events of the last days named that is not known here: somebody must see to it."""
    on = staff(asked, Capability.ORDER_LIST)
    offices = [
        office.office_id
        for office in on.desk.snapshot.offices.values()
        if on.reaches(Capability.ORDER_LIST, office.office_id)
    ]
    rows = locating.unplaced(offices, at=asked.at)
    items = [{**row, "at": stamp(instant(row["at"]))} for row in rows[:MOST_UNPLACED]]
    return answer({"items": items})


@routes.get(
    "/outages/{outage}/diagram",
    gives=f"{MODELS}:OutageDiagrams",
    capability=Capability.ORDER_READ,
    refuses=("unknown", "busy"),
)
def draw_outage(asked: Asked, outage: str) -> Response:
    """Return the one-line diagrams of the feeders that an outage's devices are on."""
    on = staff(asked, Capability.ORDER_READ)
    head = seen(on, outage)
    county = head.outage.county
    _, homes = tracing.home_of(head.outage.devices)
    items = [_drawn(county, name, asked.at) for name in homes]
    return answer({"items": items})


@routes.get(
    "/grid/diagram",
    gives=f"{MODELS}:Diagram",
    capability=Capability.ORDER_LIST,
    params=(
        asking.code("county", required=True),
        asking.code("feeder", required=True, about="The map's name, such as feeder/F-03."),
    ),
    refuses=("unknown", "busy"),
)
def draw_feeder(asked: Asked) -> Response:
    """Return the one-line diagram of a feeder as it stands, with what is dark on it."""
    on, asks = staff(asked, Capability.ORDER_LIST), asked.query
    if asks["county"] not in queueing.counties_of(on):
        raise Unknown(what="feeder")
    return answer(_drawn(asks["county"], asks["feeder"], asked.at))


def _drawn(county: str, name: str, at: datetime) -> dict[str, Any]:
    grid = tracing.around(county, [name])
    if name not in {sheet.name for sheet in grid.sheets}:
        raise Unknown(what="feeder")
    open_outages = [each for each in kept.board(county).outages if each.dark]
    return picturing.diagram(grid, name, open_outages, at=at)


# Integrators ------------------------------------------------------------------------------------

by_key = Routes("chalicelib.api.events", security=Security.KEY)


@by_key.post(
    "/events",
    takes=f"{MODELS}:Events",
    gives=f"{MODELS}:EventsTaken",
    status=202,
    keyed=False,
    most_body=MOST_BATCH,
    example={
        "events": [
            {
                "kind": "device_open",
                "subject": {"device": "F-TQ-QH-01-CB"},
                "source": "scada-1",
                "sequence": 4711,
                "occurred_at": "2026-11-21T06:47:00+08:00",
                "lockout": True,
            }
        ]
    },
    refuses=("stale", "busy"),
)
def take_events(asked: Asked) -> Response:
    """Take up to 10,000 events of devices and meters; each counts once for source and sequence."""
    by = integrator(asked, "events")
    sent = asked.body()
    taken = locating.take(
        by.desk,
        [each.reported() for each in sent.events],
        office_id=by.key.office_id,
        by=by.key.key_id[:16],
        at=asked.at,
    )
    body = {
        "accepted": taken.accepted,
        "duplicate": taken.duplicate,
        "refused": [{"index": place, "code": code} for place, code in taken.refused],
        "unknown": [{"index": place, "subject": subject} for place, subject in taken.unknown],
        "outages": list(dict.fromkeys(taken.outages)),
    }
    return answer(body, status=HTTPStatus.ACCEPTED)


def _page(asked: Asked, on: OnDesk, head: Head, *, status: int = HTTPStatus.OK) -> Response:
    body = picturing.page(
        on.desk,
        head,
        on.staff.role.value,
        may_move=may_move(on, head),
        language=asked.language,
        at=asked.at,
    )
    return answer(body, status=status, headers=etag(head.outage.version))
