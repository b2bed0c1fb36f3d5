"""One connection of the agent's: its thread listens and answers, the server's loop gives signs of life in between."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from awsenv.agent import protocol

if TYPE_CHECKING:
    import socket

PATIENCE = 2.0
"""Seconds in which a client must have sent its request, and taken its answer."""

PULSE = 0.5
"""Seconds between two signs of life to a client that waits for its answer."""


class Connection:
    """A connection, and what is due on it.

    Args:
        connection: A stream socket; it belongs to the conversation from now on.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._speaking = threading.Lock()
        self._due = math.inf

    def listen(self, patience: float | None) -> list[bytes]:
        """Return the next request: a version and a verb at least. *patience* in seconds; None: for ever."""
        request = protocol.receive(self._connection, None if patience is None else time.monotonic() + patience)
        if len(request) < 2:  # noqa: PLR2004 - see above
            raise protocol.ProtocolError("a request without a verb")
        self._due = time.monotonic() + PULSE
        return request

    def say(self, parts: list[bytes]) -> None:
        """Answer with *parts*."""
        with self._speaking:
            self._due = math.inf
            deadline = time.monotonic() + PATIENCE
            try:
                protocol.send(self._connection, parts, deadline)
            except protocol.ProtocolError as error:
                protocol.send(self._connection, [b"failed", type(error).__name__.encode()], deadline)

    def pulse(self) -> None:
        """Tell the client that its answer is being worked on, if it has waited for long enough to wonder."""
        # Where the lock is held the answer is on its way.
        if time.monotonic() < self._due or not self._speaking.acquire(blocking=False):
            return
        try:
            if self._due < math.inf:
                self._due = time.monotonic() + PULSE
                protocol.send(self._connection, [b"busy"], self._due)
        except OSError:
            self._due = math.inf  # it has gone; its thread will notice
        finally:
            self._speaking.release()

    def close(self) -> None:
        """Close the connection."""
        with self._speaking:
            self._due = math.inf
            self._connection.close()
