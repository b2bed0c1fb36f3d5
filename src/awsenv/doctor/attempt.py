"""Whether AWS gives a role, asked where that costs no code; and what may be behind its refusal."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from awsenv import duration
from awsenv.aws.denied import Cause, causes
from awsenv.aws.iam import mfa_device
from awsenv.aws.sts import Identity, Token
from awsenv.aws.translate import Call
from awsenv.config.text import printable
from awsenv.doctor.device import CHECK as DEVICE
from awsenv.doctor.finding import Finding, Verdict, wrong
from awsenv.errors import AwsenvError, CodeRejected, MfaError, RefusedError, UnreachableError

if TYPE_CHECKING:
    from awsenv.doctor.conditions import Request
    from awsenv.doctor.device import Devices
    from awsenv.doctor.iam import Readers
    from awsenv.doctor.plan import Plan
    from awsenv.doctor.source import Signer
    from awsenv.doctor.subject import Subject
    from awsenv.doctor.trust import Judgement
    from awsenv.model import AssumeRole, Credentials, GetSessionToken

CHECK = "role"


@dataclass(frozen=True, slots=True)
class Patient:
    """What is known when the way to the role begins."""

    plan: Plan
    subject: Subject
    readers: Readers
    devices: Devices

    @property
    def code(self) -> str | None:
        """The MFA code that was given."""
        return None if self.subject.request is None else self.subject.request.code


@dataclass(frozen=True, slots=True)
class Given:
    """What came of asking for a role."""

    finding: Finding
    works: bool = False
    credentials: Credentials | None = None


def given(patient: Patient, index: int, request: Request, signer: Signer | None) -> Given:
    """Ask for a role.

    Args:
        patient: What is known.
        index: Which hop of the chain it is.
        request: What is asked.
        signer: Who asks; None: the role before was not tried.

    Raises:
        AwsenvError: It is not given.
    """
    hop, name = request.hop, f"role {printable(request.hop.role.name)}"
    if signer is None or (hop.mfa is not None and patient.code is None):
        why = f"{name} takes an MFA code" if hop.mfa is not None else f"{name} is behind one that was not"
        return _from_agent(patient, name, why, is_last=index == len(patient.plan.chain.hops) - 1)
    token = None
    if hop.mfa is not None and patient.code is not None:
        token = _token(hop.mfa.serial, patient.code, signer)
    credentials = signer.sts.assume_role(hop, _call(hop), signer.credentials, token)
    finding = Finding(CHECK, Verdict.FINE, f"AWS gives {name}{_until(credentials.expiration, patient)}")
    return Given(finding, works=True, credentials=credentials)


def session(patient: Patient, hop: GetSessionToken, signer: Signer | None) -> Finding:
    """Open an MFA session, where a code was given for it."""
    if patient.code is None or signer is None:
        return _from_agent(patient, "the MFA session", "it takes an MFA code", is_last=True).finding
    try:
        token = _token(hop.mfa.serial, patient.code, signer)
        made = signer.sts.get_session_token(hop, _call(hop), signer.credentials, token)
    except AwsenvError as error:
        return _told(error)
    return Finding(CHECK, Verdict.FINE, f"AWS opens the MFA session{_until(made.expiration, patient)}")


def refused(
    patient: Patient, index: int, request: Request, error: AwsenvError, known: tuple[Judgement | None, Finding]
) -> Finding:
    """Return what is left of the causes of a refusal, the most likely first.

    Args:
        patient: What is known.
        index: Which hop of the chain was refused.
        request: What was asked.
        error: The refusal.
        known: What the trust policy says to it, None where it cannot be read, and the policies of who asks.
    """
    if not isinstance(error, RefusedError) or error.code != "AccessDenied":
        return _told(error)
    judgement, allowed = known
    name, place = f"role {printable(request.hop.role.name)}", placed(request.hop, "role")
    if judgement is None:
        left = causes(patient.plan.chain, index, request.principal.account)
        if allowed.verdict is Verdict.FINE:
            left.pop(Cause.PERMISSION, None)
        fact = f"AWS refuses {name}, and does not say why"
        return Finding(CHECK, Verdict.WRONG, fact, place, f"the likeliest first: {'; '.join(left.values())}")
    rest = [f"check {printable(condition)} of its trust policy" for condition in judgement.unchecked]
    if allowed.verdict is Verdict.UNKNOWN:
        rest.append(f"check that the policies of {request.principal.title} allow sts:AssumeRole: --iam-profile")
    rest.append("check the service control policies: aws organizations list-policies")
    rest.append("if a policy was changed a moment ago, try again in a minute")
    return Finding(
        CHECK, Verdict.WRONG, f"AWS refuses {name}, though its trust policy allows it", place, "; ".join(rest)
    )


def placed(hop: AssumeRole | GetSessionToken, field: str) -> str | None:
    """Return where a field of *hop* was set."""
    origin = hop.origins.get(field)
    return None if origin is None else str(origin)


def _call(hop: AssumeRole | GetSessionToken) -> Call:
    return Call(serial_origin=hop.origins.get("mfa_serial"), duration_origin=hop.origins.get("duration"))


def _from_agent(patient: Patient, name: str, why: str, *, is_last: bool) -> Given:
    """Say whether the agent gives the role that is asked for; it does so without a code, or not at all."""
    ask, role = patient.subject.ask_agent, shlex.quote(printable(patient.plan.chain.role))
    answer = ask() if ask is not None and is_last else None
    if answer is not None and answer.given:
        finding = Finding(CHECK, Verdict.FINE, f"the agent gives {name}{_until(answer.until, patient)}")
        return Given(finding, works=True)
    if answer is not None and answer.failed:
        fact = f"the agent cannot get {name}: {answer.said}"
        return Given(Finding(CHECK, Verdict.WRONG, fact, hint=f"awsenv {role} says more"))
    said = f"; {answer.said}" if answer is not None and answer.said else ""
    hint = f"awsenv doctor {role} CODE, with the code that the device shows"
    return Given(Finding(CHECK, Verdict.UNKNOWN, f"not tried: {why}{said}", hint=hint))


def _token(serial: str | None, code: str, signer: Signer) -> Token:

    principal = signer.principal
    if serial is None:
        serial = mfa_device(signer.sts.session, signer.credentials, Identity(principal.account, principal.arn))
    return Token(serial, code)


def _told(error: AwsenvError) -> Finding:
    """Return what an error is about."""
    if isinstance(error, CodeRejected):
        return wrong("MFA code", error)
    if isinstance(error, MfaError):
        return wrong(DEVICE, error)
    return wrong("network" if isinstance(error, UnreachableError) else "role", error)


def _until(ends: datetime | None, patient: Patient) -> str:
    if ends is None:
        return ""
    left = duration.rounded(ends.timestamp() - patient.subject.now())
    return f" until {ends.astimezone(timezone.utc):%H:%M} UTC, {left} from now"
