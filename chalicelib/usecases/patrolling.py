"""The network watch (配网运行监控) takes readings in and opens an order before the network fails.

A reading is one of a set: whose, of what sort, when. So one that comes twice changes nothing, and
a request that broke off is sent again as it was. What is found opens one fault order a day, kind
and thing, whose number is made from these three; then the finding is kept, then how the thing
stands. Where a step did not happen, the next reading, or the same ones again, make it happen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from chalicelib.domain import words
from chalicelib.domain.order import Actor
from chalicelib.domain.patrol import TROUBLES, Alarm, Reading, Standing, Trouble, is_over, judge
from chalicelib.domain.procedure import SKEW
from chalicelib.domain.refusal import Busy, Stale
from chalicelib.domain.staff import Outsider, Relation, relation
from chalicelib.store import customers, findings, grid
from chalicelib.store.findings import Finding
from chalicelib.usecases import measuring, queueing, recurring, reporting
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.measuring import Area
from chalicelib.usecases.reporting import Report

MOST_READINGS: Final = 10_000
OLDEST: Final = timedelta(days=7)
"""A reading older than this is refused: nobody would go there for it. [design]"""
TRIES: Final = 4
CHANNEL: Final = "network_watch"
BY: Final = Actor(Outsider.SYSTEM.value, "patrol")
SYMPTOMS: Final[Mapping[Trouble, str]] = {
    Trouble.OVERLOAD: "other",
    Trouble.LOW_VOLTAGE: "low_voltage",
    Trouble.PHASE_LOSS: "other",
    Trouble.REPEATED_TRIPS: "flicker",
}


@dataclass(frozen=True, slots=True)
class Read:
    """One reading as sent. subject: `transformer`, `device`, `account` or `meter`, and its id."""

    subject: tuple[str, str]
    reading: Reading
    source: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing that is read, as we know it. key: `<sort>/<id>`, by which its row is found."""

    key: str
    county: str
    office: str
    transformer_id: str
    name: str


@dataclass(slots=True)
class Taken:
    """What became of a request. unknown, refused: places in it, from 0. found: what is new."""

    accepted: int = 0
    unknown: list[int] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)


def take(desk: Desk, sent: Sequence[Read], *, office_id: str, salt: bytes, at: datetime) -> Taken:
    """Judge readings of things that hang under an office. Raises Busy; then send them again.

    What hangs elsewhere is unknown, as what does not exist.
    """
    taken = Taken()
    known = _subjects(desk, {each.subject for each in sent}, office_id, at)
    groups: dict[tuple[str, str], list[Read]] = {}
    subjects: dict[str, Subject] = {}
    for index, each in enumerate(sent):
        subject = known.get(each.subject)
        if each.reading.at > at + SKEW:
            taken.refused.append((index, "occurred_at.in_future"))
        elif each.reading.at < at - OLDEST:
            taken.refused.append((index, "occurred_at.too_old"))
        elif subject is None:
            taken.unknown.append(index)
        else:
            taken.accepted += 1
            subjects[subject.key] = subject
            groups.setdefault((subject.county, subject.key), []).append(each)
    for county in sorted({county for county, _ in groups}):
        standing = findings.standing(county)
        for (where, key), reads in sorted(groups.items()):
            if where == county:
                taken.found += _judged(desk, subjects[key], reads, standing, salt=salt, at=at)
        _tidy(desk, county, standing, groups, at=at)
    return taken


# Whose reading it is ----------------------------------------------------------------------------


def _subjects(
    desk: Desk, wanted: set[tuple[str, str]], office_id: str, at: datetime
) -> dict[tuple[str, str], Subject]:
    mine = desk.path(office_id)
    areas = {
        code: (county, area)
        for county in _counties(desk, mine)
        for code, area in measuring.areas(county, at=at).items()
        if _is_under(mine, desk.path(area.office))
    }
    by_sort = {
        sort: [key for kind, key in wanted if kind == sort]
        for sort in ("transformer", "device", "account", "meter")
    }
    found: dict[tuple[str, str], Subject] = {}
    for code in by_sort["transformer"]:
        if code in areas:
            found["transformer", code] = _of_area(f"transformer/{code}", *areas[code])
    accounts = grid.places_of("meter", by_sort["meter"])
    homes = customers.find_households([*by_sort["account"], *accounts.values()])
    for sort, key in wanted:
        account = key if sort == "account" else accounts.get(key, "") if sort == "meter" else ""
        home = homes.get(account)
        if home is not None and home.transformer_id in areas:
            area = areas[home.transformer_id]
            found[sort, key] = _of_area(f"account/{account}", *area)
    for key, home_of in grid.places_of("device", by_sort["device"]).items():
        county = home_of.partition("/")[0]
        if _is_under(mine, desk.path(county)):
            found["device", key] = Subject(f"device/{key}", county, county, "", key)
    return found


def _of_area(key: str, county: str, area: Area) -> Subject:
    return Subject(key, county, area.office, area.code, area.name)


def _counties(desk: Desk, mine: Sequence[str]) -> list[str]:
    """Return the counties whose areas may hang under an office; of a station, its own."""
    return sorted(
        {
            office.county
            for office in desk.snapshot.offices.values()
            if mine and relation(mine, office.path) in {Relation.OWN, Relation.BELOW}
        }
    )


def _is_under(mine: Sequence[str], theirs: Sequence[str]) -> bool:
    return bool(mine and theirs) and relation(mine, theirs) in {Relation.OWN, Relation.BELOW}


# What they give away ----------------------------------------------------------------------------


def _judged(
    desk: Desk,
    subject: Subject,
    reads: Sequence[Read],
    standing: Mapping[tuple[str, str], findings.Standing],
    *,
    salt: bytes,
    at: datetime,
) -> list[Finding]:
    found: list[Finding] = []
    for trouble in dict.fromkeys(t for each in reads for t in TROUBLES[each.reading.sort]):
        own = [each for each in reads if trouble in TROUBLES[each.reading.sort]]
        kept = standing.get((trouble.value, subject.key))
        found += _settled(desk, subject, trouble, own, kept, salt=salt, at=at)
    return found


def _settled(
    desk: Desk,
    subject: Subject,
    trouble: Trouble,
    reads: Sequence[Read],
    kept: findings.Standing | None,
    *,
    salt: bytes,
    at: datetime,
) -> list[Finding]:
    """Judge, open what must be opened, and keep how it stands; again where another was first."""
    rules = desk.rules(subject.office)
    for _ in range(TRIES):
        before = Standing.from_json(kept.state) if kept else None
        after, alarms = judge(before, trouble, [each.reading for each in reads], rules=rules)
        made = [_found(desk, subject, alarm, reads, salt=salt, at=at) for alarm in alarms]
        if after == before:
            return [each for each in made if each is not None]
        state = after.to_json() if after else None
        version = kept.version if kept else 0
        try:
            findings.stand(subject.county, trouble.value, subject.key, state, version=version)
        except Stale:
            kept = findings.standing(subject.county).get((trouble.value, subject.key))
            continue
        return [each for each in made if each is not None]
    raise Busy(of="store")


def _found(
    desk: Desk, subject: Subject, alarm: Alarm, reads: Sequence[Read], *, salt: bytes, at: datetime
) -> Finding | None:
    """Open the order and keep the finding; None where its day has them already."""
    finding = Finding(
        county=subject.county,
        kind=alarm.trouble.value,
        subject=subject.key,
        at=alarm.at,
        transformer_id=subject.transformer_id,
        facts={"worst": alarm.worst, "source": reads[-1].source},
    )
    if findings.of_day(finding.county, finding.day, finding.kind, finding.subject) is not None:
        return None
    said = words.say(f"patrol.order.{alarm.trouble}", "zh", name=subject.name)
    place = customers.known_place(subject.transformer_id, at=at)
    report = Report(
        kind="fault",
        occurred_at=min(alarm.at, at),
        place=place.code if place else "",
        answers={"symptom": SYMPTOMS[alarm.trouble], "description": said},
        channel=CHANNEL,
        desk_office=subject.office,
    )
    key = f"{finding.kind}/{finding.subject}/{finding.day.isoformat()}"
    own_salt = sha256(salt + key.encode()).digest()[: len(salt)]
    filed = reporting.report(desk, report, actor=BY, caller=CHANNEL, key=key, salt=own_salt, at=at)
    kept = replace(finding, order_id=filed.head.order.order_id)
    findings.add(kept)
    queueing.forget(subject.county)
    recurring.forget(subject.county)
    return kept


def _tidy(
    desk: Desk,
    county: str,
    standing: Mapping[tuple[str, str], findings.Standing],
    groups: Mapping[tuple[str, str], Any],
    *,
    at: datetime,
) -> None:
    """Forget what stood out and was not read for so long that nothing of it counts."""
    rules = desk.rules(county)
    for (kind, key), kept in standing.items():
        if (county, key) in groups:
            continue
        if is_over(Standing.from_json(kept.state), Trouble(kind), at=at, rules=rules):
            try:
                findings.stand(county, kind, key, None, version=kept.version)
            except Stale:
                continue  # it was read just now, and stands as that request says
