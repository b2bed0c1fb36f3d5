"""What the policies of the caller say: enough, too little, or nothing that is certain."""

from __future__ import annotations

from typing import Any

import pytest

from awsenv.doctor.model import Verdict
from awsenv.doctor.permissions import finding
from awsenv.doctor.trust import Request
from awsenv.iam.policy import Policies
from awsenv.iam.principal import Grounds, Principal
from awsenv.model import AssumeRole, RoleArn

MINE, THEIRS = "123456789012", "210987654321"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
THE_ROLE = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{THEIRS}:role/deploy"}
ANOTHER = {**THE_ROLE, "Resource": f"arn:aws:iam::{THEIRS}:role/other"}
FROM_HOME = {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
DENY = {**EVERYTHING, "Effect": "Deny"}


def _request(account: str = THEIRS) -> Request:
    hop = AssumeRole(RoleArn("aws", account, "deploy"), "me")
    return Request(hop, Principal(f"arn:aws:iam::{MINE}:user/alice"), now=0)


def _policies(*statements: dict[str, Any], boundary: dict[str, Any] | None = None) -> Policies:
    limit = None if boundary is None else {"Version": "2012-10-17", "Statement": [boundary]}
    return Policies(({"Version": "2012-10-17", "Statement": list(statements)},), limit)


HERE_TOO = {**THE_ROLE, "Resource": "*"}
FAR = _request()
NEAR = _request(MINE)


@pytest.mark.parametrize(
    ("found", "request_", "grounds", "verdict"),
    [
        # In another account they have to allow it, however closely the role trusts the user.
        (_policies(THE_ROLE), FAR, Grounds.NAMED, Verdict.FINE),
        (_policies(THE_ROLE), FAR, None, Verdict.FINE),
        (_policies(ANOTHER), FAR, Grounds.NAMED, Verdict.WRONG),
        (_policies(), FAR, Grounds.ACCOUNT, Verdict.WRONG),
        (_policies(), FAR, None, Verdict.WRONG),
        (_policies(EVERYTHING, DENY | FROM_HOME), FAR, Grounds.NAMED, Verdict.WARNING),
        (_policies(EVERYTHING | FROM_HOME), FAR, Grounds.NAMED, Verdict.FINE),
        (_policies(THE_ROLE, boundary=EVERYTHING), FAR, Grounds.NAMED, Verdict.FINE),
        (_policies(THE_ROLE, boundary=ANOTHER), FAR, Grounds.NAMED, Verdict.WRONG),
        # In the same one where the role trusts the account.
        (_policies(HERE_TOO), NEAR, Grounds.ACCOUNT, Verdict.FINE),
        (_policies(), NEAR, Grounds.ACCOUNT, Verdict.WRONG),
        (_policies(), NEAR, Grounds.NAMED, Verdict.FINE),
        (_policies(), NEAR, None, Verdict.FINE),
        (_policies(EVERYTHING, DENY), NEAR, Grounds.NAMED, Verdict.WRONG),
        (_policies(boundary=ANOTHER), NEAR, Grounds.NAMED, Verdict.FINE),
        (None, FAR, Grounds.NAMED, Verdict.UNKNOWN),
        (None, NEAR, None, Verdict.UNKNOWN),
        (None, NEAR, Grounds.NAMED, Verdict.FINE),
    ],
)
def test_the_verdict(found: Policies | None, request_: Request, grounds: Grounds | None, verdict: Verdict) -> None:
    """A Deny counts always, an Allow where it is needed, a boundary where an Allow is; what is not certain warns."""
    result = finding(found, request_, grounds)
    assert verdict is result.verdict
    assert bool(result.hints) == (verdict in {Verdict.WRONG, Verdict.WARNING})


@pytest.mark.parametrize(
    ("found", "request_", "grounds", "fact"),
    [
        (_policies(THE_ROLE), FAR, None, "user alice may assume role deploy"),
        (_policies(), FAR, None, "which it needs because the role is in another account"),
        (_policies(), NEAR, Grounds.ACCOUNT, "which it needs because the role trusts its account as a whole"),
        (_policies(), NEAR, Grounds.NAMED, "none of user alice is about role deploy, and none is needed"),
        (_policies(), NEAR, None, "none is needed if it is trusted by name"),
        (_policies(DENY), NEAR, Grounds.NAMED, "a policy of user alice denies sts:AssumeRole on role deploy"),
        (_policies(THE_ROLE, boundary=ANOTHER), FAR, None, "the permissions boundary of user alice does not allow"),
        (None, NEAR, None, "nobody here is allowed to read those of user alice"),
    ],
)
def test_the_fact(found: Policies | None, request_: Request, grounds: Grounds | None, fact: str) -> None:
    """It says whose policies say what, and why that matters."""
    assert fact in finding(found, request_, grounds).fact


def test_the_policy_that_is_missing_can_be_copied() -> None:
    """It is on exactly this role."""
    hint, _ = finding(_policies(), FAR, None).hints
    assert f'"Action": "sts:AssumeRole", "Resource": "arn:aws:iam::{THEIRS}:role/deploy"' in hint
