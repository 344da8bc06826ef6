"""The registry: who is set up, changed by one at a time, and on record without naming anybody."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.domain.calendar import YearTable
from chalicelib.domain.contact import Phone
from chalicelib.domain.limits import LimitBook, parse_override
from chalicelib.domain.order import GENESIS, Actor, link
from chalicelib.domain.refusal import BadInput, Stale, TooMany, Unknown
from chalicelib.domain.staff import Office, OfficeLevel, Role, Staff
from chalicelib.store import ledger, registry
from chalicelib.store.desk_rows import RecordRow, compact, put_all
from chalicelib.store.registry import (
    ApiKey,
    Duty,
    Entry,
    Member,
    Override,
    Record,
    Setting,
    Snapshot,
    Tally,
    Turn,
    Webhook,
)
from chalicelib.store.rows import House
from infra.bench.meter import Meter
from tests.builders import NOON, an_actor

on_both = pytest.mark.usefixtures("any_store")
on_embedded = pytest.mark.usefixtures("store")

PROVINCE, CITY, COUNTY, STATION = "P-01", "M-02", "C-QINGHE", "S-QINGHE-03"
ADMIN = an_actor("admin")
PHONE = Phone("+8613800138000")
ENTROPY = bytes(range(24))
MINUTE = timedelta(minutes=1)


def an_office(office_id: str = STATION, *above: str, **said: Any) -> Office:
    """Return an office. above: the ids from the root to its parent, one a level."""
    path = (*above, office_id)
    level = list(OfficeLevel)[len(path) - 1]
    return Office(office_id, f"{office_id} 供电所", level, path, **said)


OFFICES = [
    an_office(STATION, PROVINCE, CITY, COUNTY),
    an_office(COUNTY, PROVINCE, CITY),
    an_office(CITY, PROVINCE),
    an_office(PROVINCE),
]


def a_member(staff_id: str = "staff-1", **said: Any) -> Member:
    fields: dict[str, Any] = {"name": "李大山", "role": Role.CREW, "office_id": STATION, "path": ()}
    return Member(Staff(staff_id, **(fields | said)), PHONE)


def a_limit(amount: int = 60, since: date = date(2026, 1, 1)) -> Override:
    shipped = next(
        limit
        for limit in LimitBook.shipped("state_grid").all(on=since)
        if limit.unit.value == "minute"
    )
    raw = {**shipped.to_json(), "amount": amount, "effective_from": since.isoformat()}
    return Override(COUNTY, parse_override(raw))


def a_year() -> YearTable:
    days = [(1, 1), (5, 1), (10, 1), (10, 2), (10, 3)]
    return YearTable(
        year=2027,
        holidays={date(2027, month, day): "节日" for month, day in days},
        make_up_days={},
        source="国务院办公厅通知",
    )


def a_webhook(**said: Any) -> Webhook:
    fields: dict[str, Any] = {
        "webhook_id": "hook-1",
        "url": "https://12345.example.cn/hook",
        "office_id": COUNTY,
        "secrets": ("whsec_new", "whsec_old"),
    }
    return Webhook(**(fields | said))


def a_key(**said: Any) -> ApiKey:
    fields: dict[str, Any] = {
        "key_id": "0" * 64,
        "name": "12345",
        "office_id": COUNTY,
        "scopes": frozenset({"intake", "track"}),
        "created_at": NOON,
        "last4": "9f3a",
        "channel": "12345",
        "revoked_at": None,
    }
    return ApiKey(**(fields | said))


DUTY = Duty(
    COUNTY,
    (
        Turn(NOON, NOON + timedelta(hours=8), "staff-1"),
        Turn(NOON, NOON + timedelta(hours=16), phone=Phone("+8631188881234", "12")),
    ),
)


def save(value: Any, *, version: int = 0, by: Actor = ADMIN, at=NOON) -> Entry[Any]:
    return registry.save(value, version=version, by=by, at=at)


def set_up(*values: Any, at=NOON) -> Tally:
    return registry.take_over(values, by=ADMIN, at=at)


def now(at=NOON) -> Snapshot:
    return registry.snapshot(at=at)


# Snapshots


@on_both
def test_what_was_set_up_is_read_back_as_it_was():
    set_up(*OFFICES)
    for record in (a_member(), DUTY, a_webhook(), a_key(), a_limit(), a_year()):
        save(record)
    save(Setting("default_county", COUNTY))

    found = now()

    assert dict(found.offices) == {office.office_id: office for office in OFFICES}
    in_station = replace(a_member().staff, path=(PROVINCE, CITY, COUNTY, STATION))
    assert dict(found.staff) == {"staff-1": in_station}
    assert dict(found.phones) == {"staff-1": PHONE}
    assert dict(found.duties) == {COUNTY: DUTY}
    assert dict(found.webhooks) == {"hook-1": a_webhook()}
    assert dict(found.keys) == {"0" * 64: a_key()}
    assert found.overrides == ((COUNTY, a_limit().limit),)
    assert found.calendars == (a_year(),)
    assert dict(found.settings) == {"default_county": COUNTY}
    assert found.versions["staff", "staff-1"] == 1
    assert found.unreadable == ()


@on_both
def test_an_empty_deployment_has_nothing_set_up():
    assert now().offices == {}
    assert now().default_county == ""


@on_embedded
def test_a_snapshot_is_kept_for_less_than_a_minute():
    set_up(*OFFICES)
    now()
    put_all(RecordRow, [])
    behind_our_back = Setting("notice", "甲")
    row = RecordRow(
        "registry",
        "setting#notice",
        value=compact({"name": "notice", "value": behind_our_back.value}),
        version=1,
        tip=GENESIS,
    )
    put_all(RecordRow, [row])

    assert "notice" not in now(NOON + MINUTE - timedelta(milliseconds=1)).settings
    assert "notice" in now(NOON + MINUTE).settings


@on_embedded
def test_own_changes_show_at_once():
    assert now().settings == {}

    save(Setting("notice", "甲"))
    assert now().settings == {"notice": "甲"}


@on_embedded
def test_fifty_threads_share_one_reading(store: House):
    set_up(*OFFICES)
    queries = []
    client: Any = store.connection.client
    client.meta.events.register(
        "before-call.dynamodb.Query", lambda **_: queries.append(1), unique_id="queries"
    )

    with ThreadPoolExecutor(16) as pool:
        snapshots = list(pool.map(lambda _: now(), range(50)))

    client.meta.events.unregister("before-call.dynamodb.Query", unique_id="queries")
    assert len(queries) == 1
    assert all(snapshot is snapshots[0] for snapshot in snapshots)


@on_embedded
def test_a_row_that_means_nothing_any_more_is_named_and_stops_nobody():
    set_up(*OFFICES)
    row = RecordRow(
        "registry",
        "limit#gone",
        value=compact({"office": COUNTY, "limit": {"id": "no.such.limit"}, "active": True}),
        version=1,
        tip=GENESIS,
    )
    put_all(RecordRow, [row])

    found = now(NOON + MINUTE)

    assert found.unreadable == (("limit", "gone"),)
    assert len(found.offices) == len(OFFICES)


@on_embedded
@pytest.mark.parametrize("value", ["{", "[]", "{}", '{"id": "S-09"}', "null"])
@pytest.mark.parametrize("kind", ["office", "staff", "nonsense"])
def test_a_row_that_cannot_be_read_is_named_and_stops_nobody(kind, value):
    set_up(*OFFICES)
    put_all(RecordRow, [RecordRow("registry", f"{kind}#S-09", value=value, version=1, tip=GENESIS)])

    found = now(NOON + MINUTE)

    assert found.unreadable == ((kind, "S-09"),)
    assert dict(found.offices) == {office.office_id: office for office in OFFICES}


@on_embedded
def test_a_withdrawn_limit_is_in_no_book():
    save(a_limit())
    save(replace(a_limit(), active=False), version=1)

    assert now().overrides == ()


@on_embedded
def test_a_report_from_nowhere_goes_to_the_first_county_unless_a_setting_says_where():
    set_up(*OFFICES, an_office("C-AAA", PROVINCE, CITY))
    assert now().counties == ("C-AAA", COUNTY)
    assert now().default_county == "C-AAA"

    save(Setting("default_county", COUNTY))
    assert now().default_county == COUNTY


@on_embedded
def test_the_duty_list_names_who_is_on_in_its_order():
    set_up(*OFFICES)
    save(a_member())
    save(DUTY)

    first, second = now().on_duty(COUNTY, at=NOON)
    (late,) = now().on_duty(COUNTY, at=NOON + timedelta(hours=8))

    assert now().phone_of(first) == PHONE
    assert now().phone_of(second) == Phone("+8631188881234", "12")
    assert late == second
    assert now().on_duty(COUNTY, at=NOON - MINUTE) == ()
    assert now().on_duty(STATION, at=NOON) == ()


# Offices


@on_both
def test_moving_an_office_moves_all_below_it_and_their_staff_in_one_write():
    other = an_office("M-09", PROVINCE)
    set_up(*OFFICES, other)
    save(a_member())

    save(an_office(COUNTY, PROVINCE, "M-09"), version=1)

    assert now().offices[STATION].path == (PROVINCE, "M-09", COUNTY, STATION)
    assert now().offices[STATION].county == COUNTY
    assert now().staff["staff-1"].path == (PROVINCE, "M-09", COUNTY, STATION)


@on_embedded
@pytest.mark.parametrize(
    "office",
    [
        an_office(STATION, PROVINCE, CITY, "C-NOWHERE"),
        Office("S-1", "所", OfficeLevel.STATION, (PROVINCE, CITY, "S-1")),
        Office("S-1", "所", OfficeLevel.STATION, ("S-1",)),
        Office("P-2", "省", OfficeLevel.PROVINCE, (PROVINCE, "P-2")),
        Office(COUNTY, "县", OfficeLevel.CITY, (PROVINCE, COUNTY)),
    ],
    ids=["no parent", "parent of two levels up", "no path", "a province below", "other level"],
)
def test_an_office_hangs_under_one_of_the_level_above_and_keeps_its_own(office: Office):
    set_up(*(each for each in OFFICES if each.office_id != STATION))
    version = 1 if office.office_id == COUNTY else 0

    with pytest.raises(BadInput):
        save(office, version=version)
    with pytest.raises(BadInput):
        set_up(office)

    assert office.office_id == COUNTY or office.office_id not in now().offices


@on_embedded
def test_an_office_may_hang_under_one_that_was_added_elsewhere_a_moment_ago():
    set_up(an_office(PROVINCE), an_office(CITY, PROVINCE))
    before = now()
    set_up(an_office(COUNTY, PROVINCE, CITY))
    registry._SNAPSHOT._kept["registry"] = (NOON, before)  # what another process still holds

    assert save(an_office(STATION, PROVINCE, CITY, COUNTY)).version == 1


@on_embedded
def test_staff_of_no_office_stand_above_all_and_those_of_a_lost_one_nowhere():
    set_up(*OFFICES)
    save(a_member("root", office_id=""))
    save(a_member("lost", office_id="S-GONE"))

    assert now().staff["root"].path == ()
    assert now().staff["lost"].path == ("S-GONE",)


# Changing


@on_both
def test_a_change_names_the_version_that_it_changes():
    assert save(a_member()).version == 1
    changed = a_member(role=Role.DISPATCHER)

    assert save(changed, version=1) == Entry(changed, 2)
    assert now().staff["staff-1"].role is Role.DISPATCHER
    assert now().versions["staff", "staff-1"] == 2


@on_both
def test_who_changes_an_old_version_is_told_who_was_first():
    first = an_actor("admin", "admin-first")
    save(a_member())
    save(a_member(role=Role.DISPATCHER), version=1, by=first)

    with pytest.raises(Stale) as refused:
        save(a_member(role=Role.LIAISON), version=1, at=NOON + MINUTE)

    assert refused.value.facts == {
        "by": "admin-first",
        "role": "admin",
        "move": "staff.changed",
        "at": NOON,
        "version": 2,
    }
    assert now().staff["staff-1"].role is Role.DISPATCHER


@on_both
def test_what_exists_is_not_added_again_and_what_does_not_is_not_changed():
    save(a_member())

    with pytest.raises(Stale):
        save(a_member(role=Role.LIAISON), version=0)
    with pytest.raises(Unknown):
        save(a_member("staff-2"), version=3)


@on_both
def test_saving_what_is_kept_already_writes_nothing():
    save(a_member())

    assert save(a_member(), at=NOON + MINUTE).version == 1
    assert len(list(ledger.links("registry/staff/staff-1"))) == 1


@on_embedded
def test_of_twenty_who_change_one_version_one_wins_and_the_others_are_told_who():
    save(a_member())

    def change(number: int) -> str:
        by = an_actor("admin", f"admin-{number}")
        try:
            registry.save(a_member(name=f"王{number}"), version=1, by=by, at=NOON)
        except Stale as stale:
            return f"told {stale.facts['by']}"
        return f"won {by.actor_id}"

    with ThreadPoolExecutor(16) as pool:
        ends = list(pool.map(change, range(20)))

    (winner,) = [end.removeprefix("won ") for end in ends if end.startswith("won ")]
    assert ends.count(f"told {winner}") == 19
    assert len(list(ledger.links("registry/staff/staff-1"))) == 2


# The record of changes


@on_both
def test_every_record_is_a_chain_that_holds():
    save(a_member())
    save(a_member(role=Role.DISPATCHER), version=1)
    save(replace(a_member(role=Role.DISPATCHER), phone=None), version=2)

    rows = list(ledger.links("registry/staff/staff-1"))

    assert [row.seq for row in rows] == [1, 2, 3]
    assert [row.prev for row in rows] == [GENESIS, rows[0].hash, rows[1].hash]
    assert all(row.hash == link(row.prev, row.body) for row in rows)


@on_embedded
def test_the_ledger_says_what_changed_and_names_nobody_and_no_secret(store: House):
    set_up(*OFFICES)
    for record in (a_member(), DUTY, a_webhook(), a_key(), a_limit(), a_year()):
        save(record)
    save(replace(a_member(role=Role.LIAISON), phone=None), version=1)
    save(a_webhook(secrets=("whsec_newest", "whsec_new")), version=1)

    changed = ledger.event("registry/staff/staff-1", 2)
    assert changed.changes == {"role": "liaison"}
    assert changed.data == {"hidden": ["phone"]}
    assert ledger.event("registry/webhook/hook-1", 2).data == {"hidden": ["secrets"]}
    client: Any = store.connection.client
    kept = str(client.scan(TableName=store.table_name("ledger"))["Items"])
    for secret in ("李大山", "13800138000", "88881234", "whsec", "12345.example.cn"):
        assert secret not in kept


@on_embedded
def test_every_event_of_the_registry_has_a_name_that_is_listed():
    set_up(*OFFICES)
    records: tuple[Record, ...] = (
        a_member(),
        DUTY,
        a_webhook(),
        a_key(),
        a_limit(),
        a_year(),
        Setting("notice", "甲"),
    )

    for record in records:
        save(record)

    names = {ledger.event(f"registry/{kind}/{key}", 1).name for kind, key in now().versions}
    assert names == {name for name in registry.EVENTS if name.endswith(".added")}


# Taking over


@on_both
def test_the_same_list_again_changes_nothing():
    staff = [a_member(f"staff-{number}") for number in range(120)]

    assert set_up(*OFFICES) == Tally(added=4)
    assert set_up(*staff) == Tally(added=120)
    assert set_up(*OFFICES) == Tally(unchanged=4)
    assert set_up(*staff[:-1], a_member("staff-119", role=Role.LIAISON)) == Tally(
        changed=1, unchanged=119
    )
    assert len(now().staff) == 120


@on_embedded
def test_of_two_rows_for_one_person_the_later_counts():
    assert set_up(a_member(name="旧"), a_member(name="新")) == Tally(added=1)
    assert now().staff["staff-1"].name == "新"


# Keys


@on_both
def test_a_key_is_shown_once_and_found_by_its_secret_in_one_read():
    made = registry.new_key(
        name="12345 热线",
        office_id=COUNTY,
        scopes=["intake", "track"],
        channel="12345",
        entropy=ENTROPY,
        by=ADMIN,
        at=NOON,
    )

    assert made.secret.startswith("lk_")
    assert made.key.last4 == made.secret[-4:]
    assert registry.find_key(made.secret) == made.key
    assert registry.find_key(made.secret + "x") is None
    assert made.secret not in repr(made)


@on_embedded
def test_no_table_holds_a_secret_key(store: House):
    made = registry.new_key(
        name="12345", office_id=COUNTY, scopes=[], entropy=ENTROPY, by=ADMIN, at=NOON
    )

    client: Any = store.connection.client
    for table in ("registry", "ledger"):
        kept = str(client.scan(TableName=store.table_name(table))["Items"])
        assert made.secret not in kept
        assert ENTROPY.hex() not in kept


@on_embedded
def test_a_revoked_key_opens_nothing_from_that_moment():
    made = registry.new_key(
        name="12345", office_id=COUNTY, scopes=[], entropy=ENTROPY, by=ADMIN, at=NOON
    )

    save(replace(made.key, revoked_at=NOON + MINUTE), version=made.version)

    assert registry.find_key(made.secret) is None
    assert now().keys[made.key.key_id].revoked_at == NOON + MINUTE


def test_a_key_of_too_little_chance_is_refused():
    with pytest.raises(ValueError, match="24 random bytes"):
        registry.new_key(name="", office_id="", scopes=[], entropy=b"short", by=ADMIN, at=NOON)


def test_what_is_secret_does_not_print():
    assert "whsec" not in repr(a_webhook())
    assert "李大山" not in repr(a_member())
    assert "13800138000" not in repr(a_member())


# Imports


ROWS = [{"row": number, "name": "张三", "note": "注" * 50} for number in range(5000)]


@on_both
def test_a_staged_import_is_read_back_whole_and_then_forgotten():
    registry.stage_import("imp-1", ROWS, about={"bad": [3, 7]}, at=NOON, keep=timedelta(hours=24))

    staged = registry.staged_import("imp-1", at=NOON)
    assert staged.about == {"bad": [3, 7]}
    assert list(staged.rows) == ROWS

    registry.discard_import("imp-1")
    registry.discard_import("imp-1")
    with pytest.raises(Unknown):
        registry.staged_import("imp-1", at=NOON)


@on_embedded
def test_a_staged_import_is_gone_when_its_time_is_over():
    registry.stage_import("imp-1", ROWS[:3], about={}, at=NOON, keep=MINUTE)

    assert registry.staged_import("imp-1", at=NOON + MINUTE - timedelta(seconds=1)).rows
    with pytest.raises(Unknown):
        registry.staged_import("imp-1", at=NOON + MINUTE)


@on_embedded
def test_an_import_staged_again_is_the_later_one():
    registry.stage_import("imp-1", ROWS, about={"n": 1}, at=NOON, keep=MINUTE)
    registry.stage_import("imp-1", ROWS[:2], about={"n": 2}, at=NOON, keep=MINUTE)

    staged = registry.staged_import("imp-1", at=NOON)
    assert (staged.about, list(staged.rows)) == ({"n": 2}, ROWS[:2])


# Counting


def hit(at=NOON, bucket: str = "ip/203.0.113.9", limit: int = 3) -> registry.Hit:
    return registry.hit(bucket, limit=limit, window=MINUTE, at=at)


@on_both
def test_a_window_allows_so_many_and_then_says_how_long_to_wait():
    assert [hit().remaining for _ in range(3)] == [2, 1, 0]
    assert hit(NOON + timedelta(seconds=20)) == registry.Hit(remaining=0, retry_after=40)
    assert hit(bucket="ip/203.0.113.10").remaining == 2
    assert hit(NOON + MINUTE) == registry.Hit(remaining=2, retry_after=0)


@on_embedded
def test_the_sweep_reads_the_counties_once_in_five_minutes_and_sees_its_own_at_once(store: House):
    assert registry.counties(at=NOON) == ()
    set_up(*OFFICES)
    assert registry.counties(at=NOON) == (COUNTY,)

    with Meter(store.connection.client) as meter:
        registry.counties(at=NOON + timedelta(seconds=299))
        assert meter.calls == 0
        registry.counties(at=NOON + timedelta(seconds=300))
        assert meter.calls == 1


@on_embedded
def test_of_a_hundred_at_once_the_window_allows_exactly_its_limit():
    with ThreadPoolExecutor(16) as pool:
        hits = list(pool.map(lambda _: hit(limit=30), range(100)))

    assert sum(each.retry_after == 0 for each in hits) == 30


@on_embedded
def test_the_few_that_are_spared_cost_no_write_and_are_told_with_the_next(store: House):
    def spared(bucket: str = "ip/203.0.113.9") -> registry.Hit:
        return registry.hit(bucket, limit=5, window=MINUTE, at=NOON, spare=3)

    with Meter(store.connection.client) as meter:
        assert [spared().remaining for _ in range(3)] == [4, 3, 2]
        assert spared("ip/203.0.113.10").remaining == 4
        assert meter.calls == 0
        assert [spared().remaining, spared().remaining] == [1, 0]
        assert spared().retry_after == 60
    assert meter.calls == 3


@on_embedded
def test_a_counter_keeps_no_address(store: House):
    hit()
    registry.count("ip/203.0.113.9", window=MINUTE, at=NOON)

    client: Any = store.connection.client
    items = client.scan(TableName=store.table_name("registry"))["Items"]
    assert len(items) == 2
    assert "203.0.113.9" not in str(items)
    assert all("expires" in item for item in items)


@on_both
def test_after_so_many_failures_it_is_locked_for_a_whole_window():
    for number in range(3):
        registry.check_counter("track#1", limit=3, at=NOON)
        at = NOON + number * timedelta(seconds=10)
        assert registry.count("track#1", window=MINUTE, at=at) == number + 1

    last = NOON + timedelta(seconds=20)
    with pytest.raises(TooMany) as refused:
        registry.check_counter("track#1", limit=3, at=last)
    assert refused.value.facts == {"retry_after": 60}
    with pytest.raises(TooMany):
        registry.check_counter("track#1", limit=3, at=last + MINUTE - timedelta(milliseconds=1))
    registry.check_counter("track#1", limit=3, at=last + MINUTE)
    registry.check_counter("track#2", limit=3, at=last)


@on_both
def test_failures_long_ago_do_not_count():
    registry.count("track#1", window=MINUTE, at=NOON)

    assert registry.count("track#1", window=MINUTE, at=NOON + MINUTE) == 1


@on_embedded
def test_no_failure_is_missed_when_they_come_at_once():
    with ThreadPoolExecutor(16) as pool:
        counts = list(
            pool.map(lambda _: registry.count("track#1", window=MINUTE, at=NOON), range(40))
        )

    assert sorted(counts) == list(range(1, 41))
