"""Roles in SDKs, and in whatever reads profiles."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cookbook import recipe

if TYPE_CHECKING:
    from recipes.conftest import Reader

WHO = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"


def test_a_profile_calls_awsenv(reader: Reader) -> None:
    """An SDK that reads the profile has the role, without a code."""
    reader.configure(recipe("profile"))

    shown = reader.run(f'{sys.executable} -c "{WHO}"', AWS_PROFILE="tools")

    assert "arn:aws:sts::123456789012:assumed-role/power-user/" in shown
