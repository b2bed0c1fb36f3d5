"""`awsenv ROLE [CODE]`: print the change of environment for the calling shell to evaluate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv import environment
from awsenv.cli.action import Caller, Print
from awsenv.cli.evaluated import shell_of
from awsenv.cli.obtain import obtain

if TYPE_CHECKING:
    from awsenv.cli.options import RoleOptions


def use(
    caller: Caller, role: str, code: str | None, options: RoleOptions, *, shell: str | None, to_terminal: bool
) -> Print:
    """Return what puts *role* into the calling shell: all of it, or an error and nothing.

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """
    spelling = shell_of(caller, shell, role, to_terminal=to_terminal)
    got = obtain(caller, role, code, options)
    return Print(spelling.render(environment.change(got.chain, got.credentials, caller.environ, got.renewal)))
