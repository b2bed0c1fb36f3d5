"""`awsenv completion SHELL`: print the completion, for packagers; `awsenv init` brings it to everyone else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from awsenv import environment, shells
from awsenv.cli import candidates
from awsenv.cli.action import Print
from awsenv.cli.options import Caller, OptionalWord, flag
from awsenv.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The hook of `awsenv init` brings it, so you need this only to package awsenv, or to use completion alone.

    nushell, elvish and xonsh complete by their hook alone.

    Profiles and regions come from a file in ~/.cache/awsenv, which Tab lets awsenv write again when ~/.aws has changed.
    """

    shell: OptionalWord = None
    refresh: Annotated[bool, flag("Write that file now, and print it.", "--refresh")] = False


def run(caller: Caller, arguments: Arguments) -> Print:
    """Return the completion of a shell.

    Raises:
        UsageError: There is none for that shell.
        ConfigError: A file cannot be read.
    """
    if arguments.refresh:
        names = candidates.refresh(environment.original(caller.environ), caller.folder, caller.now())
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
