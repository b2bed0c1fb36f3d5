"""What keeps the memory of awsenv, which holds secrets, from core files and from other processes."""

from __future__ import annotations

import ctypes
import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_DUMPABLE = 4
_PT_DENY_ATTACH = 31


def harden() -> None:
    """Keep the agent from leaving core files, and processes of the same user from reading or tracing it.

    Root always can. On Linux /proc/PID/mem and /proc/PID/environ belong to root from then on (measured). A limit on
    core files alone is not enough: the kernel ignores it where /proc/sys/kernel/core_pattern is a pipe.

    Raises:
        OSError: The system refuses it: better no agent than one that anybody reads.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "darwin":
        _call("ptrace", _PT_DENY_ATTACH, 0, None, 0)
    else:
        _forbid_dumps()


def forbid_core_files() -> Callable[[], None]:
    """Keep the client from leaving core files; return what allows them again.

    A command that takes the place of the client is a program of the user's own, and may be traced and leave core files
    as before. On Linux execve(2) sees to that.

    Raises:
        OSError: The system refuses it.
    """
    if sys.platform != "darwin":
        _forbid_dumps()
        return lambda: None
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_CORE, before)


def _forbid_dumps() -> None:
    # The arguments of a variadic function are as wide as it reads them.
    _call("prctl", _PR_SET_DUMPABLE, *[ctypes.c_ulong(0)] * 4)


def _call(function: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
