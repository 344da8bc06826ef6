"""The platform's clock in a test: set ahead to an instant, and on while something is waited for."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from chalicelib.domain.calendar import CHINA
from tests.local.running import Platform

LATE = timedelta(minutes=1)
PATIENCE = 6.0


class Time:
    """The clock of one platform. It goes forwards alone, so one story has one platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def now(self) -> datetime:
        """Return the instant that the platform takes for now, on China's clock."""
        return self._of("GET")[0]

    def go_to(self, at: datetime) -> None:
        """Set the clock to an instant that is still to come."""
        now, ahead = self._of("GET")
        assert at >= now, f"{at} has passed, it is {now}"
        self._of("POST", ahead + int((at - now).total_seconds()) + 1)

    def next(self, hour: int, minute: int) -> datetime:
        """Return when it is this late next."""
        now = self.now()
        today = datetime.combine(now.date(), time_of_day(hour, minute), CHINA)
        return today if today > now else today + timedelta(days=1)

    def until(self, check: Callable[[], Any], within: float = 90) -> Any:
        """Return what `check` finds once it finds something.

        What falls due during a run of the sweep is taken up by the next, a minute later: the clock
        goes on by that minute when nothing has come for a while.
        """
        began = looked = time.monotonic()
        while time.monotonic() - began < within:
            if found := check():
                return found
            if time.monotonic() - looked > PATIENCE:
                looked = time.monotonic()
                self.go_to(self.now() + LATE)
            time.sleep(0.1)
        raise AssertionError(f"nothing within {within} s")

    def _of(self, method: str, ahead: int | None = None) -> tuple[datetime, int]:
        body = None if ahead is None else {"ahead_seconds": ahead}
        status, said = self._platform.ask(method, "/_local/clock", body)
        assert status == 200, said
        return datetime.fromisoformat(said["now"]).astimezone(CHINA), int(said["ahead_seconds"])
