"""Faults of servers and proxies: how often a request is sent, and what botocore's own HTTP client does.

A row says why where the two differ on purpose.
"""

from __future__ import annotations

import gzip
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from traceback import TracebackException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session, create_urllib3_context, get_cert_path
from hypothesis import given
from hypothesis import strategies as st

from awsenv.aws import tls
from awsenv.aws.connection import TLS, TUNNEL, Address, HttpRequest, Refused, Unanswered, connect, encoded_request
from awsenv.aws.http import Deadline, Http
from awsenv.aws.response import Closed, NotHttp
from awsenv.aws.tcp import first_open
from awsenv.config.ini import Setting
from awsenv.errors import Origin
from awsenv.record import replace
from awsenv.sandbox.authority import Authority
from servers import Scripted, page, status, tunnelling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BODY = b"TokenCode=canary"
OK = page(b"<xml/>")


@dataclass(frozen=True)
class Row:
    """A fault of a server, and what a client makes of it."""

    does: str
    scripts: Sequence[Sequence[bytes]]
    """The responses, connection by connection."""
    ours: str
    """Our last response, or what was raised instead of it."""
    theirs: str
    """The same of botocore."""
    requests: int = 1
    """How often the server got a request, from either."""
    connections: int = 1
    why: str = ""
    """Why the two differ."""


PART = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<xml"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n<xml/>\r\n0\r\n\r\n"
PACKED = gzip.compress(b"<xml/>", mtime=0)
LOST = "exchange: Closed, sent"
ROWS = [
    Row("nothing wrong", [[OK] * 2], "200 <xml/>", "200 <xml/>", requests=2),
    Row("closes an idle connection", [[OK], [OK]], "200 <xml/>", "200 <xml/>", requests=2, connections=2),
    Row("closes after the request", [[b""]], LOST, "ConnectionClosedError"),
    Row("closes after the second request", [[OK, b""]], f"{LOST}, kept", "ConnectionClosedError", requests=2),
    Row(
        "sends half a response",
        [[PART]],
        "exchange: Incomplete, sent",
        "200 <xml",
        why="botocore takes a part for the whole, and its parser finds out, or does not",
    ),
    Row(
        "sends 10 MB",
        [[page(bytes(10 << 20))]],
        "exchange: TooLarge, sent",
        f"200 {bytes(9).decode()}",
        why="no response of AWS is as large, and botocore would hold whatever comes",
    ),
    Row("sends bad XML", [[page(b"<a><b>")]], "200 <a><b>", "200 <a><b>"),
    Row("sends chunks", [[CHUNKS]], "200 <xml/>", "200 <xml/>"),
    Row("sends a broken chunk", [[CHUNKS.replace(b"6", b"ZZ")]], "exchange: Incomplete, sent", "ConnectionClosedError"),
    Row(
        "compresses what nobody asked it to",
        [[page(PACKED, 200, b"Content-Encoding: gzip")]],
        "200 <xml/>",
        f"200 {PACKED.decode('latin-1')[:9]}",
        why="botocore reads what is packed as XML; a proxy that packs a response means no harm",
    ),
    Row("sends no length", [[b"HTTP/1.1 200 OK\r\n\r\n<xml/>"]], "200 <xml/>", "200 <xml/>"),
    Row("speaks HTTP/1.0", [[b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\n<xml/>"]], "200 <xml/>", "200 <xml/>"),
    Row("speaks no HTTP", [[b"SSH-2.0-OpenSSH_9.9\r\n"]], "exchange: NotHttp, sent", "ConnectionClosedError"),
    Row("redirects", [[page(b"", 302, b"Location: http://127.0.0.1:1/")]], "302 ", "302 "),
    *(Row(f"answers {number}", [[page(b"no", number)]], f"{number} no", f"{number} no") for number in (400, 403)),
    *(
        Row(f"answers {number}", [[page(b"no", number, *more)]], f"{number} no", f"{number} no")
        for number in (429, 500, 503)
        for more in ((), (b"Retry-After: 7",))
    ),
]


def shown(number: int, body: bytes) -> str:
    """Return a response in the form of a row."""
    return f"{number} {body[:9].decode('latin-1')}"


def of_ours(http: Http, url: str) -> str:
    """Send a request with `Http`."""
    try:
        response = http.send(HttpRequest("POST", url, {}, BODY))
    except Unanswered as error:
        marks = [", sent"] * error.was_sent + [", kept"] * error.was_kept
        if "canary" in f"{error!r}{error.args}{error.attempt}":
            return "the request is shown"
        return f"{error.stage}: {type(error.error).__name__}{''.join(marks)}"
    return shown(response.status, response.body)


def of_botocore(session: URLLib3Session, url: str) -> str:
    """Send a request with botocore's own HTTP client."""
    try:
        response = session.send(AWSRequest("POST", url, data=BODY).prepare())
    except Exception as error:  # noqa: BLE001 - any exception is an outcome
        return type(error).__name__
    return shown(response.status_code, response.content)


def http(environ: dict[str, str] | None = None, bundle: Path | None = None, seconds: float = 30) -> Http:
    """Return our client."""
    setting = None if bundle is None else Setting(str(bundle), Origin("AWS_CA_BUNDLE"))
    return Http(environ or {}, bundle=setting, deadline=Deadline(seconds))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.does)
def test_a_fault_of_a_server(row: Row) -> None:
    """Both clients send each request once, with the outcome of the row."""
    ours, theirs = http(), URLLib3Session(timeout=30)
    clients = [(row.ours, partial(of_ours, ours)), (row.theirs, partial(of_botocore, theirs))]
    for expected, send in clients:
        outcome = ""
        with Scripted(*row.scripts) as server:
            for _ in range(row.requests):
                outcome = send(f"http://{server.host}/")
                if row.connections > 1:
                    assert server.hung_up.acquire(timeout=30)
        assert (expected, row.requests, row.connections) == (outcome, len(server.requests), server.connections)
    theirs.close()

    both_fail = row.ours.startswith("exchange:") and row.theirs.endswith("Error")
    assert bool(row.why) is (row.ours != row.theirs and not both_fail)


def test_the_headers_of_a_refusal_arrive() -> None:
    """The headers of an error response are kept: they may ask for a pause."""
    with Scripted([page(b"no", 503, b"Retry-After: 7", b"x-amz-retry-after: 7000")]) as server:
        response = http().send(HttpRequest("POST", f"http://{server.host}/", {}, BODY))

    assert ("7", "7000") == (response.headers["retry-after"], response.headers["x-amz-retry-after"])


EXPIRED = datetime(2020, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("names", "end", "is_known", "ours", "theirs"),
    [
        ((), None, True, "200 <xml/>", "200 <xml/>"),
        (("elsewhere.example",), None, True, "tls: SSLCertVerificationError", "SSLError"),
        ((), EXPIRED, True, "tls: SSLCertVerificationError", "SSLError"),
        ((), None, False, "tls: SSLCertVerificationError", "SSLError"),
    ],
    ids=["right", "of another name", "expired", "unknown"],
)
def test_a_certificate(
    tmp_path: Path, *, names: tuple[str, ...], end: datetime | None, is_known: bool, ours: str, theirs: str
) -> None:
    """Only a server with a valid certificate gets a request."""
    authority = Authority(tmp_path)
    bundle = authority.bundle if is_known else None
    botocore = URLLib3Session(verify=str(bundle) if bundle else True, timeout=30)
    for expected, send in ((ours, partial(of_ours, http(bundle=bundle))), (theirs, partial(of_botocore, botocore))):
        with Scripted([OK], context=authority.server(*names, end=end)) as server:
            assert expected == send(f"https://{server.host}/")
            assert int(expected == "200 <xml/>") == len(server.requests)
    botocore.close()


def test_a_trailing_dot_is_not_part_of_the_certificate(tmp_path: Path) -> None:
    """A host name with a trailing dot is looked up with it, and verified without it, as botocore does."""
    authority = Authority(tmp_path)
    with Scripted([OK], context=authority.server("sts.test")) as server, tunnelling() as (host, _):
        url = f"https://sts.test.:{server.host.partition(':')[2]}/"
        assert "200 <xml/>" == of_ours(http({"https_proxy": f"http://{host}"}, bundle=authority.bundle), url)
        botocore = URLLib3Session(verify=str(authority.bundle), proxies={"https": f"http://{host}"}, timeout=30)
        assert "200 <xml/>" == of_botocore(botocore, url)
        botocore.close()


def test_a_kept_connection_with_tls(tmp_path: Path) -> None:
    """Session tickets leave a connection open; a close_notify ends it."""
    authority = Authority(tmp_path)
    ours = http(bundle=authority.bundle)
    with Scripted([OK] * 2, [OK], context=authority.server()) as server:
        url = f"https://{server.host}/"
        assert ["200 <xml/>"] * 2 == [of_ours(ours, url) for _ in range(2)]
        assert 1 == server.connections
        assert server.hung_up.acquire(timeout=30)
        assert "200 <xml/>" == of_ours(ours, url)
    assert (2, 3) == (server.connections, len(server.requests))


def test_the_settings_of_tls_are_those_of_botocore(tmp_path: Path) -> None:
    """The TLS context and the default bundle equal botocore's."""
    ours, theirs = tls.context(str(Authority(tmp_path).bundle)), create_urllib3_context()
    names = ("minimum_version", "maximum_version", "options", "verify_flags", "verify_mode", "post_handshake_auth")
    assert {name: getattr(theirs, name) for name in names} == {name: getattr(ours, name) for name in names}
    assert theirs.get_ciphers() == ours.get_ciphers()
    # botocore leaves the name to urllib3, which checks it after the handshake.
    assert ours.check_hostname
    assert get_cert_path(verify=True) == tls.default_bundle()


def test_a_bundle_that_has_changed_is_read_again(tmp_path: Path) -> None:
    """A bundle is read once, and again after a change."""
    bundle = Authority(tmp_path).bundle
    first = tls.context(str(bundle))
    assert first is tls.context(str(bundle))
    # Of the same size, it could have the same time and the same inode, too.
    bundle.write_bytes(bundle.read_bytes() * 2)
    assert first is not tls.context(str(bundle))


@pytest.mark.parametrize(
    ("answer", "stage", "kind"),
    [
        (status(407), TUNNEL, Refused),
        (status(502), TUNNEL, Refused),
        (None, TUNNEL, Closed),
        (b"SSH-2.0-OpenSSH_9.9\r\n", TUNNEL, NotHttp),
        # It closes before TLS begins, or after.
        (status(200), TLS, OSError),
    ],
)
def test_a_proxy_that_makes_no_tunnel(answer: bytes | None, stage: str, kind: type[Exception]) -> None:
    """The proxy gets a CONNECT with its password and nothing of the request."""
    with Scripted([answer or b""]) as proxy:
        address = Address("sts.test", 443, is_tls=True, proxy=_proxy(proxy.host, "Basic canary"))
        with pytest.raises(Unanswered) as caught:
            connect(address, time.monotonic() + 30)

    assert (stage, True) == (caught.value.stage, isinstance(caught.value.error, kind))
    assert [b"CONNECT sts.test:443 HTTP/1.1\r\nHost: sts.test:443\r\nProxy-Authorization: Basic canary\r\n\r\n"] == (
        proxy.requests
    )
    assert not caught.value.was_sent


def _proxy(host: str, authorization: str | None = None) -> Address:
    name, _, port = host.partition(":")
    return Address(name, int(port), is_tls=False, authorization=authorization)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("user", ["", "me:p%40ss@"])
def test_a_tunnel(tmp_path: Path, scheme: str, user: str) -> None:
    """TLS runs through the proxy, over its own TLS if it has any, and only the proxy gets its password."""
    authority = Authority(tmp_path)
    own = authority.server() if scheme == "https" else None
    with Scripted([OK] * 2, context=authority.server("sts.test")) as server, tunnelling(own) as (host, heads):
        url = f"https://sts.test:{server.host.partition(':')[2]}/"
        ours = http({"https_proxy": f"{scheme}://{user}{host}"}, bundle=authority.bundle)
        assert ["200 <xml/>"] * 2 == [of_ours(ours, url) for _ in range(2)]
        assert 1 == len(heads)

    assert (b"Proxy-Authorization: Basic bWU6cEBzcw==" in heads[0]) is bool(user)
    assert not any(b"proxy-authorization" in request.lower() for request in server.requests)


def test_the_password_of_a_proxy_may_be_any_bytes() -> None:
    """The password need not be UTF-8, and a line break in it adds no header."""
    with Scripted([status(407)]) as proxy:
        environ = {"https_proxy": f"http://\udcff:%0D%0A@{proxy.host}"}
        assert "tunnel: Refused" == of_ours(http(environ), "https://sts.test/")

    assert proxy.requests[0].endswith(b"\r\nProxy-Authorization: Basic /zoNCg==\r\n\r\n")


def test_a_proxy_that_hangs() -> None:
    """The time limit ends the wait, and nothing is sent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environ = {"https_proxy": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        tls.context(None)  # it is read once, and may take longer than the limit
        assert "tunnel: TimeoutError" == of_ours(http(environ, seconds=0.2), "https://sts.test/")


def test_a_proxy_that_is_not_there() -> None:
    """A proxy that refuses the connection is a failure of TCP, and nothing is sent."""
    with Scripted([OK]) as gone:
        environ = {"https_proxy": f"http://{gone.host}"}
    assert "tcp: ConnectionRefusedError" == of_ours(http(environ), "https://sts.test/")
    botocore = URLLib3Session(proxies={"https": environ["https_proxy"]}, timeout=30)
    assert "ProxyConnectionError" == of_botocore(botocore, "https://sts.test/")


def test_a_name_that_does_not_resolve() -> None:
    """A failed lookup is told apart from a failed connection."""
    botocore = URLLib3Session(timeout=30)
    assert "name: gaierror" == of_ours(http(), "http://sts.invalid/")
    assert "EndpointConnectionError" == of_botocore(botocore, "http://sts.invalid/")


def test_the_zone_of_an_address() -> None:
    """The zone follows `%25` in a URL (RFC 6874), and `%` in the address."""
    outcome = of_ours(http(), f"http://[fe80::1%25{socket.if_indextoname(1)}]:1/")
    assert "tcp" == outcome.partition(":")[0]


@pytest.mark.parametrize("first", ["deaf", "refusing", "unreachable"])
def test_the_next_address_is_tried(first: str) -> None:
    """If the first address hangs or fails, the connection goes to the second."""
    with ExitStack() as until:
        listening = until.enter_context(socket.create_server(("127.0.0.1", 0)))
        bad: tuple[Any, ...] = (socket.AF_INET, ("127.0.0.2", 1))
        if first == "unreachable":
            # A link-local address without its link.
            bad = (socket.AF_INET6, ("fe80::1", 1, 0, 0))
        if first == "deaf":
            deaf = until.enter_context(socket.create_server(("127.0.0.2", 0), backlog=0))
            # Its queue is full with one: the next has to wait.
            until.enter_context(socket.create_connection(deaf.getsockname()))
            bad = (socket.AF_INET, deaf.getsockname())
        found = [
            (family, socket.SOCK_STREAM, 0, "", address)
            for family, address in (bad, (socket.AF_INET, listening.getsockname()))
        ]
        opened = first_open(found, time.monotonic() + 30, meanwhile=lambda: None)

        assert listening.getsockname() == opened.getpeername()
        opened.close()


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"X\n": "a"}, {"X": "a\0"}])
def test_a_header_cannot_add_another(headers: dict[str, str]) -> None:
    """A header with a line break is refused, and nothing is sent."""
    with Scripted([OK]) as server:
        opened = connect(_proxy(server.host), time.monotonic() + 30)
        with pytest.raises(ValueError, match="a line break"):
            opened.exchange(HttpRequest("GET", "http://h/", headers), ends=time.monotonic() + 30)
        opened.close()
    assert [] == server.requests


@pytest.mark.parametrize(
    "answer", [b"", PART.replace(b"<xml", b"canary"), b"SSH-canary\r\n", CHUNKS.replace(b"6", b"Z")]
)
def test_a_traceback_shows_no_request(answer: bytes) -> None:
    """A traceback with local variables shows no body, header or query, and no part of the response."""
    message = HttpRequest("POST", "", {"Authorization": "canary"}, BODY)
    with Scripted([answer]) as server:
        message = replace(message, url=f"http://{server.host}/?Session=canary")
        with pytest.raises(Unanswered) as caught:
            http().send(message)

    assert caught.tb.tb_next is not None, "the first frame is that of this test"
    for each in (caught.value.with_traceback(caught.tb.tb_next), caught.value.error):
        assert "canary" not in "".join(TracebackException.from_exception(each, capture_locals=True).format())


@given(st.from_regex(r"https?://[a-z]{1,3}(:[0-9]{1,4})?([/?#][!-~]{0,9}){0,4}", fullmatch=True))
def test_the_target_of_a_url(url: str) -> None:
    """The target is the path and the query, as `urlsplit` finds them."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    expected = f"GET {target} HTTP/1.1".encode()
    assert expected == encoded_request(_proxy("h:1"), HttpRequest("GET", url, {})).partition(b"\r\n")[0]


@given(st.text(max_size=20), st.text(max_size=30))
def test_a_target_is_one_line(path: str, query: str) -> None:
    """Characters that a URL may not contain are escaped, so nobody can add a second request."""
    head = encoded_request(_proxy("h:1"), HttpRequest("GET", f"http://h/{path}?{query}", {}))
    assert 2 == head.partition(b"\r\n")[0].count(b" ")
    assert head.endswith(b"\r\n\r\n")
    assert head.isascii()
