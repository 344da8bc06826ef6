"""How far each report is to be believed, and from when on it is said: configuration."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from chalicelib.domain.grid import Device, Network
from chalicelib.domain.inference.evidence import Kind
from chalicelib.domain.limits import LimitBook


class Level(StrEnum):
    """How sure we are that it is dark."""

    SUSPECTED = "suspected"
    PROBABLE = "probable"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """From which probability on each level is reached, and how long what is reported holds.

    hold_off: how long an outage may be momentary. fade: after how long a call is as likely past as
    not: who has power again does not call to say so.
    """

    suspected: float
    probable: float
    confirmed: float
    hold_off: timedelta
    fade: timedelta

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
            fade=book.find("inference.fade", on=on, offices=offices).duration,
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
    homes: for so many households the false rate of calls is vouched for, about as many as hang at
    one transformer; among many more strays are reckoned from the calls themselves.
    unheard: by kind, the probability that a zone is not heard of at all, however large: a dead
    platform, the middle of the night.
    deaf: the probability that of the meters of one transformer none or only a part can report.
    mute: the probability that none of them can answer just now: a dead concentrator.
    lasting: kinds of devices that nothing closes again by itself: a blown fuse is replaced.
    apart: a last gasp this long after the onset is of something that happened after it.
    again: the probability that something has: of a second fault where there is one.
    close: a candidate with at least this share of the best one's probability is a rival.
    sure: a load is surely dark if it is in this share of all that may have happened.
    """

    priors: Mapping[str, float]
    other: float
    rates: Mapping[str, Rate]
    stray: float
    homes: int
    unheard: Mapping[Kind, float]
    deaf: float
    mute: float
    lasting: frozenset[str]
    apart: timedelta
    again: float
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
            Kind.PING_MISSED: Rate(0.99, 0.05),
            Kind.DEVICE_OPEN: Rate(0.9, 1e-6),
            Kind.DEVICE_CLOSE: Rate(0.9, 5e-3),
            Kind.FAULT_INDICATOR: Rate(0.8, 0.04),
        }
    ),
    stray=0.05,
    homes=200,
    unheard=MappingProxyType({Kind.METER_OFF: 1e-2, Kind.CALL: 0.2}),
    deaf=0.05,
    mute=1e-2,
    lasting=frozenset({"fuse"}),
    apart=timedelta(minutes=10),
    again=1e-3,
    close=0.05,
    sure=0.99,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a network beside its shape.

    kinds: device id → kind, as `Noise.priors` names them.
    households: load id → how many could call.
    reporting: load id → how many meters are known to report a loss; only their silence counts.
    transformers: load id → its transformer; the meters of one are heard through one concentrator.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    households: Mapping[str, int] = field(default_factory=dict)
    reporting: Mapping[str, int] = field(default_factory=dict)
    transformers: Mapping[str, str] = field(default_factory=dict)

    def transformer(self, load: str) -> str:
        """Return the transformer of a load; one of which none is known stands for itself."""
        return self.transformers.get(load, load)

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
            transformers={
                load.load_id: load.transformer_id for load in network.loads if load.transformer_id
            },
        )


def _prior_kind(device: Device) -> str:
    return "breaker" if device.protective and device.kind not in USUAL.priors else device.kind
