"""What the policies of whoever asks say: enough, too little, or nothing that is certain."""

from __future__ import annotations

from typing import Any

import pytest

from awsenv.doctor.conditions import Request
from awsenv.doctor.finding import Verdict
from awsenv.doctor.permissions import Policies, permission
from awsenv.doctor.principal import Principal
from awsenv.model import AssumeRole, RoleArn

MINE, THEIRS = "123456789012", "210987654321"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
THE_ROLE = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{THEIRS}:role/deploy"}
ANOTHER = {**THE_ROLE, "Resource": f"arn:aws:iam::{THEIRS}:role/other"}
FROM_HOME = {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
DENY = {**EVERYTHING, "Effect": "Deny"}


def _request(account: str = THEIRS) -> Request:
    hop = AssumeRole(RoleArn("aws", account, "deploy"), "me")
    alice = Principal(MINE, f"arn:aws:iam::{MINE}:user/alice")
    return Request(hop, alice, with_code=False, mfa_is_known=True, now=0)


def _policies(*statements: dict[str, Any], boundary: dict[str, Any] | None = None) -> Policies:
    limit = None if boundary is None else {"Version": "2012-10-17", "Statement": [boundary]}
    return Policies(({"Version": "2012-10-17", "Statement": list(statements)},), limit)


@pytest.mark.parametrize(
    ("found", "needed", "verdict"),
    [
        (_policies(THE_ROLE), True, Verdict.FINE),
        (_policies(EVERYTHING), None, Verdict.FINE),
        (_policies(ANOTHER), True, Verdict.WRONG),
        (_policies(), True, Verdict.WRONG),
        (_policies(), False, Verdict.FINE),
        (_policies(), None, Verdict.FINE),
        (_policies(EVERYTHING, DENY), False, Verdict.WRONG),
        (_policies(EVERYTHING, DENY | FROM_HOME), True, Verdict.WARNING),
        (_policies(EVERYTHING | FROM_HOME), True, Verdict.FINE),
        (_policies(THE_ROLE, boundary=EVERYTHING), True, Verdict.FINE),
        (_policies(THE_ROLE, boundary=ANOTHER), True, Verdict.WRONG),
        (_policies(boundary=ANOTHER), False, Verdict.FINE),
        (None, True, Verdict.UNKNOWN),
        (None, None, Verdict.UNKNOWN),
        (None, False, Verdict.FINE),
    ],
)
def test_the_verdict(found: Policies | None, needed: bool | None, verdict: Verdict) -> None:  # noqa: FBT001 - a parameter of the table
    """A Deny counts always, an Allow where it is needed, a boundary where an Allow is; what is not certain warns."""
    finding = permission(found, _request(), needed=needed)
    assert verdict is finding.verdict
    assert (finding.hint is not None) == (verdict in {Verdict.WRONG, Verdict.WARNING})


def test_the_policy_that_is_missing_can_be_copied() -> None:
    """It is on exactly this role."""
    hint = permission(_policies(), _request(), needed=True).hint
    assert hint is not None
    assert f'"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::{THEIRS}:role/deploy"' in hint
