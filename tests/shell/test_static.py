"""The static shell files pass the shells' own tools, and know the commands of the program."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from awsenv import shells as registry
from awsenv.cli.commands import CHANGE, COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

LINTERS = {
    "bash": ["bash", "-n", "awsenv.bash", "subshell/bashrc"],
    "shellcheck": ["shellcheck", "-o", "all", "awsenv.bash", "subshell/bashrc"],
    "shfmt": ["shfmt", "-i", "2", "-d", "awsenv.bash", "subshell/bashrc"],
    "zsh": ["zsh", "-f", "-n", "awsenv.zsh"],
    "zshenv": ["zsh", "-f", "-n", "subshell/.zshenv"],
    "fish": ["fish", "--no-config", "-n", "awsenv.fish"],
    "fish_indent": ["fish_indent", "--check", "awsenv.fish"],
}
ASK = {
    "bash": '. {hook}; for word in {words}; do ! _awsenv_prints "$word" || echo "$word"; done',
    "zsh": 'source {hook}; for word in {words}; do ! _awsenv_prints "$word" || echo "$word"; done',
    "fish": "source {hook}; for word in {words}; __awsenv_prints $word; and echo $word; end",
}


@pytest.mark.parametrize("linter", LINTERS)
def test_the_linters_are_silent(linter: str, hooks: Path, require: Callable[[str], str]) -> None:
    """The files pass each shell's syntax check, linter and formatter."""
    argv = LINTERS[linter]
    require(argv[0])

    answer = subprocess.run(argv, cwd=hooks, capture_output=True, check=False, text=True)

    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


@pytest.mark.parametrize("feature", ["mapfile", "readarray", "local -n", "declare -A", "@Q}", "<<", "&>>", "|&", ",,}"])
def test_the_bash_hook_works_in_bash_3_2(feature: str, hooks: Path) -> None:
    """The bash hook uses no feature that bash 3.2 of macOS lacks, and no here-document, which is a temporary file."""
    code = re.sub(r"^\s*#.*$", "", (hooks / "awsenv.bash").read_text(), flags=re.MULTILINE)

    assert feature not in code


def test_the_hook_knows_which_commands_print_a_change(shell: Any, hooks: Path, run: Callable[..., Any]) -> None:
    """The hook evaluates the output for a role and for commands that print a change, and for no other command."""
    script = ASK[shell.name].format(hook=hooks / f"awsenv.{shell}", words=" ".join([*COMMANDS, "power-user"]))

    answer = run(shell, script)

    expected = [command.name for command in COMMANDS.values() if command.prints != CHANGE]
    assert (expected, "") == (answer.stdout.split(), answer.stderr)


@pytest.mark.parametrize("path", ["awsenv.bash", "awsenv.zsh", "awsenv.fish", "subshell/bashrc", "subshell/.zshenv"])
def test_the_files_are_ascii(path: str, hooks: Path) -> None:
    """The files are ASCII: in some locales a shell reads another byte and the quote after it as one character."""
    assert (hooks / path).read_bytes().isascii()


def test_there_is_a_file_for_each_hook(hooks: Path, shells: Mapping[str, Any]) -> None:
    """Every shell with a hook has one static file and is tested, and there is no other static file."""
    names = {shell.name for shell in registry.hooked()}

    assert names == {path.suffix[1:] for path in hooks.glob("awsenv.*")}
    assert names == {*shells} == {*ASK}


@pytest.mark.parametrize("word", ["-h", "--help", "--version", "--print", "--shell", "--shell=sh"])
def test_options_that_only_print(shell: Any, word: str, hooks: Path, run: Callable[..., Any]) -> None:
    """The hook shows the output for --help, --print and the like, but not for such a word after `--`."""
    ask = ASK[shell.name].partition("for ")[0].format(hook=hooks / f"awsenv.{shell}")
    separator, prints = (";", "__awsenv_prints") if shell.name == "fish" else ("&&", "_awsenv_prints")
    script = (
        f"{ask} {prints} power-user {word} {separator} echo before; {prints} use power-user -- {word} || echo after"
    )
    if shell.name == "fish":
        script = f"{ask} {prints} power-user {word}; and echo before; {prints} use power-user -- {word}; or echo after"

    assert ["before", "after"] == run(shell, script).stdout.split()
