"""Who is sealed, by what the kernel says: real processes, namespaces and connections."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import awsenv
from awsenv import mark
from awsenv.agent import client, runtime_directory
from awsenv.agent.peer import Peer, Process, own_namespace
from awsenv.agent.plan import Plan
from awsenv.agent.seals import MAX_SEALS, MAX_TICKETS, VALID, Seals
from awsenv.agent.server import Life, Server
from awsenv.errors import AgentError
from awsenv.model import Chain, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.agent.waits import Waits

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux seals")

ENTRY = Path(awsenv.__file__).parents[1]

PRELUDE = """\
import ctypes, json, os, resource, socket, sys, threading, time
sys.path.insert(0, sys.argv[1])
from awsenv import mark
from awsenv.agent import client
C, here = ctypes.CDLL(None, use_errno=True), {"AWSENV_RUNTIME_DIR": sys.argv[2]}
USER = 0x10000000

def ask(verb, *parts, agent=here):
    try:
        return b" ".join(client.ask(agent, verb.encode(), [each.encode() for each in parts])).decode()
    except client.Trouble as trouble:
        return type(trouble).__name__

def namespace():
    uid, gid = os.getuid(), os.getgid()
    if C.unshare(USER):
        raise SystemExit("no namespace")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)

def child(function, wait=True):
    reads, writes = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(writes, json.dumps(function()).encode())
        finally:
            os._exit(0)
    os.close(writes)
    with open(reads, "rb") as file:
        got = file.read()
    os.waitpid(pid, 0)
    return json.loads(got)

def orphan(function):
    # Ask when the parent, and its parent, have ended.
    def outer():
        (reads, writes), (end, ends) = os.pipe(), os.pipe()
        if not os.fork():
            if not os.fork():
                os.close(ends)
                os.read(end, 1)
                os.setsid()
                os.write(writes, json.dumps(function()).encode())
                os._exit(0)
            os._exit(0)
        os.wait()
        os.close(writes)
        os.close(ends)
        with open(reads, "rb") as file:
            return json.loads(file.read())
    return child(outer)

def roles():
    return [ask("role", "mine"), ask("role", "other")]
"""

MINE, NOTHING, ALL = ["mine", "AgentError"], ["Refused", "Refused"], ["mine", "other"]


class Agent(NamedTuple):
    """An agent in this process, which hands out `mine` and `other`."""

    folder: Path
    seals: Seals

    def run(self, code: str, **options: object) -> dict[str, object]:
        """Run *code* in a process; return the values that it has put into `found`."""
        code = f"{PRELUDE}\nfound = {{}}\n{code}\nprint(json.dumps(found))"
        argv = [sys.executable, "-I", "-S", "-c", code, str(ENTRY), str(self.folder)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, **options)  # type: ignore[call-overload]
        if done.stderr.strip() == "no namespace" and not os.environ.get("CI"):
            pytest.skip("this system makes no user namespaces")
        assert not done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found


def _plan(key: str) -> Plan:
    def fetch(*_: object) -> None:
        raise NotImplementedError

    return Plan(key, Chain(Source("static", "default"), (), key, key), fetch)  # type: ignore[arg-type]


@pytest.fixture
def agent() -> Iterator[Agent]:
    """Run an agent."""
    import tempfile  # noqa: PLC0415 - the path of a socket is short

    seals = Seals()

    def reply(verb: bytes, parts: list[bytes], _: Waits, peer: Peer) -> list[bytes]:
        plan = _plan(parts[0].decode())
        if verb == b"forget":
            seals._seals.clear()  # noqa: SLF001 - a new agent knows none
            return []
        if verb == b"ticket":
            return [seals.ticket(peer, plan, {}, None).encode()]
        if verb == b"seal":
            seals.redeem(peer, parts[0].decode())
            return [b"sealed"]
        try:
            seals.check(peer, plan)
        except AgentError as error:
            return [type(error).__name__.encode()]
        return [plan.key.encode()]

    with tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as folder:
        path = Path(folder, "run")
        path.mkdir(0o700)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path / runtime_directory.SOCKET))
        server = Server(reply, listening=listening, life=Life(600, check_end=seals.check_free))
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        yield Agent(path, seals)
        server.end()
        thread.join()


NAMESPACES = "ticket = ask('ticket', 'mine'); namespace(); mark.put(); found['sealed'] = ask('seal', ticket)\n"
FALLBACK = (
    "ticket = ask('ticket', 'mine'); mark.put(); C.prctl(38, 1, 0, 0, 0); C.prctl(36, 1, 0, 0, 0);"
    "found['sealed'] = ask('seal', ticket)\n"
)
BOTH = pytest.mark.parametrize("seal", [NAMESPACES, FALLBACK], ids=["namespaces", "fallback"])


@BOTH
def test_what_a_sealed_process_starts_gets_its_role_and_no_other(agent: Agent, seal: str) -> None:
    """Itself, a child, a grandchild, a session of its own, an orphan, and a user namespace below it."""
    code = (
        "found['free'] = roles()\n"
        f"{seal}"
        "found['self'] = roles()\n"
        "found['child'] = child(roles)\n"
        "found['grandchild'] = child(lambda: child(roles))\n"
        "found['session'] = child(lambda: (os.setsid(), roles())[1])\n"
        "found['orphan'] = orphan(roles)\n"
        "found['renamed'] = child(lambda: (open('/proc/self/comm', 'w').write('systemd'), roles())[1])\n"
        "found['raised'] = child(lambda: (C.prctl(4, 1, 0, 0, 0), resource.getrlimit(10), roles())[2])\n"
        "found['nested'] = child(lambda: (namespace(), roles())[1])\n"
        "found['twice'] = child(lambda: (namespace(), namespace(), C.prctl(4, 0, 0, 0, 0), roles())[3])\n"
    )
    found = agent.run(code)
    assert (found.pop("free"), found.pop("sealed")) == (ALL, "sealed")
    assert found.keys() == {name for name, roles in found.items() if roles == MINE}, found
    assert agent.run("found['other'] = roles()") == {"other": ALL}


def test_a_child_of_the_parent_is_not_free(agent: Agent) -> None:
    """Where there is no namespace, clone(2) makes a process that is not below the command: it gets nothing."""
    code = (
        f"{FALLBACK}"
        "reads, writes = os.pipe()\n"
        "if C.syscall(56, 0x8000 | 17, 0, 0, 0, 0) == 0:\n"  # CLONE_PARENT
        "    os.write(writes, json.dumps(roles()).encode()); os._exit(0)\n"
        "os.close(writes)\n"
        "found['sibling'] = json.loads(open(reads).read())"
    )
    if os.uname().machine == "x86_64":
        assert agent.run(code) == {"sealed": "sealed", "sibling": NOTHING}


@BOTH
def test_what_outlives_the_command_gets_no_more(agent: Agent, seal: str) -> None:
    """With a namespace it keeps its role; without one, its mark is all that is left, and it gets nothing."""
    code = (
        "(reads, writes), (end, ends) = os.pipe(), os.pipe()\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        f"    {seal.strip().replace(chr(10), ';')}\n"
        "    if os.fork():\n"
        "        os._exit(0)\n"
        "    os.close(ends); os.read(end, 1); os.setsid()\n"
        "    os.write(writes, json.dumps(roles()).encode()); os._exit(0)\n"
        "os.waitpid(pid, 0); os.close(ends); os.close(writes)\n"
        "found['left'] = json.loads(open(reads).read())"
    )
    assert agent.run(code) == {"left": MINE if seal == NAMESPACES else NOTHING}


@BOTH
def test_a_new_agent_knows_no_seal_and_gives_nothing(agent: Agent, seal: str) -> None:
    """The agent has been restarted since."""
    code = f"{seal}found['before'] = roles(); ask('forget', 'all'); found['after'] = roles()"
    assert agent.run(code) == {"sealed": "sealed", "before": MINE, "after": NOTHING}


def test_a_container_gets_nothing(agent: Agent) -> None:
    """Its user namespace is not the agent's, and no command was sealed in it."""
    assert agent.run("namespace(); found['roles'] = roles()") == {"roles": NOTHING}


def test_a_sealed_process_does_not_end_the_agent(agent: Agent) -> None:
    """Nor does a container; of no version."""
    code = (
        f"found['container'] = child(lambda: (namespace(), ask('end'))[1])\n{NAMESPACES}"
        "found['sealed'] = ask('end'); client.VERSION = b'0'; found['old'] = ask('end')"
    )
    assert agent.run(code) == {"container": "Refused", "sealed": "Refused", "old": "Refused"}
    assert agent.run("found['roles'] = roles()") == {"roles": ALL}


def test_a_ticket_is_valid_once_and_for_its_process(agent: Agent) -> None:
    """Another process, a second time, and a minute later get no seal; a sealed process gets no ticket."""
    code = (
        "taken = ask('ticket', 'mine'); found['child'] = child(lambda: (mark.put(), ask('seal', taken))[1])\n"
        "found['taken'] = ask('seal', taken)\n"
        "found['no mark'] = ask('seal', ask('ticket', 'mine'))\n"
        f"{NAMESPACES}found['again'] = ask('seal', ticket); found['second'] = ask('ticket', 'other')"
    )
    refused = dict.fromkeys(("child", "taken", "no mark", "again"), "Refused")
    assert agent.run(code) == {**refused, "sealed": "sealed", "second": ""}


def test_a_connection_serves_the_process_that_made_it(agent: Agent) -> None:
    """Sealed after it, by inheritance or from outside over another socket: the sender counts as well."""
    code = (
        "def opened():\n"
        "    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[2] + '/socket'); return s\n"
        "def over(s):\n"
        "    return ask('role', 'other', agent=s)\n"
        "found['own'] = over(opened())\n"
        "s = opened(); found['inherited'] = child(lambda: over(s))\n"
        "ours, theirs = socket.socketpair()\n"
        "def helped():\n"
        "    return over(socket.socket(fileno=socket.recv_fds(theirs, 1, 1)[1][0], family=1, type=1, proto=0))\n"
        "def help():\n"
        "    s = opened(); socket.send_fds(ours, [b'x'], [s.fileno()]); return child(helped)\n"
        "found['handed on'] = help()\n"
        "s = opened()\n"
        f"{NAMESPACES}found['before'] = ask('role', 'other', agent=s)"
    )
    assert agent.run(code) == {
        "own": "other",
        "inherited": "Lost",
        "handed on": "Lost",
        "sealed": "sealed",
        "before": "AgentError",
    }


def test_the_register_is_bounded(agent: Agent) -> None:
    """The seals of commands that have ended go first, and what is left of these gets nothing."""
    found = agent.run(f"{FALLBACK}found['pid'] = os.getpid()")
    assert found["sealed"] == "sealed"
    first = agent.seals._seals[0]  # noqa: SLF001 - there is no other way to fill it in a second
    agent.seals._seals.extend([first] * (MAX_SEALS - 1))  # noqa: SLF001 - the same
    assert agent.run(f"{FALLBACK}found['self'] = roles()")["self"] == MINE
    assert len(agent.seals._seals) == MAX_SEALS  # noqa: SLF001 - the same


def test_the_next_owner_of_a_number_is_not_sealed(agent: Agent) -> None:
    """Another process gets the number of a sealed one that has ended: it started later."""
    if not os.access("/proc/sys/kernel/ns_last_pid", os.W_OK):
        pytest.skip("only root can choose the number of the next process")
    wanted = agent.run(f"{FALLBACK}found['pid'] = os.getpid()")["pid"]
    code = (
        "def same():\n"
        f"    return roles() if os.getpid() == {wanted} else None\n"
        "for _ in range(10_000):\n"  # others start processes, too
        f"    open('/proc/sys/kernel/ns_last_pid', 'w').write('{int(str(wanted)) - 1}')\n"
        "    found['roles'] = child(same)\n"
        "    if found['roles']: break\n"
    )
    assert agent.run(code) == {"roles": ALL}


def test_only_so_many_tickets_are_valid() -> None:
    """A process that asks for one after the other does not fill the memory of the agent: the oldest is void."""
    seals, peer = Seals(), Peer((Process(os.getpid(), 1, None),), namespaces=(own_namespace(),))
    tickets = [seals.ticket(peer, _plan("mine"), {}, None) for _ in range(MAX_TICKETS + 1)]
    with pytest.raises(client.Refused, match="the ticket for the seal is not valid"):
        seals.redeem(peer, tickets[0])
    for ticket in tickets[1:]:
        with pytest.raises(client.Refused, match="nothing would mark"):
            seals.redeem(peer, ticket)


def test_a_ticket_ends(agent: Agent) -> None:
    """A minute later it seals nothing."""
    times = deque([0.0, VALID + 1])
    object.__setattr__(agent.seals, "now", lambda: times.popleft() if len(times) > 1 else times[0])
    assert agent.run(NAMESPACES) == {"sealed": "Refused"}


def test_the_mark_is_inherited_and_cannot_be_raised() -> None:
    """It survives execve(2); only the administrator may raise it."""
    code = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]); from awsenv import mark\n"
        "found = [mark.is_set()]\n"
        "for limit in (mark.VALUE, 5, 0):\n"
        "    mark.put(); mark.put(); resource.setrlimit(10, (limit, limit))\n"
        "    with open('/proc/self/limits', 'rb') as file: found += [mark.is_set(), mark.is_in(file.read())]\n"
        "print(*found)"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, str(ENTRY)], capture_output=True, check=True)
    assert done.stdout.split() == [b"False", *[b"True"] * 6]
    assert not mark.is_set()


def test_the_mark_does_not_depend_on_the_limit_of_the_agent() -> None:
    """Whoever is sealed may lower the limit of every process of the user: then the agent would have the mark, too."""
    code = (
        "import socket, sys; sys.path.insert(0, sys.argv[1])\n"
        "from awsenv import mark; from awsenv.agent.peer import peer\n"
        "mark.put(); print(peer(socket.socketpair()[0]).is_marked)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code, str(ENTRY)], capture_output=True, check=True)
    assert done.stdout == b"True\n"
