import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from infra.local import schedules
from infra.local.tools import CannotRun

SATURDAY = datetime(2026, 11, 21, 23, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("rate(1 minute)", "2026-11-21T23:04:30", "2026-11-21T23:05:00"),
        ("rate(1 minute)", "2026-11-21T23:05:00", "2026-11-21T23:06:00"),
        ("rate(5 minutes)", "2026-11-21T23:04:59", "2026-11-21T23:05:00"),
        ("rate(2 hours)", "2026-11-21T23:04:30", "2026-11-22T00:00:00"),
        ("rate(1 day)", "2026-11-21T23:04:30", "2026-11-22T00:00:00"),
        ("cron(5 * * * ? *)", "2026-11-21T23:04:30", "2026-11-21T23:05:00"),
        ("cron(5 * * * ? *)", "2026-11-21T23:05:00", "2026-11-22T00:05:00"),
        ("cron(30 18 * * ? *)", "2026-11-21T23:04:30", "2026-11-22T18:30:00"),
        ("cron(0/15 9-10 * * ? *)", "2026-11-21T09:45:00", "2026-11-21T10:00:00"),
        ("cron(0/15 9-10 * * ? *)", "2026-11-21T10:45:00", "2026-11-22T09:00:00"),
        ("cron(0 9 ? * MON-FRI *)", "2026-11-21T08:00:00", "2026-11-23T09:00:00"),
        ("cron(0 9 ? * 1 *)", "2026-11-21T08:00:00", "2026-11-22T09:00:00"),
        ("cron(0 0 1 JAN,JUL ? *)", "2026-11-21T08:00:00", "2027-01-01T00:00:00"),
        ("cron(0 0 31 * ? *)", "2026-11-21T08:00:00", "2026-12-31T00:00:00"),
        ("cron(0 0 29 2 ? *)", "2026-11-21T08:00:00", "2028-02-29T00:00:00"),
        ("cron(0 0 1 1 ? 2030)", "2026-11-21T08:00:00", "2030-01-01T00:00:00"),
    ],
)
def test_a_schedule_falls_due_when_eventbridge_says(expression, after, expected):
    found = schedules.parse(expression)(datetime.fromisoformat(after).replace(tzinfo=UTC))

    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_schedule_is_utc_whatever_the_clock_given_is_in():
    shanghai = SATURDAY.astimezone(timezone(timedelta(hours=8)))

    assert schedules.parse("cron(5 23 * * ? *)")(shanghai) == SATURDAY.replace(minute=5, second=0)


def test_a_year_that_is_over_has_no_next_instant():
    assert schedules.parse("cron(0 0 1 1 ? 2020)")(SATURDAY) is None


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 minutes)",
        "rate(2 minute)",
        "rate(0 minutes)",
        "rate(1 week)",
        "every minute",
        "cron(5 * * *)",
        "cron(5 * * * * *)",  # both day fields
        "cron(5 * ? * ? *)",  # neither
        "cron(60 * * * ? *)",
        "cron(5-1 * * * ? *)",
        "cron(*/0 * * * ? *)",
        "cron(0 9 L * ? *)",
        "cron(0 9 ? * 2#1 *)",
    ],
)
def test_a_schedule_that_eventbridge_would_refuse_or_we_do_not_know_stops_the_start(expression):
    with pytest.raises(CannotRun, match=r"app\.py"):
        schedules.parse(expression)


class Clock(threading.Event):
    """A clock that moves when somebody waits; stops everything after three runs."""

    def __init__(self, *, sleeps: timedelta = timedelta()) -> None:
        super().__init__()
        self.at = SATURDAY
        self.sleeps = sleeps
        self.runs: list[tuple[datetime, datetime]] = []

    def now(self) -> datetime:
        return self.at

    def wait(self, timeout: float | None = None) -> bool:
        self.at += timedelta(seconds=timeout or 0) + self.sleeps
        self.sleeps = timedelta()
        return self.is_set()

    def keep(
        self, expression: str, *, at_once: bool = False, takes: timedelta = timedelta(seconds=2)
    ) -> list[str]:
        def call(due: datetime) -> None:
            self.runs.append((due, self.at))
            self.at += takes
            if len(self.runs) == 3:
                self.set()

        schedules.keep_time(
            schedules.parse(expression), call, at_once=at_once, now=self.now, stopping=self
        )
        return [f"{due:%H:%M:%S}" for due, _ in self.runs]


def test_a_schedule_never_drifts():
    clock = Clock()

    assert clock.keep("rate(1 minute)") == ["23:05:00", "23:06:00", "23:07:00"]
    assert all(due == ran for due, ran in clock.runs)


def test_what_fell_due_while_nothing_ran_is_taken_up_at_once():
    assert Clock().keep("rate(1 minute)", at_once=True) == ["23:04:30", "23:05:00", "23:06:00"]


def test_a_run_longer_than_its_interval_delays_the_next_and_none_pile_up():
    long = timedelta(seconds=150)

    assert Clock().keep("rate(1 minute)", takes=long) == ["23:05:00", "23:08:00", "23:11:00"]


def test_a_computer_that_slept_runs_what_is_due_when_it_wakes():
    clock = Clock(sleeps=timedelta(hours=3))
    clock.keep("cron(40 * * * ? *)")

    due, ran = clock.runs[0]
    assert due == SATURDAY.replace(minute=40, second=0)
    assert ran == SATURDAY + timedelta(hours=3, seconds=2)  # it looks every two seconds


def test_a_schedule_without_a_next_instant_ends():
    assert Clock().keep("cron(0 0 1 1 ? 2020)") == []


def test_the_event_carries_the_instant_that_was_due():
    event = schedules.event("sweep", at=SATURDAY.replace(second=0), event_id="e1")

    assert event["time"] == "2026-11-21T23:04:00Z"
    assert event["source"] == "aws.events"
    assert event["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/sweep"]
