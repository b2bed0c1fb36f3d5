"""The relay that makes a server far: it counts round trips, and changes nothing else."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING

import pytest

from awsenv.sandbox import Sandbox
from relay import Counts, Relay

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def far(sandbox: Sandbox) -> Iterator[tuple[Relay, HTTPConnection]]:
    """Return a relay to *sandbox*, and a client of it."""
    with Relay(sandbox.port) as relay:
        bundle = sandbox.environ().get("AWS_CA_BUNDLE")
        if bundle is None:
            client = HTTPConnection("127.0.0.1", relay.port)
        else:
            client = HTTPSConnection("127.0.0.1", relay.port, context=ssl.create_default_context(cafile=bundle))
        with closing(client):
            yield relay, client


def ask(client: HTTPConnection) -> None:
    """Send a request and check the response."""
    client.request("GET", "/_awsenv/mfa-code/")
    assert b"there is no MFA device\n" == client.getresponse().read()


@pytest.mark.parametrize(("scheme", "trips"), [("http", 2), ("https", 3)])
def test_a_new_connection_costs_more_than_a_kept_one(scheme: str, trips: int) -> None:
    """TCP takes one round trip, TLS one, and each request one."""
    with Sandbox(tls=scheme == "https") as sandbox, far(sandbox) as (relay, client):
        ask(client)
        first = relay.take_counts()
        ask(client)
        ask(client)

        assert (Counts(1, trips), Counts(0, 2)) == (first, relay.take_counts())


def test_older_tls_takes_one_round_trip_more() -> None:
    """TLS 1.2 takes two round trips."""
    with Sandbox(tls=True) as sandbox, Relay(sandbox.port) as relay:
        context = ssl.create_default_context(cafile=sandbox.environ()["AWS_CA_BUNDLE"])
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with closing(HTTPSConnection("127.0.0.1", relay.port, context=context)) as client:
            ask(client)

        assert Counts(1, 4) == relay.take_counts()


def test_a_connection_that_is_opened_early_is_counted_when_it_opens() -> None:
    """A request on an open connection is one round trip, whenever the tickets of TLS 1.3 arrive."""
    with Sandbox(tls=True) as sandbox, far(sandbox) as (relay, client):
        client.connect()
        opened = relay.take_counts()
        ask(client)

        assert (Counts(1, 2), Counts(0, 1)) == (opened, relay.take_counts())


def test_bytes_keep_their_order() -> None:
    """A megabyte arrives whole in both directions, and so does the end of the stream."""
    with socket.create_server(("127.0.0.1", 0)) as listener, Relay(listener.getsockname()[1], 0.001) as relay:
        data = bytes(range(256)) * 4096

        def echo() -> None:
            with listener.accept()[0] as server:
                got = server.makefile("rb").read()
                server.sendall(got)

        thread = threading.Thread(target=echo, daemon=True)
        thread.start()
        with socket.create_connection(("127.0.0.1", relay.port)) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)

            assert data == client.makefile("rb").read()
        thread.join()


def test_a_server_that_hangs_up_is_seen() -> None:
    """If the server closes a connection, the client sees its end."""
    with Sandbox() as sandbox, far(sandbox) as (_, client):
        ask(client)
        sandbox.hang_up()

        assert client.sock.recv(1) == b""


def test_a_server_that_is_gone_is_seen() -> None:
    """If the server is gone, the relay closes the connection, and goes on serving."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Relay(port) as relay:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", relay.port)) as client:
                assert client.recv(1) == b""
