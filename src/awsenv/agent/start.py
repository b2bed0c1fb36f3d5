"""Start an agent: exactly one however many start it at once, or a private one for a single command.

The socket is listened at before the agent's process is there, so that no client comes too early.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv.agent import client, runtime_directory
from awsenv.errors import AgentError
from awsenv.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = str(Path(__file__).absolute().parents[2])
"""The folder that awsenv is installed in, perhaps one that only this person's Python looks in."""

BACKLOG = 128
"""How many connections wait to be taken."""

ELSEWHERE = ("correct the folder", "name another that is yours alone: AWSENV_RUNTIME_DIR")
"""What to do where the socket has no place."""

TRIED = "try again: awsenv works without an agent, too"

_STARTING = 20.0
"""After how many seconds an agent that does not answer yet has failed: its first load may be from a slow disk."""

# Two forks, the first by `subprocess`: a child of the caller's would be one of the command that the caller becomes, and
# a command that waits for all its children would wait for the agent, which waits for the command.
# awsenv is the one that starts it, even if another is installed where Python looks first.
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


def start(environ: Mapping[str, str], entry: str, *, idle: float, lifetime: float) -> None:
    """Start the agent, unless one of this version runs. One of another version is ended and replaced.

    Args:
        environ: The environment of the caller: it says where the agent's socket is. The agent itself inherits nothing.
        entry: The module whose `main(words)` is the agent; `server.inherited` takes the words.
        idle: After how many seconds without a request it ends.
        lifetime: How many seconds it lives, unless what it holds lives longer.

    Raises:
        AgentError: It cannot be started, or the agent that runs is stuck.
    """
    try:
        folder = runtime_directory.make(environ)
        with runtime_directory.Lock(folder):
            if not _runs(folder):
                _start(folder, entry, idle, lifetime)
    except runtime_directory.Unsafe as unsafe:
        raise AgentError(f"the agent cannot be started: {unsafe.fact}", Origin(unsafe.path), hint=ELSEWHERE) from None
    except client.Trouble as trouble:
        raise AgentError(
            trouble.fact, hint=trouble.hint or ("awsenv logout ends it", "end its process: kill")
        ) from None
    except OSError as error:
        raise AgentError(
            f"the agent cannot be started: {error.strerror}", Origin(str(error.filename)), hint=ELSEWHERE
        ) from None


def private(entry: str, *, pid: int, lifetime: float) -> socket.socket:
    """Return a connection, for `client.exchange`, to a new agent of nobody else's. It ends when process *pid* ends.

    Args:
        entry: The module whose `main(words)` is the agent; `server.inherited` takes the words.
        pid: The process that it is for. The connection may be closed before: it does not end by that.
        lifetime: How many seconds it lives at most, unless what it holds lives longer.

    Raises:
        AgentError: It cannot be started.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            _spawn(entry, "connection", theirs, str(pid), str(lifetime))
        client.exchange(ours, b"ping", [], patience=_STARTING)
    except BaseException as error:
        ours.close()
        if isinstance(error, OSError):
            raise AgentError(f"the agent cannot be started: {error.strerror}", hint=TRIED) from None
        if isinstance(error, client.Trouble):
            raise AgentError(f"the agent does not start: {error}", hint=TRIED) from None
        raise
    return ours


def _runs(folder: str) -> bool:
    """Say whether an agent of this version runs in *folder*, whose lock is held; no other does after this."""
    try:
        _ask(folder, b"ping", client.PATIENCE)
    except (FileNotFoundError, client.NoAgent):
        return False
    except ConnectionRefusedError:
        Path(runtime_directory.socket_in(folder)).unlink()
        return False
    except client.OtherVersion:
        # It removes its socket before it answers.
        _ask(folder, b"end", client.PATIENCE)
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
        _ask(folder, b"ping", _STARTING)
    except (OSError, client.NoAgent, client.Trouble):
        # Without its socket it ends, should it start after all.
        path.unlink(missing_ok=True)
        raise AgentError("the agent does not start", hint=TRIED) from None


def _ask(folder: str, verb: bytes, patience: float) -> None:
    connection = client.connect(folder, time.monotonic() + patience)
    try:
        client.exchange(connection, verb, [], patience=patience)
    finally:
        connection.close()


def _spawn(entry: str, kind: str, inherited: socket.socket, *words: str) -> None:
    descriptor = inherited.fileno()
    process = subprocess.Popen(
        # Isolated: no variable and no folder of the caller's says what it loads.
        [sys.executable, "-I", "-c", _BOOT, ROOT, entry, kind, str(descriptor), *words],
        pass_fds=[descriptor],
        # Of the caller's variables none: they may be secrets, and they are those of one shell among many.
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        cwd="/",
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    process.wait()
