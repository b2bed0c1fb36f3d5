"""The time of the sandbox: the real time, plus what a test or a demo has added to it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


class Clock:
    """A clock that runs with the real one and can be put forward or back."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._elapsed = timedelta()

    def now(self) -> datetime:
        """Return the time, in UTC and with its time zone."""
        return datetime.now(timezone.utc) + self._ahead + self._elapsed

    def signing_time(self) -> datetime:
        """Return the time that the signature of a client with a good clock bears now."""
        return datetime.now(timezone.utc) + self._ahead

    def advance(self, seconds: float) -> None:
        """Put the clock *seconds* forward, and leave the clients behind; a negative number puts it back.

        More than 15 minutes apart, every request of a client that goes by the real time is refused.
        """
        self._ahead += timedelta(seconds=seconds)

    def elapse(self, seconds: float) -> None:
        """Let *seconds* pass for the clients too: what they sign at the real time counts as signed now."""
        self._elapsed += timedelta(seconds=seconds)
