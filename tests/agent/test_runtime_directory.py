"""The runtime directory, which contains the agent's socket: it is used only if no other user can open it."""

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

NOWHERE = "/nonexistent"
"""In place of /run/user, where the agent of the user who runs the tests may be."""


def _bind(folder: str) -> None:
    """Leave a socket in *folder*, as an agent does."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/{runtime_directory.SOCKET}")


@pytest.fixture
def home(agents: Agents) -> Path:
    """Return a home with a short path."""
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
    """The runtime directory is AWSENV_RUNTIME_DIR, or else a folder in XDG_RUNTIME_DIR."""
    (home / "run").mkdir(0o700)
    values = {"AWSENV_RUNTIME_DIR": home / "named", "XDG_RUNTIME_DIR": home / "run", "HOME": home}
    environ = {name: str(values[name]) for name in variables}

    assert runtime_directory.find(environ, NOWHERE) is None
    made = runtime_directory.make(environ, NOWHERE)
    assert str(home / expected) == made == runtime_directory.find(environ, NOWHERE)
    assert _mode(home / expected) == 0o700


def test_each_machine_has_its_own_directory_in_a_home(home: Path) -> None:
    """Each machine has its own runtime directory below HOME: the socket of another would look dead."""
    made = Path(runtime_directory.make({"HOME": str(home)}, NOWHERE))

    assert home / ".awsenv" == made.parent
    assert made.name.startswith("run-")
    assert [0o700, 0o700] == [_mode(made), _mode(made.parent)]
    assert (
        str(made)
        == runtime_directory.make({"HOME": str(home)}, NOWHERE)
        == runtime_directory.find({"HOME": str(home)}, NOWHERE)
    )


WITHOUT = {
    "cron": {},
    "su": {"XDG_RUNTIME_DIR": "/run/user/12345678"},
    "an editor's server": {"XDG_RUNTIME_DIR": ""},
    "another runtime directory": {"XDG_RUNTIME_DIR": "{home}/other"},
    "no HOME either": {"HOME": ""},
}
"""Variables of a caller whose session began with another XDG_RUNTIME_DIR."""


@pytest.mark.parametrize("caller", WITHOUT)
def test_the_agent_of_a_session_is_found_without_its_variable(home: Path, caller: str) -> None:
    """The agent in the folder of systemd is found whatever XDG_RUNTIME_DIR is; no second one is started."""
    system, own = home / "user", home / "user" / str(os.geteuid())
    own.mkdir(0o700, parents=True)
    (home / "other").mkdir(0o700)
    session = {"XDG_RUNTIME_DIR": str(own), "HOME": str(home)}
    _bind(runtime_directory.make(session, NOWHERE))
    environ = {"HOME": str(home)} | {name: value.format(home=home) for name, value in WITHOUT[caller].items()}

    assert (
        f"{own}/awsenv" == runtime_directory.find(environ, str(system)) == runtime_directory.make(environ, str(system))
    )


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_system_folder_that_others_can_open_is_skipped(home: Path, mode: int) -> None:
    """A folder of the system that other users can open is no runtime directory."""
    own = home / "user" / str(os.geteuid())
    own.mkdir(parents=True)
    own.chmod(mode)

    assert home / ".awsenv" == Path(runtime_directory.make({"HOME": str(home)}, str(home / "user"))).parent


def test_the_agent_in_the_home_is_found_after_the_system_made_a_folder(home: Path) -> None:
    """An agent that was started in the home is found in a session which has XDG_RUNTIME_DIR; a new one goes there."""
    before = {"HOME": str(home)}
    session = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")}
    (home / "run").mkdir(0o700)
    assert [f"{home}/run/awsenv", runtime_directory.make(before, NOWHERE)] == runtime_directory.candidates(
        session, NOWHERE
    )
    assert f"{home}/run/awsenv" == runtime_directory.expected(session, NOWHERE)

    _bind(runtime_directory.make(before, NOWHERE))

    assert runtime_directory.make(before, NOWHERE) == runtime_directory.find(session, NOWHERE)


def test_a_named_folder_is_the_only_one(home: Path) -> None:
    """An agent elsewhere is not found where AWSENV_RUNTIME_DIR is set: that is what the variable is for."""
    _bind(runtime_directory.make({"HOME": str(home)}, NOWHERE))
    environ = {"HOME": str(home), "AWSENV_RUNTIME_DIR": str(home / "named")}

    assert runtime_directory.find(environ, NOWHERE) is None
    assert [str(home / "named")] == runtime_directory.candidates(environ, NOWHERE)
    assert runtime_directory.elsewhere(environ, NOWHERE) is None


def test_an_agent_that_no_variable_leads_to_is_known(home: Path) -> None:
    """An agent whose XDG_RUNTIME_DIR the caller lacks is known from the sockets that the system lists."""
    (home / "with space").mkdir(0o700)
    folder = f"{home}/with space/awsenv"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(
            f"{runtime_directory.make({'HOME': '', 'XDG_RUNTIME_DIR': f'{home}/with space'}, NOWHERE)}/socket"
        )
        sockets = home / "sockets"
        listed = Path("/proc/net/unix").read_bytes().splitlines(keepends=True)
        sockets.write_bytes(b"".join(line for line in listed if os.fsencode(home) in line or line.startswith(b"Num")))

        assert folder == runtime_directory.elsewhere({"HOME": str(home)}, NOWHERE, str(sockets))
        found = {"HOME": str(home), "XDG_RUNTIME_DIR": f"{home}/with space"}
        assert runtime_directory.elsewhere(found, NOWHERE, str(sockets)) is None
        Path(folder).chmod(0o755)
        assert runtime_directory.elsewhere({"HOME": str(home)}, NOWHERE, str(sockets)) is None
    assert runtime_directory.elsewhere({"HOME": str(home)}, NOWHERE, f"{home}/no list") is None


@pytest.mark.parametrize("kind", ["missing", "open", "link", "relative", "file", "foreign", "empty"])
def test_an_unsafe_xdg_runtime_dir_is_skipped(home: Path, kind: str) -> None:
    """An unsafe XDG_RUNTIME_DIR, which may come from `su` or a container, is skipped, and HOME is used."""
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

    folder = runtime_directory.make({"XDG_RUNTIME_DIR": named, "HOME": str(home)}, NOWHERE)

    assert home / ".awsenv" == Path(folder).parent


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("link", "is a symbolic link"),
        ("file", "is not a folder"),
        ("open", "is open to other users: its mode is 0710, not 0700"),
        ("readable", "is open to other users: its mode is 0704, not 0700"),
        ("foreign", "belongs to another user"),
        ("loop", "cannot be examined"),
    ],
)
def test_an_unsafe_directory_is_refused(home: Path, kind: str, expected: str) -> None:
    """An unsafe AWSENV_RUNTIME_DIR is refused, with an error that names the directory and its fault."""
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


def test_an_unsafe_directory_below_home_is_refused(home: Path) -> None:
    """The runtime directory below HOME is refused if other users can open it."""
    made = Path(runtime_directory.make({"HOME": str(home)}, NOWHERE))
    made.chmod(0o755)

    with pytest.raises(runtime_directory.Unsafe, match="0755"):
        runtime_directory.find({"HOME": str(home)}, NOWHERE)


def test_a_relative_path_is_refused(home: Path) -> None:
    """A relative AWSENV_RUNTIME_DIR is refused, since each working directory would have its own agent."""
    with pytest.raises(runtime_directory.Unsafe, match="not an absolute path: run") as refusal:
        runtime_directory.find({"AWSENV_RUNTIME_DIR": "run", "HOME": str(home)})
    assert refusal.value.path == "AWSENV_RUNTIME_DIR"


@pytest.mark.parametrize("environ", [{"HOME": ""}, {"HOME": "home"}, {"HOME": "/nonexistent"}])
def test_without_a_home_there_is_no_directory(environ: dict[str, str]) -> None:
    """Without a usable HOME no runtime directory is found, and the error suggests AWSENV_RUNTIME_DIR."""
    assert runtime_directory.find(environ, NOWHERE) is None
    with pytest.raises(runtime_directory.Unsafe, match="there is no folder for the agent's socket") as refusal:
        runtime_directory.make(environ, NOWHERE)
    assert ("name one that is yours alone: AWSENV_RUNTIME_DIR",) == refusal.value.hints


def test_the_home_of_another_user_is_left_alone(home: Path) -> None:
    """No runtime directory is made in a HOME of another user, as under `sudo`: that user could not remove it."""
    _give_away(home)
    try:
        assert runtime_directory.find({"HOME": str(home)}, NOWHERE) is None
        with pytest.raises(runtime_directory.Unsafe, match="neither"):
            runtime_directory.make({"HOME": str(home)}, NOWHERE)
        assert [] == list(home.iterdir())
    finally:
        os.chown(home, os.geteuid(), os.getegid())


def test_a_read_only_home_is_an_error(home: Path, nobody: User, site: Path) -> None:
    """In a read-only HOME no runtime directory is found, and the error of making one names the path."""
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


def test_the_longest_path_is_accepted(home: Path) -> None:
    """The longest path of a socket is accepted; with another byte it is refused, and the error suggests a way out."""
    left = runtime_directory.MAX_PATH - len(f"{home}//{runtime_directory.SOCKET}")
    # The limit is in bytes, not in characters.
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


def test_the_directory_is_private_whatever_the_umask(home: Path) -> None:
    """The runtime directory is made with mode 0700, even if the umask is 0."""
    mask = os.umask(0)
    try:
        assert 0o700 == _mode(Path(runtime_directory.make({"AWSENV_RUNTIME_DIR": str(home / "run")})))
    finally:
        os.umask(mask)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("file", "is not a socket"), ("link", "is not a socket"), ("folder", "is not"), ("foreign", "another user")],
)
def test_an_invalid_socket_is_refused(agents: Agents, kind: str, expected: str) -> None:
    """A file, a link, a folder or another user's socket in place of the agent's socket is refused."""
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


def test_the_users_own_socket_is_found(agents: Agents) -> None:
    """The path of the user's own socket is returned; without a socket there is a FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        runtime_directory.socket_in(str(agents.folder))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(agents.path))

    assert str(agents.path) == runtime_directory.socket_in(str(agents.folder))


def test_the_lock_is_exclusive(home: Path) -> None:
    """The lock cannot be taken a second time until it is released; its file is private."""
    with (
        runtime_directory.lock(str(home)),
        pytest.raises(BlockingIOError),
        runtime_directory.lock(str(home), wait=False),
    ):
        pytest.fail("two hold the lock")
    with runtime_directory.lock(str(home), wait=False):
        assert 0o600 == _mode(home / "lock")


def test_the_lock_follows_no_link(home: Path) -> None:
    """A symbolic link in place of the lock file is refused, and no file is made at its target."""
    (home / "lock").symlink_to(home / "elsewhere")

    with pytest.raises(OSError, match="symbolic links"), runtime_directory.lock(str(home)):
        pytest.fail("a link was followed")
    assert not (home / "elsewhere").exists()


def _give_away(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make what belongs to another user")
    os.chown(path, NOBODY, NOBODY)
