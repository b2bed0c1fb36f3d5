"""STS: what is sent, how often, and what comes back."""

from __future__ import annotations

import socketserver
import threading
import time
import traceback
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv.aws.request import Token
from awsenv.aws.session import AwsSession
from awsenv.aws.sts import Clock, Sts
from awsenv.errors import (
    AwsenvError,
    CodeRejected,
    ConfigError,
    MfaError,
    RefusedError,
    ResponseLost,
    SourceError,
    UnreachableError,
)
from awsenv.model import AssumeRole, Credentials, GetSessionToken, Mfa, RoleArn, Source
from awsenv.origin import Origin
from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from aws.conftest import Endpoint, Person

OF_IAM = {Fault.UNKNOWN_PRINCIPAL, Fault.NOT_KNOWN_YET}
FAULTS = [fault for fault in Fault if fault is not Fault.HANG and fault not in OF_IAM]


def role(person: Person, name: str = "role", **values: object) -> AssumeRole:
    """Make a role that trusts the user, and return the hop to it."""
    person.sandbox.create_role(name, person.sandbox.trust(str(person.user.arn)))
    return hop(person, name, **values)


def hop(person: Person, name: str, **values: object) -> AssumeRole:
    """Return the hop to a role."""
    arn = RoleArn("aws", person.user.account, name)
    return AssumeRole(arn, "session", **values)  # type: ignore[arg-type] # whichever fields a test is about


def token(person: Person) -> Token:
    """Return the device of the user with its current code."""
    return Token(person.device.serial, person.device.code())


def everything(error: BaseException) -> str:
    """Return all that can be shown of an error, with its traceback."""
    fields = (getattr(error, name, None) for name in ("fact", "place", "hint", "__dict__", "args"))
    return f"{error!r} {error} {list(fields)} {''.join(traceback.format_exception(error))}"


def test_a_role_is_assumed(person: Person) -> None:
    """Send every value of the hop, and return the account, the ARN and the end of the credentials."""
    requested = role(
        person,
        external_id=person.external_id,
        duration=900,
        source_identity="alice",
        tags=(("team", "a b"),),
        transitive_tags=("team",),
        policy='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
        policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
    )
    made = person.sts().call(requested, person.user)
    assert made.account == person.user.account
    assert made.arn == f"arn:aws:sts::{person.user.account}:assumed-role/role/session"
    assert made.expiration is not None
    assert made.expiration.tzinfo is timezone.utc
    assert 890 < (made.expiration - datetime.now(timezone.utc)).total_seconds() < 910
    sent = person.sandbox.calls[-1].parameters
    assert {"DurationSeconds": "900", "SourceIdentity": "alice", "TransitiveTagKeys.member.1": "team"}.items() <= (
        sent.items()
    )
    assert person.principal(made).arn == made.arn


def test_a_value_that_is_not_set_is_not_sent(person: Person) -> None:
    """Leave AWS's own defaults alone."""
    person.sts().call(role(person), person.user)
    assert {"RoleArn", "RoleSessionName"} == set(person.sandbox.calls[-1].parameters)


def test_a_session_is_opened_with_a_code(person: Person) -> None:
    """Return a session with MFA, from which a role that demands MFA can be assumed."""
    requested = GetSessionToken(Mfa(person.device.serial), duration=900)
    session = person.sts().call(requested, person.user, token(person))
    person.sandbox.create_role("mfa", person.sandbox.trust(str(person.user.arn), mfa=True))
    made = person.sts().call(hop(person, "mfa"), session)
    assert made.arn == f"arn:aws:sts::{person.user.account}:assumed-role/mfa/session"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_request_with_a_code_is_sent_once(person: Person, fault: Fault) -> None:
    """Send it once, whatever happens: AWS may have accepted the code."""
    requested, pauses = role(person), list[float]()
    person.sandbox.fail("AssumeRole", fault, times=3)
    with pytest.raises(ResponseLost) as caught:
        person.sts(pauses).call(requested, person.user, token(person))
    assert person.sent("AssumeRole") == 1
    assert pauses == []
    assert "the MFA code may have been used" in caught.value.fact


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.UNAVAILABLE, Fault.THROTTLING, Fault.DROP])
def test_a_request_without_a_code_is_repeated(person: Person, fault: Fault) -> None:
    """Repeat it as botocore does."""
    requested = role(person)
    person.sandbox.fail("AssumeRole", fault, times=2)
    assert person.sts().call(requested, person.user).session_token
    assert person.sent("AssumeRole") == 3


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_aws_is_unreachable(person: Person, fault: Fault) -> None:
    """Name the host, and suggest another try."""
    requested = role(person)
    person.sandbox.fail("AssumeRole", fault, times=3)
    with pytest.raises(UnreachableError) as caught:
        person.sts().call(requested, person.user)
    assert not isinstance(caught.value, ResponseLost)
    assert person.sandbox.url.removeprefix("http://") in caught.value.fact


@pytest.mark.parametrize("with_code", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_error_holds_a_secret(person: Person, fault: Fault, *, with_code: bool) -> None:
    """Keep what was sent and received out of the text, the repr and the cause."""
    requested = role(person, external_id=person.external_id)
    code = token(person) if with_code else None
    person.sandbox.fail("AssumeRole", fault, times=3)
    with pytest.raises(AwsenvError) as caught:
        person.sts().call(requested, person.user, code)
    shown = everything(caught.value)
    assert person.external_id not in shown
    assert person.user.secret_access_key not in shown
    assert "SecretAccessKey" not in shown
    if code is not None:
        assert code.code not in shown


@pytest.mark.parametrize("with_code", [False, True])
def test_silence_ends(person: Person, *, with_code: bool) -> None:
    """Give up on a service that accepts the request and never responds."""
    requested = role(person)
    person.sandbox.fail("AssumeRole", Fault.HANG, times=3)
    with pytest.raises(
        ResponseLost if with_code else UnreachableError, match=r"did not (answer in time|send a complete response)"
    ):
        person.sts(timeout=2).call(requested, person.user, token(person) if with_code else None)


def test_a_request_that_was_not_sent_is_sent_again(person: Person) -> None:
    """Try three times where nothing listens, without a `ResponseLost`: the code is not used up."""
    pauses: list[float] = []
    person.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    with pytest.raises(UnreachableError) as caught:
        person.sts(pauses).call(hop(person, "role"), person.user, Token(person.device.serial, "123456"))
    assert not isinstance(caught.value, ResponseLost)
    assert pauses == [1.0, 1.0]
    assert caught.value.fact == "127.0.0.1:1 cannot be reached"


def test_a_proxy_that_takes_a_code_and_hangs_up_gets_no_other(person: Person) -> None:
    """Send it once, though botocore calls the proxy unreachable: the request may have reached AWS."""
    taken: list[bytes] = []

    class Proxy(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            taken.append(self.request.recv(65536))

    with socketserver.TCPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        person.environ["http_proxy"] = f"http://127.0.0.1:{proxy.server_address[1]}"
        person.environ["AWS_ENDPOINT_URL"] = "http://sts.example.test"
        with pytest.raises(ResponseLost):
            person.sts([]).call(hop(person, "role"), person.user, Token(person.device.serial, "123456"))
        proxy.shutdown()

    assert len(taken) == 1


def test_no_code_is_in_the_repr_of_a_token() -> None:
    """Hide it, since a repr may be logged."""
    assert "424242" not in repr(Token("arn:aws:iam::123456789012:mfa/alice", "424242"))


def test_a_name_that_does_not_resolve_is_named(person: Person) -> None:
    """Suggest a look at the region, which is often misspelt."""
    person.environ["AWS_ENDPOINT_URL"] = "http://sts.nope-1.invalid"
    with pytest.raises(UnreachableError, match=r"^sts\.nope-1\.invalid cannot be reached$") as caught:
        person.sts().identity(person.user)
    assert "region" in str(caught.value.hints)


def test_a_certificate_that_cannot_be_verified_names_the_bundle(person: Person, tls_port: int) -> None:
    """Suggest a CA bundle: a proxy that inspects TLS is the usual reason."""
    person.environ["AWS_ENDPOINT_URL"] = f"https://127.0.0.1:{tls_port}"
    with pytest.raises(UnreachableError, match=r"certificate of 127\.0\.0\.1:[0-9]+ cannot be verified") as caught:
        person.sts().identity(person.user)
    assert "AWS_CA_BUNDLE" in str(caught.value.hints)


def test_an_endpoint_without_tls_is_not_a_matter_of_certificates(person: Person) -> None:
    """Name the endpoint settings where plain text answers a handshake."""
    person.environ["AWS_ENDPOINT_URL"] = person.sandbox.url.replace("http:", "https:")
    with pytest.raises(UnreachableError, match="a TLS connection to"):
        person.sts().identity(person.user)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bad_ca_bundle_is_a_configuration_error(person: Person, content: str | None) -> None:
    """Refuse a wrong path, and a file with other content."""
    bundle = Path(person.environ["HOME"], "ca.pem")
    if content is not None:
        bundle.write_text(content)
    person.environ["AWS_CA_BUNDLE"] = str(bundle)
    person.environ["AWS_ENDPOINT_URL"] = person.sandbox.url.replace("http:", "https:")
    with pytest.raises(ConfigError, match="CA bundle"):
        person.sts().identity(person.user)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("AWS_ENDPOINT_URL", "no url", "the endpoint is not a URL"),
        ("AWS_RETRY_MODE", "eager", "a setting"),
        ("AWS_DEFAULTS_MODE", "bold", "a setting"),
        ("AWS_DEFAULT_REGION", "eu central 1", "the region"),
    ],
)
def test_a_bad_setting_is_a_configuration_error(person: Person, variable: str, value: str, says: str) -> None:
    """Blame the setting and not the network, and suggest no other try."""
    person.environ[variable] = value
    with pytest.raises(ConfigError, match=says):
        person.sts().identity(person.user)


def test_a_wrong_code_may_be_followed_by_another(person: Person) -> None:
    """Name both reasons: AWS's text is the same for a wrong code and a used one."""
    sts, used = person.sts(), token(person)
    sts.call(GetSessionToken(Mfa(used.serial)), person.user, used)
    for code in (used.code, "000000"):
        with pytest.raises(CodeRejected):
            sts.call(GetSessionToken(Mfa(used.serial)), person.user, Token(used.serial, code))


def test_a_wrong_device_is_not_followed_by_another_code(person: Person) -> None:
    """Name the setting: no code of that device is accepted."""
    serial = f"arn:aws:iam::{person.user.account}:mfa/nobody"
    with pytest.raises(MfaError) as caught:
        person.sts().call(
            GetSessionToken(Mfa(serial, origins={"mfa_serial": Origin("config:3")})),
            person.user,
            Token(serial, "123456"),
        )
    assert not isinstance(caught.value, CodeRejected)
    assert serial in caught.value.fact
    assert caught.value.where == "config:3"
    assert "mfa_serial" in str(caught.value.hints)


def test_a_key_that_aws_does_not_know_is_named_by_its_end(person: Person) -> None:
    """Show the last characters of the key, and its place."""
    source = Source("static", "default", Origin("~/.aws/credentials:2"))
    stranger = Credentials("AKIAIOSFODNN7EXAMPLE", "canary-secret", source=source)
    with pytest.raises(SourceError, match=r"does not know the access key …MPLE") as caught:
        person.sts().identity(stranger)
    assert caught.value.where == "~/.aws/credentials:2"


def test_a_wrong_secret_differs_from_an_unknown_key(person: Person) -> None:
    """Blame the secret key where AWS knows the access key."""
    half = Credentials(person.user.access_key_id, "canary-secret")
    with pytest.raises(SourceError, match="the secret key does not belong") as caught:
        person.sts().identity(half)
    assert "canary-secret" not in everything(caught.value)


@pytest.mark.parametrize(
    ("seconds", "says"), [(7500, "2h05m behind"), (-3600, "1h00m ahead of"), (90000, "25h00m behind")]
)
def test_a_clock_that_is_wrong_is_measured(person: Person, seconds: float, says: str) -> None:
    """Show the difference between the two times in AWS's message."""
    person.sandbox.clock.advance(seconds)
    with pytest.raises(SourceError, match=f"clock is {says} AWS's"):
        person.sts().identity(person.user)


def test_expired_credentials_say_how_to_renew_them(person: Person) -> None:
    """Show the place of the source, and how to renew it."""
    person.sandbox.clock.advance(-800)
    requested = GetSessionToken(Mfa(), duration=900)
    session = person.sts().call(requested, person.user, token(person))
    person.sandbox.clock.advance(1500)
    with pytest.raises(SourceError, match="have expired") as caught:
        person.sts().identity(replace(session, source=Source("login", "p", Origin("AWS_ACCESS_KEY_ID"))))
    assert ("AWS_ACCESS_KEY_ID", ("aws login --profile p",)) == (caught.value.where, caught.value.hints)


def test_a_refusal_shows_the_message_of_aws(person: Person) -> None:
    """Keep AWS's code for scripts, and the hint of the caller."""
    with pytest.raises(RefusedError, match=r"is not authorized to perform: sts:AssumeRole") as caught:
        person.sts().call(hop(person, "missing"), person.user, denied_hint="look there")
    assert ("AccessDenied", ("look there",)) == (caught.value.code, caught.value.hints)


def test_a_session_longer_than_the_role_allows_names_the_setting(person: Person) -> None:
    """Name the setting, since AWS refuses the call instead of cutting the session."""
    with pytest.raises(RefusedError, match="MaxSessionDuration") as caught:
        person.sts().call(role(person, duration=7200, origins={"duration": Origin("--duration")}), person.user)
    assert caught.value.where == "--duration"
    assert "duration_seconds" in str(caught.value.hints)


def test_a_value_that_botocore_does_not_send_is_not_shown(person: Person) -> None:
    """Drop the text of botocore, which holds the parameters."""
    with pytest.raises(ConfigError) as caught:
        person.sts().call(hop(person, "role", external_id="x"), person.user)
    assert "'x'" not in everything(caught.value)


# What AWS answers is not taken on trust.


def answering(endpoint: Endpoint, person: Person, action: str, *, arn: str, ends: datetime) -> None:
    """Let STS answer with credentials of *arn* that expire at *ends*."""
    person.environ["AWS_ENDPOINT_URL"] = endpoint.url
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
def test_credentials_of_another_role_are_refused(person: Person, endpoint: Endpoint, arn: str) -> None:
    """Name both roles."""
    answering(endpoint, person, "AssumeRole", arn=arn, ends=SOON)

    with pytest.raises(UnreachableError) as caught:
        replace(person.sts(), now=lambda: NOW).call(AssumeRole(REQUESTED, "me"), person.user)

    assert f"STS answered a request for {REQUESTED} with {arn}" == caught.value.fact


def test_the_requested_role_is_accepted(person: Person, endpoint: Endpoint) -> None:
    """Ignore the path, as AWS does, and the case, which names the same role."""
    arn = "arn:aws:sts::123456789012:assumed-role/deploy/me"
    answering(endpoint, person, "AssumeRole", arn=arn, ends=SOON)

    made = replace(person.sts(), now=lambda: NOW).call(AssumeRole(REQUESTED, "me"), person.user)

    assert arn == made.arn


@pytest.mark.parametrize("with_code", [False, True])
def test_keys_that_have_expired_already_are_refused(person: Person, endpoint: Endpoint, *, with_code: bool) -> None:
    """Name the end and the time, and request no other code."""
    sts = replace(person.sts(), now=SOON.timestamp)
    arn = "arn:aws:sts::123456789012:assumed-role/Deploy/me"
    code = token(person) if with_code else None
    answering(endpoint, person, "AssumeRole", arn=arn, ends=SOON)
    with pytest.raises(UnreachableError) as caught:
        sts.call(AssumeRole(REQUESTED, "me", mfa=Mfa(person.device.serial)), person.user, code)

    assert not isinstance(caught.value, ResponseLost)
    assert (
        "STS returned credentials that expired at 2030-01-01 00:00:00 UTC, and it is 2030-01-01 00:00:00 UTC"
        == caught.value.fact
    )


@pytest.mark.parametrize(
    ("region", "variables", "host"),
    [
        ("us-gov-west-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, "sts.us-gov-west-1.amazonaws.com"),
        ("us-east-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, "sts-fips.us-east-1.amazonaws.com"),
        ("eu-west-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "sts.eu-west-1.api.aws"),
        ("eu-west-1", {"AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, "sts.amazonaws.com"),
        ("cn-north-1", {}, "sts.cn-north-1.amazonaws.com.cn"),
        (None, {}, "sts.amazonaws.com"),
    ],
)
def test_the_endpoint_is_the_one_that_the_request_goes_to(
    person: Person, region: str | None, variables: dict[str, str], host: str
) -> None:
    """Send each request to the endpoint that messages and `explain` name; here to a proxy that does not exist."""
    del person.environ["AWS_ENDPOINT_URL"]
    environ = person.environ | variables | {"https_proxy": "http://127.0.0.1:1", "no_proxy": ""}
    session = AwsSession(None, environ, region=region)
    requested = list[str]()
    session.register("before-send", lambda request, **_: requested.append(request.url))

    assert f"https://{host}" == Sts(session).endpoint()
    with pytest.raises(UnreachableError, match=r"the proxy 127\.0\.0\.1:1 cannot be reached"):
        Sts(session, sleep=lambda _: None).identity(person.user)
    assert {f"https://{host}/"} == set(requested)


@pytest.mark.parametrize("ahead", [-200, 0, 600])
def test_the_clock_is_compared_with_the_date_of_the_response(person: Person, ahead: int) -> None:
    """Return the difference, but for the seconds that a response takes."""
    session = person.session()
    clock = Clock(session, time.time)
    person.sandbox.clock.advance(ahead)
    assert clock.ahead is None
    Sts(session).identity(person.user)
    assert clock.ahead is not None
    assert abs(clock.ahead - ahead) < 60


def test_a_refusal_has_the_time_too(person: Person) -> None:
    """Read the date of a refusal, which may be due to the clock."""
    session = person.session()
    clock = Clock(session, time.time)
    person.sandbox.clock.advance(7200)
    with pytest.raises(SourceError):
        Sts(session).identity(person.user)
    assert clock.ahead is not None
    assert abs(clock.ahead - 7200) < 60


def test_without_a_response_the_clock_is_unknown(person: Person) -> None:
    """Do not take an unknown clock for a right one."""
    session = person.session()
    clock = Clock(session, time.time)
    person.sandbox.fail("GetCallerIdentity", Fault.DROP, times=9)
    with pytest.raises(Exception, match="connection"):
        Sts(session).identity(person.user)
    assert clock.ahead is None
