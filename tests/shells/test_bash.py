"""What is specific to bash."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from awsenv import shells
from awsenv.model import Change
from awsenv.shells.base import folder

if TYPE_CHECKING:
    from pathlib import Path

BASH = shells.find("bash")


def test_a_subshell_reads_our_startup_file() -> None:
    """The subshell starts with `--rcfile` and a file that reads ~/.bashrc and then the hook."""
    argv, _ = BASH.subshell("/bin/bash", {}, Change({}), "awsenv")

    assert ["/bin/bash", "--rcfile", f"{folder()}/subshell/bashrc"] == argv


def test_an_unquoted_eval_has_the_same_effect() -> None:
    """The statements stay separate if an unquoted `eval` joins their lines."""
    text = BASH.render(Change({"AWS_VAULT": "x\ny", "AWS_PROFILE": None, "AWS_REGION": "y"}))

    answer = subprocess.run(
        ["bash", "-c", 'eval $(printf %s "$1"); echo "$AWS_VAULT ${AWS_PROFILE-unset} $AWS_REGION"', "bash", text],
        env={"AWS_PROFILE": "z"},
        capture_output=True,
        check=True,
        text=True,
    )

    assert answer.stdout == "x\ny unset y\n"


def test_no_assignment_leaves_its_place_under_the_option_keyword() -> None:
    """With `set -k`, bash would take assignments away from `export`, which then prints every variable and its value."""
    code = BASH.render(Change({"AWS_VAULT": "x", "AWS_PROFILE": None, "AWS_REGION": "é"}))

    answer = subprocess.check_output(
        ["bash", "-kc", 'eval "$1"; echo "$AWS_VAULT ${AWS_PROFILE-unset} $AWS_REGION"', "bash", code],
        env={"AWS_PROFILE": "z"},
        text=True,
    )

    assert "x unset é\n" == answer


def test_a_login_shell_reads_the_first_of_three_files(tmp_path: Path) -> None:
    """The startup files are ~/.bashrc, where the hook belongs, and the first login file that exists."""
    for name in (".profile", ".bash_login"):
        (tmp_path / name).touch()

    assert (f"{tmp_path}/.bashrc", [f"{tmp_path}/.bashrc", f"{tmp_path}/.bash_login"]) == BASH.startup(
        {"HOME": str(tmp_path)}
    )
