"""Where the output of this process goes, and how a signal ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from awsenv.cli.process import FAILURE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from conftest import World

BUSY = """
import os, select, sys
os.dup2(0, 9)
os.close(0)
poll = select.poll()
poll.register(9)
os.write(2, b"ready")
while not poll.poll(0):
    os.close(os.dup(1))
"""
"""Reads a pipe, and opens and closes another descriptor all the time."""

LOOK = """
import sys
from awsenv.cli import process
sys.stderr.write(" ".join(sorted({process.stdout_goes_astray() for _ in range(200)})))
"""


def test_a_busy_reader_of_stdout_is_found() -> None:
    """A descriptor that closes while its process is looked at does not hide the others."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as reader:
        assert reader.stdin is not None
        assert reader.stderr is not None
        assert reader.stderr.read(5) == b"ready"
        command = [sys.executable, "-c", LOOK]
        answer = subprocess.run(command, stdout=reader.stdin, stderr=subprocess.PIPE, text=True, check=True)

    assert answer.stderr == "pipe"


def test_a_second_signal_does_not_cut_the_first_one_short(
    world: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]]
) -> None:
    """After Ctrl-C nothing but the message is shown, and what evaluates the output fails, whatever signals follow."""
    (master, slave), (out, out_writes), (err, err_writes) = os.openpty(), os.pipe(), os.pipe()
    # The message waits for a reader.
    os.set_blocking(err_writes, False)
    with suppress(BlockingIOError):
        while True:
            os.write(err_writes, bytes(4096))
    os.set_blocking(err_writes, True)
    with agent_in(world.environ):
        words = [world.program, "power-user", "--shell", "sh", "--print"]
        job = world.preloaded.start(words, world.environ, world.environ["HOME"], [slave, out_writes, err_writes])
        for each in (slave, out_writes, err_writes):
            os.close(each)
        shown = os.read(master, 4096)
        while not shown.endswith(b": "):
            shown += os.read(master, 4096)
        for _ in range(20):
            for number in (signal.SIGINT, signal.SIGHUP):
                with suppress(ProcessLookupError):  # it should not have ended yet
                    job.send_signal(number)
            time.sleep(0.01)
        with os.fdopen(err, "rb") as errors, os.fdopen(out, "rb") as output:
            told, printed = errors.read().strip(b"\0"), output.read()
        status = job.wait()
    os.close(master)

    assert (130, FAILURE.encode(), b"awsenv: interrupted\n") == (status, printed, told)
