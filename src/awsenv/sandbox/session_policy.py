"""What AssumeRole is given to narrow and mark a session: policies, tags, a source identity."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from awsenv.sandbox.answers import ServiceError
from awsenv.sandbox.validation import constraint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from awsenv.sandbox.directory import Directory
    from awsenv.sandbox.identity import Caller

MAX_PLAINTEXT = 2048
"""Characters of the session policy and the policy ARNs together (STS API, AssumeRole, Policy)."""

MAX_POLICY_ARNS = 10


def read_policies(directory: Directory, account: str, parameters: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    """Return the session policies as documents, and the percentage of the space that they take.

    Raises:
        ServiceError: MalformedPolicyDocument, PackedPolicyTooLarge, ValidationError.
    """
    inline = parameters.get("Policy")
    arns = [item.get("arn", "") for item in parameters.get("PolicyArns", ())]
    if len(arns) > MAX_POLICY_ARNS:
        rule = f"Member must have length less than or equal to {MAX_POLICY_ARNS}"
        raise ServiceError("ValidationError", f"1 validation error detected: {constraint(arns, 'policyArns', rule)}")
    if inline is not None:
        _check_document(inline)
    size = len(inline or "") + sum(map(len, arns))
    percentage = math.ceil(100 * size / MAX_PLAINTEXT)
    if size > MAX_PLAINTEXT:
        raise ServiceError(
            "PackedPolicyTooLarge",
            f"Packed policy consumes {percentage}% of allotted space, please use smaller policy.",
        )
    managed = [json.dumps(directory.managed_policy(account, arn)) for arn in arns]
    return ((inline,) if inline is not None else ()) + tuple(managed), percentage


def _check_document(text: str) -> None:
    try:
        document = json.loads(text)
    except ValueError:
        raise ServiceError("MalformedPolicyDocument", "This policy contains invalid Json") from None
    parts = document.get("Statement") if isinstance(document, dict) else None
    parts = [parts] if isinstance(parts, dict) else parts
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        raise ServiceError("MalformedPolicyDocument", "Syntax errors in policy.")
    if any("Principal" in part for part in parts):
        raise ServiceError("MalformedPolicyDocument", "Policy document should not specify a principal.")
    if any(part.get("Effect") not in ("Allow", "Deny") for part in parts):
        raise ServiceError("MalformedPolicyDocument", "Syntax errors in policy.")


def read_tags(parameters: Mapping[str, Any], caller: Caller) -> tuple[dict[str, str], frozenset[str]]:
    """Return the tags of the new session and the keys of those that are transitive, inherited ones among them.

    Raises:
        ServiceError: InvalidParameterValue: a key is there twice (case does not count), is AWS's own, or is one that
            the calling session already passes on.
    """
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
    return {**inherited, **given}, caller.transitive | transitive


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", message)


def read_source_identity(parameters: Mapping[str, Any], caller: Caller) -> str | None:
    """Return the source identity of the new session: once set it stays.

    Raises:
        ServiceError: ValidationError: another one is set already, or it begins with `aws:`.
    """
    given: str | None = parameters.get("SourceIdentity")
    if given is not None and given.lower().startswith("aws:"):
        raise ServiceError("ValidationError", "SourceIdentity cannot begin with aws:")
    if caller.source_identity is not None and given not in (None, caller.source_identity):
        raise ServiceError("ValidationError", "The source identity is already set for this assume role session")
    return given or caller.source_identity


def condition_keys(parameters: Mapping[str, Any], tag_keys: Sequence[str]) -> dict[str, list[str]]:
    """Return what a request of AssumeRole brings to the conditions of a policy."""
    single = {
        "sts:ExternalId": parameters.get("ExternalId"),
        "sts:RoleSessionName": parameters.get("RoleSessionName"),
        "sts:SourceIdentity": parameters.get("SourceIdentity"),
    }
    keys = {key: [value] for key, value in single.items() if value is not None}
    keys |= {f"aws:RequestTag/{tag['Key']}": [tag["Value"]] for tag in parameters.get("Tags", ())}
    if tag_keys:
        keys["aws:TagKeys"] = list(tag_keys)
    if parameters.get("TransitiveTagKeys"):
        keys["sts:TransitiveTagKeys"] = list(parameters["TransitiveTagKeys"])
    return keys
