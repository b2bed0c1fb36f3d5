"""A command that runs: its output, cut into lines, and its process group."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from awsenv.each.jobs import Job

LONGEST_LINE = 1 << 16
"""Bytes after which a line is split, so that no output takes more memory than that."""


class Stream:
    """What a command writes to one of its descriptors."""

    def __init__(self, number: int, descriptor: int) -> None:
        self.number = number
        self.descriptor = descriptor
        self._rest = bytearray()

    def lines(self, data: bytes) -> bytes:
        """Return the whole lines that *data* ends; if it is empty, what is left. A line that is too long is split."""
        self._rest += data
        whole = bytearray()
        while len(self._rest) > LONGEST_LINE and self._rest.find(b"\n", 0, LONGEST_LINE + 1) < 0:
            whole += self._rest[:LONGEST_LINE] + b"\n"
            del self._rest[:LONGEST_LINE]
        end = self._rest.rfind(b"\n") + 1 if data else len(self._rest)
        whole += self._rest[:end]
        del self._rest[:end]
        return bytes(whole if whole.endswith(b"\n") or not whole else whole + b"\n")


class Running:
    """A command that runs, or that has left something behind."""

    def __init__(self, number: int, job: Job, pid: int, streams: Sequence[Stream], begun: float) -> None:
        self.number = number
        self.job = job
        self.pid = pid
        self.streams = list(streams)
        self.begun = begun
        self.status: int | None = None
        self.ended = 0.0
        self.is_stopped = False
        self._sent = 0

    def send(self, number: int) -> bool:
        """Send a signal to the process group, and return whether there is one."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def is_gone(self, now: float, linger: float) -> bool:
        """Return whether the ended command has left nothing behind; what stays longer than *linger* is ended."""
        with suppress(ChildProcessError):
            while os.waitpid(-self.pid, os.WNOHANG)[0]:
                pass  # it has left an orphan, which has ended
        stays = now - self.ended
        # Where nobody waits for orphans, what is killed stays for ever, as a zombie.
        if stays > 3 * linger or not self.send(0):
            return True
        due = signal.SIGKILL if stays > 2 * linger else signal.SIGTERM if stays > linger else 0
        if due not in {0, self._sent}:
            self.send(due)
            self._sent = due
        return False
