"""How a role is got from AWS, and how it is handed out."""

from __future__ import annotations

from awsenv.record import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from awsenv.model import Chain, Credentials


@dataclass(frozen=True, slots=True)
class Plan:
    """How to get a role from AWS."""

    key: str
    """Equal for two plans that request the same of AWS. Holds no secret."""
    chain: Chain = field(repr=False)
    """As it was resolved."""
    fetch: Callable[[Chain, Credentials | None], Credentials] = field(repr=False)
    """Asks AWS by a chain, in a thread of its own, with the MFA session that the chain begins with, if it does."""
    through: Chain | None = field(default=None, repr=False)
    """The chain to use while an MFA session is held; None: the role must not come by a session."""
    session_key: str = ""
    """Of that MFA session."""
    needs_caller: bool = False
    """Whether the role, without a session, takes an MFA code or a command that the caller runs."""
    is_from_wide: bool = False
    """Whether the agent holds the role in full, and narrows that."""
    connecting: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)
    """The variables that decide how AWS is called. Only plans with the same share a call, and its error names them."""

    @property
    def title(self) -> str:
        """What the user knows the role by."""
        return self.chain.title

    def by(self, *, session: bool) -> Chain:
        """Return the chain that the role comes by, with or without an MFA session."""
        return self.through if session and self.through is not None else self.chain


@dataclass(frozen=True, slots=True)
class Lease:
    """A role as it is handed out."""

    id: str
    """By which a client asks for it again: random, and the same for a plan's key while that is held. No secret. Empty:
    it is not held."""
    chain: Chain
    """The chain that its credentials came by."""
    credentials: Credentials
