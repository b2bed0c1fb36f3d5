"""The rules that an agent applies before and after it hands out a role."""

from __future__ import annotations

from awsenv.errors import AwsenvError
from awsenv.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol, TypeVar

    from awsenv.agent.peer import Peer
    from awsenv.agent.plan import Lease, Plan
    from awsenv.agent.seals import Seals
    from awsenv.model import Waits

    class Rule(Protocol):
        """Decides whether an agent hands out a role, or notes that it did. Several threads call it at once."""

        def check(self, peer: Peer, plan: Plan, waits: Waits) -> None:
            """Check that a process may have the role of *plan*, whether or not it is held.

            Raises:
                AwsenvError: It may not.
            """

        def granted(self, peer: Peer, plan: Plan, lease: Lease) -> None:
            """Note that a process gets the role."""

        def refused(self, peer: Peer, plan: Plan, error: AwsenvError) -> None:
            """Note that it does not get the role, and why."""

    Granted = TypeVar("Granted", Lease, Lease | None)


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules, for one request."""

    peer: Peer
    """The process that asks."""
    waits: Waits
    """Shows what it waits for."""
    rules: tuple[Rule, ...]
    seals: Seals
    """They come before the rules: a sealed process gets one role, and sees no other."""
    confirms: bool = False
    """Whether one of them asks before a role that must be confirmed is handed out."""

    def hand_out(self, plan: Plan, fetch: Callable[[], Granted]) -> Granted:
        """Return what *fetch* returns, if every rule lets the process have the role of *plan*.

        Raises:
            AwsenvError: A rule refuses, or *fetch* fails.
        """
        try:
            self.seals.check(self.peer, plan)
            for rule in self.rules:
                rule.check(self.peer, plan, self.waits)
            lease = fetch()
        except AwsenvError as error:
            self.refuse(plan, error)
            raise
        if lease is not None:
            for rule in self.rules:
                rule.granted(self.peer, plan, lease)
        return lease

    def refuse(self, plan: Plan, error: AwsenvError) -> None:
        """Let every rule note that the process does not get the role of *plan*."""
        for rule in self.rules:
            rule.refused(self.peer, plan, error)
