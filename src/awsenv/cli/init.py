"""`awsenv init SHELL`: print the shell hook. `__main__` does so without the command line where nothing is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from awsenv import shells
from awsenv.cli.action import Print
from awsenv.cli.options import Caller, Word
from awsenv.distance import nearest
from awsenv.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Add the line for your shell to the end of its startup file.

    ~/.bashrc: eval "$(awsenv init bash)"

    ~/.zshrc: eval "$(awsenv init zsh)"

    ~/.config/fish/config.fish: awsenv init fish | source
    """

    shell: Word


def run(caller: Caller, arguments: Arguments) -> Print:
    """Return the hook of a shell.

    Raises:
        UsageError: There is no hook for that shell.
    """
    shell = shells.named(arguments.shell)
    if shell is None or not shell.has_hook:
        shells.refuse_foreign(arguments.shell)
        if shell is not None and shell.evaluate:
            fact = f"there is no hook for {arguments.shell}"
            raise UsageError(fact, hint=(shell.evaluate.format("awsenv ROLE"), "awsenv exec ROLE"))
        known = [each.name for each in shells.hooked()]
        meant = nearest(arguments.shell, known) or f"with one of {', '.join(known)}"
        raise UsageError(f"there is no hook for the shell {arguments.shell!r}", hint=f"awsenv init {meant}")
    return Print(shell.hook(caller.program))
