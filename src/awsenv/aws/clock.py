"""AWS's clock, which requests are signed by where this computer's is wrong."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ACCEPTED = 15 * 60
"""Seconds: AWS refuses a request whose time differs by more (IAM guide, "Signature Version 4")."""

NOTABLE = 4 * 60
"""Seconds: AWS's own SDKs correct their clock if it differs by more."""


class Clock:
    """AWS's clock, by the date of its last response.

    Args:
        now: This computer's clock: seconds since the epoch, UTC.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._dated: tuple[str, float] | None = None
        self._offset = 0.0

    def aws(self) -> float:
        """Return the seconds since the epoch by this computer's clock or, after `correct`, by AWS's."""
        return self.now() + self._offset

    @property
    def is_corrected(self) -> bool:
        """Whether requests are signed by AWS's clock, and not by this computer's."""
        return self._offset != 0

    def correct(self) -> bool:
        """Follow AWS's clock if it differs by more than `NOTABLE`. Return whether this call changes anything."""
        if self.is_corrected or self.ahead is None or abs(self.ahead) <= NOTABLE:
            return False
        self._offset = self.ahead
        return True

    def read(self, headers: Mapping[str, str]) -> None:
        """Note the date of a response that has just arrived, unless it comes from a cache."""
        if "date" in headers and "age" not in headers:
            self._dated = headers["date"], self.now()

    @property
    def ahead(self) -> float | None:
        """How many seconds AWS's clock is ahead of this computer's; None: no response had a date."""
        if self._dated is None:
            return None
        from email.utils import parsedate_to_datetime  # noqa: PLC0415 - slow, and needed only where a clock is wrong

        theirs, ours = self._dated
        try:
            return parsedate_to_datetime(theirs).timestamp() - ours
        except (TypeError, ValueError, OverflowError):
            return None
