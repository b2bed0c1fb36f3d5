"""What the README says is what the program does: its help, its tables, its picture."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv import environment
from awsenv.cli.app import app
from awsenv.cli.options import RoleOptions
from awsenv.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

README = Path(__file__).parents[2] / "README.md"
HELP = ("awsenv --help", *(f"awsenv {command.name} --help" for command in app.registered_commands))
EXPLAINED = "awsenv explain power-user"
QUOTED = re.compile(r"^<!-- (?P<command>awsenv [^\n]+) -->\n```text\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r"`(AWS(?:U|UME|ENV)?_[A-Z_]*[A-Z])`")


@pytest.fixture(scope="module")
def quoted() -> dict[str, str]:
    """Return what the README quotes: command → output."""
    return {match["command"]: match["text"] for match in QUOTED.finditer(README.read_text(encoding="utf-8"))}


def section(title: str) -> str:
    """Return the text below a heading of the README."""
    _, found, rest = README.read_text(encoding="utf-8").partition(f"\n## {title}\n")
    assert found, f"the README has no section {title!r}"
    return rest.partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """Return the cells of the tables of a section, without their heads."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return cells[2:]


@pytest.mark.parametrize("command", HELP)
def test_the_help_is_quoted(
    command: str, quoted: Mapping[str, str], program: str, clean_environ: dict[str, str]
) -> None:
    """Quote the help of every command, as a terminal of 80 columns shows it."""
    words = [program, *command.split()[1:]]
    said = subprocess.run(
        words, env=clean_environ | {"COLUMNS": "80"}, capture_output=True, text=True, check=True
    ).stdout

    wanted = f"the README is to have:\n\n<!-- {command} -->\n```text\n{said}```\n"
    assert said == quoted.get(command), wanted


def test_what_explain_says_is_quoted(quoted: Mapping[str, str], program: str, clean_environ: dict[str, str]) -> None:
    """Explain the profile that stands in the README itself."""
    folder = Path(clean_environ["HOME"], ".aws")
    folder.mkdir()
    (config,) = re.findall(r"^```ini\n(.*?)^```$", section("Sixty seconds"), re.MULTILINE | re.DOTALL)
    (folder / "config").write_text(config)
    (folder / "credentials").write_text("[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = example\n")

    said = subprocess.run(
        [program, "explain", "power-user"],
        env=clean_environ | {"LOGNAME": "alice", "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert said == quoted[EXPLAINED], f"the README is to have:\n\n{said}"


def test_nothing_else_is_quoted(quoted: Mapping[str, str]) -> None:
    """Quote no output that is not compared here."""
    assert {*HELP, EXPLAINED} == set(quoted)


def test_the_exit_codes_are_all_there() -> None:
    """List each exit status once, in order."""
    assert [int(code) for code in ExitCode] == [int(row[0]) for row in rows("Exit codes")]


def test_the_options_of_a_role_are_all_there() -> None:
    """List each option beside its variable."""
    expected = [
        (f"`--{option.name.replace('_', '-')}`", f"`AWSENV_{option.name.upper()}`") for option in fields(RoleOptions)
    ]
    assert expected == [(row[0], row[1]) for row in rows("Configuration")]


def test_the_variables_that_a_role_sets_are_all_there() -> None:
    """List each variable that is set, in order."""
    listed = [name for row in rows("Variables") for name in VARIABLE.findall(row[0])]

    assert [*environment.EXPORTED, *environment.OURS] == listed


def test_the_variables_that_a_role_removes_are_all_there() -> None:
    """List each variable that is unset, in order, in the paragraph that begins with that word."""
    paragraph = re.search(r"^and unsets these.*?\n\n", section("Variables"), re.MULTILINE | re.DOTALL)

    assert paragraph is not None, "the section Variables is to have a paragraph that begins: and unsets these"
    assert [*environment.REMOVED] == VARIABLE.findall(paragraph[0])


def test_the_picture_is_what_the_program_shows(require: Callable[[str], str]) -> None:
    """Draw the session again, with a real shell and the AWS CLI, and compare."""
    require("bash")
    require("aws")
    script = Path(__file__).with_name("picture.py")

    drawn = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)

    assert 0 == drawn.returncode, f"look at it, then: python tests/readme/picture.py\n{drawn.stdout}{drawn.stderr}"
    assert f"](tests/readme/{script.with_name('session.svg').name})" in README.read_text(encoding="utf-8")
