"""What the commands share whose output a shell evaluates: which shell that is, and that it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.errors import UsageError
from awsenv.shells import render

if TYPE_CHECKING:
    from awsenv.cli.outcome import Caller

SHELL_VARIABLE = "AWSENV_SHELL"
"""How the hook says which shell it is."""


def shell_of(caller: Caller, name: str | None, words: str, *, to_terminal: bool) -> render.Shell:
    """Return the shell to print for: the one named, the one whose hook calls, else the one that awsenv was called from.

    Raises:
        UsageError: stdout is a terminal, where secrets would be shown and nothing evaluated; or an unknown shell.
    """
    name = name or caller.environ.get(SHELL_VARIABLE)
    if caller.prints_to_terminal and not to_terminal:
        raise UsageError(
            f"`awsenv {words}` prints what a shell is to evaluate, secrets and all",
            hint=f'eval "$(awsenv {words})", or load the hook: eval "$(awsenv init bash)"',
        )
    return render.find(name) if name else _calling_shell()


def _calling_shell() -> render.Shell:
    # $SHELL is the login shell, and a variable cannot tell fish from bash: only the parent processes can.
    import shellingham  # noqa: PLC0415 - the hook says its name, and most calls come from it

    try:
        return render.find(shellingham.detect_shell()[0])
    except (shellingham.ShellDetectionFailure, UsageError):
        return render.SHELLS["sh"]
