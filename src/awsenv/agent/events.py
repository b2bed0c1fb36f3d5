"""Events that wake the agent: the end of a process, a time, and the loss of a file.

Linux reports all three. On other systems the agent polls for some of them.
"""

from __future__ import annotations

import asyncio
import os
import select
import sys
import time
from contextlib import closing, suppress
from io import FileIO
from math import ceil, inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awsenv.agent.harden import call
from awsenv.agent.term import boot_time

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL = 5.0
"""Seconds between two checks of a process, where the system does not report its end."""

TICK = 60.0
"""Seconds between two checks of the boot clock and of a file, where the system does not report them."""

_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
"""TFD_NONBLOCK and TFD_CLOEXEC, IN_NONBLOCK and IN_CLOEXEC."""
_IN_ATTRIB, _IN_DELETE_SELF, _IN_MOVE_SELF = 0x4, 0x400, 0x800


async def end_of(pid: int, *, interval: float = INTERVAL) -> None:
    """Wait for the end of the process *pid*, of any user.

    Without a pidfd (Linux 5.3) or a kqueue, this checks every *interval* seconds, until the parent has read the status
    of the process.

    Raises:
        ValueError: *pid* stands for several processes.
    """
    if pid <= 0:
        raise ValueError(pid)
    try:
        watched = _watched(pid)
    except (AttributeError, OSError):  # the system has neither, or the process has ended
        with suppress(ProcessLookupError):
            while True:
                with suppress(PermissionError):  # the process of another user, such as sudo's
                    os.kill(pid, 0)
                await asyncio.sleep(interval)
        return
    with closing(watched):
        await readable(watched)


async def readable(file: Any) -> None:
    """Wait until *file* can be read, or has an error."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(file, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(file)


def _watched(pid: int) -> Any:
    """Return a file that becomes readable when the process ends."""
    if sys.platform == "linux":
        return FileIO(os.pidfd_open(pid))
    queue = select.kqueue()
    event = select.kevent(
        pid, filter=select.KQ_FILTER_PROC, flags=select.KQ_EV_ADD | select.KQ_EV_ONESHOT, fflags=select.KQ_NOTE_EXIT
    )
    queue.control([event], 0)
    return queue


class Alarm:
    """Calls a function in an event loop at a given time, or when the machine wakes if it slept then.

    The clock of asyncio stops while the machine sleeps. Where the system has no timer that counts sleep, this calls the
    function every `TICK` seconds.

    Args:
        loop: The event loop.
        function: Called without arguments; it sets the alarm again.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
        self._loop = loop
        self._function = function
        self._due = inf
        self._handle: asyncio.TimerHandle | None = None
        self._timer = _opened("timerfd_create", getattr(time, "CLOCK_BOOTTIME", None), _FLAGS)
        if self._timer is not None:
            call_when_readable(loop, self._timer, self._ring)

    def set(self, seconds: float) -> None:
        """Ring in *seconds*, unless an earlier time is set. Call this in the thread of the event loop."""
        if self._timer is None:
            seconds = min(seconds, TICK)
        due = boot_time() + seconds
        if due >= self._due:
            return
        self._due = due
        if self._timer is None:
            self._cancel()
            self._handle = self._loop.call_later(seconds, self._ring)
            return
        import ctypes  # noqa: PLC0415 - `call` has loaded it

        whole, part = divmod(max(1, ceil(seconds * 1e9)), 10**9)  # zero would stop the timer
        # `struct itimerspec`: the interval, and the time.
        call("timerfd_settime", self._timer.fileno(), 0, (ctypes.c_long * 4)(0, 0, whole, part), None)

    def close(self) -> None:
        """Cancel the alarm."""
        self._cancel()
        if self._timer is not None:
            self._loop.remove_reader(self._timer)
            self._timer.close()

    def _cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _ring(self) -> None:
        self._due = inf
        self._function()


def watch(path: str) -> FileIO | None:
    """Return a file that becomes readable when *path* may have been removed, moved or replaced.

    The same happens when its owner or mode, or those of its folder, change. None: the system does not report it.
    """
    watching = _opened("inotify_init1", _FLAGS)
    if watching is None:
        return None
    # IN_ATTRIB: removing a listening socket changes only its number of links.
    events = _IN_ATTRIB | _IN_DELETE_SELF | _IN_MOVE_SELF
    try:
        for each in (Path(path), Path(path).parent):
            call("inotify_add_watch", watching.fileno(), bytes(each), events)
    except OSError:
        watching.close()
        return None
    return watching


def call_when_readable(loop: asyncio.AbstractEventLoop, file: FileIO, function: Callable[[], object]) -> None:
    """Call *function* in the event loop *loop* whenever *file* is readable, after reading it."""

    def read() -> None:
        file.read(65_536)
        function()

    loop.add_reader(file, read)


def _opened(function: str, *arguments: int | None) -> FileIO | None:
    """Return the descriptor that a system call of Linux opens; None: this system has none."""
    if sys.platform != "linux":
        return None
    try:
        return FileIO(call(function, *arguments))
    except OSError:
        return None
