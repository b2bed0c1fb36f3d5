"""Whether it is noticed that a process has ended."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import awsenv
from awsenv.agent.process_end import when_gone

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 60
"""Seconds after which a test gives up: no test waits for it."""

# With no descriptor left there is neither a pidfd nor a kqueue.
WITHOUT_DESCRIPTORS = """
import os, resource, sys, threading
sys.path.insert(0, sys.argv[1])
from awsenv.agent.process_end import when_gone
gone = threading.Event()
lowest = os.dup(0)
os.close(lowest)
resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, lowest))
when_gone(int(sys.argv[2]), gone.set, interval=0.02)
print(gone.wait(0.1), flush=True)
sys.stdin.readline()
print(gone.wait(60), flush=True)
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that ends when its input does."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process


def test_is_called_with_the_end(process: subprocess.Popen[bytes]) -> None:
    """Nothing is called while the process lives; then it is, before anyone has waited for the process."""
    gone = threading.Event()
    when_gone(process.pid, gone.set)
    assert not gone.wait(0.1)
    process.kill()
    assert gone.wait(TIMEOUT)
    assert process.returncode is None, "nobody has asked for its status"


def test_all_who_watch_are_called(process: subprocess.Popen[bytes]) -> None:
    """One process may be watched for many reasons."""
    gone = [threading.Event() for _ in range(9)]
    for each in gone:
        when_gone(process.pid, each.set)
    process.kill()
    assert all(each.wait(TIMEOUT) for each in gone)


def test_one_that_has_ended_already(process: subprocess.Popen[bytes]) -> None:
    """Who comes too late is told so, in another thread: whoever asks may hold a lock."""
    process.communicate()
    told: list[threading.Thread] = []
    gone = threading.Event()

    def call() -> None:
        told.append(threading.current_thread())
        gone.set()

    when_gone(process.pid, call)
    assert gone.wait(TIMEOUT)
    assert threading.current_thread() not in told


def test_not_a_child() -> None:
    """Any process can be watched, and not only a child."""
    gone = threading.Event()
    with subprocess.Popen(
        ["sh", "-c", "cat <&3 >/dev/null & echo $!; wait"], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        shell.stdin.close()
        when_gone(int(shell.stdout.readline()), gone.set)
    assert gone.wait(TIMEOUT)


def test_one_that_becomes_another_program() -> None:
    """A process that execs has not ended: `exec` is how the command gets there."""
    gone = threading.Event()
    with subprocess.Popen(
        ["sh", "-c", "read line; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        when_gone(process.pid, gone.set)
        process.stdin.write("\nI am cat\n")
        process.stdin.flush()
        assert "I am cat\n" == process.stdout.readline()
        assert not gone.is_set()
        process.stdin.close()
        assert gone.wait(TIMEOUT)


def test_where_the_system_does_not_tell(process: subprocess.Popen[bytes]) -> None:
    """The process is looked at every now and then."""
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
def test_groups_of_processes(pid: int) -> None:
    """A number that stands for many is refused."""
    with pytest.raises(ValueError, match=str(pid)):
        when_gone(pid, os.abort)
