"""`awsenv ROLE [CODE]`: print the change of environment for the calling shell to evaluate.

And what the commands share that print secrets: for which shell, and where they may go. Typer evaluates the annotations
of `ShellOptions` in the modules that inherit them, so they are not strings.
"""

from dataclasses import dataclass
from typing import Annotated

from awsenv import environment, shells
from awsenv.cli import process
from awsenv.cli.action import Print
from awsenv.cli.options import Caller, OptionalWord, RoleOptions, Word, flag, option, resolve
from awsenv.errors import UsageError
from awsenv.shells.base import Shell

_SHOWN = "nothing was done: the keys would have been shown on the terminal"

_SHELLS = f"{', '.join(shells.names())}; by default the calling shell."

ANYWHERE = "Print to a terminal, a file or a pipe, secrets and all."


@dataclass(frozen=True, kw_only=True)
class ShellOptions:
    """The options of the commands whose output a shell evaluates."""

    shell: Annotated[str | None, option("SHELL", _SHELLS)] = None
    anywhere: Annotated[bool, flag(ANYWHERE, "--print")] = False


@dataclass(frozen=True, kw_only=True, repr=False)
class Arguments(ShellOptions, RoleOptions):
    """Without the hook of `awsenv init`, use eval "$(awsenv ROLE [CODE])".

    If the role needs a CODE and there is none, awsenv asks on the terminal.
    """

    role: Word
    code: OptionalWord = None


def run(caller: Caller, arguments: Arguments) -> Print:
    """Return the change that puts a role into the calling shell: the whole change, or an error and nothing.

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """
    resolved = resolve(caller, arguments.role, arguments.code, arguments)
    shell = shell_of(caller, arguments, arguments.role)
    lease = caller.provider.lease(resolved)
    return Print(shell.render(environment.change(lease.chain, lease.credentials, caller.environ, lease.id or None)))


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
    shell = shells.find(name) if name else _calling_shell(caller)
    if not options.anywhere:
        _check_that_it_is_evaluated(caller, shell, words)
    return shell


def _check_that_it_is_evaluated(caller: Caller, shell: Shell, words: str) -> None:
    """Refuse to show secrets where nothing evaluates them."""
    if caller.prints_to_terminal:
        if not shell.evaluate:
            raise UsageError(_SHOWN, hint="--print prints all the same")
        hint: tuple[str, ...] = (shell.evaluate.format(f"awsenv {words}"),)
        if shell.has_hook:
            hint = (*hint, f"load the hook, once: {shell.load}")
        raise UsageError(
            "nothing was done: a program cannot change the shell that calls it",
            hint=hint,
        )
    # Nothing evaluates JSON: another command reads it from a pipe.
    if shell.evaluate or caller.prints_astray() == process.FILE:
        _check_that_it_is_not_astray(caller)


def check_that_it_is_read(caller: Caller, line: str) -> None:
    """Refuse to show secrets on a terminal, or to write them to a file.

    Raises:
        UsageError: stdout is a terminal, a file, or a pipe that no calling process reads.
    """
    if caller.prints_to_terminal:
        raise UsageError(_SHOWN, hint=(f"in a profile of ~/.aws/config: {line}", "--print prints all the same"))
    _check_that_it_is_not_astray(caller)


def _check_that_it_is_not_astray(caller: Caller) -> None:
    if astray := caller.prints_astray():
        where = "a file" if astray == process.FILE else "a command that is not a shell"
        raise UsageError(
            f"nothing was done: the keys would have gone to {where}",
            hint=("awsenv exec ROLE -- COMMAND runs a command with the role", "--print prints all the same"),
        )


def _calling_shell(caller: Caller) -> Shell:
    # $SHELL is the login shell, and a variable cannot tell fish from bash: only the parent processes can.
    try:
        # A dependency of typer. Calls from the hook, which are most, do without.
        import shellingham  # noqa: PLC0415
    except ImportError:
        return shells.find("sh")
    try:
        return shells.find(shellingham.detect_shell(caller.pid)[0])
    except (shellingham.ShellDetectionFailure, UsageError):
        return shells.find("sh")
