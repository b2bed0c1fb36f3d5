"""A role that the agent holds, narrowed for a request that would otherwise take an MFA code."""

from __future__ import annotations

from awsenv.config.scoping import from_held
from awsenv.errors import AgentError, ConfigError
from awsenv.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.agent.memory import Memory
    from awsenv.agent.plan import Plan
    from awsenv.aws.connections import Connections
    from awsenv.model import Chain, Credentials, Waits
    from awsenv.resolved import Resolved


def narrowed_plan(
    memory: Memory, plan: Plan, wide: Plan, resolved: Resolved, *, waits: Waits, connections: Connections | None
) -> Plan:
    """Return how to get a narrowed role: from the role of *wide*, if *plan* takes a code and *memory* holds that role.

    The cache key stays that of *plan*: either way, the role may do the same. Once the agent holds an MFA session, the
    role comes by that.

    Args:
        memory: What the agent holds.
        plan: How to get the role without another one.
        wide: How to get the same role in full.
        resolved: The request.
        waits: Shows what the command waits for.
        connections: The connection pool.
    """
    least, profiles, environ = resolved.min_remaining, resolved.profiles, resolved.environ
    if plan.chain.mfa is None or memory.can_call(plan) or memory.held_lease(plan, min_remaining=least)[1]:
        return plan
    try:
        chain = from_held(plan.chain)
    except ConfigError:
        return plan  # sts:AssumeRole can: AWS's managed policy takes no room there, and knows more services
    if chain.scoped is None or not memory.held_lease(wide, min_remaining=least)[1]:
        return plan

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
