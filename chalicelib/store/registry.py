"""What the desk is set up with (台账配置): offices, staff, duty, keys, webhooks, limits, calendars.

    question                          key                                          calls
    everything that is set up         pk = registry, sk = <kind>#<id>              1 a MB a minute
    the counties, for the sweep       the same                                     once in 5 minutes
    one record; a key by its secret   the same                                     1 read
    change a record                   the same (version as it was read), and       1 read, 1 write
                                      ledger: aggregate = registry/<kind>/<id>
    rows of an import that wait       pk = import/<id>, sk = about, part#<n>       1 a MB
    how often within a window         pk = count/<sha256>, sk = <window>, lock     1 write

A record and the event that made it go in one transaction: its version is the event's number, so
each record is a chain that shows who changed what. The event says what changed, but of a person's
name or telephone, and of a secret, only that it did. Nothing is deleted: what is over is inactive.

An office's path and a person's path are not kept but derived, so moving an office is one write.
"""

import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from pynamodb.transactions import TransactWrite

from chalicelib.domain.calendar import YearTable
from chalicelib.domain.clocks import instant, millis, whole
from chalicelib.domain.contact import Phone
from chalicelib.domain.limits import Limit, parse_override
from chalicelib.domain.order import GENESIS, Actor, Event
from chalicelib.domain.refusal import BadInput, Busy, Refused, TooMany, Unknown
from chalicelib.domain.staff import LEVELS, Office, OfficeLevel, Role, Staff

from . import ledger
from .desk_rows import (
    CounterRow,
    RecordRow,
    Remembered,
    StagedRow,
    compact,
    delete_all,
    find,
    find_many,
    pack,
    phone_from_json,
    phone_to_json,
    put_all,
    seconds,
    under,
    unpack,
)
from .rows import TRIES, Unconfirmed, write, writing

_PK: Final = "registry"
SNAPSHOT_KEPT: Final = timedelta(seconds=60)
RECORDS_A_WRITE: Final = 50
"""Two rows a record, and a transaction takes a hundred."""

# What is kept -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """One of the staff, and the telephone on which duty reaches them. Prints neither."""

    staff: Staff
    phone: Phone | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of duty (值班): somebody of the staff, or a telephone; `until` is not in it."""

    since: datetime
    until: datetime
    staff_id: str = ""
    phone: Phone | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """The duty list of an office; who comes first is told first."""

    office_id: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An integrator's key. key_id: SHA-256 of the secret, which nobody keeps. last4: its end.

    channel: what orders that come with it are marked with.
    """

    key_id: str
    name: str
    office_id: str
    scopes: frozenset[str]
    created_at: datetime
    last4: str
    channel: str = ""
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where changes of an office's orders, and of those below it, are told.

    secrets: the newest first. old_secret_until: when one was replaced, until when both sign.
    """

    webhook_id: str
    url: str
    office_id: str
    secrets: tuple[str, ...] = field(repr=False)
    active: bool = True
    old_secret_until: datetime | None = None

    def signing(self, at: datetime) -> tuple[str, ...]:
        """Return the secrets that sign at an instant: the newest alone, or with the one before."""
        until = self.old_secret_until
        return self.secrets if until is not None and at < until else self.secrets[:1]


@dataclass(frozen=True, slots=True)
class Override:
    """A limit as an office sets it; `active` is False when it is withdrawn."""

    office_id: str
    limit: Limit
    active: bool = True


@dataclass(frozen=True, slots=True)
class Setting:
    """Something of the deployment as a whole. value: plain JSON, nothing secret."""

    name: str
    value: Any


Record = Office | Member | Duty | ApiKey | Webhook | Override | YearTable | Setting
_R = TypeVar("_R", bound=Record)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one sort of record is kept.

    decode: from the JSON and the offices' paths. hidden: fields of which the ledger says only that
    they changed.
    """

    name: str
    key: Callable[[Any], str]
    encode: Callable[[Any], dict[str, Any]]
    decode: Callable[[Mapping[str, Any], "_Paths"], Record]
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Paths:
    """The parent of each office, from which paths are made."""

    parents: Mapping[str, str]

    def of(self, office_id: str) -> tuple[str, ...]:
        """Return the ids from the root to an office; just its own where it has no row."""
        path = [office_id] if office_id else []
        while len(path) <= len(LEVELS) and (parent := self.parents.get(path[0] if path else "")):
            path.insert(0, parent)
        return tuple(path)


def _office_to_json(office: Office) -> dict[str, Any]:
    return {
        "id": office.office_id,
        "name": office.name,
        "level": office.level.value,
        "parent": _parent(office),
        "terrain": office.terrain,
        "phone": office.phone,
        "hours": office.hours,
        "active": office.active,
    }


def _office_from_json(raw: Mapping[str, Any], paths: _Paths) -> Office:
    return Office(
        office_id=raw["id"],
        name=raw["name"],
        level=OfficeLevel(raw["level"]),
        path=paths.of(raw["id"]),
        terrain=raw["terrain"],
        phone=raw["phone"],
        hours=raw["hours"],
        active=raw["active"],
    )


def _member_to_json(member: Member) -> dict[str, Any]:
    staff = member.staff
    return {
        "id": staff.staff_id,
        "name": staff.name,
        "role": staff.role.value,
        "office": staff.office_id,
        "active": staff.active,
        "phone": phone_to_json(member.phone),
    }


def _member_from_json(raw: Mapping[str, Any], paths: _Paths) -> Member:
    staff = Staff(
        staff_id=raw["id"],
        name=raw["name"],
        role=Role(raw["role"]),
        office_id=raw["office"],
        path=paths.of(raw["office"]),
        active=raw["active"],
    )
    return Member(staff, phone_from_json(raw["phone"]))


def _duty_to_json(duty: Duty) -> dict[str, Any]:
    return {
        "office": duty.office_id,
        "turns": [[millis(turn.since), millis(turn.until), turn.staff_id] for turn in duty.turns],
        "phones": [phone_to_json(turn.phone) for turn in duty.turns],
    }


def _duty_from_json(raw: Mapping[str, Any], _: _Paths) -> Duty:
    turns = (
        Turn(instant(since), instant(until), staff_id, phone_from_json(phone))
        for (since, until, staff_id), phone in zip(raw["turns"], raw["phones"], strict=True)
    )
    return Duty(raw["office"], tuple(turns))


def _moment(at: datetime | None) -> int | None:
    return None if at is None else millis(at)


def _instant(moment: int | None) -> datetime | None:
    return None if moment is None else instant(moment)


def _key_to_json(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "name": key.name,
        "office": key.office_id,
        "scopes": sorted(key.scopes),
        "channel": key.channel,
        "created": millis(key.created_at),
        "last4": key.last4,
        "revoked": _moment(key.revoked_at),
    }


def _key_from_json(raw: Mapping[str, Any], _: _Paths) -> ApiKey:
    return ApiKey(
        key_id=raw["id"],
        name=raw["name"],
        office_id=raw["office"],
        scopes=frozenset(raw["scopes"]),
        channel=raw["channel"],
        created_at=instant(raw["created"]),
        last4=raw["last4"],
        revoked_at=_instant(raw["revoked"]),
    )


def _webhook_to_json(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.webhook_id,
        "url": webhook.url,
        "office": webhook.office_id,
        "secrets": list(webhook.secrets),
        "active": webhook.active,
        "old_secret_until": _moment(webhook.old_secret_until),
    }


def _webhook_from_json(raw: Mapping[str, Any], _: _Paths) -> Webhook:
    return Webhook(
        webhook_id=raw["id"],
        url=raw["url"],
        office_id=raw["office"],
        secrets=tuple(raw["secrets"]),
        active=raw["active"],
        old_secret_until=_instant(raw.get("old_secret_until")),
    )


def _override_key(override: Override) -> str:
    limit = override.limit
    return f"{override.office_id}/{limit.id}/{limit.effective_from.isoformat()}"


def _override_to_json(override: Override) -> dict[str, Any]:
    return {
        "office": override.office_id,
        "limit": override.limit.to_json(),
        "active": override.active,
    }


def _override_from_json(raw: Mapping[str, Any], _: _Paths) -> Override:
    return Override(raw["office"], parse_override(raw["limit"]), raw["active"])


_KINDS: Final[Mapping[type, _Kind]] = MappingProxyType(
    {
        Office: _Kind("office", lambda one: one.office_id, _office_to_json, _office_from_json),
        Member: _Kind(
            "staff",
            lambda one: one.staff.staff_id,
            _member_to_json,
            _member_from_json,
            hidden=frozenset({"name", "phone"}),
        ),
        Duty: _Kind(
            "duty",
            lambda one: one.office_id,
            _duty_to_json,
            _duty_from_json,
            hidden=frozenset({"phones"}),
        ),
        ApiKey: _Kind("key", lambda one: one.key_id, _key_to_json, _key_from_json),
        Webhook: _Kind(
            "webhook",
            lambda one: one.webhook_id,
            _webhook_to_json,
            _webhook_from_json,
            hidden=frozenset({"url", "secrets"}),
        ),
        Override: _Kind("limit", _override_key, _override_to_json, _override_from_json),
        YearTable: _Kind(
            "calendar",
            lambda one: str(one.year),
            lambda one: one.raw(),
            lambda raw, _: YearTable.parse(raw),
        ),
        Setting: _Kind(
            "setting",
            lambda one: one.name,
            lambda one: {"name": one.name, "value": one.value},
            lambda raw, _: Setting(raw["name"], raw["value"]),
        ),
    }
)
_NAMED: Final = MappingProxyType({kind.name: kind for kind in _KINDS.values()})

EVENTS: Final = tuple(f"{name}.{what}" for name in _NAMED for what in ("added", "changed"))
"""The names of all events that the registry writes into the ledger."""

# Reading ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is set up, as it stood within the last minute.

    overrides: (office id, limit) in force or to come. calendars: the years that an admin loaded.
    versions: (kind, id) → version, for who wants to change a record. unreadable: (kind, id) of rows
    that no longer mean anything, such as a limit that we do not ship any more; somebody must see to
    them, and nothing else waits for that.
    """

    offices: Mapping[str, Office]
    staff: Mapping[str, Staff]
    phones: Mapping[str, Phone]
    duties: Mapping[str, Duty]
    keys: Mapping[str, ApiKey]
    webhooks: Mapping[str, Webhook]
    overrides: tuple[tuple[str, Limit], ...]
    calendars: tuple[YearTable, ...]
    settings: Mapping[str, Any]
    versions: Mapping[tuple[str, str], int]
    unreadable: tuple[tuple[str, str], ...]

    @property
    def counties(self) -> tuple[str, ...]:
        """The ids of all county offices, inactive ones too: their orders still fall due."""
        return tuple(
            office_id
            for office_id, office in self.offices.items()
            if office.level is OfficeLevel.COUNTY
        )

    @property
    def default_county(self) -> str:
        """Whose desk takes a report from nowhere: the setting `default_county`, or the first one.

        Empty while there is no county.
        """
        chosen = self.settings.get("default_county")
        return str(chosen) if chosen else next(iter(self.counties), "")

    def on_duty(self, office_id: str, *, at: datetime) -> tuple[Turn, ...]:
        """Return whose turn it is at an office, in the order of its list; none where none is."""
        duty = self.duties.get(office_id)
        turns = duty.turns if duty else ()
        return tuple(turn for turn in turns if turn.since <= at < turn.until)

    def phone_of(self, turn: Turn) -> Phone | None:
        """Return the telephone of a turn: its own, or that of whose turn it is."""
        return turn.phone or self.phones.get(turn.staff_id)


_SNAPSHOT: Final[Remembered[Snapshot]] = Remembered(SNAPSHOT_KEPT)


def snapshot(*, at: datetime) -> Snapshot:
    """Return everything that is set up, at most SNAPSHOT_KEPT old; own changes at once.

    Raises Busy.
    """
    return _SNAPSHOT.get(_PK, at=at, load=_load)


COUNTIES_KEPT: Final = timedelta(minutes=5)
_COUNTIES: Final[Remembered[tuple[str, ...] | None]] = Remembered(COUNTIES_KEPT)


def counties(*, at: datetime) -> tuple[str, ...]:
    """Return the ids of all county offices, at most COUNTIES_KEPT old; own changes at once.

    For the sweep, which wakes each minute and mostly finds nothing due: a county is new once, and
    whose orders fall due in its first minutes is looked at five minutes later. Nothing that anybody
    may do hangs on it. Raises Busy.
    """
    return _COUNTIES.get(_PK, at=at, load=lambda: snapshot(at=at).counties or None) or ()


def refresh() -> None:
    """Read everything anew next time: who is about to change it must see what others changed."""
    _SNAPSHOT.forget(_PK)
    _COUNTIES.forget(_PK)


def _load() -> Snapshot:
    rows = list(under(RecordRow, _PK))
    read = {_named(row): _json(row) for row in rows}
    paths = _Paths(
        {
            key: raw["parent"]
            for (name, key), raw in read.items()
            if name == "office" and "parent" in raw
        }
    )
    found: dict[str, dict[str, Any]] = {name: {} for name in _NAMED}
    unreadable: list[tuple[str, str]] = []
    for (name, key), raw in read.items():
        try:
            found[name][key] = _NAMED[name].decode(raw, paths)
        except (Refused, ValueError, KeyError, TypeError):
            unreadable.append((name, key))
    members: dict[str, Member] = found["staff"]
    return Snapshot(
        offices=MappingProxyType(found["office"]),
        staff=MappingProxyType({key: member.staff for key, member in members.items()}),
        phones=MappingProxyType(
            {key: member.phone for key, member in members.items() if member.phone}
        ),
        duties=MappingProxyType(found["duty"]),
        keys=MappingProxyType(found["key"]),
        webhooks=MappingProxyType(found["webhook"]),
        overrides=tuple(
            (one.office_id, one.limit) for one in found["limit"].values() if one.active
        ),
        calendars=tuple(found["calendar"].values()),
        settings=MappingProxyType({key: one.value for key, one in found["setting"].items()}),
        versions=MappingProxyType({_named(row): int(row.version) for row in rows}),
        unreadable=tuple(unreadable),
    )


def _named(row: RecordRow) -> tuple[str, str]:
    name, _, key = row.sk.partition("#")
    return name, key


def _json(row: RecordRow) -> dict[str, Any]:
    """Return what a row holds; nothing, which decodes as no record, if it is no JSON object."""
    try:
        raw = json.loads(row.value)
    except ValueError:
        raw = None
    return raw if isinstance(raw, dict) else {}


# Changing ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry(Generic[_R]):
    """A record with its version, which the next change must name."""

    value: _R
    version: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What a take-over did, in records."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class _Change:
    row: RecordRow
    event: Event

    def fill(self, transaction: TransactWrite) -> None:
        is_as_read = RecordRow.version == self.event.seq - 1
        is_new = RecordRow.version.does_not_exist()
        transaction.save(self.row, is_new if self.event.seq == 1 else is_as_read)
        ledger.put(transaction, self.event)


def save(value: _R, *, version: int, by: Actor, at: datetime) -> Entry[_R]:
    """Add a record, or change the one with its id, and write the event in the same transaction.

    version: of what the caller saw; 0 for something new. A value that is kept already is not
    written again. Raises Stale(by, move, at, version) when somebody was first, Unknown when a
    version is named of what does not exist, BadInput for an office whose parent cannot be, Busy.
    """
    kind = _KINDS[type(value)]
    key = kind.key(value)
    if isinstance(value, Office):
        _check_offices([value])
    held = find(RecordRow, _PK, _sk(kind, key))
    change = _change(kind, value, held, by=by, at=at)
    if change is None:
        return Entry(value, int(held.version) if held else 0)
    if change.event.seq != version + 1:
        raise _stale(kind, key, held)
    _write([change])
    return Entry(value, change.event.seq)


def take_over(values: Sequence[_R], *, by: Actor, at: datetime) -> Tally:
    """Add or change records of one sort as they stand in a list that was imported.

    What is kept already is not written again, so the same list may be sent again, also after Busy
    or Stale stopped it in between. Offices may come in any order. Raises Stale when somebody
    changed one of the records meanwhile, BadInput as `save` does, Busy.
    """
    _check_offices([value for value in values if isinstance(value, Office)])
    latest = {_sk(kind, kind.key(value)): (kind, value) for value, kind in _with_kinds(values)}
    held = {row.sk: row for row in find_many(RecordRow, ((_PK, sk) for sk in latest))}
    changes = [
        change
        for sk, (kind, value) in latest.items()
        if (change := _change(kind, value, held.get(sk), by=by, at=at)) is not None
    ]
    for start in range(0, len(changes), RECORDS_A_WRITE):
        _write(changes[start : start + RECORDS_A_WRITE])
    added = sum(change.event.seq == 1 for change in changes)
    return Tally(added, len(changes) - added, len(latest) - len(changes))


def _with_kinds(values: Iterable[_R]) -> Iterator[tuple[_R, _Kind]]:
    for value in values:
        yield value, _KINDS[type(value)]


def _sk(kind: _Kind, key: str) -> str:
    return f"{kind.name}#{key}"


def _change(
    kind: _Kind, value: Record, held: RecordRow | None, *, by: Actor, at: datetime
) -> _Change | None:
    """Return the row and the event that make the record be `value`; None when it is."""
    key = kind.key(value)
    new = kind.encode(value)
    old = {} if held is None else json.loads(held.value)
    touched = {name for name in (*new, *old) if new.get(name) != old.get(name)}
    if held is not None and not touched:
        return None
    seq = 1 if held is None else int(held.version) + 1
    hidden = sorted(touched & kind.hidden)
    event = Event(
        aggregate=f"registry/{kind.name}/{key}",
        seq=seq,
        name=f"{kind.name}.{'added' if seq == 1 else 'changed'}",
        occurred_at=whole(at),
        recorded_at=whole(at),
        actor=by,
        changes={name: new.get(name) for name in sorted(touched - kind.hidden)},
        data={"hidden": hidden} if hidden else {},
        prev=GENESIS if held is None else held.tip,
    )
    row = RecordRow(_PK, _sk(kind, key), value=compact(new), version=seq, tip=event.hash)
    return _Change(row, event)


def _write(changes: Sequence[_Change]) -> None:
    def fill(transaction: TransactWrite) -> None:
        for change in changes:
            change.fill(transaction)

    try:
        write(fill)
    except Unconfirmed as doubt:
        for change in changes:
            if not ledger.is_written(change.event):
                if not doubt.refused:
                    raise Busy(of="store") from doubt
                kind, key = _named(change.row)
                held = find(RecordRow, _PK, change.row.sk)
                raise _stale(_NAMED[kind], key, held) from doubt
    finally:
        refresh()


def _stale(kind: _Kind, key: str, held: RecordRow | None) -> Refused:
    """Say who changed a record first, from the event that did."""
    if held is None:
        return Unknown(what=kind.name)
    return ledger.overtaken_by(ledger.event(f"registry/{kind.name}/{key}", int(held.version)))


def _check_offices(offices: Sequence[Office]) -> None:
    """Refuse a parent that is not of the level above, and an office that changes its level.

    Levels never change, so whoever moves which office when, no office is ever above itself. Reads
    the store: the snapshot may not know an office yet that was added a moment ago elsewhere.
    """
    kind = _KINDS[Office]
    named = {office_id for office in offices for office_id in (office.office_id, _parent(office))}
    rows = find_many(RecordRow, ((_PK, _sk(kind, office_id)) for office_id in sorted(named)))
    kept = {_named(row)[1]: OfficeLevel(json.loads(row.value)["level"]) for row in rows}
    levels = {office.office_id: office.level for office in offices} | kept
    for office in offices:
        if levels[office.office_id] is not office.level:
            raise BadInput.of("level", "office.level_is_fixed", office=office.office_id)
        depth = LEVELS.index(office.level)
        if levels.get(_parent(office)) is not (LEVELS[depth - 1] if depth else None):
            raise BadInput.of("parent", "office.parent_of_another_level", office=office.office_id)


def _parent(office: Office) -> str:
    return office.path[-2] if len(office.path) > 1 else ""


# Keys -------------------------------------------------------------------------------------------

SECRET_BYTES: Final = 24
_PREFIX: Final = "lk_"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key and its secret, which is shown this once and kept nowhere."""

    key: ApiKey
    version: int
    secret: str = field(repr=False)


def new_key(
    *,
    name: str,
    office_id: str,
    scopes: Iterable[str],
    entropy: bytes,
    by: Actor,
    at: datetime,
    channel: str = "",
) -> NewKey:
    """Make an API key and return it with its secret.

    entropy: SECRET_BYTES fresh random bytes or more; whoever was told Busy asks again with the same
    and makes one key. Raises ValueError for fewer, and Busy.
    """
    if len(entropy) < SECRET_BYTES:
        raise ValueError(f"a key needs {SECRET_BYTES} random bytes")
    secret = _PREFIX + entropy.hex()
    key = ApiKey(
        key_id=_digest(secret),
        name=name,
        office_id=office_id,
        scopes=frozenset(scopes),
        channel=channel,
        created_at=whole(at),
        last4=secret[-4:],
    )
    return NewKey(key, save(key, version=0, by=by, at=at).version, secret)


def find_key(secret: str) -> ApiKey | None:
    """Return the key that a secret opens, or None for one unknown or revoked. One read.

    Not from the snapshot: what is revoked opens nothing from that moment on. Raises Busy.
    """
    kind = _KINDS[ApiKey]
    row = find(RecordRow, _PK, _sk(kind, _digest(secret)))
    if row is None:
        return None
    key = _key_from_json(json.loads(row.value), _Paths({}))
    return key if key.revoked_at is None else None


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


# Imports that wait for their approval -----------------------------------------------------------

PART_BYTES: Final = 300_000
"""JSON of one part before it is deflated: below DynamoDB's 400 KB even if that gains nothing."""


@dataclass(frozen=True, slots=True)
class Staged:
    """An import as it was previewed. about: what the preview found. rows: what was read."""

    about: Mapping[str, Any]
    rows: tuple[Any, ...]


def stage_import(
    import_id: str,
    rows: Iterable[Any],
    *,
    about: Mapping[str, Any],
    at: datetime,
    keep: timedelta,
) -> None:
    """Keep the rows of an import until it is approved or `keep` is over. Each row is plain JSON.

    The last thing written is what says that it is whole. May hold names and telephones: discard it
    when it is applied. Raises Busy; then stage it again under the same id.
    """
    expires = seconds(at + keep)
    parts = [
        StagedRow(_import(import_id), f"part#{number:05}", data=pack(part), expires=expires)
        for number, part in enumerate(_parts(rows))
    ]
    put_all(StagedRow, parts)
    _head_import(import_id, about, parts=len(parts), expires=expires)


def restage_import(import_id: str, *, about: Mapping[str, Any], at: datetime) -> None:
    """Say anew what was found about a staged import; its rows stay. Raises Unknown and Busy."""
    head = find(StagedRow, _import(import_id), "about")
    if head is None or head.expires <= millis(at) / 1000:
        raise Unknown(what="import")
    parts = unpack(head.data)["parts"]
    _head_import(import_id, about, parts=parts, expires=int(head.expires))


def _head_import(import_id: str, about: Mapping[str, Any], *, parts: int, expires: int) -> None:
    head = pack({"about": dict(about), "parts": parts})
    put_all(StagedRow, [StagedRow(_import(import_id), "about", data=head, expires=expires)])


def staged_import(import_id: str, *, at: datetime) -> Staged:
    """Return a staged import. Raises Unknown when there is none any more, and Busy."""
    found = {row.sk: row for row in under(StagedRow, _import(import_id))}
    head_row = found.pop("about", None)
    if head_row is None or head_row.expires <= millis(at) / 1000:
        raise Unknown(what="import")
    head = unpack(head_row.data)
    parts = [unpack(found[f"part#{number:05}"].data) for number in range(head["parts"])]
    return Staged(MappingProxyType(head["about"]), tuple(row for part in parts for row in part))


def discard_import(import_id: str) -> None:
    """Forget a staged import, if there is one. Raises Busy."""
    rows = [(row.pk, row.sk) for row in under(StagedRow, _import(import_id))]
    delete_all(StagedRow, sorted(rows))  # `about` first: what is half gone is not whole


def _parts(rows: Iterable[Any]) -> Iterator[list[Any]]:
    part: list[Any] = []
    size = 0
    for row in rows:
        length = len(compact(row).encode()) + 1
        if part and size + length > PART_BYTES:
            yield part
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield part


def _import(import_id: str) -> str:
    return f"import/{import_id}"


# Counting ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hit:
    """How many more this window allows. retry_after: seconds; 0 unless this was one too many."""

    remaining: int
    retry_after: int


MOST_UNTOLD: Final = 5_000
_UNTOLD: Final[Remembered[Iterator[int]]] = Remembered(timedelta(hours=1), most=MOST_UNTOLD)


def hit(bucket: str, *, limit: int, window: timedelta, at: datetime, spare: int = 0) -> Hit:
    """Count one more in the window that `at` lies in, and say whether it is within `limit`.

    Windows are laid end to end since 1970, so two limits' worth may pass around the end of one.
    One write; only a digest of `bucket` is kept. Counts at least once each. spare: so many of a
    window a process counts for itself and tells with the next one, so who comes once costs nothing
    and the limit is exact to `spare` a process. Raises Busy.
    """
    length = math.ceil(window.total_seconds())
    start = int(at.timestamp()) // length * length
    row = CounterRow(_bucket(bucket), f"{length}#{start}")
    told = 1
    if spare:
        untold = _UNTOLD.get((row.pk, row.sk), at=at, load=lambda: itertools.count(1))
        number = next(untold)
        if number <= spare:
            return Hit(max(0, limit - number), 0)
        told = number if number == spare + 1 else 1
    try:
        with writing():
            row.update([CounterRow.hits.add(told), CounterRow.expires.set(start + length)])
    except Unconfirmed as doubt:
        raise Busy(of="store") from doubt
    remaining = limit - int(row.hits)
    wait = max(1, math.ceil(start + length - at.timestamp()))
    return Hit(max(0, remaining), wait if remaining < 0 else 0)


def count(bucket: str, *, window: timedelta, at: datetime) -> int:
    """Count a failure, and return how many there were, none longer than `window` after another.

    Raises Busy.
    """
    row = CounterRow(_bucket(bucket), "lock")
    until = seconds(at + window)
    for _ in range(TRIES):
        for actions, condition in (
            ([CounterRow.hits.add(1)], CounterRow.expires > seconds(at)),
            (
                [CounterRow.hits.set(1)],
                CounterRow.pk.does_not_exist() | (CounterRow.expires <= seconds(at)),
            ),
        ):
            try:
                with writing():
                    row.update([*actions, CounterRow.expires.set(until)], condition)
            except Unconfirmed as doubt:
                if not doubt.refused:
                    raise Busy(of="store") from doubt
            else:
                return int(row.hits)
    raise Busy(of="store")


def check_counter(bucket: str, *, limit: int, at: datetime) -> None:
    """Refuse when `limit` failures were counted: TooMany(retry_after) until the window is over.

    Raises Busy.
    """
    row = find(CounterRow, _bucket(bucket), "lock")
    if row is not None and row.hits >= limit and row.expires > at.timestamp():
        raise TooMany(retry_after=math.ceil(row.expires - at.timestamp()))


def _bucket(bucket: str) -> str:
    return f"count/{sha256(bucket.encode()).hexdigest()[:32]}"
