"""Taking over what a county has (接管): offices, staff, telephones, places, households, orders.

Upload, check, look at the difference, then apply. A bad row is named by line and column, and
nothing is applied before somebody accepted what was shown. Sending the same list again changes
nothing; a cell that is empty, or a column that is not there, leaves what is kept as it is.
Orders keep the times at which they happened: they are late entries, and no text goes out.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain import words
from chalicelib.domain.calendar import CHINA, FIRST_YEAR
from chalicelib.domain.contact import Phone, clean_text, mask_address, mask_name
from chalicelib.domain.order import Event
from chalicelib.domain.refusal import BadInput, Refused
from chalicelib.domain.staff import (
    LEVELS,
    Capability,
    Office,
    OfficeLevel,
    Relation,
    Role,
    Staff,
    may,
    relation,
)
from chalicelib.store import customers, grid, ledger, registry
from chalicelib.store.customers import Difference, Household, Place
from chalicelib.store.registry import Member
from chalicelib.usecases import sheets, tracing, transcribing
from chalicelib.usecases.desk import Desk, actor_of
from chalicelib.usecases.transcribing import COLUMNS_OF_CHOICES, VISITS, State, one_of

KEPT: Final = timedelta(days=1)
MOST_BAD: Final = 200
SAMPLE: Final = 5
MOST_ORDERS: Final = 1_000
"""Rows of orders in one list: each is rehearsed step by step within one request."""
SLICE: Final = 500
"""Households that are written before the clock is looked at again."""

Row = Mapping[str, Any]
LINE: Final = "#"
"""Under which a row keeps its line in the file; no column can have this name."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list: its slug, the headings people use for it, and how a cell is read.

    `read` raises BadInput. A required column must be there, and every cell of it filled.
    """

    name: str
    headings: tuple[str, ...]
    read: Callable[[str], Any]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Bad:
    """One cell that cannot be used. line: in the file, from 1. column: as the file names it.

    facts never quote the cell.
    """

    line: int
    column: str
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an upload would do. difference: counts by add, change, same and gone.

    bad: the first MOST_BAD of `bad_rows`. sample: cells by column, masked.
    """

    import_id: str
    kind: str
    county: str
    rows: int
    ok: int
    bad_rows: int
    bad: tuple[Bad, ...]
    difference: Mapping[str, int]
    sample: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done. refused: rows that could not be applied after all. next: where to go on."""

    applied: int
    skipped: int
    refused: tuple[Bad, ...] = ()
    next: int | None = None


# Cells --------------------------------------------------------------------------------------------


def _folded(cell: str) -> str:
    """Return a cell with full-width letters, digits and signs as ASCII has them."""
    return unicodedata.normalize("NFKC", cell).strip()


def _text(longest: int, *, multiline: bool = False) -> Callable[[str], str]:
    def read(cell: str) -> str:
        return clean_text(cell, field="cell", max_units=longest, multiline=multiline)

    return read


def _code(cell: str) -> str:
    folded = _folded(cell)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}", folded):
        raise BadInput.of("cell", "field.code")
    return folded


def _count(cell: str) -> int:
    folded = _folded(cell)
    if not re.fullmatch(r"[0-9]{1,6}", folded):
        raise BadInput.of("cell", "field.number")
    return int(folded)


def _phones(cell: str) -> list[list[str]]:
    """Read one or several telephones as [number, extension]; a space may stand within one."""
    found: list[list[str]] = []
    for part in filter(None, map(str.strip, re.split(r"[,，、;；/\n]+", cell))):
        try:
            phones = [Phone.parse(part)]
        except BadInput:
            pieces = part.split()
            if len(pieces) == 1:
                raise
            phones = [Phone.parse(piece) for piece in pieces]
        found += [[phone.number, phone.extension] for phone in phones]
    return found


def _meters(cell: str) -> list[str]:
    parts = re.split(r"[,，、;；\s]+", _folded(cell))
    return list(dict.fromkeys(_code(part) for part in parts if part))


def _flags(cell: str) -> list[str]:
    read = one_of("flag", FLAGS)
    return sorted({read(part) for part in re.split(r"[,，、;；\s]+", cell) if part})


def _channel(cell: str) -> str:
    return one_of("channel", CHANNELS)(_folded(cell))


_TIME: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[ T]*(\d{1,2})[:时点](\d{1,2})(?:[:分](\d{1,2})?秒?)?)?"
)


def _moment(cell: str) -> str:
    """Read a time as people write it, in China's time unless it carries its own zone."""
    folded = _folded(cell)
    match = _TIME.fullmatch(folded)
    try:
        if match is not None:
            year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
            at = datetime(year, month, day, hour, minute, second, tzinfo=CHINA)
        else:
            at = datetime.fromisoformat(folded)
            at = at if at.tzinfo else at.replace(tzinfo=CHINA)
        moment = at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput.of("cell", "field.moment") from None
    if moment.year < FIRST_YEAR:
        raise BadInput.of("cell", "field.moment")
    return moment.isoformat()


FLAGS: Final = ("key", "vip", "sensitive", "life_support", "lift", "five_guarantees", "vulnerable")
KEY_LEVELS: Final = ("special", "first", "second", "temporary")
SENSITIVE: Final = ("cold_store", "greenhouse", "fish_farm")
DETAILS: Final = ("key", "sensitive", "liaison")
"""Columns that are coded details of a household; the first two are flags as well."""
CHANNELS: Final = ("paper", "phone", "counter", "wechat", "web", "95598", "12398", "12345")
_TERRAIN: Final = one_of("choice.terrain", ("urban", "rural", "remote"))


def _choice_columns() -> Iterable[Column]:
    for name in COLUMNS_OF_CHOICES:
        yield Column(name, (words.say(f"need.{name}", "zh"), name), _text(60))


COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = MappingProxyType(
    {
        "offices": (
            Column("office_id", ("单位编号", "office_id"), _code, required=True),
            Column("name", ("单位名称", "名称", "name"), _text(40), required=True),
            Column("level", ("级别", "level"), one_of("office_level", LEVELS), required=True),
            Column("parent", ("上级单位", "上级编号", "parent"), _code),
            Column("terrain", ("地区", "terrain"), _TERRAIN),
            Column("phone", ("电话", "phone"), _text(30)),
        ),
        "staff": (
            Column("staff_id", ("人员编号", "工号", "staff_id"), _code, required=True),
            Column("name", ("姓名", "name"), _text(40), required=True),
            Column("role", ("岗位", "角色", "role"), one_of("role", tuple(Role)), required=True),
            Column("office_id", ("单位编号", "office_id"), _code, required=True),
            Column("phone", ("电话", "手机", "phone"), _phones),
        ),
        "places": (
            Column(
                "code", ("台区编号", "台区编码", "code", "transformer_id"), _code, required=True
            ),
            Column("name", ("台区名称", "name"), _text(60), required=True),
            Column("office_id", ("供电所编号", "单位编号", "office_id"), _code, required=True),
            Column("village", ("村", "村社", "village"), _text(40)),
            Column("township", ("乡镇", "township"), _text(40)),
            Column("line", ("线路", "line"), _text(60)),
            Column("terrain", ("地区", "terrain"), _TERRAIN),
            Column("households", ("户数", "households"), _count),
        ),
        "customers": (
            Column("account_no", ("户号", "account_no"), _code, required=True),
            Column(
                "transformer_id", ("台区编号", "台区编码", "transformer_id"), _code, required=True
            ),
            Column("name", ("户名", "姓名", "name"), _text(60)),
            Column("address", ("地址", "用电地址", "address"), _text(120)),
            Column("phone", ("电话", "手机", "phone"), _phones),
            Column("flags", ("标记", "flags"), _flags),
            Column("load_id", ("负荷点", "负荷点编号", "load_id"), _text(80)),
            Column("meters", ("电能表", "表号", "meter_no"), _meters),
            Column("key", ("重要等级", "key_level"), one_of("key_level", KEY_LEVELS)),
            Column("sensitive", ("敏感类型", "sensitive"), one_of("sensitive", SENSITIVE)),
            Column("liaison", ("客户联络人", "liaison"), _code),
            Column("consented_at", ("同意时间", "consented_at"), _moment),
            Column("opted_out_at", ("退订时间", "opted_out_at"), _moment),
        ),
        "phones": (
            Column("account_no", ("户号", "account_no"), _code, required=True),
            Column("phone", ("电话", "手机", "phone"), _phones, required=True),
        ),
        "orders": (
            Column("case_no", ("原工单编号", "工单编号", "case_no"), _code, required=True),
            Column("kind", ("类型", "业务类型", "kind"), _text(40), required=True),
            Column("sub_type", ("子类", "sub_type"), _text(40)),
            Column("channel", ("受理渠道", "渠道", "channel"), _channel),
            Column("occurred_at", ("受理时间", "occurred_at"), _moment, required=True),
            Column(
                "description",
                ("受理内容", "内容", "description"),
                _text(1000, multiline=True),
                required=True,
            ),
            Column("phone", ("联系电话", "电话", "phone"), _phones),
            Column("name", ("联系人", "姓名", "name"), _text(40)),
            Column("address", ("地址", "address"), _text(120)),
            Column("place", ("台区编号", "place"), _code),
            Column("office_id", ("责任单位", "单位编号", "office_id"), _code),
            Column("staff_id", ("处理人", "经办人", "staff_id"), _code),
            Column("dispatched_at", ("派单时间", "dispatched_at"), _moment),
            Column("received_at", ("接单时间", "received_at"), _moment),
            Column("contacted_at", ("联系时间", "contacted_at"), _moment),
            Column("arrived_at", ("到达时间", "arrived_at"), _moment),
            Column("restored_at", ("复电时间", "restored_at"), _moment),
            Column("replied_at", ("回单时间", "replied_at"), _moment),
            Column("reply", ("处理情况", "回单内容", "reply"), _text(1000, multiline=True)),
            Column("closed_at", ("归档时间", "closed_at"), _moment),
            Column("visit", ("回访结果", "visit"), one_of("choice.visit", VISITS)),
            *_choice_columns(),
        ),
    }
)

KINDS: Final = (*COLUMNS, "ledger")


def columns_of(kind: str) -> tuple[Column, ...]:
    """Return the columns of a kind of list. Raises BadInput naming `kind`.

    An old ledger (`ledger`) is a list of orders of which every row has its closing time.
    """
    if kind not in KINDS:
        raise BadInput.of("kind", "field.choice", allowed=list(KINDS))
    if kind != "ledger":
        return COLUMNS[kind]
    return tuple(
        replace(column, required=column.required or column.name == "closed_at")
        for column in COLUMNS["orders"]
    )


KEYS: Final[Mapping[str, str]] = MappingProxyType({
    "offices": "office_id", "staff": "staff_id", "places": "code", "customers": "account_no",
    "phones": "account_no", "orders": "case_no", "ledger": "case_no",
})  # fmt: skip

OFFICIAL: Final = frozenset({"offices", "staff"})
"""Lists that belong to no county: each row is measured by the office that it is about."""


# Checking -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Upload:
    """A list as it was sent. county: whose places, households and orders it holds."""

    kind: str
    filename: str
    content: bytes
    county: str


@dataclass(frozen=True)
class _Taking:
    """For whom a list is taken over, and where."""

    desk: Desk
    viewer: Staff
    county: str
    at: datetime

    @cached_property
    def places(self) -> Mapping[str, Place]:
        return {place.code: place for place in customers.places(self.county, at=self.at)}

    def may_at(self, capability: Capability, path: Sequence[str]) -> bool:
        return may(self.viewer, capability, path)


Check = Callable[[_Taking, Sequence[Row]], list[Bad]]
Count = Callable[[_Taking, Sequence[Row]], dict[str, int]]
Write = Callable[[_Taking, Sequence[Row]], tuple[int, int]]


def preview(desk: Desk, viewer: Staff, upload: Upload, *, import_id: str, at: datetime) -> Preview:
    """Read and check a list, compare it with what is kept, and stage it. Nothing is applied.

    Raises BadInput when the file is none or a required column is missing, and Busy.
    """
    kind, taking = upload.kind, _Taking(desk, viewer, upload.county, at)
    columns = columns_of(kind)
    most = MOST_ORDERS if kind in {"orders", "ledger"} else sheets.MOST_ROWS
    sheet = sheets.read(upload.filename, upload.content, most_rows=most)
    placed = _placed(sheet.headers, columns)
    readable: list[Row] = []
    bad: list[Bad] = []
    for line, cells in sheet.rows:
        row, wrong = _row(line, cells, placed)
        bad.extend(wrong)
        if not wrong:
            readable.append(row)
    bad += [*_doubles(kind, readable), *LISTS[kind].check(taking, readable)]
    spoilt = {one.line for one in bad}
    rows = [row for row in readable if row[LINE] not in spoilt]
    shown = Preview(
        import_id=import_id,
        kind=kind,
        county=upload.county,
        rows=len(sheet.rows),
        ok=len(rows),
        bad_rows=len(spoilt),
        bad=_named(bad, {column.name: sheet.headers[index] for index, column in placed}, columns),
        difference=LISTS[kind].difference(taking, rows),
        sample=tuple(_masked(row) for row in rows[:SAMPLE]),
    )
    registry.stage_import(import_id, rows, about=_about(shown), at=at, keep=KEPT)
    return shown


def staged(import_id: str, *, at: datetime) -> Preview:
    """Return what a staged import would do, without its sample. Raises Unknown and Busy."""
    about = registry.staged_import(import_id, at=at).about
    return Preview(import_id, **{**about, "bad": tuple(Bad(*one) for one in about["bad"])})


def _about(shown: Preview) -> dict[str, Any]:
    return {
        "kind": shown.kind,
        "county": shown.county,
        "rows": shown.rows,
        "ok": shown.ok,
        "bad_rows": shown.bad_rows,
        "bad": [[one.line, one.column, one.code, dict(one.facts)] for one in shown.bad],
        "difference": dict(shown.difference),
    }


def _placed(headers: Sequence[str], columns: Sequence[Column]) -> list[tuple[int, Column]]:
    """Return where each known column stands. Raises BadInput naming what is missing."""
    folded = [_folded(header).lower() for header in headers]
    placed, missing = [], []
    for column in columns:
        at = next((folded.index(h.lower()) for h in column.headings if h.lower() in folded), None)
        if at is not None:
            placed.append((at, column))
        elif column.required:
            missing.append(column.headings[0])
    if missing:
        raise BadInput.of("file", "file.missing_columns", columns="、".join(missing))
    return placed


def _row(
    line: int, cells: Sequence[str], placed: Sequence[tuple[int, Column]]
) -> tuple[dict[str, Any], list[Bad]]:
    row: dict[str, Any] = {LINE: line}
    bad: list[Bad] = []
    for index, column in placed:
        cell = cells[index] if index < len(cells) else ""
        if not cell:
            if column.required:
                bad.append(Bad(line, column.name, "field.required"))
            continue
        try:
            row[column.name] = column.read(cell)
        except BadInput as refused:
            error = refused.errors[0]
            bad.append(Bad(line, column.name, error.code, error.facts))
    return row, bad


def _named(
    bad: Iterable[Bad], headers: Mapping[str, str], columns: Sequence[Column]
) -> tuple[Bad, ...]:
    """Return the first bad cells, by line, their columns named as the file names them."""
    usual = {column.name: column.headings[0] for column in columns}
    ordered = sorted(bad, key=lambda one: one.line)[:MOST_BAD]
    return tuple(
        replace(one, column=headers.get(one.column) or usual[one.column]) for one in ordered
    )


def _masked(row: Row) -> dict[str, str]:
    shown = {name: str(value) for name, value in row.items() if name != LINE}
    if "phone" in row:
        phones = row["phone"]
        shown["phone"] = (
            "、".join(Phone(*one).masked for one in phones) if isinstance(phones, list) else phones
        )
    if "flags" in row:
        shown["flags"] = "、".join(row["flags"])
    if "address" in row:
        shown["address"] = mask_address(row["address"])
    if "name" in row and ("account_no" in row or "case_no" in row):
        shown["name"] = mask_name(row["name"])
    return shown


def _doubles(kind: str, rows: Sequence[Row]) -> list[Bad]:
    key = KEYS[kind]
    seen: dict[str, int] = {}
    bad = []
    for row in rows:
        first = seen.setdefault(str(row[key]), int(row[LINE]))
        if first != row[LINE]:
            bad.append(Bad(int(row[LINE]), key, "row.double", {"first": first}))
    return bad


def _counts(difference: Difference[Any]) -> dict[str, int]:
    return {
        "add": len(difference.added),
        "change": len(difference.changed) + len(difference.moved),
        "same": difference.unchanged,
        "gone": len(difference.missing),
    }


# Offices ------------------------------------------------------------------------------------------


def _parent_of(taking: _Taking, row: Row) -> str:
    """Return the parent that a row names, or the one that the office has."""
    kept = taking.desk.path(str(row["office_id"]))
    return str(row.get("parent") or (kept[-2] if len(kept) > 1 else ""))


def _path(taking: _Taking, office_id: str, rows: Mapping[str, Row]) -> tuple[str, ...]:
    """Return the path that an office will have; parents may stand anywhere in the list.

    Raises BadInput for a loop and for a parent that is nowhere.
    """
    path: tuple[str, ...] = ()
    while office_id:
        if len(path) > len(LEVELS):
            raise BadInput.of("parent", "office.loop")
        path = (office_id, *path)
        if office_id in rows:
            office_id = _parent_of(taking, rows[office_id])
            continue
        kept = taking.desk.path(office_id)
        if not kept:
            raise BadInput.of("parent", "office.unknown")
        return (*kept[:-1], *path)
    return path


def _offices(taking: _Taking, rows: Sequence[Row]) -> list[Office]:
    by_id = {str(row["office_id"]): row for row in rows}
    made = []
    for office_id, row in by_id.items():
        blank = Office(office_id, "", OfficeLevel(str(row["level"])), ())
        kept = taking.desk.snapshot.offices.get(office_id, blank)
        given: dict[str, Any] = {
            name: row[name] for name in ("name", "terrain", "phone") if name in row
        }
        level = OfficeLevel(str(row["level"]))
        made.append(replace(kept, **given, level=level, path=_path(taking, office_id, by_id)))
    return made


def _check_offices(taking: _Taking, rows: Sequence[Row]) -> list[Bad]:
    by_id = {str(row["office_id"]): row for row in rows}
    bad = []
    for office_id, row in by_id.items():
        try:
            _check_office(taking, office_id, row, by_id)
        except BadInput as refused:
            error = refused.errors[0]
            bad.append(Bad(int(row[LINE]), error.field, error.code, error.facts))
    return bad


def _check_office(taking: _Taking, office_id: str, row: Row, rows: Mapping[str, Row]) -> None:
    kept = taking.desk.snapshot.offices.get(office_id)
    path = _path(taking, office_id, rows)
    reach = [path] if kept is None else [path, kept.path]
    if not all(taking.may_at(Capability.OFFICE_CREATE, each) for each in reach):
        raise BadInput.of("office_id", "office.not_yours")
    if kept is not None and kept.level != row["level"]:
        raise BadInput.of("level", "office.level_is_fixed")
    if len(path) != LEVELS.index(OfficeLevel(str(row["level"]))) + 1:
        raise BadInput.of("parent", "office.parent_of_another_level")


def _compare_records(kept: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, int]:
    add = sum(key not in kept for key in made)
    same = sum(kept.get(key) == one for key, one in made.items())
    return {"add": add, "change": len(made) - add - same, "same": same, "gone": 0}


def _compare_offices(taking: _Taking, rows: Sequence[Row]) -> dict[str, int]:
    made = {office.office_id: office for office in _offices(taking, rows)}
    return _compare_records(taking.desk.snapshot.offices, made)


def _write_offices(taking: _Taking, rows: Sequence[Row]) -> tuple[int, int]:
    tally = registry.take_over(_offices(taking, rows), by=actor_of(taking.viewer), at=taking.at)
    return tally.added + tally.changed, tally.unchanged


# Staff --------------------------------------------------------------------------------------------


def _members(taking: _Taking, rows: Sequence[Row]) -> list[Member]:
    snapshot = taking.desk.snapshot
    made = []
    for row in rows:
        staff_id, office_id = str(row["staff_id"]), str(row["office_id"])
        role, path = Role(str(row["role"])), taking.desk.path(office_id)
        kept = snapshot.staff.get(staff_id)
        staff = Staff(staff_id, str(row["name"]), role, office_id, path)
        phone = Phone(*row["phone"][0]) if row.get("phone") else snapshot.phones.get(staff_id)
        made.append(Member(replace(staff, active=kept.active) if kept else staff, phone))
    return made


def _check_staff(taking: _Taking, rows: Sequence[Row]) -> list[Bad]:
    bad = []
    for row in rows:
        wrong = _wrong_with(taking, row)
        if wrong:
            bad.append(Bad(int(row[LINE]), *wrong))
    return bad


def _wrong_with(taking: _Taking, row: Row) -> tuple[str, str] | None:
    snapshot, viewer = taking.desk.snapshot, taking.viewer
    office = snapshot.offices.get(str(row["office_id"]))
    kept = snapshot.staff.get(str(row["staff_id"]))
    if office is None or not taking.may_at(Capability.STAFF_CREATE, office.path):
        return "office_id", "office.unknown"
    if kept is not None and not taking.may_at(Capability.STAFF_CREATE, kept.path):
        return "staff_id", "staff.elsewhere"
    is_oneself = row["staff_id"] == viewer.staff_id
    if is_oneself and (row["role"], row["office_id"]) != (viewer.role, viewer.office_id):
        return "staff_id", "staff.yourself"
    return None


def _compare_staff(taking: _Taking, rows: Sequence[Row]) -> dict[str, int]:
    snapshot = taking.desk.snapshot
    made = {member.staff.staff_id: member for member in _members(taking, rows)}
    kept = {
        staff_id: Member(snapshot.staff[staff_id], snapshot.phones.get(staff_id))
        for staff_id in made
        if staff_id in snapshot.staff
    }
    return _compare_records(kept, made)


def _write_staff(taking: _Taking, rows: Sequence[Row]) -> tuple[int, int]:
    tally = registry.take_over(_members(taking, rows), by=actor_of(taking.viewer), at=taking.at)
    return tally.added + tally.changed, tally.unchanged


# Places -------------------------------------------------------------------------------------------


def _place_of(taking: _Taking, row: Row) -> Place:
    code, office_id = str(row["code"]), str(row["office_id"])
    blank = Place(code=code, name="", county=taking.county, office_id=office_id)
    names = ("name", "office_id", "village", "township", "line", "terrain", "households")
    given = {name: row[name] for name in names if name in row}
    return replace(taking.places.get(code, blank), **given)


def _places_difference(taking: _Taking, rows: Sequence[Row]) -> Difference[Place]:
    return customers.compare_places(taking.county, [_place_of(taking, row) for row in rows])


def _check_places(taking: _Taking, rows: Sequence[Row]) -> list[Bad]:
    """A place belongs to an office of the county, and is not taken from another county."""
    own = {
        office_id
        for office_id, office in taking.desk.snapshot.offices.items()
        if relation(taking.desk.path(taking.county), office.path) in {Relation.OWN, Relation.BELOW}
    }
    bad = [
        Bad(int(row[LINE]), "office_id", "office.unknown")
        for row in rows
        if row["office_id"] not in own
    ]
    moved = {place.code for place, _ in _places_difference(taking, rows).moved}
    bad += [Bad(int(row[LINE]), "code", "place.elsewhere") for row in rows if row["code"] in moved]
    return bad


def _write_places(taking: _Taking, rows: Sequence[Row]) -> tuple[int, int]:
    difference = _places_difference(taking, rows)
    customers.put_places(difference)
    return len(rows) - difference.unchanged, difference.unchanged


# Households ---------------------------------------------------------------------------------------


def _households(rows: Sequence[Row]) -> list[Household]:
    """Return households as they will be: what a row does not say stays as it is."""
    kept = customers.find_households(str(row["account_no"]) for row in rows)
    made = []
    for row in rows:
        account = str(row["account_no"])
        blank = Household(account_no=account, transformer_id="")
        names = ("transformer_id", "name", "address", "load_id")
        given: dict[str, Any] = {name: row[name] for name in names if name in row}
        if "phone" in row:
            given["phones"] = tuple(Phone(*one) for one in row["phone"])
        if "flags" in row:
            given["flags"] = frozenset(row["flags"])
        if "meters" in row:
            given["meters"] = tuple(row["meters"])
        for name in ("consented_at", "opted_out_at"):
            if name in row:
                given[name] = datetime.fromisoformat(row[name])
        made.append(_detailed(replace(kept.get(account, blank), **given), row))
    return made


def _detailed(household: Household, row: Row) -> Household:
    """Return a household with the coded details of a row, and the flags that they imply."""
    about = {name: str(row[name]) for name in DETAILS if name in row}
    return replace(
        household,
        about={**household.about, **about},
        flags=household.flags | (about.keys() & {"key", "sensitive"}),
    )


def _check_customers(taking: _Taking, rows: Sequence[Row]) -> list[Bad]:
    """A household hangs under a place of the county, and is not taken from another county."""
    kept = customers.find_households(str(row["account_no"]) for row in rows)
    bad = []
    for row in rows:
        was = kept.get(str(row["account_no"]))
        if row["transformer_id"] not in taking.places:
            bad.append(Bad(int(row[LINE]), "transformer_id", "place.unknown"))
        elif was is not None and was.transformer_id not in taking.places:
            bad.append(Bad(int(row[LINE]), "account_no", "account.elsewhere"))
    return bad


def _check_phones(taking: _Taking, rows: Sequence[Row]) -> list[Bad]:
    kept = customers.find_households(str(row["account_no"]) for row in rows)
    return [
        Bad(int(row[LINE]), "account_no", "account.unknown")
        for row in rows
        if (was := kept.get(str(row["account_no"]))) is None
        or was.transformer_id not in taking.places
    ]


def _compare_customers(taking: _Taking, rows: Sequence[Row]) -> dict[str, int]:
    return _counts(customers.compare_households(taking.county, _households(rows)))


def _compare_phones(_taking: _Taking, rows: Sequence[Row]) -> dict[str, int]:
    return _counts(customers.compare_households(None, _households(rows)))


def _write_households(taking: _Taking, rows: Sequence[Row]) -> tuple[int, int]:
    made = _households(rows)
    difference = customers.compare_households(None, made)
    metered = {str(row["account_no"]) for row in rows if "meters" in row}
    grid.put_places_of(
        "meter",
        {
            meter: one.account_no
            for one in made
            if one.account_no in metered
            for meter in one.meters
        },
    )
    tracing.remember_phones(made, secret=taking.desk.secret)
    customers.put_households(difference)
    return len(rows) - difference.unchanged, difference.unchanged


# Orders -------------------------------------------------------------------------------------------


def _story(taking: _Taking, row: Row) -> transcribing.Story:
    return transcribing.story(taking.desk, row, county=taking.county, places=taking.places)


def _check_orders(taking: _Taking, rows: Sequence[Row]) -> list[Bad]:
    """Rehearse each row, and refuse a case that was imported before with other words."""
    bad: list[Bad] = []
    fit: list[tuple[Row, transcribing.Story]] = []
    for row in rows:
        try:
            told = _story(taking, row)
            transcribing.rehearse(taking.desk, told, places=taking.places, at=taking.at)
        except BadInput as refused:
            error = refused.errors[0]
            bad.append(Bad(int(row[LINE]), _column(error.field), error.code, error.facts))
        else:
            fit.append((row, told))
    states = transcribing.states(taking.desk, [told for _, told in fit])
    bad += [
        Bad(int(row[LINE]), "case_no", "case.differs")
        for (row, _), state in zip(fit, states, strict=True)
        if state is State.DIFFERS
    ]
    return bad


def _column(name: str) -> str:
    """Return the column that an error names; what a reader of one cell says names the kind."""
    return "kind" if name == "cell" else name


def _compare_orders(taking: _Taking, rows: Sequence[Row]) -> dict[str, int]:
    states = transcribing.states(taking.desk, [_story(taking, row) for row in rows])
    counts = {state.value: states.count(state) for state in (State.NEW, State.GOES_ON, State.SAME)}
    return {**counts, "gone": 0}


# Applying -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _List:
    """How one kind of list is checked and compared."""

    check: Check
    difference: Count


@dataclass(frozen=True, slots=True)
class _Writer:
    """How the rows of a list are written; parts: how many at a time, 0 for all as a whole."""

    write: Write
    parts: int = 0


LISTS: Final[Mapping[str, _List]] = MappingProxyType(
    {
        "offices": _List(_check_offices, _compare_offices),
        "staff": _List(_check_staff, _compare_staff),
        "places": _List(_check_places, lambda t, rows: _counts(_places_difference(t, rows))),
        "customers": _List(_check_customers, _compare_customers),
        "phones": _List(_check_phones, _compare_phones),
        "orders": _List(_check_orders, _compare_orders),
        "ledger": _List(_check_orders, _compare_orders),
    }
)
WRITERS: Final[Mapping[str, _Writer]] = MappingProxyType(
    {
        "offices": _Writer(_write_offices),
        "staff": _Writer(_write_staff),
        "places": _Writer(_write_places),
        "customers": _Writer(_write_households, SLICE),
        "phones": _Writer(_write_households, SLICE),
    }
)
"""Orders have none: they are told one by one."""


def apply(
    desk: Desk,
    viewer: Staff,
    import_id: str,
    *,
    after: int,
    salt: Callable[[], bytes],
    is_out_of_time: Callable[[], bool],
    at: datetime,
) -> Applied:
    """Apply a staged list from its row number `after` on, until the time is up.

    Call again with `next` until that is None; then the list is forgotten. Safe to repeat. The
    record of it names who, what kind and how many. Raises Unknown, Busy, and BadInput while the
    list has bad rows, also such as went bad since it was checked.
    """
    kept = registry.staged_import(import_id, at=at)
    if kept.about["bad_rows"]:
        raise BadInput.of("import", "import.has_bad_rows", bad=kept.about["bad_rows"])
    kind, county = str(kept.about["kind"]), str(kept.about["county"])
    taking = _Taking(desk, viewer, county, at)
    rows: list[Row] = list(kept.rows)
    done = _Progress(next=after)
    if kind in WRITERS:
        _write(taking, kind, rows, done, is_out_of_time=is_out_of_time)
    else:
        _tell(taking, rows, done, salt=salt, is_out_of_time=is_out_of_time)
    _record(taking, kind, done)
    left = done.next if done.next < len(rows) else None
    if left is None and not done.refused:
        registry.discard_import(import_id)
    return Applied(done.applied, done.skipped, tuple(done.refused), left)


@dataclass(slots=True)
class _Progress:
    next: int
    applied: int = 0
    skipped: int = 0
    refused: list[Bad] = field(default_factory=list)


def _write(
    taking: _Taking,
    kind: str,
    rows: Sequence[Row],
    done: _Progress,
    *,
    is_out_of_time: Callable[[], bool],
) -> None:
    writer = WRITERS[kind]
    parts = writer.parts or len(rows)
    if not writer.parts:
        done.next = 0
    while done.next < len(rows):
        some = rows[done.next : done.next + parts]
        wrong = LISTS[kind].check(taking, some)
        if wrong:
            raise BadInput.of("import", "import.has_bad_rows", bad=len(wrong))
        applied, skipped = writer.write(taking, some)
        done.applied += applied
        done.skipped += skipped
        done.next += len(some)
        if is_out_of_time():
            return


def _tell(
    taking: _Taking,
    rows: Sequence[Row],
    done: _Progress,
    *,
    salt: Callable[[], bytes],
    is_out_of_time: Callable[[], bool],
) -> None:
    for row in rows[done.next :]:
        try:
            written = transcribing.tell(taking.desk, _story(taking, row), salt=salt, at=taking.at)
        except Refused as problem:
            done.refused.append(_refusal(row, problem))
        else:
            done.applied += written
            done.skipped += not written
        done.next += 1
        if is_out_of_time():
            return


def _refusal(row: Row, problem: Refused) -> Bad:
    usual = {column.name: column.headings[0] for column in COLUMNS["orders"]}
    if isinstance(problem, BadInput):
        error = problem.errors[0]
        return Bad(int(row[LINE]), usual.get(error.field, ""), error.code, error.facts)
    return Bad(int(row[LINE]), usual["case_no"], f"refused.{problem.slug}")


def _record(taking: _Taking, kind: str, done: _Progress) -> None:
    """Say in the ledger who took over what. What was taken over is personal, and is not said."""
    if not (done.applied or done.refused):
        return
    data = {"kind": kind, "applied": done.applied, "skipped": done.skipped}
    event = Event(
        aggregate=f"import/{taking.county or taking.viewer.office_id or 'all'}",
        seq=0,
        name="import.applied",
        occurred_at=taking.at,
        recorded_at=taking.at,
        actor=actor_of(taking.viewer),
        changes={},
        data={**data, "refused": len(done.refused)},
    )
    ledger.append(event)


# Going the other way ------------------------------------------------------------------------------


def listed(desk: Desk, viewer: Staff, kind: str, *, county: str, at: datetime) -> list[list[str]]:
    """Return what is kept as rows of such a list, its headings first; sent back it is no change.

    Offices, staff without their telephones, and places. Of all other kinds only the headings: a
    blank list to fill in. Raises BadInput naming `kind`.
    """
    columns = columns_of(kind)
    taking = _Taking(desk, viewer, county, at)
    rows = EXPORTS[kind](taking) if kind in EXPORTS else []
    shown = [column for column in columns if kind != "staff" or column.name != "phone"]
    body = [[str(row.get(column.name, "")) for column in shown] for row in rows]
    return [[column.headings[0] for column in shown], *body]


def _office_rows(taking: _Taking) -> list[dict[str, Any]]:
    return [
        {
            "office_id": office.office_id,
            "name": office.name,
            "level": office.level.value,
            "parent": office.path[-2] if len(office.path) > 1 else "",
            "terrain": office.terrain,
            "phone": office.phone,
        }
        for office in taking.desk.snapshot.offices.values()
        if taking.may_at(Capability.OFFICE_CREATE, office.path)
    ]


def _staff_rows(taking: _Taking) -> list[dict[str, Any]]:
    return [
        {
            "staff_id": staff.staff_id,
            "name": staff.name,
            "role": staff.role.value,
            "office_id": staff.office_id,
        }
        for staff in taking.desk.snapshot.staff.values()
        if taking.may_at(Capability.STAFF_CREATE, staff.path)
    ]


def _place_rows(taking: _Taking) -> list[dict[str, Any]]:
    names = [column.name for column in COLUMNS["places"]]
    return [{name: getattr(place, name) for name in names} for place in taking.places.values()]


EXPORTS: Final[Mapping[str, Callable[[_Taking], list[dict[str, Any]]]]] = MappingProxyType(
    {"offices": _office_rows, "staff": _staff_rows, "places": _place_rows}
)
