"""Serves the clients of a socket, each in a task of the event loop, and calls what blocks in a thread."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from awsenv.agent.client import NotAMessage
from awsenv.agent.events import readable

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

MAX_CLIENTS = 128
"""Clients of one socket that are served at once; more wait in the queue of the socket."""

PAUSE = 0.5
"""Seconds until a descriptor may be free again."""


def in_thread(function: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
    """Return what *function* returns in a thread of its own.

    An executor would keep its threads, and the agent would wait for them at its end.
    """
    made: Future[T] = Future()
    made.set_running_or_notify_cancel()  # from here on, it cannot be cancelled

    def run() -> None:
        try:
            made.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 - it belongs to the task that waits
            made.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return asyncio.wrap_future(made)


class Listener:
    """Serves the clients of a listening socket, each in a task of its own.

    Args:
        listening: The socket.
        serve: Serves one client. A client that has gone, is too slow or sends nonsense is cut off.
    """

    def __init__(self, listening: socket.socket, serve: Callable[[socket.socket], Awaitable[None]]) -> None:
        listening.settimeout(0)
        self._listening = listening
        self._serve = serve
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve clients, until this is cancelled."""
        while True:
            # sock_accept would lose a connection that is accepted while this is cancelled.
            await readable(self._listening)
            try:
                self._start(self._listening.accept()[0])
            except BlockingIOError:  # the client has gone
                continue
            except OSError:  # no descriptor is free
                await asyncio.sleep(PAUSE)
            if len(self._tasks) >= MAX_CLIENTS:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def finish(self, seconds: float) -> None:
        """Serve the clients in the queue too, and wait for the end of all, at most *seconds*."""
        with suppress(OSError):
            while True:
                self._start(self._listening.accept()[0])
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    def _start(self, connection: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._run(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, asyncio.TimeoutError, NotAMessage):
            connection.settimeout(0)
            await self._serve(connection)
