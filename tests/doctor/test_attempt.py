"""Whether AWS or the agent gives a role, and what may be behind a refusal."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from awsenv.doctor.finding import Verdict
from awsenv.doctor.inputs import FromAgent
from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from doctor.conftest import Account


def test_a_role_is_given(account: Account) -> None:
    """The finding says until when."""
    account.role("plain")
    (found,) = account.examine("plain")["role"]
    assert (Verdict.FINE, True) == (found.verdict, found.fact.startswith("AWS gives role plain until "))
    assert found.fact.endswith(" from now")


def test_no_code_is_spent_that_was_not_given(account: Account) -> None:
    """The hint says how to give one."""
    account.role("careful", mfa=True, settings=f"mfa_serial = {account.device.serial}")
    (found,) = account.examine("careful")["role"]
    assert (Verdict.UNKNOWN, "not tried: role careful takes an MFA code") == (found.verdict, found.fact)
    assert found.hint == "awsenv doctor careful CODE, with the code that the device shows"
    assert "AssumeRole" not in [call.action for call in account.sandbox.calls]


def test_a_code_is_used(account: Account) -> None:
    """And one that was used before is refused, as the finding about the code says."""
    account.role("careful", mfa=True, settings=f"mfa_serial = {account.device.serial}")
    code = account.device.code()
    assert Verdict.FINE is account.examine("careful", code)["role"][0].verdict
    assert Verdict.WRONG is account.examine("careful", code)["MFA code"][0].verdict


@pytest.mark.parametrize(
    ("answer", "verdict", "fact"),
    [
        (FromAgent(given=True), Verdict.FINE, "the agent gives role careful"),
        (FromAgent(given=False), Verdict.UNKNOWN, "not tried: role careful takes an MFA code"),
        (FromAgent(given=False, failed=True, said="no"), Verdict.WRONG, "the agent cannot get role careful: no"),
    ],
)
def test_the_agent_may_have_it(account: Account, answer: FromAgent, verdict: Verdict, fact: str) -> None:
    """With the MFA session of a login it costs no code."""
    account.role("careful", mfa=True, settings=f"mfa_serial = {account.device.serial}")
    (found,) = account.examine("careful", agent=answer)["role"]
    assert (verdict, fact) == (found.verdict, found.fact)


def test_the_agent_says_until_when(account: Account) -> None:
    """In UTC, and from now."""
    account.role("careful", mfa=True, settings=f"mfa_serial = {account.device.serial}")
    until = account.sandbox.clock.now() + timedelta(minutes=30)
    (found,) = account.examine("careful", agent=FromAgent(given=True, until=until))["role"]
    assert found.fact.startswith(f"the agent gives role careful until {until:%H:%M} UTC, ")


def test_a_refusal_that_no_policy_explains(account: Account) -> None:
    """The trust policy allows it: what is left are the policies that cannot be read from here."""
    sandbox = account.sandbox
    document = sandbox.trust(str(account.alice.arn))
    document["Statement"][0]["Condition"] = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    arn = sandbox.create_role("closed", document)
    account.configure(f"[profile closed]\nrole_arn = {arn}\nsource_profile = default\n")
    (found,) = account.examine("closed", iam_profile="admin")["role"]
    assert (Verdict.WRONG, "AWS refuses role closed, though its trust policy allows it") == (found.verdict, found.fact)
    assert "check aws:SourceIp (IpAddress) of its trust policy" in str(found.hint)


def test_an_answer_that_does_not_come_is_not_a_refusal(account: Account) -> None:
    """The network is the check then."""
    account.role("plain")
    account.sandbox.fail("AssumeRole", Fault.SERVER_ERROR, times=9)
    assert Verdict.WRONG is account.examine("plain")["network"][0].verdict
