"""The sandbox as a whole: it starts, stops and stays isolated."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from awsenv.sandbox import MfaDevice, Sandbox, mfa_code

if TYPE_CHECKING:
    from awsenv.model import Credentials


def _code(sandbox: Sandbox, user: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{sandbox.url}/_awsenv/mfa-code/{user}", timeout=10) as response:
        return str(response.read().decode())


def test_codes_are_handed_out_once(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """The current and the next code are there, each once; a used one is none; half a minute later there is another."""
    device = sandbox.create_mfa_device("alice")
    current, following = device.code(), device.next_code()
    attempt = {"SerialNumber": device.serial, "TokenCode": current}
    client("sts", alice).get_session_token(**attempt)

    assert f"{following}\n" == _code(sandbox, "alice")
    with pytest.raises(urllib.error.HTTPError) as refused:
        _code(sandbox, "alice")
    refused.value.close()
    assert 503 == refused.value.code
    assert 0 < int(refused.value.headers["Retry-After"]) <= 25
    sandbox.clock.elapse(30)
    assert f"{device.next_code()}\n" == _code(sandbox, "")


def test_a_device_without_a_user_has_codes(sandbox: Sandbox, client: Any) -> None:
    """A device that was just created has the two codes that enable it; an unknown one is told from it."""
    sandbox.create_user("bob")
    iam = client("iam", sandbox.admin)
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    codes = {f"AuthenticationCode{number}": _code(sandbox, "phone").strip() for number in (1, 2)}

    iam.enable_mfa_device(UserName="bob", SerialNumber=serial, **codes)

    with pytest.raises(urllib.error.HTTPError) as refused:
        _code(sandbox, "tablet")
    with refused.value as error:
        assert (404, b"there is no MFA device tablet; there are: phone\n") == (error.code, error.read())


def test_mfa_code_waits(sandbox: Sandbox) -> None:
    """`mfa-code` shows on a terminal what it waits for, and prints the code alone once there is one."""
    sandbox.create_user("alice+test@example.com")
    device = sandbox.create_mfa_device("alice+test@example.com")
    assert {device.code(), device.next_code()} == {_code(sandbox, "").strip() for _ in range(2)}
    words = ["-I", mfa_code.__file__, sandbox.mfa_codes, device.serial]
    program = pexpect.spawn(sys.executable, words, encoding="utf-8", timeout=60)
    program.expect(r"the next MFA code comes in \d+s")

    sandbox.clock.elapse(30)

    program.expect(r"\x1b\[K(\d{6})\r\n")
    assert device.next_code() == program.match[1]
    program.expect(pexpect.EOF)


def test_mfa_code_says_what_is_wrong(sandbox: Sandbox) -> None:
    """An unknown device, and a demo that has ended, are one line on stderr."""
    sandbox.create_user("alice")
    sandbox.create_mfa_device("alice")

    def run(url: str, *device: str) -> tuple[int, str, str]:
        words = [sys.executable, "-I", mfa_code.__file__, url, *device]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    assert (1, "", "mfa-code: there is no MFA device bob; there are: alice\n") == run(sandbox.mfa_codes, "bob")
    sandbox.close()
    assert (1, "", "mfa-code: the demo has ended\n") == run(sandbox.mfa_codes)


def test_url_and_account(sandbox: Sandbox) -> None:
    """The sandbox listens on loopback, and its account has twelve digits."""
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", sandbox.url)
    assert re.fullmatch(r"[1-9]\d{11}", sandbox.account)


def test_stop() -> None:
    """A stopped sandbox frees its port; stopping twice is no error."""
    with Sandbox() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
    sandbox.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_chosen_account() -> None:
    """A sandbox takes a given account, unless another sandbox has it at the time."""
    with Sandbox("210987654321") as sandbox:
        assert sandbox.account == "210987654321"
        with pytest.raises(ValueError, match="belongs to another sandbox"):
            Sandbox("210987654321")
    with Sandbox("210987654321") as sandbox:
        assert sandbox.create_user("alice").arn == "arn:aws:iam::210987654321:user/alice"


def test_several_at_once(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, role: str) -> None:
    """Two sandboxes share no users, keys, roles or calls."""
    with Sandbox() as other:
        other.create_user("alice")
        bob = other.create_user("bob", policies=["AdministratorAccess"])
        assert refusal(client("sts", bob).get_caller_identity)[0] == "InvalidClientTokenId"
        assert other.calls == ()
        assert len(sandbox.calls) == 1
    assert client("sts", alice).assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]


def test_nothing_is_left(client: Any, sandbox: Sandbox, boto: Any) -> None:
    """A sandbox that stops forgets everything, including bucket names."""
    client("s3", sandbox.admin).create_bucket(Bucket="bucket")
    sandbox.close()
    with Sandbox(sandbox.account) as again:
        key = {
            "aws_access_key_id": again.admin.access_key_id,
            "aws_secret_access_key": again.admin.secret_access_key,
        }
        s3 = boto.client("s3", endpoint_url=again.url, region_name="us-east-1", **key)
        assert s3.list_buckets()["Buckets"] == []
        s3.create_bucket(Bucket="bucket")
        iam = boto.client("iam", endpoint_url=again.url, region_name="us-east-1", **key)
        assert [user["UserName"] for user in iam.list_users()["Users"]] == ["sandbox-admin"]


def test_environ(sandbox: Sandbox) -> None:
    """The variables point at the sandbox, bypass proxies, and hold no credentials."""
    environ = sandbox.environ()
    assert environ["AWS_ENDPOINT_URL"] == sandbox.url
    assert [name for name in environ if "REGION" in name] == []
    assert environ["NO_PROXY"] == environ["no_proxy"] == "127.0.0.1"
    assert sandbox.admin.secret_access_key not in environ.values()


def test_code_for_a_shell(sandbox: Sandbox, client: Any, alice: Credentials) -> None:
    """The endpoint for shells returns a valid code: two in a row, then one each half minute."""
    device = sandbox.create_mfa_device("alice")
    sts = client("sts", alice)
    for seconds in (0, 0, 30, 30):
        sandbox.clock.elapse(seconds)
        code = _code(sandbox, "alice")
        assert re.fullmatch(r"\d{6}\n", code)
        assert sts.get_session_token(SerialNumber=device.serial, TokenCode=code.strip())["Credentials"]
    sandbox.clock.elapse(90)
    assert _code(sandbox, "alice").strip() == device.code()


@pytest.mark.usefixtures("alice")
def test_code_of_nobody(sandbox: Sandbox) -> None:
    """A missing user, or one without a device, has no code."""
    for user in ("alice", "nobody"):
        with pytest.raises(urllib.error.HTTPError, match="404") as caught:
            _code(sandbox, user)
        caught.value.close()


@pytest.mark.usefixtures("alice")
def test_codes_of_a_device(sandbox: Sandbox) -> None:
    """The next code becomes the current one after thirty seconds."""
    device: MfaDevice = sandbox.create_mfa_device("alice")
    following = device.next_code()
    sandbox.clock.advance(30)
    assert following == device.code()


def test_service_that_moto_lacks(
    sandbox: Sandbox, client: Any, refusal: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """A service that moto lacks gives a 500 to the client, and prints nothing."""
    code, text = refusal(client("chime", sandbox.admin).list_accounts)
    assert (code, text) == ("InternalFailure", "LookupError: moto has no chime.us-east-1.amazonaws.com")
    assert capfd.readouterr() == ("", "")


QUIET = """
import urllib.request
from awsenv.sandbox import Fault, Sandbox
with Sandbox() as sandbox:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    sandbox.fail("ListAllMyBuckets", Fault.DROP)
    for path in ("/", "/", "/_awsenv/mfa-code/nobody", "/moto-api/data.json"):
        try:
            opener.open(sandbox.url + path).close()
        except OSError:
            pass
    assert len(sandbox.calls) == 3, sandbox.calls
"""


def test_silence(clean_environ: dict[str, str]) -> None:
    """The sandbox never prints."""
    environ = clean_environ | {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", QUIET], env=environ, capture_output=True, text=True, timeout=180, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_moto_api_is_closed(sandbox: Sandbox, client: Any, refusal: Any) -> None:
    """The sandbox closes moto's own API, which can reset and read everything."""
    back_door = client("s3", sandbox.admin)
    assert refusal(back_door.get_object, Bucket="moto-api", Key="data.json")[0] == "NoSuchBucket"
