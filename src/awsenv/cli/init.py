"""`awsenv init SHELL`: print the shell hook."""

from __future__ import annotations

from awsenv.cli import process
from awsenv.shells.hook import hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.cli.action import Caller, Print


def fast(shell: str) -> int | None:
    """Print the hook without a command line parser; None: leave it, and the error, to the ordinary path."""
    try:
        text = hook(shell, process.program())
    except Exception:  # noqa: BLE001 - the ordinary path meets it again and reports it
        return None
    try:
        process.write(text)
    except OSError:
        return None
    return 0


def init(caller: Caller, shell: str) -> Print:
    """Return the hook of *shell*.

    Raises:
        UsageError: There is no hook for that shell.
    """
    from awsenv.cli.action import Print  # noqa: PLC0415 - the fast path does not wait for `dataclasses`

    return Print(hook(shell, caller.program))
