"""The desk is set up (台账维护): offices, people, duty, keys, webhooks, limits, calendars.

Thin over the registry, which writes each change on its version together with an event that says who
made it. Whether somebody may is decided before by the web; what is refused here is what would not
make sense for anybody.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, TypeVar

from chalicelib.domain.calendar import Calendar, YearTable
from chalicelib.domain.clocks import millis, whole
from chalicelib.domain.contact import Phone
from chalicelib.domain.limits import Limit, LimitBook, cited
from chalicelib.domain.order import Actor
from chalicelib.domain.refusal import BadInput, FieldError, KeySpent, Stale, Unknown
from chalicelib.domain.staff import LEVELS, Capability, Office, OfficeLevel, Staff, may
from chalicelib.outbound import webhooks
from chalicelib.outbound.webhooks import Endpoint, Outcome
from chalicelib.store import registry
from chalicelib.store.registry import (
    ApiKey,
    Duty,
    Entry,
    Member,
    Override,
    Record,
    Snapshot,
    Turn,
    Webhook,
)
from chalicelib.usecases import watching
from chalicelib.usecases.desk import Desk

SCOPES: Final = ("intake", "track", "ledger.read", "webhook", "events", "sms")
MOST_MOVES: Final = 200
_R = TypeVar("_R", bound=Record)


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, when, and which version they saw; None for the one that is there."""

    by: Actor
    at: datetime
    version: int | None = None


def version_of(snapshot: Snapshot, kind: str, key: str) -> int:
    """Return a record's version; 0 where there is none."""
    return snapshot.versions.get((kind, key), 0)


def _save(value: _R, kind: str, key: str, change: Change, *, desk: Desk) -> Entry[_R]:
    there = version_of(desk.snapshot, kind, key)
    version = there if change.version is None else change.version
    return registry.save(value, version=version, by=change.by, at=change.at)


def _add(value: _R, change: Change) -> Entry[_R]:
    """Add something new. Raises BadInput naming `id` when something else has that id."""
    try:
        return registry.save(value, version=0, by=change.by, at=change.at)
    except Stale:
        raise BadInput.of("id", "id.taken") from None


# Offices ------------------------------------------------------------------------------------------


def office_row(desk: Desk, office: Office, version: int) -> dict[str, Any]:
    """Return an office as its administrator sees it."""
    return {
        "id": office.office_id,
        "name": office.name,
        "level": office.level.value,
        "parent": _parent(office.path),
        "path": list(office.path),
        "terrain": office.terrain,
        "phone": office.phone,
        "hours": office.hours,
        "active": office.active,
        "version": version or version_of(desk.snapshot, "office", office.office_id),
    }


def offices(desk: Desk, viewer: Staff) -> list[dict[str, Any]]:
    """Return the offices that somebody may know, from the top down."""
    known = desk.snapshot.offices.values()
    seen = [office for office in known if may(viewer, Capability.OFFICE_READ, office.path)]
    return [office_row(desk, one, 0) for one in sorted(seen, key=lambda office: office.path)]


def _parent(path: Sequence[str]) -> str:
    return path[-2] if len(path) > 1 else ""


def path_under(desk: Desk, parent: str | None, office_id: str) -> tuple[str, ...]:
    """Return the path of an office under a parent. Raises BadInput naming `parent`."""
    if not parent:
        return (office_id,)
    path = desk.path(parent)
    if not path:
        raise BadInput.of("parent", "office.unknown")
    if office_id in path:
        raise BadInput.of("parent", "office.loop")
    return (*path, office_id)


def _check_level(level: OfficeLevel, path: Sequence[str]) -> None:
    if len(path) != LEVELS.index(level) + 1:
        raise BadInput.of("parent", "office.parent_of_another_level")


def add_office(desk: Desk, office: Office, change: Change) -> dict[str, Any]:
    """Add an office. Raises BadInput naming `id` or `parent`, and Busy."""
    _check_level(office.level, office.path)
    saved = _add(office, change)
    return office_row(desk, saved.value, saved.version)


def change_office(desk: Desk, office: Office, change: Change) -> dict[str, Any]:
    """Change an office, or move it. Raises BadInput naming `parent`, Stale, Busy."""
    _check_level(office.level, office.path)
    saved = _save(office, "office", office.office_id, change, desk=desk)
    return office_row(desk, saved.value, saved.version)


# People -------------------------------------------------------------------------------------------


def staff_row(desk: Desk, member: Member, version: int) -> dict[str, Any]:
    """Return somebody of the staff as their administrator sees them."""
    staff = member.staff
    office = desk.snapshot.offices.get(staff.office_id)
    return {
        "id": staff.staff_id,
        "name": staff.name,
        "role": staff.role.value,
        "office": staff.office_id,
        "office_name": office.name if office else "",
        "phone_masked": member.phone.masked if member.phone else "",
        "active": staff.active,
        "version": version or version_of(desk.snapshot, "staff", staff.staff_id),
    }


def people(desk: Desk, viewer: Staff, *, office_id: str) -> list[dict[str, Any]]:
    """Return the staff whom somebody may know; of one office, where one is named."""
    members = (member_of(desk, staff_id) for staff_id in sorted(desk.snapshot.staff))
    return [
        staff_row(desk, member, 0)
        for member in members
        if may(viewer, Capability.STAFF_READ, member.staff.path)
        and (not office_id or member.staff.office_id == office_id)
    ]


def member_of(desk: Desk, staff_id: str) -> Member:
    """Return somebody of the staff with their telephone. Raises Unknown."""
    staff = desk.snapshot.staff.get(staff_id)
    if staff is None:
        raise Unknown(what="staff")
    return Member(staff, desk.snapshot.phones.get(staff_id))


def add_member(desk: Desk, member: Member, change: Change) -> dict[str, Any]:
    """Add somebody to the staff. Raises BadInput naming `id`, and Busy."""
    saved = _add(member, change)
    return staff_row(desk, saved.value, saved.version)


def change_member(desk: Desk, member: Member, change: Change) -> dict[str, Any]:
    """Change somebody of the staff.

    Nobody changes what they themselves may do: who could lock everybody out could let anybody in.
    Raises BadInput naming what of it, Stale, Busy.
    """
    was, now = member_of(desk, member.staff.staff_id).staff, member.staff
    if now.staff_id == change.by.actor_id:
        errors = [
            FieldError(name, "staff.yourself")
            for name, before, after in (
                ("role", was.role, now.role),
                ("office", was.office_id, now.office_id),
                ("active", was.active, now.active),
            )
            if before != after
        ]
        if errors:
            raise BadInput(errors)
    saved = _save(member, "staff", now.staff_id, change, desk=desk)
    return staff_row(desk, saved.value, saved.version)


# Duty ---------------------------------------------------------------------------------------------


def duty_list(desk: Desk, office_id: str) -> dict[str, Any]:
    """Return the duty list of an office, telephones masked."""
    duty = desk.snapshot.duties.get(office_id, Duty(office_id, ()))
    return _duty_row(desk, duty, version_of(desk.snapshot, "duty", office_id))


def _duty_row(desk: Desk, duty: Duty, version: int) -> dict[str, Any]:
    staff = desk.snapshot.staff
    return {
        "office": duty.office_id,
        "entries": [
            {
                "staff_id": turn.staff_id,
                "staff_name": staff[turn.staff_id].name if turn.staff_id in staff else "",
                "phone_masked": turn.phone.masked if turn.phone else "",
                "from": turn.since,
                "to": turn.until,
            }
            for turn in duty.turns
        ],
        "version": version,
    }


def turn(
    desk: Desk,
    office_id: str,
    index: int,
    *,
    staff_id: str | None,
    phone: str | None,
    since: datetime,
    until: datetime,
) -> Turn:
    """Return one turn of an office's list. Raises BadInput naming what of `entries.<index>`.

    phone: as typed, or masked as it is shown of one that the list already holds.
    """
    where = f"entries.{index}"
    if until <= since:
        raise BadInput.of(f"{where}.to", "duty.ends_before")
    if (staff_id is None) == (phone is None):
        raise BadInput.of(where, "duty.one_of")
    if staff_id is not None:
        person = desk.snapshot.staff.get(staff_id)
        if (
            person is None
            or not person.active
            or person.path[: len(desk.path(office_id))] != (desk.path(office_id))
        ):
            raise BadInput.of(f"{where}.staff_id", "staff.not_there")
    number = None if phone is None else _phone_of(desk, office_id, phone, field=f"{where}.phone")
    return Turn(whole(since), whole(until), staff_id or "", number)


def _phone_of(desk: Desk, office_id: str, phone: str, *, field: str) -> Phone:
    duty = desk.snapshot.duties.get(office_id)
    for kept in duty.turns if duty else ():
        if kept.phone is not None and kept.phone.masked == phone:
            return kept.phone
    return Phone.parse(phone, field=field)


def set_duty(desk: Desk, office_id: str, turns: Iterable[Turn], change: Change) -> dict[str, Any]:
    """Replace the duty list of an office. Raises Stale, Busy."""
    duty = Duty(office_id, tuple(turns))
    saved = _save(duty, "duty", office_id, change, desk=desk)
    return _duty_row(desk, saved.value, saved.version)


# Keys ---------------------------------------------------------------------------------------------


def key_row(desk: Desk, key: ApiKey, version: int) -> dict[str, Any]:
    """Return a key without its secret, which nobody keeps."""
    return {
        "id": key.key_id,
        "name": key.name,
        "office": key.office_id,
        "scopes": sorted(key.scopes),
        "channel": key.channel,
        "created_at": key.created_at,
        "last4": key.last4,
        "revoked_at": key.revoked_at,
        "version": version or version_of(desk.snapshot, "key", key.key_id),
    }


def keys(desk: Desk, viewer: Staff) -> list[dict[str, Any]]:
    """Return the keys of somebody's offices, newest first."""
    mine = [
        key
        for key in desk.snapshot.keys.values()
        if may(viewer, Capability.KEY_CREATE, desk.path(key.office_id))
    ]
    newest = sorted(mine, key=lambda key: (-millis(key.created_at), key.key_id))
    return [key_row(desk, key, 0) for key in newest]


def add_key(
    desk: Desk,
    *,
    name: str,
    office_id: str,
    scopes: Iterable[str],
    channel: str,
    asked_by: str,
    change: Change,
) -> tuple[dict[str, Any], str]:
    """Make a key and return (its row, its secret).

    asked_by: caller and Idempotency-Key, of which the secret is made, so one intention makes one
    key. Raises KeySpent when it was made before, BadInput naming `channel`, and Busy.
    """
    if "intake" in scopes and not channel:
        raise BadInput.of("channel", "field.required")
    try:
        made = registry.new_key(
            name=name,
            office_id=office_id,
            scopes=scopes,
            channel=channel,
            entropy=desk.derive("api-key", asked_by),
            by=change.by,
            at=change.at,
        )
    except Stale:
        raise KeySpent from None
    return key_row(desk, made.key, made.version), made.secret


def revoke_key(desk: Desk, key: ApiKey, change: Change) -> dict[str, Any]:
    """Revoke a key: from now on it opens nothing. Raises Stale, Busy."""
    revoked = key if key.revoked_at else replace(key, revoked_at=whole(change.at))
    saved = _save(revoked, "key", key.key_id, change, desk=desk)
    return key_row(desk, saved.value, saved.version)


# Webhooks -----------------------------------------------------------------------------------------


def webhook_row(desk: Desk, webhook: Webhook, version: int) -> dict[str, Any]:
    """Return a webhook without its secret."""
    return {
        "id": webhook.webhook_id,
        "url": webhook.url,
        "office": webhook.office_id,
        "active": webhook.active,
        "old_secret_until": webhook.old_secret_until,
        "version": version or version_of(desk.snapshot, "webhook", webhook.webhook_id),
    }


def webhook_list(desk: Desk, viewer: Staff) -> list[dict[str, Any]]:
    """Return the webhooks of somebody's offices."""
    return [
        webhook_row(desk, webhook, 0)
        for webhook in desk.snapshot.webhooks.values()
        if may(viewer, Capability.WEBHOOK_CREATE, desk.path(webhook.office_id))
    ]


def add_webhook(
    desk: Desk, *, url: str, office_id: str, asked_by: str, allow_loopback: bool, change: Change
) -> tuple[dict[str, Any], str]:
    """Register a target that is public, and return (its row, its secret).

    Raises BadInput naming `url`, KeySpent when this intention made one before, and Busy.
    """
    webhooks.check_target(url, allow_loopback=allow_loopback)
    webhook_id = desk.derive("webhook-id", asked_by).hex()[:16]
    if webhook_id in desk.snapshot.webhooks:
        raise KeySpent
    secret = f"whsec_{b64encode(desk.derive('webhook', asked_by)).decode()}"
    made = Webhook(webhook_id=webhook_id, url=url, office_id=office_id, secrets=(secret,))
    try:
        saved = registry.save(made, version=0, by=change.by, at=change.at)
    except Stale:
        raise KeySpent from None
    return webhook_row(desk, saved.value, saved.version), secret


def rotate_webhook(
    desk: Desk, webhook: Webhook, *, overlap: timedelta, asked_by: str, change: Change
) -> tuple[dict[str, Any], str]:
    """Give a webhook another secret, and return (its row, the secret).

    overlap: how long the one before signs beside it; at most these two sign, so one that was
    replaced before that is over already. asked_by: as of `add_key`. Raises KeySpent when this
    intention made one before, Stale, Busy.
    """
    entropy = desk.derive("webhook-rotation", webhook.webhook_id, asked_by)
    secret = f"whsec_{b64encode(entropy).decode()}"
    if secret in webhook.secrets:
        raise KeySpent
    rotated = replace(
        webhook,
        secrets=(secret, webhook.secrets[0]) if overlap else (secret,),
        old_secret_until=whole(change.at + overlap) if overlap else None,
    )
    saved = _save(rotated, "webhook", webhook.webhook_id, change, desk=desk)
    return webhook_row(desk, saved.value, saved.version), secret


def stop_webhook(desk: Desk, webhook: Webhook, change: Change) -> dict[str, Any]:
    """Tell it nothing any more. Raises Stale, Busy."""
    stopped = replace(webhook, active=False)
    saved = _save(stopped, "webhook", webhook.webhook_id, change, desk=desk)
    return webhook_row(desk, saved.value, saved.version)


def try_webhook(
    webhook: Webhook, *, event_id: str, payload: bytes, allow_loopback: bool, at: datetime
) -> Outcome:
    """Send a signed test event once, and say what became of it."""
    return webhooks.deliver(
        Endpoint(url=webhook.url, secrets=webhook.signing(at)),
        event_id=event_id,
        payload=payload,
        at=at,
        allow_loopback=allow_loopback,
    )


# Limits -------------------------------------------------------------------------------------------

LAW: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fault.arrive.urban": "fault.arrive_legal.urban",
        "fault.arrive.rural": "fault.arrive_legal.rural",
        "fault.arrive.remote": "fault.arrive_legal.remote",
        "complaint.internal": "complaint.legal",
        "complaint.promise": "complaint.legal",
        **{
            statutory: statutory
            for statutory in (
                "fault.arrive_legal.urban",
                "fault.arrive_legal.rural",
                "fault.arrive_legal.remote",
                "complaint.legal",
                "hotline_12398.accept",
                "hotline_12398.close",
                "hotline_12398.extend",
                "outage_notice.planned",
                "outage_notice.short_notice",
                "retention.audit",
            )
        },
    }
)
"""Which statutory limit each one is measured by; those of the law by what is shipped of them."""

LONGER_IS_STRICTER: Final = frozenset(
    {"outage_notice.planned", "outage_notice.short_notice", "retention.audit"}
)
"""Notice in advance and retention: less of it is looser."""


def law_broken(desk: Desk, limit: Limit, *, on: date) -> Limit | None:
    """Return the statutory limit than which `limit` is looser, or None."""
    statutory = LAW.get(limit.id)
    if statutory is None:
        return None
    law = LimitBook.shipped(desk.ruleset).find(statutory, on=on)
    if not limit.enabled:
        return law if statutory == limit.id and law.enabled else None
    return law if _is_looser(limit, law) else None


def _is_looser(limit: Limit, law: Limit) -> bool:
    mine, theirs = _size(limit), _size(law)
    if limit.id in LONGER_IS_STRICTER:
        return mine < theirs
    starts_later = limit.day_count == "next_day" and law.day_count == "same_day"
    return mine > theirs or (mine == theirs and starts_later)


def _size(limit: Limit) -> Fraction:
    """Return an amount to compare: those of one pair count in the same unit, as a test holds."""
    if not isinstance(limit.amount, Fraction):
        raise TypeError(f"{limit.id} is a time of day, which no law sets")
    return limit.amount


def limit_row(desk: Desk, limit: Limit, *, language: str, on: date) -> dict[str, Any]:
    """Return one version of a limit, with a warning where it is looser than the law."""
    law = law_broken(desk, limit, on=on)
    written = limit.to_json()
    return {
        "id": limit.id,
        "amount": str(written["amount"]),
        "unit": limit.unit.value,
        "basis": limit.basis.value,
        "day_count": limit.day_count,
        "effective_from": limit.effective_from.isoformat(),
        "source": cited(limit.source, language),
        "assumed": limit.assumed,
        "enabled": limit.enabled,
        "version": limit.version,
        "origin": limit.origin,
        "is_override": limit.origin in desk.snapshot.offices,
        "note": limit.note[language],
        "law": law,
    }


def limits(desk: Desk, office_id: str, *, language: str, on: date) -> list[dict[str, Any]]:
    """Return every limit as it stands for an office on a local day, with all that is stated."""
    office = desk.office(office_id)
    rows = []
    for limit in desk.book.all(on=on, offices=office.upwards):
        history = desk.book.history(limit.id)
        stated = [limit_row(desk, one, language=language, on=on) for one in history]
        row = limit_row(desk, limit, language=language, on=on)
        row["shipped"] = [each for each in stated if not each["is_override"]]
        row["overrides"] = [each for each in stated if each["origin"] in office.path]
        rows.append(row)
    return rows


def override_key(override: Override) -> str:
    """Return the key of an override's record."""
    limit = override.limit
    return f"{override.office_id}/{limit.id}/{limit.effective_from.isoformat()}"


def set_limit(desk: Desk, override: Override, change: Change) -> tuple[Override, int]:
    """State or withdraw a limit for an office and those below it. Returns it and its version.

    Raises Stale, Busy.
    """
    saved = _save(override, "limit", override_key(override), change, desk=desk)
    return saved.value, saved.version


def find_override(desk: Desk, office_id: str, limit_id: str, since: date) -> Override:
    """Return the override that an office stated from a day on. Raises Unknown."""
    for owner, limit in desk.snapshot.overrides:
        if (owner, limit.id, limit.effective_from) == (office_id, limit_id, since):
            return Override(owner, limit)
    raise Unknown(what="limit")


def counties_under(desk: Desk, office_id: str) -> list[str]:
    """Return the counties whose orders an office's limits concern."""
    path = desk.path(office_id)
    counties = desk.snapshot.counties
    under = [county for county in counties if desk.path(county)[: len(path)] == path]
    own = desk.office(office_id).county
    return under or [county for county in counties if county == own]


# Calendars ----------------------------------------------------------------------------------------


def years(desk: Desk, *, at: date) -> list[dict[str, Any]]:
    """Return the years of the calendar; the next one too, published or not."""
    wanted = {*desk.calendar.years(), at.year, at.year + 1}
    return [_year_row(desk, year) for year in sorted(wanted)]


def _year_row(desk: Desk, year: int) -> dict[str, Any]:
    table = desk.calendar.table(year)
    loaded = any(each.year == year for each in desk.snapshot.calendars)
    shipped = year in Calendar.shipped().years()
    return {
        "year": year,
        "source": table.source,
        "provisional": table.provisional,
        "origin": "loaded" if loaded else "shipped" if shipped else "none",
        "holidays": len(table.holidays),
        "make_up_days": len(table.make_up_days),
        "version": version_of(desk.snapshot, "calendar", str(year)),
    }


def year(desk: Desk, number: int) -> dict[str, Any]:
    """Return one year in the form in which it is loaded; provisional where nobody published it."""
    table = desk.calendar.table(number)
    version = version_of(desk.snapshot, "calendar", str(number))
    return {**table.raw(), "provisional": table.provisional, "version": version}


def with_year(desk: Desk, table: YearTable) -> Desk:
    """Return the desk as it would be with another table."""
    others = tuple(each for each in desk.snapshot.calendars if each.year != table.year)
    return replace(desk, snapshot=replace(desk.snapshot, calendars=(*others, table)))


def with_override(desk: Desk, override: Override) -> Desk:
    """Return the desk as it would be with another limit, or without one that is withdrawn."""
    key = override_key(override)
    others = [
        (owner, limit)
        for owner, limit in desk.snapshot.overrides
        if override_key(Override(owner, limit)) != key
    ]
    own = [(override.office_id, override.limit)] if override.active else []
    return replace(desk, snapshot=replace(desk.snapshot, overrides=(*others, *own)))


def load_year(desk: Desk, table: YearTable, change: Change) -> int:
    """Load a year for the whole deployment. Returns its version. Raises Stale, Busy."""
    return _save(table, "calendar", str(table.year), change, desk=desk).version


@dataclass(frozen=True, slots=True)
class Replanned:
    """Open orders whose due instant moves: the first of them, how many, and whether it is all."""

    moves: tuple[tuple[str, datetime | None, datetime | None], ...]
    count: int
    done: bool


def replan(
    desk: Desk,
    counties: Sequence[str],
    *,
    apply: bool,
    is_out_of_time: Callable[[], bool],
    at: datetime,
) -> Replanned:
    """Plan open orders again by the desk's rules; with `apply` each that moves is saved.

    Stops when the time is up. Again, it goes on: what is planned already does not move. What is
    left over is planned by the sweep when it comes to it.
    """
    moves: list[tuple[str, datetime | None, datetime | None]] = []
    found = watching.replan_all(desk, at=at, counties=counties, apply=apply)
    moved, done = 0, True
    for head, was, will in found:
        moved += 1
        if not desk.procedure(head.order.kind).confidential:  # counted, and not named (S1.26)
            moves.append((head.order.order_id, was, will))
        if is_out_of_time():
            done = next(found, None) is None
            break
    return Replanned(tuple(islice(moves, MOST_MOVES)), moved, done)
