"""A job, which is a command with a role, and how it ends."""

from __future__ import annotations

import re
import time

from awsenv.record import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from awsenv.errors import AwsenvError
    from awsenv.model import Environ

FRESH = 60.0
"""Seconds for which what was prepared for a job is used without being prepared again."""

_PLACEHOLDER = re.compile(r"\{(profile|account|role|region)\}")


@dataclass(frozen=True, slots=True)
class Job:
    """A command that runs with a role."""

    profile: str
    """The role as the user named it: a profile, an ARN, ACCOUNT/ROLE."""
    account: str | None
    """The account of the role; None: AWS has not said yet."""
    role: str | None
    """Its name at AWS; None: the profile is a source of credentials."""
    region: str | None
    argv: tuple[str, ...] = field(repr=False)
    label: str = ""
    """What the user sees of it."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells the job from the others."""
        return self.profile, self.label


@dataclass(frozen=True, slots=True)
class Result:
    """How a job has ended."""

    job: Job
    status: int | None
    """The exit status; 128 and the number of the signal that ended it; None: the job has not run."""
    seconds: float = 0.0
    error: AwsenvError | None = None
    """Why the command could not be started."""
    is_stopped: bool = False
    """Whether it was ended, or not begun, because of a signal or of another job that failed."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A job that can be started."""

    job: Job
    environ: Environ = field(repr=False)
    at: float = field(default_factory=time.monotonic)


def placeholders(words: Sequence[str]) -> set[str]:
    """Return the placeholders in the words of a command: `profile`, `account`, `role`, `region`."""
    return {name for word in words for name in _PLACEHOLDER.findall(word)}


def filled(words: Sequence[str], values: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return the words of a command with the values of their placeholders. Other braces, and None, stay as they are."""
    return tuple(_PLACEHOLDER.sub(lambda found: values.get(found[1]) or found[0], word) for word in words)
