"""`awsenv completion SHELL`: print the completion, for packagers; `awsenv init` brings it to everyone else."""

from __future__ import annotations

from awsenv import changes, shells
from awsenv.cli import candidates
from awsenv.cli.action import Print
from awsenv.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.cli.arguments import CompletionArguments
    from awsenv.cli.options import Caller


def run(caller: Caller, arguments: CompletionArguments) -> Print:
    """Return the completion of a shell.

    Raises:
        UsageError: There is none for that shell.
        ConfigError: A file cannot be read.
    """
    if arguments.refresh:
        names = candidates.refresh(changes.original(caller.environ), caller.folder, caller.now())
        if arguments.shell is None:
            return Print(names)
    if arguments.shell is None:
        raise UsageError("which shell?", hint="awsenv completion SHELL")
    shell = shells.named(arguments.shell)
    text = None if shell is None else shell.completion()
    if text is not None:
        return Print(text)
    if shell is not None and shell.completion_file:
        raise UsageError(f"the completion of {shell.name} is a part of its hook", hint=f"awsenv init {shell.name}")
    known = [each.name for each in shells.every() if each.completion() is not None]
    raise shells.unknown(arguments.shell, "there is no completion for the shell", "awsenv completion", known)
