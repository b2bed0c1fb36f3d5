"""What is specific to the POSIX family."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv import shells
from awsenv.model import Change

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Sequence

    from awsenv.shells.base import Shell

    Run = Callable[..., subprocess.CompletedProcess[bytes]]

SH = shells.find("sh")
REFERENCE = "${AWSENV_DEMO:+(demo) }${AWSENV_LABEL:+[$AWSENV_LABEL] }"
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


@pytest.mark.parametrize("name", [SH.name, *SH.also])
@pytest.mark.parametrize(
    ("environ", "superuser", "expected"),
    [
        ({}, False, REFERENCE + "$ "),
        ({}, True, REFERENCE + "# "),
        ({"PS1": ""}, False, REFERENCE + "$ "),
        ({"PS1": "mine> "}, True, REFERENCE + "mine> "),
        ({"PS1": REFERENCE + "mine> "}, False, REFERENCE + "mine> "),
    ],
)
def test_the_prompt_refers_to_the_label(name: str, environ: dict[str, str], superuser: bool, expected: str) -> None:  # noqa: FBT001 - a row
    """PS1 begins with one reference to the label, and never contains the label itself."""
    answer = SH.subshell(f"/bin/{name}", environ, Change({}), "awsenv", superuser=superuser)

    assert ([f"/bin/{name}"], {"PS1": expected}) == answer
