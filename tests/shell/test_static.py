"""The static shell files pass the shells' own tools, and know the commands of the program."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from awsenv import shells as registry
from awsenv.cli.commands import CHANGE, COMMANDS, called
from awsenv.shells.base import folder
from spelling import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from spelling import Spelling

FILES = sorted(str(path.relative_to(folder())) for path in Path(folder()).rglob("*") if path.is_file())
SEGMENTS = {
    "prompts/oh-my-posh.json": (),
    "prompts/powerlevel10k.zsh": ("zsh -f -n",),
    "prompts/spaceship.zsh": ("zsh -f -n",),
    "prompts/starship.toml": (),
    "prompts/tmux.conf": (),
    "prompts/tide.fish": ("fish --no-config -n", "fish_indent --check"),
}
"""The files for prompt frameworks, and their linters. In test_frameworks.py the frameworks read the others."""

TABLE = "completions/awsenv.table"
"""What three shells offer at Tab. It is no code."""
WORDS = (*COMMANDS, "help")
LINTED = sorted(
    {(linter, file) for row in ROWS.values() for linter in row.linters for file in row.files if file != TABLE}
    | {(linter, file) for file, linters in SEGMENTS.items() for linter in linters}
)


@pytest.mark.parametrize(("linter", "file"), LINTED)
def test_the_linters_are_silent(
    linter: str, file: str, hooks: Path, require: Callable[[str], str], tmp_path: Path
) -> None:
    """The files pass each shell's syntax check, linter and formatter."""
    argv = [*linter.split(), file]
    require(argv[0])

    # Two that make the same folder at a time, as fish does in a new home, are not silent.
    environ = os.environ | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    answer = subprocess.run(argv, cwd=hooks, env=environ, capture_output=True, check=False, text=True)

    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


@pytest.mark.parametrize("feature", ["mapfile", "readarray", "local -n", "declare -A", "@Q}", "<<", "&>>", "|&", ",,}"])
def test_the_bash_hook_works_in_bash_3_2(feature: str, hooks: Path) -> None:
    """The bash hook uses no feature that bash 3.2 of macOS lacks, and no here-document, which is a temporary file."""
    code = re.sub(r"^\s*#.*$", "", (hooks / "awsenv.bash").read_text(), flags=re.MULTILINE)

    assert feature not in code


def test_the_hook_knows_which_commands_print_a_change(shell: Spelling, hooks: Path, run: Callable[..., Any]) -> None:
    """The hook evaluates the output for a role, picked or named, and of commands that print a change, and no other."""
    questions = [f"! {shell.prints} {word} || echo {word or 'nothing'}" for word in ["", *WORDS, "power-user"]]

    answer = run(shell, "\n".join([shell.load(hooks), *questions]))

    expected = [word for word in WORDS if called([word]).prints != CHANGE]
    assert (expected, "") == (answer.stdout.split(), answer.stderr)


@pytest.mark.parametrize(
    ("hook", "listed"),
    [
        ("awsenv.sh", r"^  (?:[a-z-]+ \| )+[a-z-]+\) 'return' 0"),
        ("awsenv.tcsh", r"words\[1\]:q\" =~ \{([a-z,-]+)\}"),
    ],
)
def test_the_hooks_of_sh_and_tcsh_list_the_other_commands(hook: str, listed: str, hooks: Path) -> None:
    """The list of commands whose output is text is complete in each hook."""
    lines = re.findall(listed, (hooks / hook).read_text(), flags=re.MULTILINE)
    words = {word for line in lines for word in re.findall(r"[a-z][a-z-]+", line)} - {"return"}

    assert {word for word in WORDS if called([word]).prints != CHANGE} == words


@pytest.mark.parametrize("path", FILES)
def test_the_files_are_ascii(path: str, hooks: Path) -> None:
    """The files are ASCII: in some locales a shell reads another byte and the quote after it as one character."""
    assert (hooks / path).read_bytes().isascii()


def test_there_is_a_file_for_each_hook(hooks: Path) -> None:
    """Every shell with a hook has its static files and a row of the tests, and there is no other static file."""
    names = {shell.name for shell in registry.hooked()}

    assert {shell.file_name for shell in registry.hooked()} == {path.name for path in hooks.glob("awsenv.*")}
    assert names == {row.family or row.name for row in ROWS.values()}
    assert FILES == sorted({file for row in ROWS.values() for file in row.files} | {*SEGMENTS})


@pytest.mark.parametrize("file", SEGMENTS)
def test_init_prints_each_segment(file: str, hooks: Path, program: str) -> None:
    """`awsenv init` prints what a prompt framework needs in a file of its own."""
    segment = (hooks / file).read_text()

    printed = subprocess.check_output([program, "init", Path(file).stem], text=True)

    assert segment == printed


@pytest.mark.parametrize("word", ["-h", "--help", "--version", "--print", "--shell", "--shell=sh"])
def test_options_that_only_print(shell: Spelling, word: str, hooks: Path, run: Callable[..., Any]) -> None:
    """The hook shows the output for --help, --print and the like, but not for such a word after `--`."""
    script = f"""{shell.load(hooks)}
        {shell.prints} power-user {word} && echo before
        {shell.prints} use power-user -- {word} || echo after"""

    assert ["before", "after"] == run(shell, script).stdout.split()
