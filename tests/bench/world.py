"""The programs to measure, each in a venv of its own, and a user of a local AWS."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv.agent import client, runtime_directory, start
from awsenv.sandbox import Sandbox
from relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

CHECKOUT = Path(__file__).resolve().parents[2]
EXTERNAL_ID = "bench-external-id"
STEP = 60
"""Seconds by which the clock of the local AWS moves before each code, since a code is accepted once."""
_SECONDS = 60
_PEERS = {"aws": "awscli", "awsume": "awsume", "elhaz": "elhaz"}
"""The venvs of the other programs, and the package in each."""
_PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")

Environ = dict[str, str]


def run(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run a program and return what it prints.

    Raises:
        SystemExit: It failed.
    """
    # In a new session, since an interactive shell would take over the terminal.
    finished = subprocess.run(
        argv, env=environ, capture_output=True, check=False, stdin=subprocess.DEVNULL, start_new_session=True, text=True
    )
    if finished.returncode != 0:
        raise SystemExit(f"{argv} failed with {finished.returncode}:\n{finished.stdout}{finished.stderr}")
    return finished.stdout


@dataclass(frozen=True)
class Programs:
    """The programs. Each venv is made when it is first needed; those of the others stay for the next run.

    Args:
        folder: Where the venvs are.
    """

    folder: Path

    def path(self, name: str, program: str) -> str:
        """Return the path of *program* in the venv *name*."""
        bin_folder = self.folder / name / "bin"
        if name == "awsenv":
            self._awsenv  # noqa: B018 - made by being read
        elif not bin_folder.exists():
            self._make(name, _PEERS[name])
        return str(bin_folder / program)

    def versions(self) -> list[str]:
        """Return the names and versions of the measured programs."""
        frozen = "".join(
            run([str(python), *_PIP, "freeze", "--exclude", "awsenv-shell"], os.environ)
            for python in self.folder.glob("*/bin/python")
        )
        return sorted({line for line in frozen.split() if line.startswith(("aws", "boto3", "elhaz", "typer"))})

    @cached_property
    def bundle(self) -> str:
        """The certificates that botocore trusts, in PEM."""
        python = self.path("awsenv", "python")
        return run([python, "-c", "import botocore; print(open(botocore.__path__[0] + '/cacert.pem').read())"], {})

    @cached_property
    def _awsenv(self) -> None:
        python = self._make("awsenv")
        # The pip of an older Python writes a script that loads `re`; those of pipx and uv do not.
        run([python, *_PIP, "install", "--upgrade", "pip"], os.environ)
        run([python, *_PIP, "wheel", "--no-deps", "-w", str(self.folder), str(CHECKOUT)], os.environ)
        wheel = next(self.folder.glob("awsenv_shell-*.whl"))
        run([python, *_PIP, "install", "--only-binary=:all:", str(wheel)], os.environ)
        wheel.unlink()

    def _make(self, name: str, *requirements: str) -> str:
        """Make the venv *name* and return the path of its Python."""
        run([sys.executable, "-m", "venv", "--clear", str(self.folder / name)], os.environ)
        python = str(self.folder / name / "bin" / "python")
        if requirements:
            # No sdist: its setup.py may write to the home folder.
            run([python, *_PIP, "install", "--only-binary=:all:", *requirements], os.environ)
        return python


@dataclass(frozen=True)
class World:
    """A user with a key, an MFA device and two roles at the local AWS."""

    programs: Programs
    sandbox: Sandbox
    environ: Environ
    """Without an agent."""
    read_only: str
    power_user: str
    serial: str
    new_code: Callable[[], str]
    relay: Relay | None = None
    """The relay that makes the local AWS far."""
    round_trip: float = 0
    """Seconds."""
    callbacks: list[Callable[[], object]] = field(default_factory=list)
    """Functions that end the programs that were started."""

    @property
    def awsenv(self) -> str:
        """The path of awsenv."""
        return self.programs.path("awsenv", "awsenv")

    @property
    def python(self) -> str:
        """The path of the Python that runs awsenv."""
        return self.programs.path("awsenv", "python")

    def with_agent(self, name: str = "run") -> Environ:
        """Return the environment with the agent *name*, which is started when needed and ends with the world."""
        environ = self.environ | {runtime_directory.VARIABLE: f"{self.environ['HOME']}/{name}{self.round_trip * 1e3:g}"}
        self.callbacks.append(partial(start.end, environ))
        return environ

    @contextmanager
    def at(self, round_trip: float) -> Iterator[World]:
        """Return the same world with a round trip of *round_trip* seconds to AWS."""
        with Relay(self.sandbox.port, round_trip) as relay:
            far = self.environ | {"AWS_ENDPOINT_URL": f"https://127.0.0.1:{relay.port}"}
            world = replace(self, environ=far, relay=relay, round_trip=round_trip, callbacks=[])
            yield world
            world.end()

    def end(self) -> None:
        """End the agents."""
        for callback in self.callbacks:
            callback()


def agent_pid(environ: Environ) -> int:
    """Return the process of the agent."""
    with closing(client.connect(environ[runtime_directory.VARIABLE], _SECONDS)) as connection:
        return client.peer(connection)[1]


@contextmanager
def furnished(programs: Programs, home: Path, *, tls: bool = False) -> Iterator[World]:
    """Start a local AWS, and create a user with files below *home*."""
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(tls=tls))
        user, device = sandbox.create_user("alice"), sandbox.create_mfa_device("alice")
        arn = f"arn:aws:iam::{sandbox.account}:user/alice"
        read_only = sandbox.create_role("read-only", sandbox.trust(arn), policies=["ReadOnlyAccess"])
        power_user = sandbox.create_role("power-user", sandbox.trust(arn, external_id=EXTERNAL_ID, mfa=True))
        (home / ".aws").mkdir(parents=True)
        (home / ".aws" / "credentials").write_text(
            f"[default]\naws_access_key_id = {user.access_key_id}\naws_secret_access_key = {user.secret_access_key}\n"
        )
        (home / ".aws" / "config").write_text(
            f"[profile read-only]\nrole_arn = {read_only}\nsource_profile = default\n\n"
            f"[profile power-user]\nrole_arn = {power_user}\nsource_profile = default\n"
            f"mfa_serial = {device.serial}\nexternal_id = {EXTERNAL_ID}\n"
        )

        def new_code() -> str:
            sandbox.clock.elapse(STEP)
            return device.code()

        environ = {"HOME": str(home), "PATH": os.defpath, "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        # The bare script and the AWS CLI need a region.
        environ |= {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"} | sandbox.environ()
        if tls:
            # A usual bundle has more than a hundred certificates, which each program loads.
            bundle = home / "bundle.pem"
            bundle.write_text(programs.bundle + Path(environ["AWS_CA_BUNDLE"]).read_text())
            environ["AWS_CA_BUNDLE"] = str(bundle)
        world = World(programs, sandbox, environ, read_only, power_user, device.serial, new_code)
        stack.callback(world.end)
        yield world
