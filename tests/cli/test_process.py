"""Where the output of this process goes."""

from __future__ import annotations

import subprocess
import sys

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
