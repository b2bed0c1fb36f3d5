"""The source credentials, and who reads IAM for the doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.doctor.model import Verdict
from awsenv.origin import Origin

if TYPE_CHECKING:
    from doctor.conftest import Account

ELSEWHERE = "210987654321"


def test_the_profile_reads_what_the_user_may_not(account: Account) -> None:
    """Then the policies themselves are what is found."""
    account.role("plain")
    found = account.examine("plain", iam_profile="admin")
    assert ["role plain trusts user alice"] == [finding.fact for finding in found["trust policy"]]
    assert ["user alice has none for role plain, and needs none"] == [
        finding.fact for finding in found["identity policy"]
    ]


def test_a_profile_that_does_not_exist_is_a_warning(account: Account) -> None:
    """The role is looked at all the same."""
    account.role("plain")
    found = account.examine("plain", iam_profile="nobody")
    (profile,) = found["IAM profile"]
    assert (Verdict.WARNING, True) == (profile.verdict, "nobody" in profile.fact)
    assert Verdict.FINE is found["role"][0].verdict


def test_an_administrator_of_one_account_is_not_asked_about_another(account: Account) -> None:
    """A role of the same name in another account is another role."""
    sandbox = account.sandbox
    sandbox.create_role("deploy", sandbox.trust(f"arn:aws:iam::{sandbox.account}:user/sandbox-admin"))
    arn = sandbox.create_role("deploy", sandbox.trust(str(account.alice.arn)), account=ELSEWHERE)
    account.configure(f"[profile far]\nrole_arn = {arn}\nsource_profile = default\n")
    found = account.examine("far", iam_profile="admin")
    assert Verdict.UNKNOWN is found["trust policy"][0].verdict
    (own,) = found["identity policy"]
    assert own.fact == (
        "user alice is not allowed sts:AssumeRole on role deploy, which it needs because the role is in another account"
    )


def test_the_source_is_named_and_its_secret_is_not(account: Account) -> None:
    """The end of the access key id tells two keys apart."""
    account.role("plain")
    (found,) = account.examine("plain")["source"]
    shown = f"user alice of account {account.sandbox.account}, access key …{account.alice.access_key_id[-4:]}"
    assert (Verdict.FINE, shown) == (found.verdict, found.fact)
    assert account.alice.secret_access_key not in repr(found)


def test_a_clock_that_is_far_off_is_the_cause(account: Account) -> None:
    """AWS refuses every signature then, so nothing is said of the keys."""
    account.role("plain")
    now = account.sandbox.clock.now().timestamp()
    account.sandbox.clock.advance(3600)
    found = account.examine("plain", now=now)
    assert [Verdict.WRONG] == [finding.verdict for finding in found["clock"]]
    assert [(Verdict.UNKNOWN, "not checked: set the clock first")] == [
        (finding.verdict, finding.fact) for finding in found["source"]
    ]


def test_a_token_of_another_session_is_found_by_leaving_it_out(account: Account) -> None:
    """The keys are good without it: nobody has to replace them."""
    account.environ["AWS_ACCESS_KEY_ID"] = account.alice.access_key_id
    account.environ["AWS_SECRET_ACCESS_KEY"] = account.alice.secret_access_key
    account.environ["AWS_SESSION_TOKEN"] = "canary-of-last-week"
    arn = account.sandbox.create_role("plain", account.sandbox.trust(str(account.alice.arn)))
    (found,) = account.examine(arn)["source"]
    assert (Verdict.WRONG, (Origin("AWS_SESSION_TOKEN"),), ("unset AWS_SESSION_TOKEN",)) == (
        found.verdict,
        found.origins,
        found.hints,
    )
    assert "canary" not in repr(found)
