"""What awsenv costs beside what one would use in its place: run it by hand, `python tests/bench/run.py`.

It prints tables and is no test. Each program is installed cleanly, with bytecode, into a venv of its own on the same
Python; each call is a process of its own against one local AWS. The calls take turns, so that a busy machine is busy
for all of them, and a ratio is that of two calls of the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv import shells
from awsenv.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
WARM_UP = 2
EXTERNAL_ID = "bench-external-id"
STEP = 60
"""Seconds that pass at the local AWS before a code is asked for: a code is taken once."""

BARE = """\
import sys
import boto3
arguments = dict(zip(("RoleArn", "SerialNumber", "TokenCode", "ExternalId"), sys.argv[1:]))
keys = boto3.client("sts").assume_role(RoleSessionName="bare", **arguments)["Credentials"]
print("export AWS_ACCESS_KEY_ID=" + keys["AccessKeyId"])
print("export AWS_SECRET_ACCESS_KEY=" + keys["SecretAccessKey"])
print("export AWS_SESSION_TOKEN=" + keys["SessionToken"])
"""

ASK = """\
import os, sys, time
from awsenv.agent import client
from awsenv.cli import conversation
from awsenv.cli.action import Exec
environ = dict(os.environ)
words = ["exec", "power-user", "--", "true"]
request = [b"", *conversation.request(words, environ)]
start = time.perf_counter()
for _ in range(int(sys.argv[1])):
    assert client.ask(environ, conversation.RUN, request)[0] == Exec.kind
print(time.perf_counter() - start)
"""

CALL = """\
import sys, time
import boto3
sts = boto3.client("sts")
names = ("RoleArn", "SerialNumber", "TokenCode", "ExternalId")
start = time.perf_counter()
sts.assume_role(RoleSessionName="call", **dict(zip(names, sys.argv[1:])))
print(time.perf_counter() - start)
"""
"""The call of STS alone, with what botocore needs loaded: the time that no program can save."""

PARALLEL = 50
CALLS = 9
REQUESTS = 1000
REST = 5

Environ = dict[str, str]


@dataclass(frozen=True)
class Row:
    """A line of a table: a command, what it is measured against, and how far it may be from that."""

    name: str
    argv: Sequence[str] | Callable[[], Sequence[str]]
    """The words; what makes them where each run has its own."""
    environ: Environ
    proof: str = ""
    """What is in the output of a run that did what it was to do."""
    base: str | None = None
    """The row that the ratio is to."""
    target: float | None = None


@dataclass(frozen=True)
class Installed:
    """The programs, each in a venv of its own."""

    folder: Path

    def path(self, name: str, program: str) -> str:
        """Return the path of *program* in the venv *name*."""
        return str(self.folder / name / "bin" / program)

    def make(self, name: str, *requirements: str) -> None:
        """Make the venv *name* with *requirements* in it."""
        _quietly(sys.executable, "-m", "venv", str(self.folder / name))
        # No sdist: its setup.py may write to the home folder.
        _quietly(self.path(name, "python"), *_PIP, "install", "--only-binary=:all:", *requirements)

    def wheel(self) -> str:
        """Build the wheel of the checkout and return its path."""
        _quietly(self.path("awsume", "python"), *_PIP, "wheel", "--no-deps", "-w", str(self.folder), str(CHECKOUT))
        return str(next(self.folder.glob("awsenv_shell-*.whl")))


_PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


def install(folder: Path) -> Installed:
    """Install the programs below *folder*."""
    installed = Installed(folder)
    installed.make("aws", "awscli")
    installed.make("awsume", "awsume")
    installed.make("awsenv", installed.wheel())
    return installed


@dataclass(frozen=True)
class World:
    """A user with a key, an MFA device and two roles at the local AWS."""

    environ: Environ
    read_only: str
    power_user: str
    serial: str
    new_code: Callable[[], str]


def furnish(sandbox: Sandbox, home: Path) -> World:
    """Make the user's files below *home*, and what they name in the local AWS."""
    user, device = sandbox.create_user("alice"), sandbox.create_mfa_device("alice")
    arn = f"arn:aws:iam::{sandbox.account}:user/alice"
    read_only = sandbox.create_role("read-only", sandbox.trust(arn), policies=["ReadOnlyAccess"])
    power_user = sandbox.create_role("power-user", sandbox.trust(arn, external_id=EXTERNAL_ID, mfa=True))
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text(
        f"[default]\naws_access_key_id = {user.access_key_id}\naws_secret_access_key = {user.secret_access_key}\n"
    )
    (home / ".aws" / "config").write_text(
        f"[profile read-only]\nrole_arn = {read_only}\nsource_profile = default\n\n"
        f"[profile power-user]\nrole_arn = {power_user}\nsource_profile = default\n"
        f"mfa_serial = {device.serial}\nexternal_id = {EXTERNAL_ID}\n"
    )

    def new_code() -> str:
        sandbox.clock.elapse(STEP)
        return device.code()

    environ = {"HOME": str(home), "PATH": os.defpath, "LANG": "C.UTF-8", "TERM": "xterm-256color"}
    # The bare script and the AWS CLI ask for one.
    region = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    return World(environ | region | sandbox.environ(), read_only, power_user, device.serial, new_code)


def tables(installed: Installed, world: World) -> list[tuple[str, list[Row]]]:
    """Return what is measured, table by table."""
    return [
        ("A role without MFA", _role_rows(installed, world)),
        ("A role with an MFA code and an external id", _mfa_rows(installed, world)),
        ("No call of AWS", _local_rows(installed, world)),
        ("The start of a shell", _start_rows(installed, world)),
        ("Answered by the agent", _warm_rows(installed, world)),
    ]


def _role_rows(installed: Installed, world: World) -> list[Row]:
    environ, awsenv = world.environ, installed.path("awsenv", "awsenv")
    bare = [installed.path("awsenv", "python"), "-c", BARE, world.read_only]
    aws = [installed.path("aws", "aws"), "sts", "assume-role", "--role-session-name", "aws", "--role-arn"]
    return [
        _pass(installed, world),
        Row("bare boto3", bare, environ, "ASIA"),
        Row("awsenv read-only", [awsenv, "read-only", "--shell", "sh"], environ, "ASIA", "bare boto3", 1.25),
        Row("awsenv exec read-only -- env", [awsenv, "exec", "read-only", "--", "env"], environ, "ASIA", "bare boto3"),
        Row("aws sts assume-role", [*aws, world.read_only], environ, "ASIA", "awsenv read-only"),
        Row("awsume", [installed.path("awsume", "awsumepy"), "read-only"], environ, "ASIA", "awsenv read-only"),
    ]


def _mfa_rows(installed: Installed, world: World) -> list[Row]:
    environ, awsenv, code = world.environ, installed.path("awsenv", "awsenv"), world.new_code
    bare = [installed.path("awsenv", "python"), "-c", BARE, world.power_user, world.serial]
    aws = [installed.path("aws", "aws"), "sts", "assume-role", "--role-session-name", "aws", "--role-arn"]
    aws += [world.power_user, "--serial-number", world.serial, "--external-id", EXTERNAL_ID, "--token-code"]
    # Its cache of sessions would be measured otherwise.
    awsume = [installed.path("awsume", "awsumepy"), "power-user", "--refresh", "--mfa-token"]
    return [
        Row("bare boto3", lambda: [*bare, code(), EXTERNAL_ID], environ, "ASIA"),
        Row(
            "awsenv power-user CODE",
            lambda: [awsenv, "power-user", code(), "--shell", "sh"],
            environ,
            "ASIA",
            "bare boto3",
            1.25,
        ),
        Row("aws sts assume-role", lambda: [*aws, code()], environ, "ASIA", "awsenv power-user CODE"),
        Row("awsume", lambda: [*awsume, code()], environ, "ASIA", "awsenv power-user CODE"),
    ]


def _local_rows(installed: Installed, world: World) -> list[Row]:
    awsenv, python = installed.path("awsenv", "awsenv"), _pass(installed, world)
    printed = _run([awsenv, "read-only", "--shell", "json"], world.environ)
    active = world.environ | {name: value for name, value in json.loads(printed).items() if value is not None}
    return [
        python,
        *(
            Row(f"awsenv init {shell}", [awsenv, "init", shell], world.environ, awsenv, python.name, 2)
            for shell in (each.name for each in shells.hooked())
        ),
        Row("awsenv off", [awsenv, "off", "--shell", "sh"], active, "unset", python.name),
        Row("awsenv status", [awsenv, "status"], active, "read-only", python.name),
        Row("awsenv list", [awsenv, "list"], world.environ, "power-user", python.name),
        Row("awsenv --help", [awsenv, "--help"], world.environ, "ROLE", python.name),
    ]


BARE_SHELLS = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}
"""The options that keep a shell from reading files: the bench measures these shells."""


def _start_rows(installed: Installed, world: World) -> list[Row]:
    program = installed.path("awsenv", "awsenv")
    environ = world.environ | {"PATH": f"{Path(program).parent}:{os.defpath}"}
    rows = [_pass(installed, world)]
    for name, options in BARE_SHELLS.items():
        start = [name, *options, "-i", "-c"]
        shell = shells.find(name)
        rows.append(Row(name, [*start, "echo"], environ))
        for what, line in (("file", shell.load_from(program, environ)), ("evaluated", shell.load)):
            script = f"{line}\necho $_AWSENV_BIN"
            rows.append(Row(f"{name}, hook {what}", [*start, script], environ, program, name))
    return rows


def _warm_rows(installed: Installed, world: World) -> list[Row]:
    environ, awsenv, python = with_agent(world), installed.path("awsenv", "awsenv"), _pass(installed, world)
    _run([awsenv, "login", world.new_code()], environ)
    _run([awsenv, "exec", "power-user", "--", "true"], environ)

    def with_code() -> list[str]:
        return [awsenv, "power-user", world.new_code(), "--shell", "sh"]

    return [
        python,
        Row(
            "awsenv exec power-user -- true", [awsenv, "exec", "power-user", "--", "true"], environ, "", python.name, 2
        ),
        Row("awsenv power-user", [awsenv, "power-user", "--shell", "sh"], environ, "ASIA", python.name, 2),
        Row("awsenv credential-process", [awsenv, "credential-process", "power-user"], environ, "ASIA", python.name),
        Row("awsenv power-user CODE", with_code, environ, "ASIA", python.name),
        Row("the same without an agent", with_code, world.environ, "ASIA", python.name),
        Row("awsenv status", [awsenv, "status"], environ, "power-user", python.name),
    ]


def with_agent(world: World) -> Environ:
    """Return the environment in which an agent runs; in the world's own there is none."""
    return world.environ | {"AWSENV_RUNTIME_DIR": f"{world.environ['HOME']}/run"}


def show_agent(installed: Installed, world: World, sandbox: Sandbox) -> None:
    """Print what the agent takes of the machine, and what it saves AWS."""
    environ, awsenv = with_agent(world), installed.path("awsenv", "awsenv")
    _say("\nThe agent")
    sandbox.clear_calls()
    started = [
        subprocess.Popen([awsenv, "exec", "read-only", "--", "true"], env=environ, stdin=subprocess.DEVNULL)
        for _ in range(PARALLEL)
    ]
    if any(process.wait() for process in started):
        raise SystemExit("awsenv exec failed")
    calls = [call.action for call in sandbox.calls]
    _say(f"  {PARALLEL} awsenv exec at once, nothing in memory: {len(calls)} call of AWS ({', '.join(calls)})")
    call = ["-c", CALL, world.power_user, world.serial]
    calls_of_sts = [
        float(_run([installed.path("awsenv", "python"), *call, world.new_code(), EXTERNAL_ID], environ))
        for _ in range(CALLS)
    ]
    _say(f"  the call of STS alone: {statistics.median(calls_of_sts) * 1e3:.1f} ms")
    agent = _agent_pid()
    ask = ["-c", ASK, str(REQUESTS)]
    _run([installed.path("awsenv", "python"), *ask], environ)
    before = _resident(agent)
    took = float(_run([installed.path("awsenv", "python"), *ask], environ))
    resident = f"resident {before} kB before, {_resident(agent)} after"
    _say(f"  {REQUESTS} requests: {took / REQUESTS * 1e6:.0f} µs each; {resident}")
    busy = _cpu(agent)
    time.sleep(REST)
    _say(f"  {REST} s at rest: {_cpu(agent) - busy} ticks of CPU")
    _run([awsenv, "logout"], environ)


def _agent_pid() -> int:
    listed = _run(["pgrep", "-f", "awsenv[.]cli[.]agent listening"], dict(os.environ))
    return int(listed.split()[-1])


def _resident(pid: int) -> int:
    """Return the resident kilobytes of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def _cpu(pid: int) -> int:
    """Return the hundredths of a second of CPU that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _pass(installed: Installed, world: World) -> Row:
    return Row("python -I -c pass", [installed.path("awsenv", "python"), "-I", "-c", "pass"], world.environ)


def measure(rows: Sequence[Row], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each row in each round. The rows take turns."""
    times: dict[str, list[float]] = {row.name: [] for row in rows}
    for turn in range(-WARM_UP, rounds):
        for row in rows:
            argv = row.argv() if callable(row.argv) else row.argv
            start = time.perf_counter()
            output = _run(argv, row.environ)
            elapsed = time.perf_counter() - start
            if row.proof not in output:
                raise SystemExit(f"{row.name}: it did not do what is measured")
            if turn >= 0:
                times[row.name].append(elapsed * 1000)
    return times


def show(title: str, rows: Sequence[Row], times: Mapping[str, Sequence[float]]) -> None:
    """Print a table."""
    _say(f"\n{title:<32}{'median':>8}{'min':>8}{'max':>8} ms   ratio of a round: median (min to max)")
    for row in rows:
        own = times[row.name]
        line = f"  {row.name:<30}{statistics.median(own):8.1f}{min(own):8.1f}{max(own):8.1f}"
        if row.base is not None:
            ratios = [mine / base for mine, base in zip(own, times[row.base], strict=True)]
            line += f"      {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) x {row.base}"
        if row.target is not None:
            line += f"; target: at most {row.target:g}"
        _say(line)


def _run(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    # In a session of its own: an interactive shell would take the terminal from us.
    finished = subprocess.run(
        argv, env=environ, capture_output=True, check=False, stdin=subprocess.DEVNULL, start_new_session=True, text=True
    )
    if finished.returncode != 0:
        raise SystemExit(f"{argv[0]} failed with {finished.returncode}:\n{finished.stderr}")
    return finished.stdout


def _quietly(*argv: str) -> None:
    _run(argv, os.environ)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Install, measure, print."""
    parser = argparse.ArgumentParser(description="What awsenv costs beside what one would use in its place.")
    parser.add_argument("--rounds", type=int, default=25, help="rounds that count (%(default)s)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="awsenv-bench-") as name, Sandbox() as sandbox:
        folder, home = Path(name), Path(name) / "home"
        home.mkdir()
        installed = install(folder)
        world = furnish(sandbox, home)
        frozen = _run([installed.path("awsenv", "python"), *_PIP, "freeze", "--exclude", "awsenv-shell"], world.environ)
        peers = [_run([installed.path(peer, "python"), *_PIP, "freeze"], world.environ) for peer in ("aws", "awsume")]
        versions = (line for line in "".join([frozen, *peers]).split() if line.startswith(("aws", "boto3", "typer")))
        _say(f"Python {sys.version.split()[0]}, {', '.join(sorted(set(versions)))}; {rounds} rounds")
        for title, rows in tables(installed, world):
            show(title, rows, measure(rows, rounds))
        show_agent(installed, world, sandbox)
    _say("\nThe prompt")
    subprocess.run([sys.executable, str(HERE / "prompt.py")], check=True)


if __name__ == "__main__":
    main()
