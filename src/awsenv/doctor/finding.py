"""What a check comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from awsenv.errors import AwsenvError


@unique
class Verdict(Enum):
    """How bad it is."""

    FINE = "fine"
    WARNING = "warning"
    """It works here and now, and will not somewhere else or later."""
    WRONG = "wrong"
    """With this it does not work."""
    UNKNOWN = "unknown"
    """It could not be looked at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found."""

    check: str
    """What was looked at, in a word or two: `files`, `MFA device`."""
    verdict: Verdict
    fact: str
    """What is so, as one sentence without a full stop."""
    place: str | None = None
    hint: str | None = None
    """The next step. Every warning, and everything that is wrong, has one."""


def wrong(check: str, error: AwsenvError) -> Finding:
    """Return the finding that *error* is."""
    return Finding(check, Verdict.WRONG, error.fact, error.where or None, error.hint)
