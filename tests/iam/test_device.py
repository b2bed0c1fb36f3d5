"""MFA devices, by the serial numbers that the IAM guide documents."""

from __future__ import annotations

import pytest

from awsenv.iam import device
from awsenv.iam.principal import Principal

VIRTUAL = "arn:aws:iam::123456789012:mfa/alice"
FIDO = "arn:aws:iam::123456789012:u2f/user/alice/key-ABCDEFG"
HARDWARE = "GAHT12345678"


def test_fido_keys_show_no_codes() -> None:
    """Only virtual and hardware devices show codes for STS."""
    assert (VIRTUAL, HARDWARE) == device.showing_codes([VIRTUAL, FIDO, HARDWARE])


@pytest.mark.parametrize(("serial", "account"), [(VIRTUAL, "123456789012"), (FIDO, "123456789012"), (HARDWARE, None)])
def test_the_account(serial: str, account: str | None) -> None:
    """The serial number of a hardware device does not name an account."""
    assert account == device.account(serial)


def test_the_serials_of_a_response() -> None:
    """A device without a serial number is skipped."""
    assert (VIRTUAL,) == device.serials([{"SerialNumber": VIRTUAL, "UserName": "alice"}, {"UserName": "alice"}])


def test_the_default_device_of_a_user_with_a_path() -> None:
    """The path is part of the ARN of a user, but not of its device."""
    alice = Principal("arn:aws-cn:iam::123456789012:user/team/alice")
    assert device.own_serial(alice) == "arn:aws-cn:iam::123456789012:mfa/alice"
