"""What a telephone was told: one holder at a time, newest round first, never twice."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.store import notices
from chalicelib.store.deliveries import Status
from chalicelib.store.notices import Told
from chalicelib.store.rows import House
from tests.builders import NOON

on_both = pytest.mark.usefixtures("any_store")
on_embedded = pytest.mark.usefixtures("store")

LEASE = timedelta(minutes=2)
OUTAGE = "Q1"
LATER = NOON + timedelta(minutes=1)
AFTER_LEASE = NOON + timedelta(minutes=3)


def take(before: Told | None, seq: int = 3, **said: Any) -> Any:
    asked: dict[str, Any] = {
        "outage_id": OUTAGE,
        "key": "k1",
        "kind": "fault_first",
        "accounts": ("1300000001",),
        "by": "w1",
        "at": NOON,
        "lease": LEASE,
    }
    return notices.claim(before, seq=seq, **(asked | said))


def held(key: str = "k1") -> Any:
    return notices.told(OUTAGE, [key]).get(key)


@on_both
def test_of_two_who_read_the_same_row_one_gets_it():
    assert take(None) is not None
    assert take(None, by="w2") is None


@on_both
def test_a_settled_round_is_never_claimed_again():
    mine = take(None)
    assert notices.settle(mine, Status.SENT, at=NOON, gateway_id="g1")

    kept = held()
    assert (kept.status, kept.gateway_id, kept.tries) == (Status.SENT, "g1", 1)
    assert not notices.is_free(kept, 3, AFTER_LEASE)


@on_both
def test_a_newer_round_takes_over_and_remembers_the_one_before():
    notices.settle(take(None), Status.SENT, at=NOON)

    assert take(held(), seq=5, kind="etr_change", at=LATER, said={"u": 7}) is not None

    assert [(one.seq, one.status) for one in held().past] == [(3, Status.SENT)]
    assert [one.said for one in held().rounds] == [{}, {"u": 7}]


@on_both
def test_an_older_round_that_comes_late_loses():
    notices.settle(take(None, seq=5), Status.SENT, at=NOON)

    assert not notices.is_free(held(), 3, AFTER_LEASE)
    with pytest.raises(ValueError, match="not free"):
        take(held(), seq=3, at=AFTER_LEASE)


@on_both
def test_nobody_takes_a_row_in_hand_until_its_lease_runs_out():
    take(None)

    assert not notices.is_free(held(), 3, LATER)
    assert not notices.is_free(held(), 5, LATER)
    again = take(held(), at=AFTER_LEASE)
    assert again.tries == 2


@on_both
def test_a_claim_that_a_newer_round_took_over_cannot_be_settled():
    old = take(None)
    take(held(), seq=5, at=AFTER_LEASE)

    assert not notices.settle(old, Status.SENT, at=AFTER_LEASE)
    assert held().past[0].status is Status.SUPERSEDED


@on_both
def test_a_claim_given_back_is_free_at_once_and_its_try_does_not_count():
    assert notices.release(take(None), at=NOON)

    assert take(held(), at=NOON).tries == 1


@on_both
def test_a_lost_reply_may_be_tried_again_at_once():
    notices.settle(take(None), Status.UNKNOWN, at=NOON)

    assert notices.is_free(held(), 3, NOON)
    assert take(held(), at=NOON).tries == 2


@on_both
def test_what_is_known_only_grows():
    notices.settle(take(None), Status.SENT, at=NOON)

    assert notices.receipt(OUTAGE, "k1", 3, Status.DELIVERED)
    assert not notices.receipt(OUTAGE, "k1", 3, Status.FAILED)
    assert (held().status, held().at) == (Status.DELIVERED, NOON)


@on_both
def test_a_receipt_of_an_earlier_round_is_kept_with_that_round():
    notices.settle(take(None), Status.SENT, at=NOON)
    mine = take(held(), seq=5, at=LATER)

    assert notices.receipt(OUTAGE, "k1", 3, Status.DELIVERED)

    assert held().past[0].status is Status.DELIVERED
    assert notices.settle(mine, Status.SENT, at=LATER)


@on_both
def test_a_household_without_a_telephone_ends_in_one_state():
    said: dict[str, Any] = {
        "outage_id": OUTAGE,
        "key": "account/13",
        "seq": 3,
        "kind": "fault_first",
    }
    for first in (True, False):
        before = held("account/13")
        if first:
            assert notices.record(before, **said, accounts=["13"], status=Status.NO_PHONE, at=NOON)
        else:
            assert not notices.is_free(before, 3, NOON)

    assert held("account/13").status is Status.NO_PHONE


@on_embedded
def test_a_hundred_thousand_would_write_to_sixteen_partitions(store: House):
    for each in range(200):
        take(None, key=f"phone-{each}")

    client: Any = store.connection.client
    rows = client.scan(TableName=store.table_name("deliveries"))["Items"]
    assert len(rows) == 200
    assert len({row["pk"]["S"] for row in rows}) == 16


@on_both
def test_what_a_look_finds_in_a_part_is_kept_and_found_again():
    notices.put_part(OUTAGE, "r.1/7.0", "0", {"m": 3}, at=NOON)
    notices.put_part(OUTAGE, "r.1/7.0", "0", {"m": 2}, at=NOON)
    notices.put_part(OUTAGE, "r.1/7.0", "1", {}, at=NOON)
    notices.put_part(OUTAGE, "r.1/7.1", "0", {"m": 1}, at=NOON)

    assert notices.parts_of(OUTAGE, "r.1/7.0") == {"0": {"m": 2}, "1": {}}
    assert notices.parts_of(OUTAGE, "r.2/7.0") == {}
