"""The server of the sandbox: TLS and kept connections."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import closing
from datetime import datetime, timezone
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING, Any

import pytest

from awsenv.sandbox import Fault, Sandbox
from awsenv.sandbox.authority import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import boto3

    from conftest import Until


@pytest.fixture(params=[False, True], ids=["http", "https"])
def client(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, HTTPConnection]]:
    """Return a sandbox and a connection to it, with and without TLS."""
    with Sandbox(tls=request.param) as sandbox:
        if request.param:
            context = ssl.create_default_context(cafile=sandbox.environ()["AWS_CA_BUNDLE"])
            client: HTTPConnection = HTTPSConnection("127.0.0.1", sandbox.port, context=context)
        else:
            client = HTTPConnection("127.0.0.1", sandbox.port)
        with closing(client):
            yield sandbox, client


def status(client: HTTPConnection, method: str = "GET") -> int:
    """Send a request, read the whole response, and return its status."""
    client.request(method, "/")
    response = client.getresponse()
    response.read()
    return response.status


def test_a_client_finds_the_ca_in_the_environment(boto: boto3.Session) -> None:
    """With the variables of a sandbox, boto3 can use TLS."""
    with Sandbox(tls=True) as sandbox:
        environ = sandbox.environ()
        key = sandbox.admin
        sts: Any = boto.client(
            "sts",
            region_name="us-east-1",
            endpoint_url=environ["AWS_ENDPOINT_URL"],
            verify=environ["AWS_CA_BUNDLE"],
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
        )

        assert key.arn == sts.get_caller_identity()["Arn"]
        assert sandbox.url.startswith("https://127.0.0.1:")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_the_certificate_is_for_loopback(name: str) -> None:
    """A strict client accepts the certificate for each name of loopback, but only with the bundle."""
    with Sandbox(tls=True) as sandbox:
        context = ssl.create_default_context(cafile=sandbox.environ()["AWS_CA_BUNDLE"])
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        with socket.create_connection(("127.0.0.1", sandbox.port)) as plain:
            context.wrap_socket(plain, server_hostname=name).close()
        with socket.create_connection(("127.0.0.1", sandbox.port)) as plain, pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(plain, server_hostname=name)


@pytest.mark.parametrize(
    ("names", "end", "problem"),
    [
        (("elsewhere.example",), None, "IP address mismatch"),
        ((), datetime(2020, 1, 1, tzinfo=timezone.utc), "certificate has expired"),
    ],
)
def test_an_authority_makes_certificates_that_do_not_fit(
    tmp_path: Path, names: tuple[str, ...], end: datetime | None, problem: str
) -> None:
    """A test can have a certificate for another name, or one that has expired."""
    authority = Authority(tmp_path)
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cafile=authority.bundle).wrap_bio(theirs, ours, server_hostname="127.0.0.1")
    server = authority.server(*names, end=end).wrap_bio(ours, theirs, server_side=True)
    for each in (client, server):
        with pytest.raises(ssl.SSLWantReadError):
            each.do_handshake()

    with pytest.raises(ssl.SSLCertVerificationError, match=problem):
        client.do_handshake()
    assert [authority.bundle] == [*tmp_path.iterdir()], "a key is on disk"


def test_a_connection_is_kept(client: tuple[Sandbox, HTTPConnection]) -> None:
    """Requests of any kind share a connection."""
    sandbox, connection = client
    statuses = [status(connection, method) for method in ("GET", "HEAD", "POST", "GET")]
    port = connection.sock.getsockname()[1]

    assert ([403] * 4, port) == (statuses, connection.sock.getsockname()[1])
    assert len(sandbox.calls) == 4


@pytest.mark.parametrize("ending", [Sandbox.hang_up, Sandbox.close])
def test_a_kept_connection_ends(client: tuple[Sandbox, HTTPConnection], ending: Any) -> None:
    """The sandbox closes kept connections on demand, and when it stops."""
    sandbox, connection = client
    status(connection)

    ending(sandbox)

    assert connection.sock.recv(1) == b""


def test_an_idle_connection_is_closed() -> None:
    """An idle connection is closed after the given time."""
    with Sandbox(idle=0.01) as sandbox, socket.create_connection(("127.0.0.1", sandbox.port)) as client:
        assert client.recv(1) == b""


def test_a_silent_client_blocks_no_other(client: tuple[Sandbox, HTTPConnection]) -> None:
    """A client that sends nothing, or garbage, keeps nobody waiting."""
    sandbox, connection = client
    address = ("127.0.0.1", sandbox.port)
    with socket.create_connection(address), socket.create_connection(address) as garbled:
        garbled.sendall(b"\x16\x00\r\n\r\n")

        assert status(connection) == 403


def test_a_client_that_breaks_off_is_no_news(
    client: tuple[Sandbox, HTTPConnection], capfd: pytest.CaptureFixture[str], until: Until
) -> None:
    """A client that resets its connection before the response comes makes the sandbox print nothing."""
    sandbox, connection = client
    before = threading.enumerate()
    sandbox.fail("ListAllMyBuckets", Fault.SLOW)
    connection.request("GET", "/")
    until(lambda: not sandbox.faults_left("ListAllMyBuckets"))
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    sandbox.close()  # ends the delay of the response

    until(lambda: set(threading.enumerate()) <= set(before))
    assert ("", "") == capfd.readouterr()


def test_a_client_may_wait_for_100_continue(client: tuple[Sandbox, HTTPConnection]) -> None:
    """A client that waits for `100 Continue` gets it before it sends the body."""
    _, connection = client
    connection.connect()
    connection.sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    lines = connection.sock.makefile("rb")

    assert lines.readline() == b"HTTP/1.1 100 Continue\r\n"
    connection.sock.sendall(b"{}")
    assert [b"\r\n", b"HTTP/1.1 403 FORBIDDEN\r\n"] == [lines.readline(), lines.readline()]
