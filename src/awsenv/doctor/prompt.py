"""Which prompt framework a shell has, and what of a role it shows: see "The prompt" in the README."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from awsenv.doctor.startup import p10k

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from awsenv.doctor.startup import Line, Startup
    from awsenv.model import Environ


class Framework(NamedTuple):
    """One that owns the prompt, where the hook inserts nothing."""

    name: str
    shells: frozenset[str] | None
    """None: every shell."""
    load: re.Pattern[str] | None
    """The line that loads it; None: no line does."""
    shows: str
    """What it does with the role, to be read after its name."""
    variable: str | None = None
    """The variable in which it exports the name of its shell. A nested shell of another kind inherits it."""
    trace: re.Pattern[str] | None = None
    """A line, or the name of a startup file, that shows it is there, and may stand anywhere."""


_P10K = "powerlevel10k"
_VAULT = "shows AWS_VAULT"

_FRAMEWORKS = (
    Framework("starship", None, re.compile(r"""\bstarship["']?\s+init\b"""), _VAULT, "STARSHIP_SHELL"),
    Framework(
        "oh-my-posh",
        None,
        re.compile(r"""\boh-my-posh(?:\.exe)?["']?\s+init\b"""),
        "shows AWS_VAULT, if its theme has the segment aws",
        "POSH_SHELL",
    ),
    Framework(
        _P10K,
        frozenset({"zsh"}),
        re.compile(r"powerlevel10k\.zsh-theme|romkatv/powerlevel10k|powerlevel10k/powerlevel10k"),
        _VAULT,
        # `p10k configure` appends the line that reads this to ~/.zshrc: only settings, which change no hook.
        trace=re.compile(r"\.p10k\.zsh\b"),
    ),
    Framework(
        "spaceship",
        frozenset({"zsh"}),
        re.compile(
            r"""spaceship\.zsh\b|spaceship-prompt/spaceship-prompt|ZSH_THEME=["']?spaceship|prompt\s+spaceship"""
        ),
        _VAULT,
    ),
    Framework(
        "tide",
        frozenset({"fish"}),
        None,
        "shows no role by itself: awsenv_prompt_info prints the text for an item of yours",
        trace=re.compile(r"/_tide_init\.fish$"),
    ),
)

_ON_COMMAND = re.compile(r"\bPOWERLEVEL9K_AWS_SHOW_ON_COMMAND=")
_NOT_ON_COMMAND = re.compile(
    r"\bunset\b.*\bPOWERLEVEL9K_AWS_SHOW_ON_COMMAND\b|POWERLEVEL9K_AWS_SHOW_ON_COMMAND=(?:''|\"\")?$"
)


def loads(read: Startup, shell: str) -> Iterator[Line]:
    """Yield the lines of *read* that load a prompt framework."""
    for line in read.lines:
        if any(each.load and each.load.search(line.text) for each in _of(shell)):
            yield line


def framework(
    lines: Iterable[Line], shell: str, files: Iterable[str] = (), environ: Environ | None = None
) -> Framework | None:
    """Return the framework that owns the prompt: the last that is loaded, else one that has left a trace."""
    found = None
    texts = [*files, *(line.text for line in lines)]
    for text in texts:
        found = next((each for each in _of(shell) if each.load and each.load.search(text)), found)
    if found is None:
        traced = (each for each in _of(shell) if each.trace and any(map(each.trace.search, texts)))
        variables = environ or {}
        exported = (each for each in _of(shell) if each.variable and variables.get(each.variable) == shell)
        found = next(traced, None) or next(exported, None)
    return found


def powerlevel10k_shows(environ: Environ, read: Startup) -> str:
    """Return what powerlevel10k does with the role, which its settings decide."""
    settings = p10k(environ)
    texts = [line.text for line in (*settings.lines, *read.lines)]
    if any(map(_NOT_ON_COMMAND.search, texts)):
        return _VAULT
    if any(map(_ON_COMMAND.search, texts)):
        return (
            "shows AWS_VAULT only while certain commands are typed; always after: "
            "unset POWERLEVEL9K_AWS_SHOW_ON_COMMAND"
        )
    if settings.files and not settings.unread:
        return _VAULT
    return "shows AWS_VAULT, by the settings that it comes with only while certain commands are typed"


def _of(shell: str) -> Iterator[Framework]:
    return (each for each in _FRAMEWORKS if each.shells is None or shell in each.shells)
