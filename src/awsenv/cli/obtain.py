"""From what was typed to the credentials of the role: what `use` and `exec` share."""

from __future__ import annotations

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
    request = role_options.request(role, code, options, base)
    if request.external_id == "-":
        request = replace(request, external_id=mfa.ask_secret("External id: "))
    profiles = config.read(base)
    chain = config.resolve(request, profiles, base)
    return chain, broker.obtain(chain, profiles, base, mfa.Codes(request.code, environ=base))


def _checked(code: str) -> str:
    try:
        return config.mfa_code(code)
    except MfaError:
        # Of the command line it is not said what the word is: it may be a password.
        raise UsageError("the second word is not an MFA code, which is six digits", hint="awsenv ROLE [CODE]") from None
