"""The accounts and titles of MFA devices."""

from __future__ import annotations

import pytest

from awsenv.model import Mfa


@pytest.mark.parametrize(
    ("serial", "account"),
    [
        ("arn:aws:iam::123456789012:mfa/alice", "123456789012"),
        ("arn:aws:iam::123456789012:u2f/user/alice/key-ABCDEFG", "123456789012"),
        ("GAHT12345678", None),
        ("", None),
        ("arn:GAHT12345678", None),
    ],
)
def test_a_device_has_the_account_of_its_arn(serial: str, account: str | None) -> None:
    """The account of a device is that of its ARN; the serial number of a hardware device has none."""
    assert account == Mfa(serial).account


@pytest.mark.parametrize(
    ("serial", "title"),
    [
        ("arn:aws:iam::123456789012:mfa/alice", "alice (123456789012)"),
        ("arn:aws-cn:iam::123456789012:mfa/team/alice", "team/alice (123456789012)"),
        ("GAHT12345678", "GAHT12345678"),
        ("GAHT:mfa/alice", "GAHT:mfa/alice"),
        ("arn:aws:iam::123456789012:user/alice", "arn:aws:iam::123456789012:user/alice"),
    ],
)
def test_a_device_has_a_short_title(serial: str, title: str) -> None:
    """The title is a name and an account, because a whole ARN would wrap in a narrow terminal."""
    assert title == Mfa(serial).title
