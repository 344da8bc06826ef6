"""Which device failed (故障研判): from what is reported to what is dark, and how surely.

A pure function of the *set* of evidence: neither the order of arrival nor a repetition changes the
answer. Evidence is weighed by Bayes' rule on the zone tree: how much likelier is it where it is
dark than where it is not. One sweep up the tree adds the weights below each zone and sums over
every set of zones that may be out together, none below another; one sweep down turns the sums into
the probability that a zone is the one that is open, and that it is dark at all. So several faults
at once need no order in which they are found, and one stray call cannot darken a substation: it is
outweighed by the households below that did not call.

An outage begins at some instant; what was reported before it says nothing about it. Which instant
fits best is found zone by zone (`_Span`), so a meter that answered an hour ago does not speak
against a fault of now.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from .grid import Device, Network, Zone, ZoneTree
from .limits import LimitBook
from .nesting import nest, without


class Kind(StrEnum):
    """What was reported."""

    CALL = "call"  # 报修
    METER_OFF = "meter_off"  # a meter's last gasp
    METER_ON = "meter_on"
    DEVICE_OPEN = "device_open"
    DEVICE_CLOSE = "device_close"
    FAULT_INDICATOR = "fault_indicator"
    PING_REPLY = "ping_reply"  # who answers has power


_DARK: Final = frozenset({Kind.CALL, Kind.METER_OFF})
_LIVE: Final = frozenset({Kind.METER_ON, Kind.PING_REPLY})
_SWITCHED: Final = frozenset({Kind.DEVICE_OPEN, Kind.DEVICE_CLOSE})
_COULD: Final = 5.0
"""Natural logs by which a rough reckoning may be wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One report. `source` and `sequence` make it the same report however often it arrives.

    subject: a load's id for calls, meters and pings; a device's for all others, and for meters and
    pings of a transformer.
    meter: which of a load's meters or accounts; two reports with none are the same one's.
    occurred_at, recorded_at: when it happened by the sender's clock, when we heard; both aware.
    confidence: from 0 to 1, how far the sender trusts it. Raises ValueError beyond.
    """

    kind: Kind
    subject: str
    source: str
    sequence: int
    occurred_at: datetime
    recorded_at: datetime
    meter: str = ""
    confidence: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"{self.source} {self.sequence}: a confidence of {self.confidence}")


class Verdict(StrEnum):
    """What a human found at a device."""

    CONFIRMED = "confirmed"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A human's word about a device. No evidence overrides it; only a later word does."""

    device_id: str
    verdict: Verdict
    by: str
    at: datetime


class Level(StrEnum):
    """How sure we are that it is dark."""

    SUSPECTED = "suspected"
    PROBABLE = "probable"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """From which probability on each level is reached, and how long an outage may be momentary."""

    suspected: float
    probable: float
    confirmed: float
    hold_off: timedelta

    @staticmethod
    def of(book: LimitBook, *, on: date, offices: Sequence[str] = ()) -> "Ladder":
        """Return the ladder in force on a local day, for whoever sits in `offices[0]`."""

        def share(name: str) -> float:
            return float(book.find(f"inference.{name}", on=on, offices=offices).share)

        return Ladder(
            suspected=share("suspected"),
            probable=share("probable"),
            confirmed=share("confirmed"),
            hold_off=book.find("outage.hold_off", on=on, offices=offices).duration,
        )

    def level(self, probability: float) -> Level | None:
        """Return the level of a probability; None below the lowest."""
        if probability >= self.confirmed:
            return Level.CONFIRMED
        if probability >= self.probable:
            return Level.PROBABLE
        return Level.SUSPECTED if probability >= self.suspected else None


@dataclass(frozen=True, slots=True)
class Rate:
    """How well a kind of report tells.

    detect: the probability of the report where it says what is so; false: where it is not so.
    within: how long the reports need to come in; until then silence counts for less.
    """

    detect: float
    false: float
    within: timedelta = timedelta(0)

    def weight(self, confidence: float = 1.0) -> float:
        """Return the log of how much likelier the report is where it says what is so."""
        return math.log(confidence * self.detect / self.false + 1 - confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Priors and noise. All figures are [design]: nobody publishes them; an office may set its own.

    priors: by a device's kind, the probability that it is the open one, within the hours that one
    looks back. A fault on a line opens what protects it, so that leads.
    rates: by kind of report; `kind@source` for a source that is better or worse than its kind.
    stray: of all calls, the share from households that have power: the more call, the more of them.
    unheard: by kind, the probability that a zone is not heard of at all, however large: a dead
    concentrator, the middle of the night.
    close: a candidate with at least this share of the best one's probability is a rival.
    sure: a load is surely dark if it is in this share of all that may have happened.
    """

    priors: Mapping[str, float]
    other: float
    rates: Mapping[str, Rate]
    stray: float
    unheard: Mapping[Kind, float]
    close: float
    sure: float

    def rate(self, kind: Kind, source: str = "") -> Rate:
        """Return the rate of a kind of report, of this source if it has its own."""
        return self.rates.get(f"{kind}@{source}") or self.rates[kind]

    def prior(self, kind: str) -> float:
        """Return the log of a kind's prior."""
        return math.log(self.priors.get(kind, self.other))


USUAL: Final = Noise(
    priors=MappingProxyType(
        {
            "fuse": 3e-3,
            "breaker": 3e-3,
            "recloser": 3e-3,
            "transformer": 1e-3,
            "line": 5e-4,
            "lv_line": 5e-4,
            "source": 1e-4,
        }
    ),
    other=2e-4,
    rates=MappingProxyType(
        {
            Kind.CALL: Rate(0.03, 1e-4, timedelta(minutes=5)),
            Kind.METER_OFF: Rate(0.6, 1e-4, timedelta(minutes=1)),
            Kind.METER_ON: Rate(0.6, 1e-3),
            Kind.PING_REPLY: Rate(0.95, 1e-3),
            Kind.DEVICE_OPEN: Rate(0.9, 1e-6),
            Kind.DEVICE_CLOSE: Rate(0.9, 5e-3),
            Kind.FAULT_INDICATOR: Rate(0.8, 0.04),
        }
    ),
    stray=0.05,
    unheard=MappingProxyType({Kind.METER_OFF: 1e-2, Kind.CALL: 0.2}),
    close=0.05,
    sure=0.99,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a network beside its shape.

    kinds: device id → kind, as `Noise.priors` names them.
    households: load id → how many could call.
    reporting: load id → how many meters are known to report a loss; only their silence counts.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    households: Mapping[str, int] = field(default_factory=dict)
    reporting: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def of(network: Network, *, reporting: Iterable[str] = ()) -> "Known":
        """Read it off a network. reporting: the transformers whose meters report a loss."""
        heard = frozenset(reporting)
        return Known(
            kinds={device.device_id: _prior_kind(device) for device in network.devices},
            households={load.load_id: load.households for load in network.loads},
            reporting={
                load.load_id: load.households
                for load in network.loads
                if load.transformer_id in heard
            },
        )


def _prior_kind(device: Device) -> str:
    return "breaker" if device.protective and device.kind not in USUAL.priors else device.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """One fault: what failed and what it darkens.

    devices: which device; several where nothing tells them apart, the likeliest first.
    loads: all that is dark if it is so. sure: those that are dark under its rivals too.
    probability: that there is an outage here; the level's measure. share: that it is this zone and
    none of its rivals.
    rivals: the devices of the other candidates that are close.
    began_at: the onset that fits best; None where only a human's word tells.
    held_until: before that instant it may still turn out momentary, and is only suspected.
    inside: the devices of the larger outage in which this one lies; it outlives that one.
    """

    devices: tuple[str, ...]
    loads: tuple[str, ...]
    sure: tuple[str, ...]
    level: Level
    probability: float
    share: float
    rivals: tuple[tuple[str, ...], ...] = ()
    began_at: datetime | None = None
    held_until: datetime | None = None
    evidence_for: tuple[Evidence, ...] = ()
    evidence_against: tuple[Evidence, ...] = ()
    inside: tuple[str, ...] = ()
    word: Word | None = None

    @property
    def dark_loads(self) -> int:
        """How many loads are dark if it is so."""
        return len(self.loads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Momentary:
    """A device that opened and closed again inside the hold-off (瞬时停电): no suspicion."""

    device_id: str
    opened_at: datetime
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """What follows. suspicions: the surest first. unplaced: evidence about nothing on this tree."""

    suspicions: tuple[Suspicion, ...]
    momentaries: tuple[Momentary, ...]
    unplaced: tuple[Evidence, ...]


def infer(
    tree: ZoneTree,
    evidence: Iterable[Evidence],
    *,
    known: Known,
    ladder: Ladder,
    at: datetime,
    words: Iterable[Word] = (),
    noise: Noise = USUAL,
) -> Inference:
    """Return what the evidence says at an instant. Reports from after `at` count as of now.

    Equal sets of evidence and words give equal answers. Costs O(zones + n log n) for n reports.
    """
    ask = _Question(_heard(evidence), known, noise, _last_words(words), at, ladder)
    nested, crossing = nest(tree)
    best = _explain(ask, nested, crossing)
    placed = best.placed
    return Inference(
        suspicions=tuple(sorted(_Telling(best, ladder).suspicions(), key=_surest)),
        momentaries=tuple(placed.momentaries),
        unplaced=tuple(each for each in placed.unplaced if tree.zone_of(each.subject) is None),
    )


def _surest(told: Suspicion) -> tuple[bool, float, int, tuple[str, ...]]:
    return bool(told.inside), -told.probability, -told.dark_loads, told.devices


# The evidence: once each, in time, on the tree. -------------------------------------------------


def _moment(each: Evidence) -> tuple[datetime, str, int]:
    return each.occurred_at, each.source, each.sequence


def _heard(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Return each report once, by its own clock. Of two with one identity the first counts."""
    first: dict[tuple[str, int], Evidence] = {}
    for each in evidence:
        key = (each.source, each.sequence)
        if key not in first or _arrival(each) < _arrival(first[key]):
            first[key] = each
    return sorted(first.values(), key=_moment)


def _arrival(each: Evidence) -> tuple[datetime, datetime, str, str, str, float]:
    return (
        each.recorded_at, each.occurred_at, each.kind, each.subject, each.meter, each.confidence
    )  # fmt: skip


def _last_words(words: Iterable[Word]) -> dict[str, Word]:
    ordered = sorted(words, key=lambda word: (word.at, word.verdict, word.by))
    return {word.device_id: word for word in ordered}


class _Placed:
    """The evidence where it belongs: per zone what still says dark or live, per device its state.

    dark, live: by zone, in the order of time. opened, closed: a device's last state. indicated: by
    zone.
    """

    def __init__(
        self,
        tree: ZoneTree,
        crossing: Iterable[Zone],
        heard: Sequence[Evidence],
        hold_off: timedelta,
    ) -> None:
        self.dark: dict[int, list[Evidence]] = defaultdict(list)
        self.live: dict[int, list[Evidence]] = defaultdict(list)
        self.opened: dict[str, Evidence] = {}
        self.closed: dict[str, Evidence] = {}
        self.indicated: dict[int, list[Evidence]] = defaultdict(list)
        self.momentaries: list[Momentary] = []
        self.unplaced: list[Evidence] = []
        self._hold_off = hold_off
        self._parents = [zone.parent for zone in tree.zones]
        self._of_load = {load: i for i, zone in enumerate(tree.zones) for load in zone.loads}
        self.of_device = {name: i for i, zone in enumerate(tree.zones) for name in zone.devices}
        self._crossing = {name: zone for zone in crossing for name in zone.devices}
        states: dict[str, list[Evidence]] = defaultdict(list)
        supplies: dict[tuple[int, str, str], list[Evidence]] = defaultdict(list)
        flags: dict[tuple[int, str], list[Evidence]] = defaultdict(list)
        for each in heard:
            zone = self._zone(each)
            if each.kind in _SWITCHED and (zone is not None or each.subject in self._crossing):
                states[each.subject].append(each)
            elif zone is None:
                self.unplaced.append(each)
            elif each.kind is Kind.FAULT_INDICATOR:
                flags[zone, each.subject].append(each)
            else:
                supplies[zone, each.subject, each.meter].append(each)
        self._past: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
        for device in sorted(states):
            self._switch(device, states[device])
        for (zone, _, _), reports in supplies.items():
            self._supply(zone, reports)
        for (zone, device), reports in flags.items():
            self._flag(zone, device, reports)

    def _zone(self, each: Evidence) -> int | None:
        if each.kind in _DARK | _LIVE and each.subject in self._of_load:
            return self._of_load[each.subject]
        return self.of_device.get(each.subject)

    def _switch(self, device: str, states: Sequence[Evidence]) -> None:
        """Keep the last state; note what went dark while the device was open and is explained."""
        last = states[-1]
        (self.opened if last.kind is Kind.DEVICE_OPEN else self.closed)[device] = last
        opened: datetime | None = None
        for each in states:
            if each.kind is Kind.DEVICE_OPEN:
                opened = opened or each.occurred_at
            elif opened is not None:
                self._reclosed(device, opened, each.occurred_at, states)
                opened = None

    def _reclosed(
        self, device: str, opened: datetime, closed: datetime, states: Sequence[Evidence]
    ) -> None:
        if closed - opened <= self._hold_off:
            self.momentaries.append(Momentary(device_id=device, opened_at=opened, closed_at=closed))
        again = [
            each.occurred_at
            for each in states
            if each.kind is Kind.DEVICE_OPEN and each.occurred_at > closed
        ]
        until = min([closed + self._hold_off, *again])
        for zone in self._fed_by(device):
            self._past[zone].append((opened - self._hold_off, until))

    def _fed_by(self, device: str) -> Iterable[int]:
        """Return the zones whose loads, and those below, a device feeds."""
        if device in self.of_device:
            return (self.of_device[device],)
        return sorted({self._of_load[load] for load in self._crossing[device].loads})

    def _supply(self, zone: int, reports: Sequence[Evidence]) -> None:
        """Keep a meter's last state. Live wins a tie: the power is there."""
        lit = [each for each in reports if each.kind in _LIVE]
        last = lit[-1] if lit else None
        out: dict[Kind, Evidence] = {}
        for each in reports:
            later = last is None or each.occurred_at > last.occurred_at
            if each.kind in _DARK and later and not self._is_past(zone, each.occurred_at):
                out.setdefault(each.kind, each)
        if out:
            self.dark[zone].extend(out.values())
        elif last is not None:
            self.live[zone].append(last)

    def _flag(self, zone: int, device: str, reports: Sequence[Evidence]) -> None:
        """Keep an indicator until its device is closed again."""
        closed = self.closed.get(device)
        last = reports[-1]
        if closed is None or last.occurred_at > closed.occurred_at:
            self.indicated[zone].append(last)

    def _is_past(self, zone: int, at: datetime) -> bool:
        """Whether a device at or above the zone was open then and has closed since."""
        above: int | None = zone
        while self._past and above is not None:
            if any(begin <= at < end for begin, end in self._past.get(above, ())):
                return True
            above = self._parents[above]
        return False


# The sweeps. ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Fit:
    """The best onset of what is below a zone: its rank in time, its weight, who was heard since."""

    rank: int
    weight: float
    meters: int
    homes: int


class _Span:
    """The weights of a stretch of time as a binary tree, which two zones' can be merged into.

    It knows the suffix that weighs most: the onset from which on everything fits best.
    """

    __slots__ = ("best", "homes", "left", "meters", "right", "total")

    def __init__(self) -> None:
        self.left: _Span | None = None
        self.right: _Span | None = None
        self.total = 0.0
        self.meters = 0
        self.homes = 0
        self.best = _Fit(0, 0.0, 0, 0)

    @staticmethod
    def single(rank: int, size: int, weight: float, meters: int, homes: int) -> "_Span":
        """Return the span of `size` instants, a power of two, with one report at one of them."""
        span = _Span()
        span.total, span.meters, span.homes = weight, meters, homes
        span.best = _Fit(rank, weight, meters, homes)
        half = size // 2
        if half and rank % size < half:
            span.left = _Span.single(rank, half, weight, meters, homes)
        elif half:
            span.right = _Span.single(rank, half, weight, meters, homes)
        return span

    def merged(self, other: "_Span") -> "_Span":
        """Return both as one; neither may be used again."""
        self.total += other.total
        self.meters += other.meters
        self.homes += other.homes
        if self.left is None and self.right is None and other.left is None and other.right is None:
            self.best = _Fit(self.best.rank, self.total, self.meters, self.homes)
            return self
        self.left = _both(self.left, other.left)
        self.right = _both(self.right, other.right)
        self.best = self._best()
        return self

    def _best(self) -> _Fit:
        if self.left is None:
            return self.right.best if self.right is not None else self.best
        if self.right is None:
            return self.left.best
        early, late = self.left.best, self.right
        weight = late.total + early.weight
        if weight <= late.best.weight:
            return late.best
        return _Fit(early.rank, weight, late.meters + early.meters, late.homes + early.homes)

    def since(self, rank: int, size: int) -> _Fit:
        """Return what was reported at this rank or later."""
        if size == 1:
            return _Fit(rank, self.total, self.meters, self.homes)
        half = size // 2
        if rank % size >= half:
            return self.right.since(rank, half) if self.right else _Fit(rank, 0.0, 0, 0)
        early = self.left.since(rank, half) if self.left else _Fit(rank, 0.0, 0, 0)
        if self.right is None:
            return early
        late = self.right
        return _Fit(rank, early.weight + late.total, early.meters + late.meters,
                    early.homes + late.homes)  # fmt: skip


def _both(one: _Span | None, other: _Span | None) -> _Span | None:
    if one is None or other is None:
        return one or other
    return one.merged(other)


def _either(one: float, other: float) -> float:
    """Return the log of the sum of two numbers given as logs."""
    high, low = max(one, other), min(one, other)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, whatever the tree: the evidence, once each and in time, and what to think."""

    heard: Sequence[Evidence]
    known: Known
    noise: Noise
    words: Mapping[str, Word]
    at: datetime
    ladder: Ladder


class _Case:
    """The tree with its weights. Arrays run over the zones, parents before children.

    crossing: zones that this tree leaves out because they cross others.
    """

    def __init__(self, ask: _Question, tree: ZoneTree, crossing: Sequence[Zone]) -> None:
        size = len(tree.zones)
        self.zones = tree.zones
        self.tree, self.crossing = tree, crossing
        self.known, self.noise, self.words, self.at = ask.known, ask.noise, ask.words, ask.at
        self.placed = _Placed(tree, crossing, ask.heard, ask.ladder.hold_off)
        self.children: list[list[int]] = [[] for _ in range(size)]
        for i, zone in enumerate(self.zones):
            if zone.parent is not None:
                self.children[zone.parent].append(i)
        self.meters = [
            sum(ask.known.reporting.get(load, 0) for load in z.loads) for z in self.zones
        ]
        self.homes = [
            sum(ask.known.households.get(load, 0) for load in z.loads) for z in self.zones
        ]
        self.told: dict[int, Word] = {}  # zones that a human confirmed
        self.told_of: dict[str, float] = {}  # device → what its own reports weigh
        self.sight = [0.0] * size  # what indicators at and above the zone weigh
        self.spans: list[_Span | None] = [None] * size
        self.instants: list[tuple[datetime, bool]] = []
        self.ranks: dict[tuple[datetime, bool], int] = {}
        self.opened: dict[int, list[tuple[str, Evidence]]] = defaultdict(list)
        self.score = [0.0] * size  # log odds that this zone is open, against all well below
        self.sums = [0.0] * size  # log of the sum over all that may be at and below the zone
        self.rest = [0.0] * size  # the same without the zone itself
        self.best = [0.0] * size  # the likeliest of all that may be
        self.best_rest = [0.0] * size
        self.onset: list[datetime | None] = [None] * size
        self.share = [0.0] * size
        self.dark = [0.0] * size
        self.strays = self._strays()
        self.weigh(self.placed)
        self.sweep_up()
        self.sweep_down()

    # Weights

    def weigh(self, placed: _Placed) -> None:
        """Put each report's weight on its zone or its device."""
        for name, each in placed.closed.items():
            self.told_of[name] = -self._weight(each)
        for name, each in placed.opened.items():
            self.told_of[name] = self._weight(each)
            if name in placed.of_device:
                self.opened[placed.of_device[name]].append((name, each))
        self._confirm(placed)
        self._look(placed)
        self._rank(placed)
        for reports, sign in ((placed.dark, 1), (placed.live, -1), (placed.indicated, 1)):
            for zone, heard in reports.items():
                for each in heard:
                    self._add(zone, each, sign)

    def _weight(self, each: Evidence) -> float:
        rate = self.noise.rate(each.kind, each.source)
        if each.kind is Kind.CALL and self.strays > rate.false:
            rate = replace(rate, false=min(self.strays, rate.detect))
        return rate.weight(each.confidence)

    def _strays(self) -> float:
        """Return how many of all households call who have power: a share of those who call."""
        dark = self.placed.dark.values()
        calls = sum(each.kind is Kind.CALL for own in dark for each in own)
        homes = sum(self.known.households.values())
        return self.noise.stray * calls / homes if homes else 0.0

    def _confirm(self, placed: _Placed) -> None:
        for name, word in self.words.items():
            zone = placed.of_device.get(name)
            if zone is None:
                continue
            if word.verdict is Verdict.CONFIRMED:
                self.told[zone] = word
            else:
                self.told_of[name] = -math.inf

    def _look(self, placed: _Placed) -> None:
        """Let an indicator speak for all that its device feeds: the current passed through it."""
        for zone, own in enumerate(self.zones):
            if own.parent is not None:
                self.sight[zone] = self.sight[own.parent]
            self.sight[zone] += sum(self._weight(each) for each in placed.indicated.get(zone, ()))

    def _rank(self, placed: _Placed) -> None:
        """Number the instants; at the same one, live comes first and so does not speak against."""
        found = {
            (each.occurred_at, each.kind not in _LIVE)
            for reports in (placed.dark, placed.live, placed.indicated)
            for own in reports.values()
            for each in own
        }
        found |= {(each.occurred_at, True) for each in placed.opened.values()}
        self.instants = sorted(found)
        self.first = self.instants[0][0] if self.instants else self.at
        self.ranks = {instant: rank for rank, instant in enumerate(self.instants)}
        self.width = 1 << max(0, len(self.instants) - 1).bit_length()

    def _add(self, zone: int, each: Evidence, sign: int) -> None:
        is_meter = each.kind in _LIVE or each.kind is Kind.METER_OFF
        reports = bool(self.known.reporting.get(each.subject))
        span = _Span.single(
            self.ranks[each.occurred_at, each.kind not in _LIVE],
            self.width,
            sign * self._weight(each),
            int(is_meter and reports),
            int(each.kind in _LIVE or each.kind is Kind.CALL),
        )
        self.spans[zone] = _both(self.spans[zone], span)

    def prior(self, zone: Zone) -> float:
        """Return the log of the probability that one of a zone's devices is open, as told."""
        kinds = self.known.kinds
        weight = -math.inf
        for name in zone.devices:
            own = self.noise.prior(kinds.get(name, "")) + self.told_of.get(name, 0.0)
            weight = _either(weight, own)
        return weight

    def by_load(self, since: datetime) -> dict[str, float]:
        """Return the weight of what each load said, and did not say, since an instant."""
        weights: dict[str, float] = defaultdict(float)
        for own in self.placed.dark.values():
            for each in own:
                weights[each.subject] += self._weight(each)
        meter, home = self._quiet(Kind.METER_OFF, since), self._quiet(Kind.CALL, since)
        silent = [load for zone in self.zones for load in zone.loads if load not in weights]
        for load in silent:
            weights[load] = (
                self.known.reporting.get(load, 0) * meter
                + self.known.households.get(load, 0) * home
            )
        for own in self.placed.live.values():
            for each in own:
                if each.occurred_at > since:
                    weights[each.subject] -= self._weight(each)
        return weights

    # Up

    def sweep_up(self) -> None:
        """Add up from the leaves: the weight of each zone, and of all that may be below it.

        What lies below a zone that a human confirmed is explained, and says nothing of those above.
        """
        for zone in range(len(self.zones) - 1, -1, -1):
            self._score(zone)
            self.sums[zone] = _either(self.score[zone], self.rest[zone])
            self.best[zone] = max(self.score[zone], self.best_rest[zone])
            parent = self.zones[zone].parent
            if parent is not None and zone not in self.told:
                self.rest[parent] += self.sums[zone]
                self.best_rest[parent] += self.best[zone]
                self.meters[parent] += self.meters[zone]
                self.homes[parent] += self.homes[zone]
                self.spans[parent] = _both(self.spans[parent], self.spans[zone])
                self.spans[zone] = None

    def _score(self, zone: int) -> None:
        """Weigh a zone's candidacy: its devices, at the onset that fits them best."""
        span = self.spans[zone]
        devices = dict(self.devices(zone))
        weight = -math.inf
        if span is not None:
            fit = span.best
            below = fit.weight + self._silence(zone, fit)
            if below > 0:
                self.onset[zone] = self.instants[fit.rank][0]
        else:
            below = 0.0
        for name, each in self.opened.get(zone, ()):
            fit = self._since(span, each)
            weight = _either(weight, devices.pop(name) + fit.weight + self._silence(zone, fit))
            self.onset[zone] = each.occurred_at
        for own in devices.values():
            weight = _either(weight, own + max(0.0, below))
        self.score[zone] = weight + self.sight[zone]

    def devices(self, zone: int) -> Iterator[tuple[str, float]]:
        """Yield each device of a zone with the log of its prior and of its own reports' weight."""
        for name in self.zones[zone].devices:
            kind = self.known.kinds.get(name, "")
            yield name, self.noise.prior(kind) + self.told_of.get(name, 0.0)

    def _since(self, span: _Span | None, each: Evidence) -> _Fit:
        rank = self.ranks[each.occurred_at, True]
        return span.since(rank, self.width) if span is not None else _Fit(rank, 0.0, 0, 0)

    def _silence(self, zone: int, fit: _Fit) -> float:
        """Weigh those who were not heard since the onset, as far as there was time for it."""
        since = self.instants[fit.rank][0]
        return self._missed(Kind.METER_OFF, since, self.meters[zone], fit.meters) + self._missed(
            Kind.CALL, since, self.homes[zone], fit.homes
        )

    def _missed(self, kind: Kind, since: datetime, among: int, heard: int) -> float:
        missed = max(0, among - heard) * self._quiet(kind, since)
        return missed if heard else max(missed, math.log(self.noise.unheard[kind]))

    def _quiet(self, kind: Kind, since: datetime) -> float:
        """Return what it weighs that one who could report did not."""
        rate = self.noise.rate(kind)
        age = max(timedelta(0), self.at - since)
        part = min(1.0, age / rate.within) if rate.within else 1.0
        return math.log1p(-rate.detect * part)

    # Down

    def sweep_down(self) -> None:
        """Hand down from the roots: how probable each zone is, and that it is dark at all."""
        for zone, own in enumerate(self.zones):
            above = 0.0 if own.parent is None else self.dark[own.parent]
            if zone in self.told:
                self.share[zone] = self.dark[zone] = 1.0
                continue
            self.share[zone] = (1 - above) * math.exp(self.score[zone] - self.sums[zone])
            self.dark[zone] = min(1.0, above + self.share[zone])

    @property
    def total(self) -> float:
        """The log of how likely the likeliest explanation is, against nothing at all."""
        roots = (i for i, zone in enumerate(self.zones) if zone.parent is None)
        return sum(self.best[i] for i in roots if i not in self.told)

    def chosen(self) -> Iterator[int]:
        """Yield the zones of the likeliest explanation, none below another, and the confirmed."""
        waiting = [i for i, zone in enumerate(self.zones) if zone.parent is None]
        while waiting:
            zone = waiting.pop()
            if zone in self.told or self.score[zone] > self.best_rest[zone]:
                yield zone
            else:
                waiting.extend(self.children[zone])

    def below(self, zone: int) -> Iterator[int]:
        """Yield a zone and all below it."""
        waiting = [zone]
        while waiting:
            each = waiting.pop()
            yield each
            waiting.extend(self.children[each])

    def unexplained(self, zone: int) -> Iterator[int]:
        """Yield a zone and all below it but what a human confirmed below it."""
        waiting = [zone]
        while waiting:
            each = waiting.pop()
            yield each
            waiting.extend(child for child in self.children[each] if child not in self.told)

    def above(self, zone: int) -> Iterator[int]:
        """Yield the zones above one, the nearest first."""
        parent = self.zones[zone].parent
        while parent is not None:
            yield parent
            parent = self.zones[parent].parent


# Zones that cross. ------------------------------------------------------------------------------


def _explain(ask: _Question, nested: ZoneTree, crossing: Sequence[Zone]) -> _Case:
    """Return the likeliest explanation, first without the zones that cross others.

    Then one after the other is cut out of the tree and stands for itself, as long as that explains
    the evidence better. What a human confirmed stands for itself from the start.
    """
    left = list(crossing)
    for zone in crossing:
        if any(_is_confirmed(ask.words.get(name)) for name in zone.devices):
            left.remove(zone)
            nested = without(nested, zone)
    case = _Case(ask, nested, left)
    while left:
        tried = [
            (
                _Case(
                    ask, without(case.tree, zone), [other for other in left if other is not zone]
                ),
                i,
            )
            for i, zone in enumerate(left)
            if _is_worth_trying(case, zone)
        ]
        better, i = max(tried, key=lambda pair: pair[0].total, default=(case, -1))
        if better.total <= case.total:
            break
        case = better
        del left[i]
    return case


def _is_confirmed(word: Word | None) -> bool:
    return word is not None and word.verdict is Verdict.CONFIRMED


def _is_worth_trying(case: _Case, zone: Zone) -> bool:
    """Whether a crossing zone could explain what the chosen ones explain worse.

    Reckoned roughly, load by load, as if all had begun at once.
    """
    loads = frozenset(zone.loads)
    rivals = [(i, under) for i in case.chosen() if (under := case.tree.under(i)) & loads]
    began = [at for i, _ in rivals if (at := case.onset[i]) is not None]
    weights = case.by_load(min(began, default=case.first))
    own = case.prior(zone) + sum(weights.get(load, 0.0) for load in loads)
    gain = own
    for i, under in rivals:
        prior = case.prior(case.zones[i])
        whole = prior + sum(weights.get(load, 0.0) for load in under)
        rest = prior + sum(weights.get(load, 0.0) for load in under - loads)
        gain += max(0.0, rest) - whole
    return gain > -_COULD


# The telling. -----------------------------------------------------------------------------------


class _Telling:
    """What is said about each zone that the likeliest explanation names."""

    def __init__(self, case: _Case, ladder: Ladder) -> None:
        self._case, self._placed, self._ladder = case, case.placed, ladder

    def suspicions(self) -> Iterator[Suspicion]:
        """Yield each fault, and those inside it that have a device of their own."""
        case = self._case
        for zone in case.chosen():
            outer = self._word(zone, ()) if zone in case.told else self._suspicion(zone)
            if outer is not None:
                yield outer
            yield from self._nested(zone, outer.devices if outer is not None else ())
        for name, word in sorted(case.words.items()):
            if word.verdict is Verdict.CONFIRMED and name not in self._placed.of_device:
                yield Suspicion(devices=(name,), loads=(), sure=(), level=Level.CONFIRMED,
                                probability=1.0, share=1.0, word=word)  # fmt: skip

    def _suspicion(self, zone: int) -> Suspicion | None:
        case = self._case
        below = list(case.unexplained(zone))
        probability = max(case.dark[each] for each in below)
        level = self._ladder.level(probability)
        if level is None:
            return None
        onset = case.onset[zone]
        held = self._held(onset)
        least = case.noise.sure * probability
        return Suspicion(
            devices=self._devices(zone),
            loads=self._loads(case.below(zone)),
            sure=self._loads(each for each in case.below(zone) if case.dark[each] >= least),
            level=Level.SUSPECTED if held else level,
            probability=probability,
            share=case.share[zone],
            rivals=self._rivals(zone, below),
            began_at=onset,
            held_until=held,
            evidence_for=self._for(zone, below, onset),
            evidence_against=self._against(zone, below, onset),
        )

    def _nested(self, zone: int, inside: tuple[str, ...]) -> Iterator[Suspicion]:
        case = self._case
        for each in sorted(case.below(zone)):
            if each == zone:
                continue
            if each in case.told:
                yield self._word(each, inside)
                continue
            for name, opened in case.opened.get(each, ()):
                inner = self._opened(each, name, opened, inside)
                if inner is not None:
                    yield inner

    def _opened(
        self, zone: int, name: str, opened: Evidence, inside: tuple[str, ...]
    ) -> Suspicion | None:
        """Tell of a device that is open inside a larger outage, where the dark proves nothing."""
        weight = dict(self._case.devices(zone))[name]
        probability = 1 / (1 + math.exp(-weight)) if weight > 0 else 0.0
        level = self._ladder.level(probability)
        if level is None:
            return None
        loads = self._loads(self._case.below(zone))
        held = self._held(opened.occurred_at)
        return Suspicion(
            devices=(name,),
            loads=loads,
            sure=loads,
            level=Level.SUSPECTED if held else level,
            probability=probability,
            share=probability,
            began_at=opened.occurred_at,
            held_until=held,
            evidence_for=(opened,),
            inside=inside,
        )

    def _word(self, zone: int, inside: tuple[str, ...]) -> Suspicion:
        """Tell of what a human confirmed, with what speaks for and against it."""
        case = self._case
        below = list(case.below(zone))
        loads = self._loads(below)
        onset = case.onset[zone]
        confirmed = [
            name
            for name in case.zones[zone].devices
            if name in case.words and case.words[name].verdict is Verdict.CONFIRMED
        ]
        return Suspicion(
            devices=tuple(sorted(confirmed)),
            loads=loads,
            sure=loads,
            level=Level.CONFIRMED,
            probability=1.0,
            share=1.0,
            began_at=onset,
            evidence_for=self._for(zone, below, onset),
            evidence_against=self._against(zone, below, onset),
            inside=inside,
            word=case.told[zone],
        )

    def _held(self, onset: datetime | None) -> datetime | None:
        if onset is None or onset + self._ladder.hold_off <= self._case.at:
            return None
        return onset + self._ladder.hold_off

    def _devices(self, zone: int) -> tuple[str, ...]:
        """Return the devices that their own reports do not rule out, the likeliest first."""
        case = self._case
        weights = dict(case.devices(zone))
        own = {name: case.told_of.get(name, 0.0) for name in weights}
        least = max(own.values()) + math.log(case.noise.close)
        kept = [name for name in weights if own[name] >= least]
        return tuple(sorted(kept, key=lambda name: (-weights[name], name)))

    def _loads(self, zones: Iterable[int]) -> tuple[str, ...]:
        return tuple(sorted(load for zone in zones for load in self._case.zones[zone].loads))

    def _rivals(self, zone: int, below: Sequence[int]) -> tuple[tuple[str, ...], ...]:
        case = self._case
        least = case.noise.close * case.share[zone]
        close = [
            each
            for each in (*case.above(zone), *below)
            if each != zone and case.share[each] >= least
        ]
        close.sort(key=lambda each: (-case.share[each], each))
        return tuple(self._devices(each) for each in close)

    def _for(self, zone: int, below: Sequence[int], onset: datetime | None) -> tuple[Evidence, ...]:
        placed, case = self._placed, self._case
        found = [
            each
            for below_it in below
            for each in placed.dark.get(below_it, ())
            if onset is None or each.occurred_at >= onset
        ]
        found += [each for _, each in case.opened.get(zone, ())]
        for each in (*case.above(zone), *below):
            found += placed.indicated.get(each, ())
        return tuple(sorted(found, key=_moment))

    def _against(
        self, zone: int, below: Sequence[int], onset: datetime | None
    ) -> tuple[Evidence, ...]:
        placed = self._placed
        found = [
            each
            for below_it in below
            for each in placed.live.get(below_it, ())
            if onset is None or each.occurred_at > onset
        ]
        found += [
            placed.closed[name] for name in self._case.zones[zone].devices if name in placed.closed
        ]
        return tuple(sorted(found, key=_moment))
