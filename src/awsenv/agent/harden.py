"""Keep what awsenv holds in memory from core files and from other processes.

The limit of core files costs next to nothing, so every command sets it at once. Linux ignores a limit of zero where
/proc/sys/kernel/core_pattern is a pipe; for a limit of one byte it writes nothing anywhere (fs/coredump.c).
"""

from __future__ import annotations

import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PT_DENY_ATTACH = 31

_AT_START = resource.getrlimit(resource.RLIMIT_CORE)


def forbid_core_files() -> None:
    """Leave no core file from now on, whatever ends this process."""
    hard = _AT_START[1]
    resource.setrlimit(resource.RLIMIT_CORE, (1 if hard else 0, hard))


def allow_core_files() -> None:
    """Restore the limit of core files: the program that takes the place of this one is the user's own."""
    resource.setrlimit(resource.RLIMIT_CORE, _AT_START)


def forbid_dumps() -> None:
    """Make a client that reads keys undumpable, on Linux: execve(2) ends that. There is nothing like it on macOS.

    Raises:
        OSError: The system refuses it.
    """
    if sys.platform != "darwin":
        call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)


def allow_dumps() -> None:
    """Undo `forbid_dumps`, for who must look at this process: what it becomes can be dumped, and has its keys."""
    if sys.platform != "darwin":
        call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose parent has ended, on Linux; elsewhere, the first process does.

    In a container the first process may be no init, which leaves them as zombies for ever.
    """
    if sys.platform != "darwin":
        call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def harden() -> None:
    """Keep the agent from leaving core files, and processes of the same user from reading or tracing it.

    Root always can. On Linux, /proc/PID/mem and /proc/PID/environ belong to root from then on (measured).

    Raises:
        OSError: The system refuses it: better no agent than one that any process can read.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "darwin":
        call("ptrace", _PT_DENY_ATTACH, 0, None, 0)
    forbid_dumps()


def call(function: str, *arguments: Any) -> int:
    """Call *function* of the C library, and return what it returns.

    Args:
        function: Its name.
        arguments: Numbers, None for no pointer, bytes and values of ctypes.

    Raises:
        OSError: It returns -1.
    """
    import ctypes  # noqa: PLC0415 - it costs 3 ms, a fifth of the fast path

    # The arguments of a variadic function are as wide as it reads them.
    wide = [ctypes.c_ulong(argument) if isinstance(argument, int) else argument for argument in arguments]
    returned: int = getattr(ctypes.CDLL(None, use_errno=True), function)(*wide)
    if returned == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return returned
