"""What is specific to the POSIX family."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv import shells
from awsenv.model import Change
from awsenv.shells.base import folder

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Sequence

    from awsenv.shells.base import Shell

    Run = Callable[..., subprocess.CompletedProcess[bytes]]

SH = shells.find("sh")
FILE = f"{folder()}/subshell/env.sh"
CHANGE = Change({"AWSENV_TEST_A": "new", "AWSENV_TEST_SET": "new", "AWSENV_TEST_GONE": None})
OLD = {"AWSENV_TEST_A": "old", "AWSENV_TEST_SET": "old", "AWSENV_TEST_GONE": "old"}
SHOW = ' && echo reached; echo "$AWSENV_TEST_A $AWSENV_TEST_SET ${AWSENV_TEST_GONE-gone}"'


@pytest.mark.parametrize("variable", ["AWSENV_TEST_SET", "AWSENV_TEST_GONE"])
def test_a_read_only_variable_stops_the_whole_change(posix: Shell, name: str, variable: str, evaluate: Run) -> None:
    """If one variable is read-only, no variable changes: a new key with an old token would not work."""
    done = evaluate(posix, name, posix.render(CHANGE), before=f"readonly {variable}", after=SHOW, environ=OLD)

    assert b"old old old\n" == done.stdout
    assert b"awsenv: nothing was changed: a variable that must change is read-only in this shell\n" == done.stderr


def test_a_value_that_is_not_printed_stops_the_whole_change(
    programs: Sequence[tuple[Shell, str]], evaluate: Run
) -> None:
    """If printf prints nothing for a value, no variable changes, and the error names the variable."""
    change = Change({**CHANGE.variables, "AWSENV_TEST_SET": "é"})

    for name in [name for shell, name in programs if shell is SH]:
        done = evaluate(SH, name, SH.render(change), before="command() { :; }", after=SHOW, environ=OLD)

        assert b"old old old\n" == done.stdout
        assert b"awsenv: nothing was changed: this shell cannot hold the value of AWSENV_TEST_SET\n" == done.stderr


@pytest.mark.parametrize(
    ("path", "environ", "argv", "expected"),
    [
        ("/bin/dash", {}, [], {"_AWSENV_RC": "", "ENV": FILE}),
        (
            "/bin/dash",
            {"ENV": "$HOME/.shinit"},
            [],
            {"_AWSENV_RC": "$HOME/.shinit", "_AWSENV_ENV": "$HOME/.shinit", "ENV": FILE},
        ),
        ("/bin/mksh", {}, [], {"_AWSENV_RC": "$HOME/.mkshrc", "ENV": FILE}),
        ("/bin/ksh93", {"ENV": ""}, [], {"_AWSENV_RC": "", "_AWSENV_ENV": "", "ENV": FILE}),
        ("/bin/busybox", {}, ["ash"], {"_AWSENV_RC": "", "ENV": FILE}),
        ("/bin/yash", {}, [f"--rcfile={FILE}"], {"_AWSENV_RC": "$HOME/.yashrc"}),
        (
            "/bin/yash",
            {"ENV": "x"},
            [f"--rcfile={FILE}"],
            {"_AWSENV_RC": "$HOME/.yashrc", "_AWSENV_ENV": "x", "ENV": "x"},
        ),
    ],
)
def test_a_subshell_reads_our_file(
    path: str, environ: dict[str, str], argv: list[str], expected: dict[str, str]
) -> None:
    """The shell reads our file by the variable or the option that it knows, and that file can read the user's own."""
    words, after = SH.subshell(path, environ, Change({}), "awsenv")

    assert [path, *argv] == words
    assert expected == {name: value for name, value in after.items() if name in {"ENV", "_AWSENV_ENV", "_AWSENV_RC"}}


@pytest.mark.parametrize(
    ("environ", "main"),
    [
        ({}, ".shinit"),
        ({"SHELL": "/bin/dash"}, ".shinit"),
        ({"SHELL": "/bin/dash", "ENV": "$HOME/.rc"}, ".rc"),
        ({"SHELL": "/bin/dash", "ENV": "${HOME}/.rc"}, ".rc"),
        ({"SHELL": "/bin/mksh"}, ".mkshrc"),
        ({"SHELL": "/bin/bash", "AWSENV_SHELL": "ksh"}, ".kshrc"),
        ({"SHELL": "/bin/ksh93", "ENV": "~/.rc"}, ".rc"),
        ({"SHELL": "/bin/yash", "ENV": "~/.rc"}, ".yashrc"),
    ],
)
def test_the_startup_file_is_that_of_the_shell(environ: dict[str, str], main: str) -> None:
    """The hook belongs in the file that `ENV` names, or in the one that the shell reads without it."""
    assert (f"/home/a/{main}", [f"/home/a/{main}", "/home/a/.profile"]) == SH.startup({"HOME": "/home/a"} | environ)
