"""Which MFA device a user has."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
import pytest
from pyotp import TOTP

from awsenv.aws.iam import mfa_device
from awsenv.aws.sts import caller
from awsenv.errors import MfaError
from awsenv.iam.principal import Principal
from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from aws.conftest import Person
    from awsenv.model import Credentials

STEP = timedelta(seconds=30)


def found(person: Person, user: Credentials) -> str:
    """Return the device that is found for *user*."""
    principal = caller(user, person.environ)
    return mfa_device(person.session(), user, principal)


def test_a_user_who_may_not_ask_has_the_device_of_the_own_name(person: Person) -> None:
    """The user of the README may do nothing but assume roles."""
    assert person.device.serial == found(person, person.user)


def test_a_user_who_may_ask_is_told(person: Person) -> None:
    """The device may be named after the telephone."""
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
    assert serial == found(person, bob)


def test_a_user_without_a_device_is_told_so(person: Person) -> None:
    """A code was given, and there is nothing that it can belong to."""
    bob = person.sandbox.create_user("bob", policies=["ReadOnlyAccess"])
    with pytest.raises(MfaError, match="bob has no MFA device"):
        found(person, bob)


def test_a_role_has_no_device(person: Person) -> None:
    """Only a user has."""
    principal = Principal("arn:aws:sts::123456789012:assumed-role/x/y")
    with pytest.raises(MfaError, match="not those of an IAM user"):
        mfa_device(person.session(), person.user, principal)


def test_a_path_is_no_part_of_the_name(person: Person) -> None:
    """The user's ARN holds the path, the device's does not."""
    principal = Principal("arn:aws-cn:iam::123456789012:user/team/ops/alice")
    assert mfa_device(person.session(), person.user, principal) == "arn:aws-cn:iam::123456789012:mfa/alice"


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.DROP, Fault.HTML, Fault.EMPTY, Fault.HANG])
def test_an_iam_in_trouble_stops_nobody(person: Person, fault: Fault) -> None:
    """To ask is a courtesy: it is asked once."""
    person.sandbox.fail("ListMFADevices", fault, times=9)
    principal = caller(person.user, person.environ)
    assert person.device.serial == mfa_device(person.session(timeout=0.5), person.user, principal)
    assert person.sent("ListMFADevices") <= 1


def test_an_unknown_key_stops_nobody_here(person: Person) -> None:
    """STS will say it better."""
    stranger = replace(person.user, access_key_id="AKIAIOSFODNN7EXAMPLE")
    principal = Principal(str(person.user.arn))
    assert mfa_device(person.session(), stranger, principal) == person.device.serial
