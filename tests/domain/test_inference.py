"""Which device failed: what speaks for and against it, and what no order of arrival can change."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.grid import Device, Load, Network, Zone, ZoneTree, zones
from chalicelib.domain.inference import (
    USUAL,
    Evidence,
    Inference,
    Kind,
    Known,
    Ladder,
    Level,
    Rate,
    Suspicion,
    Verdict,
    Word,
    infer,
)
from chalicelib.domain.inference.concentrators import PARTS, eased, relieved
from chalicelib.domain.inference.evidence import Placed
from chalicelib.domain.inference.nesting import nest
from chalicelib.domain.limits import LimitBook

NOON = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
LADDER = Ladder.of(LimitBook.shipped("state_grid"), on=date(2026, 11, 23))
_numbers = count(1)


def a_tree(*zones: tuple[str, int | None, str]) -> ZoneTree:
    """Write a tree as (devices, parent, loads), names apart by spaces."""
    return ZoneTree(
        zones=tuple(
            Zone(devices=tuple(devices.split()), parent=parent, loads=tuple(loads.split()))
            for devices, parent, loads in zones
        )
    )


def village(name: str, households: int = 100) -> str:
    return " ".join(f"{name}{number}" for number in range(households))


# A breaker feeds two branches behind fuses, each two transformers of a hundred households.
TREE = a_tree(
    ("breaker", None, ""),
    ("east_fuse east_line", 0, ""),
    ("west_fuse", 0, ""),
    ("tr_a", 1, village("a")),
    ("tr_b", 1, village("b")),
    ("tr_c", 2, village("c")),
    ("tr_d", 2, village("d")),
)
KINDS = {
    "breaker": "breaker", "east_fuse": "fuse", "east_line": "line", "west_fuse": "fuse",
    "tr_a": "transformer", "tr_b": "transformer", "tr_c": "transformer", "tr_d": "transformer",
}  # fmt: skip
HOMES = {load: 1 for zone in TREE.zones for load in zone.loads}
KNOWN = Known(kinds=KINDS, households=HOMES)
SMART = replace(KNOWN, reporting=HOMES)


def said(kind: Kind, subject: str, after: timedelta = timedelta(0), **more: Any) -> Evidence:
    at = NOON + after
    shape: dict[str, Any] = {
        "source": "hes",
        "sequence": next(_numbers),
        "occurred_at": at,
        "recorded_at": at,
    }
    return Evidence(kind=kind, subject=subject, **(shape | more))


def calls(name: str, *numbers: int, after: timedelta = timedelta(0)) -> list[Evidence]:
    return [said(Kind.CALL, f"{name}{number}", after, source="95598") for number in numbers]


def gasps(name: str, numbers: Sequence[int] = range(60), after=timedelta(0)) -> list[Evidence]:
    return [said(Kind.METER_OFF, f"{name}{number}", after) for number in numbers]


def pings(name: str, numbers: Sequence[int] = range(60), after=timedelta(0)) -> list[Evidence]:
    return [said(Kind.PING_REPLY, f"{name}{number}", after) for number in numbers]


def inferred(evidence, *, known=SMART, after=5 * MINUTE, tree=TREE, **more: Any) -> Inference:
    return infer(tree, evidence, known=known, ladder=LADDER, at=NOON + after, **more)


def only(answer: Inference) -> Suspicion:
    assert len(answer.suspicions) == 1
    return answer.suspicions[0]


def named(answer: Inference) -> list[tuple[str, ...]]:
    return [each.devices for each in answer.suspicions]


# What speaks for a device.


def test_no_evidence_no_suspicion():
    assert inferred([]) == Inference(suspicions=(), momentaries=(), unplaced=())


def test_the_last_gasps_below_a_device_name_it():
    told = only(inferred(gasps("a")))

    assert told.devices == ("tr_a",)
    assert told.level is Level.CONFIRMED
    assert told.dark_loads == 100
    assert set(told.loads) == set(told.sure) == set(village("a").split())
    assert told.began_at == NOON
    assert len(told.evidence_for) == 60
    assert not told.evidence_against


def test_gasps_below_every_child_name_the_parent():
    told = only(inferred(gasps("c") + gasps("d")))

    assert told.devices == ("west_fuse",)
    assert told.dark_loads == 200


def test_calls_alone_name_a_transformer_too():
    told = only(inferred(calls("a", 1, 4, 9, 44), known=KNOWN))

    assert told.devices == ("tr_a",)
    assert told.level in {Level.PROBABLE, Level.CONFIRMED}


def test_s1_5_a_call_and_an_indicator_name_the_transformer_before_a_second_call():
    evidence = [*calls("c", 7), said(Kind.FAULT_INDICATOR, "tr_c", MINUTE, source="indicators")]

    told = only(inferred(evidence, known=KNOWN, after=2 * MINUTE))

    assert told.devices == ("tr_c",)
    assert {each.kind for each in told.evidence_for} == {Kind.CALL, Kind.FAULT_INDICATOR}


def test_an_open_breaker_needs_no_other_witness():
    told = only(inferred([said(Kind.DEVICE_OPEN, "breaker")], known=KNOWN))

    assert told.devices == ("breaker",)
    assert told.dark_loads == 400
    assert [each.kind for each in told.evidence_for] == [Kind.DEVICE_OPEN]


def test_two_faults_at_once_are_two_suspicions():
    answer = inferred(gasps("a") + gasps("c"))

    assert sorted(named(answer)) == [("tr_a",), ("tr_c",)]


def test_devices_that_nothing_tells_apart_are_named_together_the_likeliest_first():
    assert only(inferred(gasps("a") + gasps("b"))).devices == ("east_fuse", "east_line")


def test_a_report_about_one_of_them_tells_them_apart():
    dark = gasps("a") + gasps("b")

    assert only(inferred([*dark, said(Kind.DEVICE_OPEN, "east_line")])).devices == ("east_line",)
    told = only(inferred([*dark, said(Kind.DEVICE_CLOSE, "east_fuse")]))
    assert told.devices == ("east_line",)
    assert [each.kind for each in told.evidence_against] == [Kind.DEVICE_CLOSE]


# What speaks against it.


@pytest.mark.parametrize("load", ["a1", "d7"])
def test_one_stray_call_darkens_no_substation_nor_its_transformer(load):
    answer = inferred([said(Kind.CALL, load)], known=KNOWN)

    assert answer.suspicions == ()


def test_stray_calls_here_and_there_darken_nothing_either():
    evidence = calls("a", 1) + calls("d", 3)

    assert inferred(evidence, known=KNOWN).suspicions == ()


def test_the_more_call_the_more_of_them_are_strays():
    """Three calls of a village are a suspicion on a quiet day, and none while a branch is dark."""
    few = calls("a", 3, 4, 61)
    storm = calls("c", *range(40)) + calls("d", *range(40))

    assert inferred(few, known=KNOWN).suspicions
    assert named(inferred([*few, *storm], known=KNOWN)) == [("west_fuse",)]


def test_who_answers_is_not_dark():
    """Calls from two transformers blame what feeds both, unless one of them has power."""
    evidence = calls("a", 1, 4, 9, 44) + calls("b", 2, 3, 5, 71)

    assert only(inferred(evidence, known=KNOWN)).devices[0] == "east_fuse"
    told = inferred(evidence + pings("b", range(6, 20), 2 * MINUTE), known=KNOWN)
    assert ("east_fuse", "east_line") not in named(told)
    assert ("tr_a",) in named(told)


def test_what_answered_before_the_outage_says_nothing_about_it():
    told = only(inferred([*pings("a", after=-MINUTE), *gasps("a")]))

    assert told.devices == ("tr_a",)
    assert told.evidence_against == ()


def test_a_meter_that_answers_in_the_dark_is_named_as_evidence_against():
    told = only(inferred([*gasps("a"), *pings("a", [99], MINUTE)]))

    assert [each.subject for each in told.evidence_against] == ["a99"]


def test_silence_counts_only_where_meters_are_known_to_report():
    """Sixty gasps below one transformer, a few below its sister."""
    evidence = gasps("a") + gasps("b", range(5))

    deaf = replace(SMART, reporting={load: 1 for load in HOMES if load[0] != "b"})
    assert only(inferred(evidence, known=deaf)).devices[0] == "east_fuse"
    assert ("east_fuse", "east_line") not in named(inferred(evidence))


def test_silence_counts_for_little_until_the_reports_could_be_there():
    early = inferred(gasps("a", range(30)), after=10 * SECOND)
    late = inferred(gasps("a", range(10)), after=5 * MINUTE)

    assert named(early) == [("tr_a",)]
    assert ("tr_a",) not in named(late)


@pytest.mark.parametrize("seconds", [2, 5, 20, 40, 59])
def test_while_reports_still_come_in_the_silence_next_door_never_speaks_for_the_line_above(seconds):
    """Behind one concentrator each: what eases their silence is never more than their silence."""
    behind_one = replace(SMART, transformers={load: f"tr_{load[0]}" for load in HOMES})
    told = only(inferred(gasps("a", range(20)), known=behind_one, after=seconds * SECOND))

    assert told.devices == ("tr_a",)
    assert set(told.sure) == set(told.loads) == {load for load in HOMES if load[0] == "a"}


@pytest.mark.parametrize(("meters", "heard"), [(100, 0), (100, 20), (50, 49), (3, 1), (1, 0)])
def test_what_eases_a_silence_never_weighs_more_than_the_silence(meters, heard):
    load = "a0"
    tree = a_tree(("tr", None, load))
    known = Known(reporting={load: meters}, transformers={load: "tr"})
    evidence = [said(Kind.METER_OFF, load, meter=f"m{number}") for number in range(heard)]
    placed = Placed(tree, [], evidence, MINUTE)
    detect = USUAL.rate(Kind.METER_OFF).detect

    found = dict(relieved(tree, placed, known, USUAL))
    for share in (number / 100 for number in range(101)):
        silence = (meters - heard) * math.log1p(-detect * share)
        assert eased(found.get(0, [0.0] * len(PARTS)), share, detect) <= -silence + 1e-9


def test_where_nearly_every_meter_is_heard_the_silence_next_door_weighs_no_less():
    behind_one = replace(SMART, transformers={load: f"tr_{load[0]}" for load in HOMES})

    assert named(inferred(gasps("a", range(99)), known=behind_one)) == [("tr_a",)]


def test_a_call_fades_for_nobody_calls_that_power_is_back():
    """A last gasp does not: whoever could tell it tells when power is back as well."""
    early = calls("a", 1, 2, 3)
    soon, late = (inferred(early, known=KNOWN, after=wait) for wait in (5 * MINUTE, 9 * HOUR))

    assert only(soon).level is Level.PROBABLE
    assert late.suspicions == ()
    assert only(inferred(gasps("a"), after=9 * HOUR)).level is Level.CONFIRMED


def test_a_fault_of_now_does_not_explain_who_called_an_hour_ago_nor_they_it():
    """The line above both would be one fault instead of two; but one meter had power until now."""
    fused = replace(KNOWN, kinds={**KINDS, "tr_a": "fuse", "tr_b": "fuse"})
    before, now = calls("a", 1, 2, 3, 4, after=-HOUR), gasps("b", range(30))
    at_once = [replace(each, occurred_at=NOON) for each in before]

    assert named(inferred([*at_once, *now], known=fused)) == [("east_fuse", "east_line")]
    told = inferred([*before, *now], known=fused)
    assert sorted(named(told)) == [("tr_a",), ("tr_b",)]
    began = {each.devices: each.began_at for each in told.suspicions}
    assert began == {("tr_a",): NOON - HOUR, ("tr_b",): NOON}


def test_a_meter_that_goes_dark_later_does_not_unmake_the_outage_around_it():
    evidence = [*gasps("a"), *gasps("b"), *gasps("a", [70], after=HOUR)]

    told = only(inferred(evidence, after=HOUR + 5 * MINUTE))
    assert (told.devices, told.began_at) == (("east_fuse", "east_line"), NOON)


def test_a_source_may_be_known_to_be_worse_than_its_kind():
    rates = {**USUAL.rates, "meter_off@hes": Rate(0.6, 0.5, MINUTE)}

    assert inferred(gasps("a", range(3)), noise=replace(USUAL, rates=rates)).suspicions == ()


def test_confidence_weakens_a_report():
    sure = inferred([said(Kind.DEVICE_OPEN, "tr_a")])
    unsure = inferred([said(Kind.DEVICE_OPEN, "tr_a", confidence=0.0001)])

    assert named(sure) == [("tr_a",)]
    assert unsure.suspicions == ()


@pytest.mark.parametrize("confidence", [-0.1, 1.1, math.nan])
def test_a_confidence_is_a_probability(confidence):
    with pytest.raises(ValueError, match="confidence"):
        said(Kind.CALL, "a1", confidence=confidence)


# Meters that are asked, and those that hang at one transformer.


def misses(name: str, numbers: Sequence[int] = range(60), after=timedelta(0)) -> list[Evidence]:
    return [said(Kind.PING_MISSED, f"{name}{number}", after) for number in numbers]


def hamlet(**kinds: str) -> tuple[ZoneTree, Known]:
    """A fuse above two transformers of two households each."""
    tree = a_tree(("fuse", None, ""), ("tr_x", 0, "x0 x1"), ("tr_y", 0, "y0 y1"))
    loads = [load for zone in tree.zones for load in zone.loads]
    known = Known(
        kinds={"fuse": "fuse", "tr_x": "transformer", "tr_y": "transformer"} | kinds,
        households=dict.fromkeys(loads, 1),
        reporting=dict.fromkeys(loads, 1),
        transformers={load: f"tr_{load[0]}" for load in loads},
    )
    return tree, known


@pytest.mark.parametrize(
    ("neighbours", "device"), [(pings, "tr_x"), (misses, "fuse")], ids=["answer", "do not"]
)
def test_whether_the_neighbours_meters_answer_tells_the_transformer_from_the_fuse(
    neighbours, device
):
    """Two of two gasped below the one, nobody below the other: that alone leaves both open."""
    tree, known = hamlet()
    before = only(inferred(gasps("x", range(2)), tree=tree, known=known))

    told = only(
        inferred(
            [*gasps("x", range(2)), *neighbours("y", range(2), MINUTE)], tree=tree, known=known
        )
    )

    assert {before.devices, *before.rivals} == {("fuse",), ("tr_x",)}
    assert before.doubtful == ("y0", "y1")
    assert told.devices == (device,)
    assert told.share > before.share or told.devices != before.devices


def test_a_meter_that_does_not_answer_is_no_proof_that_it_is_dark():
    assert inferred(misses("a", range(1))).suspicions == ()


def test_a_meter_that_answers_after_it_did_not_is_live():
    evidence = [*misses("a", range(60)), *pings("a", range(60), MINUTE)]

    assert inferred(evidence).suspicions == ()


def test_of_a_village_that_is_asked_at_once_a_few_always_do_not_answer():
    one = replace(SMART, transformers={load: f"tr_{load[0]}" for load in HOMES})
    evidence = [*pings("a", range(94)), *misses("a", range(94, 100))]

    assert inferred(evidence, known=one, after=10 * SECOND).suspicions == ()


def test_a_transformer_of_which_nobody_answers_may_have_a_dead_concentrator():
    """A hundred strangers that do not answer are dark; behind one concentrator perhaps not."""
    one = replace(SMART, transformers={load: f"tr_{load[0]}" for load in HOMES})

    assert inferred(misses("a", range(100))).suspicions
    assert inferred(misses("a", range(100)), known=one).suspicions == ()


def test_where_one_answers_the_concentrator_lives_and_who_does_not_answer_is_dark():
    tree = a_tree(("tr", None, "z"), ("branch", 0, village("v", 8)))
    loads = [load for zone in tree.zones for load in zone.loads]
    known = Known(reporting=dict.fromkeys(loads, 1), transformers=dict.fromkeys(loads, "tr"))
    evidence = misses("v", range(8))

    mute = inferred(evidence, tree=tree, known=known)
    lives = inferred([*evidence, said(Kind.PING_REPLY, "z")], tree=tree, known=known)

    assert mute.suspicions == ()
    assert named(lives) == [("branch",)]


def test_a_transformer_whose_meters_never_report_does_not_hide_the_feeder_above_it():
    """Three of four transformers gasp: the fourth is dark and deaf, or alone has power."""
    evidence = gasps("a") + gasps("b") + gasps("c")
    behind_one = replace(SMART, transformers={load: f"tr_{load[0]}" for load in HOMES})

    assert ("breaker",) not in named(inferred(evidence))
    assert only(inferred(evidence, known=behind_one)).devices == ("breaker",)


def test_where_only_some_meters_of_a_transformer_can_report_those_are_enough():
    behind_one = replace(SMART, transformers={load: f"tr_{load[0]}" for load in HOMES})

    assert named(inferred(gasps("a", range(8)), known=behind_one)) == [("tr_a",)]


# Hamlets: a few households, of whom hardly anybody calls.


@pytest.mark.parametrize("callers", [("x0", "x1"), ("x1", "y0"), ("x0", "x1", "y0", "y1")])
def test_two_callers_of_four_households_are_a_suspicion(callers):
    tree, known = hamlet()
    evidence = [said(Kind.CALL, load, source="95598") for load in callers]

    told = only(inferred(evidence, tree=tree, known=replace(known, reporting={})))

    assert set(callers) <= set(told.loads)


def test_one_caller_of_four_households_is_none():
    tree, known = hamlet()

    told = inferred([said(Kind.CALL, "x0")], tree=tree, known=replace(known, reporting={}))

    assert told.suspicions == ()


# Time.


def test_the_last_state_by_the_senders_clock_counts_whenever_it_arrives():
    on = [said(Kind.METER_ON, f"a{n}", -MINUTE, recorded_at=NOON + 4 * MINUTE) for n in range(60)]

    assert named(inferred([*gasps("a"), *on])) == [("tr_a",)]
    back = [said(Kind.METER_ON, f"a{n}", MINUTE, recorded_at=NOON + MINUTE) for n in range(60)]
    assert inferred([*back, *gasps("a")]).suspicions == ()


def test_a_call_adds_to_a_last_gasp_and_does_not_replace_it():
    gasp = gasps("a", range(4))
    both = inferred(gasp + calls("a", *range(4), after=MINUTE), known=KNOWN)

    assert len(only(both).evidence_for) == 8


def test_where_only_a_part_is_back_the_rest_is_still_suspected():
    evidence = gasps("a") + gasps("b")
    evidence += [said(Kind.METER_ON, f"b{n}", 10 * MINUTE) for n in range(60)]

    assert named(inferred(evidence, after=12 * MINUTE)) == [("tr_a",)]


def test_two_with_one_identity_count_as_the_first_that_was_heard():
    first = said(Kind.METER_OFF, "a1", sequence=1, source="twice")
    second = replace(first, subject="b1", recorded_at=NOON + MINUTE)

    assert inferred([first, second]) == inferred([second, first]) == inferred([first])


# Momentary.


def test_open_and_closed_inside_the_hold_off_is_momentary_and_suspects_nothing():
    evidence = [
        said(Kind.DEVICE_OPEN, "breaker"),
        *gasps("a"),
        *gasps("d", after=2 * SECOND),
        said(Kind.DEVICE_CLOSE, "breaker", 30 * SECOND),
    ]

    answer = inferred(evidence)

    assert answer.suspicions == ()
    assert [(m.device_id, m.closed_at - m.opened_at) for m in answer.momentaries] == [
        ("breaker", 30 * SECOND)
    ]


def test_after_the_hold_off_a_reclosing_is_a_restoration_not_a_momentary():
    evidence = [
        said(Kind.DEVICE_OPEN, "breaker"),
        *gasps("a"),
        said(Kind.DEVICE_CLOSE, "breaker", 61 * SECOND),
    ]

    assert inferred(evidence) == Inference(suspicions=(), momentaries=(), unplaced=())


def test_what_goes_dark_after_the_reclosing_is_an_outage_again():
    evidence = [
        said(Kind.DEVICE_OPEN, "breaker"),
        *gasps("a"),
        said(Kind.DEVICE_CLOSE, "breaker", 30 * SECOND),
        *calls("a", 1, 3, 5, 8, after=4 * MINUTE),
    ]

    assert named(inferred(evidence, known=KNOWN, after=10 * MINUTE)) == [("tr_a",)]


def test_a_breaker_that_opens_again_stays_open():
    evidence = [
        said(Kind.DEVICE_OPEN, "breaker"),
        said(Kind.DEVICE_CLOSE, "breaker", 5 * SECOND),
        said(Kind.DEVICE_OPEN, "breaker", 8 * SECOND),
        *gasps("a", after=8 * SECOND),
        *gasps("b", after=8 * SECOND),
        *gasps("c", after=8 * SECOND),
        *gasps("d", after=8 * SECOND),
    ]

    answer = inferred(evidence)

    assert named(answer) == [("breaker",)]
    assert only(answer).began_at == NOON + 8 * SECOND
    assert len(answer.momentaries) == 1


def test_inside_the_hold_off_nothing_is_more_than_suspected():
    evidence = [said(Kind.DEVICE_OPEN, "breaker")]

    early = only(inferred(evidence, known=KNOWN, after=59 * SECOND))
    late = only(inferred(evidence, known=KNOWN, after=60 * SECOND))

    assert (early.level, early.held_until) == (Level.SUSPECTED, NOON + MINUTE)
    assert (late.level, late.held_until) == (Level.CONFIRMED, None)


# Inside a larger outage.


def opening(device: str, seconds: float = 0, **more: Any) -> Evidence:
    return said(Kind.DEVICE_OPEN, device, seconds * SECOND, source="scada", **more)


def test_who_says_that_it_is_locked_out_is_not_waited_for():
    """Whatever was said before it, until the device is closed again."""
    both = [opening("breaker"), opening("breaker", 2, lockout=True)]

    for heard in (both, both[::-1], both[1:]):
        told = only(inferred(heard, after=5 * SECOND))
        assert (told.level, told.held_until) == (Level.PROBABLE, None)
    closed = said(Kind.DEVICE_CLOSE, "breaker", 10 * SECOND, source="scada")
    told = only(inferred([*both, closed, opening("breaker", 20)], after=25 * SECOND))
    assert told.level is Level.SUSPECTED
    assert told.held_until is not None


def test_a_blown_fuse_does_not_reclose():
    assert only(inferred([opening("west_fuse")], after=5 * SECOND)).held_until is None
    assert only(inferred([opening("breaker")], after=5 * SECOND)).held_until is not None
    assert only(inferred(gasps("c"), after=5 * SECOND)).held_until is not None


def test_a_fuse_that_is_open_inside_a_trip_is_not_held_with_it():
    told = inferred([opening("breaker"), opening("west_fuse", 1)], after=5 * SECOND).suspicions
    assert [(each.devices, each.held_until is None) for each in told] == [
        (("breaker",), False), (("west_fuse",), True),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.DEVICE_OPEN])
def test_nothing_else_is_locked_out(kind):
    with pytest.raises(ValueError, match="locked out"):
        said(kind, "breaker", lockout=True)


def test_a_device_open_below_a_dark_parent_is_an_outage_inside_it():
    everything = [each for name in "abcd" for each in gasps(name)]

    outer, inner = inferred([*everything, said(Kind.DEVICE_OPEN, "tr_c", MINUTE)]).suspicions

    assert (outer.devices, outer.inside) == (("breaker",), ())
    assert (inner.devices, inner.inside) == (("tr_c",), ("breaker",))
    assert inner.dark_loads == 100


# A human's word.


def word(device: str, verdict: Verdict, at: datetime = NOON) -> Word:
    return Word(device_id=device, verdict=verdict, by="crew-7", at=at)


def test_a_confirmed_device_is_confirmed_whatever_the_meters_say():
    told = only(inferred(pings("a", range(20), MINUTE), words=[word("tr_a", Verdict.CONFIRMED)]))

    assert (told.devices, told.level) == (("tr_a",), Level.CONFIRMED)
    assert told.word is not None
    assert len(told.evidence_against) == 20


def test_a_denied_device_is_not_named_whatever_the_meters_say():
    answer = inferred(gasps("a"), words=[word("tr_a", Verdict.DENIED)])

    assert all("tr_a" not in each.devices for each in answer.suspicions)


def test_denying_one_of_a_set_leaves_the_others():
    told = only(inferred(gasps("a") + gasps("b"), words=[word("east_fuse", Verdict.DENIED)]))

    assert told.devices == ("east_line",)


def test_confirming_one_of_a_set_names_it_alone():
    told = only(inferred(gasps("a") + gasps("b"), words=[word("east_line", Verdict.CONFIRMED)]))

    assert told.devices == ("east_line",)


def test_the_later_word_about_a_device_counts_in_any_order():
    words = [
        word("tr_a", Verdict.CONFIRMED),
        word("tr_a", Verdict.DENIED, NOON + MINUTE),
    ]

    assert inferred([], words=words) == inferred([], words=words[::-1])
    assert inferred([], words=words).suspicions == ()


def test_what_a_human_explained_says_nothing_of_what_stands_above():
    alone = inferred(gasps("b"), words=[word("tr_b", Verdict.CONFIRMED)])
    both = inferred(gasps("a") + gasps("b"), words=[word("tr_b", Verdict.CONFIRMED)])

    assert named(alone) == [("tr_b",)]
    other = next(each for each in both.suspicions if each.word is None)
    assert {each.subject[0] for each in other.evidence_for} == {"a"}


def test_a_human_is_believed_about_a_device_that_the_tree_does_not_have():
    told = only(inferred([], words=[word("pole 7", Verdict.CONFIRMED)]))

    assert (told.devices, told.level, told.loads) == (("pole 7",), Level.CONFIRMED, ())


def test_a_confirmed_device_below_a_dark_parent_lies_inside_it():
    everything = [each for name in "abd" for each in gasps(name)]

    outer, inner = inferred(everything, words=[word("tr_c", Verdict.CONFIRMED)]).suspicions

    assert outer.devices == ("breaker",)
    assert (inner.devices, inner.inside) == (("tr_c",), ("breaker",))


# What is sure.


def test_surely_dark_is_what_is_dark_under_every_candidate_that_is_close():
    """Ten of one transformer gasped; one silent household hangs between it and the fuse."""
    tree = a_tree(("fuse", None, "lone"), ("tr", 0, village("t", 10)))
    known = Known(
        kinds={"fuse": "fuse", "tr": "transformer"},
        households={load: 1 for zone in tree.zones for load in zone.loads},
        reporting={load: 1 for zone in tree.zones for load in zone.loads},
    )

    told = only(inferred(gasps("t", range(8)), tree=tree, known=known))

    assert {told.devices, *told.rivals} == {("fuse",), ("tr",)}
    assert set(told.sure) == set(village("t", 10).split())
    assert told.level is Level.CONFIRMED
    assert told.share < 0.9


# Phases. A regulator of one phase and the line behind it share loads; neither holds the other.


def two_phases() -> ZoneTree:
    lines = ((1, 1), (2, 2))
    return zones(
        Network(
            (
                Device("src", "source", "", "b0"),
                Device("head", "line", "b0", "b1", conductors=lines),
                Device("reg_a", "transformer", "b1", "b2", conductors=((1, 1),)),
                Device("reg_b", "transformer", "b1", "b2", conductors=((2, 2),)),
                Device("line", "line", "b2", "b3", conductors=lines),
            ),
            tuple(
                Load(f"{phase}{bus}{n}", f"b{bus}", nodes)
                for phase, nodes in (("a", "1"), ("b", "2"))
                for bus in (1, 2, 3)
                for n in range(10)
            ),
        )
    )


PHASES = two_phases()
PHASED = Known(
    kinds={"reg_a": "transformer", "reg_b": "transformer", "head": "line", "line": "line"},
    reporting={load: 1 for zone in PHASES.zones for load in zone.loads},
)


@pytest.mark.parametrize("device", ["head", "reg_a", "reg_b", "line"])
def test_a_fault_is_found_where_the_zones_of_phases_cross(device):
    zone = PHASES.zone_of(device)
    assert zone is not None
    dark = [said(Kind.METER_OFF, load) for load in PHASES.under(zone) if not load.endswith("7")]

    told = only(inferred(dark, tree=PHASES, known=PHASED))

    assert device in told.devices
    assert set(told.loads) == set(told.sure) == PHASES.under(zone)


@pytest.mark.parametrize("device", ["reg_a", "reg_b", "line"])
def test_a_human_and_a_switch_are_heard_where_zones_cross(device):
    opened = inferred([said(Kind.DEVICE_OPEN, device)], tree=PHASES, known=Known())
    confirmed = inferred([], tree=PHASES, known=PHASED, words=[word(device, Verdict.CONFIRMED)])
    again = [said(Kind.DEVICE_OPEN, device), said(Kind.DEVICE_CLOSE, device, SECOND)]
    gasp = [said(Kind.METER_OFF, load) for load in ("a20", "b30")]

    assert only(opened).devices == only(confirmed).devices == (device,)
    momentary = inferred([*again, *gasp], tree=PHASES, known=PHASED)
    assert [each.device_id for each in momentary.momentaries] == [device]
    assert momentary.unplaced == ()


def test_in_the_tree_that_is_left_each_load_hangs_once_below_all_that_darken_it():
    nested, crossing = nest(PHASES)

    loads = [load for zone in nested.zones for load in zone.loads]
    assert len(loads) == len(set(loads)) == 60
    kept = {zone.devices: nested.under(i) for i, zone in enumerate(nested.zones)}
    kept |= {zone.devices: frozenset(zone.loads) for zone in crossing}
    assert kept == {zone.devices: PHASES.under(i) for i, zone in enumerate(PHASES.zones)}
    assert crossing


def test_a_tree_in_which_nothing_crosses_is_left_as_it_is():
    assert nest(TREE) == (TREE, ())


# The rest.


def test_evidence_about_nothing_on_the_tree_is_handed_back():
    strange = [said(Kind.METER_OFF, "elsewhere"), said(Kind.DEVICE_OPEN, "a1")]

    answer = inferred([*gasps("a"), *strange])

    assert set(answer.unplaced) == set(strange)
    assert named(answer) == [("tr_a",)]


def test_many_meters_at_one_load_speak_for_themselves():
    """A block of fifty flats hangs on one load: one dark flat is not a dark block."""
    tree = a_tree(("fuse", None, "block"))
    known = Known(kinds={"fuse": "fuse"}, households={"block": 50}, reporting={"block": 50})

    def off(flats: int) -> list[Evidence]:
        return [said(Kind.METER_OFF, "block", meter=f"flat {n}") for n in range(flats)]

    assert inferred(off(1), tree=tree, known=known).suspicions == ()
    assert only(inferred(off(30), tree=tree, known=known)).devices == ("fuse",)


def test_a_feeder_of_two_thousand_zones_in_a_row_is_no_deeper_than_another():
    depth = 2000
    tree = a_tree(*((f"d{i}", i - 1 if i else None, f"l{i}") for i in range(depth)))
    dark = [said(Kind.METER_OFF, f"l{i}") for i in range(1000, depth)]
    known = Known(reporting={f"l{i}": 1 for i in range(depth)})

    assert named(inferred(dark, tree=tree, known=known)) == [("d1000",)]


def a_long_feeder(size: int) -> tuple[ZoneTree, Known]:
    """A trunk of sections, each with a transformer of four households."""
    rows: list[tuple[str, int | None, str]] = []
    for i in range(size):
        rows += [(f"s{i}", 2 * i - 2 if i else None, ""), (f"t{i}", 2 * i, village(f"l{i}_", 4))]
    tree = a_tree(*rows)
    loads = [load for zone in tree.zones for load in zone.loads]
    known = Known(
        kinds={f"t{i}": "transformer" for i in range(size)},
        households=dict.fromkeys(loads, 1),
        reporting=dict.fromkeys(loads, 1),
        transformers={load: load.partition("_")[0] for load in loads},
    )
    return tree, known


def test_indicators_in_a_row_speak_once_however_many_faults_could_have_tripped_them():
    tree, known = a_long_feeder(8)
    gone = [said(Kind.METER_OFF, f"l{i}_{n}") for i in range(4, 8) for n in range(3)]
    seen = [said(Kind.FAULT_INDICATOR, f"s{i}") for i in range(4)]

    assert named(inferred([*gone, *seen], tree=tree, known=known)) == [("s4",)]


def lines_run(size: int) -> int:
    """Count the lines that inferring runs where half of a long feeder is dark."""
    tree, known = a_long_feeder(size)
    evidence = [
        *(said(Kind.METER_OFF, f"l{i}_{n}") for i in range(size // 2, size) for n in range(2)),
        *(said(Kind.PING_REPLY, f"l{i}_3", MINUTE) for i in range(size // 2)),
        *(said(Kind.FAULT_INDICATOR, f"s{i}") for i in range(0, size, 4)),
    ]
    lines = 0

    def count_lines(_frame: FrameType, event: str, _arg: object) -> Callable[..., Any]:
        nonlocal lines
        lines += event == "line"
        return count_lines

    before = sys.gettrace()
    sys.settrace(count_lines)
    try:
        told = infer(tree, evidence, known=known, ladder=LADDER, at=NOON + 5 * MINUTE)
    finally:
        sys.settrace(before)
    assert named(told) == [(f"s{size // 2}",)]
    return lines


def test_twice_the_network_and_the_reports_cost_little_more_than_twice():
    assert lines_run(200) / lines_run(100) < 2.5


def test_the_ladder_is_read_from_the_limits():
    assert (
        Ladder(suspected=0.5, probable=0.9, confirmed=0.99, hold_off=MINUTE, fade=180 * MINUTE)
        == LADDER
    )
    assert [LADDER.level(p) for p in (0.49, 0.5, 0.9, 0.99)] == [
        None, Level.SUSPECTED, Level.PROBABLE, Level.CONFIRMED,
    ]  # fmt: skip


# Properties.

subjects = st.sampled_from(["a1", "a2", "a3", "b1", "c1", "c2", "d1", "tr_a", "elsewhere"])
devices = st.sampled_from(["breaker", "east_fuse", "east_line", "tr_a", "tr_c", "elsewhere"])
seconds = st.integers(-90, 300).map(lambda number: NOON + number * SECOND)
reports = st.one_of(
    st.builds(
        Evidence,
        kind=st.sampled_from(
            [Kind.CALL, Kind.METER_OFF, Kind.METER_ON, Kind.PING_REPLY, Kind.PING_MISSED]
        ),
        subject=subjects,
        source=st.sampled_from(["hes", "95598"]),
        sequence=st.integers(1, 30),
        occurred_at=seconds,
        recorded_at=seconds,
        meter=st.sampled_from(["", "m1"]),
        confidence=st.sampled_from([1.0, 0.5, 0.0]),
    ),
    st.builds(
        Evidence,
        kind=st.sampled_from([Kind.DEVICE_OPEN, Kind.DEVICE_CLOSE, Kind.FAULT_INDICATOR]),
        subject=devices,
        source=st.just("scada"),
        sequence=st.integers(1, 30),
        occurred_at=seconds,
        recorded_at=seconds,
    ),
)


@given(st.lists(reports, max_size=25), st.data())
def test_the_answer_depends_on_the_set_of_evidence_not_on_its_order_nor_repetition(heard, data):
    shuffled = data.draw(st.permutations(heard))
    repeated = data.draw(st.lists(st.sampled_from(heard), max_size=5)) if heard else []

    assert inferred([*shuffled, *repeated]) == inferred(heard)


@given(st.lists(reports, max_size=25))
def test_every_probability_is_one_and_outages_do_not_overlap(heard):
    answer = inferred(heard)

    outer = [each for each in answer.suspicions if not each.inside]
    loads = [load for each in outer for load in each.loads]
    assert len(loads) == len(set(loads))
    for each in answer.suspicions:
        assert 0.5 <= each.probability <= 1
        assert 0 <= each.share <= 1
        assert set(each.sure) <= set(each.loads)


@st.composite
def small_trees(draw) -> tuple[ZoneTree, list[Evidence]]:
    size = draw(st.integers(1, 6))
    parents = [None, *(draw(st.integers(0, i - 1) | st.none()) for i in range(1, size))]
    tree = a_tree(*((f"d{i}", parent, f"l{i} m{i}") for i, parent in enumerate(parents)))
    loads = st.sampled_from([load for zone in tree.zones for load in zone.loads])
    kinds = st.sampled_from([Kind.METER_OFF, Kind.PING_REPLY, Kind.CALL])
    told = draw(st.dictionaries(loads, st.tuples(kinds, st.integers(0, 3))))
    return tree, [said(kind, load, at * MINUTE) for load, (kind, at) in told.items()]


def antichains(tree: ZoneTree, below: dict[int, set[int]]) -> Iterator[list[int]]:
    """Yield every set of zones of which none lies below another."""
    size = len(tree.zones)
    for bits in range(1 << size):
        chosen = [i for i in range(size) if bits >> i & 1]
        if all(i == j or j not in below[i] for i in chosen for j in chosen):
            yield chosen


def _weight(each: Evidence) -> float:
    if each.kind is not Kind.CALL:
        return USUAL.rate(each.kind).weight()
    age = NOON + 10 * MINUTE - each.occurred_at
    return USUAL.rate(each.kind).weight(0.5 ** (age / LADDER.fade))


def weight_of(i: int, below: dict[int, set[int]], evidence: Sequence[Evidence]) -> float:
    """Weigh one zone by trying every onset, without silence: the rule as one would say it."""
    own = [each for each in evidence if int(each.subject[1:]) in below[i]]
    dark = [each for each in own if each.kind is not Kind.PING_REPLY]
    live = [each for each in own if each.kind is Kind.PING_REPLY]

    def since(onset: datetime) -> float:
        speaks_for = sum(_weight(each) for each in dark if each.occurred_at >= onset)
        return speaks_for - sum(_weight(each) for each in live if each.occurred_at > onset)

    weights = [0.0, *(since(each.occurred_at) for each in dark)]
    return USUAL.prior("") + max(weights)


@settings(max_examples=200)
@given(small_trees())
def test_the_sweeps_find_what_trying_every_explanation_finds(drawn):
    tree, evidence = drawn
    size = len(tree.zones)
    below: dict[int, set[int]] = {i: {i} for i in range(size)}
    for i in range(size - 1, -1, -1):
        parent = tree.zones[i].parent
        if parent is not None:
            below[parent] |= below[i]
    score = [weight_of(i, below, evidence) for i in range(size)]
    found = [(math.exp(sum(score[i] for i in each)), each) for each in antichains(tree, below)]
    whole = sum(weight for weight, _ in found)

    for told in inferred(evidence, tree=tree, known=Known(), after=10 * MINUTE).suspicions:
        zone = int(told.devices[0][1:])
        share = sum(weight for weight, chosen in found if zone in chosen) / whole
        dark = max(
            sum(weight for weight, chosen in found if any(z in below[c] for c in chosen)) / whole
            for z in below[zone]
        )
        assert told.share == pytest.approx(share)
        assert told.probability == pytest.approx(dark)
        assert zone in max(found)[1]
