"""Is the ledger as it was written (校验): one chain, a county's days, the seals of an hour.

A chain that was edited, cut in its middle or reordered shows by itself; a tail that was cut off
together with the head shows by the seals, which lie elsewhere, signed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any, Final

from chalicelib.domain import issue, order
from chalicelib.domain.calendar import CHINA, local_day
from chalicelib.domain.order import GENESIS, BrokenChain, Event, Link, link
from chalicelib.domain.outage import is_outage, outage_id_of, verify_against
from chalicelib.domain.paper import is_paper
from chalicelib.domain.refusal import BadInput, Unknown
from chalicelib.outbound import seals
from chalicelib.outbound.seals import SealBroken, Seals
from chalicelib.store import daybook, issues, ledger, orders, outages, papers, resources
from chalicelib.telemetry import alarm
from chalicelib.usecases import reading, sealing
from chalicelib.usecases.desk import Desk

PAGE: Final = 20
MOST_DAYS: Final = 31
MOST_SHOWN: Final = 200
LOOKS: Final = 3
"""How often a chain that did not hold is looked at again before it is called broken."""
BOOKS: Final = frozenset({"access", "forgotten", "grid", "import"})
"""Chains that an office keeps about its own doings: their second part names it."""
_ORDERS, _CHAINS, _HOURS = "orders", "chains", "hours"


@dataclass(slots=True)
class Found:
    """What a walk over days found. cursor: where to go on; None at the end.

    chains: of outages, their announcements, the grid and whatever else is no order.
    elsewhere: what is wrong with chains that are not theirs to know of, counted and not named.
    """

    orders: int = 0
    chains: int = 0
    events: int = 0
    hours: int = 0
    elsewhere: int = 0
    unsealed: list[datetime] = field(default_factory=list)
    bad: list[tuple[str, int, str]] = field(default_factory=list)
    cursor: str | None = None


# One chain ----------------------------------------------------------------------------------------


def owner(desk: Desk, aggregate: str) -> tuple[str, ...] | None:
    """Return the path of the office to which a chain belongs that is no order's; None for none.

    The deployment's own records, such as calendars, belong to the root: the empty path.
    """
    sort, _, rest = aggregate.partition("/")
    if sort in BOOKS:
        return desk.path(rest.partition("/")[0]) or None
    if sort in {"outage", "announcement", "issue"}:
        county = _issue_of(rest)[0] if sort == "issue" else _county_of_outage(rest)
        return (desk.path(county) or None) if county else None
    if sort == "paper":
        return _owner_of_paper(desk, rest)
    if sort in resources.SORTS:
        kept = resources.lookup(sort, rest)
        return desk.path(kept.counties[0]) or None if kept else None
    if sort != "registry":
        return None
    kind, _, key = rest.partition("/")
    return _owner_of_record(desk, kind, key)


def _county_of_outage(outage_id: str) -> str:
    """Return the county of an outage by its head, else by how it began; empty if both are gone."""
    try:
        return outages.get(outage_id).outage.county
    except Unknown:
        pass  # its head was taken away: its first event may be there
    try:
        return str(ledger.event(f"outage/{outage_id}", 1).changes["county"])
    except (Unknown, ValueError, KeyError, TypeError):
        return ""


def is_secret(aggregate: str) -> bool:
    """Return whether a chain is of a report of misconduct, or of nothing that is left (S1.26)."""
    sort, _, rest = aggregate.partition("/")
    return sort == "issue" and _issue_of(rest)[1]


def _issue_of(issue_id: str) -> tuple[str, bool]:
    """Return the county of an issue and whether it is confidential, by its head or its beginning.

    Nobody knows what an issue was of which nothing is left: it counts as a secret one of nobody's.
    """
    try:
        known = issues.get(issue_id).issue
    except Unknown:
        pass  # its head was taken away: its first event may be there
    else:
        return known.county, known.confidential
    try:
        changes = ledger.event(f"issue/{issue_id}", 1).changes
        return str(changes["county"]), bool(changes["confidential"])
    except (Unknown, ValueError, KeyError, TypeError):
        return "", True


def _owner_of_paper(desk: Desk, paper_id: str) -> tuple[str, ...] | None:
    """Return the path of a paper's office, by its first event, which no head can contradict."""
    try:
        office = str(ledger.event(f"paper/{paper_id}", 1).changes["office"])
    except (Unknown, ValueError, KeyError, TypeError):
        return None
    return desk.path(office) or None


def _owner_of_record(desk: Desk, kind: str, key: str) -> tuple[str, ...] | None:
    snapshot = desk.snapshot
    if kind in {"calendar", "setting"}:
        return ()
    if kind in {"office", "duty", "limit"}:
        return desk.path(key.partition("/")[0]) or None
    if kind == "staff":
        return snapshot.staff[key].path if key in snapshot.staff else None
    if kind == "key":
        return desk.path(snapshot.keys[key].office_id) if key in snapshot.keys else None
    if kind == "webhook":
        return desk.path(snapshot.webhooks[key].office_id) if key in snapshot.webhooks else None
    return None


def chain(desk: Desk, aggregate: str) -> dict[str, Any]:
    """Return whether a chain that is no order's holds, and where it breaks first. Raises Busy."""
    sort, _, rest = aggregate.partition("/")
    if sort == "registry":
        kind, _, key = rest.partition("/")
        return _checked(aggregate, version=desk.snapshot.versions.get((kind, key), 0))
    return _checked(aggregate, version=_length(aggregate))


def _checked(aggregate: str, *, version: int | None) -> dict[str, Any]:
    """Verify one chain. version: how long its head says that it is; None where it has no head."""
    count, broken = 0, None
    prev = GENESIS
    for row in ledger.links(aggregate):
        count += 1
        broken = _wrong(row, aggregate, seq=count, prev=prev)
        if broken:
            break
        prev = row.hash
    if broken is None and version is not None and count != version:
        broken = "missing" if count < version else "head-behind"
        count = min(count, version) + 1
    folds = aggregate.startswith(
        ("outage/", "paper/", "issue/", *(f"{sort}/" for sort in resources.SORTS))
    )
    if broken is None and folds and not _is_fold(aggregate):
        broken = "head-differs"
    if broken is None and aggregate.startswith("announcement/"):
        broken = _announced(aggregate)
    if broken:
        return {"ok": False, "events": count, "first_bad": {"seq": count, "why": broken}}
    return {"ok": True, "events": count, "first_bad": None}


def _announced(aggregate: str) -> str | None:
    """Return what is wrong with the announcements of an outage beside their chain; None if sound.

    Each was kept with the digest of what it said. One that nobody put on the chain was not kept by
    the app; one that the chain names and that is gone was taken away.
    """
    said = {str(e.data["id"]): str(e.data["digest"]) for e in ledger.read(aggregate)}
    rows = outages.announcements(aggregate.partition("/")[2])
    kept = {str(row["id"]): outages.digest_of(row) for row in rows}
    if said.keys() - kept.keys():
        return "head-missing"
    return None if said == kept else "head-differs"


def _is_fold(aggregate: str) -> bool:
    """Return whether a head that is one is the fold of its chain."""
    try:
        if is_paper(aggregate):
            order.verify_against(papers.get(aggregate).paper, ledger.links(aggregate))
            return True
        if issue.is_issue(aggregate):
            head = issues.get(issue.issue_id_of(aggregate))
            issue.verify_against(head.issue, ledger.links(aggregate))
            return True
        if not is_outage(aggregate):
            return _is_merge(aggregate)
        verify_against(outages.get(outage_id_of(aggregate)).outage, ledger.links(aggregate))
    except (BrokenChain, Unknown):
        return False
    return True


def _is_merge(aggregate: str) -> bool:
    """Return whether a unit, a loan or a task is what its events made it. Raises Unknown."""
    sort, _, key = aggregate.partition("/")
    made: dict[str, Any] = {}
    for event in ledger.read(aggregate):
        made |= event.changes
    return made == dict(resources.get(sort, key).value)


def _wrong(row: Link, aggregate: str, *, seq: int, prev: str) -> str | None:
    if row.seq != seq:
        return "missing"
    if row.prev != prev:
        return "unlinked"
    if link(row.prev, row.body) != row.hash:
        return "edited"
    event = Event.from_body(row.body, prev=row.prev)
    return None if (event.aggregate, event.seq) == (aggregate, seq) else "moved"


_VERSIONS: Final[Mapping[str, Callable[[str], int]]] = {
    "issue": lambda key: issues.get(key).issue.version,
    "outage": lambda key: outages.get(key).outage.version,
    "paper": lambda key: papers.get(key).paper.version,
}


def _length(aggregate: str) -> int | None:
    """Return how long its head says that a chain is, 0 where that is gone; None where it has none.

    The registry's records are no heads.
    """
    sort, _, rest = aggregate.partition("/")
    try:
        if sort in _VERSIONS:
            return _VERSIONS[sort](rest)
        if sort in resources.SORTS:
            return resources.get(sort, rest).version
    except Unknown:
        return 0
    return None


# Each night ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Night:
    """What the nightly walk found. left: counties that it did not reach the end of."""

    orders: int = 0
    chains: int = 0
    events: int = 0
    hours: int = 0
    unsealed: int = 0
    bad: int = 0
    left: list[str] = field(default_factory=list)


def nightly(
    counties: Sequence[str],
    *,
    port: Seals,
    public_key: str,
    is_out_of_time: Callable[[], bool],
    at: datetime,
) -> Night:
    """Verify what every county recorded on the local day before, its outages too, then its seals.

    Whatever does not hold raises the alarm by the name of its chain. Begins with another county
    each night, so that none is always the last when the time is up. Raises Busy.
    """
    night, day = Night(), local_day(at) - timedelta(days=1)
    first = day.toordinal() % max(1, len(counties))
    for county in (*counties[first:], *counties[:first]):
        if is_out_of_time() or not _all_of(
            county, day, night, port=port, is_out_of_time=is_out_of_time, at=at
        ):
            night.left.append(county)
    for hour in _hours(day, day, at) if public_key else ():
        if port.find(hour) is None:
            night.unsealed += 1
            alarm("ledger.unsealed", hour=hour.isoformat())
            continue
        night.hours += 1
        for gap in sealing.check_hour(port, hour, public_key=public_key):
            _broken(night, gap.aggregate, gap.seq, gap.why)
    if night.left:
        alarm("ledger.unverified", counties=len(night.left))
    return night


def _all_of(
    county: str,
    day: date,
    night: Night,
    *,
    port: Seals,
    is_out_of_time: Callable[[], bool],
    at: datetime,
) -> bool:
    """Walk a county's chains of a day. Return whether the last one was reached."""
    found = days(
        county, day, day, port=port, public_key="", after=None,
        is_out_of_time=is_out_of_time, at=at,
    )  # fmt: skip
    night.orders += found.orders
    night.chains += found.chains
    night.events += found.events
    for aggregate, seq, why in found.bad:
        _broken(night, aggregate, seq, why)
    return found.cursor is None


def _is_broken(aggregate: str, verified: Mapping[str, Any]) -> bool:
    """Look again at a chain that did not hold: its head may have moved while it was read.

    Return whether it never held. Raises Busy.
    """
    return bool(verified["first_bad"]) and not any(_holds(aggregate) for _ in range(LOOKS))


def _holds(aggregate: str) -> bool:
    if not order.is_order(aggregate):
        return bool(_checked(aggregate, version=_length(aggregate))["ok"])
    try:
        return reading.verify(orders.get(aggregate))["first_bad"] is None
    except Unknown:
        return False


def _broken(night: Night, aggregate: str, seq: int, why: str) -> None:
    night.bad += 1
    alarm("ledger.broken", aggregate=aggregate, seq=seq, why=why)


# A county's days ----------------------------------------------------------------------------------


def days(
    county: str,
    first: date,
    last: date,
    *,
    port: Seals,
    public_key: str,
    after: str | None,
    is_out_of_time: Callable[[], bool],
    at: datetime,
    knows: Callable[[str], bool] = lambda _kind: True,
) -> Found:
    """Verify each order that was recorded on these local days, what else is kept, then the seals.

    What else is kept in chains: the county's grid, what it imported, every outage with its
    announcements that is open or intended, or was over on these days or since, and the crews,
    trucks, loans and tasks of supply assurance that it has now, every issue opened then, and every
    paper that is open or was closed since. What does not hold is looked at again by itself: what
    moves while the walk goes by is not broken.

    public_key: empty where there is none; then no seal is looked at. knows: whether who asks may
    know of orders of a kind here; those of others are verified too, and neither named nor counted
    among the orders. Stops when the time is up and says where to go on. Raises BadInput naming
    `to`, `from` or `cursor`, and Busy.
    """
    if last < first:
        raise BadInput.of("to", "field.out_of_range")
    if (last - first).days >= MOST_DAYS:
        raise BadInput.of("from", "days.too_many", most=MOST_DAYS)
    phase, where = _cursor(after, first, last)
    found = Found()
    if phase == _ORDERS and not _orders(
        county, first, last, found, after=where, knows=knows, is_out_of_time=is_out_of_time
    ):
        return found
    if phase != _HOURS:
        after_chain = where if phase == _CHAINS else ""
        span = (first, last)
        if not _others(
            county, span, found, after=after_chain, knows=knows, is_out=is_out_of_time, at=at
        ):
            return found
    begin = datetime.fromisoformat(where) if phase == _HOURS else None
    if public_key:
        hours = (hour for hour in _hours(first, last, at) if begin is None or hour >= begin)
        _seals(
            county,
            hours,
            found,
            port,
            public_key=public_key,
            knows=knows,
            is_out_of_time=is_out_of_time,
        )
    return found


def _cursor(after: str | None, first: date, last: date) -> tuple[str, str]:
    """Return (phase, where in it) of a cursor that we gave out. Raises BadInput naming `cursor`."""
    phase, _, where = (after or f"{_ORDERS}|").partition("|")
    try:
        if phase == _ORDERS:
            day = date.fromisoformat(where.partition("#")[0]) if where else first
            is_ours = first <= day <= last + timedelta(days=1)
        elif phase == _CHAINS:
            is_ours = where.partition("/")[0] in _OTHERS
        else:
            is_ours = phase == _HOURS and datetime.fromisoformat(where).tzinfo is not None
    except ValueError:
        is_ours = False
    if not is_ours:
        raise BadInput.of("cursor", "cursor.invalid")
    return phase, where


_OTHERS: Final = frozenset(
    {"announcement", "grid", "import", "issue", "outage", "paper", *resources.SORTS}
)
MISCONDUCT: Final = "misconduct_report"
"""The kind of orders that who may not know of them may not know of such issues either."""


def _others(
    county: str,
    span: tuple[date, date],
    found: Found,
    *,
    after: str,
    knows: Callable[[str], bool],
    is_out: Callable[[], bool],
    at: datetime,
) -> bool:
    """Walk the chains that are no order's, by name. Return whether the last one was reached."""
    since = datetime.combine(span[0], time(), CHINA).astimezone(UTC)
    kept = [*outages.board(county).heads, *outages.over_since(county, since, at=at)]
    ids = [head.outage.outage_id for head in kept]
    versions = {f"outage/{each.outage.outage_id}": each.outage.version for each in kept}
    for sort in resources.SORTS:
        versions |= {one.aggregate: one.version for one in resources.listed(sort, [county])}
    named = [f"announcement/{each}" for each in ids]
    opened = issues.names_on(county, *span)
    hidden = issues.names_on(county, *span, confidential=True)
    secret = frozenset() if knows(MISCONDUCT) else {f"issue/{each}" for each in hidden}
    versions |= {f"issue/{each}": 0 for each in (*opened, *hidden)}
    versions |= {
        f"issue/{head.issue.issue_id}": head.issue.version
        for head in issues.get_many((*opened, *hidden))
    }
    papered, papered_hidden = (
        papers.names_since(county, since, confidential=secretly) for secretly in (False, True)
    )
    secret |= frozenset() if knows(MISCONDUCT) else {f"paper/{each}" for each in papered_hidden}
    versions |= {f"paper/{each}": 0 for each in (*papered, *papered_hidden)}
    versions |= {
        head.paper.order_id: head.paper.version
        for head in papers.get_many((*papered, *papered_hidden))
    }
    every = sorted({f"grid/{county}", f"import/{county}", *named, *versions})
    left = [each for each in every if each > after]
    for place, aggregate in enumerate(left, start=1):
        version = versions.get(aggregate)
        verified = _checked(aggregate, version=version)
        bad = verified["first_bad"] if _is_broken(aggregate, verified) else None
        if aggregate in secret:
            found.elsewhere += bad is not None
            continue
        if verified["events"]:
            found.chains += 1
            found.events += verified["events"]
        if bad:
            found.bad.append((aggregate, bad["seq"], bad["why"]))
        if place < len(left) and is_out():
            found.cursor = f"{_CHAINS}|{aggregate}"
            return False
    return True


_HEADLESS: Final[Mapping[str, Any]] = {"events": 0, "first_bad": {"seq": 1, "why": "head-missing"}}


def _orders(
    county: str,
    first: date,
    last: date,
    found: Found,
    *,
    after: str,
    knows: Callable[[str], bool],
    is_out_of_time: Callable[[], bool],
) -> bool:
    """Walk the orders. Return whether the last one was reached."""
    cursor: str | None = after or None
    while True:
        page = daybook.lines(county, first, last, limit=PAGE, after=cursor)
        kinds = {line.order_id: str(line.row.get("kind", "")) for line in page.items}
        heads = {head.order.order_id: head for head in orders.get_many(kinds)}
        for number, kind in kinds.items():
            head = heads.get(number)
            verified: Mapping[str, Any] = reading.verify(head) if head else _HEADLESS
            bad = verified["first_bad"] if _is_broken(number, verified) else None
            if not knows(head.order.kind if head else kind):
                found.elsewhere += bad is not None
                continue
            found.orders += 1
            found.events += verified["events"]
            if bad:
                found.bad.append((number, bad["seq"], bad["why"]))
        cursor = page.after
        if cursor is None:
            return True
        if is_out_of_time():
            found.cursor = f"{_ORDERS}|{cursor}"
            return False


def _hours(first: date, last: date, at: datetime) -> Iterator[datetime]:
    """Yield the full hours of local days that are over, in UTC."""
    hour = datetime.combine(first, time(), CHINA).astimezone(UTC)
    end = min(datetime.combine(last + timedelta(days=1), time(), CHINA), at)
    while hour + sealing.HOUR <= end:
        yield hour
        hour += sealing.HOUR


def _seals(
    county: str,
    hours: Iterator[datetime],
    found: Found,
    port: Seals,
    *,
    public_key: str,
    knows: Callable[[str], bool],
    is_out_of_time: Callable[[], bool],
) -> None:
    for hour in hours:
        if is_out_of_time():
            found.cursor = f"{_HOURS}|{hour.isoformat()}"
            return
        if port.find(hour) is None:
            found.unsealed.append(hour)
            continue
        found.hours += 1
        for gap in sealing.check_hour(port, hour, public_key=public_key):
            if _is_elsewhere(gap.aggregate, county, knows):
                found.elsewhere += 1
            else:
                found.bad.append((gap.aggregate.removeprefix("order/"), gap.seq, gap.why))


def _is_elsewhere(aggregate: str, county: str, knows: Callable[[str], bool]) -> bool:
    """Return whether a chain is not theirs to know of: another county's, or of a secret kind."""
    sort, _, rest = aggregate.partition("/")
    if sort == "order":
        owner_, kind = _order_of(rest)
        return owner_ not in {county, ""} or not knows(kind)
    if sort in {"outage", "announcement"}:
        return _county_of_outage(rest) not in {county, ""}
    if sort == "issue":
        owner_, secret = _issue_of(rest)
        return owner_ not in {county, ""} or (secret and not knows(MISCONDUCT))
    if sort in resources.SORTS:
        kept = resources.lookup(sort, rest)
        return kept is not None and county not in kept.counties
    return sort in BOOKS and rest.partition("/")[0] != county


def _order_of(number: str) -> tuple[str, str]:
    """Return (county, kind) of an order by its head, else by how it began; empty if both are gone.

    Nobody knows what an order was of which nothing is left: it counts as one of a secret kind.
    """
    try:
        order = orders.get(number).order
    except Unknown:
        pass  # its head was taken away: its first event may be there
    else:
        return order.county, order.kind
    try:
        changes = ledger.event(number, 1).changes
        return str(changes["county"]), str(changes["kind"])
    except (Unknown, ValueError, KeyError, TypeError):
        return "", ""


def seals_of(port: Seals, day: date, *, public_key: str, at: datetime) -> list[dict[str, Any]]:
    """Return the seals of a local day: what they hold, and whether each is one of ours."""
    rows = []
    for hour in _hours(day, day, at):
        content = port.find(hour)
        if content is None:
            continue
        row = {"hour": hour, "id": sha256(content).hexdigest(), "events": None, "ok": None}
        rows.append({**row, "why": "no-key"} | _read(content, public_key=public_key))
    return rows


def _read(content: bytes, *, public_key: str) -> dict[str, Any]:
    if not public_key:
        return {}
    try:
        sealed = seals.verify(content, public_key=public_key)
    except SealBroken as broken:
        return {"ok": False, "why": str(broken)}
    return {"ok": True, "why": "", "events": len(sealed.digests)}
