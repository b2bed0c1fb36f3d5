"""`awsenv renew`: put fresh keys of the active role into the shell, without a code. The hook calls it at a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awsenv import environment
from awsenv.cli.evaluated import shell_of
from awsenv.cli.outcome import Caller, Print
from awsenv.errors import AgentError

if TYPE_CHECKING:
    from awsenv.cli.outcome import Obtained


def renew(caller: Caller, *, shell: str | None, to_terminal: bool) -> Print:
    """Return what renews the role of the calling shell, options and all, as it was first asked for.

    Raises:
        AgentError: There is no role, or the agent does not hold it.
        AwsenvError: AWS did not give it again.
    """
    spelling = shell_of(caller, shell, "renew", to_terminal=to_terminal)
    renewal = caller.environ.get(environment.RENEW)
    if renewal is None or environment.active(caller.environ) is None:
        raise AgentError("no role of the agent is active in this shell", hint="awsenv login, then awsenv ROLE")
    got: Obtained = caller.keeper.renew(renewal)
    return Print(spelling.render(environment.change(got.chain, got.credentials, caller.environ, got.renewal)))
