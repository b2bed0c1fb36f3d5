"""A user at a terminal: real interactive shells over a pty, with real rc files, in the world of the README."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pexpect
import pytest
from pexpect.fdpexpect import fdspawn

from spelling import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from conftest import Preloaded, World
    from spelling import Spelling

TIMEOUT = 180
"""Seconds after which a test gives up. No passing test waits this long."""

# Makes the terminal on stdin its controlling terminal, and executes the program. pty.fork() would fork a process with
# threads, and Python 3.12 warns about that.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)

# Each prompt has the level of its shell and a number, so that a test can tell a new prompt from the previous one, which
# fish repaints many times.
_PROMPT = r"<(\d+)\.(\d+)> "

_ESCAPE = re.compile(r"\r|\x1b\[[0-9;?]*[a-zA-Z]")

# One process: a shell that forks just when Ctrl-Z is pressed may wait forever. The signals are blocked from the start,
# so one that comes right after `ready` stays pending for sigwait(); signal.pause() would miss it.
_REPORTER = """\
import os, signal, sys

signals = {signal.SIGCONT, signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
os.write(1, b"ready\\n")
while signal.sigwait(signals) == signal.SIGCONT:
    os.write(1, b"again\\n")
os.write(1, b"bye\\n")
sys.exit(7)
"""


class Terminal:
    """A program at its own terminal, and the user who types there.

    Args:
        argv: The program.
        environ: Its whole environment.
        folder: Its working directory.
        status: The expression for the status of the last command in its shell.
        preloaded: Runs the program, if it is awsenv.
    """

    def __init__(
        self,
        argv: list[str],
        environ: Mapping[str, str],
        folder: Path,
        status: str = "$?",
        *,
        preloaded: Preloaded | None = None,
    ) -> None:
        self._status = status
        self._folder = folder
        self._last = 0, 0
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.process = (
            preloaded.start(argv, environ, str(folder), [slave] * 3)
            if preloaded
            else subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _TAKE_TERMINAL, *argv],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=dict(environ),
                cwd=folder,
                start_new_session=True,
            )
        )
        os.close(slave)
        self._screen = fdspawn(self._master, timeout=TIMEOUT, encoding="utf-8", codec_errors="replace")
        self._screen.delaybeforesend = None
        self.transcript = ""
        """Everything shown so far."""

    def hang_up(self) -> None:
        """Close the window."""
        self._screen.close()

    def close(self) -> None:
        """Hang up, and kill the remaining processes."""
        self._screen.close()
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def resize(self, columns: int, rows: int) -> None:
        """Make the window larger or smaller."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def see(self, pattern: str) -> re.Match[str]:
        """Wait until *pattern* is shown, and return its match."""
        try:
            self._screen.expect(pattern)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            # The text of pexpect's exception is its whole state, most of it twice.
            shown = self.transcript + (self._screen.before if isinstance(self._screen.before, str) else "")
            pytest.fail(f"{type(error).__name__} before {pattern!r} was shown:\n{shown}")
        self.transcript += self._screen.before + self._screen.after
        match: re.Match[str] = self._screen.match
        return match

    def send(self, keys: str) -> None:
        """Type *keys*, and nothing more."""
        self._screen.send(keys)

    def prompt(self) -> str:
        """Wait for the next prompt, and return the output before it, including the role in front of the prompt."""
        start = len(self.transcript)
        while True:
            seen = self.see(_PROMPT)
            level, number = int(seen[1]), int(seen[2])
            if level != self._last[0] or number > self._last[1]:
                self._last = level, number
                return _ESCAPE.sub("", self.transcript[start:].rpartition("<")[0])

    def run(self, line: str) -> str:
        """Type *line*, and return the output up to the next prompt."""
        self.send(line + "\r")
        return self.prompt()

    def end(self, line: str = "exit") -> int:
        """Type *line*, wait until no process holds the terminal any more, and return the status of the program."""
        self.send(line + "\r")
        return self.gone()

    def gone(self) -> int:
        """Wait until no process holds the terminal any more, and return the status of the program."""
        self._screen.expect_exact(pexpect.EOF)
        self.transcript += self._screen.before
        return self.process.wait(TIMEOUT)

    def stop_and_go_on(self, line: str) -> None:
        """Type *line*, which runs the `reporter`; stop it, take it up again, and end it."""
        self.send(f"{line}\r")
        self.see("ready")
        self.send("\x1a")
        self.prompt()
        assert re.search("(?i)stopped|suspended", self.run("jobs"))
        # The status is not looked at here: fish's `fg` has none, nor has that of zsh behind any function.
        self.send("fg\r")
        self.see("again")
        self.send("\x03")
        assert "bye" in self.prompt()

    def status(self) -> int:
        """Return the status of the last command."""
        self.send(f'echo "status"={self._status}\r')
        status = int(self.see(r"status=(\d+)\r")[1])
        self.prompt()
        return status

    def environment(self) -> dict[str, str]:
        """Return every variable that the shell exports."""
        path = self._folder / "environment"
        self.run(f"command env -0 >{path}")
        text = path.read_text()
        path.unlink()
        return parsed(text)


class Interactive(Protocol):
    """Start the shell of the test at a terminal."""

    def __call__(self, *, hook: bool = False, before: tuple[str, ...] = (), **environ: str) -> Terminal:
        """Return the terminal, with the shell at its first prompt.

        Args:
            hook: Whether the rc file loads the hook.
            before: Words in front of the shell's name, such as `strace`.
            environ: Variables on top of the user's environment.
        """


def parsed(text: str) -> dict[str, str]:
    """Parse the output of `env -0`."""
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


class Silent:
    """A service that accepts a request and never responds."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        listening.settimeout(TIMEOUT)
        self._taken: list[socket.socket] = []

    @property
    def url(self) -> str:
        """The address of the service."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def wait(self) -> None:
        """Wait until a request arrives."""
        connection, _ = self._listening.accept()
        connection.settimeout(TIMEOUT)
        self._taken.append(connection)
        assert connection.recv(1)

    def close(self) -> None:
        """Close every connection."""
        for connection in (*self._taken, self._listening):
            connection.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    """Return an AWS that never responds."""
    with closing(Silent(socket.create_server(("127.0.0.1", 0)))) as silent:
        yield silent


@pytest.fixture(params=SPELLINGS)
def shell(request: pytest.FixtureRequest, require: Callable[[str], str]) -> Spelling:
    """Return each shell in turn."""
    name: str = request.param
    require(name)
    return SPELLINGS[name]


@pytest.fixture
def environ(world: World, tmp_path: Path) -> dict[str, str]:
    """Return the environment of the user's terminal: `awsenv` is on the PATH, and temporary files can be counted."""
    temporary, runtime = tmp_path / "tmp", tmp_path / "run"
    temporary.mkdir()
    runtime.mkdir(mode=0o700)
    path = os.pathsep.join((str(Path(world.program).parent), world.environ["PATH"]))
    return world.environ | {
        "PATH": path,
        "TERM": "dumb",
        "TMPDIR": str(temporary),
        # Otherwise fish creates a folder among the temporary files.
        "XDG_RUNTIME_DIR": str(runtime),
    }


@pytest.fixture
def new_code(world: World) -> Callable[[], str]:
    """Return a function that waits half a minute for a new MFA code: AWS accepts each code only once."""

    def wait() -> str:
        world.sandbox.clock.elapse(30)
        return world.device.code()

    return wait


@pytest.fixture
def reporter(tmp_path: Path) -> list[str]:
    """Return a command that prints `ready`, then `again` when it is continued and `bye` when it ends.

    SIGINT and SIGTERM end it, with status 7.
    """
    path = tmp_path / "reporter"
    path.write_text(_REPORTER)
    return [sys.executable, "-I", str(path)]


@pytest.fixture
def terminal(tmp_path: Path, preloaded: Preloaded, program: str) -> Iterator[Callable[..., Terminal]]:
    """Return a function that starts a program at a terminal. The end of the test stops the program."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with ExitStack() as stack:

        def start(argv: list[str], environ: Mapping[str, str], **more: Any) -> Terminal:
            first = shutil.which(argv[0], path=environ["PATH"])
            if first == program and preloaded.serves(environ):
                argv, more = [program, *argv[1:]], more | {"preloaded": preloaded}
            started = Terminal(argv, environ, folder, **more)
            stack.callback(started.close)
            return started

        yield start


@pytest.fixture
def interactive(
    shell: Spelling, environ: dict[str, str], terminal: Callable[..., Terminal], require: Callable[[str], str]
) -> Interactive:
    """Return a function that starts the shell of the test at a terminal."""

    def start(*, hook: bool = False, before: tuple[str, ...] = (), **more: str) -> Terminal:
        shell.furnish(Path(environ["HOME"]), hook=hook)
        path = require(shell.name)
        started = terminal([*before, path, "-i"], environ | {"SHELL": path} | more, status=shell.status)
        started.prompt()
        return started

    return start
