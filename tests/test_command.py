"""Commands that print one value, within limits of time and output."""

from __future__ import annotations

import os
import pty
import sys
import termios
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from awsenv import command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_a_command_runs_in_its_environment_and_folder(tmp_path: Path) -> None:
    """The result has the status and the whole output of the command, which runs in the given folder."""
    words = ["/bin/sh", "-c", 'printf "%s %s" "$CANARY" "$(/bin/pwd)"']

    assert f"x {tmp_path}".encode() == command.run(words, environ={"CANARY": "x"}, folder=str(tmp_path))


@pytest.mark.parametrize(
    ("name", "line", "written"),
    [
        ("my tools/get", "{} --token canary", '"{}" ...'),
        ("my tools/get", "{}", '"{}"'),
        ("my  very own tools/get keys", "{} canary", '"{}" ...'),
        ("it's mine/get", "{}", '"{}"'),
        ("my $HOME/get", "{} canary", "'{}' ..."),
        ("my tools/none", "{}x canary", None),
        ("my tools/get", '"{}" canary', None),
    ],
)
def test_an_unquoted_path_with_a_space_is_quoted(tmp_path: Path, name: str, line: str, written: str | None) -> None:
    """The next step is the line with quotes, if the file is there; it shows no argument."""
    path = tmp_path / name
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    expected: tuple[str | None, str | None] = (None, None)
    if written is not None:
        written = f"write credential_process = {written.format(path)}"
        expected = ("the path has a space, and no quotes", written)
    assert expected == command.why("credential_process", line.format(path))


def test_what_a_command_prints_that_fails_is_not_shown() -> None:
    """Name its status alone: what it prints is a secret."""
    with pytest.raises(command.Failed) as failed:
        command.run(["sh", "-c", "echo canary; exit 3"])

    assert ("failed with status 3",) == failed.value.args


@pytest.mark.parametrize("script", ["sleep 1000 & echo $! >pid; wait", "trap '' TERM; echo $$ >pid; sleep 1000; :"])
def test_a_command_that_never_ends_is_killed(
    tmp_path: Path, until: Callable[[Callable[[], object]], None], has_ended: Callable[[int], bool], script: str
) -> None:
    """A command that runs too long is killed with its children, even if it ignores SIGTERM."""
    with pytest.raises(command.Failed, match=r"^did not end within 2 seconds$"):
        command.run(["sh", "-c", script], folder=str(tmp_path), seconds=2)

    until(lambda: has_ended(int((tmp_path / "pid").read_text())))


def test_a_child_that_ignores_sigterm_is_killed_with_its_parent(
    tmp_path: Path, until: Callable[[Callable[[], object]], None], has_ended: Callable[[int], bool]
) -> None:
    """The whole process group is killed, even if its leader has already ended."""
    child = "trap '' TERM; echo $$ >pid; while :; do sleep 1; done"
    with pytest.raises(command.Failed):
        command.run(["sh", "-c", f'sh -c "{child}"; :'.replace("$$", r"\$\$")], folder=str(tmp_path), seconds=2)

    until(lambda: has_ended(int((tmp_path / "pid").read_text())))


def test_a_command_that_closes_its_output_and_goes_on_is_killed() -> None:
    """The time limit holds until the command ends, and not only until its output ends."""
    with pytest.raises(command.Failed, match="did not end"):
        command.run(["sh", "-c", "exec >&-; sleep 1000"], seconds=0.5)


def test_a_command_that_prints_for_ever_is_killed() -> None:
    """A command that prints more than a mebibyte is killed."""
    with pytest.raises(command.Failed, match=r"^printed more than 1024 KiB$"):
        command.run(["yes"])


def test_a_command_may_print_up_to_the_limit() -> None:
    """An output of exactly a mebibyte is returned."""
    script = f"import sys; sys.stdout.buffer.write(bytes({command.MAX_OUTPUT}))"

    assert command.MAX_OUTPUT == len(command.run([sys.executable, "-c", script]))


def test_the_echo_is_restored_after_a_killed_command() -> None:
    """The terminal has its former settings after a command is killed at a prompt that turned the echo off."""
    ours, theirs = pty.openpty()
    try:
        before = termios.tcgetattr(theirs)
        with suppress(command.Failed):
            command.run(["sh", "-c", "trap '' TERM; stty -echo; read pin"], terminal=os.ttyname(theirs), seconds=1)

        assert before == termios.tcgetattr(theirs)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_missing_command_is_not_found() -> None:
    """A command that does not exist is named without its arguments."""
    with pytest.raises(command.Failed, match=r"^cannot be run: command not found: /does/not/exist$") as failed:
        command.run(["/does/not/exist", "canary"])

    assert ("write the whole path of the program",) == failed.value.hints
