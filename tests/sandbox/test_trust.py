"""Trust policies, and the policies that the caller needs beside them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Credentials
    from awsenv.sandbox import Sandbox

OTHER = "210987654321"
ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


# As the IAM guide spells them.
_NOT_TRUSTED = " because no role trust policy allows the sts:AssumeRole action"
_NOT_ALLOWED = " because no identity-based policy allows the sts:AssumeRole action"
_NO_REASON = ""
"""What AWS says to callers of another account."""


def _denied(caller: Credentials, arn: str, reason: str = _NOT_TRUSTED) -> tuple[str, str]:
    fact = f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    return "AccessDenied", f"{fact}{reason}"


def _allow(sandbox: Sandbox, client: Any, user: str, arn: str = "*", effect: str = "Allow") -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": "sts:*", "Resource": arn}]}
    iam = client("iam", sandbox.admin)
    iam.put_user_policy(UserName=user, PolicyName=effect, PolicyDocument=json.dumps(document))


def _policy(principal: object, effect: str = "Allow", **statement: Any) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole", **statement}],
    }


def test_user_named(sandbox: Sandbox, client: Any, alice: Credentials, role: str) -> None:
    """A user without policies can assume a role of the same account that names the user."""
    response = client("sts", alice).assume_role(RoleArn=role, RoleSessionName="session")
    assert response["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{sandbox.account}:assumed-role/power-user/session"


def test_missing_role(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """STS refuses a missing role in the words for a role that trusts others, and gives no reason across accounts."""
    bob = sandbox.create_user("bob")
    sts = client("sts", alice)
    arns = {
        f"arn:aws:iam::{sandbox.account}:role/missing": _NOT_TRUSTED,
        "arn:aws:iam::999999999999:role/missing": _NO_REASON,
        sandbox.create_role("bobs", sandbox.trust(str(bob.arn))): _NOT_TRUSTED,
        sandbox.create_role("bobs", sandbox.trust(str(bob.arn)), account=OTHER): _NO_REASON,
    }
    for arn, reason in arns.items():
        assert refusal(sts.assume_role, RoleArn=arn, RoleSessionName="session") == _denied(alice, arn, reason)


def test_administrator_and_missing_role(sandbox: Sandbox, client: Any, refusal: Any) -> None:
    """STS refuses a missing role to an administrator too."""
    arn = f"arn:aws:iam::{sandbox.account}:role/missing"
    refused = refusal(client("sts", sandbox.admin).assume_role, RoleArn=arn, RoleSessionName="session")
    assert refused == _denied(sandbox.admin, arn)


@pytest.mark.parametrize("principal", ["{account}", "arn:aws:iam::{account}:root"])
def test_account_root(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, principal: str) -> None:
    """If a role trusts the account, the policies of the caller decide."""
    arn = sandbox.create_role("shared", sandbox.trust(principal.format(account=sandbox.account)))
    sts = client("sts", alice)
    assert refusal(sts.assume_role, RoleArn=arn, RoleSessionName="session") == _denied(alice, arn, _NOT_ALLOWED)
    _allow(sandbox, client, "alice", arn)
    assert sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]


def test_own_policy_for_another_role(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """A policy that allows one role does not allow another."""
    arn = sandbox.create_role("shared", sandbox.trust(sandbox.account))
    _allow(sandbox, client, "alice", arn.replace("shared", "other"))
    refused = refusal(client("sts", alice).assume_role, RoleArn=arn, RoleSessionName="session")
    assert refused == _denied(alice, arn, _NOT_ALLOWED)


def test_group_policy(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """The policies of a user's groups apply."""
    arn = sandbox.create_role("shared", sandbox.trust(sandbox.account))
    iam = client("iam", sandbox.admin)
    iam.create_group(GroupName="assumers")
    iam.put_group_policy(GroupName="assumers", PolicyName="all", PolicyDocument=json.dumps(ALLOW_ALL))
    iam.add_user_to_group(GroupName="assumers", UserName="alice")
    assert client("sts", alice).assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]


def test_own_deny(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, role: str) -> None:
    """A Deny in the policies of the caller overrides a trust policy that names the caller."""
    _allow(sandbox, client, "alice", effect="Deny")
    refused = refusal(client("sts", alice).assume_role, RoleArn=role, RoleSessionName="session")
    assert refused == _denied(alice, role, " with an explicit deny in an identity-based policy")


def test_cross_account(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """Across accounts both sides must allow, even if the trust policy names the caller."""
    arn = sandbox.create_role("far", sandbox.trust(str(alice.arn)), account=OTHER)
    sts = client("sts", alice)
    assert refusal(sts.assume_role, RoleArn=arn, RoleSessionName="session") == _denied(alice, arn, _NO_REASON)
    _allow(sandbox, client, "alice", arn)
    response = sts.assume_role(RoleArn=arn, RoleSessionName="session")
    assert response["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{OTHER}:assumed-role/far/session"
    closed = sandbox.create_role("closed", sandbox.trust(OTHER), account=OTHER)
    _allow(sandbox, client, "alice")
    assert refusal(sts.assume_role, RoleArn=closed, RoleSessionName="session") == _denied(alice, closed, _NO_REASON)


def test_role_principal(sandbox: Sandbox, client: Any, refusal: Any, assumed: Credentials, role: str) -> None:
    """A trust policy that names a role trusts its sessions."""
    next_role = sandbox.create_role("next", sandbox.trust(role))
    other = sandbox.create_role("other", sandbox.trust(role + "-2"))
    sts = client("sts", assumed)
    assert sts.assume_role(RoleArn=next_role, RoleSessionName="session")["Credentials"]
    code, text = refusal(sts.assume_role, RoleArn=other, RoleSessionName="session")
    assert code == "AccessDenied"
    assert f"User: arn:aws:sts::{sandbox.account}:assumed-role/power-user/session is not" in text


def test_role_session_principal(sandbox: Sandbox, client: Any, assumed: Credentials) -> None:
    """A trust policy can name one session of a role."""
    session = f"arn:aws:sts::{sandbox.account}:assumed-role/power-user/session"
    arn = sandbox.create_role("next", sandbox.trust(session))
    assert client("sts", assumed).assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]


def test_role_with_path(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """The path is part of the ARN of a role, but not of its sessions."""
    arn = sandbox.create_role("ops", sandbox.trust(str(alice.arn)), path="/team/blue/")
    assert arn.endswith(":role/team/blue/ops")
    sts = client("sts", alice)
    response = sts.assume_role(RoleArn=arn, RoleSessionName="session")
    assert response["AssumedRoleUser"]["Arn"].endswith(":assumed-role/ops/session")
    short = arn.replace("team/blue/", "")
    assert refusal(sts.assume_role, RoleArn=short, RoleSessionName="session") == _denied(alice, short)


def test_wildcard_principal(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """A role can trust everyone by a star."""
    arn = sandbox.create_role("open", _policy("*"))
    assert client("sts", alice).assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]


def test_trust_deny(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """A Deny in a trust policy overrides an Allow."""
    document = sandbox.trust(str(alice.arn))
    document["Statement"] += _policy({"AWS": "*"}, "Deny")["Statement"]
    arn = sandbox.create_role("closed", document)
    refused = refusal(client("sts", alice).assume_role, RoleArn=arn, RoleSessionName="session")
    assert refused == _denied(alice, arn, " with an explicit deny in the role trust policy")


@pytest.mark.parametrize("action", ["sts:AssumeRoleWithSAML", "s3:*", "AssumeRole"])
def test_trust_for_another_action(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, action: str) -> None:
    """A trust policy for another action does not allow AssumeRole."""
    arn = sandbox.create_role("other", _policy({"AWS": alice.arn}, Action=action))
    refused = refusal(client("sts", alice).assume_role, RoleArn=arn, RoleSessionName="session")
    assert refused == _denied(alice, arn)


def test_service_principal(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """A user cannot assume a role for a service."""
    arn = sandbox.create_role("ec2", _policy({"Service": "ec2.amazonaws.com"}))
    refused = refusal(client("sts", alice).assume_role, RoleArn=arn, RoleSessionName="session")
    assert refused == _denied(alice, arn)


@pytest.mark.parametrize("wrong", [{}, {"ExternalId": "wrong"}, {"ExternalId": "SECRET/1"}])
def test_external_id(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, wrong: dict[str, str]) -> None:
    """The refusal of a wrong external id is that of a missing role, and never shows the id."""
    arn = sandbox.create_role("partner", sandbox.trust(str(alice.arn), external_id="secret/1"))
    sts = client("sts", alice)
    assert refusal(sts.assume_role, RoleArn=arn, RoleSessionName="session", **wrong) == _denied(alice, arn)
    assert sts.assume_role(RoleArn=arn, RoleSessionName="session", ExternalId="secret/1")["Credentials"]


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}, False),
        ({"StringEquals": {"sts:RoleSessionName": ["other", "session"]}}, True),
        ({"StringLike": {"STS:rolesessionname": "sess*"}}, True),
        ({"StringNotEquals": {"sts:ExternalId": "x"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/al?ce"}}, True),
        ({"Null": {"sts:ExternalId": "true"}}, True),
        ({"Null": {"sts:ExternalId": "false"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
        ({"StringEquals": {"aws:PrincipalAccount": "{account}"}}, True),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.1"}}, False),
    ],
)
def test_conditions(
    sandbox: Sandbox, client: Any, alice: Credentials, condition: dict[str, Any], *, allowed: bool
) -> None:
    """Conditions apply to the values in the request; an unknown condition never allows."""
    text = json.dumps(condition).replace("{account}", sandbox.account)
    arn = sandbox.create_role("conditional", _policy({"AWS": alice.arn}, Condition=json.loads(text)))
    sts = client("sts", alice)
    if allowed:
        assert sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    else:
        with pytest.raises(sts.exceptions.ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=arn, RoleSessionName="session")


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws-cn:iam::{account}:role/power-user",
        "arn:aws-us-gov:iam::{account}:role/power-user",
        "arn:aws:iam::12345678901:role/power-user",
        "arn:aws:iam::{account}:user/power-user",
        "arn:aws:iam::{account}:role/",
        "arn:aws:sts::{account}:assumed-role/power-user/x",
    ],
)
def test_invalid_role_arn(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, role: str, arn: str) -> None:
    """STS refuses ARNs of other partitions, short accounts and other resources."""
    assert role
    arn = arn.format(account=sandbox.account)
    refused = refusal(client("sts", alice).assume_role, RoleArn=arn, RoleSessionName="session")
    assert refused == ("ValidationError", "Request ARN is invalid")


def test_garbage_arn(client: Any, refusal: Any, alice: Credentials) -> None:
    """The error names text that is no ARN."""
    garbage = "garbagegarbagegarbage"
    refused = refusal(client("sts", alice).assume_role, RoleArn=garbage, RoleSessionName="session")
    assert refused == ("ValidationError", f"{garbage} is invalid")


def test_assumed_role_in_the_other_account(
    sandbox: Sandbox, client: Any, credentials_of: Callable[[Any], Credentials]
) -> None:
    """A session belongs to the account of its role."""
    carol = sandbox.create_user("carol", account=OTHER, policies=["AdministratorAccess"])
    arn = sandbox.create_role("auditor", sandbox.trust(OTHER), policies=["ReadOnlyAccess"])
    assert carol.account == OTHER
    session = credentials_of(client("sts", carol).assume_role(RoleArn=arn, RoleSessionName="session"))
    assert client("sts", session).get_caller_identity()["Account"] == sandbox.account
    assert "alice" not in [user["UserName"] for user in client("iam", session).list_users()["Users"]]
