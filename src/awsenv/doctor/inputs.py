"""What the doctor looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from awsenv.model import Environ, RoleRequest


@dataclass(frozen=True, slots=True)
class FromAgent:
    """What the agent says when it is asked for the role."""

    given: bool
    until: datetime | None = None
    """When what it gives ends."""
    said: str | None = None
    """What it says besides, or in place of a role."""
    failed: bool = False
    """Whether it has asked AWS, or the source, and was refused."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the doctor looks at, as values."""

    environ: Environ = field(repr=False)
    """The environment of the caller, as it is."""
    program: str
    """The absolute path of `awsenv`."""
    now: Callable[[], float]
    """Seconds since the epoch, UTC."""
    folder: str | None = None
    """The working directory; None: that of this process."""
    shell: str | None = None
    """The shell that calls; None: not known."""
    request: RoleRequest | None = None
    """The role that is looked at; None: none, the machine alone."""
    iam_profile: str | None = None
    """A profile that may read IAM."""
    ask_agent: Callable[[], FromAgent] | None = field(default=None, repr=False)
    """Asks the agent for the role; None: no agent runs."""
