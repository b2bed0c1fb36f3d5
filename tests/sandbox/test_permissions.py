"""Identity policies outside STS, with the refusals in the words of each service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Credentials
    from awsenv.sandbox import Sandbox


@pytest.fixture
def reader(
    sandbox: Sandbox, client: Any, alice: Credentials, credentials_of: Callable[[Any], Credentials]
) -> Credentials:
    """Return credentials of a role with ReadOnlyAccess, assumed by alice."""
    arn = sandbox.create_role("read-only", sandbox.trust(str(alice.arn)), policies=["ReadOnlyAccess"])
    return credentials_of(client("sts", alice).assume_role(RoleArn=arn, RoleSessionName="session"))


def _put(sandbox: Sandbox, client: Any, *statements: dict[str, Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam = client("iam", sandbox.admin)
    iam.put_user_policy(UserName="alice", PolicyName="policy", PolicyDocument=document)


def test_user_without_policy(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """Every service refuses a user without policies, in its own words."""
    client("s3", sandbox.admin).create_bucket(Bucket="bucket")
    fact = f"User: {alice.arn} is not authorized to perform: "
    reason = "because no identity-based policy allows the {0} action"
    assert refusal(client("ec2", alice).describe_regions) == (
        "UnauthorizedOperation",
        f"You are not authorized to perform this operation. {fact}ec2:DescribeRegions "
        + reason.format("ec2:DescribeRegions"),
    )
    assert refusal(client("s3", alice).list_objects_v2, Bucket="bucket") == (
        "AccessDenied",
        f'{fact}s3:ListBucket on resource: "arn:aws:s3:::bucket" ' + reason.format("s3:ListBucket"),
    )
    assert refusal(client("iam", alice).list_access_keys) == (
        "AccessDenied",
        f"{fact}iam:ListAccessKeys on resource: {alice.arn} " + reason.format("iam:ListAccessKeys"),
    )
    assert refusal(client("dynamodb", alice).list_tables)[0] == "AccessDeniedException"
    assert client("sts", alice).get_caller_identity()["Arn"] == alice.arn
    assert client("sts", alice).get_session_token()["Credentials"]


def test_power_user(client: Any, refusal: Any, assumed: Credentials) -> None:
    """PowerUserAccess allows everything but IAM, of which it allows ListRoles."""
    client("s3", assumed).create_bucket(Bucket="bucket")
    assert client("ec2", assumed).describe_regions()["Regions"]
    assert refusal(client("iam", assumed).create_user, UserName="bob")[0] == "AccessDenied"
    assert client("iam", assumed).list_roles()["Roles"]


def test_read_only(sandbox: Sandbox, client: Any, refusal: Any, reader: Credentials) -> None:
    """ReadOnlyAccess allows reads and no writes."""
    s3 = client("s3", sandbox.admin)
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=b"body")
    reading = client("s3", reader)
    assert reading.get_object(Bucket="bucket", Key="key")["Body"].read() == b"body"
    assert [bucket["Name"] for bucket in reading.list_buckets()["Buckets"]] == ["bucket"]
    assert reading.get_bucket_versioning(Bucket="bucket")["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert client("ec2", reader).describe_regions()["Regions"]
    assert "alice" in [user["UserName"] for user in client("iam", reader).list_users()["Users"]]
    versioning = {"Status": "Enabled"}
    refusals = [
        refusal(reading.put_object, Bucket="bucket", Key="key", Body=b""),
        refusal(reading.delete_object, Bucket="bucket", Key="key"),
        refusal(reading.delete_objects, Bucket="bucket", Delete={"Objects": [{"Key": "key"}]}),
        refusal(reading.create_bucket, Bucket="another"),
        refusal(reading.put_bucket_versioning, Bucket="bucket", VersioningConfiguration=versioning),
    ]
    assert [code for code, _ in refusals] == ["AccessDenied"] * 5


def test_head_shows_only_the_status(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """The response to HEAD has no body, so that the client sees the status alone."""
    client("s3", sandbox.admin).create_bucket(Bucket="bucket")
    assert refusal(client("s3", alice).head_bucket, Bucket="bucket")[0] == "403"


def test_resources(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """A policy for some objects does not allow others."""
    client("s3", sandbox.admin).create_bucket(Bucket="bucket")
    _put(
        sandbox,
        client,
        {"Effect": "Allow", "Action": "s3:*Object", "Resource": "arn:aws:s3:::bucket/${aws:username}/*"},
        {"Effect": "Deny", "Action": "s3:PutObject", "NotResource": "arn:aws:s3:::bucket/*.txt"},
    )
    s3 = client("s3", alice)
    s3.put_object(Bucket="bucket", Key="alice/a.txt", Body=b"")
    assert refusal(s3.put_object, Bucket="bucket", Key="bob/a.txt", Body=b"")[0] == "AccessDenied"
    code, text = refusal(s3.put_object, Bucket="bucket", Key="alice/a.bin", Body=b"")
    assert (code, text.endswith("with an explicit deny in an identity-based policy")) == ("AccessDenied", True)


def test_own_user(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, assumed: Credentials) -> None:
    """IAM defaults to the calling user; a role must name one."""
    device = sandbox.create_mfa_device("alice")
    own = "arn:aws:iam::*:user/${aws:username}"
    _put(sandbox, client, {"Effect": "Allow", "Action": ["iam:ListMFADevices", "iam:GetUser"], "Resource": own})
    iam = client("iam", alice)
    assert [item["SerialNumber"] for item in iam.list_mfa_devices()["MFADevices"]] == [device.serial]
    assert iam.get_user()["User"]["Arn"] == alice.arn
    assert refusal(iam.list_mfa_devices, UserName="sandbox-admin")[0] == "AccessDenied"
    assert refusal(client("iam", assumed).get_user)[0] == "ValidationError"


def test_mfa_in_own_policies(
    sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, credentials_of: Callable[[Any], Credentials]
) -> None:
    """The policies of a user can demand MFA too, which long-term keys never carry."""
    condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    _put(sandbox, client, {"Effect": "Allow", "Action": "ec2:*", "Resource": "*", "Condition": condition})
    assert refusal(client("ec2", alice).describe_regions)[0] == "UnauthorizedOperation"
    device = sandbox.create_mfa_device("alice")
    sts = client("sts", alice)
    session = credentials_of(sts.get_session_token(SerialNumber=device.serial, TokenCode=device.code()))
    assert client("ec2", session).describe_regions()["Regions"]


def test_customer_managed_policy(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """The default version of a customer managed policy applies."""
    allow = {"Effect": "Allow", "Action": "ec2:DescribeRegions", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": allow}
    iam = client("iam", sandbox.admin)
    arn = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    assert client("ec2", alice).describe_regions()["Regions"]
    document["Statement"] = allow | {"Effect": "Deny"}
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
    assert refusal(client("ec2", alice).describe_regions)[0] == "UnauthorizedOperation"


def test_bucket_of_another_account(sandbox: Sandbox, client: Any, refusal: Any) -> None:
    """A caller has no access to a bucket of another account, whatever the query says."""
    client("s3", sandbox.admin).create_bucket(Bucket="bucket")
    carol = sandbox.create_user("carol", account="210987654321", policies=["AdministratorAccess"])
    s3 = client("s3", carol)
    assert refusal(s3.list_objects_v2, Bucket="bucket")[0] == "AccessDenied"
    assert s3.list_buckets()["Buckets"] == []

    s3.create_bucket(Bucket="own")
    s3.meta.events.register("before-sign.s3", lambda request, **_: setattr(request, "url", f"{request.url}&Bucket=own"))
    assert "AccessDenied" == refusal(s3.list_objects_v2, Bucket="bucket")[0]


@pytest.mark.parametrize("name", ["SecurityAudit", "job-function/ViewOnlyAccess", "AmazonS3FullAccess"])
def test_managed_policies_of_aws(sandbox: Sandbox, client: Any, alice: Credentials, name: str) -> None:
    """Every managed policy of AWS can be looked up and attached, and allows what it allows at AWS."""
    iam, arn = client("iam", sandbox.admin), f"arn:aws:iam::aws:policy/{name}"

    assert name.rpartition("/")[2] == iam.get_policy(PolicyArn=arn)["Policy"]["PolicyName"]
    iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    assert [] == client("s3", alice).list_buckets()["Buckets"]


@pytest.mark.parametrize("name", ["SecurtyAudit", "ViewOnlyAccess", "Document", "CreateDate"])
def test_managed_policies_that_aws_lacks(sandbox: Sandbox, client: Any, refusal: Any, name: str) -> None:
    """A name that AWS does not have, or without its path, is refused."""
    iam = client("iam", sandbox.admin)

    assert "NoSuchEntity" == refusal(iam.get_policy, PolicyArn=f"arn:aws:iam::aws:policy/{name}")[0]
