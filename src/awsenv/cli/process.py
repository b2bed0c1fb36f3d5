"""The process itself: its environment, its own path, its output. Nothing else in awsenv touches them.

Imports no more than Python's own start: the fast lane goes through here.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")


def environ() -> dict[str, str]:
    """Return the environment that awsenv was started with."""
    environ = dict(os.environ)
    if environ.get("LC_CTYPE") in _COERCED and not _was_given("LC_CTYPE"):
        # Python adds it to its own environment in the C locale (PEP 538); a command of `exec` shall not inherit it.
        del environ["LC_CTYPE"]
    return environ


def program() -> str:
    """Return the absolute path by which awsenv can be called again. Links stay: they outlive an upgrade."""
    path = os.path.abspath(sys.argv[0])  # noqa: PTH100 - pathlib costs an import
    if os.path.basename(path) == "__main__.py":  # noqa: PTH119 - the same
        return os.path.join(os.path.dirname(sys.executable), "awsenv")  # noqa: PTH118, PTH120 - the same
    return path


def write(text: str) -> None:
    """Write *text* to stdout, whole and at once.

    Raises:
        OSError: It could not be written. Nothing tells how much was.
    """
    if sys.stdout is None:
        message = "stdout is closed"
        raise OSError(message)
    # Bytes: a saved variable may hold what is not UTF-8, and what comes out must be what went in. And no buffer, which
    # Python would try to write again at its end.
    data = os.fsencode(text)
    while data:
        data = data[os.write(1, data) :]


def write_if_possible(text: str) -> None:
    """Write *text* to stdout; where that fails there is nobody to read it."""
    try:  # noqa: SIM105 - contextlib costs an import
        write(text)
    except OSError:
        pass


def complain(text: str) -> None:
    """Write *text* to stderr; where that fails there is nobody to read it."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.buffer.write(text.encode(errors="backslashreplace"))
        sys.stderr.buffer.flush()
    except OSError:
        pass


def stdout_is_terminal() -> bool:
    """Say whether what is printed is shown to a person."""
    return sys.stdout is not None and sys.stdout.isatty()


def leave(status: int) -> NoReturn:
    """End with *status*, and leave the taking apart to the system: after botocore Python needs 70 ms for it."""
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - contextlib costs an import
            stream.flush()
        except (AttributeError, OSError, ValueError):  # noqa: PERF203 - each stream for itself
            pass  # it is not there, it is full, it is closed: nobody is left to be told
    os._exit(status)


def _was_given(name: str) -> bool:
    try:
        with open("/proc/self/environ", "rb") as file:  # noqa: PTH123 - pathlib costs an import
            return any(entry.startswith(name.encode() + b"=") for entry in file.read().split(b"\0"))
    except OSError:
        return True
