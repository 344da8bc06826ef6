"""Deliveries: one claims, whoever dies is followed, and what is known only grows."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.refusal import Stale, Unknown
from chalicelib.store import deliveries
from chalicelib.store.deliveries import RANKS, Digest, Status
from chalicelib.store.rows import House
from tests.builders import COUNTY, NOON, an_order_id

on_both = pytest.mark.usefixtures("any_store")
on_embedded = pytest.mark.usefixtures("store")

ORDER = an_order_id()
TEXT = "1.text.accepted"
LEASE = timedelta(minutes=2)
LATER = NOON + LEASE
OUTCOMES = [status for status in Status if status is not Status.CLAIMED]


def claim(by: str = "one", *, at=NOON) -> int:
    return deliveries.claim(ORDER, TEXT, by=by, at=at, lease=LEASE)


def settle(status: Status, *, at=NOON, **said: Any) -> bool:
    return deliveries.settle(ORDER, TEXT, status, at=at, **said)


# Claims


@on_both
def test_an_effect_in_hand_is_nobody_elses():
    assert claim("one") == 1
    assert claim("two") == 0
    assert claim("one") == 0


@on_embedded
def test_of_fifty_who_claim_one_effect_one_gets_it():
    with ThreadPoolExecutor(16) as pool:
        tries = list(pool.map(lambda number: claim(f"worker-{number}"), range(50)))

    assert sorted(tries) == [0] * 49 + [1]


@on_embedded
def test_a_lease_that_ran_out_is_taken_over_once_and_says_so():
    claim("dead")
    assert claim("early", at=LATER - timedelta(milliseconds=1)) == 0

    with ThreadPoolExecutor(16) as pool:
        tries = list(pool.map(lambda number: claim(f"worker-{number}", at=LATER), range(50)))

    assert sorted(tries) == [0] * 49 + [2]


@on_both
def test_what_was_certainly_not_sent_is_free_at_once():
    tries = claim()

    assert deliveries.release(ORDER, TEXT, tries=tries, at=NOON)
    assert claim("two") == 2


@on_both
def test_who_lost_the_lease_cannot_release_that_of_the_next():
    lost = claim("slow")
    claim("next", at=LATER)

    assert not deliveries.release(ORDER, TEXT, tries=lost, at=LATER)
    assert claim("third", at=LATER) == 0


@on_both
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_is_settled_is_never_claimed_again_unless_the_gateway_did_not_say(outcome: Status):
    claim()
    settle(outcome)

    assert claim("two", at=NOON) == 0
    assert claim("two", at=LATER) == (2 if outcome is Status.UNKNOWN else 0)


def test_an_outcome_is_final_when_nothing_more_has_to_be_done():
    final = {status for status in Status if deliveries.RANKS[status] > 1}

    assert final == set(Status) - {Status.CLAIMED, Status.UNKNOWN}


# Outcomes


@on_embedded
def test_an_outcome_replaces_only_those_that_knew_less():
    for first, then in itertools.product(OUTCOMES, OUTCOMES):
        effect = f"{first}-{then}"
        deliveries.settle(ORDER, effect, first, at=NOON)

        news = deliveries.settle(ORDER, effect, then, at=LATER)

        assert news == (RANKS[then] > RANKS[first])
        held = deliveries.get(ORDER, effect)
        assert held.status is (then if news else first)
        assert held.at == (LATER if news else NOON)


@on_both
def test_the_same_word_again_is_accepted_so_that_a_lost_answer_harms_nobody():
    assert settle(Status.SENT, gateway_id="gw-1")
    assert settle(Status.SENT, gateway_id="gw-1")
    assert not settle(Status.SENT, gateway_id="gw-1", at=LATER)


@on_both
def test_a_receipt_that_comes_before_our_own_word_stands():
    claim()
    settle(Status.DELIVERED, gateway_id="gw-1")

    assert not settle(Status.SENT, gateway_id="gw-1", at=LATER)
    assert deliveries.get(ORDER, TEXT).status is Status.DELIVERED


@on_embedded
def test_fifty_outcomes_at_once_leave_the_one_that_knows_most():
    sent = [Status.SENT, Status.FAILED, Status.NO_PHONE, Status.UNKNOWN, Status.DELIVERED] * 10
    claim()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(settle, sent))

    assert deliveries.get(ORDER, TEXT).status is Status.DELIVERED


@on_embedded
def test_claimed_is_no_outcome():
    with pytest.raises(ValueError, match="claimed"):
        settle(Status.CLAIMED)


@on_both
def test_an_order_shows_what_became_of_each_of_its_effects():
    claim()
    deliveries.settle(ORDER, "2.text.arrived", Status.FAILED, at=NOON, reason="no_such_number")
    deliveries.settle(an_order_id(2), TEXT, Status.SENT, at=NOON)

    waiting, failed = deliveries.list_for(ORDER)

    assert (waiting.effect_id, waiting.status, waiting.until) == (TEXT, Status.CLAIMED, LATER)
    assert not waiting.is_final
    assert failed.effect_id == "2.text.arrived"
    assert (failed.reason, failed.tries) == ("no_such_number", 0)
    assert failed.is_final


@on_both
def test_an_effect_of_which_nothing_is_known_is_unknown():
    with pytest.raises(Unknown):
        deliveries.get(ORDER, TEXT)


# Codes


@on_both
def test_a_code_stands_for_its_order_until_it_expires():
    assert deliveries.put_code("7Q2F9CXHJM", ORDER, at=NOON, expires=LATER)

    assert deliveries.order_of("7Q2F9CXHJM", at=LATER - timedelta(seconds=1)) == ORDER
    with pytest.raises(Unknown):
        deliveries.order_of("7Q2F9CXHJM", at=LATER)
    with pytest.raises(Unknown):
        deliveries.order_of("7Q2F9CXHJN", at=NOON)


@on_both
def test_a_code_in_use_is_not_given_to_another_order():
    deliveries.put_code("7Q2F9CXHJM", ORDER, at=NOON, expires=LATER)

    assert deliveries.put_code("7Q2F9CXHJM", ORDER, at=NOON, expires=LATER)
    assert not deliveries.put_code("7Q2F9CXHJM", an_order_id(2), at=NOON, expires=LATER)
    assert deliveries.put_code("7Q2F9CXHJM", an_order_id(2), at=LATER, expires=LATER + LEASE)


def test_the_table_holds_no_code_in_clear(store: House):
    deliveries.put_code("7Q2F9CXHJM", ORDER, at=NOON, expires=LATER)

    client: Any = store.connection.client
    kept = client.scan(TableName=store.table_name("deliveries"))
    assert len(kept["Items"]) == 1
    assert "7Q2F9CXHJM" not in str(kept["Items"])


# The call list


def add(number: int, *, minutes: int = 0, county: str = COUNTY) -> None:
    since = NOON + timedelta(minutes=minutes)
    deliveries.add_call(county, an_order_id(number), TEXT, since=since, reason="no_such_number")


@on_both
def test_who_waits_longest_is_called_first():
    add(1, minutes=5)
    add(2, minutes=0)
    add(3, minutes=9)
    add(4, county="C-OTHER")

    first = deliveries.calls(COUNTY, limit=2)
    rest = deliveries.calls(COUNTY, limit=2, after=first.after)

    assert [call.order_id for call in first.items] == [an_order_id(2), an_order_id(1)]
    assert [call.order_id for call in rest.items] == [an_order_id(3)]
    assert rest.after is None
    assert first.items[0].since == NOON
    assert (first.items[0].effect_id, first.items[0].reason) == (TEXT, "no_such_number")


@on_both
def test_one_failed_text_is_one_line_however_often_it_is_told():
    add(1)
    add(1)

    assert len(deliveries.calls(COUNTY, limit=10).items) == 1


@on_both
def test_a_line_that_is_done_does_not_come_back():
    add(1)
    (call,) = deliveries.calls(COUNTY, limit=10).items

    deliveries.finish_call(COUNTY, call.line_id, by="agent-1", at=NOON)
    add(1)

    assert deliveries.calls(COUNTY, limit=10).items == ()


@on_both
def test_the_second_to_finish_a_call_is_told_who_was_first():
    add(1)
    (call,) = deliveries.calls(COUNTY, limit=10).items
    deliveries.finish_call(COUNTY, call.line_id, by="agent-1", at=NOON)

    deliveries.finish_call(COUNTY, call.line_id, by="agent-1", at=NOON)  # the answer was lost
    with pytest.raises(Stale) as refused:
        deliveries.finish_call(COUNTY, call.line_id, by="agent-2", at=LATER)

    assert refused.value.facts["by"] == "agent-1"
    assert refused.value.facts["at"] == NOON


@on_embedded
def test_of_ten_who_finish_one_call_one_does():
    add(1)
    (call,) = deliveries.calls(COUNTY, limit=10).items

    def finish(number: int) -> str:
        try:
            deliveries.finish_call(COUNTY, call.line_id, by=f"agent-{number}", at=NOON)
        except Stale as stale:
            return str(stale.facts["by"])
        return f"agent-{number}"

    with ThreadPoolExecutor(10) as pool:
        told = set(pool.map(finish, range(10)))

    assert len(told) == 1


@on_both
def test_a_call_that_never_was_cannot_be_finished():
    with pytest.raises(Unknown):
        deliveries.finish_call(COUNTY, "2026-03-10T04:00:00.000Z#1#x", by="agent-1", at=NOON)


# Digests


def digest(seq: int, *, content: str = "a") -> Digest:
    return Digest(ORDER, seq, content * 64)


@on_both
def test_an_hour_holds_each_digest_once_however_the_stream_cut_its_batches():
    deliveries.stage_digests("b1", [digest(1), digest(2)], at=NOON)
    deliveries.stage_digests("b1", [digest(1), digest(2)], at=NOON)
    deliveries.stage_digests("b2", [digest(2), digest(3)], at=NOON + timedelta(minutes=59))
    deliveries.stage_digests("b3", [digest(4)], at=NOON + timedelta(hours=1))

    assert deliveries.staged_digests(NOON) == [digest(1), digest(2), digest(3)]


@on_both
def test_two_hashes_for_one_place_both_show():
    deliveries.stage_digests("b1", [digest(1)], at=NOON)
    deliveries.stage_digests("b2", [digest(1, content="b")], at=NOON)

    assert len(deliveries.staged_digests(NOON)) == 2
