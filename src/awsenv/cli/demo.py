"""`awsenv demo`: every command against a local AWS. It needs no account and leaves the user's own files alone."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv import changes, installation, variables
from awsenv.agent import runtime_directory, start
from awsenv.cli import process
from awsenv.cli.action import Print, show
from awsenv.cli.exec import own_subshell
from awsenv.cli.setup import DEMO_ADMINISTRATOR
from awsenv.iam.trust import trust_policy
from awsenv.launch import explained
from awsenv.model import Change, Note
from awsenv.setup import KNOWN
from awsenv.signals import delayed
from awsenv.variables import having

if TYPE_CHECKING:
    from collections.abc import Sequence

    from awsenv.cli.arguments import DemoArguments
    from awsenv.cli.options import Caller
    from awsenv.model import Credentials, Environ
    from awsenv.sandbox import Sandbox

LOGIN = "demo"
"""The name of the user of the demo's shell, for awsenv: `setup` and role session names come from it."""
USER = "awsenv-demo"
"""The user, as `awsenv setup` names it for LOGIN."""
EXTERNAL_ID = "demo-external-id"
REGION = "eu-central-1"

_PREFIX = "awsenv-demo-"

_GRACE = 5
"""How long the command in the demo has to clean up before it is killed, in seconds."""

_OLDEST = {1: 29, 2: 13}
"""The first minor version of each major version of the AWS CLI that knows AWS_ENDPOINT_URL (SDKs and Tools Reference
Guide, "Service-specific endpoints")."""

_PATIENCE = 2
"""How long the demo waits for the version of the AWS CLI when all else is ready, in seconds."""

TOUR = """\
awsenv demo: a local AWS, which ends with this shell. Your own files stay safe.

  mfa-code                     a code, as an authenticator app shows it
  awsenv power-user            assume a role: awsenv asks for that code
  awsenv status --verify       who you are now, and until when
  awsenv off                   leave the role, restore the environment

  awsenv login "$(mfa-code)"   enter one code for the whole day
  awsenv exec read-only -- awsenv status --verify
                               run one command with another role
  awsenv explain power-user    how a role would be assumed, value by value
  awsenv doctor power-user     what is wrong, the first cause first
  awsenv list                  the roles there are

  awsenv setup --user bob deploy:PowerUserAccess,mfa
                               create a user, its device (QR code) and a role
  exit                         end the demo

No phone to scan the QR code? In another terminal:
  {mfa_code} bob

"""


def run(caller: Caller, arguments: DemoArguments) -> Print:
    """Run a command, or the user's shell after a short tour, with a local AWS that ends with it.

    Raises:
        UsageError: The extra `demo` is not installed, or a package of it is too old.
        LaunchError: The command does not start.
    """
    aws_cli = AwsCli(caller.environ)
    waits = caller.provider.waits("the local AWS, which is starting")
    try:
        with waits:
            from awsenv.sandbox import Sandbox  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise installation.lacking("the demo", "demo", error) from None
    with (
        aws_cli,
        Sandbox(redirects=False) as sandbox,
        tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_temporary()) as home,
    ):
        with waits:
            _create_account(sandbox, Path(home))
        environ = _environ(caller, sandbox, Path(home))
        show(aws_cli.notes())
        try:
            if arguments.command:
                return Print(status=_run(arguments.command, environ, end_with=signal.SIGTERM))
            process.tell(TOUR.format(mfa_code=_mfa_code(Path(home))))
            # An interactive shell ignores SIGTERM.
            argv, own = own_subshell(caller, environ, _aws_of(environ))
            return Print(status=_run(argv, own, end_with=signal.SIGHUP))
        finally:
            start.end(environ)


class AwsCli(AbstractContextManager["AwsCli"]):
    """The AWS CLI of the user, asked for its version while the local AWS starts.

    Args:
        environ: Its PATH leads to the AWS CLI.
    """

    def __init__(self, environ: Environ) -> None:
        path = shutil.which("aws", path=environ.get("PATH", os.defpath))
        self._process = None
        with suppress(OSError):
            if path is not None:
                # It is a Python program, too. The first versions print to stderr.
                self._process = subprocess.Popen(
                    [path, "--version"],
                    env={name: value for name, value in environ.items() if name not in variables.MISLEADING},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )

    def notes(self) -> list[Note]:
        """Return a warning if it would send to AWS what is meant for the local AWS."""
        if self._process is None:
            return []
        with suppress(subprocess.TimeoutExpired):
            text = self._process.communicate(timeout=_PATIENCE)[0].decode(errors="replace")
            found = re.match(r"aws-cli/(\d+)\.(\d+)\.\S+", text)
            if found and int(found[2]) < _OLDEST.get(int(found[1]), 0):
                fact = f"the AWS CLI here, {found[0]}, ignores AWS_ENDPOINT_URL: its calls leave the demo for AWS"
                return [Note(fact, hints=("do not run aws in the demo", "install version 2.13 or 1.29, or later"))]
        return []

    def __exit__(self, *error: object) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def _temporary() -> str:
    """Return the folder for temporary files; `/tmp` if the path of an agent's socket would be too long in it."""
    folder = tempfile.gettempdir()
    longest = f"{folder}/{_PREFIX}{'x' * 8}/{runtime_directory.SOCKET}"
    return folder if len(os.fsencode(longest)) <= runtime_directory.MAX_PATH else "/tmp"  # noqa: S108 - mkdtemp(3) makes a folder that is ours


def _create_account(sandbox: Sandbox, home: Path) -> None:
    """Create the user, the device and the roles, as `awsenv setup` does, and the files and the `mfa-code` command."""
    from awsenv.sandbox import mfa_code  # noqa: PLC0415 - an extra, which `run` has imported

    user = sandbox.create_user(USER)
    device = sandbox.create_mfa_device(USER)
    roles = {
        name: sandbox.create_role(
            name,
            trust_policy(str(user.arn), mfa=True, external_id=EXTERNAL_ID if role.external_id else None),
            policies=role.policies,
        )
        for name, role in KNOWN.items()
    }
    of_role = f"source_profile = {USER}\nmfa_serial = {device.serial}\nregion = {REGION}\n"
    sections = [f"[profile {name}]\nregion = {REGION}\n" for name in (USER, DEMO_ADMINISTRATOR)]
    for name, arn in roles.items():
        external_id = f"external_id = {EXTERNAL_ID}\n" if KNOWN[name].external_id else ""
        sections.append(f"[profile {name}]\nrole_arn = {arn}\n{of_role}{external_id}")
    (home / "config").write_text("\n".join(sections))
    keys = {USER: user, DEMO_ADMINISTRATOR: sandbox.admin}
    (home / "credentials").write_text("\n".join(_profile(name, each) for name, each in keys.items()))
    (home / "credentials").chmod(0o600)
    program = _mfa_code(home)
    program.parent.mkdir()
    words = (sys.executable, "-I", mfa_code.__file__, sandbox.mfa_codes)
    program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    program.chmod(0o700)


def _profile(name: str, key: Credentials) -> str:
    return f"[{name}]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"


def _mfa_code(home: Path) -> Path:
    return home / "bin" / "mfa-code"


def _environ(caller: Caller, sandbox: Sandbox, home: Path) -> dict[str, str]:
    """Return the environment of the caller, with variables for the local AWS instead of the caller's own."""
    own = {name: value for name, value in caller.environ.items() if not name.startswith(("AWS_", "AWSENV_"))}
    path = os.pathsep.join((str(_mfa_code(home).parent), os.path.dirname(caller.program), own.get("PATH", os.defpath)))  # noqa: PTH120 - a PATH is text
    return {
        **own,
        **sandbox.environ(),
        # What `setup` would call the user is what the demo has; and prompts that show a profile show the demo.
        having(variables.USER)[0]: LOGIN,
        "AWS_PROFILE": USER,
        variables.DEMO: sandbox.url,
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
    own = {name: value for name, value in environ.items() if name.startswith(("AWS_", "AWSENV_"))}
    return Change({**changes.spelled_out({}).variables, **own})


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
    except OSError as error:
        raise explained(error, argv[0]) from None
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
