"""The working-day calendar: the published days, office time both ways, and years to come."""

import ast
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

import chinese_calendar  # type: ignore[import-untyped]  # it ships no types
import holidays as holidays_of_the_world
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chalicelib.domain import calendar as under_test
from chalicelib.domain.calendar import (
    CHINA,
    SHIPPED,
    BadCalendar,
    Calendar,
    DayCount,
    DayKind,
    Due,
    OfficeHours,
    YearTable,
    local_day,
)
from chalicelib.domain.refusal import BadInput

CALENDAR = Calendar.shipped()
HOURS = OfficeHours()
PUBLISHED = range(2004, 2027)
A_MICROSECOND = timedelta(microseconds=1)
A_DAY = timedelta(days=1)
NOTHING = timedelta()

WORKDAY, WEEKEND, HOLIDAY, MAKE_UP = DayKind
SAME_DAY, NEXT_DAY = DayCount

thorough = settings(max_examples=120)


def on(text: str) -> date:
    return date.fromisoformat(text)


def at(text: str) -> datetime:
    """Read local time in China, as a supervisor writes it."""
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def days_of(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def published_days() -> Iterator[date]:
    return days_of(date(PUBLISHED[0], 1, 1), date(PUBLISHED[-1], 12, 31))


# --- The days, against two independent libraries -------------------------------------------------

WRONG_IN_CHINESECALENDAR = {
    # The notice for 2006 (国办发明电〔2005〕35号) moves the rest of Saturday 31 December to
    # January: 「12月31日（星期六）上班」. The library enters that Saturday nowhere.
    date(2005, 12, 31),
}


def test_every_published_day_agrees_with_chinesecalendar_but_one_that_its_notice_decides():
    differ = {
        day
        for day in published_days()
        if CALENDAR.is_workday(day) != chinese_calendar.is_workday(day)
    }

    assert differ == WRONG_IN_CHINESECALENDAR
    assert all(CALENDAR.day_kind(day) is MAKE_UP for day in differ)


def test_every_published_day_agrees_with_holidays():
    china = holidays_of_the_world.country_holidays("CN", years=PUBLISHED)

    differ = [
        day
        for day in published_days()
        if CALENDAR.is_workday(day)
        != (day in china.weekend_workdays or (day.weekday() < 5 and day not in china))
    ]

    assert differ == []


def test_a_day_is_worked_just_when_its_kind_says_so():
    for day in days_of(date(2003, 1, 1), date(2029, 12, 31)):
        kind = CALENDAR.day_kind(day)
        assert CALENDAR.is_workday(day) == (kind in {WORKDAY, MAKE_UP})
        assert (kind is MAKE_UP) <= (day.weekday() >= 5)


def test_each_shipped_year_is_one_file_that_names_the_notice_it_comes_from():
    files = sorted(SHIPPED.iterdir())

    assert [file.name for file in files] == [f"{year}.json" for year in PUBLISHED]
    assert CALENDAR.years() == tuple(PUBLISHED)
    for year in PUBLISHED:
        table = CALENDAR.table(year)
        assert table.source.startswith(f"国务院办公厅关于{year}年部分节假日安排的通知")
        assert not table.provisional


@pytest.mark.parametrize("year", PUBLISHED)
def test_a_shipped_file_is_in_the_form_that_an_administrator_uploads(year):
    raw = json.loads((SHIPPED / f"{year}.json").read_bytes())

    assert YearTable.parse(raw) == CALENDAR.table(year)
    assert YearTable.parse(raw).raw() == raw


def test_the_running_system_needs_neither_library():
    tree = ast.parse(Path(under_test.__file__).read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        + ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
    }

    assert imported
    assert imported <= sys.stdlib_module_names


# --- Weeks that a supervisor could sign ----------------------------------------------------------

SPRING_FESTIVAL_2026 = """
    2026-02-12 Thu workday
    2026-02-13 Fri workday
    2026-02-14 Sat make_up    春节
    2026-02-15 Sun holiday    春节
    2026-02-16 Mon holiday    春节
    2026-02-17 Tue holiday    春节
    2026-02-18 Wed holiday    春节
    2026-02-19 Thu holiday    春节
    2026-02-20 Fri holiday    春节
    2026-02-21 Sat holiday    春节
    2026-02-22 Sun holiday    春节
    2026-02-23 Mon holiday    春节
    2026-02-24 Tue workday
    2026-02-25 Wed workday
    2026-02-26 Thu workday
    2026-02-27 Fri workday
    2026-02-28 Sat make_up    春节
    2026-03-01 Sun weekend
    2026-03-02 Mon workday
"""

NATIONAL_DAY_2026 = """
    2026-09-18 Fri workday
    2026-09-19 Sat weekend
    2026-09-20 Sun make_up    国庆节
    2026-09-21 Mon workday
    2026-09-24 Thu workday
    2026-09-25 Fri holiday    中秋节
    2026-09-26 Sat holiday    中秋节
    2026-09-27 Sun holiday    中秋节
    2026-09-28 Mon workday
    2026-09-30 Wed workday
    2026-10-01 Thu holiday    国庆节
    2026-10-02 Fri holiday    国庆节
    2026-10-03 Sat holiday    国庆节
    2026-10-04 Sun holiday    国庆节
    2026-10-05 Mon holiday    国庆节
    2026-10-06 Tue holiday    国庆节
    2026-10-07 Wed holiday    国庆节
    2026-10-08 Thu workday
    2026-10-09 Fri workday
    2026-10-10 Sat make_up    国庆节
    2026-10-11 Sun weekend
"""

THE_UNUSUAL = """
    2005-12-30 Fri workday
    2005-12-31 Sat make_up    元旦
    2006-01-01 Sun holiday    元旦
    2006-12-31 Sun make_up    元旦
    2007-12-29 Sat make_up    元旦
    2007-12-31 Mon holiday    元旦
    2014-04-06 Sun weekend
    2014-04-07 Mon holiday    清明节
    2015-09-03 Thu holiday    中国人民抗日战争暨世界反法西斯战争胜利70周年纪念日
    2015-09-04 Fri holiday    中国人民抗日战争暨世界反法西斯战争胜利70周年纪念日
    2015-09-06 Sun make_up    中国人民抗日战争暨世界反法西斯战争胜利70周年纪念日
    2019-04-28 Sun make_up    劳动节
    2019-05-03 Fri holiday    劳动节
    2019-05-05 Sun make_up    劳动节
    2020-01-19 Sun make_up    春节
    2020-01-31 Fri holiday    春节
    2020-02-01 Sat holiday    春节
    2020-02-02 Sun holiday    春节
    2020-02-03 Mon workday
    2020-10-01 Thu holiday    国庆节、中秋节
    2024-12-31 Tue workday
    2025-01-01 Wed holiday    元旦
"""


def signed(text: str) -> list[tuple[str, ...]]:
    return [tuple(line.split()) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("row", signed(SPRING_FESTIVAL_2026 + NATIONAL_DAY_2026 + THE_UNUSUAL))
def test_famous_days_are_what_their_notice_makes_them(row):
    day, table = on(row[0]), CALENDAR.table(on(row[0]).year)

    name = table.holidays.get(day) or table.make_up_days.get(day)

    assert (f"{day:%a}", CALENDAR.day_kind(day), name) == (
        row[1],
        row[2],
        row[3] if len(row) > 3 else None,
    )


DUE = [
    # received            rule      days  due
    ("2026-02-12T10:00", NEXT_DAY, "1", "2026-02-13T17:30", "the next day, whole"),
    ("2026-02-12T10:00", NEXT_DAY, "2", "2026-02-14T17:30", "the make-up Saturday counts"),
    ("2026-02-12T10:00", NEXT_DAY, "3", "2026-02-24T17:30", "the nine days off do not"),
    ("2026-02-12T10:00", NEXT_DAY, "7", "2026-02-28T17:30", "a second make-up Saturday"),
    ("2026-02-12T10:00", NEXT_DAY, "8", "2026-03-02T17:30", "Sunday 1 March does not count"),
    ("2026-02-12T17:29", SAME_DAY, "1", "2026-02-12T17:30", "the day of receipt is the first"),
    ("2026-02-12T23:00", SAME_DAY, "1", "2026-02-12T17:30", "even after hours"),
    ("2026-02-14T09:00", SAME_DAY, "2", "2026-02-24T17:30", "from a make-up day"),
    ("2026-02-17T09:00", SAME_DAY, "1", "2026-02-24T17:30", "a holiday is not the first day"),
    ("2026-02-17T09:00", NEXT_DAY, "1", "2026-02-24T17:30", "nor is it under the other rule"),
    ("2026-02-12T10:00", NEXT_DAY, "1/2", "2026-02-13T12:00", "half a day ends at lunch"),
    ("2026-02-12T10:00", NEXT_DAY, "3/2", "2026-02-14T12:00", "one and a half"),
    ("2026-02-12T10:00", NEXT_DAY, "6/7", "2026-02-13T16:30", "an hour before closing"),
    ("2026-02-12T10:00", NEXT_DAY, "0", "2026-02-13T08:30", "nothing is due at the origin"),
    ("2026-09-30T16:00", NEXT_DAY, "1", "2026-10-08T17:30", "over National Day"),
    ("2026-09-30T16:00", NEXT_DAY, "3", "2026-10-10T17:30", "and its make-up Saturday"),
    ("2026-09-30T16:00", NEXT_DAY, "4", "2026-10-12T17:30", "but not the Sunday"),
    ("2026-09-18T16:00", NEXT_DAY, "1", "2026-09-20T17:30", "Sunday 20 September is worked"),
    ("2020-01-23T10:00", NEXT_DAY, "1", "2020-02-03T17:30", "the extended festival of 2020"),
    ("2005-12-30T10:00", NEXT_DAY, "1", "2005-12-31T17:30", "worked by the notice for 2006"),
]


@pytest.mark.parametrize(
    ("start", "rule", "days", "due"), [row[:4] for row in DUE], ids=[row[4] for row in DUE]
)
def test_working_days_are_due_at_closing_time_of_the_last_that_counts(start, rule, days, due):
    answer = CALENDAR.workdays_due(at(start), Fraction(days), rule=rule, hours=HOURS)

    assert answer == Due(at=at(due), provisional=False)
    assert answer.at.tzinfo is UTC


PAUSED = [
    # paused        due, of two days from Thursday 12 February 2026
    (timedelta(hours=0), "2026-02-14T17:30"),
    (timedelta(hours=1), "2026-02-24T09:30"),
    (timedelta(hours=3, minutes=30), "2026-02-24T12:00"),
    (timedelta(hours=4), "2026-02-24T14:30"),
    (timedelta(hours=7), "2026-02-24T17:30"),
    (timedelta(hours=14, microseconds=1), "2026-02-26T08:30:00.000001"),
]


@pytest.mark.parametrize(("paused", "due"), PAUSED)
def test_office_time_that_was_paused_is_given_back(paused, due):
    answer = CALENDAR.workdays_due(
        at("2026-02-12T10:00"), 2, rule=NEXT_DAY, hours=HOURS, paused=paused
    )

    assert answer.at == at(due)


ORIGINS = [
    # start               same day            next day
    ("2026-02-12T00:00", "2026-02-12T08:30", "2026-02-13T08:30"),
    ("2026-02-12T23:59", "2026-02-12T08:30", "2026-02-13T08:30"),
    ("2026-02-14T12:30", "2026-02-14T08:30", "2026-02-24T08:30"),
    ("2026-02-15T09:00", "2026-02-24T08:30", "2026-02-24T08:30"),
    ("2026-12-31T09:00", "2026-12-31T08:30", "2027-01-04T08:30"),
]


@pytest.mark.parametrize(("start", "same_day", "next_day"), ORIGINS)
def test_counting_begins_at_the_opening_of_the_first_day_that_counts(start, same_day, next_day):
    assert CALENDAR.origin(at(start), rule=SAME_DAY, hours=HOURS) == at(same_day)
    assert CALENDAR.origin(at(start), rule=NEXT_DAY, hours=HOURS) == at(next_day)


def test_the_day_is_chinas_whatever_zone_the_instant_is_written_in():
    late_on_thursday_in_utc = datetime(2026, 2, 12, 16, 30, tzinfo=UTC)
    same_instant_in_new_york = late_on_thursday_in_utc.astimezone(timezone(timedelta(hours=-5)))

    for instant in (late_on_thursday_in_utc, same_instant_in_new_york):
        assert local_day(instant) == on("2026-02-13")
        assert CALENDAR.origin(instant, rule=SAME_DAY, hours=HOURS) == at("2026-02-13T08:30")


# --- Office time between two instants ------------------------------------------------------------

SPANS = [
    ("2026-02-12T08:30", "2026-02-12T17:30", timedelta(hours=7), "a whole day, lunch left out"),
    ("2026-02-12T00:00", "2026-02-12T23:59", timedelta(hours=7), "night is no office time"),
    ("2026-02-12T12:00", "2026-02-12T14:00", NOTHING, "lunch"),
    ("2026-02-12T11:45", "2026-02-12T14:15", timedelta(minutes=30), "across lunch"),
    ("2026-02-12T17:00", "2026-02-13T09:00", timedelta(hours=1), "across a night"),
    ("2026-02-14T17:00", "2026-02-24T09:00", timedelta(hours=1), "across the festival"),
    ("2026-02-15T00:00", "2026-02-24T00:00", NOTHING, "within the festival"),
    ("2026-02-28T00:00", "2026-03-02T00:00", timedelta(hours=7), "a make-up Saturday"),
    ("2026-02-12T09:00", "2026-02-12T09:00", NOTHING, "no time at all"),
    ("2026-02-13T09:00", "2026-02-12T09:00", NOTHING, "backwards"),
    (
        "2026-02-12T08:29:59.999999",
        "2026-02-12T08:30:00.000001",
        A_MICROSECOND,
        "to the microsecond",
    ),
    ("2025-01-01T00:00", "2026-01-01T00:00", timedelta(hours=7 * 248), "2025 had 248 working days"),
]


@pytest.mark.parametrize(
    ("start", "end", "worked"), [row[:3] for row in SPANS], ids=[row[3] for row in SPANS]
)
def test_office_time_between_two_instants(start, end, worked):
    assert CALENDAR.working_time(at(start), at(end), hours=HOURS) == worked


ADDED = [
    ("2026-02-12T08:30", timedelta(hours=7), "2026-02-12T17:30"),
    ("2026-02-12T11:00", timedelta(hours=1), "2026-02-12T12:00"),
    ("2026-02-12T11:00", timedelta(hours=1, microseconds=1), "2026-02-12T14:00:00.000001"),
    ("2026-02-12T13:00", timedelta(hours=1), "2026-02-12T15:00"),
    ("2026-02-14T17:00", timedelta(hours=1), "2026-02-24T09:00"),
    ("2026-02-15T03:00", timedelta(hours=1), "2026-02-24T09:30"),
    ("2026-02-15T03:00", NOTHING, "2026-02-15T03:00"),
]


@pytest.mark.parametrize(("start", "amount", "end"), ADDED)
def test_office_time_is_added_to_the_earliest_instant_that_has_it(start, amount, end):
    assert CALENDAR.add_working_time(at(start), amount, hours=HOURS).at == at(end)


@pytest.mark.parametrize(
    "less_than_nothing",
    [
        lambda start: CALENDAR.add_working_time(start, -A_MICROSECOND, hours=HOURS),
        lambda start: CALENDAR.workdays_due(
            start, -1, rule=NEXT_DAY, hours=HOURS, paused=HOURS.length
        ),
        lambda start: CALENDAR.workdays_due(
            start, 1, rule=NEXT_DAY, hours=HOURS, paused=-A_MICROSECOND
        ),
    ],
)
def test_counting_less_than_nothing_is_a_bug_of_the_caller(less_than_nothing):
    with pytest.raises(ValueError, match="-1"):
        less_than_nothing(at("2026-02-12T10:00"))


# --- The same as laws ----------------------------------------------------------------------------

instants = st.datetimes(datetime(2003, 6, 1), datetime(2029, 6, 1), timezones=st.just(UTC))  # noqa: DTZ001 (Hypothesis adds the zone)
rules = st.sampled_from(DayCount)
amounts = st.fractions(min_value=0, max_value=70, max_denominator=60)
pauses = st.timedeltas(NOTHING, timedelta(days=12))


@st.composite
def office_hours(draw: st.DrawFn) -> OfficeHours:
    minutes = sorted(draw(st.sets(st.integers(0, 24 * 60 - 1), min_size=4, max_size=4)))
    begin, lunch, back, end = (time(minute // 60, minute % 60) for minute in minutes)
    if draw(st.booleans()):
        back = lunch
    return OfficeHours(morning=(begin, lunch), afternoon=(back, end))


hours_of_some_office = st.one_of(st.just(HOURS), office_hours())


def in_full(hours: OfficeHours, days: Fraction) -> timedelta:
    """Give the length of so many days, a part of a microsecond counted as a whole one."""
    exact = days * (hours.length // A_MICROSECOND)
    return -(-exact.numerator // exact.denominator) * A_MICROSECOND


@thorough
@given(instants, amounts, rules, hours_of_some_office, pauses)
def test_what_has_elapsed_when_it_is_due_is_what_was_allowed_and_paused(
    start, days, rule, hours, paused
):
    due = CALENDAR.workdays_due(start, days, rule=rule, hours=hours, paused=paused)

    elapsed = CALENDAR.workdays_elapsed(start, due.at, rule=rule, hours=hours)

    assert elapsed == in_full(hours, days) + paused


@thorough
@given(instants, st.integers(0, 250), rules, hours_of_some_office)
def test_n_whole_days_have_elapsed_when_n_days_are_due(start, days, rule, hours):
    due = CALENDAR.workdays_due(start, days, rule=rule, hours=hours)

    elapsed = CALENDAR.workdays_elapsed(start, due.at, rule=rule, hours=hours)

    assert elapsed == days * hours.length
    if days:
        assert due.at.astimezone(CHINA).time() == hours.afternoon[1]
        assert CALENDAR.is_workday(local_day(due.at))


@thorough
@given(instants, st.integers(0, 400), st.data(), rules, hours_of_some_office)
def test_any_instant_of_office_time_is_due_when_what_has_elapsed_by_then_is_allowed(
    start, days_later, data, rule, hours
):
    day = local_day(start) + timedelta(days=days_later)
    assume(CALENDAR.is_workday(day))
    begin, end = data.draw(st.sampled_from([hours.morning, hours.afternoon]))
    opened, closed = (datetime.combine(day, moment, CHINA) for moment in (begin, end))
    instant = opened + data.draw(st.timedeltas(A_MICROSECOND, closed - opened))
    assume(instant >= CALENDAR.origin(start, rule=rule, hours=hours))

    elapsed = CALENDAR.workdays_elapsed(start, instant, rule=rule, hours=hours)
    days = Fraction(elapsed // A_MICROSECOND, hours.length // A_MICROSECOND)
    whole, rest = divmod(elapsed, hours.length)

    assert CALENDAR.workdays_due(start, days, rule=rule, hours=hours).at == instant
    paused = CALENDAR.workdays_due(start, whole, rule=rule, hours=hours, paused=rest)
    assert paused.at == instant


@thorough
@given(
    instants, st.tuples(amounts, amounts), rules, hours_of_some_office, st.tuples(pauses, pauses)
)
def test_more_days_or_longer_pauses_are_never_due_earlier(
    start, both_days, rule, hours, both_pauses
):
    (days, more), (paused, longer) = both_days, both_pauses

    def due(days: Fraction, paused: timedelta) -> datetime:
        return CALENDAR.workdays_due(start, days, rule=rule, hours=hours, paused=paused).at

    assert due(days, paused) <= due(days + more, paused)
    assert due(days, paused) <= due(days, paused + longer)


@thorough
@given(instants, instants, amounts, rules, hours_of_some_office)
def test_a_later_start_is_never_due_earlier(one, other, days, rule, hours):
    earlier, later = sorted((one, other))

    first = CALENDAR.workdays_due(earlier, days, rule=rule, hours=hours)
    second = CALENDAR.workdays_due(later, days, rule=rule, hours=hours)

    assert first.at <= second.at


@thorough
@given(instants, amounts, hours_of_some_office)
def test_counting_from_the_next_day_is_never_due_earlier_than_from_the_same(start, days, hours):
    same_day, next_day = (
        CALENDAR.workdays_due(start, days, rule=rule, hours=hours).at for rule in DayCount
    )

    assert same_day <= next_day


@thorough
@given(instants, st.timedeltas(NOTHING, timedelta(days=40)), hours_of_some_office)
def test_office_time_is_the_sum_of_its_days_and_spans(start, length, hours):
    end = start + length
    counted = NOTHING
    for day in days_of(local_day(start), local_day(end)):
        if CALENDAR.is_workday(day):
            for span in (hours.morning, hours.afternoon):
                opened, closed = (datetime.combine(day, moment, CHINA) for moment in span)
                counted += max(NOTHING, min(end, closed) - max(start, opened))

    assert CALENDAR.working_time(start, end, hours=hours) == counted


@thorough
@given(st.lists(instants, min_size=3, max_size=3), hours_of_some_office)
def test_office_time_of_two_stretches_adds_up(three, hours):
    first, second, third = sorted(three)

    def worked(start: datetime, end: datetime) -> timedelta:
        return CALENDAR.working_time(start, end, hours=hours)

    assert worked(first, second) + worked(second, third) == worked(first, third)


@thorough
@given(instants, st.timedeltas(A_MICROSECOND, timedelta(days=30)), hours_of_some_office)
def test_no_earlier_instant_has_the_office_time_that_was_added(start, amount, hours):
    reached = CALENDAR.add_working_time(start, amount, hours=hours).at

    assert CALENDAR.working_time(start, reached, hours=hours) == amount
    assert CALENDAR.working_time(start, reached - A_MICROSECOND, hours=hours) < amount


@thorough
@given(st.dates(date(2003, 1, 1), date(2029, 12, 31)))
def test_the_next_working_day_is_the_first_one_after(day):
    following = CALENDAR.next_workday(day)

    assert following > day
    assert CALENDAR.is_workday(following)
    between = days_of(day + A_DAY, following - A_DAY)
    assert not any(CALENDAR.is_workday(other) for other in between)


# --- Years to come, and years long gone ----------------------------------------------------------


def the_table_of_2027(**changes: Any) -> dict[str, object]:
    """Give a table as it might be published; the days are made up but lawful."""
    return {
        "year": 2027,
        "source": "国务院办公厅关于2027年部分节假日安排的通知",
        "holidays": {
            "2027-01-01": "元旦",
            **{f"2027-02-{day:02}": "春节" for day in range(5, 12)},
            "2027-05-01": "劳动节",
            "2027-05-02": "劳动节",
            **{f"2027-10-{day:02}": "国庆节" for day in range(1, 8)},
        },
        "make_up_days": {"2027-01-30": "春节", "2027-10-09": "国庆节"},
        **changes,
    }


def test_a_year_not_yet_published_has_weekends_and_the_holidays_of_fixed_date():
    table = CALENDAR.table(2027)

    assert table.provisional
    assert "全国年节及纪念日放假办法" in table.source
    assert [f"{day:%m-%d} {name}" for day, name in table.holidays.items()] == [
        "01-01 元旦",
        "05-01 劳动节",
        "05-02 劳动节",
        "10-01 国庆节",
        "10-02 国庆节",
        "10-03 国庆节",
    ]
    assert not table.make_up_days
    assert CALENDAR.day_kind(on("2027-01-01")) is HOLIDAY
    assert CALENDAR.day_kind(on("2027-10-02")) is HOLIDAY
    assert CALENDAR.day_kind(on("2027-10-09")) is WEEKEND
    assert CALENDAR.day_kind(on("2027-02-08")) is WORKDAY  # nobody has published the festival


@pytest.mark.parametrize("year", [1, 1949, 2003, 2027, 2028, 2100, 2400, 9999])
def test_an_unpublished_year_is_counted_by_its_own_table(year):
    for day in days_of(date(year, 1, 1), date(year, 12, 31)):
        assert CALENDAR.is_provisional(day)
        expected = day.weekday() < 5 and day not in CALENDAR.table(year).holidays
        assert CALENDAR.is_workday(day) == expected


@pytest.mark.parametrize(
    ("start", "days", "provisional"),
    [
        ("2026-12-29T10:00", 2, False),  # due on 31 December
        ("2026-12-29T10:00", 3, True),
        ("2027-06-01T10:00", 1, True),
        ("2003-12-30T10:00", 3, True),  # begins before the first table
        ("2003-12-31T10:00", 1, True),  # only its start does
        ("2004-01-02T10:00", 3, False),
    ],
)
def test_a_deadline_is_provisional_when_any_day_up_to_it_is(start, days, provisional):
    due = CALENDAR.workdays_due(at(start), days, rule=NEXT_DAY, hours=HOURS)

    assert due.provisional is provisional
    worked = CALENDAR.working_time(at(start), due.at, hours=HOURS)
    assert CALENDAR.add_working_time(at(start), worked, hours=HOURS) == due


def test_a_deadline_is_provisional_when_the_unpublished_year_lies_between():
    without_2025 = Calendar.of(CALENDAR.table(year) for year in PUBLISHED if year != 2025)

    due = without_2025.workdays_due(at("2024-12-30T10:00"), 260, rule=NEXT_DAY, hours=HOURS)

    assert due.at.year == 2026
    assert due.provisional


def test_a_provisional_table_stays_provisional_when_loaded():
    loaded = CALENDAR.with_year(CALENDAR.table(2027))

    assert loaded.is_provisional(on("2027-03-01"))
    assert loaded.version != CALENDAR.version


def test_nothing_to_count_is_provisional_if_its_day_is():
    nothing = CALENDAR.add_working_time(at("2027-03-01T10:00"), NOTHING, hours=HOURS)

    assert nothing == Due(at=at("2027-03-01T10:00"), provisional=True)


def test_loading_a_year_makes_its_deadlines_definite_and_moves_them():
    loaded = CALENDAR.with_year(YearTable.parse(the_table_of_2027()))
    start = at("2027-02-04T10:00")

    before = CALENDAR.workdays_due(start, 1, rule=NEXT_DAY, hours=HOURS)
    after = loaded.workdays_due(start, 1, rule=NEXT_DAY, hours=HOURS)

    assert before == Due(at=at("2027-02-05T17:30"), provisional=True)
    assert after == Due(at=at("2027-02-12T17:30"), provisional=False)
    assert loaded.day_kind(on("2027-01-30")) is MAKE_UP
    assert loaded.years() == (*PUBLISHED, 2027)


def test_loading_a_year_leaves_the_calendar_as_it_was():
    CALENDAR.with_year(YearTable.parse(the_table_of_2027()))

    assert CALENDAR.years() == tuple(PUBLISHED)
    assert CALENDAR.table(2027).provisional
    with pytest.raises(AttributeError):
        CALENDAR.version = "another"  # type: ignore[misc]  # that it is frozen is the point
    with pytest.raises(TypeError):
        CALENDAR.table(2026).holidays[on("2026-03-03")] = "生日"  # type: ignore[index]  # frozen too


def test_a_table_can_be_corrected_as_in_the_spring_of_2020():
    as_first_published = CALENDAR.table(2020).raw()
    for day in ("2020-01-31", "2020-02-01", "2020-02-02"):
        del as_first_published["holidays"][day]
    as_first_published["make_up_days"]["2020-02-01"] = "春节"
    january = CALENDAR.with_year(YearTable.parse(as_first_published))

    corrected = january.with_year(CALENDAR.table(2020))

    assert january.next_workday(on("2020-01-30")) == on("2020-01-31")
    assert corrected.next_workday(on("2020-01-30")) == on("2020-02-03")
    assert corrected == CALENDAR


def test_the_version_tells_the_loaded_tables_apart():
    loaded = CALENDAR.with_year(YearTable.parse(the_table_of_2027()))
    elsewhere = CALENDAR.with_year(
        YearTable.parse(the_table_of_2027(make_up_days={"2027-01-31": "春节"}))
    )

    assert len({CALENDAR.version, loaded.version, elsewhere.version}) == 3
    assert CALENDAR.with_year(CALENDAR.table(2026)).version == CALENDAR.version
    upside_down = dict(reversed(CALENDAR.table(2026).raw()["holidays"].items()))
    the_same = YearTable.parse({**CALENDAR.table(2026).raw(), "holidays": upside_down})
    assert CALENDAR.with_year(the_same).version == CALENDAR.version
    assert Calendar.of(CALENDAR.table(year) for year in reversed(PUBLISHED)) == CALENDAR
    assert hash(loaded) == hash(CALENDAR.with_year(YearTable.parse(the_table_of_2027())))


@pytest.mark.parametrize("rule", DayCount)
@pytest.mark.parametrize("offset", [-14, 0, 8, 14])
@pytest.mark.parametrize("extreme", [datetime.min, datetime.max, datetime(1066, 10, 14)])  # noqa: DTZ001, DTZ901 (the zone follows)
def test_no_year_however_absurd_stops_intake(extreme, offset, rule):
    start = extreme.replace(tzinfo=timezone(timedelta(hours=offset)))

    assert CALENDAR.workdays_due(start, 60, rule=rule, hours=HOURS).provisional
    assert CALENDAR.workdays_due(start, 10_000_000, rule=rule, hours=HOURS).provisional
    assert CALENDAR.add_working_time(start, A_DAY, hours=HOURS).provisional
    assert CALENDAR.workdays_elapsed(start, start, rule=rule, hours=HOURS) <= HOURS.length
    assert (
        CALENDAR.workdays_elapsed(start, at("2026-01-05T09:00"), rule=rule, hours=HOURS) >= NOTHING
    )


def test_a_count_past_the_end_of_all_dates_ends_there():
    beyond = CALENDAR.workdays_due(at("2026-01-05T09:00"), 10_000_000, rule=NEXT_DAY, hours=HOURS)

    assert beyond.at == datetime.max.replace(tzinfo=CHINA)
    assert CALENDAR.next_workday(date.max) == date.max


@pytest.mark.parametrize(
    "ask",
    [
        CALENDAR.day_kind,
        CALENDAR.is_workday,
        CALENDAR.is_provisional,
        CALENDAR.next_workday,
    ],
)
def test_an_instant_is_not_taken_for_a_day(ask: Callable[[date], object]):
    with pytest.raises(TypeError):
        ask(datetime(2026, 2, 13, 17, tzinfo=UTC))


def test_an_instant_without_a_zone_is_a_bug_of_the_caller():
    naive = datetime(2026, 2, 13, 17)  # noqa: DTZ001 (that is the point)

    with pytest.raises(ValueError, match="2026"):
        CALENDAR.origin(naive, rule=SAME_DAY, hours=HOURS)


# --- What an administrator uploads ---------------------------------------------------------------

UNUSABLE = [
    (the_table_of_2027(year="2027"), "year", "not-a-year"),
    (the_table_of_2027(year=True), "year", "not-a-year"),
    (the_table_of_2027(year=2027.0), "year", "not-a-year"),
    (the_table_of_2027(year=1999), "year", "not-a-year"),
    (the_table_of_2027(year=20270), "year", "not-a-year"),
    (the_table_of_2027(year=2028), "holidays.2027-01-01", "other-year"),
    (the_table_of_2027(source=None), "source", "not-text"),
    (the_table_of_2027(source=" "), "source", "required"),
    (the_table_of_2027(source="通" * 501), "source", "too-long"),
    (the_table_of_2027(source="通知\u202e"), "source", "not-printable"),
    (the_table_of_2027(source="通知\x00"), "source", "not-printable"),
    (the_table_of_2027(source="通知\ud800"), "source", "not-printable"),
    (the_table_of_2027(holidays=[]), "holidays", "not-an-object"),
    (the_table_of_2027(holidays={}), "holidays", "lacks-fixed-holiday"),
    (the_table_of_2027(holidays={"2027-02-30": "春节"}), "holidays", "not-a-date"),
    (the_table_of_2027(holidays={"20270101": "元旦"}), "holidays", "not-a-date"),
    (the_table_of_2027(holidays={"２０２７-01-01": "元旦"}), "holidays", "not-a-date"),
    (the_table_of_2027(holidays={"2027-01-01": 1}), "holidays.2027-01-01", "not-text"),
    (the_table_of_2027(holidays={"2027-01-01": ""}), "holidays.2027-01-01", "required"),
    (the_table_of_2027(holidays={"2027-01-01": "元" * 41}), "holidays.2027-01-01", "too-long"),
    (the_table_of_2027(make_up_days=None), "make_up_days", "not-an-object"),
    (
        the_table_of_2027(make_up_days={"2026-12-26": "元旦"}),
        "make_up_days.2026-12-26",
        "other-year",
    ),
    (
        the_table_of_2027(make_up_days={"2027-02-12": "春节"}),
        "make_up_days.2027-02-12",
        "not-a-weekend",
    ),
    (
        the_table_of_2027(make_up_days={"2027-02-06": "春节"}),
        "make_up_days.2027-02-06",
        "also-a-holiday",
    ),
    (the_table_of_2027(provisional=True), "provisional", "unknown-field"),
    (the_table_of_2027(**{"\x00": 1}), "?", "unknown-field"),
    ({"year": 2027}, "source", "required"),
    ([], "table", "not-an-object"),
    (None, "table", "not-an-object"),
]


@pytest.mark.parametrize(("raw", "field", "code"), UNUSABLE)
def test_a_table_that_cannot_be_used_is_refused_by_field_and_reason(raw, field, code):
    with pytest.raises(BadCalendar) as refused:
        YearTable.parse(raw)

    assert (field, code) in [(error.field, error.code) for error in refused.value.errors]


def test_a_refusal_names_every_unusable_field_but_not_a_flood_of_them():
    raw = the_table_of_2027(source="", make_up_days={"2027-02-12": "春节", "2027-13-01": "?"})
    flood = the_table_of_2027(holidays={f"第{number}天": "春节" for number in range(1000)})

    with pytest.raises(BadCalendar) as refused:
        YearTable.parse(raw)
    with pytest.raises(BadCalendar) as flooded:
        YearTable.parse(flood)

    assert [(error.field, error.code, error.facts) for error in refused.value.errors] == [
        ("source", "required", {}),
        ("make_up_days", "not-a-date", {"position": 2}),
        ("make_up_days.2027-02-12", "not-a-weekend", {}),
    ]
    assert len(flooded.value.errors) == 20


def test_a_table_made_in_code_obeys_the_same_laws():
    with pytest.raises(BadCalendar):
        YearTable(year=2027, holidays={}, make_up_days={}, source="无")


def test_outer_blanks_are_not_part_of_a_name():
    holidays = {**CALENDAR.table(2026).raw()["holidays"], "2026-01-01": " 元旦 "}

    table = YearTable.parse({**CALENDAR.table(2026).raw(), "holidays": holidays})

    assert table == CALENDAR.table(2026)


# --- Office hours --------------------------------------------------------------------------------


def test_the_usual_office_works_seven_hours():
    assert HOURS.length == timedelta(hours=7)


def test_an_office_without_lunch_works_through():
    through = OfficeHours(morning=(time(9), time(12)), afternoon=(time(12), time(17)))

    assert through.length == timedelta(hours=8)
    due = CALENDAR.workdays_due(
        at("2026-02-12T10:00"), Fraction(1, 2), rule=NEXT_DAY, hours=through
    )
    assert due.at == at("2026-02-13T13:00")


@pytest.mark.parametrize(
    ("morning", "afternoon", "field", "code"),
    [
        ((time(12), time(8)), (time(14), time(17)), "office_hours.morning", "not-in-order"),
        ((time(8), time(8)), (time(14), time(17)), "office_hours.morning", "not-in-order"),
        ((time(8), time(12)), (time(17), time(14)), "office_hours.afternoon", "not-in-order"),
        ((time(8), time(12)), (time(11), time(17)), "office_hours.afternoon", "not-in-order"),
        (
            (time(8, tzinfo=UTC), time(12)),
            (time(14), time(17)),
            "office_hours.morning",
            "has-a-zone",
        ),
    ],
)
def test_office_hours_out_of_order_are_refused(morning, afternoon, field, code):
    with pytest.raises(BadInput) as refused:
        OfficeHours(morning=morning, afternoon=afternoon)

    assert [(error.field, error.code) for error in refused.value.errors] == [(field, code)]
