"""GetScopedCredentials: what it refuses, and what narrowed keys may do."""

from __future__ import annotations

import json
import random
import re
import string
from typing import TYPE_CHECKING, Any

import pytest
from botocore.loaders import Loader

from awsenv.sandbox import validation

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Credentials
    from awsenv.sandbox import Sandbox


MODEL: Any = Loader().load_service_model("sts", "service-2", validation.VERSION)

pytestmark = pytest.mark.skipif(
    "GetScopedCredentials" not in MODEL["operations"], reason="a botocore before 1.44.8 cannot call it"
)


def test_the_sandbox_knows_the_limits_with_an_older_botocore_too() -> None:
    """What it adds is what botocore says since 1.44.8."""

    def facts(value: Any) -> Any:
        kept = {"name", "http", "input", "shape", "type", "members", "min", "max", "pattern", "method", "requestUri"}
        return {name: facts(each) for name, each in value.items() if name in kept} if isinstance(value, dict) else value

    for part, added in validation.ADDED.items():
        for name, value in added.items():
            members = value.get("members", {})
            there = MODEL[part][name]
            assert facts(value) | {"members": 0} == facts(there) | {"members": 0}
            assert {each: facts(member) for each, member in members.items()} == {
                each: facts(member) for each, member in there.get("members", {}).items()
            }


def _policy(*actions: str, resource: str = "*", denied: str | None = None) -> str:
    statements = [{"Effect": "Allow", "Action": [*actions], "Resource": resource}]
    if denied is not None:
        statements.append({"Effect": "Deny", "Action": denied, "Resource": "*"})
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _because(text: str) -> str:
    """Return AWS's reason at the end of a refusal."""
    found = re.search("(?:because|with) .*", text)
    return text if found is None else found[0]


@pytest.fixture
def session(client: Any, alice: Credentials, role: str, credentials_of: Callable[[Any], Credentials]) -> Credentials:
    """Return the credentials of a role, for fifteen minutes."""
    sts = client("sts", alice)
    return credentials_of(sts.assume_role(RoleArn=role, RoleSessionName="session", DurationSeconds=900))


def test_each_layer_takes_away(
    client: Any, refusal: Any, session: Credentials, credentials_of: Callable[[Any], Credentials]
) -> None:
    """A session can do what the role and all layers allow, and stays the same session."""
    first = client("sts", session).get_scoped_credentials(Policy=_policy("ec2:*", "s3:*"))
    keys = credentials_of(first)
    second = client("sts", keys).get_scoped_credentials(Policy=_policy("ec2:*", "iam:*"))
    narrow = credentials_of(second)

    assert (1, 2) == (first["ScopedPoliciesCount"], second["ScopedPoliciesCount"])
    assert client("sts", session).get_caller_identity() | {"ResponseMetadata": 0} == client(
        "sts", narrow
    ).get_caller_identity() | {"ResponseMetadata": 0}
    assert client("ec2", narrow).describe_regions()["Regions"]
    assert client("s3", keys).list_buckets()["Owner"]
    code, text = refusal(client("s3", narrow).list_buckets)
    assert ("AccessDenied", True) == (code, "because no session policy allows" in text)
    assert "AccessDenied" == refusal(client("iam", narrow).list_users)[0]


def test_a_layer_may_be_left_out_and_only_three_are_allowed(
    client: Any, refusal: Any, session: Credentials, credentials_of: Callable[[Any], Credentials]
) -> None:
    """A call with a duration alone adds none."""
    keys = session
    for count in (1, 2, 3):
        made = client("sts", keys).get_scoped_credentials(Policy=_policy("*"))
        keys = credentials_of(made)
        assert count == made["ScopedPoliciesCount"]

    assert 3 == client("sts", keys).get_scoped_credentials(DurationSeconds=60)["ScopedPoliciesCount"]
    assert "AccessDenied" == refusal(client("sts", keys).get_scoped_credentials, Policy=_policy("*"))[0]


def test_the_end_comes_sooner_and_never_later(
    sandbox: Sandbox, client: Any, refusal: Any, session: Credentials, credentials_of: Callable[[Any], Credentials]
) -> None:
    """Without a duration it is that of the calling session."""
    sts = client("sts", session)
    short = credentials_of(sts.get_scoped_credentials(DurationSeconds=60))
    same = credentials_of(sts.get_scoped_credentials(Policy=_policy("*")))

    assert session.expiration == same.expiration
    assert "InsufficientSessionLifetime" == refusal(sts.get_scoped_credentials, DurationSeconds=901)[0]
    sandbox.clock.elapse(61)
    assert "ExpiredToken" == refusal(client("sts", short).get_caller_identity)[0]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "ValidationError"),
        ({"Policy": "{"}, "MalformedPolicyDocument"),
        ({"Policy": "x" * 2049}, "ValidationError"),
        ({"DurationSeconds": 0}, "ValidationError"),
        ({"DurationSeconds": 60, "ScopedSessionDescription": "x"}, "ValidationError"),
    ],
)
def test_what_aws_refuses(client: Any, refusal: Any, session: Credentials, parameters: Any, code: str) -> None:
    """The limits are those of the model of the API."""
    assert code == refusal(client("sts", session).get_scoped_credentials, **parameters)[0]


def test_the_key_of_a_user_is_refused(client: Any, refusal: Any, alice: Credentials) -> None:
    """AWS narrows temporary credentials only."""
    assert "AccessDenied" == refusal(client("sts", alice).get_scoped_credentials, DurationSeconds=60)[0]


@pytest.fixture
def narrow(client: Any, credentials_of: Callable[[Any], Credentials]) -> Callable[..., Credentials]:
    """Return a function that narrows credentials by each of some policies in turn."""

    def make(credentials: Credentials, *policies: str) -> Credentials:
        for policy in policies:
            credentials = credentials_of(client("sts", credentials).get_scoped_credentials(Policy=policy))
        return credentials

    return make


def test_the_call_is_logged_as_it_is_sent(sandbox: Sandbox, client: Any, session: Credentials) -> None:
    """The policy and the description are no secrets."""
    sent = {"Policy": _policy("s3:*"), "ScopedSessionDescription": "JIRA-12"}
    client("sts", session).get_scoped_credentials(**sent)

    assert ("GetScopedCredentials", sent) == (sandbox.calls[-1].action, sandbox.calls[-1].parameters)


def test_the_response_says_how_large_the_session_is(
    client: Any, alice: Credentials, role: str, credentials_of: Callable[[Any], Credentials]
) -> None:
    """Its identity stays, and the token can be made larger."""
    response = client("sts", alice).assume_role(RoleArn=role, RoleSessionName="session", SourceIdentity="alice")
    sts = client("sts", credentials_of(response))
    small, large = (sts.get_scoped_credentials(DurationSeconds=60, MinimumSessionTokenSize=size) for size in (0, 4096))
    sizes = [len(each["Credentials"]["SessionToken"]) for each in (small, large)]

    assert sizes == [each["SessionTokenSize"] for each in (small, large)]
    assert 4096 == sizes[1]
    assert small["SessionTokenUtilization"] < large["SessionTokenUtilization"] == 100
    assert "alice" == small["SourceIdentity"]
    assert {
        "ScopedSessionId": response["AssumedRoleUser"]["AssumedRoleId"],
        "Arn": response["AssumedRoleUser"]["Arn"],
    } == small["SessionInfo"]


def test_the_session_token_has_an_end(client: Any, refusal: Any, session: Credentials, narrow: Any) -> None:
    """Each policy adds to it, and a policy of the right length may still be too much."""
    letters = random.Random(16)  # noqa: S311 - what does not compress
    first, second, third = (_policy(f"s3:{''.join(letters.choices(string.ascii_letters, k=1900))}") for _ in range(3))
    keys = narrow(session, first, second)

    assert "PackedPolicyTooLarge" == refusal(client("sts", keys).get_scoped_credentials, Policy=third)[0]
    assert narrow(keys, _policy("s3:*"))


def test_resources_are_narrowed(
    sandbox: Sandbox, client: Any, refusal: Any, session: Credentials, narrow: Callable[..., Credentials]
) -> None:
    """Behind the gate, too, where moto would serve any caller."""
    for bucket in ("logs", "other"):
        client("s3", sandbox.admin).create_bucket(Bucket=bucket)
    s3 = client("s3", narrow(session, _policy("s3:*", resource="arn:aws:s3:::logs*")))
    s3.put_object(Bucket="logs", Key="x", Body=b"x")

    assert b"x" == s3.get_object(Bucket="logs", Key="x")["Body"].read()
    code, text = refusal(s3.put_object, Bucket="other", Key="x", Body=b"x")
    assert ("AccessDenied", "because no session policy allows the s3:PutObject action") == (code, _because(text))


@pytest.mark.parametrize(
    ("policies", "reason"),
    [
        (["ec2:*", "s3:*"], "because no session policy allows the s3:ListAllMyBuckets action"),
        (["s3:*", "ec2:*"], "because no session policy allows the s3:ListAllMyBuckets action"),
        (["ec2:*", "-"], "with an explicit deny in a session policy"),
        (["-", "ec2:*"], "with an explicit deny in a session policy"),
        (["*", "-", "*"], "with an explicit deny in a session policy"),
    ],
)
def test_a_deny_of_any_layer_is_the_reason(
    client: Any,
    refusal: Any,
    session: Credentials,
    narrow: Callable[..., Credentials],
    policies: list[str],
    reason: str,
) -> None:
    """AWS calls a layer a session policy, and names a Deny before an Allow that is missing."""
    layers = [_policy("*", denied="s3:*") if each == "-" else _policy(each) for each in policies]
    assert reason == _because(refusal(client("s3", narrow(session, *layers)).list_buckets)[1])


def test_a_session_policy_limits_beside_the_layers(
    client: Any,
    refusal: Any,
    alice: Credentials,
    role: str,
    credentials_of: Callable[[Any], Credentials],
    narrow: Callable[..., Credentials],
) -> None:
    """What the role was assumed with stays, and neither makes up for the other."""
    made = client("sts", alice).assume_role(RoleArn=role, RoleSessionName="me", Policy=_policy("ec2:*", "sqs:*"))
    both = narrow(credentials_of(made), _policy("ec2:*", "s3:*"))

    assert client("ec2", both).describe_regions()["Regions"]
    for call in (client("s3", both).list_buckets, client("sqs", both).list_queues):
        assert _because(refusal(call)[1]).startswith("because no session policy allows")


@pytest.mark.parametrize("trusts", ["role", "session"])
def test_a_role_is_assumed_from_a_narrowed_session_only_if_the_policy_allows(
    sandbox: Sandbox,
    client: Any,
    refusal: Any,
    session: Credentials,
    role: str,
    narrow: Callable[..., Credentials],
    trusts: str,
) -> None:
    """A narrowed session may do what both it and the policy may, whatever grants it that."""
    itself = client("sts", session).get_caller_identity()["Arn"]
    arn = sandbox.create_role("next", sandbox.trust(role if trusts == "role" else itself))
    call = {"RoleArn": arn, "RoleSessionName": "next"}
    for policy, reason in (
        (_policy("s3:*"), "because no session policy allows the sts:AssumeRole action"),
        (_policy("*", denied="sts:*"), "with an explicit deny in a session policy"),
    ):
        code, text = refusal(client("sts", narrow(session, policy)).assume_role, **call)
        assert ("AccessDenied", reason) == (code, _because(text))

    assert client("sts", narrow(session, _policy("sts:AssumeRole"))).assume_role(**call)["Credentials"]


def test_an_mfa_session_stays_one(
    sandbox: Sandbox,
    client: Any,
    refusal: Any,
    alice: Credentials,
    credentials_of: Callable[[Any], Credentials],
    narrow: Callable[..., Credentials],
) -> None:
    """Roles that demand MFA and trust the user take it, as far as its policy allows; it opens no other session."""
    device = sandbox.create_mfa_device("alice")
    arn = sandbox.create_role("guarded", sandbox.trust(str(alice.arn), mfa=True))
    wide = credentials_of(client("sts", alice).get_session_token(SerialNumber=device.serial, TokenCode=device.code()))
    inside, outside = (client("sts", narrow(wide, _policy(action))) for action in ("sts:AssumeRole", "s3:*"))

    assert inside.assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    code, text = refusal(outside.assume_role, RoleArn=arn, RoleSessionName="me")
    assert ("AccessDenied", "because no session policy allows the sts:AssumeRole action") == (code, _because(text))
    assert "AccessDenied" == refusal(inside.get_session_token)[0]


def test_tags_and_the_source_identity_stay(
    sandbox: Sandbox,
    client: Any,
    refusal: Any,
    alice: Credentials,
    role: str,
    credentials_of: Callable[[Any], Credentials],
    narrow: Callable[..., Credentials],
) -> None:
    """A role that demands them of its caller takes the narrowed session, and its own session inherits them."""
    trust = sandbox.trust(role)
    demands = {"aws:PrincipalTag/team": "blue", "aws:SourceIdentity": "alice", "aws:TagKeys": "team"}
    trust["Statement"][0]["Condition"] = {"StringEquals": demands}
    arn = sandbox.create_role("next", trust)
    labels = {"Tags": [{"Key": "team", "Value": "blue"}], "TransitiveTagKeys": ["team"], "SourceIdentity": "alice"}
    made = client("sts", alice).assume_role(RoleArn=role, RoleSessionName="session", **labels)
    sts = client("sts", narrow(credentials_of(made), _policy("sts:*")))

    assert "alice" == sts.assume_role(RoleArn=arn, RoleSessionName="next")["SourceIdentity"]
    plain = credentials_of(client("sts", alice).assume_role(RoleArn=role, RoleSessionName="session"))
    untagged = client("sts", narrow(plain, _policy("sts:*")))
    assert "AccessDenied" == refusal(untagged.assume_role, RoleArn=arn, RoleSessionName="next")[0]
