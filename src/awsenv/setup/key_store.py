"""The access key in the system's own store of secrets: macOS Keychain, Secret Service, KWallet.

It is written and read by keyring's own program, run by the Python that awsenv runs on. So the profile that reads it
back, with `credential_process`, serves every AWS tool; and the store asks for the same program both times.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from awsenv.config.text import quoted
from awsenv.errors import ConfigError, UsageError
from awsenv.origin import Origin

if TYPE_CHECKING:
    from awsenv.model import Credentials, Environ

SERVICE = "awsenv"
"""What the entries are filed under."""

PATIENCE = 60.0
"""Seconds that the store is given for each of its answers, such as for a person to unlock it."""

_OPTION = Origin("--keyring")
_TRIAL = "trial"

# Isolated: `-m` alone looks for a module in the working directory first, and whoever wrote the repository that a person
# stands in could have put a keyring.py there.
_PYTHON = (sys.executable, "-I")
_KEYRING = (*_PYTHON, "-m", "keyring")
_PROGRAM = shlex.join(_KEYRING)

# Which store keyring takes, and whether a person chose it. A chain of stores is as good as its first.
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


def check(environ: Environ, patience: float = PATIENCE) -> None:
    """See that there is a store that keeps what it is given: before a key is made that would have no place to go.

    A store that is locked asks the person to unlock it. One that keyring does not recommend, such as a plain file, is
    taken only where a person chose it.

    Args:
        environ: The environment of the caller, which names the store if a person chose one.
        patience: Seconds to wait for each answer of the store.

    Raises:
        UsageError: The extra `keyring` is not installed.
        ConfigError: There is no store, or it is locked, does not answer, or does not give back what it was given.
    """
    _find(environ, patience)
    _keep(_TRIAL, "{}", environ, patience)
    _run([*_KEYRING, "--", "del", SERVICE, _TRIAL], environ, patience)


def store(name: str, credentials: Credentials, environ: Environ, patience: float = PATIENCE) -> str:
    """Keep a long-lived access key, and return the `credential_process` that reads it back.

    Args:
        name: What to call it; the account is added, so that each account has an entry of its own.
        credentials: The key.
        environ: The environment of the caller, which names the store if a person chose one.
        patience: Seconds to wait for each answer of the store.

    Raises:
        UsageError: The extra `keyring` is not installed.
        ConfigError: There is no store, or it is locked, does not answer, or does not give back what it was given.
    """
    _find(environ, patience)
    entry = name if credentials.account is None else f"{name}@{credentials.account}"
    content = {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
    }
    _keep(entry, json.dumps(content), environ, patience)
    return command(entry)


def command(entry: str) -> str:
    """Return the `credential_process` that prints an entry.

    botocore splits it like a shell, the SDKs for Go and JavaScript hand it to one: to both it says the same. And a mark
    that begins a comment in an SDK's eyes never follows a space.
    """
    line = shlex.join([*_KEYRING, "--", "get", SERVICE, entry])
    return re.sub(r"(?<=\s)(?=[#;])", "''", line)


def _find(environ: Environ, patience: float) -> None:
    ended = _run([*_PYTHON, "-c", _PROBE], environ, patience)
    if ended.returncode != 0:
        raise ConfigError(
            "keyring does not start",
            _OPTION,
            hint=f"look at PYTHON_KEYRING_BACKEND, and at the file that this names: {_PROGRAM} diagnose",
        )
    if not ended.stdout:
        raise UsageError(
            "the keyring needs the package 'keyring', which is not installed",
            _OPTION,
            hint="pip install 'awsenv-shell[keyring]'",
        )
    name, is_good = json.loads(ended.stdout)
    if name in _NO_STORES or not is_good:
        raise ConfigError(
            f"this machine has no store of secrets: keyring would use {quoted(name)}",
            _OPTION,
            hint="unlock or install one, such as GNOME Keyring or KWallet, or leave out --keyring",
        )


def _keep(entry: str, content: str, environ: Environ, patience: float) -> None:
    ended = _run([*_KEYRING, "--", "set", SERVICE, entry], environ, patience, content)
    # What it complains of is a traceback of keyring's: nobody knows what is in it.
    if ended.returncode != 0 or _run(shlex.split(command(entry)), environ, patience).stdout.strip() != content:
        raise ConfigError(
            "the keyring does not keep what it is given",
            _OPTION,
            hint=f"unlock it, and see whether this works: {_PROGRAM} set {SERVICE} {_TRIAL}",
        )


def _run(argv: list[str], environ: Environ, patience: float, content: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv,
            env=environ,
            input=content,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=patience,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"the keyring did not answer in {patience:g} seconds",
            _OPTION,
            hint=f"unlock it, and see whether this works: {_PROGRAM} set {SERVICE} {_TRIAL}",
        ) from None
