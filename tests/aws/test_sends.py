"""Faults of STS, and how often it gets the request: with a code, without one, and from botocore.

A row says why where awsenv differs from botocore on purpose.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.session import Session

from awsenv.aws.connection import Address, HttpRequest
from awsenv.aws.connections import Connections
from awsenv.aws.request import Token
from awsenv.aws.session import AwsSession
from awsenv.aws.sts import Sts
from awsenv.errors import AwsenvError, ForeignResponse, RefusedError, ResponseLost, UnreachableError
from awsenv.model import AssumeRole, Mfa, RoleArn
from awsenv.sandbox.authority import Authority
from servers import Scripted, page, status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aws.conftest import Home

ROLE = RoleArn("aws", "123456789012", "role")
TOKEN = Token("arn:aws:iam::123456789012:mfa/alice", "123456")
GIVEN = page(
    b"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAX</AccessKeyId><SecretAccessKey>x"
    b"</SecretAccessKey><SessionToken>y</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
    b"<AssumedRoleUser><AssumedRoleId>A:b</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/role/session</Arn>"
    b"</AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
)


def error(code: str, number: int, *headers: bytes) -> bytes:
    """Return an error response of STS."""
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>No.</Message></Error></ErrorResponse>"
    return page(body.encode(), number, *headers)


@dataclass(frozen=True)
class Row:
    """A fault that is the same on every connection."""

    does: str
    script: Sequence[bytes]
    with_code: type[AwsenvError] | None
    """What is raised if the request carries a code."""
    without: type[AwsenvError] | None
    """What is raised if it carries none."""
    sent: int
    """How often the request without a code is sent. With a code, it is sent once."""
    of_botocore: int
    """How often botocore sends it, with a code or without."""
    why: str = ""
    """Why we send it as often as that, and botocore does not."""


HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n<AssumeRoleResponse><AssumeRoleResult><Credentials>"
MEBIBYTES = page(bytes(10 << 20))
ROWS = [
    Row("answers", [GIVEN], None, None, 1, 1),
    Row("closes the connection after the request", [b""], ResponseLost, UnreachableError, 3, 3),
    Row("sends half a response", [HALF], ResponseLost, UnreachableError, 3, 1, "botocore parses the half"),
    Row("sends 10 MB", [MEBIBYTES], ForeignResponse, UnreachableError, 1, 1),
    Row("sends bad XML", [page(b"<AssumeRoleResponse><Ass")], ForeignResponse, UnreachableError, 1, 1),
    Row("sends a page", [page(b"<html>Sign in</html>")], ForeignResponse, UnreachableError, 1, 1),
    Row("redirects", [page(b"", 302, b"Location: http://127.0.0.1:1/")], ForeignResponse, UnreachableError, 1, 1),
    Row("refuses", [error("AccessDenied", 403)], RefusedError, RefusedError, 1, 1),
    Row("knows no such action", [error("InvalidAction", 400)], RefusedError, RefusedError, 1, 1),
    Row("throttles", [error("Throttling", 400)], ResponseLost, UnreachableError, 3, 3),
    Row("throttles by status", [status(429)], ForeignResponse, UnreachableError, 3, 1, "botocore cannot parse nothing"),
    Row("fails", [status(500)], ForeignResponse, UnreachableError, 3, 3),
    Row("is not available", [status(503)], ForeignResponse, UnreachableError, 3, 3),
    Row(
        "says when it will be",
        [page(b"", 503, b"Retry-After: 3", b"x-amz-retry-after: 20")],
        ForeignResponse,
        UnreachableError,
        3,
        3,
    ),
    Row("does not speak HTTP", [b"SSH-2.0-OpenSSH_9.9\r\n"], ForeignResponse, UnreachableError, 3, 3),
]


def sts(home: Home, server: Scripted) -> Sts:
    """Return a client of *server*, without pauses between attempts."""
    home.environ["AWS_ENDPOINT_URL"] = f"http://{server.host}"
    return Sts(home.session(), sleep=lambda _: None)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.does)
def test_a_request_without_a_code_is_sent_as_often_as_by_botocore(home: Home, row: Row) -> None:
    """Send it again if that may help, as botocore does unless the row says why not."""
    with Scripted(row.script) as server:
        if row.without is None:
            assert "ASIAX" == sts(home, server).call(AssumeRole(ROLE, "session"), home.user).access_key_id
        else:
            with pytest.raises(row.without) as caught:
                sts(home, server).call(AssumeRole(ROLE, "session"), home.user)
            assert not isinstance(caught.value, ResponseLost)
        assert row.sent == len(server.requests)
    with Scripted(row.script) as server:
        client = Session().create_client(
            "sts",
            "us-east-1",
            endpoint_url=f"http://{server.host}",
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="x",
            config=Config(retries={"mode": "standard"}, read_timeout=5),
        )
        # It raises everything: a bare KeyError for a page.
        with suppress(Exception):
            client.assume_role(RoleArn=str(ROLE), RoleSessionName="session")
        assert row.of_botocore == len(server.requests)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.does)
def test_a_request_with_a_code_is_sent_once(home: Home, row: Row) -> None:
    """Never send a code twice. Unless AWS has refused the request, the error says that the code may be used up."""
    hop = AssumeRole(ROLE, "session", mfa=Mfa(TOKEN.serial))
    with Scripted(row.script) as server:
        if row.with_code is None:
            assert "ASIAX" == sts(home, server).call(hop, home.user, TOKEN).access_key_id
        else:
            with pytest.raises(row.with_code):
                sts(home, server).call(hop, home.user, TOKEN)
        assert 1 == len(server.requests)


def test_a_kept_connection_that_is_lost_costs_no_attempt(home: Home) -> None:
    """Send again at once if the peer has just closed a kept connection."""
    with Scripted([GIVEN, b""], [GIVEN]) as server:
        home.environ["AWS_MAX_ATTEMPTS"] = "1"
        calls = sts(home, server)
        for _ in range(2):
            assert "ASIAX" == calls.call(AssumeRole(ROLE, "session"), home.user).access_key_id
        assert (3, 2) == (len(server.requests), server.connections)


def test_a_second_attempt_goes_over_a_new_connection(home: Home) -> None:
    """If the network has silently dropped the kept connections, no further attempt waits for one of them."""
    pool = Connections()
    with Scripted(*[[GIVEN, b"", b""]] * 3, [GIVEN]) as server:
        home.environ["AWS_ENDPOINT_URL"] = f"http://{server.host}"
        host, _, port = server.host.partition(":")
        kept = [pool.take(Address(host, int(port), is_tls=False), time.monotonic() + 60) for _ in range(3)]
        for each in kept:
            each.exchange(HttpRequest("POST", "http://h/", {}), ends=time.monotonic() + 60)
            pool.keep(each)
        calls = Sts(AwsSession(None, home.environ, timeout=6, connections=pool), sleep=lambda _: None)
        assert "ASIAX" == calls.call(AssumeRole(ROLE, "session"), home.user).access_key_id
        assert (5, 4) == (len(server.requests), server.connections)


def test_a_code_is_sent_after_a_handshake_that_the_server_cut_off(home: Home, tmp_path: Path) -> None:
    """Open another connection: nothing was sent over the first."""
    authority = Authority(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with listening.accept()[0] as first:
                first.recv(65536)
            with authority.server().wrap_socket(listening.accept()[0], server_side=True) as second:
                second.recv(65536)
                second.sendall(GIVEN)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        home.environ.update(AWS_ENDPOINT_URL=url, AWS_CA_BUNDLE=str(authority.bundle))
        calls = Sts(home.session(), sleep=lambda _: None)
        made = calls.call(AssumeRole(ROLE, "session", mfa=Mfa(TOKEN.serial)), home.user, TOKEN)
        thread.join()
    assert "ASIAX" == made.access_key_id


def test_a_code_is_sent_over_a_new_connection(home: Home) -> None:
    """A code never goes over a connection that the peer may be about to close."""
    with Scripted([GIVEN, b""], [GIVEN]) as server:
        calls = sts(home, server)
        calls.call(AssumeRole(ROLE, "session"), home.user)
        calls.call(AssumeRole(ROLE, "session", mfa=Mfa(TOKEN.serial)), home.user, TOKEN)
        assert (2, 2) == (len(server.requests), server.connections)
