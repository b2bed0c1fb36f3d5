"""The role, hop by hop: what the policies say, and what AWS says if no MFA code is needed to ask."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from awsenv import duration
from awsenv.aws.denial import DeniedError, Policy
from awsenv.aws.iam import mfa_device
from awsenv.aws.request import Token, is_typed_name, remedies, steps
from awsenv.distance import nearest
from awsenv.doctor import policies
from awsenv.doctor.model import Finding, Verdict, fine, of_error, unknown, wrong
from awsenv.doctor.policies import Request
from awsenv.doctor.source import Signer, first, iam_readers, source, with_signer
from awsenv.errors import AwsenvError, CodeRejected, MfaError, RefusedError, UnreachableError
from awsenv.iam.principal import USER, Principal, serials, showing_codes
from awsenv.model import AssumeRole
from awsenv.wording import listed, printable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from awsenv.doctor.model import Inputs
    from awsenv.doctor.source import Readers
    from awsenv.iam.trust import Trust
    from awsenv.model import Credentials, Hop
    from awsenv.resolved import Resolved

CHECK, DEVICE = "role", "MFA device"

_HINTS = 2


@dataclass(frozen=True, slots=True)
class _Hop:
    """A hop before its request is sent."""

    resolved: Resolved
    inputs: Inputs
    readers: Readers
    device: str | None
    """An MFA device of the user; None: none is known."""
    index: int
    hop: Hop
    signer: Signer

    @property
    def name(self) -> str:
        """Its role in messages."""
        return f"role {printable(self.hop.role.name)}" if isinstance(self.hop, AssumeRole) else "the MFA session"


def role(resolved: Resolved, inputs: Inputs) -> Iterator[Finding]:
    """Check what only AWS knows: the source, the clock, the device and the role."""
    chain = resolved.chain
    signer = yield from source(resolved, inputs)
    if signer is None or not (inputs.request.role or chain.hops):
        return
    readers = yield from iam_readers(resolved, inputs.iam_profile, signer)
    devices: tuple[str, ...] | None = None
    try:
        devices = _devices(readers, signer.principal)
        found = [mfa(chain.hops[0] if chain.hops else None, signer.principal, devices)]
    except AwsenvError as error:
        found = [_not_read(DEVICE, error)]
    if not inputs.request.role or found[0].verdict is Verdict.WRONG or not chain.hops:
        yield from found
        if not chain.hops:
            yield fine(CHECK, f"{chain.label} is not a role: its credentials are used as they are")
        return
    device = next(iter(showing_codes(devices or ())), None)
    for index, each in enumerate(chain.hops):
        hop = each.within(signer.principal.account) if isinstance(each, AssumeRole) else each
        readers = with_signer(readers, signer)
        signer = yield from _examine(_Hop(resolved, inputs, readers, device, index, hop, signer), found)
        if signer is None:
            return
        found = []


def _devices(readers: Readers, principal: Principal) -> tuple[str, ...] | None:
    """Return the serial numbers of a user's devices; None: they cannot be listed."""
    if principal.kind != USER:
        return None
    account, user = principal.account, {"UserName": principal.name}
    return first(readers, account, lambda iam: serials(iam.read_all("list_mfa_devices", "MFADevices", **user)))


def mfa(hop: Hop | None, principal: Principal, owned: tuple[str, ...] | None) -> Finding:
    """Check whether the MFA device of the first hop is one of the owner of the source credentials.

    Args:
        hop: The hop; None: there is none.
        principal: The owner.
        owned: The serial numbers of its devices; None: they cannot be listed.
    """
    if hop is None or hop.mfa is None:
        return fine(DEVICE, "none is configured, so no code is needed")
    who, origins = principal.title, [hop.mfa.origins.get("mfa_serial")]
    if principal.kind != USER:
        fact = f"{who} is not a user, and has no MFA device"
        return wrong(DEVICE, fact, "remove mfa_serial", "name the profile of a user: --profile", origins=origins)
    if not hop.mfa.serial:
        return fine(DEVICE, f"none is configured: awsenv looks up that of {who}")
    shown, account = printable(hop.mfa.serial), hop.mfa.account or principal.account
    if hop.mfa.serial in (owned or ()):
        return fine(DEVICE, f"{shown}, of {who}", origins=origins)
    if owned is None and account == principal.account:
        return unknown(DEVICE, f"{shown}; {who} cannot list its devices", origins=origins)
    fact = f"{who} has no MFA device {shown}"
    if account != principal.account:
        fact = f"it belongs to account {account}, and {who} to account {principal.account}"
    usable = showing_codes(owned or ())
    hints = [f"set mfa_serial = {printable(each)}" for each in usable[:_HINTS]]
    if owned is None:
        hints = [f"set mfa_serial to a device of {who}", "aws iam list-mfa-devices"]
    elif not usable:
        fact, hints = f"{fact}, and none that shows codes", ["awsenv setup"]
    return wrong(DEVICE, fact, *hints, origins=origins)


def _examine(this: _Hop, found: list[Finding]) -> Generator[Finding, None, Signer | None]:
    """Check a hop after the findings *found*; return who signs the next hop, or None if that cannot be checked."""
    trusted, hop, principal = None, this.hop, this.signer.principal
    request = Request(hop, principal, this.inputs.now()) if isinstance(hop, AssumeRole) else None
    if request is not None:
        trusted, more = _trust(this, request)
        found += more
    if request is not None and not _is_wrong(found):
        try:
            own = first(this.readers, principal.account, partial(policies.read, principal=principal))
            found.append(policies.identity_policy(own, request, None if trusted is None else trusted.grounds))
        except AwsenvError as error:
            found.append(_not_read(policies.IDENTITY, error))
    if _is_wrong(found):
        yield from found
        return None
    credentials = None
    try:
        tried, credentials = _attempt(this)
    except AwsenvError as error:
        tried = _failed(error) if request is None else _refused(this, request, trusted, found[-1], error)
    for each in found:
        # Once AWS grants the role, what could not be checked does not matter.
        is_moot = tried.verdict is Verdict.FINE and each.verdict is Verdict.UNKNOWN
        yield fine(each.check, f"{each.fact}, but AWS accepts the request", origins=each.origins) if is_moot else each
    yield tried
    if request is None or tried.verdict is Verdict.WRONG:
        return None
    target, session = request.hop.role, request.hop.session_name
    arn = f"arn:{target.partition}:sts::{target.account}:assumed-role/{target.name}/{session}"
    source_identity = request.hop.source_identity or principal.source_identity
    assumed = Principal(arn, str(target), has_token=True, source_identity=source_identity)
    return Signer(this.signer.sts, assumed, credentials)


def _is_wrong(found: list[Finding]) -> bool:
    return any(finding.verdict is Verdict.WRONG for finding in found)


def _trust(this: _Hop, request: Request) -> tuple[Trust | None, list[Finding]]:
    """Compare the request with what IAM says of the role; None: there is no such role, or it cannot be read."""
    hop, name, account = request.hop, request.hop.role.name, str(request.hop.role.account)
    try:
        found = first(
            this.readers, account, lambda iam: iam.read("get_role", RoleName=name)["Role"], raises="NoSuchEntity"
        )
    except RefusedError:
        return None, [_missing(this, request)]
    except AwsenvError as error:
        return None, [_not_read(policies.TRUST, error)]
    if found is None:
        return None, [policies.unreadable(request)]
    arn, most = printable(found["Arn"]), int(found.get("MaxSessionDuration") or 3600)
    if arn != str(hop.role):
        fact = f"{request.role} has another path: its ARN is {arn}"
        return None, [wrong(CHECK, fact, f"set role_arn = {arn}", origins=[request.origin])]
    trusted = policies.trusted(found["AssumeRolePolicyDocument"], request)
    findings = list(policies.trust_policy(trusted, request, this.device))
    if hop.duration is not None and hop.duration > most:
        origin = hop.origins.get("duration")
        longest = duration.exact(most)
        fact = f"the request is for {duration.exact(hop.duration)}, and {request.role} grants {longest} at most"
        less = f"ask for {longest} or less: {'--duration' if origin is None else origin.setter}"
        more = f"aws iam update-role --role-name {name} --max-session-duration {hop.duration}"
        findings.append(wrong("duration", fact, less, more, origins=[origin]))
    return trusted, findings


def _not_read(check: str, error: AwsenvError) -> Finding:
    """Return that IAM could not be read, for another reason than a missing permission."""
    return of_error(check, error, Verdict.UNKNOWN)


def _missing(this: _Hop, request: Request) -> Finding:
    """Return that the role does not exist, and which one the caller probably meant."""
    name, account = request.hop.role.name, str(request.hop.role.account)
    roles = None
    with suppress(AwsenvError):
        roles = first(this.readers, account, lambda iam: iam.read_all("list_roles", "Roles"))
    arns = {each["RoleName"]: each["Arn"] for each in roles or []}
    close = nearest(name, arns)
    hints = ["aws iam list-roles"]
    if request.hop.profile is None:
        # A typed name may have been meant for a profile.
        meant = None if close is None else f"awsenv doctor {close}"
        hints.insert(0, meant or "awsenv list")
    else:
        hints.insert(0, f"set role_arn = {'the ARN of a role' if close is None else printable(arns[close])}")
    return wrong(CHECK, f"account {account} has no role {printable(name)}", *hints, origins=[request.origin])


def _attempt(this: _Hop) -> tuple[Finding, Credentials | None]:
    """Ask AWS for the credentials of a hop, or the agent if a code is missing.

    Raises:
        AwsenvError: AWS refuses, or cannot be reached.
    """
    hop, sts, signer, code = this.hop, this.signer.sts, this.signer.credentials, this.resolved.code
    if signer is None or (hop.mfa is not None and code is None):
        return _from_agent(this), None
    token = None
    if hop.mfa is not None and code is not None:
        token = Token(hop.mfa.serial or mfa_device(sts.session, signer, this.signer.principal), code)
    made = sts.call(hop, signer, token)
    return fine(CHECK, f"AWS grants {this.name}{duration.until(made.expiration, this.inputs.now())}"), made


def _from_agent(this: _Hop) -> Finding:
    """Return what the agent says to a request for the role without a code."""
    chain, why = this.resolved.chain, "is behind a role that was not tried"
    if this.hop.mfa is not None:
        why = "needs an MFA code"
    reply = this.inputs.ask_agent() if this.index == len(chain.hops) - 1 else None
    if reply is not None and reply.verdict is not Verdict.UNKNOWN:
        return reply
    more = f"; {reply.fact}" if reply is not None and reply.fact else ""
    again = f"awsenv doctor {shlex.quote(printable(chain.role))} CODE"
    return unknown(CHECK, f"not tried: {this.name} {why}{more}", again)


def _refused(this: _Hop, request: Request, trusted: Trust | None, own: Finding, error: AwsenvError) -> Finding:
    """Return a refusal with the next steps, the most likely first.

    Args:
        this: The hop.
        request: The request.
        trusted: The result of the trust policy; None: it cannot be read.
        own: The finding on the caller's policies.
        error: The refusal.
    """
    finding = _failed(error)
    if not isinstance(error, RefusedError) or error.code != "AccessDenied":
        return finding
    denial, hints = None, list[str]()
    if isinstance(error, DeniedError) and error.denial.policy is not None:
        denial = replace(error.denial, has_resource=trusted is not None)
        finding = replace(finding, because=denial.because)
    if trusted is None and is_typed_name(this.resolved.chain, this.index):
        # The finding on the chain says that it is no profile. Whether there is such a role is not known.
        return replace(finding, hints=("awsenv list",))
    if trusted is not None and (denial is None or denial.policy is Policy.TRUST):
        unchecked = [f"{printable(condition)} of its trust policy" for condition in trusted.unchecked]
        if own.verdict is Verdict.UNKNOWN and denial is None:
            unchecked.append(f"that the policies of {request.principal.title} allow sts:AssumeRole (--iam-profile)")
        hints += [f"check {listed(unchecked)}"] if unchecked else []
    if denial is not None:
        chain = this.resolved.chain if trusted is None else None
        hints += steps(denial, chain=chain, index=this.index, mine=request.principal.account)
    elif trusted is None:
        account, is_permitted = request.principal.account, own.verdict is Verdict.FINE
        hints += remedies(this.resolved.chain, this.index, account, is_permitted=is_permitted)
    else:
        hints.append("aws organizations list-policies --filter SERVICE_CONTROL_POLICY")
        hints.append("the same command again in a minute, if a policy has just changed")
    return replace(finding, hints=tuple(hints[:_HINTS]))


def _failed(error: AwsenvError) -> Finding:
    """Return *error* as a finding of the check that it is about."""
    if isinstance(error, CodeRejected):
        return of_error("MFA code", error)
    if isinstance(error, MfaError):
        return of_error(DEVICE, error)
    return of_error("network" if isinstance(error, UnreachableError) else CHECK, error)
