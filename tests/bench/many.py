"""Many roles at once: the time and the memory of `each`, beside a loop over the AWS CLI and a script with threads."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from table import say
from world import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from world import Environ, World

THREADS = """\
import os, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
import boto3
sts = boto3.client("sts")
names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
def run(arn):
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="bare")["Credentials"]
    values = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    return subprocess.run(["true"], env={**os.environ, **dict(zip(names, values))}).returncode
with ThreadPoolExecutor(8) as pool:
    sys.exit(max(pool.map(run, sys.argv[1:])))
"""
"""What a user would write instead."""

CHILD = """\
import os, sys, time
began = time.perf_counter()
pid = os.fork()
if not pid:
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print("", time.perf_counter() - began, usage.ru_maxrss)
sys.exit(status != 0)
"""
"""Runs a program from a small process: the peak of one begins with that of its parent."""

ROLES, FEW, IN_LOOP, MOST = 200, 10, 10, 1000
ROUNDS = 5
RATE = 40
"""Calls in a second, with throttling."""
LEAST, LONGEST, LARGEST = 20, 1.5, 1024
"""The targets: times as fast as the loop, times as long as the script, KiB for ten roles."""


def show_many(world: World) -> None:
    """Print the measurements."""
    arns = [_role(world, number) for number in range(MOST)]
    each = [world.awsenv, "each"]
    aws = [world.programs.path("aws", "aws"), "sts", "assume-role", "--role-session-name", "loop", "--role-arn"]
    loop: list[float] = []
    script: list[float] = []
    times: dict[int, list[float]] = {FEW: [], ROLES: []}
    peaks: dict[int, list[int]] = {FEW: [], ROLES: []}
    for _ in range(ROUNDS):
        loop.append(sum(_measured([*aws, arn], world.environ)[0] for arn in arns[:IN_LOOP]) / IN_LOOP * ROLES)
        script.append(_measured([world.python, "-c", THREADS, *arns[:ROLES]], world.environ)[0])
        for number, taken in times.items():
            seconds, peak = _measured([*each, *map("many-{}".format, range(number)), "--", "true"], world.environ)
            taken.append(seconds)
            peaks[number].append(peak)
    ours, few = times[ROLES], times[FEW]
    say(f"\n{ROLES} roles, each with `true`, medians of {ROUNDS} rounds")
    as_fast = statistics.median(map(_ratio, loop, ours))
    as_long = statistics.median(map(_ratio, ours, script))
    growth = (statistics.median(peaks[ROLES]) - statistics.median(peaks[FEW])) / (ROLES - FEW) * 10
    say(f"  a loop over aws sts assume-role, from {IN_LOOP} roles: {statistics.median(loop):.1f} s")
    say(f"  a script of boto3 with 8 threads: {statistics.median(script):.2f} s")
    say(f"  awsenv each: {statistics.median(ours):.2f} s, {FEW} roles {statistics.median(few):.2f} s")
    say(f"  {as_fast:.0f} x as fast as the loop: target {LEAST}, {_met(as_fast >= LEAST)}")
    say(f"  {as_long:.2f} x as long as the script: target {LONGEST}, {_met(as_long <= LONGEST)}")
    say(f"  {growth:.0f} KiB for ten roles: target {LARGEST}, {_met(growth <= LARGEST)}")
    world.sandbox.throttle("AssumeRole", RATE)
    world.sandbox.clear_calls()
    seconds, _ = _measured([*each, "many-*", "--", "true"], world.environ)
    world.sandbox.throttle("AssumeRole", None)
    calls = [call.status for call in world.sandbox.calls]
    granted = calls.count(200)
    say(f"  {MOST} roles, {RATE} calls a second: {seconds:.1f} s, {granted} granted, {len(calls) - granted} throttled")


def _role(world: World, number: int) -> str:
    """Create a role and its profile, and return its ARN."""
    sandbox = world.sandbox
    arn = sandbox.create_role(f"many-{number}", sandbox.trust(f"arn:aws:iam::{sandbox.account}:user/alice"))
    with Path(world.environ["HOME"], ".aws", "config").open("a") as file:
        file.write(f"\n[profile many-{number}]\nrole_arn = {arn}\nsource_profile = default\n")
    return arn


def _measured(argv: Sequence[str], environ: Environ) -> tuple[float, int]:
    """Run a program, and return the seconds and the KiB that it has taken at its peak."""
    seconds, peak = run([sys.executable, "-I", "-S", "-c", CHILD, *argv], environ).split()[-2:]
    return float(seconds), int(peak) // (1024 if sys.platform == "darwin" else 1)


def _ratio(one: float, other: float) -> float:
    return one / other


def _met(is_met: bool) -> str:  # noqa: FBT001 - the one thing that it turns into words
    return "met" if is_met else "MISSED"
