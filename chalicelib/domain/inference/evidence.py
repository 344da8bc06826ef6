"""What was reported: each report once, in time, and where on the tree it belongs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.grid import Zone, ZoneTree


class Kind(StrEnum):
    """What was reported."""

    CALL = "call"  # 报修
    METER_OFF = "meter_off"  # a meter's last gasp
    METER_ON = "meter_on"
    DEVICE_OPEN = "device_open"
    DEVICE_CLOSE = "device_close"
    FAULT_INDICATOR = "fault_indicator"
    PING_REPLY = "ping_reply"  # who answers has power
    PING_MISSED = "ping_missed"  # who was asked at that instant did not answer


DARK: Final = frozenset({Kind.CALL, Kind.METER_OFF, Kind.PING_MISSED})
LIVE: Final = frozenset({Kind.METER_ON, Kind.PING_REPLY})
SWITCHED: Final = frozenset({Kind.DEVICE_OPEN, Kind.DEVICE_CLOSE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One report. `source` and `sequence` make it the same report however often it arrives.

    subject: a load's id for calls, meters and pings; a device's for all others, and for meters and
    pings of a transformer.
    meter: which of a load's meters or accounts; two reports with none are the same one's.
    occurred_at, recorded_at: when it happened by the sender's clock, when we heard; both aware.
    confidence: from 0 to 1, how far the sender trusts it. Raises ValueError beyond.
    lockout: of a device that opened, that it stays open: its protection is locked out (闭锁), or it
    did not reclose (重合闸未成功). Raises ValueError of any other report.
    """

    kind: Kind
    subject: str
    source: str
    sequence: int
    occurred_at: datetime
    recorded_at: datetime
    meter: str = ""
    confidence: float = 1.0
    lockout: bool = False

    def __post_init__(self) -> None:
        if self.lockout and self.kind is not Kind.DEVICE_OPEN:
            raise ValueError(f"{self.source} {self.sequence}: {self.kind} cannot be locked out")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Momentary:
    """A device that opened and closed again inside the hold-off (瞬时停电): no suspicion."""

    device_id: str
    opened_at: datetime
    closed_at: datetime


# The evidence: once each, in time, on the tree. -------------------------------------------------


def moment(each: Evidence) -> tuple[datetime, str, int]:
    """Return what reports are sorted by: the sender's clock, then what makes each one itself."""
    return each.occurred_at, each.source, each.sequence


def heard(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Return each report once, by its own clock. Of two with one identity the first counts."""
    first: dict[tuple[str, int], Evidence] = {}
    for each in evidence:
        key = (each.source, each.sequence)
        if key not in first or _arrival(each) < _arrival(first[key]):
            first[key] = each
    return sorted(first.values(), key=moment)


def _arrival(each: Evidence) -> tuple[datetime, datetime, str, str, str, float, bool]:
    return (
        each.recorded_at, each.occurred_at, each.kind, each.subject, each.meter, each.confidence,
        each.lockout,
    )  # fmt: skip


def last_words(words: Iterable[Word]) -> dict[str, Word]:
    """Return the last word about each device."""
    ordered = sorted(words, key=lambda word: (word.at, word.verdict, word.by))
    return {word.device_id: word for word in ordered}


class Placed:
    """The evidence where it belongs: per zone what still says dark or live, per device its state.

    dark, live: by zone, in the order of time. opened, closed: a device's last state. locked: those
    of the opened that have said since that they stay open. indicated: by zone.
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
        self.locked: set[str] = set()
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
            if each.kind in SWITCHED and (zone is not None or each.subject in self._crossing):
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
        if each.kind in DARK | LIVE and each.subject in self._of_load:
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
                if each.lockout:
                    self.locked.add(device)
                continue
            self.locked.discard(device)
            if opened is not None:
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
        lit = [each for each in reports if each.kind in LIVE]
        last = lit[-1] if lit else None
        out: dict[Kind, Evidence] = {}
        for each in reports:
            later = last is None or each.occurred_at > last.occurred_at
            if each.kind in DARK and later and not self._is_past(zone, each.occurred_at):
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
