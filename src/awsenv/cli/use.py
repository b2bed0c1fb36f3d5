"""`awsenv ROLE [CODE]`: print the change of environment for the calling shell to evaluate."""

from __future__ import annotations

from dataclasses import dataclass

from awsenv import environment
from awsenv.cli.action import Caller, Print
from awsenv.cli.evaluated import ShellOptions, shell_of
from awsenv.cli.options import OptionalWord, RoleOptions, Word, obtain


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
    shell = shell_of(caller, arguments, arguments.role)
    lease = obtain(caller, arguments.role, arguments.code, arguments)
    return Print(shell.render(environment.change(lease.chain, lease.credentials, caller.environ, lease.id or None)))
