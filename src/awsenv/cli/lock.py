"""`awsenv lock`: let the agent forget what it holds."""

from __future__ import annotations

from dataclasses import dataclass

from awsenv.cli import conversation
from awsenv.cli.action import Print
from awsenv.cli.logout import forget
from awsenv.cli.options import Caller


@dataclass(frozen=True)
class Arguments:
    """The agent keeps running. The next role asks for a code again."""


def run(caller: Caller, _: Arguments) -> Print:
    """Let the agent forget the MFA session and the roles; it goes on.

    Raises:
        AgentError: It does not answer.
    """
    return forget(caller, conversation.LOCK, "Locked: the agent holds nothing.")
