"""Nested roles: a subshell after `use`, `use` in a subshell, and `off` in both."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spelling import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World
    from e2e.conftest import Interactive, Terminal
    from spelling import Spelling

HOOKED = [(name, True) for name in SPELLINGS]
"""Each shell with the hook."""

BARE = [(name, False) for name in SPELLINGS]
"""Each shell without it: `awsenv exec` alone loads it in the subshell."""

OF_THE_SHELL = {"SHLVL", "OLDPWD", "_", "PS1", "ZDOTDIR"}
"""Variables that a shell counts or sets when it starts."""


def _role(shell: Terminal) -> str | None:
    return shell.environment().get("AWSENV_ROLE")


def _without_shells_own(environ: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in OF_THE_SHELL}


@pytest.mark.parametrize(("shell", "hook"), [*HOOKED, BARE[0]], indirect=["shell"])
def test_a_subshell_has_its_own_role(
    world: World, interactive: Interactive, new_code: Callable[[], str], *, hook: bool
) -> None:
    """A subshell has the inner role, its parent keeps the outer one, and the user assumes both."""
    shell = interactive(hook=hook)
    shell.run(f'eval "$(awsenv power-user {new_code()})"')
    outer = shell.environment()

    assert re.search(r"\[read-only \d\w+\] \Z", shell.run("awsenv exec read-only"))
    inner = shell.environment()
    shell.run("exit")

    assert inner["AWSENV_ROLE"] == "read-only"
    assert inner["AWS_SECRET_ACCESS_KEY"] != outer["AWS_SECRET_ACCESS_KEY"]
    assert outer == shell.environment()
    assert [world.user_arn] * 2 == [call.caller for call in world.sandbox.calls]


@pytest.mark.parametrize(("shell", "hook"), [*BARE, HOOKED[0]], indirect=["shell"])
def test_changes_in_a_subshell_stay_there(interactive: Interactive, new_code: Callable[[], str], *, hook: bool) -> None:
    """A role and `off` in a subshell affect only that subshell, even without the hook; `off` removes every role."""
    shell = interactive(hook=hook)
    before = shell.environment()

    shell.run("awsenv exec read-only")
    assert _role(shell) == "read-only"
    shown = shell.run(f"awsenv power-user {new_code()}")
    assert re.search(r"\[power-user \d\w+\] \Z", shown)
    assert _role(shell) == "power-user"
    assert "[" not in shell.run("awsenv off").splitlines()[-1]
    assert _without_shells_own(before) == _without_shells_own(shell.environment())
    assert "no role is active" in shell.run("awsenv off")
    shell.run("exit")

    assert before == shell.environment()


def test_a_subshell_of_sh_shows_the_role(
    environ: dict[str, str], terminal: Callable[..., Terminal], require: Callable[[str], str]
) -> None:
    """An `sh` without rc file and hook shows the role in its prompt, and `off` by eval removes it."""
    shell = terminal(["awsenv", "exec", "read-only"], environ | {"SHELL": require("sh")})

    shell.see(r"\[read-only until \d\d:\d\d\] [$#] ")
    shell.send('eval "$(awsenv off)"\r')
    shell.see(r"\n[$#] ")

    assert shell.end() == 0


def test_a_subshell_reads_the_rc_file_once(shell: Spelling, interactive: Interactive, environ: dict[str, str]) -> None:
    """A subshell reads the user's rc file once, from its own location, and exports no ZDOTDIR."""
    terminal = interactive()
    rc = Path(environ["HOME"]) / shell.rc
    rc.write_text(rc.read_text() + "echo rc\nalias mine='echo from-the-rc'\n")

    started = terminal.run("awsenv exec read-only")

    assert re.findall("(?m)^rc$", started) == ["rc"]
    assert "\nfrom-the-rc\n" in terminal.run("mine")
    assert "ZDOTDIR" not in terminal.environment()
