"""May this caller do that: the identity policies, for every service but STS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from awsenv.policy import Verdict
from awsenv.sandbox import trust
from awsenv.sandbox.answers import AuthenticationError, Failure, Family, ServiceError
from awsenv.sandbox.identity import Caller, Kind
from awsenv.sandbox.operation import Operation, iam_resource

if TYPE_CHECKING:
    from awsenv.sandbox.clock import Clock
    from awsenv.sandbox.directory import Directory
    from awsenv.sandbox.request import Request

# IAM answers these for the user who asks, when no user is named.
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


def for_own_user(request: Request, operation: Operation, caller: Caller) -> tuple[Request, Operation]:
    """Name the user in a request to IAM that leaves it out and means the caller.

    Raises:
        ServiceError: ValidationError: the caller is no user.
    """
    if operation.service != "iam" or operation.action not in _OWN_USER or "UserName" in operation.parameters:
        return request, operation
    if caller.kind is Kind.ROLE:
        raise ServiceError("ValidationError", "Must specify userName when calling with non-User credentials")
    named = replace(operation, parameters={**operation.parameters, "UserName": caller.name})
    return request.with_parameter("UserName", caller.name), named


def check(directory: Directory, clock: Clock, caller: Caller, operation: Operation) -> None:
    """Refuse what the caller may not do.

    Raises:
        AuthenticationError: IAM is called with a session that was opened without MFA (STS API, GetSessionToken).
        ServiceError: AccessDenied, or what the service calls it.
    """
    if operation.service == "iam" and caller.kind is Kind.SESSION and caller.mfa_at is None:
        raise AuthenticationError(Failure.UNKNOWN_KEY)
    resource = iam_resource(operation, caller) if operation.service == "iam" else operation.resource
    now = clock.now()
    age = None if caller.mfa_at is None else int((now - caller.mfa_at).total_seconds())
    context = trust.context(caller, now.isoformat(), age, {})
    verdict = trust.identity_verdict(directory, caller, operation.name, resource, context)
    if verdict is not Verdict.ALLOW:
        raise _denied(caller, operation, resource, verdict)
    if operation.service == "s3" and _is_foreign(operation.parameters.get("Bucket", ""), caller.account):
        raise ServiceError("AccessDenied", "Access Denied", 403)


def _is_foreign(bucket: str, account: str) -> bool:
    """Whether a bucket is another account's. Bucket policies, which could open it, are not looked at."""
    from moto.s3.models import s3_backends  # noqa: PLC0415 - moto's services are loaded when they are first called

    owner = s3_backends.bucket_accounts.get(bucket)
    return owner is not None and owner[1] != account


def _denied(caller: Caller, operation: Operation, resource: str, verdict: Verdict) -> ServiceError:
    if verdict is Verdict.DENY:
        reason = "with an explicit deny in an identity-based policy"
    else:
        reason = f"because no identity-based policy allows the {operation.name} action"
    fact = f"User: {caller.arn} is not authorized to perform: {operation.name}"
    if operation.family is Family.EC2:
        message = f"You are not authorized to perform this operation. {fact} {reason}"
        return ServiceError("UnauthorizedOperation", message, 403)
    if operation.family is Family.JSON:
        return ServiceError("AccessDeniedException", f"{fact} on resource: {resource} {reason}", 400)
    quoted = f'"{resource}"' if operation.family is Family.S3 else resource
    return ServiceError("AccessDenied", f"{fact} on resource: {quoted} {reason}", 403)
