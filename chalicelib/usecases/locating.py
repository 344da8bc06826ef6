"""What is reported becomes evidence, and evidence outages (故障定位): kept, weighed, acted upon.

Evidence is kept by feeder map, once for its source and sequence. Whenever some arrives, all that is
known of the substation's feeders is weighed again (`domain/inference`), and the county's outages
are brought to what follows: opened, raised, widened, withdrawn, taken into another. Each step
passes the board's gate and is decided again on what the board then holds, so two who infer at once
make one outage. A person's word is never overridden. Whoever was told that power is off is told by
a person that it is back: a device's word only starts the clock of entering it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import chain
from typing import Any, Final

from chalicelib.domain import inference
from chalicelib.domain import outage_moves as moves
from chalicelib.domain.calendar import local_day
from chalicelib.domain.clocks import instant, millis
from chalicelib.domain.inference import Evidence, Inference, Known, Ladder, Level, Suspicion, Word
from chalicelib.domain.inference.evidence import DARK as SAYS_DARK
from chalicelib.domain.inference.evidence import LIVE as SAYS_LIVE
from chalicelib.domain.inference.evidence import SWITCHED, Verdict
from chalicelib.domain.inference.evidence import Kind as Heard
from chalicelib.domain.limits import Limit
from chalicelib.domain.order import Actor
from chalicelib.domain.outage import (
    OPEN,
    UNANSWERED,
    UNCONFIRMED,
    Kind,
    Outage,
    State,
    free,
    spells,
)
from chalicelib.domain.outage_moves import Act, Made
from chalicelib.domain.procedure import SKEW
from chalicelib.domain.reach import Reach
from chalicelib.domain.refusal import BadInput, GateClosed, IllegalMove, Stale
from chalicelib.domain.staff import Outsider, Relation, relation
from chalicelib.store import customers, grid, orders, outages
from chalicelib.store.customers import Household
from chalicelib.store.outages import Board, Change, Head
from chalicelib.telemetry import log
from chalicelib.usecases import joining, tracing
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.outages import MOST_DEVICES, feeders_of, shown_of
from chalicelib.usecases.tracing import Grid

SYSTEM: Final = Actor(Outsider.SYSTEM.value, "inference")
CALLER_BYTES: Final = 8
NEVER: Final = datetime.min.replace(tzinfo=UTC)
MOST_STEPS: Final = 400
TRIES: Final = 12
METERED: Final = SAYS_LIVE | {Heard.METER_OFF}
"""What only a metering platform that is heard can say."""
SORTS: Final = ("device", "transformer", "meter", "account", "phone")
NOWHERE: Final = "unplaced"
UNPLACED_KEPT: Final = timedelta(days=7)
_BY_KIND: Final[Mapping[Heard, str]] = {
    Heard.CALL: "calls",
    Heard.METER_OFF: "meter_off",
    Heard.DEVICE_OPEN: "device_open",
    Heard.FAULT_INDICATOR: "indicators",
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an office may set of it: the limits `inference.*`.

    window: how far back evidence is weighed. early: how long before an outage's start a report may
    already be of it. denial: how long nobody asks again about a device that a person said is well.
    patience, callers: how long a suspicion from calls alone waits, and from how many households.
    unanswered: how long a suspicion stays that nobody answers and of which no more is heard.
    """

    window: timedelta
    early: timedelta
    denial: timedelta
    patience: timedelta
    callers: int
    unanswered: timedelta

    @staticmethod
    def of(desk: Desk, office_id: str, *, at: datetime) -> "Bounds":
        """Return what holds for an office, as the rule set says for one that is unknown."""

        def limit(name: str) -> Limit:
            offices = desk.path(office_id)[::-1]
            return desk.book.find(f"inference.{name}", on=local_day(at), offices=offices)

        return Bounds(
            window=limit("window").duration,
            early=limit("early").duration,
            denial=limit("denial").duration,
            patience=limit("patience").duration,
            callers=limit("callers").number,
            unanswered=limit("unanswered").duration,
        )


# Taking in --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reported:
    """One event as a platform sends it. sort: one of SORTS; source, sequence: which event it is.

    lockout: of a device that opened, that it stays open (`Evidence`).
    """

    kind: str
    sort: str
    subject: str
    source: str
    sequence: int
    occurred_at: datetime
    confidence: float = 1.0
    lockout: bool = False


@dataclass(slots=True)
class Taken:
    """What became of a batch, by the place of each event in it."""

    accepted: int = 0
    duplicate: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    unknown: list[tuple[int, str]] = field(default_factory=list)
    outages: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where an event belongs: a map, and what it is about there."""

    county: str
    sheet: str
    subject: str
    meter: str = ""


def take(desk: Desk, events: Sequence[Reported], *, office_id: str, by: str, at: datetime) -> Taken:
    """Take in a batch of events of an office's area, and act on what follows. Raises Busy, Stale.

    by: who sends them; their sources are told apart by it. What names nothing that is known there
    is kept on a list that somebody sees. Sending a batch again changes nothing; a sequence that
    stood for something else before is refused by name, for its sender may have begun to count anew.
    """
    taken = Taken()
    found, lost = _sorted(desk, events, taken, office_id=office_id, by=by, at=at)
    if lost:
        grid.add_evidence(office_id, NOWHERE, lost, at=at)
    touched: dict[str, list[str]] = {}
    for (county, sheet), some in found.items():
        fresh = _fresh(desk, county, sheet, some.values(), at=at)
        known = _known_as(fresh.kept, fresh.news)
        for index, each in some.items():
            if known[each.source, each.sequence] != _what(each):
                taken.refused.append((index, "event.sequence"))
        taken.accepted += len(fresh.news)
        if fresh.news:
            grid.add_evidence(county, sheet, [_to_json(each) for each in fresh.news], at=at)
        touched.setdefault(county, []).append(sheet)
    taken.refused.sort()
    taken.duplicate = len(events) - taken.accepted - len(taken.refused) - len(taken.unknown)
    for county, sheets in touched.items():
        taken.outages += infer(desk, county, sheets, at=at)
    return taken


def _sorted(
    desk: Desk, events: Sequence[Reported], taken: Taken, *, office_id: str, by: str, at: datetime
) -> tuple[dict[tuple[str, str], dict[int, Evidence]], list[dict[str, Any]]]:
    """Return the evidence by county and map, by its place in the batch; what belongs nowhere."""
    found: dict[tuple[str, str], dict[int, Evidence]] = {}
    lost: list[dict[str, Any]] = []
    placed = _place(desk, events, office_id=office_id)
    window = Bounds.of(desk, office_id, at=at).window
    for index, (event, where) in enumerate(zip(events, placed, strict=True)):
        code = _unusable(event, at, window)
        if code:
            taken.refused.append((index, code))
        elif where is None:
            taken.unknown.append((index, event.subject))
            lost.append(_lost(event, at))
        else:
            some = found.setdefault((where.county, where.sheet), {})
            some[index] = _evidence(event, where, by=by, at=at)
    return found, lost


def _unusable(event: Reported, at: datetime, window: timedelta) -> str:
    if event.occurred_at > at + SKEW:
        return "occurred_at.in_future"
    if event.occurred_at < at - window:
        return "event.too_old"
    is_of_device = Heard(event.kind) in SWITCHED | {Heard.FAULT_INDICATOR}
    if is_of_device and event.sort != "device":
        return "event.subject"
    if event.lockout and Heard(event.kind) is not Heard.DEVICE_OPEN:
        return "event.lockout"
    return ""


def _place(desk: Desk, events: Sequence[Reported], *, office_id: str) -> list[_Placed | None]:
    """Return where each event belongs; None for what is unknown, or of another office's area."""
    wanted: dict[str, set[str]] = {sort: set() for sort in SORTS}
    for event in events:
        wanted[event.sort].add(event.subject)
    account_of = grid.places_of("meter", wanted["meter"])
    homes = customers.find_households(wanted["account"] | set(account_of.values()))
    callers = tracing.homes_of_phones(wanted["phone"], secret=desk.secret)
    transformers = {home.transformer_id for home in (*homes.values(), *callers.values())}
    known = grid.places_of("device", wanted["device"] | wanted["transformer"] | transformers)
    mine = desk.path(office_id)

    def at_home(device: str) -> tuple[str, str] | None:
        if device not in known:
            return None
        county, sheet = tracing.split_home(known[device])
        stands = relation(mine, desk.path(county)) if mine else Relation.FOREIGN
        return (county, sheet) if stands in {Relation.OWN, Relation.BELOW} else None

    def placed(event: Reported) -> _Placed | None:
        if event.sort in {"device", "transformer"}:
            home = at_home(event.subject)
            return _Placed(*home, event.subject) if home else None
        account = account_of.get(event.subject, "") if event.sort == "meter" else event.subject
        household = (callers if event.sort == "phone" else homes).get(account)
        home = at_home(household.transformer_id) if household else None
        if household is None or home is None:
            return None
        meter = event.subject if event.sort == "meter" else household.account_no
        return _Placed(*home, _subject_of(household), meter)

    return [placed(event) for event in events]


def _subject_of(household: Household) -> str:
    return household.load_id or household.transformer_id


def _evidence(event: Reported, where: _Placed, *, by: str, at: datetime) -> Evidence:
    return Evidence(
        kind=Heard(event.kind),
        subject=where.subject,
        source=f"{by}/{event.source}",
        sequence=event.sequence,
        occurred_at=min(event.occurred_at, at),
        recorded_at=at,
        meter=where.meter,
        confidence=event.confidence,
        lockout=event.lockout,
    )


@dataclass(frozen=True, slots=True)
class _Fresh:
    """What is not kept yet of some evidence, each once; and what is kept."""

    news: tuple[Evidence, ...]
    kept: tuple[Evidence, ...]


def _fresh(
    desk: Desk, county: str, sheet: str, some: Iterable[Evidence], *, at: datetime
) -> _Fresh:
    window = Bounds.of(desk, county, at=at).window
    kept = [
        _from_json(raw) for raw in grid.evidence_since(county, sheet, at - window) if "s" in raw
    ]
    known = {(each.source, each.sequence) for each in kept}
    fresh: dict[tuple[str, int], Evidence] = {}
    for each in some:
        key = (each.source, each.sequence)
        if key not in known:
            fresh.setdefault(key, each)
    return _Fresh(tuple(fresh.values()), tuple(kept))


_What = tuple[Heard, str, str, bool]


def _known_as(*some: Iterable[Evidence]) -> dict[tuple[str, int], _What]:
    """Return what each source and sequence stands for: what was heard of it first."""
    found: dict[tuple[str, int], _What] = {}
    for each in chain.from_iterable(some):
        found.setdefault((each.source, each.sequence), _what(each))
    return found


def _what(each: Evidence) -> _What:
    return each.kind, each.subject, each.meter, each.lockout


def _to_json(each: Evidence) -> dict[str, Any]:
    raw: dict[str, Any] = {
        "k": each.kind.value,
        "u": each.subject,
        "s": each.source,
        "n": each.sequence,
        "o": millis(each.occurred_at),
        "r": millis(each.recorded_at),
    }
    if each.meter:
        raw["m"] = each.meter
    if each.confidence < 1:
        raw["c"] = each.confidence
    if each.lockout:
        raw["l"] = 1
    return raw


def _from_json(raw: Mapping[str, Any]) -> Evidence:
    return Evidence(
        kind=Heard(raw["k"]),
        subject=raw["u"],
        source=raw["s"],
        sequence=raw["n"],
        occurred_at=instant(raw["o"]),
        recorded_at=instant(raw["r"]),
        meter=raw.get("m", ""),
        confidence=raw.get("c", 1.0),
        lockout=bool(raw.get("l")),
    )


def _lost(event: Reported, at: datetime) -> dict[str, Any]:
    return {
        "kind": event.kind,
        "sort": event.sort,
        "subject": f"****{event.subject[-3:]}" if event.sort == "phone" else event.subject,
        "source": event.source,
        "at": millis(min(event.occurred_at, at)),
    }


def unplaced(office_ids: Iterable[str], *, at: datetime) -> list[dict[str, Any]]:
    """Return the events of the last days that named nothing known, each subject once. Raises Busy.

    With how often it came and when last; the newest first.
    """
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for office_id in office_ids:
        for raw in grid.evidence_since(office_id, NOWHERE, at - UNPLACED_KEPT):
            key = (office_id, raw["sort"], raw["subject"])
            before = found.get(key, {"count": 0, "at": 0})
            found[key] = {
                "office": office_id,
                "sort": raw["sort"],
                "subject": raw["subject"],
                "kind": raw["kind"],
                "source": raw["source"],
                "count": before["count"] + 1,
                "at": max(before["at"], raw["at"]),
            }
    return sorted(found.values(), key=lambda one: (-one["at"], one["subject"]))


# A caller's report ------------------------------------------------------------------------------


def hear(desk: Desk, order_id: str, *, at: datetime) -> list[str]:
    """Take a report of no power as evidence, and let it join the outage that darkens its place.

    Returns the outages that it touched. Done again it changes nothing. Raises Unknown, Busy, Stale.
    """
    head = orders.get(order_id)
    order = head.order
    place = str(order.facts.get("place", ""))
    if not place or order.closed_at is not None or not joining.is_about_power(order):
        return []
    home = grid.places_of("device", [place]).get(place)
    touched: list[str] = []
    household = joining.household_of(head)
    load = household.load_id if household is not None else ""
    if home is not None and order.facts.get("symptom") == joining.NO_POWER:
        county, sheet = tracing.split_home(home)
        window = Bounds.of(desk, county, at=at).window
        party = str(head.shown.get("party", ""))
        call = Evidence(
            kind=Heard.CALL,
            subject=load or place,
            source=f"order/{order_id}",
            sequence=0,
            occurred_at=max(order.occurred_at, order.recorded_at - window),
            recorded_at=order.recorded_at,
            meter=household.account_no if household else _caller(desk, party or order_id),
        )
        if _fresh(desk, county, sheet, [call], at=at).news:
            grid.add_evidence(county, sheet, [_to_json(call)], at=at)
        touched += infer(desk, county, [sheet], at=at)
    for outage in outages.board(order.county).outages:
        if outage.rule.joinable and outage.state in OPEN and joining.covers(outage, place, load):
            joining.join(desk, order_id, outage.outage_id, at=at)
            touched.append(outage.outage_id)
    return list(dict.fromkeys(touched))


def _caller(desk: Desk, who: str) -> str:
    """Return by what one who calls twice is known again where no account is named."""
    return desk.derive("caller", who)[:CALLER_BYTES].hex()


# Weighing ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Weighed:
    """Everything that is known of some maps, and what follows."""

    grid: Grid
    evidence: tuple[Evidence, ...]
    told: Inference

    @cached_property
    def states(self) -> Mapping[str, Evidence]:
        """The last that each switched device said of itself."""
        said = (each for each in self.evidence if each.kind in SWITCHED)
        return {each.subject: each for each in sorted(said, key=lambda one: one.occurred_at)}

    @cached_property
    def lit(self) -> Mapping[str, datetime]:
        """When each load last said that it has power."""
        found: dict[str, datetime] = {}
        for each in self.evidence:
            if each.kind in SAYS_LIVE:
                found[each.subject] = max(each.occurred_at, found.get(each.subject, NEVER))
        return found


def infer(desk: Desk, county: str, sheets: Iterable[str], *, at: datetime) -> list[str]:
    """Weigh what is known around some maps, and act on it. Returns the outages that it moved.

    What must wait is armed to be weighed again. Raises Busy, and Stale when others were faster
    again and again.
    """
    return list(_infer(desk, county, sheets, at=at).moved)


def _infer(desk: Desk, county: str, sheets: Iterable[str], *, at: datetime) -> "_Acted":
    moved: dict[str, None] = {}
    until: datetime | None = None
    for found in _grids(county, sheets):
        for _ in range(TRIES):
            board = outages.board(county)
            weighed = weigh(desk, found, board, at=at)
            try:
                acted = _act_on(desk, weighed, board, at=at)
            except Stale:
                log("inference.raced", county=county)
                continue
            moved.update(dict.fromkeys(acted.moved))
            if acted.until is not None:
                outages.wait(county, _sheet_of(found), until=acted.until)
                until = min(acted.until, until or acted.until)
            break
        else:
            raise Stale(what="board")
    return _Acted(tuple(moved), until)


def _sheet_of(found: Grid) -> str:
    """Return the map by which a network is weighed again."""
    return min(sheet.name for sheet in found.sheets)


def _grids(county: str, sheets: Iterable[str]) -> Iterator[Grid]:
    """Yield the networks in which some maps are weighed: with all that shares their substation."""
    left = dict.fromkeys(sheets)
    known = {str(sheet.map.key): sheet.name for sheet in tracing.sheets_of(county)}
    while left:
        name = next(iter(left))
        near = tracing.around(county, [name])
        above = {known[str(key)] for sheet in near.sheets for key in sheet.map.above
                 if str(key) in known and not key.is_feeder}  # fmt: skip
        whole = tracing.around(county, [name, *sorted(above)])
        for sheet in whole.sheets:
            left.pop(sheet.name, None)
        left.pop(name, None)
        if whole.sheets:
            yield whole


def weigh(desk: Desk, found: Grid, board: Board, *, at: datetime) -> Weighed:
    """Return what the evidence of a network says at an instant. Raises Busy."""
    bounds = Bounds.of(desk, found.county, at=at)
    rows = list(
        chain.from_iterable(
            grid.evidence_since(found.county, sheet.name, at - bounds.window)
            for sheet in found.sheets
        )
    )
    named = dict.fromkeys(str(raw[tracing.POINTER]) for raw in rows if tracing.POINTER in raw)
    mine = frozenset(found.devices)
    open_ids = {each.outage_id for each in board.outages}
    over = [
        head.outage for head in outages.get_many(each for each in named if each not in open_ids)
    ]
    near = [each for each in (*board.outages, *over) if mine & frozenset(each.devices)]
    said = [_from_json(raw) for raw in rows if "k" in raw]
    kept = tuple(_not_over(found, said, near, early=bounds.early))
    office = desk.office(found.county)
    ladder = Ladder.of(desk.book, on=local_day(at), offices=office.upwards)
    told = inference.infer(
        found.tree,
        kept,
        known=_known(found, kept),
        ladder=ladder,
        at=at,
        words=[word for each in near for word in _words(each, at, bounds.denial)],
    )
    return Weighed(found, kept, told)


def _known(found: Grid, said: Iterable[Evidence]) -> Known:
    """Return what is known of a network: its meters report where one of them has, lately.

    A metering platform that never said a word here says nothing by its silence either.
    """
    speaks = any(each.kind in METERED for each in said)
    reporting = {load.transformer_id for load in found.network.loads} if speaks else ()
    return Known.of(found.network, reporting=reporting)


def _not_over(
    found: Grid, said: Iterable[Evidence], near: Iterable[Outage], *, early: timedelta
) -> Iterator[Evidence]:
    """Yield what does not speak of an interruption that has ended, or of one that was none.

    That it was none is a person's word: what inference took back for want of reports is weighed
    again with the next one. That a device opened and closed again stays: it explains what else went
    dark then.
    """
    ended = list(_ended(found, near, early))
    told = tuple(said)
    closed: dict[str, datetime] = {}
    for each in told:
        if each.kind is Heard.DEVICE_CLOSE:
            closed[each.subject] = max(each.occurred_at, closed.get(each.subject, NEVER))
    for each in told:
        has_closed = each.kind in SWITCHED and each.occurred_at <= closed.get(each.subject, NEVER)
        if (
            each.kind in SAYS_LIVE
            or has_closed
            or not any(
                since <= each.occurred_at <= until and _is_of(found, each, devices, loads)
                for devices, loads, since, until in ended
            )
        ):
            yield each


def _ended(
    found: Grid, near: Iterable[Outage], early: timedelta
) -> Iterator[tuple[frozenset[str], frozenset[str], datetime, datetime]]:
    """Yield the devices and loads of each interruption that is over or was none; from, until."""
    for outage in near:
        devices = frozenset(outage.devices)
        for spell in spells(outage):
            if spell.until is not None:
                loads = found.loads_in(spell.reach)
                yield devices, loads, spell.since - early, spell.until
        for step in outage.steps.values():
            if step.change == "wrong" and outage.has_human_word:
                loads = found.loads_in(step.reach)
                yield devices, loads, (outage.since or step.at) - early, step.recorded_at


def _is_of(found: Grid, each: Evidence, devices: frozenset[str], loads: frozenset[str]) -> bool:
    if each.subject in loads or each.subject in devices:
        return True
    if each.kind in SAYS_DARK:
        own = found.loads_at.get(each.subject, ())
        return bool(own) and loads.issuperset(own)
    return bool(found.behind_alone(each.subject) & loads)


def _words(outage: Outage, at: datetime, denial: timedelta) -> Iterator[Word]:
    """Yield what people said of its devices: what is switched on purpose is known as well."""
    if outage.state is State.CANCELLED:
        if outage.word[:1] != ("denied",) or outage.closed_at is None:
            return
        if outage.closed_at < at - denial:
            return
        verdict, when = Verdict.DENIED, outage.closed_at
    elif outage.state in OPEN and (outage.word[:1] == ("confirmed",) or outage.rule.planned):
        verdict, when = Verdict.CONFIRMED, outage.since or outage.recorded_at
    else:
        return
    by = outage.word[2] if len(outage.word) > 2 else "plan"  # noqa: PLR2004 - word, role, who
    for device in outage.devices:
        yield Word(device_id=device, verdict=verdict, by=by, at=when)


# Acting -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Step:
    """One commit: who changes and how. shown: of a new outage."""

    changes: tuple[tuple[Head | None, Made], ...]
    shown: Mapping[str, Any] | None = None


class _Deciding:
    """What the board lacks of what was inferred: one step at a time, the board read anew after."""

    def __init__(self, desk: Desk, weighed: Weighed, board: Board, *, at: datetime) -> None:
        self.desk, self.weighed, self.board, self.at = desk, weighed, board, at
        self.grid = weighed.grid
        self.rules = desk.rules(weighed.grid.county)
        self.bounds = Bounds.of(desk, weighed.grid.county, at=at)
        self.until: datetime | None = None  # before then what waits is not decided
        self.act = Act(SYSTEM, at, at)
        mine = frozenset(self.grid.devices)
        self.heads = [
            head
            for head in board.heads
            if head.outage.state in OPEN and mine & frozenset(head.outage.devices)
        ]
        self.inferred = sorted(weighed.told.suspicions, key=lambda one: not one.inside)
        self.claimed: dict[int, Head] = {}
        for place, suspicion in enumerate(self.inferred):
            found = self._same(suspicion)
            if found is not None:
                self.claimed[place] = found
        self.taken = {head.outage.outage_id for head in self.claimed.values()}

    def _same(self, suspicion: Suspicion) -> Head | None:
        """Return the outage of the same devices."""
        devices = frozenset(suspicion.devices)
        found = [head for head in self.heads if devices & frozenset(head.outage.devices)]
        return min(found, key=lambda head: head.outage.recorded_at, default=None)

    def next(self) -> _Step | None:
        """Return the next thing to do; None when the board holds all that was inferred.

        What has grown old goes first, so that it is not taken for a part of what is new.
        """
        for head in self.heads:
            if self._is_stale(head.outage):
                return self._one(head, moves.withdraw(
                    head.outage, self.act, reason=UNANSWERED, rules=self.rules,
                ))  # fmt: skip
        for place, suspicion in enumerate(self.inferred):
            if suspicion.word is None and suspicion.loads:
                step = self._of(suspicion, self.claimed.get(place))
                if step is not None:
                    return step
        for head in self.heads:
            step = self._left(head)
            if step is not None:
                return step
        return None

    def _of(self, suspicion: Suspicion, own: Head | None) -> _Step | None:
        if own is None:
            return self._opened(suspicion)
        old = self._overtaken(suspicion, own)
        if old is not None:
            given, taken = self._handed(old, own.outage, suspicion)
            return _Step(((own, taken), (old, given)))
        if own.outage.has_human_word or own.outage.kind is not Kind.FAULT:
            return None
        return self._nested(suspicion, own) or self._changed(suspicion, own)

    def _reach(self, suspicion: Suspicion) -> Reach:
        return self.grid.reach(suspicion.sure or suspicion.loads)

    def _overtaken(self, suspicion: Suspicion, own: Head | None) -> Head | None:
        """Return an inferred outage of other devices of which this suspicion explains a part now.

        What is dark only if its rivals are wrong explains nothing yet.
        """
        reach = self._reach(suspicion)
        for head in self.heads:
            outage = head.outage
            is_own = own is not None and own.outage.outage_id == outage.outage_id
            if is_own or outage.has_human_word or outage.kind is not Kind.FAULT:
                continue
            if outage.outage_id not in self.taken and outage.dark & reach:
                return head
        return None

    def _handed(self, old: Head, new: Outage, suspicion: Suspicion) -> tuple[Made, Made]:
        """Hand over what the suspicion explains, with its callers' orders. The rest stays."""
        outage, part = old.outage, old.outage.dark & self._reach(suspicion)
        orders: tuple[str, ...] = ()
        if outage.dark - part:
            orders = joining.lying_in(part, (*outage.children, *outage.dangers))
        return moves.transfer(outage, new, self.act, reach=part, orders=orders, rules=self.rules)

    def _opened(self, suspicion: Suspicion) -> _Step | None:
        old = self._overtaken(suspicion, None)
        if old is None and self._waits(suspicion):
            return None
        outer = self._outer(suspicion)
        beside = {each.outage.outage_id for each in (old, outer) if each is not None}
        others = [each for each in self.board.outages if each.outage_id not in beside]
        reach = free(self._reach(suspicion), others)
        if not reach:
            return None
        devices = suspicion.devices[:MOST_DEVICES]
        county = self.grid.county
        stations = tracing.stations_of(county, reach, at=self.at)
        made = moves.open_outage(
            self.act,
            outage_id=tracing.number_of(
                self.desk, county, *devices, str(millis(self.at)), at=self.at
            ),
            kind=Kind.FAULT,
            county=county,
            office=stations[0] if len(stations) == 1 else county,
            devices=devices,
            feeders=feeders_of(self.grid, reach),
            reach=reach,
            since=min(suspicion.began_at or self.at, self.at),
            grade=State(suspicion.level.value),
            rules=self.rules,
            others=others,
            on_trip=suspicion.held_until is not None,
        )
        shown = {
            **shown_of(county, self.grid, devices, reach, at=self.at),
            "evidence": counts(suspicion.evidence_for),
        }
        if old is not None:
            given, taken = self._handed(old, made.outage, suspicion)
            both = Made(taken.outage, (*made.events, *taken.events))
            return _Step(((None, both), (old, given)), shown)
        if outer is not None and (outer.outage.dark - reach):
            upper, lower = moves.nest(outer.outage, made.outage, self.act, rules=self.rules)
            both = Made(lower.outage, (*made.events, *lower.events))
            return _Step(((None, both), (outer, upper)), shown)
        return _Step(((None, made),), shown) if outer is None else None

    def _waits(self, suspicion: Suspicion) -> bool:
        """Whether too few have called so far, and nothing else speaks for it.

        One who calls alone is looked after by the own order: a suspicion takes a second household.
        """
        heard = suspicion.evidence_for
        if not heard or any(each.kind is not Heard.CALL for each in heard):
            return False
        if len({(each.subject, each.meter) for each in heard}) < self.bounds.callers:
            return True
        if suspicion.level is Level.CONFIRMED:
            return False
        return self._is_early(min(each.recorded_at for each in heard) + self.bounds.patience)

    def _is_early(self, until: datetime) -> bool:
        """Whether it is too early, and when that is over."""
        if self.at >= until:
            return False
        self.until = min(until, self.until or until)
        return True

    def _outer(self, suspicion: Suspicion) -> Head | None:
        """Return the outage in which this one lies, where it is on the board."""
        inside = frozenset(suspicion.inside)
        found = (head for head in self.heads if inside & frozenset(head.outage.devices))
        return next(found, None)

    def _nested(self, suspicion: Suspicion, own: Head) -> _Step | None:
        outer = self._outer(suspicion)
        if outer is None or own.outage.above or outer.outage.above == own.outage.outage_id:
            return None
        try:
            upper, lower = moves.nest(outer.outage, own.outage, self.act, rules=self.rules)
        except (BadInput, IllegalMove):
            return None
        return _Step(((own, lower), (outer, upper)))

    def _changed(self, suspicion: Suspicion, own: Head) -> _Step | None:
        outage = own.outage
        is_open = outage.state in UNCONFIRMED
        is_sure = is_open or suspicion.level is Level.CONFIRMED
        extra = free(self._reach(suspicion), self.board.outages)
        if extra and is_sure and not _was_back(outage, extra):
            since = min(suspicion.began_at or self.at, self.at)
            return self._one(own, moves.extend(
                outage, self.act, reach=extra, since=since, others=self._beside(outage),
                rules=self.rules,
            ))  # fmt: skip
        gone = outage.dark - self.grid.reach(suspicion.loads)
        if is_open and gone and outage.dark - gone:
            return self._one(own, moves.shrink(outage, self.act, reach=gone, rules=self.rules))
        grade = State(suspicion.level.value)
        held = suspicion.held_until is not None
        if held and grade is State.SUSPECTED:
            grade = outage.state
        named = sorted(suspicion.devices[:MOST_DEVICES])
        lasts = not held and outage.hold_until is not None and outage.hold_until > self.at
        if is_open and (grade is not outage.state or named != sorted(outage.devices)):
            return self._one(
                own,
                moves.assess(
                    outage, self.act, grade=grade, devices=named, lasts=lasts, rules=self.rules
                ),
            )
        return None

    def _beside(self, outage: Outage) -> list[Outage]:
        return [each for each in self.board.outages if each.outage_id != outage.outage_id]

    def _one(self, head: Head, made: Made) -> _Step:
        return _Step(((head, made),))

    def _left(self, head: Head) -> _Step | None:
        """Look at an outage that nothing speaks for any more, or whose device is closed again."""
        outage = head.outage
        if outage.kind is not Kind.FAULT:
            return None
        back, claimed = self._back_at(outage), outage.outage_id in self.taken
        is_quiet = not outage.is_told and not outage.has_human_word
        if back is not None and (outage.has_human_word or not claimed):
            made = self._back_again(outage, back) if is_quiet else self._known(outage, back)
            return self._one(head, made) if made else None
        is_young = outage.recorded_at > self.at - self.bounds.window + self.bounds.early
        is_open = outage.state in UNCONFIRMED
        if not claimed and is_young and is_quiet and is_open and not self._is_called(outage):
            return self._one(head, moves.withdraw(outage, self.act, rules=self.rules))
        return None

    def _is_stale(self, outage: Outage) -> bool:
        """Whether nobody answered a suspicion for long, and nothing that is weighed speaks for it.

        Whoever sees to its repair has answered it.
        """
        last = max(outage.moved_at or outage.recorded_at, outage.recorded_at)
        return (
            outage.kind is Kind.FAULT
            and outage.state in UNCONFIRMED
            and not (outage.is_told or outage.has_human_word or outage.crew)
            and outage.outage_id not in self.taken
            and last + self.bounds.unanswered <= self.at
            and not joining.is_seen_to(outage)
        )

    def _is_called(self, outage: Outage) -> bool:
        """Whether people called about it so lately, and nothing else was heard, that it may stay.

        That others have not called is no news yet; a meter that lives is.
        """
        devices, loads = frozenset(outage.devices), self.grid.loads_in(outage.dark)
        begun = (outage.since or outage.recorded_at) - self.bounds.early
        heard = [
            each
            for each in self.weighed.evidence
            if each.occurred_at >= begun and _is_of(self.grid, each, devices, loads)
        ]
        if not heard or any(each.kind is not Heard.CALL for each in heard):
            return False
        return self._is_early(max(each.recorded_at for each in heard) + self.bounds.patience)

    def _back_again(self, outage: Outage, back: datetime) -> Made | None:
        """Note that power is back where nobody was told that it was off."""
        if outage.above:
            return None
        return moves.restore(outage, self.act, at=back, rules=self.rules)

    def _known(self, outage: Outage, back: datetime) -> Made | None:
        """Start the clock of entering it where people were told, or a person has spoken."""
        if "restored" in outage.known:
            return None
        return moves.know(
            outage, self.act, information="restored", happened_at=back, rules=self.rules
        )

    def _back_at(self, outage: Outage) -> datetime | None:
        """Return since when its own devices, or the meters behind them, say that power is back."""
        since = outage.since or outage.recorded_at
        state = [each for name in outage.devices if (each := self.weighed.states.get(name))]
        closed = [each.occurred_at for each in state if each.kind is Heard.DEVICE_CLOSE]
        if closed and len(closed) == len(state) and max(closed) > since:
            return max(closed)
        if state or outage.has_human_word:
            return None
        lit = (self.weighed.lit.get(each, NEVER) for each in self.grid.loads_in(outage.dark))
        return max((each for each in lit if each > since), default=None)


def _was_back(outage: Outage, reach: Reach) -> bool:
    """Return whether part of a reach was dark in this outage and has come back."""
    return any(spell.until is not None and spell.reach & reach for spell in spells(outage))


@dataclass(frozen=True, slots=True)
class _Acted:
    """What was done: the outages that moved, and until when something waits to be decided."""

    moved: tuple[str, ...]
    until: datetime | None


def _act_on(desk: Desk, weighed: Weighed, board: Board, *, at: datetime) -> _Acted:
    """Bring the board to what was inferred. Raises Stale, Busy."""
    moved: list[str] = []
    until: datetime | None = None
    for _ in range(MOST_STEPS):
        deciding = _Deciding(desk, weighed, board, at=at)
        try:
            step = deciding.next()
        except (BadInput, GateClosed, IllegalMove) as refused:
            log("inference.refused", county=board.county, why=refused.slug)
            break
        if step is None:
            until = deciding.until
            _count(deciding)
            break
        heads = _commit(weighed.grid, step, board, at=at)
        moved += [head.outage.outage_id for head in heads]
        board = _after(board, heads)
    return _Acted(tuple(moved), until)


def _commit(found: Grid, step: _Step, board: Board, *, at: datetime) -> tuple[Head, ...]:
    for head, made in step.changes:
        outage = made.outage
        if head is None or outage.closed_at is not None:
            tracing.remember(found.county, outage.devices, outage.outage_id, at=at)
    changes = [
        Change(head, made, shown=step.shown if head is None else None)
        for head, made in step.changes
    ]
    return outages.commit(*changes, gate=board)


def _after(board: Board, heads: Iterable[Head]) -> Board:
    """Return the board as our own commit left it: nobody else passed the gate in between."""
    known = {head.outage.outage_id: head for head in (*board.heads, *heads)}
    open_heads = (head for head in known.values() if head.outage.closed_at is None)
    return replace(board, heads=tuple(open_heads), gate=board.gate + 1)


def counts(some: Iterable[Evidence]) -> dict[str, int]:
    """Return how many reports of each sort there are."""
    return dict(Counter(_BY_KIND[each.kind] for each in some if each.kind in _BY_KIND))


def _count(deciding: _Deciding) -> None:
    """Show on the board how many reports speak for each outage."""
    for place, head in deciding.claimed.items():
        found = counts(deciding.inferred[place].evidence_for)
        if found != head.shown.get("evidence", {}):
            outages.set_shown(head, {**head.shown, "evidence": found})


# What the crew says -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Back:
    """That power is back, as somebody said it on the repair order. part: for some of the dark."""

    order_id: str
    by: Actor
    occurred_at: datetime
    part: bool = False


def power_back(desk: Desk, outage_id: str, said: Back, *, at: datetime) -> str:
    """Let a word on the repair order that power is back be the outage's (复电). Return why not.

    All of the outage is restored, in the name of who said it. Where only a part is back, by that
    word or because somebody behind it has reported the dark since, the clock of entering it starts
    and the outage's page proposes for whom; so it does where an outage above still holds the power.
    Done again it changes nothing. Raises Busy, Stale.
    """
    for _ in range(TRIES):
        outage = outages.get(outage_id).outage
        while outage.state is State.ABSORBED:
            outage = outages.get(outage.parent).outage
        if outage.order_id != said.order_id or outage.state not in OPEN:
            return "overtaken"
        board = outages.board(outage.county)
        head = next((h for h in board.heads if h.outage.outage_id == outage.outage_id), None)
        if head is None:
            continue
        try:
            made = _said_back(desk, head.outage, said, at=at)
        except joining.SETTLED as refused:
            return refused.slug
        if made.outage.closed_at is not None:
            tracing.remember(outage.county, outage.devices, outage.outage_id, at=at)
        try:
            outages.commit(Change(head, made), gate=board)
        except Stale:
            continue
        return ""
    raise Stale(what="outage")


def _said_back(desk: Desk, outage: Outage, said: Back, *, at: datetime) -> Made:
    """Restore it, or note what is known and not entered. Raises BadInput where nothing is new."""
    rules, act = desk.rules(outage.county), Act(said.by, said.occurred_at, at)
    if not said.part and not _still_dark(desk, outage, since=said.occurred_at, at=at):
        try:
            return moves.restore(outage, act, at=said.occurred_at, rules=rules)
        except (BadInput, GateClosed) as refused:
            log("restoration.proposed", outage=outage.outage_id, why=refused.slug)
    if "restored" in outage.known:
        raise BadInput.of("information", "outage.same")
    when = max(said.occurred_at, outage.since or said.occurred_at)
    return moves.know(outage, act, information="restored", happened_at=when, part=True, rules=rules)


def _still_dark(desk: Desk, outage: Outage, *, since: datetime, at: datetime) -> bool:
    """Return whether anybody behind an outage reported the dark since, and not the light after."""
    found = _newest(desk, outage, at=at)
    return any(
        each.kind in SAYS_DARK and each.occurred_at > since
        for some in found.values()
        for each in some
    )


def lit(desk: Desk, outage: Outage, *, at: datetime) -> tuple[str, ...]:
    """Return the dark transformers of an outage behind which meters say that power is back.

    One with a supply point that was last reported dark is not among them. Raises Busy.
    """
    found = _newest(desk, outage, at=at)
    return tuple(
        name for name, some in sorted(found.items()) if all(each.kind in SAYS_LIVE for each in some)
    )


def _newest(desk: Desk, outage: Outage, *, at: datetime) -> dict[str, list[Evidence]]:
    """Return, by dark transformer, the newest report of each of its supply points."""
    weighed, _ = weighed_for(desk, outage, at=at)
    loads = weighed.grid.loads_in(outage.dark)
    newest: dict[str, Evidence] = {}
    for each in sorted(weighed.evidence, key=lambda one: one.occurred_at):
        if each.kind in SAYS_DARK or (each.kind in SAYS_LIVE and _since(outage) < each.occurred_at):
            newest[each.subject] = each
    found: dict[str, list[Evidence]] = {}
    for transformer in outage.dark.transformers:
        own = [each for each in weighed.grid.loads_at.get(transformer, ()) if each in loads]
        some = [newest[each] for each in (transformer, *own) if each in newest]
        if some:
            found[transformer] = some
    return found


def _since(outage: Outage) -> datetime:
    return outage.since or outage.recorded_at


# Looking ----------------------------------------------------------------------------------------


def look_again(desk: Desk, outage_id: str, *, at: datetime) -> list[str]:
    """Weigh anew around an outage that waits: its hold-off is over, or nobody has looked at it."""
    outage = outages.get(outage_id).outage
    if outage.state not in UNCONFIRMED:
        return []
    homes = grid.places_of("device", outage.devices)
    sheets = sorted({tracing.split_home(home)[1] for home in homes.values()})
    return infer(desk, outage.county, sheets, at=at)


def look_at(desk: Desk, waiting: str, *, was: datetime, at: datetime) -> list[str]:
    """Weigh a map whose reports waited (`outages.wait`). Returns the outages that moved.

    waiting: its key. was: until when it is armed now; what arms it anew stays. Raises Busy, Stale.
    """
    county, sheet = tracing.split_home(waiting.removeprefix(outages.WAITING))
    acted = _infer(desk, county, [sheet], at=at)
    if acted.until is None:
        outages.waited(waiting, was=was)
    return list(acted.moved)


def weighed_for(desk: Desk, outage: Outage, *, at: datetime) -> tuple[Weighed, Suspicion | None]:
    """Return what is known around an outage, and the suspicion that it is. Raises Busy."""
    homes = grid.places_of("device", outage.devices)
    sheets = sorted({tracing.split_home(home)[1] for home in homes.values()})
    found = next(_grids(outage.county, sheets), Grid(outage.county, ()))
    weighed = weigh(desk, found, outages.board(outage.county), at=at)
    mine = frozenset(outage.devices)
    told = next((one for one in weighed.told.suspicions if mine & frozenset(one.devices)), None)
    return weighed, told
