"""The source credentials, and who reads IAM for the doctor."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from awsenv.aws.iam import Iam
from awsenv.aws.session import AwsSession
from awsenv.doctor.model import Verdict
from awsenv.doctor.source import first
from awsenv.errors import Origin, RefusedError, UnreachableError

if TYPE_CHECKING:
    from doctor.conftest import Account

ELSEWHERE = "210987654321"


def test_the_profile_reads_what_the_user_may_not(account: Account) -> None:
    """With --iam-profile, the findings are about the policies themselves."""
    account.role("plain")
    found = account.examine("plain", iam_profile="admin")
    assert ["role plain trusts user alice"] == [finding.fact for finding in found["trust policy"]]
    assert ["user alice has none for role plain, and needs none"] == [
        finding.fact for finding in found["identity policy"]
    ]


def test_a_profile_that_does_not_exist_is_a_warning(account: Account) -> None:
    """A wrong --iam-profile does not keep the role from being checked."""
    account.role("plain")
    found = account.examine("plain", iam_profile="nobody")
    (profile,) = found["IAM profile"]
    assert (Verdict.WARNING, True) == (profile.verdict, profile.fact.endswith(" assume role nobody"))
    assert Verdict.FINE is found["role"][0].verdict


def test_a_reader_reads_its_own_account(account: Account) -> None:
    """A reader reads only its own account."""
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
    """The finding has the end of the access key id."""
    account.role("plain")
    (found,) = account.examine("plain")["source"]
    shown = f"user alice of account {account.sandbox.account}, access key …{account.alice.access_key_id[-4:]}"
    assert (Verdict.FINE, shown) == (found.verdict, found.fact)
    assert account.alice.secret_access_key not in repr(found)


def test_a_clock_that_is_right_is_in_step(account: Account) -> None:
    """A difference of a second is none: AWS's date has whole seconds, and takes time to arrive."""
    account.role("plain")
    clock = account.sandbox.clock
    clock.elapse(time.time() - clock.now().timestamp())
    (found,) = account.examine("plain")["clock"]
    assert (Verdict.FINE, "in step with AWS's") == (found.verdict, found.fact)


def test_a_clock_that_is_a_little_off_is_fine(account: Account) -> None:
    """AWS accepts 15 minutes."""
    account.role("plain")
    (found,) = account.examine("plain", now=time.time() + 120)["clock"]
    assert (Verdict.FINE, True) == (found.verdict, found.fact.startswith("differs from AWS's by "))


def test_a_clock_that_is_far_off_hides_nothing(account: Account) -> None:
    """Sign by AWS's clock, and check the source as well."""
    account.role("plain")
    now = account.sandbox.clock.now().timestamp()
    account.sandbox.clock.advance(3600)
    found = account.examine("plain", now=now)
    assert [Verdict.WRONG] == [finding.verdict for finding in found["clock"]]
    assert [Verdict.FINE] == [finding.verdict for finding in found["source"]]


def test_a_token_of_another_session_is_found_by_leaving_it_out(account: Account) -> None:
    """If the keys work without the session token, the token is wrong."""
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


def test_the_first_reader_that_may_read(account: Account) -> None:
    """A failure leads to the next reader of the account, unless its code is to be raised, or no reader may read."""
    called: list[Iam] = []

    def read(iam: Iam) -> str:
        called.append(iam)
        if len(called) == 1:
            raise RefusedError("there is none", code="NoSuchEntity")
        return "found"

    def throttled(iam: Iam) -> str:
        if iam is readers[0][1]:
            raise UnreachableError("IAM is throttling")
        return "found"

    readers = tuple(
        (account.sandbox.account, Iam(AwsSession(None, account.environ), key))
        for key in (account.alice, account.sandbox.admin)
    )
    assert (None, []) == (first(readers, ELSEWHERE, read), called)
    assert ("found", 2) == (first(readers, account.sandbox.account, read), len(called))
    called.clear()
    with pytest.raises(UnreachableError, match="throttling"):
        first(readers[:1], account.sandbox.account, throttled)
    assert "found" == first(readers, account.sandbox.account, throttled)
    called.clear()
    with pytest.raises(RefusedError, match="there is none"):
        first(readers, account.sandbox.account, read, raises="NoSuchEntity")


class Root(BaseHTTPRequestHandler):
    """AWS's answer to the root user, which the local AWS does not have."""

    def do_POST(self) -> None:
        """Answer to GetCallerIdentity."""
        arn = f"<Arn>arn:aws:iam::{ELSEWHERE}:root</Arn><UserId>{ELSEWHERE}</UserId><Account>{ELSEWHERE}</Account>"
        result = f"<GetCallerIdentityResult>{arn}</GetCallerIdentityResult>"
        space = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
        body = f"<GetCallerIdentityResponse {space}>{result}</GetCallerIdentityResponse>".encode()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def test_the_root_user_can_assume_no_role(account: Account) -> None:
    """The next steps are a user's key, and the end of this one; nothing else is checked."""
    account.role("plain")
    with ThreadingHTTPServer(("127.0.0.1", 0), Root) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        account.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.server_port}"
        found = account.examine("plain")
        server.shutdown()
    (finding,) = (each for findings in found.values() for each in findings)
    fact = f"these are the keys of the root user of account {ELSEWHERE}, who can assume no role"
    hints = ("use the key of a user: awsenv setup makes one", "delete the keys of the root user")
    assert (Verdict.WRONG, fact, hints) == (finding.verdict, finding.fact, finding.hints)
