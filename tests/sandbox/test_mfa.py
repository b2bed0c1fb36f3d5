"""MFA: codes that work once, and the roles that demand them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pyotp import TOTP

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Credentials
    from awsenv.sandbox import MfaDevice, Sandbox

WRONG_CODE = ("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ")
UNKNOWN_DEVICE = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  "
    "Please verify your MFA serial number is valid and associated with this user."
)
WRONG_DEVICE = ("AccessDenied", UNKNOWN_DEVICE)

STEP = timedelta(seconds=30)


@pytest.fixture
def device(sandbox: Sandbox, alice: Credentials) -> MfaDevice:
    """Return alice's device."""
    return sandbox.create_mfa_device(str(alice.arn).rpartition("/")[2])


@pytest.fixture
def guarded(sandbox: Sandbox, alice: Credentials) -> str:
    """Return the ARN of a role that demands MFA from alice."""
    return sandbox.create_role("guarded", sandbox.trust(str(alice.arn), mfa=True), max_session_duration=43200)


def _with(device: MfaDevice, code: str | None = None) -> dict[str, str]:
    return {"SerialNumber": device.serial, "TokenCode": code or device.code()}


def _conditional(sandbox: Sandbox, alice: Credentials, name: str, condition: dict[str, Any]) -> str:
    document = sandbox.trust(str(alice.arn), sandbox.account)
    document["Statement"][0]["Condition"] = condition
    return sandbox.create_role(name, document)


def test_role_with_code(client: Any, alice: Credentials, device: MfaDevice, guarded: str) -> None:
    """A role that demands MFA accepts a code in the AssumeRole call."""
    response = client("sts", alice).assume_role(RoleArn=guarded, RoleSessionName="session", **_with(device))
    assert response["Credentials"]["AccessKeyId"].startswith("ASIA")


def test_role_without_code(client: Any, refusal: Any, alice: Credentials, guarded: str) -> None:
    """Without a code, the refusal is that of a missing role."""
    code, text = refusal(client("sts", alice).assume_role, RoleArn=guarded, RoleSessionName="session")
    assert (code, "sts:AssumeRole" in text) == ("AccessDenied", True)


def test_code_is_good_once(
    sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, device: MfaDevice, guarded: str
) -> None:
    """A code works once, in any call; the next code still works after it."""
    sts = client("sts", alice)
    used = _with(device)
    sts.get_session_token(**used)
    assert refusal(sts.get_session_token, **used) == WRONG_CODE
    assert refusal(sts.assume_role, RoleArn=guarded, RoleSessionName="session", **used) == WRONG_CODE
    assert sts.get_session_token(**_with(device, device.next_code()))["Credentials"]
    sandbox.clock.advance(60)
    assert sts.get_session_token(**_with(device))["Credentials"]


@pytest.mark.parametrize(("seconds", "accepted"), [(-30, True), (30, True), (-90, False), (90, False)])
def test_window(
    sandbox: Sandbox, client: Any, alice: Credentials, device: MfaDevice, seconds: int, *, accepted: bool
) -> None:
    """A code works while it is current, and for thirty seconds before and after."""
    code = device.code()
    sandbox.clock.advance(seconds)
    sts = client("sts", alice)
    if accepted:
        assert sts.get_session_token(**_with(device, code))["Credentials"]
    else:
        with pytest.raises(sts.exceptions.ClientError, match="invalid MFA one time pass code"):
            sts.get_session_token(**_with(device, code))


def test_wrong_code(client: Any, refusal: Any, alice: Credentials, device: MfaDevice) -> None:
    """STS refuses a wrong code, which spends no code."""
    sts = client("sts", alice)
    wrong = f"{(int(device.code()) + 1) % 10**6:06d}"
    if wrong != device.next_code():
        assert refusal(sts.get_session_token, **_with(device, wrong)) == WRONG_CODE
    assert sts.get_session_token(**_with(device))["Credentials"]


def test_code_is_spent_by_a_refusal(
    sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, device: MfaDevice
) -> None:
    """A call that STS refuses for another reason spends its code."""
    arn = f"arn:aws:iam::{sandbox.account}:role/missing"
    sts = client("sts", alice)
    code, text = refusal(sts.assume_role, RoleArn=arn, RoleSessionName="session", **_with(device))
    assert (code, "not authorized" in text) == ("AccessDenied", True)
    assert refusal(sts.get_session_token, **_with(device)) == WRONG_CODE


def test_device_of_another(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials, device: MfaDevice) -> None:
    """STS refuses an unknown device, or that of another user, with any code."""
    sandbox.create_user("bob")
    other = sandbox.create_mfa_device("bob")
    sts = client("sts", alice)
    assert refusal(sts.get_session_token, **_with(other)) == WRONG_DEVICE
    unknown = {"SerialNumber": device.serial + "2", "TokenCode": device.code()}
    assert refusal(sts.get_session_token, **unknown) == WRONG_DEVICE


@pytest.mark.parametrize("call", ["get_session_token", "assume_role"])
@pytest.mark.parametrize("missing", ["SerialNumber", "TokenCode"])
def test_half_of_the_pair(
    client: Any, refusal: Any, alice: Credentials, device: MfaDevice, role: str, call: str, missing: str
) -> None:
    """STS refuses a serial number without a code, and a code without a serial number."""
    parameters = {"RoleArn": role, "RoleSessionName": "session"} if call == "assume_role" else {}
    half = {name: value for name, value in _with(device).items() if name != missing}
    assert refusal(getattr(client("sts", alice), call), **parameters, **half)[0] == "ValidationError"


def test_session_carries_mfa(
    sandbox: Sandbox,
    client: Any,
    alice: Credentials,
    device: MfaDevice,
    guarded: str,
    credentials_of: Callable[[Any], Credentials],
) -> None:
    """A session with MFA can assume roles that demand MFA, for hours."""
    session = credentials_of(client("sts", alice).get_session_token(**_with(device)))
    sandbox.clock.elapse(11 * 3600)
    assert client("sts", session).assume_role(RoleArn=guarded, RoleSessionName="session")["Credentials"]


def test_session_without_mfa(
    client: Any, refusal: Any, alice: Credentials, guarded: str, credentials_of: Callable[[Any], Credentials]
) -> None:
    """A session without MFA cannot assume roles that demand it."""
    session = credentials_of(client("sts", alice).get_session_token())
    refused = refusal(client("sts", session).assume_role, RoleArn=guarded, RoleSessionName="session")
    assert refused[0] == "AccessDenied"


def test_role_carries_no_mfa(
    sandbox: Sandbox,
    client: Any,
    refusal: Any,
    alice: Credentials,
    device: MfaDevice,
    guarded: str,
    credentials_of: Callable[[Any], Credentials],
) -> None:
    """A role that was assumed with a code cannot assume another role that demands MFA."""
    sts = client("sts", alice)
    first = credentials_of(sts.assume_role(RoleArn=guarded, RoleSessionName="session", **_with(device)))
    second = sandbox.create_role("second", sandbox.trust(guarded, mfa=True))
    open_role = sandbox.create_role("open", sandbox.trust(guarded))
    chained = client("sts", first)
    assert refusal(chained.assume_role, RoleArn=second, RoleSessionName="session")[0] == "AccessDenied"
    assert chained.assume_role(RoleArn=open_role, RoleSessionName="session")["Credentials"]


def test_role_cannot_use_a_device(
    sandbox: Sandbox, client: Any, refusal: Any, assumed: Credentials, device: MfaDevice
) -> None:
    """A role has no device, and cannot use that of a user."""
    arn = sandbox.create_role("next", sandbox.trust(sandbox.account))
    refused = refusal(client("sts", assumed).assume_role, RoleArn=arn, RoleSessionName="session", **_with(device))
    assert refused == WRONG_DEVICE


def test_age(
    sandbox: Sandbox,
    client: Any,
    refusal: Any,
    alice: Credentials,
    device: MfaDevice,
    credentials_of: Callable[[Any], Credentials],
) -> None:
    """A role can limit the age of a code."""
    trust = sandbox.trust(str(alice.arn), mfa=True, mfa_max_age=600)
    fresh = sandbox.create_role("fresh", trust)
    session = credentials_of(client("sts", alice).get_session_token(**_with(device)))
    sts = client("sts", session)
    assert sts.assume_role(RoleArn=fresh, RoleSessionName="session")["Credentials"]
    sandbox.clock.elapse(601)
    assert refusal(sts.assume_role, RoleArn=fresh, RoleSessionName="session")[0] == "AccessDenied"
    assumed = client("sts", alice).assume_role(RoleArn=fresh, RoleSessionName="session", **_with(device))
    assert assumed["Credentials"]


@pytest.mark.parametrize(
    ("condition", "long_term", "session", "with_mfa"),
    [
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False, False, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": True}}, False, False, True),
        ({"StringEquals": {"aws:MultiFactorAuthPresent": "true"}}, False, False, True),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, True, False, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, False, True, False),
        ({"Null": {"aws:MultiFactorAuthAge": "false"}}, False, False, True),
        ({"NumericLessThanIfExists": {"aws:MultiFactorAuthAge": "60"}}, True, True, True),
        ({"NumericGreaterThan": {"aws:MultiFactorAuthAge": "60"}}, False, False, False),
    ],
)
def test_presence(
    sandbox: Sandbox,
    client: Any,
    alice: Credentials,
    device: MfaDevice,
    credentials_of: Callable[[Any], Credentials],
    condition: dict[str, Any],
    *,
    long_term: bool,
    session: bool,
    with_mfa: bool,
) -> None:
    """The condition key is absent for long-term keys, and false or true for sessions."""
    arn = _conditional(sandbox, alice, "conditional", condition)
    sts = client("sts", alice)
    callers = [
        alice,
        credentials_of(sts.get_session_token()),
        credentials_of(sts.get_session_token(**_with(device))),
    ]
    assert [_may(client("sts", who), arn) for who in callers] == [long_term, session, with_mfa]


def _may(sts: Any, arn: str) -> bool:
    try:
        sts.assume_role(RoleArn=arn, RoleSessionName="session")
    except sts.exceptions.ClientError:
        return False
    return True


def test_device_made_by_api(sandbox: Sandbox, client: Any, refusal: Any, alice: Credentials) -> None:
    """A device created through the IAM API works until it is deactivated."""
    iam = client("iam", sandbox.admin)
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    serial, totp = made["SerialNumber"], TOTP(made["Base32StringSeed"].decode())
    sts = client("sts", alice)
    attempt = {"SerialNumber": serial, "TokenCode": "000000"}
    assert refusal(sts.get_session_token, **attempt) == WRONG_DEVICE
    now = sandbox.clock.now()
    iam.enable_mfa_device(
        UserName="alice",
        SerialNumber=serial,
        AuthenticationCode1=totp.at(now - STEP),
        AuthenticationCode2=totp.at(now),
    )
    assert refusal(sts.get_session_token, **attempt) == WRONG_CODE
    iam.deactivate_mfa_device(UserName="alice", SerialNumber=serial)
    assert refusal(sts.get_session_token, **attempt) == WRONG_DEVICE


def test_device_is_listed(sandbox: Sandbox, client: Any, device: MfaDevice) -> None:
    """IAM lists the device, which has the name of its user."""
    listed = client("iam", sandbox.admin).list_mfa_devices(UserName="alice")["MFADevices"]
    assert [item["SerialNumber"] for item in listed] == [device.serial]
    assert device.serial == f"arn:aws:iam::{sandbox.account}:mfa/alice"


def test_seed_stays_inside(device: MfaDevice) -> None:
    """The repr of a device shows its serial number and nothing else."""
    assert repr(device) == f"MfaDevice(serial='{device.serial}')"
