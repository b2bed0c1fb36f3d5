"""Tokens of EKS and RDS, made by botocore: the sandbox refuses what a cluster, a database or STS refuses."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Credentials
    from awsenv.sandbox import Sandbox

QUERY = "Action=GetCallerIdentity&Version=2011-06-15"
DATABASE = "db.test:5432"


def presigned(keys: Credentials, url: str, *, service: str = "sts", seconds: int = 60, **headers: str) -> str:
    """Return *url*, signed by botocore."""
    own = BotocoreCredentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    request = AWSRequest("GET", url, {name.replace("_", "-"): value for name, value in headers.items()})
    SigV4QueryAuth(own, service, "us-east-1", seconds).add_auth(request)
    return str(request.url)


def token(url: str) -> str:
    """Return the token for a cluster that has *url*."""
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def get(url: str, **headers: str) -> tuple[int, str]:
    """Return the status and the body of the response to a GET."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    sent = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})  # noqa: S310 - loopback HTTP
    try:
        with opener.open(sent, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_sts_accepts_a_link_with_its_signed_header(sandbox: Sandbox, assumed: Credentials) -> None:
    """A link is accepted with each header as it was signed, and not with another value, or without it."""
    link = presigned(assumed, f"{sandbox.url}/?{QUERY}", x_k8s_aws_id="blue")

    answers = [get(link, x_k8s_aws_id="blue"), get(link, x_k8s_aws_id="green"), get(link)]

    assert [200, 403, 403] == [status for status, _ in answers]
    assert "assumed-role/power-user/session" in answers[0][1]
    assert all("SignatureDoesNotMatch" in body for _, body in answers[1:])


def test_sts_accepts_a_link_for_fifteen_minutes(sandbox: Sandbox, assumed: Credentials) -> None:
    """STS counts fifteen minutes from the date of a link, which may say less."""
    link = presigned(assumed, f"{sandbox.url}/?{QUERY}", x_k8s_aws_id="blue")
    statuses = []
    for seconds in (600, 301):
        sandbox.clock.advance(seconds)
        statuses.append(get(link, x_k8s_aws_id="blue")[0])

    assert [200, 403] == statuses


def test_a_cluster_knows_who_presents_a_token(sandbox: Sandbox, assumed: Credentials, alice: Credentials) -> None:
    """A token of a role or a user works for the cluster that it names."""
    tokens = [token(presigned(keys, f"{sandbox.url}/?{QUERY}", x_k8s_aws_id="blue")) for keys in (assumed, alice)]

    arns = [sandbox.cluster_login(each, "blue") for each in tokens]

    role = f"arn:aws:sts::{sandbox.account}:assumed-role/power-user/session"
    assert [role, alice.arn] == arns


@pytest.mark.parametrize(
    ("altered", "reason"),
    [
        (lambda made: token(made("/?" + QUERY, x_k8s_aws_id="green")), "WRONG_SIGNATURE"),
        (lambda made: token(made("/?" + QUERY)), "leaves out the cluster"),
        (lambda made: token(made("/?" + QUERY, x_k8s_aws_id="blue", seconds=901)), "lasts too long"),
        (lambda made: token(made("/x?" + QUERY, x_k8s_aws_id="blue")), "another host or path"),
        (lambda made: token("http://elsewhere" + made("/?" + QUERY, x_k8s_aws_id="blue")[16:]), "another host"),
        (lambda made: token(made("/?Action=GetUser&Version=2011-06-15", x_k8s_aws_id="blue")), "another action"),
        (lambda made: token(made("/?a=b&" + QUERY, x_k8s_aws_id="blue")), "parameters are others"),
        (lambda made: token(made("/?" + QUERY, x_k8s_aws_id="blue") + "0"), "WRONG_SIGNATURE"),
        (lambda made: made("/?" + QUERY, x_k8s_aws_id="blue"), "not a token"),
        (lambda _: "k8s-aws-v1.ÿ", "not base64"),
    ],
)
def test_a_cluster_refuses_another_token(
    sandbox: Sandbox, assumed: Credentials, altered: Callable[..., str], reason: str
) -> None:
    """A cluster refuses what its authenticator refuses, and what STS does."""

    def made(rest: str, **options: Any) -> str:
        return presigned(assumed, sandbox.url + rest, **options)

    with pytest.raises(PermissionError, match=reason):
        sandbox.cluster_login(altered(made), "blue")


def test_a_database_knows_who_connects(sandbox: Sandbox, assumed: Credentials) -> None:
    """A token works for one user of one database, for fifteen minutes."""
    made = partial(presigned, assumed, service="rds-db", seconds=900)
    connect = made(f"https://{DATABASE}/?Action=connect&DBUser=bob").removeprefix("https://")
    other = made(f"https://{DATABASE}/?Action=delete&DBUser=bob").removeprefix("https://")
    foreign = presigned(assumed, f"https://{DATABASE}/?Action=connect&DBUser=bob", seconds=900)[8:]

    role = f"arn:aws:sts::{sandbox.account}:assumed-role/power-user/session"
    assert role == sandbox.database_login(connect, DATABASE, "bob")
    refused = {
        "another database": (connect, "db2.test:5432", "bob"),
        "another user": (connect, DATABASE, "eve"),
        "for another user": (connect.replace("DBUser", "dbuser"), DATABASE, "bob"),
        "another action": (other, DATABASE, "bob"),
        "another service": (foreign, DATABASE, "bob"),
        "service or region": (connect, DATABASE, "bob", "eu-west-1"),
        "WRONG_SIGNATURE": (connect.replace("=bob", "=eve"), DATABASE, "eve"),
    }
    for reason, arguments in refused.items():
        with pytest.raises(PermissionError, match=reason):
            sandbox.database_login(*arguments)
    sandbox.clock.advance(901)
    with pytest.raises(PermissionError, match="EXPIRED_LINK"):
        sandbox.database_login(connect, DATABASE, "bob")


def test_a_database_asks_for_permission(sandbox: Sandbox, alice: Credentials) -> None:
    """A user whose policies do not allow rds-db:connect is refused."""
    url = f"https://{DATABASE}/?Action=connect&DBUser=bob"
    connect = presigned(alice, url, service="rds-db", seconds=900).removeprefix("https://")

    with pytest.raises(PermissionError, match="rds-db:connect"):
        sandbox.database_login(connect, DATABASE, "bob")
