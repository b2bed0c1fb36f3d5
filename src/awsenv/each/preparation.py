"""Prepares jobs in threads: what takes long before a command can start is done ahead of its turn."""

from __future__ import annotations

import os
from _thread import allocate_lock, start_new_thread
from collections import deque
from contextlib import suppress
from queue import SimpleQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

    from awsenv.each.jobs import Ready

THREADS = 16
"""Jobs that are prepared at once."""


class Preparation:
    """Threads that prepare jobs, by their numbers.

    Args:
        prepare: Prepares a job.
        threads: How many threads there are.
    """

    def __init__(self, prepare: Callable[[int], Ready], threads: int) -> None:
        self._prepare = prepare
        self._threads = threads
        self._wanted: SimpleQueue[int | None] = SimpleQueue()
        self._made: deque[tuple[int, Ready | Exception]] = deque()
        self._lock = allocate_lock()
        self._is_over = False
        self.at_work = 0
        """How many jobs are being prepared."""
        self.news = self._writes = -1
        """A descriptor that can be read when one has been prepared."""

    def __enter__(self) -> Self:
        """Start the threads."""
        self.news, self._writes = os.pipe()
        for end in (self.news, self._writes):
            os.set_blocking(end, False)
        for _ in range(self._threads):
            start_new_thread(self._work, ())
        return self

    def __exit__(self, *error: object) -> None:
        """Let the threads end. Nobody waits for them: one may still wait for AWS."""
        for _ in range(self._threads):
            self._wanted.put(None)
        with self._lock:
            self._is_over = True
            os.close(self.news)
            os.close(self._writes)

    def want(self, number: int) -> None:
        """Let a thread prepare a job."""
        self.at_work += 1
        self._wanted.put(number)

    def made(self) -> Iterator[tuple[int, Ready | Exception]]:
        """Yield what has been prepared since."""
        while self._made:
            self.at_work -= 1
            yield self._made.popleft()

    def _work(self) -> None:
        while (number := self._wanted.get()) is not None:
            made: Ready | Exception
            try:
                made = self._prepare(number)
            except Exception as error:  # noqa: BLE001 - it belongs to the loop
                made = error
            self._made.append((number, made))
            # The loop may have news to read already.
            with self._lock, suppress(BlockingIOError):
                if not self._is_over:
                    os.write(self._writes, b"\0")
