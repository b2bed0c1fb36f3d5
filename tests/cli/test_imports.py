"""What a command loads: a person waits for each import, at every prompt or a hundred times a day."""

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

    assert {"awsenv", "__future__"} == _loaded(world, "-m", "awsenv", "init", shell) - start
