"""A proxy that does not pass a request on is named, with its answer and its variable, and never its password."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # typeshed leaves it out

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from awsenv.aws.proxy import is_exempt
from awsenv.aws.request import Token
from awsenv.errors import ConfigError, ForeignResponse, RefusedError, ResponseLost, UnreachableError
from awsenv.model import AssumeRole, GetSessionToken, Mfa, RoleArn
from servers import answering, status

if TYPE_CHECKING:
    from pathlib import Path

    from aws.conftest import Home

TARGET = "sts.test"


ITS_KIND = "check that {variable} names an HTTP proxy"
SET_BOTH = "set both in HTTP_PROXY: http://USER:PASSWORD@HOST:PORT"
ANSWERS = [
    (status(407), "does not accept the user and the password (HTTP 407)", "correct both in {variable}: http://"),
    (status(403), "forbids a connection to sts.test (HTTP 403)", "ask its administrator to allow sts.test"),
    (status(502), "answers the request for sts.test with HTTP 502", "the same command again"),
    (status(503), "answers the request for sts.test with HTTP 503", "the same command again"),
    (status(404), "answers the request for sts.test with HTTP 404", ITS_KIND),
    (None, "closed the connection", ITS_KIND),
    (b"SSH-2.0-OpenSSH_9.9\r\n", "does not speak HTTP", ITS_KIND),
]


def through(home: Home, variable: str, url: str, scheme: str) -> None:
    """Let requests go through a proxy, once."""
    more = {"AWS_ENDPOINT_URL": f"{scheme}://{TARGET}", "AWS_MAX_ATTEMPTS": "1", "NO_PROXY": "", "no_proxy": ""}
    home.environ.update({**more, variable: url})


def refused(home: Home, scheme: str, url: str, *, with_code: bool = False) -> UnreachableError:
    """Return the error of a request through the proxy *url*."""
    through(home, f"{scheme.upper()}_PROXY", url, scheme)
    token = Token(home.device.serial, "123456") if with_code else None
    with pytest.raises(UnreachableError) as caught:
        home.sts([]).call(GetSessionToken(Mfa(home.device.serial)), home.user, token)
    assert "canary" not in f"{caught.value!r}{caught.value.hints}{caught.value.where}"
    return caught.value


@pytest.mark.parametrize(("answer", "does", "hint"), ANSWERS)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_the_answer_of_a_proxy_is_the_fact(home: Home, scheme: str, answer: bytes | None, does: str, hint: str) -> None:
    """The proxy, its answer and its variable are named, and AWS is not blamed."""
    variable = f"{scheme.upper()}_PROXY"
    with answering(answer) as host:
        error = refused(home, scheme, f"http://me:canary@{host}")

    assert (f"the proxy {host} {does}", variable) == (error.fact, error.where)
    assert error.hints[0].startswith(hint.format(variable=variable))


@pytest.mark.parametrize(("answer", "does", "hint"), ANSWERS)
def test_a_code_never_leaves_without_a_tunnel(home: Home, answer: bytes | None, does: str, hint: str) -> None:
    """A proxy that makes no tunnel has not seen the request: the code may be sent again, and the message says so."""
    with answering(answer) as host:
        error = refused(home, "https", f"me:canary@{host}", with_code=True)

    assert f"the proxy {host} {does}; AWS has not seen the MFA code" == error.fact
    assert not isinstance(error, ResponseLost)
    assert hint.format(variable="HTTPS_PROXY") in str(error.hints)


@pytest.mark.parametrize(("number", "is_lost"), [(407, False), (502, True)])
def test_a_proxy_without_a_tunnel_may_have_passed_the_code_on(home: Home, number: int, *, is_lost: bool) -> None:
    """Without TLS a proxy sees the request: only one that demands a password has certainly kept it."""
    with answering(status(number)) as host:
        error = refused(home, "http", f"http://{host}", with_code=True)

    assert (is_lost, "HTTP_PROXY") == (isinstance(error, ForeignResponse), error.where)
    assert (["the device's next code", "export no_proxy=sts.test"] if is_lost else [SET_BOTH]) == list(error.hints)


def test_a_proxy_that_demands_a_password(home: Home) -> None:
    """Without a user in its URL, the next step is to set one."""
    with answering(status(407)) as host:
        error = refused(home, "https", f"http://{host}")

    expected = f"the proxy {host} demands a user and a password (HTTP 407)"
    assert (expected, (SET_BOTH.replace("HTTP_", "HTTPS_"),)) == (error.fact, error.hints)


@pytest.mark.parametrize("more", [b"", b"SSH-2.0-OpenSSH_9.9\r\n", status(400), b"\x15\x03\x01\x00\x02\x02\x0a"])
def test_a_tunnel_without_tls_names_the_proxy(home: Home, more: bytes) -> None:
    """A proxy may accept CONNECT and lead nowhere; the code never left."""
    with answering(status(200) + more) as host:
        error = refused(home, "https", f"http://{host}", with_code=True)

    fact = f"no TLS connection to sts.test can be made through the proxy {host}; AWS has not seen the MFA code"
    assert (fact, "HTTPS_PROXY") == (error.fact, error.where)
    assert ("check that HTTPS_PROXY names an HTTP proxy", "export no_proxy=sts.test") == error.hints


def test_a_scheme_in_upper_case(home: Home) -> None:
    """Botocore would look for a host named `HTTP`."""
    with answering(status(407)) as host:
        assert (
            f"the proxy {host} demands a user and a password (HTTP 407)"
            == refused(home, "https", f"HTTP://{host}").fact
        )


def test_a_proxy_with_tls(home: Home, certificate: Path) -> None:
    """A certificate that cannot be verified differs from a proxy without TLS."""
    with answering(b"", certificate) as host:
        unverified = refused(home, "https", f"https://{host}")
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as plain:
        without = refused(home, "https", f"https://{plain}")

    assert [f"the TLS certificate of the proxy {host} cannot be verified", f"the proxy {plain} does not speak TLS"] == [
        unverified.fact,
        without.fact,
    ]
    assert "AWS_CA_BUNDLE" in unverified.hints[0]
    assert "it is self-signed" == unverified.because
    assert ("write http:// instead of https:// in HTTPS_PROXY",) == without.hints


def test_a_refusal_of_aws_behind_a_proxy_is_that_of_aws(home: Home) -> None:
    """An error in the form of AWS is not blamed on the proxy that passed it on."""
    body = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>No.</Message></Error></ErrorResponse>"
    answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    hop = AssumeRole(RoleArn("aws", "123456789012", "r"), "me")
    with answering(answer) as host:
        through(home, "http_proxy", f"http://{host}", "http")
        with pytest.raises(RefusedError, match="AWS said: No"):
            home.sts().call(hop, home.user)


@pytest.mark.parametrize(
    "value",
    [
        *("http://", "http://a:b", "http://[::1", "http://a..b:1", "http://me:canary@a b"),
        *(" http://a:1", "1x://a:1", "my proxy://a:1", "http://a:0", "http:a:1", "http://a:1/\udcff"),
    ],
)
@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY"])
def test_a_value_that_is_no_url_is_a_configuration_error(home: Home, variable: str, value: str) -> None:
    """The variable and its value are named, without a password, and nothing is sent."""
    through(home, variable, value, "https")
    with pytest.raises(ConfigError) as caught:
        home.sts().identity(home.user)

    shown = value.replace("me:canary", "…")
    assert f"{variable} is not the URL of a proxy: {shown!r}" == caught.value.fact
    assert (variable, f"unset {variable}") == (caught.value.where, caught.value.hints[0])


@example("h:", "h")
@example("[::1]:80", "[::1]")
@given(
    st.from_regex(r"[a-z.]{1,8}(:[0-9]{0,4})?", fullmatch=True),
    st.lists(st.from_regex(r"[ .]{0,2}[a-zA-Z.*:0-9]{0,6} ?", fullmatch=True), max_size=4).map(",".join),
)
def test_no_proxy_is_read_as_by_python(netloc: str, exempt: str) -> None:
    """`NO_PROXY` exempts the same hosts as with `urllib.request`, which botocore uses."""
    assert bool(proxy_bypass_environment(netloc, {"no": exempt})) is is_exempt(netloc, exempt)
