"""Seals show what a chain alone cannot: a tail that was cut together with its head."""

import base64
from datetime import timedelta

from chalicelib.outbound import seals
from chalicelib.outbound.seals import DiskSeals
from chalicelib.store import ledger
from chalicelib.store.rows import LedgerRow
from chalicelib.usecases import sealing
from tests.usecases.county import NOON, file, work

KEY = base64.b64encode(bytes(range(32))).decode()
HOUR = NOON.replace(minute=0)
LATER = NOON + timedelta(hours=1)


def staged(order_id):
    events = list(ledger.read(order_id))
    sealing.stage(events, at=NOON)
    return events


def gaps(port):
    return list(sealing.check_hour(port, HOUR, public_key=seals.public_key_of(KEY)))


def test_an_hour_is_sealed_once_and_its_seal_matches_the_ledger(desk, tmp_path):
    order_id = file(desk).head.order.order_id
    work(desk, order_id, "dispatch", "receive")
    staged(order_id)
    port = DiskSeals(tmp_path)

    made = sealing.seal_up_to(port, private_key=KEY, at=LATER)

    assert [seal.hour for seal in made] == [HOUR]
    assert len(made[0].digests) == 3
    assert sealing.seal_up_to(port, private_key=KEY, at=LATER) == []
    assert gaps(port) == []


def test_a_batch_that_comes_twice_is_sealed_once(desk, tmp_path):
    order_id = file(desk).head.order.order_id
    staged(order_id)
    staged(order_id)
    made = sealing.seal_up_to(DiskSeals(tmp_path), private_key=KEY, at=LATER)
    assert len(made[0].digests) == 1


def test_each_seal_names_the_one_before_and_missed_hours_are_caught_up(desk, tmp_path):
    staged(file(desk).head.order.order_id)
    port = DiskSeals(tmp_path)
    first = sealing.seal_up_to(port, private_key=KEY, at=LATER)[0]

    caught_up = sealing.seal_up_to(port, private_key=KEY, at=LATER + timedelta(hours=3))

    assert [seal.hour for seal in caught_up] == [HOUR + timedelta(hours=n) for n in (1, 2, 3)]
    assert caught_up[0].previous == first.id
    assert caught_up[2].previous == caught_up[1].id


def test_a_tail_cut_from_the_ledger_is_named_by_its_seal(desk, tmp_path):
    order_id = file(desk).head.order.order_id
    work(desk, order_id, "dispatch", "receive")
    staged(order_id)
    port = DiskSeals(tmp_path)
    sealing.seal_up_to(port, private_key=KEY, at=LATER)
    LedgerRow(f"order/{order_id}", 3).delete()

    found = gaps(port)

    assert [(gap.aggregate, gap.seq, gap.why) for gap in found] == [
        (f"order/{order_id}", 3, "missing")
    ]
