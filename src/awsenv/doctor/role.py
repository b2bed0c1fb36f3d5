"""The role, hop by hop: what the policies say, and what AWS says if no MFA code is needed to ask."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from awsenv import config, duration
from awsenv.aws.denied import Cause, causes
from awsenv.aws.iam import mfa_device
from awsenv.aws.sts import Token
from awsenv.aws.translate import Call
from awsenv.doctor import device, permissions, trust
from awsenv.doctor.model import Finding, Verdict, fine, of_error, unknown, wrong
from awsenv.doctor.source import reader, source
from awsenv.doctor.trust import Request
from awsenv.errors import AwsenvError, CodeRejected, MfaError, RefusedError, UnreachableError
from awsenv.iam.device import showing_codes
from awsenv.iam.principal import Grounds, Principal
from awsenv.model import AssumeRole, GetSessionToken
from awsenv.wording import listed, printable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from awsenv.doctor.device import Devices
    from awsenv.doctor.model import Inputs
    from awsenv.doctor.plan import Plan
    from awsenv.doctor.source import Readers, Signer
    from awsenv.iam.trust import Trust
    from awsenv.model import Credentials

CHECK = "role"

_CAUSES = {
    Cause.EXTERNAL_ID: "the external id",
    Cause.MFA: "a missing MFA code",
    Cause.TRUST: "the trust policy",
    Cause.PERMISSION: "your own policies",
}
_HINTS = 2


@dataclass(frozen=True, slots=True)
class Attempt:
    """What all hops have in common."""

    plan: Plan
    inputs: Inputs
    readers: Readers
    devices: Devices

    @property
    def code(self) -> str | None:
        """The MFA code of the request."""
        return None if self.inputs.request is None else self.inputs.request.code

    def until(self, ends: datetime | None) -> str:
        """Return when credentials end, in UTC and from now; empty if they do not."""
        if ends is None:
            return ""
        left = duration.rounded(ends.timestamp() - self.inputs.now())
        return f" until {ends.astimezone(timezone.utc):%H:%M} UTC, {left} from now"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends the request of a hop."""

    principal: Principal
    signer: Signer | None
    """None: the role before was not tried, so nothing behind it can be."""


def examine(plan: Plan, inputs: Inputs) -> Iterator[Finding]:
    """Check what only AWS knows of *plan*: the source, the clock, the device and the role."""
    signer = yield from source(plan, inputs)
    if signer is None or (inputs.request is None and not plan.chain.hops):
        return
    readers = yield from reader(plan, inputs, signer)
    owned = device.read(readers, signer.principal)
    finding = device.finding(plan.chain, signer.principal, owned)
    if inputs.request is None or finding.verdict is Verdict.WRONG:
        yield finding
        return
    rest = list(_hops(Attempt(plan, inputs, readers, owned), signer))
    works = any(each.check == CHECK and each.verdict is Verdict.FINE for each in rest)
    yield device.finding(plan.chain, signer.principal, owned, code_works=works)
    yield from rest


def _hops(attempt: Attempt, signer: Signer) -> Iterator[Finding]:
    """Check each hop in turn, until one is wrong."""
    chain = attempt.plan.chain
    caller: Caller | None = Caller(signer.principal, signer)
    for index, hop in enumerate(chain.hops):
        if caller is None:
            return
        if isinstance(hop, GetSessionToken):
            yield _session(attempt, hop, caller.signer)
            return
        here = hop if hop.role.account is not None else replace(hop, role=hop.role.within(signer.principal.account))
        request = Request(here, caller.principal, attempt.inputs.now())
        caller = yield from _hop(attempt, index, request, caller)
    if not chain.hops:
        yield fine(CHECK, f"{chain.label} is not a role: its credentials are used as they are")


def _hop(attempt: Attempt, index: int, request: Request, caller: Caller) -> Generator[Finding, None, Caller | None]:
    hop, readers = request.hop, attempt.readers
    if caller.signer is not None:
        readers = readers.and_of(caller.signer)
    try:
        answer = readers.read(str(hop.role.account), "get_role", RoleName=hop.role.name)
    except RefusedError:
        yield _missing(attempt, hop)
        return None
    trusted = None
    if answer is not None:
        trusted = yield from _role(answer["Role"], request, attempt)
        if trusted is None:
            return None
    grounds = None if trusted is None else trusted.grounds
    found = permissions.read(readers.of(request.principal.account), request)
    allowed = permissions.finding(found, request, grounds)
    before = [*([trust.unreadable(request)] if trusted is None else []), allowed]
    if allowed.verdict is Verdict.WRONG:
        yield from before
        return None
    try:
        tried, credentials = _assume(attempt, index, request, caller.signer)
    except AwsenvError as error:
        yield from (*before, _refused(attempt, index, request, error, (trusted, allowed)))
        return None
    for each in before:
        is_moot = tried.verdict is Verdict.FINE and each.verdict is Verdict.UNKNOWN
        yield fine(each.check, f"{each.fact}; AWS gives the role all the same") if is_moot else each
    yield tried
    return _behind(request, caller, credentials)


def _missing(attempt: Attempt, hop: AssumeRole) -> Finding:
    """Return that the role does not exist, and which one the caller probably meant."""
    names: dict[str, str] = {}
    for iam in attempt.readers.of(str(hop.role.account)):
        with suppress(AwsenvError):
            names |= {each["RoleName"]: each["Arn"] for each in iam.read_all("list_roles", "Roles")}
    close = get_close_matches(hop.role.name, names, n=1, cutoff=0.6)
    # A typed name may have been meant for a profile.
    meant = config.did_you_mean(hop.role.name, attempt.plan.profiles) if hop.profile is None else None
    other = f"set role_arn = {printable(names[close[0]])}" if close else None
    return wrong(
        CHECK,
        f"account {hop.role.account} has no role {printable(hop.role.name)}",
        meant or other or "set role_arn to that of a role: aws iam list-roles shows them",
        origins=[hop.origins.get("role")],
    )


def _role(found: dict[str, Any], request: Request, attempt: Attempt) -> Generator[Finding, None, Trust | None]:
    """Compare the request with what IAM says of the role; None: the role refuses the request."""
    hop = request.hop
    name, most = printable(hop.role.name), int(found.get("MaxSessionDuration") or 3600)
    if found["Arn"] != str(hop.role):
        arn = printable(found["Arn"])
        fact = f"role {name} has another path: its ARN is {arn}"
        yield wrong(CHECK, fact, f"set role_arn = {arn}", origins=[request.origin])
        return None
    trusted = trust.ask(found["AssumeRolePolicyDocument"], request)
    yield from trust.findings(trusted, request, device=next(iter(showing_codes(attempt.devices or ())), None))
    if trusted.grounds is Grounds.NONE:
        return None
    if hop.duration is not None and hop.duration > most:
        yield wrong(
            "duration",
            f"the request is for {hop.duration} seconds, and role {name} grants {most} at most",
            f"ask for {most} or less: duration_seconds, --duration",
            f"aws iam update-role --role-name {name} --max-session-duration {hop.duration}",
            origins=[hop.origins.get("duration")],
        )
        return None
    return trusted


def _assume(
    attempt: Attempt, index: int, request: Request, signer: Signer | None
) -> tuple[Finding, Credentials | None]:
    """Ask AWS for the role of a hop, or the agent if a code is missing.

    Raises:
        AwsenvError: AWS refuses, or cannot be reached.
    """
    hop, name = request.hop, request.role
    if signer is None or (hop.mfa is not None and attempt.code is None):
        why = f"{name} needs an MFA code" if hop.mfa is not None else f"{name} is behind a role that was not tried"
        return _from_agent(attempt, name, why, is_last=index == len(attempt.plan.chain.hops) - 1), None
    token = None
    if hop.mfa is not None and attempt.code is not None:
        token = _token(hop.mfa.serial, attempt.code, signer)
    credentials = signer.sts.assume_role(hop, _call(hop), signer.credentials, token)
    return fine(CHECK, f"AWS gives {name}{attempt.until(credentials.expiration)}"), credentials


def _session(attempt: Attempt, hop: GetSessionToken, signer: Signer | None) -> Finding:
    """Open an MFA session, if there is a code for it."""
    if attempt.code is None or signer is None:
        return _from_agent(attempt, "the MFA session", "it needs an MFA code", is_last=True)
    try:
        token = _token(hop.mfa.serial, attempt.code, signer)
        opened = signer.sts.get_session_token(hop, _call(hop), signer.credentials, token)
    except AwsenvError as error:
        return _failed(error)
    return fine(CHECK, f"AWS opens the MFA session{attempt.until(opened.expiration)}")


def _call(hop: AssumeRole | GetSessionToken) -> Call:
    return Call(serial_origin=hop.origins.get("mfa_serial"), duration_origin=hop.origins.get("duration"))


def _token(serial: str | None, code: str, signer: Signer) -> Token:
    return Token(serial or mfa_device(signer.sts.session, signer.credentials, signer.principal), code)


def _from_agent(attempt: Attempt, name: str, why: str, *, is_last: bool) -> Finding:
    """Say whether the agent gives the role without a code."""
    ask, role = attempt.inputs.ask_agent, shlex.quote(printable(attempt.plan.chain.role))
    reply = ask() if ask is not None and is_last else None
    if reply is not None and reply.given:
        return fine(CHECK, f"the agent gives {name}{attempt.until(reply.until)}")
    if reply is not None and reply.failed:
        return wrong(CHECK, f"the agent cannot get {name}: {reply.reason}", f"awsenv {role} says more")
    reason = f"; {reply.reason}" if reply is not None and reply.reason else ""
    hint = f"awsenv doctor {role} CODE, with the code that the device shows"
    return unknown(CHECK, f"not tried: {why}{reason}", hint)


def _refused(
    attempt: Attempt, index: int, request: Request, error: AwsenvError, known: tuple[Trust | None, Finding]
) -> Finding:
    """Return the causes of a refusal that are left, the likeliest first.

    Args:
        attempt: The attempt.
        index: Which hop of the chain AWS refused.
        request: The request.
        error: The refusal.
        known: What the trust policy says, None if nobody here is allowed to read it; and the finding on the caller's
            policies.
    """
    if not isinstance(error, RefusedError) or error.code != "AccessDenied":
        return _failed(error)
    trusted, allowed = known
    name, origins = request.role, [request.origin]
    if trusted is None:
        left = causes(attempt.plan.chain, index, request.principal.account)
        if allowed.verdict is Verdict.FINE:
            left.pop(Cause.PERMISSION, None)
        fact = f"AWS refuses {name} and does not say why; the likeliest: {listed([_CAUSES[cause] for cause in left])}"
        return wrong(CHECK, fact, *tuple(left.values())[:_HINTS], origins=origins)
    unchecked = [f"{printable(condition)} of its trust policy" for condition in trusted.unchecked]
    if allowed.verdict is Verdict.UNKNOWN:
        unchecked.append(f"that the policies of {request.principal.title} allow sts:AssumeRole (--iam-profile)")
    return wrong(
        CHECK,
        f"AWS refuses {name}, though its trust policy allows it; a change of a policy takes up to a minute",
        *([f"check {listed(unchecked)}"] if unchecked else []),
        "check the service control policies: aws organizations list-policies",
        origins=origins,
    )


def _failed(error: AwsenvError) -> Finding:
    """Return *error* as a finding of the check that it is about."""
    if isinstance(error, CodeRejected):
        return of_error("MFA code", error)
    if isinstance(error, MfaError):
        return of_error(device.CHECK, error)
    return of_error("network" if isinstance(error, UnreachableError) else CHECK, error)


def _behind(request: Request, caller: Caller, credentials: Credentials | None) -> Caller:
    """Return who sends the request of the next hop: the session of this role."""
    hop = request.hop
    principal = Principal(
        f"arn:{hop.role.partition}:sts::{hop.role.account}:assumed-role/{hop.role.name}/{hop.session_name}",
        str(hop.role),
        has_token=True,
        source_identity=hop.source_identity or request.principal.source_identity,
    )
    if credentials is None or caller.signer is None:
        return Caller(principal, None)
    return Caller(principal, replace(caller.signer, credentials=credentials, principal=principal))
