"""`awsenv demo`: every command against a local AWS. It needs no account and leaves the user's own files alone."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv import environment, installation
from awsenv.agent import client, runtime_directory
from awsenv.cli import process
from awsenv.cli.action import Print
from awsenv.cli.exec import own_subshell
from awsenv.cli.options import Caller, Words
from awsenv.cli.signals import delayed
from awsenv.errors import NotExecutable, NotFound
from awsenv.model import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awsenv.model import Credentials, Environ
    from awsenv.sandbox import Sandbox

USER = "alice"
EXTERNAL_ID = "demo-external-id"
REGION = "eu-central-1"

_PREFIX = "awsenv-demo-"

_GRACE = 5
"""How long the command in the demo has to clean up before it is killed, in seconds."""

TOUR = """\
A local AWS serves this shell. Its user alice can only assume roles. Try:
  awsenv login "$(mfa-code)"              enter one MFA code for all roles
  awsenv power-user                       assume a role with MFA and external id
  awsenv status --verify                  ask AWS who you are
  awsenv exec read-only -- awsenv status  run one command with another role
  awsenv doctor power-user                check a role
  awsenv setup --profile admin me:ReadOnlyAccess,mfa
                                          create a user, its device and a role
  awsenv off                              leave it and restore the environment
  exit                                    end the demo
"""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The local AWS has a user, an MFA device and two roles.

    Without a COMMAND, a subshell starts. Your own files stay untouched; the local AWS ends with the command.
    """

    command: Words = None


def run(caller: Caller, arguments: Arguments) -> Print:
    """Run a command, or the user's shell after a short tour, with a local AWS that ends with it.

    Raises:
        UsageError: The extra `demo` is not installed, or a package of it is too old.
        LaunchError: The command does not start.
    """
    waits = caller.provider.waits("the local AWS, which is starting")
    try:
        with waits:
            from awsenv.sandbox import Sandbox  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise installation.lacking("the demo", "demo", error) from None
    with Sandbox() as sandbox, tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_temporary()) as home:
        with waits:
            _create_account(sandbox, Path(home))
        environ = _environ(caller, sandbox, Path(home))
        try:
            if arguments.command:
                return Print(status=_run(arguments.command, environ, end_with=signal.SIGTERM))
            process.tell(TOUR)
            # An interactive shell ignores SIGTERM.
            argv, own = own_subshell(caller, environ, _aws_of(environ))
            return Print(status=_run(argv, own, end_with=signal.SIGHUP))
        finally:
            client.end(environ)


def _temporary() -> str:
    """Return the folder for temporary files; `/tmp` if the path of an agent's socket would be too long in it."""
    folder = tempfile.gettempdir()
    longest = f"{folder}/{_PREFIX}{'x' * 8}/{runtime_directory.SOCKET}"
    return folder if len(os.fsencode(longest)) <= runtime_directory.MAX_PATH else "/tmp"  # noqa: S108 - mkdtemp(3) makes a folder that is ours


def _create_account(sandbox: Sandbox, home: Path) -> None:
    """Create the user, the device and the roles, and write the files and the `mfa-code` command for them."""
    user = sandbox.create_user(USER)
    device = sandbox.create_mfa_device(USER)
    arn = f"arn:aws:iam::{sandbox.account}:user/{USER}"
    power_user = sandbox.create_role(
        "power-user", sandbox.trust(arn, external_id=EXTERNAL_ID, mfa=True), policies=["PowerUserAccess"]
    )
    read_only = sandbox.create_role("read-only", sandbox.trust(arn), policies=["ReadOnlyAccess"])
    keys = {"default": user, "admin": sandbox.admin}
    (home / "credentials").write_text("\n".join(_profile(name, each) for name, each in keys.items()))
    (home / "credentials").chmod(0o600)
    (home / "config").write_text(
        f"[default]\nregion = {REGION}\n\n"
        f"[profile power-user]\nrole_arn = {power_user}\nsource_profile = default\n"
        f"mfa_serial = {device.serial}\nexternal_id = {EXTERNAL_ID}\n\n"
        f"[profile read-only]\nrole_arn = {read_only}\nsource_profile = default\n"
    )
    program = home / "bin" / "mfa-code"
    program.parent.mkdir()
    fetch = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode().strip())"
    words = (sys.executable, "-I", "-c", fetch, f"{sandbox.url}/_awsenv/mfa-code/{USER}")
    program.write_text(f"#!/bin/sh\nexec {shlex.join(words)}\n")
    program.chmod(0o700)


def _profile(name: str, key: Credentials) -> str:
    return f"[{name}]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"


def _environ(caller: Caller, sandbox: Sandbox, home: Path) -> dict[str, str]:
    """Return the environment of the caller, with variables for the local AWS instead of the caller's own."""
    own = {name: value for name, value in caller.environ.items() if not name.startswith(("AWS_", "AWSENV_"))}
    path = os.pathsep.join((str(home / "bin"), os.path.dirname(caller.program), own.get("PATH", os.defpath)))  # noqa: PTH120 - a PATH is text
    return {
        **own,
        **sandbox.environ(),
        "AWS_CONFIG_FILE": str(home / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
        # A separate agent: the user's own must neither hold credentials of this AWS nor end with it.
        runtime_directory.VARIABLE: str(home),
        # No proxy reaches the loopback.
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PATH": path,
    }


def _aws_of(environ: Environ) -> Change:
    """Return the variables to set again after the rc files of a shell, which may point at the user's own AWS."""
    own = {
        name: value for name, value in environ.items() if name.startswith("AWS_") or name == runtime_directory.VARIABLE
    }
    return Change({**environment.spelled_out({}).variables, **own})


def _run(argv: Sequence[str], environ: Environ, *, end_with: signal.Signals) -> int:
    """Run *argv* and return its status as a shell does. Only the child acts on SIGINT and SIGQUIT."""
    # A handler, not SIG_IGN, which the child would inherit.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        # An exception during the start would leave the child running.
        with delayed(signal.SIGTERM, signal.SIGHUP) as deliver, subprocess.Popen(argv, env=environ) as child:
            try:
                deliver()
                status = child.wait()
            except KeyboardInterrupt:
                _end(child, end_with)
                raise
    except FileNotFoundError:
        raise NotFound(f"command not found: {argv[0]!r}") from None
    except OSError as error:
        raise NotExecutable(
            f"cannot execute {argv[0]!r}: {error.strerror}", hint="make it executable: chmod +x"
        ) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status


def _end(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """End *child* with the signal *number*; kill it if it takes more than a few seconds to clean up."""
    child.send_signal(number)
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        child.kill()
