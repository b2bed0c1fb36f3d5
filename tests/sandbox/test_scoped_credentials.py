"""GetScopedCredentials: what it refuses, and what narrowed keys may do."""

from __future__ import annotations

import json
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


def _policy(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": [*actions], "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


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
