"""The grid over HTTP: taking over a county's network, looking at it, switching.

Whoever lists orders sees the grid of those counties, masked; whoever works outages switches it;
an administrator takes it over. What is another county's answers like what is not there.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar

from chalice.app import Response

from chalicelib import ambient
from chalicelib.api import asking
from chalicelib.api.access import OnDesk, staff
from chalicelib.api.asking import Asked
from chalicelib.api.once import once
from chalicelib.api.routes import Routes, Security, answer
from chalicelib.domain.grid import Mistake
from chalicelib.domain.refusal import BadInput, Unknown
from chalicelib.domain.staff import Capability, may
from chalicelib.usecases import browsing, queueing, surveying, switching
from chalicelib.usecases.desk import actor_of
from chalicelib.usecases.surveying import Preview, Survey
from chalicelib.usecases.switching import Switching

routes = Routes(__name__, security=Security.STAFF)

MODELS: Final = "grid_models"
MOST_UPLOAD: Final = 6_000_000
"""Bytes of a body with tables in it: Lambda takes a request of 6 MB with all that is around it."""
BUDGET: Final = timedelta(seconds=15)
"""Of the gateway's 29 seconds: a step that has begun then still ends in time."""
REFUSES: Final = ("unknown", "key-reused", "stale", "busy")
COUNTY: Final = asking.code("county", about="One's own where it is left out.")

_SURVEY: Final = re.compile(r"[0-9a-f]{32}\Z")
_Item = TypeVar("_Item")


# Taking over ------------------------------------------------------------------------------------


@routes.post(
    "/grid/imports",
    takes=f"{MODELS}:SurveyIn",
    gives=f"{MODELS}:Surveyed",
    status=201,
    most_body=MOST_UPLOAD,
    capability=Capability.GRID_IMPORT,
    example={
        "devices": base64.b64encode(
            b"device_id,kind,bus_from,bus_to\nS1,source,,B1\nT-1,transformer,B1,B2\n"
        ).decode(),
        "customers": base64.b64encode(
            b"customer_id,load_id,bus_id,transformer_id\n1,L1,B2,T-1\n"
        ).decode(),
    },
    refuses=REFUSES,
)
def upload_network(asked: Asked) -> Response:
    """Check a network's three tables and say what they would do. Nothing is applied."""
    on, sent = staff(asked, Capability.GRID_IMPORT), asked.body()
    survey = Survey(_county(on, sent.county), _tables(sent))
    named = f"{on.caller}\n{asked.key}"
    survey_id = hashlib.sha256(named.encode()).hexdigest()[:32]

    def looked_at() -> dict[str, Any]:
        shown = surveying.preview(
            on.desk, survey, import_id=survey_id, is_out_of_time=_clock(asked), at=asked.at
        )
        return _surveyed(shown, asked.language)

    return once(asked, on, looked_at, HTTPStatus.CREATED)


def _tables(sent: Any) -> dict[str, bytes]:
    from chalicelib.api.grid_models import tables_of  # noqa: PLC0415 - pydantic: as `asking` does

    found = {}
    for name, text in tables_of(sent).items():
        try:
            found[name] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise BadInput.of(name.removesuffix(".csv"), "field.base64") from None
    return found


def _county(on: OnDesk, named: str | None) -> str:
    """Return whose network it is: the county named, or the only one. Raises BadInput."""
    mine = [
        county
        for county in on.desk.snapshot.counties
        if may(on.staff, Capability.GRID_IMPORT, on.desk.path(county))
    ]
    if named is None and len(mine) == 1:
        return mine[0]
    if named is None:
        raise BadInput.of("county", "field.required")
    if named not in mine:
        raise BadInput.of("county", "office.unknown")
    return named


def _clock(asked: Asked) -> Callable[[], bool]:
    return lambda: ambient.now() - asked.at > BUDGET


def _surveyed(shown: Preview, language: str) -> dict[str, Any]:
    names = ("county", "devices", "feeders", "transformers", "places", "customers", "households")
    also = ("compared", "unplaced", "bad_rows", "notice_rows", "steps")
    return {
        "id": shown.import_id,
        **{name: getattr(shown, name) for name in (*names, *also)},
        "changes": [{"feeder": name, "change": what} for name, what in shown.changes],
        "bad": [_mistake(one, language) for one in shown.bad],
        "notices": [_mistake(one, language) for one in shown.notices],
        "problems": [
            {
                "code": one.slug,
                "detail": one.words(language),
                "devices": list(one.devices[:20]),
                "loads": len(one.loads),
                "notice": one.notice,
            }
            for one in shown.problems
        ],
    }


def _mistake(one: Mistake, language: str) -> dict[str, Any]:
    return {
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "code": one.slug,
        "detail": one.words(language),
    }


def _waiting(on: OnDesk, survey: str, *, at: Any) -> Preview:
    """Return tables that wait and are theirs. Raises Unknown for all others."""
    if not _SURVEY.match(survey):
        raise Unknown(what="import")
    shown = surveying.staged(survey, at=at)
    if not may(on.staff, Capability.GRID_IMPORT, on.desk.path(shown.county)):
        raise Unknown(what="import")
    return shown


@routes.get(
    "/grid/imports/{survey}",
    gives=f"{MODELS}:Surveyed",
    capability=Capability.GRID_IMPORT,
    refuses=("unknown", "busy"),
)
def get_survey(asked: Asked, survey: str) -> Response:
    """Return what tables that wait would do, as far as it is known."""
    on = staff(asked, Capability.GRID_IMPORT)
    return answer(_surveyed(_waiting(on, survey, at=asked.at), asked.language))


@routes.post(
    "/grid/imports/{survey}/compare",
    gives=f"{MODELS}:Surveyed",
    capability=Capability.GRID_IMPORT,
    refuses=REFUSES,
)
def compare_survey(asked: Asked, survey: str) -> Response:
    """Go on comparing customers with what is kept, as far as the time allows."""
    on = staff(asked, Capability.GRID_IMPORT)

    def compared() -> dict[str, Any]:
        _waiting(on, survey, at=asked.at)
        shown = surveying.compare(survey, is_out_of_time=_clock(asked), at=asked.at)
        return _surveyed(shown, asked.language)

    return once(asked, on, compared, HTTPStatus.OK)


@routes.post(
    "/grid/imports/{survey}/apply",
    takes=f"{MODELS}:GoOn",
    gives=f"{MODELS}:SurveyApplied",
    capability=Capability.GRID_IMPORT,
    example={"after": 0},
    refuses=REFUSES,
)
def apply_survey(asked: Asked, survey: str) -> Response:
    """Apply tables that were looked at, as far as the time allows; go on from `next`."""
    on, sent = staff(asked, Capability.GRID_IMPORT), asked.body()

    def applied() -> dict[str, Any]:
        _waiting(on, survey, at=asked.at)
        done = surveying.apply(
            survey,
            after=sent.after,
            by=actor_of(on.staff),
            secret=on.desk.secret,
            is_out_of_time=_clock(asked),
            at=asked.at,
        )
        return asdict(done)

    return once(asked, on, applied, HTTPStatus.OK)


# Looking ----------------------------------------------------------------------------------------


@routes.get(
    "/grid/feeders",
    gives=f"{MODELS}:Feeders",
    capability=Capability.GRID_READ,
    params=(COUNTY,),
)
def list_feeders(asked: Asked) -> Response:
    """Return the feeders and substations of one's counties."""
    on = staff(asked, Capability.GRID_READ)
    rows = [row for county in _counties(on, asked) for row in browsing.feeders(county, at=asked.at)]
    return answer({"items": rows})


@routes.get(
    "/grid/feeder",
    gives=f"{MODELS}:FeederPage",
    capability=Capability.GRID_READ,
    params=(
        asking.code("county", required=True),
        asking.text("feeder", required=True, about="The map's name, such as feeder/F-03."),
        asking.flag("switchable", about="Only what can be switched."),
        *asking.page(default=200, most=1000),
    ),
    refuses=("unknown", "busy"),
)
def read_feeder(asked: Asked) -> Response:
    """Return one feeder or substation: its devices, its ties to others, its versions."""
    on, asks = staff(asked, Capability.GRID_READ), asked.query
    if asks["county"] not in queueing.counties_of(on):
        raise Unknown(what="feeder")
    row, sheet = browsing.feeder(asks["county"], asks["feeder"], at=asked.at)
    devices = [one for one in sheet.map.devices if one.switchable or not asks["switchable"]]
    page, cursor = _page(asked, on, devices, lambda one: one.device_id)
    return answer({**row, "items": browsing.device_rows(page), "cursor": cursor})


@routes.get(
    "/grid/search",
    gives=f"{MODELS}:GridFound",
    capability=Capability.ORDER_LIST,
    params=(asking.text("q", longest=60, required=True), COUNTY),
)
def search_grid(asked: Asked) -> Response:
    """Return devices and areas by id or name, and accounts by their number or a meter's."""
    on = staff(asked, Capability.ORDER_LIST)
    return answer(browsing.search(on, _counties(on, asked), asked.query["q"]))


@routes.get(
    "/grid/unplaced",
    gives=f"{MODELS}:Unplaced",
    capability=Capability.GRID_READ,
    params=(asking.code("county", required=True), *asking.page(default=50)),
    refuses=("unknown", "busy"),
)
def list_unplaced(asked: Asked) -> Response:
    """Return the customers of a county whose transformer is unknown: somebody must look."""
    on, county = staff(asked, Capability.GRID_READ), asked.query["county"]
    if not on.reaches(Capability.GRID_READ, county):
        raise Unknown(what="office")
    homes = browsing.unplaced(county)
    page, cursor = _page(asked, on, homes, lambda one: one.account_no)
    items = [browsing.account_row(home) for home in page]
    return answer({"items": items, "total": len(homes), "cursor": cursor})


def _counties(on: OnDesk, asked: Asked) -> tuple[str, ...]:
    """Return the counties that are asked for: the one named where it is theirs, else all theirs."""
    mine, named = queueing.counties_of(on, Capability.GRID_READ), asked.query["county"]
    return tuple(county for county in mine if named in {"", county})


def _page(
    asked: Asked, on: OnDesk, items: Sequence[_Item], key: Callable[[_Item], str]
) -> tuple[list[_Item], str | None]:
    """Return a page of what is in the order of its keys, and the cursor behind it."""
    after = asked.opened(on.desk.secret, on.caller)
    left = [item for item in items if after is None or key(item) > after]
    page = left[: asked.query["limit"]]
    last = key(page[-1]) if len(left) > len(page) else None
    return page, asked.sealed(on.desk.secret, on.caller, last)


# Switching --------------------------------------------------------------------------------------


@routes.post(
    "/grid/switch",
    takes=f"{MODELS}:SwitchIn",
    gives=f"{MODELS}:SwitchedOut",
    capability=Capability.OUTAGE_UPDATE,
    example={"opened": ["F1-SW1"], "closed": ["TIE"], "reason": "fault"},
    refuses=REFUSES,
)
def switch_grid(asked: Asked) -> Response:
    """Open and close switches; what hangs behind moves to the feeder that supplies it now."""
    on, sent = staff(asked, Capability.OUTAGE_UPDATE), asked.body()
    done_at = sent.at or asked.at
    if done_at > asked.at:
        raise BadInput.of("at", "occurred_at.in_future")
    what = Switching(
        opened=tuple(dict.fromkeys(sent.opened)),
        closed=tuple(dict.fromkeys(sent.closed)),
        reason=sent.reason,
        at=done_at,
    )

    def switched() -> dict[str, Any]:
        done = switching.switch(
            what,
            by=actor_of(on.staff),
            may=lambda county: on.reaches(Capability.OUTAGE_UPDATE, county),
            at=asked.at,
        )
        maps = [{"feeder": name, "version": number} for name, number in done.feeders.items()]
        counts = {"moved": list(done.moved), "dark": done.dark, "lit": done.lit}
        return {"county": done.county, "feeders": maps, **counts}

    return once(asked, on, switched, HTTPStatus.OK)


@routes.get(
    "/grid/switchings",
    gives=f"{MODELS}:Switchings",
    capability=Capability.GRID_READ,
    params=(COUNTY, *asking.page(default=50)),
)
def list_switchings(asked: Asked) -> Response:
    """Return what was switched in one's counties, the newest first."""
    on = staff(asked, Capability.GRID_READ)
    rows = [row for county in _counties(on, asked) for row in switching.history(on, county)]
    rows.sort(key=lambda row: (row["recorded_at"], row["county"], row["seq"]), reverse=True)
    after = asked.opened(on.desk.secret, on.caller)
    names = [f"{row['county']}#{row['seq']}" for row in rows]
    start = names.index(after) + 1 if after in names else 0
    page = rows[start : start + asked.query["limit"]]
    more = start + len(page) < len(rows)
    cursor = names[start + len(page) - 1] if page and more else None
    return answer({"items": page, "cursor": asked.sealed(on.desk.secret, on.caller, cursor)})
