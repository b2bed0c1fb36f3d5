"""Signals during what must not be cut short, and during what they must not miss."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def delayed(*numbers: signal.Signals) -> Iterator[Callable[[], None]]:
    """Delay the signals *numbers*, unless they are ignored, until the block has ended or calls the yielded function.

    A second SIGINT is not delayed.

    Raises:
        KeyboardInterrupt: At the end, if there was a SIGINT.
    """
    pending: list[int] = []
    handlers = {each: handler for each in numbers if (handler := signal.getsignal(each)) is not signal.SIG_IGN}

    def hold(number: int, _frame: object) -> None:
        if number == signal.SIGINT and number in pending:
            raise KeyboardInterrupt
        pending.append(number)

    def deliver() -> None:
        while handlers:
            signal.signal(*handlers.popitem())
        while pending:
            signal.raise_signal(pending.pop())

    for each in handlers:
        signal.signal(each, hold)
    try:
        yield deliver
    finally:
        deliver()


@contextmanager
def woken() -> Iterator[int]:
    """Yield a descriptor that can be read once a signal with a handler has come. Only for the main thread.

    Python runs the handler of a signal that comes just before a wait only after that wait, unless the wait is a
    `select` that includes this descriptor.
    """
    ends = os.pipe()
    try:
        for end in ends:
            os.set_blocking(end, False)
        before = signal.set_wakeup_fd(ends[1], warn_on_full_buffer=False)
        try:
            yield ends[0]
        finally:
            signal.set_wakeup_fd(before)
    finally:
        for end in ends:
            os.close(end)


def drain(descriptor: int) -> None:
    """Take everything from what `woken` has yielded."""
    with suppress(BlockingIOError):
        while os.read(descriptor, 4096):
            pass
