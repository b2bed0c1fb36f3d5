"""Connections that are opened before they are needed, or kept for the next request."""

from __future__ import annotations

import time
from _thread import allocate_lock, start_new_thread

from awsenv.aws.connection import connect
from awsenv.aws.tcp import LONGEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable

    from awsenv.aws.connection import Address, Connection

KEPT = 30.0
"""Seconds that a connection is kept without a request.

AWS does not say how long STS keeps one. Its load balancers close a connection after 60 seconds by default (Elastic Load
Balancing, `idle_timeout`), the SDK for Java closes its own after as many, and IAM was seen to close after 50
(JuliaCloud/AWSCore.jl#35). What AWS closes earlier is noticed before a request is sent.
"""

_ASLEEP = 1.0
"""Seconds by which the clocks differ after a suspend, at least: the wall clock goes on meanwhile."""


class _Kept:
    """A connection, or one that is being opened.

    Args:
        now: The time, as `time.monotonic` has it.
        wall: The wall clock.
    """

    def __init__(self, now: float, wall: float) -> None:
        self.since = now
        self.awake = wall - now
        self.connection: Connection | None = None
        self.opening: LockType | None = None
        """Locked until the connection is open, or has failed."""
        self.is_dropped = False


def _is_ready(kept: _Kept) -> bool:
    """Tell whether a connection is on its way, or can be used."""
    if kept.connection is None:
        return kept.opening is not None and kept.opening.locked()
    return kept.connection.is_quiet() and not kept.connection.has_moved()


class Connections:
    """The connections of a process, by their address. Threads may share it.

    Args:
        now: The monotonic clock.
        wall: The wall clock, which counts the time of a suspend.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._now = now
        self._wall = wall
        self._kept: dict[Address, list[_Kept]] = {}
        self._early: dict[Address, float] = {}
        """The seconds that a connection may take, by the addresses to which one was opened early."""
        self._lock = allocate_lock()

    def __del__(self) -> None:
        """Close what is kept: nobody can take it any more."""
        self.close()

    def open_early(self, address: Address, seconds: float) -> None:
        """Open a connection in a thread, unless an unused one is there. A failure is not reported.

        Args:
            address: Where it leads.
            seconds: How long that may take.
        """
        self._early[address] = seconds
        with self._lock:
            kept = self._kept.get(address, [])
            if any(_is_ready(each) and (each.connection is None or not each.connection.was_used) for each in kept):
                return
        early = _Kept(self._now(), self._wall())
        early.opening = opening = allocate_lock()
        opening.acquire()
        ends = time.monotonic() + seconds

        def open_it() -> None:
            try:
                opened = connect(address, ends)
                with self._lock:
                    early.connection = opened
                    if early.is_dropped:
                        opened.close()
            except Exception:  # noqa: BLE001, S110 - `take` tries again, and tells why if that fails, too
                pass
            finally:
                opening.release()

        try:
            start_new_thread(open_it, ())
        except RuntimeError:
            # The system has reached a limit: the request says so.
            return
        with self._lock:
            self._kept.setdefault(address, []).append(early)

    def open_again(self) -> int:
        """Open early what the other side has closed since, or what was kept long enough, and return how many."""
        self.close_idle()
        with self._lock:
            gone = [address for address in self._early if not any(map(_is_ready, self._kept.get(address, [])))]
        for address in gone:
            self.open_early(address, self._early[address])
        return len(gone)

    def take(self, address: Address, ends: float, *, is_new: bool = False) -> Connection:
        """Return a connection that the other side has not closed: a kept one, one that was opened early, or a new one.

        Args:
            address: Where it leads.
            ends: When it must be open, as `time.monotonic` has it.
            is_new: Whether it must have carried no request: one that must not be lost is not sent over a connection
                that the other side may be about to close.

        Raises:
            Unanswered: None can be opened.
        """
        self.close_idle()
        while (kept := self._next(address, is_new=is_new)) is not None:
            if kept.opening is not None:
                # It is no longer in the list: it is this caller's, or nobody's.
                kept.opening.acquire(timeout=max(min(ends - time.monotonic(), LONGEST), 0))
            with self._lock:
                found, kept.is_dropped = kept.connection, kept.connection is None
            if found is None:
                continue
            if found.is_quiet() and not found.has_moved():
                return found
            found.close()
        return connect(address, ends)

    def keep(self, connection: Connection) -> None:
        """Keep a connection for the next request to its address, if another can follow."""
        if connection.is_open:
            kept = _Kept(self._now(), self._wall())
            kept.connection = connection
            with self._lock:
                self._kept.setdefault(connection.address, []).append(kept)

    def next_close(self) -> float | None:
        """Return when `close_idle` will have something to close, as the monotonic clock has it; None: never."""
        with self._lock:
            return min((kept.since + KEPT for each in self._kept.values() for kept in each), default=None)

    def close_idle(self) -> None:
        """Close what was kept long enough, and what was kept through a suspend."""
        now, awake = self._now(), self._wall() - self._now()
        self._drop(lambda kept: now >= kept.since + KEPT or abs(awake - kept.awake) > _ASLEEP)

    def close(self) -> None:
        """Close all that are kept, and those that are being opened as soon as they are open."""
        self._drop(lambda _kept: True)

    def _next(self, address: Address, *, is_new: bool) -> _Kept | None:
        """Return the kept connection that was used last, which is no longer kept; None: there is none."""
        with self._lock:
            found = self._kept.get(address, [])
            for place in reversed(range(len(found))):
                connection = found[place].connection
                if not is_new or connection is None or not connection.was_used:
                    return found.pop(place)
        return None

    def _drop(self, is_over: Callable[[_Kept], bool]) -> None:
        with self._lock:
            for address, found in list(self._kept.items()):
                over = [kept for kept in found if is_over(kept)]
                self._kept[address] = [kept for kept in found if kept not in over]
                if not self._kept[address]:
                    del self._kept[address]
                for kept in over:
                    kept.is_dropped = True
                    if kept.connection is not None:
                        kept.connection.close()
