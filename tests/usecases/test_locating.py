"""What is reported becomes outages: one a fault, and never against a person's word."""

import random
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain import outage_moves as moves
from chalicelib.domain.clocks import instant
from chalicelib.domain.grid import Device, Load, Network
from chalicelib.domain.grid.maps import feeders, pack, transfer
from chalicelib.domain.limits import parse_override
from chalicelib.domain.order import Actor
from chalicelib.domain.outage import UNANSWERED, Kind, State, verify_against
from chalicelib.store import customers, grid, ledger, orders, outages
from chalicelib.store.customers import Household
from chalicelib.store.outages import Change, Head
from chalicelib.usecases import joining, locating, queueing, tracing, watching
from chalicelib.usecases.desk import Desk
from chalicelib.usecases.locating import Reported, Taken
from tests.store.faults import KILLED_AFTER, KILLED_BEFORE, Faults, Killed
from tests.usecases.county import CITY, COUNTY, MINUTE, NOON, STATION, work
from tests.usecases.network import TRANSFORMERS, a_grid, a_network, account, households
from tests.usecases.test_outages import BREAKER, SWITCH, create, do
from tests.usecases.test_responding import House, a_call


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """The desk of a county with a network."""
    a_grid()
    queueing.forget(COUNTY)
    return desk


def event(
    kind: str, subject: str, number: int = 1, *, sort: str = "device", minutes: float = 0,
    source: str = "scada", **said: Any,
) -> Reported:  # fmt: skip
    return Reported(kind, sort, subject, source, number, NOON + minutes * MINUTE, **said)


def meters(
    *transformers: str, kind: str = "meter_off", minutes: float = 0, since: int = 0
) -> list[Reported]:
    """Every meter of these transformers reports. since: from where its platform counts on."""
    return [
        event(kind, f"M{account(each, box, number)}",
              since + index * 10 + box * 2 + number, sort="meter",
              source=f"hes-{kind}", minutes=minutes + 0.1)
        for index, each in enumerate(transformers)
        for box in (1, 2)
        for number in (1, 2)
    ]  # fmt: skip


def test_a_call_whose_telephone_is_known_is_evidence_at_its_supply_point(desk):
    homes = [each for each in households() if each.transformer_id == "T-03"]
    tracing.remember_phones(homes, secret=desk.secret)
    number = homes[0].phones[0].number
    said = [event("call", number, 1, sort="phone"), event("call", "16900009999", 2, sort="phone")]
    taken = send(desk, said)

    assert (taken.accepted, taken.unknown) == (1, [(1, "16900009999")])
    kept = [
        raw for raw in grid.evidence_since(COUNTY, "feeder/F1", NOON - 60 * MINUTE) if "k" in raw
    ]
    assert [(raw["u"], raw["m"]) for raw in kept] == [(homes[0].load_id, homes[0].account_no)]
    lost = locating.unplaced([COUNTY], at=NOON + MINUTE)
    assert [one["subject"] for one in lost] == ["****999"]
    assert number[-8:] not in repr([kept, lost])


def test_a_telephone_of_several_supply_points_or_given_up_is_evidence_of_none(desk):
    first, second, *_ = [each for each in households() if each.transformer_id == "T-01"][::2]
    shared = replace(second, phones=(*second.phones, *first.phones))
    customers.put_households(customers.compare_households(None, [shared]))
    tracing.remember_phones([first, shared], secret=desk.secret)
    number = first.phones[0].number
    assert send(desk, [event("call", number, 1, sort="phone")]).accepted == 0

    customers.put_households(customers.compare_households(None, [replace(shared, phones=())]))
    assert send(desk, [event("call", number, 2, sort="phone")], minutes=1).accepted == 1


def send(
    desk: Desk, events: Iterable[Reported], *, minutes: float = 0.5, office: str = COUNTY
) -> Taken:
    return locating.take(desk, list(events), office_id=office, by="k1", at=NOON + minutes * MINUTE)


def keep(network: Network, *, minutes: float) -> None:
    """Keep a network as the county's maps from then on."""
    versions = {name: each.version for name, each in grid.all_maps(COUNTY).items()}
    found = feeders(network)
    changed = {str(one.key): (pack(one), versions.get(str(one.key), 0)) for one in found}
    grid.save(COUNTY, changed, at=NOON + minutes * MINUTE)
    for one in found:
        homes = {device.device_id: f"{COUNTY}/{one.key}" for device in one.devices}
        grid.put_places_of("device", homes)


def board() -> list[tuple[str, tuple[str, ...], int]]:
    return sorted(
        (each.state.value, each.devices, each.dark.households)
        for each in outages.board(COUNTY).outages
    )


def with_limits(desk: Desk, **amounts: str) -> Desk:
    """The desk of a county that has set limits `inference.*` of its own."""
    units = {"patience": "minute", "callers": "count", "window": "hour", "denial": "hour",
             "unanswered": "hour", "fade": "hour"}  # fmt: skip
    overrides = [
        (
            COUNTY,
            parse_override(
                {
                    "id": f"inference.{name}",
                    "amount": amount,
                    "unit": units[name],
                    "effective_from": "2026-01-01",
                    "source": "test",
                }
            ),
        )
        for name, amount in amounts.items()
    ]
    return replace(desk, snapshot=replace(desk.snapshot, overrides=tuple(overrides)))


def after_hold(desk: Desk, minutes: float = 20) -> list[str]:
    return locating.infer(desk, COUNTY, ["feeder/F1"], at=NOON + minutes * MINUTE)


def test_an_open_breaker_is_suspected_at_once_and_confirmed_when_it_does_not_reclose(desk):
    taken = send(desk, [event("device_open", BREAKER)])

    assert (taken.accepted, len(taken.outages)) == (1, 1)
    assert board() == [("suspected", (BREAKER,), 12)]
    after_hold(desk)
    assert board() == [("confirmed", (BREAKER,), 12)]
    (outage,) = outages.board(COUNTY).outages
    assert outage.rounds
    verify_against(outage, ledger.links(f"outage/{outage.outage_id}"))


def test_a_breaker_that_recloses_within_the_hold_off_is_momentary_and_tells_nobody(desk):
    send(desk, [event("device_open", BREAKER)])
    (outage,) = outages.board(COUNTY).outages
    send(desk, [event("device_close", BREAKER, 2, minutes=0.6)], minutes=0.9)

    over = outages.get(outage.outage_id).outage
    assert (over.state, dict(over.rounds)) == (State.MOMENTARY, {})
    assert board() == []


def test_a_breaker_that_is_locked_out_is_confirmed_and_told_at_once(desk):
    send(desk, [event("device_open", BREAKER, lockout=True)], minutes=0.1)

    assert board() == [("confirmed", (BREAKER,), 12)]
    (outage,) = outages.board(COUNTY).outages
    assert [each.kind for each in outage.rounds.values()] == ["start"]


def test_a_trip_that_turns_out_locked_out_ends_the_hold_off_and_is_told_once(desk):
    send(desk, [event("device_open", BREAKER)], minutes=0.05)
    assert board() == [("suspected", (BREAKER,), 12)]
    again = [event("device_open", BREAKER, 2, minutes=0.1, lockout=True)]
    send(desk, again, minutes=0.2)
    send(desk, again, minutes=0.3)

    (outage,) = outages.board(COUNTY).outages
    assert (outage.state, len(outage.rounds)) == (State.CONFIRMED, 1)
    assert "hold" not in {due.what for due in moves.dues(outage, rules=desk.rules(COUNTY))}
    after_hold(desk)
    assert len(outages.get(outage.outage_id).outage.rounds) == 1
    verify_against(outage, ledger.links(f"outage/{outage.outage_id}"))


def test_only_a_device_that_opened_is_locked_out_and_a_sequence_stands_for_one_thing(desk):
    sent = [
        event("device_close", BREAKER, 1, lockout=True),
        event("fault_indicator", BREAKER, 2, lockout=True),
        event("device_open", BREAKER, 3),
    ]
    assert send(desk, sent).refused == [(0, "event.lockout"), (1, "event.lockout")]
    same = [event("device_open", BREAKER, 3, lockout=True)]
    assert send(desk, same).refused == [(0, "event.sequence")]


def test_events_that_come_twice_change_nothing(desk):
    events = [event("device_open", BREAKER), *meters("T-01")]
    send(desk, events)
    before = outages.board(COUNTY)

    again = send(desk, events, minutes=0.6)

    assert (again.accepted, again.duplicate, again.outages) == (0, 5, [])
    assert outages.board(COUNTY).heads == before.heads


def test_two_platforms_may_count_their_events_alike(desk):
    send(desk, [event("meter_off", f"M{account('T-03', 1, 1)}", 7, sort="meter", source="a")])
    taken = send(
        desk, [event("meter_off", f"M{account('T-03', 1, 2)}", 7, sort="meter", source="b")]
    )
    assert (taken.accepted, taken.duplicate) == (1, 0)


def test_meters_alone_find_the_section_behind_the_switch(desk):
    send(desk, meters("T-03"))
    after_hold(desk, 5)
    ((_, devices, households),) = board()
    assert households == 4
    assert "T-03" in devices or SWITCH in devices


def test_what_is_unknown_of_another_county_too_late_or_in_the_future_is_named(desk):
    grid.put_places_of("device", {"FAR-CB": "X9/feeder/F9"})
    taken = send(
        desk,
        [
            event("device_open", "nothing"),
            event("device_open", "FAR-CB", 2),
            event("device_open", BREAKER, 3, minutes=60),
            event("device_open", BREAKER, 4, minutes=-24 * 60),
            event("device_open", f"M{account('T-01', 1, 1)}", 5, sort="meter"),
            event("meter_off", "M-none", 6, sort="meter"),
        ],
    )

    assert taken.unknown == [(0, "nothing"), (1, "FAR-CB"), (5, "M-none")]
    assert taken.refused == [
        (2, "occurred_at.in_future"), (3, "event.too_old"), (4, "event.subject"),
    ]  # fmt: skip
    listed = locating.unplaced([COUNTY], at=NOON + 2 * MINUTE)
    assert {each["subject"] for each in listed} == {"nothing", "FAR-CB", "M-none"}
    assert board() == []


def test_a_sequence_that_stood_for_something_else_is_refused_by_name_not_lost(desk):
    """A platform that begins to count anew would else be silently deaf for half a day."""
    mine = [
        event("meter_off", f"M{account('T-01', 1, 1)}", 7, sort="meter"),
        event("meter_off", f"M{account('T-01', 1, 2)}", 7, sort="meter"),
    ]
    first = send(desk, mine)
    other = [event("meter_off", f"M{account('T-02', 1, 1)}", 7, sort="meter", minutes=1), mine[0]]
    again = send(desk, other, minutes=2)

    assert (first.accepted, first.duplicate, first.refused) == (1, 0, [(1, "event.sequence")])
    assert (again.accepted, again.duplicate, again.refused) == (0, 1, [(0, "event.sequence")])


def test_a_switch_that_feeds_nobody_alone_and_a_place_without_power_open_nothing(desk):
    """An open tie, one of two that feed a place together, a box on an island."""
    network = a_network()
    twin = Device("T-01-FU2", "fuse", "F1-S1", "T-01-H", protective=True, feeder_id="F1",
                  substation_id="SS")  # fmt: skip
    isle = Load("ISLE", "NOWHERE-BUS", transformer_id="T-ISLE", feeder_id="F1")
    wire = Device("ISLE-LV", "breaker", "ISLE-H", "NOWHERE-BUS", feeder_id="F1", protective=True,
                  substation_id="SS")  # fmt: skip
    keep(Network((*network.devices, twin, wire), (*network.loads, isle)), minutes=1)
    alone = Household(account_no="ISLE1", transformer_id="ISLE-LV", load_id="ISLE")
    customers.put_households(customers.compare_households(COUNTY, [alone]))
    events = [
        event("device_open", "TIE", 1),
        event("device_open", "T-01-FU2", 2),
        event("device_open", "ISLE-LV", 3),
        event("meter_off", "ISLE1", 4, sort="account"),
    ]

    taken = send(desk, events, minutes=2)
    after_hold(desk, 5)

    assert (taken.accepted, taken.refused, taken.unknown) == (4, [], [])
    assert board() == []


def test_a_key_of_the_city_reaches_its_counties_and_one_of_elsewhere_does_not(desk):
    assert send(desk, [event("device_open", BREAKER)], office=CITY).accepted == 1
    assert send(desk, [event("device_open", BREAKER, 2)], office="X9").unknown == [(0, BREAKER)]


def test_a_person_s_denial_stands_against_the_evidence_before_it(desk):
    send(desk, [event("device_open", SWITCH), *meters("T-03")])
    (head,) = outages.board(COUNTY).heads
    do(desk, head, "deny", 5)
    send(desk, meters("T-04", kind="ping_reply", minutes=5), minutes=6)

    assert board() == []


def test_a_person_s_word_is_not_withdrawn_and_a_closed_device_starts_the_entry_clock(desk):
    head = create(desk, SWITCH)
    send(desk, meters("T-03", kind="ping_reply", minutes=3), minutes=4)
    assert [each[0] for each in board()] == ["confirmed"]

    switched = [
        event("device_open", SWITCH, 1),
        event("device_close", SWITCH, 2, minutes=9),
    ]
    send(desk, switched, minutes=10)
    known = outages.get(head.outage.outage_id).outage
    assert known.state is State.CONFIRMED
    assert known.known["restored"][0] == NOON + 9 * MINUTE


def test_what_was_restored_is_not_opened_again_by_what_was_said_before(desk):
    send(desk, [event("device_open", BREAKER)])
    after_hold(desk)
    (head,) = outages.board(COUNTY).heads
    do(desk, head, "restore", 30)
    send(desk, meters("T-04", kind="ping_reply", minutes=31), minutes=32)

    assert board() == []


def test_a_suspicion_that_meters_contradict_is_withdrawn(desk):
    send(desk, [event("meter_off", f"M{account('T-03', 1, 1)}", sort="meter"),
                event("meter_off", f"M{account('T-03', 1, 2)}", 2, sort="meter")])  # fmt: skip
    assert [each[2] for each in board()] == [2]
    (outage,) = outages.board(COUNTY).outages
    send(desk, meters("T-03", kind="meter_on", minutes=2), minutes=3)

    assert board() == []
    assert outages.get(outage.outage_id).outage.closed_at is not None


def test_what_was_reported_of_a_suspicion_that_inference_took_back_still_counts(desk):
    send(desk, [event("meter_off", f"M{account('T-03', 1, 1)}", sort="meter"),
                event("meter_off", f"M{account('T-03', 1, 2)}", 2, sort="meter")])  # fmt: skip
    (outage,) = outages.board(COUNTY).outages
    at, rules = NOON + MINUTE, desk.rules(COUNTY)
    joining.change(outage.outage_id, lambda now: moves.withdraw(now, joining.act(at), rules=rules))

    weighed, _ = locating.weighed_for(desk, outage, at=NOON + 2 * MINUTE)

    assert [each.kind.value for each in weighed.evidence] == ["meter_off", "meter_off"]


def test_a_wider_fault_takes_the_narrower_in_with_its_repair_order(desk):
    send(desk, meters("T-03"))
    (small,) = outages.board(COUNTY).outages
    if small.state is State.SUSPECTED:
        after_hold(desk, 6)
        (small,) = outages.board(COUNTY).outages
    joining.open_repair(desk, small.outage_id, at=NOON + 6 * MINUTE)
    repair = outages.get(small.outage_id).outage.order_id
    send(
        desk,
        [
            event("device_open", BREAKER, 50, minutes=6),
            *meters("T-01", "T-02", minutes=6, since=50),
        ],
        minutes=7,
    )
    after_hold(desk, 30)

    assert sum(households for *_, households in board()) == 12
    assert outages.get(small.outage_id).outage.state in {
        State.ABSORBED,
        State.PROBABLE,
        State.CONFIRMED,
    }
    for each in outages.board(COUNTY).outages:
        joining.open_repair(desk, each.outage_id, at=NOON + 31 * MINUTE)
    first = {each.order_id for each in outages.board(COUNTY).outages}
    assert repair in first


def guessed(desk: Desk, grade: State, *callers: tuple[str, int, int]) -> tuple[Head, list[str]]:
    """The breaker was the first guess, with a repair order; these callers' orders lie under it."""
    act, rules = joining.act(NOON + MINUTE), desk.rules(COUNTY)
    reach = tracing.around(COUNTY, ["feeder/F1"]).behind([BREAKER])
    made = moves.open_outage(
        act, outage_id="261122-GUESS1", kind=Kind.FAULT, county=COUNTY, office=COUNTY,
        devices=[BREAKER], feeders=["F1"], reach=reach, since=NOON, grade=grade, rules=rules,
    )  # fmt: skip
    outages.commit(Change(None, made, shown={"area": "河尾村"}), gate=outages.board(COUNTY))
    numbers = [
        a_call(desk, "k" * number, place=who[0], account_no=account(*who))
        for number, who in enumerate(callers, start=1)
    ]
    joining.open_repair(desk, made.outage.outage_id, at=NOON + MINUTE)
    head = outages.get(made.outage.outage_id)
    assert set(head.outage.children) == set(numbers)
    return head, numbers


def test_a_guess_that_proves_too_wide_hands_over_what_is_explained_and_keeps_the_rest(desk):
    """With the callers' orders of that part; they leave the repair order that stays behind."""
    old, (there, here) = guessed(desk, State.CONFIRMED, ("T-03", 1, 1), ("T-01", 1, 1))
    send(desk, [*meters("T-03", minutes=1), *meters("T-02", kind="ping_reply", minutes=2)],
         minutes=3)  # fmt: skip

    left = outages.get(old.outage.outage_id).outage
    (new,) = (each for each in outages.board(COUNTY).outages if each.outage_id != left.outage_id)
    assert {SWITCH, "T-03"} & set(new.devices)
    assert (new.dark.households, left.dark.households) == (4, 8)
    assert (new.children, left.children) == ((there,), (here,))
    assert left.order_id == old.outage.order_id

    joining.open_repair(desk, new.outage_id, at=NOON + 4 * MINUTE)
    repair = outages.get(new.outage_id).outage.order_id
    assert repair not in {"", left.order_id}
    assert orders.get(there).order.parent == repair
    assert orders.get(here).order.parent == left.order_id
    for each in outages.board(COUNTY).outages:
        verify_against(each, ledger.links(f"outage/{each.outage_id}"))


def test_what_was_only_guessed_and_is_not_explained_is_withdrawn_not_handed_over(desk):
    old, (there, here) = guessed(desk, State.PROBABLE, ("T-03", 1, 1), ("T-01", 1, 1))
    send(desk, meters("T-03", minutes=1), minutes=3)

    (new,) = outages.board(COUNTY).outages
    assert (new.dark.households, new.children) == (4, (there,))
    gone = outages.get(old.outage.outage_id).outage
    assert (gone.state, gone.children) == (State.CANCELLED, (here,))


def suspected(desk: Desk) -> Head:
    """Both households of a box of T-01 called, others had time to, and nobody answered."""
    send(desk, [call("T-01", 1, 1), call("T-01", 1, 2)])
    minute_by_minute(desk, 1, 6)
    (head,) = outages.board(COUNTY).heads
    return head


@pytest.mark.parametrize("hours", [1, 5, 11])
def test_a_suspicion_nobody_answered_does_not_pull_a_new_fault_s_explanation_upward(desk, hours):
    old, minutes = suspected(desk), hours * 60.0
    send(desk, meters("T-03", minutes=minutes), minutes=minutes + 0.2)
    after_hold(desk, minutes + 3)

    (new,) = (
        each for each in outages.board(COUNTY).outages if each.outage_id != old.outage.outage_id
    )
    assert new.dark.households == 4
    assert BREAKER not in new.devices
    assert new.since is not None
    assert new.since >= NOON + minutes * MINUTE


def test_a_suspicion_nobody_answered_is_taken_back_in_the_end_and_says_why(desk):
    old = suspected(desk)
    longer = with_limits(desk, unanswered="24", fade="24")
    locating.infer(longer, COUNTY, ["feeder/F1"], at=NOON + 13 * 60 * MINUTE)
    assert outages.get(old.outage.outage_id).outage.closed_at is None

    locating.infer(desk, COUNTY, ["feeder/F1"], at=NOON + 13 * 60 * MINUTE)

    assert outages.get(old.outage.outage_id).outage.state is State.CANCELLED
    *_, last = ledger.read(f"outage/{old.outage.outage_id}")
    assert (last.name, last.data["reason"]) == ("withdraw", UNANSWERED)


def test_who_sees_to_a_suspicion_s_repair_has_answered_it(desk):
    old = suspected(desk)
    by = Actor("crew", "c1", STATION)
    at = NOON + 7 * MINUTE
    crew = moves.set_crew(
        old.outage, moves.Act(by, at, at), status="set_out", crew_id="c1", rules=desk.rules(COUNTY)
    )
    outages.commit(Change(old, crew))
    locating.infer(desk, COUNTY, ["feeder/F1"], at=NOON + 20 * 60 * MINUTE)

    assert outages.get(old.outage.outage_id).outage.closed_at is None


@pytest.mark.parametrize(("steps", "stays"), [((), False), (("dispatch", "receive"), True)])
def test_a_repair_order_that_nobody_took_is_no_answer_and_one_at_work_is(desk, steps, stays):
    old = suspected(desk)
    joining.open_repair(desk, old.outage.outage_id, at=NOON + 7 * MINUTE)
    repair = outages.get(old.outage.outage_id).outage.order_id
    if steps:
        work(desk, repair, *steps, start=NOON + 8 * MINUTE)
    locating.infer(desk, COUNTY, ["feeder/F1"], at=NOON + 20 * 60 * MINUTE)

    assert (outages.get(old.outage.outage_id).outage.closed_at is None) is stays


def test_no_household_is_dark_in_two_outages_whatever_comes_in_whatever_order(desk):
    batches = [
        meters("T-03"), [event("device_open", "T-01-FU", 60, minutes=2)],
        [event("device_open", SWITCH, 61, minutes=3)], meters("T-01", "T-02", minutes=4),
        [event("device_open", BREAKER, 62, minutes=5)],
    ]  # fmt: skip
    for number, batch in enumerate(batches):
        send(desk, batch, minutes=6 + number)
        open_outages = outages.board(COUNTY).outages
        together = sum(each.dark.households for each in open_outages)
        boxes = [(each, f"{each}-X{box}") for each in TRANSFORMERS for box in (1, 2)]
        dark = [box for box in boxes if any(each.dark.covers(*box) for each in open_outages)]
        assert together == 2 * len(dark)
    for each in outages.board(COUNTY).outages:
        verify_against(each, ledger.links(f"outage/{each.outage_id}"))


FAULTS = {
    "a transformer": meters("T-03"),
    "a fuse that tells of itself": [event("device_open", "T-01-FU", 60), *meters("T-01")],
    "two at once": [*meters("T-01"), *meters("T-04", since=40)],
    "the feeder": [event("device_open", BREAKER, 62), *meters("T-01", "T-02", "T-03")],
    "tripped and reclosed": [
        event("device_open", BREAKER, 70, minutes=-0.2),
        event("device_close", BREAKER, 71),
        *meters("T-01"),
    ],
    "off and on again": [*meters("T-02"), *meters("T-02", kind="meter_on", minutes=0.1)],
    "asked who has power": [
        *meters("T-03"),
        *meters("T-01", kind="ping_reply", minutes=0.1),
        *meters("T-02", kind="ping_missed", minutes=0.1),
    ],
}
DAY = 24 * 60.0


def pictured(
    desk: Desk, parts: Iterable[list[Reported]], *, days: int
) -> list[tuple[str, tuple[str, ...], int]]:
    """Return what the board shows when events came in these parts, so many days on; clear it."""
    for number, part in enumerate(parts):
        later = [
            replace(
                each,
                sequence=each.sequence + 1_000 * days,
                occurred_at=each.occurred_at + days * DAY * MINUTE,
            )
            for each in part
        ]
        send(desk, later, minutes=days * DAY + 0.3 + number / 50)
    after_hold(desk, days * DAY + 8)
    seen = board()
    for head in outages.board(COUNTY).heads:
        do(desk, head, "restore", days * DAY + 60)
    assert board() == []
    return seen


@pytest.mark.parametrize("name", FAULTS)
def test_late_or_out_of_order_the_same_events_end_in_the_same_picture(desk, name):
    """While nobody has been told, within the hold-off: what was told is not taken back."""
    events, dice = FAULTS[name], random.Random(name)  # noqa: S311 - the same each time
    expected = pictured(desk, [sorted(events, key=lambda each: each.occurred_at)], days=0)
    assert expected or name in {"off and on again", "tripped and reclosed"}

    for days in (2, 4, 6):
        shuffled = dice.sample(events, len(events))
        first, last = sorted(dice.sample(range(1, len(events)), 2))
        parts = [shuffled[:first], shuffled[first:last], shuffled[last:] + shuffled[:1]]
        assert pictured(desk, parts, days=days) == expected, parts


def test_two_who_infer_at_once_make_one_outage(desk):
    events = [event("device_open", BREAKER), *meters("T-01", "T-02", "T-03")]
    failed: list[BaseException] = []

    def infer(number: int) -> None:
        try:
            send(desk, events, minutes=0.5 + number / 100)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=infer, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert [(devices, households) for _, devices, households in board()] == [((BREAKER,), 12)]


def test_a_caller_s_report_is_evidence_and_joins_the_outage_over_its_place(desk):
    head = create(desk, SWITCH)
    joining.open_repair(desk, head.outage.outage_id, at=NOON)
    number = a_call(desk, "k1", account_no=account("T-03", 1, 1))

    touched = locating.hear(desk, number, at=NOON + MINUTE)
    again = locating.hear(desk, number, at=NOON + 2 * MINUTE)

    assert touched == again == [head.outage.outage_id]
    assert orders.get(number).order.parent == outages.get(head.outage.outage_id).outage.order_id
    (kept,) = [raw for raw in grid.evidence_since(COUNTY, "feeder/F1", NOON) if "k" in raw]
    assert (kept["k"], kept["u"]) == ("call", "T-03-X1")


def test_callers_alone_raise_a_suspicion_before_anybody_opens_an_outage(desk):
    a_grid(size=25, at=NOON + timedelta(seconds=1))
    for index in range(4):
        number = account("T-03", 1 + index % 2, 1 + index // 2)
        order = a_call(desk, "k" * (index + 1), account_no=number)
        locating.hear(desk, order, at=NOON + 2 * MINUTE)

    ((state, devices, households),) = board()
    assert (state, households) == ("confirmed", 50)
    assert {"T-03", SWITCH} <= set(devices)
    (outage,) = outages.board(COUNTY).outages
    joining.open_repair(desk, outage.outage_id, at=NOON + 3 * MINUTE)
    assert len(outages.get(outage.outage_id).outage.children) == 4


# Calls alone are given time ----------------------------------------------------------------------


def call(transformer: str, box: int, number: int, *, minutes: float = 0, sequence: int = 1) -> Any:
    """A call that another platform took."""
    who = account(transformer, box, number)
    return event("call", who, sequence, sort="account", source=f"95598-{who}", minutes=minutes)


def minute_by_minute(desk: Desk, since: float, until: float) -> list[tuple[float, int]]:
    """Sweep each minute and do what that asks for. Returns when the board changed: how many."""
    seen: list[tuple[float, int]] = []
    minutes = since
    while minutes <= until:
        at = NOON + minutes * MINUTE
        queued: list[tuple[str, int, str]] = []
        watching.sweep(
            lambda: desk,
            at=at,
            counties=[COUNTY],
            enqueue=queued.extend,
            is_out_of_time=lambda: False,
        )
        for chain, seq, _ in queued:
            if chain.startswith(outages.WAITING):
                locating.look_at(desk, chain, was=instant(seq), at=at)
            elif chain.startswith("outage/"):
                locating.look_again(desk, chain.removeprefix("outage/"), at=at)
        if not seen or seen[-1][1] != len(board()):
            seen.append((minutes, len(board())))
        minutes += 1
    return seen


def test_one_caller_alone_suspects_nothing_however_often_and_long_they_call(desk):
    send(desk, [call("T-03", 1, 1), call("T-03", 1, 1, minutes=0.2, sequence=2)])
    number = a_call(desk, "k1", account_no=account("T-03", 1, 1))
    locating.hear(desk, number, at=NOON + MINUTE)

    assert board() == []
    assert minute_by_minute(desk, 1, 40) == [(1, 0)]


def test_s1_5_both_households_of_a_box_are_a_suspicion_once_the_others_had_time_to_call(desk):
    send(desk, [call("T-03", 1, 1)])
    send(desk, [call("T-03", 1, 2, minutes=0.5)], minutes=1)
    assert minute_by_minute(desk, 1, 14) == [(1, 0), (6, 1)]

    ((state, devices, households),) = board()
    assert state in {"suspected", "probable"}
    assert {"T-03", "T-03-X1-LV"} & set(devices)
    assert households == 2, "those who are dark whichever of the two it is"


def test_what_waits_is_weighed_though_its_message_was_lost(desk):
    send(desk, [call("T-03", 1, 1), call("T-03", 1, 2)])
    lost: list[tuple[str, int, str]] = []
    watching.sweep(
        lambda: desk, at=NOON + 6 * MINUTE, counties=[COUNTY], enqueue=lost.extend,
        is_out_of_time=lambda: False,
    )  # fmt: skip

    assert len(lost) == 1
    assert minute_by_minute(desk, 7, 10) == [(7, 0)]
    assert minute_by_minute(desk, 11, 13) == [(11, 1)]


def test_a_few_calls_of_many_households_that_nobody_joins_never_flicker_on_the_board(desk):
    a_grid(size=50, at=NOON + timedelta(seconds=1))
    send(desk, [call("T-01", 1, 1), call("T-03", 1, 1, minutes=0.3)])

    assert minute_by_minute(desk, 1, 30) == [(1, 0)]


def test_a_suspicion_from_calls_alone_is_not_withdrawn_before_its_patience_is_over(desk):
    send(desk, [call("T-03", 1, 1), call("T-03", 1, 2)])
    minute_by_minute(desk, 1, 6)
    assert len(board()) == 1
    a_grid(size=200, at=NOON + 6 * MINUTE)  # as if a hundred neighbours did not call
    more = [call("T-03", 1, 1, minutes=8, sequence=2)]
    send(desk, more, minutes=8)

    assert len(board()) == 1
    assert minute_by_minute(desk, 9, 20) == [(9, 1), (13, 0)]


def test_a_meter_with_power_withdraws_a_suspicion_from_calls_at_once(desk):
    send(desk, [call("T-03", 1, 1), call("T-03", 1, 2)])
    minute_by_minute(desk, 1, 6)
    assert len(board()) == 1
    send(desk, meters("T-03", kind="meter_on", minutes=7), minutes=7.5)

    assert board() == []


def test_a_person_s_word_is_not_withdrawn_for_want_of_callers(desk):
    create(desk, SWITCH)
    send(desk, [call("T-03", 1, 1)])

    assert minute_by_minute(desk, 1, 40) == [(1, 1)]


@pytest.mark.parametrize(
    ("set_to", "seen"),
    [({"patience": "1"}, [(1, 0), (2, 1)]), ({"callers": "3"}, [(1, 0)])],
    ids=["patience", "callers"],
)
def test_an_office_sets_how_long_calls_alone_wait_and_of_how_many_households(desk, set_to, seen):
    own = with_limits(desk, **set_to)
    send(own, [call("T-03", 1, 1), call("T-03", 1, 2)])

    assert minute_by_minute(own, 1, 20) == seen


def test_an_office_sets_how_far_back_reports_count_and_how_long_a_denial_holds(desk):
    own = with_limits(desk, window="1", denial="1")
    late = [event("device_open", BREAKER, minutes=-90)]
    assert send(own, late).refused == [(0, "event.too_old")]
    assert send(desk, late).accepted == 1

    send(own, [event("device_open", SWITCH, 7)])
    (head,) = (one for one in outages.board(COUNTY).heads if SWITCH in one.outage.devices)
    do(own, head, "deny", 5)
    again = [
        event("device_open", SWITCH, 8, minutes=50),
        event("device_open", SWITCH, 9, minutes=70),
    ]
    send(own, again[:1], minutes=51)
    assert SWITCH not in {each for _, devices, _ in board() for each in devices}
    send(own, again[1:], minutes=71)
    assert SWITCH in {each for _, devices, _ in board() for each in devices}


@pytest.mark.parametrize("symptom", ["flicker", "other"])
def test_a_report_of_something_else_is_no_evidence(desk, symptom):
    number = a_call(desk, "k1", symptom=symptom)
    assert locating.hear(desk, number, at=NOON + MINUTE) == []


def test_ten_thousand_events_at_once_are_taken_in_a_few_dozen_writes(desk):
    subjects = [
        f"M{account(each, box, n)}" for each in TRANSFORMERS for box in (1, 2) for n in (1, 2)
    ]
    events = [
        event("meter_off", subjects[number % len(subjects)], number, sort="meter", source="hes",
              minutes=(number % 50) / 100)
        for number in range(10_000)
    ]  # fmt: skip
    taken = send(desk, events)

    assert (taken.accepted, taken.duplicate, taken.refused) == (10_000, 0, [])
    assert sum(households for *_, households in board()) == 16


def test_an_outage_that_waited_is_looked_at_again_when_its_hold_off_is_over(desk, tmp_path):
    house = House(desk, tmp_path)
    send(desk, [event("device_open", BREAKER)])
    (head,) = outages.board(COUNTY).heads
    queued: list[tuple[str, int, str]] = []
    later = NOON + 2 * MINUTE
    watching.sweep(
        lambda: desk,
        at=later,
        counties=[COUNTY],
        enqueue=queued.extend,
        is_out_of_time=lambda: False,
    )
    house.pump(f"outage/{head.outage.outage_id}", at=later)

    (outage,) = outages.board(COUNTY).outages
    assert (outage.state, len(outage.rounds)) == (State.CONFIRMED, 1)
    assert outage.order_id


def test_a_report_is_heard_from_the_stream_and_found_when_that_was_lost(desk, tmp_path):
    house = House(desk, tmp_path)
    head = create(desk, SWITCH)
    number = a_call(desk, "k1", account_no=account("T-03", 1, 1))
    found = [each for _, _, each in house.waiting(number)]
    assert "1.heard.outage" in found

    late = watching.look_for_effects(desk, orders.get(number), NOON + 6 * MINUTE)
    assert "1.heard.outage" in {each for _, _, each in late}
    house.pump(number, at=NOON + 6 * MINUTE)

    assert outages.get(head.outage.outage_id).outage.children == (number,)
    flicker = a_call(desk, "k22", symptom="flicker")
    assert "1.heard.outage" not in {each for _, _, each in house.waiting(flicker)}


# Whatever dies ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [KILLED_BEFORE, KILLED_AFTER], ids=["before", "after"])
@pytest.mark.parametrize("number", range(2, 40, 5))
def test_who_dies_at_any_call_and_is_sent_the_batch_again_has_one_outage(
    desk, store, fault, number
):
    events = [event("device_open", BREAKER), *meters("T-01")]
    with Faults(store.connection.client) as faults:
        faults.at(number, fault)
        with suppress(Killed):
            send(desk, events)

    send(desk, events, minutes=0.6)

    assert [(devices, households) for _, devices, households in board()] == [((BREAKER,), 12)]
    (outage,) = outages.board(COUNTY).outages
    verify_against(outage, ledger.links(f"outage/{outage.outage_id}"))


@pytest.mark.parametrize("number", range(2, 40, 5))
def test_who_dies_while_opening_the_repair_order_and_comes_again_has_opened_one(
    desk, store, number
):
    caller = a_call(desk, "k1")
    head = create(desk, SWITCH)
    outage_id = head.outage.outage_id
    with Faults(store.connection.client) as faults:
        faults.at(number, KILLED_AFTER)
        with suppress(Killed):
            joining.open_repair(desk, outage_id, at=NOON)
    queueing.forget(COUNTY)

    joining.open_repair(desk, outage_id, at=NOON + MINUTE)

    outage = outages.get(outage_id).outage
    opened = [
        each for each in orders.queue(COUNTY, limit=20).heads if each.order.channel == "outage"
    ]
    assert [each.order.order_id for each in opened] == [outage.order_id]
    assert outage.children == (caller,)
    assert orders.get(caller).order.parent == outage.order_id


def test_s2_who_is_fed_another_way_meanwhile_is_restored_and_not_dark_anew(desk):
    network = a_grid(at=NOON + timedelta(seconds=1))
    head = create(desk, BREAKER)
    moved = transfer(network, opened=[SWITCH], closed=["TIE"])
    versions = {name: each.version for name, each in grid.all_maps(COUNTY).items()}
    changed = {str(one.key): (pack(one), versions[str(one.key)]) for one in moved}
    grid.save(COUNTY, changed, at=NOON + 5 * MINUTE)
    for one in moved:
        homes = {device.device_id: f"{COUNTY}/{one.key}" for device in one.devices}
        grid.put_places_of("device", homes)

    head = do(desk, head, "restore_part", 6, transformers=["T-03"])
    send(desk, meters("T-03", kind="meter_on", minutes=7), minutes=8)

    assert (head.outage.state, head.outage.dark.households) == (State.PARTIALLY_RESTORED, 8)
    assert [households for *_, households in board()] == [8]
    assert tracing.around(COUNTY, ["feeder/F2"]).behind(["F2-CB"]).households == 8
