"""`awsenv init SHELL`: print the shell hook."""

from __future__ import annotations

from awsenv import shells
from awsenv.cli import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.cli.action import Caller, Print


def fast(shell: str) -> int | None:
    """Print the hook without a command line parser; None: leave it, and the error, to the ordinary path."""
    try:
        text = shells.find(shell).hook(process.program())
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
    from awsenv.errors import UsageError  # noqa: PLC0415 - nor for `enum`

    found = shells.named(shell)
    if found is None or not found.has_hook:
        known = ", ".join(each.name for each in shells.hooked())
        raise UsageError(f"there is no hook for the shell {shell!r}", hint=f"awsenv init with one of {known}")
    return Print(found.hook(caller.program))
