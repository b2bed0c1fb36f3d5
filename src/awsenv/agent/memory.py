"""What the agent holds: MFA sessions and roles, each until it ends, and one request to AWS for a role at a time.

Two clocks say when something has ended: the wall clock, which is what AWS goes by and what anyone may set; and the boot
clock, which nobody sets and which counts sleep. What either of them calls ended is dropped. So a clock that is put back
revives nothing, and one that is put forward drops at worst too much.

There is no input and no output in here but what a plan's `fetch` does.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from awsenv.errors import AgentError
from awsenv.model import AssumeRole

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Chain, Credentials

MARGIN = 60.0
"""Seconds: what ends sooner is not handed out any more, since it might end on the way to AWS."""

ADVISORY = 900
"""Seconds: a role with less left is renewed when it is asked for. botocore's own refresh window is the same."""

AHEAD = 1200
"""Seconds: with less left a role is renewed in the background, before the SDKs (15 and 10 minutes) begin to insist."""

FRESH = 60
"""Seconds: what AWS gave within them is not asked for again, however much of it somebody wants left."""

RETRY = 30
"""Seconds after a renewal that failed: so long what is held is good enough, if it is good at all."""

LONGEST = 60.0
"""Seconds that anybody waits for AWS. Its own time-outs are shorter; those of other sources need not be."""

ENDLESS = 3600
"""Seconds that keys without an end are held before their source is read again."""

MAX_ROLES = 1000
"""Roles that are held at most; the one that was asked for longest ago goes first."""

ROLE_DURATION = 3600
SESSION_DURATION = 43_200
"""Seconds that AWS gives where no duration is sent (API reference of STS)."""


class Clock(NamedTuple):
    """The two clocks, each a function that returns seconds."""

    wall: Callable[[], float]
    """Since 1970, UTC: `time.time`."""
    boot: Callable[[], float]
    """Since whenever; counts sleep, and is never set."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a role is got, and got again."""

    key: str
    """Equal for two plans exactly where AWS would give the same to both. Holds no secret."""
    label: str
    """What a person knows it by."""
    chain: Chain = field(repr=False)
    fetch: Callable[[], Credentials] = field(repr=False)
    """Asks AWS, and nobody for a code. Called in a thread of its own."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role as it is handed out."""

    id: str
    """By which it is asked for again: random, and the same for a plan's key while that is held. No secret."""
    plan: Plan
    credentials: Credentials
    left: float
    """Seconds until it ends, by the clock that says sooner."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a person may know of something that is held."""

    kind: str
    """`session` or `role`."""
    title: str
    ends: datetime | None
    """In UTC; None: it has no end of its own."""
    key: str = field(default="", compare=False, repr=False)
    """What it is held under."""


@dataclass(frozen=True, slots=True)
class _Lease:
    """Credentials, and until when each clock lets them live."""

    credentials: Credentials
    begun: float
    deadline: float
    ends: float
    life: float

    def left(self, clock: Clock) -> float:
        return min(self.deadline - clock.boot(), self.ends - clock.wall())


class _Flight:
    """One request to AWS, and what has come of it for all who wait."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.landed = threading.Event()
        self.lease: _Lease | None = None
        self.error: BaseException | None = None


class _Slot:
    """The place of a role: it stays when the credentials in it have ended, so that they can be got again."""

    def __init__(self, plan: Plan) -> None:
        self.id = secrets.token_hex(16)
        self.plan = plan
        self.lease: _Lease | None = None
        self.flight: _Flight | None = None
        self.retry_at = -inf


class Memory:
    """Sessions and roles. Any number of threads may use it at once.

    Args:
        clock: The two clocks.
        margin: Seconds; what has no more left counts as ended.
    """

    def __init__(self, clock: Clock, *, margin: float = MARGIN) -> None:
        self._clock = clock
        self._margin = margin
        self._lock = threading.Lock()
        self._slots: dict[str, _Slot] = {}
        self._sessions: dict[str, tuple[str, _Lease]] = {}
        self._until = 0.0

    def role(self, plan: Plan, *, min_remaining: float = 0) -> Role:
        """Return the role of *plan*: from memory where enough of it is left, else from AWS.

        Enough is more than *min_remaining* seconds, and more than a quarter of an hour or half of what it lived for.
        While AWS is asked, all others who ask for the same role wait, and share what comes of it. Where AWS cannot
        renew it, what is held is returned as long as it lives and has *min_remaining* left.

        Raises:
            Exception: What `fetch` raises. It is not kept: who comes later asks again.
            AgentError: AWS gave what has ended by the clock of this machine.
        """
        with self._lock:
            slot = self._slot(plan)
        return self._obtain(slot, min_remaining)

    def renewed(self, role_id: str, *, min_remaining: float = 0, patience: float = LONGEST) -> Role:
        """Return the role that was handed out as *role_id*, as `role` does.

        Where AWS takes more than *patience* seconds, what is held is returned if it lives; and AWS's answer, when it
        comes, is for whoever asks then.

        Raises:
            KeyError: It is not held, or not any more.
            Exception: As of `role`.
        """
        with self._lock:
            slot = self._known(role_id)
        return self._obtain(slot, min_remaining, patience)

    def served(self, role_id: str) -> Role:
        """Return the role that was handed out as *role_id* without delay, wherever it lives.

        It is renewed in the background when less than twenty minutes of it are left, or half of what it lived for. Only
        where it has ended does this wait for AWS: botocore waits two seconds for an answer.

        Raises:
            KeyError: It is not held, or not any more.
            Exception: As of `role`.
        """
        with self._lock:
            slot = self._known(role_id)
            lease = self._living(slot)
            if lease is not None:
                if self._is_due(slot, lease):
                    self._board(slot)
                return self._handed(slot, lease)
        return self._obtain(slot, 0)

    def keep(self, plan: Plan, credentials: Credentials) -> Role:
        """Hold *credentials* that somebody else has got from AWS, and return them as a role.

        Raises:
            AgentError: They have ended.
        """
        lease = self._lease(plan.label, credentials, _duration(plan.chain), self._clock.boot())
        with self._lock:
            slot = self._slot(plan)
            slot.lease = lease
            return self._handed(slot, lease)

    def keep_session(self, key: str, credentials: Credentials, title: str, *, duration: float | None = None) -> None:
        """Hold an MFA session until it ends, in place of the one of the same *key*.

        Args:
            key: Of the source, the device and the endpoint. Holds no secret.
            credentials: Of the session.
            title: What a person knows it by.
            duration: Seconds that AWS was asked for, which it never lives longer than; None: not known.

        Raises:
            AgentError: It has ended.
        """
        lease = self._lease(title, credentials, duration, self._clock.boot())
        with self._lock:
            self._sessions[key] = title, lease
            self._until = max(self._until, lease.deadline)

    def session(self, key: str) -> Credentials | None:
        """Return the MFA session; None where none is held, or what is held has ended."""
        with self._lock:
            if key not in self._sessions:
                return None
            _, lease = self._sessions[key]
            if self._lives(lease):
                return lease.credentials
            del self._sessions[key]
            return None

    def drop(self) -> None:
        """Forget everything. What AWS is being asked for goes to those who wait for it, and is not held."""
        with self._lock:
            for slot in self._slots.values():
                slot.lease = None
            self._slots.clear()
            self._sessions.clear()

    def drop_expired(self) -> None:
        """Forget what has ended. A role can still be asked for by its id: AWS is asked for it again."""
        with self._lock:
            for slot in self._slots.values():
                self._living(slot)
            self._sessions = {key: held for key, held in self._sessions.items() if self._lives(held[1])}

    def held(self) -> tuple[Held, ...]:
        """Return what is held and lives: sessions first, then roles, in the order in which they were last asked for."""
        with self._lock:
            sessions = [
                Held("session", title, self._ends(lease), key)
                for key, (title, lease) in self._sessions.items()
                if self._lives(lease)
            ]
            leases = [(slot.plan, self._living(slot)) for slot in self._slots.values()]
            roles = [Held("role", plan.label, self._ends(lease), plan.key) for plan, lease in leases if lease]
            return (*sessions, *roles)

    def until(self) -> float:
        """Return when the last session ends or would have ended, by the boot clock; 0 where there never was one."""
        with self._lock:
            return self._until

    def _obtain(self, slot: _Slot, min_remaining: float, patience: float = LONGEST) -> Role:
        with self._lock:
            lease = self._living(slot)
            if lease is not None and self._suffices(slot, lease, min_remaining):
                return self._handed(slot, lease)
            flight = self._board(slot)
        has_landed = flight.landed.wait(patience)
        with self._lock:
            lease = flight.lease
            if lease is not None and lease.left(self._clock) > 0:
                return self._handed(slot, lease)
            lease = self._living(slot)
            if lease is not None and lease.left(self._clock) > min_remaining:
                return self._handed(slot, lease)
        if not has_landed:
            raise AgentError(f"AWS has not given {slot.plan.label} yet", hint="try again")
        raise flight.error or _ended(slot.plan.label)

    def _fly(self, slot: _Slot, flight: _Flight) -> None:
        """Ask AWS, whatever comes of it, and tell all who wait."""
        plan, asked_at = flight.plan, self._clock.boot()
        try:
            flight.lease = self._lease(plan.label, plan.fetch(), _duration(plan.chain), asked_at)
        except BaseException as error:  # noqa: BLE001 - nobody shall wait for ever; each who waits raises it
            # Without its traceback: the frames of it hold keys.
            flight.error = error.with_traceback(None)
        with self._lock:
            slot.flight = None
            if flight.lease is None:
                slot.retry_at = self._clock.boot() + RETRY
            else:
                slot.lease = flight.lease
        flight.landed.set()

    # What follows is called with the lock held.

    def _slot(self, plan: Plan) -> _Slot:
        """Return the place of *plan*, made if it is missing, as the one that was asked for last."""
        slot = self._slots.pop(plan.key, None) or _Slot(plan)
        slot.plan = plan
        self._slots[plan.key] = slot
        if len(self._slots) > MAX_ROLES:
            del self._slots[next(iter(self._slots))]
        return slot

    def _known(self, role_id: str) -> _Slot:
        for slot in self._slots.values():
            if slot.id == role_id:
                return self._slot(slot.plan)
        raise KeyError(role_id)

    def _board(self, slot: _Slot) -> _Flight:
        """Return the request that is under way, or one that begins now, in a thread of its own: none waits for ever.

        Raises:
            RuntimeError: The system lets no thread begin.
        """
        if slot.flight is None:
            flight = _Flight(slot.plan)
            threading.Thread(target=self._fly, args=(slot, flight), daemon=True).start()
            slot.flight = flight
        return slot.flight

    def _living(self, slot: _Slot) -> _Lease | None:
        if slot.lease is not None and not self._lives(slot.lease):
            slot.lease = None
        return slot.lease

    def _lives(self, lease: _Lease) -> bool:
        return lease.left(self._clock) > self._margin

    def _suffices(self, slot: _Slot, lease: _Lease, min_remaining: float) -> bool:
        left = lease.left(self._clock)
        if left > max(min_remaining, min(ADVISORY, lease.life / 2)) or self._is_fresh(lease):
            return True
        return self._clock.boot() < slot.retry_at and left > min_remaining

    def _is_due(self, slot: _Slot, lease: _Lease) -> bool:
        """Say whether it is time to renew in the background."""
        if slot.flight is not None or self._clock.boot() < slot.retry_at or self._is_fresh(lease):
            return False
        return lease.left(self._clock) < min(AHEAD, lease.life / 2)

    def _is_fresh(self, lease: _Lease) -> bool:
        return 0 <= self._clock.boot() - lease.begun < FRESH

    def _handed(self, slot: _Slot, lease: _Lease) -> Role:
        return Role(slot.id, slot.plan, lease.credentials, lease.left(self._clock))

    def _lease(self, title: str, credentials: Credentials, duration: float | None, asked_at: float) -> _Lease:
        """Return the credentials with the time when they end; AWS was asked for them at *asked_at*, by the boot clock.

        A wall clock that is behind would let them live too long: they never live longer than what was asked for.
        """
        wall, boot = self._clock.wall(), self._clock.boot()
        if credentials.expiration is None:
            return _Lease(credentials, asked_at, asked_at + ENDLESS, inf, ENDLESS)
        ends = credentials.expiration.timestamp()
        deadline = boot + ends - wall
        if duration is not None:
            deadline = min(deadline, asked_at + duration)
        lease = _Lease(credentials, asked_at, deadline, ends, duration or deadline - asked_at)
        if lease.left(self._clock) <= 0:
            raise _ended(title)
        return lease

    def _ends(self, lease: _Lease) -> datetime | None:
        if lease.credentials.expiration is None:
            return None
        return datetime.fromtimestamp(self._clock.wall() + lease.left(self._clock), timezone.utc)


def _duration(chain: Chain) -> float | None:
    """Return the seconds that the last hop was asked for; None: nothing was asked for, the source tells."""
    if not chain.hops:
        return None
    hop = chain.hops[-1]
    default = ROLE_DURATION if isinstance(hop, AssumeRole) else SESSION_DURATION
    return default if hop.duration is None else hop.duration


def _ended(title: str) -> AgentError:
    return AgentError(
        f"the credentials of {title} have ended, by the clock of this machine",
        hint="set the clock: timedatectl, on macOS sntp; date -u shows it",
    )
