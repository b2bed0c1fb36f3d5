"""`awsenv logout` and `awsenv lock`: end the agent, or let it forget what it holds."""

from __future__ import annotations

from awsenv.agent import client, runtime_directory
from awsenv.cli import conversation
from awsenv.cli.action import Caller, Print
from awsenv.errors import AgentError


def logout(caller: Caller) -> Print:
    """Let the agent forget everything, and end it.

    Raises:
        AgentError: It does not answer.
    """
    return _told(caller, b"end", "Logged out: the agent has ended.")


def lock(caller: Caller) -> Print:
    """Let the agent forget the session and the roles; it goes on.

    Raises:
        AgentError: It does not answer.
    """
    return _told(caller, conversation.LOCK, "Locked: the agent holds nothing.")


def _told(caller: Caller, verb: bytes, done: str) -> Print:
    try:
        client.ask(caller.environ, verb, [])
    except client.NoAgent:
        folder = runtime_directory.expected(caller.environ)
        return Print("", ("no agent runs" if folder is None else f"no agent runs in {folder}",))
    except client.Dead as dead:
        return Print("", (str(dead),))
    except client.Trouble as trouble:
        raise AgentError(str(trouble), hint="end its process: kill") from None
    return Print(done + "\n")
