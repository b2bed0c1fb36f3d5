"""What a command comes to. Commands return it; `main` carries it out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Environ


@dataclass(frozen=True, slots=True)
class Caller:
    """Who runs the command, as values."""

    environ: Environ = field(repr=False)
    program: str
    """The absolute path of `awsenv`, for a shell to call it again."""
    prints_to_terminal: bool
    prints_astray: Callable[[], bool] = bool
    """Whether what is printed goes to a file, or down a pipe that nobody who called reads."""
    now: Callable[[], float] = time.time
    """Seconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class Print:
    """Print *text* to stdout, at once and whole, and each note to stderr; then end well."""

    text: str = field(repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Become:
    """Print each note to stderr and become the command *argv*."""

    argv: tuple[str, ...] = field(repr=False)
    environ: Environ = field(repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """All is said and done: end with *status*."""

    status: int


Outcome = Print | Become | Finished
