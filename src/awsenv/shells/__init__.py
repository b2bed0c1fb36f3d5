"""The shells that awsenv knows: one class each, in a module named after the shell.

To add a shell, add its module here and, if it has a hook, `shell/awsenv.NAME`. Nothing else lists the shells.

A shell that starts waits for `awsenv init`, so the module of a shell is imported only when it is needed.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.errors import UsageError
    from awsenv.shells.base import Shell

_PROCESS = "credential_process = awsenv credential-process ROLE, in a profile"

FOREIGN = {name: (f"awsenv exec ROLE -- {name}", _PROCESS) for name in ("cmd", "powershell", "pwsh")}
"""Shells that evaluate nothing that awsenv prints, and what works there."""

_NO_SHELL = ("__init__.py", "base.py")


def names() -> list[str]:
    """Return the names of all shells, sorted."""
    files = os.listdir(os.path.dirname(os.path.abspath(__file__)))
    return sorted(file[:-3] for file in files if file.endswith(".py") and file not in _NO_SHELL)


def every() -> list[Shell]:
    """Return all shells."""
    return [_load(name) for name in names()]


def hooked() -> list[Shell]:
    """Return the shells that have a hook."""
    return [shell for shell in every() if shell.has_hook]


def named(name: str) -> Shell | None:
    """Return the shell that runs as *name*, spelled as in `$0` or `$SHELL`: `-bash`, `/usr/bin/zsh`, `ksh93`."""
    base = name.rpartition("/")[2].removeprefix("-").lower()
    spellings = (base, base.rstrip("0123456789.-"))
    for known in spellings:
        if known in names():
            return _load(known)
    return next((shell for shell in every() if not set(spellings).isdisjoint(shell.also)), None)


def find(name: str) -> Shell:
    """Return the shell that runs as *name*.

    Raises:
        UsageError: awsenv does not know that shell.
    """
    shell = named(name)
    if shell is None:
        raise unknown(name, "awsenv does not know the shell", "--shell", names())
    return shell


def unknown(name: str, fact: str, command: str, known: list[str]) -> UsageError:
    """Return the error for the shell *name*: a *fact* about it, and the *command* with one of the *known* shells.

    Raises:
        UsageError: *name* is a shell of `FOREIGN`.
    """
    refuse_foreign(name)
    from awsenv.distance import nearest  # noqa: PLC0415 - `enum` alone costs as much as all of this
    from awsenv.errors import UsageError  # noqa: PLC0415 - the same

    meant = nearest(name, known) or f"with one of {', '.join(known)}"
    return UsageError(f"{fact} {name!r}", hint=f"{command} {meant}")


def refuse_foreign(name: str) -> None:
    """Say what works in a shell of `FOREIGN`.

    Raises:
        UsageError: *name*, spelled as in `$0` or `$SHELL`, is one of them.
    """
    base = name.rpartition("/")[2].removeprefix("-").lower().removesuffix(".exe")
    if base in FOREIGN:
        from awsenv.errors import UsageError  # noqa: PLC0415 - see `unknown`

        raise UsageError(f"{base} evaluates nothing that awsenv prints", hint=FOREIGN[base])


def segment(name: str) -> str | None:
    """Return what the prompt framework *name* needs in a file of its own, if anything."""
    from awsenv.shells.base import folder, read  # noqa: PLC0415 - a shell that starts does without

    files = {file.rpartition(".")[0]: file for file in os.listdir(f"{folder()}/prompts")}
    return read(f"{folder()}/prompts/{files[name]}") if name in files else None


def _load(name: str) -> Shell:
    # Not importlib, which Python's own start does not load.
    shell: Shell = __import__(f"awsenv.shells.{name}", fromlist=["SHELL"]).SHELL
    return shell
