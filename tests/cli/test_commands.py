"""The table of commands, and what a command line calls."""

from __future__ import annotations

import pytest

from awsenv.cli.arguments import ARGUMENTS
from awsenv.cli.commands import COMMANDS, called, lacks_role, named
from awsenv.cli.declarations import Option, declared


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


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", True),
        ("use", True),
        ("exec", True),
        ("exec --", True),
        ("exec -- env", True),
        ("exec --refresh --region x -- env", True),
        ("console --open", True),
        ("explain --json", True),
        ("--region x", True),
        ("--region=x -q", True),
        ("use --", True),
        ("use -- x", False),
        ("x", False),
        ("-", False),
        ("exec -", False),
        ("use ''", False),
        ("exec -yq", True),
        ("--region x --tag=a=b -yq", True),
        ("explain -y", False),
        ("exec --shell sh", False),
        ("exec --policy= -- env", False),
        ("--region x a b c", False),
        ("exec --region x prod --bogus", False),
        ("exec -q prod -- env", False),
        ("exec -q 123456 -- env", False),
        ("--region", False),
        ("--bogus", False),
        ("--help", False),
        ("--version", False),
        ("help", False),
        ("exec --help", False),
        ("exec env", False),
        ("list", False),
        ("credential-process", False),
        ("doctor", False),
    ],
)
def test_a_command_line_lacks_its_role(line: str, expected: bool) -> None:  # noqa: FBT001 - what is expected
    """A role is missing where a command about roles has known options alone; else its mistake is reported."""
    assert expected == lacks_role([word.strip("'") for word in line.split()])


@pytest.mark.parametrize("name", [command.name for command in COMMANDS.values() if command.picks])
def test_every_option_of_a_command_that_picks_is_known(name: str) -> None:
    """Beside each option, with its value, the role is what is missing."""
    for each in [each for each in declared(ARGUMENTS[name]).values() if isinstance(each, Option)]:
        for option in each.names:
            line = [name, option, *([] if each.is_flag else ["value"])]
            assert lacks_role(line), option
