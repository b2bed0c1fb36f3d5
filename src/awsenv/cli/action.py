"""What a command is given, and what it comes to. Commands return an outcome; `main` carries it out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from awsenv.config import Profiles
    from awsenv.model import Chain, Credentials, Environ

Say = Callable[[Iterable[str]], None]
"""Tells the person some notes, before anything else is asked of them or told to them."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A role that a command wants, with all that it takes to get it."""

    chain: Chain
    profiles: Profiles
    environ: Environ = field(repr=False)
    """The environment of the caller as it was before a role was put on."""
    code: str | None = field(default=None, repr=False)
    min_remaining: int = 0
    """Seconds that the credentials must have left; those in memory with less are renewed first."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The credentials of a role."""

    chain: Chain
    """The way on which they were had."""
    credentials: Credentials
    renewal: str | None = None
    """What the agent knows them by; None: it does not hold them."""


class Address(NamedTuple):
    """The container credentials endpoint, for one command."""

    url: str
    token: str
    account: str | None
    """Of the role."""

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"Address({self.url!r}, …)"


class Provider(Protocol):
    """Who gets a role: awsenv itself, or the agent out of its memory. All raise `AwsenvError`."""

    def obtain(self, wanted: Resolved) -> Lease:
        """Return the credentials of a role."""

    def renew(self, renewal: str) -> Lease:
        """Return the credentials of a role that the agent holds, renewed where they are about to end."""

    def endpoint(self, wanted: Resolved) -> Address:
        """Return an endpoint that serves the credentials of a role, renewed, while the caller's process lives."""

    def held(self) -> tuple[tuple[str, str], ...]:
        """Return what the agent holds, as rows for `status`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who runs the command, as values."""

    environ: Environ = field(repr=False)
    program: str
    """The absolute path of `awsenv`, for a shell to call it again."""
    keeper: Provider
    prints_to_terminal: bool = False
    prints_astray: Callable[[], bool] = bool
    """Whether what is printed goes to a file, or down a pipe that nobody who called reads."""
    folder: str | None = None
    """The working directory; None: that of this process."""
    pid: int | None = None
    """The process that was called; None: this one."""
    now: Callable[[], float] = time.time
    """Seconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class Print:
    """Print *text* to stdout, at once and whole, and each note to stderr; then end with *status*."""

    text: str = field(repr=False)
    notes: tuple[str, ...] = ()
    status: int = 0


@dataclass(frozen=True, slots=True)
class Exec:
    """Exec the command *argv*."""

    argv: tuple[str, ...] = field(repr=False)
    environ: Environ = field(repr=False)


@dataclass(frozen=True, slots=True)
class Open:
    """Open a page, a secret, in the person's browser."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Exit:
    """All is said and done: end with *status*."""

    status: int


Action = Print | Exec | Open | Exit
