"""`awsenv exec` at a terminal: the command's signals, its job control and its status are its own."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from e2e.conftest import Interactive, Silent

CTRL_C = "\x03"


@pytest.mark.parametrize("hook", [False, True], ids=["plain", "hook"])
def test_signals_jobs_and_status_are_the_commands_own(
    interactive: Interactive, reporter: list[str], *, hook: bool
) -> None:
    """Leave Ctrl-C, Ctrl-Z and `fg` between the shell and the command, and its status too."""
    command = shlex.join(reporter)
    shell = interactive(hook=hook)

    shell.run("awsenv exec read-only -- sh -c 'exit 42'")
    assert shell.status() == 42

    shell.send("awsenv exec read-only -- sh -c 'echo rea\"\"dy; exec sleep 60'\r")
    shell.see("ready")
    shell.send(CTRL_C)
    shell.prompt()
    assert shell.status() == 130

    shell.send(f"awsenv exec read-only {command}\r")
    shell.see("ready")
    shell.send(CTRL_C)
    assert "bye" in shell.prompt()
    assert shell.status() == 7

    shell.stop_and_go_on(f"awsenv exec read-only {command}")


def test_ctrl_c_while_aws_is_waited_for(interactive: Interactive, silent: Silent) -> None:
    """Run nothing, say one word, and give the shell back."""
    shell = interactive(AWS_ENDPOINT_URL=silent.url)

    shell.send('awsenv exec read-only -- echo rea""ched\r')
    silent.wait()
    shell.send(CTRL_C)

    shown = shell.prompt()
    assert "awsenv: interrupted" in shown
    assert "reached" not in shown
    assert shell.status() == 130
