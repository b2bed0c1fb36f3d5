"""Keys, long-term and temporary, and when they become invalid."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Credentials
    from awsenv.sandbox import Sandbox


def test_form(alice: Credentials, assumed: Credentials) -> None:
    """Keys have the form of AWS's."""
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", alice.access_key_id)
    assert re.fullmatch(r"ASIA[A-Z2-7]{16}", assumed.access_key_id)
    for credentials in (alice, assumed):
        assert re.fullmatch(r"[A-Za-z0-9+/]{40}", credentials.secret_access_key)
    assert alice.session_token is None
    assert re.fullmatch(r"IQoJb3JpZ2luX2Vj[A-Za-z0-9+/=]{600,}", str(assumed.session_token))


def test_caller_identity(sandbox: Sandbox, client: Any, alice: Credentials, assumed: Credentials) -> None:
    """GetCallerIdentity names users and roles as AWS does."""
    user, session = (client("sts", who).get_caller_identity() for who in (alice, assumed))
    assert user["Arn"] == alice.arn == f"arn:aws:iam::{sandbox.account}:user/alice"
    assert user["Account"] == alice.account == sandbox.account
    assert re.fullmatch(r"AIDA[A-Z2-7]{16}", user["UserId"])
    assert session["Arn"] == f"arn:aws:sts::{sandbox.account}:assumed-role/power-user/session"
    assert re.fullmatch(r"AROA[A-Z2-7]{17}:session", session["UserId"])


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sts", "get_caller_identity", "ExpiredToken"),
        ("iam", "list_users", "ExpiredToken"),
        ("s3", "list_buckets", "ExpiredToken"),
        ("ec2", "describe_regions", "RequestExpired"),
        ("dynamodb", "list_tables", "ExpiredTokenException"),
    ],
)
def test_expired_session(
    sandbox: Sandbox, client: Any, refusal: Any, assumed: Credentials, service: str, call: str, code: str
) -> None:
    """A session is valid for its hour and not a second longer."""
    sandbox.clock.elapse(3590)
    assert client("sts", assumed).get_caller_identity()["Account"] == sandbox.account
    sandbox.clock.elapse(11)
    assert refusal(getattr(client(service, assumed), call))[0] == code


def test_expiration(sandbox: Sandbox, assumed: Credentials) -> None:
    """The expiration in the response is the one enforced, in whole seconds."""
    assert assumed.expiration is not None
    assert 3590 < (assumed.expiration - sandbox.clock.now()).total_seconds() <= 3600


@pytest.mark.parametrize("token", [None, "", "IQoJb3JpZ2luX2VjAAAA"])
def test_wrong_token(client: Any, refusal: Any, assumed: Credentials, token: str | None) -> None:
    """A temporary key is invalid without its own session token."""
    stripped = replace(assumed, session_token=token)
    assert refusal(client("sts", stripped).get_caller_identity)[0] == "InvalidClientTokenId"
    assert refusal(client("s3", stripped).list_buckets)[0] == "InvalidToken"


def test_token_with_long_term_key(client: Any, refusal: Any, alice: Credentials, assumed: Credentials) -> None:
    """A stray session token makes a long-term key invalid."""
    mixed = replace(alice, session_token=assumed.session_token)
    assert refusal(client("sts", mixed).get_caller_identity)[0] == "InvalidClientTokenId"


def test_inactive_key(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """An inactive key is invalid until it is active again."""
    iam = client("iam", sandbox.admin)
    key = {"UserName": "alice", "AccessKeyId": alice.access_key_id}
    iam.update_access_key(**key, Status="Inactive")
    assert refusal(client("sts", alice).get_caller_identity)[0] == "InvalidClientTokenId"
    iam.update_access_key(**key, Status="Active")
    assert client("sts", alice).get_caller_identity()["Arn"] == alice.arn


def test_deleted_key(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """A deleted key is invalid."""
    client("iam", sandbox.admin).delete_access_key(UserName="alice", AccessKeyId=alice.access_key_id)
    assert refusal(client("sts", alice).get_caller_identity)[0] == "InvalidClientTokenId"


def test_key_made_by_api(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """A key created through the IAM API works like any other."""
    made = client("iam", sandbox.admin).create_access_key(UserName="alice")["AccessKey"]
    second = replace(alice, access_key_id=made["AccessKeyId"], secret_access_key=made["SecretAccessKey"])
    assert client("sts", second).get_caller_identity()["Arn"] == alice.arn


def test_deleted_role(sandbox: Sandbox, client: Any, refusal: Any, role: str, assumed: Credentials) -> None:
    """The sessions of a role end with it; a new role of the same name does not revive them."""
    iam = client("iam", sandbox.admin)
    iam.detach_role_policy(RoleName="power-user", PolicyArn="arn:aws:iam::aws:policy/PowerUserAccess")
    iam.delete_role(RoleName="power-user")
    assert refusal(client("sts", assumed).get_caller_identity)[0] == "InvalidClientTokenId"
    assert sandbox.create_role("power-user", sandbox.trust(sandbox.account)) == role
    assert refusal(client("sts", assumed).get_caller_identity)[0] == "InvalidClientTokenId"


def test_deleted_user(
    sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, credentials_of: Callable[[Any], Credentials]
) -> None:
    """The sessions of a user end with the user."""
    session = credentials_of(client("sts", alice).get_session_token())
    iam = client("iam", sandbox.admin)
    iam.delete_access_key(UserName="alice", AccessKeyId=alice.access_key_id)
    iam.delete_user(UserName="alice")
    assert refusal(client("sts", session).get_caller_identity)[0] == "InvalidClientTokenId"
