"""Texts: counted as the carriers count, and silent when time has overtaken them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.contact import utf16_units
from chalicelib.domain.notice import TEMPLATES, clock_words, is_true, parts_of, shorten, write
from chalicelib.domain.procedures import PROCEDURES
from tests.domain.engine import NOON, NUMBER, opened, walk

LONGEST = {
    "kind": "服务申请",
    "number": NUMBER,
    "office": "很长名字的中心供电所服",
    "promise": "争取11月22日16:47前恢复供电。",
    "time": "11月22日16:47",
    "code": "23456789CF",
    "site": "gd.qinghe.cn",
    "clock": "到达现场",
    "rung": "超时上报县级",
}


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_text_fits_one_part_at_the_longest_that_a_county_writes(name):
    written = write(name, LONGEST, signature="清河供电", single=70, part=67)
    assert written.units == utf16_units(written.body)
    assert written.body.startswith("【清河供电】")
    assert written.parts == 1, (written.units, written.body)


@pytest.mark.parametrize(
    ("units", "parts"), [(0, 1), (70, 1), (71, 2), (134, 2), (135, 3), (150, 3)]
)
def test_f66_seventy_units_are_one_text_and_then_67_a_part(units, parts):
    assert parts_of(units, 70, 67) == parts


def test_a_character_beyond_the_plane_counts_two():
    params = {**LONGEST, "office": "𠮷"}
    plain = {**LONGEST, "office": "吉"}
    longer = write("dispatched", params, signature="清河供电", single=70, part=67)
    assert (
        longer.units
        == write("dispatched", plain, signature="清河供电", single=70, part=67).units + 1
    )


@given(st.text(max_size=30), st.integers(1, 20))
def test_shortening_never_exceeds_and_never_cuts_a_pair(words, units):
    short = shorten(words, units)
    assert utf16_units(short) <= max(units, 0)
    assert not any(0xD800 <= ord(ch) <= 0xDFFF for ch in short if ch not in words)


def test_arrived_is_not_sent_once_the_crew_has_replied():
    procedure = PROCEDURES["fault"]
    on_site = walk(opened("fault").order, "dispatch", "receive", "arrive")
    assert is_true("arrived", on_site, procedure)
    replied = walk(on_site, "reply")
    assert not is_true("arrived", replied, procedure)
    assert is_true("done", replied, procedure)
    assert not is_true("accepted", replied, procedure)


def test_dispatched_is_not_sent_while_the_order_waits_for_its_customer():
    order = walk(opened("complaint").order, "dispatch", "receive", "suspend")
    assert not is_true("dispatched", order, PROCEDURES["complaint"])
    assert is_true("dispatched", replace(order, suspended=None), PROCEDURES["complaint"])


def test_times_are_said_as_people_say_them():
    assert clock_words(NOON, now=NOON) == "12:15"
    assert clock_words(NOON, now=NOON.replace(day=20)) == "11月23日12:15"


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_both_languages_take_the_same_facts(name):
    english = write(name, LONGEST, signature="Qinghe", language="en", single=70, part=67)
    assert NUMBER in english.body
