"""Whether the MFA device of a chain is one of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from awsenv.doctor.device import CHECK, finding
from awsenv.doctor.model import Finding, Verdict
from awsenv.iam.principal import Principal
from awsenv.model import AssumeRole, Chain, Mfa, RoleArn, Source
from awsenv.origin import Origin

if TYPE_CHECKING:
    from awsenv.doctor.device import Devices

ACCOUNT = "123456789012"
ALICE = Principal(f"arn:aws:iam::{ACCOUNT}:user/alice")
ROLE = Principal(f"arn:aws:sts::{ACCOUNT}:assumed-role/first/me")
MINE, BOBS = f"arn:aws:iam::{ACCOUNT}:mfa/alice", f"arn:aws:iam::{ACCOUNT}:mfa/bob"
FAR = "arn:aws:iam::210987654321:mfa/alice"
FIDO = f"arn:aws:iam::{ACCOUNT}:u2f/user/alice/key"
ORIGIN = Origin("~/.aws/config", 6, "profile p", "mfa_serial")


def _chain(mfa: Mfa | None) -> Chain:
    hop = AssumeRole(RoleArn("aws", ACCOUNT, "deploy"), "me", mfa=mfa, origins={"mfa_serial": ORIGIN})
    return Chain(Source("static", "default"), (hop,), "p", "p")


@pytest.mark.parametrize(
    ("mfa", "principal", "owned", "verdict", "fact", "hint"),
    [
        (None, ALICE, None, Verdict.FINE, "none is configured, so no code is needed", None),
        (Mfa(None), ALICE, None, Verdict.FINE, "none is configured: awsenv looks up that of user alice", None),
        (Mfa(MINE), ALICE, (MINE,), Verdict.FINE, f"{MINE}, of user alice", None),
        (Mfa("GAHT1"), ALICE, ("GAHT1",), Verdict.FINE, "GAHT1, of user alice", None),
        (Mfa(MINE), ALICE, None, Verdict.UNKNOWN, "user alice is not allowed to list its devices", None),
        (Mfa(BOBS), ALICE, (MINE,), Verdict.WRONG, f"no MFA device {BOBS}", f"set mfa_serial = {MINE}"),
        (Mfa(BOBS), ALICE, (FIDO,), Verdict.WRONG, f"no MFA device {BOBS}", "only FIDO keys"),
        (Mfa(BOBS), ALICE, (), Verdict.WRONG, f"no MFA device {BOBS}", "awsenv setup adds one"),
        (Mfa(FAR), ALICE, None, Verdict.WRONG, "it belongs to account 210987654321", "aws iam list-mfa-devices"),
        (Mfa(MINE), ROLE, None, Verdict.WRONG, "role first is not a user", "remove mfa_serial"),
    ],
)
def test_the_finding(
    mfa: Mfa | None, principal: Principal, owned: Devices, verdict: Verdict, fact: str, hint: str | None
) -> None:
    """It says whose device it is, and which one to use instead."""
    found = finding(_chain(mfa), principal, owned)
    assert (CHECK, verdict, True) == (found.check, found.verdict, fact in found.fact)
    assert (not found.hints) if hint is None else hint in found.hints[0]


def test_a_code_that_works_proves_the_device() -> None:
    """Then nobody has to be allowed to list devices."""
    found = finding(_chain(Mfa(MINE)), ALICE, None, code_works=True)
    assert Finding(CHECK, Verdict.FINE, f"{MINE}, and AWS accepts its codes", (ORIGIN,)) == found
