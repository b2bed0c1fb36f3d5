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
    failure: str = "false;\n"
    """What makes `eval "$(awsenv …)" && deploy` stop: `eval ""` succeeds in every shell."""


def _posix(change: Change) -> str:
    return _statements(change, "export {}={};\n", "unset {};\n", quoting.posix)


def _fish(change: Change) -> str:
    return _statements(change, "set -gx {} {};\n", "set -e {};\n", quoting.fish)


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


SHELLS = {
    shell.name: shell
    for shell in (
        Shell("bash", _posix),
        Shell("zsh", _posix),
        Shell("sh", _posix),
        Shell("fish", _fish),
        Shell("json", _json, failure=""),
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
