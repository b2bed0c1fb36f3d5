"""`awsenv exec` at a terminal: signals, job control and the status work as without awsenv."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from spelling import SPELLINGS

if TYPE_CHECKING:
    from e2e.conftest import Interactive, Silent

CTRL_C = "\x03"


@pytest.mark.parametrize(
    ("shell", "hook"), [("bash", False), *((name, True) for name in SPELLINGS)], indirect=["shell"]
)
def test_signals_jobs_and_status_are_the_commands_own(
    interactive: Interactive, reporter: list[str], *, hook: bool
) -> None:
    """Ctrl-C, Ctrl-Z, `fg` and the status work between the shell and the command as without awsenv."""
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


def test_ctrl_c_while_awsenv_waits_for_aws(interactive: Interactive, silent: Silent) -> None:
    """Ctrl-C while awsenv waits for AWS prints `interrupted`, and awsenv does not run the command."""
    shell = interactive(AWS_ENDPOINT_URL=silent.url)

    shell.send('awsenv exec read-only -- echo rea""ched\r')
    silent.wait()
    shell.send(CTRL_C)

    shown = shell.prompt()
    assert "awsenv: interrupted" in shown
    assert "reached" not in shown
    assert shell.status() == 130
