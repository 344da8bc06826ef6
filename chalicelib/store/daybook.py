"""One row an order and day (日志): what export and search by day read. Nothing in it is personal.

    question                            key                                              calls
    keep an order's row                 pk = <county>#<YYYY-MM-DD>, sk = order id        1 write
    the orders of some days             the same pk, day by day                          1 a day

A projection: the stream writes it, and it can be made again from the ledger at any time.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain.refusal import Busy

from .desk_rows import DayRow, Page, compact, page
from .rows import Unconfirmed, writing

MOST_DAYS: Final = 31
"""Days that one page looks at: a call is bounded even where nothing happened for years."""


@dataclass(frozen=True, slots=True)
class Line:
    """One order on its day. row: as it was put, at that version of the order."""

    day: date
    order_id: str
    version: int
    row: Mapping[str, Any]


def put(county: str, day: date, order_id: str, row: Mapping[str, Any], *, version: int) -> bool:
    """Keep an order's row, unless a newer version is there. Return whether it was kept.

    day: the local day on which the order was recorded, the same for its whole life. The same row
    may be put again. Raises Busy.
    """
    kept = DayRow(_pk(county, day), order_id, row=compact(row), version=version)
    try:
        with writing():
            kept.save(DayRow.version.does_not_exist() | (DayRow.version <= version))
    except Unconfirmed as doubt:
        if doubt.refused:
            return False
        raise Busy(of="store") from doubt
    return True


def lines(
    county: str, first: date, last: date, *, limit: int, after: str | None = None
) -> Page[Line]:
    """Return the orders of these local days, both included, day by day and by number.

    after: of the page before; it says where, and nothing about who may ask. A page may hold fewer
    than `limit`, even none, while `after` says that there are more. Raises ValueError for a cursor
    that is none, and Busy.
    """
    day, order_id = _cursor(after) if after else (first, None)
    found: list[Line] = []
    for _ in range(MOST_DAYS):
        if day > last:
            return Page(tuple(found))
        part = page(DayRow, _pk(county, day), limit=limit - len(found), after=order_id)
        found += (_line(day, row) for row in part.items)
        if part.after is not None:
            return Page(tuple(found), f"{day.isoformat()}#{part.after}")
        day, order_id = day + timedelta(days=1), None
        if len(found) == limit:
            break
    return Page(tuple(found), None if day > last else f"{day.isoformat()}#")


def _pk(county: str, day: date) -> str:
    return f"{county}#{day.isoformat()}"


def _cursor(after: str) -> tuple[date, str | None]:
    day, _, order_id = after.partition("#")
    return date.fromisoformat(day), order_id or None


def _line(day: date, row: DayRow) -> Line:
    return Line(
        day=day,
        order_id=row.sk,
        version=int(row.version),
        row=MappingProxyType(json.loads(row.row)),
    )
