"""Sends the agent a request, and receives its reply.

Each is a message: a list of byte strings, sent as one frame. A frame is the length of its body in four bytes,
big-endian, and the body, which is each part in the same form. The client needs no `json` for that.

This is part of the fast path, and loads only `_socket`. `socket` would take 2.5 ms, a sixth of a whole command.
"""

from __future__ import annotations

import _socket
import os
import sys
import time

from awsenv import __version__
from awsenv.agent import runtime_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from awsenv.model import Environ

VERSION = __version__.encode()
"""The first part of a request: client and agent must be of one version."""

TIMEOUT = 2.0
"""Seconds without a sign of life after which an agent is stuck."""

LONGEST = 90.0
"""Seconds that a reply may take, besides those in which somebody is asked: the time-outs of AWS add up to less."""

CAP = 262_144
"""The largest body of a request, in bytes: as ssh-agent's. One variable of an environment may have 128 KiB."""

REPLY_CAP = 16 * CAP
"""The largest body of a reply: it may hold all of the request, quoted for a shell."""

PING = b"ping"
"""The verb of a request that only wants a reply."""

END = b"end"
"""The verb that ends the agent: agents of every version know it."""

END_UNUSED = b"end-unused"
"""The verb that ends the agent if it holds nothing, and no other client waits for it."""

WATCH = b"watch"
"""The verb of a request that waits for news, as long as it takes. It gets no sign of life, and the agent is idle."""

BUSY, ASKS = b"busy", b"asks"
"""What begins a sign of life: the agent works, or waits for an answer."""

_LENGTH = 4
_MOST = 256**_LENGTH - 1
_RETRY, _GLANCE, _DYING = 0.01, 0.001, 0.2


class Trouble(Exception):  # noqa: N818 - its name says what happened
    """There is, or was, an agent, and no reply comes from it.

    Args:
        fact: What happened, as one sentence without a full stop.
        hints: The next steps.
        origins: The path or the variable that is to be corrected.
        because: The cause, if it is established.
    """

    pid: int | None = None
    """The process of the agent, where only its end helps."""

    def __init__(self, fact: str, *hints: str, origins: Sequence[str] = (), because: str | None = None) -> None:
        super().__init__(fact)
        self.fact = fact
        self.hints = hints
        self.origins = origins
        self.because = because


class NoAgent(Trouble):
    """No agent runs, or it is at its end and replies to nothing any more."""


class Dead(Trouble):
    """The agent has died, and left its socket. The socket is removed, so that this is reported once."""


class Lost(Trouble):
    """The connection broke, or no valid reply came in time: the agent may have done what it was asked for."""


class Unanswered(Lost):
    """The agent has ended while it waited for a yes."""


class OtherVersion(Trouble):
    """The agent is of another version of awsenv."""


class Refused(Trouble):
    """The agent does not do this for this process, which is sealed, or in a container."""


class NotAMessage(ValueError):  # noqa: N818 - its name says what happened
    """The bytes are not a message."""


class TooLarge(NotAMessage):
    """The message is too large to be sent."""


def pack(parts: Sequence[bytes], cap: int = _MOST) -> bytes:
    """Return the frame of the message *parts*, which may be a part of another message.

    Raises:
        TooLarge: Its body has more than *cap* bytes.
    """
    body = b"".join([len(part).to_bytes(_LENGTH, "big") + part for part in parts])
    if len(body) > cap:
        raise TooLarge(f"a message of {len(body)} bytes, where {cap} are the most")
    return len(body).to_bytes(_LENGTH, "big") + body


def missing(received: bytes, cap: int = CAP) -> int:
    """Return how many bytes to receive next of the frame that *received* begins; 0 if it is whole.

    Raises:
        NotAMessage: Its body has more than *cap* bytes.
    """
    if len(received) < _LENGTH:
        return _LENGTH - len(received)
    length = int.from_bytes(received[:_LENGTH], "big")
    if length > cap:
        raise NotAMessage(f"a message of {length} bytes, where {cap} are the most")
    return _LENGTH + length - len(received)


def unpack(frame: bytes) -> list[bytes]:
    """Return the parts of the message in a whole *frame*.

    Raises:
        NotAMessage: A part is longer than the rest of the body.
    """
    parts, at = [], _LENGTH
    while at < len(frame):
        end = (start := at + _LENGTH) + int.from_bytes(frame[at:start], "big")
        if end > len(frame):
            raise NotAMessage("a part that is longer than its message")
        parts.append(frame[start:end])
        at = end
    return parts


def pack_texts(texts: Iterable[str]) -> bytes:
    """Return *texts*, words or variables of any bytes, as one part of a message."""
    return pack([os.fsencode(text) for text in texts])


def unpack_texts(packed: bytes) -> list[str]:
    """Return the texts that `pack_texts` has packed. Raises as `unpack` does."""
    return [os.fsdecode(text) for text in unpack(packed)]


def send(connection: _socket.socket, parts: Sequence[bytes], deadline: float) -> None:
    """Send the message *parts* before *deadline*, in seconds of `time.monotonic`.

    Raises:
        TooLarge: Nothing was sent.
        TimeoutError: The peer did not take it in time.
        OSError: The connection broke.
    """
    frame = pack(parts, CAP)
    connection.settimeout(_left(deadline))
    connection.sendall(frame)


def receive(connection: _socket.socket, deadline: float) -> list[bytes]:
    """Return the next message, complete before *deadline*, in seconds of `time.monotonic`.

    After the deadline, what has arrived still counts: after Ctrl-Z and `fg`, the reply is there and the time is over.

    Raises:
        NotAMessage: It is not one, or the connection was closed before it was complete.
        TimeoutError: It was not complete in time.
        OSError: The connection broke.
    """
    frame = b""
    while size := missing(frame, REPLY_CAP):
        connection.settimeout(max(deadline - time.monotonic(), _GLANCE))
        if not (chunk := connection.recv(size)):
            raise NotAMessage("the connection was closed before a message was whole")
        frame += chunk
    return unpack(frame)


def _left(deadline: float) -> float:
    if (left := deadline - time.monotonic()) <= 0:
        raise TimeoutError
    return left


def peer(connection: _socket.socket) -> tuple[int, int]:
    """Return the user and the process at the other end of a connected Unix socket.

    On the side of the client that is the process that last called listen(2) for it.
    """
    if sys.platform == "darwin":
        # SOL_LOCAL is 0. LOCAL_PEERCRED, 1: version and user of `struct xucred`; LOCAL_PEERPID, 2.
        uid, pid = connection.getsockopt(0, 1, 76)[4:8], connection.getsockopt(0, 2, 4)
    else:
        # `struct ucred`: process, user, group.
        credentials = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
        uid, pid = credentials[4:8], credentials[:4]
    return int.from_bytes(uid, sys.byteorder), int.from_bytes(pid, sys.byteorder)


def ask(
    agent: Environ | _socket.socket,
    verb: bytes,
    parts: Sequence[bytes],
    *,
    timeout: float = TIMEOUT,
    longest: float = LONGEST,
    waits_for: Callable[[str], object] = str,
    meanwhile: Callable[[], object] = bool,
) -> list[bytes]:
    """Return the reply of the agent.

    Args:
        agent: A connection to it; or the environment of the caller, which says where its socket is.
        verb: The kind of request: PING, END, END_UNUSED, or what only the entry point of the agent knows.
        parts: The rest of the request.
        timeout: Seconds to wait for each sign of life.
        longest: Seconds to wait in all.
        waits_for: Called with what the agent waits for, again and again.
        meanwhile: Called once while the agent works.

    Raises:
        NoAgent: No agent runs, or it is at its end and replies to nothing any more.
        OtherVersion: It is of another version of awsenv.
        Trouble: No reply comes from it.
    """
    request = [VERSION, verb, *parts]
    if isinstance(agent, _socket.socket):
        return _exchange(agent, request, timeout, longest, waits_for=waits_for, meanwhile=meanwhile)
    try:
        connection = connected(folder := runtime_directory.found(agent), timeout)
    except FileNotFoundError:
        raise no_agent(agent) from None
    except runtime_directory.Unsafe as unsafe:
        raise Trouble(f"the agent is not used: {unsafe.fact}", *unsafe.hints, origins=[unsafe.path]) from None
    try:
        return _exchange(connection, request, timeout, longest, waits_for=waits_for, meanwhile=meanwhile)
    except Lost:
        # If it has died at work, this reports it once. It takes a moment to be gone.
        _sweep(folder, _DYING)
        raise
    finally:
        connection.close()


def no_agent(environ: Environ) -> NoAgent:
    """Return the error that no agent is found. It says where one runs to which *environ* does not lead."""
    told = runtime_directory.told_elsewhere(environ)
    return NoAgent("no agent is running") if told is None else NoAgent(*told[:2], because=told[2])


def missed(environ: Environ) -> list[NoAgent]:
    """Return the one note on an agent of this user that *environ* does not lead to, or nothing."""
    return [none] if (none := no_agent(environ)).hints else []


def _exchange(
    connection: _socket.socket,
    request: Sequence[bytes],
    timeout: float,
    longest: float,
    *,
    waits_for: Callable[[str], object],
    meanwhile: Callable[[], object],
) -> list[bytes]:
    end, message = time.monotonic() + longest, [b""]
    try:
        _request(connection, request, time.monotonic() + timeout)
        meanwhile()
        while (message := _next(connection, min(end, time.monotonic() + timeout), message[0]))[0] in (BUSY, ASKS):
            waits_for(b"".join(message[1:]).decode())
            end = time.monotonic() + longest if message[0] == ASKS else end
    except TimeoutError:
        pid = _process(connection)
        lost = Lost("the agent is stuck" if pid is None else f"the agent (process {pid}) is stuck")
        lost.pid = pid
        raise lost from None
    except NotAMessage as error:
        kind = Trouble if isinstance(error, TooLarge) else Lost
        raise kind(f"the agent cannot be talked to: {error}") from None
    except OSError as error:
        raise Lost(f"the agent is gone: {error.strerror}") from None
    status, *reply = message
    if status == b"ok":
        return reply
    if status == b"ended":
        raise NoAgent("the agent has ended", "the same command again")
    if status == b"refused":
        raise Refused(*[text.decode(errors="replace") for text in reply or [b"the agent refused"]])
    shown = "".join([sign if sign.isprintable() else "?" for sign in b" ".join(reply)[:200].decode(errors="replace")])
    if status == b"version":
        raise OtherVersion(f"the agent is of awsenv {shown}, this is {__version__}", "awsenv login replaces it")
    raise Lost(f"the agent failed: {shown}" if status == b"failed" else "the agent sent an unexpected reply")


def _request(connection: _socket.socket, request: Sequence[bytes], deadline: float) -> None:
    """Send a request. An agent that refuses who connects may have replied and closed the connection before that."""
    try:
        send(connection, request, deadline)
    except ConnectionError:
        if not connection.recv(1, _socket.MSG_PEEK):
            raise


def _next(connection: _socket.socket, deadline: float, before: bytes) -> list[bytes]:
    """Return the next message of an agent whose last began with *before*. Raises as `receive` does."""
    try:
        return receive(connection, deadline) or [b""]
    except (NotAMessage, OSError):
        if before != ASKS:
            raise
    raise Unanswered("the agent ended before there was an answer", "awsenv login, then again")


def connect(folder: str, timeout: float) -> _socket.socket:
    """Return a connection to the agent in *folder*, a folder that `runtime_directory` returned.

    Raises:
        FileNotFoundError: There is no socket.
        ConnectionRefusedError: Nobody listens at it any more.
        TimeoutError: The agent takes no more connections within *timeout* seconds.
        runtime_directory.Unsafe: What is there is not a socket of ours, or another user listens at it.
    """
    path = runtime_directory.socket_in(folder)
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        _connect(connection, path, time.monotonic() + timeout)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(connection: _socket.socket, path: str, deadline: float) -> None:
    while True:
        connection.settimeout(_left(deadline))
        try:
            connection.connect(path)
            break
        except BlockingIOError:
            # Linux does not wait for a place in a full queue where there is a time-out.
            time.sleep(_RETRY)
    if peer(connection)[0] != os.geteuid():
        raise runtime_directory.Unsafe(f"another user listens at {path}", path)


def connected(folder: str, timeout: float) -> _socket.socket:
    """Return a connection as `connect` does. Raises Trouble in place of OSError, but for FileNotFoundError."""
    try:
        return connect(folder, timeout)
    except ConnectionRefusedError:
        _sweep(folder)
        raise Dead("the agent has died, and with it what it held", "awsenv login starts it again") from None
    except TimeoutError:
        raise Trouble("the agent is stuck") from None
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise Trouble(f"the agent cannot be reached: {error.strerror}") from None


def _sweep(folder: str, seconds: float = 0.0) -> None:
    """Remove the socket in *folder* if nobody listens at it any more, now or within *seconds*."""
    end = time.monotonic() + seconds
    try:
        with runtime_directory.lock(folder, wait=False):
            try:
                while True:
                    connect(folder, TIMEOUT).close()
                    time.sleep(min(_RETRY, _left(end)))
            except ConnectionRefusedError:
                os.unlink(f"{folder}/{runtime_directory.SOCKET}")
    except (OSError, runtime_directory.Unsafe):
        pass  # the start of the next agent removes it


def _process(connection: _socket.socket) -> int | None:
    try:
        pid = peer(connection)[1]
    except OSError:
        return None
    # Of a pair of sockets both ends are those of the process that made them.
    return pid if pid != os.getpid() else None
