"""A sealed process, by the system's own means: what it sees, and what it cannot do."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from sealing.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    "keys": read(f"{home}/project/keys"),
    "code": read(f"{home}/project/code"),
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


def test_the_path_of_the_socket_stays(house: House) -> None:
    """A sealed command renames no folder above that of the agent, where it could make another."""
    inner = house.home / "outer" / "inner"
    (inner / "awsenv").mkdir(parents=True, mode=0o700)
    for path in (inner.parent, inner, inner / "awsenv"):
        os.chown(path, house.uid, house.gid)
    code = (
        LIBRARY
        + """
paths = [f"{home}/outer", f"{home}/outer/inner", f"{home}/outer/inner/awsenv"]
found = [tried(os.rename, each, each + "2") for each in paths]
found.append(tried(lambda: (open(paths[1] + "/a", "w").close(), os.rename(paths[1] + "/a", paths[1] + "/b"))[1]))
print(json.dumps(found))
"""
    )
    found = house.seen(code, environ={"RUNTIME": str(inner / "awsenv"), "AWSENV_RUNTIME_DIR": str(inner / "awsenv")})
    assert ["EBUSY"] * 3 + [None] == found


def test_a_link_to_the_folder_of_the_socket_is_named(house: House) -> None:
    """A sealed command can replace it, by which the path of the agent leads elsewhere: `strict` refuses that."""
    real, links = house.home / "real", [house.home / "one", house.home / "two"]
    (real / "awsenv").mkdir(parents=True, mode=0o700)
    links[0].symlink_to("two")
    links[1].symlink_to(real)
    for path in (real, real / "awsenv", *links):
        os.chown(path, house.uid, house.gid, follow_symlinks=False)
    runtime = str(links[0] / "awsenv")
    _, _, said = house.run("true", environ={"RUNTIME": runtime, "AWSENV_RUNTIME_DIR": runtime})
    reason = "\n nothing can be mounted on a link\n"
    named = "".join(f"missing:\n a sealed command replaces {each}{reason}" for each in links)
    assert named + house.says == said


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
covered = [f"{home}/.aws", f"{home}/project/keys", os.environ["XDG_RUNTIME_DIR"] + "/awsenv/socket"]
OPEN_TREE, CURRENT, CLONE, RECURSIVE = 428, -100, 1, 0x8000
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

def limit():
    "Return what comes of limits for a process outside, and for the own one."
    limits = ctypes.byref((ctypes.c_uint64 * 2)(64, 64))
    calls = [(victim, limits), (victim, 0), (0, 0), (0, limits)]
    return [called("prlimit", pid, 7, new or None, None) for pid, new in calls]

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
    "limited": limit(),
    "as root": os.popen(sys.argv[7]).read() if sys.argv[7:] else "",
    "left": [called("unshare", NEWUSER | NEWNS), *umounted()],
    "copied": [
        called("mount", b"x", b"/mnt", b"overlay", 0, f"lowerdir={home}:/".encode()),
        called("syscall", OPEN_TREE, CURRENT, home.encode(), CLONE),
        called("syscall", OPEN_TREE, CURRENT, home.encode(), CLONE | RECURSIVE),
    ],
}
print(json.dumps(tells))
"""


@pytest.fixture(scope="module")
def victim(house: House) -> Iterator[int]:
    """Return a process of the user that is not sealed."""
    command, environ = ["sleep", "600"], {"SECRET": "canary"}
    with subprocess.Popen(command, env=environ, cwd=house.home / "project", **house.account) as process:
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
    assert ["EINVAL", "EINVAL", "done"] == left["copied"]


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
    assert ["EPERM"] * 2 == left["typed"]


def test_it_limits_no_other_process(left: Any) -> None:
    """A sealed command lowers its own limits, and those of no process outside: one of them would end the agent."""
    assert ["EPERM", "done", "done", "done"] == left["limited"]


def test_it_stays_the_user(house: House, left: Any) -> None:
    """A program that belongs to root and is setuid does not run as root."""
    if os.geteuid() != 0:
        pytest.skip("only root can make such a program")
    assert f"uid={house.uid}" in left["as root"]
    assert "euid" not in left["as root"]


def test_the_command_keeps_its_streams_and_status(house: House) -> None:
    """A sealed command reads stdin, and its exit status and its signals are its own."""
    assert (7, "read line\n", house.says) == house.run("sh", "-c", "read x; echo read $x; exit 7", text="line\n")
    assert (-15, "", house.says) == house.run("sh", "-c", "kill -TERM $$")


def test_the_command_keeps_its_terminal(house: House, require: Callable[[str], str]) -> None:
    """A sealed shell has the terminal and job control: Ctrl-C, Ctrl-Z, fg and kill work."""
    argv = house.argv(require("bash"), "--norc", "-i")
    environ = house.environ | {"PS1": "ready> ", "TERM": "dumb"}

    def become_user() -> None:
        if house.user.name is not None:
            os.setgid(house.gid)
            os.setuid(house.uid)

    options: dict[str, Any] = {"env": environ, "cwd": house.home, "preexec_fn": become_user}
    child = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", timeout=60, **options)
    for typed, shown in (
        ("tty\r", "/dev/pts/"),
        ("sh -c 'echo begun; exec cat'\r", "begun\r\n"),
        ("\x03", "ready> "),
        ("echo status $?\r", "status 130"),
        ("sh -c 'echo begun; exec sleep 600'\r", "begun\r\n"),
        ("\x1a", "Stopped"),
        ("kill %1; fg\r", "Terminated"),
        ("exit 7\r", "exit"),
    ):
        child.send(typed)
        child.expect_exact(shown)
    child.expect(pexpect.EOF)
    child.close()
    assert 7 == child.exitstatus


WORKS = """\
git init -q code && cd code && git -c user.name=a -c user.email=b commit -q --allow-empty -m text && git log --format=%s
"$0" -m venv --without-pip venv && venv/bin/python -c 'print("venv")'
mkdir a && mkfifo a/pipe && mv a/pipe pipe && ln pipe a/pipe && chmod 600 pipe && echo files
tmux -f /dev/null new-session -d sleep 60 && tmux list-sessions -F tmux && tmux kill-server
unshare --user --map-root-user --mount mount -t tmpfs none /mnt && echo sandbox
"""


def test_programs_work(house: House, require: Callable[[str], str]) -> None:
    """Git, a virtual environment, tmux and programs that make a sandbox of their own work in a seal."""
    for name in ("git", "tmux", "unshare"):
        require(name)
    assert (0, "text\nvenv\nfiles\ntmux\nsandbox\n", house.says) == house.run("sh", "-c", WORKS, house.user.python)


def test_another_mount_shows_nothing(house: House) -> None:
    """What is hidden is hidden wherever its file system is mounted, and where a part of it is."""
    script = """mkdir "$HOME/project/a b" "$HOME/project/c"
        mount --bind "$HOME" "$HOME/project/a b"; mount --bind "$HOME/.aws/sso" "$HOME/project/c"; exec "$@\""""
    before = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh")
    code = "print(json.dumps([read(f'{home}/project/{each}') for each in sys.argv[1:]]))"
    paths = ("a b/.aws/config", "c/cache/token.json", "code")
    status, out, err = house.run(house.user.python, "-c", LIBRARY + code, *paths, before=before)
    assert (0, ["ENOENT", "ENOENT", "code"], ROOT) == (status, json.loads(out), err)


def test_a_hidden_folder_is_left(house: House) -> None:
    """A command that starts in a hidden folder finds the empty one there; if there is none, it starts at home."""
    aws, code = house.home / ".aws", "print(json.dumps([os.getcwd(), os.listdir()]))"
    assert [str(aws), []] == house.seen(LIBRARY + code, folder=aws)
    assert str(house.home) == house.seen(LIBRARY + code, folder=aws / "sso")[0]


def test_a_seal_in_a_seal(house: House, seen: Any) -> None:
    """A sealed command may seal another, which sees the same."""
    again = ("env", f"RUNTIME={house.run_folder}/awsenv", *house.argv(house.user.python, "-c", LIBRARY + SEES))
    status, out, err = house.run(*again)
    assert (0, seen, house.says * 2) == (status, json.loads(out), err)


def test_a_process_that_nobody_may_dump_is_sealed(house: House) -> None:
    """A seal needs no process that others may read, that has one thread, or that hears of its children."""
    before = ("sh", "-c", 'trap "" CHLD; exec "$@"', "sh")
    seen = house.seen(LIBRARY + SEES, environ={"UNDUMPABLE": "1", "THREAD": "1"}, before=before)
    assert [["ENOENT"] * 5, [house.uid, house.gid]] == [seen["files"], seen["user"]]


REFUSED = """\
missing:
 a sealed command sees your files of AWS, and the sockets of your other programs
 the system refuses user namespaces (unshare: No space left on device)
"""
HINT = " let an administrator allow them: sysctl -w user.max_user_namespaces=10000\n"

STAYS = """\
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps([
    read(f"{home}/.aws/config"), status["NoNewPrivs"].strip(), os.getuid(), read(f"/proc/{sys.argv[1]}/environ"),
    os.readlink("/proc/self/ns/user") == sys.argv[2],
]))
"""


@pytest.mark.parametrize(("setting", "hint"), [("user_namespaces 0", HINT), ("mnt_namespaces 1", "")])
def test_refused_namespaces_leave_the_process_as_it_was(house: House, setting: str, hint: str) -> None:
    """Where the kernel refuses namespaces, at once or half-way, the command runs where it was, and this is said."""
    name, value = setting.split()
    script = f'''echo {value} >/proc/sys/user/max_{name}
        sleep 600 & trap "kill $!" EXIT
        "$@" $! "$(readlink /proc/self/ns/user)"'''
    before = ("unshare", "--user", "--map-root-user", "sh", "-c", script, "sh")
    status, out, err = house.run(house.user.python, "-c", LIBRARY + STAYS, before=before)
    assert (0, ["canary", "1", 0, "EACCES", True], REFUSED + hint + ROOT) == (status, json.loads(out), err)
