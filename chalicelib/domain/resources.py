"""Who repairs where, which truck feeds whom (资源调配): crews, generator trucks, and their loans.

Four questions, each answered with its reasons: which crew is nearest and free, which outage comes
first, which customer gets which generator truck, who may lend to whom. Advice is never an act: a
truck that is promised or at work is not in the answer, and nothing here takes one away.

A unit and a loan are small aggregates: a command returns the fields that it changes, and the head
is the merge of all of them. Pure: no clock, no store.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from .clocks import Rules, instant, millis
from .refusal import BadInput, IllegalMove, NotAllowed
from .staff import Relation, Role, relation

# Who needs power most ---------------------------------------------------------------------------

NEEDS: Final = (
    *("life_support", "key_special", "key_first", "key_second", "key_temporary", "key"),
    *("lift", "fish_farm", "cold_store", "greenhouse", "sensitive"),
    *("five_guarantees", "vulnerable"),
)
"""What a customer needs power for, the most urgent first. Each has the limits
`resources.tolerates.<need>` (how long they can be without) and `resources.kw.<need>`."""

SENSITIVE: Final = frozenset({"fish_farm", "cold_store", "greenhouse", "sensitive"})
_LEVELS: Final = ("special", "first", "second", "temporary")


def need_of(flags: Iterable[str], about: Mapping[str, str]) -> str:
    """Return the most urgent need of a customer, by flags and their details; "" for none.

    A key customer whose level nobody gave is `key`; a sensitive one of no known kind `sensitive`.
    """
    named = set(flags)
    if "key" in named and about.get("key") in _LEVELS:
        named = (named - {"key"}) | {f"key_{about['key']}"}
    if "sensitive" in named and about.get("sensitive") in SENSITIVE:
        named = (named - {"sensitive"}) | {about["sensitive"]}
    return next((need for need in NEEDS if need in named), "")


def tolerated(need: str, at: datetime, rules: Rules) -> timedelta:
    """Return how long such a customer can be without power (limit `resources.tolerates.*`)."""
    return rules.limit(f"resources.tolerates.{need}", at).duration


def expected(since: datetime, etr: datetime | None, *, at: datetime, rules: Rules) -> datetime:
    """Return when power is expected back; where nobody knows, or the word is old, some time on.

    The limit `resources.assumed_restoration` counts from `at`, so who waits without a word is never
    taken for one who is back soon.
    """
    if etr is not None and etr > at:
        return etr
    return max(at, since) + rules.limit("resources.assumed_restoration", at).duration


# Where things are -------------------------------------------------------------------------------

EARTH_KM: Final = 6371.0


class Spot(NamedTuple):
    """A point on earth, in degrees."""

    lon: float
    lat: float

    def km(self, other: "Spot") -> float:
        """Return the distance as the crow flies, in kilometres."""
        north, south = math.radians(self.lat), math.radians(other.lat)
        half = (south - north) / 2, math.radians(other.lon - self.lon) / 2
        share = math.sin(half[0]) ** 2 + math.cos(north) * math.cos(south) * math.sin(half[1]) ** 2
        return 2 * EARTH_KM * math.asin(math.sqrt(share))


def middle(spots: Iterable[Spot]) -> Spot | None:
    """Return the middle of some spots of one county; None where there are none."""
    kept = list(spots)
    if not kept:
        return None
    return Spot(sum(s.lon for s in kept) / len(kept), sum(s.lat for s in kept) / len(kept))


class Near(StrEnum):
    """How a unit stands to an outage where no coordinates say it. Words: `resource.near.*`."""

    SERVES_AREA = "serves_area"
    SAME_FEEDER = "same_feeder"
    SAME_COUNTY = "same_county"
    ELSEWHERE = "elsewhere"


ASSUMED_KM: Final[Mapping[Near, float]] = MappingProxyType(
    {Near.SERVES_AREA: 5, Near.SAME_FEEDER: 10, Near.SAME_COUNTY: 25, Near.ELSEWHERE: 60}
)
"""What stands for a distance that nobody knows, in kilometres. [design]"""


class Reason(NamedTuple):
    """Why something stands where it stands: a slug (words: `resource.reason.*`) and its facts."""

    name: str
    facts: Mapping[str, Any] = MappingProxyType({})


REASONS: Final = frozenset(
    {
        *("free", "busy", "state_promised", "state_committed", "state_away", "state_off"),
        *("on_duty", "off_duty", "able", "unable", *Near, "distance", "borrowed", "orders"),
        *("beyond_limit", "etr_unknown", "smallest_able", "only_able", "shares"),
        *("none_free", "none_strong_enough"),
    }
)
"""The names of all reasons."""


# Crews and trucks -------------------------------------------------------------------------------


class Sort(StrEnum):
    """What there is to send."""

    CREW = "crew"
    TRUCK = "truck"


SKILLS: Final = ("overhead_line", "cable", "live_line", "switchgear", "low_voltage", "generator")
MOST_KW: Final = 5_000


class State(StrEnum):
    """How a unit stands. Words: `resource.state.*`."""

    FREE = "free"
    PROMISED = "promised"
    COMMITTED = "committed"
    AWAY = "away"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Job:
    """What a truck feeds: a customer of an outage. customer: the id by which chains name them."""

    outage: str
    place: str
    customer: str
    kw: int
    since: datetime

    def to_json(self) -> list[Any]:
        """Return the compact form."""
        return [self.outage, self.place, self.customer, self.kw, millis(self.since)]

    @classmethod
    def from_json(cls, raw: Sequence[Any]) -> "Job":
        """Read it back."""
        outage, place, customer, kw, since = raw
        return cls(outage, place, customer, kw, instant(since))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A crew or a truck.

    office: whose it is. kw: of a truck. place: where it stands, a code of a transformer or device.
    loan: for which it is promised, or on which it is `away` with the office `holder`.
    """

    unit_id: str
    sort: Sort
    office: str
    county: str
    kw: int = 0
    skills: tuple[str, ...] = ()
    place: str = ""
    active: bool = True
    loan: str = ""
    away: bool = False
    holder: str = ""
    job: Job | None = None

    @property
    def state(self) -> State:
        """How it stands, for whoever owns it."""
        if not self.active:
            return State.OFF
        if self.away:
            return State.AWAY
        if self.loan:
            return State.PROMISED
        return State.COMMITTED if self.job else State.FREE

    @property
    def with_office(self) -> str:
        """The office that has it now."""
        return self.holder if self.away else self.office

    @property
    def is_free(self) -> bool:
        """Whether the office that has it now may send it."""
        return self.active and self.job is None and (self.away or not self.loan)

    def to_json(self) -> dict[str, Any]:
        """Return the head as plain JSON."""
        return {
            "id": self.unit_id,
            "sort": self.sort.value,
            "office": self.office,
            "county": self.county,
            "kw": self.kw,
            "skills": list(self.skills),
            "place": self.place,
            "active": self.active,
            "loan": self.loan,
            "away": self.away,
            "holder": self.holder,
            "job": self.job.to_json() if self.job else None,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Unit":
        """Read it back."""
        return cls(
            unit_id=raw["id"],
            sort=Sort(raw["sort"]),
            office=raw["office"],
            county=raw["county"],
            kw=raw["kw"],
            skills=tuple(raw["skills"]),
            place=raw["place"],
            active=raw["active"],
            loan=raw["loan"],
            away=raw["away"],
            holder=raw["holder"],
            job=Job.from_json(raw["job"]) if raw["job"] else None,
        )


def changed(unit: Unit, *, kw: int, skills: Sequence[str], place: str) -> Unit:
    """Say anew what a unit can do and where it stands. Raises BadInput naming what cannot be."""
    if unit.sort is Sort.TRUCK and not 0 < kw <= MOST_KW:
        raise BadInput.of("kw", "field.number", least=1, most=MOST_KW)
    unknown = [place for place, each in enumerate(skills) if each not in SKILLS]
    if unknown:
        raise BadInput.of(f"skills.{unknown[0]}", "field.choice", allowed=list(SKILLS))
    if unit.job is not None and unit.sort is Sort.TRUCK and kw < unit.job.kw:
        raise BadInput.of("kw", "truck.too_small", kw=unit.job.kw)
    kept = tuple(each for each in SKILLS if each in skills)
    return replace(unit, kw=kw if unit.sort is Sort.TRUCK else 0, skills=kept, place=place)


def send_truck(unit: Unit, job: Job) -> Unit:
    """Let a truck feed a customer. Raises IllegalMove if it is promised, at work or out of service.

    Raises BadInput naming `kw` when it cannot carry the load.
    """
    if unit.sort is not Sort.TRUCK or not unit.is_free:
        raise IllegalMove(move="send", stage=unit.state.value)
    if job.kw > unit.kw:
        raise BadInput.of("kw", "truck.too_small", kw=unit.kw)
    return replace(unit, job=job, place=job.place)


def release_truck(unit: Unit) -> Unit:
    """Say that a truck feeds nobody any more. Raises IllegalMove."""
    if unit.job is None:
        raise IllegalMove(move="release", stage=unit.state.value)
    return replace(unit, job=None)


def in_service(unit: Unit, *, active: bool) -> Unit:
    """Take a unit out of service or back in. Raises IllegalMove while it is bound to anything."""
    is_bound = unit.job is not None or unit.loan
    if is_bound or unit.active is active:
        raise IllegalMove(move="serve" if active else "rest", stage=unit.state.value)
    return replace(unit, active=active)


# The nearest crew that is free ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A crew as advice looks at it. busy: the outage that it works on. orders: open ones it has."""

    unit: Unit
    near: Near
    spot: Spot | None = None
    on_duty: bool = False
    busy: str = ""
    busy_until: datetime | None = None
    orders: int = 0

    @property
    def is_free(self) -> bool:
        """Whether it may be sent now."""
        return self.unit.is_free and not self.busy


@dataclass(frozen=True, slots=True)
class Ranked:
    """A crew in its place. km: as the crow flies, None where no coordinates say it."""

    candidate: Candidate
    km: float | None
    reasons: tuple[Reason, ...]


def nearest(
    candidates: Iterable[Candidate], where: Spot | None, *, skill: str = ""
) -> tuple[Ranked, ...]:
    """Return crews, those first that may be sent: free, on duty, able, near, with little to do.

    where: of the outage. Who is not free stands behind all who are, with what they are busy with.
    """
    ranked = [_ranked(each, where, skill) for each in candidates]
    return tuple(sorted(ranked, key=lambda one: _crew_key(one, skill)))


def _ranked(one: Candidate, where: Spot | None, skill: str) -> Ranked:
    km = one.spot.km(where) if one.spot is not None and where is not None else None
    reasons = []
    if one.busy:
        reasons.append(Reason("busy", {"outage": one.busy}))
    elif not one.unit.is_free:
        reasons.append(Reason(f"state_{one.unit.state}"))
    else:
        reasons.append(Reason("free"))
    reasons.append(Reason("on_duty" if one.on_duty else "off_duty"))
    if skill:
        reasons.append(Reason("able" if skill in one.unit.skills else "unable", {"skill": skill}))
    reasons.append(Reason(one.near.value))
    if km is not None:
        reasons.append(Reason("distance", {"km": f"{km:.1f}"}))
    if one.unit.away:
        reasons.append(Reason("borrowed"))
    if one.orders:
        reasons.append(Reason("orders", {"n": one.orders}))
    return Ranked(one, km, tuple(reasons))


def _crew_key(one: Ranked, skill: str) -> tuple[Any, ...]:
    who = one.candidate
    km = ASSUMED_KM[who.near] if one.km is None else one.km
    later = who.busy_until.timestamp() if who.busy_until else math.inf
    is_unable = bool(skill) and skill not in who.unit.skills
    return (
        *(not who.is_free, not who.on_duty, is_unable),
        *(0.0 if who.is_free else later, km, who.orders, who.unit.unit_id),
    )


# Which outage comes first -----------------------------------------------------------------------

BANDS: Final[tuple[tuple[str, int], ...]] = (
    ("life_support", 9),
    ("key_special", 9),
    ("key_first", 9),
    ("key_second", 9),
    ("key_temporary", 9),
    ("beyond_limit", 9),
    ("sensitive", 9),
    ("household_hours", 999_999),
)
"""What counts, the weightiest first, and how many of each count at most. [design] 先重要，后一般:
one more of a band outweighs everything below it. A key customer of no known level counts as second;
`beyond_limit`: vulnerable and sensitive ones who will be dark for longer than they can be."""


def _units() -> Mapping[str, int]:
    """Return the points of one of each band: one more than all that lies below may come to."""
    found: dict[str, int] = {}
    below = 0
    for name, most in reversed(BANDS):
        found[name] = below + 1
        below += most * found[name]
    return MappingProxyType(found)


POINTS: Final = _units()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dark:
    """An outage that waits for its restoration.

    needs: need → how many customers without power have it. etr: the newest word, None for none.
    """

    outage_id: str
    since: datetime
    households: int
    needs: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    etr: datetime | None = None


@dataclass(frozen=True, slots=True)
class Because:
    """One reason of a rank: the band, how many, and the points that they gave."""

    band: str
    count: int
    points: int


@dataclass(frozen=True, slots=True)
class Priority:
    """The place of an outage among those that wait: 1 is first."""

    outage_id: str
    rank: int
    score: int
    reasons: tuple[Because, ...]


def priorities(
    waiting: Iterable[Dark], *, rules: Callable[[Dark], Rules], at: datetime
) -> tuple[Priority, ...]:
    """Return in which order outages should be restored, each with what speaks for it.

    Alike ones stand by when they began. rules: of the county of an outage.
    """
    weighed = [(one, _because(one, rules(one), at)) for one in waiting]
    scored = [(sum(b.points for b in because), one, because) for one, because in weighed]
    scored.sort(key=lambda each: (-each[0], each[1].since, each[1].outage_id))
    return tuple(
        Priority(one.outage_id, rank, score, because)
        for rank, (score, one, because) in enumerate(scored, start=1)
    )


def _because(one: Dark, rules: Rules, at: datetime) -> tuple[Because, ...]:
    back = expected(one.since, one.etr, at=at, rules=rules)
    counts: dict[str, int] = {}
    for need, number in one.needs.items():
        band = _band(need, back - one.since > tolerated(need, at, rules))
        if band:
            counts[band] = counts.get(band, 0) + number
    hours = max(0.0, (at - one.since).total_seconds()) / 3600 * one.households
    counts["household_hours"] = int(hours)
    return tuple(
        Because(band, counts[band], min(counts[band], most) * POINTS[band])
        for band, most in BANDS
        if counts.get(band)
    )


def _band(need: str, is_beyond: bool) -> str:  # noqa: FBT001 - one of two answers
    if need == "life_support" or need.startswith("key_"):
        return need
    if need == "key":
        return "key_second"
    if is_beyond:
        return "beyond_limit"
    return "sensitive" if need in SENSITIVE else ""


# Which truck feeds whom -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A customer without power.

    customer: the id by which chains name them. back: when power is expected. known: whether anybody
    gave that word.
    """

    outage: str
    customer: str
    place: str
    need: str
    kw: int
    since: datetime
    back: datetime
    limit: timedelta
    known: bool = True
    spot: Spot | None = None

    @property
    def deadline(self) -> datetime:
        """Until when they can be without."""
        return self.since + self.limit

    @property
    def is_beyond(self) -> bool:
        """Whether they will be dark for longer than they can be."""
        return self.back > self.deadline


@dataclass(frozen=True, slots=True)
class Given:
    """A truck for a customer, as advised. km: as the crow flies where coordinates say it."""

    want: Want
    unit: Unit
    km: float | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Allocation:
    """What is advised. served: who has a truck already. short: who gets none, with the reason."""

    given: tuple[Given, ...]
    served: tuple[tuple[Want, Unit], ...]
    short: tuple[tuple[Want, Reason], ...]


def allocate(
    wants: Iterable[Want], trucks: Sequence[Unit], spots: Mapping[str, Spot]
) -> Allocation:
    """Return which free truck should feed whom of those who will be dark for too long.

    The most urgent need first, then the earliest deadline; each gets the smallest truck that
    carries the load, of such the nearest. Who hangs under a transformer where a truck is, or is to
    go, shares it as far as it carries them. A truck that is promised, at work elsewhere or out of
    service is not given. trucks: those of the offices that decide. spots: of places, by code.
    """
    ordered = sorted(
        (want for want in wants if want.is_beyond),
        key=lambda want: (NEEDS.index(want.need), want.deadline, want.customer),
    )
    at_work = {(each.job.outage, each.job.customer): each for each in trucks if each.job}
    room = _Room()
    for each in trucks:
        if each.job:
            room.add(each.job.outage, each.job.place, each, each.kw - each.job.kw)
    left = [each for each in trucks if each.sort is Sort.TRUCK and each.is_free]
    given, served, short = [], [], []
    for want in ordered:
        own = at_work.get((want.outage, want.customer))
        shared = own or room.take(want)
        if shared is not None and shared.job:
            served.append((want, shared))
            continue
        able = [each for each in left if each.kw >= want.kw]
        if shared is None and not able:
            name = "none_strong_enough" if left else "none_free"
            short.append((want, Reason(name, {"kw": want.kw})))
            continue
        best = shared or min(able, key=lambda u: (u.kw, _far(u, want, spots), u.unit_id))
        if shared is None:
            left.remove(best)
            room.add(want.outage, want.place, best, best.kw - want.kw)
        given.append(_given(want, best, [] if shared else able, spots))
    return Allocation(tuple(given), tuple(served), tuple(short))


class _Room:
    """What trucks can still carry at the transformers where they are, or are to go."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, str], list[tuple[Unit, int]]] = {}

    def add(self, outage: str, place: str, unit: Unit, kw: int) -> None:
        """Say that a truck carries so much more at a transformer."""
        self._left.setdefault((outage, place), []).append((unit, kw))

    def take(self, want: Want) -> Unit | None:
        """Return the truck that carries a customer beside those it feeds, and count their load."""
        here = self._left.get((want.outage, want.place), [])
        for number, (unit, kw) in enumerate(here):
            if kw >= want.kw:
                here[number] = (unit, kw - want.kw)
                return unit
        return None


def _far(unit: Unit, want: Want, spots: Mapping[str, Spot]) -> float:
    stands = spots.get(unit.place)
    return math.inf if stands is None or want.spot is None else stands.km(want.spot)


def _given(want: Want, unit: Unit, able: Sequence[Unit], spots: Mapping[str, Spot]) -> Given:
    far = _far(unit, want, spots)
    km = None if math.isinf(far) else far
    minutes = int((want.back - want.deadline).total_seconds() // 60)
    reasons = [
        Reason("beyond_limit" if want.known else "etr_unknown", {"minutes": minutes}),
        Reason(
            "shares" if not able else "smallest_able" if len(able) > 1 else "only_able",
            {"kw": unit.kw, "load": want.kw},
        ),
    ]
    if km is not None:
        reasons.append(Reason("distance", {"km": f"{km:.1f}"}))
    return Given(want, unit, km, tuple(reasons))


# Lending across offices -------------------------------------------------------------------------


class Stage(StrEnum):
    """Where a loan is (跨区资源调派). Words: `loan.stage.*`."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    OUT = "out"
    RETURNED = "returned"


OVER: Final = frozenset({Stage.REFUSED, Stage.WITHDRAWN, Stage.RETURNED})

EDGES: Final[Mapping[str, tuple[frozenset[Stage], Stage]]] = MappingProxyType(
    {
        "approve": (frozenset({Stage.ASKED}), Stage.APPROVED),
        "refuse": (frozenset({Stage.ASKED}), Stage.REFUSED),
        "withdraw": (frozenset({Stage.ASKED, Stage.APPROVED}), Stage.WITHDRAWN),
        "hand_over": (frozenset({Stage.APPROVED}), Stage.OUT),
        "take_back": (frozenset({Stage.OUT}), Stage.RETURNED),
    }
)
"""Move → from which stages, and where to."""

APPROVERS: Final = frozenset(
    {Role.DISPATCHER, Role.SUPERVISOR, Role.CITY_HOST, Role.DEPARTMENT, Role.LEADER}
)
"""Who decides, at an office above both sides. [design] 跨区资源调派 is decided one level up"""
LENDERS: Final = frozenset(
    {Role.DISPATCHER, Role.NETWORK_CONTROLLER, Role.SUPERVISOR, Role.CITY_HOST}
)
"""Who asks, takes an asking back, hands over and takes back."""

LOAN_REASONS: Final = ("storm", "several_faults", "key_supply", "skill_missing", "exercise")
REFUSALS: Final = ("needed_here", "none_free", "not_needed", "too_far")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """One asking for a crew or a truck of another office, and what became of it.

    office: that asks. kw: of a truck, at the least; skill: of a crew. unit, lender: what is lent
    and by whom, once that is decided.
    """

    loan_id: str
    sort: Sort
    office: str
    county: str
    asked_by: str
    asked_at: datetime
    start: datetime
    until: datetime
    reason: str
    kw: int = 0
    skill: str = ""
    outage: str = ""
    stage: Stage = Stage.ASKED
    unit: str = ""
    lender: str = ""
    decided_by: str = ""
    decided_at: datetime | None = None
    refusal: str = ""
    out_at: datetime | None = None
    back_at: datetime | None = None

    def is_late(self, at: datetime) -> bool:
        """Return whether it is out for longer than was agreed."""
        return self.stage is Stage.OUT and at > self.until

    def to_json(self) -> dict[str, Any]:
        """Return the head as plain JSON."""
        times = ("asked_at", "start", "until", "decided_at", "out_at", "back_at")
        plain = (
            *("loan_id", "office", "county", "asked_by", "reason", "kw", "skill", "outage"),
            *("unit", "lender", "decided_by", "refusal"),
        )
        return {
            **{name: getattr(self, name) for name in plain},
            **{name: _millis(getattr(self, name)) for name in times},
            "sort": self.sort.value,
            "stage": self.stage.value,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Loan":
        """Read it back."""
        times = ("asked_at", "start", "until", "decided_at", "out_at", "back_at")
        read: dict[str, Any] = {**raw, **{name: _instant(raw[name]) for name in times}}
        return cls(**{**read, "sort": Sort(raw["sort"]), "stage": Stage(raw["stage"])})


def _millis(at: datetime | None) -> int | None:
    return None if at is None else millis(at)


def _instant(raw: int | None) -> datetime | None:
    return None if raw is None else instant(raw)


def ask(loan: Loan) -> Loan:
    """Check an asking. Raises BadInput naming what cannot be."""
    if loan.until <= loan.start:
        raise BadInput.of("until", "times.not_in_order")
    if loan.reason not in LOAN_REASONS:
        raise BadInput.of("reason", "field.choice", allowed=list(LOAN_REASONS))
    if loan.sort is Sort.TRUCK and not 0 < loan.kw <= MOST_KW:
        raise BadInput.of("kw", "field.number", least=1, most=MOST_KW)
    if loan.skill and (loan.sort is not Sort.CREW or loan.skill not in SKILLS):
        raise BadInput.of("skill", "field.choice", allowed=list(SKILLS))
    return replace(loan, kw=loan.kw if loan.sort is Sort.TRUCK else 0)


@dataclass(frozen=True, slots=True)
class Mover:
    """Who moves a loan: their role, id and the path of their office."""

    staff_id: str
    role: str
    path: tuple[str, ...]

    def is_above(self, office: Sequence[str]) -> bool:
        """Return whether their office stands above another one, and is not that one itself."""
        return bool(self.path) and relation(self.path, office) is Relation.BELOW

    def holds(self, office: Sequence[str]) -> bool:
        """Return whether an office is theirs or below theirs."""
        return bool(self.path) and relation(self.path, office) in {Relation.OWN, Relation.BELOW}


def may_move(
    loan: Loan, move: str, by: Mover, *, asking: Sequence[str], lending: Sequence[str]
) -> bool:
    """Return whether somebody may make a move, whatever the stage.

    asking, lending: paths of the two offices; the second is empty until one is named.
    """
    if move in {"approve", "refuse"}:
        above = by.is_above(asking) and (not lending or by.is_above(lending))
        return by.role in APPROVERS and above and by.staff_id != loan.asked_by
    if by.role not in LENDERS:
        return False
    return by.holds(asking) if move == "withdraw" else bool(lending) and by.holds(lending)


def step(loan: Loan, move: str) -> Stage:
    """Return where a move leads. Raises IllegalMove from a stage that has no such move."""
    sources, target = EDGES.get(move, (frozenset(), loan.stage))
    if loan.stage not in sources:
        raise IllegalMove(move=move[:40], stage=loan.stage.value)
    return target


def approve(
    loan: Loan,
    unit: Unit,
    by: Mover,
    *,
    asking: Sequence[str],
    lending: Sequence[str],
    at: datetime,
) -> tuple[Loan, Unit]:
    """Promise a unit to who asked. Returns the loan and the unit, which is bound from now on.

    Raises IllegalMove once it is decided, or for a unit that is bound to something else; NotAllowed
    unless an approver above both offices, who did not ask, decides; BadInput naming `unit` where it
    is the asking office's own, of another sort, too weak or lacks the skill.
    """
    stage = step(loan, "approve")
    if not may_move(loan, "approve", by, asking=asking, lending=lending):
        raise NotAllowed(move="approve", role=by.role)
    if not unit.is_free or unit.away:
        raise IllegalMove(move="approve", stage=unit.state.value)
    unfit = _unfit(loan, unit, asking, lending)
    if unfit:
        raise BadInput.of("unit", unfit, kw=loan.kw)
    decided = replace(
        loan,
        stage=stage,
        unit=unit.unit_id,
        lender=unit.office,
        decided_by=by.staff_id,
        decided_at=at,
    )
    return decided, replace(unit, loan=loan.loan_id)


def _unfit(loan: Loan, unit: Unit, asking: Sequence[str], lending: Sequence[str]) -> str:
    """Return why a unit cannot be lent to who asked; "" where it can."""
    if unit.sort is not loan.sort:
        return "unit.other_sort"
    if relation(asking, lending) in {Relation.OWN, Relation.BELOW}:
        return "unit.own"
    if unit.kw < loan.kw:
        return "truck.too_small"
    return "unit.lacks_skill" if loan.skill and loan.skill not in unit.skills else ""


def refuse(loan: Loan, by: Mover, *, asking: Sequence[str], reason: str, at: datetime) -> Loan:
    """Refuse an asking. Raises as `approve` does."""
    stage = step(loan, "refuse")
    if not may_move(loan, "refuse", by, asking=asking, lending=()):
        raise NotAllowed(move="refuse", role=by.role)
    return replace(loan, stage=stage, decided_by=by.staff_id, decided_at=at, refusal=reason)


def go_on(
    loan: Loan,
    move: str,
    unit: Unit | None,
    by: Mover,
    *,
    asking: Sequence[str],
    lending: Sequence[str],
    at: datetime,
) -> tuple[Loan, Unit | None]:
    """Withdraw, hand over or take back; returns the loan and the unit as they are then.

    unit: the one that was promised, None before that. Raises IllegalMove, NotAllowed; a truck that
    still feeds a customer is not taken back: that too is IllegalMove.
    """
    stage = step(loan, move)
    if not may_move(loan, move, by, asking=asking, lending=lending):
        raise NotAllowed(move=move, role=by.role)
    moved = replace(loan, stage=stage)
    if unit is None:
        return moved, None
    if move == "hand_over":
        return replace(moved, out_at=at), replace(unit, away=True, holder=loan.office)
    if unit.job is not None:
        raise IllegalMove(move=move, stage=State.COMMITTED.value)
    if move == "take_back":
        moved = replace(moved, back_at=at)
    return moved, replace(unit, loan="", away=False, holder="")
