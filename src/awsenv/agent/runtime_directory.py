"""Where the agent's socket is, and whether that place is safe.

The first of these folders that exists: the one that `AWSENV_RUNTIME_DIR` names; `awsenv` in `XDG_RUNTIME_DIR`; `awsenv`
in the folder that the system gives the user for this, which cron, su, sudo, an editor's server and a container's exec
do not name in a variable; `.awsenv/run-HOST` in the home, which several machines may share. An agent that runs in a
later one is found there, unless `AWSENV_RUNTIME_DIR` is set. Never /tmp, where others
make folders, and never an abstract socket, which has no permissions.

Imported by the fast path: nothing is loaded that Python's own start has not loaded.
"""

from __future__ import annotations

import os
import stat
import sys

from awsenv.variables import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from awsenv.model import Environ

SOCKET = "socket"
"""The name of the socket in the folder."""

VARIABLE = "AWSENV_RUNTIME_DIR"
"""The variable that names the folder."""

ELSEWHERE = ("correct the folder", f"name another that is yours alone: {VARIABLE}")
"""What to do where there is no folder for the socket."""

SYSTEM = "/run/user"
"""The folder in which systemd makes a folder for each user who is logged in."""

MAX_PATH = 103 if sys.platform == "darwin" else 107
"""The longest path of a socket, in bytes."""


class Unsafe(Exception):  # noqa: N818 - its name says what happened
    """The agent must not use a path.

    Args:
        fact: What is wrong with it, as one sentence without a full stop; it names the path.
        path: The path, or the variable, that is to be corrected.
        hints: The next steps.
    """

    def __init__(self, fact: str, path: str, *hints: str) -> None:
        super().__init__(fact)
        self.fact = fact
        self.path = path
        self.hints = hints or ELSEWHERE


def expected(environ: Environ, system: str = SYSTEM) -> str | None:
    """Return where the folder of the agent is, or would be; None: nowhere.

    The arguments are those of `candidates`, here and in the functions that use it.

    Raises:
        Unsafe: The variable that names it holds no absolute path.
    """
    folders = candidates(environ, system)
    return next(filter(has_socket, folders), folders[0] if folders else None)


def candidates(environ: Environ, system: str = SYSTEM) -> list[str]:
    """Return the folders where an agent of this user may be, the one for a new agent first.

    Args:
        environ: The environment of the caller.
        system: The folder in which systemd makes a folder for each user, by its number.

    Raises:
        Unsafe: The variable that names it holds no absolute path.
    """
    named = environ.get(VARIABLE)
    if named:
        if not os.path.isabs(named):
            raise Unsafe(f"{VARIABLE} is not an absolute path: {named}", VARIABLE)
        return [named.rstrip("/") or "/"]
    folders = []
    for runtime in _runtime(environ, system):
        try:
            if os.path.isabs(runtime) and _is_safe(runtime) and f"{runtime}/awsenv" not in folders:
                folders.append(f"{runtime}/awsenv")
        except Unsafe:  # noqa: PERF203 - it comes from `su`, say; three at most
            pass
    own = home(environ)
    # Under `sudo` HOME may be that of another user, who could not remove a folder of root's there.
    if os.path.isabs(own) and _is_own(own):
        # A number as good as a digest here, and hashlib is not loaded.
        host = int.from_bytes(os.fsencode(os.uname().nodename), "big") % (2**61 - 1)
        folders.append(os.path.join(own, ".awsenv", f"run-{host:x}"))
    return folders


def has_socket(folder: str) -> bool:
    """Return whether there is a socket of an agent in *folder*, which nobody else can have made there."""
    try:
        return _is_safe(folder) and os.path.lexists(f"{folder}/{SOCKET}")
    except Unsafe:
        return False


def elsewhere(environ: Environ, system: str = SYSTEM, sockets: str = "/proc/net/unix") -> str | None:
    """Return the folder of an agent of this user that *environ* does not lead to; None: none is known.

    It was started with another XDG_RUNTIME_DIR. Only Linux lists the sockets there are.

    Args:
        environ: As for `candidates`.
        system: As for `candidates`.
        sockets: The file in which the system lists its sockets.
    """
    if environ.get(VARIABLE):
        return None
    known = candidates(environ, system)
    try:
        with open(sockets, "rb") as lines:
            paths = [os.fsdecode(line.split(maxsplit=7)[-1].rstrip(b"\n")) for line in lines]
    except OSError:
        return None
    folders = [os.path.dirname(path) for path in paths if path.endswith(f"/awsenv/{SOCKET}")]
    return next((folder for folder in folders if folder not in known and has_socket(folder)), None)


def told_elsewhere(environ: Environ) -> tuple[str, str, str] | None:
    """Return that an agent of this user runs where *environ* does not lead, the next step, and why; None: none runs."""
    if (folder := elsewhere(environ)) is None:
        return None
    import shlex  # noqa: PLC0415 - only for this message

    variable = "XDG_RUNTIME_DIR"
    return (
        f"your agent runs in {folder}, where awsenv does not look for it",
        f"export {variable}={shlex.quote(os.path.dirname(folder))}",
        f"{variable} {'differs from that of its session' if environ.get(variable) else 'is not set'}",
    )


def _runtime(environ: Environ, system: str) -> list[str]:
    """Return the folders that the system may have made for this user, without a slash at the end."""
    named = environ.get("XDG_RUNTIME_DIR", "").rstrip("/")
    if sys.platform == "darwin":
        # _CS_DARWIN_USER_TEMP_DIR: where TMPDIR points in a session.
        return [named, environ.get("TMPDIR", "").rstrip("/"), (os.confstr(65537) or "").rstrip("/")]
    return [named, f"{system}/{os.geteuid()}"]


def find(environ: Environ, system: str = SYSTEM) -> str | None:
    """Return the folder of the agent, or None if there is none.

    Raises:
        Unsafe: It is not ours alone.
    """
    folder = expected(environ, system)
    return folder if folder is not None and _is_safe(folder) else None


def found(environ: Environ) -> str:
    """Return the folder of the agent.

    Raises:
        FileNotFoundError: There is none.
        Unsafe: It is not ours alone.
    """
    if (folder := find(environ)) is None:
        raise FileNotFoundError
    return folder


def usable(environ: Environ, system: str = SYSTEM) -> str:
    """Return the folder of the agent, which may be missing.

    Raises:
        Unsafe: It is not ours alone, its path is too long, or no variable says where it may be.
    """
    folder = expected(environ, system)
    if folder is None:
        fact = "there is no folder for the agent's socket: neither XDG_RUNTIME_DIR nor HOME is a folder of yours"
        raise Unsafe(fact, VARIABLE, f"name one that is yours alone: {VARIABLE}")
    _check_length(folder)
    _is_safe(folder)
    return folder


def make(environ: Environ, system: str = SYSTEM) -> str:
    """Return the folder of the agent, which is made if it is missing.

    Raises:
        Unsafe: As of `usable`.
        OSError: It cannot be made.
    """
    folder = usable(environ, system)
    parent = os.path.dirname(folder)
    for path in (parent, folder) if os.path.basename(parent) == ".awsenv" else (folder,):
        try:  # noqa: SIM105 - contextlib costs an import
            os.mkdir(path, 0o700)
        except FileExistsError:  # noqa: PERF203 - two at most
            pass  # it was there, another process was quicker, or it is no folder
    _is_safe(folder)
    return folder


def socket_in(folder: str) -> str:
    """Return the path of the socket in *folder*.

    Raises:
        FileNotFoundError: There is none.
        Unsafe: What is there is not a socket of ours.
    """
    path = os.path.join(folder, SOCKET)
    found = os.lstat(path)
    if not stat.S_ISSOCK(found.st_mode):
        raise Unsafe(f"{path} is not a socket", path)
    if found.st_uid != os.geteuid():
        raise Unsafe(f"{path} belongs to another user", path)
    return path


def lock(folder: str, *, wait: bool = True) -> BinaryIO:
    """Take the lock of *folder*, under which the socket is made and removed; closing what this returns gives it back.

    Args:
        folder: A folder that `find` or `make` returned.
        wait: Whether to wait for another process that holds the lock.

    Raises:
        BlockingIOError: Another process holds the lock, and *wait* is false.
        OSError: The file of the lock cannot be opened.
    """
    import fcntl  # noqa: PLC0415 - an extension, which the fast path does not wait for

    file = open(os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "rb+", 0)  # noqa: SIM115 - returned
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        file.close()
        raise
    return file


def _is_own(path: str) -> bool:
    try:
        return os.stat(path).st_uid == os.geteuid()
    except OSError:
        return False


def _is_safe(folder: str) -> bool:
    """Return whether *folder* exists.

    Raises:
        Unsafe: Other users can read or change what is in it.
    """
    try:
        found = os.lstat(folder)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise Unsafe(f"{folder} cannot be examined: {error.strerror}", folder) from None
    if stat.S_ISLNK(found.st_mode):
        raise Unsafe(f"{folder} is a symbolic link", folder)
    if not stat.S_ISDIR(found.st_mode):
        raise Unsafe(f"{folder} is not a folder", folder)
    if found.st_uid != os.geteuid():
        raise Unsafe(f"{folder} belongs to another user", folder)
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise Unsafe(f"{folder} is open to other users: its mode is {mode:04o}, not 0700", folder)
    _check_length(folder)
    return True


def _check_length(folder: str) -> None:
    length = len(os.fsencode(os.path.join(folder, SOCKET)))
    if length > MAX_PATH:
        fact = f"the path of the agent's socket is too long: {length} bytes, where the system takes {MAX_PATH}"
        raise Unsafe(fact, folder, f"name a shorter one that is yours alone: {VARIABLE}")
