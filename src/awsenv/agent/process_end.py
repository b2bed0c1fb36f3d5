"""Says when a process has ended, whosever child it is."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL = 5.0
"""Seconds between two looks at a process, where the system cannot tell of itself when it has ended."""


def when_gone(pid: int, call: Callable[[], None], *, interval: float = INTERVAL) -> None:
    """Call *call* once, in a thread of its own, when the process *pid* has ended; at once where it has already.

    A process that has ended counts as gone though its parent has not asked for its status yet, except where it is
    looked at every *interval* seconds: that is done only where there is neither a pidfd (Linux 5.3) nor a kqueue.

    Args:
        pid: Of any process, whatever its user. It must not have been waited for yet: its number may be another's then.
        call: Takes nothing and returns nothing.
        interval: Seconds.

    Raises:
        ValueError: *pid* is no process but a group of them, or all.
    """
    if pid <= 0:
        raise ValueError(pid)
    wait = _waiter(pid, interval)

    def watch() -> None:
        wait()
        call()

    threading.Thread(target=watch, name=f"watch-{pid}", daemon=True).start()


def _waiter(pid: int, interval: float) -> Callable[[], None]:
    """Return what waits for the end. The process is taken hold of here and now: its number may be given away later."""
    try:
        wait = _by_descriptor(pid)
    except OSError:
        wait = None  # it has ended already
    return wait or (lambda: _by_looking(pid, interval))


if sys.platform == "linux":

    def _by_descriptor(pid: int) -> Callable[[], None] | None:
        if not hasattr(os, "pidfd_open"):
            return None  # older than Linux 5.3
        descriptor = os.pidfd_open(pid)

        def wait() -> None:
            try:
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                poll.poll()
            finally:
                os.close(descriptor)

        return wait

elif hasattr(select, "kqueue"):

    def _by_descriptor(pid: int) -> Callable[[], None] | None:
        queue = select.kqueue()
        event = select.kevent(
            pid, filter=select.KQ_FILTER_PROC, flags=select.KQ_EV_ADD | select.KQ_EV_ONESHOT, fflags=select.KQ_NOTE_EXIT
        )
        try:
            queue.control([event], 0)
        except OSError:
            queue.close()
            raise

        def wait() -> None:
            try:
                queue.control(None, 1)
            finally:
                queue.close()

        return wait

else:

    def _by_descriptor(pid: int) -> Callable[[], None] | None:
        del pid
        return None


def _by_looking(pid: int, interval: float) -> None:
    while _is_there(pid):
        time.sleep(interval)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's, such as that of sudo
    return True
