"""From the files to the credentials of a role, against a local AWS."""

from __future__ import annotations

import os
import select
import traceback
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv import config
from awsenv.aws.chain import credentials
from awsenv.cli.prompts import Prompts
from awsenv.errors import (
    AwsenvError,
    CodeRejected,
    ConfigError,
    ForeignResponse,
    MfaError,
    RefusedError,
    ResponseLost,
    SourceError,
)
from awsenv.model import AssumeRole, Credentials, GetSessionToken, RoleRequest
from awsenv.sandbox import Fault, MfaDevice, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from awsenv.model import Chain

EXTERNAL_ID = "canary-external-id"
NOWHERE = "/no/such/terminal"


@dataclass(frozen=True)
class Home:
    """The files of a user, and the AWS that knows the user."""

    sandbox: Sandbox
    user: Credentials
    device: MfaDevice
    environ: dict[str, str] = field(repr=False)
    screen: str
    _keyboard: int

    def role(self, name: str, *, external_id: str | None = None, mfa: bool = False, trusted: str | None = None) -> str:
        """Make a role that trusts the user, or *trusted*."""
        trust = self.sandbox.trust(trusted or str(self.user.arn), external_id=external_id, mfa=mfa)
        return self.sandbox.create_role(name, trust, policies=["AdministratorAccess"])

    def profile(self, name: str, **settings: str) -> None:
        """Add a profile to the config file."""
        lines = (f"{key} = {value}\n" for key, value in settings.items())
        with Path(self.environ["AWS_CONFIG_FILE"]).open("a") as file:
            file.write(f"[profile {name}]\n{''.join(lines)}")

    def obtain(
        self, role: str, code: str | None = None, *, terminal: bool = False, **fields: str | int | None
    ) -> Credentials:
        """Do what the command line does for `awsenv ROLE [CODE]`."""
        profiles = config.read(self.environ)
        request = RoleRequest(role, code, **fields)  # type: ignore[arg-type] # whichever fields a test is about
        chain = config.resolve(request, profiles, self.environ)
        prompts = Prompts(self.environ, self.screen if terminal else NOWHERE)
        return credentials(chain, profiles, self.environ, code=code, prompts=prompts)

    def type(self, *lines: str) -> None:
        """Type *lines* ahead of any prompt."""
        os.write(self._keyboard, "".join(f"{line}\n" for line in lines).encode())

    def sees(self, text: str) -> bool:
        """Return whether *text* appears on the terminal within ten seconds."""
        shown = b""
        while text not in shown.decode().replace("\r\n", "\n"):
            if not select.select([self._keyboard], [], [], 10)[0]:
                return False
            shown += os.read(self._keyboard, 65536)
        return True

    def actions(self) -> list[str]:
        """Return the actions that were called."""
        return [call.action for call in self.sandbox.calls]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Return a user with a key in `base` and an MFA device."""
    master, slave = os.openpty()
    with Sandbox() as sandbox:
        user = sandbox.create_user("alice")
        environ = {
            **sandbox.environ(),
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        }
        home = Home(sandbox, user, sandbox.create_mfa_device("alice"), environ, os.ttyname(slave), master)
        home.profile("base", aws_access_key_id=user.access_key_id, aws_secret_access_key=user.secret_access_key)
        yield home
    os.close(master)
    os.close(slave)


@pytest.fixture
def power_user(home: Home) -> Home:
    """Return the user with the role of the README: MFA and an external id."""
    arn = home.role("power-user", external_id=EXTERNAL_ID, mfa=True)
    serial = home.device.serial
    home.profile("power", role_arn=arn, source_profile="base", mfa_serial=serial, external_id=EXTERNAL_ID)
    return home


def test_a_role_with_mfa_and_an_external_id_takes_one_call(power_user: Home) -> None:
    """The credentials of a role with MFA come from one AssumeRole, with their account, ARN and expiry."""
    made = power_user.obtain("power", power_user.device.code())
    assert power_user.actions() == ["AssumeRole"]
    assert made.account == power_user.sandbox.account
    assert str(made.arn).startswith(f"arn:aws:sts::{made.account}:assumed-role/power-user/")
    assert made.expiration is not None
    assert made.expiration > datetime.now(timezone.utc)
    assert made.expiration.tzinfo is timezone.utc


def test_a_chain_assumes_each_role_in_turn(home: Home) -> None:
    """Each role of a chain is assumed with the keys of the one before, and the code goes to the first."""
    first = home.role("first", mfa=True)
    second = home.role("second", trusted=first)
    third = home.role("third", trusted=second)
    home.profile("one", role_arn=first, source_profile="base", mfa_serial=home.device.serial)
    home.profile("two", role_arn=second, source_profile="one")
    home.profile("three", role_arn=third, source_profile="two")
    made = home.obtain("three", home.device.code())
    assert "assumed-role/third/" in str(made.arn)
    assert [call.parameters.get("TokenCode") for call in home.sandbox.calls] == ["(hidden)", None, None]


def test_the_keys_of_a_profile_need_no_call(home: Home) -> None:
    """Keys that are in the file are returned without a call to AWS."""
    made = home.obtain("base")
    assert (made.access_key_id, home.actions()) == (home.user.access_key_id, [])


def test_keys_with_a_device_give_an_mfa_session(home: Home) -> None:
    """A profile with keys and an MFA device gives an MFA session."""
    home.profile(
        "session",
        aws_access_key_id=home.user.access_key_id,
        aws_secret_access_key=home.user.secret_access_key,
        mfa_serial=home.device.serial,
    )
    made = home.obtain("session", home.device.code())
    assert home.actions() == ["GetSessionToken"]
    assert made.session_token is not None


# An MFA session that is already open


def by_session(home: Home, role: str) -> tuple[Chain, Credentials]:
    """Return the chain to a role through an MFA session, and that session."""
    resolved = config.resolve(RoleRequest(role), config.read(home.environ), home.environ)
    hop = resolved.hops[0]
    assert isinstance(hop, AssumeRole)
    assert hop.mfa is not None
    token = GetSessionToken(hop.mfa)
    chain = replace(resolved, hops=(token, replace(hop, mfa=None), *resolved.hops[1:]))
    made = called(home, replace(chain, hops=(token,)), home.device.code())
    home.sandbox.clear_calls()
    return chain, made


def called(home: Home, chain: Chain, code: str | None = None, session: Credentials | None = None) -> Credentials:
    """Return the credentials at the end of *chain*, without a terminal."""
    prompts = Prompts(home.environ, NOWHERE)
    return credentials(chain, config.read(home.environ), home.environ, code=code, prompts=prompts, session=session)


def test_a_role_through_an_mfa_session_needs_no_code(power_user: Home) -> None:
    """A chain through an open MFA session uses neither the source nor the device."""
    chain, session = by_session(power_user, "power")
    Path(power_user.environ["AWS_CONFIG_FILE"]).write_text("")

    made = called(power_user, chain, session=session)

    assert "assumed-role/power-user/" in str(made.arn)
    assert power_user.actions() == ["AssumeRole"]


def test_a_chain_continues_from_an_mfa_session(home: Home) -> None:
    """An open MFA session replaces only the first hop of the chain."""
    first = home.role("first", mfa=True)
    second = home.role("second", trusted=first)
    home.profile("one", role_arn=first, source_profile="base", mfa_serial=home.device.serial)
    home.profile("two", role_arn=second, source_profile="one")
    chain, session = by_session(home, "two")
    assert "assumed-role/second/" in str(called(home, chain, session=session).arn)
    assert home.actions() == ["AssumeRole"] * 2


def test_the_account_of_an_mfa_session_is_that_of_its_device(home: Home) -> None:
    """A role is found by its name through an MFA session of unknown account, without another call."""
    home.role("power-user", mfa=True)
    profile = {"aws_access_key_id": home.user.access_key_id, "aws_secret_access_key": home.user.secret_access_key}
    home.profile("default", **profile, mfa_serial=home.device.serial)
    chain, session = by_session(home, "power-user")
    assert called(home, chain, session=replace(session, account=None)).account == home.sandbox.account
    assert home.actions() == ["AssumeRole"]


def test_an_mfa_session_does_not_replace_a_code(power_user: Home) -> None:
    """A chain whose role takes a code itself does not use the open MFA session."""
    _, session = by_session(power_user, "power")
    chain = config.resolve(RoleRequest("power"), config.read(power_user.environ), power_user.environ)
    called(power_user, chain, power_user.device.next_code(), session=session)
    assert [call.parameters.get("TokenCode") for call in power_user.sandbox.calls] == ["(hidden)"]


def test_an_expired_mfa_session_suggests_a_login(power_user: Home) -> None:
    """The error for an MFA session that has expired by AWS's clock suggests `awsenv login`."""
    chain, session = by_session(power_user, "power")
    power_user.sandbox.clock.elapse(13 * 3600)
    with pytest.raises(SourceError, match="have expired") as caught:
        called(power_user, chain, session=session)
    assert ("awsenv login",) == caught.value.hints


# The account of a role that is named without one


@pytest.mark.parametrize("by", ["profile", "mfa"])
def test_the_account_is_known_without_a_call(home: Home, by: str) -> None:
    """The account of a role that is named without one comes from the profile or from the MFA device."""
    home.role("read-only")
    code = None
    settings = {
        "aws_access_key_id": home.user.access_key_id,
        "aws_secret_access_key": home.user.secret_access_key,
    }
    if by == "profile":
        home.profile("source", **settings, aws_account_id=home.sandbox.account)
    else:
        home.profile("source", **settings, mfa_serial=home.device.serial)
        code = home.device.code()
    made = home.obtain("read-only", code, profile="source")
    assert (made.account, home.actions()) == (home.sandbox.account, ["AssumeRole"])


def test_an_unknown_account_takes_one_call(home: Home) -> None:
    """One GetCallerIdentity gives both the account of the role and the user of the MFA device."""
    home.role("read-only")
    home.obtain("read-only", home.device.code(), profile="base")
    assert home.actions() == ["GetCallerIdentity", "ListMFADevices", "AssumeRole"]


@pytest.mark.parametrize("profile", ["base", None])
def test_aws_account_id_is_not_the_account_of_the_source(home: Home, profile: str | None) -> None:
    """AWS_ACCOUNT_ID, which Makefiles set to the account that they change, does not replace the call to AWS."""
    home.role("read-only")
    home.environ["AWS_ACCOUNT_ID"] = "999999999999"
    if profile is None:
        home.environ["AWS_ACCESS_KEY_ID"] = home.user.access_key_id
        home.environ["AWS_SECRET_ACCESS_KEY"] = home.user.secret_access_key
    assert home.obtain("read-only", profile=profile).account == home.sandbox.account


# Codes


def test_a_code_finds_its_device(home: Home) -> None:
    """With a code on the command line, the MFA device is found without mfa_serial."""
    home.profile("power", role_arn=home.role("power-user", mfa=True), source_profile="base")
    assert "power-user" in str(home.obtain("power", home.device.code()).arn)


def test_the_terminal_shows_a_prompt_for_a_code(power_user: Home) -> None:
    """The prompt for a code names the MFA device."""
    power_user.type(power_user.device.code())
    assert "power-user" in str(power_user.obtain("power", terminal=True).arn)
    assert power_user.sees(f"MFA code for alice ({power_user.sandbox.account}): ")


def test_a_rejected_code_is_followed_by_another_prompt(power_user: Home) -> None:
    """The terminal shows that AWS rejected the code of the command line, and the next code is sent."""
    power_user.type(power_user.device.code())
    assert power_user.obtain("power", "000000", terminal=True).session_token
    assert power_user.sees("AWS rejected that MFA code: it is wrong or already used. Wait for the next one.")
    assert power_user.actions() == ["AssumeRole"] * 2


def test_three_rejected_codes_are_an_error(power_user: Home) -> None:
    """After three rejected codes awsenv sends no fourth, and the hints name the MFA device."""
    power_user.type("000001", "000002", "000003")
    with pytest.raises(MfaError, match="AWS rejected 3 MFA codes") as caught:
        power_user.obtain("power", "000000", terminal=True)
    assert power_user.actions() == ["AssumeRole"] * 3
    assert not isinstance(caught.value, CodeRejected)
    assert power_user.device.serial in str(caught.value.hints)


def test_a_used_code_is_rejected_without_a_terminal(power_user: Home) -> None:
    """Without a terminal, the error for a used code names mfa_serial and suggests the second word."""
    code = power_user.device.code()
    power_user.obtain("power", code)
    with pytest.raises(CodeRejected) as caught:
        power_user.obtain("power", code)
    assert "second word" in str(caught.value.hints)
    assert "mfa_serial" in str(caught.value.where)


def test_a_missing_code_without_a_terminal_is_an_error(power_user: Home) -> None:
    """With neither a code nor a terminal, nothing is sent to AWS."""
    with pytest.raises(MfaError, match="no terminal"):
        power_user.obtain("power")
    assert power_user.actions() == []


@pytest.mark.parametrize(
    ("variable", "value", "fact"),
    [
        ("HTTPS_PROXY", "socks5://127.0.0.1:1", "botocore cannot use the SOCKS proxy that HTTPS_PROXY names"),
        ("HTTPS_PROXY", "http://a:b", "HTTPS_PROXY is not the URL of a proxy: 'http://a:b'"),
        ("AWS_CA_BUNDLE", "/no/such", "AWS_CA_BUNDLE is '/no/such': it cannot be read (No such file or directory)"),
        ("AWS_CA_BUNDLE", "/etc/passwd", "AWS_CA_BUNDLE is '/etc/passwd': it holds no certificate in PEM"),
        ("AWS_RETRY_MODE", "eager", "AWS_RETRY_MODE is 'eager': it must be legacy, standard or adaptive"),
        ("AWS_ENDPOINT_URL_STS", "aws", "AWS_ENDPOINT_URL_STS is 'aws': it must be a URL of http or https"),
    ],
)
def test_a_code_that_cannot_be_sent_is_not_asked_for(power_user: Home, variable: str, value: str, fact: str) -> None:
    """A setting that makes the request impossible is refused before the lack of a terminal is."""
    power_user.environ.update({"AWS_ENDPOINT_URL": "https://sts.test", variable: value})

    with pytest.raises(ConfigError) as caught:
        power_user.obtain("power")

    assert (fact, variable) == (caught.value.fact, caught.value.where)


@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.SERVER_ERROR])
def test_a_lost_response_needs_the_next_code(power_user: Home, fault: Fault) -> None:
    """A code whose response was lost is not sent again, and the terminal says that it may have been used."""
    power_user.sandbox.fail("AssumeRole", fault)
    code = power_user.device.code()
    power_user.type(power_user.device.next_code())
    assert power_user.obtain("power", code, terminal=True).session_token
    assert power_user.actions() == ["AssumeRole"] * 2
    assert power_user.sees("the MFA code may have been used. Wait for the next one.")


@pytest.mark.parametrize("fault", [Fault.TRUNCATED, Fault.EMPTY, Fault.HTML])
def test_a_response_from_another_server_ends_the_command(power_user: Home, fault: Fault) -> None:
    """There is no prompt for another code: the error has the cause, the setting and the next steps."""
    power_user.sandbox.fail("AssumeRole", fault)
    power_user.type(power_user.device.next_code())
    with pytest.raises(ForeignResponse) as caught:
        power_user.obtain("power", power_user.device.code(), terminal=True)

    host = power_user.sandbox.url.removeprefix("http://")
    fact = f"STS at {host} sent a response that is not from AWS, and the MFA code may have been used"
    steps = (f"check {caught.value.where}", "check that no sign-in page of the network is in the way")
    assert (fact, "AWS_ENDPOINT_URL", steps) == (caught.value.fact, caught.value.where, caught.value.hints)
    assert ["AssumeRole"] == power_user.actions()


def test_a_lost_response_without_a_terminal_is_raised(power_user: Home) -> None:
    """Without a terminal, the error for a lost response suggests the next code."""
    power_user.sandbox.fail("AssumeRole", Fault.DROP_AFTER)
    with pytest.raises(ResponseLost) as caught:
        power_user.obtain("power", power_user.device.code())
    assert power_user.actions() == ["AssumeRole"]
    assert "next code" in str(caught.value.hints)


def test_mfa_process_gives_the_code(home: Home, tmp_path: Path) -> None:
    """The code is the output of mfa_process if the profile has one."""
    program = tmp_path / "code"
    program.write_text(f"#!/bin/sh\necho {home.device.code()}\n")
    program.chmod(0o700)
    arn, serial = home.role("power-user", mfa=True), home.device.serial
    home.profile("power", role_arn=arn, source_profile="base", mfa_serial=serial, mfa_process=str(program))
    assert home.obtain("power").session_token


def test_a_wrong_device_is_not_tried_with_three_codes(home: Home) -> None:
    """If the user has no such MFA device, the first rejection is an error that names mfa_serial."""
    serial = f"arn:aws:iam::{home.sandbox.account}:mfa/nobody"
    home.profile("power", role_arn=home.role("power-user", mfa=True), source_profile="base", mfa_serial=serial)
    home.type("000001", "000002")
    with pytest.raises(MfaError, match="the user has no MFA device") as caught:
        home.obtain("power", "000000", terminal=True)
    assert home.actions() == ["AssumeRole"]
    assert "mfa_serial" in str(caught.value.where)


# Refusals


def hint_of(refused: Callable[[], Credentials]) -> str:
    """Return the first hint of an AccessDenied."""
    with pytest.raises(RefusedError) as caught:
        refused()
    assert caught.value.code == "AccessDenied"
    return caught.value.hints[0]


def test_the_likeliest_cause_comes_first(home: Home) -> None:
    """AWS gives no reason when it refuses a role, so the first hint is about a missing code."""
    home.profile("p", role_arn=home.role("r", mfa=True), source_profile="base")
    assert "if the role demands MFA, set mfa_serial in profile 'p'" == hint_of(lambda: home.obtain("p"))


def test_a_wrong_external_id_is_not_shown(home: Home) -> None:
    """The error for a refused role does not show the external id, which is a kind of shared secret."""
    home.profile("p", role_arn=home.role("r", external_id="right"), source_profile="base", external_id=EXTERNAL_ID)
    with pytest.raises(RefusedError) as caught:
        home.obtain("p")
    assert EXTERNAL_ID not in f"{caught.value}{caught.value.hints}"


def test_a_name_that_is_no_profile_is_an_error(home: Home) -> None:
    """The hint says that the name, which was taken for a role, is not a profile."""
    hint = hint_of(lambda: home.obtain("pwoer", profile="base"))

    assert "awsenv list shows the profiles: 'pwoer' is not one" == hint


def test_an_invalid_key_is_reported_with_its_origin(home: Home) -> None:
    """The error for a key that AWS does not know names its profile."""
    home.profile("gone", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="canary-secret")
    with pytest.raises(SourceError) as caught:
        home.obtain("read-only", profile="gone")
    assert "[profile gone]" in str(caught.value.where)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in {Fault.HANG, Fault.SLOW}])
@pytest.mark.parametrize("action", ["GetCallerIdentity", "AssumeRole"])
def test_no_error_of_the_chain_holds_a_secret(power_user: Home, action: str, fault: Fault) -> None:
    """No text, representation or cause of an error contains the external id, the secret key or the code."""
    power_user.sandbox.fail(action, fault, times=5)
    power_user.environ["AWS_MAX_ATTEMPTS"] = "2"
    home, code = power_user, power_user.device.code()
    # For a name without an account, AWS must name the user.
    by_name: dict[str, str | int | None] = {"profile": "base", "external_id": EXTERNAL_ID}
    role, options = ("power", {}) if action == "AssumeRole" else ("power-user", by_name)
    with pytest.raises(AwsenvError) as caught:
        home.obtain(role, code, terminal=False, **options)
    error = caught.value
    shown = f"{error!r}{error}{error.fact}{error.because}{error.where}{error.hints}"
    shown += f"{''.join(traceback.format_exception(error))}"
    assert not any(secret in shown for secret in (EXTERNAL_ID, home.user.secret_access_key, code, "SecretAccessKey"))


def test_a_chain_shows_no_secret(power_user: Home) -> None:
    """The representations of a chain, its hops and its credentials contain no secret."""
    profiles = config.read(power_user.environ)
    chain = config.resolve(RoleRequest("power", "123456"), profiles, power_user.environ)
    hop = chain.hops[0]
    assert isinstance(hop, AssumeRole)
    made = replace(power_user.user, session_token="canary-token")
    assert not any(secret in f"{chain!r}{hop!r}{made!r}" for secret in (EXTERNAL_ID, made.secret_access_key, "canary"))
