"""The chain: what was written can be proven, and what was changed afterwards shows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.order import (
    BrokenChain,
    Link,
    Order,
    check_digit,
    is_order_number,
    order_number,
    salted_digest,
    verify,
    verify_against,
)
from tests.domain.engine import NUMBER, do, opened

SECRET = b"a secret of the tests, 32 bytes or more"


def a_chain():
    made = [opened("fault")]
    for name in ("dispatch", "receive", "arrive", "restore", "reply"):
        made.append(do(made[-1].order, name))
    links = [Link(m.event.seq, m.event.body(), m.event.prev, m.event.hash) for m in made]
    return made[-1].order, links


def test_the_head_is_the_fold_of_its_events():
    head, links = a_chain()
    assert verify_against(head, links) == head


def test_the_head_survives_its_own_json():
    head, _ = a_chain()
    assert Order.from_json(head.to_json()) == head


@pytest.mark.parametrize("at", range(6))
def test_an_edited_event_is_named(at):
    head, links = a_chain()
    links[at] = replace(links[at], body=links[at].body.replace("X1", "X2", 1) + " ")
    with pytest.raises(BrokenChain) as broken:
        verify_against(head, links)
    assert (broken.value.seq, broken.value.why) == (at + 1, "edited")


@pytest.mark.parametrize("at", range(5))
def test_an_edited_event_with_a_recomputed_hash_breaks_the_next_link(at):
    head, links = a_chain()
    body = links[at].body.replace("u1", "u2").replace("citizen", "nobody")
    forged = Link(links[at].seq, body, links[at].prev, "")
    links[at] = replace(forged, hash=_hash(forged))
    with pytest.raises(BrokenChain) as broken:
        verify_against(head, links)
    assert broken.value.seq == at + 2
    assert broken.value.why == "unlinked"


def _hash(link):
    from chalicelib.domain.order import link as chain_link  # noqa: PLC0415 - beside its use

    return chain_link(link.prev, link.body)


@pytest.mark.parametrize("at", range(5))
def test_a_deleted_event_is_named(at):
    head, links = a_chain()
    del links[at]
    with pytest.raises(BrokenChain) as broken:
        verify_against(head, links)
    assert (broken.value.seq, broken.value.why) == (at + 1, "missing")


def test_a_cut_tail_is_named_because_the_head_knows_better():
    head, links = a_chain()
    with pytest.raises(BrokenChain) as broken:
        verify_against(head, links[:-2])
    assert (broken.value.seq, broken.value.why) == (5, "missing")


@pytest.mark.parametrize("at", range(5))
def test_reordered_events_are_named(at):
    head, links = a_chain()
    first, second = links[at], links[at + 1]
    links[at] = replace(second, seq=first.seq)
    links[at + 1] = replace(first, seq=second.seq)
    with pytest.raises(BrokenChain) as broken:
        verify_against(head, links)
    assert broken.value.seq == at + 1


def test_an_edited_head_differs_from_its_fold():
    head, links = a_chain()
    with pytest.raises(BrokenChain) as broken:
        verify_against(replace(head, bounces=7), links)
    assert broken.value.why == "head-differs"


def test_an_event_of_another_order_cannot_be_moved_here():
    _, links = a_chain()
    with pytest.raises(BrokenChain) as broken:
        verify("9999999999999999", links)
    assert broken.value.why == "moved"


def test_nothing_at_all_is_a_missing_first_event():
    with pytest.raises(BrokenChain) as broken:
        verify(NUMBER, [])
    assert (broken.value.seq, broken.value.why) == (1, "missing")


def test_one_intention_gets_one_number_and_another_gets_another():
    first = order_number(SECRET, "web", "key-1")
    assert first == order_number(SECRET, "web", "key-1")
    assert (
        len(
            {
                first,
                order_number(SECRET, "web", "key-2"),
                order_number(SECRET, "api", "key-1"),
                order_number(SECRET, "web", "key-1", attempt=1),
            }
        )
        == 4
    )


@given(st.text(max_size=40), st.text(max_size=40))
def test_every_number_is_sixteen_digits_with_its_check_digit(caller, key):
    number = order_number(SECRET, caller, key)
    assert len(number) == 16
    assert number[0] != "0"
    assert is_order_number(number)


@given(st.integers(10**14, 10**15 - 1), st.integers(0, 15), st.integers(1, 9))
def test_a_single_wrong_digit_is_always_found(payload, place, by):
    number = f"{payload}{check_digit(str(payload))}"
    wrong = str((int(number[place]) + by) % 10)
    assert not is_order_number(number[:place] + wrong + number[place + 1 :])


@pytest.mark.parametrize(
    "text", ["", "123", "２１５６２３４５４６７７９９３３", "215623454677993a", NUMBER + "0"]
)
def test_what_is_no_number_is_none(text):
    assert not is_order_number(text)


def test_a_digest_proves_words_only_with_its_salt():
    words = {"description": "家里没电了"}
    digest = salted_digest(words, b"1" * 16)
    assert digest == salted_digest(dict(words), b"1" * 16)
    assert digest != salted_digest(words, b"2" * 16)
    assert digest != salted_digest({"description": "家里没电"}, b"1" * 16)


def test_events_carry_no_words_of_people():
    head, links = a_chain()
    assert all("家里" not in link.body and "说明" not in link.body for link in links)
    assert "家里" not in str(head.to_json())
