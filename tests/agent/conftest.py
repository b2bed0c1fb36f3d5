"""Real agents that give the tests' own replies: in a thread, in a separate process, or as another user."""

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
    from collections.abc import Iterator

    from awsenv.agent.server import Reply

TIMEOUT = 60
"""Seconds after which a test gives up."""

START = """\
import os, sys
from awsenv.agent import start
from awsenv.errors import AgentError
try:
    start.start(os.environ, sys.argv[1], idle=600, lifetime=600)
except AgentError as error:
    print(error, error.where, sep="\\n")
    sys.exit(error.exit_code)
"""


def is_running(pid: int) -> bool:
    """Return whether the process *pid* exists and is not a zombie."""
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return status.stdout.strip()[:1] not in {"", "Z"}


@dataclass(frozen=True)
class User:
    """A user, and the Python interpreter of that user."""

    python: str = sys.executable
    name: str | None = None
    """None for the user who runs the tests."""

    def popen(self, site: Path, code: str, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start *code* with the modules of *site*, in an environment of only PYTHONPATH, PATH and *environ*."""
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
        """Start an agent as `login` does, in a process that prints the error, if any, and its origin."""
        return self.popen(site, before + START, entry, **environ)

    def run(self, site: Path, code: str, *words: str, **environ: str) -> tuple[int, str]:
        """Run *code* and return its status and output; it must not write to stderr."""
        return self.done(self.popen(site, code, *words, **environ))

    def done(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Wait for *process* and return its status and output; it must not write to stderr."""
        with process:
            output, errors = process.communicate(timeout=2 * TIMEOUT)
        assert errors == ""
        return process.returncode, output


@dataclass
class Agents:
    """A folder for one agent, and the agents that were started in it."""

    site: Path
    """The folder of the installed modules: awsenv and `answering`."""
    folder: Path
    pids: set[int] = field(default_factory=set)

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment in which a client finds the agent."""
        return {runtime_directory.VARIABLE: str(self.folder)}

    @property
    def path(self) -> Path:
        """Return the path of the agent's socket."""
        return self.folder / runtime_directory.SOCKET

    def start(self, *, entry: str = "answering", site: Path | None = None, user: User | None = None) -> str:
        """Start the agent as `login` does, in a separate process; return the error, if any, and its origin."""
        user = user or User()
        status, output = user.done(user.starting(site or self.site, entry, **self.environ))
        assert status == (8 if output else 0)
        self.pids.update(self.started())
        return output

    def started(self) -> list[int]:
        """Return the process ids of the agents that were started in this folder."""
        with suppress(FileNotFoundError):
            return [int(line) for line in (self.folder / "started").read_text().splitlines()]
        return []

    def is_running(self, pid: int) -> bool:
        """Return whether the process *pid* runs; the fixture kills it after the test."""
        self.pids.add(pid)
        return is_running(pid)

    def ends(self, pid: int) -> bool:
        """Wait for the process *pid* to end, and return whether it has ended."""
        end = time.monotonic() + TIMEOUT
        while is_running(pid) and time.monotonic() < end:
            time.sleep(0.01)
        return not is_running(pid)

    def ask_to_the_end(self, *request: bytes) -> list[bytes]:
        """Send *request*, and return the reply after the server has closed the connection and no longer counts it."""
        with self.connect() as connection:
            client.send(connection, request, time.monotonic() + TIMEOUT)
            reply = client.receive(connection, time.monotonic() + TIMEOUT)
            assert b"" == connection.recv(1)
        return reply

    def ask(self, verb: bytes, *parts: bytes) -> list[bytes]:
        """Send a request to the agent from this process, and return the reply."""
        return client.ask(self.environ, verb, parts, timeout=TIMEOUT)

    def state(self) -> dict[str, Any]:
        """Return the agent's description of its process."""
        (answer,) = self.ask(b"state")
        state: dict[str, Any] = json.loads(answer)
        return state

    def connect(self) -> socket.socket:
        """Return a plain connection to the agent's socket."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT)
        connection.connect(str(self.path))
        return connection

    @contextmanager
    def serving(
        self, answer: Reply = lambda _verb, parts, _waits, _peer: parts, life: Life | None = None
    ) -> Iterator[tuple[Server, threading.Thread]]:
        """Run a server in a thread of this process."""
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self.path))
        server = Server(answer, listening=listening, life=life or Life(600))
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        try:
            yield server, thread
        finally:
            server.end()
            thread.join(TIMEOUT)
            assert not thread.is_alive()


@pytest.fixture(scope="session")
def site() -> Iterator[Path]:
    """Return a folder in which awsenv is installed, and which every user can read."""
    with tempfile.TemporaryDirectory(prefix="awsenv-") as name:
        folder = Path(name)
        shutil.copytree(Path(awsenv.__file__).parent, folder / "awsenv", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(Path(__file__).with_name("answering.py"), folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        yield folder


@pytest.fixture
def agents(site: Path) -> Iterator[Agents]:
    """Return a folder for an agent; unlike pytest's own, its path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as name:
        made = Agents(site, Path(name))
        yield made
        for pid in made.pids | set(made.started()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def me() -> User:
    """Return the user who runs the tests."""
    return User()


@pytest.fixture(scope="session")
def nobody() -> User:
    """Return another user. Only root can act as one; without root, tests that need two users are skipped."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    # The interpreter of the tests may be in a folder that only root can read.
    for python in (sys.executable, shutil.which("python3", path=os.defpath)):
        with suppress(OSError, TypeError, subprocess.CalledProcessError):
            check = [str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 10))"]
            subprocess.run(check, user="nobody", check=True, cwd="/")
            return User(str(python), "nobody")
    if os.environ.get("CI"):
        pytest.fail("the user nobody can run no Python here")
    pytest.skip("the user nobody can run no Python here")
