"""The mark of a sealed process: the hard limit of file locks, on Linux.

Every process inherits it, through execve(2), setsid(2) and the end of its parent, and nobody but the administrator can
raise it again (setrlimit(2)). It limits nothing: Linux has ignored it since 2.4.25.
"""

from __future__ import annotations

import resource
import sys

_LOCKS = 10
"""RLIMIT_LOCKS."""

OUTSIDE = "run it outside of awsenv exec --sealed"
"""The next step for a process that is refused because it is sealed."""

SEAL = b"seal"
"""The verb by which a process redeems its ticket: from then on, the agent gives it one role alone."""

VALUE = 0x5EA1ED
"""The limit of a sealed process. A lower one is the mark, too: a process may lower its own limit. Where no seal forbids
it, it may also lower that of any process of its user, such as the agent."""


def is_set() -> bool:
    """Return whether this process is sealed, and does not hide it."""
    return sys.platform == "linux" and 0 <= resource.getrlimit(_LOCKS)[1] <= VALUE  # infinity is -1


def check() -> None:
    """Check that awsenv may assume a role in this process: in a seal, only the agent that knows the seal may.

    Raises:
        AgentError: This process is sealed.
    """
    if is_set():
        from awsenv.errors import AgentError  # noqa: PLC0415 - few processes are sealed

        raise AgentError("this process is sealed, and no agent gives it this role", hint=OUTSIDE)


def put() -> None:
    """Mark this process."""
    if not is_set():
        resource.setrlimit(_LOCKS, (VALUE, VALUE))


def is_in(limits: bytes) -> bool:
    """Return whether the text of /proc/PID/limits shows the mark. If it lacks that limit, nothing is sealed by it."""
    _, hard, *_ = *limits.partition(b"Max file locks")[2].split(maxsplit=2), b"", b""
    return hard.isdigit() and int(hard) <= VALUE
