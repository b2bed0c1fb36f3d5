"""`awsenv approve`, `awsenv login --confirm` and SSH_ASKPASS: two terminals, one of which asks for roles."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from conftest import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from conftest import World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="macOS names only the number of a process")

ASKS = """
[profile asks]
awsenv_confirm = always
role_arn = arn:aws:iam::{account}:role/read-only
source_profile = default
"""
ATTENDS = "Waiting for programs that ask for a role. Ctrl-C ends it."


@contextmanager
def terminal(world: World, **environ: str) -> Iterator[pexpect.spawn[Any]]:
    """Return a shell of the user on a terminal of its own."""
    path = {"PATH": f"{Path(world.program).parent}:{os.environ['PATH']}", "TERM": "xterm", "PS1": "$ ", "NO_COLOR": "1"}
    child = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile", "-i"],
        env=world.environ | path | environ,
        encoding="utf-8",
        timeout=TIMEOUT,
        dimensions=(24, 100),
        echo=False,
    )
    try:
        yield child
    finally:
        child.close(force=True)


def login(
    shell: pexpect.spawn[Any], world: World, words: str = "--confirm", *, says: str = "MFA session of alice"
) -> None:
    """Log in there."""
    world.sandbox.clock.elapse(30)
    shell.sendline(f"awsenv login {words} {world.device.code()}")
    shell.expect_exact(says)


def attend(shell: pexpect.spawn[Any]) -> None:
    """Attend there."""
    shell.sendline("awsenv approve")
    shell.expect_exact(ATTENDS)


@pytest.fixture
def confirmed(world: World) -> Iterator[pexpect.spawn[Any]]:
    """Return the shell in which the user has logged in, so that every role is confirmed."""
    with terminal(world) as shell:
        login(shell, world)
        yield shell


def test_a_role_is_handed_out_after_a_yes(confirmed: pexpect.spawn[Any], world: World, tmp_path: Path) -> None:
    """The question shows who asks by the kernel, and the command as a claim; a title and arguments move nothing."""
    attend(confirmed)
    lying = "exec -a '/usr/bin/true (1)' awsenv exec power-user -- sh -c 'echo got-$AWSENV_ROLE' 123456"
    with terminal(world) as asker:
        asker.sendline(f"cd {tmp_path}; ({lying})")
        confirmed.expect_exact("Hand it out? [y/N] ")
        shown = confirmed.before
        confirmed.sendline("y")
        confirmed.expect_exact("Handed out.")
        asker.expect_exact("got-power-user")
        # The same terminal has it for a while, and renews it; the other has neither.
        asker.sendline("awsenv exec power-user -- echo again-$((1+1))")
        asker.expect_exact("again-2")
    assert f"role power-user in account {world.sandbox.account}" in shown
    assert re.search(r"  program +\S*/python[\d.]* \(process \d+\)", shown)
    assert re.search(r"  below +.*bash \(\d+\), .*", shown)
    assert re.search(rf"  folder +{re.escape(str(tmp_path))}\s", shown)
    assert re.search(r"  terminal +pts/\d+\s", shown)
    assert re.search(r"  it says +awsenv exec power-user -- sh -c", shown)


def test_a_no_refuses_the_role(confirmed: pexpect.spawn[Any], world: World) -> None:
    """So does a line that is no yes, and a role in the shell is refused like a command."""
    attend(confirmed)
    with terminal(world) as asker:
        asker.sendline("awsenv exec read-only -- true; echo status=$?")
        confirmed.expect_exact("[y/N] ")
        confirmed.sendline("what?")
        confirmed.expect_exact("Refused.")
        asker.expect_exact("nothing was done: read-only was not confirmed")
        asker.expect_exact("status=125")
    assert ["GetSessionToken"] == world.actions()
    (noted,) = world.run("log", "--json").stdout.splitlines()
    assert "nothing was done: read-only was not confirmed" == json.loads(noted)["refused"]


def test_nobody_attends(confirmed: pexpect.spawn[Any], world: World) -> None:
    """The answer is no, at once, and says where to attend; `--yes` does not help; `status` and `explain` say so."""
    refused = world.run("exec", "--yes", "power-user", "--", "true")
    status = world.run("status")
    state = json.loads(world.run("status", "--json").stdout)["confirmation"]

    assert 125 == refused.returncode
    assert "power-user must be confirmed, and nobody is there to answer" in refused.stderr
    assert re.search(r"try      awsenv approve, in the shell of awsenv login: pts/\d+\n", refused.stderr)
    assert re.search(r"Confirms +every role\n +nobody is there to answer: awsenv approve in pts/\d+\n", status.stdout)
    assert {"every_role": True, "attended": [], "program": None} == state
    plan = json.loads(world.run("explain", "power-user", "--json").stdout)["guard_rails"]
    assert (900, None) == (plan["confirm_seconds"], plan["from"]["confirm_seconds"])
    attend(confirmed)
    assert re.search(r"awsenv approve runs in pts/\d+\n", world.run("status").stdout)
    # Two askers at once are asked about one after the other.
    with terminal(world) as first, terminal(world) as second:
        for number, asker in enumerate((first, second)):
            asker.sendline(f"awsenv exec read-only -- echo asker-$(({number}+1))")
        for _ in range(2):
            confirmed.expect_exact("[y/N] ")
            confirmed.sendline("y")
        first.expect_exact("asker-1")
        second.expect_exact("asker-2")
        # Who waits is told for whom.
        second.sendline("awsenv exec power-user -- echo done")
        confirmed.expect_exact("[y/N] ")
        second.expect(r"awsenv: waiting for awsenv approve in pts/\d+")
        # Ctrl-C of the asker withdraws the question.
        second.sendintr()
        confirmed.expect_exact("It is no longer asked for.")
    confirmed.sendintr()
    confirmed.expect_exact("$ ")
    assert "nobody is there to answer: awsenv approve in pts/" in world.run("status").stdout
    # A login without --confirm would turn it off.
    confirmed.close(force=True)
    assert "answer: awsenv login --confirm, then awsenv approve in the same shell\n" in world.run("status").stdout


def test_another_shell_does_not_attend(confirmed: pexpect.spawn[Any], world: World) -> None:
    """Neither another terminal, nor a shell below the one that did the login."""
    confirmed.sendline("bash --norc -c 'awsenv approve; true'")
    confirmed.expect_exact("awsenv approve runs only in the shell that ran awsenv login")
    confirmed.expect_exact("try      awsenv approve, in that shell itself: not below it, and not in the background")
    with terminal(world) as other:
        other.sendline("awsenv approve")
        other.expect_exact("awsenv approve runs only in the shell that ran awsenv login")
        other.expect_exact("try      awsenv approve, in that shell: pts/")


def test_an_agent_that_ends_meanwhile_is_a_clear_failure(confirmed: pexpect.spawn[Any], world: World) -> None:
    """The command does not go on without it, and who attends is told."""
    attend(confirmed)
    with terminal(world) as asker:
        asker.sendline("awsenv exec read-only -- echo gone; echo status=$?")
        confirmed.expect_exact("[y/N] ")
        # A sign of life says that somebody is asked.
        asker.expect_exact("waiting for awsenv approve")
        os.kill(world.agent() or 0, signal.SIGKILL)
        asker.expect_exact("the agent ended before there was an answer")
        asker.expect_exact("status=125")
    confirmed.expect_exact("\r\nawsenv: the agent has ended, and asks no more")
    confirmed.expect_exact("try      awsenv login as before, then awsenv approve")
    assert ["GetSessionToken"] == world.actions()


def test_only_a_code_turns_it_off(confirmed: pexpect.spawn[Any], world: World) -> None:
    """`lock` does not, and a login with a code of the device does, and says so."""
    world.run("lock")
    assert "nobody is there to answer" in world.run("exec", "read-only", "--", "true").stderr
    login(confirmed, world, "", says="the agent no longer asks before it hands out a role")
    assert 0 == world.run("exec", "read-only", "--", "true").returncode


def test_the_keys_of_a_command_that_runs_are_renewed_without_a_question(
    confirmed: pexpect.spawn[Any], world: World
) -> None:
    """`exec --refresh` is asked about once, and `each` about its first and its second role."""
    world.configure(ASKS.format(account=world.sandbox.account))
    attend(confirmed)
    with terminal(world) as asker:
        asker.sendline(
            "awsenv exec --refresh read-only -- sh -c 'echo served-${AWS_CONTAINER_CREDENTIALS_FULL_URI%%:*}'"
        )
        confirmed.expect_exact("Hand it out? [y/N] ")
        confirmed.sendline("y")
        asker.expect_exact("served-http")
        # The first opens the way to the others, for which one answer may serve.
        asker.sendline("awsenv each power-user read-only asks -- echo each-$((1+1))")
        confirmed.expect_exact("Hand it out? [y/N] ")
        confirmed.sendline("y")
        confirmed.expect_exact("Hand it out? [y/N, a: all that this process asks for] ")
        confirmed.sendline("a")
        for _ in range(3):
            asker.expect_exact("each-2")


def test_a_profile_asks_without_an_option_of_the_login(world: World) -> None:
    """`awsenv_confirm` concerns its own roles, and SSH_ASKPASS of the login answers."""
    folder = Path(world.environ["HOME"])
    program = folder / "askpass"
    program.write_text(f'#!/bin/sh\necho "$SSH_ASKPASS_PROMPT: $1" >{folder}/asked\n')
    program.chmod(0o700)
    world.configure(ASKS.format(account=world.sandbox.account))
    done = world.run("login", world.device.code(), SSH_ASKPASS=str(program), DISPLAY=":7")
    free = world.run("exec", "read-only", "--", "true")
    was_asked = (folder / "asked").exists()
    asked = world.run("exec", "asks", "--", "true")

    assert (0, 0, 0, False) == (done.returncode, free.returncode, asked.returncode, was_asked)
    assert (folder / "asked").read_text().startswith("confirm: Hand out role read-only in account ")
    assert f"{program} asks" not in world.run("status").stdout


def test_without_an_agent_there_is_nothing_to_attend_to(world: World) -> None:
    """The next step is a login in that shell."""
    with terminal(world) as shell:
        shell.sendline("awsenv approve")
        shell.expect(r"no agent is running\s+try +awsenv login, in this shell")


FAKE = """<GetSessionTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetSessionTokenResult><Credentials>
<AccessKeyId>ASIATHEIRS</AccessKeyId><SecretAccessKey>theirs</SecretAccessKey><SessionToken>theirs</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></GetSessionTokenResult></GetSessionTokenResponse>"""


class _Proxy(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Accept any MFA code."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(FAKE)))
        self.end_headers()
        self.wfile.write(FAKE.encode())


def test_a_proxy_that_accepts_any_code_turns_nothing_off(confirmed: pexpect.spawn[Any], world: World) -> None:
    """A program that runs as the user names one that is its own, and asks for a role without it then."""
    confirmed.expect_exact("$ ")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        theirs = {"HTTP_PROXY": f"http://127.0.0.1:{proxy.server_port}", "NO_PROXY": ""}
        done = world.run("login", "123456", **theirs)
        proxy.shutdown()
    assert "must be confirmed" in world.run("exec", "read-only", "--", "true").stderr
    assert (2, True) == (done.returncode, "reaches AWS through another proxy or CA bundle" in done.stderr)
