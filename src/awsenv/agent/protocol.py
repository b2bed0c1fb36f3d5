"""How client and agent speak: a message is a list of byte strings, sent as one frame.

A frame is its body's length in four bytes, big-endian, and the body; the body is each part likewise, one behind the
other. Nothing in it needs a parser, so the client needs no `json`.

`_socket` and not `socket`, here and in `client`: the latter adds a class and costs 2.5 ms (measured), a sixth of what a
call that the agent answers may take in all.
"""

from __future__ import annotations

import _socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

CAP = 262_144
"""The largest body of a request, in bytes: as ssh-agent's. One variable of an environment may have 128 KiB."""

REPLY_CAP = 16 * CAP
"""The largest body of a reply: it may hold all of the request, quoted for a shell."""

_LENGTH = 4


class ProtocolError(Exception):
    """What was received, or is to be sent, is not a message."""


class TooLarge(ProtocolError):  # noqa: N818 - its name says what happened
    """A message is too large to be sent."""


def pack(parts: Sequence[bytes], cap: int = CAP) -> bytes:
    """Return the frame of the message *parts*.

    Raises:
        TooLarge: Its body has more than *cap* bytes.
    """
    body = b"".join([len(part).to_bytes(_LENGTH, "big") + part for part in parts])
    if len(body) > cap:
        raise TooLarge(f"a message of {len(body)} bytes, where {cap} are the most")
    return len(body).to_bytes(_LENGTH, "big") + body


def unpack(body: bytes) -> list[bytes]:
    """Return the parts of the message whose frame has this *body*.

    Raises:
        ProtocolError: A part is longer than what is left of the body.
    """
    parts = []
    at = 0
    while at < len(body):
        start = at + _LENGTH
        end = start + int.from_bytes(body[at:start], "big")
        if end > len(body):
            raise ProtocolError("a part that is longer than its message")
        parts.append(body[start:end])
        at = end
    return parts


def send(connection: _socket.socket, parts: Sequence[bytes], deadline: float, cap: int = CAP) -> None:
    """Send the message *parts*.

    Args:
        connection: A stream socket.
        parts: The message.
        deadline: When the last byte must be off, in seconds of `time.monotonic`.
        cap: The largest body, in bytes.

    Raises:
        TooLarge: The message is; nothing was sent.
        TimeoutError: The other side did not take it in time.
        OSError: The connection broke.
    """
    frame = pack(parts, cap)
    connection.settimeout(_left(deadline))
    connection.sendall(frame)


def receive(connection: _socket.socket, deadline: float | None, cap: int = CAP) -> list[bytes]:
    """Return the next message.

    Args:
        connection: A stream socket.
        deadline: When its last byte must be there, in seconds of `time.monotonic`; None to wait for ever.
        cap: The largest body, in bytes.

    Raises:
        ProtocolError: What came is no message, or the connection was closed before it was whole.
        TimeoutError: It was not whole in time.
        OSError: The connection broke.
    """
    length = int.from_bytes(_exactly(connection, _LENGTH, deadline), "big")
    if length > cap:
        raise ProtocolError(f"a message of {length} bytes, where {cap} are the most")
    return unpack(_exactly(connection, length, deadline))


def peer(connection: _socket.socket) -> tuple[int, int]:
    """Return the user and the process on the other side of a connected Unix socket.

    On the client's side that is who last called listen(2) for it.
    """
    if sys.platform == "darwin":
        # SOL_LOCAL is 0. LOCAL_PEERCRED, 1: version and user of `struct xucred`; LOCAL_PEERPID, 2.
        uid, pid = connection.getsockopt(0, 1, 76)[4:8], connection.getsockopt(0, 2, 4)
    else:
        # `struct ucred`: process, user, group.
        credentials = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
        uid, pid = credentials[4:8], credentials[:4]
    return int.from_bytes(uid, sys.byteorder), int.from_bytes(pid, sys.byteorder)


def _exactly(connection: _socket.socket, size: int, deadline: float | None) -> bytes:
    received = b""
    while len(received) < size:
        connection.settimeout(None if deadline is None else _left(deadline))
        chunk = connection.recv(size - len(received))
        if not chunk:
            raise ProtocolError("the connection was closed before a message was whole")
        received += chunk
    return received


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
