"""Waits for the end of a process that is no child of this one."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from contextlib import closing, suppress
from io import FileIO
from typing import Any

INTERVAL = 5.0
"""Seconds between two looks at a process, where the system does not tell when it has ended."""


async def end_of(pid: int, *, interval: float = INTERVAL) -> None:
    """Wait for the end of the process *pid*, whatever its user and its parent.

    This does not wait for its parent to read its status, unless the system has neither a pidfd (Linux 5.3) nor a
    kqueue: there it looks at the process every *interval* seconds.

    Raises:
        ValueError: *pid* stands for a group of processes, or for all.
    """
    if pid <= 0:
        raise ValueError(pid)
    try:
        watched = _watched(pid)
    except (AttributeError, OSError):  # the system cannot, or the process has ended
        with suppress(ProcessLookupError):
            while True:  # no event comes
                with suppress(PermissionError):  # another user's, such as that of sudo
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
    """Return what can be read once the process has ended."""
    if sys.platform == "linux":
        return FileIO(os.pidfd_open(pid))
    queue = select.kqueue()
    event = select.kevent(
        pid, filter=select.KQ_FILTER_PROC, flags=select.KQ_EV_ADD | select.KQ_EV_ONESHOT, fflags=select.KQ_NOTE_EXIT
    )
    queue.control([event], 0)
    return queue
