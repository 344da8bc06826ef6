"""Supply assurance (保供电): an exam, a festival, a congress whose power must not fail.

A task is a plan (what, where, from–to, how important, which customer and devices), posts that
people stand at, checks before it begins, and a log while it is under way. It begins when its checks
are done, its posts are manned and no planned outage lies in its way, or with a reason on record.
Commands return the task as it is then; pure: no clock, no store.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from .clocks import instant, millis
from .planning import Window
from .refusal import BadInput, GateClosed, IllegalMove


class Phase(StrEnum):
    """Where a task is. Words: `assurance.phase.*`."""

    PREPARED = "prepared"
    UNDER_WAY = "under_way"
    ENDED = "ended"
    CALLED_OFF = "called_off"


OVER: Final = frozenset({Phase.ENDED, Phase.CALLED_OFF})
LEVELS: Final = ("special", "first", "second", "third")
"""How important (特级、一级、二级、三级保供电)."""
CHECKS: Final = ("patrol", "protection", "load_transfer", "backup_power", "truck", "briefing")
"""What is looked at before: line patrol, settings, transfer, the customer's own supply, a truck."""
ASKED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "special": CHECKS,
        "first": ("patrol", "protection", "load_transfer", "backup_power", "briefing"),
        "second": ("patrol", "backup_power", "briefing"),
        "third": ("patrol", "briefing"),
    }
)
"""The checks that each level asks for before it begins. [design]"""
MANNED: Final = frozenset({"special", "first"})
"""Levels whose posts are manned from the first minute to the last. [design]"""
GATES: Final = ("posts_manned", "checks_done", "conflict_free")
REASONS: Final = ("supply_transferred", "backup_ready", "customer_agrees", "leader_orders")
"""Why a task begins although an outage lies in its way."""
MOST_POSTS: Final = 60


@dataclass(frozen=True, slots=True)
class Post:
    """Somebody at a place from one instant to another. Where it is stands with the words."""

    staff: str
    start: datetime
    end: datetime

    def to_json(self) -> list[Any]:
        """Return the compact form."""
        return [self.staff, millis(self.start), millis(self.end)]

    @classmethod
    def from_json(cls, raw: Any) -> "Post":
        """Read it back."""
        return cls(raw[0], instant(raw[1]), instant(raw[2]))


@dataclass(frozen=True, slots=True)
class Check:
    """What somebody looked at, and whether it was as it should be."""

    ok: bool
    by: str
    at: datetime

    def to_json(self) -> list[Any]:
        """Return the compact form."""
        return [self.ok, self.by, millis(self.at)]

    @classmethod
    def from_json(cls, raw: Any) -> "Check":
        """Read it back."""
        return cls(raw[0], raw[1], instant(raw[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The head of one task.

    customer: the id by which chains name the key customer; place: their transformer. devices: whose
    opening would darken it. logs: how many entries there are. reason: why it began in spite of an
    outage.
    """

    task_id: str
    county: str
    office: str
    level: str
    start: datetime
    finish: datetime
    prepared_by: str
    customer: str = ""
    place: str = ""
    devices: tuple[str, ...] = ()
    phase: Phase = Phase.PREPARED
    posts: Mapping[str, Post] = field(default_factory=lambda: MappingProxyType({}))
    checks: Mapping[str, Check] = field(default_factory=lambda: MappingProxyType({}))
    logs: int = 0
    next_post: int = 1
    reason: str = ""
    begun_at: datetime | None = None
    over_at: datetime | None = None

    @property
    def window(self) -> Window:
        """From when to when."""
        return Window(self.start, self.finish)

    @property
    def asked(self) -> tuple[str, ...]:
        """The checks that its level asks for."""
        return ASKED[self.level]

    def to_json(self) -> dict[str, Any]:
        """Return the head as plain JSON."""
        plain = (
            *("task_id", "county", "office", "level", "prepared_by", "customer", "place"),
            *("logs", "next_post", "reason"),
        )
        return {
            **{name: getattr(self, name) for name in plain},
            "start": millis(self.start),
            "finish": millis(self.finish),
            "devices": list(self.devices),
            "phase": self.phase.value,
            "posts": {name: post.to_json() for name, post in self.posts.items()},
            "checks": {name: check.to_json() for name, check in self.checks.items()},
            "begun_at": _millis(self.begun_at),
            "over_at": _millis(self.over_at),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Task":
        """Read it back."""
        read = {
            "start": instant(raw["start"]),
            "finish": instant(raw["finish"]),
            "devices": tuple(raw["devices"]),
            "phase": Phase(raw["phase"]),
            "posts": {name: Post.from_json(post) for name, post in raw["posts"].items()},
            "checks": {name: Check.from_json(check) for name, check in raw["checks"].items()},
            "begun_at": _instant(raw["begun_at"]),
            "over_at": _instant(raw["over_at"]),
        }
        return cls(**{**raw, **read})


def _millis(at: datetime | None) -> int | None:
    return None if at is None else millis(at)


def _instant(raw: int | None) -> datetime | None:
    return None if raw is None else instant(raw)


# What may be done when --------------------------------------------------------------------------

PHASES: Final[Mapping[str, frozenset[Phase]]] = MappingProxyType(
    {
        "change": frozenset({Phase.PREPARED}),
        "add_post": frozenset({Phase.PREPARED, Phase.UNDER_WAY}),
        "drop_post": frozenset({Phase.PREPARED, Phase.UNDER_WAY}),
        "check": frozenset({Phase.PREPARED, Phase.UNDER_WAY}),
        "log": frozenset({Phase.PREPARED, Phase.UNDER_WAY}),
        "begin": frozenset({Phase.PREPARED}),
        "end": frozenset({Phase.UNDER_WAY}),
        "call_off": frozenset({Phase.PREPARED}),
    }
)


def _in_phase(task: Task, move: str) -> None:
    if task.phase not in PHASES[move]:
        raise IllegalMove(move=move, stage=task.phase.value)


def prepare(task: Task, *, at: datetime) -> Task:
    """Check a new task. Raises BadInput naming what cannot be."""
    if task.level not in LEVELS:
        raise BadInput.of("level", "field.choice", allowed=list(LEVELS))
    if task.finish <= task.start:
        raise BadInput.of("finish", "times.not_in_order")
    if task.finish <= at:
        raise BadInput.of("finish", "plan.in_past")
    return task


def change(task: Task, *, level: str, start: datetime, finish: datetime, at: datetime) -> Task:
    """Change a plan before it begins. Raises IllegalMove, BadInput."""
    _in_phase(task, "change")
    return prepare(replace(task, level=level, start=start, finish=finish), at=at)


def add_post(task: Task, post: Post) -> Task:
    """Put somebody at a post. Raises IllegalMove, and BadInput for one outside of the task's time.

    Nobody stands at two posts at once: that is BadInput naming `staff`.
    """
    _in_phase(task, "add_post")
    if post.end <= post.start:
        raise BadInput.of("to", "times.not_in_order")
    if post.end <= task.start or post.start >= task.finish:
        raise BadInput.of("from", "post.outside")
    if len(task.posts) >= MOST_POSTS:
        raise BadInput.of("staff", "field.too_many", most=MOST_POSTS)
    stands = Window(post.start, post.end)
    if any(
        each.staff == post.staff and stands.overlaps(Window(each.start, each.end))
        for each in task.posts.values()
    ):
        raise BadInput.of("staff", "post.twice")
    posts = {**task.posts, str(task.next_post): post}
    return replace(task, posts=posts, next_post=task.next_post + 1)


def drop_post(task: Task, post_id: str) -> Task:
    """Take a post away. Raises IllegalMove, BadInput."""
    _in_phase(task, "drop_post")
    if post_id not in task.posts:
        raise BadInput.of("post", "post.unknown")
    return replace(task, posts={name: p for name, p in task.posts.items() if name != post_id})


def check(task: Task, name: str, *, ok: bool, by: str, at: datetime) -> Task:
    """Say how something that is looked at was found; the newest word counts. Raises IllegalMove."""
    _in_phase(task, "check")
    return replace(task, checks={**task.checks, name: Check(ok, by, at)})


def log(task: Task) -> Task:
    """Count an entry of the log; what it says is kept as words. Raises IllegalMove."""
    _in_phase(task, "log")
    return replace(task, logs=task.logs + 1)


def open_checks(task: Task) -> tuple[str, ...]:
    """Return the checks that are asked for and not done, or not found in order."""
    return tuple(name for name in task.asked if name not in task.checks or not task.checks[name].ok)


def is_manned(task: Task) -> bool:
    """Return whether there are posts, and for the weightiest levels one at every minute."""
    spans = sorted((post.start, post.end) for post in task.posts.values())
    if task.level not in MANNED:
        return bool(spans)
    here = task.start
    for start, end in spans:
        if start > here:
            return False
        here = max(here, end)
    return here >= task.finish


def begin(task: Task, clashes: Iterable["Clash"], *, reason: str, at: datetime) -> Task:
    """Begin. Raises IllegalMove, and GateClosed(gates, checks, outages) while anything is open.

    An outage in the way is passed with a reason, which stays on record.
    """
    _in_phase(task, "begin")
    met = tuple(clashes)
    open_gates = {
        "posts_manned": not is_manned(task),
        "checks_done": bool(open_checks(task)),
        "conflict_free": bool(met) and not reason,
    }
    gates = [name for name in GATES if open_gates[name]]
    if gates:
        outages = list(dict.fromkeys(clash.outage for clash in met))
        raise GateClosed(gates=gates, checks=list(open_checks(task)), outages=outages)
    return replace(task, phase=Phase.UNDER_WAY, begun_at=at, reason=reason if met else "")


def end(task: Task, *, at: datetime) -> Task:
    """End it. Raises IllegalMove."""
    _in_phase(task, "end")
    return replace(task, phase=Phase.ENDED, over_at=at)


def call_off(task: Task, *, at: datetime) -> Task:
    """Call it off before it began. Raises IllegalMove."""
    _in_phase(task, "call_off")
    return replace(task, phase=Phase.CALLED_OFF, over_at=at)


# What lies in its way ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Off:
    """An outage, planned or running, as far as a task looks at it.

    customer: whether it darkens the task's customer. supply: whether it darkens anything that hangs
    behind the task's devices.
    """

    outage: str
    window: Window
    devices: frozenset[str]
    customer: bool = False
    supply: bool = False


@dataclass(frozen=True, slots=True)
class Clash:
    """An outage in the way. by: same_customer, same_device (with its `devices`) or same_supply."""

    outage: str
    by: str
    window: Window
    devices: tuple[str, ...] = ()


def clashes(task: Task, others: Iterable[Off]) -> tuple[Clash, ...]:
    """Return the outages that would darken what a task protects while it does, the soonest first.

    Each is named once, by what weighs most.
    """
    found = []
    for other in others:
        if not task.window.overlaps(other.window):
            continue
        shared = tuple(sorted(other.devices & set(task.devices)))
        by = (
            "same_customer" if other.customer
            else "same_device" if shared
            else "same_supply" if other.supply
            else ""
        )  # fmt: skip
        if by:
            found.append(Clash(other.outage, by, other.window, shared))
    return tuple(sorted(found, key=lambda one: (one.window.start, one.outage)))
