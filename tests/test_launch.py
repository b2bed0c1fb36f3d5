"""awsenv becomes the command: a real exec, in a child of the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from awsenv.errors import NotExecutable, NotFound
from awsenv.launch import become

if TYPE_CHECKING:
    from pathlib import Path

BECOME = "import sys; from awsenv.launch import become; become(sys.argv[2:], {'PATH': sys.argv[1], 'AWS_VAULT': 'x'})"


def run(*argv: str, path: str = os.defpath) -> subprocess.CompletedProcess[bytes]:
    """Run *argv* in a process that becomes it."""
    return subprocess.run([sys.executable, "-c", BECOME, path, *argv], capture_output=True, check=False)


def test_the_command_gets_the_given_environment() -> None:
    """Hand down these variables and no others."""
    answer = run("env")

    assert {b"PATH=" + os.defpath.encode(), b"AWS_VAULT=x"} == set(answer.stdout.split())


@pytest.mark.parametrize("status", [0, 1, 125, 126, 127, 255])
def test_the_exit_status_is_the_commands_own(status: int) -> None:
    """Add nothing to a status and take nothing away."""
    assert status == run("sh", "-c", f"exit {status}").returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGPIPE])
def test_death_by_a_signal_is_the_commands_own(number: signal.Signals) -> None:
    """Die of the signal that the command dies of."""
    assert -number == run("sh", "-c", f"kill -{number.value} $$").returncode


def test_a_broken_pipe_ends_the_command() -> None:
    """Hand down SIGPIPE as it was before Python ignored it: `yes | head -1` would never end."""
    pipe = f'{sys.executable} -c "{BECOME}" {os.defpath} yes | head -1'

    answer = subprocess.run(["sh", "-c", pipe], capture_output=True, check=True, timeout=20)

    assert (answer.stdout, answer.stderr) == (b"y\n", b"")


def test_a_command_is_found_along_the_given_path(tmp_path: Path) -> None:
    """Take the PATH of the given environment, not that of awsenv."""
    command = tmp_path / "only-here"
    command.write_text("#!/bin/sh\necho found\n")
    command.chmod(0o755)

    assert run("only-here", path=str(tmp_path)).stdout == b"found\n"


def test_sh_runs_a_script_without_an_interpreter(tmp_path: Path) -> None:
    """Run it as execvp(3) and env(1) do."""
    script = tmp_path / "awsenv-test-script"
    script.write_text("echo run by sh with $1\n")
    script.chmod(0o755)

    assert run("awsenv-test-script", "word", path=f"{tmp_path}:{os.defpath}").stdout == b"run by sh with word\n"


def test_a_command_without_a_name_is_127() -> None:
    """Say what env(1) says."""
    with pytest.raises(NotFound):
        become([""], {"PATH": os.defpath})


def test_a_command_that_cannot_start_does_not_change_the_signals() -> None:
    """Still ignore SIGPIPE, so that the failure can be reported to a closed pipe."""
    before = signal.getsignal(signal.SIGPIPE)

    with pytest.raises(NotFound):
        become(["no-such-command"], {"PATH": os.defpath})

    assert before == signal.getsignal(signal.SIGPIPE)


def test_an_unknown_command_is_127() -> None:
    """Say that it was not found, as env(1) does."""
    with pytest.raises(NotFound) as caught:
        become(["no-such-command"], {"PATH": os.defpath})

    assert (caught.value.exit_code, caught.value.fact) == (127, "command not found: 'no-such-command'")


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    """Name the first line: the file itself is there."""
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)

    with pytest.raises(NotFound, match="the interpreter that its first line names does not exist"):
        become([str(script)], {})


@pytest.mark.parametrize("kind", ["directory", "not executable"])
def test_what_cannot_be_executed_is_126(tmp_path: Path, kind: str) -> None:
    """Say that it was found and cannot be executed, as env(1) does."""
    path = tmp_path / "thing"
    if kind == "directory":
        path.mkdir()
    else:
        path.write_text("echo\n")

    with pytest.raises(NotExecutable) as caught:
        become([str(path)], {})

    assert caught.value.exit_code == 126


def test_an_environment_that_is_too_large_is_126() -> None:
    """Name the limit: the system's own words are "Argument list too long"."""
    with pytest.raises(NotExecutable, match="larger than the system accepts"):
        become(["true"], {"PATH": os.defpath, "HUGE": "x" * 200_000})


def test_a_nul_byte_is_126() -> None:
    """Refuse what no system can pass on."""
    with pytest.raises(NotExecutable, match="NUL byte"):
        become(["true"], {"PATH": os.defpath, "BAD": "a\0b"})
