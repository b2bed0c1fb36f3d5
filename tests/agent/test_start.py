"""The start of an agent: exactly one, of this version, that inherits nothing; and private agents."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import awsenv
from awsenv.agent import client

if TYPE_CHECKING:
    from pathlib import Path

    from agent.conftest import Agents, User
    from conftest import Until

PRIVATE = """\
import os, sys
from awsenv.agent import client, start
connection = start.private("answering", pid=os.getpid(), lifetime=60)
print(client.ask(connection, b"state", [])[0].decode(), flush=True)
"""


def test_a_started_agent_replies(agents: Agents) -> None:
    """A start returns when the agent can reply; the socket is open to its user only."""
    assert "" == agents.start()

    assert [b"one", b"two"] == agents.ask(b"echo", b"one", b"two")
    assert 0o600 == agents.path.stat().st_mode & 0o777


def test_an_agent_inherits_nothing(agents: Agents, me: User) -> None:
    """The agent has no variable, descriptor, folder or session of the process that starts it."""
    # A descriptor that a careless program would inherit.
    leak = "import os; os.dup2(0, 77)\n"
    with me.starting(agents.site, before=leak, CANARY="x", **agents.environ) as starter:
        assert starter.wait() == 0
    state = agents.state()

    assert {"PATH": os.defpath, "LC_ALL": "C.UTF-8"} == state["environ"]
    assert "/" == state["folder"]
    assert [True, True, True] == state["standard"]
    assert [0, 0] == state["core"]
    # The three of every process; the socket, the two ends that wake the loop, its selector, the timer, the watch of the
    # path; this connection.
    assert 10 >= state["descriptors"]
    assert os.getsid(0) != state["session"] != state["pid"]
    assert starter.pid not in {state["parent"], state["session"]}


def test_an_inherited_descriptor_is_closed(agents: Agents, me: User) -> None:
    """The reader of a pipe sees its end, although the agent that the writer started still runs."""
    with me.starting(agents.site, **agents.environ) as starter:
        assert ("", "") == starter.communicate(timeout=120)
    assert agents.is_running(agents.state()["pid"])


def test_a_running_agent_is_kept(agents: Agents) -> None:
    """A second start leaves the running agent in place and starts no other."""
    agents.start()
    first = agents.state()["pid"]
    assert "" == agents.start()

    assert first == agents.state()["pid"]
    assert [first] == agents.started()


def test_two_starts_at_once_make_one_agent(agents: Agents, me: User) -> None:
    """Two simultaneous starts both succeed, and only one agent runs, in each of ten attempts."""
    for number in range(1, 11):
        both = [me.starting(agents.site, **agents.environ) for _ in range(2)]
        assert [("", ""), ("", "")] == [starter.communicate(timeout=60) for starter in both]
        assert [0, 0] == [starter.returncode for starter in both]
        assert number == len(agents.started())
        assert agents.started()[-1] == agents.state()["pid"]
        assert [] == agents.ask(b"end")


def test_a_dead_agent_is_replaced(agents: Agents) -> None:
    """A start replaces an agent that was killed and left its socket behind."""
    agents.start()
    first = agents.state()["pid"]
    os.kill(first, signal.SIGKILL)
    assert agents.ends(first)
    assert agents.path.is_socket()

    assert "" == agents.start()
    assert first != agents.state()["pid"]


def test_an_agent_killed_during_a_request_can_be_replaced(agents: Agents, until: Until) -> None:
    """If the agent is killed during a request, the client says so once, and another agent can be started."""
    agents.start()
    (pid,) = agents.started()
    with ThreadPoolExecutor() as pool:
        reply = pool.submit(agents.ask, b"hang")
        until(lambda: agents.state()["hanging"] == 1)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(client.Trouble, match=r"the agent is gone|closed before"):
            reply.result()
    assert agents.ends(pid)
    with pytest.raises(client.NoAgent):
        agents.ask(b"echo")

    assert "" == agents.start()
    assert [b"x"] == agents.ask(b"echo", b"x")


def test_an_agent_of_an_older_version_is_replaced(agents: Agents, tmp_path: Path) -> None:
    """A start ends an agent of an older version, and starts one of this version."""
    old = tmp_path / "site"
    shutil.copytree(agents.site, old)
    init = old / "awsenv" / "__init__.py"
    init.write_text(init.read_text().replace(f'"{awsenv.__version__}"', '"0.0.9"'))
    assert "" == agents.start(site=old)
    (first,) = agents.started()
    with pytest.raises(client.OtherVersion, match=f"is of awsenv 0.0.9, this is {awsenv.__version__}"):
        agents.ask(b"echo")

    assert "" == agents.start()
    assert [b"x"] == agents.ask(b"echo", b"x")
    assert first != agents.state()["pid"]
    assert agents.ends(first)


def test_a_stuck_agent_is_not_replaced(agents: Agents) -> None:
    """A start reports the process of a stuck agent, and does not start a second one."""
    agents.start()
    (pid,) = agents.started()
    os.kill(pid, signal.SIGSTOP)

    assert f"the agent (process {pid}) is stuck\n\n" == agents.start()
    os.kill(pid, signal.SIGCONT)
    assert [pid] == agents.started()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("file", "is not a socket"), ("link", "is not a socket"), ("foreign", "belongs to another user")],
)
def test_an_invalid_socket_is_not_replaced(agents: Agents, kind: str, expected: str) -> None:
    """A start refuses a file, a link or another user's socket in place of the agent's, and leaves it unchanged."""
    if kind == "file":
        agents.path.write_text("mine")
    elif kind == "link":
        agents.path.symlink_to(agents.folder / "elsewhere")
    else:
        if os.geteuid() != 0:
            pytest.skip("only root can make what belongs to another user")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(agents.path))
        os.chown(agents.path, 65534, 65534)
    before = os.lstat(agents.path)

    assert f"the agent cannot be started: {agents.path} {expected}\n{agents.path}\n" == agents.start()
    assert (before.st_ino, before.st_mtime_ns) == (os.lstat(agents.path).st_ino, os.lstat(agents.path).st_mtime_ns)
    assert [] == agents.started()


def test_a_path_that_is_too_long_is_an_error(agents: Agents, me: User) -> None:
    """The error for a path that is too long suggests a shorter one in AWSENV_RUNTIME_DIR."""
    folder = agents.folder / ("x" * 100)
    status, output = me.done(me.starting(agents.site, AWSENV_RUNTIME_DIR=str(folder)))

    assert status == 8
    assert "the path of the agent's socket is too long" in output
    assert f"\n{folder}\n" in output
    assert not folder.exists()


def test_a_read_only_home_is_an_error(agents: Agents, nobody: User) -> None:
    """The error for a read-only HOME names the folder that cannot be made."""
    os.chown(agents.folder, 65534, 65534)
    agents.folder.chmod(0o500)

    assert (
        8,
        f"the agent cannot be started: Permission denied\n{agents.folder}/.awsenv\n",
    ) == nobody.done(nobody.starting(agents.site, HOME=str(agents.folder)))


@pytest.mark.parametrize("entry", ["keyword", "awsenv.missing"])
def test_an_agent_that_does_not_start_is_an_error(agents: Agents, entry: str) -> None:
    """A start reports an agent that ends at once, and leaves no socket behind."""
    assert "the agent does not start\n\n" == agents.start(entry=entry)
    assert not agents.path.exists()


def test_a_private_agent_ends_with_its_command(agents: Agents, me: User) -> None:
    """A private agent outlives its connection, which an exec closes, and ends with the command."""
    code = f"{PRIVATE}\nconnection.close()\nos.execv('/bin/sh', ['sh', '-c', 'read line'])"
    read, write = os.pipe()
    with os.fdopen(write, "w") as command_goes_on:
        process = subprocess.Popen(
            [me.python, "-c", code],
            env={"PYTHONPATH": str(agents.site)},
            stdin=read,
            stdout=subprocess.PIPE,
            text=True,
        )
        os.close(read)
        assert process.stdout is not None
        pid = int(re.findall(r'"pid": (\d+)', process.stdout.readline())[0])
        assert agents.is_running(pid)
        command_goes_on.write("\n")
    with process:
        assert process.wait(30) == 0
    assert agents.ends(pid)


def test_a_private_agent_is_not_a_child_of_the_command(agents: Agents, me: User) -> None:
    """A command that waits for all its children does not wait for the private agent."""
    code = f"{PRIVATE}\ntry:\n    os.wait()\nexcept ChildProcessError:\n    print('none')"

    status, output = me.run(agents.site, code)
    assert (0, "none") == (status, output.splitlines()[1])


def test_private_agents_are_separate(agents: Agents, me: User) -> None:
    """Each start makes another private agent, and puts no socket into the runtime directory."""
    code = f"{PRIVATE}{PRIVATE}print(client.ask(connection, b'echo', [b'x']))"
    status, output = me.run(agents.site, code, **agents.environ)

    assert status == 0
    first, second = re.findall(r'"pid": (\d+)', output)
    assert first != second
    assert "[b'x']" in output
    assert [] == list(agents.folder.iterdir())


def test_a_private_agent_that_does_not_start_is_an_error(agents: Agents, me: User) -> None:
    """The error for a private agent that ends at its start says that it cannot be started."""
    code = (
        "import os\nfrom awsenv.agent import start\nfrom awsenv.errors import AgentError\n"
        "try:\n    start.private('keyword', pid=os.getpid(), lifetime=60)\n"
        "except AgentError as error:\n    print(error)"
    )
    status, output = me.run(agents.site, code)

    assert status == 0
    assert output.startswith("the agent cannot be started: ")
