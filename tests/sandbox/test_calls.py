"""The log of calls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from awsenv.model import Credentials
    from awsenv.sandbox import Sandbox


def test_call(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """The log keeps the parameters, the caller and the result of a call."""
    arn = f"arn:aws:iam::{sandbox.account}:role/missing"
    refusal(client("sts", alice).assume_role, RoleArn=arn, RoleSessionName="session")
    (call,) = sandbox.calls
    assert (call.service, call.action, call.caller) == ("sts", "AssumeRole", alice.arn)
    assert (call.status, call.error) == (403, "AccessDenied")
    assert call.parameters == {"RoleArn": arn, "RoleSessionName": "session"}
    assert abs(sandbox.clock.now() - call.time) < timedelta(minutes=5)


def test_secrets_are_hidden(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, role: str) -> None:
    """The log hides codes, external ids, passwords and tokens, but shows that a call had them."""
    device = sandbox.create_mfa_device("alice")
    secrets = {"ExternalId": "canary-id", "TokenCode": "918273", "SerialNumber": device.serial}
    refusal(client("sts", alice).assume_role, RoleArn=role, RoleSessionName="session", **secrets)
    client("iam", sandbox.admin).create_login_profile(UserName="alice", Password="canary-password")
    link = client("s3", sandbox.admin, signature_version="s3v4").generate_presigned_url("list_buckets")
    assert link
    text = repr(sandbox.calls)
    assert sandbox.calls[0].parameters["ExternalId"] == sandbox.calls[0].parameters["TokenCode"] == "(hidden)"
    assert [secret for secret in ("canary", "918273") if secret in text] == []


def test_unknown_caller(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """The log keeps a request without a valid signature, without a caller."""
    forger = replace(alice, secret_access_key="x" * 40)
    refusal(client("sts", forger).get_caller_identity)
    (call,) = sandbox.calls
    assert (call.caller, call.error) == (None, "SignatureDoesNotMatch")


@pytest.mark.slow
def test_other_services(sandbox: Sandbox, client: Any) -> None:
    """The log names calls of S3 and EC2 by their IAM actions."""
    s3 = client("s3", sandbox.admin)
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="a/b", Body=b"")
    s3.list_objects_v2(Bucket="bucket")
    client("ec2", sandbox.admin).describe_regions(RegionNames=["eu-west-1"])
    assert [(call.service, call.action) for call in sandbox.calls] == [
        ("s3", "CreateBucket"),
        ("s3", "PutObject"),
        ("s3", "ListBucket"),
        ("ec2", "DescribeRegions"),
    ]
    assert sandbox.calls[1].parameters == {"Bucket": "bucket", "Key": "a/b"}
    assert sandbox.calls[3].parameters == {"RegionName.1": "eu-west-1"}


def test_clear(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """clear_calls empties the log."""
    client("sts", alice).get_caller_identity()
    sandbox.clear_calls()
    assert sandbox.calls == ()


def test_many_at_once(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """The sandbox serves many clients at once, and accepts one code from only one of them."""
    device = sandbox.create_mfa_device("alice")
    code = device.code()
    sts = client("sts", alice, max_pool_connections=20)

    def attempt(_: int) -> bool:
        try:
            sts.get_session_token(SerialNumber=device.serial, TokenCode=code)
        except sts.exceptions.ClientError:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(attempt, range(40)))
    assert sum(results) == 1
    assert len(sandbox.calls) == 40
