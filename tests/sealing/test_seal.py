"""A sealed process, by the system's own means: what it sees, and what it cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sealing.conftest import House

LIBRARY = """\
import ctypes, errno, json, os, socket, sys
c = ctypes.CDLL(None, use_errno=True)
home = os.environ["HOME"]

def tried(step, *arguments):
    "Return what a step returns, or the name of the error."
    try:
        return step(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]

def called(name, *arguments):
    "Call a function of the C library, and return the name of the error, if it fails."
    wide = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments]
    return errno.errorcode[ctypes.get_errno()] if getattr(c, name)(*wide) == -1 else "done"

def read(path):
    return tried(lambda: open(path, errors="replace").read(9))

def asked(path):
    def ask():
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            return client.recv(99).decode()
    return tried(ask)

"""

SEES = """\
run = os.environ["XDG_RUNTIME_DIR"]
tmux = os.environ["TMUX_TMPDIR"] + f"/tmux-{os.getuid()}"
agent = run + "/awsenv/socket"
seen = {
    "files": [read(f"{home}/{each}") for each in (
        ".aws/config", ".aws/credentials", ".aws/sso/cache/token.json", ".cache/awsenv/names", "other/aws/config")],
    "keys": read(f"{home}/work/keys"),
    "code": read(f"{home}/work/code"),
    "aws": [os.listdir(f"{home}/.aws"), tried(open, f"{home}/.aws/config", "w")],
    "run": sorted(os.listdir(run)), "agent": os.listdir(run + "/awsenv"),
    "asked": [asked(each) for each in (agent, run + "/ssh", run + "/bus", tmux + "/default",
        home + "/.docker/run/docker.sock")],
    "replaced": [
        tried(os.unlink, agent), tried(os.rename, agent, agent + "2"), tried(os.chmod, agent, 0),
        tried(os.rename, run + "/awsenv", run + "/other"), tried(socket.socket(socket.AF_UNIX).bind, agent + "2"),
    ],
    "tmux": [os.listdir(tmux), tried(os.mkdir, tmux + "/own")],
    "variables": sorted(set(os.environ) & {"TMUX", "DISPLAY", "AWSENV_SAVED_AWS_SHARED_CREDENTIALS_FILE", "HOME"}),
    "written": [tried(lambda: open(f"{home}/new", "w").write("new")), os.stat(f"{home}/new").st_uid],
    "folder": os.getcwd(),
    "user": [os.getuid(), os.getgid()],
}
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def seen(house: House) -> Any:
    """Return what a sealed command sees."""
    return house.seen(LIBRARY + SEES)


def test_keys_and_sign_ins_are_gone(seen: Any) -> None:
    """A sealed command finds no file of AWS tools, and makes none."""
    assert ["ENOENT"] * 5 == seen["files"]
    assert [[], "EROFS"] == seen["aws"]


def test_one_file_is_empty(seen: Any) -> None:
    """Of a folder that is there for more, a sealed command misses the file with the keys alone."""
    assert ["", "code"] == [seen["keys"], seen["code"]]


def test_the_agent_answers(seen: Any) -> None:
    """A sealed command reaches the agent and ssh-agent, and no other program that listens beside them."""
    assert ["socket", "ssh", "ENOENT", "ENOENT", "ECONNREFUSED"] == seen["asked"]
    assert [["awsenv", "ssh"], ["socket"]] == [seen["run"], seen["agent"]]


def test_the_socket_stays(house: House, seen: Any) -> None:
    """A sealed command neither removes, renames nor closes the agent's socket, and makes none beside it."""
    assert ["EROFS", "EROFS", "EROFS", "EBUSY", "EROFS"] == seen["replaced"]
    assert 0o700 & (house.run_folder / "awsenv" / "socket").stat().st_mode


def test_tmux_is_its_own(house: House, seen: Any) -> None:
    """A sealed command does not see the servers of tmux, and may start its own."""
    assert [[], None] == seen["tmux"]
    assert ["default"] == [each.name for each in (house.folder / f"tmux-{house.uid}").iterdir()]


def test_variables_are_gone(seen: Any) -> None:
    """A sealed command has no variable that names a program outside, or that is saved."""
    assert ["HOME"] == seen["variables"]


def test_its_files_are_the_users(house: House, seen: Any) -> None:
    """What a sealed command writes in the home stays there, and belongs to the user."""
    new = house.home / "new"
    assert ("new", house.uid, house.gid) == (new.read_text(), new.stat().st_uid, new.stat().st_gid)
    assert [3, house.uid] == seen["written"]
    assert [str(house.home), [house.uid, house.gid]] == [seen["folder"], seen["user"]]
