"""Ask an agent that is dead, stuck, foreign or talks nonsense: one note, and never more than a short wait."""

from __future__ import annotations

import os
import socket
import threading
import time
import tracemalloc
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv import __version__
from awsenv.agent import client, runtime_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.conftest import Agents, User

TIMEOUT = 1.0
"""Seconds that a client waits for a sign of life where a test waits longer: far more than the next sign may be late."""

REQUEST = client.pack([client.VERSION, b"verb", b"part"])


@contextmanager
def _replying(agents: Agents, reply: Callable[[socket.socket], None]) -> Iterator[None]:
    """Have somebody at the agent's socket who takes the request, and then calls *reply*."""

    def run() -> None:
        connection, _ = listening.accept()
        with connection:
            assert connection.recv(len(REQUEST), socket.MSG_WAITALL) == REQUEST
            reply(connection)

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(agents.path))
        listening.listen()
        thread = threading.Thread(target=run)
        thread.start()
        yield
        thread.join()


def _ask(agents: Agents, timeout: float = 30) -> list[bytes]:
    return client.ask(agents.environ, b"verb", [b"part"], timeout=timeout)


def test_a_missing_agent_is_no_agent(agents: Agents) -> None:
    """Raise what nobody is told, where there is no folder, no socket, or no place for them."""
    for environ in ({}, agents.environ, {runtime_directory.VARIABLE: f"{agents.folder}/missing"}):
        with pytest.raises(client.NoAgent):
            client.ask(environ, b"ping", [])


def test_the_answer_is_returned(agents: Agents) -> None:
    """Return its parts, after any number of signs of life."""

    def reply(connection: socket.socket) -> None:
        connection.sendall(client.pack([b"busy"]) * 3 + client.pack([b"ok", b"", b"answer"]))

    with _replying(agents, reply):
        assert [b"", b"answer"] == _ask(agents)


def test_each_sign_of_life_is_worth_a_wait(agents: Agents) -> None:
    """Wait longer in all than for one sign."""

    def reply(connection: socket.socket) -> None:
        end = time.monotonic() + 1.2 * TIMEOUT
        while time.monotonic() < end:
            connection.sendall(client.pack([b"busy"]))
            time.sleep(0.01)
        connection.sendall(client.pack([b"ok"]))

    with _replying(agents, reply):
        assert [] == _ask(agents, timeout=TIMEOUT)


def test_signs_of_life_are_no_answer() -> None:
    """Give up on an agent that is busy for ever."""
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def reply() -> None:
        while not stop.wait(0.01):
            theirs.sendall(client.pack([b"busy"]))

    thread = threading.Thread(target=reply)
    thread.start()
    with ours, theirs:
        with pytest.raises(client.Trouble, match="stuck"):
            client.exchange(ours, b"verb", [], longest=0.2)
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
def test_what_is_no_reply_is_a_note(agents: Agents, sent: bytes, expected: str) -> None:
    """Say in one sentence what is wrong with it."""
    with _replying(agents, lambda connection: connection.sendall(sent)), pytest.raises(client.Trouble) as trouble:
        _ask(agents)

    assert expected in str(trouble.value)
    assert "\n" not in str(trouble.value)


@pytest.mark.parametrize("sent", [b"", b"\x00\x00", b"\x00\x00\x00\x10\x00"])
def test_an_agent_that_falls_silent_is_stuck(agents: Agents, sent: bytes) -> None:
    """Wait no longer than the time-out, and say so; also in the middle of a frame."""
    over = threading.Event()

    def reply(connection: socket.socket) -> None:
        connection.sendall(sent)
        over.wait()

    with _replying(agents, reply):
        with pytest.raises(client.Trouble, match=r"^the agent is stuck$"):
            _ask(agents, timeout=0.2)
        over.set()


def test_a_connection_that_breaks_is_a_note(agents: Agents) -> None:
    """Tell of a reset, which closes the connection with something unread."""

    def run() -> None:
        connection, _ = listening.accept()
        connection.recv(1)
        connection.close()

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(agents.path))
        listening.listen()
        thread = threading.Thread(target=run)
        thread.start()
        with pytest.raises(client.Trouble, match=r"^the agent is gone: "):
            _ask(agents)
        thread.join()


def test_a_full_queue_is_a_stuck_agent(agents: Agents) -> None:
    """Wait for a place no longer than the time-out."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(agents.path))
        listening.listen(0)
        waiting = agents.connect()
        with waiting, pytest.raises(client.Trouble, match=r"^the agent is stuck$"):
            _ask(agents, timeout=0.2)


def test_another_version_is_named(agents: Agents) -> None:
    """Name both versions, and what replaces the agent; show no control character of the other's."""
    with (
        _replying(agents, lambda connection: connection.sendall(client.pack([b"version", b"0.0\x1b[2J\xff"]))),
        pytest.raises(client.OtherVersion) as trouble,
    ):
        _ask(agents)

    expected = f"the agent is of awsenv 0.0?[2J�, this is {__version__}", ("awsenv login replaces it",)
    assert expected == (trouble.value.fact, trouble.value.hints)


def test_too_large_a_request_is_not_sent(agents: Agents) -> None:
    """Say so at once, to the caller."""
    with agents.serving(), pytest.raises(client.Trouble, match="262144 are the most"):
        client.ask(agents.environ, b"verb", [b"x" * client.CAP])


def _dead(agents: Agents) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(agents.path))
        listening.listen()


def test_a_dead_agent_is_reported_once(agents: Agents) -> None:
    """Remove its socket, so that the next command finds no agent."""
    _dead(agents)

    with pytest.raises(client.Dead, match=r"has died"):
        _ask(agents)
    assert not agents.path.exists()
    with pytest.raises(client.NoAgent):
        _ask(agents)


def test_a_dead_agent_is_left_to_who_starts_the_next(agents: Agents) -> None:
    """Remove nothing, and wait for nobody, while another process holds the lock."""
    _dead(agents)

    with runtime_directory.lock(str(agents.folder)), pytest.raises(client.Dead):
        _ask(agents)
    assert agents.path.is_socket()


def test_a_dead_socket_in_a_folder_that_takes_no_lock(agents: Agents) -> None:
    """Tell of it all the same."""
    _dead(agents)
    (agents.folder / "lock").mkdir()

    with pytest.raises(client.Dead):
        _ask(agents)
    assert agents.path.is_socket()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("file", "is not a socket"), ("link", "is not a socket"), ("foreign", "belongs to another user")],
)
def test_what_is_not_our_socket_is_left_alone(agents: Agents, kind: str, expected: str) -> None:
    """Name it, do not speak to it and do not remove it."""
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


def test_a_folder_that_is_not_ours_alone_is_a_note(agents: Agents) -> None:
    """Name it."""
    agents.folder.chmod(0o755)

    with pytest.raises(client.Trouble, match=f"the agent is not used: {agents.folder} is open to other users"):
        _ask(agents)


def test_another_user_behind_our_socket_gets_no_request(agents: Agents, nobody: User) -> None:
    """Send nothing, not even the version, where the folder and the socket look like ours."""
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


def test_the_fast_path_waits_for_next_to_nothing(agents: Agents, me: User) -> None:
    """Load no more than Python's own start, and `_socket`."""
    code = (
        "import sys; before = set(sys.modules)\nimport awsenv.agent.client\nprint(*sorted(set(sys.modules) - before))"
    )

    assert (
        0,
        ("__future__ _socket awsenv awsenv.agent awsenv.agent.client awsenv.agent.runtime_directory\n"),
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
def test_what_is_packed_is_unpacked(parts: list[bytes]) -> None:
    """Return the same parts, empty ones and none at all too."""
    frame = client.pack(parts)

    assert len(frame) - 4 == int.from_bytes(frame[:4], "big")
    assert parts == client.unpack(frame)


@given(st.binary(max_size=100) | PARTS.map(lambda parts: client.pack(parts)[4:-1]))
def test_bytes_are_a_message_or_refused(body: bytes) -> None:
    """Never take bytes for a message that would not be sent as these bytes."""
    frame = len(body).to_bytes(4, "big") + body
    with suppress(client.NotAMessage):
        assert frame == client.pack(client.unpack(frame))


@pytest.mark.parametrize("parts", [[], [b""], [b"a", b"", b"c"], [b"x" * (client.CAP - 4)]])
def test_what_is_sent_is_received(pair: tuple[socket.socket, socket.socket], parts: list[bytes]) -> None:
    """Send what no buffer of the system takes at once, up to the cap."""
    ours, theirs = pair
    sending = threading.Thread(target=client.send, args=(ours, parts, _soon()))
    sending.start()

    assert parts == client.receive(theirs, _soon())
    sending.join()


def test_messages_follow_one_another(pair: tuple[socket.socket, socket.socket]) -> None:
    """Take no byte of the next message."""
    ours, theirs = pair
    client.send(ours, [b"one"], _soon())
    client.send(ours, [b"two"], _soon())

    assert [[b"one"], [b"two"]] == [client.receive(theirs, _soon()), client.receive(theirs, _soon())]


def test_too_large_a_message_is_not_sent(pair: tuple[socket.socket, socket.socket]) -> None:
    """Refuse it before a byte is off."""
    ours, theirs = pair
    with pytest.raises(client.NotAMessage, match="262144 are the most"):
        client.send(ours, [b"x" * client.CAP], _soon())

    ours.close()
    assert b"" == theirs.recv(1)


def test_an_announced_gigabyte_costs_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    """Refuse by the announced length, before there is memory for it."""
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
def test_a_connection_that_is_closed_ends_the_wait(pair: tuple[socket.socket, socket.socket], received: bytes) -> None:
    """Refuse nothing at all, half a length, no body and half a body."""
    ours, theirs = pair
    ours.sendall(received)
    ours.close()

    with pytest.raises(client.NotAMessage, match="closed before"):
        client.receive(theirs, _soon())


def test_a_part_that_is_longer_than_its_message(pair: tuple[socket.socket, socket.socket]) -> None:
    """Refuse it."""
    ours, theirs = pair
    ours.sendall(b"\0\0\0\x06" + b"\0\0\0\x09ab")

    with pytest.raises(client.NotAMessage, match="longer than its message"):
        client.receive(theirs, _soon())


def test_the_deadline_is_one_for_the_whole_message(pair: tuple[socket.socket, socket.socket]) -> None:
    """Give no more time for each byte that comes."""
    ours, theirs = pair
    stop = threading.Event()

    def drip() -> None:
        ours.sendall(b"\0\0\xff\xff")
        while not stop.wait(0.02):
            ours.sendall(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    with pytest.raises(TimeoutError):
        client.receive(theirs, _soon(0.2))
    stop.set()
    dripping.join()


def test_nobody_listens_for_ever(pair: tuple[socket.socket, socket.socket]) -> None:
    """Give up on a sender that is silent, and on a receiver that takes nothing."""
    ours, _ = pair
    with pytest.raises(TimeoutError):
        client.receive(ours, _soon(0.05))
    with pytest.raises(TimeoutError):
        client.receive(ours, _soon(-1))
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with pytest.raises(TimeoutError):
        client.send(ours, [b"x" * 250_000], _soon(0.05))


def test_the_peer_is_named(pair: tuple[socket.socket, socket.socket]) -> None:
    """Return the user and the process at the other end."""
    assert (os.geteuid(), os.getpid()) == client.peer(pair[0])
