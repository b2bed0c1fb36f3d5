"""The protection of the agent's memory: processes of its own user and of others cannot read it, only root can."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from agent.conftest import Agents, User

READ = """\
import sys
for name in ("environ", "mem", "maps"):
    try:
        with open(f"/proc/{sys.argv[1]}/{name}", "rb") as file:
            if name == "mem":
                file.seek(int(sys.argv[2], 16))
            print(name, bool(file.read(1)))
    except PermissionError:
        print(name, "refused")
"""

REFUSED = "environ refused\nmem refused\nmaps refused\n"

SLEEPER = "print(hex(id(object)), flush=True)\nimport time\ntime.sleep(60)"


@pytest.fixture
def user(agents: Agents, nobody: User) -> User:
    """Return a user who is not root and who owns the agent's folder."""
    if sys.platform != "linux":
        pytest.skip("only Linux has /proc")
    os.chown(agents.folder, 65534, 65534)
    return nobody


def test_a_process_is_readable_by_its_user(agents: Agents, user: User) -> None:
    """An unprotected process can be read by its own user, with the script that the other tests use."""
    with user.popen(agents.site, SLEEPER, CANARY="x") as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        read = user.run(agents.site, READ, str(process.pid), address)
        process.kill()

    assert (0, "environ True\nmem True\nmaps True\n") == read


def test_an_agent_is_not_readable_by_its_user(agents: Agents, user: User) -> None:
    """Another process of the agent's user cannot read its memory or its environment."""
    assert "" == agents.start(user=user)
    (pid,) = agents.started()

    assert (0, REFUSED) == user.run(agents.site, READ, str(pid), "0")


def test_an_agent_is_not_readable_by_another_user(agents: Agents, user: User) -> None:
    """A process of a third user cannot read the agent's memory or its environment."""
    assert "" == agents.start(user=user)
    (pid,) = agents.started()

    other = type(user)(user.python, "daemon")
    assert (0, REFUSED) == other.run(agents.site, READ, str(pid), "0")


def test_a_private_agent_is_not_readable(agents: Agents, user: User) -> None:
    """A private agent cannot be read by its user, while the process that started it still can."""
    code = (
        "import json, os, sys\nfrom awsenv.agent import client, start\n"
        "connection = start.private('answering', pid=os.getpid(), lifetime=60)\n"
        "print(json.loads(client.ask(connection, b'state', [])[0])['pid'], hex(id(object)), flush=True)\n"
        "sys.stdin.read()\nimport time\ntime.sleep(60)"
    )
    with user.popen(agents.site, code, CANARY="x") as process:
        assert process.stdout is not None
        pid, address = process.stdout.readline().split()
        agent = user.run(agents.site, READ, pid, "0")
        starter = user.run(agents.site, READ, str(process.pid), address)
        process.kill()

    assert (0, REFUSED) == agent
    assert (0, "environ True\nmem True\nmaps True\n") == starter
    assert agents.ends(int(pid))


def test_an_agent_leaves_no_core(agents: Agents) -> None:
    """The soft and the hard limit of the agent's core files are both zero."""
    agents.start()

    assert [0, 0] == agents.state()["core"]
