"""A county's network is taken over: checked, compared, applied in parts, again to no effect."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

import pytest

from chalicelib.domain import grid as network
from chalicelib.domain.contact import Phone
from chalicelib.domain.grid.reading import CUSTOMERS, DEVICES, SWITCHES
from chalicelib.domain.order import Actor
from chalicelib.domain.refusal import BadInput, Stale, Unknown
from chalicelib.store import customers, grid, ledger
from chalicelib.store.customers import Household, Place
from chalicelib.usecases import surveying
from chalicelib.usecases.surveying import Applied, Preview, Survey
from infra.local import network as demo
from tests.usecases.county import COUNTY, NOON, SECRET, STATION

BY = Actor("admin", "admin-1", COUNTY)
PLACES = [
    Place(
        code=f"QH-{station:02}-T{each:02}",
        name=f"{station}所{each}号公变",
        county=COUNTY,
        office_id=STATION,
        line=f"10kV{station}线",
    )
    for station in (1, 2)
    for each in (1, 2)
]
HOUSEHOLDS = [
    Household(
        account_no=f"32{place.code[3:5]}{place.code[-2:]}{door:02}",
        transformer_id=place.code,
        name="王桂英",
        address="河尾村1号",
        phones=(Phone("+8616900000001"),),
    )
    for place in PLACES
    for door in range(6)
]
ONE = HOUSEHOLDS[0].account_no


def written(rows: Sequence[Mapping[str, str]]) -> bytes:
    out = io.StringIO()
    table = csv.DictWriter(out, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    return out.getvalue().encode()


def tables(*, devices=None, points=None):
    return {
        DEVICES: written(devices or demo.devices(PLACES)),
        CUSTOMERS: written(points or demo.customers(HOUSEHOLDS)),
    }


def changed(rows, key, value, **cells: str):
    return [{**row, **cells} if row[key] == value else row for row in rows]


def look(desk, files, *, import_id="i1", at=NOON, is_out_of_time=lambda: False) -> Preview:
    survey = Survey(COUNTY, files)
    return surveying.preview(
        desk, survey, import_id=import_id, is_out_of_time=is_out_of_time, at=at
    )


def use(*, import_id="i1", after=0, at=NOON, is_out_of_time=lambda: False) -> Applied:
    return surveying.apply(
        import_id, after=after, by=BY, secret=SECRET, is_out_of_time=is_out_of_time, at=at
    )


def take(desk, files):
    shown = look(desk, files)
    assert shown.bad == ()
    return shown, use()


def kept() -> network.Network:
    return network.join(network.unpack(one.data) for one in grid.all_maps(COUNTY).values())


def events():
    return [event.data for event in ledger.read(f"import/{COUNTY}")]


def test_nothing_is_kept_before_it_is_applied(desk):
    shown = look(desk, tables())

    assert shown.feeders == {"add": 3, "change": 0, "same": 0, "gone": 0, "beside": 0}
    assert shown.households == {"add": 24, "change": 0, "move": 0, "same": 0}
    assert (shown.transformers, shown.places, shown.unplaced) == (4, 4, 0)
    assert shown.devices["fuse"] == 4
    assert grid.all_maps(COUNTY) == {}
    assert customers.find_household(ONE) is None


def test_what_is_applied_is_the_network_of_the_tables(desk):
    files = tables()
    _, done = take(desk, files)

    devices, _ = network.read_devices(files[DEVICES].decode())
    points, _ = network.read_customers(files[CUSTOMERS].decode(), devices=devices)
    assert kept() == network.Network(devices, network.loads_of(points, devices=devices))
    assert (done.maps, done.places, done.households, done.next) == (3, 4, 24, None)
    assert len(network.dark(kept(), opened=["QH-01-T01-FU"])) == 5


def test_things_are_found_where_they_hang(desk):
    take(desk, tables())

    home = customers.find_household(ONE)
    assert home is not None
    assert (home.transformer_id, home.load_id) == ("QH-01-T01", "QH-01-T01-X1")
    assert home.meters == (f"M{ONE}",)
    assert grid.places_of("meter", home.meters) == {f"M{ONE}": ONE}
    assert grid.places_of("device", ["F-QH-01-CB", "QH-SRC"]) == {
        "F-QH-01-CB": f"{COUNTY}/feeder/F-QH-01",
        "QH-SRC": f"{COUNTY}/substation/SS-QH",
    }
    place = customers.find_place("QH-01-T01")
    assert place is not None
    assert (place.name, place.office_id, place.households) == ("1所1号公变", COUNTY, 6)


def test_the_same_tables_again_change_nothing(desk):
    files = tables()
    take(desk, files)
    before = grid.all_maps(COUNTY)

    shown, done = take(desk, files)

    assert shown.feeders["same"] == 3
    assert shown.households == {"add": 0, "change": 0, "move": 0, "same": 24}
    assert done == Applied(0, 0, 0, 24, done.steps)
    assert grid.all_maps(COUNTY) == before
    assert events() == [{"kind": "network", "maps": 3, "places": 4, "households": 24, "skipped": 0}]


def test_what_was_applied_is_forgotten(desk):
    take(desk, tables())

    with pytest.raises(Unknown):
        surveying.staged("i1", at=NOON)


def test_it_goes_on_where_it_stopped(desk):
    take_one = count(1)
    shown = look(desk, tables())
    after: int | None = 0
    while after is not None:
        after = use(after=after, is_out_of_time=lambda: True).next
        assert next(take_one) <= shown.steps

    assert look(desk, tables(), import_id="i2").households["same"] == 24
    assert sum(each["households"] for each in events()) == 24


def test_a_part_that_was_taken_is_taken_again_to_no_effect(desk):
    look(desk, tables())
    use(after=0, is_out_of_time=lambda: True)
    first = use(after=0, is_out_of_time=lambda: True)
    again = use(after=first.next or 0)

    assert again.next is None
    assert [one.version for one in grid.all_maps(COUNTY).values()] == [1, 1, 1]


def test_households_are_compared_as_far_as_the_time_allows(desk):
    many = [
        replace(HOUSEHOLDS[0], account_no=f"9{place}{door:03}", transformer_id=PLACES[place].code)
        for place in range(4)
        for door in range(130)
    ]
    points = demo.customers(many)
    shown = look(desk, tables(points=points), is_out_of_time=lambda: True)
    assert (shown.compared, shown.customers) == (390, 520)

    shown = surveying.compare("i1", is_out_of_time=lambda: True, at=NOON)

    assert (shown.compared, shown.households["add"]) == (520, 520)
    assert surveying.staged("i1", at=NOON) == shown


def test_mistakes_are_named_by_file_line_and_column_and_stop_it(desk):
    rows = changed(demo.devices(PLACES), "device_id", "F-QH-01-L2", bus_to="")
    files = tables(devices=rows) | {SWITCHES: b"device_id\nnobody\n"}

    shown = look(desk, files)

    line = next(i for i, row in enumerate(rows, 2) if row["device_id"] == "F-QH-01-L2")
    assert (shown.bad[0].file, shown.bad[0].line, shown.bad[0].column) == (DEVICES, line, "bus_to")
    assert (SWITCHES, 2, "unknown-device") in [(b.file, b.line, b.slug) for b in shown.bad]
    with pytest.raises(BadInput):
        use()
    assert grid.all_maps(COUNTY) == {}


def test_only_what_changed_is_written_again(desk):
    take(desk, tables())
    rows = changed(demo.devices(PLACES), "device_id", "F-QH-02-SW1", name="改名开关")

    shown, done = take(desk, tables(devices=rows))

    assert dict(shown.changes) == {
        "feeder/F-QH-01": "same",
        "feeder/F-QH-02": "change",
        "substation/SS-QH": "same",
    }
    assert (done.maps, done.households) == (1, 0)
    assert kept().device("F-QH-02-SW1").name == "改名开关"


def test_a_device_that_moved_takes_its_old_feeder_away(desk):
    take(desk, tables())
    rows = [
        {**row, "feeder_id": row["feeder_id"].replace("F-QH-02", "F-QH-22")}
        for row in demo.devices(PLACES)
        if row["device_id"] != "F-QH-02-SW3"
    ]

    points = [
        {**row, "feeder_id": row["feeder_id"].replace("F-QH-02", "F-QH-22")}
        for row in demo.customers(HOUSEHOLDS)
    ]

    shown, _ = take(desk, tables(devices=rows, points=points))

    assert dict(shown.changes)["feeder/F-QH-02"] == "gone"
    assert len(kept().devices) == len(rows)
    assert grid.places_of("device", ["F-QH-02-CB", "F-QH-02-SW3"]) == {
        "F-QH-02-CB": f"{COUNTY}/feeder/F-QH-22"
    }


def test_a_feeder_that_the_tables_do_not_name_stays(desk):
    take(desk, tables())
    rows = [row for row in demo.devices(PLACES) if row["feeder_id"] == "F-QH-01"]
    points = [row for row in demo.customers(HOUSEHOLDS) if row["feeder_id"] == "F-QH-01"]

    shown, _ = take(desk, tables(devices=rows, points=points))

    assert dict(shown.changes)["feeder/F-QH-02"] == "beside"
    assert "feeder/F-QH-02" in grid.all_maps(COUNTY)


def test_a_map_that_moved_on_meanwhile_is_not_overwritten(desk):
    take(desk, tables())
    rows = changed(demo.devices(PLACES), "device_id", "F-QH-02-SW1", name="改名开关")
    look(desk, tables(devices=rows))
    was = grid.maps(COUNTY, ["feeder/F-QH-02"])["feeder/F-QH-02"]
    grid.save(COUNTY, {"feeder/F-QH-02": ({**was.data, "x": 1}, was.version)}, at=NOON)

    with pytest.raises(Stale):
        use()


def test_a_customer_without_a_transformer_is_kept_and_listed(desk):
    points = changed(demo.customers(HOUSEHOLDS), "account_no", ONE, transformer_id="T-nowhere")
    points = [{**row, "load_id": "X"} if row["account_no"] == ONE else row for row in points]

    shown, _ = take(desk, tables(points=points))

    assert shown.unplaced == 1
    assert "unknown-transformer" in {one.slug for one in shown.notices}
    (lost,) = customers.households_of(surveying.unplaced_area(COUNTY))
    assert lost.account_no == ONE
    assert kept().load("X").transformer_id == lost.transformer_id


def test_a_customer_without_a_transformer_stays_where_a_list_had_it(desk):
    home = replace(HOUSEHOLDS[0], transformer_id="T-03")
    customers.put_households(customers.compare_households(None, [home]))
    points = changed(demo.customers(HOUSEHOLDS), "account_no", ONE, transformer_id="")
    points = [{**row, "load_id": "X"} if row["account_no"] == ONE else row for row in points]

    shown, _ = take(desk, tables(points=points))

    assert shown.unplaced == 0
    assert customers.households_of("T-03")[0].load_id == "X"


def test_a_plain_no_takes_a_flag_away_but_not_one_that_the_customers_list_gave(desk):
    flagged = replace(HOUSEHOLDS[0], flags=frozenset({"key", "vulnerable", "life_support"}))
    for about, left in (({}, {"life_support"}), ({"key": "first"}, {"key", "life_support"})):
        held = replace(flagged, about=about)
        customers.put_households(customers.compare_households(None, [held]))
        said = {"is_key": "0", "is_vulnerable": "0", "kw": str(len(about) + 1)}
        take(desk, tables(points=changed(demo.customers(HOUSEHOLDS), "account_no", ONE, **said)))
        home = customers.find_household(ONE)
        assert home is not None
        assert home.flags == left


def test_what_the_tables_do_not_say_of_a_household_stays(desk):
    held = replace(HOUSEHOLDS[0], flags=frozenset({"life_support"}), about={"liaison": "s-1"})
    customers.put_households(customers.compare_households(None, [held]))
    points = changed(
        demo.customers(HOUSEHOLDS), "account_no", ONE, phone="", is_key="1", is_vulnerable="1"
    )

    take(desk, tables(points=points))

    home = customers.find_household(ONE)
    assert home is not None
    assert home.flags == {"life_support", "key"}
    assert home.phones == held.phones
    assert home.about == {"liaison": "s-1", "kw": "8"}


def test_an_account_with_two_meters_is_one_household(desk):
    rows = demo.customers(HOUSEHOLDS)
    second = {**rows[0], "customer_id": "second", "meter_no": "M-second"}

    take(desk, tables(points=[*rows, second]))

    home = customers.find_household(ONE)
    assert home is not None
    assert home.meters == (f"M{ONE}", "M-second")


def test_what_is_another_countys_is_not_taken(desk):
    theirs = Place(code="T-99", name="别县公变", county="X2", office_id="X2")
    taken = replace(PLACES[1], county="X2")
    customers.put_places(customers.compare_places("X2", [theirs, taken]))
    home = replace(HOUSEHOLDS[0], transformer_id="T-99")
    customers.put_households(customers.compare_households(None, [home]))

    shown = look(desk, tables())

    assert {one.slug for one in shown.bad} == {"place-elsewhere", "account-elsewhere"}
    with pytest.raises(BadInput):
        use()


def test_a_telephone_that_is_none_is_named_and_left_out(desk):
    points = changed(demo.customers(HOUSEHOLDS), "account_no", ONE, phone="12")

    shown, _ = take(desk, tables(points=points))

    assert [(one.column, one.facts["customer"]) for one in shown.notices] == [("phone", ONE)]


def test_gzipped_tables_are_read_and_a_bomb_is_not(desk):
    files = {name: surveying.squeezed(content) for name, content in tables().items()}
    assert look(desk, files).customers == 24

    bomb = surveying.squeezed(b" " * (surveying.MOST_UNPACKED + 1))
    with pytest.raises(BadInput) as refused:
        look(desk, files | {CUSTOMERS: bomb})
    assert refused.value.errors[0].code == "file.too_large_unpacked"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file.empty"),
        (b"\x1f\x8b\x08nonsense", "file.not_a_table"),
        (surveying.squeezed(b"device_id,kind\n" * 50)[:-9], "file.not_a_table"),
        (b"\xff\xff\xff", "file.encoding"),
    ],
)
def test_a_file_that_is_no_table_is_named(desk, content, code):
    with pytest.raises(BadInput) as refused:
        look(desk, tables() | {DEVICES: content})

    assert (refused.value.errors[0].field, refused.value.errors[0].code) == (DEVICES, code)


def test_a_loop_is_shown_and_stops_nothing(desk):
    rows = changed(demo.devices(PLACES), "device_id", "F-QH-01-02-TIE", closed="1")

    shown, _ = take(desk, tables(devices=rows))

    assert "loop" in {one.slug for one in shown.problems}
