"""TCP within limits of time: the lookup of a name, the first address that answers, sends and reads."""

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
"""Seconds before the next address of a host is tried beside one that does not answer (RFC 8305, section 8)."""

LONGEST = 86_400.0
"""Seconds: more than any limit, and few enough for the system."""


class NoThreadError(OSError):
    """The system starts no more threads."""


class Tcp:
    """A TCP connection, whose sends and reads end in time.

    Args:
        opened: The socket.
        ends: When any of them ends, as `time.monotonic` has it.
    """

    def __init__(self, opened: Socket, ends: float) -> None:
        self._socket = opened
        self.ends = ends
        self.silence = LONGEST
        """Seconds that the other side may be silent."""
        self.sent = 0
        """Bytes that the system has taken."""

    def send(self, data: bytes | memoryview) -> None:
        """Send all of *data*."""
        view = memoryview(data)
        while view:
            self._limit()
            sent = self._socket.send(view)
            self.sent += sent
            view = view[sent:]

    def receive(self) -> bytes:
        """Return the next bytes; none: the other side has closed the connection."""
        self._limit()
        return self._socket.recv(1 << 16)

    def is_quiet(self) -> bool:
        """Tell whether the other side has neither closed the connection nor sent anything."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def has_moved(self) -> bool:
        """Tell whether a new connection would start from another address: the network has changed.

        To a proxy, it is the way to the proxy that counts; on the loopback it stays the same.
        """
        own, peer = self._socket.getsockname(), self._socket.getpeername()
        family = AF_INET6 if ":" in own[0] else AF_INET
        probe = Socket(family, SOCK_DGRAM)
        try:
            # This sends nothing: the system chooses the address.
            probe.connect(peer)
            return bool(probe.getsockname()[0] != own[0])
        finally:
            probe.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __del__(self) -> None:
        """Close a connection that nobody holds any more."""
        self.close()

    def _limit(self) -> None:
        self._socket.settimeout(min(_left(self.ends), self.silence))


def encoded(name: str) -> bytes:
    """Return the name of a host as the system takes it.

    Raises:
        UnicodeError: There is no such name.
    """
    # Python loads its tables of Unicode to encode a text by itself.
    return name.encode("ascii" if name.isascii() else "idna")


def resolved(name: str, port: int, ends: float) -> list[Any]:
    """Return the addresses of a host as the system lists them.

    In a thread, since nothing ends a lookup.

    Args:
        name: The name or the address.
        port: The port.
        ends: When they must be there, as `time.monotonic` has it.

    Raises:
        OSError: The name does not resolve, or not in time.
        NoThreadError: The system starts no more threads.
    """
    try:
        # In bytes: Python would load its tables of Unicode to encode a text.
        host = encoded(name)
    except UnicodeError:
        raise gaierror(EAI_NONAME, "no name of a host") from None
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
    """Return the first connection to one of the addresses: with a head start for each, and both families in turn.

    Raises:
        OSError: No address answers; the error is that of the last.
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
                # OSError has a class for each kind.
                error, following = OSError(code, os.strerror(code)), 0.0
            _left(ends)
        raise error
    finally:
        for each in pending.values():
            each.close()


def _left(ends: float) -> float:
    """Return the seconds until *ends*.

    Raises:
        TimeoutError: There are none.
    """
    left = min(ends - time.monotonic(), LONGEST)
    if left <= 0:
        raise TimeoutError
    return left


def _started(found: Any) -> Socket:
    """Return a socket that is being connected.

    Raises:
        OSError: The system refuses at once.
    """
    family, kind, protocol, _, address = found
    opened = Socket(family, kind, protocol)
    try:
        opened.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        opened.setblocking(False)  # noqa: FBT003 - the name of the system
        opened.connect(address)
    except BlockingIOError:
        pass
    except BaseException:
        opened.close()
        raise
    return opened
