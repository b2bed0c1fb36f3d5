"""The namespaces of a sealed process.

A child makes them, and this process joins, so a failure leaves this process as it was. Alone, a process that has left
its user namespace and may not write the map of the new one (AppArmor in Ubuntu 24.04, measured) has no user at all.
"""

from __future__ import annotations

import os
import stat
import time

from awsenv.agent import harden
from awsenv.sealing.plan import is_within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import NoReturn

    from awsenv.sealing.plan import Cover, Plan

_NEWNS, _NEWUSER = 0x20000, 0x10000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _SLAVE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 19
_RELATIME, _ST_RELATIME, _ST_KEPT = 1 << 21, 4096, 2 | 4 | 8 | 1024 | 2048
"""Flags of mount(2) that a namespace may not drop, and of statvfs(3): all but one have the same values."""
_PR_SET_DUMPABLE = 4

_THREADS = 10.0
"""Seconds to wait for other threads of this process: one may still try to open a connection."""


class Failed(Exception):  # noqa: N818 - its name says what happened
    """The system refuses to make the namespaces; the text names the call."""


def enter(plan: Plan) -> list[tuple[str, str]]:
    """Move this process into new namespaces, in which the covers of *plan* hide what they cover.

    Returns:
        What a sealed command can do all the same, and why.

    Raises:
        Failed: There are no such namespaces, and this process is where it was.
    """
    _await_threads()
    (reports, report), (ends, end) = os.pipe(), os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        raise Failed(f"fork: {error.strerror}") from None
    if not pid:
        os.close(end)
        _make(plan, report, ends)
    os.close(report)
    os.close(ends)
    try:
        with open(reports, "rb") as file:
            done, *texts = file.read().decode(errors="surrogateescape").split("\0")
        if done != "done":
            raise Failed(done or "the process that makes them ended")
        _join(pid)
    finally:
        os.close(end)
        try:  # noqa: SIM105 - contextlib costs an import
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass  # who started awsenv ignores SIGCHLD
    return list(zip(texts[::2], texts[1::2], strict=False))


def _await_threads() -> None:
    """Wait until this process has one thread: no other may change its user namespace."""
    last = time.monotonic() + _THREADS
    while len(os.listdir("/proc/self/task")) > 1:
        if time.monotonic() > last:
            raise Failed("awsenv still waits in another thread")
        time.sleep(0.001)


def _join(pid: int) -> None:
    # Not by a pidfd: setns(2) takes one since Linux 5.8 alone. And in its namespaces, it cannot open the other one.
    opened: list[int] = []
    step = f"/proc/{pid}/ns"
    try:
        opened.extend(os.open(f"{step}/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in ("user", "mnt"))
        step = "setns"
        for descriptor in opened:
            harden.call("setns", descriptor, 0)
    except OSError as error:
        raise Failed(f"{step}: {error.strerror}") from None
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _make(plan: Plan, report: int, ends: int) -> NoReturn:
    """Make the namespaces in this process, a child, and hold them until the other one has joined."""
    try:
        try:
            _unshare()
            failures = [*_fix(plan), *_cover(plan)]
            _unshare()
            text = "\0".join(["done", *(part for each in failures for part in each)])
        except Exception as error:  # noqa: BLE001 - the other process says it
            text = str(error) or type(error).__name__
        os.write(report, text.encode(errors="surrogateescape"))
        os.close(report)
        os.read(ends, 1)
    finally:
        os._exit(0)


def _unshare() -> None:
    """Enter new namespaces of users and of mounts, with the same user and group.

    Only a dumpable process may write its maps. Meanwhile, other processes of the user can read the memory of this copy
    of awsenv: unsealed ones, which could ask the agent anyway, but no sealed ones, which are in other namespaces.
    """
    uid, gid = os.geteuid(), os.getegid()
    step = "prctl"
    try:
        harden.call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)
        step = "unshare"
        harden.call("unshare", _NEWUSER | _NEWNS)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            step = f"/proc/self/{name}"
            descriptor = os.open(step, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)
        step = "mount"
        _mount(None, "/", None, _REC | _SLAVE)
    except OSError as error:
        raise Failed(f"{step}: {error.strerror}") from None


def _cover(plan: Plan) -> list[tuple[str, str]]:
    """Cover what *plan* hides, and return what fails, and why."""
    failures: list[tuple[str, str]] = []

    def attempt(fact: str, step: Callable[..., object], *arguments: object) -> bool:
        try:
            step(*arguments)
        except OSError as error:
            failures.append((fact, error.strerror or str(error)))
            return False
        return True

    opened = [(_opened(source), target) for source, target in plan.sockets]
    done: dict[str, Cover] = {}
    for path, cover in _existing(plan):
        above = [before for each, before in done.items() if is_within(path, each)]
        is_hidden = bool(above) and not (cover.is_made and above[-1].is_private)
        if is_hidden or (cover.is_made and not _make_folder(path)):
            continue
        if attempt(f"a sealed command sees {path}", _mount_over, path, cover):
            done[path] = cover
    for descriptor, target in opened:
        if descriptor is not None:
            attempt(f"a sealed command does not find {target}", _bind_socket, descriptor, target)
    flags = _REMOUNT | _RDONLY | _NOSUID | _NODEV | _NOEXEC
    for path, cover in done.items():
        if not cover.is_private and os.path.isdir(path):
            attempt(f"a sealed command writes to {path}", _mount, None, path, None, flags)
    return failures


def _fix(plan: Plan) -> Iterator[tuple[str, str]]:
    """Keep the paths of agents: mount the folders above them on themselves. Yield what can still change, and why."""
    for path in _movable(plan):
        try:
            _mount(path, path, None, _BIND | _REC)
        except OSError as error:  # noqa: PERF203 - seldom one
            yield f"a sealed command renames {path}", error.strerror or str(error)
    links: set[str] = set()
    for path in plan.fixed:
        _note_links(os.path.abspath(path), links)
    for link in sorted(links):
        if os.access(os.path.dirname(link), os.W_OK):
            yield f"a sealed command replaces {link}", "nothing can be mounted on a link"


def _movable(plan: Plan) -> list[str]:
    """Return the folders above those of agents that the command could rename, each before those in it.

    A folder in which something is mounted can be renamed, and one made in its place; one that is a mount cannot. The
    home stays as it is, since no file is renamed across a mount.
    """
    found: set[str] = set()
    own = os.path.realpath(plan.home)
    for path in map(os.path.realpath, plan.fixed):
        while (path := os.path.dirname(path)) != "/" and not is_within(own, path):
            above = os.path.dirname(path)
            if above != "/" and os.path.isdir(path) and os.access(above, os.W_OK):
                found.add(path)
    return sorted(found)


def _note_links(path: str, links: set[str]) -> None:
    """Add the symbolic links that *path* leads through."""
    while path != "/":
        above = os.path.dirname(path)
        if path not in links and os.path.islink(path):
            links.add(path)
            _note_links(os.path.normpath(os.path.join(above, os.readlink(path))), links)
        path = above


def _opened(socket: str) -> int | None:
    """Return a descriptor of a socket, by which it is found when it is hidden; None: it is gone."""
    try:
        return os.open(socket, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None


def _existing(plan: Plan) -> list[tuple[str, Cover]]:
    """Return the real paths of what is to be covered, folders before what is in them."""
    with open("/proc/self/mountinfo", "rb") as lines:
        mounts = [(device, _path(root), _path(place)) for _, _, device, root, place, *_ in map(bytes.split, lines)]
    found: dict[str, Cover] = {}
    for cover in plan.covers:
        path = os.path.realpath(cover.path)
        if os.path.lexists(path):
            for each in (path, *elsewhere(path, mounts)):
                found.setdefault(each, cover)
        elif cover.is_made:
            found.setdefault(path, cover)
    return sorted(found.items())


def elsewhere(path: str, mounts: Sequence[tuple[bytes, str, str]]) -> Iterator[str]:
    """Yield the other places where a file system, or a part of one, is mounted so that it shows *path* too.

    Args:
        path: A real path.
        mounts: The device of each mount, the folder of it that is mounted, and where.
    """
    # Of two in the same place, the later one is seen.
    around = [each for each in reversed(mounts) if is_within(path, each[2])]
    device, root, place = max(around, key=lambda each: len(each[2]))
    inside = _moved(path, place, root)
    for other, other_root, other_place in mounts:
        if other == device and is_within(inside, other_root):
            found = _moved(inside, other_root, other_place)
        elif other == device and is_within(other_root, inside):
            found = other_place
        else:
            continue
        if found != path and os.path.lexists(found):
            yield found


def _moved(path: str, folder: str, other: str) -> str:
    """Return the path in the folder *other* that *path* is in *folder*."""
    return os.path.join(other, path[len(folder) :].lstrip("/")).rstrip("/") or "/"


def _path(field: bytes) -> str:
    """Return a path of mountinfo, where a blank and a backslash are octal."""
    first, *others = field.split(b"\\")
    return os.fsdecode(first + b"".join(bytes((int(each[:3], 8),)) + each[3:] for each in others))


def _make_folder(path: str) -> bool:
    """Return whether the folder is there, or was made; where the user cannot make it, the command cannot either."""
    try:
        os.mkdir(path, 0o700)
    except OSError:
        return os.path.isdir(path)
    return True


def _mount_over(path: str, cover: Cover) -> None:
    if not stat.S_ISDIR(os.stat(path).st_mode):
        _mount(os.devnull, path, None, _BIND)
    elif cover.is_private:
        _mount("awsenv", path, "tmpfs", _NOSUID | _NODEV, "mode=0700,size=10%")
    else:
        _mount("awsenv", path, "tmpfs", _NOSUID | _NODEV | _NOEXEC, "mode=0700,size=64k,nr_inodes=16")


def _bind_socket(descriptor: int, target: str) -> None:
    """Let *target* be the socket that is open as *descriptor*, read-only: its mode cannot be changed."""
    path = f"/proc/self/fd/{descriptor}"
    kept = os.statvfs(path).f_flag
    os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    _mount(path, target, None, _BIND)
    flags = kept & _ST_KEPT | (_RELATIME if kept & _ST_RELATIME else 0)
    _mount(None, target, None, _REMOUNT | _BIND | _RDONLY | flags)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Call mount(2)."""
    texts = (None if each is None else os.fsencode(each) for each in (source, target, kind))
    harden.call("mount", *texts, flags, None if options is None else options.encode())
