"""Taking over what a county has (接管): offices, staff, telephones, places, households, orders.

Upload, check, look at the difference, then apply. A bad row is named by line and column, and
nothing is applied before somebody accepted what was shown. Sending the same list again changes nothing.
Orders keep the times at which they happened: they are late entries, and no text goes out.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain import words
from chalicelib.domain.calendar import CHINA
from chalicelib.domain.contact import Contact, Phone, clean_text
from chalicelib.domain.order import Actor
from chalicelib.domain.refusal import BadInput, Refused
from chalicelib.domain.staff import LEVELS, Office, OfficeLevel, Relation, Role, Staff, relation
from chalicelib.store import customers, registry
from chalicelib.store.customers import Household, Place
from chalicelib.store.registry import Member
from chalicelib.usecases import handling, reporting, sheets
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.reporting import Report

KEPT: Final = timedelta(days=1)
MOST_BAD: Final = 200
SAMPLE: Final = 5


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
    """One cell that cannot be used. line: in the file, from 1. column: as the file names it."""

    line: int
    column: str
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an upload would do. difference: counts by add, change, same and gone."""

    import_id: str
    kind: str
    rows: int
    ok: int
    bad: tuple[Bad, ...]
    difference: Mapping[str, int]
    sample: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done. refused: rows that could not be applied after all, by line."""

    applied: int
    skipped: int
    refused: tuple[Bad, ...] = ()


# Cells ----------------------------------------------------------------------------------------


def _text(longest: int) -> Callable[[str], str]:
    def read(cell: str) -> str:
        return clean_text(cell, field="cell", max_units=longest)

    return read


def _code(cell: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}", cell):
        raise BadInput.of("cell", "field.code")
    return cell


def _phones(cell: str) -> list[str]:
    return [Phone.parse(part).number for part in re.split(r"[,，、;；/ ]+", cell) if part]


def _one_of(prefix: str, slugs: Iterable[str]) -> Callable[[str], str]:
    """Read a slug, or its words in either language."""
    known = {slug: slug for slug in slugs}
    for slug in list(known):
        for language in words.LANGUAGES:
            if words.has(f"{prefix}.{slug}"):
                known[words.say(f"{prefix}.{slug}", language).lower()] = slug

    def read(cell: str) -> str:
        found = known.get(cell.lower())
        if found is None:
            raise BadInput.of("cell", "field.choice", allowed=sorted(set(known.values())))
        return found

    return read


_TIME: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T](\d{1,2})[:：](\d{2})(?:[:：](\d{2}))?)?"
)


def _moment(cell: str) -> str:
    """Read a time as people write it, in China's time unless it carries its own zone."""
    try:
        at = datetime.fromisoformat(cell)
    except ValueError:
        match = _TIME.fullmatch(cell)
        if match is None:
            raise BadInput.of("cell", "field.instant") from None
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        try:
            at = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - zoned below
        except ValueError:
            raise BadInput.of("cell", "field.instant") from None
    at = at if at.tzinfo else at.replace(tzinfo=CHINA)
    return at.astimezone(UTC).isoformat()


_TERRAIN: Final = _one_of("choice.terrain", ("urban", "rural", "remote"))
FLAGS: Final = ("key", "vip", "sensitive", "life_support", "lift", "five_guarantees")

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = MappingProxyType(
    {
        "offices": (
            Column("office_id", ("单位编号", "office_id"), _code, required=True),
            Column("name", ("单位名称", "名称", "name"), _text(40), required=True),
            Column("level", ("级别", "level"), _one_of("office_level", LEVELS), required=True),
            Column("parent", ("上级单位", "上级编号", "parent"), _code),
            Column("terrain", ("地区", "terrain"), _TERRAIN),
            Column("phone", ("电话", "phone"), _text(30)),
        ),
        "staff": (
            Column("staff_id", ("人员编号", "工号", "staff_id"), _code, required=True),
            Column("name", ("姓名", "name"), _text(40), required=True),
            Column("role", ("岗位", "角色", "role"), _one_of("role", Role), required=True),
            Column("office_id", ("单位编号", "office_id"), _code, required=True),
            Column("phone", ("电话", "手机", "phone"), _phones),
        ),
        "places": (
            Column("code", ("台区编号", "code", "transformer_id"), _code, required=True),
            Column("name", ("台区名称", "name"), _text(60), required=True),
            Column("office_id", ("供电所编号", "单位编号", "office_id"), _code, required=True),
            Column("village", ("村", "村社", "village"), _text(40)),
            Column("township", ("乡镇", "township"), _text(40)),
            Column("line", ("线路", "line"), _text(60)),
            Column("terrain", ("地区", "terrain"), _TERRAIN),
        ),
        "customers": (
            Column("account_no", ("户号", "account_no"), _code, required=True),
            Column("transformer_id", ("台区编号", "transformer_id"), _code, required=True),
            Column("name", ("户名", "姓名", "name"), _text(60)),
            Column("address", ("地址", "用电地址", "address"), _text(120)),
            Column("phone", ("电话", "手机", "phone"), _phones),
            Column("flags", ("标记", "flags"), _text(80)),
        ),
        "phones": (
            Column("account_no", ("户号", "account_no"), _code, required=True),
            Column("phone", ("电话", "手机", "phone"), _phones, required=True),
        ),
        "orders": (
            Column("case_no", ("原工单编号", "工单编号", "case_no"), _code, required=True),
            Column("kind", ("类型", "业务类型", "kind"), _text(40), required=True),
            Column("sub_type", ("子类", "sub_type"), _text(40)),
            Column("occurred_at", ("受理时间", "occurred_at"), _moment, required=True),
            Column("description", ("受理内容", "内容", "description"), _text(1000), required=True),
            Column("phone", ("联系电话", "电话", "phone"), _phones),
            Column("name", ("联系人", "姓名", "name"), _text(40)),
            Column("address", ("地址", "address"), _text(120)),
            Column("place", ("台区编号", "place"), _code),
            Column("office_id", ("责任单位", "单位编号", "office_id"), _code),
            Column("dispatched_at", ("派单时间", "dispatched_at"), _moment),
            Column("received_at", ("接单时间", "received_at"), _moment),
            Column("replied_at", ("回单时间", "replied_at"), _moment),
            Column("reply", ("处理结果", "reply"), _text(1000)),
            Column("closed_at", ("归档时间", "closed_at"), _moment),
        ),
    }
)
"""An old ledger is a list of orders of which every row has its closing time."""

KINDS: Final = (*COLUMNS, "ledger")


def columns_of(kind: str) -> tuple[Column, ...]:
    """Return the columns of a kind of list. Raises BadInput naming `kind`."""
    if kind not in KINDS:
        raise BadInput.of("kind", "field.choice", allowed=list(KINDS))
    if kind != "ledger":
        return COLUMNS[kind]
    closed = {"closed_at", "dispatched_at", "replied_at"}
    return tuple(
        replace(column, required=column.required or column.name in closed)
        for column in COLUMNS["orders"]
    )


# Checking -------------------------------------------------------------------------------------


def preview(
    desk: Desk,
    kind: str,
    filename: str,
    content: bytes,
    *,
    county: str,
    import_id: str,
    at: datetime,
) -> Preview:
    """Read and check a list, compare it with what is kept, and stage it. Nothing is applied.

    Raises BadInput when the file is none or a required column is missing.
    """
    columns = columns_of(kind)
    sheet = sheets.read(filename, content)
    placed = _places_of(sheet.headers, columns)
    rows: list[dict[str, Any]] = []
    bad: list[Bad] = []
    for line, cells in sheet.rows:
        row, wrong = _row(line, cells, sheet.headers, placed)
        wrong = wrong or _meaning(desk, kind, row, county=county)
        if wrong:
            bad.extend(wrong)
        else:
            rows.append(row)
    bad.extend(_doubles(kind, rows))
    difference = _difference(desk, kind, rows, county=county)
    about = {"kind": kind, "county": county, "bad": len(bad), "filename": filename[:120]}
    registry.stage_import(import_id, rows, about=about, at=at, keep=KEPT)
    return Preview(
        import_id=import_id,
        kind=kind,
        rows=len(sheet.rows),
        ok=len(rows),
        bad=tuple(bad[:MOST_BAD]),
        difference=difference,
        sample=tuple(rows[:SAMPLE]),
    )


def _places_of(headers: Sequence[str], columns: Sequence[Column]) -> list[tuple[int, Column]]:
    folded = [header.strip().lower() for header in headers]
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
    line: int, cells: Sequence[str], headers: Sequence[str], placed: Sequence[tuple[int, Column]]
) -> tuple[dict[str, Any], list[Bad]]:
    row: dict[str, Any] = {"line": line}
    bad: list[Bad] = []
    for index, column in placed:
        cell = cells[index] if index < len(cells) else ""
        if not cell:
            if column.required:
                bad.append(Bad(line, headers[index], "field.required"))
            continue
        try:
            row[column.name] = column.read(cell)
        except BadInput as refused:
            error = refused.errors[0]
            bad.append(Bad(line, headers[index], error.code, error.facts))
    return row, bad


def _meaning(desk: Desk, kind: str, row: Mapping[str, Any], *, county: str) -> list[Bad]:
    """Check what a row means beyond its cells."""
    line = int(row["line"])
    if kind in {"orders", "ledger"}:
        return _order_meaning(desk, row)
    office_id = row.get("office_id")
    if kind in {"staff", "places"} and office_id:
        stands = relation(desk.path(county), desk.path(str(office_id)))
        if str(office_id) not in desk.snapshot.offices or stands not in {
            Relation.OWN,
            Relation.BELOW,
        }:
            return [Bad(line, "office_id", "office.unknown")]
    if kind == "customers" and customers.find_place(str(row["transformer_id"])) is None:
        return [Bad(line, "transformer_id", "place.unknown")]
    if kind == "phones" and customers.find_household(str(row["account_no"])) is None:
        return [Bad(line, "account_no", "account.unknown")]
    if kind == "customers":
        unknown = set(_flags_of(row)) - set(FLAGS)
        if unknown:
            return [Bad(line, "flags", "field.choice", {"allowed": list(FLAGS)})]
    return []


def _flags_of(row: Mapping[str, Any]) -> list[str]:
    return [flag for flag in re.split(r"[,，、; ]+", str(row.get("flags", ""))) if flag]


def _order_meaning(desk: Desk, row: Mapping[str, Any]) -> list[Bad]:
    line = int(row["line"])
    read_kind = _one_of("kind", desk.procedures)
    try:
        kind = read_kind(str(row["kind"]))
    except BadInput:
        return [Bad(line, "kind", "kind.unknown")]
    sub_types = desk.procedures[kind].sub_types
    if sub_types:
        try:
            _one_of("sub_type", sub_types)(str(row.get("sub_type", "")))
        except BadInput:
            return [Bad(line, "sub_type", "sub_type.unknown", {"allowed": list(sub_types)})]
    place = row.get("place")
    if place and customers.find_place(str(place)) is None:
        return [Bad(line, "place", "place.unknown")]
    if row.get("office_id") and str(row["office_id"]) not in desk.snapshot.offices:
        return [Bad(line, "office_id", "office.unknown")]
    steps = [str(row[name]) for name in STEPS if row.get(name)]
    if steps != sorted(steps):
        return [Bad(line, "occurred_at", "times.not_in_order")]
    return []


STEPS: Final = ("occurred_at", "dispatched_at", "received_at", "replied_at", "closed_at")
KEYS: Final[Mapping[str, str]] = MappingProxyType({
    "offices": "office_id", "staff": "staff_id", "places": "code", "customers": "account_no",
    "phones": "account_no", "orders": "case_no", "ledger": "case_no",
})  # fmt: skip


def _doubles(kind: str, rows: Sequence[Mapping[str, Any]]) -> list[Bad]:
    key = KEYS[kind]
    seen: dict[str, int] = {}
    bad = []
    for row in rows:
        value = str(row[key])
        if value in seen:
            bad.append(Bad(int(row["line"]), key, "row.double", {"first": seen[value]}))
        seen.setdefault(value, int(row["line"]))
    return bad


def _difference(
    desk: Desk, kind: str, rows: Sequence[Mapping[str, Any]], *, county: str
) -> dict[str, int]:
    if kind in {"customers", "phones"}:
        households = customers.compare_households(county, _households(kind, rows))
        gone = len(households.missing) if kind == "customers" else 0
        return {
            "add": len(households.added),
            "change": len(households.changed) + len(households.moved),
            "same": households.unchanged,
            "gone": gone,
        }
    if kind == "places":
        places = customers.compare_places(county, [_place(row, county) for row in rows])
        return {
            "add": len(places.added),
            "change": len(places.changed) + len(places.moved),
            "same": places.unchanged,
            "gone": len(places.missing),
        }
    known = {"offices": desk.snapshot.offices, "staff": desk.snapshot.staff}.get(kind, {})
    there = sum(1 for row in rows if str(row[KEYS[kind]]) in known)
    return {"add": len(rows) - there, "change": there, "same": 0, "gone": 0}


# Applying -------------------------------------------------------------------------------------


def apply(desk: Desk, import_id: str, *, by: Actor, salt: bytes, at: datetime) -> Applied:
    """Apply a staged list, and forget it. Raises Unknown, and BadInput while it has bad rows."""
    staged = registry.staged_import(import_id, at=at)
    if staged.about["bad"]:
        raise BadInput.of("import", "import.has_bad_rows", bad=staged.about["bad"])
    kind, county = str(staged.about["kind"]), str(staged.about["county"])
    rows: list[Mapping[str, Any]] = list(staged.rows)
    if kind in {"orders", "ledger"}:
        done = _apply_orders(desk, rows, by=by, salt=salt, at=at)
    else:
        done = _apply_list(desk, kind, rows, county=county, by=by, at=at)
    if not done.refused:
        registry.discard_import(import_id)
    return done


def _apply_list(
    desk: Desk,
    kind: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    county: str,
    by: Actor,
    at: datetime,
) -> Applied:
    if kind == "offices":
        tally = registry.take_over(_offices(desk, rows), by=by, at=at)
        return Applied(tally.added + tally.changed, tally.unchanged)
    if kind == "staff":
        tally = registry.take_over(_members(desk, rows), by=by, at=at)
        return Applied(tally.added + tally.changed, tally.unchanged)
    if kind == "places":
        places = customers.compare_places(county, [_place(row, county) for row in rows])
        customers.put_places(places)
        return Applied(
            len(places.added) + len(places.changed) + len(places.moved), places.unchanged
        )
    households = customers.compare_households(county, _households(kind, rows))
    customers.put_households(households)
    return Applied(
        len(households.added) + len(households.changed) + len(households.moved),
        households.unchanged,
    )


def _offices(desk: Desk, rows: Sequence[Mapping[str, Any]]) -> list[Office]:
    """Return offices with their paths; parents may stand anywhere in the list."""
    by_id = {str(row["office_id"]): row for row in rows}

    def path(office_id: str, depth: int = 0) -> tuple[str, ...]:
        row = by_id.get(office_id)
        if row is None:
            return desk.path(office_id)
        parent = str(row.get("parent", ""))
        if depth > len(LEVELS):
            raise BadInput.of("parent", "office.loop")
        return (*(path(parent, depth + 1) if parent else ()), office_id)

    return [
        Office(
            office_id,
            str(row["name"]),
            OfficeLevel(str(row["level"])),
            path(office_id),
            terrain=str(row.get("terrain", "rural")),
            phone=str(row.get("phone", "")),
        )
        for office_id, row in by_id.items()
    ]


def _members(desk: Desk, rows: Sequence[Mapping[str, Any]]) -> list[Member]:
    return [
        Member(
            Staff(
                str(row["staff_id"]),
                str(row["name"]),
                Role(str(row["role"])),
                str(row["office_id"]),
                desk.path(str(row["office_id"])),
            ),
            Phone(row["phone"][0]) if row.get("phone") else None,
        )
        for row in rows
    ]


def _place(row: Mapping[str, Any], county: str) -> Place:
    return Place(
        code=str(row["code"]),
        name=str(row["name"]),
        county=county,
        office_id=str(row["office_id"]),
        village=str(row.get("village", "")),
        township=str(row.get("township", "")),
        line=str(row.get("line", "")),
        terrain=str(row.get("terrain", "rural")),
    )


def _households(kind: str, rows: Sequence[Mapping[str, Any]]) -> list[Household]:
    if kind == "customers":
        return [
            Household(
                account_no=str(row["account_no"]),
                transformer_id=str(row["transformer_id"]),
                name=str(row.get("name", "")),
                address=str(row.get("address", "")),
                phones=tuple(Phone(number) for number in row.get("phone", ())),
                flags=frozenset(_flags_of(row)),
            )
            for row in rows
        ]
    return [
        replace(kept, phones=tuple(Phone(number) for number in row["phone"]))
        for row in rows
        if (kept := customers.find_household(str(row["account_no"]))) is not None
    ]


# Orders with their original times ---------------------------------------------------------------


def _apply_orders(
    desk: Desk, rows: Sequence[Mapping[str, Any]], *, by: Actor, salt: bytes, at: datetime
) -> Applied:
    applied, skipped = 0, 0
    refused: list[Bad] = []
    for row in rows:
        try:
            created = _take_order(desk, row, by=by, salt=salt, at=at)
        except Refused as problem:
            refused.append(Bad(int(row["line"]), "-", problem.slug))
            continue
        applied += created
        skipped += not created
    return Applied(applied, skipped, tuple(refused))


def _take_order(
    desk: Desk, row: Mapping[str, Any], *, by: Actor, salt: bytes, at: datetime
) -> bool:
    """File one order and walk it to where it stood, each step at the time it happened."""
    kind = _one_of("kind", desk.procedures)(str(row["kind"]))
    sub_types = desk.procedures[kind].sub_types
    sub_type = _one_of("sub_type", sub_types)(str(row["sub_type"])) if sub_types else ""
    key = f"import-{row['case_no']}"
    phone = Phone(row["phone"][0]) if row.get("phone") else None
    answers = {"description": row["description"]}
    if kind == "misconduct_report":
        answers["theme"] = "conduct"
    filed = reporting.report(
        desk,
        Report(
            kind=kind,
            sub_type=sub_type,
            occurred_at=datetime.fromisoformat(str(row["occurred_at"])),
            place=str(row.get("place", "")),
            contact=Contact(
                phone=phone,
                name=str(row.get("name", "")),
                address=str(row.get("address", "")),
            ),
            answers=answers,
            channel="paper",
            case_no=str(row["case_no"]),
        ),
        actor=by,
        caller="import",
        key=key,
        salt=salt,
        at=at,
    )
    for number, (move, when, answers) in enumerate(_steps(desk, kind, row), start=2):
        if number <= filed.head.order.version:
            continue
        command = Command(
            move=move,
            actor=Actor(role_for(desk, kind, move), by.actor_id, by.office_id),
            caller="import",
            key=f"{key}-{number}",
            salt=salt,
            at=at,
            answers=answers,
            occurred_at=when,
        )
        handling.move(desk, filed.head.order.order_id, command)
    return filed.created


def role_for(desk: Desk, kind: str, move: str) -> str:
    """Return a role that may make a move: the paper does not say who made it."""
    return min(desk.procedures[kind].moves[move].who)


def _steps(
    desk: Desk, kind: str, row: Mapping[str, Any]
) -> list[tuple[str, datetime, dict[str, Any]]]:
    office = str(row.get("office_id") or desk.snapshot.default_county)
    note = str(row.get("reply") or "历史工单导入")
    moves = desk.procedures[kind].moves
    steps: list[tuple[str, str, dict[str, Any]]] = []
    if row.get("dispatched_at"):
        steps.append(("dispatch", str(row["dispatched_at"]), {"office": office}))
        received = str(row.get("received_at") or row.get("replied_at") or "")
        if received:
            steps.append(("receive", received, {}))
    if row.get("replied_at") and "reply" in moves:
        steps.append(("reply", str(row["replied_at"]), _reply(desk, kind, note)))
    if row.get("closed_at"):
        closing = ["record"] if "record" in moves else ["approve_reply"]
        if "visit_satisfied" in moves:
            closing += ["visit_satisfied", "archive"]
        steps.extend((name, str(row["closed_at"]), {}) for name in closing)
    return [(name, datetime.fromisoformat(when), answers) for name, when, answers in steps]


def _reply(desk: Desk, kind: str, note: str) -> dict[str, Any]:
    """Return a reply with what a unit's old ledger does not say left at the plainest answer."""
    answers: dict[str, Any] = {"note": note}
    plain = {
        "result": ("repaired", "done"),
        "verdict": ("not_upheld",),
        "liability": ("not_liable",),
    }
    for need in desk.procedures[kind].moves["reply"].needs:
        if need.name in plain:
            answers[need.name] = next(c for c in plain[need.name] if c in need.choices)
        elif need.name == "power_back":
            answers[need.name] = True
    return answers
