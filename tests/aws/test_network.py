"""Responses that are not AWS's, connections that end, and hosts that are none: each has its own fact and place."""

from __future__ import annotations

import socket
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from awsenv.aws import tls
from awsenv.aws.request import Token
from awsenv.config.settings import TIMEOUT
from awsenv.errors import ConfigError, ForeignResponse, ResponseLost, UnreachableError
from awsenv.model import AssumeRole, RoleArn
from awsenv.sandbox.authority import Authority
from servers import Scripted, answering, status

if TYPE_CHECKING:
    from pathlib import Path

    from aws.conftest import Home

HOP = AssumeRole(RoleArn("aws", "123456789012", "r"), "me")
NOT_OF_AWS = "sent a response that is not from AWS"
CHECK = "check AWS_ENDPOINT_URL"
PORTAL = "check that no sign-in page of the network is in the way"
AGAIN = "the same command again"
CLOCK = "check the clock of this computer"


def page(number: int, body: bytes = b"<html>canary</html>", *headers: bytes) -> bytes:
    """Return a response with a body."""
    lines = (b"HTTP/1.1 %d Name" % number, b"Content-Length: %d" % len(body), *headers)
    return b"\r\n".join((*lines, b"", body))


def unreachable(home: Home, url: str, *, with_code: bool = False, seconds: float = TIMEOUT) -> UnreachableError:
    """Return the error of a request to *url*, which may take so many seconds."""
    home.environ.update({"AWS_ENDPOINT_URL": url, "AWS_MAX_ATTEMPTS": "1"})
    with pytest.raises(UnreachableError) as caught:
        home.sts([], timeout=seconds).call(HOP, home.user, Token(home.device.serial, "123456") if with_code else None)
    assert "canary" not in f"{caught.value!r}{caught.value.hints}"
    return caught.value


@pytest.mark.parametrize(
    ("answer", "does"),
    [
        (page(200), NOT_OF_AWS),
        (page(200, b""), NOT_OF_AWS),
        (page(204, b""), NOT_OF_AWS),
        (page(200, b'{"a": 1}'), NOT_OF_AWS),
        (page(200, b"<AssumeRoleResponse><AssumeRoleResult><Cre"), NOT_OF_AWS),
        (page(301, b"", b"Location: https://portal.test/"), f"{NOT_OF_AWS} (HTTP 301)"),
        (page(302, b"<html/>", b"Location: https://portal.test/"), f"{NOT_OF_AWS} (HTTP 302)"),
        (page(403), f"{NOT_OF_AWS} (HTTP 403)"),
        (page(404, b"<a/>"), f"{NOT_OF_AWS} (HTTP 404)"),
        (page(403, b'{"message": "Forbidden"}'), f"{NOT_OF_AWS} (HTTP 403)"),
        (page(511, b"<html/>"), f"{NOT_OF_AWS} (HTTP 511)"),
        (page(503), "is failing (HTTP 503)"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<AssumeRoleResponse>", "sent an incomplete response"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nabc", "sent an incomplete response"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "does not speak HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x0a", "does not speak HTTP"),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "does not speak HTTP"),
        (None, "closed the connection"),
    ],
)
def test_a_response_that_is_not_of_aws(home: Home, answer: bytes | None, does: str) -> None:
    """The host, what it did, and the setting that leads there; AWS has refused nothing, and a code may be lost."""
    with answering(answer) as host:
        error = unreachable(home, f"http://{host}")
        lost = unreachable(home, f"http://{host}", with_code=True)

    step = PORTAL if NOT_OF_AWS in does else f"{AGAIN} in a minute" if "failing" in does else AGAIN
    steps = (CHECK, step)
    assert (f"STS at {host} {does}", "AWS_ENDPOINT_URL", steps) == (error.fact, error.where, error.hints)
    fact = f"STS at {host} {does}, and the MFA code may have been used"
    kind = ForeignResponse if any(words in does for words in (NOT_OF_AWS, "failing", "HTTP")) else ResponseLost
    steps = (CHECK, step.replace(AGAIN, "the device's next code"))
    assert (fact, "AWS_ENDPOINT_URL", steps, kind) == (lost.fact, lost.where, lost.hints, type(lost))


@pytest.mark.parametrize("answer", [b"", None, status(400), b"SSH-2.0-OpenSSH_9.9\r\n"])
def test_a_handshake_that_fails_takes_no_code(home: Home, answer: bytes | None) -> None:
    """Without TLS nothing has been sent, whether the server hangs up or speaks something else."""
    with answering(answer) as host:
        error = unreachable(home, f"https://{host}", with_code=True)

    assert (f"a TLS connection to {host} cannot be made", UnreachableError) == (error.fact, type(error))


BUNDLE = "set AWS_CA_BUNDLE or ca_bundle to the certificate of its CA"


@pytest.mark.parametrize(
    ("names", "end", "is_known", "because", "step"),
    [
        ((), None, False, "its CA is not in the CA bundle", BUNDLE),
        (("elsewhere.test",), None, True, "it is for another address", CHECK),
        ((), datetime(2020, 1, 1, tzinfo=timezone.utc), True, "it, or the certificate of its CA, has expired", CLOCK),
    ],
)
def test_a_certificate_that_cannot_be_verified(
    home: Home, tmp_path: Path, *, names: tuple[str, ...], end: datetime | None, is_known: bool, because: str, step: str
) -> None:
    """The error has the cause and the next step that fits it."""
    authority = Authority(tmp_path)
    if is_known:
        home.environ["AWS_CA_BUNDLE"] = str(authority.bundle)
    with Scripted([status(200)], context=authority.server(*names, end=end)) as server:
        error = unreachable(home, f"https://{server.host}", with_code=True)

    fact = f"the TLS certificate of {server.host} cannot be verified"
    assert (fact, because, (step,)) == (error.fact, error.because, error.hints)


def test_a_self_signed_certificate(home: Home, certificate: Path) -> None:
    """A self-signed certificate is told apart from an unknown CA, for a server and for a proxy."""
    with answering(b"", certificate) as host:
        direct = unreachable(home, f"https://{host}")
        home.environ.update({"HTTPS_PROXY": f"https://{host}", "NO_PROXY": "", "no_proxy": ""})
        proxy = unreachable(home, "https://sts.test")

    assert [("it is self-signed", (BUNDLE,))] * 2 == [(error.because, error.hints) for error in (direct, proxy)]


@pytest.mark.parametrize("with_code", [False, True])
@pytest.mark.parametrize(
    ("scheme", "proxy", "fact", "origins"),
    [
        ("http", None, "STS at {host} did not send a complete response", "AWS_ENDPOINT_URL"),
        ("https", None, "STS at {host} did not complete the TLS handshake", "AWS_ENDPOINT_URL"),
        (
            "http",
            "http://{host}",
            "STS at sts.test did not send a complete response through the proxy {host}",
            "AWS_ENDPOINT_URL; HTTP_PROXY",
        ),
        (
            "https",
            "http://{host}",
            "the proxy {host} did not connect to sts.test",
            "AWS_ENDPOINT_URL; HTTPS_PROXY",
        ),
        (
            "https",
            "https://me:canary@{host}",
            "the proxy {host} did not complete the TLS handshake",
            "HTTPS_PROXY",
        ),
    ],
)
def test_silence(home: Home, scheme: str, proxy: str | None, fact: str, origins: str, *, with_code: bool) -> None:
    """The whole time of the call, the proxy that is in between, and whether a code was sent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        more = (
            {}
            if proxy is None
            else {f"{scheme.upper()}_PROXY": proxy.format(host=host), "NO_PROXY": "", "no_proxy": ""}
        )
        target = host if proxy is None else "sts.test"
        home.environ.update(more)
        if scheme == "https":
            tls.context(None)  # it is read once, and may take longer than the second
        error = unreachable(home, f"{scheme}://{target}", with_code=with_code, seconds=1)

    is_lost = with_code and scheme == "http"
    expected = f"{fact.format(host=host)} within 1 second{', and the MFA code may have been used' * is_lost}"
    assert (expected, origins, "set AWSENV_TIMEOUT=1m to wait longer") == (error.fact, error.where, error.hints[1])
    assert is_lost is isinstance(error, ResponseLost)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://a..b", "it must be a URL of http or https"),
        (f"http://{'a' * 64}.test", "it must be a URL of http or https"),
        ("http://localhost:99999", "it must be a URL of http or https"),
        ("http://exa mple", "it must be a URL of http or https"),
        ("http://localhost/\udcff", "it must be a URL of http or https"),
        ("http://-bad.test", "its host name is not valid for the AWS SDK"),
        ("http://my_host", "its host name is not valid for the AWS SDK"),
        ("http://xn--.test", "its host name is not valid for the AWS SDK"),
    ],
)
def test_an_endpoint_whose_host_is_none(home: Home, url: str, why: str) -> None:
    """The setting is named, and nothing is sent: the AWS SDK refuses it without a name."""
    home.environ["AWS_ENDPOINT_URL"] = url
    with pytest.raises(ConfigError) as caught:
        home.sts().call(HOP, home.user)

    assert (f"AWS_ENDPOINT_URL is {url!r}: {why}", "AWS_ENDPOINT_URL") == (caught.value.fact, caught.value.where)


@pytest.mark.parametrize(
    ("environ", "steps"),
    [
        ({"ALL_PROXY": "http://p:1"}, ("set HTTPS_PROXY=http://HOST:PORT: botocore ignores ALL_PROXY",)),
        ({"all_proxy": "socks5://p:1"}, ("set HTTPS_PROXY=http://HOST:PORT: botocore ignores all_proxy",)),
        ({"all_proxy": "", "ALL_PROXY": "http://p:1"}, ()),
        ({"ALL_PROXY": "http://p:1", "no_proxy": "*"}, ()),
        ({"ALL_PROXY": "http://p:1", "no_proxy": ".invalid"}, ()),
    ],
)
def test_a_proxy_that_is_ignored(home: Home, environ: dict[str, str], steps: tuple[str, ...]) -> None:
    """A proxy that botocore ignores is a next step where a host cannot be reached, unless it would not be used."""
    home.environ.update({"NO_PROXY": "", "no_proxy": "", **environ})
    error = unreachable(home, "https://sts.invalid")

    assert ("sts.invalid cannot be reached", f"{CHECK}, and that its host can be reached", *steps) == (
        error.fact,
        *error.hints,
    )
