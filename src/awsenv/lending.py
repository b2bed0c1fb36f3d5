"""A role that the agent holds, narrowed for a request that would otherwise take an MFA code."""

from __future__ import annotations

from awsenv import config
from awsenv.config.scoping import from_held
from awsenv.errors import AgentError
from awsenv.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from awsenv.agent.memory import Memory, Plan
    from awsenv.model import Chain, Credentials, Environ


def from_wide(
    memory: Memory, plan: Plan, wide: Plan, profiles: config.Profiles, environ: Environ, **connecting: Any
) -> Plan | None:
    """Return how to narrow the role of *wide* that *memory* holds; None: it would not narrow what it holds.

    Args:
        memory: What the agent holds.
        plan: How the narrowed role is got otherwise. It counts again once an MFA session is held.
        wide: The plan of the role without the narrowing.
        profiles: The profiles of the two files.
        environ: The original environment of the caller.
        connecting: How AWS is called, for `aws.chain.narrowed`.
    """
    chain = from_held(plan.chain)
    if chain.scoped is None:
        return None

    def fetch(by: Chain, session: Credentials | None) -> Credentials:
        if session is not None:
            return plan.fetch(by, session)
        lease, _ = memory.held_lease(wide)
        if lease is None:
            raise AgentError(f"the agent no longer holds {wide.title}, which was narrowed", hint="awsenv login")
        from awsenv.aws.chain import narrowed  # noqa: PLC0415 - `list`, `status` and `off` do not call AWS

        return narrowed(by, lease.credentials, profiles, environ, **connecting)

    return replace(plan, key=config.role_key(chain, profiles, environ), chain=chain, fetch=fetch, needs_caller=False)
