"""What the kernel says about the process that asks, whatever that says about itself."""

from __future__ import annotations

import os
import pty
import resource
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import refusing
from awsenv.agent.peer import Gone, own_namespace, peer, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="macOS names only the number of a process")

_ASKS = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); {then}"


_OLD = """
import os, socket, sys
from awsenv.agent.peer import Gone, peer
listening, asks = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
asks.connect(sys.argv[1])
print("lives", peer(listening.accept()[0]).process.pid == os.getpid())
if not (child := os.fork()):
    later = socket.socket(socket.AF_UNIX)
    later.connect(sys.argv[1])
    os.fork() or os.read(0, 1)  # until the test ends the input
    os._exit(0)
os.waitpid(child, 0)
try:
    print("ended", peer(listening.accept()[0]))
except Gone:
    print("ended Gone", flush=True)
"""


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    """Listen, as an agent does."""
    with socket.socket(socket.AF_UNIX) as found:
        found.bind(str(tmp_path / "socket"))
        found.listen()
        found.settimeout(60)
        yield found


def _asked(listening: socket.socket, then: str = "s.recv(1)") -> list[str]:
    return [sys.executable, "-I", "-c", _ASKS.format(then=then), listening.getsockname()]


def test_the_kernel_names_the_process_its_parents_and_its_folder(listening: socket.socket, tmp_path: Path) -> None:
    """A client below a shell is known with all above it, and with the folder that it is in."""
    with subprocess.Popen(["sh", "-c", '"$@"; true', "sh", *_asked(listening)], cwd=tmp_path) as shell:
        connection, _ = listening.accept()
        with connection:
            found = peer(connection)
        above = [process.pid for process in found.processes]
    assert [shell.pid, os.getpid()] == above[1:3]
    assert os.path.realpath(sys.executable) == found.process.program
    assert str(Path("/proc/self/exe").readlink()) == found.processes[2].program
    assert (str(tmp_path), _own_terminal(), own_namespace()) == (found.folder, found.terminal, found.namespace)


def test_a_terminal_is_that_of_the_kernel(listening: socket.socket) -> None:
    """The controlling terminal is named, though standard input is another file."""
    ours, theirs = pty.openpty()
    path = os.ttyname(theirs)
    takes = f"import os; os.setsid(); os.open({path!r}, os.O_RDWR); s.send(b'x'); s.recv(1)"
    with subprocess.Popen(_asked(listening, takes), stdin=subprocess.DEVNULL) as client:
        connection, _ = listening.accept()
        with connection:
            assert connection.recv(1) == b"x"
            found = peer(connection)
        client.wait()
    os.close(ours)
    os.close(theirs)
    assert (path, client.pid) == (found.terminal, found.session)


@pytest.mark.parametrize(
    ("major", "minor", "path"),
    [
        (0, 0, None),
        (4, 1, "/dev/tty1"),
        (4, 63, "/dev/tty63"),
        (4, 64, "/dev/ttyS0"),
        (136, 3, "/dev/pts/3"),
        (137, 1, "/dev/pts/257"),
        (229, 0, "terminal 229:0"),
    ],
)
def test_a_terminal_has_the_name_of_its_device(major: int, minor: int, path: str | None) -> None:
    """By the list of devices of Linux (Documentation/admin-guide/devices.txt)."""
    assert path == terminal(os.makedev(major, minor))


def test_a_forged_title_changes_nothing(listening: socket.socket) -> None:
    """Neither its arguments nor its name, which it writes itself, move any field."""
    forge = "open('/proc/self/comm', 'w').write('x) S 1 1 1 34816'); s.send(b'x'); s.recv(1)"
    with subprocess.Popen(["/bin/true) S 1", *_asked(listening, forge)[1:]], executable=sys.executable) as client:
        connection, _ = listening.accept()
        with connection:
            assert connection.recv(1) == b"x"
            found = peer(connection)
    assert [client.pid, os.getpid()] == [process.pid for process in found.processes[:2]]
    assert (os.path.realpath(sys.executable), _own_terminal()) == (found.process.program, found.terminal)


def test_a_process_that_has_ended_is_nobody(listening: socket.socket) -> None:
    """Its connection, which a child keeps open, speaks for no other process of its number."""
    hands_on = "import os; os.fork() and os._exit(0); s.recv(1)"
    subprocess.run(_asked(listening, hands_on), check=True)
    connection, _ = listening.accept()
    with connection, pytest.raises(Gone):
        peer(connection)


@pytest.mark.parametrize("calls", ["peerpidfd", "peerpidfd,pidfd_open"])
def test_an_old_kernel_names_the_process(calls: str, tmp_path: Path) -> None:
    """Without a pidfd, the start of the process tells whether it still runs: before Linux 6.5 and 5.3."""
    words = [sys.executable, "-I", "-S", refusing.__file__, calls, sys.executable, "-c", _OLD, str(tmp_path / "socket")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ("lives True\nended Gone\n", "") == (done.stdout, done.stderr)


def test_a_busy_agent_still_knows_who_asks() -> None:
    """It may have more than a thousand descriptors open, and select(2) would take none of the others."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    taken = [os.dup(0) for _ in range(1024)]
    try:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            assert os.getpid() == peer(ours).process.pid
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_another_user_namespace_is_told_from_the_own(listening: socket.socket) -> None:
    """Also where the process lets nobody look at it."""
    hide = (
        "import ctypes, os; c = ctypes.CDLL(None); c.unshare(0x10000000); uid = os.environ['AS'];"
        "open('/proc/self/uid_map', 'w').write(f'{uid} {uid} 1'); c.prctl(4, 0, 0, 0, 0); s.send(b'x'); s.recv(1)"
    )
    with subprocess.Popen(_asked(listening, hide), env={"AS": str(os.getuid())}) as client:
        connection, _ = listening.accept()
        assert connection.recv(1) == b"x"
        with connection:
            found = peer(connection)
        client.wait()
    assert found.namespace != own_namespace()


def _own_terminal() -> str | None:
    """Return what ps(1) says: ttyname(3) calls the controlling terminal `/dev/tty`."""
    found = subprocess.run(["ps", "-o", "tty=", "-p", str(os.getpid())], capture_output=True, text=True, check=True)
    return None if found.stdout.strip() == "?" else f"/dev/{found.stdout.strip()}"
