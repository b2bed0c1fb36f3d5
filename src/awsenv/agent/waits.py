"""What a request waits for, as the agent tells its client again and again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from awsenv.agent.client import ASKS, BUSY, pack

if TYPE_CHECKING:
    from collections.abc import Iterator


class Waits:
    """What a request waits for. It is called in the threads of the request, as `awsenv.model.Waits` says."""

    def __init__(self) -> None:
        self._waits = [("the agent", False)]

    @property
    def frame(self) -> bytes:
        """The sign of life that says what began last, and has not ended."""
        text, asks = self._waits[-1]
        return pack([ASKS if asks else BUSY, text.encode(errors="replace")])

    @contextmanager
    def __call__(self, text: str, /, *, beside: bool = False) -> Iterator[None]:
        """Wait for *text* inside the context; *beside*: for somebody whom another program asks."""
        wait = text, beside
        self._waits.append(wait)
        try:
            yield
        finally:
            self._waits.remove(wait)
