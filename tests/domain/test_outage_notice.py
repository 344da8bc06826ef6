"""Who is owed which notice, when it may go out, and how it ends: tables to sign."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.contact import Phone
from chalicelib.domain.outage_notice import (
    BEFOREHAND,
    CLOSING,
    DROPPED,
    NIGHT,
    REPEATS,
    RUNNING,
    Account,
    Consent,
    Drop,
    DropReason,
    Facts,
    Group,
    Kind,
    Night,
    Notice,
    Outcome,
    Recipient,
    Reply,
    Silence,
    Told,
    group_of,
    is_safety,
    of_household,
    owed,
    parse_reply,
    promised_update,
    recipients,
    shards,
    told_from_json,
    when_to_send,
)
from chalicelib.domain.planning import Window, quiet_hours
from chalicelib.store import deliveries
from tests.domain.engine import RULES
from tests.domain.outages import (
    DAYS,
    HOURS,
    MINUTES,
    NOON,
    WORKS,
    at,
    fault,
    household,
    notice,
    planned,
    sep,
    told,
    why,
)

# What is owed in a fault.

FIRST = told(Kind.FAULT_FIRST, at=at(12, 18), next_update=at(13))
ETR = told(Kind.FAULT_CAUSE_ETR, at=at(12, 40), revision=2, until=at(14, 30), cause=True)
BACK = told(Kind.RESTORED, at=at(15, 45), revision=5, closes=True)


@pytest.mark.parametrize(
    ("facts", "said", "now", "expected"),
    [
        # S1.5: cause and expected restoration within five minutes, in one text if known
        (fault(), (), at(12, 17), "fault_first"),
        (fault(cause="瓷瓶损坏", etr=at(14, 30)), (), at(12, 17), "fault_cause_etr"),
        (fault(cause="瓷瓶损坏"), (), at(12, 17), "fault_first"),
        (fault(), (FIRST,), at(12, 30), "- no_news"),
        (fault(revision=2, etr=at(14, 30)), (FIRST,), at(12, 40), "fault_cause_etr"),
        # the same revision is told once, whatever asks again
        (fault(revision=2, etr=at(14, 30)), (FIRST, ETR), at(12, 41), "- no_news"),
        # the end moves: least change 15 minutes, either way
        (fault(revision=3, etr=at(14, 44)), (FIRST, ETR), at(13), "- no_news"),
        (fault(revision=3, etr=at(14, 45)), (FIRST, ETR), at(13), "etr_change"),
        (fault(revision=3, etr=at(14, 15)), (FIRST, ETR), at(13), "etr_change"),
        (fault(revision=3, etr=at(16), extended=True), (FIRST, ETR), at(13), "extended"),
        (fault(revision=3, etr=at(14), extended=True), (FIRST, ETR), at(13), "etr_change"),
        # the end that was told is past: an apology, not a change
        (fault(revision=3, etr=at(16)), (FIRST, ETR), at(14, 31), "extended"),
        (fault(revision=2, etr=at(14, 30)), (FIRST, ETR), at(14, 39), "- no_news"),
        (fault(revision=2, etr=at(14, 30)), (FIRST, ETR), at(14, 40), "extended"),
        # an end that is withdrawn is said to be
        (fault(revision=3), (FIRST, ETR), at(13), "etr_change"),
        # the next word was promised for 13:00
        (fault(revision=2, next_update_at=at(14)), (FIRST,), at(12, 59), "- no_news"),
        (fault(revision=2, next_update_at=at(14)), (FIRST,), at(13), "etr_change"),
        # a cause that becomes known later is told once
        (
            fault(revision=3, etr=at(14, 30), cause="瓷瓶损坏"),
            (replace(ETR, cause=False),),
            at(13),
            "fault_cause_etr",
        ),
        # an expected end in the past is no end
        (fault(etr=at(12)), (), at(12, 17), "fault_first"),
    ],
)
def test_5_4_a_household_hears_of_a_fault_what_is_news_to_it(facts, said, now, expected):
    assert why(facts, *said, now=now) == expected


@pytest.mark.parametrize(
    ("facts", "said", "state", "now", "expected"),
    [
        (fault(restored_at=at(15, 42)), (FIRST,), {}, at(15, 45), "restored"),
        # S7 “restored” goes only to those who were told
        (fault(restored_at=at(15, 42)), (), {}, at(15, 45), "- not_told_of_it"),
        (fault(restored_at=at(15, 42), revision=5), (FIRST, BACK), {}, at(15, 46), "- told"),
        (fault(restored_at=at(15, 42), revision=6), (FIRST, BACK), {}, at(15, 46), "- told"),
        # its own step brought it back, others are dark still
        (fault(revision=3), (FIRST,), {"restored_at": at(14)}, at(14, 2), "restored"),
        # a nested household is told by its own outage
        (fault(restored_at=at(15, 42)), (FIRST,), {"nested": True}, at(15, 45), "- nested"),
        (fault(), (), {"nested": True}, at(12, 20), "- nested"),
        # too old to be told
        (fault(restored_at=at(15, 42)), (FIRST,), {}, at(3, 42, day=2), "restored"),
        (fault(restored_at=at(15, 42)), (FIRST,), {}, at(3, 43, day=2), "- stale"),
        # back within the hold-off: nobody hears anything, unless they were told already
        (fault(momentary=True), (), {}, at(12, 17), "- momentary"),
        (fault(momentary=True, restored_at=at(12, 16)), (), {}, at(12, 17), "- momentary"),
        (fault(momentary=True, restored_at=at(12, 20)), (FIRST,), {}, at(12, 21), "restored"),
        # another outage took it in, and tells its households
        (fault(absorbed=True), (FIRST,), {}, at(15), "- absorbed"),
        # not surely dark
        (fault(confirmed=False), (), {}, at(12, 17), "- unconfirmed"),
        # wrongly told: a correction, once; wrongly listed and not told: nothing
        (fault(revision=2), (FIRST,), {"affected": False}, at(12, 40), "correction"),
        (fault(revision=2), (), {"affected": False}, at(12, 40), "- not_affected"),
        (fault(revision=2, cancelled_at=at(12, 40)), (FIRST,), {}, at(12, 41), "correction"),
        (fault(revision=2, cancelled_at=at(12, 40)), (), {}, at(12, 41), "- not_affected"),
        # dark again after it was told of the end
        (fault(revision=6), (FIRST, BACK), {}, at(16), "fault_first"),
        # what was told before revision 3 is wrong
        (fault(revision=3, corrects=3), (FIRST,), {}, at(12, 40), "correction"),
        # one customer's own affair
        (fault(kind="arrears"), (), {}, at(12, 17), "- private"),
        (fault(kind="breach", restored_at=at(13)), (FIRST,), {}, at(13, 1), "- private"),
    ],
)
def test_7_who_was_told_is_told_of_the_end_and_nobody_else(facts, said, state, now, expected):
    assert why(facts, *said, now=now, **state) == expected


def test_who_is_added_late_gets_a_first_notice_never_a_change_of_what_they_did_not_hear():
    late = fault(revision=4, etr=at(16), change_reason="更换变压器")

    found = notice(late, now=at(14))

    assert found.kind is Kind.FAULT_CAUSE_ETR
    assert found.first
    assert found.was is None


def test_a_correction_closes_it_for_who_was_never_dark_and_not_for_who_is():
    unaffected = notice(fault(revision=2), FIRST, now=at(12, 40), affected=False)
    wrong = notice(fault(revision=3, corrects=3, etr=at(15)), ETR, now=at(13))

    assert (unaffected.closes, unaffected.until) == (True, None)
    assert (wrong.closes, wrong.until) == (False, at(15))
    again = (FIRST, unaffected.as_told(at(12, 41)))
    assert why(fault(revision=3), *again, now=at(13), affected=False) == "- not_affected"
    corrected = (ETR, wrong.as_told(at(13)))
    gone = fault(revision=4, corrects=3, restored_at=at(15))
    assert why(gone, *corrected, now=at(15, 1)) == "restored"


def test_a_change_names_the_end_that_this_household_was_told_not_the_records_last():
    found = notice(fault(revision=9, etr=at(17)), ETR, now=at(13))

    assert (found.was, found.until) == (at(14, 30), at(17))


# What is owed of a planned outage.

WEEK = told(Kind.PLANNED_7D, at=sep(5, 8), window=WORKS, until=WORKS.end, cause=True)
NEXT_DAY = Window(WORKS.start + DAYS, WORKS.end + DAYS)


@pytest.mark.parametrize(
    ("facts", "said", "now", "expected"),
    [
        # 2.2: seven days, one day, half an hour; the first with time to reach the last household
        (planned(), (), sep(4, 20, 29), "- too_early"),
        (planned(), (), sep(4, 20, 30), "planned_7d"),
        (planned(), (WEEK,), sep(6, 9), "- no_news"),
        (planned(), (WEEK,), sep(11, 8), "planned_1d"),
        (planned(), (WEEK,), sep(11, 20, 29), "planned_1d"),
        # 07:30 is quiet: the last reminder moves to the evening before, never later
        (
            planned(),
            (WEEK, replace(WEEK, kind=Kind.PLANNED_1D, at=sep(11, 8))),
            sep(11, 20, 30),
            "planned_30min",
        ),
        # announced late: what is due now, and not what would have been
        (planned(), (), sep(9, 9), "planned_7d"),
        (planned(), (), sep(11, 12), "planned_1d"),
        # moved: who was told the old time is told, who was not hears the new one as the first
        (planned(revision=2, window=NEXT_DAY), (WEEK,), sep(8, 9), "planned_changed"),
        (planned(revision=2, window=NEXT_DAY), (), sep(8, 9), "planned_7d"),
        # called off: only who was told; not after its end
        (
            planned(revision=2, cancelled_at=sep(8, 9)),
            (WEEK,),
            sep(8, 9, 1),
            "planned_cancelled",
        ),
        (
            planned(revision=2, cancelled_at=sep(8, 9)),
            (),
            sep(8, 9, 1),
            "- not_told_of_it",
        ),
        (
            planned(revision=2, cancelled_at=sep(8, 9)),
            (WEEK,),
            sep(12, 16),
            "- stale",
        ),
        # due to begin and has not: nobody is told that it has
        (planned(), (WEEK,), sep(12, 8, 10), "- not_begun"),
        (planned(), (), sep(12, 8, 10), "- not_begun"),
    ],
)
def test_2_2_each_household_hears_of_a_planned_outage_in_time_and_once(facts, said, now, expected):
    assert why(facts, *said, now=now) == expected


BEGUN = planned(revision=3, began_at=WORKS.start)


@pytest.mark.parametrize(
    ("facts", "said", "now", "expected"),
    [
        (BEGUN, (WEEK,), sep(12, 9), "- no_news"),
        (BEGUN, (), sep(12, 9), "planned_30min"),
        (replace(BEGUN, etr=sep(12, 17)), (WEEK,), sep(12, 15), "planned_overrun"),
        (replace(BEGUN, etr=sep(12, 16, 10)), (WEEK,), sep(12, 15), "- no_news"),
        # 7.2: longer than announced and nobody says so: the record says so itself after 10 minutes
        (BEGUN, (WEEK,), sep(12, 16, 9), "- no_news"),
        (BEGUN, (WEEK,), sep(12, 16, 10), "planned_overrun"),
        (replace(BEGUN, restored_at=sep(12, 15, 30)), (WEEK,), sep(12, 15, 31), "restored_early"),
        (replace(BEGUN, restored_at=sep(12, 15, 31)), (WEEK,), sep(12, 15, 32), "restored"),
        (replace(BEGUN, restored_at=sep(12, 15, 31)), (), sep(12, 15, 32), "- not_told_of_it"),
    ],
)  # fmt: skip
def test_2_2_once_it_has_begun_only_a_later_or_the_real_end_is_news(facts, said, now, expected):
    assert why(facts, *said, now=now) == expected


def test_after_an_unknown_end_the_known_one_is_told():
    now = sep(12, 16, 10)
    unknown = notice(BEGUN, WEEK, now=now)
    assert (unknown.until, unknown.next_update) == (None, sep(12, 16, 45))

    known = replace(BEGUN, revision=4, etr=sep(12, 18))
    found = notice(known, WEEK, unknown.as_told(now), now=sep(12, 16, 20))

    assert (found.kind, found.was, found.until) == (Kind.PLANNED_OVERRUN, WORKS.end, known.etr)


@pytest.mark.parametrize(
    ("kind", "now", "expected"),
    [
        ("short_notice", sep(10, 7, 29), "- too_early"),
        ("short_notice", sep(10, 20, 30), "short_notice_24h"),
        ("short_notice", sep(11, 20, 30), "short_notice_30min"),
        ("emergency_defect", sep(12, 7), "emergency_defect"),
        ("load_shortage", sep(1, 9), "load_shortage"),
    ],
)
def test_2_2_other_kinds_have_their_own_notices(kind, now, expected):
    assert why(planned(kind=kind), now=now) == expected


def test_2_2_a_household_is_told_of_an_emergency_once():
    urgent = planned(kind="emergency_defect")
    first = notice(urgent, now=sep(12, 7)).as_told(sep(12, 7))

    assert why(replace(urgent, revision=2), first, now=sep(12, 7, 30)) == "- no_news"


# Overtaking.


def test_7_an_unsent_notice_is_superseded_by_a_newer_one():
    waiting = replace(FIRST, is_sent=False)
    facts = fault(revision=2, etr=at(14, 30), cause="瓷瓶损坏")

    found = owed(household(waiting), facts, at=at(12, 40), rules=RULES)

    assert found.notice is not None
    assert (found.notice.kind, found.notice.first) == (Kind.FAULT_CAUSE_ETR, True)
    assert found.superseded == (waiting,)


def test_7_what_waits_and_is_still_owed_is_not_superseded():
    waiting = replace(FIRST, is_sent=False)

    found = owed(household(waiting), fault(), at=at(12, 40), rules=RULES)

    assert found.notice is not None
    assert found.superseded == ()


def test_5_3_a_held_notice_is_decided_anew_and_dropped_when_power_is_back():
    held = notice(fault(), now=at(23))
    state = household(held.as_told(at(23), is_sent=False))
    again = owed(state, fault(), at=at(8, day=2), rules=RULES).notice
    assert again is not None
    assert (again.kind, again.revision) == (held.kind, held.revision)

    back = fault(revision=2, restored_at=at(2, day=2))
    found = owed(state, back, at=at(8, day=2), rules=RULES)
    assert (found.silence, len(found.superseded)) == (Silence.NOT_TOLD_OF_IT, 1)


def test_7_facts_that_are_older_than_what_was_told_send_nothing_and_supersede_nothing():
    newer = (FIRST, replace(ETR, is_sent=False))
    found = owed(household(*newer), fault(restored_at=at(13)), at=at(13, 1), rules=RULES)
    assert (found.notice, found.silence, found.superseded) == (None, Silence.STALE, ())


STEPS = st.sampled_from(
    [
        {},
        {"etr": at(14, 30)},
        {"etr": at(16), "cause": "瓷瓶损坏"},
        {"etr": at(15), "extended": True},
        {"momentary": True},
        {"confirmed": False},
        {"restored_at": at(13)},
        {"cancelled_at": at(13)},
        {"next_update_at": at(13, 30)},
    ]
)


@given(st.lists(st.tuples(STEPS, st.integers(0, 90)), min_size=1, max_size=8))
def test_whatever_the_record_does_nobody_is_told_twice_or_of_an_end_unheard_of(story):
    """Each kind and revision once; an end only after a beginning; nobody is told the past."""
    said: list[Notice] = []
    told_so_far: list[Told] = []
    now = at(12, 16)
    for revision, (change, minutes) in enumerate(story, start=1):
        now += minutes * MINUTES
        facts = fault(revision=revision, **change)
        found = owed(household(*told_so_far), facts, at=now, rules=RULES).notice
        if found is None:
            continue
        assert found.first is (not said or said[-1].closes)
        assert not (found.closes and found.first)
        assert found.until is None or found.until > now
        assert found.closes or found.until or (found.next_update and found.next_update > now)
        said.append(found)
        told_so_far.append(found.as_told(now))
        again = owed(household(*told_so_far), facts, at=now, rules=RULES)
        assert again.notice is None
    assert len({(one.kind, one.revision) for one in said}) == len(said)


@given(
    st.sampled_from(Kind),
    st.booleans(),
    st.booleans(),
    st.one_of(st.none(), st.just(at(14, 30))),
    st.one_of(st.none(), st.just(WORKS)),
)
def test_what_was_told_reads_back_from_its_row(kind, closes, cause, until, window):
    one = told(kind, at=NOON, until=until, window=window, closes=closes, cause=cause)
    assert told_from_json(one.to_json()) == one
    held = replace(one, is_sent=False, next_update=at(13))
    assert told_from_json(held.to_json()) == held


def lived_through(
    story: Mapping[datetime, Facts], until: datetime, every: timedelta = 10 * MINUTES
) -> list[tuple[str, datetime]]:
    """Sweep as the record changes; return what one household was sent, and when."""
    now, facts, state, out = min(story), story[min(story)], household(), []
    while now < until:
        facts = story.get(now, facts)
        found = owed(state, facts, at=now, rules=RULES)
        if found.notice is not None:
            when = when_to_send(to(found.notice), facts, at=now, rules=RULES)
            if when == now:
                assert facts.window is not None
                quiet = quiet_hours(now, RULES)
                assert not quiet.holds(now) or facts.window.start <= quiet.over(now)
                out.append((found.notice.kind.value, now))
                state = replace(state, told=(*state.told, found.notice.as_told(now)))
        now += every
    return out


def test_issue_3_a_planned_outage_made_eight_days_ahead_is_told_each_time_once():
    afternoon = Window(sep(12, 13), sep(12, 16))
    told_of = planned(window=afternoon)

    assert lived_through(
        {
            sep(4, 9): told_of,
            sep(12, 13): replace(told_of, began_at=sep(12, 13), revision=2),
            sep(12, 14): replace(told_of, began_at=sep(12, 13), etr=sep(12, 18), revision=3),
            sep(12, 17, 50): replace(
                told_of, began_at=sep(12, 13), restored_at=sep(12, 17, 50), revision=4
            ),
        },
        sep(14, 0),
    ) == [
        ("planned_7d", sep(5, 12, 30)),
        ("planned_1d", sep(11, 13)),
        ("planned_30min", sep(12, 12, 30)),
        ("planned_overrun", sep(12, 14)),
        ("restored", sep(12, 17, 50)),
    ]


def test_issue_3_a_planned_outage_that_is_moved_at_night_and_then_called_off():
    moved = planned(window=Window(sep(13, 9), sep(13, 15)), revision=2)

    assert lived_through(
        {
            sep(1, 9): planned(),
            sep(8, 22): moved,
            sep(12, 12): replace(moved, cancelled_at=sep(12, 12), revision=3),
        },
        sep(14, 0),
    ) == [
        ("planned_7d", sep(4, 20, 30)),
        ("planned_changed", sep(9, 8)),
        ("planned_1d", sep(12, 9)),
        ("planned_cancelled", sep(12, 12)),
    ]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 12 * 24), st.integers(-5, 5), st.booleans()), max_size=5))
def test_issue_3_however_often_a_plan_moves_nobody_is_told_twice_or_at_night(changes):
    story, window = {sep(1, 9): planned()}, WORKS
    for revision, (hours, days, is_off) in enumerate(sorted(changes), start=2):
        window = Window(window.start + days * DAYS, window.end + days * DAYS)
        now = sep(1, 9) + hours * HOURS
        off = now if is_off else None
        story[now] = planned(window=window, revision=revision, cancelled_at=off)

    kinds = [kind for kind, _ in lived_through(story, sep(20, 0), every=HOURS)]

    assert kinds[:1] != ["planned_changed"]
    assert kinds[:1] != ["planned_cancelled"]
    pairs = itertools.pairwise(kinds)
    assert all(one != other for one, other in pairs if one != "planned_changed")
    assert kinds.count("planned_7d") <= 1 + kinds.count("planned_cancelled")


def test_5_4_the_next_word_is_promised_on_a_quarter_of_an_hour_unless_the_record_names_it():
    assert promised_update(fault(), at(12, 17), RULES) == at(13)
    assert promised_update(fault(), at(12, 15), RULES) == at(12, 45)
    assert promised_update(fault(next_update_at=at(12, 50)), at(12, 17), RULES) == at(12, 50)
    assert promised_update(fault(next_update_at=at(12, 10)), at(12, 17), RULES) == at(13)


@pytest.mark.parametrize("changed", [{"areas": ()}, {"areas": (" ",)}])
def test_an_outage_without_a_place_or_window_is_no_fact(changed):
    with pytest.raises(ValueError, match="place"):
        fault(**changed)
    with pytest.raises(ValueError, match="window"):
        planned(window=None)


# When it goes out.

MOBILE = Phone("+8613800138000")
OTHER = Phone("+8613900139000")
LANDLINE = Phone("+8631188888888")


def to(one: Notice, group: Group = Group.REST, **changed: object) -> Recipient:
    recipient = Recipient(notice=one, phone=MOBILE, group=group, accounts=("1",))
    return replace(recipient, **changed)  # type: ignore[arg-type]  # a test names what matters


def sends(one: Notice, facts: Facts, now, group: Group = Group.REST, **changed: object):
    return when_to_send(to(one, group, **changed), facts, at=now, rules=RULES)


def a(kind: Kind, *, first: bool = False, **changed: object) -> Notice:
    return replace(Notice(kind=kind, revision=1, first=first), **changed)  # type: ignore[arg-type]


NIGHT_FAULT = fault(began_at=at(22), revision=2)
FIRST_NIGHT = a(Kind.FAULT_FIRST, first=True)
NEXT_MORNING = at(8, day=2)


@pytest.mark.parametrize(
    ("one", "group", "now", "expected"),
    [
        # 5.3: the beginning of a fault is not held for who depends on power, nor for key customers
        (FIRST_NIGHT, Group.VULNERABLE, at(22, 5), at(22, 5)),
        (FIRST_NIGHT, Group.KEY, at(22, 5), at(22, 5)),
        # the others: once it has lasted 60 minutes, or is known to
        (FIRST_NIGHT, Group.REST, at(22, 5), at(23)),
        (FIRST_NIGHT, Group.REST, at(23), at(23)),
        (FIRST_NIGHT, Group.REST, at(1, day=2), at(1, day=2)),
        (a(Kind.FAULT_CAUSE_ETR, first=True, until=at(23)), Group.REST, at(22, 5), at(23)),
        (a(Kind.FAULT_CAUSE_ETR, first=True, until=at(23, 1)), Group.REST, at(22, 5), at(22, 5)),
        # …or past the morning
        (a(Kind.FAULT_CAUSE_ETR, first=True, until=NEXT_MORNING), Group.REST, at(22, 5), at(22, 5)),
        # once only: what comes after waits
        (a(Kind.FAULT_CAUSE_ETR, until=at(3, day=2)), Group.REST, at(23, 30), NEXT_MORNING),
        (a(Kind.ETR_CHANGE, until=at(3, day=2)), Group.REST, at(23, 30), NEXT_MORNING),
        (a(Kind.ETR_CHANGE, until=at(3, day=2)), Group.KEY, at(23, 30), at(23, 30)),
        (a(Kind.EXTENDED, until=at(3, day=2)), Group.VULNERABLE, at(23, 30), at(23, 30)),
        # power that is back is held for everybody
        (a(Kind.RESTORED, closes=True), Group.REST, at(23, 30), NEXT_MORNING),
        (a(Kind.RESTORED, closes=True), Group.KEY, at(23, 30), NEXT_MORNING),
        (a(Kind.RESTORED, closes=True), Group.VULNERABLE, at(23, 30), NEXT_MORNING),
        (a(Kind.RESTORED, closes=True), Group.REST, at(20, 59), at(20, 59)),
        (a(Kind.RESTORED, closes=True), Group.REST, at(21), NEXT_MORNING),
        (a(Kind.RESTORED, closes=True), Group.REST, at(7, 59, day=2), NEXT_MORNING),
        (a(Kind.RESTORED, closes=True), Group.REST, NEXT_MORNING, NEXT_MORNING),
        (a(Kind.CORRECTION, closes=True), Group.REST, at(23), NEXT_MORNING),
        (a(Kind.CORRECTION, closes=True), Group.KEY, at(23), at(23)),
    ],
)
def test_5_3_what_the_quiet_hours_do_to_a_fault(one, group, now, expected):
    assert sends(one, NIGHT_FAULT, now, group) == expected


EVENING = sep(11, 22)
BY_DAY = planned(window=Window(sep(12, 9), sep(12, 16)))
BY_NIGHT = planned(window=Window(sep(12, 6), sep(12, 9)))
MORNING = sep(12, 8)


@pytest.mark.parametrize(
    ("one", "facts", "group", "expected"),
    [
        (a(Kind.PLANNED_7D, first=True), BY_DAY, Group.REST, MORNING),
        (a(Kind.PLANNED_1D), BY_DAY, Group.KEY, MORNING),
        # nobody was told and it begins before the morning: told at night rather than not at all
        (a(Kind.PLANNED_7D, first=True), BY_NIGHT, Group.REST, EVENING),
        (a(Kind.PLANNED_CHANGED), BY_NIGHT, Group.REST, EVENING),
        (a(Kind.PLANNED_CANCELLED, closes=True), BY_NIGHT, Group.REST, EVENING),
        # a reminder after the fact reminds nobody
        (a(Kind.PLANNED_30MIN), BY_NIGHT, Group.REST, Drop(DropReason.TOO_LATE)),
        # who depends on power is told whenever
        (a(Kind.PLANNED_30MIN), BY_NIGHT, Group.VULNERABLE, EVENING),
        # emergencies stand above the quiet hours
        (a(Kind.EMERGENCY_DEFECT), replace(BY_DAY, kind="emergency_defect"), Group.REST, EVENING),
        (a(Kind.LOAD_SHORTAGE), replace(BY_DAY, kind="load_shortage"), Group.KEY, EVENING),
        (a(Kind.LOAD_SHORTAGE), replace(BY_DAY, kind="load_shortage"), Group.REST, MORNING),
        # under way and unheard of: as the beginning of a fault
        (
            a(Kind.PLANNED_30MIN, first=True, until=MORNING),
            replace(BY_NIGHT, began_at=sep(11, 21, 30)),
            Group.REST,
            EVENING,
        ),
        (
            a(Kind.PLANNED_OVERRUN, until=MORNING),
            replace(BY_NIGHT, began_at=sep(11, 6)),
            Group.REST,
            MORNING,
        ),
    ],
)
def test_5_3_what_the_quiet_hours_do_to_a_planned_outage(one, facts, group, expected):
    assert sends(one, facts, EVENING, group) == expected


def test_5_3_the_night_table_knows_every_kind_and_each_group():
    assert set(NIGHT) == set(Kind)
    for kind, row in NIGHT.items():
        assert len(row) == len(Group)
        order = [Night.SEND, Night.LONG, Night.HOLD]
        ranks = [order.index(rule) for rule in row]
        assert ranks == sorted(ranks), f"{kind}: who is more urgent is never held longer"


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_of_exactly_one_sort(kind):
    sorts = [kind in sort for sort in (RUNNING, BEFOREHAND, CLOSING)]
    others = {Kind.PLANNED_CHANGED, Kind.CORRECTION}
    assert sum(sorts) == (0 if kind in others else 1)


# Caps and opt-outs.


def test_f74_an_eleventh_text_in_ten_minutes_waits_until_the_first_is_ten_minutes_old():
    ten = tuple(at(12, minute) for minute in range(10, 20))
    assert sends(FIRST_NIGHT, fault(), at(12, 19), sent=ten[:9]) == at(12, 19)
    assert sends(FIRST_NIGHT, fault(), at(12, 19), sent=ten) == at(12, 20)


def test_f74_a_twenty_first_text_of_a_day_is_not_sent_or_waits_if_it_is_of_what_is_to_come():
    twenty = tuple(at(8) + n * 12 * MINUTES for n in range(20))
    found = sends(a(Kind.ETR_CHANGE, until=at(20)), fault(), at(13), sent=twenty)
    assert found == Drop(DropReason.CAPPED)
    later = planned(window=Window(at(9, day=5), at(12, day=5)))
    assert sends(a(Kind.PLANNED_7D), later, at(13), sent=twenty) == NEXT_MORNING


def test_f74_safety_is_not_capped():
    many = tuple(at(12, 10) + n * timedelta(seconds=10) for n in range(30))
    assert sends(FIRST_NIGHT, fault(), at(12, 19), Group.VULNERABLE, sent=many) == at(12, 19)
    urgent = planned(kind="emergency_defect", window=Window(at(14), at(16)))
    assert sends(a(Kind.EMERGENCY_DEFECT), urgent, at(12, 19), sent=many) == at(12, 19)


def test_f74_a_reminder_that_the_cap_moves_past_the_beginning_is_not_sent():
    ten = tuple(at(8, 50) + n * timedelta(seconds=1) for n in range(10))
    soon = planned(window=Window(at(8, 55), at(12)))
    assert sends(a(Kind.PLANNED_30MIN), soon, at(8, 51), sent=ten) == Drop(DropReason.TOO_LATE)


@given(st.lists(st.integers(0, 48 * 60), max_size=60), st.integers(0, 48 * 60))
def test_f74_no_number_ever_gets_more_than_the_caps_allow(minutes, now_minute):
    now = at(0) + now_minute * MINUTES
    sent: list[datetime] = []
    for minute in sorted(minutes):
        moment = at(0) + minute * MINUTES
        if moment > now:
            break
        found = sends(a(Kind.CORRECTION), fault(), moment, sent=tuple(sent))
        if isinstance(found, Drop):
            assert found.reason is DropReason.CAPPED
            continue
        assert found >= moment
        if found == moment:
            sent.append(moment)
    for moment in sent:
        assert sum(moment - 10 * MINUTES < other <= moment for other in sent) <= 10
        assert sum(other.date() == moment.date() for other in sent) <= 20


MUTED = Consent(opted_out_at=at(8))


@pytest.mark.parametrize(
    ("one", "group", "expected"),
    [
        (a(Kind.ETR_CHANGE), Group.REST, Drop(DropReason.OPTED_OUT)),
        (a(Kind.RESTORED, closes=True), Group.REST, Drop(DropReason.OPTED_OUT)),
        (a(Kind.FAULT_CAUSE_ETR), Group.KEY, Drop(DropReason.OPTED_OUT)),
        (a(Kind.FAULT_CAUSE_ETR, first=True), Group.REST, at(12, 20)),
        (a(Kind.CORRECTION), Group.REST, at(12, 20)),
        (a(Kind.ETR_CHANGE), Group.VULNERABLE, at(12, 20)),
        (a(Kind.EMERGENCY_DEFECT), Group.REST, at(12, 20)),
    ],
)
def test_5_2_an_opt_out_mutes_repeats_and_never_safety(one, group, expected):
    assert sends(one, fault(), at(12, 20), group, consent=MUTED) == expected


@pytest.mark.parametrize(
    ("consent", "is_muted"),
    [
        (Consent(), False),
        (Consent(opted_out_at=at(8)), True),
        (Consent(opted_out_at=at(13)), False),
        (Consent(consented_at=at(7), opted_out_at=at(8)), True),
        (Consent(consented_at=at(9), opted_out_at=at(8)), False),
        (Consent(consented_at=at(13), opted_out_at=at(8)), True),
    ],
)
def test_5_2_a_later_consent_ends_an_opt_out_from_its_own_day_on(consent, is_muted):
    assert consent.is_muted(at(12)) is is_muted


def test_only_running_and_coming_outages_are_safety_for_the_vulnerable():
    safe = {kind for kind in Kind if is_safety(kind, Group.VULNERABLE)}
    assert safe == RUNNING | BEFOREHAND
    assert {kind for kind in Kind if is_safety(kind, Group.REST)} == {Kind.EMERGENCY_DEFECT}
    assert {Kind.PLANNED_CHANGED, Kind.PLANNED_CANCELLED, Kind.CORRECTION}.isdisjoint(REPEATS)


@pytest.mark.parametrize("phone", [None, LANDLINE])
def test_who_cannot_be_texted_is_dropped_with_that_reason(phone):
    assert sends(FIRST_NIGHT, fault(), NOON, phone=phone) == Drop(DropReason.NO_PHONE)


# To whom, in which order.


@pytest.mark.parametrize(
    ("flags", "group"),
    [
        ((), Group.REST),
        (("key",), Group.KEY),
        (("vip", "lift"), Group.VULNERABLE),
        (("sensitive",), Group.KEY),
        (("unheard_of",), Group.REST),
    ],
)
def test_2_4_flags_say_who_is_told_first(flags, group):
    assert group_of(flags) is group


def test_one_text_a_telephone_however_many_meters_and_one_to_each_telephone_of_a_meter():
    one = a(Kind.FAULT_FIRST, first=True)
    owing = [
        (Account(account_no="3", phones=(MOBILE,), area="三组"), one),
        (Account(account_no="2", phones=(MOBILE, OTHER), group=Group.KEY, area="二"), one),
        (Account(account_no="1", phones=(LANDLINE,)), one),
        (Account(account_no="4"), one),
    ]  # fmt: skip

    found = recipients(owing)

    assert [(r.phone, r.accounts, r.group, r.own_area) for r in found] == [
        (MOBILE, ("2", "3"), Group.KEY, "二"),
        (OTHER, ("2",), Group.KEY, "二"),
        (None, ("1",), Group.REST, ""),
        (None, ("4",), Group.REST, ""),
    ]


def test_the_identity_of_a_text_is_outage_telephone_kind_and_revision():
    one = to(a(Kind.FAULT_FIRST))
    keys = {
        one.key("o1", "p1"),
        one.key("o2", "p1"),
        one.key("o1", "p2"),
        to(a(Kind.RESTORED)).key("o1", "p1"),
        to(a(Kind.FAULT_FIRST, revision=2)).key("o1", "p1"),
    }
    assert len(keys) == 5
    assert "138" not in one.key("o1", "p1")


def test_7_shards_of_25_the_first_on_their_own():
    accounts = [(f"{n:03}", Group.REST) for n in range(60)]
    accounts += [("v", Group.VULNERABLE), ("k", Group.KEY), ("v", Group.VULNERABLE)]

    found = shards(accounts, RULES.number("outage_notice.shard", NOON))

    assert [len(shard.accounts) for shard in found] == [2, 25, 25, 10]
    assert found[0].accounts == ("v", "k")
    assert [shard.is_urgent for shard in found] == [True, False, False, False]
    assert [shard.number for shard in found] == [0, 1, 2, 3]
    assert shards(reversed(accounts), 25) == found
    assert shards([], 25) == ()
    with pytest.raises(ValueError, match="0"):
        shards(accounts, 0)


# How it ends.


def test_the_final_states_are_those_of_the_store():
    ranks, open_until = deliveries.RANKS, deliveries.RANKS[deliveries.Status.UNKNOWN]
    final = {status.value for status, rank in ranks.items() if rank > open_until}
    assert {outcome.value for outcome in Outcome} == final
    assert set(DROPPED) == set(DropReason)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], Outcome.NO_PHONE),
        ([Outcome.FAILED, Outcome.SENT], Outcome.SENT),
        ([Outcome.DELIVERED, Outcome.FAILED], Outcome.DELIVERED),
        ([Outcome.OPTED_OUT, Outcome.NO_PHONE], Outcome.OPTED_OUT),
        ([Outcome.SUPERSEDED, Outcome.FAILED], Outcome.FAILED),
    ],
)
def test_a_household_ends_as_the_best_of_its_telephones(outcomes, expected):
    assert of_household(outcomes) is expected


# What people answer.


@pytest.mark.parametrize(
    "text",
    [
        "1", "１", " 1。", "①", "回复1", "1 还没电", "还没电", "没来电", "我家还没有来电！",
        "仍无电", "还是没电啊", "没电了", "家里还停着电", "还在停电", "未恢复供电", "到现在还没电",
        "Still dark", "still no power", "NO POWER", "no power yet", "Still out.",
    ],
)  # fmt: skip
def test_7_a_reply_that_says_still_dark_is_understood(text):
    assert parse_reply(text) is Reply.STILL_DARK


@pytest.mark.parametrize(
    "text",
    [
        "", "2", "11", "1号公变", "有电了", "来电了", "不是没电", "没电费了", "谢谢", "T", "退订",
        "什么时候来电", "电线落地了", "没电表", "no", "power is back", "1" * 500, "没" * 201, "。",
    ],
)  # fmt: skip
def test_7_any_other_reply_is_left_to_a_person(text):
    assert parse_reply(text) is Reply.UNKNOWN


@given(st.text(max_size=300))
def test_no_reply_at_all_breaks_the_reader(text):
    assert parse_reply(text) in Reply


def test_the_clock_of_these_tests_is_right():
    assert (WORKS.end - WORKS.start) == 8 * HOURS
