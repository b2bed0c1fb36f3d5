"""The way to the role, hop by hop: what the policies say, and what AWS says where it costs no code to ask."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from awsenv import config
from awsenv.config.text import listed, printable
from awsenv.doctor import attempt, permissions, trust
from awsenv.doctor.attempt import Patient, placed
from awsenv.doctor.conditions import Request
from awsenv.doctor.finding import Finding, Verdict
from awsenv.doctor.principal import Principal
from awsenv.errors import AwsenvError, RefusedError
from awsenv.model import AssumeRole, GetSessionToken

if TYPE_CHECKING:
    from awsenv.doctor.iam import Readers
    from awsenv.doctor.source import Signer

TRUST = "trust policy"

Findings = Generator[Finding, None, None]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where on the way one stands: who asks next, with what."""

    principal: Principal
    signer: Signer | None
    """None: the role before was not tried, so nothing behind it can be."""


def role(patient: Patient, signer: Signer) -> Findings:
    """Look at each hop in turn, until one is wrong."""
    chain = patient.plan.chain
    stage: Stage | None = Stage(signer.principal, signer)
    for index, planned in enumerate(chain.hops):
        if stage is None:
            return
        if isinstance(planned, GetSessionToken):
            yield attempt.session(patient, planned, stage.signer)
            return
        stage = yield from _hop(patient, index, _in_account(planned, signer.principal.account), stage)
    if not chain.hops:
        yield Finding("role", Verdict.FINE, f"{chain.label} is no role: its credentials are used as they are")


def _in_account(hop: AssumeRole, account: str) -> AssumeRole:
    """Return *hop* with the account of its role."""
    return hop if hop.role.account is not None else replace(hop, role=hop.role.within(account))


def _hop(patient: Patient, index: int, hop: AssumeRole, stage: Stage) -> Generator[Finding, None, Stage | None]:
    request = _request(patient, hop, stage)
    try:
        answer = _readers(patient, stage).read(str(hop.role.account), "get_role", RoleName=hop.role.name)
    except RefusedError:
        yield _missing(patient, hop)
        return None
    judgement = None
    if answer is not None:
        judgement = yield from _judged(answer["Role"], request, patient)
        if judgement is None:
            return None
    return (yield from _reached(patient, index, request, stage, judgement))


def _readers(patient: Patient, stage: Stage) -> Readers:
    return patient.readers if stage.signer is None else patient.readers.and_of(stage.signer)


def _request(patient: Patient, hop: AssumeRole, stage: Stage) -> Request:
    principal = stage.principal
    return Request(
        hop,
        principal,
        with_code=hop.mfa is not None,
        mfa_is_known=not principal.has_token or principal.kind == "assumed-role",
        now=patient.subject.now(),
    )


def _missing(patient: Patient, hop: AssumeRole) -> Finding:
    """Return that there is no such role, and which was meant."""
    names: dict[str, str] = {}
    for iam in patient.readers.of(str(hop.role.account)):
        with suppress(AwsenvError):
            names |= {each["RoleName"]: each["Arn"] for each in iam.read_all("list_roles", "Roles")}
    close = get_close_matches(hop.role.name, names, n=1, cutoff=0.6)
    # A name that was typed may have been meant for a profile.
    meant = config.did_you_mean(hop.role.name, patient.plan.profiles) if hop.profile is None else None
    wanted = "set role_arn to that of a role: aws iam list-roles shows them"
    return Finding(
        "role",
        Verdict.WRONG,
        f"account {hop.role.account} has no role {printable(hop.role.name)}",
        placed(hop, "role"),
        meant or (f"set role_arn = {printable(names[close[0]])}" if close else wanted),
    )


def _judged(
    found: dict[str, Any], request: Request, patient: Patient
) -> Generator[Finding, None, trust.Judgement | None]:
    """Say what the role says of itself; None: it refuses."""
    hop, place = request.hop, placed(request.hop, "role")
    name, most = printable(hop.role.name), int(found.get("MaxSessionDuration") or 3600)
    if found["Arn"] != str(hop.role):
        fact = f"role {name} has another path: its ARN is {printable(found['Arn'])}"
        yield Finding("role", Verdict.WRONG, fact, place, f"set role_arn = {printable(found['Arn'])}")
        return None
    showing = patient.devices.showing_codes
    judgement = trust.judge(found["AssumeRolePolicyDocument"], request, device=showing[0] if showing else None)
    if judgement.grounds is None:
        for fact, hint, where in judgement.objections:
            yield Finding(TRUST, Verdict.WRONG, fact, where or place, hint)
        return None
    unchecked = (
        f"; not checked from here: {listed(list(map(printable, judgement.unchecked)))}" if judgement.unchecked else ""
    )
    age = f", with an MFA code of the last {judgement.most_age} s" if judgement.most_age else ""
    yield Finding(TRUST, Verdict.FINE, f"role {name} trusts {_whom(judgement, request)}{age}{unchecked}")
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
    return judgement


def _whom(judgement: trust.Judgement, request: Request) -> str:
    return (
        request.principal.title if judgement.grounds is trust.Grounds.NAMED else f"account {request.principal.account}"
    )


def _reached(
    patient: Patient, index: int, request: Request, stage: Stage, judgement: trust.Judgement | None
) -> Generator[Finding, None, Stage | None]:
    """Look at the policies of who asks, and ask AWS for the role."""
    found = permissions.policies(_readers(patient, stage).of(request.principal.account), request)
    allowed = permissions.permission(found, request, needed=_needed(request, judgement))
    trusted = [] if judgement is not None else [_unreadable(request)]
    if allowed.verdict is Verdict.WRONG:
        yield from (*trusted, allowed)
        return None
    try:
        given = attempt.given(patient, index, request, stage.signer)
    except AwsenvError as error:
        yield from (*trusted, allowed, attempt.refused(patient, index, request, error, (judgement, allowed)))
        return None
    for each in (*trusted, allowed):
        yield _let_in(each) if given.works and each.verdict is Verdict.UNKNOWN else each
    yield given.finding
    return _behind(request.hop, stage, given)


def _behind(hop: AssumeRole, stage: Stage, given: attempt.Given) -> Stage:
    """Return where one stands with the role."""
    account = str(hop.role.account)
    arn = f"arn:{hop.role.partition}:sts::{account}:assumed-role/{hop.role.name}/{hop.session_name}"
    principal = Principal(account, arn, str(hop.role), has_token=True)
    if given.credentials is None or stage.signer is None:
        return Stage(principal, None)
    return Stage(principal, replace(stage.signer, credentials=given.credentials, principal=principal))


def _needed(request: Request, judgement: trust.Judgement | None) -> bool | None:
    """Say whether the policies of who asks have to allow it; None: it is not known."""
    if request.hop.role.account != request.principal.account:
        return True
    return None if judgement is None else judgement.grounds is trust.Grounds.ACCOUNT


def _unreadable(request: Request) -> Finding:
    return Finding(
        TRUST,
        Verdict.UNKNOWN,
        f"that of role {printable(request.hop.role.name)} may not be read by {request.principal.title}",
        hint=f"name a profile that may read IAM of account {request.hop.role.account}: --iam-profile PROFILE",
    )


def _let_in(finding: Finding) -> Finding:
    return replace(finding, verdict=Verdict.FINE, fact=f"{finding.fact}; AWS lets you in", hint=None)
