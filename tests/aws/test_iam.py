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
    from aws.conftest import Person
    from awsenv.model import Credentials

STEP = timedelta(seconds=30)


def device_of(person: Person, user: Credentials) -> str:
    """Return the device of *user*."""
    principal = person.principal(user)
    return mfa_device(person.session(), user, principal)


def test_a_user_who_may_not_list_devices_has_one_by_name(person: Person) -> None:
    """Guess the name: the user of the README may only assume roles."""
    assert person.device.serial == device_of(person, person.user)


def test_a_user_who_may_list_devices_has_one_of_any_name(person: Person) -> None:
    """Find a device with another name."""
    bob = person.sandbox.create_user("bob", policies=["AdministratorAccess"])
    iam = boto3.client(
        "iam",
        endpoint_url=person.sandbox.url,
        region_name="us-east-1",
        aws_access_key_id=bob.access_key_id,
        aws_secret_access_key=bob.secret_access_key,
    )
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    serial, totp, now = made["SerialNumber"], TOTP(made["Base32StringSeed"].decode()), person.sandbox.clock.now()
    iam.enable_mfa_device(
        UserName="bob", SerialNumber=serial, AuthenticationCode1=totp.at(now - STEP), AuthenticationCode2=totp.at(now)
    )
    assert serial == device_of(person, bob)


def test_a_user_without_a_device_is_an_error(person: Person) -> None:
    """Refuse a code that belongs to no device."""
    bob = person.sandbox.create_user("bob", policies=["ReadOnlyAccess"])
    with pytest.raises(MfaError, match="bob has no MFA device"):
        device_of(person, bob)


def test_a_role_has_no_device(person: Person) -> None:
    """Refuse a code: only a user has a device."""
    principal = Principal("arn:aws:sts::123456789012:assumed-role/x/y")
    with pytest.raises(MfaError, match="do not belong to an IAM user"):
        mfa_device(person.session(), person.user, principal)


def test_a_path_is_no_part_of_the_name(person: Person) -> None:
    """Leave the path out: the ARN of the device has none."""
    principal = Principal("arn:aws-cn:iam::123456789012:user/team/ops/alice")
    assert mfa_device(person.session(), person.user, principal) == "arn:aws-cn:iam::123456789012:mfa/alice"


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.DROP, Fault.HTML, Fault.EMPTY, Fault.HANG])
def test_a_failing_iam_is_no_error(person: Person, fault: Fault) -> None:
    """Guess the name after one call."""
    person.sandbox.fail("ListMFADevices", fault, times=9)
    principal = person.principal(person.user)
    assert person.device.serial == mfa_device(person.session(timeout=0.5), person.user, principal)
    assert person.sent("ListMFADevices") <= 1


def test_an_unknown_key_is_no_error_here(person: Person) -> None:
    """Leave the error to STS."""
    stranger = replace(person.user, access_key_id="AKIAIOSFODNN7EXAMPLE")
    principal = Principal(str(person.user.arn))
    assert mfa_device(person.session(), stranger, principal) == person.device.serial
