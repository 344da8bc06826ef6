"""What the network watch found (配网运行监控), and how what it watches stands now.

    question                          table    key                                     calls
    find something, once a day        daybook  pk = <county>/found/<YYYY-MM>, sk =     1 write
                                               <day>/<kind>/<subject> (must be new)
    what was found in a month         daybook  the same pk                             1 a MB
    what stands out in a county now   daybook  pk = <county>/standing                  1 a MB
    how one thing stands              daybook  sk = <kind>/<subject> (version as read) 1 write

A thing that is as it should be has no row, so a reading of it costs nothing; the rows of a county
are those few that stand out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from chalicelib.domain.calendar import local_day
from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.refusal import Busy, Stale

from .desk_rows import DayRow, compact, find, under
from .rows import Unconfirmed, writing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found on one day. subject: `<sort>/<id>`, such as `transformer/T-03`.

    at: when it was so. facts: figures that led to it. order_id: the order that was opened for it.
    """

    county: str
    kind: str
    subject: str
    at: datetime
    transformer_id: str = ""
    order_id: str = ""
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def day(self) -> date:
        """The local day on which it was found."""
        return local_day(self.at)


def add(finding: Finding) -> bool:
    """Keep a finding, unless its day has one of its kind and subject. Return whether it is new.

    Raises Busy.
    """
    row = DayRow(_found(finding.county, finding.day), _key(finding), row=_row(finding), version=0)
    try:
        with writing():
            row.save(DayRow.pk.does_not_exist())
    except Unconfirmed as doubt:
        if doubt.refused:
            return False
        raise Busy(of="store") from doubt
    return True


def of_day(county: str, day: date, kind: str, subject: str) -> Finding | None:
    """Return what was found of a subject on a local day, or None. Raises Busy."""
    row = find(DayRow, _found(county, day), f"{day.isoformat()}/{kind}/{subject}")
    return None if row is None else _finding(county, row)


def in_month(county: str, month: date) -> list[Finding]:
    """Return what was found in the local month of a day, oldest day first. Raises Busy."""
    return [_finding(county, row) for row in under(DayRow, _found(county, month))]


# How things stand -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """How one thing stands: whatever the domain keeps of it, and the version as it was read."""

    state: Mapping[str, Any]
    version: int


def standing(county: str) -> dict[tuple[str, str], Standing]:
    """Return what stands out in a county, by (kind, subject). Raises Busy."""
    found = {}
    for row in under(DayRow, _standing(county)):
        kind, _, subject = row.sk.partition("/")
        found[kind, subject] = Standing(json.loads(row.row), int(row.version))
    return found


def stand(
    county: str, kind: str, subject: str, state: Mapping[str, Any] | None, *, version: int
) -> None:
    """Keep how a thing stands now, or None that it is as it should be. version: 0 for no row.

    Raises Stale when somebody else was there first, and Busy.
    """
    row = DayRow(_standing(county), f"{kind}/{subject}", row="", version=version + 1)
    unchanged = DayRow.version == version if version else DayRow.pk.does_not_exist()
    try:
        with writing():
            if state is None:
                row.delete(unchanged)
            else:
                row.row = compact(dict(state))
                row.save(unchanged)
    except Unconfirmed as doubt:
        if doubt.refused:
            raise Stale(what="standing") from doubt
        raise Busy(of="store") from doubt


# Rows -------------------------------------------------------------------------------------------


def _found(county: str, day: date) -> str:
    return f"{county}/found/{day:%Y-%m}"


def _standing(county: str) -> str:
    return f"{county}/standing"


def _key(finding: Finding) -> str:
    return f"{finding.day.isoformat()}/{finding.kind}/{finding.subject}"


def _row(finding: Finding) -> str:
    return compact(
        {
            "at": millis(finding.at),
            "t": finding.transformer_id,
            "o": finding.order_id,
            "f": dict(finding.facts),
        }
    )


def _finding(county: str, row: DayRow) -> Finding:
    _, kind, subject = row.sk.split("/", 2)
    said = json.loads(row.row)
    return Finding(
        county=county,
        kind=kind,
        subject=subject,
        at=instant(said["at"]),
        transformer_id=said["t"],
        order_id=said["o"],
        facts=MappingProxyType(said["f"]),
    )
