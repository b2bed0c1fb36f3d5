"""The mark of a sealed process: the hard limit of file locks, on Linux.

Every process inherits it, through execve(2), setsid(2) and the end of its parent, and nobody but the administrator can
raise it again (setrlimit(2)). It limits nothing: Linux has ignored it since 2.4.25.
"""

from __future__ import annotations

import resource
import sys

_INFINITE = float("inf")

_LOCKS = 10
"""RLIMIT_LOCKS."""

OUTSIDE = "run it outside of awsenv exec --sealed"
"""The next step of whoever is refused inside."""

SEAL = b"seal"
"""The verb by which a process that has got a ticket is sealed: from then on the agent gives it one role alone."""

VALUE = 0x5EA1ED
"""The limit of a sealed process."""


def limit() -> float:
    """Return the hard limit of this process; infinity: it is not limited."""
    hard = resource.getrlimit(_LOCKS)[1] if sys.platform == "linux" else resource.RLIM_INFINITY
    return _INFINITE if hard == resource.RLIM_INFINITY else hard


def is_set() -> bool:
    """Return whether this process is sealed, and does not hide it."""
    return limit() == VALUE


def check() -> None:
    """Check that awsenv may assume a role in this process: in a seal, the agent that made it decides about that.

    Raises:
        AgentError: This process is sealed.
    """
    if is_set():
        from awsenv.errors import AgentError  # noqa: PLC0415 - few processes are sealed

        raise AgentError("this process is sealed, and no agent gives it this role", hint=OUTSIDE)


def put() -> bool:
    """Mark this process, and return whether that tells it from its caller, unless that is marked."""
    before = limit()
    if before != VALUE:
        hard = int(min(VALUE, before - 1))
        if hard < 0:
            return False
        resource.setrlimit(_LOCKS, (hard, hard))
    return True


def of_limits(limits: bytes) -> float:
    """Return the hard limit in what /proc/PID/limits says."""
    hard = limits.partition(b"Max file locks")[2].split(maxsplit=2)[1]
    return _INFINITE if hard == b"unlimited" else int(hard)
