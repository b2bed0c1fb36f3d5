"""Principals, tested on the pages of the IAM guide "AWS JSON policy elements: Principal" and "IAM identifiers"."""

from __future__ import annotations

import pytest

from awsenv.iam.principal import Grounds, Principal, is_left_of_deleted, serials, showing_codes

NONE, ACCOUNT, BY_ROLE, NAMED = Grounds
MINE, OTHER = "123456789012", "210987654321"
ALICE = Principal(f"arn:aws:iam::{MINE}:user/team/alice", user_id="AIDACKCEVSQ6C2EXAMPLE")
ROLE = f"arn:aws:iam::{MINE}:role/team/deploy"
SESSION = Principal(f"arn:aws:sts::{MINE}:assumed-role/deploy/me", ROLE, "AROADBQP57FF2AEXAMPLE:me", has_token=True)
UNKNOWN_PATH = Principal(SESSION.arn, has_token=True)
FEDERATED = Principal(f"arn:aws:sts::{MINE}:federated-user/carol", has_token=True)
ROOT = Principal(f"arn:aws:iam::{MINE}:root")

NAMES = [
    (ALICE, "*", NAMED),
    (ALICE, ALICE.arn, NAMED),
    (ALICE, "AIDACKCEVSQ6C2EXAMPLE", NAMED),
    (ALICE, MINE, ACCOUNT),
    (ALICE, f"arn:aws:iam::{MINE}:root", ACCOUNT),
    (ALICE, OTHER, NONE),
    (ALICE, f"arn:aws:iam::{OTHER}:root", NONE),
    (ALICE, f"arn:aws-cn:iam::{MINE}:root", NONE),
    (ALICE, f"arn:aws:iam::{MINE}:user/team/Alice", NONE),
    (ALICE, f"arn:aws:iam::{MINE}:user/alice", NONE),
    (ALICE, "AIDAOTHEREXAMPLE", NONE),
    # A wildcard cannot match a part of a name or of an ARN.
    (ALICE, f"arn:aws:iam::{MINE}:user/*", NONE),
    (ALICE, f"arn:aws:iam::{MINE}:*", NONE),
    (SESSION, "*", NAMED),
    (SESSION, SESSION.arn, NAMED),
    (SESSION, "AROADBQP57FF2AEXAMPLE:me", NAMED),
    (SESSION, ROLE, BY_ROLE),
    (SESSION, "AROADBQP57FF2AEXAMPLE", BY_ROLE),
    (SESSION, MINE, ACCOUNT),
    (SESSION, f"arn:aws:sts::{MINE}:assumed-role/deploy/other", NONE),
    (SESSION, f"arn:aws:sts::{MINE}:assumed-role/deploy/*", NONE),
    (SESSION, f"arn:aws:iam::{MINE}:role/deploy", NONE),
    # The ARN of a session leaves the path of its role out.
    (UNKNOWN_PATH, ROLE, BY_ROLE),
    (UNKNOWN_PATH, f"arn:aws:iam::{MINE}:role/deploy", BY_ROLE),
    (UNKNOWN_PATH, f"{ROLE}er", NONE),
    (UNKNOWN_PATH, f"arn:aws:iam::{OTHER}:role/deploy", NONE),
    (FEDERATED, FEDERATED.arn, NAMED),
    (FEDERATED, f"arn:aws:iam::{MINE}:user/carol", NONE),
    (ROOT, f"arn:aws:iam::{MINE}:root", ACCOUNT),
]


@pytest.mark.parametrize(("principal", "name", "grounds"), NAMES)
def test_documented_names(principal: Principal, name: str, grounds: Grounds) -> None:
    """An ARN or id names a user or session, a role its sessions, and a star or the account everyone."""
    assert grounds is principal.named_by(name)


@pytest.mark.parametrize(
    ("principal", "facts"),
    [
        (ALICE, (MINE, "aws", "user", "alice", "user alice", ALICE.arn)),
        (SESSION, (MINE, "aws", "assumed-role", "deploy", "role deploy", ROLE)),
        (
            UNKNOWN_PATH,
            (MINE, "aws", "assumed-role", "deploy", "role deploy", f"arn:aws:iam::{MINE}:role/deploy"),
        ),
        (FEDERATED, (MINE, "aws", "federated-user", "carol", "federated user carol", FEDERATED.arn)),
        (ROOT, (MINE, "aws", "root", "root", "the root user", ROOT.arn)),
    ],
)
def test_reads_an_arn(principal: Principal, facts: tuple[str, ...]) -> None:
    """A principal reads its account, kind and name from its ARN."""
    read = (
        principal.account,
        principal.partition,
        principal.kind,
        principal.name,
        principal.title,
        principal.principal_arn,
    )
    assert facts == read


@pytest.mark.parametrize(
    ("name", "deleted"),
    [("AIDACKCEVSQ6C2EXAMPLE", True), ("AROADBQP57FF2AEXAMPLE", True), (MINE, False), ("*", False), (ROLE, False)],
)
def test_a_deleted_principal_is_an_id(name: str, deleted: bool) -> None:  # noqa: FBT001 - a table
    """IAM shows the id of a deleted user or role."""
    assert deleted is is_left_of_deleted(name)


def test_fido_keys_show_no_codes() -> None:
    """Only virtual and hardware devices show codes for STS."""
    virtual, hardware = "arn:aws:iam::123456789012:mfa/alice", "GAHT12345678"
    fido = "arn:aws:iam::123456789012:u2f/user/alice/key-ABCDEFG"
    assert (virtual, hardware) == showing_codes([virtual, fido, hardware])


def test_the_serials_of_a_response() -> None:
    """A device without a serial number is skipped."""
    assert ("GAHT12345678",) == serials([{"SerialNumber": "GAHT12345678", "UserName": "alice"}, {"UserName": "alice"}])


def test_the_default_device_of_a_user_with_a_path() -> None:
    """The path is part of the ARN of a user, but not of its device."""
    alice = Principal("arn:aws-cn:iam::123456789012:user/team/alice")
    assert "arn:aws-cn:iam::123456789012:mfa/alice" == alice.device
