"""Packed heads: small, exact, and readable for as long as there are heads."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.order import canonical
from chalicelib.store.packing import DICTIONARIES, pack, unpack
from tests.builders import CREW, STATION, WORKED, a_fault, an_actor, moved

PACKED_IN_2026 = "AauG+MUYlKKMLQ1MjMyMTSzMTNH8huxEJYgBtQA="
WHAT_IT_SAID = '{"id":"3202339042634865","k":"fault","s":"accepted","v":1}'


def test_a_worked_fault_is_a_quarter_of_its_json():
    order = a_fault().order
    for move, role, answers in WORKED:
        order = moved(order, move, by=an_actor(role, CREW, STATION), **answers).order
    text = canonical(order.to_json())

    assert len(pack(text)) * 4 < len(text.encode())
    assert unpack(pack(text)) == text


@given(st.text())
def test_any_text_comes_back_exactly(text):
    assert unpack(pack(text)) == text


def test_what_was_packed_with_the_first_dictionary_can_be_read_for_ever():
    assert unpack(base64.b64decode(PACKED_IN_2026)) == WHAT_IT_SAID


def test_a_dictionary_is_never_changed():
    assert hashlib.sha256(DICTIONARIES[1]).hexdigest() == (
        "14742c1cf4af70e8f941df821d0235bd7f3dbca4963b2705dbfde557467a3102"
    )
    assert hashlib.sha256(DICTIONARIES[2]).hexdigest() == (
        "22ecbb398a50df719b50482c25cc6c4eaa8297530c9cf8dc18593ad5be852604"
    )


@pytest.mark.parametrize("cut", [0, 1, 2, 10])
def test_what_was_cut_is_refused(cut):
    with pytest.raises(ValueError, match="packed"):
        unpack(pack(WHAT_IT_SAID)[:cut])


@pytest.mark.parametrize("raw", [b"\x00abc", b"\xffabc", b"\x01\xff\xff\xff", b"{}"])
def test_what_was_never_packed_is_refused(raw):
    with pytest.raises(ValueError, match="packed"):
        unpack(raw)
