"""Become another program.

The command takes the place of awsenv, so that its exit status, its signals and its job control are its own
(aws-vault#453 is what happens to a wrapper that waits).
"""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING, NoReturn

from awsenv.errors import NotExecutable, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awsenv.model import Environ

# CPython ignores these two from its start on, and what is ignored stays so through exec:
# `awsenv exec ROLE -- yes | head -1` would then never end.
_IGNORED_BY_PYTHON = ("SIGPIPE", "SIGXFSZ")


def become(argv: Sequence[str], environ: Environ) -> NoReturn:
    """Replace this process by the command *argv*, found along the `PATH` of *environ*.

    Raises:
        NotFound: There is no such command.
        NotExecutable: There is, and the system refuses to execute it.
    """
    for name in _IGNORED_BY_PYTHON:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execvpe(argv[0], list(argv), dict(environ))  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise _explained(error, argv[0]) from None
    except ValueError:
        raise NotExecutable(f"cannot execute {argv[0]!r}: a NUL byte in the command or its environment") from None


def _explained(error: OSError, command: str) -> NotFound | NotExecutable:
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        if "/" in command and os.path.exists(command):  # noqa: PTH110 - pathlib costs an import
            return NotFound(f"cannot execute {command!r}: the interpreter that its first line names does not exist")
        return NotFound(f"command not found: {command!r}")
    if error.errno == errno.E2BIG:
        return NotExecutable(
            f"cannot execute {command!r}: its arguments and environment are larger than the system takes",
            hint="unset large variables; Linux takes 128 KiB in one variable and about 2 MiB in all",
        )
    if error.errno == errno.EACCES:
        return NotExecutable(f"cannot execute {command!r}: permission denied, or a directory")
    return NotExecutable(f"cannot execute {command!r}: {os.strerror(error.errno or 0)}")
