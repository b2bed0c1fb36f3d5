"""`awsenv off`: leave the role, and restore what was there before the first `use`."""

from __future__ import annotations

from awsenv import changes
from awsenv.cli.use import printed, shell_of
from awsenv.model import Note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.cli.action import Print
    from awsenv.cli.arguments import OffArguments
    from awsenv.cli.options import Caller


def run(caller: Caller, arguments: OffArguments) -> Print:
    """Return what undoes `use`; nothing, and a note, where no role is active."""
    shell = shell_of(caller, arguments, "off")
    notes = () if changes.active(caller.environ) else (Note("no role is active in this shell"),)
    return printed(caller, shell, changes.restore(caller.environ), notes)
