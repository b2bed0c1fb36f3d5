"""The memory, the wake-ups and the calls of an agent."""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from table import say
from world import EXTERNAL_ID, agent_pid, run

if TYPE_CHECKING:
    from world import World

ASK = """\
import os, sys, time
from awsenv.agent import client
from awsenv.cli import conversation
from awsenv.cli.action import Exec
environ = dict(os.environ)
words = sys.argv[2:]
start = time.perf_counter()
for number in range(int(sys.argv[1])):
    request = [b"", *conversation.request([word.format(number) for word in words], environ)]
    assert client.ask(environ, conversation.RUN, request)[0] == Exec.kind
print(time.perf_counter() - start)
"""

CALL = """\
import sys, time
import boto3
sts = boto3.client("sts")
names = ("RoleArn", "SerialNumber", "ExternalId", "TokenCode")
start = time.perf_counter()
sts.assume_role(RoleSessionName="call", **dict(zip(names, sys.argv[1:])))
print(time.perf_counter() - start)
"""
"""The call of STS alone, with what botocore needs loaded: the time that no program can save."""

PARALLEL = 50
CALLS = 9
SHARE, SHARES = 1000, 10
REST = 60
"""Seconds."""
HELD = ["exec", "power-user", "--", "true"]
NEW = ["exec", "read-only", "--session-name", "bench{}", "--", "true"]
"""A role that the agent does not hold, so that each request is a call of STS."""


def show_agent(world: World) -> None:
    """Print the measurements."""
    environ = world.with_agent("resident")
    run([world.awsenv, "login", world.new_code()], environ)
    say("\nThe agent")
    world.sandbox.clear_calls()
    started = [
        subprocess.Popen([world.awsenv, "exec", "read-only", "--", "true"], env=environ, stdin=subprocess.DEVNULL)
        for _ in range(PARALLEL)
    ]
    if any(process.wait() for process in started):
        raise SystemExit("awsenv exec failed")
    calls = [call.action for call in world.sandbox.calls]
    say(f"  {PARALLEL} awsenv exec at once, nothing in memory: {len(calls)} call of AWS ({', '.join(calls)})")
    call = [world.python, "-c", CALL, world.power_user, world.serial, EXTERNAL_ID]
    seconds = [float(run([*call, world.new_code()], environ)) for _ in range(CALLS)]
    say(f"  the call of STS alone: {statistics.median(seconds) * 1e3:.1f} ms")
    agent = agent_pid(environ)
    for what, words, expected in (("replies from memory", HELD, 0), ("calls of STS", NEW, SHARE)):
        taken, sizes = 0.0, []
        for _ in range(SHARES):
            world.sandbox.clear_calls()
            taken += float(run([world.python, "-c", ASK, str(SHARE), *words], environ))
            if expected > len(world.sandbox.calls):
                raise SystemExit("the agent did not call STS")
            if expected:
                run([world.awsenv, "lock"], environ)
            sizes.append(_resident(agent))
        say(f"  {SHARE * SHARES} {what}, {taken / SHARES / SHARE * 1e6:.0f} µs each; resident kB after each {SHARE}:")
        say(f"    {' '.join(map(str, sizes))}")
    before, busy = _wake_ups(agent), _cpu(agent)
    time.sleep(REST)
    wakes = _wake_ups(agent) - before
    say(f"  {REST} s at rest: {wakes} wake-ups, {_cpu(agent) - busy} ticks of CPU, {_sockets(agent)} sockets open")


def _resident(pid: int) -> int:
    """Return the resident kilobytes of a process."""
    return _status(Path(f"/proc/{pid}"), "VmRSS")


def _wake_ups(pid: int) -> int:
    """Return how often the threads of a process have waited for something, and gone on."""
    return sum(_status(task, "voluntary_ctxt_switches") for task in Path(f"/proc/{pid}/task").iterdir())


def _status(folder: Path, name: str) -> int:
    lines = (folder / "status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def _cpu(pid: int) -> int:
    """Return the hundredths of a second of CPU that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _sockets(pid: int) -> int:
    """Return how many sockets a process has open."""
    links = Path(f"/proc/{pid}/fd").iterdir()
    return sum(str(link.readlink()).startswith("socket:") for link in links)
