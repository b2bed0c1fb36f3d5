"""Where the agent's socket is: a folder that only the user can open, or none."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsenv.agent import runtime_directory

if TYPE_CHECKING:
    from agent.conftest import Agents, User

NOBODY = 65534


@pytest.fixture
def home(agents: Agents) -> Path:
    """Return a home, the path of which is short."""
    return agents.folder


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (("AWSENV_RUNTIME_DIR", "XDG_RUNTIME_DIR", "HOME"), "named"),
        (("XDG_RUNTIME_DIR", "HOME"), "run/awsenv"),
    ],
)
def test_the_first_variable_decides(home: Path, variables: tuple[str, ...], expected: str) -> None:
    """Take the folder that was named; else the runtime folder of the user."""
    (home / "run").mkdir(0o700)
    values = {"AWSENV_RUNTIME_DIR": home / "named", "XDG_RUNTIME_DIR": home / "run", "HOME": home}
    environ = {name: str(values[name]) for name in variables}

    assert runtime_directory.find(environ) is None
    assert str(home / expected) == runtime_directory.make(environ) == runtime_directory.find(environ)
    assert _mode(home / expected) == 0o700


def test_a_home_is_shared_by_machines(home: Path) -> None:
    """Give each machine a folder of its own below HOME: a socket in the other's would look dead."""
    made = Path(runtime_directory.make({"HOME": str(home)}))

    assert home / ".awsenv" == made.parent
    assert made.name.startswith("run-")
    assert [0o700, 0o700] == [_mode(made), _mode(made.parent)]
    assert str(made) == runtime_directory.make({"HOME": str(home)}) == runtime_directory.find({"HOME": str(home)})


@pytest.mark.parametrize("kind", ["missing", "open", "link", "relative", "file", "foreign", "empty"])
def test_an_unsafe_runtime_folder_is_passed_over(home: Path, kind: str) -> None:
    """Go on to HOME: such a variable comes from `su`, from a container, from a mistake."""
    runtime = home / "run"
    if kind not in {"missing", "file", "relative", "empty"}:
        runtime.mkdir(0o700)
    if kind == "file":
        runtime.touch(0o600)
    if kind == "open":
        runtime.chmod(0o755)
    if kind == "link":
        runtime.rename(home / "real")
        runtime.symlink_to(home / "real")
    if kind == "foreign":
        _give_away(runtime)
    named = {"relative": "run", "empty": ""}.get(kind, str(runtime))

    folder = runtime_directory.make({"XDG_RUNTIME_DIR": named, "HOME": str(home)})

    assert home / ".awsenv" == Path(folder).parent


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("link", "is a symbolic link"),
        ("file", "is not a folder"),
        ("open", "is open to other users: its mode is 0710, not 0700"),
        ("readable", "is open to other users: its mode is 0704, not 0700"),
        ("foreign", "belongs to another user"),
        ("loop", "cannot be looked at"),
    ],
)
def test_an_unsafe_folder_is_refused(home: Path, kind: str, expected: str) -> None:
    """Name the folder and what is wrong with it; leave it as it is."""
    folder = home / "loop" / "run" if kind == "loop" else home / "run"
    if kind == "loop":
        folder.parent.symlink_to(folder.parent)
    elif kind == "link":
        (home / "real").mkdir(0o700)
        folder.symlink_to(home / "real")
    elif kind == "file":
        folder.touch(0o600)
    else:
        folder.mkdir(0o700)
        folder.chmod({"open": 0o710, "readable": 0o704}.get(kind, 0o700))
    if kind == "foreign":
        _give_away(folder)

    for use in (runtime_directory.find, runtime_directory.make):
        with pytest.raises(runtime_directory.Unsafe, match=expected) as refusal:
            use({"AWSENV_RUNTIME_DIR": str(folder)})
        assert str(folder) == refusal.value.path
        assert str(folder) in refusal.value.fact


def test_the_folder_below_home_is_looked_at_too(home: Path) -> None:
    """Refuse it where others may enter it."""
    made = Path(runtime_directory.make({"HOME": str(home)}))
    made.chmod(0o755)

    with pytest.raises(runtime_directory.Unsafe, match="0755"):
        runtime_directory.find({"HOME": str(home)})


def test_a_relative_path_is_refused(home: Path) -> None:
    """Refuse it: each working directory would have an agent of its own."""
    with pytest.raises(runtime_directory.Unsafe, match="not an absolute path: run") as refusal:
        runtime_directory.find({"AWSENV_RUNTIME_DIR": "run", "HOME": str(home)})
    assert refusal.value.path == "AWSENV_RUNTIME_DIR"


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "home"}, {"HOME": "/nonexistent"}])
def test_without_a_home_there_is_no_directory(environ: dict[str, str]) -> None:
    """Find nothing; and to make it, name the variable that helps."""
    assert runtime_directory.find(environ) is None
    with pytest.raises(runtime_directory.Unsafe, match="there is no folder for the agent's socket") as refusal:
        runtime_directory.make(environ)
    assert ("name one that is yours alone: AWSENV_RUNTIME_DIR",) == refusal.value.hints


def test_the_home_of_another_user_is_left_alone(home: Path) -> None:
    """Make nothing there: under `sudo` HOME may still be that of the user, who could not remove a folder of root."""
    _give_away(home)
    try:
        assert runtime_directory.find({"HOME": str(home)}) is None
        with pytest.raises(runtime_directory.Unsafe, match="neither"):
            runtime_directory.make({"HOME": str(home)})
        assert [] == list(home.iterdir())
    finally:
        os.chown(home, os.geteuid(), os.getegid())


def test_a_home_that_is_read_only(home: Path, nobody: User, site: Path) -> None:
    """Find nothing, and make nothing: an error of the system, which names the path."""
    os.chown(home, NOBODY, NOBODY)
    home.chmod(0o500)
    code = (
        "import os\nfrom awsenv.agent import runtime_directory\nprint(runtime_directory.find(os.environ))\n"
        "try:\n    runtime_directory.make(os.environ)\nexcept PermissionError as error:\n    print(error.filename)\n"
    )
    try:
        assert (0, f"None\n{home}/.awsenv\n") == nobody.run(site, code, HOME=str(home))
    finally:
        os.chown(home, os.geteuid(), os.getegid())


def test_the_longest_path_is_one_that_the_system_takes(home: Path) -> None:
    """Take a path of as many bytes as a socket's can have, and refuse one byte more with the variable that helps."""
    left = runtime_directory.MAX_PATH - len(f"{home}//{runtime_directory.SOCKET}")
    # Bytes count, and not letters.
    longest = home / ("ü" * (left // 2) + "x" * (left % 2))
    folder = runtime_directory.make({"AWSENV_RUNTIME_DIR": str(longest)})
    assert runtime_directory.MAX_PATH == len(os.fsencode(f"{folder}/{runtime_directory.SOCKET}"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/{runtime_directory.SOCKET}")

    longer = str(longest) + "x"
    with pytest.raises(runtime_directory.Unsafe, match=f"{runtime_directory.MAX_PATH + 1} bytes") as refusal:
        runtime_directory.make({"AWSENV_RUNTIME_DIR": longer})
    assert ("name a shorter one that is yours alone: AWSENV_RUNTIME_DIR",) == refusal.value.hints
    assert not Path(longer).exists()
    Path(longer).mkdir(0o700)
    with pytest.raises(runtime_directory.Unsafe, match="too long"):
        runtime_directory.find({"AWSENV_RUNTIME_DIR": longer})


def test_the_folder_is_private_whatever_the_umask(home: Path) -> None:
    """Make it 0700 where new files are open to everybody."""
    mask = os.umask(0)
    try:
        assert 0o700 == _mode(Path(runtime_directory.make({"AWSENV_RUNTIME_DIR": str(home / "run")})))
    finally:
        os.umask(mask)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("file", "is not a socket"), ("link", "is not a socket"), ("folder", "is not"), ("foreign", "another user")],
)
def test_what_is_not_a_socket_of_ours_is_refused(agents: Agents, kind: str, expected: str) -> None:
    """Refuse a file, a link even to a socket of ours, a folder, and a socket of another user."""
    target = agents.folder / "real" if kind == "link" else agents.path
    if kind in {"link", "foreign"}:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(target))
    if kind == "link":
        agents.path.symlink_to(target)
    elif kind == "foreign":
        _give_away(agents.path)
    elif kind == "file":
        agents.path.touch()
    else:
        agents.path.mkdir()

    with pytest.raises(runtime_directory.Unsafe, match=expected):
        runtime_directory.socket_in(str(agents.folder))


def test_a_socket_of_ours_is_found(agents: Agents) -> None:
    """Return its path; it is missing before."""
    with pytest.raises(FileNotFoundError):
        runtime_directory.socket_in(str(agents.folder))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(agents.path))

    assert str(agents.path) == runtime_directory.socket_in(str(agents.folder))


def test_the_lock_is_held_by_one(home: Path) -> None:
    """Refuse the second until the first has given it back."""
    with (
        runtime_directory.lock(str(home)),
        pytest.raises(BlockingIOError),
        runtime_directory.lock(str(home), wait=False),
    ):
        pytest.fail("two hold the lock")
    with runtime_directory.lock(str(home), wait=False):
        assert 0o600 == _mode(home / "lock")


def test_the_lock_is_no_link(home: Path) -> None:
    """Make no file where a link leads to."""
    (home / "lock").symlink_to(home / "elsewhere")

    with pytest.raises(OSError, match="symbolic links"), runtime_directory.lock(str(home)):
        pytest.fail("a link was followed")
    assert not (home / "elsewhere").exists()


def _give_away(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make what belongs to another user")
    os.chown(path, NOBODY, NOBODY)
