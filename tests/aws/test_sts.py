"""STS: what is sent, how often, and what comes back."""

from __future__ import annotations

import socketserver
import threading
import traceback
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from awsenv.aws.clock import Clock
from awsenv.aws.request import Token
from awsenv.aws.session import AwsSession
from awsenv.aws.sts import Sts
from awsenv.errors import (
    AwsenvError,
    CodeRejected,
    MfaError,
    Origin,
    RefusedError,
    ResponseLost,
    SourceError,
    UnreachableError,
)
from awsenv.model import AssumeRole, Credentials, GetScopedCredentials, GetSessionToken, Mfa, RoleArn, Source
from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from aws.conftest import Endpoint, Home

OF_IAM = {Fault.UNKNOWN_PRINCIPAL, Fault.NOT_KNOWN_YET}
ATTEMPTS = 5
"""How often botocore sends a request at most: 5 times in its mode `legacy`, 3 times since `standard` is its default."""

FAULTS = [fault for fault in Fault if fault not in {Fault.HANG, Fault.SLOW, *OF_IAM}]


def role(home: Home, name: str = "role", **values: object) -> AssumeRole:
    """Make a role that trusts the user, and return the hop to it."""
    home.sandbox.create_role(name, home.sandbox.trust(str(home.user.arn)))
    return hop(home, name, **values)


def hop(home: Home, name: str, **values: object) -> AssumeRole:
    """Return the hop to a role."""
    arn = RoleArn("aws", home.user.account, name)
    return AssumeRole(arn, "session", **values)  # type: ignore[arg-type] # whichever fields a test is about


def token(home: Home) -> Token:
    """Return the device of the user with its current code."""
    return Token(home.device.serial, home.device.code())


def everything(error: BaseException) -> str:
    """Return all that can be shown of an error, with its traceback."""
    fields = (getattr(error, name, None) for name in ("fact", "place", "hint", "__dict__", "args"))
    return f"{error!r} {error} {list(fields)} {''.join(traceback.format_exception(error))}"


def test_a_role_is_assumed(home: Home) -> None:
    """Send every value of the hop, and return the account, the ARN and the end of the credentials."""
    requested = role(
        home,
        external_id=home.external_id,
        duration=900,
        source_identity="alice",
        tags=(("team", "a b"),),
        transitive_tags=("team",),
        policy='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
        policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
    )
    made = home.sts().call(requested, home.user)
    assert made.account == home.user.account
    assert made.arn == f"arn:aws:sts::{home.user.account}:assumed-role/role/session"
    assert made.expiration is not None
    assert made.expiration.tzinfo is timezone.utc
    assert 890 < (made.expiration - datetime.now(timezone.utc)).total_seconds() < 910
    sent = home.sandbox.calls[-1].parameters
    assert {"DurationSeconds": "900", "SourceIdentity": "alice", "TransitiveTagKeys.member.1": "team"}.items() <= (
        sent.items()
    )
    assert home.principal(made).arn == made.arn


def test_a_value_that_is_not_set_is_not_sent(home: Home) -> None:
    """Leave AWS's own defaults alone."""
    home.sts().call(role(home), home.user)
    assert {"RoleArn", "RoleSessionName"} == set(home.sandbox.calls[-1].parameters)


def test_a_session_is_opened_with_a_code(home: Home) -> None:
    """Return a session with MFA, from which a role that demands MFA can be assumed."""
    requested = GetSessionToken(Mfa(home.device.serial), duration=900)
    session = home.sts().call(requested, home.user, token(home))
    home.sandbox.create_role("mfa", home.sandbox.trust(str(home.user.arn), mfa=True))
    made = home.sts().call(hop(home, "mfa"), session)
    assert made.arn == f"arn:aws:sts::{home.user.account}:assumed-role/mfa/session"


def test_temporary_credentials_are_narrowed(home: Home) -> None:
    """The account and the ARN stay, and the end may only come sooner."""
    sts, policy = home.sts(), '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
    wide = sts.call(role(home), home.user)
    short = sts.narrow(GetScopedCredentials(policy=policy, duration=60, description="JIRA-12"), wide)
    sts.narrow(GetScopedCredentials(policy=policy, duration=3600), wide)
    calls = [dict(call.parameters) for call in home.sandbox.calls if call.action == "GetScopedCredentials"]

    assert (wide.account, wide.arn) == (short.account, short.arn)
    assert short.access_key_id != wide.access_key_id
    assert wide.expiration is not None
    assert short.expiration is not None
    assert short.expiration < wide.expiration
    assert [
        {"Policy": policy, "DurationSeconds": "60", "ScopedSessionDescription": "JIRA-12"},
        {"Policy": policy},
    ] == calls
    assert wide == sts.narrow(GetScopedCredentials(duration=43_200), wide)


def test_the_key_of_a_user_is_not_narrowed(home: Home) -> None:
    """AWS narrows temporary credentials only, so nothing is sent: what a credential_process prints shows it."""
    with pytest.raises(SourceError, match="these are the access key of a user"):
        home.sts().narrow(GetScopedCredentials(duration=900), home.user)

    assert () == home.sandbox.calls


@pytest.mark.parametrize("fault", FAULTS)
def test_a_request_with_a_code_is_sent_once(home: Home, fault: Fault) -> None:
    """Send it once, whatever happens: AWS may have accepted the code."""
    requested, pauses = role(home), list[float]()
    home.sandbox.fail("AssumeRole", fault, times=3)
    with pytest.raises(ResponseLost) as caught:
        home.sts(pauses).call(requested, home.user, token(home))
    assert home.sent("AssumeRole") == 1
    assert pauses == []
    assert "the MFA code may have been used" in caught.value.fact


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.UNAVAILABLE, Fault.THROTTLING, Fault.DROP])
def test_a_request_without_a_code_is_repeated(home: Home, fault: Fault) -> None:
    """Repeat it as botocore does."""
    requested = role(home)
    home.sandbox.fail("AssumeRole", fault, times=2)
    assert home.sts().call(requested, home.user).session_token
    assert home.sent("AssumeRole") == 3


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_aws_is_unreachable(home: Home, fault: Fault) -> None:
    """Name the host, and suggest another try."""
    requested = role(home)
    home.sandbox.fail("AssumeRole", fault, times=ATTEMPTS)
    with pytest.raises(UnreachableError) as caught:
        home.sts().call(requested, home.user)
    assert not isinstance(caught.value, ResponseLost)
    assert home.sandbox.url.removeprefix("http://") in caught.value.fact


@pytest.mark.parametrize("with_code", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_error_holds_a_secret(home: Home, fault: Fault, *, with_code: bool) -> None:
    """Keep what was sent and received out of the text, the repr and the cause."""
    requested = role(home, external_id=home.external_id)
    code = token(home) if with_code else None
    home.sandbox.fail("AssumeRole", fault, times=ATTEMPTS)
    with pytest.raises(AwsenvError) as caught:
        home.sts().call(requested, home.user, code)
    shown = everything(caught.value)
    assert home.external_id not in shown
    assert home.user.secret_access_key not in shown
    assert "SecretAccessKey" not in shown
    if code is not None:
        assert code.code not in shown


@pytest.mark.parametrize("with_code", [False, True])
def test_silence_ends(home: Home, *, with_code: bool) -> None:
    """Give up on a service that accepts the request and never responds."""
    requested = role(home)
    home.sandbox.fail("AssumeRole", Fault.HANG, times=3)
    with pytest.raises(
        ResponseLost if with_code else UnreachableError, match=r"did not (answer|send a complete response) within \d"
    ):
        home.sts(timeout=2).call(requested, home.user, token(home) if with_code else None)


def test_a_request_that_was_not_sent_is_sent_again(home: Home) -> None:
    """Try three times where nothing listens, without a `ResponseLost`: the code is not used up."""
    pauses: list[float] = []
    home.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    with pytest.raises(UnreachableError) as caught:
        home.sts(pauses).call(hop(home, "role"), home.user, Token(home.device.serial, "123456"))
    assert not isinstance(caught.value, ResponseLost)
    assert pauses == [1.0, 1.0]
    assert caught.value.fact == "127.0.0.1:1 cannot be reached"


def test_a_proxy_that_takes_a_code_and_hangs_up_gets_no_other(home: Home) -> None:
    """Send it once, though botocore calls the proxy unreachable: the request may have reached AWS."""
    taken: list[bytes] = []

    class Proxy(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            taken.append(self.request.recv(65536))

    with socketserver.TCPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        home.environ["http_proxy"] = f"http://127.0.0.1:{proxy.server_address[1]}"
        home.environ["AWS_ENDPOINT_URL"] = "http://sts.example.test"
        with pytest.raises(ResponseLost):
            home.sts([]).call(hop(home, "role"), home.user, Token(home.device.serial, "123456"))
        proxy.shutdown()

    assert len(taken) == 1


def test_no_code_is_in_the_repr_of_a_token() -> None:
    """Hide it, since a repr may be logged."""
    assert "424242" not in repr(Token("arn:aws:iam::123456789012:mfa/alice", "424242"))


def test_a_name_that_does_not_resolve_is_named(home: Home) -> None:
    """Say that it does not resolve, and name the setting that has it."""
    home.environ["AWS_ENDPOINT_URL"] = "http://sts.nope-1.invalid"
    with pytest.raises(
        UnreachableError, match=r"^sts\.nope-1\.invalid cannot be reached: its name does not resolve$"
    ) as caught:
        home.sts().identity(home.user)
    assert ("AWS_ENDPOINT_URL", "check AWS_ENDPOINT_URL, and that its host can be reached") == (
        caught.value.where,
        *caught.value.hints,
    )


def test_a_certificate_that_cannot_be_verified_names_the_bundle(home: Home, tls_port: int) -> None:
    """Suggest a CA bundle: a proxy that inspects TLS is the usual reason."""
    home.environ["AWS_ENDPOINT_URL"] = f"https://127.0.0.1:{tls_port}"
    with pytest.raises(UnreachableError, match=r"certificate of 127\.0\.0\.1:[0-9]+ cannot be verified") as caught:
        home.sts().identity(home.user)
    assert "AWS_CA_BUNDLE" in str(caught.value.hints)


def test_an_endpoint_without_tls_is_not_a_matter_of_certificates(home: Home) -> None:
    """Name the endpoint settings where plain text answers a handshake."""
    home.environ["AWS_ENDPOINT_URL"] = home.sandbox.url.replace("http:", "https:")
    with pytest.raises(UnreachableError, match="a TLS connection to"):
        home.sts().identity(home.user)


def test_a_wrong_code_may_be_followed_by_another(home: Home) -> None:
    """Name both reasons: AWS's text is the same for a wrong code and a used one."""
    sts, used = home.sts(), token(home)
    sts.call(GetSessionToken(Mfa(used.serial)), home.user, used)
    for code in (used.code, "000000"):
        with pytest.raises(CodeRejected):
            sts.call(GetSessionToken(Mfa(used.serial)), home.user, Token(used.serial, code))


def test_a_wrong_device_is_not_followed_by_another_code(home: Home) -> None:
    """Name the setting: no code of that device is accepted."""
    serial = f"arn:aws:iam::{home.user.account}:mfa/nobody"
    with pytest.raises(MfaError) as caught:
        home.sts().call(
            GetSessionToken(Mfa(serial, origins={"mfa_serial": Origin("config:3")})),
            home.user,
            Token(serial, "123456"),
        )
    assert not isinstance(caught.value, CodeRejected)
    assert serial in caught.value.fact
    assert caught.value.where == "config:3"
    assert "mfa_serial" in str(caught.value.hints)


def test_a_key_that_aws_does_not_know_is_named_by_its_end(home: Home) -> None:
    """Show the last characters of the key, and its place."""
    source = Source("static", "default", Origin("~/.aws/credentials:2"))
    stranger = Credentials("AKIAIOSFODNN7EXAMPLE", "canary-secret", source=source)
    with pytest.raises(SourceError, match=r"does not know the access key …MPLE") as caught:
        home.sts().identity(stranger)
    assert caught.value.where == "~/.aws/credentials:2"


def test_a_wrong_secret_differs_from_an_unknown_key(home: Home) -> None:
    """Blame the secret key where AWS knows the access key."""
    half = Credentials(home.user.access_key_id, "canary-secret")
    with pytest.raises(SourceError, match="the secret key does not belong") as caught:
        home.sts().identity(half)
    assert "canary-secret" not in everything(caught.value)


@pytest.mark.parametrize(
    ("seconds", "says"), [(7500, "2h05m behind"), (-3600, "1h00m ahead of"), (90000, "25h00m behind")]
)
def test_a_clock_that_is_wrong_is_measured(home: Home, seconds: float, says: str) -> None:
    """Show the difference between the two times in AWS's message. A request with a code is not sent again."""
    home.sandbox.clock.advance(seconds)
    with pytest.raises(SourceError, match=f"clock is {says} AWS's"):
        home.sts().call(GetSessionToken(Mfa(home.device.serial)), home.user, token(home))
    assert 1 == home.sent("GetSessionToken")


@pytest.mark.parametrize("seconds", [7500, -3600])
def test_a_request_without_a_code_follows_the_clock_of_aws(home: Home, seconds: float) -> None:
    """Sign again for AWS's own time, once, as most SDKs do."""
    home.sandbox.clock.advance(seconds)
    sts = home.sts()
    assert home.user.arn == sts.identity(home.user).arn
    assert sts.clock.is_corrected
    assert 2 == home.sent("GetCallerIdentity")
    sts.call(GetSessionToken(Mfa(home.device.serial)), home.user, token(home))
    assert 1 == home.sent("GetSessionToken")


def test_expired_credentials_say_how_to_renew_them(home: Home) -> None:
    """Show the place of the source, and how to renew it."""
    home.sandbox.clock.advance(-800)
    requested = GetSessionToken(Mfa(), duration=900)
    session = home.sts().call(requested, home.user, token(home))
    home.sandbox.clock.advance(1500)
    with pytest.raises(SourceError, match="have expired") as caught:
        home.sts().identity(replace(session, source=Source("login", "p", Origin("AWS_ACCESS_KEY_ID"))))
    assert ("AWS_ACCESS_KEY_ID", ("aws login --profile p",)) == (caught.value.where, caught.value.hints)


def test_a_refusal_shows_the_message_of_aws(home: Home) -> None:
    """Keep AWS's code for scripts, and the hint of the caller."""
    with pytest.raises(RefusedError, match=r"AWS said: no role trust policy allows the sts:AssumeRole") as caught:
        home.sts().call(hop(home, "missing"), home.user, denied_hint=lambda denial: "look there" if denial else None)
    assert ("AccessDenied", ("look there",)) == (caught.value.code, caught.value.hints)


def test_a_session_longer_than_the_role_allows_names_the_setting(home: Home) -> None:
    """Name the setting, since AWS refuses the call instead of cutting the session."""
    with pytest.raises(RefusedError, match="MaxSessionDuration") as caught:
        home.sts().call(role(home, duration=7200, origins={"duration": Origin("--duration")}), home.user)
    assert caught.value.where == "--duration"
    assert "ask for less: --duration" == caught.value.hints[0]


def test_a_value_that_aws_does_not_accept_is_not_shown(home: Home) -> None:
    """Drop the message of AWS if it holds a secret."""
    with pytest.raises(RefusedError) as caught:
        home.sts().call(hop(home, "role", external_id="x"), home.user)
    assert "'x'" not in everything(caught.value)


# What AWS answers is not taken on trust.


def answering(endpoint: Endpoint, home: Home, action: str, *, arn: str, ends: datetime) -> None:
    """Let STS answer with credentials of *arn* that expire at *ends*."""
    home.environ["AWS_ENDPOINT_URL"] = endpoint.url
    answer = (
        f"<{action}Response><{action}Result><Credentials><AccessKeyId>ASIAX</AccessKeyId><SecretAccessKey>canary-secret"
        "</SecretAccessKey><SessionToken>canary-token</SessionToken>"
        f"<Expiration>{ends:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
        f"<AssumedRoleUser><Arn>{arn}</Arn></AssumedRoleUser></{action}Result></{action}Response>"
    )
    endpoint.answers["POST", "/"] = (200, answer)


REQUESTED = RoleArn("aws", "123456789012", "team/Deploy")
SOON = datetime(2030, 1, 1, tzinfo=timezone.utc)
NOW = SOON.timestamp() - 3600


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sts::999999999999:assumed-role/Deploy/me",
        "arn:aws:sts::123456789012:assumed-role/admin/me",
        "arn:aws-cn:sts::123456789012:assumed-role/Deploy/me",
        "arn:aws:iam::123456789012:user/Deploy",
        "canary",
    ],
)
def test_credentials_of_another_role_are_refused(home: Home, endpoint: Endpoint, arn: str) -> None:
    """Name both roles."""
    answering(endpoint, home, "AssumeRole", arn=arn, ends=SOON)

    with pytest.raises(UnreachableError) as caught:
        Sts(home.session(), clock=Clock(lambda: NOW)).call(AssumeRole(REQUESTED, "me"), home.user)

    assert f"STS returned {arn} instead of {REQUESTED}" == caught.value.fact


def test_the_requested_role_is_accepted(home: Home, endpoint: Endpoint) -> None:
    """Ignore the path, as AWS does, and the case, which names the same role."""
    arn = "arn:aws:sts::123456789012:assumed-role/deploy/me"
    answering(endpoint, home, "AssumeRole", arn=arn, ends=SOON)

    made = Sts(home.session(), clock=Clock(lambda: NOW)).call(AssumeRole(REQUESTED, "me"), home.user)

    assert arn == made.arn


@pytest.mark.parametrize("with_code", [False, True])
def test_keys_that_have_expired_already_are_refused(home: Home, endpoint: Endpoint, *, with_code: bool) -> None:
    """Name the end and the time, and request no other code."""
    sts = Sts(home.session(), clock=Clock(SOON.timestamp))
    arn = "arn:aws:sts::123456789012:assumed-role/Deploy/me"
    code = token(home) if with_code else None
    answering(endpoint, home, "AssumeRole", arn=arn, ends=SOON)
    with pytest.raises(UnreachableError) as caught:
        sts.call(AssumeRole(REQUESTED, "me", mfa=Mfa(home.device.serial)), home.user, code)

    assert not isinstance(caught.value, ResponseLost)
    assert (
        "STS returned credentials that expired at 2030-01-01 00:00:00 UTC, and it is 2030-01-01 00:00:00 UTC"
        == caught.value.fact
    )


@pytest.mark.parametrize(
    ("region", "variables", "host", "regional"),
    [
        ("us-gov-west-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, "sts.us-gov-west-1.amazonaws.com", ""),
        ("us-east-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, "sts-fips.us-east-1.amazonaws.com", ""),
        ("eu-west-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "sts.eu-west-1.api.aws", ""),
        ("eu-west-1", {"AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, "sts.amazonaws.com", "sts.eu-west-1.amazonaws.com"),
        ("cn-north-1", {}, "sts.cn-north-1.amazonaws.com.cn", ""),
        (None, {}, "sts.amazonaws.com", "sts.us-east-1.amazonaws.com"),
    ],
)
def test_the_endpoint_is_the_one_that_the_request_goes_to(
    home: Home, region: str | None, variables: dict[str, str], host: str, regional: str
) -> None:
    """Send each request to the endpoint that messages and `explain` name; here a proxy refuses to.

    The global endpoint does not narrow credentials (API reference of STS, GetScopedCredentials).
    """
    regional = regional or host
    requested = list[bytes]()

    class Proxy(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            requested.append(self.rfile.readline())
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    del home.environ["AWS_ENDPOINT_URL"]
    with socketserver.TCPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        through = {"https_proxy": f"http://127.0.0.1:{proxy.server_address[1]}", "no_proxy": ""}
        sts = Sts(AwsSession(None, home.environ | variables | through, region=region))
        assert f"https://{host}" == sts.endpoint()
        with pytest.raises(UnreachableError, match=f"forbids a connection to {host}"):
            sts.identity(home.user)
        assert f"https://{regional}" == sts.endpoint(is_regional=True)
        with pytest.raises(UnreachableError, match=f"forbids a connection to {regional}"):
            sts.narrow(GetScopedCredentials(duration=900), replace(home.user, session_token="token"))
        proxy.shutdown()

    assert [f"CONNECT {each}:443 HTTP/1.1\r\n".encode() for each in (host, regional)] == requested


@pytest.mark.parametrize("ahead", [-200, 0, 600])
def test_the_clock_is_compared_with_the_date_of_the_response(home: Home, ahead: int) -> None:
    """Return the difference, but for the seconds that a response takes."""
    clock = Clock()
    sts = Sts(home.session(), clock=clock)
    home.sandbox.clock.advance(ahead)
    assert clock.ahead is None
    sts.identity(home.user)
    assert clock.ahead is not None
    assert abs(clock.ahead - ahead) < 60


@pytest.mark.parametrize(
    "date", ["", "now", "Mon, 01 Jan 99999999999 00:00:00 GMT", "Mon, 01 Jan 2020 00:00:00 +9999999999999"]
)
def test_a_date_that_is_none_tells_no_time(date: str) -> None:
    """A header may hold anything."""
    clock = Clock()
    clock.read({"date": date})
    assert clock.ahead is None


def test_a_refusal_has_the_time_too(home: Home) -> None:
    """Read the date of a refusal, which may be due to the clock."""
    clock = Clock()
    sts = Sts(home.session(), clock=clock)
    home.sandbox.clock.advance(7200)
    with pytest.raises(SourceError):
        sts.call(GetSessionToken(Mfa(home.device.serial)), home.user, token(home))
    assert clock.ahead is not None
    assert abs(clock.ahead - 7200) < 60


def test_without_a_response_the_clock_is_unknown(home: Home) -> None:
    """Do not take an unknown clock for a right one."""
    clock = Clock()
    sts = Sts(home.session(), clock=clock)
    home.sandbox.fail("GetCallerIdentity", Fault.DROP, times=9)
    with pytest.raises(Exception, match="connection"):
        sts.identity(home.user)
    assert clock.ahead is None
