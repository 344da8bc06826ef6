"""The tree with its weights, summed up it and handed down it, and the likeliest explanation."""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from chalicelib.domain.grid import Zone, ZoneTree
from chalicelib.domain.inference.concentrators import PARTS, eased, muted, relieved
from chalicelib.domain.inference.evidence import LIVE, Evidence, Kind, Placed, Verdict, Word
from chalicelib.domain.inference.nesting import without
from chalicelib.domain.inference.noise import Known, Ladder, Noise
from chalicelib.domain.inference.spans import Fit, Span, both

_COULD: Final = 5.0
"""Natural logs by which a rough reckoning may be wrong."""


def _either(one: float, other: float) -> float:
    """Return the log of the sum of two numbers given as logs."""
    high, low = max(one, other), min(one, other)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def _turn(kind: Kind) -> int:
    if kind is Kind.PING_MISSED:
        return 0
    return 1 if kind in LIVE else 2


def _some(whole: float) -> float:
    """Return the log of a sum without its part 1, which stands for nothing at all."""
    return whole + math.log(-math.expm1(-whole)) if whole > 0 else -math.inf


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, whatever the tree: the evidence, once each and in time, and what to think."""

    heard: Sequence[Evidence]
    known: Known
    noise: Noise
    words: Mapping[str, Word]
    at: datetime
    ladder: Ladder


class Case:
    """The tree with its weights. Arrays run over the zones, parents before children.

    crossing: zones that this tree leaves out because they cross others.
    """

    def __init__(self, ask: Question, tree: ZoneTree, crossing: Sequence[Zone]) -> None:
        size = len(tree.zones)
        self.zones = tree.zones
        self.tree, self.crossing = tree, crossing
        self.known, self.noise, self.words, self.at = ask.known, ask.noise, ask.words, ask.at
        self.fade = ask.ladder.fade
        self.placed = Placed(tree, crossing, ask.heard, ask.ladder.hold_off)
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
        # What the silence of meters weighs less, see `concentrators`.
        self.relief = [[0.0] * len(PARTS) for _ in range(size)]
        self.gasps, self.calls = [0] * size, [0] * size  # of all times, and not back since
        self.lost: list[datetime | None] = [None] * size  # when a meter below said so last
        self.told: dict[int, Word] = {}  # zones that a human confirmed
        self.told_of: dict[str, float] = {}  # device → what its own reports weigh
        self.sight = [0.0] * size  # what indicators at the zone weigh, if something below failed
        self.spans: list[Span | None] = [None] * size
        self.instants: list[tuple[datetime, int]] = []
        self.ranks: dict[tuple[datetime, int], int] = {}
        self.opened: dict[int, list[tuple[str, Evidence]]] = defaultdict(list)
        self.score = [0.0] * size  # log odds that this zone is open, against all well below
        self.sums = [0.0] * size  # log of the sum over all that may be at and below the zone
        self.rest = [0.0] * size  # the same without the zone itself
        self.any = [-math.inf] * size  # log of the sum over all that is at least one of them
        self.best = [-math.inf] * size  # the likeliest of all that is at least one of them
        self.best_rest = [0.0] * size  # the likeliest of all, or of none, below the zone
        self.best_below = [-math.inf] * size  # the likeliest of all that is at least one below it
        self.onset: list[datetime | None] = [None] * size
        self.share = [0.0] * size
        self.dark = [0.0] * size
        kinds = {"", *self.known.kinds.values()}
        self._priors = {kind: self.noise.prior(kind) for kind in kinds}
        self._answer = self.noise.rate(Kind.PING_REPLY).weight()
        self._by_load: dict[datetime, Mapping[str, float]] = {}
        self.strays = self._strays()
        self.mute = muted(self.placed, self.known, self.noise)
        for at, less in relieved(tree, self.placed, self.known, self.noise):
            self._relieve(at, less)
        self.weigh(self.placed)
        self.sweep_up()
        self.sweep_down()

    # Weights

    def weigh(self, placed: Placed) -> None:
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
        weight = rate.weight(each.confidence * self._holds(each))
        if each.kind is Kind.PING_MISSED:
            weight *= self.mute.get(self.known.transformer(each.subject), 1.0)
        return weight

    def _holds(self, each: Evidence) -> float:
        """Return how likely a report still holds: nobody calls to say that power is back."""
        if each.kind is not Kind.CALL or not self.fade:
            return 1.0
        age = max(timedelta(0), self.at - each.occurred_at)
        return float(0.5 ** (age / self.fade))

    def _strays(self) -> float:
        """Return how many of all households call who have power: a share of those who call.

        Reckoned together with the usual rate among `Noise.homes`: a few calls in a hamlet say
        nothing of a storm, whatever share of the hamlet they are.
        """
        dark = self.placed.dark.values()
        calls = sum(each.kind is Kind.CALL for own in dark for each in own)
        homes = sum(self.known.households.values())
        usual = self.noise.homes * self.noise.rate(Kind.CALL).false
        reckoned = usual + self.noise.stray * calls
        return reckoned / (self.noise.homes + homes) if homes else 0.0

    def _confirm(self, placed: Placed) -> None:
        for name, word in self.words.items():
            zone = placed.of_device.get(name)
            if zone is None:
                continue
            if word.verdict is Verdict.CONFIRMED:
                self.told[zone] = word
            else:
                self.told_of[name] = -math.inf

    def _look(self, placed: Placed) -> None:
        """Let an indicator speak once for all below its device, too: the current passed through."""
        for zone in range(len(self.zones)):
            self.sight[zone] = sum(self._weight(each) for each in placed.indicated.get(zone, ()))

    def _rank(self, placed: Placed) -> None:
        """Number the instants; at the same one, live comes first and so does not speak against.

        But of those who were asked at once, who did not answer comes before those who did.
        """
        found = {
            (each.occurred_at, _turn(each.kind))
            for reports in (placed.dark, placed.live, placed.indicated)
            for own in reports.values()
            for each in own
        }
        found |= {(each.occurred_at, _turn(each.kind)) for each in placed.opened.values()}
        self.instants = sorted(found)
        self.first = self.instants[0][0] if self.instants else self.at
        self.ranks = {instant: rank for rank, instant in enumerate(self.instants)}
        self.width = 1 << max(0, len(self.instants) - 1).bit_length()

    def _add(self, zone: int, each: Evidence, sign: int) -> None:
        lives, reports = each.kind in LIVE, bool(self.known.reporting.get(each.subject))
        self.gasps[zone] += each.kind is Kind.METER_OFF and reports
        if each.kind is Kind.METER_OFF:
            self._lose(zone, each.occurred_at)
        self.calls[zone] += each.kind is Kind.CALL
        span = Span.single(
            self.ranks[each.occurred_at, _turn(each.kind)],
            self.width,
            sign * self._weight(each),
            int(lives and reports),
            int(lives),
        )
        self.spans[zone] = both(self.spans[zone], span)

    def _relieve(self, zone: int, less: Sequence[float]) -> None:
        self.relief[zone] = [one + more for one, more in zip(self.relief[zone], less, strict=True)]

    def prior(self, zone: Zone, *, but: Container[str] = ()) -> float:
        """Return the log of the probability that a device of a zone is open, as it reported itself.

        but: devices to leave out.
        """
        weight = math.fsum(math.exp(self._device(name)) for name in zone.devices if name not in but)
        return math.log(weight) if weight else -math.inf

    def _device(self, name: str) -> float:
        return self._priors[self.known.kinds.get(name, "")] + self.told_of.get(name, 0.0)

    @cached_property
    def chosen_loads(self) -> tuple[tuple[int, frozenset[str]], ...]:
        """The chosen zones, each with all that it darkens."""
        return tuple((zone, self.tree.under(zone)) for zone in self.chosen())

    def by_load(self, since: datetime) -> Mapping[str, float]:
        """Return the weight of what each load said, and did not say, since an instant."""
        if since not in self._by_load:
            self._by_load[since] = self._weigh_loads(since)
        return self._by_load[since]

    def _weigh_loads(self, since: datetime) -> dict[str, float]:
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
            sight = self.sight[zone]
            self.any[zone] = _either(self.score[zone], sight + _some(self.rest[zone]))
            self.sums[zone] = _either(0.0, self.any[zone])
            self.best[zone] = max(self.score[zone], self._below(zone))
            parent = self.zones[zone].parent
            if parent is not None and zone not in self.told:
                self.rest[parent] += self.sums[zone]
                self.best_rest[parent] += max(0.0, self.best[zone])
                self.best_below[parent] = max(self.best_below[parent], self.best[zone])
                self.meters[parent] += self.meters[zone]
                self.homes[parent] += self.homes[zone]
                self.gasps[parent] += self.gasps[zone]
                self.calls[parent] += self.calls[zone]
                self._relieve(parent, self.relief[zone])
                self._lose(parent, self.lost[zone])
                self.spans[parent] = both(self.spans[parent], self.spans[zone])
                self.spans[zone] = None

    def _below(self, zone: int) -> float:
        """Return the likeliest of all that is at least one below a zone."""
        return self.sight[zone] + (self.best_rest[zone] or self.best_below[zone])

    def _score(self, zone: int) -> None:
        """Weigh a zone's candidacy: its devices, at the onset that fits them best.

        A device that opened did so at its instant; what was dark before has other causes below it.
        """
        span = self.spans[zone]
        below = 0.0
        if span is not None:
            fit, weight = self._fit(zone, span)
            below = max(0.0, weight)
            if below > 0:
                self.onset[zone] = self.instants[fit.rank][0]
        opened = dict(self.opened.get(zone, ()))
        weight = self.prior(self.zones[zone], but=opened) + below
        for name, each in opened.items():
            fit = self._since(span, each)
            opening = self._device(name) + self._silence(zone, fit)
            beside = self.best_rest[zone] - fit.homes * self._answer
            weight = _either(weight, opening + max(fit.weight, beside))
            self.onset[zone] = each.occurred_at
        self.score[zone] = weight

    def _fit(self, zone: int, span: Span) -> tuple[Fit, float]:
        """Return the onset that fits best, and how well.

        A last gasp tells when: who had power long after the onset lost it by something else, which
        is as unlikely as a second fault. So what was heard hours ago makes no one fault of two.
        """
        fit, last = span.best, self.lost[zone]
        weight = fit.weight + self._silence(zone, fit)
        if last is None or self.instants[fit.rank][0] + self.noise.apart >= last:
            return fit, weight
        rank = bisect_left(self.instants, (last - self.noise.apart, 0))
        late = span.since(rank, self.width)
        both_faults = (fit, weight + math.log(self.noise.again))
        return max(
            both_faults, (late, late.weight + self._silence(zone, late)), key=lambda one: one[1]
        )

    def _lose(self, zone: int, at: datetime | None) -> None:
        known = self.lost[zone]
        self.lost[zone] = max(known, at) if known and at else known or at

    def devices(self, zone: int) -> Iterator[tuple[str, float]]:
        """Yield each device of a zone with the log of its prior and of its own reports' weight."""
        for name in self.zones[zone].devices:
            yield name, self._device(name)

    def _since(self, span: Span | None, each: Evidence) -> Fit:
        rank = self.ranks[each.occurred_at, _turn(each.kind)]
        return span.since(rank, self.width) if span is not None else Fit(rank, 0.0, 0, 0)

    def _silence(self, zone: int, fit: Fit) -> float:
        """Weigh those who were not heard since the onset, as far as there was time for it.

        Who was dark before says nothing by not telling it again.
        """
        since = self.instants[fit.rank][0]
        gasps, calls = self.gasps[zone], self.calls[zone]
        meters = max(0, self.meters[zone] - gasps - fit.meters) * self._quiet(Kind.METER_OFF, since)
        homes = max(0, self.homes[zone] - calls - fit.homes) * self._quiet(Kind.CALL, since)
        meters = min(0.0, meters + self._eased(zone, since))
        return self._missed(Kind.METER_OFF, meters, gasps + fit.meters) + self._missed(
            Kind.CALL, homes, calls + fit.homes
        )

    def _missed(self, kind: Kind, weight: float, heard: int) -> float:
        return weight if heard else max(weight, math.log(self.noise.unheard[kind]))

    def _quiet(self, kind: Kind, since: datetime) -> float:
        """Return what it weighs that one who could report did not."""
        return math.log1p(-self.noise.rate(kind).detect * self._part(kind, since))

    def _eased(self, zone: int, since: datetime) -> float:
        """Return what the silence of meters weighs less below a zone, as long as it has lasted."""
        share, detect = self._part(Kind.METER_OFF, since), self.noise.rate(Kind.METER_OFF).detect
        return eased(self.relief[zone], share, detect)

    def _part(self, kind: Kind, since: datetime) -> float:
        """Return which part of the reports could be in."""
        rate = self.noise.rate(kind)
        age = max(timedelta(0), self.at - since)
        return min(1.0, age / rate.within) if rate.within else 1.0

    # Down

    def sweep_down(self) -> None:
        """Hand down from the roots: how probable each zone is, and that it is dark at all."""
        some = [0.0] * len(self.zones)  # that something failed at or below, and nothing above
        for zone, own in enumerate(self.zones):
            above = 0.0 if own.parent is None else self.dark[own.parent]
            if zone in self.told:
                self.share[zone] = self.dark[zone] = 1.0
                continue
            found = -math.expm1(-self.sums[zone])
            if own.parent is not None:
                among = -math.expm1(-self.rest[own.parent])
                found *= some[own.parent] / among if among else 0.0
            part = math.exp(self.score[zone] - self.any[zone])
            self.share[zone] = found * part
            some[zone] = found * (1 - part)
            self.dark[zone] = min(1.0, above + self.share[zone])

    @property
    def total(self) -> float:
        """The log of how likely the likeliest explanation is, against nothing at all."""
        roots = (i for i, zone in enumerate(self.zones) if zone.parent is None)
        return sum(max(0.0, self.best[i]) for i in roots if i not in self.told)

    def chosen(self) -> Iterator[int]:
        """Yield the zones of the likeliest explanation, none below another, and the confirmed."""
        waiting = [(i, False) for i, zone in enumerate(self.zones) if zone.parent is None]
        while waiting:
            zone, must = waiting.pop()
            is_best = self.score[zone] > self._below(zone)
            if zone in self.told or (is_best and (must or self.best[zone] > 0)):
                yield zone
                continue
            # What an indicator saw has failed below, even where nothing else would say so.
            must = (must or self.best[zone] > 0) and not self.best_rest[zone]
            likeliest = self.best_below[zone]
            waiting.extend(
                (child, must and self.best[child] == likeliest) for child in self.children[zone]
            )

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


def explain(ask: Question, nested: ZoneTree, crossing: Sequence[Zone]) -> Case:
    """Return the likeliest explanation, first without the zones that cross others.

    Then one after the other is cut out of the tree and stands for itself, as long as that explains
    the evidence better. What a human confirmed stands for itself from the start.
    """
    left = list(crossing)
    for zone in crossing:
        if any(_is_confirmed(ask.words.get(name)) for name in zone.devices):
            left.remove(zone)
            nested = without(nested, zone)
    case = Case(ask, nested, left)
    while left:
        tried = [
            (
                Case(ask, without(case.tree, zone), [other for other in left if other is not zone]),
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


def _is_worth_trying(case: Case, zone: Zone) -> bool:
    """Whether a crossing zone could explain what the chosen ones explain worse.

    Reckoned roughly, load by load, as if all had begun at once.
    """
    loads = frozenset(zone.loads)
    rivals = [(i, under) for i, under in case.chosen_loads if under & loads]
    began = [at for i, _ in rivals if (at := case.onset[i]) is not None]
    weights = case.by_load(min(began, default=case.first))
    gain = case.prior(zone) + math.fsum(weights[load] for load in loads)
    for i, under in rivals:
        prior = case.prior(case.zones[i])
        whole = prior + math.fsum(weights[load] for load in under)
        rest = prior + math.fsum(weights[load] for load in under - loads)
        gain += max(0.0, rest) - whole
    return gain > -_COULD
