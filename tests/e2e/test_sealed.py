"""`exec --sealed`: whatever the command does, awsenv gives it its role, and nothing more."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import awsenv
import refusing
from awsenv.agent import runtime_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from conftest import Until, World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux seals")

SITE = str(Path(awsenv.__file__).parents[1])

PROBE = """\
import ctypes, json, os, shutil, subprocess, sys, time
site, program, other, outside, config, folder = sys.argv[1:]
sys.path.insert(0, site)
from awsenv import mark
from awsenv.agent import client
from awsenv.cli import action, conversation
C, environ = ctypes.CDLL(None, use_errno=True), dict(os.environ)
KEY = environ["AWS_ACCESS_KEY_ID"]

def asked(words, verb=conversation.RUN, agent=None, **variables):
    mine = {**environ, **variables}
    try:
        reply = client.ask(mine if agent is None else agent, verb, [b"", *conversation.request(words, mine)])
    except client.Trouble as trouble:
        return type(trouble).__name__
    made = action.unpacked(reply, mine)
    if made.kind == b"fail":
        fact = made.notes[-1].fact
        return "sealed" if fact.startswith("this process is sealed") else fact
    return ("lease" if KEY in made.text else "MORE") if "AccessKeyId" in made.text else made.kind.decode()

def role(name, **options):
    return asked(["credential-process", "--print", name], **options)

def roles(**options):
    return [role(name, **options) for name in ("read-only", "power-user")]

def child(function, *, keeps=True):
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

def orphan():
    # It asks when the process that has started it has ended.
    (reads, writes), (end, ends) = os.pipe(), os.pipe()
    if not os.fork():
        if not os.fork():
            os.close(ends)
            os.read(end, 1)
            os.setsid()
            os.write(writes, json.dumps(roles()).encode())
            os._exit(0)
        os._exit(0)
    os.close(writes)
    os.close(ends)
    with open(reads, "rb") as file:
        return json.loads(file.read())

def renamed():
    name = shutil.copy(os.path.realpath(sys.executable), folder + "/aws-vault")
    code = "import sys; sys.argv[0] = 'systemd'; " + "sys.path.insert(0, %r); " % site
    code += "from awsenv.__main__ import main; sys.argv[1:] = ['exec', 'power-user', '--', 'true']; main()"
    return subprocess.run([name, "-c", code], env=environ, capture_output=True).returncode

def unmarked():
    # Neither may raise the limit that is the mark.
    import resource
    try:
        resource.setrlimit(10, (-1, -1))
    except (OSError, ValueError):
        return "refused"
    return "raised"

def by_proc():
    # The same socket, by the root folder of a process outside.
    import socket
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(f"/proc/{outside}/root" + socket_path)
        except OSError:
            return ["hidden"] * 2
        return [role(name, agent=connection) for name in ("power-user",)] * 2

def nested():
    C.unshare(0x10000000)
    return roles()

def served():
    # It says that it is another process, which never ends.
    parts = conversation.request(["exec", "--refresh", "read-only", "--", "true"], environ)
    parts[2] = b"1"
    made = action.unpacked(client.ask(environ, conversation.RUN, [b"", *parts]), environ)
    return [made.environ["AWS_CONTAINER_" + each] for each in ("CREDENTIALS_FULL_URI", "AUTHORIZATION_TOKEN")]

def run(*words, **variables):
    done = subprocess.run([program, *words], env={**environ, **variables}, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr

from awsenv.agent import runtime_directory
socket_path = runtime_directory.find(environ) + "/socket"
found = {"itself": roles(), "child": child(roles), "grandchild": child(lambda: child(roles))}
found["session"] = child(lambda: (os.setsid(), roles())[1])
found["orphan"] = child(orphan)
found["group"] = child(lambda: (os.setpgid(0, 0), roles())[1])
found["forged"] = roles(AWS_CONFIG_FILE=config, AWS_PROFILE="power-user", AWSENV_ROLE="power-user", AWSENV_PROFILE="x",
    AWS_ENDPOINT_URL="http://127.0.0.1:9", AWSENV_REGION="eu-west-1", HOME="/")
found["nested"] = child(nested)
found["grant"] = roles(verb=conversation.GRANT)
found["part"] = roles(verb=conversation.PART)
found["by proc"] = by_proc()
found["served"] = served()
asked(["exec", "read-only", "--", "true"], XDG_CACHE_HOME=folder + "/cache")
found["narrowed"] = asked(["credential-process", "--print", "read-only", "--only", "s3:Get*"])
found["policy"] = asked(["explain", "read-only", "--policy", "file:///etc/passwd"])
found["files"] = [
    asked(words, AWS_CONFIG_FILE="/etc/passwd", AWS_SHARED_CREDENTIALS_FILE="/etc/passwd")
    for words in (["status", "--verify"], ["list"], ["status"], ["explain", "read-only"])]
found["explain"] = [asked(["explain", name]) for name in ("read-only", "power-user")]
found["other lease"] = asked(["renew", "--shell", "bash", "--print"], AWSENV_RENEW=other)
found["commands"] = [asked(words, verb=conversation.PART) for words in (
    ["setup", "--print-key"], ["doctor", "power-user"], ["login"], ["demo"], ["each", "*", "--", "env"], ["logout"])]
found["login"] = asked(["login", "123456"])
verbs = (client.END, client.END_UNUSED, conversation.LOCK, conversation.ATTEND, mark.SEAL)
def plain(verb):
    try:
        return client.ask(environ, verb, [b"1", b"", b""])
    except client.Trouble as trouble:
        return type(trouble).__name__
found["verbs"] = list(map(plain, verbs))
found["traced"] = C.ptrace(16, int(outside), None, None)
found["raised"] = unmarked() if os.getuid() or os.readlink("/proc/self/ns/user") != os.environ["OUT"] else "refused"
found["renamed"] = renamed()
found["status"] = run("status")
found["scrubbed"] = [
    subprocess.run([program, "exec", name, "--", "true"], env={"XDG_RUNTIME_DIR": environ["XDG_RUNTIME_DIR"]},
        capture_output=True).returncode for name in ("read-only", "power-user")]
found["sealed again"] = run("exec", "--sealed", "read-only", "--", program, "exec", "read-only", "--", "true")[0]
found["logout"] = run("logout")
found["variables"] = [name for name in environ if name.startswith("AWSENV_SAVED") or name == "AWSENV_RUNTIME_DIR"]
print(json.dumps(found), flush=True)
command = os.getpid()
if not os.fork():
    while os.getppid() == command:
        time.sleep(0.01)
    print(json.dumps(roles()), flush=True)
    os._exit(0)
"""
"""What a command that wants more tries. What it starts last outlives it."""


class House(NamedTuple):
    """A user with an agent that holds two roles."""

    world: World
    environ: dict[str, str]
    other: str
    """The id of the other role."""

    def run(self, *words: str, before: tuple[str, ...] = (), **environ: str) -> subprocess.CompletedProcess[str]:
        """Run awsenv with *words*."""
        return subprocess.run(
            [*before, self.world.program, *words],
            env=self.environ | environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            stdin=subprocess.DEVNULL,
        )


REFUSED = (sys.executable, "-I", "-S", refusing.__file__, "unshare")
"""What starts a program for which there are no namespaces."""


@contextmanager
def _house(world: World, agent: Callable[[Mapping[str, str]], AbstractContextManager[None]] | None) -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as runtime:
        environ = {name: value for name, value in world.environ.items() if name != runtime_directory.VARIABLE}
        environ |= {"XDG_RUNTIME_DIR": runtime, "OUT": str(Path("/proc/self/ns/user").readlink())}
        house = House(world, environ, "")
        if agent is None:
            try:
                yield house
            finally:
                house.run("logout")
            return
        with agent(environ):
            assert not house.run("login", world.device.code()).returncode
            printed = house.run("use", "power-user", "--shell", "bash", "--print").stdout
            yield house._replace(other=re.search("AWSENV_RENEW=.?([0-9a-f]{32})", printed)[1])  # type: ignore[index]


@pytest.fixture(scope="module")
def house(
    shared_world: World, agent_in: Callable[[Mapping[str, str]], AbstractContextManager[None]]
) -> Iterator[House]:
    """Return a user whose agent holds an MFA session and two roles."""
    with _house(shared_world, agent_in) as house:
        yield house


@pytest.fixture(scope="module", params=["namespaces", "fallback"])
def found(
    house: House, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, Any]]:
    """Return what a sealed command finds, with namespaces and without."""
    if request.param == "namespaces" and subprocess.run(["unshare", "--user", "true"], check=False).returncode:
        assert "CI" not in os.environ, "CI has user namespaces"
        pytest.skip("this system makes no user namespaces")
    folder = tmp_path_factory.mktemp("forged")
    home = Path(house.environ["HOME"])
    config = folder / "config"
    config.write_text((home / ".aws" / "config").read_text().replace("role/read-only", "role/power-user"))
    with subprocess.Popen(["sleep", "600"]) as outside:
        words = [SITE, house.world.program, house.other, str(outside.pid), str(config), str(folder)]
        command = [sys.executable, "-I", "-S", "-c", PROBE, *words]
        before = REFUSED if request.param == "fallback" else ()
        done = house.run("exec", "--sealed", "read-only", "--", *command, before=before)
        outside.kill()
    assert not done.returncode, done.stderr
    seen, left = map(json.loads, done.stdout.splitlines())
    seen["left"], seen["stderr"] = left, done.stderr
    seen["written"] = (folder / "cache").exists()
    return request.param, seen


LEASE = ["lease", "sealed"]


def test_what_a_sealed_command_starts_gets_its_role_and_no_other(found: tuple[str, dict[str, Any]]) -> None:
    """However it is started, whatever its environment says, and by whichever verb it asks."""
    _, seen = found
    names = ("itself", "child", "grandchild", "session", "orphan", "group", "forged", "nested", "grant", "part")
    assert dict.fromkeys(names, LEASE) == {name: seen[name] for name in names}
    assert ([0, 125], 125, 0) == (seen["scrubbed"], seen["renamed"], seen["sealed again"])


def test_what_outlives_the_command_gets_no_more(found: tuple[str, dict[str, Any]]) -> None:
    """With a namespace it keeps the role; without one, nothing but its mark is left."""
    mode, seen = found
    assert seen["left"] == (LEASE if mode == "namespaces" else ["Refused"] * 2)


def test_its_endpoint_ends_with_the_command(found: tuple[str, dict[str, Any]], until: Until) -> None:
    """Whatever process it has named to the agent."""
    _, seen = found
    url, token = seen["served"]

    def is_gone() -> bool:
        try:
            urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": token})).close()  # noqa: S310 - HTTP
        except urllib.error.HTTPError as error:
            return error.code == 404
        return False

    until(is_gone)


def test_the_agent_writes_nothing_for_it(found: tuple[str, dict[str, Any]]) -> None:
    """The agent could write where a sealed command cannot."""
    assert not found[1]["written"]


def test_a_sealed_command_gets_nothing_by_another_way(found: tuple[str, dict[str, Any]]) -> None:
    """Other options, the id of another lease, other commands and verbs, a way around the mounts, and ptrace(2)."""
    mode, seen = found
    assert ["sealed"] * 2 == [seen["narrowed"], seen["other lease"]]
    # The agent reads no file that it names.
    assert ["report", "table", "report", "report"] == seen["files"]
    assert (["report", "sealed"], "a sealed process names no file") == (seen["explain"], seen["policy"])
    assert ["sealed"] * 7 == [*seen["commands"], seen["login"]]
    assert ["Refused", [], "Refused", "Refused", "Refused"] == seen["verbs"]
    # Without a namespace, Landlock hides it, where the kernel has that.
    assert set(seen["by proc"]) <= ({"hidden"} if mode == "namespaces" else {"hidden", "sealed"})
    assert (-1, "refused") == (seen["traced"], seen["raised"])


def test_a_sealed_command_sees_its_role_alone(found: tuple[str, dict[str, Any]]) -> None:
    """Neither the other role nor the MFA session is in `status`, nor what awsenv has saved in its environment."""
    _, seen = found
    status, text = seen["status"]
    assert (0, True, False) == (status, "read-only until" in text, "power-user" in text or "MFA session" in text)
    assert seen["logout"] == [8, f"awsenv: {SEALED}\n  try      {OUTSIDE}\n"]
    assert [] == seen["variables"]


SEALED = "this process is sealed: awsenv gives it read-only, and nothing else"
OUTSIDE = "run it outside of awsenv exec --sealed"


def test_what_the_system_cannot_do_is_said_first(found: tuple[str, dict[str, Any]]) -> None:
    """Without namespaces, the files can be seen."""
    mode, seen = found
    assert ("sees your files of AWS" in seen["stderr"]) == (mode == "fallback")


def test_a_strict_seal_has_all_or_is_refused(house: House) -> None:
    """The command does not start."""
    done = house.run("exec", "--sealed=strict", "read-only", "--", "echo", "started", before=REFUSED)
    assert (125, "") == (done.returncode, done.stdout)
    assert "--sealed=strict demands\n  try      use --sealed, which starts it all the same\n" in done.stderr


def test_without_an_agent_the_namespaces_hold(world: World) -> None:
    """Inside, awsenv asks for no code; an agent that starts later gives nothing; without both, nothing starts."""
    with _house(world, None) as house:
        done = house.run("exec", "--sealed", "read-only", "--", "echo", "started", before=REFUSED)
        assert (125, "") == (done.returncode, done.stdout)
        assert (
            "nothing would seal it\n  because  there is no agent, and the system makes no user namespace" in done.stderr
        )
        inside = f'{world.program} exec read-only -- echo more; {world.program} login; echo "$?"'
        done = house.run("exec", "--sealed", "read-only", "--", "sh", "-c", inside)
        assert "8\n" == done.stdout
        assert 2 == done.stderr.count("this process is sealed, and no agent gives it this role")


def test_a_folder_that_is_not_safe_holds_no_agent(world: World) -> None:
    """The command starts as it does without an agent; why there is none is said first."""
    with _house(world, None) as house:
        unsafe = Path(house.environ["XDG_RUNTIME_DIR"], "open")
        unsafe.mkdir(mode=0o755)
        named = house._replace(environ={**house.environ, runtime_directory.VARIABLE: str(unsafe)})
        done = named.run("exec", "--sealed", "read-only", "--", "echo", "started")
        assert (0, "started\n") == (done.returncode, done.stdout), done.stderr
        assert f"the agent is not used: {unsafe} is open to other users" in done.stderr


@pytest.mark.parametrize("before", [(), REFUSED], ids=["namespaces", "fallback"])
def test_a_new_agent_gives_nothing_to_what_an_earlier_one_sealed(world: World, before: tuple[str, ...]) -> None:
    """The user logs out and in again while the command runs."""
    with _house(world, None) as house:
        assert not house.run("login", world.device.code()).returncode
        inside = f"echo ready; read line; {world.program} exec read-only -- echo more; echo $?"
        with subprocess.Popen(
            [*before, world.program, "exec", "--sealed", "read-only", "--", "sh", "-c", inside],
            env=house.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as sealed:
            assert sealed.stdout is not None
            assert "ready\n" == sealed.stdout.readline()
            assert not house.run("logout").returncode
            world.sandbox.clock.elapse(30)
            assert not house.run("login", world.device.code()).returncode
            out, err = sealed.communicate("go\n", timeout=180)
    assert "125\n" == out
    assert "this process is sealed, and no agent gives it this role" in err


def test_a_server_that_ran_before_is_out_of_reach(
    house: House, require: Callable[[str], str], until: Until, tmp_path: Path
) -> None:
    """A tmux server outside starts what it is told, with all roles; inside, its socket is not there."""
    tmux, more = require("tmux"), tmp_path / "more"
    told = f"{tmux} new-window {house.world.program} exec power-user -- touch {more}"
    with tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as folder:
        environ = house.environ | {"TMUX_TMPDIR": folder, "SHELL": "/bin/sh"}
        subprocess.run([tmux, "-f", os.devnull, "new-session", "-d", "sleep 600"], env=environ, check=True)
        try:
            done = house.run("exec", "--sealed", "read-only", "--", "sh", "-c", told, TMUX_TMPDIR=folder)
            assert done.returncode
            assert not more.exists()
            subprocess.run(told, env=environ, shell=True, check=True)  # noqa: S602 - as the sealed command did
            until(more.exists)
        finally:
            subprocess.run([tmux, "kill-server"], env=environ, check=True)


def test_renewed_keys_are_served_in_a_seal(house: House) -> None:
    """The endpoint of `--refresh` can be reached: a seal has the network of the user."""
    code = (
        "import json, os, urllib.request as u; r = u.Request(os.environ['AWS_CONTAINER_CREDENTIALS_FULL_URI'], "
        "headers={'Authorization': os.environ['AWS_CONTAINER_AUTHORIZATION_TOKEN']}); print(*json.load(u.urlopen(r)))"
    )
    done = house.run("exec", "--sealed", "--refresh", "read-only", "--", sys.executable, "-I", "-c", code)
    assert "AccessKeyId" in done.stdout, done.stderr


def test_the_role_of_a_seal_needs_neither_its_options_nor_its_assistant(house: House, tmp_path: Path) -> None:
    """Inside, the name of the role is enough; what asks for more, or for what is narrowed otherwise, is refused."""
    claude = tmp_path / "claude"
    ask = f"{house.world.program} exec -q {{}} -- sh -c 'echo $AWSENV_NARROWED'"
    lines = map(ask.format, ["read-only", "--only s3:Get* read-only", "--only s3:Put* read-only", "power-user"])
    each = f"{house.world.program} each read-only -- true"
    claude.write_text("\n".join(["#!/bin/sh", "export CLAUDECODE=1", *lines, each]))
    claude.chmod(0o755)
    done = house.run("exec", "--sealed", "--only", "s3:Get*", "read-only", "--", str(claude))
    assert ["only s3:Get*"] * 2 == done.stdout.splitlines()
    assert 2 == done.stderr.count("this process is sealed: awsenv gives it read-only (only s3:Get*), and nothing else")
    assert 1 == done.stderr.count(f"\n  try      leave the options of the role out\n  or       {OUTSIDE}\n")
    # What the agent does not run finds no files.
    because = "\n  because  this process is sealed, and does not see your files of AWS"
    assert done.stderr.endswith(f"{because}\n  try      {OUTSIDE}\n") or "sees your files of AWS" in done.stderr


def test_an_assistant_that_starts_in_a_seal_gets_its_role(house: House, tmp_path: Path) -> None:
    """The seal was made for a script, which runs a coding agent."""
    claude = tmp_path / "claude"
    claude.write_text("#!/bin/sh\necho $AWSENV_ROLE\n")
    claude.chmod(0o755)
    inside = [house.world.program, "exec", "read-only", "--", str(claude)]
    assert "read-only\n" == house.run("exec", "--sealed", "read-only", "--", *inside).stdout


def test_a_seal_needs_no_home(house: House) -> None:
    """Where there is no other place for the agent's socket, it stays where a variable names it."""
    environ = {name: value for name, value in house.environ.items() if name not in {"XDG_RUNTIME_DIR", "HOME"}}
    inside = [house.world.program, "exec", "read-only", "--", "sh", "-c", "echo $AWSENV_ROLE"]
    named = {runtime_directory.VARIABLE: runtime_directory.find(house.environ) or ""}
    files = {f"AWS_{name}": f"{house.environ['HOME']}/.aws/{file}" for name, file in FILES.items()}
    done = subprocess.run(
        [house.world.program, "exec", "--sealed", "read-only", "--", *inside],
        env={**environ, **named, **files, "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "read-only\n" == done.stdout, done.stderr


FILES = {"CONFIG_FILE": "config", "SHARED_CREDENTIALS_FILE": "credentials"}
