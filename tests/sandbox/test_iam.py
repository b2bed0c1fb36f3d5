"""IAM: the checks of AWS during the setup of an account that moto lacks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pyotp import TOTP

from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from awsenv.model import Credentials
    from awsenv.sandbox import Sandbox

STEP = timedelta(seconds=30)


@pytest.fixture
def iam(sandbox: Sandbox, client: Any) -> Any:
    """Return an IAM client of an administrator."""
    return client("iam", sandbox.admin)


def made(iam: Any, name: str = "phone") -> tuple[str, TOTP]:
    """Create a virtual device; return its serial number and its codes."""
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    return device["SerialNumber"], TOTP(device["Base32StringSeed"].decode())


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("shift", [-2, -1, 0])
def test_two_codes_in_a_row_enable_a_device(sandbox: Sandbox, iam: Any, shift: int) -> None:
    """The two codes can end with the previous, the current or the next one."""
    serial, totp = made(iam)
    now = sandbox.clock.now()
    codes = {
        "AuthenticationCode1": totp.at(now + shift * STEP),
        "AuthenticationCode2": totp.at(now + (shift + 1) * STEP),
    }

    iam.enable_mfa_device(UserName="alice", SerialNumber=serial, **codes)

    assert [serial] == [each["SerialNumber"] for each in iam.list_mfa_devices(UserName="alice")["MFADevices"]]


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("shifts", [(0, 0), (0, -1), (-1, 1), (-4, -3), (1, 2)])
def test_other_codes_do_not_enable_a_device(sandbox: Sandbox, iam: Any, refusal: Any, shifts: tuple[int, int]) -> None:
    """IAM refuses one code twice, codes that are not consecutive and old codes, and the device stays disabled."""
    serial, totp = made(iam)
    first, second = (totp.at(sandbox.clock.now() + shift * STEP) for shift in shifts)

    refused = refusal(
        iam.enable_mfa_device,
        UserName="alice",
        SerialNumber=serial,
        AuthenticationCode1=first,
        AuthenticationCode2=second,
    )

    assert refused == ("InvalidAuthenticationCode", "Authentication code for device is not valid.")
    assert iam.list_mfa_devices(UserName="alice")["MFADevices"] == []


def test_the_two_codes_are_used_up(sandbox: Sandbox, iam: Any, client: Any, alice: Credentials, refusal: Any) -> None:
    """After enabling a device, the first AssumeRole needs the next code."""
    serial, totp = made(iam)
    now = sandbox.clock.now()
    codes = {"AuthenticationCode1": totp.at(now - STEP), "AuthenticationCode2": totp.at(now)}
    iam.enable_mfa_device(UserName="alice", SerialNumber=serial, **codes)
    sts = client("sts", alice)

    assert refusal(sts.get_session_token, SerialNumber=serial, TokenCode=totp.at(now))[0] == "AccessDenied"
    assert sts.get_session_token(SerialNumber=serial, TokenCode=totp.at(now + STEP))["Credentials"]


@pytest.mark.usefixtures("alice")
def test_a_device_in_use_is_not_deleted(sandbox: Sandbox, iam: Any, refusal: Any) -> None:
    """IAM refuses to delete an active device; an inactive one can be deleted, and created again with another seed."""
    serial, totp = made(iam)
    now = sandbox.clock.now()
    codes = {"AuthenticationCode1": totp.at(now - STEP), "AuthenticationCode2": totp.at(now)}
    iam.enable_mfa_device(UserName="alice", SerialNumber=serial, **codes)
    assert refusal(iam.delete_virtual_mfa_device, SerialNumber=serial)[0] == "DeleteConflict"

    iam.deactivate_mfa_device(UserName="alice", SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)

    again, other = made(iam)
    assert (serial, True) == (again, other.secret != totp.secret)


def trusting(sandbox: Sandbox, principal: str) -> str:
    """Return a trust policy."""
    return json.dumps(sandbox.trust(principal))


@pytest.mark.parametrize("name", ["user/nobody", "role/nobody"])
def test_a_role_cannot_trust_a_missing_principal(sandbox: Sandbox, iam: Any, refusal: Any, name: str) -> None:
    """IAM checks that principals exist when it stores a policy."""
    arn = f"arn:aws:iam::{sandbox.account}:{name}"
    refused = refusal(iam.create_role, RoleName="x", AssumeRolePolicyDocument=trusting(sandbox, arn))
    assert refused == ("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{arn}"')


@pytest.mark.parametrize("name", ["arn:aws", "arn:aws:iam::123456789012:root", "alice", ""])
def test_a_role_cannot_trust_what_is_no_principal(iam: Any, refusal: Any, sandbox: Sandbox, name: str) -> None:
    """IAM refuses a name that is not the ARN of a principal or an account."""
    refused = refusal(iam.create_role, RoleName="x", AssumeRolePolicyDocument=trusting(sandbox, name))
    assert refused == ("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{name}"')


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("name", ["root", "user/alice"])
def test_a_role_can_trust_an_existing_principal(sandbox: Sandbox, iam: Any, name: str) -> None:
    """IAM accepts an account and a user that exist."""
    arn = f"arn:aws:iam::{sandbox.account}:{name}"
    assert iam.create_role(RoleName="x", AssumeRolePolicyDocument=trusting(sandbox, arn))["Role"]["Arn"]


def test_a_deleted_user_leaves_its_id_in_trust_policies(sandbox: Sandbox, iam: Any, alice: Credentials) -> None:
    """A new user of the same name is not trusted."""
    iam.create_role(RoleName="x", AssumeRolePolicyDocument=trusting(sandbox, str(alice.arn)))
    iam.delete_access_key(UserName="alice", AccessKeyId=alice.access_key_id)
    iam.delete_user(UserName="alice")
    iam.create_user(UserName="alice")

    document = iam.get_role(RoleName="x")["Role"]["AssumeRolePolicyDocument"]

    assert document["Statement"][0]["Principal"]["AWS"][0].startswith("AIDA")


def test_a_user_made_by_api_has_an_id_of_the_form_of_aws(iam: Any) -> None:
    """CreateUser and all later responses show the same id."""
    made = iam.create_user(UserName="bob")["User"]["UserId"]
    assert (True, made) == (made.startswith("AIDA"), iam.get_user(UserName="bob")["User"]["UserId"])


def test_the_last_use_of_a_key(iam: Any, client: Any, alice: Credentials) -> None:
    """GetAccessKeyLastUsed tells a used key from one never used."""

    def last_used() -> Any:
        return iam.get_access_key_last_used(AccessKeyId=alice.access_key_id)["AccessKeyLastUsed"]

    assert "LastUsedDate" not in last_used()
    client("sts", alice).get_caller_identity()
    assert last_used()["ServiceName"] == "sts"


def test_a_third_key_is_refused(iam: Any, refusal: Any) -> None:
    """A user has at most two keys."""
    iam.create_user(UserName="bob")
    for _ in range(2):
        iam.create_access_key(UserName="bob")
    assert refusal(iam.create_access_key, UserName="bob")[0] == "LimitExceeded"


def test_a_new_principal_that_is_not_known_yet(sandbox: Sandbox, iam: Any, alice: Credentials, refusal: Any) -> None:
    """AWS is eventually consistent: a new principal can be unknown at first."""
    sandbox.fail("CreateRole", Fault.UNKNOWN_PRINCIPAL)
    role = {"RoleName": "x", "AssumeRolePolicyDocument": trusting(sandbox, str(alice.arn))}
    assert refusal(iam.create_role, **role)[0] == "MalformedPolicyDocument"
    assert iam.create_role(**role)["Role"]["Arn"]
