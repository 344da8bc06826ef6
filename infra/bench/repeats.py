"""How well repeated complaints are found: `python -m infra.bench.repeats`.

    python -m infra.bench.repeats                        1,000 complaints
    python -m infra.bench.repeats --complaints 5000 --seed 7

A made-up county complains, by a seed, so that a table can be had again; the figures to report come
from a seed on which nothing was set. Each complaint is compared with all before it, by what the
house would know of it: telephones are typed in one of many forms and read as people type them, four
callers in ten name no account, one complaint in twenty is put into a wrong class, an outage is
known for seven events in ten; of those who come again one in three had said at the visit that
nothing was solved, and one in four names the number of the order before.

Again about the same event (to be found):
    format     the same telephone, typed otherwise
    account    another telephone of the same account
    meter      another person at the same meter, who names the account
    regulator  the same telephone at 12398, which often does not say the class
Not the same event (not to be found):
    event      the same customer, another event, of another matter or of the same one
    neighbour  another customer, the same place, the same event
    helper     one telephone for two households, as a village's electrician calls for others

    linked     what is certain links by itself     shown      that and what is proposed to a person
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from chalicelib.domain.categories import LEAVES, is_lasting, matter_of
from chalicelib.domain.contact import Phone, phone_key
from chalicelib.domain.limits import LimitBook
from chalicelib.domain.repeats import Trace, Windows, matches

BEGAN: Final = datetime(2026, 7, 1, tzinfo=UTC)
DAY: Final = timedelta(days=1)
SECRET: Final = b"a secret of the bench, 32 bytes or more"
COUNTY: Final = "X-BENCH"
BOOK: Final = LimitBook.shipped("state_grid")
WINDOWS: Final = Windows(
    customer=BOOK.find("repeat.customer_window", on=BEGAN.date()).duration,
    soon=BOOK.find("reopen.window", on=BEGAN.date()).duration,
    event=BOOK.find("repeat.event_window", on=BEGAN.date()).duration,
)
FORMS: Final = (
    "{0}",
    "+86 {1} {2} {3}",
    "86-{1}-{2}-{3}",
    "{1} {2} {3}",
    "{1}-{2}-{3}",
    "（{1}）{2}{3}",
    "0086{0}",
)
SAYS_ACCOUNT: Final = 0.6
NAMES_ORDER: Final = 0.25
SAID_UNSOLVED: Final = 1 / 3
WRONG_CLASS: Final = 0.05
KNOWS_OUTAGE: Final = 0.7
REPEATS: Final = ("format", "account", "meter", "regulator")
HEADER: Final = ("what", "of them", "linked", "shown")


@dataclass(frozen=True, slots=True)
class Home:
    """One account and its place. own: its telephones; other: of who lives there too."""

    account: str
    place: str
    own: tuple[str, ...]
    other: str


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to one home. outage: empty for what is none, or is not known as one."""

    number: int
    home: Home
    leaf: str
    at: datetime
    outage: str


@dataclass(frozen=True, slots=True)
class Said:
    """One complaint: what the house knows, how it came about, and whose event it is in truth."""

    trace: Trace
    sort: str
    event: int


@dataclass(slots=True)
class County:
    """Homes and complaints as they are drawn."""

    dice: random.Random
    homes: int = 0
    events: int = 0
    said: list[Said] = field(default_factory=list)
    last: dict[int, int] = field(default_factory=dict)

    def home(self, place: str = "") -> Home:
        """Draw a home, at a place if it is given."""
        self.homes += 1
        phones = [f"13{self.dice.randrange(10**9):09d}" for _ in range(4)]
        return Home(
            account=f"{self.homes:010d}",
            place=place or f"T{self.dice.randrange(200):03d}",
            own=tuple(phones[: self.dice.choice((1, 2, 2, 3))]),
            other=phones[3],
        )

    def event(self, home: Home, at: datetime, leaf: str = "", outage: str = "") -> Event:
        """Draw what happened to a home."""
        self.events += 1
        leaf = leaf or self.dice.choice(LEAVES)
        is_outage = leaf.startswith("outage_and_restoration")
        is_known = is_outage and self.dice.random() < KNOWS_OUTAGE
        return Event(self.events, home, leaf, at, outage or (f"O{self.events}" if is_known else ""))

    def named(self, event: Event, sort: str) -> str:
        """Draw whether who comes again names the order before."""
        is_named = sort in REPEATS and self.dice.random() < NAMES_ORDER
        before = [one for one in self.said if one.event == event.number]
        return before[-1].trace.order_id if is_named and before else ""

    def hear(self, event: Event, sort: str) -> None:
        """Draw whether who comes again had said that the one before solved nothing."""
        if sort in REPEATS and self.dice.random() < SAID_UNSOLVED:
            place = self.last[event.number]
            was = self.said[place]
            self.said[place] = replace(was, trace=replace(was.trace, unsolved=True))
        self.last[event.number] = len(self.said)

    def complain(self, event: Event, at: datetime, sort: str, *, phone: str = "") -> None:
        """Draw a complaint about an event, by a telephone of the home if none is given."""
        home = event.home
        typed = typed_as(phone or home.own[0], self.dice)
        caller = phone_key(Phone.parse(typed), SECRET)
        has_account = sort == "meter" or self.dice.random() < SAYS_ACCOUNT
        leaf = self.dice.choice(LEAVES) if self.dice.random() < WRONG_CLASS else event.leaf
        is_vague = sort == "regulator" and self.dice.random() < 1 / 2
        own = {phone_key(Phone(f"+86{each}"), SECRET) for each in home.own}
        people = own if has_account and caller in own else {caller}
        closed = at + self.dice.uniform(2, 8) * DAY
        self.hear(event, sort)
        self.said.append(
            Said(
                Trace(
                    order_id=f"{len(self.said):05d}",
                    kind="complaint",
                    at=at,
                    county=COUNTY,
                    people=frozenset(people),
                    account=home.account if has_account else "",
                    meters=frozenset({f"M{home.account}"}) if has_account else frozenset(),
                    place=home.place if has_account or self.dice.random() < 1 / 2 else "",
                    category="" if is_vague else leaf,
                    outage=event.outage,
                    closed_at=closed,
                    names=self.named(event, sort),
                ),
                sort,
                event.number,
            )
        )


def typed_as(mobile: str, dice: random.Random) -> str:
    """Return a mobile number as somebody types it."""
    text = dice.choice(FORMS).format(mobile, mobile[:3], mobile[3:7], mobile[7:])
    if dice.random() < 1 / 5:
        return "".join(
            chr(0xFF10 + int(ch)) if ch.isascii() and ch.isdigit() else ch for ch in text
        )
    return text


def draw(count: int, seed: int) -> list[Said]:
    """Return complaints, oldest first, with what came of each before the next."""
    county = County(random.Random(seed))  # noqa: S311 - a drawing that can be had again
    dice = county.dice
    while len(county.said) < count:
        home = county.home()
        event = county.event(home, BEGAN + dice.uniform(0, 120) * DAY)
        county.complain(event, event.at, "first")
        _again(county, event)
        _otherwise(county, event)
    return sorted(county.said[:count], key=lambda one: (one.trace.at, one.trace.order_id))


def _again(county: County, event: Event) -> None:
    dice, at = county.dice, event.at
    while dice.random() < 2 / 5:
        at += dice.uniform(0.2, 30) * DAY
        sort = dice.choices(REPEATS, (5, 3, 2, 2))[0]
        phones = {"account": event.home.own[-1], "meter": event.home.other}
        if sort == "account" and len(event.home.own) == 1:
            sort = "format"
        county.complain(event, at, sort, phone=phones.get(sort, ""))


def _otherwise(county: County, event: Event) -> None:
    """Draw what looks like it and is not."""
    dice = county.dice
    drawn = dice.random()
    if drawn < 1 / 5:
        is_same_matter = dice.random() < 1 / 3 and not is_lasting(event.leaf)
        leaf = event.leaf
        while not is_same_matter and matter_of(leaf) == matter_of(event.leaf):
            leaf = dice.choice(LEAVES)
        later = county.event(event.home, event.at + dice.uniform(12, 60) * DAY, leaf)
        county.complain(later, later.at, "event")
    elif drawn < 2 / 5:
        near = county.home(event.home.place)
        theirs = county.event(near, event.at + dice.uniform(0, 1) * DAY, event.leaf, event.outage)
        county.complain(theirs, theirs.at, "neighbour")
    elif drawn < 1 / 2:
        other = county.home()
        theirs = county.event(other, event.at + dice.uniform(0, 20) * DAY)
        county.complain(theirs, theirs.at, "helper", phone=event.home.own[0])


def judged(said: Sequence[Said]) -> Iterator[tuple[Said, bool, frozenset[int], frozenset[int]]]:
    """Yield each complaint, whether its event was there before, and the events that it is given.

    The events: those to which it would be linked by itself, and those that would be shown.
    """
    seen: list[Said] = []
    for each in said:
        events = {one.trace.order_id: one.event for one in seen}
        at = each.trace.at
        before = [_as_at(one.trace, at) for one in seen]
        found = matches(each.trace, before, windows=WINDOWS)
        linked = frozenset(events[one.order_id] for one in found if one.is_certain)
        shown = frozenset(events[one.order_id] for one in found)
        yield each, each.event in events.values(), linked, shown
        seen.append(each)


def _as_at(trace: Trace, at: datetime) -> Trace:
    """Return what was known of an earlier one: not that it would be closed."""
    is_closed = trace.closed_at is not None and trace.closed_at <= at
    return trace if is_closed else replace(trace, closed_at=None, unsolved=False)


@dataclass(slots=True)
class Tally:
    """What was found of what there was to find. found: of `true`; named: events named in all."""

    true: int = 0
    found: int = 0
    named: int = 0

    def add(self, event: int, *, is_again: bool, named: frozenset[int]) -> None:
        """Count one complaint."""
        self.true += is_again
        self.found += is_again and event in named
        self.named += len(named)

    @property
    def recall(self) -> str:
        """Found of what there was."""
        return f"{self.found / self.true:.3f}" if self.true else "-"

    @property
    def precision(self) -> str:
        """Right of what was named."""
        return f"{self.found / self.named:.3f}" if self.named else "-"


def measure(count: int, seed: int) -> dict[str, tuple[Tally, Tally]]:
    """Return (linked, shown) for all complaints together and for each sort."""
    tallies: dict[str, tuple[Tally, Tally]] = {"all": (Tally(), Tally())}
    for each, is_again, linked, shown in judged(draw(count, seed)):
        for name in ("all", each.sort):
            ours = tallies.setdefault(name, (Tally(), Tally()))
            for tally, named in zip(ours, (linked, shown), strict=True):
                tally.add(each.event, is_again=is_again, named=named)
    return tallies


def table(tallies: dict[str, tuple[Tally, Tally]]) -> Iterator[tuple[str, ...]]:
    """Yield the rows: of all, what was found of each repeat, and how many others were named."""
    linked, shown = tallies["all"]
    yield ("precision", str(linked.named), linked.precision, shown.precision)
    yield ("recall", str(linked.true), linked.recall, shown.recall)
    for name in REPEATS:
        if name in tallies:
            linked, shown = tallies[name]
            yield (f"recall {name}", str(linked.true), linked.recall, shown.recall)
    for name in ("event", "neighbour", "helper", "first"):
        if name in tallies:
            linked, shown = tallies[name]
            wrong = (f"{tally.named - tally.found}" for tally in (linked, shown))
            yield (f"wrongly {name}", "", *wrong)


def main() -> int:
    """Draw, compare and print. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.bench.repeats")
    parser.add_argument("--complaints", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=20261122)
    asked = parser.parse_args()
    for row in (HEADER, *table(measure(asked.complaints, asked.seed))):
        print("".join(text.ljust(width) for text, width in zip(row, (20, 9, 8, 8), strict=True)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
