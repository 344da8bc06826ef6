"""Traces (线索): what of an order may be compared to find that another is about the same issue.

    question                            key                                          calls
    keep an order's trace               pk = <county>/traces/<sort>/<key>,           1 a key + 1
                                        sk = <milliseconds>#<order id>
    who else left this, since when      the same pk, sk from then on                 1
    which issue has an order            pk = traces/issue, sk = <order id>           1 read, 1 write
    take an order's traces away         pk = traces, sk = <order id>, then these     1 + 1 a key

Sorts: person (keyed hash of a telephone), account and meter (keyed hashes), place, outage. A row is
the whole trace, so that comparing needs no second read. A projection of orders and of nothing that
can be read back to a person without the secret; it goes when the order's people are forgotten.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.refusal import Busy
from chalicelib.domain.repeats import Trace

from .desk_rows import DayRow, compact, find, page
from .rows import Unconfirmed, asking, house, writing

MOST: Final = 100
"""Traces that one key is asked for: a telephone, an account has few; of a place the first count."""
_OF: Final = "traces"
_ISSUE: Final = "traces/issue"


def put(trace: Trace) -> None:
    """Keep an order's trace; again with the same keys is no news. Raises Busy."""
    keys = [[pk, _sk(trace.at, trace.order_id)] for pk in _keys(trace)]
    row = compact(_to_json(trace))
    # Where they are comes first: whatever is there can be taken away again.
    _keep(DayRow(_OF, trace.order_id, row=compact(keys), version=1))
    for pk, sk in keys:
        _keep(DayRow(pk, sk, row=row, version=1))


def like(trace: Trace, *, since: datetime, lately: datetime) -> dict[str, Trace]:
    """Return the traces that share a key with one, by order, its own left out. Raises Busy.

    since: from when on those of the same person, account or meter count; lately: those of the same
    place or outage.
    """
    found: dict[str, Trace] = {}
    for pk in _keys(trace):
        sort = pk.split("/")[2]
        first = lately if sort in {"place", "outage"} else since
        for row in page(DayRow, pk, limit=MOST, after=_sk(first, "")).items:
            one = _from_json(json.loads(row.row))
            found[one.order_id] = one
    found.pop(trace.order_id, None)
    return found


def set_issue(order_id: str, issue_id: str) -> None:
    """Note which issue an order is of; empty for none any more. Raises Busy."""
    if issue_id:
        _keep(DayRow(_ISSUE, order_id, row=compact(issue_id), version=1))
    else:
        _drop(_ISSUE, order_id)


def issue_of(order_id: str) -> str:
    """Return the id of the issue that an order is of; empty for none. Raises Busy."""
    row = find(DayRow, _ISSUE, order_id)
    return str(json.loads(row.row)) if row else ""


def drop(order_id: str) -> int:
    """Take an order's traces away; return how many rows went. Safe to repeat. Raises Busy."""
    row = find(DayRow, _OF, order_id)
    if row is None:
        return 0
    keys = [(pk, sk) for pk, sk in json.loads(row.row)]
    for pk, sk in keys:
        _drop(pk, sk)
    _drop(_OF, order_id)
    return len(keys)


def _keep(row: DayRow) -> None:
    try:
        with writing():
            row.save()
    except Unconfirmed as doubt:
        raise Busy(of="store") from doubt


def _drop(pk: str, sk: str) -> None:
    with asking():
        house().table(DayRow).delete_item(pk, range_key=sk)


def _keys(trace: Trace) -> Iterator[str]:
    for sort, values in (
        ("person", sorted(trace.people)),
        ("account", [trace.account]),
        ("meter", sorted(trace.meters)),
        ("place", [trace.place]),
        ("outage", [trace.outage]),
    ):
        for value in filter(None, values):
            yield f"{trace.county}/{_OF}/{sort}/{value}"


def _sk(at: datetime, order_id: str) -> str:
    return f"{millis(at):014d}#{order_id}"


def _to_json(trace: Trace) -> dict[str, Any]:
    raw = {
        "id": trace.order_id,
        "k": trace.kind,
        "at": millis(trace.at),
        "co": trace.county,
        "pe": sorted(trace.people),
        "ac": trace.account,
        "me": sorted(trace.meters),
        "pl": trace.place,
        "ca": trace.category,
        "ou": trace.outage,
        "on": trace.event_on.isoformat() if trace.event_on else "",
        "cf": trace.confidential,
        "na": trace.names,
    }
    return {name: value for name, value in raw.items() if value}


def _from_json(raw: dict[str, Any]) -> Trace:
    return Trace(
        order_id=raw["id"],
        kind=raw["k"],
        at=instant(raw["at"]),
        county=raw.get("co", ""),
        people=frozenset(raw.get("pe", ())),
        account=raw.get("ac", ""),
        meters=frozenset(raw.get("me", ())),
        place=raw.get("pl", ""),
        category=raw.get("ca", ""),
        outage=raw.get("ou", ""),
        event_on=date.fromisoformat(raw["on"]) if raw.get("on") else None,
        confidential=raw.get("cf", False),
        names=raw.get("na", ""),
    )
