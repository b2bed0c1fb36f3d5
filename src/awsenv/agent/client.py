"""Ask the agent. What can go wrong is `NoAgent`, which nobody is told, or `Trouble`, which is one note.

Imported by the fast path: nothing is loaded that Python's own start has not loaded, but `_socket`.
"""

from __future__ import annotations

import _socket
import os
import time

from awsenv import __version__
from awsenv.agent import protocol, runtime_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION = __version__.encode()
"""What is said first: client and agent must be of one version."""

PATIENCE = 2.0
"""After how many seconds without a sign of life an agent is stuck."""

LONGEST = 90.0
"""How many seconds an answer may take in all: AWS is asked with time-outs that add up to less."""

_RETRY = 0.01
_DYING = 0.2


class NoAgent(Exception):  # noqa: N818 - its name says what happened
    """No agent runs."""


class Trouble(Exception):  # noqa: N818 - its name says what happened
    """There is, or was, an agent, and no reply comes from it. Its text is the note: a sentence.

    Args:
        fact: What is so, as one sentence without a full stop.
        hint: The next step.
    """

    def __init__(self, fact: str, hint: str | None = None) -> None:
        super().__init__(fact if hint is None else f"{fact}; {hint}")
        self.fact = fact
        self.hint = hint

    is_lost = False
    """Whether it got the request, and nobody knows what it did."""


class Dead(Trouble):
    """The agent has died, and left its socket. The socket is removed, so that this is said once."""


class Lost(Trouble):
    """The connection broke, or what came by it is no reply; or none came in time."""

    is_lost = True


class OtherVersion(Trouble):
    """The agent is of another version of awsenv."""


def ask(environ: Mapping[str, str], verb: bytes, parts: Sequence[bytes], *, patience: float = PATIENCE) -> list[bytes]:
    """Return the agent's answer.

    Args:
        environ: The environment of the caller: it says where the agent's socket is.
        verb: What is asked for. Every agent knows `ping`, and those of every version know `end`.
        parts: What the verb needs.
        patience: How long to wait for each sign of life, in seconds.

    Raises:
        NoAgent: No agent runs.
        Trouble: No answer comes from it.
    """
    try:
        folder = runtime_directory.find(environ)
        if folder is None:
            raise NoAgent
        connection = _connection(folder, patience)
    except FileNotFoundError:
        raise NoAgent from None
    except runtime_directory.Unsafe as unsafe:
        raise Trouble(f"the agent is not used: {unsafe.fact}") from None
    try:
        return exchange(connection, verb, parts, patience=patience)
    except Lost:
        # If it has died at work, this is the one note of that. It takes a moment to be gone.
        _sweep(folder, _DYING)
        raise
    finally:
        connection.close()


def exchange(
    connection: _socket.socket,
    verb: bytes,
    parts: Sequence[bytes],
    *,
    patience: float = PATIENCE,
    longest: float = LONGEST,
) -> list[bytes]:
    """Return the answer of the agent at the other end of *connection*.

    Args:
        connection: As `start.private` returns it.
        verb: As for `ask`.
        parts: As for `ask`.
        patience: As for `ask`.
        longest: How long to wait in all, in seconds.

    Raises:
        NoAgent: It is at its end, and answers nothing any more.
        OtherVersion: It is of another version of awsenv.
        Trouble: No answer comes from it.
    """
    try:
        message = _message(connection, [VERSION, verb, *parts], patience, longest)
    except TimeoutError:
        raise Lost(f"the agent{_process(connection)} is stuck") from None
    except protocol.TooLarge as error:
        raise Trouble(f"the agent cannot be talked to: {error}") from None
    except protocol.ProtocolError as error:
        raise Lost(f"the agent cannot be talked to: {error}") from None
    except OSError as error:
        raise Lost(f"the agent is gone: {error.strerror}") from None
    status, *answer = message or [b""]
    if status == b"ok":
        return answer
    if status == b"ended":
        raise NoAgent
    shown = "".join([sign if sign.isprintable() else "?" for sign in b" ".join(answer)[:200].decode(errors="replace")])
    if status == b"version":
        raise OtherVersion(f"the agent is of awsenv {shown}, this is {__version__}", "awsenv login replaces it")
    raise Lost(f"the agent failed: {shown}" if status == b"failed" else "the agent sent an unexpected reply")


def connect(folder: str, deadline: float) -> _socket.socket:
    """Return a connection to the agent in *folder*, a folder that `runtime_directory` returned.

    Raises:
        FileNotFoundError: There is no socket.
        ConnectionRefusedError: Nobody listens at it any more.
        TimeoutError: The agent takes no more connections until *deadline*, in seconds of `time.monotonic`.
        runtime_directory.Unsafe: What is there is not a socket of ours, or another user listens at it.
    """
    path = runtime_directory.socket_in(folder)
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        _connect(connection, path, deadline)
    except BaseException:
        connection.close()
        raise
    return connection


def _connection(folder: str, patience: float) -> _socket.socket:
    try:
        return connect(folder, time.monotonic() + patience)
    except ConnectionRefusedError:
        _sweep(folder)
        raise Dead("the agent has died, and with it what it held", "awsenv login starts it again") from None
    except TimeoutError:
        raise Trouble("the agent is stuck") from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Trouble(f"the agent cannot be reached: {error.strerror}") from None


def _connect(connection: _socket.socket, path: str, deadline: float) -> None:
    while True:
        connection.settimeout(max(deadline - time.monotonic(), _RETRY))
        try:
            connection.connect(path)
            break
        except BlockingIOError:
            # Linux does not wait for a place in a full queue where there is a time-out.
            if time.monotonic() > deadline:
                raise TimeoutError from None
            time.sleep(_RETRY)
    if protocol.peer(connection)[0] != os.geteuid():
        raise runtime_directory.Unsafe(f"another user listens at {path}", path)


def _sweep(folder: str, patience: float = 0.0) -> None:
    """Remove the socket in *folder* if nobody listens at it, or stops to within *patience* seconds."""
    end = time.monotonic() + patience
    try:
        with runtime_directory.Lock(folder, wait=False):
            while _is_listened_at(folder):
                if time.monotonic() > end:
                    return
                time.sleep(_RETRY)
            os.unlink(os.path.join(folder, runtime_directory.SOCKET))
    except (OSError, runtime_directory.Unsafe):
        pass  # the start of the next agent removes it


def _is_listened_at(folder: str) -> bool:
    try:
        connect(folder, time.monotonic() + PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


def _message(connection: _socket.socket, request: list[bytes], patience: float, longest: float) -> list[bytes]:
    end = time.monotonic() + longest
    protocol.send(connection, request, time.monotonic() + patience)
    while True:
        message = protocol.receive(connection, min(end, time.monotonic() + patience), protocol.REPLY_CAP)
        if message != [b"busy"]:
            return message


def _process(connection: _socket.socket) -> str:
    try:
        pid = protocol.peer(connection)[1]
    except OSError:
        return ""
    # Of a pair of sockets both ends are those of the process that made them.
    return f" (process {pid})" if pid != os.getpid() else ""
