"""awsenv becomes the command: a real exec, in a child of the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from awsenv.errors import NotExecutable, NotFound
from awsenv.launch import become, check

if TYPE_CHECKING:
    from pathlib import Path

BECOME = "import sys; from awsenv.launch import become; become(sys.argv[2:], {'PATH': sys.argv[1], 'AWS_VAULT': 'x'})"


def run(*argv: str, path: str = os.defpath) -> subprocess.CompletedProcess[bytes]:
    """Run *argv* in a process that becomes it."""
    return subprocess.run([sys.executable, "-c", BECOME, path, *argv], capture_output=True, check=False)


def test_the_command_gets_the_given_environment() -> None:
    """The environment of the command has the given variables and no others."""
    answer = run("env")

    assert {b"PATH=" + os.defpath.encode(), b"AWS_VAULT=x"} == set(answer.stdout.split())


@pytest.mark.parametrize("status", [0, 1, 125, 126, 127, 255])
def test_the_exit_status_is_the_commands_own(status: int) -> None:
    """The process exits with the status of the command, whatever it is."""
    assert status == run("sh", "-c", f"exit {status}").returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGPIPE])
def test_a_signal_ends_the_process_like_the_command(number: signal.Signals) -> None:
    """The process dies of the same signal as the command."""
    assert -number == run("sh", "-c", f"kill -{number.value} $$").returncode


def test_a_broken_pipe_ends_the_command() -> None:
    """The command gets the default SIGPIPE, which Python ignores: without it `yes | head -1` would never end."""
    pipe = f'{sys.executable} -c "{BECOME}" {os.defpath} yes | head -1'

    answer = subprocess.run(["sh", "-c", pipe], capture_output=True, check=True, timeout=20)

    assert (answer.stdout, answer.stderr) == (b"y\n", b"")


def test_a_command_is_found_along_the_given_path(tmp_path: Path) -> None:
    """The command is looked up in the PATH of the given environment, not in that of awsenv."""
    command = tmp_path / "only-here"
    command.write_text("#!/bin/sh\necho found\n")
    command.chmod(0o755)

    assert run("only-here", path=str(tmp_path)).stdout == b"found\n"


@pytest.mark.parametrize("name", ["only-here", "nowhere"])
def test_the_search_goes_on_after_a_failure(tmp_path: Path, name: str) -> None:
    """A missing folder, a file in place of a folder and a file without permission do not hide a later command."""
    folders = [tmp_path / "missing", tmp_path / "file", tmp_path / "first", tmp_path / "second"]
    folders[1].touch()
    for folder in folders[2:]:
        folder.mkdir()
        (folder / "only-here").write_text("#!/bin/sh\necho found\n")
    (folders[2] / "nowhere").touch()
    (folders[3] / "only-here").chmod(0o755)

    done = run(name, path=":".join(map(str, folders)))

    expected = b"found\n" if name == "only-here" else b"NotExecutable: cannot execute 'nowhere': permission denied"
    assert expected in done.stdout + done.stderr


def test_sh_runs_a_script_without_an_interpreter(tmp_path: Path) -> None:
    """A script without an interpreter line is run by sh, as with execvp(3) and env(1)."""
    script = tmp_path / "awsenv-test-script"
    script.write_text("echo run by sh with $1\n")
    script.chmod(0o755)

    assert run("awsenv-test-script", "word", path=f"{tmp_path}:{os.defpath}").stdout == b"run by sh with word\n"


def test_an_empty_command_is_not_found() -> None:
    """An empty name raises NotFound, as env(1) says of it."""
    with pytest.raises(NotFound):
        become([""], {"PATH": os.defpath})


def test_a_command_that_cannot_start_does_not_change_the_signals() -> None:
    """After a failed start SIGPIPE is still ignored, so that the error can be reported to a closed pipe."""
    before = signal.getsignal(signal.SIGPIPE)

    with pytest.raises(NotFound):
        become(["no-such-command"], {"PATH": os.defpath})

    assert before == signal.getsignal(signal.SIGPIPE)


def test_an_unknown_command_is_127() -> None:
    """The error for an unknown command says that it was not found, as env(1) does."""
    with pytest.raises(NotFound) as caught:
        become(["no-such-command"], {"PATH": os.defpath})

    assert (caught.value.exit_code, caught.value.fact) == (127, "command not found: 'no-such-command'")


@pytest.mark.parametrize("command", ["no-such-command", "", "/no/such", "./thing", "thing", "/dev", "/dev/null/x"])
def test_a_check_before_the_start_fails_as_the_start_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The error is the same, and what can be started passes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "thing").write_text("echo\n")
    environ = {"PATH": f"{tmp_path}:{os.defpath}"}
    with pytest.raises((NotFound, NotExecutable)) as expected:
        become([command], environ)
    with pytest.raises(type(expected.value)) as caught:
        check(command, environ)

    assert expected.value.fact == caught.value.fact
    check("env", environ)
    check("/bin/sh", {})


def test_a_missing_interpreter_is_reported(tmp_path: Path) -> None:
    """The error blames the script's first line, because the script itself exists."""
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)

    with pytest.raises(NotFound, match="the interpreter that its first line names does not exist"):
        become([str(script)], {})


@pytest.mark.parametrize("kind", ["directory", "not executable"])
def test_a_file_that_cannot_be_executed_is_126(tmp_path: Path, kind: str) -> None:
    """A directory or a file without the execute permission has the exit code that env(1) gives it."""
    path = tmp_path / "thing"
    if kind == "directory":
        path.mkdir()
    else:
        path.write_text("echo\n")

    with pytest.raises(NotExecutable) as caught:
        become([str(path)], {})

    assert caught.value.exit_code == 126


def test_an_environment_that_is_too_large_is_126() -> None:
    """The error names the limit, where the system says only `Argument list too long`."""
    with pytest.raises(NotExecutable, match="larger than the system accepts"):
        become(["true"], {"PATH": os.defpath, "HUGE": "x" * 200_000})


def test_a_nul_byte_is_126() -> None:
    """A variable with a NUL byte, which no system can pass on, is refused."""
    with pytest.raises(NotExecutable, match="NUL byte"):
        become(["true"], {"PATH": os.defpath, "BAD": "a\0b"})
