"""Authorization: the policies of the caller, and the trust policy of a role."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from awsenv.aws.denial import Policy
from awsenv.iam import trust
from awsenv.iam.policy import Context, Verdict, evaluate
from awsenv.iam.principal import Grounds
from awsenv.sandbox.responses import AuthenticationError, Failure, Family, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from awsenv.iam.policy import Policies
    from awsenv.sandbox.directory import Caller, Directory
    from awsenv.sandbox.operation import Operation
    from awsenv.sandbox.request import Request

# These IAM actions are about the calling user where they name none.
_OWN_USER = frozenset(
    {
        "ChangePassword",
        "CreateAccessKey",
        "DeleteAccessKey",
        "GetUser",
        "ListAccessKeys",
        "ListMFADevices",
        "UpdateAccessKey",
    }
)


def context(
    caller: Caller, now: datetime, request: Mapping[str, Sequence[str]] | None = None, *, with_code: bool = False
) -> Context:
    """Return the condition keys of a request.

    Args:
        caller: The caller.
        now: The time of the request.
        request: The keys from the parameters of the request.
        with_code: Whether the request has an MFA code.
    """
    age = 0.0 if with_code else None if caller.mfa_at is None else (now - caller.mfa_at).total_seconds()
    return Context({**trust.caller_keys(caller, now, age), "aws:securetransport": ["false"], **(request or {})})


def check_assume(directory: Directory, caller: Caller, action: str, role_arn: str, keys: Context) -> None:
    """Refuse *action* (AssumeRole, TagSession or SetSourceIdentity) on a role if the caller lacks permission.

    Raises:
        ServiceError: AccessDenied, in the same words whether the role does not exist or does not trust the caller, and
            with the reason only if the role is in the account of the caller.
    """
    role, policies = directory.role(role_arn), directory.policies(caller)
    is_foreign = role_arn.split(":")[4] != caller.account
    reason = Policy.TRUST.reason(action, explicit=False)
    if role is not None:
        trusted = trust.evaluate(json.loads(role.assume_role_policy_document), caller, action, keys)
        grounds = Grounds.NONE if trusted.unchecked else trusted.grounds
        own = trust.permission(policies, caller, grounds, action=action, role_arn=role_arn, context=keys)
        if grounds is not Grounds.NONE and own.cautious is Verdict.ALLOW:
            return
        if trusted.refusal is trust.Refusal.DENY:
            reason = Policy.TRUST.reason(action, explicit=True)
        elif grounds is not Grounds.NONE:
            reason = _reason(policies, action, role_arn, keys, needs_allow=grounds <= Grounds.ACCOUNT or is_foreign)
    fact = f"User: {caller.arn} is not authorized to perform: {action} on resource: {role_arn}"
    raise ServiceError("AccessDenied", fact if is_foreign else f"{fact} {reason}", 403)


def for_own_user(request: Request, operation: Operation, caller: Caller) -> tuple[Request, Operation]:
    """Add the name of the calling user to a request to IAM that implies it.

    Raises:
        ServiceError: ValidationError: the caller is not a user.
    """
    if operation.service != "iam" or operation.action not in _OWN_USER or "UserName" in operation.parameters:
        return request, operation
    if caller.user is None:
        raise ServiceError("ValidationError", "Must specify userName when calling with non-User credentials")
    named = replace(operation, parameters={**operation.parameters, "UserName": caller.user})
    return request.with_parameter("UserName", caller.user), named


def check(directory: Directory, caller: Caller, operation: Operation) -> None:
    """Refuse *operation*, of any service but STS, if the caller lacks permission.

    Raises:
        AuthenticationError: A session without MFA calls IAM (STS API, GetSessionToken).
        ServiceError: AccessDenied, or the equivalent of the service.
    """
    if operation.service == "iam" and caller.user and caller.has_token and caller.mfa_at is None:
        raise AuthenticationError(Failure.UNKNOWN_KEY)
    resource = _iam_resource(operation, caller) if operation.service == "iam" else operation.resource
    policies = directory.policies(caller)
    keys = context(caller, directory.clock.now())
    if policies.evaluate(operation.name, resource, keys).cautious is not Verdict.ALLOW:
        raise _denied(caller, operation, resource, _reason(policies, operation.name, resource, keys))
    if operation.service == "s3" and _is_foreign(operation.parameters.get("Bucket", ""), caller.account):
        raise ServiceError("AccessDenied", "Access Denied", 403)


def _iam_resource(operation: Operation, caller: Caller) -> str:
    """Return the ARN of the resource of an IAM action; `*` if no parameter names it."""
    parameters = operation.parameters
    if caller.user is not None and parameters.get("UserName") == caller.user:
        return caller.arn
    if "PolicyArn" in parameters and "UserName" not in parameters and "RoleName" not in parameters:
        return parameters["PolicyArn"]
    for kind in ("Role", "Group", "User"):
        if f"{kind}Name" in parameters:
            return f"arn:aws:iam::{caller.account}:{kind.lower()}/{parameters[f'{kind}Name']}"
    return "*"


def _is_foreign(bucket: str, account: str) -> bool:
    """Return whether a bucket belongs to another account. Bucket policies, which could grant access, are ignored."""
    from moto.s3.models import s3_backends  # noqa: PLC0415 - each service of moto loads on its first call

    owner = s3_backends.bucket_accounts.get(bucket)
    return owner is not None and owner[1] != account


def _reason(policies: Policies, action: str, resource: str, keys: Context, *, needs_allow: bool = True) -> str:
    """Return the reason that AWS gives for a refusal by *policies*: a Deny first.

    Args:
        policies: The policies.
        action: The action.
        resource: The ARN.
        keys: The condition keys.
        needs_allow: Whether an identity policy must allow the action.
    """
    layers = [
        (Policy.IDENTITY, policies.identity),
        (Policy.BOUNDARY, () if policies.boundary is None else (policies.boundary,)),
        (Policy.SESSION, policies.session),
        *((Policy.SESSION, (scope,)) for scope in policies.scopes),  # AWS calls both a session policy
    ]
    verdicts = [
        (kind, evaluate(found, action, resource, keys).cautious)
        for kind, found in layers
        if found or (kind is Policy.IDENTITY and needs_allow)
    ]
    for kind, verdict in verdicts:
        if verdict is Verdict.DENY:
            return kind.reason(action, explicit=True)
    is_needed = {Policy.IDENTITY: needs_allow}
    missing = next(kind for kind, verdict in verdicts if verdict is Verdict.SILENT and is_needed.get(kind, True))
    return missing.reason(action, explicit=False)


def _denied(caller: Caller, operation: Operation, resource: str, reason: str) -> ServiceError:
    fact = f"User: {caller.arn} is not authorized to perform: {operation.name}"
    if operation.family is Family.EC2:
        message = f"You are not authorized to perform this operation. {fact} {reason}"
        return ServiceError("UnauthorizedOperation", message, 403)
    if operation.family is Family.JSON:
        return ServiceError("AccessDeniedException", f"{fact} on resource: {resource} {reason}", 400)
    quoted = f'"{resource}"' if operation.family is Family.S3 else resource
    return ServiceError("AccessDenied", f"{fact} on resource: {quoted} {reason}", 403)
