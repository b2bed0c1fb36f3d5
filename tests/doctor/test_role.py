"""The role, hop by hop, against a local AWS."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from awsenv.doctor.model import Verdict, fine, unknown, wrong
from awsenv.doctor.role import DEVICE, mfa
from awsenv.errors import Origin
from awsenv.iam.principal import Principal
from awsenv.model import AssumeRole, Mfa, RoleArn
from awsenv.sandbox import Fault
from awsenv.sandbox.responses import ServiceError

if TYPE_CHECKING:
    from awsenv.doctor.model import Finding
    from doctor.conftest import Account

ACCOUNT = "123456789012"
ALICE = Principal(f"arn:aws:iam::{ACCOUNT}:user/alice")
ROLE = Principal(f"arn:aws:sts::{ACCOUNT}:assumed-role/first/me")
MINE, BOBS = f"arn:aws:iam::{ACCOUNT}:mfa/alice", f"arn:aws:iam::{ACCOUNT}:mfa/bob"
FAR = "arn:aws:iam::210987654321:mfa/alice"
FIDO = f"arn:aws:iam::{ACCOUNT}:u2f/user/alice/key"
ORIGIN = Origin("~/.aws/config", 6, "profile p", "mfa_serial")


def test_a_role_that_works_without_readable_policies(account: Account) -> None:
    """A role that AWS grants is fine, even if no policy can be read."""
    account.role("plain")
    found = account.examine("plain")
    assert {"source", "clock", "MFA device", "trust policy", "identity policy", "role"} == set(found)
    assert {Verdict.FINE} == {finding.verdict for findings in found.values() for finding in findings}
    (trusted,) = found["trust policy"]
    assert trusted.fact == "the trust policy of role plain cannot be read from here, but AWS accepts the request"


def test_a_missing_role_names_the_one_that_was_meant(account: Account) -> None:
    """The next step for a misspelt role has the ARN of the closest one."""
    arn = account.role("read-only")
    account.configure(f"[profile slip]\nrole_arn = {arn.replace('read', 'raed')}\nsource_profile = default\n")
    (found,) = account.examine("slip", iam_profile="admin")["role"]
    fact = f"account {account.sandbox.account} has no role raed-only"
    assert (Verdict.WRONG, fact, (f"set role_arn = {arn}", "aws iam list-roles")) == (
        found.verdict,
        found.fact,
        found.hints,
    )


def test_a_path_is_part_of_the_arn(account: Account) -> None:
    """The next step for a missing path has the whole ARN."""
    sandbox = account.sandbox
    arn = sandbox.create_role("ops", sandbox.trust(str(account.alice.arn)), path="/team/")
    account.configure(f"[profile ops]\nrole_arn = {arn.replace('/team', '')}\nsource_profile = default\n")
    (found,) = account.examine("ops", iam_profile="admin")["role"]
    assert (f"role ops has another path: its ARN is {arn}", (f"set role_arn = {arn}",)) == (found.fact, found.hints)


def test_a_duration_that_the_role_does_not_grant(account: Account) -> None:
    """A duration above the maximum is found before anything is sent."""
    account.role("short", settings="duration_seconds = 7200")
    (found,) = account.examine("short", iam_profile="admin")["duration"]
    assert found.fact == "the request is for 2h, and role short grants 1h at most"
    assert "AssumeRole" not in [call.action for call in account.sandbox.calls]


def test_a_role_behind_a_role(account: Account) -> None:
    """The session of the first role signs the request for the second."""
    first = account.role("first")
    arn = account.sandbox.create_role("second", account.sandbox.trust(first))
    account.configure(f"[profile second]\nrole_arn = {arn}\nsource_profile = first\n")
    found = account.examine("second", iam_profile="admin")
    assert ["role first trusts user alice", "role second trusts role first"] == [
        finding.fact for finding in found["trust policy"]
    ]
    assert [Verdict.FINE] * 2 == [finding.verdict for finding in found["role"]]


def test_nothing_is_checked_behind_what_is_wrong(account: Account) -> None:
    """The findings end with the first hop that is wrong."""
    first = account.role("first")
    account.configure(f"[profile gone]\nrole_arn = {first}-gone\nsource_profile = first\n")
    account.configure("[profile last]\nrole_arn = arn:aws:iam::123456789012:role/last\nsource_profile = gone\n")
    found = account.examine("last", iam_profile="admin")
    assert ["role first trusts user alice"] == [finding.fact for finding in found["trust policy"]]
    assert Verdict.WRONG is found["role"][-1].verdict


def test_a_source_that_is_no_role(account: Account) -> None:
    """A profile that is not a role is fine."""
    (found,) = account.examine("admin")["role"]
    assert (Verdict.FINE, "admin is not a role: its credentials are used as they are") == (found.verdict, found.fact)


def test_a_code_proves_the_device(account: Account) -> None:
    """A device that cannot be listed is fine once AWS accepts its code."""
    account.role("careful", mfa=True, settings=f"mfa_serial = {account.device.serial}")
    (found,) = account.examine("careful", account.device.code())["MFA device"]
    fact = f"{account.device.serial}; user alice cannot list its devices, but AWS accepts the request"
    assert (Verdict.FINE, fact) == (found.verdict, found.fact)


def test_a_granted_role_has_an_end(account: Account) -> None:
    """The finding says when the credentials end."""
    account.role("plain")
    (found,) = account.examine("plain")["role"]
    assert (Verdict.FINE, True) == (found.verdict, found.fact.startswith("AWS grants role plain until "))
    assert found.fact.endswith(")")


def test_no_code_is_spent_that_was_not_given(account: Account) -> None:
    """Without a code, a role with MFA is not tried, and the next step adds one."""
    account.role("careful", mfa=True, settings=f"mfa_serial = {account.device.serial}")
    (found,) = account.examine("careful")["role"]
    assert (Verdict.UNKNOWN, "not tried: role careful needs an MFA code") == (found.verdict, found.fact)
    assert found.hints == ("awsenv doctor careful CODE",)
    assert "AssumeRole" not in [call.action for call in account.sandbox.calls]


def test_a_code_is_used(account: Account) -> None:
    """A code works once; used again, it is the finding."""
    account.role("careful", mfa=True, settings=f"mfa_serial = {account.device.serial}")
    code = account.device.code()
    assert Verdict.FINE is account.examine("careful", code)["role"][0].verdict
    assert Verdict.WRONG is account.examine("careful", code)["MFA code"][0].verdict


@pytest.mark.parametrize(
    ("reply", "verdict", "fact"),
    [
        (fine("role", "the agent provides careful"), Verdict.FINE, "the agent provides careful"),
        (wrong("role", "the agent cannot get the role"), Verdict.WRONG, "the agent cannot get the role"),
        (unknown("role", ""), Verdict.UNKNOWN, "not tried: role careful needs an MFA code"),
        (unknown("role", "too old"), Verdict.UNKNOWN, "not tried: role careful needs an MFA code; too old"),
        (None, Verdict.UNKNOWN, "not tried: role careful needs an MFA code"),
    ],
)
def test_the_agent_may_provide_it(account: Account, reply: Finding | None, verdict: Verdict, fact: str) -> None:
    """Without a code, the reply of the agent counts."""
    account.role("careful", mfa=True, settings=f"mfa_serial = {account.device.serial}")
    (found,) = account.examine("careful", agent=reply)["role"]
    assert (verdict, fact) == (found.verdict, found.fact)


def test_a_refusal_that_no_policy_explains(account: Account) -> None:
    """If the trust policy allows the request, the next steps name what could not be checked."""
    sandbox = account.sandbox
    document = sandbox.trust(str(account.alice.arn))
    document["Statement"][0]["Condition"] = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    arn = sandbox.create_role("closed", document)
    account.configure(f"[profile closed]\nrole_arn = {arn}\nsource_profile = default\n")
    (found,) = account.examine("closed", iam_profile="admin")["role"]
    assert (Verdict.WRONG, True) == (
        found.verdict,
        str(found.because).startswith("no trust policy statement allows user alice (AWS said: no role trust policy"),
    )
    assert found.hints == (
        "check aws:SourceIp (IpAddress) of its trust policy",
        "ask the owner of the role whom it trusts, and with which external id",
    )


@pytest.mark.parametrize(
    ("reason", "cause", "hints"),
    [
        (
            " with an explicit deny in a service control policy",
            "a service control policy denies sts:AssumeRole in account {account} (AWS said: {reason})",
            ("ask the administrator of the AWS organization to change that policy",),
        ),
        (
            " because no permissions boundary allows the sts:AssumeRole action",
            "the permissions boundary of user alice does not allow sts:AssumeRole (AWS said: {reason})",
            ("ask an administrator of account {account} to change it",),
        ),
        (
            " because no identity-based policy allows the sts:AssumeRole action",
            "no policy of user alice allows sts:AssumeRole (AWS said: {reason})",
            ("ask an administrator of account {account} to change its policies",),
        ),
        (
            " with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/No",
            "a policy of user alice denies sts:AssumeRole (AWS said: {reason})",
            ("ask an administrator of account {account} to change its policies",),
        ),
        (
            " because no role trust policy allows the sts:AssumeRole action",
            "no trust policy statement allows user alice (AWS said: {reason})",
            ("ask the owner of the role whom it trusts, and with which external id",),
        ),
        (
            " because no resource-based policy allows the sts:AssumeRole action",
            "no trust policy statement allows user alice (AWS said: {reason})",
            ("ask the owner of the role whom it trusts, and with which external id",),
        ),
        (
            " with an explicit deny in a session policy",
            "the session policy of user alice denies sts:AssumeRole (AWS said: {reason})",
            ("use credentials that are not narrowed (--policy, --only and the like)",),
        ),
        (
            " with an explicit deny in a VPC endpoint policy",
            "the policy of the VPC endpoint denies sts:AssumeRole (AWS said: {reason})",
            ("ask the administrator of the network to change the endpoint policy",),
        ),
        (
            " with an explicit deny in a resource control policy",
            "a resource control policy denies sts:AssumeRole (AWS said: {reason})",
            ("ask the administrator of the resource's organization to change it",),
        ),
        (
            "",
            "AWS said: User: {alice} is not authorized to perform: sts:AssumeRole on resource: r",
            (
                "aws organizations list-policies --filter SERVICE_CONTROL_POLICY",
                "the same command again in a minute, if a policy has just changed",
            ),
        ),
    ],
)
def test_the_reason_of_aws_is_the_cause(account: Account, reason: str, cause: str, hints: tuple[str, ...]) -> None:
    """What no policy that can be read explains, AWS explains: its reason steers the cause and the next steps."""
    account.role("closed")
    alice = str(account.alice.arn)
    message = f"User: {alice} is not authorized to perform: sts:AssumeRole on resource: r{reason}"
    account.sandbox.fail("AssumeRole", ServiceError("AccessDenied", message, 403))

    (found,) = account.examine("closed", iam_profile="admin")["role"]

    names = {"account": account.alice.account, "alice": alice, "reason": reason.strip().removeprefix("because ")}
    assert (cause.format(**names), tuple(hint.format(**names) for hint in hints)) == (found.because, found.hints)


@pytest.mark.parametrize("iam_profile", [None, "admin"])
@pytest.mark.parametrize("name", ["read-onyl", "xyz"])
def test_a_name_that_is_no_profile(account: Account, name: str, iam_profile: str | None) -> None:
    """It may be meant for a profile or, if IAM can be read, for a role that is near. Who may assume it is unknown."""
    account.role("read-only")
    found = account.examine(name, iam_profile=iam_profile)
    (role,) = found["role"]
    hint = "awsenv doctor read-only" if iam_profile and name == "read-onyl" else "awsenv list"
    assert (Verdict.WRONG, (), hint) == (role.verdict, role.origins, role.hints[0])
    shown = " ".join(f"{each.fact} {each.hints}" for findings in found.values() for each in findings)
    assert not re.search("external id|MFA,|another account", shown)


@pytest.mark.parametrize(
    ("action", "check"),
    [("ListMFADevices", "MFA device"), ("GetRole", "trust policy"), ("GetUser", "identity policy")],
)
def test_iam_that_fails_is_no_missing_permission(account: Account, action: str, check: str) -> None:
    """What IAM did not say is unknown for that reason, and AWS is asked for the role all the same."""
    account.role("plain")
    account.sandbox.fail(action, Fault.SERVER_ERROR, times=9)
    found = account.examine("plain", iam_profile="admin")

    assert "is failing (HTTP 500)" in found[check][0].fact
    assert Verdict.FINE is found["role"][-1].verdict


def test_an_answer_that_does_not_come_is_not_a_refusal(account: Account) -> None:
    """If AWS does not answer, the finding is about the network."""
    account.role("plain")
    account.sandbox.fail("AssumeRole", Fault.SERVER_ERROR, times=9)
    assert Verdict.WRONG is account.examine("plain")["network"][0].verdict


@pytest.mark.parametrize(
    ("device", "principal", "owned", "verdict", "fact", "hint"),
    [
        (None, ALICE, None, Verdict.FINE, "none is configured, so no code is needed", None),
        (Mfa(), ALICE, None, Verdict.FINE, "none is configured: awsenv looks up that of user alice", None),
        (Mfa(MINE), ALICE, (MINE,), Verdict.FINE, f"{MINE}, of user alice", None),
        (Mfa("GAHT1"), ALICE, ("GAHT1",), Verdict.FINE, "GAHT1, of user alice", None),
        (Mfa(MINE), ALICE, None, Verdict.UNKNOWN, "user alice cannot list its devices", None),
        (Mfa(BOBS), ALICE, (MINE,), Verdict.WRONG, f"no MFA device {BOBS}", f"set mfa_serial = {MINE}"),
        (Mfa(BOBS), ALICE, (FIDO,), Verdict.WRONG, f"no MFA device {BOBS}, and none that shows codes", "awsenv setup"),
        (Mfa(BOBS), ALICE, (), Verdict.WRONG, f"no MFA device {BOBS}, and none that shows codes", "awsenv setup"),
        (Mfa(FAR), ALICE, None, Verdict.WRONG, "it belongs to account 210987654321", "to a device of user alice"),
        (Mfa(MINE), ROLE, None, Verdict.WRONG, "role first is not a user", "remove mfa_serial"),
    ],
)
def test_the_device(
    device: Mfa | None,
    principal: Principal,
    owned: tuple[str, ...] | None,
    verdict: Verdict,
    fact: str,
    hint: str | None,
) -> None:
    """The finding says whose device it is, and the next step names another one."""
    mfa_device = None if device is None else replace(device, origins={"mfa_serial": ORIGIN})
    hop = AssumeRole(RoleArn("aws", ACCOUNT, "deploy"), "me", mfa=mfa_device)
    found = mfa(hop, principal, owned)
    assert (DEVICE, verdict, True) == (found.check, found.verdict, fact in found.fact)
    assert (not found.hints) if hint is None else hint in found.hints[0]
