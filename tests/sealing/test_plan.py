"""The plan of a seal: what is hidden, and why."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from awsenv import variables
from awsenv.errors import Failure
from awsenv.sealing import process
from awsenv.sealing.plan import AGENT, BEFORE, KEYS, RUNTIME, Cover, Plan, hidden

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home folder, with one for sockets in it."""
    (tmp_path / "run").mkdir(mode=0o700)
    return tmp_path


def _plan(home: Path, runtime: str | None = None, folder: str = "/", **environ: str) -> Plan:
    return hidden({"HOME": str(home), **environ}, runtime=runtime, folder=folder, uid=os.getuid())


def _reasons(plan: Plan) -> dict[str, str]:
    return {cover.path: cover.reason for cover in plan.covers}


def test_every_folder_of_an_agent_is_covered(home: Path) -> None:
    """Each folder where awsenv looks for an agent is covered, and made if it is missing."""
    covers = _plan(home, XDG_RUNTIME_DIR=f"{home}/run").covers
    assert Cover(f"{home}/run", RUNTIME, is_private=True, is_made=True) in covers
    assert Cover(f"{home}/run/awsenv", AGENT, is_made=True) in covers
    assert Cover(f"{home}/.awsenv", AGENT, is_private=True, is_made=True) in covers


def test_the_socket_is_where_awsenv_looks_first(home: Path) -> None:
    """The agent of a folder that a variable names is found without the variable, and that folder is covered."""
    plan = _plan(home, f"{home}/own", XDG_RUNTIME_DIR=f"{home}/run", AWSENV_RUNTIME_DIR=f"{home}/own")
    assert ((f"{home}/own/socket", f"{home}/run/awsenv/socket"),) == plan.sockets
    assert Cover(f"{home}/own", AGENT, is_made=True) in plan.covers
    assert {"AWSENV_RUNTIME_DIR": AGENT} == plan.removed


def test_a_folder_of_sockets_that_others_may_open_is_covered(home: Path) -> None:
    """The folder that XDG_RUNTIME_DIR names is covered though no agent would be there, unless programs share it."""
    (home / "run").chmod(0o755)
    assert Cover(f"{home}/run", RUNTIME, is_private=True) in _plan(home, XDG_RUNTIME_DIR=f"{home}/run/").covers
    for shared in ("/tmp", "/dev/shm"):  # noqa: S108 - as someone may have it
        assert shared not in _reasons(_plan(home, XDG_RUNTIME_DIR=shared))


def test_kernels_are_covered(home: Path) -> None:
    """The files by which a kernel of Jupyter is told what to run are covered."""
    assert RUNTIME == _reasons(_plan(home))[f"{home}/.local/share/jupyter/runtime"]
    assert RUNTIME == _reasons(_plan(home, JUPYTER_RUNTIME_DIR="~/kernels"))[f"{home}/kernels"]


def test_the_home_is_never_covered(home: Path) -> None:
    """A folder for sockets in which the home or the working directory is, is covered only where the agent is."""
    home.chmod(0o700)
    assert str(home) not in _reasons(_plan(home, XDG_RUNTIME_DIR=str(home)))
    assert f"{home}/run" not in _reasons(_plan(home, folder=f"{home}/run/x", XDG_RUNTIME_DIR=f"{home}/run"))
    assert str(home) not in _reasons(_plan(home, AWS_LOGIN_CACHE_DIRECTORY=str(home), AWS_CONFIG_FILE="~", NVIM="/"))


@pytest.mark.parametrize("name", [*variables.having(variables.FILE), "AWS_WEB_IDENTITY_TOKEN_FILE"])
@pytest.mark.parametrize("prefix", ["", variables.SAVED])
def test_named_files_are_covered(home: Path, name: str, prefix: str) -> None:
    """A file that a variable names is covered; if its folder is for AWS alone, the folder is."""
    assert KEYS == _reasons(_plan(home, **{prefix + name: "$HOME/keys"}))[f"{home}/keys"]
    assert KEYS == _reasons(_plan(home, **{prefix + name: "~/conf/aws/keys"}))[f"{home}/conf/aws"]
    assert KEYS == _reasons(_plan(home, folder=f"{home}/aws/code", **{prefix + name: "~/aws/keys"}))[f"{home}/aws/keys"]
    assert os.devnull not in _reasons(_plan(home, **{prefix + name: os.devnull}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TMUX", "/x/socket,12,0"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/x/socket,guid=12"),
        ("DOCKER_HOST", "unix:///x/socket"),
        ("KITTY_LISTEN_ON", "unix:/x/socket"),
        ("NVIM", "/x/socket"),
        ("WSL_INTEROP", "/x/socket"),
    ],
)
def test_sockets_of_programs_are_covered(home: Path, name: str, value: str) -> None:
    """A variable that names the socket of a program outside is removed, and the socket is covered."""
    plan = _plan(home, **{name: value})
    assert {name: _reasons(plan)["/x/socket"]} == plan.removed


@pytest.mark.parametrize("value", ["unix:abstract=/x/socket", "tcp://127.0.0.1:2375", "socket", ""])
def test_other_addresses_cover_nothing(home: Path, value: str) -> None:
    """An address that is no path of a socket only goes with its variable."""
    plan = _plan(home, DOCKER_HOST=value)
    assert ["DOCKER_HOST"] == list(plan.removed)
    assert _plan(home).covers == plan.covers


def test_an_environment_loses_what_is_saved(home: Path) -> None:
    """The environment of the command has the role and no value from before it."""
    environ = {"AWS_ACCESS_KEY_ID": "role", "AWSENV_SAVED_AWS_PROFILE": "own", "SSH_ASKPASS": "ask", "PATH": "/bin"}
    plan = _plan(home, **environ)
    assert BEFORE == plan.removed["AWSENV_SAVED_AWS_PROFILE"]
    assert {"AWS_ACCESS_KEY_ID": "role", "PATH": "/bin"} == plan.without(environ)


def test_ssh_agent_stays(home: Path) -> None:
    """The socket of ssh-agent stays where it is, also in a folder that is covered."""
    plan = _plan(home, XDG_RUNTIME_DIR=f"{home}/run", SSH_AUTH_SOCK=f"{home}/run/ssh/agent")
    assert ((f"{home}/run/ssh/agent", f"{home}/run/ssh/agent"),) == plan.sockets


@pytest.mark.parametrize(
    ("path", "is_reached"),
    [("@/tmp/.X11-unix/X0", True), ("@/tmp/dbus-x", True), ("/x/.X11-unix/X0", False), ("@other", False)],
)
def test_the_desktop_listens(tmp_path: Path, path: str, is_reached: object) -> None:
    """An abstract socket of X11 or the session bus is found in the list of the system."""
    (tmp_path / "unix").write_text(f"Num RefCount\n0000: 00000002 00000000 00010000 0001 01 12345 {path}\n")
    assert is_reached is process.takes_commands(str(tmp_path / "unix"))


@pytest.mark.skipif(sys.platform == "linux", reason="Linux has what a seal is made of")
def test_other_systems_refuse_it(home: Path) -> None:
    """Where nothing marks a process and all that it starts, no command is sealed, and the reason is said."""
    with pytest.raises(Failure, match="only Linux has user namespaces"):
        process.seal(_plan(home))
