"""What `awsenv init SHELL` prints: the path of awsenv, and the static file `shell/awsenv.SHELL`.

A shell's start waits for this: it imports nothing that Python's own start has not.
"""

from __future__ import annotations

import os

from awsenv.shells import quoting

LINES = {
    "bash": 'eval "$(awsenv init bash)"',
    "zsh": 'eval "$(awsenv init zsh)"',
    "fish": "awsenv init fish | source",
}
"""What loads the hook, as it stands in a startup file."""

_ASSIGN = {
    "bash": ("_AWSENV_BIN={}\n", quoting.posix),
    "zsh": ("_AWSENV_BIN={}\n", quoting.posix),
    "fish": ("set -g _AWSENV_BIN {}\n", quoting.fish),
}


def hook(shell: str, program: str) -> str:
    """Return the text that makes *shell* call *program*, an absolute path: a project's venv must not shadow it.

    Raises:
        UsageError: There is no hook for that shell.
    """
    name = shell.rpartition("/")[2].removeprefix("-")
    if name not in _ASSIGN:
        from awsenv.errors import UsageError  # noqa: PLC0415 - `enum` alone costs as much as all of this

        raise UsageError(
            f"there is no hook for the shell {shell!r}", hint=f"awsenv init with one of {', '.join(_ASSIGN)}"
        )
    assign, quote = _ASSIGN[name]
    with open(os.path.join(folder(), f"awsenv.{name}"), encoding="utf-8") as file:
        return assign.format(quote(program)) + file.read()


def folder() -> str:
    """Return the folder of the static shell files: in the installed package, or beside `src` in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = os.path.join(package, "shell")
    if os.path.isdir(installed):
        return installed
    return os.path.join(os.path.dirname(os.path.dirname(package)), "shell")
