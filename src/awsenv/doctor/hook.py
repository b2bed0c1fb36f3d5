"""Whether the shell's startup files load the hook, and who shows the role in the prompt. No file is ever run."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from awsenv import shells
from awsenv.config.text import listed, printable
from awsenv.doctor.finding import Finding, Verdict
from awsenv.doctor.prompt import framework, loads, powerlevel10k_shows
from awsenv.doctor.startup import startup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from awsenv.doctor.startup import Line, Startup
    from awsenv.model import Environ

_INIT = re.compile(r"""(?P<before>^|[\s"'`(;&|=/])awsenv["']?\s+init\s+["']?(?:[^\s"'|;)]*/)?-?(?P<shell>\w+)?""")
_SOURCED = re.compile(r"""(?:^|[\s;&|{])(?:source|\.)\s+["']?[^\s"';|&]*/_?awsenv\.(?P<shell>\w+)\b""")


def hook(environ: Environ, shell: str | None, program: str) -> Iterator[Finding]:
    """Look at the startup files of *shell*.

    Args:
        environ: The environment of the caller.
        shell: The shell that calls; None: the one that `AWSENV_SHELL` names, else the login shell.
        program: The absolute path of the awsenv that runs.

    Yields:
        What is found under `hook` and `prompt`; nothing is worse than a warning, since awsenv works without a hook.
    """
    name = shell or environ.get("AWSENV_SHELL") or environ.get("SHELL", "").rpartition("/")[2]
    first = shutil.which("awsenv", path=environ.get("PATH", ""))
    if first is not None and os.access(program, os.F_OK) and not _is_same(first, program):
        yield _another_program(first, program)
    if not name:
        yield Finding("hook", Verdict.UNKNOWN, "not looked at: nothing tells which shell this is")
        return
    known = shells.named(name)
    if known is None or not known.has_hook:
        yield Finding("hook", Verdict.FINE, f'there is none for {printable(name)}: eval "$(awsenv ROLE)" does without')
        return
    name = known.name
    read = startup(environ, name)
    for unread in read.unread:
        yield Finding("hook", Verdict.UNKNOWN, f"{unread.file} could not be read: {unread.why}", unread.file)
    there = [line for line in read.lines if _loaded(line) is not None]
    right = [line for line in there if _loaded(line) in {name, ""}]
    if right:
        problems = [*_problems(read, name, right), *_not_found(right, first)]
        yield from problems or [Finding("hook", Verdict.FINE, f"{right[-1].file} loads it", right[-1].place)]
    elif there:
        yield _of_another_shell(there[-1], name)
    elif environ.get("AWSENV_SHELL") == name:
        yield Finding("hook", Verdict.FINE, f"it is loaded, and not by {read.main}")
    elif not read.unread:
        yield _missing(read.main, name)
    yield from _prompt(environ, name, read, is_hooked=bool(right))


def _loaded(line: Line) -> str | None:
    """Return the shell whose hook the line loads; "": one that it finds out itself; None: it loads none."""
    found = _INIT.search(line.text) or _SOURCED.search(line.text)
    if found is None:
        return None
    shell = found["shell"] or ""
    return shell if any(shell == each.name for each in shells.hooked()) else ""


def _problems(read: Startup, shell: str, right: Sequence[Line]) -> Iterator[Finding]:
    last = right[-1] if shell == "fish" else right[0]
    if shell == "bash":
        yield from _login(read, right)
    same = [line for line in right if shell == "fish" or line.file == last.file]
    if len(same) > 1:
        places = listed([line.place for line in same])
        yield Finding(
            "hook", Verdict.WARNING, f"it is loaded {len(same)} times: {places}", same[0].place, "keep the last"
        )
    # fish finds out who owns the prompt when it draws one, and reads conf.d first whatever stands in it.
    after = [] if shell == "fish" else [line for line in loads(read, shell) if line.file == last.file]
    later = [line for line in after if line.number > same[-1].number]
    if later:
        owner = framework([later[-1]], shell)
        name = "a prompt" if owner is None else owner.name
        yield Finding(
            "hook",
            Verdict.WARNING,
            f"it is loaded before {name} ({later[-1].place}), which sets the prompt up anew",
            same[-1].place,
            f"move it to the end of {last.file}",
        )


def _login(read: Startup, right: Sequence[Line]) -> Iterator[Finding]:
    """Say where bash's login shells, those of macOS's terminals above all, and its others differ."""
    in_main = any(line.file == read.main for line in right)
    profile = next((file for file in read.files if file != read.main), None)
    if not in_main:
        yield Finding(
            "hook",
            Verdict.WARNING,
            f"only login shells read {right[0].file}",
            right[0].place,
            f"move the line to the end of {read.main}, and have {right[0].file} read that: . {read.main}",
        )
    elif profile is not None and all(unread.file != profile for unread in read.unread):
        of_login = [line for line in read.lines if line.file == profile]
        if not any("bashrc" in line.text for line in of_login) and all(line.file == read.main for line in right):
            yield Finding(
                "hook",
                Verdict.WARNING,
                f"login shells do not load it: they read {profile}, and not {read.main}",
                profile,
                f"add to {profile}: . {read.main}",
            )


def _not_found(right: Sequence[Line], first: str | None) -> Iterator[Finding]:
    bare = [line for line in right if (found := _INIT.search(line.text)) and found["before"] != "/"]
    if bare and first is None:
        yield Finding(
            "hook",
            Verdict.WARNING,
            "awsenv is not on PATH, where this line looks for it",
            bare[-1].place,
            "pipx ensurepath, or uv tool update-shell; or write the whole path of awsenv there",
        )


def _missing(file: str, shell: str) -> Finding:
    return Finding(
        "hook",
        Verdict.WARNING,
        f"{file} does not load it, so that awsenv ROLE cannot change the shell",
        file,
        f"add as the last line of {file}, unless a file that it reads has it: {shells.find(shell).load}",
    )


def _of_another_shell(line: Line, shell: str) -> Finding:
    return Finding(
        "hook",
        Verdict.WARNING,
        f"the hook that is loaded is that of {_loaded(line)}, and this is {shell}",
        line.place,
        f"write {shells.find(shell).load}",
    )


def _is_same(first: str, program: str) -> bool:
    return os.path.realpath(first) == os.path.realpath(program)


def _another_program(first: str, program: str) -> Finding:
    return Finding(
        "hook",
        Verdict.WARNING,
        f"the first awsenv on PATH is {printable(first)}, and the one that runs is {printable(program)}",
        "PATH",
        "uninstall one of them, or start a new shell if this one has the hook of the other",
    )


def _prompt(environ: Environ, shell: str, read: Startup, *, is_hooked: bool) -> Iterator[Finding]:
    owner = framework(read.lines, shell, read.files, environ)
    if owner is not None:
        shows = owner.shows
        if owner.name == "powerlevel10k":
            shows = powerlevel10k_shows(environ, read)
        yield Finding("prompt", Verdict.FINE, f"{owner.name} {shows}")
    elif environ.get("AWSENV_DISABLE_PROMPT"):
        yield Finding("prompt", Verdict.FINE, "AWSENV_DISABLE_PROMPT is set: it is left alone", "AWSENV_DISABLE_PROMPT")
    elif is_hooked:
        yield Finding("prompt", Verdict.FINE, "the hook shows the role and its time left")
