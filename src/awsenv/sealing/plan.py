"""What a sealed command does not see: files, folders, sockets and variables, each with its reason. Changes nothing."""

from __future__ import annotations

import os

from awsenv import cache, variables
from awsenv.agent import runtime_directory
from awsenv.agent.runtime_directory import SOCKET
from awsenv.record import dataclass
from awsenv.variables import home, with_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from awsenv.model import Environ

KEYS = "it holds keys or sign-ins of AWS tools"
AGENT = "the agent's socket could be replaced there"
CACHE = "awsenv reads it"
RUNTIME = "programs outside take commands there"
TERMINALS = "a terminal outside takes commands there"
DESKTOP = "it can type into the windows of the desktop"
CONTAINERS = "a container sees all files"
WINDOWS = "Windows starts programs outside"
BEFORE = "it holds a value from before the role"
ASKS = "it calls a program that asks outside"

_IN_HOME = ("config", "credentials", "sso/cache", "cli/cache", "login/cache", "boto/cache")
"""Files and folders of `~/.aws` that may be links to other places."""
_AWS = ("aws", ".aws", "serviceaccount")
"""Names of folders that hold nothing but files of that kind, and are covered whole."""

_EITHER = ("", variables.SAVED)
_SHARED = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - only compared
"""Folders that are never covered whole, since a command shares files there."""

_TOKENS = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")

_MANAGERS = (
    "/run/docker.sock",
    "~/.docker/run/docker.sock",
    "~/.docker/desktop/docker.sock",
    "~/.rd/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/libvirt/libvirt-sock",
    "/var/lib/lxd/unix.socket",
    "/var/snap/lxd/common/lxd/unix.socket",
    "/var/lib/incus/unix.socket",
)
"""Sockets of programs that run containers and machines, for the members of a group."""

_HELPERS = {
    "TMUX": TERMINALS,
    "ZELLIJ_SOCKET_DIR": TERMINALS,
    "KITTY_LISTEN_ON": TERMINALS,
    "WEZTERM_UNIX_SOCKET": TERMINALS,
    "ALACRITTY_SOCKET": TERMINALS,
    "NVIM": TERMINALS,
    "NVIM_LISTEN_ADDRESS": TERMINALS,
    "VSCODE_IPC_HOOK_CLI": TERMINALS,
    "VSCODE_IPC_HOOK": TERMINALS,
    "VSCODE_GIT_IPC_HANDLE": ASKS,
    "DBUS_SESSION_BUS_ADDRESS": RUNTIME,
    "SWAYSOCK": DESKTOP,
    "I3SOCK": DESKTOP,
    "DOCKER_HOST": CONTAINERS,
    "CONTAINER_HOST": CONTAINERS,
    "WSL_INTEROP": WINDOWS,
}
"""Variables that hold the socket of a program outside that takes commands."""

_REMOVED = {
    runtime_directory.VARIABLE: AGENT,
    "SSH_ASKPASS": ASKS,
    "GIT_ASKPASS": ASKS,
    "VSCODE_GIT_ASKPASS_MAIN": ASKS,
    "VSCODE_GIT_ASKPASS_NODE": ASKS,
    "TMUX_PANE": TERMINALS,
    "STY": TERMINALS,
    "DISPLAY": DESKTOP,
    "WAYLAND_DISPLAY": DESKTOP,
    "WAYLAND_SOCKET": DESKTOP,
    "XAUTHORITY": DESKTOP,
    "HYPRLAND_INSTANCE_SIGNATURE": DESKTOP,
    **_HELPERS,
}


@dataclass(frozen=True, slots=True)
class Cover:
    """A file or folder, in whose place a sealed command finds an empty one."""

    path: str
    reason: str
    is_private: bool = False
    """Whether the command can write there: what it writes ends with it."""
    is_made: bool = False
    """Whether the folder is made if it is missing: else a sealed command could make it, where awsenv looks."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a process is to be sealed."""

    covers: tuple[Cover, ...]
    """What is hidden, if it exists."""
    sockets: tuple[tuple[str, str], ...]
    """Sockets that stay, and where a sealed command finds them."""
    removed: dict[str, str]
    """The variables that are removed, and why."""
    folder: str
    """The working directory."""
    home: str
    """Where the command starts instead, if that folder is hidden."""
    fixed: tuple[str, ...] = ()
    """The folders of agents: none above them is renamed, so that no other folder gets their path."""

    def without(self, environ: Environ) -> dict[str, str]:
        """Return *environ* for the command."""
        return {name: value for name, value in environ.items() if name not in self.removed}


def hidden(environ: Environ, *, runtime: str | None, folder: str, uid: int, files: Iterable[str] = ()) -> Plan:
    """Return how to seal a command.

    Args:
        environ: The environment that the command would have, with its role.
        runtime: The folder of the agent's socket; None: there is no agent.
        folder: The working directory.
        uid: The user.
        files: Other files that the source of the role reads.
    """
    own = home(environ)
    keeps = [each for each in (own, folder) if os.path.isabs(each)]
    plain = {name: value for name, value in environ.items() if name != runtime_directory.VARIABLE}
    folders = runtime_directory.candidates(plain)
    covers = [
        *_runtime_covers(folders, runtime, keeps),
        *_open_runtime_covers(environ, keeps),
        *_aws_covers(environ, files, keeps),
        *_helper_covers(environ, uid),
    ]
    covers = [cover for cover in covers if not is_within(own, cover.path)]
    removed = {name: reason for name, reason in _REMOVED.items() if name in environ}
    removed |= dict.fromkeys((name for name in environ if name.startswith(variables.SAVED)), BEFORE)
    private = [cover.path for cover in covers if cover.is_private]
    agent = environ.get("SSH_AUTH_SOCK", "")
    stays = {agent: agent} if any(is_within(agent, each) for each in private) else {}
    if runtime is not None:
        if not folders:  # without the variable, awsenv would look nowhere
            removed.pop(runtime_directory.VARIABLE, None)
        stays[f"{runtime}/{SOCKET}"] = f"{(folders or [runtime])[0]}/{SOCKET}"
    fixed = tuple(folders if runtime is None else [*folders, runtime])
    return Plan(tuple(covers), tuple(stays.items()), removed, folder, own, fixed)


def is_within(path: str, folder: str) -> bool:
    """Return whether *path* is *folder* or in it."""
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _runtime_covers(folders: Iterable[str], runtime: str | None, keeps: Iterable[str]) -> Iterator[Cover]:
    """Yield the folders where an agent may be, and those above them, which hold the sockets of other programs."""
    for each in (*folders, *([] if runtime is None else [runtime])):
        above = os.path.dirname(each)
        if each in folders and not any(is_within(kept, above) for kept in keeps):
            yield Cover(above, AGENT if above.endswith("/.awsenv") else RUNTIME, is_private=True, is_made=True)
        yield Cover(each, AGENT, is_made=True)


def _open_runtime_covers(environ: Environ, keeps: Iterable[str]) -> Iterator[Cover]:
    """Yield the folder that XDG_RUNTIME_DIR names, even if it is open to others, so that no agent is there."""
    named = environ.get("XDG_RUNTIME_DIR", "").rstrip("/")
    if os.path.isabs(named) and named not in _SHARED and not any(is_within(kept, named) for kept in keeps):
        yield Cover(named, RUNTIME, is_private=True)


def _aws_covers(environ: Environ, files: Iterable[str], keeps: Iterable[str]) -> Iterator[Cover]:
    yield Cover(with_home("~/.aws", environ), KEYS)
    named = [environ.get(prefix + name, "") for name in variables.having(variables.FILE) for prefix in _EITHER]
    named += [environ.get(prefix + name, "") for name in _TOKENS for prefix in _EITHER]
    for written in (*named, "~/.boto", *(f"~/.aws/{each}" for each in _IN_HOME), *files):
        path = _expanded(written, environ)
        if path and path != os.devnull:
            above = os.path.dirname(path)
            is_whole = os.path.basename(above) in _AWS and not any(is_within(kept, above) for kept in keeps)
            yield Cover(above if is_whole else path, KEYS)
    yield Cover(f"{_data(environ)}/python_keyring", KEYS)
    if login := environ.get("AWS_LOGIN_CACHE_DIRECTORY"):
        yield Cover(_expanded(login, environ), KEYS)
    if cached := cache.folder(environ):
        yield Cover(cached, CACHE)


def _helper_covers(environ: Environ, uid: int) -> Iterator[Cover]:
    """Yield the sockets of programs outside that take commands."""
    for name, reason in _HELPERS.items():
        if path := _socket(environ.get(name, "")):
            yield Cover(path, reason)
    user = environ.get("USER") or environ.get("LOGNAME") or _name(uid)
    for folder in (environ.get("TMUX_TMPDIR", ""), "/tmp"):  # noqa: S108 - where tmux looks
        if os.path.isabs(folder):
            yield Cover(f"{folder}/tmux-{uid}", TERMINALS, is_private=True, is_made=True)
    screens = ("/run/screen", "/run/screens", "/tmp/screens", "/tmp/uscreens")  # noqa: S108 - where screen looks
    for folder in (environ.get("SCREENDIR", ""), *(f"{each}/S-{user}" for each in screens)):
        if os.path.isabs(folder):
            yield Cover(folder, TERMINALS, is_private=True)
    yield Cover(with_home("~/.screen", environ), TERMINALS, is_private=True)
    for folder in (f"/tmp/zellij-{uid}", f"/tmp/emacs{uid}", f"/tmp/nvim.{user}"):  # noqa: S108 - where these look
        yield Cover(folder, TERMINALS, is_private=True)
    yield Cover(with_home(environ.get("XAUTHORITY", "~/.Xauthority"), environ), DESKTOP)
    yield Cover("/tmp/.X11-unix", DESKTOP, is_private=True)  # noqa: S108 - where X11 looks
    yield Cover("/run/WSL", WINDOWS)
    kernels = environ.get("JUPYTER_RUNTIME_DIR") or f"{_data(environ)}/jupyter/runtime"
    yield Cover(_expanded(kernels, environ), RUNTIME, is_private=True)
    for path in _MANAGERS:
        yield Cover(with_home(path, environ), CONTAINERS)


def _data(environ: Environ) -> str:
    return environ.get("XDG_DATA_HOME") or with_home("~/.local/share", environ)


def _name(uid: int) -> str:
    import pwd  # noqa: PLC0415 - where no variable has it

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _socket(value: str) -> str | None:
    """Return the path of the socket that a variable names: `path,pid,0`, `unix:path=…,guid=…`, `unix:///path`."""
    path = value.partition(";")[0].partition(",")[0].removeprefix("unix:").removeprefix("path=")
    path = f"/{path.lstrip('/')}" if path.startswith("/") else path
    return path if os.path.isabs(path) else None


def _expanded(written: str, environ: Environ) -> str:
    if "$" in written:
        from awsenv.config.files import expanded  # noqa: PLC0415 - `re` and more, for a few users

        written = expanded(written, environ)
    path = with_home(written, environ)
    return os.path.abspath(path) if path else ""
