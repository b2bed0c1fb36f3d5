"""The process at the other end of the agent's socket, as the kernel describes it.

Nothing here is taken from what the process says about itself: its arguments, its title and its environment are its
own to write. The path of its program, its parents, its working directory, its terminal and its user namespace are not.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from awsenv.agent import client

if TYPE_CHECKING:
    from collections.abc import Iterator

_SO_PEERPIDFD = 77
"""Linux 6.5: a descriptor of the very process that connected, even if its number has a new owner (socket(7))."""

MAX_PARENTS = 64
"""How many parents are looked at."""


class Gone(Exception):  # noqa: N818 - its name says what happened
    """The process has ended, so that nothing about it can be said."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process. Another of the same number has another start."""

    pid: int
    started: int
    """Clock ticks from the start of the system (proc_pid_stat(5)); 0: the system does not say."""
    program: str | None
    """The path of the file that it executes; None: it keeps that from processes of its own user."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that has sent a request, and where it runs."""

    processes: tuple[Process, ...]
    """The process, its parent, and so on."""
    folder: str | None = None
    """Its working directory; None: not known."""
    terminal: str | None = None
    """Its controlling terminal, such as `/dev/pts/3`; None: it has none."""
    session: int = 0
    """The process that leads its session; 0: not known."""
    namespace: int | None = None
    """The inode of its user namespace; None: it is not the agent's own, and not known."""

    @property
    def process(self) -> Process:
        """The process itself."""
        return self.processes[0]


def peer(connection: socket.socket) -> Peer:
    """Return the process at the other end of a connected Unix socket: the one that has called connect(2).

    On macOS, that is its number alone.

    Raises:
        Gone: It has ended.
    """
    if sys.platform != "linux":
        return Peer((Process(client.peer(connection)[1], 0, None),), namespace=own_namespace())
    pid = client.peer(connection)[1]
    try:
        descriptor = _pidfd(connection, pid)
        try:
            found = _described(pid)
            # If it still runs, nothing was read of another process that has got its number.
            has_ended, _, _ = select.select([descriptor], [], [], 0)
        finally:
            os.close(descriptor)
    except (OSError, ValueError):
        raise Gone from None
    if has_ended:
        raise Gone
    return found


def state(process: Process) -> str | None:
    """Return the state of a process: a letter of proc_pid_stat(5); None: it has ended."""
    if sys.platform != "linux":
        try:
            os.kill(process.pid, 0)
        except ProcessLookupError:
            return None
        return "S"
    try:
        stat = _stat(process.pid)
    except OSError:
        return None
    letter = stat[0].decode()
    return None if int(stat[19]) != process.started or letter in "ZX" else letter


def own_namespace() -> int:
    """Return the inode of the user namespace of this process; 0 where the system has none."""
    try:
        return os.stat("/proc/self/ns/user").st_ino  # noqa: PTH116 - see `_read`
    except OSError:
        return 0


def _pidfd(connection: socket.socket, pid: int) -> int:
    try:
        return connection.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD)
    except OSError:
        return os.pidfd_open(pid)  # before Linux 6.5


def _described(pid: int) -> Peer:
    processes = tuple(_lineage(pid))
    stat = _stat(pid)
    folders = (_link(process.pid, "cwd") for process in processes)
    return Peer(
        processes,
        folder=next(filter(None, folders), None),
        terminal=_terminal(int(stat[4])),
        session=int(stat[3]),
        namespace=_namespace(pid),
    )


def _lineage(pid: int) -> Iterator[Process]:
    """Yield a process and its parents.

    Raises:
        Gone: One of them has ended meanwhile, and its number may have another owner.
    """
    stat = _stat(pid)
    for _ in range(MAX_PARENTS):
        yield Process(pid, int(stat[19]), _link(pid, "exe"))
        parent = int(stat[1])
        if parent == 0:
            return
        above = _stat(parent)
        # While it is the parent, it lives, so what was read is its own.
        if int(_stat(pid)[1]) != parent:
            raise Gone
        pid, stat = parent, above


def _stat(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat from the third on. The second, the name, may hold anything."""
    return _read(f"/proc/{pid}/stat").rpartition(b") ")[2].split()


def _read(path: str) -> bytes:
    """Return what a file of /proc says. `pathlib` and `open` would take most of the time that a reply takes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def _link(pid: int, name: str) -> str | None:
    """Return where a link of /proc/PID leads; None: the process cannot be dumped, or is in another container."""
    try:
        return os.readlink(f"/proc/{pid}/{name}")  # noqa: PTH115 - see `_read`
    except OSError:
        return None


def _terminal(number: int) -> str | None:
    """Return the path of a terminal by its device number, as /proc/PID/stat has it."""
    major, minor = number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00
    first, last = 136, 143  # those of /dev/pts (Documentation/admin-guide/devices.txt of Linux)
    if first <= major <= last:
        return f"/dev/pts/{minor + (major - first) * 256}"
    if major == 4:  # noqa: PLR2004 - the consoles
        return f"/dev/tty{minor}"
    return f"terminal {major}:{minor}" if number else None


def _namespace(pid: int) -> int | None:
    """Return the user namespace of a process.

    That of a process that cannot be dumped cannot be looked at, unless it is below the agent's own. Anyone may read how
    it maps users, and no namespace below maps as many as the one above it.
    """
    try:
        return os.stat(f"/proc/{pid}/ns/user").st_ino  # noqa: PTH116 - see `_read`
    except PermissionError:
        same = _read(f"/proc/{pid}/uid_map") == _read("/proc/self/uid_map")
        return own_namespace() if same else None
