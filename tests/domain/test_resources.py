"""Crews, trucks, who comes first and who may lend: rules that a supervisor could sign."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import resources
from chalicelib.domain.refusal import BadInput, IllegalMove, NotAllowed
from chalicelib.domain.resources import (
    ASSUMED_KM,
    BANDS,
    EDGES,
    NEEDS,
    OVER,
    POINTS,
    Candidate,
    Dark,
    Job,
    Loan,
    Mover,
    Near,
    Sort,
    Spot,
    Stage,
    State,
    Unit,
    Want,
    allocate,
    nearest,
    need_of,
    priorities,
)
from tests.domain.engine import NOON, RULES

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
CITY = ("P", "C")
OURS, THEIRS = (*CITY, "X-1"), (*CITY, "X-2")
HERE = Spot(114.0, 38.0)
EAST = Spot(114.1, 38.0)  # 8.8 km
FAR = Spot(114.5, 38.0)  # 43.8 km


def a_truck(unit_id="T1", **about: Any):
    plain = {"office": "X-1", "county": "X-1", "kw": 100, "place": "depot"}
    return Unit(unit_id=unit_id, sort=Sort.TRUCK, **{**plain, **about})


def a_crew(unit_id="c1", **about: Any):
    return Unit(unit_id=unit_id, sort=Sort.CREW, **{"office": "S1", "county": "X-1", **about})


def a_job(customer="k1", kw=50):
    return Job("o1", "T-01", customer, kw, NOON)


def a_candidate(unit_id="c1", *, unit=None, **about: Any):
    plain = {"near": Near.SAME_COUNTY, "on_duty": True}
    return Candidate(unit=unit or a_crew(unit_id), **{**plain, **about})


def a_want(customer="k1", **about: Any):
    plain = {
        "outage": "o1",
        "place": f"T-{customer}",
        "need": "key_first",
        "kw": 50,
        "since": NOON,
        "back": NOON + 5 * HOUR,
        "limit": HOUR,
    }
    return Want(customer=customer, **{**plain, **about})


def a_loan(**about: Any):
    plain = {
        "loan_id": "l1",
        "sort": Sort.TRUCK,
        "office": "X-1",
        "county": "X-1",
        "asked_by": "asker",
        "asked_at": NOON,
        "start": NOON,
        "until": NOON + 8 * HOUR,
        "reason": "storm",
        "kw": 80,
    }
    return Loan(**{**plain, **about})


def names(reasons):
    found = [reason.name for reason in reasons]
    assert set(found) <= resources.REASONS
    return found


# Needs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "about", "need"),
    [
        ({"life_support", "key"}, {"key": "special"}, "life_support"),
        ({"key"}, {"key": "special"}, "key_special"),
        ({"key"}, {"key": "nonsense"}, "key"),
        ({"key"}, {}, "key"),
        ({"sensitive"}, {"sensitive": "fish_farm"}, "fish_farm"),
        ({"sensitive"}, {}, "sensitive"),
        ({"lift", "vulnerable"}, {}, "lift"),
        ({"vip"}, {}, ""),
        ((), {"key": "first"}, ""),
    ],
)
def test_a_customer_counts_by_the_most_urgent_of_what_is_known_of_them(flags, about, need):
    assert need_of(flags, about) == need


@pytest.mark.parametrize("need", NEEDS)
def test_s0_16_how_long_each_need_bears_an_outage_and_its_load_are_limits_of_the_rule_set(need):
    assert resources.tolerated(need, NOON, RULES) > timedelta()
    assert RULES.number(f"resources.kw.{need}", NOON) > 0


def test_who_waits_without_a_word_is_assumed_to_wait_on_not_to_be_back():
    assumed = RULES.limit("resources.assumed_restoration", NOON).duration

    assert resources.expected(NOON - HOUR, None, at=NOON, rules=RULES) == NOON + assumed
    assert resources.expected(NOON - HOUR, NOON, at=NOON, rules=RULES) == NOON + assumed
    assert resources.expected(NOON - HOUR, NOON + HOUR, at=NOON, rules=RULES) == NOON + HOUR


# The nearest crew -------------------------------------------------------------------------------


def test_the_distance_is_the_great_circle():
    assert HERE.km(HERE) == 0
    assert HERE.km(EAST) == pytest.approx(8.76, abs=0.01)
    assert Spot(0, 0).km(Spot(180, 0)) == pytest.approx(3.141592653589793 * 6371)
    assert resources.middle([HERE, EAST]) == pytest.approx(Spot(114.05, 38.0))
    assert resources.middle([]) is None


def test_the_nearest_free_crew_stands_first_and_says_why():
    near = a_candidate("near", spot=EAST, near=Near.SAME_FEEDER)
    far = a_candidate("far", spot=FAR, near=Near.SERVES_AREA)

    first, second = nearest([far, near], HERE)

    assert [first.candidate.unit.unit_id, second.candidate.unit.unit_id] == ["near", "far"]
    assert first.km == pytest.approx(8.76, abs=0.01)
    assert names(first.reasons) == ["free", "on_duty", "same_feeder", "distance"]
    assert first.reasons[-1].facts == {"km": "8.8"}


def test_without_coordinates_who_serves_the_area_comes_before_the_feeder_and_the_county():
    crews = [a_candidate(near.value, near=near) for near in reversed(Near)]

    ranked = nearest(crews, None)

    assert [one.candidate.near for one in ranked] == list(Near)
    assert [one.km for one in ranked] == [None] * 4
    assert sorted(ASSUMED_KM.values()) == [ASSUMED_KM[near] for near in Near]


def test_a_known_distance_and_an_assumed_one_stand_on_one_scale():
    serves = a_candidate("serves", near=Near.SERVES_AREA)
    close = a_candidate("close", near=Near.ELSEWHERE, spot=Spot(114.01, 38.0))

    assert nearest([serves, close], HERE)[0].candidate.unit.unit_id == "close"


def test_who_is_busy_off_duty_promised_or_off_stands_behind_every_free_crew():
    crews = [
        a_candidate("busy", spot=HERE, busy="o2", busy_until=NOON),
        a_candidate("busy-longer", spot=HERE, busy="o3", busy_until=NOON + HOUR),
        a_candidate("busy-who-knows", spot=HERE, busy="o4"),
        a_candidate("asleep", spot=HERE, on_duty=False),
        a_candidate("lent", unit=a_crew("lent", loan="l1"), spot=HERE),
        a_candidate("free", spot=FAR),
    ]

    ranked = nearest(crews, HERE)

    order = [one.candidate.unit.unit_id for one in ranked]
    assert order == ["free", "asleep", "busy", "busy-longer", "busy-who-knows", "lent"]
    assert [one.candidate.is_free for one in ranked] == [True, True, False, False, False, False]
    assert names(ranked[2].reasons)[:2] == ["busy", "on_duty"]
    assert names(ranked[5].reasons)[0] == "state_promised"


def test_a_crew_that_can_do_it_comes_before_a_nearer_one_that_cannot_and_fewer_orders_decide():
    able = a_candidate("able", unit=a_crew("able", skills=("cable",)), spot=FAR)
    near = a_candidate("near", spot=HERE)
    assert nearest([near, able], HERE, skill="cable")[0].candidate.unit.unit_id == "able"
    assert names(nearest([near], HERE, skill="cable")[0].reasons)[2] == "unable"

    idle, loaded = a_candidate("idle"), a_candidate("a-loaded", orders=3)
    ranked = nearest([loaded, idle], None)
    assert [one.candidate.unit.unit_id for one in ranked] == ["idle", "a-loaded"]
    assert names(ranked[1].reasons)[-1] == "orders"


def test_a_borrowed_crew_is_free_for_who_has_it_and_says_that_it_is_borrowed():
    (one,) = nearest([a_candidate(unit=a_crew(loan="l1", away=True, holder="X-2"))], None)

    assert one.candidate.is_free
    assert "borrowed" in names(one.reasons)


# Which outage first -----------------------------------------------------------------------------


def ranks(*waiting: Dark, at=NOON):
    return [one.outage_id for one in priorities(waiting, rules=lambda _: RULES, at=at)]


def dark(outage_id, *, needs=None, households=10, hours=1.0, etr=None):
    since = NOON - timedelta(hours=hours)
    return Dark(outage_id=outage_id, since=since, households=households, needs=needs or {}, etr=etr)


def test_life_support_comes_before_key_customers_before_sensitive_ones_before_households():
    assert ranks(
        dark("many", households=5000, hours=9),
        dark("sensitive", needs={"cold_store": 3}, etr=NOON + MINUTE),
        dark("too-long", needs={"vulnerable": 1}, hours=20),
        dark("second", needs={"key_second": 4}),
        dark("first", needs={"key_first": 1}),
        dark("special", needs={"key_special": 1}),
        dark("life", needs={"life_support": 1}),
    ) == ["life", "special", "first", "second", "too-long", "sensitive", "many"]


def test_every_reason_of_a_rank_is_named_and_their_points_are_the_score():
    needs = {"life_support": 2, "key": 1, "greenhouse": 1}

    (one,) = priorities([dark("o", needs=needs, hours=3)], rules=lambda _: RULES, at=NOON)

    bands = {because.band: because.count for because in one.reasons}
    expected = {"life_support": 2, "key_second": 1, "beyond_limit": 1, "household_hours": 30}
    assert bands == expected
    assert one.score == sum(because.points for because in one.reasons)
    assert one.rank == 1


def test_alike_outages_stand_by_when_they_began():
    assert ranks(dark("b", hours=1, households=2), dark("a", hours=2, households=1)) == ["a", "b"]


@given(
    st.lists(st.dictionaries(st.sampled_from(NEEDS), st.integers(0, 8)), min_size=2, max_size=2),
    st.integers(0, 100_000),
)
def test_more_of_a_weightier_band_is_never_outweighed_by_what_lies_below(both, households):
    some = [dark(str(n), needs=needs, households=households * n) for n, needs in enumerate(both)]
    found = priorities(some, rules=lambda _: RULES, at=NOON)
    most = dict(BANDS)
    counts = [
        tuple(
            min(most[band], {b.band: b.count for b in one.reasons}.get(band, 0))
            for band, _ in BANDS
        )
        for one in found
    ]
    assert counts == sorted(counts, reverse=True)


def test_one_of_a_band_is_worth_more_than_the_most_of_all_below():
    for place, (name, _) in enumerate(BANDS):
        assert POINTS[name] > sum(most * POINTS[below] for below, most in BANDS[place + 1 :])
    assert sum(most * POINTS[name] for name, most in BANDS) < 2**53  # a page reads it exactly


# Trucks -----------------------------------------------------------------------------------------


def test_s0_16_a_truck_goes_to_who_will_be_dark_for_longer_than_they_can_be():
    soon = a_want("soon", back=NOON + 50 * MINUTE)
    late = a_want("late")

    found = allocate([soon, late], [a_truck()], {})

    assert [one.want.customer for one in found.given] == ["late"]
    assert not found.short
    assert found.given[0].reasons[0] == ("beyond_limit", {"minutes": 240})


def test_the_smallest_truck_that_carries_the_load_goes_and_of_such_the_nearest():
    trucks = [
        a_truck("big", kw=800, place="near"),
        a_truck("fits-far", kw=60, place="far"),
        a_truck("fits-near", kw=60, place="near"),
        a_truck("weak", kw=40, place="near"),
    ]
    want = a_want(spot=HERE)

    (one,) = allocate([want], trucks, {"near": EAST, "far": FAR}).given

    assert one.unit.unit_id == "fits-near"
    assert one.km == pytest.approx(8.76, abs=0.01)
    assert names(one.reasons) == ["beyond_limit", "smallest_able", "distance"]


def test_the_most_urgent_need_is_served_first_then_the_earliest_deadline():
    wants = [
        a_want("second", need="key_second"),
        a_want("life-later", need="life_support", since=NOON + MINUTE),
        a_want("life", need="life_support"),
    ]

    found = allocate(wants, [a_truck("a"), a_truck("b")], {})

    assert [one.want.customer for one in found.given] == ["life", "life-later"]
    assert [want.customer for want, _ in found.short] == ["second"]
    assert names(why for _, why in found.short) == ["none_free"]


def test_nothing_that_is_promised_at_work_away_or_off_is_given_away():
    bound = [
        a_truck("promised", loan="l1"),
        a_truck("at-work", job=a_job("other")),
        a_truck("off", active=False),
        a_crew("crew"),
    ]

    found = allocate([a_want()], bound, {})

    assert not found.given
    assert found.short[0][1].name == "none_free"


def test_who_has_a_truck_is_named_as_served_and_asks_for_no_second_one():
    truck = a_truck("at-work", job=a_job("k1"))

    found = allocate([a_want("k1"), a_want("k2")], [truck, a_truck("free")], {})

    assert [(want.customer, unit.unit_id) for want, unit in found.served] == [("k1", "at-work")]
    assert [one.want.customer for one in found.given] == ["k2"]


def test_who_hangs_under_one_transformer_shares_a_truck_as_far_as_it_carries_them():
    wants = [a_want(name, place="T-01", kw=40) for name in ("a", "b", "c")]

    found = allocate([*wants, a_want("d", place="T-02")], [a_truck(kw=100), a_truck("T2")], {})

    assert [(one.want.customer, one.unit.unit_id) for one in found.given] == [
        ("a", "T1"), ("b", "T1"), ("c", "T2"),
    ]  # fmt: skip
    assert names(found.given[1].reasons) == ["beyond_limit", "shares"]
    assert [want.customer for want, _ in found.short] == ["d"]


def test_who_hangs_where_a_truck_is_at_work_is_served_as_far_as_it_carries_them():
    truck = a_truck(kw=100, job=a_job("k1", kw=50))

    wants = [a_want("k2", place="T-01", kw=50), a_want("k3", place="T-01", kw=1)]

    found = allocate(wants, [truck], {})

    assert [want.customer for want, _ in found.served] == ["k2"]
    assert [want.customer for want, _ in found.short] == ["k3"]


def test_a_load_that_no_free_truck_carries_is_said_to_be_too_large():
    found = allocate([a_want(kw=500)], [a_truck(kw=100)], {})

    assert found.short[0][1] == ("none_strong_enough", {"kw": 500})


@given(
    st.lists(
        st.tuples(st.sampled_from(NEEDS), st.integers(1, 900), st.sampled_from("abc")), max_size=12
    ),
    st.lists(
        st.tuples(st.integers(1, 900), st.booleans(), st.booleans(), st.booleans()), max_size=8
    ),
)
def test_no_truck_goes_to_two_places_nor_carries_more_than_it_can(loads, fleet):
    wants = [
        a_want(str(n), need=need, kw=kw, place=place) for n, (need, kw, place) in enumerate(loads)
    ]
    trucks = [
        a_truck(str(n), kw=kw, loan="l" if promised else "", active=active,
                job=replace(a_job("busy", kw=min(kw, 50)), place="a") if works else None)
        for n, (kw, promised, active, works) in enumerate(fleet)
    ]  # fmt: skip

    found = allocate(wants, trucks, {})

    assert all(one.unit.is_free for one in found.given)
    assert all(unit.job for _, unit in found.served)
    carried = Counter({unit.unit_id: unit.job.kw for unit in trucks if unit.job})
    places: dict[str, set[str]] = {}
    for want, unit in [*((one.want, one.unit) for one in found.given), *found.served]:
        carried[unit.unit_id] += want.kw
        places.setdefault(unit.unit_id, set()).add(want.place)
    assert all(carried[unit.unit_id] <= unit.kw for unit in trucks)
    assert all(len(each) == 1 for each in places.values())
    assert len(found.given) + len(found.served) + len(found.short) == len(wants)


# One unit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("about", "state", "is_free"),
    [
        ({}, State.FREE, True),
        ({"job": a_job()}, State.COMMITTED, False),
        ({"loan": "l1"}, State.PROMISED, False),
        ({"loan": "l1", "away": True, "holder": "X-2"}, State.AWAY, True),
        ({"loan": "l1", "away": True, "holder": "X-2", "job": a_job()}, State.AWAY, False),
        ({"active": False}, State.OFF, False),
    ],
)
def test_a_unit_stands_as_its_facts_say_and_reads_back(about, state, is_free):
    unit = a_truck(**about)

    assert (unit.state, unit.is_free) == (state, is_free)
    assert unit.with_office == ("X-2" if unit.away else "X-1")
    assert Unit.from_json(unit.to_json()) == unit


def test_a_truck_is_sent_where_it_can_carry_the_load_and_released_again():
    sent = resources.send_truck(a_truck(), a_job())
    assert (sent.state, sent.place) == (State.COMMITTED, "T-01")
    assert resources.release_truck(sent).state is State.FREE

    with pytest.raises(BadInput) as refused:
        resources.send_truck(a_truck(), a_job(kw=101))
    assert refused.value.errors[0].code == "truck.too_small"


@pytest.mark.parametrize(
    "unit",
    [
        a_truck(loan="l1"),
        a_truck(job=a_job("other")),
        a_truck(active=False),
        a_crew(),
    ],
)
def test_what_is_bound_is_not_sent_elsewhere(unit):
    with pytest.raises(IllegalMove):
        resources.send_truck(unit, a_job())


def test_only_what_is_bound_to_nothing_goes_out_of_service_and_comes_back_once():
    off = resources.in_service(a_truck(), active=False)
    assert resources.in_service(off, active=True) == a_truck()
    for unit, active in (
        (off, False),
        (a_truck(), True),
        (a_truck(loan="l1"), False),
        (a_truck(job=a_job()), False),
    ):
        with pytest.raises(IllegalMove):
            resources.in_service(unit, active=active)
    with pytest.raises(IllegalMove):
        resources.release_truck(a_truck())


def test_a_unit_is_described_anew_within_what_can_be():
    crew = resources.changed(a_crew(), kw=9, skills=("cable", "overhead_line"), place="T-02")
    assert (crew.kw, crew.skills, crew.place) == (0, ("overhead_line", "cable"), "T-02")
    for unit, kw, skills, name in (
        (a_truck(), 0, (), "kw"),
        (a_truck(), 5001, (), "kw"),
        (a_truck(job=a_job(kw=50)), 49, (), "kw"),
        (a_truck(), 50, ("cable", "flying"), "skills.1"),
    ):
        with pytest.raises(BadInput) as refused:
            resources.changed(unit, kw=kw, skills=skills, place="")
        assert refused.value.errors[0].field == name


# Loans ------------------------------------------------------------------------------------------

ABOVE = Mover("boss", "city_host", CITY)
LENDER = Mover("lender", "dispatcher", THEIRS)
ASKER = Mover("asker", "dispatcher", OURS)
TRUCK = a_truck(office="X-2", county="X-2")
BOTH = {"asking": OURS, "lending": THEIRS}


def approved():
    return resources.approve(a_loan(), TRUCK, ABOVE, **BOTH, at=NOON)


def out(loan, unit):
    loan, unit = resources.go_on(loan, "hand_over", unit, LENDER, **BOTH, at=NOON)
    assert unit is not None
    return loan, unit


def test_s0_6_a_loan_is_asked_approved_handed_over_and_taken_back():
    loan, unit = approved()
    assert (loan.stage, loan.lender, loan.decided_by) == (Stage.APPROVED, "X-2", "boss")
    assert unit.state is State.PROMISED

    loan, unit = out(loan, unit)
    assert (loan.stage, unit.state, unit.with_office) == (Stage.OUT, State.AWAY, "X-1")
    assert loan.is_late(NOON + 9 * HOUR)
    assert not loan.is_late(NOON + HOUR)

    loan, unit = resources.go_on(loan, "take_back", unit, LENDER, **BOTH, at=NOON + HOUR)
    assert (loan.stage, unit) == (Stage.RETURNED, TRUCK)
    assert Loan.from_json(loan.to_json()) == loan


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("move", EDGES)
def test_each_move_of_a_loan_is_made_from_its_own_stages_and_from_no_other(stage, move):
    loan = a_loan(stage=stage)
    sources, target = EDGES[move]
    if stage in sources:
        assert resources.step(loan, move) is target
    else:
        with pytest.raises(IllegalMove):
            resources.step(loan, move)
    assert not any(stage in EDGES[name][0] for name in EDGES if stage in OVER)


@pytest.mark.parametrize(
    ("by", "may"),
    [
        (ABOVE, True),
        (Mover("boss", "leader", ("P",)), True),
        (Mover("asker", "city_host", CITY), False),
        (Mover("boss", "agent", CITY), False),
        (Mover("boss", "supervisor", THEIRS), False),
        (Mover("boss", "supervisor", OURS), False),
        (Mover("boss", "supervisor", ("P", "C-2")), False),
        (Mover("boss", "supervisor", ()), False),
    ],
)
def test_s0_6_who_decides_stands_above_both_offices_and_did_not_ask(by, may):
    if may:
        resources.approve(a_loan(), TRUCK, by, **BOTH, at=NOON)
        resources.refuse(a_loan(), by, asking=OURS, reason="needed_here", at=NOON)
        return
    with pytest.raises(NotAllowed):
        resources.approve(a_loan(), TRUCK, by, **BOTH, at=NOON)
    with pytest.raises(NotAllowed):
        resources.refuse(a_loan(), by, asking=OURS, reason="needed_here", at=NOON)


@pytest.mark.parametrize(
    ("unit", "refusal"),
    [
        (replace(TRUCK, kw=79), "truck.too_small"),
        (replace(TRUCK, sort=Sort.CREW), "unit.other_sort"),
    ],
)
def test_only_what_was_asked_for_is_lent(unit, refusal):
    with pytest.raises(BadInput) as refused:
        resources.approve(a_loan(), unit, ABOVE, **BOTH, at=NOON)
    assert refused.value.errors[0].code == refusal


def test_nobody_borrows_their_own_nor_a_crew_without_the_skill():
    with pytest.raises(BadInput) as own:
        resources.approve(a_loan(), a_truck(), ABOVE, asking=OURS, lending=OURS, at=NOON)
    assert own.value.errors[0].code == "unit.own"

    wanted = a_loan(sort=Sort.CREW, kw=0, skill="cable")
    with pytest.raises(BadInput) as lacks:
        resources.approve(wanted, a_crew(office="X-2"), ABOVE, **BOTH, at=NOON)
    assert lacks.value.errors[0].code == "unit.lacks_skill"


@pytest.mark.parametrize(
    "unit",
    [
        replace(TRUCK, loan="other"),
        replace(TRUCK, job=a_job()),
        replace(TRUCK, active=False),
        replace(TRUCK, loan="other", away=True, holder="X-3"),
    ],
)
def test_what_is_bound_already_is_not_promised_again(unit):
    with pytest.raises(IllegalMove):
        resources.approve(a_loan(), unit, ABOVE, **BOTH, at=NOON)


def test_the_second_who_decides_is_told_that_it_is_decided():
    loan, _ = approved()
    with pytest.raises(IllegalMove):
        resources.approve(loan, TRUCK, replace(ABOVE, staff_id="boss-2"), **BOTH, at=NOON)
    with pytest.raises(IllegalMove):
        resources.refuse(loan, ABOVE, asking=OURS, reason="too_far", at=NOON)


def test_the_asking_office_withdraws_and_the_unit_is_free_again():
    loan, unit = approved()
    loan, unit = resources.go_on(loan, "withdraw", unit, ASKER, **BOTH, at=NOON)
    assert (loan.stage, unit) == (Stage.WITHDRAWN, TRUCK)

    loan, unit = resources.go_on(
        a_loan(), "withdraw", None, ASKER, asking=OURS, lending=(), at=NOON
    )
    assert (loan.stage, unit) == (Stage.WITHDRAWN, None)


@pytest.mark.parametrize(
    ("move", "by"),
    [
        ("hand_over", ASKER),
        ("withdraw", LENDER),
        ("hand_over", Mover("x", "crew", THEIRS)),
        ("withdraw", Mover("x", "agent", OURS)),
    ],
)
def test_each_side_makes_its_own_moves(move, by):
    loan, unit = approved()
    with pytest.raises(NotAllowed):
        resources.go_on(loan, move, unit, by, **BOTH, at=NOON)


def test_a_truck_that_still_feeds_somebody_is_not_taken_back():
    loan, unit = approved()
    loan, unit = out(loan, unit)
    with pytest.raises(IllegalMove):
        resources.go_on(loan, "take_back", replace(unit, job=a_job()), LENDER, **BOTH, at=NOON)


@pytest.mark.parametrize(
    ("about", "name"),
    [
        ({"until": NOON}, "until"),
        ({"reason": "because"}, "reason"),
        ({"kw": 0}, "kw"),
        ({"skill": "cable"}, "skill"),
        ({"sort": Sort.CREW, "skill": "flying"}, "skill"),
    ],
)
def test_an_asking_that_cannot_be_is_refused_by_field(about, name):
    with pytest.raises(BadInput) as refused:
        resources.ask(a_loan(**about))
    assert refused.value.errors[0].field == name


def test_a_crew_is_asked_for_without_a_power():
    assert resources.ask(a_loan(sort=Sort.CREW, kw=7, skill="cable")).kw == 0
