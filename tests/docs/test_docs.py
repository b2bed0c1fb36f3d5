"""README.md and docs/ match the program: its help, its tables, its options and its picture."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from importlib.metadata import metadata, requires
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from quotes import DOCUMENTS, README, ROOT, blocks, commands, output, section, written

from awsenv.cli.arguments import RoleOptions
from awsenv.cli.declarations import declared
from awsenv.config.hops import PROGRAMS
from awsenv.errors import ExitCode
from awsenv.variables import ASSISTANT, EXPORTED, REMOVED, STATE, having

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

VARIABLES = ROOT / "docs" / "variables.md"
JSON = ROOT / "docs" / "json.md"
VARIABLE = re.compile(r"`(AWS(?:U|UME|ENV)?_[A-Z_]*[A-Z])`")
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)]*))?\)")
PAGES = (*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md")

MOST_WORDS = 1500
"""The maximum length of the README, which a newcomer reads as a whole."""


def rows(title: str, document: Path = VARIABLES) -> list[list[str]]:
    """Return the cells of the tables below a heading, without the head of the first."""
    lines = [line for line in section(document, title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines][2:]


def command_lines(document: Path) -> list[list[str]]:
    """Return the words of each command line of awsenv in the shell blocks of *document*."""
    lines = "\n".join(blocks(document.read_text(encoding="utf-8"), "sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == ["awsenv"]]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_quotations_match_the_program(document: Path) -> None:
    """The documents quote the help of each command, and the output of `explain` for the README's own profile."""
    assert written(document) == document.read_text(encoding="utf-8"), "write them: python tests/docs/quotes.py"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_option_in_an_example_exists(document: Path) -> None:
    """The examples of the documents use only options that the command has."""
    for words in command_lines(document):
        name = words[0] if words[:1] and words[0] in commands() else "use"
        ours = words[: words.index("--")] if "--" in words else words
        options = {word.partition("=")[0] for word in ours if word.startswith("--")}

        assert options <= set(re.findall(r"--[a-z-]+", output(f"{name} --help"))), words


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_every_link_has_a_target(document: Path) -> None:
    """The files and headings that the documents link to exist."""
    for path, heading in LINK.findall(document.read_text(encoding="utf-8")):
        if path.startswith("https://"):
            continue
        target = (document.parent / path) if path else document
        assert target.exists(), path
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}, path


def test_the_readme_is_short() -> None:
    """The README has at most as many words as a newcomer reads."""
    assert len(README.read_text(encoding="utf-8").split()) <= MOST_WORDS


def test_the_readme_has_a_chapter_for_each_reader() -> None:
    """What everyone needs comes before the comparison; help, recipes and answers are pages of their own."""
    text = README.read_text(encoding="utf-8")
    chapters = ["Try it", "Install", "Sixty seconds", "Daily recipes", "How it compares", "Coming from another tool"]
    top = text.partition("\n## ")[0]

    assert chapters == [title for title in re.findall("^## (.*)$", text, re.MULTILINE) if title in chapters]
    assert {"docs/commands.md", "docs/recipes.md", "docs/faq.md"} <= {path for path, _ in LINK.findall(top)}
    assert "Usage: " not in text


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_nothing_is_installed_from_an_index_that_lacks_it(document: Path) -> None:
    """The name on PyPI is not ours: an install line names a checkout."""
    named = re.compile(r"\b(?:pip|pipx|uv tool) install (?:-\S+ )*['\"]?awsenv")

    assert [] == named.findall(document.read_text(encoding="utf-8"))


@pytest.mark.parametrize("client", ["Ruby SDK", "s3cmd", "container", "credential_process", "set elsewhere"])
def test_what_does_not_renew_is_named(client: str) -> None:
    """`--refresh` promises nothing for clients that read no endpoint, or run a process twice: each has its line."""
    text = section(ROOT / "docs" / "recipes.md", "What renews and what does not")

    assert client in text
    assert not re.search(r"\b(?:every|each|all|any)(?: AWS)? SDKs?\b[^.]*\bagain\b", text, re.IGNORECASE)


def test_an_index_shows_the_package_whole() -> None:
    """An index has the author and the addresses of the project, and a README whose links and picture lead somewhere."""
    about = metadata("awsenv-shell")
    urls = dict(line.split(", ") for line in about.get_all("Project-URL") or [])

    assert {"Homepage", "Documentation", "Changelog", "Issues", "Security"} == set(urls)
    assert ("text/markdown", "MIT") == (about["Description-Content-Type"], about["License-Expression"])
    assert about["Author-email"]
    text = about["Description"]
    assert [] == [path for path, _ in LINK.findall(text) if path and not path.startswith("https://")]
    assert re.search(r"!\[[^]]*\]\(https://raw\.githubusercontent\.com/", text)


def test_the_extra_of_the_demo_draws_the_qr_code() -> None:
    """`awsenv setup` is a part of the tour: its extra is in that of the demo, with the same bound."""
    extras = {
        extra: {
            line.partition(";")[0].strip() for line in requires("awsenv-shell") or () if f"extra == '{extra}'" in line
        }
        for extra in ("setup", "demo")
    }

    assert extras["setup"]
    assert extras["setup"] <= extras["demo"]


def test_all_exit_codes_are_documented() -> None:
    """The table of exit codes lists each code once, in order."""
    assert [int(code) for code in ExitCode] == [int(row[0]) for row in rows("Exit codes")]


def test_all_options_of_a_role_are_documented() -> None:
    """The table of options lists each option of a role beside its variable, in order."""
    names = [option.name.rstrip("_") for option in declared(RoleOptions).values()]
    expected = [(f"`--{name.replace('_', '-')}`", f"`AWSENV_{name.upper()}`") for name in names]
    assert expected == [(row[0], row[1]) for row in rows("Options")]


def test_all_variables_that_a_role_sets_are_documented() -> None:
    """The table lists each variable that a role sets, in order."""
    listed = [name for row in rows("What a role sets") for name in VARIABLE.findall(row[0])]

    assert [*having(EXPORTED), *having(STATE)] == listed


def test_all_of_our_variables_are_documented() -> None:
    """Each variable whose name begins with AWSENV_ and that the program or a hook uses is in the document."""
    files = [file for name in ("src", "shell") for file in (ROOT / name).rglob("*") if file.suffix != ".pyc"]
    named = {
        name for file in files if file.is_file() for name in re.findall(r"\bAWSENV_[A-Z_]*[A-Z]\b", file.read_text())
    }
    documented = VARIABLES.read_text()

    assert [] == sorted(name for name in named if name not in documented and not name.startswith("AWSENV_SAVED_"))


def test_all_variables_that_a_role_removes_are_documented() -> None:
    """The paragraph that begins `It unsets these` lists each variable that a role unsets, in order."""
    paragraph = re.search(r"^It unsets these.*?\n\n", section(VARIABLES, "What a role sets"), re.MULTILINE | re.DOTALL)

    assert paragraph is not None, "a paragraph of this section begins: It unsets these"
    assert [*having(REMOVED)] == VARIABLE.findall(paragraph[0])


def test_all_assistants_are_documented() -> None:
    """The section lists the variables and the program of each assistant."""
    names = (*having(ASSISTANT), *PROGRAMS)

    assert [] == [name for name in names if f"`{name}`" not in section(VARIABLES, "Assistants")]


def test_all_keys_of_json_are_documented(world: World) -> None:
    """The tables of json.md list each key that `list`, `status` and `each` print, in order."""
    listed = json.loads(world.run("list", "--json").stdout)
    status = json.loads(world.run("status", "--json").stdout)
    each = json.loads(world.run("each", "read-only", "--json", "--", "true").stdout)
    documented = [
        [re.findall("`([a-z_]+)`", row[0])[0] for row in rows(title, JSON) if row[0].startswith("`")]
        for title in ("list", "status", "each")
    ]

    assert [[*listed["roles"][0], *listed["sources"][0]], [*status], [*each]] == documented


def test_the_pictures_are_current(require: Callable[[str], str]) -> None:
    """Each picture equals a new drawing, with real shells and the AWS CLI, and a document shows it."""
    require("bash")
    require("aws")
    script = Path(__file__).with_name("picture.py")

    drawn = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)

    assert 0 == drawn.returncode, f"look at it, then: python tests/docs/picture.py\n{drawn.stdout}{drawn.stderr}"
    shown = {name for page in DOCUMENTS for name in re.findall(r"!\[.*?]\((?:docs/)?([\w-]+\.svg)\)", page.read_text())}
    assert {path.name for path in (README.parent / "docs").glob("*.svg")} == shown
