"""A reader of docs/recipes.md, who types the recipes into a shell: each test takes their text from the document."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conftest import World

TIMEOUT = 180
"""Seconds after which a test gives up. No passing test waits this long."""


@dataclass(frozen=True)
class Reader:
    """A user with a home and a folder of their own, in the world of the documents. An agent holds the MFA session."""

    world: World
    environ: Mapping[str, str]
    folder: Path
    """The current folder."""

    @property
    def home(self) -> Path:
        """The home."""
        return Path(self.environ["HOME"])

    def configure(self, text: str) -> None:
        """Add *text* to ~/.aws/config. Its sections replace those of the same name."""
        path = self.home / ".aws" / "config"
        before = re.split(r"^(?=\[)", path.read_text(), flags=re.MULTILINE)
        headers = re.findall(r"^\[.*\]$", text, re.MULTILINE)
        path.write_text("".join(each for each in before if each.partition("\n")[0] not in headers) + f"\n{text}")

    def write(self, name: str, text: str) -> Path:
        """Write a file in the current folder; one that begins with `#!` is a program."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if text.startswith("#!") else 0o644)
        return path

    def link(self, name: str, path: str) -> None:
        """Let *name* mean the program at *path*."""
        folder = self.home / "bin"
        folder.mkdir(exist_ok=True)
        (folder / name).symlink_to(path)

    def run(self, text: str, *, stdin: str | None = None, **environ: str) -> str:
        """Run *text* in bash, without a terminal, and return what it prints. Each line must succeed."""
        done = self.attempt(text, stdin=stdin, **environ)
        assert 0 == done.returncode, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def attempt(self, text: str, *, stdin: str | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run *text* in the same way, whether it succeeds or not."""
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", text],
            env={**self.environ, **environ},
            cwd=self.folder,
            input=stdin or "",
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
            timeout=TIMEOUT,
        )

    def code(self) -> str:
        """Wait half a minute for a new MFA code, and return it: AWS accepts each code only once."""
        self.world.sandbox.clock.elapse(30)
        return self.world.device.code()

    def callers(self, action: str) -> list[str]:
        """Return who has called *action* with success in this test, as the last words of their ARNs."""
        calls = [call for call in self.world.sandbox.calls if call.action == action and call.error is None]
        return [(call.caller or "nobody").rpartition(":")[2] for call in calls]


@pytest.fixture(scope="session")
def logged_in(documented_world: World) -> World:
    """Return the world of the documents, with the roles that recipes name and an agent that holds the MFA session."""
    world, sandbox = documented_world, documented_world.sandbox
    # The account, for sources other than the user.
    trust = sandbox.trust(world.user_arn, sandbox.account)
    for name, policy in (("admin", "AdministratorAccess"), ("deploy", "PowerUserAccess")):
        arn = sandbox.create_role(name, trust, policies=[policy])
        world.configure(f"\n[profile {name}]\nrole_arn = {arn}\nsource_profile = default\n")
    # A process of its own: a call of S3 keeps this one busy for seconds, and an agent in it would count as stuck.
    assert 0 == world.command([world.program, "login", world.device.code()]).returncode
    return world


@pytest.fixture
def reader(logged_in: World, tmp_path: Path) -> Reader:
    """Return a reader with a new home and an empty current folder, at an AWS that nobody has called."""
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copytree(Path(logged_in.environ["HOME"]) / ".aws", tmp_path / "home" / ".aws")
    path = os.pathsep.join(
        (str(tmp_path / "home" / "bin"), str(Path(logged_in.program).parent), logged_in.environ["PATH"])
    )
    logged_in.sandbox.clear_calls()
    return Reader(logged_in, {**logged_in.environ, "HOME": str(tmp_path / "home"), "PATH": path}, folder)


@pytest.fixture(scope="session")
def s3(logged_in: World) -> Iterator[Any]:
    """Return S3 as the administrator has it, with the buckets that recipes name. What a test writes to them stays."""
    with closing(logged_in.client("s3")) as client:
        for bucket in ("my-bucket", "my-state"):
            client.create_bucket(Bucket=bucket)
        yield client
