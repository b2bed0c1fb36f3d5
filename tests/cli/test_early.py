"""The connection that opens while the modules of a command load."""

from __future__ import annotations

import socket
from contextlib import closing, nullcontext
from functools import partial
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING

import pexpect
import pytest

from awsenv.agent import client
from awsenv.agent.start import private
from awsenv.cli import conversation, early
from awsenv.config import settings
from relay import Counts, Relay

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from conftest import Until, World


@pytest.fixture
def relay(world: World) -> Iterator[Relay]:
    """Return a relay to the local AWS, to which the variables point."""
    with Relay(world.sandbox.port) as relay:
        world.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{relay.port}"
        yield relay


def start(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    """Run awsenv in a new process: a fork of a loaded one has nothing left to load."""
    return world.command([world.program, *words])


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        ("read-only --shell sh", 1),
        ("use --region=eu-west-1 read-only --print --shell sh", 1),
        ("exec read-only -- true", 1),
        ("credential-process read-only", 1),
        ("token eks a-cluster read-only", 1),
        ("off --shell sh", 0),
        ("list", 0),
        ("explain read-only", 0),
        ("use read-only --help", 0),
        ("exec read-onyl -- true", 0),
        ("- --shell sh", 0),
    ],
)
def test_a_command_opens_the_connection_that_its_call_uses(words: str, calls: int, world: World, relay: Relay) -> None:
    """A command opens one connection if it calls STS, and none if it does not."""
    start(world, *words.split())

    # TCP takes one round trip, and each call one.
    assert (Counts(calls, 2 * calls), calls) == (relay.take_counts(), len(world.actions()))


@pytest.mark.parametrize("active", [{}, {"AWSENV_ROLE": "read-only"}])
def test_nothing_is_sent_before_the_answer(active: dict[str, str], world: World, relay: Relay, until: Until) -> None:
    """The connection is open when a code is asked for, and nothing is sent without one."""
    world.environ.update(active)
    done = start(world, "power-user", "--shell", "sh")

    assert 6 == done.returncode, done.stderr
    until(is_open(relay))
    assert [] == world.actions()


def is_open(relay: Relay) -> Callable[[], bool]:
    """Return a function that tells whether one connection was opened, and nothing sent."""
    seen: list[Counts] = []

    def look() -> bool:
        seen.append(relay.take_counts())
        return Counts(1, 1) == Counts(*map(sum, zip(*seen, strict=True)))

    return look


def test_an_agent_opens_the_connection_while_the_user_confirms(world: World, relay: Relay, until: Until) -> None:
    """The call of a protected role uses the open connection. For a role in memory, none is opened."""
    arn = f"arn:aws:iam::{world.sandbox.account}:role/read-only"
    world.configure(f"[profile p]\nrole_arn = {arn}\nsource_profile = default\nawsenv_protected = true\n")
    assert 0 == world.run("login", world.device.code()).returncode
    assert 0 == world.run("lock").returncode
    relay.take_counts()

    assert 0 != world.run("p", "--shell", "sh").returncode
    until(is_open(relay))
    assert 0 == world.run("p", "--yes", "--shell", "sh").returncode
    assert Counts(0, 1) == relay.take_counts()
    assert 0 != world.run("p", "--shell", "sh").returncode
    assert Counts() == relay.take_counts()


def test_an_agent_opens_the_connection_while_the_user_types(world: World, relay: Relay, until: Until) -> None:
    """The agent opens the connection before it asks for a code, and sends the code over it."""
    assert 0 == world.run("login", world.device.code()).returncode
    assert 0 == world.run("lock").returncode
    relay.take_counts()
    assert 0 != world.run("exec", "power-user", "--", "true").returncode
    until(is_open(relay))
    world.sandbox.clock.elapse(60)
    done = world.run("exec", "power-user", world.device.code(), "--", "true")

    assert (0, Counts(0, 1)) == (done.returncode, relay.take_counts()), done.stderr


@pytest.mark.parametrize("with_agent", [False, True])
def test_the_connection_opens_while_the_user_types_an_external_id(
    world: World,
    relay: Relay,
    until: Until,
    agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]],
    *,
    with_agent: bool,
) -> None:
    """Nothing is sent before it is typed, and a mistake in the settings is reported before it is asked for."""
    # Settings that no guess understands.
    world.environ["AWS_STS_REGIONAL_ENDPOINTS"] = "legacy"
    world.configure("[profile broken]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = gone\n")
    with agent_in(world.environ) if with_agent else nullcontext():
        assert "gone" in start(world, "broken", "--external-id", "-", "--shell", "sh").stderr
        words = ["exec", "read-only", "--external-id", "-", "--", "true"]
        child = pexpect.spawn(world.program, words, env=world.environ, encoding="utf-8", timeout=60)
        child.expect_exact("External id: ")
        until(is_open(relay))
        assert [] == world.actions()
        child.send("any-id\r")
        child.expect(pexpect.EOF)
        child.close()
        assert (0, Counts(0, 1)) == (child.exitstatus, relay.take_counts())


def test_an_agent_opens_the_connection_while_the_user_picks(world: World, relay: Relay, until: Until) -> None:
    """The agent opens the connection for the role used last, and sends nothing before the user has picked."""
    assert 0 == start(world, "exec", "read-only", "--", "true").returncode
    assert 0 == world.run("login", world.device.code()).returncode
    assert 0 == world.run("lock").returncode
    relay.take_counts()
    before = world.actions()
    environ = world.environ | {"TERM": "xterm", "AWSENV_PICKER": "builtin"}
    child = pexpect.spawn(world.program, ["exec", "--", "true"], env=environ, encoding="utf-8", timeout=60)
    child.expect_exact("read-only")
    until(is_open(relay))
    assert before == world.actions()
    child.send("read-only\r")
    child.expect(pexpect.EOF)
    child.close()

    assert (0, Counts(0, 1)) == (child.exitstatus, relay.take_counts())


def test_an_agent_opens_the_connection_again(world: World, relay: Relay, until: Until) -> None:
    """If its client asks for it, the agent replaces a closed connection, keeps an open one, and sends nothing."""
    assert 0 == world.run("login", world.device.code()).returncode
    assert 0 == world.run("lock").returncode
    relay.take_counts()
    before = world.actions()
    conversation.open_early(["exec", "power-user", "--", "true"], world.environ)
    until(is_open(relay))
    conversation.open_early(["exec", "power-user", "--", "true"], world.environ)

    assert (Counts(), before) == (relay.take_counts(), world.actions())


def test_a_private_agent_opens_the_connection_again(world: World, relay: Relay, until: Until) -> None:
    """The agent of `exec --refresh` does the same over its only connection, which carries the request afterwards."""
    words = ["exec", "--refresh", "power-user", "--", "true"]
    before = world.actions()
    with (
        Popen(["cat"], stdin=PIPE) as command,
        closing(private(conversation.ENTRY, pid=command.pid, lifetime=60)) as agent,
    ):
        asked = conversation.Conversation(partial(client.ask, agent), words, world.environ, whole=True)
        asked.open_again()
        until(is_open(relay))
        asked.open_again()

        assert (Counts(), before) == (relay.take_counts(), world.actions())
        assert [] == client.ask(agent, client.PING, [])


def test_a_client_of_an_agent_opens_none(world: World, relay: Relay) -> None:
    """With an agent, the client opens no connection to AWS."""
    assert 0 == world.run("login", world.device.code()).returncode
    assert 0 == world.run("read-only", "--shell", "sh").returncode
    relay.take_counts()

    assert 0 == start(world, "read-only", "--shell", "sh").returncode

    assert Counts() == relay.take_counts()


def test_a_connection_that_fails_early_is_reported_once(world: World) -> None:
    """Only the call reports the failure."""
    with socket.socket() as bound:
        # Nobody listens at this port, and nobody else can.
        bound.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{bound.getsockname()[1]}"
        world.environ.update(AWS_ENDPOINT_URL=f"http://{host}", AWS_MAX_ATTEMPTS="1")
        done = start(world, "read-only", "--shell", "sh")

    assert 1 == done.stderr.count("awsenv: ")
    assert host in done.stderr


def test_an_early_connection_has_the_time_of_a_call() -> None:
    """`early.SECONDS` equals the time-out of a call, whose module is too large to load early."""
    assert settings.TIMEOUT == early.SECONDS
