"""The process at the other end of the agent's socket, as the kernel describes it.

Nothing here is taken from what the process says about itself: its arguments, its title and its environment are its
own to write. The path of its program, its parents, its working directory, its terminal, its user namespace and its
limits are not.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from dataclasses import dataclass
from fcntl import ioctl
from typing import TYPE_CHECKING

from awsenv import mark
from awsenv.agent import client

if TYPE_CHECKING:
    from collections.abc import Iterator

_SO_PEERPIDFD = 77
"""Linux 6.5: a descriptor of the very process that connected, even if its number has a new owner (socket(7))."""

MAX_PARENTS = 1000
"""Parents that a process may have. Any of them may decide what it gets, so one with more gets nothing."""

_LOOKS = 5
"""Attempts to read the parents of a process while they end."""

_NS_GET_PARENT = 0xB702
"""The request of ioctl(2) that opens the namespace above another (ioctl_nsfs(2))."""


_FIRST_SERIAL = 64
"""The minor number of /dev/ttyS0, which has the major number of the consoles."""


class Gone(Exception):  # noqa: N818 - its name says what happened
    """The process has ended: nothing can be said about it."""


class _Moved(Exception):  # noqa: N818 - its name says what happened
    """One of its parents has ended meanwhile, and its number may belong to another process now."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process. Another of the same number has another start."""

    pid: int
    started: int
    """Clock ticks from the start of the system (proc_pid_stat(5)); 0: the system does not say."""
    program: str | None
    """The path of the file that it executes; None: it hides that from other processes of its user."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that has sent a request, and where it runs."""

    processes: tuple[Process, ...]
    """The process, its parent, and so on."""
    folder: str | None = None
    """Its working directory, or that of the first parent that shows one; None: not known."""
    terminal: str | None = None
    """Its controlling terminal, such as `/dev/pts/3`; None: it has none."""
    session: int = 0
    """The process that leads its session; 0: not known."""
    namespaces: tuple[int, ...] = ()
    """The inodes of its user namespace, of the one above that, and so on, up to the agent's own or as far as they can
    be seen. Empty: it is in another namespace than the agent, which cannot be seen."""
    is_marked: bool = False
    """Whether it has the mark of a sealed process."""

    @property
    def process(self) -> Process:
        """The process itself."""
        return self.processes[0]

    @property
    def namespace(self) -> int | None:
        """The inode of its user namespace; None: it is not the agent's own, and cannot be seen."""
        return next(iter(self.namespaces), None)


def peer(connection: socket.socket) -> Peer:
    """Return the process at the other end of a connected Unix socket: the one that has called connect(2).

    On macOS, only its number is known.

    Raises:
        Gone: It has ended.
    """
    if sys.platform != "linux":
        return Peer((Process(client.peer(connection)[1], 0, None),), namespaces=(own_namespace(),))
    pid = client.peer(connection)[1]
    try:
        descriptor = _pidfd(connection, pid)
        try:
            found = _seen(pid)
            # If it still runs, what was read is about it, and not about a later process with the same number.
            has_ended = state(found.process) is None if descriptor is None else _is_over(descriptor)
        finally:
            if descriptor is not None:
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


def _pidfd(connection: socket.socket, pid: int) -> int | None:
    """Return a descriptor of the process; None: the system has none, before Linux 5.3 and in some containers.

    Raises:
        ProcessLookupError: It has ended.
    """
    try:
        return connection.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD)
    except OSError:
        pass
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except (AttributeError, OSError):  # the first: this Python was built without it
        return None


def _is_over(descriptor: int) -> bool:
    """Return whether the process of a pidfd has ended."""
    looks = select.poll()  # select(2) takes no descriptor above 1023
    looks.register(descriptor, select.POLLIN)
    return bool(looks.poll(0))


def _seen(pid: int) -> Peer:
    for _ in range(_LOOKS):
        try:
            return _described(pid)
        except _Moved:  # noqa: PERF203 - nearly always it is looked at once
            pass
    raise Gone


def _described(pid: int) -> Peer:
    processes = tuple(_lineage(pid))
    stat = _stat(pid)
    folders = (_link(process.pid, "cwd") for process in processes)
    return Peer(
        processes,
        folder=next(filter(None, folders), None),
        terminal=terminal(int(stat[4])),
        session=int(stat[3]),
        namespaces=tuple(_namespaces(pid)),
        is_marked=mark.is_in(_limits(pid)),
    )


def _lineage(pid: int) -> Iterator[Process]:
    """Yield a process and its parents.

    Raises:
        _Moved: One of them has ended meanwhile.
        Gone: There are too many.
    """
    stat = _stat(pid)
    for _ in range(MAX_PARENTS):
        yield Process(pid, int(stat[19]), _link(pid, "exe"))
        parent = int(stat[1])
        if parent == 0:
            return
        try:
            above = _stat(parent)
        except OSError:
            raise _Moved from None
        # It is still the parent, so it lived when it was read.
        if int(_stat(pid)[1]) != parent:
            raise _Moved
        pid, stat = parent, above
    raise Gone


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


def _limits(pid: int) -> bytes:
    """Return what /proc/PID/limits says; nothing: the system has no such file, as gVisor."""
    try:
        return _read(f"/proc/{pid}/limits")
    except FileNotFoundError:
        return b""


def _link(pid: int, name: str) -> str | None:
    """Return where a link of /proc/PID leads; None: the process cannot be dumped, or is in another container."""
    try:
        return os.readlink(f"/proc/{pid}/{name}")  # noqa: PTH115 - see `_read`
    except OSError:
        return None


def terminal(number: int) -> str | None:
    """Return the path of a terminal by its device number, as /proc/PID/stat and stat(2) have it."""
    major, minor = number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00
    first, last = 136, 143  # those of /dev/pts (Documentation/admin-guide/devices.txt of Linux)
    if first <= major <= last:
        return f"/dev/pts/{minor + (major - first) * 256}"
    if major == 4:  # noqa: PLR2004 - the consoles, and from the 64th on, the serial ports
        return f"/dev/tty{minor}" if minor < _FIRST_SERIAL else f"/dev/ttyS{minor - _FIRST_SERIAL}"
    return f"terminal {major}:{minor}" if number else None


def _namespaces(pid: int) -> Iterator[int]:
    """Yield the user namespace of a process, and those above it up to the own.

    The namespace of a process that cannot be dumped can be read only from above it. But anyone may read how it maps
    users: if it maps them as the agent's own does, it is that one, since every namespace below maps fewer.
    """
    own = own_namespace()
    try:
        descriptor = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    except (PermissionError, FileNotFoundError):  # the second: the system has none, or the process has ended
        if not own or _read(f"/proc/{pid}/uid_map") == _read("/proc/self/uid_map"):
            yield own
        return
    try:
        while (found := os.fstat(descriptor).st_ino) != own:
            yield found
            above = ioctl(descriptor, _NS_GET_PARENT)
            os.close(descriptor)
            descriptor = above
        yield own
    except PermissionError:
        pass  # what is above is not below the own
    finally:
        os.close(descriptor)
