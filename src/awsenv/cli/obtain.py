"""From what was typed to the credentials of the role: what `use` and `exec` share."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from awsenv import broker, config, environment, mfa
from awsenv.cli import options as role_options
from awsenv.errors import MfaError, UsageError

if TYPE_CHECKING:
    from awsenv.cli.options import RoleOptions
    from awsenv.cli.outcome import Caller
    from awsenv.model import Chain, Credentials


def obtain(caller: Caller, role: str, code: str | None, options: RoleOptions) -> tuple[Chain, Credentials]:
    """Return the chain to *role* and the credentials at its end.

    Sources are looked for in the environment as it was before a role was put on: our own keys are never one.

    Raises:
        AwsenvError: Of every kind but `LaunchError`.
    """
    if code is not None:
        code = _checked(code)
    base = environment.original(caller.environ)
    profiles = config.read(base)
    if re.fullmatch("[0-9]{6}", role) and profiles.get(role) is None:
        raise UsageError("the first word is an MFA code: which role?", hint="awsenv ROLE [CODE]")
    request = role_options.request(role, code, options, base)
    if request.external_id == "-":
        request = replace(request, external_id=mfa.ask_secret("External id: "))
    chain = config.resolve(request, profiles, base)
    return chain, broker.obtain(chain, profiles, base, mfa.Codes(request.code, environ=base))


def _checked(code: str) -> str:
    try:
        return config.mfa_code(code)
    except MfaError:
        # The word is not shown: it may be a password.
        raise UsageError(
            "the word after the role is not an MFA code, which is six digits",
            hint="awsenv ROLE [CODE]; to run a command, awsenv exec ROLE -- COMMAND",
        ) from None
