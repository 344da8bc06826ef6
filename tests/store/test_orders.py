"""Orders in the store: what is acknowledged is there, once, and nobody overwrites anybody."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.order import BrokenChain, milestones, verify_against
from chalicelib.domain.refusal import KeyReused, Stale, Unknown
from chalicelib.store import heads, ledger, orders, personal
from chalicelib.store.heads import Due, Look
from chalicelib.store.orders import Change, Head
from chalicelib.store.rows import OrderRow
from tests.builders import (
    COUNTY,
    CREW,
    INTAKE,
    NOON,
    PARTY,
    SALT,
    SHOWN,
    STATION,
    WORKED,
    a_contact,
    a_fault,
    a_key,
    after,
    an_actor,
    an_order_id,
    fired,
    kept,
)

pytestmark = pytest.mark.usefixtures("any_store")
IN_FIVE = NOON + timedelta(minutes=5)


def dispatched(head: Head, **said: Any) -> Change:
    return after(head, "dispatch", office=STATION, staff=CREW, **said)


# Opening ----------------------------------------------------------------------------------------


def test_an_opened_order_is_there_with_its_event_and_its_contact():
    opened = a_fault()

    head = kept(opened, look=Look(1, IN_FIVE))

    assert orders.get(head.order.order_id) == head
    assert head.order == opened.order
    assert verify_against(head.order, ledger.links(head.order.order_id)) == head.order
    assert personal.contact(PARTY, head.order.order_id) == a_contact(head.order.order_id)


def test_asking_again_with_the_same_key_and_body_gives_the_same_order():
    opened = a_fault()
    first = kept(opened)
    orders.commit(dispatched(first))
    later = a_fault(at=NOON + timedelta(seconds=30))

    head, created = orders.open_(later, shown=SHOWN, contact=None, intake=INTAKE)

    assert not created
    assert head.order.version == 2
    assert [event.name for event in ledger.read(head.order.order_id)] == ["opened", "dispatch"]


def test_the_same_key_with_another_body_is_refused_and_changes_nothing():
    first = kept()
    other = f"{INTAKE.partition('.')[0]}.{'3c' * 16}"

    with pytest.raises(KeyReused):
        orders.open_(a_fault(), shown={}, contact=None, intake=other)

    assert orders.get(first.order.order_id) == first


def test_a_number_that_another_intention_has_is_not_given_twice():
    first = kept()
    other = f"{'4d' * 16}.{'2b' * 16}"

    with pytest.raises(orders.NumberTaken):
        orders.open_(a_fault(), shown={}, contact=None, intake=other)

    assert orders.get(first.order.order_id) == first


def test_an_order_without_a_telephone_keeps_its_words_under_itself():
    opened = a_fault()
    anonymous = a_contact(opened.order.order_id, party="")

    orders.open_(opened, shown={}, contact=anonymous, intake=INTAKE)

    assert personal.contact("", opened.order.order_id) == anonymous
    assert personal.words(opened.order.order_id, party="")[1].words == anonymous.words


@pytest.mark.parametrize("intake", ["", "1a.2b", "1a" * 16, f"{'1a' * 16}.{'zz' * 16}"])
def test_an_intake_that_is_not_two_hashes_is_a_mistake_of_ours_and_writes_nothing(intake):
    with pytest.raises(ValueError, match=r"hash|hexadecimal"):
        orders.open_(a_fault(), shown={}, contact=None, intake=intake)

    with pytest.raises(Unknown):
        orders.get(an_order_id())


# Moving -----------------------------------------------------------------------------------------


def test_a_move_keeps_head_event_words_and_key_together():
    head = kept(look=Look(1, IN_FIVE))
    note = personal.Words(head.order.order_id, 2, SALT, {"note": "先断开跌落保险"})
    change = replace(dispatched(head, key="k"), words=note, shown={"summary": "短"})

    (moved_on,) = orders.commit(change)

    assert orders.get(head.order.order_id) == moved_on
    assert moved_on.order == change.advanced.order
    assert moved_on.keys == (a_key("k", version=2),)
    assert moved_on.shown == {"summary": "短"}
    assert moved_on.look == head.look
    assert personal.words(head.order.order_id) == {2: note}
    assert ledger.event(head.order.order_id, 2) == change.advanced.event


def test_what_a_change_does_not_name_stays_as_it_is():
    head = kept(look=Look(1, IN_FIVE))
    (second,) = orders.commit(dispatched(head, key="k"))

    (third,) = orders.commit(after(second, "receive", by=an_actor("crew", CREW, STATION)))

    stored = orders.get(head.order.order_id)
    assert stored == third
    assert (stored.shown, stored.keys, stored.look) == (SHOWN, second.keys, head.look)
    assert stored.intake == head.intake


def test_the_second_of_two_is_told_who_was_first_and_what_they_did_and_when():
    head = kept()
    winner = dispatched(head, by=an_actor("dispatcher", "li-01"))
    orders.commit(winner)

    with pytest.raises(Stale) as refused:
        orders.commit(after(head, "withdraw", by=an_actor("agent", "wang-02"), key="mine"))

    assert refused.value.facts == {
        "by": "li-01",
        "role": "dispatcher",
        "move": "dispatch",
        "at": winner.advanced.event.recorded_at,
        "version": 2,
    }
    assert orders.get(head.order.order_id).order == winner.advanced.order


def test_who_is_several_moves_behind_is_told_of_the_first_that_they_missed():
    head = kept()
    (second,) = orders.commit(dispatched(head))
    orders.commit(after(second, "receive", by=an_actor("crew", CREW, STATION)))

    with pytest.raises(Stale) as refused:
        orders.commit(after(head, "withdraw"))

    assert refused.value.facts["move"] == "dispatch"


def test_a_key_that_has_moved_the_order_already_moves_it_no_further():
    head = kept()
    (second,) = orders.commit(dispatched(head, key="k"))

    again = orders.commit(dispatched(head, key="k", at=NOON + timedelta(minutes=9)))

    assert again == (second,)
    assert orders.get(head.order.order_id).order.version == 2


def test_a_key_that_has_moved_the_order_with_another_body_is_refused():
    head = kept()
    orders.commit(dispatched(head, key="k"))
    other = replace(dispatched(head, at=IN_FIVE), key=a_key("k", body="other"))

    with pytest.raises(KeyReused):
        orders.commit(other)


def test_the_head_keeps_its_last_eight_keys():
    head = kept()
    for number in range(10):
        change = after(head, "note", by=an_actor("agent"), key=f"k{number}", note="x")
        (head,) = orders.commit(change)

    stored = orders.get(head.order.order_id)
    assert [key.seq for key in stored.keys] == [4, 5, 6, 7, 8, 9, 10, 11]
    assert stored.keys[-1] == a_key("k9", version=11)


def test_two_orders_that_merge_change_together_or_not_at_all():
    parent, child = kept(), kept(a_fault(number=2))
    merge = after(child, "merge", parent=parent.order.order_id)
    absorb = after(parent, "absorb", child=child.order.order_id)
    orders.commit(dispatched(parent))

    with pytest.raises(Stale) as refused:
        orders.commit(merge, absorb)
    assert refused.value.facts["move"] == "dispatch"
    assert orders.get(child.order.order_id) == child

    absorb = after(orders.get(parent.order.order_id), "absorb", child=child.order.order_id)
    heads = orders.commit(merge, absorb)
    assert heads == (orders.get(child.order.order_id), orders.get(parent.order.order_id))
    assert heads[0].order.stage == "merged"
    assert heads[1].order.children == (child.order.order_id,)


def test_moving_an_order_that_is_not_there_is_refused_and_writes_nothing():
    nobody = orders.Head(a_fault().order, intake=INTAKE)

    with pytest.raises(Unknown):
        orders.commit(dispatched(nobody))

    assert list(ledger.links(nobody.order.order_id)) == []


def test_a_corrected_telephone_takes_the_contact_along_in_the_same_step():
    head = kept()
    other = "7e" * 16
    right = a_contact(head.order.order_id, party=other, phone="+8613800009999")
    change = after(head, "correct_phone", phone="13800009999")

    orders.commit(
        replace(
            change,
            contact=right,
            dropped=(PARTY, head.order.order_id),
            shown={**SHOWN, "party": other},
        )
    )

    assert personal.contact(other, head.order.order_id) == right
    assert personal.orders_of(other) == [head.order.order_id]
    assert personal.orders_of(PARTY) == []


def test_a_head_from_the_index_can_be_moved_by_the_sweep_but_not_with_a_key():
    whole = kept(look=Look(1, IN_FIVE))
    orders.commit(dispatched(whole, key="k"))
    (seen,) = orders.queue(COUNTY, limit=20).heads
    late = fired(seen.order, at=NOON + timedelta(hours=1))

    (swept,) = orders.commit(Change(seen, late))

    stored = orders.get(whole.order.order_id)
    assert stored.order == swept.order == late.order
    assert [key.seq for key in stored.keys] == [2]
    assert (stored.look, stored.intake) == (whole.look, INTAKE)
    with pytest.raises(ValueError, match="index"):
        orders.commit(after(swept, "note", key="k2", note="x"))


# What a timeline tells --------------------------------------------------------------------------


def test_the_milestones_beside_a_head_are_the_fold_of_its_events():
    head = kept(look=Look(1, IN_FIVE))
    for number, (move, role, answers) in enumerate(WORKED):
        by = an_actor(role, CREW, STATION)
        at = NOON + timedelta(hours=number, seconds=7 * number)
        (head,) = orders.commit(after(head, move, by=by, key=f"k{number}", at=at, **answers))

    stored = orders.get(head.order.order_id)
    assert stored == head
    assert stored.steps == milestones(ledger.read(head.order.order_id))
    assert [step.name for step in stored.steps or ()] == ["opened", *(move for move, *_ in WORKED)]
    verify_against(stored.order, ledger.links(head.order.order_id), told=stored.steps)


def test_milestones_that_somebody_edited_do_not_pass_for_the_chain():
    head = kept()
    (head,) = orders.commit(dispatched(head))
    assert head.steps is not None
    edited = (head.steps[0], replace(head.steps[1], office="S-ELSEWHERE"))

    with pytest.raises(BrokenChain, match="head-differs"):
        verify_against(head.order, ledger.links(head.order.order_id), told=edited)


def test_a_promise_that_the_sweep_sees_broken_is_a_milestone_although_the_index_has_none():
    whole = kept()
    (seen,) = orders.queue(COUNTY, limit=20).heads
    assert seen.steps is None

    orders.commit(Change(seen, fired(seen.order, at=NOON + timedelta(hours=3))))

    stored = orders.get(whole.order.order_id)
    assert [step.name for step in stored.steps or ()] == ["opened", "timer"]
    assert stored.steps == milestones(ledger.read(whole.order.order_id))


def test_a_story_too_long_to_stand_beside_its_head_is_left_to_the_ledger():
    head = kept()
    for number in range(60):
        at = NOON + timedelta(seconds=97 * number**2)
        (head,) = orders.commit(after(head, "note", at=at, note="x"))

    stored = orders.get(head.order.order_id)
    assert stored == head
    assert stored.steps is None
    assert len(milestones(ledger.read(head.order.order_id))) == 61


def test_a_row_written_without_milestones_goes_on_without_them():
    head = kept()
    OrderRow(order_id=head.order.order_id).update([OrderRow.steps.remove()])

    orders.commit(dispatched(orders.get(head.order.order_id)))

    assert orders.get(head.order.order_id).steps is None


# Reading ----------------------------------------------------------------------------------------


def test_an_order_that_is_not_there_is_unknown():
    with pytest.raises(Unknown):
        orders.get(an_order_id(404))


def test_many_are_returned_in_the_order_asked_and_the_unknown_are_left_out():
    heads = [kept(a_fault(number=number)) for number in range(1, 5)]
    asked = [an_order_id(n) for n in (3, 404, 1, 3, 4)]

    found = orders.get_many(asked)

    assert found == [heads[2], heads[0], heads[3]]
    assert orders.get_many([]) == []


def test_more_than_a_batch_can_hold_are_all_returned():
    heads = [kept(a_fault(number=number)) for number in range(1, 106)]

    found = orders.get_many(head.order.order_id for head in heads)

    assert found == heads


def test_the_queue_is_soonest_first_and_pages_meet_without_gap_or_repeat():
    minutes = [7, 3, 9, 1, 5]
    for number, minute in enumerate(minutes, start=1):
        kept(a_fault(number=number, at=NOON + timedelta(minutes=minute)))
    kept(a_fault(number=9, county="C-OTHER"))

    first = orders.queue(COUNTY, limit=2)
    second = orders.queue(COUNTY, limit=2, after=first.after)
    third = orders.queue(COUNTY, limit=2, after=second.after)

    pages = [*first.heads, *second.heads, *third.heads]
    assert [head.order.order_id for head in pages] == [an_order_id(n) for n in (4, 2, 5, 1, 3)]
    assert third.after is None
    assert pages[0].shown == SHOWN


def test_the_queue_up_to_an_instant_holds_what_is_due_by_then_and_nothing_else():
    soon = kept(a_fault(number=1))
    kept(a_fault(number=2, at=NOON + timedelta(hours=1)))
    due_at = soon.order.next_due_at
    assert due_at is not None

    by_then = orders.queue(COUNTY, limit=20, before=due_at)
    just_before = orders.queue(COUNTY, limit=20, before=due_at - timedelta(milliseconds=1))

    assert [head.order for head in by_then.heads] == [soon.order]
    assert just_before.heads == ()


def test_what_is_due_comes_oldest_first_and_nothing_that_is_not_due():
    for number in range(1, 6):
        kept(a_fault(number=number, at=NOON - timedelta(minutes=number)))
    kept(a_fault(number=9, at=NOON + timedelta(hours=1)))

    page = orders.due(COUNTY, before=NOON + timedelta(minutes=5), limit=3)
    rest = orders.due(COUNTY, before=NOON + timedelta(minutes=5), limit=3, after=page[-1])

    ids = [order_id for order_id, _ in [*page, *rest]]
    assert ids == [an_order_id(n) for n in (5, 4, 3, 2, 1)]
    assert page[0].due_at == orders.get(an_order_id(5)).order.next_due_at


def test_a_closed_order_leaves_the_index():
    head = kept()

    orders.commit(after(head, "withdraw", by=an_actor("citizen", "citizen", "")))

    assert orders.queue(COUNTY, limit=20).heads == ()
    assert orders.due(COUNTY, before=NOON + timedelta(days=400), limit=20) == []


# What is armed ----------------------------------------------------------------------------------


def test_an_order_is_armed_for_whatever_comes_first():
    head = kept()
    planned = head.order.next_due_at
    assert planned is not None
    earlier = Look(1, planned - timedelta(seconds=5))

    armed = orders.set_look(head, earlier)
    assert orders.due(COUNTY, before=planned, limit=5) == [Due(head.order.order_id, earlier.at)]

    settled = orders.set_look(armed, None)
    assert orders.due(COUNTY, before=planned, limit=5) == [Due(head.order.order_id, planned)]
    assert orders.get(head.order.order_id) == settled == head


def test_a_closed_order_stays_armed_for_its_look_back_and_leaves_when_that_is_settled():
    head = kept(look=Look(1, IN_FIVE))
    (closed,) = orders.commit(after(head, "withdraw"))
    assert orders.due(COUNTY, before=IN_FIVE, limit=5) == [Due(head.order.order_id, IN_FIVE)]

    orders.set_look(closed, None)

    assert orders.due(COUNTY, before=IN_FIVE, limit=5) == []


def test_a_look_back_that_was_settled_meanwhile_is_not_brought_back_by_a_move():
    head = kept(look=Look(1, IN_FIVE))
    change = replace(dispatched(head), look=head.look)
    orders.set_look(head, None)

    (moved_on,) = orders.commit(change)

    assert moved_on.look is None
    assert orders.get(head.order.order_id) == moved_on
    assert orders.due(COUNTY, before=IN_FIVE, limit=5)[0].due_at == moved_on.order.next_due_at


def test_a_move_with_effects_arms_its_look_back_in_the_same_step():
    head = kept()
    look = Look(2, NOON + timedelta(seconds=70))

    (moved_on,) = orders.commit(replace(dispatched(head), look=look))

    assert orders.get(head.order.order_id) == moved_on
    assert moved_on.look == look
    assert orders.due(COUNTY, before=look.at, limit=5) == [Due(head.order.order_id, look.at)]


def test_settling_a_look_back_of_an_order_that_moved_is_refused():
    head = kept(look=Look(1, IN_FIVE))
    orders.commit(dispatched(head))

    with pytest.raises(Stale):
        orders.set_look(head, None)

    assert orders.get(head.order.order_id).look == head.look


def test_a_parked_order_waits_behind_its_neighbours_and_the_next_move_arms_it_again():
    head = kept()
    was = head.order.next_due_at
    assert was is not None
    until = was + timedelta(hours=6)

    heads.park(head.order.order_id, was=was, until=until)
    assert orders.due(COUNTY, before=was, limit=5) == []
    assert orders.due(COUNTY, before=until, limit=5) == [Due(head.order.order_id, until)]

    (moved_on,) = orders.commit(dispatched(head))
    assert orders.due(COUNTY, before=until, limit=5)[0].due_at == moved_on.order.next_due_at


def test_an_order_that_moved_before_it_could_be_parked_is_not_parked():
    head = kept()
    was = head.order.next_due_at
    assert was is not None
    (moved_on,) = orders.commit(dispatched(head))

    heads.park(head.order.order_id, was=was, until=was + timedelta(hours=6))

    due = orders.due(COUNTY, before=was + timedelta(hours=6), limit=5)
    assert [entry.due_at for entry in due] == [moved_on.order.next_due_at]


def test_a_head_that_cannot_be_read_does_not_hide_that_it_is_due():
    head = kept()
    OrderRow(order_id=head.order.order_id).update([OrderRow.head.set(b"\x01broken")])

    assert [entry.order_id for entry in orders.due(COUNTY, before=IN_FIVE, limit=5)] == [
        head.order.order_id
    ]
    with pytest.raises(ValueError, match="packed"):
        orders.get(head.order.order_id)


def test_text_order_of_the_index_is_time_order():
    instants = [
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, 0, 0, 0, 5000, tzinfo=UTC),
        datetime(2026, 1, 1, 0, 0, 0, 40000, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    ]

    keys = [heads.due_key(at, an_order_id()) for at in instants]

    assert keys == sorted(keys)
    assert keys[1] == f"2026-01-01T00:00:00.005Z#{an_order_id()}"


# Forgetting -------------------------------------------------------------------------------------


def test_forgetting_a_person_leaves_every_chain_verifiable():
    head = kept()
    note = personal.Words(head.order.order_id, 2, SALT, {"note": "王秀兰家"})
    (second,) = orders.commit(replace(dispatched(head), words=note))

    personal.erase(head.order.order_id, party=PARTY)
    heads.erase_shown(head.order.order_id)

    stored = orders.get(head.order.order_id)
    assert stored == replace(second, shown={})
    assert verify_against(stored.order, ledger.links(stored.order.order_id)) == second.order
    assert personal.words(head.order.order_id, party=PARTY) == {}
    assert personal.orders_of(PARTY) == []


def test_what_was_never_there_cannot_be_forgotten():
    with pytest.raises(Unknown):
        heads.erase_shown(an_order_id(404))

    with pytest.raises(Unknown):
        orders.get(an_order_id(404))
