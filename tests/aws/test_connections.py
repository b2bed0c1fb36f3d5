"""The connection pool: connections are opened early, kept for the next request, and closed in time."""

from __future__ import annotations

import gc
import socket
import time
from typing import TYPE_CHECKING

import pytest

from awsenv.aws.connection import EXCHANGE, TCP, Address, HttpRequest, Unanswered
from awsenv.aws.connections import KEPT, Connections
from awsenv.aws.http import Deadline, Http
from awsenv.aws.tcp import Tcp
from awsenv.sandbox.authority import Authority
from relay import Counts, Relay
from servers import Scripted, page

if TYPE_CHECKING:
    from pathlib import Path

    from awsenv.aws.connection import Connection
    from awsenv.aws.response import Response
    from conftest import Until

FOREVER = [page(b"kept")] * 9


def address(server: Scripted) -> Address:
    """Return the address of a server."""
    host, _, port = server.host.partition(":")
    return Address(host, int(port), is_tls=False)


def ends() -> float:
    """Return the end of a request."""
    return time.monotonic() + 30


def ask(opened: Connection, body: bytes = b"") -> Response:
    """Send a request."""
    return opened.exchange(HttpRequest("POST", "http://h/", {}, body), ends=ends())


class Clocks:
    """A monotonic clock and a wall clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wall = 5000.0

    def pool(self) -> Connections:
        """Return a pool that uses these clocks."""
        return Connections(lambda: self.now, lambda: self.wall)


@pytest.fixture
def clocks() -> Clocks:
    """Return two clocks."""
    return Clocks()


def test_a_connection_is_kept(clocks: Clocks) -> None:
    """Successive requests share a connection."""
    pool = clocks.pool()
    with Scripted(FOREVER) as server:
        for _ in range(3):
            opened = pool.take(address(server), ends())
            assert b"kept" == ask(opened).body
            pool.keep(opened)
        pool.close()

        assert server.left.acquire(timeout=30)
    assert (1, 3) == (server.connections, len(server.requests))


def test_connections_are_closed_with_their_pool() -> None:
    """A pool that is deleted closes its connections."""
    pool = Connections()
    with Scripted(FOREVER) as server:
        opened = pool.take(address(server), ends())
        ask(opened)
        pool.keep(opened)
        del pool
        gc.collect()

        assert server.left.acquire(timeout=30)
        assert not opened.is_open


def test_a_request_may_demand_a_new_connection(clocks: Clocks) -> None:
    """`is_new` skips a connection that has carried a request, and accepts one that was opened early."""
    pool = clocks.pool()
    with Scripted(FOREVER) as server:
        used = pool.take(address(server), ends())
        ask(used)
        pool.keep(used)
        fresh = pool.take(address(server), ends(), is_new=True)
        assert not fresh.was_used
        fresh.close()
        pool.open_early(address(server), 30)
        early = pool.take(address(server), ends(), is_new=True)
        assert b"kept" == ask(early).body
        early.close()
        assert used is pool.take(address(server), ends())
        used.close()
    assert 3 == server.connections


def test_a_connection_in_use_is_closed_when_it_comes_back(clocks: Clocks) -> None:
    """A connection that was in use during `close` is closed when it is given back."""
    pool = clocks.pool()
    with Scripted(FOREVER) as server:
        opened = pool.take(address(server), ends())
        pool.close()
        assert b"kept" == ask(opened).body
        pool.keep(opened)
        assert server.left.acquire(timeout=30)
        assert pool.next_close() is None
        again = pool.take(address(server), ends())
        ask(again)
        pool.keep(again)
        assert again is pool.take(address(server), ends())
        again.close()


def test_nothing_is_sent_early(clocks: Clocks) -> None:
    """An early connection carries no byte before it is taken."""
    pool = clocks.pool()
    with Scripted(FOREVER) as server:
        pool.open_early(address(server), 30)
        opened = pool.take(address(server), ends())
        pool.keep(opened)
        pool.close()
        assert server.left.acquire(timeout=30)
    assert (1, []) == (server.connections, server.requests)


def test_the_failure_of_an_early_connection_is_reported_by_take(clocks: Clocks) -> None:
    """Opening early is silent; `take` raises the error."""
    pool = clocks.pool()
    with Scripted(FOREVER) as server:
        gone = address(server)
    pool.open_early(gone, 30)

    with pytest.raises(Unanswered) as caught:
        pool.take(gone, ends())

    assert (TCP, ConnectionRefusedError, False) == (
        caught.value.stage,
        type(caught.value.error),
        caught.value.was_sent,
    )


def test_a_connection_that_the_peer_has_closed_is_not_used(clocks: Clocks) -> None:
    """The request takes a new connection, and is sent once."""
    pool = clocks.pool()
    with Scripted([page(b"first")], [page(b"second")]) as server:
        opened = pool.take(address(server), ends())
        ask(opened)
        assert server.hung_up.acquire(timeout=30)
        pool.keep(opened)
        assert b"second" == ask(pool.take(address(server), ends())).body
    assert (2, 2) == (server.connections, len(server.requests))


def test_a_closed_early_connection_is_replaced(clocks: Clocks, until: Until) -> None:
    """`open_again` replaces an early connection that the peer has closed, and no other."""
    pool = clocks.pool()
    with Scripted([], FOREVER) as server:
        pool.open_early(address(server), 30)
        until(pool.open_again)

        assert 0 == pool.open_again()
        assert b"kept" == ask(pool.take(address(server), ends())).body
    assert (2, 1) == (server.connections, len(server.requests))


@pytest.mark.parametrize(("passed", "slept", "kept"), [(KEPT - 1, 0, True), (KEPT, 0, False), (1, 60, False)])
def test_a_connection_outlives_neither_its_time_nor_a_suspend(
    clocks: Clocks, passed: float, slept: float, *, kept: bool
) -> None:
    """A connection is closed after `KEPT` seconds, and after a suspend."""
    pool = clocks.pool()
    with Scripted(FOREVER) as server:
        opened = pool.take(address(server), ends())
        pool.keep(opened)
        assert clocks.now + KEPT == pool.next_close()
        clocks.now += passed
        clocks.wall += passed + slept
        pool.close_idle()
        assert kept is opened.is_open
        assert kept is (pool.next_close() is not None)
        assert kept is not server.left.acquire(timeout=0 if kept else 30)
        pool.close()


def test_the_loss_of_a_kept_connection_is_told_apart(clocks: Clocks) -> None:
    """The error says that the request was sent over a kept connection, and shows nothing of the request."""
    pool = clocks.pool()
    with Scripted([page(), b""]) as server:
        opened = pool.take(address(server), ends())
        ask(opened)
        with pytest.raises(Unanswered) as caught:
            ask(opened, b"TokenCode=canary")

    error = caught.value
    assert (EXCHANGE, True, True, False) == (error.stage, error.was_sent, error.was_kept, opened.is_open)
    assert "canary" not in f"{error!r}{error.args}{opened!r}"


def test_the_round_trips_of_a_request(tmp_path: Path) -> None:
    """TCP, TLS and the request take one round trip each; a request on an open connection takes one."""
    authority, pool = Authority(tmp_path), Connections()
    with Scripted(FOREVER, context=authority.server()) as server, Relay(int(server.host.partition(":")[2])) as relay:
        far = Address("127.0.0.1", relay.port, is_tls=True, bundle=str(authority.bundle))
        for expected in (Counts(1, 3), Counts(0, 1)):
            opened = pool.take(far, ends())
            ask(opened, bytes(100))
            pool.keep(opened)
            assert expected == relay.take_counts()
        pool.close()
        pool.open_early(far, 30)
        early = pool.take(far, ends())
        assert Counts(1, 2) == relay.take_counts()
        ask(early, bytes(100))
        assert Counts(0, 1) == relay.take_counts()
        early.close()


def test_a_refusal_closes_the_connection() -> None:
    """After a refusal, the next request goes to a new connection, and perhaps another server."""
    http = Http({}, bundle=None, deadline=Deadline(30))
    with Scripted([page(b"no", 403)] * 2) as server:
        for _ in range(2):
            assert 403 == http.send(HttpRequest("POST", f"http://{server.host}/", {})).status
            assert server.left.acquire(timeout=30)
    assert 2 == server.connections


@pytest.mark.parametrize(("source", "moved"), [("127.0.0.1", False), ("127.0.0.2", True)])
def test_a_change_of_network_is_noticed(source: str, *, moved: bool) -> None:
    """A connection has moved if the system would now choose another local address."""
    with Scripted(FOREVER) as server:
        host, _, port = server.host.partition(":")
        tcp = Tcp(socket.create_connection((host, int(port)), source_address=(source, 0)), ends())

        assert moved is tcp.has_moved()
        tcp.close()


def test_no_second_connection_is_opened_early(clocks: Clocks) -> None:
    """A new early connection is opened only if no unused one is in the pool."""
    pool = clocks.pool()
    with Scripted([page(), page()]) as server:
        pool.open_early(address(server), 30)
        pool.open_early(address(server), 30)
        first = pool.take(address(server), ends())
        ask(first)
        pool.keep(first)
        pool.open_early(address(server), 30)
        assert first is pool.take(address(server), ends()), "the other is left to a request that needs it"
        second = pool.take(address(server), ends(), is_new=True)
        assert (True, False) == (first.was_used, second.was_used)
        for each in (first, second):
            each.close()


def test_addresses_are_told_apart() -> None:
    """Addresses differ by host, port, TLS, bundle, proxy and its password, and never show the password."""
    proxy = Address("p", 1, is_tls=False, authorization="Basic canary")
    plain = Address("h", 443, is_tls=True)
    others = [
        Address("h2", 443, is_tls=True),
        Address("h", 444, is_tls=True),
        Address("h", 443, is_tls=False),
        Address("h", 443, is_tls=True, bundle="b"),
        Address("h", 443, is_tls=True, proxy=proxy),
        Address("h", 443, is_tls=True, proxy=Address("p", 1, is_tls=False)),
    ]
    assert 7 == len({plain, *others})
    assert plain == Address("h", 443, is_tls=True)
    assert "canary" not in f"{others}{proxy}"
