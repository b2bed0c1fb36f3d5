"""Fixtures for the tests of the seal: the home of a user, and a command that is sealed there."""

from __future__ import annotations

import json
import os
import pwd
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.conftest import TIMEOUT, User, me, nobody, site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["me", "nobody", "site"]

CANARY = "canary"
"""What a sealed command must not see."""

BECOME = """\
import _thread, os, sys
from awsenv import launch
from awsenv.agent import harden
from awsenv.sealing.plan import hidden
from awsenv.sealing.process import seal

environ = dict(os.environ)
runtime = environ.pop("RUNTIME", None)
if environ.pop("UNDUMPABLE", None):
    harden.forbid_dumps()
if environ.pop("THREAD", None):
    _thread.start_new_thread(sum, (range(10**6),))
plan = hidden(environ, runtime=runtime, folder=os.getcwd(), uid=os.getuid())
for missing in seal(plan).missing:
    print("missing:", missing.fact, *filter(None, [missing.because]), *missing.hints, sep="\\n ", file=sys.stderr)
launch.become(sys.argv[1:], plan.without(environ))
"""
"""A program that seals itself, and becomes the command that its arguments name."""

ROOT = """\
missing:
 a sealed command of root can change the system, and by that leave the seal
 use another user than root
"""
"""What it says as root."""


@dataclass(frozen=True)
class House:
    """The home of a user, with what a seal hides."""

    user: User
    uid: int
    gid: int
    folder: Path
    site: Path

    @property
    def home(self) -> Path:
        """Return the home folder."""
        return self.folder / "home"

    @property
    def run_folder(self) -> Path:
        """Return the folder of sockets that the system makes for a user."""
        return self.folder / "run"

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment of the user."""
        return {
            "PYTHONPATH": str(self.site),
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "USER": "sample",
            "XDG_RUNTIME_DIR": str(self.run_folder),
            "SSH_AUTH_SOCK": str(self.run_folder / "ssh"),
            "TMUX": f"{self.folder}/tmux-{self.uid}/default,1,0",
            "TMUX_TMPDIR": str(self.folder),
            "DISPLAY": ":0",
            "AWSENV_SAVED_AWS_SHARED_CREDENTIALS_FILE": "~/project/keys",
            "AWS_CONFIG_FILE": "$HOME/other/aws/config",
            "RUNTIME": f"{self.run_folder}/awsenv",
        }

    @property
    def account(self) -> dict[str, Any]:
        """Return the arguments with which subprocess starts a process of the user."""
        named: dict[str, Any] = {"user": self.user.name, "group": "nogroup", "extra_groups": []}
        return {} if self.user.name is None else named

    @property
    def says(self) -> str:
        """Return what a seal lacks for this user on every system."""
        return ROOT if self.uid == 0 else ""

    def argv(self, *command: str) -> list[str]:
        """Return the arguments that seal *command*."""
        return [self.user.python, "-c", BECOME, *command]

    def run(
        self,
        *command: str,
        text: str = "",
        before: tuple[str, ...] = (),
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
        **options: Any,
    ) -> tuple[int, str, str]:
        """Run *command* sealed, and return its status and what it writes to stdout and to stderr.

        Args:
            command: The command.
            text: Its stdin.
            before: The command that becomes the program that seals itself.
            folder: The working directory; None: the home.
            environ: Other variables.
            options: Other arguments of subprocess.
        """
        done = subprocess.run(
            [*before, *self.argv(*command)],
            env={**self.environ, **(environ or {})},
            cwd=folder or self.home,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
            **self.account,
            **options,
        )
        return done.returncode, done.stdout, done.stderr

    def seen(self, code: str, *words: str, **options: Any) -> Any:
        """Return what sealed code of Python prints, as JSON."""
        status, out, err = self.run(self.user.python, "-c", code, *words, **options)
        assert (0, self.says) == (status, err)
        return json.loads(out)


def _furnish(house: House) -> None:
    """Make files with keys, and sockets that answer with their names."""
    for name in (
        "home/.aws/config",
        "home/.aws/credentials",
        "home/.aws/sso/cache/token.json",
        "home/.cache/awsenv/names",
        "home/other/aws/config",
        "home/project/keys",
    ):
        path = house.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CANARY)
    (house.home / "project" / "code").write_text("code")
    for name in (
        "run/awsenv/socket",
        "run/bus",
        "run/ssh",
        f"tmux-{house.uid}/default",
        "home/.docker/run/docker.sock",
    ):
        path = house.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=_answer, args=(listener, path.name), daemon=True).start()
    for path in (house.folder, *house.folder.rglob("*")):
        os.chown(path, house.uid, house.gid)
    for path in (house.run_folder, house.run_folder / "awsenv", house.folder):
        path.chmod(0o700)


def _answer(listener: socket.socket, name: str) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(name.encode())


@pytest.fixture(scope="session")
def namespaces(require: Callable[[str], str]) -> None:
    """Skip a test where the system refuses user namespaces; in CI, it fails."""
    if sys.platform != "linux":
        pytest.skip("only Linux has what a seal is made of")
    done = subprocess.run(
        [require("unshare"), "--user", "--mount", "true"], capture_output=True, text=True, check=False
    )
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"this system refuses user namespaces: {done.stderr}")
    assert "" == done.stderr


@pytest.fixture(scope="module", params=["me", "nobody"])
def house(request: pytest.FixtureRequest, site: Path, namespaces: None) -> Iterator[House]:
    """Return the home of the user who runs the tests, and that of one who is not root."""
    del namespaces
    user = request.getfixturevalue(request.param)
    account = pwd.getpwuid(os.getuid()) if user.name is None else pwd.getpwnam(user.name)
    with tempfile.TemporaryDirectory(prefix="awsenv-") as name:
        made = House(user, account.pw_uid, account.pw_gid, Path(name), site)
        _furnish(made)
        yield made
