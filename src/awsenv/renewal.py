"""Whether AWS grants a role again without a code: for `exec --refresh`, and by an MFA session."""

from __future__ import annotations

from awsenv import config
from awsenv.aws.denial import DeniedError, Policy
from awsenv.errors import UsageError
from awsenv.model import AssumeRole, Note
from awsenv.wording import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.agent.plan import Plan
    from awsenv.errors import RefusedError
    from awsenv.model import Chain


def check_lasting(chain: Chain) -> None:
    """Check that the credentials of *chain* may be renewed.

    Raises:
        UsageError: `--for` or `awsenv_for` sets their end.
    """
    if chain.is_final:
        origin = None if chain.narrowing is None else chain.narrowing.origins.get("seconds")
        hint = ("leave --refresh out", "leave --for out, and awsenv_for")
        raise UsageError("--refresh renews the credentials, and --for ends them", origin, hint=hint)


def check_renewable(chain: Chain) -> None:
    """Check that the role of *chain* can be renewed without another code.

    Raises:
        UsageError: It cannot.
    """
    if chain.scoped is not None and chain.mfa is None:
        return
    if not any(isinstance(hop, AssumeRole) for hop in chain.hops):
        raise UsageError(
            f"--refresh: {chain.role} is not a role, so there is nothing to renew", hint="leave --refresh out"
        )
    if chain.mfa is None or config.through_session(chain) is not None:
        return
    if not chain.mfa.serial:
        profile = chain.hops[-1].profile if isinstance(chain.hops[-1], AssumeRole) else None
        key = () if profile is None else (f"set mfa_serial in profile {quoted(profile)}",)
        raise UsageError("--refresh: the MFA device must be known", hint=(*key, "name it: --mfa-serial ARN"))
    raise UsageError(
        "--refresh and a --duration of more than an hour exclude each other",
        because="AWS grants that only to a fresh code",
        hint="leave --duration out: the role is renewed while the command runs",
    )


def refused_without_code(plan: Plan, refused: RefusedError, *, by_session: bool) -> Note:
    """Return the note that AWS refused a role without a code: by the MFA session, or from the full role."""
    denial = refused.denial if isinstance(refused, DeniedError) else None
    fact = f"AWS refused {plan.title} with the MFA session"
    if not by_session:
        fact = f"AWS refused to narrow {plan.title}, which the agent holds: awsenv assumes the role again"
    elif denial is None or denial.policy in {None, Policy.TRUST}:
        fact += ": it may need a fresh code (aws:MultiFactorAuthAge)"
    return Note(fact, because=refused.because)
