"""The agent's server: which clients it serves, how it replies, and when it ends; in a thread or a process."""

from __future__ import annotations

import asyncio
import math
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import awsenv
from awsenv.agent import client
from awsenv.agent.events import end_of
from awsenv.agent.listener import MAX_CLIENTS
from awsenv.agent.server import MAX_SEALED, MAX_WATCHING, Life, Server
from awsenv.agent.term import boot_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.conftest import Agents, User
    from awsenv.agent.waits import Waits
    from conftest import Until

PING = [client.VERSION, b"ping"]


class Clock:
    """A boot clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time of the clock."""
        return self.now


def _say(connection: socket.socket, *parts: bytes) -> None:
    client.send(connection, parts, time.monotonic() + 30)


def _hear(connection: socket.socket) -> list[bytes]:
    return client.receive(connection, time.monotonic() + 30)


# Replies.


def test_the_reply_is_that_of_the_function(agents: Agents) -> None:
    """The server calls the function with the verb and the parts, and replies with the parts that it returns."""
    requests: list[tuple[bytes, list[bytes]]] = []

    def answer(verb: bytes, parts: list[bytes], _waits: Waits, _peer: object) -> list[bytes]:
        requests.append((verb, parts))
        return [b"x" * 250_000, b""]

    with agents.serving(answer):
        assert [b"x" * 250_000, b""] == agents.ask(b"verb", b"", b"y" * 250_000)
    assert [(b"verb", [b"", b"y" * 250_000])] == requests


@pytest.mark.parametrize("error", [ValueError("canary"), SystemExit("canary"), KeyboardInterrupt("canary")])
def test_a_failure_is_named_by_its_class(agents: Agents, error: BaseException) -> None:
    """The reply to a failed request names the class of the error but not its text, which may hold a secret."""

    def answer(verb: bytes, parts: list[bytes], _waits: Waits, _peer: object) -> list[bytes]:
        if verb == b"fail":
            raise error
        return parts

    with agents.serving(answer):
        with pytest.raises(client.Trouble) as trouble:
            agents.ask(b"fail")
        assert f"the agent failed: {type(error).__name__}" == str(trouble.value)
        assert [b"x"] == agents.ask(b"echo", b"x")


def test_a_reply_that_is_too_large_is_a_failure(agents: Agents) -> None:
    """The client gets a failure in place of a reply that is too large for a frame."""
    with (
        agents.serving(lambda _verb, _parts, _waits, _peer: [b"x" * client.REPLY_CAP]),
        pytest.raises(client.Trouble, match="failed: TooLarge"),
    ):
        agents.ask(b"verb")


def test_a_slow_reply_is_preceded_by_busy(agents: Agents) -> None:
    """The server sends `busy` and what the function waits for while it works, and after that only the reply."""
    ready = threading.Event()

    def answer(_: bytes, parts: list[bytes], waits: Waits, _peer: object) -> list[bytes]:
        with waits("the role"), waits("AWS STS"):
            pass
        with waits("AWS IAM"):
            ready.wait(30)
        return parts

    with agents.serving(answer), agents.connect() as connection:
        _say(connection, client.VERSION, b"verb", b"part")
        assert [[b"busy", b"AWS IAM"]] * 3 == [_hear(connection) for _ in range(3)]
        ready.set()
        assert [b"ok", b"part"] == _hear(connection)
        assert connection.recv(1) == b""


def test_fifty_clients_at_once_are_served(agents: Agents) -> None:
    """Fifty simultaneous clients each get the reply to their own request."""
    with agents.serving(), ThreadPoolExecutor(50) as pool:
        answers = list(
            pool.map(lambda number: client.ask(agents.environ, b"echo", [b"%d" % number], timeout=30), range(500))
        )
    assert [[b"%d" % number] for number in range(500)] == answers


def test_silent_clients_are_cut_off(agents: Agents) -> None:
    """Silent clients that hold all connections are cut off, so that a waiting client is served."""
    with agents.serving() as (server, _):
        silent = [agents.connect() for _ in range(MAX_CLIENTS)]
        try:
            assert [b"x"] == client.ask(agents.environ, b"echo", [b"x"], timeout=30)
            assert [b""] * MAX_CLIENTS == [connection.recv(1) for connection in silent]
        finally:
            for connection in silent:
                connection.close()
        server.end()


def test_sealed_clients_leave_room_for_others(agents: Agents) -> None:
    """They may hold as many connections as they like, and others are served."""
    begun, over, are_sealed = threading.Semaphore(0), threading.Event(), True

    def answer(verb: bytes, *_: object) -> list[bytes]:
        begun.release()
        assert verb == b"ping" or over.wait(30)
        return []

    def check_free(_: object) -> None:
        if are_sealed:
            raise client.Refused("it is sealed")

    with agents.serving(answer, Life(600, check_free=check_free)), ExitStack() as stack:
        stack.callback(over.set)
        for connection in [stack.enter_context(agents.connect()) for _ in range(MAX_SEALED)]:
            _say(connection, client.VERSION, b"wait")
            assert begun.acquire(timeout=30)
        with pytest.raises(client.Refused, match="busy, and takes no more requests from sealed commands"):
            agents.ask(b"verb")
        are_sealed = False
        assert [] == agents.ask(b"ping")


# Refused clients.


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\0\0",
        b"\0\0\0\x20" + b"\0\0\0\x04half",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        (2**30).to_bytes(4, "big"),
        b"\0\0\0\x05\0\0\0\x09x",
        client.pack([]),
        client.pack([client.VERSION]),
    ],
    ids=["nothing", "half-a-length", "half-a-frame", "http", "gigabyte", "half-a-part", "empty", "no-verb"],
)
def test_an_invalid_request_gets_no_reply(agents: Agents, sent: bytes) -> None:
    """The server closes the connection of an incomplete or malformed request without sending a byte."""
    with agents.serving():
        with agents.connect() as connection:
            connection.sendall(sent)
            # The connection is reset if the server left some bytes unread.
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""
        assert [b"x"] == agents.ask(b"echo", b"x")


def test_a_client_that_sends_byte_by_byte_is_cut_off(agents: Agents) -> None:
    """A client that sends byte by byte is cut off, because the time limit holds for the whole request."""
    with agents.serving(), agents.connect() as connection:
        connection.sendall(b"\0\0\xff\xff")
        cut_off = False
        for _ in range(600):
            time.sleep(0.05)
            try:
                connection.send(b"x")
            except (BrokenPipeError, ConnectionResetError):
                cut_off = True
                break
        assert cut_off


def test_a_client_that_does_not_read_is_cut_off(agents: Agents) -> None:
    """The server closes the connection of a client that does not read its reply."""
    requested = threading.Event()

    def answer(_verb: bytes, _parts: list[bytes], _waits: Waits, _peer: object) -> list[bytes]:
        requested.set()
        return [b"x" * 260_000]

    with agents.serving(answer), agents.connect() as connection:
        _say(connection, client.VERSION, b"verb")
        assert requested.wait(30)
        has_hung_up = select.poll()
        has_hung_up.register(connection, 0)
        assert has_hung_up.poll(30_000)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert 0 < len(received) < 260_000


def test_a_client_that_hangs_up_leaves_no_task(agents: Agents, until: Until) -> None:
    """The task of a client ends if the client hangs up before, in or after its request."""
    with agents.serving(lambda _verb, parts, _waits, _peer: parts) as (server, _):
        for sent in (b"", b"\0", client.pack([client.VERSION, b"verb", b"x" * 200_000])):
            with agents.connect() as connection:
                connection.sendall(sent)
        assert [b"x"] == agents.ask(b"echo", b"x")
        # The two tasks of the listener and of the server remain.
        until(lambda: len(asyncio.all_tasks(server.loop)) == 2)


def test_another_user_is_refused(agents: Agents, nobody: User) -> None:
    """A client of another user gets no byte and cannot end the agent, even if folder and socket are open to all."""
    code = (
        "import socket, sys\nfrom awsenv.agent import client\n"
        "with socket.socket(socket.AF_UNIX) as connection:\n"
        "    connection.settimeout(30)\n"
        "    connection.connect(sys.argv[1])\n"
        "    try:\n"
        "        connection.sendall(client.pack([client.VERSION, sys.argv[2].encode()]))\n"
        "        print(connection.recv(100))\n"
        "    except (BrokenPipeError, ConnectionResetError):\n"
        "        print(b'')\n"
    )
    with agents.serving() as (_, thread):
        agents.path.chmod(0o666)
        agents.folder.chmod(0o711)
        for verb in ("ping", "end"):
            assert (0, "b''\n") == nobody.run(agents.site, code, str(agents.path), verb)
        agents.folder.chmod(0o700)
        assert [b"x"] == agents.ask(b"echo", b"x")
        assert thread.is_alive()


@pytest.mark.parametrize("version", [b"0.0.9", b"999.0", b"", b"\xff"])
def test_another_version_gets_the_agents_version(agents: Agents, version: bytes) -> None:
    """The reply to a client of another version is the agent's version; the request is not carried out."""
    requests: list[bytes] = []

    def answer(verb: bytes, parts: list[bytes], _waits: Waits, _peer: object) -> list[bytes]:
        requests.append(verb)
        return parts

    with agents.serving(answer), agents.connect() as connection:
        _say(connection, version, b"verb", b"part")
        assert [b"version", client.VERSION] == _hear(connection)
    assert [] == requests


# The end of the agent.


@pytest.mark.parametrize("version", [client.VERSION, b"0.0.9", b""])
def test_any_version_can_end_the_agent(agents: Agents, version: bytes) -> None:
    """A client of any version can end the agent, which removes its socket before it replies."""
    with agents.serving() as (_, thread):
        with agents.connect() as connection:
            _say(connection, version, b"end")
            assert [b"ok"] == _hear(connection)
            assert not agents.path.exists()
        thread.join(30)
        assert not thread.is_alive()


def test_a_client_that_gave_up_is_not_served(agents: Agents) -> None:
    """A request is not carried out if its client hung up before the server read it: its code would be stale."""
    done: list[bytes] = []

    def reply(verb: bytes, parts: list[bytes], _waits: Waits, _peer: object) -> list[bytes]:
        done.append(verb)
        return parts

    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(agents.path))
    server = Server(reply, listening=listening, life=Life(600))
    with agents.connect() as connection:
        _say(connection, client.VERSION, b"late")
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    # The server accepts connections in order: the one of the client that hung up comes before this one.
    assert [b"ok", b"x"] == agents.ask_to_the_end(client.VERSION, b"next", b"x")
    server.end()
    thread.join(30)

    assert ([b"next"], False) == (done, thread.is_alive())


def test_a_client_that_hangs_up_frees_its_connection(agents: Agents) -> None:
    """Unfinished requests of clients that hung up do not keep other clients from being served."""
    may_end = threading.Event()

    def reply(verb: bytes, parts: list[bytes], _waits: Waits, _peer: object) -> list[bytes]:
        if verb == b"slow":
            may_end.wait(60)
        return parts

    with agents.serving(reply):
        waiting = [agents.connect() for _ in range(MAX_CLIENTS)]
        for connection in waiting:
            _say(connection, client.VERSION, b"slow")
        for connection in waiting:
            connection.close()
        assert [b"x"] == agents.ask(b"fast", b"x")
        may_end.set()


class Board:
    """What an agent tells those who watch."""

    def __init__(self) -> None:
        self.news: list[bytes] = []
        self.looks = threading.Semaphore(0)

    def reply(self, _verb: bytes, _parts: list[bytes], _waits: Waits, _peer: object) -> list[bytes]:
        """Return the news."""
        self.looks.release()
        return list(self.news)


def test_who_watches_gets_the_news(agents: Agents) -> None:
    """A reply comes when there is any, at once if there was before, and no sign of life before that."""
    board = Board()
    with agents.serving(board.reply) as (server, _), agents.connect() as first, agents.connect() as second:
        _say(first, client.VERSION, client.WATCH)
        assert board.looks.acquire(timeout=30)
        server.tell()
        assert board.looks.acquire(timeout=30)
        board.news.append(b"x")
        server.tell()
        assert [b"ok", b"x"] == _hear(first)
        _say(second, client.VERSION, client.WATCH)
        assert [b"ok", b"x"] == _hear(second)


def test_who_watches_does_not_keep_the_agent_alive(agents: Agents) -> None:
    """It is idle meanwhile, and tells those who watch that it ends."""
    clock, board = Clock(), Board()
    with agents.serving(board.reply, Life(10_000, idle=600, boot=clock)) as (server, thread):
        with agents.connect() as watching:
            clock.now += 599
            _say(watching, client.VERSION, client.WATCH)
            assert board.looks.acquire(timeout=30)
            clock.now += 2
            with pytest.raises(client.NoAgent):
                agents.ask(b"ping")
            assert [b"ended"] == _hear(watching)
        thread.join(30)
        assert not thread.is_alive()
        server.tell()


def test_some_may_watch_and_all_others_are_served(agents: Agents, until: Until) -> None:
    """One that is too many is told so, and one that hangs up makes room."""
    board = Board()
    with agents.serving(board.reply):
        watching = [agents.connect() for _ in range(MAX_WATCHING)]
        for connection in watching:
            _say(connection, client.VERSION, client.WATCH)
            assert board.looks.acquire(timeout=30)
        with pytest.raises(client.Refused):
            agents.ask(client.WATCH)
        assert [] == agents.ask(b"verb")
        board.news.append(b"x")
        for connection in watching:
            connection.close()

        def has_room() -> bool:
            with suppress(client.Refused):
                return agents.ask(client.WATCH) == [b"x"]
            return False

        until(has_room)


@pytest.mark.parametrize("case", ["empty", "holds", "busy"])
def test_a_failed_login_does_not_end_a_used_agent(agents: Agents, case: str) -> None:
    """A request to end an unused agent ends it only if it holds nothing and serves no other client."""
    may_end = threading.Event()

    def reply(_verb: bytes, parts: list[bytes], _waits: Waits, _peer: object) -> list[bytes]:
        may_end.wait(60)
        return parts

    with agents.serving(reply, life=Life(1000, is_empty=lambda: case != "holds")) as (_, thread):
        with agents.connect() as other:
            if case == "busy":
                _say(other, client.VERSION, b"slow")
                assert [b"busy", b"the agent"] == _hear(other)
            assert [] == agents.ask(client.END_UNUSED)
            if case == "empty":
                # The agent waits for it.
                other.close()
                thread.join(30)
            else:
                assert [] == agents.ask(b"ping")
            may_end.set()
        assert (case == "empty") == (not thread.is_alive())


def test_sleep_counts_as_idle(agents: Agents) -> None:
    """An agent that was idle for too long, even during sleep, ends without a reply to the next request."""
    clock = Clock()
    with agents.serving(life=Life(10_000, idle=600, boot=clock)) as (_, thread):
        for _ in range(2):
            clock.now += 599
            assert [b"ok"] == agents.ask_to_the_end(*PING)
        clock.now += 601
        with pytest.raises(client.NoAgent):
            agents.ask(b"ping")
        thread.join(30)
        assert not thread.is_alive()
    assert not agents.path.exists()


def test_an_agent_in_use_does_not_end(agents: Agents) -> None:
    """An agent does not end, even after its lifetime and its idle time, while it serves a command."""
    clock = Clock()
    served = [True]
    with agents.serving(life=Life(1000, idle=600, in_use=lambda: served[0], boot=clock)) as (_, thread):
        clock.now += 5000
        assert [b"ok"] == agents.ask_to_the_end(*PING)
        served[0] = False
        with pytest.raises(client.NoAgent):
            agents.ask(b"ping")
        thread.join(30)
        assert not thread.is_alive()


def test_a_slow_request_is_not_idle(agents: Agents) -> None:
    """An agent whose request takes longer than the idle time still replies."""
    clock = Clock()
    working, ready = threading.Event(), threading.Event()

    def answer(_: bytes, parts: list[bytes], _waits: Waits, _peer: object) -> list[bytes]:
        working.set()
        ready.wait(30)
        return parts

    with agents.serving(answer, Life(10_000, idle=60, boot=clock)), agents.connect() as connection:
        _say(connection, client.VERSION, b"verb")
        assert working.wait(30)
        clock.now += 61
        assert [b"busy", b"the agent"] == _hear(connection)
        ready.set()
        assert [b"ok"] == _hear(connection)


def test_the_agent_lives_as_long_as_its_mfa_sessions(agents: Agents) -> None:
    """The agent lives beyond its lifetime until the end of its last MFA session, and no longer."""
    clock = Clock()
    ends = [0.0]
    with agents.serving(life=Life(100, until=lambda: ends[0], boot=clock)) as (_, thread):
        clock.now += 99
        assert [] == agents.ask(b"ping")
        ends[0] = clock.now + 1000
        clock.now += 999
        assert [] == agents.ask(b"ping")
        clock.now += 2
        with pytest.raises(client.NoAgent):
            agents.ask(b"ping")
        thread.join(30)
        assert not thread.is_alive()


def test_a_clock_that_goes_back_is_harmless(agents: Agents) -> None:
    """If the boot clock goes back, the agent goes on serving, and still ends in time."""
    clock = Clock()
    with agents.serving(life=Life(100, boot=clock)) as (_, thread):
        assert [] == agents.ask(b"ping")
        clock.now = 10.0
        assert [] == agents.ask(b"ping")
        clock.now = 1101.0
        with pytest.raises(client.NoAgent):
            agents.ask(b"ping")
        thread.join(30)
        assert not thread.is_alive()


def test_expired_credentials_are_dropped_first(agents: Agents) -> None:
    """The agent drops expired credentials before each request."""
    seen: list[str] = []

    def answer(_: bytes, parts: list[bytes], _waits: Waits, _peer: object) -> list[bytes]:
        seen.append("answer")
        return parts

    def tidy() -> float:
        seen.append("tidy")
        return math.inf

    with agents.serving(answer, Life(600, tidy=tidy)):
        agents.ask_to_the_end(client.VERSION, b"verb")
        agents.ask_to_the_end(client.VERSION, b"verb")
    assert ["tidy", "tidy"] == [seen[at - 1] for at, each in enumerate(seen) if each == "answer"]


def test_credentials_are_dropped_when_they_expire(agents: Agents) -> None:
    """The agent drops credentials when they expire, without a request."""
    dropped = threading.Event()
    expirations = [0.2, 0.1, 0.0]

    def tidy() -> float:
        if not expirations:
            dropped.set()
            return math.inf
        return expirations.pop()

    with agents.serving(life=Life(600, tidy=tidy)):
        assert dropped.wait(30)


def test_idle_time_begins_after_a_use(agents: Agents) -> None:
    """Idle time starts again after a use without a request, such as the end of a command."""
    clock = Clock()
    with agents.serving(life=Life(10_000, idle=600, boot=clock)) as (server, _):
        clock.now += 599
        server.note_use()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), server.loop).result(30)
        clock.now += 599
        assert [b"ok"] == agents.ask_to_the_end(*PING)


@pytest.mark.parametrize("life", [Life(0.3), Life(600, idle=0.3)], ids=["lifetime", "idle"])
def test_the_agent_ends_without_a_request(agents: Agents, life: Life) -> None:
    """The agent ends after its lifetime or its idle time, without a request, and removes its socket."""
    with agents.serving(life=life) as (_, thread):
        thread.join(30)
        assert not thread.is_alive()
    assert not agents.path.exists()


@pytest.mark.parametrize("other", ["nothing", "file", "socket"])
def test_the_agent_ends_if_its_socket_is_replaced(agents: Agents, other: str) -> None:
    """The agent ends if its socket is removed or replaced, and leaves the replacement alone."""
    with agents.serving() as (_, thread), agents.connect() as last, socket.socket(socket.AF_UNIX) as listening:
        agents.path.unlink()
        if other == "file":
            agents.path.write_text("mine")
        elif other == "socket":
            listening.bind(str(agents.path))
        # Where no event comes, it looks after a request.
        last.close()
        thread.join(30)
        assert not thread.is_alive()
        assert agents.path.exists() == (other != "nothing")


@pytest.mark.parametrize("case", ["removed", "moved", "replaced", "folder removed", "folder moved"])
def test_the_agent_ends_when_its_path_is_lost(agents: Agents, tmp_path: Path, case: str) -> None:
    """An agent that no client can reach any more ends at once."""
    if sys.platform != "linux":
        pytest.skip("only Linux has inotify")
    with agents.serving() as (_, thread):
        agents.ask(b"ping")
        if case == "removed":
            agents.path.unlink()
        elif case == "moved":
            agents.path.rename(agents.folder / "elsewhere")
        elif case == "replaced":
            (agents.folder / "other").touch()
            (agents.folder / "other").rename(agents.path)
        elif case == "folder removed":
            shutil.rmtree(agents.folder)
        else:
            agents.folder.rename(tmp_path / "elsewhere")
        thread.join(30)
        assert not thread.is_alive()
        if case.startswith("folder"):
            agents.folder.mkdir()  # the fixture removes it


def test_the_boot_clock_counts_sleep() -> None:
    """The boot clock is the system's clock that goes on while the machine sleeps."""
    if sys.platform != "linux":
        pytest.skip("only Linux has a clock of its own that counts sleep")
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= boot_time() <= time.clock_gettime(time.CLOCK_BOOTTIME)


# A private connection in place of a socket.


def test_a_private_connection_serves_many_requests() -> None:
    """A private connection serves one request after another; the agent outlives it until it is ended."""
    ours, theirs = socket.socketpair()
    server = Server(lambda verb, parts, _waits, _peer: [verb, *parts], connection=theirs, life=Life(600))
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    with ours:
        for number in range(3):
            assert [b"verb", b"%d" % number] == client.ask(ours, b"verb", [b"%d" % number])
    thread.join(0.2)
    assert thread.is_alive()
    server.end()
    thread.join(30)
    assert not thread.is_alive()


# In a separate process.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_agent(agents: Agents, number: signal.Signals) -> None:
    """SIGTERM or SIGINT ends the agent, even during a request, and the socket is removed."""
    agents.start()
    (pid,) = agents.started()
    with agents.connect() as connection:
        _say(connection, client.VERSION, b"hang")
        assert [b"busy", b"the agent"] == _hear(connection)
        os.kill(pid, number)
        assert agents.ends(pid)
    assert not agents.path.exists()
    with pytest.raises(client.NoAgent):
        agents.ask(b"echo")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_drops_the_secrets(agents: Agents, number: signal.Signals, until: Until) -> None:
    """On SIGHUP or SIGUSR1 the agent drops its secrets and goes on."""
    agents.start()
    first = agents.state()
    os.kill(first["pid"], number)

    assert first["dropped"] == 0
    until(lambda: agents.state()["dropped"] == 1)
    assert first["pid"] == agents.state()["pid"]


def test_a_thousand_requests_leave_nothing_behind(agents: Agents, until: Until) -> None:
    """After 2000 more requests the agent has the same descriptors, hardly more memory, and two threads."""
    agents.start()

    def after(requests: int) -> tuple[int, int]:
        for _ in range(requests):
            agents.ask(b"echo", b"x" * 50_000)
        # One thread for the loop, and one for this request. A client is faster than the threads of its last requests.
        until(lambda: agents.state()["threads"] == 2)
        state = agents.state()
        return state["descriptors"], state["memory"]

    descriptors, before = after(1000)
    _, memory = after(2000)
    # A client is faster than the end of its last connection, too.
    until(lambda: agents.state()["descriptors"] <= descriptors)
    # In KiB on Linux: a quarter of a KiB for each request of 50 KB.
    assert memory - before < 512


def test_an_idle_agent_does_not_wake(agents: Agents, until: Until) -> None:
    """An agent without requests does not use the processor."""
    if sys.platform != "linux":
        pytest.skip("only Linux counts wake-ups in /proc")
    agents.start()
    status = Path(f"/proc/{agents.state()['pid']}/status")
    # Nor does one that waits for news.
    watching = agents.connect()
    _say(watching, client.VERSION, client.WATCH)

    def switches() -> list[str]:
        return [line for line in status.read_text().splitlines() if "ctxt_switches" in line]

    def is_at_rest() -> bool:
        before = switches()
        time.sleep(1.5)
        return before == switches()

    # It wakes once more after the request that it has just answered.
    with watching:
        until(is_at_rest)


def test_nothing_wakes_an_idle_agent(agents: Agents, until: Until) -> None:
    """An idle agent waits without a time-out, and has one timer, which counts sleep, for the end of its life."""
    if sys.platform != "linux":
        pytest.skip("only Linux lists timers in /proc")
    before = _timers()
    with agents.serving(life=Life(7200, idle=3600)) as (_, thread):
        agents.ask(b"echo")
        # Of epoll_wait(2), the fourth argument is the limit.
        task = Path(f"/proc/self/task/{thread.native_id}/syscall")
        until(lambda: (task.read_text().split() + [""] * 5)[4] in {"0xffffffff", "0xffffffffffffffff"})
        ((clock, seconds),) = (_timers() - before).elements()
    assert time.CLOCK_BOOTTIME == clock
    assert 60 < seconds <= 3600


def _timers() -> Counter[tuple[int, int]]:
    """Return the clock and the remaining seconds of each timer of this process."""
    found: Counter[tuple[int, int]] = Counter()
    for each in Path("/proc/self/fdinfo").iterdir():
        with suppress(FileNotFoundError):
            lines = dict(line.split(":", 1) for line in each.read_text().splitlines() if ":" in line)
            if "clockid" in lines:
                found[int(lines["clockid"]), int(lines["it_value"].strip(" ()").split(",")[0])] += 1
    return found


# The end of a process.

WITHOUT_DESCRIPTORS = """
import asyncio, concurrent.futures.thread, os, resource, sys
sys.path.insert(0, sys.argv[1])
from awsenv.agent.events import end_of

async def main():
    ended = asyncio.ensure_future(end_of(int(sys.argv[2]), interval=0.02))
    await asyncio.wait([ended], timeout=0.1)
    print(ended.done(), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.wait_for(ended, 60)
    print(ended.done(), flush=True)

loop = asyncio.new_event_loop()
lowest = os.dup(0)
os.close(lowest)
resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, lowest))
loop.run_until_complete(main())
"""
"""Watches a process without a pidfd or a kqueue, because no descriptor is left for one."""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that ends when its input does."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process


def _wait_for_the_end_of(pid: int) -> None:
    asyncio.run(asyncio.wait_for(end_of(pid), 60))


def test_the_end_of_a_process_is_awaited(process: subprocess.Popen[bytes]) -> None:
    """Several watchers of a process all wait while it lives, and return before its parent collects its status."""

    async def watch() -> tuple[int, int]:
        ends = [asyncio.ensure_future(end_of(process.pid)) for _ in range(9)]
        before, _ = await asyncio.wait(ends, timeout=0.1)
        process.kill()
        after, _ = await asyncio.wait(ends, timeout=60)
        return len(before), len(after)

    assert ((0, 9), None) == (asyncio.run(watch()), process.returncode)


def test_a_process_that_has_ended_is_not_awaited(process: subprocess.Popen[bytes]) -> None:
    """The wait for a process that has already ended returns at once."""
    process.communicate()

    _wait_for_the_end_of(process.pid)


def test_any_process_can_be_awaited() -> None:
    """The process that is awaited need not be a child."""

    async def watch(shell: subprocess.Popen[bytes]) -> bool:
        assert shell.stdin is not None
        assert shell.stdout is not None
        end = asyncio.ensure_future(end_of(int(shell.stdout.readline())))
        before, _ = await asyncio.wait([end], timeout=0.1)
        shell.stdin.close()
        await asyncio.wait_for(end, 60)
        return bool(before)

    script = "exec 3<&0; cat <&3 >/dev/null & echo $!; wait"
    with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        assert not asyncio.run(watch(shell))


def test_an_exec_does_not_end_the_wait() -> None:
    """The wait goes on when the process executes another program, as `awsenv exec` does."""

    async def watch() -> tuple[bool, str]:
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", "read line; exec cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        end = asyncio.ensure_future(end_of(process.pid))
        process.stdin.write(b"\nI am cat\n")
        line = await process.stdout.readline()
        before = end.done()
        process.stdin.close()
        await asyncio.wait_for(end, 60)
        await process.wait()
        return before, line.decode()

    assert (False, "I am cat\n") == asyncio.run(watch())


def test_without_a_descriptor_the_process_is_polled(process: subprocess.Popen[bytes]) -> None:
    """If no descriptor is left for a notice of the system, the process is checked at intervals."""
    source = str(Path(awsenv.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-I", "-c", WITHOUT_DESCRIPTORS, source, str(process.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as watcher:
        assert watcher.stdin is not None
        assert watcher.stdout is not None
        assert "False\n" == watcher.stdout.readline()
        process.communicate()
        watcher.stdin.write("\n")
        watcher.stdin.flush()
        assert "True\n" == watcher.stdout.readline()


@pytest.mark.parametrize("pid", [0, -1])
def test_a_process_group_is_refused(pid: int) -> None:
    """A number that stands for several processes is refused."""
    with pytest.raises(ValueError, match=str(pid)):
        asyncio.run(end_of(pid))
