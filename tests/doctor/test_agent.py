"""What the doctor says of the agent."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv import __version__
from awsenv.agent import client, protocol, runtime_directory
from awsenv.agent.start import ELSEWHERE
from awsenv.doctor.agent import CHECK, agent
from awsenv.doctor.model import Finding, Verdict
from awsenv.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World


def test_none_runs(world: World) -> None:
    """That is fine: awsenv works without one."""
    (finding,) = agent(world.environ)
    assert (Verdict.FINE, True) == (finding.verdict, finding.fact.startswith("none runs"))


def test_one_runs(world: World) -> None:
    """Say where."""
    assert world.run("login", world.device.code()).returncode == 0
    (finding,) = agent(world.environ)
    assert (Verdict.FINE, f"one runs, in {world.environ[runtime_directory.VARIABLE]}") == (
        finding.verdict,
        finding.fact,
    )


def test_one_that_has_died_is_a_warning(world: World, until: Callable[[Callable[[], object]], None]) -> None:
    """Say how another is started."""
    assert world.run("login", world.device.code()).returncode == 0
    pid = world.agent()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    # Its first thread may have ended while another still holds the socket.
    until(lambda: world.agent() is None)
    (finding,) = agent(world.environ)
    assert (Verdict.WARNING, ("awsenv login starts it again",)) == (finding.verdict, finding.hints)
    assert "the agent has died, and with it what it held" == finding.fact


def test_a_folder_that_is_open_to_others_is_a_warning(world: World) -> None:
    """Name it: no agent is looked for in it."""
    folder = Path(world.environ[runtime_directory.VARIABLE])
    folder.mkdir(mode=0o700)
    folder.chmod(0o755)
    (finding,) = agent(world.environ)
    assert Finding(CHECK, Verdict.WARNING, finding.fact, (Origin(str(folder)),), (ELSEWHERE,)) == finding


def test_what_is_not_a_socket_is_a_warning(world: World) -> None:
    """Name it: an agent can neither be reached nor started there."""
    path = Path(world.environ[runtime_directory.VARIABLE], runtime_directory.SOCKET)
    path.parent.mkdir(mode=0o700)
    path.touch()
    (finding,) = agent(world.environ)
    assert Finding(CHECK, Verdict.WARNING, finding.fact, (Origin(str(path)),), (ELSEWHERE,)) == finding


@pytest.mark.parametrize(
    "environ", [{}, {runtime_directory.VARIABLE: "relative"}, {runtime_directory.VARIABLE: f"/{'x' * 120}"}]
)
def test_no_place_for_one_is_a_warning(environ: dict[str, str]) -> None:
    """That none runs is not fine where none could."""
    (finding,) = agent(environ)
    assert (Verdict.WARNING, (ELSEWHERE,)) == (finding.verdict, finding.hints)


def test_one_that_is_stuck_is_a_warning(world: World) -> None:
    """Say how it is ended: a login would wait for it, too."""
    assert world.run("login", world.device.code()).returncode == 0
    pid = world.agent()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    (finding,) = agent(world.environ)
    origins = (Origin(world.environ[runtime_directory.VARIABLE]),)
    hints = ("awsenv logout, then awsenv login", "if that fails, end its process: kill")
    assert Finding(CHECK, Verdict.WARNING, f"the agent (process {pid}) is stuck", origins, hints) == finding


def test_one_of_another_version_is_a_warning(world: World) -> None:
    """Name both versions, and what replaces it."""

    def run() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(len(ping), socket.MSG_WAITALL)
            connection.sendall(protocol.pack([b"version", b"0.0.9"]))

    ping = protocol.pack([client.VERSION, b"ping"])
    folder = Path(world.environ[runtime_directory.VARIABLE])
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / runtime_directory.SOCKET))
        listening.listen()
        thread = threading.Thread(target=run)
        thread.start()
        (finding,) = agent(world.environ)
        thread.join()
    assert Verdict.WARNING is finding.verdict
    assert f"the agent is of awsenv 0.0.9, this is {__version__}" == finding.fact
    assert ("awsenv login replaces it",) == finding.hints
