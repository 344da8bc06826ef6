"""What is said of each fault that was found."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.inference.case import Case
from chalicelib.domain.inference.evidence import Evidence, Verdict, Word, moment
from chalicelib.domain.inference.noise import Ladder, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """One fault: what failed and what it darkens.

    devices: which device; several where nothing tells them apart, the likeliest first.
    loads: all that is dark if it is so. sure: those that are dark under its rivals too.
    probability: that there is an outage here; the level's measure. share: that it is this zone and
    none of its rivals.
    rivals: the devices of the other candidates that are close.
    doubtful: the loads that are dark under some of the candidates and not under others: whether
    their meters answer would tell which it is.
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
    doubtful: tuple[str, ...] = ()
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


class Telling:
    """What is said about each zone that the likeliest explanation names."""

    def __init__(self, case: Case, ladder: Ladder) -> None:
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
        held = self._held(onset, (name for name, _ in case.opened.get(zone, ())))
        least = case.noise.sure * probability
        rivals = self._rivals(zone, below)
        return Suspicion(
            devices=self._devices(zone),
            loads=self._loads(case.below(zone)),
            sure=self._loads(each for each in case.below(zone) if case.dark[each] >= least),
            level=Level.SUSPECTED if held else level,
            probability=probability,
            share=case.share[zone],
            rivals=tuple(self._devices(each) for each in rivals),
            doubtful=self._doubtful([zone, *rivals]),
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
        held = self._held(opened.occurred_at, (name,))
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

    def _held(self, onset: datetime | None, opened: Iterable[str]) -> datetime | None:
        """Return until when it may turn out momentary. opened: the zone's devices that say so.

        Not at all where one of them said that it is locked out, or is none that recloses.
        """
        noise, kinds = self._case.noise, self._case.known.kinds
        if any(
            name in self._placed.locked or kinds.get(name, "") in noise.lasting for name in opened
        ):
            return None
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

    def _doubtful(self, candidates: Sequence[int]) -> tuple[str, ...]:
        dark = [frozenset(self._loads(self._case.below(each))) for each in candidates]
        return tuple(sorted(frozenset.union(*dark) - frozenset.intersection(*dark)))

    def _rivals(self, zone: int, below: Sequence[int]) -> list[int]:
        case = self._case
        least = case.noise.close * case.share[zone]
        close = [
            each
            for each in (*case.above(zone), *below)
            if each != zone and case.share[each] >= least
        ]
        return sorted(close, key=lambda each: (-case.share[each], each))

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
        return tuple(sorted(found, key=moment))

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
        return tuple(sorted(found, key=moment))
