"""A sealed process, by the system's own means: what it sees, and what it cannot do."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

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


LEAVES = """\
victim, users, mounts, folder, pipe = map(int, sys.argv[1:6])
covered = [f"{home}/.aws", f"{home}/work/keys", os.environ["XDG_RUNTIME_DIR"] + "/awsenv/socket"]
MNT_DETACH, BIND, NEWUSER, NEWNS, ATTACH, TIOCSTI = 2, 4096, 0x10000000, 0x20000, 16, 0x5412

def type_into_the_terminal():
    "Return what comes of it in a process that leads a session on a terminal."
    main, other = os.openpty()
    out, write = os.pipe()
    if not os.fork():
        os.setsid()
        os.close(os.open(os.ttyname(other), os.O_RDWR))
        letter = ctypes.byref(ctypes.c_char(b"x"))
        answers = [called("ioctl", other, TIOCSTI | high, letter) for high in (0, 1 << 32)]
        os.write(write, json.dumps(answers).encode())
        os._exit(0)
    os.wait()
    return json.loads(os.read(out, 99))

def umounted():
    return [called("umount2", each.encode(), MNT_DETACH) for each in covered]

tells = {
    "root": os.getuid() == 0,
    "umounted": umounted(),
    "bound": called("mount", home.encode(), b"/mnt", None, BIND, None),
    "joined": [called("setns", each, 0) for each in (users, mounts)],
    "opened": [tried(os.open, f"/proc/{victim}/ns/{each}", 0) for each in ("user", "mnt")],
    "read": [
        read(f"/proc/{victim}/{each}") for each in ("environ", "mem", "root/etc/passwd", "cwd/code", "maps", "fd/0")
    ],
    "traced": called("ptrace", ATTACH, victim, None, None),
    "killed": tried(os.kill, victim, 9),
    "descriptors": [tried(os.listdir, folder), tried(os.read, pipe, 9).decode()],
    "abstract": asked("\\0" + sys.argv[6]),
    "typed": type_into_the_terminal(),
    "as root": os.popen(sys.argv[7]).read() if sys.argv[7:] else "",
    "left": [called("unshare", NEWUSER | NEWNS), *umounted()],
}
print(json.dumps(tells))
"""


@pytest.fixture(scope="module")
def victim(house: House) -> Iterator[int]:
    """Return a process of the user that is not sealed."""
    command, environ = ["sleep", "600"], {"SECRET": "canary"}
    with subprocess.Popen(command, env=environ, cwd=house.home / "work", **house.account) as process:
        yield process.pid
        process.kill()


@pytest.fixture(scope="module")
def left(house: House, victim: int) -> Any:
    """Return what comes of the ways out of a seal."""
    opened = [os.open(path, os.O_RDONLY) for path in ("/proc/self/ns/user", "/proc/self/ns/mnt", house.home / ".aws")]
    reads, writes = os.pipe()
    os.write(writes, b"kept")
    os.close(writes)
    words = [victim, *opened, reads]
    name = f"awsenv-{house.uid}-{os.getpid()}"
    other = []
    if os.geteuid() == 0:
        other = [house.folder / "id"]
        shutil.copy(shutil.which("id") or "", other[0])
        other[0].chmod(0o4755)
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        yield house.seen(LIBRARY + LEAVES, *map(str, (*words, name, *other)), pass_fds=[*opened, reads])
    for each in (*opened, reads):
        os.close(each)


def test_what_is_hidden_stays_hidden(left: Any) -> None:
    """A sealed command, root or not, neither removes a cover nor looks below it, in no namespace of its own either."""
    refused = "EINVAL" if left["root"] else "EPERM"
    assert [[refused] * 3, refused] == [left["umounted"], left["bound"]]
    assert ["done", *["EINVAL"] * 3] == left["left"]


def test_it_does_not_get_back(left: Any) -> None:
    """A sealed command joins no namespace from before, even with a descriptor of it."""
    assert ["EPERM"] * 2 == left["joined"]
    assert ["EACCES"] * 2 == left["opened"]


def test_other_processes_are_out_of_reach(left: Any) -> None:
    """A sealed command neither reads, traces nor ends a process of the user outside."""
    assert ["EACCES"] * 6 == left["read"]
    assert ["EPERM"] * 2 == [left["traced"], left["killed"]]


def test_inherited_folders_are_closed(left: Any) -> None:
    """A folder that the caller had opened shows what a seal hides, so it is closed; a pipe is kept."""
    assert ["EBADF", "kept"] == left["descriptors"]


def test_abstract_sockets_are_out_of_reach(left: Any) -> None:
    """A sealed command connects to no abstract socket outside."""
    assert "EPERM" == left["abstract"]


def test_it_does_not_type_into_its_terminal(left: Any) -> None:
    """A sealed command puts nothing into the input of its terminal, also with a number whose upper half is ignored."""
    setting = Path("/proc/sys/dev/tty/legacy_tiocsti")
    is_gone = setting.exists() and setting.read_text().strip() == "0"
    assert ["EIO" if is_gone else "EPERM"] * 2 == left["typed"]


def test_it_stays_the_user(house: House, left: Any) -> None:
    """A program that belongs to root and is setuid does not run as root."""
    if os.geteuid() != 0:
        pytest.skip("only root can make such a program")
    assert f"uid={house.uid}" in left["as root"]
    assert "euid" not in left["as root"]
