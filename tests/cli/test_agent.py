"""The connections to AWS that the agent keeps."""

from __future__ import annotations

import math
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv.agent.memory import Memory
from awsenv.agent.term import Clock
from awsenv.aws.connection import Address, connect
from awsenv.aws.connections import KEPT, Connections
from awsenv.cli.handler import Handler
from servers import page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from awsenv.agent.endpoint import Endpoint
    from conftest import Until, World


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """Return a socket that stands in for AWS."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        yield listening


def _no_endpoint() -> Endpoint:
    raise NotImplementedError


@pytest.mark.parametrize("case", ["age", "lock"])
def test_a_connection_is_kept_for_a_while(listening: socket.socket, case: str) -> None:
    """The agent closes a connection to AWS after half a minute without a request, and at once when it is locked."""
    later = [0.0]
    connections = Connections(lambda: time.monotonic() + later[0], lambda: time.time() + later[0])
    memory = Memory(Clock(time.time, time.monotonic))
    handler = Handler(memory, _no_endpoint, connections=connections)
    assert math.inf == handler.tidy()
    opened = connect(Address("127.0.0.1", listening.getsockname()[1], is_tls=False), time.monotonic() + 60)
    with listening.accept()[0] as accepted:
        accepted.settimeout(60)
        connections.keep(opened)
        assert 0 < handler.tidy() <= KEPT
        assert opened.is_quiet()
        if case == "lock":
            handler.forget()
        else:
            later[0] = KEPT + 1
        assert math.inf == handler.tidy()
        assert b"" == accepted.recv(1)


SOURCE = "source_profile = default\n"
ROLE = "<AssumedRoleUser><Arn>arn:aws:sts::{account}:assumed-role/power-user/alice</Arn></AssumedRoleUser>"


@pytest.mark.parametrize(
    ("words", "action", "shown"),
    [
        (["login", "123456"], "GetSessionToken", "the agent was locked meanwhile"),
        (["exec", "power-user", "123456"], "AssumeRole", "ran"),
        (["exec", "--refresh", "plain"], "AssumeRole", "the agent no longer holds the role, and cannot serve it"),
    ],
)
def test_what_is_asked_for_before_a_lock_is_not_held_after_it(
    world: World,
    listening: socket.socket,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
    words: list[str],
    action: str,
    shown: str,
) -> None:
    """If AWS responds after a lock, the agent keeps neither credentials nor connection, and says so if it must."""
    world.configure(f"[profile plain]\nrole_arn = arn:aws:iam::{world.sandbox.account}:role/power-user\n{SOURCE}")
    world.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{listening.getsockname()[1]}"
    keys = "<AccessKeyId>ASIAX</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>y</SessionToken>"
    keys = f"<Credentials>{keys}<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
    made = f"<{action}Result>{keys}{ROLE.format(account=world.sandbox.account)}</{action}Result>"
    then = ["--", "echo", "ran"] if words[0] == "exec" else []
    with agent_in(world.environ), ThreadPoolExecutor() as pool:
        done = pool.submit(world.command, [world.program, *words, *then])
        with listening.accept()[0] as accepted:
            accepted.settimeout(60)
            received = b""
            while f"Action={action}".encode() not in received:
                more = accepted.recv(65536)
                assert more, "the connection was closed before the request was sent"
                received += more
            assert 0 == world.run("lock").returncode
            accepted.sendall(page(f"<{action}Response>{made}</{action}Response>".encode()))
            assert b"" == accepted.recv(1)
        ended = done.result()
        assert shown in ended.stdout + ended.stderr
        assert "holds nothing" in world.run("status").stdout


def _connections(world: World) -> list[str]:
    """Return the local address of each connection to the local AWS."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [
        own
        for _, own, other, state, *_ in rows
        if (int(other.partition(":")[2], 16), state) == (world.sandbox.port, "01")
    ]


def test_the_next_role_comes_over_the_same_connection(world: World, until: Until) -> None:
    """The connection that opened the MFA session serves the roles that follow, and `lock` closes it."""
    if sys.platform != "linux":
        pytest.skip("only Linux shows connections in /proc")
    assert 0 == world.run("login", world.device.code()).returncode
    first = _connections(world)
    for role in ("power-user", "read-only"):
        assert 0 == world.run("exec", role, "--", "true").returncode
        assert first == _connections(world)
    assert 0 == world.run("lock").returncode

    until(lambda: _connections(world) == [])
    assert 1 == len(first)
    assert ["GetSessionToken", "AssumeRole", "AssumeRole"] == world.actions()


def test_the_connection_opens_while_the_user_types(world: World, until: Until) -> None:
    """An agent that needs a code opens a connection, sends nothing, and then sends the code over it."""
    if sys.platform != "linux":
        pytest.skip("only Linux shows connections in /proc")
    world.run("login", world.device.code())
    world.run("lock")
    until(lambda: _connections(world) == [])
    world.sandbox.clear_calls()

    assert 6 == world.run("power-user", "--shell", "sh").returncode  # there is no terminal to type it on
    until(lambda: len(_connections(world)) == 1)
    early = _connections(world)
    assert [] == world.actions()
    world.sandbox.clock.elapse(30)

    assert 0 == world.run("exec", "power-user", world.device.code(), "--", "true").returncode
    assert (early, ["AssumeRole"]) == (_connections(world), world.actions())
