"""What the shells' own tools say of the static files, and that they know the commands of the program."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
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
    """Pass the shell's own syntax check, and the linter and formatter that it has."""
    argv = LINTERS[linter]
    require(argv[0])

    answer = subprocess.run(argv, cwd=hooks, capture_output=True, check=False, text=True)

    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


@pytest.mark.parametrize("feature", ["mapfile", "readarray", "local -n", "declare -A", "@Q}", "<<", "&>>", "|&", ",,}"])
def test_bash_has_nothing_that_3_2_has_not(feature: str, hooks: Path) -> None:
    """Run in the bash of macOS; and no here-document or here-string, which are temporary files."""
    code = re.sub(r"^\s*#.*$", "", (hooks / "awsenv.bash").read_text(), flags=re.MULTILINE)

    assert feature not in code


def test_the_hook_knows_the_commands(shell: Any, hooks: Path, program: str, run: Callable[..., Any]) -> None:
    """Evaluate what `use`, `off` and `renew` print, and let every other command of the program print for itself."""
    page = subprocess.run([program, "--help"], capture_output=True, check=True, text=True).stdout
    commands = re.findall(r"^  ([a-z][a-z-]*)  ", page.partition("Commands:")[2], flags=re.MULTILINE)
    assert {"use", "exec", "off"} <= set(commands)

    script = ASK[shell.name].format(hook=hooks / f"awsenv.{shell}", words=" ".join([*commands, "power-user"]))
    answer = run(shell, script)

    assert ([name for name in commands if name not in {"use", "off", "renew"}], "") == (
        answer.stdout.split(),
        answer.stderr,
    )


@pytest.mark.parametrize("word", ["-h", "--help", "--version", "--print", "--shell", "--shell=sh"])
def test_options_that_print(shell: Any, word: str, hooks: Path, run: Callable[..., Any]) -> None:
    """Let the program answer on its own when it is asked for help or to print, but not for what a command is given."""
    ask = ASK[shell.name].partition("for ")[0].format(hook=hooks / f"awsenv.{shell}")
    separator, prints = (";", "__awsenv_prints") if shell.name == "fish" else ("&&", "_awsenv_prints")
    script = (
        f"{ask} {prints} power-user {word} {separator} echo before; {prints} use power-user -- {word} || echo after"
    )
    if shell.name == "fish":
        script = f"{ask} {prints} power-user {word}; and echo before; {prints} use power-user -- {word}; or echo after"

    assert ["before", "after"] == run(shell, script).stdout.split()
