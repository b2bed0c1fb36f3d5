"""The time of the sandbox: the real time, plus what a test or a demo has added to it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


class Clock:
    """A clock that runs with the real one and can be put forward or back."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the time, in UTC and with its time zone."""
        return datetime.now(timezone.utc) + self._offset

    def advance(self, seconds: float) -> None:
        """Put the clock *seconds* forward; a negative number puts it back."""
        self._offset += timedelta(seconds=seconds)
