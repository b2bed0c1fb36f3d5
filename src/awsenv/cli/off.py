"""`awsenv off`: leave the role, and restore what was there before the first `use`."""

from __future__ import annotations

from dataclasses import dataclass

from awsenv import environment
from awsenv.cli.action import Print
from awsenv.cli.options import Caller
from awsenv.cli.use import ShellOptions, printed, shell_of
from awsenv.model import Note


@dataclass(frozen=True, kw_only=True)
class Arguments(ShellOptions):
    """Every variable returns to its value from before the first role."""


def run(caller: Caller, arguments: Arguments) -> Print:
    """Return what undoes `use`; nothing, and a note, where no role is active."""
    shell = shell_of(caller, arguments, "off")
    notes = () if environment.active(caller.environ) else (Note("no role is active in this shell"),)
    return printed(caller, shell, environment.restore(caller.environ), notes)
