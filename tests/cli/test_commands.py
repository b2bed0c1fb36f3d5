"""The table of commands, and the hooks, which must agree with it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv.cli.commands import CHANGE, COMMANDS, called, named
from spelling import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from spelling import Spelling

HOOKS = Path(__file__).parents[2] / "shell"


@pytest.mark.parametrize("shell", SPELLINGS.values(), ids=str)
def test_the_hooks_evaluate_exactly_the_changes(shell: Spelling, require: Callable[[str], str]) -> None:
    """Each hook evaluates the output of exactly those commands that print a change."""
    questions = [f"! {shell.prints} {name} || echo {name}" for name in COMMANDS]
    words = [require(shell.name), "-c", "\n".join([shell.load(HOOKS), *questions, "true"])]
    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert [name for name, command in COMMANDS.items() if command.prints != CHANGE] == done.stdout.split()


@pytest.mark.parametrize(
    ("hook", "listed"),
    [
        ("awsenv.sh", r"^  (?:[a-z-]+ \| )+[a-z-]+\) 'return' 0"),
        ("awsenv.tcsh", r"words\[1\]\" =~ \{([a-z,-]+)\}"),
    ],
)
def test_the_hooks_of_sh_and_tcsh_list_the_other_commands(hook: str, listed: str) -> None:
    """The list of commands whose output is text is complete in each hook."""
    lines = re.findall(listed, (HOOKS / hook).read_text(), flags=re.MULTILINE)
    words = {word for line in lines for word in re.findall(r"[a-z][a-z-]+", line)} - {"return"}

    assert {name for name, command in COMMANDS.items() if command.prints != CHANGE} == words


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["power-user"], ["use", "power-user"]),
        (["--duration", "1h", "power-user"], ["use", "--duration", "1h", "power-user"]),
        (["status"], ["status"]),
        (["help"], ["--help"]),
        (["help", "exec", "more"], ["exec", "--help"]),
        (["--version"], ["--version"]),
        ([], []),
    ],
)
def test_the_command_may_be_left_out(args: list[str], expected: list[str]) -> None:
    """A first word that is not the name of a command is a role for `use`."""
    assert expected == named(args)


@pytest.mark.parametrize(
    ("args", "evaluated"),
    [
        ([], True),
        (["power-user"], True),
        (["--duration", "1h", "power-user"], True),
        (["off"], True),
        (["renew"], True),
        (["init", "bash"], True),
        (["exec", "power-user", "--", "env"], False),
        (["credential-process", "power-user"], False),
        (["--help"], False),
        (["help", "off"], True),
    ],
)
def test_evaluated_command_lines_are_recognised(args: list[str], evaluated: bool) -> None:  # noqa: FBT001 - a table
    """The table says for each command line whether a shell evaluates its output."""
    assert evaluated == called(args).is_evaluated
