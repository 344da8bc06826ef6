"""The local platform's clock, which can be set ahead: to see next week's notices today.

Only forwards: what has happened lies in the past for good. How far it is ahead stands in the data
folder, so a restart goes on from there, and the demo sign-in reads it too.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from chalicelib import ambient
from chalicelib.domain.refusal import BadInput

LONGEST: Final = timedelta(days=400)


class Clock:
    """The clock of one data folder. Raises nothing while the file is not there: it goes by now."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.ahead = self._read()
        ambient.run_ahead(self.ahead)

    def now(self) -> datetime:
        """Return the instant that the platform takes for now."""
        return ambient.now()

    def set_ahead(self, seconds: object) -> None:
        """Go to so many seconds ahead of the machine's clock.

        Raises BadInput naming `ahead_seconds` for what is no whole number, lies behind, or beyond
        LONGEST.
        """
        if not isinstance(seconds, int) or isinstance(seconds, bool):
            raise BadInput.of("ahead_seconds", "field.number")
        if not self.ahead.total_seconds() <= seconds <= LONGEST.total_seconds():
            raise BadInput.of("ahead_seconds", "field.out_of_range")
        self.ahead = timedelta(seconds=seconds)
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps({"ahead_seconds": seconds}), "utf-8")
        draft.replace(self._file)
        ambient.run_ahead(self.ahead)

    def _read(self) -> timedelta:
        if not self._file.exists():
            return timedelta()
        return timedelta(seconds=json.loads(self._file.read_text("utf-8"))["ahead_seconds"])
