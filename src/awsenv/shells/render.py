"""A change of environment as each shell spells it: one row a shell.

Every statement ends in `;`, so that an unquoted `eval $(awsenv …)`, which joins the lines, means the same.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from awsenv.errors import UsageError
from awsenv.shells import quoting

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Change

_NAME = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shell:
    """One shell's way to spell a change."""

    name: str
    render: Callable[[Change], str]
    """One complete text for the shell to evaluate."""


def _posix(change: Change) -> str:
    """Set everything or nothing: where a variable is read-only the shell would go on with the rest."""
    changed = _statements(change, "export {}={};\n", "unset {};\n", quoting.posix)
    if not changed:
        return ""
    probe = "export " + " ".join(f"{name}=" for name in change.variables)
    gone = [name for name, value in change.variables.items() if value is None]
    if gone:
        probe += f" && unset {' '.join(gone)}"
    refusal = quoting.posix("awsenv: nothing was changed: a variable that must change is read-only in this shell")
    return f"if ({probe}) 2>/dev/null; then\n{changed}else echo {refusal} >&2; false; fi;\n"


def _fish(change: Change) -> str:
    """Set everything or nothing: what is erased would be lost to every session where it is universal."""
    changed = _statements(change, "set -gx {} {};\n", "set -eg {};\n", quoting.fish)
    gone = [name for name, value in change.variables.items() if value is None]
    if not gone:
        return changed
    guards = "else ".join(f"if set -qU {name}; echo {_universal(name)} >&2; false;\n" for name in gone)
    return f"{guards}else;\n{changed}end;\n"


def _universal(name: str) -> str:
    return quoting.fish(
        f"awsenv: nothing was changed: {name} must go, and is a universal variable, of all sessions\n"
        f"  try: set -eU {name}, or awsenv exec"
    )


def _statements(change: Change, export: str, unset: str, quote: Callable[[str], str]) -> str:
    return "".join(
        unset.format(_checked(name)) if value is None else export.format(_checked(name), quote(value))
        for name, value in change.variables.items()
    )


def _json(change: Change) -> str:
    return json.dumps(dict(change.variables), indent=2) + "\n"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        message = f"not the name of a variable: {name!r}"
        raise ValueError(message)
    return name


FAILURE = "false;\n"
"""What makes `eval "$(awsenv …)" && deploy` stop, in every shell: `eval ""` succeeds."""

SHELLS = {
    shell.name: shell
    for shell in (
        Shell("bash", _posix),
        Shell("zsh", _posix),
        Shell("sh", _posix),
        Shell("fish", _fish),
        Shell("json", _json),
    )
}
"""Every shell that `use` and `off` print for, by its name."""

_SAME_AS_SH = ("ash", "busybox", "dash", "ksh", "mksh", "posix", "yash")


def find(name: str) -> Shell:
    """Return the shell called *name*, which may be spelled as in `$0` or `$SHELL`: `-bash`, `/usr/bin/zsh`.

    Raises:
        UsageError: awsenv does not speak that shell.
    """
    base = name.rpartition("/")[2].removeprefix("-").lower()
    shell = SHELLS.get("sh" if base in _SAME_AS_SH else base)
    if shell is None:
        raise UsageError(f"awsenv does not speak the shell {name!r}", hint=f"--shell with one of {', '.join(SHELLS)}")
    return shell
