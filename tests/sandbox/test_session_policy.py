"""Session policies, session tags and source identities."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Credentials
    from awsenv.sandbox import Sandbox

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def _policy(action: str, **statement: Any) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*", **statement}]}
    )


def _tag(key: str, value: str = "blue") -> dict[str, str]:
    return {"Key": key, "Value": value}


@pytest.mark.parametrize("narrowed", [{"Policy": _policy("ec2:Describe*")}, {"PolicyArns": [{"arn": READ_ONLY}]}])
def test_session_policy_takes_away(
    client: Any,
    refusal: Any,
    alice: Credentials,
    role: str,
    credentials_of: Callable[[Any], Credentials],
    narrowed: dict[str, Any],
) -> None:
    """A session can do only what both the role and the session policy allow."""
    response = client("sts", alice).assume_role(RoleArn=role, RoleSessionName="session", **narrowed)
    assert 0 < response["PackedPolicySize"] <= 100
    session = credentials_of(response)
    assert client("ec2", session).describe_regions()["Regions"]
    assert refusal(client("s3", session).create_bucket, Bucket="bucket")[0] == "AccessDenied"


def test_session_policy_gives_nothing(
    client: Any, refusal: Any, alice: Credentials, role: str, credentials_of: Callable[[Any], Credentials]
) -> None:
    """A session policy adds nothing to what the role allows."""
    sts = client("sts", alice)
    response = sts.assume_role(RoleArn=role, RoleSessionName="session", Policy=_policy("*"))
    assert refusal(client("iam", credentials_of(response)).list_users)[0] == "AccessDenied"


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("{", "This policy contains invalid Json"),
        ("[]", "Syntax errors in policy."),
        ("{}", "Syntax errors in policy."),
        ('{"Statement": ["*"]}', "Syntax errors in policy."),
        (_policy("s3:*", Effect="Maybe"), "Syntax errors in policy."),
        (_policy("s3:*", Effect=["Allow"]), "Syntax errors in policy."),
        (_policy("s3:*", Principal="*"), "Policy document should not specify a principal."),
        (_policy("s3:*", NotPrincipal="*"), "Policy document should not specify a principal."),
        (_policy("s3:*", Actions="s3:*"), "Syntax errors in policy."),
        (_policy("s3:*", NotAction="s3:*"), "Syntax errors in policy."),
        (_policy("s3:*", Resource=[1]), "Syntax errors in policy."),
        (_policy("s3:*", Resource=[]), "Policy statement must contain resources."),
        (_policy("s3:*", Action=[]), "Policy statement must contain actions."),
        (_policy("GetObject"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (_policy("s3:*", Resource=["*", "logs"]), 'Resource logs must be in ARN format or "*".'),
    ],
)
def test_malformed_policy(client: Any, refusal: Any, alice: Credentials, role: str, document: str, text: str) -> None:
    """STS refuses a malformed session policy."""
    sts = client("sts", alice)
    refused = refusal(sts.assume_role, RoleArn=role, RoleSessionName="session", Policy=document)
    assert refused == ("MalformedPolicyDocument", text)


def test_policy_size(client: Any, refusal: Any, alice: Credentials, role: str) -> None:
    """The inline policy and the ARNs together have at most 2,048 characters."""
    sts = client("sts", alice)
    room = 2048 - len(_policy("*", Sid=""))
    assert sts.assume_role(RoleArn=role, RoleSessionName="session", Policy=_policy("*", Sid="x" * room))["Credentials"]
    code, text = refusal(
        sts.assume_role,
        RoleArn=role,
        RoleSessionName="session",
        Policy=_policy("*", Sid="x" * room),
        PolicyArns=[{"arn": READ_ONLY}],
    )
    assert (code, "of allotted space, please use smaller policy." in text) == ("PackedPolicyTooLarge", True)


def test_policy_arns(client: Any, refusal: Any, alice: Credentials, role: str) -> None:
    """STS accepts at most ten managed policies, and each must exist."""
    sts = client("sts", alice)
    many = [{"arn": READ_ONLY}] * 11
    code, text = refusal(sts.assume_role, RoleArn=role, RoleSessionName="session", PolicyArns=many)
    assert (code, "'policyArns' failed to satisfy constraint" in text) == ("ValidationError", True)
    unknown = [{"arn": "arn:aws:iam::aws:policy/Nothing"}]
    refused = refusal(sts.assume_role, RoleArn=role, RoleSessionName="session", PolicyArns=unknown)
    assert refused[0] == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (
            {"Tags": [_tag("team"), _tag("Team")]},
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ),
        (
            {"Tags": [_tag("team")], "TransitiveTagKeys": ["team", "project"]},
            "The specified transitive tag key must be included in the requested tags.",
        ),
        (
            {"TransitiveTagKeys": ["team"]},
            "The specified transitive tag key must be included in the requested tags.",
        ),
        ({"Tags": [_tag("AWS:team")]}, "aws: prefixed tag key names are not allowed for external use."),
    ],
)
def test_wrong_tags(
    client: Any, refusal: Any, alice: Credentials, role: str, parameters: dict[str, Any], text: str
) -> None:
    """STS refuses invalid tags."""
    sts = client("sts", alice)
    refused = refusal(sts.assume_role, RoleArn=role, RoleSessionName="session", **parameters)
    assert refused == ("InvalidParameterValue", text)


def test_transitive_tags(
    sandbox: Sandbox,
    client: Any,
    refusal: Any,
    alice: Credentials,
    role: str,
    credentials_of: Callable[[Any], Credentials],
) -> None:
    """The next role inherits a transitive tag, cannot change it, and inherits no other tag."""
    trust = sandbox.trust(role)
    trust["Statement"][0]["Condition"] = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    arn = sandbox.create_role("next", trust)
    trust = sandbox.trust(arn)
    trust["Statement"][0]["Condition"] = {
        "StringEquals": {"aws:PrincipalTag/Team": "blue"},
        "Null": {"aws:PrincipalTag/project": "true"},
    }
    last = sandbox.create_role("last", trust)
    first = client("sts", alice).assume_role(
        RoleArn=role,
        RoleSessionName="session",
        Tags=[_tag("Team"), _tag("project")],
        TransitiveTagKeys=["TEAM"],
    )
    sts = client("sts", credentials_of(first))
    conflict = {"RoleArn": arn, "RoleSessionName": "session", "Tags": [_tag("team", "red")]}
    code, text = refusal(sts.assume_role, **conflict)
    assert code == "InvalidParameterValue"
    assert text.endswith("conflicts with a transitive tag key from the calling session.")
    second = credentials_of(sts.assume_role(RoleArn=arn, RoleSessionName="session"))
    assert client("sts", second).assume_role(RoleArn=last, RoleSessionName="session")["Credentials"]


@pytest.mark.parametrize(
    ("parameters", "action"),
    [
        ({"Tags": [_tag("team")]}, "sts:TagSession"),
        ({"SourceIdentity": "alice"}, "sts:SetSourceIdentity"),
    ],
)
def test_tags_and_source_identities_need_permission(
    sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, parameters: dict[str, Any], action: str
) -> None:
    """The trust policy must allow TagSession for tags, and SetSourceIdentity for a source identity."""
    trust = sandbox.trust(str(alice.arn))
    trust["Statement"][0]["Action"] = "sts:AssumeRole"
    arn = sandbox.create_role("plain", trust)
    refused = refusal(client("sts", alice).assume_role, RoleArn=arn, RoleSessionName="session", **parameters)
    reason = f"because no role trust policy allows the {action} action"
    expected = f"User: {alice.arn} is not authorized to perform: {action} on resource: {arn} {reason}"
    assert ("AccessDenied", expected) == refused


def test_source_identity(
    sandbox: Sandbox,
    client: Any,
    refusal: Any,
    alice: Credentials,
    role: str,
    credentials_of: Callable[[Any], Credentials],
) -> None:
    """A source identity persists through the chain, and cannot change."""
    arn = sandbox.create_role("next", sandbox.trust(role))
    sts = client("sts", alice)
    response = sts.assume_role(RoleArn=role, RoleSessionName="session", SourceIdentity="alice")
    assert response["SourceIdentity"] == "alice"
    chained = client("sts", credentials_of(response))
    refused = refusal(chained.assume_role, RoleArn=arn, RoleSessionName="session", SourceIdentity="bob")
    assert refused == ("ValidationError", "The source identity is already set for this assume role session")
    assert chained.assume_role(RoleArn=arn, RoleSessionName="session")["SourceIdentity"] == "alice"


def test_source_identity_of_aws(client: Any, refusal: Any, alice: Credentials, role: str) -> None:
    """STS refuses a source identity that begins with `aws:`."""
    sts = client("sts", alice)
    refused = refusal(sts.assume_role, RoleArn=role, RoleSessionName="session", SourceIdentity="aws:alice")
    assert refused[0] == "ValidationError"
