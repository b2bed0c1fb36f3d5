"""No core file contains a secret, whatever ends awsenv while it waits for the user or the agent."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from awsenv.agent import client, runtime_directory
from awsenv.cli import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Until, World

WATCH = """
import os, resource, signal, sys
resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
pid = os.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGQUIT, signal.SIG_IGN)
print("pid", pid, flush=True)
_, status = os.waitpid(pid, 0)
core = "core" if os.WCOREDUMP(status) else "no core"
print("ended:", core, "signal" if os.WIFSIGNALED(status) else "status", os.waitstatus_to_exitcode(status))
"""
"""Runs a program that may leave core files, and prints how it ended. The kernel reports whether it left one, wherever
/proc/sys/kernel/core_pattern sends it."""

CODE = "MFA code for alice"
ID = "External id: "
PLAN = r"\[y/N\] "

PROMPTS = [
    ("power-user --shell sh --print", CODE),
    ("read-only --external-id - --shell sh --print", ID),
    ("exec power-user -- true", CODE),
    ("exec read-only --external-id - -- true", ID),
    ("each power-user -- true", CODE),
    ("each read-only --external-id - -- true", ID),
    ("login", CODE),
    ("doctor read-only --external-id -", ID),
    ("console power-user --print", CODE),
    ("console read-only --external-id - --print", ID),
    ("credential-process power-user --print", CODE),
    ("credential-process read-only --external-id - --print", ID),
    ("token eks a-cluster power-user --print", CODE),
    ("token rds db:5432 alice read-only --external-id - --print", ID),
    ("setup --profile admin --user awsenv-test me:ReadOnlyAccess,mfa", PLAN),
    ("setup --profile admin --user awsenv-test --yes me:ReadOnlyAccess,mfa", "MFA code that the app shows now: "),
]
"""Every command that prompts the user, and its prompt."""

KINDS = [(line, prompt) for prompt, line in {prompt: line for line, prompt in PROMPTS}.items()]
"""One command for each prompt. All commands handle Ctrl-Backslash alike; a crash is tried in each."""

BESIDE_AN_AGENT = [
    (line, prompt) for line, prompt in PROMPTS if prompt in {CODE, ID} and commands.called(line.split()).runs_in_agent
]
"""Those that the fast path asks for an agent, which holds nothing yet."""

WAITING = [
    "use read-only --shell sh --print",
    "exec read-only -- true",
    "login",
    "approve",
    "log",
    "logout",
    "lock",
    "renew --shell sh --print",
    "off --shell sh --print",
    "status",
    "list",
    "explain read-only",
    "doctor",
    "console read-only --print",
    "credential-process read-only --print",
    "token eks a-cluster read-only --print",
]
"""Every command that sends an agent a request, so that it can be stopped while it waits for the reply."""

OTHERS = ["init bash", "completion bash", "profiles --as x-", "demo"]
"""Three print a text and end; the last waits for a command. `init` and `demo` have tests of their own."""

CANARY = "canary-of-the-environment"

STOPPED = {"\x1c": "no core status 130", "": f"no core signal {-signal.SIGABRT}"}
"""How a program ends, by the keys that are typed; without keys it crashes."""


class Watched:
    """A program at a terminal that may leave core files in *folder*."""

    def __init__(self, argv: list[str], world: World, folder: Path) -> None:
        keys = (Path(world.environ["HOME"]) / ".aws" / "credentials").read_text()
        self._secrets = [CANARY, world.external_id, *re.findall(r"aws_secret_access_key = (\S+)", keys)]
        environ = world.environ | {"AWSENV_SAVED_AWS_SECRET_ACCESS_KEY": CANARY}
        self._folder = folder
        self._before = set(folder.iterdir())
        words = ["-I", "-S", "-c", WATCH, *argv]
        self._child = pexpect.spawn(
            sys.executable, words, env=environ, cwd=str(folder), encoding="utf-8", timeout=60, dimensions=(60, 120)
        )
        self._child.delaybeforesend = None
        self._settings = termios.tcgetattr(self._child.child_fd)
        self.restored = False
        """Whether the terminal has its old settings after the program has ended."""
        self._child.expect(r"pid (\d+)\r\n")
        self.pid = int(self._child.match[1])

    def see(self, pattern: str) -> None:
        """Wait until *pattern* is shown."""
        self._child.expect(pattern)

    def type(self, keys: str) -> None:
        """Type *keys*."""
        self._child.send(keys)

    def stop(self, keys: str) -> str:
        """Type *keys*, or crash the program if there are none; return how it ended."""
        if keys:
            self.type(keys)
        else:
            os.kill(self.pid, signal.SIGABRT)
        return self.end()[1]

    def end(self) -> tuple[str, str]:
        """Wait until the program ends; return its last output, and how it ended."""
        self._child.expect(r"ended: ([^\r]*)\r\n")
        shown, ended = str(self._child.before), str(self._child.match[1])
        self.restored = self._settings == termios.tcgetattr(self._child.child_fd)
        self._child.expect(pexpect.EOF)
        self._child.close()
        return shown, ended

    def left(self) -> tuple[list[str], list[str]]:
        """Return the names of the files that the program left, and the secrets in them."""
        files = set(self._folder.iterdir()) - self._before
        found = {each for each in self._secrets for path in files if each.encode() in path.read_bytes()}
        return sorted(path.name for path in files), sorted(found)


@pytest.fixture
def administered(world: World) -> World:
    """Return the world with a profile that may administer IAM."""
    world.add_administrator()
    return world


def test_this_system_leaves_core_files(world: World, tmp_path: Path) -> None:
    """A crash leaves a core file on this system, so the tests below would detect one."""
    program = Watched([sys.executable, "-I", "-c", "import os; os.abort()"], world, tmp_path)

    assert f"core signal {-signal.SIGABRT}" == program.end()[1]
    if Path("/proc/sys/kernel/core_pattern").read_text().startswith("core"):
        assert [CANARY] == program.left()[1]


def test_the_tables_cover_every_command() -> None:
    """The tables omit only what does not wait, and `demo`, which reads no keys of the user."""
    lines = [*WAITING, *OTHERS, *(line for line, _ in PROMPTS)]

    assert {*commands.COMMANDS} == {commands.called(line.split()).name for line in lines}
    assert {CODE, ID} == {prompt for _, prompt in BESIDE_AN_AGENT}


@pytest.mark.parametrize(("line", "prompt"), KINDS)
def test_ctrl_backslash_interrupts_like_ctrl_c(line: str, prompt: str, administered: World, tmp_path: Path) -> None:
    """Ctrl-Backslash interrupts the program, restores the terminal and leaves no core file."""
    program = Watched([administered.program, *line.split()], administered, tmp_path)
    program.see(prompt)

    program.type("\x1c")

    shown, ended = program.end()
    assert "no core status 130" == ended
    assert "\x1b[31;1mawsenv:\x1b[m interrupted\r\n" in shown
    assert program.restored
    if "--yes" in line:
        assert "\x1b[?1049l" in shown, "the QR code is off the screen"
    assert ([], []) == program.left()


@pytest.mark.parametrize(("line", "prompt"), PROMPTS)
def test_a_crash_leaves_no_core_file(line: str, prompt: str, administered: World, tmp_path: Path) -> None:
    """A process that holds secrets cannot be dumped, so a fatal signal leaves no core file."""
    program = Watched([administered.program, *line.split()], administered, tmp_path)
    program.see(prompt)

    os.kill(program.pid, signal.SIGABRT)

    assert f"no core signal {-signal.SIGABRT}" == program.end()[1]
    assert ([], []) == program.left()


@pytest.mark.parametrize(
    ("line", "prompt", "keys"),
    [*((*each, "") for each in BESIDE_AN_AGENT), *((*each, "\x1c") for each in BESIDE_AN_AGENT[:2])],
)
def test_a_prompt_for_an_agent_leaves_no_core_file(
    line: str, prompt: str, keys: str, aging: World, tmp_path: Path
) -> None:
    """The prompt of the fast path is as safe as any other."""
    program = Watched([aging.program, *line.split()], aging, tmp_path)
    program.see(prompt)

    assert STOPPED[keys] == program.stop(keys)
    assert ([], []) == program.left()


@pytest.fixture
def silent(world: World) -> Iterator[socket.socket]:
    """Return a socket that listens in place of the agent's and sends no reply."""
    folder = runtime_directory.make(world.environ)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/{runtime_directory.SOCKET}")
        listening.listen()
        listening.settimeout(60)
        yield listening


@pytest.mark.parametrize(("line", "keys"), [*((line, "") for line in WAITING), (WAITING[0], "\x1c")])
def test_a_request_leaves_no_core_file(
    line: str, keys: str, silent: socket.socket, world: World, tmp_path: Path
) -> None:
    """A command that is stopped while it waits for the agent leaves no core file."""
    program = Watched([world.program, *line.split()], world, tmp_path)
    connection, _ = silent.accept()
    with connection:
        assert client.receive(connection, time.monotonic() + 60)

        assert STOPPED[keys] == program.stop(keys)
    assert ([], []) == program.left()


@pytest.mark.parametrize(("keys", "number"), [("\x1c", signal.SIGQUIT), ("", signal.SIGABRT)])
def test_a_hook_that_nobody_reads_leaves_no_core_file(
    keys: str, number: signal.Signals, world: World, until: Until, tmp_path: Path
) -> None:
    """Leave none while `init`, which is given every secret of the environment, waits for its reader."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    size = fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    program = Watched(["/bin/sh", "-c", f"exec {world.program} init bash >{pipe}"], world, tmp_path)
    # The hook is longer: the program is in the middle of it.
    until(lambda: fcntl.ioctl(reader, termios.FIONREAD, bytes(4)) == struct.pack("i", size))

    assert f"no core signal {-number}" == program.stop(keys)
    os.close(reader)
    assert ([], []) == program.left()


@pytest.mark.parametrize(("keys", "ended"), [("\x1c", "no core status 131"), ("", f"no core signal {-signal.SIGABRT}")])
def test_a_demo_leaves_no_core_file(keys: str, ended: str, world: World, tmp_path: Path) -> None:
    """Leave none while `demo` waits for its command, which ends with Ctrl-Backslash."""
    with tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as folder:
        world.environ["TMPDIR"] = folder
        line = ["demo", "--", "sh", "-c", "echo rea''dy; read line"]
        program = Watched([world.program, *line], world, tmp_path)
        program.see("ready")

        assert ended == program.stop(keys)
    assert ([], []) == program.left()


def test_a_command_of_exec_can_leave_a_core_file(world: World, tmp_path: Path) -> None:
    """A command of `exec` inherits the caller's limit on core files, and can be dumped."""
    code = "import os, resource; print(resource.getrlimit(resource.RLIMIT_CORE)); os.abort()"
    line = ["exec", "--quiet", "read-only", "--", sys.executable, "-I", "-c", code]
    program = Watched([world.program, *line], world, tmp_path)

    shown, ended = program.end()
    assert ("(-1, -1)\r\n", f"core signal {-signal.SIGABRT}") == (shown, ended)
