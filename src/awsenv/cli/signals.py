"""Signals during what must not be cut short."""

from __future__ import annotations

import signal
from contextlib import contextmanager

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
