"""Two complaints about one event are found, and two events of one customer are kept apart."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from chalicelib.domain.contact import Phone, phone_key
from chalicelib.domain.repeats import (
    Reason,
    Trace,
    Windows,
    compare,
    is_repeated,
    matches,
)
from tests.domain.engine import NOON, RULES

SECRET = b"a secret of the tests, 32 bytes or more"
WINDOWS = Windows.of(RULES, NOON)
DAY = timedelta(days=1)
REPAIR = "outage_and_restoration.repair.over_time"
LOW = "supply_quality.voltage.long_abnormal"


def key(typed: str) -> str:
    return phone_key(Phone.parse(typed), SECRET)


EARLIER = Trace(
    order_id="1",
    kind="complaint",
    at=NOON,
    county="X1",
    people=frozenset({key("13800138000"), key("0311-88881234")}),
    account="A",
    meters=frozenset({"M"}),
    place="T1",
    category=REPAIR,
)
NEW = Trace(
    order_id="2",
    kind="complaint",
    at=NOON + DAY,
    county="X1",
    people=frozenset({key("13800138000")}),
    category=REPAIR,
)


def found(new: Trace = NEW, earlier: Trace = EARLIER):
    return compare(new, earlier, windows=WINDOWS)


@pytest.mark.parametrize(
    "typed", ["+86 138-0013-8000", "１３８ ００１３ ８０００", "0086 13800138000"]
)
def test_s1_4_one_customer_is_known_by_the_telephone_however_it_is_typed(typed):
    match = found(replace(NEW, people=frozenset({key(typed)})))

    assert match is not None
    assert match.reason is Reason.SAME_CUSTOMER
    assert match.is_certain


def test_another_telephone_of_the_account_is_the_same_customer():
    match = found(replace(NEW, people=frozenset({key("(0311) 8888 1234")})))

    assert match is not None
    assert (match.reason, match.is_certain) == (Reason.SAME_CUSTOMER, True)


def test_another_person_at_the_same_meter_is_told_as_that_and_is_a_little_less_sure():
    match = found(replace(NEW, people=frozenset({key("13900000000")}), meters=frozenset({"M"})))

    assert match is not None
    assert match.reason is Reason.SAME_METER
    own = found()
    assert own is not None
    assert match.certainty < own.certainty


@pytest.mark.parametrize(
    "other",
    [
        {"category": LOW},
        {"outage": "O2"},
        {"event_on": date(2026, 11, 24)},
        {"place": "T2"},
        {"people": frozenset()},
        {"at": NOON - DAY},
        {"county": "X2"},
        {"confidential": True},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_event_of_the_same_person_is_another_issue(other):
    earlier = replace(EARLIER, outage="O1", event_on=date(2026, 11, 20))

    assert found(replace(NEW, **other), earlier) is None


def test_a_condition_is_the_same_until_it_is_mended_whatever_the_day_and_the_outage():
    earlier = replace(EARLIER, category=LOW, event_on=date(2026, 11, 20), closed_at=NOON + DAY)
    later = replace(NEW, category=LOW, event_on=date(2026, 12, 20), at=NOON + 50 * DAY)

    match = found(later, earlier)

    assert match is not None
    assert match.is_certain
    assert found(replace(later, at=NOON + 70 * DAY), earlier) is None


@pytest.mark.parametrize(
    ("change", "is_certain"),
    [
        ({"closed_at": None}, True),
        ({"closed_at": NOON + 4 * DAY}, True),
        ({"closed_at": NOON + 2 * DAY}, False),
        ({"closed_at": NOON + 2 * DAY, "unsolved": True}, True),
        ({"closed_at": NOON + 2 * DAY, "category": ""}, False),
        ({"category": ""}, False),
    ],
)
def test_what_was_solved_and_comes_back_later_waits_for_a_person(change, is_certain):
    match = found(replace(NEW, at=NOON + 10 * DAY), replace(EARLIER, **change))

    assert match is not None
    assert match.is_certain is is_certain


@pytest.mark.parametrize(
    ("ours", "theirs", "is_certain"),
    [
        ("supply_quality", "supply_quality", True),
        ("supply_quality", LOW, False),
        ("", "supply_quality", False),
    ],
)
def test_the_first_level_alone_is_enough_while_the_earlier_one_is_open(ours, theirs, is_certain):
    match = found(replace(NEW, category=ours), replace(EARLIER, category=theirs))

    assert match is not None
    assert match.is_certain is is_certain
    assert found(replace(NEW, category="service"), replace(EARLIER, category=LOW)) is None


def test_one_telephone_for_two_accounts_is_proposed_only():
    match = found(replace(NEW, account="B"))

    assert match is not None
    assert not match.is_certain


def test_a_neighbour_in_the_same_outage_or_at_the_same_time_and_place_is_proposed():
    near = replace(NEW, people=frozenset({key("13900000000")}))
    outage = found(replace(near, outage="O1"), replace(EARLIER, outage="O1"))
    event = found(replace(near, place="T1"))

    assert outage is not None
    assert event is not None
    assert (outage.reason, outage.is_certain) == (Reason.SAME_OUTAGE, False)
    assert (event.reason, event.is_certain) == (Reason.SAME_EVENT, False)
    assert found(replace(near, place="T1", at=NOON + 3 * DAY)) is None


def test_an_order_that_the_customer_names_is_certain_and_the_surest_comes_first():
    named = replace(EARLIER, order_id="0", category=LOW)
    also = replace(EARLIER, order_id="3", at=NOON + timedelta(hours=1))

    ranked = matches(replace(NEW, names="0"), [EARLIER, named, also], windows=WINDOWS)

    assert [(one.order_id, one.reason) for one in ranked] == [
        ("0", Reason.NAMED),
        ("3", Reason.SAME_CUSTOMER),
        ("1", Reason.SAME_CUSTOMER),
    ]


@pytest.mark.parametrize(
    ("new", "earlier", "expected"),
    [
        ({}, {"closed_at": NOON + DAY / 2}, True),
        ({}, {"closed_at": NOON + DAY / 2, "kind": "opinion"}, True),
        ({}, {"closed_at": NOON + DAY / 2, "kind": "fault"}, False),
        ({}, {}, False),
        ({"kind": "enquiry"}, {"closed_at": NOON + DAY / 2}, False),
        ({"category": LOW}, {"closed_at": NOON + DAY / 2}, False),
        ({"people": frozenset({"x"}), "account": "A"}, {"closed_at": NOON + DAY / 2}, False),
    ],
)
def test_s2_3_a_repeated_complaint_is_the_same_customer_about_the_same_event_after_closing(
    new, earlier, expected
):
    assert (
        is_repeated(replace(NEW, **new), replace(EARLIER, **earlier), windows=WINDOWS) is expected
    )
