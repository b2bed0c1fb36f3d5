"""Which MFA device a user has."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
import pytest
from pyotp import TOTP

from awsenv.aws.iam import mfa_device
from awsenv.errors import MfaError
from awsenv.iam.principal import Principal
from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from aws.conftest import Home
    from awsenv.model import Credentials

STEP = timedelta(seconds=30)


def device_of(home: Home, user: Credentials) -> str:
    """Return the device of *user*."""
    principal = home.principal(user)
    return mfa_device(home.session(), user, principal)


def test_a_user_who_may_not_list_devices_has_one_by_name(home: Home) -> None:
    """Guess the name: the user of the README may only assume roles."""
    assert home.device.serial == device_of(home, home.user)


def test_a_user_who_may_list_devices_has_one_of_any_name(home: Home) -> None:
    """Find a device with another name."""
    bob = home.sandbox.create_user("bob", policies=["AdministratorAccess"])
    iam = boto3.client(
        "iam",
        endpoint_url=home.sandbox.url,
        region_name="us-east-1",
        aws_access_key_id=bob.access_key_id,
        aws_secret_access_key=bob.secret_access_key,
    )
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    serial, totp, now = made["SerialNumber"], TOTP(made["Base32StringSeed"].decode()), home.sandbox.clock.now()
    iam.enable_mfa_device(
        UserName="bob", SerialNumber=serial, AuthenticationCode1=totp.at(now - STEP), AuthenticationCode2=totp.at(now)
    )
    assert serial == device_of(home, bob)


def test_a_user_without_a_device_is_an_error(home: Home) -> None:
    """Refuse a code that belongs to no device."""
    bob = home.sandbox.create_user("bob", policies=["ReadOnlyAccess"])
    with pytest.raises(MfaError, match="bob has no MFA device"):
        device_of(home, bob)


def test_a_role_has_no_device(home: Home) -> None:
    """Refuse a code: only a user has a device."""
    principal = Principal("arn:aws:sts::123456789012:assumed-role/x/y")
    with pytest.raises(MfaError, match="do not belong to an IAM user"):
        mfa_device(home.session(), home.user, principal)


def test_a_path_is_no_part_of_the_name(home: Home) -> None:
    """Leave the path out: the ARN of the device has none."""
    principal = Principal("arn:aws-cn:iam::123456789012:user/team/ops/alice")
    assert mfa_device(home.session(), home.user, principal) == "arn:aws-cn:iam::123456789012:mfa/alice"


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.DROP, Fault.HTML, Fault.EMPTY, Fault.HANG])
def test_a_failing_iam_is_no_error(home: Home, fault: Fault) -> None:
    """Guess the name after one call."""
    home.sandbox.fail("ListMFADevices", fault, times=9)
    principal = home.principal(home.user)
    assert home.device.serial == mfa_device(home.session(timeout=0.5), home.user, principal)
    assert home.sent("ListMFADevices") <= 1


def test_an_unknown_key_is_no_error_here(home: Home) -> None:
    """Leave the error to STS."""
    stranger = replace(home.user, access_key_id="AKIAIOSFODNN7EXAMPLE")
    principal = Principal(str(home.user.arn))
    assert mfa_device(home.session(), stranger, principal) == home.device.serial
