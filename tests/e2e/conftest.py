"""A user at a terminal: real interactive shells over a pty, with real rc files, in the world of the README."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pexpect
import pytest
from pexpect.fdpexpect import fdspawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from conftest import World

TIMEOUT = 60
"""Seconds after which a test gives up: no test waits for it."""

# Makes the terminal on its standard input its own, and becomes the program. A fork by pty.fork() would be one of a
# process with threads, which Python 3.12 warns of.
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)

# Each prompt has the level of its shell and a number, so that none is taken for the one before, which fish paints again
# and again.
_PROMPT = r"<(\d+)\.(\d+)> "

_ESCAPE = re.compile(r"\r|\x1b\[[0-9;?]*[a-zA-Z]")

# One process: a shell that forks just when Ctrl-Z is pressed may wait for ever. The signals are blocked from the start,
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


@dataclass(frozen=True)
class Spelling:
    """How a shell spells what the tests do in it."""

    name: str
    rc: str
    """Its rc file, below the home."""
    prompt: str
    """Lines of the rc file that number the prompts."""
    hook: str
    """The rc line of the README."""
    status: str = "$?"
    save_history: str = ""
    """Writes the history now."""

    def furnish(self, home: Path, *, hook: bool = False) -> None:
        """Write the rc file, which loads the hook or does not."""
        rc = home / self.rc
        rc.parent.mkdir(parents=True, exist_ok=True)
        rc.write_text(self.prompt + (self.hook if hook else ""))
        # Without it the first fish of a home reads every manual page of the machine.
        (home / ".local" / "share" / "fish" / "generated_completions").mkdir(parents=True, exist_ok=True)


SPELLINGS = {
    spelling.name: spelling
    for spelling in (
        Spelling(
            "bash",
            ".bashrc",
            "PROMPT_COMMAND='((++_n))'\nPS1='<$SHLVL.$_n> '\n",
            'eval "$(awsenv init bash)"\n',
            save_history="history -a",
        ),
        Spelling(
            "zsh",
            ".zshrc",
            "setopt prompt_subst no_prompt_sp\nprecmd() { ((++_n)) }\nPROMPT='<$SHLVL.$_n> '\n"
            "HISTFILE=~/.zsh_history SAVEHIST=99\n",
            'eval "$(awsenv init zsh)"\n',
            save_history="fc -A",
        ),
        Spelling(
            "fish",
            ".config/fish/config.fish",
            "set -g _n 0\nset -g fish_greeting\n"
            'function _count --on-event fish_prompt; set -g _n (math "$_n + 1"); end\n'
            'function fish_prompt; printf "<%s.%s> " $SHLVL $_n; end\n',
            "awsenv init fish | source\n",
            status="$status",
            save_history="history save",
        ),
    )
}


class Terminal:
    """A program on a terminal of its own, and the user who types there.

    Args:
        argv: The program.
        environ: Its whole environment.
        folder: Where it starts.
        status: How its shell spells the status of the last command.
    """

    def __init__(self, argv: list[str], environ: Mapping[str, str], folder: Path, status: str = "$?") -> None:
        self._status = status
        self._folder = folder
        self._last = 0, 0
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _TAKE_TERMINAL, *argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(environ),
            cwd=folder,
            start_new_session=True,
        )
        os.close(slave)
        self._screen = fdspawn(self._master, timeout=TIMEOUT, encoding="utf-8", codec_errors="replace")
        self._screen.delaybeforesend = None
        self.transcript = ""
        """All that was shown so far."""

    def hang_up(self) -> None:
        """Close the window."""
        self._screen.close()

    def close(self) -> None:
        """Hang up, and end what is left."""
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
            # pexpect's own text is its whole state, most of it twice.
            shown = self.transcript + (self._screen.before if isinstance(self._screen.before, str) else "")
            pytest.fail(f"{type(error).__name__} before {pattern!r} was shown:\n{shown}")
        self.transcript += self._screen.before + self._screen.after
        match: re.Match[str] = self._screen.match
        return match

    def send(self, keys: str) -> None:
        """Type *keys*, and nothing more."""
        self._screen.send(keys)

    def prompt(self) -> str:
        """Wait for the next prompt, and return what was shown before it, the role in front of it included."""
        start = len(self.transcript)
        while True:
            seen = self.see(_PROMPT)
            level, number = int(seen[1]), int(seen[2])
            if level != self._last[0] or number > self._last[1]:
                self._last = level, number
                return _ESCAPE.sub("", self.transcript[start:].rpartition("<")[0])

    def run(self, line: str) -> str:
        """Type *line*, and return what is shown until the next prompt."""
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
            environ: On top of the user's environment.
        """


def parsed(text: str) -> dict[str, str]:
    """Return what `env -0` printed."""
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


class Silent:
    """A service that takes a request and never answers."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        listening.settimeout(TIMEOUT)
        self._taken: list[socket.socket] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def wait(self) -> None:
        """Wait until a request has come."""
        connection, _ = self._listening.accept()
        connection.settimeout(TIMEOUT)
        self._taken.append(connection)
        assert connection.recv(1)

    def close(self) -> None:
        """Hang up."""
        for connection in (*self._taken, self._listening):
            connection.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    """Return an AWS that does not answer."""
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
        # Or fish keeps a folder among the temporary files.
        "XDG_RUNTIME_DIR": str(runtime),
    }


@pytest.fixture
def new_code(world: World) -> Callable[[], str]:
    """Return what the user does for another code: wait for half a minute. AWS takes each code once."""

    def wait() -> str:
        world.sandbox.clock.elapse(30)
        return world.device.code()

    return wait


@pytest.fixture
def reporter(tmp_path: Path) -> list[str]:
    """Return a command that prints `ready`, `again` when it is continued, and `bye` when it is asked to end.

    SIGINT and SIGTERM end it, with status 7.
    """
    path = tmp_path / "reporter"
    path.write_text(_REPORTER)
    return [sys.executable, "-I", str(path)]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Return what starts a program at a terminal. All is ended with the test."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with ExitStack() as stack:

        def start(argv: list[str], environ: Mapping[str, str], **more: Any) -> Terminal:
            started = Terminal(argv, environ, folder, **more)
            stack.callback(started.close)
            return started

        yield start


@pytest.fixture
def interactive(
    shell: Spelling, environ: dict[str, str], terminal: Callable[..., Terminal], require: Callable[[str], str]
) -> Interactive:
    """Return what starts the shell of the test at a terminal."""

    def start(*, hook: bool = False, before: tuple[str, ...] = (), **more: str) -> Terminal:
        shell.furnish(Path(environ["HOME"]), hook=hook)
        path = require(shell.name)
        started = terminal([*before, path, "-i"], environ | {"SHELL": path} | more, status=shell.status)
        started.prompt()
        return started

    return start
