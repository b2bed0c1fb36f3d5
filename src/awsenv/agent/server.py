"""The event loop of the agent: who may send requests, how they are replied to, and how long the agent lives.

The loop waits for clients, signals, the clock and the end of processes. Each request runs in a thread.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import threading
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv.agent import client
from awsenv.agent.client import TIMEOUT, NotAMessage, pack
from awsenv.agent.events import TICK, Alarm, call_when_readable, end_of, readable, watch
from awsenv.agent.listener import Listener, in_thread
from awsenv.agent.messages import is_closed, name_senders, received, refusal, send
from awsenv.agent.peer import Gone, peer
from awsenv.agent.start import BACKLOG
from awsenv.agent.term import boot_time
from awsenv.agent.waits import Waits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import FileIO

    from awsenv.agent.peer import Peer

    Reply = Callable[[bytes, list[bytes], Waits, Peer], list[bytes]]

PULSE = 0.5
"""Seconds between two signs of life to a client that waits for its reply."""

PRIVATE = "connection"
"""The first word of an agent that serves one command alone."""

MAX_WATCHING = 16
"""Clients that wait for news at most: far fewer than are served at once."""

MAX_SEALED = 96
"""Clients that are served at once before the agent refuses sealed ones, to keep places for the others."""

_CROWDED = client.Refused(
    "the agent is busy, and takes no more requests from sealed commands and containers now", "the same command later"
)

MAX_THREADS = 1000
"""Requests that run at once, including those whose clients have gone."""


@dataclass(frozen=True, slots=True)
class Life:
    """How long an agent lives, and what else depends on time."""

    lifetime: float = 0
    """Seconds that it lives at least."""
    idle: float = math.inf
    """Seconds without a request after which it ends all the same."""
    pid: int | None = None
    """The process without which it ends."""
    until: Callable[[], float] = float
    """When what it holds has ended, in seconds of `boot`."""
    is_empty: Callable[[], bool] = bool
    """Whether it holds nothing."""
    in_use: Callable[[], bool] = bool
    """Whether it serves a command by other means than its socket: until then it lives, and is not idle."""
    on_drop: Callable[[], object] = bool
    """Drops all secrets: called after SIGHUP or SIGUSR1."""
    tidy: Callable[[], float] = lambda: math.inf
    """Drops what has expired, and returns the seconds until more expires."""
    check_end: Callable[[Peer], object] = bool
    """Raises `client.Refused` if a process may not end the agent."""
    check_free: Callable[[Peer], object] = bool
    """Raises `client.Refused` if a process is sealed."""
    boot: Callable[[], float] = boot_time


def inherited(words: Sequence[str], reply: Reply, life: Life) -> Server:
    """Return the server that `start` has started this process for.

    Args:
        words: The arguments of `main` in the module of the agent.
        reply: As for `Server`.
        life: The part that does not depend on the words.
    """
    kind, descriptor, about, lifetime = words
    given = socket.socket(fileno=int(descriptor))
    given.set_inheritable(False)
    life = replace(life, lifetime=float(lifetime))
    if kind == PRIVATE:
        return Server(reply, connection=given, life=replace(life, pid=int(about)))
    return Server(reply, listening=given, life=replace(life, idle=float(about)))


class Server:
    """Replies to requests until its life is over.

    It replies to three verbs itself: PING, END_UNUSED, and END, which a client of any version may send. A client of
    another version gets this version. A client of another user, one that is slow and one that sends nonsense get no
    byte.

    Args:
        reply: Takes the verb, its parts and the process that has sent them, says what it waits for, and returns the
            parts of the reply. It is called in several threads at once. To `client.WATCH`, no parts are no reply yet.
            Of an exception the client gets the name of the class only, since the text may hold a secret.
        listening: A Unix socket that is bound; it belongs to the server from now on, as does its path.
        connection: Instead, one connection of the process that started this private agent.
        life: How long it lives.

    Raises:
        OSError: The path of the socket is gone.
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
        self._path: str | None = None
        self._watched: FileIO | None = None
        self._started = self._used = life.boot()
        if listening is not None:
            # Again, and by this process: the system then names it to the client as the one that listens.
            name_senders(listening)
            listening.listen(BACKLOG)
            self._path = listening.getsockname()
            self._file = os.lstat(listening.getsockname())
            self._watched = watch(listening.getsockname())
        self.loop = asyncio.new_event_loop()
        """The event loop, which is closed when the life is over."""
        self._over = self.loop.create_future()
        self._news = self.loop.create_future()
        self._watching = self._clients = 0
        self._alarm = Alarm(self.loop, self._look)
        self._at_work: set[asyncio.Future[bytes]] = set()

    def serve(self) -> None:
        """Reply until the life is over; in the main thread, until a signal asks to end, too."""
        with closing(self.loop), closing(self._alarm), self._watched or nullcontext(), self._listening or nullcontext():
            self.loop.run_until_complete(self._serve())

    def end(self) -> None:
        """Let `serve` return. Called from any thread."""
        with suppress(RuntimeError):  # it has returned
            self.loop.call_soon_threadsafe(self._end)

    def note_use(self) -> None:
        """Restart the idle time, and set the alarm anew. Called from any thread."""
        with suppress(RuntimeError):  # `serve` has returned
            self.loop.call_soon_threadsafe(self._note_use)

    def tell(self) -> None:
        """Reply to those who wait for news. Called from any thread."""
        with suppress(RuntimeError):  # `serve` has returned
            self.loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._news.set_result(None)
        self._news = self.loop.create_future()

    async def _serve(self) -> None:
        self._heed_signals()
        if self._watched is not None:
            call_when_readable(self.loop, self._watched, self._look)
        listener = None if self._listening is None else Listener(self._listening, self._serve_client)
        begun = [] if listener is None else [listener.run()]
        if self._connection is not None:
            begun.append(self._serve_owner(self._connection))
        if self._life.pid is not None:
            begun.append(self._end_with(self._life.pid))
        tasks = [self.loop.create_task(each) for each in begun]
        self._look()
        await self._over
        self._give_up_path()
        if listener is not None:
            # After a sleep, those in the queue are what the agent woke for.
            await listener.finish(TIMEOUT)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _heed_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self.loop.add_signal_handler(number, self._end)
            for number in (signal.SIGHUP, signal.SIGUSR1):
                self.loop.add_signal_handler(number, self._life.on_drop)

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    async def _end_with(self, pid: int) -> None:
        await end_of(pid)
        self._end()

    def _is_over(self) -> bool:
        return self._over.done() or self._left() <= 0 or self._has_lost_path()

    def _left(self) -> float:
        """Return how many seconds are left if no request comes."""
        if self._life.in_use():
            return math.inf
        now = self._life.boot()
        idle = math.inf if self._at_work else self._used + self._life.idle - now
        return min(idle, max(self._started + self._life.lifetime, self._life.until()) - now)

    def _note_use(self) -> None:
        self._used = self._life.boot()
        self._look()

    def _look(self) -> None:
        """End if the life is over; else drop what has expired, and set the alarm for what is due next."""
        if self._is_over():
            self._end()
        else:
            # Without inotify, check from time to time whether the path is lost.
            longest = TICK if self._path is not None and self._watched is None else math.inf
            self._alarm.set(min(self._life.tidy(), self._left(), longest))

    async def _serve_owner(self, connection: socket.socket) -> None:
        """Serve the process that started this private agent."""
        connection.settimeout(0)
        with connection, suppress(OSError, NotAMessage):
            while True:
                await self._exchange(connection, None)

    async def _serve_client(self, connection: socket.socket) -> None:
        if client.peer(connection)[0] != os.geteuid():
            return
        self._look()
        is_use = True
        self._clients += 1
        try:
            if self._clients > MAX_SEALED:
                self._life.check_free(peer(connection))
            is_use = await self._exchange(connection, TIMEOUT)
        except client.Refused:
            await send(connection, refusal(_CROWDED))
        except Gone:
            return
        finally:
            self._clients -= 1
            if is_use:
                self._note_use()

    async def _exchange(self, connection: socket.socket, seconds: float | None) -> bool:
        """Take one request within *seconds*, reply to it, and return whether the agent was used by that."""
        version, verb, *parts = await asyncio.wait_for(received(connection), seconds)
        if is_closed(connection):
            # It has given up: an agent that was stopped does not send its code to AWS much later.
            return True
        if self._over.done():
            await send(connection, pack([b"ended"]))
        elif verb == client.END or (verb == client.END_UNUSED and not self._at_work and self._life.is_empty()):
            await self._end_for(connection)
        elif verb == client.WATCH:
            await self._watch(connection, version, parts)
            return False
        elif len(self._at_work) < MAX_THREADS:
            await self._work(connection, version, verb, parts)
        return True

    async def _end_for(self, connection: socket.socket) -> None:
        """End, if the client may ask for that."""
        try:
            self._life.check_end(peer(connection))
        except client.Refused as refused:
            await send(connection, refusal(refused))
            return
        except Gone:
            return
        # First, so that the reader of the reply can start another agent.
        self._give_up_path()
        try:
            await send(connection, pack([b"ok"]))
        finally:
            self._end()

    async def _work(self, connection: socket.socket, version: bytes, verb: bytes, parts: list[bytes]) -> None:
        """Reply to a request, and say until then that the agent lives."""
        waits = Waits()
        work = in_thread(self._reply_to, connection, version, verb, parts, waits)
        self._at_work.add(work)
        work.add_done_callback(self._forget)
        ends = [work, self._over]
        while not (await asyncio.wait(ends, timeout=PULSE, return_when=asyncio.FIRST_COMPLETED))[0]:
            # It fails if the client has gone. The request runs on, and the agent holds what AWS gives.
            await send(connection, waits.frame)
        if work.done():
            await send(connection, work.result())

    async def _watch(self, connection: socket.socket, version: bytes, parts: list[bytes]) -> None:
        """Reply as soon as there is news. Until then, nothing wakes the agent."""
        if self._watching >= MAX_WATCHING:
            await send(connection, refusal(client.Refused("too many commands follow this agent already")))
            return
        self._watching += 1
        gone = self.loop.create_task(readable(connection))
        try:
            while not gone.done():
                news = self._news  # taken before the look, so that nothing is missed between the two
                frame = await in_thread(self._reply_to, connection, version, client.WATCH, parts, Waits())
                if frame != pack([b"ok"]) or self._over.done():
                    await send(connection, pack([b"ended"]) if self._over.done() else frame)
                    return
                await asyncio.wait([news, gone, self._over], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._watching -= 1
            gone.cancel()
            await asyncio.wait([gone])

    def _forget(self, work: asyncio.Future[bytes]) -> None:
        self._at_work.discard(work)
        self._note_use()  # the client may have gone long before

    def _reply_to(
        self, connection: socket.socket, version: bytes, verb: bytes, parts: list[bytes], waits: Waits
    ) -> bytes:
        """Return the frame of the reply."""
        if version != client.VERSION:
            return pack([b"version", client.VERSION])
        try:
            if verb in {client.PING, client.END_UNUSED}:
                return pack([b"ok"])
            reply = self._reply(verb, parts, waits, peer(connection))
            return pack([b"ok", *reply], client.REPLY_CAP)
        except client.Refused as refused:
            return refusal(refused)
        except BaseException as error:  # noqa: BLE001 - one request that fails must not end the agent
            return pack([b"failed", type(error).__name__.encode()])

    def _has_lost_path(self) -> bool:
        """Return whether another file, or none, is at the path of the socket."""
        if self._path is None:
            return False
        try:
            return not os.path.samestat(self._file, os.lstat(self._path))
        except OSError:
            return True

    def _give_up_path(self) -> None:
        if self._path is not None and not self._has_lost_path():
            Path(self._path).unlink(missing_ok=True)
        self._path = None
