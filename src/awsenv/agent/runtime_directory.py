"""Where the agent's socket is, and whether that place is safe.

The first of these that there is: the folder that `AWSENV_RUNTIME_DIR` names; `awsenv` in `XDG_RUNTIME_DIR`; on macOS
`awsenv` in `TMPDIR`, which is the user's own there; `.awsenv/run-HOST` in the home, which several machines may share.
Never /tmp, where others make folders, and never an abstract socket, which has no permissions.

Imported by the fast path: nothing is loaded that Python's own start has not loaded.
"""

from __future__ import annotations

import os
import stat
import sys

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


def expected(environ: Environ) -> str | None:
    """Return where the folder of the agent is, or would be; None: nowhere.

    Raises:
        Unsafe: The variable that names it holds no absolute path.
    """
    named = environ.get(VARIABLE)
    if named:
        if not os.path.isabs(named):
            raise Unsafe(f"{VARIABLE} is not an absolute path: {named}", VARIABLE)
        return named.rstrip("/") or "/"
    for variable in ("XDG_RUNTIME_DIR", "TMPDIR") if sys.platform == "darwin" else ("XDG_RUNTIME_DIR",):
        runtime = environ.get(variable, "").rstrip("/")
        try:
            if os.path.isabs(runtime) and _is_safe(runtime):
                return f"{runtime}/awsenv"
        except Unsafe:
            pass  # it comes from `su`, say
    home = environ.get("HOME", "")
    # Under `sudo` HOME may be that of another user, who could not remove a folder of root's there.
    if os.path.isabs(home) and _is_own(home):
        # A number as good as a digest here, and hashlib is not loaded.
        host = int.from_bytes(os.fsencode(os.uname().nodename), "big") % (2**61 - 1)
        return os.path.join(home, ".awsenv", f"run-{host:x}")
    return None


def find(environ: Environ) -> str | None:
    """Return the folder of the agent, or None if there is none.

    Raises:
        Unsafe: It is not ours alone.
    """
    folder = expected(environ)
    return folder if folder is not None and _is_safe(folder) else None


def usable(environ: Environ) -> str:
    """Return the folder of the agent, which may be missing.

    Raises:
        Unsafe: It is not ours alone, its path is too long, or no variable says where it may be.
    """
    folder = expected(environ)
    if folder is None:
        fact = "there is no folder for the agent's socket: neither XDG_RUNTIME_DIR nor HOME is a folder of yours"
        raise Unsafe(fact, VARIABLE, f"name one that is yours alone: {VARIABLE}")
    _check_length(folder)
    _is_safe(folder)
    return folder


def make(environ: Environ) -> str:
    """Return the folder of the agent, which is made if it is missing.

    Raises:
        Unsafe: As of `usable`.
        OSError: It cannot be made.
    """
    folder = usable(environ)
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
        raise Unsafe(f"{folder} cannot be looked at: {error.strerror}", folder) from None
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
