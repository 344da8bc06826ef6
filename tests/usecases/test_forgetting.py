"""People are forgotten when their term is over; the chain stays and still verifies."""

from dataclasses import replace
from datetime import timedelta

from chalicelib.domain.order import GRADES, verify_against
from chalicelib.outbound.objects import Disk
from chalicelib.store import ledger, orders, personal
from chalicelib.usecases import forgetting
from tests.usecases.county import LINE, NOON, a_report, file, work

YEAR = timedelta(days=366)


def forget(desk, tmp_path, at):
    files = Disk(tmp_path, secret=b"a secret for files, 32 bytes long!")
    return forgetting.forget(desk, files, at=at, is_out_of_time=lambda: False)


def closed(desk, kind="fault", key="k1"):
    head = file(desk, a_report(kind), key=key).head
    forgetting.remember_to_forget(desk, head.order, at=NOON)
    return work(desk, head.order.order_id, *LINE, "visit_satisfied", "archive")


def test_after_its_term_nothing_personal_is_left_and_the_chain_verifies(desk, tmp_path):
    head = closed(desk)
    order_id, party = head.order.order_id, str(head.shown["party"])
    at = NOON + YEAR + timedelta(days=1)
    while not forget(desk, tmp_path, at).orders:
        at += timedelta(days=1)
        assert at < NOON + 2 * YEAR

    assert personal.orders_of(party) == []
    assert personal.words(order_id) == {}
    now = orders.get(order_id)
    assert dict(now.shown) == {}
    verify_against(now.order, list(ledger.links(order_id)))


def test_what_was_forgotten_stands_in_a_register(desk, tmp_path):
    head = closed(desk)
    at = NOON + YEAR + timedelta(days=1)
    while not forget(desk, tmp_path, at).orders:
        at += timedelta(days=1)
    register = list(ledger.read(f"forgotten/X1/{at + timedelta(hours=8):%Y}"))
    assert [event.data["order"] for event in register] == [head.order.order_id]


def test_before_its_term_nobody_is_forgotten(desk, tmp_path):
    head = closed(desk)
    done = forget(desk, tmp_path, NOON + timedelta(days=300))
    assert done.orders == 0
    assert personal.orders_of(str(head.shown["party"]))


def test_the_evidence_of_a_graver_complaint_is_kept_longer(desk):
    head = file(desk, a_report("complaint")).head
    order = replace(head.order, closed_at=NOON)
    graver = {grade: forgetting.term(desk, replace(order, grade=grade), NOON) for grade in GRADES}

    assert graver["general"] == graver["important"] == NOON.replace(year=NOON.year + 3)
    assert graver["major"] == graver["special"] == NOON.replace(year=NOON.year + 5)


def test_an_order_still_open_is_postponed(desk, tmp_path):
    head = file(desk).head
    forgetting.remember_to_forget(desk, head.order, at=NOON)
    done = forget(desk, tmp_path, NOON + timedelta(days=366))
    assert done.postponed == 1
    assert personal.orders_of(str(head.shown["party"]))
