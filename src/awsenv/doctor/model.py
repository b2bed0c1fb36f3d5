"""What the doctor looks at, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, unique
from functools import partial
from typing import TYPE_CHECKING

from awsenv.errors import TYPED
from awsenv.model import RoleRequest, unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from awsenv.errors import AwsenvError, Origin
    from awsenv.model import Environ, Waits


@unique
class Verdict(Enum):
    """How bad a finding is."""

    FINE = "fine"
    WARNING = "warning"
    """It works here and now, but may fail elsewhere or later."""
    WRONG = "wrong"
    """It does not work."""
    UNKNOWN = "unknown"
    """It could not be checked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    """What the check looks at, in a word or two: `files`, `MFA device`."""
    verdict: Verdict
    fact: str
    """One sentence without a full stop."""
    origins: tuple[Origin, ...] = ()
    hints: tuple[str, ...] = ()
    """At most two next steps. Each warning, and everything that is wrong, has one."""
    because: str | None = None
    """The established cause, if it is not part of the fact."""


def _finding(verdict: Verdict, check: str, fact: str, *hints: str, origins: Iterable[Origin | None] = ()) -> Finding:
    return Finding(check, verdict, fact, tuple(each for each in origins if each is not None and each != TYPED), hints)


fine = partial(_finding, Verdict.FINE)
"""Make a finding from a check, a fact, hints and origins. None and the command line are left out of the origins."""
warning = partial(_finding, Verdict.WARNING)
wrong = partial(_finding, Verdict.WRONG)
unknown = partial(_finding, Verdict.UNKNOWN)


def of_error(check: str, error: AwsenvError, verdict: Verdict = Verdict.WRONG) -> Finding:
    """Return *error* as a finding."""
    return Finding(check, verdict, error.fact, error.origins, error.hints, error.because)


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
    """The calling shell; None: not known."""
    request: RoleRequest = field(default=RoleRequest(""))
    """What to check; without a role: only the machine."""
    faults: tuple[Finding, ...] = ()
    """What is wrong with the variables of awsenv. *environ* and *request* are without these."""
    iam_profile: str | None = None
    """A profile that may read IAM."""
    ask_agent: Callable[[], Finding | None] = field(default=lambda: None, repr=False)
    """Asks the agent for the role, without a code; returns None if no agent runs."""
    waits: Waits = unseen
    """Shows what the doctor waits for."""
