"""What administrators ask: offices, people, duty, keys, webhooks, limits, calendars, lists, ledger.

Each write is done once for its Idempotency-Key: what was answered is kept for a week and answered
again, but for a secret, which is shown once. What is foreign answers like what is not there.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, Final

from chalice.app import Response

from chalicelib import ambient
from chalicelib.api import asking
from chalicelib.api.access import OnDesk, slow_down, staff
from chalicelib.api.asking import Asked, Param
from chalicelib.api.desk import CSV, XLSX
from chalicelib.api.once import Made, Thing, ToDo, once, plain, shown
from chalicelib.api.routes import Decorator, Routes, Security, answer, download
from chalicelib.domain import words
from chalicelib.domain.calendar import YearTable, local_day
from chalicelib.domain.limits import parse_override
from chalicelib.domain.order import canonical, is_order_number
from chalicelib.domain.refusal import (
    BadInput,
    FieldError,
    NotAllowed,
    TooLarge,
    Unknown,
)
from chalicelib.domain.staff import Capability, Office, OfficeLevel, Role, Staff, may
from chalicelib.outbound.seals import Seals, public_key_of, seals_from
from chalicelib.store import ledger, registry
from chalicelib.store.registry import Member, Override, Webhook
from chalicelib.usecases import administering, importing, reading, sheets, verifying
from chalicelib.usecases.administering import Change, Replanned
from chalicelib.usecases.desk import actor_of
from chalicelib.usecases.importing import Bad, Preview, Upload
from chalicelib.usecases.showing import stamp

REFUSES: Final = ("unknown", "key-reused", "stale", "busy")
BUDGET: Final = timedelta(seconds=20)
"""Of the gateway's 29 seconds: what is left then is left for the next request."""
MOST_UPLOAD: Final = 6_000_000
MOST_FILE: Final = MOST_UPLOAD * 3 // 4
MOST_TESTS: Final = 20
PAGE: Final = 100
SECRETS: Final = ("secret",)
MODELS: Final = "admin_models"


def _model(name: str) -> str:
    return f"{MODELS}:{name}"


# What a view returns ------------------------------------------------------------------------------


Rows = Iterable[Thing]
View = Callable[..., Response | Thing | Rows | ToDo]


def _on(offer: Callable[..., Decorator], **usual: Any) -> Callable[..., Callable[[View], Any]]:
    """Return what puts a view on a path and hands it who asks, once they may do this at all.

    A view returns a `Thing`, whose version is its ETag; the `Rows` of a list; or, of a write, what
    is `ToDo` now that it may be done: that is done once for its Idempotency-Key.
    """

    def at(path: str, *, capability: Capability, **about: Any) -> Callable[[View], Any]:
        def register(view: View) -> Any:
            @wraps(view)
            def offered(asked: Asked, **parts: str) -> Response:
                on = _admin(asked, capability)
                found = view(asked, on, **parts)
                if isinstance(found, Response):
                    return found
                if isinstance(found, Mapping):
                    return shown(plain(found), HTTPStatus.OK, found.get("version"))
                if callable(found):
                    return once(asked, on, found, about.get("status", HTTPStatus.OK))
                return answer({"items": plain(list(found))})

            return offer(path, capability=capability, **{**usual, **about})(offered)

        return register

    return at


routes = Routes(__name__, security=Security.STAFF)
_get = _on(routes.get)
_post = _on(routes.post, refuses=REFUSES)
_put = _on(routes.put, refuses=REFUSES, matched=True)
_delete = _on(routes.delete, refuses=REFUSES, matched=True)


def _shown_once(made: tuple[Thing, str]) -> Made:
    row, secret = made
    return Made(row, row["version"], {"secret": secret})


# Who, and whose -----------------------------------------------------------------------------------


def _admin(asked: Asked, capability: Capability) -> OnDesk:
    """Return who asks, on the desk as it is now: who changes it must see what others changed."""
    registry.refresh()
    return staff(asked, capability)


def _change(asked: Asked, on: OnDesk) -> Change:
    return Change(actor_of(on.staff), asked.at, asked.if_match)


def _intention(asked: Asked, on: OnDesk) -> str:
    """Return what tells one intention from another: who asks, and their Idempotency-Key."""
    return f"{on.caller}\n{asked.key}"


def _office(on: OnDesk, office_id: str, capability: Capability) -> Office:
    """Return an office at which somebody may do this.

    Raises Unknown for one that they may not even know of, NotAllowed.
    """
    office = on.desk.snapshot.offices.get(office_id)
    if office is None or not may(on.staff, Capability.OFFICE_READ, office.path):
        raise Unknown(what="office")
    on.allow(capability, office_id)
    return office


def _named_office(on: OnDesk, name: str, office_id: str, capability: Capability) -> Office:
    """Return the office that a field of a body names. Raises BadInput naming it, NotAllowed."""
    try:
        return _office(on, office_id, capability)
    except Unknown:
        raise BadInput.of(name, "office.unknown") from None


def _allow_path(on: OnDesk, capability: Capability, path: tuple[str, ...]) -> None:
    if not may(on.staff, capability, path):
        raise NotAllowed(capability=capability.value)


def _out_of_time(asked: Asked) -> Callable[[], bool]:
    return lambda: ambient.now() - asked.at > BUDGET


# Offices ------------------------------------------------------------------------------------------


@_get("/admin/offices", gives=_model("AdminOffices"), capability=Capability.OFFICE_READ)
def list_admin_offices(_asked: Asked, on: OnDesk) -> Rows:
    """Return the offices that one may know, from the top down."""
    return administering.offices(on.desk, on.staff)


@_post(
    "/admin/offices",
    takes=_model("NewOffice"),
    gives=_model("AdminOffice"),
    status=201,
    capability=Capability.OFFICE_CREATE,
    example={"id": "S-QINGHE-05", "name": "河西供电所", "level": "station", "parent": "C-QINGHE"},
)
def add_office(asked: Asked, on: OnDesk) -> ToDo:
    """Add an office below one's own."""
    sent = asked.body()
    if sent.parent is not None:
        _named_office(on, "parent", sent.parent, Capability.OFFICE_CREATE)
    path = administering.path_under(on.desk, sent.parent, sent.id)
    _allow_path(on, Capability.OFFICE_CREATE, path)
    office = Office(
        sent.id, sent.name, OfficeLevel(sent.level), path, terrain=sent.terrain, phone=sent.phone
    )
    return partial(administering.add_office, on.desk, office, _change(asked, on))


@_put(
    "/admin/offices/{office_id}",
    takes=_model("OfficeChange"),
    gives=_model("AdminOffice"),
    capability=Capability.OFFICE_CREATE,
    example={"name": "河西中心供电所"},
)
def change_office(asked: Asked, on: OnDesk, office_id: str) -> ToDo:
    """Change an office, or move it with all below it. Its id and its level stay."""
    sent, office = asked.body(), _office(on, office_id, Capability.OFFICE_CREATE)
    given = sent.model_dump(exclude_none=True, exclude={"parent"})
    if sent.parent is not None:
        _named_office(on, "parent", sent.parent, Capability.OFFICE_CREATE)
        given["path"] = administering.path_under(on.desk, sent.parent, office_id)
        _allow_path(on, Capability.OFFICE_CREATE, given["path"])
    changed = replace(office, **given)
    return partial(administering.change_office, on.desk, changed, _change(asked, on))


# People -------------------------------------------------------------------------------------------


@_get(
    "/admin/staff",
    gives=_model("AdminStaffList"),
    capability=Capability.STAFF_CREATE,
    params=(asking.code("office"),),
)
def list_admin_staff(asked: Asked, on: OnDesk) -> Rows:
    """Return the staff of one's offices, telephones masked."""
    return administering.people(on.desk, on.staff, office_id=asked.query["office"])


@_post(
    "/admin/staff",
    takes=_model("NewStaff"),
    gives=_model("AdminStaff"),
    status=201,
    capability=Capability.STAFF_CREATE,
    example={"id": "crew-9", "name": "王建国", "role": "crew", "office": "S-QINGHE-03"},
)
def add_staff(asked: Asked, on: OnDesk) -> ToDo:
    """Let somebody of one's offices in. Their id is the subject of their access token."""
    sent = asked.body()
    office = _named_office(on, "office", sent.office, Capability.STAFF_CREATE)
    person = Staff(sent.id, sent.name, Role(sent.role), office.office_id, office.path)
    member = Member(person, sent.phone)
    return partial(administering.add_member, on.desk, member, _change(asked, on))


@_put(
    "/admin/staff/{staff_id}",
    takes=_model("StaffChange"),
    gives=_model("AdminStaff"),
    capability=Capability.STAFF_CREATE,
    example={"role": "dispatcher"},
)
def change_staff(asked: Asked, on: OnDesk, staff_id: str) -> ToDo:
    """Change somebody's post, office, name or telephone, or let them in no more."""
    sent = asked.body()
    member = administering.member_of(on.desk, staff_id)
    if not may(on.staff, Capability.STAFF_CREATE, member.staff.path):
        raise Unknown(what="staff")
    changed = _changed_member(on, member, sent)
    return partial(administering.change_member, on.desk, changed, _change(asked, on))


def _changed_member(on: OnDesk, member: Member, sent: Any) -> Member:
    person = member.staff
    if sent.office is not None:
        office = _named_office(on, "office", sent.office, Capability.STAFF_CREATE)
        person = replace(person, office_id=office.office_id, path=office.path)
    given: dict[str, Any] = {"name": sent.name, "active": sent.active}
    if sent.role is not None:
        given["role"] = Role(sent.role)
    person = replace(person, **{name: each for name, each in given.items() if each is not None})
    phone = sent.phone if "phone" in sent.model_fields_set else member.phone
    return Member(person, phone)


# Duty ---------------------------------------------------------------------------------------------


@_get(
    "/admin/offices/{office_id}/duty",
    gives=_model("DutyList"),
    capability=Capability.DUTY_UPDATE,
)
def get_duty(_asked: Asked, on: OnDesk, office_id: str) -> Thing:
    """Return the duty list of an office, telephones masked."""
    _office(on, office_id, Capability.DUTY_UPDATE)
    return administering.duty_list(on.desk, office_id)


@_put(
    "/admin/offices/{office_id}/duty",
    takes=_model("DutyIn"),
    gives=_model("DutyList"),
    capability=Capability.DUTY_UPDATE,
    example={
        "entries": [
            {
                "staff_id": "crew-1",
                "from": "2026-11-21T08:00:00+08:00",
                "to": "2026-11-22T08:00:00+08:00",
            }
        ]
    },
)
def put_duty(asked: Asked, on: OnDesk, office_id: str) -> ToDo:
    """Replace the duty list of an office; who comes first is told first."""
    sent = asked.body()
    _office(on, office_id, Capability.DUTY_UPDATE)
    turns = [
        administering.turn(on.desk, office_id, index, **each.model_dump())
        for index, each in enumerate(sent.entries)
    ]
    return partial(administering.set_duty, on.desk, office_id, turns, _change(asked, on))


# Keys ---------------------------------------------------------------------------------------------


@_get("/admin/keys", gives=_model("Keys"), capability=Capability.KEY_CREATE)
def list_keys(_asked: Asked, on: OnDesk) -> Rows:
    """Return the keys of one's offices, revoked ones too. No secret is kept."""
    return administering.keys(on.desk, on.staff)


@_post(
    "/admin/keys",
    takes=_model("NewKey"),
    gives=_model("KeyMade"),
    status=201,
    capability=Capability.KEY_CREATE,
    example={"name": "12345 平台", "office": "C-QINGHE", "scopes": ["intake"], "channel": "12345"},
    refuses=(*REFUSES, "key-spent"),
)
def add_key(asked: Asked, on: OnDesk) -> ToDo:
    """Make a key for another platform. Its secret is in this answer and nowhere else."""
    sent = asked.body()
    office = _named_office(on, "office", sent.office, Capability.KEY_CREATE)
    return lambda: _shown_once(
        administering.add_key(
            on.desk,
            name=sent.name,
            office_id=office.office_id,
            scopes=frozenset(sent.scopes),
            channel=sent.channel,
            asked_by=_intention(asked, on),
            change=_change(asked, on),
        )
    )


@_delete(
    "/admin/keys/{key_id}",
    gives=_model("KeyRow"),
    capability=Capability.KEY_CREATE,
)
def revoke_key(asked: Asked, on: OnDesk, key_id: str) -> ToDo:
    """Revoke a key: it opens nothing from now on."""
    key = on.desk.snapshot.keys.get(key_id)
    if key is None or not may(on.staff, Capability.KEY_CREATE, on.desk.path(key.office_id)):
        raise Unknown(what="key")
    return partial(administering.revoke_key, on.desk, key, _change(asked, on))


# Webhooks -----------------------------------------------------------------------------------------


@_get("/admin/webhooks", gives=_model("Webhooks"), capability=Capability.WEBHOOK_CREATE)
def list_webhooks(_asked: Asked, on: OnDesk) -> Rows:
    """Return the webhooks of one's offices, those that were stopped too."""
    return administering.webhook_list(on.desk, on.staff)


@_post(
    "/admin/webhooks",
    takes=_model("NewWebhook"),
    gives=_model("WebhookMade"),
    status=201,
    capability=Capability.WEBHOOK_CREATE,
    example={"url": "https://example.com/lightkeeper", "office": "C-QINGHE"},
    refuses=(*REFUSES, "key-spent"),
)
def add_webhook(asked: Asked, on: OnDesk) -> ToDo:
    """Register a public https address. The secret that signs is in this answer only."""
    sent = asked.body()
    office = _named_office(on, "office", sent.office, Capability.WEBHOOK_CREATE)
    return lambda: _shown_once(
        administering.add_webhook(
            on.desk,
            url=sent.url,
            office_id=office.office_id,
            asked_by=_intention(asked, on),
            allow_loopback=ambient.settings().is_local,
            change=_change(asked, on),
        )
    )


@_post(
    "/admin/webhooks/{webhook_id}/secret",
    takes=_model("NewSecret"),
    gives=_model("WebhookMade"),
    matched=True,
    capability=Capability.WEBHOOK_CREATE,
    example={"overlap_hours": 24},
    refuses=(*REFUSES, "key-spent"),
)
def rotate_webhook_secret(asked: Asked, on: OnDesk, webhook_id: str) -> ToDo:
    """Replace the secret that signs. Both sign during the overlap; with 0 the old one is over."""
    overlap, webhook = timedelta(hours=asked.body().overlap_hours), _webhook(on, webhook_id)
    return lambda: _shown_once(
        administering.rotate_webhook(
            on.desk,
            webhook,
            overlap=overlap,
            asked_by=_intention(asked, on),
            change=_change(asked, on),
        )
    )


@_delete(
    "/admin/webhooks/{webhook_id}",
    gives=_model("WebhookRow"),
    capability=Capability.WEBHOOK_CREATE,
)
def stop_webhook(asked: Asked, on: OnDesk, webhook_id: str) -> ToDo:
    """Tell it nothing any more."""
    webhook = _webhook(on, webhook_id)
    return partial(administering.stop_webhook, on.desk, webhook, _change(asked, on))


@_post(
    "/admin/webhooks/{webhook_id}/test",
    gives=_model("Tested"),
    capability=Capability.WEBHOOK_CREATE,
    refuses=(*REFUSES, "too-many"),
)
def test_webhook(asked: Asked, on: OnDesk, webhook_id: str) -> ToDo:
    """Send a signed test event now, and say what became of it."""
    webhook = _webhook(on, webhook_id)
    slow_down(asked, "webhook-test", most=MOST_TESTS, minutes=10)
    payload = canonical({"type": "webhook.test", "at": stamp(asked.at)}).encode()

    def tried() -> dict[str, Any]:
        outcome = administering.try_webhook(
            webhook,
            event_id=f"test-{ambient.new_id()}",
            payload=payload,
            allow_loopback=ambient.settings().is_local,
            at=asked.at,
        )
        return {"outcome": outcome.kind, "status": outcome.status, "reason": outcome.reason}

    return tried


def _webhook(on: OnDesk, webhook_id: str) -> Webhook:
    webhook = on.desk.snapshot.webhooks.get(webhook_id)
    path = on.desk.path(webhook.office_id) if webhook else ()
    if webhook is None or not may(on.staff, Capability.WEBHOOK_CREATE, path):
        raise Unknown(what="webhook")
    return webhook


# Limits -------------------------------------------------------------------------------------------


@_get(
    "/admin/limits",
    gives=_model("AdminLimits"),
    capability=Capability.LIMIT_READ,
    params=(asking.code("office"),),
    refuses=("unknown",),
)
def list_limits(asked: Asked, on: OnDesk) -> Thing:
    """Return every limit as it stands for an office today, with its sources and overrides."""
    office_id = asked.query["office"] or on.staff.office_id
    _office(on, office_id, Capability.LIMIT_READ)
    today = local_day(asked.at)
    rows = administering.limits(on.desk, office_id, language=asked.language, on=today)
    spoken = [_limit_tree(row, asked.language) for row in rows]
    return {"office": office_id, "ruleset": on.desk.ruleset, "items": spoken}


def _limit_tree(row: Mapping[str, Any], language: str) -> dict[str, Any]:
    versions = {
        name: [_limit(each, language) for each in row[name]] for name in ("shipped", "overrides")
    }
    return _limit(row, language) | versions


def _limit(row: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return a limit's row with its warnings in the caller's words."""
    law = row["law"]
    warnings = []
    if law is not None:
        written = law.to_json()
        unit = words.say(f"unit.{law.unit}", language)
        said = words.say(
            "code.limit.looser_than_law", language, amount=written["amount"], unit=unit
        )
        shown = {
            "id": law.id,
            "amount": str(written["amount"]),
            "unit": law.unit.value,
            "source": law.source,
        }
        warnings.append({"code": "limit.looser_than_law", "detail": said, "law": shown})
    plain = {
        name: value for name, value in row.items() if name not in {"law", "shipped", "overrides"}
    }
    return {**plain, "warnings": warnings}


@_put(
    "/admin/limits/{limit_id}",
    takes=_model("NewLimit"),
    gives=_model("LimitSaved"),
    capability=Capability.LIMIT_UPDATE,
    example={
        "office": "C-QINGHE",
        "amount": 40,
        "unit": "minute",
        "effective_from": "2026-12-01",
        "source": "清河县公司优质服务方案",
    },
)
def put_limit(asked: Asked, on: OnDesk, limit_id: str) -> ToDo:
    """State a limit for an office and those below it. Says where it is looser than the law."""
    sent = asked.body()
    office = _named_office(on, "office", sent.office, Capability.LIMIT_UPDATE)
    raw = sent.model_dump(exclude={"office"}, exclude_none=True)
    if limit_id not in on.desk.book.ids():
        raise Unknown(what="limit")
    limit = parse_override({"id": limit_id, **raw})
    return partial(_stated, asked, on, Override(office.office_id, limit))


@_delete(
    "/admin/limits/{limit_id}",
    gives=_model("LimitSaved"),
    capability=Capability.LIMIT_UPDATE,
    params=(asking.code("office", required=True), asking.day("effective_from", required=True)),
)
def withdraw_limit(asked: Asked, on: OnDesk, limit_id: str) -> ToDo:
    """Withdraw what an office stated from a day on: what stood before holds again."""
    asks = asked.query
    _office(on, asks["office"], Capability.LIMIT_UPDATE)

    def withdrawn() -> Made:
        override = administering.find_override(
            on.desk, asks["office"], limit_id, asks["effective_from"]
        )
        return _stated(asked, on, replace(override, active=False))

    return withdrawn


def _stated(asked: Asked, on: OnDesk, override: Override) -> Made:
    """Save a limit, plan open orders by it, and say what moved."""
    desk, today = on.desk, local_day(asked.at)
    kept, version = administering.set_limit(desk, override, _change(asked, on))
    now = administering.with_override(desk, kept)
    limit = replace(kept.limit, origin=kept.office_id)
    row = administering.limit_row(now, limit, language=asked.language, on=today)
    counties = administering.counties_under(desk, kept.office_id)
    moved = administering.replan(
        now, counties, apply=True, is_out_of_time=_out_of_time(asked), at=asked.at
    )
    body = {
        "limit": _limit(row, asked.language),
        "record_version": version,
        "replanned": _replanned(moved),
    }
    return Made(body, version=version)


def _replanned(moved: Replanned) -> dict[str, Any]:
    moves = [{"number": number, "was": was, "will": will} for number, was, will in moved.moves]
    return {"moves": moves, "count": moved.count, "done": moved.done}


# Calendars ----------------------------------------------------------------------------------------


@_get("/admin/calendars", gives=_model("Years"), capability=Capability.LIMIT_READ)
def list_years(asked: Asked, on: OnDesk) -> Rows:
    """Return the years of the calendar, and which are not published yet."""
    return administering.years(on.desk, at=local_day(asked.at))


@_get("/admin/calendars/{year}", gives=_model("Year"), capability=Capability.LIMIT_READ)
def get_year(_asked: Asked, on: OnDesk, year: str) -> Thing:
    """Return one year in the form in which it is loaded."""
    if not re.fullmatch(r"2[01][0-9]{2}", year):
        raise Unknown(what="year")
    return administering.year(on.desk, int(year))


YEAR: Final = {
    "year": 2027,
    "source": "国务院办公厅关于2027年部分节假日安排的通知",
    "holidays": {"2027-01-01": "元旦", "2027-05-01": "劳动节", "2027-10-01": "国庆节",
                 "2027-10-02": "国庆节", "2027-10-03": "国庆节"},
    "make_up_days": {},
}  # fmt: skip


@_post(
    "/admin/calendars/preview",
    takes=_model("YearIn"),
    gives=_model("Replanned"),
    keyed=False,
    capability=Capability.CALENDAR_UPDATE,
    example=YEAR,
    refuses=("busy",),
)
def preview_year(asked: Asked, on: OnDesk) -> Thing:
    """Say which open orders a year's table would move. Nothing is changed."""
    table = _table(asked, on)
    moved = administering.replan(
        administering.with_year(on.desk, table),
        on.desk.snapshot.counties,
        apply=False,
        is_out_of_time=_out_of_time(asked),
        at=asked.at,
    )
    return _replanned(moved)


@_post(
    "/admin/calendars",
    takes=_model("YearIn"),
    gives=_model("Replanned"),
    matched=True,
    capability=Capability.CALENDAR_UPDATE,
    example=YEAR,
)
def load_year(asked: Asked, on: OnDesk) -> ToDo:
    """Load a year's table for the whole deployment, and plan open orders by it."""
    table = _table(asked, on)

    def loaded() -> Made:
        version = administering.load_year(on.desk, table, _change(asked, on))
        moved = administering.replan(
            administering.with_year(on.desk, table),
            on.desk.snapshot.counties,
            apply=True,
            is_out_of_time=_out_of_time(asked),
            at=asked.at,
        )
        return Made(_replanned(moved), version=version)

    return loaded


def _table(asked: Asked, on: OnDesk) -> YearTable:
    """Return the table that was sent, by somebody who is above every county: it moves all orders.

    Raises BadInput, NotAllowed.
    """
    sent = asked.body()
    for county in on.desk.snapshot.counties:
        on.allow(Capability.CALENDAR_UPDATE, county)
    try:
        return YearTable.parse(sent.model_dump())
    except BadInput as refused:
        named = [FieldError(one.field, f"calendar.{one.code}", one.facts) for one in refused.errors]
        raise BadInput(named) from None


# Lists --------------------------------------------------------------------------------------------


@_post(
    "/admin/imports",
    takes=_model("ImportIn"),
    gives=_model("Previewed"),
    status=201,
    most_body=MOST_UPLOAD,
    capability=Capability.IMPORT,
    file="content_base64",
    params=(
        asking.choice("kind", importing.KINDS),
        asking.text("filename", longest=120, about="Where the file itself is the body."),
        asking.code("county"),
    ),
    example={"kind": "phones", "filename": "phones.csv", "content_base64": "5oi35Y+3LOeUteivnQo="},
)
def upload_list(asked: Asked, on: OnDesk) -> ToDo:
    """Check a list (XLSX, or CSV in UTF-8 or GBK) and say what it would do. Nothing is applied."""
    sent = asked.body()
    kind = sent.kind or asked.query["kind"]
    if not kind:
        raise BadInput.of("kind", "field.required")
    county = _county(on, sent.county or asked.query["county"] or None)
    if kind not in importing.OFFICIAL and county not in on.desk.snapshot.counties:
        raise BadInput.of("county", "field.required")
    upload = Upload(kind, sent.filename, _content(sent.content_base64), county)
    import_id = hashlib.sha256(_intention(asked, on).encode()).hexdigest()[:32]

    def looked_at() -> dict[str, Any]:
        shown = importing.preview(on.desk, on.staff, upload, import_id=import_id, at=asked.at)
        return _previewed(shown, asked.language)

    return looked_at


def _county(on: OnDesk, named: str | None) -> str:
    """Return whose list it is: the county named, the only one, or one's own office.

    Raises BadInput naming `county`.
    """
    mine = [
        county
        for county in on.desk.snapshot.counties
        if may(on.staff, Capability.IMPORT, on.desk.path(county))
    ]
    if named is None:
        return mine[0] if len(mine) == 1 else on.staff.office_id
    if named not in mine:
        raise BadInput.of("county", "office.unknown")
    return named


def _content(sent: str) -> bytes:
    try:
        content = base64.b64decode(sent, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput.of("content_base64", "field.base64") from None
    if len(content) > MOST_FILE:
        raise TooLarge(limit=MOST_FILE)
    return content


def _previewed(shown: Preview, language: str) -> dict[str, Any]:
    return {
        "id": shown.import_id,
        "kind": shown.kind,
        "county": shown.county,
        "rows": shown.rows,
        "ok": shown.ok,
        "bad_rows": shown.bad_rows,
        "bad": [_bad(one, language) for one in shown.bad],
        "difference": dict(shown.difference),
        "sample": [dict(each) for each in shown.sample],
    }


def _bad(one: Bad, language: str) -> dict[str, Any]:
    facts = {
        name: "、".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in one.facts.items()
    }
    detail = words.say(f"code.{one.code}", language, **facts)
    return {"line": one.line, "column": one.column, "code": one.code, "detail": detail}


@_get("/admin/imports/{import_id}", gives=_model("Previewed"), capability=Capability.IMPORT)
def get_import(asked: Asked, on: OnDesk, import_id: str) -> Thing:
    """Return what a list that waits would do."""
    return _previewed(_staged(asked, on, import_id), asked.language)


_IMPORT: Final = re.compile(r"[0-9a-f]{32}\Z")


def _staged(asked: Asked, on: OnDesk, import_id: str) -> Preview:
    if not _IMPORT.match(import_id):
        raise Unknown(what="import")
    shown = importing.staged(import_id, at=asked.at)
    if not may(on.staff, Capability.IMPORT, on.desk.path(shown.county)):
        raise Unknown(what="import")
    return shown


@_post(
    "/admin/imports/{import_id}/apply",
    takes=_model("ApplyIn"),
    gives=_model("AppliedOut"),
    capability=Capability.IMPORT,
    example={"after": 0},
)
def apply_import(asked: Asked, on: OnDesk, import_id: str) -> ToDo:
    """Apply a list that was looked at, as far as the time allows; go on from `next`."""
    sent = asked.body()

    def applied() -> dict[str, Any]:
        _staged(asked, on, import_id)
        done = importing.apply(
            on.desk,
            on.staff,
            import_id,
            after=sent.after,
            salt=lambda: ambient.random_bytes(16),
            is_out_of_time=_out_of_time(asked),
            at=asked.at,
        )
        refused = [_bad(one, asked.language) for one in done.refused]
        counts = {"applied": done.applied, "skipped": done.skipped}
        return {**counts, "refused": refused, "next": done.next}

    return applied


@_get(
    "/admin/lists",
    capability=Capability.IMPORT,
    media=f"{CSV}, {XLSX}",
    params=(
        asking.choice("kind", importing.KINDS, default="offices"),
        asking.choice("format", ("csv", "xlsx"), default="csv"),
        asking.code("county"),
    ),
)
def get_list(asked: Asked, on: OnDesk) -> Response:
    """Return what is kept as a list that may be sent back, or a blank one to fill in."""
    asks = asked.query
    county = _county(on, asks["county"] or None)
    kind, form = asks["kind"], asks["format"]
    if form == "xlsx":
        asked.takes_back(XLSX)
    headers, *rows = importing.listed(on.desk, on.staff, kind, county=county, at=asked.at)
    name = f"{kind}.{form}"
    if form == "csv":
        text = sheets.to_csv(headers, rows).decode()
        return download(text, media=CSV, name=name, rows=len(rows))
    return download(sheets.to_xlsx(kind, headers, rows), media=XLSX, name=name, rows=len(rows))


# The ledger ---------------------------------------------------------------------------------------

_AGGREGATE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@|/-]{0,199}\Z")


def _read_aggregate(name: str, raw: str) -> str:
    if not _AGGREGATE.match(raw):
        raise BadInput.of(name, "field.code")
    return raw.removeprefix("order/")


AGGREGATE: Final = Param(
    "aggregate",
    _read_aggregate,
    {"type": "string", "pattern": _AGGREGATE.pattern.replace(r"\Z", "$"), "maxLength": 200},
    default="",
    required=True,
    about="An order's number, outage/<id>, issue/<id>, registry/<kind>/<id>, "
    "access/<county>/<day>, forgotten/<office>/<year>, grid/<county> or import/<county>.",
)


def _owned(on: OnDesk, aggregate: str, capability: Capability) -> None:
    """Refuse a chain that is not theirs like one that is not there. Raises Unknown."""
    path = verifying.owner(on.desk, aggregate)
    if path is None or not (path == () or may(on.staff, capability, path)):
        raise Unknown(what="aggregate")
    if verifying.is_secret(aggregate) and not may(on.staff, Capability.MISCONDUCT_READ, path):
        raise Unknown(what="aggregate")


@_get(
    "/ledger/events",
    gives="LedgerRows",
    capability=Capability.LEDGER_READ,
    params=(AGGREGATE, *asking.page(default=PAGE, most=PAGE)),
    refuses=("unknown",),
)
def read_chain(asked: Asked, on: OnDesk) -> Thing:
    """Return a chain as the ledger keeps it: an order's, a record's, or who looked at what."""
    asks = asked.query
    aggregate, secret = asks["aggregate"], on.desk.secret
    if is_order_number(aggregate):
        on.order(aggregate, Capability.LEDGER_READ)
    else:
        _owned(on, aggregate, Capability.LEDGER_READ)
        if aggregate.startswith(("access/", "forgotten/")):  # misconduct reports too (S1.26)
            _owned(on, aggregate, Capability.MISCONDUCT_READ)
    after = int(asked.opened(secret, on.caller) or 0)
    events = list(ledger.read(aggregate, after=after, limit=asks["limit"]))
    more = str(events[-1].seq) if len(events) == asks["limit"] else None
    items = [reading.event_row(on.desk, event) for event in events]
    return {"items": items, "cursor": asked.sealed(secret, on.caller, more)}


@_get(
    "/ledger/verify",
    gives="Verified",
    capability=Capability.LEDGER_VERIFY,
    params=(AGGREGATE,),
    refuses=("unknown",),
)
def verify_chain(asked: Asked, on: OnDesk) -> Thing:
    """Compute a chain's hashes again and say which event is the first that is not as it was."""
    aggregate = asked.query["aggregate"]
    if is_order_number(aggregate):
        return reading.verify(on.to_verify(aggregate))
    _owned(on, aggregate, Capability.LEDGER_VERIFY)
    return verifying.chain(on.desk, aggregate)


@_post(
    "/ledger/verify",
    takes=_model("LedgerDays"),
    gives=_model("DaysVerified"),
    keyed=False,
    capability=Capability.LEDGER_VERIFY,
    example={"county": "C-QINGHE", "from": "2026-11-21", "to": "2026-11-21"},
    refuses=("busy",),
)
def verify_days(asked: Asked, on: OnDesk) -> Thing:
    """Verify the orders of a county's days, and compare the seals of their hours."""
    sent = asked.body()
    county = _named_office(on, "county", sent.county, Capability.LEDGER_VERIFY)
    if county.level is not OfficeLevel.COUNTY:
        raise BadInput.of("county", "office.no_county")
    port, public_key = _seals()
    found = verifying.days(
        county.office_id,
        sent.first,
        sent.last,
        port=port,
        public_key=public_key,
        after=sent.cursor,
        is_out_of_time=_out_of_time(asked),
        at=asked.at,
        knows=lambda kind: on.knows(kind, county.office_id),
    )
    bad = [dict(zip(("aggregate", "seq", "why"), one, strict=True)) for one in found.bad]
    return {
        "ok": not bad,
        "orders": found.orders,
        "chains": found.chains,
        "events": found.events,
        "hours": found.hours,
        "seal_key": bool(public_key),
        "unsealed": found.unsealed,
        "bad": bad[: verifying.MOST_SHOWN],
        "elsewhere": found.elsewhere,
        "cursor": found.cursor,
    }


@_get(
    "/ledger/seals",
    gives=_model("Seals"),
    capability=Capability.LEDGER_VERIFY,
    params=(asking.day("day"),),
)
def list_seals(asked: Asked, _on: OnDesk) -> Rows:
    """Return the seals of a local day, today's if none is named."""
    day: date = asked.query["day"] or local_day(asked.at)
    port, public_key = _seals()
    return verifying.seals_of(port, day, public_key=public_key, at=asked.at)


def _seals() -> tuple[Seals, str]:
    """Return where seals lie and the key that checks them, empty where this function has none."""
    settings = ambient.settings()
    public_key = settings.seal_public
    if not public_key and settings.seal_key:
        public_key = public_key_of(settings.seal_key)
    return seals_from(settings.seals), public_key
