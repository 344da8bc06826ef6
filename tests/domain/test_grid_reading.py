"""The three tables: whatever cannot be used is named by line and column, and nothing is guessed."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.grid import (
    Device,
    Load,
    Network,
    dark,
    loads_of,
    read_customers,
    read_devices,
    read_switches,
)
from chalicelib.domain.words import LANGUAGES

HEAD = "device_id,kind,bus_from,bus_to,conductors,phases,switchable,closed,normally_open,kv,lon"
ROWS = ("src,source,,Bus.1,,ABC,0,1,0,110.0,", "sw1,breaker,Bus.1,b2,1-1|2-2,AB,1,1,0,20,8.5")
PEOPLE = "customer_id,meter_no,load_id,bus_id,nodes,device_id,transformer_id,name,phone,kw,is_key"
DEVICES, _ = read_devices("\n".join([HEAD, *ROWS]))


def devices(*rows: str, head=HEAD):
    return read_devices("\n".join([head, *(rows or ROWS)]))


def customers(*rows: str, head=PEOPLE):
    return read_customers("\n".join([head, *rows]), devices=DEVICES)


def found(mistakes):
    assert all(one.words(language) for one in mistakes for language in LANGUAGES)
    return [(one.line, one.column, one.slug) for one in mistakes]


def test_a_row_becomes_a_device():
    (source, switch), mistakes = devices()
    assert mistakes == ()
    assert source == Device("src", "source", "", "Bus.1", phases="ABC", kv="110.0")
    assert switch.conductors == ((1, 1), (2, 2))
    assert (switch.switchable, switch.closed, switch.protective, switch.lon) == (
        True,
        True,
        False,
        8.5,
    )


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + "\n".join([HEAD, *ROWS]),
        "\r\n".join([HEAD, *ROWS, ""]),
        "\n".join([HEAD, "", ROWS[0], ",,,,,,,,,,", ROWS[1]]),
        "\n".join([HEAD.upper().replace(",", " , "), *ROWS]),
        "\n".join(",".join(reversed(line.split(","))) for line in (HEAD, *ROWS)),
        [f"{line}\n" for line in (HEAD, *ROWS)],
        '\ufeff"device_id"' + "\n".join([HEAD, *ROWS]).removeprefix("device_id"),
    ],
    ids=["mark", "crlf", "blank lines", "capitals", "another order", "lines", "mark and quotes"],
)
def test_the_same_table_reads_alike_however_it_was_saved(text):
    assert read_devices(text) == (DEVICES, ())


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *((yes, True) for yes in ("1", "1.0", "True", "yes", "是")),
        *((no, False) for no in ("0", "0.0", "FALSE", "n", "否")),
    ],
)
def test_a_flag_is_read_as_spreadsheets_write_it(cell, value):
    (device,), mistakes = devices(f"d,line,a,b,,,{cell},{cell},,,")
    assert mistakes == ()
    assert (device.switchable, device.closed) == (value, value)


@pytest.mark.parametrize(("normally_open", "closed"), [("1", False), ("0", True), ("", True)])
def test_a_device_of_which_nobody_says_how_it_stands_stands_as_it_normally_does(
    normally_open, closed
):
    (device,), _ = devices(f"d,switch,a,b,,,1,,{normally_open},,")
    assert device.closed is closed


def test_the_columns_that_are_not_there_have_their_defaults():
    (device,), mistakes = read_devices("device_id,kind,bus_from,bus_to\nd,line,a,b\n")
    assert (device, mistakes) == (Device("d", "line", "a", "b"), ())


@pytest.mark.parametrize(
    ("row", "column", "slug"),
    [
        (",line,a,b,,,,,,,", "device_id", "required"),
        ("d,,a,b,,,,,,,", "kind", "required"),
        ("d,line,a,b,1-1|2,,,,,,", "conductors", "not-conductors"),
        ("d,line,a,b,A-A,,,,,,", "conductors", "not-conductors"),
        ("d,line,a,b,0-0,,,,,,", "conductors", "only-ground"),
        ("d,line,a,b,,,,maybe,,,", "closed", "not-a-flag"),
        ("d,line,a,b,,,,2,,,", "closed", "not-a-flag"),
        ("d,line,a", "", "cells"),
    ],
)
def test_a_device_that_cannot_be_traced_is_named_and_left_out(row, column, slug):
    kept, mistakes = devices(ROWS[0], row)
    assert kept == DEVICES[:1]
    assert (3, column, slug) in found(mistakes)
    assert not mistakes[0].notice


@pytest.mark.parametrize(
    ("row", "column", "slug"),
    [
        ("d,line,,b,,,,,,,", "bus_from", "joined-to-nothing"),
        ("d,line,a,,,,,,,,", "bus_to", "joined-to-nothing"),
        ("d,line,a,a,,,,,,,", "bus_to", "joined-to-itself"),
        ("d,line,a,b,,ABD,,,,,", "phases", "not-a-phase"),
        ("d,line,a,b,,AA,,,,,", "phases", "not-a-phase"),
        ("d,line,a,b,,,,,,high,", "kv", "not-a-number"),
        ("d,line,a,b,,,,,,,east", "lon", "not-a-number"),
        ("d,line,a,b,,,,,,,nan", "lon", "not-a-number"),
    ],
)
def test_a_device_with_a_flaw_that_does_not_touch_the_trace_is_named_and_kept(row, column, slug):
    kept, mistakes = devices(row)
    assert len(kept) == 1
    assert found(mistakes) == [(2, column, slug)]


def test_an_id_that_stands_twice_names_the_line_of_the_first():
    kept, (mistake,) = devices(*ROWS, ROWS[1])
    assert kept == DEVICES
    assert (mistake.line, mistake.slug, mistake.facts["first"]) == (4, "twice", 3)


def test_a_line_is_counted_as_an_editor_counts_it():
    row = 'd,line,a,b,,,,,,,"8\n.5"'
    _, mistakes = devices(ROWS[0], row, "e,line,,b,,,,,,,")
    assert [one.line for one in mistakes] == [3, 5]


@pytest.mark.parametrize(
    ("head", "column", "slug", "notice"),
    [
        (HEAD.replace("bus_to", "bus"), "bus_to", "column-missing", False),
        (HEAD.replace("lon", "kv"), "kv", "column-twice", False),
        (HEAD.replace("lon", "colour"), "colour", "column-unknown", True),
    ],
)
def test_a_header_that_is_not_as_agreed_is_named(head, column, slug, notice):
    kept, mistakes = devices(head=head)
    assert (1, column, slug) in found(mistakes)
    assert (len(kept) == 2) is notice


def test_an_empty_file_misses_its_columns():
    kept, mistakes = read_devices("")
    assert kept == ()
    assert {one.slug for one in mistakes} == {"column-missing"}


def test_a_quote_that_never_ends_is_named_where_it_begins():
    kept, mistakes = devices(ROWS[0], 'd,"line,a,b', ROWS[1])
    assert kept == DEVICES[:1]
    assert found(mistakes) == [(3, "", "unreadable")]


@given(st.text(max_size=200))
def test_any_text_is_read_or_named(text):
    for kept, mistakes in (
        read_devices(text),
        read_devices(f"{HEAD}\n{text}"),
        read_customers(f"{PEOPLE}\n{text}", devices=DEVICES),
    ):
        assert isinstance(kept, tuple)
        for language in LANGUAGES:
            assert all(one.words(language) for one in mistakes)


# Switches ---------------------------------------------------------------------------------------

SWITCH_HEAD = "device_id,kind,bus_from,bus_to,closed,normally_open,feeder_id"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["sw1,Breaker,Bus.1,b2,1.0,False,"], []),
        (["sw1,breaker,Bus.1,b2,0,0,"], [(2, "closed", "differs")]),
        (["sw1,breaker,bus.1,b2,1,0,F"], [(2, "bus_from", "differs"), (2, "feeder_id", "differs")]),
        (["sw1,breaker,Bus.1,b2,1,0,"] * 2, [(3, "device_id", "twice")]),
        ([], [(1, "device_id", "switch-missing")]),
        (
            ["sw1,breaker,Bus.1,b2,1,0,", "src,source,,Bus.1,1,0,"],
            [(3, "device_id", "not-switchable")],
        ),
        (
            ["sw1,breaker,Bus.1,b2,1,0,", "ghost,breaker,a,b,1,0,"],
            [(3, "device_id", "unknown-device")],
        ),
    ],
)
def test_switches_that_disagree_with_the_devices_are_named(rows, expected):
    mistakes = read_switches("\n".join([SWITCH_HEAD, *rows]), devices=DEVICES)
    assert found(mistakes) == expected


# Customers --------------------------------------------------------------------------------------


def test_a_row_becomes_a_supply_point_that_prints_no_person():
    (point,), mistakes = customers("C1,M1,x,b2,1,sw1,sw1,李四,16900000001,2.5,1")
    assert mistakes == ()
    assert (point.kw, point.is_key, point.is_vulnerable) == (2.5, True, None)
    assert "李四" not in repr(point)
    assert "16900000001" not in repr(point)


@pytest.mark.parametrize(
    ("cell", "nodes"),
    [
        *(("", ""), ("1", "1"), ("1.0", "1"), ("1.2", "1.2"), ("1|2", "1.2"), ("2;1", "2.1")),
        *(("1 2", "1.2"), ("1/2", "1.2"), ("1&2", "1&2"), ("1&2.2&1", "1&2.2&1"), ("1&0", "1")),
    ],
)
def test_nodes_are_read_whatever_separates_them(cell, nodes):
    (point,), mistakes = customers(f"C1,M1,x,b2,{cell},sw1,sw1,,,,")
    assert (point.nodes, mistakes) == (nodes, ())


@pytest.mark.parametrize(
    ("row", "column", "slug"),
    [
        (",M2,y,b2,,,sw1,,,,", "customer_id", "required"),
        ("C2,M2,,b2,,,sw1,,,,", "load_id", "required"),
        ("C2,M2,y,,,,sw1,,,,", "bus_id", "required"),
        ("C1,M2,y,b2,,,sw1,,,,", "customer_id", "twice"),
        ("C2,M2,y,b2,A,,sw1,,,,", "nodes", "not-nodes"),
        ("C2,M2,y,b2,1-2,,sw1,,,,", "nodes", "not-nodes"),
        ("C2,M2,y,b2,0,,sw1,,,,", "nodes", "only-ground"),
    ],
)
def test_a_customer_that_cannot_be_traced_is_named_and_left_out(row, column, slug):
    kept, mistakes = customers("C1,M1,x,b2,1,sw1,sw1,,,,", row)
    assert [point.customer_id for point in kept] == ["C1"]
    assert found(mistakes) == [(3, column, slug)]


@pytest.mark.parametrize(
    ("row", "column", "slug", "notice"),
    [
        ("C2,M2,y,b2,,ghost,sw1,,,,", "device_id", "unknown-device", False),
        ("C2,M2,y,b9,,,sw1,,,,", "bus_id", "unknown-bus", False),
        ("C2,M2,y,BUS.1,,,sw1,,,,", "bus_id", "unknown-bus", False),
        ("C2,M2,y,b2,3,,sw1,,,,", "nodes", "node-missing", False),
        ("C2,M1,y,b2,,,src,,,,", "meter_no", "meter-under-two", False),
        ("C2,M2,x,Bus.1,1,,sw1,,,,", "bus_id", "load-differs", False),
        ("C2,M2,y,b2,,,ghost,,,,", "transformer_id", "unknown-transformer", True),
        ("C2,M2,y,b2,,,,,,,", "transformer_id", "no-transformer", True),
        ("C2,M2,y,b2,,,sw1,,,much,", "kw", "not-a-number", False),
    ],
)
def test_a_customer_that_contradicts_the_network_is_named_and_kept(row, column, slug, notice):
    kept, mistakes = customers("C1,M1,x,b2,1,sw1,sw1,,,,", row)
    assert [point.customer_id for point in kept] == ["C1", "C2"]
    assert found(mistakes) == [(3, column, slug)]
    assert mistakes[0].notice is notice


def test_a_meter_may_have_several_customers_under_one_transformer():
    kept, mistakes = customers("C1,M1,x,b2,1,sw1,sw1,,,,", "C2,M1,x,b2,1,sw1,sw1,,,,")
    assert (len(kept), mistakes) == (2, ())


def test_customers_come_without_the_columns_that_the_trace_does_not_need():
    points, mistakes = customers("C1,x,b2", "C2,x,b2", head="customer_id,load_id,bus_id")
    assert found(mistakes) == [(1, "transformer_id", "column-missing")]
    assert mistakes[0].notice
    (load,) = loads_of(points, devices=DEVICES)
    assert load == Load("x", "b2", households=2)


def test_a_load_without_a_feeder_belongs_to_that_of_the_devices_at_its_bus():
    points, _ = customers("C1,x,b2", "C2,y,Bus.1", head="customer_id,load_id,bus_id")
    fed = [dataclasses.replace(DEVICES[1], feeder_id="F1"), DEVICES[0]]
    assert [load.feeder_id for load in loads_of(points, devices=fed)] == ["F1", ""]


def test_what_was_read_is_what_is_traced():
    points, _ = customers("C1,M1,x,b2,1,,sw1,,,,", "C2,M2,y,Bus.1,,,sw1,,,,")
    network = Network(DEVICES, loads_of(points, devices=DEVICES))
    assert dark(network) == frozenset()
    assert dark(network, opened=["sw1"]) == {"x"}
