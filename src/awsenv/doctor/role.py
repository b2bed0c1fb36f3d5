"""The role, hop by hop: what the policies say, and what AWS says where asking costs no MFA code."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from awsenv import config
from awsenv.doctor import attempt, device, permissions, trust
from awsenv.doctor.attempt import Attempt
from awsenv.doctor.finding import Finding, Verdict
from awsenv.doctor.iam import reader
from awsenv.doctor.source import source
from awsenv.doctor.trust import Request, placed
from awsenv.errors import AwsenvError, RefusedError
from awsenv.iam.device import showing_codes
from awsenv.iam.principal import Grounds, Principal
from awsenv.model import AssumeRole, GetSessionToken
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from awsenv.doctor.inputs import Inputs
    from awsenv.doctor.plan import Plan
    from awsenv.doctor.source import Signer
    from awsenv.iam.trust import Trust

CHECK = "role"


@dataclass(frozen=True, slots=True)
class Stage:
    """Who sends the next request, and with which credentials."""

    principal: Principal
    signer: Signer | None
    """None: the role before was not tried, so that nothing behind it can be."""


def examine(plan: Plan, inputs: Inputs) -> Iterator[Finding]:
    """Look at what only AWS can tell of *plan*: the source, the clock, the device and the role."""
    signer = yield from source(plan, inputs)
    if signer is None or (inputs.request is None and not plan.chain.hops):
        return
    readers = yield from reader(plan, inputs, signer)
    owned = device.read(readers, signer.principal)
    finding = device.finding(plan.chain, signer.principal, owned)
    if inputs.request is None or finding.verdict is Verdict.WRONG:
        yield finding
        return
    rest = list(role(Attempt(plan, inputs, readers, owned), signer))
    works = any(each.check == CHECK and each.verdict is Verdict.FINE for each in rest)
    yield device.finding(plan.chain, signer.principal, owned, code_works=works)
    yield from rest


def role(attempted: Attempt, signer: Signer) -> Iterator[Finding]:
    """Look at each hop in turn, until one is wrong."""
    chain = attempted.plan.chain
    stage: Stage | None = Stage(signer.principal, signer)
    for index, hop in enumerate(chain.hops):
        if stage is None:
            return
        if isinstance(hop, GetSessionToken):
            yield attempt.session(attempted, hop, stage.signer)
            return
        here = hop if hop.role.account is not None else replace(hop, role=hop.role.within(signer.principal.account))
        request = Request(here, stage.principal, attempted.inputs.now())
        stage = yield from _hop(attempted, index, request, stage)
    if not chain.hops:
        yield Finding(CHECK, Verdict.FINE, f"{chain.label} is not a role: its credentials are used as they are")


def _hop(attempted: Attempt, index: int, request: Request, stage: Stage) -> Generator[Finding, None, Stage | None]:
    hop, readers = request.hop, attempted.readers
    if stage.signer is not None:
        readers = readers.and_of(stage.signer)
    try:
        answer = readers.read(str(hop.role.account), "get_role", RoleName=hop.role.name)
    except RefusedError:
        yield _missing(attempted, hop)
        return None
    trusted = None
    if answer is not None:
        trusted = yield from _role(answer["Role"], request, attempted)
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
        given = attempt.given(attempted, index, request, stage.signer)
    except AwsenvError as error:
        yield from (*before, attempt.refused(attempted, index, request, error, (trusted, allowed)))
        return None
    for each in before:
        yield _let_in(each) if given.works and each.verdict is Verdict.UNKNOWN else each
    yield given.finding
    return _behind(request, stage, given)


def _missing(attempted: Attempt, hop: AssumeRole) -> Finding:
    """Return that the role does not exist, and which one was probably meant."""
    names: dict[str, str] = {}
    for iam in attempted.readers.of(str(hop.role.account)):
        with suppress(AwsenvError):
            names |= {each["RoleName"]: each["Arn"] for each in iam.read_all("list_roles", "Roles")}
    close = get_close_matches(hop.role.name, names, n=1, cutoff=0.6)
    # A name that was typed may have been meant for a profile.
    meant = config.did_you_mean(hop.role.name, attempted.plan.profiles) if hop.profile is None else None
    other = f"set role_arn = {printable(names[close[0]])}" if close else None
    return Finding(
        CHECK,
        Verdict.WRONG,
        f"account {hop.role.account} has no role {printable(hop.role.name)}",
        placed(hop, "role"),
        meant or other or "set role_arn to that of a role: aws iam list-roles shows them",
    )


def _role(found: dict[str, Any], request: Request, attempted: Attempt) -> Generator[Finding, None, Trust | None]:
    """Compare the request with what IAM says of the role; None: they do not fit."""
    hop, place = request.hop, request.place
    name, most = printable(hop.role.name), int(found.get("MaxSessionDuration") or 3600)
    if found["Arn"] != str(hop.role):
        fact = f"role {name} has another path: its ARN is {printable(found['Arn'])}"
        yield Finding(CHECK, Verdict.WRONG, fact, place, f"set role_arn = {printable(found['Arn'])}")
        return None
    trusted = trust.ask(found["AssumeRolePolicyDocument"], request)
    yield from trust.findings(trusted, request, device=next(iter(showing_codes(attempted.devices or ())), None))
    if trusted.grounds is Grounds.NONE:
        return None
    if hop.duration is not None and hop.duration > most:
        yield Finding(
            "duration",
            Verdict.WRONG,
            f"{hop.duration} seconds are asked for, and role {name} grants {most} at most",
            placed(hop, "duration"),
            f"ask for {most} or less (duration_seconds, --duration), or raise the role's own: "
            f"aws iam update-role --role-name {name} --max-session-duration {hop.duration}",
        )
        return None
    return trusted


def _behind(request: Request, stage: Stage, given: attempt.Given) -> Stage:
    """Return who sends the request that follows: the session of the role."""
    hop = request.hop
    principal = Principal(
        f"arn:{hop.role.partition}:sts::{hop.role.account}:assumed-role/{hop.role.name}/{hop.session_name}",
        str(hop.role),
        has_token=True,
        source_identity=hop.source_identity or request.principal.source_identity,
    )
    if given.credentials is None or stage.signer is None:
        return Stage(principal, None)
    return Stage(principal, replace(stage.signer, credentials=given.credentials, principal=principal))


def _let_in(finding: Finding) -> Finding:
    return replace(finding, verdict=Verdict.FINE, fact=f"{finding.fact}; AWS gives the role all the same", hint=None)
