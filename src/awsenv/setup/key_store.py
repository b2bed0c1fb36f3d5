"""The access key in the system's keyring: macOS Keychain, Secret Service, KWallet.

The program of the package keyring writes and reads it, run by awsenv's own Python. So the profile that reads it back
with `credential_process` serves every AWS tool, and the keyring sees the same program both times.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from awsenv import installation
from awsenv.errors import ConfigError, Origin
from awsenv.wording import quoted

if TYPE_CHECKING:
    from awsenv.model import Credentials, Environ

SERVICE = "awsenv"
"""The name of the service in the keyring."""

TIMEOUT = 60.0
"""Seconds for each answer of the keyring: time enough to unlock it."""

_OPTION = Origin("--keyring")
_TRIAL = "trial"

# Isolated: `-m` alone looks for a module in the working directory first, which may be a repository with a keyring.py.
_PYTHON = (sys.executable, "-I")
_KEYRING = (*_PYTHON, "-m", "keyring")
_PROGRAM = shlex.join(_KEYRING)

# Which keyring the package would use, and whether its configuration names it or the package recommends it. A chain of
# keyrings is as good as its first.
_PROBE = """
import json
try:
    from keyring import core
except ModuleNotFoundError:
    raise SystemExit(0)
chosen = core.load_env() or core.load_config()
store = chosen or core.get_keyring()
first = next(iter(getattr(store, "backends", ())), store)
name = "{0.__module__}.{0.__qualname__}".format(type(first))
print(json.dumps([name, chosen is not None or core.recommended(first)]))
"""
_NO_STORES = frozenset({"keyring.backends.fail.Keyring", "keyring.backends.null.Keyring"})


def check(environ: Environ, timeout: float = TIMEOUT) -> None:
    """Check that there is a keyring that keeps a secret, before AWS creates a key for it.

    A locked keyring asks for its password. One that the package does not recommend, such as a plain file, is used only
    if its configuration names it.

    Args:
        environ: The environment of the caller, which may name the keyring.
        timeout: Seconds to wait for each answer of the keyring.

    Raises:
        UsageError: The extra `keyring` is not installed.
        ConfigError: There is no keyring, or it is locked, does not answer, or does not return what it was given.
    """
    ended = _run([*_PYTHON, "-c", _PROBE], environ, timeout)
    if ended.returncode != 0:
        raise ConfigError(
            "keyring does not start",
            _OPTION,
            hint=f"check PYTHON_KEYRING_BACKEND, and the file that this names: {_PROGRAM} diagnose",
        )
    if not ended.stdout:
        raise installation.lacking("the keyring", "keyring", ModuleNotFoundError(name="keyring"), _OPTION)
    name, is_good = json.loads(ended.stdout)
    if name in _NO_STORES or not is_good:
        raise ConfigError(
            f"this machine has no keyring: the package keyring would use {quoted(name)}",
            _OPTION,
            hint=("unlock or install one, such as GNOME Keyring or KWallet", "leave --keyring out"),
        )
    _keep(_TRIAL, "{}", environ, timeout)
    _run([*_KEYRING, "--", "del", SERVICE, _TRIAL], environ, timeout)


def store(entry: str, key: Credentials, environ: Environ, timeout: float = TIMEOUT) -> str:
    """Keep a long-lived access key in a keyring that `check` accepts, and return the command that reads it back.

    Args:
        entry: The name of the entry.
        key: The access key.
        environ: The environment of the caller, which may name the keyring.
        timeout: Seconds to wait for each answer of the keyring.

    Raises:
        ConfigError: The keyring is locked, does not answer, or does not return what it was given.
    """
    content = {"Version": 1, "AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret_access_key}
    _keep(entry, json.dumps(content), environ, timeout)
    return command(entry)


def command(entry: str) -> str:
    """Return the `credential_process` that prints an entry.

    botocore splits it like a shell, the SDKs for Go and JavaScript hand it to one: both read the same words. And a
    mark that begins a comment for an SDK never follows a space.
    """
    line = shlex.join([*_KEYRING, "--", "get", SERVICE, entry])
    return re.sub(r"(?<=\s)(?=[#;])", "''", line)


def _keep(entry: str, content: str, environ: Environ, timeout: float) -> None:
    ended = _run([*_KEYRING, "--", "set", SERVICE, entry], environ, timeout, content)
    # Its stderr is a traceback, which may hold anything.
    if ended.returncode != 0 or _run(shlex.split(command(entry)), environ, timeout).stdout.strip() != content:
        raise ConfigError(
            "the keyring does not keep what it is given",
            _OPTION,
            hint=f"unlock it, and check that this works: {_PROGRAM} set {SERVICE} {_TRIAL}",
        )


def _run(argv: list[str], environ: Environ, timeout: float, content: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv,
            env=environ,
            input=content,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"the keyring did not answer in {timeout:g} seconds",
            _OPTION,
            hint=f"unlock it, and check that this works: {_PROGRAM} set {SERVICE} {_TRIAL}",
        ) from None
