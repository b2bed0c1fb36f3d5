"""A relay on loopback that makes a server far, and counts round trips, so that tests of them need no clock.

It delays all bytes by half a round trip in each direction, in order, and the first bytes of a connection until the TCP
handshake would be over. That takes a round trip on a network, in which a client can work, and none on loopback. A
client that works between the handshake and its first bytes gains that time here, but not on a network.
"""

from __future__ import annotations

import heapq
import select
import socket
import threading
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

_HANDSHAKE, _APPLICATION = 22, 23
"""Types of TLS records."""
_HEADER = 5
"""Bytes: the type, the version, the length."""
_SIDES = 2
_FINISHED = 69
"""Bytes: a record with the Finished of TLS 1.3, or with an alert, has no more. A request has."""


class Counts(NamedTuple):
    """What a relay has seen."""

    connections: int = 0
    round_trips: int = 0
    """How many a client has waited for: one for TCP, one or two for TLS, one for each response."""


@dataclass
class _Connection:
    """A connection: its two sockets, and their state."""

    client: socket.socket
    server: socket.socket
    asked: bool = False
    """Whether the client waits for a response."""
    start: bytes = b""
    """The beginning of a TLS record that is not complete yet."""
    is_tls: bool | None = None
    arrivals: dict[socket.socket, float] = field(default_factory=dict)
    """When the last bytes for each of the sockets arrive."""
    ends: int = 0
    """How many of the two sides have ended."""

    def close(self) -> None:
        """Close both sockets."""
        self.client.close()
        self.server.close()

    def asks(self, data: bytes) -> bool:
        """Return whether *data* of the client asks for a response: the Finished of TLS does not."""
        if self.is_tls is None:
            self.is_tls = data[0] == _HANDSHAKE
        if not self.is_tls:
            return True
        asks, self.start = False, self.start + data
        while len(self.start) >= _HEADER:
            size = int.from_bytes(self.start[3:_HEADER], "big")
            if len(self.start) < _HEADER + size:
                break
            asks |= self.start[0] == _HANDSHAKE or (self.start[0] == _APPLICATION and size > _FINISHED)
            self.start = self.start[_HEADER + size :]
        return asks


class Relay(AbstractContextManager["Relay"]):
    """A relay that listens on 127.0.0.1 until it is closed. One thread serves all connections.

    Args:
        port: The port of the server on 127.0.0.1.
        round_trip: The seconds of a round trip to it.
    """

    def __init__(self, port: int, round_trip: float = 0) -> None:
        self._address = ("127.0.0.1", port)
        self._round_trip = round_trip
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: dict[socket.socket, _Connection] = {}
        """By each socket that may still send bytes."""
        self._held: list[tuple[float, int, _Connection, socket.socket, bytes]] = []
        """The bytes on their way: when they arrive, a number that keeps the order, where, and the bytes; empty: EOF."""
        self._sent = 0
        self._counts = Counts()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        """Stop listening, and close all connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in (*self._connections.values(), *(held[2] for held in self._held)):
            connection.close()

    def take_counts(self) -> Counts:
        """Return what the relay has seen since the last call."""
        with self._lock:
            counts, self._counts = self._counts, Counts()
        return counts

    def _count(self, more: Counts) -> None:
        with self._lock:
            self._counts = Counts(*map(sum, zip(self._counts, more, strict=True)))

    def _run(self) -> None:
        while True:
            # The time-out of select is exact to the microsecond; others count milliseconds.
            wait = max(0, self._held[0][0] - time.monotonic()) if self._held else None
            ready = select.select([self._listener, *self._connections], [], [], wait)[0]
            now = time.monotonic()
            for each in ready:
                if each is not self._listener:
                    self._read(each, now)
                elif not self._accept():
                    return
            while self._held and self._held[0][0] <= time.monotonic():
                self._deliver(*heapq.heappop(self._held)[2:])

    def _accept(self) -> bool:
        """Accept a connection, and return whether the relay still listens."""
        try:
            client = self._listener.accept()[0]
        except OSError:
            return False
        try:
            server = socket.create_connection(self._address)
        except OSError:
            client.close()
            return True
        connection = _Connection(client, server)
        # On a network, nothing is sent before the handshake of TCP is over.
        connection.arrivals[server] = time.monotonic() + self._round_trip * 3 / 2
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[each] = connection
        self._count(Counts(connections=1, round_trips=1))
        return True

    def _read(self, source: socket.socket, now: float) -> None:
        """Read from *source*, and queue the bytes for delivery."""
        connection = self._connections[source]
        data = b""
        with suppress(ConnectionError):
            data = source.recv(1 << 16)
        from_client = source is connection.client
        target = connection.server if from_client else connection.client
        delay = self._round_trip / 2
        if not data:
            del self._connections[source]
        elif not from_client and connection.asked:
            connection.asked = False
            self._count(Counts(round_trips=1))
        elif from_client:
            connection.asked |= connection.asks(data)
        arrival = connection.arrivals[target] = max(now + delay, connection.arrivals.get(target, 0))
        self._sent += 1
        heapq.heappush(self._held, (arrival, self._sent, connection, target, data))

    @staticmethod
    def _deliver(connection: _Connection, target: socket.socket, data: bytes) -> None:
        with suppress(OSError):  # it has hung up
            if data:
                target.sendall(data)
            else:
                target.shutdown(socket.SHUT_WR)
        connection.ends += not data
        if connection.ends == _SIDES:
            connection.close()
