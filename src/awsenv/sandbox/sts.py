"""STS: AssumeRole, GetSessionToken, GetScopedCredentials and GetCallerIdentity, with the checks that AWS makes."""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from awsenv.iam import trust
from awsenv.iam.policy import as_list
from awsenv.sandbox import authorization, validation
from awsenv.sandbox.directory import Caller
from awsenv.sandbox.keys import TOKEN
from awsenv.sandbox.responses import ServiceError, result

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from awsenv.iam.policy import Document
    from awsenv.model import Credentials
    from awsenv.sandbox.directory import Directory
    from awsenv.sandbox.keys import Keys
    from awsenv.sandbox.mfa import Devices

CHAINED = 3600
"""Longest session, in seconds, of a role that is assumed with temporary credentials, GetSessionToken's included."""

DEFAULT_ROLE_SECONDS = 3600
DEFAULT_SESSION_SECONDS = 43200

MAX_SCOPES = 3
"""Policies of GetScopedCredentials that a session may have."""

MAX_TOKEN = 4096
"""Most bytes of a session token: as many as a client can ask for (STS API, GetScopedCredentials)."""

MAX_PLAINTEXT = 2048
"""Characters of the session policy and the policy ARNs together (STS API, AssumeRole, Policy)."""

Parameters = Mapping[str, Any]


class Sts:
    """Performs the calls of STS whose signature is valid."""

    def __init__(self, directory: Directory, keys: Keys, devices: Devices) -> None:
        self._directory = directory
        self._keys = keys
        self._devices = devices

    def respond(self, action: str, form: Mapping[str, str], caller: Caller) -> Response:
        """Perform *action*.

        Raises:
            ServiceError: AWS would refuse it.
        """
        if caller.has_token and action in {"GetSessionToken", "GetFederationToken"}:
            raise ServiceError("AccessDenied", f"Cannot call {action} with session credentials", 403)
        parameters = validation.read(action, form)
        actions: dict[str, Callable[[Parameters, Caller], dict[str, Any]]] = {
            "AssumeRole": self._assume_role,
            "GetCallerIdentity": self._get_caller_identity,
            "GetScopedCredentials": self._get_scoped_credentials,
            "GetSessionToken": self._get_session_token,
        }
        if action not in actions:
            raise ServiceError("AccessDenied", f"The sandbox does not serve sts:{action}", 403)
        return result(action, actions[action](parameters, caller))

    @staticmethod
    def _get_caller_identity(_: Parameters, caller: Caller) -> dict[str, Any]:
        return {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account}

    def _get_session_token(self, parameters: Parameters, caller: Caller) -> dict[str, Any]:
        with_code = self._take_code(parameters, caller)
        session = replace(caller, has_token=True, mfa_at=self._directory.clock.now() if with_code else None)
        seconds = parameters.get("DurationSeconds", DEFAULT_SESSION_SECONDS)
        return {"Credentials": _credentials(self._keys.issue(session, seconds))}

    def _get_scoped_credentials(self, parameters: Parameters, caller: Caller) -> dict[str, Any]:
        if caller.ends is None:
            raise ServiceError("AccessDenied", "Cannot call GetScopedCredentials with long-term credentials", 403)
        text, seconds = parameters.get("Policy"), parameters.get("DurationSeconds")
        if text is None and seconds is None:
            raise ServiceError("ValidationError", "At least one of Policy or DurationSeconds must be provided.")
        ends = caller.ends if seconds is None else self._directory.clock.now() + timedelta(seconds=seconds)
        if ends > caller.ends:
            fact = "The requested DurationSeconds exceeds the remaining lifetime of the calling session."
            raise ServiceError("InsufficientSessionLifetime", fact)
        scopes = caller.scopes if text is None else (*caller.scopes, _document(text))
        if len(scopes) > MAX_SCOPES:
            raise ServiceError("AccessDenied", f"A session has at most {MAX_SCOPES} scope-down policies", 403)
        size = max(TOKEN + sum(map(_packed, scopes)), parameters.get("MinimumSessionTokenSize", 0))
        if size > MAX_TOKEN:
            fact = f"The session token would have {size} bytes, and the maximum is {MAX_TOKEN}."
            raise ServiceError("PackedPolicyTooLarge", fact)
        made = self._keys.issue_until(replace(caller, scopes=scopes), ends, size=size)
        size = len(made.session_token or "")
        return {
            "Credentials": _credentials(made),
            "SessionInfo": {"ScopedSessionId": caller.user_id, "Arn": caller.arn},
            "SessionTokenUtilization": math.ceil(100 * size / MAX_TOKEN),
            "SessionTokenSize": size,
            "ScopedPoliciesCount": len(scopes),
            **({"SourceIdentity": caller.source_identity} if caller.source_identity else {}),
        }

    def _assume_role(self, parameters: Parameters, caller: Caller) -> dict[str, Any]:
        arn = parameters["RoleArn"]
        _check_arn(arn)
        labels = _labels(parameters, caller)
        with_code = self._take_code(parameters, caller)
        self._authorize(parameters, caller, labels, with_code=with_code)
        account = arn.split(":")[4]
        policies, packed = self._session_policies(account, parameters)
        role = self._directory.role(arn)
        if role is None:  # deleted since the check
            raise ServiceError("AccessDenied", f"{arn} is gone", 403)
        seconds = parameters.get("DurationSeconds", DEFAULT_ROLE_SECONDS)
        _check_duration(seconds, int(role.max_session_duration or DEFAULT_ROLE_SECONDS), chained=caller.has_token)
        name = parameters["RoleSessionName"]
        session = Caller(
            f"arn:aws:sts::{account}:assumed-role/{role.name}/{name}",
            arn,
            f"{role.id}:{name}",
            has_token=True,
            **labels,
            session_policies=policies,
            chained=caller.has_token,
        )
        return {
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
            "Credentials": _credentials(self._keys.issue(session, seconds)),
            **({"PackedPolicySize": packed} if packed else {}),
            **({"SourceIdentity": session.source_identity} if session.source_identity else {}),
        }

    def _take_code(self, parameters: Parameters, caller: Caller) -> bool:
        """Spend the MFA code of a request; False: the request has none."""
        serial, code = parameters.get("SerialNumber"), parameters.get("TokenCode")
        if (serial is None) is not (code is None):
            raise ServiceError("ValidationError", "Both SerialNumber and TokenCode must be provided, or neither.")
        if serial is None or code is None:
            return False
        self._devices.validate(caller, serial, code)
        return True

    def _authorize(self, parameters: Parameters, caller: Caller, labels: _Labels, *, with_code: bool) -> None:
        keys = trust.request_keys(parameters)
        # Inherited tags count too: AWS refuses a call that has no others without the permission (measured on AWS).
        keys |= {"aws:tagkeys": tuple(labels["tags"])} if labels["tags"] else {}
        context = authorization.context(caller, self._directory.clock.now(), keys, with_code=with_code)
        for action in trust.actions(labels["tags"], labels["source_identity"]):
            authorization.check_assume(self._directory, caller, action, parameters["RoleArn"], context)

    def _session_policies(self, account: str, parameters: Parameters) -> tuple[tuple[Document, ...], int]:
        """Return the session policies, and the percentage of the allotted space that they fill."""
        inline = parameters.get("Policy")
        arns = [item.get("arn", "") for item in parameters.get("PolicyArns", ())]
        documents = [] if inline is None else [_document(inline)]
        size = len(inline or "") + sum(map(len, arns))
        percentage = math.ceil(100 * size / MAX_PLAINTEXT)
        if size > MAX_PLAINTEXT:
            raise ServiceError(
                "PackedPolicyTooLarge",
                f"Packed policy consumes {percentage}% of allotted space, please use smaller policy.",
            )
        documents += [self._directory.managed_policy(account, arn) for arn in arns]
        return tuple(documents), percentage


def _check_arn(arn: str) -> None:
    if not re.fullmatch(r"arn:[^:]+:[^:]*:[^:]*:[^:]*:.+", arn):
        raise ServiceError("ValidationError", f"{arn} is invalid")
    if not re.fullmatch(r"arn:aws:iam::\d{12}:role/[\w+=,.@/-]*[\w+=,.@-]", arn, re.ASCII):
        raise ServiceError("ValidationError", "Request ARN is invalid")


def _document(text: str) -> Document:
    """Read a session policy."""
    try:
        document = json.loads(text)
    except ValueError:
        raise _malformed("This policy contains invalid Json") from None
    parts = as_list(document.get("Statement")) if isinstance(document, dict) else []
    if not parts or not all(isinstance(part, dict) and part.get("Effect") in ("Allow", "Deny") for part in parts):
        raise _malformed(_SYNTAX)
    if any("Principal" in part or "NotPrincipal" in part for part in parts):
        raise _malformed("Policy document should not specify a principal.")
    for part in parts:
        if not _ELEMENTS.issuperset(part):
            raise _malformed(_SYNTAX)
        for action in _named(part, "Action"):
            if action != "*" and not re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9*?]+", action):
                raise _malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        for resource in _named(part, "Resource"):
            if resource != "*" and not re.match(r"arn:(?:[^:]*:){4}.", resource):
                raise _malformed(f'Resource {resource} must be in ARN format or "*".')
    read: Document = document
    return read


def _packed(document: Document) -> int:
    """Return the bytes that a policy adds to a session token. AWS compresses it, and does not say how."""
    return len(zlib.compress(json.dumps(document).encode()))


_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_SYNTAX = "Syntax errors in policy."


def _named(part: Mapping[str, Any], element: str) -> list[str]:
    """Return what a statement names in an element or in its opposite, of which it has one."""
    present = [name for name in (element, f"Not{element}") if name in part]
    values = [value for name in present for value in as_list(part[name])]
    if len(present) > 1 or not all(isinstance(value, str) for value in values):
        raise _malformed(_SYNTAX)
    if not values:
        raise _malformed(f"Policy statement must contain {element.lower()}s.")
    return values


def _malformed(message: str) -> ServiceError:
    return ServiceError("MalformedPolicyDocument", message)


class _Labels(TypedDict):
    """The fields of a new session by which policies tell it from others of its role."""

    tags: Mapping[str, str]
    transitive: frozenset[str]
    source_identity: str | None


def _labels(parameters: Parameters, caller: Caller) -> _Labels:
    given = {tag["Key"]: tag["Value"] for tag in parameters.get("Tags", ())}
    keys = [tag["Key"].lower() for tag in parameters.get("Tags", ())]
    transitive = {key.lower() for key in parameters.get("TransitiveTagKeys", ())}
    if len(set(keys)) < len(keys):
        raise _invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.startswith("aws:") for key in keys):
        raise _invalid("aws: prefixed tag key names are not allowed for external use.")
    if caller.transitive.intersection(keys):
        raise _invalid(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session."
        )
    if not transitive.issubset(keys):
        raise _invalid("The specified transitive tag key must be included in the requested tags.")
    inherited = {key: value for key, value in caller.tags.items() if key.lower() in caller.transitive}
    return {
        "tags": {**inherited, **given},
        "transitive": caller.transitive | transitive,
        "source_identity": _source_identity(parameters, caller),
    }


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", message)


def _source_identity(parameters: Parameters, caller: Caller) -> str | None:
    """Return the source identity of the new session: once set, it never changes."""
    given: str | None = parameters.get("SourceIdentity")
    current = caller.source_identity
    if given is not None and given.lower().startswith("aws:"):
        raise ServiceError("ValidationError", "SourceIdentity cannot begin with aws:")
    if current is not None and given not in {None, current}:
        raise ServiceError("ValidationError", "The source identity is already set for this assume role session")
    return given or current


def _check_duration(seconds: int, maximum: int, *, chained: bool) -> None:
    if seconds > maximum:
        limit = "MaxSessionDuration set for this role"
    elif chained and seconds > CHAINED:
        limit = "1 hour session limit for roles assumed by role chaining"
    else:
        return
    raise ServiceError("ValidationError", f"The requested DurationSeconds exceeds the {limit}.")


def _credentials(credentials: Credentials) -> dict[str, Any]:
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": f"{credentials.expiration:%Y-%m-%dT%H:%M:%SZ}",
    }
