"""What the policies of whoever asks for a role say to it: those of a user and its groups, or those of a role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from awsenv import policy
from awsenv.config.text import printable
from awsenv.doctor.conditions import Holds, Request, conditions, without_conditions
from awsenv.doctor.finding import Finding, Verdict
from awsenv.errors import AwsenvError

if TYPE_CHECKING:
    from awsenv.aws.iam import Iam

CHECK = "identity policy"

Document = Mapping[str, Any]


class Policies(NamedTuple):
    """What is attached to whoever asks."""

    documents: tuple[Document, ...]
    boundary: Document | None


def policies(readers: list[Iam], request: Request) -> Policies | None:
    """Return the policies of whoever asks; None: nobody here may read them."""
    kind = "user" if request.principal.kind == "user" else "role"
    for iam in readers:
        with suppress(AwsenvError):
            return _read(iam, kind, request.principal.name)
    return None


def permission(found: Policies | None, request: Request, *, needed: bool | None) -> Finding:
    """Say whether they let *request* be made.

    Args:
        found: The policies.
        request: What is going to be asked.
        needed: Whether they have to allow it: in another account, or where the trust policy trusts the account as a
            whole (IAM guide, "Cross-account policy evaluation logic"); None: it is not known.
    """
    if found is None:
        fact = f"those of {request.principal.title} may not be read"
        if needed is False:
            return Finding(CHECK, Verdict.FINE, f"{fact}; none is needed")
        return Finding(CHECK, Verdict.UNKNOWN, fact)
    return _refusal(found, request, needed=needed) or _permitted(found, request, needed=needed)


def _refusal(found: Policies, request: Request, *, needed: bool | None) -> Finding | None:
    who, role = request.principal.title, f"role {printable(request.hop.role.name)}"
    verdict, is_certain = _verdict(found.documents, request)
    allow = f'{{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "{request.hop.role}"}}'
    kind = "user" if request.principal.kind == "user" else "role"
    if verdict is policy.Verdict.DENY:
        fact = f"a policy of {who} denies sts:AssumeRole on {role}"
        hint = f"have the Deny changed: aws iam list-{kind}-policies, aws iam list-attached-{kind}-policies"
        return Finding(CHECK, Verdict.WRONG if is_certain else Verdict.WARNING, fact, hint=hint)
    if verdict is policy.Verdict.SILENT and needed:
        fact = f"{who} is not allowed sts:AssumeRole on {role}, and has to be, {_why(request)}"
        setup = "awsenv setup, or " if kind == "user" else ""
        hint = f"give it a policy with {allow}: {setup}aws iam put-{kind}-policy"
        return Finding(CHECK, Verdict.WRONG if is_certain else Verdict.UNKNOWN, fact, hint=hint)
    if needed and found.boundary is not None and _verdict((found.boundary,), request)[0] is not policy.Verdict.ALLOW:
        fact = f"the permissions boundary of {who} does not allow sts:AssumeRole on {role}"
        return Finding(CHECK, Verdict.WRONG, fact, hint=f"have it allow {allow}: aws iam create-policy-version")
    return None


def _permitted(found: Policies, request: Request, *, needed: bool | None) -> Finding:
    who, role = request.principal.title, f"role {printable(request.hop.role.name)}"
    if _verdict(found.documents, request)[0] is policy.Verdict.ALLOW:
        return Finding(CHECK, Verdict.FINE, f"{who} may assume {role}")
    if needed is None:
        return Finding(CHECK, Verdict.FINE, f"none of {who} is about {role}; none is needed, if it is trusted by name")
    return Finding(CHECK, Verdict.FINE, f"none of {who} is about {role}, and none is needed")


def _why(request: Request) -> str:
    if request.hop.role.account != request.principal.account:
        return "since the role is of another account"
    return "since the role trusts its account as a whole"


def _verdict(documents: tuple[Document, ...], request: Request) -> tuple[policy.Verdict, bool]:
    """Return what the documents say together, and whether no condition that is not known could change it."""
    certain: list[dict[str, Any]] = []
    open_ones: list[dict[str, Any]] = []
    for statement in policy.statements(documents):
        holds = {request.holds(each) for each in conditions(statement)}
        if Holds.NO in holds:
            continue
        (open_ones if Holds.UNKNOWN in holds else certain).append(without_conditions(statement))
    resource = str(request.hop.role)

    def evaluated(statements: list[dict[str, Any]]) -> policy.Verdict:
        return policy.evaluate([{"Statement": statements}], "sts:AssumeRole", resource, request.context)

    surely, perhaps = evaluated(certain), evaluated([*certain, *open_ones])
    return max(surely, perhaps), surely is perhaps


def _read(iam: Iam, kind: str, name: str) -> Policies:
    """Read everything that is attached to a user or a role."""
    title = kind.capitalize()
    holder = iam.read(f"get_{kind}", **{f"{title}Name": name})[title]
    documents = list(_of_holder(iam, kind, name))
    if kind == "user":
        for group in iam.read_all("list_groups_for_user", "Groups", UserName=name):
            documents += _of_holder(iam, "group", group["GroupName"])
    boundary = (holder.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    return Policies(tuple(documents), None if boundary is None else _managed(iam, boundary))


def _of_holder(iam: Iam, kind: str, name: str) -> Iterator[Document]:
    holder = {f"{kind.capitalize()}Name": name}
    for own in iam.read_all(f"list_{kind}_policies", "PolicyNames", **holder):
        yield iam.read(f"get_{kind}_policy", **holder, PolicyName=own)["PolicyDocument"]
    for attached in iam.read_all(f"list_attached_{kind}_policies", "AttachedPolicies", **holder):
        yield _managed(iam, attached["PolicyArn"])


def _managed(iam: Iam, arn: str) -> Document:
    version = iam.read("get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document: Document = iam.read("get_policy_version", PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return document
