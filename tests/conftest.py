"""Fixtures for all tests: the installed program, a clean environment, the shells and a local AWS."""

from __future__ import annotations

import fcntl
import json
import os
import select
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import moto.iam.access_control  # noqa: F401 - else the first call of IAM does it, and a lookup waits three seconds
import pytest
from hypothesis import settings

from awsenv import variables
from awsenv.agent import client, runtime_directory
from awsenv.agent.endpoint import Endpoint
from awsenv.agent.log import Log
from awsenv.agent.memory import Memory
from awsenv.agent.server import Life, Server
from awsenv.agent.term import Clock
from awsenv.cli.handler import Handler
from awsenv.sandbox import MfaDevice, Sandbox
from awsenv.variables import VARIABLES, having

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from pyte.screens import Char

    from awsenv.model import Credentials

    Until = Callable[[Callable[[], object]], None]

# No deadline, because a shell is as slow as the machine; derandomized, so that a failure can be reproduced.
settings.register_profile("awsenv", deadline=None, derandomize=True)
settings.load_profile("awsenv")

# Each test passes its own environment. One that forgets to must not find the agent of the user who runs the tests.
NO_AGENT = {runtime_directory.VARIABLE: f"{os.devnull}/no-agent"}
os.environ |= NO_AGENT

# Nor do the tests know by what coding agent they are run.
for _name in having(variables.ASSISTANT):
    os.environ.pop(_name, None)

# What a user's own umask lets others write, the doctor would find.
os.umask(0o022)

# A script that starts the tests in the background lets them, and all that they start, ignore these.
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _handler)

TIMEOUT = 180
"""Seconds after which a test gives up; a test that passes does not wait for it. Every command of the README in the demo
takes 20 seconds, and three times as long on a busy machine."""

SLOW = ("agent", "api", "cli", "docs", "e2e", "recipes", "sealing", "setup", "shell", "shells", "test_ipython.py")
"""The folders and files whose tests are marked `slow`: most of them start programs, or call AWS many times."""

PYTHON = (
    "agent/test_client.py",
    "agent/test_endpoint.py",
    "agent/test_harden.py",
    "agent/test_memory.py",
    "agent/test_server.py",
    "agent/test_start.py",
    "api/test_processes.py",
    "api/test_session.py",
    "aws/test_chain.py",
    "aws/test_deadline.py",
    "aws/test_http.py",
    "aws/test_settings.py",
    "aws/test_signin.py",
    "aws/test_source.py",
    "aws/test_translate.py",
    "cli/test_app.py",
    "cli/test_exec.py",
    "cli/test_imports.py",
    "config/test_conformance.py",
    "config/test_files.py",
    "config/test_profiles.py",
    "config/test_sources.py",
    "sandbox/test_calls.py",
    "sandbox/test_iam.py",
    "sandbox/test_sandbox.py",
    "sandbox/test_signin.py",
    "sandbox/test_sts.py",
    "sealing",
    "test_command.py",
    "test_installation.py",
    "test_launch.py",
)
"""The folders and files whose tests are marked `python`: what they do can differ between two Pythons, or between two
versions of boto3, Typer or moto. One test of each kind is enough, so that both ends are tested in a minute."""

PARTLY = ("cli/test_use.py", "test_ipython.py")
"""Files with single tests that are marked `python`."""

HERE = Path(__file__).parent


@cache
def is_in(path: Path, names: tuple[str, ...]) -> bool:
    """Return whether *path*, a test or a folder of them, is in one of these folders and files, or is one."""
    path = path.relative_to(HERE)
    return any(path == Path(name) or Path(name) in path.parents for name in names)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import nothing of the folders whose tests are not selected: it takes ten seconds."""
    selected = config.getoption("markexpr")
    if selected == "not slow":
        return is_in(collection_path, SLOW) or None
    if selected == "python" and collection_path.name.startswith("test_"):
        return not is_in(collection_path, PYTHON + PARTLY) or None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the folders."""
    for item in items:
        if is_in(item.path, SLOW):
            item.add_marker("slow")
        if is_in(item.path, PYTHON):
            item.add_marker("python")


@pytest.fixture(scope="session")
def program() -> str:
    """Return the path of the installed `awsenv`."""
    path = Path(sys.executable).with_name("awsenv")
    assert path.exists(), f"{path} is missing: install the project first, as the README says"
    return str(path)


OF_NO_REGISTRY = {"oh-my-posh"}
"""Programs that CI cannot install, so that their tests are skipped there: neither Debian nor PyPI nor npm has them."""


@pytest.fixture(scope="session")
def require() -> Callable[[str], str]:
    """Return a function that finds a program; without it a test is skipped on a user's machine and fails in CI."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None and os.environ.get("CI") and name not in OF_NO_REGISTRY:
            pytest.fail(f"{name} is not installed")
        if path is None:
            pytest.skip(f"{name} is not installed")  # on a user's machine: CI fails above
        return path

    return find


@pytest.fixture(scope="session")
def node_package(tmp_path_factory: pytest.TempPathFactory, require: Callable[[str], str]) -> Callable[[str], Path]:
    """Return a function that installs a package of npm, once for all workers, and returns its folder.

    Without the registry a test is skipped on a user's machine and fails in CI.
    """
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def install(package: str) -> Path:
        name = package.rpartition("@")[0] or package
        folder = base / "npm" / name.replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "done").exists():
                (folder / "package.json").write_text("{}")
                options = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
                done = subprocess.run(
                    [require("npm"), "install", *options, package],
                    cwd=folder,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode != 0 and not os.environ.get("CI"):
                    pytest.skip(f"{package} cannot be installed from npm")  # on a user's machine: CI fails below
                assert 0 == done.returncode, done.stderr
                (folder / "done").touch()
        return folder / "node_modules" / name

    return install


@pytest.fixture
def clean_environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment with an empty home and no AWS variables."""
    return _clean_environ(tmp_path)


def _clean_environ(folder: Path) -> dict[str, str]:
    home = folder / "home"
    home.mkdir()
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm-256color"} | NO_AGENT


ENCODINGS = ("SHIFT_JIS", "EUC-JP", "GBK", "GB18030", "BIG5", "BIG5-HKSCS")
"""Encodings in which an ASCII byte may be the second half of a character, or stand for another one."""


@pytest.fixture(scope="session")
def locale_of(
    require: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, str]]:
    """Return a function that makes a locale with an encoding and returns the variables that select it."""
    # One folder for all processes of pytest, of which one makes a locale: GB18030 takes eight seconds.
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "locales"
    folder.mkdir(exist_ok=True)

    def make(encoding: str) -> dict[str, str]:
        if encoding == "UTF-8":
            return {"LC_ALL": "C.UTF-8"}
        name = f"POSIX.{encoding}"
        variables = {"LOCPATH": str(folder), "LC_ALL": name}
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / name).exists():
                # The status is not checked, because a warning counts: SHIFT_JIS differs from ASCII.
                subprocess.run(
                    [require("localedef"), "-i", "POSIX", "-f", encoding, str(folder / name)],
                    capture_output=True,
                    check=False,
                )
        shown = subprocess.run(["locale", "charmap"], env=variables, capture_output=True, check=True, text=True)
        if shown.stdout.strip() != encoding and not os.environ.get("CI"):
            pytest.skip(f"the locale {name} cannot be made: install the package locales")  # CI fails below
        assert encoding == shown.stdout.strip()
        return variables

    return make


@pytest.fixture(params=["UTF-8", *(pytest.param(each, marks=pytest.mark.slow) for each in ENCODINGS)])
def locale(request: pytest.FixtureRequest, locale_of: Callable[[str], dict[str, str]]) -> dict[str, str]:
    """Return the variables that select a locale with each encoding in turn."""
    return locale_of(request.param)


@pytest.fixture(scope="session")
def until() -> Until:
    """Return a function that waits until a condition holds."""

    def wait(is_so: Callable[[], object]) -> None:
        end = time.monotonic() + TIMEOUT
        while not is_so():
            assert time.monotonic() < end, "the condition never held"
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def has_ended() -> Callable[[int], bool]:
    """Return a function that tells whether a process has ended, even if its parent is another process."""

    def ended(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):  # its parent read its status before this, or just now
            return True

    return ended


@pytest.fixture(scope="session")
def samples() -> Mapping[str, str]:
    """Return, for each variable of the table, a value that is legal there and that no test sets otherwise."""
    return {
        **dict.fromkeys(VARIABLES, "sample"),
        **dict.fromkeys(having(variables.PROFILE), "default"),
        **dict.fromkeys(having(variables.REGION), "us-west-2"),
        **dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "BOTO_CONFIG"), "~/elsewhere"),
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_CREDENTIAL_EXPIRATION": "2030-01-01T00:00:00Z",
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/sample",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/sample",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/sample",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9/",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv4",
        "AWSENV_DURATION": "20m",
        "AWSENV_MIN_REMAINING": "5m",
        "AWSENV_MFA_SERIAL": "arn:aws:iam::123456789012:mfa/sample",
        "AWSENV_PROFILE": "default",
        "AWSENV_REGION": "us-west-2",
        "AWSENV_TAG": "team=sample",
        "AWSENV_TRANSITIVE_TAG": "team",
        "AWSENV_POLICY": "{}",
        "AWSENV_POLICY_ARN": "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "AWSENV_READ_ONLY": "true",
        "AWSENV_ONLY": "s3:Get*",
        "AWSENV_ON": "arn:aws:s3:::sample",
        "AWSENV_FOR": "30m",
        "AWSENV_EXPIRES_EPOCH": "1795453200",
    }


class Job:
    """A command line that runs in a fork of the loaded program.

    Args:
        pid: Its process.
        report: Where its status comes when it has ended. The job closes it.
    """

    def __init__(self, pid: int, report: int) -> None:
        self.pid = pid
        self._report = report
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return its status if it has ended: that of an exit, or the negative number of a signal."""
        return self._read(0)

    def wait(self, seconds: float = TIMEOUT) -> int:
        """Wait until it has ended, and return its status."""
        status = self._read(seconds)
        assert status is not None, "the program does not end"
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def _read(self, seconds: float) -> int | None:
        if self._status is None and select.select([self._report], [], [], seconds)[0]:
            self._status = int(os.read(self._report, 16))
            os.close(self._report)
        return self._status


class Preloaded:
    """The program, loaded once, as preloaded.py explains.

    The tests of cli/test_fast_path.py check that a fresh start of the program does the same for a command line.
    """

    _OF_PYTHON = ("PYTHON", "LANG", "LC_")
    """Variables that Python reads at its start."""

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.settimeout(TIMEOUT)
        self._environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("preloaded.py")), str(theirs.fileno())],
                env=self._environ,
                pass_fds=[theirs.fileno()],
            )

    def serves(self, environ: Mapping[str, str]) -> bool:
        """Return whether a Python that starts in *environ* behaves like the loaded one."""
        expected, actual = (
            {name: value for name, value in each.items() if name.startswith(self._OF_PYTHON)}
            for each in (self._environ, environ)
        )
        return expected == actual

    def run(
        self, argv: list[str], environ: Mapping[str, str], folder: str, *, asks_agent: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        """Run *argv* without a terminal, in a new session.

        Args:
            argv: The program and its arguments.
            environ: Its whole environment.
            folder: Its working directory.
            asks_agent: Whether it looks for an agent first, as the program does.
        """
        (out, out_writes), (err, err_writes) = os.pipe(), os.pipe()
        with Path(os.devnull).open("rb") as stdin:
            descriptors = [stdin.fileno(), out_writes, err_writes]
            job = self.start(argv, environ, folder, descriptors, asks_agent=asks_agent)
        os.close(out_writes)
        os.close(err_writes)
        shown = self._shown(job.pid, out, err)
        return subprocess.CompletedProcess(argv, job.wait(), *shown)

    def start(
        self,
        argv: list[str],
        environ: Mapping[str, str],
        folder: str,
        descriptors: list[int],
        *,
        asks_agent: bool = True,
    ) -> Job:
        """Start *argv*. If the first of its three descriptors is a terminal, it owns that.

        The other arguments are those of `run`.
        """
        umask = os.umask(0)
        os.umask(umask)
        job = {"argv": argv, "environ": dict(environ), "folder": folder, "umask": umask, "asks_agent": asks_agent}
        report, writes = os.pipe()
        socket.send_fds(self._connection, [json.dumps(job).encode()], [*descriptors, writes])
        os.close(writes)
        return Job(int(self._connection.recv(16)), report)

    @staticmethod
    def _shown(pid: int, *descriptors: int) -> list[bytes]:
        """Return the output of each of *descriptors* up to its end."""
        shown = dict.fromkeys(descriptors, b"")
        with selectors.DefaultSelector() as selector:
            for descriptor in descriptors:
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(TIMEOUT)
                if not ready:
                    os.kill(pid, signal.SIGKILL)
                    pytest.fail(f"the command does not end, and has printed {list(shown.values())}")
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 16)
                    shown[key.fd] += data
                    if not data:
                        selector.unregister(key.fd)
                        os.close(key.fd)
        return list(shown.values())

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.wait(TIMEOUT)


@pytest.fixture(scope="session")
def preloaded() -> Iterator[Preloaded]:
    """Return the program, loaded once."""
    with closing(Preloaded()) as preloaded:
        yield preloaded


@dataclass(frozen=True)
class World:
    """A user with one access key, an MFA device and some roles, and the local AWS that knows them."""

    sandbox: Sandbox
    device: MfaDevice
    preloaded: Preloaded
    program: str
    environ: dict[str, str] = field(repr=False)
    """The environment of the user's shell, without a role."""
    external_id: str = "canary-external-id"

    @property
    def user_arn(self) -> str:
        """Return the ARN of the IAM user."""
        return f"arn:aws:iam::{self.sandbox.account}:user/alice"

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run awsenv with *words*, without a terminal, in the user's environment and *environ* on top."""
        argv, environ = [self.program, *words], self.environ | environ
        if not self.preloaded.serves(environ):
            return self.command(argv, **environ)
        done = self.preloaded.run(argv, environ, str(Path.cwd()))
        return subprocess.CompletedProcess(argv, done.returncode, done.stdout.decode(), done.stderr.decode())

    def command(self, argv: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
        """Start *argv* in the same way; its new session has no terminal."""
        return subprocess.run(
            argv,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            timeout=TIMEOUT,
        )

    def configure(self, text: str) -> None:
        """Add *text* to the user's ~/.aws/config."""
        with (Path(self.environ["HOME"]) / ".aws" / "config").open("a") as file:
            file.write(text)

    def client(self, service: str, key: Credentials | None = None) -> Any:
        """Return a client of the local AWS that signs with *key*; None: with that of the administrator."""
        key = key or self.sandbox.admin
        return boto3.client(
            service,
            endpoint_url=self.sandbox.url,
            region_name="us-east-1",
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
            aws_session_token=key.session_token,
        )

    def add_administrator(self) -> None:
        """Give the user a profile `admin`, which may do everything."""
        key = self.sandbox.admin
        with (Path(self.environ["HOME"]) / ".aws" / "credentials").open("a") as file:
            file.write(
                f"[admin]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"
            )

    def actions(self) -> list[str]:
        """Return the STS and IAM actions that were called so far."""
        return [call.action for call in self.sandbox.calls]

    def agent(self) -> int | None:
        """Return the id of the process that listens at the user's socket, or None."""
        try:
            connection = client.connect(self.environ[runtime_directory.VARIABLE], TIMEOUT)
        except (FileNotFoundError, ConnectionRefusedError, runtime_directory.Unsafe):
            return None
        with closing(connection):
            return client.peer(connection)[1]


@pytest.fixture
def world(preloaded: Preloaded, program: str, clean_environ: dict[str, str]) -> Iterator[World]:
    """Return the world of the README: `power-user` requires MFA and an external id, `read-only` neither.

    An agent that runs in it is killed after the test.
    """
    with _world(preloaded, program, clean_environ) as world:
        yield world


@pytest.fixture(scope="module")
def shared_world(preloaded: Preloaded, program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return such a world for all tests of a module, to which it does not matter what happened in it before."""
    with _world(preloaded, program, _clean_environ(tmp_path_factory.mktemp("shared"))) as world:
        yield world


@pytest.fixture(scope="session")
def documented_world(preloaded: Preloaded, program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return such a world for all tests of documents, with the account that the documents name."""
    with _world(preloaded, program, _clean_environ(tmp_path_factory.mktemp("documented")), "123456789012") as world:
        yield world


@contextmanager
def _world(
    preloaded: Preloaded, program: str, clean_environ: dict[str, str], account: str | None = None
) -> Iterator[World]:
    # Not below tmp_path, which is too long for the path of a socket.
    with Sandbox(account) as sandbox, tempfile.TemporaryDirectory(prefix="awsenv-", dir="/tmp") as runtime:
        # The clock starts early in a step of thirty seconds, so that no code expires during a test by chance.
        sandbox.clock.elapse(5 - sandbox.clock.now().timestamp() % 30)
        user = sandbox.create_user("alice")
        device = sandbox.create_mfa_device("alice")
        environ = clean_environ | sandbox.environ() | {runtime_directory.VARIABLE: f"{runtime}/run"}
        world = World(sandbox, device, preloaded, program, environ)
        power_user = sandbox.create_role(
            "power-user",
            sandbox.trust(world.user_arn, external_id=world.external_id, mfa=True),
            policies=["PowerUserAccess"],
        )
        read_only = sandbox.create_role("read-only", sandbox.trust(world.user_arn), policies=["ReadOnlyAccess"])
        folder = Path(clean_environ["HOME"]) / ".aws"
        folder.mkdir()
        (folder / "credentials").write_text(
            f"[default]\naws_access_key_id = {user.access_key_id}\naws_secret_access_key = {user.secret_access_key}\n"
        )
        (folder / "credentials").chmod(0o600)
        world.configure(
            "[default]\nregion = eu-central-1\n\n"
            f"[profile power-user]\nrole_arn = {power_user}\nsource_profile = default\n"
            f"mfa_serial = {device.serial}\nexternal_id = {world.external_id}\n\n"
            f"[profile read-only]\nrole_arn = {read_only}\nsource_profile = default\n"
        )
        sandbox.clear_calls()
        yield world
        pid = world.agent()
        if pid is not None and pid != os.getpid():
            os.kill(pid, signal.SIGKILL)


@contextmanager
def _agent(environ: Mapping[str, str], now: Callable[[], float] = time.time) -> Iterator[None]:
    """Let this process be the agent of the user of *environ*."""
    memory = Memory(Clock(now, now), lambda: server.note_use())  # noqa: PLW0108 - it is made below
    endpoint = cache(
        lambda: Endpoint(lambda role: memory.served(role).credentials, server.loop, on_revoke=server.note_use)
    )
    handler = Handler(memory, endpoint, log=Log(now), now=now)

    def in_use() -> bool:
        return endpoint.cache_info().currsize > 0 and endpoint().is_used()

    folder = runtime_directory.make(environ)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{folder}/{runtime_directory.SOCKET}")
    life = Life(
        12 * 3600,
        idle=4 * 3600,
        until=memory.until,
        in_use=in_use,
        tidy=handler.tidy,
        check_end=handler.check_end,
        check_free=handler.seals.check_free,
        boot=now,
    )
    server = Server(handler.reply, listening=listening, life=life)
    handler.log.on_news = server.tell
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.end()
        thread.join()


@pytest.fixture(scope="session")
def agent_in() -> Callable[[Mapping[str, str]], AbstractContextManager[None]]:
    """Return what lets this process be the agent of the user of an environment, for a while.

    An agent of its own takes half a second of the processor to start.
    """
    return _agent


@pytest.fixture
def aging(world: World) -> Iterator[World]:
    """Return the world with an agent that ages with the local AWS: its hours pass as a test wants them."""
    with _agent(world.environ, lambda: world.sandbox.clock.now().timestamp()):
        yield world


_HALVES = {" ": (0, 0), "\u2580": (1, 0), "\u2584": (0, 1), "\u2588": (1, 1)}
_SCALE = 4
_THEMES = {
    "dark": {"fg": 0xC0, "bg": 0x00},
    "light": {"fg": 0x20, "bg": 0xFF},
}
_SIZE = (80, 60)


def _grey(colour: str, default: int) -> int:
    if colour == "default":
        return default
    assert len(colour) == 6, f"{colour} is a name, and its look depends on the theme"
    return sum(bytes.fromhex(colour)) // 3


def _pixels(char: Char, theme: dict[str, int]) -> tuple[int, int]:
    ink, paper = _grey(char.fg, theme["fg"]), _grey(char.bg, theme["bg"])
    upper, lower = _HALVES.get(char.data, (0, 0))
    return (ink if upper else paper, ink if lower else paper)


@pytest.fixture(scope="session")
def decode() -> Callable[..., str]:
    """Return a function that reads the QR code which a text shows on a terminal.

    Text around the code is ignored, as a camera ignores it. The terminal has 80 columns, and a dark or a light
    background.
    """
    # Imported here, so that the thousands of other tests do not wait for them.
    import pyte  # noqa: PLC0415 - see above
    import zxingcpp  # noqa: PLC0415 - see above

    def read(text: str, theme: str = "dark") -> str:
        screen = pyte.Screen(*_SIZE)
        # A real terminal adds a carriage return to each line feed; this is only a screen.
        pyte.Stream(screen).feed(text.replace("\r\n", "\n").replace("\n", "\r\n"))
        width, height = _SIZE
        rows: list[bytes] = []
        for y in range(height):
            cells = [_pixels(screen.buffer[y][x], _THEMES[theme]) for x in range(width)]
            rows += [bytes(half for half in row for _ in range(_SCALE)) for row in zip(*cells, strict=True)]
        image = b"".join(row for row in rows for _ in range(_SCALE))
        view = memoryview(image).cast("B", (2 * height * _SCALE, width * _SCALE))
        found = zxingcpp.read_barcodes(view)
        assert 1 == len(found), "there is not exactly one QR code on the screen"
        return str(found[0].text)

    return read
