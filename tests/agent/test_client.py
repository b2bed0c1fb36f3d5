"""The client of an agent that is dead, stuck, foreign or confused: it reports one line, after a short wait at most."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv import __version__
from awsenv.agent import client, runtime_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.conftest import Agents, User

TIMEOUT = 3.0
"""Seconds that a client waits for each `busy`, in tests that take longer in all: no `busy` is as late as that."""

REQUEST = client.pack([client.VERSION, b"verb", b"part"])


@contextmanager
def _replying(agents: Agents, reply: Callable[[socket.socket], None]) -> Iterator[None]:
    """Listen at the agent's socket, receive the request, and then call *reply*."""

    def run() -> None:
        connection, _ = listening.accept()
        with connection:
            assert connection.recv(len(REQUEST), socket.MSG_WAITALL) == REQUEST
            reply(connection)

    with socket.socket(socket.AF_UNIX) as listening:
        listening.settimeout(60)  # for a client that never connects
        listening.bind(str(agents.path))
        listening.listen()
        # A test that fails does not wait for it.
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield
        thread.join()


def _ask(agents: Agents, timeout: float = 30) -> list[bytes]:
    return client.ask(agents.environ, b"verb", [b"part"], timeout=timeout)


def test_a_missing_agent_raises_no_agent(agents: Agents) -> None:
    """The client raises NoAgent if the variable, the runtime directory or the socket is missing."""
    for environ in (
        {"HOME": str(agents.folder)},
        agents.environ,
        {runtime_directory.VARIABLE: f"{agents.folder}/missing"},
    ):
        with pytest.raises(client.NoAgent):
            client.ask(environ, b"ping", [])


@pytest.mark.parametrize(
    ("own", "because"), [("", "is not set"), ("/run/user/12345678", "differs from that of its session")]
)
def test_an_agent_that_no_variable_leads_to_is_explained(agents: Agents, own: str, because: str) -> None:
    """The client says where the agent of another XDG_RUNTIME_DIR runs, and what leads to it."""
    folder = Path(runtime_directory.make({"HOME": "", "XDG_RUNTIME_DIR": str(agents.folder)}))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / runtime_directory.SOCKET))

        found = client.no_agent({"HOME": str(agents.folder), "XDG_RUNTIME_DIR": own})

    assert re.fullmatch("your agent runs in .*/awsenv, where awsenv does not look for it", found.fact)
    assert f"XDG_RUNTIME_DIR {because}" == found.because
    assert re.fullmatch("export XDG_RUNTIME_DIR=/.*", "".join(found.hints))


def test_the_reply_is_returned(agents: Agents) -> None:
    """The client returns the parts of the reply, after any number of `busy` messages."""

    def reply(connection: socket.socket) -> None:
        connection.sendall(client.pack([b"busy"]) * 3 + client.pack([b"ok", b"", b"answer"]))

    with _replying(agents, reply):
        assert [b"", b"answer"] == _ask(agents)


def test_each_busy_message_extends_the_wait(agents: Agents) -> None:
    """Each `busy` message starts the client's time-out again, so that it waits longer in all."""

    def reply(connection: socket.socket) -> None:
        end = time.monotonic() + 1.1 * TIMEOUT
        while time.monotonic() < end:
            connection.sendall(client.pack([b"busy"]))
            time.sleep(0.01)
        connection.sendall(client.pack([b"ok"]))

    with _replying(agents, reply):
        assert [] == _ask(agents, timeout=TIMEOUT)


@pytest.mark.parametrize("limit", ["timeout", "longest"])
def test_a_reply_that_came_while_the_client_was_stopped_counts(agents: Agents, limit: str) -> None:
    """After Ctrl-Z and `fg`, the client reads what has arrived, although its time is over."""
    asked = f"client.ask({agents.environ!r}, b'verb', [b'part'], {limit}=3.0)"

    def reply(connection: socket.socket) -> None:
        time.sleep(0.1)
        # Not that of `started`: this thread may be here before `Popen` has returned.
        _, pid = client.peer(connection)
        os.kill(pid, signal.SIGSTOP)
        connection.sendall(client.pack([b"busy", b"AWS"]) * 3 + client.pack([b"ok", b"answer"]))
        time.sleep(3.2)
        os.kill(pid, signal.SIGCONT)
        assert b"" == connection.recv(1)

    with (
        _replying(agents, reply),
        subprocess.Popen(
            [sys.executable, "-c", f"from awsenv.agent import client; print({asked})"],
            stdout=subprocess.PIPE,
            text=True,
        ) as started,
    ):
        assert "[b'answer']\n" == started.communicate()[0]


def test_an_agent_that_is_busy_for_ever_is_stuck() -> None:
    """The client gives up on an agent that sends `busy` for longer than the longest request."""
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def reply() -> None:
        while not stop.wait(0.01):
            theirs.sendall(client.pack([b"busy"]))

    thread = threading.Thread(target=reply, daemon=True)
    thread.start()
    with ours, theirs:
        with pytest.raises(client.Trouble, match="stuck"):
            client.ask(ours, b"verb", [], longest=0.2)
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "1213486160 bytes"),
        (b"\x00\x00\x00\x05hello", "a part that is longer"),
        (b"\x40\x00\x00\x00" + b"x" * 1000, "1073741824 bytes, where 4194304 are the most"),
        (b"\x00\x00\x00\x10\x00\x00\x00\x02ok", "closed before a message was whole"),
        (b"\x00", "closed before a message was whole"),
        (b"", "closed before a message was whole"),
        (client.pack([]), "sent an unexpected reply"),
        (client.pack([b"OK", b"x"]), "sent an unexpected reply"),
        (client.pack([b"failed", b"KeyError"]), "the agent failed: KeyError"),
    ],
    ids=["garbage", "half-parts", "gigabyte", "half-a-frame", "a-byte", "closed", "empty", "unknown", "failed"],
)
def test_an_invalid_reply_is_reported(agents: Agents, sent: bytes, expected: str) -> None:
    """The error for an invalid reply describes the fault in one line."""
    with _replying(agents, lambda connection: connection.sendall(sent)), pytest.raises(client.Trouble) as trouble:
        _ask(agents)

    assert expected in str(trouble.value)
    assert "\n" not in str(trouble.value)


@pytest.mark.parametrize("sent", [b"", b"\x00\x00", b"\x00\x00\x00\x10\x00"])
def test_an_agent_that_falls_silent_is_stuck(agents: Agents, sent: bytes) -> None:
    """The client waits for a silent agent no longer than its time-out, even in the middle of a frame."""
    over = threading.Event()

    def reply(connection: socket.socket) -> None:
        connection.sendall(sent)
        over.wait()

    with _replying(agents, reply):
        with pytest.raises(client.Trouble, match=r"^the agent is stuck$"):
            _ask(agents, timeout=0.2)
        over.set()


def test_a_broken_connection_is_reported(agents: Agents) -> None:
    """The client says that the agent is gone if the connection is reset."""

    def run() -> None:
        connection, _ = listening.accept()
        connection.recv(1)
        connection.close()

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(agents.path))
        listening.listen()
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        with pytest.raises(client.Trouble, match=r"^the agent is gone: "):
            _ask(agents)
        thread.join()


def test_a_reply_before_the_request_is_read() -> None:
    """An agent that refuses who connects closes the connection at once: the client says why, and not that it broke."""
    agent, ours = socket.socketpair()
    with ours:
        agent.sendall(client.pack([b"refused", b"the agent is busy"]))
        agent.close()
        with pytest.raises(client.Refused, match=r"^the agent is busy$"):
            client.ask(ours, b"verb", [])


def test_a_full_queue_is_a_stuck_agent(agents: Agents) -> None:
    """The client waits no longer than its time-out for the agent to accept the connection."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(agents.path))
        listening.listen(0)
        waiting = agents.connect()
        with waiting, pytest.raises(client.Trouble, match=r"^the agent is stuck$"):
            _ask(agents, timeout=0.2)


def test_another_version_is_reported(agents: Agents) -> None:
    """The error names both versions and `awsenv login`, and replaces control characters in the agent's version."""
    with (
        _replying(agents, lambda connection: connection.sendall(client.pack([b"version", b"0.0\x1b[2J\xff"]))),
        pytest.raises(client.OtherVersion) as trouble,
    ):
        _ask(agents)

    expected = f"the agent is of awsenv 0.0?[2J�, this is {__version__}", ("awsenv login replaces it",)
    assert expected == (trouble.value.fact, trouble.value.hints)


def test_a_request_that_is_too_large_is_refused(agents: Agents) -> None:
    """The client refuses a request of more than 262144 bytes, and its error names the limit."""
    with agents.serving(), pytest.raises(client.Trouble, match="262144 are the most"):
        client.ask(agents.environ, b"verb", [b"x" * client.CAP])


def _dead(agents: Agents) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(agents.path))
        listening.listen()


def test_a_dead_agent_is_reported_once(agents: Agents) -> None:
    """The client removes the socket of a dead agent, so that the next command finds no agent."""
    _dead(agents)

    with pytest.raises(client.Dead, match=r"has died"):
        _ask(agents)
    assert not agents.path.exists()
    with pytest.raises(client.NoAgent):
        _ask(agents)


def test_a_dead_agent_is_not_removed_under_a_lock(agents: Agents) -> None:
    """The client does not remove a dead socket, or wait for the lock, while another process holds it."""
    _dead(agents)

    with runtime_directory.lock(str(agents.folder)), pytest.raises(client.Dead):
        _ask(agents)
    assert agents.path.is_socket()


def test_a_dead_agent_is_reported_without_a_lock(agents: Agents) -> None:
    """The client reports a dead agent, but leaves its socket, if the lock file cannot be opened."""
    _dead(agents)
    (agents.folder / "lock").mkdir()

    with pytest.raises(client.Dead):
        _ask(agents)
    assert agents.path.is_socket()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("file", "is not a socket"), ("link", "is not a socket"), ("foreign", "belongs to another user")],
)
def test_an_invalid_socket_is_left_alone(agents: Agents, kind: str, expected: str) -> None:
    """The client neither uses nor removes a file, a link or another user's socket in place of its own."""
    target: Path = agents.folder / "target" if kind == "link" else agents.path
    with socket.socket(socket.AF_UNIX) as listening:
        if kind == "file":
            target.write_text("mine")
        else:
            listening.bind(str(target))
            listening.listen()
        if kind == "link":
            agents.path.symlink_to(target)
        if kind == "foreign":
            if os.geteuid() != 0:
                pytest.skip("only root can give a file away")
            os.chown(target, 65534, 65534)

        with pytest.raises(client.Trouble) as trouble:
            _ask(agents)

    assert f"the agent is not used: {agents.path} {expected}" == str(trouble.value)
    assert os.path.lexists(agents.path)
    assert os.path.lexists(target)


def test_an_open_runtime_directory_is_reported(agents: Agents) -> None:
    """The client uses no agent in a runtime directory that other users can open, and says why."""
    agents.folder.chmod(0o755)

    with pytest.raises(client.Trouble, match=f"the agent is not used: {agents.folder} is open to other users"):
        _ask(agents)


def test_a_listener_of_another_user_gets_no_request(agents: Agents, nobody: User) -> None:
    """The client sends no byte to another user's process, even at a socket that belongs to its own user."""
    code = (
        "import socket, sys\n"
        "with socket.socket(socket.AF_UNIX) as listening:\n"
        "    listening.settimeout(30)\n"
        "    listening.bind(sys.argv[1])\n"
        "    listening.listen()\n"
        "    print('ready', flush=True)\n"
        "    print(listening.accept()[0].recv(1))\n"
    )
    os.chown(agents.folder, 65534, 65534)
    with nobody.popen(agents.site, code, str(agents.path)) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        for path in (agents.folder, agents.path):
            os.chown(path, os.geteuid(), os.getegid())
        with pytest.raises(client.Trouble, match=f"the agent is not used: another user listens at {agents.path}"):
            _ask(agents)
        assert "b''\n" == other.stdout.read()


def test_the_fast_path_loads_few_modules(agents: Agents, me: User) -> None:
    """The client loads three modules of awsenv and `_socket`, beyond the modules that Python loads at its start."""
    code = (
        "import sys; before = set(sys.modules)\nimport awsenv.agent.client\nprint(*sorted(set(sys.modules) - before))"
    )

    assert (
        0,
        "__future__ _socket awsenv awsenv.agent awsenv.agent.client awsenv.agent.runtime_directory awsenv.variables\n",
    ) == me.run(agents.site, code)


# Messages.

PARTS = st.lists(st.binary(max_size=300), max_size=20)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return two sockets that are connected."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def _soon(seconds: float = 30) -> float:
    return time.monotonic() + seconds


@given(PARTS)
def test_a_packed_message_is_unpacked(parts: list[bytes]) -> None:
    """Unpacking a packed message returns the same parts, including empty parts and an empty list."""
    frame = client.pack(parts)

    assert len(frame) - 4 == int.from_bytes(frame[:4], "big")
    assert parts == client.unpack(frame)


@given(st.binary(max_size=100) | PARTS.map(lambda parts: client.pack(parts)[4:-1]))
def test_bytes_that_are_not_a_message_are_refused(body: bytes) -> None:
    """Bytes are refused as a message unless packing the message gives the same bytes."""
    frame = len(body).to_bytes(4, "big") + body
    with suppress(client.NotAMessage):
        assert frame == client.pack(client.unpack(frame))


@pytest.mark.parametrize("parts", [[], [b""], [b"a", b"", b"c"], [b"x" * (client.CAP - 4)]])
def test_a_sent_message_is_received(pair: tuple[socket.socket, socket.socket], parts: list[bytes]) -> None:
    """A message up to the maximum size is received whole, even if it exceeds the buffers of the system."""
    ours, theirs = pair
    sending = threading.Thread(target=client.send, args=(ours, parts, _soon()))
    sending.start()

    assert parts == client.receive(theirs, _soon())
    sending.join()


def test_messages_follow_one_another(pair: tuple[socket.socket, socket.socket]) -> None:
    """Receiving a message reads no byte of the next message."""
    ours, theirs = pair
    client.send(ours, [b"one"], _soon())
    client.send(ours, [b"two"], _soon())

    assert [[b"one"], [b"two"]] == [client.receive(theirs, _soon()), client.receive(theirs, _soon())]


def test_a_message_that_is_too_large_is_not_sent(pair: tuple[socket.socket, socket.socket]) -> None:
    """A message over the maximum size is refused before any byte of it is sent."""
    ours, theirs = pair
    with pytest.raises(client.NotAMessage, match="262144 are the most"):
        client.send(ours, [b"x" * client.CAP], _soon())

    ours.close()
    assert b"" == theirs.recv(1)


def test_an_announced_gigabyte_takes_no_memory(pair: tuple[socket.socket, socket.socket]) -> None:
    """A message is refused by its announced length, before memory is allocated for it."""
    ours, theirs = pair
    ours.sendall((2**30).to_bytes(4, "big") + b"x" * 1000)
    tracemalloc.start()
    try:
        with pytest.raises(client.NotAMessage, match="1073741824 bytes"):
            client.receive(theirs, _soon())
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("received", [b"", b"\0\0", b"\0\0\0\x08", b"\0\0\0\x08\0\0\0\x04ab"])
def test_a_closed_connection_ends_the_wait(pair: tuple[socket.socket, socket.socket], received: bytes) -> None:
    """A connection that closes before the message is complete is an error, wherever it closes."""
    ours, theirs = pair
    ours.sendall(received)
    ours.close()

    with pytest.raises(client.NotAMessage, match="closed before"):
        client.receive(theirs, _soon())


def test_a_part_longer_than_its_message_is_refused(pair: tuple[socket.socket, socket.socket]) -> None:
    """A message is refused if one of its parts claims more bytes than the message has."""
    ours, theirs = pair
    ours.sendall(b"\0\0\0\x06" + b"\0\0\0\x09ab")

    with pytest.raises(client.NotAMessage, match="longer than its message"):
        client.receive(theirs, _soon())


def test_the_deadline_covers_the_whole_message(pair: tuple[socket.socket, socket.socket]) -> None:
    """A sender that sends byte by byte does not extend the receiver's deadline."""
    ours, theirs = pair
    stop = threading.Event()

    def drip() -> None:
        ours.sendall(b"\0\0\xff\xff")
        while not stop.wait(0.02):
            ours.sendall(b"x")

    dripping = threading.Thread(target=drip, daemon=True)
    dripping.start()
    with pytest.raises(TimeoutError):
        client.receive(theirs, _soon(0.2))
    stop.set()
    dripping.join()


def test_sending_and_receiving_time_out(pair: tuple[socket.socket, socket.socket]) -> None:
    """Receiving from a silent peer times out, and so does sending to a peer that does not read."""
    ours, _ = pair
    with pytest.raises(TimeoutError):
        client.receive(ours, _soon(0.05))
    with pytest.raises(TimeoutError):
        client.receive(ours, _soon(-1))
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with pytest.raises(TimeoutError):
        client.send(ours, [b"x" * 250_000], _soon(0.05))


def test_the_peer_is_identified(pair: tuple[socket.socket, socket.socket]) -> None:
    """The peer of a connection is identified by its user id and its process id."""
    assert (os.geteuid(), os.getpid()) == client.peer(pair[0])
