"""`awsenv renew`: put fresh keys of the active role into the shell, without a code. The hook calls it at a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv import environment, variables
from awsenv.cli.action import Caller, Print
from awsenv.cli.evaluated import shell_of
from awsenv.errors import AgentError

if TYPE_CHECKING:
    from awsenv.cli.action import Lease


def renew(caller: Caller, *, shell: str | None, to_terminal: bool) -> Print:
    """Return what renews the keys of the calling shell's role, options and all, as it was first asked for.

    Raises:
        AgentError: There is no role, its keys are not those in the shell, or the agent does not hold it.
        AwsenvError: AWS did not give it again.
    """
    spelling = shell_of(caller, shell, "renew", to_terminal=to_terminal)
    renewal = caller.environ.get(variables.RENEW)
    active = environment.active(caller.environ)
    if renewal is None or active is None:
        raise AgentError("no role of the agent is active in this shell", hint="awsenv login, then awsenv ROLE")
    if not active.has_its_keys or active.is_served:
        raise AgentError(
            "the keys in this shell are not those of the role: they were set after it",
            hint=f"awsenv {active.role} puts the role on again",
        )
    got: Lease = caller.keeper.renew(renewal)
    return Print(spelling.render(environment.renewal(got.credentials, caller.environ, got.renewal)))
