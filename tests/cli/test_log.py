"""`awsenv log`: what real clients got from a real agent, as a person and a program read it."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from awsenv.agent import runtime_directory
from awsenv.agent.log import MAX_ENTRIES, Asked
from awsenv.agent.memory import Memory
from awsenv.agent.server import Life, Server
from awsenv.agent.term import Clock
from awsenv.cli.handler import Handler
from conftest import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from conftest import World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="macOS names only the number of a process")

TIME = r"(?:[\d-]{10} )?\d\d:\d\d UTC"
"""A time as a person reads it, with the date if that is not today's."""

SERVED = """
import os, urllib.request
for _ in range(3):
    request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    request.add_header("Authorization", os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
    urllib.request.urlopen(request).read()
"""
"""Fetches the keys of `exec --refresh` as an SDK does."""


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """Return the code of the login, and what `credential-process` has printed."""
    return []


@pytest.fixture(scope="module")
def used(shared_world: World, printed: list[str]) -> World:
    """Return a world in which the agent of the user has handed out roles, and has refused some."""
    world = shared_world
    account = world.sandbox.account
    world.configure(
        f"\n[profile mine]\nawsenv_assistants = refuse\nawsenv_color = red\n"
        f"role_arn = arn:aws:iam::{account}:role/read-only\nsource_profile = default\n"
    )
    printed.append(world.device.code())
    world.run("login", printed[0])
    for _ in range(3):
        assert 0 == world.run("exec", "power-user", "--", "true").returncode
    narrowed = ["credential-process", "power-user", "--read-only", "--because=JIRA-12", "--print"]
    asker = world.command(["bash", "-c", '"$@"; true', "bash", world.program, *narrowed], CLAUDECODE="1")
    printed.append(asker.stdout)
    assert 125 == world.run("exec", "mine", "--", "true", CLAUDECODE="1").returncode
    assert 125 == world.run("exec", f"{account}/nowhere", "--", "true").returncode
    assert 0 == world.run("exec", "--refresh", "read-only", "--", sys.executable, "-c", SERVED).returncode
    assert 0 == world.run("each", "read-only", "--", "true").returncode
    world.command([sys.executable, "-c", "import awsenv; awsenv.credentials('read-only')"])
    tried = f"{world.program} log; {world.program} logout"
    world.command([world.program, "exec", "--sealed", "read-only", "--", "sh", "-c", tried])
    world.run("lock")
    return world


def lines(world: World, *words: str) -> list[dict[str, Any]]:
    """Return the lines of `awsenv log --json`."""
    done = world.run("log", "--json", *words)
    assert (0, "") == (done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_grant_and_each_refusal_is_there(used: World) -> None:
    """In the order of the last request; `lock` keeps it."""
    shown = [(each["command"], each["role"], each["refused"], each["count"]) for each in lines(used)]
    assert [
        ("exec", "power-user", None, 3),
        ("credential-process", "power-user", None, 1),
        ("exec", "mine", "'mine' is not for assistants", 1),
        ("exec", f"nowhere@{used.sandbox.account}", "AWS refused to let user alice assume role nowhere", 1),
        ("exec", "read-only", None, 4),
        ("each", "read-only", None, 1),
        ("python", "read-only", None, 1),
        ("exec", "read-only", None, 1),
        ("log", None, "this process is sealed: awsenv gives it read-only, and nothing else", 1),
        ("logout", None, "this process is sealed: awsenv gives it read-only, and nothing else", 1),
    ] == shown


def test_an_entry_is_what_the_kernel_says(used: World) -> None:
    """The parents of awsenv, folder and terminal, what narrows the role, and when."""
    entry = lines(used)[1]
    account = used.sandbox.account
    assert {
        "account": account,
        "arn": f"arn:aws:iam::{account}:role/power-user",
        "narrowed": "read-only",
        "because": "JIRA-12",
        "assistant": "claude-code",
        "folder": str(Path.cwd()),
        "terminal": None,
        "refused": None,
        "program": os.path.realpath(sys.executable),
    }.items() <= entry.items()
    assert "bash" == Path(entry["parents"][0]).name
    assert str(Path(sys.executable).resolve()) in entry["parents"]
    assert entry["first"] == entry["last"] < entry["until"]
    assert all(re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", entry[name]) for name in ("first", "last", "until"))


def test_no_secret_is_in_it(used: World, printed: list[str]) -> None:
    """Neither an external id, nor a code, a key or the words of a command."""
    keys = (Path(used.environ["HOME"]) / ".aws" / "credentials").read_text()
    given = re.findall(r'"(?:AccessKeyId|SecretAccessKey|SessionToken)": "(\S+)"', printed[1])
    secrets = [used.external_id, printed[0], *given, *re.findall(r"aws_\w+ = (\S+)", keys)]
    shown = used.run("log", "--json").stdout + used.run("log").stdout
    assert 7 == len(secrets)
    assert [] == [secret for secret in secrets if secret in shown]
    assert "urllib" not in shown


def test_a_person_reads_what_fits(used: World) -> None:
    """The chain of programs is short, and begins with what has called awsenv."""
    shown = used.run("log").stdout
    account = used.sandbox.account
    assert re.search(
        rf"^{TIME}  power-user \({account}\), until .*\n"
        r"  credential-process by bash < \S+ < .* in \S+\n"
        r"  narrowed: read-only; because JIRA-12; asked by claude-code\n"
        rf"{TIME}  refused mine \({account}, read-only\)\n",
        shown,
        re.MULTILINE,
    )
    assert re.search(rf"  exec by .*\n  4 times since {TIME}\n", shown)
    # Here, the program is Python, and none of awsenv's.
    assert re.search(r"  python by python[\d.]* < ", shown)
    assert "  each by " in shown
    assert "  refused awsenv log\n" in shown
    assert "\x1b" not in shown


@contextmanager
def follower(world: World, *words: str) -> Iterator[pexpect.spawn[Any]]:
    """Return `awsenv log --follow` on a terminal of 80 columns."""
    environ = world.environ | {"TERM": "xterm"}
    child = pexpect.spawn(
        world.program,
        ["log", "--follow", *words],
        env=environ,
        encoding="utf-8",
        timeout=TIMEOUT,
        dimensions=(24, 80),
        echo=False,
    )
    try:
        yield child
    finally:
        child.close(force=True)


def test_a_follower_sees_what_comes(world: World) -> None:
    """In colours, in 80 columns, until Ctrl-C; another one until the agent ends."""
    world.configure("\n[profile mine]\nawsenv_color = red\nsource_profile = default\n")
    world.configure(f"role_arn = arn:aws:iam::{world.sandbox.account}:role/read-only\n")
    world.run("login", world.device.code())
    seen = io.StringIO()
    with follower(world) as person, follower(world, "--json") as program:
        person.logfile_read = seen
        person.expect_exact("the agent has neither handed out nor refused a role since")
        for number in (1, 2):
            world.run("exec", "mine", "--only=s3:Get*,s3:List*", "--on=arn:aws:s3:::logs/*", "--", "true")
            person.expect_exact("\x1b[31mmine\x1b[m (")
            program.expect_exact(f'"count": {number}}}')
        person.expect_exact("  2 times since ")
        world.run("exec", f"{world.sandbox.account}/nowhere", "--", "true")
        person.expect_exact("\x1b[31;1mrefused \x1b[m\x1b[1mnowhere@")
        person.expect_exact("AWS refused to let user alice assume role nowhere")
        person.sendintr()
        person.expect(pexpect.EOF)
        person.wait()
        world.run("logout")
        program.expect_exact("awsenv: the agent has ended, and its log with it\r\n")
        program.expect(pexpect.EOF)
        program.wait()
    assert (0, 0) == (person.exitstatus, program.exitstatus)
    lines_seen = re.sub("\x1b\\[[0-9;]*[mK]", "", seen.getvalue()).splitlines()
    # What the terminal shows of Ctrl-C stays on a line of its own.
    assert not lines_seen[-1]
    assert 60 < max(map(len, lines_seen)) <= 80


def test_without_an_agent_there_is_none(world: World) -> None:
    """It says so, as `lock` does, to a person and beside the empty output for a program."""
    for words in (["log"], ["log", "--json"], ["log", "--follow"]):
        done = world.run(*words)
        assert (0, "", "awsenv: no agent is running\n") == (done.returncode, done.stdout, done.stderr)


def test_a_log_that_is_full_says_where_it_begins(world: World) -> None:
    """All pages are read."""
    memory = Memory(Clock(time.time, time.monotonic))
    handler = Handler(memory, lambda: pytest.fail("nothing is served"))
    for number in range(MAX_ENTRIES + 5):
        handler.log.note(Asked("exec", role=f"role-{number}"), number + 1)
    folder = runtime_directory.make(world.environ)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{folder}/{runtime_directory.SOCKET}")
    server = Server(handler.reply, listening=listening, life=Life(600))
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        done = world.run("log")
    finally:
        server.end()
        thread.join(TIMEOUT)
    roles = re.findall(r"UTC  (role-\d+)\n  exec by process \d+\n", done.stdout)
    assert [f"role-{number}" for number in range(5, MAX_ENTRIES + 5)] == roles
    assert re.fullmatch(rf"awsenv: the log is complete since {TIME}; older entries are gone\n", done.stderr)
