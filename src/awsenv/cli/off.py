"""`awsenv off`: take the role off the shell, and restore what was there before the first `use`."""

from __future__ import annotations

from awsenv import environment
from awsenv.cli.action import Caller, Print
from awsenv.cli.evaluated import shell_of


def off(caller: Caller, *, shell: str | None, to_terminal: bool) -> Print:
    """Return what undoes `use`; nothing, and a note, where no role is active."""
    spelling = shell_of(caller, shell, "off", to_terminal=to_terminal)
    notes = () if environment.active(caller.environ) else ("no role is active in this shell",)
    return Print(spelling.render(environment.restore(caller.environ)), notes)
