"""What keeps other processes, those of the same user too, from the agent's memory.

Not meant for the client: what it becomes by `exec` is a program of the person's own, which shall be debugged as before.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

_PR_SET_DUMPABLE = 4
_PT_DENY_ATTACH = 31


def harden() -> None:
    """Forbid core files, and that a process of the same user reads or traces this one. Root always can.

    On Linux /proc/PID/mem and /proc/PID/environ then belong to root (measured). A limit on core files alone would not
    do: the kernel does not heed it where /proc/sys/kernel/core_pattern is a pipe.

    Raises:
        OSError: The system refuses it: better no agent than one that anybody reads.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        done = library.ptrace(_PT_DENY_ATTACH, 0, None, 0)
    else:
        # The arguments of a variadic function are as wide as it reads them.
        done = library.prctl(_PR_SET_DUMPABLE, *[ctypes.c_ulong(0)] * 4)
    if done != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
