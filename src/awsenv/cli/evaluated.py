"""What the commands share whose output a shell evaluates: which shell that is, and that it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.errors import UsageError
from awsenv.shells import render
from awsenv.shells.hook import LINES

if TYPE_CHECKING:
    from awsenv.cli.action import Caller

SHELL_VARIABLE = "AWSENV_SHELL"
"""How the hook says which shell it is."""


def shell_of(caller: Caller, name: str | None, words: str, *, to_terminal: bool) -> render.Shell:
    """Return the shell to print for: the one named, the one whose hook calls, else the one that awsenv was called from.

    Raises:
        UsageError: Nothing evaluates what is printed: stdout is a terminal, a file, or another command's pipe; or an
            unknown shell.
    """
    name = name or caller.environ.get(SHELL_VARIABLE)
    shell = render.find(name) if name else _calling_shell(caller)
    if not to_terminal:
        _check_that_it_is_evaluated(caller, shell, words)
    return shell


def _check_that_it_is_evaluated(caller: Caller, shell: render.Shell, words: str) -> None:
    """Refuse to show secrets where nothing evaluates them."""
    if caller.prints_to_terminal:
        line = LINES.get(shell.name, LINES["bash"])
        raise UsageError(
            "nothing was done: a program cannot change the shell that calls it",
            hint=f'eval "$(awsenv {words})"; or load the hook, once: {line}',
        )
    if shell.name != "json":
        _check_that_it_is_not_astray(caller)


def check_that_it_is_read(caller: Caller, line: str) -> None:
    """Refuse to show secrets to a person, or to write them to a file.

    Raises:
        UsageError: stdout is a terminal, a file, or a pipe that nobody who called reads.
    """
    if caller.prints_to_terminal:
        raise UsageError(
            "nothing was done: the keys would have been shown on the terminal",
            hint=f"in a profile of ~/.aws/config: {line}; --print prints all the same",
        )
    _check_that_it_is_not_astray(caller)


def _check_that_it_is_not_astray(caller: Caller) -> None:
    if caller.prints_astray():
        raise UsageError(
            "nothing was done: the keys would have gone to a file, or to a command that is not a shell",
            hint="awsenv exec ROLE -- COMMAND runs a command with the role; --print prints all the same",
        )


def _calling_shell(caller: Caller) -> render.Shell:
    # $SHELL is the login shell, and a variable cannot tell fish from bash: only the parent processes can.
    try:
        # Typer brings it. The hook says its shell's name, and most calls come from the hook.
        import shellingham  # noqa: PLC0415
    except ImportError:
        return render.SHELLS["sh"]
    try:
        return render.find(shellingham.detect_shell(caller.pid)[0])
    except (shellingham.ShellDetectionFailure, UsageError):
        return render.SHELLS["sh"]
