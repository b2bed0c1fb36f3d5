"""`awsenv completion`: the completion of a shell on stdout, and the names on request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from completions import TABLE, written

from awsenv import shells
from awsenv.cli import candidates, process

if TYPE_CHECKING:
    from awsenv.shells.base import Shell
    from conftest import World


def test_the_table_is_that_of_the_program() -> None:
    """The completions know the commands and options that the program has."""
    assert written() == TABLE.read_text(), "write it: just docs"


@pytest.mark.parametrize("shell", [shell for shell in shells.every() if shell.completion()], ids=lambda it: it.name)
def test_a_package_gets_one_file(world: World, shell: Shell) -> None:
    """The output is the file of the completion, with the table behind its first line."""
    answer = world.run("completion", shell.name)

    first, rest = (TABLE.parent / shell.completion_file).read_text().split("\n", 1)
    assert (0, "") == (answer.returncode, answer.stderr)
    assert answer.stdout == f"{first}\n{shell.assign.format('_awsenv_table', shell.quote(TABLE.read_text()))}{rest}"


@pytest.mark.parametrize(
    ("words", "fact", "hint"),
    [
        ((), "which shell?", "awsenv completion SHELL"),
        (("fsh",), "there is no completion for the shell 'fsh'", "awsenv completion fish"),
        (("nu",), "the completion of nu is a part of its hook", "awsenv init nu"),
        (("json",), "there is no completion for the shell 'json'", "awsenv completion with one of"),
    ],
)
def test_another_shell_is_refused(world: World, words: tuple[str, ...], fact: str, hint: str) -> None:
    """The message names what is there, and evaluating the output fails."""
    answer = world.run("completion", *words)

    assert (2, process.FAILURE) == (answer.returncode, answer.stdout)
    assert f"awsenv: {fact}" in answer.stderr
    assert hint in answer.stderr


def test_the_names_are_written_on_request_and_by_list(world: World, tmp_path: Path) -> None:
    """`completion --refresh` prints nothing; `list` writes the names, too, in the folder that the caller names."""
    for number, words in enumerate((["completion", "--refresh"], ["list"])):
        folder = tmp_path / str(number)
        answer = world.run(*words, XDG_CACHE_HOME=str(folder))

        assert (0, "") == (answer.returncode, answer.stderr)
        assert "role\tread-only\t" in (folder / "awsenv" / candidates.NAMES).read_text()


def test_an_agent_writes_the_names_where_its_client_says(world: World, tmp_path: Path) -> None:
    """The agent that runs `list` goes by the environment of the caller."""
    assert world.run("login", world.device.code()).returncode == 0

    world.run("list", XDG_CACHE_HOME=str(tmp_path / "cache"))

    assert "role\tread-only\t" in (tmp_path / "cache" / "awsenv" / candidates.NAMES).read_text()


def test_exec_refresh_changes_no_names(world: World) -> None:
    """Where it hides a file from the tools of AWS, the names are still those of the user's files."""
    hidden = {
        "AWSENV_ROLE": "read-only",
        "AWSENV_REFRESH": "http://127.0.0.1:1/1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWSENV_SAVED_AWS_CONFIG_FILE": f"{world.environ['HOME']}/.aws/config",
    }

    world.run("completion", "--refresh", **hidden)

    assert "role\tread-only\t" in Path(world.environ["HOME"], ".cache", "awsenv", candidates.NAMES).read_text()
