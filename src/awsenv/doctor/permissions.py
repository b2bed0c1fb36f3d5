"""Whether the policies of the caller, a user with its groups or a role, allow an AssumeRole."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from awsenv.doctor.model import fine, unknown, warning, wrong
from awsenv.errors import AwsenvError
from awsenv.iam import trust
from awsenv.iam.policy import Evaluation, Policies, Verdict
from awsenv.iam.principal import USER, Grounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.aws.iam import Iam
    from awsenv.doctor.model import Finding
    from awsenv.doctor.trust import Request
    from awsenv.iam.policy import Document

CHECK = "identity policy"


def read(readers: list[Iam], request: Request) -> Policies | None:
    """Return the policies of the caller; None: no reader is allowed to read them."""
    kind = _kind(request)
    for iam in readers:
        with suppress(AwsenvError):
            return _read(iam, kind, request.principal.name)
    return None


def finding(found: Policies | None, request: Request, grounds: Grounds | None) -> Finding:
    """Say whether the policies of the caller let it assume the role.

    Args:
        found: The policies; None: they cannot be read.
        request: The request.
        grounds: How closely the trust policy names the caller; None: it cannot be read.
    """
    needed = request.hop.role.account != request.principal.account or grounds is Grounds.ACCOUNT
    is_known = needed or grounds is not None
    if found is None:
        fact = f"nobody here is allowed to read those of {request.principal.title}"
        if is_known and not needed:
            return fine(CHECK, f"{fact}; none is needed")
        return unknown(CHECK, fact)
    result = _evaluate(found, request, grounds or Grounds.NAMED)
    if result.perhaps is not Verdict.ALLOW:
        return _refusal(found, request, result.perhaps, is_certain=result.surely is result.perhaps)
    who, role = request.principal.title, request.role
    if _evaluate(found, request, Grounds.ACCOUNT).perhaps is Verdict.ALLOW:
        return fine(CHECK, f"{who} may assume {role}")
    need = "none is needed" if is_known else "none is needed if it is trusted by name"
    return fine(CHECK, f"none of {who} is about {role}, and {need}")


def _evaluate(found: Policies, request: Request, grounds: Grounds) -> Evaluation:
    role_arn = str(request.hop.role)
    return trust.permission(
        found, request.principal, grounds, action=trust.ASSUME_ROLE, role_arn=role_arn, context=request.context
    )


def _refusal(found: Policies, request: Request, verdict: Verdict, *, is_certain: bool) -> Finding:
    who, role, kind = request.principal.title, request.role, _kind(request)
    allow = f'{{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "{request.hop.role}"}}'
    if verdict is Verdict.DENY:
        fact = f"a policy of {who} denies sts:AssumeRole on {role}"
        return (wrong if is_certain else warning)(
            CHECK,
            fact,
            "ask an administrator to change the Deny",
            f"find it: aws iam list-{kind}-policies, aws iam list-attached-{kind}-policies",
        )
    limits = found.limits(trust.ASSUME_ROLE, str(request.hop.role), request.context)
    if limits.perhaps is not Verdict.ALLOW:
        fact = f"the permissions boundary of {who} does not allow sts:AssumeRole on {role}"
        return wrong(CHECK, fact, f"add {allow} to it: aws iam create-policy-version")
    elsewhere = request.hop.role.account != request.principal.account
    why = "the role is in another account" if elsewhere else "the role trusts its account as a whole"
    return wrong(
        CHECK,
        f"{who} is not allowed sts:AssumeRole on {role}, which it needs because {why}",
        f"give it a policy with {allow}: aws iam put-{kind}-policy",
        *(["let awsenv setup add it"] if kind == USER else []),
    )


def _kind(request: Request) -> str:
    return USER if request.principal.kind == USER else "role"


def _read(iam: Iam, kind: str, name: str) -> Policies:
    """Read everything that is attached to a user or a role."""
    title = kind.capitalize()
    holder = iam.read(f"get_{kind}", **{f"{title}Name": name})[title]
    documents = list(_attached(iam, kind, name))
    if kind == USER:
        for group in iam.read_all("list_groups_for_user", "Groups", UserName=name):
            documents += _attached(iam, "group", group["GroupName"])
    boundary = (holder.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    return Policies(tuple(documents), None if boundary is None else _managed(iam, boundary))


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
