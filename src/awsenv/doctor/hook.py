"""Whether the hook is loaded, and what shows the role in the prompt: the hook itself says both."""

from __future__ import annotations

import os
import re
import shutil
import stat
from typing import TYPE_CHECKING

from awsenv import shells
from awsenv.doctor.model import Finding, fine, unknown, warning
from awsenv.origin import Origin
from awsenv.shells.base import home
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.model import Environ
    from awsenv.shells.base import Shell

CHECK = "hook"

LOADED = "AWSENV_SHELL"
"""The hook names its shell in it when it calls awsenv."""

PROMPT = "_AWSENV_PROMPT"
"""The hook names who draws the prompt in it when it calls the doctor: a key of `_PROMPTS`."""

_PROMPTS = {
    "awsenv": "the hook shows the role and its time left",
    "disabled": "AWSENV_DISABLE_PROMPT is set: the hook leaves the prompt alone",
    "none": "this prompt cannot show the role: it is empty, or it expands nothing",
    "starship": "starship shows AWS_VAULT, with its segment aws",
    "oh-my-posh": "oh-my-posh shows AWS_VAULT, if its theme has the segment aws",
    "powerlevel10k": "powerlevel10k shows AWS_VAULT",
    "powerlevel10k-on-command": "powerlevel10k shows AWS_VAULT only while certain commands are typed; "
    "always after: unset POWERLEVEL9K_AWS_SHOW_ON_COMMAND",
    "spaceship": "spaceship shows AWS_VAULT",
    "tide": "tide shows no role by itself: print it with awsenv_prompt_info in an item of your own",
}

_LOAD = re.compile(r"""^[^#]*?(?P<folder>/)?\bawsenv["']?\s+init(?![\w-])""")
_MOST_BYTES = 1 << 20


def hook(environ: Environ, shell: str | None, program: str) -> Iterator[Finding]:
    """Check the hook of *shell*, and its startup files if the hook did not make this call.

    Args:
        environ: The environment of the caller.
        shell: The calling shell; None: the one that the hook names, else the login shell.
        program: The absolute path of this awsenv.

    Yields:
        Findings under `hook` and `prompt`, none worse than a warning: awsenv works without a hook.
    """
    first = shutil.which("awsenv", path=environ.get("PATH", ""))
    if first is not None and os.access(program, os.F_OK) and os.path.realpath(first) != os.path.realpath(program):
        yield warning(
            CHECK,
            f"the first awsenv on PATH is {printable(first)}, and this one is {printable(program)}",
            "uninstall one of them",
            "start a new shell, if this one has the hook of the other",
            origins=[Origin("PATH")],
        )
    name = environ.get(LOADED) or shell or environ.get("SHELL", "")
    known = shells.named(name) if name else None
    if not name:
        yield unknown(CHECK, "not checked: the calling shell is not known")
    elif known is None or not known.has_hook:
        fact = f'there is none for {printable(name.rpartition("/")[2])}: use eval "$(awsenv ROLE)", or awsenv exec ROLE'
        yield fine(CHECK, fact)
    elif environ.get(LOADED):
        yield fine(CHECK, f"it is loaded in this {known.name}")
        if environ.get(PROMPT) in _PROMPTS:
            yield fine("prompt", _PROMPTS[environ[PROMPT]])
    else:
        yield from _startup(known, environ, is_on_path=first is not None)


def _startup(shell: Shell, environ: Environ, *, is_on_path: bool) -> Iterator[Finding]:
    """Look for the line that loads the hook. Nothing in these files is run or shown: people keep keys in them."""
    main, paths = shell.startup(environ)
    has_unread = False
    for path in paths:
        name = _typed(path, environ)
        try:
            lines = _text(path).splitlines()
        except (OSError, ValueError) as error:
            has_unread = True
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            yield unknown(CHECK, f"cannot read {name}: {printable(why)}", origins=[Origin(name)])
            continue
        for number, line in enumerate(lines, start=1):
            found = _LOAD.search(line)
            if found is not None:
                origins = [Origin(name, number)]
                if is_on_path or found["folder"]:
                    yield fine(CHECK, f"{name} loads it; this call did not go through it", origins=origins)
                else:
                    fact = "awsenv is not on PATH, where this line looks for it"
                    hints = ("pipx ensurepath, or uv tool update-shell", "write the whole path of awsenv in this line")
                    yield warning(CHECK, fact, *hints, origins=origins)
                return
    if not has_unread:
        file = _typed(main, environ)
        fact = f"{file} does not load it, so awsenv ROLE cannot change the shell"
        yield warning(CHECK, fact, f"add as the last line of {file}: {shell.load}", origins=[Origin(file)])


def _text(path: str) -> str:
    """Return the text of a file; empty if it does not exist.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not a regular file, or longer than a startup file.
    """
    try:
        # A FIFO would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a file")
        content = os.read(descriptor, _MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > _MOST_BYTES:
        raise ValueError("longer than 1 MiB")
    return content.decode(errors="replace")


def _typed(path: str, environ: Environ) -> str:
    """Return *path* as people type it."""
    own = home(environ).rstrip("/")
    return printable(f"~{path[len(own) :]}" if own and path.startswith(f"{own}/") else path)
