"""README.md and docs/ say what the program does: its help, its tables, its options, its picture."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from quotes import DOCUMENTS, README, ROOT, blocks, commands, output, section, written

from awsenv.cli.options import RoleOptions
from awsenv.errors import ExitCode
from awsenv.variables import EXPORTED, REMOVED, STATE, having

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLES = ROOT / "docs" / "variables.md"
VARIABLE = re.compile(r"`(AWS(?:U|UME|ENV)?_[A-Z_]*[A-Z])`")
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)]*))?\)")
PAGES = (*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md")

MOST_WORDS = 1500
"""A newcomer reads the whole README."""


def rows(title: str) -> list[list[str]]:
    """Return the cells of the tables below a heading of variables.md, without their heads."""
    lines = [line for line in section(VARIABLES, title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines][2:]


def command_lines(document: Path) -> list[list[str]]:
    """Return the words of each command line of awsenv in the shell blocks of *document*."""
    lines = "\n".join(blocks(document.read_text(encoding="utf-8"), "sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == ["awsenv"]]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_is_quoted_is_what_the_program_prints(document: Path) -> None:
    """Quote the help of each command, and what explain prints of the README's own profile."""
    assert written(document) == document.read_text(encoding="utf-8"), "write them: python tests/docs/quotes.py"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_option_that_is_shown_is_there(document: Path) -> None:
    """Show no option that the command does not have."""
    for words in command_lines(document):
        name = words[0] if words[0] in commands() else "use"
        ours = words[: words.index("--")] if "--" in words else words
        options = {word.partition("=")[0] for word in ours if word.startswith("--")}

        assert options <= set(re.findall(r"--[a-z-]+", output(f"{name} --help"))), words


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    """Link to files that are there, and to headings that they have."""
    for path, heading in LINK.findall(document.read_text(encoding="utf-8")):
        if path.startswith("https://"):
            continue
        target = (document.parent / path) if path else document
        assert target.exists(), path
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}, path


def test_the_readme_is_short() -> None:
    """Keep the README to what a newcomer reads."""
    assert len(README.read_text(encoding="utf-8").split()) <= MOST_WORDS


def test_the_exit_codes_are_all_there() -> None:
    """List each exit status once, in order."""
    assert [int(code) for code in ExitCode] == [int(row[0]) for row in rows("Exit codes")]


def test_the_options_of_a_role_are_all_there() -> None:
    """List each option beside its variable."""
    expected = [
        (f"`--{option.name.replace('_', '-')}`", f"`AWSENV_{option.name.upper()}`") for option in fields(RoleOptions)
    ]
    assert expected == [(row[0], row[1]) for row in rows("Options")]


def test_the_variables_that_a_role_sets_are_all_there() -> None:
    """List each variable that is set, in order."""
    listed = [name for row in rows("What a role sets") for name in VARIABLE.findall(row[0])]

    assert [*having(EXPORTED), *having(STATE)] == listed


def test_the_variables_that_a_role_removes_are_all_there() -> None:
    """List each variable that is unset, in order, in the paragraph that begins with that word."""
    paragraph = re.search(r"^It unsets these.*?\n\n", section(VARIABLES, "What a role sets"), re.MULTILINE | re.DOTALL)

    assert paragraph is not None, "a paragraph of this section begins: It unsets these"
    assert [*having(REMOVED)] == VARIABLE.findall(paragraph[0])


def test_the_picture_is_what_the_program_shows(require: Callable[[str], str]) -> None:
    """Draw the session again, with a real shell and the AWS CLI, and compare."""
    require("bash")
    require("aws")
    script = Path(__file__).with_name("picture.py")

    drawn = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)

    assert 0 == drawn.returncode, f"look at it, then: python tests/docs/picture.py\n{drawn.stdout}{drawn.stderr}"
    assert "](docs/session.svg)" in README.read_text(encoding="utf-8")
