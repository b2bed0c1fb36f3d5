"""Faults on demand, as a plain client sees them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from awsenv.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Credentials


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault.SERVER_ERROR, 500, "InternalFailure"),
        (Fault.UNAVAILABLE, 503, "ServiceUnavailable"),
        (Fault.THROTTLING, 400, "Throttling"),
    ],
)
def test_errors(
    sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, fault: Fault, status: int, code: str
) -> None:
    """A server error hits the given number of calls and no other action."""
    sts = client("sts", alice)
    sandbox.fail("GetSessionToken", fault, times=2)
    assert sts.get_caller_identity()["Arn"] == alice.arn
    assert [refusal(sts.get_session_token)[0] for _ in range(2)] == [code, code]
    assert sts.get_session_token()["Credentials"]
    assert [(call.status, call.error) for call in sandbox.calls[1:3]] == [(status, code)] * 2


@pytest.mark.parametrize(("fault", "spent"), [(Fault.DROP, False), (Fault.DROP_AFTER, True)])
def test_drop(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, fault: Fault, *, spent: bool) -> None:
    """The connection closes without a response, before or after the sandbox spends the MFA code."""
    device = sandbox.create_mfa_device("alice")
    sts = client("sts", alice)
    code = {"SerialNumber": device.serial, "TokenCode": device.code()}
    sandbox.fail("GetSessionToken", fault)
    with pytest.raises(ConnectionClosedError):
        sts.get_session_token(**code)
    assert sandbox.calls[-1].status is None
    if spent:
        assert "invalid MFA one time pass code" in refusal(sts.get_session_token, **code)[1]
    else:
        assert sts.get_session_token(**code)["Credentials"]


def test_blind_retry_spends_the_code(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """Botocore's own retry sends the same code again, which the sandbox refuses as used."""
    device = sandbox.create_mfa_device("alice")
    sts = client("sts", alice, retries={"total_max_attempts": 3, "mode": "standard"})
    sandbox.fail("GetSessionToken", Fault.DROP_AFTER)
    code, text = refusal(sts.get_session_token, SerialNumber=device.serial, TokenCode=device.code())
    assert (code, "invalid MFA one time pass code" in text) == ("AccessDenied", True)
    assert [call.status for call in sandbox.calls] == [None, 403]


def test_hang(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """No response comes until the client gives up."""
    sandbox.fail("GetCallerIdentity", Fault.HANG)
    with pytest.raises(ReadTimeoutError):
        client("sts", alice, read_timeout=0.2).get_caller_identity()


def test_hang_ends_with_the_sandbox(
    sandbox: Sandbox, client: Any, alice: Credentials, until: Callable[[Callable[[], object]], None]
) -> None:
    """A call that hangs ends when the sandbox stops."""
    sandbox.fail("GetCallerIdentity", Fault.HANG)
    with ThreadPoolExecutor() as pool:
        call = pool.submit(client("sts", alice).get_caller_identity)
        until(lambda: not sandbox.faults_left("GetCallerIdentity"))
        sandbox.close()
        assert isinstance(call.exception(), ConnectionClosedError)


def test_truncated(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """The body of a success ends in the middle, and botocore's error shows the secret key."""
    sandbox.fail("GetSessionToken", Fault.TRUNCATED)
    with pytest.raises(ResponseParserError, match="<SecretAccessKey>"):
        client("sts", alice).get_session_token()
    assert sandbox.calls[-1].status == 200


def test_html(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """A captive portal sends its own page: botocore raises an error that is not a BotoCoreError."""
    sandbox.fail("GetSessionToken", Fault.HTML)
    with pytest.raises(KeyError):
        client("sts", alice).get_session_token()


def test_empty(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """Botocore takes an empty result for a success without credentials."""
    sandbox.fail("GetSessionToken", Fault.EMPTY)
    assert "Credentials" not in client("sts", alice).get_session_token()


@pytest.mark.slow
def test_faults_of_other_services(sandbox: Sandbox, client: Any, refusal: Any) -> None:
    """Each service words a fault in its own protocol."""
    sandbox.fail("DescribeRegions", Fault.THROTTLING)
    sandbox.fail("ListAllMyBuckets", Fault.UNAVAILABLE)
    assert refusal(client("ec2", sandbox.admin).describe_regions) == ("Throttling", "Rate exceeded")
    assert refusal(client("s3", sandbox.admin).list_buckets)[0] == "ServiceUnavailable"


def test_throttling(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """As many calls as in a second may come at once; the next is refused, until there is no limit."""
    sts = client("sts", alice)
    sandbox.throttle("GetSessionToken", 0.001)
    assert ("Throttling", "Rate exceeded") == refusal(sts.get_session_token)[:2]
    assert sts.get_caller_identity()["Arn"] == alice.arn
    sandbox.throttle("GetSessionToken", 2)
    for _ in range(2):
        assert sts.get_session_token()["Credentials"]
    sandbox.throttle("GetSessionToken", None)
    for _ in range(3):
        assert sts.get_session_token()["Credentials"]
