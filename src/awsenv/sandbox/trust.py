"""May this caller assume that role: the trust policy, and the caller's own policies."""

from __future__ import annotations

import json
import re
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from awsenv import policy
from awsenv.policy import Verdict
from awsenv.sandbox.answers import ServiceError
from awsenv.sandbox.identity import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.policy import Context, Statement
    from awsenv.sandbox.directory import Directory
    from awsenv.sandbox.identity import Caller


class Trust(IntEnum):
    """How far a trust policy goes, the strongest last."""

    NONE = 0
    ACCOUNT = 1
    """It trusts the account, which then decides by its identity policies."""
    NAMED = 2
    """It names the caller: in the same account that is enough."""
    DENIED = 3


def identity_verdict(directory: Directory, caller: Caller, action: str, resource: str, context: Context) -> Verdict:
    """Say what the caller's own policies say; session policies can only take away."""
    verdict = policy.evaluate(directory.identity_policies(caller), action, resource, context)
    if not caller.session_policies:
        return verdict
    documents = [json.loads(text) for text in caller.session_policies]
    limit = policy.evaluate(documents, action, resource, context)
    if Verdict.DENY in (verdict, limit):
        return Verdict.DENY
    return min(verdict, limit)


def authorize(directory: Directory, caller: Caller, action: str, role_arn: str, context: Context) -> None:
    """Refuse a caller who may not do *action* (AssumeRole, TagSession, SetSourceIdentity) with a role.

    Raises:
        ServiceError: AccessDenied, in the same words whether the role does not exist, does not trust the caller, or
            the caller's own policies do not allow it.
    """
    own = identity_verdict(directory, caller, action, role_arn, context)
    role = directory.role(role_arn)
    trust = Trust.NONE if role is None else trusts(role.assume_role_policy_document, caller, action, context)
    same_account = role_arn.split(":")[4] == caller.account
    enough = own is Verdict.ALLOW or (
        # A session policy limits what a trust policy gives by name.
        same_account and trust is Trust.NAMED and own is Verdict.SILENT and not caller.session_policies
    )
    if trust not in (Trust.ACCOUNT, Trust.NAMED) or not enough:
        raise ServiceError(
            "AccessDenied",
            f"User: {caller.arn} is not authorized to perform: {action} on resource: {role_arn}",
            403,
        )


def trusts(document: Any, caller: Caller, action: str, context: Context) -> Trust:
    """Say how far the trust policy *document* trusts *caller* with *action*."""
    parsed: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    trust = Trust.NONE
    for statement in policy.statements([parsed]):
        if policy.concerns(statement, action, context):
            named = _principal(statement, caller)
            if named is not Trust.NONE:
                allows = policy.effect(statement) is Verdict.ALLOW
                trust = max(trust, named if allows else Trust.DENIED)
    return trust


def _principal(statement: Statement, caller: Caller) -> Trust:
    if "Principal" not in statement:
        # NotPrincipal: AWS refuses it beside Allow, so here it can only deny.
        return Trust.NONE if statement.get("Effect") == "Allow" else Trust.NAMED
    principal = statement["Principal"]
    names = [principal] if isinstance(principal, str) else policy.as_list(principal.get("AWS"))
    found = Trust.NONE
    for name in names:
        if name in ("*", caller.principal_arn, caller.arn):
            found = Trust.NAMED
        elif name in (caller.account, f"arn:aws:iam::{caller.account}:root"):
            found = max(found, Trust.ACCOUNT)
    return found


def context(caller: Caller, now: str, mfa_age: int | None, request: Mapping[str, list[str]]) -> Context:
    """Return the condition keys that a request is judged by.

    Args:
        caller: Who calls.
        now: The time, in ISO 8601.
        mfa_age: Seconds since the MFA code of this session or of this call; None: there was none.
        request: What the request itself brings, such as `sts:ExternalId`.
    """
    keys = {
        "aws:currenttime": [now],
        "aws:principalaccount": [caller.account],
        "aws:principalarn": [caller.principal_arn],
        "aws:principaltype": ["AssumedRole" if caller.kind is Kind.ROLE else "User"],
        "aws:securetransport": ["false"],
        "aws:userid": [caller.user_id],
        **{f"aws:principaltag/{key.lower()}": [value] for key, value in caller.tags.items()},
        **{key.lower(): values for key, values in request.items()},
    }
    if caller.kind is not Kind.ROLE:
        keys["aws:username"] = [caller.name]
    if caller.source_identity is not None:
        keys["aws:sourceidentity"] = [caller.source_identity]
    if mfa_age is not None:
        keys["aws:multifactorauthpresent"] = ["true"]
        keys["aws:multifactorauthage"] = [str(mfa_age)]
    elif caller.temporary:
        # Long-term keys never carry the key at all: that is what tells Bool and BoolIfExists apart.
        keys["aws:multifactorauthpresent"] = ["false"]
    return keys


def check_arn(arn: str) -> None:
    """Refuse what is not the ARN of a role of this partition.

    Raises:
        ServiceError: ValidationError.
    """
    if not re.fullmatch(r"arn:[^:]+:[^:]*:[^:]*:[^:]*:.+", arn):
        raise ServiceError("ValidationError", f"{arn} is invalid")
    if not re.fullmatch(r"arn:aws:iam::\d{12}:role/[\w+=,.@/-]*[\w+=,.@-]", arn, re.ASCII):
        raise ServiceError("ValidationError", "Request ARN is invalid")
