"""`awsenv exec --refresh`: a command gets fresh keys for as long as it runs, with an agent or without one."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING

import pytest

from conftest import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import World
    from e2e.conftest import Interactive, Terminal

    Until = Callable[[Callable[[], object]], None]
    HasEnded = Callable[[int], bool]

CTRL_C = "\x03"

# For each line of input, prints its access key and its caller identity.
CLIENT = """\
import sys, boto3
session = boto3.Session()
for line in sys.stdin:
    keys = session.get_credentials().get_frozen_credentials()
    print(keys.access_key, session.client("sts").get_caller_identity()["Arn"], flush=True)
"""


def private_agents(pid: int) -> list[int]:
    """Return the process ids of the agents that serve only the command *pid*."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # The module, the kind of agent, its descriptor, and the process that it serves.
        after = words[words.index(b"awsenv.cli.agent") + 1 :] if b"awsenv.cli.agent" in words else []
        if b"listening" not in after and b"%d" % pid in after[2:3]:
            found.append(int(path.name))
    return found


@pytest.fixture
def start(world: World) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that runs a command with `exec --refresh`; the end of the test kills the command."""
    started: list[subprocess.Popen[str]] = []

    def run(role: str, *command: str, **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [world.program, "exec", "--refresh", role, "--", *command],
            env=world.environ | environ,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def line_of(process: subprocess.Popen[str]) -> str:
    """Return the next line that *process* prints."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def tell(process: subprocess.Popen[str]) -> None:
    """Send *process* a line."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.fixture(params=[False, True], ids=["alone", "agent"])
def world_of_both(request: pytest.FixtureRequest, world: World) -> World:
    """Return the world without an agent, and with one."""
    if request.param:
        assert world.run("login", world.device.code()).returncode == 0
    return world


def test_a_new_agent_on_a_busy_machine_is_not_given_up(
    world: World, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """Without its new agent the command would fail, so it waits longer than for one that runs already."""
    with socket.create_server(("127.0.0.1", 0)) as sts:
        sts.settimeout(TIMEOUT)
        url = f"http://127.0.0.1:{sts.getsockname()[1]}"
        command = start("read-only", "printenv", "AWSENV_ROLE", AWS_ENDPOINT_URL=url)
        asked, _ = sts.accept()
    (agent,) = private_agents(command.pid)

    os.kill(agent, signal.SIGSTOP)
    # An agent that has been running is given two seconds.
    threading.Event().wait(3)
    os.kill(agent, signal.SIGCONT)
    with asked, socket.create_connection(("127.0.0.1", world.sandbox.port)) as answered:
        answered.sendall(asked.recv(65536))
        asked.sendall(answered.recv(65536))

    assert (("read-only\n", ""), 0) == (command.communicate(), command.returncode)


def test_a_command_never_gets_an_expired_key(
    world_of_both: World, start: Callable[..., subprocess.Popen[str]], until: Until
) -> None:
    """The agent serves new keys before the command's own expire, and AWS accepts each of them."""
    world = world_of_both
    # The first keys are almost an hour old: they have just over a minute left.
    world.sandbox.clock.elapse(64 - 3600)
    command = start("read-only", sys.executable, "-c", CLIENT)
    tell(command)
    shown = [line_of(command)]
    world.sandbox.clock.elapse(3600 - 64)

    def is_renewed() -> bool:
        tell(command)
        shown.append(line_of(command))
        return shown[-1] != shown[0]

    until(is_renewed)
    assert all(":assumed-role/read-only/" in line for line in shown), shown
    assert {None} == {call.error for call in world.sandbox.calls}


@pytest.mark.parametrize("status", [0, 3, 255])
@pytest.mark.usefixtures("world_of_both")
def test_process_and_status_are_the_commands_own(start: Callable[..., subprocess.Popen[str]], status: int) -> None:
    """The command replaces awsenv, so that the caller sees the command's process id and exit status."""
    command = start("read-only", "sh", "-c", f"echo $$; exit {status}")
    out, errors = command.communicate()

    assert (f"{command.pid}\n", "", status) == (out, errors, command.returncode)


def test_a_signal_ends_the_command_and_its_private_agent(
    start: Callable[..., subprocess.Popen[str]], until: Until, has_ended: HasEnded
) -> None:
    """SIGTERM to awsenv ends the command with that signal, and its private agent."""
    command = start("read-only", "sh", "-c", "echo ready; exec sleep 1000")
    assert line_of(command) == "ready"
    (agent,) = private_agents(command.pid)

    command.terminate()

    assert -signal.SIGTERM == command.wait()
    until(lambda: has_ended(agent))


def test_a_private_agent_has_no_socket_and_ends_with_its_command(
    world: World, start: Callable[..., subprocess.Popen[str]], until: Until, has_ended: HasEnded
) -> None:
    """A private agent has no socket, is not a child of its command, and ends with it."""
    script = (
        "import os\ntry: os.waitpid(-1, os.WNOHANG)\nexcept ChildProcessError: print('no child', flush=True)\ninput()\n"
    )
    command = start("read-only", sys.executable, "-c", script)
    assert line_of(command) == "no child"
    (agent,) = private_agents(command.pid)
    status = Path(f"/proc/{agent}/status").read_text()

    assert str(command.pid) not in re.findall(r"PPid:\s+(\d+)", status)
    assert os.getsid(agent) != os.getsid(command.pid)
    assert world.agent() is None
    assert not Path(world.environ["AWSENV_RUNTIME_DIR"]).exists()
    tell(command)
    assert command.wait() == 0
    until(lambda: has_ended(agent))


def test_a_private_agent_ends_with_a_killed_command(
    start: Callable[..., subprocess.Popen[str]], until: Until, has_ended: HasEnded
) -> None:
    """The private agent ends even if SIGKILL ends its command."""
    command = start("read-only", "sh", "-c", "echo ready; exec sleep 1000")
    assert line_of(command) == "ready"
    (agent,) = private_agents(command.pid)

    command.kill()

    until(lambda: has_ended(agent))


def test_signals_and_jobs_work_as_with_exec(interactive: Interactive, reporter: list[str]) -> None:
    """Ctrl-C, Ctrl-Z, `fg` and the status work as with `awsenv exec` alone."""
    shell = interactive(hook=True)

    shell.stop_and_go_on(f"awsenv exec --refresh read-only -- {shlex.join(reporter)}")
    shell.run("awsenv exec --refresh read-only -- sh -c 'exit 42'")
    assert shell.status() == 42


def test_one_code_is_asked_for(world: World, environ: dict[str, str], terminal: Callable[..., Terminal]) -> None:
    """`exec --refresh` prompts for one code, opens an MFA session with it, and assumes the role with that."""
    shown = terminal(
        ["awsenv", "exec", "--refresh", "power-user", "--", "sh", "-c", "awsenv status; printenv AWSENV_REFRESH"],
        environ,
    )
    shown.see("MFA code for alice .*: ")
    shown.send(world.device.code() + "\r")

    assert shown.gone() == 0
    assert shown.transcript.count("MFA code for") == 1
    assert re.search("Role +power-user\r\n", shown.transcript)
    assert re.search("Expires +never: an endpoint renews the keys\r\n", shown.transcript)
    assert [("GetSessionToken", True), ("AssumeRole", False)] == [
        (call.action, "TokenCode" in call.parameters) for call in world.sandbox.calls
    ]


def test_the_code_may_be_on_the_command_line(world: World) -> None:
    """`exec --refresh` accepts the MFA code as an argument, as `exec` does."""
    answer = world.run("exec", "--refresh", "power-user", world.device.code(), "--", "printenv", "AWSENV_ROLE")

    assert (0, "power-user\n", "") == (answer.returncode, answer.stdout, answer.stderr)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("default -- true", "default is not a role, so there is nothing to renew"),
        ("power-user --duration 2h -- true", "--refresh and a --duration of more than an hour exclude each other"),
        ("power-user -- true", "there is no terminal for a prompt"),
        ("no-such-role -- true", "no-such-role"),
    ],
)
def test_a_role_that_cannot_be_renewed_is_refused(world: World, words: str, says: str) -> None:
    """If awsenv could not renew the role, it says why and does not run the command."""
    answer = world.run("exec", "--refresh", *words.split())

    assert (125, "") == (answer.returncode, answer.stdout)
    assert says in answer.stderr


def test_off_and_nested_calls_work_in_a_refreshed_command(world_of_both: World) -> None:
    """In a refreshed command `off` restores every variable, and a nested `exec` starts from the user's own keys."""
    world = world_of_both
    world.sandbox.clear_calls()
    show = "env -0"
    # Variables that a user may have set.
    own = {"AWS_PROFILE": "default", "AWS_CONFIG_FILE": str(Path(world.environ["HOME"]) / ".aws" / "config")}
    inner = f'{world.program} exec read-only -- true && eval "$({world.program} off --shell sh)" && {show}'

    plain = world.run("exec", "--refresh", "read-only", "--", "sh", "-c", show, **own)
    nested = world.run("exec", "--refresh", "read-only", "--", "sh", "-c", inner, **own)

    served, restored = (
        dict(entry.split("=", 1) for entry in answer.stdout.split("\0") if entry) for answer in (plain, nested)
    )
    assert {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"} <= set(served)
    assert not {"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"} & set(served)
    assert (0, "") == (nested.returncode, nested.stderr)
    assert world.environ | own == {
        name: value for name, value in restored.items() if name not in {"PWD", "OLDPWD", "_"}
    }
    assert {world.user_arn} == {call.caller for call in world.sandbox.calls}


def fetch(url: str, token: str) -> tuple[int, dict[str, str]]:
    """Return the status and the body of the endpoint's response."""
    request = urllib.request.Request(url, headers={"Authorization": token})  # noqa: S310 - the endpoint's own
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the same
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_an_agent_serves_while_the_command_runs(
    world: World, start: Callable[..., subprocess.Popen[str]], until: Until
) -> None:
    """A running agent serves each command until it ends; after `lock` the endpoint says to start the command again."""
    world.run("login", world.device.code())
    script = 'echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN"; read line'
    one, other = start("power-user", "sh", "-c", script), start("power-user", "sh", "-c", script)
    addresses = [line_of(command).split() for command in (one, other)]

    assert ([], []) == (private_agents(one.pid), private_agents(other.pid))
    assert addresses[0] != addresses[1]
    assert [200, 200] == [fetch(*address)[0] for address in addresses]
    assert 1 == world.actions().count("AssumeRole")
    tell(one)
    one.wait()
    until(lambda: fetch(*addresses[0])[0] == 404)
    assert fetch(*addresses[1])[0] == 200
    world.run("lock")
    status, error = fetch(*addresses[1])
    assert (410, "awsenv: the agent does not hold this role any more; start the command again") == (
        status,
        error["message"],
    )


def test_a_code_opens_the_mfa_session_of_the_agent(world: World) -> None:
    """With an agent, the code of `exec --refresh` opens the agent's MFA session, as `login` does."""
    world.run("login", world.device.code())
    world.run("lock")
    world.sandbox.clock.elapse(30)

    assert 0 == world.run("exec", "--refresh", "power-user", world.device.code(), "--", "true").returncode
    assert 0 == world.run("exec", "power-user", "--", "true").returncode
    assert "MFA session" in world.run("status").stdout
