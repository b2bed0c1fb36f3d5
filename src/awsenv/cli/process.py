"""The process itself: its environment, its own path, its output. Nothing else in awsenv touches them.

Imports no more than Python's own start: the fast path goes through here.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` loads `enum`, a quarter of what a warm command takes
import os
import stat
import sys
import time

from awsenv.cli import commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import NoReturn

_OWN = "_AWSENV_"
_PYTHON = f"{_OWN}PYTHON"
"""The hooks keep a variable such as PYTHONPATH under this prefix where it could make Python load code from the current
folder."""

FAILURE = "'/usr/bin/env' 'false';\n"
"""What makes `eval "$(awsenv ...)" && deploy` stop, in every shell: `eval ""` succeeds (measured). No alias replaces a
quoted word, and `env` passes over a function `false`, which is what fish makes of an alias. tcsh has no `command`."""

_ENDING = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGQUIT)


def environ() -> dict[str, str]:
    """Return the environment that awsenv was started with."""
    environ = dict(os.environ)
    if environ.get("LC_CTYPE") in {"C.UTF-8", "C.utf8", "UTF-8"} and not _was_given("LC_CTYPE"):
        # Python adds it to its own environment in the C locale (PEP 538); a command of `exec` must not inherit it.
        del environ["LC_CTYPE"]
    for name in [name for name in environ if name.startswith(_PYTHON)]:
        environ[name.removeprefix(_OWN)] = environ.pop(name)
    return environ


def program() -> str:
    """Return the absolute path by which awsenv can be called again. Links stay: they outlive an upgrade."""
    path = os.path.abspath(sys.argv[0])
    if os.path.basename(path) == "__main__.py":
        return os.path.join(os.path.dirname(sys.executable), "awsenv")
    return path


def folder() -> str:
    """Return the working directory; `/` where it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return "/"


def await_stdout(seconds: float = 10) -> None:
    """Wait until stdout takes a few lines at once, before something is made that can be printed only once.

    Raises:
        Failure: Nobody reads it, or it takes nothing within *seconds*.
    """
    import select  # noqa: PLC0415 - the fast path prints what can be printed again

    from awsenv.errors import Failure  # noqa: PLC0415 - the same

    poll = select.poll()
    poll.register(1, select.POLLOUT)
    reason = events = None
    if sys.stdout is None:
        reason = "stdout is closed"
    elif not (events := [event for _, event in poll.poll(seconds * 1000)]):
        reason = f"stdout takes nothing for {seconds:g} seconds"
    elif events[0] & (select.POLLERR | select.POLLHUP):
        reason = "nobody reads stdout"
    if reason is not None:
        raise Failure(f"the output could not be written: {reason}", hint="check where it goes")


def write(text: str | bytes, *, is_read: bool = False) -> None:
    """Write *text* to stdout, whole and at once.

    Args:
        text: The text.
        is_read: Whether the user reads it. Then this process ends with its reader, as other tools do in `| head -1`.

    Raises:
        Failure: It could not be written. Nothing tells how much was.
    """
    # Bytes: a saved variable may hold what is not UTF-8, and what comes out must be what went in. And no buffer, which
    # Python would try to write again at its end.
    data = text if isinstance(text, bytes) else os.fsencode(text)
    end_silence()
    try:
        if data and sys.stdout is None:
            raise OSError("stdout is closed")  # noqa: TRY301 - as an error of the system
        while data:
            data = data[os.write(1, data) :]
    except OSError as error:
        if is_read and isinstance(error, BrokenPipeError):
            _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
            os.kill(os.getpid(), _signal.SIGPIPE)
        from awsenv.errors import Failure  # noqa: PLC0415 - `enum` costs as much as all of the fast path

        fact = f"the output could not be written: {error.strerror or error}"
        raise Failure(fact, hint="check where it goes") from None


def fail(args: list[str], status: int, text: str) -> int:
    """Show *text*, let the shell that evaluates the output of the command line *args* fail too, and return *status*."""
    tell(text, is_error=True)
    if commands.called(args).is_evaluated and not _names_a_format(args) and not stdout_is_terminal():
        try:  # noqa: SIM105 - contextlib costs an import
            write(FAILURE)
        except Exception:  # noqa: BLE001, S110 - to name Failure here would load `enum`
            pass  # the reader is gone
    return status


def append(path: str, text: str) -> None:
    """Add *text* to the file *path*, which someone else has made and will delete, as lines of their own.

    Raises:
        Failure: It could not be written, or is no file: a terminal or a pipe would show it.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(0, "it is not a regular file")
            data = os.fsencode(text)
            if found.st_size and os.pread(file, 1, found.st_size - 1) != b"\n":
                data = b"\n" + data
            while data:
                data = data[os.write(file, data) :]
        finally:
            os.close(file)
    except OSError as error:
        import shlex  # noqa: PLC0415 - where it fails

        from awsenv.errors import Failure  # noqa: PLC0415 - see `write`

        raise Failure(f"cannot write {path}: {error.strerror}", hint=f"ls -l {shlex.quote(path)}") from None


def _names_a_format(args: list[str]) -> bool:
    """Return whether *args* ask for a format that no shell evaluates, such as JSON.

    AWSENV_SHELL does not count: it may be inherited, and an eval of nothing would succeed.
    """
    from itertools import pairwise  # noqa: PLC0415 - only where something fails

    for word in (*args, *map("=".join, pairwise(args))):
        if word.startswith("--shell="):
            try:
                from awsenv import shells  # noqa: PLC0415 - see above

                shell = shells.named(word.removeprefix("--shell="))
            except Exception:  # noqa: BLE001 - the install may be broken
                return False
            return shell is not None and not shell.evaluate
    return False


def tell(text: str, *, is_error: bool = False) -> None:
    """Write *text*, a message, to stderr."""
    columns = terminal_width(2)
    text = _laid_out(text, columns)
    if columns and shows_color(os.environ):
        from awsenv.cli.report import painted  # noqa: PLC0415 - few commands have anything to tell

        text = painted(text, is_error=is_error)
    write_to_stderr(text)


def write_to_stderr(text: str) -> None:
    """Write *text* as it is."""
    end_silence()
    try:
        sys.stderr.buffer.write(encoded(text))
        sys.stderr.buffer.flush()
    except (AttributeError, OSError):
        pass  # it is closed


_silent_since = time.monotonic()


def silent_since() -> float:
    """Return when the user last saw that awsenv runs, in seconds of `time.monotonic`: at its start, or a text of it."""
    return _silent_since


def end_silence() -> None:
    """Note that the user has seen something, or has typed an answer."""
    global _silent_since  # noqa: PLW0603 - the process has one terminal
    _silent_since = time.monotonic()


def show(text: str) -> None:
    """Write *text* to stdout, for the user to read.

    Raises:
        Failure: As for `write`.
    """
    write(encoded(_laid_out(text, terminal_width(1))), is_read=True)


def _laid_out(text: str, columns: int) -> str:
    """Return *text* in local time, and wrapped to *columns*; 0: not wrapped."""
    if "{@" in text:  # `wording.INSTANT`, which is not worth an import
        from awsenv.cli.report import in_local_time  # noqa: PLC0415 - most messages have no time in them

        text = in_local_time(text)
    if columns and any(len(line) > columns or not line.isascii() for line in text.splitlines()):
        from awsenv.cli.report import wrapped  # noqa: PLC0415 - most messages fit

        text = wrapped(text, columns)
    return text


def encoded(text: str) -> bytes:
    """Return *text* in UTF-8, whatever the locale: no character of a message is an error."""
    return text.encode(errors="backslashreplace")


def succeed(text: str) -> None:
    """Show *text*, what has been done, to a user who sees it nowhere else: if stderr is a terminal."""
    if text and os.isatty(2):
        tell(f"{text}\n")


def shows_color(environ: Mapping[str, str]) -> bool:
    """Return whether the user wants colour on the terminal of *environ* (https://no-color.org)."""
    return not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"


def terminal_width(descriptor: int) -> int:
    """Return the columns of the terminal that *descriptor* is; 0 if it is no terminal, or does not say."""
    try:
        return os.get_terminal_size(descriptor).columns if os.isatty(descriptor) else 0
    except OSError:
        return 0


def stdout_is_terminal() -> bool:
    """Return whether stdout is a terminal."""
    return sys.stdout is not None and os.isatty(1)


def why_not_logged() -> str:
    """Return why what is printed does not reach the log of a job, as far as that is known; empty: it may."""
    try:
        found = os.fstat(1)
        if os.path.samestat(found, os.stat(os.devnull)):
            return "stdout is /dev/null"
        if stat.S_ISFIFO(found.st_mode):
            from awsenv import shells  # noqa: PLC0415 - few print for a log

            pipe = os.readlink("/proc/self/fd/1")
            for process, name in callers_of(os.getpid()):
                if shells.named(name) and _reads(process, pipe):
                    return f"{name} reads stdout, as in $(...)"
    except OSError:
        pass  # it is closed, or macOS, which has no /proc
    return ""


def end_like_ctrl_c() -> None:
    """Let SIGTERM, SIGHUP and SIGQUIT end awsenv as Ctrl-C does: the terminal as it was, `FAILURE` on stdout."""

    def end(_number: int, _frame: object) -> None:
        ignore_signals()
        raise KeyboardInterrupt

    for number in _ENDING:
        if _signal.getsignal(number) == _signal.SIG_DFL:
            _signal.signal(number, end)


def ignore_signals() -> None:
    """Ignore what ends awsenv. A terminal that closes sends two: the second would cut short what the first began."""
    for number in _ENDING:
        _signal.signal(number, lambda *_: None)  # at SIG_IGN, Python shows a traceback for one that has just come


FILE, PIPE = "file", "pipe"


def stdout_goes_astray() -> str:
    """Return `FILE` if stdout is a file, `PIPE` if it is a pipe to another command, as in `| tee log`; else "".

    A shell that evaluates the output holds the other end of the pipe. That of another command is known only if /proc
    shows the command; macOS has no /proc. A file without links is none: ksh93 runs `$(...)` into one.
    """
    try:
        found = os.fstat(1)
        if not stat.S_ISFIFO(found.st_mode):
            return FILE if stat.S_ISREG(found.st_mode) and found.st_nlink else ""
        pipe = os.readlink("/proc/self/fd/1")
        callers = []
        for process, _ in callers_of(os.getpid()):
            if _reads(process, pipe):
                return ""  # nearly always at once: looking at every process takes ten times as long
            callers.append(process)
        others = {int(name) for name in os.listdir("/proc") if name.isdigit()}.difference(callers)
    except OSError:
        return ""
    return PIPE if any(_reads(process, pipe) for process in others) else ""


def callers_of(process: int) -> Iterator[tuple[int, str]]:
    """Yield the processes that called *process*, each with the name of its program, cut after 15 bytes.

    Raises:
        OSError: /proc does not show one of them; macOS has no /proc.
    """
    caller = process
    while caller > 0:
        with open(f"/proc/{caller}/stat", "rb") as file:
            # The name, in brackets, may hold anything.
            before, _, after = file.read().rpartition(b")")
        if caller != process:
            yield caller, os.fsdecode(before.partition(b"(")[2])
        caller = int(after.split()[1])


def calling_shell(pid: int | None = None) -> str:
    """Return the name of the nearest shell among the processes that called this one; empty: there is none.

    $SHELL is the login shell, and a variable cannot tell fish from bash.

    Args:
        pid: The process that was called; None: this one.

    Raises:
        UsageError: It evaluates nothing that awsenv prints.
    """
    from awsenv import shells  # noqa: PLC0415 - a call from the hook does without

    try:
        for _, name in callers_of(pid or os.getpid()):
            shells.refuse_foreign(name)
            shell = shells.named(name)
            if shell is not None and shell.evaluate:
                return name
    except OSError:
        return _detected_shell(pid)
    return ""


def _detected_shell(pid: int | None) -> str:
    try:
        import shellingham  # noqa: PLC0415 - a dependency of typer, for where there is no /proc
    except ImportError:
        return ""
    try:
        return str(shellingham.detect_shell(pid)[0])
    except shellingham.ShellDetectionFailure:
        return ""


def _reads(process: int, pipe: str) -> bool:
    """Return whether /proc shows that *process* has the reading end of *pipe* open."""
    try:
        descriptors = os.listdir(f"/proc/{process}/fd")
    except OSError:
        return False  # it has ended, or is another user's
    for descriptor in descriptors:
        try:
            if os.readlink(f"/proc/{process}/fd/{descriptor}") == pipe:
                with open(f"/proc/{process}/fdinfo/{descriptor}", "rb") as file:
                    flags = next(line for line in file if line.startswith(b"flags:"))
                if int(flags.split()[1], 8) & os.O_ACCMODE == os.O_RDONLY:
                    return True
        except (OSError, StopIteration):  # noqa: PERF203 - it has closed this one since, and may have others
            pass
    return False


def leave(status: int) -> NoReturn:
    """End with *status*, and let the system clean up: after botocore, Python needs 70 ms for it."""
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - contextlib costs an import
            stream.flush()
        except (AttributeError, OSError, ValueError):  # noqa: PERF203 - each stream for itself
            pass  # it is missing, full or closed
    os._exit(status)


def _was_given(name: str) -> bool:
    try:
        with open("/proc/self/environ", "rb") as file:
            return any(entry.startswith(name.encode() + b"=") for entry in file.read().split(b"\0"))
    except OSError:
        return True
