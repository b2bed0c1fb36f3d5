"""The time of the sandbox: the real time, with an offset that a test sets."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


class Clock:
    """A clock that runs with the real one and can be set forward or back."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._elapsed = timedelta()

    def now(self) -> datetime:
        """Return the current time, in UTC and aware."""
        return datetime.now(timezone.utc) + self._ahead + self._elapsed

    def signing_time(self) -> datetime:
        """Return the time that the service compares with the time of a signature."""
        return datetime.now(timezone.utc) + self._ahead

    def advance(self, seconds: float) -> None:
        """Set the clock of the service *seconds* forward, a negative number back, but not that of the clients.

        More than 15 minutes off, the service refuses every request of a client that signs at the real time.
        """
        self._ahead += timedelta(seconds=seconds)

    def elapse(self, seconds: float) -> None:
        """Let *seconds* pass for service and clients: a signature with the real time counts as signed now."""
        self._elapsed += timedelta(seconds=seconds)
