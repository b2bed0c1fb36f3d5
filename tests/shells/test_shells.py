"""The registry: which shell a name means."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import awsenv
from awsenv import shells
from awsenv.cli.commands import COMMANDS
from awsenv.errors import UsageError
from awsenv.shells.base import folder


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bash", "bash"),
        ("-zsh", "zsh"),
        ("/usr/bin/fish", "fish"),
        ("Bash", "bash"),
        ("rbash", "bash"),
        ("/opt/bin/bash-5.2", "bash"),
        ("zsh-5.9", "zsh"),
        ("dash", "sh"),
        ("/bin/sh", "sh"),
        ("ksh93", "sh"),
        ("posix", "sh"),
        ("json", "json"),
        ("nushell", "nu"),
        ("/usr/bin/elvish", "elvish"),
        ("xonsh", "xonsh"),
    ],
)
def test_a_shell_is_found_by_each_of_its_names(name: str, expected: str) -> None:
    """The name can be `$0`, `$SHELL`, a plain name, or a name with a version."""
    assert expected == shells.find(name).name


@pytest.mark.parametrize("name", ["rc", "base", "__init__", "os.path", "", "/", "../bash.py", "5"])
def test_an_unknown_shell_is_refused(name: str) -> None:
    """The hint lists the shells, and a name from outside imports no module."""
    with pytest.raises(UsageError) as caught:
        shells.find(name)

    assert (f"--shell with one of {', '.join(shells.names())}",) == caught.value.hints


@pytest.mark.parametrize("name", shells.FOREIGN)
@pytest.mark.parametrize("spelled", ["{}", "/usr/bin/{}", "-{}", "{}.exe"])
def test_a_shell_that_evaluates_nothing_is_named_with_what_works(name: str, spelled: str) -> None:
    """The error names the shell, however it is spelled, and each next step works in it."""
    with pytest.raises(UsageError) as caught:
        shells.find(spelled.format(name))

    assert f"{name} evaluates nothing that awsenv prints" == caught.value.fact
    assert any(hint.startswith("awsenv exec ROLE") for hint in caught.value.hints)


def test_powershell_is_told_to_start_itself_with_a_role() -> None:
    """`exec` alone would start $SHELL, which is another shell; a profile serves each AWS SDK."""
    with pytest.raises(UsageError) as caught:
        shells.find("PowerShell.exe")

    profile = "credential_process = awsenv credential-process ROLE, in a profile"
    assert ("awsenv exec ROLE -- powershell", profile) == caught.value.hints


@pytest.mark.parametrize(
    ("name", "fact", "hint"),
    [
        ("zhs", "there is no hook for the shell 'zhs'", "awsenv init zsh"),
    ],
)
def test_init_of_a_shell_without_a_hook_says_what_works(name: str, fact: str, hint: str, program: str) -> None:
    """The error says whether the shell can evaluate a change, and how."""
    answer = subprocess.run([program, "init", name], capture_output=True, check=False, text=True)

    assert (2, f"awsenv: {fact}\n  try      {hint}\n") == (
        answer.returncode,
        answer.stderr.partition("  or ")[0],
    )


def test_shell_names_are_unique() -> None:
    """Every shell is registered under its own name, and no name belongs to two shells."""
    names = [name for shell in shells.every() for name in (shell.name, *shell.also)]

    assert shells.names() == [shell.name for shell in shells.every()]
    assert len(names) == len(set(names))


def _page(program: str, command: str) -> str:
    """Return the help of *command*."""
    return subprocess.run([program, command, "--help"], capture_output=True, check=True, text=True).stdout


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text))


@pytest.mark.parametrize("command", ["use", "off", "renew"])
def test_the_help_names_every_shell(command: str, program: str) -> None:
    """The help of `use`, `off` and `renew` lists all shells."""
    assert set(shells.names()) <= _words(_page(program, command))


def test_the_table_of_commands_names_every_hook() -> None:
    """The line of `init` in the help names exactly the shells with a hook."""
    named = _words(COMMANDS["init"].summary) & set(shells.names())

    assert {shell.name for shell in shells.hooked()} == named


def test_the_help_of_init_has_the_line_that_loads_each_hook(program: str) -> None:
    """The help of `init` has a startup file and the line for it, for each shell with a hook."""
    page = " ".join(_page(program, "init").split())

    for shell in shells.hooked():
        assert f"{shell.startup({'HOME': '~'})[0]}: {shell.load}" in page


def test_the_readme_names_every_shell() -> None:
    """The README names in its introduction the shells that a role can change, and has the lines of the usual three."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    introduction = readme.partition("\n## ")[0]

    assert {shell.name for shell in shells.every() if shell.evaluate} <= _words(introduction)
    for shell in map(shells.find, ("bash", "zsh", "fish")):
        assert f"{shell.load} " in readme
        assert f"# {shell.startup({'HOME': '~'})[0]}, {shell.name} " in readme


NEW = """
from awsenv.shells.base import Posix
class New(Posix):
    name = "new"
    also = ("newest",)
SHELL = New()
"""
RUN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from awsenv.__main__ import main; main()"


def test_a_new_shell_is_two_files(tmp_path: Path, clean_environ: dict[str, str]) -> None:
    """A new module and a new hook are enough for every command to know the shell."""
    copy = shutil.copytree(Path(awsenv.__file__).parent, tmp_path / "awsenv")
    shutil.copytree(folder(), copy / "shell", dirs_exist_ok=True)
    (copy / "shells/new.py").write_text(NEW)
    (copy / "shell/awsenv.new").write_text("# the hook\n")

    def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-c", RUN, str(tmp_path), *words],
            env=clean_environ | environ,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("init", "newest").stdout.endswith("# the hook\n")
    role = {"AWSENV_ROLE": "x", "AWS_VAULT": "x"}
    assert "'unset' AWSENV_ROLE;\n" in run("off", "--shell", "new", **role).stdout
    assert "'unset' AWSENV_ROLE;\n" in run("off", AWSENV_SHELL="new", **role).stdout
    names = sorted([*(shell.name for shell in shells.hooked()), "new"])
    assert f"awsenv init with one of {', '.join(names)}\n" in run("init", "rc").stderr
