"""Replace awsenv by another program, or start one beside it.

The command keeps its own exit status, signals and job control (a wrapper that waits breaks them: aws-vault#453).
Imports almost nothing: the fast path ends here.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` loads `enum`, a quarter of what a warm command takes
import errno
import os

from awsenv.agent import harden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn, TypeVar

    from awsenv.errors import LaunchError
    from awsenv.model import Environ

    T = TypeVar("T")

_found: dict[tuple[str, str | None], str] = {}
"""Where `start` has found a command along a `PATH`: each place where it is not costs a process."""

# CPython ignores these two signals, and exec passes that on:
# `awsenv exec ROLE -- yes | head -1` would then never end.
_IGNORED_BY_PYTHON = ("SIGPIPE", "SIGXFSZ")


def become(argv: Sequence[str], environ: Environ) -> NoReturn:
    """Replace this process by the command *argv*, found along the `PATH` of *environ*.

    Raises:
        NotFound: There is no such command.
        NotExecutable: The system refuses to execute the command.
    """
    ignored = {name: _signal.signal(getattr(_signal, name), _signal.SIG_DFL) for name in _IGNORED_BY_PYTHON}
    harden.allow_core_files()
    try:
        _first(list(argv), dict(environ), os.execve)
    except (OSError, ValueError) as error:
        raise explained(error, argv[0]) from None
    finally:
        harden.forbid_core_files()
        for name, handler in ignored.items():
            _signal.signal(getattr(_signal, name), handler)


def check(command: str, environ: Environ) -> None:
    """Check that *command* is found along the `PATH` of *environ*, and can be executed.

    Raises:
        NotFound: There is no such command.
        NotExecutable: The system would refuse to execute it.
    """
    from shutil import which  # noqa: PLC0415 - only before a code is used

    path = os.pathsep.join(os.get_exec_path(environ))
    if which(command, path=path) is None:
        is_there = which(command, os.F_OK, path) or ("/" in command and os.path.exists(command))  # noqa: PTH110 - pathlib costs an import
        raise explained(_error(errno.EACCES if is_there else errno.ENOENT), command)


def start(argv: Sequence[str], environ: Environ, stdout: int, stderr: int) -> int:
    """Start the command *argv* in a session of its own, and return its process, which leads a process group.

    So it has no terminal: it is not stopped for reading one, and Ctrl-C is passed on to it by awsenv, once. It reads
    nothing. posix_spawn(3) takes half as long as a fork, and the more so the larger awsenv is.

    Args:
        argv: The command and its arguments, found along the `PATH` of *environ*.
        environ: Its whole environment.
        stdout: Its standard output.
        stderr: Its standard error.

    Raises:
        NotFound: There is no such command.
        NotExecutable: The system refuses to execute the command.
    """
    places: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    places += [(os.POSIX_SPAWN_DUP2, each, number) for number, each in ((1, stdout), (2, stderr))]
    from contextlib import suppress  # noqa: PLC0415 - the fast path does without

    reset = [getattr(_signal, name) for name in _IGNORED_BY_PYTHON]

    place = (argv[0], environ.get("PATH"))
    before = _found.get(place)

    def spawn(path: str, words: list[str], variables: dict[str, str]) -> int:
        pid = os.posix_spawn(path, words, variables, file_actions=places, setsid=True, setsigmask=(), setsigdef=reset)
        _found[place] = path
        return pid

    harden.allow_core_files()
    try:
        if before is not None and "/" not in argv[0]:
            with suppress(OSError):
                return spawn(before, list(argv), dict(environ))
        return _first(list(argv), dict(environ), spawn)
    except (OSError, ValueError) as error:
        raise explained(error, argv[0]) from None
    finally:
        harden.forbid_core_files()


def _first(argv: list[str], environ: dict[str, str], run: Callable[[str, list[str], dict[str, str]], T]) -> T:
    """Run what execvp(3) does. `os.execvpe` loads `warnings`, and does not run a script without `#!` with sh."""
    command = argv[0]
    folders = [""] if "/" in command else environ.get("PATH", os.defpath).split(os.pathsep)
    found: OSError | None = None
    for path in [os.path.join(folder, command) for folder in folders if command]:  # noqa: PTH118 - pathlib costs an import
        try:
            return run(path, argv, environ)  # without a shell, so that nothing is interpreted
        except (FileNotFoundError, NotADirectoryError):  # noqa: PERF203 - the loop ends at the first that can be run
            pass
        except OSError as error:
            if error.errno == errno.ENOEXEC:
                return run("/bin/sh", ["sh", path, *argv[1:]], environ)
            found = found or error
    raise found or _error(errno.ENOENT)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def explained(error: OSError | ValueError, command: str) -> LaunchError:
    """Return the error for a command that the system does not start."""
    from awsenv.errors import NotExecutable, NotFound  # noqa: PLC0415 - `enum` costs as much as the fast path

    if isinstance(error, ValueError):
        return NotExecutable(
            f"cannot execute {command!r}: a NUL byte in the command or its environment", hint="remove the NUL byte"
        )
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        if "/" in command and os.path.exists(command):  # noqa: PTH110 - pathlib costs an import
            return NotFound(
                f"cannot execute {command!r}: the interpreter that its first line names does not exist",
                hint="correct its first line, #!",
            )
        return NotFound(f"command not found: {command!r}")
    reason, hint = os.strerror(error.errno or 0), "look at the file: ls -l"
    if error.errno == errno.E2BIG:
        reason = "its arguments and environment are larger than the system accepts"
        hint = "unset large variables: Linux accepts 128 KiB in each, 2 MiB in all"
    elif os.path.isdir(command):  # noqa: PTH112 - pathlib costs an import
        reason, hint = "it is a folder", "name a COMMAND in it"
    elif error.errno == errno.EACCES:
        reason, hint = "permission denied", "make it executable: chmod +x"
    return NotExecutable(f"cannot execute {command!r}: {reason}", hint=hint)
