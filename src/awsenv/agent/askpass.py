"""Asks for a yes by the program of SSH_ASKPASS, as ssh-agent does for `ssh-add -c` (ssh(1), ssh-add(1))."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLES = (
    "SSH_ASKPASS",
    "SSH_ASKPASS_REQUIRE",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "XDG_CURRENT_DESKTOP",
    "DBUS_SESSION_BUS_ADDRESS",
    "HOME",
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_MESSAGES",
)
"""The variables that `login` sends to the agent. The program gets no others."""

TICK = 0.2
"""Seconds between two looks at whether the question is still open."""


def chosen(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the program; empty: there is none, or it has nowhere to ask.

    As for ssh(1), it takes a display, unless SSH_ASKPASS_REQUIRE is `prefer` or `force`; `never` keeps it away.
    """
    found = {name: environ[name] for name in VARIABLES if environ.get(name)}
    required = found.get("SSH_ASKPASS_REQUIRE")
    has_display = "DISPLAY" in found or "WAYLAND_DISPLAY" in found
    if "SSH_ASKPASS" not in found or required == "never" or not (has_display or required in {"prefer", "force"}):
        return {}
    from shutil import which  # noqa: PLC0415 - few name a program

    program = which(found["SSH_ASKPASS"], path=found.get("PATH"))
    # The agent has another folder than the user had.
    if program is None or not program.startswith("/"):
        return {}
    return found | {"SSH_ASKPASS": program, "SSH_ASKPASS_PROMPT": "confirm"}


_NO_TAGS = str.maketrans("<>&", "()+")
"""Some programs show text as HTML if it looks like that (Qt's `mightBeRichText`), and others read markup."""


def ask(text: str, environ: Mapping[str, str], goes_on: Callable[[], bool]) -> bool:
    """Return whether the user confirms *text*. The program is ended once *goes_on* returns False; that is a no.

    Args:
        text: The question.
        environ: As `chosen` returns it.
        goes_on: Whether there is still time.
    """
    import subprocess  # noqa: PLC0415 - as above

    try:
        program = subprocess.Popen(
            [environ["SSH_ASKPASS"], text.translate(_NO_TAGS)],
            env=dict(environ),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    with program:
        while goes_on():
            with suppress(subprocess.TimeoutExpired):
                return program.wait(TICK) == 0
        # With what it has started: it may be a script.
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
    return False
