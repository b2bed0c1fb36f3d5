"""`awsenv renew`: put fresh keys of the active role into the shell, without a code. The hook calls it at a prompt."""

from __future__ import annotations

from awsenv import changes, config, variables
from awsenv.cli.use import printed, shell_of, success
from awsenv.errors import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.cli.action import Print
    from awsenv.cli.arguments import RenewArguments
    from awsenv.cli.options import Caller

TIMEOUT = 2.0
"""Seconds that a prompt waits for AWS."""


def run(caller: Caller, arguments: RenewArguments) -> Print:
    """Return the change that puts fresh keys of its role, with the same options, into the calling shell.

    Raises:
        AgentError: There is no role, its keys are not those in the shell, or the agent does not hold it.
        AwsenvError: AWS refused, or could not be reached.
    """
    lease_id = caller.environ.get(variables.RENEW)
    active = changes.active(caller.environ)
    if lease_id is None and active is not None and active.is_final:
        raise AgentError(
            f"{active.role} is not renewed",
            because=f"it was narrowed to a fixed time: {active.narrowed}",
            hint=f"awsenv {active.role}, with what narrows it or without",
        )
    if lease_id is None or active is None:
        base = caller.original
        raise config.nothing(config.read(base, caller.folder), base) or AgentError(
            "no role of the agent is active in this shell", hint="awsenv login, then awsenv ROLE"
        )
    if not active.has_its_keys or active.is_served:
        raise AgentError(
            "the keys in this shell are not those of the role: they were set after it",
            hint=f"awsenv {active.role} puts the role on again",
        )
    shell = shell_of(caller, arguments, "renew")
    lease = caller.provider.renew(lease_id, timeout=TIMEOUT)
    change = changes.new_keys(lease.credentials, caller.environ, lease.id)
    return printed(caller, shell, change, success=success(caller, arguments, change))
