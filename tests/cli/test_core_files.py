"""No core file holds a secret, whatever ends awsenv at a prompt."""

from __future__ import annotations

import os
import signal
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

if TYPE_CHECKING:
    from conftest import World

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
"""Runs a program that may leave core files, and says how it ended. The kernel tells whether it left one, wherever
/proc/sys/kernel/core_pattern sends it."""

CODE = "MFA code for alice"
ID = "External id: "
PLAN = r"\[y/N\] "

PROMPTS = [
    ("power-user --shell sh --print", CODE),
    ("read-only --external-id - --shell sh --print", ID),
    ("exec power-user -- true", CODE),
    ("exec read-only --external-id - -- true", ID),
    ("login", CODE),
    ("doctor read-only --external-id -", ID),
    ("console power-user --print", CODE),
    ("console read-only --external-id - --print", ID),
    ("credential-process power-user --print", CODE),
    ("credential-process read-only --external-id - --print", ID),
    ("setup --profile admin --user awsenv-test me:ReadOnlyAccess,mfa", PLAN),
    ("setup --profile admin --user awsenv-test --yes me:ReadOnlyAccess,mfa", "MFA code that the app shows now: "),
]
"""Every command that asks for something, and what it asks for."""


class Watched:
    """A program at a terminal that may leave core files in *folder*."""

    def __init__(self, argv: list[str], environ: dict[str, str], folder: Path) -> None:
        self._folder = folder
        self._before = set(folder.iterdir())
        words = ["-I", "-S", "-c", WATCH, *argv]
        self._child = pexpect.spawn(
            sys.executable, words, env=environ, cwd=str(folder), encoding="utf-8", timeout=60, dimensions=(60, 120)
        )
        self._child.delaybeforesend = None
        self._settings = termios.tcgetattr(self._child.child_fd)
        self.restored = False
        """Whether the terminal is as it was, once the program has ended."""
        self._child.expect(r"pid (\d+)\r\n")
        self.pid = int(self._child.match[1])

    def see(self, pattern: str) -> None:
        """Wait until *pattern* is shown."""
        self._child.expect(pattern)

    def type(self, keys: str) -> None:
        """Type *keys*."""
        self._child.send(keys)

    def end(self) -> tuple[str, str]:
        """Wait for its end; return what it showed last, and how it ended."""
        self._child.expect(r"ended: ([^\r]*)\r\n")
        shown, ended = str(self._child.before), str(self._child.match[1])
        self.restored = self._settings == termios.tcgetattr(self._child.child_fd)
        self._child.expect(pexpect.EOF)
        self._child.close()
        return shown, ended

    def files(self) -> list[str]:
        """Return the names of the files that it left."""
        return sorted(path.name for path in set(self._folder.iterdir()) - self._before)


@pytest.fixture
def administered(world: World) -> World:
    """Return the world with a profile that may administer IAM."""
    admin = world.sandbox.admin
    with (Path(world.environ["HOME"]) / ".aws" / "credentials").open("a") as file:
        file.write(f"\n[admin]\naws_access_key_id = {admin.access_key_id}\n")
        file.write(f"aws_secret_access_key = {admin.secret_access_key}\n")
    return world


def test_this_system_leaves_core_files(world: World, tmp_path: Path) -> None:
    """Show that the tests below would see one."""
    program = Watched([sys.executable, "-I", "-c", "import os; os.abort()"], world.environ, tmp_path)

    assert f"core signal {-signal.SIGABRT}" == program.end()[1]


@pytest.mark.parametrize(("line", "prompt"), PROMPTS)
def test_ctrl_backslash_ends_as_ctrl_c_does(line: str, prompt: str, administered: World, tmp_path: Path) -> None:
    """Leave no core file, no alternate screen, and the terminal as it was."""
    program = Watched([administered.program, *line.split()], administered.environ, tmp_path)
    program.see(prompt)

    program.type("\x1c")

    shown, ended = program.end()
    assert "no core status 130" == ended
    assert "awsenv: interrupted\r\n" in shown
    assert program.restored
    if "--yes" in line:
        assert "\x1b[?1049l" in shown, "the QR code is off the screen"
    assert [] == program.files()


@pytest.mark.parametrize(("line", "prompt"), PROMPTS)
def test_a_crash_leaves_no_core_file(line: str, prompt: str, administered: World, tmp_path: Path) -> None:
    """Be undumpable while secrets are in memory: no signal leaves a core file."""
    program = Watched([administered.program, *line.split()], administered.environ, tmp_path)
    program.see(prompt)

    os.kill(program.pid, signal.SIGABRT)

    assert f"no core signal {-signal.SIGABRT}" == program.end()[1]
    assert [] == program.files()


def test_a_command_may_leave_core_files_as_before(world: World, tmp_path: Path) -> None:
    """Hand on the limit, and let the command be dumped and traced."""
    code = "import os, resource; print(resource.getrlimit(resource.RLIMIT_CORE)); os.abort()"
    line = ["exec", "read-only", "--", sys.executable, "-I", "-c", code]
    program = Watched([world.program, *line], world.environ, tmp_path)

    shown, ended = program.end()
    assert ("(-1, -1)\r\n", f"core signal {-signal.SIGABRT}") == (shown, ended)
