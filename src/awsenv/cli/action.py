"""What a command is given, and what it returns: an action, which `main` or the agent's client carries out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.errors import AwsenvError
    from awsenv.model import Environ
    from awsenv.provider import Provider


@dataclass(frozen=True, slots=True)
class Caller:
    """The process that runs the command, as values."""

    environ: Environ = field(repr=False)
    program: str
    """The absolute path of `awsenv`, for a shell to call it again."""
    provider: Provider
    ask_secret: Callable[[str], str]
    """Asks the user for a secret, without echo."""
    args: tuple[str, ...] = ()
    """The command line without the name of the program."""
    prints_to_terminal: bool = False
    prints_astray: Callable[[], bool] = bool
    """Whether the output goes to a file, or to a pipe that no caller reads."""
    folder: str | None = None
    """The working directory; None: that of this process."""
    pid: int | None = None
    """The process that was called; None: this one."""
    agent_was_started: bool = False
    """Whether the agent that runs the command was started for it."""
    now: Callable[[], float] = time.time
    """Seconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class Print:
    """Print *text* to stdout, at once and whole, and each note to stderr; then end with *status*."""

    text: str = field(repr=False)
    notes: tuple[str | AwsenvError, ...] = ()
    status: int = 0


@dataclass(frozen=True, slots=True)
class Exec:
    """Become the command *argv*."""

    argv: tuple[str, ...] = field(repr=False)
    environ: Environ = field(repr=False)


@dataclass(frozen=True, slots=True)
class Open:
    """Open a page, whose URL is a secret, in the user's browser."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StartAgent:
    """Start an agent, and let it run the same command line."""

    lifetime: float
    """Seconds."""
    idle: float | None = None
    """Seconds without a request after which it ends; None: it serves this process alone, and ends with it."""


@dataclass(frozen=True, slots=True)
class Exit:
    """End with *status*: everything is done."""

    status: int


Action = Print | Exec | Open | StartAgent | Exit
