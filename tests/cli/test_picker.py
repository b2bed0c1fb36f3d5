"""The picker on a real terminal: keys, sizes, every ending, fzf, and the roles used last."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import stat
import struct
import subprocess
import tempfile
import termios
import time
from contextlib import suppress
from copy import copy, deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pyte
import pytest

from awsenv.cli import picker
from awsenv.cli.process import FAILURE
from relay import Counts, Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Job, Preloaded, Until, World

TIMEOUT = 60
"""Seconds after which a picker counts as stuck."""
COLUMNS, LINES = 80, 24
BEFORE = "what was there before\r\n$ awsenv\r\n"
PICTURE = b"\x1b[J\r"
"""The end of a picture; at most, it is followed by what moves the cursor."""
MARK = b"\0"
"""What the test writes to the terminal after the end of the program: no program writes it, and no terminal shows it."""


class Screen(pyte.Screen):
    """A terminal with a second screen, as xterm has it: pyte has none."""

    has_second = True

    def set_mode(self, *modes: int, **kwargs: bool) -> None:
        """Change to the second screen."""
        if self.has_second and 1049 in modes:
            self.first = deepcopy(self.buffer), copy(self.cursor)
            self.erase_in_display(2)
        super().set_mode(*modes, **kwargs)

    def reset_mode(self, *modes: int, **kwargs: bool) -> None:
        """Return to the first one."""
        if self.has_second and 1049 in modes:
            self.buffer, self.cursor = self.first
        super().reset_mode(*modes, **kwargs)


@dataclass
class Window:
    """A terminal, on which the program runs with its output in a pipe."""

    preloaded: Preloaded
    screen: Screen = field(default_factory=lambda: Screen(COLUMNS, LINES))
    transcript: bytes = b""
    unseen: bytes = b""
    """What is read, and not on the screen yet."""
    job: Job | None = None
    """The program that runs."""
    deadline: float = field(default_factory=lambda: time.monotonic() + TIMEOUT)

    def __post_init__(self) -> None:
        """Open the terminal, and show what was there before."""
        self.master, self._slave = os.openpty()
        self.stream = pyte.ByteStream(self.screen)
        self.stream.feed(BEFORE.encode())

    def size(self, columns: int, lines: int) -> None:
        """Give the terminal another size, which tells the program."""
        self.screen.resize(lines, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def start(self, words: list[str], environ: dict[str, str]) -> None:
        """Start the program, whose window this is."""
        self.deadline = time.monotonic() + TIMEOUT
        self.settings = termios.tcgetattr(self._slave)
        self.cursor = self.screen.cursor.y
        self._out, writes = os.pipe()
        environ = {"TERM": "xterm-256color"} | environ
        descriptors = [self._slave, writes, self._slave]
        self.job = self.preloaded.start(["/bin/awsenv", *words], environ, environ["HOME"], descriptors)
        os.close(writes)

    def until(self, *texts: str) -> None:
        """Read what the program draws until the screen shows *texts*."""
        while not all(text in self.text for text in texts):
            self.read()

    def finish_picture(self) -> int:
        """Read on until the picture is whole, and return how many the program has drawn."""
        while not re.search(re.escape(PICTURE) + rb"(\x1b\[\d+[AC])*\Z", self.transcript):
            self.read()
        return self.transcript.count(PICTURE)

    def until_picture(self, number: int) -> None:
        """Read until the program has drawn so many pictures."""
        while self.transcript.count(PICTURE) < number:
            self.read()

    def read(self) -> None:
        """Show what the program has drawn, if anything: one picture at most, for the next may hide it at once."""
        assert time.monotonic() < self.deadline, f"the picker is stuck:\n{self.text}"
        fcntl.fcntl(self.master, fcntl.F_SETFL, os.O_NONBLOCK)
        try:
            read = self.unseen or os.read(self.master, 65536)
        except BlockingIOError:
            time.sleep(0.01)
            return
        before, end, self.unseen = read.partition(PICTURE)
        data = before + end
        self.transcript += data
        self.stream.feed(data)
        if b"\x1b[6n" in data:  # where is the cursor?
            self.type(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R")

    def type(self, text: str) -> None:
        """Type *text*."""
        os.write(self.master, text.encode())

    def end(self) -> tuple[int, str]:
        """Wait for the end of the program, and return its status and its output."""
        out = b""
        fcntl.fcntl(self._out, fcntl.F_SETFL, os.O_NONBLOCK)
        while True:
            try:
                data = os.read(self._out, 65536)
            except BlockingIOError:
                self.read()
                continue
            out += data
            if not data:
                break
        os.close(self._out)
        assert self.job is not None
        status, self.job = self.job.wait(), None
        # What it has written may still be on its way.
        ends = self.transcript.count(MARK)
        with suppress(OSError):  # the terminal is gone
            os.write(self._slave, MARK)
            while self.transcript.count(MARK) == ends:
                self.read()
        return status, out.decode()

    @property
    def text(self) -> str:
        """Everything on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal has the settings of before."""
        return self.settings == termios.tcgetattr(self._slave)

    def close(self) -> None:
        """Close the terminal, and end a program that a failed test has left."""
        if self.job:
            self.job.send_signal(signal.SIGKILL)
            self.job.wait()
        os.close(self.master)
        os.close(self._slave)


@pytest.fixture
def window(preloaded: Preloaded) -> Iterator[Window]:
    """Return a terminal of 80 columns and 24 lines."""
    made = Window(preloaded)
    made.size(COLUMNS, LINES)
    yield made
    made.close()


def configured(environ: dict[str, str], count: int) -> dict[str, str]:
    """Return the environment of a user with *count* roles, and a picker of our own."""
    folder = Path(environ["HOME"], ".aws")
    folder.mkdir(exist_ok=True)
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary/secret\n"
    )
    (folder / "config").write_text(
        "".join(
            f"[profile {('dev', 'prod')[number % 2]}-{number}]\nrole_arn = arn:aws:iam::{number:012}:role/Admin\n"
            f"source_profile = default\nregion = eu-central-{number % 3}\n"
            for number in range(count)
        )
    )
    return environ | {"AWSENV_PICKER": "builtin"}


@pytest.mark.parametrize("count", [1, 80, 500, 5000])
def test_a_role_is_picked_from_a_list_of_any_length(count: int, window: Window, clean_environ: dict[str, str]) -> None:
    """The user types a part of a name until one is left, and Enter takes it."""
    window.start(["explain"], configured(clean_environ, count))
    window.until(f"{count + 1}/{count + 1}")

    window.type(f"{count - 1} dev" if count % 2 else f"prod {count - 1}")
    window.until(f">  {('dev', 'prod')[(count - 1) % 2]}-{count - 1} ")
    window.type("\r")

    status, shown = window.end()
    assert (0, f"{('dev', 'prod')[(count - 1) % 2]}-{count - 1}:") == (status, shown.split()[0])
    assert BEFORE.splitlines() == window.text.splitlines()
    assert window.is_as_before


@pytest.mark.parametrize("words", [[], ["exec"], ["console"], ["explain"]], ids=" ".join)
def test_without_a_profile_there_is_nothing_to_pick(
    words: list[str], window: Window, clean_environ: dict[str, str]
) -> None:
    """The message is that of every command without credentials, and the list is gone."""
    window.start(words, clean_environ | {"AWSENV_PICKER": "builtin"})

    status, _ = window.end()

    assert 125 if words == ["exec"] else 4 == status
    assert "$ awsenv\nawsenv: there are no AWS credentials in ~/.aws/config (missing)" in window.text
    assert window.is_as_before


KEYS = (
    ("", "dev-0"),
    ("\x1b[B", "prod-1"),
    ("\x1bOB\x0e", "dev-2"),
    ("\x0e\x0e\x10", "prod-1"),
    ("\x1b[B\x1b[A\x1bOA", "dev-0"),
    ("\x1b[6~", "prod-21"),
    ("\x1b[6~\x1b[6~\x1b[5~", "prod-21"),
    ("\x1b[F", "default"),
    ("\x1b[4~\x1b[1~", "dev-0"),
    ("\x1bOF\x1bOH", "dev-0"),
    ("7 dev\x15prod-5", "prod-5"),
    ("prod 70\x17 55", "prod-55"),
    ("prod-770\x7f\x08", "prod-7"),
    ("prod-5\x1b[C\x1b[D\x1bx\x1b[3;5~\x1b[[A", "prod-5"),
    ("\x1b[200~prod\r\n33\x1b[201~", "prod-33"),
    ("\x1b[200~\x1b]0;x\x07\x1b[201~\x1590", None),
)
"""What is typed at a list of 80 roles, and what Enter takes then."""


def test_each_key_does_what_it_does_elsewhere(window: Window, clean_environ: dict[str, str]) -> None:
    """Arrows, pages and the like move the mark; the keys of a shell's line erase; a paste is text."""
    environ = configured(clean_environ, 80)
    for typed, picked in KEYS:
        window.start(["explain"], environ)
        window.until("/81")
        window.type(f"{typed}\r" if picked else f"{typed}\x1b")
        status, shown = window.end()

        assert (0 if picked else 130, picked) == (status, shown.partition(":")[0] or None), typed
        assert window.is_as_before, typed


@pytest.mark.parametrize("key", ["\x1b", "\x03", "\x04", "\x07", "\x1c"], ids=["Esc", "C-c", "C-d", "C-g", "C-\\"])
@pytest.mark.parametrize("words", [[], ["exec", "--", "true"]], ids=" ".join)
def test_the_user_leaves(key: str, words: list[str], window: Window, clean_environ: dict[str, str]) -> None:
    """Nothing is done, what evaluates the output fails, and the terminal is as it was."""
    window.start(words, configured(clean_environ, 80))
    window.until("81/81")
    window.type(key)

    assert (130, "" if words else FAILURE) == window.end()
    assert "awsenv: no role picked" == window.text.splitlines()[-1]
    assert window.is_as_before


@pytest.mark.parametrize("key", ["\x1b", "\x03"], ids=["Esc", "C-c"])
def test_the_user_leaves_before_the_profiles_are_read(key: str, window: Window, clean_environ: dict[str, str]) -> None:
    """The picker does not read 20,000 profiles to the end first."""
    window.start([], configured(clean_environ, 20_000))
    window.until("role>", "…")
    window.type(key)

    assert (130, FAILURE) == window.end()
    assert b"/20001" not in window.transcript
    assert window.is_as_before


def test_keys_before_the_list_is_there_count(window: Window, clean_environ: dict[str, str]) -> None:
    """The user sees what they type while the profiles are read, and Enter takes what the list marks then."""
    window.start(["explain"], configured(clean_environ, 5000))
    window.until("role>", "…")
    window.type("prod-77")
    window.until("role> prod-77")
    window.type("\x1b[B\r")

    assert (0, "prod-771:") == ((end := window.end())[0], end[1].split()[0])
    assert window.is_as_before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
@pytest.mark.parametrize("has_second", [True, False])
def test_a_signal_leaves_the_terminal_as_it_was(
    number: signal.Signals, *, has_second: bool, window: Window, clean_environ: dict[str, str]
) -> None:
    """A signal leaves nothing of the list, with a second screen or without, and what evaluates the output fails."""
    window.screen.has_second = has_second
    window.start([], configured(clean_environ, 3))
    window.until("4/4")
    assert window.job is not None
    window.job.send_signal(number)

    assert (130, FAILURE) == window.end()
    assert [*BEFORE.splitlines(), "awsenv: interrupted"] == window.text.splitlines()
    assert window.is_as_before


def test_half_of_a_key_is_no_esc(window: Window, clean_environ: dict[str, str]) -> None:
    """Where a slow connection cuts an arrow in two, the user does not leave, and goes on typing."""
    window.start(["explain"], configured(clean_environ, 80))
    window.until("81/81")
    drawn = window.finish_picture()
    window.type("\x1b[")
    window.until_picture(drawn + 1)
    window.type("prod-33\r")

    assert (0, "prod-33:") == ((end := window.end())[0], end[1].split()[0])


def test_a_terminal_that_is_gone_ends_the_picker(window: Window, clean_environ: dict[str, str]) -> None:
    """A connection that breaks is as Ctrl-C, and leaves no process behind."""
    window.start([], configured(clean_environ, 3))
    window.until("4/4")
    master, window.master = window.master, os.open(os.devnull, os.O_RDWR)
    os.close(master)

    assert (130, FAILURE) == window.end()


@pytest.mark.parametrize("has_second", [True, False])
@pytest.mark.parametrize(("columns", "lines"), [(40, 24), (20, 5), (200, 60), (6, 2)])
def test_a_new_size_draws_the_list_anew(
    columns: int, lines: int, *, has_second: bool, window: Window, clean_environ: dict[str, str]
) -> None:
    """After a change of the size the list fits the terminal again, with the same role marked."""
    window.screen.has_second = has_second
    window.start(["explain"], configured(clean_environ, 80))
    window.until("81/81")
    window.type("prod\x1b[B")
    window.until("40/81", ">  prod-3 ")
    drawn = window.finish_picture()
    window.size(columns, lines)
    window.until_picture(drawn + 1)

    assert ">  prod-3"[: columns - 2] in window.text.replace("…", "prod-3")
    window.type("\r")
    assert "prod-3:" == window.end()[1].split()[0]
    assert window.is_as_before


def test_the_name_of_a_profile_is_inert(window: Window, clean_environ: dict[str, str]) -> None:
    """An escape sequence in a name is spelled out on the terminal, and the name that is taken has it."""
    environ = configured(clean_environ, 0)
    with Path(environ["HOME"], ".aws/config").open("a") as file:
        file.write("[profile a\x1b]0;title\x07b]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n")
    window.start(["explain"], environ)
    window.until("a\\x1b]0;title\\x07b")
    window.type("title\r")
    window.end()

    assert b"\x1b]0;" not in window.transcript


@pytest.mark.parametrize(
    ("changes", "status", "shown"),
    [
        ({"TERM": "dumb"}, 2, "awsenv: which role?"),
        ({"TERM": ""}, 2, "awsenv: which role?"),
        ({"AWSENV_PICKER": "none"}, 2, "awsenv: which role?"),
        ({"AWSENV_PICKER": "dialog"}, 2, "awsenv: there is no picker 'dialog'"),
    ],
)
def test_where_nobody_can_pick_the_role_is_missing(
    changes: dict[str, str], status: int, shown: str, window: Window, clean_environ: dict[str, str]
) -> None:
    """Without a terminal that can show the list, or without the wish, the message is the same as ever."""
    window.start([], configured(clean_environ, 3) | changes)

    assert (status, FAILURE) == window.end()
    assert shown in window.text
    assert "/4" not in window.text


def test_a_role_is_not_picked_for_a_shell_that_cannot_have_it(world: World) -> None:
    """`awsenv` alone, without the hook, says how to call it before the user picks. A file gets no keys either."""
    environ = configured(world.environ, 3)
    child = pexpect.spawn(world.program, [], env=environ, encoding="utf-8", timeout=60)
    child.expect(pexpect.EOF)
    astray = pexpect.spawn("sh", ["-c", f"{world.program} > file"], env=environ, cwd=environ["HOME"], timeout=60)
    astray.expect(pexpect.EOF)

    assert "nothing was done: a program cannot change the shell that calls it" in child.before
    assert 'eval "$(awsenv)"' in child.before
    assert b"which role?" in astray.before


def test_an_agent_gets_the_role_that_was_picked(world: World, window: Window) -> None:
    """With an agent that holds an MFA session, a picked role needs no code."""
    assert world.run("login", world.device.code()).returncode == 0
    environ = world.environ | {"AWSENV_PICKER": "builtin"}
    for number, words in enumerate((["--shell", "json"], ["use", "--region=us-west-2", "--shell", "json"])):
        window.start(words, environ)
        window.until("3/3")
        window.type("power\r")
        status, printed = window.end()

        assert (0, "power-user") == (status, json.loads(printed)["AWSENV_ROLE"])
        assert ("eu-central-1", "us-west-2")[number] == json.loads(printed)["AWS_REGION"]
        assert json.loads(printed)["AWSENV_RENEW"]


def test_exec_runs_its_command_with_the_role(world: World, window: Window) -> None:
    """`awsenv exec -- COMMAND` lets the user pick, and then runs the command."""
    window.start(["exec", "--", "printenv", "AWSENV_ROLE"], world.environ | {"AWSENV_PICKER": "builtin"})
    window.until("3/3")
    window.type("read\r")

    assert (0, "read-only\n") == window.end()


def test_the_connection_is_opened_while_the_user_picks(world: World, window: Window, until: Until) -> None:
    """The connection opens while the user picks, and nothing is sent before."""
    with Relay(world.sandbox.port) as relay:
        environ = {"AWSENV_PICKER": "builtin", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{relay.port}"}
        window.start(["exec", "--", "printenv", "AWSENV_ROLE"], world.environ | environ)
        window.until("3/3")
        until(lambda: relay.take_counts() == Counts(1, 1))
        before = world.actions()
        window.type("read\r")

        assert ((0, "read-only\n"), []) == (window.end(), before)
        assert Counts(0, 1) == relay.take_counts()


def test_roles_used_last_come_first(world: World, window: Window) -> None:
    """The list begins with the roles of `use` and `exec`, the last one first; only you can read their names."""
    cache = Path(world.environ["HOME"], ".cache/awsenv/recent")
    world.configure("[profile third]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n")
    environ = world.environ | {"AWSENV_PICKER": "builtin"}
    world.run("exec", "read-only", "--", "true")
    window.start(["explain"], environ)
    window.until("4/4")
    names = [line[3:].split()[0] for line in window.text.splitlines()[-5:-1]]
    window.type("\x1b")
    window.end()

    assert ["read-only", "power-user", "third", "default"] == names
    assert re.fullmatch(r"[0-9]{10}\tread-only\n", cache.read_text())
    assert 0o600 == stat.S_IMODE(cache.stat().st_mode)


def fzf(environ: dict[str, str], script: str) -> dict[str, str]:
    """Return *environ* with an `fzf` that is *script*, first on the PATH."""
    folder = Path(environ["HOME"], "bin")
    folder.mkdir(exist_ok=True)
    (folder / "fzf").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "fzf").chmod(0o755)
    del environ["AWSENV_PICKER"]
    return environ | {"PATH": f"{folder}:{environ['PATH']}"}


@pytest.mark.parametrize("key", ["\r", "\x1b"])
def test_fzf_is_used_where_it_is_installed(
    key: str, window: Window, clean_environ: dict[str, str], require: Callable[[str], str]
) -> None:
    """The real fzf shows the list, with the user's own options, and its Esc leaves."""
    require("fzf")
    options = "--read0 --print0 --print-query --multi --select-1 --expect=ctrl-a --nth=3 --preview=false --height=90%"
    environ = configured(clean_environ, 80) | {"FZF_DEFAULT_OPTS": f"--layout=reverse --no-color {options}"}
    del environ["AWSENV_PICKER"]
    window.start(["explain"], environ)
    window.until("PROFILE", "81/81")
    window.type("'prod-33")
    window.until(" 1/81")
    window.type(key)
    status, printed = window.end()

    assert ((0, "prod-33") if key == "\r" else (130, "")) == (status, printed.partition(":")[0])
    assert window.is_as_before


@pytest.mark.parametrize("query", ["prod", "prod-33"])
def test_an_fzf_that_asks_nothing_picks_nothing(
    query: str, window: Window, clean_environ: dict[str, str], require: Callable[[str], str]
) -> None:
    """With `--filter` the real fzf prints what matches, without a key of the user."""
    require("fzf")
    environ = configured(clean_environ, 80) | {"FZF_DEFAULT_OPTS": f"--filter={query}"}
    del environ["AWSENV_PICKER"]
    window.start(["explain"], environ)
    window.until("role>", "81/81")
    window.type("\x1b")

    assert (130, "") == window.end()
    assert "awsenv: fzf gave no answer, so awsenv shows its own list" in window.text


def test_fzf_is_left_before_the_profiles_are_read(
    window: Window, clean_environ: dict[str, str], require: Callable[[str], str]
) -> None:
    """Its Esc does not wait for 20,000 profiles."""
    require("fzf")
    environ = configured(clean_environ, 20_000)
    del environ["AWSENV_PICKER"]
    window.start([], environ)
    window.until("role>")
    window.type("\x1b")

    assert (130, FAILURE) == window.end()
    assert b"/20001" not in window.transcript
    assert window.is_as_before


def test_fzf_gets_no_secret_and_no_command(window: Window, clean_environ: dict[str, str]) -> None:
    """Fzf sees the list alone: no key of a role, none that was saved, and no command that would list files."""
    keys = {"AWS_SECRET_ACCESS_KEY": "canary1", "AWS_SESSION_TOKEN": "canary2"}
    saved = {"AWSENV_ROLE": "dev-0", "AWSENV_SAVED_AWS_SECRET_ACCESS_KEY": "canary3", "FZF_DEFAULT_COMMAND": "find"}
    environ = fzf(configured(clean_environ, 3), 'env >"$HOME/seen"; cat >>"$HOME/seen"; exit 130')
    window.start([], environ | keys | saved)

    assert (130, FAILURE) == window.end()
    seen = Path(environ["HOME"], "seen").read_text()
    assert "* dev-0" in re.sub(" +", " ", seen)
    assert not re.findall("canary|FZF_DEFAULT_COMMAND", seen)


@pytest.mark.parametrize(
    ("script", "fact"),
    [
        ("cat >/dev/null; echo unknown option >&2; exit 2", "fzf ended with status 2"),
        ("exit 127", "fzf ended with status 127"),
        ("kill -KILL $$", "fzf ended with status -9"),
        ("cat >/dev/null; echo 99; echo '1\tx'", "fzf gave no answer"),
        ("stty raw -echo </dev/tty; exit 2", "fzf ended with status 2"),
    ],
)
def test_a_broken_fzf_is_replaced(script: str, fact: str, window: Window, clean_environ: dict[str, str]) -> None:
    """One message says what fzf did, and the list of our own appears."""
    window.start(["explain"], fzf(configured(clean_environ, 3), script))
    window.until("4/4")
    window.type("\r")

    assert 0 == window.end()[0]
    assert f"awsenv: {fact}, so awsenv shows its own list\n  try      export AWSENV_PICKER=builtin" in window.text
    assert window.is_as_before


def test_an_fzf_that_cannot_start_is_replaced(window: Window, clean_environ: dict[str, str]) -> None:
    """Its interpreter may be missing, or it may not be on the PATH at all."""
    environ = fzf(configured(clean_environ, 3), "")
    Path(environ["HOME"], "bin/fzf").write_text("#!/no/such/interpreter\n")
    window.start(["explain"], environ)
    window.until("4/4")
    window.type("\x1b")
    window.end()
    assert "awsenv: fzf cannot be started (No such file or directory), so awsenv shows its" in window.text
    window.start(["explain"], environ | {"AWSENV_PICKER": "fzf", "PATH": "/no/such/folder:bin"})
    window.until("4/4")
    window.type("\x1b")
    window.end()
    assert "awsenv: fzf is not on the PATH, so awsenv shows its own list" in window.text


def test_a_signal_ends_fzf_too(window: Window, clean_environ: dict[str, str], require: Callable[[str], str]) -> None:
    """Fzf gets the time to restore the terminal before awsenv ends."""
    require("fzf")
    environ = configured(clean_environ, 3)
    del environ["AWSENV_PICKER"]
    window.start([], environ)
    window.until("4/4")
    assert window.job is not None
    window.job.send_signal(signal.SIGTERM)

    assert (130, FAILURE) == window.end()
    assert window.is_as_before


def test_what_is_typed_too_early_narrows_the_list(window: Window, clean_environ: dict[str, str]) -> None:
    """The terminal shows it before the list is there; it ends up in the query, and not beside the prompt."""
    window.type("prod-3")
    window.read()
    window.start(["explain"], configured(clean_environ, 80))
    window.until("role> prod-3", "/81")
    window.type("\x1b")
    window.end()

    assert [*BEFORE.splitlines(), "awsenv: no role picked"] == window.text.splitlines()


def test_ctrl_z_stops_the_picker_as_a_job(
    program: str, clean_environ: dict[str, str], require: Callable[[str], str]
) -> None:
    """As a job of a shell the picker stops at Ctrl-Z, leaves the terminal to the shell, and goes on after `fg`."""
    child = pexpect.spawn(require("bash"), ["--norc", "-i"], env=configured(clean_environ, 3) | {"PS1": "ready> "})
    child.expect("ready> ")
    child.sendline(f"{program} explain")
    child.expect("4/4")
    child.send("\x1a")
    child.expect("Stopped.*ready> ")
    child.sendline("stty -a | tr ' ' '\\n' | grep -x -e icanon -e echo | tr '\\n' '+'")
    child.expect(r"\ricanon\+echo\+[^\r]*ready> ")
    child.sendline("fg")
    child.expect("4/4")
    child.send("prod\r")
    child.expect("prod-1: arn")
    child.expect("ready> ")
    child.close(force=True)


@pytest.fixture
def sockets() -> Iterator[str]:
    """Return a folder for sockets: below tmp_path, the path of one may be too long."""
    with tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as folder:
        yield folder


def test_tmux_shows_what_it_showed_before(
    program: str, until: Until, clean_environ: dict[str, str], require: Callable[[str], str], sockets: str
) -> None:
    """On a terminal with a second screen, the first one and its history are as they were to the letter."""
    environ = configured(clean_environ, 80) | {"PS1": "ready> ", "TMUX_TMPDIR": sockets}
    environ["PATH"] = f"{Path(program).parent}:{environ['PATH']}"

    def tmux(*words: str) -> str:
        done = subprocess.run(
            [require("tmux"), "-f", "/dev/null", *words], env=environ, capture_output=True, text=True, check=True
        )
        return done.stdout

    tmux("new-session", "-d", "-x", "60", "-y", "12", "PS1='ready> ' bash --norc")
    try:
        until(lambda: "ready>" in tmux("capture-pane", "-p"))
        tmux("send-keys", "seq 30; awsenv explain", "Enter")
        until(lambda: "81/81" in tmux("capture-pane", "-p"))
        shown = tmux("capture-pane", "-p")
        tmux("send-keys", "Escape")
        until(lambda: tmux("capture-pane", "-p").endswith("no role picked\nready>\n"))
        after = tmux("capture-pane", "-p", "-S", "-")
    finally:
        tmux("kill-server")

    assert "role>" == shown.split()[0]
    expected = ["ready> seq 30; awsenv explain", *map(str, range(1, 31)), "awsenv: no role picked", "ready>"]
    assert expected == after.rstrip("\n").splitlines()


def test_the_pickers_are_documented() -> None:
    """The page of variables names each value of AWSENV_PICKER."""
    page = (Path(__file__).parents[2] / "docs/variables.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| `AWSENV_PICKER`")]

    assert list(picker.KINDS) == re.findall("`([a-z]+)`", row)
