"""The operation of a request: the service, the action as IAM names it, and the resource."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from awsenv.sandbox.responses import Family

if TYPE_CHECKING:
    from collections.abc import Mapping

    from awsenv.sandbox.request import Request

HIDDEN = "(hidden)"

_SECRET = re.compile(r"TokenCode|ExternalId|Password|Secret|AuthenticationCode|Signature|Security-Token|Credential")
_VERSIONS = {"2011-06-15": "sts", "2010-05-08": "iam", "2016-11-15": "ec2"}
_FAMILIES = {"ec2": Family.EC2, "s3": Family.S3, "iam": Family.QUERY, "sts": Family.QUERY}

_SUB_RESOURCES = (
    *("accelerate", "acl", "analytics", "attributes", "cors", "encryption", "inventory", "legal-hold", "lifecycle"),
    *("location", "logging", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus"),
    *("publicAccessBlock", "replication", "requestPayment", "retention", "tagging", "torrent", "versioning", "website"),
)
_VERBS = {"GET": "Get", "HEAD": "Get", "PUT": "Put", "POST": "Put", "DELETE": "Delete"}


@dataclass(frozen=True)
class Operation:
    """The operation of a request."""

    service: str
    """As in the signature: `sts`, `iam`, `ec2`, `s3`."""
    action: str
    """As IAM names it, without the service: `AssumeRole`, `DescribeRegions`, `ListBucket`."""
    family: Family
    parameters: Mapping[str, str]
    """With `(hidden)` for each secret."""
    resource: str
    """The ARN; `*`: the action has none, or the sandbox does not know it."""

    @property
    def name(self) -> str:
        """The action with its service, as in a policy."""
        return f"{self.service}:{self.action}"


def identify(request: Request, service: str | None) -> Operation:
    """Return the operation of *request*.

    The action is `Unknown`, which only a policy for the whole service allows, unless the request is a form, JSON with a
    target, or for S3.

    Args:
        request: The request.
        service: The service in its signature; None: it has no complete signature.
    """
    form = request.form
    target = request.headers.get("x-amz-target")
    if service is None:
        service = _VERSIONS.get(form.get("Version", ""), "s3")
    if service == "s3":
        return _s3(request)
    if "Action" in form and target is None:
        parameters = {key: value for key, value in form.items() if key not in ("Action", "Version")}
        family = _FAMILIES.get(service, Family.QUERY)
        return Operation(service, form["Action"], family, _without_secrets(parameters), "*")
    action = target.rpartition(".")[2] if target else "Unknown"
    return Operation(service, action, _FAMILIES.get(service, Family.JSON), {}, "*")


def _without_secrets(parameters: Mapping[str, str]) -> dict[str, str]:
    return {key: HIDDEN if _SECRET.search(key) else value for key, value in parameters.items()}


def _s3(request: Request) -> Operation:
    bucket, _, key = unquote(request.path.lstrip("/")).partition("/")
    names = {name: value for name, value in {"Bucket": bucket, "Key": key}.items() if value}
    action = _s3_action(request, bucket, key)
    resource = f"arn:aws:s3:::{bucket}" if bucket else "*"
    if key or action == "DeleteObject":
        resource += f"/{key or '*'}"
    return Operation("s3", action, Family.S3, _without_secrets(request.query) | names, resource)


def _s3_action(request: Request, bucket: str, key: str) -> str:
    """Return the action as IAM names it; for a sub-resource (`?versioning`) an approximation: `GetBucketVersioning`."""
    if not bucket:
        return "ListAllMyBuckets"
    if "uploadId" in request.query or "uploads" in request.query:
        parts = {"GET": "ListMultipartUploadParts", "DELETE": "AbortMultipartUpload"}
        return parts.get(request.method, "PutObject") if key else "ListBucketMultipartUploads"
    verb = _VERBS.get(request.method, "Put")
    part = next((name for name in _SUB_RESOURCES if name in request.query), None)
    if part is not None:
        return f"{verb}{'Object' if key else 'Bucket'}{part[0].upper()}{part[1:].replace('-', '')}"
    if key:
        return f"{verb}ObjectVersion" if "versionId" in request.query and verb != "Put" else f"{verb}Object"
    return _bucket_action(request)


def _bucket_action(request: Request) -> str:
    if "versions" in request.query:
        return "ListBucketVersions"
    if request.method == "POST":
        return "DeleteObject" if "delete" in request.query else "PutObject"
    return {"PUT": "CreateBucket", "DELETE": "DeleteBucket"}.get(request.method, "ListBucket")
