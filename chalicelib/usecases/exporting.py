"""Orders as a table (导出): masked, unless somebody may see and says why; on record either way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.domain import words
from chalicelib.domain.contact import Phone
from chalicelib.domain.refusal import Unknown
from chalicelib.store import orders, personal
from chalicelib.usecases import queueing, revealing, sheets
from chalicelib.usecases.desk import Viewer, actor_of
from chalicelib.usecases.queueing import Filter

MOST_ROWS: Final = 10_000
PAGE: Final = 100
COLUMNS: Final = (
    "number",
    "kind",
    "sub_type",
    "stage",
    "channel",
    "case_no",
    "office_name",
    "assignee_name",
    "occurred_at",
    "due_at",
    "level",
    "chips",
    "place_name",
    "phone_masked",
    "summary",
)
WORDED: Final = ("kind", "sub_type", "stage", "channel")


@dataclass(frozen=True, slots=True)
class Export:
    """A finished file, and whether rows were left out because there were too many."""

    content: bytes
    rows: int
    is_cut: bool


def export(
    viewer: Viewer, wanted: Filter, *, form: str, reason: str | None, language: str
) -> Export:
    """Return the orders of a span of days as CSV or XLSX. Raises BadInput, Busy.

    reason: why telephones are to be there in full, None to leave them masked; the caller has seen
    to it that the viewer may. The record names every order that was revealed, and is written before
    the file leaves.
    """
    if reason is not None:
        revealing.check_reason(reason)
    found: list[dict[str, Any]] = []
    for row in _all(viewer, wanted):
        if len(found) == MOST_ROWS:
            break
        found.append(row)
    is_cut = len(found) == MOST_ROWS
    _record(viewer, found, reason=reason)
    phones = {} if reason is None else _phones(found)
    headers = [words.say(f"column.{name}", language) for name in COLUMNS]
    lines = [_line(row, phones, language) for row in found]
    if form == "xlsx":
        title = words.say("column.sheet", language)
        return Export(sheets.to_xlsx(title, headers, lines), len(found), is_cut)
    return Export(sheets.to_csv(headers, lines), len(found), is_cut)


def _all(viewer: Viewer, wanted: Filter) -> Iterator[dict[str, Any]]:
    after: str | None = None
    while True:
        page = queueing.of_days(viewer, wanted, limit=PAGE, after=after)
        yield from page.rows
        after = page.after
        if after is None:
            return


def _record(viewer: Viewer, rows: Sequence[Mapping[str, Any]], *, reason: str | None) -> None:
    counties: dict[str, list[str]] = {}
    for row in rows:
        counties.setdefault(row["county"], []).append(row["number"])
    for county, numbers in (counties or {viewer.staff.office_id: []}).items():
        data: dict[str, Any] = {"rows": len(numbers), "revealed": reason is not None}
        if reason is not None:
            data |= {"reason": reason, "orders": numbers}
        by = actor_of(viewer.staff)
        revealing.record(revealing.EXPORTED, county, data, by=by, at=viewer.at)


def _phones(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the telephone of each order that still has one, as it is dialled here."""
    found: dict[str, str] = {}
    for head in orders.get_many(row["number"] for row in rows):
        order_id = head.order.order_id
        try:
            kept = personal.contact(str(head.shown.get("party", "")), order_id).contact
        except Unknown:
            continue  # forgotten: the masked form is all there is
        if kept.get("phone"):
            found[order_id] = Phone(str(kept["phone"])).national
    return found


def _line(row: Mapping[str, Any], phones: Mapping[str, str], language: str) -> list[str]:
    clock = row["clock"] or {}
    level = clock.get("level", "")
    cells = {
        **row,
        **{name: _label(name, row[name], language) for name in WORDED},
        "due_at": clock.get("due_at") or "",
        "level": _label("level", level, language),
        "chips": "、".join(row["chips"]),
        "phone_masked": phones.get(row["number"], row["phone_masked"]),
    }
    return [str(cells[name]) for name in COLUMNS]


def _label(sort: str, slug: str, language: str) -> str:
    """Return the words of a slug; the slug itself where a platform brought one of its own."""
    key = f"{sort}.{slug}"
    return words.say(key, language) if slug and words.has(key) else slug
