"""A terminal with a real shell."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import tempfile
import termios
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pyte
import pytest

from awsenv.agent import runtime_directory
from awsenv.shells.base import folder
from spelling import NOW, ROWS, SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from spelling import Row, Spelling

TIMEOUT = 60
"""Seconds after which a shell counts as stuck."""

COLUMNS, LINES = 80, 50

_LONGEST = 100_000
"""Seconds. No test sets an expiry farther from `NOW`."""


_PATIENCE = 0.4
"""Seconds. xonsh waits half a second for a reply, and takes a later one for what the user types. nushell waits two, and
takes a later one for that to its next query: it draws over the output. Without a reply both go on by themselves."""


class Child(pexpect.spawn):  # type: ignore[misc] # it has no types
    """A shell at a terminal, which notes when something was typed."""

    typed = 0.0

    def send(self, s: str | bytes) -> int:
        """Type something, once the shell or its command waits: ksh93 shows a prompt before it turns the echo off."""
        end = time.monotonic() + 1
        while not self._waits() and time.monotonic() < end:
            time.sleep(0.001)
        return self.reply(s)

    def reply(self, s: str | bytes) -> int:
        """Type something at once."""
        self.typed = time.monotonic()
        return int(super().send(s))

    def is_silent(self) -> bool:
        """Return whether there is nothing to read."""
        return not select.select([self.child_fd], [], [], 0)[0]

    def _waits(self) -> bool:
        """Return whether the process that has the terminal sleeps."""
        try:
            status = Path(f"/proc/{os.tcgetpgrp(self.child_fd)}/stat").read_text()
        except OSError:  # it has ended, or this is not Linux
            return True
        return status.rpartition(")")[2].split()[0] == "S"


class Screen(pyte.Screen):
    """A screen that replies to the queries of a shell about the terminal, in time or never."""

    def __init__(self, child: Child) -> None:
        super().__init__(COLUMNS, LINES)
        self.child = child
        self.silent = 0.0
        """When the shell was last seen to have asked nothing."""

    def write_process_input(self, data: str) -> None:
        """Send the reply to the shell."""
        if time.monotonic() - max(self.silent, self.child.typed) < _PATIENCE:
            self.child.reply(data)


@dataclass
class Terminal:
    """A shell at a terminal of 80 columns, and its screen."""

    child: Child
    screen: Screen = field(init=False)
    prompts: int = 0
    transcript: bytes = b""
    """Everything that the shell has printed, including lines that have left the screen."""

    def __post_init__(self) -> None:
        """Connect the screen to the shell."""
        self.screen = Screen(self.child)
        self.stream = pyte.ByteStream(self.screen)

    def until(self, seen: Callable[[], object], what: str) -> None:
        """Read what the shell prints until *seen* is true.

        Raises:
            AssertionError: It is not true in time. The message shows the screen.
        """
        deadline = time.monotonic() + TIMEOUT
        while not seen():
            now = time.monotonic()
            assert now < deadline, f"no {what} on the screen:\n{self.text}"
            if self.child.is_silent():
                self.screen.silent = now
            try:
                with suppress(pexpect.TIMEOUT):
                    printed = self.child.read_nonblocking(65536, timeout=0.2)
                    self.transcript += printed
                    self.stream.feed(printed)
            except pexpect.EOF:
                assert seen(), f"the shell ended, no {what} on the screen:\n{self.text}"

    def after(self, line: str, ends: str) -> str:
        """Type *line*, wait for a prompt that ends with one of *ends*, and return what stands below the output."""
        self.prompts += 1
        mark = f"<{self.prompts}>"
        self.child.send(f"{line}; printf '<%s>\\n' {self.prompts}\r")

        def rows() -> list[str]:
            return [text.rstrip() for text in self.screen.display[: self._row() + 1]]

        self.until(lambda: mark in rows()[:-1] and self.line.rstrip().endswith(tuple(ends)), f"prompt after {mark}")
        return "\n".join(rows()[rows().index(mark) + 1 :])

    def wait(self) -> str:
        """Wait for the next prompt, and return the text before the cursor."""
        self.until(lambda: self._number() > self.prompts, f"prompt after number {self.prompts}")
        self.prompts = self._number()
        return self.line

    def run(self, line: str) -> str:
        """Type *line*, wait for the next prompt, and return the output of the line."""
        top = self._row()
        self.child.send(line + "\r")
        self.wait()
        shown = [text.rstrip() for text in self.screen.display[top + 1 : self._row()]]
        return "\n".join(shown).strip("\n")

    def enter(self, line: str) -> str:
        """Type *line*, after which another shell counts the prompts, and return the text before the cursor."""
        self.clear()
        self.child.send(line + "\r")
        # The shell may draw its own prompt once more, with the line behind it.
        self.until(lambda: self._number() not in {-1, self.prompts}, f"prompt other than number {self.prompts}")
        self.prompts = self._number()
        return self.line

    def trapped(self, folder: Path) -> bytes:
        """Return what a trap wrote: the file `trapped` in *folder*, if there is one, else everything printed."""
        file = folder / "trapped"
        return file.read_bytes() if file.exists() else self.transcript

    def command_reads(self) -> bool:
        """Return whether a command, and not the shell, has the terminal, in its ordinary mode."""
        terminal: int = self.child.child_fd
        return os.tcgetpgrp(terminal) != self.child.pid and bool(termios.tcgetattr(terminal)[3] & termios.ICANON)

    def _row(self) -> int:
        row: int = self.screen.cursor.y
        return row

    def _number(self) -> int:
        match = re.search(r":(\d+)> $", self.line)
        return int(match[1]) if match else -1

    @property
    def line(self) -> str:
        """The text before the cursor, in its line."""
        text: str = self.screen.display[self.screen.cursor.y][: self.screen.cursor.x]
        return text

    @property
    def text(self) -> str:
        """Everything on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def look(self, column: int = 0) -> tuple[str, bool]:
        """Return the colour of a character in the line of the cursor, and whether it is bold."""
        character = self.screen.buffer[self.screen.cursor.y][column]
        return character.fg, character.bold

    def clear(self) -> None:
        """Clear the screen."""
        self.screen.reset()

    def clear_below(self) -> None:
        """Clear what is below the line of the cursor, such as a menu."""
        self.screen.erase_in_display(0)


@pytest.fixture(params=SPELLINGS)
def shell(request: pytest.FixtureRequest, require: Callable[[str], str]) -> Spelling:
    """Return each shell in turn; a missing shell skips the test, or fails it in CI."""
    require(request.param)
    return SPELLINGS[request.param]


@pytest.fixture
def shells() -> Mapping[str, Spelling]:
    """Return every shell by its name, for a test of one of them."""
    return SPELLINGS


@pytest.fixture
def hooks() -> Path:
    """Return the folder of the static shell files that the installed program uses."""
    return Path(folder())


@pytest.fixture
def home(
    clean_environ: dict[str, str],
    program: str,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
) -> Iterator[Path]:
    """Return a home with two roles that need no AWS: keys of a file, and a process whose keys have a time of expiry.

    Beside an agent the program starts ten times as fast.
    """
    home = Path(clean_environ["HOME"])
    clean_environ["PATH"] = f"{Path(program).parent}{os.pathsep}{clean_environ['PATH']}"
    # The `credential_process` replaces AWS.
    clean_environ["AWS_EC2_METADATA_DISABLED"] = "true"
    clean_environ["AWS_REGION"] = "eu-central-1"
    (home / ".aws").mkdir()
    (home / ".aws/credentials").write_text(
        "[power-user]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary/secret+one\n"
    )
    answer = home / "answer.json"
    answer.write_text(
        '{"Version": 1, "AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "canary/secret+two",'
        ' "SessionToken": "canary/token+two", "Expiration": "2099-01-01T00:00:00Z"}'
    )
    (home / ".aws/config").write_text(f"[profile temporary]\ncredential_process = cat {answer}\n")
    # Otherwise the first fish in a home directory writes completions for every manual page, in the background.
    (home / ".local/share/fish/generated_completions").mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as runtime:
        clean_environ[runtime_directory.VARIABLE] = f"{runtime}/run"
        with agent_in(clean_environ):
            yield home


@pytest.fixture(params=ROWS.values(), ids=str)
def row(
    request: pytest.FixtureRequest, require: Callable[[str], str], home: Path, clean_environ: dict[str, str]
) -> Row:
    """Return the row of each shell in turn, which then runs under its name and has an rc file."""
    row: Row = request.param
    program = require(row.program or row.name)
    if row.program:
        (home / "bin").mkdir()
        (home / "bin" / row.name).symlink_to(program)
        clean_environ["PATH"] += f"{os.pathsep}{home / 'bin'}"
    rc = home / row.rc
    rc.parent.mkdir(parents=True, exist_ok=True)
    rc.write_text(f"{row.prompt}\n{row.completion}\n{row.hook}\n{row.hook}\n")
    clean_environ |= {name: value.format(rc) for name, value in row.environ.items()}
    clean_environ["SHELL"] = shutil.which(row.name, path=clean_environ["PATH"]) or row.name
    return row


@pytest.fixture
def run(home: Path, clean_environ: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs a script in a shell with strict options and no terminal."""

    def run(shell: Spelling, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            shell.command(script, *shell.strict),
            env=clean_environ | environ,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
        )

    return run


@pytest.fixture
def open_terminal(home: Path, clean_environ: dict[str, str]) -> Iterator[Callable[..., Terminal]]:
    """Return a function that starts a program at a terminal and, for *ours*, waits for a prompt `STATUS:COUNT> `."""
    children = []

    def start(argv: Sequence[str], environ: Mapping[str, str] | None = None, *, ours: bool = True) -> Terminal:
        child = Child(
            argv[0],
            list(argv[1:]),
            env=dict(clean_environ if environ is None else environ),
            cwd=str(home),
            dimensions=(LINES, COLUMNS),
            timeout=TIMEOUT,
        )
        child.delaybeforesend = None
        children.append(child)
        terminal = Terminal(child)
        if ours:
            terminal.wait()
        return terminal

    yield start
    for child in children:
        with suppress(pexpect.ExceptionPexpect):
            child.close(force=True)


@pytest.fixture
def write_rc(home: Path) -> Callable[..., None]:
    """Return a function that writes the rc file of a shell: the user's own prompt, and these lines."""

    def write(shell: Spelling, *lines: str) -> None:
        path = home / shell.rc
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join((shell.prompt, *lines)) + "\n")

    return write


@pytest.fixture
def terminal(
    write_rc: Callable[..., None], open_terminal: Callable[..., Terminal], clean_environ: dict[str, str]
) -> Callable[..., Terminal]:
    """Return a function that opens a shell whose rc file runs *before*, loads the hook and runs *after*.

    *environ* is added to its environment. The clock of the hook is stopped if *environ* is that of `active`.
    """

    def start(shell: Spelling, *before: str, after: Sequence[str] = (), **environ: str) -> Terminal:
        ends = environ.get("AWSENV_EXPIRES_EPOCH", "")
        is_stopped = ends.isdecimal() and abs(int(ends) - NOW) < _LONGEST
        write_rc(shell, *before, shell.hook, *([shell.stopped] if is_stopped else []), *after)
        return open_terminal([shell.name], clean_environ | environ)

    return start


@pytest.fixture
def active() -> Callable[..., dict[str, str]]:
    """Return a function for the variables of an active role with *seconds* left, by the clock at `NOW`."""

    def variables(seconds: int = 59 * 60, label: str = "power-user") -> dict[str, str]:
        return {
            "AWSENV_ROLE": label,
            "AWSENV_LABEL": label,
            "AWSENV_EXPIRES_EPOCH": str(NOW + seconds),
        }

    return variables
