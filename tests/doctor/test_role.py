"""The role, hop by hop, against a local AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.doctor.finding import Verdict

if TYPE_CHECKING:
    from doctor.conftest import Account


def test_a_role_that_works_though_nobody_may_read_why(account: Account) -> None:
    """What AWS gives needs no policy that can be read."""
    account.role("plain")
    found = account.examine("plain")
    assert {"source", "clock", "MFA device", "trust policy", "identity policy", "role"} == set(found)
    assert {Verdict.FINE} == {finding.verdict for findings in found.values() for finding in findings}
    (trusted,) = found["trust policy"]
    assert trusted.fact == "user alice is not allowed to read that of role plain; AWS gives the role all the same"


def test_a_missing_role_names_the_one_that_was_meant(account: Account) -> None:
    """A slip of the pen is found among the roles of the account."""
    arn = account.role("read-only")
    account.configure(f"[profile slip]\nrole_arn = {arn.replace('read', 'raed')}\nsource_profile = default\n")
    (found,) = account.examine("slip", iam_profile="admin")["role"]
    fact = f"account {account.sandbox.account} has no role raed-only"
    assert (Verdict.WRONG, fact, f"set role_arn = {arn}") == (found.verdict, found.fact, found.hint)


def test_a_path_is_part_of_the_arn(account: Account) -> None:
    """AWS gives no role whose path is left out."""
    sandbox = account.sandbox
    arn = sandbox.create_role("ops", sandbox.trust(str(account.alice.arn)), path="/team/")
    account.configure(f"[profile ops]\nrole_arn = {arn.replace('/team', '')}\nsource_profile = default\n")
    (found,) = account.examine("ops", iam_profile="admin")["role"]
    assert (f"role ops has another path: its ARN is {arn}", f"set role_arn = {arn}") == (found.fact, found.hint)


def test_a_duration_that_the_role_does_not_grant(account: Account) -> None:
    """It is found before AWS is asked."""
    account.role("short", settings="duration_seconds = 7200")
    (found,) = account.examine("short", iam_profile="admin")["duration"]
    assert found.fact == "7200 seconds are asked for, and role short grants 3600 at most"
    assert "AssumeRole" not in [call.action for call in account.sandbox.calls]


def test_a_role_behind_a_role(account: Account) -> None:
    """The session of the first asks for the second, and the trust policy may name the role."""
    first = account.role("first")
    arn = account.sandbox.create_role("second", account.sandbox.trust(first))
    account.configure(f"[profile second]\nrole_arn = {arn}\nsource_profile = first\n")
    found = account.examine("second", iam_profile="admin")
    assert ["role first trusts user alice", "role second trusts role first"] == [
        finding.fact for finding in found["trust policy"]
    ]
    assert [Verdict.FINE] * 2 == [finding.verdict for finding in found["role"]]


def test_nothing_is_asked_behind_what_is_wrong(account: Account) -> None:
    """The first cause is the last finding."""
    first = account.role("first")
    account.configure(f"[profile gone]\nrole_arn = {first}-gone\nsource_profile = first\n")
    account.configure("[profile last]\nrole_arn = arn:aws:iam::123456789012:role/last\nsource_profile = gone\n")
    found = account.examine("last", iam_profile="admin")
    assert ["role first trusts user alice"] == [finding.fact for finding in found["trust policy"]]
    assert Verdict.WRONG is found["role"][-1].verdict


def test_a_source_that_is_no_role(account: Account) -> None:
    """Its credentials are used as they are."""
    (found,) = account.examine("admin")["role"]
    assert (Verdict.FINE, "admin is not a role: its credentials are used as they are") == (found.verdict, found.fact)


def test_a_code_proves_the_device(account: Account) -> None:
    """Alice may not list her devices, and AWS accepts the code of one."""
    account.role("careful", mfa=True, settings=f"mfa_serial = {account.device.serial}")
    (found,) = account.examine("careful", account.device.code())["MFA device"]
    fact = f"{account.device.serial}, and AWS accepts its codes"
    assert (Verdict.FINE, fact) == (found.verdict, found.fact)
