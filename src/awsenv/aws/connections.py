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
"""Seconds: a larger difference between the two clocks means a suspend, during which only the wall clock goes on."""


class _Entry:
    """A connection in the pool, open or opening.

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


def _is_ready(entry: _Entry) -> bool:
    """Return whether a connection is opening, or can be used."""
    if entry.connection is None:
        return entry.opening is not None and entry.opening.locked()
    return entry.connection.is_quiet() and not entry.connection.has_moved()


class Connections:
    """The connection pool of a process. Threads may share it.

    Args:
        now: The monotonic clock.
        wall: The wall clock, which counts the time of a suspend.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._now = now
        self._wall = wall
        self._entries: dict[Address, list[_Entry]] = {}
        self._early: dict[Address, float] = {}
        """The addresses to which a connection was opened early, each with the seconds that opening it may take."""
        self._generation = 0
        """How often `close` was called."""
        self._lock = allocate_lock()

    def __del__(self) -> None:
        """Close all connections: nobody can take them any more."""
        self.close()

    def open_early(self, address: Address, seconds: float) -> None:
        """Open a connection in a thread, unless an unused one is ready. Failures are silent: `take` reports them.

        Args:
            address: Where it leads.
            seconds: How long that may take.
        """
        self._early[address] = seconds
        with self._lock:
            entries = self._entries.get(address, [])
            if any(_is_ready(each) and (each.connection is None or not each.connection.was_used) for each in entries):
                return
        early = _Entry(self._now(), self._wall())
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
            except Exception:  # noqa: BLE001, S110 - `take` tries again, and reports a failure
                pass
            finally:
                opening.release()

        try:
            start_new_thread(open_it, ())
        except RuntimeError:
            # The system has reached a limit, which the request reports.
            return
        with self._lock:
            self._entries.setdefault(address, []).append(early)

    def open_again(self) -> int:
        """Replace the early connections that are closed or too old, and return how many were replaced."""
        self.close_idle()
        with self._lock:
            gone = [address for address in self._early if not any(map(_is_ready, self._entries.get(address, [])))]
        for address in gone:
            self.open_early(address, self._early[address])
        return len(gone)

    def take(self, address: Address, ends: float, *, is_new: bool = False) -> Connection:
        """Return a connection that the peer has not closed: a kept one, an early one or a new one.

        Args:
            address: Where it leads.
            ends: When it must be open, as `time.monotonic` has it.
            is_new: Whether to take only a connection that has carried no request. The peer may be about to close any
                other, and with it lose a request that cannot be sent twice.

        Raises:
            Unanswered: None can be opened.
        """
        generation = self._generation
        opened = self._taken(address, ends, is_new=is_new)
        opened.generation = generation
        return opened

    def _taken(self, address: Address, ends: float, *, is_new: bool) -> Connection:
        self.close_idle()
        while (entry := self._next(address, is_new=is_new)) is not None:
            if entry.opening is not None:
                # No other caller can get it: it is no longer in the list.
                entry.opening.acquire(timeout=max(min(ends - time.monotonic(), LONGEST), 0))
            with self._lock:
                connection, entry.is_dropped = entry.connection, entry.connection is None
            if connection is None:
                continue
            if connection.is_quiet() and not connection.has_moved():
                return connection
            connection.close()
        return connect(address, ends)

    def keep(self, connection: Connection) -> None:
        """Keep a connection for the next request to its address, if it is still open.

        If `close` was called since it was taken, close it.
        """
        if not connection.is_open:
            return
        entry = _Entry(self._now(), self._wall())
        entry.connection = connection
        with self._lock:
            if connection.generation == self._generation:
                self._entries.setdefault(connection.address, []).append(entry)
                return
        connection.close()

    def next_close(self) -> float | None:
        """Return when `close_idle` next has a connection to close, by the monotonic clock; None: there is none."""
        with self._lock:
            return min((entry.since + KEPT for entries in self._entries.values() for entry in entries), default=None)

    def close_idle(self) -> None:
        """Close the connections that are too old, and those from before a suspend."""
        now, awake = self._now(), self._wall() - self._now()
        self._drop(lambda entry: now >= entry.since + KEPT or abs(awake - entry.awake) > _ASLEEP)

    def close(self) -> None:
        """Close all connections; those that are opening or carry a request are closed afterwards."""
        self._generation += 1
        self._drop(lambda _entry: True)

    def _next(self, address: Address, *, is_new: bool) -> _Entry | None:
        """Take the latest entry out of the pool, with a used connection if possible; None: there is none.

        Unused connections are left for requests that must not go over a used one.
        """
        with self._lock:
            entries = self._entries.get(address, [])
            used = [entry for entry in entries if entry.connection is not None and entry.connection.was_used]
            unused = [entry for entry in entries if entry not in used]
            left = unused if is_new or not used else used
            if not left:
                return None
            entries.remove(left[-1])
            return left[-1]

    def _drop(self, is_over: Callable[[_Entry], bool]) -> None:
        with self._lock:
            for address, entries in list(self._entries.items()):
                over = [entry for entry in entries if is_over(entry)]
                self._entries[address] = [entry for entry in entries if entry not in over]
                if not self._entries[address]:
                    del self._entries[address]
                for entry in over:
                    entry.is_dropped = True
                    if entry.connection is not None:
                        entry.connection.close()
