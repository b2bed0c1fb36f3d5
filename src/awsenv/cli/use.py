"""`awsenv ROLE [CODE]`: print the change of environment for the calling shell to evaluate.

And what the commands share that print secrets: for which shell, and where they may go.
"""

from __future__ import annotations

import shlex
from functools import cache

from awsenv import changes, duration, shells, variables, wording
from awsenv.cli import process
from awsenv.cli.action import Append, Print
from awsenv.cli.arguments import QuietOption, ShellOptions, UseArguments
from awsenv.cli.options import Caller, resolve
from awsenv.errors import UsageError
from awsenv.record import replace
from awsenv.shells.base import Format, Shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from awsenv.cli.report import Shown
    from awsenv.model import Change, Environ

SHOWN = frozenset(
    {"awsenv", "idle", "starship", "oh-my-posh", "powerlevel10k", "spaceship", "liquidprompt", "pure", "bobthefish"}
    | {"powerlevel10k-segment", "spaceship-segment", "tide-segment", "theme"}
)
"""What the hook says of a prompt that shows the role, or will."""

_EXEC = "awsenv exec ROLE -- COMMAND runs a command with the role"
_ANYWAY = "--print prints it anyway"
_OUTPUT = "output, which may hold keys,"


def run(caller: Caller, arguments: UseArguments) -> Print:
    """Return the change that puts a role into the calling shell: the whole change, or an error and nothing.

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """
    role = shlex.quote(arguments.role)
    # `awsenv ROLE` might refuse as a typo what the user typed as `use ROLE`, or as `-`.
    words = role if arguments.role in caller.args and caller.args[0] != "use" else f"use {role}"
    shell = cache(lambda: shell_of(caller, arguments, words))
    resolved = resolve(caller, arguments.role, arguments.code, arguments, shell)
    lease = caller.provider.lease(replace(resolved, question=None))
    change = changes.change(lease.chain, lease.credentials, caller.environ, caller.provider.name_of(lease))
    caller.note_recent(arguments.role)
    # A shell gets what changes. The reader of a format may have another environment.
    shown = changes.whole(change, caller.environ) if isinstance(shell(), Format) else change
    return printed(caller, shell(), shown, success=success(caller, arguments, change))


def printed(caller: Caller, shell: Shell, change: Change, notes: Sequence[Shown] = (), success: str = "") -> Print:
    """Return the action that prints *change* for *shell*; if its format goes to a file, that adds it to the file.

    Raises:
        UsageError: The format cannot hold the change.
    """
    if isinstance(shell, Format) and shell.file_variable:
        path = caller.environ[shell.file_variable]
        return Append(path, shell.render(change), shell.masks(change), notes=notes, success=success)
    return Print(shell.render(change), notes, success=success)


def success(caller: Caller, options: QuietOption, change: Change) -> str:
    """Return the role that the shell has after *change*; empty if the prompt shows it, or the user wants quiet."""
    if options.quiet or caller.environ.get(variables.PROMPT) in SHOWN:
        return ""
    return seen(change.applied_to(caller.environ), caller.now())


def seen(environ: Environ, now: float) -> str:
    """Return the role of *environ*, its account and its end: `power-user in 123456789012 until 14:00 UTC (1h)`."""
    who, role = environ.get(variables.LABEL, ""), changes.active(environ)
    if role is None:
        return ""
    if role.account is not None:
        who += f" in {role.account}"
    if role.is_served:
        return f"{who}, whose keys an endpoint renews"
    if role.expires is None:
        return f"{who}, whose keys never expire"
    left = role.expires - int(now)
    minutes = round(left / 60)
    return f"{who} until {wording.instant(role.expires)} ({duration.exact(60 * minutes if minutes else left)})"


def refuse_terminal(caller: Caller) -> None:
    """Refuse to let the user pick a role for a shell that awsenv cannot change, before they do.

    Raises:
        UsageError: stdout is a terminal, and there is a picker; or `shell_of` raises it.
    """
    from awsenv.cli import picker  # noqa: PLC0415 - where no role is named

    if caller.prints_to_terminal and "--print" not in caller.args and picker.is_on(caller.environ):
        shell_of(caller, UseArguments(role=""), "")


def shell_of(caller: Caller, options: ShellOptions, words: str) -> Shell:
    """Return the shell to print for: the one named, the one whose hook calls, else the one that called awsenv.

    Args:
        caller: Who runs the command.
        options: Which shell, and whether anything may be printed to.
        words: The command line without its options, for the hint.

    Raises:
        UsageError: Nothing evaluates what is printed: stdout is a terminal, a file, or another command's pipe; or the
            shell is unknown.
    """
    name = options.shell or caller.environ.get("AWSENV_SHELL")  # the hook names its shell in it
    shell = shells.find(name or process.calling_shell(caller.pid) or "sh")
    if not options.anywhere:
        _check_that_it_is_evaluated(caller, shell, words)
    if isinstance(shell, Format) and shell.file_variable and not caller.environ.get(shell.file_variable):
        fact = f"{shell.file_variable} is not set, which names the file for the format {shell.name}"
        raise UsageError(fact, hint=("--shell dotenv, or json", _EXEC))
    return shell


def _check_that_it_is_evaluated(caller: Caller, shell: Shell, words: str) -> None:
    """Refuse to show secrets where nothing evaluates them."""
    if caller.prints_to_terminal:
        if not shell.evaluate:
            raise UsageError(_shown("keys"), hint=_ANYWAY)
        hint: tuple[str, ...] = (shell.evaluate.format(f"awsenv {words}".rstrip()),)
        if shell.has_hook:
            hint = (*hint, f"load the hook, once: {shell.load}")
        raise UsageError(
            "nothing was done: a program cannot change the shell that calls it",
            hint=hint,
        )
    # Nothing evaluates JSON: another command reads it from a pipe.
    if shell.evaluate:
        _check_that_it_is_not_astray(caller, shell.evaluate.format(f"awsenv {words}".rstrip()))
    elif caller.prints_astray() == process.FILE:
        _check_that_it_is_not_astray(caller, _EXEC)


def check_that_it_is_read(caller: Caller, hint: str, *, what: str = "", instead: str = _EXEC) -> None:
    """Refuse to show secrets on a terminal, or to write them to a file.

    Args:
        caller: Who runs the command.
        hint: The next step after a terminal.
        what: The secret; empty: keys.
        instead: The next step after a file.

    Raises:
        UsageError: stdout is a terminal, a file, or a pipe that no calling process reads.
    """
    if caller.prints_to_terminal:
        raise UsageError(_shown(what or "keys"), hint=(hint, _ANYWAY))
    _check_that_it_is_not_astray(caller, instead, what or _OUTPUT)


def _check_that_it_is_not_astray(caller: Caller, instead: str, what: str = _OUTPUT) -> None:
    if astray := caller.prints_astray():
        where = "a file" if astray == process.FILE else "a command that is not a shell"
        raise UsageError(
            f"nothing was done: the {what} would have gone to {where}",
            hint=(instead, _ANYWAY),
        )


def _shown(what: str) -> str:
    return f"nothing was done: the {what} would have been shown on the terminal"
