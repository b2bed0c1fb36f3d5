"""Whether the trust policy of a role, and the policies of the caller, allow an AssumeRole; and what to change."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

from awsenv.aws.request import request as sent
from awsenv.doctor.model import Finding, fine, unknown, warning, wrong
from awsenv.iam import trust
from awsenv.iam.policy import Context, Evaluation, Policies, Verdict
from awsenv.iam.principal import ROLE, USER, Grounds, Principal, is_left_of_deleted
from awsenv.iam.trust import ASSUME_ROLE, EXTERNAL_ID, MFA_AGE, MFA_PRESENT, SESSION_NAME, Refusal, Trust
from awsenv.wording import listed, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from awsenv.aws.iam import Iam
    from awsenv.errors import Origin
    from awsenv.iam.policy import Condition, Document
    from awsenv.model import AssumeRole

TRUST, IDENTITY = "trust policy", "identity policy"

_SHOWN = 2
"""How many of the principals that a policy trusts are named."""

_KNOWN = (
    *("sts:", "aws:requesttag/", "aws:tagkeys", "aws:principalaccount", "aws:principaltype"),
    *("aws:currenttime", "aws:epochtime", "aws:securetransport"),
)
"""The condition keys, or the prefixes of keys, that are known of a request of every principal."""

_OPTIONS = {trust.TAG_SESSION: "--tag", trust.SET_SOURCE_IDENTITY: "--source-identity"}
"""The options that need another action than AssumeRole."""


@dataclass(frozen=True)
class Request:
    """An AssumeRole request before it is sent."""

    hop: AssumeRole
    """The hop; its role has an account."""
    principal: Principal
    now: float
    """Seconds since the epoch, UTC."""

    @cached_property
    def context(self) -> Context:
        """Its condition keys."""
        hop, now = self.hop, datetime.fromtimestamp(self.now, timezone.utc)
        caller = trust.caller_keys(self.principal, now, None if hop.mfa is None else 0)
        return Context({**caller, **trust.request_keys(sent(hop).parameters)}, self._knows)

    @property
    def role(self) -> str:
        """The role in a message."""
        return f"role {printable(self.hop.role.name)}"

    @property
    def origin(self) -> Origin | None:
        """Where the role was set."""
        return self.hop.origins.get("role")

    @property
    def is_foreign(self) -> bool:
        """Whether the role is in another account than the caller."""
        return self.hop.role.account != self.principal.account

    def _knows(self, key: str) -> bool:
        """Return whether it is known if the request has a key. A session that another tool opened may have MFA."""
        principal = self.principal
        if key in {MFA_PRESENT, MFA_AGE}:
            return self.hop.mfa is not None or not principal.has_token or principal.kind == ROLE
        if key in {"aws:principalarn", "aws:sourceidentity"}:
            return principal.kind == USER or principal.role_arn is not None
        if key == "aws:username":
            return principal.kind in {USER, ROLE}
        return key.startswith(_KNOWN)


def trusted(document: Mapping[str, Any], request: Request) -> Trust:
    """Return the result of a trust policy: the first refusal, else that of all the actions that *request* needs."""
    actions = trust.actions(request.hop.tags, request.hop.source_identity)
    found = [trust.evaluate(document, request.principal, action, request.context) for action in actions]
    unchecked = dict.fromkeys(name for each in found for name in each.unchecked)
    least = min(found, key=lambda each: each.grounds)
    age = next((each.mfa_max_age for each in found if each.mfa_max_age), None)
    return replace(least, unchecked=tuple(unchecked), mfa_max_age=age)


def trust_policy(found: Trust, request: Request, device: str | None) -> Iterator[Finding]:
    """Yield what the result of a trust policy means for *request*.

    Args:
        found: The result.
        request: The request.
        device: An MFA device of the user, to propose where none is configured; None: none is known.
    """
    if found.refusal is Refusal.ACTION:
        yield _no_action(found, request)
    elif found.refusal is Refusal.PRINCIPAL:
        yield _not_trusted(found, request)
    elif found.refusal is Refusal.CONDITION:
        yield from dict.fromkeys(_not_met(each, request, device) for each in found.conditions)
    elif found.refusal is Refusal.DENY:
        can_meet = (each for each in found.conditions if _can_meet(each, request))
        fact = f"the trust policy of {request.role} denies {request.principal.title}"
        show = f"aws iam get-role --role-name {request.hop.role.name}"
        denied = _refused(request, fact, show, "ask the owner of the role to change the Deny")
        yield next((_not_met(each, request, device) for each in can_meet), denied)
    else:
        is_named = found.grounds > Grounds.ACCOUNT
        whom = request.principal.title if is_named else f"account {request.principal.account}"
        age = f", with an MFA code of the last {printable(found.mfa_max_age)} s" if found.mfa_max_age else ""
        names = list(map(printable, found.unchecked))
        unchecked = f"; not checked from here: {listed(names)}" if names else ""
        yield fine(TRUST, f"{request.role} trusts {whom}{age}{unchecked}")


def unreadable(request: Request) -> Finding:
    """Return that the trust policy could not be read."""
    fact = f"the trust policy of {request.role} cannot be read from here"
    account = request.hop.role.account
    return unknown(TRUST, fact, f"pass --iam-profile with one that may read IAM of account {account}")


def _refused(request: Request, fact: str, *hints: str, origin: Origin | None = None) -> Finding:
    return wrong(TRUST, fact, *hints, origins=[origin or request.origin])


def _no_action(found: Trust, request: Request) -> Finding:
    others = f", only {listed(list(map(printable, found.instead)))}" if found.instead else ""
    leave_out = [f"leave {_OPTIONS[found.action]} out"] if found.action in _OPTIONS else []
    return _refused(
        request,
        f"the trust policy of {request.role} does not allow {found.action}{others}",
        f"allow {found.action} in it",
        *leave_out,
    )


def _not_trusted(found: Trust, request: Request) -> Finding:
    arn, fact = request.principal.principal_arn, f"{request.role} does not trust {request.principal.title}"
    deleted = next(filter(is_left_of_deleted, found.instead), None)
    if deleted is not None:
        return _refused(
            request,
            f"{fact}, but {deleted}, which was deleted: AWS does not take a new one of the same name for it",
            f"put {arn} into its trust policy again",
        )
    more = [f"{len(found.instead) - _SHOWN} more"] if found.instead[_SHOWN:] else []
    shown = [*map(printable, found.instead[:_SHOWN]), *more]
    return _refused(
        request,
        f"{fact}: it trusts {listed(shown) if shown else 'no user and no role'}",
        f"put {arn} into its trust policy",
        "use the profile of one that it trusts: --profile",
    )


def _can_meet(condition: Condition, request: Request) -> bool:
    """Return whether the caller can meet a condition: with an external id or an MFA code."""
    key = condition.key.lower()
    return key == EXTERNAL_ID or (key in {MFA_PRESENT, MFA_AGE} and request.hop.mfa is None)


def _not_met(condition: Condition, request: Request, device: str | None) -> Finding:
    if not _can_meet(condition, request):
        step = "ask the owner of the role to change the condition"
        if condition.key.lower() == SESSION_NAME:
            setter = "AWS_ROLE_SESSION_NAME" if request.hop.profile is None else "role_session_name"
            step = f"set {setter} to the name that it demands"
        return _refused(
            request,
            f"the trust policy of {request.role} has a condition that is not met: {printable(condition.name)}",
            f"aws iam get-role --role-name {request.hop.role.name}",
            step,
        )
    hop, role, who = request.hop, request.role, request.principal.title
    profile = None if hop.profile is None else f"[profile {printable(hop.profile)}]"
    if condition.key.lower() == EXTERNAL_ID and hop.external_id is not None:
        fact = f"{role} demands another external id than the one that is configured"
        origin = hop.origins.get("external_id")
        setter = "the external id" if origin is None else origin.setter
        return _refused(request, fact, f"correct {setter}: the owner of the role knows it", origin=origin)
    if condition.key.lower() == EXTERNAL_ID:
        option = "pass --external-id" if profile is None else f"set external_id in {profile}, or pass --external-id"
        fact = f"{role} demands an external id, and none is configured"
        return _refused(request, fact, "ask the owner of the role for it", option)
    if request.principal.kind == ROLE:
        return _refused(
            request,
            f"{role} demands MFA, which {who} cannot have: a role has no MFA device",
            "let the role trust the user, and name the user in source_profile",
            "remove MFA from its trust policy",
        )
    serial = printable(device or "ARN")
    set_it = f"pass --mfa-serial {serial}" if profile is None else f"set mfa_serial = {serial} in {profile}"
    return _refused(
        request, f"{role} demands MFA, and no MFA device is configured", set_it, "pass a code as the second word"
    )


def identity_policy(found: Policies | None, request: Request, grounds: Grounds | None) -> Finding:
    """Check whether the policies of the caller let it assume the role.

    Args:
        found: The policies; None: they cannot be read.
        request: The request.
        grounds: How closely the trust policy names the caller; None: it cannot be read.
    """
    who, role = request.principal.title, request.role
    is_needed = request.is_foreign or grounds is Grounds.ACCOUNT
    if found is None:
        fact = f"the policies of {who} cannot be read from here"
        spared = grounds is not None and not is_needed
        return fine(IDENTITY, f"{fact}; none is needed") if spared else unknown(IDENTITY, fact)
    result = _permission(found, request, grounds or Grounds.NAMED)
    if result.perhaps is not Verdict.ALLOW:
        return _no_permission(found, request, result.perhaps, is_certain=result.surely is result.perhaps)
    if is_needed or _permission(found, request, Grounds.ACCOUNT).perhaps is Verdict.ALLOW:
        return fine(IDENTITY, f"{who} may assume {role}")
    unless = "" if grounds is not None else " if the role trusts it by name"
    return fine(IDENTITY, f"{who} has none for {role}, and needs none{unless}")


def _permission(found: Policies, request: Request, grounds: Grounds) -> Evaluation:
    return trust.permission(
        found,
        request.principal,
        grounds,
        action=ASSUME_ROLE,
        role_arn=str(request.hop.role),
        context=request.context,
    )


def _no_permission(found: Policies, request: Request, verdict: Verdict, *, is_certain: bool) -> Finding:
    who, role, arn, kind = request.principal.title, request.role, str(request.hop.role), _kind(request.principal)
    if verdict is Verdict.DENY:
        return (wrong if is_certain else warning)(
            IDENTITY,
            f"a policy of {who} denies sts:AssumeRole on {role}",
            "ask an administrator to change the Deny",
            f"aws iam list-{kind}-policies --{kind}-name {request.principal.name}",
        )
    if found.limits(ASSUME_ROLE, arn, request.context).perhaps is not Verdict.ALLOW:
        fact = f"the permissions boundary of {who} does not allow sts:AssumeRole on {role}"
        return wrong(IDENTITY, fact, f"allow sts:AssumeRole on {arn} in it")
    why = "the role is in another account" if request.is_foreign else "the role trusts its account as a whole"
    fact = f"{who} is not allowed sts:AssumeRole on {role}, which it needs because {why}"
    allow = {"Effect": "Allow", "Action": ASSUME_ROLE, "Resource": arn}
    words = [
        *("aws", "iam", f"put-{kind}-policy", f"--{kind}-name", request.principal.name),
        *("--policy-name", f"assume-{request.hop.role.name}"),
        *("--policy-document", json.dumps({"Version": "2012-10-17", "Statement": [allow]})),
    ]
    return wrong(IDENTITY, fact, shlex.join(words), *(["awsenv setup"] if kind == USER else []))


def read(iam: Iam, principal: Principal) -> Policies:
    """Return everything that is attached to a user with its groups, or to a role.

    Raises:
        AwsenvError: IAM does not say.
    """
    kind, name = _kind(principal), principal.name
    title = kind.capitalize()
    holder = iam.read(f"get_{kind}", **{f"{title}Name": name})[title]
    documents = list(_attached(iam, kind, name))
    if kind == USER:
        for group in iam.read_all("list_groups_for_user", "Groups", UserName=name):
            documents += _attached(iam, "group", group["GroupName"])
    boundary = (holder.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    return Policies(tuple(documents), None if boundary is None else _managed(iam, boundary))


def _kind(principal: Principal) -> str:
    return USER if principal.kind == USER else "role"


def _attached(iam: Iam, kind: str, name: str) -> Iterator[Document]:
    holder = {f"{kind.capitalize()}Name": name}
    for own in iam.read_all(f"list_{kind}_policies", "PolicyNames", **holder):
        yield iam.read(f"get_{kind}_policy", **holder, PolicyName=own)["PolicyDocument"]
    for attached in iam.read_all(f"list_attached_{kind}_policies", "AttachedPolicies", **holder):
        yield _managed(iam, attached["PolicyArn"])


def _managed(iam: Iam, arn: str) -> Document:
    version = iam.read("get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document: Document = iam.read("get_policy_version", PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return document
