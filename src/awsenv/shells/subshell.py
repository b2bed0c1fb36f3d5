"""How a person's own shell is started so that it shows the role in its prompt, rc files and all.

Where the rc files load the hook, nothing is added. Where they do not, static files beside the hook load it after them:

    bash    --rcfile takes the place of ~/.bashrc, and reads that first
    zsh     ZDOTDIR leads to a .zshenv that puts ZDOTDIR back, reads the person's own, and waits for the first prompt
    fish    --init-command is run after config.fish
    others  a PS1 that refers to the label, which every shell of the POSIX family expands at each prompt

The first three then evaluate `_AWSENV_CHANGE`: rc files run after awsenv, and may export keys or a profile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv.shells import quoting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from awsenv.model import Environ

_REFERENCE = "${AWSENV_LABEL:+[$AWSENV_LABEL] }"
_HOOKED = ("bash", "zsh", "fish")
_FOR_THE_HOOK = ("_AWSENV_BIN", "_AWSENV_CHANGE")
# The empty fish_trace keeps the keys out of a trace that config.fish has turned on.
_FISH_ARRIVES = "if set -q _AWSENV_CHANGE; set -l fish_trace; eval $_AWSENV_CHANGE; set -eg _AWSENV_CHANGE; end"


def subshell(
    shell_path: str, environ: Environ, folder: Path, *, superuser: bool = False
) -> tuple[list[str], dict[str, str]]:
    """Return the command line and the environment of an interactive shell with the role in its prompt.

    Args:
        shell_path: The shell, as `$SHELL` names it.
        environ: The environment with the role in it, and two variables that bash, zsh and fish take out of it again:
            `_AWSENV_BIN`, the program, for the hook; `_AWSENV_CHANGE`, a text for that shell to evaluate after its rc
            files. Other shells have no use for them and do not get them.
        folder: The static shell files.
        superuser: Whether the shell runs as root: the prompt of a POSIX shell then ends in `#`. mksh throws away a
            PS1 without it.
    """
    name = shell_path.rpartition("/")[2]
    if name not in _HOOKED:
        environ = {key: value for key, value in environ.items() if key not in _FOR_THE_HOOK}
    start = _STARTS.get(name)
    if start is None:
        return [shell_path], dict(environ)
    options, added = start(environ, folder, superuser)
    return [shell_path, *options], {**environ, **added}


def _bash(_environ: Environ, folder: Path, _superuser: bool) -> tuple[list[str], dict[str, str]]:  # noqa: FBT001 - a row
    return ["--rcfile", str(folder / "subshell" / "bashrc")], {}


def _zsh(environ: Environ, folder: Path, _superuser: bool) -> tuple[list[str], dict[str, str]]:  # noqa: FBT001 - a row
    own = {"_AWSENV_ZDOTDIR": environ["ZDOTDIR"]} if "ZDOTDIR" in environ else {}
    return [], {**own, "ZDOTDIR": str(folder / "subshell")}


def _fish(_environ: Environ, folder: Path, _superuser: bool) -> tuple[list[str], dict[str, str]]:  # noqa: FBT001 - a row
    hook = quoting.fish(str(folder / "awsenv.fish"))
    return ["--init-command", f"functions -q __awsenv_refresh; or source {hook}\n{_FISH_ARRIVES}"], {}


def _posix(environ: Environ, _folder: Path, superuser: bool) -> tuple[list[str], dict[str, str]]:  # noqa: FBT001 - a row
    prompt = environ.get("PS1") or ("# " if superuser else "$ ")
    return [], {} if _REFERENCE in prompt else {"PS1": _REFERENCE + prompt}


_STARTS: dict[str, Callable[[Environ, Path, bool], tuple[list[str], dict[str, str]]]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
    **dict.fromkeys(("ash", "dash", "ksh", "ksh93", "mksh", "sh", "yash"), _posix),
}
