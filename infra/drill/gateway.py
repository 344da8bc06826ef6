"""A gateway with a rate, a latency and faults, under the drill's clock."""

import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.contact import utf16_units
from chalicelib.domain.notice import parts_of
from chalicelib.outbound.sms import GatewayBusy, Receipt, ReplyLost, Text

PATIENCE: Final = 2.0
"""Seconds that the gateway lets a text wait before it answers that it is busy."""
PARTS: Final = (70, 67)
"""UTF-16 units of a text in one part, and of each part of a longer one. Source: 3GPP TS 23.040"""
TICKS: Final = 20
"""Parts of a second in which it counts what it has taken."""


@dataclass(slots=True)
class Clock:
    """The instant of whoever is at work now. began: what the drill's seconds count from."""

    began: datetime
    seconds: float = 0.0

    def now(self) -> datetime:
        """Return the instant, as the house is handed it."""
        return self.began + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Taken:
    """A text that the gateway took over. at: seconds into the drill."""

    reference: str
    number: str
    at: float


@dataclass(slots=True)
class Simulated:
    """A gateway. rate: texts a second, at least TICKS. latency: seconds from a text to its answer.

    parts: of all texts that it was asked to take.
    loses: the share of answers that get lost after the text was taken. has_keys: whether it knows a
    reference again and sends such a text once. down: from and until when it takes nothing.
    """

    clock: Clock
    rate: float
    latency: float = 0.08
    loses: float = 0.0
    has_keys: bool = False
    down: tuple[float, float] = (0.0, 0.0)
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - a drill's
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    taken: list[Taken] = field(default_factory=list)
    asked: int = 0
    parts: int = 0
    lost: int = 0
    _filled: Counter[int] = field(default_factory=Counter)
    _known: set[str] = field(default_factory=set)

    def send(self, text: Text, *, at: datetime) -> Receipt:
        """Take a text when its turn comes. Raises GatewayBusy and ReplyLost."""
        assert at.tzinfo is not None  # noqa: S101 - the port's own promise
        self.before()
        self.asked += 1
        self.parts += parts_of(utf16_units(text.body), *PARTS)
        begun, ended = self.down
        if begun <= self.clock.seconds < ended:
            self.clock.seconds += self.latency
            raise GatewayBusy("down", gateway="drill", retry_after=10)
        turn = self._turn()
        if turn - self.clock.seconds > PATIENCE:
            wait = math.ceil(turn - self.clock.seconds)
            self.clock.seconds += self.latency
            raise GatewayBusy("throttled", gateway="drill", retry_after=wait)
        self._fill(turn)
        if not (self.has_keys and text.effect_id in self._known):
            self.taken.append(Taken(text.effect_id, text.to.number, turn))
        self._known.add(text.effect_id)
        self.clock.seconds = turn + self.latency
        self.after()
        if self.loses and self.dice.random() < self.loses:
            self.lost += 1
            raise ReplyLost("timeout", gateway="drill")
        return Receipt("drill", str(self.asked), 1)

    @property
    def extra(self) -> int:
        """Texts that a telephone had already."""
        return len(self.taken) - len({(one.reference, one.number) for one in self.taken})

    def _turn(self) -> float:
        """Return the first instant from now at which there is room."""
        room = self.rate / TICKS
        tick = int(self.clock.seconds * TICKS)
        while self._filled[tick] >= room:
            tick += 1
        return max(self.clock.seconds, tick / TICKS)

    def _fill(self, turn: float) -> None:
        self._filled[int(turn * TICKS)] += 1
