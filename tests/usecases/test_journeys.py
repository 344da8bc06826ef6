"""Reports come in, are worked and closed; races have one winner, and the others are told who."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.contact import Contact, Phone
from chalicelib.domain.order import is_order_number, salted_digest, verify_against
from chalicelib.domain.refusal import (
    BadInput,
    GateClosed,
    IllegalMove,
    KeyReused,
    Stale,
    TooMany,
    Unknown,
)
from chalicelib.store import ledger, orders, personal
from chalicelib.usecases import handling, tracking
from tests.usecases.county import (
    COUNTY,
    LINE,
    MINUTE,
    NOON,
    PHONE,
    STATION,
    a_command,
    a_report,
    file,
    work,
)


def test_a_report_is_readable_afterwards_with_its_words_and_its_contact(desk):
    filed = file(desk)
    order = filed.head.order

    assert filed.created
    assert is_order_number(order.order_id)
    assert (order.county, order.office, order.stage) == (COUNTY, COUNTY, "accepted")
    assert order.facts["terrain"] == "rural"
    contact = personal.contact(str(filed.head.shown["party"]), order.order_id)
    assert contact.contact["phone"] == f"+86{PHONE}"
    assert contact.words["description"].startswith("家里没电了")
    event = ledger.event(order.order_id, 1)
    assert event.digest == salted_digest(contact.words, contact.salt)


def test_the_same_key_and_body_give_the_same_order_and_another_body_is_refused(desk):
    first = file(desk)
    again = file(desk, at=NOON + MINUTE)

    assert again.head.order.order_id == first.head.order.order_id
    assert not again.created
    with pytest.raises(KeyReused):
        file(desk, a_report(dangers=("wire_down",)))


def test_fifty_writers_with_one_key_make_one_order(desk):
    with ThreadPoolExecutor(16) as pool:
        filed = list(pool.map(lambda number: file(desk, salt=bytes([number] * 16)), range(50)))

    assert len({one.head.order.order_id for one in filed}) == 1
    assert sum(one.created for one in filed) == 1
    assert len(list(ledger.links(filed[0].head.order.order_id))) == 1


def test_fifty_staff_receive_one_order_and_forty_nine_are_told_who_was_first(desk):
    order_id = file(desk).head.order.order_id
    work(desk, order_id, "dispatch")

    def receive(number):
        command = a_command("receive", at=NOON + 5 * MINUTE, role="crew", who=f"crew-{number}")
        try:
            return handling.move(desk, order_id, command)
        except (Stale, IllegalMove) as refused:
            return refused

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(receive, range(50)))

    winners = [answer for answer in answers if isinstance(answer, orders.Head)]
    told = [answer for answer in answers if not isinstance(answer, orders.Head)]
    assert len(winners) == 1
    assert len(told) == 49
    assert {refused.facts["by"] for refused in told} == {winners[0].order.assignee}


def test_the_main_job_ends_archived_and_its_ledger_verifies(desk):
    order_id = file(desk).head.order.order_id
    head = work(desk, order_id, *LINE, "visit_satisfied", "archive")

    assert head.order.stage == "archived"
    verify_against(head.order, list(ledger.links(order_id)))


def test_a_retried_move_answers_as_before_and_makes_nothing_twice(desk):
    order_id = file(desk).head.order.order_id
    command = a_command("dispatch", at=NOON + MINUTE, answers={"office": STATION})
    first = handling.move(desk, order_id, command)
    again = handling.move(desk, order_id, replace(command, at=NOON + 2 * MINUTE))

    assert again.order.version == first.order.version == 2
    with pytest.raises(KeyReused):
        handling.move(desk, order_id, replace(command, answers={"office": COUNTY}))


def test_who_saw_an_older_version_is_told_who_moved_it(desk):
    order_id = file(desk).head.order.order_id
    work(desk, order_id, "dispatch")
    late = a_command("dispatch", at=NOON + 5 * MINUTE, who="u2", if_match=1,
                     answers={"office": STATION})  # fmt: skip
    with pytest.raises(Stale) as refused:
        handling.move(desk, order_id, late)
    assert refused.value.facts["by"] == "u1"
    assert refused.value.facts["move"] == "dispatch"
    assert refused.value.facts["version"] == 2


def test_an_office_out_of_reach_is_refused_by_name(desk):
    order_id = file(desk).head.order.order_id
    for office, code in (("NOWHERE", "office.unknown"), ("C1", "office.out_of_reach")):
        with pytest.raises(BadInput) as refused:
            handling.move(
                desk, order_id, a_command("dispatch", at=NOON + MINUTE, answers={"office": office})
            )
        assert [(e.field, e.code) for e in refused.value.errors] == [("office", code)]
    assert orders.get(order_id).order.version == 1


def test_merging_moves_both_orders_in_one_step_and_unmerging_moves_both_back(desk):
    parent = file(desk, key="parent").head.order.order_id
    child = file(desk, key="child").head.order.order_id
    merged = handling.merge(
        desk, child, a_command("merge", at=NOON + MINUTE, answers={"parent": parent})
    )

    assert merged.order.stage == "merged"
    assert orders.get(parent).order.children == (child,)
    handling.unmerge(
        desk, child, a_command("unmerge", at=NOON + 2 * MINUTE, answers={"note": "不是同一故障"})
    )
    assert orders.get(child).order.stage == "accepted"
    assert orders.get(parent).order.children == ()


def test_a_parent_of_another_kind_or_itself_a_child_is_refused(desk):
    child = file(desk, key="c").head.order.order_id
    other = file(desk, a_report("enquiry"), key="e").head.order.order_id
    with pytest.raises(BadInput) as refused:
        handling.merge(desk, child, a_command("merge", at=NOON + MINUTE, answers={"parent": other}))
    assert refused.value.errors[0].code == "parent.other_kind"
    assert orders.get(child).order.version == 1


def test_correcting_the_phone_moves_the_contact_with_the_event(desk):
    filed = file(desk)
    order_id = filed.head.order.order_id
    was = str(filed.head.shown["party"])
    head = handling.move(
        desk, order_id,
        a_command("correct_phone", at=NOON + MINUTE, answers={"phone": "139 0013 9000"}),
    )  # fmt: skip

    now = str(head.shown["party"])
    assert now != was
    assert personal.contact(now, order_id).contact["phone"] == "+8613900139000"
    assert personal.orders_of(was) == []
    assert "139" not in ledger.event(order_id, 2).body()


def test_a_token_opens_its_own_order_and_no_other(desk):
    mine = file(desk, key="a").head.order.order_id
    other = file(desk, key="b").head.order.order_id
    token = tracking.token(desk, mine)

    assert len(token) >= 22
    assert tracking.track(desk, mine, token).order.order_id == mine
    for number, given in ((other, token), (mine, token[:-1] + "A"), (mine, ""), ("1", token)):
        if given != token or number != mine:
            with pytest.raises(Unknown):
                tracking.track(desk, number, given)


def test_number_and_phone_tail_are_a_second_way_that_locks_after_five_failures(desk):
    order_id = file(desk).head.order.order_id
    assert tracking.lookup(desk, order_id, PHONE[-4:], at=NOON).order.order_id == order_id
    for _ in range(5):
        with pytest.raises(Unknown):
            tracking.lookup(desk, order_id, "0000", at=NOON)
    with pytest.raises(TooMany) as refused:
        tracking.lookup(desk, order_id, PHONE[-4:], at=NOON)
    assert refused.value.facts["retry_after"] > 0
    later = NOON + timedelta(minutes=16)
    assert tracking.lookup(desk, order_id, PHONE[-4:], at=later).order.order_id == order_id


def test_a_number_that_does_not_exist_answers_as_a_wrong_tail_does(desk):
    file(desk)
    with pytest.raises(Unknown) as refused:
        tracking.lookup(desk, "1000000000000006", "8000", at=NOON)
    assert refused.value.facts == {"what": "order"}


def test_the_citizen_may_urge_once_half_of_the_promise_is_gone(desk):
    order_id = file(desk).head.order.order_id
    early = a_command("expedite", at=NOON + 10 * MINUTE, role="citizen")
    with pytest.raises(GateClosed) as refused:
        tracking.act(desk, order_id, early)
    assert refused.value.facts["earliest"] == NOON + 45 * MINUTE
    late = a_command("expedite", at=NOON + 46 * MINUTE, role="citizen")
    assert tracking.act(desk, order_id, late).order.expedites == 1


def test_an_anonymous_complaint_is_taken_without_a_phone_and_a_fault_is_not(desk):
    nobody = a_report("complaint", contact=Contact(), anonymous=True)
    head = file(desk, nobody).head
    assert head.order.facts["anonymous"] is True
    with pytest.raises(BadInput) as refused:
        file(desk, a_report(contact=Contact(), anonymous=True), key="k2")
    assert "anonymous" in {error.field for error in refused.value.errors}


def test_a_phone_in_the_description_does_not_show_in_the_queue(desk):
    sent = a_report(answers={"description": "打我电话13911112222，没电了"})
    head = file(desk, sent).head
    assert "13911112222" not in str(head.shown)


def test_the_orders_of_one_phone_are_found_however_it_was_written(desk):
    first = file(desk, key="a").head
    contact = Contact(phone=Phone.parse("＋86 138-0013-8000"))
    second = file(desk, a_report(contact=contact), key="b").head
    assert first.shown["party"] == second.shown["party"]
    found = personal.orders_of(str(first.shown["party"]))
    assert set(found) == {first.order.order_id, second.order.order_id}
