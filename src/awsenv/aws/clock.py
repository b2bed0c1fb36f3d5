"""How far this computer's clock is from AWS's."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.aws.session import AwsSession

ACCEPTED = 15 * 60
"""Seconds: AWS refuses a request that was signed further off (IAM guide, "Signature Version 4")."""

NOTABLE = 4 * 60
"""Seconds: from here on AWS's own SDKs correct for it."""


class Clock:
    """AWS's clock, as its last answer told it.

    Args:
        session: Whose calls of STS are watched, those that fail with an answer too.
        now: This computer's clock: seconds since the epoch, UTC.
    """

    def __init__(self, session: AwsSession, now: Callable[[], float]) -> None:
        self.ahead: float | None = None
        """Seconds that AWS's clock is ahead of this computer's; None: no answer told it."""
        self._now = now
        session.register("after-call.sts", self._read)

    def _read(self, http_response: Any, **_of_botocore: Any) -> None:
        headers = http_response.headers
        if "age" in headers:
            # A cache has kept the answer: its date is not of now.
            return
        try:
            theirs = parsedate_to_datetime(headers["date"]).timestamp()
        except (KeyError, TypeError, ValueError):
            return
        self.ahead = theirs - self._now()
