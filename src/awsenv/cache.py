"""The cache folder: what completion and the picker may forget, and never a secret.

It is `$XDG_CACHE_HOME/awsenv`, else `~/.cache/awsenv`, with mode 0700, and its files have mode 0600. Nothing depends on
it: where it cannot be read or written, awsenv does without, and says nothing. `AWSENV_CACHE=0` switches it off.
"""

from __future__ import annotations

import os
import stat

from awsenv.variables import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "AWSENV_CACHE"
"""The variable that switches it off, as `0`."""


def folder(environ: Mapping[str, str]) -> str | None:
    """Return the cache folder of the caller, which `write` makes; None: there is none, or it is switched off.

    A relative `XDG_CACHE_HOME` does not count (XDG Base Directory Specification).
    """
    if environ.get(VARIABLE) == "0":
        return None
    base = environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(home(environ), ".cache")
    return os.path.join(base, "awsenv") if os.path.isabs(base) else None


def read(path: str) -> str | None:
    """Return the text of a file in the folder; None: it is missing, not UTF-8, or another user may have written it."""
    try:
        if not _is_ours(os.path.dirname(path)):
            return None
        # Not os.open: of a folder, `open` raises an error, and would leave that descriptor open.
        with open(path, encoding="utf-8", newline="", opener=_opened) as file:
            found = os.fstat(file.fileno())
            return file.read() if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() else None
    except (OSError, ValueError):
        return None


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def write(path: str, text: str, changed: int | None = None) -> bool:
    """Replace a file in the folder, at once and whole, and return whether that was possible.

    The folder is made if it is missing, unless the one above belongs to another user: under `sudo` it would be root's.

    Args:
        path: The file.
        text: What it is to hold.
        changed: Its time of last change, in nanoseconds since the epoch; None: now.
    """
    # Two threads of an agent may write the same file.
    copy = f"{path}.{os.getpid()}-{id(text):x}"
    try:
        if not _is_there(os.path.dirname(path)):
            return False
        descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(text.encode(errors="backslashreplace"))
            if changed is not None:
                os.utime(copy, ns=(changed, changed))
            os.replace(copy, path)
        except BaseException:
            os.unlink(copy)
            raise
    except OSError:
        return False
    return True


def _is_there(path: str) -> bool:
    """Return whether the folder is there and ours alone; make it if need be."""
    if not os.path.lexists(path):
        above = path
        while not os.path.lexists(above):
            above = os.path.dirname(above)
        if os.stat(above).st_uid != os.geteuid():
            return False
        for missing in (os.path.dirname(path), path):
            # 0700 for the one above too, as the specification says.
            if not os.path.lexists(missing):
                os.mkdir(missing, 0o700)
    return _is_ours(path)


def _is_ours(path: str) -> bool:
    """Return whether *path* is a folder of this user and no link. If others have access, they lose it."""
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return False
    if found.st_mode & 0o077:
        os.chmod(path, 0o700)
    return True
