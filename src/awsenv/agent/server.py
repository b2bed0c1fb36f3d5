"""Who may ask the agent, how it answers them, and for how long it lives. What it answers is given to it.

One loop waits for connections and for the end; each connection has a thread, for as long as its one request takes.
"""

from __future__ import annotations

import math
import os
import selectors
import signal
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv.agent import client, process_end, protocol
from awsenv.agent.connection import PATIENCE, PULSE, Connection
from awsenv.agent.start import BACKLOG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Reply = Callable[[bytes, list[bytes]], list[bytes]]

TICK = 60.0
"""Seconds between two looks at the clock and at the socket, when nothing is asked."""

PRIVATE = "connection"
"""The first word of an agent that serves one command alone."""

MAX_CONNECTIONS = 128
"""How many requests are answered at once; more wait in the socket's queue."""


def boot_time() -> float:
    """Return seconds of a clock that nobody sets and that goes on while the machine sleeps."""
    # On macOS that is CLOCK_MONOTONIC, which stands still on Linux.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _nothing() -> None:
    pass


def _no() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Life:
    """How long an agent lives, and what else depends on time."""

    lifetime: float = 0
    """Seconds that it lives at least."""
    idle: float = math.inf
    """Seconds without a request after which it ends all the same."""
    pid: int | None = None
    """The process without which it ends."""
    until: Callable[[], float] = field(default=lambda: -math.inf)
    """When what it holds has ended, in seconds of `boot`; asked again and again."""
    is_empty: Callable[[], bool] = _no
    """Whether it holds nothing."""
    in_use: Callable[[], bool] = _no
    """Whether it serves somebody otherwise than by its socket: as long as it does it lives, and is not idle."""
    on_drop: Callable[[], None] = _nothing
    """Drops all secrets, at once: SIGHUP or SIGUSR1 has come."""
    on_tick: Callable[[], None] = _nothing
    """Drops what has expired: called once a minute, and first of all after the machine has slept."""
    boot: Callable[[], float] = boot_time


def inherited(words: Sequence[str], reply: Reply, life: Life) -> Server:
    """Return the server that `start` has started this process for.

    Args:
        words: What `main` of the agent's module was given.
        reply: As for `Server`.
        life: What of its life does not depend on the words.
    """
    kind, descriptor, about, lifetime = words
    given = socket.socket(fileno=int(descriptor))
    given.set_inheritable(False)
    life = replace(life, lifetime=float(lifetime))
    if kind == PRIVATE:
        return Server(reply, connection=given, life=replace(life, pid=int(about)))
    return Server(reply, listening=given, life=replace(life, idle=float(about)))


class Server:
    """Replys until its life is over.

    It answers two verbs itself: `ping`, and `end`, which it takes from a client of any version. A client of another
    version is told this one; one of another user, one that is slow and one that talks nonsense get not a byte.

    Args:
        reply: Gets the verb and its parts and returns the parts of the reply. Called in several threads at once. The
            client gets the kind of what it raises and nothing else, since the text may hold a secret.
        listening: A Unix socket that is bound; it belongs to the server from now on, as does its path.
        connection: Instead, one connection of the process that started this private agent.
        life: How long it lives.
    """

    def __init__(
        self,
        reply: Reply,
        *,
        listening: socket.socket | None = None,
        connection: socket.socket | None = None,
        life: Life,
    ) -> None:
        self._reply = reply
        self._listening = listening
        self._connection = connection
        self._life = life
        self._ended = False
        self._drops = False
        self._paused = False
        self._at_work = 0
        self._gave_up_path = False
        self._active: set[Connection] = set()
        self._changing = threading.Lock()
        self._started = self._used = self._ticked = life.boot()
        self._wakes, self._waker = socket.socketpair()
        self._wakes.settimeout(0)
        self._waker.settimeout(0)
        if listening is not None:
            listening.settimeout(0)
            # Again, and by this process: the system then names it to the client as the one that listens.
            listening.listen(BACKLOG)
            self._path = listening.getsockname()
            self._identity = _identity(self._path)

    def serve(self) -> None:
        """Reply until the life is over; in the main thread, until a signal asks to end, too."""
        if threading.current_thread() is threading.main_thread():
            self._heed_signals()
        if self._life.pid is not None:
            process_end.when_gone(self._life.pid, self.end)
        if self._connection is not None:
            self._start(self._connection, once=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakes, selectors.EVENT_READ)
            while not self._is_over():
                self._accept_from(selector)
                ready = selector.select(self._timeout())
                self._look_around()
                if any(key.fileobj is self._listening for key, _ in ready) and not self._is_over():
                    connection = self._accept()
                    if connection is not None:
                        self._start(connection, once=True)
        self._close()

    def end(self) -> None:
        """Let `serve` return. Called from any thread, and from a signal handler."""
        self._ended = True
        self._wake()

    def _heed_signals(self) -> None:
        # Handlers interrupt the loop at any place, with any lock held: they only leave word.
        def drop(_number: int, _frame: object) -> None:
            self._drops = True
            self._wake()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self.end())
        for number in (signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, drop)

    def _wake(self) -> None:
        # It is full, so the loop wakes; or it is closed, so there is none.
        with suppress(OSError):
            self._waker.send(b".")

    def _is_over(self) -> bool:
        return self._ended or self._left() <= 0 or self._lost_path()

    def _touch(self) -> None:
        """Count this moment as a request."""
        self._used = self._life.boot()

    def _left(self) -> float:
        """Return how many seconds are left, if nothing more is asked."""
        if self._life.in_use():
            return math.inf
        now = self._life.boot()
        idle = math.inf if self._active else self._used + self._life.idle - now
        return min(idle, max(self._started + self._life.lifetime, self._life.until()) - now)

    def _timeout(self) -> float:
        if self._active or self._paused:
            return PULSE
        return max(0.0, min(TICK, self._left()))

    def _look_around(self) -> None:
        """Do what is due at whatever the loop woke for."""
        with suppress(BlockingIOError):
            while self._wakes.recv(1024):
                pass
        if self._drops:
            self._drops = False
            self._life.on_drop()
        if self._life.in_use():
            self._touch()
        now = self._life.boot()
        # Backwards it never goes; where it does, what expires is looked at once too often.
        if not 0 <= now - self._ticked < TICK:
            self._ticked = now
            self._life.on_tick()
        for connection in tuple(self._active):
            if not connection.pulse():
                # Its thread goes on until AWS answers, and what AWS gives is held.
                self._give_up(connection)

    def _accept_from(self, selector: selectors.BaseSelector) -> None:
        """Wait for connections too, unless there are as many as can be."""
        if self._listening is None:
            return
        accepts = len(self._active) < MAX_CONNECTIONS and not self._paused
        self._paused = False
        if accepts and self._listening not in selector.get_map():
            selector.register(self._listening, selectors.EVENT_READ)
        elif not accepts and self._listening in selector.get_map():
            selector.unregister(self._listening)

    def _accept(self) -> socket.socket | None:
        """Return the next connection of our user; None if there is none now, or it was another user's."""
        if self._listening is None:
            return None
        try:
            connection, _ = self._listening.accept()
        except (BlockingIOError, ConnectionError):
            return None  # it has gone again
        except OSError:
            self._paused = True  # no descriptor is free: a little later
            return None
        try:
            is_ours = protocol.peer(connection)[0] == os.geteuid()
        except OSError:
            is_ours = False  # it has gone already: not every system tells then who it was
        if not is_ours:
            connection.close()
            return None
        return connection

    def _start(self, accepted: socket.socket, *, once: bool) -> None:
        connection = Connection(accepted)
        with self._changing:
            self._active.add(connection)
        self._touch()
        try:
            threading.Thread(target=self._reply_on, args=(connection, once), daemon=True).start()
        except RuntimeError:  # the system gives no more threads
            self._leave(connection)

    def _reply_on(self, connection: Connection, once: bool) -> None:  # noqa: FBT001 - a thread's argument
        try:
            while self._exchange(connection, PATIENCE if once else None) and not once:
                pass
        except (OSError, protocol.ProtocolError):
            pass  # the client is gone, or slow, or sends nonsense: it gets nothing
        finally:
            self._leave(connection)

    def _exchange(self, connection: Connection, patience: float | None) -> bool:
        """Take one request and reply to it; return whether another may come."""
        version, verb, *parts = connection.listen(patience)
        if verb == b"end" and not (parts and self._is_used()):
            # First, so that the reader of the reply can start another agent.
            self._give_up_path()
            try:
                connection.say([b"ok"])
            finally:
                self.end()
            return False
        with self._changing:
            self._at_work += 1
        reply = self._reply_to(version, verb, parts)
        with self._changing:
            self._at_work -= 1
        connection.say(reply)
        return True

    def _is_used(self) -> bool:
        """Return whether it holds something, or another client waits for a reply."""
        return self._at_work > 0 or not self._life.is_empty()

    def _reply_to(self, version: bytes, verb: bytes, parts: list[bytes]) -> list[bytes]:
        if verb == b"end":
            return [b"ok"]
        if version != client.VERSION:
            return [b"version", client.VERSION]
        if verb == b"ping":
            return [b"ok"]
        try:
            return [b"ok", *self._reply(verb, parts)]
        except BaseException as error:  # noqa: BLE001 - one request that fails must not end the agent
            return [b"failed", type(error).__name__.encode()]

    def _leave(self, connection: Connection) -> None:
        connection.close()
        self._touch()
        self._give_up(connection)

    def _give_up(self, connection: Connection) -> None:
        """Let another client have the place of *connection*."""
        with self._changing:
            was_full = len(self._active) >= MAX_CONNECTIONS
            self._active.discard(connection)
        if was_full:
            self._wake()

    def _lost_path(self) -> bool:
        """Say whether the path is not ours any more, though we have not given it up."""
        if self._listening is None or self._gave_up_path:
            return False
        return self._identity is None or _identity(self._path) != self._identity

    def _give_up_path(self) -> None:
        with self._changing:
            ours = self._listening is not None and not self._gave_up_path and not self._lost_path()
            # First: who asked for the end gets an answer before it comes.
            self._gave_up_path = True
            if ours:
                Path(self._path).unlink(missing_ok=True)

    def _turn_away(self) -> None:
        """Tell those who are in the queue that no agent runs any more: after a sleep they are what it wakes for."""
        deadline = time.monotonic() + PATIENCE
        while (connection := self._accept()) is not None:
            waiting = Connection(connection)
            with suppress(OSError, protocol.ProtocolError):
                waiting.listen(deadline - time.monotonic())
                waiting.say([b"ended"])
            waiting.close()

    def _close(self) -> None:
        self._give_up_path()
        self._turn_away()
        if self._listening is not None:
            self._listening.close()
        self._wakes.close()
        self._waker.close()


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
