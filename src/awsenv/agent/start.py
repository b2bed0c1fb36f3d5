"""Start an agent: exactly one, even if several commands start it at once; or a private one for a single command.

The socket listens before the process of the agent exists, so that no client connects too early.
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv.agent import client, runtime_directory
from awsenv.errors import AgentError, Origin

if TYPE_CHECKING:
    from awsenv.errors import Hint
    from awsenv.model import Environ

ROOT = str(Path(__file__).absolute().parents[2])
"""The folder that awsenv is installed in. Perhaps only the Python of this user looks there."""

BACKLOG = 128
"""Connections that may wait in the queue of the socket."""

AGAIN = "the same command again: awsenv works without an agent, too"

STARTING = 20.0
"""Seconds without a sign of life after which a new agent has failed: it may load from a slow disk."""

# Two forks, the first by `subprocess`: a child of the caller would be a child of the command that the caller becomes. A
# command that waits for all its children would then wait for the agent, which waits for the command.
# The agent runs this awsenv, even if another is installed where Python looks first.
_BOOT = """\
# The agent of awsenv.
import os, sys
if os.fork():
    os._exit(0)
try:
    root, entry, *words = sys.argv[1:]
    sys.path.insert(0, root)
    import awsenv
    sys.path.append(sys.path.pop(0))
    from awsenv.agent.harden import harden
    harden()
    from importlib import import_module
    import_module(entry).main(words)
finally:
    os._exit(0)
"""


def start(environ: Environ, entry: str, *, idle: float, lifetime: float) -> None:
    """Start the agent, unless one of this version runs. One of another version is ended and replaced.

    Args:
        environ: The environment of the caller, which says where the socket is. The agent itself inherits nothing.
        entry: The module whose `main(words)` is the agent; `server.inherited` takes the words.
        idle: Seconds without a request after which it ends.
        lifetime: Seconds that it lives, unless what it holds lives longer.

    Raises:
        AgentError: It cannot be started, or the agent that runs is stuck.
    """
    try:
        folder = runtime_directory.make(environ)
        with runtime_directory.lock(folder):
            if not _runs(folder):
                _start(folder, entry, idle, lifetime)
    except runtime_directory.Unsafe as unsafe:
        raise _failed(unsafe.fact, Origin(unsafe.path), hint=unsafe.hints) from None
    except client.Trouble as trouble:
        hint = trouble.hints or ("awsenv logout ends it", "end its process: kill")
        raise AgentError(trouble.fact, hint=hint) from None
    except OSError as error:
        origin = Origin(str(error.filename))
        raise _failed(error.strerror or str(error), origin, hint=runtime_directory.ELSEWHERE) from None


def private(entry: str, *, pid: int, lifetime: float) -> socket.socket:
    """Return a connection, for `client.ask`, to a new agent that serves this process alone.

    Args:
        entry: The module whose `main(words)` is the agent; `server.inherited` takes the words.
        pid: The process with which it ends. It does not end with the connection.
        lifetime: Seconds that it lives, unless what it holds lives longer.

    Raises:
        AgentError: It cannot be started.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            _spawn(entry, "connection", theirs, str(pid), str(lifetime))
        client.ask(ours, client.PING, [], timeout=STARTING)
    except (OSError, client.Trouble) as error:
        ours.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _failed(reason or "", hint=AGAIN) from None
    return ours


def end(environ: Environ, verb: bytes = client.END) -> None:
    """End the agent, if one runs and replies.

    Args:
        environ: The environment of the caller, which says where its socket is.
        verb: END or END_UNUSED.
    """
    with suppress(client.Trouble):
        client.ask(environ, verb, [])


def _failed(reason: str, *origins: Origin, hint: Hint) -> AgentError:
    return AgentError(f"the agent cannot be started: {reason}", *origins, hint=hint)


def _runs(folder: str) -> bool:
    """Return whether an agent of this version runs in *folder*, whose lock is held. One of another version ends."""
    try:
        _ask(folder, client.PING, client.TIMEOUT)
    except (FileNotFoundError, client.NoAgent):
        return False
    except ConnectionRefusedError:
        Path(runtime_directory.socket_in(folder)).unlink()
        return False
    except client.OtherVersion:
        # It removes its socket before it replies.
        _ask(folder, client.END, client.TIMEOUT)
        return False
    return True


def _start(folder: str, entry: str, idle: float, lifetime: float) -> None:
    path = Path(folder, runtime_directory.SOCKET)
    with socket.socket(socket.AF_UNIX) as listening:
        mask = os.umask(0o177)
        try:
            listening.bind(str(path))
        finally:
            os.umask(mask)
        try:
            listening.listen(BACKLOG)
            _spawn(entry, "listening", listening, str(idle), str(lifetime))
        except BaseException:
            path.unlink()
            raise
    try:
        _ask(folder, client.PING, STARTING)
    except (OSError, client.Trouble):
        # Without its socket it ends, should it start after all.
        path.unlink(missing_ok=True)
        raise AgentError("the agent does not start", hint=AGAIN) from None


def _ask(folder: str, verb: bytes, timeout: float) -> None:
    with closing(client.connect(folder, timeout)) as connection:
        client.ask(connection, verb, [], timeout=timeout)


def _spawn(entry: str, kind: str, inherited: socket.socket, *words: str) -> None:
    # Above those of the agent's input and output: where the caller has closed one, the socket may have its number.
    descriptor = fcntl.fcntl(inherited, fcntl.F_DUPFD_CLOEXEC, 3)
    process = subprocess.Popen(
        # Isolated: neither a variable nor a folder of the caller decides what it loads.
        [sys.executable, "-I", "-c", _BOOT, ROOT, entry, kind, str(descriptor), *words],
        pass_fds=[descriptor],
        # None of the caller's variables: they may be secrets, and they belong to one shell among many.
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        cwd="/",
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(descriptor)
    process.wait()
