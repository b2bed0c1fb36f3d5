"""One connection of the agent: its thread listens and replies, the server's loop gives signs of life in between."""

from __future__ import annotations

import math
import socket
import threading
import time

from awsenv.agent import protocol

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
        if self._is_closed():
            # It has given up: an agent that was stopped does not send its code to AWS much later.
            raise ConnectionResetError
        self._due = time.monotonic() + PULSE
        return request

    def say(self, parts: list[bytes]) -> None:
        """Answer with *parts*."""
        with self._speaking:
            self._due = math.inf
            deadline = time.monotonic() + PATIENCE
            try:
                protocol.send(self._connection, parts, deadline, protocol.REPLY_CAP)
            except protocol.ProtocolError as error:
                protocol.send(self._connection, [b"failed", type(error).__name__.encode()], deadline)

    def pulse(self) -> bool:
        """Give the client a sign of life, if one is due, and return whether the client is still there."""
        # Where the lock is held the reply is on its way.
        if time.monotonic() < self._due or not self._speaking.acquire(blocking=False):
            return True
        try:
            if self._due < math.inf:
                self._due = time.monotonic() + PULSE
                protocol.send(self._connection, [b"busy"], self._due)
        except OSError:
            self._due = math.inf
            return False
        finally:
            self._speaking.release()
        return True

    def _is_closed(self) -> bool:
        self._connection.settimeout(0)
        try:
            return not self._connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Close the connection."""
        with self._speaking:
            self._due = math.inf
            self._connection.close()
