"""Run a command that prints one value: `credential_process`, `mfa_process`."""

from __future__ import annotations

import errno
import os
import re
import selectors
import shlex
import signal
import subprocess
import termios
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

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

_BY_ITSELF = "run the command by itself to see what it does"

_GRACE = 1
"""Seconds that a command gets to clean up before it is killed."""


class Failed(Exception):  # noqa: N818 - its name says what happened
    """A command printed nothing of use: it was not started, it failed, or it was killed.

    Args:
        predicate: Which of these. It shows no argument of the command, and nothing that it printed.
        hints: The next steps. There are none where the command has shown its cause and its steps.
    """

    def __init__(self, predicate: str, *hints: str) -> None:
        super().__init__(predicate)
        self.predicate = predicate
        self.hints = hints


def run(
    words: Sequence[str],
    *,
    environ: Environ | None = None,
    folder: str | None = None,
    terminal: str = TERMINAL,
    complains_there: bool = False,
    seconds: float = SECONDS,
) -> bytes:
    """Run a command to its end, and return what it prints. It can ask the user for a PIN or a touch.

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
        Failed: It cannot be started, it failed, it ran too long, or it printed more than `MAX_OUTPUT`.
    """
    end = time.monotonic() + seconds
    try:
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
                status = process.wait(max(0, end - time.monotonic()))
            except (subprocess.TimeoutExpired, TimeoutError):
                raise Failed(f"did not end within {seconds:g} seconds", _BY_ITSELF) from None
            finally:
                _end(process, is_leader=opened is None)
    except (OSError, ValueError) as error:
        raise _not_started(words[0], error) from None
    if status < 0:
        raise Failed(f"was ended by {_signal(-status)}", _BY_ITSELF)
    if status > 0 and words[0].rpartition("/")[2] == "awsenv":
        raise Failed(f"failed with status {status}, and says above why")
    if status > 0:
        raise Failed(f"failed with status {status}", _BY_ITSELF)
    return printed


def output(
    setting: str,
    line: str,
    run: Callable[[list[str]], bytes],
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
    try:
        return run(_words(line))
    except Failed as failed:
        because, hint = why(setting, line) if failed.hints else (None, None)
        raise error(f"{setting} {failed.predicate}", origin, because=because, hint=hint or failed.hints) from None


def why(setting: str, line: str) -> tuple[str | None, str | None]:
    """Return why the command of a setting may not do what its author means, and the next step; else nothing."""
    path = _unquoted_path(line)
    if path is not None:
        quoted = f'"{path}"' if re.fullmatch(r"[^\"$`\\]+", path) else shlex.quote(path)
        return "the path has a space, and no quotes", f"write {setting} = {quoted}{' ...' * (len(path) < len(line))}"
    try:
        found = _for_a_shell(line)
    except Failed:
        found = None
    if found is None:
        return None, None
    return f"no shell runs it, so {printable(found)} is an argument", f"let a shell run it: {setting} = sh -c '...'"


def _unquoted_path(line: str) -> str | None:
    """Return the program whose path is the first words of a line, where the first alone does not exist; else None."""
    ends = [space.start() for space in re.finditer(r"\s+|$", line)]
    if not line.startswith("/") or os.path.exists(line[: ends[0]]):  # noqa: PTH110 - text
        return None
    paths = (line[:end] for end in ends[1:])
    found = (path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK))  # noqa: PTH113 - text
    path = next(found, None)
    return None if path is None else printable(path)


def _not_started(word: str, error: OSError | ValueError) -> Failed:
    # A first word with a `=` is an assignment, which only a shell understands. Its value may be a secret.
    name, equals, _ = word.partition("=")
    shown = printable(name)
    if equals and name.isidentifier():
        return Failed(f"begins with the assignment {shown}=", "set the variable by env: put env before the assignment")
    code = getattr(error, "errno", None)
    if code == errno.ENOENT and "/" in name and os.path.exists(name):  # noqa: PTH110 - text
        return Failed(f"cannot be run: the interpreter of {shown} does not exist", "correct the first line of the file")
    if code == errno.ENOENT:
        return Failed(f"cannot be run: command not found: {shown}", "write the whole path of the program")
    if code == errno.EACCES:
        what, step = "not executable", f"chmod +x {shlex.quote(shown)}"
        if os.path.isdir(name):  # noqa: PTH112 - text
            what, step = "a folder", "write the whole path of the program"
        return Failed(f"cannot be run: {shown} is {what}", step)
    if code == errno.ENOEXEC:
        return Failed(f"cannot be run: {shown} is no program", "begin a script with #!/bin/sh, or the like")
    reason = getattr(error, "strerror", None) or type(error).__name__
    return Failed(f"cannot be run: {shown} ({reason})", _BY_ITSELF)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


_OPERATORS = frozenset({"|", "||", "|&", "&", "&&", ";", ">", ">>", "<", "<<<", "2>", "2>&1", "2>/dev/null"})
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "fish", "ksh", "env"})


def _for_a_shell(line: str) -> str | None:
    """Return what in a command line only a shell understands, as it is written there; None: nothing."""
    words = _words(line)
    if words[0].rpartition("/")[2] in _SHELLS:
        return None
    for word in words:
        found = re.match(r"~(?=/)|\$\w+|\$\{\w+\}|\$\(|`|\*", word, re.ASCII)
        if word in _OPERATORS or found is not None:
            return word if found is None else found[0]
    return None


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError:
        raise Failed("has an unclosed quote", "close the quote") from None
    if not words:
        raise Failed("is empty", "set it", "remove it")
    if not words[0]:
        raise Failed("begins with an empty word", "write the program first")
    return words


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
                raise Failed(f"printed more than {MAX_OUTPUT // 1024} KiB", _BY_ITSELF)
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
