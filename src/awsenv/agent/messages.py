"""The messages of the agent: each request comes whole, and from the process that has connected."""

from __future__ import annotations

import asyncio
import socket
import sys

from awsenv.agent import client
from awsenv.agent.client import TIMEOUT, NotAMessage, pack
from awsenv.agent.events import readable

_UCRED = 12
"""Bytes of `struct ucred` (unix(7)): a process, a user and a group."""


def name_senders(listening: socket.socket) -> None:
    """Let the kernel say of each message which process has sent it, on Linux. Connections inherit that."""
    if sys.platform == "linux":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)


def refusal(refused: client.Refused) -> bytes:
    """Return the reply that says why a process is refused."""
    return pack([b"refused", *(text.encode() for text in (refused.fact, *refused.hints))])


async def received(connection: socket.socket) -> list[bytes]:
    """Return the next request: a version and a verb at least.

    Only the process that has connected may send it: a connection can be inherited, and handed on.

    Raises:
        NotAMessage: It is none, or a process that has not connected has sent a part of it.
        OSError: The connection broke, or was closed.
    """
    says_who = sys.platform == "linux" and connection.getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED)
    pid = client.peer(connection)[1] if says_who else None
    frame = b""
    while size := client.missing(frame):
        chunk, sender = await _chunk(connection, size)
        if not chunk:
            raise ConnectionResetError
        if sender != pid:
            raise NotAMessage("a part from a process that has not connected")
        frame += chunk
    request = client.unpack(frame)
    if len(request) < 2:  # noqa: PLR2004 - see above
        raise NotAMessage("a request without a verb")
    return request


async def _chunk(connection: socket.socket, size: int) -> tuple[bytes, int | None]:
    """Return what comes next, and the process that has sent it, if the system says so of this socket."""
    await readable(connection)
    chunk, about, _, _ = connection.recvmsg(size, socket.CMSG_SPACE(_UCRED))
    sent = [data for _, kind, data in about if sys.platform == "linux" and kind == socket.SCM_CREDENTIALS]
    return chunk, int.from_bytes(sent[0][:4], sys.byteorder) if sent else None


async def send(connection: socket.socket, frame: bytes) -> None:
    """Send the whole of *frame* within `TIMEOUT`."""
    await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(connection, frame), TIMEOUT)


def is_closed(connection: socket.socket) -> bool:
    """Return whether the other end has closed a connection that does not block."""
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
