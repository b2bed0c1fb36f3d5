"""Run a command that prints one value: `credential_process`, `mfa_process`."""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import termios
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from awsenv.errors import AwsenvError, Origin
    from awsenv.model import Environ

TERMINAL = "/dev/tty"

SECONDS = 60
"""How long a command may run: enough to type a PIN or to touch a key."""

MAX_OUTPUT = 1 << 20
"""Bytes that a command may print."""

_GRACE = 1
"""Seconds that a command gets to clean up before it is killed."""


class Finished(NamedTuple):
    """A command that has ended."""

    status: int
    """As `subprocess` has it: negative for a signal."""
    output: bytes

    def __repr__(self) -> str:
        """Leave the output out: it is a secret."""
        return f"Finished({self.status}, …)"


class Overrun(Exception):  # noqa: N818 - its name says what happened
    """The command ran too long or printed too much, and was killed. `str()` is a predicate that says which."""


def run(
    words: Sequence[str],
    *,
    environ: Environ | None = None,
    folder: str | None = None,
    terminal: str = TERMINAL,
    complains_there: bool = False,
    seconds: float = SECONDS,
) -> Finished:
    """Run a command to its end. It can ask the user for a PIN or a touch.

    With a terminal, the command stays in our process group, since the kernel stops a background process that reads from
    its terminal. Without one, it gets its own session, and an overrun also kills its children.

    Args:
        words: The command and its arguments. No shell is involved.
        environ: Its environment; None: ours.
        folder: Its working directory; None: ours.
        terminal: The terminal, which becomes its standard input if it can be opened. Ours belongs to the command that
            the role is for.
        complains_there: Whether the terminal is its standard error too; else ours is.
        seconds: How long it may run.

    Raises:
        OSError: It cannot be started.
        ValueError: A word holds a null byte.
        Overrun: It ran too long, or printed more than `MAX_OUTPUT`.
    """
    end = time.monotonic() + seconds
    with (
        _opened(terminal) as opened,
        subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL if opened is None else opened,
            stdout=subprocess.PIPE,
            stderr=opened if complains_there else None,
            env=environ,
            cwd=folder,
            start_new_session=opened is None,
        ) as process,
    ):
        try:
            printed = _read(process, end)
            return Finished(process.wait(max(0, end - time.monotonic())), printed)
        except (subprocess.TimeoutExpired, TimeoutError):
            raise Overrun(f"did not end within {seconds:g} seconds") from None
        finally:
            _end(process, is_leader=opened is None)


def output(
    setting: str,
    line: str,
    run: Callable[[list[str]], Finished],
    error: Callable[..., AwsenvError],
    origin: Origin | None,
) -> bytes:
    """Return what the command of a setting prints.

    Args:
        setting: `credential_process` or `mfa_process`.
        line: Its value, which is split as a shell would.
        run: Runs the words.
        error: Makes the error that is raised.
        origin: Where the setting is.

    Raises:
        AwsenvError: The command cannot be run, or failed. The message shows no argument, and nothing that it printed.
    """

    def failed(predicate: str, *hints: str) -> AwsenvError:
        return error(f"{setting} {predicate}", origin, hint=hints)

    try:
        words = shlex.split(line)
    except ValueError:
        raise failed("has an unclosed quote", "close the quote") from None
    if not words:
        raise failed("is empty", "set it", "remove it")
    try:
        finished = run(words)
    except Overrun as overrun:
        raise failed(str(overrun), "run the command by itself to see what it does") from None
    except (OSError, ValueError):
        # A first word with a `=` is an assignment, which only a shell understands. Its value may be a secret.
        raise failed(
            f"cannot be run: {printable(words[0].partition('=')[0])}",
            "check that it exists and is executable",
            "write its whole path: no shell expands ~ and $VARIABLES",
        ) from None
    if finished.status != 0:
        raise failed(f"failed with status {finished.status}", "run the command by itself to see why")
    return finished.output


def _read(process: subprocess.Popen[bytes], end: float) -> bytes:
    assert process.stdout is not None  # noqa: S101 - for mypy
    printed = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(max(0, end - time.monotonic())):
            more = os.read(process.stdout.fileno(), 65536)
            if not more:
                return bytes(printed)
            printed += more
            if len(printed) > MAX_OUTPUT:
                raise Overrun(f"printed more than {MAX_OUTPUT // 1024} KiB")
    raise TimeoutError


def _end(process: subprocess.Popen[bytes], *, is_leader: bool) -> None:
    """End a running command, with SIGTERM first, so that it can turn the echo on again."""
    if process.returncode is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        # The children of a leader may outlive it.
        with suppress(ProcessLookupError):
            (os.killpg if is_leader else os.kill)(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)


@contextmanager
def _opened(terminal: str) -> Iterator[int | None]:
    """Open the terminal, if there is one, and restore its settings: a command killed at its prompt leaves echo off."""
    try:
        opened = os.open(terminal, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    before = None
    try:
        with suppress(termios.error):
            before = termios.tcgetattr(opened)
        yield opened
    finally:
        if before is not None:
            with suppress(termios.error):
                termios.tcsetattr(opened, termios.TCSADRAIN, before)
        os.close(opened)
