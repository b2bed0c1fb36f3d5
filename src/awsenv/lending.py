"""A role that the agent holds, narrowed for a request that would otherwise take an MFA code."""

from __future__ import annotations

from awsenv.config.scoping import from_held
from awsenv.errors import AgentError
from awsenv.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from awsenv.agent.memory import Memory
    from awsenv.agent.plan import Plan
    from awsenv.aws.connections import Connections
    from awsenv.config import Profiles
    from awsenv.model import Chain, Credentials, Environ, Waits

    class Asked(Protocol):
        """The request, as `provider.Resolved` has it."""

        @property
        def profiles(self) -> Profiles:
            """The profiles of the two files."""

        @property
        def environ(self) -> Environ:
            """The original environment of the caller."""

        @property
        def min_remaining(self) -> int:
            """Seconds that the credentials must have left."""

    class Calling(Protocol):
        """How AWS is called, as `provider.Provider` has it."""

        @property
        def waits(self) -> Waits:
            """Shows what the command waits for."""

        @property
        def connections(self) -> Connections | None:
            """The connection pool."""


def narrowed_plan(memory: Memory, plan: Plan, wide: Plan, asked: Asked, calling: Calling) -> Plan:
    """Return how to get a narrowed role: from the role of *wide*, if *plan* takes a code, and *memory* holds that role.

    Its cache key stays: whichever way it comes, the role may do what was asked for and no more. Once an MFA session is
    held, it comes by that.
    """
    least, profiles, environ = asked.min_remaining, asked.profiles, asked.environ
    if plan.chain.mfa is None or memory.can_call(plan) or memory.held_lease(plan, min_remaining=least)[1]:
        return plan
    chain = from_held(plan.chain)
    if chain.scoped is None or not memory.held_lease(wide, min_remaining=least)[1]:
        return plan
    waits, connections = calling.waits, calling.connections

    # It outlives the request.
    def fetch(by: Chain, session: Credentials | None) -> Credentials:
        if session is not None:
            return plan.fetch(by, session)
        lease, _ = memory.held_lease(wide)
        if lease is None:
            raise AgentError(f"the agent no longer holds {wide.title}, which was narrowed", hint="awsenv login")
        from awsenv.aws.chain import narrowed  # noqa: PLC0415 - `list`, `status` and `off` do not call AWS

        return narrowed(by, lease.credentials, profiles, environ, waits=waits, connections=connections)

    return replace(plan, chain=chain, fetch=fetch, needs_caller=False, is_from_wide=True)
