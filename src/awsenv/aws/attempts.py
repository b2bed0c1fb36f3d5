"""When a request to STS is sent again, and after how long a pause: the retry modes of botocore.

The mode `adaptive` is treated as `standard`: it adds only a rate limit for clients that make many calls. The
quota of `standard`, a hundred further attempts for all calls of a client, is left out for the same reason.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from awsenv.aws.http import Deadline

LEGACY = "legacy"

_TRANSIENT = frozenset(
    {"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "IDPCommunicationError"}
)
_THROTTLING = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
    }
)
_LEGACY = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "ProvisionedThroughputExceededException",
        "IDPCommunicationError",
    }
)
_TOO_MANY = 429
_STATUSES = frozenset({500, 502, 503, 504})
_LEGACY_STATUSES = _STATUSES | {_TOO_MANY, 509}
"""The codes and statuses of errors after which botocore sends a request again (`botocore.retries.standard`, and
`_retry.json` for the mode `legacy`)."""

_LONGEST = 20.0
_ASKED = 5.0
"""Seconds: the longest pause, and how much longer a response can make it."""


class Attempts:
    """The attempts of one call.

    Args:
        most: How many there may be, including the first.
        mode: The retry mode.
        deadline: The time limit of the call.
        random: Returns a number from 0 to 1; None: `random.random`.
    """

    def __init__(self, most: int, mode: str, deadline: Deadline, random: Callable[[], float] | None = None) -> None:
        self.most, self.mode, self.deadline, self.random = most, mode, deadline, random
        self.made = 0

    def pause_after_error(self, code: str, status: int, headers: Mapping[str, str]) -> float | None:
        """Return the seconds until the next attempt after an error response; None: there is no next attempt."""
        is_throttling = code in _THROTTLING or status == _TOO_MANY
        if self.mode == LEGACY:
            is_transient = status in _LEGACY_STATUSES or (code in _LEGACY and status == 400)  # noqa: PLR2004 - HTTP's
        else:
            is_transient = is_throttling or code in _TRANSIENT or status in _STATUSES
        if not is_transient:
            return None
        pause = self._pause(1.0 if is_throttling else 0.05)
        asked = headers.get("x-amz-retry-after", "")
        if self.mode != LEGACY and asked.isascii() and asked.isdigit():
            pause = max(pause, min(int(asked[:9]) / 1000, pause + _ASKED))
        return self._allowed(pause)

    def pause_without_response(self) -> float | None:
        """Return the seconds until the next attempt where there was no response; None: there is no next attempt."""
        return self._allowed(self._pause(0.05))

    def _pause(self, scale: float) -> float:
        """Return a random pause, twice as long after each attempt."""
        if self.random is None:
            from random import random  # noqa: PLC0415 - few calls need a second attempt

            self.random = random
        if self.mode == LEGACY:
            return self.random() * 2.0 ** (self.made - 1)
        return self.random() * min(scale * 2.0 ** (self.made - 1), _LONGEST)

    def _allowed(self, pause: float) -> float | None:
        return pause if self.made < self.most and pause < self.deadline.left() else None
