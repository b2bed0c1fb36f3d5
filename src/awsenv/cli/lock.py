"""`awsenv lock`: let the agent forget what it holds."""

from __future__ import annotations

from awsenv.cli import conversation
from awsenv.cli.logout import forget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsenv.cli.action import Print
    from awsenv.cli.arguments import LockArguments
    from awsenv.cli.options import Caller


def run(caller: Caller, _: LockArguments) -> Print:
    """Let the agent forget the MFA session and the roles; it goes on.

    Raises:
        AgentError: It does not answer.
    """
    return forget(caller, conversation.LOCK, "Locked: the agent holds nothing.")
