"""From the command line to the credentials of a role: what the commands share that take one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from awsenv import config, environment
from awsenv.cli import options as role_options
from awsenv.errors import MfaError, UsageError
from awsenv.provider import Resolved

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.agent.memory import Lease
    from awsenv.cli.action import Caller
    from awsenv.cli.options import RoleOptions
    from awsenv.model import RoleRequest


def obtain(caller: Caller, role: str, code: str | None, options: RoleOptions) -> Lease:
    """Return the credentials of *role*.

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """
    return caller.provider.lease(resolve(caller, role, code, options))


def resolve(
    caller: Caller,
    role: str,
    code: str | None,
    options: RoleOptions,
    *,
    ask: Callable[[str], str] | None = None,
) -> Resolved:
    """Return the role request of the words and the options, resolved.

    Args:
        caller: The caller.
        role: The first word.
        code: The second word.
        options: The options of a role.
        ask: Asks for an external id, where the option says so; None: the caller does.

    Raises:
        UsageError: The command line is wrong.
        ConfigError: The configuration is wrong.
        SourceError: There are no source credentials.
    """
    base = environment.original(caller.environ)
    profiles = config.read(base, caller.folder)
    if re.fullmatch("[0-9]{6}", role) and profiles.get(role) is None:
        raise UsageError("the first word is an MFA code: which role?", hint="awsenv ROLE [CODE]")
    request = role_request(caller, role, code, options, ask=ask or caller.ask_secret)
    chain = config.resolve(request, profiles, base)
    config.check_source(chain.source, profiles, base)
    return Resolved(chain, profiles, base, request.code, role_options.min_remaining(options, base))


def role_request(
    caller: Caller, role: str, code: str | None, options: RoleOptions, *, ask: Callable[[str], str]
) -> RoleRequest:
    """Return the role request of the words and the options.

    The variables are those from before a role was active: awsenv's own keys are never a source.

    Raises:
        UsageError: The command line is wrong.
    """
    if code is not None:
        try:
            code = config.mfa_code(code)
        except MfaError:
            # The word is not shown: it may be a password.
            raise UsageError(
                "the word after the role is not an MFA code, which is six digits",
                hint=("awsenv ROLE [CODE]", "awsenv exec ROLE -- COMMAND runs a command"),
            ) from None
    request = role_options.request(role, code, options, environment.original(caller.environ), caller.folder)
    if request.external_id == "-":
        request = replace(request, external_id=ask("External id: "))
    return request
