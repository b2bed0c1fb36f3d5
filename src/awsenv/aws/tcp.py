"""TCP with time-outs: name lookup, the first address that accepts a connection, sends and reads."""

from __future__ import annotations

import os
import select
import time
from _socket import (
    AF_INET,
    AF_INET6,
    AI_NUMERICHOST,
    EAI_NONAME,
    IPPROTO_TCP,
    SO_ERROR,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_NODELAY,
    gaierror,
    getaddrinfo,
)
from _socket import socket as Socket  # noqa: N812 - it is a class
from _thread import allocate_lock, start_new_thread
from itertools import zip_longest
from math import ceil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

STAGGER = 0.25
"""Seconds to wait for an address before the next one is tried as well (RFC 8305, section 8)."""

LONGEST = 86_400.0
"""Seconds: longer than any time-out, and short enough for the system calls."""


_GLANCE = 0.001
"""Seconds to look at what has arrived, when the time is over."""


class NoThreadError(OSError):
    """The system starts no more threads."""


class Tcp:
    """A TCP connection whose sends and reads have a time limit.

    Args:
        opened: The socket.
        ends: The end of the time, on the clock of `time.monotonic`.
    """

    def __init__(self, opened: Socket, ends: float) -> None:
        self._socket = opened
        self.ends = ends
        self.silence = LONGEST
        """Seconds that the peer may be silent."""
        self.sent = 0
        """Bytes handed to the system."""

    def send(self, data: bytes | memoryview) -> None:
        """Send all of *data*."""
        view = memoryview(data)
        while view:
            self._socket.settimeout(min(_left(self.ends), self.silence))
            sent = self._socket.send(view)
            self.sent += sent
            view = view[sent:]

    def receive(self) -> bytes:
        """Return the next bytes; empty: the peer has closed the connection.

        When the time is over, what has arrived still counts: this process may have been stopped meanwhile.
        """
        self._socket.settimeout(max(min(self.ends - time.monotonic(), self.silence), _GLANCE))
        return self._socket.recv(1 << 16)

    def is_quiet(self) -> bool:
        """Return whether the peer has neither closed the connection nor sent anything."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def has_moved(self) -> bool:
        """Return whether the network has changed: a new connection would have another local address."""
        own, peer = self._socket.getsockname(), self._socket.getpeername()
        family = AF_INET6 if ":" in own[0] else AF_INET
        probe = Socket(family, SOCK_DGRAM)
        try:
            # This sends nothing: the system only chooses the local address.
            probe.connect(peer)
            return bool(probe.getsockname()[0] != own[0])
        finally:
            probe.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __del__(self) -> None:
        """Close the connection."""
        self.close()


def encoded(name: str) -> bytes:
    """Return a host name in the form that the system expects.

    Raises:
        UnicodeError: It is not a valid host name.
    """
    # The codec idna loads the Unicode tables.
    return name.encode("ascii" if name.isascii() else "idna")


def resolved(name: str, port: int, ends: float) -> list[Any]:
    """Return the addresses of a host in the order of the system.

    The lookup runs in a thread, since it has no time-out of its own.

    Args:
        name: The name or the address.
        port: The port.
        ends: The end of the time, on the clock of `time.monotonic`.

    Raises:
        OSError: The name does not resolve, or not in time.
        NoThreadError: The system starts no more threads.
    """
    try:
        # Bytes: for a text, Python loads the Unicode tables.
        host = encoded(name)
    except UnicodeError:
        raise gaierror(EAI_NONAME, "not a host name") from None
    try:
        return getaddrinfo(host, port, 0, SOCK_STREAM, 0, AI_NUMERICHOST)
    except gaierror:
        pass
    found: list[Any] = []
    done = allocate_lock()
    done.acquire()

    def resolve() -> None:
        try:
            found.append(getaddrinfo(host, port, 0, SOCK_STREAM))
        except BaseException as error:  # noqa: BLE001 - raised below
            found.append(error)
        done.release()

    try:
        start_new_thread(resolve, ())
    except RuntimeError:
        raise NoThreadError from None
    if not done.acquire(timeout=_left(ends)):
        raise TimeoutError
    if isinstance(found[0], BaseException):
        raise found[0]
    return list(found[0])


def first_open(found: list[Any], ends: float, meanwhile: Callable[[], None]) -> Socket:
    """Return the first connection that opens, alternating between the address families with a head start for each.

    Raises:
        OSError: None opens; the error is that of the last address.
    """
    preferred = [each for each in found if each[0] == found[0][0]]
    others = [each for each in found if each[0] != found[0][0]]
    waiting = [each for pair in zip_longest(preferred, others) for each in pair if each is not None]
    poll, pending = select.poll(), dict[int, Socket]()
    error: OSError = TimeoutError()
    following = 0.0
    try:
        while waiting or pending:
            now = time.monotonic()
            if waiting and (now >= following or not pending):
                following = now + STAGGER
                try:
                    opened = _started(waiting.pop(0))
                except OSError as refused:
                    error, following = refused, 0.0
                    continue
                pending[opened.fileno()] = opened
                poll.register(opened, select.POLLOUT)
                meanwhile()
            until = min(ends, following) if waiting else ends
            for number, _ in poll.poll(max(ceil((until - time.monotonic()) * 1000), 0)):
                opened = pending.pop(number)
                poll.unregister(number)
                code = opened.getsockopt(SOL_SOCKET, SO_ERROR)
                if not code:
                    return opened
                opened.close()
                # The constructor returns the subclass for the code, such as ConnectionRefusedError.
                error, following = OSError(code, os.strerror(code)), 0.0
            _left(ends)
        raise error
    finally:
        for each in pending.values():
            each.close()


def _left(ends: float) -> float:
    """Return the seconds until *ends*.

    Raises:
        TimeoutError: The time is over.
    """
    left = min(ends - time.monotonic(), LONGEST)
    if left <= 0:
        raise TimeoutError
    return left


def _started(found: Any) -> Socket:
    """Return a socket that is connecting.

    Raises:
        OSError: It failed at once.
    """
    family, kind, protocol, _, address = found
    opened = Socket(family, kind, protocol)
    try:
        opened.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        opened.setblocking(False)  # noqa: FBT003 - it takes no keyword
        opened.connect(address)
    except BlockingIOError:
        pass
    except BaseException:
        opened.close()
        raise
    return opened
