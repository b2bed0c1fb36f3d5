"""`awsenv logout`: end the agent and the MFA session that it holds."""

from __future__ import annotations

from dataclasses import dataclass

from awsenv.agent import client
from awsenv.cli.action import Print
from awsenv.cli.options import Caller
from awsenv.errors import AgentError


@dataclass(frozen=True)
class Arguments:
    """Roles in your shells stay active until they expire; awsenv off leaves them."""


def run(caller: Caller, _: Arguments) -> Print:
    """Let the agent forget everything, and end it.

    Raises:
        AgentError: It does not answer.
    """
    return forget(caller, client.END, "Logged out: the agent has ended.")


def forget(caller: Caller, verb: bytes, done: str) -> Print:
    """Send *verb* to the agent, if there is one, and return the message *done*.

    Raises:
        AgentError: It does not answer.
    """
    try:
        client.ask(caller.environ, verb, [])
    except client.OtherVersion:
        # Every version knows how to end, and forgets everything by that.
        return forget(caller, client.END, "Locked: the agent, which was of another version of awsenv, has ended.")
    except (client.NoAgent, client.Dead) as none:
        return Print(notes=[none])
    except client.Trouble as trouble:
        raise AgentError(trouble.fact, hint="end its process: kill") from None
    return Print(done + "\n")
