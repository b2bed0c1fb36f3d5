"""Whether AWS gives a role, where asking costs no MFA code; and what may be behind its refusal."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from awsenv import duration
from awsenv.aws.denied import Cause, causes
from awsenv.aws.iam import mfa_device
from awsenv.aws.sts import Token
from awsenv.aws.translate import Call
from awsenv.doctor.device import CHECK as DEVICE
from awsenv.doctor.finding import Finding, Verdict, wrong
from awsenv.errors import AwsenvError, CodeRejected, MfaError, RefusedError, UnreachableError
from awsenv.wording import printable

if TYPE_CHECKING:
    from awsenv.doctor.device import Devices
    from awsenv.doctor.iam import Readers
    from awsenv.doctor.inputs import Inputs
    from awsenv.doctor.plan import Plan
    from awsenv.doctor.source import Signer
    from awsenv.doctor.trust import Request
    from awsenv.iam.trust import Trust
    from awsenv.model import AssumeRole, Credentials, GetSessionToken

CHECK = "role"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the attempt to assume a role begins with."""

    plan: Plan
    inputs: Inputs
    readers: Readers
    devices: Devices

    @property
    def code(self) -> str | None:
        """The MFA code that was given."""
        return None if self.inputs.request is None else self.inputs.request.code


@dataclass(frozen=True, slots=True)
class Given:
    """What AWS, or the agent, said when it was asked for a role."""

    finding: Finding
    works: bool = False
    credentials: Credentials | None = None


def given(attempt: Attempt, index: int, request: Request, signer: Signer | None) -> Given:
    """Ask for a role.

    Args:
        attempt: The attempt.
        index: Which hop of the chain it is.
        request: The request.
        signer: Signs it; None: the role before was not tried.

    Raises:
        AwsenvError: AWS refuses, or cannot be asked.
    """
    hop, name = request.hop, request.role
    if signer is None or (hop.mfa is not None and attempt.code is None):
        why = f"{name} takes an MFA code" if hop.mfa is not None else f"{name} is behind one that was not"
        return _from_agent(attempt, name, why, is_last=index == len(attempt.plan.chain.hops) - 1)
    token = None
    if hop.mfa is not None and attempt.code is not None:
        token = _token(hop.mfa.serial, attempt.code, signer)
    credentials = signer.sts.assume_role(hop, _call(hop), signer.credentials, token)
    finding = Finding(CHECK, Verdict.FINE, f"AWS gives {name}{_until(credentials.expiration, attempt)}")
    return Given(finding, works=True, credentials=credentials)


def session(attempt: Attempt, hop: GetSessionToken, signer: Signer | None) -> Finding:
    """Open an MFA session, where a code was given for it."""
    if attempt.code is None or signer is None:
        return _from_agent(attempt, "the MFA session", "it takes an MFA code", is_last=True).finding
    try:
        token = _token(hop.mfa.serial, attempt.code, signer)
        made = signer.sts.get_session_token(hop, _call(hop), signer.credentials, token)
    except AwsenvError as error:
        return _of(error)
    return Finding(CHECK, Verdict.FINE, f"AWS opens the MFA session{_until(made.expiration, attempt)}")


def refused(
    attempt: Attempt, index: int, request: Request, error: AwsenvError, known: tuple[Trust | None, Finding]
) -> Finding:
    """Return the causes of a refusal that are left, the most likely first.

    Args:
        attempt: The attempt.
        index: Which hop of the chain was refused.
        request: The request.
        error: The refusal.
        known: What the trust policy says to it, None if it cannot be read; and the finding about the caller's policies.
    """
    if not isinstance(error, RefusedError) or error.code != "AccessDenied":
        return _of(error)
    trusted, allowed = known
    name, place = request.role, request.place
    if trusted is None:
        left = causes(attempt.plan.chain, index, request.principal.account)
        if allowed.verdict is Verdict.FINE:
            left.pop(Cause.PERMISSION, None)
        fact = f"AWS refuses {name}, and does not say why"
        return Finding(CHECK, Verdict.WRONG, fact, place, f"the likeliest first: {'; '.join(left.values())}")
    rest = [f"check {printable(condition)} of its trust policy" for condition in trusted.unchecked]
    if allowed.verdict is Verdict.UNKNOWN:
        rest.append(f"check that the policies of {request.principal.title} allow sts:AssumeRole: --iam-profile")
    rest.append("check the service control policies: aws organizations list-policies")
    rest.append("if a policy was changed a moment ago, try again in a minute")
    return Finding(
        CHECK, Verdict.WRONG, f"AWS refuses {name}, though its trust policy allows it", place, "; ".join(rest)
    )


def _call(hop: AssumeRole | GetSessionToken) -> Call:
    return Call(serial_origin=hop.origins.get("mfa_serial"), duration_origin=hop.origins.get("duration"))


def _from_agent(attempt: Attempt, name: str, why: str, *, is_last: bool) -> Given:
    """Say whether the agent gives the role: without a code, or not at all."""
    ask, role = attempt.inputs.ask_agent, shlex.quote(printable(attempt.plan.chain.role))
    answer = ask() if ask is not None and is_last else None
    if answer is not None and answer.given:
        finding = Finding(CHECK, Verdict.FINE, f"the agent gives {name}{_until(answer.until, attempt)}")
        return Given(finding, works=True)
    if answer is not None and answer.failed:
        fact = f"the agent cannot get {name}: {answer.said}"
        return Given(Finding(CHECK, Verdict.WRONG, fact, hint=f"awsenv {role} says more"))
    said = f"; {answer.said}" if answer is not None and answer.said else ""
    hint = f"awsenv doctor {role} CODE, with the code that the device shows"
    return Given(Finding(CHECK, Verdict.UNKNOWN, f"not tried: {why}{said}", hint=hint))


def _token(serial: str | None, code: str, signer: Signer) -> Token:
    return Token(serial or mfa_device(signer.sts.session, signer.credentials, signer.principal), code)


def _of(error: AwsenvError) -> Finding:
    """Return the finding that an error is, under the check that it is about."""
    if isinstance(error, CodeRejected):
        return wrong("MFA code", error)
    if isinstance(error, MfaError):
        return wrong(DEVICE, error)
    return wrong("network" if isinstance(error, UnreachableError) else "role", error)


def _until(ends: datetime | None, attempt: Attempt) -> str:
    if ends is None:
        return ""
    left = duration.rounded(ends.timestamp() - attempt.inputs.now())
    return f" until {ends.astimezone(timezone.utc):%H:%M} UTC, {left} from now"
