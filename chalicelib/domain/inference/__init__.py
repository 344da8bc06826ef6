"""Which device failed (故障研判): from what is reported to what is dark, and how surely.

A pure function of the *set* of evidence: neither the order of arrival nor a repetition changes the
answer. Evidence is weighed by Bayes' rule on the zone tree: how much likelier is it where it is
dark than where it is not. One sweep up the tree adds the weights below each zone and sums over
every set of zones that may be out together, none below another; one sweep down turns the sums into
the probability that a zone is the one that is open, and that it is dark at all. So several faults
at once need no order in which they are found, and one stray call cannot darken a substation: it is
outweighed by the households below that did not call.

An outage begins at some instant; what was reported before it says nothing about it. Which instant
fits best is found zone by zone (`spans`), so a meter that answered an hour ago does not speak
against a fault of now.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.grid import ZoneTree
from chalicelib.domain.inference.case import Question, explain
from chalicelib.domain.inference.evidence import (
    Evidence,
    Kind,
    Momentary,
    Verdict,
    Word,
    heard,
    last_words,
)
from chalicelib.domain.inference.nesting import nest
from chalicelib.domain.inference.noise import USUAL, Known, Ladder, Level, Noise, Rate
from chalicelib.domain.inference.telling import Suspicion, Telling


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
    ask = Question(heard(evidence), known, noise, last_words(words), at, ladder)
    nested, crossing = nest(tree)
    best = explain(ask, nested, crossing)
    placed = best.placed
    return Inference(
        suspicions=tuple(sorted(Telling(best, ladder).suspicions(), key=_surest)),
        momentaries=tuple(placed.momentaries),
        unplaced=tuple(each for each in placed.unplaced if tree.zone_of(each.subject) is None),
    )


def _surest(told: Suspicion) -> tuple[bool, float, int, tuple[str, ...]]:
    return bool(told.inside), -told.probability, -told.dark_loads, told.devices


__all__ = [
    "USUAL",
    "Evidence",
    "Inference",
    "Kind",
    "Known",
    "Ladder",
    "Level",
    "Momentary",
    "Noise",
    "Rate",
    "Suspicion",
    "Verdict",
    "Word",
    "infer",
]
