"""Personal data: found by who may ask, printed by nobody, gone when it must be."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.refusal import Unknown
from chalicelib.store import orders, personal
from chalicelib.store.personal import FileItem, Words
from tests.builders import (
    INTAKE,
    NOON,
    PARTY,
    SALT,
    SHOWN,
    a_contact,
    a_fault,
    after,
    an_order_id,
    kept,
)

pytestmark = pytest.mark.usefixtures("any_store")


def a_file(file_id: str, *, minutes: int = 0, state: str = "kept") -> FileItem:
    details = {"media_type": "image/jpeg", "size": 181_203, "state": state}
    return FileItem(an_order_id(), file_id, NOON + timedelta(minutes=minutes), details)


def test_a_contact_comes_back_as_it_was_given_with_its_day_of_forgetting():
    opened = a_fault()
    expires = NOON + timedelta(days=365)
    given = replace(a_contact(opened.order.order_id), expires=expires)

    orders.open_(opened, shown=SHOWN, contact=given, intake=INTAKE)

    assert personal.contact(PARTY, opened.order.order_id) == given


def test_a_contact_under_another_telephone_is_unknown():
    head = kept()

    with pytest.raises(Unknown):
        personal.contact("00" * 16, head.order.order_id)
    with pytest.raises(Unknown):
        personal.contact("", head.order.order_id)


def test_the_orders_of_a_telephone_are_found_latest_first():
    for number in (1, 2, 3):
        kept(a_fault(number=number, at=NOON + timedelta(hours=(3, 1, 2)[number - 1])))

    assert personal.orders_of(PARTY) == [an_order_id(1), an_order_id(3), an_order_id(2)]
    assert personal.orders_of(PARTY, limit=1) == [an_order_id(1)]
    assert personal.orders_of("00" * 16) == []


def test_what_was_said_is_found_by_the_step_that_it_came_with():
    head = kept()
    for text in ("第一句", "第二句"):
        change = after(head, "note", note=text)
        said = Words(head.order.order_id, change.advanced.order.version, SALT, {"note": text})
        (head,) = orders.commit(replace(change, words=said))

    found = personal.words(head.order.order_id, party=PARTY)

    assert {seq: dict(said.words) for seq, said in found.items()} == {
        1: dict(a_contact(an_order_id()).words),
        2: {"note": "第一句"},
        3: {"note": "第二句"},
    }
    assert sorted(personal.words(head.order.order_id)) == [2, 3]
    assert sorted(personal.words(head.order.order_id, party="00" * 16)) == [2, 3]


def test_files_come_oldest_first_and_a_file_in_a_new_state_is_the_same_file():
    for item in (a_file("b", minutes=1), a_file("c", minutes=2), a_file("a", state="sent")):
        personal.put_file(item)
    personal.put_file(a_file("a"))

    assert personal.list_files(an_order_id()) == [
        a_file("a"),
        a_file("b", minutes=1),
        a_file("c", minutes=2),
    ]
    assert personal.list_files(an_order_id(2)) == []


def test_erasing_takes_contact_words_and_files_and_nothing_of_another_order():
    head, other = kept(), kept(a_fault(number=2))
    change = after(head, "note", note="王秀兰")
    said = Words(head.order.order_id, 2, SALT, {"note": "王秀兰"})
    orders.commit(replace(change, words=said))
    personal.put_file(a_file("a"))

    assert personal.erase(head.order.order_id, party=PARTY) == 3
    assert personal.erase(head.order.order_id, party=PARTY) == 0

    assert personal.words(head.order.order_id, party=PARTY) == {}
    assert personal.list_files(head.order.order_id) == []
    assert personal.orders_of(PARTY) == [other.order.order_id]


def test_erasing_an_order_without_a_telephone_takes_its_contact_too():
    opened = a_fault()
    anonymous = a_contact(opened.order.order_id, party="")
    orders.open_(opened, shown={}, contact=anonymous, intake=INTAKE)

    assert personal.erase(opened.order.order_id, party="") == 1

    with pytest.raises(Unknown):
        personal.contact("", opened.order.order_id)


def test_more_than_a_page_of_words_is_read_and_erased_to_the_end():
    """DynamoDB answers at most a megabyte at a time."""
    head = kept()
    long = "长" * 1000
    for _ in range(12):
        change = after(head, "note", note="x")
        said = {f"note{number}": long for number in range(35)}
        words = Words(head.order.order_id, change.advanced.order.version, SALT, said)
        (head,) = orders.commit(replace(change, words=words))

    assert len(personal.words(head.order.order_id)) == 12
    assert personal.erase(head.order.order_id, party=PARTY) == 13
    assert personal.words(head.order.order_id) == {}


def test_nothing_personal_is_printed():
    contact = a_contact(an_order_id())
    said = Words(an_order_id(), 2, SALT, {"note": "王秀兰家，13800004521"})

    printed = f"{contact!r} {said!r} {a_file('a')!r} {[contact]} {contact}"

    for personal_text in ("王秀兰", "4521", "17号", "变压器"):
        assert personal_text not in printed
