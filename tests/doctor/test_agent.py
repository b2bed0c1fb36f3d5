"""What the doctor says of the agent."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv.agent import place
from awsenv.doctor.agent import agent
from awsenv.doctor.finding import Verdict

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
    assert (Verdict.FINE, f"one runs, in {world.environ[place.VARIABLE]}") == (finding.verdict, finding.fact)


def test_one_that_has_died_is_a_warning(
    world: World, until: Callable[[Callable[[], object]], None], has_ended: Callable[[int], bool]
) -> None:
    """Say how another is started."""
    assert world.run("login", world.device.code()).returncode == 0
    pid = world.agent()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: has_ended(pid))
    (finding,) = agent(world.environ)
    assert (Verdict.WARNING, "awsenv login") == (finding.verdict, finding.hint)
    assert "has died" in finding.fact


def test_a_folder_that_is_open_to_others_is_a_warning(world: World) -> None:
    """Name it: no agent is looked for in it."""
    folder = Path(world.environ[place.VARIABLE])
    folder.mkdir(mode=0o700)
    folder.chmod(0o755)
    (finding,) = agent(world.environ)
    assert Verdict.WARNING is finding.verdict
    assert str(folder) in f"{finding.fact} {finding.place}"
