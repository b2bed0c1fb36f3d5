"""What a command loads: the user waits for each import, at every prompt or a hundred times a day."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import World


def _loaded(world: World, *words: str) -> set[str]:
    """Return the top-level packages that Python loads with *words*."""
    done = world.command([sys.executable, "-X", "importtime", *words])
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"^import time: .*\| +(\w+)", done.stderr, re.MULTILINE))


@pytest.mark.parametrize("words", ["off --shell sh", "status", "list", "use --help", "--help"])
def test_what_calls_no_aws_loads_no_sdk(world: World, words: str) -> None:
    """Leave botocore to who calls AWS; nor does any command need pydantic or rich, which Typer brings."""
    assert set() == _loaded(world, "-m", "awsenv", *words.split()) & {
        "boto3",
        "botocore",
        "urllib3",
        "pydantic",
        "rich",
    }


def test_a_role_costs_botocore_and_no_more(world: World) -> None:
    """Call AWS without boto3, which is slower to load, and without what Typer brings."""
    loaded = _loaded(world, "-m", "awsenv", "read-only", "--shell", "sh")

    assert {"botocore"} == loaded & {"boto3", "botocore", "pydantic", "rich"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_start_of_a_shell_loads_next_to_nothing(world: World, shell: str) -> None:
    """Print the hook with no more than Python's own start, and the files of awsenv that make it."""
    start = _loaded(world, "-m", "keyword")

    assert {"awsenv", "__future__", "resource"} == _loaded(world, "-m", "awsenv", "init", shell) - start


FAST_PATH = {
    "__future__",
    "_socket",
    "resource",
    "awsenv",
    "awsenv.agent",
    "awsenv.agent.harden",
    "awsenv.agent.client",
    "awsenv.agent.runtime_directory",
    "awsenv.cli",
    "awsenv.cli.commands",
    "awsenv.cli.action",
    "awsenv.cli.process",
    "awsenv.cli.conversation",
    "awsenv.variables",
}
"""What the fast path loads on top of Python's own start."""


def _modules(world: World, *words: str) -> set[str]:
    """Return the modules that Python loads with *words*, by their whole names."""
    done = world.command([sys.executable, "-X", "importtime", *words])
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"^import time: .*\| +([\w.]+)", done.stderr, re.MULTILINE))


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("read-only --shell sh", set()),
        ("power-user --shell sh", set()),
        ("credential-process read-only", set()),
        ("list", set()),
        # They have a note: no role is active.
        ("off --shell sh", {"awsenv.cli.report", "awsenv.wording"}),
        ("status", {"awsenv.cli.report", "awsenv.wording"}),
    ],
)
def test_what_an_agent_answers_loads_next_to_nothing(world: World, words: str, more: set[str]) -> None:
    """Load no more than Python's own start, and the few modules that ask the agent."""
    assert world.run("login", world.device.code()).returncode == 0
    start = _modules(world, "-m", "keyword")

    assert FAST_PATH | more == _modules(world, "-m", "awsenv", *words.split()) - start


@pytest.mark.parametrize("words", ["use --help", "--help"])
def test_a_help_page_loads_what_shows_it(world: World, words: str) -> None:
    """Load nothing that reads the configuration or assumes a role."""
    loaded = _modules(world, "-m", "awsenv", *words.split())

    assert set() == loaded & {"awsenv.config", "awsenv.provider", "awsenv.agent.memory"}


def test_a_command_out_of_memory_loads_what_becomes_it(world: World) -> None:
    """Load nothing for `exec` but what replaces the process."""
    assert world.run("login", world.device.code()).returncode == 0
    # `os.execvpe` loads `warnings` itself.
    start = _modules(world, "-m", "keyword") | _modules(world, "-c", "import warnings")

    loaded = _modules(world, "-m", "awsenv", "exec", "power-user", "--", "true")

    assert FAST_PATH | {"awsenv.launch", "errno"} == loaded - start


def test_a_lone_command_does_not_wait_for_the_fast_path(world: World) -> None:
    """Load nothing for a role, where no agent runs, that only an agent needs."""
    loaded = _modules(world, "-m", "awsenv", "read-only", "--shell", "sh")

    assert set() == loaded & {f"awsenv.agent.{name}" for name in ("server", "endpoint", "start")}
