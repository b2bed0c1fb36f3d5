"""Real agents: of this program, with answers of the tests' own; in processes of their own, and of another user."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import awsenv
from awsenv.agent import client, runtime_directory
from awsenv.agent.server import Life, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIMEOUT = 60
"""Seconds after which something is taken for stuck."""

START = """\
import os, sys
from awsenv.agent import start
from awsenv.errors import AgentError
try:
    start.start(os.environ, sys.argv[1], idle=60, lifetime=60)
except AgentError as error:
    print(error, error.where, sep="\\n")
    sys.exit(error.exit_code)
"""


def is_running(pid: int) -> bool:
    """Return whether there is a process *pid* that has not ended."""
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return status.stdout.strip()[:1] not in {"", "Z"}


@dataclass(frozen=True)
class User:
    """A user who runs a Python."""

    python: str = sys.executable
    name: str | None = None
    """None for the user of the tests."""

    def popen(self, site: Path, code: str, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start *code*, with what is installed in *site*, in an environment of nothing but *environ*."""
        return subprocess.Popen(
            [self.python, "-c", code, *words],
            env={"PYTHONPATH": str(site), "PATH": os.environ["PATH"]} | environ,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=self.name,
            group=None if self.name is None else "nogroup",
            extra_groups=None if self.name is None else [],
        )

    def starting(self, site: Path, entry: str = "answering", before: str = "", **environ: str) -> subprocess.Popen[str]:
        """Start an agent, as `login` does, in a process that prints what went wrong: a fact, a place."""
        return self.popen(site, before + START, entry, **environ)

    def run(self, site: Path, code: str, *words: str, **environ: str) -> tuple[int, str]:
        """Run it and return its status and its output; nothing may come on stderr."""
        return self.done(self.popen(site, code, *words, **environ))

    def done(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Wait for *process* likewise."""
        with process:
            output, errors = process.communicate(timeout=2 * TIMEOUT)
        assert errors == ""
        return process.returncode, output


@dataclass
class Agents:
    """A folder for one agent, and those that were started in it."""

    site: Path
    """What is installed: awsenv, and `answering`."""
    folder: Path
    pids: set[int] = field(default_factory=set)

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment that leads to the agent."""
        return {runtime_directory.VARIABLE: str(self.folder)}

    @property
    def path(self) -> Path:
        """Return the path of its socket."""
        return self.folder / runtime_directory.SOCKET

    def start(self, *, entry: str = "answering", site: Path | None = None, user: User | None = None) -> str:
        """Start it, in a process of its own, as `login` does; return what went wrong: a fact, a place."""
        user = user or User()
        status, output = user.done(user.starting(site or self.site, entry, **self.environ))
        assert status == (8 if output else 0)
        self.pids.update(self.started())
        return output

    def started(self) -> list[int]:
        """Return the agents that were started here, by process."""
        with suppress(FileNotFoundError):
            return [int(line) for line in (self.folder / "started").read_text().splitlines()]
        return []

    def is_running(self, pid: int) -> bool:
        """Return whether the process *pid* runs; it is ended with the test."""
        self.pids.add(pid)
        return is_running(pid)

    def ends(self, pid: int) -> bool:
        """Return whether the process *pid* ends."""
        end = time.monotonic() + TIMEOUT
        while is_running(pid) and time.monotonic() < end:
            time.sleep(0.01)
        return not is_running(pid)

    def ask_to_the_end(self, *request: bytes) -> list[bytes]:
        """Send *request*, and return the reply when the server has closed the connection: it counts it no more."""
        with self.connect() as connection:
            client.send(connection, request, time.monotonic() + TIMEOUT)
            reply = client.receive(connection, time.monotonic() + TIMEOUT)
            assert b"" == connection.recv(1)
        return reply

    def ask(self, verb: bytes, *parts: bytes) -> list[bytes]:
        """Ask it, in this process."""
        return client.ask(self.environ, verb, parts)

    def state(self) -> dict[str, Any]:
        """Return what its process is like."""
        (answer,) = self.ask(b"state")
        state: dict[str, Any] = json.loads(answer)
        return state

    def connect(self) -> socket.socket:
        """Return a bare connection to it."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT)
        connection.connect(str(self.path))
        return connection

    @contextmanager
    def serving(
        self, answer: Callable[[bytes, list[bytes]], list[bytes]] = lambda _, parts: parts, life: Life | None = None
    ) -> Iterator[tuple[Server, threading.Thread]]:
        """Have a server in this process, in a thread."""
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self.path))
        server = Server(answer, listening=listening, life=life or Life(600))
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield server, thread
        finally:
            server.end()
            thread.join(TIMEOUT)
            assert not thread.is_alive()


@pytest.fixture(scope="session")
def site() -> Iterator[Path]:
    """Return a folder that awsenv is installed in, which every user may read."""
    with tempfile.TemporaryDirectory(prefix="awsenv-") as name:
        folder = Path(name)
        shutil.copytree(Path(awsenv.__file__).parent, folder / "awsenv", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(Path(__file__).with_name("answering.py"), folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        yield folder


@pytest.fixture
def agents(site: Path) -> Iterator[Agents]:
    """Return a folder for an agent; its path is short enough for a socket, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="awsenv-") as name:
        made = Agents(site, Path(name))
        yield made
        for pid in made.pids | set(made.started()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def me() -> User:
    """Return the user of the tests."""
    return User()


@pytest.fixture(scope="session")
def nobody() -> User:
    """Return another user. Only root can act as one: for everybody else what needs two users is skipped."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    # That of the tests may be in a folder of root's.
    for python in (sys.executable, shutil.which("python3", path=os.defpath)):
        with suppress(OSError, TypeError, subprocess.CalledProcessError):
            check = [str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 10))"]
            subprocess.run(check, user="nobody", check=True, cwd="/")
            return User(str(python), "nobody")
    if os.environ.get("CI"):
        pytest.fail("there is no Python that nobody may run")
    pytest.skip("there is no Python that nobody may run")
