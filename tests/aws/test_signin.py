"""The sign-in URL: its host in each partition, and the result of every response."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.loaders import Loader

from awsenv.aws.session import AwsSession
from awsenv.aws.signin import _endpoint, login_url, page
from awsenv.errors import AwsenvError, ConfigError, RefusedError, UnreachableError, UsageError
from awsenv.model import Credentials
from awsenv.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from aws.conftest import Endpoint, Home, Proxy

SECRET, TOKEN = "canary-secret-key", "canary-session-token"
KEYS = Credentials("ASIAIOSFODNN7EXAMPLE", SECRET, TOKEN)


def at(endpoint: Endpoint, status: int = 200, answer: object = None) -> AwsSession:
    """Return a session whose sign-in is *endpoint*, which sends this response."""
    endpoint.answers["GET", "/federation"] = status, {"SigninToken": "it"} if answer is None else answer
    environ = {"AWS_ENDPOINT_URL_SIGNIN": endpoint.url, "NO_PROXY": "127.0.0.1"}
    return AwsSession(None, environ)


def test_the_keys_become_a_url(endpoint: Endpoint) -> None:
    """Send the three parts of the keys, and make a URL of the token, the page and the same endpoint."""
    url = login_url(at(endpoint), KEYS, "aws", "eu-central-1", service="s3", duration=28_800)

    ((method, path, _, body),) = endpoint.requests
    sent = {name: value for name, (value,) in parse_qs(urlsplit(path).query).items()}
    session = {"sessionId": KEYS.access_key_id, "sessionKey": SECRET, "sessionToken": TOKEN}
    assert ("GET", b"", session) == (method, body, json.loads(sent.pop("Session")))
    assert {"Action": "getSigninToken", "SessionDuration": "28800"} == sent
    assert f"{endpoint.url}/federation" == url.partition("?")[0]
    assert {
        "Action": ["login"],
        "Issuer": ["awsenv"],
        "Destination": ["https://eu-central-1.console.aws.amazon.com/s3/home?region=eu-central-1"],
        "SigninToken": ["it"],
    } == parse_qs(urlsplit(url).query)


@pytest.mark.parametrize(
    ("partition", "region", "signin", "console"),
    [
        ("aws", None, "signin.aws.amazon.com", "console.aws.amazon.com/console/home"),
        ("aws", "eu-west-1", "signin.aws.amazon.com", "eu-west-1.console.aws.amazon.com/console/home?region=eu-west-1"),
        (
            "aws-cn",
            "cn-north-1",
            "signin.amazonaws.cn",
            "cn-north-1.console.amazonaws.cn/console/home?region=cn-north-1",
        ),
        (
            "aws-us-gov",
            "us-gov-west-1",
            "signin.amazonaws-us-gov.com",
            "us-gov-west-1.console.amazonaws-us-gov.com/console/home?region=us-gov-west-1",
        ),
        (
            "aws-eusc",
            "eusc-de-east-1",
            "eusc-de-east-1.signin.amazonaws-eusc.eu",
            "eusc-de-east-1.console.amazonaws-eusc.eu/console/home?region=eusc-de-east-1",
        ),
    ],
)
def test_each_partition_has_its_own(partition: str, region: str | None, signin: str, console: str) -> None:
    """Use the hosts that AWS documents."""
    assert (f"https://{signin}", f"https://{console}") == (_endpoint(partition, region), page(partition, region))


def test_every_partition_has_the_domain_of_botocore() -> None:
    """Use each domain of botocore's endpoint rules of `signin`; those of botocore 1.41 know fewer partitions."""
    rules = json.dumps(Loader().load_service_model("signin", "endpoint-rule-set-1"))
    domains = dict.fromkeys(re.findall(r"https://\{Region\}\.signin\.([a-z0-9.-]+)\"", rules))
    partitions = [(each["id"], each["regions"]) for each in Loader().load_data("partitions")["partitions"]]

    found = {
        _endpoint(name, region).partition("signin.")[2]
        for name, regions in partitions
        for region in regions
        if not region.endswith("-global")
    }

    assert domains
    assert set() == set(domains) - found


def test_an_unknown_partition_is_an_error() -> None:
    """Guess no host to send keys to."""
    with pytest.raises(ConfigError, match="'aws-iso-g' is not known"):
        page("aws-iso-g", "ap-isog-east-1")


@pytest.mark.parametrize("service", ["", "S3", "../x", "a?b", "s3/home", "é", "-"])
def test_a_service_is_a_name(service: str) -> None:
    """Let only a name into the URL."""
    with pytest.raises(UsageError):
        page("aws", "eu-west-1", service)


@pytest.mark.parametrize(
    ("status", "answer", "kind", "fact"),
    [
        (400, "<html>", RefusedError, r"AWS Sign-In refused the credentials of the role \(HTTP 400\)"),
        (403, "<html>", RefusedError, "HTTP 403"),
        (429, "", UnreachableError, "is throttling"),
        (503, "<html>", UnreachableError, r"is failing \(HTTP 503\)"),
        (302, "", UnreachableError, "sent a response that is not from AWS"),
        (200, "<html>canary</html>", UnreachableError, "sent a response that is not from AWS"),
        (200, "", UnreachableError, "not from AWS"),
        (200, [], UnreachableError, "not from AWS"),
        (200, {}, UnreachableError, "not from AWS"),
        (200, {"SigninToken": ""}, UnreachableError, "not from AWS"),
        (200, {"SigninToken": 1}, UnreachableError, "not from AWS"),
    ],
)
def test_any_other_response_is_an_error(
    endpoint: Endpoint, status: int, answer: object, kind: type[AwsenvError], fact: str
) -> None:
    """Name the failure, and show nothing that was sent or received."""
    with pytest.raises(kind, match=fact) as caught:
        login_url(at(endpoint, status, answer), KEYS, "aws", None)

    shown = f"{caught.value} {caught.value.where} {caught.value.hints}{caught.value.because}"
    assert not [secret for secret in (SECRET, TOKEN, "canary") if secret in shown]


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        ("Session expired.", "AWS said: Session expired"),
        ("  the\nsession is\x1b[2J bad", "AWS said: the session is\\x1b[2J bad"),
        ("", None),
        ("<html><h1>Bad Request</h1></html>", None),
        (f"the token {TOKEN} is bad", None),
    ],
)
def test_a_text_of_aws_is_the_cause(endpoint: Endpoint, answer: str, because: str | None) -> None:
    """Show what AWS says in plain text, and neither a page nor a secret."""
    with pytest.raises(RefusedError) as caught:
        login_url(at(endpoint, 400, answer), KEYS, "aws", None)

    assert because == caught.value.because


def test_a_duration_may_be_the_cause(endpoint: Endpoint) -> None:
    """Name the option if it is set."""
    with pytest.raises(RefusedError) as caught:
        login_url(at(endpoint, 400), KEYS, "aws", None, duration=900)

    assert "leave --session-duration out" in str(caught.value.hints)


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DROP, Fault.HTML, Fault.EMPTY, Fault.SERVER_ERROR])
def test_a_network_that_fails_is_unreachable(home: Home, fault: Fault) -> None:
    """Call AWS unreachable after silence, a hang-up and a captive portal."""
    home.sandbox.fail("GetSigninToken", fault)
    session = AwsSession(None, home.environ, timeout=0.5)

    with pytest.raises(UnreachableError) as caught:
        login_url(session, KEYS, "aws", None)

    assert SECRET not in str(caught.value)


def test_silence_may_take_the_whole_time(home: Home) -> None:
    """Wait until the time of the call is over: there is no other attempt."""
    home.sandbox.fail("GetSigninToken", Fault.HANG)
    session = AwsSession(None, home.environ, timeout=2)

    with pytest.raises(UnreachableError, match="did not send a complete response within 2 seconds"):
        login_url(session, KEYS, "aws", None)


def test_a_closed_port_is_unreachable() -> None:
    """Name the host."""
    session = AwsSession(None, {"AWS_ENDPOINT_URL_SIGNIN": "http://127.0.0.1:1"})

    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1 cannot be reached"):
        login_url(session, KEYS, "aws", None)


def test_a_proxy_is_used(proxy: Proxy) -> None:
    """Use the proxy of the environment: this one answers a GET with an error."""
    environ = {"AWS_ENDPOINT_URL_SIGNIN": "http://signin.test", "HTTP_PROXY": proxy.url}
    session = AwsSession(None, environ)

    with pytest.raises(UnreachableError, match=r"the proxy .* answers the request for signin\.test with HTTP 501"):
        login_url(session, KEYS, "aws", None)


def test_a_ca_bundle_is_used(tls_port: int, certificate: Path) -> None:
    """Trust the CA bundle of the environment alone: this server answers a GET with an error."""
    environ = {"AWS_ENDPOINT_URL_SIGNIN": f"https://127.0.0.1:{tls_port}"}
    facts = []
    for more in ({}, {"AWS_CA_BUNDLE": str(certificate)}):
        session = AwsSession(None, environ | more)
        with pytest.raises(UnreachableError) as caught:
            login_url(session, KEYS, "aws", None)
        facts.append(caught.value.fact)

    assert [
        f"the TLS certificate of 127.0.0.1:{tls_port} cannot be verified",
        f"AWS Sign-In at 127.0.0.1:{tls_port} is failing (HTTP 501)",
    ] == facts
