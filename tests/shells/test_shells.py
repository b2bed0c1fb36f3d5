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
    ],
)
def test_a_shell_is_found_by_each_of_its_names(name: str, expected: str) -> None:
    """The name can be `$0`, `$SHELL`, a plain name, or a name with a version."""
    assert expected == shells.find(name).name


@pytest.mark.parametrize("name", ["cmd.exe", "nu", "base", "__init__", "os.path", "", "bash/", "../bash.py", "5"])
def test_an_unknown_shell_is_refused(name: str) -> None:
    """The hint lists the shells, and a name from outside imports no module."""
    with pytest.raises(UsageError) as caught:
        shells.find(name)

    assert ("--shell with one of bash, fish, json, sh, zsh",) == caught.value.hints


def test_shell_names_are_unique() -> None:
    """Every shell is registered under its own name, and no name belongs to two shells."""
    names = [name for shell in shells.every() for name in (shell.name, *shell.also)]

    assert shells.names() == [shell.name for shell in shells.every()]
    assert len(names) == len(set(names))


def test_the_help_names_every_shell(program: str) -> None:
    """The help of `use`, `off` and `renew` lists all shells, and that of `init` those with a hook."""
    pages = {
        command: subprocess.run([program, command, "--help"], capture_output=True, check=True, text=True).stdout
        for command in ("use", "off", "renew", "init")
    }

    for command, page in pages.items():
        expected = shells.hooked() if command == "init" else shells.every()
        assert {shell.name for shell in expected} <= set(re.findall(r"[a-z]+", page))


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
    assert "unset AWSENV_ROLE;\n" in run("off", "--shell", "new", **role).stdout
    assert "unset AWSENV_ROLE;\n" in run("off", AWSENV_SHELL="new", **role).stdout
    assert "bash, fish, new, zsh" in run("init", "nu").stderr
