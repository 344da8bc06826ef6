"""Crews, generator trucks and loans (抢修队、发电车、跨区资源调派), and what is advised of them.

A crew is somebody of the staff with that role: free or busy by the outages that name it, on duty by
the duty list; it is kept here only once it is described or lent. A truck is registered. Advice is
made from what is there when it is asked for: the outages of the county, whose power they take, and
where things stand by the coordinates of the network, as far as it has any.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from chalicelib.domain import resources as rules_of
from chalicelib.domain import words as wording
from chalicelib.domain.clocks import whole
from chalicelib.domain.contact import clean_text, mask_name
from chalicelib.domain.outage import OPEN, Outage, spells
from chalicelib.domain.procedure import Form, Need
from chalicelib.domain.reach import Reach
from chalicelib.domain.refusal import BadInput, IllegalMove, NotAllowed, Unknown
from chalicelib.domain.resources import (
    EDGES,
    LENDERS,
    REFUSALS,
    Allocation,
    Candidate,
    Dark,
    Job,
    Loan,
    Mover,
    Near,
    Priority,
    Reason,
    Sort,
    Spot,
    Unit,
    Want,
)
from chalicelib.domain.staff import Role, Staff
from chalicelib.store import customers, outages, resources
from chalicelib.store.customers import Household
from chalicelib.store.desk_rows import Remembered
from chalicelib.store.outages import Head
from chalicelib.store.resources import Change, Kept
from chalicelib.usecases import commanding, queueing, tracing
from chalicelib.usecases.commanding import NOTE, Given, stamped
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.handling import Command
from chalicelib.usecases.outages import customer_key
from chalicelib.usecases.showing import staff_name, stamp

REMEMBERED: Final = timedelta(minutes=5)
MOST_CREWS: Final = 12
"""Crews that are advised for one outage. [design]"""
LONGEST_NAME: Final = 40


# What there is ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fleet:
    """The crews and trucks of some counties, lent ones where they are. kept: their heads, by id."""

    units: tuple[Unit, ...]
    kept: Mapping[str, Kept]

    def of(self, sort: Sort) -> tuple[Unit, ...]:
        """Return those of a sort."""
        return tuple(unit for unit in self.units if unit.sort is sort)

    def name(self, desk: Desk, unit_id: str) -> str:
        """Return what a unit is called."""
        kept = self.kept.get(unit_id)
        named = str(kept.shown.get("name", "")) if kept else ""
        return named or staff_name(desk, unit_id) or unit_id


def fleet(desk: Desk, counties: Iterable[str]) -> Fleet:
    """Return the crews and trucks that some counties have or have lent. Raises Busy."""
    wanted = tuple(dict.fromkeys(counties))
    kept = {each.key: each for each in resources.listed("unit", wanted)}
    units = {key: Unit.from_json(each.value) for key, each in kept.items()}
    for person in crews_of(desk, wanted):
        units.setdefault(person.staff_id, _crew(desk, person))
    ordered = sorted(units.values(), key=lambda each: (each.sort, each.office, each.unit_id))
    return Fleet(tuple(each for each in ordered if _is_there(desk, each)), kept)


def crews_of(desk: Desk, counties: Iterable[str]) -> Iterator[Staff]:
    """Yield the crews of some counties."""
    wanted = frozenset(counties)
    for person in desk.snapshot.staff.values():
        office = desk.snapshot.offices.get(person.office_id)
        if person.role is Role.CREW and person.active and office and office.county in wanted:
            yield person


def _crew(desk: Desk, person: Staff) -> Unit:
    county = desk.office(person.office_id).county
    return Unit(unit_id=person.staff_id, sort=Sort.CREW, office=person.office_id, county=county)


def _is_there(desk: Desk, unit: Unit) -> bool:
    """Return whether a crew is still of the staff: one that left is kept by its chain alone."""
    if unit.sort is Sort.TRUCK:
        return True
    person = desk.snapshot.staff.get(unit.unit_id)
    return person is not None and person.active and person.role is Role.CREW


def find_unit(desk: Desk, unit_id: str) -> tuple[Unit, Kept]:
    """Return a unit and its head, which for a crew may be new. Raises Unknown, Busy."""
    kept = resources.lookup("unit", unit_id)
    if kept is not None:
        unit = Unit.from_json(kept.value)
        if _is_there(desk, unit):
            return unit, kept
        raise Unknown(what="unit")
    person = desk.snapshot.staff.get(unit_id)
    if person is None or not person.active or person.role is not Role.CREW:
        raise Unknown(what="unit")
    if person.office_id not in desk.snapshot.offices:
        raise Unknown(what="unit")
    return _crew(desk, person), Kept("unit", unit_id)


def county_now(desk: Desk, unit: Unit) -> str:
    """Return the county that has a unit now: its own, or that to which it is lent."""
    holder = desk.snapshot.offices.get(unit.with_office)
    return holder.county if holder else unit.county


# Where things are -------------------------------------------------------------------------------

_SPOTS: Final[Remembered[Mapping[str, Spot]]] = Remembered(REMEMBERED, most=50)


def spots(county: str, *, at: datetime) -> Mapping[str, Spot]:
    """Return where devices and transformers of a county are, by id: those with coordinates."""

    def load() -> Mapping[str, Spot]:
        return {
            device.device_id: Spot(device.lon, device.lat)
            for sheet in tracing.sheets_of(county)
            for device in sheet.map.devices
            if device.lon is not None and device.lat is not None
        }

    return _SPOTS.get(county, at=at, load=load)


def _spot_of(outage: Outage, known: Mapping[str, Spot]) -> Spot | None:
    """Return where an outage is: its first device, else the middle of what is dark."""
    named = next((known[each] for each in outage.devices if each in known), None)
    return named or rules_of.middle(
        known[each] for each in outage.dark.transformers if each in known
    )


# Who is without power ---------------------------------------------------------------------------


class Needy(NamedTuple):
    """A customer whose power is needed most, without a name. kw: as registered, 0 for unknown."""

    account_no: str
    load_id: str
    need: str
    kw: int


_NEEDY: Final[Remembered[tuple[Needy, ...]]] = Remembered(REMEMBERED, most=5_000)


def needy_at(transformer_id: str, *, at: datetime) -> tuple[Needy, ...]:
    """Return the customers under a transformer whose power is needed most. Raises Busy."""

    def load() -> tuple[Needy, ...]:
        return tuple(
            Needy(each.account_no, each.load_id, need, _kw(each))
            for each in customers.households_of(transformer_id)
            if (need := rules_of.need_of(each.flags, each.about))
        )

    return _NEEDY.get(transformer_id, at=at, load=load)


def _kw(household: Household) -> int:
    """Return a registered load in whole kilowatts, rounded up; 0 where there is none."""
    try:
        registered = float(household.about.get("kw", "0"))
    except ValueError:
        return 0
    return -int(-registered // 1) if 0 < registered <= rules_of.MOST_KW else 0


def _needy_in(head: Head, reach: Reach, *, at: datetime) -> Iterator[tuple[str, Needy]]:
    """Yield (transformer, customer) of a reach; nothing is read where the board counted nobody."""
    if not any(head.shown.get(name) for name in ("key", "vulnerable", "sensitive")):
        return
    for transformer in reach.transformers:
        for each in needy_at(transformer, at=at):
            if reach.covers(transformer, each.load_id):
                yield transformer, each


def waiting(heads: Iterable[Head], *, at: datetime) -> list[tuple[Head, Dark]]:
    """Return the outages that wait for their restoration, with whom they darken. Raises Busy."""
    found = []
    for head in heads:
        outage = head.outage
        dark = outage.dark if outage.state in OPEN and outage.rule.tells else Reach()
        if not dark or outage.since is None or outage.training:
            continue
        needs: dict[str, int] = {}
        for _, each in _needy_in(head, dark, at=at):
            needs[each.need] = needs.get(each.need, 0) + 1
        etr = outage.etr.at if outage.etr else None
        about = Dark(
            outage_id=outage.outage_id,
            since=outage.since,
            households=dark.households,
            needs=needs,
            etr=etr,
        )
        found.append((head, about))
    return found


def ranked(desk: Desk, heads: Iterable[Head], *, at: datetime) -> list[tuple[Head, Priority]]:
    """Return the outages that wait, in the order of their restoration. Raises Busy."""
    found = {head.outage.outage_id: (head, dark) for head, dark in waiting(heads, at=at)}

    def rules(one: Dark) -> Any:
        return desk.rules(found[one.outage_id][0].outage.county)

    ordered = rules_of.priorities((dark for _, dark in found.values()), rules=rules, at=at)
    return [(found[each.outage_id][0], each) for each in ordered]


def wants_of(desk: Desk, head: Head, *, at: datetime) -> list[tuple[Want, str]]:
    """Return who in an outage needs power most, each with their account. Raises Busy."""
    outage = head.outage
    if outage.state not in OPEN or not outage.rule.tells or outage.training:
        return []
    rules, known = desk.rules(outage.county), spots(outage.county, at=at)
    etr = outage.etr.at if outage.etr else None
    found = []
    for spell in spells(outage):
        if spell.until is not None:
            continue
        back = rules_of.expected(spell.since, etr, at=at, rules=rules)
        for transformer, each in _needy_in(head, spell.reach, at=at):
            want = Want(
                outage=outage.outage_id,
                customer=customer_key(desk, each.account_no),
                place=transformer,
                need=each.need,
                kw=each.kw or rules.number(f"resources.kw.{each.need}", at),
                since=spell.since,
                back=back,
                limit=rules_of.tolerated(each.need, at, rules),
                known=etr is not None and etr > at,
                spot=known.get(transformer),
            )
            found.append((want, each.account_no))
    return found


class Allocated(NamedTuple):
    """What is advised for a county. accounts: of the customers, by the id that chains use."""

    found: Allocation
    accounts: Mapping[str, str]


def allocated(
    desk: Desk, county: str, heads: Iterable[Head], own: Fleet, *, at: datetime
) -> Allocated:
    """Return which truck should feed whom in a county, by all that is dark in it. Raises Busy."""
    wants = [pair for head in heads for pair in wants_of(desk, head, at=at)]
    trucks = [each for each in own.of(Sort.TRUCK) if county_now(desk, each) == county]
    found = rules_of.allocate((want for want, _ in wants), trucks, spots(county, at=at))
    return Allocated(found, {want.customer: account for want, account in wants})


# The nearest crew -------------------------------------------------------------------------------


def nearest(
    desk: Desk, head: Head, heads: Iterable[Head], own: Fleet, *, skill: str = "", at: datetime
) -> tuple[rules_of.Ranked, ...]:
    """Return the crews of an outage's county, those first that should go. Raises Busy."""
    outage = head.outage
    county, known = outage.county, spots(outage.county, at=at)
    places = customers.places(county, at=at)
    lines = {place.line for place in places if place.code in outage.dark.parts and place.line}
    serving = frozenset(head.shown.get("offices", ()))
    beside = frozenset(place.office_id for place in places if place.line in lines)
    at_work = {
        other.outage.crew.crew_id: other.outage
        for other in heads
        if other.outage.crew is not None
        and other.outage.crew.status != "done"
        and other.outage.outage_id != outage.outage_id
        and other.outage.state in OPEN
    }
    orders = queueing.busy(queueing.open_heads(desk, county, at=at))
    candidates = []
    for unit in own.of(Sort.CREW):
        if county_now(desk, unit) != county:
            continue
        busy = at_work.get(unit.unit_id)
        office = unit.with_office
        near = (
            Near.SERVES_AREA if office in serving
            else Near.SAME_FEEDER if office in beside
            else Near.SAME_COUNTY if unit.county == county
            else Near.ELSEWHERE
        )  # fmt: skip
        home = rules_of.middle(
            known[p.code] for p in places if p.office_id == office and p.code in known
        )
        candidates.append(
            Candidate(
                unit=unit,
                near=near,
                spot=(_spot_of(busy, known) if busy else None) or known.get(unit.place) or home,
                on_duty=is_on_duty(desk, unit, at=at),
                busy=busy.outage_id if busy else "",
                busy_until=busy.etr.at if busy and busy.etr else None,
                orders=orders.get(unit.unit_id, 0),
            )
        )
    return rules_of.nearest(candidates, _spot_of(outage, known), skill=skill)[:MOST_CREWS]


def is_on_duty(desk: Desk, unit: Unit, *, at: datetime) -> bool:
    """Return whether a crew's turn it is, at its own office."""
    turns = desk.snapshot.on_duty(unit.office, at=at)
    return any(turn.staff_id == unit.unit_id for turn in turns)


# Units: what people do --------------------------------------------------------------------------

_KW: Final = Need("kw", Form.CODE, required=False)
UNIT_NEEDS: Final[Mapping[str, tuple[Need, ...]]] = MappingProxyType(
    {
        "send": (Need("outage", Form.CODE), Need("account", Form.CODE), _KW, NOTE),
        "release": (NOTE,),
        "describe": (
            _KW,
            Need("skills", Form.CODE, required=False),
            Need("stands", Form.CODE, required=False),
            NOTE,
        ),
        "rest": (NOTE,),
        "serve": (NOTE,),
    }
)
"""Moves of a unit, and what they ask for."""


def unit_moves(unit: Unit) -> list[str]:
    """Return the moves that a unit is open to as it stands, the main one first."""
    is_truck = unit.sort is Sort.TRUCK
    found = []
    if is_truck and unit.is_free:
        found.append("send")
    if unit.job is not None:
        found.append("release")
    if not unit.active:
        found.append("serve")
    found.append("describe")
    if unit.active and not unit.loan and unit.job is None:
        found.append("rest")
    return found


@dataclass(frozen=True, slots=True)
class NewTruck:
    """A truck as somebody registers it. place: where it stands, a transformer or device."""

    name: str
    office: str
    kw: int
    place: str = ""
    note: str = ""


def add_truck(desk: Desk, sent: NewTruck, command: Command) -> Kept:
    """Register a truck. The same key gives the same truck. Raises BadInput, KeyReused, Busy."""
    county = desk.office(sent.office).county
    unit_id = tracing.number_of(desk, "truck", command.caller, command.key, at=command.at)
    bare = Unit(unit_id=unit_id, sort=Sort.TRUCK, office=sent.office, county=county)
    unit = rules_of.changed(bare, kw=sent.kw, skills=(), place=sent.place)
    _check_place(unit, county, field="place", at=command.at)
    name = clean_text(sent.name, field="name", max_units=LONGEST_NAME)
    words = {"note": sent.note} if sent.note else {}

    def makes(kept: Kept) -> Iterator[Change]:
        if kept.version:
            raise IllegalMove(move="added", stage=Unit.from_json(kept.value).state.value)
        yield commanding.change(
            kept, command, unit.to_json(), name="added", words=words, counties=(county,),
            shown={"name": name},
        )  # fmt: skip

    return commanding.carry_out("unit", unit_id, command, makes, otherwise=Kept("unit", unit_id))


def _check_place(unit: Unit, county: str, *, field: str, at: datetime) -> None:
    """Refuse a place that is neither a transformer nor a device of the county. Raises BadInput."""
    if not unit.place or any(each.code == unit.place for each in customers.places(county, at=at)):
        return
    home, _ = tracing.home_of([unit.place], field=field)
    if home != county:
        raise BadInput.of(f"{field}.0", "device.unknown")


def move_unit(desk: Desk, unit_id: str, command: Command, *, sees: Callable[[Head], bool]) -> Kept:
    """Make one move on a crew or truck. sees: whether an outage is theirs to see.

    Raises Unknown, IllegalMove, NotAllowed, BadInput, Stale (with who and when), KeyReused, Busy.
    """
    needs = UNIT_NEEDS.get(command.move)
    if needs is None:
        raise IllegalMove(move=command.move[:40])
    if command.actor.role not in LENDERS:
        raise NotAllowed(move=command.move, role=command.actor.role)
    given = commanding.read(needs, command)
    unit, otherwise = find_unit(desk, unit_id)

    def makes(kept: Kept) -> Iterator[Change]:
        now = Unit.from_json(kept.value) if kept.version else unit
        moved = _moved(desk, now, command, given, sees)
        yield commanding.change(
            kept, command, moved.to_json(), words=given.words,
            counties=kept.counties or (moved.county,),
        )  # fmt: skip

    return commanding.carry_out("unit", unit_id, command, makes, otherwise=otherwise)


def _moved(
    desk: Desk, unit: Unit, command: Command, given: Given, sees: Callable[[Head], bool]
) -> Unit:
    if command.move == "send":
        return rules_of.send_truck(unit, _job(desk, unit, command, given, sees))
    if command.move == "release":
        return rules_of.release_truck(unit)
    if command.move in {"rest", "serve"}:
        return rules_of.in_service(unit, active=command.move == "serve")
    kw = given.number("kw")
    described = rules_of.changed(
        unit,
        kw=unit.kw if kw is None else kw,
        skills=given.get("skills", unit.skills),
        place=given.get("stands", unit.place),
    )
    if described.place != unit.place:
        _check_place(described, county_now(desk, unit), field="stands", at=command.at)
    return described


def _job(
    desk: Desk, unit: Unit, command: Command, given: Given, sees: Callable[[Head], bool]
) -> Job:
    """Return whom a truck is to feed. Raises BadInput for who is not dark in that outage."""
    if not unit.is_free:
        raise IllegalMove(move="send", stage=unit.state.value)
    try:
        head = outages.get(given.get("outage"))
    except Unknown:
        head = None
    if head is None or not sees(head) or head.outage.county != county_now(desk, unit):
        raise BadInput.of("outage", "outage.unknown")
    household = customers.find_household(given.get("account"))
    dark = head.outage.dark
    if household is None or not dark.covers(household.transformer_id, household.load_id):
        raise BadInput.of("account", "customer.not_dark")
    need = rules_of.need_of(household.flags, household.about) or rules_of.NEEDS[-1]
    usual = desk.rules(head.outage.county).number(f"resources.kw.{need}", command.at)
    kw = given.number("kw") or _kw(household) or usual
    return Job(
        outage=head.outage.outage_id,
        place=household.transformer_id,
        customer=customer_key(desk, household.account_no),
        kw=kw,
        since=command.happened_at,
    )


# Loans ------------------------------------------------------------------------------------------

LOAN_NEEDS: Final[Mapping[str, tuple[Need, ...]]] = MappingProxyType(
    {
        "approve": (Need("unit", Form.CODE), NOTE),
        "refuse": (Need("refusal", Form.CHOICE, choices=REFUSALS), NOTE),
        "hand_over": (NOTE,),
        "take_back": (NOTE,),
        "withdraw": (NOTE,),
    }
)
"""Moves of a loan, and what they ask for."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody asks to borrow, for an office of theirs."""

    sort: str
    office: str
    start: datetime
    until: datetime
    reason: str
    kw: int = 0
    skill: str = ""
    outage: str = ""
    note: str = ""


def ask_for(desk: Desk, sent: Asking, command: Command, *, sees: Callable[[Head], bool]) -> Kept:
    """Ask for a crew or a truck of another office. The same key gives the same loan.

    Whoever stands above decides, and from whom: nobody asks what others have. Raises BadInput,
    NotAllowed, KeyReused, Busy.
    """
    if command.actor.role not in LENDERS:
        raise NotAllowed(move="asked", role=command.actor.role)
    if len(desk.path(sent.office)) <= 1:
        raise BadInput.of("office", "loan.nobody_above")
    if sent.outage:
        _check_outage(sent.outage, sees)
    loan_id = tracing.number_of(desk, "loan", command.caller, command.key, at=command.at)
    loan = rules_of.ask(
        Loan(
            loan_id=loan_id,
            sort=Sort(sent.sort),
            office=sent.office,
            county=desk.office(sent.office).county,
            asked_by=command.actor.actor_id,
            asked_at=command.at,
            start=whole(sent.start),
            until=whole(sent.until),
            reason=sent.reason,
            kw=sent.kw,
            skill=sent.skill,
            outage=sent.outage,
        )
    )
    words = {"note": sent.note} if sent.note else {}

    def makes(kept: Kept) -> Iterator[Change]:
        if kept.version:
            raise IllegalMove(move="asked", stage=str(kept.value["stage"]))
        yield commanding.change(
            kept, command, loan.to_json(), name="asked", words=words, counties=(loan.county,)
        )

    return commanding.carry_out("loan", loan_id, command, makes, otherwise=Kept("loan", loan_id))


def _check_outage(outage_id: str, sees: Callable[[Head], bool]) -> None:
    try:
        head = outages.get(outage_id)
    except Unknown:
        head = None
    if head is None or not sees(head):
        raise BadInput.of("outage", "outage.unknown")


def move_loan(
    desk: Desk, loan_id: str, command: Command, by: Staff, *, reaches: Callable[[str], bool]
) -> Kept:
    """Decide on a loan, hand over, take back or withdraw. reaches: whether an office is theirs.

    Raises Unknown, IllegalMove (with who decided before), NotAllowed, BadInput, Stale, KeyReused,
    Busy.
    """
    needs = LOAN_NEEDS.get(command.move)
    if needs is None:
        raise IllegalMove(move=command.move[:40])
    given = commanding.read(needs, command)
    mover = Mover(by.staff_id, by.role.value, by.path)

    def makes(kept: Kept) -> Iterator[Change]:
        loan = Loan.from_json(kept.value)
        asking = desk.path(loan.office)
        if command.move == "refuse":
            refused = rules_of.refuse(
                loan, mover, asking=asking, reason=given.get("refusal"), at=command.at
            )
            yield commanding.change(kept, command, refused.to_json(), words=given.words, over=True)
            return
        if command.move == "approve":
            unit, lent = _to_lend(desk, loan, given.get("unit"), mover, reaches)
            lending = desk.path(unit.office)
            loan, unit = rules_of.approve(
                loan, unit, mover, asking=asking, lending=lending, at=command.at
            )
            yield from _both(kept, loan, lent, unit, command, given, name="promised")
            return
        unit_now, unit_kept = find_unit(desk, loan.unit) if loan.unit else (None, None)
        lending = desk.path(loan.lender)
        moved, bound = rules_of.go_on(
            loan, command.move, unit_now, mover, asking=asking, lending=lending, at=command.at
        )
        name = "handed_over" if command.move == "hand_over" else "freed"
        yield from _both(kept, moved, unit_kept, bound, command, given, name=name)

    return commanding.carry_out("loan", loan_id, command, makes)


def _to_lend(
    desk: Desk, loan: Loan, unit_id: str, mover: Mover, reaches: Callable[[str], bool]
) -> tuple[Unit, Kept]:
    """Return what is to be lent. One that is not theirs is unknown. Raises BadInput."""
    asking = desk.path(loan.office)
    rules_of.step(loan, "approve")
    if not rules_of.may_move(loan, "approve", mover, asking=asking, lending=()):
        raise NotAllowed(move="approve", role=mover.role)
    try:
        unit, kept = find_unit(desk, unit_id)
    except Unknown:
        raise BadInput.of("unit", "unit.unknown") from None
    if not reaches(unit.office):
        raise BadInput.of("unit", "unit.unknown")
    return unit, kept


def _both(  # noqa: PLR0917 - the two sides of one decision
    kept: Kept,
    loan: Loan,
    unit_kept: Kept | None,
    unit: Unit | None,
    command: Command,
    given: Given,
    *,
    name: str,
) -> Iterator[Change]:
    """Yield what changes: the loan, and beside it what is lent, listed where it is then."""
    counties = kept.counties
    if unit is not None:
        counties = (loan.county, unit.county)
    yield commanding.change(
        kept, command, loan.to_json(), words=given.words, counties=counties,
        over=loan.stage in rules_of.OVER,
    )  # fmt: skip
    if unit is not None and unit_kept is not None:
        where = (unit.county, loan.county) if unit.away else (unit.county,)
        yield commanding.change(
            unit_kept, command, unit.to_json(), name=name, counties=where, beside=True
        )


def loan_moves(desk: Desk, loan: Loan, by: Staff) -> list[str]:
    """Return the moves of a loan that somebody may make now, the main one first."""
    mover = Mover(by.staff_id, by.role.value, by.path)
    asking, lending = desk.path(loan.office), desk.path(loan.lender)
    return [
        move
        for move, (sources, _) in EDGES.items()
        if loan.stage in sources
        and rules_of.may_move(loan, move, mover, asking=asking, lending=lending)
    ]


def eligible(desk: Desk, loan: Loan, own: Fleet) -> list[Unit]:
    """Return what may be lent to who asked, the smallest first, of what an approver oversees."""
    asking = desk.path(loan.office)
    found = [
        unit
        for unit in own.of(loan.sort)
        if unit.is_free
        and not unit.away
        and unit.kw >= loan.kw
        and (not loan.skill or loan.skill in unit.skills)
        and desk.path(unit.office)[: len(asking)] != asking
    ]
    return sorted(found, key=lambda unit: (unit.kw, unit.office, unit.unit_id))


# Showing ----------------------------------------------------------------------------------------


def unit_row(
    desk: Desk,
    unit: Unit,
    own: Fleet,
    *,
    busy: Mapping[str, str] = MappingProxyType({}),
    may_move: bool = False,
    language: str,
    at: datetime,
) -> dict[str, Any]:
    """Return a crew or truck as it is listed. busy: crew → the outage that it works on."""
    kept, job = own.kept.get(unit.unit_id), unit.job
    names = unit_moves(unit) if may_move else []
    return {
        "id": unit.unit_id,
        "sort": unit.sort.value,
        "name": own.name(desk, unit.unit_id),
        "office": unit.office,
        "office_name": _office(desk, unit.office),
        "with_office": unit.with_office,
        "with_name": _office(desk, unit.with_office),
        "county": unit.county,
        "kw": unit.kw,
        "skills": list(unit.skills),
        "place": unit.place or None,
        "place_name": _place(desk, unit, at) or None,
        "state": unit.state.value,
        "free": unit.is_free and unit.unit_id not in busy,
        "on_duty": is_on_duty(desk, unit, at=at) if unit.sort is Sort.CREW else None,
        "outage": job.outage if job else busy.get(unit.unit_id),
        "load_kw": job.kw if job else None,
        "since": stamp(job.since) if job else None,
        "loan": unit.loan or None,
        "version": kept.version if kept else 0,
        "moves": [
            {**commanding.move_row("resource", name, UNIT_NEEDS[name], language),
             "primary": name == names[0] and name != "describe"}
            for name in names
        ],
    }  # fmt: skip


def _office(desk: Desk, office_id: str) -> str:
    office = desk.snapshot.offices.get(office_id)
    return office.name if office else office_id


def _place(desk: Desk, unit: Unit, at: datetime) -> str:
    if not unit.place:
        return ""
    here = customers.places(county_now(desk, unit), at=at)
    return next((place.name for place in here if place.code == unit.place), unit.place)


def at_work(heads: Iterable[Head]) -> dict[str, str]:
    """Return which outage each crew works on."""
    return {
        head.outage.crew.crew_id: head.outage.outage_id
        for head in heads
        if head.outage.crew is not None
        and head.outage.crew.status != "done"
        and head.outage.state in OPEN
    }


def reason_rows(reasons: Sequence[Reason], language: str) -> list[dict[str, str]]:
    """Return reasons in words."""
    return [
        {
            "name": reason.name,
            "text": wording.say(
                f"resource.reason.{reason.name}", language, **_said(reason, language)
            ),
        }
        for reason in reasons
    ]


def _said(reason: Reason, language: str) -> dict[str, Any]:
    facts = dict(reason.facts)
    if "skill" in facts:
        facts["skill"] = wording.say(f"resource.skill.{facts['skill']}", language)
    if "minutes" in facts:
        facts["span"] = wording.span(int(facts["minutes"]), language)
    return facts


def crew_row(desk: Desk, one: rules_of.Ranked, own: Fleet, *, language: str) -> dict[str, Any]:
    """Return a crew as it is advised."""
    unit, who = one.candidate.unit, one.candidate
    return {
        "id": unit.unit_id,
        "name": own.name(desk, unit.unit_id),
        "office_name": _office(desk, unit.with_office),
        "free": who.is_free,
        "on_duty": who.on_duty,
        "km": None if one.km is None else round(one.km, 1),
        "busy_outage": who.busy or None,
        "busy_until": stamped(who.busy_until),
        "skills": list(unit.skills),
        "reasons": reason_rows(one.reasons, language),
    }


def priority_row(head: Head, one: Priority, *, language: str) -> dict[str, Any]:
    """Return an outage in its place on the list of restorations, with every reason."""
    outage = head.outage
    return {
        "outage": outage.outage_id,
        "rank": one.rank,
        "score": one.score,
        "area": str(head.shown.get("area", "")),
        "state": outage.state.value,
        "since": stamped(outage.since),
        "etr": stamped(outage.etr.at if outage.etr else None),
        "households": outage.dark.households,
        "crew_status": outage.crew.status if outage.crew else None,
        "reasons": [
            {
                "name": because.band,
                "text": wording.say(f"resource.band.{because.band}", language, n=because.count),
                "count": because.count,
                "points": because.points,
            }
            for because in one.reasons
        ],
    }


def want_rows(
    desk: Desk,
    advised: Allocated,
    own: Fleet,
    *,
    only: Collection[str],
    language: str,
    at: datetime,
) -> list[dict[str, Any]]:
    """Return who needs a truck: advised, served or short, in that order. only: of these outages."""
    given = [
        (each.want, "advised", each.unit, each.km, each.reasons) for each in advised.found.given
    ]
    served = [(want, "served", unit, None, ()) for want, unit in advised.found.served]
    short = [(want, "short", None, None, (why,)) for want, why in advised.found.short]
    rows = [one for one in (*given, *served, *short) if one[0].outage in only]
    named = customers.find_households(advised.accounts[want.customer] for want, *_ in rows)
    return [
        {
            "outage": want.outage,
            "account": advised.accounts[want.customer],
            "name": mask_name(named[advised.accounts[want.customer]].name)
            if advised.accounts[want.customer] in named
            else "",
            "need": want.need,
            "need_label": wording.say(f"resource.need.{want.need}", language),
            "place": want.place,
            "place_name": _named(want.place, at),
            "kw": want.kw,
            "deadline": stamp(want.deadline),
            "expected": stamp(want.back),
            "expected_known": want.known,
            "state": state,
            "unit": unit.unit_id if unit else None,
            "unit_name": own.name(desk, unit.unit_id) if unit else None,
            "unit_kw": unit.kw if unit else None,
            "unit_version": own.kept[unit.unit_id].version if unit else None,
            "km": None if km is None else round(km, 1),
            "reasons": reason_rows(reasons, language),
        }
        for want, state, unit, km, reasons in rows
    ]


def _named(code: str, at: datetime) -> str:
    place = customers.known_place(code, at=at)
    return place.name if place else code


def loan_row(desk: Desk, kept: Kept, by: Staff, *, language: str, at: datetime) -> dict[str, Any]:
    """Return a loan as it is listed, with the moves that somebody may make."""
    loan = Loan.from_json(kept.value)
    unit = resources.lookup("unit", loan.unit) if loan.unit else None
    own = Fleet((), {} if unit is None else {loan.unit: unit})
    names = loan_moves(desk, loan, by)
    return {
        "id": loan.loan_id,
        "sort": loan.sort.value,
        "stage": loan.stage.value,
        "office": loan.office,
        "office_name": _office(desk, loan.office),
        "asked_by_name": staff_name(desk, loan.asked_by),
        "asked_at": stamp(loan.asked_at),
        "start": stamp(loan.start),
        "until": stamp(loan.until),
        "reason": loan.reason,
        "kw": loan.kw or None,
        "skill": loan.skill or None,
        "outage": loan.outage or None,
        "unit": loan.unit or None,
        "unit_name": own.name(desk, loan.unit) if loan.unit else None,
        "lender": loan.lender or None,
        "lender_name": _office(desk, loan.lender) if loan.lender else None,
        "decided_by_name": staff_name(desk, loan.decided_by) if loan.decided_by else None,
        "decided_at": stamped(loan.decided_at),
        "refusal": loan.refusal or None,
        "out_at": stamped(loan.out_at),
        "back_at": stamped(loan.back_at),
        "late": loan.is_late(at),
        "version": kept.version,
        "moves": [
            {**commanding.move_row("loan", name, LOAN_NEEDS[name], language),
             "primary": name == names[0]}
            for name in names
        ],
    }  # fmt: skip
