"""Whether the hook of the shell is loaded, what shows the role in the prompt, and whether an agent runs.

The hook itself says whether it is loaded and what draws the prompt.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv import shells
from awsenv.agent import client, runtime_directory
from awsenv.config.files import shown
from awsenv.doctor.model import Finding, fine, unknown, warning
from awsenv.errors import Origin
from awsenv.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.model import Environ
    from awsenv.shells.base import Shell

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
    "tide": "tide shows no role by itself: print it with awsenv_prompt_info in an item of its own",
}

_LOAD = re.compile(r"""^[^#]*?(?P<folder>/)?\bawsenv["']?\s+init(?![\w-])""")
_END = ("awsenv logout, then awsenv login", "if that fails, end its process: kill")


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
    if first is not None and os.path.exists(program) and not os.path.samefile(first, program):  # noqa: PTH110, PTH121
        yield warning(
            "hook",
            f"the first awsenv on PATH is {printable(first)}, and this one is {printable(program)}",
            "uninstall one of them",
            "start a new shell, if this one has the hook of the other",
            origins=[Origin("PATH")],
        )
    name = environ.get(LOADED) or shell or environ.get("SHELL", "")
    known = shells.named(name) if name else None
    if not name:
        yield unknown("hook", "not checked: the calling shell is not known")
    elif known is None or not known.has_hook:
        fact = f'there is none for {printable(name.rpartition("/")[2])}: use eval "$(awsenv ROLE)", or awsenv exec ROLE'
        yield fine("hook", fact)
    elif environ.get(LOADED):
        yield fine("hook", f"it is loaded in this {known.name}")
        if environ.get(PROMPT) in _PROMPTS:
            yield fine("prompt", _PROMPTS[environ[PROMPT]])
    else:
        yield from _startup(known, environ, is_on_path=first is not None)


def _startup(shell: Shell, environ: Environ, *, is_on_path: bool) -> Iterator[Finding]:
    """Look for the line that loads the hook. Nothing in these files is run or shown: people keep keys in them."""
    main, paths = shell.startup(environ)
    is_read = True
    for path in map(Path, paths):
        name = shown(str(path), environ)
        try:
            # To open a FIFO would wait for a writer.
            text = "" if path.is_fifo() else path.read_text("utf-8", "replace")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            is_read = False
            yield unknown("hook", f"cannot read {name}: {error.strerror}", origins=[Origin(name)])
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if found := _LOAD.search(line):
                yield _loading(Origin(name, number), is_found=is_on_path or found["folder"] is not None)
                return
    if is_read:
        file = shown(main, environ)
        fact = f"{file} does not load it, so awsenv ROLE cannot change the shell"
        yield warning("hook", fact, f"add as the last line of {file}: {shell.load}", origins=[Origin(file)])


def _loading(line: Origin, *, is_found: bool) -> Finding:
    if is_found:
        return fine("hook", f"{line.name} loads it, but this call did not go through it", origins=[line])
    fact = "awsenv is not on PATH, where this line looks for it"
    hints = ("pipx ensurepath (with uv: uv tool update-shell)", "write the full path of awsenv in this line")
    return warning("hook", fact, *hints, origins=[line])


def agent(environ: Environ) -> Finding:
    """Check whether an agent runs and replies, or could run."""
    try:
        folder = runtime_directory.usable(environ)
    except runtime_directory.Unsafe as unsafe:
        return warning("agent", unsafe.fact, *unsafe.hints, origins=[Origin(unsafe.path)])
    try:
        client.ask(environ, client.PING, [])
    except client.NoAgent:
        return fine("agent", "none runs; awsenv login starts one, so that one code a day is enough")
    except client.Trouble as trouble:
        origins = map(Origin, trouble.origins or [folder])
        return warning("agent", trouble.fact, *(trouble.hints or _END), origins=origins)
    return fine("agent", f"one runs, in {folder}")
