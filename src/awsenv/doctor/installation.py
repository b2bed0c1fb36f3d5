"""Whether the hook of the shell is loaded, what the prompt shows of a role, and whether an agent runs.

The hook itself says that it is loaded, whether it ran at the last prompt and what that showed: nothing else knows.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from awsenv import shells, variables
from awsenv.agent import client, runtime_directory
from awsenv.config.files import expanded, shown
from awsenv.config.files import quoted as quoted_path
from awsenv.doctor.model import Finding, fine, unknown, warning
from awsenv.errors import Origin
from awsenv.wording import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awsenv.model import Environ
    from awsenv.shells.base import Shell

LOADED = "AWSENV_SHELL"
"""The hook names its shell in it when it calls awsenv."""

_PROMPTS = {
    "awsenv": "the prompt shows the role and when it ends",
    "idle": "the hook ran at the last prompt; no role was active that it could show",
    "disabled": "AWSENV_DISABLE_PROMPT is set: the hook leaves the prompt alone",
    "empty": "the hook cannot show a role: the prompt is empty",
    "promptvars": "the hook cannot show a role: the shell option promptvars is off (on: shopt -s promptvars)",
    "prompt_percent": "the hook cannot show a role: the shell option prompt_percent is off (on: setopt prompt_percent)",
    "starship": "starship shows AWS_VAULT, if its module aws is on",
    "oh-my-posh": "oh-my-posh shows AWS_VAULT, if its theme has the segment aws",
    "powerlevel10k": "powerlevel10k shows AWS_VAULT, if its segment aws is on",
    "powerlevel10k-on-command": "powerlevel10k shows AWS_VAULT only while certain commands are typed; "
    "always after: unset POWERLEVEL9K_AWS_SHOW_ON_COMMAND",
    "powerlevel10k-segment": "powerlevel10k shows the role in its segment awsenv",
    "spaceship": "spaceship shows AWS_VAULT, if its section aws is on",
    "spaceship-segment": "spaceship shows the role in its section awsenv",
    "liquidprompt": "liquidprompt shows AWS_VAULT",
    "pure": "pure shows AWS_VAULT",
    "bobthefish": "bobthefish shows AWS_VAULT",
    "theme": "the prompt shows the role: it calls awsenv_prompt_info",
    "tide": "tide shows no role by itself, but has an item for it: awsenv init tide",
    "tide-segment": "tide shows the role in its item awsenv",
}
_LAST = "keep the line that loads the hook the last of {file}"
_TROUBLES = {
    "stopped": ("the hook did not run at the last prompt: a role there may be missing or out of date", "{load}", _LAST),
    "replaced": (
        "the last prompt did not show the role: something has set the prompt after the hook",
        _LAST,
        "print the role in a prompt of your own: awsenv_prompt_info",
    ),
    "frozen": (
        "the last prompt did not show the role: the prompt is read-only",
        "load the hook before the line that makes it read-only",
        "export AWSENV_DISABLE_PROMPT=1",
    ),
}
"""The facts that are a warning, and their next steps."""

_LOAD = re.compile(r"""^[^#]*?(?P<folder>/)?\bawsenv["']?\s+init(?![\w-])""")


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
    elif known is None and environ.get(LOADED):
        yield warning("hook", f"awsenv knows no shell {quoted(name)}", f"unset {LOADED}", origins=[Origin(LOADED)])
    elif known is None or not known.has_hook:
        base = name.rpartition("/")[2]
        use = "use awsenv exec ROLE" if base in shells.FOREIGN else 'use eval "$(awsenv ROLE)", or awsenv exec ROLE'
        yield fine("hook", f"there is none for {printable(base)}: {use}")
    elif environ.get(LOADED):
        yield fine("hook", f"it is loaded in this {known.name}")
        yield from _prompt(known, environ)
    else:
        yield from _startup(known, {**environ, LOADED: name}, program, is_on_path=first is not None)


def _prompt(shell: Shell, environ: Environ) -> Iterator[Finding]:
    state = environ.get(variables.PROMPT)
    if state in _PROMPTS:
        yield fine("prompt", _PROMPTS[state])
    elif state in _TROUBLES:
        file = shown(shell.startup(environ)[0], environ)
        fact, *hints = _TROUBLES[state]
        yield warning("prompt", fact, *(hint.format(file=file, load=shell.load) for hint in hints))


def _startup(shell: Shell, environ: Environ, program: str, *, is_on_path: bool) -> Iterator[Finding]:
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
        if path.name == shell.file_name:  # nushell reads the hook itself
            yield _loading(Origin(name))
            return
        for number, line in enumerate(text.splitlines(), start=1):
            if file := _file_of(line, shell, environ):
                yield _loading(Origin(name, number), *_trouble_with(file, shell))
                return
            if found := _LOAD.search(line):
                yield _loading(Origin(name, number), *(() if is_on_path or found["folder"] else _unfound(program)))
                return
    if is_read:
        file = shown(main, environ)
        fact = f"{file} does not load it, so awsenv ROLE cannot change the shell"
        command = "awsenv" if is_on_path else shlex.quote(printable(program))
        hint = shell.append.format(f"{command} init --line {shell.name}", quoted_path(file))
        yield warning("hook", fact, hint, origins=[Origin(file)])


def _file_of(line: str, shell: Shell, environ: Environ) -> str:
    """Return the path of the hook that *line* runs; empty: it runs none."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return ""
    paths = (expanded(word.strip("();,"), environ) for word in words)
    return next((path for path in paths if path.endswith(f"/{shell.file_name}")), "")


def _trouble_with(file: str, shell: Shell) -> tuple[str, ...]:
    """Return the fact and the next step where the file of a hook is missing, or is another one; else nothing."""
    hint = f"write in place of this line the one of: awsenv init --line {shell.name}"
    # Only the shell knows a path such as $(brew --prefix)/share/awsenv/awsenv.bash.
    if not os.path.isabs(file) or "$" in file or shell.is_hook(file):  # noqa: PTH117 - it stays a text
        return ()
    if not os.path.exists(file):  # noqa: PTH110 - the same
        return "the file that this line loads is not there", hint
    return "this line loads the hook of another awsenv", hint


def _unfound(program: str) -> tuple[str, ...]:
    hint = f"write in this line, instead of awsenv: {shlex.quote(printable(program))}"
    return "awsenv is not on PATH, where this line looks for it", hint


def _loading(line: Origin, fact: str = "", *hints: str) -> Finding:
    """Return the finding on the line that loads the hook: *fact*, if anything is wrong with it."""
    if fact:
        return warning("hook", fact, *hints, origins=[line])
    unseen = f"{line.name} loads it, but this call did not go through it: whether this shell has it is not known"
    return unknown("hook", unseen, "type awsenv doctor at a prompt", origins=[line])


def agent(environ: Environ) -> Finding | None:
    """Check whether an agent runs and replies, or could run; None: none runs, and one could."""
    for missed in client.missed(environ):
        return replace(warning("agent", missed.fact, *missed.hints), because=missed.because)
    try:
        folder = runtime_directory.usable(environ)
    except runtime_directory.Unsafe as unsafe:
        return warning("agent", unsafe.fact, *unsafe.hints, origins=[Origin(unsafe.path)])
    try:
        client.ask(environ, client.PING, [])
    except client.NoAgent:
        return None
    except client.Trouble as trouble:
        origins = map(Origin, trouble.origins or [folder])
        end = "awsenv logout" if trouble.pid is None else f"kill -9 {trouble.pid}"
        return warning("agent", trouble.fact, *(trouble.hints or (end,)), origins=origins)
    return fine("agent", f"running, in {folder}")
