"""How long the agent may hold credentials: until they end by one of two clocks.

The wall clock is AWS's, and users can set it; the boot clock counts sleep, and nobody sets it. A clock that is set
back revives nothing, and one that is set forward ends too much at worst.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from math import inf

from awsenv.errors import AgentError
from awsenv.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Credentials

MARGIN = 60.0
"""Seconds: what ends sooner counts as ended, since it might end on its way to AWS."""

ADVISORY = 900
"""Seconds: a role with less left is renewed when a client requests it, as in botocore."""

AHEAD = 1200
"""Seconds: with less left a role is renewed in the background, before the SDKs (15 and 10 minutes) begin to insist."""

FRESH = 60
"""Seconds in which a new role is not renewed, whatever time a client needs."""

ENDLESS = 3600
"""Seconds that keys without an end are held before their source is read again."""

MAX_TITLE = 200
"""Characters of a title that are kept."""

MAX_SIZE = 65_536
"""Characters that credentials may have: a session token of AWS has about 1,000, a variable of Linux at most 131,072."""


def boot_time() -> float:
    """Return the seconds of a clock that cannot be set, and that goes on while the machine sleeps."""
    # On macOS that is CLOCK_MONOTONIC, which stops during sleep on Linux.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Clock:
    """The two clocks, each a function that returns seconds."""

    wall: Callable[[], float]
    """Since 1970, UTC: `time.time`."""
    boot: Callable[[], float]
    """Since any moment; counts sleep, and is never set."""


@dataclass(frozen=True, slots=True)
class Held:
    """A session or a role that is held, without its secrets."""

    kind: str
    """`session` or `role`."""
    title: str
    ends: datetime | None
    """In UTC; None: it does not expire."""


@dataclass(frozen=True, slots=True)
class Term:
    """Credentials, and until when each clock lets them live."""

    credentials: Credentials
    by_session: bool
    """Whether a role came by an MFA session, and not by a code of its own."""
    begun: float
    """When AWS was called, by the boot clock."""
    deadline: float
    """Their end by the boot clock."""
    ends: float
    """Their end by the wall clock."""
    life: float
    """Seconds that they live in all."""

    @classmethod
    def of(
        cls,
        credentials: Credentials,
        title: str,
        duration: float | None,
        clock: Clock,
        begun: float | None = None,
        *,
        by_session: bool = False,
    ) -> Term:
        """Return the credentials with the time when they end.

        A wall clock that is behind would let them live too long: they live no longer than was requested of AWS.

        Args:
            credentials: As AWS gave them.
            title: What the user knows them by.
            duration: Seconds that were requested of AWS; None: not known.
            clock: The two clocks.
            begun: When AWS was called, by the boot clock; None: now.
            by_session: Whether a role came by an MFA session.

        Raises:
            AgentError: They have ended, or are too large.
        """
        fields = (credentials.access_key_id, credentials.secret_access_key, credentials.session_token or "")
        if sum(map(len, fields)) > MAX_SIZE:
            raise AgentError(
                f"the credentials of {short(title)} are larger than {MAX_SIZE} characters",
                hint="check what the credential_process of the source prints",
            )
        wall, boot = clock.wall(), clock.boot()
        begun = boot if begun is None else begun
        if credentials.expiration is None:
            return cls(credentials, by_session, begun, begun + ENDLESS, inf, ENDLESS)
        ends = credentials.expiration.timestamp()
        deadline = boot + ends - wall
        if duration is not None:
            deadline = min(deadline, begun + duration)
        term = cls(credentials, by_session, begun, deadline, ends, duration or deadline - begun)
        if term.left(clock) <= 0:
            raise AgentError(
                f"the credentials of {short(title)} have expired by the clock of this machine",
                hint=("set the clock: timedatectl", "on macOS, sntp"),
            )
        return term

    def left(self, clock: Clock) -> float:
        """Return the seconds until their end."""
        return min(self.deadline - clock.boot(), self.ends - clock.wall())

    def lives(self, clock: Clock) -> bool:
        """Return whether they do not end at once."""
        return self.left(clock) > MARGIN

    def is_fresh(self, clock: Clock) -> bool:
        """Return whether AWS has just given them."""
        return 0 <= clock.boot() - self.begun < FRESH

    def expiration(self, clock: Clock) -> datetime | None:
        """Return when they end, in UTC; None: they have no end of their own."""
        if self.credentials.expiration is None:
            return None
        return datetime.fromtimestamp(clock.wall() + self.left(clock), timezone.utc)


def short(title: str) -> str:
    """Return *title*, cut to what the agent keeps of it."""
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…"
