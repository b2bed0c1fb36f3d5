"""Frames of byte strings: what is sent arrives, and what is no frame is refused before it costs anything."""

from __future__ import annotations

import os
import socket
import threading
import time
import tracemalloc
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsenv.agent import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    frame = protocol.pack(parts)

    assert len(frame) - 4 == int.from_bytes(frame[:4], "big")
    assert parts == protocol.unpack(frame[4:])


@given(st.binary(max_size=100) | PARTS.map(lambda parts: protocol.pack(parts)[4:-1]))
def test_bytes_are_a_message_or_refused(body: bytes) -> None:
    """Never take bytes for a message that would not be sent as these bytes."""
    with suppress(protocol.ProtocolError):
        assert body == protocol.pack(protocol.unpack(body))[4:]


@pytest.mark.parametrize("parts", [[], [b""], [b"a", b"", b"c"], [b"x" * (protocol.CAP - 4)]])
def test_what_is_sent_is_received(pair: tuple[socket.socket, socket.socket], parts: list[bytes]) -> None:
    """Send what no buffer of the system takes at once, up to the cap."""
    ours, theirs = pair
    sending = threading.Thread(target=protocol.send, args=(ours, parts, _soon()))
    sending.start()

    assert parts == protocol.receive(theirs, _soon())
    sending.join()


def test_messages_follow_one_another(pair: tuple[socket.socket, socket.socket]) -> None:
    """Take no byte of the next message."""
    ours, theirs = pair
    protocol.send(ours, [b"one"], _soon())
    protocol.send(ours, [b"two"], _soon())

    assert [[b"one"], [b"two"]] == [protocol.receive(theirs, _soon()), protocol.receive(theirs, None)]


def test_too_large_a_message_is_not_sent(pair: tuple[socket.socket, socket.socket]) -> None:
    """Refuse it before a byte is off."""
    ours, theirs = pair
    with pytest.raises(protocol.ProtocolError, match="262144 are the most"):
        protocol.send(ours, [b"x" * protocol.CAP], _soon())

    ours.close()
    assert b"" == theirs.recv(1)


def test_an_announced_gigabyte_costs_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    """Refuse by the announced length, before there is memory for it."""
    ours, theirs = pair
    ours.sendall((2**30).to_bytes(4, "big") + b"x" * 1000)
    tracemalloc.start()
    try:
        with pytest.raises(protocol.ProtocolError, match="1073741824 bytes"):
            protocol.receive(theirs, _soon())
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("received", [b"", b"\0\0", b"\0\0\0\x08", b"\0\0\0\x08\0\0\0\x04ab"])
def test_a_connection_that_is_closed_ends_the_wait(pair: tuple[socket.socket, socket.socket], received: bytes) -> None:
    """Refuse nothing at all, half a length, no body and half a body."""
    ours, theirs = pair
    ours.sendall(received)
    ours.close()

    with pytest.raises(protocol.ProtocolError, match="closed before"):
        protocol.receive(theirs, _soon())


def test_a_part_that_is_longer_than_its_message(pair: tuple[socket.socket, socket.socket]) -> None:
    """Refuse it."""
    ours, theirs = pair
    ours.sendall(b"\0\0\0\x06" + b"\0\0\0\x09ab")

    with pytest.raises(protocol.ProtocolError, match="longer than its message"):
        protocol.receive(theirs, _soon())


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
        protocol.receive(theirs, _soon(0.2))
    stop.set()
    dripping.join()


def test_nobody_listens_for_ever(pair: tuple[socket.socket, socket.socket]) -> None:
    """Give up on a sender that is silent, and on a receiver that takes nothing."""
    ours, _ = pair
    with pytest.raises(TimeoutError):
        protocol.receive(ours, _soon(0.05))
    with pytest.raises(TimeoutError):
        protocol.receive(ours, _soon(-1))
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with pytest.raises(TimeoutError):
        protocol.send(ours, [b"x" * 250_000], _soon(0.05))


def test_the_peer_is_named(pair: tuple[socket.socket, socket.socket]) -> None:
    """Return the user and the process at the other end."""
    assert (os.geteuid(), os.getpid()) == protocol.peer(pair[0])
