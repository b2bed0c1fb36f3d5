"""A role request that is resolved, and what an agent holds of its role."""

from __future__ import annotations

from awsenv.record import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.config import Profiles
    from awsenv.model import Chain, Environ


@dataclass(frozen=True, slots=True)
class Resolved:
    """A resolved role request: the chain, and what else its credentials depend on."""

    chain: Chain
    profiles: Profiles
    environ: Environ = field(repr=False)
    """The environment of the caller as it was before a role was active."""
    code: str | None = field(default=None, repr=False)
    """The MFA code of the command line."""
    min_remaining: int = 0
    """Seconds that the credentials must have left; in memory, those with less are renewed first."""
    without_session: bool = False
    """Whether an MFA session must not take part: AWS accepts only the key of the user."""
    question: str | None = "Use it?"
    """The yes-or-no question before a command gets a protected role; None: the user types the name of the role."""
    is_confirmed: bool = False
    """Whether the user has confirmed a protected role already."""
    program: str | None = None
    """The program that gets the credentials: no MFA code is used if it cannot be started. None: no program does."""


@dataclass(frozen=True, slots=True)
class Left:
    """What an agent holds of a role, and what it does with it."""

    role: float | None
    """Seconds that the role has left; None: it is not held."""
    session: float | None
    """Seconds that the MFA session of its source and device has left; None: it is not held."""
    chain: Chain
    """The chain that the role came by, if it is handed out; else the chain that it would come by now."""
    by_session: bool
    """Whether that chain begins with the MFA session."""
    is_handed_out: bool
    """Whether the agent hands the role out without calling AWS."""
    is_kept: bool
    """Whether the agent holds the role afterwards, and renews it."""
    from_wide: bool = False
    """Whether the agent holds the role in full, and narrows that."""
